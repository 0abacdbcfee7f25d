/* One event in full: every field of every plugin that applies, its payload, and clauses made of its
 * values. */
#include "internal.h"

#define DETAIL_TEXT_MAX 4096
#define PAYLOAD_MAX     ((uint64_t)8 << 20)
#define JSON_NODES_MAX  200000

bool event_look_up(struct engine *e, const json_t *id, const json_t *params, struct looked_up *out)
{
    struct store_row prev;
    struct error err;

    buf_init(&out->bytes, EVENT_LEN_MAX);
    if (!e->store) {
        reply_code(e, id, RPC_INVALID_PARAMS, "the stream is not kept");
        return false;
    }
    if (rpc_get_u64(params, "number", &out->number)) {
        if (!store_find(e->store, out->number, &out->row)) {
            error_set(&err, ERR_NOT_FOUND, "there is no event %llu",
                      (unsigned long long)out->number);
            reply_error(e, id, &err);
            return false;
        }
    } else if (!rpc_get_u64(params, "row", &out->row)) {
        reply_code(e, id, RPC_INVALID_PARAMS, "“number” is missing");
        return false;
    }
    if (!store_row(e->store, out->row, &out->r) ||
        store_read(e->store, out->row, &out->bytes, &err) != SEV_OK ||
        out->r.type == STORE_ROW_MARK) {
        error_set(&err, ERR_GONE,
                  "the event is not there any more: it was dropped when the spool was full");
        reply_error(e, id, &err);
        buf_fini(&out->bytes);
        return false;
    }
    out->number = store_number(e->store, out->row);
    out->before = out->row && store_row(e->store, out->row - 1, &prev) ? prev.ts : TS_NONE;
    return true;
}

static bool is_json(struct span payload)
{
    size_t i = 0;

    while (i < payload.n && memchr(" \t\r\n", payload.p[i], 4))
        i++;
    return i < payload.n && (payload.p[i] == '{' || payload.p[i] == '[');
}

/* ---- every field ----------------------------------------------------------------------------- */

static json_t *field_head(const struct field_def *def)
{
    json_t *o = json_pack("{ss ss sb so}", "name", def->name, "type", field_type_word(def), "list",
                          def->list, "desc", rpc_str(def->desc));

    if (*def->display)
        json_object_set_new(o, "display", rpc_str(def->display));
    if (def->arg_index || def->arg_key)
        json_object_set_new(o, "arg",
                            json_pack("{sb sb sb}", "required", def->arg_required, "index",
                                      def->arg_index, "key", def->arg_key));
    return o;
}

static json_t *field_value_of(const struct field_ref *ref, struct event_reader *r)
{
    json_t *o = field_head(ref->def);
    struct value v;

    field_extract(ref, &r->fe, true, &r->arena, &v);
    json_object_set_new(o, "value", value_json(&v, DETAIL_TEXT_MAX));
    if (v.state == VALUE_FAILED && span_is(v.one.s, FIELD_WAITS))
        json_object_set_new(o, "waits", json_true());
    else if (v.state == VALUE_OK && stateful_was_reread(r->e, ref, r->row))
        json_object_set_new(o, "reread", json_true());
    if (v.span) {
        json_object_set_new(o, "at", json_integer(v.at));
        json_object_set_new(o, "length", json_integer(v.span));
    }
    return o;
}

static json_t *field_value(const struct field_def *def, const struct field_ref *ref,
                           struct event_reader *r)
{
    json_t *o;

    if (!def->arg_required)
        return field_value_of(ref, r);
    o = field_head(def);
    json_object_set_new(o, "needs_argument", json_true());
    return o;
}

static json_t *group_of(struct engine *e, struct event_reader *r, const char *owner, bool hidden)
{
    json_t *fields = json_array();
    size_t n;

    pthread_mutex_lock(&e->cat_lock);
    n = field_catalogue_count(e->catalogue);
    pthread_mutex_unlock(&e->cat_lock);
    for (size_t i = 0; i < n && !e->plugin_quit; i++) {
        const struct field_def *def;
        struct field_ref ref = {0};

        pthread_mutex_lock(&e->cat_lock);
        def = field_catalogue_at(e->catalogue, i);
        pthread_mutex_unlock(&e->cat_lock);
        if (!str_eq(def->owner, owner) ||
            ((def->flags & (FIELD_HIDDEN | FIELD_NO_DETAIL)) && !hidden))
            continue;
        ref.def = def;
        ref.text = def->name;
        ref.arg.index = UINT64_MAX;
        json_array_append_new(fields, field_value(def, &ref, r));
    }
    return json_pack("{ss so}", "owner", owner, "fields", fields);
}

/* The event's own parameters, each as the field that shows it. */
static json_t *params_group(struct engine *e, struct event_reader *r)
{
    const struct event_type *t = event_type_get(event_code(r->fe.bytes));
    unsigned n = t ? MIN_OF(event_nparams(r->fe.bytes), (uint32_t)t->nparams) : 0;
    json_t *fields = json_array();

    for (unsigned i = 0; i < n; i++) {
        char *name = xasprintf("evt.arg.%s", t->params[i].name);
        uint32_t index;
        const struct column *c = column_get(e, name, &index);

        if (c->ref) {
            json_t *o = field_value_of(c->ref, r);

            json_object_set_new(o, "name", rpc_str(name));
            json_object_set_new(o, "desc", json_string(value_type_info(t->params[i].type)->word));
            json_array_append_new(fields, o);
        }
        free(name);
    }
    return json_pack("{ss so}", "owner", "parameters", "fields", fields);
}

/* What the event is, in a few words: its plugin's name, or the call and who made it. */
static json_t *title_of(const struct looked_up *ev, const struct event_reader *r)
{
    const struct plugin_registered *known;
    struct value type = {0}, name = {0};
    struct field_ref ref = {.arg.index = UINT64_MAX};
    struct span suffix;
    struct buf b;
    json_t *title;

    if (r->owner)
        return rpc_str(plugin_info(r->owner)->name);
    buf_init(&b, 65536);
    if (ev->r.type == EVENT_PLUGIN) {
        known = plugin_registered(ev->r.who);
        buf_addf(&b, "plugin ID %u%s%s%s", ev->r.who, known ? " (" : "", known ? known->name : "",
                 known ? ")" : "");
    } else {
        ref.def = field_find(r->e->catalogue, span_of("evt.type"), &suffix);
        field_extract(&ref, &r->fe, false, (struct arena *)&r->arena, &type);
        ref.def = field_find(r->e->catalogue, span_of("proc.name"), &suffix);
        field_extract(&ref, &r->fe, false, (struct arena *)&r->arena, &name);
        if (type.state == VALUE_OK)
            buf_add(&b, type.one.s.p, type.one.s.n);
        else
            buf_addf(&b, "type %u, unknown", ev->r.type);
        if (name.state == VALUE_OK)
            buf_addf(&b, ", %.*s", (int)name.one.s.n, name.one.s.p);
    }
    title = rpc_text(buf_str(&b), b.len);
    buf_fini(&b);
    return title;
}

static json_t *detail_groups(struct engine *e, struct event_reader *r, bool hidden)
{
    json_t *groups = json_array();
    struct plugin *p;

    if (is_json(event_payload(r->fe.bytes)))
        bundled_load(e, "json");
    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        if (plugin_extracts(p, event_code(r->fe.bytes), r->fe.source))
            json_array_append_new(groups, group_of(e, r, plugin_info(p)->name, hidden));
    }
    if (event_code(r->fe.bytes) != EVENT_PLUGIN)
        json_array_append_new(groups, params_group(e, r));
    if (r->fe.state && str_eq(r->source ? r->source : "", "syscall")) {
        static const char *const owners[] = {"process",   "fd",   "fs.path", "fdlist", "syslog",
                                             "container", "user", "group",   "syscall"};

        for (size_t i = 0; i < COUNT_OF(owners); i++)
            json_array_append_new(groups, group_of(e, r, owners[i], hidden));
    }
    json_array_append_new(groups, group_of(e, r, "evt", hidden));
    return groups;
}

static void run_detail(struct engine *e, struct job *j)
{
    struct event_reader *r = &e->plugin_scanner.reader;
    const struct event_type *t;
    struct looked_up ev;
    struct buf info;
    json_t *o, *near;

    if (!event_look_up(e, j->id, j->params, &ev))
        return;
    t = event_type_get(ev.r.type);
    reader_event(r, NULL, ev.bytes.data, ev.row, ev.before);
    o = json_object();
    json_object_set_new(o, "number", rpc_u64(ev.number));
    json_object_set_new(o, "ts", rpc_u64(ev.r.ts));
    json_object_set_new(o, "type", rpc_str(t ? t->name : "unknown"));
    json_object_set_new(o, "length", json_integer(ev.r.len));
    json_object_set_new(
        o, "plugin_id",
        json_integer(ev.r.type == EVENT_PLUGIN || ev.r.type == EVENT_ASYNC ? ev.r.who : 0));
    json_object_set_new(o, "plugin", r->owner ? rpc_str(plugin_info(r->owner)->name) : json_null());
    json_object_set_new(o, "title", title_of(&ev, r));
    json_object_set_new(o, "source", rpc_str(r->source));
    json_object_set_new(o, "payload", json_integer((json_int_t)event_payload(ev.bytes.data).n));
    json_object_set_new(o, "groups", detail_groups(e, r, rpc_get_bool(j->params, "hidden", false)));
    near = json_array();
    json_object_set_new(o, "rules", rules_view_firing(e, ev.bytes.data, ev.row, ev.before, near));
    json_object_set_new(o, "near", near);
    if (store_about(e->store, ev.row))
        json_object_set_new(o, "about", json_loads(store_about(e->store, ev.row), 0, NULL));
    if (r->owner && ev.r.type == EVENT_PLUGIN) {
        struct plugin_event pe = {ev.bytes.data, ev.number, r->source};

        buf_init(&info, EVENT_LEN_MAX);
        plugin_event_text(r->owner, &pe, &info);
        json_object_set_new(o, "info",
                            rpc_text(buf_str(&info), MIN_OF(info.len, (size_t)DETAIL_TEXT_MAX)));
        buf_fini(&info);
    }
    reply(e, j->id, o);
    buf_fini(&ev.bytes);
}

void method_event_detail(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_detail, id, params, NULL);
}

/* ---- payload: needs no plugin ---------------------------------------------------------------- */

void method_event_payload(struct engine *e, const json_t *id, const json_t *params)
{
    uint64_t from = rpc_u64_or(params, "offset", 0),
             max = MIN_OF(rpc_u64_or(params, "max", PAYLOAD_MAX), PAYLOAD_MAX);
    struct looked_up ev;
    struct span p;
    json_t *o;

    if (!event_look_up(e, id, params, &ev))
        return;
    p = event_payload(ev.bytes.data);
    from = MIN_OF(from, (uint64_t)p.n);
    max = MIN_OF(max, p.n - from);
    o = json_object();
    json_object_set_new(o, "number", rpc_u64(ev.number));
    json_object_set_new(o, "ts", rpc_u64(ev.r.ts));
    json_object_set_new(o, "size", rpc_u64(p.n));
    json_object_set_new(o, "offset", rpc_u64(from));
    /* where the payload starts in the event: fields' byte ranges count from there */
    json_object_set_new(o, "base", json_integer(p.p ? (json_int_t)(p.p - ev.bytes.data) : 0));
    json_object_set_new(o, "data", rpc_text(p.p + from, (size_t)max));
    reply(e, id, o);
    buf_fini(&ev.bytes);
}

/* ---- one field, with an argument ------------------------------------------------------------- */

/* Compiles a field's text in the reader's arena; answers the error itself. */
static const struct column *field_named(struct engine *e, struct job *j, const char *text)
{
    const struct column *c;
    uint32_t index;

    if (!text) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "“field” is missing");
        return NULL;
    }
    c = column_get(e, text, &index);
    if (c->ref)
        return c;
    reply_syntax(e, j->id, &c->error);
    return NULL;
}

static void run_field(struct engine *e, struct job *j)
{
    struct event_reader *r = &e->plugin_scanner.reader;
    const struct column *c = field_named(e, j, rpc_get_str(j->params, "field"));
    struct looked_up ev;
    struct value v;
    json_t *o;

    if (!c || !event_look_up(e, j->id, j->params, &ev))
        return;
    reader_event(r, NULL, ev.bytes.data, ev.row, ev.before);
    field_extract(c->ref, &r->fe, true, &r->arena, &v);
    o = field_head(c->ref->def);
    json_object_set_new(o, "field", rpc_str(c->ref->text));
    json_object_set_new(o, "value", value_json(&v, rpc_u64_or(j->params, "max", DETAIL_TEXT_MAX)));
    reply(e, j->id, o);
    buf_fini(&ev.bytes);
}

void method_event_field(struct engine *e, const json_t *id, const json_t *params)
{
    const char *text = rpc_get_str(params, "field");

    if (text && bundled_defer(e, text, id, "event/field", params))
        return;
    job_post(e, run_field, id, params, NULL);
}

/* ---- clauses --------------------------------------------------------------------------------- */

static enum filter_join join_named(const char *word)
{
    return word && str_eq(word, "not")    ? FILTER_AND_NOT
           : word && str_eq(word, "or")   ? FILTER_OR
           : word && str_eq(word, "only") ? FILTER_ONLY
                                          : FILTER_AND;
}

static void run_clause(struct engine *e, struct job *j)
{
    struct event_reader *r = &e->plugin_scanner.reader;
    const struct column *c = field_named(e, j, rpc_get_str(j->params, "field"));
    const char *filter = rpc_get_str(j->params, "filter");
    uint64_t element;
    struct buf clause, whole;
    struct looked_up ev;
    struct value v;

    if (!c || !event_look_up(e, j->id, j->params, &ev))
        return;
    reader_event(r, NULL, ev.bytes.data, ev.row, ev.before);
    field_extract(c->ref, &r->fe, false, &r->arena, &v);
    buf_init(&clause, EVENT_LEN_MAX);
    buf_init(&whole, EVENT_LEN_MAX);
    filter_clause(c->ref, &v,
                  rpc_get_u64(j->params, "element", &element) && element < v.n ? (int64_t)element
                                                                               : -1,
                  &clause);
    filter_join(filter ? filter : "", buf_str(&clause), join_named(rpc_get_str(j->params, "join")),
                &whole);
    reply(e, j->id,
          json_pack("{so so}", "clause", rpc_str(buf_str(&clause)), "filter",
                    rpc_str(buf_str(&whole))));
    buf_fini(&clause);
    buf_fini(&whole);
    buf_fini(&ev.bytes);
}

void method_event_clause(struct engine *e, const json_t *id, const json_t *params)
{
    const char *text = rpc_get_str(params, "field");

    if (text && bundled_defer(e, text, id, "event/clause", params))
        return;
    job_post(e, run_clause, id, params, NULL);
}

void method_filter_join(struct engine *e, const json_t *id, const json_t *params)
{
    const char *filter = rpc_get_str(params, "filter"), *clause = rpc_get_str(params, "clause");
    struct buf whole;

    if (!clause) {
        reply_code(e, id, RPC_INVALID_PARAMS, "“clause” is missing");
        return;
    }
    buf_init(&whole, EVENT_LEN_MAX);
    filter_join(filter ? filter : "", clause, join_named(rpc_get_str(params, "join")), &whole);
    reply(e, id, json_pack("{so}", "filter", rpc_str(buf_str(&whole))));
    buf_fini(&whole);
}

/* ---- a node of the payload's JSON: which field shows it -------------------------------------- */

struct node_search {
    struct event_reader *r;
    struct span text;    /* the node's value as a field would show it */
    uint32_t start, end; /* its bytes in the event */
    const struct field_def *by_offset, *by_value;
    unsigned values; /* fields that have this value */
};

static bool value_is(const struct value *v, struct span text)
{
    struct buf b;
    bool same;

    if (v->state != VALUE_OK || v->list)
        return false;
    buf_init(&b, EVENT_LEN_MAX);
    value_text(v, &b);
    same = span_eq((struct span){buf_str(&b), b.len}, text);
    buf_fini(&b);
    return same;
}

static void try_field(struct node_search *s, const struct field_def *def)
{
    struct field_ref ref = {.def = def, .text = def->name, .arg.index = UINT64_MAX};
    struct value v;

    if (def->builtin >= 0 || def->arg_required || (def->flags & FIELD_HIDDEN) ||
        str_eq(def->owner, "json"))
        return;
    field_extract(&ref, &s->r->fe, true, &s->r->arena, &v);
    if (v.span && v.at <= s->start + 1 && v.at + v.span + 1 >= s->end &&
        v.span <= s->end - s->start && !s->by_offset)
        s->by_offset = def;
    if (value_is(&v, s->text)) {
        s->values++;
        if (!s->by_value)
            s->by_value = def;
    }
}

static void search_fields(struct engine *e, struct node_search *s)
{
    size_t n;

    pthread_mutex_lock(&e->cat_lock);
    n = field_catalogue_count(e->catalogue);
    pthread_mutex_unlock(&e->cat_lock);
    for (size_t i = 0; i < n && !s->by_offset && !e->plugin_quit; i++) {
        const struct field_def *def;

        pthread_mutex_lock(&e->cat_lock);
        def = field_catalogue_at(e->catalogue, i);
        pthread_mutex_unlock(&e->cat_lock);
        try_field(s, def);
    }
}

static json_t *json_field(struct engine *e, const char *pointer)
{
    struct buf b;
    json_t *o;

    if (!bundled_load(e, "json"))
        return NULL;
    buf_init(&b, 65536);
    buf_adds(&b, "json.value");
    buf_addc(&b, '[');
    if (strpbrk(pointer, " \t\r\n[]\"'\\") || !*pointer) {
        /* the filter's own quoting: any bytes read back as they are */
        struct span s = span_of(pointer);

        buf_addc(&b, '"');
        for (size_t i = 0; i < s.n; i++) {
            if (strchr(" \t\r\n[]\"'\\", s.p[i]) && s.p[i] != ' ')
                buf_addf(&b, "\\x%02x", (unsigned char)s.p[i]);
            else
                buf_addc(&b, s.p[i]);
        }
        buf_addc(&b, '"');
    } else {
        buf_adds(&b, pointer);
    }
    buf_addc(&b, ']');
    o = json_pack("{so ss}", "field", rpc_str(buf_str(&b)), "how", "json");
    buf_fini(&b);
    return o;
}

static void answer_node(struct engine *e, struct job *j, struct node_search *s, const char *pointer)
{
    const struct field_def *def = s->by_offset ? s->by_offset : s->values == 1 ? s->by_value : NULL;
    struct error err;
    json_t *o;

    if (def) {
        reply(e, j->id,
              json_pack("{ss ss}", "field", def->name, "how", s->by_offset ? "offset" : "value"));
        return;
    }
    o = json_field(e, pointer);
    if (o) {
        reply(e, j->id, o);
        return;
    }
    error_set(&err, ERR_NOT_FOUND, "no field shows this part, and the json plugin is not there");
    reply_error(e, j->id, &err);
}

static void run_node(struct engine *e, struct job *j)
{
    const char *pointer = rpc_get_str(j->params, "pointer");
    struct node_search s = {.r = &e->plugin_scanner.reader};
    struct json_scan scan;
    struct looked_up ev;
    struct span payload;
    struct buf text;
    uint32_t node;

    if (!pointer)
        reply_code(e, j->id, RPC_INVALID_PARAMS, "“pointer” is missing");
    if (!pointer || !event_look_up(e, j->id, j->params, &ev))
        return;
    payload = event_payload(ev.bytes.data);
    payload.n = payload.n ? strnlen(payload.p, payload.n) : 0;
    reader_event(s.r, NULL, ev.bytes.data, ev.row, ev.before);
    json_scan_init(&scan);
    buf_init(&text, EVENT_LEN_MAX);
    json_scan(&scan, payload.p, payload.n, JSON_NODES_MAX);
    node = json_scan_find(&scan, payload.p, span_of(pointer));
    if (node == UINT32_MAX) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "the payload has nothing at this pointer");
    } else {
        json_scan_text(&scan, payload.p, node, &text);
        s.text = (struct span){buf_str(&text), text.len};
        s.start = (uint32_t)(payload.p - ev.bytes.data) + scan.nodes.v[node].start;
        s.end = (uint32_t)(payload.p - ev.bytes.data) + scan.nodes.v[node].end;
        if (scan.nodes.v[node].kind > JSON_KIND_ARRAY)
            search_fields(e, &s);
        answer_node(e, j, &s, pointer);
    }
    json_scan_fini(&scan);
    buf_fini(&text);
    buf_fini(&ev.bytes);
}

void method_event_node(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_node, id, params, NULL);
}
