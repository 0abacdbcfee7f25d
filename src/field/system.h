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
/* What a parameter stands for, or else the parameter (event_param_text); frees both. */
void put_param(struct get *g, struct buf *value, struct buf *resolved);

/* The thread, or the descriptor, that an event is about; NULL: it is not known. */
const struct thread_view *field_thread_of(const struct field_event *e);
bool event_uses_fd(const struct event_type *t);
const struct fd_info *field_fd_of(const struct get *g);
struct event_resolver field_resolver(const struct field_event *e);

bool fd_is_ip(const struct fd_info *f);
/* Which of its fields a getter is asked for. */
enum {
    E_DIR_WORD,
    E_CPU,
    E_COUNT_ONE,
    E_IS_WAIT,
    E_IS_IO,
    E_IS_READ,
    E_IS_WRITE,
    E_IO_DIR,
    E_SYSCALL_TYPE,
    E_EXIT,
    E_PROCINFO,
    E_THREADINFO,
    E_ERR,
    E_ERR_FILE,
    E_ERR_NET,
    E_ERR_MEMORY,
    E_ERR_OTHER,
    E_OPEN_READ,
    E_OPEN_WRITE,
    E_OPEN_CREATE,
    E_OPEN_EXEC,
    E_LATENCY,
    E_LATENCY_HUMAN
};
enum { RES_WORD, RES_NUMBER, RES_FAILED };
enum { L_IN = 1, L_OUT = 2, L_FILE = 4, L_NET = 8 };
enum { P_NAME, P_EXE, P_EXEPATH, P_CMDLINE, P_EXELINE, P_ARGS, P_ENV, P_PID };
enum { LEADS_SESSION = 0x100, LEADS_VPGID = 0x200, LEADS_PGID = 0x300, LEADS_MASK = 0x300 };
enum { ID_PID, ID_PPID, ID_VPID, ID_VTID, ID_SID, ID_TID, ID_VPGID, ID_PGID, ID_PVPID };
enum {
    X_ARGS,
    X_ARG_BYTES,
    X_WRITABLE,
    X_UPPER,
    X_LOWER,
    X_MEMFD,
    X_INO,
    X_CTIME,
    X_MTIME,
    X_CTIME_START,
    X_CTIME_PIDNS,
    X_PIDNS
};
enum { AGE, AGE_TS, AGE_PARENT, AGE_PARENT_TS };
enum {
    U_TTY,
    U_FDLIMIT,
    U_FDCOUNT,
    U_FDUSAGE,
    U_THREADS,
    U_CHILDREN,
    U_VMSIZE,
    U_VMRSS,
    U_VMSWAP,
    U_MAIN_VMSIZE,
    U_MAIN_VMRSS,
    U_MAIN_VMSIZE_B,
    U_MAIN_VMRSS_B,
    U_PFMAJOR,
    U_PFMINOR,
    U_ISMAIN
};
enum { CPU_BOTH, CPU_USER, CPU_SYSTEM };
enum { CAPS_PERMITTED, CAPS_INHERITABLE, CAPS_EFFECTIVE };
enum { FD_NAME, FD_NAMERAW, FD_TYPE, FD_TYPECHAR, FD_DIRECTORY, FD_FILENAME, FD_L4, FD_FAMILY };
enum {
    FD_IS_SERVER,
    FD_CONNECTED,
    FD_NAME_CHANGED,
    FD_UPPER,
    FD_LOWER,
    FD_INO,
    FD_DEV,
    FD_DEV_MAJOR,
    FD_DEV_MINOR,
    FD_LIFE
};
enum {
    END_CLIENT,
    END_SERVER,
    END_LOCAL,
    END_REMOTE,
    END_MASK = 3,
    END_ADDRESS = 4,
    END_PORT = 8,
    END_PROTO = 16
};
enum { LIST_NUMBERS, LIST_NAMES, LIST_CIPS, LIST_SIPS, LIST_CPORTS, LIST_SPORTS };
enum { PATH_NAME, PATH_SOURCE, PATH_TARGET, PATH_RAW = 4 };
enum { WHO_UID, WHO_USER, WHO_LOGINUID, WHO_LOGIN, WHO_GID, WHO_GROUP, WHO_HOME, WHO_SHELL };

enum { CT_ID, CT_FULL_ID, CT_NAME, CT_TYPE };
enum {
    CT_IMAGE,
    CT_IMAGE_ID,
    CT_REPOSITORY,
    CT_TAG,
    CT_DIGEST,
    CT_IP,
    CT_CNI,
    CT_SANDBOX,
    CT_FULL_SANDBOX
};
enum { CT_PRIVILEGED, CT_HOST_PID, CT_HOST_NETWORK, CT_HOST_IPC };
enum { CT_START, CT_DURATION };
enum { CT_LABELS, CT_POD_LABELS };
enum { POD_NAME, POD_NAMESPACE, POD_UID };
enum { MOUNT_SOURCE, MOUNT_DEST, MOUNT_MODE, MOUNT_RDWR, MOUNT_PROPAGATION, MOUNT_WHOLE };

/* ---- system_container.c: container.*, k8s.* */
void system_get_container(struct get *g);
void system_get_fd_in_container(struct get *g);
void system_get_container_text(struct get *g);
void system_get_container_mark(struct get *g);
void system_get_container_time(struct get *g);
void system_get_labels(struct get *g);
void system_get_pod(struct get *g);
void system_get_mount(struct get *g);
/* The address of the container that the event's thread is in; false: none is known. */
bool system_container_address(const struct get *g, struct ip_bytes *out);

/* ---- system_event.c: evt.* */
void system_get_event(struct get *g);
void system_get_args(struct get *g);
void system_get_arg(struct get *g);
void system_get_result(struct get *g);
void system_get_buffer(struct get *g);
void system_get_length(struct get *g);
void system_get_counter(struct get *g);
void system_get_open(struct get *g);
void system_get_syslog(struct get *g);
enum { LOG_FACILITY, LOG_FACILITY_NAME, LOG_SEVERITY, LOG_SEVERITY_NAME, LOG_MESSAGE };
void system_get_log_line(struct get *g);
void system_get_latency(struct get *g);
void system_get_type_is(struct get *g);
void system_get_around(struct get *g);
void system_get_rawarg(struct get *g);

/* ---- system_process.c: proc.*, thread.*, user.*, group.* */
void system_put_program(struct get *g, const struct thread_image *image, int what);
void system_get_program(struct get *g);
void system_get_parent(struct get *g);
void system_get_ancestor(struct get *g);
void system_get_ancestors_env(struct get *g);
void system_get_id(struct get *g);
void system_get_cwd(struct get *g);
void system_get_list(struct get *g);
void system_get_env(struct get *g);
void system_get_who(struct get *g);

/* ---- system_usage.c: what a process is part of and what it uses */
void system_get_leader(struct get *g);
void system_get_is_leader(struct get *g);
void system_get_login_shell(struct get *g);
void system_get_executable(struct get *g);
void system_get_age(struct get *g);
void system_get_usage(struct get *g);
void system_get_cpu(struct get *g);
void system_get_exec_time(struct get *g);
void system_get_thread_name(struct get *g);
void system_get_capabilities(struct get *g);
void system_get_cgroups(struct get *g);
void system_get_stream(struct get *g);

/* ---- system_fd.c, system_socket.c, system_path.c: fd.*, fdlist.*, fs.path.* */
void system_get_fd_num(struct get *g);
void system_get_fd(struct get *g);
void system_get_end(struct get *g);
void system_get_ends(struct get *g);
void system_get_fd_mark(struct get *g);
void system_get_fd_uid(struct get *g);
void system_get_fd_types(struct get *g);
void system_get_fdlist(struct get *g);
void system_get_abspath(struct get *g);
void system_get_fs_path(struct get *g);

/* Whether the type of an event alone settles what a getter gives. */
bool system_length_told(const struct event_type *t, uint16_t type, int what);
bool system_result_told(const struct event_type *t, uint16_t type);
bool system_counter_told(const struct event_type *t, uint16_t type, int what);
bool system_open_told(uint16_t type);
bool system_param_told(const struct event_type *t, struct span name);
bool system_fs_path_told(uint16_t type, int what);

#endif
