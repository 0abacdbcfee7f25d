/* Events as bytes: checks, parameters. */
#include "mews/event.h"

static enum severity wrong(struct error *err, uint64_t offset, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static enum severity wrong(struct error *err, uint64_t offset, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(err, ERR_FORMAT, fmt, ap);
    va_end(ap);
    if (err) {
        err->offset = offset;
        err->has_offset = true;
    }
    return SEV_FAILED;
}

enum severity event_check(const void *e, size_t avail, struct error *err)
{
    const char *p = e;
    uint64_t sum, lengths;
    uint32_t len, n;
    unsigned width;

    if (avail < EVENT_HEADER_LEN)
        return wrong(err, 0, "an event header has 26 bytes, only %zu are there", avail);
    len = event_len(p);
    n = event_nparams(p);
    width = event_len_width(event_code(p));
    if (len < EVENT_HEADER_LEN || len > EVENT_LEN_MAX)
        return wrong(err, 16, "event length %u is not within 26 and %u", len, EVENT_LEN_MAX);
    if (len > avail)
        return wrong(err, 16, "event length %u goes beyond the %zu bytes that are there", len,
                     avail);
    lengths = (uint64_t)n * width;
    if (EVENT_HEADER_LEN + lengths > len)
        return wrong(err, 22, "%u parameter lengths do not fit into %u bytes", n, len);
    sum = EVENT_HEADER_LEN + lengths;
    for (uint32_t i = 0; i < n; i++) {
        const char *at = p + EVENT_HEADER_LEN + (size_t)i * width;

        sum += width == 4 ? get_u32(at) : get_u16(at);
        if (sum > len)
            return wrong(err, EVENT_HEADER_LEN + (uint64_t)i * width,
                         "parameter %u ends behind the event's %u bytes", i, len);
    }
    if (sum != len)
        return wrong(err, 16, "header, lengths and parameters make %llu bytes, the event says %u",
                     (unsigned long long)sum, len);
    return SEV_OK;
}

struct span event_param(const void *e, unsigned i)
{
    const char *p = e;
    uint32_t n = event_nparams(p);
    unsigned width = event_len_width(event_code(p));
    size_t off = EVENT_HEADER_LEN + (size_t)n * width;

    if (i >= n)
        return (struct span){NULL, 0};
    for (unsigned k = 0;; k++) {
        const char *at = p + EVENT_HEADER_LEN + (size_t)k * width;
        size_t len = width == 4 ? get_u32(at) : get_u16(at);

        if (k == i)
            return (struct span){p + off, len};
        off += len;
    }
}

void event_params(const void *e, struct span *out, uint32_t n)
{
    unsigned width = event_len_width(event_code(e));
    const char *lens = (const char *)e + EVENT_HEADER_LEN,
               *at = lens + (size_t)event_nparams(e) * width;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = width == 4 ? get_u32(lens + (size_t)i * 4) : get_u16(lens + (size_t)i * 2);

        out[i] = (struct span){at, len};
        at += len;
    }
}

uint32_t event_plugin_id(const void *e)
{
    struct span id = event_param(e, 0);

    return id.n == 4 ? get_u32(id.p) : 0;
}

struct span event_async_name(const void *e)
{
    struct span name = event_param(e, 1);

    return (struct span){name.p, name.n ? strnlen(name.p, name.n) : 0};
}

struct span event_payload(const void *e)
{
    const struct event_type *t = event_type_get(event_code(e));
    int i;

    switch (event_code(e)) {
    case EVENT_PLUGIN:
        return event_param(e, 1);
    case EVENT_ASYNC:
        return event_param(e, 2);
    default:
        i = event_param_index(t, span_of("data"));
        if (i < 0)
            i = event_param_index(t, span_of("json"));
        return i < 0 ? (struct span){NULL, 0} : event_param(e, (unsigned)i);
    }
}

void event_plugin_stub(uint64_t ts, uint32_t plugin_id, char *out)
{
    put_u64(out, ts);
    put_u64(out + 8, EVENT_TID_NONE);
    put_u32(out + 16, PLUGIN_EVENT_PAYLOAD_OFFSET);
    put_u16(out + 20, EVENT_PLUGIN);
    put_u32(out + 22, 2);
    put_u32(out + 26, 4);
    put_u32(out + 30, 0);
    put_u32(out + 34, plugin_id);
}

void event_plugin_make(struct buf *out, uint64_t ts, uint32_t plugin_id, struct span payload)
{
    char h[PLUGIN_EVENT_PAYLOAD_OFFSET];

    event_plugin_stub(ts, plugin_id, h);
    put_u32(h + 16, (uint32_t)(sizeof(h) + payload.n));
    put_u32(h + 30, (uint32_t)payload.n);
    buf_add(out, h, sizeof(h));
    buf_add(out, payload.p, payload.n);
}
