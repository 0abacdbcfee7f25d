/* The Fields screen: all fields, by plugin, found by typing. */
#include <ncurses.h>

#include "internal.h"

static const json_t *field_at(const struct ui *u, size_t i)
{
    return i < u->fields.shown.n ? json_array_get(u->fields.fields, u->fields.shown.v[i]) : NULL;
}

static bool fits(const json_t *f, const char *search)
{
    const char *desc = rpc_get_str(f, "desc");

    return !search || !*search || strcasestr(rpc_get_str(f, "name"), search) ||
           (desc && strcasestr(desc, search));
}

/* Plugins' fields first, those of the open source before others. */
static int order(const void *a, const void *b, void *ctx)
{
    const json_t *fields = ctx, *x = json_array_get(fields, *(const size_t *)a),
                 *y = json_array_get(fields, *(const size_t *)b);
    bool xe = str_eq(rpc_get_str(x, "owner"), "evt"), ye = str_eq(rpc_get_str(y, "owner"), "evt");
    bool xa = rpc_get_bool(x, "applies", true), ya = rpc_get_bool(y, "applies", true);

    if (xa != ya)
        return xa ? -1 : 1;
    if (xe != ye)
        return xe ? 1 : -1;
    return *(const size_t *)a < *(const size_t *)b ? -1 : 1;
}

static void choose(struct ui *u)
{
    struct fields_view *v = &u->fields;
    const json_t *f;
    size_t i;

    v->shown.n = 0;
    json_array_foreach(v->fields, i, f) {
        if (fits(f, v->search))
            vec_push(&v->shown, i);
    }
    if (v->shown.n)
        qsort_r(v->shown.v, v->shown.n, sizeof(*v->shown.v), order, v->fields);
    v->t.n = v->shown.n;
    table_clamp(&v->t);
}

static void on_fields(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    if (error)
        return;
    json_decref(u->fields.fields);
    u->fields.fields = json_incref(json_object_get(result, "fields"));
    choose(u);
}

static void fields_open(struct ui *u)
{
    if (engine_is_up(u))
        ask(u, "fields", NULL, on_fields, NULL);
}

void fields_reset(struct ui *u)
{
    if (u->screen == SCREEN_FIELDS)
        fields_open(u);
}

static void on_search(struct ui *u, const char *text, void *ctx)
{
    UNUSED(ctx);
    free(u->fields.search);
    u->fields.search = xstrdup(text);
    choose(u);
}

void fields_search(struct ui *u)
{
    prompt_open(u, "fields that hold", u->fields.search ? u->fields.search : "", NULL, on_search,
                NULL);
}

bool fields_cell(struct ui *u, struct picked *out)
{
    const json_t *f = field_at(u, u->fields.t.cursor);

    if (!f || rpc_get_bool(json_object_get(f, "arg"), "required", false))
        return false;
    snprintf(out->field, sizeof(out->field), "%s", rpc_get_str(f, "name"));
    return true;
}

static void fields_draw(struct ui *u, struct rect r)
{
    struct fields_view *v = &u->fields;
    int names = MIN_OF(38, r.w / 2), types = r.w > 60 ? 18 : 0;

    text_puts(r.y, r.x + 1, names, LOOK_HEAD, "field");
    if (types)
        text_puts(r.y, r.x + 1 + names, types, LOOK_HEAD, "type");
    text_putf(r.y, r.x + 1 + names + types, r.w - names - types - 1, LOOK_HEAD, "%s",
              v->search && *v->search ? v->search : "description   / searches");
    table_fit(&v->t, r.h - 1);
    for (int i = 0; i < r.h - 1 && v->t.top + (size_t)i < v->t.n; i++) {
        const json_t *f = field_at(u, v->t.top + (size_t)i), *arg = json_object_get(f, "arg");
        bool on = v->t.top + (size_t)i == v->t.cursor, applies = rpc_get_bool(f, "applies", true);
        enum look l = on ? LOOK_CURSOR : applies ? LOOK_TEXT : LOOK_DIM;
        const char *brackets = !arg ? "" : rpc_get_bool(arg, "key", false) ? "[key]" : "[i]";

        if (on)
            fill(r.y + 1 + i, r.x, r.w, l, ' ');
        text_putf(r.y + 1 + i, r.x + 1, names - 1,
                  on        ? l
                  : applies ? LOOK_FIELD
                            : LOOK_DIM,
                  "%s%s", rpc_get_str(f, "name"), brackets);
        if (types)
            text_putf(r.y + 1 + i, r.x + 1 + names, types - 1, l, "%s%s",
                      rpc_get_bool(f, "list", false) ? "list " : "", rpc_get_str(f, "type"));
        text_putf(r.y + 1 + i, r.x + 1 + names + types, r.w - names - types - 1, l, "%s",
                  rpc_get_str(f, "desc"));
    }
    if (v->t.n == 0)
        text_puts(r.y + r.h / 3, r.x + 2, r.w - 4, LOOK_DIM,
                  v->search && *v->search ? "no field holds this: / searches for something else"
                                          : "no fields yet");
}

static bool fields_key(struct ui *u, int key, bool is_char)
{
    return table_key(&u->fields.t, key, is_char, u->height - 5);
}

static void fields_note(struct ui *u, const char *method, const json_t *params)
{
    UNUSED(params);
    if (str_eq(method, "plugins"))
        fields_open(u);
}

static unsigned fields_contexts(struct ui *u)
{
    UNUSED(u);
    return CX_FIELDS;
}

const struct screen screen_fields = {"Fields",    fields_open,     fields_draw, fields_key,
                                     fields_note, fields_contexts, NULL,        NULL};
