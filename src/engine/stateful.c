/*
 * Plugins whose values depend on the events before: each event passes them once, in order; fields
 * that somebody wants are kept as columns as it passes. For what passed before a field was wanted,
 * another process reads the stream again from its start (replay.h).
 */
#include "replay.h"

#define DEATHS_MAX 3 /* by calls for a field; then it is not asked for at all */
#define FILL_ROWS  4096
#define FIRST_MAX  4 /* fields of a plugin that are kept from the start */

struct tracked { /* a field of a stateful plugin that somebody wants */
    struct column *column;
    struct value_column *values;
    uint64_t from; /* rows from here on were kept as they passed */
    bool whole;    /* those before, too */
};

struct rereading {
    bool on;
    struct replay *process;
    uint64_t row, end; /* the next; up to where */
    size_t ntracked;   /* the first so many are filled in */
    json_t *avoid;     /* calls that are not made */
    bool died;
    char *failed; /* why the rest can't be known */
    uint64_t told;
};

struct stateful {
    VEC(struct tracked) tracked;
    struct rereading again;
    struct arena arena;
    enum { NOT_ASKED, ASKED, ALLOWED, DENIED } answer;
};

struct stateful *stateful_new(void)
{
    return xcalloc(1, sizeof(struct stateful));
}

static void rereading_end(struct rereading *r)
{
    replay_free(r->process);
    json_decref(r->avoid);
    free(r->failed);
    *r = (struct rereading){.on = false};
}

void stateful_free(struct stateful *s)
{
    rereading_end(&s->again);
    vec_free(&s->tracked);
    arena_fini(&s->arena);
    free(s);
}

bool stateful_replays(const struct engine *e)
{
    return e->stateful->again.on;
}

/* ---- keeping --------------------------------------------------------------------------------- */

static void extract(const struct field_ref *ref, const struct plugin_event *pe, struct arena *arena,
                    struct value *out)
{
    const struct field_def *def = ref->def;

    *out = (struct value){.state = VALUE_NONE, .type = (uint8_t)def->type, .list = def->list};
    for (size_t i = 0; pe->source && i < def->providers.n; i++) {
        struct plugin *p = def->providers.v[i].plugin;

        if (!plugin_extracts(p, event_code(pe->bytes), pe->source))
            continue;
        plugin_extract(p, def->providers.v[i].index, &ref->arg, false, pe, arena, out);
        if (out->type != def->type || out->list != def->list)
            out->state = VALUE_NONE;
        return;
    }
}

static void keep(struct engine *e, const struct tracked *t, uint64_t row, const struct value *v)
{
    struct value_chunk *k = value_chunk_take(e->values, t->values, row, true);

    value_chunk_keep(e->values, k, row, v);
    value_chunk_give(e->values, k);
}

static void keep_row(struct engine *e, uint64_t row, const struct plugin_event *pe)
{
    static const struct value none = {.state = VALUE_NONE};
    struct stateful *s = e->stateful;
    struct value v;

    arena_reset(&s->arena);
    for (size_t i = 0; i < s->tracked.n; i++) {
        if (pe)
            extract(s->tracked.v[i].column->ref, pe, &s->arena, &v);
        keep(e, &s->tracked.v[i], row, pe ? &v : &none);
    }
}

/* ---- as events pass -------------------------------------------------------------------------- */

bool stateful_asks(const struct engine *e)
{
    return e->parses || e->stateful->tracked.n > 0;
}

const char *stateful_source_of(const struct engine *e, const void *event)
{
    uint16_t type = event_code(event);
    uint32_t id = type == EVENT_PLUGIN || type == EVENT_ASYNC ? event_plugin_id(event) : 0;
    struct plugin *p = plugin_by_id(e->host, id);

    return id == 0 ? "syscall" : p ? plugin_info(p)->source : NULL;
}

void stateful_pass(struct engine *e, const void *event, uint64_t number, uint64_t row)
{
    struct plugin_event pe = {event, number, stateful_source_of(e, event)};

    if (!stateful_asks(e))
        return;
    if (e->parses)
        plugin_host_parse(e->host, &pe);
    if (row == ROW_NONE)
        return;
    for (; e->passed_rows < row; e->passed_rows++) /* marks between them */
        keep_row(e, e->passed_rows, NULL);
    keep_row(e, row, &pe);
    e->passed_rows = row + 1;
}

/* Rows that were there before their plugins: of a spool that another engine began. */
bool stateful_catch_up(struct engine *e, uint64_t until)
{
    struct scanner *sc = &e->plugin_scanner;
    bool worked = false;

    if (!e->store || e->capture || !stateful_asks(e))
        return false;
    while (e->passed_rows < store_rows(e->store) && !e->plugin_quit) {
        struct store_row r;

        e->passed_rows = MAX_OF(e->passed_rows, store_first(e->store));
        worked = true;
        if (!store_row(e->store, e->passed_rows, &r) || r.type == STORE_ROW_MARK ||
            (r.flags & STORE_UNNUMBERED) ||
            store_read(e->store, e->passed_rows, &sc->bytes, NULL) != SEV_OK) {
            keep_row(e, e->passed_rows++, NULL);
            continue;
        }
        stateful_pass(e, sc->bytes.data, store_number(e->store, e->passed_rows), e->passed_rows);
        if (time_mono() >= until || job_waiting(e))
            break;
    }
    if (worked)
        wake_main(e, WAKE_CELLS | WAKE_SELECTION);
    return worked;
}

void stateful_feed_event(struct engine *e, struct plugin *p, const void *event, uint64_t number)
{
    struct plugin_event pe = {event, number, stateful_source_of(e, event)};

    plugin_parse(p, &pe);
}

static void feed_rows(struct engine *e, struct plugin *p)
{
    struct scanner *sc = &e->plugin_scanner;

    for (uint64_t row = store_first(e->store); row < e->passed_rows && !e->plugin_quit; row++) {
        struct store_row r;

        if (store_row(e->store, row, &r) && r.type != STORE_ROW_MARK &&
            !(r.flags & STORE_UNNUMBERED) && store_read(e->store, row, &sc->bytes, NULL) == SEV_OK)
            stateful_feed_event(e, p, sc->bytes.data, store_number(e->store, row));
    }
}

void stateful_feed(struct engine *e, struct plugin *p)
{
    struct error err = {0};

    if (!e->store || !(plugin_info(p)->caps & CAP_PARSING))
        return;
    if (e->capture)
        capture_feed(e, p, &err);
    else
        feed_rows(e, p);
    if (err.text[0])
        log_note(e, plugin_info(p)->name, "it knows nothing of the events before: %s", err.text);
}

/* ---- what is wanted -------------------------------------------------------------------------- */

static bool is_stateful(const struct column *c)
{
    return c->ref && (c->ref->def->flags & FIELD_STATEFUL);
}

void stateful_track(struct engine *e, struct column *c)
{
    struct stateful *s = e->stateful;
    struct tracked t = {.column = c};

    if (!is_stateful(c) || !e->store)
        return;
    for (size_t i = 0; i < s->tracked.n; i++) {
        if (s->tracked.v[i].column == c)
            return;
    }
    t.values = value_column_of(e->values, c->ref->text);
    value_column_pin(e->values, t.values);
    t.from = e->passed_rows;
    t.whole = t.from <= store_first(e->store);
    vec_push(&s->tracked, t);
}

/* Whether a layout of theirs shows it, or its plugin says that it tells much. */
static bool is_shown_first(struct engine *e, const struct field_def *def)
{
    if (def->flags & (FIELD_ADD_OUTPUT | FIELD_INFO | FIELD_CONVERSATION))
        return true;
    for (size_t i = 0; i < e->layouts.v.n; i++) {
        const struct layout *l = e->layouts.v.v[i];

        for (size_t k = 0; k < l->columns.n; k++) {
            if (str_eq(l->columns.v[k].field, def->name))
                return true;
        }
    }
    return false;
}

static size_t track_of_plugin(struct engine *e, const struct plugin_info *info, bool all)
{
    size_t n = 0;

    for (size_t i = 0; i < info->fields.n && n < FIRST_MAX; i++) {
        const struct field_def *def;
        uint32_t index;
        bool wanted;

        pthread_mutex_lock(&e->cat_lock);
        def = field_find(e->catalogue, span_of(info->fields.v[i].name), &(struct span){0});
        wanted = def && def->flags & FIELD_STATEFUL && !def->arg_required &&
                 !(def->flags & FIELD_HIDDEN) && (all || is_shown_first(e, def));
        pthread_mutex_unlock(&e->cat_lock);
        if (!wanted)
            continue;
        stateful_track(e, column_get(e, def->name, &index));
        n++;
    }
    return n;
}

void stateful_track_first(struct engine *e)
{
    struct plugin *p;

    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        if (plugin_state(p) == PLUGIN_INITIALISED && track_of_plugin(e, plugin_info(p), false) == 0)
            track_of_plugin(e, plugin_info(p), true);
    }
}

bool stateful_is_tracked(const struct engine *e, const struct field_def *def)
{
    for (size_t i = 0; i < e->stateful->tracked.n; i++) {
        if (e->stateful->tracked.v[i].column->ref->def == def)
            return true;
    }
    return false;
}

bool stateful_value(struct engine *e, const struct field_ref *ref, uint64_t row, struct value *out)
{
    const char *text = ref->text ? ref->text : ref->def->name;
    struct value_chunk *k =
        value_chunk_take(e->values, value_column_of(e->values, text), row, false);
    bool known = k && value_chunk_get(k, row, out);
    uint32_t index;

    value_chunk_give(e->values, k); /* it is pinned, and lives on */
    if (!known)
        stateful_track(e, column_get(e, text, &index));
    return known;
}

bool stateful_was_reread(const struct engine *e, const struct field_ref *ref, uint64_t row)
{
    const char *text = ref->text ? ref->text : ref->def->name;
    const struct stateful *s = e->stateful;

    for (size_t i = 0; ref->def->flags & FIELD_STATEFUL && i < s->tracked.n; i++) {
        if (str_eq(s->tracked.v[i].column->text, text))
            return row < s->tracked.v[i].from;
    }
    return false;
}

/* ---- reading again --------------------------------------------------------------------------- */

static enum severity start_process(struct engine *e, struct rereading *r, struct error *err)
{
    struct stateful *s = e->stateful;
    const struct field_ref **fields = xcalloc(r->ntracked, sizeof(*fields));
    struct replay_order order = {fields, r->ntracked, store_first(e->store),
                                 r->end, r->avoid,    r->died};

    for (size_t i = 0; i < r->ntracked; i++)
        fields[i] = s->tracked.v[i].column->ref;
    r->process = replay_start(e, &order, err);
    free(fields);
    return r->process ? SEV_OK : SEV_FAILED;
}

/* Up to where rows have to be read again; 0: there are none. */
static uint64_t wanted_until(const struct stateful *s)
{
    uint64_t end = 0;

    for (size_t i = 0; i < s->tracked.n; i++) {
        if (!s->tracked.v[i].whole)
            end = MAX_OF(end, s->tracked.v[i].from);
    }
    return end;
}

/* Those that are not ours: nobody knows what a second start of them does. */
static json_t *plugins_to_ask_for(const struct engine *e)
{
    json_t *names = json_array();
    struct plugin *p;

    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        if (plugin_state(p) == PLUGIN_INITIALISED &&
            !str_starts(plugin_info(p)->path, e->spec.bundled_dir))
            json_array_append_new(names, rpc_str(plugin_info(p)->name));
    }
    return names;
}

/* True: the client is asked, and answers later. */
static bool ask_first(struct engine *e, uint64_t events)
{
    json_t *names;

    if (!e->spec.ask_replay || e->spec.no_replay || e->stateful->answer != NOT_ASKED)
        return false;
    names = plugins_to_ask_for(e);
    e->stateful->answer = json_array_size(names) ? ASKED : ALLOWED;
    if (e->stateful->answer == ASKED)
        notify(e, "replay/asked",
               json_pack("{sO so}", "plugins", names, "events", rpc_u64(events)));
    json_decref(names);
    return e->stateful->answer == ASKED;
}

static void run_replay(struct engine *e, struct job *j)
{
    e->stateful->answer = rpc_get_bool(j->params, "allow", false) ? ALLOWED : DENIED;
    reply(e, j->id, json_object());
}

void method_replay(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_replay, id, params, NULL);
}

static bool start_rereading(struct engine *e)
{
    struct stateful *s = e->stateful;
    struct rereading *r = &s->again;
    uint64_t end = wanted_until(s);
    struct error err;

    if (end == 0)
        return false;
    if (s->answer == ASKED || ask_first(e, end - store_first(e->store)))
        return false;
    *r = (struct rereading){.on = true, .row = store_first(e->store), .end = end};
    r->ntracked = s->tracked.n;
    r->avoid = e->avoid ? json_deep_copy(e->avoid) : json_array();
    if (e->spec.no_replay || s->answer == DENIED) {
        r->failed = xasprintf("not read again%s: it depends on events that had passed when it was "
                              "asked for",
                              e->spec.no_replay ? " (--no-replay)" : "");
        return true;
    }
    log_note(e, NULL,
             "reading %llu events again, in a process of its own, for values that depend on those "
             "before",
             (unsigned long long)(end - r->row));
    if (start_process(e, r, &err) != SEV_OK)
        r->failed = xstrdup(err.text);
    return true;
}

static void finish_rereading(struct engine *e)
{
    struct stateful *s = e->stateful;

    for (size_t i = 0; i < s->again.ntracked; i++)
        s->tracked.v[i].whole = true;
    rereading_end(&s->again);
    value_columns_trim(e->values);
    pthread_mutex_lock(&e->sel_lock);
    pthread_cond_broadcast(&e->sel_cond);
    pthread_mutex_unlock(&e->sel_lock);
    wake_main(e, WAKE_CELLS | WAKE_SELECTION | WAKE_COUNTS);
}

static void keep_again(struct engine *e, uint64_t row, const struct value *v)
{
    struct rereading *r = &e->stateful->again;

    if (row < r->row)
        return; /* another process has told it before it died */
    for (size_t i = 0; i < r->ntracked; i++) {
        if (!e->stateful->tracked.v[i].whole)
            keep(e, &e->stateful->tracked.v[i], row, &v[i]);
    }
    r->row = row + 1;
}

/* Whether it can go on without the call that killed it, which is added to those to avoid. */
static bool avoid(struct rereading *r, json_t *call)
{
    const char *field = rpc_get_str(call, "field"), *plugin = rpc_get_str(call, "plugin");
    unsigned times = 1, most = DEATHS_MAX;
    const json_t *before;
    size_t i;

    if (str_eq(field, plugin_fn_name(PF_PARSE_EVENT))) /* values without that mean nothing */
        most--;

    json_array_foreach(r->avoid, i, before) {
        times += str_eq(rpc_get_str(before, "field"), field) &&
                 str_eq(rpc_get_str(before, "plugin"), plugin);
    }
    if (times == DEATHS_MAX)
        json_object_set_new(call, "event", json_integer(0));
    return json_array_append(r->avoid, call) == 0 && times <= most;
}

static void process_died(struct engine *e, struct rereading *r)
{
    struct replay_death death;
    struct error err;

    replay_death(r->process, &death);
    replay_free(r->process);
    r->process = NULL;
    r->died = true;
    if (death.avoid && avoid(r, death.avoid)) {
        log_note(e, rpc_get_str(death.avoid, "plugin"),
                 "the process that read events again %s; it starts anew without that call",
                 death.text);
        json_decref(death.avoid);
        if (start_process(e, r, &err) == SEV_OK)
            return;
        snprintf(death.text, sizeof(death.text), "%.500s", err.text);
    } else {
        json_decref(death.avoid);
    }
    r->failed = xasprintf("the process that reads events again: %s", death.text);
    log_entry(e, NULL, 4, "mews", r->failed);
}

/* What is not known, and won't be, says why. */
static void fill_with_reason(struct engine *e, struct rereading *r)
{
    struct value v = {.state = VALUE_FAILED, .n = 1, .one.s = span_of(r->failed)};

    for (unsigned n = 0; n < FILL_ROWS && r->row < r->end; n++, r->row++) {
        for (size_t i = 0; i < r->ntracked; i++) {
            struct tracked *t = &e->stateful->tracked.v[i];

            v.type = (uint8_t)t->column->ref->def->type;
            if (!t->whole)
                keep(e, t, r->row, &v);
        }
    }
}

static bool reread_some(struct engine *e, struct rereading *r, uint64_t until, bool *waits)
{
    enum replay_state state;

    if (r->failed) {
        fill_with_reason(e, r);
        return r->row < r->end;
    }
    state = replay_step(e, r->process, until, keep_again);
    *waits = state == REPLAY_WAITS;
    if (state == REPLAY_DIED)
        process_died(e, r);
    return state != REPLAY_DONE;
}

bool stateful_replay(struct engine *e, uint64_t until)
{
    struct rereading *r = &e->stateful->again;
    bool waits = false;

    if (!e->store || (!r->on && !start_rereading(e)))
        return false;
    do {
        if (!reread_some(e, r, until, &waits)) {
            finish_rereading(e);
            return true;
        }
    } while (!waits && time_mono() < until && !job_waiting(e) && !e->plugin_quit);
    if (time_mono() > r->told + 100 * NS_PER_MS) {
        r->told = time_mono();
        wake_main(e, WAKE_CELLS);
    }
    return !waits;
}
