/* mews state: what the machine of a capture was at a moment: ps, lsof, netstat of then. mews metadata: how
 * late what is known of containers came. */
#include "internal.h"

/* ---- printing -------------------------------------------------------------------------------- */

struct column {
    const char *key, *title;
    bool right;
};

static const struct column thread_columns[] = {{"user", "USER", false},
                                               {"pid", "PID", true},
                                               {"tid", "TID", true},
                                               {"ppid", "PPID", true},
                                               {"descriptors", "FDS", true},
                                               {"started", "STARTED", false},
                                               {"container", "CONTAINER", false},
                                               {"cmdline", "COMMAND", false}};
static const struct column fd_columns[] = {
    {"process", "PROCESS", false},     {"pid", "PID", true},         {"fd", "FD", true},
    {"type", "TYPE", false},           {"protocol", "PROTO", false}, {"role", "ROLE", false},
    {"container", "CONTAINER", false}, {"name", "NAME", false}};
static const struct column ancestor_columns[] = {
    {"user", "USER", false},       {"pid", "PID", true},     {"ppid", "PPID", true},
    {"started", "STARTED", false}, {"cwd", "FOLDER", false}, {"container", "CONTAINER", false},
    {"cmdline", "COMMAND", false}};
static const struct column descriptor_columns[] = {{"fd", "FD", true},
                                                   {"type", "TYPE", false},
                                                   {"protocol", "PROTO", false},
                                                   {"role", "ROLE", false},
                                                   {"name", "NAME", false}};
static const struct column container_columns[] = {{"id", "CONTAINER", false},
                                                  {"type", "TYPE", false},
                                                  {"processes", "PROCESSES", true},
                                                  {"name", "NAME", false},
                                                  {"image", "IMAGE", false}};

static const struct column late_columns[] = {
    {"key", "SUBJECT", false},    {"first", "FIRST EVENT", true}, {"first_ts", "AT", false},
    {"told_by", "TOLD BY", true}, {"delay", "DELAY", true},       {"without", "WITHOUT", true},
    {"events", "OF EVENTS", true}};

/* "3.2 ms", "before it", "never" */
static void late_delay_text(const json_t *row, struct buf *out)
{
    const char *delay = rpc_get_str(row, "delay");
    char text[32];

    if (!rpc_get_bool(row, "told", false))
        buf_adds(out, "never told");
    else if (!delay || *delay == '-')
        buf_adds(out, "before it");
    else
        buf_adds(out, text_duration(rpc_u64_or(row, "delay", 0), text));
}

static void cell_text(const struct options *o, const json_t *row, const struct column *c,
                      struct buf *out)
{
    const json_t *v = json_object_get(row, c->key);
    char time[40];

    buf_reset(out);
    if (str_eq(c->key, "delay")) {
        late_delay_text(row, out);
        return;
    }
    if (json_is_integer(v))
        buf_addf(out, "%lld", (long long)json_integer_value(v));
    else if (!json_is_string(v) || json_string_length(v) == 0)
        buf_addc(out, '-');
    else if (str_eq(c->key, "started") || str_eq(c->key, "first_ts"))
        buf_adds(out, time_format(rpc_u64_or(row, c->key, 0), TIME_DATETIME_S, o->utc, time));
    else
        text_make_visible(out, json_string_value(v), json_string_length(v));
}

static void print_table(const struct options *o, const json_t *rows, const struct column *columns,
                        size_t n)
{
    int widths[10] = {0};
    const json_t *row;
    struct buf b;
    size_t i, k;

    buf_init(&b, 4 * EVENT_LEN_MAX);
    for (k = 0; k < n; k++)
        widths[k] = (int)strlen(columns[k].title);
    json_array_foreach(rows, i, row) {
        for (k = 0; k + 1 < n; k++) {
            cell_text(o, row, &columns[k], &b);
            widths[k] = MAX_OF(widths[k], MIN_OF(characters(buf_str(&b)), 40));
        }
    }
    for (k = 0; k < n; k++)
        printf(columns[k].right ? "%*s%s" : "%-*s%s", k + 1 < n ? widths[k] : 0, columns[k].title,
               k + 1 < n ? "  " : "\n");
    json_array_foreach(rows, i, row) {
        for (k = 0; k < n; k++) {
            int fill;

            cell_text(o, row, &columns[k], &b);
            fill = k + 1 < n ? MAX_OF(widths[k] - characters(buf_str(&b)), 0) : 0;
            printf("%*s%s%*s%s", columns[k].right ? fill : 0, "", buf_str(&b),
                   columns[k].right ? 0 : fill, "", k + 1 < n ? "  " : "\n");
        }
    }
    buf_fini(&b);
}

static void print_tree(const json_t *rows)
{
    const json_t *row;
    struct buf b;
    size_t i;

    buf_init(&b, 4 * EVENT_LEN_MAX);
    json_array_foreach(rows, i, row) {
        const char *user = rpc_get_str(row, "user"), *container = rpc_get_str(row, "container"),
                   *line = rpc_get_str(row, "cmdline");

        buf_reset(&b);
        text_make_visible(&b, line ? line : "", line ? strlen(line) : 0);
        printf("%*s%lld  %s  (%s%s%s)\n",
               2 * (int)json_integer_value(json_object_get(row, "depth")), "",
               (long long)json_integer_value(json_object_get(row, "pid")), buf_str(&b),
               user ? user : "?", container && *container ? ", " : "", container ? container : "");
    }
    buf_fini(&b);
}

void state_print_rows(const struct options *o, const char *what, const json_t *rows)
{
    if (str_eq(what, "ancestors"))
        print_table(o, rows, ancestor_columns, COUNT_OF(ancestor_columns));
    else if (str_eq(what, "descriptors"))
        print_table(o, rows, descriptor_columns, COUNT_OF(descriptor_columns));
    else
        print_table(o, rows, late_columns, COUNT_OF(late_columns));
}

static void print_state(struct options *o, const json_t *end)
{
    const char *table = o->words.n ? o->words.v[0] : "metadata";
    const json_t *rows = json_object_get(end, "rows");
    const json_t *row;
    size_t i;

    if (o->json) {
        json_array_foreach(rows, i, row)
            put_json(row, JSON_COMPACT);
    } else if (str_eq(table, "threads")) {
        print_table(o, rows, thread_columns, COUNT_OF(thread_columns));
    } else if (str_eq(table, "tree")) {
        print_tree(rows);
    } else if (str_eq(table, "fds")) {
        print_table(o, rows, fd_columns, COUNT_OF(fd_columns));
    } else if (str_eq(table, "metadata")) {
        print_table(o, rows, late_columns, COUNT_OF(late_columns));
    } else {
        print_table(o, rows, container_columns, COUNT_OF(container_columns));
    }
}

int command_metadata(struct options *o)
{
    if (o->key && !str_eq(o->key, "container") && !str_eq(o->key, "pod")) {
        complain("--key %s: container or pod is needed", o->key);
        return EXIT_USAGE;
    }
    if (o->spec.captures.n == 0) {
        complain("mews metadata needs a capture: mews metadata FILE");
        return EXIT_USAGE;
    }
    if (o->filter && *o->filter) {
        complain("mews metadata takes no filter: “%s”", o->filter);
        return EXIT_USAGE;
    }
    return output_run(
        o, json_pack("{ss so}", "kind", "metadata", "key", rpc_str(o->key ? o->key : "container")),
        "read", print_state);
}

/* False after a complaint. */
static bool state_can_be_asked(const struct options *o, const char *table)
{
    uint64_t number;

    if (!str_eq(table, "threads") && !str_eq(table, "tree") && !str_eq(table, "fds") &&
        !str_eq(table, "containers"))
        complain("mews state needs a table: mews state threads|tree|fds|containers CAPTURE");
    else if (o->spec.captures.n != 1)
        complain("mews state needs one capture: mews state %s FILE", table);
    else if (o->at && !parse_u64(span_of(o->at), &number) &&
             !time_parse(o->at, NS_PER_S, o->utc, &number))
        complain("--at %s: this is neither the number of an event nor a time", o->at);
    else if (o->filter && *o->filter)
        complain("mews state takes no filter: “%s”", o->filter);
    else
        return true;
    return false;
}

int command_state(struct options *o)
{
    const char *table = o->words.n ? o->words.v[0] : "";
    uint64_t event;
    json_t *q;

    if (!state_can_be_asked(o, table))
        return EXIT_USAGE;
    q = json_pack("{ss ss sb}", "kind", "state", "table", table, "utc", o->utc);
    if (o->at && parse_u64(span_of(o->at), &event))
        json_object_set_new(q, "at_event", rpc_u64(event));
    else if (o->at)
        json_object_set_new(q, "at_time", rpc_str(o->at));
    return output_run(o, q, "read", print_state);
}
