/*
 * What for: what the system's processes, descriptors and users were at each event of a capture:
 *           built by one pass over the events, kept as versions, found by id and place.
 * Owns:     all that it tells; what a query gives lives as long as the state.
 * Threads:  one thread builds; with history any number ask meanwhile, without a lock. Without
 *           history only the building thread asks, for the present.
 * Errors:   none: what the facts do not settle is absent.
 * Included: by field, engine, cli.
 *
 * A place is the offset of an event in its stream (metadata: 0). A query at an event's place sees
 * what that event did; threads that ended and descriptors that were closed by it are still there.
 * Facts: event-state.md; its sections are named as "§".
 */
#ifndef MEWS_STATE_H
#define MEWS_STATE_H

#include "mews/capture.h"

#define STATE_NOW UINT64_MAX

struct state;

struct state *state_new(bool history);
/* With history: whether it is worth letting go of what was before now, and doing that; nobody may be
 * asking meanwhile, and of what was before nobody after. The building thread. */
bool state_has_much_past(const struct state *s);
void state_forget_past(struct state *s);
void state_free(struct state *s);
/* A metadata block, before the first event (§1.1). */
enum severity state_metadata(struct state *s, const struct capture_block *b, uint64_t offset,
                             struct error *err);
/* One entry, from elsewhere than a capture; state is a struct state. Texts are copied. */
void state_take_process(void *state, const struct capture_process *p);
void state_take_fd(void *state, const struct capture_fd *fd);
void state_take_user(void *state, const struct capture_user *u);
/* What is on this host now, from /proc, without history; the caller's. What can't be read is left
 * out. */
struct state *state_of_host(void);
/* Behind the last metadata block: ties threads to their parents, gives sockets their roles. */
void state_start(struct state *s);
/* The next event in its current form (event_fold). */
void state_event(struct state *s, uint64_t at, const void *event);
enum state_scope { /* what an answer about a thread depends on */
    STATE_SCOPE_THREAD,  /* on that alone */
    STATE_SCOPE_RECORDS, /* and on what is known of users, groups and containers */
    STATE_SCOPE_THREADS, /* and on other threads */
    STATE_SCOPE_EVENT,   /* on the event itself */
};
/* Moves on when something of that changes beside the thread itself (save the memory and the time that threads
 * use, and their descriptors). */
uint64_t state_epoch(const struct state *s, enum state_scope scope);
struct state_span { /* places [from, until) */
    uint64_t from, until;
};
/* From now on, in this thread, *span is narrowed to where all that is looked up is the same (but for memory and
 * times that threads use), as far as the state has been told; NULL: no more. */
void state_watch(struct state_span *span);
/* Whether events of a type have a thread that is looked up for them. */
bool state_type_has_thread(uint16_t type);
/* What a pass over events has found out, kept where it is found again; the building thread's own. */
enum state_verdict { STATE_UNKNOWN, STATE_WANTED, STATE_UNWANTED };
struct state_note { /* unknown again when the thread itself changes */
    uint64_t epoch; /* of state_epoch, when it was made */
    enum state_verdict verdict;
};
static inline bool state_note_holds(const struct state_note *n, uint64_t epoch)
{
    return n && n->verdict && n->epoch == epoch;
}
/* Of the thread that has this ID now; NULL: none has. */
struct state_note *state_thread_note(const struct state *s, uint64_t tid);
/* Of a thread's descriptor as it is now: unknown again when that changes. NULL: it is not known.
 * Without history only. */
uint8_t *state_fd_note(const struct state *s, uint64_t tid, int64_t fd);

/* Whether events of a type (in its current form) change more than that their thread is there; for
 * the others state_touch does. use: the memory and the time that threads use are asked for too. */
bool state_wants(uint16_t type, bool use);
/* The note of the event's thread; NULL: it has none. */
struct state_note *state_touch(struct state *s, uint64_t at, uint16_t type, uint64_t tid,
                               uint64_t ts);

/* ---- threads --------------------------------------------------------------------------------- */

enum thread_flag { /* table _thread_flag */
                   THREAD_CLONE_FILES = 0x1,
                   THREAD_CLONE_NEWPID = 0x40,
                   THREAD_CLONE_PARENT = 0x100,
                   THREAD_CLONE_THREAD = 0x2000,
                   THREAD_CLONE_INVERTED = 0x10000,
                   THREAD_NAME_CHANGED = 0x20000,
                   THREAD_CLOSED = 0x40000,
                   THREAD_ACTIVE = 0x80000,
                   THREAD_CLONE_NEWUSER = 0x100000,
                   THREAD_PIPE_SRC = 0x200000,
                   THREAD_PIPE_DST = 0x400000,
                   THREAD_CLONE_VFORK = 0x8000000,
                   THREAD_CHILD_IN_PIDNS = 0x20000000,
                   THREAD_IS_MAIN = 0x40000000,
};

struct thread_ids {
    int64_t pid, ptid, vtid, vpid, sid, vpgid, pgid;
    uint32_t flags; /* enum thread_flag */
};

struct thread_image { /* what execve and clone set */
    struct span comm, exe, exepath, root;
    struct span args, env, cgroups; /* items, each ended by a NUL */
    struct span container;          /* ID of the one that it is in; "": the host */
    uint64_t clone_ts, exec_ts, pidns_ts;
    int64_t fdlimit;
    uint32_t tty, loginuid;
    uint64_t exe_ino, exe_ino_ctime, exe_ino_mtime;
    bool exe_writable, exe_upper_layer, exe_lower_layer, exe_from_memfd;
};

struct thread_creds {
    uint32_t uid, gid;
    uint64_t cap_inheritable, cap_permitted, cap_effective;
};

struct thread_use {
    uint32_t vm_size, vm_rss, vm_swap; /* kB */
    uint64_t pf_major, pf_minor;
    uint64_t cpu_user, cpu_system;  /* counters of the newest procinfo */
    uint8_t busy_user, busy_system; /* how much they had grown, percent */
    bool procinfo;                  /* there was one */
};

struct thread;

struct thread_view { /* a thread at a place */
    const struct thread *thread;
    uint64_t tid;
    uint32_t life; /* which of those of its ID: the same whenever the same events are read */
    const struct thread_ids *ids;
    const struct thread_image *image;
    const struct thread_creds *creds;
    const struct thread_use *use;
    struct span cwd; /* its own; of a process see its leader's */
};

/* False: no thread of this id is known there. */
bool state_thread(const struct state *s, uint64_t tid, uint64_t at, struct thread_view *out);
/* The leader of its process; itself when it is one. */
bool state_leader(const struct state *s, const struct thread_view *t, uint64_t at,
                  struct thread_view *out);
/* n times to the leader of the parent (§8); 0: the own leader. */
bool state_ancestor(const struct state *s, const struct thread_view *t, unsigned n, uint64_t at,
                    struct thread_view *out);
/* The leader's folder, ending in a slash; "./" without a leader. */
struct span state_cwd(const struct state *s, const struct thread_view *t, uint64_t at);
/* Threads of a process that are alive, its leader among them. */
uint64_t state_threads_of(const struct state *s, int64_t pid, uint64_t at);
/* The thread that an event belongs to; false: it has none. */
bool state_event_thread(const struct state *s, const void *event, uint64_t at,
                        struct thread_view *out);

/* ---- descriptors ----------------------------------------------------------------------------- */

enum fd_role { ROLE_NONE, ROLE_CLIENT, ROLE_SERVER };

struct fd_info {
    uint8_t type; /* enum capture_fd_type */
    uint8_t l4;   /* table _l4proto */
    uint8_t role; /* enum fd_role */
    bool cloexec, connected, from_proc, upper_layer, lower_layer;
    uint16_t sport, dport;
    struct ip_bytes src, dst; /* len 0: none */
    uint64_t unix_src, unix_dst;
    uint32_t open_flags, dev;
    uint32_t life;         /* counts descriptors: the same while it is open */
    uint64_t named_at;     /* place of the event that gave it its name; UINT64_MAX: none did */
    uint64_t ino, pid;     /* pid: of pidfds */
    struct span name, raw; /* raw: as the program gave it */
};

/* NULL: not known there. */
const struct fd_info *state_fd(const struct state *s, const struct thread_view *t, int64_t fd,
                               uint64_t at);
/* The number of the descriptor that an event is about; -1: none. */
int64_t state_event_fd(const void *event);
/* "4", "f", … and for sockets the letter of the protocol, as in "<4t>". */
char fd_type_char(const struct fd_info *f);
const char *fd_type_text(const struct fd_info *f);
const char *fd_l4_text(const struct fd_info *f);

/* ---- all of them, and what plugins write: the building thread only ---------------------------- */

size_t state_thread_count(const struct state *s); /* now */
/* Each that is there at a place, until the callback returns false. */
void state_each_thread(const struct state *s, uint64_t at,
                       bool (*each)(void *ctx, const struct thread_view *t), void *ctx);
void state_each_fd(const struct state *s, const struct thread_view *t, uint64_t at,
                   bool (*each)(void *ctx, int64_t fd, const struct fd_info *f), void *ctx);
/* Into the present; texts are copied. False: there is no such thread (or no room for one). */
bool state_add_thread(struct state *s, uint64_t tid);
bool state_erase_thread(struct state *s, uint64_t tid);
bool state_write_ids(struct state *s, uint64_t tid, const struct thread_ids *ids);
bool state_write_image(struct state *s, uint64_t tid, const struct thread_image *image);
bool state_write_creds(struct state *s, uint64_t tid, const struct thread_creds *creds);
bool state_write_fd(struct state *s, uint64_t tid, int64_t fd,
                    const struct fd_info *f); /* NULL: close it */

/* ---- the rest -------------------------------------------------------------------------------- */

struct user_info {
    struct span name, home, shell;
};
/* Of a container ("": the host), where events told of its users; else of the host. */
bool state_user(const struct state *s, struct span container, uint32_t uid, uint64_t at,
                struct user_info *out);
bool state_group(const struct state *s, struct span container, uint32_t gid, uint64_t at,
                 struct span *name);

struct container_info { /* texts are "" where nothing is known */
    struct span id, full_id, name, image, image_id, image_repository, image_tag, image_digest;
    struct span ip, cni_json, user, sandbox_id;
    struct span labels, pod_labels; /* keys and values by turns, a NUL behind each */
    struct span mounts; /* source, destination, mode, rdwr, propagation of each, likewise */
    uint32_t type;      /* table _container_type */
    bool privileged, host_pid, host_network, host_ipc;
};
/* What events told of a container; NULL: nothing. */
const struct container_info *state_container(const struct state *s, struct span id, uint64_t at);
/* Whether an event tells of a container, and of which. */
bool state_tells_of_container(const void *event);
bool state_container_in(const void *event, char id[13]);
/* Whether an address is one of this machine's: of IPv6, one of its networks' (field-extraction, §2). */
bool state_is_local(const struct state *s, const struct ip_bytes *ip);
const struct capture_machine *state_machine(const struct state *s);
/* Appends path made absolute from dir, as §4.2 says. */
void state_resolve_path(struct span dir, struct span path, struct buf *out);
/* Texts stay where they are until it moves on: of a state with history, for good. */
uint64_t state_texts_life(const struct state *s);
/* A number that tells states apart: of a capture's section, where it starts. */
void state_set_origin(struct state *s, uint64_t origin);
uint64_t state_origin(const struct state *s);
/* Bytes that the state takes. */
uint64_t state_memory(const struct state *s);

#endif
