/* The Plugins screen: what is loaded, what is not and why, and each one in full. */
#include <ncurses.h>

#include "internal.h"

#define REFRESH_NS (1000 * NS_PER_MS)

static const char *const tab_names[] = {"overview", "fields", "config", "calls", "metrics", "log"};

static const json_t *list_of(const struct ui *u)
{
    return json_object_get(u->plugins.answer, "plugins");
}

const json_t *plugin_now(const struct ui *u)
{
    return json_array_get(list_of(u), u->plugins.list.cursor);
}

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
    plugin_body(u);
}

static void on_params(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    json_decref(u->plugins.open_params);
    u->plugins.open_params = error ? json_pack("{so}", "error", rpc_str(error_text(error)))
                                   : json_incref((json_t *)result);
    open_form_proposals(u);
    plugin_body(u);
}

static void on_log(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    UNUSED(error);
    if (!result)
        return;
    json_decref(u->plugins.log);
    u->plugins.log = json_incref(json_object_get(result, "entries"));
    plugin_body(u);
}

static bool has_source(const json_t *p)
{
    return rpc_get_bool(json_object_get(json_object_get(p, "capabilities"), "sourcing"), "present",
                        false);
}

bool plugin_can_open(const json_t *p)
{
    return has_source(p) && !json_object_get(p, "failure");
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
        if (plugin_can_open(p))
            ask(u, "plugin/open_params", json_pack("{so}", "plugin", rpc_str(name)), on_params,
                NULL);
    }
    if (v->tab == PLUGIN_TAB_LOG || v->tab == PLUGIN_TAB_OVERVIEW)
        ask(u, "keeper/log", json_pack("{so si}", "plugin", rpc_str(name), "n", 200), on_log, NULL);
}

static void refresh_plugins(struct ui *u)
{
    struct plugins_view *v = &u->plugins;

    if (v->asking || !engine_is_up(u))
        return;
    v->asking = true;
    v->asked_at = time_mono();
    ask(u, "plugins", json_pack("{sb}", "secrets", v->secrets), on_plugins, NULL);
}

void plugins_reset(struct ui *u)
{
    u->plugins.asking = false;
    free(u->plugins.open_params_of);
    u->plugins.open_params_of = NULL;
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
    for (int i = 0; i < PLUGIN_TAB_COUNT; i++)
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

    v->tab = (v->tab + PLUGIN_TAB_COUNT + by) % PLUGIN_TAB_COUNT;
    v->body.cursor = v->body.top = 0;
    ask_about(u);
    plugin_body(u);
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
        plugin_body(u);
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

void plugins_open_with(struct ui *u, const char *name, const char *params)
{
    ask(u, "source/open", json_pack("{so so}", "source", rpc_str(name), "params", rpc_str(params)),
        on_opened, NULL);
    notice(u, LOOK_TEXT, "opening %s…", name);
}

static void on_open_params(struct ui *u, const char *text, void *ctx)
{
    char *name = ctx;

    history_add(&u->path_history, text);
    plugins_open_with(u, name, text);
    free(name);
}

static const char *first_source(const struct ui *u)
{
    const json_t *p;
    size_t i;

    json_array_foreach(list_of(u), i, p) {
        if (plugin_can_open(p))
            return rpc_get_str(p, "name");
    }
    return rpc_get_str(u->stream, "plugin");
}

/* What the source was opened with, or what the plugin proposes when that is one thing. */
static const char *params_for(const struct ui *u, const char *name)
{
    const char *open = rpc_get_str(u->stream, "plugin"), *of = u->plugins.open_params_of;
    const json_t *list = json_object_get(u->plugins.open_params, "params");
    const char *params = open && str_eq(open, name) ? rpc_get_str(u->stream, "params") : NULL;

    if (!params && of && str_eq(of, name) && json_array_size(list) == 1)
        params = rpc_get_str(json_array_get(list, 0), "value");
    return params ? params : "";
}

void plugins_open_source(struct ui *u, int arg)
{
    const json_t *p = u->screen == SCREEN_PLUGINS ? plugin_now(u) : NULL;
    const char *name = rpc_get_str(u->stream, "plugin");
    char question[160];

    UNUSED(arg);
    if (p && has_source(p)) {
        open_form_show(u, p, params_for(u, rpc_get_str(p, "name")));
        return;
    }
    if (!name)
        name = first_source(u);
    if (!name || p) {
        notice(u, LOOK_WARN,
               p ? "this plugin has no event source"
                 : "no loaded plugin has an event source: l loads one");
        return;
    }
    snprintf(question, sizeof(question), "open %s with", name);
    prompt_open(u, question, params_for(u, name), &u->path_history, on_open_params, xstrdup(name));
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

static void on_configured(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    char *name = ctx;

    UNUSED(result);
    if (error)
        notice(u, LOOK_BAD, "%s", error_text(error));
    else
        notice(u, LOOK_GOOD, "%s has another configuration", name);
    refresh_plugins(u);
    free(name);
}

static void on_config(struct ui *u, const char *text, void *ctx)
{
    char *name = ctx;

    ask(u, "plugin/config", json_pack("{so so}", "plugin", rpc_str(name), "config", rpc_str(text)),
        on_configured, name);
}

void plugins_config(struct ui *u, int arg)
{
    const json_t *p = plugin_now(u);
    const char *name = rpc_get_str(p, "name");
    char question[160];

    UNUSED(arg);
    if (!name || json_object_get(p, "failure")) {
        notice(u, LOOK_WARN, "this plugin is not in use");
        return;
    }
    if (!json_is_true(json_object_get(json_object_get(p, "optional"), "plugin_set_config"))) {
        notice(u, LOOK_WARN, "%s has no plugin_set_config: another -H is read at the next start",
               name);
        return;
    }
    snprintf(question, sizeof(question), "configuration of %s (••• stays as it is)", name);
    prompt_open(u, question, rpc_get_str(p, "config"), NULL, on_config, xstrdup(name));
}

void plugins_secrets(struct ui *u, int arg)
{
    UNUSED(arg);
    u->plugins.secrets = !u->plugins.secrets;
    notice(u, LOOK_TEXT,
           u->plugins.secrets ? "secrets are shown until s or another screen"
                              : "secrets are masked");
    u->plugins.asking = false;
    refresh_plugins(u);
}

static void plugins_open(struct ui *u)
{
    if (u->plugins.secrets) {
        u->plugins.secrets = false;
        json_decref(u->plugins.answer);
        u->plugins.answer = NULL;
        u->plugins.list.n = 0;
    }
    refresh_plugins(u);
}

static void plugins_note(struct ui *u, const char *method, const json_t *params)
{
    UNUSED(params);
    if (str_eq(method, "plugins") || str_eq(method, "session/ready"))
        refresh_plugins(u);
    else if (str_eq(method, "stream"))
        plugin_body(u);
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
