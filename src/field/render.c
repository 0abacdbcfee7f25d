/* Values as text and as JSON (output-format, sections 3 and 5). */
#include "internal.h"

#include <inttypes.h>

#define LIST_TEXT_MAX 1023

/* Events of a plugin that is not loaded have no source that a filter could name; what extracts from
 * every source does so from them, too. */
static const char *source_of_stranger(const void *event)
{
    const struct plugin_registered *known =
        event_code(event) == EVENT_PLUGIN ? plugin_registered(event_plugin_id(event)) : NULL;

    return known && *known->source ? known->source : "unknown";
}

static void value_waits(struct value *out)
{
    out->state = VALUE_FAILED;
    out->n = 0;
    out->one.s = span_of(FIELD_WAITS);
}

void field_extract(const struct field_ref *ref, const struct field_event *e, bool offsets,
                   struct arena *arena, struct value *out)
{
    const struct field_def *def = ref->def;
    const char *source = e->source ? e->source : source_of_stranger(e->bytes);
    struct plugin_event pe = {e->bytes, e->number, source};

    *out = (struct value){.state = VALUE_NONE, .type = (uint8_t)def->type, .list = def->list};
    if (def->builtin >= SYSTEM_FIELDS_FROM) {
        system_extract(ref, e, arena, out);
        return;
    }
    if (def->builtin >= 0) {
        builtin_extract(ref, e, arena, out);
        return;
    }
    if ((def->flags & FIELD_STATEFUL) && e->kept) {
        if (!e->kept(e, ref, out))
            value_waits(out);
        return;
    }
    for (size_t i = 0; i < def->providers.n; i++) {
        const struct field_provider *p = &def->providers.v[i];

        if (!plugin_extracts(p->plugin, event_code(e->bytes), source))
            continue;
        plugin_extract(p->plugin, p->index, &ref->arg, offsets, &pe, arena, out);
        if (out->type != def->type || out->list != def->list)
            out->state = VALUE_NONE; /* a name that means something else in this source */
        return;
    }
}

/* At least nine digits: nanoseconds. */
static void add_padded(uint64_t v, struct buf *out)
{
    for (uint64_t tens = 100000000; tens > v && tens > 1; tens /= 10)
        buf_addc(out, '0');
    buf_add_u64(out, v);
}

static void elem_text(const struct field_def *def, const union elem *e, struct buf *out)
{
    uint8_t vclass = value_type_info(def->type)->vclass;
    bool number = vclass == VC_UNSIGNED || vclass == VC_SIGNED;

    if (vclass == VC_NETWORK)
        buf_adds(out, "<IPNET>");
    else if (vclass == VC_BYTES)
        buf_add_printable(out, e->s);
    else if (number && def->format == FMT_PADDED)
        add_padded(e->u, out);
    else if (number && def->format == FMT_HEX)
        buf_add_hex(out, e->u);
    else if (number && def->format == FMT_OCT)
        buf_addf(out, "%" PRIo64, e->u);
    else
        value_elem_text(def->type, e, out);
}

void field_text(const struct field_def *def, const struct value *v, struct buf *out)
{
    size_t start = out->len;

    if (v->state != VALUE_OK)
        return;
    if (!v->list) {
        elem_text(def, &v->one, out);
        return;
    }
    buf_addc(out, '(');
    for (uint32_t i = 0; i < v->n && out->len - start < LIST_TEXT_MAX; i++) {
        if (i)
            buf_addc(out, ',');
        elem_text(def, &v->many[i], out);
    }
    buf_addc(out, ')');
    if (out->len - start > LIST_TEXT_MAX && !out->failed) {
        out->len = start + LIST_TEXT_MAX;
        out->data[out->len] = '\0';
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void escape_unit(unsigned unit, struct buf *out)
{
    buf_addf(out, "\\u%04x", unit);
}

void json_escape(struct span s, struct buf *out)
{
    static const char from[] = "\b\f\n\r\t\"\\", into[] = "bfnrt\"\\";

    buf_addc(out, '"');
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        size_t len = utf8_decode(s.p + i, s.n - i, &cp);
        const char *at = len && cp && cp < 0x80 ? strchr(from, (int)cp) : NULL;

        if (!len)
            escape_unit(0xfffd, out);
        else if (at)
            buf_addf(out, "\\%c", into[at - from]);
        else if (cp >= 0x10000) {
            escape_unit(0xd7c0 + (cp >> 10), out);
            escape_unit(0xdc00 + (cp & 0x3ff), out);
        } else if (cp < 0x20 || cp > 0x7e) {
            escape_unit(cp, out);
        } else {
            buf_addc(out, (char)cp);
        }
        i += len ? len : 1;
    }
    buf_addc(out, '"');
}

static void elem_json(const struct field_def *def, const union elem *e, struct buf *out)
{
    uint8_t vclass = value_type_info(def->type)->vclass;
    bool number = vclass == VC_UNSIGNED || vclass == VC_SIGNED;
    struct buf text;

    if (number && def->format == FMT_NA) {
        buf_adds(out, "null");
        return;
    }
    if (vclass == VC_DOUBLE) {
        buf_addf(out, "%.17g", e->d);
        return;
    }
    if (vclass == VC_BOOL || (number && def->format != FMT_HEX && def->format != FMT_OCT)) {
        value_elem_text(def->type, e, out);
        return;
    }
    buf_init(&text, 0);
    elem_text(def, e, &text);
    json_escape((struct span){buf_str(&text), text.len}, out);
    buf_fini(&text);
}

void field_json(const struct field_def *def, const struct value *v, uint64_t ts, struct buf *out)
{
    if (v->state != VALUE_OK) {
        buf_adds(out, "null");
        return;
    }
    if (def->flags & FIELD_TIME_TEXT) {
        buf_addf(out, "%" PRIu64, ts);
        return;
    }
    if (!v->list) {
        elem_json(def, &v->one, out);
        return;
    }
    buf_addc(out, '[');
    for (uint32_t i = 0; i < v->n; i++) {
        if (i)
            buf_addc(out, ',');
        elem_json(def, &v->many[i], out);
    }
    buf_addc(out, ']');
}
