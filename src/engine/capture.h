/* What the files share that read a capture as the stream. The plugin thread's own, but for what is
 * atomic. */
#ifndef MEWS_ENGINE_CAPTURE_H
#define MEWS_ENGINE_CAPTURE_H

#include "internal.h"

#define HALF_BUCKETS 4096u

struct half {
    struct half *next;
    uint64_t tid, offset;
    bool v1, as_is;
    char *bytes; /* as they stand in the file */
    size_t len, cap;
};

struct halves {
    struct half *buckets[HALF_BUCKETS], *spare;
    size_t n;
};

struct section { /* from one section header to the next */
    struct section *before;
    uint64_t from;
    struct state *state;
};

struct capture_part { /* one of the captures that make the stream */
    char *path;
    struct section *_Atomic newest;
    bool started, meta_over, leading;
    struct halves halves;
    _Atomic uint64_t inside; /* bytes read, inside the compression */
};

/* An event on its way: made in its current form only where somebody needs more than its header. */
struct passing {
    const struct capture_block *block;
    struct capture_part *part;
    struct event_head head;
    struct event_plan plan;
    uint64_t offset;    /* of the event's bytes */
    struct half *enter; /* the half that it takes; NULL: none */
    const char *event;  /* NULL: not made yet */
    uint64_t number;    /* 0: it has none */
};

/* What a pass over the blocks is for. */
enum capture_role {
    CAPTURE_STREAM, /* the events are the stream's */
    CAPTURE_REPLAY, /* values that depend on the events before are kept for it (stateful.c) */
    CAPTURE_BEHIND, /* only the state is made, for another that has come so far without */
    CAPTURE_FEED,   /* a plugin that has come late parses what has passed */
};

struct capture {
    struct capture_input *input;
    char *path; /* for people */
    struct capture_part *parts;
    size_t nparts;
    struct capture_stream *stream;
    struct buf upgraded, folded, half, enter;
    bool started, later_section, finished, raw, internal, piped;
    bool counts; /* somebody asks for the figures */
    enum capture_role role;
    struct plugin *fed;      /* with CAPTURE_FEED */
    struct state *last;      /* that of the last event that was numbered */
    bool history;            /* without a store: the output asks for what was a while ago */
    bool deferred;           /* the state is made when the first event is wanted */
    enum field_state told;   /* what is asked of the state */
    uint64_t number;         /* of the last event */
    struct passing *passing; /* that the output has in hand */
    struct skim_table *skim; /* what may be passed over; NULL: nothing */
    bool skim_made;
    struct capture_stats stats;
};

/* ---- halves.c */
void halves_clear(struct halves *h);
/* It was taken: threads come and go, and only those that wait are to be passed when one is sought. */
void halves_drop(struct halves *h, uint64_t tid);
/* The bytes are those of the file; as_is: and of the current form (event_head). */
void halves_keep(struct halves *h, uint64_t tid, struct span bytes, bool v1, bool as_is,
                 uint64_t offset);
/* The half that the thread's exit may take; NULL: none. */
struct half *halves_of(struct halves *h, uint64_t tid);

/* ---- capture.c */
bool capture_is_hidden(const struct capture *c, uint32_t flags, uint16_t type, bool initial);
void capture_take_item(struct engine *e, struct capture *c, enum capture_item item,
                       const struct capture_item_info *info);

/* The same file from its start, for the state alone. */
struct capture *capture_behind(const struct capture *of, struct error *err);

/* ---- skim.c */
/* Settles what a pass need not take apart (c->skim; NULL: it has to look at all), from the output and
 * from c->told. */
void skim_plan(const struct engine *e, struct capture *c, bool wanted);
/* Passes over what is read and nobody asks for, up to the first event that somebody may. */
void skim_over(struct engine *e, struct capture *c);
/* Makes the state of a capture that has come to the event at an offset without it, that event
 * included. False: it can't be read. */
bool skim_catch_up(struct engine *e, struct capture *c, uint64_t offset, struct error *err);

#endif
