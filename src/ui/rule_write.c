/* A rule out of the filter in force, as Falco's files have it: to a file, or to the clipboard. */
#include <ncurses.h>
#include <stdio.h>

#include "internal.h"

struct draft {
    char *name, *path;
};

static void draft_free(struct draft *d)
{
    free(d->name);
    free(d->path);
    free(d);
}

/* The event source that the rule runs on. */
static const char *source_of(const struct ui *u, const json_t *plugins)
{
    const char *plugin = rpc_get_str(u->stream, "plugin"), *source;
    const json_t *p;
    size_t i;

    json_array_foreach(json_object_get(plugins, "plugins"), i, p) {
        source = rpc_get_str(p, "source");
        if (plugin && str_eq(rpc_get_str(p, "name"), plugin) && source && *source)
            return source;
    }
    return "syscall";
}

static void write_rule(const struct ui *u, const struct draft *d, const char *source, struct buf *b)
{
    struct buf output;

    buf_init(&output, 65536);
    for (size_t i = 0; i < u->events.columns.n; i++)
        buf_addf(&output, "%s%%%s", i ? " " : "", u->events.columns.v[i].field);
    yaml_add_rule(b, d->name, u->filter, buf_str(&output), source);
    buf_fini(&output);
}

/* What would keep Falco from loading it. */
static void on_checked(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    const json_t *fields = json_object_get(result, "not_offered"), *f;
    struct buf b;
    size_t i;

    UNUSED(ctx);
    if (error)
        return;
    buf_init(&b, 65536);
    json_array_foreach(fields, i, f)
        buf_addf(&b, "%s%s", i ? ", " : "", json_string_value(f));
    if (b.len)
        notice(u, LOOK_WARN, "the rule is written; for this source Falco does not offer %s",
               buf_str(&b));
    else if (rpc_get_bool(result, "beyond_falco", false))
        notice(u, LOOK_WARN,
               "the rule is written; a text in it is longer than Falco takes, or has NUL");
    buf_fini(&b);
}

static void on_plugins(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct draft *d = ctx;
    struct error err;
    struct buf b;

    UNUSED(error);
    buf_init(&b, 1 << 20);
    write_rule(u, d, source_of(u, result), &b);
    if (!*d->path) {
        term_copy(buf_str(&b), b.len);
        notice(u, LOOK_GOOD, "the rule is in the clipboard");
    } else {
        if (file_append(d->path, buf_str(&b), b.len, &err) != SEV_OK)
            notice(u, LOOK_BAD, "%s", err.text);
        else
            notice(u, LOOK_GOOD, "the rule “%s” is in %s", d->name, d->path);
    }
    buf_fini(&b);
    draft_free(d);
    ask(u, "filter/check", json_pack("{so}", "filter", rpc_str(u->filter)), on_checked, NULL);
}

static void on_path(struct ui *u, const char *text, void *ctx)
{
    struct draft *d = ctx;

    d->path = xstrdup(text);
    if (*text)
        history_add(&u->path_history, text);
    ask(u, "plugins", NULL, on_plugins, d);
}

static void on_name(struct ui *u, const char *text, void *ctx)
{
    struct draft *d;

    UNUSED(ctx);
    if (!*text)
        return;
    d = xcalloc(1, sizeof(*d));
    d->name = xstrdup(text);
    prompt_open(u, "add it to the file (empty: copy it)", "", &u->path_history, on_path, d);
}

void rule_write(struct ui *u, int arg)
{
    UNUSED(arg);
    if (!*u->filter)
        notice(u, LOOK_WARN, "no filter is in force: its condition would be the rule's");
    else
        prompt_open(u, "name of the rule", "", NULL, on_name, NULL);
}
