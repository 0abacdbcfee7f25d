/* Fields of the ends of connections, and of what else a descriptor is (field-extraction, §2; event-state,
 * §8.3). */
#include "system.h"

static void address(struct get *g, const struct ip_bytes *ip)
{
    if (ip->len == 0)
        return;
    put_number(g, 0);
    g->out->one.ip = *ip;
}

static bool listens(const struct fd_info *f)
{
    return f->type == FDT_IPV4_SERVER || f->type == FDT_IPV6_SERVER;
}

/* ---- client and server, local and remote -------------------------------------------------------- */

struct end {
    const struct ip_bytes *ip;
    uint16_t port;
};

static struct end source_of(const struct fd_info *f)
{
    return (struct end){&f->src, f->sport};
}

static struct end destination_of(const struct fd_info *f)
{
    return (struct end){&f->dst, f->dport};
}

/* In a container its address is the local one (of IPv4). */
static bool is_local(const struct get *g, const struct ip_bytes *ip)
{
    struct ip_bytes own;

    if (ip->len == 4 && system_container_address(g, &own))
        return memcmp(own.b, ip->b, 4) == 0;
    return state_is_local(g->e->state, ip);
}

/* False: the descriptor has no such end. A socket that listens has one: the server's, without a role
 * known for sure. */
static bool end_of(const struct get *g, const struct fd_info *f, int which, struct end *out)
{
    bool known = f->role != ROLE_NONE, local;

    if (!fd_is_ip(f))
        return false;
    if (listens(f)) {
        *out = source_of(f);
        return which == END_SERVER;
    }
    if (!known)
        return false;
    local = which == END_LOCAL || which == END_REMOTE ? is_local(g, &f->src) : false;
    if (which == END_CLIENT || (which == END_LOCAL && local) || (which == END_REMOTE && !local))
        *out = source_of(f);
    else
        *out = destination_of(f);
    return true;
}

/* what: the end, and what of it. */
void system_get_end(struct get *g)
{
    const struct fd_info *f = field_fd_of(g);
    char digits[8];
    struct end end;

    if (!f)
        return;
    if ((g->what & END_PROTO) &&
        ((f->type == FDT_UNIX && f->from_proc && (g->what & END_MASK) == END_CLIENT) ||
         (f->type == FDT_IPV6_SERVER && (g->what & END_MASK) <= END_SERVER))) {
        put_words(g, ""); /* as the reference: there is no port to be named */
        return;
    }
    if (!end_of(g, f, g->what & END_MASK, &end))
        return;
    switch (g->what & ~END_MASK) {
    case END_ADDRESS:
        if (!listens(f) || f->role != ROLE_NONE)
            address(g, end.ip);
        break;
    case END_PORT:
        put_number(g, end.port);
        break;
    default:
        snprintf(digits, sizeof(digits), "%u", end.port);
        put_text(g, (struct span){arena_strndup(g->arena, digits, strlen(digits)), strlen(digits)});
    }
}

/* fd.ip, fd.net, fd.port, fd.proto: both ends, of which one is to fit (filter-language, §14). */
void system_get_ends(struct get *g)
{
    const struct fd_info *f = field_fd_of(g);
    union elem *many;

    if (!f || !g->ref->each)
        return;
    many = arena_alloc(g->arena, 2 * sizeof(*many));
    memset(many, 0, 2 * sizeof(*many));
    g->out->state = VALUE_OK;
    g->out->list = true;
    g->out->many = many;
    g->out->n = !fd_is_ip(f) ? 0 : listens(f) ? 1 : 2;
    if (g->what == END_PORT) {
        many[0].u = f->sport;
        many[1].u = f->dport;
    } else {
        many[0].ip = f->src;
        many[1].ip = f->dst;
    }
}

/* ---- the rest ------------------------------------------------------------------------------------ */

/* Of IPv6 the network counts, and an address that is not known has that of the loopback. */
static bool destination_is_local(const struct get *g, const struct fd_info *f)
{
    static const struct ip_bytes zero = {.len = 16};

    return is_local(g, f->dst.len == 0 && f->type == FDT_IPV6 ? &zero : &f->dst);
}

void system_get_fd_mark(struct get *g)
{
    const struct fd_info *f = field_fd_of(g);

    if (!f)
        return;
    switch (g->what) {
    case FD_IS_SERVER:
        put_number(g, listens(f) || (fd_is_ip(f) && destination_is_local(g, f)));
        break;
    case FD_CONNECTED:
        put_number(g, f->connected);
        break;
    case FD_NAME_CHANGED:
        put_number(g, f->named_at == g->e->at);
        break;
    case FD_UPPER:
        put_number(g, f->upper_layer);
        break;
    case FD_LOWER:
        put_number(g, f->lower_layer);
        break;
    case FD_INO:
        put_number(g, f->ino);
        break;
    case FD_DEV:
        put_number(g, f->dev);
        break;
    case FD_LIFE:
        put_number(g, f->life);
        break;
    case FD_DEV_MAJOR:
        put_number(g, (f->dev & 0xfff00) >> 8);
        break;
    default:
        put_number(g, (f->dev & 0xff) | (f->dev >> 12 & 0xfff00));
    }
}

void system_get_fd_uid(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct buf b;

    if (!t || !event_uses_fd(g->type))
        return;
    buf_init(&b, 64);
    buf_addf(&b, "%llu%lld", (unsigned long long)t->tid, (long long)field_fd_number(g->e));
    put_buf(g, &b);
}

/* ---- all descriptors of a process ------------------------------------------------------------------ */

struct kinds {
    VEC(const struct fd_info *) all;
};

static bool note_fd(void *ctx, int64_t fd, const struct fd_info *f)
{
    struct kinds *k = ctx;

    UNUSED(fd);
    if (fd_type_text(f))
        vec_push(&k->all, f);
    return true;
}

/* The newest first: so the reference's tables happen to be ordered. */
static int by_life(const void *a, const void *b)
{
    const struct fd_info *const *x = a, *const *y = b;

    return (*y)->life < (*x)->life ? -1 : (*y)->life > (*x)->life;
}

void system_get_fd_types(struct get *g)
{
    const struct thread_view *t = field_thread_of(g->e);
    struct kinds k = {0};
    const struct fd_info *f;
    union elem *many;
    uint32_t n = 0;

    if (!t || !event_uses_fd(g->type))
        return;
    if (!g->ref->arg_present)
        state_each_fd(g->e->state, t, g->e->at, note_fd, &k);
    else if ((f = state_fd(g->e->state, t, (int64_t)g->ref->arg.index, g->e->at)))
        note_fd(&k, 0, f);
    if (k.all.n)
        qsort(k.all.v, k.all.n, sizeof(*k.all.v), by_life);
    many = arena_alloc(g->arena, (k.all.n + 1) * sizeof(*many));
    for (size_t i = 0; i < k.all.n; i++) {
        struct span word = span_of(fd_type_text(k.all.v[i]));
        uint32_t at = 0;

        while (at < n && !span_eq(many[at].s, word))
            at++;
        if (at == n)
            many[n++].s = word;
    }
    vec_free(&k.all);
    g->out->state = VALUE_OK;
    g->out->list = true;
    g->out->n = n;
    g->out->many = many;
}

/* ---- fdlist.*: the descriptors of a poll ------------------------------------------------------------ */

static bool add_listed(const struct get *g, int64_t fd, struct buf *out)
{
    const struct thread_view *t = field_thread_of(g->e);
    const struct fd_info *f = t ? state_fd(g->e->state, t, fd, g->e->at) : NULL;
    struct end end;
    char text[48];

    if (g->what == LIST_NUMBERS) {
        buf_addf(out, "%lld,", (long long)fd);
        return true;
    }
    if (g->what == LIST_NAMES) {
        if (f && f->name.n)
            buf_add(out, f->name.p, f->name.n);
        else
            buf_adds(out, "<NA>");
        return buf_addc(out, ',');
    }
    if (!f ||
        !end_of(g, f, g->what == LIST_CIPS || g->what == LIST_CPORTS ? END_CLIENT : END_SERVER,
                &end))
        return false;
    if (g->what == LIST_CIPS || g->what == LIST_SIPS) {
        ip_text(end.ip, text);
        buf_addf(out, "%s,", text);
    } else {
        buf_addf(out, "%u,", end.port);
    }
    return true;
}

void system_get_fdlist(struct get *g)
{
    uint16_t code = event_code(g->e->bytes);
    struct span fds =
        code == 81 || code == 255 ? event_param(g->e->bytes, 1) : (struct span){NULL, 0};
    unsigned n = fds.n >= 2 ? get_u16(fds.p) : 0;
    struct buf b;

    buf_init(&b, 65536);
    for (unsigned i = 0; i < n && 2 + (size_t)(i + 1) * 10 <= fds.n; i++)
        add_listed(g, (int64_t)get_u64(fds.p + 2 + (size_t)i * 10), &b);
    if (b.len == 0) {
        buf_fini(&b);
        return;
    }
    b.len--; /* the last comma */
    put_buf(g, &b);
}
