/*
 * json: values out of events whose payload is JSON, in the fields that Falco's rules use for it.
 * Extraction only, for every source. The payload may carry more behind a NUL byte.
 */
#include "../common.h"
#include "mews/base.h"

#define NODES_MAX 1000000

enum { F_VALUE, F_OBJ, F_RAWTIME, F_COUNT };

struct state {
    char error[256];
    struct json_scan scan;
    uint64_t scanned; /* number of the event that the scan belongs to; 0: none */
    bool good;
    struct buf text;
    const char *result;
};

EXPORT const char *plugin_get_required_api_version(void)
{
    return "3.6.0";
}

/* It looks into the payloads of async events too, which count among those of the host. */
EXPORT const char *plugin_get_required_event_schema_version(ss_plugin_t *p)
{
    (void)p;
    return "4.0.0";
}

EXPORT const char *plugin_get_name(void)
{
    return "json";
}

EXPORT const char *plugin_get_description(void)
{
    return "Values out of JSON payloads";
}

EXPORT const char *plugin_get_contact(void)
{
    return "comes along with mews";
}

EXPORT const char *plugin_get_version(void)
{
    return "0.7.4";
}

EXPORT const char *plugin_get_fields(void)
{
#define VALUE(name, note)                                                                          \
    "{\"name\":\"" name "\",\"type\":\"string\",\"arg\":{\"isRequired\":true,\"isKey\":true},"     \
    "\"display\":\"Value\",\"desc\":\"the value at a JSON pointer, as in " name                    \
    "[/user/name]" note "\"}"
#define OBJ(name, note)                                                                            \
    "{\"name\":\"" name                                                                            \
    "\",\"type\":\"string\",\"display\":\"JSON\",\"desc\":\"the whole JSON, indented" note "\"}"
#define RAWTIME(name, note)                                                                        \
    "{\"name\":\"" name "\",\"type\":\"string\",\"display\":\"Time\","                             \
    "\"desc\":\"the event's time in nanoseconds since the epoch, as evt.rawtime" note "\"}"
    return "[" VALUE("json.value", "") "," OBJ("json.obj", "") "," RAWTIME("json.rawtime", "") "," VALUE(
        "jevt.value",
        " (another name of json.value)") "," OBJ("jevt.obj",
                                                 " (another name of json.obj)") "," RAWTIME("jevt."
                                                                                            "rawtim"
                                                                                            "e",
                                                                                            " ("
                                                                                            "anothe"
                                                                                            "r "
                                                                                            "name "
                                                                                            "of "
                                                                                            "json."
                                                                                            "rawtim"
                                                                                            "e)") "]";
}

EXPORT ss_plugin_t *plugin_init(const ss_plugin_init_input *in, ss_plugin_rc *rc)
{
    struct state *s = calloc(1, sizeof(*s));

    (void)in;
    json_scan_init(&s->scan);
    buf_init(&s->text, (size_t)256 << 20);
    *rc = SS_PLUGIN_SUCCESS;
    return s;
}

EXPORT void plugin_destroy(ss_plugin_t *p)
{
    struct state *s = p;

    json_scan_fini(&s->scan);
    buf_fini(&s->text);
    free(s);
}

EXPORT const char *plugin_get_last_error(ss_plugin_t *p)
{
    return ((struct state *)p)->error;
}

/* Blanks between tokens, or none: indent < 0. */
static void write_node(struct state *s, const char *text, uint32_t n, int indent, struct buf *out)
{
    const struct json_node *node = &s->scan.nodes.v[n];
    bool object = node->kind == JSON_KIND_OBJECT;

    if (node->kind > JSON_KIND_ARRAY) {
        buf_add(out, text + node->start, node->end - node->start);
        return;
    }
    buf_addc(out, object ? '{' : '[');
    for (uint32_t c = n + 1; c < node->next; c = s->scan.nodes.v[c].next) {
        const struct json_node *child = &s->scan.nodes.v[c];

        if (c > n + 1)
            buf_addc(out, ',');
        if (indent >= 0)
            buf_addf(out, "\n%*s", 2 * (indent + 1), "");
        if (object)
            buf_addf(out, "\"%.*s\":%s", (int)(child->key_end - child->key_start),
                     text + child->key_start, indent >= 0 ? " " : "");
        write_node(s, text, c, indent >= 0 ? indent + 1 : -1, out);
    }
    if (indent >= 0 && node->next > n + 1)
        buf_addf(out, "\n%*s", 2 * indent, "");
    buf_addc(out, object ? '}' : ']');
}

/* Scans an event's payload once, however many fields are asked of it. */
static bool scan_event(struct state *s, const ss_plugin_event_input *evt, const char **text)
{
    size_t n;

    if (!event_data(evt->evt, text, &n))
        return false;
    if (s->scanned == evt->evtnum)
        return s->good;
    s->scanned = evt->evtnum;
    s->good = json_scan(&s->scan, *text, strnlen(*text, n), NODES_MAX);
    return s->good;
}

static bool extract_value(struct state *s, const char *text, const char *pointer)
{
    uint32_t node = json_scan_find(&s->scan, text, span_of(pointer));

    if (node == UINT32_MAX)
        return false;
    if (s->scan.nodes.v[node].kind > JSON_KIND_ARRAY)
        json_scan_text(&s->scan, text, node, &s->text);
    else
        write_node(s, text, node, -1, &s->text);
    return true;
}

EXPORT ss_plugin_rc plugin_extract_fields(ss_plugin_t *p, const ss_plugin_event_input *evt,
                                          const ss_plugin_field_extract_input *in)
{
    struct state *s = p;

    for (uint32_t i = 0; i < in->num_fields; i++) {
        ss_plugin_extract_field *f = &in->fields[i];
        unsigned which = f->field_id % F_COUNT;
        const char *text;
        uint64_t ts;

        f->res_len = 0;
        buf_reset(&s->text);
        if (which == F_RAWTIME) {
            memcpy(&ts, evt->evt, sizeof(ts));
            buf_addf(&s->text, "%llu", (unsigned long long)ts);
        } else if (!scan_event(s, evt, &text)) {
            continue; /* no JSON: no value */
        } else if (which == F_OBJ) {
            write_node(s, text, 0, 0, &s->text);
        } else if (!f->arg_present || !f->arg_key || !*f->arg_key) {
            snprintf(s->error, sizeof(s->error), "%s needs a JSON pointer: %s[/user/name]",
                     f->field, f->field);
            return SS_PLUGIN_FAILURE;
        } else if (!extract_value(s, text, f->arg_key)) {
            continue;
        }
        s->result = buf_str(&s->text);
        f->res.str = &s->result;
        f->res_len = 1;
    }
    return SS_PLUGIN_SUCCESS;
}
