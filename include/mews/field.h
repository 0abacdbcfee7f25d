/*
 * What for: fields: which there are (built in and from plugins), how their values come out of
 *           an event, what can be computed from them (functions), and how they print: texts,
 *           JSON, Falco's output formats.
 * Owns:     a catalogue its definitions; compiled expressions and formats their arena; values
 *           live in the arena of the reader.
 * Threads:  a catalogue changes only while nobody else uses it; compiled things are constant
 *           and may be shared; extraction of plugins' fields belongs to the plugin thread.
 * Errors:   struct syntax_error: a code of the filter language's facts (P.., C..), a position,
 *           a sentence.
 * Included: by store's users: filter, view, rules, engine, cli.
 *
 * Facts: filter-language (its sections as "§"), output-format.
 */
#ifndef MEWS_FIELD_H
#define MEWS_FIELD_H

#include "mews/plugin.h"
#include "mews/state.h"

/* ---- what is wrong with a text, and where ---------------------------------------------------- */

struct syntax_error {
    char code[4];          /* "P05", "C03", … */
    uint32_t index;        /* 0-based byte */
    uint32_t line, column; /* 1-based; columns in bytes; each CR and each LF starts a line */
    uint32_t len;          /* bytes of the offending part, 0: just the place */
    bool unfinished;       /* more text could make it right */
    char text[400];        /* what is wrong and what was expected */
};

/* ---- definitions ----------------------------------------------------------------------------- */

enum field_flag {
    FIELD_NO_RHS = 1,         /* not inside val() */
    FIELD_NO_TRANSFORMER = 2, /* not inside functions */
    FIELD_HIDDEN = 4,
    FIELD_INFO = 8, /* plugins' property: worth a column */
    FIELD_CONVERSATION = 16,
    FIELD_ADD_OUTPUT = 32,
    FIELD_SUFFIX_ARG = 64,    /* the argument may follow as .suffix */
    FIELD_TIME_TEXT = 128,    /* text of the event's time: a number in JSON */
    FIELD_NEEDS_PLUGIN = 256, /* only the plugin thread can give it */
    FIELD_EVENT_NAMES = 512,  /* compared with names of events only */
    FIELD_DEPRECATED = 1024,
    FIELD_STATEFUL = 2048, /* its value depends on the events before */
    FIELD_EACH = 4096,    /* without an argument it stands for several: a check holds if one fits */
    FIELD_ENDS = 8192,    /* likewise, of both ends of a connection; != if both do */
    FIELD_AROUND = 16384, /* = is at most */
    FIELD_STAND_IN = 32768,  /* ours until a plugin has it */
    FIELD_NO_DETAIL = 65536, /* for sums and filters: it says nothing about one event */
    FIELD_REMOVED = 131072,  /* Falco has it no longer */
};

struct field_provider {
    struct plugin *plugin;
    uint32_t index; /* in its get_fields array */
};

struct field_def {
    const char *name, *desc, *display;
    const char *owner; /* "evt", or the plugin's name */
    enum value_type type;
    bool list;
    bool arg_required, arg_index, arg_key;
    unsigned flags; /* enum field_flag */
    enum field_format format;
    int builtin; /* >= 0: see builtin.c; -1: providers */
    VEC(struct field_provider) providers;
};

struct field_catalogue;

/* With the built-in fields in it. */
struct field_catalogue *field_catalogue_new(void);
void field_catalogue_free(struct field_catalogue *c);
/* Adds all fields of a plugin; a name that another plugin has already gains a provider. */
void field_catalogue_add_plugin(struct field_catalogue *c, struct plugin *p);
/* Adds one definition by copy (the strings too): for tests and stand-ins. */
struct field_def *field_catalogue_add(struct field_catalogue *c, const struct field_def *def);
size_t field_catalogue_count(const struct field_catalogue *c);
const struct field_def *field_catalogue_at(const struct field_catalogue *c, size_t i);
/* The field of a name; with *suffix the part that is an argument in ".suffix" form. NULL: none. */
const struct field_def *field_find(const struct field_catalogue *c, struct span name,
                                   struct span *suffix);
/* The known name nearest to a misspelt one, NULL if none is near. */
const char *field_nearest(const struct field_catalogue *c, struct span name);
/* The plugin that is known to have fields of such a name, where none that is loaded has; NULL: none. */
const char *field_plugin_of(const struct field_catalogue *c, struct span name);
/* The words about a name that no field has: the nearest one, or the plugin that it is likely of. */
void field_unknown(const struct field_catalogue *c, struct span name, char *out, size_t room);

/* Names that `evt.type` may be compared with: event types, system calls, and the async events of
 * the catalogue's plugins (and those added here, by copy). */
bool field_event_name_known(const struct field_catalogue *c, struct span name);
void field_event_name_add(struct field_catalogue *c, const char *name);

/* ---- scanning: shared by expressions, filters and formats ------------------------------------ */

struct scan {
    const char *s;
    size_t n, at;
    unsigned depth, depth_max;
    struct arena *arena;
    struct syntax_error *err;
    bool failed;
};

/* Sets the error at index (only the first counts); returns false. */
bool scan_fail(struct scan *s, size_t index, size_t len, const char *code, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
/* Fills err, which may be NULL; index and len in bytes of the text; returns false. */
bool syntax_error_set(struct syntax_error *err, uint32_t index, uint32_t len, const char *code,
                      const char *fmt, ...) PRINTF_LIKE(5, 6);
void syntax_error_place(struct syntax_error *err, const char *s, size_t n, size_t index);
void scan_blanks(struct scan *s);
bool scan_is_blank(char c);
bool scan_literal(struct scan *s, const char *word);
bool scan_deeper(struct scan *s); /* P18 past depth_max; undo with s->depth-- */
/* A quoted text or a run of bytes that none of stop holds; false without error when there is none.
 */
bool scan_quoted(struct scan *s, struct span *out);
bool scan_bare(struct scan *s, struct span *out);
bool scan_number(struct scan *s, struct span *out);
bool scan_identifier(struct scan *s, struct span *out);

/* ---- expressions: fields and functions of them (§3 lhs, §11) --------------------------------- */

enum expr_kind { EXPR_FIELD, EXPR_CALL, EXPR_LIST, EXPR_TEXT, EXPR_NUMBER };

struct field_ref {
    const struct field_def *def;
    bool arg_present;
    struct plugin_arg arg;
    struct span arg_text;
    const char *text;     /* canonical: proc.aname[2] */
    enum value_type type; /* the definition's; of evt.rawarg, the parameter's */
    bool each;            /* a filter asks: several values, as a list */
    uint32_t slot;        /* place in its field_refs */
    bool shared; /* it stands at several places of its text: worth keeping once it is read */
};

struct expr {
    enum expr_kind kind;
    uint32_t index, len; /* place in the text */
    struct span name;    /* field, function */
    bool arg_present;
    struct span arg;     /* [argument] */
    struct span literal; /* TEXT, NUMBER */
    struct expr **args;
    size_t nargs;
    /* after expr_compile */
    const struct field_ref *ref;
    const struct function *function;
    enum value_type type;
    bool list;
};

/* The distinct fields that a compiled thing reads. */
struct field_refs {
    VEC(struct field_ref *) v;
    struct arena *arena;
};

/* Parses a field or a call at the scan's place. *none is set when neither starts here (no error
 * then). */
struct expr *expr_parse(struct scan *s, bool *none);
/* `val(field)` or a call: the right side of a comparison. */
struct expr *expr_parse_rhs(struct scan *s, bool *none);
/* The [argument] glued to what was read last. */
bool expr_parse_arg(struct scan *s, bool *present, struct span *out);
/* Resolves names and types. The error is placed at the expression. */
bool expr_compile(struct expr *e, const struct field_catalogue *c, struct field_refs *refs,
                  struct syntax_error *err);
/* Canonical text (§2, "printing a constant back"). */
void expr_text(const struct expr *e, struct buf *out);
void expr_constant_text(struct span s, struct buf *out);
/* True when some field in it needs the plugin thread. */
bool field_refs_need_plugin(const struct field_refs *refs);
/* What of an event the fields read, besides the state. */
enum field_needs {
    FIELD_NEEDS_HEADER, /* no more than its header */
    FIELD_NEEDS_NAME, /* and what it is called: of generic calls and of plugins' events that is not
                           in the header (event_header_names) */
    FIELD_NEEDS_BYTES,
};
enum field_needs field_refs_needs(const struct field_refs *refs);
enum field_needs field_needs(const struct field_def *def); /* of one */
/* Whether the value is the same for all events of a type, whatever else they hold: a stub (event_stub) has
 * it. call: of generic events, what they call. */
bool field_told_by_type(const struct field_ref *ref, uint16_t type, uint16_t call);
/* What its value depends on, beside the event's thread: for events that have one (state_type_has_thread) it is
 * the same until that changes. */
enum state_scope field_scope(const struct field_def *def);
/* Whether its value is the same for all events about a descriptor that is known, as long as that does
 * not change. */
bool field_of_fd(const struct field_def *def);
/* Whether its value costs so much that it is worth keeping once it is known. */
bool field_worth_keeping(const struct field_def *def);
bool event_header_names(uint16_t type);
/* What the fields ask for of the system's processes and descriptors, as they were. */
enum field_state {
    FIELD_STATE_NONE,
    FIELD_STATE,
    FIELD_STATE_USE, /* and the memory and the time that threads use */
};
enum field_state field_refs_state(const struct field_refs *refs);

/* Where compiled things read values from: one event at a time. */
struct field_reader {
    /* Fills out with the value of refs->v.v[ref->slot] for the current event. */
    void (*read)(struct field_reader *self, const struct field_ref *ref, struct value *out);
    struct arena *arena; /* for computed values; reset by its owner between events */
};
void expr_eval(const struct expr *e, struct field_reader *r, struct value *out);

/* ---- values out of events -------------------------------------------------------------------- */

/* The thread of an event, looked up when a field first asks for it. */
struct field_thread {
    bool asked, there, fd_asked;
    int64_t fd;
    struct thread_view view;
};

struct field_event {
    const void *bytes;
    uint64_t number;
    uint16_t cpu;
    const struct state *state;   /* NULL: none is known */
    uint64_t at;                 /* place of the event, for the state */
    struct field_thread *thread; /* of the reader; set asked to false for each event */
    const char *source;          /* NULL: unknown */
    struct plugin *owner;        /* of a plugin event, NULL: not loaded */
    const char *hostname;
    /* Of an exit half that stands as it is in the file: both halves as one; NULL: bytes are all. */
    const void *(*whole)(const struct field_event *e);
    uint64_t first_ts;    /* of the stream's first event that is not meta; TS_NONE: not yet */
    uint64_t previous_ts; /* of the event before it in the stream; TS_NONE: none */
    bool utc;
    char time_mode;             /* of evt.outputtime: h a r d D */
    enum bytes_form bytes_form; /* of buffers in texts of parameters */
    /* Of stateful fields: the value at this event if it is kept; NULL: the event passes just now. */
    bool (*kept)(const struct field_event *e, const struct field_ref *ref, struct value *out);
    void *kept_ctx; /* of kept and whole */
};

/* The number of the descriptor that it is about; -1: none. */
int64_t field_fd_number(const struct field_event *e);

/* Why a stateful field has no value yet. */
#define FIELD_WAITS "not known yet: the events before it are read again"
/* offsets: also ask the plugin where the value stands. */
void field_extract(const struct field_ref *ref, const struct field_event *e, bool offsets,
                   struct arena *arena, struct value *out);

/* ---- printing -------------------------------------------------------------------------------- */

/* As Falco prints the field (output-format §3). */
void field_text(const struct field_def *def, const struct value *v, struct buf *out);
/* Appends the value as Falco's JSON has it (§5). ts is the event's time, for the time fields. */
void field_json(const struct field_def *def, const struct value *v, uint64_t ts, struct buf *out);
/* Appends a JSON string in ASCII: what is not UTF-8 becomes \ufffd. */
void json_escape(struct span s, struct buf *out);

/* A format string such as "*%evt.num %evt.time %ka.verb" (§1). */
struct output_format;
struct output_format *output_compile(const char *format, const struct field_catalogue *c,
                                     struct syntax_error *err);
void output_free(struct output_format *o);
const struct field_refs *output_refs(const struct output_format *o);
/* Appends the line; false (nothing appended) when a value is missing and the format has no star. */
void output_set_bytes(struct output_format *o, enum bytes_form form); /* of fields that are bytes */
bool output_text(const struct output_format *o, struct field_reader *r, struct buf *out);
/* Appends the object for JSON output, keys sorted; false (nothing appended) as above. */
bool output_json(const struct output_format *o, struct field_reader *r, uint64_t ts,
                 struct buf *out);

#endif
