/* Growable bytes with a maximum. */
#include "mews/base.h"

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_init_in(struct buf *b, size_t max, char *space, size_t n)
{
    *b = (struct buf){.data = space, .cap = n, .max = max, .lent = true};
    space[0] = '\0';
}

void buf_fini(struct buf *b)
{
    if (!b->lent)
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

bool buf_grow(struct buf *b, size_t more)
{
    size_t max = b->max ? b->max : BUF_MAX_DEFAULT, need = b->len + more, cap;

    if (b->failed || more > max || need > max) {
        b->failed = true;
        return false;
    }
    if (need < b->cap)
        return true;
    cap = MAX_OF(MAX_OF(need + 1, b->cap * 2), (size_t)64);
    cap = MIN_OF(cap - 1, max) +
          1; /* what fits is within the maximum: buf_reserve looks no further */
    if (b->lent) {
        const char *space = b->data;

        b->data = xmalloc(cap);
        memcpy(b->data, space, b->len + 1);
        b->lent = false;
    } else {
        b->data = xrealloc(b->data, cap);
    }
    b->cap = cap;
    return true;
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

const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                           "25262728293031323334353637383940414243444546474849"
                           "50515253545556575859606162636465666768697071727374"
                           "75767778798081828384858687888990919293949596979899";

bool buf_add_u64(struct buf *b, uint64_t v)
{
    char digits[20], *p = digits + sizeof(digits);

    for (; v >= 100; v /= 100) {
        p -= 2;
        memcpy(p, digit_pairs + v % 100 * 2, 2);
    }
    p -= v >= 10 ? 2 : 1;
    memcpy(p, digit_pairs + v * 2 + (v < 10), v >= 10 ? 2 : 1);
    return buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

bool buf_add_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_addc(b, '-');
    return buf_add_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

bool buf_add_hex(struct buf *b, uint64_t v)
{
    char digits[16], *p = digits + sizeof(digits);

    do {
        *--p = "0123456789ABCDEF"[v & 15];
        v >>= 4;
    } while (v);
    return buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

bool buf_add_printable(struct buf *b, struct span s)
{
    char *to;

    if (!buf_reserve(b, s.n))
        return false;
    to = b->data + b->len;
    for (size_t i = 0; i < s.n; i++)
        to[i] = (char)(s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '.');
    to[s.n] = '\0';
    b->len += s.n;
    return true;
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
    char *p = b->data && !b->lent ? b->data : xstrndup(buf_str(b), b->len);

    *b = (struct buf){.max = b->max};
    return p;
}
