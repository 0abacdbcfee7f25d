/* The fields that every event has, whatever its source (fields.csv, class "evt (all sources)", and
 * those of the others that need nothing but the event itself). */
#include "internal.h"

#include <inttypes.h>

enum builtin {
    B_NUM,
    B_TIME,
    B_TIME_S,
    B_TIME_ISO8601,
    B_DATETIME,
    B_DATETIME_S,
    B_RAWTIME,
    B_RAWTIME_S,
    B_RAWTIME_NS,
    B_RELTIME,
    B_RELTIME_S,
    B_RELTIME_NS,
    B_DELTATIME,
    B_DELTATIME_S,
    B_DELTATIME_NS,
    B_OUTPUTTIME,
    B_SOURCE,
    B_PLUGINNAME,
    B_PLUGININFO,
    B_TYPE,
    B_CATEGORY,
    B_IS_ASYNC,
    B_ASYNCTYPE,
    B_HOSTNAME,
    B_COUNT
};

#define TEXT(id, n, d)                                                                             \
    {                                                                                              \
        .name = n, .desc = d, .owner = "evt", .type = VT_CHARBUF, .format = FMT_NA, .builtin = id  \
    }
#define TIME(id, n, d)                                                                             \
    {                                                                                              \
        .name = n, .desc = d, .owner = "evt", .type = VT_CHARBUF, .format = FMT_NA, .builtin = id, \
        .flags = FIELD_TIME_TEXT                                                                   \
    }
#define NUMBER(id, n, t, f, d)                                                                     \
    {                                                                                              \
        .name = n, .desc = d, .owner = "evt", .type = t, .format = f, .builtin = id                \
    }

static const struct field_def defs[B_COUNT] = {
    [B_NUM] =
        NUMBER(B_NUM, "evt.num", VT_UINT64, FMT_ID, "number of the event in the stream, from 1"),
    [B_TIME] = TIME(B_TIME, "evt.time", "time of day with nanoseconds"),
    [B_TIME_S] = TIME(B_TIME_S, "evt.time.s", "time of day in whole seconds"),
    [B_TIME_ISO8601] = TIME(B_TIME_ISO8601, "evt.time.iso8601",
                            "date and time by ISO 8601, UTC, with nanoseconds"),
    [B_DATETIME] = TIME(B_DATETIME, "evt.datetime", "date and time with nanoseconds"),
    [B_DATETIME_S] = TIME(B_DATETIME_S, "evt.datetime.s", "date and time in whole seconds"),
    [B_RAWTIME] =
        NUMBER(B_RAWTIME, "evt.rawtime", VT_ABSTIME, FMT_DEC, "nanoseconds since the epoch"),
    [B_RAWTIME_S] =
        NUMBER(B_RAWTIME_S, "evt.rawtime.s", VT_ABSTIME, FMT_DEC, "seconds since the epoch"),
    [B_RAWTIME_NS] = NUMBER(B_RAWTIME_NS, "evt.rawtime.ns", VT_ABSTIME, FMT_PADDED,
                            "nanoseconds within the second"),
    [B_RELTIME] = NUMBER(B_RELTIME, "evt.reltime", VT_RELTIME, FMT_PADDED,
                         "nanoseconds since the stream's first event"),
    [B_RELTIME_S] = NUMBER(B_RELTIME_S, "evt.reltime.s", VT_RELTIME, FMT_DEC,
                           "whole seconds since the stream's first event"),
    [B_RELTIME_NS] = NUMBER(B_RELTIME_NS, "evt.reltime.ns", VT_RELTIME, FMT_PADDED,
                            "nanoseconds within that second"),
    [B_DELTATIME] = NUMBER(B_DELTATIME, "evt.deltatime", VT_RELTIME, FMT_DEC,
                           "nanoseconds since the event before"),
    [B_DELTATIME_S] = NUMBER(B_DELTATIME_S, "evt.deltatime.s", VT_RELTIME, FMT_DEC,
                             "whole seconds since the event before"),
    [B_DELTATIME_NS] = NUMBER(B_DELTATIME_NS, "evt.deltatime.ns", VT_RELTIME, FMT_PADDED,
                              "nanoseconds within that second"),
    [B_OUTPUTTIME] = TIME(B_OUTPUTTIME, "evt.outputtime", "time in the form chosen by -t"),
    [B_SOURCE] = TEXT(B_SOURCE, "evt.source", "name of the event's source"),
    [B_PLUGINNAME] =
        TEXT(B_PLUGINNAME, "evt.pluginname", "name of the plugin that a plugin event belongs to"),
    [B_PLUGININFO] = {.name = "evt.plugininfo",
                      .desc = "what the plugin says of the event in one line",
                      .owner = "evt",
                      .type = VT_CHARBUF,
                      .format = FMT_NA,
                      .builtin = B_PLUGININFO,
                      .flags = FIELD_NEEDS_PLUGIN},
    [B_TYPE] = {.name = "evt.type",
                .desc = "name of the event's type; of an async event, its own name",
                .owner = "evt",
                .type = VT_CHARBUF,
                .format = FMT_NA,
                .builtin = B_TYPE,
                .flags = FIELD_EVENT_NAMES},
    [B_CATEGORY] = TEXT(B_CATEGORY, "evt.category", "kind of the event: file, net, process, …"),
    [B_IS_ASYNC] = {.name = "evt.is_async",
                    .desc = "whether it was injected into the stream",
                    .owner = "evt",
                    .type = VT_BOOL,
                    .format = FMT_NA,
                    .builtin = B_IS_ASYNC},
    [B_ASYNCTYPE] = TEXT(B_ASYNCTYPE, "evt.asynctype", "name of an async event"),
    [B_HOSTNAME] =
        TEXT(B_HOSTNAME, "evt.hostname", "name of the machine that the event was recorded on"),
};

const struct field_def *builtin_def(size_t i)
{
    return i < B_COUNT ? &defs[i] : system_def(i - B_COUNT);
}

static void set_number(struct value *out, uint64_t n)
{
    out->state = VALUE_OK;
    out->n = 1;
    out->one.u = n;
}

static void set_text(struct value *out, struct arena *arena, const char *s, size_t n)
{
    out->state = VALUE_OK;
    out->n = 1;
    out->one.s = (struct span){arena_strndup(arena, s, n), n};
}

static void set_time(struct value *out, struct arena *arena, const struct field_event *e,
                     enum time_form form)
{
    const char *text = time_format(event_ts(e->bytes), form, e->utc, arena_alloc(arena, 40));

    out->state = VALUE_OK;
    out->n = 1;
    out->one.s = span_of(text);
}

/* The part of a time or duration that a field shows: all, seconds, or the rest. */
static void set_part(struct value *out, uint64_t ns, int part)
{
    set_number(out, part == 0 ? ns : part == 1 ? ns / NS_PER_S : ns % NS_PER_S);
}

/* Time since an earlier point; times that run backwards give 0. */
static void set_since(struct value *out, uint64_t ts, uint64_t before, int part)
{
    if (before != TS_NONE)
        set_part(out, ts > before ? ts - before : 0, part);
}

static void set_output_time(struct value *out, struct arena *arena, const struct field_event *e)
{
    uint64_t ts = event_ts(e->bytes), ns = ts;
    char text[40];

    if (e->time_mode == 'h' || !e->time_mode) {
        set_time(out, arena, e, TIME_CLOCK);
        return;
    }
    if (e->time_mode == 'r')
        ns = e->first_ts != TS_NONE && ts > e->first_ts ? ts - e->first_ts : 0;
    else if (e->time_mode == 'D')
        ns = e->previous_ts != TS_NONE && ts > e->previous_ts ? ts - e->previous_ts : 0;
    else if (e->time_mode == 'd')
        ns = 0;
    snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64, ns / NS_PER_S, ns % NS_PER_S);
    set_text(out, arena, text, strlen(text));
}

static bool is_meta(const void *event)
{
    const struct event_type *t = event_type_get(event_code(event));

    return t && t->meta;
}

/* The call that a generic event stands for; its number on the machine where its code is unknown. */
static const char *generic_name(const void *event)
{
    struct span id = event_param(event, 0), native = event_param(event, 1);

    if (id.n != 2)
        return NULL;
    if (get_u16(id.p) == 0 && native.n == 2 && system_call_native_name(get_u16(native.p)))
        return system_call_native_name(get_u16(native.p));
    return system_call_name(get_u16(id.p));
}

void builtin_type(struct value *out, struct arena *arena, const void *event)
{
    const struct event_type *t = event_type_get(event_code(event));
    uint16_t code = event_code(event);
    struct span name = code == EVENT_ASYNC ? event_async_name(event) : span_of(t ? t->name : NULL);

    if ((code == EVENT_GENERIC_E || code == EVENT_GENERIC_X) && generic_name(event))
        name = span_of(generic_name(event));
    if (name.p && code == EVENT_ASYNC) {
        set_text(out, arena, name.p, name.n);
    } else if (name.p) { /* a name of the tables */
        out->state = VALUE_OK;
        out->n = 1;
        out->one.s = name;
    }
}

static void set_words(struct value *out, struct arena *arena, const char *s)
{
    if (s)
        set_text(out, arena, s, strlen(s));
}

static void set_plugin_info(struct value *out, struct arena *arena, const struct field_event *e)
{
    struct plugin_event pe = {e->bytes, e->number, e->source};
    struct buf b;

    if (event_code(e->bytes) != EVENT_PLUGIN || !e->owner)
        return;
    buf_init(&b, 0);
    plugin_event_text(e->owner, &pe, &b);
    set_text(out, arena, buf_str(&b), b.len);
    buf_fini(&b);
}

void builtin_extract(const struct field_ref *ref, const struct field_event *e, struct arena *arena,
                     struct value *out)
{
    uint64_t ts = event_ts(e->bytes);
    int id = ref->def->builtin;

    switch (id) {
    case B_NUM:
        set_number(out, e->number);
        break;
    case B_TIME:
        set_time(out, arena, e, TIME_CLOCK);
        break;
    case B_TIME_S:
        set_time(out, arena, e, TIME_CLOCK_S);
        break;
    case B_TIME_ISO8601:
        set_time(out, arena, e, TIME_ISO8601);
        break;
    case B_DATETIME:
        set_time(out, arena, e, TIME_DATETIME);
        break;
    case B_DATETIME_S:
        set_time(out, arena, e, TIME_DATETIME_S);
        break;
    case B_RAWTIME:
    case B_RAWTIME_S:
    case B_RAWTIME_NS:
        set_part(out, ts, id - B_RAWTIME);
        break;
    case B_RELTIME:
    case B_RELTIME_S:
    case B_RELTIME_NS:
        set_since(out, ts, e->first_ts, id - B_RELTIME);
        break;
    case B_DELTATIME:
    case B_DELTATIME_S:
    case B_DELTATIME_NS:
        set_since(out, ts, e->previous_ts == TS_NONE ? ts : e->previous_ts, id - B_DELTATIME);
        break;
    case B_OUTPUTTIME:
        set_output_time(out, arena, e);
        break;
    case B_SOURCE:
        set_words(out, arena, e->source);
        break;
    case B_PLUGINNAME:
        set_words(out, arena,
                  event_code(e->bytes) == EVENT_PLUGIN && e->owner ? plugin_info(e->owner)->name
                                                                   : NULL);
        break;
    case B_PLUGININFO:
        set_plugin_info(out, arena, e);
        break;
    case B_TYPE:
        builtin_type(out, arena, e->bytes);
        break;
    case B_CATEGORY:
        set_words(out, arena, system_category(e));
        break;
    case B_IS_ASYNC:
        set_number(out, is_meta(e->bytes));
        break;
    case B_ASYNCTYPE:
        if (is_meta(e->bytes))
            builtin_type(out, arena, e->bytes);
        break;
    case B_HOSTNAME:
        set_words(out, arena, e->hostname);
        break;
    default:
        break;
    }
}

enum field_needs builtin_needs(const struct field_def *def)
{
    switch (def->builtin) {
    case B_PLUGINNAME:
    case B_PLUGININFO:
    case B_CATEGORY:
    case B_ASYNCTYPE:
        return FIELD_NEEDS_BYTES;
    case B_TYPE:
    case B_SOURCE:
        return FIELD_NEEDS_NAME;
    default:
        return FIELD_NEEDS_HEADER;
    }
}

/* Reads and writes belong where their descriptor does. */
bool builtin_needs_state(const struct field_def *def)
{
    return def->builtin == B_CATEGORY;
}

bool builtin_told(const struct field_ref *ref, uint16_t type, bool named)
{
    const struct event_type *t = event_type_get(type);

    switch (ref->def->builtin) {
    case B_TYPE:
    case B_ASYNCTYPE:
        return named;
    case B_CATEGORY:
        return strncmp(t->category, "io_", 3) != 0;
    case B_SOURCE:
    case B_PLUGINNAME:
    case B_PLUGININFO:
    case B_IS_ASYNC:
        return true;
    default:
        return false;
    }
}
