/* Finding what selections match: chunk by chunk, from columns and kept values where they tell, from
 * the bytes where they do not. */
#include "internal.h"

#define WINDOW_ROWS  FILTER_SIEVE_MAX
#define WINDOW_BYTES ((size_t)1 << 20)
#define READS_SHARE  8  /* fewer than one in so many rows are read one by one */
#define LIVE_MAX     16 /* selections that are evaluated as events come */

void scanner_init(struct scanner *s, struct engine *e)
{
    *s = (struct scanner){0};
    reader_init(&s->reader, e);
    buf_init(&s->bytes, EVENT_LEN_MAX + WINDOW_BYTES);
    s->offsets = xcalloc(WINDOW_ROWS, sizeof(*s->offsets));
}

void scanner_fini(struct scanner *s)
{
    reader_fini(&s->reader);
    buf_fini(&s->bytes);
    for (size_t i = 0; i < COUNT_OF(s->parts); i++)
        free(s->parts[i].verdicts);
    free(s->offsets);
    free(s->kept);
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

/* ---- values that are kept -------------------------------------------------------------------- */

static void take_kept(struct engine *e, const struct selection *s, struct scanner *sc, uint64_t row,
                      bool make)
{
    if (sc->nkept < s->ncolumns) {
        free(sc->kept); /* all have been given back */
        sc->nkept = s->ncolumns;
        sc->kept = xcalloc(sc->nkept, sizeof(struct value_chunk *));
    }
    for (size_t i = 0; i < s->ncolumns; i++)
        sc->kept[i] = s->columns[i] ? value_chunk_take(e->values, s->columns[i], row, make) : NULL;
}

static void give_kept(struct engine *e, const struct selection *s, struct scanner *sc)
{
    for (size_t i = 0; i < s->ncolumns; i++) {
        value_chunk_give(e->values, sc->kept[i]);
        sc->kept[i] = NULL;
    }
}

/* Which values have to be kept before a chunk can be scanned. */
enum cover {
    COVER_NONE,     /* this thread asks for those that are not */
    COVER_STATEFUL, /* those that nobody can ask for later */
    COVER_ALL,
};

static enum cover cover_of(const struct selection *s, bool plugin)
{
    return s->plugin && !plugin ? COVER_ALL : s->stateful ? COVER_STATEFUL : COVER_NONE;
}

/* Whether the values of all rows in the chunk are there. */
static bool kept_cover(struct engine *e, const struct selection *s, const struct scanner *sc,
                       uint64_t chunk, enum cover cover)
{
    uint64_t rows = MIN_OF(store_rows(e->store) - (chunk << STORE_CHUNK_BITS), STORE_CHUNK);

    if (cover == COVER_NONE)
        return true;
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (s->columns[i] && (cover == COVER_ALL || s->tracked[i]) &&
            (!sc->kept[i] || value_chunk_known(sc->kept[i]) < rows))
            return false;
    }
    return s->ncolumns > 0;
}

static bool chunk_is_covered(struct engine *e, const struct selection *s, struct scanner *sc,
                             uint64_t chunk, enum cover cover)
{
    bool yes;

    if (cover == COVER_NONE)
        return true;
    take_kept(e, s, sc, chunk << STORE_CHUNK_BITS, false);
    yes = kept_cover(e, s, sc, chunk, cover);
    give_kept(e, s, sc);
    return yes;
}

/* Marks, and what can't be read, have no value. */
static void keep_none(struct engine *e, const struct selection *s, struct scanner *sc, uint64_t row)
{
    static const struct value none = {.state = VALUE_NONE};

    for (size_t i = 0; i < s->ncolumns; i++) {
        if (sc->kept[i])
            value_chunk_keep(e->values, sc->kept[i], row, &none);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Which parts hang on a kept value alone. */
static void find_parts(struct scanner *sc, const struct selection *s)
{
    sc->nparts = 0;
    for (size_t i = 0; s->ncolumns && i < filter_parts(s->filter) && sc->nparts < SCAN_PARTS; i++) {
        struct part_verdicts *p = &sc->parts[sc->nparts];
        int slot = filter_part_slot(s->filter, i);

        if (slot < 0 || (size_t)slot >= s->ncolumns || !s->columns[slot])
            continue;
        p->part = i;
        p->slot = (size_t)slot;
        if (!p->verdicts)
            p->verdicts = xmalloc(STORE_CHUNK + 2);
        memset(p->verdicts, STATE_UNKNOWN, STORE_CHUNK + 2);
        sc->nparts++;
    }
}

/* By what is known of rows with the same values in this chunk; STATE_UNKNOWN: the filter has to be asked. */
static enum state_verdict values_tell(const struct selection *s, const struct scanner *sc,
                                      uint64_t row)
{
    bool all = sc->nparts > 0 && sc->nparts == filter_parts(s->filter);

    for (size_t i = 0; i < sc->nparts; i++) {
        const struct part_verdicts *p = &sc->parts[i];
        enum state_verdict v = sc->kept[p->slot]
                                   ? p->verdicts[value_chunk_code(sc->kept[p->slot], row)]
                                   : STATE_UNKNOWN;

        if (v == STATE_UNWANTED)
            return v;
        all &= v == STATE_WANTED;
    }
    return all ? STATE_WANTED : STATE_UNKNOWN;
}

/* The filter has just been asked of a row, whose values the reader has. */
static void learn_parts(const struct selection *s, struct scanner *sc, uint64_t row)
{
    for (size_t i = 0; i < sc->nparts; i++) {
        struct part_verdicts *p = &sc->parts[i];
        uint32_t code = sc->kept[p->slot] ? value_chunk_code(sc->kept[p->slot], row) : 0;

        if (code && p->verdicts[code] == STATE_UNKNOWN)
            p->verdicts[code] = filter_part_holds(s->filter, p->part, &sc->reader.base)
                                    ? STATE_WANTED
                                    : STATE_UNWANTED;
    }
}

static bool row_matches(struct engine *e, struct selection *s, struct scanner *sc,
                        const char *bytes, uint64_t row, uint64_t before)
{
    struct event_reader *r = &sc->reader;
    bool hit;

    if (event_check(bytes, event_len(bytes), NULL) != SEV_OK) {
        keep_none(e, s, sc, row);
        return false;
    }
    reader_event(r, filter_refs(s->filter), bytes, row, before);
    r->kept = s->ncolumns ? sc->kept : NULL;
    hit = filter_match(s->filter, &r->base);
    learn_parts(s, sc, row);
    return hit;
}

/* What the filter asks of the thread alone, found out once for each state of it. False: the row is no match; *settled:
 * nothing else is asked. */
static bool thread_may_match(struct engine *e, struct selection *s, struct scanner *sc,
                             const struct store_row *r, bool *settled)
{
    struct thread_verdict *v = &sc->verdicts[r->who % COUNT_OF(sc->verdicts)];
    const struct state *state;

    *settled = false;
    if (!e->capture || !filter_asks_threads(s->filter) || !state_type_has_thread(r->type) ||
        r->who == UINT32_MAX || (r->flags & STORE_WIDE_TID))
        return true;
    state = capture_state(e->capture, r->offset);
    if (v->state != state || v->tid != r->who || r->offset < v->span.from ||
        r->offset >= v->span.until) {
        struct event_place place = {.state = state, .at = r->offset};
        struct event_head h = {.ts = r->ts, .tid = r->who};
        char stub[EVENT_STUB_LEN];

        if (!state)
            return true;
        event_stub(&h, r->type, 0, stub);
        reader_placed(&sc->reader, filter_refs(s->filter), stub, &place);
        v->state = state;
        v->tid = r->who;
        state_watch(&v->span);
        v->wanted = filter_thread_may_match(s->filter, &sc->reader.base);
        state_watch(NULL);
    }
    *settled = filter_asks_threads_only(s->filter);
    return v->wanted;
}

static uint64_t ts_before(struct engine *e, uint64_t row)
{
    struct store_row r;

    return row && store_row(e->store, row - 1, &r) ? r.ts : TS_NONE;
}

/* What the filter comes to for n rows (enum filter_outcome), as far as columns tell: marks always match. */
static void sieve(struct engine *e, const struct selection *s, uint64_t row, size_t n,
                  uint8_t *told)
{
    struct filter_columns columns;
    struct store_columns c;

    memset(told, FILTER_EITHER, n);
    if (!store_columns(e->store, row, n, &c))
        return;
    columns = (struct filter_columns){c.types,   c.calls,        c.cpus,
                                      c.flags,   c.who,          c.times,
                                      c.numbers, c.first_number, STORE_WIDE_TID | STORE_UNNUMBERED};
    filter_sieve(s->filter, &columns, n, told);
    for (size_t i = 0; i < n; i++) {
        if (c.types[i] == STORE_ROW_MARK)
            told[i] = FILTER_HOLDS;
    }
    if (store_first(e->store) > row) /* some were dropped */
        memset(told, FILTER_EITHER, n);
}

/* Evaluates the rows that a window of bytes holds. Marks always match: they belong to every
 * selection. */
static size_t scan_window(struct engine *e, struct selection *s, struct scanner *sc, uint64_t row,
                          size_t n, const uint8_t *told)
{
    uint8_t hits[WINDOW_ROWS], wanted[WINDOW_ROWS];
    size_t got;

    for (size_t i = 0; i < n; i++) {
        struct store_row r = {0};
        bool settled = true;

        hits[i] = (told[i] & FILTER_HOLDS) && store_row(e->store, row + i, &r) &&
                  (told[i] == FILTER_HOLDS || r.type == STORE_ROW_MARK ||
                   thread_may_match(e, s, sc, &r, &settled));
        wanted[i] = hits[i] && r.type != STORE_ROW_MARK && !settled;
        if (r.type == STORE_ROW_MARK)
            keep_none(e, s, sc, row + i);
    }
    got = store_read_wanted(e->store, row, n, WINDOW_BYTES, wanted, &sc->bytes, sc->offsets);
    for (size_t i = 0; i < got; i++) {
        if (wanted[i])
            hits[i] = row_matches(e, s, sc, sc->bytes.data + sc->offsets[i], row + i,
                                  ts_before(e, row + i));
    }
    if (got == 0) { /* dropped meanwhile, or unreadable: no match, and on */
        got = 1;
        hits[0] = 0;
    }
    return note(s, row, got, hits) ? got : 0;
}

/* Whether the columns tell what the filter asks of a row; needs: of the fields to be read. */
static bool columns_tell(enum field_needs needs, const struct store_row *r)
{
    return needs != FIELD_NEEDS_BYTES && r->type != EVENT_PLUGIN && r->type != EVENT_ASYNC &&
           !(r->flags & STORE_WIDE_TID) &&
           (needs == FIELD_NEEDS_HEADER || r->call || event_header_names(r->type));
}

/* Whether the values of a row that are worth keeping are all there. */
static bool row_is_kept(const struct selection *s, const struct scanner *sc, uint64_t row)
{
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (s->columns[i] && (!sc->kept[i] || !value_chunk_code(sc->kept[i], row)))
            return false;
    }
    return s->ncolumns > 0;
}

/* How many of n rows have to be read. */
static size_t rows_to_read(struct engine *e, const struct selection *s, const struct scanner *sc,
                           uint64_t row, size_t n, const uint8_t *told)
{
    struct store_row r;
    size_t reads = 0;

    for (size_t i = 0; i < n; i++)
        reads += told[i] == FILTER_EITHER && store_row(e->store, row + i, &r) &&
                 r.type != STORE_ROW_MARK &&
                 !columns_tell(row_is_kept(s, sc, row + i) ? s->rest : s->needs, &r);
    return reads;
}

/* kept: the values that are worth keeping are all there. */
static bool column_row_matches(struct engine *e, struct selection *s, struct scanner *sc,
                               uint64_t row, const struct store_row *r, bool kept)
{
    uint64_t before;
    char plugin[PLUGIN_EVENT_PAYLOAD_OFFSET];
    struct event_head h = {.ts = r->ts, .tid = r->who == UINT32_MAX ? UINT64_MAX : r->who};
    char stub[EVENT_STUB_LEN];
    enum state_verdict told;
    bool settled;

    if (r->type == STORE_ROW_MARK)
        return true;
    told = kept ? values_tell(s, sc, row) : STATE_UNKNOWN;
    if (told != STATE_UNKNOWN)
        return told == STATE_WANTED;
    if (!thread_may_match(e, s, sc, r, &settled))
        return false;
    if (settled)
        return true;
    before = ts_before(e, row);
    if (kept && r->type == EVENT_PLUGIN && s->rest != FIELD_NEEDS_BYTES) {
        event_plugin_stub(r->ts, r->who, plugin);
        return row_matches(e, s, sc, plugin, row, before);
    }
    if (!columns_tell(kept ? s->rest : s->needs, r))
        return store_read(e->store, row, &sc->bytes, NULL) == SEV_OK &&
               row_matches(e, s, sc, sc->bytes.data, row, before);
    event_stub(&h, r->type, r->call, stub);
    return row_matches(e, s, sc, stub, row, before);
}

/* Row by row. kept: by values that are kept; no byte of plugins' events need be read, and any thread
 * can do it. Otherwise by columns, and the bytes of those rows that these do not tell. */
static size_t scan_rows(struct engine *e, struct selection *s, struct scanner *sc, uint64_t row,
                        size_t n, bool kept, const uint8_t *told)
{
    uint8_t hits[WINDOW_ROWS];

    for (size_t i = 0; i < n; i++) {
        struct store_row r;

        hits[i] =
            told[i] == FILTER_EITHER
                ? store_row(e->store, row + i, &r) &&
                      column_row_matches(e, s, sc, row + i, &r, kept || row_is_kept(s, sc, row + i))
                : told[i] == FILTER_HOLDS;
    }
    return note(s, row, n, hits) ? n : 0;
}

/* Rows whose numbers do not match: marks alone. */
static size_t scan_marks(struct engine *e, struct selection *s, uint64_t row, size_t n)
{
    uint8_t hits[WINDOW_ROWS];

    for (size_t i = 0; i < n; i++) {
        struct store_row r = {0};

        hits[i] = store_row(e->store, row + i, &r) && r.type == STORE_ROW_MARK;
    }
    return note(s, row, n, hits) ? n : 0;
}

/* The next rows of a chunk, in the way that reads least. */
static size_t scan_some(struct engine *e, struct selection *s, struct scanner *sc, uint64_t row,
                        size_t n, bool kept)
{
    uint8_t told[WINDOW_ROWS];

    n = MIN_OF(n, (size_t)WINDOW_ROWS);
    if (store_number(e->store, row + n - 1) < s->low || store_number(e->store, row) > s->high)
        return scan_marks(e, s, row, n);
    sieve(e, s, row, n, told);
    if (kept)
        return scan_rows(e, s, sc, row, n, true, told);
    if (!e->capture || rows_to_read(e, s, sc, row, n, told) * READS_SHARE > n)
        return scan_window(e, s, sc, row, n, told);
    return scan_rows(e, s, sc, row, n, false, told);
}

/* The chunk nearest to the focus that has unscanned rows and whose values are kept so far as they
 * must; false: none. Called with the selection's lock. */
static bool pick_chunk(struct engine *e, struct selection *s, struct scanner *sc, enum cover cover,
                       uint64_t *out)
{
    uint64_t first = store_first(e->store), rows = store_rows(e->store);
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
            if (!c->claimed && c->scanned < end && chunk_is_covered(e, s, sc, i, cover)) {
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
                       bool plugin, uint64_t until)
{
    uint64_t end = MIN_OF(store_rows(e->store), (chunk + 1) << STORE_CHUNK_BITS),
             row = skip_dropped(e, s, chunk);

    memset(sc->verdicts, 0, sizeof(sc->verdicts)); /* of another filter, or of rows before */
    take_kept(e, s, sc, row, true);
    find_parts(sc, s);
    while (row < end && !e->plugin_quit) {
        bool kept = kept_cover(e, s, sc, chunk, COVER_ALL);
        size_t n = (size_t)(end - row), got;

        if (!kept && !kept_cover(e, s, sc, chunk, cover_of(s, plugin)))
            break; /* more rows have come, and only the plugin thread can ask for their values */
        got = scan_some(e, s, sc, row, n, kept);
        if (got == 0)
            break;
        row += got;
        if (time_mono() >= until || (plugin && job_waiting(e)))
            break;
    }
    give_kept(e, s, sc);
    sc->nparts = 0;
    value_columns_trim(e->values);
}

/* Others than the plugin thread may evaluate what a plugin gave where it is kept. */
static struct selection *pick_selection(struct engine *e, struct scanner *sc, bool plugin,
                                        uint64_t *chunk)
{
    struct selection *found = NULL;

    pthread_mutex_lock(&e->sel_lock);
    for (size_t i = e->selections.n; i-- > 0 && !found;) { /* the newest first */
        struct selection *s = e->selections.v[i];

        if (!s->wanted || (plugin && !s->plugin))
            continue;
        pthread_mutex_lock(&s->lock);
        if (pick_chunk(e, s, sc, cover_of(s, plugin), chunk)) {
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
        struct selection *s = pick_selection(e, sc, plugin, &chunk);

        if (!s)
            break;
        worked = true;
        scan_chunk(e, s, sc, chunk, plugin, until);
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
    struct scanner *sc = &e->plugin_scanner;
    uint8_t hits[WINDOW_ROWS];
    uint64_t before = ts_before(e, row);

    for (size_t i = 0, k; i < n; i += k) {
        uint64_t room = STORE_CHUNK - ((row + i) & (STORE_CHUNK - 1));

        k = MIN_OF(MIN_OF(n - i, (size_t)WINDOW_ROWS), (size_t)room);
        if (!caught_up(s, row + i))
            return; /* the scan behind gets there */
        take_kept(e, s, sc, row + i, true);
        for (size_t j = 0; j < k; j++) {
            const char *event = bytes + offsets[i + j];

            hits[j] = row_matches(e, s, sc, event, row + i + j, before);
            before = event_ts(event);
        }
        give_kept(e, s, sc);
        if (!note(s, row + i, k, hits))
            return;
    }
}

void selections_wake(struct engine *e)
{
    pthread_mutex_lock(&e->sel_lock);
    pthread_cond_broadcast(&e->sel_cond);
    pthread_mutex_unlock(&e->sel_lock);
}

void selections_live(struct engine *e, uint64_t row, size_t n, const char *bytes,
                     const size_t *offsets)
{
    struct selection *wanted[LIVE_MAX];
    size_t count = 0;

    pthread_mutex_lock(&e->sel_lock);
    for (size_t i = 0; i < e->selections.n && count < COUNT_OF(wanted); i++) {
        if (e->selections.v[i]->wanted && e->selections.v[i]->plugin &&
            !e->selections.v[i]->stateful) {
            wanted[count++] = e->selections.v[i];
            e->selections.v[i]->refs++;
        }
    }
    pthread_mutex_unlock(&e->sel_lock);
    for (size_t i = 0; i < count; i++) {
        live_one(e, wanted[i], row, n, bytes, offsets);
        selection_put(e, wanted[i]);
    }
    value_columns_trim(e->values);
}
