/* Flags, system calls and conversion rules: lookups in the generated tables. */
#include "facts.h"

#include "event_tables.inc"

static int name_order(const void *key, const void *item)
{
    const struct span *want = key;
    const char *have = *(const char *const *)item;
    int order = strncmp(want->p, have, want->n);

    return order ? order : have[want->n] ? -1 : 0;
}

bool event_name_known(struct span name)
{
    return name.n && !memchr(name.p, '\0', name.n) &&
           bsearch(&name, names, COUNT_OF(names), sizeof(names[0]), name_order);
}

const char *const *event_names(size_t *n)
{
    *n = COUNT_OF(names);
    return names;
}

/* ---- flags ----------------------------------------------------------------------------------- */

const struct flag_table *flag_table_at(unsigned i)
{
    return i < COUNT_OF(flag_tables) ? &flag_tables[i] : NULL;
}

const struct flag_table *flag_table_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(flag_tables); i++) {
        if (str_eq(flag_tables[i].name, name))
            return &flag_tables[i];
    }
    return NULL;
}

static void add_name(struct buf *out, size_t start, const char *name)
{
    if (out->len > start)
        buf_addc(out, '|');
    buf_adds(out, name);
}

/* whole: an entry that is all of the value counts even when its bits are named already. */
static void names_of_bits(const struct flag_table *t, uint32_t value, bool whole, struct buf *out)
{
    uint32_t left = value;
    size_t start = out->len;

    for (unsigned i = 0; t && i < t->n; i++) {
        uint32_t f = t->flags[i].value;

        if (!(whole && f == value) && (f ? left == 0 || (left & f) != f : value != 0))
            continue;
        add_name(out, start, t->flags[i].name);
        left &= ~f;
        if (f == value)
            return;
    }
}

void flag_names_bits(const struct flag_table *t, uint32_t value, struct buf *out)
{
    names_of_bits(t, value, false, out);
}

void flag_names_mode(const struct flag_table *t, uint32_t value, struct buf *out)
{
    names_of_bits(t, value, true, out);
}

void flag_names_enum(const struct flag_table *t, uint32_t value, struct buf *out)
{
    size_t start = out->len;

    for (unsigned i = 0; t && i < t->n; i++) {
        if (t->flags[i].value == value)
            add_name(out, start, t->flags[i].name);
    }
}

const char *flag_name_of(const char *table, uint32_t value)
{
    const struct flag_table *t = flag_table_find(table);

    for (unsigned i = 0; t && i < t->n; i++) {
        if (t->flags[i].value == value)
            return t->flags[i].name;
    }
    return NULL;
}

/* ---- system calls ---------------------------------------------------------------------------- */

const char *system_call_name(unsigned code)
{
    return code < COUNT_OF(system_calls) ? system_calls[code].name : NULL;
}

const char *system_call_native_name(unsigned number)
{
    for (size_t i = 1; i < COUNT_OF(system_calls); i++) {
        if (system_calls[i].native == (int)number)
            return system_calls[i].name;
    }
    return NULL;
}

/* ---- plugins --------------------------------------------------------------------------------- */

const struct plugin_registered *plugin_registered_as(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(registered); i++) {
        if (span_is(name, registered[i].name))
            return &registered[i];
    }
    return NULL;
}

const struct plugin_registered *plugin_registered(uint32_t id)
{
    for (size_t i = 0; i < COUNT_OF(registered); i++) {
        if (registered[i].id == id)
            return &registered[i];
    }
    return NULL;
}

/* ---- conversion ------------------------------------------------------------------------------ */

const struct convert_rule *convert_rule_get(unsigned i)
{
    return i < COUNT_OF(convert_rules) ? &convert_rules[i] : NULL;
}

const struct convert_rule *convert_rule_find(uint16_t type, uint32_t nparams)
{
    size_t low = 0, high = COUNT_OF(convert_rules);

    while (low < high) { /* they are sorted by type and count */
        size_t mid = low + (high - low) / 2;
        const struct convert_rule *r = &convert_rules[mid];

        if (r->type == type && r->nparams == nparams)
            return r;
        if (r->type < type || (r->type == type && r->nparams < nparams))
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}
