/* The bytes of a capture: a plain file read where it lies, or gzip with access points. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define READ_AHEAD   ((size_t)256 << 10)
#define POINT_EVERY  ((uint64_t)2 << 20) /* bytes of output between access points */
#define PIPE_STEP    65536
#define PIPE_AHEAD   ((uint64_t)1 << 20) /* bytes taken from a pipe before they are wanted */
#define PIPE_WAIT_MS 20
#define INFLATERS    4 /* that go on where the last read at an offset ended */
#define SKIP_STEP    65536u

struct inflater {
    z_stream z;
    bool open, raw, busy;
    uint64_t in, out; /* of the file, of what is inside */
    unsigned char *buffer;
    uint64_t used; /* when it was last used, for choosing which to give up */
};

struct capture_input {
    struct capture_input **parts; /* NULL: a file */
    size_t nparts;
    int fd;
    int pipe;               /* -1: none, or at its end */
    _Atomic uint64_t *kept; /* of a pipe: bytes that are in fd; the caller's */
    bool known;             /* gzip or not */
    bool gzip;
    _Atomic uint64_t done, total;
    uint64_t at; /* plain: where reading forward is */
    struct inflater forward;
    bool keeps;               /* access points */
    struct points_file *file; /* where they are; NULL: in memory alone */
    bool damaged;             /* what is behind is found by its looks: nothing for the cache */
    bool broken;              /* the compressed stream can't be gone on with */
    unsigned char ring[POINT_HISTORY]; /* the last output of the forward reader */
    uint64_t last_point;
    pthread_mutex_t lock; /* guards what follows */
    VEC(struct point) points;
    struct inflater pool[INFLATERS];
    uint64_t clock;
};

/* ---- opening --------------------------------------------------------------------------------- */

static void note_size(struct capture_input *in)
{
    struct stat st;

    if (fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode))
        in->total = (uint64_t)st.st_size;
}

static void inflater_close(struct inflater *f)
{
    if (f->open)
        inflateEnd(&f->z);
    free(f->buffer);
    memset(f, 0, sizeof(*f));
}

/* At the start of a member (history NULL), or inside one. */
static bool inflater_start(struct inflater *f, int fd, const struct points_file *file,
                           const struct point *p)
{
    char history[POINT_HISTORY];
    unsigned char byte;

    if (f->open)
        inflateEnd(&f->z);
    memset(&f->z, 0, sizeof(f->z));
    f->raw = !p->member;
    f->open = inflateInit2(&f->z, f->raw ? -MAX_WBITS : MAX_WBITS + 16) == Z_OK;
    if (!f->open)
        return false;
    if (!f->buffer)
        f->buffer = xmalloc(READ_AHEAD);
    f->in = p->in;
    f->out = p->out;
    if (p->bits) {
        if (!pread_all(fd, (char *)&byte, 1, p->in - 1))
            return false;
        inflatePrime(&f->z, p->bits, byte >> (8 - p->bits));
    }
    if (p->member)
        return true;
    if (!p->history && !points_history(file, p->slot, history))
        return false;
    return inflateSetDictionary(&f->z, (const Bytef *)(p->history ? p->history : history),
                                POINT_HISTORY) == Z_OK;
}

static void look_at_start(struct capture_input *in)
{
    unsigned char magic[2];
    struct point start = {.member = true};

    if (in->known || !pread_all(in->fd, (char *)magic, 2, 0))
        return;
    in->known = true;
    in->gzip = magic[0] == 0x1f && magic[1] == 0x8b;
    if (in->gzip) {
        vec_push(&in->points, start);
        inflater_start(&in->forward, in->fd, in->file, &start);
    }
}

struct capture_input *capture_input_open(const char *path, int fd, struct error *err)
{
    struct capture_input *in;

    if (path)
        fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_sys(err, errno, "%s", path ? path : "the capture");
        return NULL;
    }
    in = xcalloc(1, sizeof(*in));
    in->fd = fd;
    in->pipe = -1;
    pthread_mutex_init(&in->lock, NULL);
    note_size(in);
    look_at_start(in);
    return in;
}

struct capture_input *capture_input_again(const struct capture_input *in, struct error *err)
{
    return capture_input_open(NULL, fcntl(in->fd, F_DUPFD_CLOEXEC, 3), err);
}

struct capture_input *capture_input_pipe(int pipe_fd, int copy_fd, _Atomic uint64_t *kept,
                                         struct error *err)
{
    struct capture_input *in;

    if (ftruncate(copy_fd, (off_t)*kept) != 0) {
        error_sys(err, errno, "the file that keeps what comes");
        return NULL;
    }
    in = capture_input_open(NULL, copy_fd, err);
    if (in) {
        in->pipe = pipe_fd;
        in->kept = kept;
    }
    return in;
}

bool capture_input_open_ended(const struct capture_input *in)
{
    return in->pipe >= 0;
}

/* Takes over what has come through the pipe; waits for a moment when there is nothing. */
static enum severity pump(struct capture_input *in, struct error *err)
{
    struct pollfd p = {.fd = in->pipe, .events = POLLIN};
    static char bytes[PIPE_STEP];
    ssize_t n;

    if (in->pipe < 0 || in->total > in->done + PIPE_AHEAD || poll(&p, 1, PIPE_WAIT_MS) <= 0)
        return SEV_OK;
    n = read(in->pipe, bytes, sizeof(bytes));
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? SEV_OK : error_sys(err, errno, "standard input");
    if (n == 0) {
        close(in->pipe);
        in->pipe = -1;
        return SEV_OK;
    }
    if (!pwrite_all(in->fd, bytes, (size_t)n, in->total))
        return error_sys(err, errno, "keeping what comes through standard input");
    in->total += (uint64_t)n;
    *in->kept = in->total;
    look_at_start(in);
    return SEV_OK;
}

void capture_input_keep_points(struct capture_input *in)
{
    struct point p;
    uint64_t n;

    for (size_t i = 0; i < in->nparts; i++)
        capture_input_keep_points(in->parts[i]);
    in->keeps = true;
    if (!in->gzip || in->pipe >= 0)
        return;
    in->file = points_open(in->fd);
    n = points_found(in->file);
    for (uint64_t i = 0; i < n; i++) {
        if (!points_get(in->file, i, &p) || p.out <= in->last_point || p.in > in->total)
            break; /* what follows is found anew, in memory */
        vec_push(&in->points, p);
        in->last_point = p.out;
    }
}

struct capture_input *capture_input_several(struct capture_input **parts, size_t n)
{
    struct capture_input *in = xcalloc(1, sizeof(*in));

    in->fd = in->pipe = -1;
    in->parts = xcalloc(n, sizeof(struct capture_input *));
    memcpy(in->parts, parts, n * sizeof(struct capture_input *));
    in->nparts = n;
    pthread_mutex_init(&in->lock, NULL);
    return in;
}

struct capture_input *capture_input_part(struct capture_input *in, size_t i)
{
    if (in->parts)
        return i < in->nparts ? in->parts[i] : NULL;
    return i == 0 ? in : NULL;
}

void capture_input_free(struct capture_input *in)
{
    if (!in)
        return;
    for (size_t i = 0; i < in->nparts; i++)
        capture_input_free(in->parts[i]);
    free(in->parts);
    for (size_t i = 0; i < in->points.n; i++)
        free(in->points.v[i].history);
    vec_free(&in->points);
    for (size_t i = 0; i < INFLATERS; i++)
        inflater_close(&in->pool[i]);
    inflater_close(&in->forward);
    points_close(in->file);
    pthread_mutex_destroy(&in->lock);
    if (in->fd >= 0)
        close(in->fd);
    if (in->pipe >= 0)
        close(in->pipe);
    free(in);
}

bool capture_input_is_gzip(const struct capture_input *in)
{
    return in->gzip;
}

void capture_input_progress(const struct capture_input *in, uint64_t *done, uint64_t *total)
{
    if (in->parts) {
        *done = *total = 0;
        for (size_t i = 0; i < in->nparts; i++) {
            *done += in->parts[i]->done;
            *total += in->parts[i]->total;
        }
        return;
    }
    *done = in->done;
    *total = in->total;
}

/* ---- inflating ------------------------------------------------------------------------------- */

enum inflated { INFLATED, INFLATED_END, INFLATED_BROKEN, INFLATED_FAILED };

/* Fills the inflater's input; false at the end of the file, for now. */
static bool feed(struct inflater *f, int fd)
{
    ssize_t n;

    if (f->z.avail_in)
        return true;
    do {
        n = pread(fd, f->buffer, READ_AHEAD, (off_t)f->in);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    f->z.next_in = f->buffer;
    f->z.avail_in = (uInt)n;
    f->in += (uint64_t)n;
    return true;
}

static bool skip_input(struct inflater *f, int fd, size_t n)
{
    while (n) {
        uInt k;

        if (!feed(f, fd))
            return false;
        k = (uInt)MIN_OF(n, (size_t)f->z.avail_in);
        f->z.next_in += k;
        f->z.avail_in -= k;
        n -= k;
    }
    return true;
}

/* Behind a member: another one, or the end of what counts (what is not gzip is ignored, §1). */
static enum inflated next_member(struct inflater *f, int fd)
{
    unsigned char magic[2];
    uint64_t at;

    if (f->raw && !skip_input(f, fd, 8)) /* checksum and length */
        return INFLATED_END;
    at = f->in - f->z.avail_in;
    if (!pread_all(fd, (char *)magic, 2, at) || magic[0] != 0x1f || magic[1] != 0x8b)
        return INFLATED_END;
    f->raw = false;
    return inflateReset2(&f->z, MAX_WBITS + 16) == Z_OK ? INFLATED : INFLATED_FAILED;
}

/* Inflates up to n bytes, or to the end of a deflate block when stops is set. *ended: a member
 * ended. */
static enum inflated inflate_some(struct inflater *f, int fd, char *to, size_t n, bool stops,
                                  size_t *got, bool *boundary)
{
    int rc;

    *got = 0;
    *boundary = false;
    f->z.next_out = (Bytef *)to;
    f->z.avail_out = (uInt)n;
    while (f->z.avail_out) {
        bool more = feed(f, fd);

        if (!more)
            break;
        rc = inflate(&f->z, stops ? Z_BLOCK : Z_NO_FLUSH);
        *got = n - f->z.avail_out;
        if (rc == Z_STREAM_END) {
            enum inflated r = next_member(f, fd);

            f->out += *got;
            return r == INFLATED ? INFLATED : r;
        }
        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            f->out += *got;
            return INFLATED_BROKEN;
        }
        if (stops && (f->z.data_type & 128) && !(f->z.data_type & 64)) {
            *boundary = true;
            break;
        }
    }
    f->out += *got;
    return *got || *boundary ? INFLATED : INFLATED_END;
}

/* ---- forward --------------------------------------------------------------------------------- */

static void keep_history(struct capture_input *in, const char *p, size_t n)
{
    uint64_t at = in->forward.out - n;

    if (n > POINT_HISTORY) {
        p += n - POINT_HISTORY;
        at += n - POINT_HISTORY;
        n = POINT_HISTORY;
    }
    for (size_t i = 0; i < n;) {
        size_t where = (size_t)((at + i) % POINT_HISTORY), k = MIN_OF(n - i, POINT_HISTORY - where);

        memcpy(in->ring + where, p + i, k);
        i += k;
    }
}

static void add_point(struct capture_input *in)
{
    struct inflater *f = &in->forward;
    struct point p = {.out = f->out, .in = f->in - f->z.avail_in, .bits = f->z.data_type & 7};
    size_t where = (size_t)(f->out % POINT_HISTORY);
    char *history = xmalloc(POINT_HISTORY);

    memcpy(history, in->ring + where, POINT_HISTORY - where);
    memcpy(history + POINT_HISTORY - where, in->ring, where);
    if (in->file && points_add(in->file, &p, history))
        free(history);
    else
        p.history = history;
    pthread_mutex_lock(&in->lock);
    vec_push(&in->points, p);
    pthread_mutex_unlock(&in->lock);
    in->last_point = f->out;
}

static enum severity next_gzip(struct capture_input *in, char *to, size_t n, size_t *got,
                               struct error *err)
{
    enum inflated r = INFLATED;

    while (*got < n && r == INFLATED) {
        bool boundary;
        size_t k;

        r = inflate_some(&in->forward, in->fd, to + *got, n - *got, in->keeps, &k, &boundary);
        if (in->keeps && in->forward.out + POINT_HISTORY >= in->last_point + POINT_EVERY)
            keep_history(in, to + *got, k);
        *got += k;
        if (boundary && in->forward.out >= in->last_point + POINT_EVERY)
            add_point(in);
    }
    if (*got < n && r == INFLATED_END && in->file && !in->damaged)
        points_done(in->file, in->fd);
    in->done = in->forward.in - in->forward.z.avail_in;
    if (r == INFLATED_BROKEN || r == INFLATED_FAILED) {
        in->broken = true;
        error_set(err, ERR_FORMAT, "the gzip stream is broken at byte %llu of the file: %s",
                  (unsigned long long)in->done,
                  in->forward.z.msg ? in->forward.z.msg : "it can't be read");
        return SEV_WARN;
    }
    return SEV_OK;
}

static enum severity next_plain(struct capture_input *in, char *to, size_t n, size_t *got,
                                struct error *err)
{
    while (*got < n) {
        ssize_t r = pread(in->fd, to + *got, n - *got, (off_t)in->at);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return error_sys(err, errno, "reading at offset %llu", (unsigned long long)in->at);
        if (r == 0)
            break;
        in->at += (uint64_t)r;
        *got += (size_t)r;
    }
    in->done = in->at;
    return SEV_OK;
}

enum severity capture_input_next(struct capture_input *in, char *to, size_t n, size_t *got,
                                 struct error *err)
{
    uint64_t before = in->done;

    *got = 0;
    if (pump(in, err) != SEV_OK)
        return SEV_FAILED;
    if (in->broken)
        return SEV_OK;
    if (in->done >= in->total)
        note_size(in);
    if (in->total < before)
        return error_set(err, ERR_GONE, "the file has become shorter: %llu of %llu bytes are left",
                         (unsigned long long)in->total, (unsigned long long)before);
    return in->gzip ? next_gzip(in, to, n, got, err) : next_plain(in, to, n, got, err);
}

bool capture_input_resume(struct capture_input *in)
{
    static const unsigned char magic[3] = {0x1f, 0x8b, 8};
    char window[65536 + 2];
    uint64_t at = in->done + 1;

    if (!in->gzip)
        return false;
    for (;;) {
        ssize_t n = pread(in->fd, window, sizeof(window), (off_t)at);
        char *found = n >= 3 ? memmem(window, (size_t)n, magic, 3) : NULL;

        if (n < 3)
            return false;
        if (found) {
            struct point p = {
                .out = in->forward.out, .in = at + (uint64_t)(found - window), .member = true};

            in->damaged = true;
            if (inflater_start(&in->forward, in->fd, in->file, &p)) {
                in->broken = false;
                in->done = p.in;
                pthread_mutex_lock(&in->lock);
                vec_push(&in->points, p);
                pthread_mutex_unlock(&in->lock);
                return true;
            }
        }
        at += found ? (uint64_t)(found - window) + 1 : (uint64_t)n - 2;
    }
}

/* ---- at offsets ------------------------------------------------------------------------------ */

static const struct point *point_before(const struct capture_input *in, uint64_t offset)
{
    size_t low = 0, high = in->points.n;

    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;

        if (in->points.v[mid].out <= offset)
            low = mid;
        else
            high = mid;
    }
    return &in->points.v[low];
}

/* An inflater that nobody else uses, at or before the offset; NULL: it can't be had. */
static struct inflater *take_inflater(struct capture_input *in, uint64_t offset)
{
    const struct point *found;
    struct inflater *best = NULL;
    struct point p;

    pthread_mutex_lock(&in->lock);
    found = point_before(in, offset);
    p = *found; /* its history stays where it is */
    for (size_t i = 0; i < INFLATERS; i++) {
        struct inflater *f = &in->pool[i];

        if (!f->busy && f->open && f->out <= offset && f->out >= p.out &&
            (!best || f->out > best->out))
            best = f;
    }
    if (best) {
        best->busy = true;
        pthread_mutex_unlock(&in->lock);
        return best;
    }
    for (size_t i = 0; i < INFLATERS; i++) {
        if (!in->pool[i].busy && (!best || in->pool[i].used < best->used))
            best = &in->pool[i];
    }
    if (best)
        best->busy = true;
    pthread_mutex_unlock(&in->lock);
    if (best && !inflater_start(best, in->fd, in->file, &p)) {
        best->busy = false;
        return NULL;
    }
    return best;
}

static void give_inflater(struct capture_input *in, struct inflater *f, bool good)
{
    pthread_mutex_lock(&in->lock);
    if (!good)
        inflater_close(f);
    f->busy = false;
    f->used = ++in->clock;
    pthread_mutex_unlock(&in->lock);
}

static bool inflate_exactly(struct inflater *f, int fd, char *to, size_t n)
{
    while (n) {
        bool boundary;
        size_t got;
        enum inflated r = inflate_some(f, fd, to, n, false, &got, &boundary);

        to += got;
        n -= got;
        if (n && r != INFLATED)
            return false;
    }
    return true;
}

static bool read_gzip(struct capture_input *in, uint64_t offset, char *to, size_t n)
{
    struct inflater own = {0}, *f = take_inflater(in, offset);
    bool pooled = f != NULL, good = true;

    if (!pooled) { /* all are in use */
        struct point p;

        pthread_mutex_lock(&in->lock);
        p = *point_before(in, offset);
        pthread_mutex_unlock(&in->lock);
        f = &own;
        good = inflater_start(f, in->fd, in->file, &p);
    }
    while (good && f->out < offset) {
        char skipped[SKIP_STEP];

        good = inflate_exactly(f, in->fd, skipped,
                               (size_t)MIN_OF((uint64_t)SKIP_STEP, offset - f->out));
    }
    good = good && inflate_exactly(f, in->fd, to, n);
    if (pooled)
        give_inflater(in, f, good);
    else
        inflater_close(&own);
    return good;
}

bool capture_input_read(struct capture_input *in, uint64_t offset, char *to, size_t n)
{
    size_t i = (size_t)(offset >> CAPTURE_PART_BITS);

    if (in->parts)
        return i < in->nparts &&
               capture_input_read(in->parts[i], offset - ((uint64_t)i << CAPTURE_PART_BITS), to, n);
    return in->gzip ? read_gzip(in, offset, to, n) : pread_all(in->fd, to, n, offset);
}
