/* Saving the kept stream, or the part of it that a filter selects, as a capture file that every
 * reader takes. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "internal.h"

#define COPY_WINDOW ((size_t)4 << 20)
#define WAIT_MS     20

struct save {
    struct engine *e;
    json_t *id;
    char *path;
    int fd;
    gzFile gz;                   /* NULL: not compressed */
    struct selection *selection; /* NULL: all */
    bool portable, compress;
    uint64_t events;
    struct buf out;
    VEC(uint64_t) wanted; /* offsets of a capture's events that are selected, and their halves */
};

static enum severity emit(struct save *s, const char *p, size_t n, struct error *err)
{
    bool ok = s->gz ? n == 0 || gzwrite(s->gz, p, (unsigned)n) == (int)n : write_all(s->fd, p, n);

    return ok ? SEV_OK : error_sys(err, errno, "%s", s->path);
}

static enum severity flush(struct save *s, size_t at_least, struct error *err)
{
    enum severity sev;

    if (s->out.len < at_least)
        return SEV_OK;
    sev = emit(s, buf_str(&s->out), s->out.len, err);
    buf_reset(&s->out);
    return sev;
}

/* The rows that count, one after the other. */
static bool next_row(struct save *s, uint64_t *row, uint64_t end)
{
    bool gap;

    return *row < end &&
           selection_next(s->selection, *row, 1, store_first(s->e->store), end, row, &gap);
}

/* A filter that is still being searched is waited for. */
static void wait_for_selection(struct save *s, uint64_t end)
{
    while (s->selection && !s->e->plugin_quit) {
        bool done;

        pthread_mutex_lock(&s->selection->lock);
        done = s->selection->scanned >= end;
        pthread_mutex_unlock(&s->selection->lock);
        if (done)
            return;
        usleep(WAIT_MS * 1000);
    }
}

/* ---- streams of plugins ---------------------------------------------------------------------- */

static enum severity copy_rows(struct save *s, uint64_t end, struct error *err)
{
    struct buf bytes;
    enum severity sev = SEV_OK;

    buf_init(&bytes, EVENT_LEN_MAX);
    capture_add_header(&s->out, s->e->hostname, 0);
    for (uint64_t row = store_first(s->e->store); next_row(s, &row, end) && sev == SEV_OK; row++) {
        struct store_row r;

        if (!store_row(s->e->store, row, &r) || r.type == STORE_ROW_MARK ||
            store_read(s->e->store, row, &bytes, NULL) != SEV_OK)
            continue;
        capture_add_event(&s->out, bytes.data, r.cpu, 0);
        s->events++;
        sev = flush(s, COPY_WINDOW, err);
    }
    buf_fini(&bytes);
    return sev;
}

/* ---- captures -------------------------------------------------------------------------------- */

static enum severity copy_bytes(struct save *s, uint64_t at, uint64_t end, struct error *err)
{
    struct capture_input *in = capture_bytes(s->e->capture);
    char *window = xmalloc(COPY_WINDOW);
    enum severity sev = SEV_OK;

    while (at < end && sev == SEV_OK) {
        size_t n = (size_t)MIN_OF(end - at, (uint64_t)COPY_WINDOW);

        if (!capture_input_read(in, at, window, n))
            sev = error_set(err, ERR_IO, "%zu bytes at offset %llu can't be read", n,
                            (unsigned long long)at);
        else
            sev = emit(s, window, n, err);
        at += n;
    }
    free(window);
    return sev;
}

static int by_offset(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void collect_wanted(struct save *s, uint64_t end)
{
    for (uint64_t row = store_first(s->e->store); next_row(s, &row, end); row++) {
        struct store_row r;
        uint64_t enter;

        if (!store_row(s->e->store, row, &r) || r.type == STORE_ROW_MARK)
            continue;
        vec_push(&s->wanted, r.offset);
        s->events++;
        enter = store_enter(s->e->store, row);
        if (enter && (r.flags & STORE_FOLDED))
            vec_push(&s->wanted, enter);
    }
    if (s->wanted.n)
        qsort(s->wanted.v, s->wanted.n, sizeof(*s->wanted.v), by_offset);
}

static bool is_wanted(const struct save *s, uint64_t offset)
{
    return s->wanted.n && bsearch(&offset, s->wanted.v, s->wanted.n, sizeof(offset), by_offset);
}

/* Events that are not selected go along, marked as not to be shown, when what is shown depends on
 * them (§5: block flag bit 0). */
static void take_event(struct save *s, const struct capture_block *b, uint64_t offset)
{
    const struct event_type *t = event_type_get(event_code(b->event.p));

    if (!s->selection || is_wanted(s, offset + b->event_at))
        capture_add_block(&s->out, b, 0);
    else if (t && (t->flags & EVENT_MODIFIES_STATE))
        capture_add_block(&s->out, b, CAPTURE_FLAG_STATE_ONLY);
}

static void take_block(struct save *s, const struct capture_block *b, uint64_t offset)
{
    if (b->type == CAPTURE_SECTION)
        capture_add_section(&s->out);
    else if (b->event.p)
        take_event(s, b, offset);
    else if (str_eq(capture_block_name(b->type), "unknown") || b->type == CAPTURE_MARK ||
             b->type == CAPTURE_ABOUT)
        return; /* other readers refuse what they do not know */
    else
        capture_add_block(&s->out, b, 0);
}

/* Block by block through the bytes that are indexed; damage is left out. */
static enum severity copy_selected(struct save *s, uint64_t at, uint64_t end, struct error *err)
{
    struct capture_input *in = capture_bytes(s->e->capture);
    struct buf window;
    enum severity sev = SEV_OK;

    buf_init(&window, (size_t)CAPTURE_BLOCK_MAX * 2);
    while (sev == SEV_OK && (at < end || window.len)) {
        size_t n = (size_t)MIN_OF(end - at, (uint64_t)COPY_WINDOW), used = 0, skip;
        struct span left;
        struct capture_block b;
        enum capture_step step;

        if (!buf_reserve(&window, n) || !capture_input_read(in, at, window.data + window.len, n)) {
            sev = error_set(err, ERR_IO, "%zu bytes at offset %llu can't be read", n,
                            (unsigned long long)at);
            break;
        }
        window.len += n;
        at += n;
        for (;;) {
            left = (struct span){window.data + used, window.len - used};
            step = left.n ? capture_block_read(left, 0, &b, NULL) : CAPTURE_NEED_MORE;
            if (step == CAPTURE_BLOCK)
                take_block(s, &b, at - left.n);
            else if (step == CAPTURE_NEED_MORE || !capture_find_block(left, 1, &skip))
                break;
            used += step == CAPTURE_BLOCK ? b.len : skip;
        }
        if (n == 0)
            used = window.len; /* a cut block at the end */
        buf_drop(&window, used);
        sev = flush(s, COPY_WINDOW, err);
    }
    buf_fini(&window);
    return sev;
}

/* Several captures go one behind the other, each with its sections. */
static enum severity copy_capture(struct save *s, uint64_t rows, struct error *err)
{
    enum severity sev = SEV_OK;
    uint64_t from, to;

    if (s->selection)
        collect_wanted(s, rows);
    else
        s->events = rows;
    for (size_t i = 0; sev == SEV_OK && capture_indexed(s->e->capture, i, &from, &to); i++)
        sev = s->selection || s->portable ? copy_selected(s, from, to, err)
                                          : copy_bytes(s, from, to, err);
    return sev;
}

/* ---- the file -------------------------------------------------------------------------------- */

static enum severity copy(struct save *s, struct error *err)
{
    uint64_t end = store_rows(s->e->store);
    enum severity sev;

    buf_init(&s->out, COPY_WINDOW * 128);
    if (s->compress)
        s->gz = gzdopen(dup(s->fd), "wb");
    wait_for_selection(s, end);
    sev = s->e->capture ? copy_capture(s, end, err) : copy_rows(s, end, err);
    if (sev == SEV_OK)
        sev = flush(s, 1, err);
    if (s->gz && gzclose(s->gz) != Z_OK && sev == SEV_OK)
        sev = error_set(err, ERR_IO, "%s can't be finished", s->path);
    if (sev == SEV_OK && fsync(s->fd) != 0)
        sev = error_sys(err, errno, "%s", s->path);
    buf_fini(&s->out);
    vec_free(&s->wanted);
    return sev;
}

/* To a file beside it first: what is there under the name stays whole until the new one is. */
static enum severity save_to(struct save *s, struct error *err)
{
    char *tmp = xasprintf("%s.XXXXXX", s->path);
    enum severity sev;

    s->fd = mkostemp(tmp, O_CLOEXEC);
    if (s->fd < 0) {
        sev = error_sys(err, errno, "%s", s->path);
        free(tmp);
        return sev;
    }
    sev = copy(s, err);
    if (sev == SEV_OK && (fchmod(s->fd, 0644) != 0 || rename(tmp, s->path) != 0))
        sev = error_sys(err, errno, "%s", s->path);
    close(s->fd);
    if (sev != SEV_OK)
        unlink(tmp);
    free(tmp);
    return sev;
}

static void *save_thread(void *arg)
{
    struct save *s = arg;
    struct error err;

    if (save_to(s, &err) == SEV_OK)
        reply(s->e, s->id,
              json_pack("{so so}", "path", rpc_str(s->path), "events", rpc_u64(s->events)));
    else
        reply_error(s->e, s->id, &err);
    if (s->selection)
        selection_put(s->e, s->selection);
    json_decref(s->id);
    free(s->path);
    free(s);
    return NULL;
}

void method_save(struct engine *e, const json_t *id, const json_t *params)
{
    const char *path = rpc_get_str(params, "path");
    uint64_t selection = rpc_u64_or(params, "selection", 0);
    struct error err;
    struct save *s;
    pthread_t thread;

    if (!path || !*path || !e->store) {
        reply_code(e, id, RPC_INVALID_PARAMS, "“path” is missing");
        return;
    }
    if (access(path, F_OK) == 0 && !rpc_get_bool(params, "overwrite", false)) {
        error_set(&err, ERR_REFUSED, "%s exists already", path);
        reply_error(e, id, &err);
        return;
    }
    s = xcalloc(1, sizeof(*s));
    s->e = e;
    s->id = json_deep_copy(id);
    s->path = xstrdup(path);
    s->portable = rpc_get_bool(params, "portable", false);
    s->compress = rpc_get_bool(params, "compress", false);
    s->selection = selection ? selection_get(e, selection) : NULL;
    if (pthread_create(&thread, NULL, save_thread, s) == 0)
        pthread_detach(thread);
    else
        save_thread(s);
}
