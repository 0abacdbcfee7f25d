/*
 * What for: events as bytes: their header, parameters, table of types; checks before anything
 *           is believed.
 * Owns:     nothing; events are bytes that somebody else holds.
 * Threads:  the tables are constant; everything may be called from everywhere.
 * Errors:   event_check fills an error with the byte offset inside the event.
 * Included: by every module below it.
 *
 * Layout: an event is the 26-byte header of plugin_api.h, `nparams` lengths (2 bytes each, 4 in
 * types with the large-payload property), then the parameters (capture format, sections 5.1 to
 * 5.4).
 */
#ifndef MEWS_EVENT_H
#define MEWS_EVENT_H

#include "mews/base.h"
#include "mews/plugin_api.h"

#define EVENT_HEADER_LEN 26
#define EVENT_LEN_MAX    ((uint32_t)64 << 20)
#define EVENT_TYPES      454
#define EVENT_TID_NONE   UINT64_MAX

enum event_code {
    EVENT_GENERIC_E = 0,
    EVENT_GENERIC_X = 1,
    EVENT_PROCINFO = 234,
    EVENT_CONTAINER_JSON_OLD = 272,
    EVENT_NOTIFICATION = 280,
    EVENT_INFRA = 286,
    EVENT_PLUGIN = 322,
    EVENT_CONTAINER_JSON = 324,
    EVENT_ASYNC = 402,
};

enum event_flag { /* column flags_value of event-table.csv */
                  EVENT_CREATES_FD = 1,
                  EVENT_DESTROYS_FD = 2,
                  EVENT_USES_FD = 4,
                  EVENT_READS_FD = 8,
                  EVENT_WRITES_FD = 16,
                  EVENT_MODIFIES_STATE = 32,
                  EVENT_UNUSED = 64,
                  EVENT_WAITS = 128,
                  EVENT_SKIP_PARSER_RESET = 256,
                  EVENT_OLD_VERSION = 512,
                  EVENT_LARGE_PAYLOAD = 2048,
                  EVENT_CONVERTER = 4096,
};

enum field_format { FMT_DEC, FMT_ID, FMT_HEX, FMT_OCT, FMT_PADDED, FMT_NA }; /* print formats */

struct event_param {
    const char *name;
    uint8_t type;   /* enum value_type */
    uint8_t format; /* enum field_format */
    uint8_t extra;  /* flags: their table + 1; fsrelpath: parameter of the folder's fd; dyn: list */
    uint8_t name_len;
};

struct event_type {
    const char *name;
    const char *category;     /* the word that evt.category shows */
    const char *source_class; /* syscall, tracepoint, plugin, meta, iter, none */
    const struct event_param *params;
    uint16_t flags;
    uint8_t nparams;
    bool enter;
    int8_t fd_param; /* index of the parameter that is the event's file descriptor; -1: none */
    bool of_syscall; /* its source class is that of system calls */
    bool meta;       /* … of events about the stream itself */
};

extern const struct event_type event_types[EVENT_TYPES];

/* The row of a type code, NULL for codes that the table does not know. */
static inline const struct event_type *event_type_get(uint16_t code)
{
    return code < EVENT_TYPES && event_types[code].name ? &event_types[code] : NULL;
}
/* True for the name of an event type or of a system call: what `evt.type` may be compared with. */
bool event_name_known(struct span name);
/* All such names, sorted, for completion. */
const char *const *event_names(size_t *n);
/* ---- facts of flags.csv and syscalls.csv */

struct flag_name {
    const char *name;
    uint32_t value;
};

struct flag_table {
    const char *name;
    const struct flag_name *flags;
    uint16_t n;
};

/* A table by its place (struct event_param's extra - 1), or by its name; NULL: none. */
const struct flag_table *flag_table_at(unsigned i);
const struct flag_table *flag_table_find(const char *name);
/* Appends the names of the bits, of the one value, or of the file mode (capture format, §8);
 * nothing where none fits. */
void flag_names_bits(const struct flag_table *t, uint32_t value, struct buf *out);
void flag_names_enum(const struct flag_table *t, uint32_t value, struct buf *out);
void flag_names_mode(const struct flag_table *t, uint32_t value, struct buf *out);
/* Of table _errno and the like: the name of exactly this value, NULL: none. */
const char *flag_name_of(const char *table, uint32_t value);
/* The name of a system call's code (column ppm_sc), of its number on x86-64; NULL: none. */
const char *system_call_name(unsigned code);
const char *system_call_native_name(unsigned number);

/* ---- plugins whose IDs are registered (registry.csv) */

struct plugin_registered {
    uint32_t id;
    const char *name, *source; /* source "": none */
};

const struct plugin_registered *plugin_registered(uint32_t id); /* NULL: nobody has it */
const struct plugin_registered *plugin_registered_as(struct span name); /* NULL: nobody is */

/* Bytes of one parameter length in events of this type: 2 or 4. */
static inline unsigned event_len_width(uint16_t type)
{
    return type == EVENT_PLUGIN || type == EVENT_ASYNC || type == EVENT_CONTAINER_JSON ? 4 : 2;
}

static inline uint64_t event_ts(const void *e)
{
    return get_u64(e);
}
static inline uint64_t event_tid(const void *e)
{
    return get_u64((const char *)e + 8);
}
static inline uint32_t event_len(const void *e)
{
    return get_u32((const char *)e + 16);
}
static inline uint16_t event_code(const void *e)
{
    return get_u16((const char *)e + 20);
}
static inline uint32_t event_nparams(const void *e)
{
    return get_u32((const char *)e + 22);
}

/* Checks that an event of at most avail bytes is whole: header, length, sum of parameter lengths
 * (exact). */
enum severity event_check(const void *e, size_t avail, struct error *err);
/* Parameter i of a checked event; {NULL, 0} when it is not there. */
struct span event_param(const void *e, unsigned i);
/* The first n of them; event_nparams() at most. */
void event_params(const void *e, struct span *out, uint32_t n);
/* Of a checked plugin or async event: the plugin ID in parameter 0. */
uint32_t event_plugin_id(const void *e);
/* Of a checked async event: its name without the NUL. */
struct span event_async_name(const void *e);
/* What an event carries: event_data of a plugin event, data of an async one and of reads and
 * writes, the JSON of a container; else empty. */
struct span event_payload(const void *e);
/* ---- values: what a parameter or a field holds ----------------------------------------------- */

enum value_type { /* codes of param-types.csv; plugins' fields use 8, 9, 20, 21, 25, 40, 41 */
                  VT_NONE = 0,
                  VT_INT8 = 1,
                  VT_INT16 = 2,
                  VT_INT32 = 3,
                  VT_INT64 = 4,
                  VT_UINT8 = 5,
                  VT_UINT16 = 6,
                  VT_UINT32 = 7,
                  VT_UINT64 = 8,
                  VT_CHARBUF = 9,
                  VT_BYTEBUF = 10,
                  VT_ERRNO = 11,
                  VT_SOCKADDR = 12,
                  VT_SOCKTUPLE = 13,
                  VT_FD = 14,
                  VT_PID = 15,
                  VT_FDLIST = 16,
                  VT_FSPATH = 17,
                  VT_SYSCALLID = 18,
                  VT_SIGTYPE = 19,
                  VT_RELTIME = 20,
                  VT_ABSTIME = 21,
                  VT_PORT = 22,
                  VT_L4PROTO = 23,
                  VT_SOCKFAMILY = 24,
                  VT_BOOL = 25,
                  VT_IPV4ADDR = 26,
                  VT_DYN = 27,
                  VT_FLAGS8 = 28,
                  VT_FLAGS16 = 29,
                  VT_FLAGS32 = 30,
                  VT_UID = 31,
                  VT_GID = 32,
                  VT_DOUBLE = 33,
                  VT_SIGSET = 34,
                  VT_CHARBUFARRAY = 35,
                  VT_CHARBUF_PAIR_ARRAY = 36,
                  VT_IPV4NET = 37,
                  VT_IPV6ADDR = 38,
                  VT_IPV6NET = 39,
                  VT_IPADDR = 40,
                  VT_IPNET = 41,
                  VT_MODE = 42,
                  VT_FSRELPATH = 43,
                  VT_ENUMFLAGS8 = 44,
                  VT_ENUMFLAGS16 = 45,
                  VT_ENUMFLAGS32 = 46,
                  VT_FD32 = 47,
                  VT_PID32 = 48,
                  VT_COUNT
};

enum value_class { /* what can be done with a type (filter-language, section 6) */
                   VC_OTHER,
                   VC_SIGNED,
                   VC_UNSIGNED,
                   VC_DOUBLE,
                   VC_BOOL,
                   VC_TEXT,
                   VC_BYTES,
                   VC_ADDRESS,
                   VC_NETWORK,
};

struct value_type_info {
    const char *name; /* as fields.csv writes it, "CHARBUF" */
    const char *word; /* as people and get_fields write it, "string" */
    uint8_t vclass;   /* enum value_class */
    uint8_t bits;     /* of numbers; 0 else */
};

extern const struct value_type_info value_type_infos[VT_COUNT];

static inline const struct value_type_info *value_type_info(enum value_type type)
{
    return &value_type_infos[(unsigned)type < VT_COUNT ? type : VT_NONE];
}

struct ip_bytes {
    uint8_t len; /* 4 or 16 */
    uint8_t b[16];
};

union elem {
    uint64_t u; /* unsigned numbers, times; booleans as 0 and 1 */
    int64_t i;
    double d;
    struct span s; /* text and bytes */
    struct ip_bytes ip;
};

enum value_state { VALUE_NONE, VALUE_FAILED, VALUE_OK };

/* A value owns nothing: spans and items live in the arena it was made in, or in the event. */
struct value {
    uint8_t state; /* enum value_state; FAILED: one.s is the reason */
    uint8_t type;  /* enum value_type */
    bool list;
    uint32_t n;        /* elements; scalars have 1 */
    uint32_t at, span; /* where in the event it stands, span 0: not known */
    union elem one;    /* the element of a scalar */
    union elem *many;  /* elements of a list */
};

static inline const union elem *value_elem(const struct value *v, uint32_t i)
{
    return v->list ? &v->many[i] : &v->one;
}

/* Appends one element, or the whole value, as Falco prints it (output-format, section 3): lists as
 * "(a,b)". A value that is not there adds nothing. */
void value_elem_text(enum value_type type, const union elem *e, struct buf *out);
void value_text(const struct value *v, struct buf *out);
void ip_text(const struct ip_bytes *ip, char out[48]);
bool ip_parse(struct span text, struct ip_bytes *out);

/* ---- parameters as values, and as evt.args shows them ---------------------------------------- */

/* Parameter i of a checked event, as its row of the table says. False: absent, of a size that its
 * type can't have, or not in the table. Text is without its NUL. type gets the type that counts
 * (of dynamic parameters the one chosen), format its print format. */
bool event_param_value(const void *e, unsigned i, union elem *out, enum value_type *type,
                       enum field_format *format);
/* The type of parameters of this name: that of the first event type that has one (of those that print as
 * names of users and groups, the number's). VT_NONE: none has. */
enum value_type event_param_type(struct span name);
/* Index of a parameter by its name; -1: none. */
int event_param_index(const struct event_type *t, struct span name);

/* What the rendering of parameters asks of those who know the state. Each appends and returns true,
 * or returns false for "not known". */
enum bytes_form {
    BYTES_DOTS,      /* printable ASCII, dots for the rest */
    BYTES_HEX,       /* sysdig's -x: rows of sixteen bytes, each on a line of its own */
    BYTES_HEX_ASCII, /* -X */
    BYTES_ASCII,     /* -A: what is printable, and ends of lines */
    BYTES_BASE64     /* -b */
};
void bytes_text(struct span s, enum bytes_form form, struct buf *out);

struct event_resolver {
    void *ctx;
    bool (*fd)(void *ctx, int64_t fd, struct buf *out);      /* "<4t>1.2.3.4:5->6.7.8.9:10" */
    char (*fd_char)(void *ctx, int64_t fd);                  /* 'f', '4', …; '?' not known */
    bool (*thread)(void *ctx, int64_t tid, struct buf *out); /* its name */
    bool (*user)(void *ctx, uint32_t uid, struct buf *out);
    bool (*group)(void *ctx, uint32_t gid, struct buf *out);
    /* made absolute, from the folder of a descriptor (-100: the thread's) */
    bool (*path)(void *ctx, int64_t dirfd, struct span path, struct buf *out);
    enum bytes_form bytes; /* of buffers */
};

/* Parameter i as text: its value, and in resolved (may be NULL) the form in parentheses, if it has
 * one. r may be NULL. Source: param-types.csv, capture format §8. */
void event_param_text(const void *e, unsigned i, const struct event_resolver *r, struct buf *value,
                      struct buf *resolved);
/* All of them: "fd=3(<f>/etc/passwd) name=…" (evt.args). */
void event_args_text(const void *e, const struct event_resolver *r, struct buf *out);
/* The first parameter of a system call's exit as its result; false: it has none. */
bool event_result(const void *e, int64_t *out);

/* ---- other forms of events (capture format §5.2, §7) ----------------------------------------- */

#define EVENT_HEADER_LEN_V1 22

/* Appends an event of a file in the current form: v1 headers gain their count of parameters, what
 * stands behind the last value goes. n bytes are there. */
enum severity event_upgrade(const char *raw, size_t n, bool v1, struct buf *out, struct error *err);

/* What an event's header says, whatever its form. */
struct event_head {
    uint64_t ts, tid;
    uint32_t len; /* of the event in the current form */
    uint32_t nparams;
    uint16_t type;
    bool as_is; /* its bytes are in the current form as they stand */
};

/* The same checks as event_upgrade, without making anything. */
enum severity event_peek(const char *raw, size_t n, bool v1, struct event_head *out,
                         struct error *err);
/* An event without its parameters, but for the code of a generic call (0: none): what header fields
 * read (field_refs_needs). */
#define EVENT_STUB_LEN (EVENT_HEADER_LEN + 4)
void event_stub(const struct event_head *h, uint16_t type, uint16_t call, char out[EVENT_STUB_LEN]);
/* The code of the call that a generic event stands for (syscalls.csv, ppm_sc); 0: not known. */
uint16_t event_generic_call(const void *e);

enum event_fate {
    EVENT_DROPPED,          /* current libraries have no such event */
    EVENT_STORED,           /* an enter half: kept for its exit, no event of its own */
    EVENT_PASSED,           /* an event of the stream */
    EVENT_STORED_AND_PASSED /* both: the few enter halves that are still events */
};

struct event_plan {
    uint16_t type;    /* in its current form */
    uint8_t fate;     /* enum event_fate */
    bool takes_enter; /* its enter half is needed for it */
    bool same;        /* it is in its current form already */
};
#define EVENT_PLAN_PARAMS 40
extern struct event_plan event_plans[EVENT_TYPES][EVENT_PLAN_PARAMS];
/* Fills the table; before the first event_plan. Any thread, any number of times. */
void event_plans_make(void);
struct event_plan event_plan_other(uint16_t type, uint32_t nparams);

/* What becomes of events of this type and count of parameters. */
static inline struct event_plan event_plan(uint16_t type, uint32_t nparams)
{
    return type < EVENT_TYPES && nparams < EVENT_PLAN_PARAMS ? event_plans[type][nparams]
                                                             : event_plan_other(type, nparams);
}
/* Folds an event into its current form, as converter.csv says: replaces out. enter is the stored
 * enter half of the same thread in its own current form, or NULL; one that belongs to another
 * system call counts as none. Both are checked events of the current header. */
enum event_fate event_fold(const void *e, const void *enter, struct buf *out);
/* Marks the types of the enter halves, in their current form, that the folding of such an event may
 * take something from. */
void event_plan_enters(uint16_t type, uint32_t nparams, bool takes[EVENT_TYPES]);
/* Where the descriptor stands that the current form of such an event is about. */
struct event_fd_place {
    int8_t param; /* -1: nowhere, or it is made in another way */
    uint16_t
        enter; /* type of the enter half that has it, in its current form; 0: the event itself */
};
struct event_fd_place event_plan_fd(uint16_t type, uint32_t nparams);

/* A plugin event without its payload, PLUGIN_EVENT_PAYLOAD_OFFSET bytes: what its header and ID tell.
 */
void event_plugin_stub(uint64_t ts, uint32_t plugin_id, char *out);
/* Appends a plugin event to out. */
void event_plugin_make(struct buf *out, uint64_t ts, uint32_t plugin_id, struct span payload);

#endif
