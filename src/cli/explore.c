/* mews: the explorer. Where standard output is no terminal, it prints. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "mews/ui.h"

#define RECENT_MAX 12

int screen_process_main(int rpc_fd, int start_fd)
{
    json_t *options = json_loadfd(start_fd, 0, NULL);
    int code;

    close(start_fd);

    fd_set_cloexec(rpc_fd, true);
    code = ui_main(rpc_fd, options);
    json_decref(options);
    return code;
}

/* ---- what was opened before: a line of JSON each, the newest last ---------------------------- */

static char *recent_path(void)
{
    char *dir = user_dir("state"), *path = dir ? path_join(dir, "recent") : NULL;

    free(dir);
    return path;
}

static json_t *recent_read(void)
{
    char *path = recent_path(), *at, *line;
    json_t *list = json_array(), *item;
    struct buf text;

    buf_init(&text, 1 << 20);
    if (path && file_read(path, 1 << 20, &text, NULL) == SEV_OK && text.len) {
        at = text.data;
        while ((line = strsep(&at, "\n"))) {
            item = json_loads(line, 0, NULL);
            if (json_is_object(item))
                json_array_append(list, item);
            json_decref(item);
        }
    }
    buf_fini(&text);
    free(path);
    return list;
}

static void recent_write(const json_t *list)
{
    char *path = recent_path(), *one;
    const json_t *item;
    struct buf text;
    size_t i;

    buf_init(&text, 1 << 20);
    json_array_foreach(list, i, item) {
        one = json_dumps(item, JSON_COMPACT);
        buf_addf(&text, "%s\n", one);
        free(one);
    }
    if (path)
        file_replace(path, buf_str(&text), text.len, NULL);
    buf_fini(&text);
    free(path);
}

/* What a person would type to open it again. */
static char *label_of(const struct options *o)
{
    struct buf b;

    buf_init(&b, 65536);
    for (size_t i = 0; i < o->inputs.n; i++)
        buf_addf(&b, "%s%s", b.len ? " " : "", o->inputs.v[i]);
    if (!o->inputs.n && o->spec.source)
        buf_addf(&b, "-I %s%s%s", o->spec.source, o->spec.params && *o->spec.params ? ":" : "",
                 o->spec.params ? o->spec.params : "");
    for (size_t i = 0; !b.len && i < o->spec.plugins.n; i++)
        buf_addf(&b, "-H %s", o->spec.plugins.v[i].library);
    if (*o->filter)
        buf_addf(&b, "  %s", o->filter);
    return buf_steal(&b);
}

/* Paths are kept whole: the next start may be elsewhere. */
static void make_absolute(char **path)
{
    char *real = *path && access(*path, F_OK) == 0 ? realpath(*path, NULL) : NULL;

    if (!real)
        return;
    free(*path);
    *path = real;
}

static void remember(struct options *o)
{
    json_t *list, *item;
    char *label;

    if (o->tour || o->remote || o->input_fd >= 0 ||
        (!o->inputs.n && !o->spec.source && !o->spec.plugins.n))
        return;
    for (size_t i = 0; i < o->spec.plugins.n; i++) {
        if (strchr(o->spec.plugins.v[i].library, '/'))
            make_absolute(&o->spec.plugins.v[i].library);
    }
    if (o->inputs.n == 1)
        make_absolute(&o->spec.params);
    list = recent_read();
    label = label_of(o);
    for (size_t i = json_array_size(list); i-- > 0;) {
        const char *old = rpc_get_str(json_array_get(list, i), "label");

        if (!old || str_eq(old, label))
            json_array_remove(list, i);
    }
    item = json_pack("{so so so}", "label", rpc_str(label), "session", spec_to_json(&o->spec),
                     "filter", rpc_str(o->filter));
    if (o->inputs.n)
        json_object_set_new(item, "input", rpc_str(o->inputs.v[0]));
    json_array_append_new(list, item);
    while (json_array_size(list) > RECENT_MAX)
        json_array_remove(list, 0);
    recent_write(list);
    json_decref(list);
    free(label);
}

static json_t *tour_item(void)
{
    struct options o;
    struct error err;
    json_t *item;

    options_init(&o);
    o.tour = true;
    o.filter = xstrdup("");
    inputs_apply(&o, &err);
    item = json_pack("{ss so sb}", "label", "the tour: the night a key was copied", "session",
                     spec_to_json(&o.spec), "tour", true);
    options_fini(&o);
    return item;
}

/* Newest first, the tour on top. */
static json_t *recent_choice(void)
{
    json_t *list = recent_read(), *choice = json_array();

    json_array_append_new(choice, tour_item());
    for (size_t i = json_array_size(list); i-- > 0;)
        json_array_append(choice, json_array_get(list, i));
    json_decref(list);
    return choice;
}

/* ---- starting -------------------------------------------------------------------------------- */

/* A descriptor to read it from: other users see the arguments of processes. */
static int screen_options(const struct options *o, json_t *session, json_t *recent)
{
    json_t *q = json_object();
    int fd = memfd_create("mews-start", MFD_CLOEXEC);

    json_object_set_new(q, "utc", json_boolean(o->utc));
    json_object_set_new(q, "tour", json_boolean(o->tour));
    json_object_set_new(q, "follow", json_boolean(o->follow));
    json_object_set_new(q, "filter", rpc_str(o->filter));
    json_object_set_new(q, "offer_source", json_boolean(o->spec.offer_source));
    json_object_set(q, "session", session);
    if (o->alerts)
        json_object_set_new(q, "alerts", whole_path(o->alerts));
    json_object_set_new(q, "rules", rules_paths(o));
    if (o->inputs.n)
        json_object_set_new(q, "input", rpc_str(o->inputs.v[0]));
    if (recent)
        json_object_set_new(q, "recent", recent);
    if (fd >= 0 && (json_dumpfd(q, fd, JSON_COMPACT) != 0 || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        fd = -1;
    }
    json_decref(q);
    return fd;
}

static enum severity start_screen(struct keeper *k, int start, struct rpc **rpc, struct error *err)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct spawn_options so = {
        .role = "screen", .shared = -1, .spool = -1, .input_fd = -1, .tty = tty, .start = start};
    struct child screen;

    if (tty < 0)
        return error_sys(err, errno, "no terminal to draw on (mews print writes text)");
    keeper_hold_terminal(k, tty);
    if (spawn_child(&so, &screen, err) != SEV_OK)
        return SEV_FAILED;
    *rpc = rpc_new(screen.rpc, screen.rpc);
    keeper_watch_screen(k, screen.pid, screen.noise);
    keeper_serve(k, *rpc);
    return SEV_OK;
}

static bool nothing_given(const struct options *o)
{
    return !o->tour && !o->inputs.n && !o->spec.source && !o->spec.plugins.n && !o->remote;
}

int command_explore(struct options *o)
{
    struct keeper_options ko = {
        .open = true, .keep = true, .input_fd = o->input_fd, .remote = o->remote};
    json_t *recent = NULL;
    struct rpc *rpc = NULL;
    struct keeper *k;
    struct error err;
    int code = EXIT_FAILED, start;

    if (!isatty(STDOUT_FILENO))
        return command_print(o);
    if (nothing_given(o)) {
        recent = recent_choice();
        if (json_array_size(recent) == 1) { /* nothing but the tour: the first time */
            json_decref(recent);
            recent = NULL;
            o->tour = true;
            inputs_apply(o, &err);
        }
    }
    remember(o);
    o->spec.ask_replay = !o->spec.replay_settled;
    ko.session = o->remote ? session_for_remote(o, &err) : spec_to_json(&o->spec);
    if (!ko.session) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    start = screen_options(o, ko.session, recent);
    k = keeper_new(&ko, NULL);
    if (start_screen(k, start, &rpc, &err) == SEV_OK && keeper_start(k, &err) == SEV_OK)
        code = keeper_run(k);
    else
        complain("%s", err.text);
    keeper_free(k);
    rpc_free(rpc);
    json_decref(ko.session);
    if (start >= 0)
        close(start);
    return code;
}
