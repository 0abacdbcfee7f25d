/*
 * A capture as the stream: its blocks read one after the other, folded, numbered, passed to the
 * state, and made rows. Runs on the plugin thread in slices, so that requests come in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "internal.h"

#define SLICE_NS    (4 * NS_PER_MS)
#define CLOCK_EVERY 256
#define OLD_TYPES   336  /* types that sysdig 0.29.3 knows */
#define DAMAGE_MAX  1000 /* places that are kept in words */
#define BUCKETS     4096u

/* The enter half that a thread's next exit may take. */
struct pending {
    struct pending *next;
    uint64_t tid, offset;
    uint16_t type; /* as it stands in the file */
    bool v1;
    struct buf bytes; /* upgraded, not folded */
};

struct section { /* from one section header to the next */
    struct section *before;
    uint64_t from;
    struct state *state;
};

struct capture {
    struct capture_input *input;
    char *path;
    struct section *_Atomic newest;
    /* the plugin thread's own */
    struct capture_reader *reader;
    struct buf upgraded, folded, enter;
    bool started, meta_over, leading, later_section, finished, raw, internal;
    uint64_t number; /* of the last event */
    uint64_t shown;  /* rows, or events handed to the output */
    struct pending *pending[BUCKETS];
    struct capture_stats stats;
};

/* ---- sections -------------------------------------------------------------------------------- */

static void new_section(struct capture *c, uint64_t offset, bool history)
{
    struct section *s = xcalloc(1, sizeof(*s));

    s->before = c->newest;
    s->from = offset;
    s->state = state_new(history);
    atomic_store_explicit(&c->newest, s, memory_order_release);
    c->meta_over = false;
    c->leading = true;
}

const struct state *capture_state(const struct capture *c, uint64_t at)
{
    struct section *s = atomic_load_explicit(&((struct capture *)c)->newest, memory_order_acquire);

    while (s && s->from > at)
        s = s->before;
    return s ? s->state : NULL;
}

/* ---- pending enter halves -------------------------------------------------------------------- */

static struct pending **pending_slot(struct capture *c, uint64_t tid)
{
    struct pending **p = &c->pending[(tid * 0x9e3779b97f4a7c15ull) >> 52];

    while (*p && (*p)->tid != tid)
        p = &(*p)->next;
    return p;
}

static void pending_clear(struct capture *c)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct pending *p = c->pending[i], *next; p; p = next) {
            next = p->next;
            buf_fini(&p->bytes);
            free(p);
        }
        c->pending[i] = NULL;
    }
}

static void pending_store(struct capture *c, const struct capture_block *b, uint64_t offset,
                          uint64_t tid)
{
    struct pending **slot = pending_slot(c, tid), *p = *slot;

    if (!p) {
        p = *slot = xcalloc(1, sizeof(*p));
        p->tid = tid;
        buf_init(&p->bytes, EVENT_LEN_MAX + 64);
    }
    p->offset = offset;
    p->v1 = b->v1;
    buf_reset(&p->bytes);
    buf_add(&p->bytes, c->upgraded.data, c->upgraded.len);
}

/* The enter half for an event, used up by it; NULL: none. */
static struct pending *pending_take(struct capture *c, uint64_t tid)
{
    struct pending *p = *pending_slot(c, tid);

    return p && p->bytes.len ? p : NULL;
}

/* In its current form. */
static const void *folded_enter(struct capture *c, const struct pending *p)
{
    event_fold(p->bytes.data, NULL, &c->enter);
    return c->enter.len ? c->enter.data : NULL;
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void note_damage(struct engine *e, struct capture *c, const char *text)
{
    json_t *mark =
        json_pack("{ss so so}", "kind", "damage", "text", rpc_str(text), "ts", rpc_u64(time_now()));
    char *json = json_dumps(mark, JSON_COMPACT);

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

struct place {
    uint64_t offset; /* of the event's bytes */
    uint64_t enter;
    bool fold;
};

static void show_event(struct engine *e, struct capture *c, const struct capture_block *b,
                       const struct place *p, const void *event, uint64_t number)
{
    uint16_t type = event_code(event);
    struct store_event row = {.offset = p->offset,
                              .ts = event_ts(event),
                              .tid = event_tid(event),
                              .enter = p->enter,
                              .number = number,
                              .len = event_len(b->event.p),
                              .type = type,
                              .cpu = b->cpu,
                              .v1 = b->v1,
                              .fold = p->fold};

    c->shown++;
    if (e->first_ts == TS_NONE && type != EVENT_ASYNC && type != EVENT_CONTAINER_JSON)
        e->first_ts = row.ts;
    if (e->store) {
        if (type == EVENT_PLUGIN || type == EVENT_ASYNC)
            row.plugin_id = event_plugin_id(event);
        store_append_row(e->store, &row);
        if (e->offers_looked < 20 && type == EVENT_PLUGIN)
            offers_look(e, event);
    } else if (e->output) {
        e->place = (struct event_place){capture_state(c, p->offset), p->offset, b->cpu};
        output_event(e, event, number);
        e->last_ts = row.ts;
    }
}

/* Types that the table does not know are rows without a number; so is what 0.29.3 passes over. */
static bool show_unknown(struct engine *e, struct capture *c, const struct capture_block *b,
                         const struct place *p)
{
    uint16_t type = event_code(c->upgraded.data);
    bool known = event_type_get(type) && (!c->raw || type < OLD_TYPES);

    if (!known)
        show_event(e, c, b, p, c->upgraded.data, 0);
    return !known;
}

/* The enter halves that are left are for the state only. */
static bool is_half(uint16_t type)
{
    const struct event_type *t = event_type_get(type);

    return t->enter && str_eq(t->source_class, "syscall");
}

static bool is_hidden(struct capture *c, const struct capture_block *b, uint16_t type)
{
    if (c->internal)
        return false;
    if (c->leading && (is_initial_state(type) || (c->raw && type == EVENT_CONTAINER_JSON_OLD)))
        return true;
    return type == EVENT_PROCINFO || (b->flags & CAPTURE_FLAG_STATE_ONLY) ||
           (!c->raw && is_half(type));
}

/* event: NULL when it is none of its own */
static void number_and_show(struct engine *e, struct capture *c, const struct capture_block *b,
                            struct place *p, const struct buf *event)
{
    uint16_t type = event ? event_code(event->data) : 0;
    bool initial =
        c->leading && (is_initial_state(type) || (c->raw && type == EVENT_CONTAINER_JSON_OLD));

    if (!event)
        return;
    if (!(initial && c->later_section))
        c->number++;
    if (!is_hidden(c, b, type))
        show_event(e, c, b, p, event->data, c->number);
    if (!initial)
        c->leading = false;
}

static void take_event(struct engine *e, struct capture *c, const struct capture_block *b,
                       uint64_t offset)
{
    struct place p = {.offset = offset + b->event_at, .fold = !c->raw};
    const struct buf *event = NULL;
    struct pending *enter = NULL;
    struct event_plan plan;
    struct error err;

    buf_reset(&c->upgraded);
    if (event_upgrade(b->event.p, b->event.n, b->v1, &c->upgraded, &err) != SEV_OK) {
        char text[1400];

        snprintf(text, sizeof(text), "%s: the event at offset %llu is damaged: %s", c->path,
                 (unsigned long long)offset, err.text);
        note_damage(e, c, text);
        return;
    }
    capture_stats_event(&c->stats, c->upgraded.data);
    if (show_unknown(e, c, b, &p))
        return;
    plan = event_plan(event_code(c->upgraded.data), event_nparams(c->upgraded.data));
    if (plan.takes_enter)
        enter = pending_take(c, event_tid(c->upgraded.data));
    if (plan.fate == EVENT_STORED || plan.fate == EVENT_STORED_AND_PASSED)
        pending_store(c, b, p.offset, event_tid(c->upgraded.data));
    if (plan.fate == EVENT_PASSED || plan.fate == EVENT_STORED_AND_PASSED) {
        if (!plan.same)
            event_fold(c->upgraded.data, enter ? folded_enter(c, enter) : NULL, &c->folded);
        event = plan.same ? &c->upgraded : &c->folded;
        state_event(c->newest->state, p.offset, event->data);
    }
    if (enter && !c->raw)
        p.enter = enter->offset;
    if (enter)
        buf_reset(&enter->bytes);
    number_and_show(e, c, b, &p, c->raw ? &c->upgraded : event);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void take_metadata(struct engine *e, struct capture *c, const struct capture_block *b,
                          uint64_t offset)
{
    struct error err;

    if (c->meta_over)
        return; /* only at the start of a section does it describe what is known */
    if (state_metadata(c->newest->state, b, offset, &err) != SEV_OK)
        note_damage(e, c, err.text);
    if (b->type == CAPTURE_MACHINE && state_machine(c->newest->state)->hostname[0])
        snprintf(e->hostname, sizeof(e->hostname), "%.127s",
                 state_machine(c->newest->state)->hostname);
}

static void take_block(struct engine *e, struct capture *c, const struct capture_block *b,
                       uint64_t offset)
{
    capture_stats_block(&c->stats, b);
    c->stats.inside = offset + b->len;
    if (b->type == CAPTURE_SECTION) {
        if (c->started) {
            c->later_section = true;
            pending_clear(c);
        }
        new_section(c, offset, e->store != NULL);
        c->stats.sections++;
        c->started = true;
    } else if (!b->event.p) {
        take_metadata(e, c, b, offset);
    } else {
        if (!c->meta_over)
            state_start(c->newest->state);
        c->meta_over = true;
        take_event(e, c, b, offset);
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

static void take_item(struct engine *e, struct capture *c, enum capture_item item,
                      const struct capture_item_info *info)
{
    char text[2000];

    if (item == CAPTURE_ITEM_BLOCK) {
        take_block(e, c, &info->block, info->offset);
    } else if (item == CAPTURE_ITEM_DAMAGE) {
        snprintf(text, sizeof(text), "%s: %s", c->path, info->text);
        note_damage(e, c, text);
    }
}

/* Several at a time: until the slice is over, or there is no more. */
static enum capture_item take_slice(struct engine *e, struct capture *c)
{
    uint64_t until = time_mono() + SLICE_NS;
    struct capture_item_info info;
    enum capture_item item;

    for (unsigned n = 1;; n++) {
        item = capture_reader_next(c->reader, &info);
        take_item(e, c, item, &info);
        if (item > CAPTURE_ITEM_DAMAGE || (e->output && output_is_over(e)) ||
            (n % CLOCK_EVERY == 0 && time_mono() >= until))
            return item;
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
        error = xasprintf("%s: %s", c->path, capture_reader_error(c->reader)->text);
    if (e->store)
        store_publish(e->store);
    else
        output_flush(e);
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
static struct capture_input *open_pipe(int fd, int spool, uint64_t have, struct error *err)
{
    char *dir = spool < 0 ? user_dir("cache") : NULL;
    int copy = spool >= 0 ? fcntl(spool, F_DUPFD_CLOEXEC, 3)
                          : open(dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    free(dir);
    if (copy < 0) {
        error_sys(err, errno, "no file can be made that keeps what comes through standard input");
        return NULL;
    }
    return capture_input_pipe(fd, copy, have, err);
}

struct part {
    const char *path;
    uint64_t first;
};

static int by_first_time(const void *a, const void *b)
{
    const struct part *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* Several files in the order of their first events: a rotated set is one stream. */
static struct capture_input *open_several(const struct str_list *paths, struct error *err)
{
    struct part *parts = xcalloc(paths->n, sizeof(*parts));
    struct capture_input **inputs = xcalloc(paths->n, sizeof(struct capture_input *)), *in = NULL;
    size_t n;

    for (size_t i = 0; i < paths->n; i++)
        parts[i] = (struct part){paths->v[i], capture_first_time(paths->v[i])};
    qsort(parts, paths->n, sizeof(*parts), by_first_time);
    for (n = 0; n < paths->n && (inputs[n] = capture_input_open(parts[n].path, -1, err)); n++)
        ;
    if (n == paths->n)
        in = capture_input_chain(inputs, n);
    while (!in && n)
        capture_input_free(inputs[--n]);
    free(inputs);
    free(parts);
    return in;
}

static struct capture_input *open_input(const struct str_list *paths, int spool, uint64_t have,
                                        struct error *err)
{
    int fd;

    if (paths->n > 1)
        return open_several(paths, err);
    if (sscanf(paths->v[0], "fd:%d", &fd) == 1)
        return open_pipe(fd, spool, have, err);
    return capture_input_open(paths->v[0], -1, err);
}

struct capture *capture_new(const struct session_spec *spec, int spool, uint64_t have,
                            struct error *err)
{
    struct capture_input *input = open_input(&spec->captures, spool, have, err);
    struct capture *c;

    if (!input)
        return NULL;
    c = xcalloc(1, sizeof(*c));
    c->input = input;
    c->path = spec->captures.n > 1                     ? xasprintf("%zu captures", spec->captures.n)
              : str_starts(spec->captures.v[0], "fd:") ? xstrdup("standard input")
                                                       : xstrdup(spec->captures.v[0]);
    c->raw = spec->raw_events;
    c->internal = spec->internal;
    c->reader = capture_reader_new(input, spec->follow);
    buf_init(&c->upgraded, EVENT_LEN_MAX + 4096);
    buf_init(&c->folded, EVENT_LEN_MAX + 4096);
    buf_init(&c->enter, EVENT_LEN_MAX + 4096);
    return c;
}

const char *capture_path(const struct capture *c)
{
    return c->path;
}

json_t *capture_info_json(const struct engine *e)
{
    struct capture *c = e->capture;

    c->stats.last_number = c->number;
    if (c->newest)
        c->stats.machine = *state_machine(c->newest->state);
    return capture_stats_json(e, &c->stats);
}

uint64_t capture_indexed(const struct capture *c)
{
    return c->stats.inside;
}

struct capture_input *capture_bytes(struct capture *c)
{
    return c->input;
}

void capture_free(struct capture *c)
{
    if (!c)
        return;
    for (struct section *s = c->newest, *before; s; s = before) {
        before = s->before;
        state_free(s->state);
        free(s);
    }
    pending_clear(c);
    capture_reader_free(c->reader);
    capture_input_free(c->input);
    buf_fini(&c->upgraded);
    buf_fini(&c->folded);
    buf_fini(&c->enter);
    str_list_fini(&c->stats.damage);
    free(c->path);
    free(c);
}
