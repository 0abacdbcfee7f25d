/* What the shell can do: one table, from which its help and its completion are made. */
#include <stdlib.h>

#include "shell.h"

/* ---- filters -------------------------------------------------------------------------------------- */

/* Waits until all that is kept has been searched. */
static bool count_matches(struct shell *s, const char *text)
{
    const json_t *a;
    char matches[32], rows[32];

    for (;;) {
        a = shell_call(
            s, "select",
            json_pack("{so so}", "filter", rpc_str(text), "replaces", rpc_u64(s->selection)), text);
        if (!a)
            return false;
        s->selection = rpc_u64_or(a, "selection", 0);
        if (rpc_u64_or(a, "scanned", 0) >= rpc_u64_or(a, "rows", 0))
            break;
        shell_wait(s, 0);
    }
    printf("%s of %s\n", text_count(rpc_u64_or(a, "matches", 0), matches),
           text_count(rpc_u64_or(a, "rows", 0), rows));
    return true;
}

bool shell_take(struct shell *s, const char *text, bool undoing)
{
    if (!*text) {
        if (s->selection)
            shell_try(s, "select/drop", json_pack("{so}", "selection", rpc_u64(s->selection)));
        s->selection = 0;
    } else if (!count_matches(s, text)) {
        return false;
    }
    if (!undoing)
        str_list_add(&s->undo, s->filter);
    free(s->filter);
    s->filter = xstrdup(text);
    s->row = UINT64_MAX;
    shell_judge(s);
    return true;
}

static bool run_filter(struct shell *s, const char *args)
{
    char *copy;
    bool ok;

    if (!*args) {
        printf("%s\n", *s->filter ? s->filter : "no filter is in force");
        return true;
    }
    copy = xstrdup(args);
    ok = shell_take(s, copy, false);
    free(copy);
    return ok;
}

static bool run_clear(struct shell *s, const char *args)
{
    UNUSED(args);
    return shell_take(s, "", false);
}

static bool join(struct shell *s, const char *args, const char *how)
{
    const json_t *a;
    char *text;
    bool ok;

    if (!*args) {
        complain("a filter is needed behind it");
        return false;
    }
    a = shell_call(
        s, "filter/join",
        json_pack("{so so ss}", "filter", rpc_str(s->filter), "clause", rpc_str(args), "join", how),
        args);
    if (!a)
        return false;
    text = xstrdup(rpc_get_str(a, "filter"));
    ok = shell_take(s, text, false);
    if (ok)
        printf("%s\n", text);
    free(text);
    return ok;
}

static bool run_and(struct shell *s, const char *args)
{
    return join(s, args, "and");
}

static bool run_or(struct shell *s, const char *args)
{
    return join(s, args, "or");
}

static bool run_not(struct shell *s, const char *args)
{
    return join(s, args, "not");
}

static bool run_undo(struct shell *s, const char *args)
{
    char *text;
    bool ok;

    UNUSED(args);
    if (s->undo.n == 0) {
        complain("no filter to go back to");
        return false;
    }
    text = s->undo.v[--s->undo.n];
    ok = shell_take(s, text, true);
    printf("%s\n", *text ? text : "no filter is in force");
    free(text);
    return ok;
}

static bool send_names(struct shell *s, const json_t **answer)
{
    char *saved = kept_filters();

    *answer = shell_call(s, "rules",
                         json_pack("{so so so}", "paths", rules_paths(s->o), "saved",
                                   rpc_str(*saved ? saved : "\n"), "version", rpc_u64(0)),
                         NULL);
    free(saved);
    return *answer != NULL;
}

const json_t *shell_rules(struct shell *s)
{
    const json_t *answer;

    return send_names(s, &answer) ? answer : NULL;
}

static bool run_save_name(struct shell *s, const char *args)
{
    const json_t *answer;
    struct error err;

    if (!*args || !*s->filter) {
        complain(*args ? "no filter is in force" : "a name is needed");
        return false;
    }
    if (kept_filter_set(args, s->filter, &err) != SEV_OK) {
        complain("%s", err.text);
        return false;
    }
    return send_names(s, &answer);
}

static bool run_names(struct shell *s, const char *args)
{
    const json_t *answer, *n;
    size_t i;

    UNUSED(args);
    if (!send_names(s, &answer))
        return false;
    json_array_foreach(json_object_get(answer, "names"), i, n) {
        printf("%-20s  %-5s  ", rpc_get_str(n, "name"),
               rpc_get_bool(n, "saved", false) ? "saved" : rpc_get_str(n, "kind"));
        shell_print(json_object_get(n, "text"));
        putchar('\n');
    }
    return true;
}

/* ---- counting -------------------------------------------------------------------------------------- */

/* Until all that is kept is counted; the answer is that of count/rows. */
static const json_t *counted(struct shell *s, uint64_t id, uint64_t n)
{
    const json_t *a;

    do
        a = shell_call(s, "count/rows", json_pack("{so so}", "count", rpc_u64(id), "n", rpc_u64(n)),
                       NULL);
    while (a && rpc_u64_or(a, "counted", 0) < rpc_u64_or(a, "end", 0) && shell_wait(s, 0));
    return a;
}

static bool run_count(struct shell *s, const char *args)
{
    json_t *fields = json_array();
    char *copy = xstrdup(args), *at = copy, *word, count[32];
    const json_t *a, *row, *key;
    uint64_t id;
    size_t i, k;

    while ((word = strsep(&at, ", \t"))) {
        if (*word)
            json_array_append_new(fields, rpc_str(word));
    }
    free(copy);
    a = shell_call(s, "count/start",
                   json_pack("{so so}", "fields", fields, "filter", rpc_str(s->filter)), NULL);
    if (!a)
        return false;
    id = rpc_u64_or(a, "count", 0);
    a = counted(s, id, 50);
    json_array_foreach(json_object_get(a, "rows"), i, row) {
        printf("%12s", text_count(rpc_u64_or(row, "count", 0), count));
        json_array_foreach(json_object_get(row, "keys"), k, key) {
            printf("  ");
            shell_print(key);
        }
        putchar('\n');
    }
    shell_try(s, "count/stop", json_pack("{so}", "count", rpc_u64(id)));
    return true;
}

static const char *filter_or(struct shell *s, const char *args)
{
    const char *text = *args ? args : s->filter;

    if (!*text)
        complain("no filter is in force, and none was given");
    return *text ? text : NULL;
}

static bool run_parts(struct shell *s, const char *args)
{
    const char *text = filter_or(s, args);
    const json_t *a =
        text ? shell_call(s, "funnel", json_pack("{so}", "filter", rpc_str(text)), text) : NULL;
    uint64_t id = rpc_u64_or(a, "count", 0);

    if (!a)
        return false;
    a = counted(s, id, 0);
    if (a)
        explain_print_funnel(a);
    shell_try(s, "count/stop", json_pack("{so}", "count", rpc_u64(id)));
    return true;
}

static bool run_explain(struct shell *s, const char *args)
{
    const char *text = filter_or(s, args);
    const json_t *a;
    bool ok;
    json_t *q = text ? shell_event(s, "", &ok) : NULL;

    if (!q)
        return false;
    json_object_set_new(q, "filter", rpc_str(text));
    a = shell_call(s, "explain", q, text);
    if (a)
        explain_print_parts(a);
    return a != NULL;
}

/* ---- rules, plugins, fields -------------------------------------------------------------------------- */

static bool run_rules(struct shell *s, const char *args)
{
    const json_t *answer, *r, *m;
    json_t *rules;
    size_t i;

    if (*args)
        str_list_add(&s->o->rules, args);
    if (!send_names(s, &answer))
        return false;
    json_array_foreach(json_object_get(answer, "messages"), i, m)
        complain("%s:%lld: %s", rpc_get_str(m, "file"),
                 (long long)json_integer_value(json_object_get(m, "line")), rpc_get_str(m, "text"));
    rules = json_incref(json_object_get(answer, "rules"));
    json_array_foreach(rules, i, r) {
        const char *filter = rpc_get_str(r, "filter");
        const json_t *a = NULL;

        if (filter && rpc_get_bool(r, "enabled", true)) {
            do
                a = shell_call(s, "select", json_pack("{so}", "filter", rpc_str(filter)), filter);
            while (a && rpc_u64_or(a, "scanned", 0) < rpc_u64_or(a, "rows", 0) && shell_wait(s, 0));
        }
        printf("%10s  %-13s  %s\n", a ? rpc_get_str(a, "matches") : "-", rpc_get_str(r, "priority"),
               rpc_get_str(r, "name"));
        if (a)
            shell_try(s, "select/drop",
                      json_pack("{sO}", "selection", json_object_get(a, "selection")));
    }
    json_decref(rules);
    return true;
}

static bool run_fields(struct shell *s, const char *args)
{
    const json_t *a = shell_call(s, "fields", NULL, NULL), *f;
    size_t i;

    if (!a)
        return false;
    json_array_foreach(json_object_get(a, "fields"), i, f) {
        const char *name = rpc_get_str(f, "name"), *desc = rpc_get_str(f, "desc");

        if (!rpc_get_bool(f, "hidden", false) && (strcasestr(name, args) || strcasestr(desc, args)))
            printf("%-28s %s%-9s %s\n", name, rpc_get_bool(f, "list", false) ? "list " : "",
                   rpc_get_str(f, "type"), desc);
    }
    return true;
}

static bool run_plugins(struct shell *s, const char *args)
{
    const json_t *a = shell_call(s, "plugins", NULL, NULL), *p;
    size_t i;

    UNUSED(args);
    if (!a)
        return false;
    json_array_foreach(json_object_get(a, "plugins"), i, p) {
        const char *failure = rpc_get_str(json_object_get(p, "failure"), "text");

        printf("%-16s %-8s %s%s\n", rpc_get_str(p, "name"),
               rpc_get_str(p, "version") ? rpc_get_str(p, "version") : "",
               rpc_get_str(p, "source") ? rpc_get_str(p, "source") : "", failure ? failure : "");
    }
    return true;
}

static bool run_load(struct shell *s, const char *args)
{
    size_t n = strcspn(args, " \t");
    const char *config = args + n + strspn(args + n, " \t");

    return shell_call(s, "plugin/load",
                      json_pack("{so so}", "library", rpc_text(args, n), "config", rpc_str(config)),
                      NULL) != NULL;
}

static bool run_open(struct shell *s, const char *args)
{
    size_t n = strcspn(args, ":");
    char *name = xstrndup(args, n);
    const json_t *a = shell_call(s, "source/open",
                                 json_pack("{so so}", "source", rpc_str(name), "params",
                                           rpc_str(args[n] ? args + n + 1 : "")),
                                 NULL);

    free(name);
    if (a) {
        json_decref(s->stream);
        s->stream = json_deep_copy(a);
    }
    return a != NULL;
}

static bool run_save(struct shell *s, const char *args)
{
    const json_t *a;
    char *path;

    if (!*args) {
        complain("a file is needed");
        return false;
    }
    path = shell_path(args);
    a = shell_call(s, "save",
                   json_pack("{so so}", "path", rpc_str(path), "selection", rpc_u64(s->selection)),
                   NULL);
    if (a)
        printf("%s events are in %s\n", rpc_get_str(a, "events"), args);
    free(path);
    return a != NULL;
}

static bool run_info(struct shell *s, const char *args)
{
    const json_t *a = shell_call(s, "stream", NULL, NULL);
    char count[32];
    uint64_t events;

    UNUSED(args);
    if (!a)
        return false;
    events = rpc_u64_or(a, "events", rpc_u64_or(a, "end", 0) - rpc_u64_or(a, "first", 0));
    printf("%s %s: %s, %s events\n",
           rpc_get_str(a, "plugin") ? rpc_get_str(a, "plugin") : "no source",
           rpc_get_str(a, "params") ? rpc_get_str(a, "params") : "", rpc_get_str(a, "state"),
           text_count(events, count));
    return true;
}

static bool run_wait(struct shell *s, const char *args)
{
    uint64_t seconds = UINT64_MAX / NS_PER_S / 2;

    if (*args && !parse_u64(span_of(args), &seconds)) {
        complain("how many seconds: “%s” is no number", args);
        return false;
    }
    return shell_wait(s, seconds * NS_PER_S);
}

static bool run_quit(struct shell *s, const char *args)
{
    UNUSED(args);
    client_end(&s->c, s->failed && !s->terminal ? EXIT_FAILED : EXIT_OK);
    s->over = true;
    return true;
}

static bool run_help(struct shell *s, const char *args)
{
    bool any = false;

    UNUSED(s);
    for (size_t i = 0; i < shell_command_count; i++) {
        const struct shell_command *c = &shell_commands[i];
        char head[60];

        if (*args && !str_eq(args, c->name))
            continue;
        snprintf(head, sizeof(head), "%s %s", c->name, c->args);
        printf("  %-26s %s\n", head, c->help);
        any = true;
    }
    if (!any)
        complain("there is no command %s", args);
    return any;
}

const struct shell_command shell_commands[] = {
    {"filter", "[FILTER]", "keep only events that match; without one, show it", run_filter,
     SHELL_FILTER},
    {"and", "FILTER", "keep only those that match this, too", run_and, SHELL_FILTER},
    {"or", "FILTER", "add those that match this", run_or, SHELL_FILTER},
    {"not", "FILTER", "take those that match this out", run_not, SHELL_FILTER},
    {"undo", "", "the filter before this one", run_undo, SHELL_NOTHING},
    {"clear", "", "all events again", run_clear, SHELL_NOTHING},
    {"rows", "[N]", "the next 20 events, or N", shell_run_rows, SHELL_NOTHING},
    {"go", "NUMBER|TIME|start|end", "to an event", shell_run_go, SHELL_NOTHING},
    {"find", "TEXT", "the next event whose payload holds a text", shell_run_find, SHELL_NOTHING},
    {"event", "[NUMBER]", "all fields of this event", shell_run_event, SHELL_NOTHING},
    {"payload", "[NUMBER]", "its payload", shell_run_payload, SHELL_NOTHING},
    {"columns", "[FIELD…]", "what rows show", shell_run_columns, SHELL_FIELD},
    {"layout", "[NAME|save NAME]",
     "columns under names: those that are saved, one of them, or save", shell_run_layout,
     SHELL_NOTHING},
    {"values", "FIELD", "how many events have a value, and which", shell_run_values, SHELL_FIELD},
    {"count", "FIELD[,FIELD…]", "the values of fields, the most frequent first", run_count,
     SHELL_FIELD},
    {"explain", "[FILTER]", "each part of the filter, with its value at this event", run_explain,
     SHELL_FILTER},
    {"parts", "[FILTER]", "how many events come through each part of the filter", run_parts,
     SHELL_FILTER},
    {"gained", "", "a filter: what this one lets through and the one before did not",
     shell_run_gained, SHELL_NOTHING},
    {"lost", "", "a filter: what only the one before let through", shell_run_lost, SHELL_NOTHING},
    {"rules", "[FILE]", "load Falco's rules; on how many events each fires", run_rules, SHELL_PATH},
    {"firing", "RULE", "a filter: the events that a rule fires on", shell_run_firing,
     SHELL_NOTHING},
    {"mark", "[NUMBER…]", "mark events, or take their marks away", shell_run_mark, SHELL_NOTHING},
    {"marked", "", "a filter: the marked events", shell_run_marked, SHELL_NOTHING},
    {"between", "", "a filter: what is between the last mark and this event", shell_run_between,
     SHELL_NOTHING},
    {"must", "[NUMBER…]", "filters must match these events: each change says what it catches",
     shell_run_must, SHELL_NOTHING},
    {"mustnot", "[NUMBER…]", "likewise, must not", shell_run_mustnot, SHELL_NOTHING},
    {"test", "FILE", "add the filter and what it must match to a file for mews rules --expect",
     shell_run_test, SHELL_PATH},
    {"rule", "FILE NAME", "add a rule to a file, with the filter as its condition", shell_run_rule,
     SHELL_PATH},
    {"alerts", "FILE", "the events that Falco's alerts were about", shell_run_alerts, SHELL_PATH},
    {"process", "[NUMBER]", "the process of this event, its ancestors and descriptors",
     shell_run_process, SHELL_NOTHING},
    {"conversation", "[NUMBER|fd|connection|process]",
     "what went through the event's descriptor, or its connection, both ways",
     shell_run_conversation, SHELL_NOTHING},
    {"tables", "[TABLE [NUMBER]]", "state tables, or the entries of one, at an event",
     shell_run_tables, SHELL_NOTHING},
    {"async", "", "async events by name, and what was refused", shell_run_async, SHELL_NOTHING},
    {"late", "[container|pod]", "how late metadata came", shell_run_late, SHELL_NOTHING},
    {"calls", "[PLUGIN]", "calls of plugins, with times; their metrics", shell_run_calls,
     SHELL_NOTHING},
    {"log", "[N]", "what plugins and mews said: the last 20 lines, or N", shell_run_log,
     SHELL_NOTHING},
    {"pause", "", "read no further; again: go on", shell_run_pause, SHELL_NOTHING},
    {"name", "NAME", "save the filter under a name, which other filters may use", run_save_name,
     SHELL_NOTHING},
    {"names", "", "saved filters, macros and lists", run_names, SHELL_NOTHING},
    {"fields", "[TEXT]", "fields whose name or description holds a text", run_fields,
     SHELL_NOTHING},
    {"plugins", "", "what is loaded", run_plugins, SHELL_NOTHING},
    {"configure", "PLUGIN CONFIG", "another configuration while it runs", shell_run_configure,
     SHELL_NOTHING},
    {"load", "SO [CONFIG]", "load a plugin", run_load, SHELL_PATH},
    {"open", "NAME[:PARAMS]", "open a plugin's source", run_open, SHELL_NOTHING},
    {"close", "", "close the source", shell_run_close, SHELL_NOTHING},
    {"halves", "", "calls as the file has them: enter and exit; again: in one row",
     shell_run_halves, SHELL_NOTHING},
    {"internal", "", "events that serve the capture itself, too; again: hidden", shell_run_internal,
     SHELL_NOTHING},
    {"reload", "[without]",
     "start the engine anew, with rebuilt plugins; without the one that died", shell_run_reload,
     SHELL_NOTHING},
    {"save", "FILE", "write the events that match to a capture", run_save, SHELL_PATH},
    {"info", "", "the stream in numbers", run_info, SHELL_NOTHING},
    {"wait", "[SECONDS]", "until the stream has ended", run_wait, SHELL_NOTHING},
    {"help", "[COMMAND]", "this", run_help, SHELL_COMMAND},
    {"quit", "", "leave; so does the end of the input", run_quit, SHELL_NOTHING},
};
const size_t shell_command_count = COUNT_OF(shell_commands);
