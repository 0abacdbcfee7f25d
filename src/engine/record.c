/* Writing a capture as events pass: compressed or not, in one file or in turns of several. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "internal.h"

struct recorder {
    struct record_options o;
    const char *hostname;
    int fd;
    gzFile gz; /* owns a descriptor of its own */
    struct buf out;
    uint64_t written, in_file, files, opened_at, flushed_at;
    char *path; /* of the file that is open */
};

/* ---- files ----------------------------------------------------------------------------------- */

static bool rotates(const struct recorder *r)
{
    return r->o.max_bytes || r->o.max_seconds || r->o.max_events;
}

/* Several files have a number behind their name; with files to keep the numbers come round. A name
 * with a % gets the time of its start instead. */
static char *file_name(const struct recorder *r)
{
    uint64_t n = r->o.keep_files ? r->files % r->o.keep_files : r->files;
    time_t now = time(NULL);
    char name[4096];
    struct tm tm;

    if (!rotates(r))
        return xstrdup(r->o.path);
    if (strchr(r->o.path, '%') && strftime(name, sizeof(name), r->o.path, localtime_r(&now, &tm)))
        return xstrdup(name);
    return xasprintf("%s%llu", r->o.path, (unsigned long long)n);
}

static enum severity close_file(struct recorder *r, struct error *err)
{
    enum severity sev = SEV_OK;

    if (r->fd < 0)
        return SEV_OK;
    if (r->gz && gzclose(r->gz) != Z_OK)
        sev = error_set(err, ERR_IO, "%s can't be finished", r->path);
    r->gz = NULL;
    if (close(r->fd) != 0 && sev == SEV_OK)
        sev = error_sys(err, errno, "%s", r->path);
    r->fd = -1;
    return sev;
}

static enum severity open_file(struct recorder *r, struct error *err)
{
    bool standard = str_eq(r->o.path, "-");

    free(r->path);
    r->path = standard ? xstrdup("standard output") : file_name(r);
    r->fd = standard ? dup(r->o.standard_output)
                     : open(r->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (r->fd < 0)
        return error_sys(err, errno, "%s", r->path);
    if (r->o.compress)
        r->gz = gzdopen(dup(r->fd), "wb");
    r->files++;
    r->written = r->in_file = 0;
    r->opened_at = r->flushed_at = time_mono();
    capture_add_header(&r->out, r->hostname, 0);
    return SEV_OK;
}

static enum severity write_out(struct recorder *r, struct error *err)
{
    bool ok;

    if (r->out.len == 0)
        return SEV_OK;
    ok = r->gz ? gzwrite(r->gz, r->out.data, (unsigned)r->out.len) == (int)r->out.len
               : write_all(r->fd, r->out.data, r->out.len);
    if (!ok)
        return error_sys(err, errno, "%s", r->path);
    r->written += r->out.len;
    buf_reset(&r->out);
    /* a recorder that is killed leaves a file that opens, up to its last second */
    if (r->gz && time_mono() > r->flushed_at + NS_PER_S) {
        gzflush(r->gz, Z_FULL_FLUSH);
        r->flushed_at = time_mono();
    }
    return SEV_OK;
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool is_full(const struct recorder *r)
{
    return (r->o.max_bytes && r->written + r->out.len >= r->o.max_bytes) ||
           (r->o.max_events && r->in_file >= r->o.max_events) ||
           (r->o.max_seconds && time_mono() >= r->opened_at + r->o.max_seconds * NS_PER_S);
}

enum severity record_event(struct recorder *r, const void *event, uint16_t cpu, struct error *err)
{
    if (r->in_file && is_full(r) &&
        (write_out(r, err) != SEV_OK || close_file(r, err) != SEV_OK ||
         open_file(r, err) != SEV_OK))
        return SEV_FAILED;
    capture_add_event(&r->out, event, cpu, 0);
    r->in_file++;
    return r->out.len >= ((size_t)1 << 20) ? write_out(r, err) : SEV_OK;
}

enum severity record_flush(struct recorder *r, struct error *err)
{
    return write_out(r, err);
}

struct recorder *record_new(const struct record_options *o, const char *hostname, struct error *err)
{
    struct recorder *r = xcalloc(1, sizeof(*r));

    r->o = *o;
    r->o.path = xstrdup(o->path);
    r->hostname = hostname;
    r->fd = -1;
    buf_init(&r->out, (size_t)4 * EVENT_LEN_MAX);
    if (open_file(r, err) == SEV_OK)
        return r;
    record_free(r, NULL);
    return NULL;
}

enum severity record_free(struct recorder *r, struct error *err)
{
    enum severity sev = SEV_OK;

    if (!r)
        return SEV_OK;
    if (r->fd >= 0)
        sev = write_out(r, err);
    if (close_file(r, sev == SEV_OK ? err : NULL) != SEV_OK)
        sev = SEV_FAILED;
    buf_fini(&r->out);
    free((char *)r->o.path);
    free(r->path);
    free(r);
    return sev;
}
