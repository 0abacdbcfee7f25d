/* What can be asked of a plugin while it runs: another configuration, its metrics, which version of
 * events it needs. */
#include "internal.h"

enum severity plugin_reconfigure(struct plugin *p, const char *config, struct error *err)
{
    char *used = NULL, *masked, words[PLUGIN_MAX_ERRLEN];
    ss_plugin_set_config_input in;
    struct call_timer t;
    ss_plugin_rc rc;

    if (p->state != PLUGIN_INITIALISED || !has_fn(p->mask, PF_SET_CONFIG))
        return error_set(err, ERR_REFUSED,
                         "plugin %s takes no configuration while it runs: R starts it anew",
                         p->info.name ? p->info.name : "");
    if (p->info.schema &&
        plugin_schema_validate(p->info.schema, config, &used, NULL, err) != SEV_OK)
        return SEV_FAILED;
    if (!used)
        used = xstrdup(config);
    in.config = used;
    masked = plugin_mask_secrets(used, p->info.schema);
    t = call_begin(p, PF_SET_CONFIG, 0, masked);
    rc = p->api.set_config(p->instance, &in);
    call_end(p, PF_SET_CONFIG, t, rc != SS_PLUGIN_SUCCESS);
    free(masked);
    if (rc == SS_PLUGIN_SUCCESS) {
        free(p->config);
        p->config = used;
        return SEV_OK;
    }
    free(used);
    call_last_error(p, words, sizeof(words));
    return error_set(err, ERR_REFUSED, "plugin %s: plugin_set_config: %s", p->info.name, words);
}

/* ---- metrics --------------------------------------------------------------------------------- */

#define METRICS_MAX 10000u

static void copy_metric(const ss_plugin_metric *m, struct plugin_metric *out)
{
    out->name = xstrndup(m->name ? m->name : "", m->name ? strnlen(m->name, 511) : 0);
    out->monotonic = m->type == SS_PLUGIN_METRIC_TYPE_MONOTONIC;
    out->type = (uint8_t)m->value_type;
    switch (m->value_type) {
    case SS_PLUGIN_METRIC_VALUE_TYPE_U32:
        out->value.u = m->value.u32;
        break;
    case SS_PLUGIN_METRIC_VALUE_TYPE_S32:
        out->value.i = m->value.s32;
        break;
    case SS_PLUGIN_METRIC_VALUE_TYPE_S64:
        out->value.i = m->value.s64;
        break;
    case SS_PLUGIN_METRIC_VALUE_TYPE_D:
        out->value.d = m->value.d;
        break;
    case SS_PLUGIN_METRIC_VALUE_TYPE_F:
        out->value.d = (double)m->value.f;
        break;
    case SS_PLUGIN_METRIC_VALUE_TYPE_I:
        out->value.i = m->value.i;
        break;
    default:
        out->value.u = m->value.u64;
    }
}

struct plugin_metric *plugin_metrics(struct plugin *p, size_t *n)
{
    struct plugin_metric *out;
    ss_plugin_metric *list;
    struct call_timer t;
    uint32_t count = 0;

    *n = 0;
    if (p->state != PLUGIN_INITIALISED || !has_fn(p->mask, PF_GET_METRICS))
        return NULL;
    t = call_begin(p, PF_GET_METRICS, 0, NULL);
    list = p->api.get_metrics(p->instance, &count);
    count = list ? MIN_OF(count, METRICS_MAX) : 0;
    out = xcalloc(count, sizeof(*out));
    for (uint32_t i = 0; i < count; i++)
        copy_metric(&list[i], &out[i]);
    call_end(p, PF_GET_METRICS, t, false);
    *n = count;
    return out;
}

void plugin_metrics_free(struct plugin_metric *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(m[i].name);
    free(m);
}

/* ---- versions of events (§3.4) --------------------------------------------------------------- */

/* Whether it asks for events other than those of plugins. */
static bool reads_system_events(const struct plugin *p)
{
    for (unsigned i = 0; i < EVENT_TYPES; i++) {
        unsigned both = 0;

        if (p->info.caps & CAP_EXTRACTION)
            both |= p->extract_types[i / 8] >> i % 8 & 1;
        if (p->info.caps & CAP_PARSING)
            both |= p->parse_types[i / 8] >> i % 8 & 1;
        if (both && i != EVENT_PLUGIN)
            return true;
    }
    return false;
}

bool plugin_schema_required(struct plugin *p, char out[64])
{
    const char *s = NULL;
    struct call_timer t;

    if (p->state != PLUGIN_INITIALISED || !reads_system_events(p))
        return false;
    snprintf(out, 64, "3.0.0");
    if (has_fn(p->mask, PF_GET_REQUIRED_EVENT_SCHEMA_VERSION)) {
        t = call_begin(p, PF_GET_REQUIRED_EVENT_SCHEMA_VERSION, 0, NULL);
        s = p->api.get_required_event_schema_version(p->instance);
        if (s) /* some end in a newline (quirk 14) */
            snprintf(out, 64, "%.*s", (int)strcspn(s, "\r\n"), s);
        call_end(p, PF_GET_REQUIRED_EVENT_SCHEMA_VERSION, t, false);
    }
    return true;
}

bool plugin_schema_fits(struct plugin *p, const char *version, struct error *err)
{
    char required[64];
    unsigned want[3], have[3];

    if (!plugin_version_parse(version, have) || !plugin_schema_required(p, required))
        return true;
    if (!plugin_version_parse(required, want)) {
        error_set(err, ERR_PLUGIN, "plugin %s: invalid required event schema version “%s”",
                  p->info.name, required);
        return false;
    }
    if (want[0] == have[0] && (want[1] < have[1] || (want[1] == have[1] && want[2] <= have[2])))
        return true;
    error_set(err, ERR_PLUGIN, "plugin %s needs event schema %s, in use is %s: the %s disagree",
              p->info.name, required, version,
              want[0] != have[0]   ? "majors"
              : want[1] != have[1] ? "minors"
                                   : "patches");
    return false;
}
