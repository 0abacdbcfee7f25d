/* Regular expressions: the dialect of RE2's POSIX mode, checked and rewritten for pcre2 (§12). */
#include "internal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>

#define MATCH_LIMIT 1000000u
#define DEPTH_LIMIT 100000u
#define REPEAT_MAX  1000u
#define NEST_MAX    250u

struct regex {
    pcre2_code *code;
    pcre2_match_context *context;
};

struct translator {
    struct span p;
    size_t at;
    unsigned depth;
    char *why;
    size_t why_size;
    bool failed;
};

static bool refuse(struct translator *t, const char *why)
{
    if (!t->failed)
        snprintf(t->why, t->why_size, "%s (at byte %zu of the expression)", why, t->at);
    t->failed = true;
    return false;
}

static int peek(const struct translator *t)
{
    return t->at < t->p.n ? (unsigned char)t->p.p[t->at] : -1;
}

static bool octal(int c)
{
    return c >= '0' && c <= '7';
}

/* Behind a backslash. Appends an escape that pcre2 reads the same way. */
static bool translate_escape(struct translator *t, struct buf *out)
{
    int c = peek(t);
    unsigned v = 0, n = 0;

    if (c < 0)
        return refuse(t, "a backslash at the end");
    t->at++;
    if (strchr("afnrtv", c)) {
        static const char names[] = "afnrtv", codes[] = "\a\f\n\r\t\v";

        buf_addf(out, "\\x{%x}", codes[strchr(names, c) - names]);
        return true;
    }
    if (c == 'x') {
        bool braced = peek(t) == '{';

        t->at += braced;
        for (; isxdigit(peek(t)) && n < (braced ? 6u : 2u); n++)
            v = v * 16 + (unsigned)(isdigit(peek(t)) ? peek(t) - '0' : tolower(peek(t)) - 'a' + 10),
            t->at++;
        if (n == 0 || (!braced && n < 2) || (braced && (peek(t) != '}' || v > 0x10ffff)))
            return refuse(t, "\\x needs two hexadecimal digits, or some in { }");
        t->at += braced;
    } else if (c == '0' || (octal(c) && octal(peek(t)))) {
        for (v = (unsigned)(c - '0'); octal(peek(t)) && n < 2; n++, t->at++)
            v = v * 8 + (unsigned)(peek(t) - '0');
    } else if (c < 0x80 && (ispunct(c))) {
        buf_addf(out, "\\%c", c);
        return true;
    } else {
        return refuse(
            t, "this escape does not exist here: write a class such as [[:digit:]] or [[:space:]]");
    }
    buf_addf(out, "\\x{%x}", v);
    return true;
}

static bool class_known(struct span name)
{
    static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
                                        "digit", "graph", "lower", "print", "punct",
                                        "space", "upper", "word",  "xdigit"};

    if (name.n && name.p[0] == '^')
        name = (struct span){name.p + 1, name.n - 1};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (span_is(name, names[i]))
            return true;
    }
    return false;
}

/* "[:" is at the scan's place. */
static bool translate_named_class(struct translator *t, struct buf *out)
{
    size_t end = t->at + 2;
    struct span name;

    while (end + 1 < t->p.n && !(t->p.p[end] == ':' && t->p.p[end + 1] == ']'))
        end++;
    name = (struct span){t->p.p + t->at + 2, end - t->at - 2};
    if (end + 1 >= t->p.n || !class_known(name))
        return refuse(
            t, "no such class: [:alpha:], [:digit:], [:space:], [:word:] and their like exist");
    buf_add(out, t->p.p + t->at, name.n + 4);
    t->at = end + 2;
    return true;
}

/* One member of a bracket; its code point in *cp. */
static bool translate_member(struct translator *t, struct buf *out, uint32_t *cp)
{
    size_t n;

    if (peek(t) == '\\') {
        size_t from = out->len;

        t->at++;
        if (!translate_escape(t, out))
            return false;
        *cp = str_starts(out->data + from, "\\x{")
                  ? (uint32_t)strtoul(out->data + from + 3, NULL, 16)
                  : (unsigned char)out->data[from + 1];
        return true;
    }
    n = utf8_decode(t->p.p + t->at, t->p.n - t->at, cp);
    if (n == 0)
        return refuse(t, "this is no UTF-8");
    t->at += n;
    buf_addf(out, "\\x{%x}", *cp);
    return true;
}

/* Behind "[". */
static bool translate_bracket(struct translator *t, struct buf *out)
{
    bool first = true;

    buf_addc(out, '[');
    if (peek(t) == '^') {
        buf_addc(out, '^');
        t->at++;
    }
    for (; first || peek(t) != ']'; first = false) {
        uint32_t low, high;

        if (peek(t) < 0)
            return refuse(t, "the [ is not closed");
        if (peek(t) == '[' && t->at + 1 < t->p.n && t->p.p[t->at + 1] == ':') {
            if (!translate_named_class(t, out))
                return false;
            continue;
        }
        if (!translate_member(t, out, &low))
            return false;
        if (peek(t) == '-' && t->at + 1 < t->p.n && t->p.p[t->at + 1] != ']') {
            t->at++;
            buf_addc(out, '-');
            if (!translate_member(t, out, &high))
                return false;
            if (high < low)
                return refuse(t, "the range runs backwards");
        }
    }
    t->at++;
    buf_addc(out, ']');
    return true;
}

static bool translate_alternatives(struct translator *t, struct buf *out);

static bool translate_group(struct translator *t, struct buf *out)
{
    if (peek(t) == '?')
        return refuse(t, "(? does not exist here: groups are plain");
    if (++t->depth > NEST_MAX)
        return refuse(t, "nested too deeply");
    buf_adds(out, "(?:");
    if (!translate_alternatives(t, out))
        return false;
    if (peek(t) != ')')
        return refuse(t, "the ( is not closed");
    t->at++;
    t->depth--;
    buf_addc(out, ')');
    return true;
}

static bool translate_literal(struct translator *t, struct buf *out)
{
    uint32_t cp;
    size_t n = utf8_decode(t->p.p + t->at, t->p.n - t->at, &cp);

    if (n == 0)
        return refuse(t, "this is no UTF-8");
    t->at += n;
    buf_addf(out, "\\x{%x}", cp);
    return true;
}

static bool translate_atom(struct translator *t, struct buf *out)
{
    int c = peek(t);

    switch (c) {
    case '(':
        t->at++;
        return translate_group(t, out);
    case '[':
        t->at++;
        return translate_bracket(t, out);
    case '\\':
        t->at++;
        return translate_escape(t, out);
    case '.':
    case '^':
    case '$':
        t->at++;
        return buf_addc(out, (char)c);
    case '*':
    case '+':
    case '?':
        return refuse(t, "there is nothing to repeat");
    default:
        return translate_literal(t, out);
    }
}

static bool read_count(struct translator *t, unsigned *out)
{
    size_t start = t->at;

    for (*out = 0; isdigit(peek(t)) && *out <= REPEAT_MAX * 10; t->at++)
        *out = *out * 10 + (unsigned)(peek(t) - '0');
    return t->at > start;
}

/* "{n}", "{n,}" or "{n,m}": anything else is literal text. 1: read, 0: literal, -1: refused. */
static int translate_braces(struct translator *t, struct buf *rep)
{
    size_t start = t->at++;
    unsigned low, high;
    bool open = false;

    if (!read_count(t, &low))
        goto literal;
    high = low;
    if (peek(t) == ',') {
        t->at++;
        open = !read_count(t, &high);
    }
    if (peek(t) != '}')
        goto literal;
    t->at++;
    if (low > REPEAT_MAX || (!open && (high > REPEAT_MAX || high < low)))
        return refuse(t, "a repetition counts to 1000 at most, and upwards") ? 0 : -1;
    if (open)
        buf_addf(rep, "{%u,}", low);
    else
        buf_addf(rep, "{%u,%u}", low, high);
    return 1;
literal:
    t->at = start;
    return 0;
}

static int translate_repetition(struct translator *t, struct buf *rep)
{
    int c = peek(t);

    buf_reset(rep);
    if (c == '{')
        return translate_braces(t, rep);
    if (c != '*' && c != '+' && c != '?')
        return 0;
    t->at++;
    buf_addc(rep, (char)c);
    return 1;
}

/* An atom and its repetitions: stacked ones are grouped, since pcre2 reads a second as lazy or
 * possessive. */
static bool translate_piece(struct translator *t, struct buf *out)
{
    struct buf piece, rep;
    bool repeated = false, ok;
    int r;

    buf_init(&piece, 1 << 20);
    buf_init(&rep, 64);
    ok = translate_atom(t, &piece);
    while (ok && (r = translate_repetition(t, &rep)) != 0) {
        ok = r > 0;
        if (repeated) {
            struct buf inner = piece;

            buf_init(&piece, 1 << 20);
            buf_addf(&piece, "(?:%s)", buf_str(&inner));
            buf_fini(&inner);
        }
        buf_adds(&piece, buf_str(&rep));
        repeated = true;
    }
    ok = ok && buf_add(out, buf_str(&piece), piece.len);
    buf_fini(&piece);
    buf_fini(&rep);
    return ok || refuse(t, "the expression is too large");
}

static bool translate_alternatives(struct translator *t, struct buf *out)
{
    for (;;) {
        while (peek(t) >= 0 && peek(t) != '|' && peek(t) != ')') {
            if (!translate_piece(t, out))
                return false;
        }
        if (peek(t) != '|')
            return true;
        t->at++;
        buf_addc(out, '|');
    }
}

struct regex *regex_compile(struct span pattern, char *why, size_t size)
{
    struct translator t = {.p = pattern, .why = why, .why_size = size};
    struct regex *re = NULL;
    struct buf out;
    int code;
    PCRE2_SIZE at;

    buf_init(&out, 1 << 20);
    buf_adds(&out, "(?:");
    if (translate_alternatives(&t, &out) && peek(&t) == ')')
        refuse(&t, "this ) closes nothing");
    buf_addc(&out, ')');
    if (!t.failed) {
        pcre2_compile_context *cc = pcre2_compile_context_create(NULL);

        pcre2_set_newline(cc, PCRE2_NEWLINE_LF);
        re = xcalloc(1, sizeof(*re));
        re->code = pcre2_compile((PCRE2_SPTR)buf_str(&out), out.len,
                                 PCRE2_UTF | PCRE2_MULTILINE | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
                                     PCRE2_ALT_CIRCUMFLEX | PCRE2_NO_AUTO_CAPTURE,
                                 &code, &at, cc);
        pcre2_compile_context_free(cc);
        if (!re->code) {
            pcre2_get_error_message(code, (PCRE2_UCHAR *)why, size);
            free(re);
            re = NULL;
        } else {
            pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
            re->context = pcre2_match_context_create(NULL);
            pcre2_set_match_limit(re->context, MATCH_LIMIT);
            pcre2_set_depth_limit(re->context, DEPTH_LIMIT);
        }
    }
    buf_fini(&out);
    return re;
}

void regex_free(struct regex *re)
{
    if (!re)
        return;
    pcre2_match_context_free(re->context);
    pcre2_code_free(re->code);
    free(re);
}

/* Each maximal broken sub-sequence becomes one U+FFFD. */
static void repair(struct span s, struct buf *out)
{
    bool broken = false;

    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        size_t n = utf8_decode(s.p + i, s.n - i, &cp);

        if (n)
            buf_add(out, s.p + i, n);
        else if (!broken || ((unsigned char)s.p[i] & 0xc0) != 0x80)
            buf_adds(out, "\xef\xbf\xbd");
        broken = n == 0;
        i += n ? n : 1;
    }
}

bool regex_match(const struct regex *re, struct span text)
{
    static _Thread_local pcre2_match_data *md;
    struct buf repaired;
    int rc;

    if (!md)
        md = pcre2_match_data_create(1, NULL);
    buf_init(&repaired, 0);
    if (!utf8_valid(text.p, text.n)) {
        repair(text, &repaired);
        text = (struct span){buf_str(&repaired), repaired.len};
    }
    rc = pcre2_match(re->code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0, PCRE2_NO_UTF_CHECK,
                     md, re->context);
    buf_fini(&repaired);
    return rc >= 0;
}
