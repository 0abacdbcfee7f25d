/*
 * What for: what a session is to do, as the command line, a configuration or a client describes
 *           it; where plugins and views are found.
 * Owns:     a session_spec its strings.
 * Threads:  no state.
 * Errors:   ERR_USAGE with the very words that are off.
 * Included: by engine, ui, cli.
 */
#ifndef MEWS_CONFIG_H
#define MEWS_CONFIG_H

#include "mews/rpc.h"

struct spec_plugin {
    char *library; /* path or name */
    char *config;
    bool bundled;      /* comes along: gives way to the user's own */
    char *label;       /* its name in a configuration, NULL: none */
    char *open_params; /* that a configuration gives, NULL: none */
};

#define CAPTURE_KEPT "spool:" /* among captures: what the spool has kept of a pipe */

/* A session: plugins in their order, the source to open, limits. */
struct session_spec {
    VEC(struct spec_plugin) plugins;
    char *source;      /* plugin (or event source) to open, NULL: none */
    char *params;      /* its open parameters, NULL: none */
    bool offer_source; /* the only plugin's source is offered, not opened */
    bool no_auto;      /* do not load plugins that come along on demand */
    struct str_list plugin_dirs;
    char *bundled_dir; /* the plugins that come along */
    char *views_dir;
    uint64_t spool_limit;     /* bytes */
    uint64_t memory;          /* bytes for kept values */
    json_t *layouts;          /* the client's own (view.h, layouts_add), NULL: those of views_dir */
    struct str_list captures; /* files instead of a source, read as one stream */
    bool raw_events; /* of captures: as they stand in the file, numbered as sysdig 0.29.3 does */
    bool internal;   /* of captures: what mews hides otherwise, too */
    bool follow;     /* of captures: go on as the file grows */
    struct str_list rules_files; /* that a configuration names */
    json_t *
        rule_settings; /* of a configuration: {priority, matching, switches}, as Falco has them; NULL: none */
    struct str_list notes; /* what of a configuration was read, and what does not fit */
    bool strict;           /* filters hold to Falco's limits */
    bool no_replay;        /* stateful plugins are not initialised a second time */
    bool ask_replay;       /* the client is asked before they are */
    bool replay_settled;   /* the person's own settings say whether: nobody need be asked; in no JSON */
    bool shared_sources;   /* several plugins may provide one event source */
};

void spec_init(struct session_spec *s); /* with the default directories and limits */
void spec_fini(struct session_spec *s);
json_t *spec_to_json(const struct session_spec *s);
enum severity spec_from_json(const json_t *j, struct session_spec *s, struct error *err);

/* `-H SO[:CONFIG]`: the library is the longest path before a ':' that is there, else what stands
 * before the first one. */
enum severity spec_add_plugin(struct session_spec *s, const char *arg, struct error *err);
/* Adds a plugin unless one of the same library is there. */
void spec_add_library(struct session_spec *s, const char *library, const char *config,
                      bool bundled);
/* `-I NAME[:PARAMS]` */
enum severity spec_set_source(struct session_spec *s, const char *arg, struct error *err);

/* Adds the plugins of a configuration as Falco reads it (plugin ABI, §10), with the files that it
 * includes; options are KEY=VALUE, set last. What is not about plugins is passed over. */
enum severity spec_add_falco(struct session_spec *s, const char *path,
                             const struct str_list *options, struct error *err);
/* The person's own settings (config.yaml below the user's folder of configurations): plugin_dirs,
 * memory, spool_limit, utc, no_replay, shared_sources. One that is not there is no error. */
enum severity spec_add_own(struct session_spec *s, bool *utc, struct error *err);

/* Reads one YAML document into JSON: maps, sequences, and every scalar as a string (null for an
 * empty plain one). The error names line and column. NULL when it is off or nested more than 64
 * deep. */
json_t *yaml_read(const char *text, size_t n, struct error *err);
/* The same; every map has a member YAML_LINES besides: {key: line}. */
#define YAML_LINES "\001lines"
json_t *yaml_read_marked(const char *text, size_t n, struct error *err);
/* The same, of all documents: an array. */
json_t *yaml_read_all_marked(const char *text, size_t n, struct error *err);

#endif
