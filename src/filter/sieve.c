/*
 * Sieving: what a filter comes to for many events by their headers alone, without reading one. Tests of
 * numbers in the header compare columns; other tests are told by the type, or not at all.
 */
#include "internal.h"

enum sieve_kind { SIEVE_TYPES, SIEVE_RANGE, SIEVE_SET, SIEVE_NOT, SIEVE_AND, SIEVE_OR };
enum sieve_column { SIEVE_NUMBER, SIEVE_TIME, SIEVE_THREAD, SIEVE_CPU };

struct sieve {
    enum sieve_kind kind;
    enum sieve_column column;
    bool negated;         /* outside of the range */
    uint64_t low, high;   /* as ordered() has them */
    const struct node *n; /* of a set */
    struct sieve **children;
    size_t nchildren;
    uint8_t *by_type; /* outcomes; of EVENT_TYPES + 1 types */
};

/* ---- making ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum sieve_column column;
} columns[] = {{"evt.num", SIEVE_NUMBER},
               {"evt.rawtime", SIEVE_TIME},
               {"thread.tid", SIEVE_THREAD},
               {"evt.cpu", SIEVE_CPU}};

/* As an unsigned number of the same order. */
static inline uint64_t ordered(enum sieve_column column, uint64_t v)
{
    return column == SIEVE_THREAD || column == SIEVE_CPU ? v ^ (uint64_t)1 << 63 : v;
}

static bool find_column(const struct node *n, enum sieve_column *out)
{
    if (n->kind != NODE_CHECK || n->lhs->kind != EXPR_FIELD || !n->lhs->ref || n->rhs ||
        n->modifier || n->nconstants == 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        if (str_eq(n->lhs->ref->def->name, columns[i].name)) {
            *out = columns[i].column;
            return true;
        }
    }
    return false;
}

/* False: it is no test of an order, nor of being in a list. */
static bool make_test(const struct node *n, struct sieve *s)
{
    uint64_t c = ordered(s->column, n->constants[0].e.u);

    s->kind = SIEVE_RANGE;
    s->low = 0;
    s->high = UINT64_MAX;
    switch (n->op) {
    case OP_EQ:
    case OP_NE:
        s->low = s->high = c;
        s->negated = n->op == OP_NE;
        return true;
    case OP_LE:
    case OP_GT:
        s->high = c;
        s->negated = n->op == OP_GT;
        return true;
    case OP_GE:
    case OP_LT:
        s->low = c;
        s->negated = n->op == OP_LT;
        return true;
    case OP_IN:
    case OP_INTERSECTS:
        s->kind = SIEVE_SET;
        s->n = n;
        return true;
    default:
        return false;
    }
}

static struct sieve *sieve_new(struct filter *f, enum sieve_kind kind, size_t children)
{
    struct sieve *s = arena_alloc(&f->arena, sizeof(*s));

    *s = (struct sieve){.kind = kind};
    s->children = children ? arena_alloc(&f->arena, children * sizeof(struct sieve *)) : NULL;
    return s;
}

static struct sieve *of_types(struct filter *f, const struct node *n)
{
    struct sieve *s = sieve_new(f, SIEVE_TYPES, 0);

    s->by_type = arena_alloc(&f->arena, EVENT_TYPES + 1);
    node_outcomes(n, s->by_type);
    return s;
}

static bool has_column(const struct node *n)
{
    enum sieve_column column;

    for (size_t i = 0; n->kind != NODE_CHECK && i < n->nchildren; i++) {
        if (has_column(n->children[i]))
            return true;
    }
    return find_column(n, &column);
}

static struct sieve *make(struct filter *f, const struct node *n)
{
    struct sieve *s;

    if (!has_column(n))
        return of_types(f, n);
    if (n->kind == NODE_CHECK) {
        s = sieve_new(f, SIEVE_RANGE, 0);
        return find_column(n, &s->column) && make_test(n, s) ? s : of_types(f, n);
    }
    s = sieve_new(f,
                  n->kind == NODE_NOT   ? SIEVE_NOT
                  : n->kind == NODE_AND ? SIEVE_AND
                                        : SIEVE_OR,
                  n->nchildren);
    for (size_t i = 0; i < n->nchildren; i++)
        s->children[s->nchildren++] = make(f, n->children[i]);
    return s;
}

void filter_make_sieve(struct filter *f)
{
    f->sieve = has_column(f->root) ? make(f, f->root) : NULL;
    for (uint16_t type = 0; f->sieve && type < EVENT_TYPES; type++)
        f->plain[type] = type != EVENT_PLUGIN && type != EVENT_ASYNC && event_type_get(type);
}

bool filter_asks_headers(const struct filter *f)
{
    return f->sieve != NULL;
}

/* ---- one event ------------------------------------------------------------------------------- */

static bool in_set(const struct node *n, uint64_t v)
{
    const union elem e = {.u = v};

    if (n->set)
        return const_set_has(n->set, &e);
    for (size_t i = 0; i < n->nconstants; i++) {
        if (n->constants[i].e.u == v)
            return true;
    }
    return false;
}

static inline unsigned test(const struct sieve *s, uint64_t v)
{
    uint64_t c = ordered(s->column, v);
    bool holds =
        s->kind == SIEVE_SET ? in_set(s->n, v) : (c >= s->low && c <= s->high) != s->negated;

    return holds ? FILTER_HOLDS : FILTER_FAILS;
}

static unsigned outcomes_of(const struct sieve *s, const uint64_t *values, uint16_t type)
{
    unsigned hard = s->kind == SIEVE_OR ? FILTER_HOLDS : FILTER_FAILS, all = FILTER_EITHER & ~hard,
             o;

    switch (s->kind) {
    case SIEVE_TYPES:
        return s->by_type[MIN_OF(type, EVENT_TYPES)];
    case SIEVE_RANGE:
    case SIEVE_SET:
        return test(s, values[s->column]);
    case SIEVE_NOT:
        o = outcomes_of(s->children[0], values, type);
        return o == FILTER_EITHER ? o : FILTER_EITHER & ~o;
    default:
        for (size_t i = 0; i < s->nchildren && all != hard; i++) {
            o = outcomes_of(s->children[i], values, type);
            all = o == hard ? hard : all | (o & hard);
        }
        return all;
    }
}

bool filter_header_may_match(const struct filter *f, const struct filter_header *h)
{
    const uint64_t values[] = {h->number, h->ts, h->tid, (uint64_t)(int64_t)(int16_t)h->cpu};

    return !f->sieve || !f->plain[MIN_OF(h->type, EVENT_TYPES)] ||
           (outcomes_of(f->sieve, values, h->type) & FILTER_HOLDS);
}

/* ---- rows of columns ------------------------------------------------------------------------- */

static inline uint64_t thread_of(uint32_t thread)
{
    return thread == UINT32_MAX ? UINT64_MAX : thread;
}

static inline uint64_t cpu_of(uint16_t cpu)
{
    return (uint64_t)(int64_t)(int16_t)cpu;
}

static void sieve_range(const struct sieve *s, const struct filter_columns *c, size_t n,
                        uint8_t *out)
{
    uint8_t inside = s->negated ? FILTER_FAILS : FILTER_HOLDS, outside = FILTER_EITHER & ~inside;
    uint64_t low = s->low, span = s->high - s->low, first = c->first_number;

    switch (s->column) { /* v - low wraps around for what is below */
    case SIEVE_NUMBER:
        for (size_t i = 0; i < n; i++)
            out[i] = first + c->numbers[i] - low <= span ? inside : outside;
        break;
    case SIEVE_TIME:
        for (size_t i = 0; i < n; i++)
            out[i] = c->times[i] - low <= span ? inside : outside;
        break;
    case SIEVE_THREAD:
        for (size_t i = 0; i < n; i++)
            out[i] =
                ordered(SIEVE_THREAD, thread_of(c->threads[i])) - low <= span ? inside : outside;
        break;
    case SIEVE_CPU:
        for (size_t i = 0; i < n; i++)
            out[i] = ordered(SIEVE_CPU, cpu_of(c->cpus[i])) - low <= span ? inside : outside;
        break;
    }
}

static void sieve_set(const struct sieve *s, const struct filter_columns *c, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t v = s->column == SIEVE_NUMBER   ? c->first_number + c->numbers[i]
                     : s->column == SIEVE_TIME   ? c->times[i]
                     : s->column == SIEVE_THREAD ? thread_of(c->threads[i])
                                                 : cpu_of(c->cpus[i]);

        out[i] = (uint8_t)test(s, v);
    }
}

/* hard: the outcome that one part is enough for. */
static void join(uint8_t *all, const uint8_t *part, size_t n, uint8_t hard)
{
    uint8_t soft = FILTER_EITHER & ~hard;

    for (size_t i = 0; i < n; i++)
        all[i] = ((all[i] | part[i]) & hard) | (all[i] & part[i] & soft);
}

static void sieve_rows(const struct sieve *s, const struct filter_columns *c, size_t n,
                       uint8_t *out)
{
    uint8_t part[FILTER_SIEVE_MAX];

    switch (s->kind) {
    case SIEVE_TYPES:
        for (size_t i = 0; i < n; i++)
            out[i] = s->by_type[MIN_OF(c->types[i], EVENT_TYPES)];
        break;
    case SIEVE_RANGE:
        sieve_range(s, c, n, out);
        break;
    case SIEVE_SET:
        sieve_set(s, c, n, out);
        break;
    case SIEVE_NOT:
        sieve_rows(s->children[0], c, n, out);
        for (size_t i = 0; i < n; i++)
            out[i] = (uint8_t)(out[i] >> 1 | (out[i] & 1) << 1);
        break;
    default:
        sieve_rows(s->children[0], c, n, out);
        for (size_t i = 1; i < s->nchildren; i++) {
            sieve_rows(s->children[i], c, n, part);
            join(out, part, n, s->kind == SIEVE_OR ? FILTER_HOLDS : FILTER_FAILS);
        }
    }
}

/* Rows that the columns do not tell all of, or that have no number of their own. */
static bool is_odd(const struct filter *f, const struct filter_columns *c, size_t i)
{
    return !f->plain[MIN_OF(c->types[i], EVENT_TYPES)] || (c->flags[i] & c->odd);
}

void filter_sieve(const struct filter *f, const struct filter_columns *c, size_t n, uint8_t *out)
{
    if (f->sieve)
        sieve_rows(f->sieve, c, n, out);
    for (size_t i = 0; i < n; i++) {
        if (!f->sieve || is_odd(f, c, i))
            out[i] = (uint8_t)filter_outcomes(f, c->types[i], c->calls[i]);
        else if (c->calls[i])
            out[i] &= (uint8_t)filter_outcomes(f, c->types[i], c->calls[i]);
    }
}
