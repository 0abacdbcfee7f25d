/* JSON-RPC 2.0 in frames with a Content-Length, as language servers use it. */
#include "mews/rpc.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define HEADER_MAX 4096

struct rpc {
    int in, out;
    struct buf inbox, outbox;
    size_t taken; /* bytes of the inbox that are used up */
    size_t sent;  /* bytes of the outbox that are written */
    enum severity broken;
};

struct rpc *rpc_new(int in, int out)
{
    struct rpc *r = xcalloc(1, sizeof(*r));

    r->in = in;
    r->out = out;
    buf_init(&r->inbox, RPC_FRAME_MAX + HEADER_MAX);
    buf_init(&r->outbox, 4 * RPC_FRAME_MAX);
    fd_set_nonblock(in, true);
    fd_set_nonblock(out, true);
    return r;
}

void rpc_free(struct rpc *r)
{
    if (!r)
        return;
    buf_fini(&r->inbox);
    buf_fini(&r->outbox);
    free(r);
}

int rpc_in(const struct rpc *r)
{
    return r->in;
}

int rpc_out(const struct rpc *r)
{
    return r->out;
}

enum severity rpc_check(const struct rpc *r, struct error *err)
{
    return r->broken ? error_set(err, ERR_FORMAT, "the other side sent no valid frame") : SEV_OK;
}

enum severity rpc_fill(struct rpc *r, struct error *err)
{
    char chunk[65536];

    if (rpc_check(r, err) != SEV_OK)
        return SEV_FAILED;
    buf_drop(&r->inbox, r->taken);
    r->taken = 0;
    for (;;) {
        ssize_t n = read(r->in, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return SEV_OK;
        if (n < 0)
            return error_sys(err, errno, "reading from the other side");
        if (n == 0)
            return error_set(err, ERR_GONE, "the other side closed the connection");
        if (!buf_add(&r->inbox, chunk, (size_t)n))
            return error_set(err, ERR_LIMIT, "a frame of more than 64 MiB came");
        if ((size_t)n < sizeof(chunk))
            return SEV_OK;
    }
}

/* Length of the body from the header at p (n bytes, without the empty line); SIZE_MAX when it has
 * none. */
static size_t content_length(const char *p, size_t n)
{
    static const char name[] = "content-length:";
    size_t length = SIZE_MAX;

    while (n) {
        const char *end = memmem(p, n, "\r\n", 2);
        size_t line = end ? (size_t)(end - p) : n, at = sizeof(name) - 1;
        uint64_t v;

        if (line > at && strncasecmp(p, name, at) == 0) {
            while (at < line && p[at] == ' ')
                at++;
            if (parse_u64((struct span){p + at, line - at}, &v) && v <= RPC_FRAME_MAX)
                length = (size_t)v;
        }
        p += line + (end ? 2 : 0);
        n -= line + (end ? 2 : 0);
    }
    return length;
}

/* The next whole body; false when more bytes are needed or the stream is beyond repair. */
static bool next_body(struct rpc *r, struct span *body)
{
    const char *p = buf_str(&r->inbox) + r->taken;
    size_t n = r->inbox.len - r->taken, head, len;
    const char *end = n ? memmem(p, MIN_OF(n, (size_t)HEADER_MAX), "\r\n\r\n", 4) : NULL;

    if (!end) {
        if (n >= HEADER_MAX)
            r->broken = SEV_FATAL;
        return false;
    }
    head = (size_t)(end - p) + 4;
    len = content_length(p, head - 4);
    if (len == SIZE_MAX) {
        r->broken = SEV_FATAL;
        return false;
    }
    if (n - head < len)
        return false;
    *body = (struct span){p + head, len};
    r->taken += head + len;
    return true;
}

json_t *rpc_next(struct rpc *r)
{
    struct span body;

    while (!r->broken && next_body(r, &body)) {
        json_error_t jerr;
        json_t *message = json_loadb(body.p, body.n, JSON_ALLOW_NUL, &jerr);

        if (json_is_object(message))
            return message;
        json_decref(message);
        rpc_send(r, rpc_error(NULL, RPC_PARSE_ERROR, message ? "a message is an object" : jerr.text,
                              NULL));
    }
    return NULL;
}

void rpc_send(struct rpc *r, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);

    if (text) {
        if (r->sent > r->outbox.len / 2 && r->sent > 65536) {
            buf_drop(&r->outbox, r->sent);
            r->sent = 0;
        }
        buf_addf(&r->outbox, "Content-Length: %zu\r\n\r\n", strlen(text));
        buf_add(&r->outbox, text, strlen(text));
    }
    free(text);
    json_decref(message);
}

bool rpc_wants_write(const struct rpc *r)
{
    return r->outbox.len > r->sent;
}

size_t rpc_queued(const struct rpc *r)
{
    return r->outbox.len - r->sent;
}

enum severity rpc_flush(struct rpc *r, struct error *err)
{
    while (rpc_wants_write(r)) {
        ssize_t n = write(r->out, r->outbox.data + r->sent, r->outbox.len - r->sent);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return SEV_OK;
        if (n < 0)
            return error_sys(err, errno, "writing to the other side");
        r->sent += (size_t)n;
    }
    buf_reset(&r->outbox);
    r->sent = 0;
    return SEV_OK;
}

/* ---- messages -------------------------------------------------------------------------------- */

static json_t *message_new(void)
{
    return json_pack("{ss}", "jsonrpc", "2.0");
}

json_t *rpc_request(uint64_t id, const char *method, json_t *params)
{
    json_t *m = message_new();

    json_object_set_new(m, "id", json_integer((json_int_t)id));
    json_object_set_new(m, "method", json_string(method));
    json_object_set_new(m, "params", params ? params : json_object());
    return m;
}

json_t *rpc_notification(const char *method, json_t *params)
{
    json_t *m = message_new();

    json_object_set_new(m, "method", json_string(method));
    json_object_set_new(m, "params", params ? params : json_object());
    return m;
}

json_t *rpc_result(const json_t *id, json_t *result)
{
    json_t *m = message_new();

    json_object_set(m, "id", (json_t *)id);
    json_object_set_new(m, "result", result ? result : json_null());
    return m;
}

json_t *rpc_error(const json_t *id, int code, const char *message, json_t *data)
{
    json_t *m = message_new(), *e = json_object();

    json_object_set_new(e, "code", json_integer(code));
    json_object_set_new(e, "message", rpc_str(message));
    if (data)
        json_object_set_new(e, "data", data);
    if (id)
        json_object_set(m, "id", (json_t *)id);
    else
        json_object_set_new(m, "id", json_null());
    json_object_set_new(m, "error", e);
    return m;
}

json_t *rpc_error_of(const json_t *id, const struct error *err)
{
    json_t *data = json_pack("{ss}", "code", error_code_name(err->code));

    if (err->has_offset)
        json_object_set_new(data, "offset", rpc_u64(err->offset));
    if (err->line)
        json_object_set_new(data, "line", json_integer(err->line));
    if (err->column)
        json_object_set_new(data, "column", json_integer(err->column));
    return rpc_error(id, RPC_FAILED, err->text, data);
}

/* ---- values ---------------------------------------------------------------------------------- */

json_t *rpc_u64(uint64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, n);
    return json_string_nocheck(text);
}

json_t *rpc_text(const char *p, size_t n)
{
    struct buf b;
    json_t *j;

    if (utf8_valid(p, n) && !(n && memchr(p, '\0', n)))
        return json_stringn_nocheck(p ? p : "", n);
    buf_init(&b, 2 * RPC_FRAME_MAX);
    base64_encode(&b, p, n);
    j = json_pack("{ss}", "b64", buf_str(&b));
    buf_fini(&b);
    return j;
}

bool rpc_get_u64(const json_t *o, const char *key, uint64_t *out)
{
    const json_t *v = json_object_get(o, key);

    if (json_is_integer(v) && json_integer_value(v) >= 0) {
        *out = (uint64_t)json_integer_value(v);
        return true;
    }
    return json_is_string(v) &&
           parse_u64((struct span){json_string_value(v), json_string_length(v)}, out);
}

uint64_t rpc_u64_or(const json_t *o, const char *key, uint64_t otherwise)
{
    uint64_t v;

    return rpc_get_u64(o, key, &v) ? v : otherwise;
}

const char *rpc_get_str(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

bool rpc_get_bool(const json_t *o, const char *key, bool otherwise)
{
    const json_t *v = json_object_get(o, key);

    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

bool rpc_text_bytes(const json_t *v, struct buf *out)
{
    const json_t *b64 = json_object_get(v, "b64");

    if (json_is_string(v))
        return buf_add(out, json_string_value(v), json_string_length(v));
    return json_is_string(b64) &&
           base64_decode(out, (struct span){json_string_value(b64), json_string_length(b64)});
}
