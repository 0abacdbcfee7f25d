/* The filter in force, and the way back: where one was, and what one saw there. */
#include "internal.h"

#define PLACES_MAX 60

static struct place place_now(struct ui *u)
{
    return (struct place){u->screen,
                          u->events.pane,
                          u->events.detail_open,
                          u->events.payload_open,
                          u->events.cursor_number,
                          xstrdup(u->filter)};
}

void place_push(struct ui *u)
{
    if (u->places.n >= PLACES_MAX) {
        free(u->places.v[0].filter);
        vec_remove(&u->places, 0);
    }
    vec_push(&u->places, place_now(u));
}

/* ---- filters --------------------------------------------------------------------------------- */

struct wanted { /* a filter on its way */
    char *text;
    struct place before;
    bool undoing;
    uint64_t number; /* to be shown when it is there; 0: where one is */
};

static void wanted_free(struct wanted *w)
{
    free(w->text);
    free(w->before.filter);
    free(w);
}

/* ---- the filter in force ----------------------------------------------------------------------- */

/* What was off and stands in the filter again, which undoing brought back, is on. */
static void parts_back(struct ui *u)
{
    for (size_t i = 0; i < u->parts_off.n;) {
        if (!strstr(u->filter, u->parts_off.v[i])) {
            i++;
            continue;
        }
        free(u->parts_off.v[i]);
        vec_remove(&u->parts_off, i);
    }
}

static void take_filter(struct ui *u, struct wanted *w, uint64_t selection)
{
    char *before = u->filter;

    if (!w->undoing) {
        vec_push(&u->undo, w->before);
        w->before.filter = NULL;
        history_add(&u->filter_history, w->text);
        if (*w->text) {
            char *line = xasprintf("filter %s", w->text);

            kept_lines_add(line);
            free(line);
        }
    }
    u->filter = xstrdup(w->text);
    if (w->undoing)
        parts_back(u);
    u->selection = selection;
    detail_forget_preview(u);
    u->events.want_number = w->number ? w->number : u->events.cursor_number;
    u->events.first_answer = true;
    u->events.strip_at = 0;
    events_refresh(u); /* the rows are asked for first: what is said beside them may come later */
    if (u->change.shown || (u->change.now && str_eq(w->text, u->change.now)))
        u->change.shown = false; /* what differs is looked at, or was */
    else if (!w->undoing)
        change_compare(u, before, w->text);
    else
        change_forget(u);
    judged_again(u);
    free(before);
    if (u->counts.fields && u->screen == SCREEN_VIEWS)
        counts_start(u, NULL);
}

static void on_selected(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct wanted *w = ctx;
    const json_t *syntax = json_object_get(json_object_get(error, "data"), "syntax");

    if (json_integer_value(json_object_get(error, "code")) == RPC_ENGINE_GONE) {
        u->matches = u->scanned = 0;
        take_filter(u, w, 0); /* the next engine is asked again */
    } else if (error) {
        notice(u, LOOK_BAD, "%s%s", syntax ? "filter: " : "", error_text(error));
    } else {
        u->matches = rpc_u64_or(result, "matches", 0);
        u->scanned = rpc_u64_or(result, "scanned", 0);
        u->rows = rpc_u64_or(result, "rows", 0);
        take_filter(u, w, rpc_u64_or(result, "selection", 0));
        coach_note(u, "filter");
    }
    wanted_free(w);
}

static void want_filter(struct ui *u, const char *text, bool undoing, uint64_t number)
{
    struct wanted *w = xcalloc(1, sizeof(*w));

    while (*text == ' ')
        text++;
    w->text = xstrdup(text);
    w->before = place_now(u);
    w->undoing = undoing;
    w->number = number;
    if (*text) {
        ask(u, "select",
            json_pack("{so so so}", "filter", rpc_str(text), "replaces", rpc_u64(u->selection),
                      "near", rpc_u64(number ? number : u->events.cursor_number)),
            on_selected, w);
        return;
    }
    if (u->selection)
        ask(u, "select/drop", json_pack("{so}", "selection", rpc_u64(u->selection)), NULL, NULL);
    take_filter(u, w, 0);
    wanted_free(w);
}

void filter_apply(struct ui *u, const char *text)
{
    want_filter(u, text, false, 0);
}

void filter_again(struct ui *u, const char *text)
{
    want_filter(u, text, true, u->events.cursor_number);
}

void filter_undo(struct ui *u, int arg)
{
    struct place p;

    UNUSED(arg);
    if (u->undo.n == 0) {
        notice(u, LOOK_TEXT, "no filter to go back to");
        return;
    }
    p = u->undo.v[--u->undo.n];
    want_filter(u, p.filter, true, p.number);
    free(p.filter);
}

void place_back(struct ui *u, int arg)
{
    const struct screen *s = screen_of(u->screen);
    struct place p;

    UNUSED(arg);
    if (s->back && (u->places.n == 0 || (u->screen == SCREEN_STATE && u->state.table))) {
        s->back(u);
        return;
    }
    if (u->places.n == 0) {
        if (u->screen != SCREEN_EVENTS)
            screen_go(u, SCREEN_EVENTS);
        return;
    }
    p = u->places.v[--u->places.n];
    screen_go(u, (int)p.screen);
    u->events.pane = p.pane;
    u->events.detail_open = p.detail_open;
    u->events.payload_open = p.payload_open;
    u->events.payload_front = p.pane == PANE_PAYLOAD;
    detail_forget_preview(u);
    if (!str_eq(p.filter, u->filter))
        want_filter(u, p.filter, false, p.number);
    else if (p.number && p.number != u->events.cursor_number)
        events_jump(u, p.number);
    free(p.filter);
}
