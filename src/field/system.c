/* Fields of system calls, and the table of those of processes, descriptors and users, too
 * (fields.csv; field-extraction, §1 and §2; event-state, §8). */
#include "system.h"

struct system_field {
    struct field_def def;
    void (*get)(struct get *g);
    int what;
};

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

const struct fd_info *field_fd_of(const struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);

    return t && event_uses_fd(g->type)
               ? state_fd(g->e->state, t, state_event_fd(g->e->bytes), g->e->at)
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
        put_words(g, event_code(g->e->bytes) & 1 ? "<" : ">");
        break;
    case CPU:
        put_number(g, (uint64_t)(int64_t)(int16_t)g->e->cpu);
        break;
    case COUNT_ONE:
        put_number(g, 1);
        break;
    case IS_WAIT:
        put_number(g, (flags & EVENT_WAITS) != 0);
        break;
    case IS_IO:
        put_number(g, reads || writes);
        break;
    case IS_READ:
        put_number(g, reads);
        break;
    case IS_WRITE:
        put_number(g, writes);
        break;
    case SYSCALL_TYPE:
        if (g->type && g->type->of_syscall)
            builtin_type(g->out, g->arena, g->e->bytes);
        break;
    default:
        put_words(g, writes ? "write" : reads ? "read" : NULL);
    }
}

/* Reads and writes belong where their descriptor does. */
const char *system_category(const struct field_event *e)
{
    struct get g = {.e = e, .type = event_type_get(event_code(e->bytes))};
    const struct fd_info *f;

    if (!g.type || strncmp(g.type->category, "io_", 3) != 0)
        return g.type ? g.type->category : NULL;
    f = field_fd_of(&g);
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
    struct event_resolver r = field_resolver(g->e);
    struct buf b;

    buf_init(&b, EVENT_LEN_MAX * 2);
    event_args_text(g->e->bytes, &r, &b);
    put_buf(g, &b);
}

/* evt.arg.NAME, evt.arg[NAME], evt.arg[N] */
static void get_arg(struct get *g)
{
    struct event_resolver r = field_resolver(g->e);
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
        put_buf(g, &resolved);
        buf_fini(&value);
    } else {
        put_buf(g, &value);
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
        put_number(g, (uint64_t)res);
    } else if (g->what == RES_FAILED) {
        put_number(g, res < 0);
    } else if (g->what == RES_LENGTH) {
        if (res >= 0 && strncmp(g->type->category, "io_", 3) == 0 && field_fd_of(g))
            put_number(g, (uint64_t)res);
    } else if (res >= 0) {
        put_words(g, "SUCCESS");
    } else {
        buf_init(&value, 4096);
        buf_init(&resolved, 4096);
        event_param_text(g->e->bytes, 0, NULL, &value, &resolved);
        put_buf(g, resolved.len ? &resolved : &value);
        buf_fini(resolved.data == NULL || resolved.len == 0 ? &resolved : &value);
    }
}

static void get_buffer(struct get *g)
{
    int i = event_param_index(g->type, span_of("data"));

    if (i >= 0 && event_param(g->e->bytes, (unsigned)i).n)
        put_text(g, event_param(g->e->bytes, (unsigned)i));
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
    TEXT("proc.name", "process", system_get_program, P_NAME, "the program, at most 15 bytes"),
    TEXT("proc.exe", "process", system_get_program, P_EXE, "its first argument, argv[0]"),
    TEXT("proc.exepath", "process", system_get_program, P_EXEPATH, "path of the executable"),
    TEXT("proc.args", "process", system_get_list, 0,
         "arguments behind argv[0], or one: proc.args[0]"),
    TEXT("proc.cmdline", "process", system_get_program, P_CMDLINE, "name and arguments"),
    TEXT("proc.exeline", "process", system_get_program, P_EXELINE, "argv[0] and arguments"),
    TEXT("proc.env", "process", system_get_env, 0, "environment, or one variable: proc.env[HOME]"),
    TEXT("proc.cwd", "process", system_get_cwd, 0, "folder it works in"),
    ID("proc.pid", "process", VT_INT64, system_get_id, ID_PID, "its ID"),
    ID("proc.ppid", "process", VT_INT64, system_get_id, ID_PPID, "ID of the parent"),
    ID("proc.vpid", "process", VT_INT64, system_get_id, ID_VPID, "its ID inside its PID namespace"),
    ID("proc.sid", "process", VT_INT64, system_get_id, ID_SID, "ID of its session"),
    TEXT("proc.pname", "process", system_get_parent, P_NAME, "name of the parent"),
    TEXT("proc.pexe", "process", system_get_parent, P_EXE, "argv[0] of the parent"),
    TEXT("proc.pexepath", "process", system_get_parent, P_EXEPATH, "executable of the parent"),
    TEXT("proc.pcmdline", "process", system_get_parent, P_CMDLINE, "command line of the parent"),
    TEXT("proc.aname", "process", system_get_ancestor, P_NAME, "name of the nth ancestor"),
    ID("proc.apid", "process", VT_INT64, system_get_apid, 0, "ID of the nth ancestor"),
    ID("proc.tty", "process", VT_UINT32, system_get_usage, U_TTY, "its terminal, 0 for none"),
    NUM("proc.fdlimit", "process", VT_INT64, system_get_usage, U_FDLIMIT,
        "descriptors it may have"),
    NUM("proc.vmsize", "process", VT_UINT64, system_get_usage, U_VMSIZE, "virtual memory in KiB"),
    NUM("proc.vmrss", "process", VT_UINT64, system_get_usage, U_VMRSS, "resident memory in KiB"),
    NUM("proc.vmswap", "process", VT_UINT64, system_get_usage, U_VMSWAP, "swapped memory in KiB"),
    NUM("proc.duration", "process", VT_RELTIME, system_get_usage, U_DURATION,
        "time since its clone"),
    ID("thread.tid", "process", VT_INT64, system_get_id, ID_TID, "ID of the thread"),
    ID("thread.vtid", "process", VT_INT64, system_get_id, ID_VTID, "ID inside its PID namespace"),
    BOOLEAN("thread.ismain", "process", system_get_usage, U_ISMAIN,
            "whether it is the main thread"),
    NUM("thread.pfmajor", "process", VT_UINT64, system_get_usage, U_PFMAJOR, "major page faults"),
    NUM("thread.pfminor", "process", VT_UINT64, system_get_usage, U_PFMINOR, "minor page faults"),
    ID("fd.num", "fd", VT_INT64, system_get_fd_num, 0, "number of the descriptor"),
    TEXT("fd.name", "fd", system_get_fd, FD_NAME, "path, or the ends of a connection"),
    TEXT("fd.nameraw", "fd", system_get_fd, FD_NAMERAW, "path as the program gave it"),
    FIELD("fd.type", "fd", VT_CHARBUF, FMT_DEC, system_get_fd, FD_TYPE,
          "file, ipv4, unix, pipe, …"),
    FIELD("fd.typechar", "fd", VT_CHARBUF, FMT_DEC, system_get_fd, FD_TYPECHAR,
          "its kind in one letter"),
    TEXT("fd.directory", "fd", system_get_fd, FD_DIRECTORY, "folder of a file"),
    TEXT("fd.filename", "fd", system_get_fd, FD_FILENAME, "name of a file without its folder"),
    TEXT("fd.l4proto", "fd", system_get_fd, FD_L4, "tcp, udp, icmp, raw"),
    TEXT("fd.sockfamily", "fd", system_get_fd, FD_FAMILY, "ip or unix"),
    FIELD("fd.cip", "fd", VT_IPADDR, FMT_NA, system_get_fd_end, FD_CIP, "address of the client"),
    FIELD("fd.sip", "fd", VT_IPADDR, FMT_NA, system_get_fd_end, FD_SIP, "address of the server"),
    NUM("fd.cport", "fd", VT_PORT, system_get_fd_end, FD_CPORT, "port of the client"),
    NUM("fd.sport", "fd", VT_PORT, system_get_fd_end, FD_SPORT, "port of the server"),
    NUM("fd.ino", "fd", VT_INT64, system_get_fd_end, FD_INO, "inode of the file"),
    FIELD("fd.dev", "fd", VT_INT32, FMT_HEX, system_get_fd_end, FD_DEV, "device of the file"),
    ID("user.uid", "user", VT_UINT32, system_get_who, WHO_UID, "ID of the user"),
    TEXT("user.name", "user", system_get_who, WHO_USER, "name of the user"),
    ID("user.loginuid", "user", VT_INT64, system_get_who, WHO_LOGINUID,
       "ID of who logged in, or -1"),
    TEXT("user.loginname", "user", system_get_who, WHO_LOGIN, "name of who logged in"),
    ID("group.gid", "group", VT_UINT32, system_get_who, WHO_GID, "ID of the group"),
    TEXT("group.name", "group", system_get_who, WHO_GROUP, "name of the group"),
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

bool system_needs_state(const struct field_def *def)
{
    const struct system_field *f = &fields[def->builtin - SYSTEM_FIELDS_FROM];

    return f->get != get_event && f->get != get_buffer &&
           !(f->get == get_result && f->what != RES_LENGTH);
}

/* Texts of descriptors: found through threads and tables, and few are distinct. */
bool system_worth_keeping(const struct field_def *def)
{
    return fields[def->builtin - SYSTEM_FIELDS_FROM].get == system_get_fd;
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
