/* Marked events: the list shows them, time can be counted from the last of them, and filters are
 * made of them: these alone, or all between the last and the cursor. */
#include "internal.h"

static size_t mark_of_row(const struct events_view *e, uint64_t row)
{
    size_t i;

    for (i = 0; i < e->marks.n && e->marks.v[i].row != row;)
        i++;
    return i;
}

bool marks_has(const struct ui *u, uint64_t row)
{
    return mark_of_row(&u->events, row) < u->events.marks.n;
}

void mark_add(struct ui *u, struct marked m)
{
    if (!marks_has(u, m.row))
        vec_push(&u->events.marks, m);
}

void mark_toggle(struct ui *u, int arg)
{
    struct events_view *e = &u->events;
    const json_t *at = events_current(u);
    struct marked m = {.row = rpc_u64_or(at, "row", 0),
                       .number = rpc_u64_or(at, "number", 0),
                       .ts = rpc_u64_or(at, "ts", 0),
                       .behind = rpc_u64_or(at, "plus", 0) > 0};
    size_t i;

    UNUSED(arg);
    if (!at || json_object_get(at, "mark") || rpc_get_bool(at, "gone", false))
        return;
    i = mark_of_row(e, m.row);
    if (i < e->marks.n) {
        vec_remove(&e->marks, i);
        if (!e->marks.n && e->times == TIMES_SINCE_MARK)
            e->times = TIMES_OF_DAY;
        notice(u, LOOK_TEXT, "#%llu is no longer marked", (unsigned long long)m.number);
        return;
    }
    vec_push(&e->marks, m);
    notice(u, LOOK_TEXT, "#%llu is marked: d time since, b between it and here, M only these",
           (unsigned long long)m.number);
}

static bool has_marks(struct ui *u)
{
    if (u->events.marks.n)
        return true;
    notice(u, LOOK_WARN, "no event is marked: m marks the one under the cursor");
    return false;
}

void mark_only(struct ui *u, int arg)
{
    const struct events_view *e = &u->events;
    size_t taken = 0;
    struct buf b;

    UNUSED(arg);
    if (!has_marks(u))
        return;
    buf_init(&b, (size_t)1 << 20);
    buf_adds(&b, "evt.num in (");
    for (size_t i = 0; i < e->marks.n; i++) {
        if (e->marks.v[i].behind)
            continue;
        buf_adds(&b, taken++ ? ", " : "");
        buf_add_u64(&b, e->marks.v[i].number);
    }
    buf_addc(&b, ')');
    if (taken)
        filter_add(u, buf_str(&b), "only");
    if (taken < e->marks.n)
        notice(u, LOOK_WARN, "%zu of %zu marked events have no number: no filter can name them",
               e->marks.n - taken, e->marks.n);
    buf_fini(&b);
}

void mark_between(struct ui *u, int arg)
{
    const struct events_view *e = &u->events;
    const json_t *at = events_current(u);
    uint64_t here = rpc_u64_or(at, "number", 0), row = rpc_u64_or(at, "row", 0), mark;
    size_t i = e->marks.n;
    char clause[80];

    UNUSED(arg);
    if (!at || !has_marks(u))
        return;
    while (i > 0 && e->marks.v[i - 1].row == row) /* both ends may be marked */
        i--;
    if (!i) {
        notice(u, LOOK_WARN, "only this event is marked: b takes what is between it and another");
        return;
    }
    mark = e->marks.v[i - 1].number;
    snprintf(clause, sizeof(clause), "evt.num >= %llu and evt.num <= %llu",
             (unsigned long long)MIN_OF(here, mark), (unsigned long long)MAX_OF(here, mark));
    filter_add(u, clause, "and");
}

/* The last first, then the one set before it, and around. */
void mark_go(struct ui *u, int arg)
{
    const struct events_view *e = &u->events;
    size_t at;

    UNUSED(arg);
    if (!has_marks(u))
        return;
    at = mark_of_row(e, e->cursor_row);
    at = at < e->marks.n && at > 0 ? at - 1 : e->marks.n - 1;
    events_jump(u, e->marks.v[at].number);
}

void time_form_next(struct ui *u, int arg)
{
    static const char *const said[] = {"times of day", "time since the row before",
                                       "time since the last marked event"};
    struct events_view *e = &u->events;

    UNUSED(arg);
    e->times = (enum time_column)((e->times + 1) % (e->marks.n ? 3 : 2));
    notice(u, LOOK_TEXT, "%s: d goes on", said[e->times]);
}

bool marks_delta(const struct ui *u, size_t i, int width, char out[40])
{
    const struct events_view *e = &u->events;
    uint64_t ts = rpc_u64_or(events_row(e, i), "ts", 0), from, length;
    int digits = width < 12 ? 3 : 6;
    char text[32];

    *out = '\0';
    if (e->times == TIMES_SINCE_MARK && e->marks.n)
        from = e->marks.v[e->marks.n - 1].ts;
    else if (e->times == TIMES_SINCE_ROW && i > 0)
        from = rpc_u64_or(events_row(e, i - 1), "ts", 0);
    else
        return e->times != TIMES_OF_DAY;
    length = ts < from ? from - ts : ts - from;
    if (length < (width < 12 ? 1000 : 10000) * NS_PER_S)
        snprintf(out, 40, "%c%.*f", ts < from ? '-' : '+', digits, (double)length / 1e9);
    else
        snprintf(out, 40, "%c%s", ts < from ? '-' : '+', text_duration(length, text));
    return true;
}
