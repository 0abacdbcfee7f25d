/* What could come next in a filter that is typed: beside what the language knows, macros and lists of the
 * rules, and the values and arguments that the stream has. */
#include "internal.h"

#define CANDIDATES_MAX 200
#define VALUES_MAX     50
#define VALUE_LEN_MAX  200
#define KEYS_MAX       400
#define SAMPLE_NS      (60 * NS_PER_MS)

/* The values, or arguments, of the field that was completed last: typing on narrows them. */
struct seen_values {
    char *field;
    bool argument;
    bool unused;   /* looked at, and nobody was answered yet */
    uint64_t rows; /* of the stream when it was looked at */
    struct groups *groups;
};

void seen_values_free(struct seen_values *s)
{
    if (!s)
        return;
    groups_free(s->groups);
    free(s->field);
    free(s);
}

struct asking {
    struct engine *e;
    char *source;
    struct span wanted; /* values of this field are not there yet */
    bool argument;
};

static bool applies(void *ctx, const struct field_def *def)
{
    return field_applies(((struct asking *)ctx)->source, def);
}

static bool fresh(struct engine *e, struct span field, bool argument)
{
    struct seen_values *s = e->seen;
    bool same = s && span_is(field, s->field) && s->argument == argument, now = same && s->unused;

    if (same)
        s->unused = false;
    return now || (same && store_rows(e->store) <= s->rows + s->rows / 4);
}

static void offer_seen(struct engine *e, enum filter_place place, struct filter_offers *to)
{
    struct group *top = xcalloc(VALUES_MAX, sizeof(*top));
    size_t n = groups_top(e->seen->groups, 0, VALUES_MAX, top);
    char count[32];

    for (size_t i = 0; i < n; i++) {
        const struct group_key *key = &top[i].keys[0];
        struct buf text;

        if (key->state != VALUE_OK || key->text.n > VALUE_LEN_MAX)
            continue;
        text_count(top[i].count, count);
        if (place == FILTER_PLACE_VALUE) {
            filter_offer_value(to, key->text, count, (unsigned)i);
            continue;
        }
        buf_init(&text, 4096);
        buf_addf(&text, "%s[%.*s]", e->seen->field, (int)key->text.n, key->text.p);
        filter_offer(to, (struct span){buf_str(&text), text.len}, "argument", count, (unsigned)i);
        buf_fini(&text);
    }
    free(top);
}

static void offer_names(const struct rules *set, enum filter_place place, struct filter_offers *to)
{
    const struct str_list *items;
    const char *name, *condition, *file;

    for (size_t i = 0;
         place == FILTER_PLACE_CHECK && (name = rules_macro_at(set, i, &condition, &file)); i++)
        filter_offer(to, span_of(name), "macro", condition, 1);
    for (size_t i = 0; place == FILTER_PLACE_VALUE && (name = rules_list_at(set, i, &items)); i++)
        filter_offer(to, span_of(name), "list", items->n ? items->v[0] : "", VALUES_MAX);
}

static void more(void *ctx, enum filter_place place, struct span field, struct filter_offers *to)
{
    struct asking *a = ctx;
    const struct rules *set = rules_view_set(a->e);

    if (set)
        offer_names(set, place, to);
    if (place == FILTER_PLACE_CHECK || !a->e->store || !field.n)
        return;
    a->argument = place == FILTER_PLACE_ARGUMENT;
    if (fresh(a->e, field, a->argument))
        offer_seen(a->e, place, to);
    else
        a->wanted = field;
}

/* ---- looking at the stream: plugin thread ------------------------------------------------------- */

struct looking {
    const struct field_ref *ref;
    struct groups *groups;
};

static void take_value(void *ctx, struct event_reader *r, const char *bytes)
{
    struct looking *l = ctx;
    struct value v;

    UNUSED(bytes);
    field_extract(l->ref, &r->fe, false, &r->arena, &v);
    if (v.state == VALUE_OK)
        groups_add(l->groups, &v, r->fe.number);
}

static void add_key(struct looking *l, const char *text, size_t n, uint64_t number)
{
    struct value v = {.state = VALUE_OK, .type = VT_CHARBUF, .n = 1, .one.s = {text, n}};

    groups_add(l->groups, &v, number);
}

/* Pointers into a document of JSON, as json.value takes them. */
static void add_pointers(struct looking *l, const json_t *node, struct buf *path, unsigned *left,
                         uint64_t number)
{
    size_t len = path->len, i;
    const char *key;
    const json_t *item;

    if (!*left)
        return;
    if (json_is_object(node)) {
        json_object_foreach((json_t *)(uintptr_t)node, key, item) {
            buf_addf(path, "/%s", key);
            add_pointers(l, item, path, left, number);
            path->len = len;
        }
    } else if (json_is_array(node)) {
        json_array_foreach(node, i, item) {
            buf_addf(path, "/%zu", i);
            add_pointers(l, item, path, left, number);
            path->len = len;
        }
    } else if (len) {
        (*left)--;
        add_key(l, path->data, len, number);
    }
}

static void take_keys(void *ctx, struct event_reader *r, const char *bytes)
{
    struct looking *l = ctx;
    const struct event_type *t = event_type_get(event_code(bytes));
    unsigned left = KEYS_MAX;
    struct span payload;
    struct buf path;
    json_t *json;

    if (event_code(bytes) != EVENT_PLUGIN && event_code(bytes) != EVENT_ASYNC) {
        for (unsigned i = 0; t && i < t->nparams; i++)
            add_key(l, t->params[i].name, strlen(t->params[i].name), r->fe.number);
        return;
    }
    payload = event_payload(bytes);
    json = json_loadb(payload.p, payload.n, 0, NULL);
    buf_init(&path, 4096);
    add_pointers(l, json, &path, &left, r->fe.number);
    buf_fini(&path);
    json_decref(json);
}

/* Which fields take something that the stream's events hold; the others' arguments can't be guessed. */
static bool has_keys(const char *field)
{
    return str_starts(field, "evt.arg") || str_eq(field, "evt.rawarg") ||
           str_eq(field, "json.value") || str_eq(field, "jevt.value");
}

static void look(struct engine *e, const char *field, bool argument)
{
    struct seen_values *seen = xcalloc(1, sizeof(*seen)), *old;
    struct looking l = {.groups = groups_new(1, (size_t)16 << 20)};
    uint32_t index;

    l.ref = argument ? NULL : column_get(e, field, &index)->ref;
    seen->field = xstrdup(field);
    seen->argument = argument;
    seen->unused = true;
    seen->rows = store_rows(e->store);
    seen->groups = l.groups;
    if (argument ? has_keys(field) : l.ref != NULL)
        sample_rows(e, NULL, SAMPLE_NS, argument ? take_keys : take_value, &l);
    pthread_mutex_lock(&e->cat_lock);
    old = e->seen;
    e->seen = seen;
    pthread_mutex_unlock(&e->cat_lock);
    seen_values_free(old);
}

struct look_job {
    bool argument;
    char field[];
};

static void run_look(struct engine *e, struct job *j)
{
    const struct look_job *w = j->data;

    look(e, w->field, w->argument);
    redispatch(e, j->id, "filter/complete", j->params);
}

/* ---- the method -------------------------------------------------------------------------------- */

void method_filter_complete(struct engine *e, const json_t *id, const json_t *params)
{
    const char *text = rpc_get_str(params, "filter");
    uint64_t cursor = text ? rpc_u64_or(params, "cursor", strlen(text)) : 0;
    struct asking a = {.e = e};
    struct filter_hints hints = {applies, more, &a};
    struct filter_candidate *found;
    struct arena arena = {0};
    size_t start, n;
    json_t *list;

    if (!text || cursor > strlen(text)) {
        reply_code(e, id, RPC_INVALID_PARAMS, "“filter” and a “cursor” within it are needed");
        return;
    }
    a.source = open_source(e);
    pthread_mutex_lock(&e->cat_lock);
    n = filter_complete(text, strlen(text), (size_t)cursor, e->catalogue, &hints, &arena, &found,
                        &start);
    pthread_mutex_unlock(&e->cat_lock);
    free(a.source);
    if (a.wanted.n) { /* the same again, once they are known */
        struct look_job *w = xcalloc(1, sizeof(*w) + a.wanted.n + 1);

        w->argument = a.argument;
        memcpy(w->field, a.wanted.p, a.wanted.n);
        job_post(e, run_look, id, params, w);
    } else {
        list = json_array();
        for (size_t i = 0; i < n && i < CANDIDATES_MAX; i++)
            json_array_append_new(list,
                                  json_pack("{so ss so}", "text", rpc_str(found[i].text), "type",
                                            found[i].type, "desc", rpc_str(found[i].desc)));
        reply(e, id,
              json_pack("{si so si}", "start", (int)start, "candidates", list, "count", (int)n));
    }
    arena_fini(&arena);
}
