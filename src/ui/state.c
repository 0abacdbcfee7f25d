/* The State screen: tables of the host and of plugins, now or at the event under the cursor; their
 * entries, and the tables inside these. */
#include <ncurses.h>

#include "internal.h"

#define WINDOW 1000

static void ask_now(struct ui *u);

static void on_answer(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct state_view *s = &u->state;

    UNUSED(ctx);
    s->asking = false;
    if (error) {
        notice(u, LOOK_WARN, "%s", error_text(error));
        s->at_event = 0;
        return;
    }
    json_decref(s->answer);
    s->answer = json_incref((json_t *)result);
    s->t.n = json_array_size(s->table ? json_object_get(s->answer, "rows")
                                      : json_object_get(s->answer, "tables"));
    if (s->inside)
        s->t.n = json_array_size(json_object_get(json_object_get(s->answer, "inside"), "rows"));
    table_clamp(&s->t);
    if (s->again)
        ask_now(u);
}

static void ask_now(struct ui *u)
{
    struct state_view *s = &u->state;
    json_t *q;

    s->again = s->asking;
    if (s->asking || !engine_is_up(u))
        return;
    s->asking = true;
    if (!s->table) {
        ask(u, "tables", NULL, on_answer, NULL);
        return;
    }
    q = json_pack("{so si}", "table", rpc_str(s->table), "count", s->inside ? 1 : WINDOW);
    if (s->inside) {
        json_object_set_new(q, "from", rpc_u64(s->entry));
        json_object_set_new(q, "inside", rpc_str(s->inside));
    }
    if (s->at_event)
        json_object_set_new(q, "event", rpc_u64(s->at_event));
    ask(u, "table", q, on_answer, NULL);
}

void state_reset(struct ui *u)
{
    u->state.asking = u->state.again = false;
}

static void forget_answer(struct state_view *s)
{
    json_decref(s->answer);
    s->answer = NULL;
    s->t.n = s->t.cursor = s->t.top = 0;
    s->column = 0;
    s->asking = s->again = false;
}

/* The table whose rows are shown: the one inside an entry, or the table itself. */
static const json_t *shown(const struct state_view *s)
{
    return s->inside ? json_object_get(s->answer, "inside") : s->answer;
}

static const json_t *field_at(const struct state_view *s, size_t i)
{
    return json_array_get(json_object_get(shown(s), "fields"), i);
}

void state_enter(struct ui *u, int arg)
{
    struct state_view *s = &u->state;
    const json_t *tables = json_object_get(s->answer, "tables"), *field;

    UNUSED(arg);
    if (!s->answer || !s->t.n)
        return;
    if (!s->table) {
        s->table = xstrdup(rpc_get_str(json_array_get(tables, s->t.cursor), "name"));
        forget_answer(s);
        ask_now(u);
        return;
    }
    field = field_at(s, s->column);
    if (s->inside || !field || !str_eq(rpc_get_str(field, "type"), "table")) {
        notice(u, LOOK_TEXT, "Left and Right choose a field that is a table: Enter shows it");
        return;
    }
    s->entry = s->t.cursor;
    s->inside = xstrdup(rpc_get_str(field, "name"));
    forget_answer(s);
    ask_now(u);
}

static void state_back(struct ui *u)
{
    struct state_view *s = &u->state;
    char **level = s->inside ? &s->inside : &s->table;

    if (!*level) {
        screen_go(u, SCREEN_EVENTS);
        return;
    }
    free(*level);
    *level = NULL;
    forget_answer(s);
    ask_now(u);
}

/* Captures keep what was at each event. */
void state_at_event(struct ui *u, int arg)
{
    struct state_view *s = &u->state;

    UNUSED(arg);
    s->at_event = s->at_event ? 0 : u->events.cursor_number;
    notice(u, LOOK_TEXT, s->at_event ? "as it was at event %llu" : "as it is now",
           (unsigned long long)s->at_event);
    forget_answer(s);
    ask_now(u);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void draw_tables(struct ui *u, struct rect r)
{
    struct state_view *s = &u->state;
    const json_t *tables = json_object_get(s->answer, "tables");
    char count[32];

    text_puts(r.y, r.x + 1, 30, LOOK_HEAD, "table");
    text_puts(r.y, r.x + 32, 16, LOOK_HEAD, "owner");
    text_puts(r.y, r.x + 49, 8, LOOK_HEAD, "key");
    text_right(r.y, r.x + 58, 9, LOOK_HEAD, "entries");
    text_right(r.y, r.x + 69, 8, LOOK_HEAD, "fields");
    table_fit(&s->t, r.h - 1);
    for (int i = 0; i < r.h - 1 && s->t.top + (size_t)i < s->t.n; i++) {
        const json_t *t = json_array_get(tables, s->t.top + (size_t)i);
        bool on = s->t.top + (size_t)i == s->t.cursor;
        enum look base = on ? LOOK_CURSOR : LOOK_TEXT;
        int y = r.y + 1 + i;

        if (on)
            fill(y, r.x, r.w, base, ' ');
        text_puts(y, r.x + 1, 30, on ? base : LOOK_FIELD, rpc_get_str(t, "name"));
        text_puts(y, r.x + 32, 16, base, rpc_get_str(t, "owner"));
        text_puts(y, r.x + 49, 8, base, rpc_get_str(t, "key"));
        text_right(y, r.x + 58, 9, on ? base : LOOK_NUMBER,
                   text_count(rpc_u64_or(t, "size", 0), count));
        text_right(y, r.x + 69, 8, base,
                   text_count(json_array_size(json_object_get(t, "fields")), count));
    }
}

static void cell_words(const json_t *cell, struct buf *out)
{
    if (json_is_object(cell) && json_object_get(cell, "entries"))
        buf_addf(out, "%s%s", rpc_get_str(cell, "entries"), sign(" ▸", " >"));
    else if (json_is_null(cell))
        buf_adds(out, sign("∅", "-"));
    else
        rpc_text_bytes(cell, out);
}

/* As wide as what stands in it, within limits. */
static int column_width(const struct state_view *s, size_t column)
{
    const json_t *rows = json_object_get(shown(s), "rows");
    int w = (int)strlen(rpc_get_str(field_at(s, column), "name"));

    for (size_t i = s->t.top; i < MIN_OF(s->t.n, s->t.top + 40); i++) {
        struct buf b;

        buf_init(&b, 65536);
        cell_words(json_array_get(json_array_get(rows, i), column), &b);
        w = MAX_OF(w, text_width(buf_str(&b), b.len));
        buf_fini(&b);
    }
    return MIN_OF(w, 40);
}

static void draw_column(struct ui *u, size_t column, int x, int w, struct rect r)
{
    struct state_view *s = &u->state;
    const json_t *rows = json_object_get(shown(s), "rows");
    bool here = column == s->column;

    text_puts(r.y, x, w, here ? LOOK_CELL : LOOK_HEAD, rpc_get_str(field_at(s, column), "name"));
    for (int i = 0; i < r.h - 2 && s->t.top + (size_t)i < s->t.n; i++) {
        bool on = s->t.top + (size_t)i == s->t.cursor;
        struct buf b;

        buf_init(&b, 65536);
        cell_words(json_array_get(json_array_get(rows, s->t.top + (size_t)i), column), &b);
        text_put(r.y + 1 + i, x, w,
                 on && here ? LOOK_CELL
                 : on       ? LOOK_CURSOR
                            : LOOK_TEXT,
                 buf_str(&b), b.len);
        buf_fini(&b);
    }
}

static void draw_entries(struct ui *u, struct rect r)
{
    struct state_view *s = &u->state;
    size_t n = json_array_size(json_object_get(shown(s), "fields"));
    uint64_t size = rpc_u64_or(shown(s), "size", 0);
    char a[32];
    int x = r.x + 1;

    table_fit(&s->t, r.h - 2);
    for (int i = 0; i < r.h - 2 && s->t.top + (size_t)i < s->t.n; i++) {
        if (s->t.top + (size_t)i == s->t.cursor)
            fill(r.y + 1 + i, r.x, r.w, LOOK_CURSOR, ' ');
    }
    s->left = s->column > s->left + 4 ? s->column - 4 : MIN_OF(s->left, s->column);
    for (size_t c = s->left; c < n && x < r.x + r.w - 4; c++) {
        int w = MIN_OF(column_width(s, c), r.x + r.w - x);

        draw_column(u, c, x, w, r);
        x += w + 2;
    }
    if (s->t.n == 0)
        text_puts(r.y + 2, r.x + 2, r.w - 4, LOOK_DIM, "the table has no entry");
    text_putf(r.y + r.h - 1, r.x + 1, r.w - 2, LOOK_DIM, "%s entr%s%s", text_count(size, a),
              size == 1 ? "y" : "ies", size > s->t.n ? ", the first of them" : "");
}

static void state_draw(struct ui *u, struct rect r)
{
    if (!u->state.answer)
        text_puts(r.y + 1, r.x + 2, r.w - 4, LOOK_DIM, "reading the tables…");
    else if (!u->state.table)
        draw_tables(u, r);
    else
        draw_entries(u, r);
}

static bool state_key(struct ui *u, int key, bool is_char)
{
    struct state_view *s = &u->state;
    size_t n = json_array_size(json_object_get(shown(s), "fields"));

    if (s->table && !is_char && (key == KEY_LEFT || key == KEY_RIGHT)) {
        s->column = key == KEY_LEFT ? (s->column ? s->column - 1 : 0)
                                    : MIN_OF(s->column + 1, n ? n - 1 : 0);
        return true;
    }
    return table_key(&s->t, key, is_char, u->height - 6);
}

static void state_note(struct ui *u, const char *method, const json_t *params)
{
    UNUSED(params);
    if (u->screen == SCREEN_STATE && !u->state.at_event && str_eq(method, "stream"))
        ask_now(u);
}

static unsigned state_contexts(struct ui *u)
{
    UNUSED(u);
    return CX_STATE | CX_TABLE;
}

static const char *state_crumb(struct ui *u)
{
    static char text[200];
    struct state_view *s = &u->state;
    char at[40] = "";

    if (s->at_event)
        snprintf(at, sizeof(at), " at #%llu", (unsigned long long)s->at_event);
    snprintf(text, sizeof(text), "%s%s%s%s",
             s->table ? s->table
             : *at    ? "tables"
                      : "",
             s->inside ? sign(" › ", " > ") : "", s->inside ? s->inside : "", at);
    return text;
}

const struct screen screen_state = {"State",    ask_now,        state_draw, state_key,
                                    state_note, state_contexts, state_back, state_crumb};
