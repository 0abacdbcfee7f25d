/* mews rules: Falco's rules over a capture or a stream: what fires, in Falco's words; or whether they can
 * be loaded at all. */
#include <limits.h>
#include <stdlib.h>

#include "internal.h"

struct running {
    struct options *o;
    uint64_t start_id, open_id;
    bool asked;
};

/* ---- asking ---------------------------------------------------------------------------------------- */

static void start(struct client *c, struct running *r)
{
    json_t *paths = json_array(), *q;

    for (size_t i = 0; i < r->o->rules.n; i++) {
        char *whole = realpath(r->o->rules.v[i], NULL);

        json_array_append_new(paths, rpc_str(whole ? whole : r->o->rules.v[i]));
        free(whole);
    }
    q = json_pack("{ss so so sb sb sb so so}", "kind", "rules", "rules", paths, "filter",
                  rpc_str(r->o->filter), "json", r->o->json && !r->o->list, "all", r->o->all, "utc",
                  r->o->utc, "limit", rpc_u64(r->o->limit), "priority", rpc_u64(r->o->priority));
    r->asked = true;
    r->start_id = client_ask(c, "output/start", q);
}

static void on_ready(struct client *c, const json_t *params)
{
    struct running *r = c->ctx;
    bool runs = !r->o->check && !r->o->list;

    if (runs && r->o->spec.captures.n == 0 &&
        !client_can_open(c, params, r->o->spec.source, "judge"))
        return;
    start(c, r);
}

/* ---- the report ------------------------------------------------------------------------------------ */

/* False: an error is among them. */
static bool print_messages(const json_t *report)
{
    const json_t *m;
    size_t i;

    json_array_foreach(json_object_get(report, "messages"), i, m) {
        const char *file = rpc_get_str(m, "file");
        char place[40] = "";

        if (json_integer_value(json_object_get(m, "line")))
            snprintf(place, sizeof(place), ":%lld",
                     (long long)json_integer_value(json_object_get(m, "line")));
        complain("%s%s%s%s: %s (%s)", file && *file ? file : "", place, file && *file ? ": " : "",
                 rpc_get_bool(m, "error", false) ? "error" : "warning", rpc_get_str(m, "text"),
                 rpc_get_str(m, "code"));
    }
    return !rpc_get_bool(report, "failed", false);
}

static void print_list(const struct options *o, const json_t *report)
{
    const json_t *r, *tag;
    size_t i, k;

    json_array_foreach(json_object_get(report, "rules"), i, r) {
        if (o->json) {
            put_json(r, JSON_COMPACT);
            continue;
        }
        printf("%-13s  %-12s  %s%s", rpc_get_str(r, "priority"), rpc_get_str(r, "source"),
               rpc_get_str(r, "name"), rpc_get_bool(r, "enabled", true) ? "" : "  (not enabled)");
        json_array_foreach(json_object_get(r, "tags"), k, tag)
            printf("%s%s", k ? ", " : "  [", json_string_value(tag));
        printf("%s\n", k ? "]" : "");
    }
}

static void print_usable(size_t n)
{
    printf("%zu %s can be used\n", n, n == 1 ? "rule" : "rules");
}

static void on_answer(struct client *c, uint64_t id, const json_t *result)
{
    struct running *r = c->ctx;
    bool good;

    if (id != r->start_id || !r->asked)
        return;
    good = print_messages(result);
    if (!good) {
        client_end(c, EXIT_FAILED);
    } else if (r->o->list || r->o->check) {
        if (r->o->list)
            print_list(r->o, result);
        else
            print_usable(json_array_size(json_object_get(result, "rules")));
        fflush(stdout);
        client_end(c, EXIT_OK);
    } else {
        r->open_id = client_open_source(c, r->o);
    }
}

static void on_refused(struct client *c, uint64_t id, const json_t *error)
{
    struct running *r = c->ctx;

    client_refused(c, "the filter is wrong", r->o->filter, error, id == r->open_id);
}

static void on_note(struct client *c, const char *method, const json_t *params)
{
    if (str_eq(method, "output/end"))
        client_end_output(c, params);
}

int command_rules(struct options *o)
{
    struct running r = {.o = o};
    struct client c = {
        .ctx = &r, .ready = on_ready, .answer = on_answer, .refused = on_refused, .note = on_note};

    if (o->rules.n == 0) {
        complain("mews rules needs rules: mews rules --rules FILE [INPUT…]");
        return EXIT_USAGE;
    }
    return client_run(&c, o, false, true);
}
