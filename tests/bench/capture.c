/*
 * A capture of system calls, beside sysdig where it is installed: filters that match nothing, text
 * output, gzip; then on an opened capture: other filters, memory.
 */
#include "../e2e/peer.h"
#include "bench.h"
#include "mews/capture.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ROUNDS "300000"

static char dir[] = "/tmp/mews-bench-XXXXXX", plain[64], packed[64];

static double run_shell(const char *command)
{
    double start = bench_now();

    if (system(command) != 0 && !strstr(command, "sysdig"))
        printf("  failed: %s\n", command);
    return bench_now() - start;
}

static double run_command(const struct variant *v)
{
    char command[4 * PATH_MAX];

    snprintf(command, sizeof(command), v->arg, env("MEWS_BUILDDIR"), plain);
    return run_shell(command);
}

/* ---- a real capture, again and again ------------------------------------------------------------ */

#define REAL       "falco_psp_run_as_user_0_container.scap"
#define REAL_BYTES ((size_t)1 << 30)

/* Bytes of it, unpacked; the caller's. 0: it is not there. */
static size_t read_real(char **bytes)
{
    char command[PATH_MAX + 60];
    const char *data = getenv("MEWS_TEST_DATA");
    size_t n = 0, room = (size_t)16 << 20;
    FILE *p;

    snprintf(command, sizeof(command), "gzip -dc '%s/captures/" REAL "' 2>/dev/null",
             data ? data : "");
    p = data ? popen(command, "r") : NULL;
    *bytes = p ? malloc(room) : NULL;
    n = *bytes ? fread(*bytes, 1, room, p) : 0;
    if (p)
        pclose(p);
    return n;
}

/* Its metadata once, its events until there are enough bytes, each round later than the one before.
 * How many events. */
static double repeat_real(const char *to)
{
    char *bytes;
    size_t n = read_real(&bytes), written = 0;
    FILE *out = n ? fopen(to, "w") : NULL;
    double events = 0;

    for (uint64_t round = 0; out && written < REAL_BYTES; round++) {
        for (size_t at = 0; at + CAPTURE_FRAME < n; at += get_u32(bytes + at + 4)) {
            bool event = get_u32(bytes + at) == CAPTURE_EVENT_V2;

            if (event)
                put_u64(bytes + at + 10, get_u64(bytes + at + 10) + (round ? 3 * NS_PER_S : 0));
            if (event || round == 0)
                written += fwrite(bytes + at, 1, get_u32(bytes + at + 4), out);
            events += event;
        }
    }
    if (out)
        fclose(out);
    free(bytes);
    return events;
}

/* ---- one pass -------------------------------------------------------------------------------- */

static void passes(const char *heading, double events, bool sysdig)
{
    static const struct {
        const char *what, *filter;
    } kinds[] = {{"filter on the type", "evt.type=unshare"},
                 {"filter on event columns", "evt.cpu=77"},
                 {"filter on the process", "proc.name=nobody"},
                 {"filter on the descriptor", "fd.name contains nowhere"},
                 {"filter on the ancestors", "proc.aname=nobody"},
                 {"filter on the container", "container.id=nowhere"},
                 {"filter on the result", "evt.rawres=-12345"},
                 {"every event as a line", NULL}};

    bench_heading(heading);
    printf("  %-30s %14s %14s %8s\n", "", "sysdig", "mews", "times");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        char theirs[300], ours[300];
        struct variant v[2] = {{"mews", run_command, ours, {0}},
                               {"sysdig", run_command, theirs, {0}}};
        double a, b;

        if (kinds[i].filter) {
            /* matches nothing; evt.num would be asked first */
            snprintf(ours, sizeof(ours), "%%s/mews print %%s '%s' >/dev/null", kinds[i].filter);
            snprintf(theirs, sizeof(theirs),
                     ": %%s; sysdig -r %%s '%s and evt.num<0' >/dev/null 2>&1", kinds[i].filter);
        } else {
            snprintf(ours, sizeof(ours), "%%s/mews print %%s >/dev/null");
            snprintf(theirs, sizeof(theirs), ": %%s; sysdig -r %%s >/dev/null 2>&1");
        }
        bench_run(v, sysdig ? 2 : 1);
        a = events / bench_median(&v[0]);
        b = sysdig ? events / bench_median(&v[1]) : 0;
        printf("  %-30s %14.0f %14.0f %7.1fx\n", kinds[i].what, b, a, b > 0 ? a / b : 0);
    }
}

static void compressed(double events)
{
    struct variant v[2] = {{"decompression alone", run_command, "", {0}},
                           {"mews", run_command, "", {0}}};
    char alone[PATH_MAX + 40], ours[2 * PATH_MAX];

    snprintf(alone, sizeof(alone), ": %%s %%s; gzip -dc '%s' >/dev/null", packed);
    snprintf(ours, sizeof(ours), "%%s/mews print '%s' proc.name=nobody >/dev/null; : %%s", packed);
    v[0].arg = alone;
    v[1].arg = ours;
    bench_run(v, 2);
    printf("  %-30s %14.0f %14.0f %7.2fx the time\n", "gzip: decompressed, read",
           events / bench_median(&v[0]), events / bench_median(&v[1]),
           bench_median(&v[1]) / bench_median(&v[0]));
}

/* ---- an opened capture ----------------------------------------------------------------------- */

static double memory_of(struct engine *e)
{
    char path[60], line[200];
    double kb = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status",
             (int)json_integer_value(json_object_get(ask(e, "initialize", NULL), "pid")));
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        sscanf(line, "VmHWM: %lf", &kb);
    if (f)
        fclose(f);
    return kb * 1024;
}

static void opened(void)
{
    static const char *const filters[] = {"evt.num = 1000000",  "evt.type = execve",
                                          "evt.cpu = 77",       "thread.tid = 7",
                                          "proc.name = sh",     "container.id = x",
                                          "proc.aname = nginx", "fd.name contains page/7.html",
                                          "evt.failed = true",  "evt.arg.data contains 404"};
    struct engine e;
    const json_t *memory;
    double start;
    uint64_t rows;

    engine_start(&e);
    start = bench_now();
    ask(&e, "session/start", json_pack("{s{s[s]}}", "session", "captures", plain));
    wait_for_end(&e);
    rows = strtoull(text_of(ask(&e, "stream", NULL), "end"), NULL, 10);
    bench_heading("The same, opened");
    memory = json_incref(json_object_get(ask(&e, "capture/info", NULL), "memory"));
    printf(
        "  indexed in %.2f s, %llu events; bytes of memory an event: index %.0f, state %.0f, all "
        "%.0f\n",
        bench_now() - start, (unsigned long long)rows,
        strtod(text_of(memory, "index"), NULL) / (double)rows,
        strtod(text_of(memory, "state"), NULL) / (double)rows, memory_of(&e) / (double)rows);
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
        uint64_t scanned;

        start = bench_now();
        ask(&e, "select", json_pack("{ss}", "filter", filters[i]));
        do {
            json_t *s = note(&e, "selection");

            scanned = strcmp(text_of(s, "filter"), filters[i]) == 0
                          ? strtoull(text_of(s, "scanned"), NULL, 10)
                          : 0;
            json_decref(s);
        } while (scanned < rows);
        printf("  %-40s %9.0f ms\n", filters[i], (bench_now() - start) * 1e3);
    }
    engine_end(&e);
}

/* What 12,000 short processes take, beside a capture that has eight. */
static void processes(void)
{
    static const char *const kinds[] = {"story", "crowd"};
    double memory[2];

    for (int i = 0; i < 2; i++) {
        char command[4 * PATH_MAX], path[PATH_MAX + 20];
        struct engine e;

        snprintf(path, sizeof(path), "%s/%s.scap", dir, kinds[i]);
        snprintf(command, sizeof(command), "'%s/tests/capture/mkcapture' '%s' %s",
                 env("MEWS_BUILDDIR"), path, kinds[i]);
        run_shell(command);
        engine_start(&e);
        ask(&e, "session/start", json_pack("{s{s[s]}}", "session", "captures", path));
        wait_for_end(&e);
        memory[i] = memory_of(&e);
        engine_end(&e);
    }
    printf("  a process that is cloned, reads a file and ends, with its ten events: %.0f bytes of "
           "memory\n",
           (memory[1] - memory[0]) / 12000);
}

void bench_capture(void)
{
    char command[4 * PATH_MAX];
    bool sysdig = system("command -v sysdig >/dev/null 2>&1") == 0;
    FILE *p;
    double events = 0;

    if (!mkdtemp(dir))
        return;
    snprintf(plain, sizeof(plain), "%s/plain.scap", dir);
    snprintf(packed, sizeof(packed), "%s/packed.scap", dir);
    snprintf(command, sizeof(command),
             "%s/tests/capture/mkcapture %s " ROUNDS " && gzip -1 -c %s >%s", env("MEWS_BUILDDIR"),
             plain, plain, packed);
    run_shell(command);
    snprintf(command, sizeof(command), "%s/mews count --raw-events %s", env("MEWS_BUILDDIR"),
             plain);
    p = popen(command, "r");
    if (!p || fscanf(p, "%lf", &events) != 1)
        events = 1;
    if (p)
        pclose(p);
    passes("A capture in which each call opens, closes or starts something, read once (events a "
           "second)",
           events, sysdig);
    compressed(events);
    opened();
    processes();
    events = repeat_real(plain);
    if (events > 0) {
        passes("A real capture, repeated to 1 GB, read once (events a second)", events, sysdig);
        opened();
    } else {
        printf("  no real capture is there: MEWS_TEST_DATA\n");
    }
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    run_shell(command);
}
