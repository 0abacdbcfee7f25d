/* JSON Schema, as far as plugins' schemas go: drafts 4 to 2020-12 without remote references. */
#include "internal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <math.h>
#include <pcre2.h>

#define DEPTH_MAX 64

struct validator {
    const json_t *root;
    struct buf path; /* JSON pointer into the configuration */
    struct str_list *warnings;
    struct error *err;
    unsigned depth;
};

static bool validate(struct validator *v, const json_t *schema, const json_t *value);

/* ---- words ----------------------------------------------------------------------------------- */

static bool fail(struct validator *v, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool fail(struct validator *v, const char *fmt, ...)
{
    va_list ap;

    if (!v->err)
        return false;
    va_start(ap, fmt);
    error_setv(v->err, ERR_PLUGIN, fmt, ap);
    va_end(ap);
    error_context(v->err, "at %s", v->path.len ? buf_str(&v->path) : "the top");
    return false;
}

static void warn(struct validator *v, const char *keyword)
{
    char text[160];

    snprintf(text, sizeof(text), "the schema's keyword “%.80s” is not understood", keyword);
    if (v->warnings && !str_list_has(v->warnings, text))
        str_list_add(v->warnings, text);
}

/* A short form of a value for messages; of a secret (v says where it stands), the mask. */
static const char *brief(const struct validator *v, const json_t *value, char out[80])
{
    const char *key = v && v->path.len ? strrchr(buf_str(&v->path), '/') : NULL;
    char *s;

    if (key && names_a_secret(key + 1))
        return "•••";
    s = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    snprintf(out, 80, "%.60s%s", s ? s : "?", s && strlen(s) > 60 ? "…" : "");
    free(s);
    return out;
}

static size_t path_enter(struct validator *v, const char *key)
{
    size_t old = v->path.len;

    buf_addf(&v->path, "/%s", key);
    return old;
}

static void path_leave(struct validator *v, size_t old)
{
    v->path.len = old;
    if (v->path.data)
        v->path.data[old] = '\0';
}

/* ---- keywords: each checks one rule of a schema ---------------------------------------------- */

static bool type_is(const json_t *value, const char *type)
{
    if (str_eq(type, "object"))
        return json_is_object(value);
    if (str_eq(type, "array"))
        return json_is_array(value);
    if (str_eq(type, "string"))
        return json_is_string(value);
    if (str_eq(type, "boolean"))
        return json_is_boolean(value);
    if (str_eq(type, "null"))
        return json_is_null(value);
    if (str_eq(type, "number"))
        return json_is_number(value);
    if (str_eq(type, "integer"))
        return json_is_integer(value) ||
               (json_is_real(value) && json_real_value(value) == floor(json_real_value(value)));
    return false;
}

static bool kw_type(struct validator *v, const json_t *rule, const json_t *value,
                    const json_t *schema)
{
    char shown[80];
    size_t i;
    const json_t *one;

    UNUSED(schema);
    if (json_is_string(rule) && type_is(value, json_string_value(rule)))
        return true;
    json_array_foreach(rule, i, one) {
        if (json_is_string(one) && type_is(value, json_string_value(one)))
            return true;
    }
    if (json_is_string(rule))
        return fail(v, "%s must be of type %s", brief(v, value, shown), json_string_value(rule));
    return fail(v, "%s is of no type that is allowed", brief(v, value, shown));
}

static bool kw_enum(struct validator *v, const json_t *rule, const json_t *value,
                    const json_t *schema)
{
    char shown[80], allowed[80];
    size_t i;
    const json_t *one;

    UNUSED(schema);
    json_array_foreach(rule, i, one) {
        if (json_equal(one, value))
            return true;
    }
    return fail(v, "%s is not one of %s", brief(v, value, shown), brief(NULL, rule, allowed));
}

static bool kw_const(struct validator *v, const json_t *rule, const json_t *value,
                     const json_t *schema)
{
    char shown[80], wanted[80];

    UNUSED(schema);
    return json_equal(rule, value) ||
           fail(v, "%s is not %s", brief(v, value, shown), brief(NULL, rule, wanted));
}

static bool kw_required(struct validator *v, const json_t *rule, const json_t *value,
                        const json_t *schema)
{
    size_t i;
    const json_t *one;

    UNUSED(schema);
    if (!json_is_object(value) || !json_is_array(rule))
        return true;
    json_array_foreach(rule, i, one) {
        if (json_is_string(one) && !json_object_get(value, json_string_value(one)))
            return fail(v, "the required member “%s” is missing", json_string_value(one));
    }
    return true;
}

static bool kw_properties(struct validator *v, const json_t *rule, const json_t *value,
                          const json_t *schema)
{
    const char *key;
    json_t *sub;

    UNUSED(schema);
    if (!json_is_object(value))
        return true;
    json_object_foreach((json_t *)rule, key, sub) {
        const json_t *member = json_object_get(value, key);
        size_t old;
        bool ok;

        if (!member)
            continue;
        old = path_enter(v, key);
        ok = validate(v, sub, member);
        path_leave(v, old);
        if (!ok)
            return false;
    }
    return true;
}

static bool pattern_matches(struct validator *v, const char *pattern, const char *text)
{
    int code;
    PCRE2_SIZE at;
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code, &at, NULL);
    pcre2_match_data *md;
    pcre2_match_context *mc;
    int rc;

    if (!re) {
        warn(v, pattern);
        return true;
    }
    md = pcre2_match_data_create(1, NULL);
    mc = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(mc, 200000);
    rc = pcre2_match(re, (PCRE2_SPTR)text, strlen(text), 0, 0, md, mc);
    pcre2_match_context_free(mc);
    pcre2_match_data_free(md);
    pcre2_code_free(re);
    return rc != PCRE2_ERROR_NOMATCH;
}

static bool kw_pattern_properties(struct validator *v, const json_t *rule, const json_t *value,
                                  const json_t *schema)
{
    const char *pattern, *key;
    json_t *sub, *member;

    UNUSED(schema);
    json_object_foreach((json_t *)rule, pattern, sub) {
        json_object_foreach((json_t *)value, key, member) {
            size_t old = path_enter(v, key);
            bool ok = !pattern_matches(v, pattern, key) || validate(v, sub, member);

            path_leave(v, old);
            if (!ok)
                return false;
        }
    }
    return true;
}

static bool covered(struct validator *v, const json_t *schema, const char *key)
{
    const char *pattern;
    json_t *sub;

    if (json_object_get(json_object_get(schema, "properties"), key))
        return true;
    json_object_foreach(json_object_get(schema, "patternProperties"), pattern, sub) {
        if (pattern_matches(v, pattern, key))
            return true;
    }
    return false;
}

static bool kw_additional(struct validator *v, const json_t *rule, const json_t *value,
                          const json_t *schema)
{
    const char *key;
    json_t *member;

    json_object_foreach((json_t *)value, key, member) {
        size_t old;
        bool ok;

        if (covered(v, schema, key))
            continue;
        if (json_is_false(rule))
            return fail(v, "the member “%s” is not known, and no others are allowed", key);
        old = path_enter(v, key);
        ok = validate(v, rule, member);
        path_leave(v, old);
        if (!ok)
            return false;
    }
    return true;
}

/* items: one schema for all, or (drafts before 2020-12) an array of schemas by place. */
static bool kw_items(struct validator *v, const json_t *rule, const json_t *value,
                     const json_t *schema)
{
    const json_t *prefix = json_object_get(schema, "prefixItems"), *one;
    size_t i;

    json_array_foreach(value, i, one) {
        const json_t *sub = json_is_array(rule) ? json_array_get(rule, i) : rule;
        char index[24];
        size_t old;
        bool ok;

        if (json_is_array(rule) && !sub)
            sub = json_object_get(schema, "additionalItems");
        if (!sub || (!json_is_array(rule) && i < json_array_size(prefix)))
            continue;
        snprintf(index, sizeof(index), "%zu", i);
        old = path_enter(v, index);
        ok = validate(v, sub, one);
        path_leave(v, old);
        if (!ok)
            return false;
    }
    return true;
}

static bool kw_prefix_items(struct validator *v, const json_t *rule, const json_t *value,
                            const json_t *schema)
{
    UNUSED(schema);
    for (size_t i = 0; i < json_array_size(rule) && i < json_array_size(value); i++) {
        char index[24];
        size_t old;
        bool ok;

        snprintf(index, sizeof(index), "%zu", i);
        old = path_enter(v, index);
        ok = validate(v, json_array_get(rule, i), json_array_get(value, i));
        path_leave(v, old);
        if (!ok)
            return false;
    }
    return true;
}

static bool kw_contains(struct validator *v, const json_t *rule, const json_t *value,
                        const json_t *schema)
{
    struct validator quiet = *v;
    const json_t *one;
    size_t i;

    UNUSED(schema);
    if (!json_is_array(value))
        return true;
    quiet.err = NULL;
    json_array_foreach(value, i, one) {
        if (validate(&quiet, rule, one))
            return true;
    }
    return fail(v, "no element is what “contains” demands");
}

static bool kw_unique(struct validator *v, const json_t *rule, const json_t *value,
                      const json_t *schema)
{
    UNUSED(schema);
    for (size_t i = 0; json_is_true(rule) && i < json_array_size(value); i++) {
        for (size_t k = 0; k < i; k++) {
            if (json_equal(json_array_get(value, i), json_array_get(value, k)))
                return fail(v, "elements %zu and %zu are the same", k, i);
        }
    }
    return true;
}

static size_t characters(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

static bool kw_limit(struct validator *v, const char *keyword, const json_t *rule,
                     const json_t *value, const json_t *schema)
{
    static const struct {
        const char *keyword, *what;
        json_type type;
        bool is_max;
    } limits[] = {
        {"minLength", "characters", JSON_STRING, false},
        {"maxLength", "characters", JSON_STRING, true},
        {"minItems", "elements", JSON_ARRAY, false},
        {"maxItems", "elements", JSON_ARRAY, true},
        {"minProperties", "members", JSON_OBJECT, false},
        {"maxProperties", "members", JSON_OBJECT, true},
    };

    UNUSED(schema);
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        size_t n, limit = (size_t)json_number_value(rule);

        if (!str_eq(limits[i].keyword, keyword) || json_typeof(value) != limits[i].type)
            continue;
        n = json_is_string(value)  ? characters(json_string_value(value))
            : json_is_array(value) ? json_array_size(value)
                                   : json_object_size(value);
        if (limits[i].is_max ? n > limit : n < limit)
            return fail(v, "has %zu %s, at %s %zu are allowed", n, limits[i].what,
                        limits[i].is_max ? "most" : "least", limit);
    }
    return true;
}

static bool kw_range(struct validator *v, const char *keyword, const json_t *rule,
                     const json_t *value, const json_t *schema)
{
    double n = json_number_value(value), limit = json_number_value(rule);
    bool exclusive = str_starts(keyword, "exclusive");
    bool upper = strstr(keyword, "ax") != NULL;
    char shown[80];

    if (!json_is_number(value) || !json_is_number(rule))
        return true; /* draft 4's boolean exclusive* is read with its partner below */
    if (json_is_true(json_object_get(schema, upper ? "exclusiveMaximum" : "exclusiveMinimum")))
        exclusive = true;
    if (upper ? (exclusive ? n < limit : n <= limit) : (exclusive ? n > limit : n >= limit))
        return true;
    return fail(v, "%s must be %s%s %g", brief(v, value, shown), upper ? "at most" : "at least",
                exclusive ? ", but not," : "", limit);
}

static bool kw_multiple(struct validator *v, const json_t *rule, const json_t *value,
                        const json_t *schema)
{
    double n = json_number_value(value), of = json_number_value(rule);
    char shown[80];

    UNUSED(schema);
    if (!json_is_number(value) || of <= 0 || fabs(n / of - round(n / of)) < 1e-9)
        return true;
    return fail(v, "%s is no multiple of %g", brief(v, value, shown), of);
}

static bool kw_pattern(struct validator *v, const json_t *rule, const json_t *value,
                       const json_t *schema)
{
    char shown[80];

    UNUSED(schema);
    if (!json_is_string(value) || !json_is_string(rule) ||
        pattern_matches(v, json_string_value(rule), json_string_value(value)))
        return true;
    return fail(v, "%s does not match the pattern %s", brief(v, value, shown),
                json_string_value(rule));
}

static bool kw_all_of(struct validator *v, const json_t *rule, const json_t *value,
                      const json_t *schema)
{
    const json_t *sub;
    size_t i;

    UNUSED(schema);
    json_array_foreach(rule, i, sub) {
        if (!validate(v, sub, value))
            return false;
    }
    return true;
}

static size_t count_valid(struct validator *v, const json_t *rule, const json_t *value)
{
    struct validator quiet = *v;
    const json_t *sub;
    size_t i, n = 0;

    quiet.err = NULL;
    json_array_foreach(rule, i, sub)
        n += validate(&quiet, sub, value);
    return n;
}

static bool kw_any_of(struct validator *v, const json_t *rule, const json_t *value,
                      const json_t *schema)
{
    char shown[80];

    UNUSED(schema);
    if (count_valid(v, rule, value) > 0)
        return true;
    if (json_array_size(rule) == 1)
        return validate(v, json_array_get(rule, 0), value);
    return fail(v, "%s is none of the forms that are allowed (anyOf)", brief(v, value, shown));
}

static bool kw_one_of(struct validator *v, const json_t *rule, const json_t *value,
                      const json_t *schema)
{
    size_t n = count_valid(v, rule, value);
    char shown[80];

    UNUSED(schema);
    if (n == 1)
        return true;
    if (json_array_size(rule) == 1)
        return validate(v, json_array_get(rule, 0), value);
    return fail(v, "%s is %zu of the forms of which it must be one (oneOf)", brief(v, value, shown),
                n);
}

static bool kw_not(struct validator *v, const json_t *rule, const json_t *value,
                   const json_t *schema)
{
    struct validator quiet = *v;
    char shown[80];

    UNUSED(schema);
    quiet.err = NULL;
    return !validate(&quiet, rule, value) ||
           fail(v, "%s is what “not” forbids", brief(v, value, shown));
}

static const json_t *resolve_ref(struct validator *v, const char *ref)
{
    struct buf key;
    const json_t *at = v->root;

    if (*ref != '#')
        return NULL;
    buf_init(&key, 0);
    for (ref++; at && *ref == '/';) {
        const char *end = strchr(++ref, '/');
        size_t n = end ? (size_t)(end - ref) : strlen(ref);
        uint64_t index;

        buf_reset(&key);
        for (size_t i = 0; i < n; i++) {
            if (ref[i] == '~' && i + 1 < n && (ref[i + 1] == '0' || ref[i + 1] == '1'))
                buf_addc(&key, ref[++i] == '0' ? '~' : '/');
            else
                buf_addc(&key, ref[i]);
        }
        if (json_is_array(at))
            at =
                parse_u64((struct span){ref, n}, &index) ? json_array_get(at, (size_t)index) : NULL;
        else
            at = json_object_get(at, buf_str(&key));
        ref += n;
    }
    buf_fini(&key);
    return *ref ? NULL : at;
}

static bool kw_ref(struct validator *v, const json_t *rule, const json_t *value,
                   const json_t *schema)
{
    const char *ref = json_string_value(rule);
    const json_t *target = ref ? resolve_ref(v, ref) : NULL;

    UNUSED(schema);
    if (!target) {
        warn(v, ref ? ref : "$ref");
        return true;
    }
    return validate(v, target, value);
}

static const struct {
    const char *keyword;
    bool (*check)(struct validator *v, const json_t *rule, const json_t *value,
                  const json_t *schema);
    bool (*check_named)(struct validator *v, const char *keyword, const json_t *rule,
                        const json_t *value, const json_t *schema);
} keywords[] = {
    {"type", kw_type, NULL},
    {"enum", kw_enum, NULL},
    {"const", kw_const, NULL},
    {"required", kw_required, NULL},
    {"properties", kw_properties, NULL},
    {"patternProperties", kw_pattern_properties, NULL},
    {"additionalProperties", kw_additional, NULL},
    {"prefixItems", kw_prefix_items, NULL},
    {"items", kw_items, NULL},
    {"contains", kw_contains, NULL},
    {"uniqueItems", kw_unique, NULL},
    {"minLength", NULL, kw_limit},
    {"maxLength", NULL, kw_limit},
    {"minItems", NULL, kw_limit},
    {"maxItems", NULL, kw_limit},
    {"minProperties", NULL, kw_limit},
    {"maxProperties", NULL, kw_limit},
    {"minimum", NULL, kw_range},
    {"maximum", NULL, kw_range},
    {"exclusiveMinimum", NULL, kw_range},
    {"exclusiveMaximum", NULL, kw_range},
    {"multipleOf", kw_multiple, NULL},
    {"pattern", kw_pattern, NULL},
    {"allOf", kw_all_of, NULL},
    {"anyOf", kw_any_of, NULL},
    {"oneOf", kw_one_of, NULL},
    {"not", kw_not, NULL},
    {"$ref", kw_ref, NULL},
    /* say nothing of the value */
    {"$schema", NULL, NULL},
    {"$id", NULL, NULL},
    {"id", NULL, NULL},
    {"$anchor", NULL, NULL},
    {"$comment", NULL, NULL},
    {"$defs", NULL, NULL},
    {"definitions", NULL, NULL},
    {"title", NULL, NULL},
    {"description", NULL, NULL},
    {"default", NULL, NULL},
    {"examples", NULL, NULL},
    {"deprecated", NULL, NULL},
    {"readOnly", NULL, NULL},
    {"writeOnly", NULL, NULL},
    {"format", NULL, NULL},
    {"additionalItems", NULL, NULL}, /* read with items */
};

static bool apply(struct validator *v, const char *keyword, const json_t *rule, const json_t *value,
                  const json_t *schema)
{
    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        if (!str_eq(keywords[i].keyword, keyword))
            continue;
        if (keywords[i].check)
            return keywords[i].check(v, rule, value, schema);
        return !keywords[i].check_named || keywords[i].check_named(v, keyword, rule, value, schema);
    }
    warn(v, keyword);
    return true;
}

static bool validate(struct validator *v, const json_t *schema, const json_t *value)
{
    const char *keyword;
    json_t *rule;
    bool ok = true;

    if (json_is_boolean(schema))
        return json_is_true(schema) || fail(v, "nothing is allowed here");
    if (++v->depth > DEPTH_MAX) {
        v->depth--;
        return fail(v, "the schema refers to itself more than %d levels deep", DEPTH_MAX);
    }
    json_object_foreach((json_t *)schema, keyword, rule) {
        if (!apply(v, keyword, rule, value, schema)) {
            ok = false;
            break;
        }
    }
    v->depth--;
    return ok;
}

enum severity plugin_schema_validate(const char *schema_text, const char *config,
                                     char **config_used, struct str_list *warnings,
                                     struct error *err)
{
    const char *text = config && *config ? config : "{}";
    json_error_t jerr;
    bool comments;
    json_t *schema = json_read(schema_text, 0, NULL, &jerr), *value;
    struct validator v = {.root = schema, .warnings = warnings, .err = err};
    enum severity sev = SEV_OK;

    if (!json_is_object(schema)) {
        json_decref(schema);
        return error_set(err, ERR_PLUGIN, "plugin_get_init_schema: no JSON object%s%s",
                         schema ? "" : ": ", schema ? "" : jerr.text);
    }
    value = json_read(text, JSON_DECODE_ANY, &comments, &jerr);
    if (comments && warnings)
        str_list_add(warnings, "the configuration has comments, which are no part of JSON: Falco takes them");
    if (!value) {
        sev = error_set(err, ERR_PLUGIN, "the configuration is no JSON: line %d, column %d: %s",
                        jerr.line, jerr.column, jerr.text);
    } else {
        buf_init(&v.path, 4096);
        if (!validate(&v, schema, value)) {
            sev = SEV_FAILED;
            error_context(err, "the configuration does not fit the plugin's schema");
        }
        buf_fini(&v.path);
    }
    json_decref(value);
    json_decref(schema);
    *config_used = sev == SEV_OK ? xstrdup(text) : NULL;
    return sev;
}
