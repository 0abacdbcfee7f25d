/*
 * Runs a screen script: keys and the screens that must follow, in one file. `script FILE`; with
 * MEWS_ACCEPT=1 the screens in the file are replaced by those that came.
 *
 *   # a comment
 *   env NAME=VALUE             before run; $BUILD, $SRC, $DATA and $DIR stand for folders
 *   size COLUMNS LINES         before run; later it resizes
 *   file NAME                  a file in $DIR; its lines follow, each behind a '|'
 *   append NAME                the same, added to its end
 *   run COMMAND                a shell command, in $DIR
 *   keys KEY…                  Enter Esc Tab BTab BS Up Down … C-c F4 a
 *   type TEXT
 *   wait TEXT                  until it stands on the screen
 *   gone TEXT                  until it does not
 *   mask REGEX                 in screens to compare: what it matches (or its first group)
 *                              becomes ~, as wide
 *   cut REGEX                  the same, but becomes one ~
 *   unmask                     no masks any more
 *   screen                     the screen must become what follows, each line behind a '|'
 *   style TEXT STYLE…          the first place of TEXT has: bold reverse underline fg=N bg=N plain
 *   raw TEXT / no-raw TEXT     the program has (not) sent these bytes; \e \xHH
 *   shell COMMAND              must succeed; $KEEPER $ENGINE $SCREEN are process numbers
 *   signal PROCESS NAME        keeper, engine or screen
 *   exit CODE                  it ends with this, leaves no process, and the terminal is as it was
 *   stopped / continue         it has stopped itself, with the terminal as it was; it goes on
 *   skip-without PATH          the rest is skipped where PATH is absent
 */
#include "pty.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_S   20.0
#define STILL_S   0.6
#define LINES_MAX 20000

static struct {
    const char *path;
    char *lines[LINES_MAX];
    int n, at;
    bool accept;
    FILE *out; /* accepted */
    char dir[64];
    char *env[64];
    int nenv;
    int rows, cols;
    regex_t masks[16];
    bool narrow[16];
    int nmasks;
    struct pty *p;
} s;

static void fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void cleanup(void)
{
    char command[128];

    if (s.p)
        pty_free(s.p);
    s.p = NULL;
    if (s.dir[0]) {
        snprintf(command, sizeof(command), "rm -rf %s", s.dir);
        if (system(command) != 0)
            fprintf(stderr, "%s stays\n", s.dir);
    }
}

static void fail(const char *fmt, ...)
{
    va_list ap;
    char *text;

    fprintf(stderr, "%s:%d: %s\n", s.path, s.at, s.at > 0 ? s.lines[s.at - 1] : "");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    if (s.p && getenv("MEWS_RAW")) { /* for who looks into a failure */
        FILE *f = fopen(getenv("MEWS_RAW"), "w");

        if (f && fwrite(s.p->raw, 1, s.p->raw_len, f) == s.p->raw_len)
            fclose(f);
    }
    if (s.p) {
        text = pty_text(s.p);
        fprintf(stderr, "\nthe screen was:\n%s", text);
        free(text);
    }
    cleanup();
    exit(1);
}

/* ---- words ----------------------------------------------------------------------------------- */

static const char *variable(const char *name, size_t n)
{
    static char text[64];
    static const struct {
        const char *name, *env;
    } folders[] = {{"BUILD", "MEWS_BUILDDIR"}, {"SRC", "MEWS_SRCDIR"}, {"DATA", "MEWS_TEST_DATA"}};

    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        if (strlen(folders[i].name) == n && strncmp(folders[i].name, name, n) == 0)
            return getenv(folders[i].env) ? getenv(folders[i].env) : "";
    }
    if (n == 3 && strncmp(name, "DIR", 3) == 0)
        return s.dir;
    if (s.p && n == 6 &&
        (strncmp(name, "KEEPER", n) == 0 || strncmp(name, "ENGINE", n) == 0 ||
         strncmp(name, "SCREEN", n) == 0)) {
        char role[16];

        for (size_t i = 0; i <= n; i++)
            role[i] = i < n ? (char)tolower((unsigned char)name[i]) : '\0';
        snprintf(text, sizeof(text), "%d", (int)pty_process(s.p, role));
        return text;
    }
    return NULL;
}

static char *expand(const char *t)
{
    char *out = malloc(65536), *at = out;

    while (*t && at - out < 60000) {
        size_t n = *t == '$' ? strspn(t + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") : 0;
        const char *value = n ? variable(t + 1, n) : NULL;

        if (value) {
            at += sprintf(at, "%s", value);
            t += n + 1;
        } else {
            *at++ = *t++;
        }
    }
    *at = '\0';
    return out;
}

/* \e \n \xHH */
static size_t unescape(char *t)
{
    char *to = t;
    const char *from = t;

    while (*from) {
        unsigned v;

        if (from[0] == '\\' && from[1] == 'e') {
            *to++ = '\x1b';
            from += 2;
        } else if (from[0] == '\\' && from[1] == 'n') {
            *to++ = '\n';
            from += 2;
        } else if (from[0] == '\\' && from[1] == 'x' && sscanf(from + 2, "%2x", &v) == 1) {
            *to++ = (char)v;
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    return (size_t)(to - t);
}

/* ---- screens --------------------------------------------------------------------------------- */

static size_t characters(const char *p, size_t n)
{
    size_t c = 0;

    for (size_t i = 0; i < n; i++)
        c += ((unsigned char)p[i] & 0xc0) != 0x80;
    return c;
}

static void mask_line(char *line, const regex_t *mask, bool narrow)
{
    size_t from = 0;
    regmatch_t m[2];

    while (line[from] && regexec(mask, line + from, 2, m, from ? REG_NOTBOL : 0) == 0) {
        regmatch_t *g = m[1].rm_so >= 0 ? &m[1] : &m[0];
        size_t start = from + (size_t)g->rm_so, n = (size_t)(g->rm_eo - g->rm_so),
               width = narrow ? 1 : characters(line + start, n);

        if (n == 0)
            break;
        memset(line + start, '~', width);
        memmove(line + start + width, line + start + n, strlen(line + start + n) + 1);
        from = start + width;
    }
}

static char *masked_screen(void)
{
    char *text = pty_text(s.p), *out = calloc(1, strlen(text) + 1), *at = text, *line;

    while ((line = strsep(&at, "\n"))) {
        for (int i = 0; i < s.nmasks; i++)
            mask_line(line, &s.masks[i], s.narrow[i]);
        if (at)
            strcat(strcat(out, line), "\n");
    }
    free(text);
    return out;
}

/* The lines behind '|' that follow; free() it. */
static char *block(void)
{
    char *text = calloc(1, 1 << 20);

    while (s.at < s.n && s.lines[s.at][0] == '|')
        strcat(strcat(text, s.lines[s.at++] + 1), "\n");
    return text;
}

static void show_difference(const char *want, const char *got)
{
    char *a = strdup(want), *b = strdup(got), *x = a, *y = b;

    while (x || y) {
        char *l = x ? strsep(&x, "\n") : NULL, *r = y ? strsep(&y, "\n") : NULL;

        if (l && r && strcmp(l, r) == 0)
            fprintf(stderr, "  %s\n", l);
        else
            fprintf(stderr, "- %s\n+ %s\n", l ? l : "", r ? r : "");
    }
    free(a);
    free(b);
}

static void accept_screen(void)
{
    double still = now_s(), end = still + LIMIT_S;
    char *text, *at, *line;

    while (now_s() < end && now_s() - still < STILL_S) {
        if (pty_pump(s.p, 50))
            still = now_s();
    }
    text = masked_screen();
    at = text;
    while ((line = strsep(&at, "\n"))) {
        if (at)
            fprintf(s.out, "|%s\n", line);
    }
    free(text);
}

static void do_screen(char *arg)
{
    double end = now_s() + LIMIT_S, met = 0;
    char *want = block(), *got = NULL;

    (void)arg;
    if (s.accept) {
        accept_screen();
        free(want);
        return;
    }
    do { /* it must also stay */
        pty_pump(s.p, 20);
        free(got);
        got = masked_screen();
        if (strcmp(want, got) != 0)
            met = 0;
        else if (met == 0)
            met = now_s();
    } while (now_s() < end && !(met > 0 && now_s() - met > 0.15));
    if (met == 0) {
        fprintf(stderr, "%s:%d: the screen is not what it must be (- must be, + is):\n", s.path,
                s.at);
        show_difference(want, got);
        free(s.p->raw);
        s.p->raw = NULL;
        cleanup();
        exit(1);
    }
    free(want);
    free(got);
}

static bool on_screen(const char *text)
{
    char *screen = pty_text(s.p);
    bool there = strstr(screen, text) != NULL;

    free(screen);
    return there;
}

static void wait_until(bool there, const char *text)
{
    double end = now_s() + LIMIT_S;

    while (on_screen(text) != there) {
        if (now_s() > end)
            fail("%s: not within %.0f s", text, LIMIT_S);
        pty_pump(s.p, 20);
    }
}

static void do_wait(char *arg)
{
    wait_until(true, arg);
}

static void do_gone(char *arg)
{
    wait_until(false, arg);
}

/* ---- what a person does ---------------------------------------------------------------------- */

static void do_env(char *arg)
{
    char *pair = expand(arg);
    size_t name = strcspn(pair, "=") + 1;
    int i = 0;

    while (i < s.nenv && strncmp(s.env[i], pair, name) != 0)
        i++;
    if (i == s.nenv && ++s.nenv == 63)
        fail("too many variables");
    free(s.env[i]);
    s.env[i] = pair;
    s.env[s.nenv] = NULL;
}

static void do_size(char *arg)
{
    int cols, rows;

    if (sscanf(arg, "%d %d", &cols, &rows) != 2)
        fail("size COLUMNS LINES");
    s.cols = cols;
    s.rows = rows;
    if (s.p)
        pty_resize(s.p, rows, cols);
}

static void write_block(const char *name, const char *mode)
{
    char path[300], *text = block(), *full = expand(text);
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), "%s/%s", s.dir, name);
    f = fopen(path, mode);
    if (!f)
        fail("%s: %s", path, strerror(errno));
    n = strchr(full, '\\') ? unescape(full) : strlen(full);
    fwrite(full, 1, n, f);
    fclose(f);
    free(text);
    free(full);
}

static void do_file(char *arg)
{
    write_block(arg, "w");
}

static void do_append(char *arg)
{
    write_block(arg, "a");
}

static void do_run(char *arg)
{
    char *command = expand(arg);

    if (s.p)
        pty_free(s.p);
    s.p = pty_start(command, s.env, s.dir, s.rows, s.cols);
    free(command);
}

static void do_keys(char *arg)
{
    char *word;

    while ((word = strsep(&arg, " "))) {
        if (*word)
            pty_key(s.p, word);
        pty_pump(s.p, 10);
    }
}

static void do_type(char *arg)
{
    char *text = expand(arg);

    pty_type(s.p, text);
    free(text);
}

static void do_mask(char *arg)
{
    if (s.nmasks == 16 || regcomp(&s.masks[s.nmasks], arg, REG_EXTENDED) != 0)
        fail("this mask is off");
    s.narrow[s.nmasks++] = false;
}

static void do_cut(char *arg)
{
    do_mask(arg);
    s.narrow[s.nmasks - 1] = true;
}

/* ---- what is looked at ----------------------------------------------------------------------- */

static void find_place(const char *text, VTermPos *pos)
{
    char *screen = pty_text(s.p), *at = screen, *line;

    for (int y = 0; (line = strsep(&at, "\n")); y++) {
        char *found = strstr(line, text);

        if (!found)
            continue;
        pos->row = y;
        pos->col = (int)characters(
            line, (size_t)(found - line)); /* no wide characters before it, please */
        free(screen);
        return;
    }
    free(screen);
    fail("%s is not on the screen", text);
}

static int color_index(const VTermColor *c, bool fg)
{
    if (fg ? VTERM_COLOR_IS_DEFAULT_FG(c) : VTERM_COLOR_IS_DEFAULT_BG(c))
        return -1;
    return VTERM_COLOR_IS_INDEXED(c) ? c->indexed.idx : 1000;
}

static bool has_style(const VTermScreenCell *c, const char *style)
{
    int n;

    if (strcmp(style, "bold") == 0)
        return c->attrs.bold;
    if (strcmp(style, "reverse") == 0)
        return c->attrs.reverse;
    if (strcmp(style, "underline") == 0)
        return c->attrs.underline != 0;
    if (strcmp(style, "plain") == 0)
        return color_index(&c->fg, true) == -1 && color_index(&c->bg, false) == -1;
    if (strcmp(style, "colour") == 0)
        return color_index(&c->fg, true) != -1 || color_index(&c->bg, false) != -1;
    if (strcmp(style, "low") == 0) /* one of the sixteen */
        return color_index(&c->fg, true) < 16 && color_index(&c->bg, false) < 16;
    if (sscanf(style, "fg=%d", &n) == 1)
        return color_index(&c->fg, true) == n;
    if (sscanf(style, "bg=%d", &n) == 1)
        return color_index(&c->bg, false) == n;
    fail("no style is named %s", style);
}

/* style TEXT STYLE…: the styles are the words behind the last two blanks. */
static void do_style(char *arg)
{
    char *styles = strstr(arg, "  "), *word;
    double end = now_s() + LIMIT_S;
    VTermScreenCell cell;
    VTermPos pos;

    if (!styles)
        fail("style TEXT, two blanks, STYLE…");
    *styles = '\0';
    styles += 2;
    find_place(arg, &pos);
    while ((word = strsep(&styles, " "))) {
        do {
            pty_pump(s.p, 20);
            vterm_screen_get_cell(s.p->screen, pos, &cell);
        } while (*word && !has_style(&cell, word) && now_s() < end);
        if (*word && !has_style(&cell, word))
            fail("%s is not %s: fg %d bg %d bold %d reverse %d", arg, word,
                 color_index(&cell.fg, true), color_index(&cell.bg, false), cell.attrs.bold,
                 cell.attrs.reverse);
    }
}

static void do_raw(char *arg)
{
    double end = now_s() + LIMIT_S;
    size_t n = unescape(arg);

    while (!(s.p->raw_len && memmem(s.p->raw, s.p->raw_len, arg, n))) {
        if (now_s() > end) {
            fwrite(s.p->raw + (s.p->raw_len > 400 ? s.p->raw_len - 400 : 0), 1,
                   s.p->raw_len > 400 ? 400 : s.p->raw_len, stderr);
            fail("these bytes were not sent");
        }
        pty_pump(s.p, 20);
    }
}

static void do_no_raw(char *arg)
{
    size_t n = unescape(arg);

    pty_pump(s.p, 100);
    if (s.p->raw_len && memmem(s.p->raw, s.p->raw_len, arg, n))
        fail("these bytes were sent");
}

static void do_shell(char *arg)
{
    char *command = expand(arg), *full = malloc(strlen(command) + 200);

    sprintf(full, "cd %s && { %s; }", s.dir, command);
    if (system(full) != 0)
        fail("the command failed");
    free(command);
    free(full);
}

static void do_signal(char *arg)
{
    char *name = strchr(arg, ' ');
    static const struct {
        const char *name;
        int sig;
    } signals[] = {{"TERM", SIGTERM}, {"HUP", SIGHUP},   {"INT", SIGINT},   {"KILL", SIGKILL},
                   {"SEGV", SIGSEGV}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"QUIT", SIGQUIT},
                   {"TSTP", SIGTSTP}, {"ABRT", SIGABRT}};
    pid_t pid;

    if (!name)
        fail("signal PROCESS NAME");
    *name++ = '\0';
    pid = pty_process(s.p, arg);
    if (!pid)
        fail("there is no %s process", arg);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        if (strcmp(signals[i].name, name) == 0) {
            kill(pid, signals[i].sig);
            return;
        }
    }
    fail("no signal is named %s", name);
}

static void check_restored(void)
{
    double end = now_s() + 3;

    while (*pty_unrestored(s.p)) {
        if (now_s() > end)
            fail("the terminal is not as it was: %s", pty_unrestored(s.p));
        pty_pump(s.p, 20);
    }
}

static void do_exit(char *arg)
{
    int code, left;

    if (!pty_wait_end(s.p, LIMIT_S))
        fail("it does not end");
    code = WIFEXITED(s.p->status) ? WEXITSTATUS(s.p->status) : 128 + WTERMSIG(s.p->status);
    if (code != atoi(arg))
        fail("it ended with %d", code);
    check_restored();
    left = pty_wait_gone(s.p, 5);
    if (left)
        fail("%d processes are left", left);
}

static bool is_stopped(pid_t pid)
{
    char path[64], line[512] = "", *end;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    if (f && !fgets(line, sizeof(line), f))
        line[0] = '\0';
    if (f)
        fclose(f);
    end = strrchr(line, ')');
    return end && end[2] == 'T';
}

static void do_stopped(char *arg)
{
    double end = now_s() + LIMIT_S;

    (void)arg;
    while (!is_stopped(pty_process(s.p, "keeper"))) {
        if (now_s() > end)
            fail("it does not stop");
        pty_pump(s.p, 20);
    }
    check_restored();
}

static void do_continue(char *arg)
{
    pid_t all[64];
    int n = pty_processes(s.p, all, 64);

    (void)arg;
    for (int i = 0; i < n; i++)
        kill(all[i], SIGCONT);
}

static void do_unmask(char *arg)
{
    (void)arg;
    while (s.nmasks)
        regfree(&s.masks[--s.nmasks]);
}

static void do_skip_without(char *arg)
{
    char *path = expand(arg);

    if (access(path, F_OK) != 0) {
        printf("%s:%d: skipped: %s is not here\n", s.path, s.at, arg);
        cleanup();
        exit(77);
    }
    free(path);
}

static const struct {
    const char *name;
    void (*run)(char *arg);
} commands[] = {
    {"env", do_env},           {"size", do_size},
    {"file", do_file},         {"append", do_append},
    {"run", do_run},           {"keys", do_keys},
    {"type", do_type},         {"wait", do_wait},
    {"gone", do_gone},         {"mask", do_mask},
    {"cut", do_cut},           {"unmask", do_unmask},
    {"screen", do_screen},     {"style", do_style},
    {"raw", do_raw},           {"no-raw", do_no_raw},
    {"shell", do_shell},       {"signal", do_signal},
    {"exit", do_exit},         {"stopped", do_stopped},
    {"continue", do_continue}, {"skip-without", do_skip_without},
};

/* ---- the file -------------------------------------------------------------------------------- */

static void read_script(const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    if (!f)
        die("%s: %s", path, strerror(errno));
    s.path = path;
    while ((n = getline(&line, &cap, f)) > 0 && s.n < LINES_MAX) {
        if (line[n - 1] == '\n')
            line[n - 1] = '\0';
        s.lines[s.n++] = strdup(line);
    }
    free(line);
    fclose(f);
}

static void run_line(const char *text)
{
    char *line = strdup(text), *arg = strchr(line, ' ');

    if (arg)
        *arg++ = '\0';
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        if (strcmp(commands[i].name, line) == 0) {
            commands[i].run(arg ? arg : line + strlen(line));
            free(line);
            return;
        }
    }
    fail("no command is named %s", line);
}

static void set_up(void)
{
    static const char *const names[] = {"HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME",
                                        "XDG_CONFIG_HOME"};
    const char *san[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "PATH"};
    char text[600];

    strcpy(s.dir, "/tmp/mews-screen-XXXXXX");
    if (!mkdtemp(s.dir))
        die("no temporary folder");
    s.rows = 24;
    s.cols = 80;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(text, sizeof(text), "%s=%s", names[i], s.dir);
        do_env(text);
    }
    for (size_t i = 0; i < sizeof(san) / sizeof(*san); i++) {
        snprintf(text, sizeof(text), "%s=%s", san[i], getenv(san[i]) ? getenv(san[i]) : "");
        if (getenv(san[i]))
            do_env(text);
    }
    do_env(strcpy(text, "TZ=UTC"));
    do_env(strcpy(text, "LC_ALL=C.UTF-8"));
    do_env(strcpy(text, "TERM=xterm-256color"));
}

int main(int argc, char **argv)
{
    char accepted[4096];

    if (argc != 2)
        die("usage: script FILE");
    setenv("MEWS_TEST_DATA", "/nowhere", 0);
    signal(SIGPIPE, SIG_IGN);
    s.accept = getenv("MEWS_ACCEPT") != NULL;
    read_script(argv[1]);
    set_up();
    snprintf(accepted, sizeof(accepted), "%s.accepted", argv[1]);
    if (s.accept && !(s.out = fopen(accepted, "w")))
        die("%s: %s", accepted, strerror(errno));
    while (s.at < s.n) {
        const char *line = s.lines[s.at++];
        int start = s.at;

        if (s.accept)
            fprintf(s.out, "%s\n", line);
        if (*line && *line != '#')
            run_line(line);
        for (int i = start; s.accept && i < s.at && strncmp(line, "screen", 6) != 0; i++)
            fprintf(s.out, "%s\n", s.lines[i]);
    }
    if (s.accept && (fclose(s.out) != 0 || rename(accepted, argv[1]) != 0))
        die("%s: %s", argv[1], strerror(errno));
    cleanup();
    return 0;
}
