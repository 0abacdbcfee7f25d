/* The schema that Falco holds each file against beside loading it (rules-language, §5): types of keys, priorities in
 * capitals, the words of an override. Its verdict is a note and changes nothing. */
#include "internal.h"

enum shape {
    SHAPE_TEXT,
    SHAPE_TRUTH,
    SHAPE_NUMBER,
    SHAPE_TEXTS,
    SHAPE_TEXT_OR_TEXTS,
    SHAPE_PRIORITY,
    SHAPE_OVERRIDE,
    SHAPE_EXCEPTIONS,
    SHAPE_VERSIONS,
    SHAPE_ANY,
};

struct shaped {
    const char *key;
    enum shape shape;
};

static const struct shaped item_keys[] = {{"required_engine_version", SHAPE_TEXT},
                                          {"required_plugin_versions", SHAPE_VERSIONS},
                                          {"list", SHAPE_TEXT},
                                          {"items", SHAPE_TEXTS},
                                          {"macro", SHAPE_TEXT},
                                          {"condition", SHAPE_TEXT},
                                          {"rule", SHAPE_TEXT},
                                          {"desc", SHAPE_TEXT},
                                          {"output", SHAPE_TEXT},
                                          {"priority", SHAPE_PRIORITY},
                                          {"source", SHAPE_TEXT},
                                          {"enabled", SHAPE_TRUTH},
                                          {"tags", SHAPE_TEXTS},
                                          {"warn_evttypes", SHAPE_TRUTH},
                                          {"skip-if-unknown-filter", SHAPE_TRUTH},
                                          {"append", SHAPE_TRUTH},
                                          {"override", SHAPE_OVERRIDE},
                                          {"exceptions", SHAPE_EXCEPTIONS},
                                          {"capture", SHAPE_TRUTH},
                                          {"capture_duration", SHAPE_NUMBER}},
                           exception_keys[] = {{"name", SHAPE_TEXT},
                                               {"fields", SHAPE_TEXT_OR_TEXTS},
                                               {"comps", SHAPE_TEXT_OR_TEXTS},
                                               {"values", SHAPE_ANY}},
                           version_keys[] = {{"name", SHAPE_TEXT},
                                             {"version", SHAPE_TEXT},
                                             {"alternatives", SHAPE_VERSIONS}};

static bool is_texts(const json_t *v)
{
    const json_t *item;
    size_t i;

    json_array_foreach(v, i, item) {
        if (!json_is_string(item))
            return false;
    }
    return json_is_array(v);
}

static bool is_number(const json_t *v)
{
    uint64_t n;

    return json_is_string(v) && parse_u64(span_of(json_string_value(v)), &n);
}

static bool is_priority(const json_t *v)
{
    const char *s = json_string_value(v);
    enum rule_priority p;

    for (const char *c = s; c && *c; c++) {
        if (*c < 'A' || *c > 'Z')
            return false;
    }
    return s && rule_priority_parse(s, &p);
}

static bool is_override(const json_t *v)
{
    const json_t *word;
    const char *key;

    json_object_foreach((json_t *)v, key, word) {
        if (!str_eq(key, YAML_LINES) && !str_eq(json_string_value(word), "append") &&
            !str_eq(json_string_value(word), "replace"))
            return false;
    }
    return json_is_object(v);
}

static bool map_fits(const json_t *map, const struct shaped *keys, size_t n, const char **off);

static bool are_maps(const json_t *v, const struct shaped *keys, size_t n)
{
    const json_t *item;
    const char *off;
    size_t i;

    json_array_foreach(v, i, item) {
        if (!map_fits(item, keys, n, &off))
            return false;
    }
    return json_is_array(v);
}

static bool fits(const json_t *v, enum shape shape)
{
    bool truth;

    switch (shape) {
    case SHAPE_TEXT:
        return json_is_string(v);
    case SHAPE_TRUTH:
        return rules_truth(json_string_value(v), &truth);
    case SHAPE_NUMBER:
        return is_number(v);
    case SHAPE_TEXTS:
        return is_texts(v);
    case SHAPE_TEXT_OR_TEXTS:
        return json_is_string(v) || is_texts(v);
    case SHAPE_PRIORITY:
        return is_priority(v);
    case SHAPE_OVERRIDE:
        return is_override(v);
    case SHAPE_EXCEPTIONS:
        return are_maps(v, exception_keys, COUNT_OF(exception_keys));
    case SHAPE_VERSIONS:
        return are_maps(v, version_keys, COUNT_OF(version_keys));
    default:
        return true;
    }
}

static const char *words_of(enum shape shape)
{
    static const char *const words[] = {
        [SHAPE_TEXT] = "a text",
        [SHAPE_TRUTH] = "true or false",
        [SHAPE_NUMBER] = "a number",
        [SHAPE_TEXTS] = "a sequence of texts",
        [SHAPE_PRIORITY] =
            "one of EMERGENCY, ALERT, CRITICAL, ERROR, WARNING, NOTICE, INFORMATIONAL, "
            "INFO, DEBUG",
        [SHAPE_OVERRIDE] = "a map of keys to append or replace",
        [SHAPE_EXCEPTIONS] = "a sequence of maps of name, fields, comps, values",
        [SHAPE_VERSIONS] = "a sequence of maps of name, version, alternatives",
    };

    return words[shape];
}

/* *off: the key that does not fit. */
static bool map_fits(const json_t *map, const struct shaped *keys, size_t n, const char **off)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_object_get(map, keys[i].key);

        *off = keys[i].key;
        if (v && !fits(v, keys[i].shape))
            return false;
    }
    return json_is_object(map);
}

static const char *name_of(const json_t *item)
{
    static const char *const kinds[] = {"rule", "macro", "list"};

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (json_is_string(json_object_get(item, kinds[i])))
            return json_string_value(json_object_get(item, kinds[i]));
    }
    return "an item";
}

static bool check_item(const json_t *item, struct rule_schema *out)
{
    const json_t *line;
    const char *off;

    if (map_fits(item, item_keys, COUNT_OF(item_keys), &off))
        return true;
    line = json_object_get(json_object_get(item, YAML_LINES), off);
    out->line = (unsigned)json_integer_value(line);
    for (size_t i = 0; i < COUNT_OF(item_keys); i++) {
        if (str_eq(item_keys[i].key, off) && json_is_object(item))
            out->text =
                xasprintf("%s: %s must be %s", name_of(item), off, words_of(item_keys[i].shape));
    }
    if (!out->text)
        out->text = xstrdup("an item must be a map");
    return false;
}

void rules_schema_check(struct rules *r, const json_t *documents)
{
    struct rule_schema note = {.file = xstrdup(r->file), .passed = documents != NULL};
    const json_t *document, *item;
    size_t i, k;

    json_array_foreach(documents, i, document) {
        if (!json_is_null(document) && !json_is_array(document) && note.passed) {
            note.passed = false;
            note.text = xstrdup("a document must be a sequence of items");
        }
        json_array_foreach(document, k, item) {
            if (note.passed && !json_is_null(item))
                note.passed = check_item(item, &note);
        }
    }
    if (!documents)
        note.text = xstrdup("it is no YAML");
    vec_push(&r->schemas, note);
}

size_t rules_schemas(const struct rules *r)
{
    return r->schemas.n;
}

const struct rule_schema *rules_schema(const struct rules *r, size_t i)
{
    return &r->schemas.v[i];
}
