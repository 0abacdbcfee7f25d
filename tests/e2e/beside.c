/*
 * Several hundred random expressions on real captures: what `mews print --raw-events` lets through
 * beside what sysdig does. Where the two differ about an event, they must tell another value of a
 * field of the expression there; and of such values there are few (tests/capture/differences.md).
 */
#include "interpreter.h"
#include "peer.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 4000
#define PROCESS    9  /* proc.pid */
#define EACH       30 /* expressions for each capture */
#define SKIPPED    77

static const struct field_known fields[] = {
    FIELD("evt.type", NAME, NULL),       FIELD("evt.dir", TEXT, "text"),
    FIELD("evt.num", NUMBER, "u64"),     FIELD("evt.cpu", NUMBER, "s16"),
    FIELD("evt.rawres", NUMBER, "s64"),  FIELD("evt.res", TEXT, "text"),
    FIELD("proc.name", TEXT, "text"),    FIELD("proc.exe", TEXT, "text"),
    FIELD("proc.cmdline", TEXT, "text"), FIELD("proc.pid", NUMBER, "s64"),
    FIELD("proc.sid", NUMBER, "s64"),    FIELD("thread.tid", NUMBER, "s64"),
    FIELD("proc.exeline", TEXT, "text"), FIELD("user.uid", NUMBER, "u32"),
    FIELD("fd.num", NUMBER, "s64"),      FIELD("fd.name", TEXT, "text"),
    FIELD("fd.type", TEXT, "text"),      FIELD("fd.sport", NUMBER, "port"),
    FIELD("fd.cip", ADDRESS, NULL),      FIELD("container.id", TEXT, "text"),
};

#define NFIELDS (sizeof(fields) / sizeof(*fields))

static json_t *events[EVENTS_MAX];
static const struct known known = {fields, NFIELDS, events, EVENTS_MAX, true};
static char
    *values[2][EVENTS_MAX]; /* by number: of mews, of sysdig; what comes behind the number */

/* ---- what both say ---------------------------------------------------------------------------- */

/* A line for each event, its number first. Gives the exit status. */
static int run(unsigned who, const char *capture, const char *rest,
               void (*line)(unsigned who, unsigned number, char *behind))
{
    char command[3 * PATH_MAX], *text = NULL;
    size_t cap = 0;
    int n;
    FILE *p;

    n = who ? snprintf(command, sizeof(command), "sysdig -r '%s'", capture)
            : snprintf(command, sizeof(command), "'%s/mews' print --raw-events '%s'",
                       env("MEWS_BUILDDIR"), capture);
    snprintf(command + n, sizeof(command) - (size_t)n, " %s 2>/dev/null", rest);
    p = popen(command, "r");
    while (p && getline(&text, &cap, p) > 0) {
        char *behind;
        unsigned long number = strtoul(text, &behind, 10);

        if (number && number < EVENTS_MAX)
            line(who, (unsigned)number, behind);
    }
    free(text);
    return p ? pclose(p) : -1;
}

static void take_values(unsigned who, unsigned number, char *behind)
{
    behind[strcspn(behind, "\n")] = '\0';
    if (*behind == '\t' && !values[who][number]) /* what 0.29.3 does not know has a number twice */
        values[who][number] = strdup(behind + 1);
}

static void read_values(const char *capture)
{
    char format[4096], command[2 * PATH_MAX];
    size_t n = (size_t)snprintf(format, sizeof(format), "-p '*%%evt.num");

    for (size_t i = 0; i < NFIELDS; i++)
        n += (size_t)snprintf(format + n, sizeof(format) - n, "\t%%%s", fields[i].name);
    snprintf(format + n, sizeof(format) - n, "'");
    for (unsigned who = 0; who < 2; who++)
        run(who, capture, format, take_values);
    for (char *tab = format; (tab = strchr(tab, '\t'));)
        *tab = ' ';
    snprintf(command, sizeof(command), "'%s/mews' print --raw-events --json '%s' %s",
             env("MEWS_BUILDDIR"), capture, format);
    events_read(command, events, EVENTS_MAX);
}

static void forget(void)
{
    events_forget(events, EVENTS_MAX);
    for (unsigned i = 0; i < EVENTS_MAX; i++) {
        for (unsigned who = 0; who < 2; who++) {
            free(values[who][i]);
            values[who][i] = NULL;
        }
    }
}

/* The i-th value of a line. */
static const char *value(const char *line, size_t i, size_t *n)
{
    for (; line && i; i--) {
        line = strchr(line, '\t');
        line = line ? line + 1 : NULL;
    }
    *n = line ? strcspn(line, "\t") : 0;
    return line;
}

static bool says_other(unsigned number, size_t i)
{
    size_t n, m;
    const char *a = value(values[0][number], i, &n), *b = value(values[1][number], i, &m);

    return !a || !b || n != m || memcmp(a, b, n) != 0;
}

/* ---- expressions ------------------------------------------------------------------------------ */

/* Whether some field of it has another value there, or who did it is not known to both. */
static bool is_explained(const struct expression *x, unsigned number)
{
    for (unsigned i = 0; i < x->nchildren; i++) {
        if (is_explained(x->children[i], number))
            return true;
    }
    return x->kind == CHECK &&
           (says_other(number, (size_t)(x->field - fields)) || says_other(number, PROCESS));
}

static bool through[2][EVENTS_MAX];

static void take_match(unsigned who, unsigned number, char *behind)
{
    (void)behind;
    through[who][number] = true;
}

static char *quoted(const char *text)
{
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);

    fputs("-p '%evt.num' '", f);
    for (; *text; text++)
        fprintf(f, *text == '\'' ? "'\\''" : "%c", *text);
    fputc('\'', f);
    fclose(f);
    return out;
}

/* True when it let something through. */
static bool compare(const char *capture, const struct expression *x)
{
    char *text = expression_text(x), *rest = quoted(text);
    unsigned some = 0;

    memset(through, 0, sizeof(through));
    for (unsigned who = 0; who < 2; who++) {
        int status = run(who, capture, rest, take_match);

        expect(status == 0, "%s ends with %d: %s", who ? "sysdig" : "mews", status, text);
    }
    for (unsigned i = 1; i < EVENTS_MAX; i++) {
        some += through[0][i];
        if (through[0][i] == through[1][i] || is_explained(x, i))
            continue;
        expect(false, "%s, event %u %s: %s\n  %s", capture, i,
               through[0][i] ? "comes through" : "is left out", text,
               values[0][i] ? values[0][i] : "it has no values");
        break;
    }
    free(text);
    free(rest);
    return some > 0;
}

static void one_capture(const char *capture, unsigned *some)
{
    unsigned long all = 0, others = 0;

    read_values(capture);
    for (unsigned i = 1; i < EVENTS_MAX; i++) {
        for (size_t k = 0; events[i] && !says_other(i, PROCESS) && k < NFIELDS; k++, all++)
            others += says_other(i, k);
    }
    expect(others * 100 <= all * 5, "%s: %lu of %lu values differ", capture, others, all);
    for (unsigned i = 0; all && i < EACH && failures < 10; i++) {
        struct expression *x = expression_random(&known, 1 + random_below(3));

        *some += compare(capture, x);
        expression_free(x);
    }
    forget();
}

int main(void)
{
    const char *data = getenv("MEWS_TEST_DATA");
    char pattern[PATH_MAX];
    unsigned some = 0;
    glob_t g;

    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(pattern, sizeof(pattern), "%s/captures/*.scap", data ? data : "");
    if (!data || system("command -v sysdig >/dev/null") != 0 || glob(pattern, 0, NULL, &g) != 0) {
        printf("skipped: sysdig or the captures are not here\n");
        return SKIPPED;
    }
    random_seed(0x51a57f00d5ull);
    for (size_t i = 0; i < g.gl_pathc && failures < 10; i++)
        one_capture(g.gl_pathv[i], &some);
    globfree(&g);
    expect(some > 100, "only %u expressions let anything through", some);
    if (!failures)
        printf("all as it should be\n");
    return failures ? 1 : 0;
}
