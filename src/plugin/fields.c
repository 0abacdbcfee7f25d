/* The JSON of plugin_get_fields (§4.1): strict where Falco aborts, a warning where it is lenient.
 */
#include "internal.h"

static const struct {
    const char *word;
    enum value_type type;
} types[] = {
    {"bool", VT_BOOL},       {"uint64", VT_UINT64}, {"string", VT_CHARBUF}, {"abstime", VT_ABSTIME},
    {"reltime", VT_RELTIME}, {"ipnet", VT_IPNET},   {"ipaddr", VT_IPADDR},
};

static enum severity wrong(struct error *err, size_t index, const char *name, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static enum severity wrong(struct error *err, size_t index, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(err, ERR_PLUGIN, fmt, ap);
    va_end(ap);
    error_context(err, "plugin_get_fields: field %zu%s%s", index, *name ? " " : "", name);
    return SEV_FAILED;
}

/* A JSON null counts as absent. */
static const json_t *member(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return v && !json_is_null(v) ? v : NULL;
}

static bool read_bool(const json_t *o, const char *key, bool *out)
{
    const json_t *v = member(o, key);

    *out = json_is_true(v);
    return !v || json_is_boolean(v);
}

static char *read_text(const json_t *o, const char *key, size_t index, struct plugin_info *info)
{
    bool other;
    char *text = json_scalar_text(member(o, key), &other);

    if (other && *text)
        str_list_addf(&info->warnings, "plugin_get_fields: field %zu: “%s” is no string", index,
                      key);
    return text;
}

static bool read_type(const char *word, enum value_type *out)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (str_eq(types[i].word, word)) {
            *out = types[i].type;
            return true;
        }
    }
    return false;
}

static enum severity read_arg(const json_t *o, size_t i, struct plugin_field *f, struct error *err)
{
    const json_t *arg = member(o, "arg");

    if (!arg)
        return SEV_OK;
    if (!json_is_object(arg))
        return wrong(err, i, f->name, "“arg” must be an object");
    if (!read_bool(arg, "isRequired", &f->arg_required) ||
        !read_bool(arg, "isIndex", &f->arg_index) || !read_bool(arg, "isKey", &f->arg_key))
        return wrong(err, i, f->name, "isRequired, isIndex and isKey must be booleans");
    if (f->arg_required && !f->arg_index && !f->arg_key)
        return wrong(err, i, f->name, "a required argument must be an index or a key");
    return SEV_OK;
}

static enum severity read_properties(const json_t *o, size_t i, struct plugin_field *f,
                                     struct error *err)
{
    const json_t *list = member(o, "properties"), *item;
    size_t k;

    if (!list)
        return SEV_OK;
    if (!json_is_array(list))
        return wrong(err, i, f->name, "“properties” must be an array of strings");
    json_array_foreach(list, k, item) {
        const char *s = json_string_value(item);

        if (!s)
            return wrong(err, i, f->name, "“properties” must be an array of strings");
        f->hidden |= str_eq(s, "hidden");
        f->info |= str_eq(s, "info");
        f->conversation |= str_eq(s, "conversation");
    }
    return SEV_OK;
}

/* Usable in a filter: at least two parts of letters, digits and underscores that start with a
 * letter. */
static bool name_in_grammar(const char *name)
{
    unsigned parts = 0;

    for (;; name++) {
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

        if (n == 0 || strchr("0123456789_", *name))
            return false;
        parts++;
        name += n;
        if (*name != '.')
            return *name == '\0' && parts > 1;
    }
}

static void warn_about(const struct plugin_field *f, struct plugin_info *info)
{
    if (!name_in_grammar(f->name))
        str_list_addf(&info->warnings,
                      "field “%s” can't be written in a filter: parts of letters, digits "
                      "and _, joined by dots, are needed",
                      f->name);
    for (size_t i = 0; i + 1 < info->fields.n; i++) {
        if (str_eq(info->fields.v[i].name, f->name))
            str_list_addf(&info->warnings, "field “%s” is declared twice; the first one is used",
                          f->name);
    }
}

static enum severity read_field(const json_t *o, size_t i, struct plugin_info *info,
                                struct error *err)
{
    struct plugin_field *f = vec_more(&info->fields);
    char *type;
    bool known;

    f->name = read_text(o, "name", i, info);
    f->desc = read_text(o, "desc", i, info);
    f->display = read_text(o, "display", i, info);
    if (!json_is_object(o))
        return wrong(err, i, "", "must be an object");
    if (!*f->name)
        return wrong(err, i, "", "“name” is missing");
    if (!*f->desc)
        return wrong(err, i, f->name, "“desc” is missing");
    type = read_text(o, "type", i, info);
    known = read_type(type, &f->type);
    if (!known)
        wrong(err, i, f->name,
              "“%.40s” is no type: string, uint64, bool, abstime, reltime, ipaddr or ipnet", type);
    free(type);
    if (!known)
        return SEV_FAILED;
    if (!read_bool(o, "isList", &f->list) || !read_bool(o, "addOutput", &f->add_output))
        return wrong(err, i, f->name, "isList and addOutput must be booleans");
    if (read_arg(o, i, f, err) != SEV_OK || read_properties(o, i, f, err) != SEV_OK)
        return SEV_FAILED;
    warn_about(f, info);
    return SEV_OK;
}

enum severity fields_parse(const char *text, struct plugin_info *info, struct error *err)
{
    json_error_t jerr;
    bool comments;
    json_t *list = json_read(text, 0, &comments, &jerr), *item;
    enum severity sev = SEV_OK;
    size_t i;

    if (comments)
        str_list_add(&info->warnings, "plugin_get_fields: comments are no part of JSON");
    if (!list)
        return error_set(err, ERR_PLUGIN,
                         "plugin_get_fields gives no valid JSON: line %d, column %d: %s", jerr.line,
                         jerr.column, jerr.text);
    if (!json_is_array(list) || json_array_size(list) == 0)
        sev = error_set(err, ERR_PLUGIN,
                        "plugin_get_fields: must be an array with at least one field");
    json_array_foreach(list, i, item) {
        if (sev == SEV_OK)
            sev = read_field(item, i, info, err);
    }
    json_decref(list);
    return sev;
}
