/*
 * Access points of a gzip file, kept in the user's cache: whoever opens the file again has them at
 * once, and in memory they take a few bytes each. What the cache holds counts only for a file with
 * the same inode, size and time of change.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define HEADER     64
#define RECORD     (24 + POINT_HISTORY)
#define POINTS_MAX ((uint64_t)1 << 24)
#define WORTH      ((int64_t)4 << 20) /* bytes of a compressed file that is read again in no time */
#define CACHE_MAX  ((uint64_t)512 << 20) /* all of them; the ones used longest ago go */
#define PREFIX     "gzip-"

struct points_file {
    int fd;
    char *path;
    char header[HEADER];
    bool found;
    uint64_t n;
};

static bool header_of(int gz, char header[HEADER])
{
    struct stat st;

    if (fstat(gz, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < WORTH)
        return false;
    memset(header, 0, HEADER);
    memcpy(header, "mewspts1", 8);
    put_u64(header + 8, (uint64_t)st.st_dev);
    put_u64(header + 16, (uint64_t)st.st_ino);
    put_u64(header + 24, (uint64_t)st.st_size);
    put_u64(header + 32, (uint64_t)st.st_mtim.tv_sec);
    put_u64(header + 40, (uint64_t)st.st_mtim.tv_nsec);
    return true;
}

static bool open_found(struct points_file *f)
{
    char header[HEADER];
    struct stat st;

    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (f->fd < 0)
        return false;
    f->found = pread_all(f->fd, header, HEADER, 0) && memcmp(header, f->header, HEADER) == 0 &&
               fstat(f->fd, &st) == 0 && st.st_size > HEADER &&
               (uint64_t)(st.st_size - HEADER) % RECORD == 0;
    if (!f->found) {
        close(f->fd);
        f->fd = -1;
        return false;
    }
    f->n = MIN_OF((uint64_t)(st.st_size - HEADER) / RECORD, POINTS_MAX);
    futimens(f->fd, NULL); /* it was of use */
    return true;
}

struct points_file *points_open(int gz)
{
    struct points_file *f = xcalloc(1, sizeof(*f));
    char *dir = user_dir("cache"), *name;

    f->fd = -1;
    if (dir && header_of(gz, f->header)) {
        name = xasprintf(PREFIX "%016llx", (unsigned long long)hash_bytes(f->header, HEADER, 0));
        f->path = path_join(dir, name);
        free(name);
        if (!open_found(f)) {
            f->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
            if (f->fd >= 0 && !pwrite_all(f->fd, f->header, HEADER, 0)) {
                close(f->fd);
                f->fd = -1;
            }
        }
    }
    free(dir);
    return f;
}

void points_close(struct points_file *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f);
}

uint64_t points_found(const struct points_file *f)
{
    return f->found ? f->n : 0;
}

bool points_get(const struct points_file *f, uint64_t i, struct point *out)
{
    char r[24];

    if (!pread_all(f->fd, r, sizeof(r), HEADER + i * RECORD))
        return false;
    *out = (struct point){.out = get_u64(r),
                          .in = get_u64(r + 8),
                          .bits = (uint8_t)(r[16] & 7),
                          .member = r[17] != 0,
                          .slot = i};
    return true;
}

bool points_history(const struct points_file *f, uint64_t i, char to[POINT_HISTORY])
{
    return pread_all(f->fd, to, POINT_HISTORY, HEADER + i * RECORD + 24);
}

bool points_add(struct points_file *f, struct point *p, const char *history)
{
    char r[24] = {0};
    uint64_t at = HEADER + f->n * RECORD;

    if (f->fd < 0 || f->found || f->n >= POINTS_MAX)
        return false;
    put_u64(r, p->out);
    put_u64(r + 8, p->in);
    r[16] = (char)p->bits;
    r[17] = p->member;
    if (!pwrite_all(f->fd, r, sizeof(r), at) ||
        !pwrite_all(f->fd, history, POINT_HISTORY, at + sizeof(r)))
        return false;
    p->slot = f->n++;
    return true;
}

/* ---- what others find ------------------------------------------------------------------------- */

struct kept_file {
    char *name;
    int64_t used;
    uint64_t size;
};

static int by_use(const void *a, const void *b)
{
    const struct kept_file *x = a, *y = b;

    return x->used < y->used ? -1 : x->used > y->used;
}

static void make_place(const char *dir)
{
    VEC(struct kept_file) files = {0};
    DIR *d = opendir(dir);
    uint64_t total = 0;
    struct dirent *entry;
    struct stat st;

    while (d && (entry = readdir(d))) {
        if (!str_starts(entry->d_name, PREFIX) || fstatat(dirfd(d), entry->d_name, &st, 0) != 0)
            continue;
        vec_push(&files, ((struct kept_file){xstrdup(entry->d_name), st.st_mtim.tv_sec,
                                             (uint64_t)st.st_blocks * 512}));
        total += (uint64_t)st.st_blocks * 512;
    }
    if (files.n)
        qsort(files.v, files.n, sizeof(*files.v), by_use);
    for (size_t i = 0; i < files.n; i++) {
        if (total > CACHE_MAX && unlinkat(dirfd(d), files.v[i].name, 0) == 0)
            total -= files.v[i].size;
        free(files.v[i].name);
    }
    vec_free(&files);
    if (d)
        closedir(d);
}

void points_done(struct points_file *f, int gz)
{
    char header[HEADER], from[40], *slash;

    if (f->fd < 0 || f->found || f->n == 0 || !header_of(gz, header) ||
        memcmp(header, f->header, HEADER) != 0)
        return; /* it has changed since */
    snprintf(from, sizeof(from), "/proc/self/fd/%d", f->fd);
    if (linkat(AT_FDCWD, from, AT_FDCWD, f->path, AT_SYMLINK_FOLLOW) != 0) {
        if (errno != EEXIST)
            return;
        unlink(f->path); /* damaged, or of another version */
        if (linkat(AT_FDCWD, from, AT_FDCWD, f->path, AT_SYMLINK_FOLLOW) != 0)
            return;
    }
    f->found = true;
    slash = strrchr(f->path, '/');
    *slash = '\0';
    make_place(f->path);
    *slash = '/';
}
