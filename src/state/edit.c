/* What is there at a place, one by one; and what plugins write into the present. */
#include "internal.h"

size_t state_thread_count(const struct state *s)
{
    return s->alive;
}

void state_each_thread(const struct state *s, uint64_t at,
                       bool (*each)(void *ctx, const struct thread_view *t), void *ctx)
{
    struct thread_view view;

    for (const struct thread *t = at == STATE_NOW ? s->live : s->all_threads; t;) {
        const struct thread *next = at == STATE_NOW ? t->live_next : t->next;

        if (t->born <= at && state_thread(s, t->tid, at, &view) && view.thread == t &&
            !each(ctx, &view))
            return;
        t = next;
    }
}

/* ---- writing: the building thread ------------------------------------------------------------ */

bool state_add_thread(struct state *s, uint64_t tid)
{
    struct thread *t = thread_placeholder(s, tid);
    struct thread_ids ids;

    if (!t)
        return false;
    ids = *ids_now(t);
    ids.flags |= THREAD_ACTIVE;
    thread_set_ids(s, t, &ids);
    return true;
}

bool state_erase_thread(struct state *s, uint64_t tid)
{
    struct thread *t = thread_now(s, tid);

    if (!s->history)
        state_forget(s); /* between events of its own there may be none */
    if (t)
        thread_remove(s, t);
    return t != NULL;
}

bool state_write_ids(struct state *s, uint64_t tid, const struct thread_ids *ids)
{
    struct thread *t = thread_now(s, tid);

    if (t)
        thread_set_ids(s, t, ids);
    return t != NULL;
}

bool state_write_image(struct state *s, uint64_t tid, const struct thread_image *image)
{
    struct thread *t = thread_now(s, tid);
    struct thread_image own = *image;

    if (!t)
        return false;
    own.comm = state_text(s, image->comm);
    own.exe = state_text(s, image->exe);
    own.exepath = state_text(s, image->exepath);
    own.root = state_text(s, image->root);
    own.args = state_text(s, image->args);
    own.env = state_text(s, image->env);
    own.cgroups = state_text(s, image->cgroups);
    own.container = state_container_of(s, own.cgroups);
    thread_set_image(s, t, &own);
    return true;
}

bool state_write_creds(struct state *s, uint64_t tid, const struct thread_creds *creds)
{
    struct thread *t = thread_now(s, tid);

    if (t)
        thread_set_creds(s, t, creds);
    return t != NULL;
}

bool state_write_fd(struct state *s, uint64_t tid, int64_t fd, const struct fd_info *f)
{
    struct thread *t = thread_now(s, tid);
    struct fd_info own;

    if (!t || fd < 0 || fd >= (int64_t)FDS_MAX)
        return false;
    if (!f) {
        bool there = fd_now(s, t, fd) != NULL;

        fd_close(s, t, fd);
        return there;
    }
    own = *f;
    own.name = state_text(s, f->name);
    own.raw = state_text(s, f->raw);
    fd_put(s, t, fd, &own);
    return true;
}
