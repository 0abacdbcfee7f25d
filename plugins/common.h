/* What the plugins that come along share: exporting, and strings that live as long as they must. */
#ifndef MEWS_PLUGINS_COMMON_H
#define MEWS_PLUGINS_COMMON_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mews/plugin_api.h"

#define EXPORT __attribute__((visibility("default")))

/* Grows *v so that n + 1 elements fit. */
#define GROW(v, n, cap)                                                                            \
    do {                                                                                           \
        if ((n) + 1 > (cap)) {                                                                     \
            (cap) = (cap) ? (cap)*2 : 16;                                                          \
            (v) = realloc((v), (cap) * sizeof(*(v)));                                              \
            if (!(v))                                                                              \
                abort();                                                                           \
        }                                                                                          \
    } while (0)

/* Puts the 38 bytes in front of a payload of n bytes that follows at event + 38. */
static inline void event_head(char *event, uint64_t ts, uint32_t plugin_id, uint32_t n)
{
    static const uint64_t none = UINT64_MAX;
    uint32_t len = PLUGIN_EVENT_PAYLOAD_OFFSET + n, two = 2, four = 4;
    uint16_t type = PLUGIN_EVENT_CODE;

    memcpy(event, &ts, 8);
    memcpy(event + 8, &none, 8);
    memcpy(event + 16, &len, 4);
    memcpy(event + 20, &type, 2);
    memcpy(event + 22, &two, 4);
    memcpy(event + 26, &four, 4);
    memcpy(event + 30, &n, 4);
    memcpy(event + 34, &plugin_id, 4);
}

/* The payload of a plugin event; false for anything else. */
static inline bool event_data(const ss_plugin_event *e, const char **p, size_t *n)
{
    const char *bytes = (const char *)e;
    uint32_t len;
    uint16_t type;

    memcpy(&len, bytes + 16, 4);
    memcpy(&type, bytes + 20, 2);
    if (type != PLUGIN_EVENT_CODE || len < PLUGIN_EVENT_PAYLOAD_OFFSET)
        return false;
    *p = bytes + PLUGIN_EVENT_PAYLOAD_OFFSET;
    *n = len - PLUGIN_EVENT_PAYLOAD_OFFSET;
    return true;
}

#endif
