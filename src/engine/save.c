/* Saving the kept stream as a capture file that every reader takes. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define COPY_WINDOW ((size_t)4 << 20)

struct save {
    struct engine *e;
    json_t *id;
    char *path;
    uint64_t events;
};

static enum severity copy_rows(struct save *s, int fd, struct error *err)
{
    struct buf out, bytes;
    uint64_t end = store_rows(s->e->store);
    enum severity sev = SEV_OK;

    buf_init(&out, COPY_WINDOW * 32);
    buf_init(&bytes, EVENT_LEN_MAX);
    capture_add_header(&out, s->e->hostname, 0);
    for (uint64_t row = store_first(s->e->store); row < end && sev == SEV_OK; row++) {
        struct store_row r;

        if (!store_row(s->e->store, row, &r) || r.type == STORE_ROW_MARK ||
            store_read(s->e->store, row, &bytes, NULL) != SEV_OK)
            continue;
        capture_add_event(&out, bytes.data, 0, 0);
        s->events++;
        if (out.len >= COPY_WINDOW) {
            if (!write_all(fd, out.data, out.len))
                sev = error_sys(err, errno, "%s", s->path);
            buf_reset(&out);
        }
    }
    if (sev == SEV_OK && (!write_all(fd, buf_str(&out), out.len) || fsync(fd) != 0))
        sev = error_sys(err, errno, "%s", s->path);
    buf_fini(&out);
    buf_fini(&bytes);
    return sev;
}

/* To a file beside it first: what is there under the name stays whole until the new one is. */
static enum severity save_to(struct save *s, struct error *err)
{
    char *tmp = xasprintf("%s.XXXXXX", s->path);
    int fd = mkostemp(tmp, O_CLOEXEC);
    enum severity sev;

    if (fd < 0) {
        sev = error_sys(err, errno, "%s", s->path);
        free(tmp);
        return sev;
    }
    sev = copy_rows(s, fd, err);
    if (sev == SEV_OK && (fchmod(fd, 0644) != 0 || rename(tmp, s->path) != 0))
        sev = error_sys(err, errno, "%s", s->path);
    close(fd);
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
    json_decref(s->id);
    free(s->path);
    free(s);
    return NULL;
}

void method_save(struct engine *e, const json_t *id, const json_t *params)
{
    const char *path = rpc_get_str(params, "path");
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
    if (pthread_create(&thread, NULL, save_thread, s) == 0)
        pthread_detach(thread);
    else
        save_thread(s);
}
