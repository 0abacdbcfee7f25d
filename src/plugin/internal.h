/* What the files of this module share. */
#ifndef MEWS_PLUGIN_INTERNAL_H
#define MEWS_PLUGIN_INTERNAL_H

#include <pthread.h>

#include "mews/plugin.h"

/* Secrets and texts of plugins are cut at this many bytes. */
#define PLUGIN_TEXT_MAX ((size_t)1 << 20)

/* ---- symbols.c */
/* Resolves all functions of the API; *mask gets a bit for each that is there. */
void symbols_resolve(void *handle, plugin_api *api, uint64_t *mask);
const char *symbols_missing_required(uint64_t mask); /* the first, in the API's order; NULL: none */

static inline bool has_fn(uint64_t mask, enum plugin_fn fn)
{
    return mask >> fn & 1;
}

/* ---- json.c */
/* *comments (may be NULL): there are some, which Falco's libraries pass over and JSON has not. */
json_t *json_read(const char *text, size_t flags, bool *comments, json_error_t *err);
/* Of a string, or of another scalar, which those libraries take for one: *other. "" of all else. */
char *json_scalar_text(const json_t *v, bool *other);

/* ---- info.c: static facts, read from a loaded library before plugin_init (§1.10, steps 2 to 6) */
enum severity info_read(const plugin_api *api, uint64_t mask, struct plugin_info *info,
                        struct plugin_failure *failure);
/* ---- caps.c (§3.3) */
enum severity caps_detect(const plugin_api *api, uint64_t mask, struct plugin_info *info,
                          struct plugin_failure *failure);
/* ---- fields.c (§4.1) */
enum severity fields_parse(const char *json, struct plugin_info *info, struct error *err);

/* ---- secrets.c */
bool names_a_secret(const char *key);

void failure_set(struct plugin_failure *f, const char *step, const char *advice, const char *fmt,
                 ...) PRINTF_LIKE(4, 5);

/* ---- call.c */
struct plugin_avoided {
    char *field, *reason;
    uint64_t event;
};

struct plugin {
    struct plugin_host *host;
    struct plugin_info info;
    struct plugin_failure failure;
    enum plugin_state state;
    void *handle;
    plugin_api api;
    uint64_t mask;
    char *config;
    ss_plugin_t *instance; /* P */
    bool has_instance;     /* init gave one, even when it failed */
    ss_instance_t *stream; /* I */
    bool open;
    bool extract_types_listed; /* else by the rule of §4.3 */
    uint8_t extract_types[(EVENT_TYPES + 8) / 8];
    uint8_t parse_types[(EVENT_TYPES + 8) / 8];
    char name[RECORD_NAME];           /* padded with NUL, for the record */
    char (*field_names)[RECORD_NAME]; /* likewise */
    struct plugin_stats *fn_stats;    /* PF_ALL */
    struct plugin_stats *field_stats; /* fields.n */
    VEC(struct plugin_avoided) avoided;
    pthread_mutex_t lock; /* guards last_error, owner_error */
    char *last_error;
    char *owner_error;
    struct buf owner_error_out; /* what get_owner_last_error returned last */
    bool uses_tables;           /* has found or added one */
    bool handler_set;           /* guarded by the queue's lock */
    bool listening;
    _Atomic uint64_t async[ASYNC_FATES]; /* events by what became of them */
};

struct plugin_host {
    struct plugin_hooks hooks;
    struct plugin_record *record;
    struct plugin_record spare; /* used when the caller has no record */
    VEC(struct plugin *) plugins;
    struct table_registry *tables;
    struct async_queue *async;
    struct routines *routines;
    pthread_mutex_t lock; /* guards the vector while it grows */
    bool shared_sources;
    struct plugin_trace *trace;
    _Atomic bool tracing;
};

/* trace.c. trace_note: of the call in the record, which has just ended; its thread. */
struct plugin_trace *trace_new(void);
void trace_free(struct plugin_trace *t);
void trace_note(struct plugin_host *h, uint64_t took, bool failed);

struct call_timer {
    uint64_t start;
    bool timed;
};

/* Writes the record and starts the clock; event 0, field and arg may be NULL. */
struct call_timer call_begin(struct plugin *p, enum plugin_fn fn, uint64_t event, const char *arg);
/* The quick form for extraction: the field's name is padded already, the clock runs once in
 * sixteen. */
struct call_timer call_begin_extract(struct plugin *p, uint32_t field, uint64_t event,
                                     const char *key);
void call_end(struct plugin *p, enum plugin_fn fn, struct call_timer t, bool failed);
/* Of functions that are called for each event: the clock runs once in sixteen. */
struct call_timer call_begin_often(struct plugin *p, enum plugin_fn fn, uint64_t event);
void call_end_often(struct plugin *p, enum plugin_fn fn, struct call_timer t, bool failed);
void call_end_extract(struct plugin *p, uint32_t field, struct call_timer t, bool failed);
/* Asks for plugin_get_last_error, only right after a failure (quirk 1); copies into out. */
void call_last_error(struct plugin *p, char *out, size_t size);
void plugin_set_last_error(struct plugin *p, const char *text);

/* ---- tables.c (§8) */
struct table_registry *tables_new(void);
void tables_free(struct table_registry *r);
const ss_plugin_init_tables_input *tables_init_input(void);
const ss_plugin_table_reader_vtable *tables_reader(void);
ss_plugin_table_reader_vtable_ext *tables_reader_ext(void);
const ss_plugin_table_writer_vtable *tables_writer(void);
ss_plugin_table_writer_vtable_ext *tables_writer_ext(void);
/* What a call may do with tables (§8.1). */
enum { TABLES_FIND = 1, TABLES_READ = 2, TABLES_WRITE = 4, TABLES_ALL = 7 };
/* Names the plugin whose call is out on this thread, and what it may do; then that it is over. */
void tables_enter(struct plugin *p, unsigned may);
void tables_leave(void);

/* ---- host.c: plugins by the owner pointers that they hand back */
/* NULL: it is none of ours. Else the plugin stays until owner_release. */
struct plugin *owner_hold(const void *o);
void owner_release(void);

/* ---- extract.c */
const char *plugin_avoided(const struct plugin *p, const char *field, uint64_t event);

/* ---- async.c, listen.c */
struct async_queue *async_new(void);
void async_free(struct async_queue *q);
struct routines *routines_new(void);
void routines_free(struct routines *r);

void owner_error_set(struct plugin *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
const char *owner_error_get(ss_plugin_owner_t *o);

#endif
