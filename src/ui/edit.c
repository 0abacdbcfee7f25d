/* A line that is edited, with the keys of readline. */
#include <ncurses.h>

#include "internal.h"

#define EDIT_MAX    ((size_t)1 << 20)
#define HISTORY_MAX 200

void edit_init(struct edit *e, const char *text, struct str_list *history)
{
    memset(e, 0, sizeof(*e));
    buf_init(&e->text, EDIT_MAX);
    e->history = history;
    edit_set(e, text ? text : "");
    e->history_at = history ? history->n : 0;
}

void edit_fini(struct edit *e)
{
    buf_fini(&e->text);
    free(e->draft);
    e->draft = NULL;
}

void edit_set(struct edit *e, const char *text)
{
    buf_reset(&e->text);
    buf_adds(&e->text, text);
    e->cursor = e->text.len;
}

static size_t left_of(const struct edit *e, size_t at)
{
    while (at > 0 && ((unsigned char)e->text.data[--at] & 0xc0) == 0x80)
        ;
    return at;
}

static size_t right_of(const struct edit *e, size_t at)
{
    if (at < e->text.len)
        at++;
    while (at < e->text.len && ((unsigned char)e->text.data[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static bool word_byte(char c)
{
    return c == '_' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c < 0;
}

static size_t word_left(const struct edit *e)
{
    size_t at = e->cursor;

    while (at > 0 && !word_byte(e->text.data[at - 1]))
        at--;
    while (at > 0 && word_byte(e->text.data[at - 1]))
        at--;
    return at;
}

static size_t word_right(const struct edit *e)
{
    size_t at = e->cursor;

    while (at < e->text.len && !word_byte(e->text.data[at]))
        at++;
    while (at < e->text.len && word_byte(e->text.data[at]))
        at++;
    return at;
}

static void cut(struct edit *e, size_t from, size_t to)
{
    if (!e->text.data)
        return;
    memmove(e->text.data + from, e->text.data + to, e->text.len - to + 1);
    e->text.len -= to - from;
    e->cursor = from;
}

static void insert(struct edit *e, const char *p, size_t n)
{
    if (!buf_reserve(&e->text, n))
        return;
    memmove(e->text.data + e->cursor + n, e->text.data + e->cursor, e->text.len - e->cursor);
    memcpy(e->text.data + e->cursor, p, n);
    e->text.len += n;
    e->text.data[e->text.len] = '\0';
    e->cursor += n;
}

void edit_replace(struct edit *e, size_t start, const char *text)
{
    cut(e, MIN_OF(start, e->cursor), e->cursor);
    insert(e, text, strlen(text));
}

/* But for blanks at the end. */
static bool same_text(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);

    while (n && a[n - 1] == ' ')
        n--;
    while (m && b[m - 1] == ' ')
        m--;
    return n == m && memcmp(a, b, n) == 0;
}

static bool walk_history(struct edit *e, int dir)
{
    size_t n = e->history ? e->history->n : 0;

    if ((dir < 0 && e->history_at == 0) || (dir > 0 && e->history_at >= n) || n == 0)
        return false;
    if (e->history_at == n) {
        free(e->draft);
        e->draft = xstrdup(buf_str(&e->text));
        if (e->history_at > 1 && same_text(e->draft, e->history->v[n - 1]))
            e->history_at--; /* what stands there already is no step back */
    }
    e->history_at = dir < 0 ? e->history_at - 1 : e->history_at + 1;
    edit_set(e, e->history_at == n ? (e->draft ? e->draft : "") : e->history->v[e->history_at]);
    return true;
}

/* Back to the line before that holds what was typed; again: further. */
static bool search_history(struct edit *e)
{
    size_t n = e->history ? e->history->n : 0, i = e->history_at;

    if (i == n) {
        free(e->draft);
        e->draft = xstrdup(buf_str(&e->text));
        for (size_t len = strlen(e->draft); len && e->draft[len - 1] == ' ';)
            e->draft[--len] = '\0';
    }
    while (i-- > 0) {
        if (strcasestr(e->history->v[i], e->draft ? e->draft : "")) {
            e->history_at = i;
            edit_set(e, e->history->v[i]);
            return true;
        }
    }
    return false;
}

void history_add(struct str_list *h, const char *text)
{
    if (!*text || (h->n && str_eq(h->v[h->n - 1], text)))
        return;
    for (size_t i = 0; i < h->n; i++) { /* the newest place counts */
        if (str_eq(h->v[i], text)) {
            free(h->v[i]);
            memmove(&h->v[i], &h->v[i + 1], (h->n - i - 1) * sizeof(*h->v));
            h->n--;
            break;
        }
    }
    if (h->n >= HISTORY_MAX) {
        free(h->v[0]);
        memmove(&h->v[0], &h->v[1], (h->n - 1) * sizeof(*h->v));
        h->n--;
    }
    str_list_add(h, text);
}

#define CTRL(c) ((c)&0x1f)

static enum edit_result move_to(struct edit *e, size_t at)
{
    e->cursor = at;
    return EDIT_MOVED;
}

static enum edit_result cut_to(struct edit *e, size_t from, size_t to)
{
    if (from == to)
        return EDIT_MOVED;
    cut(e, from, to);
    return EDIT_CHANGED;
}

static enum edit_result special_key(struct edit *e, int key)
{
    switch (key) {
    case KEY_LEFT:
    case CTRL('B'):
        return move_to(e, left_of(e, e->cursor));
    case KEY_RIGHT:
    case CTRL('F'):
        return move_to(e, right_of(e, e->cursor));
    case KEY_HOME:
    case CTRL('A'):
        return move_to(e, 0);
    case KEY_END:
    case CTRL('E'):
        return move_to(e, e->text.len);
    case KEY_SLEFT:
        return move_to(e, word_left(e));
    case KEY_SRIGHT:
        return move_to(e, word_right(e));
    case KEY_BACKSPACE:
    case CTRL('H'):
    case 127:
        return cut_to(e, left_of(e, e->cursor), e->cursor);
    case KEY_DC:
    case CTRL('D'):
        return cut_to(e, e->cursor, right_of(e, e->cursor));
    case CTRL('W'):
        return cut_to(e, word_left(e), e->cursor);
    case CTRL('U'):
        return cut_to(e, 0, e->cursor);
    case CTRL('K'):
        return cut_to(e, e->cursor, e->text.len);
    case KEY_UP:
    case CTRL('P'):
        return walk_history(e, -1) ? EDIT_CHANGED : EDIT_MOVED;
    case CTRL('R'):
        return search_history(e) ? EDIT_CHANGED : EDIT_MOVED;
    case KEY_DOWN:
    case CTRL('N'):
        return walk_history(e, 1) ? EDIT_CHANGED : EDIT_MOVED;
    default:
        return EDIT_IGNORED;
    }
}

enum edit_result edit_key(struct edit *e, int key, bool is_char)
{
    char bytes[4];

    if (!is_char || key < 0x20 || key == 127)
        return special_key(e, key);
    size_t n = utf8_encode((uint32_t)key, bytes);

    insert(e, bytes, n);
    return EDIT_CHANGED;
}
