/*
 * What for: the other side of `mews engine`, written from share/doc/protocol.md alone: it brings its
 *           own framing and includes none of our headers.
 * Owns:     the engine that it starts, until engine_end.
 * Threads:  none.
 * Errors:   count as failures of the test (expect).
 */
#ifndef MEWS_TESTS_PEER_H
#define MEWS_TESTS_PEER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct engine {
    pid_t pid;
    int in, out; /* of ours: to it, from it */
    char *bytes;
    size_t len, cap;
    json_t *notes; /* notifications that nobody asked for yet */
    unsigned id;
};

extern int failures;

/* Counts a failure and prints its words when it is not ok. */
__attribute__((format(printf, 2, 3))) void expect(bool ok, const char *fmt, ...);
/* A variable that make check sets; ends the test without it. */
const char *env(const char *name);

void engine_start(struct engine *e);
void send_bytes(struct engine *e, const char *p, size_t n);
void send_body(struct engine *e, const char *body);
/* The next message, new reference; NULL at the end, or after a long silence. */
json_t *receive(struct engine *e);
/* Sends a request (takes params, NULL for none) and says its id. */
unsigned post(struct engine *e, const char *method, json_t *params);
/* The answer to a request, new reference; notifications before it are kept. */
json_t *answer_to(struct engine *e, unsigned id);
/* The result of a request; borrowed until the next call. */
const json_t *ask(struct engine *e, const char *method, json_t *params);
/* The code of the error that a request must get. */
int refused(struct engine *e, const char *method, json_t *params);
/* The next notification of this name: new reference, NULL after a long silence. */
json_t *note(struct engine *e, const char *method);
/* Ends its input, which ends it and all that it started; its exit code, or minus the signal. */
int engine_end(struct engine *e);

/* A member's text; "" without one. */
const char *text_of(const json_t *o, const char *key);
/* A session (for session/start) with the plugin stunt of the tests, opened with params unless NULL. */
json_t *stunt_session(const char *params);
/* Waits until the source has ended. */
void wait_for_end(struct engine *e);
/* Until a selection is scanned that far. */
void wait_for_matches(struct engine *e, double rows);

#endif
