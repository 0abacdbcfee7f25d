/* Static facts of a library, read before plugin_init in the order of §1.10. */
#include "internal.h"

void failure_set(struct plugin_failure *f, const char *step, const char *advice, const char *fmt,
                 ...)
{
    va_list ap;

    snprintf(f->step, sizeof(f->step), "%s", step);
    snprintf(f->advice, sizeof(f->advice), "%s", advice);
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
}

/* Copies at once: C++ SDK plugins keep all these strings in one buffer (quirk 13). */
static char *copy_text(const char *s)
{
    size_t n = s ? strnlen(s, PLUGIN_TEXT_MAX) : 0;

    return xstrndup(s ? s : "", n);
}

static void check_text(struct plugin_info *info, const char *what, const char *s)
{
    if (!utf8_valid(s, strlen(s)))
        str_list_addf(&info->warnings, "%s is not UTF-8", what);
    else if (!*s)
        str_list_addf(&info->warnings, "%s is empty", what);
}

static enum severity read_texts(const plugin_api *api, struct plugin_info *info,
                                struct plugin_failure *f)
{
    unsigned v[3];

    info->name = copy_text(api->get_name());
    info->description = copy_text(api->get_description());
    info->contact = copy_text(api->get_contact());
    info->version = copy_text(api->get_version());
    if (!*info->name) {
        failure_set(f, "name", "return a name of lower-case letters, digits and _",
                    "plugin_get_name returns no name");
        return SEV_FAILED;
    }
    if (!plugin_version_parse(info->version, v)) {
        failure_set(f, "version", "return three numbers, as in 0.1.0",
                    "plugin_get_version returns “%.60s”, which is no version", info->version);
        return SEV_FAILED;
    }
    check_text(info, "plugin_get_name", info->name);
    check_text(info, "plugin_get_description", info->description);
    check_text(info, "plugin_get_contact", info->contact);
    return SEV_OK;
}

/* §4.2: strings of a JSON array; empty ones are dropped, duplicates merged; NULL and "" mean none.
 */
static enum severity read_list(enum plugin_fn fn, const char *text, struct plugin_info *info,
                               struct str_list *out, struct plugin_failure *f)
{
    json_error_t jerr;
    json_t *list, *item;
    bool good, comments, other;
    size_t i;

    if (!text || !*text)
        return SEV_OK;
    list = json_read(text, JSON_DECODE_ANY, &comments, &jerr);
    good = json_is_array(list) || json_is_null(list);
    if (comments)
        str_list_addf(&info->warnings, "%s: comments are no part of JSON", plugin_fn_name(fn));
    json_array_foreach(list, i, item) {
        char *s = json_scalar_text(item, &other);

        good = good && !json_is_array(item) && !json_is_object(item);
        if (other && *s)
            str_list_addf(&info->warnings, "%s: %s is no string", plugin_fn_name(fn), s);
        if (*s && !str_list_has(out, s))
            str_list_add(out, s);
        free(s);
    }
    if (!good)
        failure_set(f, "json", "return a JSON array of strings",
                    "%s: must be an array of strings%s%s", plugin_fn_name(fn), list ? "" : ": ",
                    list ? "" : jerr.text);
    json_decref(list);
    return good ? SEV_OK : SEV_FAILED;
}

static void add_own_source(const struct plugin_info *info, struct str_list *list)
{
    if ((info->caps & CAP_SOURCING) && *info->source && !str_list_has(list, info->source))
        str_list_add(list, info->source);
}

static enum severity read_extraction(const plugin_api *api, uint64_t mask, struct plugin_info *info,
                                     struct plugin_failure *f)
{
    struct error err;
    char *fields = copy_text(api->get_fields());
    enum severity sev = fields_parse(fields, info, &err);

    free(fields);
    if (sev != SEV_OK) {
        failure_set(f, "fields", "correct the JSON that the function returns", "%s", err.text);
        return sev;
    }
    if (has_fn(mask, PF_GET_EXTRACT_EVENT_SOURCES))
        sev = read_list(PF_GET_EXTRACT_EVENT_SOURCES, api->get_extract_event_sources(), info,
                        &info->extract_sources, f);
    add_own_source(info, &info->extract_sources);
    return sev;
}

static enum severity read_async(const plugin_api *api, uint64_t mask, struct plugin_info *info,
                                struct plugin_failure *f)
{
    const char *text;

    if (has_fn(mask, PF_GET_ASYNC_EVENT_SOURCES) &&
        read_list(PF_GET_ASYNC_EVENT_SOURCES, api->get_async_event_sources(), info,
                  &info->async_sources, f) != SEV_OK)
        return SEV_FAILED;
    add_own_source(info, &info->async_sources);
    text = api->get_async_events();
    if (!text || !*text) {
        failure_set(f, "json", "return a JSON array of names",
                    "plugin_get_async_events returns nothing");
        return SEV_FAILED;
    }
    return read_list(PF_GET_ASYNC_EVENTS, text, info, &info->async_events, f);
}

static enum severity read_schema(const plugin_api *api, struct plugin_info *info,
                                 struct plugin_failure *f)
{
    ss_plugin_schema_type type = SS_PLUGIN_SCHEMA_NONE;
    const char *text = api->get_init_schema(&type);

    if (type == SS_PLUGIN_SCHEMA_NONE || !text || !*text)
        return SEV_OK;
    if (type != SS_PLUGIN_SCHEMA_JSON) {
        failure_set(f, "schema", "return SS_PLUGIN_SCHEMA_NONE or SS_PLUGIN_SCHEMA_JSON",
                    "plugin_get_init_schema: schema type %d is unknown", (int)type);
        return SEV_FAILED;
    }
    info->schema = copy_text(text);
    return SEV_OK;
}

enum severity info_read(const plugin_api *api, uint64_t mask, struct plugin_info *info,
                        struct plugin_failure *f)
{
    const char *missing = symbols_missing_required(mask);
    struct error err;

    info->symbols = mask;
    info->source = NULL;
    if (has_fn(mask, PF_GET_REQUIRED_API_VERSION)) {
        info->api_version = copy_text(api->get_required_api_version());
        if (plugin_version_check(info->api_version, &err) != SEV_OK) {
            failure_set(f, "api-version", "build the plugin for plugin API 3, 3.0.0 to 3.12.0",
                        "%s", err.text);
            return SEV_FAILED;
        }
        plugin_version_parse(info->api_version, info->api);
    }
    if (missing) {
        failure_set(f, "symbols", "export it with C linkage and default visibility",
                    "the required function %s is not exported", missing);
        return SEV_FAILED;
    }
    if (read_texts(api, info, f) != SEV_OK || caps_detect(api, mask, info, f) != SEV_OK)
        return SEV_FAILED;
    if (!info->source)
        info->source = xstrdup("");
    if ((info->caps & CAP_EXTRACTION) && read_extraction(api, mask, info, f) != SEV_OK)
        return SEV_FAILED;
    if ((info->caps & CAP_PARSING) && has_fn(mask, PF_GET_PARSE_EVENT_SOURCES) &&
        read_list(PF_GET_PARSE_EVENT_SOURCES, api->get_parse_event_sources(), info,
                  &info->parse_sources, f) != SEV_OK)
        return SEV_FAILED;
    if (info->caps & CAP_PARSING)
        add_own_source(info, &info->parse_sources);
    if ((info->caps & CAP_ASYNC) && read_async(api, mask, info, f) != SEV_OK)
        return SEV_FAILED;
    return has_fn(mask, PF_GET_INIT_SCHEMA) ? read_schema(api, info, f) : SEV_OK;
}

/* ---- as JSON, between the probe and the engine ----------------------------------------------- */

void plugin_info_fini(struct plugin_info *info)
{
    for (size_t i = 0; i < info->fields.n; i++) {
        free(info->fields.v[i].name);
        free(info->fields.v[i].desc);
        free(info->fields.v[i].display);
    }
    vec_free(&info->fields);
    free(info->path);
    free(info->name);
    free(info->version);
    free(info->description);
    free(info->contact);
    free(info->api_version);
    free(info->source);
    free(info->schema);
    str_list_fini(&info->extract_sources);
    str_list_fini(&info->parse_sources);
    str_list_fini(&info->async_sources);
    str_list_fini(&info->async_events);
    str_list_fini(&info->warnings);
    memset(info, 0, sizeof(*info));
}

/* Bytes that are not UTF-8 are spelt, so that JSON can hold them. */
static json_t *text_json(const char *s)
{
    struct buf b;
    json_t *j;

    if (!s)
        return json_null();
    if (utf8_valid(s, strlen(s)))
        return json_string(s);
    buf_init(&b, 0);
    text_make_visible(&b, s, strlen(s));
    j = json_string(buf_str(&b));
    buf_fini(&b);
    return j;
}

static json_t *list_json(const struct str_list *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, text_json(l->v[i]));
    return a;
}

static json_t *field_json(const struct plugin_field *f)
{
    json_t *o = json_object();

    json_object_set_new(o, "name", text_json(f->name));
    json_object_set_new(o, "type", json_string(value_type_info(f->type)->word));
    json_object_set_new(o, "desc", text_json(f->desc));
    if (*f->display)
        json_object_set_new(o, "display", text_json(f->display));
    json_object_set_new(o, "isList", json_boolean(f->list));
    if (f->arg_index || f->arg_key)
        json_object_set_new(o, "arg",
                            json_pack("{sb sb sb}", "isRequired", f->arg_required, "isIndex",
                                      f->arg_index, "isKey", f->arg_key));
    if (f->hidden || f->info || f->conversation) {
        json_t *p = json_array();

        if (f->hidden)
            json_array_append_new(p, json_string("hidden"));
        if (f->info)
            json_array_append_new(p, json_string("info"));
        if (f->conversation)
            json_array_append_new(p, json_string("conversation"));
        json_object_set_new(o, "properties", p);
    }
    if (f->add_output)
        json_object_set_new(o, "addOutput", json_true());
    return o;
}

static const struct text_member {
    const char *key;
    size_t offset;
} text_members[] =
    {
        {"path", offsetof(struct plugin_info, path)},
        {"name", offsetof(struct plugin_info, name)},
        {"version", offsetof(struct plugin_info, version)},
        {"description", offsetof(struct plugin_info, description)},
        {"contact", offsetof(struct plugin_info, contact)},
        {"api_version", offsetof(struct plugin_info, api_version)},
        {"source", offsetof(struct plugin_info, source)},
        {"schema", offsetof(struct plugin_info, schema)},
},
  list_members[] = {
      {"extract_sources", offsetof(struct plugin_info, extract_sources)},
      {"parse_sources", offsetof(struct plugin_info, parse_sources)},
      {"async_sources", offsetof(struct plugin_info, async_sources)},
      {"async_events", offsetof(struct plugin_info, async_events)},
      {"warnings", offsetof(struct plugin_info, warnings)},
};

#define MEMBER_AT(info, m, type) ((type *)(void *)((char *)(info) + (m)->offset))

json_t *plugin_info_to_json(const struct plugin_info *info)
{
    json_t *o = json_object(), *fields = json_array();

    for (size_t i = 0; i < COUNT_OF(text_members); i++)
        json_object_set_new(o, text_members[i].key,
                            text_json(*MEMBER_AT(info, &text_members[i], char *const)));
    for (size_t i = 0; i < COUNT_OF(list_members); i++)
        json_object_set_new(o, list_members[i].key,
                            list_json(MEMBER_AT(info, &list_members[i], const struct str_list)));
    for (size_t i = 0; i < info->fields.n; i++)
        json_array_append_new(fields, field_json(&info->fields.v[i]));
    json_object_set_new(o, "fields", fields);
    json_object_set_new(o, "capabilities", json_integer(info->caps));
    json_object_set_new(o, "symbols", json_integer((json_int_t)info->symbols));
    json_object_set_new(o, "id", json_integer(info->id));
    json_object_set_new(o, "file_size", json_integer((json_int_t)info->file_size));
    json_object_set_new(o, "file_mtime", json_integer((json_int_t)info->file_mtime));
    json_object_set_new(o, "language", json_string(info->language));
    return o;
}

static uint64_t number_of(const json_t *j, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(j, key));
}

enum severity plugin_info_from_json(const json_t *j, struct plugin_info *info, struct error *err)
{
    const json_t *item;
    char *fields;
    enum severity sev = SEV_OK;
    size_t k;

    memset(info, 0, sizeof(*info));
    for (size_t i = 0; i < COUNT_OF(text_members); i++) {
        const char *s = json_string_value(json_object_get(j, text_members[i].key));

        *MEMBER_AT(info, &text_members[i], char *) = s ? xstrdup(s) : NULL;
    }
    for (size_t i = 0; i < COUNT_OF(list_members); i++) {
        json_array_foreach(json_object_get(j, list_members[i].key), k, item)
            str_list_add(MEMBER_AT(info, &list_members[i], struct str_list),
                         json_string_value(item));
    }
    info->caps = (unsigned)number_of(j, "capabilities");
    info->symbols = number_of(j, "symbols");
    info->id = (uint32_t)number_of(j, "id");
    info->file_size = number_of(j, "file_size");
    info->file_mtime = number_of(j, "file_mtime");
    item = json_object_get(j, "language");
    snprintf(info->language, sizeof(info->language), "%s", item ? json_string_value(item) : "");
    if (info->api_version)
        plugin_version_parse(info->api_version, info->api);
    if (json_array_size(json_object_get(j, "fields")) > 0) {
        struct str_list warnings = info->warnings; /* the probe has warned already */

        memset(&info->warnings, 0, sizeof(info->warnings));
        fields = json_dumps(json_object_get(j, "fields"), JSON_COMPACT);
        sev = fields_parse(fields, info, err);
        free(fields);
        str_list_fini(&info->warnings);
        info->warnings = warnings;
    }
    return sev;
}
