/*
 * What for: JSON-RPC 2.0 with Content-Length frames, for both sides, and the forms that our
 *           values take in it.
 * Owns:     a connection its buffers, not its descriptors.
 * Threads:  a connection belongs to one thread.
 * Errors:   rpc_fill and rpc_flush say ERR_GONE when the other side is gone, ERR_FORMAT when it
 *           talks nonsense.
 * Included: by engine, ui, cli.
 *
 * Numbers of 64 bits are decimal strings; text that is not UTF-8, or holds NUL, is {"b64": "…"}.
 */
#ifndef MEWS_RPC_H
#define MEWS_RPC_H

#include <jansson.h>

#include "mews/base.h"

#define RPC_PROTOCOL  1 /* version of methods and notifications; see share/doc/protocol.md */
#define RPC_FRAME_MAX ((size_t)64 << 20)

enum rpc_error_code {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_FAILED = -32000,      /* data.code says which kind */
    RPC_ENGINE_GONE = -32001, /* the engine died before it answered */
};

struct rpc;

/* in and out may be the same; both are made non-blocking. */
struct rpc *rpc_new(int in, int out);
void rpc_free(struct rpc *r);
int rpc_in(const struct rpc *r);
int rpc_out(const struct rpc *r);
/* Reads what is there. SEV_OK also when nothing was. */
enum severity rpc_fill(struct rpc *r, struct error *err);
/* Whether what came so far is frames; nothing more can be read once it is not. */
enum severity rpc_check(const struct rpc *r, struct error *err);
/* The next whole message, new reference; NULL when there is none. A frame that is no JSON is
 * answered by itself. */
json_t *rpc_next(struct rpc *r);
/* Queues a message; takes the reference. */
void rpc_send(struct rpc *r, json_t *message);
bool rpc_wants_write(const struct rpc *r);
size_t rpc_queued(const struct rpc *r);
/* Writes as much as goes without waiting. */
enum severity rpc_flush(struct rpc *r, struct error *err);

/* ---- messages: new references; params, result and data are taken ----------------------------- */

json_t *rpc_request(uint64_t id, const char *method, json_t *params);
json_t *rpc_notification(const char *method, json_t *params);
json_t *rpc_result(const json_t *id, json_t *result);
json_t *rpc_error(const json_t *id, int code, const char *message, json_t *data);
/* An error of ours: its code, place and text. */
json_t *rpc_error_of(const json_t *id, const struct error *err);

/* ---- values ---------------------------------------------------------------------------------- */

json_t *rpc_u64(uint64_t n);
json_t *rpc_text(const char *p, size_t n);
static inline json_t *rpc_str(const char *s)
{
    return s ? rpc_text(s, strlen(s)) : json_null();
}
/* A decimal string or an integer. */
bool rpc_get_u64(const json_t *o, const char *key, uint64_t *out);
uint64_t rpc_u64_or(const json_t *o, const char *key, uint64_t otherwise);
/* A string member, NULL when it is absent or none; borrowed from o. */
const char *rpc_get_str(const json_t *o, const char *key);
bool rpc_get_bool(const json_t *o, const char *key, bool otherwise);
/* Appends the bytes of a text value (string or {"b64"}). */
bool rpc_text_bytes(const json_t *v, struct buf *out);

#endif
