/* The shell's commands for what the screens beside Events show: processes, conversations, async events, tables,
 * calls, the log, alerts. */
#include <limits.h>
#include <unistd.h>

#include "shell.h"

#define PIECES_MAX  1000
#define ENTRIES_MAX 200
#define LOG_DEFAULT 20

static const char *text_or(const json_t *o, const char *key, const char *otherwise)
{
    const char *text = rpc_get_str(o, key);

    return text && *text ? text : otherwise;
}

/* An event that was named is the one that one is at from now on. */
static void is_at(struct shell *s, const char *args)
{
    uint64_t number;

    if (parse_u64(span_of(args), &number))
        s->number = number;
}

/* ---- the process of an event ----------------------------------------------------------------------- */

bool shell_run_process(struct shell *s, const char *args)
{
    bool ok;
    json_t *q = shell_event(s, args, &ok), *line;
    const json_t *a = ok ? shell_call(s, "process", q, NULL) : NULL;

    if (!a)
        return false;
    is_at(s, args);
    line = json_array();
    json_array_append(line, json_object_get(a, "process"));
    json_array_extend(line, json_object_get(a, "ancestors"));
    state_print_rows(s->o, "ancestors", line);
    json_decref(line);
    state_print_rows(s->o, "descriptors", json_object_get(a, "descriptors"));
    return true;
}

/* ---- conversations ---------------------------------------------------------------------------------- */

static void print_data(const json_t *data)
{
    struct buf bytes, safe;

    buf_init(&bytes, EVENT_LEN_MAX);
    buf_init(&safe, 4 * EVENT_LEN_MAX);
    if (rpc_text_bytes(data, &bytes)) {
        for (size_t at = 0, n; at < bytes.len; at += n) {
            const char *end = memchr(bytes.data + at, '\n', bytes.len - at);

            n = end ? (size_t)(end - bytes.data) + 1 - at : bytes.len - at;
            buf_reset(&safe);
            text_make_visible(&safe, bytes.data + at, end ? n - 1 : n);
            printf("    %s\n", buf_str(&safe));
        }
    }
    buf_fini(&safe);
    buf_fini(&bytes);
}

static void print_piece(const struct shell *s, const json_t *p)
{
    const char *direction = text_or(p, "direction", "");
    uint64_t size = rpc_u64_or(p, "size", 0);
    struct buf data;
    char time[40];

    buf_init(&data, EVENT_LEN_MAX);
    rpc_text_bytes(json_object_get(p, "data"), &data);
    printf("#%s %s %s %s", rpc_get_str(p, "number"),
           time_format(rpc_u64_or(p, "ts", 0), TIME_CLOCK, s->o->utc, time),
           str_eq(direction, "out")  ? "->"
           : str_eq(direction, "in") ? "<-"
                                     : "--",
           rpc_get_str(p, "type"));
    if (*direction)
        printf(" %llu B", (unsigned long long)size);
    if (*direction && data.len < size)
        printf(", %zu captured", data.len);
    putchar('\n');
    buf_fini(&data);
    print_data(json_object_get(p, "data"));
}

static bool print_pieces(struct shell *s, uint64_t selection)
{
    uint64_t from = 0;

    for (unsigned shown = 0; shown < PIECES_MAX;) {
        const json_t *a = shell_call(s, "conversation",
                                     json_pack("{so so si}", "selection", rpc_u64(selection),
                                               "from", rpc_u64(from), "max", 100),
                                     NULL),
                     *p;
        size_t i;

        if (!a)
            return false;
        json_array_foreach(json_object_get(a, "pieces"), i, p)
            print_piece(s, p);
        shown += (unsigned)i;
        from = rpc_u64_or(a, "next", from);
        if (rpc_get_bool(a, "searching", false) && !s->interrupted)
            shell_wait(s, 0);
        else if (!rpc_get_bool(a, "more", false))
            return true;
    }
    printf("… the rest is not shown\n");
    return true;
}

bool shell_run_conversation(struct shell *s, const char *args)
{
    static const char *const kinds[] = {"fd", "connection", "process"};
    const char *kind = "fd", *filter;
    const json_t *a;
    uint64_t selection;
    bool ok;
    json_t *q;

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        kind = str_eq(args, kinds[i]) ? kinds[i] : kind;
    q = shell_event(s, str_eq(args, kind) ? "" : args, &ok);
    if (!ok)
        return false;
    json_object_set_new(q, "kind", json_string(kind));
    a = shell_call(s, "conversation/of", q, NULL);
    filter = a ? rpc_get_str(a, "filter") : NULL;
    if (!filter)
        return false;
    is_at(s, args);
    shell_print(json_object_get(a, "title"));
    putchar('\n');
    a = shell_call(s, "select", json_pack("{ss}", "filter", filter), NULL);
    if (!a)
        return false;
    selection = rpc_u64_or(a, "selection", 0);
    ok = print_pieces(s, selection);
    if (selection != s->selection)
        shell_try(s, "select/drop", json_pack("{so}", "selection", rpc_u64(selection)));
    return ok;
}

/* ---- async events ------------------------------------------------------------------------------------ */

bool shell_run_async(struct shell *s, const char *args)
{
    const json_t *a = shell_call(s, "async", NULL, NULL), *n, *why;
    const char *reason;
    char count[32], gap[32];
    size_t i;

    UNUSED(args);
    if (!a)
        return false;
    json_array_foreach(json_object_get(a, "names"), i, n)
        printf("%12s  %-20s %-10s first #%s, last #%s, one in %s\n",
               text_count(rpc_u64_or(n, "count", 0), count), text_or(n, "name", "?"),
               text_or(n, "source", "-"), text_or(n, "first", "-"), text_or(n, "last", "-"),
               text_duration(rpc_u64_or(n, "gap", 0), gap));
    if (i == 0)
        printf("no async events\n");
    json_array_foreach(json_object_get(a, "senders"), i, n) {
        printf("%12s  taken from %s\n", text_count(rpc_u64_or(n, "taken", 0), count),
               text_or(n, "plugin", "?"));
        json_object_foreach((json_t *)json_object_get(n, "refused"), reason, why)
            printf("%12s  refused: %s\n", json_is_string(why) ? json_string_value(why) : "?",
                   reason);
    }
    return true;
}

bool shell_run_late(struct shell *s, const char *args)
{
    const json_t *a;

    do
        a = shell_call(s, "metadata", json_pack("{ss}", "key", *args ? args : "container"), NULL);
    while (a && rpc_u64_or(a, "looked_at", 0) < rpc_u64_or(a, "end", 0) && shell_wait(s, 0));
    if (a)
        state_print_rows(s->o, "metadata", json_object_get(a, "rows"));
    return a != NULL;
}

/* ---- tables ------------------------------------------------------------------------------------------- */

static bool list_tables(struct shell *s)
{
    const json_t *a = shell_call(s, "tables", NULL, NULL), *t;
    const json_t *list = json_is_array(a) ? a : json_object_get(a, "tables");
    size_t i;

    if (!a)
        return false;
    json_array_foreach(list, i, t)
        printf("%-24s %-16s %-8s %s entries\n", text_or(t, "name", "?"), text_or(t, "owner", "-"),
               text_or(t, "key", "-"), text_or(t, "size", "0"));
    return true;
}

bool shell_run_tables(struct shell *s, const char *args)
{
    size_t n = strcspn(args, " \t"), i, k;
    const json_t *a, *row, *cell;
    uint64_t event;
    json_t *q;

    if (!*args)
        return list_tables(s);
    q = json_pack("{so si}", "table", rpc_text(args, n), "count", ENTRIES_MAX);
    args += n + strspn(args + n, " \t");
    if (*args && !parse_u64(span_of(args), &event)) {
        complain("“%s” is no number of an event", args);
        json_decref(q);
        return false;
    }
    if (*args)
        json_object_set_new(q, "event", rpc_u64(event));
    a = shell_call(s, "table", q, NULL);
    if (!a)
        return false;
    json_array_foreach(json_object_get(a, "fields"), i, cell)
        printf("%s%s", i ? "  " : "", text_or(cell, "name", "?"));
    putchar('\n');
    json_array_foreach(json_object_get(a, "rows"), i, row) {
        json_array_foreach(json_is_array(row) ? row : json_object_get(row, "cells"), k, cell) {
            fputs(k ? "  " : "", stdout);
            if (json_object_get(cell, "entries"))
                printf("{%s}", text_or(cell, "entries", "0"));
            else
                shell_print(cell);
        }
        putchar('\n');
    }
    if (rpc_u64_or(a, "size", 0) > ENTRIES_MAX)
        printf("… of %s\n", rpc_get_str(a, "size"));
    return true;
}

/* ---- calls, the log -------------------------------------------------------------------------------------- */

bool shell_run_calls(struct shell *s, const char *args)
{
    const json_t *a = shell_call(s, "plugins", NULL, NULL), *p, *c;
    char count[32], mean[32], most[32];
    size_t i, k;

    if (!a)
        return false;
    json_array_foreach(json_object_get(a, "plugins"), i, p) {
        if (*args && !str_eq(args, text_or(p, "name", "")))
            continue;
        printf("%s\n", text_or(p, "name", text_or(p, "path", "?")));
        json_array_foreach(json_object_get(p, "calls"), k, c)
            printf("%12s  %-28s mean %-8s longest %-8s failed %s\n",
                   text_count(rpc_u64_or(c, "calls", 0), count), text_or(c, "name", "?"),
                   text_duration(rpc_u64_or(c, "mean_ns", 0), mean),
                   text_duration(rpc_u64_or(c, "max_ns", 0), most), text_or(c, "failures", "0"));
        json_array_foreach(json_object_get(p, "metrics"), k, c) {
            printf("%12s  ", "metric");
            shell_print(json_object_get(c, "name"));
            fputs(" = ", stdout);
            shell_print(json_object_get(c, "value"));
            putchar('\n');
        }
    }
    return true;
}

bool shell_run_log(struct shell *s, const char *args)
{
    uint64_t n = LOG_DEFAULT;
    const json_t *a, *e;
    char time[40];
    size_t i;

    if (*args && !parse_u64(span_of(args), &n)) {
        complain("how many lines: “%s” is no number", args);
        return false;
    }
    a = shell_call(s, "keeper/log", json_pack("{sI}", "n", (json_int_t)MIN_OF(n, (uint64_t)100000)),
                   NULL);
    if (!a)
        return false;
    json_array_foreach(json_object_get(a, "entries"), i, e) {
        printf("%s %s: ", time_format(rpc_u64_or(e, "ts", 0), TIME_CLOCK, s->o->utc, time),
               text_or(e, "plugin", text_or(e, "component", "mews")));
        shell_print(json_object_get(e, "text"));
        putchar('\n');
    }
    return true;
}

/* ---- Falco's alerts ---------------------------------------------------------------------------------------- */

bool shell_run_alerts(struct shell *s, const char *args)
{
    const json_t *a, *alert;
    char *path = *args ? shell_path(args) : NULL;
    size_t i, tied = 0;

    if (!path) {
        complain("a file of Falco's alerts is needed, a line of JSON each");
        return false;
    }
    a = shell_call(s, "alerts", json_pack("{so}", "path", rpc_str(path)), NULL);
    free(path);
    if (!a)
        return false;
    json_array_foreach(json_object_get(a, "alerts"), i, alert) {
        const char *number = rpc_get_str(alert, "number");

        printf("%s%-10s ", number ? "#" : "", number ? number : "no event");
        shell_print(json_object_get(alert, "rule"));
        putchar('\n');
        tied += number != NULL;
    }
    printf("%zu of %zu are tied to events\n", tied, i);
    return true;
}

/* ---- the source and its engine ------------------------------------------------------------------------------ */

bool shell_run_pause(struct shell *s, const char *args)
{
    bool on = !rpc_get_bool(s->stream, "paused", false);
    const json_t *a = shell_call(s, "source/pause", json_pack("{sb}", "paused", on), NULL);

    UNUSED(args);
    if (a && json_object_get(a, "state")) {
        json_decref(s->stream);
        s->stream = json_deep_copy(a);
    }
    if (a)
        printf("%s\n", on ? "paused" : "goes on");
    return a != NULL;
}
