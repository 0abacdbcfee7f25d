/* The shell's commands that show events. */
#include <poll.h>

#include "shell.h"

#define ROWS_DEFAULT 20
#define WAIT_MS      5000
#define ROWS_TRIES   3 /* before it is taken for true that there are none */

/* ---- printing ------------------------------------------------------------------------------------ */

/* A value as the protocol has it, made safe. */
static void add_value(struct buf *out, const json_t *v)
{
    const json_t *list = json_object_get(v, "list"), *item;
    const char *error = rpc_get_str(v, "error");
    struct buf bytes;
    size_t i;

    if (list) {
        buf_addc(out, '(');
        json_array_foreach(list, i, item) {
            buf_adds(out, i ? "," : "");
            add_value(out, item);
        }
        buf_addc(out, ')');
        return;
    }
    if (!v || json_is_null(v)) {
        buf_adds(out, "<NA>");
        return;
    }
    if (error) {
        buf_adds(out, "!");
        text_make_visible(out, error, strlen(error));
        return;
    }
    buf_init(&bytes, EVENT_LEN_MAX);
    if (rpc_text_bytes(json_object_get(v, "text") ? json_object_get(v, "text") : v, &bytes))
        text_make_visible(out, buf_str(&bytes), bytes.len);
    else
        buf_adds(out, "...");
    buf_fini(&bytes);
}

void shell_print(const json_t *v)
{
    struct buf b;

    buf_init(&b, 4 * EVENT_LEN_MAX);
    add_value(&b, v);
    fputs(buf_str(&b), stdout);
    buf_fini(&b);
}

json_t *shell_event(const struct shell *s, const char *args, bool *ok)
{
    uint64_t number = s->number;

    *ok = *args ? parse_u64(span_of(args), &number) : s->number > 0;
    if (!*ok)
        complain(*args ? "“%s” is no number of an event"
                       : "no event yet: rows shows some, or name one",
                 args);
    return *ok ? json_pack("{so}", "number", rpc_u64(number)) : NULL;
}

/* ---- events ---------------------------------------------------------------------------------------- */

bool shell_need_columns(struct shell *s)
{
    const json_t *a, *c;
    size_t i;

    if (s->columns)
        return true;
    a = shell_call(s, "columns", NULL, NULL);
    if (!a)
        return false;
    s->columns = json_array();
    free(s->columns_source);
    s->columns_source = rpc_get_str(a, "source") ? xstrdup(rpc_get_str(a, "source")) : NULL;
    json_array_foreach(json_object_get(a, "columns"), i, c)
        json_array_append(s->columns, json_object_get(c, "field"));
    return true;
}

bool shell_run_columns(struct shell *s, const char *args)
{
    char *copy = xstrdup(args), *at = copy, *word;
    const json_t *c;
    size_t i;

    if (*args) {
        json_decref(s->columns);
        s->columns = json_array();
        while ((word = strsep(&at, " \t"))) {
            if (*word)
                json_array_append_new(s->columns, rpc_str(word));
        }
    }
    free(copy);
    if (!shell_need_columns(s))
        return false;
    json_array_foreach(s->columns, i, c)
        printf("%s%s", i ? " " : "", json_string_value(c));
    putchar('\n');
    return true;
}

static void print_row(struct shell *s, const json_t *row)
{
    const json_t *cells = json_object_get(row, "cells"), *mark = json_object_get(row, "mark"), *c;
    char time[40];
    size_t i;

    s->row = rpc_u64_or(row, "row", s->row);
    if (mark) {
        printf("-- ");
        shell_print(json_object_get(mark, "text"));
        putchar('\n');
        return;
    }
    if (rpc_get_bool(row, "gone", false))
        return;
    s->number = rpc_u64_or(row, "number", 0);
    printf("%s %s", rpc_get_str(row, "number"),
           time_format(rpc_u64_or(row, "ts", 0), TIME_DATETIME, s->o->utc, time));
    json_array_foreach(cells, i, c) {
        putchar(' ');
        shell_print(c);
    }
    putchar('\n');
}

/* A plugin that is loaded on the way has the filter's matches sought anew. */
static bool is_searching(struct shell *s)
{
    const json_t *a =
        *s->filter ? shell_try(s, "select", json_pack("{so}", "filter", rpc_str(s->filter))) : NULL;

    return a && rpc_u64_or(a, "scanned", 0) < rpc_u64_or(a, "rows", 0);
}

static const json_t *ask_rows(struct shell *s, json_t *anchor, uint64_t before, uint64_t n)
{
    for (unsigned tries = 1;; tries++) {
        const json_t *a;

        while (is_searching(s) && !s->interrupted)
            poll(NULL, 0, 10);
        a = shell_call(s, "rows",
                       json_pack("{so sO so so sO si}", "selection", rpc_u64(s->selection),
                                 "anchor", anchor, "before", rpc_u64(before), "after", rpc_u64(n),
                                 "columns", s->columns, "wait_ms", WAIT_MS),
                       NULL);
        if (!a || tries == ROWS_TRIES ||
            (json_array_size(json_object_get(a, "rows")) && !rpc_get_bool(a, "searching", false)))
            return a;
    }
}

static bool show_rows(struct shell *s, json_t *anchor, uint64_t before, uint64_t n)
{
    const json_t *a = ask_rows(s, anchor, before, n), *row;
    uint64_t shown = 0, last = s->row;
    size_t i;

    json_decref(anchor);
    if (!a)
        return false;
    json_array_foreach(json_object_get(a, "rows"), i, row) {
        if (last != UINT64_MAX && rpc_u64_or(row, "row", 0) <= last && !before)
            continue; /* the one that one is at */
        print_row(s, row);
        shown++;
    }
    if (!shown)
        printf("no more\n");
    return true;
}

bool shell_run_rows(struct shell *s, const char *args)
{
    uint64_t n = ROWS_DEFAULT;

    if ((*args && !parse_u64(span_of(args), &n)) || n == 0 || n > 400) {
        complain("how many: 1 to 400");
        return false;
    }
    if (!shell_need_columns(s))
        return false;
    if (s->row == UINT64_MAX)
        return show_rows(s, json_pack("{so}", "row", rpc_u64(0)), 0, n - 1);
    return show_rows(s, json_pack("{so}", "row", rpc_u64(s->row)), 0, n);
}

/* The place itself is shown, and is the next to go on from. */
bool shell_run_go(struct shell *s, const char *args)
{
    uint64_t n, near = rpc_u64_or(s->stream, "first_ts", 0);
    json_t *anchor;

    if (!shell_need_columns(s))
        return false;
    if (str_eq(args, "start"))
        anchor = json_pack("{so}", "row", rpc_u64(0));
    else if (str_eq(args, "end"))
        anchor = json_string("last");
    else if (parse_u64(span_of(args), &n))
        anchor = json_pack("{so}", "number", rpc_u64(n));
    else if (*args && time_parse(args, near, s->o->utc, &n))
        anchor = json_pack("{so}", "time", rpc_u64(n));
    else {
        complain("go to an event's number, a date and time, start or end");
        return false;
    }
    s->row = UINT64_MAX;
    return show_rows(s, anchor, 0, 0);
}

bool shell_run_event(struct shell *s, const char *args)
{
    const json_t *a, *group, *f;
    size_t i, k;
    bool ok;
    json_t *q = shell_event(s, args, &ok);

    a = ok ? shell_call(s, "event/detail", q, NULL) : NULL;
    if (!a)
        return false;
    s->number = rpc_u64_or(a, "number", 0);
    printf("#%s %s\n", rpc_get_str(a, "number"), rpc_get_str(a, "type"));
    json_array_foreach(json_object_get(a, "groups"), i, group) {
        json_array_foreach(json_object_get(group, "fields"), k, f) {
            const json_t *value = json_object_get(f, "value");

            if (!value || json_is_null(value))
                continue;
            printf("  %-32s ", rpc_get_str(f, "name"));
            shell_print(value);
            putchar('\n');
        }
    }
    json_array_foreach(json_object_get(a, "rules"), i, f)
        printf("  fires: %s (%s)\n", rpc_get_str(f, "name"), rpc_get_str(f, "priority"));
    return true;
}

bool shell_run_payload(struct shell *s, const char *args)
{
    bool ok;
    json_t *q = shell_event(s, args, &ok);
    const json_t *a = ok ? shell_call(s, "event/payload", q, NULL) : NULL;

    if (!a)
        return false;
    shell_print(json_object_get(a, "data"));
    putchar('\n');
    return true;
}

bool shell_run_find(struct shell *s, const char *args)
{
    uint64_t row = s->row == UINT64_MAX ? 0 : s->row;
    const json_t *a;

    if (!*args) {
        complain("a text is needed");
        return false;
    }
    do {
        a = shell_call(s, "find",
                       json_pack("{so so so}", "text", rpc_str(args), "row", rpc_u64(row),
                                 "selection", rpc_u64(s->selection)),
                       NULL);
        if (!a)
            return false;
        row = rpc_u64_or(a, "row", rpc_u64_or(a, "stopped_at", 0));
    } while (!rpc_get_str(a, "row") && rpc_get_bool(a, "more", false));
    if (!rpc_get_str(a, "row")) {
        printf("no event behind this one holds it\n");
        return true;
    }
    s->row = UINT64_MAX;
    return shell_need_columns(s) && show_rows(s, json_pack("{so}", "row", rpc_u64(row)), 0, 0);
}
