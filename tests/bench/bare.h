/*
 * What for: the plugins of the tests, called as barely as can be, and in an engine.
 * Threads:  none.
 * Errors:   end the run with a message.
 */
#ifndef MEWS_TESTS_BARE_H
#define MEWS_TESTS_BARE_H

#include "../e2e/peer.h"

#include <mews/plugin_api.h>

/* What a library lacks is NULL. */
struct bare {
    ss_plugin_t *(*init)(const ss_plugin_init_input *, ss_plugin_rc *);
    void (*destroy)(ss_plugin_t *);
    ss_instance_t *(*open)(ss_plugin_t *, const char *, ss_plugin_rc *);
    void (*close)(ss_plugin_t *, ss_instance_t *);
    ss_plugin_rc (*next_batch)(ss_plugin_t *, ss_instance_t *, uint32_t *, ss_plugin_event ***);
    ss_plugin_rc (*extract)(ss_plugin_t *, const ss_plugin_event_input *,
                            const ss_plugin_field_extract_input *);
    ss_plugin_rc (*parse)(ss_plugin_t *, const ss_plugin_event_input *,
                          const ss_plugin_event_parse_input *);
};

/* By the name of its file below tests/plugins. */
void bare_load(struct bare *b, const char *name);
/* Seconds from the opening of stunt, in an engine with this session (which it takes over), to the
 * stream's end; with a filter (may be NULL) until it has searched so many rows. */
double bench_stunt(json_t *session, const char *params, const char *filter, double rows);

#endif
