/* The screen process: keys in, messages in, one picture out. */
#include <errno.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "internal.h"

#define FRAME_NS     (16 * NS_PER_MS)
#define NOTICE_NS    (6 * NS_PER_S)
#define TICK_MS      500
#define KEYS_WAIT_NS (500 * NS_PER_MS)

static volatile sig_atomic_t end_wanted, resized;

static void on_end_signal(int sig)
{
    end_wanted = sig;
}

static void on_resize_signal(int sig)
{
    UNUSED(sig);
    resized = 1;
}

/* ---- screens --------------------------------------------------------------------------------- */

static const struct screen *const screens[SCREEN_COUNT] = {
    [SCREEN_INFO] = &screen_info,       [SCREEN_EVENTS] = &screen_events,
    [SCREEN_PLUGINS] = &screen_plugins, [SCREEN_FIELDS] = &screen_fields,
    [SCREEN_RULES] = &screen_rules,     [SCREEN_VIEWS] = &screen_views,
    [SCREEN_ASYNC] = &screen_async,     [SCREEN_STATE] = &screen_state,
    [SCREEN_API] = &screen_api,         [SCREEN_LOG] = &screen_log,
};

const struct screen *screen_of(enum screen_id id)
{
    return screens[id];
}

void screen_go(struct ui *u, int id)
{
    if ((int)u->screen == id)
        return;
    detail_forget_preview(u);
    u->screen = (enum screen_id)id;
    if (id == SCREEN_STATE)
        coach_note(u, "state");
    if (screens[id]->open)
        screens[id]->open(u);
}

void notice(struct ui *u, enum look l, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(u->notice, sizeof(u->notice), fmt, ap);
    va_end(ap);
    for (char *p = u->notice; *p; p++)
        *p = *p == '\n' ? ' ' : *p;
    u->notice_look = l;
    u->notice_until = time_mono() + NOTICE_NS;
}

const char *time_text(const struct ui *u, uint64_t ts, enum time_form form, char out[40])
{
    return time_format(ts, form, u->utc, out);
}

bool engine_is_up(const struct ui *u)
{
    const char *phase = rpc_get_str(u->keeper, "engine");

    return !u->report && (!phase || str_eq(phase, "running"));
}

/* ---- the engine's life ----------------------------------------------------------------------- */

static void restart_now(struct ui *u, void *ctx)
{
    UNUSED(ctx);
    engine_restart(u, 0);
}

static void restart_without(struct ui *u, void *ctx)
{
    UNUSED(ctx);
    engine_restart(u, 1);
}

static void show_log(struct ui *u, void *ctx)
{
    UNUSED(ctx);
    screen_go(u, SCREEN_LOG);
}

/* Numbers are others then: the place is found again by its time. */
void capture_toggle(struct ui *u, int arg)
{
    const char *key = arg ? "internal" : "raw_events";
    bool on = !rpc_get_bool(u->stream, key, false);

    if (!json_object_get(u->stream, key)) {
        notice(u, LOOK_WARN, "only captures of system calls have such events");
        return;
    }
    u->events.back_wanted = events_time(u);
    vec_free(&u->events.marks);
    vec_free(&u->judged);
    u->events.times = TIMES_OF_DAY;
    u->events.strip_zoom = false;
    ask(u, "keeper/start", json_pack("{s{sb}}", "set", key, on), NULL, NULL);
    if (arg)
        notice(u, LOOK_TEXT, on ? "internal events are shown" : "internal events are hidden");
    else
        notice(u, LOOK_TEXT,
               on ? "calls as the file has them: enter and exit, with sysdig's numbers"
                  : "one row for a call");
}

void engine_restart(struct ui *u, int arg)
{
    const char *plugin = rpc_get_str(u->report, "plugin");
    json_t *q = json_object();

    if (arg && (!plugin || !*plugin)) {
        notice(u, LOOK_WARN, "no plugin is known to have died");
        json_decref(q);
        return;
    }
    if (arg)
        json_object_set_new(q, "without", rpc_str(plugin));
    ask(u, "keeper/start", q, NULL, NULL);
    notice(u, LOOK_TEXT, arg ? "starting without %s…" : "starting anew…", plugin ? plugin : "");
}

static void end_now(struct ui *u, void *ctx)
{
    UNUSED(ctx);
    ask(u, "keeper/end", NULL, NULL, NULL);
}

void engine_end_call(struct ui *u, int arg)
{
    static const struct dialog_key keys[] = {{'K', "end it", end_now}, {27, "let it run", NULL}};
    const json_t *call = json_object_get(u->stream, "call");
    struct buf b;

    UNUSED(arg);
    if (!engine_is_up(u)) {
        notice(u, LOOK_WARN, "the engine has ended already");
        return;
    }
    if (call) {
        end_now(u, NULL);
        return;
    }
    buf_init(&b, 2000);
    buf_adds(&b, "No call is known to hang. Ending the engine closes the source; the events that "
                 "were read stay.");
    dialog_open(u, "end the engine?", LOOK_WARN, buf_str(&b), keys, 2, NULL);
    buf_fini(&b);
}

static void add_frames(const json_t *report, struct buf *b)
{
    const json_t *frames = json_object_get(report, "frames"), *f;
    size_t i;

    json_array_foreach(frames, i, f) {
        const char *symbol = rpc_get_str(f, "symbol"), *source = rpc_get_str(f, "source"),
                   *module = rpc_get_str(f, "module");

        if (i >= 8)
            break; /* from here on it is mews itself */
        buf_addf(b, "  at %s  %s\n", symbol && *symbol ? symbol : "?",
                 source && *source ? source : module);
    }
}

void report_open(struct ui *u)
{
    static const struct dialog_key keys[] = {{'R', "start anew", restart_now},
                                             {'W', "without it", restart_without},
                                             {'L', "log", show_log},
                                             {27, "look around", NULL}};
    const json_t *lines = json_object_get(u->report, "lines"), *line;
    const char *words = rpc_get_str(u->report, "words"),
               *argument = rpc_get_str(u->report, "argument");
    char n[32];
    struct buf b;
    size_t i;

    buf_init(&b, 1 << 20);
    buf_addf(&b, "%s\n", rpc_get_str(u->report, "headline"));
    if (words)
        buf_addf(&b, "%s\n", words);
    if (argument && *argument)
        buf_addf(&b, "argument: %s\n", argument);
    add_frames(u->report, &b);
    if (json_array_size(lines))
        buf_adds(&b, "\nit printed last:\n");
    json_array_foreach(lines, i, line)
        buf_addf(&b, "  %s\n", json_string_value(line));
    buf_addf(
        &b,
        "\n%s events are kept. Starting anew loads the plugins again, rebuilt ones too; the "
        "%s.",
        text_count(stream_events(u), n),
        str_eq(rpc_get_str(u->stream, "plugin") ? rpc_get_str(u->stream, "plugin") : "", "capture")
            ? "capture is read again"
            : "source stays closed until o opens it");
    dialog_open(u, "the engine has ended", LOOK_BAD, buf_str(&b), keys, COUNT_OF(keys), NULL);
    buf_fini(&b);
}

static void engine_started(struct ui *u)
{
    json_decref(u->report);
    u->report = NULL;
    u->ready = false;
    events_reset(u);
    detail_reset(u);
    counts_reset(u);
    async_reset(u);
    rules_reset(u);
    fields_reset(u);
    change_reset(u);
    funnels_restart(u);
    state_reset(u);
    plugins_reset(u);
    u->selection = 0;
    u->checking = u->completing = false;
    /* the same filter, over the same events, once its fields are there */
    if (*u->filter) { /* else that of a start before, which never got so far */
        free(u->filter_wanted);
        u->filter_wanted = u->filter;
        u->filter = xstrdup("");
    }
    events_refresh(u);
    coach_note(u, "restarted");
}

static void on_keeper_engine(struct ui *u, const json_t *params)
{
    uint64_t before = rpc_u64_or(u->keeper, "starts", 0), now = rpc_u64_or(params, "starts", 0);
    const char *phase = rpc_get_str(params, "engine");

    json_decref(u->keeper);
    u->keeper = json_incref((json_t *)params);
    if (phase && str_eq(phase, "running") && before && now > before)
        engine_started(u);
}

static void on_failures(struct ui *u, const json_t *failures)
{
    const json_t *f = json_array_get(failures, 0);

    if (!f)
        return;
    if (json_array_size(failures) == 1)
        notice(u, LOOK_BAD, "plugin %s: %s   2 shows it", rpc_get_str(f, "name"),
               rpc_get_str(f, "text"));
    else
        notice(u, LOOK_BAD, "%zu plugins can't be used: 2 shows them", json_array_size(failures));
}

static void on_ready(struct ui *u, const json_t *params)
{
    bool no_source =
        !rpc_get_str(json_object_get(params, "stream"), "plugin") && u->overlays.n == 0;

    u->ready = true;
    u->notice_until = 0; /* "starting anew…" */
    on_failures(u, json_object_get(params, "failures"));
    if (no_source && rpc_u64_or(u->keeper, "starts", 1) <= 1 &&
        rpc_u64_or(u->stream, "end", 0) == 0)
        screen_go(u, SCREEN_PLUGINS);
    rules_start(u);
    alerts_when_read(u);
    events_ask_columns(u);
    events_refresh(u);
}

/* Once what it may name is known. */
void filter_take_wanted(struct ui *u)
{
    char *text = u->filter_wanted;

    u->filter_wanted = NULL;
    if (text)
        filter_again(u, text);
    free(text);
}

static void on_selection(struct ui *u, const json_t *params)
{
    rules_counted(u, params);
    change_counted(u, params);
    if (rpc_u64_or(params, "selection", 0) != u->selection)
        return;
    u->matches = rpc_u64_or(params, "matches", 0);
    u->scanned = rpc_u64_or(params, "scanned", 0);
    u->rows = rpc_u64_or(params, "rows", 0);
}

static void keep(json_t **to, const json_t *from)
{
    json_decref(*to);
    *to = json_incref((json_t *)from);
}

void ui_note(struct ui *u, const char *method, const json_t *params)
{
    if (str_eq(method, "stream")) {
        keep(&u->stream, params);
        alerts_when_read(u);
    } else if (str_eq(method, "selection"))
        on_selection(u, params);
    else if (str_eq(method, "keeper/engine"))
        on_keeper_engine(u, params);
    else if (str_eq(method, "keeper/died")) {
        keep(&u->report, params);
        coach_note(u, "died");
        report_open(u);
    } else if (str_eq(method, "keeper/failed")) {
        const char *text = rpc_get_str(params, "text");

        notice(u, LOOK_BAD, "%s", text ? text : error_text(json_object_get(params, "error")));
    } else if (str_eq(method, "keeper/resumed")) {
        u->ended = false;
        term_resume();
    } else if (str_eq(method, "session/ready"))
        on_ready(u, params);
    else if (str_eq(method, "offer"))
        keep(&u->offer, params);
    else if (str_eq(method, "replay/asked"))
        replay_asked(u, params);
    if (screens[u->screen]->note)
        screens[u->screen]->note(u, method, params);
    if (u->screen != SCREEN_EVENTS && (str_eq(method, "selection") || str_eq(method, "plugins")))
        detail_note(u, method, params);
}

/* ---- offers, unsaved streams, leaving -------------------------------------------------------- */

void offer_take(struct ui *u, int arg)
{
    const char *library = rpc_get_str(u->offer, "library");
    json_t *session;

    UNUSED(arg);
    if (!u->offer) {
        notice(u, LOOK_TEXT, "nothing is offered");
        return;
    }
    if (!library) {
        plugins_load(u, 0);
        return;
    }
    session = json_deep_copy(json_object_get(u->options, "session"));
    if (!session)
        session = json_object();
    json_object_set_new(session, "plugins",
                        json_pack("[{so ss}]", "library", rpc_str(library), "config", ""));
    json_object_set_new(session, "source", rpc_str(rpc_get_str(u->offer, "plugin")));
    json_object_set_new(session, "params", rpc_str(rpc_get_str(u->offer, "params")));
    ask(u, "keeper/start", json_pack("{so sb sb}", "session", session, "open", true, "fresh", true),
        NULL, NULL);
    json_decref(u->offer);
    u->offer = NULL;
    columns_restart(&u->events);
    free(u->filter);
    u->filter = xstrdup("");
}

static void take_unsaved(struct ui *u, void *ctx)
{
    const json_t *first = json_array_get(u->unsaved, 0);

    UNUSED(ctx);
    if (!first)
        return;
    ask(u, "keeper/start", json_pack("{so}", "unsaved", rpc_str(rpc_get_str(first, "path"))), NULL,
        NULL);
    json_array_remove(u->unsaved, 0);
    columns_restart(&u->events);
    u->events.want_first = true;
}

void unsaved_offer(struct ui *u, int arg)
{
    UNUSED(arg);
    if (json_array_size(u->unsaved) == 0)
        notice(u, LOOK_TEXT, "there is no unsaved stream");
    else
        take_unsaved(u, NULL);
}

static void quit_now(struct ui *u, void *ctx)
{
    ask(u, "keeper/quit", json_pack("{sb}", "discard", ctx != NULL), NULL, NULL);
    u->quit = true;
}

static void on_saved(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    char n[32];

    if (error) {
        notice(u, LOOK_BAD, "%s", error_text(error));
        return;
    }
    notice(u, LOOK_GOOD, "%s events saved to %s", text_count(rpc_u64_or(result, "events", 0), n),
           rpc_get_str(result, "path"));
    if (ctx)
        quit_now(u, ctx);
}

static char matches_only; /* its address says so */

static void on_save_path(struct ui *u, const char *text, void *ctx)
{
    if (!*text)
        return;
    history_add(&u->path_history, text);
    ask(u, "save",
        json_pack("{so so}", "path", rpc_str(text), "selection",
                  rpc_u64(ctx == &matches_only ? u->selection : 0)),
        on_saved, ctx == &matches_only ? NULL : ctx);
}

static void save_matches(struct ui *u, void *ctx)
{
    UNUSED(ctx);
    prompt_open(u, "save the events that match to", "", &u->path_history, on_save_path,
                &matches_only);
}

static void save_all(struct ui *u, void *ctx)
{
    UNUSED(ctx);
    prompt_open(u, "save all events to", "", &u->path_history, on_save_path, NULL);
}

void stream_save(struct ui *u, int arg)
{
    static const struct dialog_key keys[] = {
        {'m', "what matches", save_matches}, {'a', "all", save_all}, {27, "neither", NULL}};
    static char then_quit;

    if (!arg && *u->filter) {
        dialog_open(u, "save", LOOK_TEXT,
                    "A filter is set: save what matches it, or all that is kept?\nOf what does not "
                    "match only what the rest depends on goes along, hidden.",
                    keys, COUNT_OF(keys), NULL);
        return;
    }
    prompt_open(u, "save all events to", "", &u->path_history, on_save_path,
                arg ? &then_quit : NULL);
}

static void save_and_quit(struct ui *u, void *ctx)
{
    UNUSED(ctx);
    stream_save(u, 1);
}

static void discard_and_quit(struct ui *u, void *ctx)
{
    static char discard;

    UNUSED(ctx);
    quit_now(u, &discard);
}

static void on_quit_asked(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    static const struct dialog_key keys[] = {
        {'s', "save", save_and_quit}, {'d', "discard", discard_and_quit}, {27, "stay", NULL}};
    char text[300], n[32];

    UNUSED(ctx);
    u->keys_wait = 0;
    if (error || !rpc_get_bool(result, "this", false)) {
        quit_now(u, NULL);
        return;
    }
    snprintf(text, sizeof(text), "%s events of this stream are not saved, and may not come again.",
             text_count(stream_events(u) - rpc_u64_or(u->stream, "dropped", 0), n));
    dialog_open(u, "leave?", LOOK_WARN, text, keys, COUNT_OF(keys), NULL);
}

void ui_quit(struct ui *u, int arg)
{
    UNUSED(arg);
    u->keys_wait = time_mono() + KEYS_WAIT_NS;
    ask(u, "keeper/unsaved", NULL, on_quit_asked, NULL);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void key_pressed(struct ui *u, int key, bool is_char)
{
    const struct action *a;
    struct overlay *top = u->overlays.n ? &u->overlays.v[u->overlays.n - 1] : NULL;

    u->redraw = u->touched = true;
    u->events.want_open = false;
    u->events.back_time = 0;
    if (!is_char && key == KEY_ENTER)
        key = '\r', is_char = true;
    if (is_char && key == '\n')
        key = '\r';
    if (top && (top->key(u, top, key, is_char) || top->whole))
        return;
    if (screens[u->screen]->key && screens[u->screen]->key(u, key, is_char))
        return;
    if (is_char && key == 27) {
        if (u->coach > 0 && !*u->notice)
            u->coach = 0;
        u->notice[0] = '\0';
        return;
    }
    a = action_for_key(key, is_char, contexts_now(u));
    if (a)
        a->run(u, a->arg);
}

static void read_keys(struct ui *u)
{
    wint_t key;
    int kind;

    while (time_mono() >= u->keys_wait && (kind = get_wch(&key)) != ERR) {
        if (kind == KEY_CODE_YES && key == KEY_RESIZE) {
            u->redraw = true;
            continue;
        }
        key_pressed(u, (int)key, kind != KEY_CODE_YES);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_first_stream(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    const json_t *offer = json_object_get(result, "offer");

    UNUSED(ctx);
    if (error)
        return;
    keep(&u->stream, result);
    if (offer && !json_is_null(offer))
        keep(&u->offer, offer);
    events_ask_columns(u);
    events_refresh(u);
}

static void on_unsaved(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    UNUSED(error);
    if (result)
        keep(&u->unsaved, json_object_get(result, "streams"));
}

static void on_state(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    UNUSED(ctx);
    UNUSED(error);
    if (result && !u->keeper)
        keep(&u->keeper, result);
    if (result && json_is_object(json_object_get(result, "report")) &&
        str_eq(rpc_get_str(result, "engine"), "dead") && !u->report) {
        keep(&u->report, json_object_get(result, "report"));
        report_open(u);
    }
}

static void ui_start(struct ui *u)
{
    const char *filter = rpc_get_str(u->options, "filter");

    term_send_restore(u);
    ask(u, "keeper/state", NULL, on_state, NULL);
    ask(u, "stream", NULL, on_first_stream, NULL);
    ask(u, "keeper/unsaved", NULL, on_unsaved, NULL);
    if (filter && *filter)
        u->filter_wanted = xstrdup(filter);
    if (json_array_size(json_object_get(u->options, "recent")))
        recent_open(u);
    if (rpc_get_bool(u->options, "tour", false))
        coach_start(u);
    if (rpc_get_bool(u->options, "follow", false)) {
        u->events.follow = true;
        u->events.want_last = true;
    }
}

/* Filters of earlier runs, of the shell too. */
static void read_history(struct ui *u)
{
    struct str_list lines = {0};

    kept_lines_read(&lines);
    for (size_t i = 0; i < lines.n; i++) {
        if (str_starts(lines.v[i], "filter "))
            history_add(&u->filter_history, lines.v[i] + strlen("filter "));
    }
    str_list_fini(&lines);
}

static struct ui *ui_new(int rpc_fd, const json_t *options)
{
    struct ui *u = xcalloc(1, sizeof(*u));

    u->rpc = rpc_new(rpc_fd, rpc_fd);
    u->options = json_deep_copy(options);
    u->utc = rpc_get_bool(options, "utc", false);
    u->screen = SCREEN_EVENTS;
    u->filter = xstrdup("");
    read_history(u);
    u->events.column = -1;
    u->events.first_answer = true;
    u->detail.open_lists = json_object();
    u->detail.asked = json_object();
    u->redraw = true;
    buf_init(&u->payload.data, (size_t)64 << 20);
    json_scan_init(&u->payload.scan);
    edit_init(&u->filter_edit, "", NULL);
    return u;
}

static void ui_free(struct ui *u)
{
    json_t *const refs[] = {
        u->options,       u->stream,         u->keeper,        u->report,
        u->offer,         u->unsaved,        u->capture_info,  u->check,
        u->candidates,    u->events.rows,    u->events.strip,  u->counts.fields,
        u->counts.answer, u->plugins.answer, u->plugins.trace, u->plugins.open_params,
        u->plugins.log,   u->fields.fields,  u->log.entries,   u->fields.held,
        u->fields.asked,  u->replay_asked};

    while (u->overlays.n)
        overlay_close(u);
    chips_reset(u);
    vec_free(&u->overlays);
    vec_free(&u->events.marks);
    vec_free(&u->judged);
    for (size_t i = 0; i < COUNT_OF(refs); i++)
        json_decref(refs[i]);
    for (size_t i = 0; i < u->places.n; i++)
        free(u->places.v[i].filter);
    for (size_t i = 0; i < u->undo.n; i++)
        free(u->undo.v[i].filter);
    columns_clear(&u->events);
    for (size_t i = 0; i < u->plugins.body_lines.n; i++)
        free(u->plugins.body_lines.v[i]);
    vec_free(&u->places);
    vec_free(&u->undo);
    vec_free(&u->events.columns);
    vec_free(&u->plugins.body_lines);
    vec_free(&u->fields.shown);
    str_list_fini(&u->parts_off);
    str_list_fini(&u->events.columns_dropped);
    str_list_fini(&u->filter_history);
    str_list_fini(&u->search_history);
    str_list_fini(&u->path_history);
    free(u->events.columns_how);
    free(u->events.columns_source);
    free(u->counts.filter);
    free(u->counts.error);
    free(u->plugins.open_params_of);
    json_decref(u->async.answer);
    json_decref(u->state.answer);
    free(u->state.table);
    free(u->state.inside);
    free(u->fields.search);
    free(u->fields.held_under);
    free(u->fields.why_not);
    free(u->filter);
    free(u->filter_wanted);
    free(u->search);
    detail_fini(u);
    rules_fini(u);
    change_fini(u);
    payload_fini(&u->payload);
    edit_fini(&u->filter_edit);
    client_fini(u);
    free(u);
}

static void draw_if_due(struct ui *u, uint64_t *drawn)
{
    uint64_t now = time_mono();

    if (!u->redraw || u->ended || now < *drawn + FRAME_NS)
        return;
    u->redraw = false;
    frame_draw(u);
    *drawn = now;
}

static void run(struct ui *u)
{
    uint64_t drawn = 0;
    struct error err;

    while (!u->quit && !end_wanted) {
        struct pollfd fds[2] = {
            {u->ended || time_mono() < u->keys_wait ? -1 : STDIN_FILENO, POLLIN, 0},
            {rpc_in(u->rpc), (short)(POLLIN | (rpc_wants_write(u->rpc) ? POLLOUT : 0)), 0}};
        int n = poll(fds, 2, u->redraw && !u->ended ? (int)(FRAME_NS / NS_PER_MS) : TICK_MS);

        if (n < 0 && errno != EINTR)
            break;
        if (n == 0)
            u->redraw = true; /* notices end, calls last longer */
        if (resized) {
            resized = 0;
            endwin();
            refresh();
            u->redraw = true;
        }
        if (!u->ended)
            read_keys(u);
        if (n > 0 && fds[1].revents)
            client_read(u);
        if (n > 0 && (fds[0].revents & (POLLHUP | POLLERR)))
            break;
        if (u->replay_asked)
            replay_ask(u);
        if (rpc_flush(u->rpc, &err) != SEV_OK)
            break;
        draw_if_due(u, &drawn);
    }
    rpc_flush(u->rpc, &err);
}

int ui_main(int rpc_fd, const json_t *options)
{
    struct sigaction end = {.sa_handler = on_end_signal}, resize = {.sa_handler = on_resize_signal};
    struct ui *u = ui_new(rpc_fd, options);

    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGHUP, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    signal(SIGPIPE, SIG_IGN);
    json_object_seed(0);
    if (!term_start(u)) {
        fprintf(stderr, "the terminal type “%s” is not known: set TERM\n",
                getenv("TERM") ? getenv("TERM") : "");
        ui_free(u);
        return 1;
    }
    sigaction(SIGWINCH, &resize, NULL);
    ui_start(u);
    run(u);
    term_stop();
    ui_free(u);
    return 0;
}
