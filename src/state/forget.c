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
    s->texts_arena = (struct arena){0};
    for (struct thread *t = s->live; t; t = t->live_next)
        keep_thread(s, t);
    keep_users(s, &s->users);
    keep_users(s, &s->groups);
    containers_keep_texts(s);
    arena_fini(&old);
    s->texts_limit = MAX_OF(TEXTS_MIN, 2 * s->texts_bytes);
}

void state_forget(struct state *s)
{
    if (s->ended)
        forget_ended(s);
    if (s->texts_bytes > s->texts_limit)
        forget_texts(s);
}
