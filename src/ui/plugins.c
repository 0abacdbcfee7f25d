/* The Plugins screen: what is loaded, what is not and why, and each one in full. */
#include <ncurses.h>

#include "internal.h"

#define OVERVIEW_PRINTED 8

#define REFRESH_NS (1000 * NS_PER_MS)

enum { TAB_OVERVIEW, TAB_FIELDS, TAB_CONFIG, TAB_CALLS, TAB_LOG, TAB_COUNT };
static const char *const tab_names[] = {"overview", "fields", "config", "calls", "log"};

static const json_t *list_of(const struct ui *u)
{
    return json_object_get(u->plugins.answer, "plugins");
}

static const json_t *plugin_now(const struct ui *u)
{
    return json_array_get(list_of(u), u->plugins.list.cursor);
}

static void build_body(struct ui *u);
static void ask_about(struct ui *u);

/* ---- asking ---------------------------------------------------------------------------------- */

static void on_plugins(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct plugins_view *v = &u->plugins;

    UNUSED(ctx);
    v->asking = false;
    if (error)
        return;
    json_decref(v->answer);
    v->answer = json_incref((json_t *)result);
    v->list.n = json_array_size(list_of(u));
    table_clamp(&v->list);
    ask_about(u);
    build_body(u);
}

static void on_params(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    json_decref(u->plugins.open_params);
    u->plugins.open_params = error ? json_pack("{so}", "error", rpc_str(error_text(error)))
                                   : json_incref((json_t *)result);
    build_body(u);
}

static void on_log(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    UNUSED(error);
    if (!result)
        return;
    json_decref(u->plugins.log);
    u->plugins.log = json_incref(json_object_get(result, "entries"));
    build_body(u);
}

static bool can_open(const json_t *p)
{
    return rpc_get_bool(json_object_get(json_object_get(p, "capabilities"), "sourcing"), "present",
                        false) &&
           !json_object_get(p, "failure");
}

static void ask_about(struct ui *u)
{
    struct plugins_view *v = &u->plugins;
    const json_t *p = plugin_now(u);
    const char *name = rpc_get_str(p, "name");

    if (!name)
        return;
    if (!v->open_params_of || !str_eq(v->open_params_of, name)) {
        free(v->open_params_of);
        v->open_params_of = xstrdup(name);
        json_decref(v->open_params);
        v->open_params = NULL;
        if (can_open(p))
            ask(u, "plugin/open_params", json_pack("{so}", "plugin", rpc_str(name)), on_params,
                NULL);
    }
    if (v->tab == TAB_LOG || v->tab == TAB_OVERVIEW)
        ask(u, "keeper/log", json_pack("{so si}", "plugin", rpc_str(name), "n", 200), on_log, NULL);
}

static void refresh_plugins(struct ui *u)
{
    struct plugins_view *v = &u->plugins;

    if (v->asking || !engine_is_up(u))
        return;
    v->asking = true;
    v->asked_at = time_mono();
    ask(u, "plugins", NULL, on_plugins, NULL);
}

void plugins_reset(struct ui *u)
{
    u->plugins.asking = false;
    free(u->plugins.open_params_of);
    u->plugins.open_params_of = NULL;
}

/* ---- the body: lines with their look in front ------------------------------------------------ */

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

    if (!can_open(p))
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
    if (rpc_get_str(p, "api"))
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
    capability_line(u, p, "parsing", 'P', "");
    capability_line(u, p, "async", 'A', "");
    capability_line(u, p, "listening", 'L', "");
    buf_init(&have, 4096);
    json_object_foreach(json_object_get(p, "optional"), name, present) {
        if (json_is_true(present))
            buf_addf(&have, "%s%s", have.len ? " " : "", name + 7);
    }
    pair(u, "optional", have.len ? buf_str(&have) : "none of the optional functions");
    buf_fini(&have);
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

    line(u, LOOK_HEAD, " configuration in force (secrets are masked)");
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

static void build_body(struct ui *u)
{
    struct plugins_view *v = &u->plugins;
    const json_t *p = plugin_now(u);

    body_clear(v);
    if (!p)
        return;
    switch (v->tab) {
    case TAB_FIELDS:
        tab_fields(u, p);
        break;
    case TAB_CONFIG:
        tab_config(u, p);
        break;
    case TAB_CALLS:
        tab_calls(u, p);
        break;
    case TAB_LOG:
        tab_log(u);
        break;
    default:
        tab_overview(u, p);
    }
    v->body.n = v->body_lines.n;
    table_clamp(&v->body);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void capability_letters(const json_t *p, char out[20])
{
    static const char *const names[] = {"sourcing", "extraction", "parsing", "async", "listening"};
    static const char letters[] = "SEPAL";
    size_t n = 0;

    for (int i = 0; i < 5; i++) {
        bool has = rpc_get_bool(json_object_get(json_object_get(p, "capabilities"), names[i]),
                                "present", false);

        n +=
            (size_t)snprintf(out + n, 20 - n, "%s", has ? (char[]){letters[i], 0} : sign("·", "."));
    }
}

static uint64_t total_failures(const json_t *p)
{
    const json_t *c;
    uint64_t n = 0;
    size_t i;

    json_array_foreach(json_object_get(p, "calls"), i, c)
        n += rpc_u64_or(c, "failures", 0);
    return n;
}

static void draw_plugin(struct ui *u, const json_t *p, int y, struct rect r, bool on)
{
    const json_t *failure = json_object_get(p, "failure");
    enum look base = on ? LOOK_CURSOR : failure ? LOOK_BAD : LOOK_TEXT;
    bool bundled = rpc_get_bool(p, "bundled", false);
    char caps[20], name[80], count[32];
    int names = r.w > 60 ? 22 : r.w / 2 - 4;

    if (on)
        fill(y, r.x, r.w, base, ' ');
    capability_letters(p, caps);
    snprintf(name, sizeof(name), "%s%s", rpc_get_str(p, "name"),
             bundled && names > 20 ? " (comes along)" : "");
    text_putf(y, r.x, 3, base, "%s%s", on ? sign("▸", ">") : " ",
              failure ? sign("✗", "x") : sign("●", "*"));
    text_puts(y, r.x + 3, names - 1, base, name);
    text_puts(y, r.x + 3 + names, 8, base,
              rpc_get_str(p, "version") ? rpc_get_str(p, "version") : "");
    if (r.w <= 60) {
        text_puts(y, r.x + 12 + names, 6, base, caps);
        return;
    }
    text_puts(y, r.x + 12 + names, 7, base, rpc_get_str(p, "api") ? rpc_get_str(p, "api") : "");
    text_puts(y, r.x + 20 + names, 6, base, caps);
    if (failure) {
        text_putf(y, r.x + 27 + names, r.w - names - 28, base, "%s: %s",
                  rpc_get_str(failure, "step"), rpc_get_str(failure, "text"));
        return;
    }
    text_puts(y, r.x + 27 + names, 14, base,
              *rpc_get_str(p, "source") ? rpc_get_str(p, "source") : "");
    text_right(y, r.x + 41 + names, 6, base,
               text_count(json_array_size(json_object_get(p, "fields")), count));
    text_right(y, r.x + 48 + names, 6, base, text_count(total_failures(p), count));
    UNUSED(u);
}

static void draw_list(struct ui *u, struct rect r)
{
    struct plugins_view *v = &u->plugins;
    int names = r.w > 60 ? 22 : r.w / 2 - 4;

    text_puts(r.y, r.x + 3, names, LOOK_HEAD, "plugin");
    text_puts(r.y, r.x + 3 + names, 8, LOOK_HEAD, "version");
    if (r.w > 60)
        text_puts(r.y, r.x + 12 + names, r.w - names - 12, LOOK_HEAD,
                  "API     can    source         fields  fails");
    table_fit(&v->list, r.h - 1);
    for (int i = 0; i < r.h - 1 && v->list.top + (size_t)i < v->list.n; i++)
        draw_plugin(u, json_array_get(list_of(u), v->list.top + (size_t)i), r.y + 1 + i, r,
                    v->list.top + (size_t)i == v->list.cursor);
}

static void draw_tabs(struct ui *u, struct rect r)
{
    struct plugins_view *v = &u->plugins;
    bool focus = v->pane == 1;
    int x = r.x + 2;

    rule_line(r.y, r.x, r.w, focus ? LOOK_HEAD : LOOK_DIM);
    x += text_putf(r.y, x, r.w / 2, LOOK_STRONG, " %s ", rpc_get_str(plugin_now(u), "name"));
    for (int i = 0; i < TAB_COUNT; i++)
        x += 1 + text_putf(r.y, x + 1, r.x + r.w - x - 1, i == v->tab ? LOOK_CELL : LOOK_DIM,
                           " %s ", tab_names[i]);
}

static void plugins_draw(struct ui *u, struct rect r)
{
    struct plugins_view *v = &u->plugins;
    int list = MIN_OF((int)v->list.n + 1, MAX_OF(r.h / 3, 3));

    if (time_mono() > v->asked_at + REFRESH_NS)
        refresh_plugins(u);
    if (v->list.n == 0) {
        text_puts(r.y + r.h / 3, r.x + 2, r.w - 4, LOOK_DIM,
                  !engine_is_up(u) ? "the engine has ended: R starts it anew"
                  : u->ready       ? "no plugin is loaded: l loads one"
                                   : "loading plugins…");
        return;
    }
    draw_list(u, (struct rect){r.y, r.x, list, r.w});
    draw_tabs(u, (struct rect){r.y + list, r.x, 1, r.w});
    table_fit(&v->body, r.h - list - 1);
    v->body.top = v->pane == 1 ? v->body.top : 0;
    for (int i = 0; i < r.h - list - 1 && v->body.top + (size_t)i < v->body_lines.n; i++) {
        const char *s = v->body_lines.v[v->body.top + (size_t)i];
        bool on = v->pane == 1 && v->body.top + (size_t)i == v->body.cursor;

        if (on)
            fill(r.y + list + 1 + i, r.x, r.w, LOOK_CURSOR, ' ');
        text_puts(r.y + list + 1 + i, r.x, r.w, on ? LOOK_CURSOR : (enum look)(s[0] - 'A'), s + 1);
    }
}

/* ---- keys and actions ------------------------------------------------------------------------ */

void plugins_tab(struct ui *u, int by)
{
    struct plugins_view *v = &u->plugins;

    v->tab = (v->tab + TAB_COUNT + by) % TAB_COUNT;
    v->body.cursor = v->body.top = 0;
    ask_about(u);
    build_body(u);
}

static bool plugins_key(struct ui *u, int key, bool is_char)
{
    struct plugins_view *v = &u->plugins;
    size_t before = v->list.cursor;

    if (!is_char && (key == KEY_LEFT || key == KEY_RIGHT)) {
        plugins_tab(u, key == KEY_LEFT ? -1 : 1);
        return true;
    }
    if (is_char && (key == '\r' || key == '\n')) {
        v->pane = 1;
        return true;
    }
    if (!table_key(v->pane ? &v->body : &v->list, key, is_char, u->height / 2))
        return false;
    if (v->list.cursor != before) {
        v->body.cursor = v->body.top = 0;
        json_decref(v->log);
        v->log = NULL;
        ask_about(u);
        build_body(u);
    }
    return true;
}

static void on_opened(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    UNUSED(result);
    if (error) {
        notice(u, LOOK_BAD, "%s", error_text(error));
        return;
    }
    screen_go(u, SCREEN_EVENTS);
    u->events.columns_final = u->events.columns_final && u->events.columns.n > 0;
    u->events.want_last = true;
    u->events.follow = true;
    events_ask_columns(u);
    events_refresh(u);
}

static void on_open_params(struct ui *u, const char *text, void *ctx)
{
    char *name = ctx;

    history_add(&u->path_history, text);
    ask(u, "source/open", json_pack("{so so}", "source", rpc_str(name), "params", rpc_str(text)),
        on_opened, NULL);
    notice(u, LOOK_TEXT, "opening %s…", name);
    free(name);
}

static const char *first_source(const struct ui *u)
{
    const json_t *p;
    size_t i;

    json_array_foreach(list_of(u), i, p) {
        if (can_open(p))
            return rpc_get_str(p, "name");
    }
    return rpc_get_str(u->stream, "plugin");
}

void plugins_open_source(struct ui *u, int arg)
{
    const json_t *p = u->screen == SCREEN_PLUGINS ? plugin_now(u) : NULL;
    const char *name = p ? (can_open(p) ? rpc_get_str(p, "name") : NULL)
                         : rpc_get_str(u->stream, "plugin"),
               *params;
    char question[160];

    UNUSED(arg);
    if (!name && !p)
        name = first_source(u);
    if (!name) {
        notice(u, LOOK_WARN,
               p ? "this plugin has no event source"
                 : "no loaded plugin has an event source: l loads one");
        return;
    }
    params = rpc_get_str(u->stream, "plugin") && str_eq(rpc_get_str(u->stream, "plugin"), name)
                 ? rpc_get_str(u->stream, "params")
                 : NULL;
    if (!params && json_array_size(json_object_get(u->plugins.open_params, "params")) == 1)
        params = rpc_get_str(json_array_get(json_object_get(u->plugins.open_params, "params"), 0),
                             "value");
    snprintf(question, sizeof(question), "open %s with", name);
    prompt_open(u, question, params ? params : "", &u->path_history, on_open_params, xstrdup(name));
}

static void on_loaded(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    if (error)
        notice(u, LOOK_BAD, "%s", error_text(error));
    else
        notice(u, LOOK_GOOD, "%s is loaded", rpc_get_str(result, "name"));
    u->plugins.asked_at = 0;
}

static void on_library(struct ui *u, const char *text, void *ctx)
{
    UNUSED(ctx);
    if (!*text)
        return;
    history_add(&u->path_history, text);
    ask(u, "plugin/load", json_pack("{so}", "library", rpc_str(text)), on_loaded, NULL);
}

void plugins_load(struct ui *u, int arg)
{
    UNUSED(arg);
    prompt_open(u, "load plugin (path or name)", "", &u->path_history, on_library, NULL);
}

static void plugins_open(struct ui *u)
{
    refresh_plugins(u);
}

static void plugins_note(struct ui *u, const char *method, const json_t *params)
{
    UNUSED(params);
    if (str_eq(method, "plugins") || str_eq(method, "session/ready"))
        refresh_plugins(u);
    else if (str_eq(method, "stream"))
        build_body(u);
}

static unsigned plugins_contexts(struct ui *u)
{
    UNUSED(u);
    return CX_PLUGINS;
}

static void plugins_back(struct ui *u)
{
    if (u->plugins.pane)
        u->plugins.pane = 0;
    else
        screen_go(u, SCREEN_EVENTS);
}

static const char *plugins_crumb(struct ui *u)
{
    const char *name = rpc_get_str(plugin_now(u), "name");

    return name ? name : "";
}

const struct screen screen_plugins = {"Plugins",    plugins_open,     plugins_draw, plugins_key,
                                      plugins_note, plugins_contexts, plugins_back, plugins_crumb};
