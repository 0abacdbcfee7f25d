/* Events that make, change and end threads (event-state, §3). */
#include "internal.h"

enum { EV_FORK = 225, EV_VFORK = 227, EV_CLONE3 = 335, EV_EXECVE = 293, EV_EXECVEAT = 331 };

/* Parameters of clone, clone3, fork and vfork exits. */
enum {
    C_RES,
    C_EXE,
    C_ARGS,
    C_TID,
    C_PID,
    C_PTID,
    C_CWD,
    C_FDLIMIT,
    C_PF_MAJOR,
    C_PF_MINOR,
    C_VM_SIZE,
    C_VM_RSS,
    C_VM_SWAP,
    C_COMM,
    C_CGROUPS,
    C_FLAGS,
    C_UID,
    C_GID,
    C_VTID,
    C_VPID,
    C_PIDNS
};

static struct span text_param(struct state *s, const void *e, unsigned i)
{
    struct span t;

    param_text(e, i, &t);
    return state_text(s, t);
}

/* A list of items, each ended by a NUL. */
static struct span list_param(struct state *s, const void *e, unsigned i)
{
    return state_text(s, event_param(e, i));
}

/* What a clone or an execve tells of the program that runs. */
static void take_program(struct state *s, const void *e, struct thread_image *image)
{
    image->exe = text_param(s, e, C_EXE);
    image->comm = param_has(e, C_COMM) ? text_param(s, e, C_COMM) : image->exe;
    image->args = list_param(s, e, C_ARGS);
    image->fdlimit = param_i64(e, C_FDLIMIT, image->fdlimit);
    if (param_has(e, C_CGROUPS))
        state_cgroups(s, event_param(e, C_CGROUPS), &image->cgroups);
    image->container = state_container_of(s, image->cgroups);
}

static void take_use(struct state *s, const void *e, struct thread *t)
{
    struct thread_use use = ((const struct use_version *)version_at(&t->use, STATE_NOW))->use;

    if (!param_has(e, C_VM_SWAP))
        return;
    use.pf_major = param_u64(e, C_PF_MAJOR, 0);
    use.pf_minor = param_u64(e, C_PF_MINOR, 0);
    use.vm_size = param_u32(e, C_VM_SIZE, 0);
    use.vm_rss = param_u32(e, C_VM_RSS, 0);
    use.vm_swap = param_u32(e, C_VM_SWAP, 0);
    thread_set_use(s, t, &use);
}

static const struct thread_image *no_image(void)
{
    static struct thread_image none;

    none = (struct thread_image){.fdlimit = -1, .loginuid = UINT32_MAX};
    none.exepath = none.root = none.env = none.cgroups = none.container = span_of("");
    return &none;
}

/* A source that is not known gets its words from the child (§3.1). */
static void teach_source(struct state *s, const void *e, struct thread *source)
{
    struct thread_image image = *image_now(source);

    take_program(s, e, &image);
    thread_set_image(s, source, &image);
}

static void patch_invalid(struct state *s, struct thread *t, int64_t pid, int64_t ptid,
                          int64_t vtid, int64_t vpid)
{
    struct thread_ids ids = *ids_now(t);

    ids.pid = pid;
    ids.ptid = ptid;
    ids.vtid = vtid;
    ids.vpid = vpid;
    thread_set_ids(s, t, &ids);
}

struct birth {
    struct thread_ids ids;
    struct thread_image image;
    struct thread_creds creds;
    struct thread *source;
    bool source_valid;
};

static void inherit(struct state *s, const void *e, struct birth *b)
{
    b->source_valid = b->source && !ids_invalid(ids_now(b->source));
    b->image = b->source_valid ? *image_now(b->source) : *no_image();
    b->creds = (struct thread_creds){.uid = UINT32_MAX, .gid = UINT32_MAX};
    if (b->source_valid) {
        const struct thread_ids *from = ids_now(b->source);

        b->creds = *creds_now(b->source);
        b->ids.sid = from->sid;
        b->ids.vpgid = from->vpgid;
        b->ids.pgid = from->pgid;
    } else {
        b->ids.sid = b->ids.vpgid = b->ids.pgid = -1;
    }
    if (!(b->ids.flags & THREAD_CLONE_THREAD))
        b->image.exec_ts = 0;
    b->image.cgroups = span_of("");
    take_program(s, e, &b->image);
    b->creds.uid = param_u32(e, C_UID, UINT32_MAX);
    b->creds.gid = param_u32(e, C_GID, UINT32_MAX);
    b->image.clone_ts = event_ts(e);
    b->image.pidns_ts = s->machine.boot_ts;
}

static struct thread *give_birth(struct state *s, const void *e, uint64_t tid, struct birth *b)
{
    bool is_thread = b->ids.flags & THREAD_CLONE_THREAD;
    struct span cwd = !is_thread && b->source_valid ? thread_cwd_now(s, b->source) : span_of("");
    struct thread *t = thread_new(s, tid, &b->ids, &b->image, &b->creds);

    take_use(s, e, t);
    if (!is_thread && b->source_valid) {
        fds_copy(s, b->source, t);
        thread_set_cwd(s, t, cwd);
    }
    return t;
}

static bool was_removed(const struct state *s, uint64_t caller, uint64_t child)
{
    for (size_t i = 0; i < COUNT_OF(s->ring); i++) {
        const struct removed *r = &s->ring[i];

        if (r->tid == child && r->ptid == caller && r->ts && s->ts < r->ts + CLONE_STALE)
            return true;
    }
    return false;
}

static void parent_side(struct state *s, const void *e, uint64_t child)
{
    uint64_t tid = event_tid(e);
    struct thread *caller = thread_now(s, tid), *stale;
    uint32_t flags = param_u32(e, C_FLAGS, 0);
    struct birth b = {0};

    if (!caller && !(caller = thread_placeholder(s, tid)))
        return;
    if (ids_invalid(ids_now(caller)))
        patch_invalid(s, caller, param_i64(e, C_PID, -1), param_i64(e, C_PTID, -1),
                      param_i64(e, C_VTID, (int64_t)tid), param_i64(e, C_VPID, -1));
    if ((flags & (THREAD_CHILD_IN_PIDNS | THREAD_CLONE_NEWPID | THREAD_CLONE_PARENT)) ||
        (int64_t)tid != ids_now(caller)->vtid)
        return;
    if ((flags & THREAD_CLONE_VFORK) || event_code(e) == EV_VFORK || was_removed(s, tid, child))
        return;
    stale = thread_now(s, child);
    if (stale && (ids_now(stale)->flags & THREAD_CLONE_INVERTED))
        return;
    b.source = caller;
    b.ids.flags = flags | THREAD_NAME_CHANGED;
    inherit(s, e, &b);
    b.ids.vtid = (int64_t)child;
    if (flags & THREAD_CLONE_THREAD) {
        b.ids.pid = ids_now(caller)->pid;
        b.ids.ptid = ids_now(caller)->ptid;
        b.ids.flags |= THREAD_CLONE_FILES;
    } else {
        b.ids.pid = (int64_t)child;
        b.ids.ptid = (int64_t)tid;
    }
    b.ids.vpid = b.ids.pid;
    give_birth(s, e, child, &b);
    if (!b.source_valid)
        teach_source(s, e, caller);
}

static struct thread *child_side(struct state *s, const void *e)
{
    uint64_t tid = event_tid(e), source;
    struct thread *t = thread_now(s, tid);
    struct birth b = {0};
    int64_t pid = param_i64(e, C_PID, -1), ptid = param_i64(e, C_PTID, -1);

    if (t && image_now(t)->clone_ts && s->ts < image_now(t)->clone_ts + CLONE_STALE)
        return t;
    b.ids.flags = param_u32(e, C_FLAGS, 0) | THREAD_CLONE_INVERTED | THREAD_NAME_CHANGED;
    source = (uint64_t)(b.ids.flags & THREAD_CLONE_THREAD ? pid : ptid);
    if (b.ids.flags & THREAD_CLONE_THREAD)
        b.ids.flags |= THREAD_CLONE_FILES;
    b.source = source == tid ? NULL : thread_now(s, source);
    if (!b.source && source != tid && (int64_t)source >= 0)
        b.source = thread_placeholder(s, source);
    inherit(s, e, &b);
    b.ids.pid = pid;
    b.ids.ptid = ptid;
    b.ids.vtid = param_i64(e, C_VTID, (int64_t)tid);
    b.ids.vpid = param_i64(e, C_VPID, -1);
    if (param_has(e, C_PIDNS) && ((b.ids.flags & (THREAD_CHILD_IN_PIDNS | THREAD_CLONE_NEWPID)) ||
                                  (int64_t)tid != b.ids.vtid))
        b.image.pidns_ts = param_u64(e, C_PIDNS, 0) + s->machine.boot_ts;
    if (b.source && !b.source_valid && (b.ids.flags & THREAD_CLONE_THREAD)) {
        patch_invalid(s, b.source, pid, ptid, b.ids.vpid, b.ids.vpid);
        teach_source(s, e, b.source);
    }
    return give_birth(s, e, tid, &b);
}

void on_clone(struct state *s, const void *e, struct thread **event_thread)
{
    int64_t res = param_i64(e, C_RES, -1);

    if (res > 0)
        parent_side(s, e, (uint64_t)res);
    else if (res == 0)
        *event_thread = child_side(s, e);
}

/* ---- execve ---------------------------------------------------------------------------------- */

enum {
    X_ENV = 15,
    X_TTY,
    X_VPGID,
    X_LOGINUID,
    X_FLAGS,
    X_CAP_I,
    X_CAP_P,
    X_CAP_E,
    X_INO,
    X_CTIME,
    X_MTIME,
    X_UID,
    X_EXEPATH,
    X_PGID,
    X_GID
};

struct span without_deleted(struct span path)
{
    static const char tail[] = " (deleted)";
    size_t n = sizeof(tail) - 1;

    if (path.n > n && memcmp(path.p + path.n - n, tail, n) == 0)
        path.n -= n;
    return path;
}

/* From the enter half, for captures whose exits lack the path (§3.2). */
static bool path_from_enter(struct state *s, struct thread *t, struct span *out)
{
    const void *enter = t->enter.data;
    struct span path, dir;

    if (t->enter.len == 0 || (event_code(enter) != 292 && event_code(enter) != 330))
        return false;
    buf_reset(&s->path);
    if (event_code(enter) == 292) {
        if (!param_text(enter, 0, &path))
            return false;
        dir = thread_cwd_now(s, t);
    } else {
        int64_t fd = param_i64(enter, 0, -100);
        const struct fd_info *f = fd < 0 ? NULL : fd_now(s, t, fd);

        param_text(enter, 1, &path);
        dir = fd == -100 ? thread_cwd_now(s, t) : f ? f->name : span_of("");
        if (fd != -100 && !f && (path.n == 0 || path.p[0] != '/')) {
            *out = state_text(s, span_of("<NA>"));
            return true;
        }
        if (path.n == 0) {
            *out = dir;
            return true;
        }
        if (f) { /* a folder's descriptor: its name lacks the last slash */
            buf_add(&s->name, dir.p, dir.n);
            buf_addc(&s->name, '/');
            dir = state_text(s, (struct span){s->name.data, s->name.len});
            buf_reset(&s->name);
        }
    }
    if (span_is(path, "<NA>"))
        buf_adds(&s->path, "<NA>");
    else
        state_resolve_path(dir, path, &s->path);
    *out = state_text(s, (struct span){s->path.data, s->path.len});
    return true;
}

static void drop_cloexec(struct state *s, struct thread *t, int64_t fd, const struct fd_info *f,
                         void *ctx)
{
    UNUSED(ctx);
    if (f->cloexec)
        fd_close(s, t, fd);
}

static void drop_other_threads(struct state *s, struct thread *keep, int64_t pid)
{
    for (struct thread *t = s->live, *next; t; t = next) {
        next = t->live_next;
        if (t != keep && ids_now(t)->pid == pid && (int64_t)t->tid != pid)
            thread_remove(s, t);
    }
}

static void exec_ids(struct state *s, const void *e, struct thread *t)
{
    struct thread_ids ids = *ids_now(t);
    bool invalid = ids_invalid(&ids);

    ids.flags &= ~(uint32_t)THREAD_CLOSED;
    ids.pid = param_i64(e, C_PID, ids.pid);
    if (invalid) {
        ids.ptid = param_i64(e, C_PTID, -1);
        if (!(ids.flags & THREAD_CHILD_IN_PIDNS) && (ids.vtid < 0 || ids.vtid == (int64_t)t->tid)) {
            ids.vtid = (int64_t)t->tid;
            ids.vpid = ids.pid;
        }
        if (ids.ptid > 0 && !thread_now(s, (uint64_t)ids.ptid))
            ids.ptid = 0;
    }
    if (param_has(e, X_VPGID))
        ids.vpgid = param_i64(e, X_VPGID, -1);
    ids.pgid = param_i64(e, X_PGID, -1);
    ids.flags =
        THREAD_ACTIVE | THREAD_NAME_CHANGED |
        (ids.flags & (THREAD_PIPE_SRC | THREAD_PIPE_DST | THREAD_IS_MAIN | THREAD_CLONE_INVERTED));
    thread_set_ids(s, t, &ids);
    drop_other_threads(s, t, ids.pid);
}

static void exec_image(struct state *s, const void *e, struct thread *t)
{
    struct thread_image image = *image_now(t);
    uint32_t flags = param_u32(e, X_FLAGS, 0);
    struct span path;

    take_program(s, e, &image);
    image.exec_ts = event_ts(e);
    if (param_has(e, X_ENV))
        image.env = list_param(s, e, X_ENV);
    image.tty = param_u32(e, X_TTY, image.tty);
    image.loginuid = param_u32(e, X_LOGINUID, image.loginuid);
    image.exe_writable = flags & 1;
    image.exe_upper_layer = flags & 2;
    image.exe_from_memfd = flags & 4;
    image.exe_lower_layer = flags & 8;
    image.exe_ino = param_u64(e, X_INO, image.exe_ino);
    image.exe_ino_ctime = param_u64(e, X_CTIME, image.exe_ino_ctime);
    image.exe_ino_mtime = param_u64(e, X_MTIME, image.exe_ino_mtime);
    if (param_text(e, X_EXEPATH, &path))
        image.exepath = state_text(s, without_deleted(path));
    else if (path_from_enter(s, t, &path))
        image.exepath = path;
    thread_set_image(s, t, &image);
}

void on_execve(struct state *s, const void *e, struct thread *t)
{
    struct thread_creds creds = *creds_now(t);

    if (param_i64(e, 0, -1) < 0)
        return;
    exec_image(s, e, t);
    exec_ids(s, e, t);
    creds.cap_inheritable = param_u64(e, X_CAP_I, creds.cap_inheritable);
    creds.cap_permitted = param_u64(e, X_CAP_P, creds.cap_permitted);
    creds.cap_effective = param_u64(e, X_CAP_E, creds.cap_effective);
    creds.uid = param_u32(e, X_UID, creds.uid);
    creds.gid = param_u32(e, X_GID, creds.gid);
    thread_set_creds(s, t, &creds);
    take_use(s, e, t);
    fds_each(s, t, drop_cloexec, NULL);
}

/* Counters of the time that a thread ran, in hundredths of a second, one record a second. */
void on_procinfo(struct state *s, const void *e, struct thread *t)
{
    struct thread_use use = ((const struct use_version *)version_at(&t->use, STATE_NOW))->use;
    uint64_t user = param_u64(e, 0, 0), system = param_u64(e, 1, 0);
    bool first = !use.procinfo;

    use.busy_user = first || user < use.cpu_user ? 0 : (uint8_t)MIN_OF(user - use.cpu_user, 100u);
    use.busy_system =
        first || system < use.cpu_system ? 0 : (uint8_t)MIN_OF(system - use.cpu_system, 100u);
    use.cpu_user = user;
    use.cpu_system = system;
    use.procinfo = true;
    thread_set_use(s, t, &use);
}

void on_procexit(struct state *s, const void *e, struct thread *t)
{
    struct thread_ids ids = *ids_now(t);

    ids.flags |= THREAD_CLOSED;
    thread_set_ids(s, t, &ids);
    s->ended_tid = t->tid;
    s->ended_reaper = param_i64(e, 4, -1);
}

/* ---- other changes (§3.4) -------------------------------------------------------------------- */

static void set_creds(struct state *s, struct thread *t, const uint32_t *uid, const uint32_t *gid)
{
    struct thread_creds creds = *creds_now(t);

    creds.uid = uid ? *uid : creds.uid;
    creds.gid = gid ? *gid : creds.gid;
    thread_set_creds(s, t, &creds);
}

static void set_caps(struct state *s, struct thread *t, uint64_t inheritable, uint64_t permitted,
                     uint64_t effective)
{
    struct thread_creds creds = *creds_now(t);

    creds.cap_inheritable = inheritable;
    creds.cap_permitted = permitted;
    creds.cap_effective = effective;
    thread_set_creds(s, t, &creds);
}

static void set_memory(struct state *s, const void *e, struct thread *t, unsigned first)
{
    struct thread_use use = ((const struct use_version *)version_at(&t->use, STATE_NOW))->use;

    if (!param_has(e, first + 2))
        return;
    use.vm_size = param_u32(e, first, 0);
    use.vm_rss = param_u32(e, first + 1, 0);
    use.vm_swap = param_u32(e, first + 2, 0);
    thread_set_use(s, t, &use);
}

static void on_switch(struct state *s, const void *e, struct thread *t)
{
    struct thread_use use = ((const struct use_version *)version_at(&t->use, STATE_NOW))->use;
    struct thread *leader = thread_leader(s, t);

    use.pf_major = param_u64(e, 1, use.pf_major);
    use.pf_minor = param_u64(e, 2, use.pf_minor);
    thread_set_use(s, t, &use);
    if (leader)
        set_memory(s, e, leader, 3);
}

static void set_limit(struct state *s, struct thread *t, int64_t limit)
{
    struct thread *leader = t ? thread_leader(s, t) : NULL;
    struct thread_image image;

    if (!leader || limit == -1)
        return;
    image = *image_now(leader);
    image.fdlimit = limit;
    thread_set_image(s, leader, &image);
}

static void change_root(struct state *s, const void *e, struct thread *t)
{
    struct thread_image image = *image_now(t);
    struct span path;

    if (!param_text(e, 1, &path))
        return;
    buf_reset(&s->path);
    state_resolve_path(thread_cwd_now(s, t), path, &s->path);
    image.root = state_text(s, (struct span){s->path.data, s->path.len});
    thread_set_image(s, t, &image);
}

static void change_folder(struct state *s, const void *e, struct thread *t)
{
    const struct fd_info *f;
    struct span path;

    if (event_code(e) == 97) {
        f = fd_now(s, t, param_i64(e, 1, -1));
        if (f)
            thread_chdir(s, t, f->name);
    } else if (param_text(e, 1, &path)) {
        thread_chdir(s, t, path);
    }
}

/* Calls that change who a thread is. */
static void on_identity(struct state *s, const void *e, struct thread *t, int64_t res)
{
    uint16_t type = event_code(e);
    unsigned at = type == 199 || type == 201 ? 1 : 2;
    uint32_t id = param_u32(e, at, UINT32_MAX);
    bool known = param_has(e, at);

    if (res != 0)
        return;
    if ((type == 199 || type == 193 || type == 427) && known && (type == 199 || id != UINT32_MAX))
        set_creds(s, t, &id, NULL);
    else if ((type == 201 || type == 195 || type == 429) && known &&
             (type == 201 || id != UINT32_MAX))
        set_creds(s, t, NULL, &id);
}

void on_thread_change(struct state *s, const void *e, struct thread *t, int64_t res)
{
    static const uint64_t all_caps = ((uint64_t)1 << 41) - 1;
    struct thread_ids ids;

    switch (event_code(e)) {
    case 93:
    case 95:
    case 97:
        if (res >= 0)
            change_folder(s, e, t);
        break;
    case 267:
        if (res == 0)
            change_root(s, e, t);
        break;
    case 199:
    case 193:
    case 427:
    case 201:
    case 195:
    case 429:
        on_identity(s, e, t, res);
        break;
    case 275:
        if (res >= 0) {
            ids = *ids_now(t);
            ids.sid = res;
            thread_set_ids(s, t, &ids);
        }
        break;
    case 353:
        if (res >= 0)
            set_caps(s, t, param_u64(e, 1, 0), param_u64(e, 2, 0), param_u64(e, 3, 0));
        break;
    case 285:
    case 241:
        if (res >= 0 && (param_u32(e, event_code(e) == 285 ? 1 : 2, 0) & THREAD_CLONE_NEWUSER))
            set_caps(s, t, all_caps, all_caps, all_caps);
        break;
    case 401:
        if (res >= 0 && (param_u32(e, 1, 0) == 36 || param_u32(e, 1, 0) == 37)) {
            struct thread *leader = thread_leader(s, t);

            if (leader)
                leader->reaper = param_u64(e, 3, 0) != 0;
        }
        break;
    case 141:
    case 143:
        if (res >= 0 && param_u64(e, 3, 0) == 7)
            set_limit(s, t, param_i64(e, 1, -1));
        break;
    case 145:
        if (res == 0 && param_u64(e, 6, 0) == 7)
            set_limit(s, param_i64(e, 5, 0) ? thread_now(s, (uint64_t)param_i64(e, 5, 0)) : t,
                      param_i64(e, 1, -1));
        break;
    case 159:
    case 161:
    case 163:
    case 165:
        set_memory(s, e, t, 1);
        break;
    case 152:
        on_switch(s, e, t);
        break;
    default:
        break;
    }
}
