/* Many constants as a hash set, for `in` and `intersects`. Networks are not in it: they contain,
 * not equal. */
#include "internal.h"

struct const_set {
    enum value_class vclass;
    size_t mask;
    const struct constant **slots;
};

/* The bytes that make two elements equal. */
static struct span key_of(enum value_class vclass, const union elem *e)
{
    switch (vclass) {
    case VC_TEXT:
    case VC_BYTES:
        return e->s;
    case VC_ADDRESS:
        return (struct span){(const char *)e->ip.b, e->ip.len};
    default:
        return (struct span){(const char *)&e->u, sizeof(e->u)};
    }
}

static const struct constant **slot_of(const struct const_set *s, const union elem *e)
{
    struct span key = key_of(s->vclass, e);
    size_t i = hash_bytes(key.p, key.n, 0) & s->mask;

    while (s->slots[i] && !span_eq(key_of(s->vclass, &s->slots[i]->e), key))
        i = (i + 1) & s->mask;
    return &s->slots[i];
}

struct const_set *const_set_new(enum value_type type, const struct constant *c, size_t n)
{
    struct const_set *s = xcalloc(1, sizeof(*s));
    size_t size = 16;

    while (size < n * 2)
        size *= 2;
    s->vclass = value_type_info(type)->vclass;
    s->mask = size - 1;
    s->slots = xcalloc(size, sizeof(*s->slots));
    for (size_t i = 0; i < n; i++)
        *slot_of(s, &c[i].e) = &c[i];
    return s;
}

bool const_set_has(const struct const_set *s, const union elem *e)
{
    return *slot_of(s, e) != NULL;
}

void const_set_free(struct const_set *s)
{
    if (!s)
        return;
    free(s->slots);
    free(s);
}
