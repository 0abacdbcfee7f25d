/* Values that fields gave, kept as columns: codes for each row, and each distinct value of a chunk
 * once. */
#include <pthread.h>

#include "internal.h"

#define PAGE_BITS 8 /* distinct values in a page */
#define PAGES     (STORE_CHUNK >> PAGE_BITS)

enum { CODE_UNKNOWN, CODE_NONE, CODE_VALUES }; /* codes of rows; values from CODE_VALUES on */

struct value_chunk {
    _Atomic uint32_t codes[STORE_CHUNK];
    _Atomic uint32_t known; /* rows with a code */
    uint64_t used;          /* when it was last taken: a reading of the clock of uses */
    unsigned refs;          /* one of them the directory's; these two under the lock of them all */
    bool listed;            /* in the directory */
    pthread_mutex_t lock;   /* guards what follows, but for values that have a code */
    struct value *pages[PAGES];
    struct arena arena;
    uint32_t n;      /* distinct values */
    uint32_t *table; /* of their places + 1, by hash */
    uint32_t table_size;
    uint64_t bytes;
};

struct value_column {
    struct value_column *next;
    char *name;
    bool pinned;
    VEC(struct value_chunk *) chunks; /* NULL: not kept */
};

struct value_columns {
    pthread_mutex_t lock; /* guards the list, the directories, uses and references */
    struct value_column *list;
    uint64_t limit, clock;
    _Atomic uint64_t bytes; /* of chunks in the directories */
};

struct value_columns *value_columns_new(uint64_t limit)
{
    struct value_columns *c = xcalloc(1, sizeof(*c));

    c->limit = limit;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

uint64_t value_columns_memory(const struct value_columns *c)
{
    return c->bytes;
}

/* With the lock held. */
static void unref(struct value_chunk *k)
{
    if (--k->refs)
        return;
    for (size_t i = 0; i < PAGES; i++)
        free(k->pages[i]);
    free(k->table);
    arena_fini(&k->arena);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* Takes it out of the directory; who looks at it keeps it. With the lock held. */
static void drop(struct value_columns *c, struct value_chunk **slot)
{
    struct value_chunk *k = *slot;

    *slot = NULL;
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->listed = false;
    c->bytes -= k->bytes;
    pthread_mutex_unlock(&k->lock);
    unref(k);
}

static void clear(struct value_columns *c, bool pinned)
{
    pthread_mutex_lock(&c->lock);
    for (struct value_column *col = c->list; col; col = col->next) {
        for (size_t i = 0; i < col->chunks.n && (pinned || !col->pinned); i++)
            drop(c, &col->chunks.v[i]);
    }
    pthread_mutex_unlock(&c->lock);
}

void value_columns_clear(struct value_columns *c)
{
    clear(c, false);
}

void value_columns_free(struct value_columns *c)
{
    if (!c)
        return;
    clear(c, true);
    for (struct value_column *col = c->list, *next; col; col = next) {
        next = col->next;
        vec_free(&col->chunks);
        free(col->name);
        free(col);
    }
    pthread_mutex_destroy(&c->lock);
    free(c);
}

struct value_column *value_column_of(struct value_columns *c, const char *name)
{
    struct value_column *col;

    pthread_mutex_lock(&c->lock);
    for (col = c->list; col && !str_eq(col->name, name); col = col->next)
        ;
    if (!col) {
        col = xcalloc(1, sizeof(*col));
        col->name = xstrdup(name);
        col->next = c->list;
        c->list = col;
    }
    pthread_mutex_unlock(&c->lock);
    return col;
}

void value_column_pin(struct value_columns *c, struct value_column *col)
{
    pthread_mutex_lock(&c->lock);
    col->pinned = true;
    pthread_mutex_unlock(&c->lock);
}

uint64_t value_columns_bytes(const struct value_columns *c)
{
    return c->bytes;
}

static struct value_chunk *chunk_new(void)
{
    struct value_chunk *k = xcalloc(1, sizeof(*k));

    pthread_mutex_init(&k->lock, NULL);
    k->refs = 1;
    k->listed = true;
    return k;
}

struct value_chunk *value_chunk_take(struct value_columns *c, struct value_column *col,
                                     uint64_t row, bool make)
{
    uint64_t i = row >> STORE_CHUNK_BITS;
    struct value_chunk *k;

    pthread_mutex_lock(&c->lock);
    while (make && col->chunks.n <= i)
        vec_push(&col->chunks, NULL);
    k = i < col->chunks.n ? col->chunks.v[i] : NULL;
    if (!k && make)
        k = col->chunks.v[i] = chunk_new();
    if (k) {
        k->refs++;
        k->used = ++c->clock;
    }
    pthread_mutex_unlock(&c->lock);
    return k;
}

void value_chunk_give(struct value_columns *c, struct value_chunk *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&c->lock);
    unref(k);
    pthread_mutex_unlock(&c->lock);
}

/* ---- reading --------------------------------------------------------------------------------- */

bool value_chunk_get(const struct value_chunk *k, uint64_t row, struct value *out)
{
    uint32_t code = atomic_load_explicit(&((struct value_chunk *)k)->codes[row & (STORE_CHUNK - 1)],
                                         memory_order_acquire);

    if (code == CODE_UNKNOWN)
        return false;
    if (code == CODE_NONE) {
        *out = (struct value){.state = VALUE_NONE};
        return true;
    }
    code -= CODE_VALUES;
    *out = k->pages[code >> PAGE_BITS][code & ((1u << PAGE_BITS) - 1)];
    return true;
}

uint32_t value_chunk_code(const struct value_chunk *k, uint64_t row)
{
    return atomic_load_explicit(&((struct value_chunk *)k)->codes[row & (STORE_CHUNK - 1)],
                                memory_order_acquire);
}

uint32_t value_chunk_known(const struct value_chunk *k)
{
    return atomic_load_explicit(&((struct value_chunk *)k)->known, memory_order_acquire);
}

/* ---- filling --------------------------------------------------------------------------------- */

static uint64_t hash_elem(const struct value *v, const union elem *e, uint64_t seed)
{
    switch (value_type_info(v->type)->vclass) {
    case VC_TEXT:
    case VC_BYTES:
        return hash_bytes(e->s.p, e->s.n, seed);
    case VC_ADDRESS:
    case VC_NETWORK:
        return hash_bytes(e->ip.b, e->ip.len, seed);
    default:
        return hash_bytes(&e->u, sizeof(e->u), seed);
    }
}

static uint64_t hash_value(const struct value *v)
{
    uint64_t h = v->state * 31u + v->n;

    if (v->state == VALUE_FAILED)
        return hash_bytes(v->one.s.p, v->one.s.n, h);
    for (uint32_t i = 0; i < v->n; i++)
        h = hash_elem(v, value_elem(v, i), h);
    return h;
}

static bool same_elem(const struct value *v, const union elem *a, const union elem *b)
{
    switch (value_type_info(v->type)->vclass) {
    case VC_TEXT:
    case VC_BYTES:
        return span_eq(a->s, b->s);
    case VC_ADDRESS:
    case VC_NETWORK:
        return a->ip.len == b->ip.len && memcmp(a->ip.b, b->ip.b, a->ip.len) == 0;
    default:
        return a->u == b->u;
    }
}

static bool same_value(const struct value *a, const struct value *b)
{
    if (a->state != b->state || a->type != b->type || a->list != b->list || a->n != b->n)
        return false;
    if (a->state == VALUE_FAILED)
        return span_eq(a->one.s, b->one.s);
    for (uint32_t i = 0; i < a->n; i++) {
        if (!same_elem(a, value_elem(a, i), value_elem(b, i)))
            return false;
    }
    return true;
}

static struct span keep_span(struct value_chunk *k, struct span s)
{
    return (struct span){arena_strndup(&k->arena, s.n ? s.p : "", s.n), s.n};
}

static void keep_elem(struct value_chunk *k, enum value_type type, union elem *e)
{
    enum value_class vclass = value_type_info(type)->vclass;

    if (vclass == VC_TEXT || vclass == VC_BYTES)
        e->s = keep_span(k, e->s);
}

static struct value *value_at(const struct value_chunk *k, uint32_t i)
{
    return &k->pages[i >> PAGE_BITS][i & ((1u << PAGE_BITS) - 1)];
}

static uint32_t keep_value(struct value_chunk *k, const struct value *v)
{
    struct value *to;

    if (!k->pages[k->n >> PAGE_BITS])
        k->pages[k->n >> PAGE_BITS] = xcalloc((size_t)1 << PAGE_BITS, sizeof(*to));
    to = value_at(k, k->n);
    *to = *v;
    if (v->state == VALUE_FAILED) {
        to->one.s = keep_span(k, v->one.s);
    } else if (!v->list) {
        keep_elem(k, v->type, &to->one);
    } else {
        to->many = arena_alloc(&k->arena, v->n * sizeof(*to->many));
        for (uint32_t i = 0; i < v->n; i++) {
            to->many[i] = v->many[i];
            keep_elem(k, v->type, &to->many[i]);
        }
    }
    return k->n++;
}

static void table_grow(struct value_chunk *k)
{
    uint32_t size = k->table_size ? k->table_size * 2 : 64;

    free(k->table);
    k->table = xcalloc(size, sizeof(*k->table));
    k->table_size = size;
    for (uint32_t i = 0; i < k->n; i++) {
        uint64_t h = hash_value(value_at(k, i));

        while (k->table[h & (size - 1)])
            h++;
        k->table[h & (size - 1)] = i + 1;
    }
}

/* The place of a value, kept once. */
static uint32_t intern(struct value_chunk *k, const struct value *v)
{
    uint64_t h = hash_value(v);

    if (k->n * 2 >= k->table_size)
        table_grow(k);
    for (;; h++) {
        uint32_t *slot = &k->table[h & (k->table_size - 1)];

        if (!*slot)
            return (*slot = keep_value(k, v) + 1) - 1;
        if (same_value(value_at(k, *slot - 1), v))
            return *slot - 1;
    }
}

static void note_bytes(struct value_columns *c, struct value_chunk *k)
{
    uint64_t pages = (k->n + (1u << PAGE_BITS) - 1) >> PAGE_BITS,
             bytes = sizeof(*k) + k->arena.used + k->table_size * sizeof(*k->table) +
                     pages * (sizeof(struct value) << PAGE_BITS);

    if (bytes == k->bytes)
        return;
    if (k->listed)
        c->bytes += bytes - k->bytes;
    k->bytes = bytes;
}

void value_chunk_keep(struct value_columns *c, struct value_chunk *k, uint64_t row,
                      const struct value *v)
{
    _Atomic uint32_t *code = &k->codes[row & (STORE_CHUNK - 1)];

    pthread_mutex_lock(&k->lock);
    if (atomic_load_explicit(code, memory_order_relaxed) == CODE_UNKNOWN) {
        atomic_store_explicit(code, v->state == VALUE_NONE ? CODE_NONE : CODE_VALUES + intern(k, v),
                              memory_order_release);
        atomic_fetch_add_explicit(&k->known, 1, memory_order_release);
        note_bytes(c, k);
    }
    pthread_mutex_unlock(&k->lock);
}

/* ---- within the memory ----------------------------------------------------------------------- */

/* Where the chunk that was not asked for the longest stands; NULL: there is none. */
static struct value_chunk **least_useful(struct value_columns *c)
{
    struct value_chunk **found = NULL;

    for (struct value_column *col = c->list; col; col = col->next) {
        for (size_t i = 0; !col->pinned && i < col->chunks.n; i++) {
            struct value_chunk **k = &col->chunks.v[i];

            if (*k && (!found || (*k)->used < (*found)->used))
                found = k;
        }
    }
    return found;
}

void value_columns_trim(struct value_columns *c)
{
    struct value_chunk **k;

    if (c->bytes <= c->limit)
        return;
    pthread_mutex_lock(&c->lock);
    while (c->bytes > c->limit - c->limit / 8 && (k = least_useful(c)))
        drop(c, k);
    pthread_mutex_unlock(&c->lock);
}
