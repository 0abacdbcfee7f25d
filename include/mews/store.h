/*
 * What for: the events of a stream: their bytes in a file, one row of columns for each, in
 *           chunks that are published whole and then never change.
 * Owns:     the columns; the file is the caller's descriptor and outlives the store.
 * Threads:  one thread appends; any number read published rows without a lock. Rows that were
 *           dropped read as gone.
 * Limits:   between two rows of a chunk at most 2^32 numbers may be left out.
 * Errors:   ERR_FULL when there is no room on the disk: nothing is lost, the commit can be
 *           tried again.
 * Included: by engine.
 *
 * A spool is a capture file (capture format) of event blocks and marks; its oldest part may be a
 * hole.
 */
#ifndef MEWS_STORE_H
#define MEWS_STORE_H

#include <stdatomic.h>

#include "mews/capture.h"

#define STORE_CHUNK_BITS 14
#define STORE_CHUNK      ((uint64_t)1 << STORE_CHUNK_BITS) /* rows */

#define STORE_ROW_MARK UINT16_MAX /* type of a row that is a mark, not an event */

/* Shared memory: what a new engine needs to take a spool over. */
struct spool_state {
    _Atomic uint64_t start;   /* offset of the first block that is kept */
    _Atomic uint64_t end;     /* bytes that are whole */
    _Atomic uint64_t dropped; /* events dropped before start */
    _Atomic uint64_t rows;    /* of the engine that has it now, with those that were dropped */
    _Atomic uint64_t number;  /* of the last event */
};

struct store_row {
    uint64_t offset; /* of the event's bytes in the file (of captures: as they stand there) */
    uint64_t ts;
    uint32_t len;
    uint32_t who;   /* plugin ID of plugin and async events; of others the thread, its low half */
    uint16_t type;  /* in its current form */
    uint16_t flags; /* enum store_row_flag */
    uint16_t cpu;
    uint16_t call; /* of generic calls: which (event_generic_call) */
};

enum store_row_flag {
    STORE_STEPS_BACK = 1, /* its time is before that of the row before it */
    STORE_UNNUMBERED = 2, /* marks, and events that current libraries pass over */
    STORE_V1 = 4,         /* its header in the file has no count of parameters */
    STORE_AS_READ = 8,    /* of a capture: upgraded when it is read */
    STORE_FOLDED = 16,    /* … and folded, with its enter half where it has one */
    STORE_WIDE_TID = 64,  /* its thread's ID does not fit who (all ones do) */
    STORE_NOTE = 32,      /* a mark that is kept in memory, not in the file */
};

/* An event of a capture, for store_append_row. */
struct store_event {
    uint64_t offset, ts, tid;
    uint64_t enter;  /* offset of its enter half; 0: none */
    uint64_t number; /* 0: it has none */
    uint32_t len, plugin_id;
    uint16_t type, cpu, call;
    bool v1, fold;
};

struct store;

struct store_options {
    int fd;                      /* the spool */
    struct capture_input *input; /* instead of fd: a capture that is only read; the caller's */
    struct spool_state *state;   /* NULL: the store keeps its own */
    uint64_t limit;              /* bytes; 0: none */
    bool writable;
};

struct store *store_new(const struct store_options *o);
void store_free(struct store *s);
uint64_t store_memory(const struct store *s); /* bytes of the columns */

/* Reads what the file holds already: after a restart, or of a capture. `stop` (may be NULL) is
 * asked now and then. SEV_WARN: damage or a cut; the rows before it are there. */
enum severity store_load(struct store *s, bool (*stop)(void *ctx), void *ctx, struct error *err);

/* ---- appending: staged until the commit, then published */
void store_append(struct store *s, const void *event);
void store_append_mark(struct store *s, struct span json);
/* What is known of the next event beside itself, JSON: kept, but no row of its own. With a member
 * "initial" that is true the event gets no number: it tells of what was before the stream. */
void store_append_about(struct store *s, struct span json);
/* Of captures: rows that point into the file, in the order of their numbers; published by
 * store_publish. A note is a mark of mews itself in such a stream. */
void store_append_row(struct store *s, const struct store_event *event);
void store_append_note(struct store *s, struct span json);
void store_publish(struct store *s);
/* Writes what is staged and publishes it; drops the oldest rows past the limit. */
enum severity store_commit(struct store *s, struct error *err);
uint64_t store_staged(const struct store *s); /* rows that wait for a commit */

/* ---- reading */
/* Of captures: where the enter half of a row's event starts; 0: it has none. */
uint64_t store_enter(const struct store *s, uint64_t row);
uint64_t store_rows(const struct store *s);    /* published, the dropped ones included */
uint64_t store_first(const struct store *s);   /* the first that is kept */
uint64_t store_dropped(const struct store *s); /* events dropped so far */
uint64_t store_bytes(const struct store *s);   /* kept on disk */
/* False when the row is not there, or not any more. */
bool store_row(const struct store *s, uint64_t row, struct store_row *out);
/* The columns of rows [row, row + n), which lie in one chunk: valid as long as the store. False: they are not
 * all there; what is dropped meanwhile becomes 0. */
struct store_columns {
    const uint16_t *types, *calls, *cpus, *flags;
    const uint32_t *who;
    const uint64_t *times;
    const uint32_t *numbers; /* from first_number on; of rows without one, that of the next */
    uint64_t first_number;
};
bool store_columns(const struct store *s, uint64_t row, size_t n, struct store_columns *out);
/* Replaces out with the event's bytes (of a mark: its JSON). */
enum severity store_read(const struct store *s, uint64_t row, struct buf *out, struct error *err);
/* Of an exit half that is a row of its own: the call, both halves as one; replaces out. */
enum severity store_read_whole(const struct store *s, uint64_t row, struct buf *out);
/* What is known of a row beside its event, JSON; NULL: nothing. */
const char *store_about(const struct store *s, uint64_t row);
/* Event number of a row; of a mark, that of the event before it. */
uint64_t store_number(const struct store *s, uint64_t row);
/* Row of an event number; false when it is not (or no longer) there. */
bool store_find(const struct store *s, uint64_t number, uint64_t *row);
/* The first row in the stream's order that is not before a time; false: there is none. */
bool store_find_time(const struct store *s, uint64_t ts, uint64_t *row);
uint64_t store_last_number(const struct store *s);
/* Reads the bytes of rows [row, row + n) in one go into out; offsets[i] is where row + i starts.
 * Gives how many rows fitted into `max` bytes (at least one, unless it fails). */
size_t store_read_rows(const struct store *s, uint64_t row, size_t n, size_t max, struct buf *out,
                       size_t *offsets);
/* The same; of a capture's rows those with a 0 in wanted (by place; NULL: all are) need not be made. */
size_t store_read_wanted(const struct store *s, uint64_t row, size_t n, size_t max,
                         const uint8_t *wanted, struct buf *out, size_t *offsets);
/* Offset range of the kept blocks, for saving. */
void store_range(const struct store *s, uint64_t *start, uint64_t *end);

/* ---- values that fields gave for rows, kept within a limit of memory: the chunks that were not
 * taken for the longest are thrown away first. Everything may be called from every thread. */
struct value_columns;
struct value_column;
struct value_chunk; /* the values of a column for the rows of one chunk */

struct value_columns *value_columns_new(uint64_t limit);
void value_columns_free(struct value_columns *c);
uint64_t value_columns_memory(const struct value_columns *c); /* bytes of the values that are kept */
/* The column of a name, made when it is new; lives as long as they all. */
struct value_column *value_column_of(struct value_columns *c, const char *name);
/* What is kept for the chunk of a row; NULL: nothing is, and make is not set. To be given back: until
 * then it stays, with all values in it. */
struct value_chunk *value_chunk_take(struct value_columns *c, struct value_column *col,
                                     uint64_t row, bool make);
void value_chunk_give(struct value_columns *c, struct value_chunk *k);
/* False: the value is not kept. */
bool value_chunk_get(const struct value_chunk *k, uint64_t row, struct value *out);
uint32_t value_chunk_known(const struct value_chunk *k); /* rows whose values are kept */
/* Keeps a copy; what is kept already stays. */
/* The same for rows with the same value, 0 for those that are not known; below STORE_CHUNK + 2. */
uint32_t value_chunk_code(const struct value_chunk *k, uint64_t row);
void value_chunk_keep(struct value_columns *c, struct value_chunk *k, uint64_t row,
                      const struct value *v);
void value_columns_trim(struct value_columns *c);  /* back within the limit */
void value_columns_clear(struct value_columns *c); /* the values have changed, but for pinned ones */
/* Its chunks are never thrown away: they could not be had again. */
void value_column_pin(struct value_columns *c, struct value_column *col);
uint64_t value_columns_bytes(const struct value_columns *c);

/* ---- an axis of time: the stretches that events stand in; what is long and empty between them is
 * folded into one cell */
struct axis_cell {
    uint64_t from, to; /* nanoseconds; both are in it */
    bool gap;          /* no event stands in it */
};

/* Divides the times of events (at least four cells for it to fold) into at most `cells` cells, in
 * order of time; out has room for them. Sorts ts. Gives how many cells there are; 0 of no event. */
size_t time_axis(uint64_t *ts, size_t n, size_t cells, struct axis_cell *out);
/* The cell of a time; of one before them all the first. */
size_t axis_find(const struct axis_cell *cells, size_t n, uint64_t ts);

#endif
