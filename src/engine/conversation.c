/* Conversations: what passed through a descriptor, over a connection, or through all descriptors of a
 * process, piece by piece, each with the event that moved it. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "internal.h"

#define PIECES_MAX 500
#define BYTES_MAX  ((size_t)4 << 20)

/* ---- which events belong to it ---------------------------------------------------------------- */

struct subject {
    struct thread_view thread;
    const struct fd_info *fd;
    int64_t number; /* of the descriptor */
};

static bool subject_of(struct event_reader *r, struct subject *s)
{
    if (!r->fe.state || !state_event_thread(r->fe.state, r->fe.bytes, r->fe.at, &s->thread))
        return false;
    s->number = field_fd_number(&r->fe);
    s->fd = state_fd(r->fe.state, &s->thread, s->number, r->fe.at);
    return true;
}

static bool has_ends(const struct fd_info *f)
{
    return f && f->name.n && (f->type == FDT_UNIX || (f->type >= FDT_IPV4 && f->type <= FDT_IPV6));
}

static bool describe(const struct subject *s, const char *kind, struct buf *filter,
                     struct buf *title)
{
    const struct thread_image *m = s->thread.image;

    if (str_eq(kind, "process")) {
        buf_addf(filter, "proc.pid = %lld and evt.is_io = true", (long long)s->thread.ids->pid);
        buf_addf(title, "process %lld (%.*s)", (long long)s->thread.ids->pid, (int)m->comm.n,
                 m->comm.p);
    } else if (str_eq(kind, "connection") && has_ends(s->fd)) {
        buf_adds(filter, "fd.name = ");
        filter_quote(s->fd->name, filter);
        buf_addf(title, "connection %.*s", (int)s->fd->name.n, s->fd->name.p);
    } else if (str_eq(kind, "fd") && s->fd) {
        buf_addf(filter, "fd.life = %u", s->fd->life);
        buf_addf(title, "descriptor %lld of %.*s (%lld): %.*s", (long long)s->number,
                 (int)m->comm.n, m->comm.p, (long long)s->thread.ids->pid, (int)s->fd->name.n,
                 s->fd->name.p);
    } else {
        return false;
    }
    return true;
}

static void run_subject(struct engine *e, struct job *j)
{
    const char *kind = rpc_get_str(j->params, "kind");
    struct event_reader *r = &e->plugin_scanner.reader;
    struct buf filter, title;
    struct looked_up ev;
    struct subject s;

    if (!event_look_up(e, j->id, j->params, &ev))
        return;
    reader_event(r, NULL, ev.bytes.data, ev.row, ev.before);
    buf_init(&filter, EVENT_LEN_MAX);
    buf_init(&title, EVENT_LEN_MAX);
    if (!subject_of(r, &s))
        reply_code(e, j->id, RPC_INVALID_PARAMS, "this event is of no process that is known");
    else if (!describe(&s, kind ? kind : "fd", &filter, &title))
        reply_code(e, j->id, RPC_INVALID_PARAMS,
                   kind && str_eq(kind, "connection") ? "this event is of no connection"
                                                      : "this event has no descriptor");
    else
        reply(e, j->id,
              json_pack("{so so}", "filter", rpc_text(buf_str(&filter), filter.len), "title",
                        rpc_text(buf_str(&title), title.len)));
    buf_fini(&filter);
    buf_fini(&title);
    buf_fini(&ev.bytes);
}

void method_conversation_of(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_subject, id, params, NULL);
}

/* ---- its pieces ---------------------------------------------------------------------------------- */

static const char *direction_of(const void *event)
{
    const struct event_type *t = event_type_get(event_code(event));

    return !t ? "" : t->flags & EVENT_WRITES_FD ? "out" : t->flags & EVENT_READS_FD ? "in" : "";
}

static json_t *piece_json(const struct engine *e, uint64_t row, const struct store_row *r,
                          const void *event)
{
    const struct event_type *t = event_type_get(event_code(event));
    const struct state *state = e->capture ? capture_state(e->capture, r->offset) : NULL;
    struct span data = event_payload(event);
    struct thread_view thread;
    int64_t res;
    json_t *o = json_pack("{so so so so ss ss so}", "row", rpc_u64(row), "number",
                          rpc_u64(store_number(e->store, row)), "ts", rpc_u64(r->ts), "tid",
                          rpc_u64(event_tid(event)), "type", t ? t->name : "unknown", "direction",
                          direction_of(event), "data", rpc_text(data.n ? data.p : "", data.n));

    if (state && state_event_thread(state, event, r->offset, &thread))
        json_object_set_new(o, "name", rpc_text(thread.image->comm.p, thread.image->comm.n));
    if (event_result(event, &res)) {
        if (res >= 0)
            json_object_set_new(o, "size", rpc_u64((uint64_t)res));
        else
            json_object_set_new(o, "error", rpc_str(flag_name_of("_errno", (uint32_t)-res)));
    }
    return o;
}

void method_conversation(struct engine *e, const json_t *id, const json_t *params)
{
    struct selection *s = selection_get(e, rpc_u64_or(params, "selection", 0));
    uint64_t row = rpc_u64_or(params, "from", 0),
             max = MIN_OF(rpc_u64_or(params, "max", 200), (uint64_t)PIECES_MAX), found;
    json_t *pieces = json_array();
    bool gap = false, more = false;
    struct buf bytes;
    size_t sum = 0;

    if (!s) {
        reply_code(e, id, RPC_INVALID_PARAMS, "there is no such selection");
        json_decref(pieces);
        return;
    }
    buf_init(&bytes, EVENT_LEN_MAX);
    while (selection_next(s, row, 1, store_first(e->store), store_rows(e->store), &found, &gap) &&
           !gap) {
        struct store_row r;

        if (json_array_size(pieces) >= max || sum >= BYTES_MAX) {
            more = true;
            break;
        }
        row = found + 1;
        if (!store_row(e->store, found, &r) || r.type == STORE_ROW_MARK ||
            store_read(e->store, found, &bytes, NULL) != SEV_OK)
            continue;
        sum += event_payload(bytes.data).n;
        json_array_append_new(pieces, piece_json(e, found, &r, bytes.data));
    }
    buf_fini(&bytes);
    reply(e, id,
          json_pack("{so so sb sb}", "pieces", pieces, "next", rpc_u64(row), "more", more,
                    "searching", gap));
    selection_put(e, s);
}

/* ---- saving: the bytes as they were moved --------------------------------------------------------- */

static bool write_pieces(struct engine *e, struct selection *s, const char *direction, int fd,
                         uint64_t *written, struct error *err)
{
    uint64_t row = store_first(e->store), found;
    struct buf bytes;
    bool gap = false, ok = true;

    buf_init(&bytes, EVENT_LEN_MAX);
    while (ok &&
           selection_next(s, row, 1, store_first(e->store), store_rows(e->store), &found, &gap) &&
           !gap) {
        struct span data;

        row = found + 1;
        if (store_read(e->store, found, &bytes, NULL) != SEV_OK ||
            (*direction && !str_eq(direction, direction_of(bytes.data))))
            continue;
        data = event_payload(bytes.data);
        ok = data.n == 0 || write_all(fd, data.p, data.n);
        *written += data.n;
    }
    buf_fini(&bytes);
    if (!ok)
        error_set(err, ERR_IO, "the conversation can't be written: %s", strerror(errno));
    else if (gap)
        error_set(err, ERR_IO, "it is not searched to its end yet");
    return ok && !gap;
}

static void run_save(struct engine *e, struct job *j)
{
    const char *path = rpc_get_str(j->params, "path"),
               *direction = rpc_get_str(j->params, "direction");
    struct selection *s = selection_get(e, rpc_u64_or(j->params, "selection", 0));
    bool overwrite = rpc_get_bool(j->params, "overwrite", false), ok;
    uint64_t written = 0;
    struct error err;
    int fd;

    if (!s || !path) {
        reply_code(e, j->id, RPC_INVALID_PARAMS,
                   s ? "“path” is missing" : "there is no such selection");
        if (s)
            selection_put(e, s);
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (overwrite ? O_TRUNC : O_EXCL), 0666);
    ok = fd >= 0;
    if (!ok)
        error_set(&err, ERR_IO, "%s: %s", path, strerror(errno));
    ok = ok && write_pieces(e, s, direction ? direction : "", fd, &written, &err);
    if (fd >= 0 && close(fd) < 0 && ok) {
        error_set(&err, ERR_IO, "%s: %s", path, strerror(errno));
        ok = false;
    }
    if (ok)
        reply(e, j->id, json_pack("{so so}", "path", rpc_str(path), "bytes", rpc_u64(written)));
    else
        reply_error(e, j->id, &err);
    selection_put(e, s);
}

void method_conversation_save(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_save, id, params, NULL);
}
