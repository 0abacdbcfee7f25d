/* The payload of an event: as a JSON tree, as text, as bytes. */
#include <ncurses.h>

#include "internal.h"

#define PAYLOAD_MAX   ((uint64_t)4 << 20)
#define NODES_MAX     200000
#define UNFOLDED_DEEP 3 /* levels that are open at first */

static size_t text_len(const struct payload_view *p)
{
    return p->data.len ? strnlen(p->data.data, p->data.len) : 0;
}

/* ---- the tree -------------------------------------------------------------------------------- */

static void list_nodes(struct payload_view *p)
{
    size_t n = p->scan.nodes.n;

    p->nodes.n = 0;
    for (uint32_t i = 0; i < n;) {
        const struct json_node *node = &p->scan.nodes.v[i];

        vec_push(&p->nodes, i);
        i = node->kind <= JSON_KIND_ARRAY && p->folded[i] ? node->next : i + 1;
    }
    p->t.n = p->nodes.n;
    table_clamp(&p->t);
}

static void read_tree(struct payload_view *p)
{
    json_scan_fini(&p->scan);
    json_scan_init(&p->scan);
    json_scan(&p->scan, buf_str(&p->data), text_len(p), NODES_MAX);
    p->is_json = p->scan.nodes.n > 0 && p->scan.nodes.v[0].kind <= JSON_KIND_ARRAY;
    free(p->folded);
    p->folded = xcalloc(p->scan.nodes.n + 1, 1);
    for (size_t i = 0; i < p->scan.nodes.n; i++)
        p->folded[i] = p->scan.nodes.v[i].depth >= UNFOLDED_DEEP;
    list_nodes(p);
}

static bool is_container(const struct payload_view *p, uint32_t node)
{
    return p->scan.nodes.v[node].kind <= JSON_KIND_ARRAY;
}

static void draw_node(struct payload_view *p, uint32_t node, int y, struct rect r, bool on)
{
    const struct json_node *n = &p->scan.nodes.v[node];
    const char *text = buf_str(&p->data);
    enum look base = on ? LOOK_CURSOR : LOOK_TEXT;
    int x = r.x + 1 + (int)n->depth * 2, used = 0;

    if (on)
        fill(y, r.x, r.w, base, ' ');
    x = MIN_OF(x, r.x + r.w / 2);
    text_puts(y, x, 2, on ? base : LOOK_DIM,
              is_container(p, node) ? (p->folded[node] ? sign("▸", "+") : sign("▾", "-")) : " ");
    x += 2;
    if (n->key_end > n->key_start)
        used = text_put(y, x, r.x + r.w - x, on ? base : LOOK_FIELD, text + n->key_start,
                        n->key_end - n->key_start);
    else if (n->parent != UINT32_MAX)
        used = text_putf(y, x, r.x + r.w - x, on ? base : LOOK_DIM, "[%u]", n->index);
    x += used + (used ? 2 : 0);
    if (is_container(p, node)) {
        uint32_t count = 0;

        for (uint32_t c = node + 1; c < n->next; c = p->scan.nodes.v[c].next)
            count++;
        text_putf(y, x, r.x + r.w - x, on ? base : LOOK_DIM,
                  n->kind == JSON_KIND_OBJECT ? "{%u}" : "[%u]", count);
    } else {
        text_put(y, x, r.x + r.w - x,
                 on                            ? base
                 : n->kind == JSON_KIND_STRING ? LOOK_VALUE
                                               : LOOK_NUMBER,
                 text + n->start, n->end - n->start);
    }
}

static void draw_tree(struct payload_view *p, struct rect r, bool focus)
{
    int rows = r.h - (p->scan.complete ? 0 : 1);

    table_fit(&p->t, rows);
    for (int i = 0; i < rows && p->t.top + (size_t)i < p->nodes.n; i++)
        draw_node(p, p->nodes.v[p->t.top + (size_t)i], r.y + i, r,
                  focus && p->t.top + (size_t)i == p->t.cursor);
    if (!p->scan.complete)
        text_putf(r.y + r.h - 1, r.x + 1, r.w - 1, LOOK_WARN,
                  "the JSON goes wrong, or ends, at byte %u", p->scan.error_at);
}

/* ---- text and bytes -------------------------------------------------------------------------- */

/* Lines as they are, those that are too long cut where the pane ends. */
static void cut_lines(struct payload_view *p, int width)
{
    const char *s = buf_str(&p->data);
    size_t n = p->data.len, at = 0;

    if (p->line_width == width)
        return;
    p->line_width = width;
    p->line_at.n = 0;
    while (at < n) {
        size_t len = 0, end = at;

        vec_push(&p->line_at, at);
        while (end < n && s[end] != '\n' && (int)len < width) {
            uint32_t cp;
            size_t used = utf8_decode(s + end, n - end, &cp);

            len += (size_t)text_width(s + end, used ? used : 1);
            end += used ? used : 1;
        }
        at = end + (end < n && s[end] == '\n');
    }
    p->text.n = p->line_at.n;
}

static void draw_text(struct payload_view *p, struct rect r)
{
    cut_lines(p, MAX_OF(r.w - 2, 1));
    table_fit(&p->text, r.h);
    for (int i = 0; i < r.h && p->text.top + (size_t)i < p->line_at.n; i++) {
        size_t k = p->text.top + (size_t)i, from = p->line_at.v[k];
        size_t to = k + 1 < p->line_at.n ? p->line_at.v[k + 1] : p->data.len;

        if (to > from && p->data.data[to - 1] == '\n')
            to--;
        text_put(r.y + i, r.x + 1, r.w - 1, LOOK_TEXT, p->data.data + from, to - from);
    }
}

static void hex_row(const struct payload_view *p, size_t at, size_t per, char out[200])
{
    size_t n = MIN_OF(per, p->data.len - at), o = 0;

    o += (size_t)snprintf(out, 200, "%08zx ", at);
    for (size_t i = 0; i < per; i++)
        o += (size_t)snprintf(out + o, 200 - o, i < n ? "%s%02x" : "%s  ", i % 8 == 0 ? "  " : " ",
                              i < n ? (unsigned char)p->data.data[at + i] : 0);
    o += (size_t)snprintf(out + o, 200 - o, "  ");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p->data.data[at + i];

        out[o++] = c >= 0x20 && c < 0x7f ? (char)c : '.';
    }
    out[o] = '\0';
}

static void draw_hex(struct payload_view *p, struct rect r)
{
    size_t per = r.w >= 79 ? 16 : r.w >= 46 ? 8 : 4;
    char row[200];

    p->text.n = (p->data.len + per - 1) / per;
    table_fit(&p->text, r.h);
    for (int i = 0; i < r.h && p->text.top + (size_t)i < p->text.n; i++) {
        hex_row(p, (p->text.top + (size_t)i) * per, per, row);
        text_puts(r.y + i, r.x + 1, r.w - 1, LOOK_TEXT, row);
    }
}

static enum payload_mode mode_now(const struct payload_view *p)
{
    return p->mode == PAYLOAD_JSON && !p->is_json ? PAYLOAD_TEXT : p->mode;
}

void payload_draw(struct ui *u, struct rect r)
{
    static const char *const names[] = {"JSON", "text", "hex"};
    struct payload_view *p = &u->payload;
    bool focus = u->events.pane == PANE_PAYLOAD;
    enum payload_mode mode = mode_now(p);
    char size[32];
    int x;

    rule_line(r.y, r.x, r.w, focus ? LOOK_HEAD : LOOK_DIM);
    x = r.x + 2 +
        text_putf(r.y, r.x + 2, r.w - 3, focus ? LOOK_STRONG : LOOK_HEAD, " payload %s ",
                  text_bytes(p->size, size));
    for (int i = 0; i < 3; i++)
        x += text_putf(r.y, x + 1, r.x + r.w - x - 1, (int)mode == i ? LOOK_CELL : LOOK_DIM, " %s ",
                       names[i]);
    r.y++;
    r.h--;
    if (!p->have) {
        text_puts(r.y, r.x + 2, r.w - 2, LOOK_DIM, sign("…", "..."));
        return;
    }
    if (p->size == 0) {
        text_puts(r.y, r.x + 2, r.w - 2, LOOK_DIM, "the payload is empty");
        return;
    }
    if (mode == PAYLOAD_JSON)
        draw_tree(p, r, focus);
    else if (mode == PAYLOAD_TEXT)
        draw_text(p, r);
    else
        draw_hex(p, r);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void on_payload(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct payload_view *p = &u->payload;
    uint64_t event = (uint64_t)(uintptr_t)ctx;

    p->asking = false;
    if (event != p->event) {
        payload_show(u, p->event);
        return;
    }
    if (error) {
        notice(u, LOOK_BAD, "%s", error_text(error));
        return;
    }
    buf_reset(&p->data);
    rpc_text_bytes(json_object_get(result, "data"), &p->data);
    p->size = rpc_u64_or(result, "size", 0);
    p->have = true;
    p->line_width = 0;
    read_tree(p);
}

void payload_show(struct ui *u, uint64_t event)
{
    json_t *params;
    struct payload_view *p = &u->payload;

    if (p->have && p->event == event && !p->asking)
        return;
    p->event = event;
    if (p->asking || !engine_is_up(u) || event == 0)
        return;
    p->have = false;
    p->asking = true;
    params = json_pack("{so}", "max", rpc_u64(PAYLOAD_MAX));
    event_ask(params, event);
    ask(u, "event/payload", params, on_payload, (void *)(uintptr_t)event);
}

void payload_fini(struct payload_view *p)
{
    buf_fini(&p->data);
    json_scan_fini(&p->scan);
    vec_free(&p->nodes);
    vec_free(&p->line_at);
    free(p->folded);
}

/* ---- keys ------------------------------------------------------------------------------------ */

void payload_mode_next(struct ui *u, int arg)
{
    struct payload_view *p = &u->payload;

    UNUSED(arg);
    p->mode = (enum payload_mode)((mode_now(p) + 1) % 3);
    if (p->mode == PAYLOAD_JSON && !p->is_json)
        p->mode = PAYLOAD_TEXT;
    p->line_width = 0;
    p->text.cursor = p->text.top = 0;
    u->events.payload_open = true;
    u->events.payload_front = true;
    payload_show(u, event_here(u));
}

bool payload_pointer(struct ui *u, struct buf *out)
{
    struct payload_view *p = &u->payload;

    if (mode_now(p) != PAYLOAD_JSON || p->t.cursor >= p->nodes.n)
        return false;
    json_scan_pointer(&p->scan, buf_str(&p->data), p->nodes.v[p->t.cursor], out);
    return true;
}

static void on_node(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    const char *how = rpc_get_str(result, "how");

    UNUSED(ctx);
    if (error) {
        notice(u, LOOK_BAD, "%s", error_text(error));
        return;
    }
    notice(u, LOOK_TEXT, "%s %s", rpc_get_str(result, "field"),
           how && str_eq(how, "offset")  ? "shows this part"
           : how && str_eq(how, "value") ? "has the same value (the plugin gives no place)"
                                         : "takes it by its pointer");
    preview_field(u, u->payload.event, rpc_get_str(result, "field"), -1, NULL);
}

static void toggle(struct payload_view *p, uint32_t node)
{
    size_t before = p->nodes.n;

    p->folded[node] = !p->folded[node];
    list_nodes(p);
    p->t.reveal = p->nodes.n > before ? p->nodes.n - before : 0;
}

void payload_enter(struct ui *u)
{
    struct payload_view *p = &u->payload;
    struct buf pointer;
    uint32_t node;
    json_t *params;

    if (u->detail.clause) {
        filter_apply(u, u->detail.preview_filter);
        return;
    }
    if (mode_now(p) != PAYLOAD_JSON || p->t.cursor >= p->nodes.n)
        return;
    node = p->nodes.v[p->t.cursor];
    if (is_container(p, node)) {
        toggle(p, node);
        return;
    }
    buf_init(&pointer, 1 << 20);
    payload_pointer(u, &pointer);
    params = json_pack("{so}", "pointer", rpc_text(buf_str(&pointer), pointer.len));
    event_ask(params, p->event);
    ask(u, "event/node", params, on_node, NULL);
    buf_fini(&pointer);
}

static bool tree_key(struct ui *u, int key, bool is_char, int height)
{
    struct payload_view *p = &u->payload;
    uint32_t node = p->t.cursor < p->nodes.n ? p->nodes.v[p->t.cursor] : UINT32_MAX;

    if (is_char && (key == '\r' || key == '\n')) {
        payload_enter(u);
        return true;
    }
    if (!is_char && (key == KEY_RIGHT || key == KEY_LEFT) && node != UINT32_MAX) {
        bool open = key == KEY_RIGHT;

        if (is_container(p, node) && p->folded[node] == open)
            toggle(p, node);
        else if (!open && p->scan.nodes.v[node].parent != UINT32_MAX)
            while (p->t.cursor && p->nodes.v[p->t.cursor] != p->scan.nodes.v[node].parent)
                p->t.cursor--;
        return true;
    }
    if (!table_key(&p->t, key, is_char, height))
        return false;
    detail_forget_preview(u);
    return true;
}

bool payload_key(struct ui *u, int key, bool is_char, int height)
{
    struct payload_view *p = &u->payload;

    if (mode_now(p) == PAYLOAD_JSON)
        return tree_key(u, key, is_char, height);
    /* text and bytes scroll: the cursor is the top line */
    if (!table_key(&p->text, key, is_char, height))
        return false;
    p->text.top = p->text.cursor;
    return true;
}
