/* The strip: how many events and matches there are along the stream, by number or by time. */
#include "internal.h"

#define CELLS_MAX  1000
#define SAMPLE_MAX 262144 /* rows that are looked at for the axis of time */

struct strip {
    uint64_t first, rows, stride;
    struct axis_cell cells[CELLS_MAX];
    uint64_t events[CELLS_MAX], matches[CELLS_MAX];
    size_t n;
};

/* Rows that stand in time: not marks. */
static bool row_time(const struct engine *e, uint64_t row, uint64_t *ts)
{
    struct store_row r;

    if (!store_row(e->store, row, &r) || r.type == STORE_ROW_MARK)
        return false;
    *ts = r.ts;
    return true;
}

static void make_axis(const struct engine *e, struct strip *s, size_t cells)
{
    uint64_t *ts = xcalloc((size_t)((s->rows - s->first) / s->stride + 1), sizeof(*ts));
    size_t n = 0;

    for (uint64_t row = s->first; row < s->rows; row += s->stride)
        n += row_time(e, row, &ts[n]);
    s->n = time_axis(ts, n, cells, s->cells);
    free(ts);
}

static void count_events(const struct engine *e, struct strip *s)
{
    uint64_t ts;

    for (uint64_t row = s->first; row < s->rows; row += s->stride) {
        if (row_time(e, row, &ts))
            s->events[axis_find(s->cells, s->n, ts)] += s->stride;
    }
}

/* Each where they are few; else those among the rows that are looked at. */
static void count_matches(const struct engine *e, struct selection *sel, struct strip *s)
{
    uint64_t matches = selection_rank(sel, s->rows) - selection_rank(sel, s->first), row = s->first,
             found, ts, step = matches > SAMPLE_MAX ? s->stride : 1;
    bool gap;

    while (selection_next(sel, row, 1, s->first, s->rows, &found, &gap)) {
        if (step > 1 && (found - s->first) % step) {
            row = found + step - (found - s->first) % step;
            continue;
        }
        if (row_time(e, found, &ts))
            s->matches[axis_find(s->cells, s->n, ts)] += step;
        row = found + step;
    }
}

static json_t *strip_json(const struct strip *s, bool matches)
{
    json_t *o = json_object(), *events = json_array(), *hits = json_array(), *from = json_array(),
           *gaps = json_array();

    for (size_t i = 0; i < s->n; i++) {
        json_array_append_new(events, rpc_u64(s->events[i]));
        if (matches)
            json_array_append_new(hits, rpc_u64(s->matches[i]));
        json_array_append_new(from, rpc_u64(s->cells[i].from));
        if (s->cells[i].gap)
            json_array_append_new(gaps, json_integer((json_int_t)i));
    }
    json_object_set_new(o, "events", events);
    json_object_set_new(o, "matches", hits);
    json_object_set_new(o, "from", from);
    json_object_set_new(o, "gaps", gaps);
    json_object_set_new(o, "stride", rpc_u64(s->stride));
    return o;
}

static json_t *by_time(const struct engine *e, struct selection *sel, struct strip *s, size_t cells)
{
    s->stride = 1 + (s->rows - s->first) / SAMPLE_MAX;
    make_axis(e, s, cells);
    if (s->n) {
        count_events(e, s);
        if (sel)
            count_matches(e, sel, s);
    }
    return strip_json(s, sel != NULL);
}

static json_t *by_number(struct selection *sel, const struct strip *s, size_t cells)
{
    json_t *all = json_array(), *hits = json_array();
    uint64_t rows = s->rows - s->first;

    for (size_t i = 0; rows && i < cells; i++) {
        uint64_t from = s->first + rows * i / cells, to = s->first + rows * (i + 1) / cells;

        json_array_append_new(all, rpc_u64(to - from));
        if (sel)
            json_array_append_new(hits,
                                  rpc_u64(selection_rank(sel, to) - selection_rank(sel, from)));
    }
    return json_pack("{so so}", "events", all, "matches", hits);
}

json_t *strip_of_stream(const struct engine *e, size_t cells, struct axis_cell **axis, size_t *n)
{
    struct strip *s = xcalloc(1, sizeof(*s));
    json_t *result;

    s->first = store_first(e->store);
    s->rows = MAX_OF(store_rows(e->store), s->first);
    result = by_time(e, NULL, s, MIN_OF(cells, (size_t)CELLS_MAX));
    *n = s->n;
    *axis = xcalloc(s->n + 1, sizeof(**axis));
    memcpy(*axis, s->cells, s->n * sizeof(**axis));
    free(s);
    return result;
}

void method_strip(struct engine *e, const json_t *id, const json_t *params)
{
    const char *axis = rpc_get_str(params, "axis");
    uint64_t cells =
        MIN_OF(MAX_OF(rpc_u64_or(params, "cells", 60), (uint64_t)1), (uint64_t)CELLS_MAX);
    struct selection *sel;
    struct strip *s;
    json_t *result;

    if (axis && !str_eq(axis, "time") && !str_eq(axis, "number")) {
        reply_code(e, id, RPC_INVALID_PARAMS, "“axis” is number or time");
        return;
    }
    if (!e->store) {
        reply_code(e, id, RPC_INVALID_PARAMS, "the stream is not kept");
        return;
    }
    sel = selection_get(e, rpc_u64_or(params, "selection", 0));
    s = xcalloc(1, sizeof(*s));
    s->first = MAX_OF(store_first(e->store), rpc_u64_or(params, "from", 0));
    s->rows = MAX_OF(MIN_OF(store_rows(e->store), rpc_u64_or(params, "to", UINT64_MAX)), s->first);
    result = str_eq(axis ? axis : "", "time") ? by_time(e, sel, s, (size_t)cells)
                                              : by_number(sel, s, (size_t)cells);
    json_object_set_new(result, "axis", rpc_str(axis ? axis : "number"));
    if (s->rows > s->first)
        json_object_set_new(result, "numbers",
                            json_pack("[o, o]", rpc_u64(store_number(e->store, s->first)),
                                      rpc_u64(store_number(e->store, s->rows - 1))));
    if (sel)
        selection_put(e, sel);
    free(s);
    reply(e, id, result);
}
