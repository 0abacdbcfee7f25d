/*
 * Writes a capture of system calls as a recorder of today does, without any of mews' code: a web
 * server that serves, fails to find a file, and is made to run a shell. `mkcapture OUT [ROUNDS [future]]`.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NGINX = 200, SHELL = 300 };

static unsigned char block[1 << 16], event[1 << 15];
static size_t blen, elen;
static FILE *out;
static uint64_t now = 1700000000000000000u;

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
    } u[] = {{0, "root", "/root"}, {33, "www-data", "/var/www"}};

    begin(0x220);
    for (int i = 0; i < 2; i++) {
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
    str("cpu=/\0", 6);
    text("/");
    num(0, 8); /* pid namespace */
    num(0, 4);
    num(UINT32_MAX, 4);
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
        uint16_t k = (uint16_t)params[i].n;

        memcpy(event + elen, &k, 2), elen += 2;
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
    param("cpu=/\0", 6);
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

int main(int argc, char **argv)
{
    unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 20;

    out = argc > 1 ? fopen(argv[1], "wb") : NULL;
    if (!out) {
        fprintf(stderr, "usage: mkcapture OUT [ROUNDS [future]]\n");
        return 2;
    }
    section();
    interfaces();
    users();
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
