/* Requests that the keeper answers itself; all others go to the engine. */
#include "keeper.h"

#include <signal.h>

static void to_client(struct keeper *k, json_t *m)
{
    if (k->client_rpc)
        rpc_send(k->client_rpc, m);
    else if (k->client.message)
        k->client.message(k->client.ctx, m);
    else
        json_decref(m);
}

void keeper_tell(struct keeper *k, const char *method, json_t *params)
{
    to_client(k, rpc_notification(method, params));
}

void keeper_log(struct keeper *k, json_t *entry)
{
    json_incref(entry);
    log_add(k->log, entry);
    keeper_tell(k, "log", entry);
}

json_t *keeper_state(struct keeper *k)
{
    static const char *const phases[] = {"none", "running", "ending", "dead"};

    return json_pack("{ss si si sO so}", "engine", phases[k->phase], "pid", (int)k->engine.pid,
                     "starts", (int)k->starts, "without", k->without, "report",
                     k->report ? json_incref(k->report) : json_null());
}

/* ---- between client and engine --------------------------------------------------------------- */

static void forget_pending(struct keeper *k, const json_t *id)
{
    for (size_t i = 0; i < k->pending.n; i++) {
        if (json_equal(k->pending.v[i], id)) {
            json_decref(k->pending.v[i]);
            k->pending.v[i] = k->pending.v[--k->pending.n];
            return;
        }
    }
}

void keeper_fail_pending(struct keeper *k)
{
    for (size_t i = 0; i < k->pending.n; i++) {
        to_client(k, rpc_error(k->pending.v[i], RPC_ENGINE_GONE,
                               "the engine ended before it answered", NULL));
        json_decref(k->pending.v[i]);
    }
    k->pending.n = 0;
}

void keeper_from_engine(struct keeper *k, json_t *m)
{
    const json_t *id = json_object_get(m, "id");
    const char *method = rpc_get_str(m, "method"), *own = json_string_value(id);

    if (method && str_eq(method, "log")) {
        json_t *entry = json_incref(json_object_get(m, "params"));

        json_decref(m);
        keeper_log(k, entry);
        return;
    }
    if (method && str_eq(method, "stream")) {
        json_decref(k->stream);
        k->stream = json_incref(json_object_get(m, "params"));
    }
    if (id && own && str_starts(own, k->id_prefix)) {
        if (json_object_get(m, "error"))
            keeper_tell(k, "keeper/failed",
                        json_pack("{sO}", "error", json_object_get(m, "error")));
        json_decref(m);
        return;
    }
    if (id && !method)
        forget_pending(k, id);
    to_client(k, m);
}

static void answer(struct keeper *k, const json_t *id, json_t *result)
{
    if (id)
        to_client(k, rpc_result(id, result));
    else
        json_decref(result);
}

/* A client's session, its inputs resolved; kept for the next start. False: refused, and answered.
 */
static bool resolve_session(struct keeper *k, json_t *m)
{
    json_t *params = json_object_get(m, "params"), *session;
    struct error err;

    if (k->session)
        return true;
    session = session_resolve(json_object_get(params, "session"), &err);
    if (!session) {
        if (json_object_get(m, "id"))
            to_client(k, rpc_error_of(json_object_get(m, "id"), &err));
        return false;
    }
    k->session = session;
    json_object_set(params, "session", session);
    return true;
}

static void to_engine(struct keeper *k, json_t *m)
{
    const json_t *id = json_object_get(m, "id");
    const char *method = rpc_get_str(m, "method");

    if (k->phase != ENGINE_RUNNING) {
        if (id)
            to_client(k, rpc_error(id, RPC_ENGINE_GONE, "the engine is not running", NULL));
        json_decref(m);
        return;
    }
    if (method && str_eq(method, "session/start") && !k->o.remote && !resolve_session(k, m)) {
        json_decref(m);
        return;
    }
    if (id)
        vec_push(&k->pending, json_deep_copy(id));
    rpc_send(k->rpc, m);
}

/* ---- the keeper's own methods ---------------------------------------------------------------- */

/* Adds a plugin to those of the session; one that is there already gets its configuration, secrets
 * that were masked left as they are. */
static void put_plugin(json_t *plugins, json_t *add)
{
    const char *library = rpc_get_str(add, "library"), *config = rpc_get_str(add, "config");
    json_t *one;
    size_t i;

    json_array_foreach(plugins, i, one) {
        const char *old = rpc_get_str(one, "config"), *same = rpc_get_str(one, "library");
        char *whole;

        if (!library || !config || !same || !str_eq(same, library))
            continue;
        whole = plugin_unmask_secrets(config, old ? old : "");
        json_object_set_new(one, "config", rpc_str(whole));
        free(whole);
        return;
    }
    json_array_append(plugins, add);
}

static void do_start(struct keeper *k, const json_t *id, const json_t *params)
{
    const char *without = rpc_get_str(params, "without");
    json_t *add = json_object_get(params, "plugin");

    if (without)
        json_array_append_new(k->without, json_string(without));
    else if (k->phase != ENGINE_DEAD) /* all of them again */
        json_array_clear(k->without);
    if (json_is_object(add) && k->session)
        put_plugin(json_object_get(k->session, "plugins"), add);
    if (json_is_object(json_object_get(params, "session"))) {
        json_decref(k->session);
        k->session = json_deep_copy(json_object_get(params, "session"));
        json_array_clear(k->without);
    }
    if (json_is_object(json_object_get(params, "set")) && k->session)
        json_object_update(k->session, json_object_get(params, "set"));
    k->restart_fresh = rpc_get_bool(params, "fresh", false);
    if (rpc_get_str(params, "unsaved")) {
        free(k->restart_unsaved);
        k->restart_unsaved = xstrdup(rpc_get_str(params, "unsaved"));
    }
    keeper_stop_engine(k, true, rpc_get_bool(params, "open", false));
    answer(k, id, keeper_state(k));
}

static void do_end(struct keeper *k, const json_t *id, const json_t *params)
{
    UNUSED(params);
    if (k->phase == ENGINE_RUNNING || k->phase == ENGINE_ENDING) {
        k->ended_by_person = true;
        keeper_kill_engine(k);
    }
    answer(k, id, json_object());
}

static void do_log(struct keeper *k, const json_t *id, const json_t *params)
{
    answer(k, id, log_query(k->log, params));
}

static void do_state(struct keeper *k, const json_t *id, const json_t *params)
{
    UNUSED(params);
    answer(k, id, keeper_state(k));
}

static void do_restore(struct keeper *k, const json_t *id, const json_t *params)
{
    buf_reset(&k->restore);
    rpc_text_bytes(json_object_get(params, "bytes"), &k->restore);
    answer(k, id, json_object());
}

static void do_suspend(struct keeper *k, const json_t *id, const json_t *params)
{
    UNUSED(params);
    answer(k, id, json_object());
    keeper_suspend(k);
}

static void do_unsaved(struct keeper *k, const json_t *id, const json_t *params)
{
    const char *discard = rpc_get_str(params, "discard");
    const json_t *item;
    json_t *list = unsaved_list(), *others = json_array();
    size_t i;

    json_array_foreach(list, i, item) {
        const char *path = rpc_get_str(item, "path");
        bool own = k->unsaved && str_eq(path, k->unsaved);

        if (discard && str_eq(discard, path) && !own)
            unsaved_discard(path);
        else if (!own)
            json_array_append(others, (json_t *)item);
    }
    json_decref(list);
    answer(k, id, json_pack("{so sb}", "streams", others, "this", keeper_has_unsaved(k)));
}

/* The stream was saved, or shall be lost. */
static void do_quit(struct keeper *k, const json_t *id, const json_t *params)
{
    if (k->unsaved && rpc_get_bool(params, "discard", false))
        unsaved_discard(k->unsaved);
    if (k->o.remote && k->phase == ENGINE_RUNNING)
        keeper_send(k, "keeper/quit", json_incref((json_t *)params));
    answer(k, id, json_object());
    keeper_end(k, EXIT_OK);
}

/* From another keeper, or a client that has learnt the engine's own word for it. */
static void do_shutdown(struct keeper *k, const json_t *id, const json_t *params)
{
    UNUSED(params);
    answer(k, id, json_object());
    keeper_end(k, EXIT_OK);
}

static const struct {
    const char *name;
    void (*handle)(struct keeper *k, const json_t *id, const json_t *params);
    bool local; /* ours even when the engine, and its keeper, are elsewhere */
} methods[] = {
    {"keeper/start", do_start, false},     {"keeper/end", do_end, false},
    {"keeper/log", do_log, false},         {"keeper/state", do_state, false},
    {"keeper/restore", do_restore, true},  {"keeper/suspend", do_suspend, true},
    {"keeper/unsaved", do_unsaved, false}, {"keeper/quit", do_quit, true},
    {"shutdown", do_shutdown, false},
};

void keeper_request(struct keeper *k, json_t *m)
{
    const char *name = rpc_get_str(m, "method");
    const json_t *id = json_object_get(m, "id");
    json_t *params = json_object_get(m, "params");

    for (size_t i = 0; name && i < COUNT_OF(methods); i++) {
        if (str_eq(methods[i].name, name) && (methods[i].local || !k->o.remote)) {
            methods[i].handle(k, id, params);
            json_decref(m);
            return;
        }
    }
    if (!name) {
        to_client(k, rpc_error(id, RPC_INVALID_REQUEST, "a request names its method", NULL));
        json_decref(m);
    } else if (str_starts(name, "keeper/") && !k->o.remote) {
        if (id)
            to_client(k, rpc_error(id, RPC_METHOD_NOT_FOUND, name, NULL));
        json_decref(m);
    } else {
        to_engine(k, m);
    }
}
