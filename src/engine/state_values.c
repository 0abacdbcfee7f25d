/* Values in entries of the host's tables: read from the state, written into it; those of fields that
 * plugins added. */
#include "state_tables.h"

/* ---- reading --------------------------------------------------------------------------------- */

void text_out(struct host_tables *h, struct span s, ss_plugin_state_data *out)
{
    out->str = arena_strndup(&h->scratch, s.n ? s.p : "", s.n);
}

/* Threads of a process share their descriptors: those are the leader's. */
static bool extra_key(const struct host_table *t, const struct entry *e, const struct host_field *f,
                      struct extra *probe)
{
    const struct fd_info *fd;
    struct thread_view v, leader;

    memset(probe, 0, sizeof(*probe));
    probe->key.field = f->index;
    probe->key.fd = -1;
    if (e->created) {
        probe->key.entry = e;
        return true;
    }
    if (!view_of(t, e->tid, &v))
        return false;
    probe->key.origin = state_origin(tables_state(t->all));
    probe->key.tid = v.tid;
    probe->key.life = v.life;
    if (f->kind != KIND_FDS)
        return true;
    fd = state_fd(tables_state(t->all), &v, e->key, t->all->at);
    if (!fd)
        return false;
    probe->key.fd = fd->life;
    if (view_of(t, (uint64_t)v.ids->pid, &leader)) {
        probe->key.tid = leader.tid;
        probe->key.life = leader.life;
    }
    return true;
}

static bool is_extra(const struct host_field *f)
{
    return f->what == DYNAMIC || f->index >= KEPT_FLAGS;
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
        text_out(h, m->comm, out);
        break;
    case T_EXE:
        text_out(h, m->exe, out);
        break;
    case T_EXEPATH:
        text_out(h, m->exepath, out);
        break;
    case T_ROOT:
        text_out(h, m->root, out);
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
        text_out(t->all, e->created ? span_of("") : state_cwd(tables_state(t->all), &v, t->all->at),
                 out);
    else if (!read_ids(e, v.ids, what, out))
        read_image(t->all, v.image, what, out);
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
    if (is_extra(f))
        return read_extra(t, ee, f, out);
    return t->kind == KIND_THREADS ? read_thread(t, ee, (enum what)f->what, out)
           : t->kind == KIND_FDS   ? fd_value_read(t, ee, (enum what)f->what, out)
                                   : item_read(t, ee, (enum what)f->what, out);
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
    struct span *const texts[] = {&e->image.comm, &e->image.exe, &e->image.exepath, &e->image.root,
                                  &e->fd.name,    &e->fd.raw,    &e->first,         &e->second};

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
    if (is_extra(f))
        return write_extra(t, ee, f, in);
    return t->kind == KIND_THREADS ? write_thread(t, ee, (enum what)f->what, in)
           : t->kind == KIND_FDS   ? fd_value_write(t, ee, (enum what)f->what, in)
                                   : item_write(t, ee, (enum what)f->what, in);
}

/* ---- fields of plugins ---- */

void extra_drop(struct host_tables *h, const struct entry *entry)
{
    struct extra *x, *next;

    HASH_ITER(hh, h->extras, x, next)
    {
        if (x->key.entry != entry)
            continue;
        HASH_DEL(h->extras, x);
        free(x->text);
        free(x);
    }
}

static void move_extra(struct host_table *t, const struct entry *from, struct entry *to,
                       const struct host_field *f)
{
    ss_plugin_state_data value;
    struct extra probe, *x;

    if (!extra_key(t, from, f, &probe))
        return;
    HASH_FIND(hh, t->all->extras, &probe.key, sizeof(probe.key), x);
    if (!x)
        return;
    value = x->value;
    if (x->text)
        value.str = x->text;
    write_extra(t, to, f, &value);
}

/* What was written before it was there goes with it. */
void move_extras(struct host_table *t, const struct entry *from, struct entry *to)
{
    static const struct host_field kept[] = {
        {.type = SS_PLUGIN_ST_UINT32, .kind = KIND_FDS, .index = KEPT_FLAGS},
        {.type = SS_PLUGIN_ST_UINT32, .kind = KIND_FDS, .index = KEPT_MOUNT},
        {.type = SS_PLUGIN_ST_STRING, .kind = KIND_FDS, .index = KEPT_OLD}};

    for (size_t i = 0; t->kind == KIND_FDS && i < COUNT_OF(kept); i++)
        move_extra(t, from, to, &kept[i]);
    for (size_t i = 0; i < t->all->added.n; i++) {
        if (t->all->added.v[i]->kind == (uint8_t)t->kind)
            move_extra(t, from, to, t->all->added.v[i]);
    }
}
