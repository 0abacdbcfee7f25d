/* What a line of a log says of itself: time, level, host, program, message. */
#include "internal.h"

#include <ctype.h>
#include <jansson.h>
#include <strings.h>
#include <time.h>

#define SECOND 1000000000ull
#define HEAD   200 /* bytes in which time and level are looked for */

struct cursor {
    const char *p, *end;
};

/* ---- times ----------------------------------------------------------------------------------- */

static bool digits(struct cursor *c, int n, int *out)
{
    *out = 0;
    if (c->end - c->p < n)
        return false;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)c->p[i]))
            return false;
        *out = *out * 10 + (c->p[i] - '0');
    }
    c->p += n;
    return true;
}

static bool literal(struct cursor *c, char ch)
{
    if (c->p >= c->end || *c->p != ch)
        return false;
    c->p++;
    return true;
}

/* ".123" or ",123": nanoseconds; nothing is 0. */
static uint64_t fraction(struct cursor *c)
{
    uint64_t ns = 0, unit = SECOND / 10;

    if (c->end - c->p < 2 || (*c->p != '.' && *c->p != ',') || !isdigit((unsigned char)c->p[1]))
        return 0;
    for (c->p++; c->p < c->end && isdigit((unsigned char)*c->p); c->p++, unit /= 10)
        ns += unit * (uint64_t)(*c->p - '0');
    return ns;
}

/* "Z", "+02:00", "-0700", " UTC": seconds east; false: none is given. */
static bool zone(struct cursor *c, long *east)
{
    struct cursor t = *c;
    int h, m = 0, sign;

    *east = 0;
    while (t.p < t.end && *t.p == ' ')
        t.p++;
    if (t.end - t.p >= 3 && strncmp(t.p, "UTC", 3) == 0) {
        c->p = t.p + 3;
        return true;
    }
    if (literal(&t, 'Z')) {
        *c = t;
        return true;
    }
    if (t.p >= t.end || (*t.p != '+' && *t.p != '-'))
        return false;
    sign = *t.p++ == '-' ? -1 : 1;
    if (!digits(&t, 2, &h))
        return false;
    literal(&t, ':');
    if (!digits(&t, 2, &m))
        return false;
    *east = sign * (h * 3600L + m * 60L);
    *c = t;
    return true;
}

static bool clock_time(struct cursor *c, struct tm *tm, uint64_t *ns)
{
    if (!digits(c, 2, &tm->tm_hour) || !literal(c, ':') || !digits(c, 2, &tm->tm_min) ||
        !literal(c, ':') || !digits(c, 2, &tm->tm_sec))
        return false;
    *ns = fraction(c);
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 61;
}

static uint64_t to_ns(struct tm *tm, uint64_t ns, bool zoned, long east)
{
    time_t t;

    tm->tm_isdst = -1;
    if (tm->tm_mon < 0 || tm->tm_mon > 11 || tm->tm_mday < 1 || tm->tm_mday > 31)
        return NO_TIME;
    t = zoned ? timegm(tm) - east : mktime(tm);
    return t < 0 ? NO_TIME : (uint64_t)t * SECOND + ns;
}

/* 2018-10-25T13:58:49.123Z, 2018-10-25 13:58:49,123, 2018/10/25 13:58:49 */
static uint64_t iso_time(struct cursor *c)
{
    struct tm tm = {0};
    uint64_t ns;
    long east;
    char separator;
    bool zoned;

    if (!digits(c, 4, &tm.tm_year) || c->p >= c->end)
        return NO_TIME;
    separator = *c->p;
    if ((separator != '-' && separator != '/') || !literal(c, separator) ||
        !digits(c, 2, &tm.tm_mon) || !literal(c, separator) || !digits(c, 2, &tm.tm_mday) ||
        !(literal(c, 'T') || literal(c, ' ')) || !clock_time(c, &tm, &ns))
        return NO_TIME;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    zoned = zone(c, &east);
    return to_ns(&tm, ns, zoned, east);
}

static bool month_name(struct cursor *c, int *mon)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12 && c->end - c->p >= 3; i++) {
        if (strncmp(c->p, names + 3 * i, 3) == 0) {
            *mon = i;
            c->p += 3;
            return true;
        }
    }
    return false;
}

/* Oct 25 13:58:49 */
static uint64_t syslog_time(struct cursor *c, int year)
{
    struct tm tm = {.tm_year = year - 1900};
    uint64_t ns;

    if (!month_name(c, &tm.tm_mon) || !literal(c, ' '))
        return NO_TIME;
    if (!(literal(c, ' ') ? digits(c, 1, &tm.tm_mday) : digits(c, 2, &tm.tm_mday)) ||
        !literal(c, ' ') || !clock_time(c, &tm, &ns))
        return NO_TIME;
    return to_ns(&tm, ns, false, 0);
}

/* 10/Oct/2000:13:55:36 -0700 */
static uint64_t clf_time(struct cursor *c)
{
    struct tm tm = {0};
    uint64_t ns;
    long east;
    bool zoned;

    if (!digits(c, 2, &tm.tm_mday) || !literal(c, '/') || !month_name(c, &tm.tm_mon) ||
        !literal(c, '/') || !digits(c, 4, &tm.tm_year) || !literal(c, ':') ||
        !clock_time(c, &tm, &ns))
        return NO_TIME;
    tm.tm_year -= 1900;
    zoned = zone(c, &east);
    return to_ns(&tm, ns, zoned, east);
}

/* I1025 13:58:49.123456 (klog): the letter is the level */
static uint64_t klog_time(struct cursor *c, int year)
{
    struct tm tm = {.tm_year = year - 1900};
    uint64_t ns;

    if (c->end - c->p < 1 || !strchr("IWEF", *c->p))
        return NO_TIME;
    c->p++;
    if (!digits(c, 2, &tm.tm_mon) || !digits(c, 2, &tm.tm_mday) || !literal(c, ' ') ||
        !clock_time(c, &tm, &ns))
        return NO_TIME;
    tm.tm_mon -= 1;
    return to_ns(&tm, ns, false, 0);
}

/* 1540490027, 1540490027.123, 1540490027123 and more digits: seconds to nanoseconds */
static uint64_t epoch_time(struct cursor *c)
{
    uint64_t v = 0, unit = SECOND;
    int n = 0;

    while (c->p + n < c->end && n < 20 && isdigit((unsigned char)c->p[n]))
        v = v * 10 + (uint64_t)(c->p[n++] - '0');
    if (n != 10 && n != 13 && n != 16 && n != 19)
        return NO_TIME;
    if (c->p + n < c->end && isalnum((unsigned char)c->p[n]))
        return NO_TIME;
    c->p += n;
    for (int k = n; k > 10; k--)
        unit /= 10;
    return v * unit + (n == 10 ? fraction(c) : 0);
}

/* A time at the cursor in any of the forms; the cursor moves behind it. */
static uint64_t any_time(struct cursor *c, int year)
{
    struct cursor t = *c;
    uint64_t ts = iso_time(&t);

    if (ts == NO_TIME)
        t = *c, ts = syslog_time(&t, year);
    if (ts == NO_TIME)
        t = *c, ts = clf_time(&t);
    if (ts == NO_TIME)
        t = *c, ts = klog_time(&t, year);
    if (ts == NO_TIME)
        t = *c, ts = epoch_time(&t);
    if (ts != NO_TIME)
        *c = t;
    return ts;
}

/* ---- JSON lines ------------------------------------------------------------------------------ */

static const char *const time_keys[] = {"time",
                                        "ts",
                                        "timestamp",
                                        "@timestamp",
                                        "requestReceivedTimestamp",
                                        "eventTime",
                                        "__REALTIME_TIMESTAMP",
                                        "stageTimestamp",
                                        "date",
                                        "datetime"};
static const char *const level_keys[] = {"level",    "severity",  "lvl",
                                         "loglevel", "log.level", "PRIORITY"};
static const char *const host_keys[] = {"host", "hostname", "_HOSTNAME"};
static const char *const program_keys[] = {
    "logger", "component", "SYSLOG_IDENTIFIER", "program", "app", "service", "caller"};
static const char *const message_keys[] = {"msg", "message", "MESSAGE", "log", "event"};

/* The value of one of the keys at the top of a JSON line, found without parsing it all. */
static bool quick_member(const char *line, size_t n, const char *key, struct cursor *out)
{
    size_t k = strlen(key);

    for (const char *at = line; n && (at = memmem(at, n - (size_t)(at - line), key, k)); at += k) {
        const char *p = at + k, *end = line + n;

        if (at == line || at[-1] != '"' || p >= end || *p != '"')
            continue;
        for (p++; p < end && (*p == ' ' || *p == ':'); p++)
            ;
        if (p < end && *p == '"')
            p++;
        *out = (struct cursor){p, end};
        return true;
    }
    return false;
}

static uint64_t json_time_quick(const char *line, size_t n, int year)
{
    struct cursor c;

    for (size_t i = 0; i < sizeof(time_keys) / sizeof(*time_keys); i++) {
        uint64_t ts = NO_TIME;

        if (quick_member(line, n, time_keys[i], &c))
            ts = any_time(&c, year);
        if (ts != NO_TIME)
            return ts;
    }
    return NO_TIME;
}

uint64_t recognise_time(const char *line, size_t n, int year)
{
    struct cursor c = {line, line + n};

    if (n && line[0] == '{')
        return json_time_quick(line, n, year);
    if (n && line[0] == '<') { /* syslog's priority, and the version of RFC 5424 */
        while (c.p < c.end && *c.p != '>' && c.p - line < 6)
            c.p++;
        literal(&c, '>');
        if (c.end - c.p > 2 && isdigit((unsigned char)c.p[0]) && c.p[1] == ' ')
            c.p += 2;
    }
    literal(&c, '[');
    for (size_t tries = 0; tries < 4 && c.p < c.end;
         tries++) { /* the time may stand behind a word or two */
        uint64_t ts = any_time(&c, year);

        if (ts != NO_TIME)
            return ts;
        while (c.p < c.end && *c.p != ' ' && *c.p != '[')
            c.p++;
        while (c.p < c.end && (*c.p == ' ' || *c.p == '['))
            c.p++;
    }
    return NO_TIME;
}

/* ---- levels ---------------------------------------------------------------------------------- */

static const struct {
    const char *word, *level;
} levels[] = {
    {"emergency", "fatal"},  {"emerg", "fatal"},       {"fatal", "fatal"},   {"panic", "fatal"},
    {"alert", "critical"},   {"critical", "critical"}, {"crit", "critical"}, {"error", "error"},
    {"err", "error"},        {"warning", "warning"},   {"warn", "warning"},  {"notice", "notice"},
    {"information", "info"}, {"info", "info"},         {"debug", "debug"},   {"trace", "trace"},
    {"verbose", "debug"},
};

static const char *level_named(const char *p, size_t n)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        if (strlen(levels[i].word) == n && strncasecmp(levels[i].word, p, n) == 0)
            return levels[i].level;
    }
    return NULL;
}

static const char *level_numbered(int syslog_severity)
{
    static const char *const by_number[] = {"fatal",   "critical", "critical", "error",
                                            "warning", "notice",   "info",     "debug"};

    return syslog_severity >= 0 && syslog_severity < 8 ? by_number[syslog_severity] : NULL;
}

/* The first word near the start that names a level: in capitals, in brackets, or behind level=. */
static const char *level_in(const char *p, size_t n)
{
    const char *end = p + (n < HEAD ? n : HEAD);

    for (const char *at = p; at < end;) {
        const char *start;
        const char *level;
        bool marked;

        while (at < end && !isalpha((unsigned char)*at))
            at++;
        for (start = at; at < end && isalpha((unsigned char)*at); at++)
            ;
        level = level_named(start, (size_t)(at - start));
        marked = start > p &&
                 (start[-1] == '=' || start[-1] == '[' || start[-1] == '<' || start[-1] == '"');
        if (level && (marked || isupper((unsigned char)start[1]) || (at < p + n && *at == ':')))
            return level;
    }
    return NULL;
}

/* ---- whole lines ----------------------------------------------------------------------------- */

static const json_t *member_of(const json_t *o, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_object_get(o, keys[i]);

        if (v)
            return v;
    }
    return NULL;
}

#define MEMBER(o, keys) member_of(o, keys, sizeof(keys) / sizeof(*keys))

/* Appends a JSON string to the text that outlives the document; its place. */
static size_t keep(struct recognised *r, size_t *used, const json_t *v, size_t *len)
{
    const char *s = json_string_value(v);
    size_t at = *used;

    *len = s ? strlen(s) : 0;
    r->text = realloc(r->text, at + *len + 1);
    if (!r->text)
        abort();
    if (s)
        memcpy(r->text + at, s, *len);
    *used += *len;
    return at;
}

static void json_level(struct recognised *out, const json_t *v)
{
    const char *s = json_string_value(v);

    if (s && isdigit((unsigned char)s[0]) && !s[1])
        out->level = level_numbered(s[0] - '0');
    else if (s)
        out->level = level_named(s, strlen(s));
    else if (json_is_integer(v)) /* bunyan and pino count in tens */
        out->level = json_integer_value(v) >= 60   ? "fatal"
                     : json_integer_value(v) >= 50 ? "error"
                     : json_integer_value(v) >= 40 ? "warning"
                     : json_integer_value(v) >= 30 ? "info"
                     : json_integer_value(v) >= 20 ? "debug"
                     : json_integer_value(v) >= 10 ? "trace"
                                                   : level_numbered((int)json_integer_value(v));
}

static void recognise_json(const char *line, size_t n, struct recognised *out)
{
    json_t *o = json_loadb(line, n, 0, NULL);
    size_t used = 0, host, program, message;

    out->message = line; /* unless it names one */
    out->message_len = n;
    if (!o)
        return;
    json_level(out, MEMBER(o, level_keys));
    host = keep(out, &used, MEMBER(o, host_keys), &out->host_len);
    program = keep(out, &used, MEMBER(o, program_keys), &out->program_len);
    message = keep(out, &used, MEMBER(o, message_keys), &out->message_len);
    if (out->message_len == 0)
        out->message_len = n;
    else
        out->message = out->text + message;
    out->host = out->host_len ? out->text + host : NULL;
    out->program = out->program_len ? out->text + program : NULL;
    json_decref(o);
}

static void word_at(struct cursor *c, const char **p, size_t *n)
{
    *p = c->p;
    while (c->p < c->end && *c->p != ' ')
        c->p++;
    *n = (size_t)(c->p - *p);
    while (c->p < c->end && *c->p == ' ')
        c->p++;
}

/* "program[123]:" or "program:" */
static bool program_at(struct cursor *c, struct recognised *out)
{
    const char *p = c->p, *end = p;

    while (end < c->end && *end != ' ' && *end != '[' && *end != ':')
        end++;
    out->program = p;
    out->program_len = (size_t)(end - p);
    while (end < c->end && *end != ':' && *end != ' ')
        end++;
    if (end >= c->end || *end != ':' || out->program_len == 0) {
        out->program = NULL;
        out->program_len = 0;
        return false;
    }
    for (c->p = end + 1; c->p < c->end && *c->p == ' '; c->p++)
        ;
    return true;
}

/* RFC 3164 (after its time) and RFC 5424 (after its version). */
static void recognise_syslog(struct cursor *c, bool rfc5424, struct recognised *out)
{
    const char *word;
    size_t n;

    word_at(c, &out->host, &out->host_len);
    if (!rfc5424) {
        if (!program_at(c, out)) {
            out->host = NULL;
            out->host_len = 0;
        }
        return;
    }
    word_at(c, &out->program, &out->program_len);
    word_at(c, &word, &n); /* process ID */
    word_at(c, &word, &n); /* message ID */
    if (c->p < c->end && *c->p == '-')
        word_at(c, &word, &n);
    else
        while (c->p < c->end && *c->p == '[') { /* structured data */
            while (c->p < c->end && *c->p != ']')
                c->p++;
            literal(c, ']');
            literal(c, ' ');
        }
}

static void skip_level_word(struct cursor *c)
{
    struct cursor t = *c;
    const char *start;

    while (t.p < t.end && strchr("[<( ", *t.p))
        t.p++;
    for (start = t.p; t.p < t.end && isalpha((unsigned char)*t.p); t.p++)
        ;
    if (!level_named(start, (size_t)(t.p - start)))
        return;
    while (t.p < t.end && strchr("]>): -|", *t.p))
        t.p++;
    *c = t;
}

static void recognise_text(const char *line, size_t n, int year, struct recognised *out)
{
    struct cursor c = {line, line + n};
    bool syslog = false, rfc5424 = false, bracket;
    int priority = -1;

    if (n > 2 && line[0] == '<' && isdigit((unsigned char)line[1])) {
        priority = atoi(line + 1);
        while (c.p < c.end && *c.p != '>')
            c.p++;
        literal(&c, '>');
        rfc5424 = c.end - c.p > 2 && c.p[0] == '1' && c.p[1] == ' ';
        c.p += rfc5424 ? 2 : 0;
        out->level = level_numbered(priority & 7);
    }
    if (strchr("IWEF", n ? line[0] : ' ') &&
        klog_time(&(struct cursor){line, line + n}, year) != NO_TIME)
        out->level = line[0] == 'I'   ? "info"
                     : line[0] == 'W' ? "warning"
                     : line[0] == 'E' ? "error"
                                      : "fatal";
    bracket = literal(&c, '[');
    syslog = c.p < c.end && isalpha((unsigned char)*c.p) && !strchr("IWEF", *c.p);
    syslog = syslog || (c.end - c.p > 3 && c.p[3] == ' ');
    if (any_time(&c, year) == NO_TIME) {
        c.p = line;
    } else {
        if (bracket)
            literal(&c, ']');
        while (c.p < c.end && *c.p == ' ')
            c.p++;
        if (syslog || rfc5424 || priority >= 0)
            recognise_syslog(&c, rfc5424, out);
    }
    if (!out->level)
        out->level = level_in(c.p, (size_t)(c.end - c.p));
    skip_level_word(&c);
    out->message = c.p;
    out->message_len = (size_t)(c.end - c.p);
}

void recognise(const char *line, size_t n, int year, struct recognised *out)
{
    memset(out, 0, sizeof(*out));
    out->ts = recognise_time(line, n, year);
    if (n && line[0] == '{')
        recognise_json(line, n, out);
    else
        recognise_text(line, n, year, out);
}
