/* Async events (§7.3, §7.4): taken from any thread, checked, kept in the order of time until the
 * stream is there. */
#include "internal.h"

#define FUTURE_NS (10 * NS_PER_S) /* farther ahead than this the reference drops an event */

struct queued {
    struct queued *next;
    uint64_t ts, received; /* ts TS_NONE: when it is taken */
    struct plugin *plugin;
    bool future; /* the reference would drop it */
    uint32_t len;
    char bytes[];
};

struct async_queue {
    pthread_mutex_t lock; /* guards all of it */
    bool open;
    char *source; /* of the stream */
    uint32_t id;  /* that events get */
    uint64_t limit, bytes, n;
    struct queued *head; /* without a time first, then by time; of equal ones the first that came */
    struct queued *last, *last_untimed; /* NULL: none */
};

struct async_queue *async_new(void)
{
    struct async_queue *q = xcalloc(1, sizeof(*q));

    pthread_mutex_init(&q->lock, NULL);
    return q;
}

static void drop_all(struct async_queue *q)
{
    for (struct queued *e = q->head, *next; e; e = next) {
        next = e->next;
        free(e);
    }
    q->head = q->last = q->last_untimed = NULL;
    q->bytes = q->n = 0;
}

void async_free(struct async_queue *q)
{
    drop_all(q);
    free(q->source);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* ---- checks ---------------------------------------------------------------------------------- */

const char *plugin_async_word(enum plugin_async_fate fate)
{
    static const char *const words[] = {
        [ASYNC_TAKEN] = "taken",           [ASYNC_NO_HANDLER] = "no handler is set",
        [ASYNC_MALFORMED] = "malformed",   [ASYNC_UNDECLARED] = "its name is not declared",
        [ASYNC_SOURCE] = "wrong source",   [ASYNC_THREAD] = "it names a thread",
        [ASYNC_FULL] = "no memory is left"};

    return words[fate];
}

static enum plugin_async_fate refuse(char err[PLUGIN_MAX_ERRLEN], enum plugin_async_fate fate,
                                     const char *fmt, ...) PRINTF_LIKE(3, 4);

static enum plugin_async_fate refuse(char err[PLUGIN_MAX_ERRLEN], enum plugin_async_fate fate,
                                     const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err, PLUGIN_MAX_ERRLEN, fmt, ap);
    va_end(ap);
    return fate;
}

/* Structure and name: all that dump_state's events are asked, too. */
static enum plugin_async_fate check_event(const struct plugin *p, const void *e,
                                          char err[PLUGIN_MAX_ERRLEN])
{
    struct span name;
    struct error why;

    if (!e || event_code(e) != EVENT_ASYNC || event_nparams(e) != 3)
        return refuse(err, ASYNC_MALFORMED,
                      "malformed async event: type 402 with 3 parameters is needed");
    if (event_len(e) > EVENT_LEN_MAX || event_check(e, event_len(e), &why) != SEV_OK)
        return refuse(err, ASYNC_MALFORMED, "malformed async event: %s",
                      event_len(e) > EVENT_LEN_MAX ? "longer than 64 MiB" : why.text);
    name = event_param(e, 1);
    if (event_param(e, 0).n != 4 || name.n == 0 || name.p[name.n - 1] != '\0')
        return refuse(err, ASYNC_MALFORMED,
                      "malformed async event: its ID has 4 bytes and its name ends with a NUL");
    if (!str_list_has(&p->info.async_events, name.p))
        return refuse(err, ASYNC_UNDECLARED,
                      "incompatible async event: plugin %s does not declare “%.100s”", p->info.name,
                      name.p);
    return ASYNC_TAKEN;
}

/* In the order of §7.3; with the queue's lock held. */
static enum plugin_async_fate check(const struct async_queue *q, const struct plugin *p,
                                    const void *e, char err[PLUGIN_MAX_ERRLEN])
{
    enum plugin_async_fate fate;

    if (!q->open || !p->handler_set)
        return refuse(err, ASYNC_NO_HANDLER, "async event of plugin %s sent with NULL handler",
                      p->info.name);
    fate = check_event(p, e, err);
    if (fate != ASYNC_TAKEN)
        return fate;
    if (p->info.async_sources.n && !str_list_has(&p->info.async_sources, q->source))
        return refuse(err, ASYNC_SOURCE,
                      "async events of plugin %s are not compatible with the open event source %s",
                      p->info.name, q->source);
    if (!str_eq(q->source, "syscall") && event_tid(e) != EVENT_TID_NONE)
        return refuse(err, ASYNC_THREAD,
                      "no thread may be associated with async events on the event source %s",
                      q->source);
    if (q->bytes + event_len(e) > q->limit)
        return refuse(err, ASYNC_FULL, "%llu async events wait, and no more fit into the memory",
                      (unsigned long long)q->n);
    return ASYNC_TAKEN;
}

static void insert(struct async_queue *q, struct queued *n)
{
    struct queued **at = &q->head;

    if (n->ts == TS_NONE && q->last_untimed) /* most come in order: no search */
        at = &q->last_untimed->next;
    else if (n->ts != TS_NONE && q->last && (q->last->ts == TS_NONE || q->last->ts <= n->ts))
        at = &q->last->next;
    while (*at && ((*at)->ts == TS_NONE || (n->ts != TS_NONE && (*at)->ts <= n->ts)))
        at = &(*at)->next;
    n->next = *at;
    *at = n;
    if (n->ts == TS_NONE)
        q->last_untimed = n;
    if (!n->next)
        q->last = n;
    q->bytes += n->len;
    q->n++;
}

static void enqueue(struct async_queue *q, struct plugin *p, const void *e)
{
    struct queued *n = xmalloc(sizeof(*n) + event_len(e));

    n->received = time_now();
    n->plugin = p;
    n->len = event_len(e);
    memcpy(n->bytes, e, n->len);
    put_u32(n->bytes + 38, q->id);
    n->ts = event_ts(e);
    n->future = n->ts != TS_NONE && n->ts > n->received + FUTURE_NS;
    insert(q, n);
}

/* ---- the handler: any thread of a plugin ----------------------------------------------------- */

static ss_plugin_rc on_event(ss_plugin_owner_t *o, const ss_plugin_event *e, char *err)
{
    char words[PLUGIN_MAX_ERRLEN] = "";
    struct plugin *p = owner_hold(o);
    enum plugin_async_fate fate;

    if (!p) {
        if (err)
            snprintf(err, PLUGIN_MAX_ERRLEN, "the owner of this async event is not known");
        return SS_PLUGIN_FAILURE;
    }
    pthread_mutex_lock(&p->host->async->lock);
    fate = check(p->host->async, p, e, words);
    if (fate == ASYNC_TAKEN)
        enqueue(p->host->async, p, e);
    pthread_mutex_unlock(&p->host->async->lock);
    atomic_fetch_add_explicit(&p->async[fate], 1, memory_order_relaxed);
    if (fate == ASYNC_TAKEN && p->host->hooks.async)
        p->host->hooks.async(p->host->hooks.ctx);
    owner_release();
    if (fate != ASYNC_TAKEN && err)
        memcpy(err, words, sizeof(words));
    return fate == ASYNC_TAKEN ? SS_PLUGIN_SUCCESS : SS_PLUGIN_FAILURE;
}

/* ---- set and unset --------------------------------------------------------------------------- */

static enum severity set_handler(struct plugin *p, bool on, struct error *err)
{
    struct call_timer t;
    char words[PLUGIN_MAX_ERRLEN];
    ss_plugin_rc rc;

    if (on) { /* usable from within the call on */
        pthread_mutex_lock(&p->host->async->lock);
        p->handler_set = true;
        pthread_mutex_unlock(&p->host->async->lock);
    }
    t = call_begin(p, PF_SET_ASYNC_EVENT_HANDLER, 0, on ? "a handler" : "NULL");
    rc = p->api.set_async_event_handler(p->instance, p, on ? on_event : NULL);
    call_end(p, PF_SET_ASYNC_EVENT_HANDLER, t, rc != SS_PLUGIN_SUCCESS);
    if (!on || rc != SS_PLUGIN_SUCCESS) {
        pthread_mutex_lock(&p->host->async->lock);
        p->handler_set = false;
        pthread_mutex_unlock(&p->host->async->lock);
    }
    if (rc == SS_PLUGIN_SUCCESS)
        return SEV_OK;
    call_last_error(p, words, sizeof(words));
    return error_set(err, ERR_PLUGIN, "plugin %s: plugin_set_async_event_handler(%s): %s",
                     p->info.name, on ? "handler" : "NULL", words);
}

static bool is_async(const struct plugin *p)
{
    return p->state == PLUGIN_INITIALISED && (p->info.caps & CAP_ASYNC);
}

enum severity plugin_async_start(struct plugin_host *h, const char *source, uint32_t id,
                                 uint64_t memory, struct error *err)
{
    struct async_queue *q = h->async;
    enum severity sev = SEV_OK;

    pthread_mutex_lock(&q->lock);
    free(q->source);
    q->source = xstrdup(source);
    q->id = id;
    q->limit = memory;
    q->open = true;
    pthread_mutex_unlock(&q->lock);
    for (size_t i = 0; i < h->plugins.n && sev == SEV_OK; i++) {
        if (is_async(h->plugins.v[i]) && !h->plugins.v[i]->handler_set)
            sev = set_handler(h->plugins.v[i], true, err);
    }
    return sev;
}

bool plugin_async_runs(const struct plugin_host *h)
{
    for (size_t i = 0; i < h->plugins.n; i++) {
        if (h->plugins.v[i]->handler_set)
            return true;
    }
    return false;
}

/* Every plugin is told, whatever the others answer; what went wrong is joined. */
void plugin_async_stop(struct plugin_host *h, struct buf *errors)
{
    struct error err;

    for (size_t i = 0; i < h->plugins.n; i++) {
        if (!is_async(h->plugins.v[i]) || !h->async->open)
            continue;
        if (set_handler(h->plugins.v[i], false, &err) != SEV_OK && errors)
            buf_addf(errors, "%s%s", errors->len ? "; " : "", err.text);
    }
    pthread_mutex_lock(&h->async->lock);
    h->async->open = false;
    pthread_mutex_unlock(&h->async->lock);
}

bool plugin_async_take(struct plugin_host *h, uint64_t until, uint64_t fill, struct buf *out,
                       struct plugin_async *what)
{
    struct async_queue *q = h->async;
    struct queued *e;

    pthread_mutex_lock(&q->lock);
    e = q->head;
    if (e && e->ts != TS_NONE && e->ts > until)
        e = NULL;
    if (e) {
        q->head = e->next;
        q->last = q->head ? q->last : NULL;
        q->last_untimed = q->last_untimed == e ? NULL : q->last_untimed;
        q->bytes -= e->len;
        q->n--;
    }
    pthread_mutex_unlock(&q->lock);
    if (!e)
        return false;
    *what = (struct plugin_async){e->plugin, e->received, out->len, e->future};
    if (e->ts == TS_NONE)
        put_u64(e->bytes, fill);
    buf_add(out, e->bytes, e->len);
    free(e);
    return !out->failed;
}

bool plugin_async_due(struct plugin_host *h, uint64_t *ts)
{
    bool any;

    pthread_mutex_lock(&h->async->lock);
    any = h->async->head != NULL;
    if (any)
        *ts = h->async->head->ts == TS_NONE ? 0 : h->async->head->ts;
    pthread_mutex_unlock(&h->async->lock);
    return any;
}

uint64_t plugin_async_count(const struct plugin *p, enum plugin_async_fate fate)
{
    return atomic_load_explicit(&((struct plugin *)p)->async[fate], memory_order_relaxed);
}

/* ---- dump_state (§7.6) ----------------------------------------------------------------------- */

/* Where the events of the call that is out go. Plugins have been seen giving another pointer as the
 * owner here (quirk 30): the plugin whose call it is counts. */
static _Thread_local struct dump {
    struct plugin *p;
    struct buf *out;
    unsigned n;
} dumping;

static ss_plugin_rc on_dump(ss_plugin_owner_t *o, const ss_plugin_event *e, char *err)
{
    char words[PLUGIN_MAX_ERRLEN] = "";
    enum plugin_async_fate fate;

    UNUSED(o);
    if (!dumping.p) {
        if (err)
            snprintf(err, PLUGIN_MAX_ERRLEN, "the handler of plugin_dump_state is for that call");
        return SS_PLUGIN_FAILURE;
    }
    fate = check_event(dumping.p, e, words);
    if (fate == ASYNC_TAKEN) {
        buf_add(dumping.out, e, event_len(e));
        dumping.n++;
    } else if (err) {
        memcpy(err, words, sizeof(words));
    }
    return fate == ASYNC_TAKEN ? SS_PLUGIN_SUCCESS : SS_PLUGIN_FAILURE;
}

enum severity plugin_tell_state(struct plugin *p, struct buf *out, unsigned *n, struct error *err)
{
    struct call_timer t;
    char words[PLUGIN_MAX_ERRLEN];
    ss_plugin_rc rc;

    *n = 0;
    if (!is_async(p) || !has_fn(p->mask, PF_DUMP_STATE))
        return SEV_OK;
    dumping = (struct dump){p, out, 0};
    t = call_begin(p, PF_DUMP_STATE, 0, NULL);
    rc = p->api.dump_state(p->instance, p, on_dump);
    call_end(p, PF_DUMP_STATE, t, rc != SS_PLUGIN_SUCCESS);
    *n = dumping.n;
    dumping = (struct dump){NULL, NULL, 0};
    if (rc == SS_PLUGIN_SUCCESS)
        return SEV_OK;
    call_last_error(p, words, sizeof(words));
    return error_set(err, ERR_PLUGIN, "plugin %s: plugin_dump_state: %s", p->info.name, words);
}
