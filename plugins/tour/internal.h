/* What the files of the tour plugin share. */
#ifndef MEWS_TOUR_INTERNAL_H
#define MEWS_TOUR_INTERNAL_H

#include "../common.h"

#define TOUR_ID 0x746f7572u

/* ---- story.c: "The night a key was copied" */
struct story_event {
    uint64_t ts;
    char *json; /* free() it */
};

struct story {
    struct story_event *events;
    size_t n, cap;
};

/* Always the same events, in order of time. */
void story_tell(struct story *s);
void story_free(struct story *s);

#endif
