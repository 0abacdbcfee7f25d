/* Falco's rules for the screen: loaded from files that are watched, each as a filter that holds without
 * them. A load that fails leaves the rules before it. */
#include <sys/stat.h>

#include "internal.h"

struct rules_view {
    json_t *paths;
    char *saved;                   /* filters under names, as a file of macros */
    json_t *report;                /* of the newest load */
    json_t *rules;                 /* of the newest load that went well */
    struct output_rules *compiled; /* likewise */
    uint64_t version;              /* counts loads */
    uint64_t stamp;                /* of the files, when they were loaded */
};

void rules_view_free(struct rules_view *v)
{
    if (!v)
        return;
    json_decref(v->paths);
    free(v->saved);
    json_decref(v->report);
    json_decref(v->rules);
    output_rules_free(v->compiled);
    free(v);
}

/* Changes when a file is written; what can't be read counts, too. */
static uint64_t stamp_of(const json_t *paths)
{
    uint64_t stamp = 14695981039346656037u;
    const json_t *path;
    struct stat st;
    size_t i;

    json_array_foreach(paths, i, path) {
        memset(&st, 0, sizeof(st));
        if (stat(json_string_value(path), &st) == 0)
            stamp = hash_bytes(&st.st_mtim, sizeof(st.st_mtim), stamp) ^ (uint64_t)st.st_size ^
                    (uint64_t)st.st_ino;
        stamp *= 1099511628211u;
    }
    return stamp;
}

/* The condition without macros and lists, for events of the rule's source. */
static json_t *filter_of(const struct output_rules *o, size_t i)
{
    const struct filter *f = output_rules_filter(o, i);
    struct buf b;
    json_t *text;

    if (!f)
        return json_null();
    buf_init(&b, SIZE_MAX);
    filter_text(f, &b);
    text = rpc_text(buf_str(&b), b.len);
    buf_fini(&b);
    return text;
}

static void load(struct engine *e, struct rules_view *v)
{
    json_t *params = json_pack("{sO}", "rules", v->paths), *rule;
    struct output_rules *o, *old = v->compiled;
    size_t i;

    if (v->saved)
        json_object_set_new(params, "saved", rpc_str(v->saved));
    v->stamp = stamp_of(v->paths);
    o = output_rules_new(e, params);
    json_decref(params);
    json_decref(v->report);
    v->report = output_rules_report(o);
    json_array_foreach(json_object_get(v->report, "rules"), i, rule)
        json_object_set_new(rule, "filter", filter_of(o, i));
    if (!rpc_get_bool(v->report, "failed", false)) {
        json_decref(v->rules);
        v->rules = json_incref(json_object_get(v->report, "rules"));
        pthread_mutex_lock(&e->cat_lock);
        v->compiled = o;
        pthread_mutex_unlock(&e->cat_lock);
        output_rules_free(old);
    } else {
        output_rules_free(o);
    }
    v->version++;
}

json_t *rules_view_firing(struct engine *e, const void *bytes, uint64_t row, uint64_t before,
                          json_t *near)
{
    return e->rules_view && e->rules_view->compiled
               ? output_rules_firing(e->rules_view->compiled, bytes, row, before, near)
               : json_array();
}

const struct rules *rules_view_set(const struct engine *e)
{
    return e->rules_view && e->rules_view->compiled ? output_rules_set(e->rules_view->compiled)
                                                    : NULL;
}

void rules_view_names(struct engine *e, struct filter_options *options)
{
    const struct rules *set = rules_view_set(e);

    if (set)
        rules_name(set, options);
}

/* What filters can name: [{kind, name, text, saved}]. */
static json_t *names_json(const struct rules *set)
{
    const char *name, *condition, *file;
    const struct str_list *items;
    json_t *list = json_array();

    for (size_t i = 0; set && (name = rules_macro_at(set, i, &condition, &file)); i++)
        json_array_append_new(list, json_pack("{ss so so sb}", "kind", "macro", "name",
                                              rpc_str(name), "text", rpc_str(condition), "saved",
                                              str_eq(file, SAVED_FILTERS)));
    for (size_t i = 0; set && (name = rules_list_at(set, i, &items)); i++) {
        struct buf b;

        buf_init(&b, SIZE_MAX);
        for (size_t k = 0; k < items->n; k++)
            buf_addf(&b, "%s%s", k ? ", " : "", items->v[k]);
        json_array_append_new(list,
                              json_pack("{ss so so sb}", "kind", "list", "name", rpc_str(name),
                                        "text", rpc_str(buf_str(&b)), "saved", 0));
        buf_fini(&b);
    }
    return list;
}

static bool asked_differently(const struct rules_view *v, const json_t *paths, const char *saved)
{
    return (paths && !(v->paths && json_equal(v->paths, paths))) ||
           (saved && !(v->saved && str_eq(v->saved, saved)));
}

static void run_rules(struct engine *e, struct job *j)
{
    json_t *paths = json_object_get(j->params, "paths");
    const char *saved = rpc_get_str(j->params, "saved");
    uint64_t known = rpc_u64_or(j->params, "version", 0);
    struct rules_view *v = e->rules_view;

    if (!v) {
        v = xcalloc(1, sizeof(*v));
        v->paths = json_array();
        pthread_mutex_lock(&e->cat_lock);
        e->rules_view = v;
        pthread_mutex_unlock(&e->cat_lock);
    }
    if (asked_differently(v, paths, saved)) {
        if (paths) {
            json_decref(v->paths);
            v->paths = json_incref(paths);
        }
        if (saved) {
            free(v->saved);
            v->saved = xstrdup(saved);
        }
        load(e, v);
    } else if (v->paths && stamp_of(v->paths) != v->stamp) {
        load(e, v);
    }
    if (v->version == known) {
        reply(e, j->id, json_pack("{so}", "version", rpc_u64(v->version)));
        return;
    }
    if (!v->rules)
        v->rules = json_array();
    reply(e, j->id,
          json_pack("{so sO sb sO so}", "version", rpc_u64(v->version), "rules", v->rules, "failed",
                    rpc_get_bool(v->report, "failed", false), "messages",
                    json_object_get(v->report, "messages"), "names",
                    names_json(rules_view_set(e))));
}

void method_rules(struct engine *e, const json_t *id, const json_t *params)
{
    job_post(e, run_rules, id, params, NULL);
}
