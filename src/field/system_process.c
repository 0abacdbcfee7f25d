/* Fields of processes, threads, users and groups (field-extraction, §1 and §2; event-state, §8). */
#include "system.h"

#define ANCESTORS_MAX 64
#define PID_MAX       ((int64_t)UINT32_MAX)

/* Items that end with a NUL each, with a blank between. */
static void add_items(struct buf *b, struct span list)
{
    size_t n = list.n;

    if (n && list.p[n - 1] == '\0')
        n--;
    for (size_t i = 0; i < n; i++)
        buf_addc(b, list.p[i] ? list.p[i] : ' ');
}

static struct span item_at(struct span list, uint64_t index)
{
    size_t at = 0;

    while (at < list.n) {
        struct span item = {list.p + at, strnlen(list.p + at, list.n - at)};

        if (index-- == 0)
            return item;
        at += item.n + 1;
    }
    return (struct span){NULL, 0};
}

/* always: the blank is there without arguments, too */
static void program_line(struct get *g, struct span first, struct span args, bool always)
{
    struct buf b;

    buf_init(&b, EVENT_LEN_MAX);
    buf_add(&b, first.p, first.n);
    if (always || args.n > 1 || (args.n == 1 && args.p[0])) {
        buf_addc(&b, ' ');
        add_items(&b, args);
    }
    put_buf(g, &b);
}

static void program(struct get *g, const struct thread_image *image, int what)
{
    if (what == P_NAME)
        put_text(g, image->comm);
    else if (what == P_EXE)
        put_text(g, image->exe);
    else if (what == P_EXEPATH)
        put_text(g, image->exepath);
    else if (what == P_CMDLINE)
        program_line(g, image->comm, image->args, false);
    else
        program_line(g, image->exe, image->args, true);
}

void system_get_program(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);

    if (t)
        program(g, t->image, g->what);
}

void system_get_parent(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view parent;

    if (t && state_ancestor(g->e->state, t, 1, g->e->at, &parent))
        program(g, parent.image, g->what);
}

/* proc.aname[n]: the n-th ancestor; without [n] the names of all, nearest first. */
void system_get_ancestor(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view a;
    struct buf b;

    if (!t)
        return;
    if (g->ref->arg_present) {
        if (g->ref->arg.index < ANCESTORS_MAX &&
            state_ancestor(g->e->state, t, (unsigned)g->ref->arg.index, g->e->at, &a))
            program(g, a.image, g->what);
        return;
    }
    buf_init(&b, 65536);
    for (unsigned n = 1; n < ANCESTORS_MAX && state_ancestor(g->e->state, t, n, g->e->at, &a); n++)
        buf_addf(&b, "%s%.*s", n > 1 ? " " : "", (int)a.image->comm.n, a.image->comm.p);
    if (b.len)
        put_buf(g, &b);
    else
        buf_fini(&b);
}

void system_get_apid(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    uint64_t n = g->ref->arg_present ? g->ref->arg.index : 0;
    struct thread_view a;

    if (t && n < ANCESTORS_MAX && state_ancestor(g->e->state, t, (unsigned)n, g->e->at, &a))
        put_number(g, (uint64_t)a.ids->pid);
}

static void pid_number(struct get *g, int64_t pid)
{
    if (pid >= -1 && pid <= PID_MAX)
        put_number(g, (uint64_t)pid);
}

void system_get_id(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view parent;

    if (g->what == ID_TID) {
        put_number(g, event_tid(g->e->bytes));
        return;
    }
    if (!t)
        return;
    if (g->what == ID_PID)
        pid_number(g, t->ids->pid);
    else if (g->what == ID_PPID && state_ancestor(g->e->state, t, 1, g->e->at, &parent))
        pid_number(g, parent.ids->pid);
    else if (g->what == ID_VPID && t->ids->vpid != -1)
        put_number(g, (uint64_t)t->ids->vpid);
    else if (g->what == ID_VTID && t->ids->vtid != -1)
        put_number(g, (uint64_t)t->ids->vtid);
    else if (g->what == ID_SID)
        put_number(g, (uint64_t)t->ids->sid);
}

void system_get_cwd(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);

    if (t)
        put_text(g, state_cwd(g->e->state, t, g->e->at));
}

void system_get_list(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct span item;
    uint64_t index;
    struct buf b;

    if (!t)
        return;
    if (g->ref->arg_present) {
        item = parse_u64(g->ref->arg_text, &index) ? item_at(t->image->args, index)
                                                   : (struct span){NULL, 0};
        put_text(g, item.p ? item : span_of(""));
        return;
    }
    buf_init(&b, EVENT_LEN_MAX);
    add_items(&b, t->image->args);
    put_buf(g, &b);
}

void system_get_env(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view leader;
    struct span item, name = g->ref->arg_text;
    struct buf b;

    if (!t)
        return;
    if (!state_leader(g->e->state, t, g->e->at, &leader)) {
        if (!g->ref->arg_present)
            put_words(g, "");
        return;
    }
    for (uint64_t i = 0; g->ref->arg_present && (item = item_at(leader.image->env, i)).p; i++) {
        if (item.n <= name.n || memcmp(item.p, name.p, name.n) != 0 || item.p[name.n] != '=')
            continue;
        item = (struct span){item.p + name.n + 1, item.n - name.n - 1};
        while (item.n && item.p[0] == ' ')
            item.p++, item.n--;
        while (item.n && item.p[item.n - 1] == ' ')
            item.n--;
        put_text(g, item);
        return;
    }
    if (g->ref->arg_present)
        return;
    buf_init(&b, EVENT_LEN_MAX);
    add_items(&b, leader.image->env);
    put_buf(g, &b);
}

void system_get_usage(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view leader;

    if (!t)
        return;
    switch (g->what) {
    case U_TTY:
        put_number(g, t->image->tty);
        break;
    case U_FDLIMIT:
        put_number(g, state_leader(g->e->state, t, g->e->at, &leader)
                          ? (uint64_t)leader.image->fdlimit
                          : 0);
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
    case U_PFMAJOR:
        put_number(g, t->use->pf_major);
        break;
    case U_PFMINOR:
        put_number(g, t->use->pf_minor);
        break;
    case U_ISMAIN:
        put_number(g, (int64_t)t->tid == t->ids->pid || (t->ids->flags & THREAD_IS_MAIN));
        break;
    default:
        if (t->image->clone_ts)
            put_number(g, event_ts(g->e->bytes) - t->image->clone_ts);
    }
}

/* ---- user.*, group.* ------------------------------------------------------------------------- */

void system_get_who(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct span name = span_of("<NA>");
    bool found;

    if (!t)
        return;
    switch (g->what) {
    case WHO_UID:
        put_number(g, t->creds->uid);
        break;
    case WHO_LOGINUID:
        put_number(g, (uint64_t)(int64_t)(int32_t)t->image->loginuid);
        break;
    case WHO_GID:
        put_number(g, t->creds->gid);
        break;
    default:
        found = g->what == WHO_GROUP
                    ? state_group_name(g->e->state, t->creds->gid, g->e->at, &name)
                    : state_user_name(g->e->state,
                                      g->what == WHO_USER ? t->creds->uid : t->image->loginuid,
                                      g->e->at, &name);
        put_text(g, found ? name : span_of("<NA>"));
    }
}
