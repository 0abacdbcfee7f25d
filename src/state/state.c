/* The state as a whole: seeded from metadata, moved on by events, asked. */
#include "internal.h"

struct state *state_new(bool history)
{
    struct state *s = xcalloc(1, sizeof(*s));

    s->history = history;
    s->memory = sizeof(*s);
    s->ended_tid = UINT64_MAX;
    s->texts_limit = TEXTS_MIN;
    s->past_limit = PAST_MIN;
    buf_init(&s->path, 65536);
    buf_init(&s->name, 65536);
    return s;
}

static void slots_free(struct slots *t)
{
    for (size_t i = 0; i < COUNT_OF(t->buckets); i++) {
        for (struct slot *p = t->buckets[i], *next; p; p = next) {
            next = p->next;
            versions_free(&p->name);
            free(p);
        }
    }
}

void state_free(struct state *s)
{
    if (!s)
        return;
    threads_free(s);
    slots_free(&s->threads);
    slots_free(&s->users);
    slots_free(&s->groups);
    slots_free(&s->processes);
    slots_free(&s->containers);
    vec_free(&s->interfaces);
    arena_fini(&s->texts_arena);
    free(s->texts);
    buf_fini(&s->path);
    buf_fini(&s->name);
    free(s);
}

void state_set_origin(struct state *s, uint64_t origin)
{
    s->origin = origin;
}

uint64_t state_origin(const struct state *s)
{
    return s->origin;
}

uint64_t state_texts_life(const struct state *s)
{
    return s->texts_life;
}

uint64_t state_memory(const struct state *s)
{
    return s->memory;
}

const struct capture_machine *state_machine(const struct state *s)
{
    return &s->machine;
}

/* ---- names of users and groups (§7) ---------------------------------------------------------- */

static uint64_t user_key(struct span container, uint32_t id)
{
    return container.n ? hash_bytes(container.p, container.n, id) | (uint64_t)1 << 63 : id;
}

static void set_user(struct state *s, struct slots *t, struct span container, uint32_t id,
                     const struct user_info *user, bool gone)
{
    struct user_version *v;

    if (user->name.n && (user->name.p[0] == '+' || user->name.p[0] == '-'))
        return;
    v = xcalloc(1, sizeof(*v));
    v->user.name = state_text(s, user->name);
    v->user.home = state_text(s, user->home);
    v->user.shell = state_text(s, user->shell);
    v->gone = gone;
    s->memory += sizeof(*v);
    s->epoch++;
    s->records_epoch++;
    version_push(s, &slot_get(s, t, user_key(container, id), true)->name, &v->v, s->at);
}

static bool get_user(const struct state *s, const struct slots *t, struct span container,
                     uint32_t id, uint64_t at, struct user_info *out)
{
    struct slot *p = slot_get((struct state *)s, (struct slots *)t, user_key(container, id), false);
    const struct user_version *v = p ? (const void *)version_at(&p->name, at) : NULL;

    if ((!v || v->gone) && container.n)
        return get_user(s, t, (struct span){"", 0}, id, at, out);
    *out = (struct user_info){span_of(""), span_of(""), span_of("")};
    if (v && !v->gone)
        *out = v->user;
    else if (id == 0)
        *out = (struct user_info){span_of("root"), span_of("/root"), span_of("")};
    return (v && !v->gone) || id == 0;
}

bool state_user(const struct state *s, struct span container, uint32_t uid, uint64_t at,
                struct user_info *out)
{
    return get_user(s, &s->users, container, uid, at, out);
}

bool state_group(const struct state *s, struct span container, uint32_t gid, uint64_t at,
                 struct span *name)
{
    struct user_info group;
    bool found = get_user(s, &s->groups, container, gid, at, &group);

    *name = group.name;
    return found;
}

/* 354 to 360. */
static void on_user_event(struct state *s, const void *e)
{
    bool group = event_code(e) >= 358, deleted = event_code(e) == 356 || event_code(e) == 360;
    struct user_info user = {span_of(""), span_of(""), span_of("")};
    struct span container;

    param_text(e, group ? 1 : 2, &user.name);
    param_text(e, group ? 2 : 5, &container);
    if (!group) {
        param_text(e, 3, &user.home);
        param_text(e, 4, &user.shell);
    }
    if (param_has(e, 0))
        set_user(s, group ? &s->groups : &s->users, container, param_u32(e, 0, 0), &user, deleted);
}

/* ---- metadata -------------------------------------------------------------------------------- */

static void take_machine(void *ctx, const struct capture_machine *m)
{
    ((struct state *)ctx)->machine = *m;
}

/* Items with a NUL behind each, the last one too. */
static struct span items(struct state *s, struct span list)
{
    if (list.n == 0 || list.p[list.n - 1] == '\0')
        return state_text(s, list);
    buf_reset(&s->name);
    buf_add(&s->name, list.p, list.n);
    buf_addc(&s->name, '\0');
    return state_text(s, (struct span){s->name.data, s->name.len});
}

void state_take_process(void *state, const struct capture_process *p)
{
    struct state *s = state;
    struct thread_ids ids = {(int64_t)p->pid, (int64_t)p->ptid, p->vtid, p->vpid,
                             p->sid,          p->vpgid,         p->pgid, p->flags | THREAD_ACTIVE};
    struct thread_creds creds = {p->uid, p->gid, p->cap_inheritable, p->cap_permitted,
                                 p->cap_effective};
    struct thread_use use = {.vm_size = p->vm_size,
                             .vm_rss = p->vm_rss,
                             .vm_swap = p->vm_swap,
                             .pf_major = p->pf_major,
                             .pf_minor = p->pf_minor};
    struct thread_image image = {.fdlimit = p->fdlimit,
                                 .pidns_ts = p->pidns_init_start_ts,
                                 .tty = p->tty,
                                 .loginuid = p->loginuid,
                                 .exe_ino = p->exe_ino,
                                 .exe_ino_ctime = p->exe_ino_ctime,
                                 .exe_ino_mtime = p->exe_ino_mtime,
                                 .exe_writable = p->exe_writable,
                                 .exe_upper_layer = p->exe_upper_layer,
                                 .exe_lower_layer = p->exe_lower_layer,
                                 .exe_from_memfd = p->exe_from_memfd};
    struct thread *t;

    if (s->alive >= THREADS_MAX)
        return;
    image.comm = state_text(s, p->comm);
    image.exe = state_text(s, p->exe);
    image.exepath = state_text(s, without_deleted(p->exepath));
    image.root = state_text(s, p->root);
    image.args = items(s, p->args);
    image.env = items(s, p->env);
    if (!state_cgroups(s, p->cgroups, &image.cgroups))
        image.cgroups = span_of("");
    image.container = state_container_of(s, image.cgroups);
    t = thread_new(s, p->tid, &ids, &image, &creds);
    thread_set_use(s, t, &use);
    if (p->pid == p->tid) {
        t->reaper = p->pid == 1 || p->vpid == 1;
        thread_chdir(s, t, p->cwd);
    }
}

void state_take_fd(void *state, const struct capture_fd *m)
{
    struct state *s = state;
    struct thread *t = thread_now(s, m->tid);
    struct fd_info f;

    if (!t)
        return;
    fd_from_metadata(s, m, &f);
    fd_put(s, t, m->fd, &f);
}

void state_take_user(void *state, const struct capture_user *u)
{
    struct state *s = state;

    struct user_info user = {u->name, u->home, u->shell};

    if (u->group)
        user.home = user.shell = span_of("");
    set_user(s, u->group ? &s->groups : &s->users, span_of(""), u->group ? u->gid : u->uid, &user,
             false);
}

static void take_interface(void *ctx, const struct capture_interface *i)
{
    struct interface f = {i->addr, i->mask};

    vec_push(&((struct state *)ctx)->interfaces, f);
}

enum severity state_metadata(struct state *s, const struct capture_block *b, uint64_t offset,
                             struct error *err)
{
    struct capture_metadata to = {
        s, take_machine, state_take_process, state_take_fd, state_take_user, take_interface};

    if (b->type == CAPTURE_INTERFACES_V1 || b->type == CAPTURE_INTERFACES_V2)
        s->interfaces.n = 0;
    return capture_metadata_read(b, offset, &to, err);
}

void state_start(struct state *s)
{
    threads_tie_all(s);
    sockets_orient(s);
}

/* ---- events (§2) ----------------------------------------------------------------------------- */

static bool type_has_no_thread(uint16_t code, const struct event_type *t)
{
    if (code == EVENT_PROCINFO)
        return false;
    return (t->flags & EVENT_SKIP_PARSER_RESET) || code == EVENT_PLUGIN || code == EVENT_ASYNC ||
           code == EVENT_CONTAINER_JSON || (code >= 354 && code <= 360);
}

static bool has_no_thread(const void *e, const struct event_type *t)
{
    return type_has_no_thread(event_code(e), t);
}

static bool is_clone(uint16_t type)
{
    return type == 223 || type == 225 || type == 227 || type == 335;
}

static struct thread *find_thread(struct state *s, uint64_t tid, uint16_t code,
                                  const struct event_type *type)
{
    struct thread **recent = &s->recent[tid % COUNT_OF(s->recent)], *t = *recent;
    struct thread_ids ids;

    if (t && t->tid == tid && t->gone == UINT64_MAX)
        return t; /* it has been found and is known to be active */
    t = thread_now(s, tid);
    if (is_clone(code) || code == 186 || code == 152 || code == EVENT_PROCINFO ||
        (type->flags & EVENT_SKIP_PARSER_RESET))
        return t;
    if (!t)
        t = thread_placeholder(s, tid);
    if (t && !(ids_now(t)->flags & THREAD_ACTIVE)) {
        ids = *ids_now(t);
        ids.flags |= THREAD_ACTIVE;
        thread_set_ids(s, t, &ids);
    }
    *recent = t;
    return t;
}

/* Enter halves that are kept for their exits; what an exit does not belong to is forgotten. */
static void keep_enter(struct thread *t, const void *e, const struct event_type *type)
{
    uint16_t code = event_code(e);

    if (type->enter && !type->of_syscall)
        return; /* a context switch, a signal: between the halves, not one of them */
    if (type->enter) {
        buf_reset(&t->enter);
        if (event_len(e) <= ENTER_MAX)
            buf_add(&t->enter, e, event_len(e));
        t->last_type = code;
    } else if (t->last_type != code - 1 && !(t->last_type == 330 && code == 293)) {
        buf_reset(&t->enter);
        t->last_type = code;
    }
}

static void run_parsers(struct state *s, const void *e, struct thread *t)
{
    int64_t res = 0;
    bool has_result = event_result(e, &res);
    uint16_t code = event_code(e);

    if (is_clone(code)) {
        on_clone(s, e, &t);
    } else if (!t) {
        return;
    } else if (code == 293 || code == 331) {
        on_execve(s, e, t);
    } else if (code == 186) {
        on_procexit(s, e, t);
    } else if (has_result || code == 152) {
        on_thread_change(s, e, t, res);
        on_file_event(s, e, t, res);
        on_socket_event(s, e, t, res);
    }
}

static __attribute__((noinline)) void finish_event(struct state *s)
{
    if (s->closing)
        fds_remove_closed(s);
    if (s->ended_tid != UINT64_MAX)
        threads_remove_ended(s);
    if (!s->history)
        state_forget(s);
}

/* What the event before has left for now. */
static inline void next_event(struct state *s, uint64_t at, uint64_t ts)
{
    s->at = at;
    if (s->closing || s->ended_tid != UINT64_MAX || s->ended ||
        (!s->history && s->texts_bytes > s->texts_limit))
        finish_event(s);
    s->ts = ts;
}

uint64_t state_epoch(const struct state *s, enum state_scope scope)
{
    return scope == STATE_SCOPE_THREAD    ? 0
           : scope == STATE_SCOPE_RECORDS ? s->records_epoch
                                          : s->epoch;
}

bool state_type_has_thread(uint16_t type)
{
    const struct event_type *t = event_type_get(type);

    return t && !type_has_no_thread(type, t) && type != EVENT_CONTAINER_JSON_OLD;
}

/* Memory, page faults and time used are all that these tell. */
static bool tells_use_only(uint16_t type)
{
    return type == 152 || type == EVENT_PROCINFO || (type >= 159 && type <= 165);
}

bool state_wants(uint16_t type, bool use)
{
    static const uint16_t wanted[] = {
        2,   3,   5,   19,  21,  22,  23,  29,  31,  33,  35,  43,  49,  51,  53,  55,  58,  59,
        61,  63,  93,  95,  97,  127, 137, 139, 141, 143, 145, 151, 152, 159, 161, 163, 165, 186,
        193, 195, 199, 201, 223, 225, 227, 228, 234, 241, 247, 267, 272, 275, 285, 292, 293, 306,
        307, 321, 324, 326, 327, 330, 331, 335, 337, 339, 353, 354, 356, 358, 360, 363, 365, 367,
        369, 375, 377, 389, 393, 395, 397, 399, 401, 402, 405, 407, 409, 427, 429, 451};
    static uint8_t known[EVENT_TYPES]; /* 1: yes, 2: no; filled in by one thread */

    if (type >= EVENT_TYPES)
        return false;
    if (!use && tells_use_only(type))
        return false;
    if (!known[type]) {
        uint8_t found = 2;

        for (size_t i = 0; i < COUNT_OF(wanted); i++) {
            if (wanted[i] == type)
                found = 1;
        }
        known[type] = found;
    }
    return known[type] == 1;
}

struct state_note *state_touch(struct state *s, uint64_t at, uint16_t type, uint64_t tid,
                               uint64_t ts)
{
    const struct event_type *t = event_type_get(type);
    struct thread *thread;

    if (!t)
        return NULL;
    next_event(s, at, ts);
    if (type_has_no_thread(type, t))
        return NULL;
    thread = s->recent[tid % COUNT_OF(s->recent)];
    if (!thread || thread->tid != tid || thread->gone != UINT64_MAX)
        thread = find_thread(s, tid, type, t);
    if (!thread)
        return NULL;
    if (!t->enter) {
        if (thread->enter.len)
            buf_reset(&thread->enter);
        thread->last_type = type;
    }
    return &thread->note;
}

void state_event(struct state *s, uint64_t at, const void *event)
{
    const struct event_type *type = event_type_get(event_code(event));
    struct thread *t;

    if (!type)
        return;
    next_event(s, at, event_ts(event));
    if (event_code(event) >= 354 && event_code(event) <= 360 && type->enter) {
        on_user_event(s, event);
        return;
    }
    if (state_tells_of_container(event))
        on_container(s, event);
    if (has_no_thread(event, type))
        return;
    t = find_thread(s, event_tid(event), event_code(event), type);
    if (t && event_code(event) == EVENT_PROCINFO) {
        on_procinfo(s, event, t);
        return;
    }
    if (t)
        keep_enter(t, event, type);
    if (!type->enter || event_code(event) == 186 || event_code(event) == 152)
        run_parsers(s, event, t);
    if (t && !type->enter && t->gone == UINT64_MAX) {
        buf_reset(&t->enter);
        t->last_type = event_code(event);
    }
}

bool state_event_thread(const struct state *s, const void *event, uint64_t at,
                        struct thread_view *out)
{
    const struct event_type *type = event_type_get(event_code(event));

    return type && !has_no_thread(event, type) && state_thread(s, event_tid(event), at, out);
}
