#include "pty.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int on_prop(VTermProp prop, VTermValue *v, void *user)
{
    struct pty *p = user;

    if (prop == VTERM_PROP_ALTSCREEN)
        p->altscreen = v->boolean;
    else if (prop == VTERM_PROP_CURSORVISIBLE)
        p->cursor = v->boolean;
    else if (prop == VTERM_PROP_MOUSE)
        p->mouse = v->number != 0;
    return 1;
}

static const VTermScreenCallbacks callbacks = {.settermprop = on_prop};

static void make_terminal(struct pty *p)
{
    p->vt = vterm_new(p->rows, p->cols);
    vterm_set_utf8(p->vt, 1);
    p->screen = vterm_obtain_screen(p->vt);
    vterm_screen_enable_altscreen(p->screen, 1);
    vterm_screen_set_callbacks(p->screen, &callbacks, p);
    vterm_screen_reset(p->screen, 1);
    p->cursor = true;
}

static void child(struct pty *p, const char *command, char *const *env, const char *dir)
{
    close(p->master);
    setsid();
    ioctl(p->slave, TIOCSCTTY, 0);
    dup2(p->slave, 0);
    dup2(p->slave, 1);
    dup2(p->slave, 2);
    if (p->slave > 2)
        close(p->slave);
    if (chdir(dir) != 0)
        _exit(126);
    execle("/bin/sh", "sh", "-c", command, (char *)NULL, env);
    _exit(127);
}

struct pty *pty_start(const char *command, char *const *env, const char *dir, int rows, int cols)
{
    struct pty *p = calloc(1, sizeof(*p));
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    char **full, *mark;
    size_t n = 0;

    snprintf(p->id, sizeof(p->id), "MEWS_TEST_ID=%d-%lx", (int)getpid(), (long)(now_s() * 1e6));
    while (env[n])
        n++;
    full = calloc(n + 2, sizeof(*full));
    memcpy(full, env, n * sizeof(*full));
    full[n] = mark = strdup(p->id);
    p->rows = rows;
    p->cols = cols;
    if (openpty(&p->master, &p->slave, NULL, NULL, &size) != 0)
        die("openpty: %s", strerror(errno));
    tcgetattr(p->slave, &p->before);
    fcntl(p->master, F_SETFD, FD_CLOEXEC);
    make_terminal(p);
    p->pid = fork();
    if (p->pid == 0)
        child(p, command, full, dir);
    free(full);
    free(mark);
    return p;
}

void pty_free(struct pty *p)
{
    pid_t left[64];
    int n = pty_processes(p, left, 64);

    for (int i = 0; i < n; i++)
        kill(left[i], SIGKILL);
    if (!p->exited) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
    }
    close(p->master);
    close(p->slave);
    vterm_free(p->vt);
    free(p->raw);
    free(p);
}

/* Answers and keys that the emulator has ready. */
static void send_output(struct pty *p)
{
    char buffer[512];
    size_t n;

    while ((n = vterm_output_read(p->vt, buffer, sizeof(buffer))) > 0) {
        size_t at = 0;

        while (at < n) {
            ssize_t w = write(p->master, buffer + at, n - at);

            if (w <= 0)
                return;
            at += (size_t)w;
        }
    }
}

bool pty_pump(struct pty *p, int ms)
{
    struct pollfd fd = {p->master, POLLIN, 0};
    char buffer[65536];
    ssize_t n;

    if (poll(&fd, 1, ms) <= 0 || (n = read(p->master, buffer, sizeof(buffer))) <= 0)
        return false;
    if (p->raw_len + (size_t)n > p->raw_cap) {
        p->raw_cap = (p->raw_len + (size_t)n) * 2;
        p->raw = realloc(p->raw, p->raw_cap);
    }
    memcpy(p->raw + p->raw_len, buffer, (size_t)n);
    p->raw_len += (size_t)n;
    vterm_input_write(p->vt, buffer, (size_t)n);
    send_output(p);
    return true;
}

void pty_type(struct pty *p, const char *text)
{
    size_t n = strlen(text);

    if (write(p->master, text, n) != (ssize_t)n)
        die("can't type “%s”", text);
}

void pty_key(struct pty *p, const char *name)
{
    static const struct {
        const char *name;
        VTermKey key;
    } keys[] = {
        {"Enter", VTERM_KEY_ENTER},   {"Tab", VTERM_KEY_TAB},
        {"BS", VTERM_KEY_BACKSPACE},  {"Esc", VTERM_KEY_ESCAPE},
        {"Up", VTERM_KEY_UP},         {"Down", VTERM_KEY_DOWN},
        {"Left", VTERM_KEY_LEFT},     {"Right", VTERM_KEY_RIGHT},
        {"Ins", VTERM_KEY_INS},       {"Del", VTERM_KEY_DEL},
        {"Home", VTERM_KEY_HOME},     {"End", VTERM_KEY_END},
        {"PageUp", VTERM_KEY_PAGEUP}, {"PageDown", VTERM_KEY_PAGEDOWN},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        if (strcmp(keys[i].name, name) == 0) {
            vterm_keyboard_key(p->vt, keys[i].key, VTERM_MOD_NONE);
            send_output(p);
            return;
        }
    }
    if (name[0] == 'F' && isdigit((unsigned char)name[1]))
        vterm_keyboard_key(p->vt, (VTermKey)VTERM_KEY_FUNCTION(atoi(name + 1)), VTERM_MOD_NONE);
    else if (strcmp(name, "BTab") == 0)
        vterm_keyboard_key(p->vt, VTERM_KEY_TAB, VTERM_MOD_SHIFT);
    else if (strcmp(name, "Space") == 0)
        vterm_keyboard_unichar(p->vt, ' ', VTERM_MOD_NONE);
    else if (name[0] == 'C' && name[1] == '-' && name[2] && !name[3])
        vterm_keyboard_unichar(p->vt, (unsigned char)name[2], VTERM_MOD_CTRL);
    else if (name[0] && !name[1])
        vterm_keyboard_unichar(p->vt, (unsigned char)name[0], VTERM_MOD_NONE);
    else
        die("no key is named %s", name);
    send_output(p);
}

void pty_resize(struct pty *p, int rows, int cols)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};

    p->rows = rows;
    p->cols = cols;
    vterm_set_size(p->vt, rows, cols);
    ioctl(p->master, TIOCSWINSZ, &size);
}

/* ---- what is on the screen ------------------------------------------------------------------- */

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

char *pty_text(struct pty *p)
{
    char *text = malloc((size_t)p->rows * ((size_t)p->cols * 4 * VTERM_MAX_CHARS_PER_CELL + 1) + 1),
         *at = text;

    for (int y = 0; y < p->rows; y++) {
        char *line = at;

        for (int x = 0; x < p->cols; x++) {
            VTermScreenCell cell;

            if (!vterm_screen_get_cell(p->screen, (VTermPos){y, x}, &cell) ||
                cell.chars[0] == (uint32_t)-1)
                continue; /* the second half of a wide character */
            if (!cell.chars[0])
                *at++ = ' ';
            for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
                at += put_utf8(at, cell.chars[i]);
        }
        while (at > line && at[-1] == ' ')
            at--;
        *at++ = '\n';
    }
    *at = '\0';
    return text;
}

/* ---- processes ------------------------------------------------------------------------------- */

bool pty_ended(struct pty *p)
{
    if (!p->exited && waitpid(p->pid, &p->status, WNOHANG) == p->pid)
        p->exited = true;
    return p->exited;
}

const char *pty_unrestored(struct pty *p)
{
    struct termios now;

    if (tcgetattr(p->slave, &now) != 0)
        return "its settings can't be read";
    if (now.c_iflag != p->before.c_iflag || now.c_oflag != p->before.c_oflag ||
        now.c_cflag != p->before.c_cflag || now.c_lflag != p->before.c_lflag ||
        memcmp(now.c_cc, p->before.c_cc, sizeof(now.c_cc)) != 0)
        return "its settings (termios) are not what they were";
    if (p->altscreen)
        return "the alternate screen is still on";
    if (!p->cursor)
        return "the cursor is still hidden";
    if (p->mouse)
        return "the mouse is still reported";
    return "";
}

static size_t read_proc(pid_t pid, const char *file, char *out, size_t max)
{
    char path[64];
    int fd;
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, out, max - 1) : 0;
    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static bool is_zombie(pid_t pid)
{
    char stat[512], *end;

    read_proc(pid, "stat", stat, sizeof(stat));
    end = strrchr(stat, ')');
    return !end || end[2] == 'Z' || end[2] == 'X';
}

int pty_processes(struct pty *p, pid_t *out, int max)
{
    static char env[1 << 17];
    DIR *d = opendir("/proc");
    struct dirent *e;
    int n = 0;

    while (d && n < max && (e = readdir(d))) {
        pid_t pid = (pid_t)atoi(e->d_name);
        size_t len = pid > 0 && pid != getpid() ? read_proc(pid, "environ", env, sizeof(env)) : 0;

        if (len && memmem(env, len, p->id, strlen(p->id)) && !is_zombie(pid))
            out[n++] = pid;
    }
    if (d)
        closedir(d);
    return n;
}

bool pty_wait_end(struct pty *p, double seconds)
{
    double end = now_s() + seconds;

    while (!pty_ended(p) && now_s() < end)
        pty_pump(p, 20);
    while (pty_pump(p, 20))
        ;
    return pty_ended(p);
}

int pty_wait_gone(struct pty *p, double seconds)
{
    double end = now_s() + seconds;
    pid_t left[64];
    int n;

    while ((n = pty_processes(p, left, 64)) > 0 && now_s() < end)
        poll(NULL, 0, 20);
    return n;
}

pid_t pty_process(struct pty *p, const char *role)
{
    char line[4096], word[64];
    pid_t all[64];
    int n = pty_processes(p, all, 64);

    snprintf(word, sizeof(word), "--%s-process", role);
    for (int i = 0; i < n; i++) {
        size_t len = read_proc(all[i], "cmdline", line, sizeof(line));
        bool child = memmem(line, len, "-process", 8) || memmem(line, len, "--probe", 7) ||
                     memmem(line, len, "--symbolize", 11);

        if (strcmp(role, "keeper") == 0 ? strstr(line, "mews") && !child
                                        : memmem(line, len, word, strlen(word)) != NULL)
            return all[i];
    }
    return 0;
}
