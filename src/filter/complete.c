/* For whoever types: what the words are, and what could come next. */
#include "internal.h"

#include <ctype.h>

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

static bool is_op_word(struct span s)
{
    for (unsigned i = 0; i < OP_COUNT; i++) {
        if (span_is(s, op_infos[i].word))
            return true;
    }
    return span_is(s, "oneof") || span_is(s, "anyof") || span_is(s, "allof");
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

/* Walks the words up to `end` and tells what is expected there. */
static enum place walk(const char *s, size_t n, size_t end, struct word *last, struct span *field,
                       struct filter_token *out, size_t max, size_t *count)
{
    enum place place = PLACE_CHECK;
    size_t at = 0, list_depth = 0;
    struct word w;

    memset(last, 0, sizeof(*last));
    while (next_word(s, MIN_OF(n, end), &at, place == PLACE_VALUE, &w)) {
        char c = s[w.start];

        if (out && *count < max)
            out[*count] = (struct filter_token){(uint32_t)w.start, (uint32_t)w.len, w.kind};
        (*count)++;
        *last = w;
        if (at >= end && !strchr("(),", c))
            return place; /* the word under the cursor is what is being typed */
        if (place == PLACE_VALUE && c == '(')
            list_depth++;
        else if (place == PLACE_VALUE && c == ')')
            place = --list_depth ? PLACE_VALUE : PLACE_CONNECTIVE;
        else if (place == PLACE_VALUE && list_depth == 0)
            place = PLACE_CONNECTIVE;
        else if (w.kind == TOKEN_KEYWORD || (c == '(' && place == PLACE_CHECK))
            place = PLACE_CHECK;
        else if (w.kind == TOKEN_OPERATOR)
            place = span_is((struct span){s + w.start, w.len}, "exists") ? PLACE_CONNECTIVE
                                                                         : PLACE_VALUE;
        else if (w.kind == TOKEN_FIELD || w.kind == TOKEN_OTHER)
            place = place == PLACE_CHECK && c != ')' ? PLACE_OPERATOR : PLACE_CONNECTIVE;
        if (w.is_field)
            *field = (struct span){s + w.start, w.len};
        list_depth = place == PLACE_VALUE ? list_depth : 0;
    }
    memset(last, 0, sizeof(*last));
    last->start = end;
    return place;
}

size_t filter_tokens(const char *text, size_t n, const struct field_catalogue *c,
                     struct filter_token *out, size_t max)
{
    struct span field = {NULL, 0};
    struct word last;
    size_t count = 0;

    UNUSED(c);
    walk(text, n, n + 1, &last, &field, out, max, &count);
    return count;
}

/* ---- candidates ------------------------------------------------------------------------------ */

struct collector {
    struct arena *arena;
    VEC(struct filter_candidate) found;
    struct span prefix;
};

static void offer(struct collector *c, const char *text, const char *type, const char *desc,
                  unsigned rank)
{
    struct filter_candidate cand = {text, type, desc, rank};

    if (c->prefix.n > strlen(text) || strncmp(text, c->prefix.p, c->prefix.n) != 0)
        return;
    vec_push(&c->found, cand);
}

static void offer_fields(struct collector *c, const struct field_catalogue *cat,
                         bool (*applies)(void *ctx, const struct field_def *def), void *ctx)
{
    static const char *const functions[] = {"tolower(", "toupper(", "len(",    "basename(",
                                            "b64(",     "join(",    "concat(", "getopt("};

    for (size_t i = 0; i < field_catalogue_count(cat); i++) {
        const struct field_def *d = field_catalogue_at(cat, i);
        const char *type = value_type_info(d->type)->word;

        if ((d->flags & FIELD_HIDDEN) && c->prefix.n < strlen(d->name))
            continue;
        offer(c, d->arg_required ? arena_printf(c->arena, "%s[", d->name) : d->name,
              d->list ? arena_printf(c->arena, "list of %s", type) : type, d->desc,
              !applies || applies(ctx, d) ? (d->builtin < 0 ? 0 : 1) : 3);
    }
    for (size_t i = 0; c->prefix.n && i < COUNT_OF(functions); i++)
        offer(c, functions[i], "function", "a function of fields", 2);
    if (c->prefix.n)
        offer(c, "not ", "word", "the opposite of the check behind it", 2);
}

static void offer_operators(struct collector *c, const struct field_catalogue *cat,
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

size_t filter_complete(const char *text, size_t n, size_t cursor, const struct field_catalogue *cat,
                       bool (*applies)(void *ctx, const struct field_def *def), void *ctx,
                       struct arena *arena, struct filter_candidate **out, size_t *start)
{
    struct collector c = {.arena = arena};
    struct span field = {NULL, 0};
    struct word last;
    size_t count = 0;
    enum place place = walk(text, n, cursor, &last, &field, NULL, 0, &count);

    *start = MIN_OF(last.start, cursor);
    c.prefix = (struct span){text + *start, cursor - *start};
    switch (place) {
    case PLACE_CHECK:
        offer_fields(&c, cat, applies, ctx);
        break;
    case PLACE_OPERATOR:
        offer_operators(&c, cat, field);
        break;
    case PLACE_CONNECTIVE:
        offer(&c, "and ", "word", "both must hold", 0);
        offer(&c, "or ", "word", "one of them is enough", 1);
        break;
    default:
        if (field.n && memmem(field.p, field.n, "evt.type", 8) == field.p) {
            size_t names;
            const char *const *all = event_names(&names);

            for (size_t i = 0; i < names; i++)
                offer(&c, all[i], "event", "", 0);
        }
    }
    if (c.found.n)
        qsort(c.found.v, c.found.n, sizeof(*c.found.v), by_rank);
    *out = arena_alloc(arena, sizeof(**out) * (c.found.n + 1));
    if (c.found.n)
        memcpy(*out, c.found.v, sizeof(**out) * c.found.n);
    count = c.found.n;
    vec_free(&c.found);
    return count;
}
