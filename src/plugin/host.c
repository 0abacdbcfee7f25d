/* A host and its plugins: loading, configuring, initialising, ending (§1.10). */
#include "internal.h"

#include <dlfcn.h>

struct plugin_host *plugin_host_new(const struct plugin_hooks *hooks, struct plugin_record *record)
{
    struct plugin_host *h = xcalloc(1, sizeof(*h));

    h->hooks = *hooks;
    h->record = record ? record : &h->spare;
    h->tables = tables_new();
    h->async = async_new();
    h->routines = routines_new();
    h->trace = trace_new();
    pthread_mutex_init(&h->lock, NULL);
    return h;
}

/* Owners that are alive: plugins log from any thread, and some with an owner that is none (quirk
 * 30). */
static struct {
    pthread_mutex_t lock;
    VEC(struct plugin *) plugins;
} owners = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void owner_add(struct plugin *p)
{
    pthread_mutex_lock(&owners.lock);
    vec_push(&owners.plugins, p);
    pthread_mutex_unlock(&owners.lock);
}

static void owner_remove(const struct plugin *p)
{
    pthread_mutex_lock(&owners.lock);
    for (size_t i = 0; i < owners.plugins.n; i++) {
        if (owners.plugins.v[i] == p)
            owners.plugins.v[i--] = owners.plugins.v[--owners.plugins.n];
    }
    if (owners.plugins.n == 0)
        vec_free(&owners.plugins);
    pthread_mutex_unlock(&owners.lock);
}

static bool owner_is_live(const void *o)
{
    bool live = false;

    pthread_mutex_lock(&owners.lock);
    for (size_t i = 0; i < owners.plugins.n; i++)
        live |= owners.plugins.v[i] == o;
    pthread_mutex_unlock(&owners.lock);
    return live;
}

struct plugin *owner_hold(const void *o)
{
    pthread_mutex_lock(&owners.lock);
    for (size_t i = 0; i < owners.plugins.n; i++) {
        if (owners.plugins.v[i] == o)
            return owners.plugins.v[i];
    }
    pthread_mutex_unlock(&owners.lock);
    return NULL;
}

void owner_release(void)
{
    pthread_mutex_unlock(&owners.lock);
}

static void plugin_free(struct plugin *p)
{
    struct call_timer t;

    if (p->open)
        plugin_stream_close(p);
    if (p->has_instance) {
        t = call_begin(p, PF_DESTROY, 0, NULL);
        tables_enter(p, 0);
        p->api.destroy(p->instance);
        tables_leave();
        call_end(p, PF_DESTROY, t, false);
    }
    if (p->handle) {
        t = call_begin(p, PF_DLCLOSE, 0, NULL);
        dlclose(p->handle);
        call_end(p, PF_DLCLOSE, t, false);
    }
    owner_remove(p);
    for (size_t i = 0; i < p->avoided.n; i++) {
        free(p->avoided.v[i].field);
        free(p->avoided.v[i].reason);
    }
    vec_free(&p->avoided);
    plugin_info_fini(&p->info);
    free(p->config);
    free(p->last_error);
    free(p->owner_error);
    buf_fini(&p->owner_error_out);
    free(p->field_names);
    free(p->fn_stats);
    free(p->field_stats);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void plugin_host_free(struct plugin_host *h)
{
    plugin_async_stop(h, NULL);
    plugin_listen_close(h, NULL);
    routines_free(h->routines);
    while (h->plugins.n)
        plugin_free(h->plugins.v[--h->plugins.n]);
    vec_free(&h->plugins);
    tables_free(h->tables);
    async_free(h->async);
    trace_free(h->trace);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* ---- lists ----------------------------------------------------------------------------------- */

size_t plugin_count(const struct plugin_host *h)
{
    size_t n;

    pthread_mutex_lock((pthread_mutex_t *)&h->lock);
    n = h->plugins.n;
    pthread_mutex_unlock((pthread_mutex_t *)&h->lock);
    return n;
}

struct plugin *plugin_at(const struct plugin_host *h, size_t i)
{
    struct plugin *p;

    pthread_mutex_lock((pthread_mutex_t *)&h->lock);
    p = i < h->plugins.n ? h->plugins.v[i] : NULL;
    pthread_mutex_unlock((pthread_mutex_t *)&h->lock);
    return p;
}

static bool is_named(const struct plugin *p, const void *key)
{
    return str_eq(p->info.name, key);
}

static bool has_id(const struct plugin *p, const void *key)
{
    return (p->info.caps & CAP_SOURCING) && p->info.id == *(const uint32_t *)key;
}

static bool has_source(const struct plugin *p, const void *key)
{
    return (p->info.caps & CAP_SOURCING) && str_eq(p->info.source, key);
}

static struct plugin *find(const struct plugin_host *h,
                           bool (*is)(const struct plugin *, const void *), const void *key)
{
    struct plugin *p;

    for (size_t i = 0; (p = plugin_at(h, i)); i++) {
        if (p->state != PLUGIN_FAILED && is(p, key))
            return p;
    }
    return NULL;
}

struct plugin *plugin_by_name(const struct plugin_host *h, const char *name)
{
    return find(h, is_named, name);
}

struct plugin *plugin_by_id(const struct plugin_host *h, uint32_t id)
{
    return id ? find(h, has_id, &id) : NULL;
}

void plugin_host_share_sources(struct plugin_host *h, bool share)
{
    h->shared_sources = share;
}

struct plugin *plugin_by_source(const struct plugin_host *h, const char *source)
{
    return find(h, has_source, source);
}

enum plugin_state plugin_state(const struct plugin *p)
{
    return p->state;
}

const struct plugin_info *plugin_info(const struct plugin *p)
{
    return &p->info;
}

const struct plugin_failure *plugin_failure(const struct plugin *p)
{
    return &p->failure;
}

const char *plugin_config(const struct plugin *p)
{
    return p->config ? p->config : "";
}

/* ---- logs ------------------------------------------------------------------------------------ */

/* From any thread; what comes with a foreign owner is dropped. */
static void on_log(ss_plugin_owner_t *o, const char *component, const char *msg,
                   ss_plugin_log_severity sev)
{
    struct plugin *p = o;
    int severity = (int)sev < 1 ? 1 : (int)sev > 8 ? 8 : (int)sev;
    size_t n = msg ? strnlen(msg, PLUGIN_TEXT_MAX) : 0;
    char *text;

    if (!owner_is_live(o))
        return;
    while (n && (msg[n - 1] == '\n' || msg[n - 1] == '\r'))
        n--;
    text = xstrndup(msg, n);
    p->host->hooks.log(p->host->hooks.ctx, p->info.name, severity,
                       component && *component ? component : p->info.name, text);
    free(text);
}

/* ---- loading --------------------------------------------------------------------------------- */

static struct plugin *plugin_new(struct plugin_host *h)
{
    struct plugin *p = xcalloc(1, sizeof(*p));

    p->host = h;
    pthread_mutex_init(&p->lock, NULL);
    p->fn_stats = xcalloc(PF_ALL, sizeof(*p->fn_stats));
    owner_add(p);
    return p;
}

static struct plugin *publish(struct plugin *p)
{
    pthread_mutex_lock(&p->host->lock);
    vec_push(&p->host->plugins, p);
    pthread_mutex_unlock(&p->host->lock);
    return p;
}

struct plugin *plugin_add_failed(struct plugin_host *h, const char *name, const char *path,
                                 const struct plugin_failure *failure)
{
    struct plugin *p = plugin_new(h);

    p->info.name = xstrdup(name);
    p->info.path = xstrdup(path ? path : "");
    p->failure = *failure;
    plugin_set_last_error(p, failure->text);
    return publish(p);
}

/* Names padded to a fixed size, so that the record copies them without measuring. */
static void pad_names(struct plugin *p)
{
    size_t n = p->info.fields.n;

    p->field_names = xcalloc(n, RECORD_NAME);
    for (size_t i = 0; i < n; i++)
        snprintf(p->field_names[i], RECORD_NAME, "%s", p->info.fields.v[i].name);
    p->field_stats = xcalloc(n, sizeof(*p->field_stats));
}

/* Rules of living together (§9): names, IDs and sources are unique. */
static enum severity check_neighbours(struct plugin *p)
{
    struct plugin *other = plugin_by_name(p->host, p->info.name);

    if (other) {
        failure_set(&p->failure, "name", "load one of the two",
                    "a plugin named %s is loaded already, from %s", p->info.name, other->info.path);
        return SEV_FAILED;
    }
    if (!(p->info.caps & CAP_SOURCING) || p->info.id == 0)
        return SEV_OK;
    if ((other = plugin_by_id(p->host, p->info.id))) {
        failure_set(&p->failure, "id", "load one of the two, or give one an ID of its own",
                    "plugin %s has ID %u already", other->info.name, p->info.id);
        return SEV_FAILED;
    }
    if (!p->host->shared_sources && (other = plugin_by_source(p->host, p->info.source))) {
        failure_set(&p->failure, "source", "load one of the two, or both with --shared-sources",
                    "plugin %s provides the event source %s already", other->info.name,
                    p->info.source);
        return SEV_FAILED;
    }
    return SEV_OK;
}

/* C++ plugins share class statics with those loaded before (quirk 12): what the library says of
 * itself in this process must be what it said alone. */
static enum severity compare_probe(struct plugin *p, const struct plugin_info *probed)
{
    const struct {
        const char *what, *alone, *here;
    } texts[] = {
        {"API version", probed->api_version, p->info.api_version},
        {"name", probed->name, p->info.name},
        {"version", probed->version, p->info.version},
    };

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (str_eq(texts[i].alone, texts[i].here))
            continue;
        failure_set(&p->failure, "isolation",
                    "load it without the plugin before it, or rename the class that both register",
                    "alone the library reports %s %s, beside the plugins loaded before it %s: they "
                    "share C++ statics",
                    texts[i].what, texts[i].alone, texts[i].here);
        return SEV_FAILED;
    }
    return SEV_OK;
}

static enum severity load_library(struct plugin *p, const struct plugin_info *probed)
{
    struct call_timer t = call_begin(p, PF_DLOPEN, 0, probed->path);

    p->handle = dlopen(probed->path, RTLD_NOW | RTLD_LOCAL);
    call_end(p, PF_DLOPEN, t, !p->handle);
    if (!p->handle) {
        failure_set(&p->failure, "dlopen", "it loads alone but not beside the plugins before it",
                    "can't load the dynamic library: %s", dlerror());
        return SEV_FAILED;
    }
    symbols_resolve(p->handle, &p->api, &p->mask);
    t = call_begin(p, PF_GET_NAME, 0, NULL);
    if (info_read(&p->api, p->mask, &p->info, &p->failure) != SEV_OK) {
        call_end(p, PF_GET_NAME, t, true);
        return SEV_FAILED;
    }
    call_end(p, PF_GET_NAME, t, false);
    p->info.file_size = probed->file_size;
    p->info.file_mtime = probed->file_mtime;
    memcpy(p->info.language, probed->language, sizeof(p->info.language));
    str_list_fini(&p->info.warnings);
    str_list_copy(&p->info.warnings, &probed->warnings);
    pad_names(p);
    return compare_probe(p, probed);
}

/* ---- configuration and init ------------------------------------------------------------------ */

static enum severity prepare_config(struct plugin *p, const char *config)
{
    struct error err;

    if (!p->info.schema) {
        p->config = xstrdup(config ? config : "");
        return SEV_OK;
    }
    if (plugin_schema_validate(p->info.schema, config, &p->config, &p->info.warnings, &err) ==
        SEV_OK)
        return SEV_OK;
    p->config = xstrdup(config ? config : "");
    failure_set(&p->failure, "config", "correct the configuration: its schema says what fits", "%s",
                err.text);
    return SEV_FAILED;
}

/* §4.3 */
static enum severity read_types(struct plugin *p, enum plugin_fn fn,
                                uint16_t *(*get)(uint32_t *, ss_plugin_t *),
                                const struct str_list *sources, uint8_t *set)
{
    uint32_t n = 0;
    uint16_t *list = NULL;

    if (get) {
        struct call_timer t = call_begin(p, fn, 0, NULL);

        list = get(&n, p->instance);
        call_end(p, fn, t, false);
    }
    if (!list || n == 0) {
        bool any = sources->n == 0 || str_list_has(sources, "syscall");

        for (unsigned i = 0; i < EVENT_TYPES; i++) {
            if (any || i == EVENT_PLUGIN)
                set[i / 8] |= (uint8_t)(1u << i % 8);
        }
        return SEV_OK;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (list[i] > EVENT_TYPES) {
            failure_set(&p->failure, "event-types", "list codes of the event table only",
                        "%s lists the invalid event type %u", plugin_fn_name(fn), list[i]);
            return SEV_FAILED;
        }
        set[list[i] / 8] |= (uint8_t)(1u << list[i] % 8);
    }
    return SEV_OK;
}

static enum severity initialise(struct plugin *p)
{
    bool tables = p->info.caps & (CAP_EXTRACTION | CAP_PARSING);
    ss_plugin_init_input in = {
        .config = p->config,
        .owner = p,
        .get_owner_last_error = owner_error_get,
        .tables = tables ? tables_init_input() : NULL,
        .log_fn = on_log,
    };
    ss_plugin_rc rc = SS_PLUGIN_FAILURE;
    char *masked = plugin_mask_secrets(p->config, p->info.schema);
    struct call_timer t = call_begin(p, PF_INIT, 0, masked);
    char words[PLUGIN_MAX_ERRLEN];

    free(masked);
    tables_enter(p, TABLES_ALL);
    p->instance = p->api.init(&in, &rc);
    tables_leave();
    call_end(p, PF_INIT, t, rc != SS_PLUGIN_SUCCESS);
    p->has_instance = p->instance != NULL;
    if (rc == SS_PLUGIN_SUCCESS && p->has_instance)
        return SEV_OK;
    if (p->has_instance)
        call_last_error(p, words, sizeof(words));
    else
        snprintf(words, sizeof(words), "plugin_init returned no state%s",
                 rc == SS_PLUGIN_SUCCESS ? ", but success" : "");
    failure_set(&p->failure, "init", "correct the configuration, or what the plugin's words name",
                "%s", words);
    return SEV_FAILED;
}

struct plugin *plugin_load(struct plugin_host *h, const struct plugin_info *probed,
                           const char *config)
{
    struct plugin *p = plugin_new(h);
    bool ok;

    p->info.path = xstrdup(probed->path);
    snprintf(p->name, sizeof(p->name), "%s", probed->name);
    p->info.name = xstrdup(probed->name);
    ok = check_neighbours(p) == SEV_OK; /* by name only: the rest follows */
    free(p->info.name);
    p->info.name = NULL;
    ok = ok && load_library(p, probed) == SEV_OK && check_neighbours(p) == SEV_OK &&
         prepare_config(p, config) == SEV_OK && initialise(p) == SEV_OK &&
         read_types(p, PF_GET_EXTRACT_EVENT_TYPES, p->api.get_extract_event_types,
                    &p->info.extract_sources, p->extract_types) == SEV_OK &&
         read_types(p, PF_GET_PARSE_EVENT_TYPES, p->api.get_parse_event_types,
                    &p->info.parse_sources, p->parse_types) == SEV_OK;
    if (!p->info.name)
        p->info.name = xstrdup(probed->name);
    if (!p->info.source)
        p->info.source = xstrdup(probed->source ? probed->source : "");
    p->state = ok ? PLUGIN_INITIALISED : PLUGIN_FAILED;
    if (!ok)
        plugin_set_last_error(p, p->failure.text);
    return publish(p);
}
