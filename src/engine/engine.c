/* The engine's main thread: it talks, and starts the threads that work. */
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TELL_EVERY  (50 * NS_PER_MS)
#define TICK_MS     250
#define SLICE_NS    (5 * NS_PER_MS)
#define SLICE_IDLE  (20 * NS_PER_MS)
#define IDLE_WAIT   (200 * NS_PER_MS)
#define REPLAY_WAIT (2 * NS_PER_MS)

/* ---- the plugin thread ----------------------------------------------------------------------- */

static bool stop_loading(void *ctx)
{
    struct engine *e = ctx;

    wake_main(e, WAKE_STREAM);
    return e->plugin_quit;
}

static void load_kept(struct engine *e)
{
    struct error err;

    if (!e->store)
        return;
    e->loading = true;
    if (store_load(e->store, stop_loading, e, &err) != SEV_OK)
        log_entry(e, NULL, 4, "mews", err.text);
    e->loading = false;
    wake_main(e, WAKE_STREAM);
}

static json_t *failures_json(struct engine *e)
{
    json_t *list = json_array();
    struct plugin *p;

    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        const struct plugin_failure *f = plugin_failure(p);

        if (plugin_state(p) == PLUGIN_FAILED)
            json_array_append_new(list, json_pack("{so ss so ss}", "name",
                                                  rpc_str(plugin_info(p)->name), "step", f->step,
                                                  "text", rpc_str(f->text), "advice", f->advice));
    }
    return list;
}

/* Names of plugins that have a source. */
static json_t *sources_json(struct engine *e)
{
    json_t *list = json_array();
    struct plugin *p;

    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        if (plugin_state(p) != PLUGIN_FAILED && (plugin_info(p)->caps & CAP_SOURCING))
            json_array_append_new(list, rpc_str(plugin_info(p)->name));
    }
    return list;
}

static void open_first_source(struct engine *e)
{
    struct error err;

    if (e->spec.source)
        stream_open(e, e->spec.source, e->spec.params, &err);
}

/* Once all plugins are there; a client may wait for it before it opens anything. */
static void run_begin(struct engine *e, struct job *j)
{
    if (!e->capture)
        load_kept(e);
    session_load_plugins(e);
    stateful_track_first(e);
    if (e->spec.captures.n && e->store)
        stream_open_capture(e);
    else if (rpc_get_bool(j->params, "open", true))
        open_first_source(e);
    notify(e, "session/ready",
           json_pack("{so so so}", "failures", failures_json(e), "sources", sources_json(e),
                     "stream", stream_json(e)));
}

static void *plugin_thread_main(void *arg)
{
    struct engine *e = arg;

    scanner_init(&e->plugin_scanner, e);
    while (!e->plugin_quit) {
        bool worked = false;

        while (job_run_one(e) && !e->plugin_quit)
            worked = true;
        if (e->plugin_quit)
            break;
        worked |= stateful_catch_up(e, time_mono() + SLICE_NS);
        worked |= stream_step(e);
        metrics_step(e);
        worked |= stateful_replay(e, time_mono() + SLICE_NS);
        worked |= selections_scan(e, &e->plugin_scanner, true, worked ? SLICE_NS : SLICE_IDLE);
        worked |= counts_step(e, worked ? SLICE_NS : SLICE_IDLE);
        if (!worked)
            job_wait(e, stateful_replays(e) ? REPLAY_WAIT
                        : stream_asks(e)    ? e->idle_ns
                                            : IDLE_WAIT);
    }
    output_stop(e);
    stream_close(e);
    stateful_free(e->stateful);
    e->stateful = NULL;
    async_list_free(e->async_list);
    late_free(e->late);
    rules_view_free(e->rules_view);
    seen_values_free(e->seen);
    plugin_host_free(e->host);
    state_tables_free(e->tables);
    e->host = NULL;
    e->tables = NULL;
    scanner_fini(&e->plugin_scanner);
    return NULL;
}

/* ---- workers: filters that need no plugin ---------------------------------------------------- */

static void *worker_main(void *arg)
{
    struct engine *e = arg;
    struct scanner sc;

    scanner_init(&sc, e);
    while (!e->plugin_quit) {
        if (selections_scan(e, &sc, false, SLICE_IDLE))
            continue;
        pthread_mutex_lock(&e->sel_lock);
        if (!e->plugin_quit) {
            struct timespec until;

            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_sec += 1; /* a lost wake-up costs a second, no more */
            pthread_cond_timedwait(&e->sel_cond, &e->sel_lock, &until);
        }
        pthread_mutex_unlock(&e->sel_lock);
    }
    scanner_fini(&sc);
    return NULL;
}

static void start_threads(struct engine *e)
{

    pthread_create(&e->plugin_thread, NULL, plugin_thread_main, e);
    e->nworkers = e->store ? MIN_OF(MAX_OF(processors(), 1u), (unsigned)COUNT_OF(e->workers)) : 0;
    for (unsigned i = 0; i < e->nworkers; i++)
        pthread_create(&e->workers[i], NULL, worker_main, e);
}

/* ---- notifications --------------------------------------------------------------------------- */

static void measure_rate(struct engine *e)
{
    uint64_t now = time_mono(), n = e->store ? store_last_number(e->store) : e->batch_numbers;

    if (!e->rate_at) {
        e->rate_at = now;
        e->rate_rows = n;
        return;
    }
    if (now - e->rate_at < NS_PER_S / 2)
        return;
    e->rate = (double)(n - e->rate_rows) * 1e9 / (double)(now - e->rate_at);
    e->rate_at = now;
    e->rate_rows = n;
}

/* Whether a selection has been through all rows, and that has not been told. */
static bool is_news(struct engine *e, struct selection *s)
{
    bool yes;

    pthread_mutex_lock(&s->lock);
    yes = !s->told_all && s->scanned == store_rows(e->store);
    s->told_all |= yes;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

static void tell_selections(struct engine *e, bool all)
{
    pthread_mutex_lock(&e->sel_lock);
    for (size_t i = 0; i < e->selections.n; i++) {
        struct selection *s = e->selections.v[i];

        if (s->wanted && (is_news(e, s) || all))
            rpc_send(e->rpc, rpc_notification("selection", selection_json(e, s)));
    }
    pthread_mutex_unlock(&e->sel_lock);
}

static bool call_is_long(struct engine *e)
{
    const struct plugin_call *c = &e->shared->record.call;

    return atomic_load(&c->active) && time_mono() > atomic_load(&c->since) + 250 * NS_PER_MS;
}

/* At most twenty times a second, since a source at full speed must not drown the client; that a filter has been
 * through everything, at once. */
static unsigned tell(struct engine *e, unsigned what, bool tick)
{
    uint64_t now = time_mono();

    if (what & WAKE_CELLS)
        rows_retry_deferred(e, true);
    if ((what & WAKE_CELLS) && e->cells_asked) {
        e->cells_asked = false;
        rpc_send(e->rpc, rpc_notification("cells", NULL));
    }
    if (what & WAKE_SELECTION)
        tell_selections(e, false);
    if (now < e->told_at + TELL_EVERY)
        return what & (WAKE_STREAM | WAKE_SELECTION | WAKE_COUNTS);
    measure_rate(e);
    if ((what & WAKE_STREAM) || (tick && (call_is_long(e) || e->rate > 0)))
        rpc_send(e->rpc, rpc_notification("stream", stream_json(e)));
    if (what & (WAKE_SELECTION | WAKE_STREAM))
        tell_selections(e, true);
    if (what & WAKE_COUNTS)
        rpc_send(e->rpc, rpc_notification("counts", NULL));
    e->told_at = now;
    return 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

static bool open_capture(struct engine *e)
{
    struct error err;

    e->capture = capture_new(&e->spec, e->fds.spool, &e->shared->spool.end, &err);
    if (!e->capture) {
        e->source.state = SOURCE_FAILED;
        e->source.error = xstrdup(err.text);
    } else
        e->hostname[0] = '\0'; /* that of the machine it was made on, if the capture tells */
    return e->capture != NULL;
}

static void setup_store(struct engine *e)
{
    struct store_options o = {.fd = e->fds.spool,
                              .state = &e->shared->spool,
                              .limit = e->spec.spool_limit,
                              .writable = true};

    if (e->spec.captures.n && open_capture(e))
        o = (struct store_options){.fd = -1,
                                   .input = capture_bytes(e->capture),
                                   .state =
                                       capture_is_piped(e->capture) ? &e->shared->spool : NULL};
    if (e->fds.spool < 0)
        return;
    if (o.input)
        capture_input_keep_points(o.input);
    e->store = store_new(&o);
}

static void load_layouts(struct engine *e)
{
    struct str_list warnings = {0};

    if (e->spec.layouts)
        layouts_add(&e->layouts, e->spec.layouts, &warnings);
    else
        layouts_load(&e->layouts, e->spec.views_dir, &warnings);
    for (size_t i = 0; i < warnings.n; i++)
        log_entry(e, NULL, 4, "mews", warnings.v[i]);
    str_list_fini(&warnings);
}

static void method_session_start(struct engine *e, const json_t *id, const json_t *params)
{
    struct error err;

    if (e->started) {
        reply_code(e, id, RPC_INVALID_REQUEST, "the session has started already");
        return;
    }
    if (spec_from_json(json_object_get(params, "session"), &e->spec, &err) != SEV_OK) {
        reply_error(e, id, &err);
        spec_fini(&e->spec);
        return;
    }
    e->started = true;
    e->avoid = json_deep_copy(json_object_get(params, "avoid"));
    e->without = json_deep_copy(json_object_get(params, "without"));
    e->values = value_columns_new(e->spec.memory);
    plugin_host_share_sources(e->host, e->spec.shared_sources);
    e->stateful = stateful_new();
    e->async_list = async_list_new();
    e->metrics = json_object();
    setup_store(e);
    load_layouts(e);
    for (size_t i = 0; i < e->spec.notes.n; i++)
        log_entry(e, NULL, 5, "config", e->spec.notes.v[i]);
    job_post(e, run_begin, NULL, params, NULL);
    start_threads(e);
    reply(e, id, json_pack("{si sb}", "pid", (int)getpid(), "kept", e->store != NULL));
}

static void method_initialize(struct engine *e, const json_t *id, const json_t *params)
{
    uint64_t wanted = rpc_u64_or(params, "protocol", RPC_PROTOCOL);

    if (wanted != RPC_PROTOCOL) {
        reply_code(e, id, RPC_INVALID_PARAMS, "this engine speaks protocol version 1");
        return;
    }
    reply(e, id,
          json_pack("{si ss ss si}", "protocol", RPC_PROTOCOL, "name", "mews", "plugin_api",
                    PLUGIN_API_VERSION_STR, "pid", (int)getpid()));
}

static void method_shutdown(struct engine *e, const json_t *id, const json_t *params)
{
    UNUSED(params);
    reply(e, id, json_object());
    e->quit = true;
}

const struct method engine_methods[] = {
    {"initialize", method_initialize},
    {"session/start", method_session_start},
    {"shutdown", method_shutdown},
    {"stream", method_stream},
    {"source/open", method_source_open},
    {"source/close", method_source_close},
    {"source/pause", method_source_pause},
    {"select", method_select},
    {"select/drop", method_select_drop},
    {"rows", method_rows},
    {"strip", method_strip},
    {"conversation", method_conversation},
    {"metadata", method_metadata},
    {"process", method_process},
    {"rules", method_rules},
    {"alerts", method_alerts},
    {"explain", method_explain},
    {"judge", method_judge},
    {"funnel", method_funnel},
    {"conversation/of", method_conversation_of},
    {"conversation/save", method_conversation_save},
    {"find", method_find},
    {"columns", method_columns},
    {"field/values", method_field_values},
    {"fields", method_fields},
    {"event/detail", method_event_detail},
    {"event/payload", method_event_payload},
    {"event/field", method_event_field},
    {"event/node", method_event_node},
    {"event/clause", method_event_clause},
    {"filter/check", method_filter_check},
    {"filter/complete", method_filter_complete},
    {"filter/join", method_filter_join},
    {"count/start", method_count_start},
    {"count/rows", method_count_rows},
    {"count/stop", method_count_stop},
    {"plugins", method_plugins},
    {"trace", method_trace},
    {"plugin/config", method_plugin_config},
    {"async", method_async},
    {"tables", method_tables},
    {"table", method_table},
    {"plugin/open_params", method_plugin_open_params},
    {"plugin/load", method_plugin_load},
    {"output/start", method_output_start},
    {"capture/info", method_capture_info},
    {"save", method_save},
    {"replay", method_replay},
};
const size_t engine_method_count = COUNT_OF(engine_methods);

static bool before_start(const char *method)
{
    return str_eq(method, "initialize") || str_eq(method, "session/start") ||
           str_eq(method, "shutdown");
}

static void dispatch(struct engine *e, const json_t *id, const char *name, const json_t *params)
{
    for (size_t i = 0; i < engine_method_count; i++) {
        if (!str_eq(engine_methods[i].name, name))
            continue;
        if (!e->started && !before_start(name))
            reply_code(e, id, RPC_INVALID_REQUEST, "session/start comes first");
        else
            engine_methods[i].handle(e, id, params);
        return;
    }
    reply_code(e, id, RPC_METHOD_NOT_FOUND, name);
}

static void handle_message(struct engine *e, json_t *m)
{
    const char *name = rpc_get_str(m, "method");
    json_t *params = json_object_get(m, "params"), *none = json_object();

    if (!name)
        rpc_send(e->rpc, rpc_error(json_object_get(m, "id"), RPC_INVALID_REQUEST,
                                   "a request names its method", NULL));
    else
        dispatch(e, json_object_get(m, "id"), name, json_is_object(params) ? params : none);
    json_decref(none);
    json_decref(m);
}

/* Messages of other threads go out; requests that had to wait are tried again. */
static void empty_outbox(struct engine *e)
{
    VEC(json_t *) out;

    pthread_mutex_lock(&e->out_lock);
    memcpy(&out, &e->outbox, sizeof(out));
    memset(&e->outbox, 0, sizeof(e->outbox));
    pthread_mutex_unlock(&e->out_lock);
    for (size_t i = 0; i < out.n; i++) {
        const char *again = rpc_get_str(out.v[i], "redispatch");

        if (again) {
            dispatch(e, json_object_get(out.v[i], "id"), again,
                     json_object_get(out.v[i], "params"));
            json_decref(out.v[i]);
        } else {
            rpc_send(e->rpc, out.v[i]);
        }
    }
    vec_free(&out);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static unsigned take_wakes(struct engine *e)
{
    uint64_t count;

    if (read(e->wake_fd, &count, sizeof(count)) < 0)
        count = 0;
    return atomic_exchange(&e->wakes, 0) & 0x7fffffffu;
}

static bool talk(struct engine *e, bool readable)
{
    struct error err;
    json_t *m;

    if (readable && rpc_fill(e->rpc, &err) != SEV_OK)
        return false;
    while (!e->quit && (m = rpc_next(e->rpc)))
        handle_message(e, m);
    return true;
}

static void run(struct engine *e)
{
    unsigned pending = 0;
    uint64_t last_tick = 0;
    struct error err;

    while (!e->quit || rpc_wants_write(e->rpc)) {
        struct pollfd fds[3] = {
            {rpc_in(e->rpc), POLLIN, 0},
            {e->wake_fd, POLLIN, 0},
            {rpc_out(e->rpc), (short)(rpc_wants_write(e->rpc) ? POLLOUT : 0), 0}};
        int deadline = rows_next_deadline(e), wait = pending ? 50 : TICK_MS;
        bool tick;

        if (deadline >= 0 && deadline < wait)
            wait = deadline;
        if (poll(fds, 3, e->quit ? 100 : wait) < 0 && errno != EINTR)
            break;
        if (fds[1].revents)
            pending |= take_wakes(e);
        if (!talk(e, fds[0].revents != 0))
            break;
        tick = time_mono() > last_tick + TICK_MS * NS_PER_MS;
        if (tick)
            last_tick = time_mono();
        empty_outbox(e);
        if (e->started)
            pending = tell(e, pending, tick);
        rows_retry_deferred(e, false);
        empty_outbox(e);
        if (rpc_flush(e->rpc, &err) != SEV_OK)
            break;
    }
}

static void stop_threads(struct engine *e)
{
    if (!e->started)
        return;
    atomic_store(&e->plugin_quit, true);
    plugin_thread_wake(e);
    pthread_mutex_lock(&e->sel_lock);
    pthread_cond_broadcast(&e->sel_cond);
    pthread_mutex_unlock(&e->sel_lock);
    pthread_join(e->plugin_thread, NULL);
    for (unsigned i = 0; i < e->nworkers; i++)
        pthread_join(e->workers[i], NULL);
}

static void on_plugin_log(void *ctx, const char *plugin, int severity, const char *component,
                          const char *text)
{
    log_entry(ctx, plugin, severity, component, text);
}

static void on_plugin_async(void *ctx)
{
    plugin_thread_wake(ctx);
}

static bool map_shared(struct engine *e)
{
    void *p;

    e->shared = &e->own_shared;
    if (e->fds.shared < 0)
        return true;
    p = mmap(NULL, sizeof(struct engine_shared), PROT_READ | PROT_WRITE, MAP_SHARED, e->fds.shared,
             0);
    if (p == MAP_FAILED || ((struct engine_shared *)p)->magic != ENGINE_SHARED_MAGIC)
        return false;
    e->shared = p;
    return true;
}

static void engine_init(struct engine *e)
{
    struct plugin_hooks hooks = {.ctx = e, .log = on_plugin_log, .async = on_plugin_async};

    pthread_mutex_init(&e->out_lock, NULL);
    pthread_mutex_init(&e->job_lock, NULL);
    pthread_mutex_init(&e->cat_lock, NULL);
    pthread_mutex_init(&e->state_lock, NULL);
    pthread_mutex_init(&e->sel_lock, NULL);
    pthread_cond_init(&e->job_cond, NULL);
    pthread_cond_init(&e->sel_cond, NULL);
    e->jobs_end = &e->jobs;
    e->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    e->host = plugin_host_new(&hooks, &e->shared->record);
    e->tables = state_tables_offer(e->host);
    e->catalogue = field_catalogue_new();
    e->cells = cell_cache_new();
    e->first_ts = e->last_ts = TS_NONE;
    buf_init(&e->batch, (size_t)1 << 31);
    gethostname(e->hostname, sizeof(e->hostname) - 1);
    e->rpc = rpc_new(e->fds.rpc_in, e->fds.rpc_out);
}

static void engine_fini(struct engine *e)
{
    while (e->jobs) {
        struct job *j = e->jobs;

        e->jobs = j->next;
        json_decref(j->id);
        json_decref(j->params);
        free(j->data);
        free(j);
    }
    for (size_t i = 0; i < e->outbox.n; i++)
        json_decref(e->outbox.v[i]);
    vec_free(&e->outbox);
    if (e->host)
        plugin_host_free(e->host);
    state_tables_free(e->tables);
    counts_free(e);
    selections_free(e);
    rows_free_deferred(e);
    columns_free(e);
    cell_cache_free(e->cells);
    value_columns_free(e->values);
    json_decref(e->metrics);
    json_decref(e->report);
    field_catalogue_free(e->catalogue);
    layouts_fini(&e->layouts);
    stream_free(e);
    store_free(e->store);
    capture_free(e->capture);
    spec_fini(&e->spec);
    str_list_fini(&e->bundled_tried);
    str_list_fini(&e->bundled_wanted);
    json_decref(e->avoid);
    json_decref(e->without);
    rpc_free(e->rpc);
    close(e->wake_fd);
}

int engine_main(const struct engine_fds *fds)
{
    struct engine *e = xcalloc(1, sizeof(*e));

    signal(SIGPIPE, SIG_IGN); /* before any plugin is loaded: Go keeps what it finds (quirk 10) */
    signal(SIGXFSZ, SIG_IGN); /* a spool that meets a limit is an error like a full disk */
    setvbuf(stdout, NULL, _IOLBF, 0); /* what a plugin printed last must not die in a buffer */
    json_object_seed(0);
    e->fds = *fds;
    if (!map_shared(e)) {
        free(e);
        return 70;
    }
    plugin_crash_install(&e->shared->record);
    engine_init(e);
    run(e);
    stop_threads(e);
    engine_fini(e);
    free(e);
    return 0;
}
