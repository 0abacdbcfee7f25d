/* The fields that there are. */
#include "internal.h"

#include <uthash.h>

struct entry {
    struct field_def def;
    UT_hash_handle hh;
};

struct field_catalogue {
    VEC(struct entry *) entries;
    struct entry *by_name;
    struct str_list event_names; /* beyond those of the event table */
    struct arena arena;
};

static const char *keep(struct field_catalogue *c, const char *s)
{
    return arena_strndup(&c->arena, s ? s : "", s ? strlen(s) : 0);
}

struct field_def *field_catalogue_add(struct field_catalogue *c, const struct field_def *def)
{
    struct entry *e = xcalloc(1, sizeof(*e));

    e->def = *def;
    memset(&e->def.providers, 0, sizeof(e->def.providers));
    e->def.name = keep(c, def->name);
    e->def.desc = keep(c, def->desc);
    e->def.display = keep(c, def->display);
    e->def.owner = keep(c, def->owner);
    vec_push(&c->entries, e);
    HASH_ADD_KEYPTR(hh, c->by_name, e->def.name, strlen(e->def.name), e);
    return &e->def;
}

struct field_catalogue *field_catalogue_new(void)
{
    struct field_catalogue *c = xcalloc(1, sizeof(*c));
    const struct field_def *def;

    for (size_t i = 0; (def = builtin_def(i)); i++)
        field_catalogue_add(c, def);
    return c;
}

void field_catalogue_free(struct field_catalogue *c)
{
    if (!c)
        return;
    HASH_CLEAR(hh, c->by_name);
    for (size_t i = 0; i < c->entries.n; i++) {
        vec_free(&c->entries.v[i]->def.providers);
        free(c->entries.v[i]);
    }
    vec_free(&c->entries);
    str_list_fini(&c->event_names);
    arena_fini(&c->arena);
    free(c);
}

static struct entry *find_exact(const struct field_catalogue *c, struct span name)
{
    struct entry *e;

    HASH_FIND(hh, c->by_name, name.p, name.n, e);
    return e;
}

/* A field of ours that a plugin has, too, becomes the plugin's. */
static void give_way(struct field_catalogue *c, struct field_def *ours, const struct field_def *to)
{
    const char *name = ours->name;

    *ours = *to;
    ours->name = name;
    ours->desc = keep(c, to->desc);
    ours->display = keep(c, to->display);
    ours->owner = keep(c, to->owner);
}

void field_catalogue_add_plugin(struct field_catalogue *c, struct plugin *p)
{
    const struct plugin_info *info = plugin_info(p);

    for (uint32_t i = 0; i < info->fields.n; i++) {
        const struct plugin_field *f = &info->fields.v[i];
        struct entry *e = find_exact(c, span_of(f->name));
        struct field_provider provider = {p, i};
        struct field_def def = {
            .name = f->name,
            .desc = f->desc,
            .display = f->display,
            .owner = info->name,
            .type = f->type,
            .list = f->list,
            .arg_required = f->arg_required,
            .arg_index = f->arg_index,
            .arg_key = f->arg_key,
            .flags = FIELD_NEEDS_PLUGIN | (plugin_is_stateful(p) ? FIELD_STATEFUL : 0) |
                     (f->hidden ? FIELD_HIDDEN : 0) | (f->info ? FIELD_INFO : 0) |
                     (f->conversation ? FIELD_CONVERSATION : 0) |
                     (f->add_output ? FIELD_ADD_OUTPUT : 0),
            .builtin = -1,
        };

        if (e && e->def.providers.n && e->def.providers.v[e->def.providers.n - 1].plugin == p)
            continue; /* declared twice by the same plugin: the first counts */
        if (e && (e->def.flags & FIELD_STAND_IN))
            give_way(c, &e->def, &def);
        if (!e)
            e = (struct entry *)(void *)field_catalogue_add(c, &def);
        if (e->def.builtin < 0)
            vec_push(&e->def.providers, provider);
    }
    for (size_t i = 0; i < info->async_events.n; i++)
        field_event_name_add(c, info->async_events.v[i]);
}

void field_event_name_add(struct field_catalogue *c, const char *name)
{
    if (!str_list_has(&c->event_names, name))
        str_list_add(&c->event_names, name);
}

bool field_event_name_known(const struct field_catalogue *c, struct span name)
{
    if (event_name_known(name))
        return true;
    for (size_t i = 0; i < c->event_names.n; i++) {
        if (span_is(name, c->event_names.v[i]))
            return true;
    }
    return false;
}

size_t field_catalogue_count(const struct field_catalogue *c)
{
    return c->entries.n;
}

const struct field_def *field_catalogue_at(const struct field_catalogue *c, size_t i)
{
    return i < c->entries.n ? &c->entries.v[i]->def : NULL;
}

const struct field_def *field_find(const struct field_catalogue *c, struct span name,
                                   struct span *suffix)
{
    struct entry *e = find_exact(c, name);

    *suffix = (struct span){NULL, 0};
    for (size_t n = name.n; !e && n > 0; n--) {
        if (name.p[n - 1] != '.')
            continue;
        e = find_exact(c, (struct span){name.p, n - 1});
        if (e && !(e->def.flags & FIELD_SUFFIX_ARG))
            return NULL;
        *suffix = (struct span){name.p + n, name.n - n};
    }
    return e ? &e->def : NULL;
}

const char *field_plugin_of(const struct field_catalogue *c, struct span name)
{
    static const char *const known[][2] = {
        /* whose fields have another first part than their name,
                                              and those without an ID */
        {"ka", "k8saudit"}, {"ct", "cloudtrail"},   {"gcp", "gcpaudit"},       {"json", "json"},
        {"jevt", "json"},   {"k8smeta", "k8smeta"}, {"container", "container"}};
    const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;
    struct span first = {name.p, dot ? (size_t)(dot - name.p) : name.n};
    const struct plugin_registered *r = dot ? plugin_registered_as(first) : NULL;

    for (size_t i = 0; dot && i < c->entries.n; i++) {
        const char *have = c->entries.v[i]->def.name;

        if (strncmp(have, name.p, first.n + 1) == 0)
            return NULL;
    }
    for (size_t i = 0; dot && i < COUNT_OF(known); i++) {
        if (span_is(first, known[i][0]))
            return known[i][1];
    }
    return r ? r->name : NULL;
}

void field_unknown(const struct field_catalogue *c, struct span name, char *out, size_t room)
{
    const char *near = field_nearest(c, name), *plugin = field_plugin_of(c, name);
    int n = snprintf(out, room, "no field is named %.*s", (int)name.n, name.p);

    if (n < 0 || (size_t)n >= room)
        return;
    if (plugin)
        snprintf(out + n, room - (size_t)n,
                 ": such fields come from the plugin %s, which is not loaded", plugin);
    else if (near)
        snprintf(out + n, room - (size_t)n, ": did you mean %s?", near);
}

const char *field_nearest(const struct field_catalogue *c, struct span name)
{
    const char **names = xmalloc(sizeof(*names) * (c->entries.n + 1)), *near;
    char *word = xstrndup(name.p, name.n);

    for (size_t i = 0; i < c->entries.n; i++)
        names[i] = c->entries.v[i]->def.name;
    near = text_nearest(word, names, c->entries.n);
    free(word);
    free(names);
    return near;
}
