/* The Log screen: all that plugins and mews said. */
#include <ncurses.h>

#include "internal.h"

#define KEPT 2000

static void on_entries(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct log_view *v = &u->log;

    UNUSED(ctx);
    UNUSED(error);
    if (!result)
        return;
    json_decref(v->entries);
    v->entries = json_incref(json_object_get(result, "entries"));
    v->t.n = json_array_size(v->entries);
    v->t.cursor = v->t.n ? v->t.n - 1 : 0;
    v->follow = true;
}

static void log_open(struct ui *u)
{
    ask(u, "keeper/log", json_pack("{si}", "n", 1000), on_entries, NULL);
}

static enum look severity_look(const json_t *e)
{
    uint64_t s = rpc_u64_or(e, "severity", 6);

    return rpc_get_bool(e, "printed", false) ? LOOK_TEXT
           : s <= 3                          ? LOOK_BAD
           : s == 4                          ? LOOK_WARN
           : s >= 7                          ? LOOK_DIM
                                             : LOOK_TEXT;
}

static const char *severity_word(const json_t *e)
{
    static const char *const words[] = {"",     "fatal", "crit",  "error", "warn",
                                        "note", "info",  "debug", "trace"};
    uint64_t s = rpc_u64_or(e, "severity", 6);

    return rpc_get_bool(e, "printed", false) ? "print" : s < COUNT_OF(words) ? words[s] : "?";
}

static void draw_entry(struct ui *u, const json_t *e, int y, struct rect r, bool on)
{
    const char *component = rpc_get_str(e, "component"), *plugin = rpc_get_str(e, "plugin"),
               *during = rpc_get_str(e, "during");
    enum look l = on ? LOOK_CURSOR : severity_look(e);
    char time[40];
    int x = r.x + 1;

    if (on)
        fill(y, r.x, r.w, l, ' ');
    x += text_puts(y, x, 8, on ? l : LOOK_DIM,
                   time_text(u, rpc_u64_or(e, "ts", 0), TIME_CLOCK_S, time)) +
         1;
    text_puts(y, x, 5, l, severity_word(e));
    x += 6;
    if (r.w > 60) {
        text_puts(y, x, 14, on ? l : LOOK_FIELD, component ? component : plugin ? plugin : "mews");
        x += 15;
    }
    if (during && r.w > 90)
        x += text_putf(y, x, 24, on ? l : LOOK_DIM, "%s%s",
                       during + (str_starts(during, "plugin_") ? 7 : 0), ": ");
    text_puts(y, x, r.x + r.w - x, l, rpc_get_str(e, "text") ? rpc_get_str(e, "text") : "");
}

static void log_draw(struct ui *u, struct rect r)
{
    struct log_view *v = &u->log;

    table_fit(&v->t, r.h);
    if (v->t.n == 0)
        text_puts(r.y + r.h / 3, r.x + 2, r.w - 4, LOOK_DIM, "nobody has said anything yet");
    for (int i = 0; i < r.h && v->t.top + (size_t)i < v->t.n; i++)
        draw_entry(u, json_array_get(v->entries, v->t.top + (size_t)i), r.y + i, r,
                   v->t.top + (size_t)i == v->t.cursor);
}

static bool log_key(struct ui *u, int key, bool is_char)
{
    bool used = table_key(&u->log.t, key, is_char, u->height - 4);

    if (used)
        u->log.follow = u->log.t.cursor + 1 >= u->log.t.n;
    return used;
}

static void log_note(struct ui *u, const char *method, const json_t *params)
{
    struct log_view *v = &u->log;

    if (!str_eq(method, "log") || !v->entries)
        return;
    json_array_append(v->entries, (json_t *)params);
    if (json_array_size(v->entries) > KEPT) {
        json_array_remove(v->entries, 0);
        v->t.cursor -= v->t.cursor > 0;
    }
    v->t.n = json_array_size(v->entries);
    if (v->follow)
        v->t.cursor = v->t.n - 1;
}

static unsigned log_contexts(struct ui *u)
{
    UNUSED(u);
    return CX_LOG | CX_TABLE;
}

const struct screen screen_log = {"Log",    log_open,     log_draw, log_key,
                                  log_note, log_contexts, NULL,     NULL};
