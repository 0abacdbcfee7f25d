/* Alerts that Falco wrote (a line of JSON each; output-format, §8), tied to the events that they are about:
 * by the event's time, which they carry to the nanosecond, and by its number where they have it. */
#include "internal.h"

#define FILE_MAX_LEN ((size_t)256 << 20)

struct alert {
    uint64_t ts, number, line; /* number: of the alert's event; 0: it has none */
    char *rule, *priority, *output;
    uint64_t event; /* what it is tied to; 0: nothing (yet) */
    int fires;      /* -1: no rule of this name was asked; else whether it fires on the event */
};

struct alerts {
    VEC(struct alert) v; /* by time */
    char *error;
    uint64_t bad; /* lines that are no alerts */
    struct event_reader reader;
};

/* ---- reading ------------------------------------------------------------------------------------- */

static uint64_t number_in(const json_t *fields, const char *name)
{
    const json_t *v = json_object_get(fields, name);

    return json_is_integer(v) && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

static char *text_in(const json_t *o, const char *key)
{
    const char *s = rpc_get_str(o, key);

    return xstrdup(s ? s : "");
}

static bool read_alert(struct alerts *a, const char *text, size_t n, uint64_t line)
{
    json_t *o = json_loadb(text, n, 0, NULL);
    const json_t *fields = json_object_get(o, "output_fields");
    const char *time = rpc_get_str(o, "time");
    struct alert alert = {.line = line, .fires = -1};
    bool ok = rpc_get_str(o, "rule") != NULL;

    if (ok && !(time && time_parse(time, 0, true, &alert.ts)))
        alert.ts = number_in(fields, "evt.time");
    ok = ok && alert.ts;
    if (ok) {
        alert.number = number_in(fields, "evt.num");
        alert.rule = text_in(o, "rule");
        alert.priority = text_in(o, "priority");
        alert.output = text_in(o, "output");
        vec_push(&a->v, alert);
    }
    json_decref(o);
    return ok;
}

static int by_time(const void *x, const void *y)
{
    const struct alert *a = x, *b = y;

    return a->ts != b->ts ? (a->ts < b->ts ? -1 : 1) : (a->line > b->line) - (a->line < b->line);
}

struct alerts *alerts_new(struct engine *e, const char *path)
{
    struct alerts *a = xcalloc(1, sizeof(*a));
    uint64_t line = 0;
    struct error err;
    struct buf text;

    reader_init(&a->reader, e);
    buf_init(&text, FILE_MAX_LEN);
    if (file_read(path, FILE_MAX_LEN, &text, &err) != SEV_OK)
        a->error = xstrdup(err.text);
    for (size_t at = 0, n; at < text.len; at += n + 1) {
        const char *end = memchr(text.data + at, '\n', text.len - at);

        n = end ? (size_t)(end - text.data) - at : text.len - at;
        line++;
        if (n && !read_alert(a, text.data + at, n, line))
            a->bad++;
    }
    buf_fini(&text);
    if (a->v.n)
        qsort(a->v.v, a->v.n, sizeof(*a->v.v), by_time);
    return a;
}

void alerts_free(struct alerts *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->v.n; i++) {
        free(a->v.v[i].rule);
        free(a->v.v[i].priority);
        free(a->v.v[i].output);
    }
    vec_free(&a->v);
    reader_fini(&a->reader);
    free(a->error);
    free(a);
}

/* ---- tying ---------------------------------------------------------------------------------------- */

/* The first alert of this time; a->v.n: none. */
static size_t first_at(const struct alerts *a, uint64_t ts)
{
    size_t lo = 0, hi = a->v.n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (a->v.v[mid].ts < ts)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < a->v.n && a->v.v[lo].ts == ts ? lo : a->v.n;
}

bool alerts_want(const struct alerts *a, uint64_t ts)
{
    return first_at(a, ts) < a->v.n;
}

void alerts_event(struct engine *e, struct alerts *a, const struct output_rules *rules,
                  const void *bytes, uint64_t number)
{
    uint64_t ts = event_ts(bytes);

    for (size_t i = first_at(a, ts); i < a->v.n && a->v.v[i].ts == ts; i++) {
        struct alert *alert = &a->v.v[i];
        const struct filter *f = NULL;
        bool fires = false;

        output_rules_named(rules, alert->rule, &f);
        if (f) {
            reader_passing(&a->reader, filter_refs(f), bytes, number, e->last_ts);
            fires = filter_match(f, &a->reader.base);
        }
        /* of several events of this time: that of its number, one on which its rule fires, the first */
        if (!alert->event || (alert->event != alert->number && alert->number == number) ||
            (fires && alert->fires != 1 && alert->event != alert->number)) {
            alert->event = number;
            alert->fires = f ? fires : -1;
        }
    }
}

json_t *alerts_json(const struct alerts *a)
{
    json_t *list = json_array();

    for (size_t i = 0; i < a->v.n; i++) {
        const struct alert *alert = &a->v.v[i];
        json_t *o = json_pack("{so so so so so}", "line", rpc_u64(alert->line), "rule",
                              rpc_str(alert->rule), "priority", rpc_str(alert->priority), "output",
                              rpc_str(alert->output), "ts", rpc_u64(alert->ts));

        if (alert->event)
            json_object_set_new(o, "number", rpc_u64(alert->event));
        if (alert->event && alert->fires >= 0)
            json_object_set_new(o, "fires", json_boolean(alert->fires));
        json_array_append_new(list, o);
    }
    return json_pack("{so so}", "alerts", list, "bad", rpc_u64(a->bad));
}

const char *alerts_error(const struct alerts *a)
{
    return a->error;
}

/* ---- on the screen: events that are kept -------------------------------------------------------- */

/* Rows of a time stand together where times do not run back. */
static void tie_kept(struct engine *e, struct alert *alert, json_t *o)
{
    uint64_t row;
    struct store_row r;

    if (!store_find_time(e->store, alert->ts, &row))
        return;
    for (uint64_t first = row, found = row;
         row < store_rows(e->store) && store_row(e->store, row, &r) && r.ts == alert->ts; row++) {
        if (alert->number && store_number(e->store, row) != alert->number && row != first)
            continue;
        if (row == first || store_number(e->store, row) == alert->number)
            found = row;
        json_object_set_new(o, "number", rpc_u64(store_number(e->store, found)));
        json_object_set_new(o, "row", rpc_u64(found));
    }
}

static void run_alerts(struct engine *e, struct job *j)
{
    const char *path = rpc_get_str(j->params, "path");
    struct alerts *a = path ? alerts_new(e, path) : NULL;
    json_t *answer, *o;
    size_t i;

    if (!a || a->error) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, a ? a->error : "“path” is missing");
        alerts_free(a);
        return;
    }
    answer = alerts_json(a);
    json_array_foreach(json_object_get(answer, "alerts"), i, o)
        tie_kept(e, &a->v.v[i], o);
    alerts_free(a);
    reply(e, j->id, answer);
}

void method_alerts(struct engine *e, const json_t *id, const json_t *params)
{
    job_post_kept(e, run_alerts, id, params);
}
