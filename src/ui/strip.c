/* The time strip: events over the stream, matches in front. */
#include <ncurses.h>

#include "internal.h"

#define STRIP_NS (400 * NS_PER_MS)

static uint64_t number_at(const json_t *array, size_t i)
{
    const char *s = json_string_value(json_array_get(array, i));

    return s ? strtoull(s, NULL, 10) : 0;
}

/* The rows that it shows: all that are kept, or the part that was chosen. */
static void strip_range(const struct ui *u, uint64_t *from, uint64_t *to)
{
    const struct events_view *e = &u->events;

    *from = rpc_u64_or(u->stream, "first", 0);
    *to = MAX_OF(rpc_u64_or(u->stream, "end", 0), *from);
    if (!e->strip_zoom)
        return;
    *from = MIN_OF(MAX_OF(e->strip_from, *from), *to);
    *to = MIN_OF(*from + e->strip_span, *to);
}

static void on_strip(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    const char *axis = result ? rpc_get_str(result, "axis") : NULL;

    UNUSED(error);
    if ((uintptr_t)ctx != u->events.strip_serial)
        return;
    u->events.strip_asking = false;
    if (!axis || str_eq(axis, "time") != u->events.strip_by_time)
        return;
    json_decref(u->events.strip);
    u->events.strip = json_incref((json_t *)result);
}

static void ask_strip(struct ui *u, int cells)
{
    struct events_view *e = &u->events;
    uint64_t rows = rpc_u64_or(u->stream, "end", 0), from, to;

    if (e->strip_asking || !engine_is_up(u) || time_mono() < e->strip_at + STRIP_NS ||
        (rows == e->strip_rows && u->matches == e->strip_matches && e->strip && e->strip_at))
        return;
    strip_range(u, &from, &to);
    e->strip_asking = true;
    e->strip_at = time_mono();
    e->strip_rows = rows;
    e->strip_matches = u->matches;
    ask(u, "strip",
        json_pack("{so si ss so so}", "selection", rpc_u64(u->selection), "cells", cells, "axis",
                  e->strip_by_time ? "time" : "number", "from", rpc_u64(from), "to", rpc_u64(to)),
        on_strip, (void *)e->strip_serial);
}

/* What is shown is no longer what was asked for. */
static void strip_changed(struct ui *u)
{
    struct events_view *e = &u->events;

    json_decref(e->strip);
    e->strip = NULL;
    e->strip_at = 0;
    e->strip_asking = false;
    e->strip_serial++;
}

void strip_axis(struct ui *u, int arg)
{
    UNUSED(arg);
    u->events.strip_by_time = !u->events.strip_by_time;
    strip_changed(u);
}

/* ---- a part of the stream -------------------------------------------------------------------- */

static void show_part(struct ui *u, uint64_t from, uint64_t span)
{
    struct events_view *e = &u->events;
    uint64_t first = rpc_u64_or(u->stream, "first", 0), end = rpc_u64_or(u->stream, "end", 0),
             all = end > first ? end - first : 0;
    char n[32], m[32];

    e->strip_zoom = span < all;
    if (e->strip_zoom) {
        e->strip_span = MAX_OF(span, (uint64_t)1);
        e->strip_from = MIN_OF(MAX_OF(from, first), end - e->strip_span);
        notice(u, LOOK_TEXT,
               "the strip shows %s of %s events: { } to move, [ farther, B as a filter",
               text_count(e->strip_span, n), text_count(all, m));
    } else {
        notice(u, LOOK_TEXT, "the strip shows all events");
    }
    strip_changed(u);
}

void strip_zoom(struct ui *u, int arg)
{
    uint64_t from, to, span, row = u->events.cursor_row;

    strip_range(u, &from, &to);
    span = arg > 0 ? (to - from + 1) / 2 : (to - from) * 2;
    if (arg > 0 && to - from < 16) {
        notice(u, LOOK_TEXT, "the strip has a cell for each event already");
        return;
    }
    show_part(u, row > span / 2 ? row - span / 2 : 0, span);
}

void strip_pan(struct ui *u, int arg)
{
    uint64_t from, to, half;

    strip_range(u, &from, &to);
    half = (to - from) / 2;
    if (!u->events.strip_zoom)
        notice(u, LOOK_TEXT, "the strip shows all events: ] shows a part");
    else
        show_part(u, arg > 0 ? from + half : from > half ? from - half : 0, to - from);
}

/* By number: times may run backwards. */
void strip_filter(struct ui *u, int arg)
{
    const json_t *numbers = json_object_get(u->events.strip, "numbers");
    char clause[100];

    UNUSED(arg);
    if (!u->events.strip_zoom || json_array_size(numbers) != 2) {
        notice(u, LOOK_TEXT, "the strip shows all events: ] shows a part");
        return;
    }
    snprintf(clause, sizeof(clause), "evt.num >= %llu and evt.num <= %llu",
             (unsigned long long)number_at(numbers, 0), (unsigned long long)number_at(numbers, 1));
    filter_add(u, clause, "and");
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* The cell that a row is in; n: in none. */
static size_t cell_of(struct ui *u, uint64_t row, uint64_t ts, size_t n)
{
    const json_t *from = json_object_get(u->events.strip, "from");
    uint64_t first, end;
    size_t i;

    strip_range(u, &first, &end);
    if (row < first || row >= end)
        return n;
    if (!u->events.strip_by_time)
        return (size_t)((row - first) * n / (end - first));
    for (i = 0; i + 1 < n && number_at(from, i + 1) <= ts;)
        i++;
    return i;
}

static bool is_gap(const json_t *gaps, size_t cell)
{
    for (size_t i = 0; i < json_array_size(gaps); i++) {
        if (json_integer_value(json_array_get(gaps, i)) == (json_int_t)cell)
            return true;
    }
    return false;
}

/* The axis, and how many times nearer than the whole stream: "by #4x". */
static void label(const struct ui *u, char out[40])
{
    const struct events_view *e = &u->events;
    uint64_t from, to, all;

    strip_range(u, &from, &to);
    all = MAX_OF(rpc_u64_or(u->stream, "end", 0), to) - rpc_u64_or(u->stream, "first", 0);
    if (!e->strip_zoom || to <= from || all / (to - from) < 2)
        snprintf(out, 40, "%s", e->strip_by_time ? "time" : "by #");
    else
        snprintf(out, 40, "%s%s%llu", e->strip_by_time ? "t" : "#", sign("×", "x"),
                 (unsigned long long)(all / (to - from)));
}

/* From the last mark to the cursor: what b makes a filter of. */
static bool between(size_t cell, size_t mark, size_t here)
{
    return mark != here && cell >= MIN_OF(mark, here) && cell <= MAX_OF(mark, here);
}

/* A cell's bar: nothing for none, else by its share of `full`. */
static const char *bar(uint64_t count, uint64_t full)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, *const ascii[] = {
                                                                                    ".", ":", "-",
                                                                                    "=", "+", "*",
                                                                                    "#", "@"};
    size_t level = count && full ? 1 + (size_t)((double)count / (double)full * 6.99) : 0;

    return term_is_utf8() ? bars[MIN_OF(level, 7U)] : ascii[MIN_OF(level, 7U)];
}

void strip_bars(int y, int x, const json_t *counts, const json_t *gaps, int width, enum look l)
{
    size_t n = MIN_OF(json_array_size(counts), (size_t)MAX_OF(width, 0));
    uint64_t most = 0;

    for (size_t i = 0; i < n; i++)
        most = MAX_OF(most, number_at(counts, i));
    for (size_t i = 0; i < n; i++) {
        uint64_t c = number_at(counts, i);

        text_puts(y, x + (int)i, 1, c ? l : LOOK_DIM,
                  is_gap(gaps, i) ? sign("┊", "|")
                  : c             ? bar(c, most)
                                  : " ");
    }
}

/* By number, cells hold as many events each, and the bar is the share that matches; by time, it is
 * how many match (of all, without a filter) beside the cell with the most. */
void strip_draw(struct ui *u, int y)
{
    const json_t *events = json_object_get(u->events.strip, "events"),
                 *matches = json_object_get(u->events.strip, "matches"),
                 *gaps = json_object_get(u->events.strip, "gaps");
    int cells = MIN_OF(u->width - 8, 200);
    size_t n = MIN_OF(json_array_size(events), (size_t)MAX_OF(cells, 0)),
           here = events_current(u) ? cell_of(u, u->events.cursor_row, events_time(u), n) : n,
           mark = here;
    bool by_time = u->events.strip_by_time;
    uint64_t most = 0;
    char text[40];

    ask_strip(u, cells);
    if (u->events.marks.n && here < n) {
        const struct marked *m = &u->events.marks.v[u->events.marks.n - 1];

        mark = cell_of(u, m->row, m->ts, n);
    }
    if (by_time && !*u->filter)
        matches = events;
    for (size_t i = 0; i < n; i++)
        most = MAX_OF(most, number_at(matches, i));
    label(u, text);
    text_puts(y, 0, 7, LOOK_DIM, text);
    for (size_t i = 0; i < n; i++) {
        uint64_t all = number_at(events, i), hit = number_at(matches, i),
                 full = by_time ? most : all;

        text_puts(y, 7 + (int)i, 1,
                  i == here                ? LOOK_CELL
                  : between(i, mark, here) ? LOOK_MARK
                  : hit                    ? LOOK_MATCH == LOOK_TEXT ? LOOK_TEXT : LOOK_GOOD
                                           : LOOK_DIM,
                  is_gap(gaps, i)   ? sign("┊", "|")
                  : by_time && !all ? " "
                                    : bar(all ? hit : 0, full));
    }
}
