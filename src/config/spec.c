/* What a session is to do, in the forms of the command line and of the protocol. */
#include "mews/config.h"

#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPOOL_LIMIT_MAX ((uint64_t)8 << 30)
#define MEMORY_DEFAULT  ((uint64_t)512 << 20)

/* ---- directories ----------------------------------------------------------------------------- */

/* "key=value" lines beside a program that was built but not installed. */
static char *build_path(const char *exe_dir, const char *key)
{
    char *file = path_join(exe_dir, "build.paths"), *found = NULL;
    size_t n = strlen(key);
    struct buf text;

    buf_init(&text, 65536);
    if (file_read(file, 65536, &text, NULL) == SEV_OK) {
        for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n")) {
            if (strncmp(line, key, n) == 0 && line[n] == '=')
                found = xstrdup(line + n + 1);
        }
    }
    buf_fini(&text);
    free(file);
    return found;
}

static char *own_dir(const char *variable, const char *key, const char *installed)
{
    const char *env = getenv(variable);
    char exe[PATH_MAX], *slash, *found = NULL;
    ssize_t n;

    if (env && *env)
        return xstrdup(env);
    n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    exe[n > 0 ? n : 0] = '\0';
    slash = strrchr(exe, '/');
    if (slash) {
        *slash = '\0';
        found = build_path(exe, key);
    }
    return found ? found : xstrdup(installed);
}

static void add_path_list(struct str_list *dirs, const char *list)
{
    char *copy = xstrdup(list ? list : ""), *at = copy, *dir;

    while ((dir = strsep(&at, ":"))) {
        if (*dir)
            str_list_add(dirs, dir);
    }
    free(copy);
}

/* The smaller of 8 GiB and half of what is free where the spool will be. */
static uint64_t default_spool_limit(void)
{
    char *dir = user_dir("cache");
    struct statvfs fs;
    uint64_t limit = SPOOL_LIMIT_MAX;

    if (statvfs(dir ? dir : "/tmp", &fs) == 0)
        limit = MIN_OF(limit, (uint64_t)fs.f_bavail * fs.f_frsize / 2);
    free(dir);
    return limit;
}

void spec_init(struct session_spec *s)
{
    memset(s, 0, sizeof(*s));
    add_path_list(&s->plugin_dirs, getenv("MEWS_PLUGIN_DIR"));
    add_path_list(&s->plugin_dirs, getenv("SYSDIG_PLUGIN_DIR"));
    s->bundled_dir = own_dir("MEWS_BUNDLED_DIR", "plugins", MEWS_PLUGIN_DIR);
    s->views_dir = own_dir("MEWS_VIEWS_DIR", "views", MEWS_DATA_DIR "/views");
    str_list_add(&s->plugin_dirs, "/usr/share/falco/plugins");
    str_list_add(&s->plugin_dirs, "/usr/share/sysdig/plugins");
    s->spool_limit = default_spool_limit();
    s->memory = MEMORY_DEFAULT;
}

void spec_fini(struct session_spec *s)
{
    for (size_t i = 0; i < s->plugins.n; i++) {
        free(s->plugins.v[i].library);
        free(s->plugins.v[i].config);
        free(s->plugins.v[i].label);
        free(s->plugins.v[i].open_params);
    }
    vec_free(&s->plugins);
    free(s->source);
    free(s->params);
    str_list_fini(&s->plugin_dirs);
    free(s->bundled_dir);
    free(s->views_dir);
    str_list_fini(&s->captures);
    str_list_fini(&s->rules_files);
    str_list_fini(&s->notes);
    json_decref(s->layouts);
    json_decref(s->rule_settings);
    memset(s, 0, sizeof(*s));
}

/* ---- command line ---------------------------------------------------------------------------- */

void spec_add_library(struct session_spec *s, const char *library, const char *config, bool bundled)
{
    struct spec_plugin p = {
        .library = xstrdup(library), .config = xstrdup(config ? config : ""), .bundled = bundled};

    for (size_t i = 0; i < s->plugins.n; i++) {
        if (str_eq(s->plugins.v[i].library, library)) {
            free(p.library);
            free(p.config);
            return;
        }
    }
    vec_push(&s->plugins, p);
}

/* The ':' behind the library: behind the longest path that is there, else the first one; NULL: all
 * of arg is it. */
static const char *config_colon(const char *arg)
{
    char *path = xstrdup(arg);
    const char *found = access(arg, F_OK) == 0 ? NULL : strchr(arg, ':');

    for (size_t i = found ? strlen(arg) : 0; i > 0; i--) {
        if (arg[i] != ':')
            continue;
        path[i] = '\0';
        if (access(path, F_OK) == 0) {
            found = arg + i;
            break;
        }
    }
    free(path);
    return found;
}

enum severity spec_add_plugin(struct session_spec *s, const char *arg, struct error *err)
{
    const char *colon = config_colon(arg);
    char *library = colon ? xstrndup(arg, (size_t)(colon - arg)) : xstrdup(arg);

    if (!*library) {
        free(library);
        return error_set(err, ERR_USAGE, "-H %s: a library is needed: -H SO[:CONFIG]", arg);
    }
    spec_add_library(s, library, colon ? colon + 1 : "", false);
    free(library);
    return SEV_OK;
}

enum severity spec_set_source(struct session_spec *s, const char *arg, struct error *err)
{
    const char *colon = strchr(arg, ':');

    if (s->source)
        return error_set(err, ERR_USAGE,
                         "-I %s: one source is opened at a time (%s was given already)", arg,
                         s->source);
    s->source = colon ? xstrndup(arg, (size_t)(colon - arg)) : xstrdup(arg);
    s->params = xstrdup(colon ? colon + 1 : "");
    if (!*s->source)
        return error_set(err, ERR_USAGE, "-I %s: a source is needed: -I NAME[:PARAMS]", arg);
    return SEV_OK;
}

/* ---- protocol -------------------------------------------------------------------------------- */

static json_t *list_to_json(const struct str_list *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, rpc_str(l->v[i]));
    return a;
}

json_t *spec_to_json(const struct session_spec *s)
{
    json_t *o = json_object(), *plugins = json_array();

    for (size_t i = 0; i < s->plugins.n; i++)
        json_array_append_new(
            plugins, json_pack("{so so sb so so}", "library", rpc_str(s->plugins.v[i].library),
                               "config", rpc_str(s->plugins.v[i].config), "bundled",
                               s->plugins.v[i].bundled, "label", rpc_str(s->plugins.v[i].label),
                               "open_params", rpc_str(s->plugins.v[i].open_params)));
    json_object_set_new(o, "plugins", plugins);
    json_object_set_new(o, "source", rpc_str(s->source));
    json_object_set_new(o, "params", rpc_str(s->params));
    json_object_set_new(o, "offer_source", json_boolean(s->offer_source));
    json_object_set_new(o, "no_auto", json_boolean(s->no_auto));
    json_object_set_new(o, "plugin_dirs", list_to_json(&s->plugin_dirs));
    json_object_set_new(o, "bundled_dir", rpc_str(s->bundled_dir));
    json_object_set_new(o, "views_dir", rpc_str(s->views_dir));
    json_object_set_new(o, "spool_limit", rpc_u64(s->spool_limit));
    json_object_set_new(o, "memory", rpc_u64(s->memory));
    json_object_set_new(o, "captures", list_to_json(&s->captures));
    json_object_set_new(o, "rules_files", list_to_json(&s->rules_files));
    json_object_set_new(o, "notes", list_to_json(&s->notes));
    json_object_set_new(o, "raw_events", json_boolean(s->raw_events));
    json_object_set_new(o, "internal", json_boolean(s->internal));
    json_object_set_new(o, "strict", json_boolean(s->strict));
    json_object_set_new(o, "no_replay", json_boolean(s->no_replay));
    json_object_set_new(o, "ask_replay", json_boolean(s->ask_replay));
    json_object_set_new(o, "shared_sources", json_boolean(s->shared_sources));
    json_object_set_new(o, "follow", json_boolean(s->follow));
    if (s->layouts)
        json_object_set(o, "layouts", s->layouts);
    if (s->rule_settings)
        json_object_set(o, "rule_settings", s->rule_settings);
    return o;
}

static char *bytes_or_null(const json_t *v)
{
    struct buf b;

    if (!v || json_is_null(v))
        return NULL;
    buf_init(&b, 0);
    if (rpc_text_bytes(v, &b))
        return buf_steal(&b);
    buf_fini(&b);
    return NULL;
}

static enum severity plugins_from_json(const json_t *list, struct session_spec *s,
                                       struct error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        struct spec_plugin p = {bytes_or_null(json_object_get(item, "library")),
                                bytes_or_null(json_object_get(item, "config")),
                                rpc_get_bool(item, "bundled", false),
                                bytes_or_null(json_object_get(item, "label")),
                                bytes_or_null(json_object_get(item, "open_params"))};

        if (!p.library) {
            free(p.config);
            free(p.label);
            free(p.open_params);
            return error_set(err, ERR_USAGE, "plugins[%zu] needs a library", i);
        }
        if (!p.config)
            p.config = xstrdup("");
        vec_push(&s->plugins, p);
    }
    return SEV_OK;
}

/* What the client leaves out keeps its default. */
static void replace(char **to, char *from)
{
    if (!from)
        return;
    free(*to);
    *to = from;
}

static void list_from_json(const json_t *list, struct str_list *out)
{
    const json_t *item;
    size_t i;

    str_list_fini(out);
    json_array_foreach(list, i, item) {
        char *text = bytes_or_null(item);

        if (text)
            str_list_add(out, text);
        free(text);
    }
}

enum severity spec_from_json(const json_t *j, struct session_spec *s, struct error *err)
{
    spec_init(s);
    if (!json_is_object(j))
        return error_set(err, ERR_USAGE, "a session is described by an object");
    if (plugins_from_json(json_object_get(j, "plugins"), s, err) != SEV_OK)
        return SEV_FAILED;
    replace(&s->source, bytes_or_null(json_object_get(j, "source")));
    replace(&s->params, bytes_or_null(json_object_get(j, "params")));
    replace(&s->bundled_dir, bytes_or_null(json_object_get(j, "bundled_dir")));
    replace(&s->views_dir, bytes_or_null(json_object_get(j, "views_dir")));
    list_from_json(json_object_get(j, "captures"), &s->captures);
    list_from_json(json_object_get(j, "rules_files"), &s->rules_files);
    list_from_json(json_object_get(j, "notes"), &s->notes);
    if (json_is_object(json_object_get(j, "layouts")))
        s->layouts = json_incref(json_object_get(j, "layouts"));
    if (json_is_object(json_object_get(j, "rule_settings")))
        s->rule_settings = json_incref(json_object_get(j, "rule_settings"));
    s->offer_source = rpc_get_bool(j, "offer_source", false);
    s->no_auto = rpc_get_bool(j, "no_auto", false);
    s->raw_events = rpc_get_bool(j, "raw_events", false);
    s->internal = rpc_get_bool(j, "internal", false);
    s->strict = rpc_get_bool(j, "strict", false);
    s->no_replay = rpc_get_bool(j, "no_replay", false);
    s->ask_replay = rpc_get_bool(j, "ask_replay", false);
    s->shared_sources = rpc_get_bool(j, "shared_sources", false);
    s->follow = rpc_get_bool(j, "follow", false);
    s->spool_limit = rpc_u64_or(j, "spool_limit", s->spool_limit);
    s->memory = rpc_u64_or(j, "memory", s->memory);
    if (json_is_array(json_object_get(j, "plugin_dirs")))
        list_from_json(json_object_get(j, "plugin_dirs"), &s->plugin_dirs);
    return SEV_OK;
}

/* ---- the person's own settings --------------------------------------------------------------- */

static bool yes(const json_t *v)
{
    return json_is_string(v) && str_eq(json_string_value(v), "true");
}

static enum severity own_size(const json_t *root, const char *key, uint64_t *out, struct error *err)
{
    const char *text = rpc_get_str(root, key);

    return text ? parse_size(text, out, err) : SEV_OK;
}

enum severity spec_add_own(struct session_spec *s, bool *utc, struct error *err)
{
    char *dir = user_dir("config"), *path = dir ? path_join(dir, "config.yaml") : NULL;
    enum severity sev = SEV_OK;
    const json_t *item;
    json_t *root = NULL;
    struct buf text;
    size_t i;

    buf_init(&text, 1 << 20);
    if (path && access(path, F_OK) == 0) {
        sev = file_read(path, 1 << 20, &text, err);
        root = sev == SEV_OK ? yaml_read(buf_str(&text), text.len, err) : NULL;
        sev = root ? SEV_OK : SEV_FAILED;
    }
    if (root) {
        json_array_foreach(json_object_get(root, "plugin_dirs"), i, item)
            str_list_add(&s->plugin_dirs, json_string_value(item) ? json_string_value(item) : "");
        *utc |= yes(json_object_get(root, "utc"));
        s->no_replay |= yes(json_object_get(root, "no_replay"));
        s->replay_settled = json_object_get(root, "no_replay") != NULL;
        s->shared_sources |= yes(json_object_get(root, "shared_sources"));
        sev = own_size(root, "memory", &s->memory, err);
        if (sev == SEV_OK)
            sev = own_size(root, "spool_limit", &s->spool_limit, err);
    }
    if (sev != SEV_OK)
        error_context(err, "%s", path);
    buf_fini(&text);
    json_decref(root);
    free(path);
    free(dir);
    return sev;
}
