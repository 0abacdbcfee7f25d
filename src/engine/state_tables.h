/* What the files of the host's own tables share (plugin ABI, §8.5 and §8.6). */
#ifndef MEWS_ENGINE_STATE_TABLES_H
#define MEWS_ENGINE_STATE_TABLES_H

#include <uthash.h>

#include "internal.h"

enum table_kind { KIND_THREADS, KIND_ARGS, KIND_ENV, KIND_CGROUPS, KIND_FDS, KIND_COUNT };

enum what { /* fields of threads */
            T_TID,
            T_PID,
            T_PTID,
            T_SID,
            T_VPGID,
            T_PGID,
            T_REAPER,
            T_VTID,
            T_VPID,
            T_FDLIMIT,
            T_COMM,
            T_EXE,
            T_EXEPATH,
            T_ROOT,
            T_WRITABLE,
            T_UPPER,
            T_LOWER,
            T_MEMFD,
            T_ARGS,
            T_ENV,
            T_CGROUPS,
            T_FLAGS,
            T_UID,
            T_GID,
            T_LOGINUID,
            T_INO,
            T_CTIME,
            T_MTIME,
            T_PIDNS,
            T_TTY,
            T_FDS,
            T_CWD,
            /* of items of lists */
            I_VALUE,
            I_FIRST,
            I_SECOND,
            /* of descriptors */
            F_TYPE,
            F_OPEN_FLAGS,
            F_FLAGS,
            F_DEV,
            F_MOUNT,
            F_NAME,
            F_RAW,
            F_OLD,
            F_INO,
            F_PID,
            F_FD,
            F_SRC4,
            F_DST4,
            F_SERVER4,
            F_SPORT,
            F_DPORT,
            F_SERVER_PORT,
            F_L4,
            F_SRC_LOW,
            F_SRC_HIGH,
            F_DST_LOW,
            F_DST_HIGH,
            F_UNIX_SRC,
            F_UNIX_DST,
            DYNAMIC
};

/* Fields of descriptors that the state has nothing for: what is written there is kept. */
enum { KEPT_FLAGS = 1u << 30, KEPT_MOUNT, KEPT_OLD };

struct host_field {
    const char *name;
    uint8_t type; /* ss_plugin_state_type */
    uint8_t kind; /* enum table_kind */
    uint8_t what;
    bool read_only;
    unsigned index;          /* of those whose values are kept as extras */
    const struct plugin *by; /* who added it */
};

struct host_tables;

struct host_table {
    ss_plugin_table_input input; /* what a T points to; first */
    struct host_tables *all;
    enum table_kind kind;
    uint64_t tid; /* of tables inside an entry of threads */
    bool nobody;  /* inside one that is not added yet */
    struct host_table *next;
};

struct entry {
    struct entry *next, *before;
    enum table_kind kind;
    uint64_t tid;
    int64_t key;  /* item, descriptor */
    bool created; /* not added yet: what is written waits in the fields below */
    struct thread_ids ids;
    struct thread_image image;
    struct thread_creds creds;
    struct fd_info fd;
    struct span first, second; /* of an item */
    struct arena arena;
};

/* A value of a field that a plugin added, by the life of a thread or of a descriptor. */
struct extra {
    struct {
        uint64_t tid, origin; /* of a thread: where its section starts */
        const void *entry;    /* that is not added yet; NULL: a thread */
        int64_t fd;           /* its life; -1: none */
        uint64_t life;        /* of the thread */
        uint64_t field;
    } key;
    ss_plugin_state_data value;
    char *text;
    UT_hash_handle hh;
};

struct host_tables {
    struct state *state, *own; /* the present; own: where there is none */
    struct state *past;        /* looked at instead; NULL: the present */
    uint64_t at;               /* the place in it */
    struct host_table threads;
    struct host_table *inside; /* tables inside entries, of the call that is out */
    struct entry *entries;     /* of the call that is out */
    struct extra *extras;
    VEC(struct host_field *) added;
    VEC(ss_plugin_table_fieldinfo) listed;
    struct arena scratch; /* texts of the call that is out */
};

static inline struct host_table *table_of(ss_plugin_table_t *t)
{
    return t;
}

/* The present; an empty one where there is none. */
struct state *tables_state(struct host_tables *h);
/* ---- state_tables.c */
/* A table inside an entry; of one that is not added yet, an empty one. */
ss_plugin_table_t *table_inside(struct host_table *t, const struct entry *e, enum what what);
/* ---- state_fields.c */
extern ss_plugin_table_fields_vtable_ext state_fields;
/* ---- state_entries.c */
extern ss_plugin_table_reader_vtable_ext state_reader;
extern ss_plugin_table_writer_vtable_ext state_writer;
void entry_free(struct host_tables *h, struct entry *e);
bool entry_is_live(const struct host_tables *h, const void *p);
bool view_of(const struct host_table *t, uint64_t tid, struct thread_view *out);
struct span items_of(const struct host_table *t);
/* ---- state_items.c: entries of args, env and cgroups */
ss_plugin_rc item_read(struct host_table *t, const struct entry *e, enum what what,
                       ss_plugin_state_data *out);
ss_plugin_rc item_write(struct host_table *t, struct entry *e, enum what what,
                        const ss_plugin_state_data *in);
/* §8.6: the list has exactly key + 1 items afterwards. */
bool item_add(struct host_table *t, uint64_t key, const struct entry *e);
bool item_erase(struct host_table *t, uint64_t key);
bool items_clear(struct host_table *t);
/* ---- state_fd_values.c */
ss_plugin_rc fd_value_read(struct host_table *t, const struct entry *e, enum what what,
                           ss_plugin_state_data *out);
ss_plugin_rc fd_value_write(struct host_table *t, struct entry *e, enum what what,
                            const ss_plugin_state_data *in);
/* ---- state_values.c */
void text_out(struct host_tables *h, struct span s, ss_plugin_state_data *out);
ss_plugin_rc value_read(ss_plugin_table_t *tt, ss_plugin_table_entry_t *ee,
                        const ss_plugin_table_field_t *ff, ss_plugin_state_data *out);
ss_plugin_rc value_write(ss_plugin_table_t *tt, ss_plugin_table_entry_t *ee,
                         const ss_plugin_table_field_t *ff, const ss_plugin_state_data *in);
/* Texts of an entry that is not added yet become its own. */
void own_texts(struct entry *e);
/* What plugins wrote into an entry before it was added goes with it. */
void move_extras(struct host_table *t, const struct entry *from, struct entry *to);
void extra_drop(struct host_tables *h, const struct entry *entry);

#endif
