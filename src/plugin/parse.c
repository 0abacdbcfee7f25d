/* Event parsing (§7.1): each event once, in load order, before anything is extracted from it. */
#include "internal.h"

bool plugin_parses(const struct plugin *p, uint16_t type, const char *source)
{
    if (p->state != PLUGIN_INITIALISED || !(p->info.caps & CAP_PARSING) || !source ||
        type >= EVENT_TYPES || !(p->parse_types[type / 8] >> type % 8 & 1))
        return false;
    return p->info.parse_sources.n == 0 || str_list_has(&p->info.parse_sources, source);
}

bool plugin_is_stateful(const struct plugin *p)
{
    return (p->info.caps & CAP_PARSING) || p->uses_tables;
}

bool plugin_host_parses(const struct plugin_host *h)
{
    struct plugin *p;

    for (size_t i = 0; (p = plugin_at(h, i)); i++) {
        if (p->state == PLUGIN_INITIALISED && (p->info.caps & CAP_PARSING))
            return true;
    }
    return false;
}

/* A failure is counted, and no more (quirk 27 for extraction; §7.1). */
static void parse(struct plugin *p, const struct plugin_event *e)
{
    ss_plugin_event_input evt = {e->bytes, e->number, e->source};
    ss_plugin_event_parse_input in = {
        .owner = p,
        .get_owner_last_error = owner_error_get,
        .table_reader = *tables_reader(),
        .table_writer = *tables_writer(),
        .table_reader_ext = tables_reader_ext(),
        .table_writer_ext = tables_writer_ext(),
    };
    struct call_timer t = call_begin_often(p, PF_PARSE_EVENT, e->number);
    ss_plugin_rc rc;

    tables_enter(p, TABLES_READ | TABLES_WRITE);
    rc = p->api.parse_event(p->instance, &evt, &in);
    tables_leave();
    call_end_often(p, PF_PARSE_EVENT, t, rc != SS_PLUGIN_SUCCESS);
}

void plugin_parse(struct plugin *p, const struct plugin_event *e)
{
    if (plugin_parses(p, event_code(e->bytes), e->source) &&
        !plugin_avoided(p, plugin_fn_name(PF_PARSE_EVENT), e->number))
        parse(p, e);
}

void plugin_host_parse(struct plugin_host *h, const struct plugin_event *e)
{
    for (size_t i = 0; i < h->plugins.n; i++) /* it grows on this thread only */
        plugin_parse(h->plugins.v[i], e);
}
