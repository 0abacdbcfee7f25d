/* The table of the fields of system calls, processes, descriptors and users (fields.csv). */
#include "system.h"

struct system_field {
    struct field_def def;
    void (*get)(struct get *g);
    int what;
};

/* Fields that expressions may name, though a capture does not have what they tell. */
static void no_value(struct get *g)
{
    UNUSED(g);
}

#define FIELD(n, o, t, f, g, w, d)                                                                 \
    {                                                                                              \
        {.name = n, .desc = d, .display = "", .owner = o, .type = t, .format = f}, g, w            \
    }
#define TEXT(n, o, g, w, d)    FIELD(n, o, VT_CHARBUF, FMT_NA, g, w, d)
#define ID(n, o, t, g, w, d)   FIELD(n, o, t, FMT_ID, g, w, d)
#define NUM(n, o, t, g, w, d)  FIELD(n, o, t, FMT_DEC, g, w, d)
#define BOOLEAN(n, o, g, w, d) FIELD(n, o, VT_BOOL, FMT_NA, g, w, d)

static struct system_field fields[] = {
    TEXT("evt.dir", "syscall", system_get_event, E_DIR_WORD, "> for enter types, < for exit types"),
    TEXT("syscall.type", "syscall", system_get_event, E_SYSCALL_TYPE, "name of the system call"),
    ID("evt.cpu", "syscall", VT_INT16, system_get_event, E_CPU, "processor that it happened on"),
    TEXT("evt.args", "syscall", system_get_args, 0, "all parameters as name=value"),
    TEXT("evt.info", "syscall", system_get_args, 0, "the same as evt.args"),
    TEXT("evt.arg", "syscall", system_get_arg, 0, "one parameter as text: evt.arg.fd, evt.arg[0]"),
    TEXT("evt.res", "syscall", system_get_result, RES_WORD, "SUCCESS, or the name of the error"),
    NUM("evt.rawres", "syscall", VT_INT64, system_get_result, RES_NUMBER, "what the call returned"),
    BOOLEAN("evt.failed", "syscall", system_get_result, RES_FAILED, "whether it returned an error"),
    FIELD("evt.buffer", "syscall", VT_BYTEBUF, FMT_NA, system_get_buffer, 0,
          "bytes read or written"),
    NUM("evt.buflen", "syscall", VT_UINT64, system_get_length, 0, "how many bytes it moved"),
    BOOLEAN("evt.is_io", "syscall", system_get_event, E_IS_IO, "whether it reads or writes"),
    BOOLEAN("evt.is_io_read", "syscall", system_get_event, E_IS_READ, "whether it reads"),
    BOOLEAN("evt.is_io_write", "syscall", system_get_event, E_IS_WRITE, "whether it writes"),
    TEXT("evt.io_dir", "syscall", system_get_event, E_IO_DIR, "read or write"),
    BOOLEAN("evt.is_wait", "syscall", system_get_event, E_IS_WAIT,
            "whether the thread waits in it"),
    NUM("evt.count", "syscall", VT_UINT32, system_get_event, E_COUNT_ONE, "always 1, for sums"),
    NUM("evt.buflen.in", "syscall", VT_UINT64, system_get_length, L_IN, "of it, bytes read"),
    NUM("evt.buflen.out", "syscall", VT_UINT64, system_get_length, L_OUT, "of it, bytes written"),
    NUM("evt.buflen.file", "syscall", VT_UINT64, system_get_length, L_FILE,
        "of it, those of files"),
    NUM("evt.buflen.file.in", "syscall", VT_UINT64, system_get_length, L_FILE | L_IN,
        "bytes read from files"),
    NUM("evt.buflen.file.out", "syscall", VT_UINT64, system_get_length, L_FILE | L_OUT,
        "bytes written to files"),
    NUM("evt.buflen.net", "syscall", VT_UINT64, system_get_length, L_NET,
        "of it, those of connections"),
    NUM("evt.buflen.net.in", "syscall", VT_UINT64, system_get_length, L_NET | L_IN,
        "bytes received"),
    NUM("evt.buflen.net.out", "syscall", VT_UINT64, system_get_length, L_NET | L_OUT, "bytes sent"),
    FIELD("evt.rawarg", "syscall", VT_DYN, FMT_NA, system_get_rawarg, 0,
          "one parameter with its own type: evt.rawarg.fd"),
    NUM("evt.type.is", "syscall", VT_UINT32, system_get_type_is, 0,
        "1 for events of the type: evt.type.is.open"),
    NUM("evt.around", "syscall", VT_UINT64, system_get_around, 0,
        "milliseconds around a time: evt.around[T]=1000"),
    TEXT("evt.abspath", "syscall", system_get_abspath, 0,
         "absolute path of a call with a folder's descriptor: evt.abspath.dst"),
    BOOLEAN("evt.is_syslog", "syscall", system_get_syslog, 0, "whether it writes to /dev/log"),
    BOOLEAN("evt.is_open_read", "syscall", system_get_open, E_OPEN_READ,
            "whether it opens a file to read it"),
    BOOLEAN("evt.is_open_write", "syscall", system_get_open, E_OPEN_WRITE,
            "whether it opens a file to write it"),
    BOOLEAN("evt.is_open_exec", "syscall", system_get_open, E_OPEN_EXEC,
            "whether it creates a file that can be executed"),
    BOOLEAN("evt.is_open_create", "syscall", system_get_open, E_OPEN_CREATE,
            "whether it created the file that it opened"),
    NUM("evt.count.exit", "syscall", VT_UINT32, system_get_counter, E_EXIT, "1 for exit events"),
    NUM("evt.count.procinfo", "syscall", VT_UINT32, system_get_counter, E_PROCINFO,
        "1 for procinfo records of main threads"),
    NUM("evt.count.threadinfo", "syscall", VT_UINT32, system_get_counter, E_THREADINFO,
        "1 for procinfo records"),
    NUM("evt.count.error", "syscall", VT_UINT32, system_get_counter, E_ERR,
        "1 for calls that failed"),
    NUM("evt.count.error.file", "syscall", VT_UINT32, system_get_counter, E_ERR_FILE,
        "1 for those on files"),
    NUM("evt.count.error.net", "syscall", VT_UINT32, system_get_counter, E_ERR_NET,
        "1 for those on sockets"),
    NUM("evt.count.error.memory", "syscall", VT_UINT32, system_get_counter, E_ERR_MEMORY,
        "1 for those about memory"),
    NUM("evt.count.error.other", "syscall", VT_UINT32, system_get_counter, E_ERR_OTHER,
        "1 for all others"),
    NUM("evt.latency", "syscall", VT_RELTIME, system_get_latency, E_LATENCY, "always 0 now"),
    NUM("evt.latency.s", "syscall", VT_RELTIME, system_get_latency, E_LATENCY, "always 0 now"),
    FIELD("evt.latency.ns", "syscall", VT_RELTIME, FMT_PADDED, system_get_latency, E_LATENCY,
          "always 0 now"),
    NUM("evt.latency.quantized", "syscall", VT_UINT64, system_get_latency, E_LATENCY,
        "always 0 now"),
    TEXT("evt.latency.human", "syscall", system_get_latency, E_LATENCY_HUMAN, "always 0ns now"),
    NUM("evt.wait_latency", "syscall", VT_RELTIME, system_get_latency, E_LATENCY, "always 0 now"),
    TEXT("proc.name", "process", system_get_program, P_NAME, "the program, at most 15 bytes"),
    TEXT("proc.exe", "process", system_get_program, P_EXE, "its first argument, argv[0]"),
    TEXT("proc.exepath", "process", system_get_program, P_EXEPATH, "path of the executable"),
    TEXT("proc.args", "process", system_get_list, 0,
         "arguments behind argv[0], or one: proc.args[0]"),
    TEXT("proc.cmdline", "process", system_get_program, P_CMDLINE, "name and arguments"),
    TEXT("proc.exeline", "process", system_get_program, P_EXELINE, "argv[0] and arguments"),
    TEXT("proc.env", "process", system_get_env, 0, "environment, or one variable: proc.env[HOME]"),
    TEXT("proc.cwd", "process", system_get_cwd, 0, "folder it works in"),
    ID("proc.pid", "process", VT_INT64, system_get_id, ID_PID, "its ID"),
    ID("proc.ppid", "process", VT_INT64, system_get_id, ID_PPID, "ID of the parent"),
    ID("proc.vpid", "process", VT_INT64, system_get_id, ID_VPID, "its ID inside its PID namespace"),
    ID("proc.sid", "process", VT_INT64, system_get_id, ID_SID, "ID of its session"),
    TEXT("proc.pname", "process", system_get_parent, P_NAME, "name of the parent"),
    TEXT("proc.pexe", "process", system_get_parent, P_EXE, "argv[0] of the parent"),
    TEXT("proc.pexepath", "process", system_get_parent, P_EXEPATH, "executable of the parent"),
    TEXT("proc.pcmdline", "process", system_get_parent, P_CMDLINE, "command line of the parent"),
    TEXT("proc.aname", "process", system_get_ancestor, P_NAME,
         "names of its ancestors, or of the nth: proc.aname[1]"),
    TEXT("proc.aexe", "process", system_get_ancestor, P_EXE,
         "argv[0] of its ancestors, or of the nth"),
    TEXT("proc.aexepath", "process", system_get_ancestor, P_EXEPATH,
         "executables of its ancestors, or of the nth"),
    TEXT("proc.acmdline", "process", system_get_ancestor, P_CMDLINE,
         "command lines of its ancestors, or of the nth"),
    TEXT("proc.aargs", "process", system_get_ancestor, P_ARGS,
         "arguments of its ancestors, or of the nth"),
    TEXT("proc.aenv", "process", system_get_ancestors_env, P_ENV,
         "environment of the nth ancestor; a variable of the nearest that has it"),
    ID("proc.apid", "process", VT_INT64, system_get_ancestor, P_PID, "ID of the nth ancestor"),
    ID("proc.pvpid", "process", VT_INT64, system_get_id, ID_PVPID,
       "ID of the parent inside its PID namespace"),
    ID("proc.vpgid", "process", VT_INT64, system_get_id, ID_VPGID,
       "ID of its process group inside its PID namespace"),
    ID("proc.pgid", "process", VT_INT64, system_get_id, ID_PGID, "ID of its process group"),
    TEXT("proc.sname", "process", system_get_leader, LEADS_SESSION | P_NAME,
         "name of the session's leader"),
    TEXT("proc.sid.exe", "process", system_get_leader, LEADS_SESSION | P_EXE,
         "argv[0] of the session's leader"),
    TEXT("proc.sid.exepath", "process", system_get_leader, LEADS_SESSION | P_EXEPATH,
         "executable of the session's leader"),
    TEXT("proc.vpgid.name", "process", system_get_leader, LEADS_VPGID | P_NAME,
         "name of the process group's leader, by the ID inside the namespace"),
    TEXT("proc.vpgid.exe", "process", system_get_leader, LEADS_VPGID | P_EXE, "its argv[0]"),
    TEXT("proc.vpgid.exepath", "process", system_get_leader, LEADS_VPGID | P_EXEPATH,
         "its executable"),
    TEXT("proc.pgid.name", "process", system_get_leader, LEADS_PGID | P_NAME,
         "name of the process group's leader"),
    TEXT("proc.pgid.exe", "process", system_get_leader, LEADS_PGID | P_EXE,
         "argv[0] of the process group's leader"),
    TEXT("proc.pgid.exepath", "process", system_get_leader, LEADS_PGID | P_EXEPATH,
         "executable of the process group's leader"),
    BOOLEAN("proc.is_sid_leader", "process", system_get_is_leader, LEADS_SESSION,
            "whether it leads its session"),
    BOOLEAN("proc.is_vpgid_leader", "process", system_get_is_leader, LEADS_VPGID,
            "whether it leads its process group, by the IDs inside the namespace"),
    BOOLEAN("proc.is_pgid_leader", "process", system_get_is_leader, LEADS_PGID,
            "whether it leads its process group"),
    ID("proc.loginshellid", "process", VT_INT64, system_get_login_shell, 0,
       "ID of the oldest shell among it and its ancestors"),
    NUM("proc.cmdnargs", "process", VT_UINT64, system_get_executable, X_ARGS,
        "how many arguments stand behind argv[0]"),
    NUM("proc.cmdlenargs", "process", VT_UINT64, system_get_executable, X_ARG_BYTES,
        "bytes of these arguments"),
    BOOLEAN("proc.is_exe_writable", "process", system_get_executable, X_WRITABLE,
            "whether its user may write its executable"),
    BOOLEAN("proc.is_exe_upper_layer", "process", system_get_executable, X_UPPER,
            "whether its executable is in the upper layer of an overlay"),
    BOOLEAN("proc.is_exe_lower_layer", "process", system_get_executable, X_LOWER,
            "whether its executable is in the lower layer of an overlay"),
    BOOLEAN("proc.is_exe_from_memfd", "process", system_get_executable, X_MEMFD,
            "whether its executable is a file in memory only"),
    NUM("proc.exe_ino", "process", VT_INT64, system_get_executable, X_INO,
        "inode of the executable"),
    NUM("proc.exe_ino.ctime", "process", VT_ABSTIME, system_get_executable, X_CTIME,
        "when the executable's inode changed"),
    NUM("proc.exe_ino.mtime", "process", VT_ABSTIME, system_get_executable, X_MTIME,
        "when the executable was written"),
    NUM("proc.exe_ino.ctime_duration_proc_start", "process", VT_ABSTIME, system_get_executable,
        X_CTIME_START, "time from there to the clone of the process"),
    NUM("proc.exe_ino.ctime_duration_pidns_start", "process", VT_ABSTIME, system_get_executable,
        X_CTIME_PIDNS, "time from the start of the PID namespace to there"),
    NUM("proc.pidns_init_start_ts", "process", VT_UINT64, system_get_executable, X_PIDNS,
        "when its PID namespace started"),
    NUM("proc.nthreads", "process", VT_UINT64, system_get_usage, U_THREADS,
        "how many threads it has"),
    NUM("proc.nchilds", "process", VT_UINT64, system_get_usage, U_CHILDREN,
        "how many besides the main thread"),
    NUM("proc.fdopencount", "process", VT_UINT64, system_get_usage, U_FDCOUNT,
        "descriptors that are open"),
    FIELD("proc.fdusage", "process", VT_DOUBLE, FMT_NA, system_get_usage, U_FDUSAGE,
          "these in percent of those it may have"),
    NUM("proc.pid.ts", "process", VT_RELTIME, system_get_age, AGE_TS, "when it was cloned"),
    NUM("proc.ppid.ts", "process", VT_RELTIME, system_get_age, AGE_PARENT_TS,
        "when its parent was cloned"),
    NUM("proc.ppid.duration", "process", VT_RELTIME, system_get_age, AGE_PARENT,
        "time since the clone of the parent"),
    TEXT("proc.stdin.type", "process", system_get_stream, 0, "kind of its descriptor 0"),
    TEXT("proc.stdin.name", "process", system_get_stream, 1, "name of its descriptor 0"),
    TEXT("proc.stdout.type", "process", system_get_stream, 2, "kind of its descriptor 1"),
    TEXT("proc.stdout.name", "process", system_get_stream, 3, "name of its descriptor 1"),
    TEXT("proc.stderr.type", "process", system_get_stream, 4, "kind of its descriptor 2"),
    TEXT("proc.stderr.name", "process", system_get_stream, 5, "name of its descriptor 2"),
    ID("proc.tty", "process", VT_UINT32, system_get_usage, U_TTY, "its terminal, 0 for none"),
    NUM("proc.fdlimit", "process", VT_INT64, system_get_usage, U_FDLIMIT,
        "descriptors it may have"),
    NUM("proc.vmsize", "process", VT_UINT64, system_get_usage, U_VMSIZE, "virtual memory in KiB"),
    NUM("proc.vmrss", "process", VT_UINT64, system_get_usage, U_VMRSS, "resident memory in KiB"),
    NUM("proc.vmswap", "process", VT_UINT64, system_get_usage, U_VMSWAP, "swapped memory in KiB"),
    NUM("proc.duration", "process", VT_RELTIME, system_get_age, AGE, "time since its clone"),
    ID("thread.tid", "process", VT_INT64, system_get_id, ID_TID, "ID of the thread"),
    ID("thread.vtid", "process", VT_INT64, system_get_id, ID_VTID, "ID inside its PID namespace"),
    BOOLEAN("thread.ismain", "process", system_get_usage, U_ISMAIN,
            "whether it is the main thread"),
    NUM("thread.pfmajor", "process", VT_UINT64, system_get_usage, U_PFMAJOR, "major page faults"),
    NUM("thread.pfminor", "process", VT_UINT64, system_get_usage, U_PFMINOR, "minor page faults"),
    TEXT("thread.nametid", "process", system_get_thread_name, 0, "name and ID in one"),
    NUM("thread.vmsize", "process", VT_UINT64, system_get_usage, U_MAIN_VMSIZE,
        "virtual memory in KiB; 0 but for main threads"),
    NUM("thread.vmrss", "process", VT_UINT64, system_get_usage, U_MAIN_VMRSS,
        "resident memory in KiB; 0 but for main threads"),
    NUM("thread.vmsize.b", "process", VT_UINT64, system_get_usage, U_MAIN_VMSIZE_B,
        "the same in bytes"),
    NUM("thread.vmrss.b", "process", VT_UINT64, system_get_usage, U_MAIN_VMRSS_B,
        "the same in bytes"),
    FIELD("thread.cpu", "process", VT_DOUBLE, FMT_NA, system_get_cpu, CPU_BOTH,
          "percent of a processor, of procinfo records"),
    FIELD("thread.cpu.user", "process", VT_DOUBLE, FMT_NA, system_get_cpu, CPU_USER,
          "of it, in the program"),
    FIELD("thread.cpu.system", "process", VT_DOUBLE, FMT_NA, system_get_cpu, CPU_SYSTEM,
          "of it, in the kernel"),
    NUM("thread.exectime", "process", VT_RELTIME, system_get_exec_time, 0, "always 0 now"),
    NUM("thread.totexectime", "process", VT_RELTIME, system_get_exec_time, 1, "always 0 now"),
    TEXT("thread.cap_permitted", "process", system_get_capabilities, CAPS_PERMITTED,
         "capabilities that it may have"),
    TEXT("thread.cap_inheritable", "process", system_get_capabilities, CAPS_INHERITABLE,
         "capabilities that it hands on"),
    TEXT("thread.cap_effective", "process", system_get_capabilities, CAPS_EFFECTIVE,
         "capabilities that it has"),
    TEXT("thread.cgroups", "process", system_get_cgroups, 0, "its control groups"),
    TEXT("thread.cgroup", "process", system_get_cgroups, 0, "path of one: thread.cgroup.cpu"),
    ID("fd.num", "fd", VT_INT64, system_get_fd_num, 0, "number of the descriptor"),
    TEXT("fd.name", "fd", system_get_fd, FD_NAME, "path, or the ends of a connection"),
    TEXT("fd.nameraw", "fd", system_get_fd, FD_NAMERAW, "path as the program gave it"),
    FIELD("fd.type", "fd", VT_CHARBUF, FMT_DEC, system_get_fd, FD_TYPE,
          "file, ipv4, unix, pipe, …"),
    FIELD("fd.typechar", "fd", VT_CHARBUF, FMT_DEC, system_get_fd, FD_TYPECHAR,
          "its kind in one letter"),
    TEXT("fd.directory", "fd", system_get_fd, FD_DIRECTORY, "folder of a file"),
    TEXT("fd.filename", "fd", system_get_fd, FD_FILENAME, "name of a file without its folder"),
    TEXT("fd.l4proto", "fd", system_get_fd, FD_L4, "tcp, udp, icmp, raw"),
    TEXT("fd.sockfamily", "fd", system_get_fd, FD_FAMILY, "ip or unix"),
    FIELD("fd.cip", "fd", VT_IPADDR, FMT_NA, system_get_end, END_CLIENT | END_ADDRESS,
          "address of the client"),
    FIELD("fd.sip", "fd", VT_IPADDR, FMT_NA, system_get_end, END_SERVER | END_ADDRESS,
          "address of the server"),
    FIELD("fd.lip", "fd", VT_IPADDR, FMT_NA, system_get_end, END_LOCAL | END_ADDRESS,
          "address on this machine"),
    FIELD("fd.rip", "fd", VT_IPADDR, FMT_NA, system_get_end, END_REMOTE | END_ADDRESS,
          "address on the other machine"),
    FIELD("fd.ip", "fd", VT_IPADDR, FMT_NA, system_get_ends, END_ADDRESS,
          "address of either end, for filters"),
    NUM("fd.cport", "fd", VT_PORT, system_get_end, END_CLIENT | END_PORT, "port of the client"),
    NUM("fd.sport", "fd", VT_PORT, system_get_end, END_SERVER | END_PORT, "port of the server"),
    NUM("fd.lport", "fd", VT_PORT, system_get_end, END_LOCAL | END_PORT, "port on this machine"),
    NUM("fd.rport", "fd", VT_PORT, system_get_end, END_REMOTE | END_PORT,
        "port on the other machine"),
    NUM("fd.port", "fd", VT_PORT, system_get_ends, END_PORT, "port of either end, for filters"),
    TEXT("fd.cproto", "fd", system_get_end, END_CLIENT | END_PROTO, "port of the client as text"),
    TEXT("fd.sproto", "fd", system_get_end, END_SERVER | END_PROTO, "port of the server as text"),
    TEXT("fd.lproto", "fd", system_get_end, END_LOCAL | END_PROTO, "port on this machine as text"),
    TEXT("fd.rproto", "fd", system_get_end, END_REMOTE | END_PROTO,
         "port on the other machine as text"),
    NUM("fd.proto", "fd", VT_PORT, system_get_ends, END_PORT, "port of either end, for filters"),
    FIELD("fd.net", "fd", VT_IPNET, FMT_NA, system_get_ends, END_ADDRESS,
          "network of either end, for filters"),
    FIELD("fd.cnet", "fd", VT_IPNET, FMT_NA, system_get_end, END_CLIENT | END_ADDRESS,
          "network of the client, for filters"),
    FIELD("fd.snet", "fd", VT_IPNET, FMT_NA, system_get_end, END_SERVER | END_ADDRESS,
          "network of the server, for filters"),
    FIELD("fd.lnet", "fd", VT_IPNET, FMT_NA, system_get_end, END_LOCAL | END_ADDRESS,
          "network on this side, for filters"),
    FIELD("fd.rnet", "fd", VT_IPNET, FMT_NA, system_get_end, END_REMOTE | END_ADDRESS,
          "network on the other side, for filters"),
    TEXT("fd.cip.name", "fd", no_value, 0, "name of the client's address: names are not looked up"),
    TEXT("fd.sip.name", "fd", no_value, 0, "name of the server's address: names are not looked up"),
    TEXT("fd.lip.name", "fd", no_value, 0,
         "name of the address on this machine: names are not looked up"),
    TEXT("fd.rip.name", "fd", no_value, 0,
         "name of the other machine's address: names are not looked up"),
    BOOLEAN("fd.is_server", "fd", system_get_fd_mark, FD_IS_SERVER,
            "whether the server's end is on this machine"),
    BOOLEAN("fd.connected", "fd", system_get_fd_mark, FD_CONNECTED,
            "whether the socket is connected"),
    BOOLEAN("fd.name_changed", "fd", system_get_fd_mark, FD_NAME_CHANGED,
            "whether the event changed fd.name"),
    BOOLEAN("fd.is_upper_layer", "fd", system_get_fd_mark, FD_UPPER,
            "whether the file is in the upper layer of an overlay"),
    BOOLEAN("fd.is_lower_layer", "fd", system_get_fd_mark, FD_LOWER,
            "whether the file is in the lower layer of an overlay"),
    TEXT("fd.uid", "fd", system_get_fd_uid, 0, "thread and descriptor in one"),
    NUM("fd.life", "fd", VT_UINT32, system_get_fd_mark, FD_LIFE,
        "counts openings: the same from open to close, of copies by fork, too"),
    FIELD("fd.types", "fd", VT_CHARBUF, FMT_DEC, system_get_fd_types, 0,
          "kinds of all descriptors of the process, or of one"),
    NUM("fd.ino", "fd", VT_INT64, system_get_fd_mark, FD_INO, "inode of the file"),
    FIELD("fd.dev", "fd", VT_INT32, FMT_HEX, system_get_fd_mark, FD_DEV, "device of the file"),
    NUM("fd.dev.major", "fd", VT_INT32, system_get_fd_mark, FD_DEV_MAJOR,
        "major number of the device"),
    NUM("fd.dev.minor", "fd", VT_INT32, system_get_fd_mark, FD_DEV_MINOR,
        "minor number of the device"),
    TEXT("fd.containername", "fd", system_get_fd_in_container, FD_NAME,
         "ID of the container and fd.name"),
    TEXT("fd.containerdirectory", "fd", system_get_fd_in_container, FD_DIRECTORY,
         "ID of the container and fd.directory"),
    TEXT("container.id", "container", system_get_container, CT_ID,
         "first 12 digits of the container's ID, or host"),
    TEXT("container.full_id", "container", system_get_container, CT_FULL_ID, "the whole ID"),
    TEXT("container.name", "container", system_get_container, CT_NAME,
         "name of the container, or host"),
    TEXT("container.type", "container", system_get_container, CT_TYPE,
         "its engine: docker, cri, podman, …"),
    TEXT("container.image", "container", system_get_container_text, CT_IMAGE, "name of its image"),
    TEXT("container.image.id", "container", system_get_container_text, CT_IMAGE_ID,
         "ID of its image"),
    TEXT("container.image.repository", "container", system_get_container_text, CT_REPOSITORY,
         "its image without the tag"),
    TEXT("container.image.tag", "container", system_get_container_text, CT_TAG, "tag of its image"),
    TEXT("container.image.digest", "container", system_get_container_text, CT_DIGEST,
         "digest of its image"),
    TEXT("container.ip", "container", system_get_container_text, CT_IP, "its address"),
    TEXT("container.cni.json", "container", system_get_container_text, CT_CNI,
         "what its network plugin answered"),
    BOOLEAN("container.privileged", "container", system_get_container_mark, CT_PRIVILEGED,
            "whether it is privileged"),
    BOOLEAN("container.host_pid", "container", system_get_container_mark, CT_HOST_PID,
            "whether it has the PID namespace of the host"),
    BOOLEAN("container.host_network", "container", system_get_container_mark, CT_HOST_NETWORK,
            "whether it has the network namespace of the host"),
    BOOLEAN("container.host_ipc", "container", system_get_container_mark, CT_HOST_IPC,
            "whether it has the IPC namespace of the host"),
    NUM("container.start_ts", "container", VT_ABSTIME, system_get_container_time, CT_START,
        "when it started"),
    NUM("container.duration", "container", VT_RELTIME, system_get_container_time, CT_DURATION,
        "time since it started"),
    TEXT("container.label", "container", system_get_labels, CT_LABELS,
         "one label: container.label[KEY]"),
    TEXT("container.labels", "container", system_get_labels, CT_LABELS, "all labels"),
    TEXT("container.mounts", "container", system_get_mount, MOUNT_WHOLE,
         "all that is mounted in it"),
    TEXT("container.mount", "container", system_get_mount, MOUNT_WHOLE,
         "one mount, by number or source: container.mount[/etc]"),
    TEXT("container.mount.source", "container", system_get_mount, MOUNT_SOURCE,
         "its source, by number or destination"),
    TEXT("container.mount.dest", "container", system_get_mount, MOUNT_DEST, "its destination"),
    TEXT("container.mount.mode", "container", system_get_mount, MOUNT_MODE, "its mode"),
    TEXT("container.mount.rdwr", "container", system_get_mount, MOUNT_RDWR,
         "whether it can be written"),
    TEXT("container.mount.propagation", "container", system_get_mount, MOUNT_PROPAGATION,
         "its propagation"),
    TEXT("container.healthcheck", "container", no_value, 0, "has no value any more"),
    TEXT("container.liveness_probe", "container", no_value, 0, "has no value any more"),
    TEXT("container.readiness_probe", "container", no_value, 0, "has no value any more"),
    TEXT("k8s.pod.name", "container", system_get_pod, POD_NAME, "name of the pod"),
    TEXT("k8s.ns.name", "container", system_get_pod, POD_NAMESPACE, "namespace of the pod"),
    TEXT("k8s.pod.uid", "container", system_get_pod, POD_UID, "ID of the pod"),
    TEXT("k8s.pod.id", "container", system_get_pod, POD_UID, "ID of the pod"),
    TEXT("k8s.pod.sandbox_id", "container", system_get_container_text, CT_SANDBOX,
         "first 12 digits of its sandbox's ID"),
    TEXT("k8s.pod.full_sandbox_id", "container", system_get_container_text, CT_FULL_SANDBOX,
         "ID of its sandbox"),
    TEXT("k8s.pod.label", "container", system_get_labels, CT_POD_LABELS,
         "one label of the pod: k8s.pod.label[KEY]"),
    TEXT("k8s.pod.labels", "container", system_get_labels, CT_POD_LABELS, "all labels of the pod"),
    TEXT("k8s.pod.ip", "container", system_get_container_text, CT_IP, "address of the pod"),
    TEXT("k8s.pod.cni.json", "container", system_get_container_text, CT_CNI,
         "what its network plugin answered"),
    TEXT("k8s.rc.name", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.rc.id", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.rc.label", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.rc.labels", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.svc.name", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.svc.id", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.svc.label", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.svc.labels", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.ns.id", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.ns.label", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.ns.labels", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.rs.name", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.rs.id", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.rs.label", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.rs.labels", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.deployment.name", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.deployment.id", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.deployment.label", "container", no_value, 0, "has no value any more: k8smeta has it"),
    TEXT("k8s.deployment.labels", "container", no_value, 0,
         "has no value any more: k8smeta has it"),
    TEXT("fs.path.name", "fs.path", system_get_fs_path, PATH_NAME, "path that a call worked on"),
    TEXT("fs.path.nameraw", "fs.path", system_get_fs_path, PATH_NAME | PATH_RAW,
         "the same as the program gave it"),
    TEXT("fs.path.source", "fs.path", system_get_fs_path, PATH_SOURCE,
         "path that was renamed, linked, mounted"),
    TEXT("fs.path.sourceraw", "fs.path", system_get_fs_path, PATH_SOURCE | PATH_RAW,
         "the same as the program gave it"),
    TEXT("fs.path.target", "fs.path", system_get_fs_path, PATH_TARGET,
         "path that it became or leads to"),
    TEXT("fs.path.targetraw", "fs.path", system_get_fs_path, PATH_TARGET | PATH_RAW,
         "the same as the program gave it"),
    NUM("syslog.facility", "syslog", VT_UINT32, system_get_log_line, LOG_FACILITY,
        "facility of a line that is written to the system's log"),
    TEXT("syslog.facility.str", "syslog", system_get_log_line, LOG_FACILITY_NAME, "its name"),
    NUM("syslog.severity", "syslog", VT_UINT32, system_get_log_line, LOG_SEVERITY,
        "severity of the line, 0 to 7"),
    TEXT("syslog.severity.str", "syslog", system_get_log_line, LOG_SEVERITY_NAME, "its name"),
    TEXT("syslog.message", "syslog", system_get_log_line, LOG_MESSAGE,
         "the line without its priority"),
    FIELD("fdlist.nums", "fdlist", VT_CHARBUF, FMT_ID, system_get_fdlist, LIST_NUMBERS,
          "descriptors that a poll waits for"),
    TEXT("fdlist.names", "fdlist", system_get_fdlist, LIST_NAMES, "their names"),
    TEXT("fdlist.cips", "fdlist", system_get_fdlist, LIST_CIPS, "addresses of their clients"),
    TEXT("fdlist.sips", "fdlist", system_get_fdlist, LIST_SIPS, "addresses of their servers"),
    FIELD("fdlist.cports", "fdlist", VT_CHARBUF, FMT_DEC, system_get_fdlist, LIST_CPORTS,
          "ports of their clients"),
    FIELD("fdlist.sports", "fdlist", VT_CHARBUF, FMT_DEC, system_get_fdlist, LIST_SPORTS,
          "ports of their servers"),
    ID("user.uid", "user", VT_UINT32, system_get_who, WHO_UID, "ID of the user"),
    TEXT("user.homedir", "user", system_get_who, WHO_HOME, "home of the user"),
    TEXT("user.shell", "user", system_get_who, WHO_SHELL, "shell of the user"),
    TEXT("user.name", "user", system_get_who, WHO_USER, "name of the user"),
    ID("user.loginuid", "user", VT_INT64, system_get_who, WHO_LOGINUID,
       "ID of who logged in, or -1"),
    TEXT("user.loginname", "user", system_get_who, WHO_LOGIN, "name of who logged in"),
    ID("group.gid", "group", VT_UINT32, system_get_who, WHO_GID, "ID of the group"),
    TEXT("group.name", "group", system_get_who, WHO_GROUP, "name of the group"),
};

/* What of a definition the macros leave out: its argument, what it can't be used for. */
static const struct traits {
    const char *name;
    bool required, index, key;
    unsigned flags;
} traits[] = {
    {"evt.arg", true, true, true, FIELD_SUFFIX_ARG | FIELD_NO_DETAIL},
    {"evt.rawarg", true, false, true,
     FIELD_SUFFIX_ARG | FIELD_NO_DETAIL | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"evt.type.is", true, false, true, FIELD_SUFFIX_ARG | FIELD_NO_DETAIL},
    {"evt.around", true, true, false,
     FIELD_AROUND | FIELD_NO_DETAIL | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"evt.abspath", false, false, true, FIELD_SUFFIX_ARG},
    {"evt.count", false, false, false, FIELD_NO_DETAIL},
    {"evt.count.exit", false, false, false, FIELD_NO_DETAIL},
    {"evt.count.error", false, false, false, FIELD_NO_DETAIL},
    {"evt.count.error.file", false, false, false, FIELD_NO_DETAIL},
    {"evt.count.error.net", false, false, false, FIELD_NO_DETAIL},
    {"evt.count.error.memory", false, false, false, FIELD_NO_DETAIL},
    {"evt.count.error.other", false, false, false, FIELD_NO_DETAIL},
    {"evt.info", false, false, false, FIELD_NO_DETAIL},
    {"thread.exectime", false, false, false, FIELD_HIDDEN},
    {"thread.totexectime", false, false, false, FIELD_HIDDEN},
    {"evt.dir", false, false, false, FIELD_DEPRECATED},
    {"evt.latency", false, false, false, FIELD_DEPRECATED | FIELD_HIDDEN},
    {"evt.latency.s", false, false, false, FIELD_DEPRECATED | FIELD_HIDDEN},
    {"evt.latency.ns", false, false, false, FIELD_DEPRECATED | FIELD_HIDDEN},
    {"evt.latency.human", false, false, false, FIELD_DEPRECATED | FIELD_HIDDEN},
    {"evt.wait_latency", false, false, false, FIELD_DEPRECATED | FIELD_HIDDEN},
    {"evt.latency.quantized", false, false, false, FIELD_DEPRECATED | FIELD_HIDDEN},
    {"evt.count.procinfo", false, false, false, FIELD_HIDDEN},
    {"evt.count.threadinfo", false, false, false, FIELD_HIDDEN},
    {"evt.buflen.in", false, false, false, FIELD_HIDDEN},
    {"evt.buflen.out", false, false, false, FIELD_HIDDEN},
    {"evt.buflen.file", false, false, false, FIELD_HIDDEN},
    {"evt.buflen.file.in", false, false, false, FIELD_HIDDEN},
    {"evt.buflen.file.out", false, false, false, FIELD_HIDDEN},
    {"evt.buflen.net", false, false, false, FIELD_HIDDEN},
    {"evt.buflen.net.in", false, false, false, FIELD_HIDDEN},
    {"evt.buflen.net.out", false, false, false, FIELD_HIDDEN},
    {"thread.nametid", false, false, false, FIELD_HIDDEN},
    {"thread.vmsize.b", false, false, false, FIELD_HIDDEN},
    {"thread.vmrss.b", false, false, false, FIELD_HIDDEN},
    {"proc.args", false, true, false, 0},
    {"proc.env", false, false, true, 0},
    {"proc.aname", false, true, false, FIELD_EACH | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"proc.aexe", false, true, false, FIELD_EACH | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"proc.aexepath", false, true, false, FIELD_EACH | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"proc.acmdline", false, true, false, FIELD_EACH | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"proc.apid", false, true, false, FIELD_EACH | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"proc.aargs", false, true, false, 0},
    {"proc.aenv", false, true, true, FIELD_EACH | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"thread.cgroup", true, false, true, FIELD_SUFFIX_ARG},
    {"fd.types", false, true, false, FIELD_NO_RHS},
    {"fd.ip", false, false, false, FIELD_ENDS | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"fd.port", false, false, false, FIELD_ENDS | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"fd.proto", false, false, false, FIELD_ENDS | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"fd.net", false, false, false, FIELD_ENDS | FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"container.label", true, false, true, 0},
    {"k8s.pod.label", true, false, true, 0},
    {"container.mount", true, true, true, 0},
    {"container.mount.source", true, true, true, 0},
    {"container.mount.dest", true, true, true, 0},
    {"container.mount.mode", true, true, true, 0},
    {"container.mount.rdwr", true, true, true, 0},
    {"container.mount.propagation", true, true, true, 0},
    {"k8s.rc.label", true, false, true, 0},
    {"k8s.svc.label", true, false, true, 0},
    {"k8s.ns.label", true, false, true, 0},
    {"k8s.rs.label", true, false, true, 0},
    {"k8s.deployment.label", true, false, true, 0},
    {"fd.life", false, false, false, FIELD_HIDDEN},
    {"syslog.facility", false, false, false, FIELD_REMOVED},
    {"syslog.facility.str", false, false, false, FIELD_REMOVED},
    {"syslog.severity", false, false, false, FIELD_REMOVED},
    {"syslog.severity.str", false, false, false, FIELD_REMOVED},
    {"syslog.message", false, false, false, FIELD_REMOVED},
    {"fd.cip.name", false, false, false, FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"fd.sip.name", false, false, false, FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"fd.lip.name", false, false, false, FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"fd.rip.name", false, false, false, FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"fd.cnet", false, false, false, FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"fd.snet", false, false, false, FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"fd.lnet", false, false, false, FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
    {"fd.rnet", false, false, false, FIELD_NO_RHS | FIELD_NO_TRANSFORMER},
};

static void complete(struct system_field *f, size_t i)
{
    struct field_def *d = &f->def;

    d->builtin = SYSTEM_FIELDS_FROM + (int)i;
    d->list = f->get == system_get_fd_types;
    for (size_t k = 0; k < COUNT_OF(traits); k++) {
        if (!str_eq(traits[k].name, d->name))
            continue;
        d->arg_required = traits[k].required;
        d->arg_index = traits[k].index;
        d->arg_key = traits[k].key;
        d->flags = traits[k].flags;
    }
    if (str_eq(d->owner, "container"))
        d->flags |= FIELD_STAND_IN;
    if (str_eq(d->owner, "container") && f->get == no_value)
        d->flags |= FIELD_DEPRECATED | FIELD_HIDDEN;
}

const struct field_def *system_def(size_t i)
{
    static bool completed; /* the first catalogue is made before any thread is */

    for (size_t k = 0; !completed && k < COUNT_OF(fields); k++)
        complete(&fields[k], k);
    completed = true;
    return i < COUNT_OF(fields) ? &fields[i].def : NULL;
}

void system_extract(const struct field_ref *ref, const struct field_event *e, struct arena *arena,
                    struct value *out)
{
    const struct system_field *f = &fields[ref->def->builtin - SYSTEM_FIELDS_FROM];
    struct get g = {ref, e, event_type_get(event_code(e->bytes)), arena, out, f->what};

    f->get(&g);
}

enum field_state system_state(const struct field_def *def)
{
    const struct system_field *f = &fields[def->builtin - SYSTEM_FIELDS_FROM];

    if (f->get == system_get_usage || f->get == system_get_cpu)
        return FIELD_STATE_USE;
    if (f->get == system_get_id && f->what == ID_TID)
        return FIELD_STATE_NONE;
    return f->get != system_get_event && f->get != system_get_buffer &&
                   f->get != system_get_result && f->get != system_get_open &&
                   f->get != system_get_latency && f->get != system_get_type_is &&
                   f->get != system_get_around && f->get != system_get_rawarg
               ? FIELD_STATE
               : FIELD_STATE_NONE;
}

static bool system_lacks(const struct field_def *def, uint16_t type)
{
    const struct event_type *t = event_type_get(type);

    return t && str_eq(def->owner, "fd") && !event_uses_fd(t);
}

bool system_told(const struct field_ref *ref, uint16_t type, bool named)
{
    const struct system_field *f = &fields[ref->def->builtin - SYSTEM_FIELDS_FROM];
    const struct event_type *t = event_type_get(type);

    if (system_lacks(ref->def, type) || f->get == system_get_latency || f->get == no_value)
        return true;
    if (f->get == system_get_event)
        return f->what != E_CPU && (f->what != E_SYSCALL_TYPE || named);
    if (f->get == system_get_type_is)
        return named;
    if (f->get == system_get_arg || f->get == system_get_rawarg)
        return system_param_told(t, ref->arg_text);
    if (f->get == system_get_buffer)
        return system_param_told(t, span_of("data"));
    if (f->get == system_get_result)
        return system_result_told(t, type);
    if (f->get == system_get_length)
        return system_length_told(t, type, f->what);
    if (f->get == system_get_counter)
        return system_counter_told(t, type, f->what);
    if (f->get == system_get_open)
        return system_open_told(type);
    if (f->get == system_get_fs_path)
        return system_fs_path_told(type, f->what);
    return (f->get == system_get_syslog || f->get == system_get_log_line) &&
           !(t->flags & EVENT_WRITES_FD);
}

enum state_scope system_scope(const struct field_def *def)
{
    static const struct {
        void (*get)(struct get *);
        enum state_scope scope;
    } getters[] = {{system_get_program, STATE_SCOPE_THREAD},
                   {system_get_who, STATE_SCOPE_RECORDS},
                   {system_get_container, STATE_SCOPE_RECORDS},
                   {system_get_container_text, STATE_SCOPE_RECORDS},
                   {system_get_container_mark, STATE_SCOPE_RECORDS},
                   {system_get_labels, STATE_SCOPE_RECORDS},
                   {system_get_pod, STATE_SCOPE_RECORDS},
                   {system_get_mount, STATE_SCOPE_RECORDS},
                   {system_get_parent, STATE_SCOPE_THREADS},
                   {system_get_ancestor, STATE_SCOPE_THREADS},
                   {system_get_ancestors_env, STATE_SCOPE_THREADS},
                   {system_get_id, STATE_SCOPE_THREADS},
                   {system_get_cwd, STATE_SCOPE_THREADS},
                   {system_get_list, STATE_SCOPE_THREADS},
                   {system_get_leader, STATE_SCOPE_THREADS},
                   {system_get_is_leader, STATE_SCOPE_THREADS},
                   {system_get_login_shell, STATE_SCOPE_THREADS},
                   {system_get_executable, STATE_SCOPE_THREADS},
                   {system_get_thread_name, STATE_SCOPE_THREADS},
                   {system_get_capabilities, STATE_SCOPE_THREADS}};
    const struct system_field *f = &fields[def->builtin - SYSTEM_FIELDS_FROM];

    for (size_t i = 0; i < COUNT_OF(getters); i++) {
        if (f->get == getters[i].get)
            return getters[i].scope;
    }
    return f->get == system_get_container_time && f->what == CT_START ? STATE_SCOPE_THREAD
                                                                      : STATE_SCOPE_EVENT;
}

bool system_of_fd(const struct field_def *def)
{
    const struct system_field *f = &fields[def->builtin - SYSTEM_FIELDS_FROM];

    return f->get == system_get_fd || f->get == system_get_fd_num || f->get == system_get_end ||
           f->get == system_get_ends ||
           (f->get == system_get_fd_mark && f->what != FD_NAME_CHANGED);
}

/* Texts of descriptors: found through threads and tables, and few are distinct. */
bool system_worth_keeping(const struct field_def *def)
{
    return fields[def->builtin - SYSTEM_FIELDS_FROM].get == system_get_fd;
}

enum field_needs system_needs(const struct field_def *def)
{
    const struct system_field *f = &fields[def->builtin - SYSTEM_FIELDS_FROM];

    if (f->get == system_get_type_is)
        return FIELD_NEEDS_NAME;
    if (f->get == system_get_event)
        return f->what == E_SYSCALL_TYPE ? FIELD_NEEDS_NAME : FIELD_NEEDS_HEADER;
    return str_eq(def->owner, "process") || str_eq(def->owner, "user") ||
                   str_eq(def->owner, "group")
               ? FIELD_NEEDS_HEADER
               : FIELD_NEEDS_BYTES;
}
