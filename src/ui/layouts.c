/* Columns under names: which fields the list shows, how wide and in which order, kept for the source that they
 * are of, in the person's configuration. One named “default” is taken whenever the source is opened. */
#include <ncurses.h>

#include "internal.h"

#define WIDTH_MAX 200

struct layout_palette {
    struct ui *u;
    json_t *all; /* [{name, source, columns}] */
    VEC(size_t) shown;
    struct table t;
};

/* ---- the file -------------------------------------------------------------------------------------- */

static char *layouts_path(void)
{
    char *dir = user_dir("config"), *path = dir ? path_join(dir, "layouts.json") : NULL;

    free(dir);
    return path;
}

json_t *layouts_kept(void)
{
    char *path = layouts_path();
    json_t *all = path ? json_load_file(path, 0, NULL) : NULL;

    free(path);
    if (json_is_array(all))
        return all;
    json_decref(all);
    return json_array();
}

static enum severity layouts_write(const json_t *all, struct error *err)
{
    char *path = layouts_path(), *text = json_dumps(all, JSON_INDENT(2));
    enum severity sev = path ? file_replace(path, text, strlen(text), err)
                             : error_set(err, ERR_IO, "there is no folder for them");

    free(text);
    free(path);
    return sev;
}

static const char *source_now(const struct ui *u)
{
    return u->events.columns_source ? u->events.columns_source : "";
}

static bool is_it(const json_t *l, const char *name, const char *source)
{
    const char *n = rpc_get_str(l, "name"), *s = rpc_get_str(l, "source");

    return n && s && str_eq(n, name) && str_eq(s, source) &&
           json_is_array(json_object_get(l, "columns"));
}

/* ---- taking one ------------------------------------------------------------------------------------- */

static void take(struct ui *u, const json_t *columns)
{
    struct events_view *e = &u->events;
    const json_t *c;
    size_t i;

    columns_clear(e);
    json_array_foreach(columns, i, c) {
        const char *field = rpc_get_str(c, "field"), *title = rpc_get_str(c, "title"),
                   *align = rpc_get_str(c, "align");
        json_int_t width = json_integer_value(json_object_get(c, "width"));
        struct column_def *d;

        if (!field)
            continue;
        d = column_push(e, field, title);
        d->width = width > 0 && width <= WIDTH_MAX ? (int)width : 0;
        d->align = align && (*align == 'l' || *align == 'r') ? *align : '\0';
    }
    e->columns_final = true;
    e->column = -1;
    e->column_scroll = 0;
    events_refresh(u);
}

bool layouts_default(struct ui *u)
{
    json_t *all = layouts_kept();
    const json_t *l;
    bool taken = false;
    size_t i;

    json_array_foreach(all, i, l) {
        if (!taken && is_it(l, "default", source_now(u))) {
            take(u, json_object_get(l, "columns"));
            taken = true;
        }
    }
    json_decref(all);
    return taken;
}

/* ---- saving ------------------------------------------------------------------------------------------- */

static json_t *columns_json(const struct events_view *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->columns.n; i++) {
        const struct column_def *d = &e->columns.v[i];
        json_t *c = json_pack("{so so si}", "field", rpc_str(d->field), "title", rpc_str(d->title),
                              "width", d->width);

        if (d->align)
            json_object_set_new(c, "align", json_string(d->align == 'r' ? "right" : "left"));
        json_array_append_new(list, c);
    }
    return list;
}

enum severity layouts_keep(const char *name, const char *source, json_t *columns, struct error *err)
{
    json_t *all = layouts_kept();
    enum severity sev;

    for (size_t i = json_array_size(all); i-- > 0;) {
        if (is_it(json_array_get(all, i), name, source))
            json_array_remove(all, i);
    }
    if (columns)
        json_array_append_new(all, json_pack("{so so so}", "name", rpc_str(name), "source",
                                             rpc_str(source), "columns", columns));
    sev = layouts_write(all, err);
    json_decref(all);
    return sev;
}

/* columns NULL: forgets it. */
static bool change(struct ui *u, const char *name, json_t *columns)
{
    struct error err;
    bool ok = layouts_keep(name, source_now(u), columns, &err) == SEV_OK;

    if (!ok)
        notice(u, LOOK_BAD, "%s", err.text);
    return ok;
}

static void on_name(struct ui *u, const char *text, void *ctx)
{
    UNUSED(ctx);
    if (*text && change(u, text, columns_json(&u->events)))
        notice(u, LOOK_GOOD, "the columns are saved as “%s”%s", text,
               str_eq(text, "default") ? ": they are shown whenever this source is opened"
                                       : ": L chooses them");
}

void layout_save(struct ui *u, int arg)
{
    UNUSED(arg);
    if (u->events.columns.n == 0)
        notice(u, LOOK_WARN, "there are no columns yet");
    else
        prompt_open(u, "save the columns as (default: always)", "default", NULL, on_name, NULL);
}

/* ---- width and order ------------------------------------------------------------------------------------ */

static struct column_def *chosen(struct ui *u)
{
    struct events_view *e = &u->events;

    if (e->column >= 0 && (size_t)e->column < e->columns.n)
        return &e->columns.v[e->column];
    notice(u, LOOK_WARN, "Left and Right choose a column first");
    return NULL;
}

void column_widen(struct ui *u, int by)
{
    struct column_def *c = chosen(u);

    if (!c)
        return;
    c->width = MIN_OF(MAX_OF((c->width ? c->width : MAX_OF(c->shown, 1)) + by, 1), WIDTH_MAX);
    u->events.columns_final = true;
}

void column_move(struct ui *u, int by)
{
    struct events_view *e = &u->events;
    struct column_def *c = chosen(u), one;
    int to = e->column + by;

    if (!c || to < 0 || (size_t)to >= e->columns.n)
        return;
    one = *c;
    *c = e->columns.v[to];
    e->columns.v[to] = one;
    e->column = to;
    e->columns_final = true;
    events_refresh(u);
}

void column_align(struct ui *u, int arg)
{
    struct column_def *c = chosen(u);

    UNUSED(arg);
    if (!c)
        return;
    c->align = column_is_right(c) ? 'l' : 'r';
    u->events.columns_final = true;
}

/* ---- one more --------------------------------------------------------------------------------------------- */

void column_remove(struct events_view *e, size_t i)
{
    column_fini(&e->columns.v[i]);
    vec_remove(&e->columns, i);
    e->column = -1;
    e->column_scroll = 0;
}

bool column_add(struct ui *u, const char *field)
{
    struct events_view *e = &u->events;
    const char *dot = strrchr(field, '.');

    if (columns_have(e, field)) {
        notice(u, LOOK_TEXT, "%s is a column already: Left and Right choose it, C takes it away",
               field);
        return false;
    }
    column_push(e, field, strpbrk(field, "[%") || !dot ? NULL : dot + 1)->own = true;
    notice(u, LOOK_GOOD, "%s is a column now", field);
    coach_note(u, "column");
    events_refresh(u);
    return true;
}

static void on_column(struct ui *u, const char *text, void *ctx)
{
    struct events_view *e = &u->events;

    UNUSED(ctx);
    if (!text[strspn(text, " ")] || !column_add(u, text))
        return;
    e->column = (int)e->columns.n - 1; /* there may be no room: what is chosen is shown */
    e->columns.v[e->column].typed = true;
}

void column_typed(struct ui *u, int arg)
{
    UNUSED(arg);
    prompt_open(u, "column: a field, or a format (%proc.name:%fd.num)", "", NULL, on_column, NULL);
}

/* ---- choosing -------------------------------------------------------------------------------------------- */

static void choose_shown(struct layout_palette *p)
{
    const json_t *l;
    size_t i;

    json_decref(p->all);
    p->all = layouts_kept();
    p->shown.n = 0;
    json_array_foreach(p->all, i, l) {
        if (rpc_get_str(l, "name") && is_it(l, rpc_get_str(l, "name"), source_now(p->u)))
            vec_push(&p->shown, i);
    }
    p->t.n = p->shown.n + 1; /* the last: what mews suggests */
    table_clamp(&p->t);
}

static const json_t *layout_at(const struct layout_palette *p, size_t i)
{
    return i < p->shown.n ? json_array_get(p->all, p->shown.v[i]) : NULL;
}

static void draw_layout(const json_t *l, int y, struct rect r, bool on)
{
    enum look base = on ? LOOK_CURSOR : LOOK_TEXT;
    int x = r.x + 22;
    const json_t *c;
    size_t i;

    if (on)
        fill(y, r.x, r.w, base, ' ');
    text_puts(y, r.x + 1, 20, on ? base : LOOK_FIELD, l ? rpc_get_str(l, "name") : "as suggested");
    json_array_foreach(json_object_get(l, "columns"), i, c) {
        if (x < r.x + r.w && rpc_get_str(c, "field"))
            x += 2 + text_puts(y, x, r.x + r.w - x, base, rpc_get_str(c, "field"));
    }
}

static void palette_draw(struct ui *u, struct overlay *o)
{
    struct layout_palette *p = o->state;
    struct rect r =
        overlay_box(u, (int)p->t.n + 3, MIN_OF(u->width, 120), LOOK_HEAD, "columns under names");

    r.h--;
    table_fit(&p->t, r.h);
    for (int i = 0; i < r.h && p->t.top + (size_t)i < p->t.n; i++)
        draw_layout(layout_at(p, p->t.top + (size_t)i), r.y + i, r,
                    p->t.top + (size_t)i == p->t.cursor);
    text_puts(r.y + r.h, r.x + 1, r.w - 2, LOOK_DIM,
              "Enter shows them  s saves those that are shown  d delete  q back");
}

static void use(struct ui *u, struct layout_palette *p)
{
    json_t *columns = json_incref(json_object_get(layout_at(p, p->t.cursor), "columns"));

    overlay_close(u);
    if (columns) {
        take(u, columns);
    } else {
        columns_restart(&u->events);
        u->events.columns_suggested = true;
        events_ask_columns(u);
    }
    json_decref(columns);
}

static bool palette_key(struct ui *u, struct overlay *o, int key, bool is_char)
{
    struct layout_palette *p = o->state;
    const json_t *l = layout_at(p, p->t.cursor);

    if (overlay_left(key, is_char, 'L')) {
        overlay_close(u);
    } else if (is_char && (key == '\r' || key == '\n')) {
        use(u, p);
    } else if (is_char && key == 's') {
        overlay_close(u);
        layout_save(u, 0);
    } else if (is_char && key == 'd' && l) {
        change(u, rpc_get_str(l, "name"), NULL);
        choose_shown(p);
    } else {
        table_key(&p->t, key, is_char, 10);
    }
    return true;
}

static void palette_fini(struct overlay *o)
{
    struct layout_palette *p = o->state;

    json_decref(p->all);
    vec_free(&p->shown);
    free(p);
}

void layouts_open(struct ui *u, int arg)
{
    struct layout_palette *p = xcalloc(1, sizeof(*p));
    struct overlay o = {palette_draw, palette_key, palette_fini, p, true};

    UNUSED(arg);
    p->u = u;
    choose_shown(p);
    overlay_open(u, &o);
}
