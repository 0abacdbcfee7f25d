/* Control groups as events and metadata list them (event-state, §1.1). */
#include "internal.h"

/* Names of controllers that have another one elsewhere. */
static struct span controller(struct span name, char out[64])
{
    static const char tail[] = "_cgroup";
    static const char *const others[][2] = {
        {"perf", "perf_event"}, {"mem", "memory"}, {"io", "blkio"}};
    const char *at = span_find(name, (struct span){tail, sizeof(tail) - 1});
    size_t front;

    if (at && name.n < 64) {
        front = (size_t)(at - name.p);
        memcpy(out, name.p, front);
        memcpy(out + front, at + sizeof(tail) - 1, name.n - front - (sizeof(tail) - 1));
        name = (struct span){out, name.n - (sizeof(tail) - 1)};
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (span_is(name, others[i][0]))
            return span_of(others[i][1]);
    }
    return name;
}

bool state_cgroups(struct state *s, struct span list, struct span *out)
{
    char renamed[64];

    buf_reset(&s->name);
    while (list.n) {
        struct span item = span_take(&list), name;
        const char *equals = memchr(item.p, '=', item.n);

        if (!equals)
            return false;
        name = controller((struct span){item.p, (size_t)(equals - item.p)}, renamed);
        buf_add(&s->name, name.p, name.n);
        buf_add(&s->name, equals, (size_t)(item.p + item.n - equals));
        buf_addc(&s->name, '\0');
    }
    *out = state_text(s, (struct span){s->name.data, s->name.len});
    buf_reset(&s->name);
    return true;
}
