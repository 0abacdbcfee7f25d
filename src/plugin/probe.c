/* Finding a library, and asking it who it is in a process of its own. */
#include "internal.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBE_TIMEOUT_NS (10 * NS_PER_S)
#define PROBE_ANSWER_MAX ((size_t)16 << 20)
#define PROBE_NOISE_MAX  ((size_t)16 << 10)

/* ---- finding --------------------------------------------------------------------------------- */

static char *try_path(char *path)
{
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static char *find_in(const char *dir, const char *name)
{
    char *found;

    if (str_ends(name, ".so"))
        return try_path(path_join(dir, name));
    found = try_path(xasprintf("%s/%s.so", dir, name));
    return found ? found : try_path(xasprintf("%s/lib%s.so", dir, name));
}

char *plugin_find(const char *name, const struct str_list *dirs, struct error *err)
{
    struct buf tried;
    char *found = NULL;

    if (strchr(name, '/')) {
        if (access(name, F_OK) == 0)
            return xstrdup(name);
        error_sys(err, errno, "%s", name);
        return NULL;
    }
    if (!*name) {
        error_set(err, ERR_USAGE, "a plugin needs a name or a path");
        return NULL;
    }
    buf_init(&tried, 900);
    for (size_t i = 0; !found && i < dirs->n; i++) {
        found = find_in(dirs->v[i], name);
        buf_addf(&tried, "%s%s", i ? ", " : "", dirs->v[i]);
    }
    if (!found)
        error_set(err, ERR_NOT_FOUND, "no plugin %s (as %s.so or lib%s.so) in %s", name, name, name,
                  tried.len ? buf_str(&tried) : "any directory");
    buf_fini(&tried);
    return found;
}

/* ---- the process that asks ------------------------------------------------------------------- */

static enum severity probe_load(const char *path, struct plugin_info *info,
                                struct plugin_failure *f)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    plugin_api api;
    uint64_t mask;

    if (!handle) {
        failure_set(f, "dlopen", "install what is missing, or build the plugin on this system",
                    "can't load the dynamic library: %s", dlerror());
        return SEV_FAILED;
    }
    symbols_resolve(handle, &api, &mask);
    if (mask == 0) {
        failure_set(f, "symbols", "a plugin exports plugin_get_required_api_version and its like",
                    "the library is no Falco plugin: it exports none of the API's functions");
        return SEV_FAILED;
    }
    return info_read(&api, mask, info, f);
}

static json_t *failure_json(const struct plugin_failure *f)
{
    json_t *o = json_object();
    struct buf b;

    buf_init(&b, 0);
    text_make_visible(&b, f->text, strlen(f->text));
    json_object_set_new(o, "step", json_string(f->step));
    json_object_set_new(o, "text", json_string(buf_str(&b)));
    json_object_set_new(o, "advice", json_string(f->advice));
    buf_fini(&b);
    return o;
}

int plugin_probe_main(const char *path, int out_fd)
{
    struct plugin_info info = {.path = xstrdup(path)};
    struct plugin_failure f = {0};
    struct error err;
    json_t *answer;
    char *text;
    bool ok;

    if (plugin_elf_check(path, &info, &err) != SEV_OK)
        failure_set(&f, "file", "give the path of a shared library (.so) built for this machine",
                    "%s", err.text);
    else
        probe_load(path, &info, &f);
    if (!info.source)
        info.source = xstrdup("");
    answer = plugin_info_to_json(&info);
    if (*f.step)
        json_object_set_new(answer, "failure", failure_json(&f));
    text = json_dumps(answer, JSON_COMPACT);
    ok = text && write_all(out_fd, text, strlen(text));
    /* no clean-up: a plugin's destructors or threads shall not change the outcome */
    _exit(ok ? 0 : 1);
}

/* ---- the one that wants to know -------------------------------------------------------------- */

struct probe {
    pid_t pid;
    int answer_fd, noise_fd;
    struct buf answer, noise;
    bool timed_out;
    int status;
};

extern char **environ;

static bool probe_spawn(struct probe *pr, const char *exe, const char *path)
{
    int answer[2], noise[2];
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    char *argv[] = {(char *)"mews", (char *)"--probe-plugin", (char *)path, NULL};
    sigset_t none;
    int rc;

    if (pipe2(answer, O_CLOEXEC) != 0)
        return false;
    if (pipe2(noise, O_CLOEXEC) != 0) {
        close(answer[0]);
        close(answer[1]);
        return false;
    }
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&fa, noise[1], 1);
    posix_spawn_file_actions_adddup2(&fa, noise[1], 2);
    posix_spawn_file_actions_adddup2(&fa, answer[1], 3);
    posix_spawnattr_init(&attr);
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    rc = posix_spawn(&pr->pid, exe, &fa, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&fa);
    close(answer[1]);
    close(noise[1]);
    pr->answer_fd = answer[0];
    pr->noise_fd = noise[0];
    errno = rc;
    return rc == 0;
}

/* False at the end of the pipe. */
static bool drain(int fd, struct buf *b, size_t max)
{
    char chunk[16384];
    ssize_t n = read(fd, chunk, sizeof(chunk));

    if (n <= 0)
        return n < 0 && (errno == EINTR || errno == EAGAIN);
    if (b->len < max)
        buf_add(b, chunk, MIN_OF((size_t)n, max - b->len));
    return true;
}

/* Until the answer is complete; what a plugin's children keep open is not waited for. */
static void probe_collect(struct probe *pr)
{
    uint64_t end = time_mono() + PROBE_TIMEOUT_NS;
    struct pollfd fds[2] = {{pr->answer_fd, POLLIN, 0}, {pr->noise_fd, POLLIN, 0}};

    while (fds[0].fd >= 0) {
        uint64_t now = time_mono();
        int n = now < end ? poll(fds, 2, (int)((end - now) / NS_PER_MS) + 1) : 0;

        if (n == 0 && now >= end) {
            pr->timed_out = true;
            break;
        }
        if (n > 0 && fds[1].revents && !drain(pr->noise_fd, &pr->noise, PROBE_NOISE_MAX))
            fds[1].fd = -1;
        if (n > 0 && fds[0].revents && !drain(pr->answer_fd, &pr->answer, PROBE_ANSWER_MAX))
            fds[0].fd = -1;
    }
    if (pr->timed_out)
        kill(pr->pid, SIGKILL);
    while (waitpid(pr->pid, &pr->status, 0) < 0 && errno == EINTR)
        ;
    fd_set_nonblock(pr->noise_fd, true);
    while (pr->noise.len < PROBE_NOISE_MAX && drain(pr->noise_fd, &pr->noise, PROBE_NOISE_MAX) &&
           errno != EAGAIN)
        ;
}

/* The last lines of what the library printed. */
static const char *last_noise(struct probe *pr)
{
    size_t at = pr->noise.len, lines = 0;

    while (at > 0 && lines < 4 && pr->noise.len - at < 700) {
        at--;
        lines += pr->noise.data[at] == '\n' && at + 1 < pr->noise.len;
    }
    while (pr->noise.len > at && isspace((unsigned char)pr->noise.data[pr->noise.len - 1]))
        pr->noise.data[--pr->noise.len] = '\0';
    return pr->noise.len ? pr->noise.data + at : "";
}

static void describe_death(struct probe *pr, struct plugin_failure *f)
{
    const char *noise = last_noise(pr), *says = *noise ? "; it printed: " : "";

    if (pr->timed_out)
        failure_set(
            f, "probe",
            "look for what the library does when it is loaded (constructors, init functions)",
            "loading it took more than 10 seconds%s%s", says, noise);
    else if (WIFSIGNALED(pr->status))
        failure_set(f, "probe", "run it under a debugger", "loading it died by signal %d (%s)%s%s",
                    WTERMSIG(pr->status), strsignal(WTERMSIG(pr->status)), says, noise);
    else
        failure_set(f, "probe", "a library must not end its host",
                    "loading it ended the process with exit status %d%s%s", WEXITSTATUS(pr->status),
                    says, noise);
}

static enum severity read_answer(struct probe *pr, struct plugin_info *out,
                                 struct plugin_failure *f)
{
    json_t *j = json_loadb(buf_str(&pr->answer), pr->answer.len, 0, NULL);
    const json_t *failure = json_object_get(j, "failure");
    struct error err;
    enum severity sev;

    if (!j) {
        describe_death(pr, f);
        return SEV_FAILED;
    }
    sev = plugin_info_from_json(j, out, &err);
    if (failure) {
        failure_set(f, json_string_value(json_object_get(failure, "step")),
                    json_string_value(json_object_get(failure, "advice")), "%s",
                    json_string_value(json_object_get(failure, "text")));
        sev = SEV_FAILED;
    } else if (sev != SEV_OK) {
        failure_set(f, "probe", "", "%s", err.text);
    }
    json_decref(j);
    return sev;
}

enum severity plugin_probe(const char *exe, const char *path, struct plugin_info *out,
                           struct plugin_failure *failure)
{
    struct probe pr = {0};
    char real[PATH_MAX];
    enum severity sev;

    memset(out, 0, sizeof(*out));
    memset(failure, 0, sizeof(*failure));
    if (!realpath(path, real)) {
        failure_set(failure, "find", "check the path", "%s: %s", path, strerror(errno));
        return SEV_FAILED;
    }
    buf_init(&pr.answer, PROBE_ANSWER_MAX);
    buf_init(&pr.noise, PROBE_NOISE_MAX + 1);
    if (!probe_spawn(&pr, exe, real)) {
        failure_set(failure, "probe", "", "can't start a process: %s", strerror(errno));
        return SEV_FAILED;
    }
    probe_collect(&pr);
    sev = read_answer(&pr, out, failure);
    if (!out->path)
        out->path = xstrdup(real);
    close(pr.answer_fd);
    close(pr.noise_fd);
    buf_fini(&pr.answer);
    buf_fini(&pr.noise);
    return sev;
}
