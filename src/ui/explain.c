/* Why the filter in force holds for the event under the cursor, or not: its parts, each with its value. */
#include <ncurses.h>

#include "internal.h"

struct explain_view {
    struct ui *u;
    json_t *answer;
    char *error;
    struct table t;
};

static void on_explained(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct explain_view *v = u->explain;

    if (!v || (uintptr_t)ctx != u->explain_serial)
        return;
    if (error)
        v->error = xstrdup(error_text(error));
    else
        v->answer = json_incref((json_t *)result);
    v->t.n = json_array_size(json_object_get(v->answer, "parts"));
}

static void draw_part(const json_t *p, int y, struct rect r, bool on)
{
    const char *kind = rpc_get_str(p, "kind");
    bool holds = rpc_get_bool(p, "holds", false), check = str_eq(kind, "check");
    const json_t *value = json_object_get(p, "value");
    int x = r.x + 1;

    if (on)
        fill(y, r.x, r.w, LOOK_CURSOR, ' ');
    x += text_puts(y, x, 4,
                   on      ? LOOK_CURSOR
                   : holds ? LOOK_GOOD
                           : LOOK_BAD,
                   holds ? sign("✓", "yes") : sign("✗", "no"));
    x = r.x + 5 + 2 * (int)json_integer_value(json_object_get(p, "depth"));
    x += text_puts(y, x, r.x + r.w - x,
                   on      ? LOOK_CURSOR
                   : check ? LOOK_TEXT
                           : LOOK_KEYWORD,
                   check ? rpc_get_str(p, "text") : kind);
    if (!check)
        return;
    x = MAX_OF(x + 2, r.x + r.w / 2);
    if (json_is_string(value))
        text_put(y, x, r.x + r.w - x, on ? LOOK_CURSOR : LOOK_VALUE, json_string_value(value),
                 json_string_length(value));
    else
        text_puts(y, x, r.x + r.w - x, on ? LOOK_CURSOR : LOOK_DIM, sign("∅", "-"));
}

static void explain_draw(struct ui *u, struct overlay *o)
{
    struct explain_view *v = o->state;
    const json_t *parts = json_object_get(v->answer, "parts");
    bool matches = rpc_get_bool(v->answer, "matches", false);
    char title[120] = "explain";
    struct rect r;

    if (v->answer)
        snprintf(title, sizeof(title), "#%s %s", rpc_get_str(v->answer, "number"),
                 matches ? "matches" : "does not match");
    r = overlay_box(u, MAX_OF((int)v->t.n, 1) + 3, MIN_OF(u->width, 120),
                    matches ? LOOK_HEAD : LOOK_WARN, title);
    r.h--;
    if (v->error)
        text_puts(r.y, r.x + 1, r.w - 2, LOOK_WARN, v->error);
    table_fit(&v->t, r.h);
    for (int i = 0; i < r.h && v->t.top + (size_t)i < v->t.n; i++)
        draw_part(json_array_get(parts, v->t.top + (size_t)i), r.y + i, r,
                  v->t.top + (size_t)i == v->t.cursor);
    text_puts(r.y + r.h, r.x + 1, r.w - 2, LOOK_DIM,
              "each part of the filter, with its value at this event   q back");
}

static bool explain_key(struct ui *u, struct overlay *o, int key, bool is_char)
{
    struct explain_view *v = o->state;

    if (overlay_left(key, is_char, 'x') || (is_char && key == '\r'))
        overlay_close(u);
    else
        table_key(&v->t, key, is_char, 10);
    return true;
}

static void explain_fini(struct overlay *o)
{
    struct explain_view *v = o->state;

    json_decref(v->answer);
    free(v->error);
    v->u->explain = NULL;
    v->u->explain_serial++;
    free(v);
}

/* Where no filter is in force, that of the rule under the last cursor of the Rules screen is. */
void explain_open(struct ui *u, int arg)
{
    struct explain_view *v;
    struct overlay o = {explain_draw, explain_key, explain_fini, NULL, true};
    const char *filter = *u->filter ? u->filter : rules_filter(u);
    uint64_t event = event_here(u);
    json_t *q;

    UNUSED(arg);
    if (!event || !filter) {
        notice(u, LOOK_WARN,
               event ? "no filter is in force, and no rule is chosen"
                     : "no event is under the cursor");
        return;
    }
    v = xcalloc(1, sizeof(*v));
    v->u = u;
    u->explain = v;
    o.state = v;
    overlay_open(u, &o);
    q = json_pack("{so}", "filter", rpc_str(filter));
    event_ask(q, event);
    ask(u, "explain", q, on_explained, (void *)u->explain_serial);
}
