/*
 * What for: the filter language: parsing, checking against a catalogue of fields, evaluation,
 *           completion, making clauses out of values.
 * Owns:     a filter owns its tree, its constants and its list of fields; the catalogue must
 *           outlive it.
 * Threads:  a compiled filter is constant; each thread evaluates with a reader of its own.
 * Errors:   struct syntax_error with the codes of the language's facts (P.., C..).
 * Included: by rules, view, engine, cli.
 *
 * Facts: filter-language; its sections are named as "§".
 */
#ifndef MEWS_FILTER_H
#define MEWS_FILTER_H

#include "mews/field.h"

#define FILTER_DEPTH      100  /* levels of nesting in a filter (§5) */
#define FILTER_DEPTH_RULE 1000 /* in a rule's condition */

struct filter;

struct filter_options {
    unsigned depth_max; /* 0: FILTER_DEPTH */
    bool strict;        /* hold to Falco's limits: constants of 255 bytes, no NUL */
    /* The condition of a macro that is visible to one of this index, and its own index; NULL: there is
     * none. The text lives as long as the call. NULL: no macros. */
    const char *(*macro)(void *ctx, struct span name, unsigned before, unsigned *index);
    /* The items of a list, for names that stand bare among the values of a list; NULL: there is no such
     * list. They live as long as the filter's making. NULL: no lists. */
    const struct str_list *(*list)(void *ctx, struct span name);
    void *ctx;
    /* Filters that are asked one after the other share these: what an event says is read once for all.
     * The caller's, with an arena; they outlive the filters. NULL: the filter has its own. */
    struct field_refs *refs;
};

/* Whether the text is well formed, without knowing any field. */
bool filter_parses(const char *text, size_t n, unsigned depth_max, struct syntax_error *err);
/* NULL with the first error. Blanks alone are an error, as in Falco: callers take "" for "no
 * filter". */
struct filter *filter_compile(const char *text, size_t n, const struct field_catalogue *c,
                              const struct filter_options *options, struct syntax_error *err);
void filter_free(struct filter *f);
const struct field_refs *filter_refs(const struct filter *f);
/* Canonical text: one blank between words, constants quoted where needed. */
void filter_text(const struct filter *f, struct buf *out);
/* Constants that Falco would refuse (longer than 255 bytes, NUL). */
bool filter_beyond_falco(const struct filter *f);
/* Evaluates on the reader's current event, left to right with short circuits (§8). */
bool filter_match(const struct filter *f, struct field_reader *r);
/* How many of the known types of events may match, by their names alone. */
unsigned filter_types(const struct filter *f);
/* Whether a field of ka or jevt is compared with the text <NA>, which says nothing of a missing value. */
bool filter_compares_na(const struct filter *f);
/* False when no event of this type can match, whatever else it holds: cheap, and asked first. call:
 * of generic events, event_generic_call; else 0. */
bool filter_may_match(const struct filter *f, uint16_t type, uint16_t call);
/* Whether some part of the outermost `and` asks for the event's thread alone (field_scope);
 * whether those parts hold. */
bool filter_asks_threads(const struct filter *f);
bool filter_thread_may_match(const struct filter *f, struct field_reader *r);
/* Whether it asks for nothing else. */
bool filter_asks_threads_only(const struct filter *f);
/* What they depend on beside the thread. */
enum state_scope filter_scope(const struct filter *f);
/* The same of the descriptor (field_of_fd). */
bool filter_asks_fds(const struct filter *f);
bool filter_fd_may_match(const struct filter *f, struct field_reader *r);

/* ---- what headers tell -------------------------------------------------------------------------- */

enum filter_outcome { FILTER_HOLDS = 1, FILTER_FAILS = 2, FILTER_EITHER = 3 };

struct filter_header { /* of one event */
    uint64_t number, ts, tid;
    uint16_t type, cpu;
};
/* Whether it tests more of the header than the type tells. */
bool filter_asks_headers(const struct filter *f);
/* False when no event with this header can match, whatever else it holds. */
bool filter_header_may_match(const struct filter *f, const struct filter_header *h);

struct filter_columns { /* the same of many */
    const uint16_t *types, *calls, *cpus, *flags;
    const uint32_t *threads; /* all ones: -1 */
    const uint64_t *times;
    const uint32_t *numbers; /* from first_number on */
    uint64_t first_number;
    uint16_t odd; /* with one of these flags, an event's thread or number is another */
};
#define FILTER_SIEVE_MAX 512 /* rows at a time */
/* What the filter comes to for each of n rows (enum filter_outcome), as far as the columns tell. */
void filter_sieve(const struct filter *f, const struct filter_columns *c, size_t n, uint8_t *out);

/* Events with numbers outside [*low, *high] match in no case. */
void filter_numbers(const struct filter *f, uint64_t *low, uint64_t *high);
/* The slot of the only field that a part of the outermost `and` asks for; -1: there is none, or several. */
int filter_part_slot(const struct filter *f, size_t i);

/* ---- why a filter holds or not ------------------------------------------------------------------- */

struct filter_part {
    unsigned depth;
    const char *kind; /* "and", "or", "not", "check" */
    const char *text; /* canonical; lives as long as the call */
    bool holds;
    struct value value;          /* of a check: what its left side gave */
    const struct field_def *def; /* of that side, when it is a field */
};

/* Each part of the filter on the reader's current event, parents first, none left out. */
void filter_explain(const struct filter *f, struct field_reader *r,
                    void (*each)(void *ctx, const struct filter_part *p), void *ctx);
/* The parts of the outermost `and` (a filter without one is a single part): how many, the text of one
 * (appended), and whether one holds. */
size_t filter_parts(const struct filter *f);
void filter_part_text(const struct filter *f, size_t i, struct buf *out);
bool filter_part_holds(const struct filter *f, size_t i, struct field_reader *r);
/* Whether any of the part's fields has a value. */
bool filter_part_present(const struct filter *f, size_t i, struct field_reader *r);
/* The branches of the `or` that part i is, likewise; 0: it is none. */
size_t filter_branches(const struct filter *f, size_t i);
void filter_branch_text(const struct filter *f, size_t i, size_t k, struct buf *out);
bool filter_branch_holds(const struct filter *f, size_t i, size_t k, struct field_reader *r);

/* ---- making filters out of values ------------------------------------------------------------ */

/* Appends a constant so that the parser reads these very bytes: bare where possible, else quoted.
 */
void filter_quote(struct span s, struct buf *out);
/* Appends the clause that holds for events with this value: legal for its type. element >= 0 means
 * one element of a list (`intersects`), -1 the whole value (`=`, for lists `in`); no value gives
 * `not FIELD exists`. */
void filter_clause(const struct field_ref *ref, const struct value *v, int64_t element,
                   struct buf *out);

enum filter_join { FILTER_AND, FILTER_AND_NOT, FILTER_OR, FILTER_ONLY };
/* Appends `filter` joined with `clause`, with parentheses where the meaning needs them. An empty
 * filter gives the clause alone. */
void filter_join(const char *filter, const char *clause, enum filter_join how, struct buf *out);

/* ---- for whoever types ----------------------------------------------------------------------- */

enum filter_token_kind {
    TOKEN_FIELD,
    TOKEN_OPERATOR,
    TOKEN_KEYWORD,
    TOKEN_CONSTANT,
    TOKEN_FUNCTION,
    TOKEN_OTHER
};

struct filter_token {
    uint32_t start, len;
    enum filter_token_kind kind;
};
/* Cuts a text, right or wrong, into words for colouring; gives how many there are (at most max are
 * stored). */
size_t filter_tokens(const char *text, size_t n, const struct field_catalogue *c,
                     struct filter_token *out, size_t max);

struct filter_candidate {
    const char *text;
    const char *type; /* "string", "list of uint64", "operator", "function" */
    const char *desc;
    unsigned rank; /* smaller is better */
};
/* Places of which others know more than the language does. */
enum filter_place { FILTER_PLACE_CHECK, FILTER_PLACE_VALUE, FILTER_PLACE_ARGUMENT };

struct filter_offers;
struct filter_hints {                                        /* each may be NULL */
    bool (*applies)(void *ctx, const struct field_def *def); /* it belongs to the open source */
    /* What else there is: names of macros; values of a field, and names of lists; arguments of a field. */
    void (*more)(void *ctx, enum filter_place place, struct span field, struct filter_offers *to);
    void *ctx;
};
/* Adds one that begins as what is typed does, rank as in a candidate; texts are copied. */
void filter_offer(struct filter_offers *to, struct span text, const char *type, const char *desc,
                  unsigned rank);
/* The same for a value, quoted where it has to be. */
void filter_offer_value(struct filter_offers *to, struct span value, const char *desc,
                        unsigned rank);

/* What could stand at the cursor: the bytes [*start, cursor) would be replaced. The candidates live
 * in the arena; sorted by rank, then by text. hints may be NULL. */
size_t filter_complete(const char *text, size_t n, size_t cursor, const struct field_catalogue *c,
                       const struct filter_hints *hints, struct arena *arena,
                       struct filter_candidate **out, size_t *start);

#endif
