/*
 * Bytes of a capture that are read, and inflated, before they are wanted: by a thread of its own,
 * while those before them are looked at. It stops at what is not plain reading on (an end, an error)
 * and goes on when that has been taken.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "internal.h"

#define SLOTS       6
#define WAKE_AT     3 /* free slots: it is not woken for each one */
#define THREADS_MAX 4 /* of the process: merged captures are many */

struct slot {
    char *room; /* AHEAD_BEFORE bytes for what is left of the one before, then the bytes */
    size_t n;
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
    bool held;              /* the newest one taken is in the reader's hands */
    bool parked, stop;
};

static _Atomic int running;

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
        a->parked = s->sev != SEV_OK || s->n < AHEAD_STEP;
        a->filled++;
        pthread_cond_broadcast(&a->cond);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

struct ahead *ahead_new(struct capture_input *input)
{
    struct ahead *a;

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || running >= THREADS_MAX)
        return NULL;
    a = xcalloc(1, sizeof(*a));
    a->input = input;
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
    for (size_t i = 0; i < SLOTS; i++)
        free(a->slots[i].room);
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
