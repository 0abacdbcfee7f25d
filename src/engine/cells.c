/* Columns, the values in them, and the rows that a client asks for. */
#include "internal.h"

#include <uthash.h>

#define CELL_TEXT_MAX  1024
#define CELL_LIST_MAX  64
#define GENERATION_MAX 40000 /* cells in one half of the cache */
#define ROWS_MAX       500
#define COLUMNS_MAX    60
#define ASYNC_TEXT_MAX 200 /* bytes of an async event's data beside its name */

/* ---- columns --------------------------------------------------------------------------------- */

/* A format, as `print -p` takes it; what has no value is <NA> there. */
static void format_compile(struct engine *e, struct column *c)
{
    char *text = xasprintf("%s%s", *c->text == '*' ? "" : "*", c->text);

    c->format = output_compile(text, e->catalogue, &c->error);
    c->plugin = true; /* it may ask several fields; they are asked in one place */
    free(text);
}

static void column_compile(struct engine *e, struct column *c)
{
    struct scan s = {.depth_max = FILTER_DEPTH, .arena = &c->arena, .err = &c->error};
    struct expr *x;
    bool none;

    if (strchr(c->text, '%')) {
        format_compile(e, c);
        return;
    }
    c->ref = NULL;
    vec_free(&c->refs.v);
    c->refs.arena = &c->arena;
    s.s = arena_strndup(&c->arena, c->text, strlen(c->text));
    s.n = strlen(c->text);
    x = expr_parse(&s, &none);
    if (x && x->kind == EXPR_FIELD && s.at == s.n &&
        expr_compile(x, e->catalogue, &c->refs, &c->error))
        c->ref = x->ref;
    else if (!s.failed && (!x || x->kind != EXPR_FIELD || s.at != s.n))
        scan_fail(&s, s.at, 0, "C01", "a column shows one field, with its argument in [ ]");
    if (!c->ref)
        syntax_error_place(&c->error, c->text, strlen(c->text), c->error.index);
    c->plugin = c->ref && (c->ref->def->flags & FIELD_NEEDS_PLUGIN);
}

/* utc: of a format, how it writes times. */
static struct column *column_find(struct engine *e, const char *text, bool utc, uint32_t *index)
{
    struct column *c = NULL;
    size_t i;

    pthread_mutex_lock(&e->cat_lock);
    for (i = 0; i < e->columns.n && !c; i++)
        c = str_eq(e->columns.v[i]->text, text) && e->columns.v[i]->utc == utc ? e->columns.v[i]
                                                                               : NULL;
    if (c) {
        i--;
    } else {
        c = xcalloc(1, sizeof(*c));
        c->text = xstrdup(text);
        c->utc = utc;
        column_compile(e, c);
        vec_push(&e->columns, c);
    }
    pthread_mutex_unlock(&e->cat_lock);
    *index = (uint32_t)i;
    return c;
}

struct column *column_get(struct engine *e, const char *text, uint32_t *index)
{
    return column_find(e, text, false, index);
}

static bool column_is_known(const struct column *c)
{
    return c->ref || c->format;
}

void columns_recompile(struct engine *e)
{
    pthread_mutex_lock(&e->cat_lock);
    for (size_t i = 0; i < e->columns.n; i++) {
        if (!column_is_known(e->columns.v[i]))
            column_compile(e, e->columns.v[i]);
    }
    pthread_mutex_unlock(&e->cat_lock);
}

void columns_free(struct engine *e)
{
    for (size_t i = 0; i < e->columns.n; i++) {
        vec_free(&e->columns.v[i]->refs.v);
        output_free(e->columns.v[i]->format);
        arena_fini(&e->columns.v[i]->arena);
        free(e->columns.v[i]->text);
        free(e->columns.v[i]);
    }
    vec_free(&e->columns);
}

const char *field_type_word(const struct field_def *def)
{
    bool part = def->builtin >= 0 && (str_ends(def->name, ".s") || str_ends(def->name, ".ns"));

    /* seconds, or the rest of one: no point in time, and no duration in nanoseconds */
    return value_type_info(part && value_type_info(def->type)->vclass == VC_UNSIGNED ? VT_UINT64
                                                                                     : def->type)
        ->word;
}

/* ---- values in the protocol's form ----------------------------------------------------------- */

static json_t *cut_text(const char *p, size_t n, size_t max)
{
    size_t keep = n;

    if (n <= max)
        return rpc_text(p, n);
    for (keep = max; keep && ((unsigned char)p[keep] & 0xc0) == 0x80; keep--)
        ;
    return json_pack("{so so}", "text", rpc_text(p, keep), "size", rpc_u64(n));
}

static json_t *elem_json(const struct value *v, uint32_t i, size_t max)
{
    struct buf b;
    json_t *j;

    buf_init(&b, EVENT_LEN_MAX);
    value_elem_text(v->type, value_elem(v, i), &b);
    j = cut_text(buf_str(&b), b.len, max);
    buf_fini(&b);
    return j;
}

json_t *value_json(const struct value *v, size_t max)
{
    json_t *list, *o;

    if (v->state == VALUE_NONE)
        return json_null();
    if (v->state == VALUE_FAILED)
        return json_pack("{so}", "error", rpc_text(v->one.s.p, v->one.s.n));
    if (!v->list)
        return elem_json(v, 0, max);
    list = json_array();
    for (uint32_t i = 0; i < v->n && i < CELL_LIST_MAX; i++)
        json_array_append_new(list, elem_json(v, i, max));
    o = json_pack("{so}", "list", list);
    if (v->n > CELL_LIST_MAX)
        json_object_set_new(o, "count", json_integer(v->n));
    return o;
}

/* ---- the cache: two halves, the older one is thrown away when the younger is full ------------ */

struct cell {
    struct {
        uint64_t row;
        uint64_t column;
    } key;
    json_t *value;
    UT_hash_handle hh;
};

struct cell_cache {
    pthread_mutex_t lock;
    struct cell *young, *old;
};

struct cell_cache *cell_cache_new(void)
{
    struct cell_cache *c = xcalloc(1, sizeof(*c));

    pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void half_free(struct cell **half)
{
    struct cell *c, *next;

    HASH_ITER(hh, *half, c, next)
    {
        HASH_DEL(*half, c);
        json_decref(c->value);
        free(c);
    }
}

void cell_cache_clear(struct cell_cache *c)
{
    pthread_mutex_lock(&c->lock);
    half_free(&c->young);
    half_free(&c->old);
    pthread_mutex_unlock(&c->lock);
}

void cell_cache_free(struct cell_cache *c)
{
    cell_cache_clear(c);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void cache_put(struct cell_cache *c, uint64_t row, uint32_t column, json_t *value)
{
    struct cell *cell = xcalloc(1, sizeof(*cell)), *before;

    cell->key.row = row;
    cell->key.column = column;
    cell->value = value;
    pthread_mutex_lock(&c->lock);
    HASH_REPLACE(hh, c->young, key, sizeof(cell->key), cell, before);
    if (before) {
        json_decref(before->value);
        free(before);
    }
    if (HASH_COUNT(c->young) > GENERATION_MAX) {
        half_free(&c->old);
        c->old = c->young;
        c->young = NULL;
    }
    pthread_mutex_unlock(&c->lock);
}

/* A copy of its own, so that no reference is counted from two threads. */
static json_t *cache_get(struct cell_cache *c, uint64_t row, uint32_t column)
{
    struct cell probe = {.key = {row, column}}, *found;
    json_t *value;

    pthread_mutex_lock(&c->lock);
    HASH_FIND(hh, c->young, &probe.key, sizeof(probe.key), found);
    if (!found)
        HASH_FIND(hh, c->old, &probe.key, sizeof(probe.key), found);
    value = found ? json_deep_copy(found->value) : NULL;
    pthread_mutex_unlock(&c->lock);
    return value;
}

/* ---- cells that only the plugin thread can give ---------------------------------------------- */

struct cell_job {
    size_t nrows, ncolumns;
    uint64_t rows[ROWS_MAX];
    uint32_t columns[COLUMNS_MAX];
};

static struct column *column_at(struct engine *e, uint32_t i)
{
    struct column *c;

    pthread_mutex_lock(&e->cat_lock);
    c = e->columns.v[i];
    pthread_mutex_unlock(&e->cat_lock);
    return c;
}

static json_t *format_cell(struct event_reader *r, const struct column *c, uint64_t row,
                           const char *bytes)
{
    const struct output_format *f = c->format;
    struct buf text;
    json_t *cell;

    buf_init(&text, EVENT_LEN_MAX);
    reader_event(r, output_refs(f), bytes, row, TS_NONE);
    r->fe.utc = c->utc;
    output_text(f, &r->base, &text);
    r->fe.utc = false;
    cell = cut_text(buf_str(&text), text.len, CELL_TEXT_MAX);
    buf_fini(&text);
    return cell;
}

static void extract_cell(struct engine *e, uint64_t row, uint32_t column, const char *bytes)
{
    struct event_reader *r = &e->plugin_scanner.reader;
    struct column *c = column_at(e, column);
    struct value v;
    json_t *known = cache_get(e->cells, row, column);

    if (known || !column_is_known(c)) {
        json_decref(known);
        return;
    }
    if (c->format) {
        cache_put(e->cells, row, column, format_cell(r, c, row, bytes));
        return;
    }
    reader_event(r, &c->refs, bytes, row, TS_NONE);
    r->base.read(&r->base, c->ref, &v);
    if (v.state == VALUE_FAILED && span_is(v.one.s, FIELD_WAITS))
        return; /* it comes, and is asked for again */
    cache_put(e->cells, row, column, value_json(&v, CELL_TEXT_MAX));
}

static void run_cells(struct engine *e, struct job *j)
{
    const struct cell_job *work = j->data;
    struct buf bytes;

    buf_init(&bytes, EVENT_LEN_MAX);
    for (size_t i = 0; i < work->nrows && !e->plugin_quit; i++) {
        if (store_read(e->store, work->rows[i], &bytes, NULL) != SEV_OK)
            continue;
        for (size_t k = 0; k < work->ncolumns; k++)
            extract_cell(e, work->rows[i], work->columns[k], bytes.data);
        if (i % 16 == 15)
            wake_main(e, WAKE_CELLS);
    }
    buf_fini(&bytes);
    wake_main(e, WAKE_CELLS);
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct rows_request {
    json_t *id, *params;
    uint64_t deadline;
    bool posted; /* its cells are being fetched */
};

struct rows_answer {
    struct engine *e;
    struct selection *selection;
    uint32_t columns[COLUMNS_MAX];
    struct column *defs[COLUMNS_MAX];
    size_t ncolumns;
    struct cell_job *missing; /* NULL until a cell is */
    struct event_reader reader;
    struct buf bytes;
    json_t *rows;
};

static void want_cell(struct rows_answer *a, uint64_t row, uint32_t column)
{
    struct cell_job *m = a->missing;

    if (!m)
        m = a->missing = xcalloc(1, sizeof(*m));
    if (m->nrows == 0 || m->rows[m->nrows - 1] != row) {
        if (m->nrows == ROWS_MAX)
            return;
        m->rows[m->nrows++] = row;
    }
    for (size_t i = 0; i < m->ncolumns; i++) {
        if (m->columns[i] == column)
            return;
    }
    m->columns[m->ncolumns++] = column;
}

static json_t *one_cell(struct rows_answer *a, uint64_t row, size_t k, uint64_t before)
{
    struct column *c = a->defs[k];
    json_t *known;
    struct value v;

    if (!column_is_known(c))
        return bundled_want(a->e, c->text) ? json_pack("{sb}", "wait", true) : json_null();
    if (c->plugin) {
        known = cache_get(a->e->cells, row, a->columns[k]);
        if (known)
            return known;
        want_cell(a, row, a->columns[k]);
        return json_pack("{sb}", "wait", true);
    }
    reader_event(&a->reader, &c->refs, a->bytes.data, row, before);
    a->reader.base.read(&a->reader.base, c->ref, &v);
    return value_json(&v, CELL_TEXT_MAX);
}

/* The how-manieth a row without a number is behind the event whose number it shows. */
static json_int_t unnumbered_place(struct engine *e, uint64_t row)
{
    struct store_row r;
    json_int_t n = 1;

    while (n < 1000 && row > 0 && store_row(e->store, --row, &r) && (r.flags & STORE_UNNUMBERED) &&
           r.type != STORE_ROW_MARK)
        n++;
    return n;
}

/* Async events have other fields than the stream's own: their name and the start of their data. */
static json_t *async_json(const char *event)
{
    struct span name = event_async_name(event), data = event_payload(event);

    return json_pack("{so so}", "name", rpc_text(name.p, name.n), "data",
                     rpc_text(data.p, MIN_OF(data.n, (size_t)ASYNC_TEXT_MAX)));
}

static void add_row(struct rows_answer *a, uint64_t row)
{
    struct store_row r, prev = {.ts = TS_NONE};
    struct error err;
    json_t *o = json_object(), *cells;

    json_object_set_new(o, "row", rpc_u64(row));
    if (!store_row(a->e->store, row, &r) ||
        store_read(a->e->store, row, &a->bytes, &err) != SEV_OK) {
        json_object_set_new(o, "gone", json_true());
        json_array_append_new(a->rows, o);
        return;
    }
    json_object_set_new(o, "number", rpc_u64(store_number(a->e->store, row)));
    json_object_set_new(o, "ts", rpc_u64(r.ts));
    if (r.type != STORE_ROW_MARK && (r.flags & STORE_UNNUMBERED))
        json_object_set_new(o, "plus", json_integer(unnumbered_place(a->e, row)));
    if (r.type == STORE_ROW_MARK) {
        json_t *mark = json_loadb(a->bytes.data, a->bytes.len, 0, NULL);

        json_object_set_new(o, "mark", mark ? mark : json_object());
        json_array_append_new(a->rows, o);
        return;
    }
    if (r.flags & STORE_STEPS_BACK)
        json_object_set_new(o, "back", json_true());
    if (r.type == EVENT_ASYNC)
        json_object_set_new(o, "async", async_json(a->bytes.data));
    if (row)
        store_row(a->e->store, row - 1, &prev);
    cells = json_array();
    for (size_t k = 0; k < a->ncolumns; k++)
        json_array_append_new(cells, one_cell(a, row, k, prev.ts));
    json_object_set_new(o, "cells", cells);
    json_array_append_new(a->rows, o);
}

/* The row that the request is anchored at: the nearest of the selection, at or behind first. */
static bool anchor_row(struct rows_answer *a, const json_t *anchor, uint64_t *row)
{
    uint64_t first = store_first(a->e->store), rows = store_rows(a->e->store), at = first;
    const char *word = json_string_value(anchor);
    bool gap, found;

    if (rows == first)
        return false;
    if (word && str_eq(word, "last"))
        at = rows - 1;
    else if (rpc_get_u64(anchor, "number", &at))
        store_find(a->e->store, at, &at);
    else if (rpc_get_u64(anchor, "time", &at))
        at = store_find_time(a->e->store, at, &at) ? at : rows - 1;
    else if (!rpc_get_u64(anchor, "row", &at))
        at = first;
    at = MIN_OF(MAX_OF(at, first), rows - 1);
    found = !(word && str_eq(word, "last")) &&
            selection_next(a->selection, at, 1, first, rows, row, &gap);
    return found || selection_next(a->selection, at, -1, first, rows, row, &gap);
}

/* The rows around the anchor, with how many of them stand before it. */
static void collect_rows(struct rows_answer *a, uint64_t anchor, uint64_t before, uint64_t after,
                         json_t *out)
{
    uint64_t first = store_first(a->e->store), rows = store_rows(a->e->store), at = anchor, found,
             n = 0;
    uint64_t *list = xcalloc(before + 1, sizeof(*list));
    bool gap = false, gap_above, more;

    list[0] = anchor;
    while (n < before && at > first &&
           selection_next(a->selection, at - 1, -1, first, rows, &found, &gap))
        list[++n] = at = found;
    gap_above = gap;
    more = at > first && selection_next(a->selection, at - 1, -1, first, rows, &found, &gap);
    json_object_set_new(out, "at", json_integer((json_int_t)n));
    json_object_set_new(out, "more_before", json_boolean(more || gap_above));
    for (uint64_t i = n + 1; i-- > 0;)
        add_row(a, list[i]);
    free(list);
    at = anchor;
    gap = false;
    for (n = 0; n < after && selection_next(a->selection, at + 1, 1, first, rows, &found, &gap);
         n++)
        add_row(a, at = found);
    more = selection_next(a->selection, at + 1, 1, first, rows, &found, &gap);
    json_object_set_new(out, "more_after", json_boolean(more || gap));
    json_object_set_new(out, "searching", json_boolean(gap || gap_above));
}

static void read_columns(struct rows_answer *a, const json_t *list, bool utc)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        const char *text = json_string_value(item);

        if (!text || a->ncolumns == COLUMNS_MAX)
            continue;
        a->defs[a->ncolumns] =
            column_find(a->e, text, utc && strchr(text, '%'), &a->columns[a->ncolumns]);
        a->ncolumns++;
    }
}

static json_t *columns_header(const struct rows_answer *a)
{
    json_t *list = json_array();

    for (size_t k = 0; k < a->ncolumns; k++) {
        const struct column *c = a->defs[k];
        json_t *o = json_pack("{ss}", "field", c->text);

        if (c->format) {
            json_object_set_new(o, "type", json_string("format"));
        } else if (c->ref) {
            json_object_set_new(o, "type", json_string(field_type_word(c->ref->def)));
            json_object_set_new(o, "list", json_boolean(c->ref->def->list));
        } else {
            json_object_set_new(o, "error", rpc_str(c->error.text));
        }
        json_array_append_new(list, o);
    }
    return list;
}

/* The answer as far as it is known; *missing gets the work that would complete it. */
static json_t *rows_answer(struct engine *e, const json_t *params, struct cell_job **missing)
{
    struct rows_answer a = {.e = e, .rows = json_array()};
    uint64_t row, rows = store_rows(e->store), before = rpc_u64_or(params, "before", 0);
    uint64_t after = rpc_u64_or(params, "after", 0);
    json_t *out = json_object();

    before = MIN_OF(before, (uint64_t)ROWS_MAX / 2);
    after = MIN_OF(after, (uint64_t)ROWS_MAX / 2);
    a.selection = selection_get(e, rpc_u64_or(params, "selection", 0));
    reader_init(&a.reader, e);
    buf_init(&a.bytes, EVENT_LEN_MAX);
    read_columns(&a, json_object_get(params, "columns"), rpc_get_bool(params, "utc", false));
    json_object_set_new(out, "at", json_integer(0));
    json_object_set_new(out, "more_before", json_false());
    json_object_set_new(out, "more_after", json_false());
    json_object_set_new(out, "searching", json_false());
    if (anchor_row(&a, json_object_get(params, "anchor"), &row)) {
        collect_rows(&a, row, before, after, out);
        json_object_set_new(
            out, "position",
            rpc_u64(a.selection ? selection_rank(a.selection, row) : row - store_first(e->store)));
    } else if (a.selection) {
        pthread_mutex_lock(&a.selection->lock);
        json_object_set_new(out, "searching", json_boolean(a.selection->scanned < rows));
        pthread_mutex_unlock(&a.selection->lock);
    }
    json_object_set_new(out, "rows", a.rows);
    json_object_set_new(out, "columns", columns_header(&a));
    json_object_set_new(out, "first", rpc_u64(store_first(e->store)));
    json_object_set_new(out, "end", rpc_u64(rows));
    if (a.selection) {
        json_object_set_new(out, "selection", selection_json(e, a.selection));
        selection_put(e, a.selection);
    }
    reader_fini(&a.reader);
    buf_fini(&a.bytes);
    *missing = a.missing;
    return out;
}

static void request_free(struct rows_request *r)
{
    json_decref(r->id);
    json_decref(r->params);
    free(r);
}

void method_rows(struct engine *e, const json_t *id, const json_t *params)
{
    uint64_t wait = MIN_OF(rpc_u64_or(params, "wait_ms", 0), (uint64_t)10000);
    struct cell_job *missing;
    json_t *answer;

    if (!e->store) {
        reply_code(e, id, RPC_INVALID_PARAMS, "the stream is not kept");
        return;
    }
    answer = rows_answer(e, params, &missing);
    if (!missing || wait == 0) {
        if (missing) {
            e->cells_asked = true;
            job_post(e, run_cells, NULL, NULL, missing);
        }
        reply(e, id, answer);
        return;
    }
    json_decref(answer);
    job_post(e, run_cells, NULL, NULL, missing);
    struct rows_request *r = xcalloc(1, sizeof(*r));

    r->id = json_incref((json_t *)id);
    r->params = json_incref((json_t *)params);
    r->deadline = time_mono() + wait * NS_PER_MS;
    vec_push(&e->deferred, r);
}

/* Answers what can be answered whole now, and what has waited long enough as it is. */
void rows_retry_deferred(struct engine *e, bool cells_changed)
{
    uint64_t now = time_mono();
    size_t kept = 0;

    for (size_t i = 0; i < e->deferred.n; i++) {
        struct rows_request *r = e->deferred.v[i];
        bool late = now >= r->deadline;
        struct cell_job *missing = NULL;
        json_t *answer = cells_changed || late ? rows_answer(e, r->params, &missing) : NULL;

        if (answer && (!missing || late)) {
            e->cells_asked |= missing != NULL; /* they are on the way already */
            reply(e, r->id, answer);
            request_free(r);
        } else {
            json_decref(answer);
            e->deferred.v[kept++] = r;
        }
        free(missing);
    }
    e->deferred.n = kept;
}

int rows_next_deadline(struct engine *e)
{
    uint64_t now = time_mono(), next = UINT64_MAX;

    for (size_t i = 0; i < e->deferred.n; i++)
        next = MIN_OF(next, e->deferred.v[i]->deadline);
    return next == UINT64_MAX ? -1 : next <= now ? 0 : (int)((next - now) / NS_PER_MS) + 1;
}

void rows_free_deferred(struct engine *e)
{
    for (size_t i = 0; i < e->deferred.n; i++)
        request_free(e->deferred.v[i]);
    vec_free(&e->deferred);
}
