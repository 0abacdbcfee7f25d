/* The parts of the filter in force, each with a switch, and how many events come through: what one of them
 * lets through, and what it alone keeps out. On the Rules screen, those of a rule. */
#include <ncurses.h>

#include "internal.h"

#define ASK_NS (200 * NS_PER_MS)

struct funnel_line {
    size_t part;
    int branch; /* -1: the part itself */
};

struct funnel_view {
    struct ui *u;
    char *filter; /* that is counted: the parts that are on, then those that are off */
    json_t *answer;
    char *error;
    uint64_t count, asked_at;
    uintptr_t serial; /* of what it asks: answers to another's questions are not its own */
    size_t on;        /* parts of the filter in force */
    bool asking, of_rule;
    bool stale; /* the answer is that of another filter */
    VEC(struct funnel_line) lines;
    struct table t;
};

/* ---- asking ------------------------------------------------------------------------------------- */

/* All parts, those in force first. */
static char *whole(const struct ui *u)
{
    struct buf b;

    buf_init(&b, SIZE_MAX);
    if (*u->filter)
        buf_addf(&b, u->parts_off.n ? "(%s)" : "%s", u->filter);
    for (size_t i = 0; i < u->parts_off.n; i++)
        buf_addf(&b, "%s%s", b.len ? " and " : "", u->parts_off.v[i]);
    return buf_steal(&b);
}

static const json_t *part_at(const struct funnel_view *v, size_t i)
{
    return json_array_get(json_object_get(v->answer, "parts"), i);
}

static void make_lines(struct funnel_view *v)
{
    size_t parts = json_array_size(json_object_get(v->answer, "parts"));

    v->lines.n = 0;
    for (size_t i = 0; i < parts; i++) {
        size_t branches = json_array_size(json_object_get(part_at(v, i), "branches"));

        for (int k = -1; k < (int)branches; k++)
            vec_push(&v->lines, ((struct funnel_line){i, k}));
    }
    v->on = v->of_rule ? parts : parts - MIN_OF(v->u->parts_off.n, parts);
    v->t.n = v->lines.n;
    table_clamp(&v->t);
}

/* Whose question it was; NULL: nobody waits for the answer any more. */
static struct funnel_view *asker(const struct ui *u, const void *ctx)
{
    if (u->funnel && u->funnel->serial == (uintptr_t)ctx)
        return u->funnel;
    return u->chips && u->chips->serial == (uintptr_t)ctx ? u->chips : NULL;
}

static void on_rows(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct funnel_view *v = asker(u, ctx);

    if (!v)
        return;
    v->asking = v->stale = false;
    if (error) { /* it was another engine's */
        v->count = 0;
        v->stale = true;
        return;
    }
    json_decref(v->answer);
    v->answer = json_incref((json_t *)result);
    make_lines(v);
}

static void on_started(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct funnel_view *v = asker(u, ctx);

    if (!v) {
        if (result)
            ask(u, "count/stop", json_pack("{sO}", "count", json_object_get(result, "count")), NULL,
                NULL);
        return;
    }
    v->asking = false;
    free(v->error);
    v->error = error ? xstrdup(error_text(error)) : NULL;
    v->count = rpc_u64_or(result, "count", 0);
}

static void stop(struct funnel_view *v)
{
    struct ui *u = v->u;

    if (v->count && engine_is_up(u))
        ask(u, "count/stop", json_pack("{so}", "count", rpc_u64(v->count)), NULL, NULL);
    v->count = v->asked_at = 0;
    v->serial = ++u->funnel_serial;
    v->asking = false;
    v->stale = true;
    free(v->error); /* of what was asked then */
    v->error = NULL;
}

static bool counted(const struct funnel_view *v)
{
    return v->answer &&
           rpc_u64_or(v->answer, "counted", 0) >= rpc_u64_or(v->answer, "end", UINT64_MAX);
}

/* Another filter is another funnel. */
static void keep_up(struct funnel_view *v)
{
    struct ui *u = v->u;
    char *now = v->of_rule ? xstrdup(v->filter) : whole(u);

    if (!v->filter || !str_eq(now, v->filter)) {
        stop(v);
        free(v->filter);
        v->filter = xstrdup(now);
    }
    free(now);
    if (v->asking || v->error || !engine_is_up(u) || !*v->filter)
        return;
    if (!v->count) {
        v->asking = true;
        ask(u, "funnel", json_pack("{so}", "filter", rpc_str(v->filter)), on_started,
            (void *)v->serial);
    } else if (v->stale || ((!counted(v) || rpc_get_bool(u->stream, "live", false)) &&
                            time_mono() >= v->asked_at + ASK_NS)) {
        v->asking = true;
        v->asked_at = time_mono();
        ask(u, "count/rows", json_pack("{so}", "count", rpc_u64(v->count)), on_rows,
            (void *)v->serial);
    }
}

/* ---- making filters of parts -------------------------------------------------------------------- */

static const char *text_of(const struct funnel_view *v, size_t i)
{
    return rpc_get_str(part_at(v, i), "text");
}

/* The parts below `upto`, in order; skip: one that is left out. */
static void add_parts(const struct funnel_view *v, size_t upto, size_t skip, struct buf *b)
{
    for (size_t i = 0; i < upto; i++) {
        if (i != skip && text_of(v, i))
            buf_addf(b, "%s%s", b->len ? " and " : "", text_of(v, i));
    }
}

static void apply(struct ui *u, struct buf *b)
{
    char *text = buf_steal(b);

    overlay_close(u);
    place_push(u);
    if (u->screen != SCREEN_EVENTS)
        screen_go(u, SCREEN_EVENTS);
    filter_apply(u, text);
    free(text);
}

/* What comes through this far. */
static void let_through(struct funnel_view *v, const struct funnel_line *l)
{
    const json_t *branch =
        json_array_get(json_object_get(part_at(v, l->part), "branches"), (size_t)l->branch);
    struct buf b;

    buf_init(&b, SIZE_MAX);
    add_parts(v, l->branch < 0 ? l->part + 1 : l->part, SIZE_MAX, &b);
    if (l->branch >= 0)
        buf_addf(&b, "%s%s", b.len ? " and " : "", rpc_get_str(branch, "text"));
    apply(v->u, &b);
}

/* What this part alone keeps out: the nearest misses. */
static void kept_out(struct funnel_view *v, const struct funnel_line *l)
{
    struct buf b;

    buf_init(&b, SIZE_MAX);
    add_parts(v, v->on, l->part, &b);
    buf_addf(&b, "%snot (%s)", b.len ? " and " : "", text_of(v, l->part));
    apply(v->u, &b);
}

/* Off, or on again; drop: not even off. */
static void toggle(struct funnel_view *v, const struct funnel_line *l, bool drop)
{
    struct ui *u = v->u;
    char *text = xstrdup(text_of(v, l->part));
    size_t off = l->part - v->on;
    struct buf b;

    buf_init(&b, SIZE_MAX);
    if (l->part < v->on) {
        add_parts(v, v->on, l->part, &b);
        if (!drop)
            str_list_add(&u->parts_off, text);
    } else if (off < u->parts_off.n) {
        add_parts(v, v->on, SIZE_MAX, &b);
        if (!drop)
            buf_addf(&b, "%s%s", b.len ? " and " : "", text);
        free(u->parts_off.v[off]);
        vec_remove(&u->parts_off, off);
    }
    free(text);
    if (!str_eq(buf_str(&b), u->filter))
        filter_apply(u, buf_str(&b));
    buf_fini(&b);
}

/* ---- drawing ------------------------------------------------------------------------------------- */

static void draw_line(const struct funnel_view *v, const struct funnel_line *l, int y,
                      struct rect r, bool on)
{
    const json_t *p = part_at(v, l->part),
                 *branch = json_array_get(json_object_get(p, "branches"), (size_t)l->branch);
    bool in_force = l->part<v->on, is_branch = l->branch >= 0, wide = r.w> 60;
    uint64_t events = rpc_u64_or(v->answer, "events", 0);
    enum look base = on ? LOOK_CURSOR : in_force ? LOOK_TEXT : LOOK_DIM;
    int columns = wide ? 36 : 12, at = r.x + r.w - columns;
    char a[32];

    if (on)
        fill(y, r.x, r.w, base, ' ');
    if (!is_branch && !v->of_rule)
        text_puts(y, r.x + 1, 2,
                  on         ? base
                  : in_force ? LOOK_GOOD
                             : LOOK_DIM,
                  in_force ? sign("✓", "+") : sign("✗", "x"));
    text_puts(y, r.x + (is_branch ? 6 : 4), columns < r.w - 8 ? at - r.x - (is_branch ? 7 : 5) : 0,
              base, rpc_get_str(is_branch ? branch : p, "text"));
    text_right(y, at, 12, base,
               text_count(rpc_u64_or(is_branch ? branch : p, is_branch ? "count" : "after", 0), a));
    if (!wide || is_branch)
        return;
    text_right(y, at + 12, 12, base, text_count(rpc_u64_or(p, "alone", 0), a));
    if (events && rpc_u64_or(p, "present", 0) == 0)
        text_puts(y, at + 25, 11, on ? base : LOOK_WARN, "never there");
    else
        text_right(y, at + 24, 12, base, text_count(rpc_u64_or(p, "only", 0), a));
}

static void funnel_draw(struct ui *u, struct overlay *o)
{
    struct funnel_view *v = o->state;
    uint64_t done, end;
    char a[32];
    struct rect r;

    keep_up(v);
    r = overlay_box(u, MAX_OF((int)v->t.n, 1) + 5, MIN_OF(u->width, 130), LOOK_HEAD,
                    v->of_rule ? "the rule, part by part" : "the filter, part by part");
    r.h -= 2;
    if (v->error)
        text_puts(r.y, r.x + 1, r.w - 2, LOOK_WARN, v->error);
    else if (!*v->filter)
        text_puts(r.y, r.x + 1, r.w - 2, LOOK_TEXT,
                  "no filter is in force, and none is switched off");
    else {
        done = rpc_u64_or(v->answer, "counted", 0);
        end = rpc_u64_or(v->answer, "end", 0);
        text_putf(r.y, r.x + 1, r.w - 2, LOOK_HEAD, "of %s events%s",
                  text_count(rpc_u64_or(v->answer, "events", 0), a),
                  done < end ? ", more are looked at" : "");
        text_right(r.y, r.x + r.w - (r.w > 60 ? 36 : 12), 12, LOOK_HEAD, "come through");
        if (r.w > 60) {
            text_right(r.y, r.x + r.w - 24, 12, LOOK_HEAD, "alone");
            text_right(r.y, r.x + r.w - 12, 12, LOOK_HEAD, "only it");
        }
    }
    table_fit(&v->t, r.h - 1);
    for (int i = 0; i < r.h - 1 && v->t.top + (size_t)i < v->t.n; i++)
        draw_line(v, &v->lines.v[v->t.top + (size_t)i], r.y + 1 + i, r,
                  v->t.top + (size_t)i == v->t.cursor);
    text_puts(r.y + r.h, r.x + 1, r.w - 2, LOOK_DIM,
              "“alone”: match this part. “only it”: nothing but this part keeps them out");
    text_puts(r.y + r.h + 1, r.x + 1, r.w - 2, LOOK_DIM,
              v->of_rule
                  ? "Enter what comes through  m what only it keeps out  q back"
                  : "Space off, on  Enter what comes through  m what only it keeps out  d drop  "
                    "q back");
}

static bool funnel_key(struct ui *u, struct overlay *o, int key, bool is_char)
{
    struct funnel_view *v = o->state;
    const struct funnel_line *l = v->t.cursor < v->lines.n ? &v->lines.v[v->t.cursor] : NULL;

    if (overlay_left(key, is_char, '&'))
        overlay_close(u);
    else if (l && is_char && (key == '\r' || key == '\n'))
        let_through(v, l);
    else if (l && is_char && key == 'm')
        kept_out(v, l);
    else if (l && is_char && (key == ' ' || key == 'd') && !v->of_rule)
        toggle(v, l, key == 'd');
    else
        table_key(&v->t, key, is_char, 10);
    return true;
}

static void view_free(struct funnel_view *v)
{
    stop(v);
    json_decref(v->answer);
    free(v->filter);
    vec_free(&v->lines);
    free(v);
}

static struct funnel_view *view_new(struct ui *u, const char *rule)
{
    struct funnel_view *v = xcalloc(1, sizeof(*v));

    v->u = u;
    v->stale = true;
    v->of_rule = rule != NULL;
    v->filter = rule ? xstrdup(rule) : NULL;
    v->serial = ++u->funnel_serial;
    return v;
}

static void funnel_fini(struct overlay *o)
{
    struct funnel_view *v = o->state;

    v->u->funnel = NULL;
    view_free(v);
}

void funnel_open(struct ui *u, int arg)
{
    const char *rule = u->screen == SCREEN_RULES ? rules_filter(u) : NULL;
    struct funnel_view *v = view_new(u, rule);
    struct overlay o = {funnel_draw, funnel_key, funnel_fini, v, true};

    UNUSED(arg);
    u->funnel = v;
    overlay_open(u, &o);
}

void funnels_restart(struct ui *u)
{
    struct funnel_view *const views[] = {u->funnel, u->chips};

    for (size_t i = 0; i < COUNT_OF(views); i++) {
        if (!views[i])
            continue;
        views[i]->count = 0; /* this engine has others of that number */
        stop(views[i]);
    }
}

/* ---- the stack, as one line ---------------------------------------------------------------------- */

void chips_reset(struct ui *u)
{
    if (u->chips)
        view_free(u->chips);
    u->chips = NULL;
}

bool chips_wanted(struct ui *u)
{
    bool wanted = u->height >= 30 && u->width >= 100 && engine_is_up(u) && u->ready &&
                  !stream_reads_on(u) && (*u->filter || u->parts_off.n);

    if (!wanted) {
        chips_reset(u);
        return false;
    }
    if (!u->chips)
        u->chips = view_new(u, NULL);
    keep_up(u->chips);
    return json_array_size(json_object_get(u->chips->answer, "parts")) > 1;
}

void chips_draw(struct ui *u, int y)
{
    const struct funnel_view *v = u->chips;
    size_t parts = json_array_size(json_object_get(v->answer, "parts"));
    int x = 1 + text_puts(y, 1, 8, LOOK_HEAD, "stack  "), end = u->width - 14;
    char count[32], text[600];

    for (size_t i = 0; i < parts && x < end; i++) {
        const json_t *p = part_at(v, i);
        bool on = i < v->on;

        text_count(rpc_u64_or(p, "after", 0), count);
        x += text_puts(y, x, end - x, on ? LOOK_GOOD : LOOK_DIM,
                       on ? sign("✓ ", "+ ") : sign("✗ ", "x "));
        snprintf(text, sizeof(text), "%.500s", text_of(v, i) ? text_of(v, i) : "");
        x += text_puts(y, x, MIN_OF(end - x, MAX_OF(u->width / 3, 30)), on ? LOOK_TEXT : LOOK_DIM,
                       text);
        snprintf(text, sizeof(text),
                 on           ? " %s   "
                 : i == v->on ? " (would leave %s)   "
                              : "   ",
                 count);
        x += text_puts(y, x, end - x, on ? LOOK_NUMBER : LOOK_DIM, text);
    }
    text_right(y, end, 13, LOOK_DIM, "& switches");
}
