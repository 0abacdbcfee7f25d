/*
 * A plugin for the tests that does what a whole runtime has: it parses events (and counts them),
 * sends async events from a thread, owns a table, reads and extends the host's, listens to captures
 * with a routine, has metrics, and takes another configuration while it runs. What it does is in its
 * configuration, in words: "send=5 ts=none".
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mews/plugin_api.h"

#define EXPORT __attribute__((visibility("default")))

#ifndef WITNESS_NAME
#define WITNESS_NAME "witness"
#endif
#ifndef WITNESS_API
#define WITNESS_API "3.12.0"
#endif

struct seen { /* an entry of the plugin's own table */
    struct seen *next;
    uint64_t key, n;
    char text[32];
};

struct state {
    ss_plugin_owner_t *owner;
    const char *(*owner_error)(ss_plugin_owner_t *o);
    char config[2000], error[1024];
    uint64_t parsed, routine_calls, refused;
    char last_refusal[1024];
    ss_plugin_table_reader_vtable_ext reader;
    ss_plugin_table_t *threads, *own;
    ss_plugin_table_field_t *comm, *tag, *args, *arg_value, *cgroups, *first, *second, *fds,
        *fd_name, *fd_mount, *fd_port;
    bool edited, is_second;
    struct seen *seen;
    uint64_t numbers[2];
    const char *texts[1];
    char text[200];
    ss_plugin_metric metrics[2];
    ss_plugin_async_event_handler_t handler;
    pthread_t thread;
    bool sending;
    volatile bool quit;
    ss_plugin_routine_vtable routines;
    ss_plugin_routine_t *routine;
};

static uint64_t option(const struct state *s, const char *key, uint64_t otherwise)
{
    const char *at = strstr(s->config, key);

    return at && at[strlen(key)] == '=' ? strtoull(at + strlen(key) + 1, NULL, 10) : otherwise;
}

static bool has(const struct state *s, const char *word)
{
    return strstr(s->config, word) != NULL;
}

EXPORT const char *plugin_get_required_api_version(void)
{
    return WITNESS_API;
}
EXPORT const char *plugin_get_name(void)
{
    return WITNESS_NAME;
}
EXPORT const char *plugin_get_description(void)
{
    return "sees every event, for the tests";
}
EXPORT const char *plugin_get_contact(void)
{
    return "nobody";
}
EXPORT const char *plugin_get_version(void)
{
    return "0.1.0";
}
EXPORT const char *plugin_get_last_error(ss_plugin_t *p)
{
    return ((struct state *)p)->error;
}

/* ---- its own table: keys are numbers of events divided by ten, values counts ----------------- */

static const char *own_name(ss_plugin_table_t *t)
{
    (void)t;
    return "witnessed";
}
static uint64_t own_size(ss_plugin_table_t *t)
{
    uint64_t n = 0;

    for (struct seen *e = ((struct state *)t)->seen; e; e = e->next)
        n++;
    return n;
}
static ss_plugin_table_entry_t *own_get(ss_plugin_table_t *t, const ss_plugin_state_data *key)
{
    struct state *s = t;

    for (struct seen *e = s->seen; e; e = e->next) {
        if (e->key == key->u64)
            return e;
    }
    snprintf(s->error, sizeof(s->error), "nothing was witnessed under %llu",
             (unsigned long long)key->u64);
    return NULL;
}
static ss_plugin_rc own_read(ss_plugin_table_t *t, ss_plugin_table_entry_t *e,
                             const ss_plugin_table_field_t *f, ss_plugin_state_data *out)
{
    (void)t;
    if (f == (void *)1)
        out->u64 = ((struct seen *)e)->n;
    else
        out->str = ((struct seen *)e)->text;
    return SS_PLUGIN_SUCCESS;
}
static void own_release(ss_plugin_table_t *t, ss_plugin_table_entry_t *e)
{
    (void)t;
    (void)e;
}
static ss_plugin_bool own_iterate(ss_plugin_table_t *t, ss_plugin_table_iterator_func_t it,
                                  ss_plugin_table_iterator_state_t *state)
{
    for (struct seen *e = ((struct state *)t)->seen; e; e = e->next) {
        if (!it(state, e))
            return 0;
    }
    return 1;
}
static ss_plugin_rc own_clear(ss_plugin_table_t *t)
{
    snprintf(((struct state *)t)->error, 100, "what was seen stays seen");
    return SS_PLUGIN_FAILURE;
}
static ss_plugin_rc own_erase(ss_plugin_table_t *t, const ss_plugin_state_data *key)
{
    (void)key;
    return own_clear(t);
}
static ss_plugin_table_entry_t *own_create(ss_plugin_table_t *t)
{
    own_clear(t);
    return NULL;
}
static void own_destroy(ss_plugin_table_t *t, ss_plugin_table_entry_t *e)
{
    (void)t;
    (void)e;
}
static ss_plugin_table_entry_t *own_add(ss_plugin_table_t *t, const ss_plugin_state_data *key,
                                        ss_plugin_table_entry_t *e)
{
    (void)key;
    (void)e;
    own_clear(t);
    return NULL;
}
static ss_plugin_rc own_write(ss_plugin_table_t *t, ss_plugin_table_entry_t *e,
                              const ss_plugin_table_field_t *f, const ss_plugin_state_data *in)
{
    (void)e;
    (void)f;
    (void)in;
    return own_clear(t);
}
static const ss_plugin_table_fieldinfo own_infos[] = {{"n", SS_PLUGIN_ST_UINT64, 1},
                                                      {"text", SS_PLUGIN_ST_STRING, 1}};
static const ss_plugin_table_fieldinfo *own_fields(ss_plugin_table_t *t, uint32_t *n)
{
    (void)t;
    *n = 2;
    return own_infos;
}
static ss_plugin_table_field_t *own_field(ss_plugin_table_t *t, const char *name,
                                          ss_plugin_state_type type)
{
    for (size_t i = 0; i < 2; i++) {
        if (strcmp(own_infos[i].name, name) == 0 && own_infos[i].field_type == type)
            return (void *)(i + 1);
    }
    snprintf(((struct state *)t)->error, 1000, "no field %s here", name);
    return NULL;
}
static ss_plugin_table_field_t *own_add_field(ss_plugin_table_t *t, const char *name,
                                              ss_plugin_state_type type)
{
    (void)name;
    (void)type;
    own_clear(t);
    return NULL;
}

static uint64_t own_other_size(ss_plugin_table_t *t)
{
    return own_size(t) + 1;
}

static ss_plugin_rc own_register(struct state *s, const ss_plugin_init_tables_input *in)
{
    static ss_plugin_table_reader_vtable_ext reader = {own_name, own_size,    own_get,
                                                       own_read, own_release, own_iterate};
    static ss_plugin_table_writer_vtable_ext writer = {own_clear,   own_erase, own_create,
                                                       own_destroy, own_add,   own_write};
    static ss_plugin_table_fields_vtable_ext fields = {own_fields, own_field, own_add_field};
    ss_plugin_table_input t = {
        .name = "witnessed",
        .key_type = SS_PLUGIN_ST_UINT64,
        .table = s,
        .reader = {own_name, own_size, own_get, own_read},
        .writer = {own_clear, own_erase, own_create, own_destroy, own_add, own_write},
        .fields = {own_fields, own_field, own_add_field},
        .reader_ext = &reader,
        .writer_ext = &writer,
        .fields_ext = &fields,
    };

#ifdef WITNESS_OLD_TABLES /* API 3.0 ends before these: what is there is chance */
    t.reader_ext = (void *)0x10;
    t.writer_ext = (void *)0x20;
    t.fields_ext = (void *)0x30;
#endif
    if (has(s, "no-iterate"))
        reader.iterate_entries = NULL;
    if (has(s, "two-readers"))
        t.reader.get_table_size = own_other_size;
    if (has(s, "no-name"))
        t.name = NULL;

    return in->add_table(s->owner, &t);
}

/* Reads an entry that is not there, of another plugin's table, or the table with another key. */
static bool read_missing(struct state *s, const ss_plugin_init_tables_input *in)
{
    ss_plugin_state_data key = {.u64 = 7};
    ss_plugin_table_t *t = in->get_table(
        s->owner, "witnessed", has(s, "wrong-key") ? SS_PLUGIN_ST_STRING : SS_PLUGIN_ST_UINT64);

    return t && in->reader_ext->get_table_entry(t, &key);
}

/* As SDKs do: fields of the tables inside an entry are found through one that is made for it. */
static bool find_inside(struct state *s, const ss_plugin_init_tables_input *in)
{
    ss_plugin_table_entry_t *e = in->writer_ext->create_table_entry(s->threads);
    ss_plugin_state_data sub;

    if (!e)
        return false;
    if (in->reader_ext->read_entry_field(s->threads, e, s->args, &sub) != SS_PLUGIN_SUCCESS)
        return false;
    s->arg_value = in->fields_ext->get_table_field(sub.table, "value", SS_PLUGIN_ST_STRING);
    if (in->reader_ext->read_entry_field(s->threads, e, s->fds, &sub) != SS_PLUGIN_SUCCESS)
        return false;
    s->fd_name = in->fields_ext->get_table_field(sub.table, "name", SS_PLUGIN_ST_STRING);
    s->fd_mount = in->fields_ext->get_table_field(sub.table, "mount_id", SS_PLUGIN_ST_UINT32);
    s->fd_port =
        in->fields_ext->get_table_field(sub.table, "socket_ipv4_src_port", SS_PLUGIN_ST_UINT16);
    if (in->reader_ext->read_entry_field(s->threads, e, s->cgroups, &sub) != SS_PLUGIN_SUCCESS)
        return false;
    s->first = in->fields_ext->get_table_field(sub.table, "first", SS_PLUGIN_ST_STRING);
    s->second = in->fields_ext->get_table_field(sub.table, "second", SS_PLUGIN_ST_STRING);
    in->writer_ext->destroy_table_entry(s->threads, e);
    return s->arg_value && s->fd_name && s->fd_mount && s->fd_port && s->first && s->second;
}

static bool find_tables(struct state *s, const ss_plugin_init_tables_input *in)
{
    if (!in)
        return false;
    s->reader = *in->reader_ext;
    s->threads = in->get_table(s->owner, "threads", SS_PLUGIN_ST_INT64);
    if (!s->threads)
        return false;
    s->comm = in->fields_ext->get_table_field(s->threads, "comm", SS_PLUGIN_ST_STRING);
    s->args = in->fields_ext->get_table_field(s->threads, "args", SS_PLUGIN_ST_TABLE);
    s->cgroups = in->fields_ext->get_table_field(s->threads, "cgroups", SS_PLUGIN_ST_TABLE);
    s->fds = in->fields_ext->get_table_field(s->threads, "file_descriptors", SS_PLUGIN_ST_TABLE);
    s->tag =
        in->fields_ext->add_table_field(s->threads, WITNESS_NAME "_events", SS_PLUGIN_ST_UINT64);
    return s->comm && s->args && s->cgroups && s->fds && s->tag && find_inside(s, in) &&
           own_register(s, in) == SS_PLUGIN_SUCCESS;
}

static unsigned made; /* in this process */

/* Like one that takes a port, or locks a file: a second one can't be started beside it. */
static bool lock_taken(struct state *s)
{
    char path[200] = "";

    sscanf(strstr(s->config, "lock=") + 5, "%199[^ ]", path);
    if (open(path, O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0)
        return false;
    snprintf(s->error, sizeof(s->error), "the lock is taken");
    return true;
}

EXPORT ss_plugin_t *plugin_init(const ss_plugin_init_input *in, ss_plugin_rc *rc)
{
    struct state *s = calloc(1, sizeof(*s));

    made++;
    s->owner = in->owner;
    s->owner_error = in->get_owner_last_error;
    snprintf(s->config, sizeof(s->config), "%s", in->config);
    s->is_second = has(s, "lock=") && lock_taken(s);
    *rc = s->is_second && !has(s, "again-dies=") ? SS_PLUGIN_FAILURE : SS_PLUGIN_SUCCESS;
    if (has(s, "tables") && !find_tables(s, in->tables)) {
        const char *why = s->owner_error(s->owner);

        snprintf(s->error, sizeof(s->error), "%s", why ? why : "no words");
        *rc = SS_PLUGIN_FAILURE;
    }
    if ((has(s, "own-only") && own_register(s, in->tables) != SS_PLUGIN_SUCCESS) ||
        (has(s, "missing-entry") && !read_missing(s, in->tables))) {
        const char *why = s->owner_error(s->owner);

        snprintf(s->error, sizeof(s->error), "%s", why ? why : "no words");
        *rc = SS_PLUGIN_FAILURE;
    }
    if (has(s, "want=")) {
        char name[64] = "";

        sscanf(strstr(s->config, "want=") + 5, "%63[a-z_]", name);
        if (!in->tables->get_table(s->owner, name, SS_PLUGIN_ST_UINT64)) {
            snprintf(s->error, sizeof(s->error), "%s", s->owner_error(s->owner));
            *rc = SS_PLUGIN_FAILURE;
        }
    }
    return s;
}

EXPORT void plugin_destroy(ss_plugin_t *p)
{
    struct state *s = p;

    for (struct seen *e = s->seen, *next; e; e = next) {
        next = e->next;
        free(e);
    }
    free(s);
}

EXPORT ss_plugin_rc plugin_set_config(ss_plugin_t *p, const ss_plugin_set_config_input *in)
{
    struct state *s = p;

    if (strstr(in->config, "no-thanks")) {
        snprintf(s->error, sizeof(s->error), "this is no configuration for a witness");
        return SS_PLUGIN_FAILURE;
    }
    snprintf(s->config, sizeof(s->config), "%s", in->config);
    return SS_PLUGIN_SUCCESS;
}

EXPORT ss_plugin_metric *plugin_get_metrics(ss_plugin_t *p, uint32_t *n)
{
    struct state *s = p;

    s->metrics[0] = (ss_plugin_metric){.name = "parsed",
                                       .type = SS_PLUGIN_METRIC_TYPE_MONOTONIC,
                                       .value.u64 = s->parsed,
                                       .value_type = SS_PLUGIN_METRIC_VALUE_TYPE_U64};
    s->metrics[1] = (ss_plugin_metric){.name = "share",
                                       .type = SS_PLUGIN_METRIC_TYPE_NON_MONOTONIC,
                                       .value.d = -0.5,
                                       .value_type = SS_PLUGIN_METRIC_VALUE_TYPE_D};
    *n = 2;
    return s->metrics;
}

/* ---- parsing --------------------------------------------------------------------------------- */

static void witness(struct state *s, uint64_t number)
{
    struct seen *e = s->seen;

    while (e && e->key != number / 10)
        e = e->next;
    if (!e) {
        e = calloc(1, sizeof(*e));
        e->key = number / 10;
        snprintf(e->text, sizeof(e->text), "from %llu", (unsigned long long)e->key * 10);
        e->next = s->seen;
        s->seen = e;
    }
    e->n++;
}

/* Writes into the table that a field of the thread holds, at a key that is new or not; and tells what
 * stands there then. */
static void edit_entry(struct state *s, const ss_plugin_event_parse_input *in,
                       ss_plugin_table_t *table, uint64_t key, bool add,
                       ss_plugin_table_field_t *field, const char *text)
{
    ss_plugin_state_data k = {.u64 = key}, value = {.str = text};
    ss_plugin_table_entry_t *e =
        add ? in->table_writer_ext->add_table_entry(table, &k,
                                                    in->table_writer_ext->create_table_entry(table))
            : in->table_reader_ext->get_table_entry(table, &k);

    if (!e || in->table_writer_ext->write_entry_field(table, e, field, &value) != SS_PLUGIN_SUCCESS)
        fprintf(stderr, "witness: %s\n", s->owner_error(s->owner));
    if (e)
        in->table_reader_ext->release_table_entry(table, e);
}

static void tell_list(const ss_plugin_event_parse_input *in, ss_plugin_table_t *table,
                      ss_plugin_table_field_t *a, ss_plugin_table_field_t *b)
{
    ss_plugin_state_data value;

    fprintf(stderr, "%s:", in->table_reader_ext->get_table_name(table));
    for (uint64_t i = 0; i < in->table_reader_ext->get_table_size(table); i++) {
        ss_plugin_state_data key = {.u64 = i};
        ss_plugin_table_entry_t *e = in->table_reader_ext->get_table_entry(table, &key);

        in->table_reader_ext->read_entry_field(table, e, a, &value);
        fprintf(stderr, " [%s", value.str);
        if (b && in->table_reader_ext->read_entry_field(table, e, b, &value) == SS_PLUGIN_SUCCESS)
            fprintf(stderr, " -> %s", value.str);
        fprintf(stderr, "]");
        in->table_reader_ext->release_table_entry(table, e);
    }
    fprintf(stderr, "\n");
}

/* Every write that §8.6 allows inside an entry of threads. */
static void edit_inside(struct state *s, ss_plugin_table_entry_t *thread,
                        const ss_plugin_event_parse_input *in)
{
    const ss_plugin_table_reader_vtable_ext *r = in->table_reader_ext;
    const ss_plugin_table_writer_vtable_ext *w = in->table_writer_ext;
    ss_plugin_state_data sub, key = {.u64 = 0}, value = {0};
    ss_plugin_table_entry_t *e;

    s->edited = true;
    r->read_entry_field(s->threads, thread, s->args, &sub);
    tell_list(in, sub.table, s->arg_value, NULL);
    edit_entry(s, in, sub.table, 3, true, s->arg_value, "fourth");
    edit_entry(s, in, sub.table, 0, false, s->arg_value, "first");
    edit_entry(s, in, sub.table, 9, false, s->arg_value, "nowhere");
    tell_list(in, sub.table, s->arg_value, NULL);
    key.u64 = 1;
    w->erase_table_entry(sub.table, &key);
    tell_list(in, sub.table, s->arg_value, NULL);
    edit_entry(s, in, sub.table, 0, true, s->arg_value, "alone");
    tell_list(in, sub.table, s->arg_value, NULL);

    r->read_entry_field(s->threads, thread, s->cgroups, &sub);
    w->clear_table(sub.table);
    edit_entry(s, in, sub.table, 1, true, s->second, "/pods/x");
    edit_entry(s, in, sub.table, 1, false, s->first, "memory");
    tell_list(in, sub.table, s->first, s->second);

    r->read_entry_field(s->threads, thread, s->fds, &sub);
    key.u64 = 77;
    e = w->create_table_entry(sub.table);
    value.u32 = 5;
    w->write_entry_field(sub.table, e, s->fd_mount, &value);
    e = w->add_table_entry(sub.table, &key, e);
    value.u64 = 0;
    value.u16 = 8080;
    w->write_entry_field(sub.table, e, s->fd_port, &value);
    r->read_entry_field(sub.table, e, s->fd_port, &value);
    fprintf(stderr, "port %u", value.u16);
    r->read_entry_field(sub.table, e, s->fd_mount, &value);
    fprintf(stderr, " mount %u", value.u32);
    r->release_table_entry(sub.table, e);
    w->erase_table_entry(sub.table, &key);
    e = w->add_table_entry(sub.table, &key, w->create_table_entry(sub.table));
    r->read_entry_field(sub.table, e, s->fd_mount, &value);
    fprintf(stderr, ", of the next one %u\n", value.u32);
    r->release_table_entry(sub.table, e);
}

/* Counts the events of each thread in the field that it has added. */
static void tag_thread(struct state *s, const ss_plugin_event_input *ev,
                       const ss_plugin_event_parse_input *in)
{
    ss_plugin_state_data key, value;
    ss_plugin_table_entry_t *e;
    uint64_t tid;

    memcpy(&tid, (const char *)ev->evt + 8, 8);
    key.s64 = (int64_t)tid;
    e = in->table_reader_ext->get_table_entry(s->threads, &key);
    if (!e)
        return;
    in->table_reader_ext->read_entry_field(s->threads, e, s->tag, &value);
    value.u64++;
    in->table_writer_ext->write_entry_field(s->threads, e, s->tag, &value);
    if (has(s, "edits") && !s->edited)
        edit_inside(s, e, in);
    in->table_reader_ext->release_table_entry(s->threads, e);
}

EXPORT ss_plugin_rc plugin_parse_event(ss_plugin_t *p, const ss_plugin_event_input *ev,
                                       const ss_plugin_event_parse_input *in)
{
    struct state *s = p;

    s->parsed++;
    if (has(s, "die=") && ev->evtnum == option(s, "die", 0))
        abort();
    if (s->is_second && ev->evtnum >= option(s, "again-dies", UINT64_MAX))
        abort();
    if (!has(s, "light"))
        witness(s, ev->evtnum);
    if (s->threads)
        tag_thread(s, ev, in);
    return has(s, "parse-fails") ? SS_PLUGIN_FAILURE : SS_PLUGIN_SUCCESS;
}

EXPORT uint16_t *plugin_get_parse_event_types(uint32_t *n, ss_plugin_t *p)
{
    static uint16_t types[1];

    types[0] = (uint16_t)option(p, "types", 0);
    *n = types[0] != 0;
    return types; /* not NULL with none, as in Rust's SDK (quirk 15) */
}

#ifdef WITNESS_PARSE_SOURCES
EXPORT const char *plugin_get_parse_event_sources(void)
{
    return WITNESS_PARSE_SOURCES;
}
#endif

#ifdef WITNESS_SCHEMA
EXPORT const char *plugin_get_required_event_schema_version(ss_plugin_t *p)
{
    (void)p;
    return WITNESS_SCHEMA;
}
#endif

/* ---- extraction ------------------------------------------------------------------------------ */

EXPORT const char *plugin_get_fields(void)
{
    return "[{\"name\":\"" WITNESS_NAME ".count\",\"type\":\"uint64\",\"desc\":\"events parsed so "
           "far\"},{\"name\":\"" WITNESS_NAME
           ".tag\",\"type\":\"uint64\",\"desc\":\"events of the thread so "
           "far\"},{\"name\":\"" WITNESS_NAME ".comm\",\"type\":\"string\",\"desc\":\"the thread's "
           "name, from the table\"},{\"name\":\"" WITNESS_NAME
           ".args\",\"type\":\"string\",\"desc\":\"arguments, from the table "
           "inside\"},{\"name\":\"" WITNESS_NAME
           ".fds\",\"type\":\"uint64\",\"desc\":\"open descriptors\"},{\"name\":\"" WITNESS_NAME
           ".made\",\"type\":\"uint64\",\"desc\":\"instances in the process\"}]";
}

static ss_plugin_bool join_arg(ss_plugin_table_iterator_state_t *state, ss_plugin_table_entry_t *e)
{
    struct state *s = state;
    ss_plugin_state_data v;

    if (s->reader.read_entry_field(s->own, e, s->arg_value, &v) == SS_PLUGIN_SUCCESS) {
        size_t n = strlen(s->text);

        snprintf(s->text + n, sizeof(s->text) - n, "%s%s", n ? " " : "", v.str);
    }
    s->reader.release_table_entry(s->own, e); /* as the C++ SDK does */
    return 1;
}

static bool from_thread(struct state *s, const ss_plugin_event_input *ev, uint32_t field)
{
    ss_plugin_state_data key, value;
    ss_plugin_table_entry_t *e;
    uint64_t tid;

    memcpy(&tid, (const char *)ev->evt + 8, 8);
    key.s64 = (int64_t)tid;
    e = s->threads ? s->reader.get_table_entry(s->threads, &key) : NULL;
    if (!e)
        return false;
    s->text[0] = '\0';
    if (field == 1 && s->reader.read_entry_field(s->threads, e, s->tag, &value) == 0)
        s->numbers[0] = value.u64;
    if (field == 2 && s->reader.read_entry_field(s->threads, e, s->comm, &value) == 0)
        snprintf(s->text, sizeof(s->text), "%s", value.str);
    if (field == 3 && s->reader.read_entry_field(s->threads, e, s->args, &value) == 0) {
        s->own = value.table;
        s->reader.iterate_entries(value.table, join_arg, s);
    }
    if (field == 4 && s->reader.read_entry_field(s->threads, e, s->fds, &value) == 0)
        s->numbers[0] = s->reader.get_table_size(value.table);
    s->reader.release_table_entry(s->threads, e);
    return true;
}

EXPORT ss_plugin_rc plugin_extract_fields(ss_plugin_t *p, const ss_plugin_event_input *ev,
                                          const ss_plugin_field_extract_input *in)
{
    struct state *s = p;
    ss_plugin_extract_field *f = &in->fields[0];

    if (in->table_reader_ext)
        s->reader = *in->table_reader_ext;
    f->res_len = 0;
    s->numbers[0] = f->field_id == 5 ? made : s->parsed;
    if (has(s, "extract-dies=") && f->field_id == 5 && ev->evtnum >= option(s, "extract-dies", 0))
        abort();
    if (f->field_id != 0 && f->field_id != 5 && !from_thread(s, ev, f->field_id))
        return SS_PLUGIN_SUCCESS;
    s->texts[0] = s->text;
    if (f->ftype == FTYPE_STRING)
        f->res.str = s->texts;
    else
        f->res.u64 = s->numbers;
    f->res_len = 1;
    return SS_PLUGIN_SUCCESS;
}

/* ---- async events ---------------------------------------------------------------------------- */

#ifndef WITNESS_NO_ASYNC
EXPORT const char *plugin_get_async_events(void)
{
    return "[\"tick\",\"tock\"]";
}

#ifdef WITNESS_ASYNC_SOURCES
EXPORT const char *plugin_get_async_event_sources(void)
{
    return WITNESS_ASYNC_SOURCES;
}
#endif

static size_t make_async(char *to, const char *name, uint64_t ts, uint64_t tid, const char *data)
{
    uint32_t lens[3] = {4, (uint32_t)strlen(name) + 1, (uint32_t)strlen(data)}, id = 0,
             len = 26 + 12 + lens[0] + lens[1] + lens[2], n = 3;
    uint16_t type = 402;

    memcpy(to, &ts, 8);
    memcpy(to + 8, &tid, 8);
    memcpy(to + 16, &len, 4);
    memcpy(to + 20, &type, 2);
    memcpy(to + 22, &n, 4);
    memcpy(to + 26, lens, 12);
    memcpy(to + 38, &id, 4);
    memcpy(to + 42, name, lens[1]);
    memcpy(to + 42 + lens[1], data, lens[2]);
    return len;
}

static void send(struct state *s, uint64_t i)
{
    uint64_t ts = has(s, "ts=none")     ? UINT64_MAX
                  : has(s, "ts=future") ? (uint64_t)(time(NULL) + 3600) * 1000000000ull
                                        : option(s, "ts", 0) + i * option(s, "step", 1);
    char event[300], data[40], err[PLUGIN_MAX_ERRLEN];

    snprintf(data, sizeof(data), "{\"i\":%llu}", (unsigned long long)i);
    make_async(event,
               has(s, "bad-name") ? "boom"
               : i % 2            ? "tock"
                                  : "tick",
               ts, has(s, "with-tid") ? 7 : UINT64_MAX, data);
    if (has(s, "bad-type"))
        event[20] = 0x43;
    if (has(s, "bad-length"))
        event[30] = 0x7f;
    if (s->handler(has(s, "bad-owner") ? (ss_plugin_owner_t *)s : s->owner,
                   (ss_plugin_event *)(void *)event, err) != SS_PLUGIN_SUCCESS) {
        s->refused++;
        snprintf(s->last_refusal, sizeof(s->last_refusal), "%s", err);
        fprintf(stderr, "refused: %s\n", err);
    }
}

static void *send_all(void *arg)
{
    struct state *s = arg;

    for (uint64_t i = 0; i < option(s, "send", 0) && !s->quit; i++) {
        send(s, i);
        usleep((useconds_t)option(s, "each", 0));
    }
    return NULL;
}

EXPORT ss_plugin_rc plugin_set_async_event_handler(ss_plugin_t *p, ss_plugin_owner_t *owner,
                                                   const ss_plugin_async_event_handler_t handler)
{
    struct state *s = p;

    s->owner = owner;
    if (handler && has(s, "handler-fails")) {
        snprintf(s->error, sizeof(s->error), "no handler, please");
        return SS_PLUGIN_FAILURE;
    }
    if (!handler) {
        s->quit = true;
        if (s->sending)
            pthread_join(s->thread, NULL);
        s->sending = false;
        if (s->handler && has(s, "last-words"))
            send(s, 98);
        if (!has(s, "never-forgets"))
            s->handler = NULL;
        return SS_PLUGIN_SUCCESS;
    }
    s->handler = handler;
    s->quit = false;
    if (has(s, "at-once")) {
        send_all(s);
    } else if (option(s, "send", 0)) {
        s->sending = pthread_create(&s->thread, NULL, send_all, s) == 0;
    }
    return SS_PLUGIN_SUCCESS;
}

EXPORT ss_plugin_rc plugin_dump_state(ss_plugin_t *p, ss_plugin_owner_t *owner,
                                      const ss_plugin_async_event_handler_t handler)
{
    char event[300], err[PLUGIN_MAX_ERRLEN];

    (void)owner;
    if (has(p, "dump-fails")) {
        snprintf(((struct state *)p)->error, sizeof(((struct state *)p)->error), "no state, please");
        return SS_PLUGIN_FAILURE;
    }
    make_async(event, has(p, "dump-undeclared") ? "boom" : "tick", 1577836800000000000ull, UINT64_MAX, "{\"initial\":true}");
    return handler(p, (ss_plugin_event *)(void *)event, err); /* the wrong owner, as some SDKs do */
}
#endif

/* ---- listening ------------------------------------------------------------------------------- */

static ss_plugin_bool routine(ss_plugin_t *p, ss_plugin_routine_state_t *state)
{
    struct state *s = p;

    (void)state;
    __atomic_add_fetch(&s->routine_calls, 1, __ATOMIC_RELAXED);
    usleep(1000);
    return !has(s, "routine-once");
}

EXPORT ss_plugin_rc plugin_capture_open(ss_plugin_t *p, const ss_plugin_capture_listen_input *in)
{
    struct state *s = p;

    fprintf(stderr, "capture open\n");
    if (has(s, "open-fails")) {
        snprintf(s->error, sizeof(s->error), "no capture, please");
        return SS_PLUGIN_FAILURE;
    }
    s->routines = *in->routine;
    if (has(s, "routine"))
        s->routine = s->routines.subscribe(in->owner, routine, s);
    return SS_PLUGIN_SUCCESS;
}

EXPORT ss_plugin_rc plugin_capture_close(ss_plugin_t *p, const ss_plugin_capture_listen_input *in)
{
    struct state *s = p;

    if (s->routine && !has(s, "routine-once"))
        fprintf(stderr, "unsubscribed: %d, again: %d\n",
                (int)in->routine->unsubscribe(in->owner, s->routine),
                (int)in->routine->unsubscribe(in->owner, s->routine));
    fprintf(stderr, "capture close, routine %s\n",
            s->routine_calls ? "ran"
            : s->routine     ? "never ran"
                             : "none");
    if (has(s, "close-fails")) {
        snprintf(s->error, sizeof(s->error), "no end, please");
        return SS_PLUGIN_FAILURE;
    }
    return SS_PLUGIN_SUCCESS;
}
