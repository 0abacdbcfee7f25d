/* What a capture is made of: counted while it is read. */
#include "internal.h"

static const struct {
    uint32_t type;
    const char *name;
} block_names[] = {
    {CAPTURE_SECTION, "section header"},
    {CAPTURE_MACHINE, "machine info"},
    {CAPTURE_PROCESSES_V1, "processes v1"},
    {CAPTURE_PROCESSES_V2, "processes v2"},
    {CAPTURE_PROCESSES_V3, "processes v3"},
    {CAPTURE_PROCESSES_V4, "processes v4"},
    {CAPTURE_PROCESSES_V4 + 1, "processes v5"},
    {CAPTURE_PROCESSES_V4 + 2, "processes v6"},
    {CAPTURE_PROCESSES_V4 + 3, "processes v7"},
    {CAPTURE_PROCESSES_V4 + 4, "processes v8"},
    {CAPTURE_PROCESSES_V9, "processes v9"},
    {CAPTURE_FDS_V1, "descriptors v1"},
    {CAPTURE_FDS_V2, "descriptors v2"},
    {CAPTURE_INTERFACES_V1, "interfaces v1"},
    {CAPTURE_INTERFACES_V2, "interfaces v2"},
    {CAPTURE_USERS_V1, "users v1"},
    {CAPTURE_USERS_V2, "users v2"},
    {CAPTURE_EVENT_V1, "events v1"},
    {CAPTURE_EVENT_V1_FLAGS, "events v1, flags"},
    {CAPTURE_EVENT_V2, "events v2"},
    {CAPTURE_EVENT_V2_FLAGS, "events v2, flags"},
    {CAPTURE_EVENT_LARGE, "events v2, large"},
    {CAPTURE_EVENT_LARGE_FLAGS, "events v2, large, flags"},
    {CAPTURE_MARK, "marks of mews"},
    {CAPTURE_ABOUT, "notes of mews"},
};

const char *capture_block_name(uint32_t type)
{
    for (size_t i = 0; i < COUNT_OF(block_names); i++) {
        if (block_names[i].type == type)
            return block_names[i].name;
    }
    return "unknown";
}

void capture_stats_block(struct capture_stats *s, const struct capture_block *b)
{
    size_t i = s->recent;

    if (s->blocks[i].type != b->type) {
        for (i = 0; i < s->nblocks && s->blocks[i].type != b->type; i++)
            ;
    }
    if (i == COUNT_OF(s->blocks))
        i--; /* more kinds than anybody has defined: the last one stands for the rest */
    if (i == s->nblocks) {
        s->blocks[i].type = b->type;
        s->nblocks++;
    }
    s->recent = i;
    s->blocks[i].n++;
    s->blocks[i].bytes += b->len;
}

static void count_plugin(struct capture_stats *s, uint32_t id)
{
    size_t i;

    for (i = 0; i < s->nplugins && s->plugins[i].id != id; i++)
        ;
    if (i == s->nplugins && i < COUNT_OF(s->plugins))
        s->plugins[s->nplugins++].id = id;
    if (i < COUNT_OF(s->plugins))
        s->plugins[i].n++;
}

void capture_stats_event(struct capture_stats *s, const struct event_head *h, const void *event)
{
    s->types[MIN_OF(h->type, EVENT_TYPES)]++;
    if (s->events++ == 0)
        s->first = s->earliest = s->latest = s->last = h->ts;
    s->steps_back += h->ts < s->last;
    s->last = h->ts;
    s->earliest = MIN_OF(s->earliest, h->ts);
    s->latest = MAX_OF(s->latest, h->ts);
    if (event)
        count_plugin(s, event_plugin_id(event));
}

static json_t *blocks_json(const struct capture_stats *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->nblocks; i++)
        json_array_append_new(list, json_pack("{si ss so so}", "type", (int)s->blocks[i].type,
                                              "name", capture_block_name(s->blocks[i].type),
                                              "count", rpc_u64(s->blocks[i].n), "bytes",
                                              rpc_u64(s->blocks[i].bytes)));
    return list;
}

struct ranked {
    uint64_t n;
    uint16_t type;
};

static int by_count(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    return x->n != y->n ? (x->n > y->n ? -1 : 1) : x->type - y->type;
}

static json_t *types_json(const struct capture_stats *s)
{
    struct ranked ranked[EVENT_TYPES + 1];
    json_t *list = json_array();
    size_t n = 0;

    for (size_t i = 0; i <= EVENT_TYPES; i++) {
        if (s->types[i])
            ranked[n++] = (struct ranked){s->types[i], (uint16_t)i};
    }
    qsort(ranked, n, sizeof(*ranked), by_count);
    for (size_t i = 0; i < n; i++) {
        const struct event_type *t = event_type_get(ranked[i].type);

        json_array_append_new(list, json_pack("{si ss ss so}", "type", (int)ranked[i].type, "name",
                                              t ? t->name : "unknown", "direction",
                                              ranked[i].type & 1 ? "exit" : "enter", "count",
                                              rpc_u64(ranked[i].n)));
    }
    return list;
}

/* By event source: system calls, and the plugins by their IDs. */
static json_t *sources_json(const struct engine *e, const struct capture_stats *s)
{
    json_t *list = json_array();
    uint64_t system = s->events - s->types[EVENT_PLUGIN];

    if (system)
        json_array_append_new(list,
                              json_pack("{ss so}", "source", "syscall", "count", rpc_u64(system)));
    for (size_t i = 0; i < s->nplugins; i++) {
        const struct plugin_registered *known = plugin_registered(s->plugins[i].id);
        struct plugin *p = plugin_by_id(e->host, s->plugins[i].id);

        json_array_append_new(list,
                              json_pack("{so si so so sb}", "source",
                                        p       ? rpc_str(plugin_info(p)->source)
                                        : known ? rpc_str(known->source)
                                                : json_null(),
                                        "plugin_id", (int)s->plugins[i].id, "plugin",
                                        p       ? rpc_str(plugin_info(p)->name)
                                        : known ? rpc_str(known->name)
                                                : json_null(),
                                        "count", rpc_u64(s->plugins[i].n), "loaded", p != NULL));
    }
    return list;
}

static json_t *machine_json(const struct capture_machine *m)
{
    return json_pack("{so si so so}", "hostname", rpc_str(m->hostname), "cpus", (int)m->cpus,
                     "memory", rpc_u64(m->memory), "boot", rpc_u64(m->boot_ts));
}

/* Bytes that the engine keeps for what was read. */
static json_t *memory_json(const struct engine *e)
{
    return json_pack("{so so so}", "index", rpc_u64(store_memory(e->store)), "values",
                     rpc_u64(value_columns_memory(e->values)), "state",
                     rpc_u64(capture_state_memory(e->capture)));
}

json_t *capture_stats_json(const struct engine *e, const struct capture_stats *s)
{
    json_t *damage = json_array();

    for (size_t i = 0; i < s->damage.n; i++)
        json_array_append_new(damage, rpc_str(s->damage.v[i]));
    return json_pack("{so so si so so so s{so so so so so} so so so so}", "events",
                     rpc_u64(s->events), "last_number", rpc_u64(s->last_number), "sections",
                     (int)s->sections, "machine", machine_json(&s->machine), "blocks",
                     blocks_json(s), "types", types_json(s), "time", "first", rpc_u64(s->first),
                     "last", rpc_u64(s->last), "earliest", rpc_u64(s->earliest), "latest",
                     rpc_u64(s->latest), "steps_back", rpc_u64(s->steps_back), "sources",
                     sources_json(e, s), "damage", damage, "inside", rpc_u64(s->inside), "memory",
                     e->store ? memory_json(e) : json_null());
}

static void run_info(struct engine *e, struct job *j)
{
    reply(e, j->id, capture_info_json(e));
}

void method_capture_info(struct engine *e, const json_t *id, const json_t *params)
{
    if (!e->capture)
        reply_code(e, id, RPC_INVALID_PARAMS, "no capture is open");
    else
        job_post(e, run_info, id, params, NULL);
}
