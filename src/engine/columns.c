/* Which columns a source shows when nobody has chosen: its layout, what the plugin marks, or what
 * most events have. */
#include "internal.h"

#define SAMPLE_EVENTS  1000
#define SAMPLE_NS      (400 * NS_PER_MS)
#define DISTINCT_MAX   200
#define COLUMNS_CHOSEN 6
#define SHORT_TEXT     32
#define POINTERS_MAX   400

/* Of the open plugins' fields; those of json come by pointer. */
static json_t *column_json(const struct field_def *def, const char *title, unsigned width)
{
    const char *dot = strrchr(def->name, '.');
    json_t *o = json_pack("{ss ss sb}", "field", def->name, "type", field_type_word(def), "list",
                          def->list);

    json_object_set_new(o, "title", rpc_str(title ? title : dot ? dot + 1 : def->name));
    if (width)
        json_object_set_new(o, "width", json_integer(width));
    return o;
}

static const struct field_def *def_named(struct engine *e, const char *name)
{
    struct span suffix, s = span_of(name);
    const struct field_def *def;

    s.n = strcspn(name, "[");
    pthread_mutex_lock(&e->cat_lock);
    def = field_find(e->catalogue, s, &suffix);
    pthread_mutex_unlock(&e->cat_lock);
    return def;
}

/* ---- what a sample of events says of a field ------------------------------------------------- */

struct candidate {
    const struct field_def *def; /* NULL: a value of the JSON payload */
    char *pointer;
    unsigned present, seen, distinct, longest, total_len;
    bool json, opaque; /* values that look like documents, or like identifiers */
    uint64_t hashes[DISTINCT_MAX];
    double score;
};

struct sampling {
    struct engine *e;
    struct event_reader *r;
    VEC(struct candidate *) fields, pointers;
    unsigned events, json_events;
};

/* Names and values of IDs say nothing to a person who looks over many events. */
static bool named_like_id(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *last = dot ? dot + 1 : name;

    return str_eq(last, "id") || str_ends(last, "_id") || str_ends(last, "id]") ||
           strstr(last, "uid") || str_ends(last, "Id") || str_ends(last, "ID") ||
           strstr(last, "hash") || strstr(last, "digest");
}

static bool looks_opaque(struct span s)
{
    size_t hex = 0;

    for (size_t i = 0; i < s.n; i++)
        hex += strchr("0123456789abcdefABCDEF-", s.p[i]) != NULL;
    return s.n >= 16 && hex == s.n;
}

static void sample_text(struct candidate *c, struct span s)
{
    uint64_t hash = hash_bytes(s.p, s.n, 0);
    bool known = false;

    c->present++;
    c->longest = MAX_OF(c->longest, (unsigned)s.n);
    c->total_len += (unsigned)MIN_OF(s.n, (size_t)1000);
    c->json |= s.n && (s.p[0] == '{' || s.p[0] == '[');
    c->opaque |= looks_opaque(s);
    for (unsigned i = 0; i < c->distinct && !known; i++)
        known = c->hashes[i] == hash;
    if (!known && c->distinct < DISTINCT_MAX)
        c->hashes[c->distinct++] = hash;
}

static void sample_value(struct candidate *c, const struct value *v)
{
    struct buf b;

    c->seen++;
    if (v->state != VALUE_OK || (v->list && v->n == 0))
        return;
    buf_init(&b, EVENT_LEN_MAX);
    value_text(v, &b);
    sample_text(c, (struct span){buf_str(&b), b.len});
    buf_fini(&b);
}

/* ---- values of JSON payloads, for plugins whose fields say little ---------------------------- */

static struct candidate *by_pointer(struct sampling *s, const char *pointer)
{
    struct candidate *c;

    for (size_t i = 0; i < s->pointers.n; i++) {
        if (str_eq(s->pointers.v[i]->pointer, pointer))
            return s->pointers.v[i];
    }
    if (s->pointers.n >= POINTERS_MAX)
        return NULL;
    c = xcalloc(1, sizeof(*c));
    c->pointer = xstrdup(pointer);
    vec_push(&s->pointers, c);
    return c;
}

static bool inside_array(const struct json_scan *scan, uint32_t node)
{
    for (uint32_t p = scan->nodes.v[node].parent; p != UINT32_MAX; p = scan->nodes.v[p].parent) {
        if (scan->nodes.v[p].kind == JSON_KIND_ARRAY)
            return true;
    }
    return false;
}

static void sample_json(struct sampling *s, struct span payload)
{
    struct json_scan scan;
    struct buf text;

    json_scan_init(&scan);
    buf_init(&text, EVENT_LEN_MAX);
    payload.n = payload.n ? strnlen(payload.p, payload.n) : 0;
    s->json_events +=
        payload.n && payload.p[0] == '{' && json_scan(&scan, payload.p, payload.n, 2000);
    for (uint32_t i = 0; i < scan.nodes.n && scan.complete; i++) {
        struct candidate *c;

        if (scan.nodes.v[i].kind <= JSON_KIND_ARRAY || scan.nodes.v[i].depth > 3 ||
            inside_array(&scan, i))
            continue;
        buf_reset(&text);
        json_scan_pointer(&scan, payload.p, i, &text);
        c = strpbrk(buf_str(&text), " \t[]\"'") ? NULL : by_pointer(s, buf_str(&text));
        if (!c)
            continue;
        buf_reset(&text);
        json_scan_text(&scan, payload.p, i, &text);
        sample_text(c, (struct span){buf_str(&text), text.len});
    }
    buf_fini(&text);
    json_scan_fini(&scan);
}

static void find_candidates(struct sampling *s)
{
    struct engine *e = s->e;

    pthread_mutex_lock(&e->cat_lock);
    for (size_t i = 0; i < field_catalogue_count(e->catalogue); i++) {
        const struct field_def *def = field_catalogue_at(e->catalogue, i);
        bool applies = false;

        for (size_t k = 0; k < def->providers.n; k++)
            applies |= plugin_extracts(def->providers.v[k].plugin, event_code(s->r->fe.bytes),
                                       s->r->fe.source);
        if (!applies || def->arg_required || (def->flags & FIELD_HIDDEN) ||
            str_eq(def->owner, "json") ||
            /* nobody has asked for it: events are not read again for that */
            (def->flags & FIELD_STATEFUL && !stateful_is_tracked(e, def)))
            continue;
        vec_push(&s->fields, xcalloc(1, sizeof(struct candidate)));
        s->fields.v[s->fields.n - 1]->def = def;
    }
    pthread_mutex_unlock(&e->cat_lock);
}

static void sample_events(struct sampling *s)
{
    uint64_t first = store_first(s->e->store), rows = store_rows(s->e->store),
             until = time_mono() + SAMPLE_NS;
    struct buf bytes;

    buf_init(&bytes, EVENT_LEN_MAX);
    for (uint64_t row = first;
         row < rows && s->events < SAMPLE_EVENTS && time_mono() < until && !s->e->plugin_quit;
         row++) {
        struct store_row r;

        if (!store_row(s->e->store, row, &r) || r.type == STORE_ROW_MARK ||
            store_read(s->e->store, row, &bytes, NULL) != SEV_OK)
            continue;
        reader_event(s->r, NULL, bytes.data, row, TS_NONE);
        s->r->fe.kept = NULL; /* only what kinds of values there are counts */
        if (s->fields.n == 0)
            find_candidates(s);
        s->events++;
        sample_json(s, event_payload(bytes.data));
        for (size_t i = 0; i < s->fields.n; i++) {
            struct field_ref ref = {.def = s->fields.v[i]->def,
                                    .text = s->fields.v[i]->def->name,
                                    .arg.index = UINT64_MAX};
            struct value v;

            field_extract(&ref, &s->r->fe, false, &s->r->arena, &v);
            sample_value(s->fields.v[i], &v);
        }
    }
    buf_fini(&bytes);
}

#define ENOUGH 20 /* events from which an absent value says something */

static const struct candidate *candidate_of(const struct sampling *s, const struct field_def *def)
{
    for (size_t i = 0; i < s->fields.n; i++) {
        if (s->fields.v[i]->def == def)
            return s->fields.v[i];
    }
    return NULL;
}

static bool never_present(const struct sampling *s, const struct field_def *def)
{
    const struct candidate *c = candidate_of(s, def);

    return s->events >= ENOUGH && c && c->present == 0;
}

/* The plugin's own fields say nothing but the whole line. */
static bool few_have_values(const struct sampling *s, const json_t *list)
{
    const json_t *column;
    size_t i;

    json_array_foreach(list, i, column) {
        for (size_t k = 0; k < s->fields.n; k++) {
            const struct candidate *c = s->fields.v[k];

            if (str_eq(c->def->name, rpc_get_str(column, "field")) && c->present > 0 && !c->json)
                return false;
        }
    }
    return true;
}

/* A layout's columns whose fields are there, and, once some events have been seen, have a value in
 * one. */
static json_t *from_layout(struct engine *e, const struct layout *l, const struct sampling *s)
{
    json_t *list = json_array();

    for (size_t i = 0; l && i < l->columns.n; i++) {
        const struct layout_column *c = &l->columns.v[i];
        const struct field_def *def = def_named(e, c->field);
        json_t *o;

        if (!def || never_present(s, def))
            continue;
        o = column_json(def, c->title, c->width);
        json_object_set_new(o, "field", rpc_str(c->field)); /* with its argument */
        json_array_append_new(list, o);
    }
    return list;
}

/* Worth a column: most events have it, it is short, it takes few values. 0: not. */
static double score_of(const struct candidate *c)
{
    double share, average, variety;

    if (c->present == 0 || c->json || c->opaque ||
        named_like_id(c->def ? c->def->name : c->pointer))
        return 0;
    share = (double)c->present / c->seen;
    average = (double)c->total_len / c->present;
    variety = (double)c->distinct / c->present;
    if (share <= 0.5 || average > SHORT_TEXT ||
        (c->present > 10 && variety > 0.8 && (!c->def || c->def->type == VT_CHARBUF)))
        return 0;
    return share * (c->distinct > 1 ? 1.0 : 0.4) * (1.2 - average / (2 * SHORT_TEXT)) *
           (c->def && c->def->list ? 0.7 : 1.0);
}

static int by_score(const void *a, const void *b)
{
    const struct candidate *x = *(const struct candidate *const *)a,
                           *y = *(const struct candidate *const *)b;

    return x->score > y->score ? -1 : x->score < y->score;
}

static void add_best(struct sampling *s, json_t *list)
{
    for (size_t i = 0; i < s->fields.n; i++)
        s->fields.v[i]->score = score_of(s->fields.v[i]);
    if (s->fields.n)
        qsort(s->fields.v, s->fields.n, sizeof(*s->fields.v), by_score);
    for (size_t i = 0;
         i < s->fields.n && json_array_size(list) < COLUMNS_CHOSEN && s->fields.v[i]->score > 0;
         i++)
        json_array_append_new(
            list, column_json(s->fields.v[i]->def, NULL, MIN_OF(s->fields.v[i]->longest, 30u)));
}

/* Times are shown already; what is the same in all events says nothing. */
static bool worth_a_column(const struct candidate *c)
{
    return c->score > 0 && c->distinct > 1 && !strcasestr(c->pointer, "time") &&
           !str_eq(c->pointer, "/ts");
}

static void add_json(struct sampling *s, json_t *list)
{
    for (size_t i = 0; i < s->pointers.n; i++) {
        s->pointers.v[i]->seen = s->events;
        s->pointers.v[i]->score = score_of(s->pointers.v[i]);
    }
    if (s->pointers.n)
        qsort(s->pointers.v, s->pointers.n, sizeof(*s->pointers.v), by_score);
    for (size_t i = 0; i < s->pointers.n && json_array_size(list) < COLUMNS_CHOSEN; i++) {
        const struct candidate *c = s->pointers.v[i];
        const char *last = strrchr(c->pointer, '/');
        char *field;

        if (!worth_a_column(c))
            continue;
        field = xasprintf("json.value[%s]", c->pointer);
        json_array_append_new(list,
                              json_pack("{so so si}", "field", rpc_str(field), "title",
                                        rpc_str(last + 1), "width", (int)MIN_OF(c->longest, 26u)));
        free(field);
    }
}

static void add_marked(struct sampling *s, json_t *list)
{
    for (size_t i = 0; i < s->fields.n; i++) {
        const struct candidate *c = s->fields.v[i];

        if (c->def->flags & (FIELD_ADD_OUTPUT | FIELD_INFO | FIELD_CONVERSATION))
            json_array_append_new(list, column_json(c->def, NULL, MIN_OF(c->longest, 40u)));
    }
}

/* ---- the method ------------------------------------------------------------------------------ */

static const char *stream_source(struct engine *e)
{
    const char *source;

    pthread_mutex_lock(&e->state_lock);
    source = e->source.plugin ? plugin_info(e->source.plugin)->source : NULL;
    pthread_mutex_unlock(&e->state_lock);
    return source && *source ? source : NULL;
}

static void run_columns(struct engine *e, struct job *j)
{
    struct sampling s = {.e = e, .r = &e->plugin_scanner.reader};
    const char *source = stream_source(e), *how = "layout";
    json_t *list;

    sample_events(&s);
    if (!source && s.events)
        source = s.r->fe.source;
    list = from_layout(e, layout_for(&e->layouts, source), &s);
    if (s.json_events > s.events / 2 && few_have_values(&s, list) && bundled_load(e, "json")) {
        json_array_clear(list);
        how = "json";
        add_json(&s, list);
    }
    if (json_array_size(list) == 0) {
        how = "marked";
        add_marked(&s, list);
    }
    if (json_array_size(list) == 0) {
        how = "sampled";
        add_best(&s, list);
    }
    if (json_array_size(list) == 0) {
        how = "info";
        json_array_append_new(list, column_json(def_named(e, "evt.plugininfo"), "info", 0));
    }
    reply(e, j->id,
          json_pack("{so ss si so sb}", "columns", list, "how", how, "events", (int)s.events,
                    "source", rpc_str(source), "final",
                    s.events >= SAMPLE_EVENTS / 5 || (s.events && !stream_asks(e))));
    for (size_t i = 0; i < s.fields.n; i++)
        free(s.fields.v[i]);
    for (size_t i = 0; i < s.pointers.n; i++) {
        free(s.pointers.v[i]->pointer);
        free(s.pointers.v[i]);
    }
    vec_free(&s.fields);
    vec_free(&s.pointers);
}

void method_columns(struct engine *e, const json_t *id, const json_t *params)
{
    job_post_kept(e, run_columns, id, params);
}
