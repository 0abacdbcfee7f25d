/* Clocks, and times as text. */
#include "mews/base.h"

#include <string.h>
#include <time.h>

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t time_now(void)
{
    return clock_ns(CLOCK_REALTIME);
}

uint64_t time_mono(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* ".NNNNNNNNN" at out. */
static size_t put_fraction(char *out, uint32_t ns)
{
    out[0] = '.';
    out[9] = (char)('0' + ns % 10);
    ns /= 10;
    for (int i = 7; i >= 1; i -= 2, ns /= 100)
        memcpy(out + i, digit_pairs + ns % 100 * 2, 2);
    return 10;
}

/* The last second that a thread wrote: events come by the thousand in one. */
struct last_second {
    time_t s;
    enum time_form form;
    bool utc;
    uint8_t len;
    char text[24];
};

static void format_second(struct last_second *last, const char *pattern)
{
    struct tm tm;

    if (last->utc || last->form == TIME_ISO8601)
        gmtime_r(&last->s, &tm);
    else
        localtime_r(&last->s, &tm);
    last->len = (uint8_t)strftime(last->text, sizeof last->text, pattern, &tm);
}

const char *time_format(uint64_t ts, enum time_form form, bool utc, char out[40])
{
    static const struct {
        const char *pattern;
        bool fraction;
    } forms[] = {
        [TIME_CLOCK] = {"%H:%M:%S", true},
        [TIME_CLOCK_S] = {"%H:%M:%S", false},
        [TIME_DATETIME] = {"%Y-%m-%d %H:%M:%S", true},
        [TIME_DATETIME_S] = {"%Y-%m-%d %H:%M:%S", false},
        [TIME_ISO8601] = {"%Y-%m-%dT%H:%M:%S", true},
        [TIME_SHORT] = {"%m-%d %H:%M:%S", false},
    };
    static _Thread_local struct last_second last;
    time_t s = (time_t)(ts / NS_PER_S);
    size_t n;

    if (!last.len || last.s != s || last.form != form || last.utc != utc) {
        last = (struct last_second){.s = s, .form = form, .utc = utc};
        format_second(&last, forms[form].pattern);
    }
    memcpy(out, last.text, sizeof(last.text)); /* of one length: without a call */
    n = last.len;
    if (forms[form].fraction)
        n += put_fraction(out + n, (uint32_t)(ts % NS_PER_S));
    if (forms[form].fraction && form == TIME_ISO8601) {
        memcpy(out + n, "+0000", 5);
        n += 5;
    }
    out[n] = '\0';
    return out;
}

static bool parse_offset(const char *s, uint64_t near, uint64_t *out)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ns", 1},     {"us", 1e3},   {"ms", 1e6},    {"s", 1e9}, {"m", 60e9},
                 {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {"", 1e9}};
    double v, ns;
    char *end;

    if ((*s != '+' && *s != '-') || !((s[1] >= '0' && s[1] <= '9') || s[1] == '.'))
        return false;
    v = strtod(s + 1, &end);
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (!str_eq(end, units[i].unit))
            continue;
        ns = v * units[i].ns;
        if (ns > 9e18)
            return false;
        *out = *s == '+' ? near + (uint64_t)ns : near > (uint64_t)ns ? near - (uint64_t)ns : 0;
        return true;
    }
    return false;
}

/* The digits behind a point, as nanoseconds. */
static bool parse_fraction(const char *s, uint64_t *ns)
{
    uint64_t scale = NS_PER_S;

    *ns = 0;
    if (*s != '.')
        return *s == '\0' || str_eq(s, "Z");
    for (s++; *s >= '0' && *s <= '9'; s++) {
        scale /= 10;
        *ns += (uint64_t)(*s - '0') * scale;
    }
    return *s == '\0' || str_eq(s, "Z");
}

bool time_parse(const char *text, uint64_t near, bool utc, uint64_t *out)
{
    static const char *const forms[] = {
        "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
        "%Y-%m-%d",          "%H:%M:%S",          "%H:%M"};
    time_t day = (time_t)(near / NS_PER_S), s;
    uint64_t ns;

    if (parse_offset(text, near, out))
        return true;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct tm tm;
        const char *rest;

        utc ? gmtime_r(&day, &tm) : localtime_r(&day, &tm);
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        rest = strptime(text, forms[i], &tm);
        if (!rest || !parse_fraction(rest, &ns))
            continue;
        tm.tm_isdst = -1;
        s = utc ? timegm(&tm) : mktime(&tm);
        if (s < 0)
            return false;
        *out = (uint64_t)s * NS_PER_S + ns;
        return true;
    }
    return false;
}
