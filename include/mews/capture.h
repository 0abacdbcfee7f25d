/*
 * What for: blocks of capture files: taking them apart, putting them together.
 * Owns:     nothing; blocks are spans of a buffer that the caller holds.
 * Threads:  no state.
 * Errors:   a block that can't be believed gives SEV_FAILED with its offset; missing bytes are
 *           no error.
 * Included: by store, engine, cli.
 *
 * Layout: capture format, sections 2 (frame), 3 (section header), 5 (event blocks).
 */
#ifndef MEWS_CAPTURE_H
#define MEWS_CAPTURE_H

#include "mews/event.h"

enum capture_block_type {
    CAPTURE_SECTION = 0x0a0d0d0a,
    CAPTURE_MACHINE = 0x201,
    CAPTURE_EVENT_V1 = 0x204,
    CAPTURE_EVENT_V1_FLAGS = 0x208,
    CAPTURE_EVENT_V2 = 0x216,
    CAPTURE_EVENT_V2_FLAGS = 0x217,
    CAPTURE_EVENT_LARGE = 0x221,
    CAPTURE_EVENT_LARGE_FLAGS = 0x222,
    /* mews' own: a mark in the stream, JSON text. Only in spools; never in files that are saved. */
    CAPTURE_MARK = 0x6d617278,
};

#define CAPTURE_FRAME     12u /* type, length, trailer */
#define CAPTURE_BLOCK_MAX ((uint32_t)256 << 20)
#define CAPTURE_HEADER_LEN                                                                         \
    220u /* section header and machine info as capture_add_header writes them */

struct capture_block {
    uint32_t type;
    uint32_t len;      /* of the whole block */
    struct span body;  /* without frame, with padding */
    struct span event; /* of event blocks of version 2: the event's own bytes; else empty */
    size_t event_at;   /* where event starts, from the block's first byte */
    uint16_t cpu;
    uint32_t flags;
};

enum capture_step { CAPTURE_BLOCK, CAPTURE_NEED_MORE, CAPTURE_DAMAGED };

/* Takes the block at the start of s apart. NEED_MORE: s ends before the block does. offset is only
 * for the words. */
enum capture_step capture_block_read(struct span s, uint64_t offset, struct capture_block *out,
                                     struct error *err);
/* Appends section header and machine info: the start of every capture that mews writes. */
void capture_add_header(struct buf *out, const char *hostname, uint64_t boot_ts);
/* Appends one event as a block; returns where the event's bytes start, from the block's first byte.
 */
size_t capture_add_event(struct buf *out, const void *event, uint16_t cpu, uint32_t flags);
void capture_add_mark(struct buf *out, struct span json);

#endif
