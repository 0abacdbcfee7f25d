/* The plugins of a session: probed, loaded, listed; those that come along are loaded when something
 * needs them. */
#include "internal.h"

#define EXE "/proc/self/exe"

/* ---- rules of living together: fields (§9) --------------------------------------------------- */

static bool sources_meet(const struct str_list *a, const struct str_list *b)
{
    if (a->n == 0 || b->n == 0)
        return true;
    for (size_t i = 0; i < a->n; i++) {
        if (str_list_has(b, a->v[i]))
            return true;
    }
    return false;
}

/* The owner of a field of the same name that applies to a common source; NULL: none. */
static const char *field_taken(struct engine *e, const struct plugin_info *info, const char **field)
{
    for (size_t i = 0; i < info->fields.n; i++) {
        struct span suffix;
        const struct field_def *d =
            field_find(e->catalogue, span_of(info->fields.v[i].name), &suffix);

        *field = info->fields.v[i].name;
        if (!d || suffix.p)
            continue;
        if (d->builtin >= 0)
            return "mews itself";
        for (size_t k = 0; k < d->providers.n; k++) {
            const struct plugin_info *other = plugin_info(d->providers.v[k].plugin);

            if (sources_meet(&other->extract_sources, &info->extract_sources))
                return other->name;
        }
    }
    return NULL;
}

void log_entry(struct engine *e, const char *plugin, int severity, const char *component,
               const char *text)
{
    notify(e, "log",
           json_pack("{so so si so so}", "ts", rpc_u64(time_now()), "plugin", rpc_str(plugin),
                     "severity", severity, "component", rpc_str(component), "text", rpc_str(text)));
}

void replay_log(void *ctx, const char *plugin, int severity, const char *component,
                const char *text)
{
    char words[1200];

    snprintf(words, sizeof(words), "(reading again) %s", text);
    log_entry(ctx, plugin, severity, component, words);
}

void log_note(struct engine *e, const char *plugin, const char *fmt, ...)
{
    char text[1200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    log_entry(e, plugin, 5, "mews", text);
}

/* ---- loading --------------------------------------------------------------------------------- */

struct probed {
    char *path, *name, *config;
    bool bundled, failed;
    struct plugin_info info;
    struct plugin_failure failure;
};

static void probed_fini(struct probed *p)
{
    plugin_info_fini(&p->info);
    free(p->path);
    free(p->name);
    free(p->config);
}

static void refuse(struct probed *p, const char *step, const char *advice, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static void refuse(struct probed *p, const char *step, const char *advice, const char *fmt, ...)
{
    va_list ap;

    snprintf(p->failure.step, sizeof(p->failure.step), "%s", step);
    snprintf(p->failure.advice, sizeof(p->failure.advice), "%s", advice);
    va_start(ap, fmt);
    vsnprintf(p->failure.text, sizeof(p->failure.text), fmt, ap);
    va_end(ap);
    p->failed = true;
}

static void probe_one(struct engine *e, struct probed *p, const char *library, const char *config,
                      bool bundled)
{
    struct str_list only = {0};
    struct error err;

    memset(p, 0, sizeof(*p));
    p->config = xstrdup(config);
    p->bundled = bundled;
    p->name = xstrdup(strrchr(library, '/') ? strrchr(library, '/') + 1 : library);
    if (bundled)
        str_list_add(&only, e->spec.bundled_dir);
    p->path = plugin_find(library, bundled ? &only : &e->spec.plugin_dirs, &err);
    if (!p->path && !bundled) { /* those that come along are known by name too */
        str_list_add(&only, e->spec.bundled_dir);
        p->path = plugin_find(library, &only, NULL);
    }
    str_list_fini(&only);
    if (!p->path) {
        refuse(p, "find", "give its path, or its folder with --plugin-dir", "%s", err.text);
        return;
    }
    p->failed = plugin_probe(EXE, p->path, &p->info, &p->failure) != SEV_OK;
}

void plugins_apply_avoided(struct engine *e, struct plugin *p)
{
    const json_t *item;
    size_t i;

    json_array_foreach(e->avoid, i, item) {
        const char *plugin = rpc_get_str(item, "plugin"), *field = rpc_get_str(item, "field");
        const char *reason = rpc_get_str(item, "reason");

        /* a rebuilt library gets another chance */
        if (plugin && field && str_eq(plugin, plugin_info(p)->name) &&
            rpc_u64_or(item, "file_time", 0) == plugin_info(p)->file_mtime)
            plugin_avoid(p, field, rpc_u64_or(item, "event", 0),
                         reason ? reason : "it ended the engine here before");
    }
}

/* Whether one that comes along must give way; says so in the log. */
static bool gives_way(struct engine *e, const struct probed *p)
{
    const char *field, *owner;

    if (!p->bundled || p->failed)
        return false;
    if (plugin_by_name(e->host, p->info.name) || plugin_by_id(e->host, p->info.id)) {
        log_note(e, p->info.name, "the %s plugin that comes along gives way to yours",
                 p->info.name);
        return true;
    }
    owner = field_taken(e, &p->info, &field);
    if (owner)
        log_note(e, p->info.name,
                 "the %s plugin that comes along gives way: %s provides the field %s", p->info.name,
                 owner, field);
    return owner != NULL;
}

static bool is_left_out(const struct engine *e, const struct probed *p)
{
    const json_t *name;
    size_t i;

    json_array_foreach(e->without, i, name) {
        if (p->info.name && str_eq(p->info.name, json_string_value(name)))
            return true;
    }
    return false;
}

static struct plugin *load_probed(struct engine *e, struct probed *p)
{
    const char *field, *owner;
    struct plugin *loaded;

    if (gives_way(e, p))
        return NULL;
    if (!p->failed && is_left_out(e, p))
        refuse(p, "left out", "R starts with it again", "left out by W after it ended the engine");
    if (!p->failed && (owner = field_taken(e, &p->info, &field)))
        refuse(p, "fields", "load one of the two, or rename the field",
               "the field %s is provided by %s already, for a source that both serve", field,
               owner);
    if (p->failed)
        return plugin_add_failed(e->host, p->info.name ? p->info.name : p->name, p->path,
                                 &p->failure);
    loaded = plugin_load(e->host, &p->info, p->config);
    if (plugin_state(loaded) == PLUGIN_INITIALISED) {
        pthread_mutex_lock(&e->cat_lock);
        field_catalogue_add_plugin(e->catalogue, loaded);
        pthread_mutex_unlock(&e->cat_lock);
        plugins_apply_avoided(e, loaded);
    }
    e->parses = plugin_host_parses(e->host);
    atomic_fetch_add(&e->generation, 1);
    if (plugin_state(loaded) == PLUGIN_INITIALISED)
        log_note(e, plugin_info(loaded)->name, "loaded %s %s from %s", plugin_info(loaded)->name,
                 plugin_info(loaded)->version, plugin_info(loaded)->path);
    else
        log_note(e, plugin_info(loaded)->name, "%s can't be used: %s", plugin_info(loaded)->name,
                 plugin_failure(loaded)->text);
    return loaded;
}

static void plugins_changed(struct engine *e)
{
    load_report(e);
    atomic_store(&e->metrics_looked, time_mono());
    metrics_step(e); /* so that the first who asks has them */
    columns_recompile(e);
    cell_cache_clear(e->cells);
    value_columns_clear(e->values);
    selections_restart_scan(e);
    counts_restart(e);
    notify(e, "plugins", json_object());
    wake_main(e, WAKE_CELLS | WAKE_STREAM);
}

/* All are probed before the first is loaded: no process is started with a Go library inside. */
void session_load_plugins(struct engine *e)
{
    size_t n = e->spec.plugins.n;
    struct probed *all = xcalloc(n, sizeof(*all));

    for (size_t i = 0; i < n && !e->plugin_quit; i++)
        probe_one(e, &all[i], e->spec.plugins.v[i].library, e->spec.plugins.v[i].config,
                  e->spec.plugins.v[i].bundled);
    for (int pass = 0; pass < 2; pass++) { /* the person's own first */
        for (size_t i = 0; i < n && !e->plugin_quit; i++) {
            if (all[i].bundled == (pass == 1))
                load_probed(e, &all[i]);
        }
    }
    for (size_t i = 0; i < n; i++)
        probed_fini(&all[i]);
    free(all);
    plugins_changed(e);
}

struct plugin *session_load(struct engine *e, const char *library, const char *config, bool bundled,
                            struct error *err)
{
    struct probed p;
    struct plugin *loaded;

    probe_one(e, &p, library, config ? config : "", bundled);
    loaded = load_probed(e, &p);
    if (!loaded || plugin_state(loaded) != PLUGIN_INITIALISED) {
        error_set(err, ERR_PLUGIN, "%s: %s", p.name,
                  loaded ? plugin_failure(loaded)->text : "it gives way to yours");
        loaded = NULL;
    }
    probed_fini(&p);
    plugins_changed(e);
    return loaded;
}

/* ---- those that come along ------------------------------------------------------------------- */

static const struct {
    const char *prefix, *plugin;
} bundled_fields[] = {{"json.", "json"}, {"jevt.", "json"}, {"log.", "logs"}};

static bool mentions(const char *text, const char *prefix)
{
    for (const char *at = text; (at = strstr(at, prefix)); at++) {
        if (at == text || strchr(" \t\n(,%!=[0123456789", at[-1]))
            return true;
    }
    return false;
}

const char *bundled_needed(struct engine *e, const char *text)
{
    for (size_t i = 0; !e->spec.no_auto && i < COUNT_OF(bundled_fields); i++) {
        if (!mentions(text, bundled_fields[i].prefix))
            continue;
        if (!plugin_by_name(e->host, bundled_fields[i].plugin))
            return bundled_fields[i].plugin;
    }
    return NULL;
}

bool bundled_load(struct engine *e, const char *name)
{
    struct error err;

    if (plugin_by_name(e->host, name))
        return true;
    if (e->spec.no_auto || str_list_has(&e->bundled_tried, name))
        return false;
    pthread_mutex_lock(&e->state_lock);
    str_list_add(&e->bundled_tried, name);
    pthread_mutex_unlock(&e->state_lock);
    if (session_load(e, name, "", true, &err))
        return true;
    log_note(e, name, "the %s plugin that comes along can't be used: %s", name, err.text);
    return false;
}

void bundled_load_for(struct engine *e, const char *text)
{
    const char *name;

    while (text && (name = bundled_needed(e, text)) && bundled_load(e, name))
        ;
}

static void run_bundled(struct engine *e, struct job *j)
{
    const char *name = rpc_get_str(j->params, "bundled");

    bundled_load(e, name);
    redispatch(e, j->id, rpc_get_str(j->params, "method"), json_object_get(j->params, "params"));
}

static void run_wanted(struct engine *e, struct job *j)
{
    bundled_load(e, rpc_get_str(j->params, "bundled"));
}

bool bundled_want(struct engine *e, const char *text)
{
    const char *name = bundled_needed(e, text);
    json_t *params;
    bool tried;

    if (!name)
        return false;
    pthread_mutex_lock(&e->state_lock);
    tried = str_list_has(&e->bundled_tried, name);
    pthread_mutex_unlock(&e->state_lock);
    if (tried)
        return false;
    if (str_list_has(&e->bundled_wanted, name))
        return true;
    str_list_add(&e->bundled_wanted, name);
    params = json_pack("{ss}", "bundled", name);
    job_post(e, run_wanted, NULL, params, NULL);
    json_decref(params);
    return true;
}

bool bundled_defer(struct engine *e, const char *text, const json_t *id, const char *method,
                   const json_t *params)
{
    const char *name = bundled_needed(e, text);
    json_t *wrapped;

    if (!name || rpc_get_bool(params, "_again", false))
        return false;
    wrapped = json_deep_copy(params);
    json_object_set_new(wrapped, "_again", json_true()); /* once is enough, whatever became of it */
    wrapped = json_pack("{ss ss so}", "bundled", name, "method", method, "params", wrapped);
    job_post(e, run_bundled, id, wrapped, NULL);
    json_decref(wrapped);
    return true;
}

/* ---- methods --------------------------------------------------------------------------------- */

json_t *strings_json(const struct str_list *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, rpc_str(l->v[i]));
    return a;
}

static json_t *stats_json(const char *name, const struct plugin_stats *s)
{
    uint64_t calls = atomic_load(&s->calls), timed = atomic_load(&s->timed);

    return json_pack("{ss so so so so so so}", "name", name, "calls", rpc_u64(calls), "failures",
                     rpc_u64(atomic_load(&s->failures)), "mean_ns",
                     rpc_u64(timed ? atomic_load(&s->total_ns) / timed : 0), "p50_ns",
                     rpc_u64(plugin_stats_quantile(s, 0.5)), "p99_ns",
                     rpc_u64(plugin_stats_quantile(s, 0.99)), "max_ns",
                     rpc_u64(atomic_load(&s->max_ns)));
}

static json_t *capabilities_json(const struct plugin_info *info)
{
    static const struct {
        const char *name;
        unsigned cap;
        enum plugin_fn fns[4];
        unsigned n;
    } caps[] = {
        {"sourcing", CAP_SOURCING, {PF_OPEN, PF_CLOSE, PF_NEXT_BATCH}, 3},
        {"extraction", CAP_EXTRACTION, {PF_GET_FIELDS, PF_EXTRACT_FIELDS}, 2},
        {"parsing", CAP_PARSING, {PF_PARSE_EVENT}, 1},
        {"async", CAP_ASYNC, {PF_GET_ASYNC_EVENTS, PF_SET_ASYNC_EVENT_HANDLER}, 2},
        {"listening", CAP_LISTENING, {PF_CAPTURE_OPEN, PF_CAPTURE_CLOSE}, 2},
    };
    json_t *o = json_object();

    for (size_t i = 0; i < COUNT_OF(caps); i++) {
        json_t *have = json_array(), *missing = json_array();

        for (unsigned k = 0; k < caps[i].n; k++)
            json_array_append_new(info->symbols >> caps[i].fns[k] & 1 ? have : missing,
                                  json_string(plugin_fn_name(caps[i].fns[k])));
        json_object_set_new(o, caps[i].name,
                            json_pack("{sb so so}", "present", (info->caps & caps[i].cap) != 0,
                                      "functions", have, "missing", missing));
    }
    return o;
}

static json_t *optional_json(const struct plugin_info *info)
{
    static const enum plugin_fn fns[] = {PF_GET_INIT_SCHEMA,
                                         PF_LIST_OPEN_PARAMS,
                                         PF_GET_PROGRESS,
                                         PF_EVENT_TO_STRING,
                                         PF_GET_EXTRACT_EVENT_TYPES,
                                         PF_GET_EXTRACT_EVENT_SOURCES,
                                         PF_GET_PARSE_EVENT_TYPES,
                                         PF_GET_PARSE_EVENT_SOURCES,
                                         PF_GET_ASYNC_EVENT_SOURCES,
                                         PF_DUMP_STATE,
                                         PF_SET_CONFIG,
                                         PF_GET_METRICS,
                                         PF_GET_REQUIRED_EVENT_SCHEMA_VERSION};
    json_t *o = json_object();

    for (size_t i = 0; i < COUNT_OF(fns); i++)
        json_object_set_new(o, plugin_fn_name(fns[i]), json_boolean(info->symbols >> fns[i] & 1));
    return o;
}

static json_t *calls_json(const struct plugin *p)
{
    json_t *fns = json_array();

    for (unsigned i = 0; i < PF_ALL; i++) {
        if (atomic_load(&plugin_stats(p, i)->calls))
            json_array_append_new(fns, stats_json(plugin_fn_name(i), plugin_stats(p, i)));
    }
    return fns;
}

static json_t *field_calls_json(const struct plugin *p)
{
    json_t *list = json_array();

    for (uint32_t i = 0; plugin_field_stats(p, i); i++) {
        if (atomic_load(&plugin_field_stats(p, i)->calls))
            json_array_append_new(
                list, stats_json(plugin_info(p)->fields.v[i].name, plugin_field_stats(p, i)));
    }
    return list;
}

static json_t *fields_json(const struct plugin_info *info)
{
    json_t *all = plugin_info_to_json(info), *fields = json_incref(json_object_get(all, "fields"));

    json_decref(all);
    return fields;
}

static void add_failure(const struct plugin *p, json_t *o)
{
    const struct plugin_failure *f = plugin_failure(p);

    if (plugin_state(p) == PLUGIN_FAILED)
        json_object_set_new(o, "failure",
                            json_pack("{ss so ss ss}", "step", f->step, "text", rpc_str(f->text),
                                      "advice", f->advice, "supported_api",
                                      PLUGIN_API_VERSION_STR));
}

/* ---- metrics: asked on the plugin thread while somebody looks --------------------------------- */

#define METRICS_EVERY  NS_PER_S
#define METRICS_LOOKED (5 * NS_PER_S) /* for so long after the last look */

static json_t *metric_json(const struct plugin_metric *m, const json_t *before, double seconds)
{
    bool real =
             m->type == SS_PLUGIN_METRIC_VALUE_TYPE_D || m->type == SS_PLUGIN_METRIC_VALUE_TYPE_F,
         is_signed = m->type == SS_PLUGIN_METRIC_VALUE_TYPE_S32 ||
                     m->type == SS_PLUGIN_METRIC_VALUE_TYPE_S64 ||
                     m->type == SS_PLUGIN_METRIC_VALUE_TYPE_I;
    double now = real ? m->value.d : is_signed ? (double)m->value.i : (double)m->value.u;
    char text[40];
    json_t *o;

    if (real)
        snprintf(text, sizeof(text), "%g", m->value.d);
    else if (is_signed)
        snprintf(text, sizeof(text), "%lld", (long long)m->value.i);
    else
        snprintf(text, sizeof(text), "%llu", (unsigned long long)m->value.u);
    o = json_pack("{so ss sb sf}", "name", rpc_text(m->name, strlen(m->name)), "value", text,
                  "monotonic", m->monotonic, "number", now);
    if (before && seconds > 0 && m->monotonic)
        json_object_set_new(
            o, "rate",
            json_real((now - json_real_value(json_object_get(before, "number"))) / seconds));
    return o;
}

static const json_t *metric_before(const json_t *list, const char *name)
{
    const json_t *m;
    size_t i;

    json_array_foreach(list, i, m) {
        if (str_eq(rpc_get_str(m, "name") ? rpc_get_str(m, "name") : "", name))
            return m;
    }
    return NULL;
}

static void read_metrics(struct engine *e, struct plugin *p, double seconds)
{
    const char *name = plugin_info(p)->name;
    size_t n;
    struct plugin_metric *m = plugin_metrics(p, &n);
    json_t *list = json_array();

    pthread_mutex_lock(&e->state_lock);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            list, metric_json(&m[i], metric_before(json_object_get(e->metrics, name), m[i].name),
                              seconds));
    json_object_set_new(e->metrics, name, list);
    pthread_mutex_unlock(&e->state_lock);
    plugin_metrics_free(m, n);
}

void metrics_step(struct engine *e)
{
    uint64_t now = time_mono();
    struct plugin *p;

    if (now > atomic_load(&e->metrics_looked) + METRICS_LOOKED ||
        now < e->metrics_at + METRICS_EVERY)
        return;
    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        if (plugin_state(p) == PLUGIN_INITIALISED &&
            (plugin_info(p)->symbols >> PF_GET_METRICS & 1))
            read_metrics(e, p, e->metrics_at ? (double)(now - e->metrics_at) / 1e9 : 0);
    }
    e->metrics_at = now;
}

static json_t *metrics_of(struct engine *e, const struct plugin *p)
{
    json_t *copy;

    pthread_mutex_lock(&e->state_lock);
    copy = json_deep_copy(json_object_get(e->metrics, plugin_info(p)->name));
    pthread_mutex_unlock(&e->state_lock);
    return copy ? copy : json_array();
}

/* What only shows beside the others. */
static void add_report(struct engine *e, const struct plugin *p, json_t *o)
{
    const json_t *said;

    pthread_mutex_lock(&e->state_lock);
    said = json_object_get(e->report, plugin_info(p)->name ? plugin_info(p)->name : "");
    if (said) {
        json_t *copy = json_deep_copy(said);

        json_array_extend(json_object_get(o, "warnings"), json_object_get(copy, "warnings"));
        if (json_object_get(copy, "advice") && json_object_get(o, "failure"))
            json_object_set(json_object_get(o, "failure"), "advice",
                            json_object_get(copy, "advice"));
        json_decref(copy);
    }
    pthread_mutex_unlock(&e->state_lock);
}

static json_t *plugin_json(struct engine *e, struct plugin *p, bool secrets)
{
    const struct plugin_info *info = plugin_info(p);
    char *config = secrets ? xstrdup(plugin_config(p))
                           : plugin_mask_secrets(plugin_config(p), info->schema),
         *error = plugin_last_error(p);
    json_t *o = json_object();

    json_object_set_new(o, "name", rpc_str(info->name));
    json_object_set_new(o, "path", rpc_str(info->path));
    json_object_set_new(o, "version", rpc_str(info->version));
    json_object_set_new(o, "api", rpc_str(info->api_version));
    json_object_set_new(o, "description", rpc_str(info->description));
    json_object_set_new(o, "contact", rpc_str(info->contact));
    json_object_set_new(o, "language", rpc_str(info->language));
    json_object_set_new(o, "file_size", rpc_u64(info->file_size));
    json_object_set_new(o, "file_time", rpc_u64(info->file_mtime));
    json_object_set_new(o, "bundled",
                        json_boolean(e->spec.bundled_dir && info->path &&
                                     str_starts(info->path, e->spec.bundled_dir)));
    json_object_set_new(o, "id", json_integer(info->id));
    json_object_set_new(o, "source", rpc_str(info->source ? info->source : ""));
    json_object_set_new(o, "capabilities", capabilities_json(info));
    json_object_set_new(o, "optional", optional_json(info));
    json_object_set_new(o, "fields", fields_json(info));
    json_object_set_new(o, "extract_sources", strings_json(&info->extract_sources));
    json_object_set_new(o, "parse_sources", strings_json(&info->parse_sources));
    json_object_set_new(o, "async_events", strings_json(&info->async_events));
    json_object_set_new(o, "async_sources", strings_json(&info->async_sources));
    json_object_set_new(o, "stateful", json_boolean(plugin_is_stateful(p)));
    json_object_set_new(o, "routines", json_integer((json_int_t)plugin_routines(p)));
    json_object_set_new(o, "metrics", metrics_of(e, p));
    json_object_set_new(o, "warnings", strings_json(&info->warnings));
    json_object_set_new(o, "schema", info->schema ? rpc_str(info->schema) : json_null());
    json_object_set_new(o, "config", rpc_str(config));
    json_object_set_new(o, "last_error", error ? rpc_str(error) : json_null());
    json_object_set_new(o, "calls", calls_json(p));
    json_object_set_new(o, "field_calls", field_calls_json(p));
    add_failure(p, o);
    add_report(e, p, o);
    free(config);
    free(error);
    return o;
}

json_t *plugins_json(struct engine *e, bool secrets)
{
    json_t *list = json_array();
    struct plugin *p;

    for (size_t i = 0; (p = plugin_at(e->host, i)); i++)
        json_array_append_new(list, plugin_json(e, p, secrets));
    return json_pack("{so}", "plugins", list);
}

void method_plugins(struct engine *e, const json_t *id, const json_t *params)
{
    atomic_store(&e->metrics_looked, time_mono());
    reply(e, id, plugins_json(e, rpc_get_bool(params, "secrets", false)));
}

static json_t *trace_json(const struct plugin_trace_entry *t)
{
    json_t *o = json_pack("{so so so so so sb}", "number", rpc_u64(t->number), "ended",
                          rpc_u64(t->ended), "took", rpc_u64(t->took), "plugin", rpc_str(t->plugin),
                          "function", rpc_str(plugin_fn_name(t->fn)), "failed", t->failed);

    if (t->event)
        json_object_set_new(o, "event", rpc_u64(t->event));
    if (*t->field)
        json_object_set_new(o, "field", rpc_str(t->field));
    if (*t->arg)
        json_object_set_new(o, "arg", rpc_str(t->arg));
    return o;
}

void method_trace(struct engine *e, const json_t *id, const json_t *params)
{
    struct plugin_trace_entry *list = xcalloc(PLUGIN_TRACE_MAX, sizeof(*list));
    json_t *entries = json_array();
    size_t n;

    if (json_object_get(params, "on"))
        plugin_trace_set(e->host, rpc_get_bool(params, "on", false));
    n = plugin_trace_read(e->host, rpc_u64_or(params, "after", 0), list,
                          (size_t)rpc_u64_or(params, "max", PLUGIN_TRACE_MAX));
    for (size_t i = 0; i < n; i++)
        json_array_append_new(entries, trace_json(&list[i]));
    free(list);
    reply(e, id, json_pack("{sb so}", "on", plugin_trace_on(e->host), "calls", entries));
}

static void run_config(struct engine *e, struct job *j)
{
    const char *name = rpc_get_str(j->params, "plugin"), *config = rpc_get_str(j->params, "config");
    struct plugin *p = name ? plugin_by_name(e->host, name) : NULL;
    struct error err;
    enum severity sev;
    char *whole;

    if (!p || !config) {
        reply_code(e, j->id, RPC_INVALID_PARAMS,
                   "“plugin”, one that is loaded, and its “config” are needed");
        return;
    }
    whole = plugin_unmask_secrets(config, plugin_config(p));
    sev = plugin_reconfigure(p, whole, &err);
    free(whole);
    if (sev != SEV_OK) {
        reply_error(e, j->id, &err);
        return;
    }
    log_note(e, name, "has another configuration");
    cell_cache_clear(e->cells);
    notify(e, "plugins", json_object());
    reply(e, j->id, json_object());
}

void method_plugin_config(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_config, id, params, NULL);
}

static void run_open_params(struct engine *e, struct job *j)
{
    const char *name = rpc_get_str(j->params, "plugin");
    struct plugin *p = name ? plugin_by_name(e->host, name) : NULL;
    struct error err;
    char *text;
    json_t *list;

    if (!p || !(plugin_info(p)->caps & CAP_SOURCING)) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "no loaded plugin of this name opens a source");
        return;
    }
    text = plugin_open_params(p, &err);
    if (!text) {
        reply_error(e, j->id, &err);
        return;
    }
    list = json_loads(text, 0, NULL);
    reply(e, j->id, json_pack("{so}", "params", list ? list : json_array()));
    free(text);
}

void method_plugin_open_params(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_open_params, id, params, NULL);
}

static void run_load(struct engine *e, struct job *j)
{
    const char *library = rpc_get_str(j->params, "library"),
               *config = rpc_get_str(j->params, "config");
    struct plugin *p;
    struct error err;

    if (!library) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "“library” is missing");
        return;
    }
    p = session_load(e, library, config, false, &err);
    if (p) {
        stateful_feed(e, p);
        reply(e, j->id, json_pack("{so}", "name", rpc_str(plugin_info(p)->name)));
    } else {
        reply_error(e, j->id, &err);
    }
}

void method_plugin_load(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_load, id, params, NULL);
}
