/* mews explain: why a filter holds for an event or not, and how many events each of its parts lets
 * through. */
#include "internal.h"

struct asking {
    struct options *o;
    uint64_t start_id, open_id;
};

static void on_ready(struct client *c, const json_t *params)
{
    struct asking *a = c->ctx;
    json_t *q;

    if (a->o->spec.captures.n == 0 && !client_can_open(c, params, a->o->spec.source, "explain"))
        return;
    q = json_pack("{ss so}", "kind", "explain", "filter", rpc_str(a->o->filter));
    if (a->o->event)
        json_object_set_new(q, "at_event", rpc_u64(a->o->event));
    a->start_id = client_ask(c, "output/start", q);
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

static void print_safe(const json_t *text)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    if (json_is_string(text))
        text_make_visible(&b, json_string_value(text), json_string_length(text));
    else
        buf_adds(&b, "<NA>");
    fputs(buf_str(&b), stdout);
    buf_fini(&b);
}

static void print_parts(const struct options *o, const json_t *end)
{
    const json_t *parts = json_object_get(end, "parts"), *p;
    size_t i;

    if (!parts) {
        if (o->event)
            printf("there is no event %llu\n", (unsigned long long)o->event);
        else
            printf("no event matches\n");
        return;
    }
    printf("event %s %s\n", rpc_get_str(end, "number"),
           rpc_get_bool(json_array_get(parts, 0), "holds", false) ? "matches" : "does not match");
    json_array_foreach(parts, i, p) {
        const char *kind = rpc_get_str(p, "kind");
        bool check = str_eq(kind, "check");

        printf("  %s %*s%s", rpc_get_bool(p, "holds", false) ? "yes" : "no ",
               2 * (int)json_integer_value(json_object_get(p, "depth")), "", check ? "" : kind);
        if (check) {
            print_safe(json_object_get(p, "text"));
            printf("   is ");
            print_safe(json_object_get(p, "value"));
        }
        putchar('\n');
    }
}

static void print_funnel(const json_t *funnel)
{
    const json_t *p, *b;
    size_t i, k;

    printf("of %s events\n", rpc_get_str(funnel, "events"));
    json_array_foreach(json_object_get(funnel, "parts"), i, p) {
        printf("  %10s come through ", rpc_get_str(p, "after"));
        print_safe(json_object_get(p, "text"));
        printf("   (%s alone)\n", rpc_get_str(p, "alone"));
        json_array_foreach(json_object_get(p, "branches"), k, b) {
            printf("  %10s   by ", rpc_get_str(b, "count"));
            print_safe(json_object_get(b, "text"));
            putchar('\n');
        }
    }
}

static void on_note(struct client *c, const char *method, const json_t *params)
{
    struct asking *a = c->ctx;
    const char *state = rpc_get_str(params, "state"), *error = rpc_get_str(params, "error");
    bool failed = state && str_eq(state, "failed");

    if (!str_eq(method, "output/end"))
        return;
    if (a->o->json) {
        json_t *o = json_pack("{sO}", "funnel", json_object_get(params, "funnel"));
        char *text;

        if (json_object_get(params, "parts")) {
            json_object_set(o, "event", json_object_get(params, "number"));
            json_object_set(o, "parts", json_object_get(params, "parts"));
        }
        text = json_dumps(o, JSON_COMPACT);
        puts(text);
        free(text);
        json_decref(o);
    } else {
        print_parts(a->o, params);
        print_funnel(json_object_get(params, "funnel"));
    }
    fflush(stdout);
    if (failed)
        complain("%s", error ? error : "the source failed");
    client_end(c, failed ? EXIT_FAILED : EXIT_OK);
}

int command_explain(struct options *o)
{
    struct asking a = {.o = o};
    struct client c = {
        .ctx = &a, .ready = on_ready, .answer = on_answer, .refused = on_refused, .note = on_note};

    if (!o->filter || !*o->filter) {
        complain("mews explain needs a filter: mews explain INPUT 'proc.name = nginx and …'");
        return EXIT_USAGE;
    }
    return client_run(&c, o, false, true);
}
