/* Small things on bytes: search, numbers, hashes, base64. */
#include "mews/base.h"

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

const char *span_find(struct span hay, struct span needle)
{
    if (needle.n == 0)
        return hay.p ? hay.p : "";
    return hay.n < needle.n ? NULL : memmem(hay.p, hay.n, needle.p, needle.n);
}

struct span span_take(struct span *list)
{
    struct span item;
    size_t whole;

    if (list->n == 0)
        return span_of("");
    item = (struct span){list->p, strnlen(list->p, list->n)};
    whole = MIN_OF(item.n + 1, list->n);
    list->p += whole;
    list->n -= whole;
    return item;
}

bool span_item(struct span list, uint64_t i, struct span *out)
{
    while (list.n) {
        *out = span_take(&list);
        if (i-- == 0)
            return true;
    }
    return false;
}

uint64_t span_items(struct span list)
{
    uint64_t n = 0;

    for (; list.n; n++)
        span_take(&list);
    return n;
}

bool parse_u64(struct span s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.n == 0 || s.n > 20 || (s.n > 1 && s.p[0] == '0'))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned d = (unsigned char)s.p[i] - '0';

        if (d > 9 || v > (UINT64_MAX - d) / 10)
            return false;
        v = v * 10 + d;
    }
    *out = v;
    return true;
}

enum severity parse_size(const char *s, uint64_t *out, struct error *err)
{
    static const char units[] = "kMGT";
    size_t digits = strspn(s, "0123456789");
    const char *unit = s + digits;
    unsigned shift = 0;

    if (*unit) {
        const char *at = strchr(units, *unit == 'K'   ? 'k'
                                       : *unit == 'm' ? 'M'
                                       : *unit == 'g' ? 'G'
                                                      : *unit);

        shift = at ? (unsigned)(at - units + 1) * 10 : 0;
        unit += shift ? 1 : 0;
    }
    if (!parse_u64((struct span){s, digits}, out) || *unit || (shift && *out >> (64 - shift)))
        return error_set(err, ERR_USAGE, "“%s” is no size: a number, then k, M, G or T", s);
    *out <<= shift;
    return SEV_OK;
}

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed)
{
    const unsigned char *s = p;
    uint64_t h = seed ^ (n * 0x9e3779b97f4a7c15ull);

    for (; n >= 8; n -= 8, s += 8) {
        h = (h ^ get_u64(s)) * 0xff51afd7ed558ccdull;
        h ^= h >> 32;
    }
    for (; n; n--, s++)
        h = (h ^ *s) * 0x100000001b3ull;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ull;
    return h ^ (h >> 29);
}

static const char b64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, const void *p, size_t n)
{
    const unsigned char *s = p;

    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)s[i] << 16 | (i + 1 < n ? (uint32_t)s[i + 1] << 8 : 0) |
                     (i + 2 < n ? s[i + 2] : 0);
        char q[4] = {b64_alphabet[v >> 18], b64_alphabet[v >> 12 & 63],
                     i + 1 < n ? b64_alphabet[v >> 6 & 63] : '=',
                     i + 2 < n ? b64_alphabet[v & 63] : '='};

        buf_add(out, q, 4);
    }
}

bool base64_decode(struct buf *out, struct span s)
{
    uint32_t v = 0;
    unsigned bits = 0;
    size_t pad = 0;

    while (s.n && pad < 2 && s.p[s.n - 1] == '=')
        s.n--, pad++;
    if (s.n % 4 == 1 || (pad && (s.n + pad) % 4))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        const char *at = s.p[i] ? strchr(b64_alphabet, s.p[i]) : NULL;

        if (!at)
            return false;
        v = v << 6 | (uint32_t)(at - b64_alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_addc(out, (char)(v >> bits));
        }
    }
    return (v & ((1u << bits) - 1)) == 0 && !out->failed;
}
