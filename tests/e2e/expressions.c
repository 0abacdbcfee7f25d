/*
 * Thousands of random expressions: what an engine selects over its columns and kept values, in
 * parallel, and what one pass of `mews print` lets through, beside a plain interpreter.
 */
#include "interpreter.h"
#include "peer.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EVENTS_MAX  20000
#define EXPRESSIONS 1500
#define PASS_EVERY  25 /* of them, one is asked of print too */

static const struct field_known syscalls[] = {
    FIELD("evt.type", NAME, NULL),           FIELD("evt.dir", TEXT, "text"),
    FIELD("evt.num", NUMBER, "u64"),         FIELD("evt.rawres", NUMBER, "s64"),
    FIELD("evt.failed", BOOL, NULL),         FIELD("proc.name", TEXT, "text"),
    FIELD("proc.cmdline", TEXT, "text"),     FIELD("proc.exepath", TEXT, "text"),
    FIELD("proc.cwd", TEXT, "text"),         FIELD("proc.pname", TEXT, "text"),
    FIELD("proc.pid", NUMBER, "s64"),        FIELD("proc.ppid", NUMBER, "s64"),
    FIELD("proc.aname[2]", TEXT, NULL),      FIELD("thread.tid", NUMBER, "s64"),
    FIELD("user.name", TEXT, "text"),        FIELD("fd.num", NUMBER, "fd"),
    FIELD("fd.name", TEXT, "text"),          FIELD("fd.type", TEXT, "text"),
    FIELD("fd.is_server", BOOL, NULL),       FIELD("fd.cip", ADDRESS, NULL),
    FIELD("fd.sip", ADDRESS, NULL),          FIELD("fd.cport", NUMBER, "port"),
    FIELD("fd.sport", NUMBER, "port"),       ENDS("fd.ip", "fd.cip", "fd.sip"),
    ENDS("fd.port", "fd.cport", "fd.sport"), FIELD("container.id", TEXT, "text"),
    FIELD("evt.is_io_read", BOOL, NULL),     FIELD("evt.is_wait", BOOL, NULL),
    FIELD("evt.is_open_read", BOOL, NULL),   FIELD("evt.cpu", NUMBER, NULL),
    FIELD("evt.rawtime", NUMBER, NULL),      FIELD("evt.buflen", NUMBER, "u64"),
    FIELD("evt.category", TEXT, "text"),     FIELD("fs.path.name", TEXT, "text"),
    FIELD("evt.io_dir", TEXT, "text"),
};

static const struct field_known stunts[] = {
    FIELD("evt.num", NUMBER, "u64"),    FIELD("stunt.n", NUMBER, "u64"),
    FIELD("stunt.even", BOOL, NULL),    FIELD("stunt.text", TEXT, "text"),
    FIELD("stunt.at", NUMBER, "time"),  FIELD("stunt.took", NUMBER, "took"),
    FIELD("stunt.v4", ADDRESS, NULL),   FIELD("stunt.list", LIST, NULL),
    FIELD("stunt.numbers", LIST, NULL), FIELD("stunt.none", TEXT, "text"),
    FIELD("stunt.empty", TEXT, "text"),
};

static json_t *events[EVENTS_MAX];
static struct known known = {.events = events};

/* ---- events ---------------------------------------------------------------------------------- */

/* All values of all events, in one pass. */
static void read_events(const char *input)
{
    char command[8192];
    size_t n =
        (size_t)snprintf(command, sizeof(command), "'%s/mews' print --json %s -p '*%%evt.num",
                         env("MEWS_BUILDDIR"), input);

    for (unsigned i = 0; i < known.nfields; i++) {
        if (known.fields[i].class != CLASS_ENDS)
            n += (size_t)snprintf(command + n, sizeof(command) - n, " %%%s", known.fields[i].name);
    }
    snprintf(command + n, sizeof(command) - n, "'");
    known.nevents = events_read(command, events, EVENTS_MAX);
}

/* ---- what is let through --------------------------------------------------------------------- */

static bool selected[EVENTS_MAX];

/* The first event that one side lets through and the other does not; 0: they agree. */
static unsigned differs(const struct expression *x)
{
    for (unsigned i = 1; i < known.nevents; i++) {
        if (events[i] && expression_holds(x, events[i]) != selected[i])
            return i;
    }
    return 0;
}

static void compare(const char *who, const struct expression *x, const char *text)
{
    unsigned at = differs(x);
    char *values = at ? json_dumps(events[at], JSON_SORT_KEYS) : NULL;

    expect(!at, "%s: event %u %s: %s\n  %s", who, at,
           selected[at] ? "comes through" : "is left out", text, values ? values : "");
    free(values);
}

/* The whole selection; its ID goes to the caller, "" when the filter is refused. */
static void select_all(struct engine *e, const char *text, char id[32])
{
    char from[32] = "0";
    const json_t *r;

    memset(selected, 0, sizeof(selected));
    do {
        r = ask(e, "select", json_pack("{ss}", "filter", text));
        snprintf(id, 32, "%s", text_of(r, "selection"));
    } while (*id && strcmp(text_of(r, "scanned"), text_of(r, "rows")) != 0);
    while (*id && *from) {
        const json_t *list, *row;
        size_t i;

        r = ask(e, "rows",
                json_pack("{ss s{ss} si s[]}", "selection", id, "anchor", "row", from, "after", 200,
                          "columns"));
        list = json_object_get(r, "rows");
        json_array_foreach(list, i, row) {
            unsigned number = (unsigned)strtoul(text_of(row, "number"), NULL, 10);

            if (number && number < EVENTS_MAX)
                selected[number] = true;
        }
        i = json_array_size(list);
        snprintf(from, sizeof(from), "%s",
                 i > 1 && json_is_true(json_object_get(r, "more_after"))
                     ? text_of(json_array_get(list, i - 1), "row")
                     : "");
    }
}

static void print_all(const char *input, const char *text)
{
    char line[64], *command = NULL;
    size_t n = 0;
    FILE *c = open_memstream(&command, &n), *p;

    fprintf(c, "'%s/mews' print %s -p '%%evt.num' '", env("MEWS_BUILDDIR"), input);
    for (; *text; text++)
        fprintf(c, *text == '\'' ? "'\\''" : "%c", *text);
    fputc('\'', c);
    fclose(c);
    memset(selected, 0, sizeof(selected));
    p = popen(command, "r");
    while (p && fgets(line, sizeof(line), p)) {
        unsigned long number = strtoul(line, NULL, 10);

        if (number && number < EVENTS_MAX)
            selected[number] = true;
    }
    if (p)
        pclose(p);
    free(command);
}

/* ---- the runs -------------------------------------------------------------------------------- */

static void run(const char *input, json_t *session)
{
    unsigned some = 0;
    struct engine e;

    read_events(input);
    expect(known.nevents > 100, "only %u events are read", known.nevents);
    engine_start(&e);
    ask(&e, "session/start", session);
    json_decref(note(&e, "session/ready"));
    wait_for_end(&e);
    for (unsigned i = 0; i < EXPRESSIONS && failures < 10; i++) {
        struct expression *x = expression_random(&known, 1 + random_below(3));
        char *text = expression_text(x), id[32];

        select_all(&e, text, id);
        expect(*id, "refused: %s", text);
        if (*id) {
            compare("columns", x, text);
            ask(&e, "select/drop", json_pack("{ss}", "selection", id));
        }
        for (unsigned k = 1; k < known.nevents; k++) {
            if (selected[k]) {
                some++;
                break;
            }
        }
        if (i % PASS_EVERY == 0) {
            print_all(input, text);
            compare("print", x, text);
        }
        free(text);
        expression_free(x);
    }
    expect(some > EXPRESSIONS / 4, "only %u expressions let anything through", some);
    expect(engine_end(&e) == 0, "it ends well");
    events_forget(events, EVENTS_MAX);
}

int main(int argc, char **argv)
{
    char capture[PATH_MAX], command[3 * PATH_MAX], library[2 * PATH_MAX];
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 20260707;

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    random_seed(seed * 0x9e3779b97f4a7c15u);
    snprintf(capture, sizeof(capture), "/tmp/mews-expressions-%d.scap", (int)getpid());
    snprintf(command, sizeof(command), "'%s/tests/capture/mkcapture' %s 150", env("MEWS_BUILDDIR"),
             capture);
    expect(system(command) == 0, "no capture is made");
    known.fields = syscalls;
    known.nfields = sizeof(syscalls) / sizeof(*syscalls);
    run(capture, json_pack("{s{s[s]}}", "session", "captures", capture));
    unlink(capture);
    snprintf(library, sizeof(library), "'%s/tests/plugins/stunt.so' -I stunt:count=400",
             env("MEWS_BUILDDIR"));
    known.fields = stunts;
    known.nfields = sizeof(stunts) / sizeof(*stunts);
    run(library, stunt_session("count=400"));
    if (!failures)
        printf("all as it should be\n");
    else
        printf("the seed was %llu\n", (unsigned long long)seed);
    return failures ? 1 : 0;
}
