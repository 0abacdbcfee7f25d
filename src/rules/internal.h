/* What the files of this module share. */
#ifndef MEWS_RULES_INTERNAL_H
#define MEWS_RULES_INTERNAL_H

#include "mews/rules.h"

struct rule_list {
    char *name;
    struct str_list items; /* with the lists that were known then in place of their names */
    bool used;
};

struct rule_macro {
    char *name, *condition, *file;
    unsigned line, index;
    bool used;
};

struct rules {
    VEC(struct rule_list) lists;
    VEC(struct rule_macro) macros;
    VEC(struct rule *) rules;
    VEC(struct rule_message) messages;
    VEC(struct rule_schema) schemas;
    bool failed;
    bool for_filters; /* what is loaded is for filters: it changes no rule */
    unsigned next_index; /* of definitions, for what macros see */
    /* the file at hand */
    const char *file;
    const char *(*loaded_plugin)(void *ctx, const char *name);
    void *ctx;
};

struct rule_list *rules_list(const struct rules *r, const char *name);
/* Of a text that stands for true or false. */
bool rules_truth(const char *s, bool *out);
/* schema.c: of the file at hand; NULL: it could not be parsed. */
void rules_schema_check(struct rules *r, const json_t *documents);
struct rule *rules_named(const struct rules *r, const char *name);
/* exceptions.c: "(C) and not E1 …" (§4); free() it. */
char *rules_with_exceptions(const struct rule *rule);
void rule_clear(struct rule *rule); /* all but its name */
/* A message about the item at hand; error: the load fails. */
void rules_say(struct rules *r, bool error, const char *code, unsigned line, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

#endif
