/* What the Plugins screen says of one plugin: lines with their look in front. */
#include "internal.h"

#define OVERVIEW_PRINTED 8

static void body_clear(struct plugins_view *v)
{
    for (size_t i = 0; i < v->body_lines.n; i++)
        free(v->body_lines.v[i]);
    v->body_lines.n = 0;
}

static void line(struct ui *u, enum look l, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void line(struct ui *u, enum look l, const char *fmt, ...)
{
    va_list ap;
    char *text, *whole;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = xstrdup("");
    va_end(ap);
    whole = xasprintf("%c%s", (char)('A' + l), text);
    free(text);
    vec_push(&u->plugins.body_lines, whole);
}

static void pair(struct ui *u, const char *name, const char *value)
{
    if (value && *value)
        line(u, LOOK_TEXT, " %-11s %s", name, value);
}

static void join_names(const json_t *list, struct buf *out)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        const char *name = json_string_value(item);

        buf_addf(out, "%s%s", i ? " " : "", str_starts(name, "plugin_") ? name + 7 : name);
    }
}

static void capability_line(struct ui *u, const json_t *p, const char *name, char letter,
                            const char *more)
{
    const json_t *cap = json_object_get(json_object_get(p, "capabilities"), name);
    bool present = rpc_get_bool(cap, "present", false);
    struct buf names;

    buf_init(&names, 4096);
    join_names(json_object_get(cap, present ? "functions" : "missing"), &names);
    line(u, present ? LOOK_GOOD : LOOK_DIM, " %c %-10s %s %s%s%s", letter, name,
         present ? sign("✓", "+") : sign("·", "-"), present ? more : "",
         present && *more ? "   "
         : present        ? ""
                          : "needs ",
         buf_str(&names));
    buf_fini(&names);
}

static void overview_source(struct ui *u, const json_t *p)
{
    char more[200];

    snprintf(more, sizeof(more), "ID %llu %s source %s", (unsigned long long)rpc_u64_or(p, "id", 0),
             sign("→", "->"), rpc_get_str(p, "source"));
    capability_line(u, p, "sourcing", 'S', more);
}

static void overview_fields(struct ui *u, const json_t *p)
{
    const json_t *fields = json_object_get(p, "fields"), *f;
    size_t i, lists = 0, keys = 0;
    char more[200];

    json_array_foreach(fields, i, f) {
        lists += rpc_get_bool(f, "isList", false);
        keys += rpc_get_bool(json_object_get(f, "arg"), "isRequired", false);
    }
    snprintf(more, sizeof(more), "%zu fields: %zu lists, %zu need an argument",
             json_array_size(fields), lists, keys);
    capability_line(u, p, "extraction", 'E', more);
}

/* Where it applies: event sources, all without a list. */
static void add_sources(const json_t *list, struct buf *out)
{
    buf_adds(out, json_array_size(list) ? "source " : "all sources");
    join_names(list, out);
}

static void overview_parsing(struct ui *u, const json_t *p)
{
    struct buf more;

    buf_init(&more, 1000);
    add_sources(json_object_get(p, "parse_sources"), &more);
    if (rpc_get_bool(p, "stateful", false))
        buf_addf(&more, " %s its fields hold what went before", sign("·", "-"));
    capability_line(u, p, "parsing", 'P', buf_str(&more));
    buf_fini(&more);
}

static void overview_async(struct ui *u, const json_t *p)
{
    struct buf more;

    buf_init(&more, 1000);
    join_names(json_object_get(p, "async_events"), &more);
    buf_addf(&more, " %s ", sign("→", "->"));
    add_sources(json_object_get(p, "async_sources"), &more);
    capability_line(u, p, "async", 'A', buf_str(&more));
    buf_fini(&more);
}

static void overview_state(struct ui *u, const json_t *p)
{
    const char *plugin = rpc_get_str(u->stream, "plugin"), *error = rpc_get_str(u->stream, "error");
    const json_t *progress = json_object_get(u->stream, "progress");
    char a[32], pct[80] = "";

    if (!plugin || !str_eq(plugin, rpc_get_str(p, "name")))
        return;
    if (progress && rpc_u64_or(progress, "pct", 0))
        snprintf(pct, sizeof(pct), " %s %.1f %%", sign("·", "-"),
                 (double)rpc_u64_or(progress, "pct", 0) / 100);
    line(u, error ? LOOK_BAD : LOOK_TEXT, " %-11s %s %s %s events in %llu batches%s%s%s", "stream",
         rpc_get_str(u->stream, "state"), sign("·", "-"), text_count(stream_events(u), a),
         (unsigned long long)rpc_u64_or(u->stream, "batches", 0), pct, error ? ": " : "",
         error ? error : "");
}

static void overview_params(struct ui *u, const json_t *p)
{
    const json_t *list = json_object_get(u->plugins.open_params, "params"), *item;
    size_t i;

    if (!plugin_can_open(p))
        return;
    if (rpc_get_str(u->plugins.open_params, "error"))
        line(u, LOOK_WARN, " %-11s %s", "open params",
             rpc_get_str(u->plugins.open_params, "error"));
    else if (json_array_size(list) == 0)
        line(u, LOOK_TEXT, " %-11s none suggested   o opens", "open params");
    json_array_foreach(list, i, item) {
        const char *desc = rpc_get_str(item, "desc");

        line(u, LOOK_TEXT, " %-11s %s%s%s", i ? "" : "open params", rpc_get_str(item, "value"),
             desc && *desc ? "   " : "", desc ? desc : "");
    }
}

/* The last lines of it; the log has all. */
static void overview_printed(struct ui *u)
{
    const json_t *e;
    size_t i, left = 0;

    json_array_foreach(u->plugins.log, i, e)
        left += rpc_get_bool(e, "printed", false);
    json_array_foreach(u->plugins.log, i, e) {
        const char *during = rpc_get_str(e, "during");

        if (rpc_get_bool(e, "printed", false) && left-- <= OVERVIEW_PRINTED)
            line(u, LOOK_DIM, " %-11s %s%s%s", "printed",
                 during ? during + (str_starts(during, "plugin_") ? 7 : 0) : "", during ? ": " : "",
                 rpc_get_str(e, "text"));
    }
}

static void overview_failure(struct ui *u, const json_t *p)
{
    const json_t *f = json_object_get(p, "failure");

    if (!f)
        return;
    line(u, LOOK_BAD, " %s not in use: at step “%s”", sign("✗", "x"), rpc_get_str(f, "step"));
    line(u, LOOK_TEXT, "   %s", rpc_get_str(f, "text"));
    if (rpc_get_str(p, "api") && str_eq(rpc_get_str(f, "step"), "api-version"))
        line(u, LOOK_TEXT, "   it requires API %s; mews supports %s", rpc_get_str(p, "api"),
             rpc_get_str(f, "supported_api"));
    if (*rpc_get_str(f, "advice"))
        line(u, LOOK_WARN, "   %s", rpc_get_str(f, "advice"));
}

static void tab_overview(struct ui *u, const json_t *p)
{
    char size[32], when[40], file[900];
    const char *path = rpc_get_str(p, "path"), *error = rpc_get_str(p, "last_error");
    const json_t *w;
    struct buf have;
    const char *name;
    json_t *present;
    size_t i;

    overview_failure(u, p);
    if (rpc_get_str(p, "description"))
        line(u, LOOK_STRONG, " %s", rpc_get_str(p, "description"));
    snprintf(file, sizeof(file), "%s %s %s %s %s %s built %s", path ? path : "?", sign("·", "-"),
             text_bytes(rpc_u64_or(p, "file_size", 0), size), sign("·", "-"),
             rpc_get_str(p, "language"), sign("·", "-"),
             time_text(u, rpc_u64_or(p, "file_time", 0), TIME_DATETIME_S, when));
    if (rpc_u64_or(p, "file_size", 0))
        pair(u, "file", file);
    else
        pair(u, "file", path);
    pair(u, "contact", rpc_get_str(p, "contact"));
    if (!rpc_get_str(p, "version"))
        return;
    overview_source(u, p);
    overview_fields(u, p);
    overview_parsing(u, p);
    overview_async(u, p);
    capability_line(u, p, "listening", 'L', "");
    buf_init(&have, 4096);
    json_object_foreach(json_object_get(p, "optional"), name, present) {
        if (json_is_true(present))
            buf_addf(&have, "%s%s", have.len ? " " : "", name + 7);
    }
    pair(u, "optional", have.len ? buf_str(&have) : "none of the optional functions");
    buf_fini(&have);
    if (rpc_u64_or(p, "routines", 0))
        line(u, LOOK_TEXT, " %-11s %llu run in threads of their own", "routines",
             (unsigned long long)rpc_u64_or(p, "routines", 0));
    pair(u, "config", *rpc_get_str(p, "config") ? rpc_get_str(p, "config") : "(empty)");
    overview_params(u, p);
    overview_state(u, p);
    json_array_foreach(json_object_get(p, "warnings"), i, w)
        line(u, LOOK_WARN, " %-11s %s", "warning", json_string_value(w));
    if (error)
        line(u, LOOK_BAD, " %-11s %s", "last error", error);
    overview_printed(u);
}

static void tab_fields(struct ui *u, const json_t *p)
{
    const json_t *f, *arg;
    size_t i;

    json_array_foreach(json_object_get(p, "fields"), i, f) {
        char type[40];

        arg = json_object_get(f, "arg");
        snprintf(type, sizeof(type), "%s%s%s", rpc_get_bool(f, "isList", false) ? "list " : "",
                 rpc_get_str(f, "type"),
                 rpc_get_bool(arg, "isKey", false)     ? "[key]"
                 : rpc_get_bool(arg, "isIndex", false) ? "[i]"
                                                       : "");
        line(u, LOOK_TEXT, " %-34s %-18s %s", rpc_get_str(f, "name"), type, rpc_get_str(f, "desc"));
    }
    if (json_array_size(json_object_get(p, "fields")) == 0)
        line(u, LOOK_DIM, " it declares no fields");
}

static void add_text_lines(struct ui *u, enum look l, const char *text)
{
    while (text && *text) {
        size_t n = strcspn(text, "\n");

        line(u, l, " %.*s", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void add_json(struct ui *u, enum look l, const char *text)
{
    json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
    char *pretty = j ? json_dumps(j, JSON_INDENT(2) | JSON_ENCODE_ANY) : NULL;

    add_text_lines(u, l, pretty ? pretty : text);
    free(pretty);
    json_decref(j);
}

static void tab_config(struct ui *u, const json_t *p)
{
    const char *config = rpc_get_str(p, "config"), *schema = rpc_get_str(p, "schema");

    bool running =
        json_is_true(json_object_get(json_object_get(p, "optional"), "plugin_set_config"));

    line(u, LOOK_HEAD, " configuration in force (secrets are %s)%s",
         u->plugins.secrets ? "shown" : "masked: s shows them",
         running ? "   e changes it while it runs" : "");
    if (config && *config)
        add_json(u, LOOK_TEXT, config);
    else
        line(u, LOOK_DIM, " empty");
    line(u, LOOK_HEAD, " schema");
    if (schema)
        add_json(u, LOOK_TEXT, schema);
    else
        line(u, LOOK_DIM, " it gives none: any text is passed on as it is");
}

static void calls_of(struct ui *u, const json_t *list, const char *indent)
{
    const json_t *c;
    size_t i;

    json_array_foreach(list, i, c) {
        char a[32], b[32], p50[32], p99[32], max[32];
        uint64_t failures = rpc_u64_or(c, "failures", 0);

        line(u, failures ? LOOK_WARN : LOOK_TEXT, " %s%-32s %12s %8s %9s %9s %9s", indent,
             rpc_get_str(c, "name"), text_count(rpc_u64_or(c, "calls", 0), a),
             text_count(failures, b), text_duration(rpc_u64_or(c, "p50_ns", 0), p50),
             text_duration(rpc_u64_or(c, "p99_ns", 0), p99),
             text_duration(rpc_u64_or(c, "max_ns", 0), max));
    }
}

static void tab_calls(struct ui *u, const json_t *p)
{
    line(u, LOOK_HEAD, " %-32s %12s %8s %9s %9s %9s", "function", "calls", "failed", "p50", "p99",
         "max");
    calls_of(u, json_object_get(p, "calls"), "");
    if (json_array_size(json_object_get(p, "field_calls"))) {
        line(u, LOOK_HEAD, " fields");
        calls_of(u, json_object_get(p, "field_calls"), "");
    }
}

static void tab_metrics(struct ui *u, const json_t *p)
{
    const json_t *list = json_object_get(p, "metrics"), *m;
    size_t i;

    if (!json_is_true(json_object_get(json_object_get(p, "optional"), "plugin_get_metrics"))) {
        line(u, LOOK_DIM, " it has no plugin_get_metrics");
        return;
    }
    if (json_array_size(list) == 0)
        line(u, LOOK_DIM, " it gives none now");
    else
        line(u, LOOK_HEAD, " %-40s %20s %14s", "metric", "value", "per second");
    json_array_foreach(list, i, m) {
        const json_t *rate = json_object_get(m, "rate");
        char per_second[40] = "";

        if (rate)
            snprintf(per_second, sizeof(per_second), "%.1f", json_number_value(rate));
        line(u, LOOK_TEXT, " %-40s %20s %14s", rpc_get_str(m, "name"), rpc_get_str(m, "value"),
             per_second);
    }
}

static void tab_log(struct ui *u)
{
    const json_t *e;
    char time[40];
    size_t i;

    json_array_foreach(u->plugins.log, i, e)
        line(u, rpc_u64_or(e, "severity", 6) <= 4 ? LOOK_WARN : LOOK_TEXT, " %s  %s%s",
             time_text(u, rpc_u64_or(e, "ts", 0), TIME_CLOCK_S, time),
             rpc_get_bool(e, "printed", false) ? "printed: " : "", rpc_get_str(e, "text"));
    if (json_array_size(u->plugins.log) == 0)
        line(u, LOOK_DIM, " it has said nothing");
}

void plugin_body(struct ui *u)
{
    struct plugins_view *v = &u->plugins;
    const json_t *p = plugin_now(u);

    body_clear(v);
    if (!p)
        return;
    switch (v->tab) {
    case PLUGIN_TAB_FIELDS:
        tab_fields(u, p);
        break;
    case PLUGIN_TAB_CONFIG:
        tab_config(u, p);
        break;
    case PLUGIN_TAB_CALLS:
        tab_calls(u, p);
        break;
    case PLUGIN_TAB_METRICS:
        tab_metrics(u, p);
        break;
    case PLUGIN_TAB_LOG:
        tab_log(u);
        break;
    default:
        tab_overview(u, p);
    }
    v->body.n = v->body_lines.n;
    table_clamp(&v->body);
}
