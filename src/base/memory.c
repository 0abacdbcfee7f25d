/* Small allocations, vectors, arenas. Running out of memory ends the process: the keeper reports
 * it. */
#include "mews/base.h"

static void *or_die(void *p, size_t n)
{
    if (!p && n) {
        fprintf(stderr, "mews: out of memory (%zu bytes wanted)\n", n);
        abort();
    }
    return p;
}

void *xmalloc(size_t n)
{
    return or_die(malloc(n ? n : 1), n);
}

void *xcalloc(size_t n, size_t size)
{
    return or_die(calloc(n ? n : 1, size ? size : 1), n * size);
}

void *xrealloc(void *p, size_t n)
{
    return or_die(realloc(p, n ? n : 1), n);
}

char *xstrndup(const char *s, size_t n)
{
    char *p = xmalloc(n + 1);

    if (n)
        memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *p;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&p, fmt, ap);
    va_end(ap);
    return or_die(n < 0 ? NULL : p, 1);
}

void vec_grow(void **v, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return;
    *cap = MAX_OF(need, *cap ? *cap * 2 : 8);
    *v = xrealloc(*v, *cap * size);
}

void str_list_add(struct str_list *l, const char *s)
{
    vec_push(l, xstrdup(s));
}

void str_list_addf(struct str_list *l, const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) >= 0)
        vec_push(l, s);
    va_end(ap);
}

bool str_list_has(const struct str_list *l, const char *s)
{
    for (size_t i = 0; i < l->n; i++) {
        if (str_eq(l->v[i], s))
            return true;
    }
    return false;
}

void str_list_copy(struct str_list *to, const struct str_list *from)
{
    for (size_t i = 0; i < from->n; i++)
        str_list_add(to, from->v[i]);
}

void str_list_fini(struct str_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    vec_free(l);
}

/* ---- arenas ---------------------------------------------------------------------------------- */

#define ARENA_BLOCK ((size_t)16 << 10)

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    _Alignas(16) char data[];
};

static struct arena_block *block_new(struct arena_block *next, size_t size)
{
    struct arena_block *b = xmalloc(sizeof(*b) + size);

    b->next = next;
    b->size = size;
    b->used = 0;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    struct arena_block *b = a->head;
    void *p;

    n = (n + 15) & ~(size_t)15;
    if (!b || b->size - b->used < n)
        b = a->head = block_new(b, MAX_OF(n, ARENA_BLOCK));
    p = b->data + b->used;
    b->used += n;
    a->used += n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    return memset(arena_alloc(a, n), 0, n);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1);

    if (n)
        memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    char *p;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    p = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return p;
}

void arena_reset(struct arena *a)
{
    struct arena_block *b = a->head, *next;

    a->used = 0;
    if (!b)
        return;
    for (next = b->next; next; next = b->next) {
        b->next = next->next;
        free(next);
    }
    if (b->size > 4 * ARENA_BLOCK) {
        free(b);
        a->head = NULL;
    } else {
        b->used = 0;
    }
}

void arena_fini(struct arena *a)
{
    arena_reset(a);
    free(a->head);
    a->head = NULL;
}
