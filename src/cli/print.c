/* mews print: events as lines. */
#include <unistd.h>

#include "internal.h"

struct printing {
    struct options *o;
    uint64_t start_id, open_id;
};

static void on_ready(struct client *c, const json_t *params)
{
    struct printing *p = c->ctx;
    char mode[2] = {p->o->time_mode, '\0'};
    json_t *q;

    if (p->o->spec.captures.n == 0 && !client_can_open(c, params, p->o->spec.source, "print"))
        return;
    q = json_object();
    json_object_set_new(q, "kind", json_string("lines"));
    json_object_set_new(q, "filter", rpc_str(p->o->filter));
    if (p->o->format)
        json_object_set_new(q, "format", rpc_str(p->o->format));
    json_object_set_new(q, "json", json_boolean(p->o->json));
    if (p->o->bytes)
        json_object_set_new(q, "bytes", json_string(p->o->bytes));
    json_object_set_new(q, "limit", rpc_u64(p->o->limit));
    json_object_set_new(q, "utc", json_boolean(p->o->utc));
    json_object_set_new(q, "time", json_string(mode));
    json_object_set_new(q, "visible", json_boolean(isatty(STDOUT_FILENO) && !p->o->json));
    p->start_id = client_ask(c, "output/start", q);
}

static void on_answer(struct client *c, uint64_t id, const json_t *result)
{
    struct printing *p = c->ctx;

    UNUSED(result);
    if (id == p->start_id)
        p->open_id = client_open_source(c, p->o);
}

static void on_refused(struct client *c, uint64_t id, const json_t *error)
{
    struct printing *p = c->ctx;
    const json_t *syntax = json_object_get(json_object_get(error, "data"), "syntax");
    const char *code = rpc_get_str(syntax, "code");
    bool format = code && code[0] == 'F';

    client_refused(c, format ? "the format is wrong" : "the filter is wrong",
                   !format        ? p->o->filter
                   : p->o->format ? p->o->format
                                  : "",
                   error, id == p->open_id);
}

static void on_note(struct client *c, const char *method, const json_t *params)
{
    if (str_eq(method, "output/end"))
        client_end_output(c, params);
}

int command_print(struct options *o)
{
    struct printing p = {.o = o};
    struct client c = {
        .ctx = &p, .ready = on_ready, .answer = on_answer, .refused = on_refused, .note = on_note};

    return client_run(&c, o, false, true);
}
