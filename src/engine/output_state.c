/* What the machine was at a moment of a capture, as rows: its threads, its descriptors, its containers. */
#include "internal.h"

struct moment {
    const struct state *state;
    VEC(struct thread_view) threads;
    json_t *rows;
    const struct thread_view *thread; /* whose descriptors are at hand */
};

static bool note_thread(void *ctx, const struct thread_view *t)
{
    struct moment *m = ctx;

    if (!(t->ids->flags & THREAD_CLOSED))
        vec_push(&m->threads, *t);
    return true;
}

static int by_pid(const void *a, const void *b)
{
    const struct thread_view *x = a, *y = b;

    if (x->ids->pid != y->ids->pid)
        return x->ids->pid < y->ids->pid ? -1 : 1;
    return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static json_t *text(struct span s)
{
    return rpc_text(s.n ? s.p : "", s.n);
}

static json_t *command_line(const struct thread_image *m)
{
    struct buf b;
    json_t *v;

    buf_init(&b, EVENT_LEN_MAX);
    buf_add(&b, m->comm.p, m->comm.n);
    for (size_t i = 0; i < m->args.n; i++) {
        if (i == 0)
            buf_addc(&b, ' ');
        if (m->args.p[i] || i + 1 < m->args.n)
            buf_addc(&b, m->args.p[i] ? m->args.p[i] : ' ');
    }
    v = rpc_text(buf_str(&b), b.len);
    buf_fini(&b);
    return v;
}

static bool count_fd(void *ctx, int64_t fd, const struct fd_info *f)
{
    UNUSED(fd);
    UNUSED(f);
    ++*(uint64_t *)ctx;
    return true;
}

static json_t *thread_row(const struct moment *m, const struct thread_view *t)
{
    struct user_info user;
    struct span cwd = state_cwd(m->state, t, STATE_NOW);
    bool known = state_user(m->state, t->image->container, t->creds->uid, STATE_NOW, &user);
    uint64_t fds = 0;
    json_t *o =
        json_pack("{sI sI sI si so so so so so so}", "tid", (json_int_t)t->tid, "pid",
                  (json_int_t)t->ids->pid, "ppid", (json_int_t)t->ids->ptid, "uid",
                  (int)(int32_t)t->creds->uid, "user", known ? text(user.name) : json_null(),
                  "name", text(t->image->comm), "exepath", text(t->image->exepath), "cmdline",
                  command_line(t->image), "cwd", text(cwd), "container", text(t->image->container));

    state_each_fd(m->state, t, STATE_NOW, count_fd, &fds);
    json_object_set_new(o, "descriptors", json_integer((json_int_t)fds));
    json_object_set_new(o, "started",
                        t->image->clone_ts ? rpc_u64(t->image->clone_ts) : json_null());
    return o;
}

static bool add_fd(void *ctx, int64_t fd, const struct fd_info *f)
{
    struct moment *m = ctx;
    const char *kind = fd_type_text(f), *l4 = fd_l4_text(f);
    json_t *o = json_pack("{sI so sI so so so so}", "pid", (json_int_t)m->thread->ids->pid,
                          "process", text(m->thread->image->comm), "fd", (json_int_t)fd, "type",
                          kind ? json_string(kind) : json_null(), "protocol",
                          l4 ? json_string(l4) : json_null(), "name", text(f->name), "container",
                          text(m->thread->image->container));

    json_object_set_new(o, "role",
                        f->role == ROLE_CLIENT   ? json_string("client")
                        : f->role == ROLE_SERVER ? json_string("server")
                                                 : json_null());
    json_array_append_new(m->rows, o);
    return true;
}

/* Each table once: that of a process is its leader's, of threads that share none their own. */
static bool has_own_table(const struct thread_view *t)
{
    return (int64_t)t->tid == t->ids->pid || !(t->ids->flags & THREAD_CLONE_FILES);
}

static json_t *container_row(const struct moment *m, struct span id)
{
    const struct container_info *c = state_container(m->state, id, STATE_NOW);
    uint64_t processes = 0;

    for (size_t i = 0; i < m->threads.n; i++)
        processes += span_eq(m->threads.v[i].image->container, id) &&
                     (int64_t)m->threads.v[i].tid == m->threads.v[i].ids->pid;
    return json_pack("{so so so so sI}", "id", text(id), "name", c ? text(c->name) : json_null(),
                     "image", c ? text(c->image) : json_null(), "type",
                     c && flag_name_of("_container_type", c->type)
                         ? json_string(flag_name_of("_container_type", c->type))
                         : json_null(),
                     "processes", (json_int_t)processes);
}

static void add_containers(struct moment *m)
{
    for (size_t i = 0; i < m->threads.n; i++) {
        struct span id = m->threads.v[i].image->container;
        size_t k = 0;

        while (k < i && !span_eq(m->threads.v[k].image->container, id))
            k++;
        if (k == i && id.n)
            json_array_append_new(m->rows, container_row(m, id));
    }
}

json_t *output_state_json(const struct state *s, const char *table)
{
    struct moment m = {.state = s, .rows = json_array()};

    state_each_thread(s, STATE_NOW, note_thread, &m);
    if (m.threads.n)
        qsort(m.threads.v, m.threads.n, sizeof(*m.threads.v), by_pid);
    for (size_t i = 0; i < m.threads.n; i++) {
        m.thread = &m.threads.v[i];
        if (str_eq(table, "threads"))
            json_array_append_new(m.rows, thread_row(&m, m.thread));
        else if (str_eq(table, "fds") && has_own_table(m.thread))
            state_each_fd(s, m.thread, STATE_NOW, add_fd, &m);
    }
    if (str_eq(table, "containers"))
        add_containers(&m);
    vec_free(&m.threads);
    return m.rows;
}
