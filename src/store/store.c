/* Rows in chunks, and the file behind them. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGE_KEEP ((size_t)4 << 20) /* a stage that has grown past it gives its memory back */
#define STAGE_MAX  ((size_t)1 << 30)
#define DROP_SHARE 32 /* past the limit, at least this part of it goes at once */

/* ---- chunks ---------------------------------------------------------------------------------- */

struct chunk *store_chunk(const struct store *s, uint64_t row)
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

struct chunk *store_next_row(struct store *s, size_t *at)
{
    uint64_t i = s->filled >> STORE_CHUNK_BITS;
    struct chunk **page = s->dir[i >> DIR_BITS], **slot;

    if (!page) {
        page = xcalloc((size_t)1 << DIR_BITS, sizeof(*page));
        atomic_store_explicit(&s->dir[i >> DIR_BITS], page, memory_order_release);
    }
    slot = &page[i & ((1u << DIR_BITS) - 1)];
    if (!*slot) {
        struct chunk *before = i ? store_chunk(s, s->filled - 1) : NULL;

        *slot = pages_new(sizeof(struct chunk));
        (*slot)->first_number = s->number + 1;
        if (before) /* full: nobody may change it any more, a plugin's stray write least of all */
            mprotect(before, sizeof(*before), PROT_READ);
    }
    *at = s->filled & (STORE_CHUNK - 1);
    return *slot;
}

struct store *store_new(const struct store_options *o)
{
    struct store *s = xcalloc(1, sizeof(*s));

    s->fd = o->fd;
    s->input = o->input;
    s->writable = o->writable;
    s->limit = o->limit;
    s->state = o->state ? o->state : &s->own;
    buf_init(&s->stage, STAGE_MAX);
    pthread_mutex_init(&s->about_lock, NULL);
    return s;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    for (size_t p = 0; p < DIR_PAGES; p++) {
        for (size_t i = 0; s->dir[p] && i < (size_t)1 << DIR_BITS; i++) {
            if (s->dir[p][i])
                munmap(s->dir[p][i], sizeof(struct chunk));
        }
        free(s->dir[p]);
    }
    for (size_t i = 0; i < s->nnotes; i++)
        free(s->notes[i]);
    free((void *)s->notes);
    for (size_t i = 0; i < s->old_notes.n; i++)
        free(s->old_notes.v[i]);
    vec_free(&s->old_notes);
    for (size_t i = 0; i < FAR_PAGES && s->far_pages[i]; i++)
        free(s->far_pages[i]);
    buf_fini(&s->stage);
    for (size_t i = 0; i < s->about.n; i++)
        free(s->about.v[i].json);
    vec_free(&s->about);
    pthread_mutex_destroy(&s->about_lock);
    free(s);
}

uint64_t store_memory(const struct store *s)
{
    uint64_t rows = store_rows(s);

    return (rows + STORE_CHUNK - 1) / STORE_CHUNK * sizeof(struct chunk);
}

/* ---- appending ------------------------------------------------------------------------------- */

/* Fills in the next row's columns; it is published later. */
static void fill_row(struct store *s, const struct store_event *e, uint16_t flags)
{
    size_t i;
    struct chunk *c = store_next_row(s, &i);

    c->offset[i] = e->offset;
    c->len[i] = e->len;
    c->ts[i] = e->ts;
    c->type[i] = e->type;
    c->who[i] = e->type == EVENT_PLUGIN || e->type == EVENT_ASYNC ? e->plugin_id : (uint32_t)e->tid;
    c->cpu[i] = e->cpu;
    c->call[i] = e->call;
    if (!(flags & STORE_UNNUMBERED))
        s->number = e->number;
    c->number[i] = (uint32_t)(s->number + (flags & STORE_UNNUMBERED ? 1 : 0) - c->first_number);
    if (e->type != STORE_ROW_MARK && s->filled && e->ts < s->last_ts)
        flags |= STORE_STEPS_BACK;
    c->flags[i] = flags;
    s->last_ts = e->ts;
    s->filled++;
}

void store_fill_event(struct store *s, uint64_t offset, uint32_t len, const void *event)
{
    uint16_t type = event_code(event);
    struct store_event e = {.offset = offset,
                            .len = len,
                            .ts = event_ts(event),
                            .type = type,
                            .tid = event_tid(event),
                            .number = s->number + 1};

    if (type == EVENT_PLUGIN || type == EVENT_ASYNC)
        e.plugin_id = event_plugin_id(event);
    fill_row(s, &e, s->next_unnumbered ? STORE_UNNUMBERED : 0);
    s->next_unnumbered = false;
}

void store_fill_mark(struct store *s, uint64_t offset, uint32_t len)
{
    fill_row(s,
             &(struct store_event){
                 .offset = offset, .len = len, .ts = s->last_ts, .type = STORE_ROW_MARK},
             STORE_UNNUMBERED);
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

    store_fill_event(s, at + inside, event_len(event), event);
}

void store_append_mark(struct store *s, struct span json)
{
    uint64_t at = stage_end(s);

    capture_add_mark(&s->stage, json);
    store_fill_mark(s, at + 8, (uint32_t)json.n);
}

void store_fill_about(struct store *s, struct span json)
{
    struct about a = {s->filled, xstrndup(json.p, strnlen(json.p, json.n))};

    s->next_unnumbered = strstr(a.json, "\"initial\":true") != NULL;

    pthread_mutex_lock(&s->about_lock);
    vec_push(&s->about, a);
    pthread_mutex_unlock(&s->about_lock);
}

void store_append_about(struct store *s, struct span json)
{
    stage_end(s);
    capture_add_about(&s->stage, json);
    store_fill_about(s, json);
}

void store_publish(struct store *s)
{
    atomic_store_explicit(&s->last_number, s->number, memory_order_relaxed);
    atomic_store_explicit(&s->rows, s->filled, memory_order_release);
    atomic_store_explicit(&s->state->number, s->number, memory_order_relaxed);
    atomic_store_explicit(&s->state->rows, s->filled, memory_order_relaxed);
}

/* ---- rows of captures */

static void set_far_enter(struct store *s, uint64_t row, uint64_t enter)
{
    uint64_t n = s->nfar;
    struct far_enter *page = n >> FAR_BITS < FAR_PAGES ? s->far_pages[n >> FAR_BITS] : NULL;

    if (n >> FAR_BITS >= FAR_PAGES)
        return; /* 16 million calls that took more than 4 GiB: the rest loses its enter half */
    if (!page) {
        page = xcalloc((size_t)1 << FAR_BITS, sizeof(*page));
        s->far_pages[n >> FAR_BITS] = page;
    }
    page[n & ((1u << FAR_BITS) - 1)] = (struct far_enter){row, enter};
    atomic_store_explicit(&s->nfar, n + 1, memory_order_release);
}

void store_append_row(struct store *s, const struct store_event *e)
{
    uint64_t distance = e->enter ? e->offset - e->enter : 0;
    uint16_t flags = STORE_AS_READ;
    struct chunk *c;
    size_t i;

    flags |= (e->v1 ? STORE_V1 : 0) | (e->fold ? STORE_FOLDED : 0);
    flags |= e->number ? 0 : STORE_UNNUMBERED;
    flags |= e->tid > UINT32_MAX - 1 && e->tid != UINT64_MAX ? STORE_WIDE_TID : 0;
    c = store_next_row(s, &i);
    c->enter[i] = distance < UINT32_MAX ? (uint32_t)distance : UINT32_MAX;
    if (distance >= UINT32_MAX)
        set_far_enter(s, s->filled, e->enter);
    fill_row(s, e, flags);
}

void store_append_note(struct store *s, struct span json)
{
    if (s->nnotes == s->notes_cap) {
        size_t cap = s->notes_cap ? s->notes_cap * 2 : 16;
        char *_Atomic *grown = xcalloc(cap, sizeof(*grown));

        for (size_t i = 0; i < s->nnotes; i++)
            grown[i] = s->notes[i];
        if (s->notes)
            vec_push(&s->old_notes, (void *)s->notes);
        s->notes = grown;
        s->notes_cap = cap;
    }
    s->notes[s->nnotes] = xstrndup(json.p, json.n);
    fill_row(s,
             &(struct store_event){.offset = s->nnotes++,
                                   .len = (uint32_t)json.n,
                                   .ts = s->last_ts,
                                   .type = STORE_ROW_MARK},
             STORE_UNNUMBERED | STORE_NOTE);
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
        struct chunk *c = store_chunk(s, row);
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
        n += !(store_chunk(s, row)->flags[row & (STORE_CHUNK - 1)] & STORE_UNNUMBERED);
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
    while (row + 1 < last && store_chunk(s, row)->offset[row & (STORE_CHUNK - 1)] < want)
        row++;
    if (row == first)
        return;
    /* a block that starts before its event: 8 bytes of frame and the cpu, 8 for marks */
    want = store_chunk(s, row)->offset[row & (STORE_CHUNK - 1)] -
           (store_chunk(s, row)->type[row & (STORE_CHUNK - 1)] == STORE_ROW_MARK ? 8 : 10);
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
    if (s->stage.cap > STAGE_KEEP)
        buf_fini(&s->stage);
    store_publish(s);
    drop_oldest(s);
    return SEV_OK;
}
