/* What the files of this module share. */
#ifndef MEWS_FILTER_INTERNAL_H
#define MEWS_FILTER_INTERNAL_H

#include "mews/filter.h"

enum filter_op {
    OP_EXISTS,
    OP_LE,
    OP_LT,
    OP_GE,
    OP_GT,
    OP_EQ,
    OP_NE,
    OP_GLOB,
    OP_IGLOB,
    OP_CONTAINS,
    OP_ICONTAINS,
    OP_BCONTAINS,
    OP_STARTSWITH,
    OP_BSTARTSWITH,
    OP_ENDSWITH,
    OP_REGEX,
    OP_INTERSECTS,
    OP_IN,
    OP_PMATCH,
    OP_COUNT
};

enum op_group { OPG_EXISTS, OPG_ORDER, OPG_STRING, OPG_LIST };

struct op_info {
    const char *word;
    enum op_group group;
    bool needs_blank; /* a word that a blank must follow */
    bool modifiers;   /* takes oneof, anyof, allof */
    uint16_t classes; /* bits of enum value_class that take it; exists: all */
    const char *desc;
};
extern const struct op_info op_infos[OP_COUNT];

enum modifier { MOD_NONE, MOD_ONEOF, MOD_ANYOF, MOD_ALLOF };

struct network {
    struct ip_bytes ip;
    uint8_t bits;
};

struct constant {
    struct span text;    /* as written, escapes resolved */
    uint32_t index, len; /* where it stands in the filter */
    union elem e;        /* converted to the field's type */
    uint8_t net_bits;
    struct regex *regex;
    struct span *parts; /* pmatch */
    size_t nparts;
};

#define CALLS_MAX 512 /* codes of system calls; those beyond count as unknown */

enum node_kind { NODE_OR, NODE_AND, NODE_NOT, NODE_NAME, NODE_CHECK };

struct node {
    enum node_kind kind;
    uint32_t index, len;
    struct node **children;
    size_t nchildren;
    struct span name; /* NAME: a macro that nobody resolved; others: the one that it came from */
    /* CHECK */
    struct expr *lhs, *rhs;
    enum filter_op op;
    uint32_t op_index, op_len;
    enum modifier modifier;
    bool has_list; /* the constants came in ( ) or as the name of a list */
    struct constant *constants;
    size_t nconstants;
    struct const_set *set; /* for `in` and `intersects` with many constants */
};

struct filter {
    struct arena arena;
    struct field_refs own, *refs; /* refs: own, or shared with others */
    struct node *root;
    bool beyond_falco;
    uint8_t outcomes[EVENT_TYPES + 1];   /* by type; the last: those that the table does not know */
    uint8_t call_outcomes[2][CALLS_MAX]; /* of generic enter and exit halves, by what they call */
    VEC(struct regex *) regexes;
    VEC(struct const_set *) sets;
    VEC(const struct node *) parts;                  /* of the outermost `and` */
    VEC(const struct node *) thread_parts, fd_parts; /* those that ask for nothing but that */
    enum state_scope scope;                          /* of the thread's parts */
    struct sieve *sieve;         /* of the header's columns; NULL: types tell as much */
    bool plain[EVENT_TYPES + 1]; /* with a sieve: types of which it tells */
};

/* parse.c */
struct node *filter_parse(struct scan *s);
/* constant.c: false with C04 to C12, C23 */
bool constant_compile(struct filter *f, struct node *n, struct constant *c,
                      const struct field_catalogue *cat, bool strict, struct syntax_error *err);
/* set.c: membership by hash */
struct const_set *const_set_new(enum value_type type, const struct constant *c, size_t n);
bool const_set_has(const struct const_set *s, const union elem *e);
void const_set_free(struct const_set *s);
/* compile.c: canonical; inside: with parentheses where they are needed */
void node_text(const struct node *n, bool inside, struct buf *out);
/* match.c */
bool node_match(const struct node *n, struct field_reader *r);
bool check_match(const struct node *n, struct field_reader *r);
/* types.c: whether all fields that a node asks for are visited with success */
typedef bool field_visit(const struct field_ref *ref, void *ctx);
bool node_each_field(const struct node *n, field_visit *visit, void *ctx);
/* fills in the outcomes once the filter is compiled */
void filter_find_types(struct filter *f);
void filter_find_state_parts(struct filter *f); /* after the parts */
/* what a node may come to for each type (enum filter_outcome), the last: types that are not known */
void node_outcomes(const struct node *n, uint8_t by_type[EVENT_TYPES + 1]);
unsigned filter_outcomes(const struct filter *f, uint16_t type, uint16_t call);
/* sieve.c */
void filter_make_sieve(struct filter *f);
/* explain.c */
void filter_find_parts(struct filter *f);
/* regex.c: NULL with a reason */
struct regex *regex_compile(struct span pattern, char *why, size_t size);
bool regex_match(const struct regex *re, struct span text);
void regex_free(struct regex *re);

#endif
