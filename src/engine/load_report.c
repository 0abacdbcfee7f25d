/* What is legal but can't be meant, once all plugins of a session are loaded: told as warnings of the
 * plugin, as Falco would refuse or ignore it. */
#include "internal.h"

#define SCHEMA_OF_DRIVERS 4 /* its major */

/* What is said of a plugin: {warnings, advice}. */
static json_t *of_plugin(json_t *report, const struct plugin *p)
{
    const char *name = plugin_info(p)->name ? plugin_info(p)->name : "";
    json_t *o = json_object_get(report, name);

    if (!o) {
        o = json_pack("{s[]}", "warnings");
        json_object_set_new(report, name, o);
    }
    return o;
}

static void warn(json_t *report, const struct plugin *p, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void warn(json_t *report, const struct plugin *p, const char *fmt, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    json_array_append_new(json_object_get(of_plugin(report, p), "warnings"), rpc_str(text));
}

static bool source_is_known(struct engine *e, const char *source)
{
    return str_eq(source, "syscall") || plugin_by_source(e->host, source);
}

/* Sources that no loaded plugin has: nothing reaches the function that lists them. */
static void check_sources(struct engine *e, json_t *r, struct plugin *p,
                          const struct str_list *sources, unsigned cap, const char *what)
{
    size_t known = 0;

    if (!(plugin_info(p)->caps & cap) || sources->n == 0)
        return;
    for (size_t i = 0; i < sources->n; i++)
        known += source_is_known(e, sources->v[i]);
    for (size_t i = 0; i < sources->n; i++) {
        if (!source_is_known(e, sources->v[i]))
            warn(r, p, "%s is for the event source %s, which no loaded plugin provides%s", what,
                 sources->v[i], known ? "" : ": it has nothing to do here");
    }
}

static void check_label(struct engine *e, json_t *r, struct plugin *p)
{
    const struct plugin_info *info = plugin_info(p);

    for (size_t i = 0; i < e->spec.plugins.n; i++) {
        const struct spec_plugin *s = &e->spec.plugins.v[i];

        if (s->label && info->path && str_eq(s->library, info->path) &&
            !str_eq(s->label, info->name) && (info->caps & CAP_SOURCING))
            warn(r, p,
                 "the configuration calls it “%s”: Falco opens sources by that name, and "
                 "would not find it",
                 s->label);
    }
}

/* A field of a table that failed to be found is often one that a plugin behind it adds. */
static void check_order(struct engine *e, json_t *r, struct plugin *failed)
{
    const struct plugin_failure *f = plugin_failure(failed);
    struct plugin *p;
    char quoted[200];

    if (!str_eq(f->step, "init") || !strstr(f->text, "not found in table"))
        return;
    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        const char *field = plugin_state(p) == PLUGIN_INITIALISED
                                ? state_tables_added_by(e->tables, p, f->text)
                                : NULL;

        if (!field)
            continue;
        snprintf(quoted, sizeof(quoted), "plugin %s adds the field %s: load it before this one",
                 plugin_info(p)->name, field);
        json_object_set_new(of_plugin(r, failed), "advice", rpc_str(quoted));
        return;
    }
}

static bool applies(struct engine *e, const struct str_list *sources)
{
    if (sources->n == 0)
        return true;
    for (size_t i = 0; i < sources->n; i++) {
        if (source_is_known(e, sources->v[i]))
            return true;
    }
    return false;
}

/* Falco ends at start for a plugin that fits no source that it knows (§9). */
static void check_use(struct engine *e, json_t *r, struct plugin *p)
{
    const struct plugin_info *info = plugin_info(p);

    if ((info->caps & CAP_SOURCING) ||
        ((info->caps & CAP_EXTRACTION) && applies(e, &info->extract_sources)) ||
        ((info->caps & CAP_PARSING) && applies(e, &info->parse_sources)) ||
        ((info->caps & CAP_ASYNC) && applies(e, &info->async_sources)))
        return;
    warn(r, p, "it fits no event source that is loaded: Falco would not start with it");
}

/* §3.4: drivers of today report a schema 4; captures and sources of plugins report none. */
static void check_schema(json_t *r, struct plugin *p)
{
    unsigned version[3];
    char required[64];

    if (!plugin_schema_required(p, required))
        return;
    if (!plugin_version_parse(required, version))
        warn(r, p, "plugin_get_required_event_schema_version gives “%s”, which is no version",
             required);
    else if (version[0] != SCHEMA_OF_DRIVERS)
        warn(r, p,
             "it reads system calls by event schema %s: Falco would not start with it on a live "
             "host, whose schema is %d (plugin_get_required_event_schema_version)",
             required, SCHEMA_OF_DRIVERS);
}

void load_report(struct engine *e)
{
    json_t *r = json_object();
    struct plugin *p;

    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        const struct plugin_info *info = plugin_info(p);

        if (plugin_state(p) != PLUGIN_INITIALISED) {
            check_order(e, r, p);
            continue;
        }
        check_sources(e, r, p, &info->extract_sources, CAP_EXTRACTION, "extraction");
        check_sources(e, r, p, &info->parse_sources, CAP_PARSING, "parsing");
        check_sources(e, r, p, &info->async_sources, CAP_ASYNC, "its async events");
        check_use(e, r, p);
        check_label(e, r, p);
        check_schema(r, p);
    }
    pthread_mutex_lock(&e->state_lock);
    json_decref(e->report);
    e->report = r;
    pthread_mutex_unlock(&e->state_lock);
}
