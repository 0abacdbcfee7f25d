/* What an engine and the process that reads events again for it say to each other. Both are this
 * program; but in that process there are plugins, and what it says is looked at like all of theirs. */
#include "replay.h"

size_t frame_begin(struct buf *b, enum replay_frame kind)
{
    size_t begin = b->len;
    char header[REPLAY_HEADER] = {0, 0, 0, 0, (char)kind};

    buf_add(b, header, sizeof(header));
    return begin;
}

void frame_end(struct buf *b, size_t begin)
{
    if (!b->failed)
        put_u32(b->data + begin, (uint32_t)(b->len - begin - REPLAY_HEADER));
}

void frame_put(struct buf *b, enum replay_frame kind, struct span body)
{
    size_t begin = frame_begin(b, kind);

    buf_add(b, body.p, body.n);
    frame_end(b, begin);
}

size_t frame_take(struct span s, struct replay_message *out)
{
    size_t n;

    if (s.n < REPLAY_HEADER)
        return 0;
    n = get_u32(s.p);
    if (n > REPLAY_FRAME_MAX)
        return SIZE_MAX;
    if (s.n - REPLAY_HEADER < n)
        return 0;
    out->kind = (enum replay_frame)(unsigned char)s.p[4];
    out->body = (struct span){s.p + REPLAY_HEADER, n};
    return REPLAY_HEADER + n;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_span(const struct value *v)
{
    enum value_class vclass = value_type_info(v->type)->vclass;

    return v->state == VALUE_FAILED || vclass == VC_TEXT || vclass == VC_BYTES;
}

static void put_elem(struct buf *b, const struct value *v, const union elem *e)
{
    char len[4];

    if (!is_span(v)) {
        buf_add(b, e, sizeof(*e));
        return;
    }
    put_u32(len, (uint32_t)e->s.n);
    buf_add(b, len, sizeof(len));
    buf_add(b, e->s.p, e->s.n);
}

void frame_put_value(struct buf *b, const struct value *v)
{
    char head[7] = {(char)v->state, (char)v->type, (char)v->list};
    bool failed = v->state == VALUE_FAILED;

    put_u32(head + 3, v->state == VALUE_NONE ? 0 : failed ? 1 : v->n);
    buf_add(b, head, sizeof(head));
    for (uint32_t i = 0; i < get_u32(head + 3); i++)
        put_elem(b, v, failed ? &v->one : value_elem(v, i));
}

static bool take(struct span *s, void *to, size_t n)
{
    if (s->n < n)
        return false;
    memcpy(to, s->p, n);
    s->p += n;
    s->n -= n;
    return true;
}

static bool take_elem(struct span *s, const struct value *v, union elem *out)
{
    char len[4];

    if (!is_span(v))
        return take(s, out, sizeof(*out)) && (value_type_info(v->type)->vclass < VC_ADDRESS ||
                                              out->ip.len == 4 || out->ip.len == 16);
    if (!take(s, len, sizeof(len)) || s->n < get_u32(len))
        return false;
    out->s = (struct span){s->p, get_u32(len)};
    s->p += out->s.n;
    s->n -= out->s.n;
    return true;
}

bool frame_take_value(struct span *s, struct arena *arena, struct value *out)
{
    char head[7];
    uint32_t n;

    if (!take(s, head, sizeof(head)) || (unsigned char)head[0] > VALUE_OK ||
        (unsigned char)head[1] >= VT_COUNT || (unsigned char)head[2] > 1)
        return false;
    n = get_u32(head + 3);
    *out = (struct value){.state = (uint8_t)head[0], .type = (uint8_t)head[1], .list = head[2]};
    if (out->state == VALUE_FAILED)
        out->list = false;
    out->n = n;
    if (out->state == VALUE_NONE || (out->list && n == 0))
        return n == 0;
    if (!out->list)
        return n == 1 && take_elem(s, out, &out->one);
    if (n > s->n / 4)
        return false;
    out->many = arena_alloc(arena, n * sizeof(*out->many));
    for (uint32_t i = 0; i < n; i++) {
        if (!take_elem(s, out, &out->many[i]))
            return false;
    }
    return true;
}
