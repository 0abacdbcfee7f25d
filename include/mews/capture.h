/*
 * What for: capture files: their bytes (plain or gzip, files or pipes), their blocks, what the
 *           metadata blocks hold; putting blocks together.
 * Owns:     a capture_input its descriptor and its access points; blocks and what they hold are
 *           spans of a buffer that the caller holds.
 * Threads:  one thread reads an input forward; any number read at offsets meanwhile.
 * Errors:   a block that can't be believed gives its offset; missing bytes are no error.
 * Included: by state, store, engine, cli.
 *
 * Layout: capture format, sections 1 (container), 2 (frame), 3 (section header), 4 (metadata), 5
 * (event blocks).
 */
#ifndef MEWS_CAPTURE_H
#define MEWS_CAPTURE_H

#include "mews/event.h"

enum capture_block_type {
    CAPTURE_SECTION = 0x0a0d0d0a,
    CAPTURE_MACHINE = 0x201,
    CAPTURE_PROCESSES_V1 = 0x202,
    CAPTURE_FDS_V1 = 0x203,
    CAPTURE_EVENT_V1 = 0x204,
    CAPTURE_INTERFACES_V1 = 0x205,
    CAPTURE_USERS_V1 = 0x206,
    CAPTURE_PROCESSES_V2 = 0x207,
    CAPTURE_EVENT_V1_FLAGS = 0x208,
    CAPTURE_PROCESSES_V3 = 0x209,
    CAPTURE_PROCESSES_V4 = 0x210,
    CAPTURE_PROCESSES_V9 = 0x215,
    CAPTURE_EVENT_V2 = 0x216,
    CAPTURE_EVENT_V2_FLAGS = 0x217,
    CAPTURE_FDS_V2 = 0x218,
    CAPTURE_INTERFACES_V2 = 0x219,
    CAPTURE_USERS_V2 = 0x220,
    CAPTURE_EVENT_LARGE = 0x221,
    CAPTURE_EVENT_LARGE_FLAGS = 0x222,
    /* mews' own: a mark in the stream, JSON text. Only in spools; never in files that are saved. */
    CAPTURE_MARK = 0x6d617278,
    CAPTURE_ABOUT = 0x6d617279, /* what is known of the next event beside itself, JSON */
};

#define CAPTURE_FRAME     12u /* type, length, trailer */
#define CAPTURE_BLOCK_MAX ((uint32_t)256 << 20)
#define CAPTURE_HEADER_LEN                                                                         \
    220u /* section header and machine info as capture_add_header writes them */
#define CAPTURE_FLAG_STATE_ONLY 1u /* of event blocks: the event updates state and is not shown */

struct capture_block {
    uint32_t type;     /* of pre-release numbers the one that is used today (§2.1) */
    uint32_t len;      /* of the whole block */
    struct span body;  /* without frame, with padding */
    struct span event; /* of event blocks: the event's own bytes with what may follow; else empty */
    size_t event_at;   /* where event starts, from the block's first byte */
    bool v1;           /* the event's header has no count of parameters */
    uint16_t cpu;
    uint32_t flags;
};

enum capture_step { CAPTURE_BLOCK, CAPTURE_NEED_MORE, CAPTURE_DAMAGED };

/* Takes the block at the start of s apart; events are not looked into (event_upgrade does that).
 * NEED_MORE: s ends before the block does. offset is only for the words. */
enum capture_step capture_block_read(struct span s, uint64_t offset, struct capture_block *out,
                                     struct error *err);
/* Behind damage: where the next event block or section header starts that can be believed, with
 * what follows it; false: not within s. */
bool capture_find_block(struct span s, size_t from, size_t *at);
bool capture_is_event(uint32_t type);

/* ---- bytes ----------------------------------------------------------------------------------- */

struct capture_input;

/* Opens a capture file, or takes fd over when path is NULL (a file that can be read at offsets). A
 * gzip file is known by its first bytes. */
struct capture_input *capture_input_open(const char *path, int fd, struct error *err);
/* Reads from a pipe: what comes is kept in the file of copy_fd (both are taken over), where it can
 * be read at offsets. *kept is how many bytes are there: from an engine before this one at first, and
 * told as more come. */
struct capture_input *capture_input_pipe(int pipe_fd, int copy_fd, _Atomic uint64_t *kept,
                                         struct error *err);
/* Several captures as one: takes the parts over. Offsets of part i are its own plus i times 2 to the
 * power of CAPTURE_PART_BITS. */
#define CAPTURE_PART_BITS   44
#define CAPTURE_PART_OFFSET (((uint64_t)1 << CAPTURE_PART_BITS) - 1)
#define CAPTURE_PARTS_MAX   ((size_t)1 << 18)
struct capture_input *capture_input_several(struct capture_input **parts, size_t n);
/* One of them, of one capture itself; NULL: there are not so many. */
struct capture_input *capture_input_part(struct capture_input *in, size_t i);
/* The time of the first event behind what the section starts with; 0: there is none. */
uint64_t capture_first_time(const char *path);
/* The same file once more, from its start. */
struct capture_input *capture_input_again(const struct capture_input *in, struct error *err);
/* It will be read at offsets: of gzip files access points are kept, in the user's cache too. Before
 * the first capture_input_next. */
void capture_input_keep_points(struct capture_input *in);
/* Whether more may come: a pipe that is open; of files never. */
bool capture_input_open_ended(const struct capture_input *in);
void capture_input_free(struct capture_input *in);
bool capture_input_is_gzip(const struct capture_input *in);
/* Reads on; *got 0: the end for now (a file that grows can be asked again). SEV_WARN: the
 * compressed stream is cut or broken, what came before is good. */
enum severity capture_input_next(struct capture_input *in, char *to, size_t n, size_t *got,
                                 struct error *err);
/* Behind a broken place of the compressed stream: goes on at the next member that can be read.
 * False: there is none. */
bool capture_input_resume(struct capture_input *in);
/* n bytes at an offset (of what is inside the compression); false: they can't be had. Any thread.
 */
bool capture_input_read(struct capture_input *in, uint64_t offset, char *to, size_t n);
/* Bytes of the file that are read and that there are, for progress; total 0: not known. */
void capture_input_progress(const struct capture_input *in, uint64_t *done, uint64_t *total);

/* ---- blocks in order, damage between them ---------------------------------------------------- */

struct capture_reader;

enum capture_item {
    CAPTURE_ITEM_BLOCK,
    CAPTURE_ITEM_DAMAGE, /* text says where and why; reading goes on */
    CAPTURE_ITEM_WAIT,   /* nothing more for now */
    CAPTURE_ITEM_END,
    CAPTURE_ITEM_FAILED, /* capture_reader_error says why */
};

struct capture_item_info {
    struct capture_block block; /* until the next call */
    uint64_t offset;
    size_t part; /* of several captures: which */
    char text[1500];
};

/* What is made of a block before its turn comes, on the thread that reads ahead. */
struct capture_mark {
    uint32_t at,
        len; /* of the block, or of several in a row, in the bytes that were read together */
    /* the marker's own */
    uint64_t ts;
    uint32_t tid;
    uint16_t what, type, numbers, shown;
};
/* Marks blocks of s, the first of which starts at from; those that it wants to, in their order. How
 * many. Any thread, until it is taken away. */
typedef size_t capture_marker(const void *ctx, struct span s, size_t from,
                              struct capture_mark *marks, size_t max);
struct capture_marked { /* what stands in the bytes at hand, or before them */
    const char *base;   /* what `at` counts from */
    const struct capture_mark *marks;
    size_t n;
};

/* Reads from an input, which stays the caller's. */
struct capture_reader *capture_reader_new(struct capture_input *input, bool follow);
void capture_reader_free(struct capture_reader *r);
/* The bytes that have been read and not been given yet, and the offset of the first. */
struct span capture_reader_ahead(const struct capture_reader *r, uint64_t *offset);
void capture_reader_skip(struct capture_reader *r, size_t n);
/* Has blocks marked from now on, where a thread reads ahead; NULL: no more, and none is at it. What was
 * marked before counts no longer. */
void capture_reader_mark(struct capture_reader *r, capture_marker *marker, const void *ctx);
struct capture_marked capture_reader_marked(struct capture_reader *r);
enum capture_item capture_reader_next(struct capture_reader *r, struct capture_item_info *out);
const struct error *capture_reader_error(const struct capture_reader *r);

/* Whether a block is still part of what a section starts with: its header, metadata, and events that
 * tell of what was there before; leading: whether the block before it was. */
bool capture_block_leads(const struct capture_block *b, bool leading);

/* ---- one capture, or several as one stream in the order of time ------------------------------- */

struct capture_stream;

/* first_times: of each part the time of its first event (capture_first_time), so that it is not read
 * before its turn; NULL: not known. The input stays the caller's. */
struct capture_stream *capture_stream_new(struct capture_input *input, const uint64_t *first_times,
                                          bool follow);
void capture_stream_free(struct capture_stream *s);
/* The next item; *out is the stream's, until the next call. Events of different parts come in the
 * order of time, those of one part in its own. A part that can't be read is damage; FAILED: the
 * only one can't. */
enum capture_item capture_stream_next(struct capture_stream *s,
                                      const struct capture_item_info **out);
/* What has been read of the part at hand and not been given yet. */
struct capture_ahead {
    struct span bytes; /* from the start of a block on; valid until the next call */
    struct capture_marked marked;
    uint64_t offset; /* of the first */
    uint64_t until;  /* events up to this time come before those of other parts */
    size_t part;
};
/* False: nothing, or it is not the turn of an event. */
bool capture_stream_ahead(const struct capture_stream *s, struct capture_ahead *out);
/* Passes over n bytes of it, whole blocks of events, the last of which is of time ts. */
void capture_stream_skip(struct capture_stream *s, size_t n, uint64_t ts);
/* capture_reader_mark, for all parts. */
void capture_stream_mark(struct capture_stream *s, capture_marker *marker, const void *ctx);
bool capture_stream_ended(const struct capture_stream *s, size_t part);
const struct error *capture_stream_error(const struct capture_stream *s);

/* ---- metadata (§4) --------------------------------------------------------------------------- */

struct capture_machine {
    uint32_t cpus; /* 0: not known */
    uint64_t memory;
    char hostname[129];
    uint64_t boot_ts;
};

/* Spans point into the block. Fields that the block's version lacks have the defaults of §4.3. */
struct capture_process {
    uint64_t tid, pid, ptid;
    int64_t sid, vpgid, pgid, vtid, vpid, fdlimit;
    struct span comm, exe, exepath, cwd, root;
    struct span args, env, cgroups; /* items, a NUL between them */
    uint32_t flags, uid, gid, loginuid, tty;
    uint32_t vm_size, vm_rss, vm_swap;
    uint64_t pf_major, pf_minor;
    uint64_t pidns_init_start_ts;
    uint64_t cap_inheritable, cap_permitted, cap_effective;
    bool exe_writable, exe_upper_layer, exe_lower_layer, exe_from_memfd;
    uint64_t exe_ino, exe_ino_ctime, exe_ino_mtime;
};

enum capture_fd_type { /* codes of §4.4 */
                       FDT_UNKNOWN = 0,
                       FDT_FILE_OLD = 1,
                       FDT_DIRECTORY = 2,
                       FDT_IPV4 = 3,
                       FDT_IPV6 = 4,
                       FDT_IPV4_SERVER = 5,
                       FDT_IPV6_SERVER = 6,
                       FDT_FIFO = 7,
                       FDT_UNIX = 8,
                       FDT_EVENT = 9,
                       FDT_UNSUPPORTED = 10,
                       FDT_SIGNAL = 11,
                       FDT_EVENTPOLL = 12,
                       FDT_INOTIFY = 13,
                       FDT_TIMERFD = 14,
                       FDT_NETLINK = 15,
                       FDT_FILE = 16,
                       FDT_BPF = 17,
                       FDT_USERFAULTFD = 18,
                       FDT_IO_URING = 19,
                       FDT_MEMFD = 20,
                       FDT_PIDFD = 21,
                       FDT_TYPES
};

struct capture_fd {
    uint64_t tid;
    int64_t fd;
    uint64_t ino;
    uint8_t type; /* enum capture_fd_type */
    uint8_t l4;   /* table _l4proto */
    struct ip_bytes src, dst;
    uint16_t sport, dport;
    uint64_t unix_src, unix_dst;
    uint32_t open_flags, dev;
    struct span name;
};

struct capture_user {
    bool group;
    uint32_t uid, gid;
    struct span name, home, shell;
};

struct capture_interface {
    struct ip_bytes addr, mask, broadcast;
    uint64_t speed;
    struct span name;
};

/* Called for each entry; NULL: not wanted. */
struct capture_metadata {
    void *ctx;
    void (*machine)(void *ctx, const struct capture_machine *m);
    void (*process)(void *ctx, const struct capture_process *p);
    void (*fd)(void *ctx, const struct capture_fd *fd);
    void (*user)(void *ctx, const struct capture_user *u);
    void (*interface)(void *ctx, const struct capture_interface *i);
};

/* Reads the entries of a metadata block; blocks of other types are passed over. SEV_WARN: an entry
 * is damaged; those before it were given. */
enum severity capture_metadata_read(const struct capture_block *b, uint64_t offset,
                                    const struct capture_metadata *to, struct error *err);

/* ---- writing --------------------------------------------------------------------------------- */

/* Appends section header and machine info: the start of every capture that mews writes. */
void capture_add_header(struct buf *out, const char *hostname, uint64_t boot_ts);
/* Appends one event as a block; returns where the event's bytes start, from the block's first byte.
 */
size_t capture_add_event(struct buf *out, const void *event, uint16_t cpu, uint32_t flags);
/* Appends an event block as it stands, with these block flags set besides its own. */
void capture_add_block(struct buf *out, const struct capture_block *b, uint32_t flags);
/* Appends a section header as every reader takes it, without options. */
void capture_add_section(struct buf *out);
void capture_add_mark(struct buf *out, struct span json);
void capture_add_about(struct buf *out, struct span json);

#endif
