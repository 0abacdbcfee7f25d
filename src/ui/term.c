/* The terminal: taken, given back, and told how to be brought back by others. */
#include <locale.h>
#include <ncurses.h>
#include <unistd.h>

#include "internal.h"

#define COPY_MAX ((size_t)256 << 10)

/* of <term.h>, whose macros would rename half of our members */
extern char *tigetstr(const char *name);

static void set_modes(void)
{
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    intrflush(stdscr, FALSE);
    cursor_forget();
}

bool term_start(struct ui *u)
{
    setlocale(LC_ALL, "");
    set_escdelay(25);
    if (!newterm(NULL, stdout, stdin))
        return false;
    set_modes();
    theme_init(u);
    getmaxyx(stdscr, u->height, u->width);
    return true;
}

void term_stop(void)
{
    endwin();
}

void term_resume(void)
{
    set_modes(); /* keypad mode must be set anew after a stop */
    clearok(stdscr, TRUE);
    refresh();
}

static void add_capability(struct buf *b, const char *name)
{
    const char *s = tigetstr((char *)(uintptr_t)name);

    if (s && s != (const char *)-1)
        buf_adds(b, s);
}

void term_send_restore(struct ui *u)
{
    static const char *const names[] = {"sgr0", "rmkx", "rmcup", "cnorm"};
    struct buf b;

    buf_init(&b, 4096);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        add_capability(&b, names[i]);
    ask(u, "keeper/restore", json_pack("{so}", "bytes", rpc_text(buf_str(&b), b.len)), NULL, NULL);
    buf_fini(&b);
}

void term_copy(const char *s, size_t n)
{
    struct buf b;

    buf_init(&b, 2 * COPY_MAX);
    buf_adds(&b, "\033]52;c;");
    base64_encode(&b, s, MIN_OF(n, COPY_MAX));
    buf_adds(&b, "\a");
    fflush(stdout);
    write_all(STDOUT_FILENO, b.data, b.len);
    buf_fini(&b);
}
