/* Tables of descriptors, and the events that open, copy and close them (event-state, §4). */
#include "internal.h"

#define O_CLOEXEC_BIT   4096u /* of the table file_flags */
#define O_DIRECTORY_BIT 0x400u
#define EXIT_ONLY_BITS  0xffffc000u
#define UPPER_LAYER_BIT 0x8000u
#define LOWER_LAYER_BIT 0x10000u
#define PATH_MAX_LEN    1024u
#define TABLE_DEPTH_MAX 64 /* copies of copies before a table is copied entry by entry */

/* ---- paths (§4.2) ---------------------------------------------------------------------------- */

static void add_component(struct buf *out, size_t start, struct span c, bool relative)
{
    if (c.n == 1 && c.p[0] == '.')
        return;
    if (c.n == 2 && c.p[0] == '.' && c.p[1] == '.') {
        size_t least = start + (out->len > start && out->data[start] == '/' ? 1 : 0);

        while (out->len > least && out->data[out->len - 1] == '/')
            out->len--;
        while (out->len > least && out->data[out->len - 1] != '/')
            out->len--;
        while (out->len > least && out->data[out->len - 1] == '/')
            out->len--;
        if (out->data)
            out->data[out->len] = '\0';
        return;
    }
    if (out->len == start ? !relative : out->data[out->len - 1] != '/')
        buf_addc(out, '/');
    buf_add(out, c.p, c.n);
}

void state_resolve_path(struct span dir, struct span path, struct buf *out)
{
    bool absolute = path.n == 0 || path.p[0] == '/', relative;
    size_t start = out->len, i = 0;

    if ((absolute ? 0 : dir.n) + path.n + 1 > PATH_MAX_LEN) {
        buf_adds(out, "/DIR_TOO_LONG/FILENAME_TOO_LONG");
        return;
    }
    if (!absolute)
        buf_add(out, dir.p, dir.n);
    relative = !absolute;
    while (i < path.n) {
        size_t end;

        while (i < path.n && path.p[i] == '/')
            i++;
        for (end = i; end < path.n && path.p[end] != '/'; end++)
            ;
        if (end > i)
            add_component(out, start, (struct span){path.p + i, end - i}, relative);
        i = end;
    }
    if (out->len == start && absolute && path.n)
        buf_addc(out, '/');
    while (out->len > start + 1 && out->data[out->len - 1] == '/')
        out->data[--out->len] = '\0';
}

/* ---- tables ---------------------------------------------------------------------------------- */

static struct fd_table *table_new(struct state *s)
{
    struct fd_table *t = xcalloc(1, sizeof(*t));

    if (s->history) {
        t->next = s->all_tables;
        s->all_tables = t;
    }
    s->memory += sizeof(*t);
    return t;
}

/* Threads that share descriptors use their leader's table. */
static struct thread *table_owner(struct state *s, struct thread *t)
{
    return ids_now(t)->flags & THREAD_CLONE_FILES ? thread_leader(s, t) : t;
}

struct fd_table *fds_of(struct state *s, struct thread *t, bool make)
{
    struct thread *owner = table_owner(s, t);
    struct fd_table *table;

    if (!owner)
        return NULL;
    table = atomic_load_explicit(&owner->fds, memory_order_acquire);
    if (!table && make) {
        table = table_new(s);
        atomic_store_explicit(&owner->fds, table, memory_order_release);
    }
    return table;
}

static const struct fd_info *table_get(const struct fd_table *t, int64_t fd, uint64_t at)
{
    while (t && fd >= 0 && fd < (int64_t)FDS_MAX) {
        struct fd_page *page = atomic_load_explicit(&((struct fd_table *)t)->pages[fd / FD_PAGE],
                                                    memory_order_acquire);
        const struct fd_version *v =
            page ? (const void *)version_at(&page->fds[fd % FD_PAGE], at) : NULL;

        if (v)
            return v->closed ? NULL : &v->info;
        at = MIN_OF(at, t->copied_at);
        t = t->parent;
    }
    return NULL;
}

static bool page_is_there(const struct fd_table *t, unsigned page)
{
    while (t && !atomic_load_explicit(&((struct fd_table *)t)->pages[page], memory_order_acquire))
        t = t->parent;
    return t != NULL;
}

const struct fd_info *fd_now(struct state *s, struct thread *t, int64_t fd)
{
    return table_get(fds_of(s, t, false), fd, STATE_NOW);
}

uint8_t *state_fd_note(const struct state *s, uint64_t tid, int64_t fd)
{
    struct thread *t = thread_recent(s, tid);
    const struct fd_info *f = t && !s->history ? fd_now((struct state *)s, t, fd) : NULL;

    return f ? &((struct fd_version *)((char *)f - offsetof(struct fd_version, info)))->note : NULL;
}

static void put(struct state *s, struct fd_table *t, int64_t fd, const struct fd_info *info)
{
    struct fd_version *v;
    struct fd_page *page;

    if (fd < 0 || fd >= (int64_t)FDS_MAX)
        return;
    page = t->pages[fd / FD_PAGE];
    if (!page) {
        page = xcalloc(1, sizeof(*page));
        s->memory += sizeof(*page);
        atomic_store_explicit(&t->pages[fd / FD_PAGE], page, memory_order_release);
    }
    if (s->history) {
        v = xcalloc(1, info ? sizeof(*v) : offsetof(struct fd_version, info));
        s->memory += info ? sizeof(*v) : offsetof(struct fd_version, info);
    } else { /* the one that is there is nobody else's */
        v = (struct fd_version *)atomic_load_explicit(&page->fds[fd % FD_PAGE],
                                                      memory_order_relaxed);
        v = v ? v : xcalloc(1, sizeof(*v));
        v->note = STATE_UNKNOWN;
    }
    v->closed = info == NULL;
    if (info)
        v->info = *info;
    if (s->history) {
        version_push(s, &page->fds[fd % FD_PAGE], &v->v, s->at);
    } else {
        v->v.at = s->at;
        atomic_store_explicit(&page->fds[fd % FD_PAGE], &v->v, memory_order_relaxed);
    }
}

void fd_put(struct state *s, struct thread *t, int64_t fd, const struct fd_info *info)
{
    struct fd_table *table = fds_of(s, t, true);
    struct fd_info copy = *info; /* it may be the very version that is replaced */

    const struct fd_info *was = table ? table_get(table, fd, STATE_NOW) : NULL;

    if (!table)
        return;
    if (!copy.life) {
        copy.life = ++s->fd_lives;
        copy.named_at = copy.name.n ? s->at : UINT64_MAX;
    } else if (was && !span_eq(was->name, copy.name)) {
        copy.named_at = s->at;
    }
    put(s, table, fd, &copy);
}

void fd_close(struct state *s, struct thread *t, int64_t fd)
{
    struct fd_table *table = fds_of(s, t, false);

    if (table && table_get(table, fd, STATE_NOW))
        put(s, table, fd, NULL);
}

void fds_each(struct state *s, struct thread *t,
              void (*each)(struct state *s, struct thread *t, int64_t fd,
                           const struct fd_info *info, void *ctx),
              void *ctx)
{
    struct fd_table *table = fds_of(s, t, false);

    for (unsigned page = 0; table && page < FDS_MAX / FD_PAGE; page++) {
        bool there = false;

        for (const struct fd_table *p = table; p && !there; p = p->parent)
            there = p->pages[page] != NULL;
        for (unsigned i = 0; there && i < FD_PAGE; i++) {
            int64_t fd = (int64_t)page * FD_PAGE + i;
            const struct fd_info *info = table_get(table, fd, STATE_NOW);

            if (info)
                each(s, t, fd, info, ctx);
        }
    }
}

static void copy_one(struct state *s, struct thread *from, int64_t fd, const struct fd_info *info,
                     void *ctx)
{
    UNUSED(from);
    put(s, ctx, fd, info);
}

void fds_copy(struct state *s, struct thread *from, struct thread *to)
{
    struct fd_table *source = fds_of(s, from, false), *t;
    int depth = 0;

    if (!source)
        return;
    t = fds_of(s, to, true);
    if (!t)
        return; /* a process whose main thread nobody has seen */
    for (const struct fd_table *p = source; p; p = p->parent)
        depth++;
    if (s->history && depth < TABLE_DEPTH_MAX) {
        t->parent = source;
        t->copied_at = s->at; /* what the parent does at this very event comes before the copy */
    } else {
        fds_each(s, from, copy_one, t);
    }
}

void fds_make_own(struct state *s, struct fd_table *t)
{
    for (unsigned page = 0; t->parent && page < FDS_MAX / FD_PAGE; page++) {
        for (unsigned i = 0; i < FD_PAGE && page_is_there(t, page); i++) {
            int64_t fd = (int64_t)page * FD_PAGE + i;
            const struct fd_info *info = table_get(t, fd, STATE_NOW);

            if (info)
                put(s, t, fd, info);
        }
    }
    t->parent = NULL;
}

/* ---- opening --------------------------------------------------------------------------------- */

struct opening {
    struct span name;
    int64_t dirfd;
    uint32_t flags, dev;
    uint64_t ino;
    bool at; /* a call with a folder's descriptor */
};

/* The enter half's words win: the program can change what the exit reads (§4.1). */
static void open_from_enter(const struct thread *t, uint16_t type, struct opening *o)
{
    const void *enter = t->enter.data;
    struct span name;
    bool at = type == 307 || type == 327;
    uint32_t flags;

    if (t->enter.len == 0 || event_code(enter) != type - 1 ||
        !param_text(enter, at ? 1 : 0, &name) || span_is(name, "<NA>"))
        return;
    o->name = name;
    if (type == 59)
        return;
    flags = param_u32(enter, at ? 2 : 1, 0);
    o->flags = flags | (o->flags & EXIT_ONLY_BITS);
    if (at)
        o->dirfd = param_i64(enter, 0, -100);
}

static void read_opening(const void *e, struct opening *o)
{
    memset(o, 0, sizeof(*o));
    o->dirfd = -100;
    switch (event_code(e)) {
    case 3:
        param_text(e, 1, &o->name);
        o->flags = param_u32(e, 2, 0);
        o->dev = param_u32(e, 4, 0);
        o->ino = param_u64(e, 5, 0);
        break;
    case 59:
        param_text(e, 1, &o->name);
        o->dev = param_u32(e, 3, 0);
        o->ino = param_u64(e, 4, 0);
        o->flags = (param_u32(e, 5, 0) & 1 ? UPPER_LAYER_BIT : 0) |
                   (param_u32(e, 5, 0) & 2 ? LOWER_LAYER_BIT : 0);
        break;
    case 337:
        param_text(e, 3, &o->name);
        o->flags = param_u32(e, 2, 0);
        o->dev = param_u32(e, 4, 0);
        o->ino = param_u64(e, 5, 0);
        break;
    default:
        o->at = true;
        o->dirfd = param_i64(e, 1, -100);
        if (!param_text(e, 2, &o->name))
            o->name = span_of("<NA>");
        o->flags = param_u32(e, 3, 0);
        o->dev = param_u32(e, event_code(e) == 327 ? 6 : 5, 0);
        o->ino = param_u64(e, event_code(e) == 327 ? 7 : 6, 0);
    }
}

/* Where a name starts from, with its last slash; kept in s->name. */
static struct span folder(struct state *s, struct thread *t, int64_t dirfd, struct span name)
{
    const struct fd_info *f;

    if (name.n && name.p[0] == '/')
        return span_of("");
    if (dirfd == -100)
        return thread_cwd_now(s, t);
    f = fd_now(s, t, dirfd);
    if (!f)
        return span_of("<UNKNOWN>");
    buf_reset(&s->name);
    buf_add(&s->name, f->name.p, f->name.n);
    buf_addc(&s->name, '/');
    return (struct span){s->name.data, s->name.len};
}

static void on_open(struct state *s, const void *e, struct thread *t, int64_t res)
{
    struct fd_info f = {0};
    struct opening o;

    read_opening(e, &o);
    open_from_enter(t, event_code(e), &o);
    if (res < 0)
        return;
    buf_reset(&s->path);
    state_resolve_path(event_code(e) == 337 ? span_of("") : folder(s, t, o.dirfd, o.name), o.name,
                       &s->path);
    f.type = o.flags & O_DIRECTORY_BIT ? FDT_DIRECTORY : FDT_FILE;
    f.name = state_text(s, (struct span){s->path.data, s->path.len});
    f.raw = state_text(s, o.name);
    f.open_flags = o.flags;
    f.dev = o.dev;
    f.ino = o.ino;
    f.upper_layer = o.flags & UPPER_LAYER_BIT;
    f.lower_layer = o.flags & LOWER_LAYER_BIT;
    f.cloexec = o.flags & O_CLOEXEC_BIT;
    fd_put(s, t, res, &f);
}

/* ---- other descriptors ----------------------------------------------------------------------- */

static void make(struct state *s, struct thread *t, int64_t fd, uint8_t type, uint32_t flags)
{
    struct fd_info f = {.type = type, .open_flags = flags, .name = {"", 0}, .raw = {"", 0}};

    f.cloexec = type == FDT_EVENTPOLL || type == FDT_MEMFD ? flags & 1 : flags & O_CLOEXEC_BIT;
    if (fd >= 0)
        fd_put(s, t, fd, &f);
}

static void on_named(struct state *s, const void *e, struct thread *t, int64_t res)
{
    struct fd_info f = {.name = {"", 0}, .raw = {"", 0}};
    struct span name;

    f.open_flags = param_u32(e, 2, 0);
    if (event_code(e) == 405) {
        f.type = FDT_MEMFD;
        f.cloexec = f.open_flags & 1;
        param_text(e, 1, &name);
        f.name = f.raw = state_text(s, name);
    } else {
        f.type = FDT_PIDFD;
        f.pid = (uint64_t)param_i64(e, 1, 0);
        buf_reset(&s->name);
        buf_addf(&s->name, "/proc/%lld", (long long)f.pid);
        f.name = f.raw = state_text(s, (struct span){s->name.data, s->name.len});
    }
    fd_put(s, t, res, &f);
}

static void duplicate(struct state *s, struct thread *t, int64_t from, int64_t to, bool cloexec)
{
    const struct fd_info *f = fd_now(s, t, from);
    struct fd_info copy;

    if (to == 0 || to == 1) {
        struct thread_ids ids = *ids_now(t);

        ids.flags |= to == 0 ? THREAD_PIPE_DST : THREAD_PIPE_SRC;
        thread_set_ids(s, t, &ids);
    }
    if (!f)
        return;
    copy = *f;
    copy.cloexec = cloexec;
    copy.life = 0;
    fd_put(s, t, to, &copy);
}

static void on_fcntl(struct state *s, const void *e, struct thread *t, int64_t res)
{
    int64_t fd = param_i64(e, 1, -1);
    const struct fd_info *f = fd_now(s, t, fd);
    struct fd_info copy;

    switch (param_u64(e, 2, 0)) {
    case 1:
        duplicate(s, t, fd, res, false);
        break;
    case 26:
        duplicate(s, t, fd, res, true);
        break;
    case 3:
        if (f && param_has(e, 3)) {
            copy = *f;
            copy.cloexec = param_u64(e, 3, 0) & 1;
            fd_put(s, t, fd, &copy);
        }
        break;
    default:
        break;
    }
}

static void on_pipe(struct state *s, const void *e, struct thread *t)
{
    struct fd_info f = {.type = FDT_FIFO, .name = {"", 0}, .raw = {"", 0}};

    f.ino = param_u64(e, 3, 0);
    f.open_flags = event_code(e) == 393 ? param_u32(e, 4, 0) : 0;
    f.cloexec = f.open_flags & O_CLOEXEC_BIT;
    fd_put(s, t, param_i64(e, 1, -1), &f);
    fd_put(s, t, param_i64(e, 2, -1), &f);
}

static void on_close_range(struct state *s, const void *e, struct thread *t)
{
    int64_t first = (int64_t)param_u64(e, 1, 0);
    uint64_t last = MIN_OF(param_u64(e, 2, 0), (uint64_t)FDS_MAX - 1);

    for (int64_t fd = MAX_OF(first, 0); fd <= (int64_t)last; fd++) {
        const struct fd_info *f = fd_now(s, t, fd);
        struct fd_info copy;

        if (!f)
            continue;
        if (param_u64(e, 3, 0) & 4) {
            copy = *f;
            copy.cloexec = true;
            fd_put(s, t, fd, &copy);
        } else {
            fd_close(s, t, fd);
        }
    }
}

static void on_pidfd_getfd(struct state *s, const void *e, struct thread *t, int64_t res)
{
    const struct fd_info *pidfd = fd_now(s, t, param_i64(e, 1, -1)), *f;
    struct thread *other = pidfd && pidfd->type == FDT_PIDFD ? thread_now(s, pidfd->pid) : NULL;
    struct fd_info copy;

    f = other ? fd_now(s, other, param_i64(e, 2, -1)) : NULL;
    if (!f)
        return;
    copy = *f;
    copy.cloexec = true;
    copy.life = 0;
    fd_put(s, t, res, &copy);
}

void fds_remove_closed(struct state *s)
{
    if (s->closing && s->closing->gone == UINT64_MAX)
        fd_close(s, s->closing, s->closing_fd);
    s->closing = NULL;
}

void on_file_event(struct state *s, const void *e, struct thread *t, int64_t res)
{
    uint16_t type = event_code(e);

    if (type == 3 || type == 59 || type == 307 || type == 327 || type == 337) {
        on_open(s, e, t, res);
        return;
    }
    if (res < 0)
        return;
    switch (type) {
    case 5:
        s->closing = t;
        s->closing_fd = param_i64(e, 1, -1);
        break;
    case 451:
        on_close_range(s, e, t);
        break;
    case 367:
    case 363:
        duplicate(s, t, param_i64(e, 1, -1), res, false);
        break;
    case 365:
        duplicate(s, t, param_i64(e, 1, -1), res, param_u32(e, 3, 0) & O_CLOEXEC_BIT);
        break;
    case 151:
        on_fcntl(s, e, t, res);
        break;
    case 61:
    case 393:
        on_pipe(s, e, t);
        break;
    case 63:
    case 397:
        make(s, t, res, FDT_EVENT, type == 397 ? param_u32(e, 1, 0) : 0);
        break;
    case 127:
    case 399:
        make(s, t, res, FDT_SIGNAL, type == 399 ? param_u32(e, 1, 0) : 0);
        break;
    case 137:
        make(s, t, res, FDT_TIMERFD, param_u32(e, 2, 0));
        break;
    case 139:
    case 395:
        make(s, t, res, FDT_INOTIFY, type == 395 ? param_u32(e, 1, 0) : 0);
        break;
    case 375:
    case 377:
        make(s, t, res, FDT_EVENTPOLL, type == 377 ? param_u32(e, 1, 0) : 0);
        break;
    case 369:
        make(s, t, res, FDT_BPF, 0);
        break;
    case 321:
        make(s, t, res, FDT_USERFAULTFD, 0);
        break;
    case 339:
        make(s, t, res, FDT_IO_URING, 0);
        break;
    case 405:
    case 409:
        on_named(s, e, t, res);
        break;
    case 407:
        on_pidfd_getfd(s, e, t, res);
        break;
    default:
        break;
    }
}

/* ---- queries --------------------------------------------------------------------------------- */

static struct fd_table *table_at(const struct state *s, const struct thread_view *t, uint64_t at)
{
    struct thread_view leader = *t;

    if ((t->ids->flags & THREAD_CLONE_FILES) && !state_leader(s, t, at, &leader))
        return NULL;
    return atomic_load_explicit(&((struct thread *)leader.thread)->fds, memory_order_acquire);
}

const struct fd_info *state_fd(const struct state *s, const struct thread_view *t, int64_t fd,
                               uint64_t at)
{
    return table_get(table_at(s, t, at), fd, at);
}

void state_each_fd(const struct state *s, const struct thread_view *t, uint64_t at,
                   bool (*each)(void *ctx, int64_t fd, const struct fd_info *f), void *ctx)
{
    const struct fd_table *table = table_at(s, t, at);

    for (unsigned page = 0; table && page < FDS_MAX / FD_PAGE; page++) {
        for (unsigned i = 0; i < FD_PAGE && page_is_there(table, page); i++) {
            int64_t fd = (int64_t)page * FD_PAGE + i;
            const struct fd_info *f = table_get(table, fd, at);

            if (f && !each(ctx, fd, f))
                return;
        }
    }
}

int64_t state_event_fd(const void *event)
{
    const struct event_type *t = event_type_get(event_code(event));
    int64_t res;

    if (!t || !(t->flags & (EVENT_CREATES_FD | EVENT_USES_FD | EVENT_DESTROYS_FD)))
        return -1;
    if ((t->flags & (EVENT_USES_FD | EVENT_DESTROYS_FD)) && t->fd_param >= 0)
        return param_i64(event, (unsigned)t->fd_param, -1);
    if (event_code(event) == 61 || event_code(event) == 393)
        return param_i64(event, 2, -1);
    if (event_code(event) == 43)
        return param_i64(event, 2, -1);
    if (t->enter || !event_result(event, &res) || res < 0)
        return -1;
    return res;
}
