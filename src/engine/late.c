/* Late metadata: for each container (or pod) its first event, the event that told of it, the time between
 * the two, and how many events went without. */
#include <uthash.h>

#include "internal.h"

#define SUBJECTS_MAX 100000

struct subject {
    char *key;
    uint64_t first, first_ts; /* number and time of its first event; 0: none yet */
    uint64_t told, told_ts;   /* of the event that told of it; 0: none yet */
    uint64_t received;        /* when the host got that one; 0: not known */
    bool known;               /* it was told of */
    uint64_t events, without; /* of its threads; those before it was told of */
    UT_hash_handle hh;
};

struct late {
    bool pods;
    struct subject *subjects;
    struct span cgroups;       /* of the thread before, and its subject */
    const struct state *state; /* that holds the text */
    uint64_t life;
    struct subject *recent;
    struct buf key;
};

struct late *late_new(const char *key)
{
    struct late *l = xcalloc(1, sizeof(*l));

    l->pods = key && str_eq(key, "pod");
    buf_init(&l->key, 4096);
    return l;
}

void late_free(struct late *l)
{
    struct subject *s, *next;

    if (!l)
        return;
    HASH_ITER(hh, l->subjects, s, next)
    {
        HASH_DEL(l->subjects, s);
        free(s->key);
        free(s);
    }
    buf_fini(&l->key);
    free(l);
}

static struct subject *subject_of(struct late *l, const char *key)
{
    struct subject *s;

    HASH_FIND_STR(l->subjects, key, s);
    if (!s && HASH_COUNT(l->subjects) < SUBJECTS_MAX) {
        s = xcalloc(1, sizeof(*s));
        s->key = xstrdup(key);
        HASH_ADD_KEYPTR(hh, l->subjects, s->key, strlen(s->key), s);
    }
    return s;
}

/* ---- keys ------------------------------------------------------------------------------------------ */

/* The UID in the path of a pod's control group: …/kubepods…/pod<UID>…, or with _ for -. */
static bool pod_of(struct span cgroups, struct buf *out)
{
    static const char word[] = "pod";

    for (size_t i = 0; i + 3 + 36 <= cgroups.n; i++) {
        const char *uid = cgroups.p + i + 3;
        size_t n = 0;

        if (memcmp(cgroups.p + i, word, 3) != 0)
            continue;
        while (n < 36 && strchr("0123456789abcdefABCDEF-_", uid[n]) && uid[n])
            n++;
        if (n < 36)
            continue;
        buf_reset(out);
        for (n = 0; n < 36; n++)
            buf_addc(out, uid[n] == '_' ? '-' : uid[n]);
        return true;
    }
    return false;
}

static struct subject *subject_of_thread(struct late *l, const struct state *state,
                                         const struct thread_image *m)
{
    if (m->cgroups.p == l->cgroups.p && m->cgroups.n == l->cgroups.n && state == l->state &&
        state_texts_life(state) == l->life)
        return l->recent;
    l->cgroups = m->cgroups;
    l->state = state;
    l->life = state_texts_life(state);
    l->recent = NULL;
    buf_reset(&l->key);
    if (l->pods ? pod_of(m->cgroups, &l->key)
                : m->container.n && buf_add(&l->key, m->container.p, m->container.n))
        l->recent = subject_of(l, buf_str(&l->key));
    return l->recent;
}

/* What the collector of Kubernetes' objects sends, as far as it concerns pods. */
static bool pod_told(const void *event, struct buf *out)
{
    struct span data = event_payload(event);
    json_t *o = json_loadb(data.p ? data.p : "", data.p ? strnlen(data.p, data.n) : 0, 0, NULL);
    const char *key, *uid = NULL;
    bool pod = true;
    json_t *v;

    json_object_foreach(o, key, v) {
        if (strcasecmp(key, "uid") == 0)
            uid = json_string_value(v);
        if (strcasecmp(key, "kind") == 0 && json_is_string(v))
            pod = strcasecmp(json_string_value(v), "pod") == 0;
    }
    buf_reset(out);
    if (uid && pod)
        buf_adds(out, uid);
    json_decref(o);
    return out->len > 0;
}

static struct subject *subject_told(struct late *l, const void *event)
{
    char id[13];

    if (l->pods)
        return event_code(event) == EVENT_ASYNC && span_is(event_async_name(event), "k8s") &&
                       pod_told(event, &l->key)
                   ? subject_of(l, buf_str(&l->key))
                   : NULL;
    if (event_code(event) == EVENT_ASYNC && !span_is(event_async_name(event), "container"))
        return NULL;
    return state_tells_of_container(event) && state_container_in(event, id) ? subject_of(l, id)
                                                                            : NULL;
}

/* ---- events ------------------------------------------------------------------------------------------ */

void late_told(struct late *l, const void *event, uint64_t number, uint64_t received)
{
    struct subject *s = subject_told(l, event);

    if (!s || s->known)
        return;
    s->known = true;
    s->told = number;
    s->told_ts = event_ts(event);
    s->received = received;
}

void late_event(struct late *l, const struct state *state, uint64_t tid, uint64_t at,
                uint64_t number, uint64_t ts)
{
    struct thread_view t;
    struct subject *s =
        state && state_thread(state, tid, at, &t) ? subject_of_thread(l, state, t.image) : NULL;

    if (!s)
        return;
    if (s->events++ == 0) {
        s->first = number;
        s->first_ts = ts;
        /* told at the very beginning, by an event that is no row */
        s->known |= !l->pods && state_container(state, t.image->container, at);
    }
    s->without += !s->known;
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

/* From its first event to what tells of it, by the time of receipt where that is known. */
static bool delay_of(const struct subject *s, int64_t *out)
{
    if (!s->told_ts || !s->events)
        return false;
    *out = (int64_t)((s->received ? s->received : s->told_ts) - s->first_ts);
    return true;
}

/* Those that nothing told of first, then by delay. */
static int by_delay(const void *a, const void *b)
{
    const struct subject *x = *(const struct subject *const *)a,
                         *y = *(const struct subject *const *)b;
    int64_t dx = INT64_MAX, dy = INT64_MAX;

    if (!delay_of(x, &dx) && x->known)
        dx = INT64_MIN;
    if (!delay_of(y, &dy) && y->known)
        dy = INT64_MIN;
    return dx != dy ? (dx < dy ? 1 : -1) : strcmp(x->key, y->key);
}

json_t *late_json(struct late *l)
{
    VEC(struct subject *) all = {0};
    json_t *rows = json_array();
    struct subject *s, *next;

    HASH_ITER(hh, l->subjects, s, next)
    vec_push(&all, s);
    if (all.n)
        qsort(all.v, all.n, sizeof(*all.v), by_delay);
    for (size_t i = 0; i < all.n; i++) {
        const struct subject *one = all.v[i];
        char delay[32];
        int64_t d;
        json_t *o =
            json_pack("{so so so sb}", "key", rpc_str(one->key), "events", rpc_u64(one->events),
                      "without", rpc_u64(one->without), "told", one->known);

        if (one->events) {
            json_object_set_new(o, "first", rpc_u64(one->first));
            json_object_set_new(o, "first_ts", rpc_u64(one->first_ts));
        }
        if (one->told_ts) {
            json_object_set_new(o, "told_by", rpc_u64(one->told));
            json_object_set_new(o, "told_ts", rpc_u64(one->told_ts));
        }
        if (delay_of(one, &d)) {
            snprintf(delay, sizeof(delay), "%lld", (long long)d);
            json_object_set_new(o, "delay", json_string(delay));
            json_object_set_new(o, "by_receipt", json_boolean(one->received != 0));
        }
        json_array_append_new(rows, o);
    }
    vec_free(&all);
    return rows;
}
