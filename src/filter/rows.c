/*
 * What a scan over rows can know of a filter without evaluating it: numbers of events that can't match, parts that hang
 * on the value of one field.
 */
#include "internal.h"

static bool is_number_check(const struct node *n)
{
    return n->kind == NODE_CHECK && n->lhs->kind == EXPR_FIELD && n->lhs->ref && !n->rhs &&
           !n->modifier && n->nconstants > 0 && str_eq(n->lhs->ref->def->name, "evt.num");
}

static void narrow(uint64_t *low, uint64_t *high, uint64_t from, uint64_t to)
{
    *low = MAX_OF(*low, from);
    *high = MIN_OF(*high, to);
}

static void narrow_by(const struct node *n, uint64_t *low, uint64_t *high)
{
    uint64_t c = n->constants[0].e.u, least = c, most = c;

    switch (n->op) {
    case OP_EQ:
        narrow(low, high, c, c);
        break;
    case OP_GE:
        narrow(low, high, c, UINT64_MAX);
        break;
    case OP_GT:
        narrow(low, high, c == UINT64_MAX ? c : c + 1, UINT64_MAX);
        break;
    case OP_LE:
        narrow(low, high, 0, c);
        break;
    case OP_LT:
        narrow(low, high, c == 0, c ? c - 1 : 0);
        break;
    case OP_IN:
        for (size_t i = 0; i < n->nconstants; i++) {
            least = MIN_OF(least, n->constants[i].e.u);
            most = MAX_OF(most, n->constants[i].e.u);
        }
        narrow(low, high, least, most);
        break;
    default:
        break;
    }
}

void filter_numbers(const struct filter *f, uint64_t *low, uint64_t *high)
{
    *low = 0;
    *high = UINT64_MAX;
    for (size_t i = 0; i < f->parts.n; i++) {
        if (is_number_check(f->parts.v[i]))
            narrow_by(f->parts.v[i], low, high);
    }
}

/* ctx: the slot of the only field, -1: none so far. */
static bool is_same_slot(const struct field_ref *ref, void *ctx)
{
    int *slot = ctx;

    if (*slot < 0)
        *slot = (int)ref->slot;
    return *slot == (int)ref->slot;
}

int filter_part_slot(const struct filter *f, size_t i)
{
    int slot = -1;

    return node_each_field(f->parts.v[i], is_same_slot, &slot) ? slot : -1;
}
