/* Explanations: each part of a filter on one event, with its value; and how many events each part lets
 * through. */
#include "internal.h"

#define VALUE_TEXT 300

/* ---- one event ----------------------------------------------------------------------------------------- */

static void add_part(void *ctx, const struct filter_part *p)
{
    json_t *o = json_pack("{si ss so sb}", "depth", (int)p->depth, "kind", p->kind, "text",
                          rpc_str(p->text), "holds", p->holds);
    struct buf b;

    if (str_eq(p->kind, "check")) {
        buf_init(&b, SIZE_MAX);
        if (p->value.state == VALUE_OK && p->def && !p->value.list)
            field_text(p->def, &p->value, &b);
        else if (p->value.state == VALUE_OK)
            value_text(&p->value, &b);
        json_object_set_new(o, "value",
                            p->value.state == VALUE_OK
                                ? rpc_text(buf_str(&b), MIN_OF(b.len, (size_t)VALUE_TEXT))
                                : json_null());
        buf_fini(&b);
    }
    json_array_append_new(ctx, o);
}

json_t *explain_event(const struct filter *f, struct field_reader *r)
{
    json_t *parts = json_array();

    filter_explain(f, r, add_part, parts);
    return parts;
}

static void run_explain(struct engine *e, struct job *j)
{
    const char *text = rpc_get_str(j->params, "filter");
    struct event_reader *r = &e->plugin_scanner.reader;
    struct syntax_error err;
    struct looked_up ev;
    struct filter *f;
    json_t *parts;

    if (!text) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "“filter” is missing");
        return;
    }
    bundled_load_for(e, text);
    f = filter_typed(e, text, &err);
    if (!f) {
        reply_syntax(e, j->id, &err);
        return;
    }
    if (event_look_up(e, j->id, j->params, &ev)) {
        reader_event(r, filter_refs(f), ev.bytes.data, ev.row, ev.before);
        parts = explain_event(f, &r->base);
        reply(e, j->id,
              json_pack("{so sb so}", "number", rpc_u64(ev.number), "matches",
                        rpc_get_bool(json_array_get(parts, 0), "holds", false), "parts", parts));
        buf_fini(&ev.bytes);
    }
    filter_free(f);
}

void method_explain(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_explain, id, params, NULL);
}

/* ---- events that a person chose ----------------------------------------------------------------------------- */

static void run_judge(struct engine *e, struct job *j)
{
    const char *text = rpc_get_str(j->params, "filter");
    const json_t *rows = json_object_get(j->params, "rows"), *row;
    struct event_reader *r = &e->plugin_scanner.reader;
    json_t *holds = json_array();
    struct syntax_error err;
    struct filter *f;
    struct buf bytes;
    size_t i;

    bundled_load_for(e, text);
    f = text ? filter_typed(e, text, &err) : NULL;
    if (!f) {
        json_decref(holds);
        if (text)
            reply_syntax(e, j->id, &err);
        else
            reply_code(e, j->id, RPC_INVALID_PARAMS, "“filter” is missing");
        return;
    }
    buf_init(&bytes, EVENT_LEN_MAX);
    json_array_foreach(rows, i, row) {
        uint64_t at;
        const char *number = json_string_value(row);
        bool there = number && parse_u64(span_of(number), &at) &&
                     store_read(e->store, at, &bytes, NULL) == SEV_OK &&
                     event_check(bytes.data, bytes.len, NULL) == SEV_OK;

        if (there)
            reader_event(r, filter_refs(f), bytes.data, at, TS_NONE);
        json_array_append_new(holds, there ? json_boolean(filter_match(f, &r->base)) : json_null());
    }
    buf_fini(&bytes);
    filter_free(f);
    reply(e, j->id, json_pack("{so}", "holds", holds));
}

void method_judge(struct engine *e, const json_t *id, const json_t *params)
{
    job_post_kept(e, run_judge, id, params);
}

/* ---- all events: a funnel -------------------------------------------------------------------------------- */

struct funnel {
    const struct filter *f;
    uint64_t events;
    uint64_t *passed, *alone; /* by part: of those that the parts before let through; of all */
    uint64_t *only;           /* that this part alone keeps out */
    uint64_t *present;        /* in which one of its fields has a value */
    uint64_t **branches;      /* of those that come as far: each branch alone */
    bool *holds, *has;        /* of the event looked at: by part; whether it has a value */
    bool **branch;            /* of a part that is reached */
};

struct funnel *funnel_new(const struct filter *f)
{
    struct funnel *u = xcalloc(1, sizeof(*u));
    size_t n = filter_parts(f);

    u->f = f;
    u->passed = xcalloc(n, sizeof(*u->passed));
    u->alone = xcalloc(n, sizeof(*u->alone));
    u->only = xcalloc(n, sizeof(*u->only));
    u->present = xcalloc(n, sizeof(*u->present));
    u->branches = xcalloc(n, sizeof(*u->branches));
    u->holds = xcalloc(n, sizeof(*u->holds));
    u->has = xcalloc(n, sizeof(*u->has));
    u->branch = xcalloc(n, sizeof(*u->branch));
    for (size_t i = 0; i < n; i++) {
        u->branches[i] = xcalloc(filter_branches(f, i) + 1, sizeof(**u->branches));
        u->branch[i] = xcalloc(filter_branches(f, i) + 1, sizeof(**u->branch));
    }
    return u;
}

void funnel_free(struct funnel *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < filter_parts(u->f); i++) {
        free(u->branches[i]);
        free(u->branch[i]);
    }
    free(u->branches);
    free(u->branch);
    free(u->holds);
    free(u->has);
    free(u->passed);
    free(u->alone);
    free(u->only);
    free(u->present);
    free(u);
}

void funnel_look(struct funnel *u, struct field_reader *r)
{
    bool through = true;

    for (size_t i = 0; i < filter_parts(u->f); i++) {
        u->holds[i] = filter_part_holds(u->f, i, r);
        u->has[i] = u->holds[i] || filter_part_present(u->f, i, r);
        for (size_t k = 0; k < filter_branches(u->f, i); k++)
            u->branch[i][k] = through && filter_branch_holds(u->f, i, k, r);
        through &= u->holds[i];
    }
}

void funnel_add(struct funnel *u)
{
    size_t failing = 0, last = 0;

    u->events++;
    for (size_t i = 0; i < filter_parts(u->f); i++) {
        u->alone[i] += u->holds[i];
        u->present[i] += u->has[i];
        for (size_t k = 0; k < filter_branches(u->f, i); k++)
            u->branches[i][k] += u->branch[i][k];
        failing += !u->holds[i];
        last = u->holds[i] ? last : i;
        u->passed[i] += failing == 0;
    }
    u->only[last] += failing == 1;
}

json_t *funnel_json(const struct funnel *u)
{
    json_t *parts = json_array();
    struct buf text;

    buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < filter_parts(u->f); i++) {
        json_t *o, *branches = json_array();

        for (size_t k = 0; k < filter_branches(u->f, i); k++) {
            buf_reset(&text);
            filter_branch_text(u->f, i, k, &text);
            json_array_append_new(branches,
                                  json_pack("{so so}", "text", rpc_text(buf_str(&text), text.len),
                                            "count", rpc_u64(u->branches[i][k])));
        }
        buf_reset(&text);
        filter_part_text(u->f, i, &text);
        o = json_pack("{so so so so so so}", "text", rpc_text(buf_str(&text), text.len), "after",
                      rpc_u64(u->passed[i]), "alone", rpc_u64(u->alone[i]), "only",
                      rpc_u64(u->only[i]), "present", rpc_u64(u->present[i]), "branches", branches);
        json_array_append_new(parts, o);
    }
    buf_fini(&text);
    return json_pack("{so so}", "events", rpc_u64(u->events), "parts", parts);
}
