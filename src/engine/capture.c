/*
 * A capture as the stream: its blocks read one after the other, folded, numbered, passed to the
 * state, and made rows. Runs on the plugin thread in slices, so that requests come in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "capture.h"
#include "replay.h"

#define SLICE_NS    (4 * NS_PER_MS)
#define CLOCK_EVERY 256
#define OLD_TYPES   336  /* types that sysdig 0.29.3 knows */
#define DAMAGE_MAX  1000 /* places that are kept in words */

/* ---- sections -------------------------------------------------------------------------------- */

static void sections_free(struct capture_part *p)
{
    for (struct section *s = p->newest, *before; s; s = before) {
        before = s->before;
        state_free(s->state);
        free(s);
    }
    p->newest = NULL;
}

/* Without a store nobody asks for what is over. */
static void forget_sections(struct capture *c, const struct capture_part *now)
{
    for (size_t i = 0; i < c->nparts; i++) {
        if (&c->parts[i] == now || capture_stream_ended(c->stream, i))
            sections_free(&c->parts[i]);
    }
}

static void new_section(struct engine *e, struct capture *c, struct capture_part *p,
                        uint64_t offset)
{
    bool kept = e->store && c->role == CAPTURE_STREAM;
    struct section *s = xcalloc(1, sizeof(*s));

    if (!kept) {
        output_drain(e);
        forget_sections(c, p);
    }
    s->before = p->newest;
    s->from = offset;
    s->state = state_new(kept || c->history);
    state_set_origin(s->state, offset);
    atomic_store_explicit(&p->newest, s, memory_order_release);
    p->meta_over = false;
    p->leading = true;
}

const struct state *capture_state(const struct capture *c, uint64_t at)
{
    size_t part = (size_t)(at >> CAPTURE_PART_BITS);
    struct section *s = part < c->nparts
                            ? atomic_load_explicit(&c->parts[part].newest, memory_order_acquire)
                            : NULL;

    while (s && s->from > at)
        s = s->before;
    return s ? s->state : NULL;
}

struct state *capture_state_now(struct capture *c, uint64_t at)
{
    struct section *s = c->parts[(size_t)(at >> CAPTURE_PART_BITS)].newest;

    while (s && s->from > at)
        s = s->before;
    return s ? s->state : NULL;
}

uint64_t capture_state_memory(const struct capture *c)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < c->nparts; i++) {
        const struct section *s = atomic_load_explicit(&c->parts[i].newest, memory_order_acquire);

        for (; s; s = s->before)
            bytes += state_memory(s->state);
    }
    return bytes;
}

const struct state *capture_state_newest(const struct capture *c)
{
    const struct section *s =
        c->nparts ? atomic_load_explicit(&c->parts[0].newest, memory_order_acquire) : NULL;

    return s ? s->state : NULL;
}

/* ---- enter halves ----------------------------------------------------------------------------- */

/* In its current form. */
static const void *folded_enter(struct capture *c, const struct half *p)
{
    if (p->as_is && event_plan(event_code(p->bytes), event_nparams(p->bytes)).same)
        return p->bytes;
    buf_reset(&c->half);
    if (event_upgrade(p->bytes, p->len, p->v1, &c->half, NULL) != SEV_OK)
        return NULL;
    event_fold(c->half.data, NULL, &c->enter);
    return c->enter.len ? c->enter.data : NULL;
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void note_damage(struct engine *e, struct capture *c, const char *text)
{
    json_t *mark;
    char *json;

    if (c->role == CAPTURE_REPLAY) /* its row has no value */
        replayer_mark(e);
    if (c->role != CAPTURE_STREAM) /* it has been told */
        return;
    mark =
        json_pack("{ss so so}", "kind", "damage", "text", rpc_str(text), "ts", rpc_u64(time_now()));
    json = json_dumps(mark, JSON_COMPACT);

    if (c->stats.damage.n < DAMAGE_MAX)
        str_list_add(&c->stats.damage, text);
    log_entry(e, NULL, 4, "mews", text);
    if (e->store)
        store_append_note(e->store, span_of(json));
    free(json);
    json_decref(mark);
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool is_initial_state(uint16_t type)
{
    return type == EVENT_CONTAINER_JSON || type == EVENT_ASYNC || type == 354 || type == 356 ||
           type == 358 || type == 360;
}

/* The event as it is shown. */
static const char *made(struct capture *c, struct passing *p, bool folded)
{
    const struct capture_block *b = p->block;

    const char *current = b->event.p;

    if (!p->head.as_is) {
        buf_reset(&c->upgraded);
        event_upgrade(b->event.p, b->event.n, b->v1, &c->upgraded, NULL);
        current = c->upgraded.data;
    }
    if (p->plan.same || !folded)
        return current;
    event_fold(current, p->enter ? folded_enter(c, p->enter) : NULL, &c->folded);
    return c->folded.data;
}

static const char *event_of(struct capture *c, struct passing *p)
{
    if (!p->event)
        p->event = made(c, p, !c->raw);
    return p->event;
}

/* Which call a generic event stands for: its first parameter, where it stands in the file. */
static uint16_t call_of(const struct passing *p)
{
    const char *raw = p->block->event.p,
               *lens = raw + (p->block->v1 ? EVENT_HEADER_LEN_V1 : EVENT_HEADER_LEN);

    return p->head.nparams && get_u16(lens) == 2 ? get_u16(lens + 2 * (size_t)p->head.nparams) : 0;
}

static void keep_row(struct engine *e, struct capture *c, struct passing *p)
{
    struct store_event row = {.offset = p->offset,
                              .ts = p->head.ts,
                              .tid = p->head.tid,
                              .enter = p->enter ? p->enter->offset : 0,
                              .number = p->number,
                              .len = event_len(p->block->event.p),
                              .type = c->raw ? p->head.type : p->plan.type,
                              .cpu = p->block->cpu,
                              .v1 = p->block->v1,
                              .fold = !c->raw};

    if (row.type == EVENT_GENERIC_E || row.type == EVENT_GENERIC_X)
        row.call = call_of(p);
    if (row.type == EVENT_PLUGIN || row.type == EVENT_ASYNC)
        row.plugin_id = event_plugin_id(event_of(c, p));
    store_append_row(e->store, &row);
    if (e->offers_looked < 20 && row.type == EVENT_PLUGIN)
        offers_look(e, event_of(c, p));
}

const void *capture_whole(struct engine *e)
{
    return made(e->capture, e->capture->passing, true);
}

static bool is_meta(uint16_t type)
{
    const struct event_type *t = event_type_get(type);

    return t && t->meta;
}

static void show_event(struct engine *e, struct capture *c, struct passing *p)
{
    uint16_t type = c->raw ? p->head.type : p->plan.type;
    uint16_t call = 0;

    if (c->role != CAPTURE_STREAM)
        return;
    if (e->first_ts == TS_NONE && !is_meta(type))
        e->first_ts = p->head.ts;
    if (e->store) {
        keep_row(e, c, p);
        return;
    }
    c->passing = p;
    e->place =
        (struct event_place){p->part->newest->state, p->offset, p->block->cpu, c->raw && p->enter};
    if (type == EVENT_GENERIC_E || type == EVENT_GENERIC_X)
        call = call_of(p);
    /* without a number of its own it has that of the event before it */
    if (output_wants(e, &p->head, type, call, p->number ? p->number : c->number))
        output_event(e, event_of(c, p), p->number ? p->number : c->number);
    e->last_ts = p->head.ts;
}

/* The enter halves that are left are for the state only. */
static bool is_half(uint16_t type)
{
    const struct event_type *t = event_type_get(type);

    return t->enter && t->of_syscall;
}

bool capture_is_hidden(const struct capture *c, uint32_t flags, uint16_t type, bool initial)
{
    if (!c->raw && is_half(type))
        return true;
    return !c->internal && (initial || type == EVENT_PROCINFO || (flags & CAPTURE_FLAG_STATE_ONLY));
}

static void number_and_show(struct engine *e, struct capture *c, struct passing *p)
{
    uint16_t type = c->raw ? p->head.type : p->plan.type;
    bool initial = p->part->leading &&
                   (is_initial_state(type) || (c->raw && type == EVENT_CONTAINER_JSON_OLD));

    if (!(initial && c->later_section))
        c->number++;
    p->number = c->number;
    c->last = p->part->newest->state;
    if (c->role != CAPTURE_STREAM || stateful_asks(e))
        state_tables_bind(e->tables, p->part->newest->state);
    if (c->role == CAPTURE_FEED) {
        stateful_feed_event(e, c->fed, event_of(c, p), p->number);
    } else if (c->role == CAPTURE_REPLAY) {
        replayer_event(e, event_of(c, p), p->number,
                       !capture_is_hidden(c, p->block->flags, type, initial));
    } else if (stateful_asks(e)) {
        bool shown = e->store && !capture_is_hidden(c, p->block->flags, type, initial);

        stateful_pass(e, event_of(c, p), p->number,
                      shown ? store_rows(e->store) + store_staged(e->store) : ROW_NONE);
    }
    if (!capture_is_hidden(c, p->block->flags, type, initial))
        show_event(e, c, p);
    if (!initial)
        p->part->leading = false;
}

/* Types that the table does not know are rows without a number; so is what 0.29.3 passes over. */
static bool is_unknown(const struct capture *c, uint16_t type)
{
    return !event_type_get(type) || (c->raw && type >= OLD_TYPES);
}

static void tell_state(struct capture *c, struct passing *p)
{
    struct state *state = p->part->newest->state;

    if (c->told == FIELD_STATE_NONE)
        return;
    if (!state_wants(p->plan.type, c->told == FIELD_STATE_USE))
        state_touch(state, p->offset, p->plan.type, p->head.tid, p->head.ts);
    else
        state_event(state, p->offset, c->raw ? made(c, p, true) : event_of(c, p));
}

static SELDOM void event_damaged(struct engine *e, struct capture *c, const struct passing *p,
                                 uint64_t offset)
{
    const struct capture_block *b = p->block;
    struct event_head head;
    struct error err;
    char text[1400];

    event_peek(b->event.p, b->event.n, b->v1, &head, &err);
    snprintf(text, sizeof(text), "%s: the event at offset %llu is damaged: %s", p->part->path,
             (unsigned long long)(offset & CAPTURE_PART_OFFSET), err.text);
    note_damage(e, c, text);
}

void capture_catch_up(struct engine *e)
{
    struct capture *c = e->capture;
    struct error err;

    if (!c || !c->deferred)
        return;
    c->deferred = false;
    if (!skim_catch_up(e, c, c->passing->offset, &err))
        note_damage(e, c, err.text);
    e->place.state = c->last = c->passing->part->newest->state;
}

static void take_event(struct engine *e, struct capture *c, struct capture_part *part,
                       const struct capture_block *b, uint64_t offset)
{
    struct passing p = {.block = b, .part = part, .offset = offset + b->event_at};
    bool stored, passed;

    if (event_peek(b->event.p, b->event.n, b->v1, &p.head, NULL) != SEV_OK) {
        event_damaged(e, c, &p, offset);
        return;
    }
    if (output_is_past(e, p.head.ts)) {
        output_end(e);
        return;
    }
    if (c->counts)
        capture_stats_event(&c->stats, &p.head,
                            p.head.type == EVENT_PLUGIN ? event_of(c, &p) : NULL);
    p.plan = (struct event_plan){.type = p.head.type, .same = true};
    if (is_unknown(c, p.head.type)) {
        if (c->role == CAPTURE_REPLAY)
            replayer_mark(e);
        show_event(e, c, &p);
        return;
    }
    p.plan = event_plan(p.head.type, p.head.nparams);
    stored = p.plan.fate == EVENT_STORED || p.plan.fate == EVENT_STORED_AND_PASSED;
    passed = p.plan.fate == EVENT_PASSED || p.plan.fate == EVENT_STORED_AND_PASSED;
    if (p.plan.takes_enter)
        p.enter = halves_of(&p.part->halves, p.head.tid);
    if (stored)
        halves_keep(&p.part->halves, p.head.tid,
                    (struct span){b->event.p, MIN_OF((size_t)event_len(b->event.p), b->event.n)},
                    b->v1, p.head.as_is, p.offset);
    if (passed)
        tell_state(c, &p);
    if ((passed || c->raw) && c->role != CAPTURE_BEHIND)
        number_and_show(e, c, &p);
    if (p.enter)
        halves_drop(&p.part->halves, p.head.tid);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void take_metadata(struct engine *e, struct capture *c, struct capture_part *p,
                          const struct capture_block *b, uint64_t offset)
{
    struct state *state = p->newest->state;
    struct error err;

    if (p->meta_over)
        return; /* only at the start of a section does it describe what is known */
    if (state_metadata(state, b, offset & CAPTURE_PART_OFFSET, &err) != SEV_OK)
        note_damage(e, c, err.text);
    if (b->type == CAPTURE_MACHINE) {
        c->stats.machine = *state_machine(state);
        if (c->stats.machine.hostname[0] && c->role == CAPTURE_STREAM)
            snprintf(e->hostname, sizeof(e->hostname), "%.127s", c->stats.machine.hostname);
    }
}

static void take_block(struct engine *e, struct capture *c, struct capture_part *p,
                       const struct capture_block *b, uint64_t offset)
{
    if (c->counts)
        capture_stats_block(&c->stats, b);
    atomic_store_explicit(&p->inside, (offset & CAPTURE_PART_OFFSET) + b->len,
                          memory_order_relaxed);
    if (b->type == CAPTURE_SECTION) {
        c->later_section = c->started;
        if (p->started)
            halves_clear(&p->halves);
        new_section(e, c, p, offset);
        c->stats.sections++;
        c->started = p->started = true;
    } else if (!b->event.p) {
        take_metadata(e, c, p, b, offset);
    } else {
        if (!p->meta_over)
            state_start(p->newest->state);
        p->meta_over = true;
        take_event(e, c, p, b, offset);
    }
}

static void tell_progress(struct engine *e, struct capture *c)
{
    uint64_t done, total;

    capture_input_progress(c->input, &done, &total);
    pthread_mutex_lock(&e->state_lock);
    e->source.has_progress = total > 0;
    e->source.progress_pct = total ? (uint32_t)((double)done / (double)total * 10000) : 0;
    snprintf(e->source.progress_text, sizeof(e->source.progress_text), "%llu of %llu bytes",
             (unsigned long long)done, (unsigned long long)total);
    pthread_mutex_unlock(&e->state_lock);
}

static SELDOM void file_damaged(struct engine *e, struct capture *c, const struct capture_part *p,
                                const char *what)
{
    char text[2000];

    snprintf(text, sizeof(text), "%s: %s", p->path, what);
    note_damage(e, c, text);
}

void capture_take_item(struct engine *e, struct capture *c, enum capture_item item,
                       const struct capture_item_info *info)
{
    struct capture_part *p = &c->parts[info->part];

    if (item == CAPTURE_ITEM_BLOCK)
        take_block(e, c, p, &info->block, info->offset);
    else if (item == CAPTURE_ITEM_DAMAGE)
        file_damaged(e, c, p, info->text);
}

/* Whether what has been read is read again at little cost: for the state, when it is wanted. */
static bool can_go_back(const struct capture *c)
{
    return c->nparts == 1 && !c->piped && !capture_input_is_gzip(c->input) && !c->raw;
}

/* What may be passed over does not change while an output goes on, unless plugins ask for all. */
static void look_for_skim(struct engine *e, struct capture *c)
{
    bool all = e->store || stateful_asks(e);

    if (c->skim_made && !all)
        return;
    c->deferred = !all && !c->skim_made && can_go_back(c) && output_defers_state(e);
    /* a state with history costs more: too much where it may be that little is printed */
    c->history |= !all && !c->skim_made && !c->raw && (c->deferred || !output_passes_over(e)) &&
                  output_goes_aside(e);
    c->told = all ? FIELD_STATE_USE : c->deferred ? FIELD_STATE_NONE : output_needs_state(e);
    skim_plan(e, c, !all);
    c->deferred &= c->skim != NULL;
    c->skim_made = true;
}

/* Several at a time: until the slice is over, or there is no more. */
static enum capture_item take_slice(struct engine *e, struct capture *c)
{
    uint64_t until = time_mono() + SLICE_NS;
    const struct capture_item_info *info;
    enum capture_item item;

    c->counts = e->store || output_counts(e);
    look_for_skim(e, c);
    for (unsigned n = 1;; n++) {
        if (c->skim)
            skim_over(e, c);
        item = capture_stream_next(c->stream, &info);
        if (item <= CAPTURE_ITEM_DAMAGE)
            capture_take_item(e, c, item, info);
        if (item > CAPTURE_ITEM_DAMAGE || (e->output && output_is_over(e)) ||
            (n % CLOCK_EVERY == 0 && time_mono() >= until))
            return item;
    }
}

bool capture_replay_some(struct engine *e, struct capture *c)
{
    const struct capture_item_info *info;
    enum capture_item item;

    c->role = CAPTURE_REPLAY;
    c->told = FIELD_STATE_USE;
    for (unsigned n = 0; n < CLOCK_EVERY; n++) {
        item = capture_stream_next(c->stream, &info);
        if (item > CAPTURE_ITEM_DAMAGE)
            return false;
        capture_take_item(e, c, item, info);
    }
    return true;
}

void capture_feed(struct engine *e, struct plugin *p, struct error *err)
{
    struct capture *c = capture_new(&e->spec, e->fds.spool, NULL, err), *now = e->capture;
    const struct capture_item_info *info;
    enum capture_item item = CAPTURE_ITEM_BLOCK;

    if (!c)
        return;
    c->role = CAPTURE_FEED;
    c->fed = p;
    c->told = FIELD_STATE_USE;
    while (c->number < now->number && item <= CAPTURE_ITEM_DAMAGE && !e->plugin_quit) {
        item = capture_stream_next(c->stream, &info);
        if (item <= CAPTURE_ITEM_DAMAGE)
            capture_take_item(e, c, item, info);
    }
    state_tables_bind(e->tables, now->last);
    capture_free(c);
}

/* What is printed aside asks for the past of no more than what it has in hand. */
static void forget_past(struct engine *e, struct capture *c)
{
    for (size_t i = 0; i < c->nparts; i++) {
        struct section *s = c->parts[i].newest;

        if (s && state_has_much_past(s->state)) {
            output_drain(e);
            state_forget_past(s->state);
        }
    }
}

bool capture_step(struct engine *e)
{
    struct capture *c = e->capture;
    enum capture_item item;
    char *error = NULL;

    if (!c || c->finished)
        return false;
    item = take_slice(e, c);
    c->finished = item == CAPTURE_ITEM_END || item == CAPTURE_ITEM_FAILED;
    if (item == CAPTURE_ITEM_FAILED)
        error = xasprintf("%s: %s", c->path, capture_stream_error(c->stream)->text);
    if (e->store)
        store_publish(e->store);
    else
        output_flush(e);
    if (c->history)
        forget_past(e, c);
    tell_progress(e, c);
    pthread_mutex_lock(&e->sel_lock);
    pthread_cond_broadcast(&e->sel_cond);
    pthread_mutex_unlock(&e->sel_lock);
    capture_told(e, error, c->finished, item == CAPTURE_ITEM_WAIT);
    free(error);
    return item != CAPTURE_ITEM_WAIT;
}

/* ---- its life -------------------------------------------------------------------------------- */

/* What comes through a pipe is kept in the spool; without one in a file without a name. */
static struct capture_input *open_pipe(int fd, int spool, _Atomic uint64_t *kept, struct error *err)
{
    char *dir = spool < 0 ? user_dir("cache") : NULL;
    int copy = spool >= 0 ? fcntl(spool, F_DUPFD_CLOEXEC, 3)
                          : open(dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    free(dir);
    if (copy < 0) {
        error_sys(err, errno, "no file can be made that keeps what comes through standard input");
        return NULL;
    }
    return capture_input_pipe(fd, copy, kept, err);
}

struct file {
    const char *path;
    uint64_t first; /* time of its first event */
};

static int by_first_time(const void *a, const void *b)
{
    const struct file *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

static bool open_files(struct capture_input **inputs, const struct file *files, size_t n,
                       struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        inputs[i] = capture_input_open(files[i].path, -1, err);
        if (!inputs[i]) {
            while (i)
                capture_input_free(inputs[--i]);
            return false;
        }
    }
    return true;
}

/* Several files are one stream in the order of time, be they a rotated set or not. */
static bool open_several(struct capture *c, const struct str_list *paths, bool follow,
                         struct error *err)
{
    size_t n = MIN_OF(paths->n, CAPTURE_PARTS_MAX);
    struct file *files = xcalloc(n, sizeof(*files));
    struct capture_input **inputs = xcalloc(n, sizeof(struct capture_input *));
    uint64_t *firsts = xcalloc(n, sizeof(*firsts));
    bool ok;

    for (size_t i = 0; i < n; i++)
        files[i] = (struct file){paths->v[i], capture_first_time(paths->v[i])};
    qsort(files, n, sizeof(*files), by_first_time);
    ok = open_files(inputs, files, n, err);
    if (ok) {
        c->input = capture_input_several(inputs, n);
        for (size_t i = 0; i < n; i++)
            firsts[i] = files[i].first;
        c->stream = capture_stream_new(c->input, firsts, follow);
        c->parts = xcalloc(n, sizeof(*c->parts));
        c->nparts = n;
        for (size_t i = 0; i < n; i++)
            c->parts[i].path = xstrdup(files[i].path);
        c->path = xasprintf("%zu captures", n);
    }
    free(firsts);
    free(inputs);
    free(files);
    return ok;
}

/* The only one; its input is open. */
static void one_part(struct capture *c, const char *path, bool follow)
{
    c->stream = capture_stream_new(c->input, NULL, follow);
    c->parts = xcalloc(1, sizeof(*c->parts));
    c->nparts = 1;
    c->path = xstrdup(path);
    c->parts[0].path = xstrdup(path);
}

static void make_room(struct capture *c)
{
    buf_init(&c->upgraded, EVENT_LEN_MAX + 4096);
    buf_init(&c->folded, EVENT_LEN_MAX + 4096);
    buf_init(&c->half, EVENT_LEN_MAX + 4096);
    buf_init(&c->enter, EVENT_LEN_MAX + 4096);
}

static bool open_one(struct capture *c, const char *path, bool follow, int spool,
                     _Atomic uint64_t *kept, struct error *err)
{
    int fd;

    c->input = sscanf(path, "fd:%d", &fd) == 1 ? open_pipe(fd, spool, kept, err)
               : str_eq(path, CAPTURE_KEPT)
                   ? capture_input_open(NULL, fcntl(spool, F_DUPFD_CLOEXEC, 3), err)
                   : capture_input_open(path, -1, err);
    if (!c->input)
        return false;
    c->piped = str_starts(path, "fd:") || str_eq(path, CAPTURE_KEPT);
    one_part(c, c->piped ? "standard input" : path, follow);
    return true;
}

struct capture *capture_new(const struct session_spec *spec, int spool, _Atomic uint64_t *kept,
                            struct error *err)
{
    struct capture *c = xcalloc(1, sizeof(*c));
    bool ok = spec->captures.n > 1
                  ? open_several(c, &spec->captures, spec->follow, err)
                  : open_one(c, spec->captures.v[0], spec->follow, spool, kept, err);

    if (!ok) {
        free(c);
        return NULL;
    }
    c->raw = spec->raw_events;
    c->internal = spec->internal;
    event_plans_make();
    make_room(c);
    return c;
}

struct capture *capture_behind(const struct capture *of, struct error *err)
{
    struct capture *c = xcalloc(1, sizeof(*c));

    c->input = capture_input_again(of->input, err);
    if (!c->input) {
        free(c);
        return NULL;
    }
    c->role = CAPTURE_BEHIND;
    c->internal = of->internal;
    c->history = of->history;
    one_part(c, of->path, false);
    make_room(c);
    return c;
}

bool capture_is_piped(const struct capture *c)
{
    return c->piped;
}

const char *capture_path(const struct capture *c)
{
    return c->path;
}

json_t *capture_info_json(const struct engine *e)
{
    struct capture *c = e->capture;
    uint64_t inside = 0;

    c->stats.last_number = c->number;
    for (size_t i = 0; i < c->nparts; i++)
        inside += c->parts[i].inside;
    c->stats.inside = inside;
    return capture_stats_json(e, &c->stats);
}

bool capture_indexed(const struct capture *c, size_t part, uint64_t *from, uint64_t *to)
{
    if (part >= c->nparts)
        return false;
    *from = (uint64_t)part << CAPTURE_PART_BITS;
    *to = *from + atomic_load_explicit(&c->parts[part].inside, memory_order_relaxed);
    return true;
}

struct capture_input *capture_bytes(struct capture *c)
{
    return c->input;
}

void capture_free(struct capture *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->nparts; i++) {
        sections_free(&c->parts[i]);
        halves_clear(&c->parts[i].halves);
        free(c->parts[i].path);
    }
    free(c->parts);
    capture_stream_free(c->stream);
    capture_input_free(c->input);
    buf_fini(&c->upgraded);
    buf_fini(&c->folded);
    buf_fini(&c->half);
    buf_fini(&c->enter);
    str_list_fini(&c->stats.damage);
    free(c->skim);
    free(c->path);
    free(c);
}
