/* What the machine was at a moment of a capture, as rows: its threads, its descriptors, its containers. */
#include "internal.h"

#define TREE_DEPTH 64

struct moment {
    const struct state *state;
    uint64_t at;
    VEC(struct thread_view) threads;
    VEC(const struct thread_view *) processes; /* of them, sorted by parent */
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
    struct span cwd = state_cwd(m->state, t, m->at);
    bool known = state_user(m->state, t->image->container, t->creds->uid, m->at, &user);
    uint64_t fds = 0;
    json_t *o =
        json_pack("{sI sI sI si so so so so so so}", "tid", (json_int_t)t->tid, "pid",
                  (json_int_t)t->ids->pid, "ppid", (json_int_t)t->ids->ptid, "uid",
                  (int)(int32_t)t->creds->uid, "user", known ? text(user.name) : json_null(),
                  "name", text(t->image->comm), "exepath", text(t->image->exepath), "cmdline",
                  command_line(t->image), "cwd", text(cwd), "container", text(t->image->container));

    state_each_fd(m->state, t, m->at, count_fd, &fds);
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
    const struct container_info *c = state_container(m->state, id, m->at);
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

/* ---- processes as a tree -------------------------------------------------------------------------- */

static bool is_process(const struct thread_view *t)
{
    return (int64_t)t->tid == t->ids->pid;
}

static int by_parent(const void *a, const void *b)
{
    const struct thread_view *x = *(const struct thread_view *const *)a,
                             *y = *(const struct thread_view *const *)b;

    return x->ids->ptid != y->ids->ptid ? (x->ids->ptid < y->ids->ptid ? -1 : 1) : by_pid(x, y);
}

/* The first of the children of a process, among processes that are sorted by parent. */
static size_t children_of(const struct moment *m, int64_t pid)
{
    size_t from = 0, to = m->processes.n;

    while (from < to) {
        size_t mid = (from + to) / 2;

        if (m->processes.v[mid]->ids->ptid < pid)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

/* Children behind their parent; `here` is marked. */
static void add_branch(struct moment *m, const struct thread_view *t, unsigned depth,
                       const struct thread_view *here)
{
    json_t *row = thread_row(m, t);

    json_object_set_new(row, "depth", json_integer((json_int_t)depth));
    if (here && here->ids->pid == t->ids->pid)
        json_object_set_new(row, "here", json_true());
    json_array_append_new(m->rows, row);
    for (size_t i = children_of(m, t->ids->pid);
         depth < TREE_DEPTH && i < m->processes.n && m->processes.v[i]->ids->ptid == t->ids->pid;
         i++) {
        if (m->processes.v[i]->ids->pid != t->ids->pid)
            add_branch(m, m->processes.v[i], depth + 1, here);
    }
}

static bool has_parent(const struct moment *m, const struct thread_view *t)
{
    struct thread_view parent;

    return t->ids->ptid != t->ids->pid && t->ids->ptid >= 0 &&
           state_thread(m->state, (uint64_t)t->ids->ptid, m->at, &parent) && is_process(&parent) &&
           !(parent.ids->flags & THREAD_CLOSED);
}

static void add_tree(struct moment *m, const struct thread_view *here)
{
    for (size_t i = 0; i < m->threads.n; i++) {
        if (is_process(&m->threads.v[i]))
            vec_push(&m->processes, &m->threads.v[i]);
    }
    if (m->processes.n)
        qsort(m->processes.v, m->processes.n, sizeof(*m->processes.v), by_parent);
    for (size_t i = 0; i < m->threads.n; i++) {
        const struct thread_view *t = &m->threads.v[i];

        if (is_process(t) && !has_parent(m, t))
            add_branch(m, t, 0, here);
    }
    vec_free(&m->processes);
}

static void collect(struct moment *m)
{
    state_each_thread(m->state, m->at, note_thread, m);
    if (m->threads.n)
        qsort(m->threads.v, m->threads.n, sizeof(*m->threads.v), by_pid);
}

json_t *output_state_json(const struct state *s, const char *table)
{
    struct moment m = {.state = s, .at = STATE_NOW, .rows = json_array()};

    collect(&m);
    if (str_eq(table, "tree"))
        add_tree(&m, NULL);
    for (size_t i = 0; i < m.threads.n; i++) {
        m.thread = &m.threads.v[i];
        if (str_eq(table, "threads"))
            json_array_append_new(m.rows, thread_row(&m, m.thread));
        else if (str_eq(table, "fds") && has_own_table(m.thread))
            state_each_fd(s, m.thread, m.at, add_fd, &m);
    }
    if (str_eq(table, "containers"))
        add_containers(&m);
    vec_free(&m.threads);
    return m.rows;
}

/* ---- the process of an event ------------------------------------------------------------------------ */

static json_t *ancestors_of(const struct moment *m, const struct thread_view *t)
{
    json_t *list = json_array();
    struct thread_view a;

    for (unsigned n = 1; n < 64 && state_ancestor(m->state, t, n, m->at, &a); n++)
        json_array_append_new(list, thread_row(m, &a));
    return list;
}

static void run_process(struct engine *e, struct job *j)
{
    struct event_reader *r = &e->plugin_scanner.reader;
    struct thread_view thread, leader;
    struct looked_up ev;
    struct moment m = {0};
    json_t *answer, *fds;

    if (!event_look_up(e, j->id, j->params, &ev))
        return;
    reader_event(r, NULL, ev.bytes.data, ev.row, ev.before);
    m.state = r->fe.state;
    m.at = r->fe.at;
    if (!m.state || !state_event_thread(m.state, ev.bytes.data, m.at, &thread)) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "this event is of no process that is known");
        buf_fini(&ev.bytes);
        return;
    }
    if (!state_leader(m.state, &thread, m.at, &leader))
        leader = thread;
    fds = m.rows = json_array();
    m.thread = &leader;
    state_each_fd(m.state, &leader, m.at, add_fd, &m);
    m.rows = json_array();
    collect(&m);
    add_tree(&m, &leader);
    answer = json_pack("{so so so so so}", "number", rpc_u64(ev.number), "process",
                       thread_row(&m, &leader), "ancestors", ancestors_of(&m, &leader),
                       "descriptors", fds, "tree", m.rows);
    vec_free(&m.threads);
    buf_fini(&ev.bytes);
    reply(e, j->id, answer);
}

void method_process(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_process, id, params, NULL);
}
