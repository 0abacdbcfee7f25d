/* What a filter has matched so far: bits for each chunk of rows, filled in from where the person
 * looks. */
#include "internal.h"

#define SELECTIONS_MAX 12 /* that are remembered, so that undo is at once */

/* ---- their life ------------------------------------------------------------------------------ */

static void selection_free(struct selection *s)
{
    for (size_t i = 0; i < s->chunks.n; i++)
        free(s->chunks.v[i].bits);
    vec_free(&s->chunks);
    filter_free(s->filter);
    pthread_mutex_destroy(&s->lock);
    free(s->columns);
    free(s->tracked);
    free(s->text);
    free(s->canonical);
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

/* Macros may mean something else by now: what the text came to is compared, too. */
static struct selection *by_text(struct engine *e, const char *text, const char *canonical)
{
    for (size_t i = 0; i < e->selections.n; i++) {
        if (str_eq(e->selections.v[i]->text, text) &&
            str_eq(e->selections.v[i]->canonical, canonical))
            return e->selections.v[i];
    }
    return NULL;
}

static void remove_at(struct engine *e, size_t i)
{
    vec_remove(&e->selections, i);
}

/* Forgets the oldest that nobody looks at. */
static void forget_old(struct engine *e)
{
    for (size_t i = 0; e->selections.n > SELECTIONS_MAX && i < e->selections.n; i++) {
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
        if (s->plugin) {
            s->matches = s->scanned = 0;
            s->told_all = false;
        }
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&e->sel_lock);
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
    uint64_t matches, scanned, rows = e->store ? store_rows(e->store) : 0, first;
    bool gap, found = rows && selection_next(s, 0, 1, store_first(e->store), rows, &first, &gap);
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
    if (found)
        json_object_set_new(o, "first", rpc_u64(store_number(e->store, first)));
    return o;
}

/* ---- methods --------------------------------------------------------------------------------- */

static void run_track(struct engine *e, struct job *j)
{
    uint32_t index;

    stateful_track(e, column_get(e, j->data, &index));
}

static void find_columns(struct engine *e, struct selection *s, const struct field_refs *refs)
{
    bool any = false;

    filter_numbers(s->filter, &s->low, &s->high);
    s->needs = field_refs_needs(refs);
    s->rest = FIELD_NEEDS_HEADER;
    s->columns = xcalloc(refs->v.n, sizeof(*s->columns));
    s->tracked = xcalloc(refs->v.n, sizeof(*s->tracked));
    for (size_t i = 0; i < refs->v.n; i++) {
        const struct field_ref *ref = refs->v.v[i];

        if (!field_worth_keeping(ref->def)) {
            s->rest = MAX_OF(s->rest, field_needs(ref->def));
            continue;
        }
        s->columns[ref->slot] = value_column_of(e->values, ref->text);
        any = true;
        if (ref->def->flags & FIELD_STATEFUL) {
            s->stateful = s->tracked[ref->slot] = true;
            job_post(e, run_track, NULL, NULL, xstrdup(ref->text));
        }
    }
    s->ncolumns = any ? refs->v.n : 0;
}

static struct selection *selection_new(struct engine *e, const char *text, const char *canonical,
                                       struct filter *f)
{
    struct selection *s = xcalloc(1, sizeof(*s));

    s->refs = 1;
    s->id = ++e->next_selection;
    s->text = xstrdup(text);
    s->canonical = xstrdup(canonical);
    s->filter = f;
    s->plugin = field_refs_need_plugin(filter_refs(f));
    find_columns(e, s, filter_refs(f));
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

/* Old results are taken up again when the same filter comes back. */
static struct selection *select_text(struct engine *e, const char *text, struct filter *f)
{
    struct selection *s;
    struct buf canonical;

    buf_init(&canonical, SIZE_MAX);
    filter_text(f, &canonical);
    pthread_mutex_lock(&e->sel_lock);
    s = by_text(e, text, buf_str(&canonical));
    if (s) {
        filter_free(f);
        for (size_t i = 0; i < e->selections.n; i++) {
            if (e->selections.v[i] == s)
                remove_at(e, i);
        }
    } else {
        s = selection_new(e, text, buf_str(&canonical), f);
    }
    vec_push(&e->selections, s);
    s->wanted = true;
    s->refs++;
    pthread_mutex_unlock(&e->sel_lock);
    buf_fini(&canonical);
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
    f = filter_typed(e, text, &err);
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
