/* Values in entries of the host's tables: read from the state, written into it; those of fields that
 * plugins added. */
#include "state_tables.h"

/* ---- reading --------------------------------------------------------------------------------- */

static void put_text(struct host_tables *h, struct span s, ss_plugin_state_data *out)
{
    out->str = arena_strndup(&h->scratch, s.n ? s.p : "", s.n);
}

static bool extra_key(const struct host_table *t, const struct entry *e, const struct host_field *f,
                      struct extra *probe)
{
    struct thread_view v;

    memset(probe, 0, sizeof(*probe));
    probe->key.field = f->index;
    probe->key.fd = f->kind == KIND_FDS ? e->key : -1;
    if (e->created)
        probe->key.thread = e;
    else if (view_of(t, e->tid, &v))
        probe->key.thread = v.thread;
    return probe->key.thread != NULL;
}

static ss_plugin_rc read_extra(struct host_table *t, const struct entry *e,
                               const struct host_field *f, ss_plugin_state_data *out)
{
    struct extra probe, *x;

    if (!extra_key(t, e, f, &probe))
        return SS_PLUGIN_FAILURE;
    HASH_FIND(hh, t->all->extras, &probe.key, sizeof(probe.key), x);
    if (x)
        *out = x->value;
    if (f->type == SS_PLUGIN_ST_STRING)
        out->str = x && x->text ? x->text : "";
    return SS_PLUGIN_SUCCESS;
}

static void read_image(struct host_tables *h, const struct thread_image *m, enum what what,
                       ss_plugin_state_data *out)
{
    switch (what) {
    case T_FDLIMIT:
        out->s64 = m->fdlimit;
        break;
    case T_COMM:
        put_text(h, m->comm, out);
        break;
    case T_EXE:
        put_text(h, m->exe, out);
        break;
    case T_EXEPATH:
        put_text(h, m->exepath, out);
        break;
    case T_ROOT:
        put_text(h, m->root, out);
        break;
    case T_WRITABLE:
        out->b = m->exe_writable;
        break;
    case T_UPPER:
        out->b = m->exe_upper_layer;
        break;
    case T_LOWER:
        out->b = m->exe_lower_layer;
        break;
    case T_MEMFD:
        out->b = m->exe_from_memfd;
        break;
    case T_LOGINUID:
        out->u32 = m->loginuid;
        break;
    case T_INO:
        out->u64 = m->exe_ino;
        break;
    case T_CTIME:
        out->u64 = m->exe_ino_ctime;
        break;
    case T_MTIME:
        out->u64 = m->exe_ino_mtime;
        break;
    case T_PIDNS:
        out->u64 = m->pidns_ts;
        break;
    case T_TTY:
        out->u32 = m->tty;
        break;
    default:
        break;
    }
}

static bool read_ids(const struct entry *e, const struct thread_ids *ids, enum what what,
                     ss_plugin_state_data *out)
{
    const int64_t numbers[] = {
        [T_TID] = (int64_t)e->tid, [T_PID] = ids->pid,     [T_PTID] = ids->ptid,
        [T_SID] = ids->sid,        [T_VPGID] = ids->vpgid, [T_PGID] = ids->pgid,
        [T_REAPER] = -1,           [T_VTID] = ids->vtid,   [T_VPID] = ids->vpid};

    if (what == T_FLAGS)
        out->u32 = ids->flags;
    else if (what < COUNT_OF(numbers))
        out->s64 = numbers[what];
    return what == T_FLAGS || what < COUNT_OF(numbers);
}

static ss_plugin_rc read_thread(struct host_table *t, const struct entry *e, enum what what,
                                ss_plugin_state_data *out)
{
    struct thread_view v = {.ids = &e->ids, .image = &e->image, .creds = &e->creds};

    if (!e->created && !view_of(t, e->tid, &v)) {
        plugin_table_error("thread %llu has ended", (unsigned long long)e->tid);
        return SS_PLUGIN_FAILURE;
    }
    if (what == T_ARGS || what == T_ENV || what == T_CGROUPS || what == T_FDS)
        out->table = table_inside(t, e, what);
    else if (what == T_UID)
        out->u32 = v.creds->uid;
    else if (what == T_GID)
        out->u32 = v.creds->gid;
    else if (what == T_CWD)
        put_text(t->all, e->created ? span_of("") : state_cwd(tables_state(t->all), &v, t->all->at),
                 out);
    else if (!read_ids(e, v.ids, what, out))
        read_image(t->all, v.image, what, out);
    return SS_PLUGIN_SUCCESS;
}

static ss_plugin_rc read_item(struct host_table *t, const struct entry *e, enum what what,
                              ss_plugin_state_data *out)
{
    struct span item, part;
    const char *equals;

    if (!item_at(items_of(t), (uint64_t)e->key, &item))
        return SS_PLUGIN_FAILURE;
    equals = memchr(item.p, '=', item.n);
    part = item;
    if (what == I_FIRST)
        part.n = equals ? (size_t)(equals - item.p) : item.n;
    else if (what == I_SECOND)
        part = equals ? (struct span){equals + 1, item.n - (size_t)(equals + 1 - item.p)}
                      : (struct span){"", 0};
    put_text(t->all, part, out);
    return SS_PLUGIN_SUCCESS;
}

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

static ss_plugin_rc read_fd(struct host_table *t, const struct entry *e, enum what what,
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
        put_text(t->all, f->name, out);
        break;
    case F_RAW:
        put_text(t->all, f->raw, out);
        break;
    case F_OLD:
        out->str = "";
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

/* What is handed in belongs together: an entry of this call, a field of this table. */
static bool fits(struct host_table *t, const void *e, const struct host_field *f)
{
    if (!f || f->kind != (uint8_t)t->kind) {
        plugin_table_error("a field of another table is used on table %s", t->input.name);
        return false;
    }
    if (!entry_is_live(t->all, e) || ((const struct entry *)e)->kind != t->kind) {
        plugin_table_error("an entry that is not (or no longer) there is used on table %s",
                           t->input.name);
        return false;
    }
    return true;
}

ss_plugin_rc value_read(ss_plugin_table_t *tt, ss_plugin_table_entry_t *ee,
                        const ss_plugin_table_field_t *ff, ss_plugin_state_data *out)
{
    struct host_table *t = table_of(tt);
    const struct host_field *f = ff;

    memset(out, 0, sizeof(*out));
    if (!fits(t, ee, f))
        return SS_PLUGIN_FAILURE;
    if (f->what == DYNAMIC)
        return read_extra(t, ee, f, out);
    return t->kind == KIND_THREADS ? read_thread(t, ee, (enum what)f->what, out)
           : t->kind == KIND_FDS   ? read_fd(t, ee, (enum what)f->what, out)
                                   : read_item(t, ee, (enum what)f->what, out);
}

/* ---- writing --------------------------------------------------------------------------------- */

static ss_plugin_rc write_extra(struct host_table *t, const struct entry *e,
                                const struct host_field *f, const ss_plugin_state_data *in)
{
    struct extra probe, *x;

    if (!extra_key(t, e, f, &probe))
        return SS_PLUGIN_FAILURE;
    HASH_FIND(hh, t->all->extras, &probe.key, sizeof(probe.key), x);
    if (!x) {
        x = xcalloc(1, sizeof(*x));
        x->key = probe.key;
        HASH_ADD(hh, t->all->extras, key, sizeof(x->key), x);
    }
    free(x->text);
    x->text = f->type == SS_PLUGIN_ST_STRING ? xstrdup(in->str ? in->str : "") : NULL;
    x->value = *in;
    return SS_PLUGIN_SUCCESS;
}

static bool change_ids(struct thread_ids *ids, enum what what, const ss_plugin_state_data *in)
{
    int64_t *const numbers[] = {
        [T_PID] = &ids->pid,   [T_PTID] = &ids->ptid, [T_SID] = &ids->sid,  [T_VPGID] = &ids->vpgid,
        [T_PGID] = &ids->pgid, [T_VTID] = &ids->vtid, [T_VPID] = &ids->vpid};

    if (what == T_FLAGS)
        ids->flags = in->u32;
    else if (what < COUNT_OF(numbers) && numbers[what])
        *numbers[what] = in->s64;
    else
        return false;
    return true;
}

static bool change_image(struct thread_image *m, enum what what, const ss_plugin_state_data *in)
{
    struct span *const texts[] = {
        [T_COMM] = &m->comm, [T_EXE] = &m->exe, [T_EXEPATH] = &m->exepath, [T_ROOT] = &m->root};

    if (what < COUNT_OF(texts) && texts[what]) {
        *texts[what] = span_of(in->str ? in->str : "");
        return true;
    }
    switch (what) {
    case T_FDLIMIT:
        m->fdlimit = in->s64;
        return true;
    case T_WRITABLE:
        m->exe_writable = in->b != 0;
        return true;
    case T_UPPER:
        m->exe_upper_layer = in->b != 0;
        return true;
    case T_LOWER:
        m->exe_lower_layer = in->b != 0;
        return true;
    case T_MEMFD:
        m->exe_from_memfd = in->b != 0;
        return true;
    case T_LOGINUID:
        m->loginuid = in->u32;
        return true;
    case T_INO:
        m->exe_ino = in->u64;
        return true;
    case T_CTIME:
        m->exe_ino_ctime = in->u64;
        return true;
    case T_MTIME:
        m->exe_ino_mtime = in->u64;
        return true;
    case T_PIDNS:
        m->pidns_ts = in->u64;
        return true;
    case T_TTY:
        m->tty = in->u32;
        return true;
    default:
        return false;
    }
}

/* Texts that wait for their entry to be added. */
void own_texts(struct entry *e)
{
    struct span *const texts[] = {&e->image.comm, &e->image.exe, &e->image.exepath,
                                  &e->image.root, &e->fd.name,   &e->fd.raw};

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        texts[i]->p = arena_strndup(&e->arena, texts[i]->n ? texts[i]->p : "", texts[i]->n);
}

static ss_plugin_rc write_thread(struct host_table *t, struct entry *e, enum what what,
                                 const ss_plugin_state_data *in)
{
    struct thread_view v = {.ids = &e->ids, .image = &e->image, .creds = &e->creds};
    struct state *s = tables_state(t->all);
    struct thread_ids ids;
    struct thread_image image;
    struct thread_creds creds;

    if (!e->created && !view_of(t, e->tid, &v))
        return SS_PLUGIN_FAILURE;
    ids = *v.ids;
    image = *v.image;
    creds = *v.creds;
    if (what == T_TID || what == T_REAPER)
        return SS_PLUGIN_SUCCESS; /* the key is the ID; reapers follow from what processes do */
    if (what == T_UID)
        creds.uid = in->u32;
    else if (what == T_GID)
        creds.gid = in->u32;
    else if (!change_ids(&ids, what, in) && !change_image(&image, what, in))
        return SS_PLUGIN_FAILURE;
    if (e->created) {
        e->ids = ids;
        e->image = image;
        e->creds = creds;
        own_texts(e);
        return SS_PLUGIN_SUCCESS;
    }
    return state_write_ids(s, e->tid, &ids) && state_write_image(s, e->tid, &image) &&
                   state_write_creds(s, e->tid, &creds)
               ? SS_PLUGIN_SUCCESS
               : SS_PLUGIN_FAILURE;
}

static ss_plugin_rc write_fd(struct host_table *t, struct entry *e, enum what what,
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
    default:
        return what == F_FD ? SS_PLUGIN_SUCCESS : SS_PLUGIN_FAILURE;
    }
    if (e->created) {
        e->fd = f;
        own_texts(e);
        return SS_PLUGIN_SUCCESS;
    }
    return state_write_fd(tables_state(t->all), t->tid, e->key, &f) ? SS_PLUGIN_SUCCESS
                                                                    : SS_PLUGIN_FAILURE;
}

ss_plugin_rc value_write(ss_plugin_table_t *tt, ss_plugin_table_entry_t *ee,
                         const ss_plugin_table_field_t *ff, const ss_plugin_state_data *in)
{
    struct host_table *t = table_of(tt);
    const struct host_field *f = ff;

    if (!in || !fits(t, ee, f))
        return SS_PLUGIN_FAILURE;
    if (f->read_only || f->type == SS_PLUGIN_ST_TABLE) {
        plugin_table_error("field “%s” of table %s can't be written", f->name, t->input.name);
        return SS_PLUGIN_FAILURE;
    }
    if (f->what == DYNAMIC)
        return write_extra(t, ee, f, in);
    return t->kind == KIND_THREADS ? write_thread(t, ee, (enum what)f->what, in)
                                   : write_fd(t, ee, (enum what)f->what, in);
}

/* ---- fields of plugins ---- */

void extra_drop(struct host_tables *h, const void *thread)
{
    struct extra *x, *next;

    HASH_ITER(hh, h->extras, x, next)
    {
        if (x->key.thread != thread)
            continue;
        HASH_DEL(h->extras, x);
        free(x->text);
        free(x);
    }
}

/* What was written before it was there: fields of plugins move to its new life. */
void move_extras(struct host_table *t, const struct entry *from, struct entry *to)
{
    for (size_t i = 0; i < t->all->added.n; i++) {
        ss_plugin_state_data value = {0};
        struct extra probe, *x;

        if (t->all->added.v[i]->kind != (uint8_t)t->kind ||
            !extra_key(t, from, t->all->added.v[i], &probe))
            continue;
        HASH_FIND(hh, t->all->extras, &probe.key, sizeof(probe.key), x);
        if (!x)
            continue;
        value = x->value;
        if (x->text)
            value.str = x->text;
        write_extra(t, to, t->all->added.v[i], &value);
    }
}
