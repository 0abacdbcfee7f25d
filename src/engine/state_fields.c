/* Fields of the host's tables: those of §8.5 and §8.6, and what plugins add. */
#include "state_tables.h"

#define S64  SS_PLUGIN_ST_INT64
#define U64  SS_PLUGIN_ST_UINT64
#define U32  SS_PLUGIN_ST_UINT32
#define U16  SS_PLUGIN_ST_UINT16
#define U8   SS_PLUGIN_ST_UINT8
#define STR  SS_PLUGIN_ST_STRING
#define BOOL SS_PLUGIN_ST_BOOL
#define TAB  SS_PLUGIN_ST_TABLE

static const struct host_field static_fields[] = {
    {"tid", S64, KIND_THREADS, T_TID, false, 0, NULL},
    {"pid", S64, KIND_THREADS, T_PID, false, 0, NULL},
    {"ptid", S64, KIND_THREADS, T_PTID, false, 0, NULL},
    {"sid", S64, KIND_THREADS, T_SID, false, 0, NULL},
    {"vpgid", S64, KIND_THREADS, T_VPGID, false, 0, NULL},
    {"pgid", S64, KIND_THREADS, T_PGID, false, 0, NULL},
    {"reaper_tid", S64, KIND_THREADS, T_REAPER, false, 0, NULL},
    {"vtid", S64, KIND_THREADS, T_VTID, false, 0, NULL},
    {"vpid", S64, KIND_THREADS, T_VPID, false, 0, NULL},
    {"fd_limit", S64, KIND_THREADS, T_FDLIMIT, false, 0, NULL},
    {"comm", STR, KIND_THREADS, T_COMM, false, 0, NULL},
    {"exe", STR, KIND_THREADS, T_EXE, false, 0, NULL},
    {"exe_path", STR, KIND_THREADS, T_EXEPATH, false, 0, NULL},
    {"root", STR, KIND_THREADS, T_ROOT, false, 0, NULL},
    {"exe_writable", BOOL, KIND_THREADS, T_WRITABLE, false, 0, NULL},
    {"exe_upper_layer", BOOL, KIND_THREADS, T_UPPER, false, 0, NULL},
    {"exe_lower_layer", BOOL, KIND_THREADS, T_LOWER, false, 0, NULL},
    {"exe_from_memfd", BOOL, KIND_THREADS, T_MEMFD, false, 0, NULL},
    {"args", TAB, KIND_THREADS, T_ARGS, true, 0, NULL},
    {"env", TAB, KIND_THREADS, T_ENV, true, 0, NULL},
    {"cgroups", TAB, KIND_THREADS, T_CGROUPS, true, 0, NULL},
    {"flags", U32, KIND_THREADS, T_FLAGS, false, 0, NULL},
    {"uid", U32, KIND_THREADS, T_UID, false, 0, NULL},
    {"gid", U32, KIND_THREADS, T_GID, false, 0, NULL},
    {"loginuid", U32, KIND_THREADS, T_LOGINUID, false, 0, NULL},
    {"exe_ino", U64, KIND_THREADS, T_INO, false, 0, NULL},
    {"exe_ino_ctime", U64, KIND_THREADS, T_CTIME, false, 0, NULL},
    {"exe_ino_mtime", U64, KIND_THREADS, T_MTIME, false, 0, NULL},
    {"pidns_init_start_ts", U64, KIND_THREADS, T_PIDNS, false, 0, NULL},
    {"tty", U32, KIND_THREADS, T_TTY, false, 0, NULL},
    {"file_descriptors", TAB, KIND_THREADS, T_FDS, true, 0, NULL},
    {"cwd", STR, KIND_THREADS, T_CWD, true, 0, NULL},
    {"value", STR, KIND_ARGS, I_VALUE, false, 0, NULL},
    {"value", STR, KIND_ENV, I_VALUE, false, 0, NULL},
    {"first", STR, KIND_CGROUPS, I_FIRST, false, 0, NULL},
    {"second", STR, KIND_CGROUPS, I_SECOND, false, 0, NULL},
    {"type", U8, KIND_FDS, F_TYPE, false, 0, NULL},
    {"open_flags", U32, KIND_FDS, F_OPEN_FLAGS, false, 0, NULL},
    {"flags", U32, KIND_FDS, F_FLAGS, false, KEPT_FLAGS, NULL},
    {"dev", U32, KIND_FDS, F_DEV, false, 0, NULL},
    {"mount_id", U32, KIND_FDS, F_MOUNT, false, KEPT_MOUNT, NULL},
    {"name", STR, KIND_FDS, F_NAME, false, 0, NULL},
    {"name_raw", STR, KIND_FDS, F_RAW, false, 0, NULL},
    {"old_name", STR, KIND_FDS, F_OLD, false, KEPT_OLD, NULL},
    {"ino", U64, KIND_FDS, F_INO, false, 0, NULL},
    {"pid", S64, KIND_FDS, F_PID, false, 0, NULL},
    {"fd", S64, KIND_FDS, F_FD, false, 0, NULL},
    {"socket_ipv4_src_ip", U32, KIND_FDS, F_SRC4, false, 0, NULL},
    {"socket_ipv4_dest_dip", U32, KIND_FDS, F_DST4, false, 0, NULL},
    {"socket_ipv4_server_ip", U32, KIND_FDS, F_SERVER4, false, 0, NULL},
    {"socket_ipv4_src_port", U16, KIND_FDS, F_SPORT, false, 0, NULL},
    {"socket_ipv4_dst_port", U16, KIND_FDS, F_DPORT, false, 0, NULL},
    {"socket_ipv6_src_port", U16, KIND_FDS, F_SPORT, false, 0, NULL},
    {"socket_ipv6_dst_port", U16, KIND_FDS, F_DPORT, false, 0, NULL},
    {"socket_ipv4_server_port", U16, KIND_FDS, F_SERVER_PORT, false, 0, NULL},
    {"socket_ipv6_server_port", U16, KIND_FDS, F_SERVER_PORT, false, 0, NULL},
    {"socket_ipv4_l4_proto", U8, KIND_FDS, F_L4, false, 0, NULL},
    {"socket_ipv6_l4_proto", U8, KIND_FDS, F_L4, false, 0, NULL},
    {"socket_ipv4_server_l4_proto", U8, KIND_FDS, F_L4, false, 0, NULL},
    {"socket_ipv6_server_l4_proto", U8, KIND_FDS, F_L4, false, 0, NULL},
    {"socket_ipv6_src_ip_low", U64, KIND_FDS, F_SRC_LOW, false, 0, NULL},
    {"socket_ipv6_src_ip_high", U64, KIND_FDS, F_SRC_HIGH, false, 0, NULL},
    {"socket_ipv6_dest_ip_low", U64, KIND_FDS, F_DST_LOW, false, 0, NULL},
    {"socket_ipv6_dest_ip_high", U64, KIND_FDS, F_DST_HIGH, false, 0, NULL},
    {"socket_ipv6_server_ip_low", U64, KIND_FDS, F_DST_LOW, false, 0, NULL},
    {"socket_ipv6_server_ip_high", U64, KIND_FDS, F_DST_HIGH, false, 0, NULL},
    {"socket_unix_src", U64, KIND_FDS, F_UNIX_SRC, false, 0, NULL},
    {"socket_unix_dest", U64, KIND_FDS, F_UNIX_DST, false, 0, NULL},
};

/* ---- asked and added ---------------------------------------------------------------------------------- */

static const struct host_field *field_named(const struct host_tables *h, enum table_kind kind,
                                            const char *name)
{
    for (size_t i = 0; i < COUNT_OF(static_fields); i++) {
        if (static_fields[i].kind == kind && str_eq(static_fields[i].name, name))
            return &static_fields[i];
    }
    for (size_t i = 0; i < h->added.n; i++) {
        if (h->added.v[i]->kind == kind && str_eq(h->added.v[i]->name, name))
            return h->added.v[i];
    }
    return NULL;
}

static void list_one(struct host_tables *h, const struct host_field *f)
{
    ss_plugin_table_fieldinfo info = {f->name, f->type, f->read_only};

    vec_push(&h->listed, info);
}

static const ss_plugin_table_fieldinfo *list_fields(ss_plugin_table_t *tt, uint32_t *n)
{
    struct host_table *t = table_of(tt);
    struct host_tables *h = t->all;

    h->listed.n = 0;
    for (size_t i = 0; i < COUNT_OF(static_fields); i++) {
        if (static_fields[i].kind == t->kind)
            list_one(h, &static_fields[i]);
    }
    for (size_t i = 0; i < h->added.n; i++) {
        if (h->added.v[i]->kind == t->kind)
            list_one(h, h->added.v[i]);
    }
    *n = (uint32_t)h->listed.n;
    return h->listed.v;
}

static ss_plugin_table_field_t *get_field(ss_plugin_table_t *tt, const char *name,
                                          ss_plugin_state_type type)
{
    struct host_table *t = table_of(tt);
    const struct host_field *f = name ? field_named(t->all, t->kind, name) : NULL;

    if (!f)
        plugin_table_error("field “%s” not found in table %s", name ? name : "", t->input.name);
    else if (f->type != (uint8_t)type)
        plugin_table_error("field “%s” of table %s has type %d, not %d", name, t->input.name,
                           f->type, (int)type);
    return f && f->type == (uint8_t)type ? (void *)f : NULL;
}

static ss_plugin_table_field_t *add_field(ss_plugin_table_t *tt, const char *name,
                                          ss_plugin_state_type type)
{
    struct host_table *t = table_of(tt);
    const struct host_field *f = name ? field_named(t->all, t->kind, name) : NULL;
    struct host_field *own;

    if (!name || !*name || type == TAB || (t->kind != KIND_THREADS && t->kind != KIND_FDS)) {
        plugin_table_error("fields of this type can't be added to table %s", t->input.name);
        return NULL;
    }
    if (f && (f->what != DYNAMIC || f->type != (uint8_t)type)) {
        plugin_table_error(f->what != DYNAMIC ? "table %s has a field “%s” of its own"
                                              : "table %s has a field “%s” of another type already",
                           t->input.name, name);
        return NULL;
    }
    if (f)
        return (void *)f;
    own = xcalloc(1, sizeof(*own));
    *own = (struct host_field){xstrdup(name), (uint8_t)type, (uint8_t)t->kind,
                               DYNAMIC,       false,         (unsigned)t->all->added.n,
                               NULL};
    own->by = plugin_calling();
    vec_push(&t->all->added, own);
    return own;
}

ss_plugin_table_fields_vtable_ext state_fields = {list_fields, get_field, add_field};
