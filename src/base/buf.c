/* Growable bytes with a maximum. */
#include "mews/base.h"

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

bool buf_reserve(struct buf *b, size_t more)
{
    size_t max = b->max ? b->max : BUF_MAX_DEFAULT, need = b->len + more, cap;

    if (b->failed || more > max || need > max) {
        b->failed = true;
        return false;
    }
    if (need + 1 <= b->cap)
        return true;
    cap = MAX_OF(need + 1, MIN_OF(b->cap * 2, max + 1));
    cap = MAX_OF(cap, (size_t)64);
    b->data = xrealloc(b->data, cap);
    b->cap = cap;
    return true;
}

bool buf_add(struct buf *b, const void *p, size_t n)
{
    if (!buf_reserve(b, n))
        return false;
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = '\0';
    return true;
}

bool buf_addc(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

bool buf_adds(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

bool buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    int n;
    bool ok;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    ok = n >= 0 && buf_reserve(b, (size_t)n);
    if (ok) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(ap);
    return ok;
}

bool buf_add_u64(struct buf *b, uint64_t v)
{
    char digits[20], *p = digits + sizeof(digits);

    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

bool buf_add_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_addc(b, '-');
    return buf_add_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void buf_drop(struct buf *b, size_t n)
{
    n = MIN_OF(n, b->len);
    if (!n)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

const char *buf_str(const struct buf *b)
{
    return b->data ? b->data : "";
}

char *buf_steal(struct buf *b)
{
    char *p = b->data ? b->data : xstrdup("");

    *b = (struct buf){.max = b->max};
    return p;
}
