/* Counting events by the values of fields. */
#include "mews/view.h"

struct entry {
    struct group_key keys[GROUP_FIELDS];
    uint64_t hash, count, first;
};

struct groups {
    unsigned nfields;
    size_t memory;
    struct arena arena;
    VEC(struct entry *) entries;
    uint32_t *slots; /* index + 1 into entries */
    size_t mask;
    uint64_t events, others;
    bool sorted;
};

struct groups *groups_new(unsigned nfields, size_t memory)
{
    struct groups *g = xcalloc(1, sizeof(*g));

    g->nfields = MIN_OF(nfields, (unsigned)GROUP_FIELDS);
    g->memory = memory;
    g->mask = 1023;
    g->slots = xcalloc(g->mask + 1, sizeof(*g->slots));
    return g;
}

void groups_free(struct groups *g)
{
    if (!g)
        return;
    arena_fini(&g->arena);
    vec_free(&g->entries);
    free(g->slots);
    free(g);
}

static uint64_t hash_keys(const struct groups *g, const struct group_key *keys)
{
    uint64_t h = 0;

    for (unsigned i = 0; i < g->nfields; i++)
        h = hash_bytes(keys[i].text.p, keys[i].text.n, h + keys[i].state);
    return h;
}

static bool same_keys(const struct groups *g, const struct group_key *a, const struct group_key *b)
{
    for (unsigned i = 0; i < g->nfields; i++) {
        if (a[i].state != b[i].state || !span_eq(a[i].text, b[i].text))
            return false;
    }
    return true;
}

static uint32_t *slot_of(const struct groups *g, const struct group_key *keys, uint64_t hash)
{
    size_t i = hash & g->mask;

    while (g->slots[i]) {
        const struct entry *e = g->entries.v[g->slots[i] - 1];

        if (e->hash == hash && same_keys(g, e->keys, keys))
            break;
        i = (i + 1) & g->mask;
    }
    return &g->slots[i];
}

static void index_all(struct groups *g)
{
    memset(g->slots, 0, (g->mask + 1) * sizeof(*g->slots));
    for (size_t k = 0; k < g->entries.n; k++) {
        size_t i = g->entries.v[k]->hash & g->mask;

        while (g->slots[i])
            i = (i + 1) & g->mask;
        g->slots[i] = (uint32_t)k + 1;
    }
}

static void grow(struct groups *g)
{
    if (g->entries.n * 2 <= g->mask)
        return;
    g->mask = g->mask * 2 + 1;
    g->slots = xrealloc(g->slots, (g->mask + 1) * sizeof(*g->slots));
    index_all(g);
}

static void count_keys(struct groups *g, const struct group_key *keys, uint64_t number)
{
    uint64_t hash = hash_keys(g, keys);
    uint32_t *slot;
    struct entry *e;

    if (g->sorted) { /* sorting has moved the entries */
        index_all(g);
        g->sorted = false;
    }
    slot = slot_of(g, keys, hash);
    if (*slot) {
        g->entries.v[*slot - 1]->count++;
        return;
    }
    if (g->arena.used > g->memory) {
        g->others++;
        return;
    }
    e = arena_zalloc(&g->arena, sizeof(*e));
    for (unsigned i = 0; i < g->nfields; i++) {
        e->keys[i] = keys[i];
        e->keys[i].text.p = arena_strndup(&g->arena, keys[i].text.p, keys[i].text.n);
    }
    e->hash = hash;
    e->count = 1;
    e->first = number;
    vec_push(&g->entries, e);
    *slot = (uint32_t)g->entries.n;
    grow(g);
}

static bool seen_before(const struct value *v, uint32_t i)
{
    struct buf a, b;
    bool same = false;

    buf_init(&a, 0);
    buf_init(&b, 0);
    value_elem_text(v->type, &v->many[i], &a);
    for (uint32_t k = 0; !same && k < i; k++) {
        buf_reset(&b);
        value_elem_text(v->type, &v->many[k], &b);
        same = a.len == b.len && memcmp(buf_str(&a), buf_str(&b), a.len) == 0;
    }
    buf_fini(&a);
    buf_fini(&b);
    return same;
}

struct combination {
    struct groups *g;
    const struct value *values;
    uint64_t number;
    struct group_key keys[GROUP_FIELDS];
    size_t at[GROUP_FIELDS]; /* where the keys' texts start */
    struct buf text;
};

/* All combinations of the fields' elements, from field i on. */
static void add_from(struct combination *c, unsigned i)
{
    const struct value *v = &c->values[i];
    struct group_key *key = &c->keys[i];

    if (i == c->g->nfields) {
        for (unsigned k = 0; k < i; k++)
            c->keys[k].text.p = buf_str(&c->text) + c->at[k];
        count_keys(c->g, c->keys, c->number);
        return;
    }
    *key = (struct group_key){.state = v->state};
    c->at[i] = c->text.len;
    if (v->state != VALUE_OK || (v->list && v->n == 0)) {
        key->state = v->state == VALUE_FAILED ? VALUE_FAILED : VALUE_NONE;
        add_from(c, i + 1);
        return;
    }
    for (uint32_t k = 0; k < v->n; k++) {
        if (v->list && seen_before(v, k))
            continue;
        c->text.len = c->at[i];
        value_elem_text(v->type, value_elem(v, k), &c->text);
        key->element = k;
        key->text.n = c->text.len - c->at[i];
        add_from(c, i + 1);
    }
    c->text.len = c->at[i];
}

void groups_add(struct groups *g, const struct value *values, uint64_t number)
{
    struct combination c = {.g = g, .values = values, .number = number};

    buf_init(&c.text, 0);
    g->events++;
    add_from(&c, 0);
    buf_fini(&c.text);
}

uint64_t groups_events(const struct groups *g)
{
    return g->events;
}

size_t groups_count(const struct groups *g)
{
    return g->entries.n;
}

uint64_t groups_others(const struct groups *g)
{
    return g->others;
}

static int by_count(const void *a, const void *b)
{
    const struct entry *x = *(const struct entry *const *)a, *y = *(const struct entry *const *)b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->keys[0].element < y->keys[0].element ? -1 : x->keys[0].element > y->keys[0].element;
}

size_t groups_top(struct groups *g, size_t from, size_t n, struct group *out)
{
    size_t i = 0;

    if (!g->sorted && g->entries.n)
        qsort(g->entries.v, g->entries.n, sizeof(*g->entries.v), by_count);
    g->sorted = g->entries.n > 0;
    for (; i < n && from + i < g->entries.n; i++) {
        const struct entry *e = g->entries.v[from + i];

        out[i] = (struct group){e->keys, e->count, e->first};
    }
    return i;
}
