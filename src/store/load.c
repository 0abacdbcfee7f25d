/* What a spool holds already. */
#include "internal.h"

#include <errno.h>
#include <unistd.h>

#define LOAD_WINDOW ((size_t)4 << 20)

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

/* Spools hold events of the current form only; anything else there is damage. */
static enum capture_step read_block(struct span s, uint64_t offset, struct capture_block *b,
                                    struct error *err)
{
    enum capture_step step = capture_block_read(s, offset, b, err);

    if (step != CAPTURE_BLOCK || !b->event.p)
        return step;
    if (b->v1)
        error_set(err, ERR_FORMAT, "an event of an old form at offset %llu",
                  (unsigned long long)offset);
    else if (event_check(b->event.p, event_len(b->event.p), err) == SEV_OK)
        return CAPTURE_BLOCK;
    if (err && !err->has_offset) {
        err->offset = offset;
        err->has_offset = true;
    }
    return CAPTURE_DAMAGED;
}

static void take_block(struct loader *l, const struct capture_block *b, uint64_t offset)
{
    if (b->event.p)
        store_fill_event(l->s, offset + b->event_at, event_len(b->event.p), b->event.p);
    else if (b->type == CAPTURE_ABOUT)
        store_fill_about(l->s, b->body);
    else if (b->type == CAPTURE_MARK)
        store_fill_mark(l->s, offset + 8, (uint32_t)b->body.n);
}

/* Takes the whole blocks of the window; what is left is the start of the next one. */
static enum severity take_blocks(struct loader *l, struct error *err)
{
    struct span left = {l->window.data, l->window.len};
    struct capture_block b;
    enum capture_step step = CAPTURE_BLOCK;

    while (left.n &&
           (step = read_block(left, l->at + l->window.len - left.n, &b, err)) == CAPTURE_BLOCK) {
        take_block(l, &b, l->at + l->window.len - left.n);
        left.p += b.len;
        left.n -= b.len;
    }
    l->at += l->window.len - left.n;
    buf_drop(&l->window, l->window.len - left.n);
    store_publish(l->s);
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
