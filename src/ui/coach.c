/* The tour's one line: what to try next, and on when it was tried. */
#include "internal.h"

static const struct {
    const char *text;  /* for wide screens */
    const char *brief; /* for narrow ones */
    const char *until; /* what the person does */
} steps[] = {
    {"A web shop on Kubernetes, one night. Enter opens an event", "Enter opens an event", "detail"},
    {"Every field, with type and value. t shows the payload behind them", "t shows the payload",
     "payload"},
    {"Who was refused? f, then type  tour.status = 403  and Enter", "f: tour.status = 403",
     "filter"},
    {"Tab to the list, Right to the address, = keeps only what came from it",
     "Right to the address, then =", "only"},
    {"All it did: 23 events. Right to the resource, # counts its values", "# counts a column",
     "count"},
    {"Enter goes into one of them, Backspace comes back", "Enter goes in", "filter"},
    {"Open a “create pods”: Enter on tour.privileged, then on [1]: what it makes",
     "Enter on tour.privileged", "preview"},
    {"Esc, then 7: tables that plugins keep, as of now or of any event; 6: events they sent",
     "Esc, then 7: tables that plugins keep", "state"},
    {"1 is the list again. Now break something: f, then type  tour.fragile exists",
     "1, then f: tour.fragile exists", "died"},
    {"The plugin is dead; the screen and all events are not. R starts anew", "R starts it anew",
     "restarted"},
    {"Now yours: mews ./libyours.so · mews audit.jsonl · … | mews -   q leaves",
     "Now yours: mews ./libyours.so, mews audit.jsonl, … | mews -", ""},
};

void coach_start(struct ui *u)
{
    u->coach = 1;
}

void coach_note(struct ui *u, const char *what)
{
    if (u->coach < 1 || u->coach > (int)COUNT_OF(steps))
        return;
    if (str_eq(steps[u->coach - 1].until, what))
        u->coach++;
}

const char *coach_line(struct ui *u)
{
    static char text[300];

    if (u->coach < 1 || u->coach > (int)COUNT_OF(steps))
        return NULL;
    snprintf(text, sizeof(text), "%d/%zu: %s", u->coach, COUNT_OF(steps), steps[u->coach - 1].text);
    if (text_width(text, strlen(text)) > u->width - 2)
        snprintf(text, sizeof(text), "%d/%zu: %s", u->coach, COUNT_OF(steps),
                 steps[u->coach - 1].brief);
    return text;
}
