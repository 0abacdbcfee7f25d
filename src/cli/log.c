/* All that plugins and mews said: the newest entries, within a bound. */
#include "internal.h"

#define ENTRIES_MAX 20000
#define QUERY_MAX   1000

struct log_store {
    json_t *entries[ENTRIES_MAX]; /* a ring */
    uint64_t next;                /* number of the next entry */
};

struct log_store *log_new(void)
{
    return xcalloc(1, sizeof(struct log_store));
}

void log_free(struct log_store *l)
{
    for (size_t i = 0; i < ENTRIES_MAX; i++)
        json_decref(l->entries[i]);
    free(l);
}

uint64_t log_add(struct log_store *l, json_t *entry)
{
    json_t **slot = &l->entries[l->next % ENTRIES_MAX];

    json_object_set_new(entry, "entry", rpc_u64(l->next));
    json_decref(*slot);
    *slot = entry;
    return l->next++;
}

static uint64_t log_first(const struct log_store *l)
{
    return l->next > ENTRIES_MAX ? l->next - ENTRIES_MAX : 0;
}

static bool entry_is_of(const json_t *entry, const char *plugin)
{
    const char *name = rpc_get_str(entry, "plugin");

    return !plugin || (name && str_eq(name, plugin));
}

/* {from, n, plugin}: entries of a number and behind; without from the last n. */
json_t *log_query(const struct log_store *l, const json_t *params)
{
    uint64_t n = MIN_OF(rpc_u64_or(params, "n", 100), (uint64_t)QUERY_MAX), from, count = 0;
    const char *plugin = rpc_get_str(params, "plugin");
    json_t *list = json_array();

    if (!rpc_get_u64(params, "from", &from)) {
        for (from = l->next; from > log_first(l) && count < n; from--)
            count += entry_is_of(l->entries[(from - 1) % ENTRIES_MAX], plugin);
    }
    for (from = MAX_OF(from, log_first(l)); from < l->next && json_array_size(list) < n; from++) {
        json_t *entry = l->entries[from % ENTRIES_MAX];

        if (entry_is_of(entry, plugin))
            json_array_append(list, entry);
    }
    return json_pack("{so so so}", "entries", list, "first", rpc_u64(log_first(l)), "end",
                     rpc_u64(l->next));
}

uint64_t log_end(const struct log_store *l)
{
    return l->next;
}

json_t *log_printed(const struct log_store *l, uint64_t from)
{
    json_t *list = json_array();

    for (uint64_t i = MAX_OF(from, log_first(l)); i < l->next; i++) {
        const json_t *entry = l->entries[i % ENTRIES_MAX];

        if (rpc_get_bool(entry, "printed", false))
            json_array_append(list, json_object_get(entry, "text"));
    }
    return list;
}
