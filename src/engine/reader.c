/* Values of one event, each read at most once. */
#include "internal.h"

static void read_value(struct field_reader *self, const struct field_ref *ref, struct value *out)
{
    struct event_reader *r = (struct event_reader *)self;

    struct value_chunk *kept = r->kept ? r->kept[ref->slot] : NULL;
    struct value *v = &r->values[ref->slot];

    if (!kept && !ref->shared) {
        field_extract(ref, &r->fe, false, &r->arena, out);
        return;
    }
    if (r->stamps[ref->slot] != r->stamp) {
        if (!kept || !value_chunk_get(kept, r->row, v)) {
            field_extract(ref, &r->fe, false, &r->arena, v);
            if (kept && !(ref->def->flags & FIELD_STATEFUL))
                value_chunk_keep(r->e->values, kept, r->row, v);
        }
        r->stamps[ref->slot] = r->stamp;
    }
    *out = *v;
}

/* On the plugin thread: others read values that are kept through their chunks only. */
static bool kept_value(const struct field_event *fe, const struct field_ref *ref, struct value *out)
{
    struct event_reader *r = fe->kept_ctx;

    return stateful_value(r->e, ref, r->row, out);
}

static const void *passing_whole(const struct field_event *fe)
{
    struct event_reader *r = fe->kept_ctx;

    return capture_whole(r->e);
}

static const void *kept_whole(const struct field_event *fe)
{
    struct event_reader *r = fe->kept_ctx;

    return store_read_whole(r->e->store, r->row, &r->whole) == SEV_OK ? r->whole.data : NULL;
}

void reader_init(struct event_reader *r, struct engine *e)
{
    memset(r, 0, sizeof(*r));
    r->e = e;
    r->base.read = read_value;
    r->base.arena = &r->arena;
    r->generation = UINT32_MAX;
    buf_init(&r->whole, EVENT_LEN_MAX + 4096);
}

void reader_fini(struct event_reader *r)
{
    free(r->values);
    free(r->stamps);
    arena_fini(&r->arena);
    buf_fini(&r->whole);
}

/* Owner and source of an event (§7.2): looked up again only when the ID or the set of plugins
 * changes. */
static void find_owner(struct event_reader *r, const void *bytes)
{
    uint16_t type = event_code(bytes);
    bool of_plugin = type == EVENT_PLUGIN || type == EVENT_ASYNC;
    uint32_t id = of_plugin ? event_plugin_id(bytes) : 0;
    unsigned generation = atomic_load_explicit(&r->e->generation, memory_order_acquire);

    if (generation != r->generation || id != r->id) {
        r->generation = generation;
        r->id = id;
        r->owner = plugin_by_id(r->e->host, id);
        r->source = id == 0 ? "syscall" : r->owner ? plugin_info(r->owner)->source : NULL;
    }
    r->fe.owner = r->owner;
    r->fe.source = r->source;
}

static void next_event(struct event_reader *r, const struct field_refs *refs, const void *bytes,
                       uint64_t number, uint64_t previous_ts, const struct event_place *place)
{
    size_t n = refs ? refs->v.n : 0;

    if (n > r->nvalues) {
        r->values = xrealloc(r->values, n * sizeof(*r->values));
        r->stamps = xrealloc(r->stamps, n * sizeof(*r->stamps));
        memset(r->stamps, 0, n * sizeof(*r->stamps));
        r->nvalues = n;
        r->stamp = 0;
    }
    if (++r->stamp == 0) {
        memset(r->stamps, 0, r->nvalues * sizeof(*r->stamps));
        r->stamp = 1;
    }
    arena_reset(&r->arena);
    r->fe.bytes = bytes;
    r->fe.number = number;
    r->fe.previous_ts = previous_ts;
    r->fe.hostname = r->e->hostname;
    r->fe.cpu = place->cpu;
    r->fe.state = place->state;
    r->fe.at = place->at;
    r->fe.thread = &r->thread;
    r->thread.asked = r->thread.fd_asked = false;
    r->kept = NULL;
    r->fe.kept = NULL;
    r->fe.whole = NULL;
    r->fe.kept_ctx = r;
    find_owner(r, bytes);
}

void reader_passing(struct event_reader *r, const struct field_refs *refs, const void *bytes,
                    uint64_t number, uint64_t previous_ts)
{
    r->fe.first_ts = r->e->first_ts;
    next_event(r, refs, bytes, number, previous_ts, &r->e->place);
    if (r->e->place.half)
        r->fe.whole = passing_whole;
}

void reader_passed(struct event_reader *r, const struct field_refs *refs, const struct passed *e)
{
    r->fe.first_ts = e->first_ts;
    next_event(r, refs, e->bytes, e->number, e->previous_ts, &e->place);
}

void reader_placed(struct event_reader *r, const struct field_refs *refs, const void *bytes,
                   const struct event_place *place)
{
    next_event(r, refs, bytes, 0, TS_NONE, place);
}

void reader_event(struct event_reader *r, const struct field_refs *refs, const void *bytes,
                  uint64_t row, uint64_t previous_ts)
{
    const struct engine *e = r->e;
    struct event_place place = {0};
    struct store_row sr, first;

    if (e->capture) {
        r->fe.first_ts = e->first_ts;
        if (store_row(e->store, row, &sr))
            place = (struct event_place){capture_state(e->capture, sr.offset), sr.offset, sr.cpu,
                                         !(sr.flags & STORE_FOLDED) && store_enter(e->store, row)};
    } else if (!r->fe.first_ts || r->fe.first_ts == TS_NONE) {
        r->fe.first_ts = store_row(e->store, store_first(e->store), &first) ? first.ts : TS_NONE;
    }
    next_event(r, refs, bytes, store_number(e->store, row), previous_ts, &place);
    r->row = row;
    r->fe.kept = kept_value;
    if (place.half)
        r->fe.whole = kept_whole;
}

bool reader_goes_to(struct event_reader *r, const struct filter *f, const char *bytes, uint64_t row)
{
    struct store_row sr;

    if (!store_row(r->e->store, row, &sr) || sr.type == STORE_ROW_MARK ||
        event_check(bytes, event_len(bytes), NULL) != SEV_OK)
        return false;
    reader_event(r, f ? filter_refs(f) : NULL, bytes, row, TS_NONE);
    return true;
}
