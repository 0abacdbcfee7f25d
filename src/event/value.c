/* Values: their types and how they print. */
#include "mews/event.h"

#include <arpa/inet.h>
#include <inttypes.h>

const struct value_type_info value_type_infos[VT_COUNT] = {
    [VT_NONE] = {"NONE", "none", VC_OTHER, 0},
    [VT_INT8] = {"INT8", "int8", VC_SIGNED, 8},
    [VT_INT16] = {"INT16", "int16", VC_SIGNED, 16},
    [VT_INT32] = {"INT32", "int32", VC_SIGNED, 32},
    [VT_INT64] = {"INT64", "int64", VC_SIGNED, 64},
    [VT_UINT8] = {"UINT8", "uint8", VC_UNSIGNED, 8},
    [VT_UINT16] = {"UINT16", "uint16", VC_UNSIGNED, 16},
    [VT_UINT32] = {"UINT32", "uint32", VC_UNSIGNED, 32},
    [VT_UINT64] = {"UINT64", "uint64", VC_UNSIGNED, 64},
    [VT_CHARBUF] = {"CHARBUF", "string", VC_TEXT, 0},
    [VT_BYTEBUF] = {"BYTEBUF", "bytes", VC_BYTES, 0},
    [VT_ERRNO] = {"ERRNO", "errno", VC_SIGNED, 64},
    [VT_SOCKADDR] = {"SOCKADDR", "sockaddr", VC_OTHER, 0},
    [VT_SOCKTUPLE] = {"SOCKTUPLE", "socktuple", VC_OTHER, 0},
    [VT_FD] = {"FD", "fd", VC_SIGNED, 64},
    [VT_PID] = {"PID", "pid", VC_SIGNED, 64},
    [VT_FDLIST] = {"FDLIST", "fdlist", VC_OTHER, 0},
    [VT_FSPATH] = {"FSPATH", "path", VC_TEXT, 0},
    [VT_SYSCALLID] = {"SYSCALLID", "syscallid", VC_UNSIGNED, 16},
    [VT_SIGTYPE] = {"SIGTYPE", "signal", VC_UNSIGNED, 8},
    [VT_RELTIME] = {"RELTIME", "reltime", VC_UNSIGNED, 64},
    [VT_ABSTIME] = {"ABSTIME", "abstime", VC_UNSIGNED, 64},
    [VT_PORT] = {"PORT", "port", VC_UNSIGNED, 16},
    [VT_L4PROTO] = {"L4PROTO", "l4proto", VC_OTHER, 8},
    [VT_SOCKFAMILY] = {"SOCKFAMILY", "sockfamily", VC_OTHER, 8},
    [VT_BOOL] = {"BOOL", "bool", VC_BOOL, 0},
    [VT_IPV4ADDR] = {"IPV4ADDR", "ipaddr", VC_ADDRESS, 0},
    [VT_DYN] = {"DYN", "dynamic", VC_OTHER, 0},
    [VT_FLAGS8] = {"FLAGS8", "flags", VC_UNSIGNED, 8},
    [VT_FLAGS16] = {"FLAGS16", "flags", VC_UNSIGNED, 16},
    [VT_FLAGS32] = {"FLAGS32", "flags", VC_UNSIGNED, 32},
    [VT_UID] = {"UID", "uid", VC_OTHER, 32},
    [VT_GID] = {"GID", "gid", VC_OTHER, 32},
    [VT_DOUBLE] = {"DOUBLE", "double", VC_DOUBLE, 0},
    [VT_SIGSET] = {"SIGSET", "sigset", VC_OTHER, 32},
    [VT_CHARBUFARRAY] = {"CHARBUFARRAY", "strings", VC_OTHER, 0},
    [VT_CHARBUF_PAIR_ARRAY] = {"CHARBUF_PAIR_ARRAY", "pairs", VC_OTHER, 0},
    [VT_IPV4NET] = {"IPV4NET", "ipnet", VC_NETWORK, 0},
    [VT_IPV6ADDR] = {"IPV6ADDR", "ipaddr", VC_ADDRESS, 0},
    [VT_IPV6NET] = {"IPV6NET", "ipnet", VC_NETWORK, 0},
    [VT_IPADDR] = {"IPADDR", "ipaddr", VC_ADDRESS, 0},
    [VT_IPNET] = {"IPNET", "ipnet", VC_NETWORK, 0},
    [VT_MODE] = {"MODE", "mode", VC_UNSIGNED, 32},
    [VT_FSRELPATH] = {"FSRELPATH", "path", VC_TEXT, 0},
    [VT_ENUMFLAGS8] = {"ENUMFLAGS8", "enum", VC_UNSIGNED, 8},
    [VT_ENUMFLAGS16] = {"ENUMFLAGS16", "enum", VC_UNSIGNED, 16},
    [VT_ENUMFLAGS32] = {"ENUMFLAGS32", "enum", VC_UNSIGNED, 32},
    [VT_FD32] = {"FD32", "fd", VC_OTHER, 32},
    [VT_PID32] = {"PID32", "pid", VC_OTHER, 32},
};

/* "255": the place behind it. */
static char *put_byte(char *out, uint8_t b)
{
    if (b >= 100)
        *out++ = (char)('0' + b / 100);
    if (b >= 10)
        *out++ = (char)('0' + b / 10 % 10);
    *out++ = (char)('0' + b % 10);
    return out;
}

void ip_text(const struct ip_bytes *ip, char out[48])
{
    if (ip->len == 4) { /* names of sockets are made of these by the million */
        for (int i = 0; i < 4; i++) {
            out = put_byte(out, ip->b[i]);
            *out++ = i < 3 ? '.' : '\0';
        }
    } else if (!inet_ntop(AF_INET6, ip->b, out, 48)) {
        out[0] = '\0';
    }
}

bool ip_parse(struct span text, struct ip_bytes *out)
{
    char copy[48];
    bool v4 = text.n && memchr(text.p, '.', text.n);

    if (text.n >= sizeof(copy) || text.n == 0)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    memset(out, 0, sizeof(*out));
    out->len = v4 ? 4 : 16;
    return inet_pton(v4 ? AF_INET : AF_INET6, copy, out->b) == 1;
}

void value_elem_text(enum value_type type, const union elem *e, struct buf *out)
{
    char ip[48];

    switch (value_type_info(type)->vclass) {
    case VC_SIGNED:
        buf_add_i64(out, e->i);
        break;
    case VC_DOUBLE:
        buf_addf(out, "%.1f", e->d);
        break;
    case VC_BOOL:
        buf_adds(out, e->u ? "true" : "false");
        break;
    case VC_TEXT:
    case VC_BYTES:
        buf_add(out, e->s.p, e->s.n);
        break;
    case VC_ADDRESS:
    case VC_NETWORK:
        ip_text(&e->ip, ip);
        buf_adds(out, ip);
        break;
    default:
        buf_add_u64(out, e->u);
    }
}

void value_text(const struct value *v, struct buf *out)
{
    if (v->state != VALUE_OK)
        return;
    if (!v->list) {
        value_elem_text(v->type, &v->one, out);
        return;
    }
    buf_addc(out, '(');
    for (uint32_t i = 0; i < v->n; i++) {
        if (i)
            buf_addc(out, ',');
        value_elem_text(v->type, &v->many[i], out);
    }
    buf_addc(out, ')');
}
