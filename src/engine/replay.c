/* The engine's side of reading events again: it starts the process, sends it the events of a plugin's
 * stream, takes what it says of each, and finds out what it died of. */
#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXE        "/proc/self/exe"
#define ROWS       256
#define ROWS_BYTES ((size_t)1 << 20)
#define IN_STEP    ((size_t)256 << 10)
#define IN_MAX     (REPLAY_FRAME_MAX + 2 * IN_STEP)
#define CALL_MAX   (30 * NS_PER_S) /* of one call into a plugin */

struct replay {
    pid_t pid;
    int fd, status;
    struct plugin_record *record; /* shared with it */
    uint64_t fed, row, end; /* the next to be sent, the next that has no values; up to where */
    size_t nfields;
    bool reads; /* a capture by itself */
    bool told_end, over, ended;
    uint64_t hung; /* ns of the call for which it was ended */
    struct buf out, in;
    size_t sent, taken;
    char failed[400]; /* its own words; "": none */
    struct buf bytes;
    size_t offsets[ROWS];
    struct arena arena;
};

/* ---- its process ------------------------------------------------------------------------------- */

extern char **environ;

static bool move_up(int fd, int *out)
{
    *out = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 16) : -1;
    return fd < 0 || *out >= 0;
}

static bool spawn(pid_t *pid, const int fds[3])
{
    int up[3] = {-1, -1, -1}, rc = ENOMEM;
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    char *argv[] = {(char *)"mews-replay", (char *)"--replay-process",
                    (char *)(fds[2] >= 0 ? "5" : "-1"), NULL};
    sigset_t none;

    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&fa, 2, 1); /* what plugins print */
    if (move_up(fds[0], &up[0]) && move_up(fds[1], &up[1]) && move_up(fds[2], &up[2])) {
        for (int i = 0; i < 3 && up[i] >= 0; i++)
            posix_spawn_file_actions_adddup2(&fa, up[i], 3 + i);
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
        rc = posix_spawn(pid, EXE, &fa, &attr, argv, environ);
    }
    for (int i = 0; i < 3; i++) {
        if (up[i] >= 0)
            close(up[i]);
    }
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&fa);
    errno = rc;
    return rc == 0;
}

static bool start_process(struct engine *e, struct replay *r)
{
    int socks[2], shared = memfd_create("mews-replay", MFD_CLOEXEC);
    void *record = MAP_FAILED;
    bool ok = false;

    if (shared >= 0 && ftruncate(shared, sizeof(*r->record)) == 0)
        record = mmap(NULL, sizeof(*r->record), PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
    r->record = record != MAP_FAILED ? record : NULL;
    if (r->record && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks) == 0) {
        r->fd = socks[0];
        fd_set_nonblock(r->fd, true);
        ok = spawn(&r->pid, (const int[]){socks[1], shared, r->reads ? e->fds.spool : -1});
        close(socks[1]);
    }
    if (shared >= 0)
        close(shared);
    return ok;
}

/* ---- what it is told first ----------------------------------------------------------------------- */

static json_t *session_json(const struct engine *e)
{
    json_t *session = spec_to_json(&e->spec);

    if (e->capture && capture_is_piped(e->capture))
        json_object_set_new(session, "captures", json_pack("[s]", CAPTURE_KEPT));
    json_object_set_new(session, "follow", json_false());
    return session;
}

static json_t *plugins_of(const struct engine *e)
{
    json_t *list = json_array();
    struct plugin *p;

    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        if (plugin_state(p) == PLUGIN_INITIALISED)
            json_array_append_new(list,
                                  json_pack("{so so}", "info", plugin_info_to_json(plugin_info(p)),
                                            "config", rpc_str(plugin_config(p))));
    }
    return list;
}

static json_t *field_order(const struct field_ref *ref)
{
    json_t *providers = json_array();

    for (size_t i = 0; i < ref->def->providers.n; i++)
        json_array_append_new(providers,
                              json_pack("{so sI}", "plugin",
                                        rpc_str(plugin_info(ref->def->providers.v[i].plugin)->name),
                                        "index", (json_int_t)ref->def->providers.v[i].index));
    return json_pack("{so si sb sb so so}", "providers", providers, "type", (int)ref->def->type,
                     "list", ref->def->list, "present", ref->arg.present, "key",
                     rpc_str(ref->arg.key), "index", rpc_u64(ref->arg.index));
}

static void tell_start(const struct engine *e, struct replay *r, const struct replay_order *order)
{
    json_t *fields = json_array(), *start;
    char *text;

    for (size_t i = 0; i < order->nfields; i++)
        json_array_append_new(fields, field_order(order->fields[i]));
    start = json_pack("{so so so sb sb sO* so}", "session", session_json(e), "plugins",
                      plugins_of(e), "fields", fields, "reads", r->reads, "careful", order->careful,
                      "avoid", order->avoid, "end", rpc_u64(order->end));
    text = json_dumps(start, JSON_COMPACT);
    if (text)
        frame_put(&r->out, REPLAY_START, span_of(text));
    free(text);
    json_decref(start);
}

struct replay *replay_start(struct engine *e, const struct replay_order *order, struct error *err)
{
    struct replay *r = xcalloc(1, sizeof(*r));

    r->fd = -1;
    r->fed = r->row = order->first;
    r->end = order->end;
    r->nfields = order->nfields;
    r->reads = e->capture != NULL;
    buf_init(&r->out, REPLAY_FRAME_MAX);
    buf_init(&r->in, IN_MAX);
    buf_init(&r->bytes, EVENT_LEN_MAX + ROWS_BYTES);
    if (start_process(e, r)) {
        tell_start(e, r, order);
        return r;
    }
    error_sys(err, errno, "the process that reads events again can't be started");
    replay_free(r);
    return NULL;
}

void replay_free(struct replay *r)
{
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    if (r->pid > 0 && !r->ended) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    if (r->record)
        munmap(r->record, sizeof(*r->record));
    buf_fini(&r->out);
    buf_fini(&r->in);
    buf_fini(&r->bytes);
    arena_fini(&r->arena);
    free(r);
}

/* ---- events for it ------------------------------------------------------------------------------- */

static void put_row(struct engine *e, struct replay *r, uint64_t row, const char *event)
{
    struct store_row s;
    bool none = !store_row(e->store, row, &s) || s.type == STORE_ROW_MARK ||
                (s.flags & STORE_UNNUMBERED) ||
                event_check(event, event_len(event), NULL) != SEV_OK;
    size_t begin = frame_begin(&r->out, none ? REPLAY_MARK : REPLAY_EVENT);
    char numbers[16];

    put_u64(numbers, row);
    put_u64(numbers + 8, store_number(e->store, row));
    buf_add(&r->out, numbers, none ? 8 : 16);
    if (!none)
        buf_add(&r->out, event, event_len(event));
    frame_end(&r->out, begin);
}

static void feed(struct engine *e, struct replay *r)
{
    size_t n = (size_t)MIN_OF(r->end - r->fed, (uint64_t)ROWS), got;

    r->sent = 0;
    buf_reset(&r->out);
    if (n == 0) {
        frame_put(&r->out, REPLAY_END, (struct span){NULL, 0});
        r->told_end = true;
        return;
    }
    got = store_read_rows(e->store, r->fed, n, ROWS_BYTES, &r->bytes, r->offsets);
    for (size_t i = 0; i < got; i++)
        put_row(e, r, r->fed++, r->bytes.data + r->offsets[i]);
    if (got == 0) /* dropped meanwhile */
        r->fed = MAX_OF(r->fed + 1, store_first(e->store));
}

/* False when there is nothing to send, or no room for it. */
static bool send_some(struct engine *e, struct replay *r)
{
    ssize_t n;

    if (r->sent == r->out.len && !r->reads && !r->told_end)
        feed(e, r);
    if (r->sent == r->out.len)
        return false;
    n = send(r->fd, r->out.data + r->sent, r->out.len - r->sent, MSG_NOSIGNAL);
    if (n > 0)
        r->sent += (size_t)n;
    return n > 0;
}

/* ---- what it says ---------------------------------------------------------------------------------- */

static bool take_values(struct engine *e, struct replay *r, struct span s,
                        void (*told)(struct engine *e, uint64_t row, const struct value *v))
{
    struct value *values;
    uint64_t row;

    if (s.n < 8)
        return false;
    row = get_u64(s.p);
    s = (struct span){s.p + 8, s.n - 8};
    arena_reset(&r->arena);
    values = arena_alloc(&r->arena, MAX_OF(r->nfields, (size_t)1) * sizeof(*values));
    for (size_t i = 0; i < r->nfields; i++) {
        if (!frame_take_value(&s, &r->arena, &values[i]))
            return false;
    }
    if (row < r->row || row >= r->end)
        return false;
    told(e, row, values);
    r->row = row + 1;
    return true;
}

static void take_log(struct engine *e, struct span s)
{
    json_t *m = json_loadb(s.p, s.n, 0, NULL);

    if (json_is_object(m) && rpc_get_str(m, "text"))
        replay_log(e, rpc_get_str(m, "plugin"), (int)rpc_u64_or(m, "severity", 5),
                   rpc_get_str(m, "component"), rpc_get_str(m, "text"));
    json_decref(m);
}

static bool take_message(struct engine *e, struct replay *r, const struct replay_message *m,
                         void (*told)(struct engine *e, uint64_t row, const struct value *v))
{
    switch (m->kind) {
    case REPLAY_VALUES:
        return take_values(e, r, m->body, told);
    case REPLAY_LOG:
        take_log(e, m->body);
        return true;
    case REPLAY_FAILED:
        snprintf(r->failed, sizeof(r->failed), "%.*s", (int)MIN_OF(m->body.n, sizeof(r->failed)),
                 m->body.p);
        return true;
    case REPLAY_OVER:
        r->over = true;
        return true;
    default:
        return false;
    }
}

/* False: it says what can't be. */
static bool take_messages(struct engine *e, struct replay *r,
                          void (*told)(struct engine *e, uint64_t row, const struct value *v))
{
    for (;;) {
        struct replay_message m;
        size_t n = frame_take((struct span){r->in.data + r->taken, r->in.len - r->taken}, &m);

        if (n == 0)
            break;
        if (n == SIZE_MAX || !take_message(e, r, &m, told))
            return false;
        r->taken += n;
    }
    buf_drop(&r->in, r->taken);
    r->taken = 0;
    return true;
}

static void end_process(struct replay *r)
{
    kill(r->pid, SIGKILL); /* no harm when it is dead */
    while (waitpid(r->pid, &r->status, 0) < 0 && errno == EINTR)
        ;
    r->ended = true;
}

/* False at its end. */
static bool receive_some(struct engine *e, struct replay *r, bool *came,
                         void (*told)(struct engine *e, uint64_t row, const struct value *v))
{
    ssize_t n;

    *came = false;
    if (!buf_reserve(&r->in, IN_STEP))
        return false;
    n = recv(r->fd, r->in.data + r->in.len, IN_STEP, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    r->in.len += (size_t)n;
    *came = true;
    if (take_messages(e, r, told))
        return true;
    snprintf(r->failed, sizeof(r->failed), "what it says can't be understood");
    return false;
}

static bool hangs(struct replay *r)
{
    const struct plugin_call *c = &r->record->call;
    uint64_t since = atomic_load(&c->since), now = time_mono();

    if (!atomic_load(&c->active) || now < since + CALL_MAX)
        return false;
    r->hung = now - since;
    return true;
}

enum replay_state replay_step(struct engine *e, struct replay *r, uint64_t until,
                              void (*told)(struct engine *e, uint64_t row, const struct value *v))
{
    bool came = true, sent = true;

    while ((came || sent) && !r->over && time_mono() < until) {
        sent = send_some(e, r);
        if (!receive_some(e, r, &came, told)) {
            end_process(r);
            return REPLAY_DIED;
        }
    }
    if (r->over) {
        end_process(r);
        return REPLAY_DONE;
    }
    if (came || sent)
        return REPLAY_WORKS;
    if (!hangs(r))
        return REPLAY_WAITS;
    end_process(r);
    return REPLAY_DIED;
}

/* ---- its death --------------------------------------------------------------------------------------- */

static void death_words(const struct replay *r, const struct plugin_call *c, char *out, size_t room)
{
    bool active = atomic_load(&c->active);
    char took[32], where[300] = "";

    if (active)
        snprintf(where, sizeof(where), " in %.64s of %.64s%s%.64s", plugin_fn_name(c->fn),
                 c->plugin, *c->field ? ", " : "", c->field);
    if (active && c->event)
        snprintf(where + strlen(where), sizeof(where) - strlen(where), ", event %llu",
                 (unsigned long long)c->event);
    if (*r->failed)
        snprintf(out, room, "%s", r->failed);
    else if (r->hung)
        snprintf(out, room, "ended after %s%s", text_duration(r->hung, took), where);
    else if (WIFSIGNALED(r->status) && atomic_load(&r->record->crash.written))
        snprintf(out, room, "died by SIG%s%s", signal_word(r->record->crash.signal), where);
    else if (WIFSIGNALED(r->status))
        snprintf(out, room, "died by SIG%s%s", signal_word(WTERMSIG(r->status)), where);
    else
        snprintf(out, room, "ended with status %d%s", WEXITSTATUS(r->status), where);
}

void replay_death(const struct replay *r, struct replay_death *out)
{
    struct plugin_call c = r->record->call;
    const char *field = c.field;
    char reason[700];

    c.plugin[RECORD_NAME - 1] = c.field[RECORD_NAME - 1] = '\0';
    death_words(r, &c, out->text, sizeof(out->text));
    out->avoid = NULL;
    if (c.fn == PF_PARSE_EVENT)
        field = plugin_fn_name(PF_PARSE_EVENT);
    if (*r->failed || !atomic_load(&c.active) || !*field)
        return;
    snprintf(reason, sizeof(reason), "reading again, the process %s", out->text);
    out->avoid =
        json_pack("{so so so so so}", "plugin", rpc_str(c.plugin), "field", rpc_str(field), "event",
                  rpc_u64(c.event), "file_time", rpc_u64(c.file_mtime), "reason", rpc_str(reason));
}
