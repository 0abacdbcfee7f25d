/* Filters under names: saved ones, as a file of macros in the person's configuration, and the macros and
 * lists of the rules that are loaded. A filter may name them all. */
#include <ncurses.h>

#include "internal.h"

struct saved_palette {
    struct ui *u;
    struct table t;
    char *search;
    VEC(size_t) shown;
};

/* ---- saving ------------------------------------------------------------------------------------ */

/* filter NULL: takes the name away. */
static bool change(struct ui *u, const char *name, const char *filter)
{
    struct error err;

    if (kept_filter_set(name, filter, &err) != SEV_OK) {
        notice(u, LOOK_BAD, "%s", err.text);
        return false;
    }
    rules_ask_again(u);
    return true;
}

static void on_name(struct ui *u, const char *text, void *ctx)
{
    UNUSED(ctx);
    if (!*text)
        return;
    if (change(u, text, u->filter))
        notice(u, LOOK_GOOD, "the filter is saved: “%s” stands for it in others, @ lists all",
               text);
}

void filter_save(struct ui *u, int arg)
{
    UNUSED(arg);
    if (!*u->filter)
        notice(u, LOOK_WARN, "no filter is in force: f types one");
    else
        prompt_open(u, "save the filter as", "", NULL, on_name, NULL);
}

/* ---- the palette --------------------------------------------------------------------------------- */

static const json_t *entry_at(const struct saved_palette *p, size_t i)
{
    return i < p->shown.n ? json_array_get(rules_names(p->u), p->shown.v[i]) : NULL;
}

static void choose(struct saved_palette *p)
{
    const json_t *n;
    size_t i;

    p->shown.n = 0;
    for (int saved = 1; saved >= 0; saved--) { /* the person's own first */
        json_array_foreach(rules_names(p->u), i, n) {
            if (rpc_get_bool(n, "saved", false) == (saved == 1) &&
                (!p->search || strcasestr(rpc_get_str(n, "name"), p->search) ||
                 strcasestr(rpc_get_str(n, "text"), p->search)))
                vec_push(&p->shown, i);
        }
    }
    p->t.n = p->shown.n;
    table_clamp(&p->t);
}

static void palette_draw_entry(const json_t *n, int y, struct rect r, bool on)
{
    enum look l = on ? LOOK_CURSOR : LOOK_TEXT;
    int names = MIN_OF(28, r.w / 3);

    if (on)
        fill(y, r.x, r.w, l, ' ');
    text_puts(y, r.x + 1, names - 1, on ? l : LOOK_FIELD, rpc_get_str(n, "name"));
    text_puts(y, r.x + names + 1, 6, on ? l : LOOK_DIM,
              rpc_get_bool(n, "saved", false) ? "saved" : rpc_get_str(n, "kind"));
    text_puts(y, r.x + names + 8, r.w - names - 8, l, rpc_get_str(n, "text"));
}

static void palette_draw(struct ui *u, struct overlay *o)
{
    struct saved_palette *p = o->state;
    struct rect r;

    choose(p);
    r = overlay_box(u, MAX_OF((int)p->t.n, 2) + 3, MIN_OF(u->width, 140), LOOK_HEAD,
                    "filters under names");
    r.h--;
    table_fit(&p->t, r.h);
    for (int i = 0; i < r.h && p->t.top + (size_t)i < p->t.n; i++)
        palette_draw_entry(entry_at(p, p->t.top + (size_t)i), r.y + i, r,
                           p->t.top + (size_t)i == p->t.cursor);
    if (p->t.n == 0) {
        text_puts(r.y, r.x + 1, r.w - 2, LOOK_TEXT, p->search ? "no name holds this" : "none yet");
        text_puts(r.y + 1, r.x + 1, r.w - 2, LOOK_DIM,
                  "* saves the filter in force under a name; rules bring their macros and lists");
    }
    text_puts(r.y + r.h, r.x + 1, r.w - 2, LOOK_DIM,
              "Enter only this  + and  - not  | or  y copy  d delete  / find  q back");
}

static void on_search(struct ui *u, const char *text, void *ctx)
{
    UNUSED(ctx);
    saved_open(u, 0);
    ((struct saved_palette *)u->overlays.v[u->overlays.n - 1].state)->search =
        *text ? xstrdup(text) : NULL;
}

static void use(struct ui *u, const json_t *n, const char *join)
{
    char *name = xstrdup(rpc_get_str(n, "name"));
    bool list = str_eq(rpc_get_str(n, "kind"), "list");

    overlay_close(u);
    if (list)
        notice(u, LOOK_TEXT, "a list stands behind an operator: proc.name in (%s)", name);
    else
        filter_add(u, name, join);
    free(name);
}

static void forget(struct ui *u, const json_t *n)
{
    char *name = xstrdup(rpc_get_str(n, "name"));

    if (!rpc_get_bool(n, "saved", false))
        notice(u, LOOK_WARN, "%s comes from a rules file: it is changed there", name);
    else if (change(u, name, NULL))
        notice(u, LOOK_TEXT, "%s is no longer saved", name);
    free(name);
}

static bool palette_key(struct ui *u, struct overlay *o, int key, bool is_char)
{
    struct saved_palette *p = o->state;
    const json_t *n = entry_at(p, p->t.cursor);
    const char *join = key == '+' ? "and" : key == '-' ? "not" : key == '|' ? "or" : "only";

    if (overlay_left(key, is_char, '@')) {
        overlay_close(u);
    } else if (is_char && key == '/') {
        overlay_close(u);
        prompt_open(u, "names that hold", "", NULL, on_search, NULL);
    } else if (n && is_char && strchr("\r\n+-|=", key)) {
        use(u, n, join);
    } else if (n && is_char && key == 'y') {
        term_copy(rpc_get_str(n, "text"), strlen(rpc_get_str(n, "text")));
        notice(u, LOOK_TEXT, "copied");
    } else if (n && is_char && key == 'd') {
        forget(u, n);
    } else {
        table_key(&p->t, key, is_char, 10);
    }
    return true;
}

static void palette_fini(struct overlay *o)
{
    struct saved_palette *p = o->state;

    vec_free(&p->shown);
    free(p->search);
    free(p);
}

void saved_open(struct ui *u, int arg)
{
    struct saved_palette *p = xcalloc(1, sizeof(*p));
    struct overlay o = {palette_draw, palette_key, palette_fini, p, true};

    UNUSED(arg);
    p->u = u;
    overlay_open(u, &o);
}
