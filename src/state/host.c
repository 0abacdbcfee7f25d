/*
 * The processes, descriptors and users of this host as /proc has them, as a state: what a source
 * without a driver starts from (Falco's engine.kind nodriver). What can't be read is left out.
 */
#include <ctype.h>
#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "internal.h"

#define TEXT_MAX  ((size_t)256 << 10) /* of one file of /proc */
#define TASKS_MAX 65536
#define L4_TCP    2
#define L4_UDP    3

struct socket_known { /* from /proc/net, by inode */
    uint64_t ino;
    struct capture_fd fd;
    char name[108];
    UT_hash_handle hh;
};

struct proc_reader {
    struct state *s;
    struct socket_known *sockets;
    struct buf stat, status, cmdline, environ, cgroup, small;
    char controllers[512];
    unsigned tasks;
};

static bool slurp(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool slurp(struct buf *b, const char *fmt, ...)
{
    char path[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(path, sizeof(path), fmt, ap);
    va_end(ap);
    buf_reset(b);
    return file_read(path, TEXT_MAX, b, NULL) == SEV_OK;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static bool read_hex_ip(const char *s, unsigned bytes, struct ip_bytes *out)
{
    out->len = (uint8_t)bytes;
    for (unsigned word = 0; word < bytes / 4; word++) {
        unsigned v;

        if (sscanf(s + (size_t)word * 8, "%8x", &v) != 1)
            return false;
        put_u32((char *)out->b + (size_t)word * 4, v); /* in the host's order, as it stands there */
    }
    return true;
}

static void add_inet(struct proc_reader *r, const char *line, unsigned bytes, uint8_t l4)
{
    char local[33], remote[33];
    unsigned lport, rport, state;
    unsigned long long ino;
    struct socket_known *k;

    if (sscanf(line,
               " %*d: %32[0-9A-Fa-f]:%x %32[0-9A-Fa-f]:%x %x %*x:%*x %*x:%*x %*x %*d %*d %llu",
               local, &lport, remote, &rport, &state, &ino) != 6 ||
        strlen(local) != bytes * 2 || ino == 0)
        return;
    k = xcalloc(1, sizeof(*k));
    k->ino = ino;
    k->fd.l4 = l4;
    k->fd.sport = (uint16_t)lport;
    k->fd.dport = (uint16_t)rport;
    k->fd.type = state == 0x0a ? (bytes == 4 ? FDT_IPV4_SERVER : FDT_IPV6_SERVER)
                               : (bytes == 4 ? FDT_IPV4 : FDT_IPV6);
    read_hex_ip(local, bytes, &k->fd.src);
    read_hex_ip(remote, bytes, &k->fd.dst);
    HASH_ADD(hh, r->sockets, ino, sizeof(k->ino), k);
}

static void add_unix(struct proc_reader *r, const char *line)
{
    unsigned long long ino;
    struct socket_known *k;
    int at = 0;

    if (sscanf(line, "%*x: %*x %*x %*x %*x %*x %llu%n", &ino, &at) != 1 || ino == 0)
        return;
    k = xcalloc(1, sizeof(*k));
    k->ino = ino;
    k->fd.type = FDT_UNIX;
    snprintf(k->name, sizeof(k->name), "%s", line[at] == ' ' ? line + at + 1 : "");
    k->name[strcspn(k->name, "\n")] = '\0';
    HASH_ADD(hh, r->sockets, ino, sizeof(k->ino), k);
}

static void read_sockets(struct proc_reader *r)
{
    static const struct {
        const char *file;
        unsigned bytes;
        uint8_t l4;
    } files[] = {{"tcp", 4, L4_TCP},
                 {"tcp6", 16, L4_TCP},
                 {"udp", 4, L4_UDP},
                 {"udp6", 16, L4_UDP},
                 {"unix", 0, 0}};
    char path[40], line[1024];

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        FILE *f;

        snprintf(path, sizeof(path), "/proc/net/%s", files[i].file);
        f = fopen(path, "re");
        while (f && fgets(line, sizeof(line), f)) {
            if (files[i].bytes)
                add_inet(r, line, files[i].bytes, files[i].l4);
            else
                add_unix(r, line);
        }
        if (f)
            fclose(f);
    }
}

/* ---- processes ------------------------------------------------------------------------------- */

/* Behind "KEY:" in a status; "" when it is not there. */
static const char *status_of(const struct proc_reader *r, const char *key)
{
    const char *at = strstr(buf_str(&r->status), key);

    if (!at)
        return "";
    at += strlen(key);
    return at + strspn(at, " \t");
}

/* The last of the IDs in the namespaces: the innermost. */
static int64_t innermost(const char *list, int64_t otherwise)
{
    int64_t v = otherwise;
    char *end;

    while (*list && *list != '\n') {
        long long n = strtoll(list, &end, 10);

        if (end == list)
            break;
        v = n;
        list = end + strspn(end, " \t");
    }
    return v;
}

/* "4:memory:/x" is memory=/x; of the one hierarchy of today each controller has the path. */
static void cgroups_of(struct proc_reader *r, struct buf *out)
{
    char *copy = xstrdup(buf_str(&r->cgroup)), *rest = copy, *line;

    while ((line = strsep(&rest, "\n"))) {
        char *kinds = strchr(line, ':'), *path = kinds ? strchr(kinds + 1, ':') : NULL, *kind;
        char unified[512];

        if (!path)
            continue;
        *path++ = '\0';
        snprintf(unified, sizeof(unified), "%s", r->controllers);
        kinds = kinds[1] ? kinds + 1 : unified;
        while ((kind = strsep(&kinds, ", "))) {
            if (*kind) {
                buf_addf(out, "%s=%s", kind, path);
                buf_addc(out, '\0');
            }
        }
    }
    free(copy);
}

/* The fields of stat behind the name in its brackets, from the state (3) on. */
static bool read_stat(struct proc_reader *r, struct capture_process *p)
{
    const char *open = strchr(buf_str(&r->stat), '('), *close = strrchr(buf_str(&r->stat), ')');
    long long ppid, pgid, sid, tty;
    unsigned long long minor, major;

    if (!open || !close || close < open ||
        sscanf(close + 1, " %*c %lld %lld %lld %lld %*d %*u %llu %*u %llu", &ppid, &pgid, &sid,
               &tty, &minor, &major) != 6)
        return false;
    p->comm = (struct span){open + 1, (size_t)(close - open - 1)};
    p->ptid = (uint64_t)ppid;
    p->pgid = pgid;
    p->sid = sid;
    p->tty = (uint32_t)tty;
    p->pf_minor = minor;
    p->pf_major = major;
    return true;
}

static void read_status(struct proc_reader *r, struct capture_process *p)
{
    p->uid = (uint32_t)strtoul(status_of(r, "\nUid:"), NULL, 10);
    p->gid = (uint32_t)strtoul(status_of(r, "\nGid:"), NULL, 10);
    p->vtid = innermost(status_of(r, "\nNSpid:"), (int64_t)p->tid);
    p->vpgid = innermost(status_of(r, "\nNSpgid:"), p->pgid);
    p->vm_size = (uint32_t)strtoul(status_of(r, "\nVmSize:"), NULL, 10);
    p->vm_rss = (uint32_t)strtoul(status_of(r, "\nVmRSS:"), NULL, 10);
    p->vm_swap = (uint32_t)strtoul(status_of(r, "\nVmSwap:"), NULL, 10);
    p->cap_inheritable = strtoull(status_of(r, "\nCapInh:"), NULL, 16);
    p->cap_permitted = strtoull(status_of(r, "\nCapPrm:"), NULL, 16);
    p->cap_effective = strtoull(status_of(r, "\nCapEff:"), NULL, 16);
}

static struct span link_of(char *to, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

static struct span link_of(char *to, size_t size, const char *fmt, ...)
{
    char path[300];
    va_list ap;
    ssize_t n;

    va_start(ap, fmt);
    vsnprintf(path, sizeof(path), fmt, ap);
    va_end(ap);
    n = readlink(path, to, size);
    return (struct span){to, n > 0 ? (size_t)n : 0};
}

static int64_t fd_limit(struct proc_reader *r, long pid)
{
    const char *at;

    if (!slurp(&r->small, "/proc/%ld/limits", pid) ||
        !(at = strstr(buf_str(&r->small), "Max open files")))
        return -1;
    at += strlen("Max open files");
    return strtoll(at, NULL, 10);
}

/* What threads of a process share. */
static void read_program(struct proc_reader *r, long pid, struct capture_process *p)
{
    size_t first;

    slurp(&r->cmdline, "/proc/%ld/cmdline", pid);
    slurp(&r->environ, "/proc/%ld/environ", pid);
    first = strnlen(buf_str(&r->cmdline), r->cmdline.len);
    p->exe = (struct span){buf_str(&r->cmdline), first};
    if (first < r->cmdline.len)
        p->args = (struct span){r->cmdline.data + first + 1, r->cmdline.len - first - 1};
    p->env = (struct span){buf_str(&r->environ), r->environ.len};
    p->fdlimit = fd_limit(r, pid);
    p->loginuid = slurp(&r->small, "/proc/%ld/loginuid", pid)
                      ? (uint32_t)strtoul(buf_str(&r->small), NULL, 10)
                      : UINT32_MAX;
}

static void read_task(struct proc_reader *r, long pid, long tid, struct capture_process *shared)
{
    struct capture_process p = *shared;
    struct buf cgroups;

    if (++r->tasks > TASKS_MAX || !slurp(&r->stat, "/proc/%ld/task/%ld/stat", pid, tid))
        return;
    p.tid = (uint64_t)tid;
    p.pid = (uint64_t)pid;
    if (!read_stat(r, &p) || !slurp(&r->status, "/proc/%ld/task/%ld/status", pid, tid))
        return;
    read_status(r, &p);
    p.vpid = pid == tid ? p.vtid : innermost(status_of(r, "\nNStgid:"), pid);
    if (!p.exe.n)
        p.exe = p.comm;
    p.flags = pid == tid ? 0 : THREAD_CLONE_THREAD | THREAD_CLONE_FILES;
    buf_init(&cgroups, TEXT_MAX);
    slurp(&r->cgroup, "/proc/%ld/task/%ld/cgroup", pid, tid);
    cgroups_of(r, &cgroups);
    p.cgroups = (struct span){buf_str(&cgroups), cgroups.len};
    state_take_process(r->s, &p);
    buf_fini(&cgroups);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static uint8_t anon_type(struct span link)
{
    static const struct {
        const char *name;
        uint8_t type;
    } kinds[] = {
        {"anon_inode:[eventfd]", FDT_EVENT},     {"anon_inode:[eventpoll]", FDT_EVENTPOLL},
        {"anon_inode:[signalfd]", FDT_SIGNAL},   {"anon_inode:inotify", FDT_INOTIFY},
        {"anon_inode:[timerfd]", FDT_TIMERFD},   {"anon_inode:bpf-map", FDT_BPF},
        {"anon_inode:bpf-prog", FDT_BPF},        {"anon_inode:[userfaultfd]", FDT_USERFAULTFD},
        {"anon_inode:[io_uring]", FDT_IO_URING}, {"anon_inode:[pidfd]", FDT_PIDFD}};

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (span_is(link, kinds[i].name))
            return kinds[i].type;
    }
    return link.n > 7 && memcmp(link.p, "/memfd:", 7) == 0 ? FDT_MEMFD : FDT_UNSUPPORTED;
}

static void read_fd(struct proc_reader *r, long pid, long fd)
{
    struct capture_fd f = {.tid = (uint64_t)pid, .fd = fd};
    struct socket_known *k;
    char link[4096], path[80];
    struct span name = link_of(link, sizeof(link) - 1, "/proc/%ld/fd/%ld", pid, fd);
    unsigned long long ino;
    struct stat st;

    if (!name.n)
        return;
    link[name.n] = '\0';
    f.name = name;
    snprintf(path, sizeof(path), "/proc/%ld/fd/%ld", pid, fd);
    if (sscanf(link, "socket:[%llu]", &ino) == 1) {
        uint64_t key = ino;

        HASH_FIND(hh, r->sockets, &key, sizeof(key), k);
        f.type = FDT_UNSUPPORTED;
        if (k) {
            f = k->fd;
            f.tid = (uint64_t)pid;
            f.fd = fd;
            f.name = span_of(k->name);
        }
        f.ino = ino;
    } else if (sscanf(link, "pipe:[%llu]", &ino) == 1) {
        f.type = FDT_FIFO;
        f.ino = ino;
        f.name = span_of("");
    } else if (*link == '/' && anon_type(name) != FDT_MEMFD && stat(path, &st) == 0) {
        f.type = S_ISDIR(st.st_mode) ? FDT_DIRECTORY : S_ISFIFO(st.st_mode) ? FDT_FIFO : FDT_FILE;
        f.ino = st.st_ino;
    } else {
        f.type = anon_type(name);
    }
    state_take_fd(r->s, &f);
}

/* Numbers among the names of a folder. */
static void each_number(const char *path, void (*each)(struct proc_reader *r, long pid, long n),
                        struct proc_reader *r, long pid)
{
    DIR *d = opendir(path);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        if (isdigit((unsigned char)*e->d_name))
            each(r, pid, strtol(e->d_name, NULL, 10));
    }
    if (d)
        closedir(d);
}

static struct capture_process *shared_now; /* of the process whose threads are read */

static void each_task(struct proc_reader *r, long pid, long tid)
{
    if (tid != pid)
        read_task(r, pid, tid, shared_now);
}

static void read_process(struct proc_reader *r, long unused, long pid)
{
    struct capture_process shared = {.loginuid = UINT32_MAX};
    char exe[4096], cwd[4096], root[4096], path[60];

    UNUSED(unused);
    read_program(r, pid, &shared);
    shared.exepath = link_of(exe, sizeof(exe), "/proc/%ld/exe", pid);
    shared.cwd = link_of(cwd, sizeof(cwd), "/proc/%ld/cwd", pid);
    shared.root = link_of(root, sizeof(root), "/proc/%ld/root", pid);
    read_task(r, pid, pid, &shared);
    shared_now = &shared;
    snprintf(path, sizeof(path), "/proc/%ld/task", pid);
    each_number(path, each_task, r, pid);
    snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
    each_number(path, read_fd, r, pid);
}

/* ---- users ----------------------------------------------------------------------------------- */

static void read_users(struct state *s)
{
    FILE *f = fopen("/etc/passwd", "re");
    struct passwd *p;
    struct group *g;

    while (f && (p = fgetpwent(f)))
        state_take_user(s, &(struct capture_user){.uid = p->pw_uid,
                                                  .gid = p->pw_gid,
                                                  .name = span_of(p->pw_name),
                                                  .home = span_of(p->pw_dir),
                                                  .shell = span_of(p->pw_shell)});
    if (f)
        fclose(f);
    f = fopen("/etc/group", "re");
    while (f && (g = fgetgrent(f)))
        state_take_user(s, &(struct capture_user){
                               .group = true, .gid = g->gr_gid, .name = span_of(g->gr_name)});
    if (f)
        fclose(f);
}

struct state *state_of_host(void)
{
    struct proc_reader r = {.s = state_new(false)};
    struct buf *const bufs[] = {&r.stat, &r.status, &r.cmdline, &r.environ, &r.cgroup, &r.small};
    struct socket_known *k, *next;

    for (size_t i = 0; i < COUNT_OF(bufs); i++)
        buf_init(bufs[i], TEXT_MAX);
    if (slurp(&r.small, "/sys/fs/cgroup/cgroup.controllers"))
        snprintf(r.controllers, sizeof(r.controllers), "%.*s",
                 (int)strcspn(buf_str(&r.small), "\n"), buf_str(&r.small));
    read_sockets(&r);
    read_users(r.s);
    each_number("/proc", read_process, &r, 0);
    state_start(r.s);
    HASH_ITER(hh, r.sockets, k, next)
    {
        HASH_DEL(r.sockets, k);
        free(k);
    }
    for (size_t i = 0; i < COUNT_OF(bufs); i++)
        buf_fini(bufs[i]);
    return r.s;
}
