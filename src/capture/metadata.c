/* Metadata blocks: machine, processes, descriptors, users, interfaces (capture format, §4). */
#include "mews/capture.h"

#define NAME_MAX_LEN  1024
#define LIST_MAX_LEN  65535
#define FULL_TAIL_MIN 29 /* a longer tail has the layout of today */

/* What is left of an entry; short reads set bad once and give zeros. */
struct reader {
    const char *p;
    size_t n;
    bool bad;
};

static const char *take(struct reader *r, size_t n)
{
    const char *p = r->p;

    if (r->bad || n > r->n) {
        r->bad = true;
        return NULL;
    }
    r->p += n;
    r->n -= n;
    return p;
}

static uint64_t take_number(struct reader *r, size_t n)
{
    const char *p = take(r, n);
    uint64_t v = 0;

    if (p)
        memcpy(&v, p, n);
    return v;
}

static uint8_t take_u8(struct reader *r)
{
    return (uint8_t)take_number(r, 1);
}

static uint16_t take_u16(struct reader *r)
{
    return (uint16_t)take_number(r, 2);
}

static uint32_t take_u32(struct reader *r)
{
    return (uint32_t)take_number(r, 4);
}

static uint64_t take_u64(struct reader *r)
{
    return take_number(r, 8);
}

static struct span take_str(struct reader *r, size_t max)
{
    size_t n = take_u16(r);
    const char *p = take(r, n);

    if (!p || n > max) {
        r->bad = true;
        return (struct span){"", 0};
    }
    return (struct span){p, n};
}

/* ---- machine --------------------------------------------------------------------------------- */

static bool read_machine(struct reader *r, const struct capture_metadata *to)
{
    struct capture_machine m = {0};
    const char *host;

    m.cpus = take_u32(r);
    m.memory = take_u64(r);
    take(r, 8); /* highest pid */
    host = take(r, 128);
    m.boot_ts = take_u64(r);
    take(r, 24); /* flags, two reserved */
    if (r->bad)
        return false;
    memcpy(m.hostname, host, 128);
    if (m.cpus == UINT32_MAX)
        m.cpus = 0;
    if (to->machine)
        to->machine(to->ctx, &m);
    return true;
}

/* ---- processes ------------------------------------------------------------------------------- */

/* As many of the tail's fields as are there (§4.3). */
static void read_tail(struct reader *r, struct capture_process *p)
{
    bool full = r->n > FULL_TAIL_MIN;

#define TAIL(size, field)                                                                          \
    if (r->n < (size))                                                                             \
        return;                                                                                    \
    (field) = (__typeof__(field))take_number(r, (size))

    if (full) {
        TAIL(8, p->pidns_init_start_ts);
        TAIL(4, p->tty);
    }
    TAIL(4, p->loginuid);
    TAIL(1, p->exe_writable);
    TAIL(8, p->cap_inheritable);
    TAIL(8, p->cap_permitted);
    TAIL(8, p->cap_effective);
    if (!full)
        return;
    TAIL(1, p->exe_upper_layer);
    TAIL(8, p->exe_ino);
    TAIL(8, p->exe_ino_ctime);
    TAIL(8, p->exe_ino_mtime);
    TAIL(1, p->exe_from_memfd);
    TAIL(1, p->exe_lower_layer);
    TAIL(8, p->pgid);
#undef TAIL
}

static void read_process(struct reader *r, unsigned version, struct capture_process *p)
{
    *p = (struct capture_process){
        .sid = -1, .vpgid = -1, .pgid = -1, .vtid = -1, .vpid = -1, .loginuid = UINT32_MAX};
    p->tid = take_u64(r);
    p->pid = take_u64(r);
    p->ptid = take_u64(r);
    if (version >= 6)
        p->sid = (int64_t)take_u64(r);
    if (version >= 8)
        p->vpgid = (int64_t)take_u64(r);
    p->comm = take_str(r, NAME_MAX_LEN);
    p->exe = take_str(r, NAME_MAX_LEN);
    if (version >= 7)
        p->exepath = take_str(r, NAME_MAX_LEN);
    p->args = take_str(r, LIST_MAX_LEN);
    p->cwd = take_str(r, NAME_MAX_LEN);
    p->fdlimit = (int64_t)take_u64(r);
    p->flags = take_u32(r);
    p->uid = take_u32(r);
    p->gid = take_u32(r);
    if (version >= 2) {
        p->vm_size = take_u32(r);
        p->vm_rss = take_u32(r);
        p->vm_swap = take_u32(r);
        p->pf_major = take_u64(r);
        p->pf_minor = take_u64(r);
    }
    if (version >= 3)
        p->env = take_str(r, LIST_MAX_LEN);
    if (version >= 4) {
        p->vtid = (int64_t)take_u64(r);
        p->vpid = (int64_t)take_u64(r);
        p->cgroups = take_str(r, LIST_MAX_LEN);
    }
    if (version >= 5)
        p->root = take_str(r, NAME_MAX_LEN);
}

/* The entry that starts here, counting its own length, as a reader of its own. */
static struct reader entry(struct reader *r, bool counts_itself)
{
    uint32_t n = take_u32(r);
    size_t rest = counts_itself ? (n >= 4 ? n - 4 : SIZE_MAX) : n;
    const char *p = take(r, rest);

    return (struct reader){p, p ? rest : 0, p == NULL};
}

static bool read_processes(struct reader *r, unsigned version, const struct capture_metadata *to)
{
    struct capture_process p;

    while (r->n >= 4) {
        if (version >= 9) {
            struct reader e = entry(r, true);

            read_process(&e, version, &p);
            if (!e.bad)
                read_tail(&e, &p);
            r->bad |= e.bad;
        } else {
            read_process(r, version, &p);
        }
        if (r->bad)
            return false;
        if (to->process)
            to->process(to->ctx, &p);
    }
    return true;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static void take_ip(struct reader *r, unsigned len, struct ip_bytes *out)
{
    const char *p = take(r, len);

    if (p) {
        out->len = (uint8_t)len;
        memcpy(out->b, p, len);
    }
}

static void read_socket(struct reader *r, unsigned len, bool server, struct capture_fd *fd)
{
    take_ip(r, len, &fd->src);
    if (!server)
        take_ip(r, len, &fd->dst);
    fd->sport = take_u16(r);
    if (!server)
        fd->dport = take_u16(r);
    fd->l4 = take_u8(r);
}

static void read_fd(struct reader *r, bool v2, struct capture_fd *fd)
{
    uint64_t tid = fd->tid;

    *fd = (struct capture_fd){.tid = tid, .name = {"", 0}};
    fd->fd = (int64_t)take_u64(r);
    fd->ino = take_u64(r);
    fd->type = take_u8(r);
    switch (fd->type) {
    case FDT_UNKNOWN:
        break;
    case FDT_IPV4:
    case FDT_IPV4_SERVER:
        read_socket(r, 4, fd->type == FDT_IPV4_SERVER, fd);
        break;
    case FDT_IPV6:
    case FDT_IPV6_SERVER:
        read_socket(r, 16, fd->type == FDT_IPV6_SERVER, fd);
        break;
    case FDT_UNIX:
        fd->unix_src = take_u64(r);
        fd->unix_dst = take_u64(r);
        fd->name = take_str(r, NAME_MAX_LEN);
        break;
    case FDT_FILE:
        fd->open_flags = take_u32(r);
        fd->name = take_str(r, NAME_MAX_LEN);
        if (v2 && !r->bad && r->n >= 4)
            fd->dev = take_u32(r);
        break;
    default:
        if (fd->type < FDT_TYPES)
            fd->name = take_str(r, NAME_MAX_LEN);
        else
            r->bad |= !v2; /* of a type that came later the length is known in v2 only */
    }
}

static bool read_fds(struct reader *r, bool v2, const struct capture_metadata *to)
{
    struct capture_fd fd = {.tid = take_u64(r)};
    char unknown[32];

    while (r->n >= 4) {
        struct reader e = v2 ? entry(r, true) : (struct reader){0};

        read_fd(v2 ? &e : r, v2, &fd);
        r->bad |= e.bad;
        if (r->bad)
            return false;
        if (fd.type >= FDT_TYPES) {
            snprintf(unknown, sizeof(unknown), "unknown-type:[%u]", fd.type);
            fd.name = span_of(unknown);
            fd.type = FDT_UNSUPPORTED;
        }
        if (to->fd)
            to->fd(to->ctx, &fd);
    }
    return !r->bad;
}

/* ---- interfaces, users ----------------------------------------------------------------------- */

static void read_interface(struct reader *r, struct capture_interface *i)
{
    unsigned kind = take_u16(r), len = kind == 1 || kind == 3 ? 4 : 16;
    size_t n = take_u16(r);
    const char *name;

    memset(i, 0, sizeof(*i));
    r->bad |= kind < 1 || kind > 4;
    take_ip(r, len, &i->addr);
    take_ip(r, len, &i->mask);
    take_ip(r, len, &i->broadcast);
    if (kind <= 2)
        i->speed = take_u64(r);
    name = take(r, n);
    i->name = (struct span){name ? name : "", name ? n : 0};
}

static bool read_interfaces(struct reader *r, bool v2, const struct capture_metadata *to)
{
    struct capture_interface i;

    while (r->n >= 4) {
        struct reader e = v2 ? entry(r, false) : (struct reader){0};

        read_interface(v2 ? &e : r, &i);
        r->bad |= e.bad;
        if (r->bad)
            return false;
        if (to->interface)
            to->interface(to->ctx, &i);
    }
    return true;
}

static void read_user(struct reader *r, struct capture_user *u)
{
    *u = (struct capture_user){.group = take_u8(r) != 0, .home = {"", 0}, .shell = {"", 0}};
    if (!u->group)
        u->uid = take_u32(r);
    u->gid = take_u32(r);
    u->name = take_str(r, NAME_MAX_LEN);
    if (!u->group) {
        u->home = take_str(r, NAME_MAX_LEN);
        u->shell = take_str(r, NAME_MAX_LEN);
    }
}

static bool read_users(struct reader *r, bool v2, const struct capture_metadata *to)
{
    struct capture_user u;

    while (r->n >= 4) {
        struct reader e = v2 ? entry(r, true) : (struct reader){0};

        read_user(v2 ? &e : r, &u);
        r->bad |= e.bad;
        if (r->bad)
            return false;
        if (to->user)
            to->user(to->ctx, &u);
    }
    return true;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* 1 to 9, 0 for blocks that are no list of processes. */
static unsigned process_version(uint32_t type)
{
    return type == CAPTURE_PROCESSES_V1   ? 1
           : type == CAPTURE_PROCESSES_V2 ? 2
           : type == CAPTURE_PROCESSES_V3 ? 3
           : type >= CAPTURE_PROCESSES_V4 && type <= CAPTURE_PROCESSES_V9
               ? type - CAPTURE_PROCESSES_V4 + 4
               : 0;
}

enum severity capture_metadata_read(const struct capture_block *b, uint64_t offset,
                                    const struct capture_metadata *to, struct error *err)
{
    struct reader r = {b->body.p, b->body.n, false};
    const char *what = "processes";
    bool ok = true;

    if (b->type == CAPTURE_MACHINE) {
        what = "machine info";
        ok = read_machine(&r, to);
    } else if (process_version(b->type)) {
        ok = read_processes(&r, process_version(b->type), to);
    } else if (b->type == CAPTURE_FDS_V1 || b->type == CAPTURE_FDS_V2) {
        what = "file descriptors";
        ok = read_fds(&r, b->type == CAPTURE_FDS_V2, to);
    } else if (b->type == CAPTURE_INTERFACES_V1 || b->type == CAPTURE_INTERFACES_V2) {
        what = "interfaces";
        ok = read_interfaces(&r, b->type == CAPTURE_INTERFACES_V2, to);
    } else if (b->type == CAPTURE_USERS_V1 || b->type == CAPTURE_USERS_V2) {
        what = "users";
        ok = read_users(&r, b->type == CAPTURE_USERS_V2, to);
    }
    if (ok)
        return SEV_OK;
    error_set(err, ERR_FORMAT, "the list of %s (block 0x%x) is damaged near offset %llu", what,
              b->type, (unsigned long long)(offset + 8 + (size_t)(r.p - b->body.p)));
    return SEV_WARN;
}
