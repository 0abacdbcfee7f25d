/* Commands that ask for one answer about a whole pass: it is started, run to its end, and printed. */
#include "internal.h"

struct asking {
    struct options *o;
    json_t *params; /* of output/start */
    const char *verb;
    uint64_t start_id, open_id;
    void (*print)(struct options *o, const json_t *end);
};

static void on_ready(struct client *c, const json_t *params)
{
    struct asking *a = c->ctx;

    if (a->o->spec.captures.n == 0 && !client_can_open(c, params, a->o->spec.source, a->verb))
        return;
    a->start_id = client_ask(c, "output/start", json_incref(a->params));
}

static void on_answer(struct client *c, uint64_t id, const json_t *result)
{
    struct asking *a = c->ctx;

    UNUSED(result);
    if (id == a->start_id)
        a->open_id = client_open_source(c, a->o);
}

static void on_refused(struct client *c, uint64_t id, const json_t *error)
{
    struct asking *a = c->ctx;

    client_refused(c, "the filter is wrong", a->o->filter, error, id == a->open_id);
}

static void on_note(struct client *c, const char *method, const json_t *params)
{
    struct asking *a = c->ctx;

    if (!str_eq(method, "output/end"))
        return;
    if (!output_failed(params)) {
        a->print(a->o, params);
        fflush(stdout);
    }
    client_end_output(c, params);
}

int output_run(struct options *o, json_t *params, const char *verb,
               void (*print)(struct options *o, const json_t *end))
{
    struct asking a = {.o = o, .params = params, .verb = verb, .print = print};
    struct client c = {
        .ctx = &a, .ready = on_ready, .answer = on_answer, .refused = on_refused, .note = on_note};
    int code = client_run(&c, o, false, true);

    json_decref(params);
    return code;
}
