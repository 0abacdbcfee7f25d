/* Scanning the texts that people write: filters and formats (§2). */
#include "internal.h"

#include <ctype.h>

void syntax_error_place(struct syntax_error *err, const char *s, size_t n, size_t index)
{
    err->index = (uint32_t)index;
    err->line = 1;
    err->column = 1;
    for (size_t i = 0; i < index && i < n; i++) {
        bool newline = s[i] == '\n' || s[i] == '\r';

        err->line += newline;
        err->column = newline ? 1 : err->column + 1;
    }
}

bool scan_fail(struct scan *s, size_t index, size_t len, const char *code, const char *fmt, ...)
{
    va_list ap;

    if (s->failed)
        return false;
    s->failed = true;
    if (!s->err)
        return false;
    memset(s->err, 0, sizeof(*s->err));
    snprintf(s->err->code, sizeof(s->err->code), "%s", code);
    syntax_error_place(s->err, s->s, s->n, index);
    s->err->len = (uint32_t)len;
    s->err->unfinished = index >= s->n;
    va_start(ap, fmt);
    vsnprintf(s->err->text, sizeof(s->err->text), fmt, ap);
    va_end(ap);
    return false;
}

bool syntax_error_set(struct syntax_error *err, uint32_t index, uint32_t len, const char *code,
                      const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return false;
    memset(err, 0, sizeof(*err));
    snprintf(err->code, sizeof(err->code), "%s", code);
    err->index = index;
    err->len = len;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return false;
}

bool scan_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\b';
}

void scan_blanks(struct scan *s)
{
    while (s->at < s->n && scan_is_blank(s->s[s->at]))
        s->at++;
}

bool scan_literal(struct scan *s, const char *word)
{
    size_t n = strlen(word);

    if (s->n - s->at < n || memcmp(s->s + s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

bool scan_deeper(struct scan *s)
{
    if (++s->depth <= s->depth_max)
        return true;
    return scan_fail(s, s->at, 0, "P18", "nested too deeply: %u levels are the limit",
                     s->depth_max);
}

static bool letter(char c)
{
    return isalpha((unsigned char)c) && (unsigned char)c < 0x80;
}

static bool word_byte(char c)
{
    return letter(c) || (c >= '0' && c <= '9') || c == '_';
}

bool scan_identifier(struct scan *s, struct span *out)
{
    size_t start = s->at;

    if (s->at >= s->n || !letter(s->s[s->at]))
        return false;
    while (s->at < s->n && word_byte(s->s[s->at]))
        s->at++;
    *out = (struct span){s->s + start, s->at - start};
    return true;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static size_t digits(const struct scan *s, size_t at)
{
    size_t start = at;

    while (at < s->n && s->s[at] >= '0' && s->s[at] <= '9')
        at++;
    return at - start;
}

static size_t hex_len(const struct scan *s, size_t at)
{
    size_t n = 2;

    if (s->n - at < 3 || s->s[at] != '0' || (s->s[at + 1] != 'x' && s->s[at + 1] != 'X'))
        return 0;
    while (at + n < s->n && isxdigit((unsigned char)s->s[at + n]))
        n++;
    return n > 2 ? n : 0;
}

bool scan_number(struct scan *s, struct span *out)
{
    size_t start = s->at, at = start, n = hex_len(s, at);

    if (n == 0) {
        at += at < s->n && (s->s[at] == '+' || s->s[at] == '-');
        n = digits(s, at);
        if (n == 0)
            return false;
        at += n;
        if (at < s->n && s->s[at] == '.')
            at += 1 + digits(s, at + 1);
        if (at + 1 < s->n && (s->s[at] == 'e' || s->s[at] == 'E') &&
            (s->s[at + 1] == '+' || s->s[at + 1] == '-') && digits(s, at + 2))
            at += 2 + digits(s, at + 2);
        n = at - start;
    }
    s->at = start + n;
    *out = (struct span){s->s + start, n};
    return true;
}

/* ---- texts ----------------------------------------------------------------------------------- */

bool scan_bare(struct scan *s, struct span *out)
{
    size_t start = s->at;

    while (s->at < s->n && !scan_is_blank(s->s[s->at]) && !memchr("()\"'=,", s->s[s->at], 6))
        s->at++;
    *out = (struct span){s->s + start, s->at - start};
    return out->n > 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* s->at is behind the closing quote; p is behind the backslash; gives the bytes used, 0 after an
 * error. */
static size_t unescape(struct scan *s, const char *p, size_t left, char quote, char *to)
{
    static const char from[] = "bfnrt\\/ ", into[] = "\b\f\n\r\t\\/\\";
    const char *at = *p ? strchr(from, *p) : NULL;

    if (at || *p == quote) {
        *to = at ? into[at - from] : quote;
        return 1;
    }
    if (*p == 'x') {
        if (left < 3) {
            scan_fail(s, s->at, 0, "P21", "\\x needs two hexadecimal digits");
            return 0;
        }
        if (hex_digit(p[1]) < 0 || hex_digit(p[2]) < 0) {
            scan_fail(s, s->at, 0, "P22", "\\x%c%c: these are no hexadecimal digits", p[1], p[2]);
            return 0;
        }
        *to = (char)(hex_digit(p[1]) * 16 + hex_digit(p[2]));
        return 3;
    }
    if (*p == '"' || *p == '\'')
        scan_fail(s, s->at, 0, "P20", "\\%c: the other quote needs no backslash", *p);
    else
        scan_fail(s, s->at, 0, "P19",
                  "\\%c is no escape; there are \\b \\f \\n \\r \\t \\\\ \\/ \\%c and \\xHH", *p,
                  quote);
    return 0;
}

bool scan_quoted(struct scan *s, struct span *out)
{
    size_t start = s->at, end, n = 0;
    char quote = start < s->n ? s->s[start] : '\0', *text;

    if (quote != '"' && quote != '\'')
        return false;
    for (end = start + 1; end < s->n && !(s->s[end] == quote && s->s[end - 1] != '\\'); end++)
        ;
    if (end >= s->n)
        return false; /* unclosed: the caller says what was expected here */
    s->at = end + 1;
    text = arena_alloc(s->arena, end - start);
    for (size_t i = start + 1; i < end; i++) {
        if (s->s[i] == '\\' && i + 1 < end) {
            size_t used = unescape(s, s->s + i + 1, end - i - 1, quote, &text[n++]);

            if (!used)
                return false;
            i += used;
        } else {
            text[n++] = s->s[i];
        }
    }
    text[n] = '\0';
    *out = (struct span){text, n};
    return true;
}
