/* mews record: events into a capture, as they come or as a filter selects them. */
#include <unistd.h>

#include "internal.h"

struct recording {
    struct options *o;
    uint64_t start_id, open_id, select_id, save_id;
    bool saving;
};

static void start_stream(struct client *c, struct recording *r, const json_t *params)
{
    const struct options *o = r->o;

    if (!client_can_open(c, params, o->spec.source, "record"))
        return;
    r->start_id = client_ask(
        c, "output/start",
        json_pack("{ss so so so sb so so so so so}", "kind", "record", "path", rpc_str(o->write_to),
                  "filter", rpc_str(o->filter), "limit", rpc_u64(o->limit), "compress", o->compress,
                  "max_bytes", rpc_u64(o->rotate_bytes), "max_seconds", rpc_u64(o->rotate_seconds),
                  "max_events", rpc_u64(o->rotate_events), "keep_files", rpc_u64(o->keep_files),
                  "seconds", rpc_u64(o->seconds)));
}

static void save(struct client *c, struct recording *r, uint64_t selection)
{
    r->save_id = client_ask(c, "save",
                            json_pack("{so sb sb sb so}", "path", rpc_str(r->o->write_to),
                                      "overwrite", true, "portable", true, "compress",
                                      r->o->compress, "selection", rpc_u64(selection)));
}

/* Once a capture has been read to its end, the part that is wanted is saved. */
static void capture_state(struct client *c, struct recording *r, const json_t *stream)
{
    const char *state = rpc_get_str(stream, "state"), *error = rpc_get_str(stream, "error");

    if (r->saving || !state)
        return;
    if (str_eq(state, "failed")) {
        complain("%s", error ? error : "the capture can't be read");
        client_end(c, EXIT_INPUT);
    } else if (str_eq(state, "ended")) {
        r->saving = true;
        if (*r->o->filter)
            r->select_id =
                client_ask(c, "select", json_pack("{so}", "filter", rpc_str(r->o->filter)));
        else
            save(c, r, 0);
    }
}

static void on_ready(struct client *c, const json_t *params)
{
    struct recording *r = c->ctx;

    if (r->o->spec.captures.n == 0)
        start_stream(c, r, params);
    else
        capture_state(c, r, json_object_get(params, "stream"));
}

static void on_answer(struct client *c, uint64_t id, const json_t *result)
{
    struct recording *r = c->ctx;
    char n[32];

    if (id == r->start_id) {
        r->open_id = client_open_source(c, r->o);
    } else if (id == r->select_id) {
        save(c, r, rpc_u64_or(result, "selection", 0));
    } else if (id == r->save_id) {
        fprintf(stderr, "%s events in %s\n", text_count(rpc_u64_or(result, "events", 0), n),
                r->o->write_to);
        client_end(c, EXIT_OK);
    }
}

static void on_refused(struct client *c, uint64_t id, const json_t *error)
{
    struct recording *r = c->ctx;

    client_refused(c, "the filter is wrong", r->o->filter, error, id == r->open_id);
}

static void on_note(struct client *c, const char *method, const json_t *params)
{
    struct recording *r = c->ctx;
    char n[32];

    if (str_eq(method, "stream") && r->o->spec.captures.n)
        capture_state(c, r, params);
    if (!str_eq(method, "output/end"))
        return;
    if (!str_eq(r->o->write_to, "-"))
        fprintf(stderr, "%s events in %s\n", text_count(rpc_u64_or(params, "matched", 0), n),
                r->o->write_to);
    client_end_output(c, params);
}

int command_record(struct options *o)
{
    struct recording r = {.o = o};
    struct client c = {
        .ctx = &r, .ready = on_ready, .answer = on_answer, .refused = on_refused, .note = on_note};

    if (!o->write_to) {
        complain("-w FILE is missing: where the capture is written");
        return EXIT_USAGE;
    }
    if (str_eq(o->write_to, "-") && isatty(STDOUT_FILENO)) {
        complain("-w -: a capture is no text; give a file, or pipe it on");
        return EXIT_USAGE;
    }
    return client_run(&c, o, o->spec.captures.n > 0, true);
}
