/*
 * What for: the host side of the plugin API: finding, probing, loading, configuring, calling
 *           plugins, with a record of each call and an account of all. Knows nothing of
 *           screens, state or captures.
 * Owns:     a host owns its plugins; what plugins return is copied before the next call.
 * Threads:  all calls to plugins come from one thread, the plugin thread; accounts, infos and
 *           the last error may be read from others; the log hook is called from any thread that
 *           a plugin has.
 * Errors:   severities with the plugin's own words; a plugin that can't be used carries a
 *           plugin_failure.
 * Included: by field, engine, check, cli.
 *
 * Facts: the plugin ABI document, whose sections the comments name as "§".
 */
#ifndef MEWS_PLUGIN_H
#define MEWS_PLUGIN_H

#include <jansson.h>
#include <stdatomic.h>

#include "mews/event.h"

/* ---- functions of the API ----------------------------------------------------------------------
 */

enum plugin_fn { /* the order of struct plugin_api; names in plugin_fn_name */
                 PF_GET_REQUIRED_API_VERSION,
                 PF_GET_INIT_SCHEMA,
                 PF_INIT,
                 PF_DESTROY,
                 PF_GET_LAST_ERROR,
                 PF_GET_NAME,
                 PF_GET_DESCRIPTION,
                 PF_GET_CONTACT,
                 PF_GET_VERSION,
                 PF_GET_ID,
                 PF_GET_EVENT_SOURCE,
                 PF_OPEN,
                 PF_CLOSE,
                 PF_LIST_OPEN_PARAMS,
                 PF_GET_PROGRESS,
                 PF_EVENT_TO_STRING,
                 PF_NEXT_BATCH,
                 PF_GET_EXTRACT_EVENT_TYPES,
                 PF_GET_EXTRACT_EVENT_SOURCES,
                 PF_GET_FIELDS,
                 PF_EXTRACT_FIELDS,
                 PF_GET_PARSE_EVENT_TYPES,
                 PF_GET_PARSE_EVENT_SOURCES,
                 PF_PARSE_EVENT,
                 PF_GET_ASYNC_EVENT_SOURCES,
                 PF_GET_ASYNC_EVENTS,
                 PF_SET_ASYNC_EVENT_HANDLER,
                 PF_DUMP_STATE,
                 PF_SET_CONFIG,
                 PF_GET_METRICS,
                 PF_CAPTURE_OPEN,
                 PF_CAPTURE_CLOSE,
                 PF_GET_REQUIRED_EVENT_SCHEMA_VERSION,
                 PF_COUNT,
                 PF_DLOPEN = PF_COUNT, /* not functions of the API, but calls that can die or hang
                                          as well */
                 PF_DLCLOSE,
                 PF_ALL
};

/* "plugin_next_batch", "dlopen", … */
const char *plugin_fn_name(enum plugin_fn fn);

enum plugin_capability {
    CAP_SOURCING = 1,
    CAP_EXTRACTION = 2,
    CAP_PARSING = 4,
    CAP_ASYNC = 8,
    CAP_LISTENING = 16,
};

/* ---- the call record: shared memory in which the keeper reads what killed the engine --------- */

#define RECORD_NAME   64
#define RECORD_ARG    160
#define RECORD_FRAMES 24

struct plugin_call {
    _Atomic uint64_t serial; /* calls begun so far */
    _Atomic uint32_t active; /* a call is out */
    uint32_t fn;             /* enum plugin_fn */
    uint64_t event;          /* event number, 0: none */
    _Atomic uint64_t since;  /* CLOCK_MONOTONIC ns of its start */
    int32_t tid;
    uint64_t file_mtime; /* of the plugin's library */
    char plugin[RECORD_NAME];
    char field[RECORD_NAME];
    char arg[RECORD_ARG]; /* configuration, parameters, path, key; cut */
};

struct plugin_crash { /* written by the engine's signal handler */
    _Atomic uint32_t written;
    int32_t signal, code, tid;
    uint64_t address;
    uint32_t nframes;
    struct {
        uint64_t offset; /* in the module's file */
        char module[200];
        char symbol[120];
    } frames[RECORD_FRAMES];
};

struct plugin_record {
    struct plugin_call call;
    struct plugin_crash crash;
};

/* ---- what a library says of itself ----------------------------------------------------------- */

struct plugin_field {
    char *name, *desc, *display;
    enum value_type type;
    bool list;
    bool arg_required, arg_index, arg_key;
    bool hidden, info, conversation, add_output;
};

struct plugin_info {
    char *path;
    char *name, *version, *description, *contact, *api_version;
    unsigned api[3];
    unsigned caps;    /* enum plugin_capability */
    uint64_t symbols; /* bit fn: exported */
    uint32_t id;      /* sourcing: 0 for raw events */
    char *source;     /* sourcing: may be "" */
    char *schema;     /* JSON Schema of the configuration, NULL: none */
    VEC(struct plugin_field) fields;
    struct str_list extract_sources; /* effective (§4.2); empty: all */
    struct str_list parse_sources, async_sources, async_events;
    struct str_list warnings;       /* what is legal but surely not meant */
    uint64_t file_size, file_mtime; /* bytes; ns since the epoch */
    char language[8];               /* Go, Rust, C++, C */
};

void plugin_info_fini(struct plugin_info *info);
json_t *plugin_info_to_json(const struct plugin_info *info);
enum severity plugin_info_from_json(const json_t *j, struct plugin_info *info, struct error *err);

/* Why a plugin is not in use: listed on the Plugins screen. */
struct plugin_failure {
    char step[24]; /* find, file, probe, dlopen, api-version, symbols, capabilities, fields, … */
    char text[1200]; /* the loader's or the plugin's own words */
    char advice[400];
};

/* ---- finding and probing --------------------------------------------------------------------- */

/* The library that a person means by name: a path when it holds '/', else NAME, NAME.so or
 * libNAME.so in the directories, in their order. free() it; NULL with the places that were tried in
 * err. */
char *plugin_find(const char *name, const struct str_list *dirs, struct error *err);

/* Reads the static facts of a library in a process of its own (`exe --probe-plugin PATH` with the
 * answer on descriptor 3), ten seconds at most, so that a library that can't be loaded harms
 * nobody. */
enum severity plugin_probe(const char *exe, const char *path, struct plugin_info *out,
                           struct plugin_failure *failure);
/* The probing process itself: loads path, writes the answer to out_fd; the exit status. */
int plugin_probe_main(const char *path, int out_fd);

/* Whether the file is a 64-bit shared object for this machine, and what it was written in. */
enum severity plugin_elf_check(const char *path, struct plugin_info *info, struct error *err);

/* §3.1: three numbers; fails with the rule that does not hold. */
bool plugin_version_parse(const char *text, unsigned out[3]);
enum severity plugin_version_check(const char *required, struct error *err);

/* Validates a configuration against a JSON Schema (§4.6): an empty one becomes "{}" in *config_used
 * (free() it). The error names the path in the configuration, the rule and the value. Keywords that
 * are not understood add to warnings (may be NULL). */
enum severity plugin_schema_validate(const char *schema, const char *config, char **config_used,
                                     struct str_list *warnings, struct error *err);
/* A copy of a configuration (or of any JSON text) in which secrets are "•••": keys that say token,
 * secret, password, key, credential, and what the schema marks. Text that is no JSON is masked
 * whole when it looks like a secret. free() it. */
char *plugin_mask_secrets(const char *text, const char *schema);
/* The mask of a secret, in a configuration that a person changed, becomes what stood there in `old`.
 * The caller frees it. */
char *plugin_unmask_secrets(const char *text, const char *old);

/* ---- a host and its plugins ------------------------------------------------------------------ */

struct plugin_host;
struct plugin;

struct plugin_hooks {
    void *ctx;
    /* From any thread. severity is 1 (fatal) to 8 (trace); text holds no newline at its end. */
    void (*log)(void *ctx, const char *plugin, int severity, const char *component,
                const char *text);
    /* From any thread of a plugin: an async event waits (plugin_async_take). May be NULL. */
    void (*async)(void *ctx);
};

/* record may be NULL. */
struct plugin_host *plugin_host_new(const struct plugin_hooks *hooks, struct plugin_record *record);
/* ---- trace: calls one by one, while it is on; any thread ---- */
enum { PLUGIN_TRACE_MAX = 512 };
struct plugin_trace_entry {
    uint64_t number;      /* counts calls since the trace was there, from 1 */
    uint64_t ended, took; /* ns since 1970; ns */
    uint64_t event;       /* 0: none */
    enum plugin_fn fn;
    bool failed;
    char plugin[RECORD_NAME], field[RECORD_NAME], arg[RECORD_ARG]; /* secrets are masked */
};
void plugin_trace_set(struct plugin_host *h, bool on);
bool plugin_trace_on(const struct plugin_host *h);
/* The newest after a number, at most max, the oldest of them first; how many. */
size_t plugin_trace_read(struct plugin_host *h, uint64_t after, struct plugin_trace_entry *out,
                         size_t max);

/* Plugins loaded from now on may provide an event source that another one provides already (§9), as
 * current libraries allow; the seed of the framework does not. */
void plugin_host_share_sources(struct plugin_host *h, bool share);
/* Destroys every plugin in reverse order of loading. */
void plugin_host_free(struct plugin_host *h);

enum plugin_state {
    PLUGIN_FAILED,      /* can't be used: see plugin_failure */
    PLUGIN_LOADED,      /* the library is in the process */
    PLUGIN_INITIALISED, /* plugin_init succeeded */
};

/* Loads a probed library, checks it once more in this process, validates its configuration and
 * initialises it. The returned plugin is the host's and is listed even when it failed (state
 * FAILED); never NULL. */
struct plugin *plugin_load(struct plugin_host *h, const struct plugin_info *probed,
                           const char *config);
/* Lists a plugin that could not even be probed. */
struct plugin *plugin_add_failed(struct plugin_host *h, const char *name, const char *path,
                                 const struct plugin_failure *failure);

size_t plugin_count(const struct plugin_host *h);
struct plugin *plugin_at(const struct plugin_host *h, size_t i);
/* A usable plugin by name, by ID or by source; NULL when there is none. */
struct plugin *plugin_by_name(const struct plugin_host *h, const char *name);
struct plugin *plugin_by_id(const struct plugin_host *h, uint32_t id);
struct plugin *plugin_by_source(const struct plugin_host *h, const char *source);

enum plugin_state plugin_state(const struct plugin *p);
const struct plugin_info *plugin_info(const struct plugin *p);
const struct plugin_failure *plugin_failure(const struct plugin *p);
const char *plugin_config(const struct plugin *p); /* as handed to plugin_init */
/* The newest error of any call; free() it, NULL when there was none. From any thread. */
char *plugin_last_error(struct plugin *p);

/* ---- sourcing (§5) --------------------------------------------------------------------------- */

/* Opens a stream; a plugin has one at a time here. */
enum severity plugin_stream_open(struct plugin *p, const char *params, struct error *err);
void plugin_stream_close(struct plugin *p);
bool plugin_stream_is_open(const struct plugin *p);

struct plugin_batch {
    int rc;                   /* ss_plugin_rc, unknown values made FAILURE */
    uint32_t n;               /* events, legal with every rc */
    ss_plugin_event **events; /* the plugin's, until the next call */
    char error[1024];         /* with FAILURE and NOT_SUPPORTED */
};
/* SEV_FAILED when the contract is broken (success without events, NULL array); rc says the rest. */
enum severity plugin_stream_next(struct plugin *p, struct plugin_batch *out, struct error *err);
/* Checks an event of a batch (§5.1, plus its structure) and copies it to out with ID, tid and time
 * filled in. */
enum severity plugin_event_take(struct plugin *p, const ss_plugin_event *e, uint64_t now,
                                struct buf *out, struct error *err);
/* Percent of a hundred (0…10000) and the plugin's words, cut; false when it can't say. */
bool plugin_progress(struct plugin *p, uint32_t *pct, char *text, size_t size);
/* JSON array as the plugin gave it, checked; free() it, NULL with err when it failed. */
char *plugin_open_params(struct plugin *p, struct error *err);

struct plugin_event {
    const void *bytes;
    uint64_t number;
    const char *source; /* name of the event's source, NULL when unknown */
};
/* One line on a plugin event, from the plugin or made from its bytes (§5.5). */
void plugin_event_text(struct plugin *p, const struct plugin_event *e, struct buf *out);

/* ---- extraction (§6) ------------------------------------------------------------------------- */

struct plugin_arg {
    bool present;
    const char *key; /* NULL when the field takes an index only */
    uint64_t index;  /* UINT64_MAX when it is none */
};
/* Whether events of this type and source reach the plugin's extraction (§6.4). */
bool plugin_extracts(const struct plugin *p, uint16_t type, const char *source);
/* One field of one event. The value's bytes are copied to the arena. A refusal of the plugin, or a
 * result that breaks the contract, is a value in state FAILED with the reason. offsets asks where
 * in the event the value stands (§6.3). */
void plugin_extract(struct plugin *p, uint32_t field, const struct plugin_arg *arg, bool offsets,
                    const struct plugin_event *e, struct arena *arena, struct value *out);
/* Never calls (plugin, field, event) again: it killed an engine before. event 0: any event. */
void plugin_avoid(struct plugin *p, const char *field, uint64_t event, const char *reason);

/* ---- parsing (§7.1) -------------------------------------------------------------------------- */

/* Whether events of this type and source reach the plugin's parsing. */
bool plugin_parses(const struct plugin *p, uint16_t type, const char *source);
/* Whether its values depend on the events before: it parses events, or uses tables. */
bool plugin_is_stateful(const struct plugin *p);
bool plugin_host_parses(const struct plugin_host *h); /* some plugin does */
/* Every plugin that wants the event parses it, in the order of loading. Each event once, before
 * anything is extracted from it. */
void plugin_host_parse(struct plugin_host *h, const struct plugin_event *e);
void plugin_parse(struct plugin *p, const struct plugin_event *e); /* this one, if it wants it */

/* ---- async events (§7.3, §7.4, §7.6) --------------------------------------------------------- */

enum plugin_async_fate {
    ASYNC_TAKEN,
    ASYNC_NO_HANDLER,
    ASYNC_MALFORMED,
    ASYNC_UNDECLARED,
    ASYNC_SOURCE,
    ASYNC_THREAD,
    ASYNC_FULL,
    ASYNC_FATES
};
const char *plugin_async_word(enum plugin_async_fate fate); /* for people */

struct plugin_async {
    struct plugin *plugin; /* who sent it */
    uint64_t received;     /* host's time, ns since the epoch */
    size_t at;             /* where it starts in the buffer */
    bool future;           /* more than ten seconds ahead when it came: the reference drops those */
};

/* Gives all async plugins the handler: a stream of this source (the plugin's ID, 0 for syscall) is
 * about to run. Events wait within `memory` bytes; past that they are refused. */
enum severity plugin_async_start(struct plugin_host *h, const char *source, uint32_t id,
                                 uint64_t memory, struct error *err);
bool plugin_async_runs(const struct plugin_host *h); /* some plugin has it */
/* Takes it away again from all; what went wrong is appended to errors (may be NULL). What waits
 * stays. */
void plugin_async_stop(struct plugin_host *h, struct buf *errors);
/* Appends the first event whose time is not after until; one without a time gets `fill`. False:
 * none is due. */
bool plugin_async_take(struct plugin_host *h, uint64_t until, uint64_t fill, struct buf *out,
                       struct plugin_async *what);
/* Whether one waits, and its time (0: at once). */
bool plugin_async_due(struct plugin_host *h, uint64_t *ts);
uint64_t plugin_async_count(const struct plugin *p, enum plugin_async_fate fate);
/* Appends the n events by which the plugin tells its state; none where it can't. */
enum severity plugin_tell_state(struct plugin *p, struct buf *out, unsigned *n, struct error *err);

/* ---- capture listening (§7.7) ---------------------------------------------------------------- */

enum severity plugin_listen_open(struct plugin_host *h, struct error *err);
/* Every plugin is told; its routines have ended when this returns. */
void plugin_listen_close(struct plugin_host *h, struct buf *errors);
size_t plugin_routines(const struct plugin *p); /* that are subscribed */

/* ---- configuration, metrics, versions of events ---------------------------------------------- */

/* Validates a configuration against the plugin's schema and hands it over while it runs (3.4).
 * ERR_REFUSED: the plugin can't, or will not. */
enum severity plugin_reconfigure(struct plugin *p, const char *config, struct error *err);

struct plugin_metric {
    char *name;
    bool monotonic;
    uint8_t type; /* ss_plugin_metric_value_type */
    union {
        uint64_t u;
        int64_t i;
        double d;
    } value; /* u: unsigned, i: signed, d: floating */
};
/* Copies its metrics (3.6); free them with plugin_metrics_free. n 0: it has none. */
struct plugin_metric *plugin_metrics(struct plugin *p, size_t *n);
void plugin_metrics_free(struct plugin_metric *m, size_t n);
/* §3.4: the version of the events' schema that a plugin asks for; false: it reads none but those of
 * plugins. */
bool plugin_schema_required(struct plugin *p, char out[64]);
/* §3.4: whether a plugin that reads system calls fits events of this schema version; false with
 * the reason. */
bool plugin_schema_fits(struct plugin *p, const char *version, struct error *err);

/* ---- tables of the host (§8) ----------------------------------------------------------------- */

/* Registers a table that the host owns; what in points to must live as long as the host. */
void plugin_host_add_table(struct plugin_host *h, const ss_plugin_table_input *in);
/* Why an operation on a host's table failed: the words that its caller gets. */
void plugin_table_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Whose call is out on this thread; NULL: none. */
const struct plugin *plugin_calling(void);
/* Called when the plugin's call that was out on this thread is over, before anything else. */
void plugin_host_on_call_over(struct plugin_host *h, void (*over)(void *ctx), void *ctx);

struct plugin_table {
    const char *name;
    const struct plugin *owner;   /* NULL: the host */
    ss_plugin_table_input *input; /* for asking it through its extended functions */
};
size_t plugin_tables(const struct plugin_host *h, struct plugin_table *out, size_t max);

/* ---- account --------------------------------------------------------------------------------- */

#define PLUGIN_BUCKETS 160 /* four to a doubling, from 1 ns */

struct plugin_stats { /* written by the plugin thread, read by any */
    _Atomic uint64_t calls, failures;
    _Atomic uint64_t timed, total_ns, max_ns; /* short calls are timed one in sixteen */
    _Atomic uint32_t buckets[PLUGIN_BUCKETS];
};

const struct plugin_stats *plugin_stats(const struct plugin *p, enum plugin_fn fn);
const struct plugin_stats *plugin_field_stats(const struct plugin *p, uint32_t field);
/* The time below which a share (0…1) of the timed calls stayed, in ns. */
uint64_t plugin_stats_quantile(const struct plugin_stats *s, double share);

/* Installs the handlers that write record->crash when the process dies by a signal (call before any
 * plugin is loaded, after SIGPIPE was ignored). */
void plugin_crash_install(struct plugin_record *record);

#endif
