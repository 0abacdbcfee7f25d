/* The keeper: starts the engine, waits for its end, says why it came, starts another. It holds what
 * must outlive an engine, and loads nothing that could harm it. */
#include "keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_GRACE    (2 * NS_PER_S)
#define LINE_MAX_LEN ((size_t)8192)
#define TEXT_HIGH    ((size_t)1 << 20)
#define TEXT_STEP    ((size_t)256 << 10)

/* ---- life ------------------------------------------------------------------------------------ */

static void block_signals(struct keeper *k)
{
    static const int handled[] = {SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCONT};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < COUNT_OF(handled); i++)
        sigaddset(&set, handled[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTOU, SIG_IGN); /* the terminal is restored from the background too */
    k->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static enum severity make_shared(struct keeper *k, struct error *err)
{
    void *p;

    k->shared_fd = memfd_create("mews-shared", MFD_CLOEXEC);
    if (k->shared_fd < 0 || ftruncate(k->shared_fd, sizeof(struct engine_shared)) != 0)
        return error_sys(err, errno, "can't make shared memory");
    p = mmap(NULL, sizeof(struct engine_shared), PROT_READ | PROT_WRITE, MAP_SHARED, k->shared_fd,
             0);
    if (p == MAP_FAILED)
        return error_sys(err, errno, "can't make shared memory");
    k->shared = p;
    k->shared->magic = ENGINE_SHARED_MAGIC;
    return SEV_OK;
}

struct keeper *keeper_new(const struct keeper_options *o, const struct keeper_client *client)
{
    struct keeper *k = xcalloc(1, sizeof(*k));

    k->o = *o;
    if (client)
        k->client = *client;
    k->session = json_incref(o->session);
    k->without = json_array();
    k->avoid = json_array();
    k->shared_fd = k->spool_fd = k->tty = k->screen_noise = -1;
    k->engine = (struct child){-1, -1, -1, -1};
    k->log = log_new();
    snprintf(k->id_prefix, sizeof(k->id_prefix), "keeper-%llx-",
             (unsigned long long)(time_now() ^ (uint64_t)getpid() << 40));
    buf_init(&k->line, LINE_MAX_LEN * 2);
    buf_init(&k->text, (size_t)256 << 20);
    buf_init(&k->screen_words, 65536);
    buf_init(&k->restore, 65536);
    block_signals(k);
    orphans_adopt();
    return k;
}

void keeper_free(struct keeper *k)
{
    for (size_t i = 0; i < k->pending.n; i++)
        json_decref(k->pending.v[i]);
    vec_free(&k->pending);
    json_decref(k->session);
    json_decref(k->without);
    json_decref(k->avoid);
    json_decref(k->report);
    json_decref(k->stream);
    log_free(k->log);
    buf_fini(&k->line);
    buf_fini(&k->text);
    buf_fini(&k->screen_words);
    buf_fini(&k->restore);
    rpc_free(k->rpc);
    free(k->unsaved);
    free(k->restart_unsaved);
    if (k->shared)
        munmap(k->shared, sizeof(*k->shared));
    if (k->shared_fd >= 0)
        close(k->shared_fd);
    if (k->spool_fd >= 0)
        close(k->spool_fd);
    close(k->signal_fd);
    free(k);
}

void keeper_end(struct keeper *k, int exit_code)
{
    if (!k->done)
        k->exit_code = exit_code;
    k->done = true;
}

/* ---- the engine ------------------------------------------------------------------------------ */

void keeper_send(struct keeper *k, const char *method, json_t *params)
{
    char id[64];
    json_t *m;

    snprintf(id, sizeof(id), "%s%llu", k->id_prefix, (unsigned long long)++k->next_id);
    m = rpc_request(0, method, params);
    json_object_set_new(m, "id", json_string(id));
    rpc_send(k->rpc, m);
}

static void start_session(struct keeper *k, bool open)
{
    if (k->session)
        keeper_send(k, "session/start",
                    json_pack("{sO sO sO sb}", "session", k->session, "avoid", k->avoid, "without",
                              k->without, "open", open));
}

static void forget_spool(struct keeper *k)
{
    if (k->spool_fd >= 0)
        close(k->spool_fd);
    k->spool_fd = -1;
    free(k->unsaved);
    k->unsaved = NULL;
    memset(&k->shared->spool, 0, sizeof(k->shared->spool));
    json_decref(k->stream);
    k->stream = NULL;
}

static enum severity take_unsaved(struct keeper *k, const char *path, struct error *err)
{
    json_t *session = NULL;

    forget_spool(k);
    k->spool_fd = unsaved_open(path, &k->shared->spool, &session, err);
    if (k->spool_fd < 0)
        return SEV_FAILED;
    k->unsaved = xstrdup(path);
    json_decref(k->session);
    k->session = session;
    if (json_array_size(json_object_get(session, "captures"))) /* what a pipe gave */
        json_object_set_new(session, "captures", json_pack("[s]", CAPTURE_KEPT));
    return SEV_OK;
}

/* The spool that the next engine gets: the same, unless another was asked for. */
static enum severity change_spool(struct keeper *k, struct error *err)
{
    char *unsaved = k->restart_unsaved;
    enum severity sev = SEV_OK;

    k->restart_unsaved = NULL;
    if (unsaved) {
        sev = take_unsaved(k, unsaved, err);
    } else if (k->restart_fresh) {
        forget_spool(k);
        k->spool_fd = spool_create(err);
        sev = k->spool_fd >= 0 ? SEV_OK : SEV_FAILED;
    }
    k->restart_fresh = false;
    free(unsaved);
    return sev;
}

static enum severity start_engine(struct keeper *k, bool open, struct error *err)
{
    struct spawn_options so = {.role = "engine",
                               .shared = k->shared_fd,
                               .spool = k->spool_fd,
                               .input_fd = k->o.input_fd,
                               .tty = -1,
                               .start = -1,
                               .output = k->o.output,
                               .remote = k->o.remote};

    memset(&k->shared->record, 0, sizeof(k->shared->record));
    if (change_spool(k, err) != SEV_OK)
        return SEV_FAILED;
    so.spool = k->spool_fd;
    if (spawn_child(&so, &k->engine, err) != SEV_OK)
        return SEV_FAILED;
    k->rpc = rpc_new(k->engine.rpc, k->engine.rpc);
    k->phase = ENGINE_RUNNING;
    k->expected = k->ended_by_person = k->restart = false;
    k->kill_at = 0;
    buf_reset(&k->line);
    k->starts++;
    k->log_start = log_end(k->log);
    start_session(k, open);
    keeper_tell(k, "keeper/engine", keeper_state(k));
    return SEV_OK;
}

enum severity keeper_start(struct keeper *k, struct error *err)
{
    if (make_shared(k, err) != SEV_OK)
        return SEV_FAILED;
    k->restart_fresh = k->o.keep && !k->o.remote;
    return start_engine(k, k->o.open, err);
}

static void close_engine(struct keeper *k)
{
    rpc_free(k->rpc);
    k->rpc = NULL;
    close(k->engine.rpc);
    if (k->engine.noise >= 0)
        close(k->engine.noise);
    if (k->engine.output >= 0)
        close(k->engine.output);
    k->engine = (struct child){-1, -1, -1, -1};
}

void keeper_kill_engine(struct keeper *k)
{
    if (k->engine.pid > 0) {
        kill(-k->engine.pid, SIGKILL); /* with the processes that its plugins started */
        kill(k->engine.pid, SIGKILL);
    }
}

void keeper_stop_engine(struct keeper *k, bool restart, bool open)
{
    k->restart = restart;
    k->restart_open = open;
    if (k->phase == ENGINE_RUNNING) {
        k->expected = true;
        k->phase = ENGINE_ENDING;
        k->kill_at = time_mono() + END_GRACE;
        keeper_send(k, "shutdown", NULL);
    } else if (k->phase != ENGINE_ENDING && restart) {
        struct error err;

        if (start_engine(k, open, &err) != SEV_OK)
            keeper_tell(k, "keeper/failed", json_pack("{so}", "text", rpc_str(err.text)));
    }
}

/* ---- what it prints -------------------------------------------------------------------------- */

static void take_line(struct keeper *k, const char *p, size_t n)
{
    const struct plugin_call *c = &k->shared->record.call;
    bool active = atomic_load(&c->active);
    json_t *entry = json_object();
    struct buf safe;

    buf_init(&safe, 4 * LINE_MAX_LEN + 64);
    while (n && p[n - 1] == '\r')
        n--;
    for (const char *tab; (tab = memchr(p, '\t', n)); n -= (size_t)(tab + 1 - p), p = tab + 1) {
        text_make_visible(&safe, p, (size_t)(tab - p));
        buf_adds(&safe, "    ");
    }
    text_make_visible(&safe, p, n);
    json_object_set_new(entry, "ts", rpc_u64(time_now()));
    json_object_set_new(entry, "printed", json_true());
    json_object_set_new(entry, "text", rpc_str(buf_str(&safe)));
    json_object_set_new(entry, "severity", json_integer(6));
    json_object_set_new(entry, "plugin",
                        atomic_load(&c->serial)
                            ? rpc_text(c->plugin, strnlen(c->plugin, RECORD_NAME))
                            : json_null());
    if (active) {
        json_object_set_new(entry, "during", json_string(plugin_fn_name(c->fn)));
        if (c->event)
            json_object_set_new(entry, "event", rpc_u64(c->event));
    }
    buf_fini(&safe);
    keeper_log(k, entry);
}

static void take_lines(struct keeper *k, bool all)
{
    char *end;

    while (k->line.len && (end = memchr(k->line.data, '\n', k->line.len))) {
        take_line(k, k->line.data, (size_t)(end - k->line.data));
        buf_drop(&k->line, (size_t)(end - k->line.data) + 1);
    }
    if (k->line.len && (all || k->line.len >= LINE_MAX_LEN)) {
        take_line(k, k->line.data, k->line.len);
        buf_reset(&k->line);
    }
}

/* False at the end. */
static bool read_noise(struct keeper *k)
{
    char chunk[LINE_MAX_LEN];
    ssize_t n = read(k->engine.noise, chunk, sizeof(chunk) / 2);

    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    buf_add(&k->line, chunk, (size_t)n);
    take_lines(k, false);
    return true;
}

/* After its death: what is still in the pipe. A child of a plugin may hold the other end: no
 * waiting. */
static void drain_noise(struct keeper *k)
{
    for (int i = 0; i < 4096; i++) {
        ssize_t n;
        char chunk[LINE_MAX_LEN / 2];

        do {
            n = read(k->engine.noise, chunk, sizeof(chunk));
        } while (n < 0 && errno == EINTR);
        if (n <= 0)
            break;
        buf_add(&k->line, chunk, (size_t)n);
        take_lines(k, false);
    }
    take_lines(k, true);
}

static void write_text(struct keeper *k)
{
    ssize_t n = k->text.len
                    ? write(STDOUT_FILENO, k->text.data, MIN_OF(k->text.len, (size_t)TEXT_STEP))
                    : 0;

    if (n > 0)
        buf_drop(&k->text, (size_t)n);
    else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        bool left = errno == EPIPE; /* head, or a pager that was left: that is no failure */

        if (!left)
            complain("standard output: %s", strerror(errno));
        k->text_closed = true;
        buf_reset(&k->text);
        k->done = false;
        keeper_end(k, left ? EXIT_OK : EXIT_FAILED);
    }
}

/* False at the end. */
static bool read_text(struct keeper *k)
{
    ssize_t n;

    if (!buf_reserve(&k->text, TEXT_STEP))
        return false;
    n = read(k->engine.output, k->text.data + k->text.len, TEXT_STEP);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    if (!k->text_closed)
        k->text.len += (size_t)n;
    return true;
}

static void drain_text(struct keeper *k)
{
    if (k->engine.output < 0)
        return;
    fd_set_nonblock(k->engine.output, true);
    do
        errno = 0; /* what an earlier call left would end it too soon */
    while (read_text(k) && errno != EAGAIN);
    while (k->text.len && !k->text_closed)
        write_text(k);
}

/* ---- its end --------------------------------------------------------------------------------- */

/* What it kept since it told of its stream for the last time. */
static void tell_last_stream(struct keeper *k)
{
    const struct spool_state *s = &k->shared->spool;

    if (!k->stream || k->spool_fd < 0)
        return;
    json_object_del(k->stream, "call");
    json_object_set_new(k->stream, "rate", json_integer(0));
    if (atomic_load(&s->rows)) { /* a capture file is not in the spool */
        json_object_set_new(k->stream, "end", rpc_u64(atomic_load(&s->rows)));
        json_object_set_new(k->stream, "last_number", rpc_u64(atomic_load(&s->number)));
        json_object_set_new(k->stream, "dropped", rpc_u64(atomic_load(&s->dropped)));
    }
    keeper_tell(k, "stream", json_incref(k->stream));
}

static void engine_died(struct keeper *k, int status)
{
    bool crashed = !k->expected || WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
    bool killed_late =
        k->expected && k->kill_at && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

    /* what it sent before it died still counts */
    if (k->rpc) {
        json_t *m;

        rpc_fill(k->rpc, NULL);
        while ((m = rpc_next(k->rpc)))
            keeper_from_engine(k, m);
    }
    drain_noise(k);
    drain_text(k);
    kill(-k->engine.pid, SIGKILL); /* children of plugins: orphans never stay */
    close_engine(k);
    orphans_signal(k, SIGTERM);
    k->phase = ENGINE_DEAD;
    tell_last_stream(k);
    if (crashed && !(killed_late && !k->ended_by_person) && !k->done) {
        json_t *avoid;

        json_decref(k->report);
        k->report = report_new(&k->shared->record, status, log_printed(k->log, k->log_start),
                               k->ended_by_person);
        report_symbolize(k->report);
        avoid = report_avoid(k->report, k->avoid);
        if (avoid)
            json_array_append_new(k->avoid, avoid);
        keeper_tell(k, "keeper/died", json_incref(k->report));
    }
    keeper_fail_pending(k);
    keeper_tell(k, "keeper/engine", keeper_state(k));
    if (k->restart && !k->done)
        keeper_stop_engine(k, true, k->restart_open);
}

/* ---- the screen and the terminal ------------------------------------------------------------- */

void keeper_watch_screen(struct keeper *k, pid_t pid, int noise_fd)
{
    k->screen = pid;
    k->screen_noise = noise_fd;
}

void keeper_hold_terminal(struct keeper *k, int tty)
{
    if (tcgetattr(tty, &k->tty_settings) == 0)
        k->tty = tty;
}

static void restore_terminal(struct keeper *k)
{
    if (k->tty < 0)
        return;
    tcsetattr(k->tty, TCSANOW, &k->tty_settings);
    if (k->restore.len)
        write_all(k->tty, k->restore.data, k->restore.len);
}

static void screen_died(struct keeper *k, int status)
{
    bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    char chunk[4096];
    ssize_t n;

    k->screen = 0;
    while (k->screen_noise >= 0 && (n = read(k->screen_noise, chunk, sizeof(chunk))) > 0)
        buf_add(&k->screen_words, chunk, (size_t)n);
    restore_terminal(k);
    if (!clean) {
        if (WIFSIGNALED(status))
            complain("the screen ended by signal %d (%s)", WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
        else
            complain("the screen ended with status %d", WEXITSTATUS(status));
        if (k->screen_words.len)
            complain("%s", buf_str(&k->screen_words));
    }
    keeper_end(k, clean ? EXIT_OK : EXIT_FAILED);
}

void keeper_suspend(struct keeper *k)
{
    restore_terminal(k);
    k->suspended = true;
    if (k->engine.pid > 0)
        kill(-k->engine.pid, SIGSTOP);
    kill(getpid(), SIGSTOP);
    /* here again after SIGCONT */
    if (k->engine.pid > 0)
        kill(-k->engine.pid, SIGCONT);
    k->suspended = false;
    keeper_tell(k, "keeper/resumed", NULL);
}

bool keeper_has_unsaved(const struct keeper *k)
{
    return k->spool_fd >= 0 && k->stream && rpc_get_bool(k->stream, "live", false) &&
           atomic_load(&k->shared->spool.rows) > 0;
}

static void keep_unsaved(struct keeper *k)
{
    char *path;

    if (!keeper_has_unsaved(k))
        return;
    if (k->unsaved)
        unsaved_discard(k->unsaved); /* it goes on under a new name */
    path = unsaved_keep(k->spool_fd, &k->shared->spool, k->session, k->stream);
    free(path);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void reap(struct keeper *k)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == k->engine.pid)
            engine_died(k, status);
        else if (pid == k->screen)
            screen_died(k, status);
    }
}

static void on_signal(struct keeper *k, int sig)
{
    switch (sig) {
    case SIGCHLD:
        reap(k);
        break;
    case SIGINT:
        if (k->client.interrupted && k->client.interrupted(k->client.ctx))
            break;
        /* fall through */
    case SIGTERM:
    case SIGHUP:
    case SIGQUIT:
        keep_unsaved(k);
        keeper_end(k, 128 + sig);
        break;
    default:
        break;
    }
}

static void read_signals(struct keeper *k)
{
    struct signalfd_siginfo info;

    while (read(k->signal_fd, &info, sizeof(info)) == sizeof(info))
        on_signal(k, (int)info.ssi_signo);
}

void keeper_serve(struct keeper *k, struct rpc *rpc)
{
    k->client_rpc = rpc;
}

static void talk_engine(struct keeper *k, bool readable)
{
    struct error err;
    json_t *m;

    if (readable && rpc_fill(k->rpc, &err) != SEV_OK)
        return; /* its end comes as SIGCHLD */
    while (k->rpc && (m = rpc_next(k->rpc)))
        keeper_from_engine(k, m);
}

static void talk_client(struct keeper *k, bool readable)
{
    struct error err;
    json_t *m;

    if (!readable || rpc_fill(k->client_rpc, &err) == SEV_OK) {
        while (k->client_rpc && (m = rpc_next(k->client_rpc)))
            keeper_request(k, m);
        if (!k->client_rpc || rpc_check(k->client_rpc, &err) == SEV_OK)
            return;
    }
    if (!k->screen) { /* the screen's end comes as SIGCHLD, with its reason */
        if (err.code != ERR_GONE)
            complain("%s", err.text);
        keep_unsaved(k);
        keeper_end(k, err.code == ERR_GONE ? EXIT_OK : EXIT_FAILED);
    }
    k->client_rpc = NULL;
}

enum {
    FD_SIGNAL,
    FD_ENGINE,
    FD_NOISE,
    FD_OUTPUT,
    FD_STDOUT,
    FD_CLIENT_IN,
    FD_CLIENT_OUT,
    FD_SCREEN,
    FD_COUNT
};

static void fill_fds(struct keeper *k, struct pollfd fds[FD_COUNT])
{
    for (int i = 0; i < FD_COUNT; i++)
        fds[i] = (struct pollfd){-1, POLLIN, 0};
    fds[FD_SIGNAL].fd = k->signal_fd;
    if (k->rpc) {
        fds[FD_ENGINE].fd = rpc_in(k->rpc);
        fds[FD_ENGINE].events = (short)(POLLIN | (rpc_wants_write(k->rpc) ? POLLOUT : 0));
        fds[FD_NOISE].fd = k->engine.noise;
        if (k->text.len < TEXT_HIGH)
            fds[FD_OUTPUT].fd = k->engine.output;
    }
    if (k->text.len)
        fds[FD_STDOUT] = (struct pollfd){STDOUT_FILENO, POLLOUT, 0};
    if (k->client_rpc) {
        fds[FD_CLIENT_IN].fd = rpc_in(k->client_rpc);
        if (rpc_wants_write(k->client_rpc))
            fds[FD_CLIENT_OUT] = (struct pollfd){rpc_out(k->client_rpc), POLLOUT, 0};
    }
    fds[FD_SCREEN].fd = k->screen_noise;
}

static void read_screen(struct keeper *k)
{
    char chunk[4096];
    ssize_t n = read(k->screen_noise, chunk, sizeof(chunk));

    if (n > 0)
        buf_add(&k->screen_words, chunk, (size_t)n);
    else if (n == 0) {
        close(k->screen_noise);
        k->screen_noise = -1;
    }
}

static void serve_fds(struct keeper *k, const struct pollfd fds[FD_COUNT])
{
    /* the engine's words before its death: the order in which they come is not the order in which
     * they happened */
    if (fds[FD_NOISE].revents && !read_noise(k)) {
        close(k->engine.noise);
        k->engine.noise = -1;
    }
    if (fds[FD_OUTPUT].revents && !read_text(k)) {
        close(k->engine.output);
        k->engine.output = -1;
    }
    if (fds[FD_STDOUT].revents)
        write_text(k);
    if (k->rpc && fds[FD_ENGINE].revents)
        talk_engine(k, (fds[FD_ENGINE].revents & (POLLIN | POLLHUP)) != 0);
    if (k->client_rpc)
        talk_client(k, fds[FD_CLIENT_IN].revents != 0);
    if (fds[FD_SCREEN].revents)
        read_screen(k);
    if (fds[FD_SIGNAL].revents)
        read_signals(k);
}

static void flush_all(struct keeper *k)
{
    struct error err;

    if (k->rpc)
        rpc_flush(k->rpc, &err);
    if (k->client_rpc && rpc_flush(k->client_rpc, &err) != SEV_OK && !k->screen)
        keeper_end(k, EXIT_OK);
}

static int wait_ms(const struct keeper *k)
{
    uint64_t now = time_mono();

    if (!k->kill_at)
        return -1;
    return now >= k->kill_at ? 0 : (int)((k->kill_at - now) / NS_PER_MS) + 1;
}

/* The engine gets a moment to close its source and destroy its plugins. */
static void wait_for_engine(struct keeper *k)
{
    uint64_t end;
    int status;

    if (k->engine.pid <= 0)
        return;
    if (!k->text_closed)
        drain_text(k); /* what it wrote before it said that it has ended */
    if (k->phase == ENGINE_RUNNING && k->rpc) {
        keeper_send(k, "shutdown", NULL);
        rpc_flush(k->rpc, NULL);
    }
    for (end = time_mono() + END_GRACE; time_mono() < end;) {
        struct pollfd fds[2] = {{k->rpc ? rpc_in(k->rpc) : -1, POLLIN, 0},
                                {k->engine.noise, POLLIN, 0}};

        if (waitpid(k->engine.pid, &status, WNOHANG) == k->engine.pid) {
            kill(-k->engine.pid, SIGKILL);
            return;
        }
        if (poll(fds, 2, 20) > 0) {
            if (fds[0].revents && k->rpc && rpc_fill(k->rpc, NULL) != SEV_OK)
                poll(NULL, 0, 5);
            if (fds[1].revents)
                read_noise(k);
        }
    }
    keeper_kill_engine(k);
    waitpid(k->engine.pid, &status, 0);
}

static void wait_for_screen(struct keeper *k)
{
    int status;

    if (k->screen <= 0)
        return;
    kill(k->screen, SIGTERM);
    for (int i = 0; i < 100; i++) {
        if (waitpid(k->screen, &status, WNOHANG) == k->screen) {
            k->screen = 0;
            break;
        }
        poll(NULL, 0, 10);
    }
    if (k->screen > 0) {
        kill(k->screen, SIGKILL);
        waitpid(k->screen, &status, 0);
    }
    restore_terminal(k);
}

bool keeper_turn(struct keeper *k, int fd, bool *readable)
{
    struct pollfd fds[FD_COUNT + 1];

    *readable = false;
    flush_all(k);
    if ((k->done && !k->text.len) || (k->done && k->text_closed))
        return false;
    fill_fds(k, fds);
    fds[FD_COUNT] = (struct pollfd){fd, POLLIN, 0};
    if (poll(fds, FD_COUNT + 1, wait_ms(k)) < 0 && errno != EINTR)
        return false;
    *readable = fd >= 0 && fds[FD_COUNT].revents;
    serve_fds(k, fds);
    if (k->kill_at && time_mono() >= k->kill_at) {
        k->kill_at = UINT64_MAX; /* once */
        keeper_kill_engine(k);
    }
    return true;
}

int keeper_run(struct keeper *k)
{
    bool readable;

    while (keeper_turn(k, -1, &readable))
        ;
    flush_all(k);
    wait_for_screen(k);
    wait_for_engine(k);
    k->engine.pid = 0;
    orphans_end(k);
    return k->exit_code;
}
