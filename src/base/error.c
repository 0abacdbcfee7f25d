/* Errors with a code, a place and words for the person who will read them. */
#include "mews/base.h"

#include <errno.h>

enum severity error_setv(struct error *e, enum error_code code, const char *fmt, va_list ap)
{
    if (!e)
        return SEV_FAILED;
    memset(e, 0, offsetof(struct error, text));
    e->code = code;
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    return SEV_FAILED;
}

enum severity error_set(struct error *e, enum error_code code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(e, code, fmt, ap);
    va_end(ap);
    return SEV_FAILED;
}

static enum error_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
        return ERR_FULL;
    case EPIPE:
    case ECONNRESET:
        return ERR_GONE;
    default:
        return ERR_IO;
    }
}

enum severity error_sys(struct error *e, int errnum, const char *fmt, ...)
{
    va_list ap;
    size_t n;

    if (!e)
        return SEV_FAILED;
    va_start(ap, fmt);
    error_setv(e, code_of_errno(errnum), fmt, ap);
    va_end(ap);
    n = strlen(e->text);
    snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(errnum));
    return SEV_FAILED;
}

void error_context(struct error *e, const char *fmt, ...)
{
    char old[sizeof(e->text)];
    va_list ap;
    size_t n;

    if (!e)
        return;
    memcpy(old, e->text, sizeof(old));
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    n = strlen(e->text);
    snprintf(e->text + n, sizeof(e->text) - n, ": %.*s", (int)(sizeof(e->text) - n - 3), old);
}

void error_clear(struct error *e)
{
    if (e)
        memset(e, 0, offsetof(struct error, text) + 1);
}

const char *error_code_name(enum error_code code)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",     [ERR_USAGE] = "usage",     [ERR_NOT_FOUND] = "not-found",
        [ERR_IO] = "io",         [ERR_FORMAT] = "format",   [ERR_LIMIT] = "limit",
        [ERR_PLUGIN] = "plugin", [ERR_REFUSED] = "refused", [ERR_FULL] = "full",
        [ERR_GONE] = "gone",
    };
    return (size_t)code < COUNT_OF(names) ? names[code] : "unknown";
}
