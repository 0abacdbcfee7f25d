/*
 * A stand-in for the plugin k8saudit: its name, ID, source and the fields that audit rules use most, read from
 * a file with one audit event a line. What it extracts it finds by walking the JSON text each time: it is for
 * rules, not for speed.
 */
#include "../../plugins/common.h"

#define LINE_MAX_LEN 65536
#define VALUES_MAX   16

struct field {
    const char *name;
    const char *path; /* keys with / before each; * stands for every element of a list */
    const char *type;
    bool list, key; /* key: its argument is the last key */
};

static const struct field fields[] = {
    {"ka.auditid", "/auditID", "string", false, false},
    {"ka.stage", "/stage", "string", false, false},
    {"ka.verb", "/verb", "string", false, false},
    {"ka.uri", "/requestURI", "string", false, false},
    {"ka.user.name", "/user/username", "string", false, false},
    {"ka.user.groups", "/user/groups/*", "string", true, false},
    {"ka.useragent", "/userAgent", "string", false, false},
    {"ka.sourceips", "/sourceIPs/*", "string", true, false},
    {"ka.target.name", "/objectRef/name", "string", false, false},
    {"ka.target.namespace", "/objectRef/namespace", "string", false, false},
    {"ka.target.resource", "/objectRef/resource", "string", false, false},
    {"ka.target.subresource", "/objectRef/subresource", "string", false, false},
    {"ka.response.code", "/responseStatus/code", "string", false, false},
    {"ka.response.reason", "/responseStatus/reason", "string", false, false},
    {"ka.auth.decision", "/annotations/authorization.k8s.io~1decision", "string", false, false},
    {"ka.auth.reason", "/annotations/authorization.k8s.io~1reason", "string", false, false},
    {"ka.req.pod.containers.image", "/requestObject/spec/containers/*/image", "string", true,
     false},
    {"ka.req.pod.containers.privileged",
     "/requestObject/spec/containers/*/securityContext/privileged", "string", true, false},
    {"ka.req.pod.host_network", "/requestObject/spec/hostNetwork", "string", false, false},
    {"ka.req.pod.volumes.hostpath", "/requestObject/spec/volumes/*/hostPath/path", "string", true,
     false},
    {"ka.req.role.rules.verbs", "/requestObject/rules/*/verbs/*", "string", true, false},
    {"ka.req.binding.role", "/requestObject/roleRef/name", "string", false, false},
    {"ka.req.configmap.name", "/requestObject/metadata/name", "string", false, false},
    {"ka.req.configmap.obj", "/requestObject/data", "string", false, false},
    {"ka.label", "/requestObject/metadata/labels", "string", false, true},
};
#define FIELDS (sizeof(fields) / sizeof(*fields))

struct state {
    char error[128], json[8192];
    char *values[VALUES_MAX];
    const char *results[VALUES_MAX];
    size_t n;
};

struct stream {
    FILE *file;
    char event[PLUGIN_EVENT_PAYLOAD_OFFSET + LINE_MAX_LEN];
    ss_plugin_event *one;
};

/* ---- JSON as text -------------------------------------------------------------------------------- */

static const char *blank(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
        p++;
    return p;
}

/* Behind the value at p. */
static const char *over(const char *p)
{
    int depth = 0;

    do {
        p = blank(p);
        if (*p == '"') {
            for (p++; *p && *p != '"'; p++)
                p += *p == '\\' && p[1];
            p += *p == '"';
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            depth--;
            p++;
        } else if (*p == ',' || *p == ':') {
            p++;
        } else {
            p += strcspn(p, ",:]}\" \t\r\n");
        }
    } while (depth > 0 && *p);
    return p;
}

static void keep(struct state *s, const char *p)
{
    const char *end = over(p);
    size_t n;

    if (*p == '"') {
        p++;
        end--;
    }
    n = (size_t)(end - p);
    if (s->n < VALUES_MAX && strncmp(p, "null", 4) != 0)
        s->values[s->n++] = strndup(p, n);
}

static size_t part_len(const char *path)
{
    return strcspn(path, "/");
}

/* ~1 in a path is a /, as in JSON pointers. */
static bool is_key(const char *text, size_t n, const char *part, size_t m)
{
    size_t i = 0, k = 0;

    for (; i < n && k < m; i++, k++) {
        char c = part[k];

        if (c == '~' && k + 1 < m && part[k + 1] == '1') {
            c = '/';
            k++;
        }
        if (text[i] != c)
            return false;
    }
    return i == n && k == m;
}

static void walk(struct state *s, const char *p, const char *path)
{
    size_t n;

    p = blank(p);
    if (!*path) {
        keep(s, p);
        return;
    }
    path++;
    n = part_len(path);
    if (*p == '[' && n == 1 && *path == '*') {
        for (p = blank(p + 1); *p && *p != ']'; p = blank(p)) {
            walk(s, p, path + n);
            p = blank(over(p));
            p += *p == ',';
        }
    } else if (*p == '{') {
        for (p = blank(p + 1); *p == '"'; p = blank(p)) {
            const char *key = p + 1, *end = over(p), *value = blank(end);

            value = blank(value + (*value == ':'));
            if (is_key(key, (size_t)(end - key) - 1, path, n))
                walk(s, value, path + n);
            p = blank(over(value));
            p += *p == ',';
        }
    }
}

/* ---- the plugin ----------------------------------------------------------------------------------- */

EXPORT const char *plugin_get_required_api_version(void)
{
    return "3.0.0";
}

EXPORT const char *plugin_get_name(void)
{
    return "k8saudit";
}

EXPORT const char *plugin_get_description(void)
{
    return "A stand-in for tests: audit events out of a file";
}

EXPORT const char *plugin_get_contact(void)
{
    return "the tests of mews";
}

EXPORT const char *plugin_get_version(void)
{
    return "0.11.2";
}

EXPORT uint32_t plugin_get_id(void)
{
    return 1;
}

EXPORT const char *plugin_get_event_source(void)
{
    return "k8s_audit";
}

EXPORT const char *plugin_get_last_error(ss_plugin_t *p)
{
    return ((struct state *)p)->error;
}

EXPORT ss_plugin_t *plugin_init(const ss_plugin_init_input *in, ss_plugin_rc *rc)
{
    (void)in;
    *rc = SS_PLUGIN_SUCCESS;
    return calloc(1, sizeof(struct state));
}

static void forget(struct state *s)
{
    while (s->n)
        free(s->values[--s->n]);
}

EXPORT void plugin_destroy(ss_plugin_t *p)
{
    forget(p);
    free(p);
}

EXPORT const char *plugin_get_fields(void)
{
    static char json[16384];
    size_t n = 1;

    json[0] = '[';
    for (size_t i = 0; i < FIELDS; i++)
        n += (size_t)snprintf(json + n, sizeof(json) - n,
                              "%s{\"name\":\"%s\",\"type\":\"%s\",\"isList\":%s,\"desc\":\"%s\"%s}",
                              i ? "," : "", fields[i].name, fields[i].type,
                              fields[i].list ? "true" : "false", fields[i].path,
                              fields[i].key ? ",\"arg\":{\"isRequired\":true,\"isKey\":true}" : "");
    snprintf(json + n, sizeof(json) - n, "]");
    return json;
}

EXPORT ss_instance_t *plugin_open(ss_plugin_t *p, const char *params, ss_plugin_rc *rc)
{
    struct state *s = p;
    struct stream *st = calloc(1, sizeof(*st));

    st->file = fopen(params, "r");
    *rc = st->file ? SS_PLUGIN_SUCCESS : SS_PLUGIN_FAILURE;
    if (st->file)
        return st;
    snprintf(s->error, sizeof(s->error), "%.100s can't be read", params);
    free(st);
    return NULL;
}

EXPORT void plugin_close(ss_plugin_t *p, ss_instance_t *h)
{
    struct stream *st = h;

    (void)p;
    fclose(st->file);
    free(st);
}

EXPORT ss_plugin_rc plugin_next_batch(ss_plugin_t *p, ss_instance_t *h, uint32_t *nevts,
                                      ss_plugin_event ***evts)
{
    struct stream *st = h;
    char *line = st->event + PLUGIN_EVENT_PAYLOAD_OFFSET;

    (void)p;
    *nevts = 0;
    if (!fgets(line, LINE_MAX_LEN, st->file))
        return SS_PLUGIN_EOF;
    event_head(st->event, UINT64_C(1760000000000000000), 1, (uint32_t)strcspn(line, "\n"));
    st->one = (ss_plugin_event *)(void *)st->event;
    *evts = &st->one;
    *nevts = 1;
    return SS_PLUGIN_SUCCESS;
}

static void extract(struct state *s, const char *json, ss_plugin_extract_field *f)
{
    const struct field *field = &fields[f->field_id];
    char path[512];

    forget(s);
    snprintf(path, sizeof(path), "%s%s%s", field->path, field->key ? "/" : "",
             field->key ? f->arg_key : "");
    walk(s, json, path);
    for (size_t i = 0; i < s->n; i++)
        s->results[i] = s->values[i];
    f->res.str = s->results;
    f->res_len = field->list ? s->n : s->n > 0;
}

EXPORT ss_plugin_rc plugin_extract_fields(ss_plugin_t *p, const ss_plugin_event_input *evt,
                                          const ss_plugin_field_extract_input *in)
{
    struct state *s = p;
    const char *data;
    size_t n;
    char *json;

    if (!event_data(evt->evt, &data, &n))
        return SS_PLUGIN_FAILURE;
    json = strndup(data, n);
    for (uint32_t i = 0; i < in->num_fields; i++)
        extract(s, json, &in->fields[i]);
    free(json);
    return SS_PLUGIN_SUCCESS;
}
