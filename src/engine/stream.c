/* The source: opened, asked for batches, its events checked, kept, numbered and passed on. */
#include "internal.h"

#define IDLE_MIN_NS  (1 * NS_PER_MS)
#define IDLE_MAX_NS  (20 * NS_PER_MS)
#define NODRIVER     "nodriver"
#define FULL_WAIT_NS (500 * NS_PER_MS)
#define ANNOUNCE_NS  (5 * NS_PER_MS)

const char *source_state_name(enum source_state s)
{
    static const char *const names[] = {"closed", "opening", "running", "idle",
                                        "ended",  "failed",  "full"};

    return names[s];
}

static void set_state(struct engine *e, enum source_state state, const char *error)
{
    bool changed;

    pthread_mutex_lock(&e->state_lock);
    changed = e->source.state != state || error;
    e->source.state = state;
    if (error) {
        free(e->source.error);
        e->source.error = xstrdup(error);
    }
    if (state == SOURCE_ENDED || state == SOURCE_FAILED)
        e->source.ended_at = time_now();
    pthread_mutex_unlock(&e->state_lock);
    if (changed)
        wake_main(e, WAKE_STREAM);
}

static void take_async(struct engine *e, uint64_t until);
static void keep_and_pass(struct engine *e);
static void keep_about(struct engine *e, const struct async_note *a, bool initial);

/* ---- what runs around a source (§1.10, steps 10 and 12) --------------------------------------- */

/* What plugins tell of their state comes before the first event, and has no number (§7.6: the spool
 * is a capture that is opened). */
static void tell_states(struct engine *e)
{
    struct error err;
    struct plugin *p;

    if (!e->store)
        return;
    buf_reset(&e->batch);
    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        size_t at = e->batch.len;
        unsigned n;

        if (plugin_tell_state(p, &e->batch, &n, &err) != SEV_OK)
            log_note(e, plugin_info(p)->name, "%s", err.text);
        for (; n; n--) {
            keep_about(e, &(struct async_note){.received = time_now(), .plugin = p}, true);
            store_append(e->store, e->batch.data + at);
            at += event_len(e->batch.data + at);
        }
    }
    if (store_staged(e->store))
        store_commit(e->store, NULL);
}

static bool life_begin(struct engine *e, const struct plugin *p, struct error *err)
{
    uint32_t id = p ? plugin_info(p)->id : 0;

    e->taken_ts = TS_NONE;
    e->lives = true;
    if (plugin_async_start(e->host, id ? plugin_info(p)->source : "syscall", id, e->spec.memory / 4,
                           err) != SEV_OK ||
        plugin_listen_open(e->host, err) != SEV_OK)
        return false;
    tell_states(e);
    return true;
}

/* The source is closed: handlers are taken away, what they left is passed on, listeners are told. */
static void life_end(struct engine *e)
{
    struct buf errors;

    if (!e->lives)
        return;
    e->lives = false;
    buf_init(&errors, 65536);
    plugin_async_stop(e->host, &errors);
    buf_reset(&e->batch);
    e->batch_at.n = e->batch_async.n = 0;
    take_async(e, UINT64_MAX);
    keep_and_pass(e);
    plugin_listen_close(e->host, &errors);
    if (errors.len)
        log_entry(e, NULL, 3, "mews", buf_str(&errors));
    buf_fini(&errors);
}

/* ---- opening --------------------------------------------------------------------------------- */

static struct plugin *source_named(struct engine *e, const char *name)
{
    struct plugin *p = plugin_by_name(e->host, name);

    return p ? p : plugin_by_source(e->host, name);
}

/* Why a named source can't be opened: the plugin failed, has no source, or is not there. */
static void explain_missing(struct engine *e, const char *name, struct plugin *found,
                            struct error *err)
{
    struct plugin *p;

    if (found) {
        error_set(err, ERR_REFUSED, "plugin %s has no event source to open", name);
        return;
    }
    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        if (plugin_state(p) == PLUGIN_FAILED && plugin_info(p)->name &&
            str_eq(plugin_info(p)->name, name)) {
            error_set(err, ERR_PLUGIN, "plugin %s could not be loaded: %s", name,
                      plugin_failure(p)->text);
            return;
        }
    }
    error_set(err, ERR_NOT_FOUND, "no loaded plugin is named %s, or provides a source of that name",
              name);
}

/* Streams of files and of the tour can be had again; others are worth keeping. */
static bool is_live(const struct plugin *p, const char *params)
{
    const char *name = plugin_info(p)->name;

    if (str_eq(name, "tour"))
        return false;
    return !str_eq(name, "logs") || str_starts(params, "exec:") || str_starts(params, "fd:") ||
           str_eq(params, "-");
}

static void mark_reopened(struct engine *e, const char *source)
{
    char *text;
    json_t *mark;

    if (!e->store || store_rows(e->store) == 0)
        return;
    mark = json_pack("{ss so so}", "kind", "opened", "source", rpc_str(source), "ts",
                     rpc_u64(time_now()));
    text = json_dumps(mark, JSON_COMPACT);
    store_append_mark(e->store, span_of(text));
    store_commit(e->store, NULL);
    free(text);
    json_decref(mark);
}

/* Another source, which is about to be opened; p: NULL without a plugin. */
static void set_source(struct engine *e, const char *name, const char *params, struct plugin *p,
                       bool live)
{
    pthread_mutex_lock(&e->state_lock);
    free(e->source.name);
    free(e->source.params);
    free(e->source.error);
    e->source.error = NULL;
    e->source.name = xstrdup(name);
    e->source.params = xstrdup(params);
    e->source.plugin = p;
    e->source.live = live;
    e->source.opened_at = time_now();
    e->source.batches = 0;
    e->source.paused = false;
    pthread_mutex_unlock(&e->state_lock);
    set_state(e, SOURCE_OPENING, NULL);
}

/* A source of system calls without a driver: what is on this host, and what plugins send. */
static void open_nodriver(struct engine *e, struct error *err)
{
    set_source(e, NODRIVER, "", NULL, true);
    e->nodriver = state_of_host();
    state_tables_bind(e->tables, e->nodriver);
    mark_reopened(e, NODRIVER);
    if (!life_begin(e, NULL, err)) {
        stream_close(e);
        set_state(e, SOURCE_FAILED, err->text);
        return;
    }
    log_note(e, NULL, "a source without a driver is open: %zu threads of this host",
             state_thread_count(e->nodriver));
    e->idle_ns = IDLE_MAX_NS;
    set_state(e, SOURCE_IDLE, NULL);
}

static void close_nodriver(struct engine *e)
{
    life_end(e);
    state_tables_bind(e->tables, NULL);
    state_free(e->nodriver);
    e->nodriver = NULL;
    set_state(e, SOURCE_CLOSED, NULL);
    output_end(e);
}

void stream_open(struct engine *e, const char *name, const char *params, struct error *err)
{
    struct plugin *p = source_named(e, name);

    params = params ? params : "";
    error_clear(err);
    stream_close(e);
    if (!p && str_eq(name, NODRIVER)) {
        open_nodriver(e, err);
        return;
    }
    if (!p || !(plugin_info(p)->caps & CAP_SOURCING)) {
        explain_missing(e, name, p, err);
        set_state(e, SOURCE_FAILED, err->text);
        return;
    }
    e->offers_looked = 0;
    set_source(e, name, params, p, is_live(p, params));
    if (plugin_stream_open(p, params, err) != SEV_OK) {
        set_state(e, SOURCE_FAILED, err->text);
        return;
    }
    mark_reopened(e, name);
    if (!life_begin(e, p, err)) {
        plugin_stream_close(p);
        life_end(e);
        set_state(e, SOURCE_FAILED, err->text);
        return;
    }
    log_note(e, plugin_info(p)->name, "the source of %s is open", plugin_info(p)->name);
    e->idle_ns = IDLE_MIN_NS;
    set_state(e, SOURCE_RUNNING, NULL);
}

void stream_close(struct engine *e)
{
    if (e->nodriver)
        close_nodriver(e);
    if (!e->source.plugin || !plugin_stream_is_open(e->source.plugin))
        return;
    plugin_stream_close(e->source.plugin);
    life_end(e);
    set_state(e, SOURCE_CLOSED, NULL);
}

void stream_free(struct engine *e)
{
    free(e->source.name);
    free(e->source.params);
    free(e->source.error);
    json_decref(e->offer);
    buf_fini(&e->batch);
    vec_free(&e->batch_at);
    vec_free(&e->batch_async);
}

/* ---- a batch --------------------------------------------------------------------------------- */

/* Async events that are due before the next sourced one, in the order of time (§7.4). */
static void take_async(struct engine *e, uint64_t until)
{
    uint64_t fill = e->taken_ts == TS_NONE ? time_now() : e->taken_ts;
    struct async_note note;
    struct plugin_async a;

    while (plugin_async_take(e->host, until, fill, &e->batch, &a)) {
        note = (struct async_note){e->batch_at.n, a.received, a.plugin, a.future};
        vec_push(&e->batch_async, note);
        vec_push(&e->batch_at, a.at);
        fill = e->taken_ts = event_ts(e->batch.data + a.at);
    }
}

static bool take_event(struct engine *e, const ss_plugin_event *event, struct error *err)
{
    uint64_t ts = event ? event_ts(event) : 0;
    size_t at;

    take_async(e, ts == TS_NONE ? time_now() : ts);
    at = e->batch.len;
    if (plugin_event_take(e->source.plugin, event, time_now(), &e->batch, err) != SEV_OK) {
        if (e->batch.data)
            e->batch.data[at] = '\0';
        e->batch.len = at;
        return false;
    }
    vec_push(&e->batch_at, at);
    e->taken_ts = event_ts(e->batch.data + at);
    return true;
}

/* Copies the events of a batch, from the first that is not taken on; the first that is malformed
 * ends the stream, those before it count. What a plugin sends while it parses an event may come
 * before the next one: then they are taken one by one. */
static bool take_events(struct engine *e, const struct plugin_batch *b, struct error *err)
{
    uint32_t end = e->parses && plugin_async_runs(e->host) ? MIN_OF(e->taken + 1, b->n) : b->n;

    buf_reset(&e->batch);
    e->batch_at.n = e->batch_async.n = 0;
    while (e->taken < end) {
        if (!take_event(e, b->events[e->taken++], err))
            return false;
    }
    if (b->n == 0 && b->rc == SS_PLUGIN_TIMEOUT) /* an idle source: what is due by the clock */
        take_async(e, time_now());
    return true;
}

/* What is known of an async event beside itself goes before it. */
static void keep_about(struct engine *e, const struct async_note *a, bool initial)
{
    json_t *about = json_pack("{so so}", "received", rpc_u64(a->received), "plugin",
                              rpc_str(plugin_info(a->plugin)->name));
    char *text;

    if (a->future)
        json_object_set_new(about, "future", json_true());
    if (initial)
        json_object_set_new(about, "initial", json_true());
    text = json_dumps(about, JSON_COMPACT);
    store_append_about(e->store, span_of(text));
    free(text);
    json_decref(about);
}

/* Kept before it is numbered or shown. False: no room; the batch stays and is tried again. */
static bool keep_events(struct engine *e, struct error *err)
{
    size_t async = 0;

    for (size_t i = 0; i < e->batch_at.n; i++) {
        if (async < e->batch_async.n && e->batch_async.v[async].index == i)
            keep_about(e, &e->batch_async.v[async++], false);
        store_append(e->store, e->batch.data + e->batch_at.v[i]);
    }
    return store_commit(e->store, err) == SEV_OK;
}

static void pass_on(struct engine *e)
{
    size_t n = e->batch_at.n;

    if (n == 0)
        return;
    if (e->store) {
        uint64_t row = store_rows(e->store) - n;

        for (size_t i = 0; i < n && stateful_asks(e); i++)
            stateful_pass(e, e->batch.data + e->batch_at.v[i], store_number(e->store, row + i),
                          row + i);
        selections_live(e, store_rows(e->store) - n, n, e->batch.data, e->batch_at.v);
        for (size_t i = 0; i < n && e->offers_looked < 20; i++)
            offers_look(e, e->batch.data + e->batch_at.v[i]);
    }
    for (size_t i = 0; e->output && i < n; i++) {
        const char *event = e->batch.data + e->batch_at.v[i];

        if (e->first_ts == TS_NONE)
            e->first_ts = event_ts(event);
        stateful_pass(e, event, ++e->batch_numbers, ROW_NONE);
        output_event(e, event, e->batch_numbers);
        e->last_ts = event_ts(event);
    }
    e->batch_at.n = 0;
    e->unannounced = true;
}

/* That events have been passed on is told to whoever waits for them: not for each one. */
static void announce(struct engine *e)
{
    if (!e->unannounced)
        return;
    e->unannounced = false;
    selections_wake(e);
    wake_main(e, WAKE_STREAM);
    if (e->output)
        output_flush(e);
    e->announced = time_mono();
}

/* What came last; where there is no room for it on the disk it is told, and lost. */
static void keep_and_pass(struct engine *e)
{
    struct error err;

    if (e->store && e->batch_at.n && !keep_events(e, &err)) {
        log_note(e, NULL, "%zu async events could not be kept: %s", e->batch_at.n, err.text);
        return;
    }
    pass_on(e);
    announce(e);
}

static void read_progress(struct engine *e)
{
    char text[128];
    uint32_t pct;
    bool has = plugin_progress(e->source.plugin, &pct, text, sizeof(text));

    pthread_mutex_lock(&e->state_lock);
    e->source.has_progress = has;
    e->source.progress_pct = pct;
    memcpy(e->source.progress_text, text, sizeof(text));
    pthread_mutex_unlock(&e->state_lock);
}

static void end_stream(struct engine *e, enum source_state state, const char *error)
{
    read_progress(e);
    plugin_stream_close(e->source.plugin);
    life_end(e);
    log_note(e, plugin_info(e->source.plugin)->name,
             state == SOURCE_FAILED ? "the source failed: %s" : "the source has ended%s",
             error ? error : "");
    set_state(e, state, error);
    output_end(e);
}

/* What the return code says, after the events have been passed on. */
static bool act_on(struct engine *e, const struct plugin_batch *b, uint64_t took)
{
    char text[1200];

    switch (b->rc) {
    case SS_PLUGIN_SUCCESS:
        e->idle_ns = IDLE_MIN_NS;
        set_state(e, SOURCE_RUNNING, NULL);
        return true;
    case SS_PLUGIN_TIMEOUT:
        if (b->n) {
            e->idle_ns = IDLE_MIN_NS;
            return true;
        }
        set_state(e, SOURCE_IDLE, NULL);
        /* a plugin that answers "nothing" at once is not asked again at once */
        e->idle_ns = took < IDLE_MIN_NS ? MIN_OF(e->idle_ns * 2, IDLE_MAX_NS) : IDLE_MIN_NS;
        return took >= IDLE_MIN_NS;
    case SS_PLUGIN_EOF:
        end_stream(e, SOURCE_ENDED, NULL);
        return true;
    default:
        snprintf(text, sizeof(text), "plugin %s: plugin_next_batch: %s",
                 plugin_info(e->source.plugin)->name, b->error);
        end_stream(e, SOURCE_FAILED, text);
        return true;
    }
}

/* What comes after the events of a batch have been kept and passed on. */
static bool finish_batch(struct engine *e)
{
    if (e->last_batch_ok)
        return act_on(e, &e->last_batch, e->last_batch_took);
    end_stream(e, SOURCE_FAILED, e->last_batch_error.text);
    return true;
}

/* What is left of a batch: taken, kept, passed on. False: no room; it goes on when there is. */
static bool take_batch(struct engine *e)
{
    struct plugin_batch *b = &e->last_batch;
    struct error full;

    do {
        e->last_batch_ok = e->last_batch_ok && take_events(e, b, &e->last_batch_error);
        if (e->store && e->batch_at.n && !keep_events(e, &full)) {
            announce(e);
            set_state(e, SOURCE_FULL, full.text);
            return false;
        }
        pass_on(e);
        if (time_mono() > e->announced + ANNOUNCE_NS)
            announce(e);
    } while (e->last_batch_ok && e->taken < b->n && !e->plugin_quit);
    announce(e);
    return true;
}

/* Events that did not fit on the disk are tried again; nothing new is read meanwhile. */
static bool retry_full(struct engine *e)
{
    struct error err;

    if (store_commit(e->store, &err) != SEV_OK) {
        set_state(e, SOURCE_FULL, err.text);
        job_wait(e, FULL_WAIT_NS);
        return true;
    }
    set_state(e, SOURCE_RUNNING, NULL);
    pass_on(e);
    announce(e);
    if (!e->nodriver && take_batch(e))
        finish_batch(e);
    return true;
}

static bool paused(struct engine *e)
{
    bool p;

    pthread_mutex_lock(&e->state_lock);
    p = e->source.paused;
    pthread_mutex_unlock(&e->state_lock);
    return p;
}

bool stream_asks(struct engine *e)
{
    if (e->capture)
        return e->source.reading && !paused(e);
    if (e->nodriver)
        return !paused(e);
    return e->source.plugin && plugin_stream_is_open(e->source.plugin) && !paused(e);
}

/* Without a driver all that comes is what plugins send, when it is due by the clock. */
static bool take_sent(struct engine *e)
{
    buf_reset(&e->batch);
    e->batch_at.n = e->batch_async.n = 0;
    take_async(e, time_now());
    if (e->batch_at.n == 0)
        return false;
    keep_and_pass(e);
    return true;
}

bool stream_step(struct engine *e)
{
    uint64_t start;

    if (e->capture)
        return stream_asks(e) && capture_step(e);
    if (e->store && store_staged(e->store))
        return retry_full(e);
    if (!stream_asks(e) || (e->store && e->passed_rows < store_rows(e->store) && stateful_asks(e)))
        return false;
    if (e->nodriver)
        return take_sent(e);
    start = time_mono();
    e->last_batch_ok =
        plugin_stream_next(e->source.plugin, &e->last_batch, &e->last_batch_error) == SEV_OK;
    e->last_batch_took = time_mono() - start;
    e->taken = 0;
    if (e->source.batches++ % 64 == 0)
        read_progress(e);
    return take_batch(e) ? finish_batch(e) : true;
}

/* ---- methods --------------------------------------------------------------------------------- */

static void add_call(struct engine *e, json_t *o)
{
    const struct plugin_call *c = &e->shared->record.call;
    uint64_t now = time_mono(), since = atomic_load(&c->since);

    if (!atomic_load_explicit(&c->active, memory_order_acquire) || now < since + 250 * NS_PER_MS)
        return;
    json_object_set_new(o, "call",
                        json_pack("{so ss so so so}", "plugin", rpc_str(c->plugin), "function",
                                  plugin_fn_name(c->fn), "field", rpc_str(c->field), "event",
                                  rpc_u64(c->event), "ms", rpc_u64((now - since) / NS_PER_MS)));
}

json_t *stream_json(struct engine *e)
{
    json_t *o = json_object();
    bool no_driver;

    pthread_mutex_lock(&e->state_lock);
    no_driver = !e->source.plugin && e->source.name && str_eq(e->source.name, NODRIVER);
    json_object_set_new(o, "state", json_string(source_state_name(e->source.state)));
    json_object_set_new(o, "plugin",
                        rpc_str(e->source.plugin     ? plugin_info(e->source.plugin)->name
                                : no_driver          ? NODRIVER
                                : e->spec.captures.n ? e->source.name
                                                     : NULL));
    json_object_set_new(o, "source",
                        rpc_str(e->source.plugin ? plugin_info(e->source.plugin)->source
                                : no_driver      ? "syscall"
                                                 : NULL));
    json_object_set_new(o, "params", rpc_str(e->source.params));
    json_object_set_new(o, "error", rpc_str(e->source.error));
    json_object_set_new(o, "paused", json_boolean(e->source.paused));
    json_object_set_new(o, "live", json_boolean(e->source.live));
    json_object_set_new(o, "batches", rpc_u64(e->source.batches));
    if (e->spec.captures.n) {
        json_object_set_new(o, "raw_events", json_boolean(e->spec.raw_events));
        json_object_set_new(o, "internal", json_boolean(e->spec.internal));
    }
    if (e->source.has_progress)
        json_object_set_new(o, "progress",
                            json_pack("{si so}", "pct", (int)e->source.progress_pct, "text",
                                      rpc_str(e->source.progress_text)));
    pthread_mutex_unlock(&e->state_lock);
    if (e->store) {
        json_object_set_new(o, "first", rpc_u64(store_first(e->store)));
        json_object_set_new(o, "end", rpc_u64(store_rows(e->store)));
        if (e->capture)
            json_object_set_new(o, "events", rpc_u64(store_rows(e->store)));
        json_object_set_new(o, "last_number", rpc_u64(store_last_number(e->store)));
        json_object_set_new(o, "dropped", rpc_u64(store_dropped(e->store)));
        json_object_set_new(o, "bytes", rpc_u64(store_bytes(e->store)));
    } else {
        json_object_set_new(o, "last_number", rpc_u64(e->batch_numbers));
    }
    json_object_set_new(o, "rate", json_integer((json_int_t)e->rate));
    json_object_set_new(o, "loading", json_boolean(e->loading));
    add_call(e, o);
    return o;
}

void method_stream(struct engine *e, const json_t *id, const json_t *params)
{
    json_t *o = stream_json(e);

    UNUSED(params);
    json_object_set_new(o, "offer", offer_json(e));
    reply(e, id, o);
}

/* ---- captures -------------------------------------------------------------------------------- */

void stream_open_capture(struct engine *e)
{
    pthread_mutex_lock(&e->state_lock);
    free(e->source.name);
    free(e->source.params);
    e->source.name = xstrdup("capture");
    e->source.params = xstrdup(e->capture ? capture_path(e->capture) : e->spec.captures.v[0]);
    e->source.opened_at = time_now();
    e->source.live = e->capture && capture_is_piped(e->capture);
    pthread_mutex_unlock(&e->state_lock);
    e->source.reading = e->capture != NULL;
    if (e->capture)
        set_state(e, SOURCE_RUNNING, NULL);
}

void capture_told(struct engine *e, const char *error, bool finished, bool waits)
{
    e->idle_ns = IDLE_MAX_NS * 10;
    if (error)
        set_state(e, SOURCE_FAILED, error);
    else if (finished)
        set_state(e, SOURCE_ENDED, NULL);
    else
        set_state(e, waits ? SOURCE_IDLE : SOURCE_RUNNING, NULL);
    wake_main(e, WAKE_STREAM);
    if (!finished)
        return;
    e->source.reading = false;
    output_end(e);
}

static void run_open(struct engine *e, struct job *j)
{
    const char *name = rpc_get_str(j->params, "source"), *params = rpc_get_str(j->params, "params");
    struct error err;

    if (!name && e->spec.captures.n) {
        stream_open_capture(e);
        if (e->capture)
            reply(e, j->id, stream_json(e));
        else
            reply_code(e, j->id, RPC_FAILED, e->source.error);
        return;
    }
    if (!name) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "“source” is missing");
        return;
    }
    stream_open(e, name, params, &err);
    if (err.code)
        reply_error(e, j->id, &err);
    else
        reply(e, j->id, stream_json(e));
}

void method_source_open(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_open, id, params, NULL);
}

static void run_close(struct engine *e, struct job *j)
{
    stream_close(e);
    reply(e, j->id, stream_json(e));
}

void method_source_close(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_close, id, params, NULL);
}

void method_source_pause(struct engine *e, const json_t *id, const json_t *params)
{
    pthread_mutex_lock(&e->state_lock);
    e->source.paused = rpc_get_bool(params, "paused", true);
    pthread_mutex_unlock(&e->state_lock);
    plugin_thread_wake(e);
    wake_main(e, WAKE_STREAM);
    reply(e, id, stream_json(e));
}
