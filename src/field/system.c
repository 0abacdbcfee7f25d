/* What the getters of fields of system calls share: values, the thread and the descriptor that an event
 * is about, names for its parameters. */
#include "system.h"

/* ---- setting values -------------------------------------------------------------------------- */

void put_number(struct get *g, uint64_t n)
{
    g->out->state = VALUE_OK;
    g->out->n = 1;
    g->out->one.u = n;
}

/* Text that lives as long as the state or the event. */
void put_text(struct get *g, struct span s)
{
    g->out->state = VALUE_OK;
    g->out->n = 1;
    g->out->one.s = s;
}

void put_words(struct get *g, const char *s)
{
    if (s)
        put_text(g, span_of(s));
}

void put_buf(struct get *g, struct buf *b)
{
    put_text(g, (struct span){arena_strndup(g->arena, buf_str(b), b->len), b->len});
    buf_fini(b);
}

void put_param(struct get *g, struct buf *value, struct buf *resolved)
{
    put_buf(g, resolved->len ? resolved : value);
    buf_fini(value);
    buf_fini(resolved);
}

/* ---- who and what an event is about ---------------------------------------------------------- */

const struct thread_view *field_thread_of(const struct field_event *e)
{
    struct field_thread *t = e->thread;

    if (!e->state || !t)
        return NULL;
    if (!t->asked) {
        t->asked = true;
        t->there = state_event_thread(e->state, e->bytes, e->at, &t->view);
    }
    return t->there ? &t->view : NULL;
}

bool event_uses_fd(const struct event_type *t)
{
    return t && (t->flags & (EVENT_CREATES_FD | EVENT_USES_FD | EVENT_DESTROYS_FD));
}

int64_t field_fd_number(const struct field_event *e)
{
    struct field_thread *t = e->thread;

    if (t && !t->fd_asked) {
        const void *whole = e->whole ? e->whole(e) : NULL;

        t->fd_asked = true;
        t->fd = state_event_fd(whole ? whole : e->bytes);
    }
    return t ? t->fd : state_event_fd(e->bytes);
}

const struct fd_info *field_fd_of(const struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);

    return t && event_uses_fd(g->type) ? state_fd(g->e->state, t, field_fd_number(g->e), g->e->at)
                                       : NULL;
}

/* ---- the resolver of parameters -------------------------------------------------------------- */

static bool resolve_fd(void *ctx, int64_t fd, struct buf *out)
{
    const struct field_event *e = ctx;
    const struct thread_view *t = field_thread_of(e);
    const struct fd_info *f = t ? state_fd(e->state, t, fd, e->at) : NULL;
    const char *l4;

    if (!f)
        return false;
    l4 = fd_l4_text(f);
    buf_addc(out, '<');
    buf_addc(out, fd_type_char(f));
    if (l4)
        buf_addc(out, l4[0]);
    buf_addc(out, '>');
    buf_add(out, f->name.p, f->name.n);
    return true;
}

static char resolve_fd_char(void *ctx, int64_t fd)
{
    const struct field_event *e = ctx;
    const struct thread_view *t = field_thread_of(e);
    const struct fd_info *f = t ? state_fd(e->state, t, fd, e->at) : NULL;

    return f ? fd_type_char(f) : '?';
}

static bool resolve_thread(void *ctx, int64_t tid, struct buf *out)
{
    const struct field_event *e = ctx;
    struct thread_view t;

    if (!e->state || !state_thread(e->state, (uint64_t)tid, e->at, &t) || t.image->comm.n == 0)
        return false;
    buf_add(out, t.image->comm.p, t.image->comm.n);
    return true;
}

static struct span container_of(const struct field_event *e)
{
    const struct thread_view *t = field_thread_of(e);

    return t ? t->image->container : (struct span){"", 0};
}

static bool resolve_user(void *ctx, uint32_t uid, struct buf *out)
{
    const struct field_event *e = ctx;
    struct user_info user;

    if (!e->state || !state_user(e->state, container_of(e), uid, e->at, &user))
        return false;
    return buf_add(out, user.name.p, user.name.n);
}

static bool resolve_group(void *ctx, uint32_t gid, struct buf *out)
{
    const struct field_event *e = ctx;
    struct span name;

    if (!e->state || !state_group(e->state, container_of(e), gid, e->at, &name))
        return false;
    return buf_add(out, name.p, name.n);
}

static bool resolve_path(void *ctx, int64_t dirfd, struct span path, struct buf *out)
{
    const struct field_event *e = ctx;
    const struct thread_view *t = field_thread_of(e);
    const struct fd_info *f;
    struct buf dir;

    if (!t)
        return false;
    buf_init(&dir, 65536);
    if (dirfd == -100) {
        struct span cwd = state_cwd(e->state, t, e->at);

        buf_add(&dir, cwd.p, cwd.n);
    } else if ((f = state_fd(e->state, t, dirfd, e->at))) {
        buf_add(&dir, f->name.p, f->name.n);
        buf_addc(&dir, '/');
    } else {
        buf_adds(&dir, "<UNKNOWN>");
    }
    state_resolve_path((struct span){buf_str(&dir), dir.len}, path, out);
    buf_fini(&dir);
    return true;
}

struct event_resolver field_resolver(const struct field_event *e)
{
    return (struct event_resolver){(void *)e,    resolve_fd,    resolve_fd_char, resolve_thread,
                                   resolve_user, resolve_group, resolve_path,    e->bytes_form};
}
