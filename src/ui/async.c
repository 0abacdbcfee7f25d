/* The Async screen: injected events by name, and what became of those that plugins sent. */
#include <ncurses.h>

#include "internal.h"

#define NAME_W 16 /* of the names beside the rates */

static void ask_list(struct ui *u);

static void on_list(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct async_view *a = &u->async;

    UNUSED(ctx);
    a->asking = false;
    if (error)
        return;
    json_decref(a->answer);
    a->answer = json_incref((json_t *)result);
    a->t.n = json_array_size(json_object_get(a->answer, "names"));
    table_clamp(&a->t);
    if (a->again)
        ask_list(u);
}

static void ask_list(struct ui *u)
{
    struct async_view *a = &u->async;

    a->again = a->asking;
    if (a->asking || !engine_is_up(u))
        return;
    a->asking = true;
    ask(u, "async", json_pack("{si}", "cells", MAX_OF(u->width - NAME_W - 2, 1)), on_list, NULL);
}

void async_reset(struct ui *u)
{
    u->async.asking = u->async.again = u->late.asking = false;
    json_decref(u->late.answer);
    u->late.answer = NULL;
}

static const json_t *name_now(const struct ui *u)
{
    return json_array_get(json_object_get(u->async.answer, "names"), u->async.t.cursor);
}

void async_enter(struct ui *u, int arg)
{
    const json_t *n = name_now(u);
    struct buf clause;

    UNUSED(arg);
    if (u->late.on) {
        late_enter(u);
        return;
    }
    if (!n)
        return;
    buf_init(&clause, 4096);
    buf_addf(&clause, "evt.is_async = true and evt.asynctype = \"%s\"", rpc_get_str(n, "name"));
    place_push(u);
    screen_go(u, SCREEN_EVENTS);
    filter_apply(u, buf_str(&clause));
    buf_fini(&clause);
}

void async_go(struct ui *u, int arg)
{
    const json_t *n = name_now(u);

    UNUSED(arg);
    if (u->late.on)
        late_go(u);
    if (u->late.on || !n)
        return;
    place_push(u);
    events_jump(u, rpc_u64_or(n, "first", 0));
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void draw_name(struct ui *u, const json_t *n, int y, struct rect r, bool on)
{
    enum look base = on ? LOOK_CURSOR : LOOK_TEXT;
    uint64_t initial = rpc_u64_or(n, "initial", 0), back = rpc_u64_or(n, "steps_back", 0);
    const char *source = rpc_get_str(n, "source");
    char count[32], time[40], gap[32], more[80] = "";
    int w = MAX_OF(r.w - 62, 10);

    if (on)
        fill(y, r.x, r.w, base, ' ');
    text_puts(y, r.x + 1, w - 1, on ? base : LOOK_FIELD, rpc_get_str(n, "name"));
    text_puts(y, r.x + 1 + w, 13, base, source ? source : "no plugin");
    text_right(y, r.x + w + 14, 9, on ? base : LOOK_NUMBER,
               text_count(rpc_u64_or(n, "count", 0), count));
    time_text(u, rpc_u64_or(n, "first_ts", 0), TIME_CLOCK, time);
    time[12] = '\0'; /* to the millisecond */
    text_puts(y, r.x + w + 25, 12, base, time);
    text_right(y, r.x + w + 38, 8, base,
               rpc_u64_or(n, "gap", 0) ? text_duration(rpc_u64_or(n, "gap", 0), gap)
                                       : sign("∅", "-"));
    if (initial)
        snprintf(more, sizeof(more), "%llu initial", (unsigned long long)initial);
    else if (back)
        snprintf(more, sizeof(more), "%llu back in time", (unsigned long long)back);
    text_puts(y, r.x + w + 48, 13, on ? base : LOOK_DIM, more);
}

/* What was sent, and what of it was refused, with the reasons. */
static int draw_senders(struct ui *u, int y, struct rect r)
{
    const json_t *list = json_object_get(u->async.answer, "senders"), *s, *n;
    char count[32];
    const char *why;
    size_t i;

    text_puts(y++, r.x + 1, r.w - 2, LOOK_HEAD, "plugins that send");
    if (json_array_size(list) == 0)
        text_puts(y++, r.x + 1, r.w - 2, LOOK_DIM,
                  "none is loaded: what is above was in the capture");
    json_array_foreach(list, i, s) {
        int x = r.x + 1;

        if (y >= r.y + r.h)
            break;
        x += text_putf(y, x, 30, LOOK_FIELD, "%s  ", rpc_get_str(s, "plugin"));
        x += text_putf(y, x, 30, LOOK_TEXT, "%s taken",
                       text_count(rpc_u64_or(s, "taken", 0), count));
        json_object_foreach(json_object_get(s, "refused"), why, n)
            x += text_putf(y, x, r.w - x, LOOK_BAD, "%s %s refused: %s", sign(" ·", " -"),
                           json_string_value(n), why);
        y++;
    }
    return y;
}

static void draw_sums(struct ui *u, int y, struct rect r)
{
    const json_t *a = u->async.answer;
    uint64_t overdue = rpc_u64_or(a, "overdue", 0), delay = rpc_u64_or(a, "mean_delay", 0);
    char n[32], d[32];
    int x = r.x + 1;

    if (delay)
        x += text_putf(y, x, 50, LOOK_DIM, "received %s after their time, on average  ",
                       text_duration(delay, d));
    if (overdue)
        text_putf(y, x, r.w - x, LOOK_WARN, "%s far ahead of time: Falco would drop them",
                  text_count(overdue, n));
}

/* The stream's rate over time and, below it, that of the name under the cursor. */
static void draw_rates(struct ui *u, struct rect r)
{
    const json_t *strip = json_object_get(u->async.answer, "strip"),
                 *gaps = json_object_get(strip, "gaps"), *n = name_now(u);

    text_puts(r.y, r.x + 1, NAME_W - 1, LOOK_DIM, "all events");
    strip_bars(r.y, r.x + NAME_W, json_object_get(strip, "events"), gaps, r.w - NAME_W, LOOK_TEXT);
    text_puts(r.y + 1, r.x + 1, NAME_W - 2, LOOK_FIELD, n ? rpc_get_str(n, "name") : "");
    strip_bars(r.y + 1, r.x + NAME_W, json_object_get(n, "cells"), gaps, r.w - NAME_W, LOOK_GOOD);
}

/* Of the name under the cursor: the time from one to the next, and its newest payload. */
static void draw_newest(struct ui *u, int y, struct rect r)
{
    const json_t *n = name_now(u);
    uint64_t max = rpc_u64_or(n, "gap_max", 0);
    const json_t *payload = json_object_get(n, "payload");
    char a[32], b[32];
    int x = r.x + 1;

    if (!n)
        return;
    if (max)
        x += text_putf(y, x, r.w / 2, LOOK_DIM, "%s to %s apart  ",
                       text_duration(rpc_u64_or(n, "gap_min", 0), a), text_duration(max, b));
    x += text_putf(y, x, r.w - x, LOOK_DIM, "newest ");
    if (json_string_length(payload))
        text_put(y, x, r.w - x, LOOK_VALUE, json_string_value(payload),
                 json_string_length(payload));
    else
        text_puts(y, x, r.w - x, LOOK_DIM, "without payload");
}

static void async_draw(struct ui *u, struct rect r)
{
    struct async_view *a = &u->async;
    const json_t *names = json_object_get(a->answer, "names");
    int foot = 3 + (int)json_array_size(json_object_get(a->answer, "senders")), rows,
        w = MAX_OF(r.w - 62, 10);

    if (u->late.on) {
        late_draw(u, r);
        return;
    }
    if (!a->answer) {
        text_puts(r.y + 1, r.x + 2, r.w - 4, LOOK_DIM, "looking for async events…");
        return;
    }
    if (r.h >= foot + 5 && a->t.n) {
        draw_rates(u, r);
        r.y += 2;
        r.h -= 2;
    }
    rows = MAX_OF(r.h - foot - 1, 1);
    text_puts(r.y, r.x + 1, w - 1, LOOK_HEAD, "async event");
    text_puts(r.y, r.x + 1 + w, 13, LOOK_HEAD, "source");
    text_right(r.y, r.x + w + 14, 9, LOOK_HEAD, "events");
    text_puts(r.y, r.x + w + 25, 12, LOOK_HEAD, "first");
    text_right(r.y, r.x + w + 38, 8, LOOK_HEAD, "every");
    table_fit(&a->t, rows);
    for (int i = 0; i < rows && a->t.top + (size_t)i < a->t.n; i++)
        draw_name(u, json_array_get(names, a->t.top + (size_t)i), r.y + 1 + i, r,
                  a->t.top + (size_t)i == a->t.cursor);
    if (a->t.n == 0)
        text_puts(r.y + 2, r.x + 2, r.w - 4, LOOK_DIM,
                  "no plugin has injected an event into this stream");
    if (r.h > foot + 1)
        draw_newest(u, r.y + r.h - foot, r);
    draw_sums(u, draw_senders(u, r.y + r.h - foot + 1, r), r);
}

static bool async_key(struct ui *u, int key, bool is_char)
{
    return table_key(u->late.on ? &u->late.t : &u->async.t, key, is_char, u->height - 10);
}

static void async_note(struct ui *u, const char *method, const json_t *params)
{
    UNUSED(params);
    if (u->screen == SCREEN_ASYNC && str_eq(method, "stream"))
        ask_list(u);
}

static unsigned async_contexts(struct ui *u)
{
    UNUSED(u);
    return CX_ASYNC | CX_TABLE;
}

const struct screen screen_async = {"Async",    ask_list,       async_draw, async_key,
                                    async_note, async_contexts, NULL,       NULL};
