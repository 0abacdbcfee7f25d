/* State tables for people: which there are, and what is in them: now, or those of the host at an event
 * of a capture. */
#include "internal.h"

#define ENTRIES_MAX 2000
#define TABLES_MAX  64
#define FIELDS_MAX  100

static const char *type_word(ss_plugin_state_type t)
{
    static const char *const words[] = {
        [SS_PLUGIN_ST_INT8] = "int8",     [SS_PLUGIN_ST_INT16] = "int16",
        [SS_PLUGIN_ST_INT32] = "int32",   [SS_PLUGIN_ST_INT64] = "int64",
        [SS_PLUGIN_ST_UINT8] = "uint8",   [SS_PLUGIN_ST_UINT16] = "uint16",
        [SS_PLUGIN_ST_UINT32] = "uint32", [SS_PLUGIN_ST_UINT64] = "uint64",
        [SS_PLUGIN_ST_STRING] = "string", [SS_PLUGIN_ST_TABLE] = "table",
        [SS_PLUGIN_ST_BOOL] = "bool"};

    return (size_t)t < COUNT_OF(words) && words[t] ? words[t] : "?";
}

static json_t *number_json(int64_t i)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld", (long long)i);
    return json_string(text);
}

static json_t *data_json(ss_plugin_state_type type, const ss_plugin_state_data *v)
{
    switch (type) {
    case SS_PLUGIN_ST_INT8:
        return number_json(v->s8);
    case SS_PLUGIN_ST_INT16:
        return number_json(v->s16);
    case SS_PLUGIN_ST_INT32:
        return number_json(v->s32);
    case SS_PLUGIN_ST_INT64:
        return number_json(v->s64);
    case SS_PLUGIN_ST_UINT8:
        return number_json(v->u8);
    case SS_PLUGIN_ST_UINT16:
        return number_json(v->u16);
    case SS_PLUGIN_ST_UINT32:
        return number_json(v->u32);
    case SS_PLUGIN_ST_UINT64:
        return rpc_u64(v->u64);
    case SS_PLUGIN_ST_BOOL:
        return json_string(v->b ? "true" : "false");
    case SS_PLUGIN_ST_STRING:
        return v->str ? rpc_text(v->str, strnlen(v->str, 4096)) : json_null();
    default:
        return json_null();
    }
}

/* ---- one table ------------------------------------------------------------------------------- */

struct view {
    ss_plugin_table_input *t;
    const ss_plugin_table_fieldinfo *infos;
    ss_plugin_table_field_t *fields[FIELDS_MAX];
    uint32_t n;
    uint64_t from, count, at; /* which entries are wanted; the one that is next */
    const char *inside;       /* the field whose table is wanted, of the entry at `from` */
    json_t *rows, *nested;
};

static json_t *fields_json(struct view *v)
{
    json_t *list = json_array();

    v->infos = v->t->fields_ext->list_table_fields(v->t->table, &v->n);
    v->n = v->infos ? MIN_OF(v->n, (uint32_t)FIELDS_MAX) : 0;
    for (uint32_t i = 0; i < v->n; i++)
        json_array_append_new(list, json_pack("{so ss sb}", "name", rpc_str(v->infos[i].name),
                                              "type", type_word(v->infos[i].field_type),
                                              "read_only", v->infos[i].read_only != 0));
    /* the list is the table's until it is asked again */
    for (uint32_t i = 0; i < v->n; i++)
        v->fields[i] = v->t->fields_ext->get_table_field(v->t->table, v->infos[i].name,
                                                         v->infos[i].field_type);
    return list;
}

static json_t *table_json(ss_plugin_table_input *t, uint64_t from, uint64_t count,
                          const char *inside);

static json_t *cell_json(struct view *v, ss_plugin_table_entry_t *e, uint32_t i)
{
    ss_plugin_state_data out = {0};
    ss_plugin_table_input *sub;

    if (!v->fields[i] ||
        v->t->reader_ext->read_entry_field(v->t->table, e, v->fields[i], &out) != SS_PLUGIN_SUCCESS)
        return json_null();
    if (v->infos[i].field_type != SS_PLUGIN_ST_TABLE)
        return data_json(v->infos[i].field_type, &out);
    sub = out.table;
    if (!sub)
        return json_null();
    if (v->inside && str_eq(v->inside, v->infos[i].name))
        v->nested = table_json(sub, 0, ENTRIES_MAX, NULL);
    return json_pack("{so}", "entries", rpc_u64(sub->reader_ext->get_table_size(sub->table)));
}

static ss_plugin_bool on_entry(ss_plugin_table_iterator_state_t *state, ss_plugin_table_entry_t *e)
{
    struct view *v = state;
    json_t *cells;

    if (v->at++ < v->from)
        return 1;
    cells = json_array();
    for (uint32_t i = 0; i < v->n; i++)
        json_array_append_new(cells, cell_json(v, e, i));
    json_array_append_new(v->rows, cells);
    return json_array_size(v->rows) < v->count;
}

static json_t *table_json(ss_plugin_table_input *t, uint64_t from, uint64_t count,
                          const char *inside)
{
    struct view v = {.t = t, .from = from, .count = count, .inside = inside};
    json_t *o, *fields = fields_json(&v);

    v.rows = json_array();
    if (count)
        t->reader_ext->iterate_entries(t->table, on_entry, &v);
    o = json_pack("{so so so so}", "name", rpc_str(t->name), "size",
                  rpc_u64(t->reader_ext->get_table_size(t->table)), "fields", fields, "rows",
                  v.rows);
    if (inside)
        json_object_set_new(o, "inside", v.nested ? v.nested : json_null());
    return o;
}

/* ---- methods --------------------------------------------------------------------------------- */

static void run_tables(struct engine *e, struct job *j)
{
    struct plugin_table tables[TABLES_MAX];
    size_t n = MIN_OF(plugin_tables(e->host, tables, TABLES_MAX), (size_t)TABLES_MAX);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        json_t *t = table_json(tables[i].input, 0, 0, NULL);

        json_object_del(t, "rows");
        json_object_set_new(t, "owner",
                            rpc_str(tables[i].owner ? plugin_info(tables[i].owner)->name : "mews"));
        json_object_set_new(t, "key", json_string(type_word(tables[i].input->key_type)));
        json_array_append_new(list, t);
    }
    state_tables_over(e->tables);
    reply(e, j->id, json_pack("{so}", "tables", list));
}

void method_tables(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_tables, id, params, NULL);
}

/* The host's tables as they were at an event. False: answered. */
static bool go_to_event(struct engine *e, struct job *j)
{
    uint64_t event, row;
    struct store_row r;

    if (!rpc_get_u64(j->params, "event", &event))
        return true;
    if (!e->capture || !e->store || !store_find(e->store, event, &row) ||
        !store_row(e->store, row, &r)) {
        reply_code(e, j->id, RPC_INVALID_PARAMS,
                   e->capture ? "there is no event of this number (yet)"
                              : "only captures keep what was at each event");
        return false;
    }
    state_tables_at(e->tables, capture_state_now(e->capture, r.offset), r.offset);
    return true;
}

static void run_table(struct engine *e, struct job *j)
{
    const char *name = rpc_get_str(j->params, "table");
    struct plugin_table tables[TABLES_MAX];
    size_t n = MIN_OF(plugin_tables(e->host, tables, TABLES_MAX), (size_t)TABLES_MAX), i;
    json_t *o;

    for (i = 0; i < n && !(name && str_eq(tables[i].name, name)); i++)
        ;
    if (i == n) {
        reply_code(e, j->id, RPC_INVALID_PARAMS, "no table has this name");
        return;
    }
    if (!go_to_event(e, j))
        return;
    o = table_json(tables[i].input, rpc_u64_or(j->params, "from", 0),
                   MIN_OF(rpc_u64_or(j->params, "count", 200), (uint64_t)ENTRIES_MAX),
                   rpc_get_str(j->params, "inside"));
    state_tables_at(e->tables, NULL, STATE_NOW);
    state_tables_over(e->tables);
    json_object_set_new(o, "owner",
                        rpc_str(tables[i].owner ? plugin_info(tables[i].owner)->name : "mews"));
    reply(e, j->id, o);
}

void method_table(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_table, id, params, NULL);
}
