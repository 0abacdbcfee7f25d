/* mews rules: Falco's rules over a capture or a stream: what fires, in Falco's words; or whether they can
 * be loaded at all. */
#include <limits.h>
#include <stdlib.h>

#include "internal.h"

struct running {
    struct options *o;
    uint64_t start_id, open_id;
    json_t *expect; /* NULL: none */
    bool asked;
};

/* ---- asking ---------------------------------------------------------------------------------------- */

static void start(struct client *c, struct running *r)
{
    json_t *q;

    q = json_pack("{ss so so sb sb sb so}", "kind",
                  r->expect      ? "expect"
                  : r->o->alerts ? "alerts"
                                 : "rules",
                  "rules", rules_paths(r->o), "filter", rpc_str(r->o->filter), "json",
                  r->o->json && !r->o->list, "all", r->o->all, "utc", r->o->utc, "limit",
                  rpc_u64(r->o->limit));
    if (r->o->priority_given)
        json_object_set_new(q, "priority", rpc_u64(r->o->priority));
    if (r->expect)
        json_object_set(q, "expect", r->expect);
    if (r->o->alerts)
        json_object_set_new(q, "path", whole_path(r->o->alerts));
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

/* ":LINE", or nothing where there is none. */
static const char *line_of(const json_t *m, char out[24])
{
    long long line = (long long)json_integer_value(json_object_get(m, "line"));

    *out = '\0';
    if (line)
        snprintf(out, 24, ":%lld", line);
    return out;
}

/* False: an error is among them. */
static bool print_messages(const json_t *report)
{
    const json_t *m;
    size_t i;

    json_array_foreach(json_object_get(report, "messages"), i, m) {
        const char *file = rpc_get_str(m, "file");
        char place[24];

        complain("%s%s%s%s: %s (%s)", file && *file ? file : "", line_of(m, place),
                 file && *file ? ": " : "", rpc_get_bool(m, "error", false) ? "error" : "warning",
                 rpc_get_str(m, "text"), rpc_get_str(m, "code"));
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
        printf("%s", k ? "]" : "");
        if (json_is_string(json_object_get(r, "capture_ms")))
            printf("  (Falco writes a capture of %llu ms)",
                   (unsigned long long)rpc_u64_or(r, "capture_ms", 0));
        printf("\n");
    }
}

/* What can be used, and what Falco's own check of the schema says of each file. */
static void print_checked(const struct options *o, const json_t *report)
{
    size_t n = json_array_size(json_object_get(report, "rules")), i;
    const json_t *s;

    if (o->json) {
        put_json(report, JSON_COMPACT);
        return;
    }
    json_array_foreach(json_object_get(report, "schemas"), i, s) {
        const char *text = rpc_get_str(s, "text");
        char place[24];

        printf("%s%s: schema validation %s%s\n", rpc_get_str(s, "file"), line_of(s, place),
               text ? "failed: " : "passed", text ? text : "");
    }
    if (!rpc_get_bool(report, "failed", false))
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
        if (r->o->check)
            print_checked(r->o, result);
        fflush(stdout);
        client_end(c, EXIT_FAILED);
    } else if (r->o->list || r->o->check) {
        if (r->o->list)
            print_list(r->o, result);
        else
            print_checked(r->o, result);
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

/* ---- alerts and their events ------------------------------------------------------------------------- */

/* False: one is tied to nothing, or its rule does not fire where Falco's did. */
static bool print_alerts(const struct options *o, const json_t *tied)
{
    const json_t *a;
    bool good = true;
    struct buf text;
    size_t i;

    buf_init(&text, 1 << 20);
    json_array_foreach(json_object_get(tied, "alerts"), i, a) {
        const char *number = rpc_get_str(a, "number"), *output = rpc_get_str(a, "output");
        bool fires = rpc_get_bool(a, "fires", true);

        good &= number && fires;
        if (o->json) {
            put_json(a, JSON_COMPACT);
            continue;
        }
        buf_reset(&text);
        text_make_visible(&text, output, strlen(output));
        printf("%s%s  %s%s\n", number ? "event " : "no event", number ? number : "", buf_str(&text),
               fires ? "" : "   (here its rule does not fire)");
    }
    buf_fini(&text);
    if (rpc_u64_or(tied, "bad", 0))
        complain("%s: %s lines are no alerts", o->alerts, rpc_get_str(tied, "bad"));
    fflush(stdout);
    return good;
}

static void on_note(struct client *c, const char *method, const json_t *params)
{
    struct running *r = c->ctx;
    bool good;

    if (!str_eq(method, "output/end"))
        return;
    if (output_failed(params) || (!r->expect && !r->o->alerts)) {
        client_end_output(c, params);
        return;
    }
    good = r->expect ? expect_print(r->o, json_object_get(params, "expected"))
                     : print_alerts(r->o, json_object_get(params, "tied"));
    client_end(c, good ? EXIT_OK : EXIT_FAILED);
}

int command_rules(struct options *o)
{
    struct running r = {.o = o};
    struct client c = {
        .ctx = &r, .ready = on_ready, .answer = on_answer, .refused = on_refused, .note = on_note};

    struct error err;
    int code;

    if (o->rules.n == 0 && !o->expect && !o->alerts) {
        complain("mews rules needs rules: mews rules --rules FILE [INPUT…]");
        return EXIT_USAGE;
    }
    if (o->expect && !(r.expect = expect_read(o, &err))) {
        complain("%s: %s", o->expect, err.text);
        return EXIT_INPUT;
    }
    code = client_run(&c, o, false, true);
    json_decref(r.expect);
    return code;
}
