/* Event sourcing (§5): open, next_batch, close, and what an event of a batch must be. */
#include "internal.h"

enum severity plugin_stream_open(struct plugin *p, const char *params, struct error *err)
{
    ss_plugin_rc rc = SS_PLUGIN_FAILURE;
    char words[PLUGIN_MAX_ERRLEN];
    struct call_timer t;

    if (p->open)
        return error_set(err, ERR_REFUSED, "plugin %s has a stream open already", p->info.name);
    t = call_begin(p, PF_OPEN, 0, params);
    p->stream = p->api.open(p->instance, params ? params : "", &rc);
    call_end(p, PF_OPEN, t, rc != SS_PLUGIN_SUCCESS);
    if (rc == SS_PLUGIN_SUCCESS && p->stream) {
        p->open = true;
        return SEV_OK;
    }
    if (rc == SS_PLUGIN_SUCCESS)
        snprintf(words, sizeof(words), "plugin_open says success but returns no stream");
    else
        call_last_error(p, words, sizeof(words));
    return error_set(err, ERR_PLUGIN, "plugin %s: plugin_open: %s", p->info.name, words);
}

void plugin_stream_close(struct plugin *p)
{
    struct call_timer t;

    if (!p->open)
        return;
    t = call_begin(p, PF_CLOSE, 0, NULL);
    p->api.close(p->instance, p->stream);
    call_end(p, PF_CLOSE, t, false);
    p->open = false;
    p->stream = NULL;
}

bool plugin_stream_is_open(const struct plugin *p)
{
    return p->open;
}

enum severity plugin_stream_next(struct plugin *p, struct plugin_batch *out, struct error *err)
{
    uint32_t n = 0;
    ss_plugin_event **events = NULL;
    struct call_timer t = call_begin(p, PF_NEXT_BATCH, 0, NULL);
    ss_plugin_rc rc = p->api.next_batch(p->instance, p->stream, &n, &events);
    bool failed = rc != SS_PLUGIN_SUCCESS && rc != SS_PLUGIN_TIMEOUT && rc != SS_PLUGIN_EOF;

    call_end(p, PF_NEXT_BATCH, t, failed);
    out->rc = failed && rc != SS_PLUGIN_NOT_SUPPORTED ? SS_PLUGIN_FAILURE : rc;
    out->n = n;
    out->events = events;
    out->error[0] = '\0';
    if (failed)
        call_last_error(p, out->error, sizeof(out->error));
    if (n && !events)
        return error_set(err, ERR_PLUGIN,
                         "plugin %s: plugin_next_batch gives %u events but no array", p->info.name,
                         n);
    if (rc == SS_PLUGIN_SUCCESS && n == 0)
        return error_set(err, ERR_PLUGIN,
                         "plugin %s: plugin_next_batch says success but gives no event: timeout "
                         "is the answer when there is none",
                         p->info.name);
    return SEV_OK;
}

/* §5.1: a plugin with an ID emits plugin events only. */
static enum severity check_type(const struct plugin *p, const ss_plugin_event *e, struct error *err)
{
    if (!p->info.id || (event_code(e) == EVENT_PLUGIN && event_nparams(e) == 2))
        return SEV_OK;
    return error_set(err, ERR_PLUGIN,
                     "malformed plugin event: type %u with %u parameters, 322 with 2 is needed",
                     event_code(e), event_nparams(e));
}

/* §5.1: whose plugin events they may be. */
static enum severity check_emitter(const struct plugin *p, const ss_plugin_event *e,
                                   struct error *err)
{
    uint32_t id = p->info.id, has;

    if (event_code(e) != EVENT_PLUGIN)
        return SEV_OK;
    has = event_plugin_id(e);
    if (id && has && has != id)
        return error_set(err, ERR_PLUGIN, "unexpected plugin ID %u: the plugin has %u", has, id);
    if (!id && !has)
        return error_set(err, ERR_PLUGIN, "malformed plugin event: it has no plugin ID");
    return SEV_OK;
}

enum severity plugin_event_take(struct plugin *p, const ss_plugin_event *e, uint64_t now,
                                struct buf *out, struct error *err)
{
    enum severity sev = SEV_OK;
    size_t at = out->len;
    char *copy;

    if (!e)
        sev = error_set(err, ERR_PLUGIN, "an event of the batch is NULL");
    else if (event_len(e) > EVENT_LEN_MAX)
        sev = error_set(err, ERR_PLUGIN,
                        "an event of the batch says it has %u bytes; 64 MiB are the limit",
                        event_len(e));
    else
        sev = check_type(p, e, err);
    if (sev == SEV_OK)
        sev = event_check(e, event_len(e), err);
    if (sev == SEV_OK)
        sev = check_emitter(p, e, err);
    if (sev != SEV_OK) {
        if (err)
            err->code = ERR_PLUGIN;
        error_context(err, "plugin %s: plugin_next_batch", p->info.name);
        plugin_set_last_error(p, err ? err->text : "malformed event");
        return sev;
    }
    if (!buf_add(out, e, event_len(e)))
        return error_set(err, ERR_LIMIT, "a batch of plugin %s is larger than memory allows",
                         p->info.name);
    copy = out->data + at;
    if (event_ts(copy) == TS_NONE)
        put_u64(copy, now);
    if (event_code(copy) == EVENT_PLUGIN) {
        put_u64(copy + 8, EVENT_TID_NONE);
        if (p->info.id && event_param(copy, 0).n == 4)
            put_u32(copy + 34, p->info.id);
    }
    return SEV_OK;
}

bool plugin_progress(struct plugin *p, uint32_t *pct, char *text, size_t size)
{
    struct call_timer t;
    const char *s;

    *pct = 0;
    *text = '\0';
    if (!p->open || !has_fn(p->mask, PF_GET_PROGRESS))
        return false;
    t = call_begin(p, PF_GET_PROGRESS, 0, NULL);
    s = p->api.get_progress(p->instance, p->stream, pct);
    if (s)
        snprintf(text, size, "%s", s);
    call_end(p, PF_GET_PROGRESS, t, false);
    *pct = MIN_OF(*pct, 10000u);
    return true;
}

/* §4.4: an array of objects that have a value. *copy becomes plain JSON, or NULL. */
static void check_open_params(struct plugin *p, char **copy, struct error *err)
{
    json_error_t jerr;
    json_t *list = json_read(*copy, 0, NULL, &jerr), *item;
    bool good = json_is_array(list);
    size_t i;

    if (!good)
        error_set(err, ERR_PLUGIN, "plugin %s: plugin_list_open_params gives no JSON array",
                  p->info.name);
    json_array_foreach(list, i, item) {
        const char *value = json_string_value(json_object_get(item, "value"));

        if (good && (!value || !*value)) {
            error_set(err, ERR_PLUGIN, "plugin %s: plugin_list_open_params: item %zu has no value",
                      p->info.name, i);
            good = false;
        }
    }
    free(*copy);
    *copy = good ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
}

char *plugin_open_params(struct plugin *p, struct error *err)
{
    ss_plugin_rc rc = SS_PLUGIN_FAILURE;
    char words[PLUGIN_MAX_ERRLEN];
    struct call_timer t;
    char *copy;

    if (!has_fn(p->mask, PF_LIST_OPEN_PARAMS))
        return xstrdup("[]");
    t = call_begin(p, PF_LIST_OPEN_PARAMS, 0, NULL);
    const char *s = p->api.list_open_params(p->instance, &rc);
    copy = xstrndup(s ? s : "", s ? strnlen(s, PLUGIN_TEXT_MAX) : 0);
    call_end(p, PF_LIST_OPEN_PARAMS, t, rc != SS_PLUGIN_SUCCESS);
    if (rc != SS_PLUGIN_SUCCESS) {
        call_last_error(p, words, sizeof(words));
        error_set(err, ERR_PLUGIN, "plugin %s: plugin_list_open_params: %s", p->info.name, words);
        free(copy);
        return NULL;
    }
    if (!*copy) {
        free(copy);
        return xstrdup("[]");
    }
    check_open_params(p, &copy, err);
    return copy;
}

/* §5.5: what is shown when the plugin has no words. */
static void default_text(const void *event, struct buf *out)
{
    struct span data = event_payload(event);
    size_t shown = MIN_OF(data.n, (size_t)50);
    bool binary = false;

    for (size_t i = 0; i < shown; i++)
        binary |= data.p[i] < 0x20 || data.p[i] > 0x7e;
    buf_addf(out, "datalen=%zu data=", data.n);
    if (binary)
        buf_adds(out, "<binary>");
    else
        buf_add(out, data.p, shown);
    if (data.n > 50)
        buf_adds(out, "...");
}

void plugin_event_text(struct plugin *p, const struct plugin_event *e, struct buf *out)
{
    size_t at = out->len;

    if (has_fn(p->mask, PF_EVENT_TO_STRING) && p->has_instance) {
        ss_plugin_event_input in = {e->bytes, e->number, e->source ? e->source : ""};
        struct call_timer t = call_begin(p, PF_EVENT_TO_STRING, e->number, NULL);
        const char *s = p->api.event_to_string(p->instance, &in);

        if (s)
            buf_add(out, s, strnlen(s, PLUGIN_TEXT_MAX));
        call_end(p, PF_EVENT_TO_STRING, t, false);
    }
    if (out->len == at)
        default_text(e->bytes, out);
}
