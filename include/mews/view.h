/*
 * What for: layouts (which columns a source shows) and how its logs are recognised, from YAML
 *           files; grouping of events by the values of fields.
 * Owns:     layouts and groups what they hold.
 * Threads:  one thread for each object.
 * Errors:   a file that is off is named with its line; the others are used.
 * Included: by engine, cli.
 */
#ifndef MEWS_VIEW_H
#define MEWS_VIEW_H

#include <jansson.h>

#include "mews/event.h"

/* ---- layouts: the files of views/ ------------------------------------------------------------ */

struct layout_column {
    char *field, *title;
    unsigned width; /* 0: by type */
};

struct layout_part {
    char *pointer, *glob; /* the value at a JSON pointer matches a shell pattern */
};

struct layout_clue { /* all of its parts must hold for a line of JSON to look like the source's */
    VEC(struct layout_part) parts;
};

struct layout {
    char *source, *plugin, *title;
    VEC(struct layout_column) columns;
    VEC(struct layout_clue) clues;
};

struct layouts {
    VEC(struct layout *) v;
};

/* Reads all files of a directory; what is off goes to warnings. */
void layouts_load(struct layouts *l, const char *dir, struct str_list *warnings);
/* Adds those of {name: document as yaml_read gives it}: a client's own, sent to an engine
 * elsewhere. */
void layouts_add(struct layouts *l, const json_t *docs, struct str_list *warnings);
/* The documents of a directory for layouts_add. New reference. */
json_t *layouts_documents(const char *dir, struct str_list *warnings);
void layouts_fini(struct layouts *l);
const struct layout *layout_for(const struct layouts *l, const char *source);
/* The layout whose clues a line of JSON fits, NULL if none. */
const struct layout *layout_recognise(const struct layouts *l, struct span line);

/* ---- groups ---------------------------------------------------------------------------------- */

#define GROUP_FIELDS 8

struct group_key { /* one value of one field */
    uint8_t state; /* enum value_state; NONE and FAILED are groups of their own */
    struct span text;
    uint32_t element; /* for lists: which element of the event's value it was */
};

struct group {
    const struct group_key *keys; /* as many as the groups have fields */
    uint64_t count;
    uint64_t first; /* number of the first event in it */
};

struct groups;

/* memory: bytes that the groups may take; past them, new values are counted as others. */
struct groups *groups_new(unsigned nfields, size_t memory);
void groups_free(struct groups *g);
/* Counts one event: the values of the fields. Lists count once for each distinct element; their
 * combinations too. */
void groups_add(struct groups *g, const struct value *values, uint64_t number);
uint64_t groups_events(const struct groups *g); /* events counted */
size_t groups_count(const struct groups *g);    /* distinct groups */
uint64_t groups_others(const struct groups *g); /* counts that found no room */
/* The groups from `from` on, by descending count, then by first event; at most n. Borrowed until
 * the next add. */
size_t groups_top(struct groups *g, size_t from, size_t n, struct group *out);

#endif
