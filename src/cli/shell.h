/* What the files of the shell share. */
#ifndef MEWS_CLI_SHELL_H
#define MEWS_CLI_SHELL_H

#include "internal.h"

struct judged { /* an event that filters must match, or must not */
    uint64_t number, row;
    bool must;
};

struct shell {
    struct options *o;
    struct client c;
    json_t *stream;     /* the newest "stream" */
    bool ready, over;   /* plugins are loaded; the engine is gone, or it was left */
    bool opened;        /* the stream has been something else than closed */
    bool terminal;      /* somebody types */
    bool interrupted;   /* ^C was pressed: what is typed is dropped, what is waited for is not */
    bool failed;        /* a command of a script did not work */
    uint64_t waits_for; /* request whose answer is waited for; 0: none */
    json_t *answer, *error;
    char *filter; /* in force; "" none */
    uint64_t selection;
    struct str_list undo;
    json_t *columns;      /* names of fields */
    char *columns_source; /* the event source that they were suggested for; NULL: not known */
    bool dead;            /* the engine has died while somebody typed: reload starts it anew */
    char *died_of;        /* the plugin that it died in; NULL: none is known */
    uint64_t number, row; /* the event that one is at; row UINT64_MAX: before the first */
    VEC(uint64_t) marks;  /* numbers of events */
    VEC(struct judged) judged;
};

enum shell_completes { SHELL_NOTHING, SHELL_FILTER, SHELL_FIELD, SHELL_PATH, SHELL_COMMAND };

struct shell_command {
    const char *name, *args, *help;
    /* False: it did not work, which was complained of. */
    bool (*run)(struct shell *s, const char *args);
    enum shell_completes completes;
};

extern const struct shell_command shell_commands[];
extern const size_t shell_command_count;

/* shell.c: asks, and waits for the answer (borrowed until the next call); NULL after an error, which was
 * complained of. text: what a syntax error is in; NULL: none can be. */
const json_t *shell_call(struct shell *s, const char *method, json_t *params, const char *text);
/* The same, but what went wrong is told by s->error only. */
const json_t *shell_try(struct shell *s, const char *method, json_t *params);
/* Lets the engine work for so long, or until its stream is read; false: it is gone. */
bool shell_wait(struct shell *s, uint64_t ns);
bool shell_stream_read(const struct shell *s);
/* Starts the engine anew (params: those of keeper/start), and waits until its stream is there. */
bool shell_restart(struct shell *s, json_t *params);
/* Runs one line. */
bool shell_line(struct shell *s, const char *line);
/* shell_events.c: a value as the protocol has it, made safe; the event that args names, or the one that one is
 * at (NULL: neither, which was complained of). */
void shell_print(const json_t *v);
json_t *shell_event(const struct shell *s, const char *args, bool *ok);
bool shell_run_columns(struct shell *s, const char *args);
bool shell_run_rows(struct shell *s, const char *args);
bool shell_run_go(struct shell *s, const char *args);
bool shell_run_event(struct shell *s, const char *args);
bool shell_run_payload(struct shell *s, const char *args);
bool shell_run_find(struct shell *s, const char *args);
bool shell_need_columns(struct shell *s); /* asks for them when they are not known */
/* shell_commands.c: puts a filter in force, "" none. */
bool shell_take(struct shell *s, const char *text, bool undoing);
/* The answer of the method rules, with all that is loaded; NULL after a complaint. */
const json_t *shell_rules(struct shell *s);
/* shell_session.c */
bool shell_run_reload(struct shell *s, const char *args);
bool shell_run_halves(struct shell *s, const char *args);
bool shell_run_internal(struct shell *s, const char *args);
bool shell_run_close(struct shell *s, const char *args);
bool shell_run_configure(struct shell *s, const char *args);
bool shell_run_values(struct shell *s, const char *args);
bool shell_run_gained(struct shell *s, const char *args);
bool shell_run_lost(struct shell *s, const char *args);
bool shell_run_between(struct shell *s, const char *args);
bool shell_run_firing(struct shell *s, const char *args);
bool shell_run_layout(struct shell *s, const char *args);
/* shell_look.c */
bool shell_run_process(struct shell *s, const char *args);
bool shell_run_conversation(struct shell *s, const char *args);
bool shell_run_async(struct shell *s, const char *args);
bool shell_run_late(struct shell *s, const char *args);
bool shell_run_tables(struct shell *s, const char *args);
bool shell_run_calls(struct shell *s, const char *args);
bool shell_run_log(struct shell *s, const char *args);
bool shell_run_alerts(struct shell *s, const char *args);
bool shell_run_pause(struct shell *s, const char *args);
/* shell_judge.c */
char *shell_path(const char *args); /* the engine's own folder may be another; free() it */
void shell_judge(struct shell *s);  /* says what the filter makes of the events that are judged */
bool shell_run_mark(struct shell *s, const char *args);
bool shell_run_marked(struct shell *s, const char *args);
bool shell_run_must(struct shell *s, const char *args);
bool shell_run_mustnot(struct shell *s, const char *args);
bool shell_run_test(struct shell *s, const char *args);
bool shell_run_rule(struct shell *s, const char *args);
/* shell_edit.c: reads lines where somebody types, with history and completion, until the end. */
void shell_type(struct shell *s);

#endif
