/* The functions of the API: names, places in the table, what is required. */
#include "internal.h"

#include <dlfcn.h>

#define FN(upper, member) [PF_##upper] = {"plugin_" #member, offsetof(plugin_api, member)}

static const struct {
    const char *name;
    size_t offset;
} functions[PF_ALL] = {
    FN(GET_REQUIRED_API_VERSION, get_required_api_version),
    FN(GET_INIT_SCHEMA, get_init_schema),
    FN(INIT, init),
    FN(DESTROY, destroy),
    FN(GET_LAST_ERROR, get_last_error),
    FN(GET_NAME, get_name),
    FN(GET_DESCRIPTION, get_description),
    FN(GET_CONTACT, get_contact),
    FN(GET_VERSION, get_version),
    FN(GET_ID, get_id),
    FN(GET_EVENT_SOURCE, get_event_source),
    FN(OPEN, open),
    FN(CLOSE, close),
    FN(LIST_OPEN_PARAMS, list_open_params),
    FN(GET_PROGRESS, get_progress),
    FN(EVENT_TO_STRING, event_to_string),
    FN(NEXT_BATCH, next_batch),
    FN(GET_EXTRACT_EVENT_TYPES, get_extract_event_types),
    FN(GET_EXTRACT_EVENT_SOURCES, get_extract_event_sources),
    FN(GET_FIELDS, get_fields),
    FN(EXTRACT_FIELDS, extract_fields),
    FN(GET_PARSE_EVENT_TYPES, get_parse_event_types),
    FN(GET_PARSE_EVENT_SOURCES, get_parse_event_sources),
    FN(PARSE_EVENT, parse_event),
    FN(GET_ASYNC_EVENT_SOURCES, get_async_event_sources),
    FN(GET_ASYNC_EVENTS, get_async_events),
    FN(SET_ASYNC_EVENT_HANDLER, set_async_event_handler),
    FN(DUMP_STATE, dump_state),
    FN(SET_CONFIG, set_config),
    FN(GET_METRICS, get_metrics),
    FN(CAPTURE_OPEN, capture_open),
    FN(CAPTURE_CLOSE, capture_close),
    FN(GET_REQUIRED_EVENT_SCHEMA_VERSION, get_required_event_schema_version),
    [PF_DLOPEN] = {"dlopen", 0},
    [PF_DLCLOSE] = {"dlclose", 0},
};

const char *plugin_fn_name(enum plugin_fn fn)
{
    return (unsigned)fn < PF_ALL ? functions[fn].name : "unknown function";
}

void symbols_resolve(void *handle, plugin_api *api, uint64_t *mask)
{
    *mask = 0;
    memset(api, 0, sizeof(*api));
    for (unsigned i = 0; i < PF_COUNT; i++) {
        void *at = dlsym(handle, functions[i].name);

        memcpy((char *)api + functions[i].offset, &at, sizeof(at));
        if (at)
            *mask |= (uint64_t)1 << i;
    }
}

const char *symbols_missing_required(uint64_t mask)
{
    static const enum plugin_fn required[] = {
        PF_GET_REQUIRED_API_VERSION,
        PF_GET_VERSION,
        PF_GET_NAME,
        PF_GET_DESCRIPTION,
        PF_GET_CONTACT,
        PF_INIT,
        PF_DESTROY,
        PF_GET_LAST_ERROR,
    };

    for (size_t i = 0; i < COUNT_OF(required); i++) {
        if (!has_fn(mask, required[i]))
            return functions[required[i]].name;
    }
    return NULL;
}
