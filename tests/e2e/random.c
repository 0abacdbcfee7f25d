/*
 * Any event's values, asked alone and in any order, are those of one pass over the whole capture:
 * `mews print` beside rows that a stranger asks `mews engine` for.
 */
#include "peer.h"

#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EVENTS_MAX 20000
#define ASKED      300

static const char *const fields[] = {"evt.type",
                                     "evt.dir",
                                     "proc.name",
                                     "proc.cmdline",
                                     "proc.pname",
                                     "proc.pid",
                                     "proc.cwd",
                                     "user.name",
                                     "fd.num",
                                     "fd.name",
                                     "fd.type",
                                     "fd.l4proto",
                                     "evt.res",
                                     "evt.args",
                                     "proc.nthreads",
                                     "proc.fdopencount",
                                     "proc.sname",
                                     "proc.aname[2]",
                                     "proc.acmdline",
                                     "proc.env",
                                     "container.id",
                                     "container.name",
                                     "container.label[team]",
                                     "thread.cgroups",
                                     "fd.lip",
                                     "fd.is_server",
                                     "fd.name_changed",
                                     "fd.cip",
                                     "fs.path.name",
                                     "user.homedir",
                                     "proc.loginshellid",
                                     "proc.duration",
                                     "proc.vmsize",
                                     "evt.category",
                                     "evt.abspath"};

#define NFIELDS (sizeof(fields) / sizeof(*fields))

static char *lines[EVENTS_MAX]; /* by number: the values of one pass, a tab between them */
static unsigned count;

static void read_pass(const char *capture, bool raw)
{
    char command[2 * PATH_MAX], *line = NULL;
    size_t n = 0, cap = 0;
    FILE *p;

    n += (size_t)snprintf(command, sizeof(command), "'%s/mews' print --utc %s '%s' -p '*%%evt.num",
                          env("MEWS_BUILDDIR"), raw ? "--raw-events" : "", capture);
    for (size_t i = 0; i < NFIELDS; i++)
        n += (size_t)snprintf(command + n, sizeof(command) - n, "\t%%%s", fields[i]);
    snprintf(command + n, sizeof(command) - n, "'");
    p = popen(command, "r");
    while (p && getline(&line, &cap, p) > 0) {
        unsigned long number = strtoul(line, NULL, 10);

        line[strcspn(line, "\n")] = '\0';
        if (number && number < EVENTS_MAX && strchr(line, '\t')) {
            lines[number] = strdup(strchr(line, '\t') + 1);
            count++;
        }
    }
    free(line);
    if (p)
        pclose(p);
}

/* A cell as print has it. */
static void cell_text(const json_t *cell, char *out, size_t size)
{
    const json_t *text = json_is_object(cell) ? json_object_get(cell, "text") : cell;

    if (json_is_null(cell))
        snprintf(out, size, "<NA>");
    else
        snprintf(out, size, "%s", json_string_value(text) ? json_string_value(text) : "?");
}

static void check_event(struct engine *e, unsigned number)
{
    json_t *columns = json_array();
    char *rest = strdup(lines[number]), *at = rest, got[65536];
    const json_t *row;

    for (size_t i = 0; i < NFIELDS; i++)
        json_array_append_new(columns, json_string(fields[i]));
    snprintf(got, sizeof(got), "%u", number);
    row = ask(e, "rows",
              json_pack("{s{ss} si so si}", "anchor", "number", got, "after", 0, "columns", columns,
                        "wait_ms", 1000));
    row = json_object_get(json_array_get(json_object_get(row, "rows"), 0), "cells");
    for (size_t i = 0; i < NFIELDS; i++) {
        char *want = strsep(&at, "\t");

        cell_text(json_array_get(row, i), got, sizeof(got));
        /* long texts are cut in cells; numbers of columns and of lines are alike */
        expect(want && strncmp(got, want, MIN(strlen(want), 900)) == 0,
               "event %u, %s: “%.200s” instead of “%.200s”", number, fields[i], got,
               want ? want : "nothing");
    }
    free(rest);
}

static void wait_for_rows(struct engine *e)
{
    json_decref(note(e, "session/ready"));
    wait_for_end(e);
}

static void compare(const char *what, unsigned least, bool raw)
{
    char capture[PATH_MAX], command[2 * PATH_MAX];
    uint64_t seed = 88172645463325252u;
    unsigned top = 0;
    struct engine e;

    snprintf(capture, sizeof(capture), "/tmp/mews-random-%d.scap", (int)getpid());
    snprintf(command, sizeof(command), "'%s/tests/capture/mkcapture' %s %s", env("MEWS_BUILDDIR"),
             capture, what);
    expect(system(command) == 0, "no capture is made");
    count = 0;
    read_pass(capture, raw);
    expect(count >= least, "only %u events are printed", count);
    for (unsigned i = 0; i < EVENTS_MAX; i++)
        top = lines[i] ? i : top;
    engine_start(&e);
    ask(&e, "session/start",
        json_pack("{s{s[s] sb}}", "session", "captures", capture, "raw_events", raw));
    wait_for_rows(&e);
    for (unsigned i = 0; i < ASKED && failures < 10;) {
        unsigned number;

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        number = (unsigned)(seed % (top + 1));
        if (!lines[number])
            continue;
        check_event(&e, number);
        i++;
    }
    expect(engine_end(&e) == 0, "it ends well");
    unlink(capture);
    for (unsigned i = 0; i < EVENTS_MAX; i++) {
        free(lines[i]);
        lines[i] = NULL;
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    compare("500", 3000, false);
    compare("500", 6000, true);
    compare("story", 150, false);
    if (!failures)
        printf("all as it should be\n");
    return failures ? 1 : 0;
}
