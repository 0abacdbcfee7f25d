/* What the files of this folder share. */
#ifndef MEWS_CAPTURE_INTERNAL_H
#define MEWS_CAPTURE_INTERNAL_H

#include "mews/capture.h"

/* ---- points.c */
#define POINT_HISTORY 32768u

/* A place in the compressed stream from which it can be read without what is before it. */
struct point {
    uint64_t out, in;
    uint8_t bits; /* of the byte before `in` that belong to it */
    bool member;  /* the start of a gzip member: no history is needed */
    char *
        history; /* POINT_HISTORY bytes; NULL: with member, and when they are in the file, at slot */
    uint64_t slot;
};

struct points_file;
/* The points that were found before of the gzip file gz, or a new file for them; never NULL. */
struct points_file *points_open(int gz);
void points_close(struct points_file *f);
uint64_t points_found(const struct points_file *f);
/* Reads one of them. Like the next, any thread. False: it can't be read. */
bool points_get(const struct points_file *f, uint64_t i, struct point *out);
bool points_history(const struct points_file *f, uint64_t i, char to[POINT_HISTORY]);
/* Keeps one in the file, in the order of the stream. False: it can't, or has been found before. */
bool points_add(struct points_file *f, struct point *p, const char *history);
/* All that there are have been added: from now on others find them, if gz has not changed. */
void points_done(struct points_file *f, int gz);

/* ---- ahead.c */
#define AHEAD_STEP   ((size_t)256 << 10) /* bytes at a time; a few stay in the second-level cache */
#define AHEAD_BEFORE ((size_t)64 << 10)

struct ahead;
/* From where capture_input_next stands; the input is its own until it is freed, but for reading at
 * offsets, and when it has told of an end or an error until the next call. NULL: there is no core or
 * no thread for it. */
struct ahead *ahead_new(struct capture_input *input, capture_marker *marker, const void *ctx);
void ahead_free(struct ahead *a);
/* The next bytes, behind those that are left of the ones before (AHEAD_BEFORE at the most, copied).
 * They are valid until the next call; *got: how many are new, as capture_input_next tells. */
enum severity ahead_take(struct ahead *a, struct span left, char **bytes, size_t *got,
                         struct error *err);
/* capture_reader_mark and capture_reader_marked, of the bytes that were taken last. */
void ahead_mark(struct ahead *a, capture_marker *marker, const void *ctx);
struct capture_marked ahead_marked(const struct ahead *a);

#endif
