/* What the files of the store share. */
#ifndef MEWS_STORE_INTERNAL_H
#define MEWS_STORE_INTERNAL_H

#include <pthread.h>

#include "mews/store.h"

#define DIR_BITS  12 /* chunks in a page of the directory */
#define DIR_PAGES 65536
#define FAR_BITS  12
#define FAR_PAGES 4096

struct chunk {
    uint64_t first_number; /* number of the first event at or behind its first row */
    uint64_t offset[STORE_CHUNK];
    uint64_t ts[STORE_CHUNK];
    uint32_t len[STORE_CHUNK];
    uint32_t who[STORE_CHUNK];
    uint32_t number[STORE_CHUNK]; /* from first_number on; of marks that of the event before + 1 */
    uint32_t enter[STORE_CHUNK];  /* how far before offset the enter half starts; 0: none;
                                     UINT32_MAX: see the store's far list */
    uint16_t type[STORE_CHUNK];
    uint16_t flags[STORE_CHUNK];
    uint16_t cpu[STORE_CHUNK];
    uint16_t call[STORE_CHUNK];
};

struct far_enter {
    uint64_t row, enter;
};

struct about { /* what is known of a row beside its event */
    uint64_t row;
    char *json;
};

struct store {
    int fd;
    struct capture_input *input;
    bool writable;
    uint64_t limit;
    struct spool_state own, *state;
    struct chunk **_Atomic dir[DIR_PAGES];
    _Atomic uint64_t rows, first;
    _Atomic uint64_t last_number;
    char *_Atomic *_Atomic notes; /* by place; grows by copying, old arrays are kept till the end */
    struct far_enter *_Atomic far_pages[FAR_PAGES]; /* in the order of rows */
    _Atomic uint64_t nfar;
    /* the appending thread's own */
    size_t nnotes, notes_cap;
    VEC(void *) old_notes;
    uint64_t filled; /* rows with columns, published or staged */
    uint64_t number; /* of the last event filled in */
    uint64_t last_ts;
    struct buf stage;
    pthread_mutex_t about_lock; /* guards what follows */
    VEC(struct about) about;    /* in the order of rows */
    bool next_unnumbered;       /* the appending thread's: of the next row */
    uint64_t stage_at; /* file offset of the stage's first byte */
};

struct chunk *store_chunk(const struct store *s, uint64_t row);
/* Columns of the next row, to be filled in; i is its place in the chunk. */
struct chunk *store_next_row(struct store *s, size_t *i);
/* Fill in the next row of a spool. */
void store_fill_event(struct store *s, uint64_t offset, uint32_t len, const void *event);
void store_fill_about(struct store *s, struct span json); /* of the next row */
void store_fill_mark(struct store *s, uint64_t offset, uint32_t len);

#endif
