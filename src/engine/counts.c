/* Tables of the values that fields take, and funnels, over the kept stream, and on as it grows. */
#include "internal.h"

#define WINDOW_ROWS  256
#define WINDOW_BYTES ((size_t)1 << 20)
#define ROWS_MAX     1000

struct count {
    uint64_t id;
    struct filter *filter; /* NULL: every event */
    const struct column *fields[GROUP_FIELDS];
    unsigned nfields;
    pthread_mutex_t lock; /* guards what follows: the main thread answers from it */
    struct groups *groups;
    struct funnel *funnel; /* of the filter, in place of groups; NULL: groups */
    uint64_t row;          /* the next to be counted */
};

static void count_free(struct count *c)
{
    funnel_free(c->funnel);
    filter_free(c->filter);
    groups_free(c->groups);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void counts_free(struct engine *e)
{
    for (size_t i = 0; i < e->counts.n; i++)
        count_free(e->counts.v[i]);
    vec_free(&e->counts);
}

static void start_over(struct engine *e, struct count *c)
{
    groups_free(c->groups);
    c->groups = c->nfields ? groups_new(c->nfields, (size_t)e->spec.memory) : NULL;
    funnel_free(c->funnel);
    c->funnel = c->nfields ? NULL : funnel_new(c->filter);
    c->row = store_first(e->store);
}

void counts_restart(struct engine *e)
{
    for (size_t i = 0; i < e->counts.n; i++) {
        struct count *c = e->counts.v[i];

        pthread_mutex_lock(&c->lock);
        start_over(e, c);
        pthread_mutex_unlock(&c->lock);
    }
}

/* ---- counting: plugin thread ----------------------------------------------------------------- */

static void count_row(struct engine *e, struct count *c, const char *bytes, uint64_t row)
{
    struct event_reader *r = &e->plugin_scanner.reader;
    struct value values[GROUP_FIELDS];

    if (!reader_goes_to(r, c->filter, bytes, row))
        return;
    if (c->funnel) {
        funnel_look(c->funnel, &r->base);
        pthread_mutex_lock(&c->lock);
        funnel_add(c->funnel);
        pthread_mutex_unlock(&c->lock);
        return;
    }
    if (c->filter && !filter_match(c->filter, &r->base))
        return;
    for (unsigned i = 0; i < c->nfields; i++)
        field_extract(c->fields[i]->ref, &r->fe, false, &r->arena, &values[i]);
    pthread_mutex_lock(&c->lock);
    groups_add(c->groups, values, store_number(e->store, row));
    pthread_mutex_unlock(&c->lock);
}

static bool count_some(struct engine *e, struct count *c, uint64_t until)
{
    struct scanner *sc = &e->plugin_scanner;
    bool worked = false;

    while (c->row < store_rows(e->store) && time_mono() < until && !job_waiting(e)) {
        uint64_t row = MAX_OF(c->row, store_first(e->store));
        size_t n = (size_t)MIN_OF((uint64_t)WINDOW_ROWS, store_rows(e->store) - row);
        size_t got = store_read_rows(e->store, row, n, WINDOW_BYTES, &sc->bytes, sc->offsets);

        for (size_t i = 0; i < got && !e->plugin_quit; i++)
            count_row(e, c, sc->bytes.data + sc->offsets[i], row + i);
        pthread_mutex_lock(&c->lock);
        c->row = row + MAX_OF(got, (size_t)1);
        pthread_mutex_unlock(&c->lock);
        worked = true;
    }
    if (worked)
        wake_main(e, WAKE_COUNTS);
    return worked;
}

bool counts_step(struct engine *e, uint64_t ns)
{
    uint64_t until = time_mono() + ns;
    bool worked = false;

    for (size_t i = 0; e->store && i < e->counts.n; i++)
        worked |= count_some(e, e->counts.v[i], until);
    return worked;
}

/* ---- methods --------------------------------------------------------------------------------- */

static bool read_fields(struct engine *e, struct job *j, struct count *c)
{
    const json_t *list = json_object_get(j->params, "fields"), *item;
    uint32_t index;
    size_t i;

    json_array_foreach(list, i, item) {
        const char *text = json_string_value(item);

        if (!text || i >= GROUP_FIELDS)
            break;
        bundled_load_for(e, text);
        c->fields[i] = column_get(e, text, &index);
        if (!c->fields[i]->ref) {
            reply_syntax(e, j->id, &c->fields[i]->error);
            return false;
        }
        c->nfields++;
    }
    if (c->nfields == 0 || c->nfields < json_array_size(list)) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "one to eight fields are counted together");
        return false;
    }
    return true;
}

static bool read_filter(struct engine *e, struct job *j, struct count *c)
{
    const char *text = rpc_get_str(j->params, "filter");
    struct syntax_error err;

    if (!text || text[strspn(text, " \t\r\n")] == '\0')
        return true;
    bundled_load_for(e, text);
    c->filter = filter_typed(e, text, &err);
    if (!c->filter)
        reply_syntax(e, j->id, &err);
    return c->filter != NULL;
}

static void begin(struct engine *e, struct count *c)
{
    start_over(e, c);
    pthread_mutex_lock(&e->sel_lock);
    c->id = ++e->next_selection;
    vec_push(&e->counts, c);
    pthread_mutex_unlock(&e->sel_lock);
}

static void run_start(struct engine *e, struct job *j)
{
    struct count *c = xcalloc(1, sizeof(*c));

    pthread_mutex_init(&c->lock, NULL);
    if (!read_fields(e, j, c) || !read_filter(e, j, c)) {
        count_free(c);
        return;
    }
    begin(e, c);
    reply(e, j->id,
          json_pack("{so ss sb}", "count", rpc_u64(c->id), "type",
                    value_type_info(c->fields[0]->ref->def->type)->word, "list",
                    c->fields[0]->ref->def->list));
}

static void run_funnel(struct engine *e, struct job *j)
{
    struct count *c = xcalloc(1, sizeof(*c));

    pthread_mutex_init(&c->lock, NULL);
    if (!read_filter(e, j, c)) {
        count_free(c);
    } else if (!c->filter) {
        count_free(c);
        reply_code(e, j->id, RPC_INVALID_PARAMS, "“filter” is missing");
    } else {
        begin(e, c);
        reply(e, j->id, json_pack("{so}", "count", rpc_u64(c->id)));
    }
}

void method_funnel(struct engine *e, const json_t *id, const json_t *params)
{
    job_post_kept(e, run_funnel, id, params);
}

void method_count_start(struct engine *e, const json_t *id, const json_t *params)
{
    job_post_kept(e, run_start, id, params);
}

/* The clause that holds for events of a group, for one of its fields. */
static json_t *key_clause(const struct field_ref *ref, const struct group_key *key)
{
    enum value_class vclass = value_type_info(ref->def->type)->vclass;
    struct buf b;
    json_t *j;

    buf_init(&b, EVENT_LEN_MAX);
    if (key->state != VALUE_OK) {
        buf_addf(&b, "not %s exists", ref->text);
    } else {
        struct buf constant;

        buf_init(&constant, EVENT_LEN_MAX);
        buf_add(&constant, key->text.p, key->text.n);
        if (vclass == VC_NETWORK)
            buf_adds(&constant, memchr(key->text.p, ':', key->text.n) ? "/128" : "/32");
        buf_addf(&b, ref->def->list ? "%s intersects (" : "%s = ", ref->text);
        filter_quote((struct span){buf_str(&constant), constant.len}, &b);
        if (ref->def->list)
            buf_addc(&b, ')');
        buf_fini(&constant);
    }
    j = rpc_str(buf_str(&b));
    buf_fini(&b);
    return j;
}

static json_t *group_json(const struct count *c, const struct group *g)
{
    json_t *keys = json_array(), *clauses = json_array();

    for (unsigned k = 0; k < c->nfields; k++) {
        const struct group_key *key = &g->keys[k];

        json_array_append_new(keys, key->state == VALUE_OK
                                        ? rpc_text(key->text.p, MIN_OF(key->text.n, (size_t)4096))
                                    : key->state == VALUE_FAILED ? json_pack("{ss}", "error", "")
                                                                 : json_null());
        json_array_append_new(clauses, key_clause(c->fields[k]->ref, key));
    }
    return json_pack("{so so so so}", "keys", keys, "clauses", clauses, "count", rpc_u64(g->count),
                     "first", rpc_u64(g->first));
}

static struct count *count_find(struct engine *e, uint64_t id)
{
    for (size_t i = 0; i < e->counts.n; i++) {
        if (e->counts.v[i]->id == id)
            return e->counts.v[i];
    }
    return NULL;
}

static json_t *groups_json(const struct count *c, size_t from, size_t n)
{
    struct group *top = xcalloc(n, sizeof(*top));
    json_t *rows = json_array();

    n = groups_top(c->groups, from, n, top);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(rows, group_json(c, &top[i]));
    free(top);
    return json_pack("{so so so so}", "rows", rows, "groups", rpc_u64(groups_count(c->groups)),
                     "events", rpc_u64(groups_events(c->groups)), "others",
                     rpc_u64(groups_others(c->groups)));
}

void method_count_rows(struct engine *e, const json_t *id, const json_t *params)
{
    uint64_t from = rpc_u64_or(params, "from", 0),
             n = MIN_OF(rpc_u64_or(params, "n", 50), (uint64_t)ROWS_MAX);
    json_t *o = NULL;
    struct count *c;

    pthread_mutex_lock(
        &e->sel_lock); /* the list of counts stands still; the plugin thread waits for a moment */
    c = count_find(e, rpc_u64_or(params, "count", 0));
    if (c) {
        pthread_mutex_lock(&c->lock);
        o = c->funnel ? funnel_json(c->funnel) : groups_json(c, (size_t)from, (size_t)n);
        json_object_set_new(o, "counted", rpc_u64(c->row));
        json_object_set_new(o, "end", rpc_u64(store_rows(e->store)));
        pthread_mutex_unlock(&c->lock);
    }
    pthread_mutex_unlock(&e->sel_lock);
    if (o)
        reply(e, id, o);
    else
        reply_code(e, id, RPC_INVALID_PARAMS, "there is no such count");
}

static void run_stop(struct engine *e, struct job *j)
{
    struct count *c;

    pthread_mutex_lock(&e->sel_lock);
    c = count_find(e, rpc_u64_or(j->params, "count", 0));
    for (size_t i = 0; c && i < e->counts.n; i++) {
        if (e->counts.v[i] == c) {
            e->counts.v[i] = e->counts.v[--e->counts.n];
            break;
        }
    }
    pthread_mutex_unlock(&e->sel_lock);
    if (c)
        count_free(c);
    reply(e, j->id, json_object());
}

void method_count_stop(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_stop, id, params, NULL);
}
