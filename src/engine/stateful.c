/*
 * Plugins whose values depend on the events before: each event passes them once, in order; fields
 * that somebody wants are kept as columns as it passes. For what passed before a field was wanted,
 * a second set of the plugins reads the stream again, from its start, without opening anything.
 */
#include "internal.h"

#define REPLAY_ROWS  256
#define REPLAY_BYTES ((size_t)1 << 20)

struct tracked { /* a field of a stateful plugin that somebody wants */
    struct column *column;
    struct value_column *values;
    uint64_t from; /* rows from here on were kept as they passed */
    bool whole;    /* those before, too */
};

struct replay {
    struct plugin_host *host;
    struct host_tables *tables;
    struct capture *capture; /* its own pass over a capture; NULL: of a plugin's stream */
    uint64_t row, end;       /* the next; up to where */
    size_t ntracked;         /* the first so many are filled in */
    struct arena arena;
    struct buf bytes;
    size_t offsets[REPLAY_ROWS];
};

struct stateful {
    VEC(struct tracked) tracked;
    struct replay *replay;
    struct arena arena;
    bool refused; /* --no-replay has been told */
};

struct stateful *stateful_new(void)
{
    return xcalloc(1, sizeof(struct stateful));
}

static void replay_free(struct replay *r)
{
    if (!r)
        return;
    plugin_host_free(r->host);
    state_tables_free(r->tables);
    capture_free(r->capture);
    arena_fini(&r->arena);
    buf_fini(&r->bytes);
    free(r);
}

void stateful_free(struct stateful *s)
{
    replay_free(s->replay);
    vec_free(&s->tracked);
    arena_fini(&s->arena);
    free(s);
}

bool stateful_replays(const struct engine *e)
{
    return e->stateful->replay != NULL;
}

/* ---- keeping --------------------------------------------------------------------------------- */

/* The same plugin among those of another host. */
static struct plugin *twin(struct plugin_host *host, struct plugin *p)
{
    struct plugin *other = plugin_by_name(host, plugin_info(p)->name);

    return other ? other : p;
}

static void extract(struct plugin_host *host, const struct field_ref *ref,
                    const struct plugin_event *pe, struct arena *arena, struct value *out)
{
    const struct field_def *def = ref->def;

    *out = (struct value){.state = VALUE_NONE, .type = (uint8_t)def->type, .list = def->list};
    for (size_t i = 0; pe->source && i < def->providers.n; i++) {
        struct plugin *p = twin(host, def->providers.v[i].plugin);

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

static void keep_row(struct engine *e, struct plugin_host *host, size_t ntracked, uint64_t row,
                     const struct plugin_event *pe, struct arena *arena)
{
    static const struct value none = {.state = VALUE_NONE};
    const struct stateful *s = e->stateful;
    struct value v;

    for (size_t i = 0; i < ntracked; i++) {
        if (s->tracked.v[i].whole && host != e->host)
            continue;
        if (pe)
            extract(host, s->tracked.v[i].column->ref, pe, arena, &v);
        keep(e, &s->tracked.v[i], row, pe ? &v : &none);
    }
}

/* ---- as events pass -------------------------------------------------------------------------- */

bool stateful_asks(const struct engine *e)
{
    return e->parses || e->stateful->tracked.n > 0;
}

static const char *source_of(const struct engine *e, const void *event)
{
    uint16_t type = event_code(event);
    uint32_t id = type == EVENT_PLUGIN || type == EVENT_ASYNC ? event_plugin_id(event) : 0;
    struct plugin *p = plugin_by_id(e->host, id);

    return id == 0 ? "syscall" : p ? plugin_info(p)->source : NULL;
}

void stateful_pass(struct engine *e, const void *event, uint64_t number, uint64_t row)
{
    struct stateful *s = e->stateful;
    struct plugin_event pe = {event, number, source_of(e, event)};

    if (!stateful_asks(e))
        return;
    if (e->parses)
        plugin_host_parse(e->host, &pe);
    if (row == ROW_NONE)
        return;
    for (; e->passed_rows < row; e->passed_rows++) /* marks between them */
        keep_row(e, e->host, s->tracked.n, e->passed_rows, NULL, NULL);
    arena_reset(&s->arena);
    keep_row(e, e->host, s->tracked.n, row, &pe, &s->arena);
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
            keep_row(e, e->host, e->stateful->tracked.n, e->passed_rows++, NULL, NULL);
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
    struct plugin_event pe = {event, number, source_of(e, event)};

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

void stateful_bind(struct engine *e, struct state *s, bool replay)
{
    state_tables_bind(replay ? e->stateful->replay->tables : e->tables, s);
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

/* ---- reading again --------------------------------------------------------------------------- */

/* The same plugins, with the same configuration, in the same order. */
static struct plugin_host *second_host(struct engine *e, struct host_tables **tables)
{
    struct plugin_hooks hooks = {.ctx = e, .log = replay_log};
    struct plugin_host *host = plugin_host_new(&hooks, &e->shared->record);
    struct plugin *p;

    plugin_host_share_sources(host, e->spec.shared_sources);
    *tables = state_tables_offer(host);
    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        if (plugin_state(p) == PLUGIN_INITIALISED)
            plugin_load(host, plugin_info(p), plugin_config(p));
    }
    return host;
}

static bool start_replay(struct engine *e)
{
    struct stateful *s = e->stateful;
    struct replay *r;
    struct error err;
    uint64_t end = 0;

    for (size_t i = 0; i < s->tracked.n; i++) {
        if (!s->tracked.v[i].whole)
            end = MAX_OF(end, s->tracked.v[i].from);
    }
    if (end == 0)
        return false;
    if (e->spec.no_replay) {
        if (!s->refused)
            log_note(e, NULL,
                     "--no-replay: values of plugins that parse events are there only "
                     "for events that came after they were asked for");
        s->refused = true;
        return false;
    }
    r = s->replay = xcalloc(1, sizeof(*r));
    buf_init(&r->bytes, EVENT_LEN_MAX + REPLAY_BYTES);
    r->row = store_first(e->store);
    r->end = end;
    r->ntracked = s->tracked.n;
    if (e->capture && !(r->capture = capture_new(&e->spec, e->fds.spool, NULL, &err))) {
        log_note(e, NULL, "the capture can't be read again: %s", err.text);
        r->end = 0;
    }
    r->host = second_host(e, &r->tables);
    log_note(e, NULL, "reading %llu events again, for values that depend on those before",
             (unsigned long long)(end - r->row));
    return true;
}

static void finish_replay(struct engine *e)
{
    struct stateful *s = e->stateful;

    for (size_t i = 0; i < s->replay->ntracked; i++)
        s->tracked.v[i].whole = true;
    replay_free(s->replay);
    s->replay = NULL;
    value_columns_trim(e->values);
    pthread_mutex_lock(&e->sel_lock);
    pthread_cond_broadcast(&e->sel_cond);
    pthread_mutex_unlock(&e->sel_lock);
    wake_main(e, WAKE_CELLS | WAKE_SELECTION | WAKE_COUNTS);
}

/* An event of the capture's second pass. */
void stateful_replayed(struct engine *e, const void *event, uint64_t number, bool shown)
{
    struct replay *r = e->stateful->replay;
    struct plugin_event pe = {event, number, source_of(e, event)};

    plugin_host_parse(r->host, &pe);
    if (!shown || r->row >= r->end)
        return;
    arena_reset(&r->arena);
    keep_row(e, r->host, r->ntracked, r->row++, &pe, &r->arena);
}

void stateful_replayed_mark(struct engine *e)
{
    struct replay *r = e->stateful->replay;

    keep_row(e, r->host, r->ntracked, r->row++, NULL, NULL);
}

static void replay_rows(struct engine *e, struct replay *r)
{
    size_t n = (size_t)MIN_OF(r->end - r->row, (uint64_t)REPLAY_ROWS);
    size_t got = store_read_rows(e->store, r->row, n, REPLAY_BYTES, &r->bytes, r->offsets);

    if (got == 0) { /* dropped meanwhile */
        r->row = MAX_OF(r->row + 1, store_first(e->store));
        return;
    }
    for (size_t i = 0; i < got && !e->plugin_quit; i++) {
        struct store_row row;
        const char *event = r->bytes.data + r->offsets[i];

        if (!store_row(e->store, r->row, &row) || row.type == STORE_ROW_MARK ||
            (row.flags & STORE_UNNUMBERED) || event_check(event, event_len(event), NULL) != SEV_OK)
            stateful_replayed_mark(e);
        else
            stateful_replayed(e, event, store_number(e->store, r->row), true);
    }
}

bool stateful_replay(struct engine *e, uint64_t until)
{
    struct stateful *s = e->stateful;
    uint64_t told = 0;

    if (!e->store || (!s->replay && !start_replay(e)))
        return false;
    do {
        struct replay *r = s->replay;

        if (r->row >= r->end || (r->capture && !capture_replay_some(e, r->capture))) {
            finish_replay(e);
            return true;
        }
        if (!r->capture)
            replay_rows(e, r);
        if (time_mono() > told + 100 * NS_PER_MS) {
            told = time_mono();
            wake_main(e, WAKE_CELLS);
        }
    } while (time_mono() < until && !job_waiting(e) && !e->plugin_quit);
    return true;
}
