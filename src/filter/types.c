/*
 * Which types of events a filter can match at all, from its tests of evt.type and from what events of
 * a type never have: what is left out here need not be looked at any further.
 */
#include "internal.h"

enum { MAY_BE_TRUE = 1, MAY_BE_FALSE = 2 };

/* Gives every field the name of one type. */
struct name_reader {
    struct field_reader base;
    const char *name;
};

static void read_name(struct field_reader *self, const struct field_ref *ref, struct value *out)
{
    *out = (struct value){.state = VALUE_OK, .type = (uint8_t)ref->def->type, .n = 1};
    out->one.s = span_of(((struct name_reader *)self)->name);
}

static bool is_type_check(const struct node *n)
{
    return n->lhs->kind == EXPR_FIELD && n->lhs->ref &&
           str_eq(n->lhs->ref->def->name, "evt.type") && !n->rhs;
}

static bool lacks(const struct expr *e, uint16_t type)
{
    return e && e->kind == EXPR_FIELD && e->ref && field_lacks(e->ref->def, type);
}

/* What a test can come to for events of a type and a name; NULL: any, or none. */
static unsigned check_outcomes(const struct node *n, uint16_t type, const char *name)
{
    struct name_reader r = {.base.read = read_name, .name = name};

    if (lacks(n->lhs, type) || lacks(n->rhs, type))
        return MAY_BE_FALSE; /* what is missing makes every test false */
    if (!name || !is_type_check(n))
        return MAY_BE_TRUE | MAY_BE_FALSE;
    return check_match(n, &r.base) ? MAY_BE_TRUE : MAY_BE_FALSE;
}

static unsigned outcomes(const struct node *n, uint16_t type, const char *name)
{
    unsigned all = n->kind == NODE_OR ? MAY_BE_FALSE : MAY_BE_TRUE, o;

    switch (n->kind) {
    case NODE_NOT:
        o = outcomes(n->children[0], type, name);
        return (o & MAY_BE_TRUE ? MAY_BE_FALSE : 0) | (o & MAY_BE_FALSE ? MAY_BE_TRUE : 0);
    case NODE_AND:
    case NODE_OR:
        /* all of one outcome only when every part may be; the other when any may */
        for (size_t i = 0; i < n->nchildren; i++) {
            unsigned hard = n->kind == NODE_OR ? MAY_BE_FALSE : MAY_BE_TRUE;

            o = outcomes(n->children[i], type, name);
            if (!(o & hard))
                all &= ~hard;
            all |= o & (hard == MAY_BE_TRUE ? MAY_BE_FALSE : MAY_BE_TRUE);
        }
        return all;
    case NODE_CHECK:
        return check_outcomes(n, type, name);
    default:
        return MAY_BE_TRUE | MAY_BE_FALSE;
    }
}

void filter_find_types(struct filter *f)
{
    for (unsigned type = 0; type <= EVENT_TYPES; type++) {
        const struct event_type *t = event_type_get((uint16_t)type);
        bool named = t && event_header_names((uint16_t)type);

        f->may_match[type] =
            outcomes(f->root, (uint16_t)type, named ? t->name : NULL) & MAY_BE_TRUE;
    }
    for (unsigned call = 0; call < CALLS_MAX; call++)
        f->may_match_call[call] =
            outcomes(f->root, EVENT_GENERIC_X, call ? system_call_name(call) : NULL) & MAY_BE_TRUE;
}

bool filter_may_match(const struct filter *f, uint16_t type, uint16_t call)
{
    return call && call < CALLS_MAX ? f->may_match_call[call]
                                    : f->may_match[MIN_OF(type, EVENT_TYPES)];
}

unsigned filter_types(const struct filter *f)
{
    unsigned n = 0;

    for (unsigned type = 0; type < EVENT_TYPES; type++)
        n += event_type_get((uint16_t)type) && f->may_match[type];
    return n;
}

static bool compares_na(const struct node *n)
{
    if (n->kind != NODE_CHECK) {
        for (size_t i = 0; i < n->nchildren; i++) {
            if (compares_na(n->children[i]))
                return true;
        }
        return false;
    }
    if (n->op != OP_EQ && n->op != OP_NE && n->op != OP_IN)
        return false;
    if (n->lhs->kind != EXPR_FIELD ||
        !(str_starts(n->lhs->ref->def->name, "ka.") || str_starts(n->lhs->ref->def->name, "jevt.")))
        return false;
    for (size_t i = 0; i < n->nconstants; i++) {
        if (span_is(n->constants[i].text, "<NA>"))
            return true;
    }
    return false;
}

bool filter_compares_na(const struct filter *f)
{
    return compares_na(f->root);
}

/* ---- parts that ask for the thread alone, or for the descriptor ------------------------------- */

static bool each_field_of(const struct expr *e, field_visit *visit, void *ctx)
{
    if (!e)
        return true;
    if (e->kind == EXPR_FIELD && !(e->ref && visit(e->ref, ctx)))
        return false;
    for (size_t i = 0; i < e->nargs; i++) {
        if (!each_field_of(e->args[i], visit, ctx))
            return false;
    }
    return true;
}

bool node_each_field(const struct node *n, field_visit *visit, void *ctx)
{
    if (n->kind == NODE_CHECK)
        return each_field_of(n->lhs, visit, ctx) && each_field_of(n->rhs, visit, ctx);
    for (size_t i = 0; i < n->nchildren; i++) {
        if (!node_each_field(n->children[i], visit, ctx))
            return false;
    }
    return n->nchildren > 0;
}

static bool is_of_thread(const struct field_ref *ref, void *ctx)
{
    UNUSED(ctx);
    return field_of_thread(ref->def);
}

static bool is_of_thread_alone(const struct field_ref *ref, void *ctx)
{
    UNUSED(ctx);
    return field_of_thread_alone(ref->def);
}

static bool is_of_fd(const struct field_ref *ref, void *ctx)
{
    UNUSED(ctx);
    return field_of_fd(ref->def);
}

void filter_find_state_parts(struct filter *f)
{
    f->thread_alone = true;
    for (size_t i = 0; i < f->parts.n; i++) {
        if (node_each_field(f->parts.v[i], is_of_thread, NULL)) {
            vec_push(&f->thread_parts, f->parts.v[i]);
            f->thread_alone &= node_each_field(f->parts.v[i], is_of_thread_alone, NULL);
        } else if (node_each_field(f->parts.v[i], is_of_fd, NULL)) {
            vec_push(&f->fd_parts, f->parts.v[i]);
        }
    }
}

bool filter_asks_threads(const struct filter *f)
{
    return f->thread_parts.n > 0;
}

bool filter_asks_threads_only(const struct filter *f)
{
    return f->thread_parts.n > 0 && f->thread_parts.n == f->parts.n;
}

bool filter_asks_thread_alone(const struct filter *f)
{
    return f->thread_alone;
}

bool filter_asks_fds(const struct filter *f)
{
    return f->fd_parts.n > 0;
}

static bool all_match(const struct node *const *parts, size_t n, struct field_reader *r)
{
    for (size_t i = 0; i < n; i++) {
        if (!node_match(parts[i], r))
            return false;
    }
    return true;
}

bool filter_thread_may_match(const struct filter *f, struct field_reader *r)
{
    return all_match(f->thread_parts.v, f->thread_parts.n, r);
}

bool filter_fd_may_match(const struct filter *f, struct field_reader *r)
{
    return all_match(f->fd_parts.v, f->fd_parts.n, r);
}
