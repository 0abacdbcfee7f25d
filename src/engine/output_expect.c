/* What rules and filters must match, and must not: event by event, as a person has written it down. */
#include "internal.h"

struct wish {
    uint64_t number;
    bool must, seen, holds;
};

struct expected {
    json_t *name;               /* {rule} or {filter}, for the answer */
    const struct rule *rule;    /* NULL: a filter */
    const struct filter *rules; /* the rule's; the set owns it */
    struct filter *own;
    char *error;             /* it can't be asked; NULL: it can */
    VEC(struct wish) wishes; /* by number */
};

struct output_expect {
    struct output_rules *rules;
    VEC(struct expected) cases;
    struct event_reader reader;
};

/* ---- loading ------------------------------------------------------------------------------------- */

static void find_rule(struct output_expect *x, struct expected *c, const char *name)
{
    c->rule = output_rules_named(x->rules, name, &c->rules);
    if (!c->rule)
        c->error = xstrdup("there is no rule of this name");
    else if (!c->rules)
        c->error = xstrdup("the rule can't be used");
}

static void compile(struct engine *e, struct output_expect *x, struct expected *c, const char *text)
{
    struct filter_options options = {0};
    struct syntax_error err;

    rules_name(output_rules_set(x->rules), &options);
    pthread_mutex_lock(&e->cat_lock);
    c->own = filter_compile(text, strlen(text), e->catalogue, &options, &err);
    pthread_mutex_unlock(&e->cat_lock);
    if (!c->own)
        c->error = xasprintf("line %u, column %u: %s", err.line, err.column, err.text);
}

static int by_number(const void *a, const void *b)
{
    const struct wish *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

static void add_wishes(struct expected *c, const json_t *list, bool must)
{
    const json_t *item;
    uint64_t n;
    size_t i;

    json_array_foreach(list, i, item) {
        const char *text = json_string_value(item);

        if (text && parse_u64(span_of(text), &n))
            vec_push(&c->wishes, ((struct wish){.number = n, .must = must}));
    }
}

struct output_expect *output_expect_new(struct engine *e, const json_t *params,
                                        struct output_rules *rules)
{
    struct output_expect *x = xcalloc(1, sizeof(*x));
    const json_t *item;
    size_t i;

    x->rules = rules;
    reader_init(&x->reader, e);
    json_array_foreach(json_object_get(params, "expect"), i, item) {
        const char *rule = rpc_get_str(item, "rule"), *filter = rpc_get_str(item, "filter");
        struct expected *c = vec_more(&x->cases);

        c->name = rule ? json_pack("{ss}", "rule", rule) : json_pack("{ss}", "filter", filter);
        if (rule)
            find_rule(x, c, rule);
        else
            compile(e, x, c, filter ? filter : "");
        add_wishes(c, json_object_get(item, "must"), true);
        add_wishes(c, json_object_get(item, "must_not"), false);
        if (c->wishes.n)
            qsort(c->wishes.v, c->wishes.n, sizeof(*c->wishes.v), by_number);
    }
    return x;
}

void output_expect_free(struct output_expect *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < x->cases.n; i++) {
        json_decref(x->cases.v[i].name);
        filter_free(x->cases.v[i].own);
        free(x->cases.v[i].error);
        vec_free(&x->cases.v[i].wishes);
    }
    vec_free(&x->cases);
    reader_fini(&x->reader);
    free(x);
}

/* ---- events ---------------------------------------------------------------------------------------- */

static struct wish *wish_of(const struct expected *c, uint64_t number)
{
    struct wish key = {.number = number};

    return c->error || !c->wishes.n
               ? NULL
               : bsearch(&key, c->wishes.v, c->wishes.n, sizeof(key), by_number);
}

bool output_expect_wants(const struct output_expect *x, uint64_t number)
{
    for (size_t i = 0; i < x->cases.n; i++) {
        if (wish_of(&x->cases.v[i], number))
            return true;
    }
    return false;
}

void output_expect_event(struct engine *e, struct output_expect *x, const void *bytes,
                         uint64_t number)
{
    for (size_t i = 0; i < x->cases.n; i++) {
        struct expected *c = &x->cases.v[i];
        const struct filter *f = c->own ? c->own : c->rules;
        struct wish *w = wish_of(c, number);

        if (!w || w->seen) /* what has no number of its own comes behind the event that has it */
            continue;
        w->seen = true;
        reader_passing(&x->reader, filter_refs(f), bytes, number, e->last_ts);
        w->holds =
            filter_match(f, &x->reader.base) &&
            (!c->rule || (x->reader.fe.source && str_eq(x->reader.fe.source, c->rule->source)));
    }
}

static json_t *numbers(const struct expected *c, bool must, bool seen, bool holds)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->wishes.n && !c->error; i++) {
        const struct wish *w = &c->wishes.v[i];

        if (w->seen == seen && (!seen || (w->must == must && w->holds == holds)))
            json_array_append_new(list, rpc_u64(w->number));
    }
    return list;
}

json_t *output_expect_json(const struct output_expect *x)
{
    json_t *list = json_array();

    for (size_t i = 0; i < x->cases.n; i++) {
        const struct expected *c = &x->cases.v[i];
        json_t *o =
            json_pack("{so so so so so}", "caught", numbers(c, true, true, true), "missed",
                      numbers(c, true, true, false), "false", numbers(c, false, true, true), "left",
                      numbers(c, false, true, false), "absent", numbers(c, false, false, false));

        json_object_update(o, c->name);
        if (c->error)
            json_object_set_new(o, "error", rpc_str(c->error));
        json_array_append_new(list, o);
    }
    return list;
}
