/* Random expressions: made, written down, forgotten. */
#include "interpreter.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const function_names[] = {NULL, "tolower", "toupper", "basename", "len"};

/* ---- chance ---------------------------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;

void random_seed(uint64_t seed)
{
    state = seed ? seed : 1;
}

unsigned random_below(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 20) % n;
}

static bool chance(unsigned percent)
{
    return random_below(100) < percent;
}

#define ONE_OF(list) (list)[random_below(sizeof(list) / sizeof(*(list)))]

/* ---- constants ------------------------------------------------------------------------------- */

/* One that some event has; NULL: none was found. */
static const json_t *value_seen(const struct known *k, const struct field_known *f)
{
    const char *name = f->class == CLASS_ENDS ? f->ends[random_below(2)] : f->name;

    for (int tries = 0; tries < 200; tries++) {
        const json_t *v = json_object_get(k->events[random_below(k->nevents)], name);

        if (json_is_array(v) && json_array_size(v))
            return json_array_get(v, random_below((unsigned)json_array_size(v)));
        if (v && !json_is_null(v) && !json_is_array(v))
            return v;
    }
    return NULL;
}

/* What the language can't write, or fnmatch reads in its own way. */
static bool is_writable(const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] >= 0x7f || strchr("\\[]", s[i]))
            return false;
    }
    return n <= 200;
}

static char *piece(const char *s, unsigned *start, unsigned *n)
{
    unsigned len = (unsigned)strlen(s);

    *start = len ? random_below(len) : 0;
    *n = len ? 1 + random_below(len - *start) : 0;
    return strndup(s + *start, *n);
}

/* A pattern that was made from a text, so that some match. */
static char *pattern(const char *op, const char *s)
{
    const char *any = strcmp(op, "regex") == 0 ? ".*" : "*", *one = *any == '.' ? "." : "?";
    char *out = calloc(1, 3 * strlen(s) + 8), *at = out;

    if (chance(30))
        at += sprintf(at, "%s", any);
    for (; *s; s++) {
        bool special = strchr(".^$*+?()[]{}|\\", *s) != NULL;

        if (chance(6)) {
            at += sprintf(at, "%s", any);
            s += strlen(s) > 2 ? random_below(2) : 0;
        } else if (chance(6) || special) {
            at += sprintf(at, "%s", one);
        } else {
            *at++ = *s;
        }
    }
    if (chance(30))
        at += sprintf(at, "%s", any);
    *at = '\0';
    return out;
}

/* Components of a path, the last ones left out at times, others as patterns. */
static char *path_pattern(const char *s, bool plain)
{
    char *out = calloc(1, strlen(s) + 4), *at = out;

    for (; *s; s++) {
        if (*s == '/' && at > out && chance(25))
            break;
        *at++ = *s != '/' && !plain && chance(4) ? (chance(50) ? '*' : '?') : *s;
    }
    return out;
}

static char *text_constant(const struct known *k, const struct field_known *f, const char *op)
{
    static const char *const others[] = {"", "a", "nothing", "/", "80", "ngin", "Number 1"};
    const json_t *v = value_seen(k, f);
    const char *s = v ? json_string_value(v) : NULL;
    unsigned start, n;
    char *made;

    if (!s || !is_writable(s) || (f->class != CLASS_NAME && chance(10)))
        s = f->class == CLASS_NAME ? "open" : ONE_OF(others);
    if (f->class == CLASS_NAME)
        return strdup(s);
    if (strstr(op, "glob") || strcmp(op, "regex") == 0)
        return pattern(op, s);
    if (strcmp(op, "pmatch") == 0)
        return path_pattern(s, k->plain);
    if (chance(op[0] == '=' || op[0] == '!' || strcmp(op, "in") == 0 ? 80 : 20))
        return strdup(s);
    made = piece(s, &start, &n);
    for (char *p = made; *p; p++) {
        if (chance(15))
            *p = (char)(isupper((unsigned char)*p) ? tolower(*p) : toupper(*p));
    }
    return made;
}

static char *number_constant(const struct known *k, const struct field_known *f)
{
    const json_t *v = value_seen(k, f);
    long long n = v ? json_integer_value(v) : 0;
    char *out = NULL;

    n += chance(30) && n > 3 ? (long long)random_below(7) - 3 : 0;
    return asprintf(&out, "%lld", n) < 0 ? NULL : out;
}

static char *constant(const struct known *k, const struct expression *x)
{
    const json_t *v;
    char *out = NULL;

    if (x->function == LEN)
        return asprintf(&out, "%u", random_below(24)) < 0 ? NULL : out;
    if (x->field->class == CLASS_BOOL)
        return strdup(chance(50) ? "true" : "false");
    v = value_seen(k, x->field);
    if (x->field->class == CLASS_NUMBER || json_is_integer(v))
        return number_constant(k, x->field);
    if (x->field->class == CLASS_ADDRESS || (x->field->class == CLASS_ENDS && json_is_string(v)))
        return strdup(json_string_value(v) ? json_string_value(v) : "10.0.0.5");
    return text_constant(k, x->field, x->op);
}

/* ---- checks ---------------------------------------------------------------------------------- */

static const char *operator_for(const struct known *k, const struct field_known *f,
                                enum expression_function function)
{
    static const char *const order[] = {"=", "!=", "<", "<=", ">", ">=", "in", "exists"},
                             *const texts[] = {"=",          "!=",       "in",    "intersects",
                                               "contains",   "glob",     "iglob", "icontains",
                                               "startswith", "endswith", "regex", "pmatch",
                                               "exists"},
                             *const plain[] = {"=",         "!=",         "in",       "contains",
                                               "icontains", "startswith", "endswith", "glob",
                                               "pmatch",    "exists"},
                             *const equal[] = {"=", "!=", "in", "exists"},
                             *const lists[] = {"in", "intersects", "exists"},
                             *const names[] = {"=", "!=", "in", "contains", "startswith", "glob"};

    if (k->plain && f->class == CLASS_TEXT)
        return ONE_OF(plain);
    if (function == LEN)
        return order[random_below(7)];
    switch (f->class) {
    case CLASS_NUMBER:
        return ONE_OF(order);
    case CLASS_TEXT:
        return texts[random_below(function ? 12 : 13)];
    case CLASS_NAME:
        return ONE_OF(names);
    case CLASS_LIST:
        return ONE_OF(lists);
    case CLASS_ENDS:
        return equal[random_below(3)];
    default:
        return ONE_OF(equal);
    }
}

static bool takes_list(const char *op)
{
    return strcmp(op, "in") == 0 || strcmp(op, "intersects") == 0 || strcmp(op, "pmatch") == 0;
}

static bool takes_modifier(const struct field_known *f, const char *op)
{
    static const char *const with[] = {"=",          "!=",       "contains", "icontains",
                                       "startswith", "endswith", "glob",     "iglob"};

    for (size_t i = 0; f->class == CLASS_TEXT && i < sizeof(with) / sizeof(*with); i++) {
        if (strcmp(op, with[i]) == 0)
            return true;
    }
    return false;
}

/* Against another field: texts are ordered no other way. */
static bool against_field(const struct known *k, struct expression *x)
{
    static const char *const compared[] = {
        "=", "!=", "<", "<=", ">", ">=", "contains", "startswith"};
    const struct field_known *f = &k->fields[random_below(k->nfields)];
    unsigned n = sizeof(compared) / sizeof(*compared);

    if (!f->type || !x->field->type || strcmp(f->type, x->field->type) != 0 || f == x->field ||
        x->function == LEN)
        return false;
    x->other = f;
    x->op = compared[random_below(f->class == CLASS_TEXT ? n : n - 2)];
    return true;
}

static void make_check(const struct known *k, struct expression *x)
{
    static const char *const modifiers[] = {"oneof", "anyof", "allof"};
    unsigned n = 1;

    x->kind = CHECK;
    x->field = &k->fields[random_below(k->nfields)];
    if (!k->plain && x->field->class == CLASS_TEXT && x->field->type && chance(15))
        x->function = (enum expression_function)(1 + random_below(4));
    if (!k->plain && against_field(k, x))
        return;
    x->op = operator_for(k, x->field, x->function);
    if (strcmp(x->op, "exists") == 0)
        return;
    if (!k->plain && x->function != LEN && takes_modifier(x->field, x->op) && chance(20))
        x->modifier = ONE_OF(modifiers);
    if (takes_list(x->op) || x->modifier)
        n = 1 + random_below(CONSTANTS_MAX);
    while (x->nconstants < n)
        x->constants[x->nconstants++] = constant(k, x);
}

struct expression *expression_random(const struct known *k, unsigned depth)
{
    struct expression *x = calloc(1, sizeof(*x));

    if (depth == 0 || chance(30)) {
        make_check(k, x);
        return x;
    }
    x->kind = (enum expression_kind)random_below(3);
    x->bracketed = k->plain;
    x->nchildren = x->kind == NOT ? 1 : 2 + random_below(CHILDREN_MAX - 1);
    for (unsigned i = 0; i < x->nchildren; i++)
        x->children[i] = expression_random(k, depth - 1);
    return x;
}

void expression_free(struct expression *x)
{
    for (unsigned i = 0; i < x->nchildren; i++)
        expression_free(x->children[i]);
    for (unsigned i = 0; i < x->nconstants; i++)
        free(x->constants[i]);
    free(x);
}

/* ---- as text --------------------------------------------------------------------------------- */

static void write_constant(FILE *out, const char *c)
{
    bool plain = *c != '\0';

    for (const char *p = c; *p; p++)
        plain &= isalnum((unsigned char)*p) || strchr("/._*-:", *p);
    if (plain && chance(60)) {
        fputs(c, out);
        return;
    }
    fputc('"', out);
    for (; *c; c++)
        fprintf(out, *c == '"' ? "\\%c" : "%c", *c);
    fputc('"', out);
}

static void write_check(FILE *out, const struct expression *x)
{
    bool list = takes_list(x->op) || x->modifier;

    if (x->function)
        fprintf(out, "%s(%s) %s", function_names[x->function], x->field->name, x->op);
    else
        fprintf(out, "%s %s", x->field->name, x->op);
    if (x->other)
        fprintf(out, " val(%s)", x->other->name);
    if (x->modifier)
        fprintf(out, " %s", x->modifier);
    if (x->nconstants)
        fputs(list ? " (" : " ", out);
    for (unsigned i = 0; i < x->nconstants; i++) {
        fputs(i ? ", " : "", out);
        if (x->field->class == CLASS_NUMBER || x->function == LEN)
            fputs(x->constants[i], out);
        else
            write_constant(out, x->constants[i]);
    }
    if (x->nconstants && list)
        fputc(')', out);
}

/* Brackets where precedence wants them, and at times where it does not. */
static void write_expression(FILE *out, const struct expression *x)
{
    if (x->kind == CHECK) {
        write_check(out, x);
        return;
    }
    if (x->kind == NOT)
        fputs("not ", out);
    for (unsigned i = 0; i < x->nchildren; i++) {
        const struct expression *c = x->children[i];
        bool needs = c->kind == OR || (c->kind == NOT && x->bracketed) ||
                     (c->kind == AND && (x->kind != OR || x->bracketed)),
             put = needs || chance(20);

        fputs(i == 0 ? "" : x->kind == OR ? " or " : " and ", out);
        fputs(put ? "(" : "", out);
        write_expression(out, c);
        fputs(put ? ")" : "", out);
    }
}

char *expression_text(const struct expression *x)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    write_expression(out, x);
    fclose(out);
    return text;
}
