/*
 * What for: a program in a pseudo-terminal that a terminal emulator draws, as a person would see
 *           it.
 * Owns:     the pseudo-terminal and what runs in it; pty_free ends both.
 * Threads:  none.
 * Errors:   end the test with a message.
 */
#ifndef MEWS_TESTS_PTY_H
#define MEWS_TESTS_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <termios.h>
#include <vterm.h>

struct pty {
    int master, slave; /* slave stays open here, so that the settings outlive the program */
    pid_t pid;
    int rows, cols;
    VTerm *vt;
    VTermScreen *screen;
    bool altscreen, cursor, mouse;
    char *raw; /* all that the program wrote */
    size_t raw_len, raw_cap;
    bool exited;
    int status;
    struct termios before; /* settings when it started */
    char id[40];           /* in the environment of all that it starts */
};

/* Starts a shell command with this environment ("NAME=value", NULL at the end) in dir. */
struct pty *pty_start(const char *command, char *const *env, const char *dir, int rows, int cols);
void pty_free(struct pty *p);
/* Draws what comes within ms; true when something came. */
bool pty_pump(struct pty *p, int ms);
/* "a", "Enter", "C-c", "F4"; false names end the test */
void pty_key(struct pty *p, const char *name);
void pty_type(struct pty *p, const char *text);
void pty_resize(struct pty *p, int rows, int cols);
/* The screen as lines of UTF-8 without blanks at their ends; free() it. */
char *pty_text(struct pty *p);
/* Whether the program has ended; status is set then. */
bool pty_ended(struct pty *p);
/* What of the terminal was not given back: "" when all was. */
const char *pty_unrestored(struct pty *p);
/* Draws what comes until it has ended, for so many seconds; false when it has not. */
bool pty_wait_end(struct pty *p, double seconds);
/* How many of its processes are left after so many seconds; those on their way out get them. */
int pty_wait_gone(struct pty *p, double seconds);
/* Processes that the program has started and that are still there. */
int pty_processes(struct pty *p, pid_t *out, int max);
/* The process with this word as its own name or argument: "engine", "screen", "keeper"; 0: none. */
pid_t pty_process(struct pty *p, const char *role);
double now_s(void);
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);

#endif
