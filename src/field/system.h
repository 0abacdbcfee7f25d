/* What the getters of fields of system calls share. */
#ifndef FIELD_SYSTEM_H
#define FIELD_SYSTEM_H

#include "internal.h"

struct get { /* what a getter works with */
    const struct field_ref *ref;
    const struct field_event *e;
    const struct event_type *type;
    struct arena *arena;
    struct value *out;
    int what; /* tells the fields of one getter apart */
};

/* Set a value. Text lives as long as the state or the event; put_buf takes the buffer's. */
void put_number(struct get *g, uint64_t n);
void put_text(struct get *g, struct span s);
void put_words(struct get *g, const char *s); /* NULL: none */
void put_buf(struct get *g, struct buf *b);

/* The thread, or the descriptor, that an event is about; NULL: it is not known. */
const struct thread_view *field_thread_of(const struct field_event *e);
bool event_uses_fd(const struct event_type *t);
const struct fd_info *field_fd_of(const struct get *g);
struct event_resolver field_resolver(const struct field_event *e);

/* Which of its fields a getter is asked for. */
enum { P_NAME, P_EXE, P_EXEPATH, P_CMDLINE, P_EXELINE };
enum { ID_PID, ID_PPID, ID_VPID, ID_VTID, ID_SID, ID_TID };
enum { U_TTY, U_FDLIMIT, U_VMSIZE, U_VMRSS, U_VMSWAP, U_PFMAJOR, U_PFMINOR, U_ISMAIN, U_DURATION };
enum { FD_NAME, FD_NAMERAW, FD_TYPE, FD_TYPECHAR, FD_DIRECTORY, FD_FILENAME, FD_L4, FD_FAMILY };
enum { FD_CIP, FD_SIP, FD_CPORT, FD_SPORT, FD_INO, FD_DEV };
enum { WHO_UID, WHO_USER, WHO_LOGINUID, WHO_LOGIN, WHO_GID, WHO_GROUP };

/* ---- system_process.c: proc.*, thread.*, user.*, group.* */
void system_get_program(struct get *g);
void system_get_parent(struct get *g);
void system_get_ancestor(struct get *g);
void system_get_apid(struct get *g);
void system_get_id(struct get *g);
void system_get_cwd(struct get *g);
void system_get_list(struct get *g);
void system_get_env(struct get *g);
void system_get_usage(struct get *g);
void system_get_who(struct get *g);

/* ---- system_fd.c: fd.* */
void system_get_fd_num(struct get *g);
void system_get_fd(struct get *g);
void system_get_fd_end(struct get *g);

#endif
