/* One event in full: every field of every plugin that applies, with type, value and description. */
#include <ncurses.h>

#include "internal.h"

#define ASK_AGAIN_NS (100 * NS_PER_MS)
#define TYPE_WIDTH   13

/* ---- lines ----------------------------------------------------------------------------------- */

static bool has_value(const json_t *field)
{
    const json_t *v = json_object_get(field, "value");

    return v && !json_is_null(v);
}

static void add_line(struct detail_view *d, int kind, const json_t *group, const json_t *field,
                     const json_t *value, int64_t element)
{
    struct detail_line *l = vec_more(&d->lines);

    l->kind = kind;
    l->group = group;
    l->field = field;
    l->value = value;
    l->element = element;
}

static bool is_unfolded(const struct detail_view *d, const json_t *field)
{
    return json_is_true(json_object_get(d->open_lists, rpc_get_str(field, "name")));
}

static void add_field(struct detail_view *d, const json_t *group, const json_t *field)
{
    const json_t *value = json_object_get(field, "value"), *list = json_object_get(value, "list"),
                 *item, *asked;
    const char *text;
    size_t i;

    add_line(d, LINE_FIELD, group, field, value, -1);
    if (list && is_unfolded(d, field)) {
        json_array_foreach(list, i, item)
            add_line(d, LINE_ELEMENT, group, field, item, (int64_t)i);
    }
    /* what was asked of it with an argument */
    json_object_foreach(d->asked, text, asked) {
        const char *name = rpc_get_str(asked, "name");

        if (name && str_eq(name, rpc_get_str(field, "name"))) {
            add_line(d, LINE_ASKED, group, field, json_object_get(asked, "value"), -1);
            d->lines.v[d->lines.n - 1].text = text;
        }
    }
}

void detail_rebuild(struct ui *u)
{
    struct detail_view *d = &u->detail;
    const json_t *group, *field;
    size_t g, i;

    d->lines.n = 0;
    json_array_foreach(json_object_get(d->detail, "groups"), g, group) {
        size_t empty = 0;

        add_line(d, LINE_GROUP, group, NULL, NULL, -1);
        json_array_foreach(json_object_get(group, "fields"), i, field) {
            if (has_value(field) || rpc_get_bool(field, "needs_argument", false) || d->show_empty)
                add_field(d, group, field);
            else
                empty++;
        }
        if (empty)
            add_line(d, LINE_NOTE, group, NULL, NULL, (int64_t)empty);
    }
    d->t.n = d->lines.n;
    table_clamp(&d->t);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void ask_again_with_args(struct ui *u);

static bool some_wait(const json_t *detail)
{
    const json_t *group, *field;
    size_t g, i;

    json_array_foreach(json_object_get(detail, "groups"), g, group) {
        json_array_foreach(json_object_get(group, "fields"), i, field) {
            if (rpc_get_bool(field, "waits", false))
                return true;
        }
    }
    return false;
}

static void on_detail(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct detail_view *d = &u->detail;
    uint64_t event = (uint64_t)(uintptr_t)ctx;

    d->asking = false;
    if (event != d->event) { /* the cursor has moved on */
        detail_show(u, d->event);
        return;
    }
    free(d->error);
    d->error = error ? xstrdup(error_text(error)) : NULL;
    if (result) {
        if (!d->detail && d->t.cursor == 0)
            d->t.cursor = 1; /* the first field, not the head above it */
        json_decref(d->detail);
        d->detail = json_incref((json_t *)result);
        d->answered = event;
        d->ask_after = some_wait(result) ? time_mono() + ASK_AGAIN_NS : 0;
    }
    detail_rebuild(u);
    ask_again_with_args(u);
}

void detail_show(struct ui *u, uint64_t event)
{
    json_t *params;
    struct detail_view *d = &u->detail;

    d->event = event;
    if (d->asking || !engine_is_up(u) || event == 0)
        return;
    if (d->detail && d->answered == event && !(d->ask_after && time_mono() >= d->ask_after))
        return;
    d->asking = true;
    params = json_object();
    event_ask(params, event);
    ask(u, "event/detail", params, on_detail, (void *)(uintptr_t)event);
}

void detail_reset(struct ui *u)
{
    struct detail_view *d = &u->detail;

    d->asking = false;
    json_decref(d->detail);
    d->detail = NULL;
    d->preview_selection = 0;
    detail_forget_preview(u);
    detail_rebuild(u);
}

void detail_fini(struct ui *u)
{
    struct detail_view *d = &u->detail;

    json_decref(d->detail);
    json_decref(d->open_lists);
    json_decref(d->asked);
    vec_free(&d->lines);
    free(d->error);
    free(d->clause);
    free(d->preview_filter);
}

/* ---- fields that take an argument ------------------------------------------------------------ */

static void on_asked(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    char *text = ctx;

    if (error)
        notice(u, LOOK_BAD, "%s", error_text(error));
    else
        json_object_set_new(u->detail.asked, text,
                            json_pack("{sO sO}", "name", json_object_get(result, "name"), "value",
                                      json_object_get(result, "value")));
    detail_rebuild(u);
    for (size_t i = 0; result && u->detail.asked_now && i < u->detail.lines.n; i++) {
        if (u->detail.lines.v[i].kind == LINE_ASKED && str_eq(u->detail.lines.v[i].text, text))
            u->detail.t.cursor = i;
    }
    u->detail.asked_now = false;
    free(text);
}

static void ask_field(struct ui *u, const char *text)
{
    json_t *params = json_pack("{so}", "field", rpc_str(text));

    event_ask(params, u->detail.event);
    ask(u, "event/field", params, on_asked, xstrdup(text));
}

static void ask_again_with_args(struct ui *u)
{
    const char *text;
    json_t *asked;

    json_object_foreach(u->detail.asked, text, asked)
        ask_field(u, text);
}

static void on_argument(struct ui *u, const char *text, void *ctx)
{
    char *name = ctx;
    struct buf b;

    buf_init(&b, 65536);
    buf_addf(&b, "%s[", name);
    if (strpbrk(text, " \t[]\"'"))
        buf_addf(&b, strchr(text, '"') ? "'%s'" : "\"%s\"", text);
    else
        buf_adds(&b, text);
    buf_addc(&b, ']');
    u->detail.asked_now = *text != '\0';
    if (*text)
        ask_field(u, buf_str(&b));
    buf_fini(&b);
    free(name);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static const struct detail_line *line_now(const struct ui *u)
{
    return u->detail.t.cursor < u->detail.lines.n ? &u->detail.lines.v[u->detail.t.cursor] : NULL;
}

static void fold(struct ui *u, bool open)
{
    const struct detail_line *l = line_now(u);

    if (!l || !l->field || !json_object_get(json_object_get(l->field, "value"), "list"))
        return;
    json_object_set_new(u->detail.open_lists, rpc_get_str(l->field, "name"), json_boolean(open));
    u->detail.t.reveal =
        open ? json_array_size(json_object_get(json_object_get(l->field, "value"), "list")) : 0;
    if (!open && l->kind == LINE_ELEMENT)
        u->detail.t.cursor -= (size_t)l->element + 1;
    detail_rebuild(u);
}

void detail_enter(struct ui *u)
{
    struct detail_view *d = &u->detail;
    const struct detail_line *l = line_now(u);
    struct picked p;

    if (!l)
        return;
    if (d->clause) {
        value_act(u, 0);
        return;
    }
    if (l->kind == LINE_NOTE) {
        d->show_empty = !d->show_empty;
        detail_rebuild(u);
    } else if (l->kind == LINE_FIELD && rpc_get_bool(l->field, "needs_argument", false)) {
        char question[200];

        snprintf(question, sizeof(question), "%s[ ]: which %s", rpc_get_str(l->field, "name"),
                 rpc_get_bool(json_object_get(l->field, "arg"), "key", false) ? "key" : "index");
        prompt_open(u, question, "", NULL, on_argument, xstrdup(rpc_get_str(l->field, "name")));
    } else if (l->kind == LINE_FIELD && json_object_get(l->value, "list") &&
               !is_unfolded(d, l->field)) {
        fold(u, true);
    } else if (detail_cell(u, &p)) {
        preview_field(u, p.event, p.field, p.element, NULL);
    }
}

bool detail_key(struct ui *u, int key, bool is_char, int height)
{
    size_t before = u->detail.t.cursor;

    if (!is_char && (key == KEY_RIGHT || key == KEY_LEFT)) {
        fold(u, key == KEY_RIGHT);
        return true;
    }
    if (!table_key(&u->detail.t, key, is_char, height))
        return false;
    if (u->detail.t.cursor != before)
        detail_forget_preview(u);
    return true;
}

bool detail_cell(struct ui *u, struct picked *out)
{
    const struct detail_line *l = line_now(u);

    if (!l || !l->field || !u->detail.detail || u->detail.answered != u->detail.event)
        return false;
    if (l->kind == LINE_FIELD && rpc_get_bool(l->field, "needs_argument", false))
        return false;
    out->event = u->detail.event;
    out->element = l->kind == LINE_ELEMENT ? l->element : -1;
    out->value = l->value;
    snprintf(out->field, sizeof(out->field), "%s",
             l->kind == LINE_ASKED ? l->text : rpc_get_str(l->field, "name"));
    return true;
}

void detail_note(struct ui *u, const char *method, const json_t *params)
{
    struct detail_view *d = &u->detail;

    if (str_eq(method, "selection") && rpc_u64_or(params, "selection", 0) == d->preview_selection &&
        d->preview_selection) {
        d->preview_matches = rpc_u64_or(params, "matches", 0);
        d->preview_scanned = rpc_u64_or(params, "scanned", 0);
        d->preview_rows = rpc_u64_or(params, "rows", 0);
    }
    if (str_eq(method, "plugins") &&
        u->events.detail_open) { /* the same event may have more fields now */
        json_decref(d->detail);
        d->detail = NULL;
        detail_show(u, d->event);
    }
}

const char *event_label(const struct ui *u, char out[40])
{
    const struct detail_view *d = &u->detail;
    bool by_row = d->event & EVENT_BY_ROW;
    unsigned long long n = !by_row                   ? d->event
                           : d->answered == d->event ? rpc_u64_or(d->detail, "number", 0)
                                                     : 0;

    if (by_row && !n)
        snprintf(out, 40, "%s", sign("…", "..."));
    else
        snprintf(out, 40, by_row ? "behind #%llu" : "#%llu", n);
    return out;
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void count_values(const json_t *group, size_t *with, size_t *all)
{
    const json_t *field;
    size_t i;

    *with = *all = 0;
    json_array_foreach(json_object_get(group, "fields"), i, field) {
        (*all)++;
        *with += has_value(field) && !json_object_get(json_object_get(field, "value"), "error");
    }
}

static void draw_head(struct ui *u, struct rect r)
{
    struct detail_view *d = &u->detail;
    char time[40], size[32], label[40];
    const char *title = rpc_get_str(d->detail, "title");
    bool focus = u->events.pane == PANE_DETAIL;

    rule_line(r.y, r.x, r.w, focus ? LOOK_HEAD : LOOK_DIM);
    if (!d->detail || d->answered != d->event) {
        text_putf(r.y, r.x + 2, r.w - 3, LOOK_DIM, " %s ", event_label(u, label));
        return;
    }
    text_putf(r.y, r.x + 2, r.w - 3, focus ? LOOK_STRONG : LOOK_HEAD, " %s %s %s %s %s %s %s ",
              event_label(u, label), sign("·", "-"),
              time_text(u, rpc_u64_or(d->detail, "ts", 0), TIME_DATETIME, time), sign("·", "-"),
              title ? title : "", sign("·", "-"),
              text_bytes(rpc_u64_or(d->detail, "payload", 0), size));
}

static void draw_group(const struct detail_line *l, int y, struct rect r, bool on)
{
    size_t with, all;

    count_values(l->group, &with, &all);
    text_putf(y, r.x, r.w, on ? LOOK_CURSOR : LOOK_HEAD, "%s %s   %zu of %zu have a value",
              sign("▾", "v"), rpc_get_str(l->group, "owner"), with, all);
}

/* A column for the types; else that of the field under the cursor stands beside its description. */
static bool types_fit(struct rect r)
{
    return r.w > 60;
}

static void type_words(const json_t *field, char *out)
{
    snprintf(out, 24, "%s%s", rpc_get_bool(field, "list", false) ? "list " : "",
             rpc_get_str(field, "type"));
}

static void draw_value(struct ui *u, const struct detail_line *l, int y, int x, int width,
                       enum look look)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    if (l->kind == LINE_FIELD && rpc_get_bool(l->field, "needs_argument", false))
        buf_addf(&b, "needs %s: Enter asks",
                 rpc_get_bool(json_object_get(l->field, "arg"), "key", false) ? "a key"
                                                                              : "an index");
    else if (l->kind == LINE_FIELD && rpc_get_bool(l->field, "waits", false))
        buf_adds(&b, sign("…", "..."));
    else
        value_line(l->value, rpc_get_str(l->field, "type"), u, &b);
    text_put(y, x, width, look, buf_str(&b), b.len);
    buf_fini(&b);
}

static void draw_field(struct ui *u, const struct detail_line *l, int y, struct rect r, bool on)
{
    int names = MIN_OF(r.w * 2 / 5, 36), types = types_fit(r) ? TYPE_WIDTH : 0;
    enum look base = on ? LOOK_CURSOR : LOOK_TEXT;
    const char *name = rpc_get_str(l->field, "name");
    char type[24], element[24];

    if (on)
        fill(y, r.x, r.w, base, ' ');
    text_puts(y, r.x, 2, base, on ? sign("▸", ">") : " ");
    if (l->kind == LINE_ELEMENT) {
        snprintf(element, sizeof(element), "[%lld]", (long long)l->element);
        text_right(y, r.x + 2, names - 3, on ? base : LOOK_DIM, element);
    } else {
        if (l->kind == LINE_ASKED)
            name = l->text;
        text_put_tail(y, r.x + 2, names - 3, on ? base : LOOK_FIELD, name, strlen(name));
    }
    if (types && l->kind != LINE_ELEMENT) {
        type_words(l->field, type);
        text_puts(y, r.x + names, types - 1, on ? base : LOOK_DIM, type);
    }
    draw_value(u, l, y, r.x + names + types, r.w - names - types,
               on ? base
               : l->kind == LINE_FIELD && rpc_get_bool(l->field, "needs_argument", false)
                   ? LOOK_DIM
                   : value_look(l->value));
}

static void draw_line(struct ui *u, size_t i, int y, struct rect r, bool on)
{
    const struct detail_line *l = &u->detail.lines.v[i];

    if (l->kind == LINE_GROUP)
        draw_group(l, y, r, on);
    else if (l->kind == LINE_NOTE)
        text_putf(y, r.x, r.w, on ? LOOK_CURSOR : LOOK_DIM, "  %lld without a value   v shows them",
                  (long long)l->element);
    else
        draw_field(u, l, y, r, on);
}

/* The description of the field under the cursor. */
static void draw_desc(struct ui *u, int y, struct rect r)
{
    const struct detail_line *l = line_now(u);
    const char *desc = l && l->field ? rpc_get_str(l->field, "desc") : NULL;
    char type[48] = "";

    if (!desc)
        return;
    if (!types_fit(r))
        type_words(l->field, type);
    if (rpc_get_bool(l->field, "reread", false))
        snprintf(type + strlen(type), sizeof(type) - strlen(type), "%sread again", *type ? ", " : "");
    text_putf(y, r.x + 2, r.w - 2, LOOK_DIM, "%s%s%s", type, *type && *desc ? ": " : "", desc);
}

/* The rules that fire on it, where there are rules, and those that nearly do; the lines that this takes. */
static int draw_rules(struct ui *u, struct rect r)
{
    const json_t *rules = json_object_get(u->detail.detail, "rules"),
                 *near = json_object_get(u->detail.detail, "near"), *rule;
    int x = r.x + 2, lines = 0;
    size_t i;

    if (json_array_size(rules)) {
        x += text_puts(r.y, x, r.w - 3, LOOK_WARN, "fires: ");
        json_array_foreach(rules, i, rule)
            x += text_putf(r.y, x, MAX_OF(r.x + r.w - x, 0), LOOK_WARN, "%s%s (%s)", i ? ", " : "",
                           rpc_get_str(rule, "name"), rpc_get_str(rule, "priority"));
        lines++;
    }
    json_array_foreach(near, i, rule) {
        if (lines >= MIN_OF(r.h / 4, 4))
            break;
        text_putf(r.y + lines++, r.x + 2, r.w - 3, LOOK_DIM, "nearly: %s, 1 of %s false: %s",
                  rpc_get_str(rule, "name"), rpc_get_str(rule, "parts"),
                  rpc_get_str(rule, "lacks"));
    }
    return lines;
}

void detail_draw(struct ui *u, struct rect r)
{
    struct detail_view *d = &u->detail;
    bool focus = u->events.pane == PANE_DETAIL, desc = r.h > 6;
    int rules;

    if (d->ask_after && time_mono() >= d->ask_after)
        detail_show(u, d->event);
    draw_head(u, r);
    r.y++;
    r.h -= 1 + (desc ? 1 : 0);
    if (d->error) {
        text_puts(r.y, r.x + 2, r.w - 3, LOOK_BAD, d->error);
        return;
    }
    if (!d->detail || d->answered != d->event) {
        const json_t *call = json_object_get(u->stream, "call");

        if (call)
            text_putf(r.y, r.x + 2, r.w - 3, LOOK_WARN, "waiting for %s, in %s for %.1f s",
                      rpc_get_str(call, "plugin"), rpc_get_str(call, "function"),
                      (double)rpc_u64_or(call, "ms", 0) / 1000);
        else
            text_puts(r.y, r.x + 2, r.w - 3, LOOK_DIM,
                      engine_is_up(u) ? sign("…", "...")
                                      : "the engine has ended: R starts it anew");
        return;
    }
    rules = draw_rules(u, r);
    r.y += rules;
    r.h -= rules;
    table_fit(&d->t, r.h);
    for (int i = 0; i < r.h && d->t.top + (size_t)i < d->lines.n; i++)
        draw_line(u, d->t.top + (size_t)i, r.y + i, r,
                  focus && d->t.top + (size_t)i == d->t.cursor);
    if (desc)
        draw_desc(u, r.y + r.h, r);
}
