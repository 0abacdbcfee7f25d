/* What the commands without a screen print: lines as events pass, or counts when they have all
 * passed. Nothing is kept. */
#include <errno.h>

#include "output.h"

static const char default_line[] =
    "*%evt.num %evt.outputtime %evt.cpu %proc.name (%thread.tid) %evt.dir %evt.type %evt.info";
static const char default_stranger_line[] = "*%evt.num %evt.datetime.s %evt.type %evt.args";
static const char default_plugin_line[] =
    "*%evt.num %evt.datetime.s [%evt.pluginname] %evt.plugininfo";

void output_stop(struct engine *e)
{
    struct output *o = e->output;

    if (!o)
        return;
    e->output = NULL;
    aside_free(o->aside);
    funnel_free(o->funnel);
    json_decref(o->explained);
    filter_free(o->filter);
    output_free(o->format);
    output_free(o->system_format);
    output_free(o->stranger_format);
    groups_free(o->groups);
    late_free(o->late);
    output_expect_free(o->expect);
    alerts_free(o->alerts);
    output_rules_free(o->rules);
    record_free(o->recorder, NULL);
    free(o->error);
    free(o->table);
    free(o->at_time);
    reader_fini(&o->filter_reader);
    reader_fini(&o->format_reader);
    buf_fini(&o->text);
    free(o);
}

/* ---- one event ------------------------------------------------------------------------------- */

static void note_late(struct engine *e, struct output *o, const void *bytes, uint64_t number)
{
    late_told(o->late, bytes, number, 0);
    late_event(o->late, e->place.state, event_tid(bytes), e->place.at, number, event_ts(bytes));
}

/* What could not be written ends it. */
static void keep(struct output *o, enum severity sev, const struct error *err)
{
    if (sev != SEV_OK && !o->error)
        o->error = xstrdup(err->text);
}

bool output_counts(const struct engine *e)
{
    return e->output && e->output->kind == OUTPUT_INFO;
}

static enum field_state format_needs_state(const struct output_format *f)
{
    return f ? field_refs_state(output_refs(f)) : FIELD_STATE_NONE;
}

enum field_state output_needs_state(const struct engine *e)
{
    const struct output *o = e->output;
    enum field_state needs[4 + GROUP_FIELDS], most = FIELD_STATE_NONE;
    unsigned n = 0;

    if (!o || o->kind == OUTPUT_STATE || o->kind == OUTPUT_LATE || o->kind == OUTPUT_RULES ||
        o->kind == OUTPUT_EXPECT || o->kind == OUTPUT_ALERTS)
        return FIELD_STATE_USE;
    needs[n++] = o->filter ? field_refs_state(filter_refs(o->filter)) : FIELD_STATE_NONE;
    needs[n++] = format_needs_state(o->format);
    needs[n++] = format_needs_state(o->system_format);
    needs[n++] = format_needs_state(o->stranger_format);
    for (unsigned i = 0; i < o->nfields; i++)
        needs[n++] = field_refs_state(&o->fields[i]->refs);
    while (n--)
        most = MAX_OF(most, needs[n]);
    return most;
}

bool output_passes_over(const struct engine *e)
{
    const struct output *o = e->output;

    return o && o->kind != OUTPUT_EXPLAIN && o->kind != OUTPUT_STATE && o->kind != OUTPUT_EXPECT &&
           o->kind != OUTPUT_ALERTS && (o->filter || o->kind == OUTPUT_RULES);
}

bool output_may_want(const struct engine *e, uint16_t type, uint16_t call)
{
    const struct output *o = e->output;

    return (o->kind != OUTPUT_RULES || output_rules_wants(o->rules, type)) &&
           (!o->filter || filter_may_match(o->filter, type, call));
}

bool output_defers_state(const struct engine *e)
{
    const struct output *o = e->output;

    return o && o->filter && (o->kind == OUTPUT_LINES || o->kind == OUTPUT_COUNTS) &&
           field_refs_state(filter_refs(o->filter)) == FIELD_STATE_NONE &&
           output_needs_state(e) != FIELD_STATE_NONE;
}

bool output_asks_threads(const struct engine *e)
{
    return e->output->filter && filter_asks_threads(e->output->filter);
}

uint64_t output_epoch(const struct engine *e, const struct state *state)
{
    return state_epoch(state, filter_scope(e->output->filter));
}

bool output_may_want_thread(struct engine *e, uint64_t tid, uint16_t type)
{
    struct output *o = e->output;
    struct state_note *note = state_thread_note(e->place.state, tid);
    struct event_head head = {.tid = tid, .type = type};
    uint64_t epoch = output_epoch(e, e->place.state);
    char stub[EVENT_STUB_LEN];
    bool wanted;

    if (state_note_holds(note, epoch))
        return note->verdict == STATE_WANTED;
    event_stub(&head, type, 0, stub);
    reader_passing(&o->filter_reader, filter_refs(o->filter), stub, 0, e->last_ts);
    wanted = filter_thread_may_match(o->filter, &o->filter_reader.base);
    if (note)
        *note = (struct state_note){epoch, wanted ? STATE_WANTED : STATE_UNWANTED};
    return wanted;
}

bool output_asks_headers(const struct engine *e)
{
    return e->output->filter && filter_asks_headers(e->output->filter);
}

bool output_may_want_header(const struct engine *e, const struct filter_header *h)
{
    return filter_header_may_match(e->output->filter, h);
}

bool output_asks_fds(const struct engine *e)
{
    return e->output->filter && filter_asks_fds(e->output->filter);
}

/* What its filter asks of the descriptor alone; the answer is kept with that. */
static bool may_want_fd(struct engine *e, struct output *o, const void *bytes, uint64_t number)
{
    uint8_t *note = state_fd_note(e->place.state, event_tid(bytes), state_event_fd(bytes));
    bool wanted;

    if (note && *note)
        return *note == STATE_WANTED;
    reader_passing(&o->filter_reader, filter_refs(o->filter), bytes, number, e->last_ts);
    wanted = filter_fd_may_match(o->filter, &o->filter_reader.base);
    if (note)
        *note = wanted ? STATE_WANTED : STATE_UNWANTED;
    return wanted;
}

void output_passed_over(struct engine *e, uint64_t events)
{
    e->output->events += events;
}

bool output_is_past(struct engine *e, uint64_t ts)
{
    struct output *o = e->output;

    if (!o || o->ended || !o->at_time)
        return false;
    if (!o->at_ts && !time_parse(o->at_time, ts, o->format_reader.fe.utc, &o->at_ts)) {
        o->error = xasprintf("“%s” is neither the number of an event nor a time", o->at_time);
        output_end(e);
        return true;
    }
    return ts > o->at_ts;
}

bool output_wants(struct engine *e, const struct event_head *h, uint16_t type, uint16_t call,
                  uint64_t number)
{
    struct output *o = e->output;
    char stub[EVENT_STUB_LEN];

    if (!o || o->ended)
        return false;
    if (o->kind == OUTPUT_EXPLAIN)
        return true; /* each part is asked, whatever the others say */
    if (o->kind == OUTPUT_STATE) {
        o->events++;
        if (number >= o->at_event)
            output_end(e);
        return false;
    }
    if (o->kind == OUTPUT_EXPECT || o->kind == OUTPUT_ALERTS) {
        o->events++;
        return o->expect ? output_expect_wants(o->expect, number) : alerts_want(o->alerts, h->ts);
    }
    if (o->kind == OUTPUT_RULES && !output_rules_wants(o->rules, type)) {
        o->events++;
        return false;
    }
    if (!o->filter) {
        if (o->kind != OUTPUT_TOTAL && o->kind != OUTPUT_INFO)
            return true;
        o->events++;
        o->matched++;
        return false;
    }
    if (!filter_may_match(o->filter, type, call)) {
        o->events++;
        return false;
    }
    if (e->place.state && output_asks_threads(e) && state_type_has_thread(type) &&
        !output_may_want_thread(e, h->tid, type)) {
        o->events++;
        return false;
    }
    /* the source of plugins' events is told by the plugin's ID, a parameter */
    if (o->filter_needs == FIELD_NEEDS_BYTES || type == EVENT_PLUGIN || type == EVENT_ASYNC ||
        (o->filter_needs == FIELD_NEEDS_NAME && !event_header_names(type) && !call))
        return true;
    event_stub(h, type, call, stub);
    reader_passing(&o->filter_reader, filter_refs(o->filter), stub, number, e->last_ts);
    if (filter_match(o->filter, &o->filter_reader.base))
        return true;
    o->events++;
    return false;
}

static void explain_passing(struct engine *e, struct output *o, const void *bytes, uint64_t number)
{
    struct field_reader *r = &o->filter_reader.base;

    reader_passing(&o->filter_reader, filter_refs(o->filter), bytes, number, e->last_ts);
    funnel_look(o->funnel, r);
    funnel_add(o->funnel);
    if (!o->explained && (o->asked_event ? number == o->at_event : filter_match(o->filter, r))) {
        o->at_event = number;
        o->explained = explain_event(o->filter, r);
    }
}

void output_event(struct engine *e, const void *bytes, uint64_t number)
{
    struct output *o = e->output;
    struct error err;

    if (!o || o->ended)
        return;
    if (o->expect || o->alerts) {
        if (o->expect)
            output_expect_event(e, o->expect, bytes, number);
        else
            alerts_event(e, o->alerts, o->rules, bytes, number);
        return;
    }
    o->events++;
    if (o->kind == OUTPUT_EXPLAIN) {
        explain_passing(e, o, bytes, number);
        return;
    }
    if (o->filter) {
        if (e->place.state && filter_asks_fds(o->filter) && !may_want_fd(e, o, bytes, number))
            return;
        reader_passing(&o->filter_reader, filter_refs(o->filter), bytes, number, e->last_ts);
        if (!filter_match(o->filter, &o->filter_reader.base))
            return;
    }
    o->matched++;
    capture_catch_up(e);
    if (o->kind == OUTPUT_LINES || o->kind == OUTPUT_COUNTS)
        output_make(e, o, bytes, number);
    else if (o->kind == OUTPUT_RULES)
        o->printed += output_rules_event(e, o->rules, bytes, number, &o->text);
    else if (o->kind == OUTPUT_LATE)
        note_late(e, o, bytes, number);
    else if (o->kind == OUTPUT_RECORD)
        keep(o, record_event(o->recorder, bytes, e->place.cpu, &err), &err);
    if (o->error || (o->until && time_mono() >= o->until)) {
        output_end(e);
        return;
    }
    if (o->kind == OUTPUT_RULES && o->text.len >= FLUSH_AT)
        output_flush(e);
    if (o->limit &&
        (o->kind == OUTPUT_LINES || o->kind == OUTPUT_RULES ? o->printed : o->matched) >= o->limit)
        output_end(e);
}

void output_flush(struct engine *e)
{
    struct output *o = e->output;
    struct error err;

    if (!o || o->ended)
        return;
    if (o->recorder)
        keep(o, record_flush(o->recorder, &err), &err);
    if (o->aside)
        aside_flush(o->aside);
    if (!output_write(o) || (o->aside && aside_over(o->aside)) || o->error ||
        (o->until && time_mono() >= o->until))
        output_end(e);
}

static json_t *groups_json(struct output *o)
{
    size_t n = groups_count(o->groups);
    struct group *top = xcalloc(n, sizeof(*top));
    json_t *rows = json_array();

    n = groups_top(o->groups, 0, n, top);
    for (size_t i = 0; i < n; i++) {
        json_t *keys = json_array();

        for (unsigned k = 0; k < o->nfields; k++)
            json_array_append_new(keys, top[i].keys[k].state == VALUE_OK
                                            ? rpc_text(top[i].keys[k].text.p, top[i].keys[k].text.n)
                                        : top[i].keys[k].state == VALUE_FAILED
                                            ? json_pack("{ss}", "error", "")
                                            : json_null());
        json_array_append_new(rows,
                              json_pack("{so so so}", "keys", keys, "count", rpc_u64(top[i].count),
                                        "first", rpc_u64(top[i].first)));
    }
    free(top);
    return rows;
}

bool output_is_over(const struct engine *e)
{
    return !e->output || e->output->ended;
}

void output_end(struct engine *e)
{
    struct output *o = e->output;
    json_t *params;

    if (!o || o->ended)
        return;
    o->ended = true;
    output_drain(e);
    output_write(o);
    if (o->recorder) {
        struct error err;

        keep(o, record_free(o->recorder, &err), &err);
        o->recorder = NULL;
    }
    params = json_pack("{so so so sb}", "events", rpc_u64(o->events), "matched",
                       rpc_u64(o->matched), "printed", rpc_u64(o->printed), "closed", o->closed);
    if (o->kind == OUTPUT_INFO && e->capture)
        json_object_set_new(params, "info", capture_info_json(e));
    if (o->kind == OUTPUT_STATE && e->capture && capture_state_newest(e->capture))
        json_object_set_new(params, "rows",
                            output_state_json(capture_state_newest(e->capture), o->table));
    if (o->kind == OUTPUT_EXPLAIN) {
        json_object_set_new(params, "funnel", funnel_json(o->funnel));
        if (o->explained) {
            json_object_set_new(params, "number", rpc_u64(o->at_event));
            json_object_set(params, "parts", o->explained);
        }
    }
    if (o->kind == OUTPUT_RULES)
        json_object_set_new(params, "fired", output_rules_counts(o->rules));
    if (o->alerts)
        json_object_set_new(params, "tied", alerts_json(o->alerts));
    if (o->kind == OUTPUT_EXPECT)
        json_object_set_new(params, "expected", output_expect_json(o->expect));
    if (o->kind == OUTPUT_LATE)
        json_object_set_new(params, "rows", late_json(o->late));
    if (o->kind == OUTPUT_COUNTS) {
        json_object_set_new(params, "groups", groups_json(o));
        json_object_set_new(params, "others", rpc_u64(groups_others(o->groups)));
    }
    pthread_mutex_lock(&e->state_lock);
    json_object_set_new(params, "state",
                        json_string(o->error ? "failed" : source_state_name(e->source.state)));
    json_object_set_new(params, "error", rpc_str(o->error ? o->error : e->source.error));
    pthread_mutex_unlock(&e->state_lock);
    notify(e, "output/end", params);
}

/* ---- starting -------------------------------------------------------------------------------- */

static bool compile_filter(struct engine *e, struct job *j, struct output *o)
{
    const char *text = rpc_get_str(j->params, "filter");
    struct syntax_error err;

    if (!text || text[strspn(text, " \t\r\n")] == '\0')
        return true;
    bundled_load_for(e, text);
    o->filter = filter_typed(e, text, &err);
    if (!o->filter)
        reply_syntax(e, j->id, &err);
    else
        o->filter_needs = field_refs_needs(filter_refs(o->filter));
    return o->filter != NULL;
}

static bool compile_format(struct engine *e, struct job *j, struct output *o)
{
    const char *text = rpc_get_str(j->params, "format");
    struct syntax_error err;

    if (!text)
        text = default_plugin_line;
    bundled_load_for(e, text);
    pthread_mutex_lock(&e->cat_lock);
    o->format = output_compile(text, e->catalogue, &err);
    if (o->format && text == default_plugin_line && e->capture)
        o->system_format = output_compile(default_line, e->catalogue, &err);
    if (o->system_format)
        o->stranger_format = output_compile(default_stranger_line, e->catalogue, &err);
    pthread_mutex_unlock(&e->cat_lock);
    for (size_t i = 0; i < 3; i++) {
        struct output_format *f[] = {o->format, o->system_format, o->stranger_format};

        if (f[i])
            output_set_bytes(f[i], o->bytes);
    }
    if (!o->format) {
        snprintf(err.code, sizeof(err.code),
                 "F01"); /* a format, not a filter: the caller draws another line */
        reply_syntax(e, j->id, &err);
    }
    return o->format != NULL;
}

static bool compile_fields(struct engine *e, struct job *j, struct output *o)
{
    const json_t *list = json_object_get(j->params, "fields"), *item;
    uint32_t index;
    size_t i;

    json_array_foreach(list, i, item) {
        const char *text = json_string_value(item);

        if (!text || i >= GROUP_FIELDS) {
            reply_code(e, j->id, RPC_INVALID_PARAMS, "one to eight fields are counted together");
            return false;
        }
        bundled_load_for(e, text);
        o->fields[i] = column_get(e, text, &index);
        if (!o->fields[i]->ref) {
            reply_syntax(e, j->id, &o->fields[i]->error);
            return false;
        }
        o->nfields++;
    }
    if (o->nfields == 0)
        reply_code(e, j->id, RPC_INVALID_PARAMS, "“fields” is missing");
    o->groups = groups_new(o->nfields, (size_t)e->spec.memory);
    return o->nfields > 0;
}

static bool open_recorder(struct engine *e, struct job *j, struct output *o)
{
    uint64_t seconds = rpc_u64_or(j->params, "seconds", 0);
    struct record_options ro = {.path = rpc_get_str(j->params, "path"),
                                .standard_output = e->fds.output,
                                .compress = rpc_get_bool(j->params, "compress", false),
                                .max_bytes = rpc_u64_or(j->params, "max_bytes", 0),
                                .max_seconds = rpc_u64_or(j->params, "max_seconds", 0),
                                .max_events = rpc_u64_or(j->params, "max_events", 0),
                                .keep_files = rpc_u64_or(j->params, "keep_files", 0)};
    struct error err;

    if (!ro.path) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "“path” is missing");
        return false;
    }
    o->recorder = record_new(&ro, e->hostname, &err);
    if (!o->recorder) {
        reply_error(e, j->id, &err);
        return false;
    }
    o->until = seconds ? time_mono() + seconds * NS_PER_S : 0;
    return true;
}

static bool set_moment(struct engine *e, struct job *j, struct output *o)
{
    const char *table = rpc_get_str(j->params, "table"), *at = rpc_get_str(j->params, "at_time");

    if (!table || (!str_eq(table, "threads") && !str_eq(table, "tree") && !str_eq(table, "fds") &&
                   !str_eq(table, "containers"))) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "“table” is threads, tree, fds or containers");
        return false;
    }
    o->table = xstrdup(table);
    o->at_event = rpc_u64_or(j->params, "at_event", UINT64_MAX);
    o->at_time = at ? xstrdup(at) : NULL;
    return true;
}

static enum output_kind kind_of(const char *kind)
{
    static const char *const names[] = {
        [OUTPUT_LINES] = "lines",   [OUTPUT_COUNTS] = "count",   [OUTPUT_TOTAL] = "total",
        [OUTPUT_INFO] = "info",     [OUTPUT_RECORD] = "record",  [OUTPUT_STATE] = "state",
        [OUTPUT_LATE] = "metadata", [OUTPUT_RULES] = "rules",    [OUTPUT_EXPECT] = "expect",
        [OUTPUT_ALERTS] = "alerts", [OUTPUT_EXPLAIN] = "explain"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(names[i], kind))
            return (enum output_kind)i;
    }
    return OUTPUT_LINES;
}

static bool read_alerts(struct engine *e, struct job *j, struct output *o)
{
    const char *path = rpc_get_str(j->params, "path");

    o->alerts = alerts_new(e, path ? path : "");
    if (alerts_error(o->alerts))
        reply_code(e, j->id, RPC_INVALID_PARAMS, alerts_error(o->alerts));
    return !alerts_error(o->alerts);
}

/* What a kind needs besides the filter; answers the error itself. */
static bool prepare(struct engine *e, struct job *j, struct output *o)
{
    switch (o->kind) {
    case OUTPUT_LINES:
        return compile_format(e, j, o);
    case OUTPUT_COUNTS:
        return compile_fields(e, j, o);
    case OUTPUT_RECORD:
        return open_recorder(e, j, o);
    case OUTPUT_STATE:
        return set_moment(e, j, o);
    case OUTPUT_EXPLAIN:
        if (!o->filter) {
            reply_code(e, j->id, RPC_INVALID_PARAMS, "a filter is needed");
            return false;
        }
        o->asked_event = rpc_get_u64(j->params, "at_event", &o->at_event);
        o->funnel = funnel_new(o->filter);
        return true;
    case OUTPUT_RULES:
    case OUTPUT_EXPECT:
    case OUTPUT_ALERTS:
        o->rules = output_rules_new(e, j->params);
        if (o->kind == OUTPUT_EXPECT)
            o->expect = output_expect_new(e, j->params, o->rules);
        return o->kind != OUTPUT_ALERTS || read_alerts(e, j, o);
    case OUTPUT_LATE:
        o->late = late_new(rpc_get_str(j->params, "key"));
        return true;
    default:
        return true;
    }
}

static enum bytes_form bytes_form_of(const char *word)
{
    static const char *const words[] = {"dots", "hex", "hex_ascii", "ascii", "base64"};

    for (size_t i = 0; word && i < COUNT_OF(words); i++) {
        if (str_eq(word, words[i]))
            return (enum bytes_form)i;
    }
    return BYTES_DOTS;
}

static void run_output(struct engine *e, struct job *j)
{
    const char *kind = rpc_get_str(j->params, "kind"), *mode = rpc_get_str(j->params, "time");
    struct output *o = xcalloc(1, sizeof(*o));
    bool ok;

    output_stop(e);
    buf_init(&o->text, 4 * EVENT_LEN_MAX);
    reader_init(&o->filter_reader, e);
    reader_init(&o->format_reader, e);
    o->filter_reader.fe.utc = o->format_reader.fe.utc = rpc_get_bool(j->params, "utc", false);
    o->filter_reader.fe.time_mode = o->format_reader.fe.time_mode = mode ? *mode : 'h';
    o->json = rpc_get_bool(j->params, "json", false);
    o->visible = rpc_get_bool(j->params, "visible", false);
    o->bytes = o->format_reader.fe.bytes_form = bytes_form_of(rpc_get_str(j->params, "bytes"));
    o->limit = rpc_u64_or(j->params, "limit", 0);
    o->kind = kind_of(kind ? kind : "lines");
    o->fd = e->fds.output;
    e->output = o;
    ok = compile_filter(e, j, o) && prepare(e, j, o);
    if (!ok) {
        output_stop(e);
        return;
    }
    reply(e, j->id, o->rules ? output_rules_report(o->rules) : json_object());
}

void method_output_start(struct engine *e, const json_t *id, const json_t *params)
{
    if (e->fds.output < 0 || e->store)
        reply_code(e, id, RPC_INVALID_PARAMS, "this engine was not started to print");
    else
        job_post(e, run_output, id, params, NULL);
}
