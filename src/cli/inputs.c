/* What an input is, by its content, and what that makes of the session. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "internal.h"
#include "mews/view.h"

enum input_kind { INPUT_LOG, INPUT_LIBRARY, INPUT_CAPTURE, INPUT_YAML, INPUT_STDIN };

static bool is_capture(const unsigned char *p, size_t n)
{
    static const unsigned char magic[4] = {0x0a, 0x0d, 0x0d, 0x0a};

    return n >= 4 && memcmp(p, magic, 4) == 0;
}

/* The first bytes, decompressed where they are gzip. */
static ssize_t first_bytes(const char *path, unsigned char *p, unsigned n)
{
    gzFile gz = gzopen(path, "rb");
    int got = gz ? gzread(gz, p, n) : -1;

    if (gz)
        gzclose(gz);
    return got;
}

static bool is_configuration(const unsigned char *p, size_t n)
{
    return memmem(p, n, "plugins:", 8) || memmem(p, n, "- rule:", 7) ||
           memmem(p, n, "- macro:", 8) || memmem(p, n, "- list:", 7);
}

static enum severity classify(const char *path, enum input_kind *kind, struct error *err)
{
    unsigned char start[8192];
    struct stat st;
    ssize_t n;

    *kind = INPUT_LOG;
    if (str_eq(path, "-")) {
        *kind = INPUT_STDIN;
        return SEV_OK;
    }
    if (stat(path, &st) != 0)
        return error_sys(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return SEV_OK;
    if (access(path, R_OK) != 0)
        return error_sys(err, errno, "%s", path);
    n = first_bytes(path, start, sizeof(start));
    if (n >= 4 && memcmp(start,
                         "\x7f"
                         "ELF",
                         4) == 0)
        *kind = INPUT_LIBRARY;
    else if (n > 0 && is_capture(start, (size_t)n))
        *kind = INPUT_CAPTURE;
    else if (n > 0 && (str_ends(path, ".yaml") || str_ends(path, ".yml")) &&
             is_configuration(start, (size_t)n))
        *kind = INPUT_YAML;
    return SEV_OK;
}

static void use_logs(struct options *o, const struct str_list *paths)
{
    json_t *params = json_object(), *list = json_array();

    for (size_t i = 0; i < paths->n; i++)
        json_array_append_new(list, rpc_str(paths->v[i]));
    json_object_set_new(params, "paths", list);
    json_object_set_new(params, "follow", json_boolean(o->follow));
    o->spec.source = xstrdup("logs");
    if (paths->n == 1 && !o->follow && paths->v[0][0] != '{' && !strchr(paths->v[0], ':') &&
        !str_eq(paths->v[0], "-"))
        o->spec.params = xstrdup(paths->v[0]);
    else
        o->spec.params = json_dumps(params, JSON_COMPACT);
    json_decref(params);
    spec_add_library(&o->spec, "logs", "", true);
}

/* A plain file as the parameters of a source that was loaded by hand: `mews ./libmine.so
 * events.jsonl`. */
static bool sole_plugin_source(struct options *o)
{
    return o->spec.plugins.n > 0 && !o->spec.source;
}

static enum severity use_capture(struct options *o, const char *path, struct error *err)
{
    if (o->spec.captures.n && (str_starts(path, "fd:") || str_starts(o->spec.captures.v[0], "fd:")))
        return error_set(err, ERR_REFUSED, "standard input is one stream, a capture file another");
    str_list_add(&o->spec.captures, path);
    return SEV_OK;
}

/* The first bytes that standard input will give, without taking them. */
static bool stdin_is_capture(void)
{
    unsigned char start[16];
    struct stat st;
    ssize_t n = 0;
    int fds[2];

    if (fstat(STDIN_FILENO, &st) != 0)
        return false;
    if (S_ISREG(st.st_mode)) {
        n = pread(STDIN_FILENO, start, sizeof(start), lseek(STDIN_FILENO, 0, SEEK_CUR));
    } else if (S_ISFIFO(st.st_mode) && pipe(fds) == 0) {
        if (tee(STDIN_FILENO, fds[1], sizeof(start), 0) > 0)
            n = read(fds[0], start, sizeof(start));
        close(fds[0]);
        close(fds[1]);
    }
    /* compressed standard input is a capture: logs come as they are */
    return n >= 4 && (is_capture(start, (size_t)n) || (start[0] == 0x1f && start[1] == 0x8b));
}

/* Standard input goes to the engine as a descriptor of its own; keys come from the terminal. */
static enum severity use_stdin(struct options *o, struct error *err)
{
    bool capture;
    char params[24];

    if (o->input_fd >= 0)
        return error_set(err, ERR_USAGE, "standard input can be read once");
    capture = stdin_is_capture();
    o->input_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    if (o->input_fd < 0)
        return error_sys(err, errno, "standard input");
    snprintf(params, sizeof(params), "fd:%d", o->input_fd);
    if (capture)
        return use_capture(o, params, err);
    o->spec.source = xstrdup("logs");
    o->spec.params = xstrdup(params);
    spec_add_library(&o->spec, "logs", "", true);
    return SEV_OK;
}

/* `-I NAME` alone: the plugin of that name is sought, those that come along included. */
static void add_source_plugin(struct options *o)
{
    char *path;
    struct str_list bundled = {0};

    if (str_eq(o->spec.source, "nodriver"))
        return; /* the host's own */
    for (size_t i = 0; i < o->spec.plugins.n; i++) {
        const char *base = strrchr(o->spec.plugins.v[i].library, '/');

        base = base ? base + 1 : o->spec.plugins.v[i].library;
        if (strstr(base, o->spec.source))
            return;
    }
    path = plugin_find(o->spec.source, &o->spec.plugin_dirs, NULL);
    if (path) {
        spec_add_library(&o->spec, o->spec.source, "", false);
    } else if (o->spec.plugins.n == 0 || str_eq(o->spec.source, "logs") ||
               str_eq(o->spec.source, "tour")) {
        str_list_add(&bundled, o->spec.bundled_dir);
        path = plugin_find(o->spec.source, &bundled, NULL);
        spec_add_library(&o->spec, o->spec.source, "", path != NULL);
    }
    free(path);
    str_list_fini(&bundled);
}

json_t *whole_path(const char *path)
{
    char *whole = realpath(path, NULL);
    json_t *text = rpc_str(whole ? whole : path);

    free(whole);
    return text;
}

json_t *rules_paths(const struct options *o)
{
    json_t *paths = json_array();

    for (size_t i = 0; i < o->rules.n; i++)
        json_array_append_new(paths, whole_path(o->rules.v[i]));
    return paths;
}

static enum severity use_configuration(struct options *o, const char *path, struct error *err)
{
    size_t before = o->spec.plugins.n;
    enum severity sev;

    if (o->remote)
        return error_set(err, ERR_USAGE, "-c: a configuration is read where the engine is: there");
    sev = spec_add_falco(&o->spec, path, &o->config_options, err);
    for (size_t i = 0; sev == SEV_OK && i < o->spec.rules_files.n; i++) {
        const char *file = o->spec.rules_files.v[i];

        if (access(file, F_OK) == 0 && !str_list_has(&o->rules, file)) /* as Falco: what is there */
            str_list_add(&o->rules, file);
    }

    if (sev == SEV_OK && o->spec.plugins.n == before)
        str_list_addf(&o->spec.notes, "%s: it names no plugin to load", path);
    return sev;
}

/* The bundled capture, read through its plugin; without it the plugin tells the story anew. */
static void use_tour(struct options *o)
{
    char *capture = path_join(o->spec.bundled_dir, "tour.scap.gz");

    spec_add_library(&o->spec, "tour", "", true);
    spec_add_library(&o->spec, "watch", "", true);
    if (access(capture, R_OK) == 0) {
        str_list_add(&o->spec.captures, capture);
    } else {
        o->spec.source = xstrdup("tour");
        o->spec.params = xstrdup("");
    }
    free(capture);
}

enum severity inputs_apply(struct options *o, struct error *err)
{
    struct str_list logs = {0};
    enum severity sev = SEV_OK;
    bool libraries = false;

    if (o->tour)
        use_tour(o);
    for (size_t i = 0; i < o->inputs.n && sev == SEV_OK; i++) {
        const char *path = o->inputs.v[i];
        enum input_kind kind;

        sev = classify(path, &kind, err);
        if (sev != SEV_OK)
            break;
        if (kind == INPUT_LIBRARY) {
            char *full = strchr(path, '/') ? xstrdup(path) : xasprintf("./%s", path);

            spec_add_library(&o->spec, full, "", false);
            free(full);
            libraries = true;
        } else if (kind == INPUT_STDIN) {
            sev = use_stdin(o, err);
        } else if (kind == INPUT_LOG) {
            str_list_add(&logs, path);
        } else if (kind == INPUT_CAPTURE) {
            sev = use_capture(o, path, err);
        } else {
            str_list_add(&o->configs, path);
        }
    }
    for (size_t i = 0; i < o->configs.n && sev == SEV_OK; i++)
        sev = use_configuration(o, o->configs.v[i], err);
    if (sev == SEV_OK && o->spec.captures.n && (logs.n || o->spec.source))
        sev = error_set(err, ERR_USAGE, "%s and %s%s: one source is opened at a time",
                        o->spec.captures.v[0], logs.n ? "" : "-I ",
                        logs.n ? logs.v[0] : o->spec.source);
    if (sev == SEV_OK && logs.n && o->spec.source)
        sev = error_set(err, ERR_USAGE, "%s and -I %s: one source is opened at a time", logs.v[0],
                        o->spec.source);
    if (sev == SEV_OK && logs.n)
        use_logs(o, &logs);
    else if (sev == SEV_OK && !o->spec.captures.n && (libraries || sole_plugin_source(o)))
        o->spec.offer_source = !o->spec.source;
    if (sev == SEV_OK && o->spec.source)
        add_source_plugin(o);
    str_list_fini(&logs);
    return sev;
}

/* ---- an engine elsewhere: its keeper looks at the inputs ------------------------------------- */

json_t *session_for_remote(const struct options *o, struct error *err)
{
    static const char *const of_that_host[] = {"plugin_dirs", "bundled_dir", "views_dir",
                                               "spool_limit", "memory"};
    json_t *s = spec_to_json(&o->spec), *inputs = json_array();
    struct str_list warnings = {0};

    for (size_t i = 0; i < COUNT_OF(of_that_host); i++)
        json_object_del(s, of_that_host[i]);
    for (size_t i = 0; i < o->inputs.n; i++) {
        if (str_eq(o->inputs.v[i], "-")) {
            error_set(err, ERR_USAGE,
                      "standard input can't be read by an engine elsewhere: run … | mews - there");
            json_decref(inputs);
            json_decref(s);
            return NULL;
        }
        json_array_append_new(inputs, rpc_str(o->inputs.v[i]));
    }
    json_object_set_new(s, "inputs", inputs);
    json_object_set_new(s, "follow", json_boolean(o->follow));
    json_object_set_new(s, "tour", json_boolean(o->tour));
    json_object_set_new(s, "layouts", layouts_documents(o->spec.views_dir, &warnings));
    str_list_fini(&warnings); /* they are told where the layouts are used */
    return s;
}

json_t *session_resolve(const json_t *session, struct error *err)
{
    const json_t *inputs = json_object_get(session, "inputs"), *item;
    struct options o;
    json_t *resolved = NULL;
    struct buf path;
    size_t i;

    if (session && !json_is_object(session)) {
        error_set(err, ERR_USAGE, "a session is described by an object");
        return NULL;
    }
    if (!json_is_array(inputs) && !rpc_get_bool(session, "tour", false))
        return session ? json_deep_copy(session) : json_object();
    options_init(&o);
    spec_fini(&o.spec);
    o.follow = rpc_get_bool(session, "follow", false);
    o.tour = rpc_get_bool(session, "tour", false);
    json_array_foreach(inputs, i, item) {
        buf_init(&path, 65536);
        if (rpc_text_bytes(item, &path))
            str_list_add(&o.inputs, buf_str(&path));
        buf_fini(&path);
    }
    if (spec_from_json(session, &o.spec, err) == SEV_OK && inputs_apply(&o, err) == SEV_OK)
        resolved = spec_to_json(&o.spec);
    options_fini(&o);
    return resolved;
}
