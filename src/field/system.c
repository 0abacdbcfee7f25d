/* Fields of system calls, processes, descriptors, users (fields.csv; field-extraction, §1 and §2;
 * event-state, §8). */
#include "internal.h"

#include <inttypes.h>

#define ANCESTORS_MAX 64
#define PID_MAX       ((int64_t)UINT32_MAX)

struct get { /* what a getter works with */
    const struct field_ref *ref;
    const struct field_event *e;
    const struct event_type *type;
    struct arena *arena;
    struct value *out;
    int what; /* tells the fields of one getter apart */
};

struct system_field {
    struct field_def def;
    void (*get)(struct get *g);
    int what;
};

/* ---- setting values -------------------------------------------------------------------------- */

static void number(struct get *g, uint64_t n)
{
    g->out->state = VALUE_OK;
    g->out->n = 1;
    g->out->one.u = n;
}

/* Text that lives as long as the state or the event. */
static void text(struct get *g, struct span s)
{
    g->out->state = VALUE_OK;
    g->out->n = 1;
    g->out->one.s = s;
}

static void words(struct get *g, const char *s)
{
    if (s)
        text(g, span_of(s));
}

static void text_of(struct get *g, struct buf *b)
{
    text(g, (struct span){arena_strndup(g->arena, buf_str(b), b->len), b->len});
    buf_fini(b);
}

/* ---- who and what an event is about ---------------------------------------------------------- */

static const struct thread_view *thread_of(const struct field_event *e)
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

static bool uses_fd(const struct event_type *t)
{
    return t && (t->flags & (EVENT_CREATES_FD | EVENT_USES_FD | EVENT_DESTROYS_FD));
}

static const struct fd_info *fd_of(const struct get *g)
{
    const struct thread_view *t = thread_of(g->e);

    return t && uses_fd(g->type) ? state_fd(g->e->state, t, state_event_fd(g->e->bytes), g->e->at)
                                 : NULL;
}

/* ---- the resolver of parameters -------------------------------------------------------------- */

static bool resolve_fd(void *ctx, int64_t fd, struct buf *out)
{
    const struct field_event *e = ctx;
    const struct thread_view *t = thread_of(e);
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
    const struct thread_view *t = thread_of(e);
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

static bool resolve_user(void *ctx, uint32_t uid, struct buf *out)
{
    const struct field_event *e = ctx;
    struct span name;

    if (!e->state || !state_user_name(e->state, uid, e->at, &name))
        return false;
    return buf_add(out, name.p, name.n);
}

static bool resolve_group(void *ctx, uint32_t gid, struct buf *out)
{
    const struct field_event *e = ctx;
    struct span name;

    if (!e->state || !state_group_name(e->state, gid, e->at, &name))
        return false;
    return buf_add(out, name.p, name.n);
}

static bool resolve_path(void *ctx, int64_t dirfd, struct span path, struct buf *out)
{
    const struct field_event *e = ctx;
    const struct thread_view *t = thread_of(e);
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

static struct event_resolver resolver_of(const struct field_event *e)
{
    return (struct event_resolver){(void *)e,    resolve_fd,    resolve_fd_char, resolve_thread,
                                   resolve_user, resolve_group, resolve_path};
}

/* ---- evt.* ----------------------------------------------------------------------------------- */

enum { DIR_WORD, CPU, COUNT_ONE, IS_WAIT, IS_IO, IS_READ, IS_WRITE, IO_DIR, SYSCALL_TYPE };

static void get_event(struct get *g)
{
    unsigned flags = g->type ? g->type->flags : 0;
    bool reads = flags & EVENT_READS_FD, writes = flags & EVENT_WRITES_FD;

    switch (g->what) {
    case DIR_WORD:
        words(g, event_code(g->e->bytes) & 1 ? "<" : ">");
        break;
    case CPU:
        number(g, (uint64_t)(int64_t)(int16_t)g->e->cpu);
        break;
    case COUNT_ONE:
        number(g, 1);
        break;
    case IS_WAIT:
        number(g, (flags & EVENT_WAITS) != 0);
        break;
    case IS_IO:
        number(g, reads || writes);
        break;
    case IS_READ:
        number(g, reads);
        break;
    case IS_WRITE:
        number(g, writes);
        break;
    case SYSCALL_TYPE:
        if (g->type && str_eq(g->type->source_class, "syscall"))
            builtin_type(g->out, g->arena, g->e->bytes);
        break;
    default:
        words(g, writes ? "write" : reads ? "read" : NULL);
    }
}

/* Reads and writes belong where their descriptor does. */
const char *system_category(const struct field_event *e)
{
    struct get g = {.e = e, .type = event_type_get(event_code(e->bytes))};
    const struct fd_info *f;

    if (!g.type || strncmp(g.type->category, "io_", 3) != 0)
        return g.type ? g.type->category : NULL;
    f = fd_of(&g);
    switch (f ? f->type : FDT_UNKNOWN) {
    case FDT_FILE:
    case FDT_FILE_OLD:
    case FDT_DIRECTORY:
        return "file";
    case FDT_IPV4:
    case FDT_IPV6:
    case FDT_IPV4_SERVER:
    case FDT_IPV6_SERVER:
        return "net";
    case FDT_FIFO:
    case FDT_UNIX:
    case FDT_EVENT:
    case FDT_SIGNAL:
    case FDT_INOTIFY:
    case FDT_USERFAULTFD:
        return "ipc";
    default:
        return "unknown";
    }
}

static void get_args(struct get *g)
{
    struct event_resolver r = resolver_of(g->e);
    struct buf b;

    buf_init(&b, EVENT_LEN_MAX * 2);
    event_args_text(g->e->bytes, &r, &b);
    text_of(g, &b);
}

/* evt.arg.NAME, evt.arg[NAME], evt.arg[N] */
static void get_arg(struct get *g)
{
    struct event_resolver r = resolver_of(g->e);
    struct buf value, resolved;
    uint64_t index;
    int i;

    if (parse_u64(g->ref->arg_text, &index))
        i = g->type && index < g->type->nparams ? (int)index : -1;
    else
        i = event_param_index(g->type, g->ref->arg_text);
    if (i < 0 || (uint32_t)i >= event_nparams(g->e->bytes))
        return;
    buf_init(&value, EVENT_LEN_MAX * 2);
    buf_init(&resolved, EVENT_LEN_MAX);
    event_param_text(g->e->bytes, (unsigned)i, &r, &value, &resolved);
    if (resolved.len) {
        text_of(g, &resolved);
        buf_fini(&value);
    } else {
        text_of(g, &value);
        buf_fini(&resolved);
    }
}

enum { RES_WORD, RES_NUMBER, RES_FAILED, RES_LENGTH };

static void get_result(struct get *g)
{
    struct buf value, resolved;
    int64_t res;

    if (!event_result(g->e->bytes, &res))
        return;
    if (g->what == RES_NUMBER) {
        number(g, (uint64_t)res);
    } else if (g->what == RES_FAILED) {
        number(g, res < 0);
    } else if (g->what == RES_LENGTH) {
        if (res >= 0 && strncmp(g->type->category, "io_", 3) == 0 && fd_of(g))
            number(g, (uint64_t)res);
    } else if (res >= 0) {
        words(g, "SUCCESS");
    } else {
        buf_init(&value, 4096);
        buf_init(&resolved, 4096);
        event_param_text(g->e->bytes, 0, NULL, &value, &resolved);
        text_of(g, resolved.len ? &resolved : &value);
        buf_fini(resolved.data == NULL || resolved.len == 0 ? &resolved : &value);
    }
}

static void get_buffer(struct get *g)
{
    int i = event_param_index(g->type, span_of("data"));

    if (i >= 0 && event_param(g->e->bytes, (unsigned)i).n)
        text(g, event_param(g->e->bytes, (unsigned)i));
}

/* ---- proc.*, thread.* ------------------------------------------------------------------------ */

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
    text_of(g, &b);
}

enum { P_NAME, P_EXE, P_EXEPATH, P_CMDLINE, P_EXELINE };

static void program(struct get *g, const struct thread_image *image, int what)
{
    if (what == P_NAME)
        text(g, image->comm);
    else if (what == P_EXE)
        text(g, image->exe);
    else if (what == P_EXEPATH)
        text(g, image->exepath);
    else if (what == P_CMDLINE)
        program_line(g, image->comm, image->args, false);
    else
        program_line(g, image->exe, image->args, true);
}

static void get_program(struct get *g)
{
    const struct thread_view *t = thread_of(g->e);

    if (t)
        program(g, t->image, g->what);
}

static void get_parent(struct get *g)
{
    const struct thread_view *t = thread_of(g->e);
    struct thread_view parent;

    if (t && state_ancestor(g->e->state, t, 1, g->e->at, &parent))
        program(g, parent.image, g->what);
}

/* proc.aname[n]: the n-th ancestor; without [n] the names of all, nearest first. */
static void get_ancestor(struct get *g)
{
    const struct thread_view *t = thread_of(g->e);
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
        text_of(g, &b);
    else
        buf_fini(&b);
}

static void get_apid(struct get *g)
{
    const struct thread_view *t = thread_of(g->e);
    uint64_t n = g->ref->arg_present ? g->ref->arg.index : 0;
    struct thread_view a;

    if (t && n < ANCESTORS_MAX && state_ancestor(g->e->state, t, (unsigned)n, g->e->at, &a))
        number(g, (uint64_t)a.ids->pid);
}

enum { ID_PID, ID_PPID, ID_VPID, ID_VTID, ID_SID, ID_TID };

static void pid_number(struct get *g, int64_t pid)
{
    if (pid >= -1 && pid <= PID_MAX)
        number(g, (uint64_t)pid);
}

static void get_id(struct get *g)
{
    const struct thread_view *t = thread_of(g->e);
    struct thread_view parent;

    if (g->what == ID_TID) {
        number(g, event_tid(g->e->bytes));
        return;
    }
    if (!t)
        return;
    if (g->what == ID_PID)
        pid_number(g, t->ids->pid);
    else if (g->what == ID_PPID && state_ancestor(g->e->state, t, 1, g->e->at, &parent))
        pid_number(g, parent.ids->pid);
    else if (g->what == ID_VPID && t->ids->vpid != -1)
        number(g, (uint64_t)t->ids->vpid);
    else if (g->what == ID_VTID && t->ids->vtid != -1)
        number(g, (uint64_t)t->ids->vtid);
    else if (g->what == ID_SID)
        number(g, (uint64_t)t->ids->sid);
}

static void get_cwd(struct get *g)
{
    const struct thread_view *t = thread_of(g->e);

    if (t)
        text(g, state_cwd(g->e->state, t, g->e->at));
}

static void get_list(struct get *g)
{
    const struct thread_view *t = thread_of(g->e);
    struct span item;
    uint64_t index;
    struct buf b;

    if (!t)
        return;
    if (g->ref->arg_present) {
        item = parse_u64(g->ref->arg_text, &index) ? item_at(t->image->args, index)
                                                   : (struct span){NULL, 0};
        text(g, item.p ? item : span_of(""));
        return;
    }
    buf_init(&b, EVENT_LEN_MAX);
    add_items(&b, t->image->args);
    text_of(g, &b);
}

static void get_env(struct get *g)
{
    const struct thread_view *t = thread_of(g->e);
    struct thread_view leader;
    struct span item, name = g->ref->arg_text;
    struct buf b;

    if (!t)
        return;
    if (!state_leader(g->e->state, t, g->e->at, &leader)) {
        if (!g->ref->arg_present)
            words(g, "");
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
        text(g, item);
        return;
    }
    if (g->ref->arg_present)
        return;
    buf_init(&b, EVENT_LEN_MAX);
    add_items(&b, leader.image->env);
    text_of(g, &b);
}

enum { U_TTY, U_FDLIMIT, U_VMSIZE, U_VMRSS, U_VMSWAP, U_PFMAJOR, U_PFMINOR, U_ISMAIN, U_DURATION };

static void get_usage(struct get *g)
{
    const struct thread_view *t = thread_of(g->e);
    struct thread_view leader;

    if (!t)
        return;
    switch (g->what) {
    case U_TTY:
        number(g, t->image->tty);
        break;
    case U_FDLIMIT:
        number(g, state_leader(g->e->state, t, g->e->at, &leader) ? (uint64_t)leader.image->fdlimit
                                                                  : 0);
        break;
    case U_VMSIZE:
        number(g, t->use->vm_size);
        break;
    case U_VMRSS:
        number(g, t->use->vm_rss);
        break;
    case U_VMSWAP:
        number(g, t->use->vm_swap);
        break;
    case U_PFMAJOR:
        number(g, t->use->pf_major);
        break;
    case U_PFMINOR:
        number(g, t->use->pf_minor);
        break;
    case U_ISMAIN:
        number(g, (int64_t)t->tid == t->ids->pid || (t->ids->flags & THREAD_IS_MAIN));
        break;
    default:
        if (t->image->clone_ts)
            number(g, event_ts(g->e->bytes) - t->image->clone_ts);
    }
}

/* ---- fd.* ------------------------------------------------------------------------------------ */

static void get_fd_num(struct get *g)
{
    if (uses_fd(g->type) && thread_of(g->e))
        number(g, (uint64_t)state_event_fd(g->e->bytes));
}

/* What an exit tells of a descriptor that is not known (event-state, §8.3). */
static void fd_name_from_event(struct get *g)
{
    struct event_resolver r = resolver_of(g->e);
    uint16_t code = event_code(g->e->bytes);
    struct buf b, resolved;

    if (code % 2 == 0)
        return;
    buf_init(&b, EVENT_LEN_MAX);
    buf_init(&resolved, EVENT_LEN_MAX);
    if (code == 3 || code == 59 || code == 247 || code == 389 || code == 23)
        event_param_text(g->e->bytes, 1, &r, &b, &resolved);
    else if (code == 307 || code == 327)
        event_param_text(g->e->bytes, 2, &r, &b, &resolved);
    else if (code == 337)
        event_param_text(g->e->bytes, 3, &r, &b, &resolved);
    text_of(g, resolved.len ? &resolved : &b);
    buf_fini(resolved.data && resolved.len ? &b : &resolved);
}

enum { FD_NAME, FD_NAMERAW, FD_TYPE, FD_TYPECHAR, FD_DIRECTORY, FD_FILENAME, FD_L4, FD_FAMILY };

static void squeezed(struct get *g, struct span s)
{
    struct buf b;

    buf_init(&b, 65536);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '/' || i == 0 || s.p[i - 1] != '/')
            buf_addc(&b, s.p[i]);
    }
    text_of(g, &b);
}

static void fd_folder(struct get *g, const struct fd_info *f)
{
    const char *slash = f->name.n ? memrchr(f->name.p, '/', f->name.n) : NULL;

    if (f->type == FDT_DIRECTORY)
        text(g, f->name);
    else if (f->type != FDT_FILE && f->type != FDT_FILE_OLD)
        return;
    else if (!slash || slash == f->name.p)
        words(g, "/");
    else if (slash == f->name.p + f->name.n - 1)
        text(g, f->name);
    else
        text(g, (struct span){f->name.p, (size_t)(slash - f->name.p)});
}

static void fd_file(struct get *g, const struct fd_info *f)
{
    const char *slash = f->name.n ? memrchr(f->name.p, '/', f->name.n) : NULL;

    if (f->type != FDT_FILE && f->type != FDT_FILE_OLD)
        return;
    if (!slash)
        words(g, "/");
    else if (slash == f->name.p + f->name.n - 1)
        text(g, f->name);
    else
        text(g, (struct span){slash + 1, (size_t)(f->name.p + f->name.n - slash - 1)});
}

/* The kind that a call would have made. */
static const char *guessed_char(uint16_t code)
{
    switch (code) {
    case 307:
    case 327:
    case 59:
        return "f";
    case 19:
    case 247:
    case 389:
        return "4";
    case 61:
    case 393:
        return "p";
    case 63:
    case 397:
        return "e";
    case 127:
    case 399:
        return "s";
    case 137:
        return "t";
    case 139:
    case 395:
        return "i";
    default:
        return "o";
    }
}

/* What is told of a descriptor that is not known. */
static void fd_from_event(struct get *g)
{
    struct fd_info f = {.type = FDT_FILE};
    struct span raw;

    if (g->what == FD_L4) {
        words(g, "<NA>");
    } else if (g->what == FD_TYPECHAR) {
        words(g, guessed_char(event_code(g->e->bytes)));
    } else if (g->what == FD_NAME) {
        fd_name_from_event(g);
    } else if (g->what == FD_NAMERAW && event_code(g->e->bytes) % 2) {
        raw = event_param(g->e->bytes, event_code(g->e->bytes) == 3 || event_code(g->e->bytes) == 59
                                           ? 1
                                           : UINT32_MAX);
        if (event_code(g->e->bytes) == 307 || event_code(g->e->bytes) == 327)
            raw = event_param(g->e->bytes, 2);
        squeezed(g, (struct span){raw.p ? raw.p : "", raw.p ? strnlen(raw.p, raw.n) : 0});
    } else if (g->what == FD_DIRECTORY && event_code(g->e->bytes) % 2) {
        fd_name_from_event(g);
        f.name = g->out->one.s;
        fd_folder(g, &f);
    }
}

static bool is_ip(const struct fd_info *f)
{
    return f->type >= FDT_IPV4 && f->type <= FDT_IPV6_SERVER;
}

static void get_fd(struct get *g)
{
    const struct fd_info *f = fd_of(g);
    char c[2] = "o";

    if (!thread_of(g->e) || !uses_fd(g->type))
        return;
    if (!f) {
        fd_from_event(g);
        return;
    }
    switch (g->what) {
    case FD_NAME:
        text(g, f->name);
        break;
    case FD_NAMERAW:
        squeezed(g, f->raw);
        break;
    case FD_TYPE:
        words(g, fd_type_text(f));
        break;
    case FD_TYPECHAR:
        c[0] = fd_type_char(f);
        text(g, (struct span){arena_strndup(g->arena, c, 1), 1});
        break;
    case FD_DIRECTORY:
        fd_folder(g, f);
        break;
    case FD_FILENAME:
        fd_file(g, f);
        break;
    case FD_L4:
        words(g, fd_l4_text(f) ? fd_l4_text(f) : "<NA>");
        break;
    default:
        words(g, is_ip(f) ? "ip" : f->type == FDT_UNIX ? "unix" : NULL);
    }
}

enum { FD_CIP, FD_SIP, FD_CPORT, FD_SPORT, FD_INO, FD_DEV };

static void address(struct get *g, const struct ip_bytes *ip)
{
    if (ip->len == 0)
        return;
    number(g, 0);
    g->out->one.ip = *ip;
}

static void get_fd_end(struct get *g)
{
    const struct fd_info *f = fd_of(g);
    bool listens, known;

    if (!f)
        return;
    if (g->what == FD_INO || g->what == FD_DEV) {
        number(g, g->what == FD_INO ? f->ino : f->dev);
        return;
    }
    if (!is_ip(f))
        return;
    listens = f->type == FDT_IPV4_SERVER || f->type == FDT_IPV6_SERVER;
    known = f->role != ROLE_NONE;
    if (g->what == FD_CIP && known && !listens)
        address(g, &f->src);
    else if (g->what == FD_SIP && known)
        address(g, listens ? &f->src : &f->dst);
    else if (g->what == FD_CPORT && known && !listens)
        number(g, f->sport);
    else if (g->what == FD_SPORT && (known || listens))
        number(g, listens ? f->sport : f->dport);
}

/* ---- user.*, group.* ------------------------------------------------------------------------- */

enum { WHO_UID, WHO_USER, WHO_LOGINUID, WHO_LOGIN, WHO_GID, WHO_GROUP };

static void get_who(struct get *g)
{
    const struct thread_view *t = thread_of(g->e);
    struct span name = span_of("<NA>");
    bool found;

    if (!t)
        return;
    switch (g->what) {
    case WHO_UID:
        number(g, t->creds->uid);
        break;
    case WHO_LOGINUID:
        number(g, (uint64_t)(int64_t)(int32_t)t->image->loginuid);
        break;
    case WHO_GID:
        number(g, t->creds->gid);
        break;
    default:
        found = g->what == WHO_GROUP
                    ? state_group_name(g->e->state, t->creds->gid, g->e->at, &name)
                    : state_user_name(g->e->state,
                                      g->what == WHO_USER ? t->creds->uid : t->image->loginuid,
                                      g->e->at, &name);
        text(g, found ? name : span_of("<NA>"));
    }
}

/* ---- the table ------------------------------------------------------------------------------- */

#define FIELD(n, o, t, f, g, w, d)                                                                 \
    {                                                                                              \
        {.name = n, .desc = d, .display = "", .owner = o, .type = t, .format = f}, g, w            \
    }
#define TEXT(n, o, g, w, d)    FIELD(n, o, VT_CHARBUF, FMT_NA, g, w, d)
#define ID(n, o, t, g, w, d)   FIELD(n, o, t, FMT_ID, g, w, d)
#define NUM(n, o, t, g, w, d)  FIELD(n, o, t, FMT_DEC, g, w, d)
#define BOOLEAN(n, o, g, w, d) FIELD(n, o, VT_BOOL, FMT_NA, g, w, d)

static struct system_field fields[] = {
    TEXT("evt.dir", "syscall", get_event, DIR_WORD, "> for enter types, < for exit types"),
    TEXT("syscall.type", "syscall", get_event, SYSCALL_TYPE, "name of the system call"),
    ID("evt.cpu", "syscall", VT_INT16, get_event, CPU, "processor that it happened on"),
    TEXT("evt.args", "syscall", get_args, 0, "all parameters as name=value"),
    TEXT("evt.info", "syscall", get_args, 0, "the same as evt.args"),
    TEXT("evt.arg", "syscall", get_arg, 0, "one parameter as text: evt.arg.fd, evt.arg[0]"),
    TEXT("evt.res", "syscall", get_result, RES_WORD, "SUCCESS, or the name of the error"),
    NUM("evt.rawres", "syscall", VT_INT64, get_result, RES_NUMBER, "what the call returned"),
    BOOLEAN("evt.failed", "syscall", get_result, RES_FAILED, "whether it returned an error"),
    FIELD("evt.buffer", "syscall", VT_BYTEBUF, FMT_NA, get_buffer, 0, "bytes read or written"),
    NUM("evt.buflen", "syscall", VT_UINT64, get_result, RES_LENGTH, "how many bytes it moved"),
    BOOLEAN("evt.is_io", "syscall", get_event, IS_IO, "whether it reads or writes"),
    BOOLEAN("evt.is_io_read", "syscall", get_event, IS_READ, "whether it reads"),
    BOOLEAN("evt.is_io_write", "syscall", get_event, IS_WRITE, "whether it writes"),
    TEXT("evt.io_dir", "syscall", get_event, IO_DIR, "read or write"),
    BOOLEAN("evt.is_wait", "syscall", get_event, IS_WAIT, "whether the thread waits in it"),
    NUM("evt.count", "syscall", VT_UINT32, get_event, COUNT_ONE, "always 1, for sums"),
    TEXT("proc.name", "process", get_program, P_NAME, "the program, at most 15 bytes"),
    TEXT("proc.exe", "process", get_program, P_EXE, "its first argument, argv[0]"),
    TEXT("proc.exepath", "process", get_program, P_EXEPATH, "path of the executable"),
    TEXT("proc.args", "process", get_list, 0, "arguments behind argv[0], or one: proc.args[0]"),
    TEXT("proc.cmdline", "process", get_program, P_CMDLINE, "name and arguments"),
    TEXT("proc.exeline", "process", get_program, P_EXELINE, "argv[0] and arguments"),
    TEXT("proc.env", "process", get_env, 0, "environment, or one variable: proc.env[HOME]"),
    TEXT("proc.cwd", "process", get_cwd, 0, "folder it works in"),
    ID("proc.pid", "process", VT_INT64, get_id, ID_PID, "its ID"),
    ID("proc.ppid", "process", VT_INT64, get_id, ID_PPID, "ID of the parent"),
    ID("proc.vpid", "process", VT_INT64, get_id, ID_VPID, "its ID inside its PID namespace"),
    ID("proc.sid", "process", VT_INT64, get_id, ID_SID, "ID of its session"),
    TEXT("proc.pname", "process", get_parent, P_NAME, "name of the parent"),
    TEXT("proc.pexe", "process", get_parent, P_EXE, "argv[0] of the parent"),
    TEXT("proc.pexepath", "process", get_parent, P_EXEPATH, "executable of the parent"),
    TEXT("proc.pcmdline", "process", get_parent, P_CMDLINE, "command line of the parent"),
    TEXT("proc.aname", "process", get_ancestor, P_NAME, "name of the nth ancestor"),
    ID("proc.apid", "process", VT_INT64, get_apid, 0, "ID of the nth ancestor"),
    ID("proc.tty", "process", VT_UINT32, get_usage, U_TTY, "its terminal, 0 for none"),
    NUM("proc.fdlimit", "process", VT_INT64, get_usage, U_FDLIMIT, "descriptors it may have"),
    NUM("proc.vmsize", "process", VT_UINT64, get_usage, U_VMSIZE, "virtual memory in KiB"),
    NUM("proc.vmrss", "process", VT_UINT64, get_usage, U_VMRSS, "resident memory in KiB"),
    NUM("proc.vmswap", "process", VT_UINT64, get_usage, U_VMSWAP, "swapped memory in KiB"),
    NUM("proc.duration", "process", VT_RELTIME, get_usage, U_DURATION, "time since its clone"),
    ID("thread.tid", "process", VT_INT64, get_id, ID_TID, "ID of the thread"),
    ID("thread.vtid", "process", VT_INT64, get_id, ID_VTID, "ID inside its PID namespace"),
    BOOLEAN("thread.ismain", "process", get_usage, U_ISMAIN, "whether it is the main thread"),
    NUM("thread.pfmajor", "process", VT_UINT64, get_usage, U_PFMAJOR, "major page faults"),
    NUM("thread.pfminor", "process", VT_UINT64, get_usage, U_PFMINOR, "minor page faults"),
    ID("fd.num", "fd", VT_INT64, get_fd_num, 0, "number of the descriptor"),
    TEXT("fd.name", "fd", get_fd, FD_NAME, "path, or the ends of a connection"),
    TEXT("fd.nameraw", "fd", get_fd, FD_NAMERAW, "path as the program gave it"),
    FIELD("fd.type", "fd", VT_CHARBUF, FMT_DEC, get_fd, FD_TYPE, "file, ipv4, unix, pipe, …"),
    FIELD("fd.typechar", "fd", VT_CHARBUF, FMT_DEC, get_fd, FD_TYPECHAR, "its kind in one letter"),
    TEXT("fd.directory", "fd", get_fd, FD_DIRECTORY, "folder of a file"),
    TEXT("fd.filename", "fd", get_fd, FD_FILENAME, "name of a file without its folder"),
    TEXT("fd.l4proto", "fd", get_fd, FD_L4, "tcp, udp, icmp, raw"),
    TEXT("fd.sockfamily", "fd", get_fd, FD_FAMILY, "ip or unix"),
    FIELD("fd.cip", "fd", VT_IPADDR, FMT_NA, get_fd_end, FD_CIP, "address of the client"),
    FIELD("fd.sip", "fd", VT_IPADDR, FMT_NA, get_fd_end, FD_SIP, "address of the server"),
    NUM("fd.cport", "fd", VT_PORT, get_fd_end, FD_CPORT, "port of the client"),
    NUM("fd.sport", "fd", VT_PORT, get_fd_end, FD_SPORT, "port of the server"),
    NUM("fd.ino", "fd", VT_INT64, get_fd_end, FD_INO, "inode of the file"),
    FIELD("fd.dev", "fd", VT_INT32, FMT_HEX, get_fd_end, FD_DEV, "device of the file"),
    ID("user.uid", "user", VT_UINT32, get_who, WHO_UID, "ID of the user"),
    TEXT("user.name", "user", get_who, WHO_USER, "name of the user"),
    ID("user.loginuid", "user", VT_INT64, get_who, WHO_LOGINUID, "ID of who logged in, or -1"),
    TEXT("user.loginname", "user", get_who, WHO_LOGIN, "name of who logged in"),
    ID("group.gid", "group", VT_UINT32, get_who, WHO_GID, "ID of the group"),
    TEXT("group.name", "group", get_who, WHO_GROUP, "name of the group"),
};

/* What of a definition the macros leave out. */
static void complete(struct system_field *f, size_t i)
{
    struct field_def *d = &f->def;
    const char *name = d->name;

    d->builtin = SYSTEM_FIELDS_FROM + (int)i;
    if (str_eq(name, "evt.arg")) {
        d->arg_required = d->arg_index = d->arg_key = true;
        d->flags = FIELD_SUFFIX_ARG;
    } else if (str_eq(name, "proc.args")) {
        d->arg_index = true;
    } else if (str_eq(name, "proc.env")) {
        d->arg_key = true;
    } else if (str_eq(name, "proc.aname") || str_eq(name, "proc.apid")) {
        d->arg_index = true;
        d->flags = FIELD_NO_RHS | FIELD_NO_TRANSFORMER;
    } else if (str_eq(name, "evt.dir")) {
        d->flags = FIELD_DEPRECATED;
    }
}

const struct field_def *system_def(size_t i)
{
    static bool completed; /* the first catalogue is made before any thread is */

    for (size_t k = 0; !completed && k < COUNT_OF(fields); k++)
        complete(&fields[k], k);
    completed = true;
    return i < COUNT_OF(fields) ? &fields[i].def : NULL;
}

void system_extract(const struct field_ref *ref, const struct field_event *e, struct arena *arena,
                    struct value *out)
{
    const struct system_field *f = &fields[ref->def->builtin - SYSTEM_FIELDS_FROM];
    struct get g = {ref, e, event_type_get(event_code(e->bytes)), arena, out, f->what};

    f->get(&g);
}

enum field_needs system_needs(const struct field_def *def)
{
    const struct system_field *f = &fields[def->builtin - SYSTEM_FIELDS_FROM];

    if (f->get == get_event)
        return f->what == SYSCALL_TYPE ? FIELD_NEEDS_NAME : FIELD_NEEDS_HEADER;
    return str_eq(def->owner, "process") || str_eq(def->owner, "user") ||
                   str_eq(def->owner, "group")
               ? FIELD_NEEDS_HEADER
               : FIELD_NEEDS_BYTES;
}
