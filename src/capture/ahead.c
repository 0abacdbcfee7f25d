/*
 * Bytes of a capture that are read, and inflated, before they are wanted: by a thread of its own,
 * while those before them are looked at. It stops at what is not plain reading on (an end, an error)
 * and goes on when that has been taken.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "internal.h"

#define SLOTS       6
#define MARKS_MAX   (AHEAD_STEP / 40) /* no block of an event has fewer bytes */
#define WAKE_AT     3                 /* free slots: it is not woken for each one */
#define THREADS_MAX 4                 /* of the process: merged captures are many */

struct slot {
    char *room; /* AHEAD_BEFORE bytes for what is left of the one before, then the bytes */
    size_t n;
    struct capture_mark *marks; /* of what begins in it; NULL: none have been wanted yet */
    size_t nmarks;
    unsigned marker; /* whose marks they are */
    enum severity sev;
    struct error err;
};

struct ahead {
    struct capture_input *input;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct slot slots[SLOTS];
    uint64_t filled, taken; /* slots, since the start */
    capture_marker *marker;
    const void *ctx;
    unsigned markers; /* counts them */
    bool marking;
    bool held; /* the newest one taken is in the reader's hands */
    bool parked, stop;
};

static _Atomic int running;

/* Where a block starts is sought anew in each slot: what is marked where none does is never found
 * again by who reads block by block, and does no harm. */
static void mark_blocks(struct slot *s, capture_marker *marker, const void *ctx)
{
    struct span bytes = {s->room + AHEAD_BEFORE, s->n};
    size_t from;

    if (!s->marks)
        s->marks = xmalloc(MARKS_MAX * sizeof(*s->marks));
    if (capture_find_block(bytes, 0, &from))
        s->nmarks = marker(ctx, bytes, from, s->marks, MARKS_MAX);
}

/* With the lock, which is given back meanwhile. */
static void mark_slot(struct ahead *a, struct slot *s)
{
    capture_marker *marker = a->marker;
    const void *ctx = a->ctx;

    s->nmarks = 0;
    s->marker = a->markers;
    /* whoever waits for bytes has time to look at them itself */
    if (!marker || s->sev != SEV_OK || a->filled == a->taken)
        return;
    a->marking = true;
    pthread_mutex_unlock(&a->lock);
    mark_blocks(s, marker, ctx);
    pthread_mutex_lock(&a->lock);
    a->marking = false;
}

void ahead_mark(struct ahead *a, capture_marker *marker, const void *ctx)
{
    pthread_mutex_lock(&a->lock);
    a->marker = marker;
    a->ctx = ctx;
    a->markers++;
    while (a->marking)
        pthread_cond_wait(&a->cond, &a->lock);
    pthread_mutex_unlock(&a->lock);
}

static void *fill_slots(void *arg)
{
    struct ahead *a = arg;

    pthread_mutex_lock(&a->lock);
    while (!a->stop) {
        struct slot *s = &a->slots[a->filled % SLOTS];

        if (a->parked || a->filled - a->taken + a->held >= SLOTS) {
            pthread_cond_wait(&a->cond, &a->lock);
            continue;
        }
        pthread_mutex_unlock(&a->lock);
        s->sev = capture_input_next(a->input, s->room + AHEAD_BEFORE, AHEAD_STEP, &s->n, &s->err);
        pthread_mutex_lock(&a->lock);
        mark_slot(a, s);
        a->parked = s->sev != SEV_OK || s->n < AHEAD_STEP;
        a->filled++;
        pthread_cond_broadcast(&a->cond);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

struct ahead *ahead_new(struct capture_input *input, capture_marker *marker, const void *ctx)
{
    struct ahead *a;

    if (processors() < 2 || running >= THREADS_MAX)
        return NULL;
    a = xcalloc(1, sizeof(*a));
    a->input = input;
    a->marker = marker;
    a->ctx = ctx;
    for (size_t i = 0; i < SLOTS; i++)
        a->slots[i].room = xmalloc(AHEAD_BEFORE + AHEAD_STEP);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->cond, NULL);
    if (pthread_create(&a->thread, NULL, fill_slots, a) == 0) {
        running++;
        return a;
    }
    a->input = NULL;
    ahead_free(a);
    return NULL;
}

void ahead_free(struct ahead *a)
{
    if (!a)
        return;
    if (a->input) {
        pthread_mutex_lock(&a->lock);
        a->stop = true;
        pthread_cond_broadcast(&a->cond);
        pthread_mutex_unlock(&a->lock);
        pthread_join(a->thread, NULL);
        running--;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        free(a->slots[i].room);
        free(a->slots[i].marks);
    }
    pthread_cond_destroy(&a->cond);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

enum severity ahead_take(struct ahead *a, struct span left, char **bytes, size_t *got,
                         struct error *err)
{
    struct slot *s = &a->slots[a->taken % SLOTS];

    *bytes = s->room + AHEAD_BEFORE - left.n;
    if (left.n)
        memcpy(*bytes, left.p, left.n); /* out of the slot that is given back */
    pthread_mutex_lock(&a->lock);
    a->held = false;
    if (a->filled == a->taken)
        a->parked = false; /* what it stopped at has been taken */
    if (a->filled - a->taken <= SLOTS - WAKE_AT)
        pthread_cond_broadcast(&a->cond);
    while (a->filled == a->taken)
        pthread_cond_wait(&a->cond, &a->lock);
    a->taken++;
    a->held = true;
    pthread_mutex_unlock(&a->lock);
    *got = s->n;
    if (s->sev != SEV_OK)
        *err = s->err;
    return s->sev;
}

struct capture_marked ahead_marked(const struct ahead *a)
{
    const struct slot *s = &a->slots[(a->taken + SLOTS - 1) % SLOTS];

    if (!a->held || s->marker != a->markers)
        return (struct capture_marked){NULL, NULL, 0};
    return (struct capture_marked){s->room + AHEAD_BEFORE, s->marks, s->nmarks};
}
