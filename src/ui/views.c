/* The Views screen: how often which values occur. */
#include <ncurses.h>

#include "internal.h"

#define WINDOW 300

static void ask_rows(struct ui *u);

static void on_rows(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct counts_view *c = &u->counts;

    UNUSED(ctx);
    c->asking = false;
    if (error)
        return;
    json_decref(c->answer);
    c->answer = json_incref((json_t *)result);
    c->t.n = json_array_size(json_object_get(c->answer, "rows"));
    table_clamp(&c->t);
    if (c->again)
        ask_rows(u);
}

static void ask_rows(struct ui *u)
{
    struct counts_view *c = &u->counts;

    c->again = c->asking;
    if (c->asking || !c->id || !engine_is_up(u))
        return;
    c->asking = true;
    ask(u, "count/rows", json_pack("{so si}", "count", rpc_u64(c->id), "n", WINDOW), on_rows, NULL);
}

static void on_started(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct counts_view *c = &u->counts;

    UNUSED(ctx);
    if (error) {
        free(c->error);
        c->error = xstrdup(error_text(error));
        return;
    }
    c->id = rpc_u64_or(result, "count", 0);
    ask_rows(u);
}

void counts_reset(struct ui *u)
{
    u->counts.id = 0;
    u->counts.asking = u->counts.again = false;
}

/* field NULL: the same fields, over the filter that is in force now. */
void counts_start(struct ui *u, const char *field)
{
    struct counts_view *c = &u->counts;

    if (c->id)
        ask(u, "count/stop", json_pack("{so}", "count", rpc_u64(c->id)), NULL, NULL);
    counts_reset(u);
    free(c->error);
    c->error = NULL;
    json_decref(c->answer);
    c->answer = NULL;
    if (field) {
        char *copy = xstrdup(field), *at = copy, *one;

        json_decref(c->fields);
        c->fields = json_array();
        /* commas inside [ ] belong to an argument */
        if (strchr(field, '['))
            json_array_append_new(c->fields, rpc_str(field));
        else
            while ((one = strsep(&at, ",")))
                json_array_append_new(c->fields, rpc_str(one + strspn(one, " ")));
        free(copy);
        c->t.cursor = c->t.top = 0;
    }
    free(c->filter);
    c->filter = xstrdup(u->filter);
    if (u->screen != SCREEN_VIEWS)
        screen_go(u, SCREEN_VIEWS);
    ask(u, "count/start", json_pack("{sO so}", "fields", c->fields, "filter", rpc_str(u->filter)),
        on_started, NULL);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const json_t *row_now(const struct ui *u)
{
    return json_array_get(json_object_get(u->counts.answer, "rows"), u->counts.t.cursor);
}

/* All of a row's clauses together. */
static char *row_clause(const json_t *row)
{
    const json_t *clause;
    struct buf b;
    size_t i;

    buf_init(&b, 1 << 20);
    json_array_foreach(json_object_get(row, "clauses"), i, clause)
        buf_addf(&b, "%s%s", i ? " and " : "", json_string_value(clause));
    return buf_steal(&b);
}

bool counts_cell(struct ui *u, struct picked *out)
{
    const json_t *row = row_now(u);

    if (!row)
        return false;
    out->clause = row_clause(row);
    out->event = rpc_u64_or(row, "first", 0);
    out->value = json_array_get(json_object_get(row, "keys"), 0);
    snprintf(out->field, sizeof(out->field), "%s",
             json_string_value(json_array_get(u->counts.fields, 0)));
    return true;
}

static void on_joined(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    if (error) {
        notice(u, LOOK_BAD, "%s", error_text(error));
        return;
    }
    place_push(u);
    screen_go(u, SCREEN_EVENTS);
    filter_apply(u, rpc_get_str(result, "filter"));
}

void counts_enter(struct ui *u, int arg)
{
    const json_t *row = row_now(u);
    char *clause;

    UNUSED(arg);
    if (!row)
        return;
    clause = row_clause(row);
    ask(u, "filter/join",
        json_pack("{so so ss}", "filter", rpc_str(u->filter), "clause", rpc_str(clause), "join",
                  "and"),
        on_joined, NULL);
    free(clause);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void draw_bar(int y, int x, int width, double share, enum look l)
{
    int whole = (int)(share * width);

    for (int i = 0; i < width && i <= whole; i++) {
        if (i < whole || share * width - whole > 0.5 || i == 0)
            text_puts(y, x + i, 1, l, i < whole ? sign("█", "#") : sign("▌", "="));
    }
}

static void draw_row(struct ui *u, const json_t *row, int y, struct rect r, bool on, double share,
                     double of_first)
{
    int values = r.w > 70 ? r.w - 43 : r.w - 20, x = r.x + 1;
    const json_t *keys = json_object_get(row, "keys"), *key;
    enum look base = on ? LOOK_CURSOR : LOOK_TEXT;
    char count[32];
    size_t i, n = json_array_size(keys);

    if (on)
        fill(y, r.x, r.w, base, ' ');
    json_array_foreach(keys, i, key) {
        int w = values / (int)n;
        struct buf b;

        buf_init(&b, 1 << 20);
        value_line(key, NULL, u, &b);
        text_put(y, x, w - 1, on ? base : value_look(key), buf_str(&b), b.len);
        buf_fini(&b);
        x += w;
    }
    text_right(y, r.x + values + 1, 10, on ? base : LOOK_NUMBER,
               text_count(rpc_u64_or(row, "count", 0), count));
    snprintf(count, sizeof(count), "%.1f %%", share * 100);
    text_right(y, r.x + values + 12, 7, base, share > 0 && share < 0.0005 ? "<.1 %" : count);
    if (r.w > 70)
        draw_bar(y, r.x + values + 21, r.w - values - 22, of_first, on ? base : LOOK_GOOD);
}

static void draw_head(struct ui *u, struct rect r)
{
    struct counts_view *c = &u->counts;
    int values = r.w > 70 ? r.w - 43 : r.w - 20, x = r.x + 1;
    const json_t *f;
    size_t i, n = json_array_size(c->fields);

    json_array_foreach(c->fields, i, f) {
        text_puts(r.y, x, values / (int)n - 1, LOOK_HEAD, json_string_value(f));
        x += values / (int)n;
    }
    text_right(r.y, r.x + values + 1, 10, LOOK_HEAD, "events");
    text_right(r.y, r.x + values + 12, 7, LOOK_HEAD, "share");
}

static void draw_foot(struct ui *u, int y, struct rect r)
{
    struct counts_view *c = &u->counts;
    char a[32], b[32], text[160];
    uint64_t groups = rpc_u64_or(c->answer, "groups", 0),
             events = rpc_u64_or(c->answer, "events", 0);
    uint64_t counted = rpc_u64_or(c->answer, "counted", 0), end = rpc_u64_or(c->answer, "end", 0);

    snprintf(text, sizeof(text), "%s value%s in %s event%s%s", text_count(groups, a),
             groups == 1 ? "" : "s", text_count(events, b), events == 1 ? "" : "s",
             counted < end ? ", counting…" : "");
    text_putf(y, r.x + 1, r.w - 2, LOOK_DIM, "%s", text);
    if (rpc_u64_or(c->answer, "others", 0))
        text_putf(y, r.x + 50, r.w - 50, LOOK_WARN, "%s found no room in --memory",
                  text_count(rpc_u64_or(c->answer, "others", 0), a));
}

static void views_draw(struct ui *u, struct rect r)
{
    struct counts_view *c = &u->counts;
    const json_t *rows = json_object_get(c->answer, "rows");
    double events = (double)rpc_u64_or(c->answer, "events", 0),
           first = (double)rpc_u64_or(json_array_get(rows, 0), "count", 0);

    if (!c->fields) {
        text_puts(r.y + r.h / 3, r.x + 2, r.w - 4, LOOK_DIM,
                  "nothing is counted yet: # on a value counts the values of its field");
        text_puts(r.y + r.h / 3 + 1, r.x + 2, r.w - 4, LOOK_DIM, "# here asks for a field");
        return;
    }
    if (c->error) {
        text_puts(r.y + 1, r.x + 2, r.w - 4, LOOK_BAD, c->error);
        return;
    }
    draw_head(u, r);
    table_fit(&c->t, r.h - 2);
    for (int i = 0; i < r.h - 2 && c->t.top + (size_t)i < c->t.n; i++) {
        const json_t *row = json_array_get(rows, c->t.top + (size_t)i);
        double n = (double)rpc_u64_or(row, "count", 0);

        draw_row(u, row, r.y + 1 + i, r, c->t.top + (size_t)i == c->t.cursor,
                 events > 0 ? n / events : 0, first > 0 ? n / first : 0);
    }
    if (c->t.n == 0)
        text_puts(r.y + 2, r.x + 2, r.w - 4, LOOK_DIM,
                  c->answer && rpc_u64_or(c->answer, "end", 0) ? "no event to count" : "counting…");
    draw_foot(u, r.y + r.h - 1, r);
}

static bool views_key(struct ui *u, int key, bool is_char)
{
    return table_key(&u->counts.t, key, is_char, u->height - 6);
}

static void views_open(struct ui *u)
{
    struct counts_view *c = &u->counts;

    if (c->fields && (!c->id || !str_eq(c->filter, u->filter)))
        counts_start(u, NULL);
}

static void views_note(struct ui *u, const char *method, const json_t *params)
{
    UNUSED(params);
    if (str_eq(method, "counts") || str_eq(method, "stream"))
        ask_rows(u);
}

static unsigned views_contexts(struct ui *u)
{
    return CX_COUNTS | CX_TABLE | (row_now(u) ? CX_VALUE : CX_FIELDS);
}

static const char *views_crumb(struct ui *u)
{
    return u->counts.fields ? json_string_value(json_array_get(u->counts.fields, 0)) : "";
}

const struct screen screen_views = {"Views",    views_open,     views_draw, views_key,
                                    views_note, views_contexts, NULL,       views_crumb};
