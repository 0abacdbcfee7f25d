/* What a state without history need not keep: threads that have ended, texts that nothing holds. */
#include "internal.h"

static void table_free(struct fd_table *t)
{
    for (size_t p = 0; p < COUNT_OF(t->pages); p++) {
        for (unsigned i = 0; t->pages[p] && i < FD_PAGE; i++)
            versions_free(&t->pages[p]->fds[i]);
        free(t->pages[p]);
    }
    free(t);
}

static void thread_free(struct thread *t)
{
    versions_free(&t->ids);
    versions_free(&t->image);
    versions_free(&t->creds);
    versions_free(&t->use);
    versions_free(&t->cwd);
    buf_fini(&t->enter);
    free(t);
}

/* A thread without history, with the descriptors that nobody shares. */
static void thread_forget(struct state *s, struct thread *t)
{
    if (t->fds) {
        table_free(t->fds);
        s->memory -= sizeof(struct fd_table);
    }
    thread_free(t);
    s->memory -= sizeof(*t);
}

void threads_free(struct state *s)
{
    for (struct thread *t = s->all_threads, *next; t; t = next) {
        next = t->next;
        thread_free(t);
    }
    for (struct fd_table *t = s->all_tables, *next; t; t = next) {
        next = t->next;
        table_free(t);
    }
    for (struct thread *t = s->history ? NULL : s->live, *next; t; t = next) {
        next = t->live_next;
        thread_forget(s, t);
    }
    for (struct thread *t = s->ended, *next; t; t = next) {
        next = t->next;
        thread_forget(s, t);
    }
}

static void forget_ended(struct state *s)
{
    for (struct thread *t = s->ended, *next; t; t = next) {
        struct slot *slot = slot_get(s, &s->threads, t->tid, false);

        next = t->next;
        if (slot && slot->newest == t)
            slot->newest = NULL;
        if (s->recent[t->tid % COUNT_OF(s->recent)] == t)
            s->recent[t->tid % COUNT_OF(s->recent)] = NULL;
        if (s->closing == t)
            s->closing = NULL;
        thread_forget(s, t);
    }
    s->ended = NULL;
}

/* ---- texts ----------------------------------------------------------------------------------- */

void text_keep(struct state *s, struct span *text)
{
    *text = state_text(s, *text);
}

static void keep_fds(struct state *s, struct fd_table *t)
{
    for (size_t p = 0; p < COUNT_OF(t->pages); p++) {
        for (unsigned i = 0; t->pages[p] && i < FD_PAGE; i++) {
            struct fd_version *v = (struct fd_version *)version_at(&t->pages[p]->fds[i], STATE_NOW);

            if (!v || v->closed)
                continue;
            text_keep(s, &v->info.name);
            text_keep(s, &v->info.raw);
        }
    }
}

static void keep_thread(struct state *s, struct thread *t)
{
    struct thread_image *image = (void *)image_now(t);
    struct text_version *cwd = (void *)version_at(&t->cwd, STATE_NOW);
    struct span *const texts[] = {&image->comm, &image->exe, &image->exepath, &image->root,
                                  &image->args, &image->env, &image->cgroups, &image->container};

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        text_keep(s, texts[i]);
    if (cwd)
        text_keep(s, &cwd->text);
    if (t->fds)
        keep_fds(s, t->fds);
}

static void keep_users(struct state *s, struct slots *users)
{
    for (size_t i = 0; i < COUNT_OF(users->buckets); i++) {
        for (struct slot *p = users->buckets[i]; p; p = p->next) {
            struct user_version *v = (void *)version_at(&p->name, STATE_NOW);

            if (!v)
                continue;
            text_keep(s, &v->user.name);
            text_keep(s, &v->user.home);
            text_keep(s, &v->user.shell);
        }
    }
}

/* Those that something holds are kept anew, the rest goes. */
static void forget_texts(struct state *s)
{
    struct arena old = s->texts_arena;

    free(s->texts);
    s->texts = NULL;
    s->texts_size = s->texts_n = 0;
    s->memory -= s->texts_bytes;
    s->texts_bytes = 0;
    s->texts_life++;
    memset(s->records, 0, sizeof(s->records));
    s->texts_arena = (struct arena){0};
    for (struct thread *t = s->live; t; t = t->live_next)
        keep_thread(s, t);
    keep_users(s, &s->users);
    keep_users(s, &s->groups);
    containers_keep_texts(s);
    arena_fini(&old);
    s->texts_limit = MAX_OF(TEXTS_MIN, 2 * s->texts_bytes);
}

/* ---- the past of a state with history ---------------------------------------------------------- */

static void forget_versions(struct state *s, version_head *head, size_t size)
{
    struct version *now = *head;

    if (!now)
        return;
    for (struct version *v = now->before, *before; v; v = before) {
        before = v->before;
        free(v);
        s->memory -= size;
    }
    now->before = now->jump = NULL;
    now->depth = 0;
}

static size_t fd_version_size(const struct version *v)
{
    return ((const struct fd_version *)v)->closed ? offsetof(struct fd_version, info)
                                                  : sizeof(struct fd_version);
}

/* Its versions, but for the newest of each descriptor; of those that are closed, and with gone, all. */
static void forget_fds(struct state *s, struct fd_table *t, bool gone)
{
    for (size_t p = 0; p < COUNT_OF(t->pages); p++) {
        for (unsigned i = 0; t->pages[p] && i < FD_PAGE; i++) {
            version_head *head = &t->pages[p]->fds[i];
            struct version *now = *head, *v = now;
            bool goes = now && (gone || ((struct fd_version *)now)->closed);

            for (struct version *before; v; v = before) {
                before = v->before;
                if (v == now && !goes)
                    continue;
                s->memory -= fd_version_size(v);
                free(v);
            }
            if (goes)
                *head = NULL;
            else if (now)
                now->before = now->jump = NULL, now->depth = 0;
        }
        if (gone && t->pages[p]) {
            free(t->pages[p]);
            s->memory -= sizeof(struct fd_page);
        }
    }
}

static void forget_tables(struct state *s)
{
    struct fd_table *all = s->all_tables;

    for (struct thread *t = s->live; t; t = t->live_next) {
        if (t->fds)
            fds_make_own(s, t->fds);
    }
    s->all_tables = NULL;
    for (struct thread *t = s->live; t; t = t->live_next) {
        if (t->fds)
            ((struct fd_table *)t->fds)->copied_at = UINT64_MAX; /* it stays */
    }
    for (struct fd_table *t = all, *next; t; t = next) {
        next = t->next;
        forget_fds(s, t, t->copied_at != UINT64_MAX);
        if (t->copied_at != UINT64_MAX) {
            free(t);
            s->memory -= sizeof(*t);
            continue;
        }
        t->copied_at = 0;
        t->next = s->all_tables;
        s->all_tables = t;
    }
}

static void forget_thread_past(struct state *s, struct thread *t)
{
    forget_versions(s, &t->ids, sizeof(struct ids_version));
    forget_versions(s, &t->image, sizeof(struct image_version));
    forget_versions(s, &t->creds, sizeof(struct creds_version));
    forget_versions(s, &t->use, sizeof(struct use_version));
    forget_versions(s, &t->cwd, sizeof(struct text_version));
    t->before = t->jump = NULL;
    t->depth = 0;
}

static void free_gone(struct state *s, struct thread *t)
{
    struct slot *slot = slot_get(s, &s->threads, t->tid, false);

    if (slot && slot->newest == t)
        slot->newest = NULL;
    if (s->recent[t->tid % COUNT_OF(s->recent)] == t)
        s->recent[t->tid % COUNT_OF(s->recent)] = NULL;
    if (s->closing == t)
        s->closing = NULL;
    forget_thread_past(s, t);
    s->memory -= sizeof(*t) + sizeof(struct ids_version) + sizeof(struct image_version) +
                 sizeof(struct creds_version) + sizeof(struct use_version) +
                 (t->cwd ? sizeof(struct text_version) : 0);
    thread_free(t);
}

static void forget_threads(struct state *s)
{
    struct thread *all = s->all_threads, **end = &s->all_threads;

    for (struct thread *t = all, *next; t; t = next) {
        next = t->next;
        if (t->gone != UINT64_MAX) {
            free_gone(s, t);
            continue;
        }
        forget_thread_past(s, t);
        *end = t;
        end = &t->next;
    }
    *end = NULL;
}

void forget_slots(struct state *s, struct slots *slots, size_t size)
{
    for (size_t i = 0; i < COUNT_OF(slots->buckets); i++) {
        for (struct slot *p = slots->buckets[i]; p; p = p->next)
            forget_versions(s, &p->name, size);
    }
}

bool state_has_much_past(const struct state *s)
{
    return s->history && s->memory > s->past_limit;
}

void state_forget_past(struct state *s)
{
    forget_tables(s);
    forget_threads(s);
    forget_slots(s, &s->users, sizeof(struct user_version));
    forget_slots(s, &s->groups, sizeof(struct user_version));
    forget_slots(s, &s->processes, sizeof(struct count_version));
    containers_forget_past(s);
    forget_texts(s);
    s->past_limit = MAX_OF(PAST_MIN, 2 * s->memory);
}

/* ---- between two events of a state without -------------------------------------------------------- */

void state_forget(struct state *s)
{
    if (s->ended)
        forget_ended(s);
    if (s->texts_bytes > s->texts_limit)
        forget_texts(s);
}
