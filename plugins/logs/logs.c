/*
 * logs: lines of logs as events. Sourcing: files, folders, gzip, standard input, a command's
 * output. Extraction: what a line says of itself.
 *
 * A payload is the line, NUL, the path, NUL, the line's offset in its input (8 bytes).
 */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define SOURCE_ID   0x6d657773u
#define BATCH_LINES 1000
#define BATCH_BYTES ((size_t)1 << 20)
#define WAIT_MS     50
#define DEPTH_MAX   8

struct state {
    char error[1024];
    ss_plugin_owner_t *owner;
    void (*log)(ss_plugin_owner_t *o, const char *component, const char *msg,
                ss_plugin_log_severity sev);
    /* extraction: what the event of this number says */
    uint64_t number;
    char *line; /* a copy, into which r points: the host's bytes go away with the call */
    struct recognised r;
    bool have;
    char *text; /* the result handed out last */
    const char *str;
    uint64_t u64;
};

struct file_id {
    dev_t dev;
    ino_t ino;
};

struct stream {
    struct state *s;
    struct input **inputs;
    size_t n, cap;
    bool merge;           /* files that are read once: in order of time */
    struct file_id *seen; /* files that were ever read, so that a rotated one is not read again */
    size_t nseen, seen_cap;
    char **folders; /* that are followed */
    size_t nfolders, folders_cap;
    time_t looked; /* when the folders were last looked at */
    uint64_t total, done;
    char *events; /* of the batch */
    size_t len, events_cap;
    size_t at[BATCH_LINES];
    ss_plugin_event *pointers[BATCH_LINES];
    char progress[64];
};

/* ---- who we are ------------------------------------------------------------------------------ */

EXPORT const char *plugin_get_required_api_version(void)
{
    return "3.6.0";
}

EXPORT const char *plugin_get_name(void)
{
    return "logs";
}

EXPORT const char *plugin_get_description(void)
{
    return "Lines of logs: files, folders, gzip, standard input, commands";
}

EXPORT const char *plugin_get_contact(void)
{
    return "comes along with mews";
}

EXPORT const char *plugin_get_version(void)
{
    return "0.1.0";
}

EXPORT uint32_t plugin_get_id(void)
{
    return SOURCE_ID;
}

EXPORT const char *plugin_get_event_source(void)
{
    return "logs";
}

enum { F_LINE, F_PATH, F_LEVEL, F_TIME, F_HOST, F_PROGRAM, F_MESSAGE, F_OFFSET };

EXPORT const char *plugin_get_fields(void)
{
    return "[{\"name\":\"log.line\",\"type\":\"string\",\"desc\":\"the whole line\"},"
           "{\"name\":\"log.path\",\"type\":\"string\",\"desc\":\"the file, or the command, that "
           "it comes from\"},"
           "{\"name\":\"log.level\",\"type\":\"string\",\"properties\":[\"info\"],"
           "\"desc\":\"fatal, critical, error, warning, notice, info, debug or trace\"},"
           "{\"name\":\"log.time\",\"type\":\"abstime\",\"desc\":\"the time that the line "
           "carries\"},"
           "{\"name\":\"log.host\",\"type\":\"string\",\"desc\":\"the machine that a syslog or "
           "journal line names\"},"
           "{\"name\":\"log.program\",\"type\":\"string\",\"properties\":[\"info\"],"
           "\"desc\":\"the program that it names\"},"
           "{\"name\":\"log.message\",\"type\":\"string\",\"properties\":[\"info\"],"
           "\"desc\":\"the line without time, host, program and level\"},"
           "{\"name\":\"log.offset\",\"type\":\"uint64\",\"desc\":\"where the line starts in its "
           "input, in bytes\"}]";
}

EXPORT ss_plugin_t *plugin_init(const ss_plugin_init_input *in, ss_plugin_rc *rc)
{
    struct state *s = calloc(1, sizeof(*s));

    s->owner = in->owner;
    s->log = in->log_fn;
    *rc = SS_PLUGIN_SUCCESS;
    return s;
}

EXPORT void plugin_destroy(ss_plugin_t *p)
{
    struct state *s = p;

    free(s->r.text);
    free(s->line);
    free(s->text);
    free(s);
}

EXPORT const char *plugin_get_last_error(ss_plugin_t *p)
{
    return ((struct state *)p)->error;
}

EXPORT const char *plugin_list_open_params(ss_plugin_t *p, ss_plugin_rc *rc)
{
    (void)p;
    *rc = SS_PLUGIN_SUCCESS;
    return "[{\"value\":\"/var/log/syslog\",\"desc\":\"a file, or a folder of files\"},"
           "{\"value\":\"exec:journalctl -f -o json\",\"desc\":\"the output of a command\"},"
           "{\"value\":\"{\\\"paths\\\":[\\\"/var/log/syslog\\\"],\\\"follow\\\":true}\","
           "\"desc\":\"files that are followed as they grow\"}]";
}

/* ---- opening --------------------------------------------------------------------------------- */

static bool was_read(const struct stream *st, dev_t dev, ino_t ino)
{
    for (size_t i = 0; i < st->nseen; i++) {
        if (st->seen[i].dev == dev && st->seen[i].ino == ino)
            return true;
    }
    return false;
}

static void remember(struct stream *st, dev_t dev, ino_t ino)
{
    if (was_read(st, dev, ino))
        return;
    GROW(st->seen, st->nseen, st->seen_cap);
    st->seen[st->nseen++] = (struct file_id){dev, ino};
}

static bool add_input(struct stream *st, struct input *in)
{
    if (!in)
        return false;
    GROW(st->inputs, st->n, st->cap);
    st->inputs[st->n++] = in;
    remember(st, in->dev, in->ino);
    st->total += in->size;
    return true;
}

static bool add_path(struct stream *st, const char *path, bool follow, int depth);

static bool add_folder(struct stream *st, const char *path, bool follow, int depth)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    bool ok = n >= 0;

    if (!ok)
        snprintf(st->s->error, sizeof(st->s->error), "%s: %s", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (ok && names[i]->d_name[0] != '.') {
            size_t size = strlen(path) + strlen(names[i]->d_name) + 2;
            char *child = malloc(size);

            snprintf(child, size, "%s/%s", path, names[i]->d_name);
            ok = add_path(st, child, follow, depth + 1);
            free(child);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return ok;
}

static bool add_path(struct stream *st, const char *path, bool follow, int depth)
{
    struct stat sb;

    if (stat(path, &sb) != 0) {
        if (depth > 0)
            return true; /* a link to nowhere inside a folder */
        snprintf(st->s->error, sizeof(st->s->error), "%s: %s", path, strerror(errno));
        return false;
    }
    if (S_ISDIR(sb.st_mode)) {
        if (follow && depth == 0 && st->looked == 0) {
            GROW(st->folders, st->nfolders, st->folders_cap);
            st->folders[st->nfolders++] = strdup(path);
        }
        return depth >= DEPTH_MAX || add_folder(st, path, follow, depth);
    }
    if (depth > 0 && was_read(st, sb.st_dev, sb.st_ino))
        return true;
    if (S_ISREG(sb.st_mode))
        return add_input(st, input_open_file(path, follow, st->s->error, sizeof(st->s->error)));
    if (depth > 0)
        return true;
    if (S_ISFIFO(sb.st_mode) || S_ISCHR(sb.st_mode)) {
        struct input *in = input_open_file(path, true, st->s->error, sizeof(st->s->error));

        if (in) {
            in->kind = INPUT_FD;
            in->follow = false;
        }
        return add_input(st, in);
    }
    snprintf(st->s->error, sizeof(st->s->error), "%s is neither a file nor a folder", path);
    return false;
}

/* Files that have come into a folder since it was last looked at, once a second. */
static void look_for_new_files(struct stream *st)
{
    time_t now = time(NULL);

    if (st->nfolders == 0 || now == st->looked)
        return;
    st->looked = now;
    for (size_t i = 0; i < st->n; i++)
        remember(st, st->inputs[i]->dev, st->inputs[i]->ino);
    for (size_t i = 0; i < st->nfolders; i++)
        add_path(st, st->folders[i], true, 0);
}

static bool open_json(struct stream *st, const char *params)
{
    json_error_t jerr;
    json_t *o = json_loads(params, 0, &jerr), *path;
    bool follow = json_is_true(json_object_get(o, "follow")), ok = o != NULL;
    size_t i;

    if (!o)
        snprintf(st->s->error, sizeof(st->s->error), "the open parameters are no JSON: %s",
                 jerr.text);
    json_array_foreach(json_object_get(o, "paths"), i, path) {
        if (ok && json_is_string(path))
            ok = add_path(st, json_string_value(path), follow, 0);
    }
    if (ok && st->n == 0 && json_array_size(json_object_get(o, "paths")) == 0) {
        snprintf(st->s->error, sizeof(st->s->error), "“paths” names no file");
        ok = false;
    }
    json_decref(o);
    return ok;
}

static bool open_inputs(struct stream *st, const char *params)
{
    if (!*params) {
        snprintf(st->s->error, sizeof(st->s->error),
                 "which log? give a file, a folder, - or exec:COMMAND as open parameters");
        return false;
    }
    if (strncmp(params, "exec:", 5) == 0)
        return add_input(st, input_open_exec(params + 5, st->s->error, sizeof(st->s->error)));
    if (strncmp(params, "fd:", 3) == 0)
        return add_input(st, input_open_fd(atoi(params + 3), "standard input", st->s->error,
                                           sizeof(st->s->error)));
    if (strcmp(params, "-") == 0)
        return add_input(st,
                         input_open_fd(0, "standard input", st->s->error, sizeof(st->s->error)));
    if (params[0] == '{')
        return open_json(st, params);
    return add_path(st, params, false, 0);
}

EXPORT void plugin_close(ss_plugin_t *p, ss_instance_t *h)
{
    struct stream *st = h;

    (void)p;
    if (!st)
        return;
    for (size_t i = 0; i < st->n; i++)
        input_free(st->inputs[i]);
    for (size_t i = 0; i < st->nfolders; i++)
        free(st->folders[i]);
    free(st->folders);
    free(st->seen);
    free(st->inputs);
    free(st->events);
    free(st);
}

EXPORT ss_instance_t *plugin_open(ss_plugin_t *p, const char *params, ss_plugin_rc *rc)
{
    struct stream *st = calloc(1, sizeof(*st));

    st->s = p;
    if (!open_inputs(st, params)) {
        plugin_close(p, st);
        *rc = SS_PLUGIN_FAILURE;
        return NULL;
    }
    st->looked = time(NULL);
    st->merge = st->nfolders == 0;
    for (size_t i = 0; i < st->n; i++)
        st->merge = st->merge && st->inputs[i]->gz;
    *rc = SS_PLUGIN_SUCCESS;
    return st;
}

/* ---- batches --------------------------------------------------------------------------------- */

static void add_event(struct stream *st, uint32_t *n, struct input *in)
{
    size_t path = strlen(in->path), payload = in->line_len + 1 + path + 1 + 8;
    char *to;

    if (st->len + PLUGIN_EVENT_PAYLOAD_OFFSET + payload > st->events_cap) {
        st->events_cap = (st->len + PLUGIN_EVENT_PAYLOAD_OFFSET + payload) * 2;
        st->events = realloc(st->events, st->events_cap);
        if (!st->events)
            abort();
    }
    to = st->events + st->len;
    event_head(to, in->line_ts, 0, (uint32_t)payload);
    st->at[(*n)++] = st->len;
    to += PLUGIN_EVENT_PAYLOAD_OFFSET;
    memcpy(to, in->buf + in->start, in->line_len);
    to[in->line_len] = '\0';
    memcpy(to + in->line_len + 1, in->path, path + 1);
    memcpy(to + in->line_len + 1 + path + 1, &in->offset, 8);
    st->len += PLUGIN_EVENT_PAYLOAD_OFFSET + payload;
    st->done += in->line_whole;
    input_take(in);
}

/* Of files that are read once: the line with the smallest time. */
static struct input *earliest(struct stream *st)
{
    struct input *best = NULL;

    for (size_t i = 0; i < st->n; i++) {
        struct input *in = st->inputs[i];

        while (!input_line(in) && input_fill(in))
            ;
        if (in->has_line && (!best || (in->line_ts != NO_TIME && in->line_ts < best->line_ts)))
            best = in;
    }
    return best;
}

static void take_merged(struct stream *st, uint32_t *n)
{
    struct input *in;

    while (*n < BATCH_LINES && st->len < BATCH_BYTES && (in = earliest(st)))
        add_event(st, n, in);
}

/* Inputs that come in their own time. */
static void take_coming(struct stream *st, uint32_t *n)
{
    for (size_t i = 0; i < st->n; i++) {
        struct input *in = st->inputs[i];

        if (!in->len || !memchr(in->buf + in->start, '\n', in->len))
            input_fill(in);
        while (*n < BATCH_LINES && st->len < BATCH_BYTES && input_line(in))
            add_event(st, n, in);
    }
}

/* Until a descriptor has something to say; files that are followed are looked at again after a
 * while. */
static void wait_for_any(struct stream *st)
{
    struct pollfd *fds = calloc(st->n + 1, sizeof(*fds));
    nfds_t n = 0;

    for (size_t i = 0; fds && i < st->n; i++) {
        if (st->inputs[i]->kind == INPUT_FD && !st->inputs[i]->eof)
            fds[n++] = (struct pollfd){st->inputs[i]->fd, POLLIN, 0};
    }
    poll(fds, n, WAIT_MS);
    free(fds);
}

static bool all_ended(const struct stream *st)
{
    if (st->nfolders)
        return false;
    for (size_t i = 0; i < st->n; i++) {
        if (!st->inputs[i]->eof || st->inputs[i]->len)
            return false;
    }
    return true;
}

/* A command that failed is not just an end. */
static ss_plugin_rc ending(struct stream *st)
{
    struct input *in = st->n ? st->inputs[0] : NULL;
    int status = 0;

    if (!in || in->child <= 0 || waitpid(in->child, &status, 0) != in->child)
        return SS_PLUGIN_EOF;
    in->child = 0;
    if (status == 0)
        return SS_PLUGIN_EOF;
    if (WIFSIGNALED(status))
        snprintf(st->s->error, sizeof(st->s->error), "the command “%s” was ended by signal %d",
                 in->path, WTERMSIG(status));
    else
        snprintf(st->s->error, sizeof(st->s->error), "the command “%s” ended with status %d",
                 in->path, WEXITSTATUS(status));
    return SS_PLUGIN_FAILURE;
}

EXPORT ss_plugin_rc plugin_next_batch(ss_plugin_t *p, ss_instance_t *h, uint32_t *nevts,
                                      ss_plugin_event ***evts)
{
    struct stream *st = h;
    uint32_t n = 0;

    (void)p;
    st->len = 0;
    if (st->merge)
        take_merged(st, &n);
    else
        take_coming(st, &n);
    if (n == 0 && !st->merge && !all_ended(st)) {
        look_for_new_files(st);
        wait_for_any(st);
        take_coming(st, &n);
    }
    for (uint32_t i = 0; i < n; i++)
        st->pointers[i] = (ss_plugin_event *)(void *)(st->events + st->at[i]);
    *nevts = n;
    *evts = st->pointers;
    if (n)
        return SS_PLUGIN_SUCCESS;
    return st->merge || all_ended(st) ? ending(st) : SS_PLUGIN_TIMEOUT;
}

EXPORT const char *plugin_get_progress(ss_plugin_t *p, ss_instance_t *h, uint32_t *pct)
{
    struct stream *st = h;
    uint64_t done = st->done < st->total ? st->done : st->total;

    (void)p;
    *pct = st->total ? (uint32_t)(done * 10000 / st->total) : 0;
    snprintf(st->progress, sizeof(st->progress), "%llu of %llu bytes", (unsigned long long)done,
             (unsigned long long)st->total);
    return st->total ? st->progress : "";
}

/* ---- extraction ------------------------------------------------------------------------------ */

struct payload {
    const char *line, *path;
    size_t line_len, path_len;
    uint64_t offset;
};

static bool split(const ss_plugin_event *e, struct payload *out)
{
    const char *p;
    size_t n;

    if (!event_data(e, &p, &n))
        return false;
    memset(out, 0, sizeof(*out));
    out->line = p;
    out->line_len = strnlen(p, n);
    if (out->line_len < n) {
        out->path = p + out->line_len + 1;
        out->path_len = strnlen(out->path, n - out->line_len - 1);
        if (out->line_len + 1 + out->path_len + 1 + 8 <= n)
            memcpy(&out->offset, out->path + out->path_len + 1, 8);
    }
    return true;
}

EXPORT const char *plugin_event_to_string(ss_plugin_t *p, const ss_plugin_event_input *evt)
{
    struct state *s = p;
    struct payload pl;

    if (!split(evt->evt, &pl))
        return NULL;
    free(s->text);
    s->text = pl.line_len ? strndup(pl.line, pl.line_len) : strdup(" "); /* "" stands for no text */
    return s->text;
}

static void study(struct state *s, const ss_plugin_event_input *evt, const struct payload *pl)
{
    uint64_t ts;
    struct tm tm;
    time_t seconds;

    if (s->have && s->number == evt->evtnum)
        return;
    memcpy(&ts, evt->evt, sizeof(ts));
    seconds = (time_t)(ts / 1000000000u);
    free(s->r.text);
    free(s->line);
    s->line = strndup(pl->line, pl->line_len);
    recognise(s->line, pl->line_len, localtime_r(&seconds, &tm)->tm_year + 1900, &s->r);
    s->number = evt->evtnum;
    s->have = true;
}

static void give_text(struct state *s, ss_plugin_extract_field *f, const char *p, size_t n)
{
    if (!p)
        return;
    free(s->text);
    s->text = strndup(p, n);
    s->str = s->text;
    f->res.str = &s->str;
    f->res_len = 1;
}

static void give_number(struct state *s, ss_plugin_extract_field *f, uint64_t n)
{
    s->u64 = n;
    f->res.u64 = &s->u64;
    f->res_len = 1;
}

EXPORT ss_plugin_rc plugin_extract_fields(ss_plugin_t *p, const ss_plugin_event_input *evt,
                                          const ss_plugin_field_extract_input *in)
{
    struct state *s = p;
    struct payload pl;

    for (uint32_t i = 0; i < in->num_fields; i++) {
        ss_plugin_extract_field *f = &in->fields[i];

        f->res_len = 0;
        if (!split(evt->evt, &pl))
            continue;
        study(s, evt, &pl);
        switch (f->field_id) {
        case F_LINE:
            give_text(s, f, pl.line, pl.line_len);
            break;
        case F_PATH:
            give_text(s, f, pl.path, pl.path_len);
            break;
        case F_LEVEL:
            give_text(s, f, s->r.level, s->r.level ? strlen(s->r.level) : 0);
            break;
        case F_TIME:
            if (s->r.ts != NO_TIME)
                give_number(s, f, s->r.ts);
            break;
        case F_HOST:
            give_text(s, f, s->r.host, s->r.host_len);
            break;
        case F_PROGRAM:
            give_text(s, f, s->r.program, s->r.program_len);
            break;
        case F_MESSAGE:
            give_text(s, f, s->r.message, s->r.message_len);
            break;
        case F_OFFSET:
            give_number(s, f, pl.offset);
            break;
        default:
            snprintf(s->error, sizeof(s->error), "there is no field %u", f->field_id);
            return SS_PLUGIN_FAILURE;
        }
    }
    return SS_PLUGIN_SUCCESS;
}
