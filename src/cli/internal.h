/* What the files of this module share: the keeper, its clients, the command line. */
#ifndef MEWS_CLI_INTERNAL_H
#define MEWS_CLI_INTERNAL_H

#include <sys/types.h>
#include <termios.h>

#include "mews/config.h"
#include "mews/engine.h"
#include "mews/rules.h"

/* ---- exit codes: documented in the man page -------------------------------------------------- */

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1, /* it started, and then something failed: the source, the disk, the screen */
    EXIT_USAGE = 2,  /* the command line, a filter, a format */
    EXIT_INPUT = 3,  /* an input is missing or foreign, a plugin could not be loaded or opened */
    EXIT_PLUGIN_DIED = 4, /* a plugin ended the engine */
    EXIT_INTERRUPTED = 130,
};

/* ---- keeper.c: waits, restarts, passes messages on; loads nothing ---------------------------- */

struct keeper;

struct keeper_client {
    void *ctx;
    /* A message of the engine, or of the keeper itself; takes the reference. */
    void (*message)(void *ctx, json_t *m);
    /* ^C: true, it is taken care of; else, and where it is NULL, it is the end. */
    bool (*interrupted)(void *ctx);
};

struct keeper_options {
    json_t *session; /* what to start at once; NULL: the client sends session/start */
    bool open;       /* open its source */
    bool keep;       /* the stream is kept in a spool */
    bool output;     /* the engine prints, to standard output */
    int input_fd;    /* passed on to the engine under the same number; -1: none */
    char *remote;    /* command that runs `mews engine` elsewhere; NULL: here */
};

struct keeper *keeper_new(const struct keeper_options *o, const struct keeper_client *client);
void keeper_free(struct keeper *k);
/* Starts the engine. */
enum severity keeper_start(struct keeper *k, struct error *err);
/* A message of the client; takes the reference. */
void keeper_request(struct keeper *k, json_t *m);
/* Loops until keeper_end. */
int keeper_run(struct keeper *k);
/* Waits for whatever comes next, and serves it; fd (-1: none) is waited for, too: *readable. False: it is
 * over, and only keeper_run is left to be called. */
bool keeper_turn(struct keeper *k, int fd, bool *readable);
void keeper_end(struct keeper *k, int exit_code);
/* Also serve this connection, in both directions; its end ends the keeper. */
void keeper_serve(struct keeper *k, struct rpc *rpc);
/* The process that owns the terminal: its death ends the keeper. */
void keeper_watch_screen(struct keeper *k, pid_t pid, int noise_fd);
/* The terminal, whose settings are taken now and given back at the end. */
void keeper_hold_terminal(struct keeper *k, int tty);

/* ---- spawn.c --------------------------------------------------------------------------------- */

#define SPAWN_ENGINE_NAME "mews-engine"

struct child {
    pid_t pid;
    int rpc;    /* our end */
    int noise;  /* what it prints, -1: not ours */
    int output; /* text of print, -1: none */
};

struct spawn_options {
    const char *role;  /* "engine" or "screen" */
    int shared, spool; /* -1: none */
    int input_fd;      /* kept open for it; -1: none */
    int tty;           /* its standard input and output; -1: none */
    bool output;
    const char *remote; /* shell command instead of our own program */
    int start; /* descriptor with JSON: how the screen is to begin; it may hold secrets; -1: none */
};

enum severity spawn_child(const struct spawn_options *o, struct child *out, struct error *err);

/* ---- log.c: all that plugins and mews said, bounded ------------------------------------------ */

struct log_store;
struct log_store *log_new(void);
void log_free(struct log_store *l);
/* Adds an entry ({ts, plugin, severity, component, text, …}); takes the reference; gives its
 * number. */
uint64_t log_add(struct log_store *l, json_t *entry);
json_t *log_query(const struct log_store *l, const json_t *params);
/* The number that the next entry gets. */
uint64_t log_end(const struct log_store *l);
/* What was printed, from an entry on: texts, new reference. */
json_t *log_printed(const struct log_store *l, uint64_t from);

/* ---- report.c: why an engine died ------------------------------------------------------------ */

/* status: of waitpid. printed: all that this engine printed; taken. ended_by_person: it was killed
 * on request. */
json_t *report_new(const struct plugin_record *record, int status, json_t *printed,
                   bool ended_by_person);
/* The report as lines of text for standard error, where what was printed stands already. */
void report_text(const json_t *report, struct buf *out);
/* What the next engine must not call again, for whatever is avoided already (an array); NULL:
 * nothing. A field that has killed for two events before is avoided for all (event 0). */
json_t *report_avoid(const json_t *report, const json_t *before);
/* symbolize.c: the helper process: names source lines of addresses; its exit status. */
int symbolize_main(int argc, char **argv);
/* Adds functions and source lines to the frames of a report, where debug information has them. */
void report_symbolize(json_t *report);

/* ---- unsaved.c: streams that outlive a lost terminal ----------------------------------------- */

/* A file without a name in the user's cache; -1 with an error. */
int spool_create(struct error *err);
/* Gives the spool a name and notes how to take it up again; its path, NULL: it could not be kept.
 */
char *unsaved_keep(int spool_fd, const struct spool_state *state, const json_t *session,
                   const json_t *stream);
/* [{path, events, source, time}], newest first. */
json_t *unsaved_list(void);
/* Opens one: the descriptor, its state and its session (new reference). */
int unsaved_open(const char *path, struct spool_state *state, json_t **session, struct error *err);
void unsaved_discard(const char *path);

/* ---- the command line ------------------------------------------------------------------------ */

struct options {
    struct session_spec spec;
    struct str_list inputs;
    struct str_list configs, config_options; /* -c, -o */
    char *filter;
    bool follow, utc, tour, json, csv, markdown, no_screen;
    char *format;
    const char *bytes; /* of print: form of buffers; NULL: dots for what is not printable */
    uint64_t limit;
    struct str_list rules;       /* of rules: files and folders */
    const char *expect, *alerts; /* of rules: files; the command line's */
    bool check, list, all;
    enum rule_priority priority; /* the least severe that counts */
    bool priority_given;
    uint64_t event;       /* of explain; 0: the first that matches */
    const char *key;      /* of metadata: container or pod; the command line's */
    const char *at;       /* of state: an event's number or a time; the command line's */
    const char *write_to; /* of record, as what follows; the command line's */
    bool compress;
    uint64_t rotate_bytes, rotate_seconds, rotate_events, keep_files, seconds;
    char time_mode;
    char *remote;
    int input_fd;          /* standard input, when an input is "-" */
    struct str_list words; /* the command's own arguments, in front of the inputs */
};

struct command {
    const char *name, *usage, *summary;
    const char *options; /* letters and long names that it takes, see options.c */
    unsigned nwords;     /* arguments in front of the inputs */
    int (*run)(struct options *o);
};
extern const struct command commands[];
extern const size_t command_count;

/* Parses argv (without the program's and the command's name). Prints help or the error itself; -1:
 * go on, else exit. */
int options_parse(const struct command *c, int argc, char **argv, struct options *o);
void options_init(struct options *o);
void options_fini(struct options *o);
void options_help(const struct command *c, FILE *to);
/* inputs.c: what the inputs are, put into the session. */
enum severity inputs_apply(struct options *o, struct error *err);
/* The session for an engine elsewhere, whose keeper finds out what its inputs are. New reference.
 */
json_t *session_for_remote(const struct options *o, struct error *err);
/* That keeper's side: a session with "inputs" becomes one that an engine takes; others stay. New
 * reference, NULL with err when an input can't be used. */
json_t *session_resolve(const json_t *session, struct error *err);
int characters(const char *s); /* of UTF-8 text, for columns of text */
/* Prints it and a line end; flags as json_dumps takes them. */
void put_json(const json_t *value, size_t flags);
/* Prints "mews: …" in red where it is a terminal; control characters are spelt. */
void complain(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* A filter or format with the error's place under it. */
void complain_syntax(const char *what, const char *text, const json_t *syntax);

int screen_process_main(int rpc_fd, int start_fd);
int command_explore(struct options *o);
int command_print(struct options *o);
int command_top(struct options *o);
int command_count_events(struct options *o);
/* output.c: starts what `params` ask for (taken), opens the capture or the source, and prints how it
 * ended; verb: what can't be done without a source. */
int output_run(struct options *o, json_t *params, const char *verb,
               void (*print)(struct options *o, const json_t *end));
int command_info(struct options *o);
int command_state(struct options *o);
/* expect.c: what a file of expectations says of these inputs: [{rule or filter, must, must_not}]; NULL
 * with an error. */
json_t *expect_read(const struct options *o, struct error *err);
/* Prints what came of them; false: something is not as it must be. */
bool expect_print(const struct options *o, const json_t *expected);
/* state.c: rows of "ancestors", "descriptors" or "metadata" as a table */
void state_print_rows(const struct options *o, const char *what, const json_t *rows);
/* explain.c: what the method explain answers, and what a funnel comes to, as text. */
void explain_print_parts(const json_t *answer);
void explain_print_funnel(const json_t *funnel);
/* A path as the engine, whose folder may be another, finds it; new references. */
json_t *whole_path(const char *path);
json_t *rules_paths(const struct options *o);
int command_shell(struct options *o);
int command_rules(struct options *o);
int command_explain(struct options *o);
int command_metadata(struct options *o);
int command_record(struct options *o);
int command_plugins(struct options *o);
int command_fields(struct options *o);
int command_engine(struct options *o);

/* client.c: a session without a screen, step by step */
struct client {
    struct keeper *keeper;
    uint64_t next_id;
    int exit_code;
    bool plugin_failed;
    bool lists_failures; /* it shows them itself */
    void *ctx;
    void (*ready)(struct client *c, const json_t *params);               /* plugins are loaded */
    void (*answer)(struct client *c, uint64_t id, const json_t *result); /* of client_ask */
    void (*refused)(struct client *c, uint64_t id,
                    const json_t *error); /* NULL: complained of, and the end */
    void (*note)(struct client *c, const char *method, const json_t *params);
    bool (*interrupted)(struct client *c); /* of the keeper; NULL: the end */
    /* The engine has died, which was told; true: it goes on without one. NULL: the end. */
    bool (*died)(struct client *c, const json_t *report);
};
/* keep: the stream is kept, and opened at once; output: it is printed by the engine. The exit code. */
int client_run(struct client *c, struct options *o, bool keep, bool output);
/* The same in two: what is between them turns the keeper itself. False: complained of. */
bool client_start(struct client *c, struct options *o, bool keep, bool output);
int client_finish(struct client *c);
uint64_t client_ask(struct client *c, const char *method, json_t *params);
void client_end(struct client *c, int exit_code);
/* Whether the source failed, by what output/end says. */
bool output_failed(const json_t *end);
/* Ends with the exit code for that; complains of a source that failed. */
void client_end_output(struct client *c, const json_t *end);
/* Whether the source (NULL: none was given) can be opened, by what session/ready says; else says
 * what is missing, to whom wants to print or to count, and ends. */
bool client_can_open(struct client *c, const json_t *params, const char *source, const char *verb);
/* Opens the source that the command line names; gives the request's ID. */
uint64_t client_open_source(struct client *c, const struct options *o);
/* Says why a request was refused (of an error of syntax, where in text it is; NULL: the message
 * alone), and ends; `opening`: it was to open the source. */
void client_refused(struct client *c, const char *what, const char *text, const json_t *error,
                    bool opening);

#endif
