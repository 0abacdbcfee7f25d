/* Field extraction (§6): one field a call, checked and copied before the next. */
#include "internal.h"

bool plugin_extracts(const struct plugin *p, uint16_t type, const char *source)
{
    if (p->state != PLUGIN_INITIALISED || !(p->info.caps & CAP_EXTRACTION) || !source ||
        type >= EVENT_TYPES)
        return false;
    if (!(p->extract_types[type / 8] >> type % 8 & 1))
        return false;
    return p->info.extract_sources.n == 0 || str_list_has(&p->info.extract_sources, source);
}

void plugin_avoid(struct plugin *p, const char *field, uint64_t event, const char *reason)
{
    struct plugin_avoided a = {xstrdup(field), xstrdup(reason), event};

    vec_push(&p->avoided, a);
}

const char *plugin_avoided(const struct plugin *p, const char *field, uint64_t event)
{
    for (size_t i = 0; i < p->avoided.n; i++) {
        const struct plugin_avoided *a = &p->avoided.v[i];

        if ((a->event == 0 || a->event == event) && str_eq(a->field, field))
            return a->reason;
    }
    return NULL;
}

static void failed(struct value *out, struct arena *arena, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void failed(struct value *out, struct arena *arena, const char *fmt, ...)
{
    char text[PLUGIN_MAX_ERRLEN];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    out->state = VALUE_FAILED;
    out->n = 0;
    out->one.s = (struct span){arena_strndup(arena, text, strlen(text)), strlen(text)};
}

static bool copy_text(const char *s, struct arena *arena, union elem *out)
{
    size_t n;

    if (!s)
        return false;
    n = strlen(s);
    out->s = (struct span){arena_strndup(arena, s, n), n};
    return true;
}

static bool copy_ip(const ss_plugin_byte_buffer *b, union elem *out)
{
    if (!b->ptr || (b->len != 4 && b->len != 16))
        return false;
    memset(&out->ip, 0, sizeof(out->ip));
    out->ip.len = (uint8_t)b->len;
    memcpy(out->ip.b, b->ptr, b->len);
    return true;
}

/* False when the element breaks the contract (P13). */
static bool copy_elem(const ss_plugin_extract_field *f, uint64_t i, struct arena *arena,
                      union elem *out)
{
    switch (f->ftype) {
    case FTYPE_STRING:
        return copy_text(f->res.str[i], arena, out);
    case FTYPE_BOOL:
        out->u = f->res.boolean[i] != 0;
        return true;
    case FTYPE_IPADDR:
    case FTYPE_IPNET:
        return copy_ip(&f->res.buf[i], out);
    default:
        out->u = f->res.u64[i];
        return true;
    }
}

static const char *broken_elem(uint32_t type)
{
    return type == FTYPE_STRING ? "a NULL string" : "an address that is neither 4 nor 16 bytes";
}

#define LIST_MAX ((uint64_t)1 << 20)

static void take_result(const struct plugin_field *def, const ss_plugin_extract_field *f,
                        struct arena *arena, struct value *out)
{
    if (f->res_len == 0)
        return;
    if (!f->res.u64) {
        failed(out, arena, "the plugin says %llu values but gives no array",
               (unsigned long long)f->res_len);
        return;
    }
    if (f->res_len > LIST_MAX || (!def->list && f->res_len > 1)) {
        failed(out, arena,
               def->list ? "the plugin gives %llu values: too many"
                         : "the plugin gives %llu values for a field that is no list",
               (unsigned long long)f->res_len);
        return;
    }
    if (def->list)
        out->many = arena_alloc(arena, sizeof(*out->many) * f->res_len);
    for (uint64_t i = 0; i < f->res_len; i++) {
        if (!copy_elem(f, i, arena, def->list ? &out->many[i] : &out->one)) {
            failed(out, arena, "the plugin gives %s", broken_elem(f->ftype));
            return;
        }
    }
    out->n = (uint32_t)f->res_len;
    out->state = VALUE_OK;
}

/* Offsets must lie inside the event; the Rust SDK's filler for "unknown" does not. */
static void take_offsets(const ss_plugin_extract_value_offsets *o, const void *event,
                         struct value *out)
{
    if (out->state != VALUE_OK || !o->start || !o->length || !o->length[0])
        return;
    if (o->start[0] < EVENT_HEADER_LEN || o->start[0] > event_len(event) ||
        o->length[0] > event_len(event) - o->start[0])
        return;
    out->at = o->start[0];
    out->span = o->length[0];
}

void plugin_extract(struct plugin *p, uint32_t field, const struct plugin_arg *arg, bool offsets,
                    const struct plugin_event *e, struct arena *arena, struct value *out)
{
    const struct plugin_field *def = &p->info.fields.v[field];
    ss_plugin_event_input evt = {e->bytes, e->number, e->source};
    ss_plugin_extract_field f = {
        .field_id = field,
        .field = def->name,
        .arg_key = arg->present ? arg->key : NULL,
        .arg_index = arg->present ? arg->index : UINT64_MAX,
        .arg_present = arg->present,
        .ftype = (uint32_t)def->type,
        .flist = def->list,
    };
    ss_plugin_extract_value_offsets where = {NULL, NULL};
    ss_plugin_field_extract_input in = {
        .owner = p,
        .get_owner_last_error = owner_error_get,
        .num_fields = 1,
        .fields = &f,
        .table_reader = *tables_reader(),
        .table_reader_ext = tables_reader_ext(),
        .value_offsets = offsets && p->info.api[1] >= 11 ? &where : NULL,
    };
    const char *reason = p->avoided.n ? plugin_avoided(p, def->name, e->number) : NULL;
    struct call_timer t;
    ss_plugin_rc rc;

    *out = (struct value){.state = VALUE_NONE, .type = (uint8_t)def->type, .list = def->list};
    if (reason) {
        failed(out, arena, "%s", reason);
        return;
    }
    t = call_begin_extract(p, field, e->number, f.arg_key);
    tables_enter(p, TABLES_READ);
    rc = p->api.extract_fields(p->instance, &evt, &in);
    tables_leave();
    call_end_extract(p, field, t, rc != SS_PLUGIN_SUCCESS);
    if (rc != SS_PLUGIN_SUCCESS) {
        char words[PLUGIN_MAX_ERRLEN];

        call_last_error(p, words, sizeof(words));
        failed(out, arena, "%s", words);
        return;
    }
    take_result(def, &f, arena, out);
    take_offsets(&where, e->bytes, out);
}
