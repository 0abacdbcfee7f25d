/* The Events screen: the list, and the panes beside or below it. */
#include <ncurses.h>

#include "internal.h"

#define WINDOW_MIN 40
#define WINDOW_MAX 200
#define WAIT_MS    60

/* ---- rows: asked for around a place ---------------------------------------------------------- */

static json_t *column_names(const struct events_view *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->columns.n; i++)
        json_array_append_new(list, rpc_str(e->columns.v[i].field));
    return list;
}

static json_t *anchor_now(struct events_view *e)
{
    if (e->want_last)
        return json_string("last");
    if (e->want_first)
        return json_pack("{ss}", "row", "0");
    if (e->want_time || e->back_time)
        return json_pack("{so}", "time", rpc_u64(e->want_time ? e->want_time : e->back_time));
    if (e->want_number)
        return json_pack("{so}", "number", rpc_u64(e->want_number));
    return json_pack("{so}", "row", rpc_u64(e->cursor_row));
}

const json_t *events_current(struct ui *u)
{
    return events_row(&u->events, u->events.cursor);
}

/* What is under the cursor now; panes follow. */
static uint64_t event_of(const json_t *row)
{
    return rpc_u64_or(row, "plus", 0) ? EVENT_BY_ROW | rpc_u64_or(row, "row", 0)
                                      : rpc_u64_or(row, "number", 0);
}

uint64_t event_here(struct ui *u)
{
    return event_of(events_current(u));
}

void event_ask(json_t *params, uint64_t event)
{
    bool by_row = event & EVENT_BY_ROW;

    json_object_set_new(params, by_row ? "row" : "number", rpc_u64(event & ~EVENT_BY_ROW));
}

static void cursor_moved(struct ui *u)
{
    struct events_view *e = &u->events;
    const json_t *row = events_current(u);
    uint64_t event = event_of(row);

    if (!row)
        return;
    if (rpc_u64_or(row, "row", 0) != e->cursor_row)
        detail_forget_preview(u);
    e->cursor_row = rpc_u64_or(row, "row", 0);
    e->cursor_number = rpc_u64_or(row, "number", 0);
    if (e->detail_open && u->detail.event == event && u->detail.detail)
        return;
    if (e->detail_open && !json_object_get(row, "mark")) {
        detail_show(u, event);
        if (e->payload_open)
            payload_show(u, event);
    }
}

static size_t index_of_row(const struct events_view *e, uint64_t row, size_t otherwise)
{
    for (size_t i = 0; i < events_row_count(e); i++) {
        if (rpc_u64_or(events_row(e, i), "row", UINT64_MAX) == row)
            return i;
    }
    return otherwise;
}

static void place_cursor(struct ui *u, const json_t *result, bool wanted)
{
    struct events_view *e = &u->events;
    size_t offset = e->cursor - MIN_OF(e->top, e->cursor), at = (size_t)rpc_u64_or(result, "at", 0);
    size_t h = (size_t)MAX_OF(e->height, 1);

    e->cursor = wanted || e->first_answer ? at : index_of_row(e, e->cursor_row, at);
    if (wanted && e->follow)
        offset = h - 1;
    e->top = e->cursor > offset ? e->cursor - offset : 0;
    if (e->top + h > events_row_count(e))
        e->top = events_row_count(e) > h ? events_row_count(e) - h : 0;
    if (e->cursor < e->top)
        e->top = e->cursor;
    if (e->cursor >= e->top + h)
        e->top = e->cursor - h + 1;
    e->first_answer = false;
    cursor_moved(u);
}

/* What was typed and can't be a column goes again, with the reason. */
static bool refuse_column(struct ui *u, size_t i, const char *why)
{
    struct events_view *e = &u->events;

    if (!why || !e->columns.v[i].typed)
        return false;
    notice(u, LOOK_BAD, "%s: %s", e->columns.v[i].field, why);
    column_remove(e, i);
    return true;
}

static void take_types(struct ui *u, const json_t *columns)
{
    struct events_view *e = &u->events;
    const json_t *c;
    size_t i;

    json_array_foreach(columns, i, c) {
        const char *type = rpc_get_str(c, "type"), *field = rpc_get_str(c, "field");

        if (i >= e->columns.n || !field || !str_eq(field, e->columns.v[i].field) ||
            refuse_column(u, i, rpc_get_str(c, "error")))
            break; /* the next answer is for those that there are now */
        e->columns.v[i].typed = false;
        if (!type || e->columns.v[i].type)
            continue;
        e->columns.v[i].type = xstrdup(type);
        e->columns.v[i].list = rpc_get_bool(c, "list", false);
    }
}

/* Once events of two days are seen, times carry their date. */
static void note_days(struct ui *u)
{
    struct events_view *e = &u->events;
    const json_t *row;
    size_t i;

    json_array_foreach(e->rows, i, row) {
        uint64_t day = rpc_u64_or(row, "ts", 0) / (86400 * NS_PER_S);

        if (e->seen_day && day != e->seen_day)
            e->dates = true;
        e->seen_day = day;
    }
}

static void take_rows(struct ui *u, const json_t *result, bool wanted)
{
    struct events_view *e = &u->events;

    json_decref(e->rows);
    e->rows = json_incref(json_object_get(result, "rows"));
    e->more_before = rpc_get_bool(result, "more_before", false);
    e->more_after = rpc_get_bool(result, "more_after", false);
    take_types(u, json_object_get(result, "columns"));
    note_days(u);
    place_cursor(u, result, wanted);
}

static void on_rows(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct events_view *e = &u->events;
    bool wanted = ctx != NULL;
    const json_t *selection = json_object_get(result, "selection");

    e->asking = false;
    if (result) {
        if (selection) {
            u->matches = rpc_u64_or(selection, "matches", 0);
            u->scanned = rpc_u64_or(selection, "scanned", 0);
        }
        e->searching = rpc_get_bool(result, "searching", false);
        e->stale = e->searching && (e->first_answer || !wanted) && events_row_count(e) &&
                   json_array_size(json_object_get(result, "rows")) == 0;
        if (!e->stale)
            take_rows(u, result, wanted);
        if (wanted && events_time(u) >= e->back_time)
            e->back_time = 0;
        if (e->want_open && events_current(u)) {
            e->want_open = false;
            open_detail(u, 0);
        }
    } else if (error && engine_is_up(u)) {
        notice(u, LOOK_BAD, "%s", error_text(error));
    }
    if (e->again)
        events_refresh(u);
}

void events_refresh(struct ui *u)
{
    struct events_view *e = &u->events;
    int window = MIN_OF(MAX_OF(2 * e->height, WINDOW_MIN), WINDOW_MAX);
    static char wanted;
    bool wants = e->want_last || e->want_first || e->want_number || e->want_time || e->back_time;
    json_t *q;

    e->again = e->asking;
    if (e->asking || !engine_is_up(u))
        return;
    e->asking = true;
    q = json_object();
    json_object_set_new(q, "selection", rpc_u64(u->selection));
    json_object_set_new(q, "anchor", anchor_now(e));
    json_object_set_new(q, "before", json_integer(window));
    json_object_set_new(q, "after", json_integer(window));
    json_object_set_new(q, "columns", column_names(e));
    json_object_set_new(q, "utc", json_boolean(u->utc));
    json_object_set_new(q, "wait_ms", json_integer(WAIT_MS));
    e->want_last = e->want_first = false;
    e->want_number = e->want_time = 0;
    ask(u, "rows", q, on_rows, wants ? &wanted : NULL);
}

void events_jump(struct ui *u, uint64_t number)
{
    screen_go(u, SCREEN_EVENTS);
    u->events.follow = false;
    u->events.want_number = number;
    events_refresh(u);
}

void events_jump_time(struct ui *u, uint64_t ts)
{
    screen_go(u, SCREEN_EVENTS);
    u->events.follow = false;
    u->events.want_time = ts;
    events_refresh(u);
}

uint64_t events_time(struct ui *u)
{
    struct events_view *e = &u->events;

    return rpc_u64_or(events_row(e, e->cursor), "ts", 0);
}

/* ---- columns --------------------------------------------------------------------------------- */

void column_fini(struct column_def *d)
{
    free(d->field);
    free(d->title);
    free(d->type);
}

struct column_def *column_push(struct events_view *e, const char *field, const char *title)
{
    struct column_def *d = vec_more(&e->columns);

    d->field = xstrdup(field);
    d->title = xstrdup(title ? title : field);
    return d;
}

void columns_clear(struct events_view *e)
{
    for (size_t i = 0; i < e->columns.n; i++)
        column_fini(&e->columns.v[i]);
    e->columns.n = 0;
}

void columns_restart(struct events_view *e)
{
    e->columns_final = false;
    str_list_fini(&e->columns_dropped);
    for (size_t i = 0; i < e->columns.n; i++)
        e->columns.v[i].own = false;
}

bool columns_have(const struct events_view *e, const char *field)
{
    for (size_t i = 0; i < e->columns.n; i++) {
        if (str_eq(e->columns.v[i].field, field))
            return true;
    }
    return false;
}

/* What is suggested, and behind it what the person has added meanwhile. */
static void suggest_columns(struct events_view *e, const json_t *list)
{
    size_t own = 0, behind = e->column >= 0 ? e->columns.n - (size_t)e->column : 0;
    struct column_def *before = e->columns.v;
    size_t n = e->columns.n, i;
    const json_t *c;

    memset(&e->columns, 0, sizeof(e->columns));
    json_array_foreach(list, i, c) {
        struct column_def *d;

        if (str_list_has(&e->columns_dropped, rpc_get_str(c, "field")))
            continue;
        d = column_push(e, rpc_get_str(c, "field"), rpc_get_str(c, "title"));
        d->type = rpc_get_str(c, "type") ? xstrdup(rpc_get_str(c, "type")) : NULL;
        d->list = rpc_get_bool(c, "list", false);
        d->width = (int)rpc_u64_or(c, "width", 0);
    }
    for (i = 0; i < n; i++) {
        if (before[i].own && !columns_have(e, before[i].field)) {
            vec_push(&e->columns, before[i]);
            own++;
        } else {
            column_fini(&before[i]);
        }
    }
    free(before);
    if (behind && behind <= own)
        e->column = (int)(e->columns.n - behind); /* the same one */
}

static void on_columns(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct events_view *e = &u->events;

    UNUSED(ctx);
    e->columns_asked = false;
    if (error || e->columns_final)
        return;
    free(e->columns_source);
    e->columns_source = xstrdup(rpc_get_str(result, "source") ? rpc_get_str(result, "source") : "");
    if (!e->columns_suggested && layouts_default(u))
        return;
    suggest_columns(e, json_object_get(result, "columns"));
    free(e->columns_how);
    e->columns_how = xstrdup(rpc_get_str(result, "how"));
    /* what a sample of few events suggests is asked for again when there are more */
    e->columns_final = rpc_get_bool(result, "final", false);
    e->columns_events = rpc_u64_or(result, "events", 0);
    events_refresh(u);
}

void events_ask_columns(struct ui *u)
{
    struct events_view *e = &u->events;

    if (e->columns_asked || e->columns_final || !engine_is_up(u))
        return;
    e->columns_asked = true;
    ask(u, "columns", NULL, on_columns, NULL);
}

void events_reset(struct ui *u)
{
    struct events_view *e = &u->events;

    e->asking = e->again = e->columns_asked = e->strip_asking = false;
    e->want_time = e->back_time = e->back_wanted;
    e->want_number = e->back_time ? 0 : e->cursor_number;
    e->back_wanted = 0;
    json_decref(e->strip);
    e->strip = NULL;
}

/* ---- panes ----------------------------------------------------------------------------------- */

static void draw_panes(struct ui *u, struct rect r)
{
    struct events_view *e = &u->events;
    bool wide = r.w >= 100, tall = r.h >= 26;
    struct rect list = r, side = r, below = r;

    if (!e->detail_open) {
        events_draw_list(u, list);
        return;
    }
    if (wide) { /* fields beside; the payload below both where there is room, else instead of the
                   fields */
        if (e->payload_open && tall) {
            below.h = r.h * 2 / 5;
            below.y = r.y + r.h - below.h;
            list.h = side.h = r.h - below.h;
        }
        list.w = r.w * 11 / 20;
        side.x = r.x + list.w + 1;
        side.w = r.w - list.w - 1;
        for (int y = list.y; y < list.y + list.h; y++)
            text_puts(y, list.x + list.w, 1, LOOK_DIM, sign("│", "|"));
    } else {
        list.h = MAX_OF(r.h * 2 / 5, MIN_OF(r.h / 2, 5));
        side.y = below.y = r.y + list.h;
        side.h = below.h = r.h - list.h;
    }
    events_draw_list(u, list);
    if (e->payload_open && e->payload_front && (!wide || !tall))
        payload_draw(u, wide ? side : below);
    else
        detail_draw(u, side);
    if (e->payload_open && wide && tall)
        payload_draw(u, below);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void near_edge(struct ui *u)
{
    struct events_view *e = &u->events;
    size_t h = (size_t)e->height;

    if ((e->cursor < h && e->more_before) ||
        (e->cursor + h >= events_row_count(e) && e->more_after))
        events_refresh(u);
}

static void choose_column(struct ui *u, int by)
{
    struct events_view *e = &u->events;

    e->column += by;
    if (e->column < -1)
        e->column = -1;
    if (e->column >= (int)e->columns.n)
        e->column = (int)e->columns.n - 1;
    if (e->column >= 0 && (uint64_t)e->column < e->column_scroll)
        e->column_scroll = (uint64_t)e->column;
    if (e->column < 0)
        e->column_scroll = 0;
    detail_forget_preview(u);
    coach_note(u, "choose");
}

static bool list_key(struct ui *u, int key, bool is_char)
{
    struct events_view *e = &u->events;
    struct table t = {.n = events_row_count(e), .cursor = e->cursor, .top = e->top};

    if (!is_char && (key == KEY_LEFT || key == KEY_RIGHT)) {
        choose_column(u, key == KEY_LEFT ? -1 : 1);
        return true;
    }
    if ((!is_char && (key == KEY_HOME || key == KEY_END)) || (is_char && key == 'G')) {
        bool end = key == KEY_END || is_char;

        e->follow = end && !u->report;
        e->want_first = !end;
        e->want_last = end;
        events_refresh(u);
        return true;
    }
    if (!table_key(&t, key, is_char, e->height))
        return false;
    if (t.cursor != e->cursor)
        e->follow = e->follow && t.cursor > e->cursor && t.cursor + 1 == t.n && !e->more_after;
    table_fit(&t, e->height);
    e->cursor = t.cursor;
    e->top = t.top;
    cursor_moved(u);
    near_edge(u);
    return true;
}

static bool events_key(struct ui *u, int key, bool is_char)
{
    struct events_view *e = &u->events;

    if (is_char && key == 27) {
        if (u->detail.clause)
            detail_forget_preview(u);
        else if (e->column >= 0)
            e->column = -1, e->column_scroll = 0;
        else
            return false;
        return true;
    }
    if (e->pane == PANE_DETAIL)
        return detail_key(u, key, is_char, u->height / 2);
    if (e->pane == PANE_PAYLOAD)
        return payload_key(u, key, is_char, u->height / 3);
    return list_key(u, key, is_char);
}

bool events_cell(struct ui *u, struct picked *out)
{
    struct events_view *e = &u->events;
    const json_t *row = events_current(u);

    if (!row || json_object_get(row, "mark") || e->column < 0 || (size_t)e->column >= e->columns.n)
        return false;
    out->event = event_of(row);
    if (strchr(e->columns.v[e->column].field, '%'))
        return false; /* a format is no value */
    snprintf(out->field, sizeof(out->field), "%s", e->columns.v[e->column].field);
    out->value = json_array_get(json_object_get(row, "cells"), (size_t)e->column);
    return true;
}

/* ---- the screen ------------------------------------------------------------------------------ */

/* The clause under the cursor of the list, and how many it would leave. */
static void draw_preview(struct ui *u, int y)
{
    struct detail_view *d = &u->detail;
    char a[32], b[32], count[100];
    uint64_t total = rpc_u64_or(u->stream, "end", 0) - rpc_u64_or(u->stream, "first", 0);
    int used;

    fill(y, 0, u->width, LOOK_TEXT, ' ');
    snprintf(count, sizeof(count), "%s %s of %s%s", sign("→", "->"),
             text_count(d->preview_matches, a), text_count(total, b),
             d->preview_scanned < total ? sign("…", "...") : "");
    used = text_puts(y, 1, 8, LOOK_STRONG, "makes: ");
    text_put_tail(y, 1 + used, u->width - used - 3 - text_width(count, strlen(count)), LOOK_VALUE,
                  d->preview_filter,
                  strlen(d->preview_filter)); /* the new clause stands at its end */
    text_right(y, u->width / 2, u->width - u->width / 2 - 1, LOOK_STRONG, count);
}

static void events_draw(struct ui *u, struct rect r)
{
    if (!filter_is_edited(u) && chips_wanted(u)) {
        chips_draw(u, r.y);
        r.y++;
        r.h--;
    }
    if (!filter_is_edited(u) && r.h > 8) {
        strip_draw(u, r.y);
        r.y++;
        r.h--;
    } else if (filter_is_edited(u) && r.h > 4) {
        r.y++;
        r.h--;
    }
    if (u->detail.clause && r.h > 3) {
        draw_preview(u, r.y + r.h - 1);
        r.h--;
    }
    draw_panes(u, r);
}

static void events_open(struct ui *u)
{
    events_ask_columns(u);
    events_refresh(u);
}

static bool source_rests(const struct ui *u)
{
    const char *state = rpc_get_str(u->stream, "state");

    return state && (str_eq(state, "ended") || str_eq(state, "failed") || str_eq(state, "closed"));
}

/* Whether the rows that are shown are not all kept any more; says so the first time. */
static bool oldest_went(struct ui *u)
{
    struct events_view *e = &u->events;

    if (events_row_count(e) == 0 ||
        rpc_u64_or(events_row(e, e->top), "row", UINT64_MAX) >= rpc_u64_or(u->stream, "first", 0))
        return false;
    if (!e->told_dropped)
        notice(u, LOOK_WARN, "the oldest events go, to stay within --spool-limit");
    e->told_dropped = true;
    return true;
}

static void on_stream(struct ui *u)
{
    struct events_view *e = &u->events;
    uint64_t end = rpc_u64_or(u->stream, "end", 0);

    if (end && !e->columns_final &&
        (!e->columns_how || end > 2 * e->columns_events + 10 || source_rests(u)))
        events_ask_columns(u);
    if (e->follow) {
        e->want_last = true;
        events_refresh(u);
    } else if (events_row_count(e) < (size_t)MAX_OF(e->height, 1) || !e->more_after ||
               oldest_went(u)) {
        events_refresh(u);
    }
}

bool stream_reads_on(const struct ui *u)
{
    const char *state = rpc_get_str(u->stream, "state");

    return state && (str_eq(state, "running") || str_eq(state, "opening"));
}

static void events_note(struct ui *u, const char *method, const json_t *params)
{
    struct events_view *e = &u->events;

    if (str_eq(method, "stream") && e->back_time) {
        e->want_time = e->back_time;
        if (!stream_reads_on(u))
            e->back_time = 0; /* no more comes: this is the last time that it is asked for */
        events_refresh(u);
    } else if (str_eq(method, "stream"))
        on_stream(u);
    else if (str_eq(method, "cells"))
        events_refresh(u);
    else if (str_eq(method, "selection") && rpc_u64_or(params, "selection", 0) == u->selection) {
        if (e->searching || e->follow || events_row_count(e) < (size_t)MAX_OF(e->height, 1) ||
            !e->more_after) {
            e->want_last = e->follow;
            events_refresh(u);
        }
    }
    detail_note(u, method, params);
}

static unsigned events_contexts(struct ui *u)
{
    struct picked p;
    unsigned cx = u->events.pane == PANE_LIST     ? CX_EVENTS | CX_TABLE
                  : u->events.pane == PANE_DETAIL ? CX_DETAIL | CX_TABLE
                                                  : CX_PAYLOAD;

    if (value_picked(u, &p))
        cx |= CX_VALUE;
    free(p.clause);
    if (u->events.pane == PANE_PAYLOAD)
        cx |= CX_DETAIL;
    return cx;
}

static void events_back(struct ui *u)
{
    struct events_view *e = &u->events;

    detail_forget_preview(u);
    if (e->pane == PANE_PAYLOAD && e->payload_open) {
        e->payload_open = false;
        e->pane = PANE_DETAIL;
    } else if (e->detail_open) {
        e->detail_open = e->payload_open = false;
        e->pane = PANE_LIST;
    }
}

static const char *events_crumb(struct ui *u)
{
    static char text[60];
    char label[40];

    if (!u->events.detail_open)
        return "";
    snprintf(text, sizeof(text), "%s%s", event_label(u, label),
             u->events.pane == PANE_PAYLOAD ? sign(" › payload", " > payload") : "");
    return text;
}

const struct screen screen_events = {"Events",    events_open,     events_draw, events_key,
                                     events_note, events_contexts, events_back, events_crumb};
