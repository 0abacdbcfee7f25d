/*
 * Falco's configuration: the plugins of a falco.yaml, with the files that it includes, the
 * environment in it, and what the command line sets instead (plugin ABI, §10).
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mews/config.h"

#define FILE_MAX    ((size_t)16 << 20)
#define PLUGINS_DIR "/usr/share/falco/plugins"

struct merged { /* what the files say together, and what is noted on the way */
    json_t *root;
    struct str_list *notes;
};

static void note(struct merged *m, const char *file, int line, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static void note(struct merged *m, const char *file, int line, const char *fmt, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (line)
        str_list_addf(m->notes, "%s, line %d: %s", file, line, text);
    else
        str_list_addf(m->notes, "%s: %s", file, text);
}

/* The line of a key in a map that yaml_read_marked gave. */
static int line_of(const json_t *map, const char *key)
{
    return (int)json_integer_value(json_object_get(json_object_get(map, YAML_LINES), key));
}

static bool is_lines(const char *key)
{
    return str_eq(key, YAML_LINES);
}

/* ---- the environment (§10.1) ----------------------------------------------------------------- */

/* ${VAR} is the variable's value, nothing when it is not set; $${VAR} is ${VAR} itself. */
static char *expand(const char *s)
{
    struct buf out;

    buf_init(&out, FILE_MAX);
    while (*s) {
        bool kept = s[0] == '$' && s[1] == '$' && s[2] == '{';
        const char *end = (s[0] == '$' && s[1] == '{') || kept ? strchr(s, '}') : NULL;
        char name[256];

        if (kept && end) {
            buf_add(&out, s + 1, (size_t)(end - s));
        } else if (end && (size_t)(end - s) < sizeof(name)) {
            snprintf(name, sizeof(name), "%.*s", (int)(end - s - 2), s + 2);
            buf_adds(&out, getenv(name) ? getenv(name) : "");
        } else {
            buf_addc(&out, *s++);
            continue;
        }
        s = end + 1;
    }
    return buf_steal(&out);
}

static json_t *expand_all(json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;
    void *next;

    if (json_is_string(v) && strchr(json_string_value(v), '$')) {
        char *text = expand(json_string_value(v));
        json_t *expanded = utf8_valid(text, strlen(text)) ? json_string(text) : json_string("");

        free(text);
        return expanded;
    }
    if (json_is_array(v)) {
        json_array_foreach(v, i, item)
            json_array_set_new(v, i, expand_all(item));
    } else if (json_is_object(v)) {
        json_object_foreach_safe(v, next, key, item)
        {
            if (!is_lines(key))
                json_object_set_new(v, key, expand_all(item));
        }
    }
    return json_incref(v);
}

/* ---- files ----------------------------------------------------------------------------------- */

static json_t *read_file(const char *path, struct error *err)
{
    struct buf text;
    json_t *v = NULL;

    buf_init(&text, FILE_MAX);
    if (file_read(path, FILE_MAX, &text, err) == SEV_OK) {
        v = yaml_read_marked(buf_str(&text), text.len, err);
        if (!v)
            error_context(err, "%s", path);
    }
    buf_fini(&text);
    if (v && !json_is_object(v) && !json_is_null(v)) {
        error_set(err, ERR_FORMAT,
                  "%s: a configuration is a map of keys; rules are not read by this version", path);
        json_decref(v);
        return NULL;
    }
    return v;
}

static void merge_key(struct merged *m, const char *file, const char *key, json_t *value,
                      const char *strategy, int line)
{
    json_t *have = json_object_get(m->root, key), *item;
    size_t i;

    if (have && str_eq(strategy, "add-only")) {
        note(m, file, line, "“%s” is set already: add-only leaves it", key);
    } else if (have && str_eq(strategy, "append") && json_is_array(have) && json_is_array(value)) {
        json_array_foreach(value, i, item)
            json_array_append(have, item);
    } else {
        json_object_set(m->root, key, value);
    }
}

static enum severity merge_file(struct merged *m, const char *path, const char *strategy,
                                struct error *err)
{
    json_t *v = read_file(path, err), *value;
    const char *key;

    if (!v)
        return SEV_FAILED;
    json_object_foreach(v, key, value) {
        if (is_lines(key))
            continue;
        if (str_eq(key, "config_files"))
            note(m, path, line_of(v, key), "config_files of an included file are not read");
        else
            merge_key(m, path, key, value, strategy, line_of(v, key));
    }
    note(m, path, 0, "read (%s)", strategy);
    json_decref(v);
    return SEV_OK;
}

static int is_yaml(const struct dirent *d)
{
    return d->d_name[0] != '.' && (str_ends(d->d_name, ".yaml") || str_ends(d->d_name, ".yml"));
}

/* A file, or the YAML files of a folder in the order of their names. One that is not there is
 * passed over, as Falco does. */
static enum severity merge_path(struct merged *m, const char *path, const char *strategy,
                                struct error *err)
{
    struct dirent **names;
    enum severity sev = SEV_OK;
    struct stat st;
    int n;

    if (stat(path, &st) != 0) {
        note(m, path, 0, "is not there");
        return SEV_OK;
    }
    if (!S_ISDIR(st.st_mode))
        return merge_file(m, path, strategy, err);
    n = scandir(path, &names, is_yaml, alphasort);
    for (int i = 0; i < n; i++) {
        char *file = path_join(path, names[i]->d_name);

        if (sev == SEV_OK)
            sev = merge_file(m, file, strategy, err);
        free(file);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return sev;
}

static enum severity merge_included(struct merged *m, const char *file, struct error *err)
{
    const json_t *list = json_object_get(m->root, "config_files"), *item;
    enum severity sev = SEV_OK;
    size_t i;

    json_incref((json_t *)list); /* it may be replaced on the way */
    json_array_foreach(list, i, item) {
        const char *path =
                       json_is_string(item) ? json_string_value(item) : rpc_get_str(item, "path"),
                   *strategy = rpc_get_str(item, "strategy");

        if (!path) {
            note(m, file, 0, "config_files[%zu] is neither a path nor a map with one", i);
            continue;
        }
        if (strategy && !str_eq(strategy, "append") && !str_eq(strategy, "override") &&
            !str_eq(strategy, "add-only")) {
            sev = error_set(err, ERR_FORMAT,
                            "%s: config_files: the strategy “%s” is none of append, override, "
                            "add-only",
                            file, strategy);
            break;
        }
        sev = merge_path(m, path, strategy ? strategy : "append", err);
        if (sev != SEV_OK)
            break;
    }
    json_decref((json_t *)list);
    return sev;
}

/* ---- key=value of the command line ----------------------------------------------------------- */

/* The next step of a path like "plugins[0].init_config.x": a key, or an index. */
static bool next_step(const char **at, char key[256], long *index)
{
    const char *s = *at;
    size_t n;

    *index = -1;
    if (*s == '.')
        s++;
    if (*s == '[') {
        char *end;

        *index = strtol(s + 1, &end, 10);
        if (*end != ']' || *index < 0 || *index > 1000)
            return false;
        *at = end + 1;
        return true;
    }
    n = strcspn(s, ".[");
    if (n == 0 || n >= 256)
        return false;
    memcpy(key, s, n);
    key[n] = '\0';
    *at = s + n;
    return true;
}

static bool set_at(json_t *v, const char *path, json_t *value)
{
    char key[256];
    long index;
    json_t *next;

    if (!next_step(&path, key, &index))
        return false;
    if (index >= 0) {
        if (!json_is_array(v))
            return false;
        while ((long)json_array_size(v) <= index)
            json_array_append_new(v, json_object());
        if (!*path)
            return json_array_set(v, (size_t)index, value) == 0;
        return set_at(json_array_get(v, (size_t)index), path, value);
    }
    if (!json_is_object(v))
        return false;
    if (!*path)
        return json_object_set(v, key, value) == 0;
    next = json_object_get(v, key);
    if (!json_is_object(next) && !json_is_array(next)) {
        next = *path == '[' ? json_array() : json_object();
        json_object_set_new(v, key, next);
    }
    return set_at(next, path, value);
}

static enum severity set_option(struct merged *m, const char *option, struct error *err)
{
    const char *equals = strchr(option, '=');
    char *path = xstrndup(option, equals ? (size_t)(equals - option) : strlen(option));
    json_t *value = equals ? yaml_read_marked(equals + 1, strlen(equals + 1), err) : NULL;
    bool ok = value && set_at(m->root, path, value);

    if (!equals)
        error_set(err, ERR_USAGE, "-o %s: KEY=VALUE is needed, as in plugins[0].open_params=x",
                  option);
    else if (value && !ok)
        error_set(err, ERR_USAGE, "-o %s: the configuration has no such place", option);
    json_decref(value);
    free(path);
    return ok ? SEV_OK : SEV_FAILED;
}

/* ---- maps as JSON (§10.2) -------------------------------------------------------------------- */

static bool is_one_of(const char *s, const char *words)
{
    size_t n = strlen(s);

    for (const char *at = words; n && (at = strcasestr(at, s)); at += n) {
        if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    }
    return false;
}

/* As Falco reads scalars, quotes or none: a 32-bit number, a fraction, a bool, else a text. */
static json_t *scalar_json(const char *s)
{
    char *end;
    long n;
    double d;

    errno = 0;
    n = strtol(s, &end, 0);
    if (*s && !*end && errno == 0 && n >= INT32_MIN && n <= INT32_MAX && !strchr(" \t", *s))
        return json_integer(n);
    errno = 0;
    d = strtod(s, &end);
    if (*s && !*end && errno == 0 && !strchr(" \t", *s) && d - d == 0)
        return json_real(d);
    if (is_one_of(s, "true yes on y"))
        return json_true();
    if (is_one_of(s, "false no off n"))
        return json_false();
    return json_string(s);
}

static json_t *as_json(const json_t *v)
{
    const char *key;
    json_t *item, *out;
    size_t i;

    if (json_is_string(v))
        return scalar_json(json_string_value(v));
    if (json_is_array(v)) {
        out = json_array();
        json_array_foreach(v, i, item)
            json_array_append_new(out, as_json(item));
        return out;
    }
    if (json_is_object(v)) {
        out = json_object();
        json_object_foreach((json_t *)v, key, item) {
            if (!is_lines(key))
                json_object_set_new(out, key, as_json(item));
        }
        if (json_object_size(out) == 0) { /* an empty map is null to Falco, too */
            json_decref(out);
            return json_null();
        }
        return out;
    }
    return json_null();
}

/* ---- plugins --------------------------------------------------------------------------------- */

static enum severity init_config(const json_t *p, const char *file, char **out, struct error *err)
{
    const json_t *v = json_object_get(p, "init_config");
    json_t *json;

    if (json_is_array(v))
        return error_set(err, ERR_FORMAT, "%s, line %d: init_config is a map or a text, no list",
                         file, line_of(p, "init_config"));
    if (json_is_object(v)) {
        json = as_json(v);
        *out = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        json_decref(json);
    } else {
        *out = xstrdup(json_is_string(v) ? json_string_value(v) : "");
    }
    return SEV_OK;
}

static bool escapes(const char *path)
{
    int depth = 0;

    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && path[0] == '.' && path[1] == '.')
            depth--;
        else if (n && !(n == 1 && *path == '.'))
            depth++;
        if (depth < 0)
            return true;
        path += n + (path[n] == '/');
    }
    return false;
}

/* Relative to the folders of plugins, and inside them. */
static enum severity library_path(const struct session_spec *s, const json_t *p, const char *file,
                                  char **out, struct error *err)
{
    const char *path = rpc_get_str(p, "library_path");

    if (!path || !*path)
        return error_set(err, ERR_FORMAT, "%s: plugin “%s” has no library_path", file,
                         rpc_get_str(p, "name") ? rpc_get_str(p, "name") : "");
    *out = NULL;
    if (*path == '/') {
        *out = xstrdup(path);
        return SEV_OK;
    }
    if (escapes(path))
        return error_set(err, ERR_FORMAT,
                         "%s, line %d: library_path %s leads out of the folder of "
                         "plugins",
                         file, line_of(p, "library_path"), path);
    for (size_t i = 0; i < s->plugin_dirs.n && !*out; i++) {
        *out = path_join(s->plugin_dirs.v[i], path);
        if (access(*out, F_OK) != 0) {
            free(*out);
            *out = NULL;
        }
    }
    if (!*out)
        *out = path_join(PLUGINS_DIR, path);
    return SEV_OK;
}

static char *trimmed(const char *s)
{
    size_t n;

    while (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r')
        s++;
    for (n = strlen(s); n && strchr(" \t\n\r", s[n - 1]); n--)
        ;
    return xstrndup(s, n);
}

static void note_unknown(struct merged *m, const json_t *p, const char *file)
{
    static const char known[] = "name library_path init_config open_params";
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)p, key, value) {
        if (!is_lines(key) && !is_one_of(key, known))
            note(m, file, line_of(p, key), "plugins: “%s” is no key of a plugin (%s)", key, known);
    }
}

static enum severity add_plugin(struct session_spec *s, struct merged *m, const json_t *p,
                                const char *file, struct error *err)
{
    struct spec_plugin plugin = {0};
    const char *name = rpc_get_str(p, "name"), *params = rpc_get_str(p, "open_params");

    if (!name || !*name)
        return error_set(err, ERR_FORMAT, "%s: a plugin in “plugins” has no name", file);
    note_unknown(m, p, file);
    if (library_path(s, p, file, &plugin.library, err) != SEV_OK ||
        init_config(p, file, &plugin.config, err) != SEV_OK) {
        free(plugin.library);
        return SEV_FAILED;
    }
    plugin.label = xstrdup(name);
    plugin.open_params = params ? trimmed(params) : NULL;
    vec_push(&s->plugins, plugin);
    return SEV_OK;
}

static const json_t *plugin_named(const json_t *list, const char *name)
{
    const json_t *p;
    size_t i;

    json_array_foreach(list, i, p) {
        if (rpc_get_str(p, "name") && str_eq(rpc_get_str(p, "name"), name))
            return p;
    }
    return NULL;
}

static enum severity add_plugins(struct session_spec *s, struct merged *m, const char *file,
                                 struct error *err)
{
    const json_t *list = json_object_get(m->root, "plugins"),
                 *load = json_object_get(m->root, "load_plugins"), *item;
    size_t i;

    if (list && !json_is_array(list) && !json_is_null(list))
        return error_set(err, ERR_FORMAT, "%s, line %d: “plugins” is a list", file,
                         line_of(m->root, "plugins"));
    if (!load) {
        json_array_foreach(list, i, item) {
            if (add_plugin(s, m, item, file, err) != SEV_OK)
                return SEV_FAILED;
        }
        return SEV_OK;
    }
    json_array_foreach(load, i, item) {
        const char *name = json_string_value(item);
        const json_t *p = name ? plugin_named(list, name) : NULL;

        if (!p)
            return error_set(err, ERR_FORMAT,
                             "%s, line %d: load_plugins names “%s”, which is not in “plugins”",
                             file, line_of(m->root, "load_plugins"), name ? name : "?");
        if (add_plugin(s, m, p, file, err) != SEV_OK)
            return SEV_FAILED;
    }
    return SEV_OK;
}

/* The first that has parameters to be opened with is opened; others from the Plugins screen. */
static void choose_source(struct session_spec *s)
{
    for (size_t i = 0; i < s->plugins.n && !s->source && !s->captures.n; i++) {
        if (!s->plugins.v[i].open_params)
            continue;
        s->source = xstrdup(s->plugins.v[i].label);
        s->params = xstrdup(s->plugins.v[i].open_params);
    }
}

static void remember_rules(struct session_spec *s, const json_t *root)
{
    const json_t *rules = json_object_get(root, "rules_files"), *item;
    size_t i;

    if (!rules)
        rules = json_object_get(root, "rules_file");
    if (json_is_string(rules))
        str_list_add(&s->rules_files, json_string_value(rules));
    json_array_foreach(rules, i, item) {
        if (json_is_string(item))
            str_list_add(&s->rules_files, json_string_value(item));
    }
}

/* Which rules are switched off and on, the least priority, whether all that match are told. */
static void remember_rule_settings(struct session_spec *s, const json_t *root)
{
    static const struct {
        const char *key, *ours;
    } keys[] = {{"priority", "priority"}, {"rule_matching", "matching"}, {"rules", "switches"}};

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        json_t *value = json_object_get(root, keys[i].key);

        if (!value || json_is_null(value))
            continue;
        if (!s->rule_settings)
            s->rule_settings = json_object();
        json_object_set(s->rule_settings, keys[i].ours, value);
    }
}

enum severity spec_add_falco(struct session_spec *s, const char *path,
                             const struct str_list *options, struct error *err)
{
    struct merged m = {.notes = &s->notes};
    enum severity sev = SEV_OK;

    m.root = read_file(path, err);
    if (!m.root)
        return SEV_FAILED;
    if (!json_is_object(m.root)) {
        json_decref(m.root);
        m.root = json_object();
    }
    sev = merge_included(&m, path, err);
    for (size_t i = 0; sev == SEV_OK && i < options->n; i++)
        sev = set_option(&m, options->v[i], err);
    if (sev == SEV_OK) {
        json_decref(expand_all(m.root));
        sev = add_plugins(s, &m, path, err);
    }
    if (sev == SEV_OK) {
        choose_source(s);
        remember_rules(s, m.root);
        remember_rule_settings(s, m.root);
    }
    json_decref(m.root);
    return sev;
}
