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
    SKIM_FD = 512,     /* only when its descriptor is known and not wanted */
    SKIM_AS_IS = 1024, /* no bytes follow those of its parameters (capture-format, §5.4) */
    SKIM_JOINS = 2048, /* with others of its thread: the state is told of them once */
    SKIM_EXIT = 4096,  /* no enter half */
    SKIM_HEAD = 8192,  /* only when its header is not wanted */
    SKIM_ONLY = SKIM_THREAD | SKIM_FD | SKIM_HEAD,
    SKIM_MORE = SKIM_TOUCH | SKIM_HALF | SKIM_KEEP | SKIM_ONLY,
};

struct skimmed { /* what the output has to be told */
    uint64_t numbers, shown, last;
};

#define CALLS    512u /* codes of system calls; events of others are looked at */
#define CPU_AT   8u   /* in the block of an event */
#define EVENT_AT 10u

/* Does not change once it is made: the thread that reads ahead looks into it too. */
struct skim_table {
    uint16_t what[EVENT_TYPES][EVENT_PLAN_PARAMS];
    struct event_fd_place fds[EVENT_TYPES][EVENT_PLAN_PARAMS]; /* with SKIM_FD */
    bool calls[2][CALLS];    /* of generic enter halves and of calls: which are wanted */
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

static bool is_enter(uint16_t type)
{
    const struct event_type *t = event_type_get(type);

    return t && t->enter;
}

/* Whether it is settled by the thread alone that an event is not wanted. */
static bool by_thread(const struct engine *e, const struct capture *c, uint16_t type)
{
    return c->told != FIELD_STATE_NONE && output_asks_threads(e) && state_type_has_thread(type);
}

/* Whether it may be settled by the descriptor alone. */
static bool by_fd(const struct engine *e, const struct capture *c, const struct event_plan *p,
                  const struct event_fd_place *place)
{
    return c->told != FIELD_STATE_NONE && output_asks_fds(e) && place->param >= 0 &&
           state_type_has_thread(p->type) && !state_wants(p->type, true);
}

/* Of an event whose enter half, if it has one, does not matter. */
static uint16_t plan_skim(const struct engine *e, const struct capture *c, uint16_t type,
                          const struct event_plan *p, const struct event_fd_place *place)
{
    bool shown = is_passed(p) && !capture_is_hidden(c, 0, p->type, false);
    uint16_t what = SKIM_OVER | (event_len_width(type) == 4 ? SKIM_WIDE : 0);

    if (p->takes_enter || is_stored(p))
        what |= SKIM_HALF;
    if (!is_passed(p))
        return what | SKIM_JOINS;
    if (c->told != FIELD_STATE_NONE && state_wants(p->type, c->told == FIELD_STATE_USE))
        return 0;
    if (shown && (stands_for_call(p->type) || output_may_want(e, p->type, 0))) {
        if (by_thread(e, c, p->type))
            what |= SKIM_THREAD;
        if (by_fd(e, c, p, place))
            what |= SKIM_FD;
        if (output_asks_headers(e))
            what |= SKIM_HEAD;
        if (stands_for_call(p->type))
            what |= SKIM_CALL;
        else if (!(what & SKIM_ONLY))
            return 0;
    }
    if (c->told != FIELD_STATE_NONE && state_type_has_thread(p->type) &&
        !state_wants(p->type, true) && !(what & (SKIM_FD | SKIM_HEAD)))
        what |= SKIM_JOINS;
    return what | SKIM_NUMBER | (shown ? SKIM_SHOWN : 0) | (is_enter(p->type) ? 0 : SKIM_EXIT) |
           (c->told != FIELD_STATE_NONE ? SKIM_TOUCH : 0);
}

static struct skim_table *table_new(const struct engine *e, const struct capture *c)
{
    struct skim_table *s;

    if (c->raw || c->counts || !output_passes_over(e))
        return NULL;
    s = xcalloc(1, sizeof(*s));
    for (unsigned i = 0; i < CALLS; i++) {
        s->calls[0][i] = output_may_want(e, EVENT_GENERIC_E, (uint16_t)i);
        s->calls[1][i] = output_may_want(e, EVENT_GENERIC_X, (uint16_t)i);
    }
    for (unsigned type = 0; type < EVENT_TYPES; type++) {
        for (unsigned n = 0; n < EVENT_PLAN_PARAMS && event_type_get((uint16_t)type); n++) {
            struct event_plan p = event_plan((uint16_t)type, n);

            s->fds[type][n] = event_plan_fd((uint16_t)type, n);
            s->what[type][n] = plan_skim(e, c, (uint16_t)type, &p, &s->fds[type][n]);
            if (!s->what[type][n] || s->what[type][n] & (SKIM_CALL | SKIM_ONLY))
                event_plan_enters((uint16_t)type, n, s->takes);
        }
    }
    for (unsigned type = 0; type < EVENT_TYPES; type++) {
        for (unsigned n = 0; n < EVENT_PLAN_PARAMS; n++) {
            struct event_plan p = event_plan((uint16_t)type, n);

            if (is_stored(&p) && s->takes[p.type] && s->what[type][n])
                s->what[type][n] = (s->what[type][n] & ~(SKIM_HALF | SKIM_JOINS)) | SKIM_KEEP;
        }
    }
    return s;
}

/* The sum of the first n of eight lengths, without a branch: what comes next is hard to foretell. */
static inline size_t sum_of_eight(const char *lens, uint32_t n)
{
    static const uint64_t of_four[] = {0, 0xffff, 0xffffffff, 0xffffffffffff, UINT64_MAX};
    const uint64_t even = 0x0000ffff0000ffff;
    uint64_t a = get_u64(lens) & of_four[MIN_OF(n, 4u)],
             b = get_u64(lens + 8) & of_four[n - MIN_OF(n, 4u)],
             sum = (a & even) + (a >> 16 & even) + (b & even) + (b >> 16 & even);

    return (uint32_t)sum + (sum >> 32);
}

/* The bytes of an event, by its parameters; more than it has when these do not fit. left: from its
 * start. */
static inline size_t sum_of(const char *event, size_t left, uint32_t nparams, bool wide)
{
    const char *at = event + EVENT_HEADER_LEN;
    size_t sum = EVENT_HEADER_LEN + (size_t)nparams * (wide ? 4 : 2), len = event_len(event);

    if (nparams <= 8 && !wide && left >= EVENT_HEADER_LEN + 16)
        return sum + sum_of_eight(at, nparams);
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
    const char *event = left.p + EVENT_AT;
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

/* 0: it has to be looked at. left: from the event's start. */
static inline uint16_t what_of(const struct skim_table *s, const char *event, size_t left)
{
    const char *lens = event + EVENT_HEADER_LEN;
    uint16_t type = event_code(event), what;
    uint32_t n = event_nparams(event);
    size_t sum;

    if (type >= EVENT_TYPES || n >= EVENT_PLAN_PARAMS || event_tid(event) > UINT32_MAX)
        return 0;
    what = s->what[type][n];
    sum = sum_of(event, left, n, what & SKIM_WIDE);
    if (!what || sum > event_len(event))
        return 0;
    if (sum == event_len(event))
        what |= SKIM_AS_IS;
    if (what & SKIM_CALL) {
        uint16_t call = n && get_u16(lens) == 2 ? get_u16(lens + 2 * (size_t)n) : 0;

        if (call >= CALLS || s->calls[event_plans[type][n].type == EVENT_GENERIC_X][call])
            return what & SKIM_ONLY ? what : 0;
        what &= (uint16_t)~SKIM_ONLY;
    }
    return what;
}

/* False: the block has to be looked at; *len is not 0 where another follows it all the same. */
static inline bool mark_of(const struct skim_table *s, struct span left, struct capture_mark *out)
{
    const char *event = plain_event(left, &out->len);

    if (!event)
        return false;
    out->what = what_of(s, event, left.n - EVENT_AT);
    out->ts = event_ts(event);
    out->tid = (uint32_t)event_tid(event);
    out->numbers = (out->what & SKIM_NUMBER) != 0;
    out->shown = (out->what & SKIM_SHOWN) != 0;
    out->type = out->what ? event_plans[event_code(event)][event_nparams(event)].type : 0;
    return true;
}

/* Several of a thread in a row are one: true when m has been taken up into the one before it. */
static inline bool joins(struct capture_mark *before, const struct capture_mark *m)
{
    if (!(before->what & m->what & SKIM_JOINS) || before->tid != m->tid ||
        before->at + before->len != m->at || before->shown == UINT16_MAX)
        return false;
    before->len += m->len;
    before->numbers += m->numbers;
    before->shown += m->shown;
    if (m->shown || !before->shown)
        before->ts = m->ts;
    if (m->what & SKIM_EXIT || !(before->what & SKIM_TOUCH))
        before->type = m->type;
    before->what |= m->what;
    return true;
}

static size_t mark_blocks(const void *table, struct span s, size_t from, struct capture_mark *marks,
                          size_t max)
{
    size_t n = 0, at = from;

    while (n < max && at < s.n) {
        struct span left = {s.p + at, s.n - at};

        if (!mark_of(table, left, &marks[n])) {
            if (left.n < CAPTURE_FRAME || get_u32(left.p + 4) < CAPTURE_FRAME)
                break;
            at += get_u32(left.p + 4);
            continue;
        }
        marks[n].at = (uint32_t)at;
        at += marks[n].len;
        n += marks[n].what && !(n && joins(&marks[n - 1], &marks[n]));
    }
    return n;
}

void skim_plan(const struct engine *e, struct capture *c, bool wanted)
{
    capture_stream_mark(c->stream, NULL, NULL);
    free(c->skim);
    c->skim = wanted ? table_new(e, c) : NULL;
    if (c->skim)
        capture_stream_mark(c->stream, mark_blocks, c->skim);
}

/* Whether it is known of the event's descriptor that it is not wanted. */
static bool fd_is_unwanted(struct capture_part *part, const char *event,
                           const struct event_fd_place *place)
{
    const char *bytes = event;
    struct span value;
    const uint8_t *note;

    if (place->enter) {
        const struct half *h = halves_of(&part->halves, event_tid(event));

        if (!h || !h->as_is || event_code(h->bytes) != place->enter ||
            !event_plan(place->enter, event_nparams(h->bytes)).same)
            return false;
        bytes = h->bytes;
    }
    value = event_param(bytes, (uint32_t)place->param);
    if (value.n != 8)
        return false;
    note = state_fd_note(part->newest->state, event_tid(event), (int64_t)get_u64(value.p));
    return note && *note == STATE_UNWANTED;
}

static bool thread_may_be_wanted(struct engine *e, const struct state *state,
                                 const struct state_note *note, const struct capture_mark *m,
                                 uint64_t offset)
{
    if (state_note_holds(note, output_epoch(e, state)))
        return note->verdict == STATE_WANTED;
    e->place = (struct event_place){state, offset, 0, false};
    return output_may_want_thread(e, m->tid, m->type);
}

/* Whether one that may be passed over is wanted all the same. number: of the events before it. */
static bool is_wanted(struct engine *e, const struct skim_table *s, struct capture_part *part,
                      const struct capture_mark *m, const char *event, uint64_t offset,
                      const struct state_note *note, uint64_t number)
{
    const struct event_fd_place *fd = &s->fds[event_code(event)][event_nparams(event)];
    struct filter_header h = {number + m->numbers, m->ts, m->tid, m->type,
                              get_u16(event - EVENT_AT + CPU_AT)};

    return !(
        (m->what & SKIM_HEAD && !output_may_want_header(e, &h)) ||
        (m->what & SKIM_THREAD && !thread_may_be_wanted(e, part->newest->state, note, m, offset)) ||
        (m->what & SKIM_FD && fd_is_unwanted(part, event, fd)));
}

/* What a section's part takes over from an event that is passed over. False: it is wanted. */
static bool pass_over(struct engine *e, const struct skim_table *s, struct capture_part *part,
                      const struct capture_mark *m, const char *event, uint64_t offset,
                      uint64_t number)
{
    const struct state_note *note = NULL;
    uint16_t what = m->what;

    if (what & SKIM_TOUCH)
        note = state_touch(part->newest->state, offset, m->type, m->tid, m->ts);
    if (what & SKIM_ONLY && is_wanted(e, s, part, m, event, offset, note, number))
        return false;
    if (what & SKIM_KEEP)
        halves_keep(&part->halves, m->tid, (struct span){event, event_len(event)}, false,
                    what & SKIM_AS_IS, offset);
    else if (what & SKIM_HALF)
        halves_drop(&part->halves, m->tid);
    return true;
}

/* The same up to an offset; what it did for the output is not told. */
static bool skim_until(struct engine *e, struct capture *c, uint64_t end, struct skimmed *out)
{
    struct capture_ahead a;
    struct capture_part *part;
    struct capture_mark here;
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
        const char *block = a.bytes.p + done;
        const struct capture_mark *m = &here;

        if (a.marked.n && a.marked.base + a.marked.marks->at == block) {
            m = a.marked.marks++;
            a.marked.n--;
        } else if (!mark_of(c->skim, (struct span){block, a.bytes.n - done}, &here) || !here.what) {
            break;
        }
        if (m->ts > a.until || ((m->what & SKIM_MORE) &&
                                !pass_over(e, c->skim, part, m, block + EVENT_AT,
                                           a.offset + done + EVENT_AT, c->number + out->numbers)))
            break;
        ts = m->ts;
        out->numbers += m->numbers;
        out->shown += m->shown;
        out->last = m->shown ? ts : out->last;
        done += m->len;
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
    skim_plan(e, c, true);
    skim_plan(e, b, true);
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
