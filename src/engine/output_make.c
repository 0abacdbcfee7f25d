/* Lines and counts of events as they pass: made at once, or aside while the state moves on. */
#include <errno.h>

#include "output.h"

/* ---- one event ------------------------------------------------------------------------------- */

/* Ends of lines, and the tabs behind them, are ours: of buffers as sysdig shows them. */
static void make_visible(const struct output *o, struct buf *text, size_t start)
{
    struct buf safe;

    buf_init(&safe, 4 * EVENT_LEN_MAX);
    for (size_t at = start, n; at < text->len; at += n) {
        const char *p = text->data + at, *end;

        end = memchr(p, '\n', text->len - at);
        n = !o->bytes ? text->len - at : end ? (size_t)(end - p) : text->len - at;
        text_make_visible(&safe, p, n);
        if (o->bytes && end) {
            buf_addc(&safe, '\n');
            n++;
            if (at + n < text->len && p[n] == '\t') {
                buf_addc(&safe, '\t');
                n++;
            }
        }
    }
    text->len = start;
    buf_add(text, buf_str(&safe), safe.len);
    buf_fini(&safe);
}

static const struct output_format *format_for(const struct engine *e, const struct output *o,
                                              const void *bytes)
{
    if (o->system_format && event_code(bytes) != EVENT_PLUGIN)
        return o->system_format;
    if (o->stranger_format && !plugin_by_id(e->host, event_plugin_id(bytes)))
        return o->stranger_format;
    return o->format;
}

/* Of the event that the reader is at; whether there is one. */
static bool add_line(const struct output *o, struct event_reader *r,
                     const struct output_format *format, uint64_t ts, struct buf *text)
{
    size_t start = text->len;

    if (o->json ? !output_json(format, &r->base, ts, text) : !output_text(format, &r->base, text))
        return false;
    if (o->visible)
        make_visible(o, text, start);
    buf_addc(text, '\n');
    return true;
}

/* The same event. */
static void count_event(struct output *o, struct event_reader *r, uint64_t number)
{
    struct value values[GROUP_FIELDS];

    for (unsigned i = 0; i < o->nfields; i++)
        field_extract(o->fields[i]->ref, &r->fe, false, &r->arena, &values[i]);
    groups_add(o->groups, values, number);
}

/* False: whoever reads it has gone. */
bool output_write(struct output *o)
{
    bool ok;

    if (o->text.len == 0)
        return true;
    ok = !o->closed && write_all(o->fd, o->text.data, o->text.len);
    o->closed |= !ok;
    buf_reset(&o->text);
    return ok;
}

/* ---- aside ----------------------------------------------------------------------------------- */

#define ASIDE_LEN_MAX ((uint32_t)256 << 10) /* bytes of an event that is copied */

struct maker {
    struct output *o;
    struct event_reader reader;
};

static void *maker_new(void *output)
{
    struct maker *m = xcalloc(1, sizeof(*m));

    m->o = output;
    reader_init(&m->reader, m->o->format_reader.e);
    m->reader.fe.utc = m->o->format_reader.fe.utc;
    m->reader.fe.time_mode = m->o->format_reader.fe.time_mode;
    m->reader.fe.bytes_form = m->o->bytes;
    return m;
}

static void maker_free(void *own)
{
    struct maker *m = own;

    reader_fini(&m->reader);
    free(m);
}

static void make_aside(void *own, const struct passed *e, struct aside_text *made)
{
    struct maker *m = own;
    const struct output_format *format = m->o->system_format ? m->o->system_format : m->o->format;

    reader_passed(&m->reader, format ? output_refs(format) : NULL, e);
    if (format)
        made->lines += add_line(m->o, &m->reader, format, event_ts(e->bytes), &made->text);
    else
        count_event(m->o, &m->reader, e->number);
}

static bool write_made(void *ctx, const struct aside_text *made)
{
    struct output *o = ctx;

    o->printed += made->lines;
    o->closed |= !o->closed && !write_all(o->fd, made->text.data, made->text.len);
    return !o->closed;
}

/* What it makes has to be that of the system's calls alone: plugins are asked by one thread. */
static bool needs_plugin(const struct output *o)
{
    if (o->kind == OUTPUT_LINES)
        return field_refs_need_plugin(output_refs(o->system_format ? o->system_format : o->format));
    for (unsigned i = 0; i < o->nfields; i++) {
        if (field_refs_need_plugin(&o->fields[i]->refs))
            return true;
    }
    return false;
}

bool output_goes_aside(struct engine *e)
{
    static const struct aside_way way = {maker_new, maker_free, make_aside, write_made};
    struct output *o = e->output;

    if (!o || (o->kind != OUTPUT_LINES && o->kind != OUTPUT_COUNTS) || o->limit ||
        (o->filter && (filter_asks_threads(o->filter) || filter_asks_fds(o->filter))) ||
        needs_plugin(o) || processors() < 2)
        return false;
    if (!o->aside)
        o->aside =
            aside_new(&way, o, o->kind == OUTPUT_COUNTS ? 1 : processors()); /* groups are one's */
    return o->aside != NULL;
}

void output_drain(struct engine *e)
{
    if (e->output && e->output->aside)
        aside_drain(e->output->aside);
}

/* False: it is to be made here. */
static bool given_aside(struct engine *e, struct output *o, const void *bytes, uint64_t number)
{
    struct passed passed = {bytes, number, e->last_ts, e->first_ts, e->place};
    uint16_t type = event_code(bytes);

    if (!o->aside)
        return false;
    if (type == EVENT_PLUGIN || type == EVENT_ASYNC || event_len(bytes) > ASIDE_LEN_MAX) {
        aside_drain(o->aside);
        return false;
    }
    output_write(o); /* what was made here comes first */
    aside_give(o->aside, &passed);
    return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* What is printed or counted of one. */
void output_make(struct engine *e, struct output *o, const void *bytes, uint64_t number)
{
    const struct output_format *format;

    if (given_aside(e, o, bytes, number))
        return;
    format = o->kind == OUTPUT_LINES ? format_for(e, o, bytes) : NULL;
    reader_passing(&o->format_reader, format ? output_refs(format) : NULL, bytes, number,
                   e->last_ts);
    if (format)
        o->printed += add_line(o, &o->format_reader, format, event_ts(bytes), &o->text);
    else
        count_event(o, &o->format_reader, number);
    if (o->text.len >= FLUSH_AT)
        output_flush(e);
}
