/* What the files of this module share. Which thread may touch what is said at each field. */
#ifndef MEWS_ENGINE_INTERNAL_H
#define MEWS_ENGINE_INTERNAL_H

#include <pthread.h>

#include "mews/engine.h"
#include "mews/filter.h"
#include "mews/rules.h"
#include "mews/view.h"

struct engine;

/* ---- jobs: work for the plugin thread, in order ---------------------------------------------- */

struct job {
    struct job *next;
    void (*run)(struct engine *e, struct job *j);
    json_t *id;     /* of the request to answer; NULL: none */
    json_t *params; /* the request's */
    void *data;     /* freed with free() */
};

/* id and params are kept by reference; data is taken. Any thread. */
void job_post(struct engine *e, void (*run)(struct engine *e, struct job *j), const json_t *id,
              const json_t *params, void *data);
/* The same for a method that needs a stream that is kept; answers the error where it is not. */
void job_post_kept(struct engine *e, void (*run)(struct engine *e, struct job *j), const json_t *id,
                   const json_t *params);
/* Runs one job if there is one. Plugin thread. */
bool job_run_one(struct engine *e);
bool job_waiting(struct engine *e);
/* Waits for a job, a wake-up or the time. Plugin thread. */
void job_wait(struct engine *e, uint64_t ns);
void plugin_thread_wake(struct engine *e);

/* ---- replies and notifications, from any thread ---------------------------------------------- */

void reply(struct engine *e, const json_t *id, json_t *result); /* takes result */
void reply_error(struct engine *e, const json_t *id, const struct error *err);
void reply_code(struct engine *e, const json_t *id, int code, const char *text);
void reply_syntax(struct engine *e, const json_t *id, const struct syntax_error *err);
void notify(struct engine *e, const char *method, json_t *params); /* takes params */
/* A line of the log: plugin may be NULL; the severities are those of the plugin API. */
void log_entry(struct engine *e, const char *plugin, int severity, const char *component,
               const char *text);
/* The same, of mews itself. */
void log_note(struct engine *e, const char *plugin, const char *fmt, ...) PRINTF_LIKE(3, 4);
json_t *syntax_error_json(const struct syntax_error *err);

enum wake { WAKE_CELLS = 1, WAKE_STREAM = 2, WAKE_SELECTION = 4, WAKE_COUNTS = 8 };
/* Tells the main thread that something has changed. */
void wake_main(struct engine *e, unsigned what);
/* Answers a request again from the start, on the main thread: what it needed is there now. */
void redispatch(struct engine *e, const json_t *id, const char *method, const json_t *params);

/* ---- reading values of one event ------------------------------------------------------------- */

struct event_reader {
    struct field_reader base;
    struct engine *e;
    struct field_event fe;
    struct field_thread thread;
    struct arena arena;
    struct value *values; /* one for each slot of the refs it was made for */
    uint32_t *stamps;
    size_t nvalues;
    uint32_t stamp;
    unsigned generation;             /* of the plugins when owner and source were looked up */
    uint64_t row;                    /* of the event; reader_event's */
    struct buf whole;                /* both halves of its call, where it is one of them */
    struct value_chunk *const *kept; /* values of its rows that are kept, by slot; NULL: none */
    uint32_t id;
    struct plugin *owner;
    const char *source;
};

void reader_init(struct event_reader *r, struct engine *e);
void reader_fini(struct event_reader *r);
/* Goes to a kept row, for the fields of f (NULL: none are kept); false: it is a mark, or damaged. */
bool reader_goes_to(struct event_reader *r, const struct filter *f, const char *bytes,
                    uint64_t row);
/* Starts on another event; values read before are gone. */
void reader_event(struct event_reader *r, const struct field_refs *refs, const void *bytes,
                  uint64_t row, uint64_t previous_ts);
struct event_place;
/* Of an event of which its thread is all that counts. */
void reader_placed(struct event_reader *r, const struct field_refs *refs, const void *bytes,
                   const struct event_place *place);
/* The same for an event that is not kept: its number, and e->place for what else is known of it. */
void reader_passing(struct event_reader *r, const struct field_refs *refs, const void *bytes,
                    uint64_t number, uint64_t previous_ts);

struct passed;
void reader_passed(struct event_reader *r, const struct field_refs *refs, const struct passed *e);

/* ---- selections: a filter and what it has matched so far ------------------------------------- */

struct sel_chunk {
    uint64_t *bits; /* NULL: no match in it */
    uint32_t matches, scanned;
    bool claimed; /* by a worker */
};

struct selection {
    int refs; /* guarded by the engine's sel_lock */
    uint64_t id;
    char *text, *canonical;
    struct filter *filter;
    bool plugin;                   /* needs the plugin thread */
    enum field_needs needs, rest;  /* of all fields; of those whose values are not kept */
    struct value_column **columns; /* by slot of the filter's fields, NULL: not kept */
    size_t ncolumns;               /* slots; 0: no column */
    bool *tracked;      /* by slot: its values are kept as events pass, and come in no other way */
    bool stateful;      /* some are */
    uint64_t low, high; /* numbers of events outside do not match */
    bool wanted;        /* scan it in the background; guarded by sel_lock */
    pthread_mutex_t lock; /* guards what follows */
    uint64_t focus;       /* row near which matches are wanted first */
    VEC(struct sel_chunk) chunks;
    uint64_t matches, scanned;
    bool told_all; /* the client knows that it has been through all rows once */
};

struct thread_verdict { /* what a filter's parts about the thread come to, at places of a span */
    const struct state *state; /* NULL: none */
    uint64_t tid;
    struct state_span span;
    bool wanted;
};

struct
    part_verdicts { /* what a part of a filter comes to by the code of the only value that it asks for */
    size_t part, slot;
    uint8_t *verdicts; /* enum state_verdict, by code */
};

#define SCAN_PARTS 8

struct scanner {                            /* a thread's means to scan */
    struct part_verdicts parts[SCAN_PARTS]; /* of the chunk at hand */
    size_t nparts;
    struct thread_verdict verdicts[256]; /* by thread; of the chunk at hand */
    struct event_reader reader;
    struct value_chunk **kept; /* by slot of the filter's fields */
    size_t nkept;
    struct buf bytes;
    size_t *offsets;
};

void scanner_init(struct scanner *s, struct engine *e);
void scanner_fini(struct scanner *s);
struct selection *selection_get(struct engine *e,
                                uint64_t id); /* NULL: unknown; selection_put it */
void selection_put(struct engine *e, struct selection *s);
/* Scans for about ns nanoseconds; false when there is nothing left to do. plugin: which kind. */
bool selections_scan(struct engine *e, struct scanner *sc, bool plugin, uint64_t ns);
/* Evaluates selections on events that have just been published, while their bytes are at hand. */
void selections_wake(struct engine *e); /* there are rows for the workers */
void selections_live(struct engine *e, uint64_t row, size_t n, const char *bytes,
                     const size_t *offsets);
void selections_restart_scan(struct engine *e);
/* The next match at or behind (dir > 0), or at or before (dir < 0) a row; false when there is none
 * (known yet). *gap is set when rows on the way are not scanned yet. */
bool selection_next(struct selection *s, uint64_t row, int dir, uint64_t first, uint64_t rows,
                    uint64_t *out, bool *gap);
uint64_t selection_rank(struct selection *s, uint64_t row); /* known matches before it */
void selections_free(struct engine *e);
json_t *selection_json(struct engine *e, struct selection *s);

/* ---- stateful plugins (stateful.c); plugin thread, save where said ---------------------------- */

#define ROW_NONE UINT64_MAX

struct stateful;
struct column;
struct capture;
struct stateful *stateful_new(void);
void stateful_free(struct stateful *s);
/* Whether events have to pass through stateful_pass at all. */
bool stateful_asks(const struct engine *e);
/* An event passes, in the order of the stream: plugins parse it, what is wanted of it is kept. row:
 * ROW_NONE of those that are none. */
void stateful_pass(struct engine *e, const void *event, uint64_t number, uint64_t row);
bool stateful_catch_up(struct engine *e, uint64_t until);
bool stateful_replay(struct engine *e, uint64_t until);
bool stateful_replays(const struct engine *e);
/* Whether a value that is known was found by reading again. */
bool stateful_was_reread(const struct engine *e, const struct field_ref *ref, uint64_t row);
void method_replay(struct engine *e, const json_t *id, const json_t *params);
/* Before the stream begins: what would be shown of its own accord is kept from the start. */
void stateful_track_first(struct engine *e);
bool stateful_is_tracked(const struct engine *e, const struct field_def *def);
/* From now on the values of this column are kept; those of earlier events are read again. */
void stateful_track(struct engine *e, struct column *c);
/* False: not known (yet); it is wanted from now on. */
bool stateful_value(struct engine *e, const struct field_ref *ref, uint64_t row, struct value *out);
/* The source of the plugin that an event is of; NULL: nobody's. */
const char *stateful_source_of(const struct engine *e, const void *event);
/* A plugin that was loaded while the stream goes on parses what has passed, before the next comes. */
void stateful_feed(struct engine *e, struct plugin *p);
void stateful_feed_event(struct engine *e, struct plugin *p, const void *event, uint64_t number);
/* The same for the events of a capture, up to the last that has passed; err: filled when it can't be read
 * again. capture.c */
void capture_feed(struct engine *e, struct plugin *p, struct error *err);
/* A slice of a capture's pass in the process that reads it again; false: it is over. capture.c */
bool capture_replay_some(struct engine *e, struct capture *c);
void replay_log(void *ctx, const char *plugin, int severity, const char *component,
                const char *text); /* plugins.c: says that it is a replay */
/* The host's tables, for plugins of a host that are about to be loaded; state_tables.c */
struct host_tables;
struct host_tables *state_tables_offer(struct plugin_host *host);
void state_tables_bind(struct host_tables *h, struct state *s); /* what is now; NULL: nothing */
void state_tables_free(struct host_tables *h);                  /* behind its host's plugins */
/* For looking into them: as they were at a place of a state; NULL, STATE_NOW: as they are. */
void state_tables_at(struct host_tables *h, struct state *s, uint64_t at);
void state_tables_over(struct host_tables *h); /* what was got is given back */
/* A field that this plugin has added and that a text names; NULL: none. */
const char *state_tables_added_by(struct host_tables *h, const struct plugin *p, const char *text);
void load_report(struct engine *e); /* plugin thread */
/* The state of a place, to be looked at through the host's tables. Plugin thread. */
struct state *capture_state_now(struct capture *c, uint64_t at);
uint64_t capture_state_memory(const struct capture *c);            /* bytes, of all sections */
const struct state *capture_state_newest(const struct capture *c); /* of the first file */
json_t *strings_json(const struct str_list *l);
struct async_list;
struct async_list *async_list_new(void);
void async_list_free(struct async_list *l);

/* ---- columns and cells ----------------------------------------------------------------------- */

struct column {
    char *text;
    struct arena arena;
    struct field_refs refs;
    const struct field_ref *_Atomic ref; /* NULL: the field is unknown, or it is a format */
    bool utc;
    struct output_format *_Atomic format; /* of a column like “%proc.name:%fd.num” */
    bool plugin;
    struct syntax_error error;
};

/* The column of a field's text; made when it is new. Never NULL; columns live as long as the
 * engine. */
struct column *column_get(struct engine *e, const char *text, uint32_t *index);
const char *field_type_word(const struct field_def *def); /* as the protocol has it */
void columns_recompile(struct engine *e);                 /* after plugins were loaded */
void columns_free(struct engine *e);
struct cell_cache *cell_cache_new(void);
void cell_cache_free(struct cell_cache *c);
void cell_cache_clear(struct cell_cache *c);
/* A value as the protocol has it; max bytes of text, the rest is cut. */
json_t *value_json(const struct value *v, size_t max);
void rows_retry_deferred(struct engine *e, bool cells_changed);
int rows_next_deadline(struct engine *e); /* ms, -1: none */
void rows_free_deferred(struct engine *e);

/* ---- the stream ------------------------------------------------------------------------------ */

enum source_state {
    SOURCE_CLOSED,
    SOURCE_OPENING,
    SOURCE_RUNNING,
    SOURCE_IDLE,
    SOURCE_ENDED,
    SOURCE_FAILED,
    SOURCE_FULL
};

struct source { /* guarded by state_lock, save where said */
    enum source_state state;
    struct plugin *plugin; /* written by the plugin thread */
    char *name, *params;
    char *error;
    _Atomic uint64_t batches; /* without the lock */
    uint64_t opened_at, ended_at;
    uint32_t progress_pct;
    char progress_text[128];
    bool has_progress;
    bool reading; /* of a capture: it has been opened; plugin thread */
    bool paused;  /* asked for by the client */
    bool live;    /* may not come again: worth keeping */
};

bool stream_asks(struct engine *e); /* plugin thread: the source is open and not paused */
bool stream_step(struct engine *e); /* plugin thread: false when there is nothing to do */
void stream_open(struct engine *e, const char *source, const char *params, struct error *err);
void stream_open_capture(struct engine *e); /* plugin thread */
void stream_close(struct engine *e);
void stream_free(struct engine *e);
const char *source_state_name(enum source_state s);
json_t *stream_json(struct engine *e);

/* ---- captures -------------------------------------------------------------------------------- */

struct capture;
struct event_place { /* what is known of an event beside its bytes */
    const struct state *state;
    uint64_t at;
    uint16_t cpu;
    bool half; /* an exit as it stands in the file: capture_whole has the call */
};

struct passed { /* an event that passes, and what is known of it */
    const void *bytes;
    uint64_t number, previous_ts, first_ts;
    struct event_place place;
};
/* The call of the event that passes, both halves as one. */
const void *capture_whole(struct engine *e);
/* The state of the event that passes is made now, where a pass has left that until it is wanted. */
void capture_catch_up(struct engine *e);

struct capture_stats { /* plugin thread */
    uint64_t events, last_number, first, last, earliest, latest, steps_back;
    uint64_t inside; /* bytes read, inside the compression */
    unsigned sections;
    struct capture_machine machine;
    uint64_t types[EVENT_TYPES + 1]; /* the last: unknown ones */
    struct {
        uint32_t type;
        uint64_t n, bytes;
    } blocks[48];
    size_t nblocks, recent;
    struct {
        uint32_t id;
        uint64_t n;
    } plugins[64];
    size_t nplugins;
    struct str_list damage;
};

void capture_stats_block(struct capture_stats *s, const struct capture_block *b);
/* event: of a plugin, else NULL */
void capture_stats_event(struct capture_stats *s, const struct event_head *h, const void *event);
json_t *capture_stats_json(const struct engine *e, const struct capture_stats *s);
json_t *capture_info_json(const struct engine *e); /* of what was read so far; plugin thread */
const char *capture_block_name(uint32_t type);

/* Of the session's captures, "fd:N" being a pipe: spool (-1: none) keeps what comes, *kept bytes
 * of it so far. */
struct capture *capture_new(const struct session_spec *spec, int spool, _Atomic uint64_t *kept,
                            struct error *err);
const char *capture_path(const struct capture *c); /* for people */
bool capture_is_piped(const struct capture *c);    /* it can't be read again from where it came */
void capture_free(struct capture *c);
struct capture_input *capture_bytes(struct capture *c);
/* The offsets of a part's bytes that are read; false: there are not so many parts. Any thread. */
bool capture_indexed(const struct capture *c, size_t part, uint64_t *from, uint64_t *to);
/* The state that holds at an offset. Any thread. */
const struct state *capture_state(const struct capture *c, uint64_t at);
/* Reads on for a few milliseconds; false: there is nothing more (for now). Plugin thread. */
bool capture_step(struct engine *e);
/* stream.c: what a step came to. */
void capture_told(struct engine *e, const char *error, bool finished, bool waits);

/* ---- record.c: writing a capture as events pass; plugin thread ---------------------------------- */

struct record_options {
    const char *path; /* "-": standard_output */
    int standard_output;
    bool compress;
    uint64_t max_bytes, max_seconds, max_events; /* of a file, 0: no limit */
    uint64_t keep_files;                         /* 0: all */
};

struct recorder;
struct recorder *record_new(const struct record_options *o, const char *hostname,
                            struct error *err);
enum severity record_event(struct recorder *r, const void *event, uint16_t cpu, struct error *err);
enum severity record_flush(struct recorder *r, struct error *err); /* what was given is written */
enum severity record_free(struct recorder *r, struct error *err);

/* ---- aside.c: text of events that pass, made by threads of their own */
#define APART 128 /* bytes between what two threads write: else they wait for each other */
struct aside;
struct aside_text { /* of several events */
    struct buf text;
    uint64_t lines;
};
struct aside_way {
    void *(*begin)(void *ctx); /* what a worker has for itself */
    void (*end)(void *own);
    void (*look)(void *own, const struct passed *e, struct aside_text *made); /* any worker */
    bool (*write)(void *ctx,
                  const struct aside_text *made); /* in order; false: no more is wanted */
};
/* most: workers. NULL: there is no thread to be had. */
struct aside *aside_new(const struct aside_way *way, void *ctx, unsigned most);
void aside_free(struct aside *a);                         /* when all is written */
void aside_give(struct aside *a, const struct passed *e); /* the bytes are copied */
void aside_flush(struct aside *a);                        /* what was given is looked at soon */
void aside_drain(struct aside *a);                        /* it has been written */
bool aside_over(const struct aside *a);

/* ---- output of the commands without a screen ------------------------------------------------- */

struct output;
void output_event(struct engine *e, const void *bytes, uint64_t number);
/* Whether the event of a header has to be made for output_event; when not, it has been counted. */
bool output_wants(struct engine *e, const struct event_head *h, uint16_t type, uint16_t call,
                  uint64_t number);
/* Whether an event of this time is behind the moment that is asked for: it is not to be looked at. */
bool output_is_past(struct engine *e, uint64_t ts);
void method_process(struct engine *e, const json_t *id, const json_t *params);
/* Whether events need not be given to it one by one that it does not want; whether it may want those
 * of a type (call: of a generic one, 0: not known); how many it was not given. */
bool output_passes_over(const struct engine *e);
bool output_may_want(const struct engine *e, uint16_t type, uint16_t call);
/* Whether it asks first for something of an event's thread; whether it may want events of one (e->place
 * is the event's). Answers are kept until the epoch moves on. */
bool output_asks_threads(const struct engine *e);
bool output_may_want_thread(struct engine *e, uint64_t tid, uint16_t type);
uint64_t output_epoch(const struct engine *e, const struct state *state);
/* Whether it tests headers beyond their types; whether it may want an event with this one. */
bool output_asks_headers(const struct engine *e);
bool output_may_want_header(const struct engine *e, const struct filter_header *h);
/* Whether it asks for something of an event's descriptor alone: the answer is noted with that. */
bool output_asks_fds(const struct engine *e);
/* Whether what is printed needs the state, and what is chosen does not. */
bool output_defers_state(const struct engine *e);
void output_passed_over(struct engine *e, uint64_t events);
/* output_state.c: rows of "threads", "tree", "fds" or "containers" as they are now. */
json_t *output_state_json(const struct state *s, const char *table);
/* Whether it asks for the figures of a capture; what it asks for of the state at its events. */
bool output_counts(const struct engine *e);
enum field_state output_needs_state(const struct engine *e);
/* Whether what it prints may be made aside, while the state moves on; from now on it is. */
bool output_goes_aside(struct engine *e);
void output_drain(struct engine *e); /* nothing is being made aside */
void output_flush(struct engine *e);
void output_end(struct engine *e);           /* the source has ended */
bool output_is_over(const struct engine *e); /* nothing more is wanted */
void output_stop(struct engine *e);

/* ---- filters ---------------------------------------------------------------------------------- */

bool field_applies(void *source, const struct field_def *def); /* source may be NULL */
char *open_source(struct engine *e); /* that of the plugin whose source is open; NULL: none */
/* What a person typed, with the macros and lists that are known. Takes cat_lock. */
struct filter *filter_typed(struct engine *e, const char *text, struct syntax_error *err);

/* ---- sample.c: what fields hold, from rows spread over the stream; plugin thread ---------------- */

/* Shows rows to each until all were shown, or about ns nanoseconds are over; filter may be NULL. Gives
 * how many rows were looked at. */
uint64_t sample_rows(struct engine *e, const struct filter *f, uint64_t ns,
                     void (*each)(void *ctx, struct event_reader *r, const char *bytes), void *ctx);
struct seen_values; /* of the field that was completed last */
void seen_values_free(struct seen_values *s);
void method_filter_complete(struct engine *e, const json_t *id, const json_t *params);
void method_field_values(struct engine *e, const json_t *id, const json_t *params);

/* ---- counting -------------------------------------------------------------------------------- */

bool counts_step(struct engine *e, uint64_t ns); /* plugin thread */
void counts_restart(struct engine *e);
void counts_free(struct engine *e);

/* ---- plugins of the session ------------------------------------------------------------------ */

void session_load_plugins(struct engine *e); /* plugin thread */
/* Loads a library now; NULL with err when it can't be used (it is listed nevertheless). Plugin
 * thread. */
struct plugin *session_load(struct engine *e, const char *library, const char *config, bool bundled,
                            struct error *err);
/* The bundled plugin that a text (a filter, a format, a column) needs and that is not loaded yet;
 * NULL: none. */
const char *bundled_needed(struct engine *e, const char *text);
bool bundled_load(struct engine *e, const char *name);     /* plugin thread */
void bundled_load_for(struct engine *e, const char *text); /* all that it needs; plugin thread */
/* Has the bundled plugin that the text needs loaded; true while it is on its way. Main thread. */
bool bundled_want(struct engine *e, const char *text);
/* If the text of a request needs a bundled plugin: loads it first, then answers. True: the request
 * waits. */
bool bundled_defer(struct engine *e, const char *text, const json_t *id, const char *method,
                   const json_t *params);
json_t *plugins_json(struct engine *e, bool secrets); /* shown as they are */
void metrics_step(struct engine *e);                  /* plugin thread */
/* The calls of e->avoid are not made again. */
void plugins_apply_avoided(struct engine *e, struct plugin *p);
void offers_look(struct engine *e, const void *event); /* plugin thread */
json_t *offer_json(struct engine *e);

/* ---- the engine ------------------------------------------------------------------------------ */

struct rows_request;

struct async_note {
    size_t index; /* in batch_at */
    uint64_t received;
    struct plugin *plugin;
    bool future;
};

struct engine {
    struct engine_fds fds;
    struct engine_shared *shared, own_shared;
    struct rpc *rpc; /* main thread */
    int wake_fd;
    _Atomic unsigned wakes;
    bool started, quit;

    pthread_mutex_t out_lock; /* guards the outbox */
    VEC(json_t *) outbox; /* messages; objects with "redispatch" are tasks for the main thread */

    pthread_t plugin_thread;
    pthread_mutex_t job_lock; /* guards jobs, plugin_quit, woken */
    pthread_cond_t job_cond;
    struct job *jobs, **jobs_end;
    _Atomic bool plugin_quit;
    bool woken;

    struct session_spec spec; /* constant once started; plugins loaded later are not in it */
    json_t *avoid;            /* [{plugin, field, event, reason}]: constant */
    json_t *without;          /* names of plugins that are left out: constant */
    struct plugin_host *host;
    pthread_mutex_t cat_lock; /* guards catalogue and columns */
    struct field_catalogue *catalogue;
    VEC(struct column *) columns;
    _Atomic unsigned generation;    /* of the set of plugins */
    struct str_list bundled_tried;  /* plugin thread; others under state_lock */
    struct str_list bundled_wanted; /* main thread */
    struct layouts layouts;         /* constant once started */
    char hostname[128];

    struct store *store;      /* NULL: the stream is not kept */
    struct capture *capture;  /* NULL: a plugin's source; opened by the main thread */
    struct event_place place; /* plugin thread: of the event at hand, without a store */
    struct buf batch;         /* plugin thread: events of the current batch */
    VEC(size_t) batch_at;
    VEC(struct async_note) batch_async; /* which of them are async events */
    uint64_t taken_ts; /* plugin thread: of the event taken last; TS_NONE: none yet */
    bool lives;        /* plugin thread: handlers are set, listeners told */
    struct state
        *nodriver; /* plugin thread: the source without a driver is open; NULL: it is not */
    struct plugin_batch
        last_batch; /* plugin thread: what it came with, kept while its events wait for room */
    bool last_batch_ok;
    uint32_t taken;     /* plugin thread: events of it */
    uint64_t announced; /* plugin thread: when what was passed on was told last, CLOCK_MONOTONIC */
    bool unannounced;
    struct error last_batch_error;
    uint64_t last_batch_took;
    _Atomic uint64_t batch_numbers; /* given out without a store */
    _Atomic uint64_t first_ts;      /* without a store, and of captures */
    uint64_t last_ts;               /* without a store */
    uint64_t idle_ns;               /* how long an idle source is left alone */
    _Atomic bool loading;           /* the index is being rebuilt */

    pthread_mutex_t state_lock;
    struct source source;
    json_t *offer;          /* guarded by state_lock */
    unsigned offers_looked; /* plugin thread */

    pthread_mutex_t sel_lock;
    VEC(struct selection *) selections;
    uint64_t next_selection;
    struct scanner plugin_scanner; /* plugin thread */
    pthread_t workers[16];
    unsigned nworkers;
    pthread_cond_t sel_cond; /* with sel_lock: work for the workers */

    struct cell_cache *cells;
    struct value_columns *values;
    struct stateful *stateful;
    struct replayer *replayer;     /* of the process that reads events again; NULL: this is none */
    struct host_tables *tables;    /* of host */
    struct async_list *async_list; /* plugin thread */
    struct rules_view *rules_view; /* likewise, its set under cat_lock; NULL: none were asked for */
    struct seen_values *seen;      /* cat_lock */
    struct late *late;             /* likewise; NULL: nobody has asked */
    uint64_t late_row;             /* the next to be looked at */
    bool late_pods;
    json_t *metrics; /* {plugin: [metric]}; state_lock */
    json_t *report;  /* {plugin: {warnings, advice}}, how they fit; state_lock */
    _Atomic uint64_t metrics_looked;
    uint64_t metrics_at;  /* plugin thread */
    bool parses;          /* plugin thread: some plugin parses events */
    uint64_t passed_rows; /* plugin thread: rows that have passed the stateful plugins */
    VEC(struct rows_request *) deferred; /* main thread */
    bool cells_asked;                    /* main thread: some reply had cells that wait */

    VEC(struct count *) counts; /* plugin thread */
    struct output *output;      /* plugin thread */

    uint64_t told_rows, told_at; /* main thread: last stream notification */
    uint64_t rate_rows, rate_at;
    double rate;
    uint64_t first_event_at;
};

/* Methods, each with its params and answer in share/doc/protocol.md. */
struct method {
    const char *name;
    void (*handle)(struct engine *e, const json_t *id, const json_t *params);
};
extern const struct method engine_methods[];
extern const size_t engine_method_count;

void method_rows(struct engine *e, const json_t *id, const json_t *params);
void method_event_detail(struct engine *e, const json_t *id, const json_t *params);
void method_event_payload(struct engine *e, const json_t *id, const json_t *params);
void method_event_field(struct engine *e, const json_t *id, const json_t *params);
void method_event_node(struct engine *e, const json_t *id, const json_t *params);
void method_event_clause(struct engine *e, const json_t *id, const json_t *params);
void method_select(struct engine *e, const json_t *id, const json_t *params);
void method_select_drop(struct engine *e, const json_t *id, const json_t *params);
/* ---- output_rules.c: Falco's rules over events as they pass; plugin thread */
struct output_rules;
#define SAVED_FILTERS "saved filters" /* their file, in messages */
/* params: those of output/start. What is wrong is in the report. */
struct output_rules *output_rules_new(struct engine *e, const json_t *params);
void output_rules_free(struct output_rules *o);
json_t *output_rules_report(const struct output_rules *o); /* {failed, messages, rules} */
json_t *output_rules_counts(const struct output_rules *o); /* [{rule, count}] */
const struct rules *output_rules_set(const struct output_rules *o);
/* By name; *filter: what it is compiled to, NULL: it is not used. */
const struct rule *output_rules_named(const struct output_rules *o, const char *name,
                                      const struct filter **filter);
/* What rule i of the report is compiled to; NULL: it is not used. */
const struct filter *output_rules_filter(const struct output_rules *o, size_t i);
/* The rules that fire on an event that is kept: [{name, priority}]; to near, those that one part alone keeps
 * from it: {name, priority, parts, lacks}. */
json_t *output_rules_firing(struct output_rules *o, const void *bytes, uint64_t row,
                            uint64_t before, json_t *near);
/* rules_view.c */
json_t *rules_view_firing(struct engine *e, const void *bytes, uint64_t row, uint64_t before,
                          json_t *near);
struct rules_view;
/* The macros and lists that filters can name: of the rules that are loaded, and saved filters. Under
 * cat_lock, for as long as that is held. */
void rules_view_names(struct engine *e, struct filter_options *options);
const struct rules *rules_view_set(const struct engine *e); /* likewise; NULL: none */
void rules_view_free(struct rules_view *v);
void method_rules(struct engine *e, const json_t *id, const json_t *params);
/* False: no rule can fire on an event of this type. */
bool output_rules_wants(const struct output_rules *o, uint16_t type);
/* Appends a line for each rule that fires; gives how many did. */
unsigned output_rules_event(struct engine *e, struct output_rules *o, const void *bytes,
                            uint64_t number, struct buf *out);

/* ---- output_expect.c: what must be matched, and must not; plugin thread */
struct output_expect;
/* params: those of output/start; rules must outlive it. */
struct output_expect *output_expect_new(struct engine *e, const json_t *params,
                                        struct output_rules *rules);
void output_expect_free(struct output_expect *x);
bool output_expect_wants(const struct output_expect *x, uint64_t number);
void output_expect_event(struct engine *e, struct output_expect *x, const void *bytes,
                         uint64_t number);
json_t *output_expect_json(const struct output_expect *x);

/* ---- alerts.c: Falco's alert lines and their events; plugin thread */
struct alerts;
struct alerts *alerts_new(struct engine *e, const char *path);
void alerts_free(struct alerts *a);
const char *alerts_error(const struct alerts *a); /* NULL: the file could be read */
bool alerts_want(const struct alerts *a, uint64_t ts);
void alerts_event(struct engine *e, struct alerts *a, const struct output_rules *rules,
                  const void *bytes, uint64_t number);
json_t *
alerts_json(const struct alerts *a); /* {alerts: [{line, rule, priority, output, ts, …}], bad} */
void method_alerts(struct engine *e, const json_t *id, const json_t *params);

/* ---- explain.c */
void method_judge(struct engine *e, const json_t *id, const json_t *params);
void method_funnel(struct engine *e, const json_t *id, const json_t *params); /* counts.c */
void method_explain(struct engine *e, const json_t *id, const json_t *params);
/* Each part on the reader's event: [{depth, kind, text, holds, value}]. */
json_t *explain_event(const struct filter *f, struct field_reader *r);
/* How many events come through each part; the filter must outlive it. */
struct funnel;
struct funnel *funnel_new(const struct filter *f);
void funnel_free(struct funnel *u);
/* Looks at the event that the reader stands at, which may take as long as a plugin does; then counts it. */
void funnel_look(struct funnel *u, struct field_reader *r);
void funnel_add(struct funnel *u);
json_t *funnel_json(const struct funnel *u); /* {events, parts} */

/* ---- late.c: when metadata came; plugin thread */
struct late;
struct late *late_new(const char *key); /* "container" or "pod" */
void late_free(struct late *l);
/* An event that may tell of one; received: when the host got it, 0: not known. */
void late_told(struct late *l, const void *event, uint64_t number, uint64_t received);
/* An event of a thread, behind late_told. */
void late_event(struct late *l, const struct state *state, uint64_t tid, uint64_t at,
                uint64_t number, uint64_t ts);
json_t *late_json(struct late *l); /* the latest first */
void method_metadata(struct engine *e, const json_t *id, const json_t *params);

struct looked_up { /* an event that a request names */
    uint64_t row, number, before;
    struct store_row r;
    struct buf bytes;
};
/* By number, or by row. False after an error was answered; else bytes are to be freed. */
bool event_look_up(struct engine *e, const json_t *id, const json_t *params, struct looked_up *out);
/* conversation.c */
void method_conversation(struct engine *e, const json_t *id, const json_t *params);
void method_conversation_of(struct engine *e, const json_t *id, const json_t *params);
void method_conversation_save(struct engine *e, const json_t *id, const json_t *params);
void method_strip(struct engine *e, const json_t *id, const json_t *params);
/* All events that are kept by time, as the method gives them; *axis, *n: the cells. free(*axis). */
json_t *strip_of_stream(const struct engine *e, size_t cells, struct axis_cell **axis, size_t *n);
void method_find(struct engine *e, const json_t *id, const json_t *params);
void method_filter_check(struct engine *e, const json_t *id, const json_t *params);
void method_filter_join(struct engine *e, const json_t *id, const json_t *params);
void method_columns(struct engine *e, const json_t *id, const json_t *params);
void method_fields(struct engine *e, const json_t *id, const json_t *params);
void method_trace(struct engine *e, const json_t *id, const json_t *params);
void method_plugins(struct engine *e, const json_t *id, const json_t *params);
void method_plugin_config(struct engine *e, const json_t *id, const json_t *params);
void method_async(struct engine *e, const json_t *id, const json_t *params);
void method_tables(struct engine *e, const json_t *id, const json_t *params);
void method_table(struct engine *e, const json_t *id, const json_t *params);
void method_plugin_open_params(struct engine *e, const json_t *id, const json_t *params);
void method_plugin_load(struct engine *e, const json_t *id, const json_t *params);
void method_source_open(struct engine *e, const json_t *id, const json_t *params);
void method_source_close(struct engine *e, const json_t *id, const json_t *params);
void method_source_pause(struct engine *e, const json_t *id, const json_t *params);
void method_stream(struct engine *e, const json_t *id, const json_t *params);
void method_count_start(struct engine *e, const json_t *id, const json_t *params);
void method_count_rows(struct engine *e, const json_t *id, const json_t *params);
void method_count_stop(struct engine *e, const json_t *id, const json_t *params);
void method_output_start(struct engine *e, const json_t *id, const json_t *params);
void method_capture_info(struct engine *e, const json_t *id, const json_t *params);
void method_save(struct engine *e, const json_t *id, const json_t *params);

#endif
