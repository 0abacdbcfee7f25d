/* What a person waits for, in a pseudo-terminal of 160×48 as a terminal emulator draws it. */
#include "../screen/pty.h"
#include "bench.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYS 300

static char dir[] = "/tmp/mews-bench-XXXXXX";

static struct pty *start(const char *arguments)
{
    const char *build = getenv("MEWS_BUILDDIR");
    char command[2 * PATH_MAX], *env[8];
    size_t n = 0;
    struct pty *p;

    if (!build)
        die("MEWS_BUILDDIR is not set: run this with make bench");
    for (const char *const *v =
             (const char *const[]){"HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", NULL};
         *v; v++) {
        if (asprintf(&env[n++], "%s=%s", *v, dir) < 0)
            exit(1);
    }
    if (asprintf(&env[n++], "PATH=%s", getenv("PATH")) < 0)
        exit(1);
    env[n++] = strdup("TERM=xterm-256color");
    env[n++] = strdup("LC_ALL=C.UTF-8");
    env[n] = NULL;
    snprintf(command, sizeof(command), "cd '%s' && exec ./mews --utc --spool-limit 256M %s", build,
             arguments);
    p = pty_start(command, env, dir, 48, 160);
    while (n)
        free(env[--n]);
    return p;
}

static bool shows(struct pty *p, const char *word)
{
    char *text = pty_text(p);
    bool yes = strstr(text, word) != NULL;

    free(text);
    return yes;
}

static void wait_for(struct pty *p, const char *word)
{
    double end = bench_now() + 20;

    while (!shows(p, word)) {
        if (bench_now() > end)
            die("\"%s\" does not appear", word);
        pty_pump(p, 1);
    }
}

static double run_first(const struct variant *v)
{
    const char *word = strchr(v->arg, '|') + 1;
    char arguments[PATH_MAX];
    double t = bench_now();
    struct pty *p;

    snprintf(arguments, sizeof(arguments), "%.*s", (int)(word - 1 - v->arg), v->arg);
    p = start(arguments);
    wait_for(p, word);
    t = bench_now() - t;
    pty_free(p);
    return t;
}

/* A key that opens a screen, and the one that goes back, while a source runs at full speed. */
static void keys_under_load(void)
{
    static double took[KEYS];
    struct pty *p = start("tests/plugins/stunt.so -I 'stunt:count=1000000000 batch=1000'");

    wait_for(p, "time UTC");
    for (int i = 0; i < KEYS; i++) {
        double t;

        for (double rest = bench_now() + 0.02; bench_now() < rest;)
            pty_pump(p, 1);
        t = bench_now();
        pty_key(p, i % 2 ? "1" : "3");
        wait_for(p, i % 2 ? "time UTC" : "stunt.took");
        took[i] = bench_now() - t;
    }
    printf("  %-42s %9.1f ms %9.1f ms\n", "key to screen, source at full speed",
           bench_quantile(took, KEYS, 0.5) * 1e3, bench_quantile(took, KEYS, 0.99) * 1e3);
    pty_free(p);
}

static void write_log(const char *path, int lines)
{
    FILE *f = fopen(path, "w");

    if (!f)
        die("%s can't be written", path);
    for (int i = 0; i < lines; i++)
        fprintf(f, "2024-05-01T12:%02d:%02d.%03dZ host app[%d]: INFO request %d served\n",
                i / 60000 % 60, i / 1000 % 60, i % 1000, i % 97, i);
    fclose(f);
}

void bench_screen(void)
{
    char large[PATH_MAX], small[PATH_MAX], path[PATH_MAX - 60];
    struct variant v[] = {
        {"the tour", run_first, "--tour|prometheus", {0}},
        {"a log of 10 lines", run_first, small, {0}},
        {"a log of 1,000,000 lines", run_first, large, {0}},
    };

    if (!mkdtemp(dir))
        die("%s can't be made", dir);
    snprintf(path, sizeof(path), "%s/small.log", dir);
    write_log(path, 10);
    snprintf(small, sizeof(small), "%s|request 9 served", path);
    snprintf(path, sizeof(path), "%s/large.log", dir);
    write_log(path, 1000000);
    snprintf(large, sizeof(large), "%s|served", path);
    bench_heading("What a person waits for");
    printf("  %-42s %12s %12s\n", "", "median", "99th of 100");
    bench_run(v, 3);
    for (int i = 0; i < 3; i++)
        printf("  first screen: %-28s %9.1f ms\n", v[i].name, bench_median(&v[i]) * 1e3);
    keys_under_load();
    snprintf(path, sizeof(path), "rm -rf '%s'", dir);
    if (system(path) != 0)
        printf("%s is left\n", dir);
}
