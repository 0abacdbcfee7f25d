/* Why an engine died: from the call record, the wait status, and the words that came last. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

#define SYMBOLIZE_NS (3 * NS_PER_S)
#define LINES_KEPT   20

/* ---- the headline: the runtime's own words where it has some --------------------------------- */

static const char *line_at(const json_t *lines, size_t i)
{
    const char *s = json_string_value(json_array_get(lines, i));

    return s ? s : "";
}

/* Sent from outside, as a rule: that is nothing the plugin did. */
static bool is_foreign(int sig)
{
    return sig == SIGKILL || sig == SIGTERM || sig == SIGHUP || sig == SIGINT || sig == SIGQUIT;
}

/* What a Go, Rust or C++ runtime, or an assertion, said; "" when nobody did. */
static void find_words(const json_t *lines, char out[400])
{
    static const char *const starts[] = {"panic: ", "fatal error: ", "terminate called"};
    static const char *const parts[] = {
        ": Assertion `",           "free(): ",          "malloc(): ",    "double free",
        "stack smashing detected", "AddressSanitizer:", "runtime error:"};

    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(lines) && !*out; i++) {
        const char *s = line_at(lines, i);
        const char *rust = strstr(s, "' panicked at ");

        if (!rust &&
            str_starts(s, "thread ")) /* newer Rust names the thread's number behind the name */
            rust = strstr(s, " panicked at ");
        for (size_t k = 0; k < COUNT_OF(starts) && !*out; k++) {
            if (str_starts(s, starts[k]))
                snprintf(out, 400, "%.390s", s);
        }
        for (size_t k = 0; k < COUNT_OF(parts) && !*out; k++) {
            if (strstr(s, parts[k]))
                snprintf(out, 400, "%.390s", s);
        }
        if (rust)
            snprintf(out, 400, "panic: %.180s (%.180s)", line_at(lines, i + 1),
                     strstr(rust, "panicked"));
    }
}

static void describe_end(json_t *r, const struct plugin_record *record, int status)
{
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    if (sig == SIGALRM && atomic_load(&record->crash.written))
        sig = record->crash.signal; /* the handler's own guard ended it */
    if (sig) {
        char name[32];

        snprintf(name, sizeof(name), "SIG%s", signal_word(sig));
        json_object_set_new(r, "kind", json_string("signal"));
        json_object_set_new(r, "signal", json_integer(sig));
        json_object_set_new(r, "signal_name", json_string(name));
        json_object_set_new(r, "signal_text", json_string(strsignal(sig)));
    } else {
        json_object_set_new(r, "kind", json_string("exit"));
        json_object_set_new(r, "code", json_integer(WEXITSTATUS(status)));
    }
}

static void describe_call(json_t *r, const struct plugin_record *record)
{
    const struct plugin_call *c = &record->call;
    bool active = atomic_load(&c->active);

    json_object_set_new(r, "in_call", json_boolean(active));
    if (atomic_load(&c->serial) == 0)
        return;
    json_object_set_new(r, "plugin", rpc_text(c->plugin, strnlen(c->plugin, sizeof(c->plugin))));
    if (!active)
        return;
    json_object_set_new(r, "function", json_string(plugin_fn_name(c->fn)));
    json_object_set_new(r, "field", rpc_text(c->field, strnlen(c->field, sizeof(c->field))));
    json_object_set_new(r, "argument", rpc_text(c->arg, strnlen(c->arg, sizeof(c->arg))));
    json_object_set_new(r, "event", rpc_u64(c->event));
    json_object_set_new(r, "file_time", rpc_u64(c->file_mtime));
    json_object_set_new(r, "ns", rpc_u64(time_mono() - atomic_load(&c->since)));
}

/* The loader calls the program by the name that it was started with. */
static bool is_own(const char *module)
{
    return !*module || str_eq(module, SPAWN_ENGINE_NAME);
}

static void describe_crash(json_t *r, const struct plugin_record *record)
{
    const struct plugin_crash *c = &record->crash;
    json_t *frames = json_array();

    if (!atomic_load(&c->written)) {
        json_object_set_new(r, "frames", frames);
        return;
    }
    json_object_set_new(r, "address", rpc_u64(c->address));
    json_object_set_new(r, "caused", json_boolean(c->code > 0));
    json_object_set_new(r, "own_thread", json_boolean(c->tid != record->call.tid));
    for (uint32_t i = 0; i < c->nframes && i < RECORD_FRAMES; i++) {
        if (i && is_own(c->frames[i].module) && !is_own(c->frames[0].module))
            break; /* the plugin's caller is mews: of no interest to its author */
        json_array_append_new(frames,
                              json_pack("{so so so}", "module", rpc_str(c->frames[i].module),
                                        "symbol", rpc_str(c->frames[i].symbol), "offset",
                                        rpc_u64(c->frames[i].offset)));
    }
    json_object_set_new(r, "frames", frames);
}

/* What ended: "plugin x died by SIGSEGV (Segmentation fault)". */
static void add_end(const json_t *r, struct buf *b)
{
    const char *plugin = rpc_get_str(r, "plugin"), *kind = rpc_get_str(r, "kind");
    int sig = (int)json_integer_value(json_object_get(r, "signal"));

    if (str_eq(kind, "signal") && is_foreign(sig)) {
        buf_addf(b, "the engine was killed from outside by %s%s", rpc_get_str(r, "signal_name"),
                 sig == SIGKILL ? " (a person, or the system for want of memory)" : "");
        return;
    }
    buf_adds(b, plugin && *plugin ? "plugin " : "the engine");
    buf_adds(b, plugin && *plugin ? plugin : "");
    if (str_eq(kind, "signal"))
        buf_addf(b, " died by %s (%s)", rpc_get_str(r, "signal_name"),
                 rpc_get_str(r, "signal_text"));
    else if (str_eq(kind, "ended"))
        buf_adds(b, " was ended by you");
    else
        buf_addf(b, " ended the process with exit(%lld)",
                 (long long)json_integer_value(json_object_get(r, "code")));
}

static void add_headline(json_t *r, const json_t *lines)
{
    const char *plugin = rpc_get_str(r, "plugin"), *function = rpc_get_str(r, "function"),
               *field = rpc_get_str(r, "field");
    bool foreign = str_eq(rpc_get_str(r, "kind"), "signal") &&
                   is_foreign((int)json_integer_value(json_object_get(r, "signal")));
    char words[400];
    struct buf b;

    find_words(lines, words);
    buf_init(&b, 2000);
    add_end(r, &b);
    if (function) {
        buf_addf(&b, " in %s", function);
        if (foreign)
            buf_addf(&b, " of plugin %s", plugin);
        if (field && *field)
            buf_addf(&b, ", field %s", field);
        if (rpc_u64_or(r, "event", 0))
            buf_addf(&b, ", event %llu", (unsigned long long)rpc_u64_or(r, "event", 0));
    } else if (plugin && *plugin && !foreign) {
        buf_adds(&b, " while no call was out: in a thread of its own");
    }
    if (*words)
        json_object_set_new(r, "words", rpc_str(words));
    json_object_set_new(r, "headline", rpc_str(buf_str(&b)));
    buf_fini(&b);
}

json_t *report_new(const struct plugin_record *record, int status, json_t *printed,
                   bool ended_by_person)
{
    json_t *r = json_object();

    json_object_set_new(r, "time", rpc_u64(time_now()));
    describe_end(r, record, status);
    if (ended_by_person)
        json_object_set_new(r, "kind", json_string("ended"));
    describe_call(r, record);
    describe_crash(r, record);
    add_headline(r, printed);
    while (json_array_size(printed) > LINES_KEPT)
        json_array_remove(printed, 0);
    json_object_set_new(r, "lines", printed);
    return r;
}

static unsigned times_before(const json_t *r, const json_t *before)
{
    static const char *const same[] = {"plugin", "field", "file_time"};
    const json_t *item;
    unsigned n = 0;
    size_t i;

    json_array_foreach(before, i, item) {
        bool equal = true;

        for (size_t k = 0; k < COUNT_OF(same); k++)
            equal &= json_equal(json_object_get(item, same[k]), json_object_get(r, same[k])) != 0;
        n += equal;
    }
    return n;
}

json_t *report_avoid(const json_t *r, const json_t *before)
{
    const char *field = rpc_get_str(r, "field"), *plugin = rpc_get_str(r, "plugin"),
               *function = rpc_get_str(r, "function");
    bool always = times_before(r, before) >= 2;
    char reason[300];

    if (function && str_eq(function, plugin_fn_name(PF_PARSE_EVENT)))
        field = function; /* of an event that kills it there */
    if (!field || !*field || !plugin)
        return NULL;
    if (str_eq(rpc_get_str(r, "kind"), "signal") &&
        is_foreign((int)json_integer_value(json_object_get(r, "signal"))))
        return NULL;
    snprintf(reason, sizeof(reason),
             "asking for it %s ended the engine (%s): it is not asked again until the plugin is "
             "rebuilt",
             always ? "again and again" : "here",
             rpc_get_str(r, "signal_name") ? rpc_get_str(r, "signal_name")
                                           : rpc_get_str(r, "kind"));
    return json_pack("{so so so so so}", "plugin", rpc_str(plugin), "field", rpc_str(field),
                     "event", rpc_u64(always ? 0 : rpc_u64_or(r, "event", 0)), "file_time",
                     rpc_u64(rpc_u64_or(r, "file_time", 0)), "reason", rpc_str(reason));
}

/* ---- as text --------------------------------------------------------------------------------- */

static void add_frame(const json_t *f, struct buf *out)
{
    const char *symbol = rpc_get_str(f, "symbol"), *source = rpc_get_str(f, "source"),
               *module = rpc_get_str(f, "module");
    const char *base = module ? strrchr(module, '/') : NULL;

    buf_addf(out, "    at %s", symbol && *symbol ? symbol : "?");
    if (source && *source)
        buf_addf(out, "  %s", source);
    else
        buf_addf(out, "  %s+0x%llx", base ? base + 1 : "?",
                 (unsigned long long)rpc_u64_or(f, "offset", 0));
    buf_addc(out, '\n');
}

void report_text(const json_t *r, struct buf *out)
{
    const json_t *frames = json_object_get(r, "frames");
    const char *argument = rpc_get_str(r, "argument"), *words = rpc_get_str(r, "words");

    buf_addf(out, "%s\n", rpc_get_str(r, "headline"));
    if (words)
        buf_addf(out, "    %s\n", words);
    if (argument && *argument)
        buf_addf(out, "    argument %s\n", argument);
    for (size_t i = 0; i < json_array_size(frames) && i < 8; i++)
        add_frame(json_array_get(frames, i), out);
}

/* ---- source lines: found by a helper process, which may take a moment, and may die ----------- */

static size_t helper_args(const json_t *frames, char **argv, size_t max)
{
    size_t n = 0;

    argv[n++] = xstrdup("mews");
    argv[n++] = xstrdup("--symbolize");
    for (size_t i = 0; i < json_array_size(frames) && n + 2 < max; i++) {
        const json_t *f = json_array_get(frames, i);
        const char *module = rpc_get_str(f, "module");

        argv[n++] = xasprintf("%llu", (unsigned long long)rpc_u64_or(f, "offset", 0) - (i > 0));
        argv[n++] = xstrdup(module ? module : "");
    }
    argv[n] = NULL;
    return n;
}

static void read_helper(int fd, pid_t pid, struct buf *out)
{
    uint64_t end = time_mono() + SYMBOLIZE_NS, now;
    struct pollfd p = {fd, POLLIN, 0};
    char chunk[4096];
    ssize_t n = 1;

    while (n > 0 && (now = time_mono()) < end &&
           poll(&p, 1, (int)((end - now) / NS_PER_MS) + 1) > 0) {
        n = read(fd, chunk, sizeof(chunk));
        if (n > 0)
            buf_add(out, chunk, (size_t)n);
    }
    if (n > 0)
        kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* One line for each frame: function, tab, file:line. */
static void apply_helper(json_t *frames, char *text)
{
    size_t i = 0;

    for (char *line = strsep(&text, "\n"); line && i < json_array_size(frames);
         line = strsep(&text, "\n"), i++) {
        char *tab = strchr(line, '\t');
        json_t *f = json_array_get(frames, i);

        if (!tab)
            continue;
        *tab = '\0';
        if (*line)
            json_object_set_new(f, "symbol", rpc_str(line));
        if (tab[1])
            json_object_set_new(f, "source", rpc_str(tab + 1));
    }
}

/* How a runtime ends a process: of no interest beside what it printed. Go does it on a stack of its
 * own. */
static bool is_abort(const json_t *frame)
{
    const char *symbol = rpc_get_str(frame, "symbol"), *module = rpc_get_str(frame, "module"),
               *base = module ? strrchr(module, '/') : NULL;

    if (base && str_starts(base, "/libc.so"))
        return true;
    return symbol && (str_starts(symbol, "runtime.") || strstr(symbol, "panic") ||
                      strstr(symbol, "abort") || strstr(symbol, "begin_unwind"));
}

static void drop_abort(const json_t *report, json_t *frames)
{
    if (json_integer_value(json_object_get(report, "signal")) != SIGABRT)
        return;
    while (json_array_size(frames) && is_abort(json_array_get(frames, 0)))
        json_array_remove(frames, 0);
}

extern char **environ;

void report_symbolize(json_t *report)
{
    json_t *frames = json_object_get(report, "frames");
    char *argv[2 * RECORD_FRAMES + 4];
    posix_spawn_file_actions_t fa;
    struct buf out;
    size_t n;
    pid_t pid;
    int fds[2];

    if (json_array_size(frames) == 0 || pipe(fds) != 0)
        return;
    fd_set_cloexec(fds[0], true);
    n = helper_args(frames, argv, COUNT_OF(argv));
    buf_init(&out, 1 << 20);
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, fds[1], 1);
    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", 1, 0);
    if (posix_spawn(&pid, "/proc/self/exe", &fa, NULL, argv, environ) == 0) {
        close(fds[1]);
        read_helper(fds[0], pid, &out);
        if (out.len)
            apply_helper(frames, out.data);
    } else {
        close(fds[1]);
    }
    close(fds[0]);
    drop_abort(report, frames);
    posix_spawn_file_actions_destroy(&fa);
    buf_fini(&out);
    while (n)
        free(argv[--n]);
}
