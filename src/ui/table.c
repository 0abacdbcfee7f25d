/* A list with a cursor: movement is the same everywhere. */
#include <ncurses.h>

#include "internal.h"

void table_clamp(struct table *t)
{
    if (t->cursor >= t->n)
        t->cursor = t->n ? t->n - 1 : 0;
}

void table_fit(struct table *t, int height)
{
    size_t h = (size_t)MAX_OF(height, 1);

    table_clamp(t);
    if (t->cursor < t->top)
        t->top = t->cursor;
    if (t->cursor >= t->top + h)
        t->top = t->cursor - h + 1;
    if (t->reveal && t->cursor + t->reveal >= t->top + h)
        t->top = MIN_OF(t->cursor, t->cursor + t->reveal + 1 - h);
    t->reveal = 0;
    if (t->top + h > t->n)
        t->top = t->n > h ? t->n - h : 0;
}

static void move_by(struct table *t, long by)
{
    if (by < 0)
        t->cursor = t->cursor > (size_t)-by ? t->cursor - (size_t)-by : 0;
    else
        t->cursor = MIN_OF(t->cursor + (size_t)by, t->n ? t->n - 1 : 0);
}

bool table_key(struct table *t, int key, bool is_char, int height)
{
    if (is_char && key == 'j')
        key = KEY_DOWN;
    else if (is_char && key == 'k')
        key = KEY_UP;
    else if (is_char && key == 'G')
        key = KEY_END;
    else if (is_char)
        return false;
    switch (key) {
    case KEY_DOWN:
        move_by(t, 1);
        return true;
    case KEY_UP:
        move_by(t, -1);
        return true;
    case KEY_NPAGE:
        move_by(t, MAX_OF(height - 1, 1));
        return true;
    case KEY_PPAGE:
        move_by(t, -MAX_OF(height - 1, 1));
        return true;
    case KEY_HOME:
        t->cursor = 0;
        return true;
    case KEY_END:
        t->cursor = t->n ? t->n - 1 : 0;
        return true;
    default:
        return false;
    }
}
