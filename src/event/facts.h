/* What the generated tables hold; included before event_tables.inc by the one file that has them. */
#ifndef MEWS_EVENT_FACTS_H
#define MEWS_EVENT_FACTS_H

#include "mews/event.h"

struct system_call {
    const char *name;
    int native; /* number on x86-64; -1: none */
};

enum { FROM_OLD, FROM_ENTER, FROM_EMPTY, FROM_DEFAULT, FROM_CALLBACK };

struct convert_source {
    uint8_t from, index;
    uint8_t otherwise; /* FROM_EMPTY or FROM_DEFAULT, where the enter half lacks it */
};

enum convert_action {
    CONVERT_STORE,
    CONVERT_PASS,
    CONVERT_STORE_AND_PASS,
    CONVERT_APPEND,
    CONVERT_RETYPE
};

struct convert_rule {
    uint16_t type;
    uint8_t nparams, action; /* enum convert_action */
    uint16_t to;
    uint8_t nsources;
    const struct convert_source *sources;
};

const struct convert_rule *convert_rule_get(unsigned i); /* NULL: behind the last */
/* NULL: none for this type and count. */
const struct convert_rule *convert_rule_find(uint16_t type, uint32_t nparams);

#endif
