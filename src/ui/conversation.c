/* A conversation: what passed through a descriptor, over a connection or through a process, in front of
 * the screens; each piece leads to its event. */
#include <ncurses.h>

#include "internal.h"

#define PIECES_MAX   20000 /* that are shown; all are saved */
#define ASK_AGAIN_NS (200 * NS_PER_MS)

enum form { FORM_TEXT, FORM_HEX, FORM_JSON, FORM_COUNT };

static const char *const form_names[] = {"text", "hex", "JSON"};
static const char *const kinds[] = {"fd", "connection", "process"};
static const char *const kind_words[] = {"descriptor", "connection", "process"};
static const char *const directions[] = {"", "in", "out"};

struct talk_line {
    uint32_t piece, at, len; /* len UINT32_MAX: the head of the piece */
};

struct talk {
    struct ui *u;
    uint64_t event; /* it was asked for at */
    int kind, direction;
    enum form form;
    char *title, *error;
    uint64_t selection, next;
    bool asking, searching, more;
    uint64_t ask_at; /* time_mono() from which it may be asked again */
    VEC(json_t *) pieces;
    VEC(char *) texts; /* of each piece in the form at hand */
    VEC(struct talk_line) lines;
    int width;
    struct table t;
    char *search;
};

/* ---- asking -------------------------------------------------------------------------------------- */

static void ask_pieces(struct talk *k);

/* Answers come after it may have been closed, or asked for another kind. */
static struct talk *talk_of(struct ui *u, void *ctx)
{
    return u->talk && (uintptr_t)ctx == u->talk_serial ? u->talk : NULL;
}

static void *serial(const struct talk *k)
{
    return (void *)k->u->talk_serial;
}

static void lay_out_from(struct talk *k, size_t piece);

static void on_pieces(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct talk *k = talk_of(u, ctx);
    size_t before, i;
    json_t *p;

    if (!k)
        return;
    k->asking = false;
    if (error) {
        free(k->error);
        k->error = xstrdup(error_text(error));
        return;
    }
    before = k->pieces.n;
    json_array_foreach(json_object_get(result, "pieces"), i, p)
        vec_push(&k->pieces, json_incref(p));
    k->next = rpc_u64_or(result, "next", k->next);
    k->more = rpc_get_bool(result, "more", false);
    k->searching = rpc_get_bool(result, "searching", false);
    k->ask_at = time_mono() + (k->more ? 0 : ASK_AGAIN_NS);
    lay_out_from(k, before);
}

static void ask_pieces(struct talk *k)
{
    if (k->asking || !k->selection || k->pieces.n >= PIECES_MAX || time_mono() < k->ask_at ||
        !(k->more || k->searching))
        return;
    k->asking = true;
    ask(k->u, "conversation",
        json_pack("{so so}", "selection", rpc_u64(k->selection), "from", rpc_u64(k->next)),
        on_pieces, serial(k));
}

static void on_selected(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct talk *k = talk_of(u, ctx);

    if (!k || error)
        return;
    k->selection = rpc_u64_or(result, "selection", 0);
    k->searching = true;
    ask_pieces(k);
}

static void on_subject(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct talk *k = talk_of(u, ctx);

    if (!k)
        return;
    if (error) {
        free(k->error);
        k->error = xstrdup(error_text(error));
        return;
    }
    free(k->title);
    k->title = xstrdup(rpc_get_str(result, "title"));
    ask(u, "select", json_pack("{sO}", "filter", json_object_get(result, "filter")), on_selected,
        serial(k));
}

static void forget_pieces(struct talk *k)
{
    for (size_t i = 0; i < k->pieces.n; i++)
        json_decref(k->pieces.v[i]);
    for (size_t i = 0; i < k->texts.n; i++)
        free(k->texts.v[i]);
    k->pieces.n = k->texts.n = k->lines.n = 0;
}

static void start(struct talk *k)
{
    json_t *q = json_pack("{ss}", "kind", kinds[k->kind]);

    if (k->selection)
        ask(k->u, "select/drop", json_pack("{so}", "selection", rpc_u64(k->selection)), NULL, NULL);
    forget_pieces(k);
    free(k->error);
    k->error = NULL;
    k->selection = k->next = k->ask_at = 0;
    k->asking = k->more = k->searching = false;
    k->t = (struct table){0};
    k->u->talk_serial++;
    event_ask(q, k->event);
    ask(k->u, "conversation/of", q, on_subject, serial(k));
}

/* ---- lines ----------------------------------------------------------------------------------------- */

static bool shown(const struct talk *k, const json_t *p)
{
    const char *d = rpc_get_str(p, "direction");

    return k->direction == 0 || (d && str_eq(d, directions[k->direction]));
}

static char *hex_text(const char *s, size_t n)
{
    struct buf b;

    buf_init(&b, SIZE_MAX);
    for (size_t at = 0; at < n; at += 16) {
        buf_addf(&b, "%06zx ", at);
        for (size_t i = 0; i < 16; i++) {
            if (at + i < n)
                buf_addf(&b, " %02x", (unsigned char)s[at + i]);
            else
                buf_adds(&b, "   ");
        }
        buf_adds(&b, "  ");
        for (size_t i = 0; i < 16 && at + i < n; i++)
            buf_addc(&b, s[at + i] >= ' ' && s[at + i] < 127 ? s[at + i] : '.');
        buf_addc(&b, '\n');
    }
    return buf_steal(&b);
}

static char *piece_text(const struct talk *k, const json_t *p)
{
    struct buf bytes, safe;
    json_t *doc;
    char *text;

    buf_init(&bytes, SIZE_MAX);
    buf_init(&safe, SIZE_MAX);
    rpc_text_bytes(json_object_get(p, "data"), &bytes);
    if (k->form == FORM_HEX) {
        text = hex_text(buf_str(&bytes), bytes.len);
        buf_fini(&bytes);
        return text;
    }
    doc = k->form == FORM_JSON ? json_loadb(buf_str(&bytes), bytes.len, 0, NULL) : NULL;
    text = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
    json_decref(doc);
    if (text) {
        buf_fini(&bytes);
        return text;
    }
    for (size_t at = 0; at < bytes.len;) { /* lines stay lines */
        char *end = memchr(bytes.data + at, '\n', bytes.len - at);
        size_t n = end ? (size_t)(end - bytes.data) - at : bytes.len - at,
               bare = n && bytes.data[at + n - 1] == '\r' ? n - 1 : n;

        text_make_visible(&safe, bytes.data + at, bare);
        buf_addc(&safe, '\n');
        at += n + 1;
    }
    buf_fini(&bytes);
    return buf_steal(&safe);
}

/* Lines of a piece's text, those that are too long cut into several. */
static void cut(struct talk *k, uint32_t piece, const char *s)
{
    size_t at = 0, n = strlen(s);
    int width = MAX_OF(k->width - 4, 8);

    while (at < n) {
        size_t len = strcspn(s + at, "\n"), fits = 0;

        while (fits < len && text_width(s + at, fits + 1) <= width)
            fits++;
        while (fits < len && fits > 1 && ((unsigned char)s[at + fits] & 0xc0) == 0x80)
            fits--;
        vec_push(&k->lines, ((struct talk_line){piece, (uint32_t)at, (uint32_t)fits}));
        at += fits == len ? len + 1 : MAX_OF(fits, (size_t)1);
    }
}

static void lay_out_from(struct talk *k, size_t piece)
{
    for (size_t i = piece; i < k->pieces.n; i++) {
        vec_push(&k->texts, piece_text(k, k->pieces.v[i]));
        if (!shown(k, k->pieces.v[i]))
            continue;
        vec_push(&k->lines, ((struct talk_line){(uint32_t)i, 0, UINT32_MAX}));
        cut(k, (uint32_t)i, k->texts.v[i]);
    }
    k->t.n = k->lines.n;
    table_clamp(&k->t);
}

/* All of them anew; the cursor stays at its piece. */
static void lay_out(struct talk *k)
{
    uint32_t piece = k->t.cursor < k->lines.n ? k->lines.v[k->t.cursor].piece : 0;

    for (size_t i = 0; i < k->texts.n; i++)
        free(k->texts.v[i]);
    k->texts.n = k->lines.n = 0;
    lay_out_from(k, 0);
    for (size_t i = 0; i < k->lines.n; i++) {
        if (k->lines.v[i].piece >= piece) {
            k->t.cursor = i;
            break;
        }
    }
}

/* ---- drawing --------------------------------------------------------------------------------------- */

static enum look look_of(const json_t *p)
{
    const char *d = rpc_get_str(p, "direction");

    return d && str_eq(d, "in") ? LOOK_VALUE : d && str_eq(d, "out") ? LOOK_GOOD : LOOK_DIM;
}

static void draw_head(const struct talk *k, const json_t *p, int y, int w, bool on)
{
    const char *d = rpc_get_str(p, "direction"), *error = rpc_get_str(p, "error"),
               *name = rpc_get_str(p, "name");
    size_t have = json_string_length(json_object_get(p, "data"));
    uint64_t size = rpc_u64_or(p, "size", 0);
    struct buf bytes;
    char time[40], more[60] = "";
    int head;

    if (json_is_object(json_object_get(p, "data"))) {
        buf_init(&bytes, SIZE_MAX);
        rpc_text_bytes(json_object_get(p, "data"), &bytes);
        have = bytes.len;
        buf_fini(&bytes);
    }
    if (on)
        fill(y, 0, w, LOOK_CURSOR, ' ');
    if (error)
        snprintf(more, sizeof(more), "  %s", error);
    else if (*d && size != have)
        snprintf(more, sizeof(more), "  %llu B, %zu captured", (unsigned long long)size, have);
    else if (*d)
        snprintf(more, sizeof(more), "  %llu B", (unsigned long long)size);
    head = text_putf(y, 1, w - 1, on ? LOOK_CURSOR : LOOK_HEAD, "%s %s%s%s",
                     rpc_get_str(p, "number"), w < 70 ? "" : " ",
                     w < 70 ? "" : time_text(k->u, rpc_u64_or(p, "ts", 0), TIME_CLOCK, time),
                     w < 70 ? "" : " ");
    head += 1 + text_putf(y, 1 + head, w - 1 - head, on ? LOOK_CURSOR : LOOK_HEAD, "%s %s ",
                          *d == 'i'   ? sign("←", "<")
                          : *d == 'o' ? sign("→", ">")
                                      : " ",
                          rpc_get_str(p, "type"));
    head = w < 70 ? head + 1 : MAX_OF(head + 1, 42);
    text_putf(y, head, w - head, on ? LOOK_CURSOR : LOOK_DIM, "%s%s", name ? name : "", more);
}

static void talk_draw(struct ui *u, struct overlay *o)
{
    struct talk *k = o->state;
    int h = u->height - 3;

    if (k->width != u->width) {
        k->width = u->width;
        lay_out(k);
    }
    ask_pieces(k);
    for (int y = 0; y < u->height; y++)
        fill(y, 0, u->width, LOOK_TEXT, ' ');
    fill(0, 0, u->width, LOOK_TITLE, ' ');
    text_putf(0, 1, u->width - 2, LOOK_TITLE, "%s", k->title ? k->title : "conversation");
    text_putf(1, 1, u->width - 2, LOOK_DIM, "%s%s  as %s  %zu pieces%s", kind_words[k->kind],
              k->direction ? k->direction == 1 ? ", received only" : ", sent only" : "",
              form_names[k->form], k->pieces.n,
              k->pieces.n >= PIECES_MAX ? " (w saves all)"
              : k->searching || k->more ? ", searching…"
                                        : "");
    if (k->error)
        text_puts(3, 2, u->width - 4, LOOK_WARN, k->error);
    table_fit(&k->t, h);
    for (int i = 0; i < h && k->t.top + (size_t)i < k->lines.n; i++) {
        const struct talk_line *l = &k->lines.v[k->t.top + (size_t)i];
        bool on = k->t.top + (size_t)i == k->t.cursor;

        if (l->len == UINT32_MAX) {
            draw_head(k, k->pieces.v[l->piece], 2 + i, u->width, on);
        } else {
            if (on)
                fill(2 + i, 0, u->width, LOOK_CURSOR, ' ');
            text_put(2 + i, 3, u->width - 3, on ? LOOK_CURSOR : look_of(k->pieces.v[l->piece]),
                     k->texts.v[l->piece] + l->at, l->len);
        }
    }
    if (time_mono() < u->notice_until && *u->notice)
        text_puts(u->height - 1, 1, u->width - 2, u->notice_look, u->notice);
    else
        text_puts(
            u->height - 1, 1, u->width - 2, LOOK_KEY,
            "Enter event  m form  d direction  1 descriptor 2 connection 3 process  / find n next  "
            "y copy  w save  q back");
}

/* ---- keys ------------------------------------------------------------------------------------------ */

static void find_next(struct talk *k, size_t from)
{
    for (size_t i = 0; k->search && i < k->lines.n; i++) {
        size_t at = (from + i) % k->lines.n;
        const struct talk_line *l = &k->lines.v[at];
        char *line;
        bool hit;

        if (l->len == UINT32_MAX)
            continue;
        line = xstrndup(k->texts.v[l->piece] + l->at, l->len);
        hit = strcasestr(line, k->search) != NULL;
        free(line);
        if (hit) {
            k->t.cursor = at;
            return;
        }
    }
    notice(k->u, LOOK_WARN, "it does not hold “%s”", k->search ? k->search : "");
}

static void on_search(struct ui *u, const char *text, void *ctx)
{
    struct talk *k = talk_of(u, ctx);

    if (!k || !*text)
        return;
    history_add(&u->search_history, text);
    free(k->search);
    k->search = xstrdup(text);
    find_next(k, k->t.cursor);
}

static void on_saved(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    char n[32];

    UNUSED(ctx);
    if (error)
        notice(u, LOOK_BAD, "%s", error_text(error));
    else
        notice(u, LOOK_GOOD, "%s bytes are in %s", text_count(rpc_u64_or(result, "bytes", 0), n),
               rpc_get_str(result, "path"));
}

static void on_path(struct ui *u, const char *text, void *ctx)
{
    struct talk *k = talk_of(u, ctx);

    if (!k || !*text)
        return;
    history_add(&u->path_history, text);
    ask(u, "conversation/save",
        json_pack("{so so ss}", "selection", rpc_u64(k->selection), "path", rpc_str(text),
                  "direction", directions[k->direction]),
        on_saved, NULL);
}

static void copy_piece(struct talk *k)
{
    struct buf bytes;

    if (k->t.cursor >= k->lines.n)
        return;
    buf_init(&bytes, SIZE_MAX);
    rpc_text_bytes(json_object_get(k->pieces.v[k->lines.v[k->t.cursor].piece], "data"), &bytes);
    term_copy(buf_str(&bytes), bytes.len);
    notice(k->u, LOOK_TEXT, "%zu bytes are copied", bytes.len);
    buf_fini(&bytes);
}

static void to_event(struct talk *k)
{
    struct ui *u = k->u;
    const json_t *p;
    uint64_t number;

    if (k->t.cursor >= k->lines.n)
        return;
    p = k->pieces.v[k->lines.v[k->t.cursor].piece];
    number = rpc_u64_or(p, "number", 0);
    overlay_close(u);
    place_push(u);
    screen_go(u, SCREEN_EVENTS);
    events_jump(u, number);
}

static void take_char(struct talk *k, int key)
{
    struct ui *u = k->u;

    switch (key) {
    case '\r':
    case '\n':
        to_event(k);
        break;
    case 'm':
        k->form = (k->form + 1) % FORM_COUNT;
        lay_out(k);
        break;
    case 'd':
        k->direction = (k->direction + 1) % (int)COUNT_OF(directions);
        lay_out(k);
        break;
    case '1':
    case '2':
    case '3':
        k->kind = key - '1';
        start(k);
        break;
    case '/':
        prompt_open(u, "find in the conversation", "", &u->search_history, on_search, serial(k));
        break;
    case 'n':
        find_next(k, k->t.cursor + 1);
        break;
    case 'y':
        copy_piece(k);
        break;
    case 'w':
        prompt_open(u, "save its bytes to", "", &u->path_history, on_path, serial(k));
        break;
    default:
        break;
    }
}

static bool talk_key(struct ui *u, struct overlay *o, int key, bool is_char)
{
    struct talk *k = o->state;

    if (is_char && (key == 27 || key == 3 || key == 'q' || key == 127))
        overlay_close(u);
    else if (!is_char && key == KEY_BACKSPACE)
        overlay_close(u);
    else if (!table_key(&k->t, key, is_char, u->height - 3) && is_char)
        take_char(k, key);
    return true;
}

static void talk_fini(struct overlay *o)
{
    struct talk *k = o->state;
    struct ui *u = k->u;

    if (k->selection && engine_is_up(u))
        ask(u, "select/drop", json_pack("{so}", "selection", rpc_u64(k->selection)), NULL, NULL);
    forget_pieces(k);
    vec_free(&k->pieces);
    vec_free(&k->texts);
    vec_free(&k->lines);
    free(k->title);
    free(k->error);
    free(k->search);
    free(k);
    u->talk = NULL;
    u->talk_serial++;
}

void conversation_open(struct ui *u, int arg)
{
    struct talk *k;
    struct overlay o = {talk_draw, talk_key, talk_fini, NULL, true};
    uint64_t event = event_here(u);

    UNUSED(arg);
    if (!event) {
        notice(u, LOOK_WARN, "no event is under the cursor");
        return;
    }
    k = xcalloc(1, sizeof(*k));
    k->u = u;
    k->event = event;
    k->width = u->width;
    u->talk = k;
    o.state = k;
    overlay_open(u, &o);
    start(k);
}
