/* What the files of the state share. Versions are never changed once they are published. */
#ifndef MEWS_STATE_INTERNAL_H
#define MEWS_STATE_INTERNAL_H

#include <stdatomic.h>

#include "mews/state.h"

#define THREADS_MAX 262144u /* alive at once; more are not taken up (§1) */
#define FDS_MAX     4096u   /* in a table */
#define ENTER_MAX   4096u   /* bytes of a remembered enter half */
#define TEXTS_MIN                                                                                  \
    ((uint64_t)16 << 20) /* bytes of texts that are not worth a look for unheld ones */
#define PAST_MIN    ((uint64_t)8 << 20) /* bytes of a state whose past is not worth a look */
#define CLONE_STALE (2 * NS_PER_S)
#define BUCKET_BITS 14

/* ---- versions: newest first, with jumps that make a search logarithmic ----------------------- */

struct version {
    struct version *before, *jump;
    uint64_t at;
    uint32_t depth;
};

typedef struct version *_Atomic version_head;

/* The version that counts at a place; NULL: none yet. */
const struct version *version_at(const version_head *head, uint64_t at);
/* The same, for what state_watch takes no notice of. */
const struct version *version_unwatched(const version_head *head, uint64_t at);
/* What was looked up is the same at all places of [from, until): narrows what is watched. */
void watched_here(uint64_t from, uint64_t until);
/* Publishes v (its payload is filled in). Without history the one before is freed. */
void version_push(struct state *s, version_head *head, struct version *v, uint64_t at);
void versions_free(version_head *head);

/* ---- texts: each kept once ------------------------------------------------------------------- */

/* The bytes, for as long as the state lives. */
struct span state_text(struct state *s, struct span text);

/* ---- what is kept ---------------------------------------------------------------------------- */

struct ids_version {
    struct version v;
    struct thread_ids ids;
};
struct image_version {
    struct version v;
    struct thread_image image;
};
struct creds_version {
    struct version v;
    struct thread_creds creds;
};
struct use_version {
    struct version v;
    struct thread_use use;
};
struct text_version {
    struct version v;
    struct span text;
};
struct user_version {
    struct version v;
    struct user_info user;
    bool gone;
};
struct count_version {
    struct version v;
    uint64_t n;
};
struct fd_version {
    struct version v;
    bool closed;
    uint8_t note; /* enum state_verdict, the building thread's own */
    struct fd_info info;
};

#define FD_PAGE 32u

struct fd_page {
    version_head fds[FD_PAGE];
};

struct fd_table {
    struct fd_table *parent; /* what it was when the table was copied; its entries until replaced */
    uint64_t copied_at;
    struct fd_page *_Atomic pages[FDS_MAX / FD_PAGE];
    unsigned open;
    struct fd_table *next; /* of all tables, for freeing */
};

struct thread {                   /* one life of a thread id */
    struct thread *before, *jump; /* the lives before it; jumps as those of versions */
    uint32_t depth;
    uint64_t tid;
    _Atomic uint64_t gone; /* place of its removal */
    /* the building thread's own */
    struct state_note note;
    struct buf enter; /* the enter half that is kept for its exit */
    uint16_t last_type;
    bool reaper; /* of a leader: takes orphans */
    /* of all */
    uint32_t life; /* which of those of its ID, from 1 */
    uint64_t born;
    version_head ids, image, creds, use, cwd;
    struct fd_table *_Atomic fds;
    struct thread *live_next, *live_prev;
    struct thread *next; /* of all, for freeing; without history of those that have ended */
};

struct slot {
    struct slot *next;
    uint64_t key;
    uint32_t lives;                /* of threads: so many were there */
    struct thread *_Atomic newest; /* of threads */
    version_head name;             /* of users and groups; of processes, their threads */
};

struct slots {
    struct slot *_Atomic buckets[1u << BUCKET_BITS];
};

struct removed { /* a thread that ended, for parents that tell of it late (§3.1) */
    uint64_t tid, ptid, ts;
};

struct container_record { /* what was told lately; its texts are the state's */
    uint64_t hash;
    struct span text;
    struct container_info info;
};

struct interface {
    struct ip_bytes addr, mask;
};

struct state {
    bool history;
    _Atomic uint64_t memory;
    uint64_t origin;
    uint64_t epoch, records_epoch; /* state_epoch; the building thread's own */
    uint32_t fd_lives;
    struct slots threads, users, groups, processes, containers;
    struct capture_machine machine;
    VEC(struct interface) interfaces;
    struct thread *all_threads, *live;
    struct fd_table *all_tables;
    uint64_t
        past_limit; /* of memory, with history: past it, what was before now is worth letting go */
    struct arena texts_arena;
    struct text_entry **texts; /* hash table of texts */
    size_t texts_size, texts_n;
    uint64_t texts_bytes, texts_life;
    /* the building thread's own */
    unsigned alive;
    struct thread *ended;        /* without history: until the event at hand is over */
    uint64_t texts_limit;        /* without history: past it, those that nothing holds are let go */
    struct thread *recent[1024]; /* of events before, active */
    uint64_t at, ts;             /* of the event at hand */
    uint64_t ended_tid;          /* removed before the next event; UINT64_MAX: none */
    int64_t ended_reaper;
    struct thread *closing; /* its descriptor is removed before the next event */
    int64_t closing_fd;
    int64_t closing_last; /* of a range */
    struct container_record records[16];
    struct removed ring[1024];
    unsigned ring_at;
    struct buf path, name;
};

/* ---- threads.c */
struct slot *slot_get(struct state *s, struct slots *t, uint64_t key, bool make);
/* The life that is there now; NULL: none. */
struct thread *thread_now(struct state *s, uint64_t tid);
/* The same, found at once where it had an event lately. */
struct thread *thread_recent(const struct state *s, uint64_t tid);
struct thread *thread_new(struct state *s, uint64_t tid, const struct thread_ids *ids,
                          const struct thread_image *image, const struct thread_creds *creds);
void thread_remove(struct state *s, struct thread *t);
struct thread *thread_placeholder(struct state *s, uint64_t tid);
const struct thread_ids *ids_now(const struct thread *t);
const struct thread_image *image_now(const struct thread *t);
const struct thread_creds *creds_now(const struct thread *t);
void thread_set_ids(struct state *s, struct thread *t, const struct thread_ids *ids);
void thread_set_image(struct state *s, struct thread *t, const struct thread_image *image);
void thread_set_creds(struct state *s, struct thread *t, const struct thread_creds *creds);
void thread_set_use(struct state *s, struct thread *t, const struct thread_use *use);
void thread_set_cwd(struct state *s, struct thread *t, struct span cwd);
struct thread *thread_leader(struct state *s, struct thread *t);
bool ids_invalid(const struct thread_ids *ids);
void thread_chdir(struct state *s, struct thread *t, struct span path);
struct span thread_cwd_now(struct state *s, struct thread *t);
void threads_remove_ended(struct state *s);
void threads_tie_all(struct state *s);
/* ---- forget.c */
void threads_free(struct state *s);
/* Without history, between two events. */
void state_forget(struct state *s);
void text_keep(struct state *s, struct span *text);
void containers_keep_texts(struct state *s); /* containers.c */
void containers_forget_past(struct state *s);
/* All versions but the newest, of so many bytes each. */
void forget_slots(struct state *s, struct slots *slots, size_t size);
/* ---- process.c: clone, execve, exit, and what changes a thread */
void on_clone(struct state *s, const void *e, struct thread **event_thread);
void on_execve(struct state *s, const void *e, struct thread *t);
void on_procinfo(struct state *s, const void *e, struct thread *t);
void on_procexit(struct state *s, const void *e, struct thread *t);
void on_thread_change(struct state *s, const void *e, struct thread *t, int64_t res);
/* ---- cgroups.c: a list with the names of today; false: one of its items is none, nothing counts */
bool state_cgroups(struct state *s, struct span list, struct span *out);
/* ---- containers.c */
struct span state_container_of(struct state *s, struct span cgroups); /* "": none */
void on_container(struct state *s, const void *e);
/* ---- files.c */
struct fd_table *fds_of(struct state *s, struct thread *t, bool make);
const struct fd_info *fd_now(struct state *s, struct thread *t, int64_t fd);
void fd_put(struct state *s, struct thread *t, int64_t fd, const struct fd_info *info);
void fd_close(struct state *s, struct thread *t, int64_t fd);
void fds_copy(struct state *s, struct thread *from, struct thread *to);
/* Calls with each descriptor that is open; the callback may close the one at hand. */
void fds_each(struct state *s, struct thread *t,
              void (*each)(struct state *s, struct thread *t, int64_t fd,
                           const struct fd_info *info, void *ctx),
              void *ctx);
void on_file_event(struct state *s, const void *e, struct thread *t, int64_t res);
void fds_remove_closed(struct state *s);
/* What it has of the table that it was copied from becomes its own. */
void fds_make_own(struct state *s, struct fd_table *t);
/* ---- sockets.c */
void socket_name(struct state *s, struct fd_info *f);
void on_socket_event(struct state *s, const void *e, struct thread *t, int64_t res);
void sockets_orient(struct state *s);
void fd_from_metadata(struct state *s, const struct capture_fd *m, struct fd_info *f);

/* ---- parameters: absent ones give the fallback */
int64_t param_i64(const void *e, unsigned i, int64_t otherwise);
uint32_t param_u32(const void *e, unsigned i, uint32_t otherwise);
uint64_t param_u64(const void *e, unsigned i, uint64_t otherwise);
bool param_text(const void *e, unsigned i, struct span *out); /* without its NUL; "" counts */
bool param_has(const void *e, unsigned i);
/* A path of an executable without the kernel's remark that its file is gone. */
struct span without_deleted(struct span path);

#endif
