/* mews explain: why a filter holds for an event or not, and how many events each of its parts lets
 * through. */
#include "internal.h"

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

void explain_print_parts(const json_t *answer)
{
    const json_t *parts = json_object_get(answer, "parts"), *p;
    size_t i;

    printf("event %s %s\n", rpc_get_str(answer, "number"),
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

void explain_print_funnel(const json_t *funnel)
{
    const json_t *p, *b;
    size_t i, k;

    printf("of %s events\n", rpc_get_str(funnel, "events"));
    json_array_foreach(json_object_get(funnel, "parts"), i, p) {
        printf("  %10s come through ", rpc_get_str(p, "after"));
        print_safe(json_object_get(p, "text"));
        printf("   (%s alone, %s kept out by it only)%s\n", rpc_get_str(p, "alone"),
               rpc_get_str(p, "only"),
               rpc_u64_or(p, "present", 0) ? "" : "   its fields are always missing");
        json_array_foreach(json_object_get(p, "branches"), k, b) {
            printf("  %10s   by ", rpc_get_str(b, "count"));
            print_safe(json_object_get(b, "text"));
            putchar('\n');
        }
    }
}

static void print_json(const json_t *end)
{
    json_t *o = json_pack("{sO}", "funnel", json_object_get(end, "funnel"));

    if (json_object_get(end, "parts")) {
        json_object_set(o, "event", json_object_get(end, "number"));
        json_object_set(o, "parts", json_object_get(end, "parts"));
    }
    put_json(o, JSON_COMPACT);
    json_decref(o);
}

static void print_explanation(struct options *o, const json_t *end)
{
    if (o->json) {
        print_json(end);
        return;
    }
    if (json_object_get(end, "parts"))
        explain_print_parts(end);
    else if (o->event)
        printf("there is no event %llu\n", (unsigned long long)o->event);
    else
        printf("no event matches\n");
    explain_print_funnel(json_object_get(end, "funnel"));
}

int command_explain(struct options *o)
{
    json_t *q;

    if (!o->filter || !*o->filter) {
        complain("mews explain needs a filter: mews explain INPUT 'proc.name = nginx and …'");
        return EXIT_USAGE;
    }
    q = json_pack("{ss so}", "kind", "explain", "filter", rpc_str(o->filter));
    if (o->event)
        json_object_set_new(q, "at_event", rpc_u64(o->event));
    return output_run(o, q, "explain", print_explanation);
}
