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

/* Those of the open source before others, plugins' own first. */
static int order(const void *a, const void *b, void *ctx)
{
    const json_t *fields = ctx, *x = json_array_get(fields, *(const size_t *)a),
                 *y = json_array_get(fields, *(const size_t *)b);
    bool xp = rpc_get_bool(x, "plugin", false), yp = rpc_get_bool(y, "plugin", false);
    bool xa = rpc_get_bool(x, "applies", true), ya = rpc_get_bool(y, "applies", true);

    if (xa != ya)
        return xa ? -1 : 1;
    if (xp != yp)
        return xp ? -1 : 1;
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
    json_decref(u->fields.held);
    u->fields.held = NULL;
    u->fields.asking = false;
    u->fields.serial++;
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

/* ---- what the events hold ---------------------------------------------------------------------- */

#define ASK_MAX 60 /* fields at a time */

static uint64_t rows_now(const struct ui *u)
{
    return rpc_u64_or(u->stream, "end", 0);
}

/* Another filter, or a stream that has grown by a quarter: what was told is over. */
static void forget_old(struct ui *u)
{
    struct fields_view *v = &u->fields;

    if (v->held && str_eq(v->held_under, u->filter) &&
        rows_now(u) <= v->held_rows + v->held_rows / 4)
        return;
    json_decref(v->held);
    free(v->held_under);
    free(v->why_not);
    v->why_not = NULL;
    v->held = json_object();
    v->held_under = xstrdup(u->filter);
    v->held_rows = rows_now(u);
}

static void on_values(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct fields_view *v = &u->fields;
    const json_t *name, *list = json_object_get(result, "fields");
    size_t i;

    if ((uintptr_t)ctx != v->serial)
        return;
    v->asking = false;
    free(v->why_not);
    v->why_not = error ? xstrdup(error_text(error)) : NULL;
    if (!error) {
        json_array_foreach(v->asked, i, name) {
            json_t *o = json_array_get(list, i);

            if (json_is_object(o))
                json_object_set(o, "events", json_object_get(result, "events"));
            json_object_set(v->held, json_string_value(name), o);
        }
    }
}

/* A field without its argument can't be asked. */
static bool can_ask(const json_t *f)
{
    return !rpc_get_bool(json_object_get(f, "arg"), "required", false);
}

static void ask_values(struct ui *u, size_t from, size_t n)
{
    struct fields_view *v = &u->fields;
    json_t *names;

    if (v->asking || !engine_is_up(u) || rows_now(u) == 0)
        return;
    forget_old(u);
    if (v->why_not)
        return;
    names = json_array();
    for (size_t i = from; i < from + n && i < v->t.n && json_array_size(names) < ASK_MAX; i++) {
        const json_t *f = field_at(u, i);

        if (can_ask(f) && !json_object_get(v->held, rpc_get_str(f, "name")))
            json_array_append(names, json_object_get(f, "name"));
    }
    if (json_array_size(names) == 0) {
        json_decref(names);
        return;
    }
    v->asking = true;
    json_decref(v->asked);
    v->asked = names;
    ask(u, "field/values", json_pack("{sO so}", "fields", names, "filter", rpc_str(u->filter)),
        on_values, (void *)v->serial);
}

static double share_of(const json_t *held)
{
    uint64_t events = rpc_u64_or(held, "events", 0);

    return events ? (double)rpc_u64_or(held, "present", 0) / (double)events : 0;
}

/* "20 %  nginx 10 · mysql:latest 3" */
static void draw_held(const struct ui *u, const json_t *f, int y, int x, int w, enum look l)
{
    const json_t *held = json_object_get(u->fields.held, rpc_get_str(f, "name")), *value;
    uint64_t failed = rpc_u64_or(held, "failed", 0);
    double share = share_of(held);
    struct buf shown;
    int used = 8;
    size_t i;

    if (!json_is_object(held) || w < 6) {
        text_puts(y, x, w, l == LOOK_CURSOR ? l : LOOK_DIM, can_ask(f) ? "" : "needs a key");
        return;
    }
    if (share > 0 && share < 0.01)
        text_puts(y, x, 6, l, " <1 %");
    else
        text_putf(y, x, 6, share > 0 || l == LOOK_CURSOR ? l : LOOK_DIM, "%3.0f %%", share * 100);
    if (failed)
        used += text_putf(y, x + used, w - used, l == LOOK_CURSOR ? l : LOOK_BAD,
                          "%s %llu failed  ", sign("✗", "!"), (unsigned long long)failed);
    buf_init(&shown, 65536);
    json_array_foreach(json_object_get(held, "top"), i, value) {
        const json_t *text = json_object_get(value, "text");

        if (used >= w - 4)
            break;
        if (i)
            used += text_puts(y, x + used, w - used, l, sign(" · ", " | "));
        buf_reset(&shown);
        value_line(text, rpc_get_str(f, "type"), u, &shown);
        used += text_put(y, x + used, MIN_OF(w - used, 32), l == LOOK_CURSOR ? l : LOOK_VALUE,
                         buf_str(&shown), shown.len);
        used += text_putf(y, x + used, w - used, l, " %s", rpc_get_str(value, "count"));
    }
    buf_fini(&shown);
}

/* The field under the cursor in words. */
static void draw_about(const struct ui *u, const json_t *f, int y, struct rect r)
{
    const json_t *held = json_object_get(u->fields.held, rpc_get_str(f, "name"));
    char a[32], b[32], c[32], d[32] = "";

    rule_line(y, r.x, r.w, LOOK_DIM);
    text_puts(y + 1, r.x + 1, r.w - 2, LOOK_TEXT, rpc_get_str(f, "desc"));
    if (u->fields.why_not)
        text_putf(y + 2, r.x + 1, r.w - 2, LOOK_WARN, "what events hold is not known: %s",
                  u->fields.why_not);
    if (!json_is_object(held))
        return;
    if (rpc_u64_or(held, "failed", 0))
        snprintf(d, sizeof(d), ", %s failed", text_count(rpc_u64_or(held, "failed", 0), a));
    text_putf(
        y + 2, r.x + 1, r.w - 2, LOOK_DIM, "%s of %s events looked at have a value%s; %s differ",
        text_count(rpc_u64_or(held, "present", 0), a), text_count(rpc_u64_or(held, "events", 0), b),
        d, text_count(rpc_u64_or(held, "values", 0), c));
}

/* ---- drawing ----------------------------------------------------------------------------------- */

static void fields_draw(struct ui *u, struct rect r)
{
    struct fields_view *v = &u->fields;
    int names = MIN_OF(38, r.w / 2), types = r.w > 60 ? 14 : 0, about = r.h > 12 ? 3 : 0,
        at = r.x + 1 + names + types, rows = r.h - 1 - about;

    text_puts(r.y, r.x + 1, names, LOOK_HEAD, "field");
    if (types)
        text_puts(r.y, r.x + 1 + names, types, LOOK_HEAD, "type");
    text_putf(r.y, at, r.x + r.w - at, LOOK_HEAD, " have%s",
              v->search && *v->search ? "   / " : "   most frequent values   / searches");
    if (v->search && *v->search)
        text_puts(r.y, at + 10, r.x + r.w - at - 10, LOOK_HEAD, v->search);
    table_fit(&v->t, rows);
    ask_values(u, v->t.top, (size_t)MAX_OF(rows, 1));
    for (int i = 0; i < rows && v->t.top + (size_t)i < v->t.n; i++) {
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
        draw_held(u, f, r.y + 1 + i, at, r.x + r.w - at, l);
    }
    if (about && v->t.n)
        draw_about(u, field_at(u, v->t.cursor), r.y + r.h - about, r);
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
