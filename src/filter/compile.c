/* From a tree to a filter: fields are resolved, operators checked against types, constants
 * converted. */
#include "internal.h"

#include <limits.h>

#define SET_FROM 8 /* constants from which a hash pays */

static bool list_type_compares(enum value_type t)
{
    switch (t) {
    case VT_CHARBUF:
    case VT_FSPATH:
    case VT_FSRELPATH:
    case VT_BYTEBUF:
    case VT_UINT64:
    case VT_RELTIME:
    case VT_ABSTIME:
    case VT_BOOL:
    case VT_IPADDR:
    case VT_IPNET:
        return true;
    default:
        return false;
    }
}

static unsigned flags_of(const struct expr *e)
{
    return e->kind == EXPR_FIELD ? e->ref->def->flags : 0;
}

static bool op_offered(const struct node *n)
{
    enum value_class vclass = value_type_info(n->lhs->type)->vclass;

    if (n->op == OP_EXISTS)
        return true;
    if (flags_of(n->lhs) & FIELD_AROUND)
        return n->op == OP_EQ && !n->modifier;
    if (n->lhs->list)
        return (n->op == OP_IN || n->op == OP_INTERSECTS) && list_type_compares(n->lhs->type);
    if (n->modifier && (vclass == VC_ADDRESS || vclass == VC_NETWORK) && n->op != OP_EQ &&
        n->op != OP_NE)
        return false;
    return op_infos[n->op].classes >> vclass & 1;
}

static bool check_op(const struct node *n, struct syntax_error *err)
{
    struct buf offered;
    struct node other = *n;
    bool modified = n->modifier && n->lhs->list;

    if (op_offered(n) && !modified)
        return true;
    buf_init(&offered, 300);
    other.modifier = MOD_NONE;
    for (unsigned i = 1; i < OP_COUNT; i++) {
        other.op = (enum filter_op)i;
        if (op_offered(&other))
            buf_addf(&offered, " %s", op_infos[i].word);
    }
    syntax_error_set(err, n->op_index, n->op_len, "C03",
                     "“%s%s” is not for %s%s: it takes%s exists", op_infos[n->op].word,
                     n->modifier ? " (oneof, anyof, allof)" : "", n->lhs->list ? "a list of " : "",
                     value_type_info(n->lhs->type)->word, buf_str(&offered));
    buf_fini(&offered);
    return false;
}

static bool check_rhs(const struct node *n, struct syntax_error *err)
{
    const struct expr *l = n->lhs, *r = n->rhs, *inner = r->function ? r : r->args[0];

    if (n->op == OP_PMATCH || n->op == OP_REGEX)
        return syntax_error_set(err, n->op_index, n->op_len, "C18",
                                "“%s” takes no field or function on its right",
                                op_infos[n->op].word);
    if ((flags_of(l) & FIELD_NO_RHS) || value_type_info(l->type)->vclass == VC_NETWORK)
        return syntax_error_set(err, n->op_index, n->op_len, "C16",
                                "%.*s can't be compared with a field", (int)l->name.n, l->name.p);
    if (flags_of(inner) & FIELD_NO_RHS)
        return syntax_error_set(err, n->op_index, n->op_len, "C17", "%.*s can't stand on the right",
                                (int)inner->name.n, inner->name.p);
    if (l->type != r->type || l->list != r->list)
        return syntax_error_set(err, n->op_index, n->op_len, "C15",
                                "the sides differ: %s%s on the left, %s%s on the right",
                                l->list ? "list of " : "", value_type_info(l->type)->word,
                                r->list ? "list of " : "", value_type_info(r->type)->word);
    return true;
}

/* Fields that stand for several things at once are asked for each of them. */
static void ask_each(const struct expr *lhs, struct field_refs *refs)
{
    struct field_ref *ref = lhs->kind == EXPR_FIELD ? refs->v.v[lhs->ref->slot] : NULL;

    if (ref && !ref->arg_present && (ref->def->flags & (FIELD_EACH | FIELD_ENDS)))
        ref->each = true;
}

/* Names of lists become their items. text: of the filter, where quoted names can be told. */
static void expand_lists(struct filter *f, struct node *n, const char *text,
                         const struct filter_options *o)
{
    VEC(struct constant) all = {0};
    bool any = false;

    for (size_t i = 0; i < n->nconstants; i++) {
        const struct constant *c = &n->constants[i];
        bool quoted = text[c->index] == '"' || text[c->index] == '\'';
        const struct str_list *items = quoted ? NULL : o->list(o->ctx, c->text);

        any |= items != NULL;
        for (size_t k = 0; items && k < items->n; k++) {
            struct constant item = *c;
            const char *s = items->v[k];
            size_t len = strlen(s),
                   quote = len > 1 && (*s == '"' || *s == '\'') && s[len - 1] == *s;

            item.text.n = len - 2 * quote;
            item.text.p = arena_strndup(&f->arena, s + quote, item.text.n);
            vec_push(&all, item);
        }
        if (!items)
            vec_push(&all, *c);
    }
    if (any) {
        n->constants = arena_zalloc(&f->arena, sizeof(*n->constants) * (all.n + 1));
        n->nconstants = all.n;
        if (all.n)
            memcpy(n->constants, all.v, sizeof(*all.v) * all.n);
    }
    vec_free(&all);
}

static bool compile_check(struct filter *f, struct node *n, const struct field_catalogue *c,
                          const char *text, const struct filter_options *o,
                          struct syntax_error *err)
{
    if (!expr_compile(n->lhs, c, f->refs, err) ||
        (n->rhs && !expr_compile(n->rhs, c, f->refs, err)) || !check_op(n, err))
        return false;
    ask_each(n->lhs, f->refs);
    if (n->rhs)
        return check_rhs(n, err);
    if (o && o->list && n->has_list)
        expand_lists(f, n, text, o);
    for (size_t i = 0; i < n->nconstants; i++) {
        if (!constant_compile(f, n, &n->constants[i], c, o && o->strict, err))
            return false;
    }
    if ((n->op == OP_IN || n->op == OP_INTERSECTS) && n->nconstants >= SET_FROM &&
        value_type_info(n->lhs->type)->vclass != VC_NETWORK) {
        n->set = const_set_new(n->lhs->type, n->constants, n->nconstants);
        vec_push(&f->sets, n->set);
    }
    return true;
}

#define MACRO_DEPTH 100

struct compiling {
    struct filter *f;
    const struct field_catalogue *c;
    const struct filter_options *o;
    struct syntax_error *err;
    const char *text; /* of the filter, or of the macro that is looked into */
    unsigned before;  /* macros that are visible here have a smaller index */
    unsigned depth;
};

static bool compile_node(struct compiling *k, struct node *n);

/* A name becomes the tree of its macro. What is wrong inside is told at the name. */
static bool compile_macro(struct compiling *k, struct node *n)
{
    const char *outside = k->text;
    unsigned index = 0, before = k->before, place = n->index, len = n->len;
    const char *text = k->o && k->o->macro && k->depth < MACRO_DEPTH
                           ? k->o->macro(k->o->ctx, n->name, before, &index)
                           : NULL;
    struct syntax_error inner = {0}, *err = k->err;
    struct span name = n->name;
    struct scan s = {.depth_max = FILTER_DEPTH_RULE, .arena = &k->f->arena, .err = &inner};
    struct node *root;
    bool ok;

    if (!text)
        return syntax_error_set(
            err, n->index, n->len, "C02",
            k->o && k->o->macro && k->o->macro(k->o->ctx, name, UINT_MAX, &index)
                ? "the macro %.*s is this one, or comes behind it: a macro sees those above it only"
                : "no macro is named %.*s (a field has a dot in its name)",
            (int)name.n, name.p);
    s.n = strlen(text);
    s.s = arena_strndup(&k->f->arena, text, s.n);
    root = filter_parse(&s);
    k->err = &inner;
    k->text = s.s;
    k->before = index;
    k->depth++;
    ok = root && compile_node(k, root);
    k->depth--;
    k->before = before;
    k->text = outside;
    k->err = err;
    if (ok) {
        *n = *root;
        n->name = name;
    } else

        syntax_error_set(err, place, len, inner.code, "in the macro %.*s: %s", (int)name.n, name.p,
                         inner.text);
    return ok;
}

static bool compile_node(struct compiling *k, struct node *n)
{
    if (n->kind == NODE_NAME)
        return compile_macro(k, n);
    if (n->kind == NODE_CHECK)
        return compile_check(k->f, n, k->c, k->text, k->o, k->err);
    for (size_t i = 0; i < n->nchildren; i++) {
        if (!compile_node(k, n->children[i]))
            return false;
    }
    return true;
}

struct filter *filter_compile(const char *text, size_t n, const struct field_catalogue *c,
                              const struct filter_options *options, struct syntax_error *err)
{
    struct filter *f = xcalloc(1, sizeof(*f));
    struct scan s = {.n = n, .depth_max = FILTER_DEPTH, .arena = &f->arena, .err = err};
    struct compiling k = {f, c, options, err, NULL, UINT_MAX, 0};

    if (options && options->depth_max)
        s.depth_max = options->depth_max;
    f->own.arena = &f->arena;
    f->refs = options && options->refs ? options->refs : &f->own;
    k.text = s.s = arena_strndup(&f->arena, text, n);
    f->root = filter_parse(&s);
    if (f->root && !compile_node(&k, f->root)) {
        if (err)
            syntax_error_place(err, text, n, err->index);
        f->root = NULL;
    }
    if (f->root) {
        filter_find_types(f);
        filter_find_parts(f);
        filter_find_state_parts(f);
        filter_make_sieve(f);
        return f;
    }
    filter_free(f);
    return NULL;
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->regexes.n; i++)
        regex_free(f->regexes.v[i]);
    for (size_t i = 0; i < f->sets.n; i++)
        const_set_free(f->sets.v[i]);
    vec_free(&f->regexes);
    vec_free(&f->sets);
    vec_free(&f->parts);
    vec_free(&f->thread_parts);
    vec_free(&f->fd_parts);
    vec_free(&f->own.v);
    arena_fini(&f->arena);
    free(f);
}

const struct field_refs *filter_refs(const struct filter *f)
{
    return f->refs;
}

bool filter_beyond_falco(const struct filter *f)
{
    return f->beyond_falco;
}

/* ---- canonical text -------------------------------------------------------------------------- */

static void check_text(const struct node *n, struct buf *out)
{
    static const char *const modifiers[] = {"", " oneof", " anyof", " allof"};
    bool parens = n->has_list;

    expr_text(n->lhs, out);
    buf_addf(out, " %s%s", op_infos[n->op].word, modifiers[n->modifier]);
    if (n->op == OP_EXISTS)
        return;
    buf_addc(out, ' ');
    if (n->rhs) {
        expr_text(n->rhs, out);
        return;
    }
    if (parens)
        buf_addc(out, '(');
    for (size_t i = 0; i < n->nconstants; i++) {
        if (i)
            buf_adds(out, ", ");
        filter_quote(n->constants[i].text, out);
    }
    if (parens)
        buf_addc(out, ')');
}

void node_text(const struct node *n, bool inside, struct buf *out)
{
    bool parens = inside && (n->kind == NODE_OR || n->kind == NODE_AND);

    if (parens)
        buf_addc(out, '(');
    switch (n->kind) {
    case NODE_CHECK:
        check_text(n, out);
        break;
    case NODE_NAME:
        buf_add(out, n->name.p, n->name.n);
        break;
    case NODE_NOT:
        buf_adds(out, "not ");
        node_text(n->children[0], true, out);
        break;
    default:
        for (size_t i = 0; i < n->nchildren; i++) {
            if (i)
                buf_adds(out, n->kind == NODE_OR ? " or " : " and ");
            node_text(n->children[i], n->kind == NODE_AND || n->children[i]->kind == NODE_OR, out);
        }
    }
    if (parens)
        buf_addc(out, ')');
}

void filter_text(const struct filter *f, struct buf *out)
{
    node_text(f->root, false, out);
}
