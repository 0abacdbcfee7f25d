/* The filter line: typed, checked at every key, completed. */
#include <ncurses.h>

#include "internal.h"

#define CANDIDATES_SHOWN 8

bool filter_is_edited(const struct ui *u)
{
    return u->editing_filter;
}

static void forget_candidates(struct ui *u)
{
    json_decref(u->candidates);
    u->candidates = NULL;
    u->candidate = 0;
}

/* ---- checking -------------------------------------------------------------------------------- */

static void check(struct ui *u);
static void complete(struct ui *u);
static void finish(struct ui *u);

static void on_checked(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    u->checking = false;
    if (result) {
        json_decref(u->check);
        u->check = json_incref((json_t *)result);
    } else if (error) {
        json_decref(u->check);
        u->check = NULL;
    }
    if (u->check_again)
        check(u);
    else if (u->finish_wanted)
        finish(u);
}

/* One check is out at a time; what is typed meanwhile is checked next. */
static void check(struct ui *u)
{
    u->check_again = u->checking;
    if (u->checking)
        return;
    u->checking = true;
    ask(u, "filter/check", json_pack("{so}", "filter", rpc_str(buf_str(&u->filter_edit.text))),
        on_checked, NULL);
}

static void on_candidates(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    const json_t *list = json_object_get(result, "candidates");

    UNUSED(ctx);
    u->completing = false;
    if (u->complete_again) { /* these are for what the line was */
        complete(u);
        return;
    }
    if (error || !u->editing_filter)
        return;
    forget_candidates(u);
    u->candidate_start = (size_t)rpc_u64_or(result, "start", 0);
    if (json_array_size(list) == 0)
        return;
    u->candidates = json_incref((json_t *)list);
}

static void complete(struct ui *u)
{
    u->complete_again = u->completing;
    if (u->completing)
        return;
    u->completing = true;
    ask(u, "filter/complete",
        json_pack("{so si}", "filter", rpc_str(buf_str(&u->filter_edit.text)), "cursor",
                  (int)u->filter_edit.cursor),
        on_candidates, NULL);
}

static void accept(struct ui *u)
{
    const json_t *c = json_array_get(u->candidates, u->candidate);
    const char *text = rpc_get_str(c, "text");

    if (text) {
        edit_replace(&u->filter_edit, u->candidate_start, text);
        if (!str_ends(text, " ") && !str_ends(text, "[") && !str_ends(text, "("))
            edit_replace(&u->filter_edit, u->filter_edit.cursor, " ");
    }
    forget_candidates(u);
    check(u);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void stop(struct ui *u)
{
    u->editing_filter = u->finish_wanted = u->complete_again = false;
    forget_candidates(u);
    overlay_close(u);
}

static void finish(struct ui *u)
{
    const char *state = rpc_get_str(u->check, "state");
    char *text;

    u->finish_wanted = u->checking;
    if (u->checking || (state && !str_eq(state, "valid")))
        return; /* the reason stands under the line, or soon will */
    text = xstrdup(buf_str(&u->filter_edit.text));
    stop(u);
    filter_apply(u, text);
    free(text);
}

static bool candidates_key(struct ui *u, int key, bool is_char)
{
    size_t n = json_array_size(u->candidates);

    if (!u->candidates)
        return false;
    if ((is_char && key == '\t') || (!is_char && key == KEY_DOWN))
        u->candidate = (u->candidate + 1) % n;
    else if (!is_char && (key == KEY_BTAB || key == KEY_UP))
        u->candidate = (u->candidate + n - 1) % n;
    else if (is_char && (key == '\r' || key == '\n')) {
        if (!u->completing) /* else the list is that of a line that has changed since */
            accept(u);
    } else if (is_char && key == 27)
        forget_candidates(u);
    else
        return false;
    return true;
}

static bool filter_key(struct ui *u, struct overlay *o, int key, bool is_char)
{
    UNUSED(o);
    if (candidates_key(u, key, is_char))
        return true;
    u->finish_wanted = false;
    if (is_char && (key == '\r' || key == '\n')) {
        finish(u);
    } else if (is_char && (key == 27 || key == 3)) {
        stop(u);
    } else if (is_char && key == '\t') {
        complete(u);
    } else if (edit_key(&u->filter_edit, key, is_char) == EDIT_CHANGED) {
        check(u);
        if (u->candidates)
            complete(u); /* the list narrows as one types */
    }
    return true;
}

static void filter_draw(struct ui *u, struct overlay *o);

static void filter_fini(struct overlay *o)
{
    UNUSED(o);
}

void filter_edit(struct ui *u, int arg)
{
    struct overlay o = {filter_draw, filter_key, filter_fini, NULL, true};
    struct buf b;

    UNUSED(arg);
    edit_fini(&u->filter_edit);
    buf_init(&b, 1 << 20);
    buf_adds(&b, u->filter);
    if (b.len && b.data[b.len - 1] != ' ')
        buf_addc(&b, ' ');
    edit_init(&u->filter_edit, buf_str(&b), &u->filter_history);
    buf_fini(&b);
    u->editing_filter = true;
    forget_candidates(u);
    check(u);
    overlay_open(u, &o);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static enum look token_look(const char *kind)
{
    return str_eq(kind, "field")      ? LOOK_FIELD
           : str_eq(kind, "operator") ? LOOK_OPERATOR
           : str_eq(kind, "keyword")  ? LOOK_KEYWORD
           : str_eq(kind, "constant") ? LOOK_VALUE
           : str_eq(kind, "function") ? LOOK_KEYWORD
                                      : LOOK_TEXT;
}

/* Paints the words of text[from..] in their colours; the columns used. */
static int draw_tokens(const json_t *tokens, const char *text, size_t n, size_t from, int y, int x,
                       int width)
{
    const json_t *t;
    int used = 0;
    size_t at = from, i;

    json_array_foreach(tokens, i, t) {
        size_t start = (size_t)json_integer_value(json_array_get(t, 0)),
               len = (size_t)json_integer_value(json_array_get(t, 1));

        if (start + len > n || start + len <= at || used >= width)
            continue;
        if (start > at)
            used += text_put(y, x + used, width - used, LOOK_TEXT, text + at, start - at);
        start = MAX_OF(start, at);
        len = (size_t)json_integer_value(json_array_get(t, 0)) + len - start;
        used += text_put(y, x + used, width - used,
                         token_look(json_string_value(json_array_get(t, 2))), text + start, len);
        at = start + len;
    }
    if (at < n && used < width)
        used += text_put(y, x + used, width - used, LOOK_TEXT, text + at, n - at);
    return used;
}

static const char *state_sign(const char *state, enum look *l)
{
    if (!state || str_eq(state, "valid")) {
        *l = LOOK_GOOD;
        return sign("✓", "+");
    }
    *l = str_eq(state, "unfinished") ? LOOK_WARN : LOOK_BAD;
    return str_eq(state, "unfinished") ? sign("…", "~") : sign("✗", "x");
}

/* "14 of 4,803" at the right end; the columns that it takes. */
static int draw_counts(struct ui *u, int y)
{
    char text[200], a[32], b[32], c[32], change[80] = "";
    uint64_t total = rpc_u64_or(u->stream, "end", 0) - rpc_u64_or(u->stream, "first", 0);

    if (u->scanned < total)
        snprintf(text, sizeof(text), "%s of %s, %d %% searched", text_count(u->matches, a),
                 text_count(total, b), total ? (int)(u->scanned * 100 / total) : 0);
    else
        snprintf(text, sizeof(text), "%s of %s", text_count(u->matches, a), text_count(total, b));
    if (u->parts_off.n && u->width > 60)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ", %zu off: &", u->parts_off.n);
    if (judged_text(u, change))
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "  %s", change);
    if (u->change.selection[0] && u->change.selection[1] && !u->change.left[0] &&
        !u->change.left[1]) {
        snprintf(change, sizeof(change), "+%s -%s  ", text_count(u->change.matches[0], a),
                 text_count(u->change.matches[1], c));
        if ((int)(strlen(change) + strlen(text)) + 10 + text_width(u->filter, strlen(u->filter)) <
            u->width) { /* the filter itself matters more */
            memmove(text + strlen(change), text, strlen(text) + 1);
            memcpy(text, change, strlen(change));
        }
    }
    if (u->width < (int)strlen(text) + 12)
        return 0;
    text_right(y, 0, u->width, LOOK_DIM, text);
    return (int)strlen(text) + 1;
}

static size_t scroll_of(const struct edit *e, int width)
{
    size_t start = 0;

    while (start < e->cursor &&
           text_width(buf_str(&e->text) + start, e->cursor - start) >= width - 2)
        start++;
    while (start < e->text.len && ((unsigned char)buf_str(&e->text)[start] & 0xc0) == 0x80)
        start++;
    return start;
}

void filter_line_draw(struct ui *u, int y)
{
    const char *text = u->editing_filter ? buf_str(&u->filter_edit.text) : u->filter;
    size_t n = strlen(text);
    enum look l;
    const char *s;
    int x;

    fill(y, 0, u->width, LOOK_TEXT, ' ');
    x = text_puts(y, 0, 7, LOOK_STRONG, "filter ");
    if (u->editing_filter) {
        size_t from;

        s = state_sign(rpc_get_str(u->check, "state"), &l);
        x += text_putf(y, x, 3, l, "%s ", s);
        from = scroll_of(&u->filter_edit, u->width - x);
        draw_tokens(json_object_get(u->check, "tokens"), text, n, from, y, x, u->width - x);
        return;
    }
    if (!*text) {
        text_puts(y, x, u->width - x, LOOK_DIM,
                  u->width > 50 ? "none: f types one, + on a value makes one" : "none");
        return;
    }
    x += text_putf(y, x, 3, LOOK_GOOD, "%s ", sign("✓", "+"));
    text_put(y, x, u->width - x - draw_counts(u, y), LOOK_TEXT, text, n);
}

/* The reason under the very character. */
static void draw_reason(struct ui *u, int y, int x, size_t from, int width)
{
    const json_t *error = json_object_get(u->check, "error");
    const char *text = buf_str(&u->filter_edit.text), *why = rpc_get_str(error, "text");
    size_t index = (size_t)rpc_u64_or(error, "index", 0);
    int at;

    fill(y, 0, u->width, LOOK_TEXT, ' ');
    if (!why || u->filter_edit.text.len == 0) {
        text_puts(y, 7, u->width - 7, LOOK_DIM,
                  "Tab completes, Enter applies, Esc leaves it as it was, Up walks the history, ^R "
                  "searches it");
        return;
    }
    index = MIN_OF(MAX_OF(index, from), u->filter_edit.text.len);
    at = MIN_OF(x + text_width(text + from, index - from), x + width - 1);
    text_puts(y, at, 1, rpc_get_bool(error, "unfinished", false) ? LOOK_WARN : LOOK_BAD, "^");
    if (u->candidates) /* they say what may stand here */
        return;
    if (at + 2 + text_width(why, strlen(why)) <= u->width)
        text_puts(y, at + 2, u->width - at - 2, LOOK_TEXT, why);
    else if (text_width(why, strlen(why)) < at - 1)
        text_puts(y, at - 1 - text_width(why, strlen(why)), at - 1, LOOK_TEXT, why);
    else
        text_puts(y + 1, 0, u->width, LOOK_TEXT, why);
}

static void draw_candidates(struct ui *u, int y, int x)
{
    size_t n = json_array_size(u->candidates),
           top = u->candidate >= CANDIDATES_SHOWN ? u->candidate - CANDIDATES_SHOWN + 1 : 0;
    int width = MIN_OF(u->width, 96);

    x = MAX_OF(MIN_OF(x, u->width - width), 0);
    for (size_t i = 0; i < CANDIDATES_SHOWN && top + i < n && y + (int)i < u->height - 1; i++) {
        const json_t *c = json_array_get(u->candidates, top + i);
        enum look l = top + i == u->candidate ? LOOK_CURSOR : LOOK_TITLE;
        int used;

        fill(y + (int)i, x, width, l, ' ');
        used = text_puts(y + (int)i, x + 1, width / 2, l, rpc_get_str(c, "text"));
        used = MAX_OF(used, MIN_OF(28, width / 3));
        used += text_putf(y + (int)i, x + 2 + used, width - used - 3, l, "%-14s ",
                          rpc_get_str(c, "type"));
        if (width - used > 6)
            text_puts(y + (int)i, x + 2 + used, width - used - 3, l, rpc_get_str(c, "desc"));
    }
}

static void filter_draw(struct ui *u, struct overlay *o)
{
    const char *text = buf_str(&u->filter_edit.text);
    size_t from = scroll_of(&u->filter_edit, u->width - 9);
    int at = 9 + text_width(text + from, u->filter_edit.cursor - from);

    UNUSED(o);
    draw_reason(u, 2, 9, from, u->width - 9);
    if (u->candidates)
        draw_candidates(u, 3, 9 + text_width(text + from, MAX_OF(u->candidate_start, from) - from));
    cursor_want(1, MIN_OF(at, u->width - 1));
}
