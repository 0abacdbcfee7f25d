/* One capture, or several as one stream: in the order of time, each in its own order. */
#include "mews/capture.h"

enum part_state {
    PART_UNREAD, /* of its first event only the time is known */
    PART_HELD,   /* an event has been read and waits for its turn */
    PART_TAKEN,  /* what was read has been given */
    PART_WAITS,
    PART_ENDED
};

struct part {
    struct capture_reader *reader;
    enum part_state state;
    bool leading; /* in what a section starts with: it says what was, and counts as one with it */
    uint64_t base, ts; /* ts: of the event that is held; before it is read the first one's */
    struct capture_item_info info;
};

struct capture_stream {
    struct part *parts;
    size_t n, now;  /* the part that is read */
    uint64_t limit; /* it goes on while its events are not later than this */
    struct error err;
};

struct capture_stream *capture_stream_new(struct capture_input *input, const uint64_t *first_times,
                                          bool follow)
{
    struct capture_stream *s = xcalloc(1, sizeof(*s));

    while (capture_input_part(input, s->n))
        s->n++;
    s->parts = xcalloc(s->n, sizeof(*s->parts));
    s->now = s->n;
    for (size_t i = 0; i < s->n; i++) {
        s->parts[i].reader = capture_reader_new(capture_input_part(input, i), follow);
        s->parts[i].base = (uint64_t)i << CAPTURE_PART_BITS;
        s->parts[i].ts = first_times ? first_times[i] : 0;
    }
    return s;
}

void capture_stream_free(struct capture_stream *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        capture_reader_free(s->parts[i].reader);
    free(s->parts);
    free(s);
}

const struct error *capture_stream_error(const struct capture_stream *s)
{
    return &s->err;
}

bool capture_stream_ended(const struct capture_stream *s, size_t part)
{
    return s->parts[part].state == PART_ENDED;
}

static bool can_go_on(const struct part *p)
{
    return p->state != PART_ENDED && p->state != PART_WAITS;
}

/* The part whose next event is the earliest, and how far it may go. False: none can go on. */
static bool choose(struct capture_stream *s)
{
    s->now = s->n;
    s->limit = UINT64_MAX;
    for (size_t i = 0; i < s->n; i++) {
        const struct part *p = &s->parts[i];

        if (can_go_on(p) && (s->now == s->n || p->ts < s->parts[s->now].ts))
            s->now = i;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (i != s->now && can_go_on(&s->parts[i]))
            s->limit = MIN_OF(s->limit, s->parts[i].ts);
    }
    return s->now < s->n;
}

/* None can go on: whether all are at their ends. What waits is asked again next time. */
static enum capture_item no_more(struct capture_stream *s)
{
    bool waits = false;

    for (size_t i = 0; i < s->n; i++) {
        waits |= s->parts[i].state == PART_WAITS;
        if (s->parts[i].state == PART_WAITS)
            s->parts[i].state = PART_TAKEN;
    }
    return waits ? CAPTURE_ITEM_WAIT : CAPTURE_ITEM_END;
}

/* One of several that can't be read is damage: the others are there. */
static enum capture_item failed(struct capture_stream *s, struct part *p)
{
    p->state = PART_ENDED;
    s->err = *capture_reader_error(p->reader);
    if (s->n == 1)
        return CAPTURE_ITEM_FAILED;
    snprintf(p->info.text, sizeof(p->info.text), "%s", s->err.text);
    return CAPTURE_ITEM_DAMAGE;
}

/* Reads the next of a part. True: it is to be given now. */
static bool read_part(struct capture_stream *s, struct part *p, enum capture_item *item)
{
    *item = capture_reader_next(p->reader, &p->info);
    p->info.offset += p->base;
    p->info.part = (size_t)(p->base >> CAPTURE_PART_BITS);
    p->state = PART_TAKEN;
    switch (*item) {
    case CAPTURE_ITEM_BLOCK:
        p->leading = capture_block_leads(&p->info.block, p->leading);
        if (!p->info.block.event.p || p->leading)
            return true;
        p->ts = event_ts(p->info.block.event.p);
        if (p->ts > s->limit)
            p->state = PART_HELD;
        return p->state != PART_HELD;
    case CAPTURE_ITEM_DAMAGE:
        return true;
    case CAPTURE_ITEM_FAILED:
        *item = failed(s, p);
        return true;
    case CAPTURE_ITEM_WAIT:
        p->state = PART_WAITS;
        return false;
    default:
        p->state = PART_ENDED;
        return false;
    }
}

enum capture_item capture_stream_next(struct capture_stream *s,
                                      const struct capture_item_info **out)
{
    enum capture_item item;

    for (;;) {
        struct part *p = s->now < s->n ? &s->parts[s->now] : NULL;

        if (!p || !can_go_on(p) || p->state == PART_HELD) {
            if (!choose(s))
                return no_more(s);
            p = &s->parts[s->now];
        }
        *out = &p->info;
        if (p->state == PART_HELD) {
            p->state = PART_TAKEN;
            return CAPTURE_ITEM_BLOCK;
        }
        if (read_part(s, p, &item))
            return item;
    }
}

bool capture_stream_ahead(const struct capture_stream *s, struct capture_ahead *out)
{
    const struct part *p = s->now < s->n ? &s->parts[s->now] : NULL;

    if (!p || p->state != PART_TAKEN || p->leading)
        return false;
    out->bytes = capture_reader_ahead(p->reader, &out->offset);
    out->marked = capture_reader_marked(p->reader);
    out->offset += p->base;
    out->until = s->limit;
    out->part = s->now;
    return out->bytes.n > 0;
}

void capture_stream_skip(struct capture_stream *s, size_t n, uint64_t ts)
{
    capture_reader_skip(s->parts[s->now].reader, n);
    s->parts[s->now].ts = ts;
}

void capture_stream_mark(struct capture_stream *s, capture_marker *marker, const void *ctx)
{
    for (size_t i = 0; i < s->n; i++)
        capture_reader_mark(s->parts[i].reader, marker, ctx);
}
