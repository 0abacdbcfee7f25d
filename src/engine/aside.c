/*
 * Events that pass, made into text by threads of their own: the one that reads goes on meanwhile and
 * moves the state, whose versions tell how it was at each of them. Texts leave in the events' order.
 */
#include "internal.h"

#define WORKERS_MAX  6
#define BATCHES_MAX  (2 * WORKERS_MAX + 4)
#define BATCH_EVENTS 1024
#define BATCH_BYTES  ((size_t)256 << 10) /* full at; one more event may follow */

struct batch {
    char apart[APART];
    struct buf bytes;
    size_t n, at[BATCH_EVENTS]; /* where the bytes of each stand */
    struct passed events[BATCH_EVENTS];
    struct aside_text made;
    bool looked; /* the aside's lock */
    char apart_too[APART];
};

struct worker {
    struct aside *aside;
    pthread_t thread;
    void *own;
};

struct aside {
    struct aside_way way;
    void *ctx;
    struct worker workers[WORKERS_MAX];
    unsigned nworkers;
    struct batch *batches[BATCHES_MAX];
    unsigned nbatches;
    _Atomic bool over; /* nothing more is wanted */
    char apart[APART];
    pthread_mutex_t lock;
    pthread_cond_t given_on, done_on;
    uint64_t given, taken, done; /* batches, since the start */
    bool waits, writes, stop;    /* the giver waits; a worker writes; no more will come */
};

static struct batch *batch_of(const struct aside *a, uint64_t n)
{
    return a->batches[n % a->nbatches];
}

static void look_at(struct aside *a, void *own, struct batch *b)
{
    for (size_t i = 0; i < b->n && !a->over; i++) {
        b->events[i].bytes = b->bytes.data + b->at[i];
        a->way.look(own, &b->events[i], &b->made);
    }
}

/* With the lock, which is given back meanwhile. What others have looked at before its turn is
 * written here too. */
static void write_looked(struct aside *a)
{
    while (!a->writes && a->done < a->taken && batch_of(a, a->done)->looked) {
        struct batch *b = batch_of(a, a->done);

        a->writes = true;
        pthread_mutex_unlock(&a->lock);
        if (!a->over && !a->way.write(a->ctx, &b->made))
            a->over = true;
        buf_reset(&b->made.text);
        buf_reset(&b->bytes);
        b->made.lines = b->n = 0;
        pthread_mutex_lock(&a->lock);
        b->looked = false;
        a->writes = false;
        a->done++;
        if (a->waits && a->given - a->done <= a->nbatches / 2) /* not for each one */
            pthread_cond_signal(&a->done_on);
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct aside *a = w->aside;

    pthread_mutex_lock(&a->lock);
    for (;;) {
        struct batch *b;

        while (a->given == a->taken && !a->stop)
            pthread_cond_wait(&a->given_on, &a->lock);
        if (a->given == a->taken)
            break;
        b = batch_of(a, a->taken++);
        pthread_mutex_unlock(&a->lock);
        look_at(a, w->own, b);
        pthread_mutex_lock(&a->lock);
        b->looked = true;
        write_looked(a);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void start_workers(struct aside *a, unsigned most)
{
    most = MIN_OF(most, WORKERS_MAX);
    a->nbatches = 2 * most + 4;
    for (unsigned i = 0; i < a->nbatches; i++) {
        a->batches[i] = xcalloc(1, sizeof(struct batch));
        buf_init(&a->batches[i]->bytes, BATCH_BYTES + EVENT_LEN_MAX);
        buf_init(&a->batches[i]->made.text, SIZE_MAX / 2);
    }
    for (unsigned i = 0; i < most; i++) {
        struct worker *w = &a->workers[a->nworkers];

        *w = (struct worker){.aside = a, .own = a->way.begin(a->ctx)};
        if (pthread_create(&w->thread, NULL, work, w) != 0) {
            a->way.end(w->own);
            return;
        }
        a->nworkers++;
    }
}

struct aside *aside_new(const struct aside_way *way, void *ctx, unsigned most)
{
    struct aside *a = xcalloc(1, sizeof(*a));

    a->way = *way;
    a->ctx = ctx;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->given_on, NULL);
    pthread_cond_init(&a->done_on, NULL);
    start_workers(a, most);
    if (a->nworkers)
        return a;
    aside_free(a);
    return NULL;
}

void aside_free(struct aside *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->given_on);
    pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; i < a->nworkers; i++) {
        pthread_join(a->workers[i].thread, NULL);
        a->way.end(a->workers[i].own);
    }
    for (unsigned i = 0; i < a->nbatches; i++) {
        buf_fini(&a->batches[i]->bytes);
        buf_fini(&a->batches[i]->made.text);
        free(a->batches[i]);
    }
    pthread_cond_destroy(&a->done_on);
    pthread_cond_destroy(&a->given_on);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* With the lock. */
static void wait_for(struct aside *a, uint64_t left)
{
    a->waits = true;
    while (a->given - a->done > left)
        pthread_cond_wait(&a->done_on, &a->lock);
    a->waits = false;
}

void aside_flush(struct aside *a)
{
    if (batch_of(a, a->given)->n == 0)
        return;
    pthread_mutex_lock(&a->lock);
    a->given++;
    pthread_cond_signal(&a->given_on);
    if (a->given - a->done >= a->nbatches)
        wait_for(a, a->nbatches / 2);
    pthread_mutex_unlock(&a->lock);
}

void aside_drain(struct aside *a)
{
    aside_flush(a);
    pthread_mutex_lock(&a->lock);
    wait_for(a, 0);
    pthread_mutex_unlock(&a->lock);
}

void aside_give(struct aside *a, const struct passed *e)
{
    struct batch *b = batch_of(a, a->given);

    b->at[b->n] = b->bytes.len;
    b->events[b->n++] = *e;
    buf_add(&b->bytes, e->bytes, event_len(e->bytes));
    if (b->n == BATCH_EVENTS || b->bytes.len >= BATCH_BYTES)
        aside_flush(a);
}

bool aside_over(const struct aside *a)
{
    return a->over;
}
