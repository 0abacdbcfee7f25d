/*
 * What for: the engine: opens sources, runs the stream through plugins, keeps it, answers
 *           queries over RPC.
 * Owns:     everything behind engine_main.
 * Threads:  the main one talks, the plugin thread calls plugins, workers scan.
 * Errors:   go to the client as RPC errors, or into the state of the stream.
 * Included: by cli, which starts it in a process of its own.
 */
#ifndef MEWS_ENGINE_H
#define MEWS_ENGINE_H

#include "mews/config.h"
#include "mews/plugin.h"
#include "mews/store.h"

#define ENGINE_SHARED_MAGIC 0x6d657773u

/* Shared between keeper and engine; what is in it outlives an engine. */
struct engine_shared {
    uint32_t magic;
    struct spool_state spool;
    struct plugin_record record;
};

struct engine_fds {
    int rpc_in, rpc_out;
    int shared; /* struct engine_shared; -1: none */
    int spool;  /* -1: the stream is not kept */
    int output; /* text of print and its like; -1: none */
};

/* Runs until the other side closes or asks to end; the exit status of the process. */
int engine_main(const struct engine_fds *fds);
/* The process that reads events again for an engine, at the other end of rpc_in; shared: a struct
 * plugin_record; spool: what came through a pipe. */
int engine_replay_main(const struct engine_fds *fds);

#endif
