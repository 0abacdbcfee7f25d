/*
 * Events that nobody asks for, neither the output nor the state: passed over in one loop, without
 * being taken apart. What becomes of each kind is settled before the first is read.
 */
#include "capture.h"

enum {
    SKIM_OVER = 1,     /* it may be passed over; else it has to be looked at */
    SKIM_NUMBER = 2,   /* it has a number */
    SKIM_SHOWN = 4,    /* it counts as an event */
    SKIM_TOUCH = 8,    /* the state has to know that it was */
    SKIM_HALF = 16,    /* a half of its thread that waits is no longer wanted */
    SKIM_CALL = 32,    /* it stands for a call that is told by its first parameter */
    SKIM_WIDE = 64,    /* its parameters' lengths have four bytes */
    SKIM_KEEP = 128,   /* a half that is kept for its exit */
    SKIM_THREAD = 256, /* only when its thread is not wanted */
    SKIM_MORE = SKIM_TOUCH | SKIM_HALF | SKIM_KEEP | SKIM_THREAD,
};

struct skimmed { /* what the output has to be told */
    uint64_t numbers, shown, last;
};

struct skim_table {
    uint16_t what[EVENT_TYPES][EVENT_PLAN_PARAMS];
    bool takes[EVENT_TYPES]; /* enter halves that are wanted, by their type of today */
};

static bool is_stored(const struct event_plan *p)
{
    return p->fate == EVENT_STORED || p->fate == EVENT_STORED_AND_PASSED;
}

static bool is_passed(const struct event_plan *p)
{
    return p->fate == EVENT_PASSED || p->fate == EVENT_STORED_AND_PASSED;
}

static bool stands_for_call(uint16_t type)
{
    return type == EVENT_GENERIC_E || type == EVENT_GENERIC_X;
}

/* Whether it is settled by the thread alone that an event is not wanted. */
static bool by_thread(const struct engine *e, const struct capture *c, uint16_t type)
{
    return c->told != FIELD_STATE_NONE && output_asks_threads(e) && state_type_has_thread(type);
}

/* Of an event whose enter half, if it has one, does not matter. */
static uint16_t plan_skim(const struct engine *e, const struct capture *c, uint16_t type,
                          const struct event_plan *p)
{
    bool shown = is_passed(p) && !capture_is_hidden(c, 0, p->type, false);
    uint16_t what = SKIM_OVER | (event_len_width(type) == 4 ? SKIM_WIDE : 0);

    if (p->takes_enter || is_stored(p))
        what |= SKIM_HALF;
    if (!is_passed(p))
        return what;
    if (c->told != FIELD_STATE_NONE && state_wants(p->type, c->told == FIELD_STATE_USE))
        return 0;
    if (shown && stands_for_call(p->type))
        what |= SKIM_CALL;
    else if (shown && output_may_want(e, p->type, 0) && !by_thread(e, c, p->type))
        return 0;
    else if (shown && output_may_want(e, p->type, 0))
        what |= SKIM_THREAD;
    if (what & SKIM_CALL && by_thread(e, c, p->type))
        what |= SKIM_THREAD;
    return what | SKIM_NUMBER | (shown ? SKIM_SHOWN : 0) |
           (c->told != FIELD_STATE_NONE ? SKIM_TOUCH : 0);
}

struct skim_table *skim_new(const struct engine *e, const struct capture *c)
{
    struct skim_table *s;

    if (c->raw || c->counts || !output_passes_over(e))
        return NULL;
    s = xcalloc(1, sizeof(*s));
    for (unsigned type = 0; type < EVENT_TYPES; type++) {
        for (unsigned n = 0; n < EVENT_PLAN_PARAMS && event_type_get((uint16_t)type); n++) {
            struct event_plan p = event_plan((uint16_t)type, n);

            s->what[type][n] = plan_skim(e, c, (uint16_t)type, &p);
            if (!s->what[type][n] || s->what[type][n] & (SKIM_CALL | SKIM_THREAD))
                event_plan_enters((uint16_t)type, n, s->takes);
        }
    }
    for (unsigned type = 0; type < EVENT_TYPES; type++) {
        for (unsigned n = 0; n < EVENT_PLAN_PARAMS; n++) {
            struct event_plan p = event_plan((uint16_t)type, n);

            if (is_stored(&p) && s->takes[p.type] && s->what[type][n])
                s->what[type][n] = (s->what[type][n] & ~SKIM_HALF) | SKIM_KEEP;
        }
    }
    return s;
}

/* The bytes of an event, by its parameters; more than it has when these do not fit. */
static inline size_t sum_of(const char *event, uint32_t nparams, bool wide)
{
    const char *at = event + EVENT_HEADER_LEN;
    size_t sum = EVENT_HEADER_LEN + (size_t)nparams * (wide ? 4 : 2), len = event_len(event);

    if (sum > len)
        return sum;
    for (uint32_t i = 0; wide && i < nparams; i++)
        sum += get_u32(at + 4 * (size_t)i);
    for (uint32_t i = 0; !wide && i < nparams; i++)
        sum += get_u16(at + 2 * (size_t)i);
    return sum;
}

/* The event of a block that is plain in every way; NULL: it has to be looked at. */
static inline const char *plain_event(struct span left, uint32_t *len)
{
    const char *event = left.p + 10;
    uint32_t type;

    if (left.n < CAPTURE_FRAME + 2 + EVENT_HEADER_LEN)
        return NULL;
    __builtin_prefetch(left.p + 640);
    type = get_u32(left.p);
    *len = get_u32(left.p + 4);
    if ((type != CAPTURE_EVENT_V2 && type != CAPTURE_EVENT_LARGE) || *len > left.n ||
        *len < CAPTURE_FRAME + 2 + EVENT_HEADER_LEN || get_u32(left.p + *len - 4) != *len ||
        event_len(event) > *len - CAPTURE_FRAME - 2)
        return NULL;
    return event;
}

/* 0: it has to be looked at. *as_is: no bytes follow those of its parameters (capture-format, §5.4). */
static inline uint16_t what_of(const struct engine *e, const struct skim_table *s,
                               const char *event, bool *as_is)
{
    const char *lens = event + EVENT_HEADER_LEN;
    uint16_t type = event_code(event), what;
    uint32_t n = event_nparams(event);
    size_t sum;

    if (type >= EVENT_TYPES || n >= EVENT_PLAN_PARAMS)
        return 0;
    what = s->what[type][n];
    sum = sum_of(event, n, what & SKIM_WIDE);
    if (!what || sum > event_len(event))
        return 0;
    *as_is = sum == event_len(event);
    if (what & SKIM_CALL) {
        uint16_t call = n && get_u16(lens) == 2 ? get_u16(lens + 2 * (size_t)n) : 0;

        if (!output_may_want(e, event_plans[type][n].type, call))
            what &= (uint16_t)~SKIM_THREAD;
        else if (!(what & SKIM_THREAD))
            return 0;
    }
    return what;
}

/* What a section's part takes over from an event that is passed over. False: it is wanted. */
static bool pass_over(struct engine *e, struct capture_part *part, const char *event, bool as_is,
                      uint16_t what, uint64_t offset)
{
    uint64_t tid = event_tid(event);
    uint16_t type = event_plans[event_code(event)][event_nparams(event)].type;
    struct state *state = part->newest->state;

    if (what & SKIM_TOUCH)
        state_touch(state, offset, type, tid, event_ts(event));
    if (what & SKIM_THREAD) {
        e->place = (struct event_place){state, offset, 0, false};
        if (output_may_want_thread(e, tid, type))
            return false;
    }
    if (what & SKIM_KEEP)
        halves_keep(&part->halves, tid, (struct span){event, event_len(event)}, false, as_is,
                    offset);
    else if (what & SKIM_HALF)
        halves_drop(&part->halves, tid);
    return true;
}

/* The same up to an offset; what it did for the output is not told. */
static bool skim_until(struct engine *e, struct capture *c, uint64_t end, struct skimmed *out)
{
    struct capture_ahead a;
    struct capture_part *part;
    uint64_t ts = 0;
    size_t done = 0;

    *out = (struct skimmed){0};
    if (!capture_stream_ahead(c->stream, &a))
        return true;
    if (a.offset >= end)
        return false;
    part = &c->parts[a.part];
    if (part->leading || !part->meta_over)
        return true;
    while (done < a.bytes.n && a.offset + done < end) {
        struct span left = {a.bytes.p + done, a.bytes.n - done};
        uint32_t len;
        bool as_is;
        const char *event = plain_event(left, &len);
        uint16_t what =
            event && event_ts(event) <= a.until ? what_of(e, c->skim, event, &as_is) : 0;

        if (!what ||
            ((what & SKIM_MORE) && !pass_over(e, part, event, as_is, what, a.offset + done + 10)))
            break;
        ts = event_ts(event);
        out->numbers += what & SKIM_NUMBER ? 1 : 0;
        if (what & SKIM_SHOWN) {
            out->shown++;
            out->last = ts;
        }
        done += len;
    }
    if (done) {
        capture_stream_skip(c->stream, done, ts);
        atomic_store_explicit(&part->inside, (a.offset & CAPTURE_PART_OFFSET) + done,
                              memory_order_relaxed);
    }
    return a.offset + done < end;
}

void skim_over(struct engine *e, struct capture *c)
{
    struct skimmed s;

    if (e->first_ts == TS_NONE)
        return;
    skim_until(e, c, UINT64_MAX, &s);
    c->number += s.numbers;
    output_passed_over(e, s.shown);
    if (s.shown)
        e->last_ts = s.last;
}

bool skim_catch_up(struct engine *e, struct capture *c, uint64_t offset, struct error *err)
{
    const struct capture_item_info *info;
    enum capture_item item = CAPTURE_ITEM_BLOCK;
    struct capture *b = capture_behind(c, err);
    struct capture_part part;
    struct skimmed s;

    if (!b)
        return false;
    b->told = c->told = output_needs_state(e);
    free(c->skim);
    c->skim = skim_new(e, c);
    b->skim = skim_new(e, b);
    while (item <= CAPTURE_ITEM_DAMAGE && skim_until(e, b, offset, &s)) {
        item = capture_stream_next(b->stream, &info);
        if (item <= CAPTURE_ITEM_DAMAGE)
            capture_take_item(e, b, item, info);
    }
    part = b->parts[0];
    b->parts[0].newest = c->parts[0].newest;
    b->parts[0].halves = c->parts[0].halves;
    c->parts[0].newest = part.newest;
    c->parts[0].halves = part.halves;
    capture_free(b);
    return true;
}
