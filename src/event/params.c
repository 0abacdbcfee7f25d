/* Parameters of events: their values, and their text as evt.args shows it (param-types.csv). */
#include "mews/event.h"

#include <arpa/inet.h>
#include <inttypes.h>

/* ---- values ---------------------------------------------------------------------------------- */

/* The alternatives of dynamic parameters, by list and first byte. */
static const struct {
    uint8_t n;
    struct {
        uint8_t type, format;
    } of[5];
} dynamic[] = {
    {5,
     {{VT_BYTEBUF, FMT_HEX},
      {VT_ERRNO, FMT_DEC},
      {VT_UINT32, FMT_DEC},
      {VT_UINT64, FMT_DEC},
      {VT_RELTIME, FMT_DEC}}},                          /* socket options */
    {2, {{VT_UINT64, FMT_HEX}, {VT_SIGTYPE, FMT_DEC}}}, /* ptrace */
    {2, {{VT_FD, FMT_DEC}, {VT_ERRNO, FMT_DEC}}},       /* bpf */
    {2, {{VT_INT64, FMT_DEC}, {VT_CHARBUF, FMT_NA}}},   /* keyctl */
};

/* What old captures have for a text that could not be read (event-state, §9.8). */
static bool is_absent_text(struct span s)
{
    return span_is(s, "(NULL)") || span_is(s, "<NA>");
}

/* A signed or unsigned number of exactly its type's size. */
static bool read_number(struct span s, unsigned bits, bool is_signed, union elem *out)
{
    uint64_t v = 0;

    if (s.n * 8 != bits)
        return false;
    memcpy(&v, s.p, s.n);
    if (is_signed && bits < 64)
        out->i = (int64_t)(v << (64 - bits)) >> (64 - bits);
    else
        out->u = v;
    return true;
}

static bool read_value(struct span s, enum value_type type, union elem *out)
{
    switch (type) {
    case VT_CHARBUF:
    case VT_FSPATH:
    case VT_FSRELPATH:
        out->s = (struct span){s.p, strnlen(s.p, s.n)};
        return s.n > 0 && !is_absent_text(out->s);
    case VT_BYTEBUF:
    case VT_SOCKADDR:
    case VT_SOCKTUPLE:
    case VT_FDLIST:
        out->s = s;
        return s.n > 0;
    case VT_ERRNO:
        return read_number(s, s.n == 4 ? 32 : 64, true, out);
    case VT_FD:
    case VT_PID:
        return read_number(s, 64, true, out);
    case VT_FD32:
    case VT_PID32:
        return read_number(s, 32, true, out);
    case VT_BOOL:
        return read_number(s, 32, false, out);
    case VT_IPV4ADDR:
    case VT_IPV6ADDR:
    case VT_IPADDR:
        if (s.n != 4 && s.n != 16)
            return false;
        out->ip.len = (uint8_t)s.n;
        memcpy(out->ip.b, s.p, s.n);
        return true;
    case VT_DOUBLE:
        if (s.n == 8)
            memcpy(&out->d, s.p, 8);
        return s.n == 8;
    default: {
        const struct value_type_info *info = value_type_info(type);

        return info->bits && read_number(s, info->bits, info->vclass == VC_SIGNED, out);
    }
    }
}

bool event_param_value(const void *e, unsigned i, union elem *out, enum value_type *type,
                       enum field_format *format)
{
    const struct event_type *t = event_type_get(event_code(e));
    struct span s = event_param(e, i);
    unsigned list, which;

    if (!t || i >= t->nparams)
        return false;
    *type = t->params[i].type;
    *format = t->params[i].format;
    if (s.n == 0)
        return false;
    if (*type == VT_DYN) {
        list = t->params[i].extra;
        which = (unsigned char)s.p[0];
        if (list >= COUNT_OF(dynamic) || which >= dynamic[list].n)
            return false;
        *type = dynamic[list].of[which].type;
        *format = dynamic[list].of[which].format;
        s.p++;
        s.n--;
    }
    return read_value(s, *type, out);
}

int event_param_index(const struct event_type *t, struct span name)
{
    for (unsigned i = 0; t && i < t->nparams; i++) {
        if (span_is(name, t->params[i].name))
            return (int)i;
    }
    return -1;
}

enum value_type event_param_type(struct span name)
{
    for (unsigned code = 0; code < EVENT_TYPES; code++) {
        const struct event_type *t = event_type_get((uint16_t)code);
        int i = event_param_index(t, name);

        if (i >= 0)
            return t->params[i].type == VT_UID || t->params[i].type == VT_GID
                       ? VT_UINT32
                       : (enum value_type)t->params[i].type;
    }
    return VT_NONE;
}

bool event_result(const void *e, int64_t *out)
{
    const struct event_type *t = event_type_get(event_code(e));
    struct span s = event_param(e, 0);

    if (!t || t->enter || t->nparams == 0 || event_code(e) == EVENT_GENERIC_X ||
        (s.n != 4 && s.n != 8))
        return false;
    *out = s.n == 4 ? (int32_t)get_u32(s.p) : (int64_t)get_u64(s.p);
    return true;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void add_endpoint(struct buf *out, const char *ip, unsigned len, uint16_t port)
{
    struct ip_bytes b = {.len = (uint8_t)len};
    char text[48];

    memcpy(b.b, ip, len);
    ip_text(&b, text);
    buf_adds(out, text);
    buf_addc(out, ':');
    buf_add_u64(out, port);
}

static bool is_mapped_or_zero(const char *ip)
{
    static const char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1}, zero[16];

    return memcmp(ip, mapped, 12) == 0 || memcmp(ip, zero, 16) == 0;
}

static void sockaddr_text(struct span s, struct buf *out)
{
    unsigned family = (unsigned char)s.p[0];

    if (family == 2 && s.n >= 7)
        add_endpoint(out, s.p + 1, 4, get_u16(s.p + 5));
    else if (family == 10 && s.n >= 19)
        add_endpoint(out, s.p + 1, 16, get_u16(s.p + 17));
    else if (family == 1 && s.n >= 2)
        buf_add(out, s.p + 1, strnlen(s.p + 1, s.n - 1));
    else
        buf_addf(out, "family %u", family);
}

static void socktuple_text(struct span s, struct buf *out)
{
    unsigned family = (unsigned char)s.p[0];

    if (family == 2 && s.n >= 13) {
        add_endpoint(out, s.p + 1, 4, get_u16(s.p + 5));
        buf_adds(out, "->");
        add_endpoint(out, s.p + 7, 4, get_u16(s.p + 11));
    } else if (family == 10 && s.n >= 37) {
        bool v4 = is_mapped_or_zero(s.p + 1) && is_mapped_or_zero(s.p + 19);

        add_endpoint(out, s.p + 1 + (v4 ? 12 : 0), v4 ? 4 : 16, get_u16(s.p + 17));
        buf_adds(out, "->");
        add_endpoint(out, s.p + 19 + (v4 ? 12 : 0), v4 ? 4 : 16, get_u16(s.p + 35));
    } else if (family == 1 && s.n >= 18) {
        buf_addf(out, "%" PRIx64 "->%" PRIx64, get_u64(s.p + 1), get_u64(s.p + 9));
        if (strnlen(s.p + 17, s.n - 17)) {
            buf_addc(out, ' ');
            buf_add(out, s.p + 17, strnlen(s.p + 17, s.n - 17));
        }
    } else {
        buf_addf(out, "family %u", family);
    }
}

static void fdlist_text(struct span s, const struct event_resolver *r, struct buf *out)
{
    unsigned n = s.n >= 2 ? get_u16(s.p) : 0;

    for (unsigned i = 0; i < n && 2 + (size_t)(i + 1) * 10 <= s.n; i++) {
        const char *at = s.p + 2 + (size_t)i * 10;
        int64_t fd = (int64_t)get_u64(at);

        buf_addf(out, "%s%" PRId64 ":%c%x", i ? " " : "", fd,
                 r && r->fd_char ? r->fd_char(r->ctx, fd) : '?', get_u16(at + 8));
    }
}

static void sigset_text(uint32_t set, struct buf *out)
{
    bool first = true;

    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = set >> bit & 1 ? flag_name_of("_signal", bit + 1) : NULL;

        if (!name)
            continue;
        buf_addf(out, "%s%s", first ? "" : " ", name);
        first = false;
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

static void number_text(const union elem *v, enum value_type type, enum field_format format,
                        struct buf *out)
{
    unsigned bits = value_type_info(type)->bits;
    uint64_t u = bits && bits < 64 ? v->u & (((uint64_t)1 << bits) - 1) : v->u;

    if (format == FMT_HEX)
        buf_add_hex(out, u);
    else if (format == FMT_OCT)
        buf_addf(out, "%#" PRIo64, u);
    else if (type == VT_UINT32)
        buf_add_i64(out, (int32_t)v->u);
    else
        buf_add_i64(out, v->i);
}

static void errno_name(int64_t v, struct buf *out)
{
    const char *name = v < 0 && v > -4096 ? flag_name_of("_errno", (uint32_t)-v) : NULL;

    if (name)
        buf_adds(out, name);
}

static int64_t folder_of(const void *e, unsigned param)
{
    struct span s = event_param(e, param);

    return s.n == 8 ? (int64_t)get_u64(s.p) : -100;
}

/* The form in parentheses of types whose names need the state. */
static void resolve_by_state(const void *e, const struct event_param *p, enum value_type type,
                             const union elem *v, const struct event_resolver *r, struct buf *out)
{
    switch (type) {
    case VT_FD:
    case VT_FD32:
        if (v->i == -100)
            buf_adds(out, "AT_FDCWD");
        else if (v->i < 0)
            errno_name(v->i, out);
        else if (r && r->fd)
            r->fd(r->ctx, v->i, out);
        break;
    case VT_PID:
    case VT_PID32:
        if (r && r->thread && v->i >= 0)
            r->thread(r->ctx, v->i, out);
        break;
    case VT_UID:
    case VT_GID:
        if ((uint32_t)v->u == UINT32_MAX)
            buf_adds(out, "<NONE>");
        else if (!r || !(type == VT_UID ? r->user : r->group) ||
                 !(type == VT_UID ? r->user : r->group)(r->ctx, (uint32_t)v->u, out))
            buf_adds(out, "<NA>");
        break;
    case VT_FSPATH:
    case VT_FSRELPATH:
        if (r && r->path && v->s.p[0] != '/')
            r->path(r->ctx, type == VT_FSRELPATH ? folder_of(e, p->extra) : -100, v->s, out);
        break;
    default:
        break;
    }
}

static void resolve(const void *e, const struct event_param *p, enum value_type type,
                    const union elem *v, const struct event_resolver *r, struct buf *out)
{
    const struct flag_table *flags = p->extra ? flag_table_at(p->extra - 1u) : NULL;
    const char *name;

    switch (type) {
    case VT_ERRNO:
        errno_name(v->i, out);
        break;
    case VT_SIGTYPE:
        name = flag_name_of("_signal", (uint32_t)v->u);
        buf_adds(out, name ? name : "");
        break;
    case VT_SYSCALLID:
        name = system_call_name((unsigned)v->u);
        buf_adds(out, name ? name : "");
        break;
    case VT_RELTIME:
        if (v->u != UINT64_MAX)
            buf_addf(out, "%gs", (double)v->u / 1e9);
        break;
    case VT_FLAGS8:
    case VT_FLAGS16:
    case VT_FLAGS32:
        flag_names_bits(flags, (uint32_t)v->u, out);
        break;
    case VT_ENUMFLAGS8:
    case VT_ENUMFLAGS16:
    case VT_ENUMFLAGS32:
        flag_names_enum(flags, (uint32_t)v->u, out);
        break;
    case VT_MODE:
        flag_names_mode(flags, (uint32_t)v->u, out);
        break;
    default:
        resolve_by_state(e, p, type, v, r, out);
    }
}

static void absent_text(enum value_type type, struct buf *out)
{
    bool null = type == VT_BYTEBUF || type == VT_SOCKTUPLE || type == VT_FDLIST || type == VT_DYN ||
                type == VT_CHARBUFARRAY || type == VT_CHARBUF_PAIR_ARRAY;

    buf_adds(out, null ? "NULL" : "<NA>");
}

static void value_form(const union elem *v, enum value_type type, enum field_format format,
                       const struct event_resolver *r, struct buf *out)
{
    switch (type) {
    case VT_CHARBUF:
    case VT_FSPATH:
    case VT_FSRELPATH:
        buf_add(out, v->s.p, v->s.n);
        break;
    case VT_BYTEBUF:
        bytes_text(v->s, r ? r->bytes : BYTES_DOTS, out);
        break;
    case VT_SOCKADDR:
        sockaddr_text(v->s, out);
        break;
    case VT_SOCKTUPLE:
        socktuple_text(v->s, out);
        break;
    case VT_FDLIST:
        fdlist_text(v->s, r, out);
        break;
    case VT_SIGSET:
        sigset_text((uint32_t)v->u, out);
        break;
    case VT_BOOL:
        buf_adds(out, v->u ? "true" : "false");
        break;
    case VT_RELTIME:
        if (v->u == UINT64_MAX)
            buf_adds(out, "none");
        else
            buf_add_u64(out, v->u);
        break;
    case VT_ERRNO:
        buf_add_i64(out, v->i);
        break;
    case VT_UID:
    case VT_GID:
        buf_add_i64(out, (int32_t)v->u);
        break;
    case VT_FLAGS8:
    case VT_FLAGS16:
    case VT_FLAGS32:
    case VT_ENUMFLAGS8:
    case VT_ENUMFLAGS16:
    case VT_ENUMFLAGS32:
        buf_add_u64(out, v->u);
        break;
    case VT_IPV4ADDR:
    case VT_IPV6ADDR:
    case VT_IPADDR:
    case VT_DOUBLE:
        value_elem_text(type, v, out);
        break;
    default:
        number_text(v, type, format, out);
    }
}

void event_param_text(const void *e, unsigned i, const struct event_resolver *r, struct buf *value,
                      struct buf *resolved)
{
    const struct event_type *t = event_type_get(event_code(e));
    enum field_format format = FMT_DEC;
    enum value_type type = VT_NONE;
    union elem v;

    if (!t || i >= t->nparams)
        return;
    if (!event_param_value(e, i, &v, &type, &format)) {
        absent_text(t->params[i].type, value);
        return;
    }
    value_form(&v, type, format, r, value);
    if (resolved)
        resolve(e, &t->params[i], type, &v, r, resolved);
}

/* Of types that the table does not know: their parameters as they stand. */
static void raw_params(const void *e, struct buf *out)
{
    for (uint32_t i = 0; i < event_nparams(e); i++) {
        buf_addf(out, "%s%u=", i ? " " : "", i);
        buf_add_printable(out, event_param(e, i));
    }
}

void event_args_text(const void *e, const struct event_resolver *r, struct buf *out)
{
    const struct event_type *t = event_type_get(event_code(e));
    unsigned n = t ? MIN_OF(event_nparams(e), (uint32_t)t->nparams) : 0;
    char space[256];
    struct buf resolved;

    if (event_code(e) == EVENT_GENERIC_X || event_code(e) == EVENT_GENERIC_E)
        return;
    if (!t)
        raw_params(e, out);
    buf_init_in(&resolved, EVENT_LEN_MAX, space, sizeof(space));
    for (unsigned i = 0; i < n; i++) {
        if (i)
            buf_addc(out, ' ');
        buf_add(out, t->params[i].name, t->params[i].name_len);
        buf_addc(out, '=');
        buf_reset(&resolved);
        event_param_text(e, i, r, out, &resolved);
        if (resolved.len) {
            buf_addc(out, '(');
            buf_add(out, resolved.data, resolved.len);
            buf_addc(out, ')');
        }
    }
    buf_fini(&resolved);
}
