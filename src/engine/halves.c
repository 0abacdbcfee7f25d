/* Enter halves that wait for their exits, one for a thread: the newest. */
#include "capture.h"

static struct half **slot_of(struct halves *h, uint64_t tid)
{
    struct half **p = &h->buckets[(tid * 0x9e3779b97f4a7c15ull) >> 52];

    while (*p && (*p)->tid != tid)
        p = &(*p)->next;
    return p;
}

static void free_list(struct half *list)
{
    for (struct half *p = list, *next; p; p = next) {
        next = p->next;
        free(p->bytes);
        free(p);
    }
}

void halves_clear(struct halves *h)
{
    for (size_t i = 0; i < COUNT_OF(h->buckets); i++) {
        free_list(h->buckets[i]);
        h->buckets[i] = NULL;
    }
    free_list(h->spare);
    h->spare = NULL;
    h->n = 0;
}

static struct half *half_new(struct halves *h)
{
    struct half *p = h->spare;

    h->n++;
    if (!p)
        return xcalloc(1, sizeof(*p));
    h->spare = p->next;
    p->next = NULL;
    return p;
}

void halves_drop(struct halves *h, uint64_t tid)
{
    struct half **slot, *p;

    if (h->n == 0)
        return;
    slot = slot_of(h, tid);
    p = *slot;
    if (!p)
        return;
    *slot = p->next;
    p->next = h->spare;
    h->spare = p;
    h->n--;
}

void halves_keep(struct halves *h, uint64_t tid, struct span bytes, bool v1, bool as_is,
                 uint64_t offset)
{
    struct half **slot = slot_of(h, tid), *p = *slot;

    if (!p) {
        p = *slot = half_new(h);
        p->tid = tid;
    }
    if (bytes.n > p->cap) {
        p->cap = bytes.n * 2;
        p->bytes = xrealloc(p->bytes, p->cap);
    }
    p->offset = offset;
    p->v1 = v1;
    p->as_is = as_is;
    p->len = bytes.n;
    memcpy(p->bytes, bytes.p, bytes.n);
}

struct half *halves_of(struct halves *h, uint64_t tid)
{
    return *slot_of(h, tid);
}
