/* Fields of what processes and threads are part of and what they use: sessions and groups of processes,
 * threads, memory, descriptors, capabilities (field-extraction, §3; event-state, §8.2). */
#include "system.h"

#define ANCESTORS_MAX 64

/* ---- sessions and groups of processes ---------------------------------------------------------- */

static int64_t id_of(const struct thread_view *t, int what)
{
    return what == LEADS_SESSION ? t->ids->sid : what == LEADS_VPGID ? t->ids->vpgid : t->ids->pgid;
}

static bool in_pid_namespace(const struct thread_view *t)
{
    return (t->ids->flags & THREAD_CHILD_IN_PIDNS) ||
           (t->ids->vtid >= 0 && (int64_t)t->tid != t->ids->vtid);
}

/* The thread of that ID; where the ID is of a namespace, the oldest ancestor that has it, too, in a chain
 * without a gap. */
static bool leader_of(const struct get *g, const struct thread_view *t, int what,
                      struct thread_view *out)
{
    int64_t id = id_of(t, what);
    struct thread_view a;
    bool found = false;

    if (id == -1)
        return false;
    if ((what == LEADS_PGID || !in_pid_namespace(t)) &&
        state_thread(g->e->state, (uint64_t)id, g->e->at, out))
        return true;
    for (unsigned n = 1; n < ANCESTORS_MAX && state_ancestor(g->e->state, t, n, g->e->at, &a) &&
                         id_of(&a, what) == id;
         n++) {
        *out = a;
        found = true;
    }
    return found;
}

/* what: the leader of what, and which of its texts. */
void system_get_leader(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view leader;

    if (!t)
        return;
    if (leader_of(g, t, g->what & LEADS_MASK, &leader))
        system_put_program(g, leader.image, g->what & ~LEADS_MASK);
    else
        put_words(g, "");
}

void system_get_is_leader(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);

    if (t)
        put_number(g, id_of(t, g->what) == (g->what == LEADS_PGID ? t->ids->pid : t->ids->vpid));
}

/* Of itself and its ancestors the oldest that is a shell. */
void system_get_login_shell(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view a;

    for (unsigned n = 0; t && n < ANCESTORS_MAX && state_ancestor(g->e->state, t, n, g->e->at, &a);
         n++) {
        struct span comm = a.image->comm;

        if (comm.n >= 2 && memcmp(comm.p + comm.n - 2, "sh", 2) == 0)
            put_number(g, (uint64_t)a.ids->pid);
    }
}

/* ---- arguments, the executable ----------------------------------------------------------------- */

static void count_args(struct get *g, struct span args)
{
    uint64_t n = 0, bytes = 0;

    for (; args.n; n++)
        bytes += span_take(&args).n;
    put_number(g, g->what == X_ARGS ? n : bytes);
}

static void some_number(struct get *g, uint64_t n)
{
    if (n)
        put_number(g, n);
}

void system_get_executable(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    const struct thread_image *m = t ? t->image : NULL;

    if (!m)
        return;
    switch (g->what) {
    case X_ARGS:
    case X_ARG_BYTES:
        count_args(g, m->args);
        break;
    case X_WRITABLE:
        put_number(g, m->exe_writable);
        break;
    case X_UPPER:
        put_number(g, m->exe_upper_layer);
        break;
    case X_LOWER:
        put_number(g, m->exe_lower_layer);
        break;
    case X_MEMFD:
        put_number(g, m->exe_from_memfd);
        break;
    case X_INO:
        some_number(g, m->exe_ino);
        break;
    case X_CTIME:
        some_number(g, m->exe_ino_ctime);
        break;
    case X_MTIME:
        some_number(g, m->exe_ino_mtime);
        break;
    case X_CTIME_START: /* told by an execve, of a process whose clone was seen */
        if (m->exec_ts && m->exe_ino_ctime && m->clone_ts > m->exe_ino_ctime)
            put_number(g, m->clone_ts - m->exe_ino_ctime);
        break;
    case X_CTIME_PIDNS:
        if (m->exec_ts && m->pidns_ts && m->exe_ino_ctime > m->pidns_ts)
            put_number(g, m->exe_ino_ctime - m->pidns_ts);
        break;
    default:
        some_number(g, m->pidns_ts);
    }
}

/* ---- times ------------------------------------------------------------------------------------- */

void system_get_age(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view other;
    uint64_t cloned;

    if (!t)
        return;
    cloned = t->image->clone_ts;
    if (g->what == AGE_PARENT || g->what == AGE_PARENT_TS) {
        if (g->what == AGE_PARENT
                ? !state_ancestor(g->e->state, t, 1, g->e->at, &other)
                : t->ids->ptid < 0 ||
                      !state_thread(g->e->state, (uint64_t)t->ids->ptid, g->e->at, &other))
            return;
        cloned = other.image->clone_ts;
    }
    if (g->what == AGE_PARENT_TS)
        put_number(g, cloned);
    else if (cloned)
        put_number(g, g->what == AGE_TS ? cloned : event_ts(g->e->bytes) - cloned);
}

/* ---- what it uses ------------------------------------------------------------------------------ */

static bool count_fd(void *ctx, int64_t fd, const struct fd_info *f)
{
    UNUSED(fd);
    UNUSED(f);
    ++*(uint64_t *)ctx;
    return true;
}

static void descriptors(struct get *g, const struct thread_view *t)
{
    struct thread_view leader;
    uint64_t n = 0;
    double limit;

    if (!state_leader(g->e->state, t, g->e->at, &leader)) {
        put_number(g, 0);
        return;
    }
    if (g->what == U_FDLIMIT) {
        put_number(g, (uint64_t)leader.image->fdlimit);
        return;
    }
    state_each_fd(g->e->state, &leader, g->e->at, count_fd, &n);
    put_number(g, n);
    if (g->what == U_FDUSAGE) {
        limit = (double)leader.image->fdlimit;
        g->out->one.d = limit > 0 ? MIN_OF((double)n * 100 / limit, 100.0) : 0;
    }
}

static bool is_main(const struct thread_view *t)
{
    return (int64_t)t->tid == t->ids->pid || (t->ids->flags & THREAD_IS_MAIN);
}

/* Without the leader: as long as it lives, it is one of them. */
static void threads(struct get *g, const struct thread_view *t)
{
    uint64_t n = t->ids->pid < 0 ? 0 : state_threads_of(g->e->state, t->ids->pid, g->e->at);
    struct thread_view leader;

    if (g->what == U_CHILDREN && n && state_leader(g->e->state, t, g->e->at, &leader) &&
        !(leader.ids->flags & THREAD_CLOSED))
        n--;
    put_number(g, n);
}

void system_get_usage(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);

    if (!t)
        return;
    switch (g->what) {
    case U_TTY:
        put_number(g, t->image->tty);
        break;
    case U_FDLIMIT:
    case U_FDCOUNT:
    case U_FDUSAGE:
        descriptors(g, t);
        break;
    case U_THREADS:
    case U_CHILDREN:
        threads(g, t);
        break;
    case U_VMSIZE:
        put_number(g, t->use->vm_size);
        break;
    case U_VMRSS:
        put_number(g, t->use->vm_rss);
        break;
    case U_VMSWAP:
        put_number(g, t->use->vm_swap);
        break;
    case U_MAIN_VMSIZE:
        put_number(g, is_main(t) ? t->use->vm_size : 0);
        break;
    case U_MAIN_VMRSS:
        put_number(g, is_main(t) ? t->use->vm_rss : 0);
        break;
    case U_MAIN_VMSIZE_B:
        put_number(g, is_main(t) ? (uint64_t)t->use->vm_size * 1024 : 0);
        break;
    case U_MAIN_VMRSS_B:
        put_number(g, is_main(t) ? (uint64_t)t->use->vm_rss * 1024 : 0);
        break;
    case U_PFMAJOR:
        put_number(g, t->use->pf_major);
        break;
    case U_PFMINOR:
        put_number(g, t->use->pf_minor);
        break;
    default:
        put_number(g, is_main(t));
    }
}

/* thread.cpu: of records of the time that a thread ran only. */
void system_get_cpu(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    unsigned busy;

    if (!t || event_code(g->e->bytes) != EVENT_PROCINFO)
        return;
    busy = g->what == CPU_USER     ? t->use->busy_user
           : g->what == CPU_SYSTEM ? t->use->busy_system
                                   : t->use->busy_user + t->use->busy_system;
    put_number(g, 0);
    g->out->one.d = MIN_OF(busy, 100u);
}

/* Context switches of today's captures tell nothing of the time between them. */
void system_get_exec_time(struct get *g)
{
    if (g->what == 0 || field_thread_of(g->e))
        put_number(g, 0);
}

/* ---- names, capabilities, control groups -------------------------------------------------------- */

void system_get_thread_name(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct buf b;

    if (!t)
        return;
    buf_init(&b, 4096);
    buf_addf(&b, "%.*s%llu", (int)t->image->comm.n, t->image->comm.p, (unsigned long long)t->tid);
    put_buf(g, &b);
}

void system_get_capabilities(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    uint64_t set;
    struct buf b;

    if (!t)
        return;
    set = g->what == CAPS_PERMITTED     ? t->creds->cap_permitted
          : g->what == CAPS_INHERITABLE ? t->creds->cap_inheritable
                                        : t->creds->cap_effective;
    buf_init(&b, 4096);
    for (unsigned bit = 0; bit < 64; bit++) {
        const char *name = set >> bit & 1 ? flag_name_of("_capability_bit", bit) : NULL;

        if (name)
            buf_addf(&b, "%s%s", b.len ? " " : "", name);
    }
    put_buf(g, &b);
}

void system_get_cgroups(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct span list = t ? t->image->cgroups : (struct span){"", 0}, item, name = g->ref->arg_text;
    struct buf b;

    buf_init(&b, 65536);
    while (list.n) {
        item = span_take(&list);
        if (!g->ref->arg_present) {
            buf_addf(&b, "%s%.*s", b.len ? " " : "", (int)item.n, item.p);
        } else if (item.n > name.n && memcmp(item.p, name.p, name.n) == 0 &&
                   item.p[name.n] == '=') {
            put_text(g, (struct span){item.p + name.n + 1, item.n - name.n - 1});
            break;
        }
    }
    if (b.len)
        put_buf(g, &b);
    else
        buf_fini(&b);
}

/* ---- its standard streams ------------------------------------------------------------------------ */

void system_get_stream(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view leader;
    const struct fd_info *f;

    if (!t || !state_leader(g->e->state, t, g->e->at, &leader))
        return;
    f = state_fd(g->e->state, &leader, g->what / 2, g->e->at);
    if (f && g->what % 2)
        put_text(g, f->name);
    else if (f)
        put_words(g, fd_type_text(f));
}
