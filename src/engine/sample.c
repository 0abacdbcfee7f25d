/* What fields hold, from rows spread over the stream: in a short time, and all of a short stream. */
#include "internal.h"

#define WINDOW_ROWS  256
#define WINDOW_BYTES ((size_t)1 << 20)
#define SAMPLE_NS    (150 * NS_PER_MS)
#define TOP_MAX      8
#define FIELDS_MAX   80

/* Odd and near the golden ratio of n: steps of it come everywhere before they come again. */
static uint64_t stride_of(uint64_t n)
{
    uint64_t step = (uint64_t)((double)n * 0.618) | 1;

    for (;; step += 2) {
        uint64_t a = n, b = step, t;

        for (; b; t = a % b, a = b, b = t)
            ;
        if (a == 1)
            return step;
    }
}

static uint64_t show_window(struct engine *e, const struct filter *f, uint64_t row, size_t n,
                            void (*each)(void *ctx, struct event_reader *r, const char *bytes),
                            void *ctx)
{
    struct scanner *sc = &e->plugin_scanner;
    struct event_reader *r = &sc->reader;
    size_t got = store_read_rows(e->store, row, n, WINDOW_BYTES, &sc->bytes, sc->offsets);
    uint64_t shown = 0;

    for (size_t i = 0; i < got && !e->plugin_quit; i++) {
        const char *bytes = sc->bytes.data + sc->offsets[i];

        if (!reader_goes_to(r, f, bytes, row + i) || (f && !filter_match(f, &r->base)))
            continue;
        shown++;
        each(ctx, r, bytes);
    }
    return shown;
}

uint64_t sample_rows(struct engine *e, const struct filter *f, uint64_t ns,
                     void (*each)(void *ctx, struct event_reader *r, const char *bytes), void *ctx)
{
    uint64_t first = store_first(e->store), rows = store_rows(e->store) - first,
             windows = (rows + WINDOW_ROWS - 1) / WINDOW_ROWS, until = time_mono() + ns, shown = 0,
             step = windows ? stride_of(windows) : 1;

    for (uint64_t i = 0, at = 0; i < windows && !e->plugin_quit; i++, at = (at + step) % windows) {
        uint64_t from = first + at * WINDOW_ROWS;

        if (i && time_mono() >= until)
            break;
        shown += show_window(e, f, from, (size_t)MIN_OF(rows - at * WINDOW_ROWS, WINDOW_ROWS), each,
                             ctx);
    }
    return shown;
}

/* ---- the Fields screen: how many events have a value, and which -------------------------------- */

struct field_sample {
    const struct field_ref *ref;
    struct groups *groups;
    uint64_t present, failed;
};

struct fields_sample {
    struct field_sample v[FIELDS_MAX];
    size_t n;
};

static void take_fields(void *ctx, struct event_reader *r, const char *bytes)
{
    struct fields_sample *s = ctx;

    UNUSED(bytes);
    for (size_t i = 0; i < s->n; i++) {
        struct value v;

        if (!s->v[i].ref)
            continue;
        field_extract(s->v[i].ref, &r->fe, false, &r->arena, &v);
        s->v[i].present += v.state == VALUE_OK;
        s->v[i].failed += v.state == VALUE_FAILED && !span_is(v.one.s, FIELD_WAITS);
        if (v.state == VALUE_OK)
            groups_add(s->v[i].groups, &v, r->fe.number);
    }
}

static json_t *top_json(struct groups *g)
{
    struct group top[TOP_MAX];
    size_t n = groups_top(g, 0, TOP_MAX, top);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        const struct group_key *key = &top[i].keys[0];

        json_array_append_new(list,
                              json_pack("{so so}", "text",
                                        rpc_text(key->text.p, MIN_OF(key->text.n, (size_t)200)),
                                        "count", rpc_u64(top[i].count)));
    }
    return list;
}

static json_t *samples_json(struct fields_sample *s, uint64_t looked)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->n; i++)
        json_array_append_new(list, s->v[i].ref ? json_pack("{so so so so}", "present",
                                                            rpc_u64(s->v[i].present), "failed",
                                                            rpc_u64(s->v[i].failed), "values",
                                                            rpc_u64(groups_count(s->v[i].groups)),
                                                            "top", top_json(s->v[i].groups))
                                                : json_null());
    return json_pack("{so so}", "events", rpc_u64(looked), "fields", list);
}

static void run_field_values(struct engine *e, struct job *j)
{
    const json_t *names = json_object_get(j->params, "fields"), *name;
    const char *text = rpc_get_str(j->params, "filter");
    struct fields_sample *s = xcalloc(1, sizeof(*s));
    struct filter *f = NULL;
    struct syntax_error err;
    uint32_t index;
    size_t i;

    bundled_load_for(e, text);
    if (text && *text && !(f = filter_typed(e, text, &err))) {
        reply_syntax(e, j->id, &err);
        free(s);
        return;
    }
    json_array_foreach(names, i, name) {
        if (s->n == FIELDS_MAX)
            break;
        s->v[s->n].ref =
            json_string_value(name) ? column_get(e, json_string_value(name), &index)->ref : NULL;
        s->v[s->n++].groups = groups_new(1, (size_t)4 << 20);
    }
    reply(e, j->id, samples_json(s, sample_rows(e, f, SAMPLE_NS, take_fields, s)));
    for (i = 0; i < s->n; i++)
        groups_free(s->v[i].groups);
    filter_free(f);
    free(s);
}

void method_field_values(struct engine *e, const json_t *id, const json_t *params)
{
    job_post_kept(e, run_field_values, id, params);
}
