/* Blocks of capture files. */
#include "mews/capture.h"

#define MAGIC          0x1a2b3c4du
#define INTERFACES_MAX 256u

static enum capture_step damaged(struct error *err, uint64_t offset, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static enum capture_step damaged(struct error *err, uint64_t offset, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(err, ERR_FORMAT, fmt, ap);
    va_end(ap);
    if (err) {
        err->offset = offset;
        err->has_offset = true;
    }
    return CAPTURE_DAMAGED;
}

/* Numbers from before the first release, with the layout of those that came after (§2.1). */
static uint32_t current_type(uint32_t type)
{
    static const struct {
        uint32_t old, now;
    } legacy[] = {
        {0x8002abcd, CAPTURE_MACHINE},      {0x8000abcd, CAPTURE_PROCESSES_V1},
        {0x8013abcd, CAPTURE_PROCESSES_V2}, {0x8014abcd, CAPTURE_PROCESSES_V3},
        {0x8001abcd, CAPTURE_FDS_V1},       {0x8011abcd, CAPTURE_INTERFACES_V1},
        {0x8012abcd, CAPTURE_USERS_V1},     {0x8010abcd, CAPTURE_EVENT_V1},
    };

    for (size_t i = 0; type >> 31 && i < COUNT_OF(legacy); i++) {
        if (legacy[i].old == type)
            return legacy[i].now;
    }
    return type;
}

/* Bytes before the event in the body of an event block: cpu and, in the kinds that have them,
 * flags. */
static size_t event_prefix(uint32_t type)
{
    switch (type) {
    case CAPTURE_EVENT_V1:
    case CAPTURE_EVENT_V2:
    case CAPTURE_EVENT_LARGE:
        return 2;
    case CAPTURE_EVENT_V1_FLAGS:
    case CAPTURE_EVENT_V2_FLAGS:
    case CAPTURE_EVENT_LARGE_FLAGS:
        return 6;
    default:
        return 0;
    }
}

bool capture_is_event(uint32_t type)
{
    return event_prefix(type) != 0;
}

static enum capture_step read_event(struct capture_block *b, size_t prefix, uint64_t offset,
                                    struct error *err)
{
    size_t header;

    b->v1 = b->type == CAPTURE_EVENT_V1 || b->type == CAPTURE_EVENT_V1_FLAGS;
    header = b->v1 ? EVENT_HEADER_LEN_V1 : EVENT_HEADER_LEN;
    if (b->body.n < prefix + header)
        return damaged(err, offset, "event block of %u bytes has no room for an event", b->len);
    b->event = (struct span){b->body.p + prefix, b->body.n - prefix};
    if (event_len(b->event.p) < header || event_len(b->event.p) > b->event.n + (b->v1 ? 3 : 0))
        return damaged(err, offset, "event of %u bytes in a block of %u", event_len(b->event.p),
                       b->len);
    b->cpu = get_u16(b->body.p);
    b->flags = prefix == 6 ? get_u32(b->body.p + 2) : 0;
    b->event_at = 8 + prefix;
    return CAPTURE_BLOCK;
}

/* Older writers made lists of interfaces of version 2 four bytes longer for each entry than they
 * said (§4.5): the trailer, with the same wrong length, stands behind. */
static bool mend_length(struct span s, struct capture_block *b)
{
    if (b->type != CAPTURE_INTERFACES_V2)
        return false;
    for (uint32_t more = 4; more <= 4 * INTERFACES_MAX && b->len + more <= s.n; more += 4) {
        if (get_u32(s.p + b->len + more - 4) == b->len) {
            b->len += more;
            return true;
        }
    }
    return false;
}

enum capture_step capture_block_read(struct span s, uint64_t offset, struct capture_block *out,
                                     struct error *err)
{
    size_t prefix;

    memset(out, 0, sizeof(*out));
    if (s.n < 8)
        return CAPTURE_NEED_MORE;
    out->type = current_type(get_u32(s.p));
    out->len = get_u32(s.p + 4);
    if (out->len < CAPTURE_FRAME || out->len > CAPTURE_BLOCK_MAX)
        return damaged(err, offset, "block of type 0x%x says it has %u bytes", out->type, out->len);
    if (s.n < out->len)
        return CAPTURE_NEED_MORE;
    if (get_u32(s.p + out->len - 4) != out->len && !mend_length(s, out))
        return damaged(err, offset, "block of type 0x%x starts with length %u and ends with %u",
                       out->type, out->len, get_u32(s.p + out->len - 4));
    out->body = (struct span){s.p + 8, out->len - CAPTURE_FRAME};
    if (out->type == CAPTURE_SECTION && (out->body.n < 16 || get_u32(out->body.p) != MAGIC))
        return damaged(err, offset, "section header without its magic number");
    prefix = event_prefix(out->type);
    return prefix ? read_event(out, prefix, offset, err) : CAPTURE_BLOCK;
}

/* A block that stands by itself: whole, with an event that adds up, or a section's start. */
static bool believable(struct span s)
{
    struct capture_block b;
    struct buf event;
    bool ok;

    if (capture_block_read(s, 0, &b, NULL) != CAPTURE_BLOCK)
        return false;
    if (b.type == CAPTURE_SECTION)
        return true;
    if (!b.event.p)
        return false;
    buf_init(&event, EVENT_LEN_MAX + 4096);
    ok = event_upgrade(b.event.p, b.event.n, b.v1, &event, NULL) == SEV_OK;
    buf_fini(&event);
    return ok;
}

bool capture_find_block(struct span s, size_t from, size_t *at)
{
    for (size_t i = from; i + CAPTURE_FRAME <= s.n; i++) {
        uint32_t type = current_type(get_u32(s.p + i));

        if ((event_prefix(type) || type == CAPTURE_SECTION) &&
            believable((struct span){s.p + i, s.n - i})) {
            *at = i;
            return true;
        }
    }
    return false;
}

/* ---- writing --------------------------------------------------------------------------------- */

static size_t block_start(struct buf *out, uint32_t type)
{
    char frame[8] = {0};

    put_u32(frame, type);
    buf_add(out, frame, sizeof(frame));
    return out->len - sizeof(frame);
}

static void block_end(struct buf *out, size_t start)
{
    static const char zero[4];
    char trailer[4];

    buf_add(out, zero, (4 - (out->len - start) % 4) % 4);
    put_u32(trailer, (uint32_t)(out->len - start + 4));
    buf_add(out, trailer, 4);
    if (!out->failed)
        put_u32(out->data + start + 4, (uint32_t)(out->len - start));
}

static void add_u64(struct buf *out, uint64_t v)
{
    buf_add(out, &v, 8);
}

static void add_u32(struct buf *out, uint32_t v)
{
    buf_add(out, &v, 4);
}

void capture_add_section(struct buf *out)
{
    static const char version[4] = {1, 0, 2, 0};
    size_t at = block_start(out, CAPTURE_SECTION);

    add_u32(out, MAGIC);
    buf_add(out, version, sizeof(version));
    add_u64(out, UINT64_MAX);
    block_end(out, at);
}

void capture_add_block(struct buf *out, const struct capture_block *b, uint32_t flags)
{
    static const struct {
        uint32_t plain, flagged;
    } kinds[] = {{CAPTURE_EVENT_V1, CAPTURE_EVENT_V1_FLAGS},
                 {CAPTURE_EVENT_V2, CAPTURE_EVENT_V2_FLAGS},
                 {CAPTURE_EVENT_LARGE, CAPTURE_EVENT_LARGE_FLAGS}};
    uint32_t type = b->type;
    size_t at;

    flags |= b->flags;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (flags && type == kinds[i].plain)
            type = kinds[i].flagged;
    }
    at = block_start(out, type);
    if (b->event.p) {
        buf_add(out, &b->cpu, 2);
        if (flags)
            add_u32(out, flags);
        buf_add(out, b->event.p, b->event.n);
    } else {
        buf_add(out, b->body.p, b->body.n);
    }
    block_end(out, at);
}

void capture_add_header(struct buf *out, const char *hostname, uint64_t boot_ts)
{
    char name[128] = "";
    size_t at;

    capture_add_section(out);
    at = block_start(out, CAPTURE_MACHINE);
    snprintf(name, sizeof(name), "%s", hostname);
    add_u32(out, 0); /* processors: unknown */
    add_u64(out, 0); /* memory */
    add_u64(out, 0); /* highest pid */
    buf_add(out, name, sizeof(name));
    add_u64(out, boot_ts);
    add_u64(out, 0); /* flags, two reserved */
    add_u64(out, 0);
    add_u64(out, 0);
    block_end(out, at);
}

size_t capture_add_event(struct buf *out, const void *event, uint16_t cpu, uint32_t flags)
{
    bool large = event_len_width(event_code(event)) == 4;
    size_t at =
        block_start(out, (large ? CAPTURE_EVENT_LARGE : CAPTURE_EVENT_V2) + (flags ? 1 : 0));
    size_t start;

    buf_add(out, &cpu, 2);
    if (flags)
        add_u32(out, flags);
    start = out->len - at;
    buf_add(out, event, event_len(event));
    block_end(out, at);
    return start;
}

static void add_json(struct buf *out, uint32_t type, struct span json)
{
    size_t at = block_start(out, type);

    buf_add(out, json.p, json.n);
    block_end(out, at);
}

void capture_add_mark(struct buf *out, struct span json)
{
    add_json(out, CAPTURE_MARK, json);
}

void capture_add_about(struct buf *out, struct span json)
{
    add_json(out, CAPTURE_ABOUT, json);
}
