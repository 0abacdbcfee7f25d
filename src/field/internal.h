/* What the files of this module share. */
#ifndef MEWS_FIELD_INTERNAL_H
#define MEWS_FIELD_INTERNAL_H

#include "mews/field.h"

/* builtin.c: definition i, NULL past the last */
const struct field_def *builtin_def(size_t i);
void builtin_extract(const struct field_ref *ref, const struct field_event *e, struct arena *arena,
                     struct value *out);

void builtin_type(struct value *out, struct arena *arena, const void *event); /* evt.type */

/* system.c: the fields of system calls and of what the state knows */
const struct field_def *system_def(size_t i);
void system_extract(const struct field_ref *ref, const struct field_event *e, struct arena *arena,
                    struct value *out);
const char *system_category(const struct field_event *e); /* evt.category */
enum field_needs system_needs(const struct field_def *def);
enum field_state system_state(const struct field_def *def);
/* See field_told_by_type; named: the type, or the stub's call, tells what the event is called. */
bool system_told(const struct field_ref *ref, uint16_t type, bool named);
bool builtin_told(const struct field_ref *ref, uint16_t type, bool named);
enum state_scope system_scope(const struct field_def *def);
bool system_of_fd(const struct field_def *def);
bool system_worth_keeping(const struct field_def *def);
enum field_needs builtin_needs(const struct field_def *def);
bool builtin_needs_state(const struct field_def *def);
#define SYSTEM_FIELDS_FROM 1000 /* where their numbers (field_def.builtin) start */

/* expr.c: the field whose name has the next name_len bytes, with its argument */
struct expr *expr_field_at(struct scan *s, size_t name_len);

/* functions.c */
struct function {
    const char *name; /* as written, with "(" */
    unsigned min_args, max_args;
    bool takes_arg; /* [argument] after the call */
    /* Types of the arguments to the type of the result; fills err with C19, C21 or C22. */
    bool (*check)(struct expr *e, struct syntax_error *err);
    void (*eval)(const struct expr *e, struct field_reader *r, struct value *out);
};
const struct function *function_find(const char *s, size_t n); /* s starts with "name(" */
size_t function_name_len(const struct function *f);

#endif
