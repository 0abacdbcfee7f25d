/* Text on the screen. Nothing else writes there what comes from outside. */
#include <langinfo.h>
#include <ncurses.h>
#include <wchar.h>

#include "internal.h"

bool term_is_utf8(void)
{
    return str_eq(nl_langinfo(CODESET), "UTF-8");
}

const char *sign(const char *utf8, const char *ascii)
{
    return term_is_utf8() ? utf8 : ascii;
}

struct glyph {
    char bytes[16]; /* as it is sent; spelt when it is not printable */
    int width;
    size_t used; /* bytes of the source */
};

static void spell(struct glyph *g, const char *fmt, unsigned v)
{
    snprintf(g->bytes, sizeof(g->bytes), fmt, v);
    g->width = (int)strlen(g->bytes);
}

/* What stands for the next character of the source. */
static void next_glyph(const char *s, size_t n, struct glyph *g)
{
    static const char letters[] = "abtnvfr";
    uint32_t cp;
    size_t len = utf8_decode(s, n, &cp);
    int width;

    g->used = len ? len : 1;
    if (!len) {
        spell(g, "\\x%02x", (unsigned char)*s);
        return;
    }
    if (cp >= 7 && cp <= 13) {
        spell(g, "\\%c", (unsigned char)letters[cp - 7]);
        return;
    }
    width = unicode_unsafe(cp) ? -1 : cp < 0x80 ? 1 : term_is_utf8() ? wcwidth((wchar_t)cp) : -1;
    if (width < 0) {
        spell(g, cp < 0x80 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%06x", cp);
        return;
    }
    memcpy(g->bytes, s, len);
    g->bytes[len] = '\0';
    g->width = width;
}

int text_width(const char *s, size_t n)
{
    struct glyph g;
    int width = 0;

    for (size_t i = 0; i < n; i += g.used) {
        next_glyph(s + i, n - i, &g);
        width += g.width;
    }
    return width;
}

int text_put(int y, int x, int width, enum look l, const char *s, size_t n)
{
    const char *more = sign("…", "~");
    struct glyph g;
    int col = 0;

    if (y < 0 || y >= LINES || x >= COLS || width <= 0)
        return 0;
    width = MIN_OF(width, COLS - x);
    look_set(l);
    move(y, x);
    for (size_t i = 0; i < n; i += g.used) {
        next_glyph(s + i, n - i, &g);
        if (col + g.width > width - 1 &&
            text_width(s + i, MIN_OF(n - i, (size_t)4 * (size_t)width + 8)) > width - col) {
            if (col < width) {
                addstr(more);
                col++;
            }
            break;
        }
        addstr(g.bytes);
        col += g.width;
    }
    attrset(A_NORMAL);
    return col;
}

int text_puts(int y, int x, int width, enum look l, const char *s)
{
    return text_put(y, x, width, l, s, strlen(s));
}

int text_putf(int y, int x, int width, enum look l, const char *fmt, ...)
{
    va_list ap;
    char *s;
    int col;

    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0)
        s = NULL;
    va_end(ap);
    col = s ? text_puts(y, x, width, l, s) : 0;
    free(s);
    return col;
}

void text_right(int y, int x, int width, enum look l, const char *s)
{
    int w = text_width(s, strlen(s));

    text_puts(y, x + MAX_OF(width - w, 0), MIN_OF(w, width), l, s);
}

int text_put_tail(int y, int x, int width, enum look l, const char *s, size_t n)
{
    size_t from = 0;
    struct glyph g;
    int used;

    if (text_width(s, n) <= width)
        return text_put(y, x, width, l, s, n);
    while (from < n && text_width(s + from, n - from) > width - 1) {
        next_glyph(s + from, n - from, &g);
        from += g.used;
    }
    used = text_puts(y, x, 1, l, sign("…", "~"));
    return used + text_put(y, x + used, width - used, l, s + from, n - from);
}

/* The terminal's cursor: ncurses has one for the whole process. */
static struct {
    int y, x;
    bool wanted, known, shown;
} cursor;

void cursor_want(int y, int x)
{
    cursor.y = y;
    cursor.x = x;
    cursor.wanted = true;
}

void cursor_forget(void)
{
    cursor.known = false;
}

void cursor_apply(void)
{
    if (!cursor.known || cursor.shown != cursor.wanted)
        curs_set(cursor.wanted);
    if (cursor.wanted)
        move(cursor.y, cursor.x);
    cursor.known = true;
    cursor.shown = cursor.wanted;
    cursor.wanted = false;
}

void fill(int y, int x, int width, enum look l, char c)
{
    if (y < 0 || y >= LINES || x >= COLS)
        return;
    look_set(l);
    mvhline(y, x, (chtype)(unsigned char)c, MIN_OF(width, COLS - x));
    attrset(A_NORMAL);
}

void rule_line(int y, int x, int width, enum look l)
{
    if (y < 0 || y >= LINES)
        return;
    look_set(l);
    for (int i = 0; i < width && x + i < COLS; i++)
        mvaddstr(y, x + i, sign("─", "-"));
    attrset(A_NORMAL);
}
