/* UTF-8, what is unsafe to print, and numbers in words. */
#include "mews/base.h"

size_t utf8_decode(const char *s, size_t n, uint32_t *cp)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t len;
    uint32_t v;

    if (n == 0)
        return 0;
    if (u[0] < 0x80) {
        *cp = u[0];
        return 1;
    }
    len = u[0] >= 0xf0 && u[0] < 0xf5 ? 4 : u[0] >= 0xe0 ? 3 : u[0] >= 0xc2 ? 2 : 0;
    if (len == 0 || len > n || u[0] >= 0xf5)
        return 0;
    v = u[0] & (0xff >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (u[i] & 0x3f);
    }
    if ((len == 3 && v < 0x800) || (len == 4 && v < 0x10000) || v > 0x10ffff ||
        (v >= 0xd800 && v < 0xe000))
        return 0;
    *cp = v;
    return len;
}

size_t utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

bool utf8_valid(const char *s, size_t n)
{
    uint32_t cp;

    while (n) {
        size_t len = utf8_decode(s, n, &cp);

        if (!len)
            return false;
        s += len;
        n -= len;
    }
    return true;
}

bool unicode_unsafe(uint32_t cp)
{
    static const uint32_t ranges[][2] = {
        {0x0000, 0x001f},   {0x007f, 0x009f}, {0x061c, 0x061c}, {0x180e, 0x180e},
        {0x200b, 0x200f},   {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfdd0, 0xfdef},
        {0xfeff, 0xfeff},   {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x1d173, 0x1d17a},
        {0xe0000, 0xe0fff},
    };

    if (cp >= 0x20 && cp < 0x7f)
        return false;
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        if (cp >= ranges[i][0] && cp <= ranges[i][1])
            return true;
    }
    return (cp & 0xfffe) == 0xfffe;
}

static void add_escape(struct buf *out, uint32_t cp)
{
    static const char letters[] = "abtnvfr";

    if (cp >= 7 && cp <= 13)
        buf_addf(out, "\\%c", letters[cp - 7]);
    else
        buf_addf(out, cp < 0x80 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%06x", cp);
}

void text_make_visible(struct buf *out, const char *s, size_t n)
{
    while (n) {
        uint32_t cp;
        size_t len = utf8_decode(s, n, &cp);

        if (!len)
            buf_addf(out, "\\x%02x", (unsigned char)*s);
        else if (unicode_unsafe(cp))
            add_escape(out, cp);
        else
            buf_add(out, s, len);
        s += len ? len : 1;
        n -= len ? len : 1;
    }
}

const char *text_count(uint64_t n, char out[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), o = 0;

    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            out[o++] = ',';
        out[o++] = digits[i];
    }
    out[o] = '\0';
    return out;
}

const char *text_bytes(uint64_t n, char out[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double v = (double)n;
    size_t u = 0;

    while (v >= 999.5 && u + 1 < COUNT_OF(units)) {
        v /= 1000;
        u++;
    }
    snprintf(out, 32, u && v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[u]);
    return out;
}

const char *signal_word(int sig)
{
    const char *s = sigabbrev_np(sig);

    return s ? s : "?";
}

const char *text_duration(uint64_t ns, char out[32])
{
    double v = (double)ns;

    if (ns < 1000)
        snprintf(out, 32, "%u ns", (unsigned)ns);
    else if (v < 1e6)
        snprintf(out, 32, v < 9950 ? "%.1f µs" : "%.0f µs", v / 1e3);
    else if (v < 1e9)
        snprintf(out, 32, v < 9.95e6 ? "%.1f ms" : "%.0f ms", v / 1e6);
    else if (v < 120e9)
        snprintf(out, 32, v < 9.95e9 ? "%.1f s" : "%.0f s", v / 1e9);
    else if (v < 7200e9)
        snprintf(out, 32, "%.0f min", v / 60e9);
    else
        snprintf(out, 32, "%.1f h", v / 3600e9);
    return out;
}

static size_t edit_distance(const char *a, const char *b, size_t limit)
{
    size_t n = strlen(a), m = strlen(b), row[128];

    if (m + 1 > COUNT_OF(row) || (n > m ? n - m : m - n) > limit)
        return limit + 1;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t cost = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            row[j] = MIN_OF(cost, MIN_OF(row[j], row[j - 1]) + 1);
        }
    }
    return row[m];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t n)
{
    size_t best = strlen(word) / 3 + 1;
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d = edit_distance(word, candidates[i], best);

        if (d < best || (d == best && !found)) {
            best = d;
            found = candidates[i];
        }
    }
    return found;
}
