/* Values of descriptors (plugin ABI, §8.6). */
#include "state_tables.h"

/* ---- reading --------------------------------------------------------------------------------- */

static uint64_t half_of(const struct ip_bytes *ip, unsigned from)
{
    return ip->len == 16 ? get_u64((const char *)ip->b + from) : 0;
}

static uint32_t ip4_of(const struct ip_bytes *ip)
{
    return ip->len == 4 ? get_u32((const char *)ip->b) : 0;
}

static void read_socket(const struct fd_info *f, enum what what, ss_plugin_state_data *out)
{
    switch (what) {
    case F_SRC4:
        out->u32 = ip4_of(&f->src);
        break;
    case F_DST4:
        out->u32 = ip4_of(&f->dst);
        break;
    case F_SERVER4:
        out->u32 = ip4_of(&f->src);
        break;
    case F_SPORT:
        out->u16 = f->sport;
        break;
    case F_DPORT:
        out->u16 = f->dport;
        break;
    case F_SERVER_PORT:
        out->u16 = f->sport;
        break;
    case F_L4:
        out->u8 = f->l4;
        break;
    case F_SRC_LOW:
        out->u64 = half_of(&f->src, 0);
        break;
    case F_SRC_HIGH:
        out->u64 = half_of(&f->src, 8);
        break;
    case F_DST_LOW:
        out->u64 = half_of(&f->dst, 0);
        break;
    case F_DST_HIGH:
        out->u64 = half_of(&f->dst, 8);
        break;
    case F_UNIX_SRC:
        out->u64 = f->unix_src;
        break;
    case F_UNIX_DST:
        out->u64 = f->unix_dst;
        break;
    default:
        break;
    }
}

ss_plugin_rc fd_value_read(struct host_table *t, const struct entry *e, enum what what,
                           ss_plugin_state_data *out)
{
    const struct fd_info *f = &e->fd;
    struct thread_view v;

    if (!e->created && (!view_of(t, t->tid, &v) ||
                        !(f = state_fd(tables_state(t->all), &v, e->key, t->all->at)))) {
        plugin_table_error("descriptor %lld is closed", (long long)e->key);
        return SS_PLUGIN_FAILURE;
    }
    switch (what) {
    case F_TYPE:
        out->u8 = f->type;
        break;
    case F_OPEN_FLAGS:
        out->u32 = f->open_flags;
        break;
    case F_DEV:
        out->u32 = f->dev;
        break;
    case F_NAME:
        text_out(t->all, f->name, out);
        break;
    case F_RAW:
        text_out(t->all, f->raw, out);
        break;
    case F_INO:
        out->u64 = f->ino;
        break;
    case F_PID:
        out->s64 = (int64_t)f->pid;
        break;
    case F_FD:
        out->s64 = e->created ? -1 : e->key;
        break;
    default:
        read_socket(f, what, out);
    }
    return SS_PLUGIN_SUCCESS;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_ip4(struct ip_bytes *ip, uint32_t v)
{
    ip->len = 4;
    memcpy(ip->b, &v, 4);
}

static void put_half(struct ip_bytes *ip, unsigned from, uint64_t v)
{
    if (ip->len != 16)
        memset(ip->b, 0, sizeof(ip->b));
    ip->len = 16;
    memcpy(ip->b + from, &v, 8);
}

static bool change_socket(struct fd_info *f, enum what what, const ss_plugin_state_data *in)
{
    switch (what) {
    case F_SRC4:
    case F_SERVER4:
        put_ip4(&f->src, in->u32);
        return true;
    case F_DST4:
        put_ip4(&f->dst, in->u32);
        return true;
    case F_SPORT:
    case F_SERVER_PORT:
        f->sport = in->u16;
        return true;
    case F_DPORT:
        f->dport = in->u16;
        return true;
    case F_L4:
        f->l4 = in->u8;
        return true;
    case F_SRC_LOW:
    case F_SRC_HIGH:
        put_half(&f->src, what == F_SRC_LOW ? 0 : 8, in->u64);
        return true;
    case F_DST_LOW:
    case F_DST_HIGH:
        put_half(&f->dst, what == F_DST_LOW ? 0 : 8, in->u64);
        return true;
    case F_UNIX_SRC:
        f->unix_src = in->u64;
        return true;
    case F_UNIX_DST:
        f->unix_dst = in->u64;
        return true;
    default:
        return false;
    }
}

ss_plugin_rc fd_value_write(struct host_table *t, struct entry *e, enum what what,
                            const ss_plugin_state_data *in)
{
    struct fd_info f = e->fd;
    const struct fd_info *now;
    struct thread_view v;

    if (!e->created) {
        now =
            view_of(t, t->tid, &v) ? state_fd(tables_state(t->all), &v, e->key, t->all->at) : NULL;
        if (!now)
            return SS_PLUGIN_FAILURE;
        f = *now;
    }
    switch (what) {
    case F_TYPE:
        f.type = in->u8;
        break;
    case F_OPEN_FLAGS:
        f.open_flags = in->u32;
        break;
    case F_DEV:
        f.dev = in->u32;
        break;
    case F_NAME:
        f.name = span_of(in->str ? in->str : "");
        break;
    case F_RAW:
        f.raw = span_of(in->str ? in->str : "");
        break;
    case F_INO:
        f.ino = in->u64;
        break;
    case F_PID:
        f.pid = (uint64_t)in->s64;
        break;
    case F_FD: /* the key is the number */
        return SS_PLUGIN_SUCCESS;
    default:
        if (!change_socket(&f, what, in))
            return SS_PLUGIN_FAILURE;
    }
    if (e->created) {
        e->fd = f;
        own_texts(e);
        return SS_PLUGIN_SUCCESS;
    }
    return state_write_fd(tables_state(t->all), t->tid, e->key, &f) ? SS_PLUGIN_SUCCESS
                                                                    : SS_PLUGIN_FAILURE;
}
