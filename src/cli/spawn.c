/* Starting the processes: the same program, executed anew. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

#define OUTPUT_PIPE (1 << 20) /* bytes between what the engine prints and the keeper */

struct ends { /* descriptors that the child gets */
    int rpc, noise, output;
};

static void keep_open(int fd)
{
    if (fd >= 0)
        fd_set_cloexec(fd, false);
}

static void child_setup(const struct spawn_options *o, const struct ends *e, pid_t parent)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool engine = str_eq(o->role, "engine");
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* an orphan never stays; the screen has a terminal to restore first */
    prctl(PR_SET_PDEATHSIG, engine ? SIGKILL : SIGTERM);
    if (getppid() != parent)
        _exit(0);
    if (engine)
        setpgid(0, 0); /* keys of the terminal are not for it; its children end with it */
    dup2(o->tty >= 0 ? o->tty : null, 0);
    dup2(o->tty >= 0 ? o->tty : e->noise >= 0 ? e->noise : null, 1);
    dup2(e->noise >= 0 ? e->noise : null, 2);
    keep_open(e->rpc);
    keep_open(e->output);
    keep_open(o->shared);
    keep_open(o->spool);
    keep_open(o->input_fd);
    keep_open(o->start);
    if (engine) {
        setenv("GOTRACEBACK", "all", 0);
        setenv("RUST_BACKTRACE", "1", 0);
    }
}

static void child_exec(const struct spawn_options *o, const struct ends *e)
{
    char rpc[16], shared[16], spool[16], output[16], start[16];

    if (o->remote) {
        dup2(e->rpc, 0);
        dup2(e->rpc, 1);
        execl("/bin/sh", "sh", "-c", o->remote, (char *)NULL);
        _exit(127);
    }
    snprintf(rpc, sizeof(rpc), "%d", e->rpc);
    snprintf(shared, sizeof(shared), "%d", o->shared);
    snprintf(spool, sizeof(spool), "%d", o->spool);
    snprintf(output, sizeof(output), "%d", e->output);
    snprintf(start, sizeof(start), "%d", o->start);
    if (str_eq(o->role, "engine"))
        execl("/proc/self/exe", SPAWN_ENGINE_NAME, "--engine-process", rpc, shared, spool, output,
              (char *)NULL);
    else
        execl("/proc/self/exe", "mews-screen", "--screen-process", rpc, start, (char *)NULL);
    _exit(127);
}

static bool make_pipe(int out[2])
{
    return pipe2(out, O_CLOEXEC) == 0;
}

enum severity spawn_child(const struct spawn_options *o, struct child *out, struct error *err)
{
    int sock[2] = {-1, -1}, noise[2] = {-1, -1}, text[2] = {-1, -1};
    struct ends e;
    pid_t parent = getpid();

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) != 0 || !make_pipe(noise) ||
        (o->output && !make_pipe(text)))
        return error_sys(err, errno, "can't start the %s", o->role);
    if (o->output) /* fewer turns; less than asked for does as well */
        fcntl(text[1], F_SETPIPE_SZ, OUTPUT_PIPE);
    e = (struct ends){sock[1], noise[1], text[1]};
    out->pid = fork();
    if (out->pid < 0)
        return error_sys(err, errno, "can't start the %s", o->role);
    if (out->pid == 0) {
        child_setup(o, &e, parent);
        child_exec(o, &e);
    }
    if (str_eq(o->role, "engine"))
        setpgid(out->pid, out->pid);
    close(sock[1]);
    close(noise[1]);
    if (text[1] >= 0)
        close(text[1]);
    out->rpc = sock[0];
    out->noise = noise[0];
    out->output = text[0];
    fd_set_nonblock(out->noise, true);
    return SEV_OK;
}
