/* The time strip: events over the stream, matches in front. */
#include <ncurses.h>

#include "internal.h"

#define STRIP_NS (400 * NS_PER_MS)

static void on_strip(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    const char *axis = result ? rpc_get_str(result, "axis") : NULL;

    UNUSED(ctx);
    UNUSED(error);
    u->events.strip_asking = false;
    if (!axis || str_eq(axis, "time") != u->events.strip_by_time)
        return;
    json_decref(u->events.strip);
    u->events.strip = json_incref((json_t *)result);
}

static void ask_strip(struct ui *u, int cells)
{
    struct events_view *e = &u->events;
    uint64_t rows = rpc_u64_or(u->stream, "end", 0);

    if (e->strip_asking || !engine_is_up(u) || time_mono() < e->strip_at + STRIP_NS ||
        (rows == e->strip_rows && u->matches == e->strip_matches && e->strip && e->strip_at))
        return;
    e->strip_asking = true;
    e->strip_at = time_mono();
    e->strip_rows = rows;
    e->strip_matches = u->matches;
    ask(u, "strip",
        json_pack("{so si ss}", "selection", rpc_u64(u->selection), "cells", cells, "axis",
                  e->strip_by_time ? "time" : "number"),
        on_strip, NULL);
}

void strip_axis(struct ui *u, int arg)
{
    struct events_view *e = &u->events;

    UNUSED(arg);
    e->strip_by_time = !e->strip_by_time;
    json_decref(e->strip);
    e->strip = NULL;
    e->strip_at = 0;
}

static uint64_t number_at(const json_t *array, size_t i)
{
    const char *s = json_string_value(json_array_get(array, i));

    return s ? strtoull(s, NULL, 10) : 0;
}

/* The cell that the row under the cursor is in; n: in none. */
static size_t cell_of_cursor(struct ui *u, size_t n)
{
    const json_t *from = json_object_get(u->events.strip, "from");
    uint64_t first = rpc_u64_or(u->stream, "first", 0), ts,
             total = rpc_u64_or(u->stream, "end", 0) - first, row = u->events.cursor_row;
    size_t i;

    if (!u->events.strip_by_time)
        return total && row >= first ? (size_t)((row - first) * n / total) : n;
    ts = events_time(u);
    if (!events_current(u))
        return n;
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

/* By number, cells hold as many events each, and the bar is the share that matches; by time, it is
 * how many match (of all, without a filter) beside the cell with the most. */
void strip_draw(struct ui *u, int y)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, *const ascii[] = {
                                                                                    ".", ":", "-",
                                                                                    "=", "+", "*",
                                                                                    "#", "@"};
    const json_t *events = json_object_get(u->events.strip, "events"),
                 *matches = json_object_get(u->events.strip, "matches"),
                 *gaps = json_object_get(u->events.strip, "gaps");
    int cells = MIN_OF(u->width - 8, 200);
    size_t n = MIN_OF(json_array_size(events), (size_t)MAX_OF(cells, 0)),
           here = cell_of_cursor(u, n);
    bool by_time = u->events.strip_by_time;
    uint64_t most = 0;

    ask_strip(u, cells);
    if (by_time && !*u->filter)
        matches = events;
    for (size_t i = 0; i < n; i++)
        most = MAX_OF(most, number_at(matches, i));
    text_puts(y, 0, 7, LOOK_DIM, by_time ? "time   " : "by #   ");
    for (size_t i = 0; i < n; i++) {
        uint64_t all = number_at(events, i), hit = number_at(matches, i),
                 full = by_time ? most : all;
        size_t level = all && hit ? 1 + (size_t)((double)hit / (double)full * 6.99) : 0;
        const char *bar = term_is_utf8() ? bars[MIN_OF(level, 7U)] : ascii[MIN_OF(level, 7U)];

        text_puts(y, 7 + (int)i, 1,
                  i == here ? LOOK_CELL
                  : hit     ? LOOK_MATCH == LOOK_TEXT ? LOOK_TEXT : LOOK_GOOD
                            : LOOK_DIM,
                  is_gap(gaps, i)   ? sign("┊", "|")
                  : by_time && !all ? " "
                                    : bar);
    }
}
