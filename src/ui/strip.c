/* The time strip: events over the stream, matches in front. */
#include <ncurses.h>

#include "internal.h"

#define STRIP_NS (400 * NS_PER_MS)

static void on_strip(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    UNUSED(error);
    u->events.strip_asking = false;
    if (!result)
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
    ask(u, "strip", json_pack("{so si}", "selection", rpc_u64(u->selection), "cells", cells),
        on_strip, NULL);
}

void strip_draw(struct ui *u, int y)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, *const ascii[] = {
                                                                                    ".", ":", "-",
                                                                                    "=", "+", "*",
                                                                                    "#", "@"};
    const json_t *events = json_object_get(u->events.strip, "events"),
                 *matches = json_object_get(u->events.strip, "matches");
    int cells = MIN_OF(u->width - 8, 200);
    uint64_t total = rpc_u64_or(u->stream, "end", 0) - rpc_u64_or(u->stream, "first", 0);
    size_t n = json_array_size(events);

    ask_strip(u, cells);
    text_puts(y, 0, 7, LOOK_DIM, "by #   ");
    for (size_t i = 0; i < n && (int)i < cells; i++) {
        uint64_t all = strtoull(json_string_value(json_array_get(events, i)), NULL, 10);
        const char *m = json_string_value(json_array_get(matches, i));
        uint64_t hit = m ? strtoull(m, NULL, 10) : 0;
        size_t level = all && hit ? 1 + (size_t)((double)hit / (double)all * 6.99) : 0;
        bool here = total && u->events.cursor_row >= rpc_u64_or(u->stream, "first", 0) &&
                    (u->events.cursor_row - rpc_u64_or(u->stream, "first", 0)) * n / total == i;

        text_puts(y, 7 + (int)i, 1,
                  here  ? LOOK_CELL
                  : hit ? LOOK_MATCH == LOOK_TEXT ? LOOK_TEXT : LOOK_GOOD
                        : LOOK_DIM,
                  term_is_utf8() ? bars[level] : ascii[level]);
    }
}
