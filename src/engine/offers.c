/* Lines of a log that look like a known source's: its plugin is offered. */
#include "internal.h"

#define LOOK_AT 20 /* events */

static void make_offer(struct engine *e, const struct layout *l, uint64_t number)
{
    struct error err;
    char *library = plugin_find(l->plugin, &e->spec.plugin_dirs, &err);
    json_t *o =
        json_pack("{ss so so so}", "plugin", l->plugin, "source", rpc_str(l->source), "title",
                  rpc_str(l->title ? l->title : l->source), "number", rpc_u64(number));

    json_object_set_new(o, "library", library ? rpc_str(library) : json_null());
    if (!library)
        json_object_set_new(o, "missing", rpc_str(err.text));
    pthread_mutex_lock(&e->state_lock);
    json_object_set_new(o, "params", rpc_str(e->source.params));
    json_decref(e->offer);
    e->offer = o;
    notify(e, "offer", json_deep_copy(o));
    pthread_mutex_unlock(&e->state_lock);
    free(library);
}

/* Events of a plugin that is not loaded. */
static void offer_by_id(struct engine *e, uint32_t id)
{
    const struct plugin_registered *known = plugin_registered(id);
    char title[80];
    struct layout l = {.plugin = (char *)(known ? known->name : NULL),
                       .source = (char *)(known ? known->source : ""),
                       .title = title};

    e->offers_looked++;
    if (!known || plugin_by_id(e->host, id))
        return;
    snprintf(title, sizeof(title), "events of plugin ID %u", id);
    make_offer(e, &l, e->offers_looked);
}

void offers_look(struct engine *e, const void *event)
{
    const struct layout *l;
    struct span line;

    if (e->capture && !e->offer && e->offers_looked < LOOK_AT) {
        offer_by_id(e, event_plugin_id(event));
        return;
    }

    if (e->offers_looked >= LOOK_AT || e->offer || !e->source.plugin ||
        !str_eq(plugin_info(e->source.plugin)->source, "logs"))
        return;
    e->offers_looked++;
    line = event_payload(event);
    line.n = line.n ? strnlen(line.p, line.n) : 0;
    if (line.n == 0 || line.p[0] != '{')
        return;
    l = layout_recognise(&e->layouts, line);
    if (l && l->plugin)
        make_offer(e, l, e->offers_looked);
}

json_t *offer_json(struct engine *e)
{
    json_t *o;

    pthread_mutex_lock(&e->state_lock);
    o = e->offer ? json_deep_copy(e->offer) : json_null();
    pthread_mutex_unlock(&e->state_lock);
    return o;
}
