/* What stands in front: prompts, dialogs, help, the palette of commands. */
#include <ncurses.h>

#include "internal.h"

void overlay_open(struct ui *u, const struct overlay *o)
{
    vec_push(&u->overlays, *o);
}

bool overlay_left(int key, bool is_char, char own)
{
    return is_char ? key == 27 || key == 3 || key == 127 || key == 'q' || key == own
                   : key == KEY_BACKSPACE;
}

void overlay_close(struct ui *u)
{
    struct overlay *o;

    if (u->overlays.n == 0)
        return;
    o = &u->overlays.v[--u->overlays.n];
    if (o->fini)
        o->fini(o);
}

struct rect overlay_box(struct ui *u, int h, int w, enum look l, const char *title)
{
    struct rect r;

    r.h = MIN_OF(h, u->height - 2);
    r.w = MIN_OF(w, u->width);
    r.y = MAX_OF((u->height - r.h) / 2, 1);
    r.x = (u->width - r.w) / 2;
    for (int i = 0; i < r.h; i++)
        fill(r.y + i, r.x, r.w, LOOK_TEXT, ' ');
    rule_line(r.y, r.x, r.w, l);
    rule_line(r.y + r.h - 1, r.x, r.w, l);
    if (title)
        text_putf(r.y, r.x + 2, r.w - 4, l, " %s ", title);
    return (struct rect){r.y + 1, r.x + 1, r.h - 2, r.w - 2};
}

/* ---- prompt ---------------------------------------------------------------------------------- */

struct prompt {
    char *question;
    struct edit edit;
    void (*done)(struct ui *u, const char *text, void *ctx);
    void *ctx;
};

void edit_draw(const struct edit *e, int y, int x, int width)
{
    size_t start = 0;
    const char *s = buf_str(&e->text);
    int at;

    while (start < e->cursor && text_width(s + start, e->cursor - start) >= width - 1)
        start++;
    while (start < e->text.len && ((unsigned char)s[start] & 0xc0) == 0x80)
        start++;
    text_put(y, x, width, LOOK_TEXT, s + start, e->text.len - start);
    at = text_width(s + start, e->cursor - start);
    cursor_want(y, MIN_OF(x + at, COLS - 1));
}

static void prompt_draw(struct ui *u, struct overlay *o)
{
    struct prompt *p = o->state;
    int used;

    fill(u->height - 1, 0, u->width, LOOK_TEXT, ' ');
    used = text_putf(u->height - 1, 0, u->width / 2, LOOK_STRONG, "%s: ", p->question);
    edit_draw(&p->edit, u->height - 1, used, u->width - used);
}

static bool prompt_key(struct ui *u, struct overlay *o, int key, bool is_char)
{
    struct prompt *p = o->state;

    if (is_char && (key == '\r' || key == '\n')) {
        char *text = xstrdup(buf_str(&p->edit.text));
        void (*done)(struct ui *, const char *, void *) = p->done;
        void *ctx = p->ctx;

        overlay_close(u);
        done(u, text, ctx);
        free(text);
        return true;
    }
    if (is_char && (key == 27 || key == 3)) {
        overlay_close(u);
        return true;
    }
    edit_key(&p->edit, key, is_char);
    return true;
}

static void prompt_fini(struct overlay *o)
{
    struct prompt *p = o->state;

    edit_fini(&p->edit);
    free(p->question);
    free(p);
}

void prompt_open(struct ui *u, const char *question, const char *text, struct str_list *history,
                 void (*done)(struct ui *u, const char *text, void *ctx), void *ctx)
{
    struct prompt *p = xcalloc(1, sizeof(*p));
    struct overlay o = {prompt_draw, prompt_key, prompt_fini, p, true};

    p->question = xstrdup(question);
    p->done = done;
    p->ctx = ctx;
    edit_init(&p->edit, text, history);
    overlay_open(u, &o);
}

/* ---- dialog ---------------------------------------------------------------------------------- */

#define DIALOG_KEYS 6

struct dialog {
    char *title, *text;
    enum look look;
    struct dialog_key keys[DIALOG_KEYS];
    size_t n;
    void *ctx;
    int top;
};

static int count_lines(const char *s, int width)
{
    int n = 0;

    while (*s) {
        size_t len = strcspn(s, "\n");

        n += 1 + MAX_OF(text_width(s, len) - 1, 0) / MAX_OF(width, 1);
        s += len + (s[len] == '\n');
    }
    return n;
}

/* Bytes of s that fit into width columns, cut at a blank where one is near. */
static size_t fitting(const char *s, size_t n, int width)
{
    size_t end = n;

    while (end > 1 && text_width(s, end) > width)
        end--;
    while (end < n && end > 1 && ((unsigned char)s[end] & 0xc0) == 0x80)
        end--;
    if (end < n && s[end] == ' ')
        return end + 1;
    if (end < n) {
        size_t blank = end;

        while (blank > end * 2 / 3 && s[blank] != ' ')
            blank--;
        if (s[blank] == ' ' && blank > 0)
            end = blank + 1;
    }
    return MAX_OF(end, (size_t)1);
}

static void draw_lines(const char *s, struct rect r, int top)
{
    int y = -top;

    while (*s && y < r.h) {
        size_t len = strcspn(s, "\n"), at = 0;

        do {
            size_t n = len ? fitting(s + at, len - at, r.w) : 0,
                   blank = n > 0 && s[at + n - 1] == ' '; /* of which there may be no room */

            if (y >= 0 && y < r.h)
                text_put(r.y + y, r.x, r.w, LOOK_TEXT, s + at, n - blank);
            at += n;
            y++;
        } while (at < len && y < r.h);
        s += len + (s[len] == '\n');
    }
}

static void dialog_draw(struct ui *u, struct overlay *o)
{
    struct dialog *d = o->state;
    int width = MIN_OF(u->width, 100), lines = count_lines(d->text, width - 2), x;
    struct rect r = overlay_box(u, lines + 4, width, d->look, d->title);

    r.h--;
    d->top = MAX_OF(MIN_OF(d->top, lines - r.h), 0);
    draw_lines(d->text, r, d->top);
    x = r.x;
    for (size_t i = 0; i < d->n; i++) {
        char buffer[16];

        x += text_putf(r.y + r.h, x, r.x + r.w - x, LOOK_KEY, "%s",
                       key_label(d->keys[i].key, true, buffer));
        x += text_putf(r.y + r.h, x, r.x + r.w - x, LOOK_TEXT, " %s   ", d->keys[i].label);
    }
    if (lines > r.h)
        text_right(r.y + r.h, r.x, r.w, LOOK_DIM, sign("↓ more", "Down: more"));
}

static bool dialog_key_pressed(struct ui *u, struct overlay *o, int key, bool is_char)
{
    struct dialog *d = o->state;

    for (size_t i = 0; i < d->n; i++) {
        if (is_char && d->keys[i].key == key) {
            void (*run)(struct ui *, void *) = d->keys[i].run;
            void *ctx = d->ctx;

            overlay_close(u);
            if (run)
                run(u, ctx);
            return true;
        }
    }
    if (!is_char && (key == KEY_DOWN || key == KEY_UP || key == KEY_NPAGE || key == KEY_PPAGE))
        d->top += key == KEY_DOWN ? 1 : key == KEY_UP ? -1 : key == KEY_NPAGE ? 10 : -10;
    else if (is_char && (key == 27 || key == 3 || key == 'q'))
        overlay_close(u);
    return true;
}

static void dialog_fini(struct overlay *o)
{
    struct dialog *d = o->state;

    free(d->title);
    free(d->text);
    free(d);
}

void dialog_open(struct ui *u, const char *title, enum look look, const char *text,
                 const struct dialog_key *keys, size_t n, void *ctx)
{
    struct dialog *d = xcalloc(1, sizeof(*d));
    struct overlay o = {dialog_draw, dialog_key_pressed, dialog_fini, d, true};

    d->title = xstrdup(title);
    d->text = xstrdup(text);
    d->look = look;
    d->n = MIN_OF(n, (size_t)DIALOG_KEYS);
    memcpy(d->keys, keys, d->n * sizeof(*keys));
    d->ctx = ctx;
    overlay_open(u, &o);
}

/* ---- what was opened before ------------------------------------------------------------------ */

static const json_t *recent_of(const struct ui *u)
{
    return json_object_get(u->options, "recent");
}

static void recent_draw(struct ui *u, struct overlay *o)
{
    struct table *t = o->state;
    struct rect r = overlay_box(u, (int)t->n + 3, MIN_OF(u->width, 80), LOOK_HEAD, "open");

    table_fit(t, r.h - 1);
    for (int i = 0; i < r.h - 1 && t->top + (size_t)i < t->n; i++) {
        const json_t *item = json_array_get(recent_of(u), t->top + (size_t)i);
        bool on = t->top + (size_t)i == t->cursor;

        if (on)
            fill(r.y + i, r.x, r.w, LOOK_CURSOR, ' ');
        text_putf(r.y + i, r.x + 1, r.w - 2, on ? LOOK_CURSOR : LOOK_TEXT, "%s",
                  rpc_get_str(item, "label"));
    }
    text_puts(r.y + r.h - 1, r.x + 1, r.w - 2, LOOK_DIM,
              "Enter opens, q leaves      elsewhere: mews FILE, mews ./lib.so, … | mews -");
}

static bool recent_key(struct ui *u, struct overlay *o, int key, bool is_char)
{
    struct table *t = o->state;
    const json_t *item = json_array_get(recent_of(u), t->cursor);

    if (is_char && key == '\r') {
        json_t *q = json_pack("{sO sb sb}", "session", json_object_get(item, "session"), "open",
                              true, "fresh", true);

        json_object_set(u->options, "input", json_object_get(item, "input"));
        if (rpc_get_bool(item, "tour", false))
            coach_start(u);
        u->ready = false;
        u->filter_wanted = rpc_get_str(item, "filter") && *rpc_get_str(item, "filter")
                               ? xstrdup(rpc_get_str(item, "filter"))
                               : NULL;
        overlay_close(u);
        screen_go(u, SCREEN_EVENTS);
        ask(u, "keeper/start", q, NULL, NULL);
        return true;
    }
    if (is_char && (key == 'q' || key == 3)) {
        overlay_close(u);
        ui_quit(u, 0);
        return true;
    }
    if (is_char && key == 27) {
        overlay_close(u);
        return true;
    }
    table_key(t, key, is_char, 10);
    return true;
}

static void recent_fini(struct overlay *o)
{
    free(o->state);
}

void recent_open(struct ui *u)
{
    struct table *t = xcalloc(1, sizeof(*t));
    struct overlay o = {recent_draw, recent_key, recent_fini, t, true};

    t->n = json_array_size(recent_of(u));
    overlay_open(u, &o);
}

/* ---- help ------------------------------------------------------------------------------------ */

static void help_group(struct buf *b, const char *title, unsigned context, bool rest)
{
    bool any = false;

    for (size_t i = 0; i < action_count; i++) {
        const struct action *a = &actions[i];

        if (!(a->contexts & context) || !*a->keys || (rest && a->contexts != CX_GLOBAL) ||
            (!rest && a->contexts == CX_GLOBAL))
            continue;
        if (!any)
            buf_addf(b, "%s%s\n", b->len ? "\n" : "", title);
        any = true;
        buf_addf(b, "  %-10s %s\n", a->keys, a->help);
    }
}

void help_open(struct ui *u, int arg)
{
    static const struct {
        unsigned context;
        const char *title;
    } groups[] = {
        {CX_VALUE, "On a value"},
        {CX_EVENTS, "In the list of events"},
        {CX_DETAIL, "In the fields of an event"},
        {CX_PAYLOAD, "In its payload"},
        {CX_COUNTS, "In a table of counts"},
        {CX_PLUGINS, "On the Plugins screen"},
        {CX_FIELDS, "On the Fields screen"},
        {CX_API, "On the API screen"},
        {CX_RULES, "On the Rules screen"},
        {CX_ASYNC, "On the Async screen"},
        {CX_STATE, "On the State screen"},
        {CX_LOG, "In the log"},
    };
    static const struct dialog_key close_keys[] = {{'q', "close", NULL}, {'?', "close", NULL}};
    unsigned now = contexts_now(u);
    struct buf b;

    UNUSED(arg);
    buf_init(&b, 65536);
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        if (groups[i].context & now)
            help_group(&b, groups[i].title, groups[i].context, false);
    }
    buf_adds(&b,
             "\nMoving\n  arrows     also j k; Left and Right choose a column, or a tab\n"
             "  PageUp/Dn  a page; Home End the first and the last; End follows a live stream\n");
    help_group(&b, "Everywhere", CX_GLOBAL, true);
    buf_addf(&b,
             "\nSigns\n  %s  no value     %s  the plugin failed to give one     \"\"  empty     %s "
             " earlier than the event before it\n",
             sign("∅", "-"), sign("✗", "!"), sign("‹", "<"));
    dialog_open(u, "keys", LOOK_HEAD, buf_str(&b), close_keys, 1, NULL);
    buf_fini(&b);
}

/* ---- palette --------------------------------------------------------------------------------- */

struct palette {
    struct edit edit;
    struct table t;
    VEC(size_t) found;
};

/* All words of what is typed stand in the name or the help. */
static bool fits(const struct action *a, const char *typed)
{
    char *copy = xstrdup(typed), *at = copy, *word;
    bool ok = true;

    while (ok && (word = strsep(&at, " ")))
        ok = !*word || strcasestr(a->name, word) || strcasestr(a->help, word);
    free(copy);
    return ok;
}

static void palette_find(struct palette *p)
{
    p->found.n = 0;
    for (size_t i = 0; i < action_count; i++) {
        if (fits(&actions[i], buf_str(&p->edit.text)))
            vec_push(&p->found, i);
    }
    p->t.n = p->found.n;
    p->t.cursor = MIN_OF(p->t.cursor, p->t.n ? p->t.n - 1 : 0);
}

static void palette_draw(struct ui *u, struct overlay *o)
{
    struct palette *p = o->state;
    struct rect r =
        overlay_box(u, MIN_OF(u->height - 2, 20), MIN_OF(u->width, 90), LOOK_HEAD, "commands");
    int names = MIN_OF(36, r.w / 2);

    table_fit(&p->t, r.h - 1);
    for (int i = 0; i < r.h - 1 && p->t.top + (size_t)i < p->found.n; i++) {
        const struct action *a = &actions[p->found.v[p->t.top + (size_t)i]];
        bool on = p->t.top + (size_t)i == p->t.cursor;
        enum look l = on ? LOOK_CURSOR : LOOK_TEXT;

        fill(r.y + 1 + i, r.x, r.w, l, ' ');
        text_puts(r.y + 1 + i, r.x + 1, names, l, a->name);
        text_puts(r.y + 1 + i, r.x + 1 + names, 10, on ? l : LOOK_KEY, a->keys);
        text_puts(r.y + 1 + i, r.x + 11 + names, r.w - names - 12, on ? l : LOOK_DIM, a->help);
    }
    if (p->found.n == 0)
        text_puts(r.y + 1, r.x + 1, r.w - 2, LOOK_DIM,
                  "no command is named so; a number goes to that event");
    text_puts(r.y, r.x, 2, LOOK_KEY, ":");
    edit_draw(&p->edit, r.y, r.x + 2, r.w - 2);
}

static void palette_run(struct ui *u, struct palette *p)
{
    const struct action *a = p->found.n ? &actions[p->found.v[p->t.cursor]] : NULL;
    uint64_t number;
    bool is_number = parse_u64(span_of(buf_str(&p->edit.text)), &number);

    overlay_close(u);
    if (is_number)
        events_jump(u, number);
    else if (a)
        a->run(u, a->arg);
}

static bool palette_key(struct ui *u, struct overlay *o, int key, bool is_char)
{
    struct palette *p = o->state;

    if (is_char && (key == '\r' || key == '\n')) {
        palette_run(u, p);
        return true;
    }
    if (is_char && (key == 27 || key == 3)) {
        overlay_close(u);
        return true;
    }
    if (!is_char && table_key(&p->t, key, is_char, 10))
        return true;
    if (edit_key(&p->edit, key, is_char) == EDIT_CHANGED)
        palette_find(p);
    return true;
}

static void palette_fini(struct overlay *o)
{
    struct palette *p = o->state;

    edit_fini(&p->edit);
    vec_free(&p->found);
    free(p);
}

void palette_open(struct ui *u, int arg)
{
    struct palette *p = xcalloc(1, sizeof(*p));
    struct overlay o = {palette_draw, palette_key, palette_fini, p, true};

    UNUSED(arg);
    edit_init(&p->edit, "", NULL);
    palette_find(p);
    overlay_open(u, &o);
}
