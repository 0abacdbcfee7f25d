/* What the files of the commands' output share; the plugin thread's but for what is said. */
#ifndef MEWS_ENGINE_OUTPUT_H
#define MEWS_ENGINE_OUTPUT_H

#include "internal.h"

#define FLUSH_AT ((size_t)256 << 10) /* bytes of text */

enum output_kind {
    OUTPUT_LINES,
    OUTPUT_COUNTS,
    OUTPUT_TOTAL,
    OUTPUT_INFO,
    OUTPUT_RECORD,
    OUTPUT_STATE,
    OUTPUT_LATE,
    OUTPUT_RULES,
    OUTPUT_EXPECT,
    OUTPUT_ALERTS,
    OUTPUT_EXPLAIN
};

struct output { /* constant once started, but for what is said */
    enum output_kind kind;
    struct filter *filter; /* NULL: every event */
    enum field_needs filter_needs;
    struct output_format *format;
    struct output_format *system_format;   /* of events that are no plugin's; NULL: the same */
    struct output_format *stranger_format; /* of plugins that are not loaded; NULL: the same */
    bool json, visible;
    enum bytes_form bytes;
    uint64_t limit;
    uint64_t until;      /* time_mono() at which it is over; 0: never */
    int fd;              /* where text goes */
    struct aside *aside; /* makes what is printed; NULL: it is made as events pass */
    const struct column *fields[GROUP_FIELDS];
    unsigned nfields;

    char apart[APART];
    /* the plugin thread's */
    uint64_t events, matched;
    bool ended;
    struct late *late;
    struct output_rules *rules;
    struct output_expect *expect;
    struct alerts *alerts;
    struct funnel *funnel;
    json_t *explained; /* of the event that was asked for */
    bool asked_event;
    struct recorder *recorder;
    char *table, *at_time; /* of a state: which, and when; NULL: at the end */
    uint64_t at_event, at_ts;
    char *error; /* what went wrong with what is written */
    struct event_reader filter_reader;

    char apart_too[APART];
    /* of whoever makes what is printed */
    struct event_reader format_reader;
    struct groups *groups;
    struct buf text;
    uint64_t printed;
    bool closed; /* whoever read it has gone */
};

/* ---- output_make.c: text and counts of single events */
/* Prints or counts the event that passes, here or aside. */
void output_make(struct engine *e, struct output *o, const void *bytes, uint64_t number);
/* Writes what there is. False: whoever reads it has gone. */
bool output_write(struct output *o);

#endif
