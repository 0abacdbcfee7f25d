/*
 * What for: random filter expressions, and what they mean: an interpreter that walks the expression
 *           for each event, over values as `mews print --json` gives them. It is written from the
 *           rules of the language alone and includes none of our headers.
 * Owns:     expressions, until expression_free; the values stay the caller's.
 * Threads:  none.
 */
#ifndef MEWS_TESTS_INTERPRETER_H
#define MEWS_TESTS_INTERPRETER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum field_class {
    CLASS_NUMBER,
    CLASS_TEXT,
    CLASS_NAME,
    CLASS_BOOL,
    CLASS_ADDRESS,
    CLASS_LIST,
    CLASS_ENDS
};

struct field_known {
    const char *name;
    enum field_class class; /* NAME: a text that only knows certain constants */
    const char
        *type; /* what may stand in val() beside it has the same; NULL: nothing, no function */
    const char *ends[2]; /* ENDS: the fields whose values it stands for */
};

/* Entries of tables of them. */
#define FIELD(name, class, type)                                                                   \
    {                                                                                              \
        name, CLASS_##class, type,                                                                 \
        {                                                                                          \
            NULL, NULL                                                                             \
        }                                                                                          \
    }
#define ENDS(name, one, other)                                                                     \
    {                                                                                              \
        name, CLASS_ENDS, NULL,                                                                    \
        {                                                                                          \
            one, other                                                                             \
        }                                                                                          \
    }

struct known {
    const struct field_known *fields;
    unsigned nfields;
    json_t *const *events; /* by number: field to value; NULL: there is no such event */
    unsigned nevents;
    bool plain; /* only what sysdig 0.29.3 has: no functions, no val(), no modifiers */
};

#define CHILDREN_MAX  4
#define CONSTANTS_MAX 5

enum expression_kind { OR, AND, NOT, CHECK };
enum expression_function { NONE, LOWER, UPPER, BASE, LEN };

struct expression {
    enum expression_kind kind;
    struct expression *children[CHILDREN_MAX];
    unsigned nchildren;
    bool bracketed;                          /* older readers want `and` inside `or` in brackets */
    const struct field_known *field, *other; /* other: right of the operator, in val() */
    enum expression_function function;
    const char *op, *modifier;
    char *constants[CONSTANTS_MAX];
    unsigned nconstants;
};

/* What `mews print --json` prints, into events by number; gives the greatest number + 1. */
unsigned events_read(const char *command, json_t **events, unsigned max);
void events_forget(json_t **events, unsigned max);

/* A number below n. */
unsigned random_below(unsigned n);
void random_seed(uint64_t seed);

struct expression *expression_random(const struct known *k, unsigned depth);
void expression_free(struct expression *x);
/* As a filter. The caller frees it. */
char *expression_text(const struct expression *x);
bool expression_holds(const struct expression *x, const json_t *event);

#endif
