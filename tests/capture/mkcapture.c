/*
 * Writes a capture of system calls as a recorder of today does, without any of mews' code: a web
 * server that serves, fails to find a file, and is made to run a shell. `mkcapture OUT [ROUNDS [future]]`.
 * `mkcapture OUT story`: a shop in a container answers with errors since somebody has changed the port of
 * its database. `mkcapture OUT late`: containers of which metadata comes late, or never.
 * `mkcapture OUT crowd`: many jobs on few process IDs, with losses.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NGINX = 200,
    SHELL = 300,
    SSHD = 150,
    BASH = 160,
    SHIM = 380,
    PHP = 400,
    DEPLOY = 500,
    SED = 501
};

#define SHOP_ID "3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e"

static unsigned char block[1 << 16], event[1 << 15];
static size_t blen, elen;
static FILE *out;
static uint64_t now = 1700000000000000000u;
/* of the processes that follow */
static const char *cgroup = "cpu=/";
static uint32_t login = UINT32_MAX;

/* ---- bytes ----------------------------------------------------------------------------------- */

static void put(const void *p, size_t n)
{
    memcpy(block + blen, p, n);
    blen += n;
}

static void num(uint64_t v, size_t n)
{
    put(&v, n);
}

static void zeros(size_t n)
{
    memset(block + blen, 0, n);
    blen += n;
}

static void str(const char *s, size_t n)
{
    num(n, 2);
    put(s, n);
}

static void text(const char *s)
{
    str(s, strlen(s));
}

static void begin(uint32_t type)
{
    blen = 0;
    num(type, 4);
    num(0, 4);
}

static void end(void)
{
    uint32_t len;

    while (blen % 4)
        num(0, 1);
    len = (uint32_t)blen + 4;
    memcpy(block + 4, &len, 4);
    num(len, 4);
    fwrite(block, 1, blen, out);
}

/* An entry that starts with its own length: 4 bytes, filled in at its end. */
static size_t entry(void)
{
    num(0, 4);
    return blen - 4;
}

static void entry_end(size_t at, size_t own)
{
    uint32_t n = (uint32_t)(blen - at - 4 + own);

    memcpy(block + at, &n, 4);
}

/* ---- metadata -------------------------------------------------------------------------------- */

static void section(void)
{
    begin(0x0a0d0d0a);
    num(0x1a2b3c4d, 4);
    num(1, 2);
    num(2, 2);
    num(UINT64_MAX, 8);
    end();
    begin(0x201);
    num(4, 4);
    num((uint64_t)8 << 30, 8);
    num(0, 8);
    put("web-1\0", 6);
    for (int i = 6; i < 128; i++)
        num(0, 1);
    num(1699990000000000000u, 8);
    zeros(24);
    end();
}

static void users(void)
{
    static const struct {
        unsigned uid;
        const char *name, *home;
    } u[] = {{0, "root", "/root"}, {33, "www-data", "/var/www"}, {1000, "dana", "/home/dana"}};

    begin(0x220);
    for (int i = 0; i < 3; i++) {
        size_t at = entry();

        num(0, 1);
        num(u[i].uid, 4);
        num(u[i].uid, 4);
        text(u[i].name);
        text(u[i].home);
        text("/bin/sh");
        entry_end(at, 4);
        at = entry();
        num(1, 1);
        num(u[i].uid, 4);
        text(u[i].name);
        entry_end(at, 4);
    }
    end();
}

static void interfaces(void)
{
    static const unsigned char ip[2][12] = {{127, 0, 0, 1, 255, 0, 0, 0, 127, 255, 255, 255},
                                            {10, 0, 0, 5, 255, 255, 255, 0, 10, 0, 0, 255}};

    begin(0x219);
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "eth0" : "lo";
        size_t at = entry();

        num(1, 2);
        num(strlen(name), 2);
        put(ip[i], 12);
        num(0, 8);
        put(name, strlen(name));
        entry_end(at, 0);
    }
    end();
}

static void process(uint64_t pid, uint64_t ppid, const char *comm, const char *exepath,
                    const char *args, size_t nargs, unsigned uid)
{
    size_t at = entry();

    num(pid, 8);
    num(pid, 8);
    num(ppid, 8);
    num(pid, 8);
    num(pid, 8);
    text(comm);
    text(comm);
    text(exepath);
    str(args, nargs);
    text("/");
    num(1024, 8);
    num(0, 4);
    num(uid, 4);
    num(uid, 4);
    num(5000, 4);
    num(900, 4);
    num(0, 4);
    num(1, 8);
    num(2, 8);
    str("LANG=C\0", 7);
    num(pid, 8);
    num(pid, 8);
    str(cgroup, strlen(cgroup) + 1);
    text("/");
    num(0, 8); /* pid namespace */
    num(0, 4);
    num(login, 4);
    zeros(25);
    zeros(27);
    num(pid, 8); /* pgid */
    entry_end(at, 4);
}

static void processes(void)
{
    begin(0x215);
    process(1, 0, "systemd", "/usr/lib/systemd/systemd", "", 0, 0);
    process(NGINX, 1, "nginx", "/usr/sbin/nginx", "-g\0daemon off;\0", 15, 33);
    end();
    begin(0x218);
    num(NGINX, 8);
    {
        static const unsigned char any[4] = {0, 0, 0, 0};
        size_t at = entry();

        num(6, 8);
        num(77, 8);
        num(5, 1); /* listening */
        put(any, 4);
        num(80, 2);
        num(2, 1);
        entry_end(at, 4);
    }
    end();
}

/* ---- events ---------------------------------------------------------------------------------- */

static struct {
    const void *p;
    size_t n;
} params[40];
static unsigned nparams;
static unsigned char values[1 << 14];
static size_t nvalues;

static void param(const void *p, size_t n)
{
    memcpy(values + nvalues, p, n);
    params[nparams].p = values + nvalues;
    params[nparams++].n = n;
    nvalues += n;
}

static void pnum(uint64_t v, size_t n)
{
    param(&v, n);
}

static void ptext(const char *s)
{
    param(s, strlen(s) + 1);
}

static void emit(uint16_t type, uint64_t tid)
{
    uint32_t len, n = nparams;

    elen = 0;
    now += 1700;
    memcpy(event + elen, &now, 8), elen += 8;
    memcpy(event + elen, &tid, 8), elen += 8;
    elen += 4;
    memcpy(event + elen, &type, 2), elen += 2;
    memcpy(event + elen, &n, 4), elen += 4;
    for (unsigned i = 0; i < nparams; i++) {
        uint32_t k = (uint32_t)params[i].n, width = type == 324 ? 4 : 2;

        memcpy(event + elen, &k, width), elen += width;
    }
    for (unsigned i = 0; i < nparams; i++)
        memcpy(event + elen, params[i].p, params[i].n), elen += params[i].n;
    len = (uint32_t)elen;
    memcpy(event + 16, &len, 4);
    begin(0x216);
    num(tid % 4, 2);
    put(event, elen);
    end();
    nparams = 0;
    nvalues = 0;
}

static void open_file(uint64_t tid, const char *path, int64_t fd, unsigned flags)
{
    ptext(path);
    pnum(flags, 4);
    pnum(0, 4);
    emit(2, tid);
    pnum((uint64_t)fd, 8);
    ptext(path);
    pnum(flags, 4);
    pnum(0, 4);
    pnum(0x801, 4);
    pnum(4711, 8);
    emit(3, tid);
}

static void move(uint16_t enter, uint64_t tid, int64_t fd, const char *data, size_t n)
{
    pnum((uint64_t)fd, 8);
    pnum(n, 4);
    emit(enter, tid);
    pnum(n, 8);
    param(data, n);
    emit((uint16_t)(enter + 1), tid);
}

static void close_fd(uint64_t tid, int64_t fd)
{
    pnum((uint64_t)fd, 8);
    emit(4, tid);
    pnum(0, 8);
    emit(5, tid);
}

static void accept_from(uint64_t tid, int64_t fd, unsigned char last, unsigned port)
{
    unsigned char tuple[13] = {2, 10, 0, 0, 0, 0, 0, 10, 0, 0, 5, 80, 0};

    tuple[4] = last;
    memcpy(tuple + 5, &port, 2);
    emit(246, tid);
    pnum((uint64_t)fd, 8);
    param(tuple, 13);
    pnum(0, 1);
    pnum(0, 4);
    pnum(128, 4);
    emit(247, tid);
}

static void proc_params(const char *exe, const char *args, size_t nargs, uint64_t pid,
                        uint64_t ppid)
{
    ptext(exe);
    param(args, nargs);
    pnum(pid, 8);
    pnum(pid, 8);
    pnum(ppid, 8);
    ptext("");
    pnum(1024, 8);
    pnum(0, 8);
    pnum(0, 8);
    pnum(5000, 4);
    pnum(900, 4);
    pnum(0, 4);
    ptext(exe);
    param(cgroup, strlen(cgroup) + 1);
}

static void clone_side(uint64_t tid, uint64_t res, uint64_t pid, uint64_t ppid)
{
    pnum(res, 8);
    proc_params("nginx", "-g\0daemon off;\0", 15, pid, ppid);
    pnum(0, 4);
    pnum(33, 4);
    pnum(33, 4);
    pnum(pid, 8);
    pnum(pid, 8);
    emit(223, tid);
}

static void run_shell(uint64_t pid)
{
    emit(222, NGINX);
    clone_side(NGINX, pid, NGINX, 1);
    clone_side(pid, 0, pid, NGINX);
    ptext("/bin/sh");
    emit(292, pid);
    pnum(0, 8);
    proc_params("sh", "-c\0cat /etc/shadow\0", 19, pid, NGINX);
    param("LANG=C\0", 7);
    pnum(0, 4);
    pnum(pid, 8);
    pnum(UINT32_MAX, 4);
    pnum(0, 4);
    emit(293, pid);
    open_file(pid, "/etc/shadow", -13, 1);
    pnum(0, 8);
    emit(186, pid);
}

static void serve(unsigned round)
{
    char request[80], path[60];
    int n =
        snprintf(request, sizeof(request), "GET /page/%u HTTP/1.1\r\nHost: shop\r\n\r\n", round);

    accept_from(NGINX, 9, (unsigned char)(20 + round % 5), 40000 + round % 20000);
    move(6, NGINX, 9, request, (size_t)n);
    snprintf(path, sizeof(path), "/var/www/page/%u.html", round % 50);
    if (round % 7 == 3) {
        open_file(NGINX, path, -2, 1);
        move(8, NGINX, 9, "HTTP/1.1 404 Not Found\r\n\r\n", 26);
    } else {
        open_file(NGINX, path, 11, 1);
        move(6, NGINX, 11, "<html>hello</html>\n", 19);
        close_fd(NGINX, 11);
        move(8, NGINX, 9, "HTTP/1.1 200 OK\r\n\r\n<html>hello</html>\n", 38);
    }
    close_fd(NGINX, 9);
    if (round % 10 == 6)
        run_shell(SHELL + round / 10 % 20000);
    now += 1000000;
}

/* ---- the story ------------------------------------------------------------------------------- */

static void story_processes(void)
{
    begin(0x215);
    process(1, 0, "systemd", "/usr/lib/systemd/systemd", "", 0, 0);
    process(SSHD, 1, "sshd", "/usr/sbin/sshd", "-D\0", 3, 0);
    login = 1000;
    process(BASH, SSHD, "bash", "/usr/bin/bash", "", 0, 1000);
    login = UINT32_MAX;
    process(NGINX, 1, "nginx", "/usr/sbin/nginx", "-g\0daemon off;\0", 15, 33);
    process(SHIM, 1, "containerd-shim", "/usr/bin/containerd-shim", "", 0, 0);
    cgroup = "cpu=/docker/" SHOP_ID;
    process(PHP, SHIM, "php-fpm", "/usr/sbin/php-fpm", "-F\0", 3, 33);
    cgroup = "cpu=/";
    end();
}

static void container_event(void)
{
    ptext(
        "{\"container\":{\"id\":\"3ad7b26ded6d\",\"full_id\":\"" SHOP_ID "\",\"type\":0,"
        "\"name\":\"shop\",\"image\":\"registry/shop:1.4\",\"imagerepo\":\"registry/shop\","
        "\"imagetag\":\"1.4\",\"imageid\":null,\"ip\":\"172.17.0.2\",\"privileged\":false,"
        "\"Mounts\":[{\"Source\":\"/srv/shop\",\"Destination\":\"/app\",\"Mode\":\"\",\"RW\":true,"
        "\"Propagation\":\"rprivate\"}],\"labels\":{\"team\":\"web\","
        "\"io.kubernetes.pod.name\":\"shop-0\"}}}");
    emit(324, 0);
}

static void connect_db(int64_t fd, unsigned from, unsigned port, int64_t result)
{
    unsigned char tuple[13] = {2, 172, 17, 0, 2, 0, 0, 10, 0, 0, 9, 0, 0},
                  addr[7] = {2, 10, 0, 0, 9, 0, 0};

    pnum(2, 4);
    pnum(1, 4);
    pnum(0, 4);
    emit(18, PHP);
    pnum((uint64_t)fd, 8);
    emit(19, PHP);
    memcpy(tuple + 5, &from, 2);
    memcpy(tuple + 11, &port, 2);
    memcpy(addr + 5, &port, 2);
    pnum((uint64_t)fd, 8);
    param(addr, 7);
    emit(22, PHP);
    pnum((uint64_t)result, 8);
    param(tuple, 13);
    pnum((uint64_t)fd, 8);
    param(addr, 7);
    emit(23, PHP);
}

static void words(uint16_t enter, uint64_t tid, int64_t fd, const char *s)
{
    move(enter, tid, fd, s, strlen(s));
}

/* One page: the shop reads where its database is, asks it, and answers. */
static void shop(unsigned n, unsigned port)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\n\r\n3 items",
                      sorry[] = "HTTP/1.1 502 Bad Gateway\r\n\r\n";
    char config[60];

    accept_from(NGINX, 9, (unsigned char)(20 + n), 40000 + n);
    words(6, NGINX, 9, "GET /cart HTTP/1.1\r\nHost: shop\r\n\r\n");
    accept_from(PHP, 5, 5, 50000 + n);
    words(6, PHP, 5, "GET /cart HTTP/1.1\r\nHost: shop\r\n\r\n");
    snprintf(config, sizeof(config), "host=10.0.0.9\nport=%u\n", port);
    open_file(PHP, "/app/db.conf", 7, 1);
    words(6, PHP, 7, config);
    close_fd(PHP, 7);
    if (port == 5432) {
        connect_db(8, 41000 + n, port, 0);
        words(8, PHP, 8, "SELECT * FROM cart");
        words(6, PHP, 8, "apple\npear\nplum\n");
        close_fd(PHP, 8);
        words(8, PHP, 5, answer);
        words(8, NGINX, 9, answer);
    } else {
        connect_db(8, 41000 + n, port, -111);
        close_fd(PHP, 8);
        open_file(PHP, "/var/log/php.log", 8, 2);
        words(8, PHP, 8, "cart: database is not reachable\n");
        close_fd(PHP, 8);
        words(8, PHP, 5, sorry);
        words(8, NGINX, 9, sorry);
    }
    close_fd(PHP, 5);
    close_fd(NGINX, 9);
    now += 40000000;
}

static void start(uint64_t pid, uint64_t ppid, const char *file, const char *name, const char *args,
                  size_t nargs)
{
    static const char env[] = "HOME=/home/dana\0SSH_CONNECTION=10.0.0.77 52011 10.0.0.5 22";

    for (int child = 0; child < 2; child++) {
        pnum(child ? 0 : pid, 8);
        proc_params(ppid == BASH ? "bash" : "sh", "", 0, child ? pid : ppid, child ? ppid : 1);
        pnum(0, 4);
        pnum(1000, 4);
        pnum(1000, 4);
        pnum(child ? pid : ppid, 8);
        pnum(child ? pid : ppid, 8);
        emit(223, child ? pid : ppid);
    }
    ptext(file);
    emit(292, pid);
    pnum(0, 8);
    proc_params(name, args, nargs, pid, ppid);
    param(env, sizeof(env));
    pnum(34816, 4);
    pnum(DEPLOY, 8);
    pnum(1000, 4);
    pnum(0, 4);
    emit(293, pid);
}

static void leave(uint64_t pid)
{
    pnum(0, 8);
    emit(186, pid);
    now += 1000000;
}

static void deploy(void)
{
    static const char sed[] = "-i\0s/5432/5433/\0/srv/shop/db.conf";

    start(DEPLOY, BASH, "/home/dana/deploy.sh", "sh", "/home/dana/deploy.sh\0", 21);
    start(SED, DEPLOY, "/usr/bin/sed", "sed", sed, sizeof(sed));
    open_file(SED, "/srv/shop/db.conf", 3, 2);
    words(8, SED, 3, "host=10.0.0.9\nport=5433\n");
    close_fd(SED, 3);
    leave(SED);
    leave(DEPLOY);
}

static void tell_story(void)
{
    story_processes();
    container_event();
    for (unsigned i = 0; i < 4; i++)
        shop(i, 5432);
    deploy();
    for (unsigned i = 4; i < 9; i++)
        shop(i, 5433);
}

/* Containers of which nothing is known at first: of one a little later, of the other never. */
static void tell_late(void)
{
    story_processes();
    container_event();
    shop(0, 5432);
    cgroup = "cpu=/docker/aaaaaaaaaaaa8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e";
    start(600, SHIM, "/bin/job", "job", "", 0);
    for (int i = 0; i < 3; i++)
        open_file(600, "/data/in", 3, 1);
    now += 250000000;
    ptext("{\"container\":{\"id\":\"aaaaaaaaaaaa\",\"name\":\"job\",\"image\":\"job:2\",\"type\":0}"
          "}");
    emit(324, 0);
    open_file(600, "/data/out", 4, 2);
    cgroup = "cpu=/docker/bbbbbbbbbbbb8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e";
    start(610, SHIM, "/bin/ghost", "ghost", "", 0);
    open_file(610, "/etc/passwd", 3, 1);
}

/* Many short jobs on few process IDs: some ends, some clones are lost, some parents are not known. Each
 * reads a file of its own, and one of them opens many. */
static void tell_crowd(void)
{
    char path[60], name[20];

    story_processes();
    for (unsigned i = 0; i < 12000; i++) {
        uint64_t pid = 1000 + i % 2500;

        snprintf(name, sizeof(name), "job%u", i);
        snprintf(path, sizeof(path), "/job/%u/in", i);
        if (i % 11 == 7) { /* its clone is lost */
            ptext(path);
            emit(292, pid);
            pnum(0, 8);
            proc_params(name, "", 0, pid, 1);
            emit(293, pid);
        } else {
            start(pid, i % 7 == 3 ? 99999 : BASH, path, name, "", 0);
        }
        open_file(pid, path, 3 + i % 3, 1);
        words(6, pid, 3 + i % 3, name);
        if (i % 5)
            leave(pid);
        else
            now += 1000000;
    }
    for (unsigned i = 0; i < 6000; i++) { /* more than a table holds */
        snprintf(path, sizeof(path), "/many/%u", i);
        open_file(NGINX, path, 20 + i, 1);
    }
}

/* Lines for the system's log, and some that are none. */
static void tell_daemon(void)
{
    static const char *const lines[] = {"<13>Nov 14 22:13:20 shop: the database is gone",
                                        "<190>reload",
                                        "<0>panic",
                                        "<86> sshd[7]: accepted",
                                        "no priority",
                                        "<13",
                                        "<>empty",
                                        "<x>y",
                                        "<999>beyond",
                                        "<12345678901234567>long"};

    story_processes();
    open_file(NGINX, "/dev/log", 3, 2);
    open_file(NGINX, "/var/log/x", 4, 2);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        words(8, NGINX, 3, lines[i]);
        words(8, NGINX, 4, lines[i]);
        words(6, NGINX, 3, lines[i]);
    }
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 20;

    out = argc > 1 ? fopen(argv[1], "wb") : NULL;
    if (!out) {
        fprintf(stderr, "usage: mkcapture OUT [ROUNDS [future]] | OUT story|late|crowd|daemon\n");
        return 2;
    }
    section();
    interfaces();
    users();
    if (argc > 2 && (argv[2][0] < '0' || argv[2][0] > '9')) {
        if (argv[2][0] == 's')
            tell_story();
        else if (argv[2][0] == 'l')
            tell_late();
        else if (argv[2][0] == 'd')
            tell_daemon();
        else
            tell_crowd();
        return fclose(out) != 0;
    }
    processes();
    for (unsigned i = 0; i < rounds; i++)
        serve(i);
    if (argc > 3) { /* of a type that nobody knows yet */
        ptext("from the future");
        pnum(7, 8);
        emit(900, NGINX);
        close_fd(NGINX, 6);
    }
    return fclose(out) != 0;
}
