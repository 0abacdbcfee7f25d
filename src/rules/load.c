/* Rules files: items into definitions, with appends and overrides (rules-language, §1 and §2). */
#include "internal.h"

#include <ctype.h>
#include <dirent.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)64 << 20)

/* ---- items ------------------------------------------------------------------------------------------- */

struct item {
    const json_t *map;
    const char *kind, *name;
    unsigned line;
};

static unsigned line_of(const struct item *it, const char *key)
{
    const json_t *line = json_object_get(json_object_get(it->map, YAML_LINES), key);

    return line ? (unsigned)json_integer_value(line) : it->line;
}

static bool fail(struct rules *r, const struct item *it, const char *key, const char *text)
{
    rules_say(r, true, "LOAD_ERR_YAML_VALIDATE", line_of(it, key), "%s %s: %s: %s", it->kind,
              it->name ? it->name : "", key, text);
    return false;
}

static const char *text_at(const struct item *it, const char *key)
{
    return json_string_value(json_object_get(it->map, key));
}

static bool has(const struct item *it, const char *key)
{
    return json_object_get(it->map, key) != NULL;
}

bool rules_truth(const char *s, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on", "y"}, *const no[] = {"false", "no",
                                                                                "off", "n"};

    for (size_t i = 0; s && i < COUNT_OF(yes); i++) {
        if (strcasecmp(s, yes[i]) == 0 || strcasecmp(s, no[i]) == 0) {
            *out = strcasecmp(s, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

static bool truth_at(struct rules *r, const struct item *it, const char *key, bool *out)
{
    return !has(it, key) || rules_truth(text_at(it, key), out) ||
           fail(r, it, key, "true or false is needed");
}

static bool number_at(struct rules *r, const struct item *it, const char *key, uint32_t *out)
{
    const char *text = text_at(it, key);
    uint64_t n;

    if (!has(it, key))
        return true;
    if (!text || !parse_u64(span_of(text), &n) || n > UINT32_MAX)
        return fail(r, it, key, "a number of milliseconds is needed");
    *out = (uint32_t)n;
    return true;
}

static void unknown_keys(struct rules *r, const struct item *it, const char *const *known)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)it->map, key, v) {
        size_t i = 0;

        while (known[i] && !str_eq(known[i], key))
            i++;
        if (!known[i] && !str_eq(key, YAML_LINES))
            rules_say(r, false, "LOAD_UNKNOWN_KEY", line_of(it, key),
                      "%s %s: the key %s is not known, and not used", it->kind, it->name, key);
    }
}

/* ---- append and override ------------------------------------------------------------------------------ */

enum change { CHANGE_NONE, CHANGE_APPEND, CHANGE_REPLACE };

static enum change change_of(const struct item *it, const char *key)
{
    const char *word =
        json_string_value(json_object_get(json_object_get(it->map, "override"), key));
    bool append = false;

    if (word)
        return str_eq(word, "append")    ? CHANGE_APPEND
               : str_eq(word, "replace") ? CHANGE_REPLACE
                                         : CHANGE_NONE;
    rules_truth(text_at(it, "append"), &append);
    return append && (str_eq(key, "condition") || str_eq(key, "items") || str_eq(key, "exceptions"))
               ? CHANGE_APPEND
               : CHANGE_NONE;
}

/* Each key that is overridden is there, with a word that it takes, and the other way round. */
static bool check_override(struct rules *r, const struct item *it, const char *const *append,
                           const char *const *replace, const char *const *known)
{
    const json_t *o = json_object_get(it->map, "override"), *v;
    const char *key;

    if (!o)
        return true;
    if (!json_is_object(o))
        return fail(r, it, "override", "a map of keys to append or replace is needed");
    if (has(it, "append"))
        return fail(r, it, "append", "not together with override");
    json_object_foreach((json_t *)o, key, v) {
        const char *word = json_string_value(v);
        const char *const *allowed = word && str_eq(word, "append") ? append : replace;

        if (str_eq(key, YAML_LINES))
            continue;
        if (!word || (!str_eq(word, "append") && !str_eq(word, "replace")))
            return fail(r, it, "override", "append or replace is needed");
        while (*allowed && !str_eq(*allowed, key))
            allowed++;
        if (!*allowed)
            return fail(r, it, "override", "this key can't be changed so");
        if (!has(it, key))
            return fail(r, it, "override", "a key is named that is not there");
    }
    for (size_t i = 2; known[i]; i++) { /* behind the name and override */
        if (has(it, known[i]) && !json_object_get(o, known[i]) && !str_eq(known[i], "source"))
            return fail(r, it, known[i], "it is there, but not named in override");
    }
    return true;
}

static void old_append(struct rules *r, const struct item *it)
{
    if (has(it, "append"))
        rules_say(r, false, "LOAD_DEPRECATED_ITEM", line_of(it, "append"),
                  "%s %s: append is deprecated: override says what is appended", it->kind,
                  it->name);
}

/* ---- lists --------------------------------------------------------------------------------------------- */

struct rule_list *rules_list(const struct rules *r, const char *name)
{
    for (size_t i = 0; i < r->lists.n; i++) {
        if (str_eq(r->lists.v[i].name, name))
            return &r->lists.v[i];
    }
    return NULL;
}

/* An item that names a list known by now stands for that list's items. */
static void add_items(struct rules *r, struct rule_list *l, const json_t *items)
{
    const json_t *item;
    size_t i;

    json_array_foreach(items, i, item) {
        const char *text = json_is_null(item) ? "" : json_string_value(item);
        struct rule_list *other = text ? rules_list(r, text) : NULL;

        if (other && other != l) {
            other->used = true;
            for (size_t k = 0; k < other->items.n; k++)
                str_list_add(&l->items, other->items.v[k]);
        } else if (text) {
            str_list_add(&l->items, text);
        }
    }
}

static bool plain_name(const char *s, const char *forbidden)
{
    for (; *s; s++) {
        if (isspace((unsigned char)*s) || strchr(forbidden, *s))
            return false;
    }
    return true;
}

static bool take_list(struct rules *r, const struct item *it)
{
    static const char *const known[] = {"list", "override", "items", "append", NULL},
                             *const keys[] = {"items", NULL};
    enum change change = change_of(it, "items");
    const json_t *items = json_object_get(it->map, "items");
    struct rule_list *l = rules_list(r, it->name);

    unknown_keys(r, it, known);
    old_append(r, it);
    if (!check_override(r, it, keys, keys,
                        (const char *const[]){"list", "override", "items", NULL}))
        return false;
    if (!json_is_array(items))
        return fail(r, it, "items", "a sequence is needed");
    if (change == CHANGE_APPEND && !l)
        return fail(r, it, "items", "there is no earlier list of this name to append to");
    if (!plain_name(it->name, "()\"'=,"))
        rules_say(r, false, "LOAD_INVALID_LIST_NAME", it->line,
                  "list %s: no condition can name it so", it->name);
    if (!l) {
        l = vec_more(&r->lists);
        *l = (struct rule_list){.name = xstrdup(it->name)};
    } else if (change != CHANGE_APPEND) {
        str_list_fini(&l->items);
        l->items = (struct str_list){0};
    }
    add_items(r, l, items);
    return true;
}

/* ---- macros --------------------------------------------------------------------------------------------- */

static struct rule_macro *macro_named(const struct rules *r, struct span name)
{
    for (size_t i = 0; i < r->macros.n; i++) {
        if (span_is(name, r->macros.v[i].name))
            return &r->macros.v[i];
    }
    return NULL;
}

static char *joined(const char *a, const char *b)
{
    return a && *a ? xasprintf("%s %s", a, b) : xstrdup(b);
}

static void set_text(char **to, const char *text, enum change change)
{
    char *whole = change == CHANGE_APPEND ? joined(*to, text) : xstrdup(text);

    free(*to);
    *to = whole;
}

static bool take_macro(struct rules *r, const struct item *it)
{
    static const char *const known[] = {"macro", "override", "condition", "append", NULL},
                             *const keys[] = {"condition", NULL};
    enum change change = change_of(it, "condition");
    const char *condition = text_at(it, "condition");
    struct rule_macro *m = macro_named(r, span_of(it->name));

    unknown_keys(r, it, known);
    old_append(r, it);
    if (!check_override(r, it, keys, keys,
                        (const char *const[]){"macro", "override", "condition", NULL}))
        return false;
    if (!condition)
        return fail(r, it, "condition", "it is missing");
    if (change == CHANGE_APPEND && !m)
        return fail(r, it, "condition", "there is no earlier macro of this name to append to");
    if (m && r->for_filters && !str_eq(m->file, r->file)) {
        rules_say(r, false, "LOAD_SAVED_FILTER", line_of(it, "condition"),
                  "the saved filter %s gives way to the macro of the rules", it->name);
        return true;
    }
    if (!m) {
        m = vec_more(&r->macros);
        *m = (struct rule_macro){.name = xstrdup(it->name)};
    }
    set_text(&m->condition, condition, change);
    free(m->file);
    m->file = xstrdup(r->file);
    m->line = line_of(it, "condition");
    m->index = r->next_index++;
    m->used |= r->for_filters;
    return true;
}

const char *rules_macro(void *ctx, struct span name, unsigned before, unsigned *index)
{
    struct rule_macro *m = macro_named(ctx, name);

    if (!m || m->index >= before)
        return NULL;
    m->used = true;
    *index = m->index;
    return m->condition;
}

/* ---- rules ----------------------------------------------------------------------------------------------- */

struct rule *rules_named(const struct rules *r, const char *name)
{
    for (size_t i = 0; i < r->rules.n; i++) {
        if (str_eq(r->rules.v[i]->name, name))
            return r->rules.v[i];
    }
    return NULL;
}

static void exceptions_clear(struct rule *rule)
{
    for (size_t i = 0; i < rule->exceptions.n; i++) {
        free(rule->exceptions.v[i].name);
        json_decref(rule->exceptions.v[i].fields);
        json_decref(rule->exceptions.v[i].comps);
        json_decref(rule->exceptions.v[i].values);
    }
    rule->exceptions.n = 0;
}

static bool take_exception(struct rules *r, const struct item *it, struct rule *rule,
                           const json_t *map, bool append)
{
    const char *name = json_string_value(json_object_get(map, "name"));
    json_t *fields = json_object_get(map, "fields"), *comps = json_object_get(map, "comps"),
           *values = json_object_get(map, "values");
    struct rule_exception *x = NULL;

    if (!name)
        return fail(r, it, "exceptions", "an exception needs a name");
    for (size_t i = 0; i < rule->exceptions.n; i++) {
        if (str_eq(rule->exceptions.v[i].name, name))
            x = &rule->exceptions.v[i];
    }
    if (x && append) {
        if (fields || comps)
            return fail(r, it, "exceptions", "what is appended to an exception has values only");
        if (!values)
            rules_say(r, false, "LOAD_APPEND_NO_VALUES", line_of(it, "exceptions"),
                      "rule %s: exception %s: no values are appended", rule->name, name);
        if (values && !x->values)
            x->values = json_array();
        if (values)
            json_array_extend(x->values, values);
        return true;
    }
    if (x)
        rules_say(r, false, "LOAD_EXCEPTION_NAME_NOT_UNIQUE", line_of(it, "exceptions"),
                  "rule %s: two exceptions are named %s", rule->name, name);
    if (!fields)
        return fail(r, it, "exceptions", "an exception needs fields");
    x = vec_more(&rule->exceptions);
    *x = (struct rule_exception){xstrdup(name), json_deep_copy(fields),
                                 comps ? json_deep_copy(comps) : NULL,
                                 values ? json_deep_copy(values) : NULL};
    return true;
}

static bool take_exceptions(struct rules *r, const struct item *it, struct rule *rule, bool append)
{
    const json_t *list = json_object_get(it->map, "exceptions"), *map;
    size_t i;

    if (!list)
        return true;
    if (!json_is_array(list))
        return fail(r, it, "exceptions", "a sequence is needed");
    if (!append)
        exceptions_clear(rule);
    json_array_foreach(list, i, map) {
        if (!take_exception(r, it, rule, map, append))
            return false;
    }
    return true;
}

static void take_tags(const struct item *it, struct rule *rule, bool append)
{
    const json_t *tag;
    size_t i;

    if (!has(it, "tags"))
        return;
    if (!append) {
        str_list_fini(&rule->tags);
        rule->tags = (struct str_list){0};
    }
    json_array_foreach(json_object_get(it->map, "tags"), i, tag) {
        if (json_string_value(tag) && !str_list_has(&rule->tags, json_string_value(tag)))
            str_list_add(&rule->tags, json_string_value(tag));
    }
}

/* All that a rule item may hold besides its name; keys that are absent change nothing. */
static bool take_keys(struct rules *r, const struct item *it, struct rule *rule)
{
    static const char *const texts[] = {"condition", "output", "desc"};
    char **const to[] = {&rule->condition, &rule->output, &rule->desc};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *text = text_at(it, texts[i]);

        if (has(it, texts[i]) && !text)
            return fail(r, it, texts[i], "a text is needed");
        if (text)
            set_text(to[i], text, change_of(it, texts[i]));
    }
    if (has(it, "priority") && !rule_priority_parse(text_at(it, "priority"), &rule->priority))
        return fail(r, it, "priority",
                    "emergency, alert, critical, error, warning, notice, "
                    "informational or debug is needed");
    take_tags(it, rule, change_of(it, "tags") == CHANGE_APPEND);
    return truth_at(r, it, "enabled", &rule->enabled) &&
           truth_at(r, it, "warn_evttypes", &rule->warn_types) &&
           truth_at(r, it, "skip-if-unknown-filter", &rule->skip_unknown) &&
           truth_at(r, it, "capture", &rule->capture) &&
           number_at(r, it, "capture_duration", &rule->capture_ms) &&
           take_exceptions(r, it, rule, change_of(it, "exceptions") == CHANGE_APPEND);
}

void rule_clear(struct rule *rule)
{
    free(rule->condition);
    free(rule->output);
    free(rule->desc);
    free(rule->source);
    free(rule->file);
    free(rule->effective);
    str_list_fini(&rule->tags);
    exceptions_clear(rule);
    vec_free(&rule->exceptions);
}

static bool whole_rule(struct rules *r, const struct item *it, struct rule *rule)
{
    static const char *const required[] = {"condition", "output", "desc", "priority"};
    char *name;

    for (size_t i = 0; i < COUNT_OF(required); i++) {
        if (!has(it, required[i]))
            return fail(r, it, required[i], "it is missing");
    }
    if (rule) {
        name = rule->name;
        rule_clear(rule);
    } else {
        rule = xcalloc(1, sizeof(*rule));
        vec_push(&r->rules, rule);
        name = xstrdup(it->name);
    }
    *rule =
        (struct rule){.name = name,
                      .source = xstrdup(text_at(it, "source") ? text_at(it, "source") : "syscall"),
                      .file = xstrdup(r->file),
                      .line = line_of(it, "condition"),
                      .enabled = true,
                      .warn_types = true};
    return take_keys(r, it, rule);
}

static bool take_rule(struct rules *r, const struct item *it)
{
    static const char *const known[] = {"rule",
                                        "override",
                                        "condition",
                                        "output",
                                        "desc",
                                        "priority",
                                        "enabled",
                                        "tags",
                                        "exceptions",
                                        "warn_evttypes",
                                        "skip-if-unknown-filter",
                                        "capture",
                                        "capture_duration",
                                        "source",
                                        "append",
                                        NULL},
                             *const append[] = {"condition", "output",     "desc",
                                                "tags",      "exceptions", NULL},
                             *const replace[] = {"condition",
                                                 "output",
                                                 "desc",
                                                 "priority",
                                                 "capture",
                                                 "capture_duration",
                                                 "tags",
                                                 "exceptions",
                                                 "enabled",
                                                 "warn_evttypes",
                                                 "skip-if-unknown-filter",
                                                 NULL};
    struct rule *rule = rules_named(r, it->name);
    bool appends = false, only_enabled = has(it, "enabled") && !has(it, "condition") &&
                                         !has(it, "output") && !has(it, "desc") &&
                                         !has(it, "priority");

    unknown_keys(r, it, known);
    old_append(r, it);
    rules_truth(text_at(it, "append"), &appends);
    if (!check_override(r, it, append, replace, known))
        return false;
    if (rule && text_at(it, "source") && !str_eq(text_at(it, "source"), rule->source))
        return fail(r, it, "source", "an earlier rule of this name has another");
    if (!has(it, "override") && !appends && !only_enabled)
        return whole_rule(r, it, rule);
    if (!rule)
        return fail(r, it, "rule", "there is no earlier rule of this name to change");
    if (!has(it, "override") && !appends)
        rules_say(r, false, "LOAD_DEPRECATED_ITEM", it->line,
                  "rule %s: enabled alone is deprecated: override says what is replaced", it->name);
    return take_keys(r, it, rule);
}

/* ---- what is required ------------------------------------------------------------------------------------- */

static bool take_engine(struct rules *r, const struct item *it)
{
    unsigned want[3] = {0, 0, 0}, have[3] = {0, 0, 0};
    const char *text = text_at(it, "required_engine_version");
    uint64_t n;

    plugin_version_parse(RULES_ENGINE, have);
    if (text && parse_u64(span_of(text), &n))
        want[1] = (unsigned)n;
    else if (!text || !plugin_version_parse(text, want))
        return fail(r, it, "required_engine_version", "a number or x.y.z is needed");
    if (want[0] == have[0] && (want[1] < have[1] || (want[1] == have[1] && want[2] <= have[2])))
        return true;
    rules_say(r, true, "LOAD_ERR_VALIDATE", it->line, "rules engine %s is required; this is %s",
              text, RULES_ENGINE);
    return false;
}

/* 1: fits, 0: not loaded, -1: another version is loaded. */
static int plugin_fits(struct rules *r, const json_t *o)
{
    const char *name = json_string_value(json_object_get(o, "name")),
               *version = json_string_value(json_object_get(o, "version")),
               *loaded = r->loaded_plugin && name ? r->loaded_plugin(r->ctx, name) : NULL;
    unsigned want[3], have[3];

    if (!loaded)
        return 0;
    return version && plugin_version_parse(version, want) && plugin_version_parse(loaded, have) &&
                   want[0] == have[0] &&
                   (want[1] < have[1] || (want[1] == have[1] && want[2] <= have[2]))
               ? 1
               : -1;
}

static bool take_plugins(struct rules *r, const struct item *it)
{
    const json_t *list = json_object_get(it->map, "required_plugin_versions"), *o, *other;
    size_t i, k;

    json_array_foreach(list, i, o) {
        const char *name = json_string_value(json_object_get(o, "name"));
        int fits = plugin_fits(r, o);

        json_array_foreach(json_object_get(o, "alternatives"), k, other) {
            if (fits == 0)
                fits = plugin_fits(r, other);
        }
        if (fits <= 0) {
            rules_say(r, true, "LOAD_ERR_VALIDATE", it->line, "plugin %s %s is required, and %s",
                      name ? name : "?", json_string_value(json_object_get(o, "version")),
                      fits ? "another version is loaded" : "not loaded");
            return false;
        }
    }
    return true;
}

/* ---- files -------------------------------------------------------------------------------------------------- */

static bool take_item(struct rules *r, const json_t *map)
{
    static const struct {
        const char *key;
        bool (*take)(struct rules *r, const struct item *it);
    } kinds[] = {{"required_engine_version", take_engine},
                 {"required_plugin_versions", take_plugins},
                 {"list", take_list},
                 {"macro", take_macro},
                 {"rule", take_rule}};
    struct item it = {.map = map};
    const json_t *line;
    const char *key;

    json_object_foreach(json_object_get(map, YAML_LINES), key, line) {
        if (!it.line || (unsigned)json_integer_value(line) < it.line)
            it.line = (unsigned)json_integer_value(line);
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!has(&it, kinds[i].key))
            continue;
        it.kind = kinds[i].key;
        it.name = text_at(&it, it.kind);
        if (i >= 2 && (!it.name || !*it.name))
            return fail(r, &it, it.kind, "a name is needed");
        return kinds[i].take(r, &it);
    }
    rules_say(r, false, "LOAD_UNKNOWN_ITEM", it.line,
              "an item of no kind that is known is skipped");
    return true;
}

void rules_load_names(struct rules *r, const char *file, const char *text, size_t n)
{
    r->for_filters = true;
    rules_load_text(r, file, text, n);
    r->for_filters = false;
}

void rules_load_text(struct rules *r, const char *file, const char *text, size_t n)
{
    struct error err;
    json_t *documents = yaml_read_all_marked(text, n, &err);
    const json_t *document, *item;
    size_t i, k;
    bool ok = true;

    r->file = file;
    if (!documents)
        rules_say(r, true, "LOAD_ERR_YAML_PARSE", err.line, "%s", err.text);
    if (!r->for_filters)
        rules_schema_check(r, documents);
    json_array_foreach(documents, i, document) {
        if (json_is_null(document))
            continue;
        if (!json_is_array(document)) {
            rules_say(r, true, "LOAD_ERR_YAML_VALIDATE", 1, "a sequence of items is needed");
            break;
        }
        json_array_foreach(document, k, item) {
            if (json_is_null(item) || !ok)
                continue;
            if (json_is_object(item)) {
                ok = take_item(r, item);
            } else {
                rules_say(r, true, "LOAD_ERR_YAML_VALIDATE", 1, "an item is no map");
                ok = false;
            }
        }
    }
    json_decref(documents);
}

static void load_file(struct rules *r, const char *path)
{
    struct error err;
    struct buf text;

    buf_init(&text, FILE_MAX);
    r->file = path;
    if (file_read(path, FILE_MAX, &text, &err) == SEV_OK)
        rules_load_text(r, path, buf_str(&text), text.len);
    else
        rules_say(r, true, "LOAD_ERR_FILE_READ", 0, "%s", err.text);
    buf_fini(&text);
}

static int yaml_name(const struct dirent *d)
{
    return str_ends(d->d_name, ".yaml") || str_ends(d->d_name, ".yml");
}

void rules_load(struct rules *r, const char *path,
                const char *(*loaded_plugin)(void *ctx, const char *name), void *ctx)
{
    struct dirent **names;
    struct stat st;
    int n;

    r->loaded_plugin = loaded_plugin;
    r->ctx = ctx;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        load_file(r, path);
        return;
    }
    n = scandir(path, &names, yaml_name, alphasort);
    for (int i = 0; i < n; i++) {
        char *file = xasprintf("%s/%s", path, names[i]->d_name);

        load_file(r, file);
        free(file);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}
