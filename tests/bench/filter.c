/*
 * Filters and rules: how long one takes to be compiled, what kinds of tests cost an event, a hundred rules
 * beside one.
 */
#include "../e2e/peer.h"
#include "bench.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS   "100000"
#define CHECKS   400
#define IN_MANY  10000
#define RULES    100
#define TEXT_LEN 500

static char dir[] = "/tmp/mews-filters-XXXXXX";

static double run_command(const struct variant *v)
{
    double start = bench_now();

    if (system(v->arg) != 0)
        printf("  failed: %.100s\n", v->arg);
    return bench_now() - start;
}

/* Asked over the protocol, less what a question without a filter takes. */
static void compiling(void)
{
    char text[2 * TEXT_LEN] = "evt.type in (open, openat)";
    double took[CHECKS], idle[CHECKS];
    struct engine e;

    for (int i = 0; strlen(text) < TEXT_LEN; i++)
        sprintf(text + strlen(text), " and (fd.name startswith /srv/%d or proc.name = worker%d)", i,
                i);
    text[TEXT_LEN] = '\0'; /* at least so long: the rest is cut where it is still well formed */
    *(strrchr(text, ')') + 1) = '\0';
    engine_start(&e);
    ask(&e, "session/start", json_pack("{s{}}", "session"));
    for (int i = 0; i < CHECKS; i++) {
        double start = bench_now();

        ask(&e, "filter/check", json_pack("{ss}", "filter", ""));
        idle[i] = bench_now() - start;
        start = bench_now();
        ask(&e, "filter/check", json_pack("{ss}", "filter", text));
        took[i] = bench_now() - start;
    }
    engine_end(&e);
    printf("  a filter of %zu characters is compiled and coloured in %.0f µs\n", strlen(text),
           (bench_quantile(took, CHECKS, 0.5) - bench_quantile(idle, CHECKS, 0.5)) * 1e6);
}

static void many_values(char *path, size_t size)
{
    FILE *f;

    snprintf(path, size, "%s/many", dir);
    f = fopen(path, "w");
    for (int i = 0; f && i < IN_MANY; i++)
        fprintf(f, "%s/n/%d", i ? ", " : "fd.name in (", i);
    if (f) {
        fputs(")", f);
        fclose(f);
    }
}

static void kinds(const char *capture, double events)
{
    static const struct {
        const char *what, *filter;
    } tests[] = {{"a number", "evt.num = 0"},
                 {"a text, equal", "proc.name = nobody"},
                 {"a text, contains", "fd.name contains nowhere"},
                 {"a text, starts with", "fd.name startswith /no/where"},
                 {"a glob", "fd.name glob '*/nowhere/?.conf'"},
                 {"a regular expression", "fd.name regex '.*/no(thing|where)/[0-9]+[.]conf'"},
                 {"a path prefix of several", "fd.name pmatch (/no/where, /not/here, /nor/there)"},
                 {"a list field", "thread.cgroups intersects (nowhere)"},
                 {"in 10,000 values", NULL}};
    char many[PATH_MAX], base[4 * PATH_MAX], command[4 * PATH_MAX];
    struct variant v[2] = {{"nothing", run_command, base, {0}},
                           {"test", run_command, command, {0}}};

    many_values(many, sizeof(many));
    snprintf(base, sizeof(base), "%s/mews count %s 'proc.name exists and evt.num = 0' >/dev/null",
             env("MEWS_BUILDDIR"), capture);
    for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
        if (tests[i].filter)
            snprintf(command, sizeof(command), "%s/mews count %s \"%s\" >/dev/null",
                     env("MEWS_BUILDDIR"), capture, tests[i].filter);
        else
            snprintf(command, sizeof(command), "%s/mews count %s \"$(cat %s)\" >/dev/null",
                     env("MEWS_BUILDDIR"), capture, many);
        bench_run(v, 2);
        printf("  %-30s %7.0f ns an event, pass and all (a pass with the state: %.0f)\n",
               tests[i].what, bench_median(&v[1]) / events * 1e9,
               bench_median(&v[0]) / events * 1e9);
    }
}

static void write_rules(const char *path, int n)
{
    static const char *const conditions[] = {
        "evt.type in (execve, execveat) and proc.name = worker%d and not proc.aname = systemd",
        "evt.type in (open, openat, openat2) and fd.name startswith /srv/%d",
        "evt.type in (read, write) and fd.name contains secret%d and proc.name != nginx",
        "evt.type = connect and fd.sport = %d and not user.name in (root, nobody)"};
    FILE *f = fopen(path, "w");

    for (int i = 0; f && i < n; i++) {
        fprintf(f, "- rule: rule %d\n  desc: d\n  priority: NOTICE\n  output: o\n  condition: ", i);
        fprintf(f, conditions[i % 4], i);
        fputs("\n", f);
    }
    if (f)
        fclose(f);
}

static void rules(const char *capture, double events)
{
    char one[PATH_MAX], many[PATH_MAX], a[4 * PATH_MAX], b[4 * PATH_MAX];
    struct variant v[2] = {{"one", run_command, a, {0}}, {"many", run_command, b, {0}}};

    snprintf(one, sizeof(one), "%s/one.yaml", dir);
    snprintf(many, sizeof(many), "%s/many.yaml", dir);
    write_rules(one, 1);
    write_rules(many, RULES);
    snprintf(a, sizeof(a), "%s/mews rules %s --rules %s >/dev/null", env("MEWS_BUILDDIR"), capture,
             one);
    snprintf(b, sizeof(b), "%s/mews rules %s --rules %s >/dev/null", env("MEWS_BUILDDIR"), capture,
             many);
    bench_run(v, 2);
    printf("  one rule %.0f ns an event, a hundred %.0f: %.1f times\n",
           bench_median(&v[0]) / events * 1e9, bench_median(&v[1]) / events * 1e9,
           bench_median(&v[1]) / bench_median(&v[0]));
}

void bench_filter(void)
{
    char capture[64], command[4 * PATH_MAX];
    double events = 1;
    FILE *p;

    if (!mkdtemp(dir))
        return;
    snprintf(capture, sizeof(capture), "%s/web.scap", dir);
    snprintf(command, sizeof(command),
             "%s/tests/capture/mkcapture %s " ROUNDS " && %s/mews count %s", env("MEWS_BUILDDIR"),
             capture, env("MEWS_BUILDDIR"), capture);
    p = popen(command, "r");
    if (!p || fscanf(p, "%lf", &events) != 1)
        events = 1;
    if (p)
        pclose(p);
    bench_heading("Filters and rules");
    compiling();
    kinds(capture, events);
    rules(capture, events);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    if (system(command) != 0)
        printf("  %s is left\n", dir);
}
