#include "peer.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 20000

int failures;

void expect(bool ok, const char *fmt, ...)
{
    va_list ap;

    if (ok)
        return;
    failures++;
    va_start(ap, fmt);
    printf("FAILED: ");
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
}

const char *env(const char *name)
{
    const char *v = getenv(name);

    if (!v) {
        printf("%s is not set: run this with make check\n", name);
        exit(99);
    }
    return v;
}

void engine_start(struct engine *e)
{
    int to[2], from[2];
    char path[PATH_MAX];

    memset(e, 0, sizeof(*e));
    snprintf(path, sizeof(path), "%s/mews", env("MEWS_BUILDDIR"));
    if (pipe(to) != 0 || pipe(from) != 0)
        exit(99);
    e->pid = fork();
    if (e->pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[0]), close(to[1]), close(from[0]), close(from[1]);
        execl(path, path, "engine", (char *)NULL);
        _exit(99);
    }
    close(to[0]);
    close(from[1]);
    e->in = to[1];
    e->out = from[0];
    e->notes = json_array();
}

void send_bytes(struct engine *e, const char *p, size_t n)
{
    while (n) {
        ssize_t w = write(e->in, p, n);

        if (w <= 0)
            return;
        p += w;
        n -= (size_t)w;
    }
}

void send_body(struct engine *e, const char *body)
{
    char head[64];

    snprintf(head, sizeof(head), "Content-Length: %zu\r\n\r\n", strlen(body));
    send_bytes(e, head, strlen(head));
    send_bytes(e, body, strlen(body));
}

static bool more(struct engine *e)
{
    struct pollfd p = {e->out, POLLIN, 0};
    ssize_t n;

    if (poll(&p, 1, WAIT_MS) <= 0)
        return false;
    if (e->cap - e->len < 65536) {
        e->cap = e->cap * 2 + 131072;
        e->bytes = realloc(e->bytes, e->cap);
    }
    n = read(e->out, e->bytes + e->len, e->cap - e->len - 1);
    if (n <= 0)
        return false;
    e->len += (size_t)n;
    e->bytes[e->len] = '\0';
    return true;
}

json_t *receive(struct engine *e)
{
    for (;;) {
        char *end = e->len ? memmem(e->bytes, e->len, "\r\n\r\n", 4) : NULL;
        size_t head = end ? (size_t)(end - e->bytes) + 4 : 0, body = 0;

        if (end && sscanf(e->bytes, "Content-Length: %zu", &body) == 1 && e->len >= head + body) {
            json_t *m = json_loadb(e->bytes + head, body, 0, NULL);

            expect(m != NULL, "a body is no JSON");
            e->len -= head + body;
            memmove(e->bytes, e->bytes + head + body, e->len);
            return m;
        }
        if (!more(e))
            return NULL;
    }
}

const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

unsigned post(struct engine *e, const char *method, json_t *params)
{
    json_t *m = json_pack("{ss si ss so}", "jsonrpc", "2.0", "id", (int)++e->id, "method", method,
                          "params", params ? params : json_object());
    char *body = json_dumps(m, 0);

    send_body(e, body);
    free(body);
    json_decref(m);
    return e->id;
}

json_t *answer_to(struct engine *e, unsigned id)
{
    json_t *m;

    while ((m = receive(e))) {
        if (json_object_get(m, "method"))
            json_array_append_new(e->notes, m);
        else if (json_integer_value(json_object_get(m, "id")) == (json_int_t)id)
            return m;
        else
            json_decref(m);
    }
    expect(false, "no answer to request %u", id);
    return NULL;
}

const json_t *ask(struct engine *e, const char *method, json_t *params)
{
    static json_t *last;

    json_decref(last);
    last = answer_to(e, post(e, method, params));
    if (json_object_get(last, "error")) {
        char *words = json_dumps(json_object_get(last, "error"), 0);

        expect(false, "%s: %s", method, words);
        free(words);
    }
    return json_object_get(last, "result");
}

int refused(struct engine *e, const char *method, json_t *params)
{
    json_t *m = answer_to(e, post(e, method, params));
    int code = (int)json_integer_value(json_object_get(json_object_get(m, "error"), "code"));

    json_decref(m);
    return code;
}

json_t *note(struct engine *e, const char *method)
{
    json_t *m;

    for (size_t i = 0; i < json_array_size(e->notes); i++) {
        m = json_array_get(e->notes, i);
        if (strcmp(text_of(m, "method"), method) == 0) {
            m = json_incref(json_object_get(m, "params"));
            json_array_remove(e->notes, i);
            return m;
        }
    }
    while ((m = receive(e))) {
        json_array_append(e->notes, m);
        json_decref(m);
        if (strcmp(text_of(m, "method"), method) == 0)
            return note(e, method);
    }
    expect(false, "no notification %s", method);
    return NULL;
}

int engine_end(struct engine *e)
{
    int status = 0;
    json_t *m;

    close(e->in);
    while ((m = receive(e)))
        json_decref(m);
    waitpid(e->pid, &status, 0);
    expect(waitpid(-1, NULL, WNOHANG) < 0, "a process was left behind");
    close(e->out);
    free(e->bytes);
    json_decref(e->notes);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void wait_for_matches(struct engine *e, double rows)
{
    bool done;

    do {
        json_t *s = note(e, "selection");

        done = !s || strtod(text_of(s, "scanned"), NULL) >= rows;
        json_decref(s);
    } while (!done);
}

json_t *stunt_session(const char *params)
{
    char library[PATH_MAX];
    json_t *s;

    snprintf(library, sizeof(library), "%s/tests/plugins/stunt.so", env("MEWS_BUILDDIR"));
    s = json_pack("{s[{ss}]}", "plugins", "library", library);
    if (params) {
        json_object_set_new(s, "source", json_string("stunt"));
        json_object_set_new(s, "params", json_string(params));
    }
    return json_pack("{so}", "session", s);
}

void wait_for_end(struct engine *e)
{
    for (;;) {
        json_t *s = note(e, "stream");
        bool done = !s || strcmp(text_of(s, "state"), "ended") == 0;

        json_decref(s);
        if (done)
            return;
    }
}
