/* Reading, writing and finding files. */
#include "mews/base.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

enum severity file_read(const char *path, size_t max, struct buf *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char chunk[65536];
    ssize_t n;

    if (fd < 0)
        return error_sys(err, errno, "%s", path);
    while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || out->len + (size_t)n > max || !buf_add(out, chunk, (size_t)n))
            break;
    }
    close(fd);
    if (n < 0)
        return error_sys(err, errno, "%s", path);
    if (n > 0)
        return error_set(err, ERR_LIMIT, "%s is larger than %zu bytes", path, max);
    return SEV_OK;
}

enum severity file_replace(const char *path, const void *p, size_t n, struct error *err)
{
    char *tmp = xasprintf("%s.XXXXXX", path);
    int fd = mkostemp(tmp, O_CLOEXEC);
    enum severity sev = SEV_OK;

    if (fd < 0) {
        sev = error_sys(err, errno, "can't write beside %s", path);
        free(tmp);
        return sev;
    }
    if (!write_all(fd, p, n) || rename(tmp, path) != 0) {
        sev = error_sys(err, errno, "can't write %s", path);
        unlink(tmp);
    }
    close(fd);
    free(tmp);
    return sev;
}

bool write_all(int fd, const void *p, size_t n)
{
    const char *s = p;

    while (n) {
        ssize_t w = write(fd, s, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        s += w;
        n -= (size_t)w;
    }
    return true;
}

enum severity file_append(const char *path, const void *p, size_t n, struct error *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    bool ok = fd >= 0 && write_all(fd, p, n);
    int why = errno;

    if (fd >= 0 && close(fd) != 0 && ok) {
        why = errno;
        ok = false;
    }
    return ok ? SEV_OK : error_sys(err, why, "%s", path);
}

bool pread_all(int fd, char *to, size_t n, uint64_t off)
{
    while (n) {
        ssize_t r = pread(fd, to, n, (off_t)off);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            errno = r == 0 ? ENODATA : errno;
            return false;
        }
        to += r;
        n -= (size_t)r;
        off += (uint64_t)r;
    }
    return true;
}
bool pwrite_all(int fd, const void *p, size_t n, uint64_t off)
{
    const char *s = p;

    while (n) {
        ssize_t w = pwrite(fd, s, n, (off_t)off);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0) {
            errno = w == 0 ? ENOSPC : errno;
            return false;
        }
        s += w;
        off += (uint64_t)w;
        n -= (size_t)w;
    }
    return true;
}

bool fd_set_nonblock(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0;
}

bool fd_set_cloexec(int fd, bool on)
{
    return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) == 0;
}

bool dir_make(const char *path, unsigned mode)
{
    char *copy = xstrdup(path);
    bool ok = true;

    for (char *p = copy + 1; ok && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        ok = mkdir(copy, mode) == 0 || errno == EEXIST;
        *p = '/';
    }
    ok = ok && (mkdir(copy, mode) == 0 || errno == EEXIST);
    free(copy);
    return ok;
}

static const char *home_dir(void)
{
    const char *home = getenv("HOME");
    struct passwd *pw;

    if (home && *home == '/')
        return home;
    pw = getpwuid(getuid());
    return pw && pw->pw_dir && *pw->pw_dir == '/' ? pw->pw_dir : NULL;
}

char *user_dir(const char *kind)
{
    static const struct {
        const char *kind, *variable, *below_home;
    } kinds[] = {
        {"cache", "XDG_CACHE_HOME", ".cache"},
        {"config", "XDG_CONFIG_HOME", ".config"},
        {"state", "XDG_STATE_HOME", ".local/state"},
    };

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const char *env = getenv(kinds[i].variable), *home = home_dir();
        char *path;

        if (!str_eq(kinds[i].kind, kind))
            continue;
        if (!(env && *env == '/') && !home)
            return NULL;
        path = env && *env == '/' ? xasprintf("%s/mews", env)
                                  : xasprintf("%s/%s/mews", home, kinds[i].below_home);
        if (dir_make(path, 0700))
            return path;
        free(path);
        return NULL;
    }
    return NULL;
}

char *path_join(const char *a, const char *b)
{
    size_t n = strlen(a);

    return xasprintf("%s%s%s", a, n && a[n - 1] == '/' ? "" : "/", b);
}
