/* The trace of calls: the newest ones, one by one, while somebody asks for it. */
#include "internal.h"

struct plugin_trace {
    pthread_mutex_t lock;
    uint64_t last; /* entries so far */
    struct plugin_trace_entry ring[PLUGIN_TRACE_MAX];
};

struct plugin_trace *trace_new(void)
{
    struct plugin_trace *t = xcalloc(1, sizeof(*t));

    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void trace_free(struct plugin_trace *t)
{
    pthread_mutex_destroy(&t->lock);
    free(t);
}

void trace_note(struct plugin_host *h, uint64_t took, bool failed)
{
    const struct plugin_call *c = &h->record->call;
    struct plugin_trace *t = h->trace;
    struct plugin_trace_entry *e;

    pthread_mutex_lock(&t->lock);
    e = &t->ring[t->last++ % PLUGIN_TRACE_MAX];
    e->number = t->last;
    e->ended = time_now();
    e->took = took;
    e->event = c->event;
    e->fn = (enum plugin_fn)c->fn;
    e->failed = failed;
    memcpy(e->plugin, c->plugin, sizeof(e->plugin));
    memcpy(e->field, c->field, sizeof(e->field));
    memcpy(e->arg, c->arg, sizeof(e->arg));
    pthread_mutex_unlock(&t->lock);
}

void plugin_trace_set(struct plugin_host *h, bool on)
{
    atomic_store(&h->tracing, on);
}

bool plugin_trace_on(const struct plugin_host *h)
{
    return atomic_load(&h->tracing);
}

size_t plugin_trace_read(struct plugin_host *h, uint64_t after, struct plugin_trace_entry *out,
                         size_t max)
{
    struct plugin_trace *t = h->trace;
    uint64_t from;
    size_t n = 0;

    max = MIN_OF(max, (size_t)PLUGIN_TRACE_MAX);
    pthread_mutex_lock(&t->lock);
    from = MAX_OF(after, t->last > max ? t->last - max : 0);
    for (; from < t->last; from++)
        out[n++] = t->ring[from % PLUGIN_TRACE_MAX];
    pthread_mutex_unlock(&t->lock);
    return n;
}
