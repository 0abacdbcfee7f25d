/* Versions and texts: what the state is kept in. */
#include "internal.h"

static _Thread_local struct state_span *watched;

void state_watch(struct state_span *span)
{
    watched = span;
    if (span)
        *span = (struct state_span){0, UINT64_MAX};
}

void watched_here(uint64_t from, uint64_t until)
{
    if (!watched)
        return;
    watched->from = MAX_OF(watched->from, from);
    watched->until = MIN_OF(watched->until, until);
}

/* *next: the place of the version behind it. */
static const struct version *find_version(const version_head *head, uint64_t at, uint64_t *next)
{
    const struct version *v = atomic_load_explicit((version_head *)head, memory_order_acquire);

    *next = UINT64_MAX;
    while (v && v->at > at) {
        *next = v->at;
        v = v->jump && v->jump->at > at ? v->jump : v->before;
    }
    return v;
}

const struct version *version_unwatched(const version_head *head, uint64_t at)
{
    uint64_t next;

    return find_version(head, at, &next);
}

const struct version *version_at(const version_head *head, uint64_t at)
{
    uint64_t next;
    const struct version *v = find_version(head, at, &next);

    watched_here(v ? v->at : 0, next);
    return v;
}

void version_push(struct state *s, version_head *head, struct version *v, uint64_t at)
{
    struct version *top = atomic_load_explicit(head, memory_order_relaxed);

    v->at = at;
    if (!s->history) {
        atomic_store_explicit(head, v, memory_order_release);
        free(top);
        return;
    }
    v->before = top;
    v->depth = top ? top->depth + 1 : 0;
    /* jumps of the lengths of a skew number system: at most logarithmically many to any place */
    v->jump = top;
    if (top && top->jump && top->jump->jump &&
        top->depth - top->jump->depth == top->jump->depth - top->jump->jump->depth)
        v->jump = top->jump->jump;
    atomic_store_explicit(head, v, memory_order_release);
}

void versions_free(version_head *head)
{
    struct version *v = *head, *before;

    for (; v; v = before) {
        before = v->before;
        free(v);
    }
}

/* ---- texts ----------------------------------------------------------------------------------- */

struct text_entry {
    struct text_entry *next;
    uint64_t hash;
    uint32_t n;
    char text[];
};

static void texts_grow(struct state *s)
{
    size_t size = s->texts_size ? s->texts_size * 2 : 1024;
    struct text_entry **bigger = xcalloc(size, sizeof(struct text_entry *));

    for (size_t i = 0; i < s->texts_size; i++) {
        for (struct text_entry *e = s->texts[i], *next; e; e = next) {
            next = e->next;
            e->next = bigger[e->hash & (size - 1)];
            bigger[e->hash & (size - 1)] = e;
        }
    }
    free(s->texts);
    s->texts = bigger;
    s->texts_size = size;
}

struct span state_text(struct state *s, struct span text)
{
    uint64_t hash = hash_bytes(text.p, text.n, 0);
    struct text_entry *e;

    if (text.n == 0)
        return (struct span){"", 0};
    if (s->texts_n * 2 >= s->texts_size)
        texts_grow(s);
    for (e = s->texts[hash & (s->texts_size - 1)]; e; e = e->next) {
        if (e->hash == hash && e->n == text.n && memcmp(e->text, text.p, text.n) == 0)
            return (struct span){e->text, e->n};
    }
    e = arena_alloc(&s->texts_arena, sizeof(*e) + text.n + 1);
    e->hash = hash;
    e->n = (uint32_t)text.n;
    memcpy(e->text, text.p, text.n);
    e->text[text.n] = '\0';
    e->next = s->texts[hash & (s->texts_size - 1)];
    s->texts[hash & (s->texts_size - 1)] = e;
    s->texts_n++;
    s->memory += sizeof(*e) + text.n + 1;
    s->texts_bytes += sizeof(*e) + text.n + 1;
    return (struct span){e->text, e->n};
}

/* ---- parameters ------------------------------------------------------------------------------ */

bool param_has(const void *e, unsigned i)
{
    return event_param(e, i).n > 0;
}

int64_t param_i64(const void *e, unsigned i, int64_t otherwise)
{
    struct span v = event_param(e, i);

    return v.n == 8 ? (int64_t)get_u64(v.p) : v.n == 4 ? (int32_t)get_u32(v.p) : otherwise;
}

uint64_t param_u64(const void *e, unsigned i, uint64_t otherwise)
{
    struct span v = event_param(e, i);

    return v.n == 8   ? get_u64(v.p)
           : v.n == 4 ? get_u32(v.p)
           : v.n == 2 ? get_u16(v.p)
           : v.n == 1 ? (unsigned char)v.p[0]
                      : otherwise;
}

uint32_t param_u32(const void *e, unsigned i, uint32_t otherwise)
{
    return (uint32_t)param_u64(e, i, otherwise);
}

bool param_text(const void *e, unsigned i, struct span *out)
{
    struct span v = event_param(e, i);

    *out = (struct span){"", 0};
    if (v.n == 0 || (v.n == 7 && memcmp(v.p, "(NULL)", 7) == 0))
        return false;
    *out = (struct span){v.p, strnlen(v.p, v.n)};
    return true;
}
