/*
 * The host's own tables (plugin ABI, §8.5 and §8.6): threads, with the tables inside its entries,
 * read from the state as it is now and written into it; fields that plugins add live here.
 */
#include "state_tables.h"

struct state *tables_state(struct host_tables *h)
{
    if (h->past)
        return h->past;
    if (h->state)
        return h->state;
    if (!h->own) {
        h->own = state_new(false);
        state_set_origin(h->own, UINT64_MAX);
    }
    return h->own;
}

static void table_init(struct host_table *t, struct host_tables *all, enum table_kind kind)
{
    static const struct {
        const char *name;
        ss_plugin_state_type key;
    } kinds[KIND_COUNT] = {[KIND_THREADS] = {"threads", SS_PLUGIN_ST_INT64},
                           [KIND_ARGS] = {"args", SS_PLUGIN_ST_UINT64},
                           [KIND_ENV] = {"env", SS_PLUGIN_ST_UINT64},
                           [KIND_CGROUPS] = {"cgroups", SS_PLUGIN_ST_UINT64},
                           [KIND_FDS] = {"file_descriptors", SS_PLUGIN_ST_INT64}};

    t->all = all;
    t->kind = kind;
    t->input = (ss_plugin_table_input){
        .name = kinds[kind].name,
        .key_type = kinds[kind].key,
        .table = t,
        .reader_ext = &state_reader,
        .writer_ext = &state_writer,
        .fields_ext = &state_fields,
    };
    memcpy(&t->input.reader, &state_reader, sizeof(t->input.reader));
    memcpy(&t->input.writer, &state_writer, sizeof(t->input.writer));
    memcpy(&t->input.fields, &state_fields, sizeof(t->input.fields));
}

ss_plugin_table_t *table_inside(struct host_table *t, const struct entry *e, enum what what)
{
    struct host_table *sub = xcalloc(1, sizeof(*sub));

    table_init(sub, t->all,
               what == T_ARGS      ? KIND_ARGS
               : what == T_ENV     ? KIND_ENV
               : what == T_CGROUPS ? KIND_CGROUPS
                                   : KIND_FDS);
    sub->tid = e->tid;
    sub->nobody = e->created;
    sub->next = t->all->inside;
    t->all->inside = sub;
    return &sub->input;
}

/* What a call has got and not given back. */
static void call_over(void *ctx)
{
    struct host_tables *h = ctx;

    while (h->entries)
        entry_free(h, h->entries);
    for (struct host_table *t = h->inside, *next; t; t = next) {
        next = t->next;
        free(t);
    }
    h->inside = NULL;
    arena_reset(&h->scratch);
}

struct host_tables *state_tables_offer(struct plugin_host *host)
{
    struct host_tables *h = xcalloc(1, sizeof(*h));

    h->at = STATE_NOW;
    table_init(&h->threads, h, KIND_THREADS);
    plugin_host_add_table(host, &h->threads.input);
    plugin_host_on_call_over(host, call_over, h);
    return h;
}

void state_tables_at(struct host_tables *h, struct state *s, uint64_t at)
{
    h->past = s;
    h->at = at;
}

void state_tables_over(struct host_tables *h)
{
    call_over(h);
}

const char *state_tables_added_by(struct host_tables *h, const struct plugin *p, const char *text)
{
    for (size_t i = 0; i < h->added.n; i++) {
        if (h->added.v[i]->by == p && strstr(text, h->added.v[i]->name))
            return h->added.v[i]->name;
    }
    return NULL;
}

void state_tables_bind(struct host_tables *h, struct state *s)
{
    h->state = s;
}

void state_tables_free(struct host_tables *h)
{
    struct extra *x, *next;

    if (!h)
        return;
    call_over(h);
    HASH_ITER(hh, h->extras, x, next)
    {
        HASH_DEL(h->extras, x);
        free(x->text);
        free(x);
    }
    for (size_t i = 0; i < h->added.n; i++) {
        free((char *)h->added.v[i]->name);
        free(h->added.v[i]);
    }
    vec_free(&h->added);
    vec_free(&h->listed);
    arena_fini(&h->scratch);
    state_free(h->own);
    free(h);
}
