/*
 * A plugin that keeps state, beside the tour's source: it parses each event and counts, by user, what
 * has been asked and what was refused so far. Its fields give the counts as they were at an event, its
 * table shows them to others, and of a container that a person enters it tells 1.9 s later: an async
 * event.
 */
#include "../common.h"

#define ASYNC_TYPE 402
#define LATE_NS    1900000000ull

struct user {
    struct user *next;
    char name[128];
    uint64_t asked, refused;
};

struct state {
    struct user *users;
    ss_plugin_owner_t *owner;
    ss_plugin_async_event_handler_t handler;
    uint64_t value;
    char error[200];
};

EXPORT const char *plugin_get_required_api_version(void)
{
    return PLUGIN_API_VERSION_STR;
}
EXPORT const char *plugin_get_name(void)
{
    return "watch";
}
EXPORT const char *plugin_get_description(void)
{
    return "Counts by user, for the tour: a plugin that parses events and sends one";
}
EXPORT const char *plugin_get_contact(void)
{
    return "comes along with mews";
}
EXPORT const char *plugin_get_version(void)
{
    return "0.1.0";
}
EXPORT const char *plugin_get_last_error(ss_plugin_t *p)
{
    return ((struct state *)p)->error;
}

/* ---- the table: by user ---------------------------------------------------------------------- */

static struct user *user_named(struct state *s, const char *name, size_t n, bool make)
{
    struct user *u = s->users;

    while (u && !(strlen(u->name) == n && memcmp(u->name, name, n) == 0))
        u = u->next;
    if (u || !make || n >= sizeof(u->name))
        return u;
    u = calloc(1, sizeof(*u));
    if (!u)
        abort();
    memcpy(u->name, name, n);
    u->next = s->users;
    s->users = u;
    return u;
}

static const char *table_name(ss_plugin_table_t *t)
{
    (void)t;
    return "watched_users";
}

static uint64_t table_size(ss_plugin_table_t *t)
{
    uint64_t n = 0;

    for (const struct user *u = ((struct state *)t)->users; u; u = u->next)
        n++;
    return n;
}

static ss_plugin_table_entry_t *get_entry(ss_plugin_table_t *t, const ss_plugin_state_data *key)
{
    struct state *s = t;
    struct user *u = key->str ? user_named(s, key->str, strlen(key->str), false) : NULL;

    if (!u)
        snprintf(s->error, sizeof(s->error), "no user of this name has been seen");
    return u;
}

enum { F_NAME = 1, F_ASKED, F_REFUSED };

static const ss_plugin_table_fieldinfo infos[] = {{"user", SS_PLUGIN_ST_STRING, 1},
                                                  {"asked", SS_PLUGIN_ST_UINT64, 1},
                                                  {"refused", SS_PLUGIN_ST_UINT64, 1}};

static ss_plugin_rc read_field(ss_plugin_table_t *t, ss_plugin_table_entry_t *e,
                               const ss_plugin_table_field_t *f, ss_plugin_state_data *out)
{
    const struct user *u = e;

    (void)t;
    if (f == (void *)F_NAME)
        out->str = u->name;
    else
        out->u64 = f == (void *)F_ASKED ? u->asked : u->refused;
    return SS_PLUGIN_SUCCESS;
}

static void release_entry(ss_plugin_table_t *t, ss_plugin_table_entry_t *e)
{
    (void)t;
    (void)e;
}

static ss_plugin_bool iterate(ss_plugin_table_t *t, ss_plugin_table_iterator_func_t it,
                              ss_plugin_table_iterator_state_t *state)
{
    for (struct user *u = ((struct state *)t)->users; u; u = u->next) {
        if (!it(state, u))
            return 0;
    }
    return 1;
}

static ss_plugin_rc read_only(struct state *s)
{
    snprintf(s->error, sizeof(s->error), "the counts are made from events, and by nothing else");
    return SS_PLUGIN_FAILURE;
}
static ss_plugin_rc clear_table(ss_plugin_table_t *t)
{
    return read_only(t);
}
static ss_plugin_rc erase_entry(ss_plugin_table_t *t, const ss_plugin_state_data *key)
{
    (void)key;
    return read_only(t);
}
static ss_plugin_table_entry_t *create_entry(ss_plugin_table_t *t)
{
    read_only(t);
    return NULL;
}
static void destroy_entry(ss_plugin_table_t *t, ss_plugin_table_entry_t *e)
{
    (void)t;
    (void)e;
}
static ss_plugin_table_entry_t *add_entry(ss_plugin_table_t *t, const ss_plugin_state_data *key,
                                          ss_plugin_table_entry_t *e)
{
    (void)key;
    (void)e;
    read_only(t);
    return NULL;
}
static ss_plugin_rc write_field(ss_plugin_table_t *t, ss_plugin_table_entry_t *e,
                                const ss_plugin_table_field_t *f, const ss_plugin_state_data *in)
{
    (void)e;
    (void)f;
    (void)in;
    return read_only(t);
}

static const ss_plugin_table_fieldinfo *list_fields(ss_plugin_table_t *t, uint32_t *n)
{
    (void)t;
    *n = sizeof(infos) / sizeof(*infos);
    return infos;
}

static ss_plugin_table_field_t *get_field(ss_plugin_table_t *t, const char *name,
                                          ss_plugin_state_type type)
{
    for (size_t i = 0; i < sizeof(infos) / sizeof(*infos); i++) {
        if (strcmp(infos[i].name, name) == 0 && infos[i].field_type == type)
            return (void *)(i + 1);
    }
    snprintf(((struct state *)t)->error, 200, "the table has no such field");
    return NULL;
}

static ss_plugin_table_field_t *add_field(ss_plugin_table_t *t, const char *name,
                                          ss_plugin_state_type type)
{
    (void)name;
    (void)type;
    read_only(t);
    return NULL;
}

static ss_plugin_rc register_table(struct state *s, const ss_plugin_init_tables_input *in)
{
    static ss_plugin_table_reader_vtable_ext reader = {table_name, table_size,    get_entry,
                                                       read_field, release_entry, iterate};
    static ss_plugin_table_writer_vtable_ext writer = {clear_table,   erase_entry, create_entry,
                                                       destroy_entry, add_entry,   write_field};
    static ss_plugin_table_fields_vtable_ext fields = {list_fields, get_field, add_field};
    ss_plugin_table_input t = {
        .name = "watched_users",
        .key_type = SS_PLUGIN_ST_STRING,
        .table = s,
        .reader = {table_name, table_size, get_entry, read_field},
        .writer = {clear_table, erase_entry, create_entry, destroy_entry, add_entry, write_field},
        .fields = {list_fields, get_field, add_field},
        .reader_ext = &reader,
        .writer_ext = &writer,
        .fields_ext = &fields,
    };

    return in->add_table(s->owner, &t);
}

EXPORT ss_plugin_t *plugin_init(const ss_plugin_init_input *in, ss_plugin_rc *rc)
{
    struct state *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    s->owner = in->owner;
    *rc = in->tables ? register_table(s, in->tables) : SS_PLUGIN_SUCCESS;
    if (*rc != SS_PLUGIN_SUCCESS)
        snprintf(s->error, sizeof(s->error), "the table watched_users can't be registered");
    return s;
}

EXPORT void plugin_destroy(ss_plugin_t *p)
{
    struct state *s = p;

    for (struct user *u = s->users, *next; u; u = next) {
        next = u->next;
        free(u);
    }
    free(s);
}

/* ---- parsing --------------------------------------------------------------------------------- */

/* The text behind a key, as the tour's source writes its JSON: without blanks. */
static bool text_behind(const char *p, size_t n, const char *key, const char **out, size_t *len)
{
    const char *at = memmem(p, n, key, strlen(key)), *end;

    if (!at)
        return false;
    at += strlen(key);
    end = memchr(at, '"', (size_t)(p + n - at));
    *out = at;
    *len = end ? (size_t)(end - at) : 0;
    return end != NULL;
}

static void send_container(struct state *s, const ss_plugin_event *e)
{
    static const char data[] = "{\"container\":{\"id\":\"3ad7b26ded6d\",\"name\":\"debug\","
                               "\"image\":\"alpine:3.20\",\"privileged\":true}}",
                      name[] = "container";
    uint32_t lens[3] = {4, sizeof(name), sizeof(data) - 1},
             len = 26 + 12 + lens[0] + lens[1] + lens[2], n = 3, id = 0;
    uint64_t ts, none = UINT64_MAX;
    char event[256], err[PLUGIN_MAX_ERRLEN];
    uint16_t type = ASYNC_TYPE;

    memcpy(&ts, e, 8);
    ts += LATE_NS;
    memcpy(event, &ts, 8);
    memcpy(event + 8, &none, 8);
    memcpy(event + 16, &len, 4);
    memcpy(event + 20, &type, 2);
    memcpy(event + 22, &n, 4);
    memcpy(event + 26, lens, 12);
    memcpy(event + 38, &id, 4);
    memcpy(event + 42, name, lens[1]);
    memcpy(event + 42 + lens[1], data, lens[2]);
    s->handler(s->owner, (ss_plugin_event *)(void *)event, err);
}

/* Who asked, in an event of the tour with this payload; NULL: nobody that is known. */
static struct user *user_of(struct state *s, const char *data, size_t n, bool make)
{
    const char *name;
    size_t len;

    return text_behind(data, n, "\"username\":\"", &name, &len) ? user_named(s, name, len, make)
                                                                : NULL;
}

EXPORT const char *plugin_get_parse_event_sources(void)
{
    return "[\"tour\"]";
}

EXPORT ss_plugin_rc plugin_parse_event(ss_plugin_t *p, const ss_plugin_event_input *ev,
                                       const ss_plugin_event_parse_input *in)
{
    struct state *s = p;
    const char *data;
    struct user *u;
    size_t n;

    (void)in;
    if (!event_data(ev->evt, &data, &n) || !(u = user_of(s, data, n, true)))
        return SS_PLUGIN_SUCCESS;
    u->asked++;
    u->refused += memmem(data, n, "\"code\":403", 10) != NULL;
    if (s->handler && memmem(data, n, "\"subresource\":\"exec\"", 20))
        send_container(s, ev->evt);
    return SS_PLUGIN_SUCCESS;
}

/* ---- fields ---------------------------------------------------------------------------------- */

EXPORT const char *plugin_get_fields(void)
{
    return "[{\"name\":\"watch.asked\",\"type\":\"uint64\","
           "\"desc\":\"what this user has asked for so far\"},"
           "{\"name\":\"watch.refused\",\"type\":\"uint64\","
           "\"desc\":\"how often this user was refused so far\"}]";
}

EXPORT const char *plugin_get_extract_event_sources(void)
{
    return "[\"tour\"]";
}

EXPORT ss_plugin_rc plugin_extract_fields(ss_plugin_t *p, const ss_plugin_event_input *ev,
                                          const ss_plugin_field_extract_input *in)
{
    struct state *s = p;
    const char *data;
    struct user *u;
    size_t n;

    for (uint32_t i = 0; i < in->num_fields; i++) {
        in->fields[i].res_len = 0;
        if (!event_data(ev->evt, &data, &n) || !(u = user_of(s, data, n, false)))
            continue;
        s->value = in->fields[i].field_id == 0 ? u->asked : u->refused;
        in->fields[i].res.u64 = &s->value;
        in->fields[i].res_len = 1;
    }
    return SS_PLUGIN_SUCCESS;
}

/* ---- async events ---------------------------------------------------------------------------- */

EXPORT const char *plugin_get_async_events(void)
{
    return "[\"container\"]";
}

EXPORT const char *plugin_get_async_event_sources(void)
{
    return "[\"tour\"]";
}

EXPORT ss_plugin_rc plugin_set_async_event_handler(ss_plugin_t *p, ss_plugin_owner_t *owner,
                                                   const ss_plugin_async_event_handler_t handler)
{
    struct state *s = p;

    s->owner = owner;
    s->handler = handler;
    return SS_PLUGIN_SUCCESS;
}
