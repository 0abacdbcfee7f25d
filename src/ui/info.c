/* The Info and API screens, and those that say what they are for. */
#include "internal.h"

static int item(int y, struct rect r, const char *name, const char *fmt, ...) PRINTF_LIKE(4, 5);

static int item(int y, struct rect r, const char *name, const char *fmt, ...)
{
    va_list ap;
    char *text;

    if (y >= r.y + r.h)
        return y;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = xstrdup("");
    va_end(ap);
    text_puts(y, r.x + 2, 14, LOOK_HEAD, name);
    text_puts(y, r.x + 16, r.w - 17, LOOK_TEXT, text);
    free(text);
    return y + 1;
}

/* ---- Info ------------------------------------------------------------------------------------ */

static void info_draw(struct ui *u, struct rect r)
{
    const json_t *s = u->stream;
    const char *plugin = rpc_get_str(s, "plugin"), *error = rpc_get_str(s, "error"),
               *params = rpc_get_str(s, "params");
    char a[32], b[32];
    int y = r.y;

    y = item(y, r, "source", "%s%s%s", plugin ? plugin : "none is open",
             plugin && rpc_get_str(s, "source") ? sign(" → ", " -> ") : "",
             plugin && rpc_get_str(s, "source") ? rpc_get_str(s, "source") : "");
    if (params)
        y = item(y, r, "opened with", "%s", *params ? params : "(nothing)");
    y = item(
        y, r, "state", "%s%s%s%s", rpc_get_str(s, "state") ? rpc_get_str(s, "state") : "closed",
        rpc_get_bool(s, "paused", false) ? ", paused" : "", error ? ": " : "", error ? error : "");
    y = item(y, r, "events", "%s, %s a second", text_count(stream_events(u), a),
             text_count(rpc_u64_or(s, "rate", 0), b));
    y = item(y, r, "batches", "%s", text_count(rpc_u64_or(s, "batches", 0), a));
    y = item(y, r, "kept", "%s in the spool", text_bytes(rpc_u64_or(s, "bytes", 0), a));
    if (rpc_u64_or(s, "dropped", 0))
        y = item(y, r, "dropped", "%s of the oldest, to stay within --spool-limit",
                 text_count(rpc_u64_or(s, "dropped", 0), a));
    if (*u->filter)
        y = item(y, r, "filter", "%s", u->filter);
    if (*u->filter)
        y = item(y, r, "matches", "%s", text_count(u->matches, a));
    y = item(y, r, "unsaved",
             rpc_get_bool(s, "live", false) ? "yes: this stream may not come again (S saves it)"
                                            : "no: the source can be read again");
    y = item(y, r, "engine", "process %llu, started %llu times",
             (unsigned long long)rpc_u64_or(u->keeper, "pid", 0),
             (unsigned long long)rpc_u64_or(u->keeper, "starts", 0));
    if (u->report)
        item(y, r, "ended", "%s", rpc_get_str(u->report, "headline"));
}

/* ---- Info of a capture ----------------------------------------------------------------------- */

static void on_capture_info(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    u->info_asked = 0;
    if (error)
        return;
    json_decref(u->capture_info);
    u->capture_info = json_incref((json_t *)result);
}

static bool of_capture(const struct ui *u)
{
    const char *plugin = rpc_get_str(u->stream, "plugin");

    return plugin && str_eq(plugin, "capture");
}

static void info_open(struct ui *u)
{
    if (!of_capture(u) || !engine_is_up(u) || u->info_asked)
        return;
    u->info_asked = time_mono();
    u->info_at = time_mono();
    ask(u, "capture/info", NULL, on_capture_info, NULL);
}

static int capture_head(struct ui *u, struct rect r, const json_t *info)
{
    const json_t *machine = json_object_get(info, "machine"), *time = json_object_get(info, "time");
    uint64_t from = rpc_u64_or(time, "earliest", 0), to = rpc_u64_or(time, "latest", 0);
    char a[40], b[40], c[32];
    int y = r.y;

    y = item(y, r, "capture", "%s", rpc_get_str(u->stream, "params"));
    y = item(y, r, "state", "%s", rpc_get_str(u->stream, "state"));
    if (rpc_get_str(machine, "hostname") && *rpc_get_str(machine, "hostname"))
        y = item(y, r, "machine", "%s, %lld processors, %s", rpc_get_str(machine, "hostname"),
                 (long long)json_integer_value(json_object_get(machine, "cpus")),
                 text_bytes(rpc_u64_or(machine, "memory", 0), c));
    y = item(y, r, "sections", "%lld",
             (long long)json_integer_value(json_object_get(info, "sections")));
    y = item(y, r, "events", "%s in the file, %s shown, the last is number %s",
             text_count(rpc_u64_or(info, "events", 0), a), text_count(stream_events(u), b),
             text_count(rpc_u64_or(info, "last_number", 0), c));
    if (from || to) {
        y = item(y, r, "from", "%s", time_text(u, from, TIME_DATETIME, a));
        y = item(y, r, "to", "%s, %s", time_text(u, to, TIME_DATETIME, b),
                 text_duration(to - from, c));
    }
    if (json_is_object(json_object_get(info, "memory"))) {
        const json_t *memory = json_object_get(info, "memory");

        y = item(y, r, "memory", "%s for the index, %s for the state, %s for kept values",
                 text_bytes(rpc_u64_or(memory, "index", 0), a),
                 text_bytes(rpc_u64_or(memory, "state", 0), b),
                 text_bytes(rpc_u64_or(memory, "values", 0), c));
    }
    if (rpc_u64_or(time, "steps_back", 0))
        y = item(y, r, "order", "%s events are earlier than the one before them",
                 text_count(rpc_u64_or(time, "steps_back", 0), a));
    return y;
}

static void capture_draw(struct ui *u, struct rect r)
{
    const json_t *info = u->capture_info, *x;
    char a[32], b[32];
    int y = capture_head(u, r, info);
    size_t i;

    json_array_foreach(json_object_get(info, "damage"), i, x)
        y = i < 5 ? item(y, r, i ? "" : "damage", "%s", json_string_value(x)) : y;
    if (json_array_size(json_object_get(info, "damage")) > 5)
        y = item(y, r, "", "… %zu places: the Log has them all",
                 json_array_size(json_object_get(info, "damage")));
    json_array_foreach(json_object_get(info, "sources"), i, x)
        y = item(y, r, i ? "" : "sources", "%12s  %s%s%s", text_count(rpc_u64_or(x, "count", 0), a),
                 rpc_get_str(x, "source") ? rpc_get_str(x, "source") : "unknown",
                 rpc_get_str(x, "plugin") ? ", plugin " : "",
                 rpc_get_str(x, "plugin") ? rpc_get_str(x, "plugin") : "");
    json_array_foreach(json_object_get(info, "blocks"), i, x)
        y = item(y, r, i ? "" : "blocks", "%12s  %-24s %10s",
                 text_count(rpc_u64_or(x, "count", 0), a), rpc_get_str(x, "name"),
                 text_bytes(rpc_u64_or(x, "bytes", 0), b));
    json_array_foreach(json_object_get(info, "types"), i, x)
        y = item(y, r, i ? "" : "types", "%12s  %s %s", text_count(rpc_u64_or(x, "count", 0), a),
                 str_eq(rpc_get_str(x, "direction"), "exit") ? "<" : ">", rpc_get_str(x, "name"));
}

static void info_or_capture(struct ui *u, struct rect r)
{
    if (!of_capture(u)) {
        info_draw(u, r);
        return;
    }
    if (time_mono() > u->info_at + NS_PER_S)
        info_open(u);
    capture_draw(u, r);
}

const struct screen screen_info = {"Info", info_open, info_or_capture, NULL, NULL, NULL,
                                   NULL,   NULL};

/* ---- API: all calls of all plugins ----------------------------------------------------------- */

static void on_plugins(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    u->plugins.asking = false;
    if (error)
        return;
    json_decref(u->plugins.answer);
    u->plugins.answer = json_incref((json_t *)result);
    u->plugins.list.n = json_array_size(json_object_get(result, "plugins"));
}

static void api_open(struct ui *u)
{
    if (u->plugins.asking || !engine_is_up(u))
        return;
    u->plugins.asking = true;
    u->plugins.asked_at = time_mono();
    ask(u, "plugins", NULL, on_plugins, NULL);
}

static void calls_draw(struct ui *u, struct rect r)
{
    const json_t *p, *c;
    int y = r.y + 1;
    size_t i, k;

    text_putf(r.y, r.x + 1, r.w - 1, LOOK_HEAD, "%-16s %-30s %12s %8s %9s %9s %9s", "plugin",
              "function", "calls", "failed", "p50", "p99", "max");
    json_array_foreach(json_object_get(u->plugins.answer, "plugins"), i, p) {
        json_array_foreach(json_object_get(p, "calls"), k, c) {
            char a[32], b[32], p50[32], p99[32], max[32];
            const char *name = rpc_get_str(c, "name");

            if (y >= r.y + r.h)
                return;
            text_putf(y++, r.x + 1, r.w - 1, rpc_u64_or(c, "failures", 0) ? LOOK_WARN : LOOK_TEXT,
                      "%-16.16s %-30.30s %12s %8s %9s %9s %9s", rpc_get_str(p, "name"),
                      name + (str_starts(name, "plugin_") ? 7 : 0),
                      text_count(rpc_u64_or(c, "calls", 0), a),
                      text_count(rpc_u64_or(c, "failures", 0), b),
                      text_duration(rpc_u64_or(c, "p50_ns", 0), p50),
                      text_duration(rpc_u64_or(c, "p99_ns", 0), p99),
                      text_duration(rpc_u64_or(c, "max_ns", 0), max));
        }
    }
    if (y == r.y + 1)
        text_puts(r.y + r.h / 3, r.x + 2, r.w - 4, LOOK_DIM, "no plugin has been called yet");
}

/* ---- its trace, below ------------------------------------------------------------------------ */

static void on_trace(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    if (error) {
        notice(u, LOOK_BAD, "%s", error_text(error));
        return;
    }
    json_decref(u->plugins.trace);
    u->plugins.trace = json_incref((json_t *)result);
}

static void ask_trace(struct ui *u)
{
    ask(u, "trace",
        json_pack("{sb so}", "on", u->plugins.tracing, "max", rpc_u64((uint64_t)u->height)),
        on_trace, NULL);
}

void api_trace(struct ui *u, int arg)
{
    UNUSED(arg);
    u->plugins.tracing = !u->plugins.tracing;
    ask_trace(u);
}

static void trace_draw(struct ui *u, struct rect r)
{
    const json_t *calls = json_object_get(u->plugins.trace, "calls"), *c;
    size_t n = json_array_size(calls), i, from = n > (size_t)r.h ? n - (size_t)r.h : 0;

    if (n == 0)
        text_puts(r.y, r.x + 1, r.w - 1, LOOK_DIM, "no plugin is called now");
    json_array_foreach(calls, i, c) {
        char at[40], took[32], event[32] = "";
        const char *name = rpc_get_str(c, "function"), *field = rpc_get_str(c, "field"),
                   *given = rpc_get_str(c, "arg");

        if (i < from)
            continue;
        if (json_object_get(c, "event"))
            snprintf(event, sizeof(event), "#%llu", (unsigned long long)rpc_u64_or(c, "event", 0));
        text_putf(r.y + (int)(i - from), r.x + 1, r.w - 1,
                  rpc_get_bool(c, "failed", false) ? LOOK_WARN : LOOK_TEXT,
                  "%s %9s  %-12.12s %-20s %s%s%s%s%s",
                  time_text(u, rpc_u64_or(c, "ended", 0), TIME_CLOCK_S, at),
                  text_duration(rpc_u64_or(c, "took", 0), took), rpc_get_str(c, "plugin"),
                  name + (str_starts(name, "plugin_") ? 7 : 0), event, field ? " " : "",
                  field ? field : "", given ? " " : "", given ? given : "");
    }
}

static void api_draw(struct ui *u, struct rect r)
{
    int trace = u->plugins.tracing ? r.h / 2 : 0;

    if (time_mono() > u->plugins.asked_at + NS_PER_S) {
        api_open(u);
        if (u->plugins.tracing && engine_is_up(u))
            ask_trace(u);
    }
    calls_draw(u, (struct rect){r.y, r.x, r.h - trace, r.w});
    if (!trace)
        return;
    rule_line(r.y + r.h - trace, r.x, r.w, LOOK_DIM);
    text_puts(r.y + r.h - trace, r.x + 2, r.w - 2, LOOK_STRONG, " trace ");
    trace_draw(u, (struct rect){r.y + r.h - trace + 1, r.x, trace - 1, r.w});
}

static unsigned api_contexts(struct ui *u)
{
    UNUSED(u);
    return CX_API;
}

const struct screen screen_api = {"API", api_open, api_draw, NULL, NULL, api_contexts, NULL, NULL};
