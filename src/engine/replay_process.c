/* The process that reads events again: the session's plugins, and nothing that opens or starts anything.
 * One thread; what plugins log may come from any. */
#include "replay.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FLUSH_AT ((size_t)64 << 10)
#define IN_STEP  ((size_t)256 << 10)

struct provider {
    struct plugin *plugin;
    uint32_t index;
};

struct wanted { /* a field */
    VEC(struct provider) providers;
    struct plugin_arg arg;
    uint8_t type;
    bool list;
};

struct replayer {
    int fd;
    pthread_mutex_t lock; /* guards out */
    struct buf out, in;
    json_t *start; /* keys of arguments live in it */
    VEC(struct wanted) fields;
    uint64_t row, end;
    size_t flush_at;
    struct arena arena;
};

/* ---- talking ----------------------------------------------------------------------------------- */

/* With the lock held. Nobody listens: there is nothing more to do. */
static void flush(struct replayer *r)
{
    if (r->out.len && !write_all(r->fd, r->out.data, r->out.len))
        _exit(0);
    buf_reset(&r->out);
}

static void say(struct replayer *r, enum replay_frame kind, const char *text)
{
    pthread_mutex_lock(&r->lock);
    frame_put(&r->out, kind, text ? span_of(text) : (struct span){NULL, 0});
    flush(r);
    pthread_mutex_unlock(&r->lock);
}

static _Noreturn void fail(struct replayer *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static _Noreturn void fail(struct replayer *r, const char *fmt, ...)
{
    char text[1500];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    say(r, REPLAY_FAILED, text);
    _exit(1);
}

static void on_log(void *ctx, const char *plugin, int severity, const char *component,
                   const char *text)
{
    json_t *m = json_pack("{so si so so}", "plugin", rpc_str(plugin), "severity", severity,
                          "component", rpc_str(component), "text", rpc_str(text));
    char *line = json_dumps(m, JSON_COMPACT);

    if (line)
        say(ctx, REPLAY_LOG, line);
    free(line);
    json_decref(m);
}

/* The next frame; valid until the one after it. False: the engine has gone. */
static bool hear(struct replayer *r, size_t *taken, struct replay_message *out)
{
    size_t n;

    while ((n = frame_take((struct span){r->in.data + *taken, r->in.len - *taken}, out)) == 0) {
        ssize_t got;

        buf_drop(&r->in, *taken);
        *taken = 0;
        if (!buf_reserve(&r->in, IN_STEP))
            return false;
        got = read(r->fd, r->in.data + r->in.len, IN_STEP);
        if (got <= 0)
            return false;
        r->in.len += (size_t)got;
    }
    if (n == SIZE_MAX)
        return false;
    *taken += n;
    return true;
}

/* ---- what it is told first ----------------------------------------------------------------------- */

static void load_plugins(struct engine *e, struct replayer *r)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(r->start, "plugins"), i, item) {
        struct plugin_info info = {0};
        struct error err;
        struct plugin *p;

        if (plugin_info_from_json(json_object_get(item, "info"), &info, &err) != SEV_OK)
            fail(r, "%s", err.text);
        p = plugin_load(e->host, &info, rpc_get_str(item, "config"));
        if (plugin_state(p) != PLUGIN_INITIALISED)
            fail(r, "%s can't be started a second time: %s", info.name, plugin_failure(p)->text);
        plugins_apply_avoided(e, p);
        e->parses |= (plugin_info(p)->caps & CAP_PARSING) != 0;
        plugin_info_fini(&info);
    }
}

static void add_field(struct engine *e, struct replayer *r, const json_t *j)
{
    struct wanted w = {.type = (uint8_t)rpc_u64_or(j, "type", 0),
                       .list = rpc_get_bool(j, "list", false),
                       .arg = {rpc_get_bool(j, "present", false), rpc_get_str(j, "key"),
                               rpc_u64_or(j, "index", UINT64_MAX)}};
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(j, "providers"), i, item) {
        struct provider p = {plugin_by_name(e->host, rpc_get_str(item, "plugin")),
                             (uint32_t)rpc_u64_or(item, "index", 0)};

        if (p.plugin)
            vec_push(&w.providers, p);
    }
    vec_push(&r->fields, w);
}

static void hear_start(struct engine *e, struct replayer *r, size_t *taken)
{
    struct replay_message m;
    struct error err;
    const json_t *item;
    size_t i;

    if (!hear(r, taken, &m) || m.kind != REPLAY_START ||
        !(r->start = json_loadb(m.body.p, m.body.n, 0, NULL)))
        _exit(1);
    if (spec_from_json(json_object_get(r->start, "session"), &e->spec, &err) != SEV_OK)
        fail(r, "%s", err.text);
    e->avoid = json_incref(json_object_get(r->start, "avoid"));
    r->end = rpc_u64_or(r->start, "end", 0);
    r->flush_at = rpc_get_bool(r->start, "careful", false) ? 1 : FLUSH_AT;
    plugin_host_share_sources(e->host, e->spec.shared_sources);
    load_plugins(e, r);
    json_array_foreach(json_object_get(r->start, "fields"), i, item)
        add_field(e, r, item);
}

/* ---- events -------------------------------------------------------------------------------------- */

static void extract(const struct wanted *w, const struct plugin_event *pe, struct arena *arena,
                    struct value *out)
{
    *out = (struct value){.state = VALUE_NONE, .type = w->type, .list = w->list};
    for (size_t i = 0; pe && pe->source && i < w->providers.n; i++) {
        const struct provider *p = &w->providers.v[i];

        if (!plugin_extracts(p->plugin, event_code(pe->bytes), pe->source))
            continue;
        plugin_extract(p->plugin, p->index, &w->arg, false, pe, arena, out);
        if (out->type != w->type || out->list != w->list)
            out->state = VALUE_NONE;
        return;
    }
}

/* pe: NULL of a row that is no event. */
static void say_values(struct replayer *r, uint64_t row, const struct plugin_event *pe)
{
    struct buf *b = &r->out;
    size_t n = r->fields.n, begin;
    char number[8];
    struct value *values;

    arena_reset(&r->arena);
    values = arena_alloc(&r->arena, MAX_OF(n, (size_t)1) * sizeof(*values));
    for (size_t i = 0; i < n; i++) /* without the lock: plugins log */
        extract(&r->fields.v[i], pe, &r->arena, &values[i]);
    pthread_mutex_lock(&r->lock);
    begin = frame_begin(b, REPLAY_VALUES);
    put_u64(number, row);
    buf_add(b, number, sizeof(number));
    for (size_t i = 0; i < n; i++)
        frame_put_value(b, &values[i]);
    frame_end(b, begin);
    if (b->len >= r->flush_at)
        flush(r);
    pthread_mutex_unlock(&r->lock);
}

static void pass(struct engine *e, uint64_t row, const void *event, uint64_t number, bool shown)
{
    struct plugin_event pe = {event, number, stateful_source_of(e, event)};

    plugin_host_parse(e->host, &pe);
    if (shown)
        say_values(e->replayer, row, &pe);
}

void replayer_event(struct engine *e, const void *event, uint64_t number, bool shown)
{
    struct replayer *r = e->replayer;

    shown = shown && r->row < r->end;
    pass(e, r->row, event, number, shown);
    r->row += shown;
}

void replayer_mark(struct engine *e)
{
    struct replayer *r = e->replayer;

    if (r->row < r->end)
        say_values(r, r->row++, NULL);
}

static void read_capture(struct engine *e, struct replayer *r)
{
    struct error err;

    e->capture = capture_new(&e->spec, e->fds.spool, NULL, &err);
    if (!e->capture)
        fail(r, "the capture can't be read again: %s", err.text);
    while (r->row < r->end && capture_replay_some(e, e->capture))
        ;
    state_tables_bind(e->tables, NULL);
    capture_free(e->capture);
}

static void hear_events(struct engine *e, struct replayer *r, size_t *taken)
{
    struct replay_message m;

    while (hear(r, taken, &m) && m.kind != REPLAY_END) {
        uint64_t row = m.body.n >= 8 ? get_u64(m.body.p) : 0;

        if (m.kind == REPLAY_EVENT && m.body.n >= 16 + EVENT_HEADER_LEN)
            pass(e, row, m.body.p + 16, get_u64(m.body.p + 8), true);
        else
            say_values(r, row, NULL);
    }
}

/* ---- its life ------------------------------------------------------------------------------------ */

static bool init(struct engine *e, struct replayer *r, const struct engine_fds *fds)
{
    struct plugin_hooks hooks = {.ctx = r, .log = on_log};
    void *record = mmap(NULL, sizeof(struct plugin_record), PROT_READ | PROT_WRITE, MAP_SHARED,
                        fds->shared, 0);

    if (record == MAP_FAILED)
        return false;
    r->fd = fds->rpc_in;
    pthread_mutex_init(&r->lock, NULL);
    buf_init(&r->out, REPLAY_FRAME_MAX);
    buf_init(&r->in, REPLAY_FRAME_MAX + 2 * IN_STEP);
    plugin_crash_install(record);
    e->fds = *fds;
    e->replayer = r;
    e->host = plugin_host_new(&hooks, record);
    e->tables = state_tables_offer(e->host);
    e->first_ts = e->last_ts = TS_NONE;
    return true;
}

int engine_replay_main(const struct engine_fds *fds)
{
    struct engine *e = xcalloc(1, sizeof(*e));
    struct replayer r = {0};
    size_t taken = 0;

    signal(SIGPIPE, SIG_IGN); /* as in the engine */
    signal(SIGXFSZ, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    json_object_seed(0);
    if (!init(e, &r, fds))
        return 70;
    hear_start(e, &r, &taken);
    if (rpc_get_bool(r.start, "reads", false))
        read_capture(e, &r);
    else
        hear_events(e, &r, &taken);
    plugin_host_free(e->host);
    say(&r, REPLAY_OVER, NULL);
    _exit(0); /* what plugins left running shall not change the outcome */
}
