/* Layouts: which columns a source shows, and what its logs look like. */
#include <dirent.h>
#include <fnmatch.h>

#include "mews/config.h"
#include "mews/view.h"

#define LAYOUT_FILE_MAX ((size_t)1 << 20)

static char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? xstrdup(s) : NULL;
}

static void layout_free(struct layout *l)
{
    for (size_t i = 0; i < l->columns.n; i++) {
        free(l->columns.v[i].field);
        free(l->columns.v[i].title);
    }
    for (size_t i = 0; i < l->clues.n; i++) {
        for (size_t k = 0; k < l->clues.v[i].parts.n; k++) {
            free(l->clues.v[i].parts.v[k].pointer);
            free(l->clues.v[i].parts.v[k].glob);
        }
        vec_free(&l->clues.v[i].parts);
    }
    vec_free(&l->columns);
    vec_free(&l->clues);
    free(l->source);
    free(l->plugin);
    free(l->title);
    free(l);
}

static enum severity read_columns(struct layout *l, const json_t *list, struct error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        struct layout_column c = {text_of(item, "field"), text_of(item, "title"), 0};
        const char *width = json_string_value(json_object_get(item, "width"));
        uint64_t w = 0;

        if (!c.field || (width && (!parse_u64(span_of(width), &w) || w > 500))) {
            free(c.field);
            free(c.title);
            return error_set(err, ERR_FORMAT,
                             "columns: entry %zu needs a field, and its width is a number", i + 1);
        }
        c.width = (unsigned)w;
        vec_push(&l->columns, c);
    }
    return SEV_OK;
}

static void read_clues(struct layout *l, const json_t *list)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        struct layout_clue *clue = vec_more(&l->clues);
        const char *pointer;
        json_t *glob;

        json_object_foreach((json_t *)item, pointer, glob) {
            if (!json_is_string(glob))
                continue;
            (void)vec_more(&clue->parts);
            clue->parts.v[clue->parts.n - 1].pointer = xstrdup(pointer);
            clue->parts.v[clue->parts.n - 1].glob = xstrdup(json_string_value(glob));
        }
    }
}

static enum severity read_layout(struct layouts *all, const json_t *doc, struct error *err)
{
    struct layout *l = xcalloc(1, sizeof(*l));
    enum severity sev = SEV_OK;

    l->source = text_of(doc, "source");
    l->plugin = text_of(doc, "plugin");
    l->title = text_of(doc, "title");
    if (!l->source)
        sev = error_set(err, ERR_FORMAT, "“source” is missing");
    else
        sev = read_columns(l, json_object_get(doc, "columns"), err);
    read_clues(l, json_object_get(doc, "recognise"));
    if (sev != SEV_OK) {
        layout_free(l);
        return sev;
    }
    vec_push(&all->v, l);
    return SEV_OK;
}

/* The document of one file, NULL with a warning when it can't be read. */
static json_t *read_file(const char *path, struct str_list *warnings)
{
    struct error err;
    struct buf text;
    json_t *doc = NULL;

    buf_init(&text, LAYOUT_FILE_MAX);
    if (file_read(path, LAYOUT_FILE_MAX, &text, &err) == SEV_OK)
        doc = yaml_read(buf_str(&text), text.len, &err);
    if (!doc)
        str_list_addf(warnings, "%s: %s", path, err.text);
    buf_fini(&text);
    return doc;
}

json_t *layouts_documents(const char *dir, struct str_list *warnings)
{
    json_t *docs = json_object();
    struct dirent **names;
    int n = scandir(dir, &names, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        if (str_ends(names[i]->d_name, ".yaml")) {
            char *path = path_join(dir, names[i]->d_name);
            json_t *doc = read_file(path, warnings);

            if (doc)
                json_object_set_new(docs, path, doc);
            free(path);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return docs;
}

void layouts_add(struct layouts *l, const json_t *docs, struct str_list *warnings)
{
    const char *path;
    struct error err;
    json_t *doc;

    json_object_foreach((json_t *)docs, path, doc) {
        if (read_layout(l, doc, &err) != SEV_OK)
            str_list_addf(warnings, "%s: %s", path, err.text);
    }
}

void layouts_load(struct layouts *l, const char *dir, struct str_list *warnings)
{
    json_t *docs = layouts_documents(dir, warnings);

    layouts_add(l, docs, warnings);
    json_decref(docs);
}

void layouts_fini(struct layouts *l)
{
    for (size_t i = 0; i < l->v.n; i++)
        layout_free(l->v.v[i]);
    vec_free(&l->v);
}

const struct layout *layout_for(const struct layouts *l, const char *source)
{
    for (size_t i = 0; source && i < l->v.n; i++) {
        if (str_eq(l->v.v[i]->source, source))
            return l->v.v[i];
    }
    return NULL;
}

static bool clue_fits(const struct layout_clue *clue, const struct json_scan *scan,
                      const char *text)
{
    struct buf value;
    bool fits = clue->parts.n > 0;

    buf_init(&value, 0);
    for (size_t i = 0; fits && i < clue->parts.n; i++) {
        uint32_t node = json_scan_find(scan, text, span_of(clue->parts.v[i].pointer));

        buf_reset(&value);
        if (node != UINT32_MAX)
            json_scan_text(scan, text, node, &value);
        fits = node != UINT32_MAX && fnmatch(clue->parts.v[i].glob, buf_str(&value), 0) == 0;
    }
    buf_fini(&value);
    return fits;
}

const struct layout *layout_recognise(const struct layouts *l, struct span line)
{
    const struct layout *found = NULL;
    struct json_scan scan;

    json_scan_init(&scan);
    if (json_scan(&scan, line.p, line.n, 100000)) {
        for (size_t i = 0; !found && i < l->v.n; i++) {
            for (size_t k = 0; !found && k < l->v.v[i]->clues.n; k++)
                found = clue_fits(&l->v.v[i]->clues.v[k], &scan, line.p) ? l->v.v[i] : NULL;
        }
    }
    json_scan_fini(&scan);
    return found;
}
