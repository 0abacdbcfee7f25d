/* What a filter has matched so far: bits for each chunk of rows, filled in from where the person
 * looks. */
#include "internal.h"

#define WINDOW_ROWS  512
#define WINDOW_BYTES ((size_t)1 << 20)
#define READS_SHARE  8  /* fewer than one in so many rows are read one by one */
#define KEPT         12 /* selections that are remembered, so that undo is at once */

/* ---- their life ------------------------------------------------------------------------------ */

static void selection_free(struct selection *s)
{
    for (size_t i = 0; i < s->chunks.n; i++)
        free(s->chunks.v[i].bits);
    vec_free(&s->chunks);
    filter_free(s->filter);
    pthread_mutex_destroy(&s->lock);
    free(s->text);
    free(s);
}

void selection_put(struct engine *e, struct selection *s)
{
    bool last;

    pthread_mutex_lock(&e->sel_lock);
    last = --s->refs == 0;
    pthread_mutex_unlock(&e->sel_lock);
    if (last)
        selection_free(s);
}

struct selection *selection_get(struct engine *e, uint64_t id)
{
    struct selection *found = NULL;

    pthread_mutex_lock(&e->sel_lock);
    for (size_t i = 0; i < e->selections.n && !found; i++) {
        if (e->selections.v[i]->id == id)
            found = e->selections.v[i];
    }
    if (found)
        found->refs++;
    pthread_mutex_unlock(&e->sel_lock);
    return found;
}

static struct selection *by_text(struct engine *e, const char *text)
{
    for (size_t i = 0; i < e->selections.n; i++) {
        if (str_eq(e->selections.v[i]->text, text))
            return e->selections.v[i];
    }
    return NULL;
}

static void remove_at(struct engine *e, size_t i)
{
    memmove(&e->selections.v[i], &e->selections.v[i + 1],
            (e->selections.n - i - 1) * sizeof(*e->selections.v));
    e->selections.n--;
}

/* Forgets the oldest that nobody looks at. */
static void forget_old(struct engine *e)
{
    for (size_t i = 0; e->selections.n > KEPT && i < e->selections.n; i++) {
        struct selection *s = e->selections.v[i];

        if (s->wanted || s->refs > 1)
            continue;
        remove_at(e, i--);
        selection_free(s);
    }
}

void selections_free(struct engine *e)
{
    for (size_t i = 0; i < e->selections.n; i++)
        selection_free(e->selections.v[i]);
    vec_free(&e->selections);
}

/* Plugins have changed: what their fields gave may differ now. */
void selections_restart_scan(struct engine *e)
{
    pthread_mutex_lock(&e->sel_lock);
    for (size_t i = 0; i < e->selections.n; i++) {
        struct selection *s = e->selections.v[i];

        pthread_mutex_lock(&s->lock);
        for (size_t k = 0; s->plugin && k < s->chunks.n; k++) {
            free(s->chunks.v[k].bits);
            s->chunks.v[k] = (struct sel_chunk){0};
        }
        if (s->plugin)
            s->matches = s->scanned = 0;
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&e->sel_lock);
}

/* ---- scanning -------------------------------------------------------------------------------- */

void scanner_init(struct scanner *s, struct engine *e)
{
    reader_init(&s->reader, e);
    buf_init(&s->bytes, EVENT_LEN_MAX + WINDOW_BYTES);
    s->offsets = xcalloc(WINDOW_ROWS, sizeof(*s->offsets));
}

void scanner_fini(struct scanner *s)
{
    reader_fini(&s->reader);
    buf_fini(&s->bytes);
    free(s->offsets);
}

static struct sel_chunk *chunk_of(struct selection *s, uint64_t index)
{
    while (s->chunks.n <= index)
        (void)vec_more(&s->chunks);
    return &s->chunks.v[index];
}

/* Notes what rows [row, row + n) gave; hits holds a byte for each. False when somebody started the
 * scan anew. */
static bool note(struct selection *s, uint64_t row, size_t n, const uint8_t *hits)
{
    struct sel_chunk *c;
    uint32_t at = (uint32_t)(row & (STORE_CHUNK - 1)), found = 0;
    bool expected;

    pthread_mutex_lock(&s->lock);
    c = chunk_of(s, row >> STORE_CHUNK_BITS);
    expected = c->scanned == at;
    for (size_t i = 0; expected && i < n; i++) {
        if (!hits[i])
            continue;
        if (!c->bits)
            c->bits = xcalloc(STORE_CHUNK / 64, sizeof(*c->bits));
        c->bits[(at + i) / 64] |= (uint64_t)1 << (at + i) % 64;
        found++;
    }
    if (expected) {
        c->matches += found;
        c->scanned = at + (uint32_t)n;
        s->matches += found;
        s->scanned += n;
    }
    pthread_mutex_unlock(&s->lock);
    return expected;
}

static bool row_matches(struct selection *s, struct event_reader *r, const char *bytes,
                        uint64_t row, uint64_t before)
{
    if (event_check(bytes, event_len(bytes), NULL) != SEV_OK)
        return false;
    reader_event(r, filter_refs(s->filter), bytes, row, before);
    return filter_match(s->filter, &r->base);
}

static uint64_t ts_before(struct engine *e, uint64_t row)
{
    struct store_row r;

    return row && store_row(e->store, row - 1, &r) ? r.ts : TS_NONE;
}

/* Evaluates the rows that a window of bytes holds. Marks always match: they belong to every
 * selection. */
static size_t scan_window(struct engine *e, struct selection *s, struct scanner *sc, uint64_t row,
                          size_t n)
{
    uint8_t hits[WINDOW_ROWS];
    size_t got = store_read_rows(e->store, row, MIN_OF(n, (size_t)WINDOW_ROWS), WINDOW_BYTES,
                                 &sc->bytes, sc->offsets);
    uint64_t before = ts_before(e, row);

    if (got == 0) { /* dropped meanwhile, or unreadable: no match, and on */
        got = 1;
        hits[0] = 0;
    } else {
        for (size_t i = 0; i < got; i++) {
            struct store_row r = {0};

            store_row(e->store, row + i, &r);
            hits[i] =
                r.type == STORE_ROW_MARK ||
                (filter_may_match(s->filter, r.type, r.call) &&
                 row_matches(s, &sc->reader, sc->bytes.data + sc->offsets[i], row + i, before));
            before = r.ts;
        }
    }
    return note(s, row, got, hits) ? got : 0;
}

/* Whether the columns tell what the filter asks of a row. */
static bool columns_tell(const struct selection *s, const struct store_row *r)
{
    return s->needs != FIELD_NEEDS_BYTES && r->type != EVENT_PLUGIN && r->type != EVENT_ASYNC &&
           !(r->flags & STORE_WIDE_TID) &&
           (s->needs == FIELD_NEEDS_HEADER || r->call || event_header_names(r->type));
}

/* How many of n rows have to be read. */
static size_t rows_to_read(struct engine *e, const struct selection *s, uint64_t row, size_t n)
{
    struct store_row r;
    size_t reads = 0;

    for (size_t i = 0; i < n; i++)
        reads += store_row(e->store, row + i, &r) && r.type != STORE_ROW_MARK &&
                 filter_may_match(s->filter, r.type, r.call) && !columns_tell(s, &r);
    return reads;
}

static bool column_row_matches(struct engine *e, struct selection *s, struct scanner *sc,
                               uint64_t row, const struct store_row *r, uint64_t before)
{
    struct event_head h = {.ts = r->ts, .tid = r->who == UINT32_MAX ? UINT64_MAX : r->who};
    char stub[EVENT_STUB_LEN];

    if (r->type == STORE_ROW_MARK)
        return true;
    if (!filter_may_match(s->filter, r->type, r->call))
        return false;
    if (!columns_tell(s, r))
        return store_read(e->store, row, &sc->bytes, NULL) == SEV_OK &&
               row_matches(s, &sc->reader, sc->bytes.data, row, before);
    event_stub(&h, r->type, r->call, stub);
    return row_matches(s, &sc->reader, stub, row, before);
}

/* Evaluates rows by their columns; the few that have to be read are read one by one, many at once. */
static size_t scan_columns(struct engine *e, struct selection *s, struct scanner *sc, uint64_t row,
                           size_t n)
{
    uint64_t before = ts_before(e, row);
    uint8_t hits[WINDOW_ROWS];

    n = MIN_OF(n, (size_t)WINDOW_ROWS);
    if (rows_to_read(e, s, row, n) * READS_SHARE > n)
        return scan_window(e, s, sc, row, n);
    for (size_t i = 0; i < n; i++) {
        struct store_row r = {0};

        hits[i] =
            store_row(e->store, row + i, &r) && column_row_matches(e, s, sc, row + i, &r, before);
        before = r.ts;
    }
    return note(s, row, n, hits) ? n : 0;
}

/* The chunk nearest to the focus that has unscanned rows; false: none. Called with the selection's
 * lock. */
static bool pick_chunk(struct selection *s, uint64_t first, uint64_t rows, uint64_t *out)
{
    uint64_t low = first >> STORE_CHUNK_BITS, high = rows ? (rows - 1) >> STORE_CHUNK_BITS : 0;
    uint64_t focus = MIN_OF(MAX_OF(s->focus >> STORE_CHUNK_BITS, low), high);

    for (uint64_t d = 0; rows > first && d <= MAX_OF(high - focus, focus - low); d++) {
        for (int side = 0; side < 2; side++) {
            uint64_t i = side ? focus - d : focus + d,
                     end = MIN_OF(rows - (i << STORE_CHUNK_BITS), STORE_CHUNK);
            struct sel_chunk *c;

            if (i > high || i < low || (side && d == 0) || (side && d > focus))
                continue;
            c = chunk_of(s, i);
            if (!c->claimed && c->scanned < end) {
                *out = i;
                return true;
            }
        }
    }
    return false;
}

/* The first row of a chunk that is not scanned. */
static uint64_t scan_place(struct selection *s, uint64_t chunk)
{
    uint64_t row;

    pthread_mutex_lock(&s->lock);
    row = (chunk << STORE_CHUNK_BITS) + s->chunks.v[chunk].scanned;
    pthread_mutex_unlock(&s->lock);
    return row;
}

/* Rows that were dropped from the spool count as scanned, without a match. */
static uint64_t skip_dropped(struct engine *e, struct selection *s, uint64_t chunk)
{
    static const uint8_t none[WINDOW_ROWS];
    uint64_t row = scan_place(s, chunk),
             end = MIN_OF(store_first(e->store), (chunk + 1) << STORE_CHUNK_BITS);

    while (row < end) {
        size_t n = (size_t)MIN_OF((uint64_t)WINDOW_ROWS, end - row);

        if (!note(s, row, n, none))
            break;
        row += n;
    }
    return row;
}

/* Scans one chunk for a while. */
static void scan_chunk(struct engine *e, struct selection *s, struct scanner *sc, uint64_t chunk,
                       uint64_t until)
{
    uint64_t end = MIN_OF(store_rows(e->store), (chunk + 1) << STORE_CHUNK_BITS),
             row = skip_dropped(e, s, chunk);

    while (row < end && !e->plugin_quit) {
        size_t got = e->capture ? scan_columns(e, s, sc, row, (size_t)(end - row))
                                : scan_window(e, s, sc, row, (size_t)(end - row));

        if (got == 0)
            break;
        row += got;
        if (time_mono() >= until || (s->plugin && job_waiting(e)))
            break;
    }
}

static struct selection *pick_selection(struct engine *e, bool plugin, uint64_t *chunk)
{
    struct selection *found = NULL;

    pthread_mutex_lock(&e->sel_lock);
    for (size_t i = e->selections.n; i-- > 0 && !found;) { /* the newest first */
        struct selection *s = e->selections.v[i];

        if (!s->wanted || s->plugin != plugin)
            continue;
        pthread_mutex_lock(&s->lock);
        if (pick_chunk(s, store_first(e->store), store_rows(e->store), chunk)) {
            chunk_of(s, *chunk)->claimed = true;
            found = s;
            s->refs++;
        }
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&e->sel_lock);
    return found;
}

bool selections_scan(struct engine *e, struct scanner *sc, bool plugin, uint64_t ns)
{
    uint64_t until = time_mono() + ns, chunk;
    bool worked = false;

    while (e->store && !e->plugin_quit) {
        struct selection *s = pick_selection(e, plugin, &chunk);

        if (!s)
            break;
        worked = true;
        scan_chunk(e, s, sc, chunk, until);
        pthread_mutex_lock(&s->lock);
        s->chunks.v[chunk].claimed = false;
        pthread_mutex_unlock(&s->lock);
        selection_put(e, s);
        wake_main(e, WAKE_SELECTION);
        if (time_mono() >= until || (plugin && job_waiting(e)))
            break;
    }
    return worked;
}

static bool caught_up(struct selection *s, uint64_t row)
{
    struct sel_chunk *c;
    bool yes;

    pthread_mutex_lock(&s->lock);
    c = chunk_of(s, row >> STORE_CHUNK_BITS);
    yes = !c->claimed && c->scanned == (row & (STORE_CHUNK - 1));
    pthread_mutex_unlock(&s->lock);
    return yes;
}

static void live_one(struct engine *e, struct selection *s, uint64_t row, size_t n,
                     const char *bytes, const size_t *offsets)
{
    struct event_reader *r = &e->plugin_scanner.reader;
    uint8_t hits[WINDOW_ROWS];
    uint64_t before = ts_before(e, row);

    for (size_t i = 0, k; i < n; i += k) {
        uint64_t room = STORE_CHUNK - ((row + i) & (STORE_CHUNK - 1));

        k = MIN_OF(MIN_OF(n - i, (size_t)WINDOW_ROWS), (size_t)room);
        if (!caught_up(s, row + i))
            return; /* the scan behind gets there */
        for (size_t j = 0; j < k; j++) {
            const char *event = bytes + offsets[i + j];

            hits[j] = row_matches(s, r, event, row + i + j, before);
            before = event_ts(event);
        }
        if (!note(s, row + i, k, hits))
            return;
    }
}

void selections_live(struct engine *e, uint64_t row, size_t n, const char *bytes,
                     const size_t *offsets)
{
    struct selection *wanted[KEPT + 4];
    size_t count = 0;

    pthread_mutex_lock(&e->sel_lock);
    for (size_t i = 0; i < e->selections.n && count < COUNT_OF(wanted); i++) {
        if (e->selections.v[i]->wanted && e->selections.v[i]->plugin) {
            wanted[count++] = e->selections.v[i];
            e->selections.v[i]->refs++;
        }
    }
    pthread_cond_broadcast(&e->sel_cond); /* the workers' share is done by them */
    pthread_mutex_unlock(&e->sel_lock);
    for (size_t i = 0; i < count; i++) {
        live_one(e, wanted[i], row, n, bytes, offsets);
        selection_put(e, wanted[i]);
    }
}

/* ---- asking ---------------------------------------------------------------------------------- */

static bool bit_at(const struct sel_chunk *c, uint64_t i)
{
    return c->bits && (c->bits[i / 64] >> i % 64 & 1);
}

static bool next_forward(struct selection *s, uint64_t row, uint64_t rows, uint64_t *out, bool *gap)
{
    while (row < rows) {
        uint64_t index = row >> STORE_CHUNK_BITS, at = row & (STORE_CHUNK - 1);
        uint64_t size = MIN_OF(rows - (index << STORE_CHUNK_BITS), STORE_CHUNK);
        const struct sel_chunk *c = index < s->chunks.n ? &s->chunks.v[index] : NULL;

        for (; c && c->matches && at < c->scanned && at < size; at++) {
            if (at % 64 == 0 && c->bits && !c->bits[at / 64]) {
                at += 63;
                continue;
            }
            if (bit_at(c, at)) {
                *out = (index << STORE_CHUNK_BITS) + at;
                return true;
            }
        }
        if (!c || c->scanned < size) {
            *gap = true;
            return false;
        }
        row = (index + 1) << STORE_CHUNK_BITS;
    }
    return false;
}

static bool next_backward(struct selection *s, uint64_t row, uint64_t first, uint64_t *out,
                          bool *gap)
{
    for (uint64_t index = row >> STORE_CHUNK_BITS;; index--) {
        uint64_t base = index << STORE_CHUNK_BITS, at = MIN_OF(row, base + STORE_CHUNK - 1) - base;
        const struct sel_chunk *c = index < s->chunks.n ? &s->chunks.v[index] : NULL;

        if (!c || c->scanned <= at) {
            *gap = true;
            return false;
        }
        for (uint64_t i = at + 1; c->matches && i-- > 0;) {
            if (base + i < first)
                return false;
            if (bit_at(c, i)) {
                *out = base + i;
                return true;
            }
        }
        if (base <= first)
            return false;
    }
}

bool selection_next(struct selection *s, uint64_t row, int dir, uint64_t first, uint64_t rows,
                    uint64_t *out, bool *gap)
{
    bool found;

    *gap = false;
    if (!s) {
        *out = dir > 0 ? MAX_OF(row, first) : MIN_OF(row, rows ? rows - 1 : 0);
        return *out >= first && *out < rows;
    }
    if (rows <= first)
        return false;
    pthread_mutex_lock(&s->lock);
    found = dir > 0 ? next_forward(s, MAX_OF(row, first), rows, out, gap)
                    : row >= first && next_backward(s, MIN_OF(row, rows - 1), first, out, gap);
    pthread_mutex_unlock(&s->lock);
    return found;
}

static uint64_t bits_before(const uint64_t *bits, uint64_t n)
{
    uint64_t sum = 0;

    for (uint64_t w = 0; w < n / 64; w++)
        sum += (uint64_t)__builtin_popcountll(bits[w]);
    if (n % 64)
        sum += (uint64_t)__builtin_popcountll(bits[n / 64] & (((uint64_t)1 << n % 64) - 1));
    return sum;
}

uint64_t selection_rank(struct selection *s, uint64_t row)
{
    uint64_t index = row >> STORE_CHUNK_BITS, rank = 0;

    pthread_mutex_lock(&s->lock);
    for (uint64_t i = 0; i < index && i < s->chunks.n; i++)
        rank += s->chunks.v[i].matches;
    if (index < s->chunks.n && s->chunks.v[index].bits)
        rank += bits_before(s->chunks.v[index].bits, row & (STORE_CHUNK - 1));
    pthread_mutex_unlock(&s->lock);
    return rank;
}

json_t *selection_json(struct engine *e, struct selection *s)
{
    uint64_t matches, scanned, rows = e->store ? store_rows(e->store) : 0;
    json_t *o;

    pthread_mutex_lock(&s->lock);
    matches = s->matches;
    scanned = s->scanned;
    pthread_mutex_unlock(&s->lock);
    o = json_object();
    json_object_set_new(o, "selection", rpc_u64(s->id));
    json_object_set_new(o, "filter", rpc_str(s->text));
    json_object_set_new(o, "matches", rpc_u64(matches));
    json_object_set_new(o, "scanned", rpc_u64(scanned));
    json_object_set_new(o, "rows", rpc_u64(rows));
    return o;
}

/* ---- methods --------------------------------------------------------------------------------- */

static struct selection *selection_new(struct engine *e, const char *text, struct filter *f)
{
    struct selection *s = xcalloc(1, sizeof(*s));

    s->refs = 1;
    s->id = ++e->next_selection;
    s->text = xstrdup(text);
    s->filter = f;
    s->plugin = field_refs_need_plugin(filter_refs(f));
    s->needs = field_refs_needs(filter_refs(f));
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

/* Old results are taken up again when the same filter comes back. */
static struct selection *select_text(struct engine *e, const char *text, struct filter *f)
{
    struct selection *s;

    pthread_mutex_lock(&e->sel_lock);
    s = by_text(e, text);
    if (s) {
        filter_free(f);
        for (size_t i = 0; i < e->selections.n; i++) {
            if (e->selections.v[i] == s)
                remove_at(e, i);
        }
    } else {
        s = selection_new(e, text, f);
    }
    vec_push(&e->selections, s);
    s->wanted = true;
    s->refs++;
    pthread_mutex_unlock(&e->sel_lock);
    return s;
}

/* Selections that a client has stopped looking at are no longer scanned for. */
static void drop_wish(struct engine *e, uint64_t id)
{
    pthread_mutex_lock(&e->sel_lock);
    for (size_t i = 0; i < e->selections.n; i++) {
        if (e->selections.v[i]->id == id)
            e->selections.v[i]->wanted = false;
    }
    forget_old(e);
    pthread_mutex_unlock(&e->sel_lock);
}

void method_select(struct engine *e, const json_t *id, const json_t *params)
{
    const char *text = rpc_get_str(params, "filter");
    uint64_t replaces = rpc_u64_or(params, "replaces", 0), near;
    struct syntax_error err;
    struct filter *f;
    struct selection *s;

    if (!text || !e->store) {
        reply_code(e, id, RPC_INVALID_PARAMS,
                   text ? "the stream is not kept" : "“filter” is missing");
        return;
    }
    if (bundled_defer(e, text, id, "select", params))
        return;
    pthread_mutex_lock(&e->cat_lock);
    f = filter_compile(text, strlen(text), e->catalogue, NULL, &err);
    pthread_mutex_unlock(&e->cat_lock);
    if (!f) {
        reply_syntax(e, id, &err);
        return;
    }
    s = select_text(e, text, f);
    if (rpc_get_u64(params, "near", &near)) {
        uint64_t row;

        store_find(e->store, near, &row);
        pthread_mutex_lock(&s->lock);
        s->focus = row;
        pthread_mutex_unlock(&s->lock);
    }
    if (replaces && replaces != s->id)
        drop_wish(e, replaces);
    pthread_mutex_lock(&e->sel_lock);
    pthread_cond_broadcast(&e->sel_cond);
    pthread_mutex_unlock(&e->sel_lock);
    plugin_thread_wake(e);
    reply(e, id, selection_json(e, s));
    selection_put(e, s);
}

void method_select_drop(struct engine *e, const json_t *id, const json_t *params)
{
    drop_wish(e, rpc_u64_or(params, "selection", 0));
    reply(e, id, json_object());
}
