/* Random expressions and their meaning, check by check. */
#include "interpreter.h"

#include <ctype.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- events ---------------------------------------------------------------------------------- */

unsigned events_read(const char *command, json_t **events, unsigned max)
{
    char *line = NULL;
    unsigned end = 0;
    size_t cap = 0;
    FILE *p = popen(command, "r");

    while (p && getline(&line, &cap, p) > 0) {
        json_t *event = json_loads(line, 0, NULL);
        unsigned number = (unsigned)json_integer_value(json_object_get(event, "evt.num"));

        if (!event || !number || number >= max || events[number]) {
            json_decref(event);
            continue;
        }
        events[number] = event;
        end = number >= end ? number + 1 : end;
    }
    free(line);
    if (p)
        pclose(p);
    return end;
}

void events_forget(json_t **events, unsigned max)
{
    for (unsigned i = 0; i < max; i++) {
        json_decref(events[i]);
        events[i] = NULL;
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Texts end at a NUL; none of those made here has one. */
static void one_text(const json_t *v, enum expression_function f, char *out, size_t size)
{
    const char *s = json_string_value(v) ? json_string_value(v) : "", *slash;

    if (f == BASE && (slash = strrchr(s, '/')))
        s = slash + 1;
    snprintf(out, size, "%s", s);
    for (char *p = out; *p; p++) {
        if (f == LOWER && *p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 32);
        else if (f == UPPER && *p >= 'a' && *p <= 'z')
            *p = (char)(*p - 32);
    }
}

static int order_texts(const char *a, const char *b)
{
    int r = strcmp(a, b); /* compares as unsigned bytes */

    return r < 0 ? -1 : r > 0;
}

static bool ordered(const char *op, int order)
{
    if (strcmp(op, "<") == 0)
        return order < 0;
    if (strcmp(op, "<=") == 0)
        return order <= 0;
    if (strcmp(op, ">") == 0)
        return order > 0;
    if (strcmp(op, ">=") == 0)
        return order >= 0;
    return (order == 0) == (strcmp(op, "!=") != 0);
}

static bool regex_fits(const char *pattern, const char *text)
{
    char whole[4096];
    regex_t re;
    bool fits;

    snprintf(whole, sizeof(whole), "^(%s)$", pattern);
    if (regcomp(&re, whole, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    fits = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return fits;
}

/* Part by part, as far as the pattern goes. */
static bool path_fits(const char *pattern, const char *path)
{
    char *a = strdup(pattern), *b = strdup(path), *at = b, *keep, *part, *have;
    bool fits = true;

    for (part = strtok_r(a, "/", &keep); part && fits; part = strtok_r(NULL, "/", &keep)) {
        do
            have = strsep(&at, "/");
        while (have && !*have);
        fits = have && fnmatch(part, have, FNM_NOESCAPE) == 0;
    }
    free(a);
    free(b);
    return fits;
}

static bool text_fits(const char *op, const char *v, const char *c)
{
    size_t n = strlen(v), m = strlen(c);

    if (strcmp(op, "contains") == 0)
        return strstr(v, c) != NULL;
    if (strcmp(op, "icontains") == 0)
        return strcasestr(v, c) != NULL;
    if (strcmp(op, "startswith") == 0)
        return strncmp(v, c, m) == 0;
    if (strcmp(op, "endswith") == 0)
        return n >= m && strcmp(v + n - m, c) == 0;
    if (strcmp(op, "glob") == 0 || strcmp(op, "iglob") == 0)
        return fnmatch(c, v, FNM_NOESCAPE | (*op == 'i' ? FNM_CASEFOLD : 0)) == 0;
    if (strcmp(op, "regex") == 0)
        return regex_fits(c, v);
    if (strcmp(op, "pmatch") == 0)
        return path_fits(c, v);
    return ordered(op, order_texts(v, c));
}

/* One value against one constant, with an operator that is not `in`. */
static bool fits(const struct expression *x, const char *op, const json_t *v, const char *c)
{
    char text[8192];
    long long have, want;

    if (x->function == LEN || json_is_integer(v)) {
        have = x->function == LEN ? (long long)strlen(json_string_value(v)) : json_integer_value(v);
        want = strtoll(c, NULL, 10);
        return ordered(op, have < want ? -1 : have > want);
    }
    if (json_is_boolean(v))
        return (json_is_true(v) == (strcmp(c, "true") == 0)) == (strcmp(op, "=") == 0);
    one_text(v, x->function, text, sizeof(text));
    return text_fits(op, text, c);
}

static bool among(const struct expression *x, const json_t *v)
{
    for (unsigned i = 0; i < x->nconstants; i++) {
        if (fits(x, "=", v, x->constants[i]))
            return true;
    }
    return false;
}

/* A single value: `in` and `intersects` say the same of it. */
static bool single(const struct expression *x, const json_t *v)
{
    unsigned hits = 0;

    if (strcmp(x->op, "in") == 0 || strcmp(x->op, "intersects") == 0)
        return among(x, v);
    for (unsigned i = 0; i < x->nconstants; i++)
        hits += fits(x, x->op, v, x->constants[i]);
    if (!x->modifier)
        return hits > 0; /* one constant; any of the patterns of pmatch */
    return strcmp(x->modifier, "oneof") == 0   ? hits == 1
           : strcmp(x->modifier, "anyof") == 0 ? hits > 0
                                               : hits == x->nconstants;
}

static bool several(const struct expression *x, const json_t *list)
{
    const json_t *v;
    size_t i;
    bool all = strcmp(x->op, "in") == 0;

    json_array_foreach(list, i, v) {
        if (among(x, v) != all)
            return !all;
    }
    return all;
}

/* Client and server: one of them fits; with != both must. */
static bool either_end(const struct expression *x, const json_t *event)
{
    const json_t *a = json_object_get(event, x->field->ends[0]),
                 *b = json_object_get(event, x->field->ends[1]);

    if (!a || json_is_null(a) || !b || json_is_null(b))
        return false;
    if (strcmp(x->op, "exists") == 0)
        return true;
    return strcmp(x->op, "!=") == 0 ? single(x, a) && single(x, b) : single(x, a) || single(x, b);
}

static bool check_holds(const struct expression *x, const json_t *event)
{
    const json_t *v = json_object_get(event, x->field->name), *other;
    char a[8192], b[8192];

    if (x->field->class == CLASS_ENDS)
        return either_end(x, event);
    if (!v || json_is_null(v))
        return false; /* whatever the operator */
    if (strcmp(x->op, "exists") == 0)
        return true;
    if (x->other) {
        other = json_object_get(event, x->other->name);
        if (!other || json_is_null(other))
            return false;
        if (json_is_integer(v))
            return ordered(x->op, json_integer_value(v) < json_integer_value(other)
                                      ? -1
                                      : json_integer_value(v) > json_integer_value(other));
        one_text(v, x->function, a, sizeof(a));
        one_text(other, NONE, b, sizeof(b));
        return text_fits(x->op, a, b);
    }
    return json_is_array(v) ? several(x, v) : single(x, v);
}

bool expression_holds(const struct expression *x, const json_t *event)
{
    if (x->kind == CHECK)
        return check_holds(x, event);
    if (x->kind == NOT)
        return !expression_holds(x->children[0], event);
    for (unsigned i = 0; i < x->nchildren; i++) {
        if (expression_holds(x->children[i], event) == (x->kind == OR))
            return x->kind == OR;
    }
    return x->kind == AND;
}
