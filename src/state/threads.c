/* The table of threads: lives of ids, their versions, their ties. */
#include "internal.h"

#define ANCESTORS_MAX 64

/* ---- slots ----------------------------------------------------------------------------------- */

struct slot *slot_get(struct state *s, struct slots *t, uint64_t key, bool make)
{
    uint64_t h = (key * 0x9e3779b97f4a7c15ull) >> (64 - BUCKET_BITS);
    struct slot *head = atomic_load_explicit(&t->buckets[h], memory_order_acquire), *p;

    for (p = head; p && p->key != key; p = p->next)
        ;
    if (p || !make)
        return p;
    p = xcalloc(1, sizeof(*p));
    p->key = key;
    p->next = head;
    atomic_store_explicit(&t->buckets[h], p, memory_order_release);
    s->memory += sizeof(*p);
    return p;
}

static struct thread *newest(const struct state *s, uint64_t tid)
{
    struct slot *p = slot_get((struct state *)s, &((struct state *)s)->threads, tid, false);

    return p ? atomic_load_explicit(&p->newest, memory_order_acquire) : NULL;
}

struct thread *thread_now(struct state *s, uint64_t tid)
{
    struct thread *t = newest(s, tid);

    return t && t->gone == UINT64_MAX ? t : NULL;
}

/* ---- versions of a thread -------------------------------------------------------------------- */

struct thread *thread_recent(const struct state *s, uint64_t tid)
{
    struct thread *t = s->recent[tid % COUNT_OF(s->recent)];

    return t && t->tid == tid && t->gone == UINT64_MAX ? t : thread_now((struct state *)s, tid);
}

struct state_note *state_thread_note(const struct state *s, uint64_t tid)
{
    struct thread *t = thread_recent(s, tid);

    return t ? &t->note : NULL;
}

const struct thread_ids *ids_now(const struct thread *t)
{
    return &((const struct ids_version *)version_at(&t->ids, STATE_NOW))->ids;
}

const struct thread_image *image_now(const struct thread *t)
{
    return &((const struct image_version *)version_at(&t->image, STATE_NOW))->image;
}

const struct thread_creds *creds_now(const struct thread *t)
{
    return &((const struct creds_version *)version_at(&t->creds, STATE_NOW))->creds;
}

static void *version_new(struct state *s, size_t size)
{
    if (s->history)
        s->memory += size;
    return xcalloc(1, size);
}

/* The process that a thread counts in; -1: in none. */
static int64_t counted_in(const struct thread_ids *ids)
{
    return ids_invalid(ids) || (ids->flags & THREAD_CLOSED) ? -1 : ids->pid;
}

static void count_thread(struct state *s, int64_t pid, int by)
{
    struct count_version *v;
    const struct count_version *top;
    struct slot *p;

    if (pid < 0)
        return;
    p = slot_get(s, &s->processes, (uint64_t)pid, true);
    top = (const void *)version_at(&p->name, STATE_NOW);
    v = version_new(s, sizeof(*v));
    v->n = (top ? top->n : 0) + (uint64_t)(int64_t)by;
    version_push(s, &p->name, &v->v, s->at);
}

uint64_t state_threads_of(const struct state *s, int64_t pid, uint64_t at)
{
    struct slot *p =
        slot_get((struct state *)s, &((struct state *)s)->processes, (uint64_t)pid, false);
    const struct count_version *v = p ? (const void *)version_at(&p->name, at) : NULL;

    return v ? v->n : 0;
}

/* Something of it is different now, and of what is told of others by it. */
static void thread_changed(struct state *s, struct thread *t)
{
    s->epoch++;
    t->note.verdict = STATE_UNKNOWN;
}

void thread_set_ids(struct state *s, struct thread *t, const struct thread_ids *ids)
{
    const struct ids_version *top = (const void *)version_at(&t->ids, STATE_NOW);
    int64_t was = top ? counted_in(&top->ids) : -1, is = counted_in(ids);
    struct ids_version *v = version_new(s, sizeof(*v));

    if (was != is) {
        count_thread(s, was, -1);
        count_thread(s, is, 1);
    }
    v->ids = *ids;
    thread_changed(s, t);
    version_push(s, &t->ids, &v->v, s->at);
}

void thread_set_image(struct state *s, struct thread *t, const struct thread_image *image)
{
    struct image_version *v = version_new(s, sizeof(*v));

    v->image = *image;
    thread_changed(s, t);
    version_push(s, &t->image, &v->v, s->at);
}

void thread_set_creds(struct state *s, struct thread *t, const struct thread_creds *creds)
{
    struct creds_version *v = version_new(s, sizeof(*v));

    v->creds = *creds;
    thread_changed(s, t);
    version_push(s, &t->creds, &v->v, s->at);
}

void thread_set_use(struct state *s, struct thread *t, const struct thread_use *use)
{
    struct use_version *top = (void *)version_at(&t->use, STATE_NOW), *v;

    if (top && !s->history) { /* it changes with most events, and nobody asks for what it was */
        top->use = *use;
        return;
    }
    if (top && memcmp(&top->use, use, sizeof(*use)) == 0)
        return;
    v = version_new(s, sizeof(*v));
    v->use = *use;
    version_push(s, &t->use, &v->v, s->at);
}

void thread_set_cwd(struct state *s, struct thread *t, struct span cwd)
{
    const struct text_version *top = (const void *)version_at(&t->cwd, STATE_NOW);
    struct text_version *v;

    if (top && span_eq(top->text, cwd))
        return;
    v = version_new(s, sizeof(*v));
    v->text = state_text(s, cwd);
    thread_changed(s, t);
    version_push(s, &t->cwd, &v->v, s->at);
}

bool ids_invalid(const struct thread_ids *ids)
{
    return ids->pid < 0 || ids->ptid < 0;
}

void thread_remove(struct state *s, struct thread *t)
{
    if (t->gone != UINT64_MAX)
        return;
    s->epoch++;
    atomic_store_explicit(&t->gone, s->at, memory_order_release);
    buf_fini(&t->enter);
    buf_init(&t->enter, ENTER_MAX + EVENT_HEADER_LEN);
    if (t->live_next)
        t->live_next->live_prev = t->live_prev;
    if (t->live_prev)
        t->live_prev->live_next = t->live_next;
    else
        s->live = t->live_next;
    s->alive--;
    count_thread(s, counted_in(ids_now(t)), -1);
    if (!s->history) {
        t->next = s->ended;
        s->ended = t;
    }
}

static void link_life(struct thread *t, struct thread *before)
{
    t->before = t->jump = before;
    t->depth = before ? before->depth + 1 : 0;
    if (before && before->jump && before->jump->jump &&
        before->depth - before->jump->depth == before->jump->depth - before->jump->jump->depth)
        t->jump = before->jump->jump;
}

struct thread *thread_new(struct state *s, uint64_t tid, const struct thread_ids *ids,
                          const struct thread_image *image, const struct thread_creds *creds)
{
    static const struct thread_use unused;
    struct slot *slot = slot_get(s, &s->threads, tid, true);
    struct thread *before = slot->newest, *t;

    if (before && before->gone == UINT64_MAX)
        thread_remove(s, before);
    s->alive++;
    t = xcalloc(1, sizeof(*t));
    s->memory += sizeof(*t);
    t->tid = tid;
    t->born = s->at;
    t->life = ++slot->lives;
    t->gone = UINT64_MAX;
    buf_init(&t->enter, ENTER_MAX + EVENT_HEADER_LEN);
    if (s->history) {
        link_life(t, before);
        t->next = s->all_threads;
        s->all_threads = t;
    }
    t->live_next = s->live;
    if (s->live)
        s->live->live_prev = t;
    s->live = t;
    thread_set_ids(s, t, ids);
    thread_set_image(s, t, image);
    thread_set_creds(s, t, creds);
    thread_set_use(s, t, &unused);
    atomic_store_explicit(&slot->newest, t, memory_order_release);
    return t;
}

struct thread *thread_placeholder(struct state *s, uint64_t tid)
{
    struct thread_ids ids = {-1, -1, -1, -1, -1, -1, -1, THREAD_NAME_CHANGED};
    struct thread_image image = {.fdlimit = -1, .loginuid = UINT32_MAX};
    struct thread_creds creds = {.uid = UINT32_MAX, .gid = UINT32_MAX};

    if (s->alive >= THREADS_MAX)
        return NULL;
    image.comm = image.exe = span_of("<NA>");
    image.exepath = image.root = image.args = image.env = image.cgroups = image.container =
        span_of("");
    return thread_new(s, tid, &ids, &image, &creds);
}

/* ---- processes ------------------------------------------------------------------------------- */

static bool is_main(const struct thread *t, const struct thread_ids *ids)
{
    return (int64_t)t->tid == ids->pid || (ids->flags & THREAD_IS_MAIN);
}

struct thread *thread_leader(struct state *s, struct thread *t)
{
    const struct thread_ids *ids = ids_now(t);

    if (is_main(t, ids))
        return t;
    return ids->pid >= 0 ? thread_now(s, (uint64_t)ids->pid) : NULL;
}

static struct span own_cwd(const struct thread *t, uint64_t at)
{
    const struct text_version *v = (const void *)version_at(&t->cwd, at);

    return v ? v->text : (struct span){"", 0};
}

struct span thread_cwd_now(struct state *s, struct thread *t)
{
    struct thread *leader = thread_leader(s, t);

    return leader ? own_cwd(leader, STATE_NOW) : span_of("./");
}

void thread_chdir(struct state *s, struct thread *t, struct span path)
{
    struct thread *leader = thread_leader(s, t);

    if (!leader)
        return;
    buf_reset(&s->path);
    state_resolve_path(own_cwd(t, STATE_NOW), path, &s->path);
    if (s->path.len == 0 || s->path.data[s->path.len - 1] != '/')
        buf_addc(&s->path, '/');
    thread_set_cwd(s, leader, (struct span){s->path.data, s->path.len});
}

/* Parents that are not known become 0 (§1.1). */
static void tie(struct state *s, struct thread *t)
{
    struct thread_ids ids = *ids_now(t);
    struct thread *parent = ids.ptid >= 0 ? thread_now(s, (uint64_t)ids.ptid) : NULL;

    if (ids_invalid(&ids) || (parent && !ids_invalid(ids_now(parent))) || ids.ptid == 0)
        return;
    ids.ptid = 0;
    thread_set_ids(s, t, &ids);
}

void threads_tie_all(struct state *s)
{
    for (struct thread *t = s->live; t; t = t->live_next)
        tie(s, t);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static bool alive_in_group(const struct thread *t, int64_t pid)
{
    const struct thread_ids *ids = ids_now(t);

    return t->gone == UINT64_MAX && ids->pid == pid && !(ids->flags & THREAD_CLOSED);
}

static bool group_is_alive(struct state *s, int64_t pid)
{
    for (struct thread *t = s->live; t; t = t->live_next) {
        if (alive_in_group(t, pid))
            return true;
    }
    return false;
}

/* Who takes the children of a thread that has ended (§3.3). */
static int64_t reaper_of(struct state *s, struct thread *t, const struct thread_ids *ids)
{
    struct thread *chosen = s->ended_reaper > 0 ? thread_now(s, (uint64_t)s->ended_reaper) : NULL;

    for (struct thread *o = s->live; o && !chosen; o = o->live_next) {
        if (o != t && alive_in_group(o, ids->pid))
            chosen = o;
    }
    for (int level = 0; level < ANCESTORS_MAX && !chosen; level++) {
        struct thread *up = ids->ptid > 0 ? thread_now(s, (uint64_t)ids->ptid) : NULL;
        struct thread *leader = up ? thread_leader(s, up) : NULL;

        if (!leader)
            break;
        ids = ids_now(leader);
        if (!(ids->flags & THREAD_CLOSED) && (leader->reaper || ids->pid == 1 || ids->vpid == 1))
            chosen = leader;
    }
    return chosen ? (int64_t)chosen->tid : 0;
}

static void give_children_away(struct state *s, struct thread *t, const struct thread_ids *ids)
{
    int64_t reaper = -1;

    for (struct thread *c = s->live; c; c = c->live_next) {
        struct thread_ids child;

        if (ids_now(c)->ptid != (int64_t)t->tid)
            continue;
        if (reaper < 0)
            reaper = reaper_of(s, t, ids);
        child = *ids_now(c);
        child.ptid = reaper;
        thread_set_ids(s, c, &child);
    }
}

void threads_remove_ended(struct state *s)
{
    struct thread *t = s->ended_tid == UINT64_MAX ? NULL : thread_now(s, s->ended_tid);
    struct thread_ids ids;

    s->ended_tid = UINT64_MAX;
    if (!t)
        return;
    ids = *ids_now(t);
    s->ring[s->ring_at++ % COUNT_OF(s->ring)] = (struct removed){t->tid, (uint64_t)ids.ptid, s->ts};
    if (ids_invalid(&ids)) {
        thread_remove(s, t);
        return;
    }
    give_children_away(s, t, &ids);
    if (!group_is_alive(s, ids.pid)) {
        struct thread *leader = thread_leader(s, t);

        if (leader)
            thread_remove(s, leader);
        thread_remove(s, t);
    } else if (!is_main(t, &ids)) {
        thread_remove(s, t);
    }
}

/* ---- queries --------------------------------------------------------------------------------- */

bool state_thread(const struct state *s, uint64_t tid, uint64_t at, struct thread_view *out)
{
    struct thread *t = newest(s, tid);
    const struct ids_version *ids;
    uint64_t gone, next = UINT64_MAX;

    while (t && t->born > at) {
        next = t->born;
        t = t->jump && t->jump->born > at ? t->jump : t->before;
    }
    gone = t ? atomic_load_explicit(&t->gone, memory_order_acquire) : 0;
    if (!t || (gone != UINT64_MAX && gone <= at)) {
        watched_here(gone, next);
        return false;
    }
    watched_here(t->born, MIN_OF(gone, next));
    ids = (const void *)version_at(&t->ids, at);
    if (!ids)
        return false;
    out->thread = t;
    out->life = t->life;
    out->tid = tid;
    out->ids = &ids->ids;
    out->image = &((const struct image_version *)version_at(&t->image, at))->image;
    out->creds = &((const struct creds_version *)version_at(&t->creds, at))->creds;
    out->use = &((const struct use_version *)version_unwatched(&t->use, at))->use;
    out->cwd = own_cwd(t, at);
    return true;
}

bool state_leader(const struct state *s, const struct thread_view *t, uint64_t at,
                  struct thread_view *out)
{
    if (is_main(t->thread, t->ids)) {
        *out = *t;
        return true;
    }
    return t->ids->pid >= 0 && state_thread(s, (uint64_t)t->ids->pid, at, out);
}

bool state_ancestor(const struct state *s, const struct thread_view *t, unsigned n, uint64_t at,
                    struct thread_view *out)
{
    struct thread_view v;

    if (!state_leader(s, t, at, out))
        return false;
    for (; n; n--) {
        if (out->ids->ptid < 0 || !state_thread(s, (uint64_t)out->ids->ptid, at, &v) ||
            !state_leader(s, &v, at, out))
            return false;
    }
    return true;
}

struct span state_cwd(const struct state *s, const struct thread_view *t, uint64_t at)
{
    struct thread_view leader;

    return state_leader(s, t, at, &leader) ? leader.cwd : span_of("./");
}
