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

static void put_items(struct get *g, struct span list)
{
    struct buf b;

    buf_init(&b, EVENT_LEN_MAX);
    add_items(&b, list);
    put_buf(g, &b);
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

void system_put_program(struct get *g, const struct thread_image *image, int what)
{
    if (what == P_NAME)
        put_text(g, image->comm);
    else if (what == P_EXE)
        put_text(g, image->exe);
    else if (what == P_EXEPATH)
        put_text(g, image->exepath);
    else if (what == P_CMDLINE)
        program_line(g, image->comm, image->args, false);
    else if (what == P_ARGS)
        put_items(g, image->args);
    else if (what == P_ENV)
        put_items(g, image->env);
    else
        program_line(g, image->exe, image->args, true);
}

void system_get_program(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);

    if (t)
        system_put_program(g, t->image, g->what);
}

void system_get_parent(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view parent;

    if (t && state_ancestor(g->e->state, t, 1, g->e->at, &parent))
        system_put_program(g, parent.image, g->what);
}

/* The values of all ancestors, nearest first: apart for a filter, which asks whether one of them fits. */
static void each_ancestor(struct get *g, const struct thread_view *t)
{
    union elem *many = NULL;
    struct thread_view a;
    uint32_t n = 0;

    for (unsigned i = 1; i < ANCESTORS_MAX && state_ancestor(g->e->state, t, i, g->e->at, &a);
         i++) {
        if (!many)
            many = arena_alloc(g->arena, ANCESTORS_MAX * sizeof(*many));
        if (g->what == P_PID)
            put_number(g, (uint64_t)a.ids->pid);
        else
            system_put_program(g, a.image, g->what);
        many[n++] = g->out->one;
    }
    if (n) {
        g->out->list = true;
        g->out->n = n;
        g->out->many = many;
    }
}

static void joined_ancestors(struct get *g, const struct thread_view *t)
{
    struct thread_view a;
    struct buf b;

    buf_init(&b, 65536);
    for (unsigned i = 1; i < ANCESTORS_MAX && state_ancestor(g->e->state, t, i, g->e->at, &a);
         i++) {
        system_put_program(g, a.image, g->what);
        if (b.len)
            buf_addc(&b, ' ');
        buf_add(&b, g->out->one.s.p, g->out->one.s.n);
    }
    g->out->state = VALUE_NONE;
    if (b.len)
        put_buf(g, &b);
    else
        buf_fini(&b);
}

/* proc.aname[n]: the n-th ancestor; without [n] all of them. */
void system_get_ancestor(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view a;
    uint64_t n = g->ref->arg_present ? g->ref->arg.index : 0;

    if (!t)
        return;
    if (g->ref->each)
        each_ancestor(g, t);
    else if (!g->ref->arg_present && g->what != P_PID)
        joined_ancestors(g, t);
    else if (n >= ANCESTORS_MAX || !state_ancestor(g->e->state, t, (unsigned)n, g->e->at, &a))
        return;
    else if (g->what == P_PID)
        put_number(g, (uint64_t)a.ids->pid);
    else
        system_put_program(g, a.image, g->what);
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
    else if (g->what == ID_VPGID)
        put_number(g, (uint64_t)t->ids->vpgid);
    else if (g->what == ID_PGID)
        put_number(g, (uint64_t)t->ids->pgid);
    else if (g->what == ID_PVPID && t->ids->ptid >= 0 &&
             state_thread(g->e->state, (uint64_t)t->ids->ptid, g->e->at, &parent) &&
             parent.ids->vpid != -1)
        put_number(g, (uint64_t)parent.ids->vpid);
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

    if (!t)
        return;
    if (g->ref->arg_present) {
        put_text(g, parse_u64(g->ref->arg_text, &index) && span_item(t->image->args, index, &item)
                        ? item
                        : span_of(""));
        return;
    }
    put_items(g, t->image->args);
}

/* The value of a variable without blanks around it; "" where it is not there. */
static struct span variable(struct span env, struct span name)
{
    while (env.n) {
        struct span item = span_take(&env);

        if (item.n <= name.n || memcmp(item.p, name.p, name.n) != 0 || item.p[name.n] != '=')
            continue;
        item = (struct span){item.p + name.n + 1, item.n - name.n - 1};
        while (item.n && item.p[0] == ' ')
            item.p++, item.n--;
        while (item.n && item.p[item.n - 1] == ' ')
            item.n--;
        return item;
    }
    return (struct span){"", 0};
}

void system_get_env(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view leader;

    if (!t)
        return;
    if (!state_leader(g->e->state, t, g->e->at, &leader))
        put_words(g, "");
    else if (g->ref->arg_present)
        put_text(g, variable(leader.image->env, g->ref->arg_text));
    else
        put_items(g, leader.image->env);
}

/* proc.aenv[n]: of the n-th ancestor; [NAME]: of the nearest that has it; without: its own. */
void system_get_ancestors_env(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct thread_view a;
    uint64_t n;

    if (!t)
        return;
    if (g->ref->each) {
        each_ancestor(g, t);
    } else if (!g->ref->arg_present) {
        system_get_env(g);
    } else if (parse_u64(g->ref->arg_text, &n)) {
        if (n < ANCESTORS_MAX && state_ancestor(g->e->state, t, (unsigned)n, g->e->at, &a))
            put_items(g, a.image->env);
    } else {
        struct span value = {"", 0};

        for (unsigned i = 1;
             i <= 20 && value.n == 0 && state_ancestor(g->e->state, t, i, g->e->at, &a); i++)
            value = variable(a.image->env, g->ref->arg_text);
        put_text(g, value);
    }
}

/* ---- user.*, group.* ------------------------------------------------------------------------- */

void system_get_who(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct span name = span_of("<NA>");
    struct user_info user;
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
    case WHO_HOME:
    case WHO_SHELL:
        found = state_user(g->e->state, t->image->container, t->creds->uid, g->e->at, &user);
        name = g->what == WHO_HOME ? user.home : user.shell;
        put_text(g, found && name.n ? name : span_of("<NA>"));
        break;
    case WHO_GROUP:
        found = state_group(g->e->state, t->image->container, t->creds->gid, g->e->at, &name);
        put_text(g, found ? name : span_of("<NA>"));
        break;
    default:
        found =
            state_user(g->e->state, t->image->container,
                       g->what == WHO_USER ? t->creds->uid : t->image->loginuid, g->e->at, &user);
        put_text(g, found ? user.name : span_of("<NA>"));
    }
}
