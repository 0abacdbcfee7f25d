/* How each kind of text looks, with the colours that the terminal has. */
#include <ncurses.h>

#include "internal.h"

static const struct look_def {
    short fg256, bg256; /* -1: the terminal's own */
    short fg8, bg8;
    attr_t plain; /* with no colours */
    attr_t also;  /* with colours */
} looks[LOOK_COUNT] = {
    [LOOK_TEXT] = {-1, -1, -1, -1, A_NORMAL, A_NORMAL},
    [LOOK_DIM] = {245, -1, -1, -1, A_DIM, A_NORMAL},
    [LOOK_STRONG] = {-1, -1, -1, -1, A_BOLD, A_BOLD},
    [LOOK_TITLE] = {252, 236, COLOR_WHITE, COLOR_BLUE, A_REVERSE, A_NORMAL},
    [LOOK_TITLE_ON] = {231, 24, COLOR_YELLOW, COLOR_BLUE, A_REVERSE | A_BOLD, A_BOLD},
    [LOOK_HEAD] = {109, -1, COLOR_CYAN, -1, A_BOLD, A_NORMAL},
    [LOOK_CURSOR] = {231, 238, COLOR_WHITE, COLOR_BLACK, A_REVERSE, A_NORMAL},
    [LOOK_CELL] = {16, 179, COLOR_BLACK, COLOR_YELLOW, A_REVERSE | A_BOLD, A_NORMAL},
    [LOOK_FIELD] = {110, -1, COLOR_CYAN, -1, A_NORMAL, A_NORMAL},
    [LOOK_VALUE] = {150, -1, COLOR_GREEN, -1, A_NORMAL, A_NORMAL},
    [LOOK_NUMBER] = {179, -1, COLOR_YELLOW, -1, A_NORMAL, A_NORMAL},
    [LOOK_KEYWORD] = {176, -1, COLOR_MAGENTA, -1, A_BOLD, A_BOLD},
    [LOOK_OPERATOR] = {180, -1, COLOR_YELLOW, -1, A_NORMAL, A_NORMAL},
    [LOOK_GOOD] = {114, -1, COLOR_GREEN, -1, A_BOLD, A_NORMAL},
    [LOOK_WARN] = {215, -1, COLOR_YELLOW, -1, A_BOLD, A_NORMAL},
    [LOOK_BAD] = {203, -1, COLOR_RED, -1, A_BOLD, A_BOLD},
    [LOOK_KEY] = {222, -1, COLOR_YELLOW, -1, A_BOLD, A_BOLD},
    [LOOK_MARK] = {183, -1, COLOR_MAGENTA, -1, A_BOLD, A_NORMAL},
    [LOOK_MATCH] = {16, 222, COLOR_BLACK, COLOR_YELLOW, A_REVERSE, A_NORMAL},
};

static bool with_colors;

void theme_init(struct ui *u)
{
    const char *no = getenv("NO_COLOR");

    with_colors = has_colors() && !(no && *no);
    u->colors = with_colors;
    if (!with_colors)
        return;
    start_color();
    use_default_colors();
    for (int i = 0; i < LOOK_COUNT; i++) {
        const struct look_def *d = &looks[i];
        bool many = COLORS >= 256;

        init_pair((short)(i + 1), many ? d->fg256 : d->fg8, many ? d->bg256 : d->bg8);
    }
}

void look_set(enum look l)
{
    const struct look_def *d = &looks[l];

    if (with_colors)
        attrset(d->also | (attr_t)COLOR_PAIR(l + 1) |
                (l == LOOK_CURSOR && COLORS < 256 ? A_BOLD | A_REVERSE : 0));
    else
        attrset(d->plain);
}
