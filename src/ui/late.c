/* On the Async screen: how late what is known of containers and pods came. */
#include <ncurses.h>

#include "internal.h"

#define ASK_AGAIN_NS (300 * NS_PER_MS)

static void on_rows(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct late_view *v = &u->late;

    UNUSED(ctx);
    v->asking = false;
    if (error)
        return;
    json_decref(v->answer);
    v->answer = json_incref((json_t *)result);
    v->t.n = json_array_size(json_object_get(v->answer, "rows"));
    table_clamp(&v->t);
}

void late_ask(struct ui *u)
{
    struct late_view *v = &u->late;
    uint64_t at = rpc_u64_or(v->answer, "looked_at", 0), end = rpc_u64_or(u->stream, "end", 0);

    if (v->asking || !engine_is_up(u) || (v->answer && at >= end) ||
        (v->answer && at + 1 >= end && time_mono() < v->asked_at + ASK_AGAIN_NS))
        return;
    v->asking = true;
    v->asked_at = time_mono();
    ask(u, "metadata", json_pack("{ss}", "key", v->pods ? "pod" : "container"), on_rows, NULL);
}

/* Containers, pods, and back to the injected events. */
void late_toggle(struct ui *u, int arg)
{
    struct late_view *v = &u->late;

    UNUSED(arg);
    v->pods = v->on && !v->pods;
    v->on = !v->on || v->pods;
    json_decref(v->answer);
    v->answer = NULL;
    v->asking = false;
    v->t = (struct table){0};
    if (v->on)
        late_ask(u);
}

static const json_t *row_now(const struct ui *u)
{
    return json_array_get(json_object_get(u->late.answer, "rows"), u->late.t.cursor);
}

void late_enter(struct ui *u)
{
    const json_t *row = row_now(u);
    struct buf clause;

    if (!row)
        return;
    buf_init(&clause, 4096);
    if (u->late.pods)
        buf_addf(&clause, "thread.cgroups contains \"%s\"", rpc_get_str(row, "key"));
    else
        buf_addf(&clause, "container.id = \"%s\"", rpc_get_str(row, "key"));
    place_push(u);
    screen_go(u, SCREEN_EVENTS);
    filter_apply(u, buf_str(&clause));
    buf_fini(&clause);
}

void late_go(struct ui *u)
{
    const json_t *row = row_now(u);

    if (!row || !rpc_u64_or(row, "first", 0))
        return;
    place_push(u);
    events_jump(u, rpc_u64_or(row, "first", 0));
}

static void draw_row(const json_t *row, int y, struct rect r, bool on)
{
    const char *delay = rpc_get_str(row, "delay");
    bool told = rpc_get_bool(row, "told", false), before = !delay || *delay == '-';
    enum look base = on ? LOOK_CURSOR : LOOK_TEXT;
    int w = MAX_OF(r.w - 58, 13);
    char a[40], b[32], words[60];

    if (on)
        fill(y, r.x, r.w, base, ' ');
    text_puts(y, r.x + 1, w - 1, on ? base : LOOK_FIELD, rpc_get_str(row, "key"));
    if (!told)
        snprintf(words, sizeof(words), "never told");
    else if (before)
        snprintf(words, sizeof(words), "told before");
    else
        snprintf(words, sizeof(words), "%s%s", text_duration(rpc_u64_or(row, "delay", 0), a),
                 rpc_get_bool(row, "by_receipt", false) ? " received" : "");
    text_puts(y, r.x + w + 1, 20, on ? base : told ? LOOK_TEXT : LOOK_WARN, words);
    text_right(y, r.x + w + 22, 10, base, text_count(rpc_u64_or(row, "without", 0), a));
    text_right(y, r.x + w + 33, 10, base, text_count(rpc_u64_or(row, "events", 0), b));
    if (rpc_u64_or(row, "first", 0))
        text_putf(y, r.x + w + 45, r.w - w - 45, base, "#%s", rpc_get_str(row, "first"));
}

void late_draw(struct ui *u, struct rect r)
{
    struct late_view *v = &u->late;
    const json_t *rows = json_object_get(v->answer, "rows");
    uint64_t at = rpc_u64_or(v->answer, "looked_at", 0), end = rpc_u64_or(v->answer, "end", 0);
    int w = MAX_OF(r.w - 58, 13);

    late_ask(u);
    text_puts(r.y, r.x + 1, w - 1, LOOK_HEAD, v->pods ? "pod" : "container");
    text_puts(r.y, r.x + w + 1, 20, LOOK_HEAD, "metadata after");
    text_right(r.y, r.x + w + 22, 10, LOOK_HEAD, "without");
    text_right(r.y, r.x + w + 33, 10, LOOK_HEAD, "of events");
    text_puts(r.y, r.x + w + 45, r.w - w - 45, LOOK_HEAD, "first");
    table_fit(&v->t, r.h - 2);
    for (int i = 0; i < r.h - 2 && v->t.top + (size_t)i < v->t.n; i++)
        draw_row(json_array_get(rows, v->t.top + (size_t)i), r.y + 1 + i, r,
                 v->t.top + (size_t)i == v->t.cursor);
    if (!v->answer || at < end)
        text_puts(r.y + r.h - 1, r.x + 1, r.w - 2, LOOK_DIM, "looking through the events…");
    else if (v->t.n == 0)
        text_putf(r.y + 2, r.x + 2, r.w - 4, LOOK_DIM, "no event is of a %s",
                  v->pods ? "pod" : "container");
}
