/* Rows in chunks, and the file behind them. */
#include "mews/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_BITS    12 /* chunks in a page of the directory */
#define DIR_PAGES   65536
#define STAGE_MAX   ((size_t)1 << 30)
#define LOAD_WINDOW ((size_t)4 << 20)
#define DROP_SHARE  32 /* past the limit, at least this part of it goes at once */
#define STOP_EVERY  4096

struct chunk {
    uint64_t first_number; /* number of the first event at or behind its first row */
    uint64_t offset[STORE_CHUNK];
    uint64_t ts[STORE_CHUNK];
    uint32_t len[STORE_CHUNK];
    uint32_t plugin_id[STORE_CHUNK];
    uint16_t type[STORE_CHUNK];
    uint16_t flags[STORE_CHUNK];
    _Atomic uint64_t unnumbered[STORE_CHUNK / 64]; /* a bit for each row without a number */
    _Atomic uint32_t n_unnumbered;
};

struct store {
    int fd;
    bool writable;
    uint64_t limit;
    struct spool_state own, *state;
    struct chunk **_Atomic dir[DIR_PAGES];
    _Atomic uint64_t rows, first;
    _Atomic uint64_t last_number;
    /* the appending thread's own */
    uint64_t filled; /* rows with columns, published or staged */
    uint64_t number; /* of the last event filled in */
    uint64_t last_ts;
    struct buf stage;
    uint64_t stage_at; /* file offset of the stage's first byte */
};

/* ---- chunks ---------------------------------------------------------------------------------- */

static struct chunk *chunk_at(const struct store *s, uint64_t row)
{
    uint64_t i = row >> STORE_CHUNK_BITS;
    struct chunk **page = atomic_load_explicit(&s->dir[i >> DIR_BITS], memory_order_acquire);

    return page ? page[i & ((1u << DIR_BITS) - 1)] : NULL;
}

static void *pages_new(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        fprintf(stderr, "mews: out of memory for the index\n");
        abort();
    }
    return p;
}

static struct chunk *chunk_for_append(struct store *s)
{
    uint64_t i = s->filled >> STORE_CHUNK_BITS;
    struct chunk **page = s->dir[i >> DIR_BITS], **slot;

    if (!page) {
        page = xcalloc((size_t)1 << DIR_BITS, sizeof(*page));
        atomic_store_explicit(&s->dir[i >> DIR_BITS], page, memory_order_release);
    }
    slot = &page[i & ((1u << DIR_BITS) - 1)];
    if (!*slot) {
        struct chunk *before = i ? chunk_at(s, s->filled - 1) : NULL;

        *slot = pages_new(sizeof(struct chunk));
        (*slot)->first_number = s->number + 1;
        if (before) /* full: nobody may change it any more, a plugin's stray write least of all */
            mprotect(before, sizeof(*before), PROT_READ);
    }
    return *slot;
}

struct store *store_new(const struct store_options *o)
{
    struct store *s = xcalloc(1, sizeof(*s));

    s->fd = o->fd;
    s->writable = o->writable;
    s->limit = o->limit;
    s->state = o->state ? o->state : &s->own;
    buf_init(&s->stage, STAGE_MAX);
    return s;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    for (size_t p = 0; p < DIR_PAGES && s->dir[p]; p++) {
        for (size_t i = 0; i < (size_t)1 << DIR_BITS; i++) {
            if (s->dir[p][i])
                munmap(s->dir[p][i], sizeof(struct chunk));
        }
        free(s->dir[p]);
    }
    buf_fini(&s->stage);
    free(s);
}

/* ---- appending ------------------------------------------------------------------------------- */

/* Fills in the next row's columns; it is published later. */
static void fill_row(struct store *s, uint64_t offset, uint32_t len, const void *event)
{
    struct chunk *c = chunk_for_append(s);
    size_t i = s->filled & (STORE_CHUNK - 1);
    uint64_t ts = event ? event_ts(event) : s->last_ts;
    uint16_t type = event ? event_code(event) : STORE_ROW_MARK;

    c->offset[i] = offset;
    c->len[i] = len;
    c->ts[i] = ts;
    c->type[i] = type;
    c->plugin_id[i] = type == EVENT_PLUGIN || type == EVENT_ASYNC ? event_plugin_id(event) : 0;
    c->flags[i] = event && s->filled && ts < s->last_ts ? STORE_STEPS_BACK : 0;
    if (event) {
        s->number++;
    } else {
        c->unnumbered[i / 64] |= (uint64_t)1 << i % 64;
        c->n_unnumbered++;
    }
    s->last_ts = ts;
    s->filled++;
}

static uint64_t stage_end(struct store *s)
{
    if (s->stage.len == 0)
        s->stage_at = atomic_load_explicit(&s->state->end, memory_order_relaxed);
    if (s->stage_at == 0 && s->stage.len == 0) {
        char host[128] = "";

        gethostname(host, sizeof(host) - 1);
        capture_add_header(&s->stage, host, 0);
    }
    return s->stage_at + s->stage.len;
}

void store_append(struct store *s, const void *event)
{
    uint64_t at = stage_end(s);
    size_t inside = capture_add_event(&s->stage, event, 0, 0);

    fill_row(s, at + inside, event_len(event), event);
}

void store_append_mark(struct store *s, struct span json)
{
    uint64_t at = stage_end(s);

    capture_add_mark(&s->stage, json);
    fill_row(s, at + 8, (uint32_t)json.n, NULL);
}

static void publish(struct store *s)
{
    atomic_store_explicit(&s->last_number, s->number, memory_order_relaxed);
    atomic_store_explicit(&s->rows, s->filled, memory_order_release);
    atomic_store_explicit(&s->state->number, s->number, memory_order_relaxed);
    atomic_store_explicit(&s->state->rows, s->filled, memory_order_relaxed);
}

uint64_t store_staged(const struct store *s)
{
    return s->filled - atomic_load_explicit(&s->rows, memory_order_relaxed);
}

/* Whole chunks that are gone give their memory back; their addresses stay valid for readers on
 * their way. */
static void forget_columns(struct store *s, uint64_t from, uint64_t to)
{
    for (uint64_t row = from & ~(STORE_CHUNK - 1); row + STORE_CHUNK <= to; row += STORE_CHUNK) {
        struct chunk *c = chunk_at(s, row);
        uint64_t keep = c->first_number;

        mprotect(c, sizeof(*c), PROT_READ | PROT_WRITE);
        madvise(c, sizeof(*c), MADV_DONTNEED);
        c->first_number = keep;
    }
}

static uint64_t events_between(const struct store *s, uint64_t from, uint64_t to)
{
    uint64_t n = 0;

    for (uint64_t row = from; row < to; row++)
        n += !(chunk_at(s, row)->unnumbered[(row & (STORE_CHUNK - 1)) / 64] >> row % 64 & 1);
    return n;
}

/* Where a block starts is not kept; it follows from where its event does. */
static void drop_oldest(struct store *s)
{
    uint64_t start = s->state->start, end = s->state->end, first = s->first, row = first,
             last = s->rows;
    uint64_t want;

    if (!s->limit || end - start <= s->limit || last - first < 2)
        return;
    want = end - s->limit + s->limit / DROP_SHARE;
    while (row + 1 < last && chunk_at(s, row)->offset[row & (STORE_CHUNK - 1)] < want)
        row++;
    if (row == first)
        return;
    /* a block that starts before its event: 8 bytes of frame and the cpu, 8 for marks */
    want = chunk_at(s, row)->offset[row & (STORE_CHUNK - 1)] -
           (chunk_at(s, row)->type[row & (STORE_CHUNK - 1)] == STORE_ROW_MARK ? 8 : 10);
    atomic_fetch_add(&s->state->dropped, events_between(s, first, row));
    atomic_store(&s->first, row);
    atomic_store(&s->state->start, want);
    /* the header stays, so that the file can be recognised */
    start = MAX_OF(start, (uint64_t)4096) & ~(uint64_t)4095;
    if (want > start)
        fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)start,
                  (off_t)((want & ~(uint64_t)4095) - start));
    forget_columns(s, first, row);
}

enum severity store_commit(struct store *s, struct error *err)
{
    if (s->stage.len == 0)
        return SEV_OK;
    if (s->stage.failed)
        return error_set(err, ERR_LIMIT,
                         "more than 1 GiB of events wait to be written to the spool");
    if (!pwrite_all(s->fd, s->stage.data, s->stage.len, s->stage_at)) {
        error_sys(err, errno, "the spool can't be written");
        if (err && errno == EFBIG)
            err->code = ERR_FULL;
        return SEV_FAILED;
    }
    if (s->stage_at == 0)
        atomic_store(&s->state->start, CAPTURE_HEADER_LEN);
    atomic_store(&s->state->end, s->stage_at + s->stage.len);
    buf_reset(&s->stage);
    if (s->stage.cap > LOAD_WINDOW)
        buf_fini(&s->stage);
    publish(s);
    drop_oldest(s);
    return SEV_OK;
}

/* ---- loading --------------------------------------------------------------------------------- */

struct loader {
    struct store *s;
    struct buf window;
    uint64_t at; /* file offset of the window's first byte */
    bool eof;
};

static enum severity fill_window(struct loader *l, struct error *err)
{
    size_t want = MAX_OF(LOAD_WINDOW, l->window.len * 2), room = want - l->window.len;
    ssize_t n;

    buf_reserve(&l->window, room);
    do {
        n = pread(l->s->fd, l->window.data + l->window.len, room, (off_t)(l->at + l->window.len));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_sys(err, errno, "reading at offset %llu",
                         (unsigned long long)(l->at + l->window.len));
    l->eof = n == 0;
    l->window.len += (size_t)n;
    return SEV_OK;
}

static void take_block(struct loader *l, const struct capture_block *b, uint64_t offset)
{
    if (b->event.p)
        fill_row(l->s, offset + b->event_at, (uint32_t)b->event.n, b->event.p);
    else if (b->type == CAPTURE_MARK)
        fill_row(l->s, offset + 8, (uint32_t)b->body.n, NULL);
}

/* Takes the whole blocks of the window; what is left is the start of the next one. */
static enum severity take_blocks(struct loader *l, struct error *err)
{
    struct span left = {l->window.data, l->window.len};
    struct capture_block b;
    enum capture_step step = CAPTURE_BLOCK;

    while (left.n && (step = capture_block_read(left, l->at + l->window.len - left.n, &b, err)) ==
                         CAPTURE_BLOCK) {
        take_block(l, &b, l->at + l->window.len - left.n);
        left.p += b.len;
        left.n -= b.len;
    }
    l->at += l->window.len - left.n;
    buf_drop(&l->window, l->window.len - left.n);
    publish(l->s);
    return step == CAPTURE_DAMAGED ? SEV_WARN : SEV_OK;
}

enum severity store_load(struct store *s, bool (*stop)(void *ctx), void *ctx, struct error *err)
{
    struct loader l = {.s = s};
    uint64_t end = s->state->end;
    enum severity sev;

    if (s->writable && end == 0)
        return SEV_OK;
    buf_init(&l.window, (size_t)CAPTURE_BLOCK_MAX * 2);
    l.at = s->state->start;
    s->number = s->state->dropped;
    do {
        sev = fill_window(&l, err);
        if (end && l.at + l.window.len > end) {
            l.window.len = end > l.at ? (size_t)(end - l.at) : 0;
            l.eof = true;
        }
        if (sev == SEV_OK)
            sev = take_blocks(&l, err);
    } while (sev == SEV_OK && !l.eof && !(stop && stop(ctx)));
    if (sev == SEV_OK && l.eof && l.window.len) {
        error_set(err, ERR_FORMAT, "the last block is cut: %zu bytes of it are there",
                  l.window.len);
        sev = SEV_WARN;
    }
    if (!end)
        atomic_store(&s->state->end, l.at);
    buf_fini(&l.window);
    return sev;
}

/* ---- reading --------------------------------------------------------------------------------- */

uint64_t store_rows(const struct store *s)
{
    return atomic_load_explicit(&((struct store *)s)->rows, memory_order_acquire);
}

uint64_t store_first(const struct store *s)
{
    return atomic_load_explicit(&((struct store *)s)->first, memory_order_acquire);
}

uint64_t store_dropped(const struct store *s)
{
    return atomic_load(&s->state->dropped);
}

uint64_t store_bytes(const struct store *s)
{
    return atomic_load(&s->state->end) - atomic_load(&s->state->start);
}

void store_range(const struct store *s, uint64_t *start, uint64_t *end)
{
    *start = atomic_load(&s->state->start);
    *end = atomic_load(&s->state->end);
}

bool store_row(const struct store *s, uint64_t row, struct store_row *out)
{
    size_t i = row & (STORE_CHUNK - 1);
    const struct chunk *c;

    if (row >= store_rows(s) || row < store_first(s))
        return false;
    c = chunk_at(s, row);
    *out = (struct store_row){c->offset[i],    c->ts[i],   c->len[i],
                              c->plugin_id[i], c->type[i], c->flags[i]};
    return row >= store_first(s); /* dropped meanwhile: what was read may be zeros */
}

static bool read_at(const struct store *s, char *to, size_t n, uint64_t offset)
{
    while (n) {
        ssize_t r = pread(s->fd, to, n, (off_t)offset);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            errno = r == 0 ? ENODATA : errno;
            return false;
        }
        to += r;
        n -= (size_t)r;
        offset += (uint64_t)r;
    }
    return true;
}

enum severity store_read(const struct store *s, uint64_t row, struct buf *out, struct error *err)
{
    struct store_row r;

    buf_reset(out);
    if (!store_row(s, row, &r) || !buf_reserve(out, r.len))
        return error_set(err, ERR_GONE, "the event is not there any more");
    if (!read_at(s, out->data, r.len, r.offset))
        return error_sys(err, errno, "%u bytes at offset %llu can't be read", r.len,
                         (unsigned long long)r.offset);
    out->len = r.len;
    out->data[out->len] = '\0';
    if (row < store_first(s) ||
        (r.type != STORE_ROW_MARK && event_check(out->data, out->len, err) != SEV_OK))
        return error_set(err, ERR_GONE, "the event is not there any more");
    return SEV_OK;
}

size_t store_read_rows(const struct store *s, uint64_t row, size_t n, size_t max, struct buf *out,
                       size_t *offsets)
{
    struct store_row r, first;
    size_t got = 0, len = 0;

    buf_reset(out);
    if (!store_row(s, row, &first))
        return 0;
    for (; got < n && store_row(s, row + got, &r); got++) {
        size_t end = (size_t)(r.offset + r.len - first.offset);

        if (got && end > max)
            break;
        offsets[got] = (size_t)(r.offset - first.offset);
        len = end;
    }
    if (!buf_reserve(out, len) || !read_at(s, out->data, len, first.offset) || row < store_first(s))
        return 0;
    out->len = len;
    return got;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* Rows without a number among the first n of a chunk. */
static uint32_t unnumbered_before(const struct chunk *c, size_t n)
{
    uint32_t sum = 0;

    if (c->n_unnumbered == 0)
        return 0;
    for (size_t w = 0; w < n / 64; w++)
        sum += (uint32_t)__builtin_popcountll(c->unnumbered[w]);
    if (n % 64)
        sum +=
            (uint32_t)__builtin_popcountll(c->unnumbered[n / 64] & (((uint64_t)1 << n % 64) - 1));
    return sum;
}

uint64_t store_number(const struct store *s, uint64_t row)
{
    const struct chunk *c = chunk_at(s, row);
    size_t i = row & (STORE_CHUNK - 1);
    bool mark = c->unnumbered[i / 64] >> i % 64 & 1;

    return c->first_number + i - unnumbered_before(c, i) - (mark ? 1 : 0);
}

uint64_t store_last_number(const struct store *s)
{
    return atomic_load_explicit(&((struct store *)s)->last_number, memory_order_relaxed);
}

bool store_find(const struct store *s, uint64_t number, uint64_t *row)
{
    uint64_t rows = store_rows(s), low, high;

    low = store_first(s);
    high = rows;
    while (low < high) { /* the first row with at least this number */
        uint64_t mid = low + (high - low) / 2;

        if (store_number(s, mid) < number)
            low = mid + 1;
        else
            high = mid;
    }
    while (low < rows && chunk_at(s, low)->type[low & (STORE_CHUNK - 1)] == STORE_ROW_MARK)
        low++; /* a mark carries the number of the event before it */
    *row = low;
    return low < rows && store_number(s, low) == number;
}
