/* For whoever types: what the words are, and what could come next. */
#include "internal.h"

#include <ctype.h>
#include <limits.h>

enum place { PLACE_CHECK, PLACE_OPERATOR, PLACE_VALUE, PLACE_CONNECTIVE };

struct word {
    size_t start, len;
    enum filter_token_kind kind;
    bool is_field; /* known or not: it has the form of one */
};

static bool name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static bool is_modifier(struct span s)
{
    return span_is(s, "oneof") || span_is(s, "anyof") || span_is(s, "allof");
}

static bool is_op_word(struct span s)
{
    for (unsigned i = 0; i < OP_COUNT; i++) {
        if (span_is(s, op_infos[i].word))
            return true;
    }
    return is_modifier(s);
}

static size_t quoted_len(const char *p, size_t n)
{
    size_t i = 1;

    while (i < n && !(p[i] == p[0] && p[i - 1] != '\\'))
        i++;
    return i < n ? i + 1 : n;
}

static size_t arg_len(const char *p, size_t n)
{
    const char *close = n && p[0] == '[' ? memchr(p, ']', n) : NULL;

    return close ? (size_t)(close - p) + 1 : n && p[0] == '[' ? n : 0;
}

static enum filter_token_kind kind_of_name(struct span name, bool value_expected, char next)
{
    if (value_expected)
        return TOKEN_CONSTANT;
    if (span_is(name, "and") || span_is(name, "or") || span_is(name, "not"))
        return TOKEN_KEYWORD;
    if (is_op_word(name))
        return TOKEN_OPERATOR;
    if (next == '(')
        return TOKEN_FUNCTION;
    return memchr(name.p, '.', name.n) ? TOKEN_FIELD : TOKEN_OTHER;
}

/* The next word at *at; false at the end. value_expected: behind an operator that takes a text. */
static bool next_word(const char *s, size_t n, size_t *at, bool value_expected, struct word *out)
{
    size_t i = *at;

    while (i < n && scan_is_blank(s[i]))
        i++;
    if (i >= n)
        return false;
    out->start = i;
    out->is_field = false;
    if (s[i] == '"' || s[i] == '\'') {
        out->len = quoted_len(s + i, n - i);
        out->kind = TOKEN_CONSTANT;
    } else if (strchr("=<>!", s[i])) {
        out->len = 1 + (i + 1 < n && s[i + 1] == '=');
        out->kind = TOKEN_OPERATOR;
    } else if (strchr("(),", s[i])) {
        out->len = 1;
        out->kind = TOKEN_OTHER;
    } else if (!value_expected && isalpha((unsigned char)s[i])) {
        while (i < n && name_byte(s[i]))
            i++;
        out->len = i - out->start;
        out->kind =
            kind_of_name((struct span){s + out->start, out->len}, false, i < n ? s[i] : '\0');
        out->is_field = out->kind == TOKEN_FIELD;
        if (out->is_field)
            out->len += arg_len(s + i, n - i);
    } else {
        while (i < n && !scan_is_blank(s[i]) && !strchr("()\"'=,", s[i]))
            i++;
        out->len = MAX_OF(i - out->start, (size_t)1);
        out->kind = TOKEN_CONSTANT;
    }
    *at = out->start + out->len;
    return true;
}

/* `oneof` and the like, where a list follows. */
static bool goes_before_list(const char *s, size_t n, const struct word *w)
{
    struct span word = {s + w->start, w->len};
    size_t at = w->start + w->len;

    while (at < n && scan_is_blank(s[at]))
        at++;
    return is_modifier(word) && at < n && s[at] == '(';
}

struct walked {
    struct word last;      /* what is being typed */
    struct span field, op; /* the last before it */
    size_t list_depth;
};

/* Walks the words up to `end` and tells what is expected there. */
static enum place walk(const char *s, size_t n, size_t end, struct walked *k,
                       struct filter_token *out, size_t max, size_t *count)
{
    enum place place = PLACE_CHECK;
    size_t at = 0, list_depth = 0;
    struct word w, *last = &k->last;

    memset(k, 0, sizeof(*k));
    while (next_word(s, MIN_OF(n, end), &at, place == PLACE_VALUE, &w)) {
        char c = s[w.start];

        if (out && *count < max)
            out[*count] = (struct filter_token){(uint32_t)w.start, (uint32_t)w.len, w.kind};
        (*count)++;
        *last = w;
        k->list_depth = list_depth;
        if (at >= end && !strchr("(),", c))
            return place; /* the word under the cursor is what is being typed */
        if (place == PLACE_VALUE && c == '(')
            list_depth++;
        else if (place == PLACE_VALUE && c == ')')
            place = --list_depth ? PLACE_VALUE : PLACE_CONNECTIVE;
        else if (place == PLACE_VALUE && (list_depth || goes_before_list(s, n, &w)))
            continue; /* another value, or the first */
        else if (place == PLACE_VALUE)
            place = PLACE_CONNECTIVE;
        else if (w.kind == TOKEN_KEYWORD || (c == '(' && place == PLACE_CHECK))
            place = PLACE_CHECK;
        else if (w.kind == TOKEN_OPERATOR)
            place = span_is((struct span){s + w.start, w.len}, "exists") ? PLACE_CONNECTIVE
                                                                         : PLACE_VALUE;
        else if (w.kind == TOKEN_FIELD || w.kind == TOKEN_OTHER)
            place = place == PLACE_CHECK && c != ')' ? PLACE_OPERATOR : PLACE_CONNECTIVE;
        if (w.is_field)
            k->field = (struct span){s + w.start, w.len};
        if (w.kind == TOKEN_OPERATOR)
            k->op = (struct span){s + w.start, w.len};
        list_depth = place == PLACE_VALUE ? list_depth : 0;
    }
    k->list_depth = list_depth;
    memset(last, 0, sizeof(*last));
    last->start = end;
    return place;
}

size_t filter_tokens(const char *text, size_t n, const struct field_catalogue *c,
                     struct filter_token *out, size_t max)
{
    struct walked k;
    size_t count = 0;

    UNUSED(c);
    walk(text, n, n + 1, &k, out, max, &count);
    return count;
}

/* ---- candidates ------------------------------------------------------------------------------ */

struct filter_offers {
    struct arena *arena;
    VEC(struct filter_candidate) found;
    struct span prefix;
    bool list_opens; /* the values must stand in ( ), which is not there yet */
};

static void offer(struct filter_offers *c, const char *text, const char *type, const char *desc,
                  unsigned rank)
{
    struct filter_candidate cand = {text, type, desc, rank};

    if (c->prefix.n > strlen(text) || strncmp(text, c->prefix.p, c->prefix.n) != 0)
        return;
    vec_push(&c->found, cand);
}

void filter_offer(struct filter_offers *to, struct span text, const char *type, const char *desc,
                  unsigned rank)
{
    offer(to, arena_strndup(to->arena, text.p, text.n), type,
          arena_strndup(to->arena, desc, strlen(desc)), rank);
}

void filter_offer_value(struct filter_offers *to, struct span value, const char *desc,
                        unsigned rank)
{
    bool quoted = to->prefix.n && (*to->prefix.p == '"' || *to->prefix.p == '\'');
    struct buf b;

    buf_init(&b, 65536);
    if (to->list_opens)
        buf_addc(&b, '(');
    filter_quote(value, &b);
    if (quoted && *b.data != '"' && *b.data != '\'') {
        buf_reset(&b);
        buf_addf(&b, "%c%.*s%c", *to->prefix.p, (int)value.n, value.p, *to->prefix.p);
    }
    filter_offer(to, (struct span){buf_str(&b), b.len}, "value", desc, rank);
    buf_fini(&b);
}

static void offer_fields(struct filter_offers *c, const struct field_catalogue *cat,
                         const struct filter_hints *h)
{
    static const char *const functions[] = {"tolower(", "toupper(", "len(",    "basename(",
                                            "b64(",     "join(",    "concat(", "getopt("};

    for (size_t i = 0; i < field_catalogue_count(cat); i++) {
        const struct field_def *d = field_catalogue_at(cat, i);
        const char *type = value_type_info(d->type)->word;

        if ((d->flags & FIELD_HIDDEN) && c->prefix.n < strlen(d->name))
            continue;
        bool applies = !h || !h->applies || h->applies(h->ctx, d);

        offer(c, d->arg_required ? arena_printf(c->arena, "%s[", d->name) : d->name,
              d->list ? arena_printf(c->arena, "list of %s", type) : type,
              applies ? d->desc : arena_printf(c->arena, "(not here in Falco) %s", d->desc),
              applies ? (d->builtin < 0 ? 0 : 1) : 3);
    }
    for (size_t i = 0; c->prefix.n && i < COUNT_OF(functions); i++)
        offer(c, functions[i], "function", "a function of fields", 2);
    if (c->prefix.n)
        offer(c, "not ", "word", "the opposite of the check behind it", 2);
}

static void offer_operators(struct filter_offers *c, const struct field_catalogue *cat,
                            struct span field)
{
    const char *bracket = field.n ? memchr(field.p, '[', field.n) : NULL;
    struct span suffix, name = {field.p, bracket ? (size_t)(bracket - field.p) : field.n};
    const struct field_def *d = field_find(cat, name, &suffix);
    enum value_class vclass = d ? value_type_info(d->type)->vclass : VC_TEXT;

    for (unsigned i = 0; i < OP_COUNT; i++) {
        bool list_op = i == OP_IN || i == OP_INTERSECTS || i == OP_EXISTS;

        if (d && d->list ? list_op : op_infos[i].classes >> vclass & 1)
            offer(c, op_infos[i].word, "operator", op_infos[i].desc, i == OP_EQ ? 0 : 1);
    }
}

static int by_rank(const void *a, const void *b)
{
    const struct filter_candidate *x = a, *y = b;

    return x->rank != y->rank ? (x->rank < y->rank ? -1 : 1) : strcmp(x->text, y->text);
}

static void ask_others(struct filter_offers *c, const struct filter_hints *h,
                       enum filter_place place, struct span field)
{
    if (h && h->more)
        h->more(h->ctx, place, field, c);
}

/* The name of an event in place of evt.type's values: those that are seen come first. */
static void offer_values(struct filter_offers *c, const struct field_catalogue *cat,
                         const struct filter_hints *h, const struct walked *k)
{
    const struct field_def *d = field_find(cat, k->field, &(struct span){0});

    c->list_opens = k->list_depth == 0 && (span_is(k->op, "in") || span_is(k->op, "intersects") ||
                                           span_is(k->op, "pmatch"));
    ask_others(c, h, FILTER_PLACE_VALUE, k->field);
    if (d && value_type_info(d->type)->vclass == VC_BOOL) {
        filter_offer_value(c, span_of("true"), "", UINT_MAX);
        filter_offer_value(c, span_of("false"), "", UINT_MAX);
    }
    if (span_is(k->field, "evt.type")) {
        size_t n;
        const char *const *all = event_names(&n);

        for (size_t i = 0; i < n; i++)
            filter_offer_value(c, span_of(all[i]), "event", UINT_MAX);
    }
}

/* Of candidates that read alike, the better. */
static size_t without_doubles(struct filter_candidate *c, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool seen = false;

        for (size_t k = 0; k < kept && c[i].rank == UINT_MAX && !seen; k++)
            seen = c[k].rank != UINT_MAX && str_eq(c[k].text, c[i].text);
        if (!seen)
            c[kept++] = c[i];
    }
    return kept;
}

size_t filter_complete(const char *text, size_t n, size_t cursor, const struct field_catalogue *cat,
                       const struct filter_hints *hints, struct arena *arena,
                       struct filter_candidate **out, size_t *start)
{
    struct filter_offers c = {.arena = arena};
    struct walked k;
    size_t count = 0;
    enum place place = walk(text, n, cursor, &k, NULL, 0, &count);
    const char *bracket;

    *start = MIN_OF(k.last.start, cursor);
    c.prefix = (struct span){text + *start, cursor - *start};
    bracket = c.prefix.n ? memchr(c.prefix.p, '[', c.prefix.n) : NULL;
    switch (place) {
    case PLACE_CHECK:
        if (bracket) {
            ask_others(&c, hints, FILTER_PLACE_ARGUMENT,
                       (struct span){c.prefix.p, (size_t)(bracket - c.prefix.p)});
            break;
        }
        offer_fields(&c, cat, hints);
        ask_others(&c, hints, FILTER_PLACE_CHECK, (struct span){NULL, 0});
        break;
    case PLACE_OPERATOR:
        offer_operators(&c, cat, k.field);
        break;
    case PLACE_CONNECTIVE:
        offer(&c, "and ", "word", "both must hold", 0);
        offer(&c, "or ", "word", "one of them is enough", 1);
        break;
    default:
        offer_values(&c, cat, hints, &k);
    }
    if (c.found.n)
        qsort(c.found.v, c.found.n, sizeof(*c.found.v), by_rank);
    count = without_doubles(c.found.v, c.found.n);
    *out = arena_alloc(arena, sizeof(**out) * (count + 1));
    if (count)
        memcpy(*out, c.found.v, sizeof(**out) * count);
    vec_free(&c.found);
    return count;
}
