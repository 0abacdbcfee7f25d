/* Rows and their events, as they are wanted. */
#include <errno.h>
#include <unistd.h>

#include "internal.h"

#define WINDOWS     8     /* parts that are read at once */
#define SCRATCH     1024  /* bytes on the stack, which most events fit into */
#define ENTER_SLACK 16384 /* bytes before a window in which enter halves are likely */

/* Stands for an event that can't be read: no field has a value, no filter matches. */
static const char unreadable[EVENT_HEADER_LEN];

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
    c = store_chunk(s, row);
    *out = (struct store_row){c->offset[i], c->ts[i],    c->len[i], c->who[i],
                              c->type[i],   c->flags[i], c->cpu[i], c->call[i]};
    return row >= store_first(s); /* dropped meanwhile: what was read may be zeros */
}

bool store_columns(const struct store *s, uint64_t row, size_t n, struct store_columns *out)
{
    size_t i = row & (STORE_CHUNK - 1);
    const struct chunk *c;

    if (n > STORE_CHUNK - i || row + n > store_rows(s) || row < store_first(s))
        return false;
    c = store_chunk(s, row);
    *out = (struct store_columns){c->type + i, c->call + i, c->cpu + i,    c->flags + i,
                                  c->who + i,  c->ts + i,   c->number + i, c->first_number};
    return true;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool read_at(const struct store *s, char *to, size_t n, uint64_t offset)
{
    if (s->input)
        return capture_input_read(s->input, offset, to, n);
    return pread_all(s->fd, to, n, offset);
}

uint64_t store_enter(const struct store *s, uint64_t row)
{
    const struct chunk *c = store_chunk(s, row);
    size_t i = row & (STORE_CHUNK - 1);
    uint64_t low = 0, high;

    if (c->enter[i] == 0)
        return 0;
    if (c->enter[i] != UINT32_MAX)
        return c->offset[i] - c->enter[i];
    high = atomic_load_explicit(&((struct store *)s)->nfar, memory_order_acquire);
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        const struct far_enter *f = &s->far_pages[mid >> FAR_BITS][mid & ((1u << FAR_BITS) - 1)];

        if (f->row == row)
            return f->enter;
        if (f->row < row)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

/* Bytes of the file that were read at once, and where they start. */
struct window {
    const char *p;
    uint64_t at;
    size_t n;
};

/* An event's bytes as they stand in the file: from the window, or read into own. */
static const char *raw_bytes(const struct store *s, const struct window *w, uint64_t offset,
                             size_t n, struct buf *own)
{
    if (offset >= w->at && offset - w->at <= w->n && n <= w->n - (size_t)(offset - w->at))
        return w->p + (offset - w->at);
    buf_reset(own);
    return buf_reserve(own, n) && read_at(s, own->data, n, offset) ? own->data : NULL;
}

/* The enter half in its current form, appended to out; false: it can't be had. */
static bool read_enter(const struct store *s, const struct window *w, uint64_t offset, bool v1,
                       struct buf *own, struct buf *out)
{
    size_t header = v1 ? EVENT_HEADER_LEN_V1 : EVENT_HEADER_LEN;
    const char *p = raw_bytes(s, w, offset, header, own);
    char space[SCRATCH];
    struct buf upgraded;
    uint32_t len;
    bool ok;

    if (!p)
        return false;
    len = event_len(p);
    if (len < header || len > EVENT_LEN_MAX)
        return false;
    p = raw_bytes(s, w, offset, len, own);
    buf_init_in(&upgraded, EVENT_LEN_MAX + 64, space, sizeof(space));
    ok = p && event_upgrade(p, len, v1, &upgraded, NULL) == SEV_OK;
    if (ok)
        event_fold(upgraded.data, NULL, out);
    buf_fini(&upgraded);
    return ok && out->len;
}

/* A capture's event in its current form; replaces out. */
static enum severity make_event(const struct store *s, const struct window *w, uint64_t row,
                                const struct store_row *r, struct buf *out, struct error *err)
{
    char space[3][SCRATCH];
    struct buf own, upgraded, enter;
    bool v1 = r->flags & STORE_V1, fold = r->flags & STORE_FOLDED;
    uint64_t at = store_enter(s, row);
    enum severity sev = SEV_OK;
    const char *p;

    buf_reset(out);
    buf_init_in(&own, EVENT_LEN_MAX + 64, space[0], SCRATCH);
    buf_init_in(&upgraded, EVENT_LEN_MAX + 64, space[1], SCRATCH);
    buf_init_in(&enter, EVENT_LEN_MAX + 64, space[2], SCRATCH);
    p = raw_bytes(s, w, r->offset, r->len, &own);
    if (!p)
        sev = error_set(err, ERR_IO, "%u bytes at offset %llu can't be read", r->len,
                        (unsigned long long)r->offset);
    else
        sev = event_upgrade(p, r->len, v1, fold ? &upgraded : out, err);
    if (sev == SEV_OK && fold) {
        bool with = at && read_enter(s, w, at, v1, &own, &enter);

        event_fold(upgraded.data, with ? enter.data : NULL, out);
        if (out->len == 0)
            sev = error_set(err, ERR_GONE, "the event at offset %llu has changed",
                            (unsigned long long)r->offset);
    }
    buf_fini(&own);
    buf_fini(&upgraded);
    buf_fini(&enter);
    return sev;
}

enum severity store_read_whole(const struct store *s, uint64_t row, struct buf *out)
{
    static const struct window none = {NULL, UINT64_MAX, 0};
    struct store_row r;

    if (!store_row(s, row, &r) || !(r.flags & STORE_AS_READ))
        return SEV_FAILED;
    r.flags |= STORE_FOLDED;
    return make_event(s, &none, row, &r, out, NULL);
}

enum severity store_read(const struct store *s, uint64_t row, struct buf *out, struct error *err)
{
    static const struct window none = {NULL, UINT64_MAX, 0};
    struct store_row r;

    buf_reset(out);
    if (!store_row(s, row, &r))
        return error_set(err, ERR_GONE, "the event is not there any more");
    if (r.flags & STORE_NOTE) {
        buf_adds(out, s->notes[r.offset]);
        return SEV_OK;
    }
    if (r.flags & STORE_AS_READ)
        return make_event(s, &none, row, &r, out, err);
    if (!buf_reserve(out, r.len))
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

/* What n rows from row on have in each part, as far as `max` bytes go: a window for each. Gives the
 * rows that are covered. */
static size_t plan_windows(const struct store *s, uint64_t row, size_t n, size_t max,
                           struct window *windows, size_t *nwindows)
{
    struct store_row r;
    size_t total = 0, i, k;

    *nwindows = 0;
    for (i = 0; i < n && store_row(s, row + i, &r); i++) {
        uint64_t end = r.offset + r.len;

        if (r.flags & STORE_NOTE)
            continue;
        for (k = 0; k < *nwindows && (windows[k].at ^ r.offset) >> CAPTURE_PART_BITS; k++)
            ;
        if (k == *nwindows) {
            if (k == WINDOWS)
                break;
            windows[k] = (struct window){NULL, r.offset, 0};
            ++*nwindows;
        }
        if (r.offset < windows[k].at ||
            (total && total - windows[k].n + (end - windows[k].at) > max))
            break;
        total += (size_t)(end - windows[k].at) - windows[k].n;
        windows[k].n = (size_t)(end - windows[k].at);
    }
    return i;
}

/* Reads them, each with what stands a little before it; room for all is in raw. */
static void fill_windows(const struct store *s, struct window *windows, size_t n, struct buf *raw)
{
    size_t total = 0, at = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t in_part = windows[i].at & (((uint64_t)1 << CAPTURE_PART_BITS) - 1),
                 slack = MIN_OF(in_part, (uint64_t)ENTER_SLACK);

        windows[i].at -= slack;
        windows[i].n += (size_t)slack;
        total += windows[i].n;
    }
    if (!buf_reserve(raw, total)) {
        for (size_t i = 0; i < n; i++)
            windows[i].n = 0;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        windows[i].p = raw->data + at;
        at += windows[i].n;
        if (!read_at(s, raw->data + at - windows[i].n, windows[i].n, windows[i].at))
            windows[i].n = 0;
    }
}

/* The window that an offset lies in; of none the first, which does not have it. */
static const struct window *window_of(const struct window *windows, size_t n, uint64_t offset)
{
    for (size_t i = 0; i < n; i++) {
        if (!((windows[i].at ^ offset) >> CAPTURE_PART_BITS))
            return &windows[i];
    }
    return &windows[0];
}

/* Rows of a capture: read at once as they stand, then made one by one. */
static size_t read_capture_rows(const struct store *s, uint64_t row, size_t n, size_t max,
                                const uint8_t *wanted, struct buf *out, size_t *offsets)
{
    struct window windows[WINDOWS] = {{NULL, UINT64_MAX, 0}};
    struct store_row r;
    struct buf raw, event;
    size_t got, nwindows, covered = plan_windows(s, row, n, max, windows, &nwindows);

    buf_init(&raw, SIZE_MAX / 2);
    buf_init(&event, EVENT_LEN_MAX * 2);
    fill_windows(s, windows, nwindows, &raw);
    for (got = 0; got < covered && store_row(s, row + got, &r); got++) {
        const struct window *w = window_of(windows, nwindows, r.offset);

        offsets[got] = out->len;
        if (!(r.flags & STORE_NOTE) && (!wanted || wanted[got]) &&
            make_event(s, w, row + got, &r, &event, NULL) == SEV_OK)
            buf_add(out, event.data, event.len);
        else
            buf_add(out, unreadable, sizeof(unreadable));
    }
    buf_fini(&raw);
    buf_fini(&event);
    return out->failed ? 0 : got;
}

size_t store_read_rows(const struct store *s, uint64_t row, size_t n, size_t max, struct buf *out,
                       size_t *offsets)
{
    return store_read_wanted(s, row, n, max, NULL, out, offsets);
}

size_t store_read_wanted(const struct store *s, uint64_t row, size_t n, size_t max,
                         const uint8_t *wanted, struct buf *out, size_t *offsets)
{
    struct store_row r, first;
    size_t got = 0, len = 0;

    buf_reset(out);
    if (!store_row(s, row, &first))
        return 0;
    if (s->input)
        return read_capture_rows(s, row, n, max, wanted, out, offsets);
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

const char *store_about(const struct store *s, uint64_t row)
{
    struct store *own = (struct store *)s;
    const char *json = NULL;
    size_t low = 0, high;

    pthread_mutex_lock(&own->about_lock);
    for (high = s->about.n; low < high;) {
        size_t mid = low + (high - low) / 2;

        if (s->about.v[mid].row < row)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < s->about.n && s->about.v[low].row == row)
        json = s->about.v[low].json; /* it stays until the store is freed */
    pthread_mutex_unlock(&own->about_lock);
    return json;
}

/* ---- numbers --------------------------------------------------------------------------------- */

uint64_t store_number(const struct store *s, uint64_t row)
{
    const struct chunk *c = store_chunk(s, row);
    size_t i = row & (STORE_CHUNK - 1);

    return c->first_number + c->number[i] - (c->flags[i] & STORE_UNNUMBERED ? 1 : 0);
}

uint64_t store_last_number(const struct store *s)
{
    return atomic_load_explicit(&((struct store *)s)->last_number, memory_order_relaxed);
}

bool store_find(const struct store *s, uint64_t number, uint64_t *row)
{
    uint64_t rows = store_rows(s), low = store_first(s), high = rows;

    while (low < high) { /* the first row with at least this number */
        uint64_t mid = low + (high - low) / 2;

        if (store_number(s, mid) < number)
            low = mid + 1;
        else
            high = mid;
    }
    /* a row without a number carries that of the event before it */
    while (low < rows && store_chunk(s, low)->flags[low & (STORE_CHUNK - 1)] & STORE_UNNUMBERED)
        low++;
    *row = low;
    return low < rows && store_number(s, low) == number;
}

bool store_find_time(const struct store *s, uint64_t ts, uint64_t *row)
{
    uint64_t rows = store_rows(s);

    for (uint64_t at = store_first(s); at < rows;
         at++) { /* times may step back: no search by halves */
        const struct chunk *c = store_chunk(s, at);
        size_t i = at & (STORE_CHUNK - 1);

        if (c->ts[i] >= ts && c->type[i] != STORE_ROW_MARK) {
            *row = at;
            return true;
        }
    }
    return false;
}
