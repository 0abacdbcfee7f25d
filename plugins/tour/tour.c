/*
 * tour: the events of a made-up night, with a field of every type, so that everything mews does can
 * be tried. Sourcing and extraction. `tour.fragile` really crashes on one event.
 */
#include "internal.h"

#include <arpa/inet.h>
#include <jansson.h>

#define BATCH      200
#define VALUES_MAX 64

struct state {
    char error[256];
    uint64_t number;
    json_t *doc; /* of the event with that number */
    const char *str[VALUES_MAX];
    uint64_t u64[VALUES_MAX];
    ss_plugin_bool flag[VALUES_MAX];
    ss_plugin_byte_buffer buf[VALUES_MAX];
    struct in_addr ip[VALUES_MAX];
    char text[512];
};

struct stream {
    struct story story;
    size_t next;
    char *events;
    size_t cap;
    ss_plugin_event *pointers[BATCH];
    char progress[64];
};

/* ---- who we are ------------------------------------------------------------------------------ */

EXPORT const char *plugin_get_required_api_version(void)
{
    return "3.8.0";
}

EXPORT const char *plugin_get_name(void)
{
    return "tour";
}

EXPORT const char *plugin_get_description(void)
{
    return "The night a key was copied: a tour of mews";
}

EXPORT const char *plugin_get_contact(void)
{
    return "comes along with mews";
}

EXPORT const char *plugin_get_version(void)
{
    return "0.1.0";
}

EXPORT uint32_t plugin_get_id(void)
{
    return TOUR_ID;
}

EXPORT const char *plugin_get_event_source(void)
{
    return "tour";
}

EXPORT const char *plugin_get_init_schema(ss_plugin_schema_type *type)
{
    *type = SS_PLUGIN_SCHEMA_JSON;
    return "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
           "\"speed\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000,\"default\":0,"
           "\"description\":\"events a batch; 0 is as many as fit\"},"
           "\"doorKey\":{\"type\":\"string\",\"description\":\"opens nothing; masked all the "
           "same\"}}}";
}

EXPORT ss_plugin_t *plugin_init(const ss_plugin_init_input *in, ss_plugin_rc *rc)
{
    (void)in;
    *rc = SS_PLUGIN_SUCCESS;
    return calloc(1, sizeof(struct state));
}

EXPORT void plugin_destroy(ss_plugin_t *p)
{
    struct state *s = p;

    json_decref(s->doc);
    free(s);
}

EXPORT const char *plugin_get_last_error(ss_plugin_t *p)
{
    return ((struct state *)p)->error;
}

/* ---- sourcing -------------------------------------------------------------------------------- */

EXPORT ss_instance_t *plugin_open(ss_plugin_t *p, const char *params, ss_plugin_rc *rc)
{
    struct stream *st = calloc(1, sizeof(*st));

    (void)p;
    (void)params;
    story_tell(&st->story);
    *rc = SS_PLUGIN_SUCCESS;
    return st;
}

EXPORT void plugin_close(ss_plugin_t *p, ss_instance_t *h)
{
    struct stream *st = h;

    (void)p;
    story_free(&st->story);
    free(st->events);
    free(st);
}

EXPORT ss_plugin_rc plugin_next_batch(ss_plugin_t *p, ss_instance_t *h, uint32_t *nevts,
                                      ss_plugin_event ***evts)
{
    struct stream *st = h;
    size_t len = 0, at[BATCH];
    uint32_t n = 0;

    (void)p;
    for (; n < BATCH && st->next < st->story.n; n++, st->next++) {
        const struct story_event *e = &st->story.events[st->next];
        size_t payload = strlen(e->json);

        if (len + PLUGIN_EVENT_PAYLOAD_OFFSET + payload > st->cap) {
            st->cap = (len + PLUGIN_EVENT_PAYLOAD_OFFSET + payload) * 2;
            st->events = realloc(st->events, st->cap);
            if (!st->events)
                abort();
        }
        event_head(st->events + len, e->ts, TOUR_ID, (uint32_t)payload);
        memcpy(st->events + len + PLUGIN_EVENT_PAYLOAD_OFFSET, e->json, payload);
        at[n] = len;
        len += PLUGIN_EVENT_PAYLOAD_OFFSET + payload;
    }
    for (uint32_t i = 0; i < n; i++)
        st->pointers[i] = (ss_plugin_event *)(void *)(st->events + at[i]);
    *nevts = n;
    *evts = st->pointers;
    return n ? SS_PLUGIN_SUCCESS : SS_PLUGIN_EOF;
}

EXPORT const char *plugin_get_progress(ss_plugin_t *p, ss_instance_t *h, uint32_t *pct)
{
    struct stream *st = h;

    (void)p;
    *pct = st->story.n ? (uint32_t)(st->next * 10000 / st->story.n) : 0;
    snprintf(st->progress, sizeof(st->progress), "%zu of %zu events", st->next, st->story.n);
    return st->progress;
}

/* ---- extraction ------------------------------------------------------------------------------ */

static bool parse(struct state *s, const ss_plugin_event_input *in)
{
    const char *p;
    size_t n;

    if (s->doc && s->number == in->evtnum)
        return true;
    json_decref(s->doc);
    s->doc = event_data(in->evt, &p, &n) ? json_loadb(p, n, 0, NULL) : NULL;
    s->number = in->evtnum;
    return s->doc != NULL;
}

static const json_t *at(const struct state *s, const char *a, const char *b)
{
    const json_t *v = json_object_get(s->doc, a);

    return b ? json_object_get(v, b) : v;
}

static void give_text(struct state *s, ss_plugin_extract_field *f, const char *text)
{
    if (!text)
        return;
    s->str[0] = text;
    f->res.str = s->str;
    f->res_len = 1;
}

static void give_number(struct state *s, ss_plugin_extract_field *f, uint64_t n)
{
    s->u64[0] = n;
    f->res.u64 = s->u64;
    f->res_len = 1;
}

static void give_flag(struct state *s, ss_plugin_extract_field *f, bool on)
{
    s->flag[0] = on;
    f->res.boolean = s->flag;
    f->res_len = 1;
}

static void give_address(struct state *s, ss_plugin_extract_field *f, uint64_t i, const char *text)
{
    if (!text || inet_pton(AF_INET, text, &s->ip[i]) != 1)
        return;
    s->buf[i] = (ss_plugin_byte_buffer){4, &s->ip[i]};
    f->res.buf = s->buf;
    f->res_len = i + 1;
}

/* Elements of a list, or the one that the argument picks. */
static bool wanted(const ss_plugin_extract_field *f, size_t i)
{
    return i < VALUES_MAX && (!f->arg_present || f->arg_index == i);
}

static void get_user(struct state *s, ss_plugin_extract_field *f)
{
    give_text(s, f, json_string_value(at(s, "user", "username")));
}

static void get_verb(struct state *s, ss_plugin_extract_field *f)
{
    give_text(s, f, json_string_value(at(s, "verb", NULL)));
}

static void get_resource(struct state *s, ss_plugin_extract_field *f)
{
    const char *sub = json_string_value(at(s, "objectRef", "subresource"));
    const char *resource = json_string_value(at(s, "objectRef", "resource"));

    snprintf(s->text, sizeof(s->text), "%s%s%s", resource ? resource : "", sub ? "/" : "",
             sub ? sub : "");
    give_text(s, f, resource ? s->text : NULL);
}

static void get_namespace(struct state *s, ss_plugin_extract_field *f)
{
    const char *ns = json_string_value(at(s, "objectRef", "namespace"));

    give_text(s, f, ns && *ns ? ns : NULL);
}

static void get_name(struct state *s, ss_plugin_extract_field *f)
{
    give_text(s, f,
              json_string_value(at(s, "objectRef", "name"))); /* "" when the request names none */
}

static void get_status(struct state *s, ss_plugin_extract_field *f)
{
    give_number(s, f, (uint64_t)json_integer_value(at(s, "responseStatus", "code")));
}

static void get_allowed(struct state *s, ss_plugin_extract_field *f)
{
    give_flag(s, f, json_integer_value(at(s, "responseStatus", "code")) != 403);
}

static void get_from(struct state *s, ss_plugin_extract_field *f)
{
    give_address(s, f, 0, json_string_value(json_array_get(at(s, "sourceIPs", NULL), 0)));
}

static void get_took(struct state *s, ss_plugin_extract_field *f)
{
    give_number(s, f, (uint64_t)json_integer_value(at(s, "tookMicroseconds", NULL)) * 1000);
}

static void get_at(struct state *s, ss_plugin_extract_field *f, const ss_plugin_event *e)
{
    uint64_t ts;

    memcpy(&ts, e, sizeof(ts));
    give_number(s, f, ts - (uint64_t)json_integer_value(at(s, "tookMicroseconds", NULL)) * 1000);
}

static void get_agent(struct state *s, ss_plugin_extract_field *f)
{
    give_text(s, f, json_string_value(at(s, "userAgent", NULL)));
}

static void get_groups(struct state *s, ss_plugin_extract_field *f)
{
    const json_t *list = at(s, "user", "groups"), *item;
    size_t i;

    json_array_foreach(list, i, item) {
        if (wanted(f, i))
            s->str[f->res_len++] = json_string_value(item);
    }
    f->res.str = s->str;
}

static const json_t *containers(const struct state *s)
{
    return at(s, "requestObject", "containers");
}

static void get_images(struct state *s, ss_plugin_extract_field *f)
{
    const json_t *item;
    size_t i;

    json_array_foreach(containers(s), i, item) {
        const char *image = json_string_value(json_object_get(item, "image"));

        if (image && wanted(f, i))
            s->str[f->res_len++] = image;
    }
    f->res.str = s->str;
}

static void get_privileged(struct state *s, ss_plugin_extract_field *f)
{
    const json_t *item;
    size_t i;

    json_array_foreach(containers(s), i, item) {
        if (wanted(f, i))
            s->flag[f->res_len++] = json_is_true(json_object_get(item, "privileged"));
    }
    f->res.boolean = s->flag;
}

static void get_ports(struct state *s, ss_plugin_extract_field *f)
{
    const json_t *item, *port;
    size_t i, k;

    json_array_foreach(containers(s), i, item) {
        json_array_foreach(json_object_get(item, "ports"), k, port) {
            if (f->res_len < VALUES_MAX)
                s->u64[f->res_len++] = (uint64_t)json_integer_value(port);
        }
    }
    f->res.u64 = s->u64;
}

static void get_label(struct state *s, ss_plugin_extract_field *f)
{
    give_text(s, f,
              json_string_value(json_object_get(at(s, "requestObject", "labels"), f->arg_key)));
}

static void get_path(struct state *s, ss_plugin_extract_field *f)
{
    const json_t *hops = at(s, "sourceIPs", NULL), *hop;
    size_t i;

    give_address(s, f, 0, "10.0.0.1"); /* the load balancer that every request passes */
    json_array_foreach(hops, i, hop) {
        if (i + 1 < VALUES_MAX)
            give_address(s, f, i + 1, json_string_value(hop));
    }
}

static bool is_exec(const struct state *s)
{
    const char *sub = json_string_value(at(s, "objectRef", "subresource"));

    return sub && strcmp(sub, "exec") == 0;
}

/* An answer that failed, one that is empty, and none at all: they must not look alike. */
static ss_plugin_rc get_reason(struct state *s, ss_plugin_extract_field *f)
{
    if (is_exec(s)) {
        snprintf(s->error, sizeof(s->error),
                 "the reason of an exec is kept on the node, which does not answer");
        return SS_PLUGIN_FAILURE;
    }
    give_text(s, f, json_string_value(at(s, "reason", NULL)));
    return SS_PLUGIN_SUCCESS;
}

#if defined(__GNUC__)
__attribute__((no_sanitize("undefined", "address"))) /* it crashes on purpose, and by itself */
#endif
static void
get_fragile(struct state *s, ss_plugin_extract_field *f)
{
    volatile int *nowhere = NULL;

    if (is_exec(s)) {
        fprintf(stderr,
                "tour: about to write where nothing is, as a plugin under development would\n");
        *nowhere = 1;
    }
    give_text(s, f, "in one piece");
}

static const struct field {
    const char *json;
    void (*get)(struct state *s, ss_plugin_extract_field *f);
} fields[] = {
    {"\"name\":\"tour.user\",\"type\":\"string\",\"desc\":\"who asked\"", get_user},
    {"\"name\":\"tour.verb\",\"type\":\"string\",\"desc\":\"what was asked for: get, list, create, "
     "…\"",
     get_verb},
    {"\"name\":\"tour.resource\",\"type\":\"string\",\"desc\":\"what it was asked of: pods, "
     "secrets, pods/exec, …\"",
     get_resource},
    {"\"name\":\"tour.namespace\",\"type\":\"string\",\"desc\":\"in which namespace\"",
     get_namespace},
    {"\"name\":\"tour.name\",\"type\":\"string\",\"desc\":\"the object's name; empty where the "
     "request names none\"",
     get_name},
    {"\"name\":\"tour.status\",\"type\":\"uint64\",\"desc\":\"the answer as an HTTP status: 200, "
     "403, …\"",
     get_status},
    {"\"name\":\"tour.allowed\",\"type\":\"bool\",\"desc\":\"whether it was allowed\"",
     get_allowed},
    {"\"name\":\"tour.from\",\"type\":\"ipaddr\",\"desc\":\"the address that the request came "
     "from\"",
     get_from},
    {"\"name\":\"tour.net\",\"type\":\"ipnet\",\"desc\":\"the same address, to be compared with "
     "networks\"",
     get_from},
    {"\"name\":\"tour.took\",\"type\":\"reltime\",\"desc\":\"how long the answer took\"", get_took},
    {"\"name\":\"tour.at\",\"type\":\"abstime\",\"desc\":\"when the request arrived\"", NULL},
    {"\"name\":\"tour.agent\",\"type\":\"string\",\"desc\":\"the program that asked, in its own "
     "words\"",
     get_agent},
    {"\"name\":\"tour.groups\",\"type\":\"string\",\"isList\":true,\"arg\":{\"isIndex\":true},"
     "\"desc\":\"the groups of who asked; [i] picks one\"",
     get_groups},
    {"\"name\":\"tour.images\",\"type\":\"string\",\"isList\":true,\"arg\":{\"isIndex\":true},"
     "\"desc\":\"images of the containers that a pod is created with\"",
     get_images},
    {"\"name\":\"tour.privileged\",\"type\":\"bool\",\"isList\":true,\"arg\":{\"isIndex\":true},"
     "\"desc\":\"for each of the containers, whether it may do anything on its host\"",
     get_privileged},
    {"\"name\":\"tour.ports\",\"type\":\"uint64\",\"isList\":true,\"desc\":\"ports that the "
     "containers open\"",
     get_ports},
    {"\"name\":\"tour.path\",\"type\":\"ipaddr\",\"isList\":true,\"desc\":\"addresses that the "
     "request passed\"",
     get_path},
    {"\"name\":\"tour.label\",\"type\":\"string\",\"arg\":{\"isRequired\":true,\"isKey\":true},"
     "\"desc\":\"a label of the object that is created, as in tour.label[app]\"",
     get_label},
    {"\"name\":\"tour.reason\",\"type\":\"string\",\"desc\":\"why it was allowed or refused, in "
     "the words of the server\"",
     NULL},
    {"\"name\":\"tour.fragile\",\"type\":\"string\",\"properties\":[\"hidden\"],"
     "\"desc\":\"crashes the plugin on the exec event, to show what mews does then\"",
     get_fragile},
};

#define FIELDS   (sizeof(fields) / sizeof(*fields))
#define F_AT     10
#define F_REASON 18

EXPORT const char *plugin_get_fields(void)
{
    static char all[8192];
    size_t n = 0;

    for (size_t i = 0; i < FIELDS; i++)
        n += (size_t)snprintf(all + n, sizeof(all) - n, "%s{%s}", i ? "," : "[", fields[i].json);
    snprintf(all + n, sizeof(all) - n, "]");
    return all;
}

EXPORT ss_plugin_rc plugin_extract_fields(ss_plugin_t *p, const ss_plugin_event_input *evt,
                                          const ss_plugin_field_extract_input *in)
{
    struct state *s = p;
    bool good = parse(s, evt);

    for (uint32_t i = 0; i < in->num_fields; i++) {
        ss_plugin_extract_field *f = &in->fields[i];

        f->res_len = 0;
        if (!good || f->field_id >= FIELDS) {
            snprintf(s->error, sizeof(s->error), "the event holds no JSON");
            return SS_PLUGIN_FAILURE;
        }
        if (f->field_id == F_AT)
            get_at(s, f, evt->evt);
        else if (f->field_id != F_REASON)
            fields[f->field_id].get(s, f);
        else if (get_reason(s, f) != SS_PLUGIN_SUCCESS)
            return SS_PLUGIN_FAILURE;
    }
    return SS_PLUGIN_SUCCESS;
}

EXPORT const char *plugin_event_to_string(ss_plugin_t *p, const ss_plugin_event_input *evt)
{
    struct state *s = p;
    const char *user, *verb, *resource, *name;

    if (!parse(s, evt))
        return NULL;
    user = json_string_value(at(s, "user", "username"));
    verb = json_string_value(at(s, "verb", NULL));
    resource = json_string_value(at(s, "objectRef", "resource"));
    name = json_string_value(at(s, "objectRef", "name"));
    snprintf(s->text, sizeof(s->text), "%s %s %s%s%s: %lld", user ? user : "?", verb ? verb : "?",
             resource ? resource : "?", name && *name ? " " : "", name ? name : "",
             (long long)json_integer_value(at(s, "responseStatus", "code")));
    return s->text;
}
