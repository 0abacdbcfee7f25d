/*
 * A plugin for the tests that tries what state tables allow and forbid (plugin ABI, §8), and tells what came of
 * it: its configuration names operations, before each word where they are tried ("init:list parse:erase"),
 * its field prober.said what each gave, with the owner's last error where it failed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mews/plugin_api.h"

#define EXPORT __attribute__((visibility("default")))

struct state {
    ss_plugin_owner_t *owner;
    const char *(*owner_error)(ss_plugin_owner_t *o);
    char config[1000], said[8000], error[200];
    const char *texts[1];
    ss_plugin_init_tables_input init; /* copied: also tried when it is over */
    const ss_plugin_table_reader_vtable_ext *reader;
    const ss_plugin_table_writer_vtable_ext *writer;
    ss_plugin_table_t *threads;
    ss_plugin_table_field_t *tid, *comm, *cwd, *args, *exe_ino, *value;
    uint64_t now; /* the thread of the event at hand */
};

/* ---- telling ------------------------------------------------------------------------------------- */

static void say(struct state *s, const char *op, const char *what)
{
    size_t n = strlen(s->said);

    snprintf(s->said + n, sizeof(s->said) - n, "%s%s=%s", n ? "; " : "", op, what);
}

static void say_failed(struct state *s, const char *op, bool failed)
{
    const char *why = failed ? s->owner_error(s->owner) : NULL;
    char what[600];

    snprintf(what, sizeof(what), "%s%s%s", failed ? "failed" : "ok", why ? ": " : "",
             why ? why : "");
    say(s, op, what);
}

static void say_number(struct state *s, const char *op, uint64_t n)
{
    char what[32];

    snprintf(what, sizeof(what), "%llu", (unsigned long long)n);
    say(s, op, what);
}

/* ---- finding: in init only ----------------------------------------------------------------------- */

static void list_tables(struct state *s, const char *op)
{
    uint32_t n = 0;
    ss_plugin_table_info *list = s->init.list_tables(s->owner, &n);
    char names[300] = "";

    for (uint32_t i = 0; list && i < n; i++)
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s:%d", i ? "," : "",
                 list[i].name, list[i].key_type);
    if (list)
        say(s, op, names);
    else
        say_failed(s, op, true);
}

static void list_fields(struct state *s, const char *op)
{
    uint32_t n = 0;
    const ss_plugin_table_fieldinfo *list = s->init.fields_ext->list_table_fields(s->threads, &n);
    unsigned fixed = 0;

    for (uint32_t i = 0; list && i < n; i++)
        fixed += list[i].read_only != 0;
    if (!list)
        say_failed(s, op, true);
    else
        say_number(s, op, n * 100 + fixed);
}

static void get_wrong_key(struct state *s, const char *op)
{
    say_failed(s, op, !s->init.get_table(s->owner, "threads", SS_PLUGIN_ST_STRING));
}

static void get_unknown(struct state *s, const char *op)
{
    say_failed(s, op, !s->init.get_table(s->owner, "nowhere", SS_PLUGIN_ST_INT64));
}

static void get_twice(struct state *s, const char *op)
{
    say(s, op,
        s->init.get_table(s->owner, "threads", SS_PLUGIN_ST_INT64) == s->threads ? "same"
                                                                                 : "other");
}

static void try_field(struct state *s, const char *op, bool add, const char *name,
                      ss_plugin_state_type type)
{
    ss_plugin_table_field_t *f = add ? s->init.fields_ext->add_table_field(s->threads, name, type)
                                     : s->init.fields_ext->get_table_field(s->threads, name, type);

    say_failed(s, op, !f);
}

static void field_unknown(struct state *s, const char *op)
{
    try_field(s, op, false, "nothing", SS_PLUGIN_ST_STRING);
}

static void field_wrong_type(struct state *s, const char *op)
{
    try_field(s, op, false, "comm", SS_PLUGIN_ST_UINT64);
}

static void add_fixed(struct state *s, const char *op)
{
    try_field(s, op, true, "comm", SS_PLUGIN_ST_STRING);
}

static void add_table_type(struct state *s, const char *op)
{
    try_field(s, op, true, "inside", SS_PLUGIN_ST_TABLE);
}

static void add_twice(struct state *s, const char *op)
{
    ss_plugin_table_field_t *first =
        s->init.fields_ext->add_table_field(s->threads, "mine", SS_PLUGIN_ST_UINT64);

    say(s, op,
        first && first ==
                     s->init.fields_ext->add_table_field(s->threads, "mine", SS_PLUGIN_ST_UINT64)
            ? "same"
            : "other");
    try_field(s, op, true, "mine", SS_PLUGIN_ST_STRING);
}

/* ---- entries --------------------------------------------------------------------------------------- */

static ss_plugin_table_entry_t *entry_now(struct state *s)
{
    ss_plugin_state_data key = {.s64 = (int64_t)s->now};

    return s->reader->get_table_entry(s->threads, &key);
}

static void size(struct state *s, const char *op)
{
    uint64_t n = s->reader->get_table_size(s->threads);

    if (n == UINT64_MAX)
        say_failed(s, op, true);
    else
        say_number(s, op, n);
}

static void get_missing(struct state *s, const char *op)
{
    ss_plugin_state_data key = {.s64 = 99999999};

    say_failed(s, op, !s->reader->get_table_entry(s->threads, &key));
}

static void read_unset(struct state *s, const char *op)
{
    ss_plugin_table_entry_t *e = s->writer->create_table_entry(s->threads);
    ss_plugin_state_data text = {.u64 = 77}, number = {.u64 = 77};

    if (!e || s->reader->read_entry_field(s->threads, e, s->comm, &text) ||
        s->reader->read_entry_field(s->threads, e, s->exe_ino, &number)) {
        say_failed(s, op, true);
        return;
    }
    say(s, op, text.str && !*text.str && number.u64 == 0 ? "empty and 0" : "something");
    s->writer->destroy_table_entry(s->threads, e);
}

/* Tables give what is read only once it is released; or when the call is over. */
static void keep_unreleased(struct state *s, const char *op)
{
    for (int i = 0; i < 3; i++) {
        if (!entry_now(s)) {
            say_failed(s, op, true);
            return;
        }
    }
    say(s, op, "ok");
}

static void release_unknown(struct state *s, const char *op)
{
    static char nothing[64];

    s->reader->release_table_entry(s->threads, nothing);
    say(s, op, "ok");
}

static ss_plugin_bool stop_at_two(ss_plugin_table_iterator_state_t *n, ss_plugin_table_entry_t *e)
{
    (void)e;
    return ++*(int *)n < 2;
}

static void iterate(struct state *s, const char *op)
{
    int n = 0;
    bool whole = s->reader->iterate_entries(s->threads, stop_at_two, &n);

    say_number(s, op, (uint64_t)n * 10 + whole);
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static void write_to(struct state *s, const char *op, const ss_plugin_table_field_t *f)
{
    ss_plugin_table_entry_t *e = entry_now(s);
    ss_plugin_state_data v = {.str = "changed"};

    say_failed(s, op,
               !e || s->writer->write_entry_field(s->threads, e, f, &v) != SS_PLUGIN_SUCCESS);
    if (e)
        s->reader->release_table_entry(s->threads, e);
}

static void write_fixed(struct state *s, const char *op)
{
    write_to(s, op, s->cwd);
}

static void write_table(struct state *s, const char *op)
{
    write_to(s, op, s->args);
}

static void write_comm(struct state *s, const char *op)
{
    write_to(s, op, s->comm);
}

static void erase_missing(struct state *s, const char *op)
{
    ss_plugin_state_data key = {.s64 = 99999999};

    say_failed(s, op, s->writer->erase_table_entry(s->threads, &key) != SS_PLUGIN_SUCCESS);
}

static void destroy_foreign(struct state *s, const char *op)
{
    static char nothing[64];

    s->writer->destroy_table_entry(s->threads, nothing);
    say_failed(s, op, true);
}

static void add_foreign(struct state *s, const char *op)
{
    ss_plugin_table_entry_t *e = entry_now(s);
    ss_plugin_state_data key = {.s64 = 4242};

    say_failed(s, op, !e || !s->writer->add_table_entry(s->threads, &key, e));
}

/* An entry that is made, written to, added, found under its key, and erased. */
static void whole_life(struct state *s, const char *op)
{
    ss_plugin_table_entry_t *e = s->writer->create_table_entry(s->threads), *added;
    ss_plugin_state_data key = {.s64 = 4243}, v = {.str = "made"}, tid = {0}, text = {0};

    if (!e || s->writer->write_entry_field(s->threads, e, s->comm, &v) ||
        !(added = s->writer->add_table_entry(s->threads, &key, e))) {
        say_failed(s, op, true);
        return;
    }
    s->reader->release_table_entry(s->threads, added);
    e = s->reader->get_table_entry(s->threads, &key);
    if (!e || s->reader->read_entry_field(s->threads, e, s->tid, &tid) || tid.s64 != 4243 ||
        s->reader->read_entry_field(s->threads, e, s->comm, &text) ||
        strcmp(text.str, "made") != 0) {
        say_failed(s, op, true);
        return;
    }
    s->reader->release_table_entry(s->threads, e);
    say_failed(s, op,
               s->writer->erase_table_entry(s->threads, &key) ||
                   s->reader->get_table_entry(s->threads, &key));
}

/* ---- a table inside --------------------------------------------------------------------------------- */

static ss_plugin_table_t *args_of(struct state *s, ss_plugin_table_entry_t **e)
{
    ss_plugin_state_data v;

    *e = s->now ? entry_now(s) : s->writer->create_table_entry(s->threads);
    if (!*e || s->reader->read_entry_field(s->threads, *e, s->args, &v) != SS_PLUGIN_SUCCESS)
        return NULL;
    return v.table;
}

static void inside_add_field(struct state *s, const char *op)
{
    ss_plugin_table_entry_t *e;
    ss_plugin_table_t *t = args_of(s, &e);

    say_failed(s, op, !t || !s->init.fields_ext->add_table_field(t, "more", SS_PLUGIN_ST_STRING));
}

/* Added at a place, an array gets as long as that. */
static void inside_resize(struct state *s, const char *op)
{
    ss_plugin_table_entry_t *e, *arg;
    ss_plugin_table_t *t = args_of(s, &e);
    ss_plugin_state_data key = {.u64 = 4}, v = {.str = "fifth"};

    arg = t ? s->writer->create_table_entry(t) : NULL;
    if (!arg || !(arg = s->writer->add_table_entry(t, &key, arg)) ||
        s->writer->write_entry_field(t, arg, s->value, &v)) {
        say_failed(s, op, true);
        return;
    }
    s->reader->release_table_entry(t, arg);
    say_number(s, op, s->reader->get_table_size(t));
    key.u64 = 0;
    say_failed(s, op, s->writer->erase_table_entry(t, &key) != SS_PLUGIN_SUCCESS);
    say_number(s, op, s->reader->get_table_size(t));
    key.u64 = 40;
    say_failed(s, op, s->writer->erase_table_entry(t, &key) != SS_PLUGIN_SUCCESS);
    say_failed(s, op, s->writer->clear_table(t) != SS_PLUGIN_SUCCESS);
    say_number(s, op, s->reader->get_table_size(t));
}

/* ---- what is tried where ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    void (*run)(struct state *s, const char *op);
} ops[] = {
    {"list", list_tables},
    {"fields", list_fields},
    {"wrong-key", get_wrong_key},
    {"unknown", get_unknown},
    {"get-twice", get_twice},
    {"field-unknown", field_unknown},
    {"field-wrong-type", field_wrong_type},
    {"add-fixed", add_fixed},
    {"add-table-type", add_table_type},
    {"add-twice", add_twice},
    {"size", size},
    {"get-missing", get_missing},
    {"read-unset", read_unset},
    {"keep-unreleased", keep_unreleased},
    {"release-unknown", release_unknown},
    {"iterate", iterate},
    {"write-fixed", write_fixed},
    {"write-table", write_table},
    {"write-comm", write_comm},
    {"erase-missing", erase_missing},
    {"destroy-foreign", destroy_foreign},
    {"add-foreign", add_foreign},
    {"whole-life", whole_life},
    {"inside-add-field", inside_add_field},
    {"inside-resize", inside_resize},
};

static void try_at(struct state *s, const char *where)
{
    char words[sizeof(s->config)], *save = NULL;

    snprintf(words, sizeof(words), "%s", s->config);
    for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        size_t n = strlen(where);

        if (strncmp(w, where, n) != 0 || w[n] != ':')
            continue;
        for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
            if (strcmp(ops[i].name, w + n + 1) == 0)
                ops[i].run(s, ops[i].name);
        }
    }
}

/* ---- the plugin ------------------------------------------------------------------------------------------ */

EXPORT const char *plugin_get_required_api_version(void)
{
    return "3.12.0";
}

EXPORT const char *plugin_get_name(void)
{
    return "prober";
}

EXPORT const char *plugin_get_description(void)
{
    return "tries what tables allow, for the tests";
}

EXPORT const char *plugin_get_contact(void)
{
    return "nobody";
}

EXPORT const char *plugin_get_version(void)
{
    return "0.1.0";
}

static bool find_all(struct state *s)
{
    ss_plugin_table_entry_t *e;
    ss_plugin_state_data v;

    s->threads = s->init.get_table(s->owner, "threads", SS_PLUGIN_ST_INT64);
    if (!s->threads)
        return false;
    s->tid = s->init.fields_ext->get_table_field(s->threads, "tid", SS_PLUGIN_ST_INT64);
    s->comm = s->init.fields_ext->get_table_field(s->threads, "comm", SS_PLUGIN_ST_STRING);
    s->cwd = s->init.fields_ext->get_table_field(s->threads, "cwd", SS_PLUGIN_ST_STRING);
    s->args = s->init.fields_ext->get_table_field(s->threads, "args", SS_PLUGIN_ST_TABLE);
    s->exe_ino = s->init.fields_ext->get_table_field(s->threads, "exe_ino", SS_PLUGIN_ST_UINT64);
    e = s->writer->create_table_entry(s->threads);
    if (!e || s->reader->read_entry_field(s->threads, e, s->args, &v) != SS_PLUGIN_SUCCESS)
        return false;
    s->value = s->init.fields_ext->get_table_field(v.table, "value", SS_PLUGIN_ST_STRING);
    s->writer->destroy_table_entry(s->threads, e);
    return s->tid && s->comm && s->cwd && s->args && s->exe_ino && s->value;
}

EXPORT ss_plugin_t *plugin_init(const ss_plugin_init_input *in, ss_plugin_rc *rc)
{
    struct state *s = calloc(1, sizeof(*s));

    s->owner = in->owner;
    s->owner_error = in->get_owner_last_error;
    s->init = *in->tables;
    s->reader = in->tables->reader_ext;
    s->writer = in->tables->writer_ext;
    snprintf(s->config, sizeof(s->config), "%s", in->config);
    *rc = find_all(s) ? SS_PLUGIN_SUCCESS : SS_PLUGIN_FAILURE;
    if (*rc == SS_PLUGIN_SUCCESS)
        try_at(s, "init");
    return s;
}

EXPORT void plugin_destroy(ss_plugin_t *p)
{
    free(p);
}

EXPORT const char *plugin_get_last_error(ss_plugin_t *p)
{
    struct state *s = p;

    return s->error;
}

EXPORT const char *plugin_get_fields(void)
{
    return "[{\"name\":\"prober.said\",\"type\":\"string\",\"desc\":\"what came of what was "
           "tried\"},"
           "{\"name\":\"prober.comm\",\"type\":\"string\",\"desc\":\"the thread's name\"}]";
}

static void look_at(struct state *s, const ss_plugin_event_input *ev)
{
    memcpy(&s->now, (const char *)ev->evt + 8, 8);
}

EXPORT ss_plugin_rc plugin_extract_fields(ss_plugin_t *p, const ss_plugin_event_input *ev,
                                          const ss_plugin_field_extract_input *in)
{
    struct state *s = p;
    ss_plugin_extract_field *f = &in->fields[0];
    ss_plugin_table_entry_t *e;
    ss_plugin_state_data v;

    look_at(s, ev);
    s->reader = in->table_reader_ext;
    f->res_len = 1;
    f->res.str = s->texts;
    if (f->field_id == 0) {
        try_at(s, "extract");
        s->texts[0] = s->said;
        return SS_PLUGIN_SUCCESS;
    }
    e = entry_now(s);
    if (!e || s->reader->read_entry_field(s->threads, e, s->comm, &v) != SS_PLUGIN_SUCCESS)
        return SS_PLUGIN_FAILURE;
    snprintf(s->error, sizeof(s->error), "%s", v.str);
    s->texts[0] = s->error;
    s->reader->release_table_entry(s->threads, e);
    return SS_PLUGIN_SUCCESS;
}

EXPORT ss_plugin_rc plugin_parse_event(ss_plugin_t *p, const ss_plugin_event_input *ev,
                                       const ss_plugin_event_parse_input *in)
{
    struct state *s = p;

    look_at(s, ev);
    s->reader = in->table_reader_ext;
    s->writer = in->table_writer_ext;
    if (ev->evtnum == 1)
        try_at(s, "parse");
    return SS_PLUGIN_SUCCESS;
}

EXPORT ss_plugin_rc plugin_capture_open(ss_plugin_t *p, const ss_plugin_capture_listen_input *in)
{
    struct state *s = p;

    s->now = 0;
    s->reader = in->table_reader_ext;
    s->writer = in->table_writer_ext;
    try_at(s, "open");
    return SS_PLUGIN_SUCCESS;
}

EXPORT ss_plugin_rc plugin_capture_close(ss_plugin_t *p, const ss_plugin_capture_listen_input *in)
{
    (void)p;
    (void)in;
    return SS_PLUGIN_SUCCESS;
}
