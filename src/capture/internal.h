/* What the files of this folder share. */
#ifndef MEWS_CAPTURE_INTERNAL_H
#define MEWS_CAPTURE_INTERNAL_H

#include "mews/capture.h"

/* ---- ahead.c */
#define AHEAD_STEP   ((size_t)256 << 10) /* bytes at a time; a few stay in the second-level cache */
#define AHEAD_BEFORE ((size_t)64 << 10)

struct ahead;
/* From where capture_input_next stands; the input is its own until it is freed, but for reading at
 * offsets, and when it has told of an end or an error until the next call. NULL: there is no core or
 * no thread for it. */
struct ahead *ahead_new(struct capture_input *input);
void ahead_free(struct ahead *a);
/* The next bytes, behind those that are left of the ones before (AHEAD_BEFORE at the most, copied).
 * They are valid until the next call; *got: how many are new, as capture_input_next tells. */
enum severity ahead_take(struct ahead *a, struct span left, char **bytes, size_t *got,
                         struct error *err);

#endif
