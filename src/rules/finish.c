/* Conditions as they are compiled: with the exceptions, then with lists in place of their names
 * (rules-language, §3 and §4). */
#include "internal.h"

/* ---- exceptions ------------------------------------------------------------------------------------ */

static const char *scalar(const json_t *v)
{
    return json_is_null(v) ? "" : json_string_value(v);
}

static bool list_operator(const char *op)
{
    return str_eq(op, "in") || str_eq(op, "pmatch") || str_eq(op, "intersects") ||
           str_ends(op, " oneof") || str_ends(op, " anyof") || str_ends(op, " allof");
}

/* Other scalars have quotes only when they hold a blank and have none yet. */
static void add_scalar(struct buf *b, const char *s)
{
    bool quotes = strchr(s, ' ') && *s != '"' && *s != '\'';

    buf_addf(b, quotes ? "\"%s\"" : "%s", s);
}

static void add_value(struct buf *b, const json_t *v, const char *op)
{
    const json_t *item;
    size_t i;

    if (!json_is_array(v)) {
        if (list_operator(op))
            buf_addc(b, '(');
        add_scalar(b, scalar(v) ? scalar(v) : "");
        if (list_operator(op))
            buf_addc(b, ')');
        return;
    }
    buf_addc(b, '(');
    json_array_foreach(v, i, item) {
        if (i)
            buf_adds(b, ", ");
        add_scalar(b, scalar(item) ? scalar(item) : "");
    }
    buf_addc(b, ')');
}

static const char *comp_at(const struct rule_exception *x, size_t i, const char *otherwise)
{
    const char *op =
        json_string_value(json_is_array(x->comps) ? json_array_get(x->comps, i) : x->comps);

    return op ? op : otherwise;
}

/* "((f1 op v1 and f2 op v2) or (…))" */
static void add_tuples(struct buf *b, const struct rule_exception *x)
{
    const json_t *tuple, *value;
    size_t i, k;

    buf_addc(b, '(');
    json_array_foreach(x->values, i, tuple) {
        buf_adds(b, i ? " or (" : "(");
        json_array_foreach(tuple, k, value) {
            const char *op = comp_at(x, k, "="), *field = scalar(json_array_get(x->fields, k));

            buf_addf(b, "%s%s %s ", k ? " and " : "", field ? field : "", op);
            add_value(b, value, op);
        }
        buf_addc(b, ')');
    }
    buf_addc(b, ')');
}

static void add_exception(struct buf *b, const struct rule_exception *x)
{
    if (json_array_size(x->values) == 0)
        return;
    buf_adds(b, " and not ");
    if (json_is_array(x->fields)) {
        add_tuples(b, x);
        return;
    }
    buf_addf(b, "(%s %s ", json_string_value(x->fields), comp_at(x, 0, "in"));
    add_value(b, x->values, "in");
    buf_addc(b, ')');
}

char *rules_with_exceptions(const struct rule *rule)
{
    struct buf b;
    bool any = false;

    for (size_t i = 0; i < rule->exceptions.n; i++)
        any |= json_array_size(rule->exceptions.v[i].values) > 0;
    if (!any)
        return xstrdup(rule->condition);
    buf_init(&b, SIZE_MAX);
    buf_addf(&b, "(%s)", rule->condition);
    for (size_t i = 0; i < rule->exceptions.n; i++)
        add_exception(&b, &rule->exceptions.v[i]);
    return buf_steal(&b);
}

static void check_exceptions(struct rules *r, const struct rule *rule)
{
    for (size_t i = 0; i < rule->exceptions.n; i++) {
        const struct rule_exception *x = &rule->exceptions.v[i];
        size_t n = json_array_size(x->fields), k;
        const json_t *tuple;

        if (!json_is_array(x->fields)) {
            if (!json_is_string(x->fields) || json_is_array(x->comps) ||
                !list_operator(comp_at(x, 0, "in")))
                rules_add_message(r, true, "LOAD_ERR_YAML_VALIDATE", rule->file, rule->line,
                                  "rule %s: exception %s: one field takes one comparison: in, "
                                  "pmatch or intersects",
                                  rule->name, x->name);
            continue;
        }
        if (x->comps && json_array_size(x->comps) != n)
            rules_add_message(r, true, "LOAD_ERR_YAML_VALIDATE", rule->file, rule->line,
                              "rule %s: exception %s: as many comps as fields are needed",
                              rule->name, x->name);
        json_array_foreach(x->values, k, tuple) {
            if (!json_is_array(tuple) || json_array_size(tuple) != n)
                rules_add_message(r, true, "LOAD_ERR_YAML_VALIDATE", rule->file, rule->line,
                                  "rule %s: exception %s: value %zu has not as many parts as there "
                                  "are fields",
                                  rule->name, x->name, k + 1);
        }
    }
}

/* ---- lists ------------------------------------------------------------------------------------------ */

static bool delimits(char c)
{
    return c == '\0' || strchr(" \t\r\n(),=", c);
}

static void add_list(struct buf *b, const struct rule_list *l)
{
    for (size_t i = 0; i < l->items.n; i++) {
        const char *s = l->items.v[i];
        bool quotes = (strchr(s, ' ') && *s != '"' && *s != '\'') || !*s;

        buf_addf(b, quotes ? "%s\"%s\"" : "%s%s", i ? ", " : "", s);
    }
}

/* An empty list takes a comma beside it along, the one before it first. */
static size_t without_comma(struct buf *b, const char *text, size_t at)
{
    size_t back = b->len;

    while (back && b->data[back - 1] == ' ')
        back--;
    if (back && b->data[back - 1] == ',') {
        b->len = back - 1;
        b->data[b->len] = '\0';
        return at;
    }
    while (text[at] == ' ')
        at++;
    return text[at] == ',' ? at + 1 : at;
}

/* Wherever a list's name stands by itself: in texts with quotes, too. */
static char *substitute(const struct rules *r, const char *text)
{
    struct buf b;
    char name[256];
    size_t i = 0;

    buf_init(&b, SIZE_MAX);
    while (text[i]) {
        size_t n = 0;
        struct rule_list *l = NULL;

        if (delimits(text[i])) {
            buf_addc(&b, text[i++]);
            continue;
        }
        while (!delimits(text[i + n]))
            n++;
        if (n < sizeof(name)) {
            snprintf(name, sizeof(name), "%.*s", (int)n, text + i);
            l = rules_list(r, name);
        }
        if (!l) {
            buf_add(&b, text + i, n);
            i += n;
            continue;
        }
        l->used = true;
        i += n;
        if (l->items.n == 0)
            i = without_comma(&b, text, i);
        else
            add_list(&b, l);
    }
    return buf_steal(&b);
}

void rules_finish(struct rules *r)
{
    for (size_t i = 0; i < r->macros.n; i++) {
        char *text = substitute(r, r->macros.v[i].condition);

        free(r->macros.v[i].condition);
        r->macros.v[i].condition = text;
    }
    for (size_t i = 0; i < r->rules.n; i++) {
        struct rule *rule = r->rules.v[i];
        char *whole;

        check_exceptions(r, rule);
        whole = rules_with_exceptions(rule);
        free(rule->effective);
        rule->effective = substitute(r, whole);
        free(whole);
    }
}

/* ---- what can't be meant ------------------------------------------------------------------------------ */

void rules_lint(struct rules *r)
{
    for (size_t i = 0; i < r->macros.n; i++) {
        const struct rule_macro *m = &r->macros.v[i];

        if (!m->used)
            rules_add_message(r, false, "LOAD_UNUSED_MACRO", m->file, m->line,
                              "macro %s: no rule uses it", m->name);
    }
    for (size_t i = 0; i < r->lists.n; i++) {
        if (!r->lists.v[i].used)
            rules_add_message(r, false, "LOAD_UNUSED_LIST", NULL, 0, "list %s: nothing uses it",
                              r->lists.v[i].name);
    }
}
