/* The list of events: its columns, its rows, and what stands where there is none. */
#include <ncurses.h>

#include "internal.h"

/* ---- widths ---------------------------------------------------------------------------------- */

static bool is_number(const char *type)
{
    return type && (str_starts(type, "uint") || str_starts(type, "int") || str_eq(type, "double") ||
                    str_eq(type, "reltime"));
}

bool column_is_right(const struct column_def *c)
{
    return c->align ? c->align == 'r' : is_number(c->type) && !c->list;
}

static int content_width(const struct ui *u, size_t k)
{
    const struct events_view *e = &u->events;
    const struct column_def *c = &e->columns.v[k];
    int width = text_width(c->title, strlen(c->title));
    struct buf b;

    buf_init(&b, 1 << 20);
    for (size_t i = e->top; i < events_row_count(e) && i < e->top + (size_t)e->height; i++) {
        const json_t *cell = json_array_get(json_object_get(events_row(e, i), "cells"), k);

        buf_reset(&b);
        if (cell)
            value_line(cell, c->type, u, &b);
        width = MAX_OF(width, text_width(buf_str(&b), MIN_OF(b.len, (size_t)200)));
    }
    buf_fini(&b);
    return width;
}

/* Each column by its content, within what it may have; the last takes what is left. */
static void fit_from(struct ui *u, int width)
{
    struct events_view *e = &u->events;
    int left = width, cap = MAX_OF(width / 3, 12);

    for (size_t k = 0; k < e->columns.n; k++) {
        struct column_def *c = &e->columns.v[k];
        int want = MAX_OF(content_width(u, k), 3);

        if (k < e->column_scroll) {
            c->shown = 0;
            continue;
        }
        if (c->width)
            want = MIN_OF(want, MAX_OF(c->width, text_width(c->title, strlen(c->title))));
        if (k + 1 < e->columns.n)
            want = MIN_OF(want, cap);
        c->shown = left > 3 ? MIN_OF(want, left) : 0;
        left -= c->shown + (c->shown ? 1 : 0);
    }
    if (e->columns.n && e->columns.v[e->columns.n - 1].shown)
        e->columns.v[e->columns.n - 1].shown += MAX_OF(left, 0);
}

/* The one that is chosen is to be seen. */
static void fit_columns(struct ui *u, int width)
{
    struct events_view *e = &u->events;

    fit_from(u, width);
    while (e->column >= 0 && (size_t)e->column < e->columns.n &&
           e->column_scroll < (uint64_t)e->column && !e->columns.v[e->column].shown) {
        e->column_scroll++;
        fit_from(u, width);
    }
}

/* ---- drawing --------------------------------------------------------------------------------- */

static int number_width(const struct ui *u)
{
    uint64_t last = rpc_u64_or(u->stream, "last_number", 0);
    int n = 1;

    while (last >= 10 && n < 20) {
        last /= 10;
        n++;
    }
    return MAX_OF(n, u->width < 60 ? 3 : 5);
}

static int time_width(const struct ui *u)
{
    if (u->width < 60)
        return u->events.dates ? 14 : 8;
    return u->events.dates ? 14 : 12;
}

static const char *row_time(const struct ui *u, uint64_t ts, char out[40])
{
    if (u->events.dates)
        return time_text(u, ts, TIME_SHORT, out);
    time_text(u, ts, u->width < 60 ? TIME_CLOCK_S : TIME_CLOCK, out);
    if (u->width >= 60)
        out[12] = '\0';
    return out;
}

static void draw_head(struct ui *u, int y, struct rect r, int x)
{
    struct events_view *e = &u->events;
    int nw = number_width(u), tw = time_width(u);

    text_right(y, r.x + 1, nw, LOOK_HEAD, "#");
    if (e->times == TIMES_OF_DAY)
        text_putf(y, r.x + nw + 2, tw, LOOK_HEAD, "time%s",
                  u->width < 60 ? ""
                  : u->utc      ? " UTC"
                                : " local");
    else
        text_right(y, r.x + nw + 2, tw, LOOK_HEAD,
                   e->times == TIMES_SINCE_ROW ? "delta" : "to mark");
    for (size_t k = 0; k < e->columns.n; k++) {
        const struct column_def *c = &e->columns.v[k];

        if (!c->shown)
            continue;
        if (column_is_right(c))
            text_right(y, x, c->shown, (int)k == e->column ? LOOK_STRONG : LOOK_HEAD, c->title);
        else
            text_puts(y, x, c->shown, (int)k == e->column ? LOOK_STRONG : LOOK_HEAD, c->title);
        x += c->shown + 1;
    }
}

static void draw_cell(struct ui *u, int y, int x, const struct column_def *c, const json_t *cell,
                      enum look l)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    value_line(cell, c->type, u, &b);
    if (column_is_right(c) && !json_object_get(cell, "error"))
        text_right(y, x, c->shown, l, buf_str(&b));
    else if (memchr(buf_str(&b), ':', b.len) && !memchr(buf_str(&b), ' ', b.len) && b.len < 200)
        text_put_tail(y, x, c->shown, l, buf_str(&b), b.len);
    else
        text_put(y, x, c->shown, l, buf_str(&b), b.len);
    buf_fini(&b);
}

static void draw_mark(struct ui *u, int y, struct rect r, const json_t *row, bool on)
{
    const json_t *mark = json_object_get(row, "mark");
    const char *source = rpc_get_str(mark, "source");
    char time[40];

    rule_line(y, r.x + 1, r.w - 1, on ? LOOK_CURSOR : LOOK_MARK);
    if (rpc_get_str(mark, "text")) { /* damage in a capture */
        text_putf(y, r.x + 4, r.w - 6, on ? LOOK_CURSOR : LOOK_BAD, " %s ",
                  rpc_get_str(mark, "text"));
        return;
    }
    text_putf(y, r.x + 4, r.w - 6, on ? LOOK_CURSOR : LOOK_MARK, " %s opened again at %s ",
              source ? source : "the source",
              time_text(u, rpc_u64_or(mark, "ts", 0), TIME_CLOCK_S, time));
}

/* Of rows without a number: that of the event before, and how many behind it; or the latter alone. */
static void number_text(const json_t *row, int width, char out[32])
{
    unsigned long long n = rpc_u64_or(row, "number", 0), plus = rpc_u64_or(row, "plus", 0);

    if (!plus)
        snprintf(out, 32, "%llu", n);
    else if (snprintf(out, 32, "%llu+%llu", n, plus) > width)
        snprintf(out, 32, "+%llu", plus);
}

static bool has_text(const struct events_view *e, const json_t *cells)
{
    for (size_t k = 0; k < e->columns.n; k++) {
        if (e->columns.v[k].shown && !json_is_null(json_array_get(cells, k)))
            return true;
    }
    return false;
}

/* Of an async event that has none of the columns: what it is. */
static void draw_async(int y, int x, int w, const json_t *async, enum look base)
{
    struct buf b;

    buf_init(&b, 65536);
    buf_adds(&b, sign("↯ ", "* "));
    rpc_text_bytes(json_object_get(async, "name"), &b);
    buf_adds(&b, "  ");
    rpc_text_bytes(json_object_get(async, "data"), &b);
    text_put(y, x, w, base == LOOK_TEXT ? LOOK_MARK : base, buf_str(&b), b.len);
    buf_fini(&b);
}

static void draw_row(struct ui *u, int y, struct rect r, size_t i, int cells_x)
{
    struct events_view *e = &u->events;
    const json_t *row = events_row(e, i), *cells = json_object_get(row, "cells");
    bool on = i == e->cursor, back = rpc_get_bool(row, "back", false);
    enum look base = on ? LOOK_CURSOR : LOOK_TEXT;
    int nw = number_width(u), tw = time_width(u), x = cells_x;
    char number[32], time[40];
    enum look judged_look;
    const char *judged;

    if (json_object_get(row, "mark")) {
        draw_mark(u, y, r, row, on);
        return;
    }
    if (on)
        fill(y, r.x, r.w, e->pane == PANE_LIST ? LOOK_CURSOR : LOOK_TEXT, ' ');
    base = e->stale ? LOOK_DIM : on && e->pane != PANE_LIST ? LOOK_STRONG : base;
    if (on)
        text_puts(y, r.x, 1, base, sign("▸", ">"));
    number_text(row, nw, number);
    text_right(y, r.x + 1, nw, on ? base : LOOK_NUMBER, number);
    judged = judged_sign(u, rpc_u64_or(row, "row", UINT64_MAX), &judged_look);
    if (judged)
        text_puts(y, r.x + nw + 1, 1, on ? base : judged_look, judged);
    else if (marks_has(u, rpc_u64_or(row, "row", UINT64_MAX)))
        text_puts(y, r.x + nw + 1, 1, on ? base : LOOK_STRONG, sign("•", "*"));
    if (rpc_get_bool(row, "gone", false)) {
        text_puts(y, r.x + nw + 2, r.w - nw - 2, LOOK_DIM, "no longer kept: the spool is full");
        return;
    }
    if (marks_delta(u, i, tw, time))
        text_right(y, r.x + nw + 2, tw, on ? base : LOOK_DIM, time);
    else
        text_puts(y, r.x + nw + 2, tw, on ? base : LOOK_DIM,
                  row_time(u, rpc_u64_or(row, "ts", 0), time));
    if (back)
        text_puts(y, r.x + nw + 2 + tw, 1, on ? base : LOOK_WARN, sign("‹", "<"));
    if (json_object_get(row, "async") && !has_text(e, cells)) {
        draw_async(y, x, r.x + r.w - x, json_object_get(row, "async"), base);
        return;
    }
    for (size_t k = 0; k < e->columns.n; k++) {
        const json_t *cell = json_array_get(cells, k);
        enum look l = on && (int)k == e->column && e->pane == PANE_LIST ? LOOK_CELL
                      : on || e->stale                                  ? base
                                                                        : value_look(cell);

        if (!e->columns.v[k].shown)
            continue;
        if (l == LOOK_CELL)
            fill(y, x, e->columns.v[k].shown, l, ' ');
        draw_cell(u, y, x, &e->columns.v[k], cell, l);
        x += e->columns.v[k].shown + 1;
    }
}

static const char *closed_words(struct ui *u)
{
    if (!u->ready)
        return "loading plugins…";
    if (rpc_get_bool(u->options, "offer_source", false))
        return "no source is open: o opens one, 2 shows the plugins";
    return "no source is open: o opens one";
}

/* Why there is nothing here. */
static void draw_empty(struct ui *u, struct rect r)
{
    const char *state = rpc_get_str(u->stream, "state"), *error = rpc_get_str(u->stream, "error");
    uint64_t total = rpc_u64_or(u->stream, "end", 0);
    char a[32];
    int y = r.y + r.h / 3;

    if (u->report)
        text_puts(y, r.x + 2, r.w - 4, LOOK_BAD, "the engine has ended: R starts it anew");
    else if (*u->filter && total && u->events.searching)
        text_putf(y, r.x + 2, r.w - 4, LOOK_DIM, "searching %s events…", text_count(total, a));
    else if (*u->filter && total)
        text_putf(y, r.x + 2, r.w - 4, LOOK_WARN,
                  "none of %s events matches: u undoes the filter, f edits it",
                  text_count(total, a));
    else if (total)
        text_puts(y, r.x + 2, r.w - 4, LOOK_DIM, "reading…");
    else if (state && str_eq(state, "failed"))
        text_put(y, r.x + 2, (r.w - 4) * 1, LOOK_BAD, error ? error : "the source failed",
                 strlen(error ? error : "the source failed"));
    else if (state && str_eq(state, "ended"))
        text_puts(y, r.x + 2, r.w - 4, LOOK_WARN, "the source has ended without a single event");
    else if (state && (str_eq(state, "running") || str_eq(state, "idle")))
        text_puts(y, r.x + 2, r.w - 4, LOOK_DIM, "the source is open; no event has come yet");
    else
        text_puts(y, r.x + 2, r.w - 4, LOOK_DIM, closed_words(u));
}

static void draw_end(struct ui *u, int y, struct rect r)
{
    const char *state = rpc_get_str(u->stream, "state"), *error = rpc_get_str(u->stream, "error");
    uint64_t total = rpc_u64_or(u->stream, "end", 0) - rpc_u64_or(u->stream, "first", 0);
    char a[32], b[32], shown[120] = "";

    if (*u->filter)
        snprintf(shown, sizeof(shown), ": %s shown, %s hidden", text_count(u->matches, a),
                 text_count(total > u->matches ? total - u->matches : 0, b));
    if (u->report)
        text_putf(y, r.x + 4, r.w - 4, LOOK_BAD, "%s the engine has ended%s", sign("──", "--"),
                  u->events.searching ? "" : shown);
    else if (u->events.searching)
        text_putf(y, r.x + 4, r.w - 4, LOOK_DIM, "%s searching further%s", sign("──", "--"),
                  sign("…", "..."));
    else if (state && str_eq(state, "failed"))
        text_putf(y, r.x + 4, r.w - 4, LOOK_BAD, "%s %s%s", sign("──", "--"),
                  error ? error : "the source failed", shown);
    else if (state && str_eq(state, "full"))
        text_putf(y, r.x + 4, r.w - 4, LOOK_BAD,
                  "%s %s: what was read is kept, reading goes on when there is room",
                  sign("──", "--"), error ? error : "the disk is full");
    else if (state && str_eq(state, "ended"))
        text_putf(y, r.x + 4, r.w - 4, LOOK_DIM, "%s end%s", sign("──", "--"), shown);
    else if (state && str_eq(state, "closed"))
        text_putf(y, r.x + 4, r.w - 4, LOOK_DIM, "%s the source is closed: o opens it again%s",
                  sign("──", "--"), shown);
    else
        text_putf(y, r.x + 4, r.w - 4, LOOK_DIM, "%s %s%s", sign("──", "--"),
                  rpc_get_bool(u->stream, "paused", false) ? "paused: p goes on"
                                                           : "waiting for more",
                  shown);
}

void events_draw_list(struct ui *u, struct rect r)
{
    struct events_view *e = &u->events;
    int x = r.x + 1 + number_width(u) + 1 + time_width(u) + 2, before = e->height;

    e->height = MAX_OF(r.h - 1, 1);
    if (before != e->height && events_row_count(e) < (size_t)e->height &&
        (e->more_before || e->more_after))
        events_refresh(u);
    if (e->top + (size_t)e->height > events_row_count(e))
        e->top =
            events_row_count(e) > (size_t)e->height ? events_row_count(e) - (size_t)e->height : 0;
    if (e->cursor >= e->top + (size_t)e->height)
        e->top = e->cursor - (size_t)e->height + 1;
    if (events_row_count(e) == 0) {
        draw_empty(u, r);
        return;
    }
    fit_columns(u, r.x + r.w - x);
    draw_head(u, r.y, r, x);
    for (int i = 0; i < e->height; i++) {
        size_t at = e->top + (size_t)i;

        if (at < events_row_count(e)) {
            draw_row(u, r.y + 1 + i, r, at, x);
        } else {
            if (at == events_row_count(e) && (!e->more_after || e->searching))
                draw_end(u, r.y + 1 + i, r);
            break;
        }
    }
}
