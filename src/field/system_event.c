/* What an event itself tells (fields.csv, class "evt (syscall)"; field-extraction, §1; event-state, §8.1). */
#include "system.h"

/* ---- its kind and its direction -------------------------------------------------------------- */

void system_get_event(struct get *g)
{
    unsigned flags = g->type ? g->type->flags : 0;
    bool reads = flags & EVENT_READS_FD, writes = flags & EVENT_WRITES_FD;

    switch (g->what) {
    case E_DIR_WORD:
        put_words(g, event_code(g->e->bytes) & 1 ? "<" : ">");
        break;
    case E_CPU:
        put_number(g, (uint64_t)(int64_t)(int16_t)g->e->cpu);
        break;
    case E_COUNT_ONE:
        put_number(g, 1);
        break;
    case E_IS_WAIT:
        put_number(g, (flags & EVENT_WAITS) != 0);
        break;
    case E_IS_IO:
        put_number(g, reads || writes);
        break;
    case E_IS_READ:
        put_number(g, reads);
        break;
    case E_IS_WRITE:
        put_number(g, writes);
        break;
    case E_SYSCALL_TYPE:
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

void system_get_args(struct get *g)
{
    struct event_resolver r = field_resolver(g->e);
    char space[1024];
    struct buf b;

    buf_init_in(&b, EVENT_LEN_MAX * 2, space, sizeof(space));
    event_args_text(g->e->bytes, &r, &b);
    put_buf(g, &b);
}

/* evt.arg.NAME, evt.arg[NAME], evt.arg[N] */
void system_get_arg(struct get *g)
{
    struct event_resolver r = field_resolver(g->e);
    char space[512], space2[256];
    struct buf value, resolved;
    uint64_t index;
    int i;

    if (parse_u64(g->ref->arg_text, &index))
        i = g->type && index < g->type->nparams ? (int)index : -1;
    else
        i = event_param_index(g->type, g->ref->arg_text);
    if (i < 0 || (uint32_t)i >= event_nparams(g->e->bytes))
        return;
    buf_init_in(&value, EVENT_LEN_MAX * 2, space, sizeof(space));
    buf_init_in(&resolved, EVENT_LEN_MAX, space2, sizeof(space2));
    event_param_text(g->e->bytes, (unsigned)i, &r, &value, &resolved);
    put_param(g, &value, &resolved);
}

void system_get_result(struct get *g)
{
    struct buf value, resolved;
    int64_t res;

    if (!event_result(g->e->bytes, &res))
        return;
    if (g->what == RES_NUMBER) {
        put_number(g, (uint64_t)res);
    } else if (g->what == RES_FAILED) {
        put_number(g, res < 0);
    } else if (res >= 0) {
        put_words(g, "SUCCESS");
    } else {
        buf_init(&value, 4096);
        buf_init(&resolved, 4096);
        event_param_text(g->e->bytes, 0, NULL, &value, &resolved);
        put_param(g, &value, &resolved);
    }
}

void system_get_buffer(struct get *g)
{
    int i = event_param_index(g->type, span_of("data"));

    if (i >= 0 && (uint32_t)i < event_nparams(g->e->bytes))
        put_text(g, event_param(g->e->bytes, (unsigned)i));
}

/* ---- bytes moved, by direction and kind of descriptor ----------------------------------------- */

static bool is_file(const struct fd_info *f)
{
    return f->type == FDT_FILE || f->type == FDT_FILE_OLD;
}

bool fd_is_ip(const struct fd_info *f)
{
    return f->type >= FDT_IPV4 && f->type <= FDT_IPV6_SERVER;
}

void system_get_length(struct get *g)
{
    const struct fd_info *f = field_fd_of(g);
    const char *direction = g->what & L_IN ? "io_read" : "io_write";
    int64_t res;

    if (!event_result(g->e->bytes, &res) || res < 0 || !f ||
        strncmp(g->type->category, "io_", 3) != 0)
        return;
    if ((g->what & (L_IN | L_OUT)) && !str_eq(g->type->category, direction))
        return;
    if (((g->what & L_FILE) && !is_file(f)) || ((g->what & L_NET) && !fd_is_ip(f)))
        return;
    put_number(g, (uint64_t)res);
}

/* ---- counters --------------------------------------------------------------------------------- */

static bool opens_file(uint16_t code)
{
    return code == 3 || code == 59 || code == 307 || code == 327 || code == 337;
}

/* Whether a call is one of those that a counter is about. */
static bool counts(const struct get *g, int what)
{
    const struct fd_info *f = field_fd_of(g);
    uint16_t code = event_code(g->e->bytes);

    switch (what) {
    case E_ERR_FILE:
        return f ? is_file(f) || f->type == FDT_DIRECTORY : opens_file(code);
    case E_ERR_NET:
        return f ? fd_is_ip(f) || f->type == FDT_UNIX : code == 247 || code == 389 || code == 23;
    case E_ERR_MEMORY:
        return str_eq(g->type->category, "memory");
    default:
        return what == E_ERR ||
               (!counts(g, E_ERR_FILE) && !counts(g, E_ERR_NET) && !counts(g, E_ERR_MEMORY));
    }
}

void system_get_counter(struct get *g)
{
    const struct thread_view *t;
    int64_t res;

    switch (g->what) {
    case E_EXIT:
        if (event_code(g->e->bytes) & 1)
            put_number(g, 1);
        break;
    case E_PROCINFO:
        t = field_thread_of(g->e);
        put_number(g, event_code(g->e->bytes) == EVENT_PROCINFO && t &&
                          (int64_t)t->tid == t->ids->pid);
        break;
    case E_THREADINFO:
        put_number(g, event_code(g->e->bytes) == EVENT_PROCINFO);
        break;
    default:
        if (event_result(g->e->bytes, &res) && counts(g, g->what))
            put_number(g, res < 0);
    }
}

/* ---- opening ---------------------------------------------------------------------------------- */

enum {
    OPEN_READ = 1,
    OPEN_WRITE = 2,
    OPEN_CREAT = 4,
    OPEN_TMPFILE = 0x2000,
    OPEN_CREATED = 0x4000,
    MODE_X = 0111
};

static uint64_t number_param(const struct get *g, unsigned i)
{
    struct span v = event_param(g->e->bytes, i);

    return v.n == 8 ? get_u64(v.p) : v.n == 4 ? get_u32(v.p) : v.n == 2 ? get_u16(v.p) : 0;
}

void system_get_open(struct get *g)
{
    uint16_t code = event_code(g->e->bytes);
    bool opens = opens_file(code) && code != 59;
    unsigned at = code == 307 || code == 327 ? 3 : 2;
    uint64_t flags = opens ? number_param(g, at) : 0, mode = opens ? number_param(g, at + 1) : 0;
    int64_t res = -1;

    event_result(g->e->bytes, &res);
    switch (g->what) {
    case E_OPEN_READ:
        put_number(g, (flags & OPEN_READ) != 0);
        break;
    case E_OPEN_WRITE:
        put_number(g, (flags & OPEN_WRITE) != 0);
        break;
    case E_OPEN_CREATE:
        put_number(g, (flags & OPEN_CREATED) || ((flags & OPEN_TMPFILE) && res >= 0));
        break;
    default: /* to execute it: open_by_handle_at creates nothing */
        if (code == 59)
            put_number(g, (number_param(g, 2) & MODE_X) != 0);
        else
            put_number(g, code != 337 && (flags & (OPEN_CREAT | OPEN_TMPFILE)) && (mode & MODE_X));
    }
}

/* ---- the rest --------------------------------------------------------------------------------- */

void system_get_syslog(struct get *g)
{
    const struct fd_info *f = field_fd_of(g);

    put_number(g, g->type && (g->type->flags & EVENT_WRITES_FD) && f &&
                      span_find(f->name, span_of("/dev/log")));
}

/* ---- what is written to the system's log: "<PRI>message" -------------------------------------- */

static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog",   "lpr",      "news",
    "uucp",   "clock",  "authpriv", "ftp",    "ntp",    "logaudit", "logalert", "cron",
    "local0", "local1", "local2",   "local3", "local4", "local5",   "local6",   "local7"};
static const char *const severities[] = {"emerg", "alert",  "crit", "err",
                                         "warn",  "notice", "info", "debug"};

/* *message: what is behind the priority. False: there is none. */
static bool log_line(const struct get *g, uint64_t *priority, struct span *message)
{
    int i = event_param_index(g->type, span_of("data"));
    const struct fd_info *f = field_fd_of(g);
    const char *end;
    struct span data;

    if (!f || i < 0 || !(g->type->flags & EVENT_WRITES_FD) ||
        !span_find(f->name, span_of("/dev/log")))
        return false;
    data = event_param(g->e->bytes, (unsigned)i);
    end = data.n && data.p[0] == '<' ? memchr(data.p, '>', data.n) : NULL;
    if (!end || !parse_u64((struct span){data.p + 1, (size_t)(end - data.p) - 1}, priority) ||
        *priority > UINT32_MAX)
        return false;
    *message = (struct span){end + 1, data.n - (size_t)(end + 1 - data.p)};
    return true;
}

void system_get_log_line(struct get *g)
{
    struct span message;
    uint64_t priority;

    if (!log_line(g, &priority, &message))
        return;
    switch (g->what) {
    case LOG_FACILITY:
        put_number(g, priority >> 3);
        break;
    case LOG_FACILITY_NAME:
        put_words(g, priority >> 3 < COUNT_OF(facilities) ? facilities[priority >> 3] : "<NA>");
        break;
    case LOG_SEVERITY:
        put_number(g, priority & 7);
        break;
    case LOG_SEVERITY_NAME:
        put_words(g, severities[priority & 7]);
        break;
    default:
        put_text(g, message);
    }
}

/* ---- what the type of an event tells ---------------------------------------------------------- */

static bool may_have_result(const struct event_type *t, uint16_t type)
{
    return !t->enter && t->nparams > 0 && type != EVENT_GENERIC_X;
}

bool system_length_told(const struct event_type *t, uint16_t type, int what)
{
    return !may_have_result(t, type) || !event_uses_fd(t) || strncmp(t->category, "io_", 3) != 0 ||
           ((what & (L_IN | L_OUT)) && !str_eq(t->category, what & L_IN ? "io_read" : "io_write"));
}

bool system_result_told(const struct event_type *t, uint16_t type)
{
    return !may_have_result(t, type);
}

bool system_counter_told(const struct event_type *t, uint16_t type, int what)
{
    return what == E_EXIT || what == E_THREADINFO ||
           (what == E_PROCINFO ? type != EVENT_PROCINFO : !may_have_result(t, type));
}

bool system_open_told(uint16_t type)
{
    return !opens_file(type);
}

bool system_param_told(const struct event_type *t, struct span name)
{
    uint64_t index;

    return parse_u64(name, &index) ? index >= t->nparams : event_param_index(t, name) < 0;
}

/* ---- constants, and what compares the header -------------------------------------------------- */

/* Nobody measures them today. */
void system_get_latency(struct get *g)
{
    if (g->what == E_LATENCY_HUMAN)
        put_words(g, "0ns");
    else
        put_number(g, 0);
}

void system_get_type_is(struct get *g)
{
    struct value name = {0};

    builtin_type(&name, g->arena, g->e->bytes);
    put_number(g, name.state == VALUE_OK && span_eq(name.one.s, g->ref->arg_text));
}

/* evt.around[T]: how far the event's time is from T, in milliseconds, up. */
void system_get_around(struct get *g)
{
    uint64_t ts = event_ts(g->e->bytes), at = g->ref->arg.index,
             apart = ts > at ? ts - at : at - ts;

    put_number(g, apart / NS_PER_MS + (apart % NS_PER_MS != 0));
}

/* evt.rawarg.X: the parameter as it stands. Its type is that of the first event type with such a
 * parameter; where this event's is of another class, there is no value. */
void system_get_rawarg(struct get *g)
{
    int i = event_param_index(g->type, g->ref->arg_text);
    enum field_format format;
    enum value_type type;
    union elem e = {0};

    if (i < 0 || (uint32_t)i >= event_nparams(g->e->bytes) ||
        event_param(g->e->bytes, (unsigned)i).n == 0 ||
        !event_param_value(g->e->bytes, (unsigned)i, &e, &type, &format))
        return;
    if (type == VT_UID || type == VT_GID)
        type = VT_UINT32;
    if (value_type_info(type)->vclass != value_type_info(g->ref->type)->vclass)
        return;
    put_number(g, 0);
    g->out->one = e;
    g->out->type = (uint8_t)g->ref->type;
}
