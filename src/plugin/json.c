/* JSON of plugins, and for them: as RFC 8259 has it, or with comments, which the parser of Falco's libraries takes as
 * well (§4). */
#include "internal.h"

/* Blanks in place of comments outside texts: what follows keeps its line and column. */
static char *without_comments(const char *text)
{
    char *copy = xstrdup(text), *p = copy;

    while (*p) {
        if (*p == '"') {
            for (p++; *p && *p != '"'; p++)
                p += *p == '\\' && p[1];
            p += *p == '"';
        } else if (p[0] == '/' && p[1] == '/') {
            while (*p && *p != '\n')
                *p++ = ' ';
        } else if (p[0] == '/' && p[1] == '*') {
            char *end = strstr(p + 2, "*/");

            for (end = end ? end + 2 : p + strlen(p); p < end; p++)
                *p = *p == '\n' ? '\n' : ' ';
        } else {
            p++;
        }
    }
    return copy;
}

json_t *json_read(const char *text, size_t flags, bool *comments, json_error_t *err)
{
    json_t *value = json_loads(text, flags, err);
    char *plain;

    if (comments)
        *comments = false;
    if (value || !strchr(text, '/'))
        return value;
    plain = without_comments(text);
    value = json_loads(plain, flags, err);
    free(plain);
    if (comments)
        *comments = value != NULL;
    return value;
}

char *json_scalar_text(const json_t *v, bool *other)
{
    *other = v && !json_is_string(v) && !json_is_null(v);
    if (json_is_string(v))
        return xstrdup(json_string_value(v));
    if (json_is_integer(v))
        return xasprintf("%lld", (long long)json_integer_value(v));
    if (json_is_real(v))
        return xasprintf("%.17g", json_real_value(v));
    if (json_is_boolean(v))
        return xstrdup(json_is_true(v) ? "true" : "false");
    return xstrdup("");
}
