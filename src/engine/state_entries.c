/* Entries of the host's tables: found, iterated over, added, taken away. What a call got and did not give
 * back is taken back when it is over. */
#include "state_tables.h"

/* ---- entries --------------------------------------------------------------------------------- */

static struct entry *entry_new(struct host_tables *h, enum table_kind kind, uint64_t tid,
                               int64_t key)
{
    struct entry *e = xcalloc(1, sizeof(*e));

    e->kind = kind;
    e->tid = tid;
    e->key = key;
    e->next = h->entries;
    if (h->entries)
        h->entries->before = e;
    h->entries = e;
    return e;
}

bool entry_is_live(const struct host_tables *h, const void *p)
{
    for (const struct entry *e = h->entries; e; e = e->next) {
        if (e == p)
            return true;
    }
    return false;
}

void entry_free(struct host_tables *h, struct entry *e)
{
    if (e->created && h->added.n)
        extra_drop(h, e);
    if (e->next)
        e->next->before = e->before;
    if (e->before)
        e->before->next = e->next;
    else
        h->entries = e->next;
    arena_fini(&e->arena);
    free(e);
}

bool view_of(const struct host_table *t, uint64_t tid, struct thread_view *out)
{
    return !t->nobody && state_thread(tables_state(t->all), tid, t->all->at, out);
}

struct span items_of(const struct host_table *t)
{
    struct thread_view v;

    if (!view_of(t, t->tid, &v))
        return (struct span){"", 0};
    return t->kind == KIND_ARGS  ? v.image->args
           : t->kind == KIND_ENV ? v.image->env
                                 : v.image->cgroups;
}

static bool count_fd(void *ctx, int64_t fd, const struct fd_info *f)
{
    UNUSED(fd);
    UNUSED(f);
    ++*(uint64_t *)ctx;
    return true;
}

static bool count_thread(void *ctx, const struct thread_view *v)
{
    UNUSED(v);
    ++*(uint64_t *)ctx;
    return true;
}

static uint64_t table_size(ss_plugin_table_t *tt)
{
    struct host_table *t = table_of(tt);
    struct thread_view v;
    uint64_t n = 0;

    if (t->kind == KIND_THREADS && t->all->at == STATE_NOW)
        return state_thread_count(tables_state(t->all));
    if (t->kind == KIND_THREADS) {
        state_each_thread(tables_state(t->all), t->all->at, count_thread, &n);
        return n;
    }
    if (t->kind == KIND_FDS) {
        if (view_of(t, t->tid, &v))
            state_each_fd(tables_state(t->all), &v, t->all->at, count_fd, &n);
        return n;
    }
    return span_items(items_of(t));
}

static const char *table_name(ss_plugin_table_t *tt)
{
    return table_of(tt)->input.name;
}

static bool is_there(const struct host_table *t, const ss_plugin_state_data *key)
{
    struct thread_view v;
    struct span item;

    switch (t->kind) {
    case KIND_THREADS:
        return view_of(t, (uint64_t)key->s64, &v);
    case KIND_FDS:
        return view_of(t, t->tid, &v) && state_fd(tables_state(t->all), &v, key->s64, t->all->at);
    default:
        return span_item(items_of(t), key->u64, &item);
    }
}

static ss_plugin_table_entry_t *get_entry(ss_plugin_table_t *tt, const ss_plugin_state_data *key)
{
    struct host_table *t = table_of(tt);

    if (!key || !is_there(t, key)) {
        plugin_table_error("table %s has no entry %lld", t->input.name,
                           key ? (long long)key->s64 : 0);
        return NULL;
    }
    return entry_new(t->all, t->kind, t->kind == KIND_THREADS ? (uint64_t)key->s64 : t->tid,
                     key->s64);
}

/* Entries that are iterated over are released by some plugins as if they had been got (quirk 29);
 * what is unknown is ignored. */
static void release_entry(ss_plugin_table_t *tt, ss_plugin_table_entry_t *e)
{
    struct host_tables *h = table_of(tt)->all;

    if (entry_is_live(h, e) && !((struct entry *)e)->created)
        entry_free(h, e);
}

struct iteration {
    struct host_table *t;
    ss_plugin_table_iterator_func_t fn;
    ss_plugin_table_iterator_state_t *state;
    VEC(int64_t) keys;
};

static bool collect_thread(void *ctx, const struct thread_view *v)
{
    vec_push(&((struct iteration *)ctx)->keys, (int64_t)v->tid);
    return true;
}

static bool collect_fd(void *ctx, int64_t fd, const struct fd_info *f)
{
    UNUSED(f);
    vec_push(&((struct iteration *)ctx)->keys, fd);
    return true;
}

static void collect_keys(struct iteration *it)
{
    struct host_table *t = it->t;
    struct thread_view v;

    if (t->kind == KIND_THREADS)
        state_each_thread(tables_state(t->all), t->all->at, collect_thread, it);
    else if (t->kind == KIND_FDS && view_of(t, t->tid, &v))
        state_each_fd(tables_state(t->all), &v, t->all->at, collect_fd, it);
    else if (t->kind != KIND_FDS)
        for (uint64_t i = 0, n = table_size(t); i < n; i++)
            vec_push(&it->keys, (int64_t)i);
}

static ss_plugin_bool iterate(ss_plugin_table_t *tt, ss_plugin_table_iterator_func_t fn,
                              ss_plugin_table_iterator_state_t *state)
{
    struct iteration it = {.t = table_of(tt), .fn = fn, .state = state};
    struct host_tables *h = it.t->all;
    ss_plugin_bool on = 1;

    collect_keys(&it);
    for (size_t i = 0; i < it.keys.n && on; i++) {
        struct entry *e = entry_new(h, it.t->kind,
                                    it.t->kind == KIND_THREADS ? (uint64_t)it.keys.v[i] : it.t->tid,
                                    it.keys.v[i]);

        on = fn(state, e);
        if (entry_is_live(h, e))
            entry_free(h, e);
    }
    vec_free(&it.keys);
    return on != 0;
}

/* ---- adding and taking away ------------------------------------------------------------------- */

static ss_plugin_table_entry_t *create_entry(ss_plugin_table_t *tt)
{
    struct host_table *t = table_of(tt);
    struct entry *e;

    e = entry_new(t->all, t->kind, t->tid, -1);
    e->created = true;
    e->ids = (struct thread_ids){-1, -1, -1, -1, -1, -1, -1, THREAD_NAME_CHANGED};
    e->image = (struct thread_image){.fdlimit = -1, .loginuid = UINT32_MAX};
    e->creds = (struct thread_creds){.uid = UINT32_MAX, .gid = UINT32_MAX};
    own_texts(e);
    return e;
}

static void destroy_entry(ss_plugin_table_t *tt, ss_plugin_table_entry_t *e)
{
    struct host_table *t = table_of(tt);

    if (entry_is_live(t->all, e) && ((struct entry *)e)->created)
        entry_free(t->all, e);
    else
        plugin_table_error("an entry that was not created here can't be destroyed");
}

static bool add_thread(struct host_table *t, uint64_t tid, const struct entry *e)
{
    struct state *s = tables_state(t->all);
    struct thread_ids ids = e->ids;

    if (!state_add_thread(s, tid)) {
        plugin_table_error("the table of threads is full");
        return false;
    }
    ids.flags |= THREAD_ACTIVE;
    return state_write_ids(s, tid, &ids) && state_write_image(s, tid, &e->image) &&
           state_write_creds(s, tid, &e->creds);
}

static ss_plugin_table_entry_t *add_entry(ss_plugin_table_t *tt, const ss_plugin_state_data *key,
                                          ss_plugin_table_entry_t *ee)
{
    struct host_table *t = table_of(tt);
    struct entry *e = ee, *added;
    bool ok;

    if (!key || !entry_is_live(t->all, e) || !e->created || e->kind != t->kind) {
        plugin_table_error("an entry that was not created for table %s can't be added to it",
                           t->input.name);
        return NULL;
    }
    ok = t->kind == KIND_THREADS ? add_thread(t, (uint64_t)key->s64, e)
         : t->kind == KIND_FDS   ? state_write_fd(tables_state(t->all), t->tid, key->s64, &e->fd)
                                 : item_add(t, key->u64, e);
    if (!ok)
        return NULL;
    added =
        entry_new(t->all, t->kind, t->kind == KIND_THREADS ? (uint64_t)key->s64 : t->tid, key->s64);
    move_extras(t, e, added);
    entry_free(t->all, e);
    return added;
}

static ss_plugin_rc erase_entry(ss_plugin_table_t *tt, const ss_plugin_state_data *key)
{
    struct host_table *t = table_of(tt);
    bool ok = false;

    if (key && t->kind == KIND_THREADS)
        ok = state_erase_thread(tables_state(t->all), (uint64_t)key->s64);
    else if (key && t->kind == KIND_FDS)
        ok = state_write_fd(tables_state(t->all), t->tid, key->s64, NULL);
    else if (key)
        ok = item_erase(t, key->u64);
    if (!ok)
        plugin_table_error("table %s has no such entry that could be erased", t->input.name);
    return ok ? SS_PLUGIN_SUCCESS : SS_PLUGIN_FAILURE;
}

static ss_plugin_rc clear_table(ss_plugin_table_t *tt)
{
    struct iteration it = {.t = table_of(tt)};
    ss_plugin_state_data key;

    if (it.t->kind != KIND_THREADS && it.t->kind != KIND_FDS)
        return items_clear(it.t) ? SS_PLUGIN_SUCCESS : SS_PLUGIN_FAILURE;
    collect_keys(&it);
    for (size_t i = 0; i < it.keys.n; i++) {
        key.s64 = it.keys.v[i];
        erase_entry(tt, &key);
    }
    vec_free(&it.keys);
    return SS_PLUGIN_SUCCESS;
}

ss_plugin_table_reader_vtable_ext state_reader = {table_name, table_size,    get_entry,
                                                  value_read, release_entry, iterate};
ss_plugin_table_writer_vtable_ext state_writer = {clear_table,   erase_entry, create_entry,
                                                  destroy_entry, add_entry,   value_write};
