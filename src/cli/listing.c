/* mews plugins, mews fields: what there is, as text, JSON or markdown. */
#include <dirent.h>
#include <unistd.h>

#include "internal.h"

struct listing {
    struct options *o;
    bool fields, named; /* named: the person asked for these very plugins */
    uint64_t id;
    json_t *plugins; /* of fields, until those of mews itself are known */
    uint64_t fields_id;
};

/* ---- which plugins: those named, else all that are found ------------------------------------- */

static void add_found(struct options *o, const char *dir, bool bundled)
{
    struct dirent **names;
    int n = scandir(dir, &names, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        if (str_ends(names[i]->d_name, ".so")) {
            char *path = path_join(dir, names[i]->d_name),
                 *bare = xstrndup(names[i]->d_name, strlen(names[i]->d_name) - 3);

            spec_add_library(&o->spec, bundled ? bare : path, "", bundled);
            free(path);
            free(bare);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

static void choose(struct options *o)
{
    char *words = o->filter, *word;

    while (words && (word = strsep(&words, " "))) {
        struct str_list bundled = {0};
        char *path;

        if (!*word)
            continue;
        str_list_add(&bundled, o->spec.bundled_dir);
        path = plugin_find(word, &bundled, NULL);
        spec_add_library(&o->spec, word, "", path != NULL);
        free(path);
        str_list_fini(&bundled);
    }
    if (o->spec.plugins.n)
        return;
    for (size_t i = 0; i < o->spec.plugin_dirs.n; i++)
        add_found(o, o->spec.plugin_dirs.v[i], false);
    add_found(o, o->spec.bundled_dir, true);
}

/* ---- plugins --------------------------------------------------------------------------------- */

static void print_safe(const char *s)
{
    struct buf b;

    buf_init(&b, 1 << 22);
    text_make_visible(&b, s ? s : "", s ? strlen(s) : 0);
    fputs(buf_str(&b), stdout);
    buf_fini(&b);
}

static void capability_letters(const json_t *p, char out[6])
{
    static const char *const names[] = {"sourcing", "extraction", "parsing", "async", "listening"};
    static const char letters[] = "SEPAL";

    for (int i = 0; i < 5; i++)
        out[i] = rpc_get_bool(json_object_get(json_object_get(p, "capabilities"), names[i]),
                              "present", false)
                     ? letters[i]
                     : '.';
    out[5] = '\0';
}

static void print_capabilities(const json_t *p)
{
    const char *name;
    json_t *cap, *fn;
    size_t i;

    json_object_foreach(json_object_get(p, "capabilities"), name, cap) {
        bool present = rpc_get_bool(cap, "present", false);

        printf("  %-11s %s", name, present ? "yes" : "no ");
        json_array_foreach(json_object_get(cap, present ? "functions" : "missing"), i, fn)
            printf("%s%s", i ? ", " : present ? "  by " : "  needs ", json_string_value(fn));
        putchar('\n');
    }
}

static void print_line(const char *head, const char *text)
{
    if (!text || !*text)
        return;
    printf("  %-11s ", head);
    print_safe(text);
    putchar('\n');
}

static void print_plugin(const json_t *p)
{
    const json_t *failure = json_object_get(p, "failure"), *w;
    char caps[6], size[32];
    size_t i;

    capability_letters(p, caps);
    print_safe(rpc_get_str(p, "name"));
    printf(" %s  API %s  %s  %s\n", rpc_get_str(p, "version") ? rpc_get_str(p, "version") : "?",
           rpc_get_str(p, "api") ? rpc_get_str(p, "api") : "?", caps, rpc_get_str(p, "language"));
    print_line("file", rpc_get_str(p, "path"));
    printf("  %-11s %s\n", "size", text_bytes(rpc_u64_or(p, "file_size", 0), size));
    if (failure) {
        printf("  can't be used: at step “%s”\n", rpc_get_str(failure, "step"));
        print_line("reason", rpc_get_str(failure, "text"));
        print_line("what to do", rpc_get_str(failure, "advice"));
        if (!rpc_get_str(p, "version"))
            return;
    }
    print_line("does", rpc_get_str(p, "description"));
    print_line("contact", rpc_get_str(p, "contact"));
    if (rpc_u64_or(p, "id", 0))
        printf("  %-11s %s (ID %llu)\n", "source", rpc_get_str(p, "source"),
               (unsigned long long)rpc_u64_or(p, "id", 0));
    print_capabilities(p);
    printf("  %-11s %zu\n", "fields", json_array_size(json_object_get(p, "fields")));
    json_array_foreach(json_object_get(p, "warnings"), i, w)
        print_line("warning", json_string_value(w));
}

static int print_plugins(const struct listing *l, const json_t *list)
{
    const json_t *p;
    bool failed = false;
    size_t i;

    if (l->o->json)
        put_json(list, JSON_INDENT(2));
    json_array_foreach(list, i, p) {
        failed |= json_object_get(p, "failure") != NULL;
        if (!l->o->json) {
            if (i)
                putchar('\n');
            print_plugin(p);
        }
    }
    if (json_array_size(list) == 0 && !l->o->json)
        printf("no plugins found\n");
    return failed && l->named ? EXIT_INPUT : EXIT_OK;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static const char *arg_words(const json_t *f)
{
    const json_t *arg = json_object_get(f, "arg");
    bool key = rpc_get_bool(arg, "isKey", false), index = rpc_get_bool(arg, "isIndex", false);
    bool required = rpc_get_bool(arg, "isRequired", false);

    if (!key && !index)
        return "None";
    if (key && index)
        return required ? "Key or Index, Required" : "Key or Index";
    if (key)
        return required ? "Key, Required" : "Key";
    return required ? "Index, Required" : "Index";
}

static void print_type(const json_t *f, char out[40])
{
    snprintf(out, 40, "%s%s", rpc_get_str(f, "type"),
             rpc_get_bool(f, "isList", false) ? " (list)" : "");
}

/* As the READMEs of plugins have it. */
static void print_markdown(const json_t *fields)
{
    const json_t *f;
    char type[40];
    size_t i;

    printf("| NAME | TYPE | ARG | DESCRIPTION |\n|------|------|-----|-------------|\n");
    json_array_foreach(fields, i, f) {
        const char *desc = rpc_get_str(f, "desc");

        print_type(f, type);
        printf("| `%s` | `%s` | %s | ", rpc_get_str(f, "name"), type, arg_words(f));
        for (; desc && *desc; desc++) {
            if (*desc == '|')
                putchar('\\');
            putchar(*desc == '\n' || *desc == '\r' ? ' ' : *desc);
        }
        printf(" |\n");
    }
}

static void print_field_lines(const json_t *fields)
{
    const json_t *f;
    char type[40];
    size_t i;

    json_array_foreach(fields, i, f) {
        const char *args = arg_words(f);

        print_type(f, type);
        printf("  %-34s %-16s %-24s ", rpc_get_str(f, "name"), type,
               str_eq(args, "None") ? "" : args);
        print_safe(rpc_get_str(f, "desc"));
        putchar('\n');
    }
}

static int print_fields(const struct listing *l, const json_t *list)
{
    const json_t *p;
    json_t *all = json_array();
    bool failed = false, many = json_array_size(list) > 1;
    size_t i;

    json_array_foreach(list, i, p) {
        json_t *fields = json_object_get(p, "fields");

        if (json_object_get(p, "failure")) {
            complain("plugin %s can't be used: %s", rpc_get_str(p, "name"),
                     rpc_get_str(json_object_get(p, "failure"), "text"));
            failed = true;
        }
        if (l->o->json) {
            json_t *o =
                json_pack("{sO sO}", "plugin", json_object_get(p, "name"), "fields", fields);

            json_array_append_new(all, o);
            continue;
        }
        if (json_array_size(fields) == 0)
            continue;
        if (many)
            printf(l->o->markdown ? "## %s\n\n" : "%s\n", rpc_get_str(p, "name"));
        if (l->o->markdown)
            print_markdown(fields);
        else
            print_field_lines(fields);
        if (many)
            putchar('\n');
    }
    if (l->o->json)
        put_json(all, JSON_INDENT(2));
    json_decref(all);
    return failed && l->named ? EXIT_INPUT : EXIT_OK;
}

/* ---- the session ----------------------------------------------------------------------------- */

static void on_ready(struct client *c, const json_t *params)
{
    struct listing *l = c->ctx;

    UNUSED(params);
    l->id = client_ask(c, "plugins", NULL);
}

/* A field of the catalogue in the form that plugins give theirs in. */
static json_t *as_plugins_do(const json_t *f)
{
    const json_t *arg = json_object_get(f, "arg");
    json_t *o = json_pack("{sO sO sO sO}", "name", json_object_get(f, "name"), "type",
                          json_object_get(f, "type"), "desc", json_object_get(f, "desc"), "isList",
                          json_object_get(f, "list"));

    if (arg)
        json_object_set_new(o, "arg",
                            json_pack("{sO sO sO}", "isRequired", json_object_get(arg, "required"),
                                      "isIndex", json_object_get(arg, "index"), "isKey",
                                      json_object_get(arg, "key")));
    return o;
}

static json_t *group_of(json_t *list, const char *owner)
{
    json_t *group;
    size_t i;

    json_array_foreach(list, i, group) {
        if (str_eq(rpc_get_str(group, "name"), owner))
            return json_object_get(group, "fields");
    }
    group = json_pack("{ss s[]}", "name", owner, "fields");
    json_array_append_new(list, group);
    return json_object_get(group, "fields");
}

/* The fields of mews itself, behind those of the plugins. */
static void add_builtin(json_t *list, const json_t *catalogue)
{
    size_t plugins = json_array_size(list), i, k;
    json_t *groups = json_array();
    const json_t *f;

    json_array_foreach(catalogue, i, f) {
        const char *owner = rpc_get_str(f, "owner");
        bool of_plugin = false;

        for (k = 0; k < plugins; k++)
            of_plugin |= str_eq(rpc_get_str(json_array_get(list, k), "name"), owner);
        if (!of_plugin)
            json_array_append_new(group_of(groups, owner), as_plugins_do(f));
    }
    json_array_extend(list, groups);
    json_decref(groups);
}

static void on_answer(struct client *c, uint64_t id, const json_t *result)
{
    struct listing *l = c->ctx;

    if (id == l->id && l->fields && !l->named) {
        l->plugins = json_deep_copy(json_object_get(result, "plugins"));
        l->fields_id = client_ask(c, "fields", NULL);
    } else if (id == l->id) {
        const json_t *list = json_object_get(result, "plugins");

        client_end(c, l->fields ? print_fields(l, list) : print_plugins(l, list));
    } else if (id == l->fields_id) {
        add_builtin(l->plugins, json_object_get(result, "fields"));
        client_end(c, print_fields(l, l->plugins));
        json_decref(l->plugins);
        l->plugins = NULL;
    }
}

static int run(struct options *o, bool fields)
{
    struct listing l = {.o = o, .fields = fields};
    struct client c = {.ctx = &l, .ready = on_ready, .answer = on_answer, .lists_failures = true};

    l.named = o->spec.plugins.n > 0 || *o->filter;
    choose(o);
    free(o->spec.source);
    o->spec.source = NULL;
    return client_run(&c, o, false, false);
}

int command_plugins(struct options *o)
{
    return run(o, false);
}

int command_fields(struct options *o)
{
    return run(o, true);
}
