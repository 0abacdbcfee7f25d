/* Shell patterns over the whole text: `*` crosses slashes and dots (§7). */
#include "mews/base.h"

#include <ctype.h>

static uint32_t next_char(struct span s, size_t *at)
{
    uint32_t cp;
    size_t n = utf8_decode(s.p + *at, s.n - *at, &cp);

    if (n == 0) {
        cp = 0x110000 + (unsigned char)s.p[*at]; /* a broken byte equals only itself */
        n = 1;
    }
    *at += n;
    return cp;
}

static uint32_t fold_case(uint32_t c, bool fold)
{
    return fold && c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool in_class(struct span name, uint32_t c)
{
    static const struct {
        const char *name;
        int (*is)(int);
    } classes[] = {
        {"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
        {"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
        {"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
    };

    for (size_t i = 0; c < 0x80 && i < COUNT_OF(classes); i++) {
        if (span_is(name, classes[i].name))
            return classes[i].is((int)c) != 0;
    }
    return false;
}

/* "[:name:]" at *at: its name, and *at behind it. */
static bool class_name(struct span p, size_t *at, struct span *name)
{
    size_t end = *at + 2;

    if (p.n - *at < 4 || p.p[*at] != '[' || p.p[*at + 1] != ':')
        return false;
    while (end + 1 < p.n && !(p.p[end] == ':' && p.p[end + 1] == ']'))
        end++;
    if (end + 1 >= p.n)
        return false;
    *name = (struct span){p.p + *at + 2, end - *at - 2};
    *at = end + 2;
    return true;
}

/* *at is behind "["; 1: matches, 0: does not, -1: the bracket is not closed and stands for itself.
 */
static int match_bracket(struct span p, size_t *at, uint32_t c, bool fold)
{
    size_t i = *at;
    bool negated = i < p.n && (p.p[i] == '!' || p.p[i] == '^'), hit = false, first = true;

    i += negated;
    for (; i < p.n && (first || p.p[i] != ']'); first = false) {
        struct span name;
        uint32_t low, high;

        if (class_name(p, &i, &name)) {
            hit |= in_class(name, c) ||
                   (fold && c < 0x80 && in_class(name, (uint32_t)toupper((int)c)));
            continue;
        }
        if (p.p[i] == '\\' && i + 1 < p.n)
            i++;
        low = high = next_char(p, &i);
        if (i + 1 < p.n && p.p[i] == '-' && p.p[i + 1] != ']') {
            i++;
            if (p.p[i] == '\\' && i + 1 < p.n)
                i++;
            high = next_char(p, &i);
        }
        hit |= c >= fold_case(low, fold) && c <= fold_case(high, fold);
        hit |= fold && c >= 'a' && c <= 'z' && c - 32 >= low && c - 32 <= high;
    }
    if (i >= p.n)
        return -1;
    *at = i + 1;
    return hit != negated;
}

/* One element of the pattern that is no star against one character. */
static bool match_one(struct span p, size_t *at, uint32_t c, bool fold)
{
    char what = p.p[*at];

    c = fold_case(c, fold);
    if (what == '?') {
        (*at)++;
        return true;
    }
    if (what == '[') {
        size_t behind = *at + 1;
        int r = match_bracket(p, &behind, c, fold);

        if (r >= 0) {
            *at = behind;
            return r;
        }
    }
    if (what == '\\' && *at + 1 < p.n)
        (*at)++;
    return fold_case(next_char(p, at), fold) == c;
}

bool glob_match(struct span p, struct span t, bool fold)
{
    size_t pi = 0, ti = 0, star = SIZE_MAX, mark = 0;

    while (ti < t.n) {
        size_t pnext = pi, tnext = ti;

        if (pi < p.n && p.p[pi] == '*') {
            star = ++pi;
            mark = ti;
            continue;
        }
        if (pi < p.n && match_one(p, &pnext, next_char(t, &tnext), fold)) {
            pi = pnext;
            ti = tnext;
            continue;
        }
        if (star == SIZE_MAX)
            return false;
        next_char(t, &mark); /* let the last star take one more */
        pi = star;
        ti = mark;
    }
    while (pi < p.n && p.p[pi] == '*')
        pi++;
    return pi >= p.n;
}
