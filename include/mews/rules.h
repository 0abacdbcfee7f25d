/*
 * What for: Falco's rules files: lists, macros and rules with appends, overrides and exceptions, as
 *           conditions that the filter language takes.
 * Owns:     a set of rules all its texts.
 * Threads:  none of its own; a set that is loaded is constant.
 * Errors:   messages in the set, each with file and line; a set with an error is not to be used.
 * Included: by engine, cli.
 *
 * Facts: rules-language; its sections are named as "§".
 */
#ifndef MEWS_RULES_H
#define MEWS_RULES_H

#include "mews/config.h"
#include "mews/filter.h"

#define RULES_ENGINE "0.63.0" /* the version of the engine that this one answers as */

enum rule_priority {
    PRIORITY_EMERGENCY,
    PRIORITY_ALERT,
    PRIORITY_CRITICAL,
    PRIORITY_ERROR,
    PRIORITY_WARNING,
    PRIORITY_NOTICE,
    PRIORITY_INFORMATIONAL,
    PRIORITY_DEBUG
};

struct rule_message {
    bool error;
    const char *code; /* LOAD_… (§5) */
    char *file, *text;
    unsigned line; /* 0: none */
};

struct rule_schema { /* what the separate check of a file's schema says: a note (§5) */
    char *file, *text; /* NULL: it has passed */
    unsigned line;     /* 0: none */
    bool passed;
};

struct rule_exception {
    char *name;
    json_t *fields, *comps, *values; /* as written; NULL: left out */
};

struct rule {
    char *name, *condition, *output, *desc, *source, *file;
    unsigned line;
    enum rule_priority priority;
    bool enabled, warn_types, skip_unknown;
    bool capture;        /* Falco is to write a capture when it fires */
    uint32_t capture_ms; /* for that long */
    struct str_list tags;
    VEC(struct rule_exception) exceptions;
    char *effective; /* the condition with exceptions and lists (§3, §4); macros are still names */
};

struct rules;

struct rules *rules_new(void);
void rules_free(struct rules *r);
/* Loads one more file, or all *.yaml below a folder in the order of names. loaded_plugin (may be
 * NULL) gives the version of a plugin that is loaded, NULL where it is not. */
void rules_load(struct rules *r, const char *path,
                const char *(*loaded_plugin)(void *ctx, const char *name), void *ctx);
/* The same of a text; file names it in messages. */
void rules_load_text(struct rules *r, const char *file, const char *text, size_t n);
/* Macros for filters, which may use those above them: no rule sees them, and that none uses them is no fault. */
void rules_load_names(struct rules *r, const char *file, const char *text, size_t n);
/* Once all are loaded: lists and exceptions go into the conditions. */
void rules_finish(struct rules *r);
/* Switches rules on or off (§5): by name, where * in a pattern stands for anything, or by a tag; the other is
 * NULL. Gives how many rules it names. */
size_t rules_switch(struct rules *r, bool enable, const char *pattern, const char *tag);
/* Once all are compiled: what nobody uses, deprecated fields and the like. */
void rules_lint(struct rules *r);
bool rules_failed(const struct rules *r); /* one of the messages is an error */
size_t rules_count(const struct rules *r);
const struct rule *rules_at(const struct rules *r, size_t i);
size_t rules_messages(const struct rules *r);
const struct rule_message *rules_message(const struct rules *r, size_t i);
size_t rules_schemas(const struct rules *r); /* one for each file */
const struct rule_schema *rules_schema(const struct rules *r, size_t i);
/* For filter_options.macro; ctx is the set. */
const char *rules_macro(void *ctx, struct span name, unsigned before, unsigned *index);
/* For filter_options.list, likewise. */
const struct str_list *rules_list_items(void *ctx, struct span name);
/* The names that filters can use, in the order of their definition; NULL: i is behind the last. */
const char *rules_macro_at(const struct rules *r, size_t i, const char **condition,
                           const char **file);
const char *rules_list_at(const struct rules *r, size_t i, const struct str_list **items);
/* Has filters know the macros and lists of the set. */
void rules_name(const struct rules *r, struct filter_options *options);
void rules_add_message(struct rules *r, bool error, const char *code, const char *file,
                       unsigned line, const char *fmt, ...) PRINTF_LIKE(6, 7);
const char *rule_priority_name(enum rule_priority p); /* "Warning" */
/* A name in any case, "info", or 0 to 7; false: s, which may be NULL, is none of them. */
bool rule_priority_parse(const char *s, enum rule_priority *out);

#endif
