/* Entries of the lists inside threads, args, env and cgroups (plugin ABI, §8.6): texts one behind the
 * other, which are written anew as a whole. */
#include "state_tables.h"

#define ITEMS_MAX 65536 /* of one list */

static bool read_created(const struct host_table *t, const struct entry *e, enum what what,
                         ss_plugin_state_data *out)
{
    if (e->created)
        text_out(t->all, what == I_SECOND ? e->second : e->first, out);
    return e->created;
}

ss_plugin_rc item_read(struct host_table *t, const struct entry *e, enum what what,
                       ss_plugin_state_data *out)
{
    struct span item, part;
    const char *equals;

    if (read_created(t, e, what, out))
        return SS_PLUGIN_SUCCESS;
    if (!span_item(items_of(t), (uint64_t)e->key, &item))
        return SS_PLUGIN_FAILURE;
    equals = memchr(item.p, '=', item.n);
    part = item;
    if (what == I_FIRST)
        part.n = equals ? (size_t)(equals - item.p) : item.n;
    else if (what == I_SECOND)
        part = equals ? (struct span){equals + 1, item.n - (size_t)(equals + 1 - item.p)}
                      : (struct span){"", 0};
    text_out(t->all, part, out);
    return SS_PLUGIN_SUCCESS;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool list_write(struct host_table *t, struct span list)
{
    struct thread_view v;
    struct thread_image image;

    if (!view_of(t, t->tid, &v)) {
        plugin_table_error("the thread of table %s is not (or no longer) there", t->input.name);
        return false;
    }
    image = *v.image;
    *(t->kind == KIND_ARGS  ? &image.args
      : t->kind == KIND_ENV ? &image.env
                            : &image.cgroups) = list;
    return state_write_image(tables_state(t->all), t->tid, &image);
}

static void add_item(const struct host_table *t, struct buf *out, struct span first,
                     struct span second)
{
    buf_add(out, first.p, first.n);
    if (t->kind == KIND_CGROUPS && (first.n || second.n)) {
        buf_add(out, "=", 1);
        buf_add(out, second.p, second.n);
    }
    buf_add(out, "", 1);
}

/* Copies items [from, to); those that are not there are empty. */
static void copy_items(struct span list, uint64_t from, uint64_t to, struct buf *out)
{
    for (uint64_t i = 0; i < to; i++) {
        struct span item = span_take(&list);

        if (i >= from) {
            buf_add(out, item.p, item.n);
            buf_add(out, "", 1);
        }
    }
}

/* The list with the item at `key` taken out, or another in its place; `n`: items that it has then. */
static bool replace(struct host_table *t, uint64_t key, uint64_t n, const struct span *first,
                    const struct span *second)
{
    struct span list = items_of(t);
    struct buf out;
    bool ok;

    buf_init(&out, SIZE_MAX);
    copy_items(list, 0, key, &out);
    if (first)
        add_item(t, &out, *first, *second);
    copy_items(list, key + 1, n + (first == NULL), &out);
    ok = list_write(t, (struct span){out.data, out.len});
    buf_fini(&out);
    return ok;
}

ss_plugin_rc item_write(struct host_table *t, struct entry *e, enum what what,
                        const ss_plugin_state_data *in)
{
    struct span text = span_of(in->str ? in->str : ""), first, second;
    ss_plugin_state_data old;

    if (e->created) {
        *(what == I_SECOND ? &e->second : &e->first) = text;
        own_texts(e);
        return SS_PLUGIN_SUCCESS;
    }
    first = second = text;
    if (what == I_FIRST || what == I_SECOND) {
        if (item_read(t, e, what == I_FIRST ? I_SECOND : I_FIRST, &old) != SS_PLUGIN_SUCCESS)
            return SS_PLUGIN_FAILURE;
        *(what == I_FIRST ? &second : &first) = span_of(old.str);
    }
    if ((uint64_t)e->key >= span_items(items_of(t))) {
        plugin_table_error("table %s has no entry %lld", t->input.name, (long long)e->key);
        return SS_PLUGIN_FAILURE;
    }
    return replace(t, (uint64_t)e->key, span_items(items_of(t)), &first, &second)
               ? SS_PLUGIN_SUCCESS
               : SS_PLUGIN_FAILURE;
}

bool item_add(struct host_table *t, uint64_t key, const struct entry *e)
{
    if (key >= ITEMS_MAX) {
        plugin_table_error("table %s holds %d entries at most", t->input.name, ITEMS_MAX);
        return false;
    }
    return replace(t, key, key + 1, &e->first, &e->second);
}

bool item_erase(struct host_table *t, uint64_t key)
{
    uint64_t n = span_items(items_of(t));

    return key < n && replace(t, key, n - 1, NULL, NULL);
}

bool items_clear(struct host_table *t)
{
    return list_write(t, (struct span){"", 0});
}
