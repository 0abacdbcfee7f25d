/* The form that opens a source: what plugin_open gets, what the plugin proposes for it, and its
 * configuration, one line for each property of the schema (plugin-abi.md §4.1, §5.1). */
#include <ncurses.h>

#include "internal.h"

#define DEPTH_MAX 4
#define ROWS_MAX  500

enum row_kind { ROW_PARAMS, ROW_SUGGESTED, ROW_PROPERTY, ROW_TEXT };

struct form_row {
    enum row_kind kind;
    char *name;         /* of a property: its place, dots between */
    const json_t *rule; /* of it in the schema; of a proposal: the proposal */
    struct edit edit;
    bool changed;
};

struct open_form {
    struct ui *u;
    char *plugin, *library;
    bool failed, running; /* it did not start; it takes a configuration while it runs */
    json_t *params, *schema, *config, *proposals;
    VEC(struct form_row) rows;
    struct table t;
    char *error, *opening; /* parameters to open with once the configuration is taken */
};

/* ---- rows ------------------------------------------------------------------------------------ */

static struct form_row *row_add(struct open_form *f, enum row_kind kind, const char *name,
                                const json_t *rule, const char *text, struct str_list *history)
{
    struct form_row r = {.kind = kind, .name = xstrdup(name), .rule = rule};

    edit_init(&r.edit, text, history);
    vec_push(&f->rows, r);
    return &f->rows.v[f->rows.n - 1];
}

/* What a $ref leads to, within the document. */
static const json_t *follow(const json_t *schema, const json_t *rule)
{
    for (int hops = 0; hops < DEPTH_MAX && json_object_get(rule, "$ref"); hops++) {
        const char *ref = json_string_value(json_object_get(rule, "$ref"));
        const char *name = ref ? strrchr(ref, '/') : NULL;
        const json_t *defs = json_object_get(schema, "$defs");

        if (!defs)
            defs = json_object_get(schema, "definitions");
        rule = name ? json_object_get(defs, name + 1) : NULL;
    }
    return rule;
}

static void rows_of(struct open_form *f, const json_t *rule, const json_t *value,
                    const char *prefix, int depth)
{
    const json_t *properties = json_object_get(rule, "properties"), *sub;
    const char *key;

    json_object_foreach((json_t *)properties, key, sub) {
        const json_t *now = json_object_get(value, key);
        const json_t *what = follow(f->schema, sub);
        char *name, *text;

        if (f->rows.n >= ROWS_MAX)
            return;
        name = xasprintf("%s%s", prefix, key);
        if (json_object_get(what, "properties") && depth < DEPTH_MAX) {
            char *below = xasprintf("%s.", name);

            rows_of(f, what, now, below, depth + 1);
            free(below);
        } else {
            text = !now                  ? xstrdup("")
                   : json_is_string(now) ? xstrdup(json_string_value(now))
                                         : json_dumps(now, JSON_ENCODE_ANY | JSON_COMPACT);
            row_add(f, ROW_PROPERTY, name, what, text, NULL);
            free(text);
        }
        free(name);
    }
}

static void add_config_rows(struct open_form *f, const json_t *p)
{
    const char *schema = rpc_get_str(p, "schema"), *config = rpc_get_str(p, "config");

    f->schema = schema ? json_loads(schema, 0, NULL) : NULL;
    f->config = config && *config ? json_loads(config, 0, NULL) : json_object();
    if (json_is_object(f->config) && f->schema) {
        size_t before = f->rows.n;

        rows_of(f, follow(f->schema, f->schema), f->config, "", 0);
        if (f->rows.n > before)
            return;
    }
    json_decref(f->config);
    f->config = NULL;
    row_add(f, ROW_TEXT, "config", NULL, config ? config : "", NULL);
}

/* Behind the parameters; they may come when the form is there already. */
void open_form_proposals(struct ui *u)
{
    struct open_form *f = u->open_form;
    const json_t *one;
    size_t i, n;

    if (!f || f->proposals || !u->plugins.open_params_of ||
        !str_eq(u->plugins.open_params_of, f->plugin))
        return;
    f->proposals = json_incref(json_object_get(u->plugins.open_params, "params"));
    n = f->rows.n;
    json_array_foreach(f->proposals, i, one)
        row_add(f, ROW_SUGGESTED, i ? "" : "it proposes", one, rpc_get_str(one, "value"), NULL);
    for (i = 0; i < json_array_size(f->proposals); i++) { /* from the end to their place */
        struct form_row r = f->rows.v[n + i];

        memmove(&f->rows.v[i + 2], &f->rows.v[i + 1], (n - 1) * sizeof(r));
        f->rows.v[i + 1] = r;
    }
    if (f->t.cursor > 0)
        f->t.cursor += json_array_size(f->proposals);
    f->t.n = f->rows.n;
}

/* ---- what is made of it ---------------------------------------------------------------------- */

/* A property's text as its type wants it; what does not fit stays text: the schema refuses it, with
 * its words. NULL: it is left out. */
static json_t *typed(const struct form_row *r)
{
    const char *text = buf_str(&r->edit.text);
    const json_t *type = json_object_get(r->rule, "type");
    json_t *value;

    if (!*text)
        return NULL;
    if (json_is_string(type) && str_eq(json_string_value(type), "string"))
        return json_string(text);
    value = json_loads(text, JSON_DECODE_ANY, NULL);
    return value ? value : json_string(text);
}

static void put(json_t *config, const char *name, json_t *value)
{
    const char *dot = strchr(name, '.');

    while (dot) {
        char *key = xstrndup(name, (size_t)(dot - name));
        json_t *below = json_object_get(config, key);

        if (!json_is_object(below)) {
            below = json_object();
            json_object_set_new(config, key, below);
        }
        config = below;
        free(key);
        name = dot + 1;
        dot = strchr(name, '.');
    }
    if (value)
        json_object_set_new(config, name, value);
    else
        json_object_del(config, name);
}

/* NULL: nothing of it was changed. free() it. */
static char *new_config(const struct open_form *f)
{
    json_t *config = f->config ? json_deep_copy(f->config) : NULL;
    bool changed = false;
    char *text = NULL;

    for (size_t i = 0; i < f->rows.n; i++) {
        const struct form_row *r = &f->rows.v[i];

        if (r->changed && r->kind == ROW_TEXT)
            text = xstrdup(buf_str(&r->edit.text));
        if (!r->changed || r->kind != ROW_PROPERTY)
            continue;
        put(config, r->name, typed(r));
        changed = true;
    }
    if (changed)
        text = json_dumps(config, JSON_COMPACT);
    json_decref(config);
    return text;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void form_open_source(struct ui *u, const char *plugin, const char *params)
{
    char *name = xstrdup(plugin), *with = xstrdup(params);

    if (u->open_form)
        overlay_close(u);
    plugins_open_with(u, name, with);
    free(name);
    free(with);
}

static void on_config_taken(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct open_form *f = u->open_form;

    UNUSED(result);
    UNUSED(ctx);
    if (!f || !f->opening)
        return;
    free(f->error);
    f->error = error ? xstrdup(error_text(error)) : NULL;
    if (error) {
        free(f->opening);
        f->opening = NULL;
        return;
    }
    form_open_source(u, f->plugin, f->opening);
}

/* It takes a configuration only when it starts: another engine, which keeps the stream. */
static void start_anew(struct ui *u, struct open_form *f, const char *config, const char *params)
{
    json_t *q = json_pack("{s{so so} s{so so} sb}", "plugin", "library", rpc_str(f->library),
                          "config", rpc_str(config), "set", "source", rpc_str(f->plugin), "params",
                          rpc_str(params), "open", true);

    notice(u, LOOK_TEXT, "%s starts with another configuration…", f->plugin);
    overlay_close(u);
    u->ready = false;
    screen_go(u, SCREEN_EVENTS);
    u->events.want_last = u->events.follow = true;
    ask(u, "keeper/start", q, NULL, NULL);
}

static void form_go(struct ui *u, struct open_form *f)
{
    const char *params = buf_str(&f->rows.v[0].edit.text);
    char *config = new_config(f);

    history_add(&u->path_history, params);
    if (!config && f->failed) {
        free(f->error);
        f->error = xstrdup("it did not start with this configuration: change it, then Enter");
    } else if (!config) {
        form_open_source(u, f->plugin, params);
    } else if (f->running) {
        free(f->opening);
        f->opening = xstrdup(params);
        ask(u, "plugin/config",
            json_pack("{so so}", "plugin", rpc_str(f->plugin), "config", rpc_str(config)),
            on_config_taken, NULL);
    } else {
        start_anew(u, f, config, params);
    }
    free(config);
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* The values that a property can have, where the schema counts them up; the next of them. */
static void next_choice(struct form_row *r)
{
    static const char *const truth[] = {"true", "false"};
    const json_t *type = json_object_get(r->rule, "type"), *list = json_object_get(r->rule, "enum");
    const char *now = buf_str(&r->edit.text);
    size_t n = json_array_size(list), at = 0;

    if (json_is_string(type) && str_eq(json_string_value(type), "boolean")) {
        edit_set(&r->edit, truth[str_eq(now, "true")]);
        r->changed = true;
        return;
    }
    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(list, i));

        if (s && str_eq(s, now))
            at = i + 1;
    }
    if (json_string_value(json_array_get(list, at % n))) {
        edit_set(&r->edit, json_string_value(json_array_get(list, at % n)));
        r->changed = true;
    }
}

static bool form_key(struct ui *u, struct overlay *o, int key, bool is_char)
{
    struct open_form *f = o->state;
    struct form_row *r = &f->rows.v[f->t.cursor];

    if (is_char && (key == 27 || key == 3)) {
        overlay_close(u);
    } else if (is_char && (key == '\r' || key == '\n')) {
        if (r->kind == ROW_SUGGESTED) {
            edit_set(&f->rows.v[0].edit, buf_str(&r->edit.text));
            f->t.cursor = 0;
        } else {
            form_go(u, f);
        }
    } else if (!is_char &&
               (key == KEY_UP || key == KEY_DOWN || key == KEY_NPAGE || key == KEY_PPAGE)) {
        table_key(&f->t, key, false, 10);
    } else if (is_char && key == '\t') {
        next_choice(r);
    } else if (r->kind != ROW_SUGGESTED && edit_key(&r->edit, key, is_char) == EDIT_CHANGED) {
        r->changed = true;
    }
    return true;
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void describe(const struct form_row *r, struct buf *out)
{
    const json_t *type = json_object_get(r->rule, "type"), *v;
    const char *desc = rpc_get_str(r->rule, "description");
    size_t i;

    if (r->kind == ROW_PARAMS) {
        buf_adds(out, "what plugin_open gets");
    } else if (r->kind == ROW_SUGGESTED) {
        buf_adds(out, "Enter takes it");
    } else if (r->kind == ROW_TEXT) {
        buf_adds(out, "what plugin_init gets");
    } else {
        if (json_is_string(type))
            buf_adds(out, json_string_value(type));
        json_array_foreach(json_object_get(r->rule, "enum"), i, v) {
            if (json_is_string(v))
                buf_addf(out, "%s%s", i ? ", " : " of ", json_string_value(v));
        }
        if ((v = json_object_get(r->rule, "default"))) {
            char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

            buf_addf(out, " · %s if left out", text);
            free(text);
        }
        if (!desc)
            desc = rpc_get_str(r->rule, "title");
        if (desc)
            buf_addf(out, " · %s", desc);
        if (json_object_get(r->rule, "enum") ||
            (json_is_string(type) && str_eq(json_string_value(type), "boolean")))
            buf_adds(out, " · Tab changes it");
    }
}

static void draw_row(const struct open_form *f, size_t i, int y, struct rect r)
{
    const struct form_row *row = &f->rows.v[i];
    bool on = i == f->t.cursor;
    int names = MIN_OF(28, r.w / 3), at = r.x + names + 1, w = r.w - names - 1;
    const char *text = buf_str(&row->edit.text);

    text_puts(y, r.x, names, on ? LOOK_STRONG : row->changed ? LOOK_WARN : LOOK_TEXT, row->name);
    if (row->kind == ROW_SUGGESTED) {
        const char *desc = rpc_get_str(row->rule, "desc");
        int used;

        if (on)
            fill(y, at, w, LOOK_CURSOR, ' ');
        used = text_puts(y, at, w, on ? LOOK_CURSOR : LOOK_VALUE, text);
        if (desc && used + 3 < w)
            text_puts(y, at + used + 3, w - used - 3, on ? LOOK_CURSOR : LOOK_DIM, desc);
    } else if (on) {
        edit_draw(&row->edit, y, at, w);
    } else if (!*text && json_object_get(row->rule, "default")) {
        char *shown =
            json_dumps(json_object_get(row->rule, "default"), JSON_ENCODE_ANY | JSON_COMPACT);

        text_puts(y, at, w, LOOK_DIM, shown);
        free(shown);
    } else {
        text_puts(y, at, w, row->changed ? LOOK_WARN : LOOK_VALUE, text);
    }
}

static void form_draw(struct ui *u, struct overlay *o)
{
    struct open_form *f = o->state;
    char title[160];
    struct rect r;
    struct buf b;

    snprintf(title, sizeof(title), "open %s", f->plugin);
    r = overlay_box(u, (int)f->rows.n + 4, MIN_OF(u->width, 100), f->error ? LOOK_BAD : LOOK_HEAD,
                    title);
    r.h -= 2;
    table_fit(&f->t, r.h);
    for (int i = 0; i < r.h && f->t.top + (size_t)i < f->rows.n; i++)
        draw_row(f, f->t.top + (size_t)i, r.y + i, r);
    buf_init(&b, 2000);
    describe(&f->rows.v[f->t.cursor], &b);
    text_puts(r.y + r.h, r.x, r.w, f->error ? LOOK_BAD : LOOK_DIM,
              f->error ? f->error : buf_str(&b));
    buf_fini(&b);
    text_puts(r.y + r.h + 1, r.x, r.w, LOOK_KEY,
              f->running ? "Enter opens, Esc leaves"
                         : "Enter opens, Esc leaves; another configuration starts the engine anew");
}

/* ---- life ------------------------------------------------------------------------------------ */

static void form_fini(struct overlay *o)
{
    struct open_form *f = o->state;

    for (size_t i = 0; i < f->rows.n; i++) {
        free(f->rows.v[i].name);
        edit_fini(&f->rows.v[i].edit);
    }
    vec_free(&f->rows);
    json_decref(f->schema);
    json_decref(f->config);
    json_decref(f->proposals);
    free(f->plugin);
    free(f->library);
    free(f->error);
    free(f->opening);
    f->u->open_form = NULL;
    free(f);
}

void open_form_show(struct ui *u, const json_t *p, const char *params)
{
    struct open_form *f = xcalloc(1, sizeof(*f));
    struct overlay o = {form_draw, form_key, form_fini, f, true};

    f->u = u;
    f->plugin = xstrdup(rpc_get_str(p, "name"));
    f->library = xstrdup(rpc_get_str(p, "path"));
    f->failed = json_object_get(p, "failure") != NULL;
    f->running = !f->failed &&
                 json_is_true(json_object_get(json_object_get(p, "optional"), "plugin_set_config"));
    row_add(f, ROW_PARAMS, "open with", NULL, params, &u->path_history);
    add_config_rows(f, p);
    f->t.n = f->rows.n;
    u->open_form = f;
    open_form_proposals(u);
    overlay_open(u, &o);
}
