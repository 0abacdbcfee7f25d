/* mews top: how often which values occur. */
#include <unistd.h>

#include "internal.h"

struct counting {
    struct options *o;
    json_t *fields;
    uint64_t start_id, open_id;
};

static void on_ready(struct client *c, const json_t *params)
{
    struct counting *t = c->ctx;

    if (t->o->spec.captures.n == 0 && !client_can_open(c, params, t->o->spec.source, "count"))
        return;
    t->start_id = client_ask(c, "output/start",
                             json_pack("{ss so sO}", "kind", "count", "filter",
                                       rpc_str(t->o->filter), "fields", t->fields));
}

static void on_answer(struct client *c, uint64_t id, const json_t *result)
{
    struct counting *t = c->ctx;

    UNUSED(result);
    if (id == t->start_id)
        t->open_id = client_open_source(c, t->o);
}

static void on_refused(struct client *c, uint64_t id, const json_t *error)
{
    struct counting *t = c->ctx;
    const json_t *syntax = json_object_get(json_object_get(error, "data"), "syntax");
    bool in_filter = *t->o->filter && rpc_u64_or(syntax, "index", 0) <= strlen(t->o->filter);

    client_refused(c, "the filter is wrong", in_filter ? t->o->filter : NULL, error,
                   id == t->open_id);
}

/* ---- printing -------------------------------------------------------------------------------- */

static const char *key_text(const json_t *key, struct buf *b, bool visible)
{
    struct buf raw;

    buf_reset(b);
    if (json_is_null(key))
        return "<NA>";
    if (json_object_get(key, "error"))
        return "<failed>";
    buf_init(&raw, EVENT_LEN_MAX);
    rpc_text_bytes(key, &raw);
    if (visible)
        text_make_visible(b, buf_str(&raw), raw.len);
    else
        buf_add(b, buf_str(&raw), raw.len);
    buf_fini(&raw);
    return buf_str(b);
}

static void print_text(const struct counting *t, const json_t *groups, uint64_t matched,
                       uint64_t others)
{
    const json_t *g, *key;
    struct buf b;
    size_t i, k;

    buf_init(&b, 4 * EVENT_LEN_MAX);
    json_array_foreach(groups, i, g) {
        uint64_t n = rpc_u64_or(g, "count", 0);

        if (t->o->limit && i >= t->o->limit)
            break;
        printf("%10llu %5.1f %%", (unsigned long long)n,
               matched ? 100.0 * (double)n / (double)matched : 0.0);
        json_array_foreach(json_object_get(g, "keys"), k, key)
            printf("  %s", key_text(key, &b, true));
        putchar('\n');
    }
    if (others)
        printf("%10llu          (values that did not fit into --memory)\n",
               (unsigned long long)others);
    buf_fini(&b);
}

static void print_csv_cell(const char *s)
{
    bool quote = strpbrk(s, ",\"\r\n") != NULL;

    if (quote)
        putchar('"');
    for (; *s; s++) {
        if (quote && *s == '"')
            putchar('"');
        putchar(*s);
    }
    if (quote)
        putchar('"');
}

static void print_csv(const struct counting *t, const json_t *groups)
{
    const json_t *g, *key;
    struct buf b;
    size_t i, k;

    buf_init(&b, 4 * EVENT_LEN_MAX);
    printf("count");
    json_array_foreach(t->fields, i, key) {
        putchar(',');
        print_csv_cell(json_string_value(key));
    }
    putchar('\n');
    json_array_foreach(groups, i, g) {
        if (t->o->limit && i >= t->o->limit)
            break;
        printf("%s", rpc_get_str(g, "count"));
        json_array_foreach(json_object_get(g, "keys"), k, key) {
            putchar(',');
            print_csv_cell(json_is_null(key) ? "" : key_text(key, &b, false));
        }
        putchar('\n');
    }
    buf_fini(&b);
}

static void print_json(const struct counting *t, const json_t *groups)
{
    const json_t *g;
    size_t i;

    json_array_foreach(groups, i, g) {
        json_t *o = json_object(), *field;
        size_t k;

        if (t->o->limit && i >= t->o->limit) {
            json_decref(o);
            break;
        }
        json_array_foreach(t->fields, k, field)
            json_object_set(o, json_string_value(field),
                            json_array_get(json_object_get(g, "keys"), k));
        json_object_set_new(o, "count", json_integer((json_int_t)rpc_u64_or(g, "count", 0)));
        put_json(o, JSON_COMPACT);
        json_decref(o);
    }
}

static void on_note(struct client *c, const char *method, const json_t *params)
{
    struct counting *t = c->ctx;
    const json_t *groups = json_object_get(params, "groups");

    if (!str_eq(method, "output/end"))
        return;
    if (t->o->json)
        print_json(t, groups);
    else if (t->o->csv)
        print_csv(t, groups);
    else
        print_text(t, groups, rpc_u64_or(params, "matched", 0), rpc_u64_or(params, "others", 0));
    fflush(stdout);
    client_end_output(c, params);
}

int command_top(struct options *o)
{
    struct counting t = {.o = o, .fields = json_array()};
    struct client c = {
        .ctx = &t, .ready = on_ready, .answer = on_answer, .refused = on_refused, .note = on_note};
    char *list = o->words.n ? xstrdup(o->words.v[0]) : NULL, *at = list, *field;
    int code;

    if (!list) {
        complain("mews top needs a field: mews top ka.verb audit.jsonl");
        json_decref(t.fields);
        return EXIT_USAGE;
    }
    while ((field = strsep(&at, ",")))
        json_array_append_new(t.fields, json_string(field));
    code = client_run(&c, o, false, true);
    json_decref(t.fields);
    free(list);
    return code;
}
