/* Secrets in configurations never reach a screen, a log or a report. */
#include "internal.h"

#include <ctype.h>

#define MASK "•••"

bool names_a_secret(const char *key)
{
    static const char *const words[] = {"token",      "secret",     "password",   "passwd",
                                        "credential", "apikey",     "api_key",    "accesskey",
                                        "access_key", "privatekey", "private_key"};
    char lower[128];
    size_t n = MIN_OF(strlen(key), sizeof(lower) - 1);

    for (size_t i = 0; i < n; i++)
        lower[i] = (char)tolower((unsigned char)key[i]);
    lower[n] = '\0';
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strstr(lower, words[i]))
            return true;
    }
    return str_eq(lower, "key") || str_ends(lower, "_key") || (n > 3 && str_ends(key, "Key"));
}

static bool schema_hides(const json_t *schema, const char *key)
{
    const json_t *p = json_object_get(json_object_get(schema, "properties"), key);
    const char *format = json_string_value(json_object_get(p, "format"));

    return json_is_true(json_object_get(p, "writeOnly")) || (format && str_eq(format, "password"));
}

static void mask(json_t *value, const json_t *schema)
{
    const char *key;
    json_t *member;
    size_t i;

    json_object_foreach(value, key, member) {
        const json_t *sub = json_object_get(json_object_get(schema, "properties"), key);

        if (json_is_object(member) || json_is_array(member))
            mask(member, sub);
        else if (!json_is_boolean(member) && !json_is_null(member) &&
                 (names_a_secret(key) || schema_hides(schema, key)))
            json_object_set_new(value, key, json_string(MASK));
    }
    json_array_foreach(value, i, member)
        mask(member, json_object_get(schema, "items"));
}

/* The object that describes the configuration: the schema itself or what its $ref leads to. */
static const json_t *main_object(const json_t *schema)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    const char *name = ref ? strrchr(ref, '/') : NULL;
    const json_t *defs = json_object_get(schema, "$defs");

    if (!name)
        return schema;
    if (!defs)
        defs = json_object_get(schema, "definitions");
    return json_object_get(defs, name + 1);
}

char *plugin_mask_secrets(const char *text, const char *schema_text)
{
    json_error_t err;
    json_t *value = json_read(text, JSON_DECODE_ANY, NULL, &err);
    json_t *schema = schema_text ? json_read(schema_text, 0, NULL, &err) : NULL;
    char *masked;

    if (json_is_object(value) || json_is_array(value)) {
        mask(value, main_object(schema));
        masked = json_dumps(value, JSON_COMPACT);
    } else {
        masked = xstrdup(names_a_secret(text) ? MASK : text);
    }
    json_decref(value);
    json_decref(schema);
    return masked;
}

static void unmask(json_t *value, const json_t *old)
{
    const char *key;
    json_t *member;
    size_t i;

    json_object_foreach(value, key, member) {
        json_t *was = json_object_get(old, key);

        if (was && json_is_string(member) && str_eq(json_string_value(member), MASK))
            json_object_set(value, key, was);
        else
            unmask(member, was);
    }
    json_array_foreach(value, i, member)
        unmask(member, json_array_get(old, i));
}

char *plugin_unmask_secrets(const char *text, const char *old_text)
{
    json_error_t err;
    json_t *value, *old;
    char *whole;

    if (!strstr(text, MASK))
        return xstrdup(text);
    if (str_eq(text, MASK))
        return xstrdup(old_text);
    value = json_read(text, 0, NULL, &err);
    old = json_read(old_text, 0, NULL, &err);
    if (value && old)
        unmask(value, old);
    whole = value && old ? json_dumps(value, JSON_COMPACT) : xstrdup(text);
    json_decref(value);
    json_decref(old);
    return whole;
}
