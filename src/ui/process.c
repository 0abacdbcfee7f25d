/* The process of an event as it was then, in front of the screens: who it was, its ancestors, its open
 * descriptors, and all processes as a tree. */
#include <ncurses.h>

#include "internal.h"

enum line_kind { LINE_WORDS, LINE_HEAD, LINE_PROCESS, LINE_DESCRIPTOR };

struct process_line {
    enum line_kind kind;
    char *text;
    const json_t *row; /* of the answer */
};

struct process_view {
    struct ui *u;
    json_t *answer;
    char *error;
    VEC(struct process_line) lines;
    struct table t;
};

static void add(struct process_view *v, enum line_kind kind, const json_t *row, const char *fmt,
                ...) PRINTF_LIKE(4, 5);

static void add(struct process_view *v, enum line_kind kind, const json_t *row, const char *fmt,
                ...)
{
    struct process_line l = {kind, NULL, row};
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&l.text, fmt, ap) < 0)
        l.text = xstrdup("");
    va_end(ap);
    vec_push(&v->lines, l);
}

static const char *word(const json_t *row, const char *key)
{
    const char *s = rpc_get_str(row, key);

    return s && *s ? s : sign("∅", "-");
}

static long long number(const json_t *row, const char *key)
{
    return (long long)json_integer_value(json_object_get(row, key));
}

static void add_process(struct process_view *v, const json_t *p)
{
    add(v, LINE_WORDS, NULL, "command      %s", word(p, "cmdline"));
    add(v, LINE_WORDS, NULL, "executable   %s", word(p, "exepath"));
    add(v, LINE_WORDS, NULL, "folder       %s", word(p, "cwd"));
    add(v, LINE_WORDS, NULL, "user         %s (%lld)", word(p, "user"), number(p, "uid"));
    add(v, LINE_WORDS, NULL, "container    %s", word(p, "container"));
}

static void lay_out(struct process_view *v)
{
    const json_t *row;
    size_t i;

    add_process(v, json_object_get(v->answer, "process"));
    add(v, LINE_HEAD, NULL, "ancestors");
    json_array_foreach(json_object_get(v->answer, "ancestors"), i, row)
        add(v, LINE_PROCESS, row, "%*s%lld  %s  (%s)", 2, "", number(row, "pid"),
            word(row, "cmdline"), word(row, "user"));
    add(v, LINE_HEAD, NULL, "open descriptors");
    json_array_foreach(json_object_get(v->answer, "descriptors"), i, row)
        add(v, LINE_DESCRIPTOR, row, "%5lld  %-9s %s", number(row, "fd"), word(row, "type"),
            word(row, "name"));
    add(v, LINE_HEAD, NULL, "all processes");
    json_array_foreach(json_object_get(v->answer, "tree"), i, row)
        add(v, LINE_PROCESS, row, "%*s%lld  %s  (%s%s%s)%s", 2 + 2 * (int)number(row, "depth"), "",
            number(row, "pid"), word(row, "cmdline"), word(row, "user"),
            *rpc_get_str(row, "container") ? ", " : "", rpc_get_str(row, "container"),
            rpc_get_bool(row, "here", false) ? sign("  ◂ here", "  < here") : "");
    v->t.n = v->lines.n;
}

static void on_process(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct process_view *v = u->process;

    if (!v || (uintptr_t)ctx != u->process_serial)
        return;
    if (error) {
        v->error = xstrdup(error_text(error));
        return;
    }
    v->answer = json_incref((json_t *)result);
    lay_out(v);
}

static void process_draw(struct ui *u, struct overlay *o)
{
    struct process_view *v = o->state;
    const json_t *p = json_object_get(v->answer, "process");
    int h = u->height - 2;

    for (int y = 0; y < u->height; y++)
        fill(y, 0, u->width, LOOK_TEXT, ' ');
    fill(0, 0, u->width, LOOK_TITLE, ' ');
    if (p)
        text_putf(0, 1, u->width - 2, LOOK_TITLE, "process %lld (%s) at event #%s",
                  number(p, "pid"), word(p, "name"), rpc_get_str(v->answer, "number"));
    else
        text_puts(2, 2, u->width - 4, v->error ? LOOK_WARN : LOOK_DIM,
                  v->error ? v->error : "looking…");
    table_fit(&v->t, h);
    for (int i = 0; i < h && v->t.top + (size_t)i < v->lines.n; i++) {
        const struct process_line *l = &v->lines.v[v->t.top + (size_t)i];
        bool on = v->t.top + (size_t)i == v->t.cursor;

        if (on)
            fill(1 + i, 0, u->width, LOOK_CURSOR, ' ');
        text_puts(1 + i, 1, u->width - 2,
                  on                                    ? LOOK_CURSOR
                  : l->kind == LINE_HEAD                ? LOOK_HEAD
                  : l->kind == LINE_WORDS               ? LOOK_TEXT
                  : rpc_get_bool(l->row, "here", false) ? LOOK_STRONG
                                                        : LOOK_TEXT,
                  l->text);
    }
    text_puts(u->height - 1, 1, u->width - 2, LOOK_KEY,
              "Enter: the events of the process or the descriptor  q back");
}

/* The events of what the cursor is on. */
static void enter(struct process_view *v)
{
    struct ui *u = v->u;
    const struct process_line *l = v->t.cursor < v->lines.n ? &v->lines.v[v->t.cursor] : NULL;
    char clause[120];

    if (!l || !l->row)
        return;
    if (l->kind == LINE_PROCESS)
        snprintf(clause, sizeof(clause), "proc.pid = %lld", number(l->row, "pid"));
    else
        snprintf(clause, sizeof(clause), "proc.pid = %lld and fd.num = %lld", number(l->row, "pid"),
                 number(l->row, "fd"));
    overlay_close(u);
    place_push(u);
    screen_go(u, SCREEN_EVENTS);
    filter_apply(u, clause);
}

static bool process_key(struct ui *u, struct overlay *o, int key, bool is_char)
{
    struct process_view *v = o->state;

    if ((is_char && (key == 27 || key == 3 || key == 'q' || key == 127)) ||
        (!is_char && key == KEY_BACKSPACE))
        overlay_close(u);
    else if (!table_key(&v->t, key, is_char, u->height - 2) && is_char &&
             (key == '\r' || key == '\n'))
        enter(v);
    return true;
}

static void process_fini(struct overlay *o)
{
    struct process_view *v = o->state;

    for (size_t i = 0; i < v->lines.n; i++)
        free(v->lines.v[i].text);
    vec_free(&v->lines);
    json_decref(v->answer);
    free(v->error);
    v->u->process = NULL;
    v->u->process_serial++;
    free(v);
}

void process_open(struct ui *u, int arg)
{
    struct process_view *v;
    struct overlay o = {process_draw, process_key, process_fini, NULL, true};
    uint64_t event = event_here(u);
    json_t *q;

    UNUSED(arg);
    if (!event) {
        notice(u, LOOK_WARN, "no event is under the cursor");
        return;
    }
    v = xcalloc(1, sizeof(*v));
    v->u = u;
    u->process = v;
    o.state = v;
    overlay_open(u, &o);
    q = json_object();
    event_ask(q, event);
    ask(u, "process", q, on_process, (void *)u->process_serial);
}
