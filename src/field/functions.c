/* Functions over fields (§11), with the recommended results where the reference has anomalies
 * (§16). */
#include "internal.h"

#include <ctype.h>

static bool is_text(const struct expr *e)
{
    return value_type_info(e->type)->vclass == VC_TEXT;
}

static bool is_bytes(const struct expr *e)
{
    return value_type_info(e->type)->vclass == VC_BYTES;
}

static bool wrong_type(struct expr *e, struct expr *arg, struct syntax_error *err,
                       const char *takes)
{
    syntax_error_set(err, arg->index, arg->len, "C19", "%.*s( ) takes %s, this is %s%s",
                     (int)e->name.n, e->name.p, takes, arg->list ? "a list of " : "",
                     value_type_info(arg->type)->word);
    return false;
}

static bool wrong_args(struct expr *e, struct expr *arg, struct syntax_error *err,
                       const char *takes)
{
    syntax_error_set(err, arg->index, arg->len, "C21", "%.*s( ) takes %s", (int)e->name.n,
                     e->name.p, takes);
    return false;
}

static bool check_text(struct expr *e, struct syntax_error *err)
{
    struct expr *a = e->args[0];

    if (!is_text(a))
        return wrong_type(e, a, err, "text");
    e->type = a->type;
    e->list = a->list;
    return true;
}

static bool check_b64(struct expr *e, struct syntax_error *err)
{
    struct expr *a = e->args[0];

    if (!is_text(a) && !is_bytes(a))
        return wrong_type(e, a, err, "text or bytes");
    e->type = a->type;
    e->list = a->list;
    return true;
}

static bool check_len(struct expr *e, struct syntax_error *err)
{
    struct expr *a = e->args[0];

    if (!a->list && !is_text(a) && !is_bytes(a))
        return wrong_type(e, a, err, "text, bytes or a list");
    e->type = VT_UINT64;
    e->list = false;
    return true;
}

static bool check_join(struct expr *e, struct syntax_error *err)
{
    if (!is_text(e->args[0]) || e->args[0]->list)
        return wrong_args(e, e->args[0], err, "a separator and a list");
    if (!e->args[1]->list)
        return wrong_args(e, e->args[1], err, "a separator and a list: ( ) makes one");
    e->type = VT_CHARBUF;
    e->list = false;
    return true;
}

static bool check_concat(struct expr *e, struct syntax_error *err)
{
    for (size_t i = 0; i < e->nargs; i++) {
        if (!is_text(e->args[i]) || e->args[i]->list)
            return wrong_args(e, e->args[i], err, "single texts");
    }
    e->type = VT_CHARBUF;
    e->list = false;
    return true;
}

static bool check_getopt(struct expr *e, struct syntax_error *err)
{
    if (!is_text(e->args[0]) || !e->args[0]->list)
        return wrong_args(e, e->args[0], err, "a list of words and the options' letters");
    if (!is_text(e->args[1]) || e->args[1]->list)
        return wrong_args(e, e->args[1], err, "a list of words and the options' letters");
    if (e->arg_present && e->arg.n != 1) {
        syntax_error_set(err, e->index, e->len, "C22",
                         "getopt( )[ ] takes the letter of one option");
        return false;
    }
    e->type = VT_CHARBUF;
    e->list = !e->arg_present;
    return true;
}

/* ---- evaluation ------------------------------------------------------------------------------ */

static struct span elem_copy(struct field_reader *r, enum value_type type, const union elem *e)
{
    struct buf text;
    struct span s;

    if (value_type_info(type)->vclass == VC_TEXT || value_type_info(type)->vclass == VC_BYTES)
        return e->s;
    buf_init(&text, 0);
    value_elem_text(type, e, &text);
    s = (struct span){arena_strndup(r->arena, buf_str(&text), text.len), text.len};
    buf_fini(&text);
    return s;
}

/* Applies one function to every element; false means missing. */
static void map_elems(const struct expr *e, struct field_reader *r, struct value *out,
                      bool (*one)(struct field_reader *r, struct span in, struct span *out))
{
    union elem *many;

    expr_eval(e->args[0], r, out);
    if (out->state != VALUE_OK)
        return;
    out->span = 0;
    if (!out->list) {
        if (!one(r, out->one.s, &out->one.s))
            out->state = VALUE_NONE;
        return;
    }
    many = arena_alloc(r->arena, sizeof(*many) * out->n);
    for (uint32_t i = 0; i < out->n; i++) {
        if (!one(r, out->many[i].s, &many[i].s)) {
            out->state = VALUE_NONE;
            return;
        }
    }
    out->many = many;
}

static bool lower_one(struct field_reader *r, struct span in, struct span *out)
{
    char *s = arena_strndup(r->arena, in.p, in.n);

    for (size_t i = 0; i < in.n; i++)
        s[i] = in.p[i] >= 'A' && in.p[i] <= 'Z' ? (char)(in.p[i] + 32) : in.p[i];
    *out = (struct span){s, in.n};
    return true;
}

static bool upper_one(struct field_reader *r, struct span in, struct span *out)
{
    char *s = arena_strndup(r->arena, in.p, in.n);

    for (size_t i = 0; i < in.n; i++)
        s[i] = in.p[i] >= 'a' && in.p[i] <= 'z' ? (char)(in.p[i] - 32) : in.p[i];
    *out = (struct span){s, in.n};
    return true;
}

static bool basename_one(struct field_reader *r, struct span in, struct span *out)
{
    const char *slash = in.n ? memrchr(in.p, '/', in.n) : NULL;

    UNUSED(r);
    *out = slash ? (struct span){slash + 1, in.n - (size_t)(slash + 1 - in.p)} : in;
    return true;
}

static bool b64_one(struct field_reader *r, struct span in, struct span *out)
{
    struct buf b;
    bool ok;

    buf_init(&b, 0);
    ok = base64_decode(&b, in);
    if (ok)
        *out = (struct span){arena_strndup(r->arena, buf_str(&b), b.len), b.len};
    buf_fini(&b);
    return ok;
}

static void eval_lower(const struct expr *e, struct field_reader *r, struct value *out)
{
    map_elems(e, r, out, lower_one);
}

static void eval_upper(const struct expr *e, struct field_reader *r, struct value *out)
{
    map_elems(e, r, out, upper_one);
}

static void eval_basename(const struct expr *e, struct field_reader *r, struct value *out)
{
    map_elems(e, r, out, basename_one);
}

static void eval_b64(const struct expr *e, struct field_reader *r, struct value *out)
{
    map_elems(e, r, out, b64_one);
}

static void set_text(struct field_reader *r, struct value *out, struct span s)
{
    *out = (struct value){.state = VALUE_OK, .type = VT_CHARBUF, .n = 1};
    out->one.s = (struct span){arena_strndup(r->arena, s.p, s.n), s.n};
}

static void eval_len(const struct expr *e, struct field_reader *r, struct value *out)
{
    struct value v;

    expr_eval(e->args[0], r, &v);
    if (v.state != VALUE_OK) {
        *out = v;
        return;
    }
    *out = (struct value){.state = VALUE_OK, .type = VT_UINT64, .n = 1};
    if (v.list)
        out->one.u = v.n;
    else if (value_type_info(v.type)->vclass == VC_TEXT)
        out->one.u = v.one.s.n ? strnlen(v.one.s.p, v.one.s.n) : 0;
    else
        out->one.u = v.one.s.n;
}

static void eval_join(const struct expr *e, struct field_reader *r, struct value *out)
{
    struct value separator, list;
    struct buf b;

    expr_eval(e->args[0], r, &separator);
    expr_eval(e->args[1], r, &list);
    if (separator.state != VALUE_OK || list.state != VALUE_OK) {
        *out = separator.state != VALUE_OK ? separator : list;
        return;
    }
    buf_init(&b, 0);
    for (uint32_t i = 0; i < list.n; i++) {
        struct span s = elem_copy(r, list.type, &list.many[i]);

        if (i)
            buf_add(&b, separator.one.s.p, separator.one.s.n);
        buf_add(&b, s.p, s.n);
    }
    set_text(r, out, (struct span){buf_str(&b), b.len});
    buf_fini(&b);
}

static void eval_concat(const struct expr *e, struct field_reader *r, struct value *out)
{
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < e->nargs; i++) {
        expr_eval(e->args[i], r, out);
        if (out->state != VALUE_OK)
            break;
        buf_add(&b, out->one.s.p, out->one.s.n);
    }
    if (out->state == VALUE_OK)
        set_text(r, out, (struct span){buf_str(&b), b.len});
    buf_fini(&b);
}

/* ---- getopt ---------------------------------------------------------------------------------- */

enum option_kind { OPTION_UNKNOWN, OPTION_FLAG, OPTION_VALUED };

struct options {
    struct span spec;
    struct field_reader *r;
    VEC(union elem) found; /* letters and values in turn */
    char wanted;           /* selector, 0: list form */
    bool has;
    struct span last;
};

static enum option_kind option_kind(struct span spec, char c)
{
    for (size_t i = spec.n && spec.p[0] == ':' ? 1 : 0; i < spec.n; i++) {
        if (spec.p[i] == c && c != ':')
            return i + 1 < spec.n && spec.p[i + 1] == ':' ? OPTION_VALUED : OPTION_FLAG;
    }
    return OPTION_UNKNOWN;
}

static void push_found(struct options *o, struct span s)
{
    union elem e = {.s = s};

    vec_push(&o->found, e);
}

static struct span letter_of(struct options *o, char c)
{
    return (struct span){arena_strndup(o->r->arena, &c, 1), 1};
}

static void flag_found(struct options *o, char c)
{
    push_found(o, letter_of(o, c));
    if (c == o->wanted) {
        o->has = true;
        o->last = letter_of(o, c);
    }
}

static void value_found(struct options *o, char c, const struct span *value)
{
    if (value)
        push_found(o, letter_of(o, c));
    push_found(o, value ? *value : (struct span){"", 0});
    if (c == o->wanted) {
        o->has = true;
        o->last = value ? *value : (struct span){"", 0};
    }
}

/* One word "-abc"; true when it took the next word as a value. */
static bool take_cluster(struct options *o, struct span word, const struct span *next)
{
    for (size_t k = 1; k < word.n; k++) {
        char c = word.p[k];
        struct span rest = {word.p + k + 1, word.n - k - 1};

        switch (option_kind(o->spec, c)) {
        case OPTION_UNKNOWN:
            push_found(o, (struct span){"?", 1});
            break;
        case OPTION_FLAG:
            flag_found(o, c);
            break;
        case OPTION_VALUED:
            value_found(o, c, rest.n ? &rest : next);
            return !rest.n && next;
        }
    }
    return false;
}

static void walk_words(struct options *o, const struct value *words)
{
    for (uint32_t i = 0; i < words->n; i++) {
        struct span w = words->many[i].s;

        if (w.n > 2 && w.p[0] == '-' && w.p[1] == '-')
            continue;
        if (w.n < 2 || w.p[0] != '-' || span_is(w, "--"))
            return;
        if (take_cluster(o, w, i + 1 < words->n ? &words->many[i + 1].s : NULL))
            i++;
    }
}

static void eval_getopt(const struct expr *e, struct field_reader *r, struct value *out)
{
    struct options o = {.r = r, .wanted = e->arg_present ? e->arg.p[0] : '\0'};
    struct value words, spec;

    expr_eval(e->args[0], r, &words);
    expr_eval(e->args[1], r, &spec);
    if (words.state != VALUE_OK || spec.state != VALUE_OK) {
        *out = words.state != VALUE_OK ? words : spec;
        return;
    }
    o.spec = spec.one.s;
    walk_words(&o, &words);
    *out = (struct value){.type = VT_CHARBUF, .list = !e->arg_present};
    if (e->arg_present) {
        out->state = o.has ? VALUE_OK : VALUE_NONE;
        out->one.s = o.last;
        out->n = o.has;
    } else {
        out->state = VALUE_OK;
        out->n = (uint32_t)o.found.n;
        out->many = arena_alloc(r->arena, sizeof(*out->many) * (o.found.n + 1));
        if (o.found.n)
            memcpy(out->many, o.found.v, sizeof(*out->many) * o.found.n);
    }
    vec_free(&o.found);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define MANY 64

static const struct function functions[] = {
    {"tolower", 1, 1, false, check_text, eval_lower},
    {"toupper", 1, 1, false, check_text, eval_upper},
    {"b64", 1, 1, false, check_b64, eval_b64},
    {"basename", 1, 1, false, check_text, eval_basename},
    {"len", 1, 1, false, check_len, eval_len},
    {"join", 2, 2, false, check_join, eval_join},
    {"concat", 2, MANY, false, check_concat, eval_concat},
    {"getopt", 2, 2, true, check_getopt, eval_getopt},
};

size_t function_name_len(const struct function *f)
{
    return strlen(f->name);
}

const struct function *function_find(const char *s, size_t n)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        size_t len = strlen(functions[i].name);

        if (n > len && memcmp(s, functions[i].name, len) == 0 && s[len] == '(')
            return &functions[i];
    }
    return NULL;
}

/* ---- evaluation of any expression ------------------------------------------------------------ */

/* Items side by side; list fields are flattened; a missing item makes the whole missing. */
static void eval_list(const struct expr *e, struct field_reader *r, struct value *out)
{
    VEC(union elem) all = {0};
    struct value v = {.state = VALUE_OK};

    for (size_t i = 0; i < e->nargs && v.state == VALUE_OK; i++) {
        expr_eval(e->args[i], r, &v);
        for (uint32_t k = 0; v.state == VALUE_OK && k < v.n; k++) {
            union elem item = {.s = elem_copy(r, v.type, value_elem(&v, k))};

            vec_push(&all, item);
        }
    }
    if (v.state == VALUE_OK) {
        v = (struct value){
            .state = VALUE_OK, .type = VT_CHARBUF, .list = true, .n = (uint32_t)all.n};
        v.many = arena_alloc(r->arena, sizeof(*v.many) * (all.n + 1));
        if (all.n)
            memcpy(v.many, all.v, sizeof(*v.many) * all.n);
    }
    vec_free(&all);
    *out = v;
}

void expr_eval(const struct expr *e, struct field_reader *r, struct value *out)
{
    switch (e->kind) {
    case EXPR_FIELD:
        r->read(r, e->ref, out);
        break;
    case EXPR_CALL:
        if (e->function)
            e->function->eval(e, r, out);
        else
            expr_eval(e->args[0], r, out);
        break;
    case EXPR_LIST:
        eval_list(e, r, out);
        break;
    default:
        *out = (struct value){.state = VALUE_OK, .type = VT_CHARBUF, .n = 1};
        out->one.s = e->literal;
    }
}
