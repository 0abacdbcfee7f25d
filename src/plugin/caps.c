/* Capabilities follow from the functions that a library exports (§3.3). */
#include "internal.h"

static void add_broken(struct buf *b, const char *text)
{
    if (b->len)
        buf_adds(b, ", ");
    buf_adds(b, text);
}

/* "" and NULL alike: not given. */
static char *source_of(const plugin_api *api, uint64_t mask)
{
    const char *s = has_fn(mask, PF_GET_EVENT_SOURCE) ? api->get_event_source() : NULL;

    return xstrdup(s ? s : "");
}

static void detect_sourcing(const plugin_api *api, uint64_t mask, struct plugin_info *info,
                            struct buf *broken)
{
    unsigned have = has_fn(mask, PF_OPEN) + has_fn(mask, PF_CLOSE) + has_fn(mask, PF_NEXT_BATCH);

    if (have == 0) {
        if (has_fn(mask, PF_GET_ID) || has_fn(mask, PF_GET_EVENT_SOURCE))
            str_list_add(&info->warnings,
                         "plugin_get_id and plugin_get_event_source have no effect without "
                         "plugin_open, plugin_close and plugin_next_batch");
        return;
    }
    if (have < 3) {
        add_broken(broken,
                   "must implement all three of plugin_open, plugin_close, plugin_next_batch");
        return;
    }
    info->id = has_fn(mask, PF_GET_ID) ? api->get_id() : 0;
    info->source = source_of(api, mask);
    if ((info->id != 0) != (info->source[0] != '\0'))
        add_broken(broken,
                   "must implement both plugin_get_id and plugin_get_event_source or neither");
    else
        info->caps |= CAP_SOURCING;
}

static const struct pair_rule {
    enum plugin_fn first, second;
    enum plugin_capability cap;
    bool first_alone_breaks, second_alone_breaks;
    const char *broken, *silent;
} pairs[] = {
    {PF_GET_FIELDS, PF_EXTRACT_FIELDS, CAP_EXTRACTION, false, true,
     "must implement both plugin_get_fields and plugin_extract_fields",
     "plugin_get_fields has no effect without plugin_extract_fields"},
    {PF_GET_ASYNC_EVENTS, PF_SET_ASYNC_EVENT_HANDLER, CAP_ASYNC, false, true,
     "must implement both plugin_get_async_events and plugin_set_async_event_handler",
     "plugin_get_async_events has no effect without plugin_set_async_event_handler"},
    {PF_CAPTURE_OPEN, PF_CAPTURE_CLOSE, CAP_LISTENING, true, false,
     "must implement both plugin_capture_open and plugin_capture_close",
     "plugin_capture_close has no effect without plugin_capture_open"},
};

static void detect_pair(const struct pair_rule *r, uint64_t mask, struct plugin_info *info,
                        struct buf *broken)
{
    bool first = has_fn(mask, r->first), second = has_fn(mask, r->second);

    if (first && second)
        info->caps |= r->cap;
    else if ((first && r->first_alone_breaks) || (second && r->second_alone_breaks))
        add_broken(broken, r->broken);
    else if (first || second)
        str_list_add(&info->warnings, r->silent);
}

enum severity caps_detect(const plugin_api *api, uint64_t mask, struct plugin_info *info,
                          struct plugin_failure *failure)
{
    struct buf broken;
    enum severity sev = SEV_FAILED;

    buf_init(&broken, 0);
    detect_sourcing(api, mask, info, &broken);
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        detect_pair(&pairs[i], mask, info, &broken);
    if (has_fn(mask, PF_PARSE_EVENT))
        info->caps |= CAP_PARSING;
    else if (has_fn(mask, PF_GET_PARSE_EVENT_TYPES) || has_fn(mask, PF_GET_PARSE_EVENT_SOURCES))
        str_list_add(&info->warnings,
                     "the list of events to parse has no effect without plugin_parse_event");

    if (broken.len)
        failure_set(failure, "capabilities",
                    "export the missing function (extern \"C\", visible), or none of its group",
                    "broken plugin capabilities: %s", buf_str(&broken));
    else if (info->caps == 0)
        failure_set(failure, "capabilities",
                    "export the functions of at least one capability: sourcing, "
                    "extraction, parsing, async events, capture listening",
                    "the plugin implements no capability");
    else if (info->id && str_eq(info->source, "syscall"))
        failure_set(failure, "capabilities", "give the source a name of its own",
                    "the event source “syscall” is reserved");
    else
        sev = SEV_OK;
    buf_fini(&broken);
    return sev;
}
