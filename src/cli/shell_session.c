/* The shell's commands on the session itself: the engine started anew, captures read in another way, sources and
 * plugins, columns under names; and filters that follow from others. */
#include "mews/ui.h"
#include "shell.h"

/* ---- the engine started anew ------------------------------------------------------------------------- */

/* What it was about stays: filter, place, columns. */
static bool restart(struct shell *s, json_t *params)
{
    uint64_t number = s->number;
    char *filter;
    bool ok;

    if (!shell_restart(s, params))
        return false;
    s->selection = 0;
    s->row = UINT64_MAX;
    filter = xstrdup(s->filter);
    ok = !*filter || shell_take(s, filter, true);
    free(filter);
    s->number = number;
    return ok;
}

bool shell_run_reload(struct shell *s, const char *args)
{
    if (*args && !str_eq(args, "without")) {
        complain("reload, or reload without: then the plugin that died is left out");
        return false;
    }
    if (*args && !s->died_of) {
        complain("no plugin is known to have died");
        return false;
    }
    return restart(s, *args ? json_pack("{so}", "without", rpc_str(s->died_of)) : json_object());
}

static bool toggle(struct shell *s, const char *key, const char *on_words, const char *off_words)
{
    bool on = !rpc_get_bool(s->stream, key, false);

    if (!json_object_get(s->stream, key)) {
        complain("only captures of system calls have such events");
        return false;
    }
    vec_free(&s->marks); /* numbers are others */
    vec_free(&s->judged);
    s->number = 0;
    if (!restart(s, json_pack("{s{sb}}", "set", key, on)))
        return false;
    s->number = 0;
    printf("%s\n", on ? on_words : off_words);
    return true;
}

bool shell_run_halves(struct shell *s, const char *args)
{
    UNUSED(args);
    return toggle(s, "raw_events",
                  "calls as the file has them: enter and exit, with sysdig's numbers",
                  "one row for a call");
}

bool shell_run_internal(struct shell *s, const char *args)
{
    UNUSED(args);
    return toggle(s, "internal", "internal events are shown", "internal events are hidden");
}

/* ---- sources, plugins ------------------------------------------------------------------------------------ */

bool shell_run_close(struct shell *s, const char *args)
{
    const json_t *a = shell_call(s, "source/close", NULL, NULL);

    UNUSED(args);
    if (a)
        printf("%s\n", rpc_get_str(a, "state"));
    return a != NULL;
}

bool shell_run_configure(struct shell *s, const char *args)
{
    size_t n = strcspn(args, " \t");
    char *plugin = xstrndup(args, n);
    const char *config = args + n + strspn(args + n, " \t");
    bool ok = *plugin && *config;

    if (!ok)
        complain("configure PLUGIN CONFIGURATION");
    ok =
        ok && shell_call(s, "plugin/config",
                         json_pack("{so so}", "plugin", rpc_str(plugin), "config", rpc_str(config)),
                         NULL);
    if (ok)
        printf("%s has another configuration\n", plugin);
    free(plugin);
    return ok;
}

/* ---- what fields hold ------------------------------------------------------------------------------------- */

static void print_values(const json_t *field, uint64_t events)
{
    const json_t *top = json_object_get(field, "top"), *t;
    size_t i;

    printf("%s of %llu events looked at have a value; %s differ\n", rpc_get_str(field, "present"),
           (unsigned long long)events, rpc_get_str(field, "values"));
    json_array_foreach(top, i, t) {
        printf("%10s  ", rpc_get_str(t, "count"));
        shell_print(json_object_get(t, "text"));
        putchar('\n');
    }
}

bool shell_run_values(struct shell *s, const char *args)
{
    const json_t *a, *field;

    if (!*args) {
        complain("values of which field?");
        return false;
    }
    a = shell_call(s, "field/values",
                   json_pack("{s[o] so}", "fields", rpc_str(args), "filter", rpc_str(s->filter)),
                   args);
    field = json_array_get(json_object_get(a, "fields"), 0);
    if (a && !json_is_object(field))
        complain("no field is named %s", args);
    if (!json_is_object(field))
        return false;
    print_values(field, rpc_u64_or(a, "events", 0));
    return true;
}

/* ---- filters that follow from others ----------------------------------------------------------------------- */

static bool changed(struct shell *s, bool lost)
{
    const char *before = s->undo.n ? s->undo.v[s->undo.n - 1] : "", *a = lost ? before : s->filter,
               *b = lost ? s->filter : before;
    char *text;
    bool ok;

    if (!*before || !*s->filter) {
        complain("there is no filter before this one");
        return false;
    }
    text = xasprintf("(%s) and not (%s)", a, b);
    ok = shell_take(s, text, false);
    free(text);
    return ok;
}

bool shell_run_gained(struct shell *s, const char *args)
{
    UNUSED(args);
    return changed(s, false);
}

bool shell_run_lost(struct shell *s, const char *args)
{
    UNUSED(args);
    return changed(s, true);
}

bool shell_run_between(struct shell *s, const char *args)
{
    uint64_t mark = s->marks.n ? s->marks.v[s->marks.n - 1] : 0;
    char text[100];

    UNUSED(args);
    if (!mark || !s->number) {
        complain(mark ? "no event yet: rows shows some" : "no event is marked");
        return false;
    }
    snprintf(text, sizeof(text), "evt.num >= %llu and evt.num <= %llu",
             (unsigned long long)MIN_OF(mark, s->number),
             (unsigned long long)MAX_OF(mark, s->number));
    return shell_take(s, text, false);
}

bool shell_run_firing(struct shell *s, const char *args)
{
    const json_t *a = shell_rules(s), *r;
    char *filter = NULL;
    bool known = false, ok;
    size_t i;

    json_array_foreach(json_object_get(a, "rules"), i, r) {
        if (!known && strcasecmp(rpc_get_str(r, "name"), args) == 0) {
            known = true;
            filter = rpc_get_str(r, "filter") ? xstrdup(rpc_get_str(r, "filter")) : NULL;
        }
    }
    if (a && !filter)
        complain(known ? "the rule %s can't be used" : "no rule is named %s: rules lists them",
                 args);
    ok = filter && shell_take(s, filter, false);
    free(filter);
    return ok;
}

/* ---- columns under names -------------------------------------------------------------------------------------- */

static json_t *names_of(const json_t *columns)
{
    json_t *list = json_array();
    const json_t *c;
    size_t i;

    json_array_foreach(columns, i, c) {
        if (rpc_get_str(c, "field"))
            json_array_append_new(list, rpc_str(rpc_get_str(c, "field")));
    }
    return list;
}

static json_t *as_columns(const json_t *names)
{
    json_t *list = json_array();
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
        json_array_append_new(list, json_pack("{sO}", "field", name));
    return list;
}

static bool list_layouts(const json_t *all)
{
    const json_t *l, *name;
    size_t i, k;

    json_array_foreach(all, i, l) {
        json_t *names = names_of(json_object_get(l, "columns"));

        printf("%s (%s):", rpc_get_str(l, "name"), rpc_get_str(l, "source"));
        json_array_foreach(names, k, name)
            printf(" %s", json_string_value(name));
        putchar('\n');
        json_decref(names);
    }
    if (json_array_size(all) == 0)
        printf("no columns are saved: layout save NAME saves those that rows show\n");
    return true;
}

static bool take_layout(struct shell *s, const json_t *all, const char *name)
{
    const json_t *l;
    size_t i;

    json_array_foreach(all, i, l) {
        if (!str_eq(rpc_get_str(l, "name"), name))
            continue;
        json_decref(s->columns);
        s->columns = names_of(json_object_get(l, "columns"));
        return shell_run_columns(s, "");
    }
    complain("no columns are saved as %s: layout lists them", name);
    return false;
}

static bool save_layout(struct shell *s, const char *name)
{
    struct error err;
    bool ok;

    if (!*name || !shell_need_columns(s)) {
        if (!*name)
            complain("layout save NAME");
        return false;
    }
    ok = layouts_keep(name, s->columns_source ? s->columns_source : "", as_columns(s->columns),
                      &err) == SEV_OK;
    if (ok)
        printf("the columns are saved as “%s”\n", name);
    else
        complain("%s", err.text);
    return ok;
}

bool shell_run_layout(struct shell *s, const char *args)
{
    json_t *all;
    bool ok;

    if (str_starts(args, "save ") || str_eq(args, "save"))
        return save_layout(s, args + 4 + strspn(args + 4, " "));
    all = layouts_kept();
    ok = *args ? take_layout(s, all, args) : list_layouts(all);
    json_decref(all);
    return ok;
}
