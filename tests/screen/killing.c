/*
 * The killing matrix: each process dies in each way, idle and under load, on screens of several
 * sizes. Afterwards the terminal must be as it was, and no process may be left.
 */
#include "pty.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_S 20.0

struct size {
    int columns, lines;
};
static const struct size sizes[] = {{80, 24}, {40, 10}, {160, 48}};

static const struct load {
    const char *name, *params;
} loads[] = {{"idle", "count=200 ending=idle"}, {"under load", "count=100000000 batch=500"}};

/* How something dies: a signal to a process, a trouble of the plugin (its open parameters), or the
 * terminal that goes away. */
static const struct death {
    const char *process;
    int signal;
    const char *trouble;
} deaths[] = {
    {"keeper", SIGTERM, NULL}, {"keeper", SIGHUP, NULL},  {"keeper", SIGINT, NULL},
    {"keeper", SIGKILL, NULL}, {"keeper", SIGSEGV, NULL}, {"screen", SIGTERM, NULL},
    {"screen", SIGHUP, NULL},  {"screen", SIGKILL, NULL}, {"screen", SIGSEGV, NULL},
    {"screen", SIGABRT, NULL}, {"engine", SIGTERM, NULL}, {"engine", SIGKILL, NULL},
    {"engine", SIGSEGV, NULL}, {"engine", SIGABRT, NULL}, {"terminal", SIGHUP, NULL},
    {"plugin", 0, "crash"},    {"plugin", 0, "abort"},    {"plugin", 0, "exit"},
};

static int failures;
static char what[200], dir[64];

static void failed(struct pty *p, const char *why)
{
    char *text = pty_text(p);

    failures++;
    printf("FAILED: %s: %s\n%s\n", what, why, text);
    free(text);
}

static bool shows(struct pty *p, const char *word)
{
    double end = now_s() + LIMIT_S;

    while (now_s() < end) {
        char *text = pty_text(p);
        bool found = strstr(text, word) != NULL;

        free(text);
        if (found)
            return true;
        if (pty_ended(p) && !pty_pump(p, 50))
            return false;
        pty_pump(p, 50);
    }
    return false;
}

static struct pty *start(struct size size, const char *params)
{
    static const char *const names[] = {"HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME",
                                        "XDG_CONFIG_HOME"};
    static const char *const passed[] = {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};
    const char *build = getenv("MEWS_BUILDDIR");
    char command[2 * PATH_MAX + 200], *env[12];
    size_t n = 0;
    struct pty *p;

    if (!build)
        die("MEWS_BUILDDIR is not set: run this with make check");
    snprintf(command, sizeof(command),
             "exec '%s/mews' --utc --spool-limit 64M '%s/tests/plugins/stunt.so' -I 'stunt:%s'",
             build, build, params);
    for (; n < sizeof(names) / sizeof(*names); n++) {
        if (asprintf(&env[n], "%s=%s", names[n], dir) < 0)
            exit(99);
    }
    for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++) {
        if (getenv(passed[i]) && asprintf(&env[n++], "%s=%s", passed[i], getenv(passed[i])) < 0)
            exit(99);
    }
    env[n++] = strdup("TERM=xterm-256color");
    env[n++] = strdup("LC_ALL=C.UTF-8");
    env[n] = NULL;
    p = pty_start(command, env, dir, size.lines, size.columns);
    while (n)
        free(env[--n]);
    return p;
}

/* The screen must outlive the engine, name what happened, and let the person leave. */
static void leave_after_death(struct pty *p)
{
    if (!shows(p, "the engine has ended")) {
        failed(p, "the screen says nothing of the engine's death");
        return;
    }
    pty_key(p, "Esc");
    for (int i = 0; i < 200 && !pty_ended(p); i++) {
        char *text;

        pty_pump(p, 100);
        text = pty_text(p);
        if (strstr(text, "look around"))
            pty_key(p, "Esc");
        else
            pty_key(p, strstr(text, "discard") ? "d" : "q");
        free(text);
    }
}

static void check_end(struct pty *p, const struct death *d)
{
    const char *left;

    if (!pty_wait_end(p, LIMIT_S)) {
        failed(p, "it does not end");
        return;
    }
    if (pty_wait_gone(p, 5) > 0)
        failed(p, "a process was left behind");
    left = pty_unrestored(p);
    if (*left && strcmp(d->process, "terminal") != 0)
        failed(p, left);
}

static void kill_one(const struct death *d, const struct load *l, struct size size)
{
    char params[200];
    struct pty *p;
    pid_t victim;

    snprintf(what, sizeof(what), "%s, %s, %s, %dx%d", d->process,
             d->trouble ? d->trouble : strsignal(d->signal), l->name, size.columns, size.lines);
    snprintf(params, sizeof(params), "%s%s%s at=%d", l->params, d->trouble ? " trouble=" : "",
             d->trouble ? d->trouble : "", strcmp(l->name, "idle") == 0 ? 100 : 20000);
    p = start(size, params);
    if (!d->trouble && !shows(p, "▸")) {
        failed(p, "no events are shown");
        pty_free(p);
        return;
    }
    if (strcmp(d->process, "terminal") == 0) {
        close(p->slave);
        close(p->master);
        p->slave = p->master = -1;
    } else if (!d->trouble) {
        victim = pty_process(p, d->process);
        if (victim <= 0)
            failed(p, "there is no such process");
        else
            kill(victim, d->signal);
    }
    if (strcmp(d->process, "engine") == 0 || d->trouble)
        leave_after_death(p);
    check_end(p, d);
    pty_free(p);
}

int main(void)
{
    const char *only = getenv("MEWS_KILL"); /* "engine", "keeper", …: these only */
    int n = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    snprintf(dir, sizeof(dir), "%s", "/tmp/mews-killing-XXXXXX");
    if (!mkdtemp(dir))
        return 99;
    for (size_t d = 0; d < sizeof(deaths) / sizeof(*deaths); d++) {
        for (size_t l = 0; l < sizeof(loads) / sizeof(*loads); l++) {
            struct size size = sizes[(d * 2 + l) % (sizeof(sizes) / sizeof(*sizes))];

            if (only && strcmp(only, deaths[d].process) != 0)
                continue;
            if (getenv("MEWS_ALL_SIZES")) {
                for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++, n++)
                    kill_one(&deaths[d], &loads[l], sizes[s]);
            } else {
                kill_one(&deaths[d], &loads[l], size);
                n++;
            }
        }
    }
    snprintf(what, sizeof(what), "rm -rf %s", dir);
    if (system(what) != 0)
        printf("%s stays\n", dir);
    printf("%d deaths, %d failures\n", n, failures);
    return failures > 0;
}
