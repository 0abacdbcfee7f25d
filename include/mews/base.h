/*
 * What for: the ground everything stands on: errors with context, buffers, vectors, byte
 *           readers, UTF-8, time, files.
 * Owns:     what `_init` or `_new` made; `_fini` or `_free` ends it.
 * Threads:  nothing here is shared; a value belongs to the thread that holds it.
 * Errors:   functions that can fail return `enum severity` and fill a `struct error`.
 * Included: by every module.
 */
#ifndef MEWS_BASE_H
#define MEWS_BASE_H

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define SELDOM            __attribute__((cold, noinline)) /* kept out of the way of what runs often */
#define COUNT_OF(a)       (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b)      ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)      ((a) > (b) ? (a) : (b))
#define UNUSED(x)         ((void)(x))

/* ---- errors ---------------------------------------------------------------------------------- */

enum severity {
    SEV_OK,     /* done */
    SEV_WARN,   /* a part is good, the error says which is not */
    SEV_FAILED, /* this operation did not happen */
    SEV_FATAL,  /* the object can't be used any more */
};

enum error_code {
    ERR_NONE,
    ERR_USAGE,     /* the person's words are off */
    ERR_NOT_FOUND, /* no such file, plugin, field, event */
    ERR_IO,        /* the system refused */
    ERR_FORMAT,    /* bytes that are not what they should be */
    ERR_LIMIT,     /* a stated limit is passed */
    ERR_PLUGIN,    /* a plugin said no, or broke the contract */
    ERR_REFUSED,   /* a rule forbids it */
    ERR_FULL,      /* no room left where it should be stored */
    ERR_GONE,      /* the other side is no longer there */
};

struct error {
    enum error_code code;
    uint64_t offset; /* byte offset in the input, valid with has_offset */
    uint32_t line;   /* 1-based, 0: none */
    uint32_t column; /* 1-based in bytes, 0: none */
    bool has_offset;
    char text[1200];
};

/* Fills e and returns SEV_FAILED, so that a function can return it at once. e may be NULL. */
enum severity error_set(struct error *e, enum error_code code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
enum severity error_setv(struct error *e, enum error_code code, const char *fmt, va_list ap);
/* As error_set, followed by ": " and the system's words for errnum. */
enum severity error_sys(struct error *e, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "context: " before the text that is there. */
void error_context(struct error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
void error_clear(struct error *e);
/* A word for a code, stable, for JSON: "usage", "not-found", … */
const char *error_code_name(enum error_code code);

/* ---- memory: small allocations never fail (the process ends with a message) --------------------
 */

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((malloc, returns_nonnull));

/* ---- spans: bytes that somebody else owns ------------------------------------------------------
 */

struct span {
    const char *p;
    size_t n;
};

static inline struct span span_of(const char *s)
{
    return (struct span){s, s ? strlen(s) : 0};
}
static inline bool span_eq(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool span_is(struct span a, const char *s)
{
    return span_eq(a, span_of(s));
}
static inline bool str_eq(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Where needle stands in hay, or NULL; an empty needle is at the start. */
const char *span_find(struct span hay, struct span needle);
/* Lists of items that end with a NUL each, which the last one may lack: arguments, environments,
 * control groups, labels. span_take takes the first item off a list ("" off an empty one). */
struct span span_take(struct span *list);
/* The i-th item, from 0; false: there are fewer. */
bool span_item(struct span list, uint64_t i, struct span *out);
uint64_t span_items(struct span list);

/* ---- growable bytes: always NUL-terminated, with a maximum -------------------------------------
 */

struct buf {
    char *data; /* never NULL after the first add; buf_str gives "" before */
    size_t len;
    size_t cap;
    size_t max;
    bool failed; /* an add would have passed max: it and all later ones were dropped */
    bool lent;   /* data is the caller's until more is needed than it has */
};

#define BUF_MAX_DEFAULT ((size_t)64 << 20)

void buf_init(struct buf *b, size_t max);
/* The same, starting in n bytes (at most max) that must live as long: no allocation while they do. */
void buf_init_in(struct buf *b, size_t max, char *space, size_t n);
void buf_fini(struct buf *b);
void buf_reset(struct buf *b);
bool buf_grow(struct buf *b, size_t more); /* what buf_reserve does when there is no room */

static inline bool buf_reserve(struct buf *b, size_t more)
{
    return (more < b->cap - b->len && !b->failed) || buf_grow(b, more);
}

static inline bool buf_add(struct buf *b, const void *p, size_t n)
{
    if (!buf_reserve(b, n))
        return false;
    if (n) /* p may be NULL then */
        memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = '\0';
    return true;
}

static inline bool buf_addc(struct buf *b, char c)
{
    if (!buf_reserve(b, 1))
        return false;
    b->data[b->len++] = c;
    b->data[b->len] = '\0';
    return true;
}

static inline bool buf_adds(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

bool buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool buf_add_u64(struct buf *b, uint64_t v); /* decimal, many times as fast as buf_addf */
bool buf_add_i64(struct buf *b, int64_t v);
extern const char digit_pairs[];                      /* "000102…99" */
bool buf_add_hex(struct buf *b, uint64_t v);          /* upper case, without a prefix */
bool buf_add_printable(struct buf *b, struct span s); /* ASCII as it is, dots for other bytes */
/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);
const char *buf_str(const struct buf *b);
/* Hands the bytes over; free() them. */
char *buf_steal(struct buf *b);

/* ---- vectors ------------------------------------------------------------------------------------
 */

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *v;                                                                                   \
        size_t n, cap;                                                                             \
    }
#define vec_push(vec, item)                                                                        \
    (vec_grow((void **)&(vec)->v, &(vec)->cap, (vec)->n + 1, sizeof(*(vec)->v)),                   \
     (vec)->v[(vec)->n++] = (item))
/* Room for one more, zeroed; its address. */
#define vec_more(vec)                                                                              \
    (vec_grow((void **)&(vec)->v, &(vec)->cap, (vec)->n + 1, sizeof(*(vec)->v)),                   \
     memset(&(vec)->v[(vec)->n], 0, sizeof(*(vec)->v)), &(vec)->v[(vec)->n++])
#define vec_free(vec) (free((vec)->v), (vec)->v = NULL, (vec)->n = (vec)->cap = 0)
/* Takes the i-th out; what it owned is the caller's. */
#define vec_remove(vec, i)                                                                         \
    ((vec)->n--, memmove(&(vec)->v[i], &(vec)->v[(i) + 1], ((vec)->n - (i)) * sizeof(*(vec)->v)))
void vec_grow(void **v, size_t *cap, size_t need, size_t size);

/* Strings that the list owns. */
struct str_list {
    char **v;
    size_t n, cap;
};

void str_list_add(struct str_list *l, const char *s); /* copies */
void str_list_addf(struct str_list *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool str_list_has(const struct str_list *l, const char *s);
void str_list_copy(struct str_list *to, const struct str_list *from); /* to must be empty */
void str_list_fini(struct str_list *l);

/* ---- arenas: many small things that end together ------------------------------------------------
 */

struct arena {
    struct arena_block *head;
    size_t used; /* bytes given out since the last reset */
};

void *arena_alloc(struct arena *a, size_t n); /* 16-byte aligned, not zeroed */
void *arena_zalloc(struct arena *a, size_t n);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_reset(struct arena *a); /* keeps one block for reuse */
void arena_fini(struct arena *a);

/* ---- numbers in bytes, little endian ------------------------------------------------------------
 */

static inline uint16_t get_u16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}
static inline uint32_t get_u32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}
static inline uint64_t get_u64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}
static inline void put_u16(void *p, uint16_t v)
{
    memcpy(p, &v, sizeof(v));
}
static inline void put_u32(void *p, uint32_t v)
{
    memcpy(p, &v, sizeof(v));
}
static inline void put_u64(void *p, uint64_t v)
{
    memcpy(p, &v, sizeof(v));
}

/* Reads all of s as an unsigned decimal without sign or leading zero (save "0") into *out. */
bool parse_u64(struct span s, uint64_t *out);
/* A size with an optional suffix k, M, G, T (powers of 1024): "512M". */
enum severity parse_size(const char *s, uint64_t *out, struct error *err);

/* A shell pattern over the whole text: `*` crosses slashes and dots; fold: in any case. */
bool glob_match(struct span pattern, struct span text, bool fold);

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);

/* SHA-256 of what is added; out gets 64 hexadecimal digits. */
struct sha256 {
    uint32_t h[8];
    uint64_t total;
    uint8_t block[64];
    size_t used;
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t n);
void sha256_end(struct sha256 *s, char out[65]);

/* ---- text ------------------------------------------------------------------------------------ */

/* Decodes one character of UTF-8; its length, or 0 where the bytes are broken (then take one). */
size_t utf8_decode(const char *s, size_t n, uint32_t *cp);
size_t utf8_encode(uint32_t cp, char out[4]);
bool utf8_valid(const char *s, size_t n);
/* True for what must not reach a terminal as it is: C0, C1, DEL, bidi controls, line and paragraph
 * separators, interlinear and tag characters, non-characters. */
bool unicode_unsafe(uint32_t cp);
/* Appends n bytes so that they are safe to print: what is unsafe is spelt \n, \x1b, \u202e; broken
 * bytes are spelt \xff. */
void text_make_visible(struct buf *out, const char *s, size_t n);
/* "1234567" as "1,234,567". out holds 32 bytes. */
const char *text_count(uint64_t n, char out[32]);
/* "3.9 kB", "11 MB"; powers of 1000. */
const char *text_bytes(uint64_t n, char out[32]);
/* "9µs", "6.1 ms", "2.4 s", "3 min"; in ASCII "us". */
const char *text_duration(uint64_t ns, char out[32]);
const char *signal_word(int sig); /* "SEGV"; "?" of none that is known */
/* The name of candidates (n of them) nearest to word by edit distance, NULL if none is near. */
const char *text_nearest(const char *word, const char *const *candidates, size_t n);
/* Base64 with padding, standard alphabet. decode fails on foreign characters. */
void base64_encode(struct buf *out, const void *p, size_t n);
bool base64_decode(struct buf *out, struct span s);

/* ---- time: nanoseconds since the epoch ------------------------------------------------------- */

#define NS_PER_S  ((uint64_t)1000000000)
#define NS_PER_MS ((uint64_t)1000000)
#define TS_NONE   UINT64_MAX

enum time_form {
    TIME_CLOCK,      /* 17:53:07.006845000 */
    TIME_CLOCK_S,    /* 17:53:07 */
    TIME_DATETIME,   /* 2018-10-25 17:53:07.006845000 */
    TIME_DATETIME_S, /* 2018-10-25 17:53:07 */
    TIME_ISO8601,    /* 2018-10-25T17:53:07.006845000+0000, always UTC */
    TIME_SHORT,      /* 10-25 17:53:07 */
};

uint64_t time_now(void);  /* CLOCK_REALTIME */
uint64_t time_mono(void); /* CLOCK_MONOTONIC */
/* Writes ts in the given form; the offset is that of the event's own date. At most 40 bytes. */
const char *time_format(uint64_t ts, enum time_form form, bool utc, char out[40]);

/* A point in time as people type it: a date, a date and a time, a time of day (on the day of near),
 * or +5m, -1.5s, +200ms, +2h, +1d from near. In UTC, or local. */
bool time_parse(const char *text, uint64_t near, bool utc, uint64_t *out);

/* ---- files ----------------------------------------------------------------------------------- */

enum severity file_read(const char *path, size_t max, struct buf *out, struct error *err);
/* Writes to a temporary file beside path, then renames. Only the user may read it: it may hold
 * secrets. */
enum severity file_replace(const char *path, const void *p, size_t n, struct error *err);
/* Behind what the file has; it is made when it is not there. */
enum severity file_append(const char *path, const void *p, size_t n, struct error *err);
unsigned processors(void);                                /* that this process may use, 1 or more */
bool write_all(int fd, const void *p, size_t n);          /* errno says why not */
bool pread_all(int fd, char *to, size_t n, uint64_t off); /* ENODATA: so many are not there */
bool pwrite_all(int fd, const void *p, size_t n, uint64_t off);
bool fd_set_nonblock(int fd, bool on);
bool fd_set_cloexec(int fd, bool on);
/* Makes the directory and its parents. */
bool dir_make(const char *path, unsigned mode);
/* The user's folder of a kind ("cache", "config", "state") for mews, by the XDG rules; made if it
 * is absent. free() it; NULL when there is no home. */
char *user_dir(const char *kind);

/* ---- kept.c: what a person keeps from one run to the next ------------------------------------------
 */

/* Lines that were typed, the oldest first: commands of the shell; filters, as its command `filter`. */
void kept_lines_read(struct str_list *out);
void kept_lines_add(const char *line); /* one that can't be written is lost */
/* Filters under names: the text of a file of Falco macros, "" when there is none; free() it. */
char *kept_filters(void);
/* Saves one under a name, in place of that before it; filter NULL: takes it away. */
enum severity kept_filter_set(const char *name, const char *filter, struct error *err);
/* A double-quoted scalar. */
void yaml_add_quoted(struct buf *b, const char *s);
/* One of Falco's rules, its name as its description too; output "": the type of the event. */
void yaml_add_rule(struct buf *b, const char *name, const char *condition, const char *output,
                   const char *source);
/* Numbers of the events that a filter must match, and must not. */
struct judged_numbers {
    VEC(uint64_t) must;
    VEC(uint64_t) must_not;
};
/* A test for mews rules --expect, of a rule or (NULL) of a filter; input: a capture, or NULL. */
void yaml_add_test(struct buf *b, const char *rule, const char *filter, const char *input,
                   const struct judged_numbers *n);
char *path_join(const char *a, const char *b);

/* ---- JSON as positions in text --------------------------------------------------------------- */

enum json_kind {
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_STRING,
    JSON_KIND_NUMBER,
    JSON_KIND_WORD
};

/* One value; children follow their parent in document order. Offsets are bytes in the scanned text.
 */
struct json_node {
    enum json_kind kind;
    uint32_t depth;
    uint32_t start, end;         /* with quotes and brackets */
    uint32_t key_start, key_end; /* the member's name without quotes; equal: none */
    uint32_t parent;             /* index; UINT32_MAX for the root */
    uint32_t next;               /* index of the node after this one's children */
    uint32_t index;              /* place among the parent's children */
};

struct json_scan {
    VEC(struct json_node) nodes;
    bool complete; /* false: text ended or went wrong at error_at; what was read is kept */
    uint32_t error_at;
};

/* Scans one JSON value (RFC 8259) and the blanks around it. At most max_nodes nodes, 512 deep; a
 * text of 4 GiB or more is not scanned. Call json_scan_fini even after a failure. */
void json_scan_init(struct json_scan *s);
void json_scan_fini(struct json_scan *s);
bool json_scan(struct json_scan *s, const char *text, size_t n, size_t max_nodes);
/* The node at a JSON pointer (RFC 6901; a missing first '/' is forgiven), or UINT32_MAX. */
uint32_t json_scan_find(const struct json_scan *s, const char *text, struct span pointer);
/* Appends the text of a string node, escapes resolved; other kinds as they stand. */
void json_scan_text(const struct json_scan *s, const char *text, uint32_t node, struct buf *out);
/* Appends the JSON pointer that leads to a node. */
void json_scan_pointer(const struct json_scan *s, const char *text, uint32_t node, struct buf *out);

#endif
