/* Where lines come from: files, compressed or not, read once or followed; descriptors; commands. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE ((size_t)256 << 10)

static struct input *input_new(enum input_kind kind, const char *path)
{
    struct input *in = calloc(1, sizeof(*in));
    time_t now = time(NULL);
    struct tm tm;

    if (!in)
        abort();
    in->kind = kind;
    in->path = strdup(path);
    in->fd = -1;
    in->last_ts = NO_TIME;
    in->year = localtime_r(&now, &tm)->tm_year + 1900;
    return in;
}

static bool open_again(struct input *in)
{
    struct stat st;

    in->fd = open(in->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (in->fd < 0 || fstat(in->fd, &st) != 0)
        return false;
    in->dev = st.st_dev;
    in->ino = st.st_ino;
    in->size = (uint64_t)st.st_size;
    return true;
}

struct input *input_open_file(const char *path, bool follow, char *error, size_t size)
{
    struct input *in = input_new(INPUT_FILE, path);
    unsigned char magic[2];
    struct stat st;
    struct tm tm;

    if (!open_again(in) || fstat(in->fd, &st) != 0) {
        snprintf(error, size, "%s: %s", path, strerror(errno));
        input_free(in);
        return NULL;
    }
    in->year = localtime_r(&st.st_mtime, &tm)->tm_year + 1900;
    in->follow = follow && pread(in->fd, magic, 2, 0) != 2;
    in->follow = in->follow || (follow && !(magic[0] == 0x1f && magic[1] == 0x8b));
    if (!in->follow) {
        in->gz = gzdopen(in->fd, "rb");
        if (!in->gz) {
            snprintf(error, size, "%s: out of memory", path);
            input_free(in);
            return NULL;
        }
        gzbuffer(in->gz, 256 << 10);
        in->fd = -1; /* the stream owns it now */
    }
    return in;
}

/* Takes fd over. */
static struct input *input_of_fd(int fd, const char *path)
{
    struct input *in = input_new(INPUT_FD, path);

    in->fd = fd;
    return in;
}

struct input *input_open_fd(int fd, const char *path, char *error, size_t size)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

    if (copy >= 0)
        return input_of_fd(copy, path);
    snprintf(error, size, "descriptor %d: %s", fd, strerror(errno));
    return NULL;
}

struct input *input_open_exec(const char *command, char *error, size_t size)
{
    struct input *in;
    int out[2];
    pid_t pid;

    if (pipe2(out, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        snprintf(error, size, "exec:%s: %s", command, strerror(errno));
        return NULL;
    }
    if (pid == 0) { /* only what is safe between fork and exec */
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setpgid(0, 0); /* what it starts ends with it */
        signal(SIGPIPE, SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* an orphan must not stay */
        dup2(out[1], 1);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    setpgid(pid, pid);
    close(out[1]);
    in = input_of_fd(out[0], command);
    in->child = pid;
    return in;
}

/* A command is asked to end, and after a second it has to. */
static void end_child(pid_t pid)
{
    bool gone = false;

    kill(-pid, SIGTERM);
    for (int i = 0; i < 100 && !gone; i++) {
        gone = waitpid(pid, NULL, WNOHANG) != 0;
        if (!gone)
            poll(NULL, 0, 10);
    }
    kill(-pid, SIGKILL);
    if (!gone)
        waitpid(pid, NULL, 0);
}

void input_free(struct input *in)
{
    if (in->child > 0)
        end_child(in->child);
    if (in->gz)
        gzclose(in->gz);
    if (in->fd >= 0)
        close(in->fd);
    free(in->path);
    free(in->buf);
    free(in);
}

/* ---- lines ----------------------------------------------------------------------------------- */

bool input_line(struct input *in)
{
    const char *at = in->buf + in->start;
    const char *end;

    if (in->has_line)
        return true;
    end = in->len ? memchr(at, '\n', in->len) : NULL;
    if (end)
        in->line_whole = (size_t)(end - at) + 1;
    else if (in->len && (in->eof || in->replaced || in->len >= LINE_MAX_LEN))
        in->line_whole = in->len;
    else
        return false;
    in->line_len = in->line_whole - (end ? 1 : 0);
    if (in->line_len && at[in->line_len - 1] == '\r')
        in->line_len--;
    in->line_ts = recognise_time(at, in->line_len, in->year);
    if (in->line_ts == NO_TIME)
        in->line_ts = in->last_ts;
    in->last_ts = in->line_ts;
    in->has_line = true;
    return true;
}

void input_take(struct input *in)
{
    in->start += in->line_whole;
    in->len -= in->line_whole;
    in->offset += in->line_whole;
    in->has_line = false;
}

/* ---- reading --------------------------------------------------------------------------------- */

static char *make_room(struct input *in)
{
    if (in->start && in->start > in->cap / 2) {
        memmove(in->buf, in->buf + in->start, in->len);
        in->start = 0;
    }
    if (in->start + in->len + READ_SIZE > in->cap) {
        in->cap = (in->start + in->len + READ_SIZE) * 2;
        in->buf = realloc(in->buf, in->cap);
        if (!in->buf)
            abort();
    }
    return in->buf + in->start + in->len;
}

static bool took(struct input *in, ssize_t n)
{
    if (n > 0)
        in->len += (size_t)n;
    return n > 0;
}

/* At the end of a followed file: was it replaced, or cut? What is left of the old one goes out
 * first. */
static void check_rotation(struct input *in)
{
    struct stat st;
    int old = in->fd;

    if (stat(in->path, &st) != 0)
        return; /* between two files: the old one is kept until the new one is there */
    if (st.st_dev == in->dev && st.st_ino == in->ino) {
        if ((uint64_t)st.st_size >= in->offset + in->len)
            return;
        lseek(in->fd, 0, SEEK_SET);
    } else {
        in->replaced = true;
        if (took(in, read(in->fd, make_room(in), READ_SIZE)) || in->len)
            return;
        if (!open_again(in)) {
            in->fd = old;
            return;
        }
        close(old);
    }
    in->replaced = false;
    in->offset = 0;
    in->len = 0;
}

static bool fill_followed(struct input *in)
{
    size_t before = in->len;

    if (took(in, read(in->fd, make_room(in), READ_SIZE)))
        return true;
    check_rotation(in);
    return took(in, read(in->fd, make_room(in), READ_SIZE)) || in->len > before;
}

bool input_fill(struct input *in)
{
    struct pollfd p = {in->fd, POLLIN, 0};
    ssize_t n;

    if (in->eof)
        return false;
    if (in->follow)
        return fill_followed(in);
    if (in->gz) {
        n = gzread(in->gz, make_room(in), (unsigned)READ_SIZE);
        in->eof = n <= 0;
        return took(in, n) || in->len > 0;
    }
    if (poll(&p, 1, 0) <= 0)
        return false;
    n = read(in->fd, make_room(in), READ_SIZE);
    in->eof = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
    return took(in, n) || (in->eof && in->len > 0);
}
