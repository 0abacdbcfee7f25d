/*
 * What for: reading events again for values that depend on those before: a process of its own has the
 *           same plugins with the same configuration, in the same order, opens nothing and starts
 *           nothing. It reads a capture by itself; of a plugin's stream it is sent the events.
 * Owns:     its process; the engine keeps what it says.
 * Included: by stateful.c, replay*.c.
 */
#ifndef MEWS_ENGINE_REPLAY_H
#define MEWS_ENGINE_REPLAY_H

#include "internal.h"

/* ---- frames between both (replay_wire.c): u32 length of the body, u8 kind, body -------------------- */

enum replay_frame {
    REPLAY_START = 'S',  /* JSON; the first one of the engine */
    REPLAY_EVENT = 'E',  /* u64 row, u64 number, the event */
    REPLAY_MARK = 'M',   /* u64 row: one that is no event */
    REPLAY_END = 'X',    /* no more events */
    REPLAY_VALUES = 'V', /* u64 row, its value of each field */
    REPLAY_LOG = 'L',    /* JSON {plugin, severity, component, text} */
    REPLAY_FAILED = 'F', /* the reason: it ends */
    REPLAY_OVER = 'O',   /* all has been said */
};

#define REPLAY_FRAME_MAX ((size_t)64 << 20) /* bytes of a body */
#define REPLAY_HEADER    5u

struct replay_message {
    enum replay_frame kind;
    struct span body;
};

/* Where a frame begins in b, for frame_end. */
size_t frame_begin(struct buf *b, enum replay_frame kind);
void frame_end(struct buf *b, size_t begin);
void frame_put(struct buf *b, enum replay_frame kind, struct span body);
/* The frame at s: how many bytes it has, 0: it is not whole yet, SIZE_MAX: that is none. */
size_t frame_take(struct span s, struct replay_message *out);
void frame_put_value(struct buf *b, const struct value *v);
/* Takes it off s; its spans stay in there, its items come from the arena. False: there is none. */
bool frame_take_value(struct span *s, struct arena *arena, struct value *out);

/* ---- the engine's side (replay.c); plugin thread ---------------------------------------------------- */

struct replay;
struct replay_order {
    const struct field_ref *const *fields; /* of stateful plugins */
    size_t nfields;
    uint64_t first, end; /* rows */
    const json_t *avoid; /* calls that have killed */
    bool careful;        /* one has died: nothing it knows may be lost with it */
};

enum replay_state {
    REPLAY_WORKS,
    REPLAY_WAITS, /* for its process */
    REPLAY_DONE,
    REPLAY_DIED, /* replay_death tells */
};

/* NULL: it can't be started. */
struct replay *replay_start(struct engine *e, const struct replay_order *order, struct error *err);
/* Goes on until it waits, or until a time of CLOCK_MONOTONIC; told of each row whose values have come. */
enum replay_state replay_step(struct engine *e, struct replay *r, uint64_t until,
                              void (*told)(struct engine *e, uint64_t row, const struct value *v));
struct replay_death {
    char text[600];
    /* the call that it was in, as the session's list of those to avoid has it; NULL: none, or it can't
     * be left out. The caller's. */
    json_t *avoid;
};
void replay_death(const struct replay *r, struct replay_death *out);
void replay_free(struct replay *r); /* ends it, if it has not */

/* ---- the process's (replay_process.c) ---------------------------------------------------------------- */

struct replayer;
/* An event of the capture that it reads, or a row that is none. */
void replayer_event(struct engine *e, const void *event, uint64_t number, bool shown);
void replayer_mark(struct engine *e);

#endif
