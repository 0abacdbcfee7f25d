/* Requests to engine and keeper; their answers come when they come. */
#include "internal.h"

struct request {
    uint64_t id;
    answer_fn fn;
    void *ctx;
};

void ask(struct ui *u, const char *method, json_t *params, answer_fn fn, void *ctx)
{
    struct request *r = xcalloc(1, sizeof(*r));

    r->id = ++u->next_id;
    r->fn = fn;
    r->ctx = ctx;
    vec_push(&u->requests, r);
    rpc_send(u->rpc, rpc_request(r->id, method, params));
}

const char *error_text(const json_t *error)
{
    const char *s = rpc_get_str(error, "message");

    return s ? s : "it failed without a reason";
}

static struct request *take_request(struct ui *u, uint64_t id)
{
    for (size_t i = 0; i < u->requests.n; i++) {
        struct request *r = u->requests.v[i];

        if (r->id == id) {
            u->requests.v[i] = u->requests.v[--u->requests.n];
            return r;
        }
    }
    return NULL;
}

static void on_answer(struct ui *u, const json_t *m)
{
    struct request *r = take_request(u, rpc_u64_or(m, "id", 0));

    if (r && r->fn)
        r->fn(u, json_object_get(m, "result"), json_object_get(m, "error"), r->ctx);
    free(r);
}

void client_read(struct ui *u)
{
    struct error err;
    json_t *m;

    if (rpc_fill(u->rpc, &err) != SEV_OK) {
        u->quit = true;
        return;
    }
    while ((m = rpc_next(u->rpc))) {
        const char *method = rpc_get_str(m, "method");

        if (method)
            ui_note(u, method, json_object_get(m, "params"));
        else
            on_answer(u, m);
        json_decref(m);
        u->redraw = true;
    }
}

void client_fini(struct ui *u)
{
    for (size_t i = 0; i < u->requests.n; i++)
        free(u->requests.v[i]);
    vec_free(&u->requests);
    rpc_free(u->rpc);
}
