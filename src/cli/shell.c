/* mews shell: the same actions line by line: for terminals that can't show a screen, pipes and scripts. */
#include <poll.h>
#include <unistd.h>

#include "shell.h"

/* ---- talking to the engine ---------------------------------------------------------------------- */

static void keep(json_t **to, const json_t *from)
{
    json_decref(*to);
    *to = json_incref((json_t *)(uintptr_t)from);
}

static void keep_stream(struct shell *s, const json_t *stream)
{
    const char *state = rpc_get_str(stream, "state");

    keep(&s->stream, stream);
    s->opened |= state && !str_eq(state, "closed");
}

static void on_ready(struct client *c, const json_t *params)
{
    struct shell *s = c->ctx;

    s->ready = true;
    keep_stream(s, json_object_get(params, "stream"));
}

static void on_answer(struct client *c, uint64_t id, const json_t *result)
{
    struct shell *s = c->ctx;

    if (id != s->waits_for)
        return;
    keep(&s->answer, result);
    s->waits_for = 0;
}

static void on_refused(struct client *c, uint64_t id, const json_t *error)
{
    struct shell *s = c->ctx;

    if (id != s->waits_for)
        return;
    keep(&s->error, error);
    s->waits_for = 0;
}

static void on_note(struct client *c, const char *method, const json_t *params)
{
    struct shell *s = c->ctx;

    if (str_eq(method, "stream"))
        keep_stream(s, params);
}

/* Who types goes on; a script ends. */
static bool on_died(struct client *c, const json_t *report)
{
    struct shell *s = c->ctx;
    const char *plugin = rpc_get_str(report, "plugin");

    if (!s->terminal)
        return false;
    s->dead = true;
    s->waits_for = 0;
    free(s->died_of);
    s->died_of = plugin && *plugin ? xstrdup(plugin) : NULL;
    complain("reload starts it anew%s", s->died_of ? ", reload without leaves the plugin out" : "");
    return true;
}

static bool on_interrupt(struct client *c)
{
    struct shell *s = c->ctx;

    s->interrupted = true;
    return s->terminal;
}

static bool turn(struct shell *s)
{
    bool readable;

    if (!s->over && !keeper_turn(s->c.keeper, -1, &readable))
        s->over = true;
    return !s->over;
}

const json_t *shell_try(struct shell *s, const char *method, json_t *params)
{
    json_decref(s->answer);
    json_decref(s->error);
    s->answer = s->error = NULL;
    if (s->dead && !str_starts(method, "keeper/"))
        s->error = json_pack("{ss}", "message", "the engine has ended: reload starts it anew");
    if (s->over || s->error) {
        json_decref(params);
        return NULL;
    }
    s->waits_for = s->c.next_id + 1; /* what the keeper itself knows it answers at once */
    client_ask(&s->c, method, params);
    s->interrupted = false;
    while (s->waits_for && !s->interrupted && turn(s))
        ;
    if (s->waits_for && s->interrupted)
        s->error = json_pack("{ss}", "message", "interrupted");
    s->waits_for = 0;
    return s->answer;
}

const json_t *shell_call(struct shell *s, const char *method, json_t *params, const char *text)
{
    const json_t *answer = shell_try(s, method, params), *syntax;

    if (answer || !s->error)
        return answer;
    syntax = json_object_get(json_object_get(s->error, "data"), "syntax");
    if (syntax && text)
        complain_syntax("the filter is wrong", text, syntax);
    else
        complain("%s", rpc_get_str(s->error, "message"));
    return NULL;
}

bool shell_stream_read(const struct shell *s)
{
    const char *state = rpc_get_str(s->stream, "state");
    bool to_come = (s->o->spec.source || s->o->spec.captures.n) && !s->opened;

    if (!state || str_eq(state, "closed"))
        return !to_come;
    return str_eq(state, "ended") || str_eq(state, "failed") || str_eq(state, "full");
}

bool shell_wait(struct shell *s, uint64_t ns)
{
    uint64_t until = time_mono() + ns;

    s->interrupted = false;
    while (!s->over && !s->dead && !s->interrupted && !shell_stream_read(s) &&
           time_mono() < until) {
        const json_t *stream = shell_try(s, "stream", NULL);

        if (stream)
            keep_stream(s, stream);
        if (!shell_stream_read(s))
            poll(NULL, 0, 10);
    }
    return !s->over;
}

/* ---- lines ---------------------------------------------------------------------------------------- */

static const struct shell_command *find(const char *name, size_t n)
{
    const struct shell_command *found = NULL;

    for (size_t i = 0; i < shell_command_count; i++) {
        const struct shell_command *c = &shell_commands[i];

        if (strlen(c->name) == n && memcmp(c->name, name, n) == 0)
            return c;
        if (n && strncmp(c->name, name, n) == 0) /* the first that begins so */
            found = found ? found : c;
    }
    return found;
}

bool shell_line(struct shell *s, const char *line)
{
    const struct shell_command *c;
    const char *args;
    size_t n;

    line += strspn(line, " \t\r\n");
    if (!*line || *line == '#')
        return true;
    n = strcspn(line, " \t\r\n");
    c = find(line, n);
    args = line + n;
    args += strspn(args, " \t");
    if (c)
        return c->run(s, args);
    complain("there is no command %.*s: help lists them", (int)n, line);
    return false;
}

static void read_script(struct shell *s)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    while (!s->over && (n = getline(&line, &cap, stdin)) > 0) {
        while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            line[--n] = '\0';
        if (!shell_line(s, line))
            s->failed = true;
        fflush(stdout);
    }
    free(line);
}

/* Until the plugins are there, and what can be read of the stream at once. */
static bool wait_for_stream(struct shell *s)
{
    bool opens = s->o->spec.source || s->o->spec.captures.n;
    const char *error;

    while (!s->ready && !s->dead && turn(s))
        ;
    while (opens && !s->opened && !shell_stream_read(s) && !s->over && !s->dead)
        shell_wait(s, 50 * NS_PER_MS);
    if (!rpc_get_bool(s->stream, "live", false)) /* a capture, a log: it is there */
        shell_wait(s, UINT64_MAX / 2);
    error = rpc_get_str(s->stream, "error");
    if (!error || !*error)
        return !s->over && !s->dead;
    complain("%s", error);
    return false;
}

bool shell_restart(struct shell *s, json_t *params)
{
    s->ready = s->dead = false;
    s->opened = s->o->spec.captures.n == 0; /* a source stays closed, what it gave is kept */
    keep(&s->stream, NULL);
    return shell_call(s, "keeper/start", params, NULL) && wait_for_stream(s);
}

static void begin(struct shell *s)
{
    const char *filter = s->o->filter && *s->o->filter ? s->o->filter : NULL;
    char *line;

    s->failed |= !wait_for_stream(s);
    if (s->o->rules.n)
        shell_line(s, "rules");
    if (!filter || s->over)
        return;
    line = xasprintf("filter %s", filter);
    s->failed |= !shell_line(s, line);
    free(line);
}

int command_shell(struct options *o)
{
    struct shell s = {.o = o,
                      .c = {.ready = on_ready,
                            .answer = on_answer,
                            .refused = on_refused,
                            .note = on_note,
                            .died = on_died,
                            .interrupted = on_interrupt},
                      .row = UINT64_MAX,
                      .terminal = isatty(STDIN_FILENO)};
    int code;

    if (o->input_fd >= 0) {
        complain("the shell reads its commands from standard input: it can't be an input as well");
        return EXIT_USAGE;
    }
    s.c.ctx = &s;
    s.filter = xstrdup("");
    if (!client_start(&s.c, o, true, false)) {
        free(s.filter);
        return EXIT_FAILED;
    }
    begin(&s);
    if (s.terminal)
        shell_type(&s);
    else
        read_script(&s);
    if (!s.over)
        client_end(&s.c, s.failed && !s.terminal ? EXIT_FAILED : EXIT_OK);
    code = client_finish(&s.c);
    json_decref(s.stream);
    json_decref(s.answer);
    json_decref(s.error);
    json_decref(s.columns);
    free(s.columns_source);
    free(s.died_of);
    str_list_fini(&s.undo);
    vec_free(&s.marks);
    vec_free(&s.judged);
    free(s.filter);
    return code;
}
