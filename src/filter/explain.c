/* Why a filter holds or not: its parts, each with its value and its verdict. */
#include "internal.h"

static const char *kind_of(const struct node *n)
{
    return n->kind == NODE_AND   ? "and"
           : n->kind == NODE_OR  ? "or"
           : n->kind == NODE_NOT ? "not"
                                 : "check";
}

struct explaining {
    struct field_reader *r;
    void (*each)(void *ctx, const struct filter_part *p);
    void *ctx;
};

static void explain(struct explaining *x, const struct node *n, unsigned depth)
{
    struct filter_part p = {.depth = depth, .kind = kind_of(n), .holds = node_match(n, x->r)};
    struct buf text;

    buf_init(&text, SIZE_MAX);
    node_text(n, false, &text);
    p.text = buf_str(&text);
    if (n->kind == NODE_CHECK) {
        expr_eval(n->lhs, x->r, &p.value);
        p.def = n->lhs->kind == EXPR_FIELD ? n->lhs->ref->def : NULL;
    }
    x->each(x->ctx, &p);
    buf_fini(&text);
    for (size_t i = 0; n->kind != NODE_CHECK && i < n->nchildren; i++)
        explain(x, n->children[i], depth + 1);
}

void filter_explain(const struct filter *f, struct field_reader *r,
                    void (*each)(void *ctx, const struct filter_part *p), void *ctx)
{
    struct explaining x = {r, each, ctx};

    explain(&x, f->root, 0);
}

/* ---- parts, for a funnel ------------------------------------------------------------------------------ */

/* Parts of parts are parts, too, save those that a macro holds together. */
static void collect_parts(struct filter *f, const struct node *n)
{
    if (n->kind != NODE_AND || (n != f->root && n->name.n)) {
        vec_push(&f->parts, n);
        return;
    }
    for (size_t k = 0; k < n->nchildren; k++)
        collect_parts(f, n->children[k]);
}

void filter_find_parts(struct filter *f)
{
    collect_parts(f, f->root);
}

static const struct node *part(const struct filter *f, size_t i)
{
    return f->parts.v[i];
}

size_t filter_parts(const struct filter *f)
{
    return f->parts.n;
}

/* By the name of its macro, as the person wrote it. */
static void written(const struct node *n, struct buf *out)
{
    if (n->name.n)
        buf_add(out, n->name.p, n->name.n);
    else
        node_text(n, true, out);
}

void filter_part_text(const struct filter *f, size_t i, struct buf *out)
{
    written(part(f, i), out);
}

bool filter_part_holds(const struct filter *f, size_t i, struct field_reader *r)
{
    return node_match(part(f, i), r);
}

static bool present(const struct node *n, struct field_reader *r)
{
    struct value v;

    if (n->kind == NODE_CHECK) {
        expr_eval(n->lhs, r, &v);
        return v.state == VALUE_OK;
    }
    for (size_t i = 0; i < n->nchildren; i++) {
        if (present(n->children[i], r))
            return true;
    }
    return false;
}

bool filter_part_present(const struct filter *f, size_t i, struct field_reader *r)
{
    return present(part(f, i), r);
}

size_t filter_branches(const struct filter *f, size_t i)
{
    return part(f, i)->kind == NODE_OR ? part(f, i)->nchildren : 0;
}

void filter_branch_text(const struct filter *f, size_t i, size_t k, struct buf *out)
{
    written(part(f, i)->children[k], out);
}

bool filter_branch_holds(const struct filter *f, size_t i, size_t k, struct field_reader *r)
{
    return node_match(part(f, i)->children[k], r);
}
