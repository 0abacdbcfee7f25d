/* State tables (§8): a registry of the tables that plugins own, reached by others through the host.
 */
#include "internal.h"

struct table {
    char *name;
    struct plugin *owner;
    ss_plugin_table_input input; /* what every T points to (§8.4) */
    ss_plugin_table_reader_vtable_ext reader;
    ss_plugin_table_writer_vtable_ext writer;
    ss_plugin_table_fields_vtable_ext fields;
};

struct table_registry {
    VEC(struct table *) tables;
    VEC(ss_plugin_table_info) listed;
    void (*over)(void *ctx); /* a call that may have used tables has ended */
    void *over_ctx;
};

static _Thread_local struct plugin *caller; /* whose call is out on this thread */
static _Thread_local unsigned caller_may;   /* TABLES_… */

void tables_enter(struct plugin *p, unsigned what)
{
    caller = p;
    caller_may = what;
}

void tables_leave(void)
{
    struct table_registry *r = caller ? caller->host->tables : NULL;

    if (r && r->over && caller->uses_tables)
        r->over(r->over_ctx);
    caller = NULL;
    caller_may = 0;
}

/* Tables are for the thread of the call, and for the calls that have them (§8.1). */
static bool may(unsigned what)
{
    static const char *const words[] = {[TABLES_FIND] = "found or given fields",
                                        [TABLES_READ] = "read",
                                        [TABLES_WRITE] = "written"};

    if (caller && (caller_may & what))
        return true;
    owner_error_set(caller, "tables can't be %s in this call", words[what]);
    return false;
}

struct table_registry *tables_new(void)
{
    return xcalloc(1, sizeof(struct table_registry));
}

void tables_free(struct table_registry *r)
{
    for (size_t i = 0; i < r->tables.n; i++) {
        free(r->tables.v[i]->name);
        free(r->tables.v[i]);
    }
    vec_free(&r->tables);
    vec_free(&r->listed);
    free(r);
}

/* ---- owners ---------------------------------------------------------------------------------- */

void owner_error_set(struct plugin *p, const char *fmt, ...)
{
    va_list ap;
    char *text;

    if (!p)
        return;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    pthread_mutex_lock(&p->lock);
    free(p->owner_error);
    p->owner_error = text;
    pthread_mutex_unlock(&p->lock);
}

/* Plugins have been seen passing foreign owners (quirk 30): only the one whose call is out is
 * believed. */
static struct plugin *owner_of(ss_plugin_owner_t *o)
{
    return caller && (void *)caller == o ? caller : NULL;
}

const char *owner_error_get(ss_plugin_owner_t *o)
{
    struct plugin *p = caller ? caller : NULL;
    const char *text = NULL;

    UNUSED(o);
    if (!p)
        return NULL;
    pthread_mutex_lock(&p->lock);
    if (p->owner_error) {
        buf_reset(&p->owner_error_out);
        buf_adds(&p->owner_error_out, p->owner_error);
        text = buf_str(&p->owner_error_out);
    }
    pthread_mutex_unlock(&p->lock);
    return text;
}

/* ---- the registry ---------------------------------------------------------------------------- */

static struct table *table_find(const struct table_registry *r, const char *name)
{
    for (size_t i = 0; i < r->tables.n; i++) {
        if (str_eq(r->tables.v[i]->name, name))
            return r->tables.v[i];
    }
    return NULL;
}

static ss_plugin_table_info *list_tables(ss_plugin_owner_t *o, uint32_t *n)
{
    struct plugin *p = owner_of(o);
    struct table_registry *r;

    *n = 0;
    if (!p)
        return NULL;
    if (!may(TABLES_FIND))
        return NULL;
    r = p->host->tables;
    r->listed.n = 0;
    for (size_t i = 0; i < r->tables.n; i++) {
        ss_plugin_table_info info = {r->tables.v[i]->name, r->tables.v[i]->input.key_type};

        vec_push(&r->listed, info);
    }
    *n = (uint32_t)r->listed.n;
    return r->listed.v;
}

static ss_plugin_table_t *get_table(ss_plugin_owner_t *o, const char *name,
                                    ss_plugin_state_type key_type)
{
    struct plugin *p = owner_of(o);
    struct table *t = p && name ? table_find(p->host->tables, name) : NULL;

    if (!may(TABLES_FIND))
        return NULL;
    if (!t) {
        owner_error_set(p, "no table “%s” is registered", name ? name : "");
        return NULL;
    }
    if (t->input.key_type != key_type) {
        owner_error_set(p, "table “%s” has keys of type %d, not %d", name, (int)t->input.key_type,
                        (int)key_type);
        return NULL;
    }
    p->uses_tables = true;
    return &t->input;
}

static void no_release(ss_plugin_table_t *t, ss_plugin_table_entry_t *e)
{
    UNUSED(t);
    UNUSED(e);
}

static ss_plugin_bool no_iterate(ss_plugin_table_t *t, ss_plugin_table_iterator_func_t it,
                                 ss_plugin_table_iterator_state_t *s)
{
    UNUSED(t);
    UNUSED(it);
    UNUSED(s);
    return 0;
}

/* API 3.0 tables have no extended functions (§8.3). */
static void extend_old(struct table *t, const ss_plugin_table_input *in)
{
    memcpy(&t->reader, &in->reader, sizeof(in->reader));
    t->reader.release_table_entry = no_release;
    t->reader.iterate_entries = no_iterate;
    memcpy(&t->writer, &in->writer, sizeof(t->writer));
    memcpy(&t->fields, &in->fields, sizeof(t->fields));
}

static bool any_null(const void *functions, size_t size)
{
    static const void *const none;

    for (size_t at = 0; at < size; at += sizeof(none)) {
        if (memcmp((const char *)functions + at, &none, sizeof(none)) == 0)
            return true;
    }
    return false;
}

static bool copy_ext(struct table *t, const ss_plugin_table_input *in)
{
    if (!in->reader_ext || !in->writer_ext || !in->fields_ext)
        return false;
    t->reader = *in->reader_ext;
    t->writer = *in->writer_ext;
    t->fields = *in->fields_ext;
    return !any_null(&t->reader, sizeof(t->reader)) && !any_null(&t->writer, sizeof(t->writer)) &&
           !any_null(&t->fields, sizeof(t->fields)) &&
           memcmp(&t->reader, &in->reader, sizeof(in->reader)) == 0 &&
           memcmp(&t->writer, &in->writer, sizeof(in->writer)) == 0 &&
           memcmp(&t->fields, &in->fields, sizeof(in->fields)) == 0;
}

static ss_plugin_rc add_table(ss_plugin_owner_t *o, const ss_plugin_table_input *in)
{
    struct plugin *p = owner_of(o);
    struct table *t;
    bool old;

    if (!may(TABLES_FIND))
        return SS_PLUGIN_FAILURE;
    if (!p || !in || !in->name) {
        owner_error_set(p, "add_table needs a table with a name");
        return SS_PLUGIN_FAILURE;
    }
    if (table_find(p->host->tables, in->name)) {
        owner_error_set(p, "a table “%s” is registered already", in->name);
        return SS_PLUGIN_FAILURE;
    }
    t = xcalloc(1, sizeof(*t));
    old = p->info.api[1] == 0;
    memcpy(&t->input, in, old ? offsetof(ss_plugin_table_input, reader_ext) : sizeof(*in));
    if (old) {
        extend_old(t, in);
    } else if (!copy_ext(t, in)) {
        owner_error_set(p, "table “%s” has broken or inconsistent tables of functions", in->name);
        free(t);
        return SS_PLUGIN_FAILURE;
    }
    t->name = xstrdup(in->name);
    t->owner = p;
    t->input.name = t->name;
    t->input.reader_ext = &t->reader;
    t->input.writer_ext = &t->writer;
    t->input.fields_ext = &t->fields;
    vec_push(&p->host->tables->tables, t);
    p->uses_tables = true;
    return SS_PLUGIN_SUCCESS;
}

void plugin_host_add_table(struct plugin_host *h, const ss_plugin_table_input *in)
{
    struct table *t = xcalloc(1, sizeof(*t));

    t->input = *in;
    t->name = xstrdup(in->name);
    t->input.name = t->name;
    vec_push(&h->tables->tables, t);
}

const struct plugin *plugin_calling(void)
{
    return caller;
}

void plugin_host_on_call_over(struct plugin_host *h, void (*over)(void *ctx), void *ctx)
{
    h->tables->over = over;
    h->tables->over_ctx = ctx;
}

void plugin_table_error(const char *fmt, ...)
{
    char text[PLUGIN_MAX_ERRLEN];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    owner_error_set(caller, "%s", text);
}

size_t plugin_tables(const struct plugin_host *h, struct plugin_table *out, size_t max)
{
    const struct table_registry *r = h->tables;

    for (size_t i = 0; i < r->tables.n && i < max; i++)
        out[i] = (struct plugin_table){r->tables.v[i]->name, r->tables.v[i]->owner,
                                       &r->tables.v[i]->input};
    return r->tables.n;
}

/* ---- dispatch: every T is a table_input, sub-tables too -------------------------------------- */

static const ss_plugin_table_input *input_of(ss_plugin_table_t *t)
{
    return t;
}

/* A plugin's table failed: its words become the caller's owner error (quirk 32). */
static void pass_error(ss_plugin_table_t *t)
{
    struct plugin *owner = NULL, *me = caller;
    char text[PLUGIN_MAX_ERRLEN];

    for (size_t i = 0; me && i < me->host->tables->tables.n; i++) {
        if (&me->host->tables->tables.v[i]->input == t)
            owner = me->host->tables->tables.v[i]->owner;
    }
    if (!owner || owner == me)
        return;
    call_last_error(owner, text, sizeof(text));
    owner_error_set(me, "%s", text);
}

static const ss_plugin_table_fieldinfo *do_list_fields(ss_plugin_table_t *t, uint32_t *n)
{
    const ss_plugin_table_fieldinfo *r;

    if (!t || !may(TABLES_FIND))
        return NULL;
    r = input_of(t)->fields_ext->list_table_fields(input_of(t)->table, n);
    if (!r)
        pass_error(t);
    return r;
}

static ss_plugin_table_field_t *do_get_field(ss_plugin_table_t *t, const char *name,
                                             ss_plugin_state_type type)
{
    ss_plugin_table_field_t *f;

    if (!t || !may(TABLES_FIND))
        return NULL;
    f = input_of(t)->fields_ext->get_table_field(input_of(t)->table, name, type);
    if (!f)
        pass_error(t);
    return f;
}

static ss_plugin_table_field_t *do_add_field(ss_plugin_table_t *t, const char *name,
                                             ss_plugin_state_type type)
{
    ss_plugin_table_field_t *f;

    if (!t || !may(TABLES_FIND))
        return NULL;
    f = input_of(t)->fields_ext->add_table_field(input_of(t)->table, name, type);
    if (!f)
        pass_error(t);
    return f;
}

static const char *do_name(ss_plugin_table_t *t)
{
    return input_of(t)->reader_ext->get_table_name(input_of(t)->table);
}

static uint64_t do_size(ss_plugin_table_t *t)
{
    uint64_t n;

    if (!t || !may(TABLES_READ))
        return UINT64_MAX;
    n = input_of(t)->reader_ext->get_table_size(input_of(t)->table);
    if (n == UINT64_MAX)
        pass_error(t);
    return n;
}

static ss_plugin_table_entry_t *do_get_entry(ss_plugin_table_t *t, const ss_plugin_state_data *key)
{
    ss_plugin_table_entry_t *e;

    if (!t || !may(TABLES_READ))
        return NULL;
    e = input_of(t)->reader_ext->get_table_entry(input_of(t)->table, key);
    if (!e)
        pass_error(t);
    return e;
}

static ss_plugin_rc do_read(ss_plugin_table_t *t, ss_plugin_table_entry_t *e,
                            const ss_plugin_table_field_t *f, ss_plugin_state_data *out)
{
    ss_plugin_rc rc;

    if (!t || !may(TABLES_READ))
        return SS_PLUGIN_FAILURE;
    rc = input_of(t)->reader_ext->read_entry_field(input_of(t)->table, e, f, out);
    if (rc == SS_PLUGIN_FAILURE)
        pass_error(t);
    return rc;
}

static void do_release(ss_plugin_table_t *t, ss_plugin_table_entry_t *e)
{
    input_of(t)->reader_ext->release_table_entry(input_of(t)->table, e);
}

static ss_plugin_bool do_iterate(ss_plugin_table_t *t, ss_plugin_table_iterator_func_t it,
                                 ss_plugin_table_iterator_state_t *s)
{
    return may(TABLES_READ) ? input_of(t)->reader_ext->iterate_entries(input_of(t)->table, it, s)
                            : 0;
}

static ss_plugin_rc do_clear(ss_plugin_table_t *t)
{
    ss_plugin_rc rc;

    if (!t || !may(TABLES_WRITE))
        return SS_PLUGIN_FAILURE;
    rc = input_of(t)->writer_ext->clear_table(input_of(t)->table);
    if (rc == SS_PLUGIN_FAILURE)
        pass_error(t);
    return rc;
}

static ss_plugin_rc do_erase(ss_plugin_table_t *t, const ss_plugin_state_data *key)
{
    ss_plugin_rc rc;

    if (!t || !may(TABLES_WRITE))
        return SS_PLUGIN_FAILURE;
    rc = input_of(t)->writer_ext->erase_table_entry(input_of(t)->table, key);
    if (rc == SS_PLUGIN_FAILURE)
        pass_error(t);
    return rc;
}

static ss_plugin_table_entry_t *do_create(ss_plugin_table_t *t)
{
    ss_plugin_table_entry_t *e;

    if (!t || !may(TABLES_WRITE))
        return NULL;
    e = input_of(t)->writer_ext->create_table_entry(input_of(t)->table);
    if (!e)
        pass_error(t);
    return e;
}

static void do_destroy(ss_plugin_table_t *t, ss_plugin_table_entry_t *e)
{
    input_of(t)->writer_ext->destroy_table_entry(input_of(t)->table, e);
}

static ss_plugin_table_entry_t *do_add(ss_plugin_table_t *t, const ss_plugin_state_data *key,
                                       ss_plugin_table_entry_t *e)
{
    ss_plugin_table_entry_t *r;

    if (!t || !may(TABLES_WRITE))
        return NULL;
    r = input_of(t)->writer_ext->add_table_entry(input_of(t)->table, key, e);
    if (!r)
        pass_error(t);
    return r;
}

static ss_plugin_rc do_write(ss_plugin_table_t *t, ss_plugin_table_entry_t *e,
                             const ss_plugin_table_field_t *f, const ss_plugin_state_data *in)
{
    ss_plugin_rc rc;

    if (!t || !may(TABLES_WRITE))
        return SS_PLUGIN_FAILURE;
    rc = input_of(t)->writer_ext->write_entry_field(input_of(t)->table, e, f, in);
    if (rc == SS_PLUGIN_FAILURE)
        pass_error(t);
    return rc;
}

static ss_plugin_table_fields_vtable_ext fields_ext = {do_list_fields, do_get_field, do_add_field};
static ss_plugin_table_reader_vtable_ext reader_ext = {do_name, do_size,    do_get_entry,
                                                       do_read, do_release, do_iterate};
static ss_plugin_table_writer_vtable_ext writer_ext = {do_clear,   do_erase, do_create,
                                                       do_destroy, do_add,   do_write};
static const ss_plugin_table_reader_vtable reader = {do_name, do_size, do_get_entry, do_read};

const ss_plugin_init_tables_input *tables_init_input(void)
{
    static const ss_plugin_init_tables_input in = {
        .list_tables = list_tables,
        .get_table = get_table,
        .add_table = add_table,
        .fields = {do_list_fields, do_get_field, do_add_field},
        .fields_ext = &fields_ext,
        .reader_ext = &reader_ext,
        .writer_ext = &writer_ext,
    };
    return &in;
}

static const ss_plugin_table_writer_vtable writer = {do_clear,   do_erase, do_create,
                                                     do_destroy, do_add,   do_write};

const ss_plugin_table_writer_vtable *tables_writer(void)
{
    return &writer;
}

ss_plugin_table_writer_vtable_ext *tables_writer_ext(void)
{
    return &writer_ext;
}

const ss_plugin_table_reader_vtable *tables_reader(void)
{
    return &reader;
}

ss_plugin_table_reader_vtable_ext *tables_reader_ext(void)
{
    return &reader_ext;
}
