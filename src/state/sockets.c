/* Sockets: addresses, names, roles (event-state, §5). */
#include "internal.h"

#include <inttypes.h>

enum { L4_UNKNOWN, L4_NA, L4_TCP, L4_UDP, L4_ICMP, L4_RAW };
#define O_CLOEXEC_BIT 4096u

static bool is_inet(const struct fd_info *f)
{
    return f->type == FDT_IPV4 || f->type == FDT_IPV6;
}

static bool is_server(const struct fd_info *f)
{
    return f->type == FDT_IPV4_SERVER || f->type == FDT_IPV6_SERVER;
}

static bool is_zero(const struct ip_bytes *ip)
{
    static const uint8_t zero[16];

    return memcmp(ip->b, zero, ip->len) == 0;
}

static bool ip_eq(const struct ip_bytes *a, const struct ip_bytes *b)
{
    return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

static bool is_mapped(const struct ip_bytes *ip)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return ip->len == 16 && memcmp(ip->b, prefix, 12) == 0;
}

static void unmap(struct ip_bytes *ip)
{
    struct ip_bytes v4 = {.len = 4};

    memcpy(v4.b, ip->b + 12, 4);
    *ip = v4;
}

/* ---- names (§5.2) ---------------------------------------------------------------------------- */

static void add_address(struct buf *out, const struct ip_bytes *ip, bool ports, uint16_t port)
{
    char text[48];

    ip_text(ip, text);
    buf_adds(out, text);
    if (ports) {
        buf_addc(out, ':');
        buf_add_u64(out, port);
    }
}

void socket_name(struct state *s, struct fd_info *f)
{
    bool ports = f->l4 != L4_ICMP && (f->l4 != L4_RAW || f->type != FDT_IPV4);

    buf_reset(&s->name);
    if (f->type == FDT_UNIX) {
        struct span path = f->raw;

        buf_addf(&s->name, "%" PRIx64 "->%" PRIx64, f->unix_src, f->unix_dst);
        if (path.n) {
            buf_addc(&s->name, ' ');
            buf_add(&s->name, path.p, path.n);
        }
    } else if (is_server(f)) {
        add_address(&s->name, &f->src, true, f->sport);
    } else if (f->l4 == L4_UNKNOWN) {
        buf_adds(&s->name, "<unknown>");
    } else {
        add_address(&s->name, &f->src, ports, f->sport);
        buf_adds(&s->name, "->");
        add_address(&s->name, &f->dst, ports, f->dport);
    }
    f->name = state_text(s, (struct span){s->name.data, s->name.len});
}

/* ---- zero addresses (§5.4) ------------------------------------------------------------------- */

static bool same_net(const struct interface *i, const struct ip_bytes *ip)
{
    if (ip->len == 16)
        return memcmp(i->addr.b, ip->b, 8) == 0;
    for (int k = 0; k < 4; k++) {
        if ((i->addr.b[k] ^ ip->b[k]) & i->mask.b[k])
            return false;
    }
    return true;
}

static bool is_loopback(const struct ip_bytes *ip)
{
    static const uint8_t one[16] = {[15] = 1};

    return ip->len == 4 ? ip->b[0] == 127 : memcmp(ip->b, one, 16) == 0;
}

bool state_is_local(const struct state *s, const struct ip_bytes *ip)
{
    for (size_t i = 0; i < s->interfaces.n; i++) {
        const struct ip_bytes *own = &s->interfaces.v[i].addr;

        if (own->len == ip->len && memcmp(own->b, ip->b, ip->len == 16 ? 8 : ip->len) == 0)
            return true;
    }
    return false;
}

static const struct ip_bytes *local_address(const struct state *s, const struct ip_bytes *other)
{
    const struct ip_bytes *in_net = NULL, *first = NULL;

    for (size_t i = 0; i < s->interfaces.n; i++) {
        const struct interface *f = &s->interfaces.v[i];

        if (f->addr.len != other->len)
            continue;
        if (ip_eq(&f->addr, other))
            return &f->addr;
        if (!in_net && same_net(f, other))
            in_net = &f->addr;
        if (!first && !is_loopback(&f->addr))
            first = &f->addr;
    }
    return in_net ? in_net : first;
}

static void complete(const struct state *s, struct fd_info *f)
{
    const struct ip_bytes *found;

    if (f->src.len == 0 || f->dst.len == 0)
        return;
    if (is_zero(&f->src) && (found = local_address(s, &f->dst)) &&
        !(ip_eq(found, &f->dst) && f->sport == f->dport))
        f->src = *found;
    else if (is_zero(&f->dst) && (found = local_address(s, &f->src)) &&
             !(ip_eq(found, &f->src) && f->sport == f->dport))
        f->dst = *found;
}

/* ---- from the metadata (§1.1) ---------------------------------------------------------------- */

void fd_from_metadata(struct state *s, const struct capture_fd *m, struct fd_info *f)
{
    *f = (struct fd_info){.type = m->type,
                          .l4 = m->l4,
                          .from_proc = true,
                          .cloexec = m->open_flags & 4096u, /* O_CLOEXEC of the table file_flags */
                          .sport = m->sport,
                          .dport = m->dport,
                          .src = m->src,
                          .dst = m->dst,
                          .unix_src = m->unix_src,
                          .unix_dst = m->unix_dst,
                          .open_flags = m->open_flags,
                          .dev = m->dev,
                          .ino = m->ino};
    f->name = state_text(s, m->name);
    f->raw = span_of(""); /* how the program named it is not known */
    if (f->type == FDT_IPV6 && (is_mapped(&f->src) || is_zero(&f->src)) &&
        (is_mapped(&f->dst) || is_zero(&f->dst))) {
        f->type = FDT_IPV4;
        unmap(&f->src);
        unmap(&f->dst);
    }
    if (f->type == FDT_UNIX) {
        f->role = m->name.n ? ROLE_SERVER : ROLE_CLIENT;
    } else if (is_inet(f) || is_server(f)) {
        f->connected = f->l4 == L4_TCP && is_inet(f);
        if (f->type == FDT_IPV4)
            complete(s, f);
        socket_name(s, f);
    }
}

struct ports {
    uint64_t bits[1024];
};

static void collect_port(struct state *s, struct thread *t, int64_t fd, const struct fd_info *f,
                         void *ctx)
{
    struct ports *ports = ctx;

    UNUSED(s);
    UNUSED(t);
    UNUSED(fd);
    if (is_server(f))
        ports->bits[f->sport / 64] |= (uint64_t)1 << f->sport % 64;
}

static void swap_ends(struct fd_info *f)
{
    struct ip_bytes ip = f->src;
    uint16_t port = f->sport;

    f->src = f->dst;
    f->sport = f->dport;
    f->dst = ip;
    f->dport = port;
}

static void orient(struct state *s, struct thread *t, int64_t fd, const struct fd_info *f,
                   void *ctx)
{
    const struct ports *ports = ctx;
    struct fd_info g = *f;

    if (is_server(f)) {
        g.role = ROLE_SERVER;
    } else if (f->type == FDT_IPV4 && (ports->bits[f->sport / 64] >> f->sport % 64 & 1)) {
        swap_ends(&g);
        g.role = ROLE_SERVER;
        socket_name(s, &g);
    } else if (f->type == FDT_IPV4) {
        g.role = ROLE_CLIENT;
    } else {
        return;
    }
    fd_put(s, t, fd, &g);
}

void sockets_orient(struct state *s)
{
    struct ports *ports = xcalloc(1, sizeof(*ports));

    for (struct thread *t = s->live; t; t = t->live_next) {
        if (!(ids_now(t)->flags & THREAD_CLONE_FILES))
            fds_each(s, t, collect_port, ports);
    }
    for (struct thread *t = s->live; t; t = t->live_next) {
        if (!(ids_now(t)->flags & THREAD_CLONE_FILES))
            fds_each(s, t, orient, ports);
    }
    free(ports);
}

/* ---- addresses in parameters ----------------------------------------------------------------- */

struct tuple {
    unsigned family; /* 0: absent */
    struct ip_bytes src, dst;
    uint16_t sport, dport;
    uint64_t unix_src, unix_dst;
    struct span path;
};

static struct ip_bytes ip_at(const char *p, unsigned len)
{
    struct ip_bytes ip = {.len = (uint8_t)len};

    memcpy(ip.b, p, len);
    return ip;
}

static bool read_tuple(struct span v, struct tuple *t)
{
    *t = (struct tuple){.family = v.n ? (unsigned char)v.p[0] : 0, .path = {"", 0}};
    if (t->family == 2 && v.n >= 13) {
        t->src = ip_at(v.p + 1, 4);
        t->sport = get_u16(v.p + 5);
        t->dst = ip_at(v.p + 7, 4);
        t->dport = get_u16(v.p + 11);
    } else if (t->family == 10 && v.n >= 37) {
        t->src = ip_at(v.p + 1, 16);
        t->sport = get_u16(v.p + 17);
        t->dst = ip_at(v.p + 19, 16);
        t->dport = get_u16(v.p + 35);
        if (is_mapped(&t->src) && is_mapped(&t->dst)) {
            unmap(&t->src);
            unmap(&t->dst);
        }
    } else if (t->family == 1 && v.n >= 18) {
        t->unix_src = get_u64(v.p + 1);
        t->unix_dst = get_u64(v.p + 9);
        t->path = (struct span){v.p + 17, strnlen(v.p + 17, v.n - 17)};
    } else {
        return false;
    }
    return true;
}

/* An address as a tuple with a destination only. */
static bool read_address(struct span v, struct tuple *t)
{
    *t = (struct tuple){.family = v.n ? (unsigned char)v.p[0] : 0, .path = {"", 0}};
    if (t->family == 2 && v.n >= 7) {
        t->dst = ip_at(v.p + 1, 4);
        t->dport = get_u16(v.p + 5);
    } else if (t->family == 10 && v.n >= 19) {
        t->dst = ip_at(v.p + 1, 16);
        t->dport = get_u16(v.p + 17);
    } else if (t->family == 1 && v.n >= 2) {
        t->path = (struct span){v.p + 1, strnlen(v.p + 1, v.n - 1)};
    } else {
        return false;
    }
    return true;
}

/* ---- socket, bind, connect, accept ----------------------------------------------------------- */

static uint8_t l4_of(uint32_t type, uint32_t protocol)
{
    bool known = protocol == 6 || protocol == 17 || protocol == 1;

    if ((type & 0xff) == 3 && known)
        return L4_RAW;
    switch (protocol) {
    case 6:
        return L4_TCP;
    case 17:
        return L4_UDP;
    case 1:
        return L4_ICMP;
    case 255:
        return L4_RAW;
    case 0:
        return (type & 0xff) == 1 ? L4_TCP : (type & 0xff) == 2 ? L4_UDP : L4_UNKNOWN;
    default:
        return L4_UNKNOWN;
    }
}

static void on_socket(struct state *s, const void *e, struct thread *t, int64_t res)
{
    struct fd_info f = {.name = {"", 0}, .raw = {"", 0}};
    uint32_t domain = param_u32(e, 1, 0), flags = param_u32(e, 4, 0), type = param_u32(e, 2, 0);

    f.type = domain == 1    ? FDT_UNIX
             : domain == 2  ? FDT_IPV4
             : domain == 10 ? FDT_IPV6
             : domain == 16 ? FDT_NETLINK
                            : FDT_UNKNOWN;
    if (is_inet(&f)) {
        f.l4 = l4_of(type, param_u32(e, 3, 0));
        f.src.len = f.dst.len = f.type == FDT_IPV4 ? 4 : 16;
    }
    f.cloexec = flags & O_CLOEXEC_BIT;
    fd_put(s, t, res, &f);
}

static void on_socketpair(struct state *s, const void *e, struct thread *t)
{
    int64_t a = param_i64(e, 1, -1), b = param_i64(e, 2, -1);
    struct fd_info f = {.type = FDT_UNIX, .name = {"", 0}, .raw = {"", 0}};

    f.unix_src = param_u64(e, 3, 0);
    f.unix_dst = param_u64(e, 4, 0);
    fd_put(s, t, a, &f);
    if (b != a)
        fd_put(s, t, b, &f);
}

static void on_bind(struct state *s, const void *e, struct thread *t)
{
    int64_t fd = param_i64(e, 2, -1);
    const struct fd_info *have = fd_now(s, t, fd);
    struct fd_info f;
    struct tuple a;

    if (!have || !read_address(event_param(e, 1), &a))
        return;
    f = *have;
    if (a.family != 1 && a.dport > 0) {
        if (is_mapped(&a.dst))
            unmap(&a.dst);
        f.type = a.dst.len == 4 ? FDT_IPV4_SERVER : FDT_IPV6_SERVER;
        f.src = a.dst;
        f.sport = a.dport;
        f.role = ROLE_SERVER;
    }
    buf_reset(&s->name);
    if (a.family == 1)
        buf_add(&s->name, a.path.p, a.path.n);
    else
        add_address(&s->name, &a.dst, true, a.dport);
    f.name = state_text(s, (struct span){s->name.data, s->name.len});
    fd_put(s, t, fd, &f);
}

static void take_ends(struct state *s, struct fd_info *f, const struct tuple *tp)
{
    if (tp->family == 1) {
        f->type = FDT_UNIX;
        f->unix_src = tp->unix_src;
        f->unix_dst = tp->unix_dst;
        f->raw = state_text(s, tp->path);
        return;
    }
    f->type = tp->src.len == 4 ? FDT_IPV4 : FDT_IPV6;
    f->src = tp->src;
    f->sport = tp->sport;
    f->dst = tp->dst;
    f->dport = tp->dport;
}

static bool ends_eq(const struct fd_info *f, const struct tuple *t)
{
    return ip_eq(&f->src, &t->src) && ip_eq(&f->dst, &t->dst) && f->sport == t->sport &&
           f->dport == t->dport;
}

static bool ends_reversed(const struct fd_info *f, const struct tuple *t)
{
    return ip_eq(&f->src, &t->dst) && ip_eq(&f->dst, &t->src) && f->sport == t->dport &&
           f->dport == t->sport;
}

/* What the enter half of a connect asked for; false: it is not known. */
static bool connect_target(const struct thread *t, struct tuple *out, struct span *bytes)
{
    if (t->enter.len == 0 || event_code(t->enter.data) != 22)
        return false;
    *bytes = event_param(t->enter.data, 1);
    return read_address(*bytes, out);
}

static void connect_without_tuple(struct state *s, struct thread *t, struct fd_info *f)
{
    struct tuple target;
    struct span bytes;

    if (!connect_target(t, &target, &bytes))
        return;
    if (target.family == 1) {
        f->raw = f->name = state_text(s, target.path);
        return;
    }
    f->dst = target.dst;
    f->dport = target.dport;
}

static void connect_with_tuple(struct state *s, const void *e, struct thread *t, struct fd_info *f,
                               struct tuple *tp)
{
    struct span address = event_param(e, 3), bytes;
    struct tuple exit_target, target;
    bool changed = !ends_eq(f, tp), was_server = f->role == ROLE_SERVER;

    if (tp->family != 1 && address.n && read_address(address, &exit_target) &&
        connect_target(t, &target, &bytes) && ip_eq(&exit_target.dst, &tp->dst) &&
        exit_target.dport == tp->dport && target.family == exit_target.family) {
        tp->dst = target.dst;
        tp->dport = target.dport;
    }
    take_ends(s, f, tp);
    if (tp->family != 1 && changed && was_server && f->l4 == L4_UDP)
        swap_ends(f);
    socket_name(s, f);
    if (f->role == ROLE_NONE)
        f->role = ROLE_CLIENT;
}

static void on_connect(struct state *s, const void *e, struct thread *t, int64_t res)
{
    int64_t fd = param_i64(e, 2, -1);
    const struct fd_info *have = fd_now(s, t, fd);
    struct fd_info f;
    struct tuple tp;

    if (!have || (res < 0 && res != -115))
        return;
    f = *have;
    f.connected = true;
    if (read_tuple(event_param(e, 1), &tp))
        connect_with_tuple(s, e, t, &f, &tp);
    else
        connect_without_tuple(s, t, &f);
    fd_put(s, t, fd, &f);
}

static void on_accept(struct state *s, const void *e, struct thread *t, int64_t res)
{
    struct fd_info f = {.name = {"", 0}, .raw = {"", 0}};
    struct tuple tp;

    if (!read_tuple(event_param(e, 1), &tp))
        return;
    take_ends(s, &f, &tp);
    f.l4 = f.type == FDT_UNIX ? L4_UNKNOWN : L4_TCP;
    f.role = ROLE_SERVER;
    f.connected = true;
    f.cloexec = event_code(e) == 389 && (param_u32(e, 5, 0) & O_CLOEXEC_BIT);
    socket_name(s, &f);
    fd_put(s, t, res, &f);
}

/* ---- what is sent and received (§5.3) -------------------------------------------------------- */

struct guess {
    uint16_t source, destination;
    bool bound, source_used;
};

static void guess_one(struct state *s, struct thread *t, int64_t fd, const struct fd_info *f,
                      void *ctx)
{
    struct guess *g = ctx;

    UNUSED(s);
    UNUSED(t);
    UNUSED(fd);
    if (f->type == FDT_IPV4) {
        g->bound |= f->dport == g->destination;
        g->source_used |= f->sport == g->source;
    } else if (f->type == FDT_IPV4_SERVER) {
        g->bound |= f->sport == g->destination;
    }
}

static uint8_t guess_role(struct state *s, struct thread *t, const struct fd_info *f, bool receives)
{
    struct guess g = {.source = f->sport, .destination = f->dport};

    fds_each(s, t, guess_one, &g);
    if (!g.bound)
        return ROLE_CLIENT;
    if (!g.source_used)
        return ROLE_SERVER;
    return receives ? ROLE_SERVER : ROLE_CLIENT;
}

static void apply_tuple(struct state *s, struct thread *t, struct fd_info *f, struct tuple *tp,
                        bool receives)
{
    if (tp->family == 1) {
        take_ends(s, f, tp);
        socket_name(s, f);
        return;
    }
    if (ends_eq(f, tp) || ends_reversed(f, tp))
        return;
    f->src = tp->src;
    f->sport = tp->sport;
    f->dst = tp->dst;
    f->dport = tp->dport;
    if (tp->src.len == 4)
        f->type = FDT_IPV4;
    else if (is_server(f))
        f->type = FDT_IPV6;
    if (f->l4 == L4_UNKNOWN)
        f->l4 = L4_UDP;
    complete(s, f);
    if (f->role == ROLE_NONE)
        f->role = guess_role(s, t, f, receives);
    if (receives ? f->role == ROLE_CLIENT : f->role == ROLE_SERVER)
        swap_ends(f);
    socket_name(s, f);
}

static void on_transfer(struct state *s, const void *e, struct thread *t, unsigned tuple_param,
                        bool receives)
{
    const struct event_type *type = event_type_get(event_code(e));
    int64_t fd = type && type->fd_param >= 0 ? param_i64(e, (unsigned)type->fd_param, -1) : -1;
    const struct fd_info *have = fd_now(s, t, fd);
    struct fd_info f = {.type = FDT_UNKNOWN, .name = {"", 0}, .raw = {"", 0}};
    struct tuple tp;
    bool with = read_tuple(event_param(e, tuple_param), &tp);

    if (!have) {
        if (receives || !with || tp.family == 1 || fd < 0)
            return;
        f.type = tp.src.len == 4 ? FDT_IPV4 : FDT_IPV6;
        f.l4 = L4_UDP;
    } else {
        f = *have;
    }
    if (is_inet(&f) && !f.connected)
        f.connected = true;
    if (with && (f.name.n == 0 || !(f.type == FDT_IPV4 && f.l4 == L4_TCP)) &&
        (is_inet(&f) || is_server(&f) || f.type == FDT_UNIX))
        apply_tuple(s, t, &f, &tp, receives);
    if (!have || memcmp(&f, have, sizeof(f)) != 0)
        fd_put(s, t, fd, &f);
}

void on_socket_event(struct state *s, const void *e, struct thread *t, int64_t res)
{
    switch (event_code(e)) {
    case 19:
        if (res >= 0)
            on_socket(s, e, t, res);
        break;
    case 43:
        if (res >= 0)
            on_socketpair(s, e, t);
        break;
    case 21:
        if (res >= 0)
            on_bind(s, e, t);
        break;
    case 23:
        on_connect(s, e, t, res);
        break;
    case 247:
    case 389:
        if (res >= 0)
            on_accept(s, e, t, res);
        break;
    case 29:
    case 31:
    case 49:
    case 51:
        if (res >= 0)
            on_transfer(s, e, t, 4, false);
        break;
    case 33:
    case 55:
        if (res >= 0)
            on_transfer(s, e, t, 4, true);
        break;
    case 35:
        if (res >= 0)
            on_transfer(s, e, t, 2, true);
        break;
    case 53:
        if (res >= 0)
            on_transfer(s, e, t, 3, true);
        break;
    default:
        break;
    }
}

/* ---- how they are shown (§5.5) --------------------------------------------------------------- */

/* Rows of these tables stand in the order of the codes. */
static const char *type_word(const char *table, const struct flag_table *_Atomic *known,
                             uint8_t type)
{
    const struct flag_table *t = *known;

    if (!t)
        *known = t = flag_table_find(table);
    return t && type < t->n && t->flags[type].value == type ? t->flags[type].name : NULL;
}

char fd_type_char(const struct fd_info *f)
{
    static const struct flag_table *_Atomic table;
    const char *c = type_word("_fd_type_char", &table, f->type);

    return c ? *c : 'o';
}

const char *fd_type_text(const struct fd_info *f)
{
    static const struct flag_table *_Atomic table;

    return type_word("_fd_type_text", &table, f->type);
}

const char *fd_l4_text(const struct fd_info *f)
{
    uint8_t l4 = f->l4;

    if (l4 == L4_RAW)
        return "raw";
    if (!is_inet(f) && !is_server(f))
        return NULL;
    if (is_inet(f) && f->role == ROLE_NONE)
        return NULL;
    return l4 == L4_TCP ? "tcp" : l4 == L4_UDP ? "udp" : l4 == L4_ICMP ? "icmp" : NULL;
}
