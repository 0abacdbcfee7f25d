/* The async events of the stream by plugin and name, and what became of those that were sent. */
#include "internal.h"

#define PAYLOAD_SHOWN 500
#define DELAY_MAX     (86400 * NS_PER_S) /* one that tells of a time longer ago is not late */

struct async_name {
    char *name;
    uint32_t id;
    uint64_t n, initial, first_row, last_row, first_ts, last_ts, back;
    uint64_t gap_min, gap_max; /* between one and the next, those that step back aside */
    struct buf last;           /* payload of the last one, its beginning */
};

struct async_seen {
    uint64_t ts;
    uint32_t name;
};

struct async_list { /* plugin thread */
    VEC(struct async_name) names;
    VEC(struct async_seen) seen; /* all of them, in the order of rows */
    uint64_t row;                /* the next to be looked at */
    uint64_t overdue, delay_ns, delays;
};

struct async_list *async_list_new(void)
{
    return xcalloc(1, sizeof(struct async_list));
}

void async_list_free(struct async_list *l)
{
    for (size_t i = 0; i < l->names.n; i++) {
        free(l->names.v[i].name);
        buf_fini(&l->names.v[i].last);
    }
    vec_free(&l->names);
    vec_free(&l->seen);
    free(l);
}

static struct async_name *name_of(struct async_list *l, uint32_t id, struct span name)
{
    struct async_name *found;

    for (size_t i = 0; i < l->names.n; i++) {
        if (l->names.v[i].id == id && span_is(name, l->names.v[i].name))
            return &l->names.v[i];
    }
    found = vec_more(&l->names);
    *found = (struct async_name){.name = xstrndup(name.p, name.n), .id = id, .gap_min = UINT64_MAX};
    buf_init(&found->last, PAYLOAD_SHOWN);
    return found;
}

/* How late it came, by the host's clock, where both times are known. */
static void note_delay(struct async_list *l, const char *about, uint64_t ts)
{
    json_t *o = about ? json_loads(about, 0, NULL) : NULL;
    uint64_t received = rpc_u64_or(o, "received", 0);

    l->overdue += rpc_get_bool(o, "future", false);
    if (received > ts && received - ts < DELAY_MAX && !rpc_get_bool(o, "initial", false)) {
        l->delay_ns += received - ts;
        l->delays++;
    }
    json_decref(o);
}

static void look_at(struct engine *e, struct async_list *l, const struct store_row *r)
{
    struct buf *bytes = &e->plugin_scanner.bytes;
    struct async_name *n;
    struct span payload;

    if (store_read(e->store, l->row, bytes, NULL) != SEV_OK)
        return;
    n = name_of(l, r->who, event_async_name(bytes->data));
    n->back += n->n && r->ts < n->last_ts;
    if (n->n && r->ts >= n->last_ts) {
        n->gap_min = MIN_OF(n->gap_min, r->ts - n->last_ts);
        n->gap_max = MAX_OF(n->gap_max, r->ts - n->last_ts);
    }
    if (n->n++ == 0) {
        n->first_row = l->row;
        n->first_ts = r->ts;
    }
    n->initial += (r->flags & STORE_UNNUMBERED) != 0;
    n->last_row = l->row;
    n->last_ts = r->ts;
    payload = event_payload(bytes->data);
    buf_reset(&n->last);
    buf_add(&n->last, payload.p, MIN_OF(payload.n, (size_t)PAYLOAD_SHOWN));
    vec_push(&l->seen, ((struct async_seen){r->ts, (uint32_t)(n - l->names.v)}));
    note_delay(l, store_about(e->store, l->row), r->ts);
}

/* Only rows of the type are read; the others are passed over by their columns. */
static void catch_up(struct engine *e, struct async_list *l)
{
    struct store_row r;

    l->row = MAX_OF(l->row, store_first(e->store));
    for (; l->row < store_rows(e->store) && !e->plugin_quit; l->row++) {
        if (store_row(e->store, l->row, &r) && r.type == EVENT_ASYNC)
            look_at(e, l, &r);
    }
}

static json_t *names_json(struct engine *e, const struct async_list *l)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->names.n; i++) {
        const struct async_name *n = &l->names.v[i];
        struct plugin *p = plugin_by_id(e->host, n->id);
        uint64_t gap =
            n->n > 1 && n->last_ts > n->first_ts ? (n->last_ts - n->first_ts) / (n->n - 1) : 0;
        json_t *o = json_pack(
            "{so si so so so so so so}", "name", rpc_str(n->name), "plugin_id", (int)n->id, "count",
            rpc_u64(n->n), "first", rpc_u64(store_number(e->store, n->first_row)), "last",
            rpc_u64(store_number(e->store, n->last_row)), "first_ts", rpc_u64(n->first_ts),
            "last_ts", rpc_u64(n->last_ts), "gap", rpc_u64(gap));

        json_object_set_new(o, "source",
                            n->id == 0 ? rpc_str("syscall")
                            : p        ? rpc_str(plugin_info(p)->source)
                                       : json_null());
        json_object_set_new(o, "initial", rpc_u64(n->initial));
        json_object_set_new(o, "steps_back", rpc_u64(n->back));
        json_object_set_new(o, "gap_min", rpc_u64(n->gap_min == UINT64_MAX ? 0 : n->gap_min));
        json_object_set_new(o, "gap_max", rpc_u64(n->gap_max));
        json_object_set_new(o, "payload", rpc_text(n->last.data, n->last.len));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *senders_json(struct engine *e)
{
    json_t *list = json_array();
    struct plugin *p;

    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        json_t *refused, *o;

        if (plugin_state(p) != PLUGIN_INITIALISED || !(plugin_info(p)->caps & CAP_ASYNC))
            continue;
        refused = json_object();
        for (int f = ASYNC_TAKEN + 1; f < ASYNC_FATES; f++) {
            uint64_t n = plugin_async_count(p, (enum plugin_async_fate)f);

            if (n)
                json_object_set_new(refused, plugin_async_word((enum plugin_async_fate)f),
                                    rpc_u64(n));
        }
        o = json_pack("{so so so}", "plugin", rpc_str(plugin_info(p)->name), "taken",
                      rpc_u64(plugin_async_count(p, ASYNC_TAKEN)), "refused", refused);
        json_object_set_new(o, "declared", strings_json(&plugin_info(p)->async_events));
        json_object_set_new(o, "sources", strings_json(&plugin_info(p)->async_sources));
        json_array_append_new(list, o);
    }
    return list;
}

/* How many of each name are in each cell of the stream's axis of time. */
static void add_rates(struct engine *e, const struct async_list *l, json_t *names, json_t *answer,
                      size_t cells)
{
    struct axis_cell *axis;
    size_t n;
    json_t *strip = strip_of_stream(e, cells, &axis, &n);
    uint64_t *counts = xcalloc(l->names.n * n + 1, sizeof(*counts));

    for (size_t i = 0; n && i < l->seen.n; i++)
        counts[l->seen.v[i].name * n + axis_find(axis, n, l->seen.v[i].ts)]++;
    for (size_t i = 0; i < l->names.n; i++) {
        json_t *of = json_array();

        for (size_t c = 0; c < n; c++)
            json_array_append_new(of, rpc_u64(counts[i * n + c]));
        json_object_set_new(json_array_get(names, i), "cells", of);
    }
    json_object_set_new(answer, "strip", strip);
    free(counts);
    free(axis);
}

static void run_async(struct engine *e, struct job *j)
{
    struct async_list *l = e->async_list;
    uint64_t due, cells = rpc_u64_or(j->params, "cells", 0);
    json_t *names, *answer;

    if (e->store)
        catch_up(e, l);
    names = names_json(e, l);
    answer = json_pack("{sO so so so sb}", "names", names, "senders", senders_json(e), "overdue",
                       rpc_u64(l->overdue), "mean_delay",
                       rpc_u64(l->delays ? l->delay_ns / l->delays : 0), "waiting",
                       plugin_async_due(e->host, &due));
    if (e->store && cells)
        add_rates(e, l, names, answer, (size_t)cells);
    json_decref(names);
    reply(e, j->id, answer);
}

void method_async(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_async, id, params, NULL);
}

/* ---- late metadata ----------------------------------------------------------------------------- */

#define LATE_SLICE 200000 /* rows that are looked at for one answer */

static uint64_t received_at(const struct engine *e, uint64_t row)
{
    const char *about = store_about(e->store, row);
    json_t *o = about ? json_loads(about, 0, NULL) : NULL;
    uint64_t received = rpc_u64_or(o, "received", 0);

    json_decref(o);
    return received;
}

static void look_for_late(struct engine *e)
{
    uint64_t end = MIN_OF(store_rows(e->store), e->late_row + LATE_SLICE);
    struct buf *bytes = &e->plugin_scanner.bytes;
    struct store_row r;

    for (; e->late_row < end && !e->plugin_quit; e->late_row++) {
        uint64_t number;

        if (!store_row(e->store, e->late_row, &r) || r.type == STORE_ROW_MARK)
            continue;
        number = store_number(e->store, e->late_row);
        if ((r.type == EVENT_ASYNC || r.type == EVENT_CONTAINER_JSON ||
             r.type == EVENT_CONTAINER_JSON_OLD) &&
            store_read(e->store, e->late_row, bytes, NULL) == SEV_OK)
            late_told(e->late, bytes->data, number, received_at(e, e->late_row));
        if (e->capture && r.type != EVENT_PLUGIN && r.type != EVENT_ASYNC)
            late_event(e->late, capture_state(e->capture, r.offset), r.who, r.offset, number, r.ts);
    }
}

static void run_metadata(struct engine *e, struct job *j)
{
    const char *key = rpc_get_str(j->params, "key");
    bool pods = key && str_eq(key, "pod");

    if (!e->store) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "the stream is not kept");
        return;
    }
    if (!e->late || e->late_pods != pods) {
        late_free(e->late);
        e->late = late_new(key);
        e->late_pods = pods;
        e->late_row = store_first(e->store);
    }
    look_for_late(e);
    reply(e, j->id,
          json_pack("{so so so}", "rows", late_json(e->late), "looked_at", rpc_u64(e->late_row),
                    "end", rpc_u64(store_rows(e->store))));
}

void method_metadata(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_metadata, id, params, NULL);
}
