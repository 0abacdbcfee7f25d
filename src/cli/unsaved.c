/* Spools: files without a name while mews runs, with one when the terminal was lost. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

static char *spool_dir(void)
{
    char *cache = user_dir("cache"), *dir = cache ? path_join(cache, "spool") : xstrdup("/tmp");

    if (cache && !dir_make(dir, 0700)) {
        free(dir);
        dir = xstrdup("/tmp");
    }
    free(cache);
    return dir;
}

int spool_create(struct error *err)
{
    char *dir = spool_dir();
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0) { /* a file system without O_TMPFILE */
        char *name = path_join(dir, "spool.XXXXXX");

        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0)
            unlink(name);
        free(name);
    }
    if (fd < 0)
        error_sys(err, errno, "can't make a spool in %s", dir);
    free(dir);
    return fd;
}

/* ---- keeping --------------------------------------------------------------------------------- */

static bool copy_file(int from, const char *path, uint64_t size)
{
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    off_t off = 0;
    bool ok = to >= 0;

    while (ok && (uint64_t)off < size) {
        char chunk[65536];
        ssize_t n = pread(from, chunk, MIN_OF(sizeof(chunk), size - (uint64_t)off), off);

        ok = n > 0 && pwrite_all(to, chunk, (size_t)n, (uint64_t)off);
        off += n > 0 ? n : 0;
    }
    if (to >= 0)
        close(to);
    return ok;
}

static bool give_name(int fd, const char *path, uint64_t size)
{
    char self[40];

    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ||
           copy_file(fd, path, size);
}

static char *note_path(const char *path)
{
    return xasprintf("%s.json", path);
}

static bool write_note(const char *path, const struct spool_state *state, const json_t *session,
                       const json_t *stream)
{
    json_t *o = json_object();
    char *name = note_path(path), *text;
    bool ok;

    json_object_set_new(o, "start", rpc_u64(atomic_load(&state->start)));
    json_object_set_new(o, "end", rpc_u64(atomic_load(&state->end)));
    json_object_set_new(o, "dropped", rpc_u64(atomic_load(&state->dropped)));
    json_object_set_new(o, "time", rpc_u64(time_now()));
    json_object_set(o, "session", (json_t *)session);
    json_object_set(o, "stream", (json_t *)stream);
    text = json_dumps(o, JSON_INDENT(1));
    ok = file_replace(name, text, strlen(text), NULL) == SEV_OK;
    free(text);
    free(name);
    json_decref(o);
    return ok;
}

char *unsaved_keep(int spool_fd, const struct spool_state *state, const json_t *session,
                   const json_t *stream)
{
    char *dir = spool_dir(), name[80], *path;
    time_t now = time(NULL);
    struct tm tm;
    size_t n;

    n = strftime(name, sizeof(name), "unsaved-%Y%m%d-%H%M%S", localtime_r(&now, &tm));
    snprintf(name + n, sizeof(name) - n, "-%d.scap", (int)getpid());
    path = path_join(dir, name);
    free(dir);
    if (give_name(spool_fd, path, atomic_load(&state->end)) &&
        write_note(path, state, session, stream))
        return path;
    unlink(path);
    free(path);
    return NULL;
}

/* ---- taking up again ------------------------------------------------------------------------- */

static json_t *read_note(const char *path)
{
    char *name = note_path(path);
    struct buf text;
    json_t *o = NULL;

    buf_init(&text, 1 << 20);
    if (file_read(name, 1 << 20, &text, NULL) == SEV_OK)
        o = json_loadb(buf_str(&text), text.len, 0, NULL);
    buf_fini(&text);
    free(name);
    return o;
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*b)->d_name, (*a)->d_name);
}

static int is_unsaved(const struct dirent *d)
{
    return str_starts(d->d_name, "unsaved-") && str_ends(d->d_name, ".scap");
}

/* Another mews has it open. */
static bool is_taken(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool taken = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;

    if (fd >= 0)
        close(fd);
    return taken;
}

json_t *unsaved_list(void)
{
    char *dir = spool_dir();
    struct dirent **names;
    int n = scandir(dir, &names, is_unsaved, newest_first);
    json_t *list = json_array();

    for (int i = 0; i < n; i++) {
        char *path = path_join(dir, names[i]->d_name);
        json_t *note = is_taken(path) ? NULL : read_note(path);
        const json_t *stream = json_object_get(note, "stream");

        if (note)
            json_array_append_new(list, json_pack("{so so so so}", "path", rpc_str(path), "events",
                                                  rpc_u64(rpc_u64_or(stream, "last_number", 0) -
                                                          rpc_u64_or(note, "dropped", 0)),
                                                  "source", rpc_str(rpc_get_str(stream, "plugin")),
                                                  "time", rpc_u64(rpc_u64_or(note, "time", 0))));
        json_decref(note);
        free(path);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    free(dir);
    return list;
}

int unsaved_open(const char *path, struct spool_state *state, json_t **session, struct error *err)
{
    json_t *note = read_note(path);
    struct stat st;
    int fd = note ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0 || fstat(fd, &st) != 0) {
        error_sys(err, errno, "the unsaved stream %s can't be opened", path);
        json_decref(note);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        error_set(err, ERR_REFUSED, "the unsaved stream %s is open in another mews", path);
        json_decref(note);
        close(fd);
        return -1;
    }
    atomic_store(&state->start, rpc_u64_or(note, "start", 0));
    atomic_store(&state->end, MIN_OF(rpc_u64_or(note, "end", 0), (uint64_t)st.st_size));
    atomic_store(&state->dropped, rpc_u64_or(note, "dropped", 0));
    *session = json_incref(json_object_get(note, "session"));
    json_decref(note);
    return fd;
}

void unsaved_discard(const char *path)
{
    char *note = note_path(path);

    unlink(path);
    unlink(note);
    free(note);
}
