/* The blocks of a capture one after the other, and what is damaged between them. */
#include "internal.h"

#define WINDOW     AHEAD_STEP
#define AHEAD_FROM 3                  /* windows: what is short is read without a thread */
#define RESYNC_MAX ((size_t)64 << 20) /* how far behind damage the next block is sought */

struct capture_reader {
    struct capture_input *input;
    struct ahead *ahead;
    unsigned fills;
    struct buf own; /* what is not in ahead's hands */
    struct {
        const char *data; /* in own, or in ahead's */
        size_t len;
    } window;
    uint64_t at; /* offset of the window's first byte */
    size_t used; /* of the window: blocks that were given */
    bool started, ended, follow;
    size_t passed; /* marks, of the bytes at hand */
    capture_marker *marker;
    const void *marker_ctx;
    struct error err;
};

struct capture_reader *capture_reader_new(struct capture_input *input, bool follow)
{
    struct capture_reader *r = xcalloc(1, sizeof(*r));

    r->input = input;
    r->follow = follow;
    buf_init(&r->own, (size_t)CAPTURE_BLOCK_MAX * 2);
    return r;
}

void capture_reader_free(struct capture_reader *r)
{
    if (!r)
        return;
    ahead_free(r->ahead);
    buf_fini(&r->own);
    free(r);
}

static void drop_used(struct capture_reader *r)
{
    bool own = r->window.data == r->own.data;

    r->at += r->used;
    r->window.data += r->used;
    r->window.len -= r->used;
    if (own && r->used) {
        buf_drop(&r->own, r->used);
        r->window.data = r->own.data;
    }
    r->used = 0;
}

/* The window in the reader's own buffer, with room for n bytes more. */
static bool make_own(struct capture_reader *r, size_t n)
{
    if (r->window.data != r->own.data) {
        buf_reset(&r->own);
        buf_add(&r->own, r->window.data, r->window.len);
    }
    if (!buf_reserve(&r->own, n))
        return error_set(&r->err, ERR_LIMIT, "a block is larger than %u bytes",
                         CAPTURE_BLOCK_MAX) == SEV_OK;
    r->window.data = r->own.data;
    return true;
}

/* Behind a block that has begun the bytes that have been read ahead. */
static enum severity fill_ahead(struct capture_reader *r, size_t *got)
{
    bool small = r->window.len <= AHEAD_BEFORE;
    struct span left = {r->window.data, small ? r->window.len : 0};
    enum severity sev;
    char *bytes;

    if (!small && !make_own(r, AHEAD_STEP))
        return SEV_FAILED;
    sev = ahead_take(r->ahead, left, &bytes, got, &r->err);
    if (small)
        r->window.data = bytes;
    else
        buf_add(&r->own, bytes, *got);
    r->window.len += *got;
    return sev;
}

static enum severity fill(struct capture_reader *r, size_t want, size_t *got)
{
    enum severity sev;

    *got = 0;
    r->passed = 0;
    drop_used(r);
    if (++r->fills == AHEAD_FROM && !r->follow && !capture_input_open_ended(r->input))
        r->ahead = ahead_new(r->input, r->marker, r->marker_ctx);
    if (r->ahead)
        return fill_ahead(r, got);
    if (!make_own(r, want))
        return SEV_FAILED;
    sev = capture_input_next(r->input, r->own.data + r->own.len, want, got, &r->err);
    r->own.len += *got;
    r->window.data = r->own.data;
    r->window.len = r->own.len;
    return sev;
}

static enum capture_item damage(struct capture_item_info *out, uint64_t offset, const char *fmt,
                                ...) PRINTF_LIKE(3, 4);

static enum capture_item damage(struct capture_item_info *out, uint64_t offset, const char *fmt,
                                ...)
{
    va_list ap;

    out->offset = offset;
    va_start(ap, fmt);
    vsnprintf(out->text, sizeof(out->text), fmt, ap);
    va_end(ap);
    return CAPTURE_ITEM_DAMAGE;
}

/* Passes over what is damaged. */
static enum capture_item resync(struct capture_reader *r, struct capture_item_info *out)
{
    struct error why = r->err;
    uint64_t from;
    size_t at, got = 1;

    drop_used(r);
    from = r->at;
    while (!capture_find_block((struct span){r->window.data, r->window.len}, 1, &at)) {
        if (r->window.len > RESYNC_MAX || fill(r, WINDOW, &got) != SEV_OK || got == 0) {
            r->ended = true;
            return damage(out, from, "damaged at offset %llu, and nothing good follows: %s",
                          (unsigned long long)from, why.text);
        }
    }
    r->used = at;
    return damage(out, from, "damaged at offset %llu, %zu bytes are passed over: %s",
                  (unsigned long long)from, at, why.text);
}

/* Nothing is read any more: the thread is for others. */
static void over(struct capture_reader *r)
{
    r->window.data = NULL;
    r->window.len = r->used = 0;
    ahead_free(r->ahead);
    r->ahead = NULL;
}

/* There is nothing more: whether the last block is whole. */
static enum capture_item end(struct capture_reader *r, struct capture_item_info *out)
{
    size_t at;

    if (r->follow || capture_input_open_ended(r->input))
        return CAPTURE_ITEM_WAIT;
    if (!r->started) {
        error_set(&r->err, ERR_FORMAT, "it ends before its section header does");
        return CAPTURE_ITEM_FAILED;
    }
    if (r->window.len && capture_find_block((struct span){r->window.data, r->window.len}, 1, &at)) {
        error_set(&r->err, ERR_FORMAT, "a block says that it ends behind the end of the file");
        return resync(r, out);
    }
    r->ended = true;
    if (r->window.len == 0) {
        over(r);
        return CAPTURE_ITEM_END;
    }
    return damage(out, r->at,
                  "cut at offset %llu: the last block has only %zu bytes; the events before it are "
                  "whole",
                  (unsigned long long)r->at, r->window.len);
}

/* More bytes, or what there is instead. */
static bool more(struct capture_reader *r, struct capture_item_info *out, enum capture_item *item)
{
    size_t got;
    enum severity sev = fill(r, MAX_OF(WINDOW, r->window.len - r->used), &got);

    if (sev == SEV_WARN) { /* the compression broke off: what came before it is good */
        bool resumed = capture_input_resume(r->input);

        if (resumed) /* the rest of a block that is lost would be taken for the start of the next */
            r->used = r->window.len - got;
        *item = damage(out, r->at, "%s%s", r->err.text,
                       resumed ? "; reading goes on at the next member" : "");
        return false;
    }
    if (sev == SEV_OK && got)
        return true;
    *item = sev == SEV_OK ? end(r, out) : CAPTURE_ITEM_FAILED;
    return false;
}

enum capture_item capture_reader_next(struct capture_reader *r, struct capture_item_info *out)
{
    enum capture_item item;

    for (;;) {
        struct span left = {r->window.data + r->used, r->window.len - r->used};
        enum capture_step step;

        if (r->ended) {
            over(r);
            return CAPTURE_ITEM_END;
        }
        step = left.n ? capture_block_read(left, r->at + r->used, &out->block, &r->err)
                      : CAPTURE_NEED_MORE;
        if (step == CAPTURE_BLOCK && !r->started && out->block.type != CAPTURE_SECTION) {
            error_set(&r->err, ERR_FORMAT, "it does not start with a section header");
            return CAPTURE_ITEM_FAILED;
        }
        if (step == CAPTURE_BLOCK) {
            r->started = true;
            out->offset = r->at + r->used;
            r->used += out->block.len;
            return CAPTURE_ITEM_BLOCK;
        }
        if (step == CAPTURE_DAMAGED)
            return r->started ? resync(r, out) : CAPTURE_ITEM_FAILED;
        if (!more(r, out, &item))
            return item;
    }
}

struct span capture_reader_ahead(const struct capture_reader *r, uint64_t *offset)
{
    *offset = r->at + r->used;
    return (struct span){r->window.data + r->used, r->window.len - r->used};
}

void capture_reader_skip(struct capture_reader *r, size_t n)
{
    r->used += n;
}

void capture_reader_mark(struct capture_reader *r, capture_marker *marker, const void *ctx)
{
    r->marker = marker;
    r->marker_ctx = ctx;
    if (r->ahead)
        ahead_mark(r->ahead, marker, ctx);
}

struct capture_marked capture_reader_marked(struct capture_reader *r)
{
    struct capture_marked m = {NULL, NULL, 0};
    const char *now = r->window.data + r->used;

    if (r->ahead && r->window.data != r->own.data)
        m = ahead_marked(r->ahead);
    while (r->passed < m.n && m.base + m.marks[r->passed].at < now)
        r->passed++;
    return r->passed < m.n ? (struct capture_marked){m.base, m.marks + r->passed, m.n - r->passed}
                           : (struct capture_marked){NULL, NULL, 0};
}

const struct error *capture_reader_error(const struct capture_reader *r)
{
    return &r->err;
}

bool capture_block_leads(const struct capture_block *b, bool leading)
{
    const struct event_type *t;

    if (!b->event.p)
        return leading || b->type == CAPTURE_SECTION;
    t = event_type_get(event_code(b->event.p));
    return leading && t && t->meta;
}

uint64_t capture_first_time(const char *path)
{
    struct capture_input *in = capture_input_open(path, -1, NULL);
    struct capture_reader *r = in ? capture_reader_new(in, false) : NULL;
    struct capture_item_info info;
    uint64_t ts = 0;
    bool leading = false;

    while (r && ts == 0) {
        enum capture_item item = capture_reader_next(r, &info);

        if (item == CAPTURE_ITEM_BLOCK)
            leading = capture_block_leads(&info.block, leading);
        if (item == CAPTURE_ITEM_BLOCK && info.block.event.p && !leading)
            ts = event_ts(info.block.event.p);
        else if (item > CAPTURE_ITEM_DAMAGE)
            break;
    }
    capture_reader_free(r);
    capture_input_free(in);
    return ts;
}
