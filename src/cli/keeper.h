/* The keeper's own state: what keeper.c and requests.c share. */
#ifndef MEWS_CLI_KEEPER_H
#define MEWS_CLI_KEEPER_H

#include "internal.h"

enum engine_phase { ENGINE_NONE, ENGINE_RUNNING, ENGINE_ENDING, ENGINE_DEAD };

struct keeper {
    struct keeper_client client;
    struct keeper_options o;
    json_t *session; /* what an engine is started with */
    json_t *without; /* names of plugins that the next engine leaves out */
    json_t *avoid;   /* calls that the next engine must not make */

    struct engine_shared *shared;
    int shared_fd, spool_fd;
    char *unsaved; /* path of the unsaved stream that was taken up, NULL: none */

    enum engine_phase phase;
    struct child engine;
    struct rpc *rpc; /* to the engine */
    bool expected;   /* the engine's end was asked for */
    bool ended_by_person;
    bool restart;          /* start again when it has ended */
    bool restart_open;     /* and open the source */
    bool restart_fresh;    /* with a new spool */
    char *restart_unsaved; /* with the spool of this unsaved stream; NULL: none */
    uint64_t kill_at;      /* monotonic; 0: none */
    struct buf line;       /* what it printed, up to the end of the line */
    struct buf text;       /* what print printed, on its way to standard output */
    bool text_closed;      /* nobody reads standard output any more */
    unsigned starts;

    VEC(json_t *) pending; /* ids of the client's requests that the engine has */
    uint64_t next_id;      /* of the keeper's own requests */
    char id_prefix[32];    /* of their ids: no other keeper's */
    json_t *report;        /* of the last death */
    json_t *stream;        /* the last "stream" notification */

    struct rpc *client_rpc; /* NULL: the client is in this process */
    pid_t screen;
    int screen_noise;
    struct buf screen_words;
    struct termios tty_settings;
    int tty;            /* -1: none */
    struct buf restore; /* bytes that bring the terminal back */
    bool suspended;

    struct log_store *log;
    uint64_t log_start; /* its first entry of this engine */
    int signal_fd;
    bool done;
    int exit_code;
};

/* requests.c */
void keeper_tell(struct keeper *k, const char *method, json_t *params);
/* A message of the engine: an answer to ours, or one for the client. */
void keeper_from_engine(struct keeper *k, json_t *m);
/* The client's open requests can't be answered any more. */
void keeper_fail_pending(struct keeper *k);
json_t *keeper_state(struct keeper *k);
void keeper_log(struct keeper *k, json_t *entry);
/* orphans.c */
void orphans_adopt(void);
size_t orphans_signal(const struct keeper *k, int sig);
/* Asks them to end, waits half a second, and then they have to. */
void orphans_end(const struct keeper *k);

/* keeper.c */
void keeper_send(struct keeper *k, const char *method, json_t *params);
void keeper_stop_engine(struct keeper *k, bool restart, bool open);
void keeper_kill_engine(struct keeper *k);
void keeper_suspend(struct keeper *k);
/* Unsaved events of a live stream are kept for the next start. */
bool keeper_has_unsaved(const struct keeper *k);

#endif
