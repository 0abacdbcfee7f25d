/* A session without a screen: the client lives in the keeper's process and answers messages as they
 * come. */
#include <unistd.h>

#include "internal.h"

uint64_t client_ask(struct client *c, const char *method, json_t *params)
{
    uint64_t id = ++c->next_id;

    keeper_request(c->keeper, rpc_request(id, method, params));
    return id;
}

void client_end(struct client *c, int exit_code)
{
    c->exit_code = exit_code == EXIT_OK && c->plugin_failed ? EXIT_INPUT : exit_code;
    keeper_end(c->keeper, c->exit_code);
}

bool output_failed(const json_t *end)
{
    const char *state = rpc_get_str(end, "state");

    return state && str_eq(state, "failed");
}

void client_end_output(struct client *c, const json_t *end)
{
    const char *error = rpc_get_str(end, "error");
    bool failed = output_failed(end);

    if (failed)
        complain("%s", error ? error : "the source failed");
    client_end(c, failed ? EXIT_FAILED : EXIT_OK);
}

static void name_failures(struct client *c, const json_t *failures)
{
    const json_t *f;
    size_t i;

    json_array_foreach(failures, i, f) {
        const char *advice = rpc_get_str(f, "advice");

        if (c->lists_failures)
            break;
        complain("plugin %s can't be used: %s%s%s", rpc_get_str(f, "name"), rpc_get_str(f, "text"),
                 advice && *advice ? "\n  " : "", advice && *advice ? advice : "");
        c->plugin_failed = true;
    }
}

static bool lacks(const json_t *params, const char *plugin)
{
    const json_t *f;
    size_t i;

    json_array_foreach(json_object_get(params, "failures"), i, f) {
        if (plugin && str_eq(rpc_get_str(f, "name"), plugin))
            return true;
    }
    return false;
}

bool client_can_open(struct client *c, const json_t *params, const char *source, const char *verb)
{
    const char *own = json_string_value(json_array_get(json_object_get(params, "sources"), 0));

    if (source && !lacks(params, source))
        return true;
    if (!source && !c->plugin_failed && own)
        complain("nothing to %s: -I %s[:PARAMS] opens the source of the plugin", verb, own);
    else if (!source && !c->plugin_failed)
        complain("nothing to %s: give an input, or a source with -I", verb);
    client_end(c, source || c->plugin_failed ? EXIT_INPUT : EXIT_USAGE);
    return false;
}

uint64_t client_open_source(struct client *c, const struct options *o)
{
    return client_ask(
        c, "source/open",
        json_pack("{so so}", "source", rpc_str(o->spec.source), "params", rpc_str(o->spec.params)));
}

void client_refused(struct client *c, const char *what, const char *text, const json_t *error,
                    bool opening)
{
    const json_t *syntax = json_object_get(json_object_get(error, "data"), "syntax");

    if (syntax && text)
        complain_syntax(what, text, syntax);
    else
        complain("%s", rpc_get_str(error, "message"));
    client_end(c, syntax ? EXIT_USAGE : opening ? EXIT_INPUT : EXIT_FAILED);
}

static void plugin_died(struct client *c, const json_t *report)
{
    struct buf text;

    buf_init(&text, 1 << 20);
    report_text(report, &text);
    complain("%s", buf_str(&text));
    buf_fini(&text);
    if (c->died && c->died(c, report))
        return;
    client_end(c, EXIT_PLUGIN_DIED);
}

/* What plugins print and log goes to standard error: warnings and worse, and all that was printed.
 * What mews itself notes on the way is for the log screen. */
static void show_log(const json_t *entry)
{
    uint64_t severity = rpc_u64_or(entry, "severity", 6);
    const char *component = rpc_get_str(entry, "component"), *plugin = rpc_get_str(entry, "plugin"),
               *who = component ? component
                      : plugin  ? plugin
                                : "engine";
    bool ours = str_eq(who, "mews");

    if (severity > (ours ? 4 : 5) && !rpc_get_bool(entry, "printed", false))
        return;
    complain("%s%s%s", ours ? "" : who, ours ? "" : ": ", rpc_get_str(entry, "text"));
}

static void on_notification(struct client *c, const char *method, const json_t *params)
{
    if (str_eq(method, "session/ready")) {
        name_failures(c, json_object_get(params, "failures"));
        if (c->ready)
            c->ready(c, params);
    } else if (str_eq(method, "keeper/died")) {
        plugin_died(c, params);
    } else if (str_eq(method, "keeper/failed")) {
        const char *text = rpc_get_str(params, "text");

        complain("%s", text ? text : rpc_get_str(json_object_get(params, "error"), "message"));
        client_end(c, EXIT_FAILED);
    } else if (str_eq(method, "log")) {
        show_log(params);
    } else if (c->note) {
        c->note(c, method, params);
    }
}

static void on_message(void *ctx, json_t *m)
{
    struct client *c = ctx;
    const char *method = rpc_get_str(m, "method");
    const json_t *error = json_object_get(m, "error");
    uint64_t id = rpc_u64_or(m, "id", 0);

    if (method) {
        on_notification(c, method, json_object_get(m, "params"));
    } else if (error && c->refused &&
               json_integer_value(json_object_get(error, "code")) != RPC_ENGINE_GONE) {
        c->refused(c, id, error);
    } else if (error && json_integer_value(json_object_get(error, "code")) != RPC_ENGINE_GONE) {
        complain("%s", rpc_get_str(error, "message"));
        client_end(c, EXIT_FAILED);
    } else if (!error && c->answer) {
        c->answer(c, id, json_object_get(m, "result"));
    }
    json_decref(m);
}

static bool on_interrupt(void *ctx)
{
    struct client *c = ctx;

    return c->interrupted && c->interrupted(c);
}

bool client_start(struct client *c, struct options *o, bool keep, bool output)
{
    struct keeper_client kc = {.ctx = c, .message = on_message, .interrupted = on_interrupt};
    struct keeper_options ko = {.session = spec_to_json(&o->spec),
                                .keep = keep,
                                .open = keep && !output,
                                .output = output,
                                .input_fd = o->input_fd,
                                .remote = o->remote};
    struct error err;

    c->keeper = keeper_new(&ko, &kc);
    json_decref(ko.session);
    if (keeper_start(c->keeper, &err) == SEV_OK)
        return true;
    complain("%s", err.text);
    keeper_free(c->keeper);
    return false;
}

int client_finish(struct client *c)
{
    int code = keeper_run(c->keeper);

    keeper_free(c->keeper);
    return code;
}

int client_run(struct client *c, struct options *o, bool keep, bool output)
{
    return client_start(c, o, keep, output) ? client_finish(c) : EXIT_FAILED;
}
