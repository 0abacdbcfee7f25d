/* The frame around every screen: title, filter line, the line that speaks, the line of keys. */
#include <ncurses.h>

#include "internal.h"

/* ---- title ----------------------------------------------------------------------------------- */

static void call_words(const struct ui *u, char out[160])
{
    const json_t *call = json_object_get(u->stream, "call");
    const char *function = rpc_get_str(call, "function");

    out[0] = '\0';
    if (!call || !function)
        return;
    snprintf(out, 160, "%s %s in %s %.1f s, K ends it", sign("⧗", "!"), rpc_get_str(call, "plugin"),
             function + (str_starts(function, "plugin_") ? 7 : 0),
             (double)rpc_u64_or(call, "ms", 0) / 1000);
}

uint64_t stream_events(const struct ui *u)
{
    return rpc_u64_or(u->stream, "events", rpc_u64_or(u->stream, "last_number", 0));
}

static const char *state_words(const struct ui *u, char out[80])
{
    const char *state = rpc_get_str(u->stream, "state");
    uint64_t rate = rpc_u64_or(u->stream, "rate", 0);
    char n[32];

    if (u->report)
        return "engine ended";
    if (!u->ready)
        return "starting";
    if (rpc_get_bool(u->stream, "loading", false))
        return "indexing";
    if (!state || str_eq(state, "closed"))
        return "closed";
    if (rpc_get_bool(u->stream, "paused", false))
        return "paused";
    if (str_eq(state, "ended"))
        return "end";
    if (str_eq(state, "running") && rate) {
        snprintf(out, 80, "live %s/s%s", text_count(rate, n),
                 u->events.follow ? sign(" ↓", " v") : "");
        return out;
    }
    if (str_eq(state, "running") || str_eq(state, "idle")) {
        snprintf(out, 80, "%s%s", str_eq(state, "idle") ? "idle" : "live",
                 u->events.follow ? sign(" ↓", " v") : "");
        return out;
    }
    return state;
}

static enum look title_look(const struct ui *u)
{
    const char *state = rpc_get_str(u->stream, "state");

    return u->report || (state && (str_eq(state, "failed") || str_eq(state, "full"))) ? LOOK_BAD
                                                                                      : LOOK_TITLE;
}

static int draw_screens(struct ui *u)
{
    int x = text_puts(0, 1, 6, LOOK_TITLE_ON, "mews") + 2;
    char name[40];

    if (u->width < 100) {
        snprintf(name, sizeof(name), "%d %s", (int)u->screen, screen_of(u->screen)->name);
        return x + text_puts(0, x, 20, LOOK_TITLE_ON, name) + 1;
    }
    for (int i = 1; i <= SCREEN_COUNT; i++) {
        int id = i % SCREEN_COUNT;

        if (u->width < 150 && id != (int)u->screen &&
            (id == SCREEN_ASYNC || id == SCREEN_STATE || id == SCREEN_INFO ||
             (id == SCREEN_RULES && !rules_loaded(u))))
            continue;
        snprintf(name, sizeof(name), " %d %s ", id, screen_of((enum screen_id)id)->name);
        x += text_puts(0, x, 20, id == (int)u->screen ? LOOK_TITLE_ON : LOOK_TITLE, name);
    }
    return x + 1;
}

/* The end of a path, or of whatever the source was opened with. */
static const char *params_words(const struct ui *u, char out[80])
{
    const char *params = rpc_get_str(u->stream, "params"),
               *input = rpc_get_str(u->options, "input");
    bool piped = params && str_eq(params, "standard input"); /* maybe that of another day */
    const char *s = input && !piped ? input : params ? params : "", *slash = strrchr(s, '/');

    snprintf(out, 80, "%s", slash && slash[1] && !strchr(s, ' ') ? slash + 1 : s);
    return out;
}

static void draw_title(struct ui *u)
{
    const char *source = rpc_get_str(u->stream, "source"),
               *plugin = rpc_get_str(u->stream, "plugin");
    const char *crumb = screen_of(u->screen)->crumb ? screen_of(u->screen)->crumb(u) : "";
    uint64_t events = stream_events(u);
    char right[300], state[80], params[80], count[32], call[160];
    int x;

    fill(0, 0, u->width, LOOK_TITLE, ' ');
    x = draw_screens(u);
    call_words(u, call);
    if (*call)
        snprintf(right, sizeof(right), "%s ", call);
    else if (u->width >= 60)
        snprintf(right, sizeof(right), "%s event%s %s %s %s %s ", text_count(events, count),
                 events == 1 ? "" : "s", sign("·", "-"), state_words(u, state), sign("·", "-"),
                 u->utc ? "UTC" : "local");
    else
        snprintf(right, sizeof(right), "%s %s ", text_count(events, count), state_words(u, state));
    if (*crumb)
        x += text_putf(0, x, u->width - x, LOOK_TITLE, "%s%s ", sign("› ", "> "), crumb);
    params_words(u, params);
    if (plugin && u->width >= 60 && !(*crumb && u->width < 100))
        text_putf(0, x, u->width - x - text_width(right, strlen(right)) - 1, LOOK_TITLE, "%s%s%s",
                  source && *source ? source : plugin, *params ? sign(" · ", " - ") : "", params);
    text_right(0, MAX_OF(u->width - text_width(right, strlen(right)), x),
               text_width(right, strlen(right)), *call ? LOOK_BAD : title_look(u), right);
}

/* ---- the bottom ------------------------------------------------------------------------------ */

static void draw_keys(struct ui *u, int y)
{
    unsigned now = contexts_now(u);
    int x = 1;

    for (int nearest = 1; nearest >= 0; nearest--) {
        for (size_t i = 0; i < action_count; i++) {
            const struct action *a = &actions[i];
            char key[16];
            int need;

            if (!a->hint || !(a->contexts & now) || (a->contexts == CX_GLOBAL) == (nearest == 1))
                continue;
            snprintf(key, sizeof(key), "%.*s", (int)strcspn(a->keys, " "), a->keys);
            if (str_eq(key, "Backspace"))
                snprintf(key, sizeof(key), "BS");
            need = (int)strlen(key) + 1 + (int)strlen(a->hint) + 2;
            if (x + need > u->width)
                continue;
            x += text_puts(y, x, 10, LOOK_KEY, key);
            x += (str_eq(key, a->hint) ? 0 : 1 + text_puts(y, x + 1, 20, LOOK_DIM, a->hint)) + 2;
        }
    }
}

static const char *offer_words(const struct ui *u, char out[300])
{
    const char *library = rpc_get_str(u->offer, "library");

    if (library)
        snprintf(out, 300, "these look like %s: O opens them with the %s plugin",
                 rpc_get_str(u->offer, "title"), rpc_get_str(u->offer, "plugin"));
    else
        snprintf(out, 300, "these look like %s: the %s plugin gives them fields (l loads one)",
                 rpc_get_str(u->offer, "title"), rpc_get_str(u->offer, "plugin"));
    return out;
}

/* One line that speaks: what has just happened, else what is offered, else the tour's next step. */
static bool draw_voice(struct ui *u, int y)
{
    const char *coach = coach_line(u);
    char text[300];

    if (*u->notice && time_mono() < u->notice_until) {
        text_puts(y, 1, u->width - 2, u->notice_look, u->notice);
        return true;
    }
    if (u->report && !coach) {
        const char *head = rpc_get_str(u->report, "headline"),
                   *plugin = rpc_get_str(u->report, "plugin");
        bool fits = text_width(head, strlen(head)) + 40 < u->width;

        text_putf(y, 1, u->width - 2, LOOK_BAD, "%s%s: R starts anew, W without it",
                  fits     ? head
                  : plugin ? plugin
                           : "the engine",
                  fits ? "" : " has ended");
        return true;
    }
    if (u->offer) {
        text_puts(y, 1, u->width - 2, LOOK_WARN, offer_words(u, text));
        return true;
    }
    if (json_array_size(u->unsaved)) {
        const json_t *first = json_array_get(u->unsaved, 0);
        char n[32], when[40];

        text_putf(y, 1, u->width - 2, LOOK_WARN,
                  "an unsaved stream of %s events (%s, %s) was kept: U takes it up",
                  text_count(rpc_u64_or(first, "events", 0), n),
                  rpc_get_str(first, "source") ? rpc_get_str(first, "source") : "?",
                  time_text(u, rpc_u64_or(first, "time", 0), TIME_SHORT, when));
        return true;
    }
    if (coach) {
        text_puts(y, 1, u->width - 2, LOOK_DIM, coach);
        return true;
    }
    return false;
}

/* ---- all ------------------------------------------------------------------------------------- */

void frame_draw(struct ui *u)
{
    struct rect r;
    int bottom = u->height - 1;

    erase();
    getmaxyx(stdscr, u->height, u->width);
    bottom = u->height - 1;
    if (u->height < 3 || u->width < 10) {
        text_puts(0, 0, u->width, LOOK_TEXT, "too small");
        refresh();
        return;
    }
    draw_title(u);
    filter_line_draw(u, 1);
    draw_keys(u, bottom);
    if (u->height > 5 && draw_voice(u, bottom - 1))
        bottom--;
    r = (struct rect){2, 0, bottom - 2, u->width};
    if (r.h > 0)
        screen_of(u->screen)->draw(u, r);
    for (size_t i = 0; i < u->overlays.n; i++)
        u->overlays.v[i].draw(u, &u->overlays.v[i]);
    cursor_apply();
    refresh();
}
