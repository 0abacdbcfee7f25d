/*
 * Which types of events a filter can match at all, from its tests of evt.type and from what events of
 * a type never have: what is left out here need not be looked at any further.
 */
#include "internal.h"

/* Reads what a stub tells; all events of its type and its call have these values. */
struct stub_reader {
    struct field_reader base;
    struct field_event fe;
    struct field_thread thread; /* nobody's */
    uint16_t type, call;
    bool names_only; /* nothing but names is told */
    char stub[EVENT_STUB_LEN];
    struct arena arena;
};

static void read_stub(struct field_reader *self, const struct field_ref *ref, struct value *out)
{
    const struct stub_reader *r = (const struct stub_reader *)self;

    field_extract(ref, &r->fe, false, self->arena, out);
}

static void stub_reader_init(struct stub_reader *r)
{
    *r = (struct stub_reader){.base.read = read_stub, .thread = {.asked = true, .fd_asked = true}};
    r->thread.fd = -1;
    r->base.arena = &r->arena;
    r->fe.bytes = r->stub;
    r->fe.source = "syscall";
    r->fe.thread = &r->thread;
}

static void stub_reader_go(struct stub_reader *r, uint16_t type, uint16_t call)
{
    struct event_head head = {.ts = 0};

    r->type = type;
    r->call = call;
    event_stub(&head, type, call, r->stub);
    arena_reset(&r->arena);
}

static bool is_told(const struct field_ref *ref, void *ctx)
{
    const struct stub_reader *r = ctx;

    return (!r->names_only || str_eq(ref->def->name, "evt.type")) &&
           field_told_by_type(ref, r->type, r->call);
}

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

enum told { TOLD_NOT, TOLD_MISSING, TOLD };

/* Of one side of a test, for events of the reader's type. */
static enum told told_of(const struct expr *e, struct stub_reader *r)
{
    struct value v;

    if (!each_field_of(e, is_told, r))
        return TOLD_NOT;
    if (!e)
        return TOLD;
    expr_eval(e, &r->base, &v);
    return v.state == VALUE_OK ? TOLD : TOLD_MISSING;
}

/* What a test can come to. A side that is missing makes it false, whatever the other is. */
static unsigned check_outcomes(const struct node *n, struct stub_reader *r)
{
    enum told left = told_of(n->lhs, r), right = told_of(n->rhs, r);

    if (left == TOLD_MISSING || right == TOLD_MISSING)
        return FILTER_FAILS;
    if (left == TOLD_NOT || right == TOLD_NOT)
        return FILTER_EITHER;
    return check_match(n, &r->base) ? FILTER_HOLDS : FILTER_FAILS;
}

static unsigned outcomes(const struct node *n, struct stub_reader *r)
{
    unsigned hard = n->kind == NODE_OR ? FILTER_HOLDS : FILTER_FAILS; /* one such part decides */
    unsigned all = FILTER_EITHER & ~hard, o;

    switch (n->kind) {
    case NODE_NOT:
        o = outcomes(n->children[0], r);
        return (o & FILTER_HOLDS ? FILTER_FAILS : 0) | (o & FILTER_FAILS ? FILTER_HOLDS : 0);
    case NODE_AND:
    case NODE_OR:
        for (size_t i = 0; i < n->nchildren && all != hard; i++) {
            o = outcomes(n->children[i], r);
            all = o == hard ? hard : all | (o & hard);
        }
        return all;
    case NODE_CHECK:
        return check_outcomes(n, r);
    default:
        return FILTER_EITHER;
    }
}

void node_outcomes(const struct node *n, uint8_t by_type[EVENT_TYPES + 1])
{
    struct stub_reader r;

    stub_reader_init(&r);
    for (unsigned type = 0; type <= EVENT_TYPES; type++) {
        stub_reader_go(&r, (uint16_t)type, 0);
        by_type[type] = (uint8_t)outcomes(n, &r);
    }
    arena_fini(&r.arena);
}

void filter_find_types(struct filter *f)
{
    struct stub_reader r;

    node_outcomes(f->root, f->outcomes);
    stub_reader_init(&r);
    for (unsigned call = 0; call < CALLS_MAX; call++) {
        for (unsigned exit = 0; exit < 2; exit++) {
            stub_reader_go(&r, exit ? EVENT_GENERIC_X : EVENT_GENERIC_E, (uint16_t)call);
            f->call_outcomes[exit][call] = (uint8_t)outcomes(f->root, &r);
        }
    }
    arena_fini(&r.arena);
}

unsigned filter_outcomes(const struct filter *f, uint16_t type, uint16_t call)
{
    return call && call < CALLS_MAX ? f->call_outcomes[type == EVENT_GENERIC_X][call]
                                    : f->outcomes[MIN_OF(type, EVENT_TYPES)];
}

bool filter_may_match(const struct filter *f, uint16_t type, uint16_t call)
{
    return filter_outcomes(f, type, call) & FILTER_HOLDS;
}

unsigned filter_types(const struct filter *f)
{
    struct stub_reader r;
    unsigned n = 0;

    stub_reader_init(&r);
    r.names_only = true;
    for (uint16_t type = 0; type < EVENT_TYPES; type++) {
        stub_reader_go(&r, type, 0);
        n += event_type_get(type) && (outcomes(f->root, &r) & FILTER_HOLDS);
    }
    arena_fini(&r.arena);
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

/* ctx: the widest scope so far. */
static bool is_of_thread(const struct field_ref *ref, void *ctx)
{
    enum state_scope *widest = ctx, scope = field_scope(ref->def);

    *widest = MAX_OF(*widest, scope);
    return scope != STATE_SCOPE_EVENT;
}

static bool is_of_fd(const struct field_ref *ref, void *ctx)
{
    UNUSED(ctx);
    return field_of_fd(ref->def);
}

void filter_find_state_parts(struct filter *f)
{
    f->scope = STATE_SCOPE_THREAD;
    for (size_t i = 0; i < f->parts.n; i++) {
        enum state_scope scope = STATE_SCOPE_THREAD;

        if (node_each_field(f->parts.v[i], is_of_thread, &scope)) {
            vec_push(&f->thread_parts, f->parts.v[i]);
            f->scope = MAX_OF(f->scope, scope);
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

enum state_scope filter_scope(const struct filter *f)
{
    return f->scope;
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
