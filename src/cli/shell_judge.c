/* The shell's commands that work on a filter: marks, events that it must match and must not, tests and rules made
 * of it; and the engine started anew. */
#include <limits.h>
#include <unistd.h>

#include "shell.h"

char *shell_path(const char *args)
{
    char cwd[PATH_MAX];

    if (*args == '/')
        return xstrdup(args);
    return path_join(getcwd(cwd, sizeof(cwd)) ? cwd : ".", args);
}

/* The row of an event; false after a complaint. */
static bool row_of(struct shell *s, uint64_t number, uint64_t *row)
{
    const json_t *a = shell_call(s, "rows",
                                 json_pack("{s{so} si si s[]}", "anchor", "number", rpc_u64(number),
                                           "before", 0, "after", 0, "columns"),
                                 NULL),
                 *r = json_array_get(json_object_get(a, "rows"), 0);

    if (!a)
        return false;
    if (!r || rpc_u64_or(r, "number", 0) != number || json_object_get(r, "mark")) {
        complain("there is no event %llu", (unsigned long long)number);
        return false;
    }
    return rpc_get_u64(r, "row", row);
}

/* The numbers that are given, or that of the event one is at. False after a complaint. */
static bool each_number(struct shell *s, const char *args, bool (*act)(struct shell *s, uint64_t n))
{
    char *copy = xstrdup(args), *at = copy, *word;
    uint64_t n = s->number;
    bool ok = true;

    if (!*args && !s->number)
        complain("no event yet: rows shows some, or name one");
    if (!*args)
        ok = s->number && act(s, n);
    while (ok && (word = strsep(&at, ", \t"))) {
        if (!*word)
            continue;
        ok = parse_u64(span_of(word), &n);
        if (!ok)
            complain("“%s” is no number of an event", word);
        ok = ok && act(s, n);
    }
    free(copy);
    return ok;
}

/* ---- marks ------------------------------------------------------------------------------------------ */

static bool mark(struct shell *s, uint64_t number)
{
    uint64_t row;
    size_t i;

    for (i = 0; i < s->marks.n && s->marks.v[i] != number;)
        i++;
    if (i < s->marks.n) {
        vec_remove(&s->marks, i);
    } else {
        if (!row_of(s, number, &row))
            return false;
        vec_push(&s->marks, number);
    }
    return true;
}

bool shell_run_mark(struct shell *s, const char *args)
{
    bool ok = each_number(s, args, mark);

    printf("marked:");
    for (size_t i = 0; i < s->marks.n; i++)
        printf(" %llu", (unsigned long long)s->marks.v[i]);
    printf("%s\n", s->marks.n ? "" : " none");
    return ok;
}

bool shell_run_marked(struct shell *s, const char *args)
{
    struct buf b;
    bool ok;

    UNUSED(args);
    if (s->marks.n == 0) {
        complain("no event is marked");
        return false;
    }
    buf_init(&b, 1 << 20);
    buf_adds(&b, "evt.num in (");
    for (size_t i = 0; i < s->marks.n; i++)
        buf_addf(&b, "%s%llu", i ? ", " : "", (unsigned long long)s->marks.v[i]);
    buf_addc(&b, ')');
    ok = shell_take(s, buf_str(&b), false);
    buf_fini(&b);
    return ok;
}

/* ---- must match, must not ------------------------------------------------------------------------------ */

void shell_judge(struct shell *s)
{
    size_t must = 0, caught = 0, wrong = 0;
    json_t *rows = json_array();
    const json_t *holds;

    for (size_t i = 0; i < s->judged.n; i++)
        json_array_append_new(rows, rpc_u64(s->judged.v[i].row));
    holds = s->judged.n && *s->filter
                ? json_object_get(
                      shell_call(s, "judge",
                                 json_pack("{so sO}", "filter", rpc_str(s->filter), "rows", rows),
                                 s->filter),
                      "holds")
                : NULL;
    json_decref(rows);
    if (!holds)
        return;
    for (size_t i = 0; i < s->judged.n; i++) {
        bool hit = json_is_true(json_array_get(holds, i));

        must += s->judged.v[i].must;
        caught += s->judged.v[i].must && hit;
        wrong += !s->judged.v[i].must && hit;
    }
    printf("%zu caught, %zu missed, %zu false\n", caught, must - caught, wrong);
}

static bool judge(struct shell *s, uint64_t number, bool must)
{
    struct judged j = {.number = number, .must = must};
    size_t i;

    if (!row_of(s, number, &j.row))
        return false;
    for (i = 0; i < s->judged.n && s->judged.v[i].number != number;)
        i++;
    if (i == s->judged.n)
        vec_push(&s->judged, j);
    else if (s->judged.v[i].must != must)
        s->judged.v[i] = j;
    else
        vec_remove(&s->judged, i);
    return true;
}

static bool judge_must(struct shell *s, uint64_t number)
{
    return judge(s, number, true);
}

static bool judge_must_not(struct shell *s, uint64_t number)
{
    return judge(s, number, false);
}

bool shell_run_must(struct shell *s, const char *args)
{
    bool ok = each_number(s, args, judge_must);

    shell_judge(s);
    return ok;
}

bool shell_run_mustnot(struct shell *s, const char *args)
{
    bool ok = each_number(s, args, judge_must_not);

    shell_judge(s);
    return ok;
}

/* ---- tests and rules of the filter ---------------------------------------------------------------------- */

static bool append(const char *path, struct buf *b, const char *what)
{
    struct error err;
    bool ok = file_append(path, buf_str(b), b->len, &err) == SEV_OK;

    buf_fini(b);
    if (ok)
        printf("%s is in %s\n", what, path);
    else
        complain("%s", err.text);
    return ok;
}

bool shell_run_test(struct shell *s, const char *args)
{
    struct judged_numbers n = {0};
    struct buf b;
    bool capture = str_eq(rpc_get_str(s->stream, "plugin") ? rpc_get_str(s->stream, "plugin") : "",
                          "capture"),
         ok;

    if (!*args || !*s->filter || s->judged.n == 0) {
        complain("%s", !*args       ? "a file is needed"
                       : *s->filter ? "no event is judged: must and mustnot do"
                                    : "no filter is in force");
        return false;
    }
    for (size_t i = 0; i < s->judged.n; i++) {
        if (s->judged.v[i].must)
            vec_push(&n.must, s->judged.v[i].number);
        else
            vec_push(&n.must_not, s->judged.v[i].number);
    }
    buf_init(&b, 1 << 20);
    yaml_add_test(&b, NULL, s->filter, capture ? rpc_get_str(s->stream, "params") : NULL, &n);
    ok = append(args, &b, "the test");
    vec_free(&n.must);
    vec_free(&n.must_not);
    return ok;
}

/* The event source that the rule runs on. */
static char *source_of(struct shell *s)
{
    const char *plugin = rpc_get_str(s->stream, "plugin"), *source;
    const json_t *p;
    char *found = NULL;
    size_t i;

    json_array_foreach(json_object_get(shell_call(s, "plugins", NULL, NULL), "plugins"), i, p) {
        source = rpc_get_str(p, "source");
        if (!found && plugin && str_eq(rpc_get_str(p, "name"), plugin) && source && *source)
            found = xstrdup(source);
    }
    return found ? found : xstrdup("syscall");
}

bool shell_run_rule(struct shell *s, const char *args)
{
    size_t n = strcspn(args, " \t");
    const char *name = args + n + strspn(args + n, " \t");
    struct buf output, b;
    const json_t *c;
    char *source, *path;
    size_t i;
    bool ok;

    if (!n || !*name || !*s->filter) {
        complain(*s->filter ? "a file and the rule's name are needed" : "no filter is in force");
        return false;
    }
    if (!shell_need_columns(s))
        return false;
    buf_init(&output, 65536);
    json_array_foreach(s->columns, i, c)
        buf_addf(&output, "%s%s%s", i ? " " : "", strchr(json_string_value(c), '%') ? "" : "%",
                 json_string_value(c));
    buf_init(&b, 1 << 20);
    source = source_of(s);
    yaml_add_rule(&b, name, s->filter, buf_str(&output), source);
    path = xstrndup(args, n);
    ok = append(path, &b, "the rule");
    free(path);
    free(source);
    buf_fini(&output);
    return ok;
}
