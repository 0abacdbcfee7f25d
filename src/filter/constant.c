/* Constants of a check, converted to the type of its field (§6). */
#include "internal.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>

#define FALCO_CONSTANT_MAX 255

static const char *field_words(const struct node *n, char out[80])
{
    snprintf(out, 80, "%.*s", (int)MIN_OF(n->lhs->name.n, (size_t)70),
             n->lhs->name.p ? n->lhs->name.p : "");
    return out;
}

/* A C decimal scan: blanks and a sign in front are fine, nothing behind. */
static bool to_integer(struct span text, bool is_signed, unsigned bits, union elem *out)
{
    char *copy = xstrndup(text.p, text.n), *end, *start = copy;
    bool ok;

    while (isspace((unsigned char)*start))
        start++;
    errno = 0;
    if (is_signed)
        out->i = strtoll(start, &end, 10);
    else
        out->u = strtoull(start, &end, 10);
    ok = end > start && *end == '\0' && strlen(copy) == text.n;
    free(copy);
    if (bits < 64 && bits) {
        uint64_t v = out->u & 0xffffffffu;

        v = bits == 8 ? (v & 0xff) : bits == 16 ? (v & 0xffff) : v;
        if (is_signed)
            out->i = bits == 8 ? (int8_t)v : bits == 16 ? (int16_t)v : (int32_t)v;
        else
            out->u = v;
    }
    return ok;
}

static bool to_number(const struct node *n, struct constant *c, struct syntax_error *err)
{
    const struct value_type_info *t = value_type_info(n->lhs->type);
    bool is_double = t->vclass == VC_DOUBLE, is_signed = t->vclass == VC_SIGNED || is_double;
    char name[80];

    if (!to_integer(c->text, is_signed, is_double ? 32 : t->bits, &c->e))
        return syntax_error_set(
            err, c->index, c->len, "C04", "%s is a number: “%.*s” is no decimal integer%s",
            field_words(n, name), (int)MIN_OF(c->text.n, (size_t)60), c->text.p,
            n->lhs->type == VT_RELTIME ? " (durations are in nanoseconds, without a unit)" : "");
    if (is_double)
        c->e.d = (double)c->e.i;
    return true;
}

static bool to_bool(const struct node *n, struct constant *c, struct syntax_error *err)
{
    char name[80];

    c->e.u = span_is(c->text, "true");
    return c->e.u || span_is(c->text, "false") ||
           syntax_error_set(err, c->index, c->len, "C05", "%s is true or false, not “%.*s”",
                            field_words(n, name), (int)MIN_OF(c->text.n, (size_t)60), c->text.p);
}

static bool service_port(struct span name, uint64_t *port)
{
    struct servent entry, *found = NULL;
    char *copy = xstrndup(name.p, name.n), buffer[2048];

    if (getservbyname_r(copy, NULL, &entry, buffer, sizeof(buffer), &found) != 0)
        found = NULL;
    if (found)
        *port = (uint64_t)((found->s_port >> 8 & 0xff) | (found->s_port & 0xff) << 8);
    free(copy);
    return found != NULL;
}

static bool to_port(struct constant *c, struct syntax_error *err)
{
    size_t digits = 0;

    c->e.u = 0;
    while (digits < c->text.n && isdigit((unsigned char)c->text.p[digits]))
        digits++;
    if (digits == c->text.n && digits <= 10) {
        for (size_t i = 0; i < digits; i++)
            c->e.u = c->e.u * 10 + (uint64_t)(c->text.p[i] - '0');
        if (c->e.u <= INT32_MAX) {
            c->e.u %= 65536;
            return true;
        }
    } else if (digits < c->text.n && service_port(c->text, &c->e.u)) {
        return true;
    }
    return syntax_error_set(err, c->index, c->len, "C07",
                            "“%.*s” is neither a port nor the name of a service",
                            (int)MIN_OF(c->text.n, (size_t)60), c->text.p);
}

static bool to_address(struct constant *c, struct syntax_error *err)
{
    return ip_parse(c->text, &c->e.ip) ||
           syntax_error_set(err, c->index, c->len, "C06", "“%.*s” is no IPv4 or IPv6 address",
                            (int)MIN_OF(c->text.n, (size_t)60), c->text.p);
}

static bool to_network(struct constant *c, struct syntax_error *err)
{
    const char *slash = c->text.n ? memchr(c->text.p, '/', c->text.n) : NULL;
    size_t before = slash ? (size_t)(slash - c->text.p) : c->text.n;
    uint64_t bits = 0;
    bool ok = slash && parse_u64((struct span){slash + 1, c->text.n - before - 1}, &bits) &&
              ip_parse((struct span){c->text.p, before}, &c->e.ip);

    if (ok && bits <= c->e.ip.len * 8u && (c->e.ip.len == 4 || bits > 0)) {
        c->net_bits = (uint8_t)bits;
        return true;
    }
    return syntax_error_set(
        err, c->index, c->len, "C06",
        "“%.*s” is no network: an address and /bits are needed, as in 10.0.0.0/8",
        (int)MIN_OF(c->text.n, (size_t)60), c->text.p);
}

static int hex_value(char ch)
{
    return ch >= '0' && ch <= '9' ? ch - '0' : tolower((unsigned char)ch) - 'a' + 10;
}

static bool to_hex_bytes(struct filter *f, const struct node *n, struct constant *c,
                         struct syntax_error *err)
{
    char *bytes;

    for (size_t i = 0; i < c->text.n; i++) {
        if (!isxdigit((unsigned char)c->text.p[i]))
            return syntax_error_set(err, c->index, c->len, "C10", "%s takes hexadecimal digits",
                                    op_infos[n->op].word);
    }
    if (c->text.n % 2)
        return syntax_error_set(err, c->index, c->len, "C10",
                                "%s takes an even number of hexadecimal digits",
                                op_infos[n->op].word);
    bytes = arena_alloc(&f->arena, c->text.n / 2 + 1);
    for (size_t i = 0; i < c->text.n / 2; i++)
        bytes[i] = (char)(hex_value(c->text.p[2 * i]) * 16 + hex_value(c->text.p[2 * i + 1]));
    c->e.s = (struct span){bytes, c->text.n / 2};
    return true;
}

/* Parts between slashes, empty ones dropped. */
static void split_path(struct filter *f, struct constant *c)
{
    c->parts = arena_alloc(&f->arena, sizeof(*c->parts) * (c->text.n / 2 + 1));
    for (size_t i = 0; i < c->text.n;) {
        size_t start = i;

        while (i < c->text.n && c->text.p[i] != '/')
            i++;
        if (i > start)
            c->parts[c->nparts++] = (struct span){c->text.p + start, i - start};
        i++;
    }
}

static bool to_regex(struct filter *f, struct constant *c, struct syntax_error *err)
{
    char why[200];

    c->regex = regex_compile(c->text, why, sizeof(why));
    if (!c->regex)
        return syntax_error_set(err, c->index, c->len, "C23",
                                "the regular expression does not compile: %s", why);
    vec_push(&f->regexes, c->regex);
    return true;
}

static bool to_text(struct filter *f, const struct node *n, struct constant *c, bool strict,
                    struct syntax_error *err)
{
    bool bytes = value_type_info(n->lhs->type)->vclass == VC_BYTES;
    bool nul = !bytes && c->text.n && memchr(c->text.p, '\0', c->text.n);

    c->e.s = c->text;
    if ((n->op == OP_BCONTAINS || n->op == OP_BSTARTSWITH) && !to_hex_bytes(f, n, c, err))
        return false;
    if (c->e.s.n > FALCO_CONSTANT_MAX || nul)
        f->beyond_falco = true;
    if (strict && c->e.s.n > FALCO_CONSTANT_MAX)
        return syntax_error_set(err, c->index, c->len, "C08",
                                "the constant has %zu bytes, Falco takes 255", c->e.s.n);
    if (nul && strict)
        return syntax_error_set(err, c->index, c->len, "C09", "a text can't hold a NUL byte");
    if (n->op == OP_REGEX)
        return to_regex(f, c, err);
    if (n->op == OP_PMATCH)
        split_path(f, c);
    return true;
}

static bool check_event_name(const struct constant *c, const struct field_catalogue *cat,
                             struct syntax_error *err)
{
    const char *const *names;
    const char *near;
    char *word;
    size_t count;

    if (field_event_name_known(cat, c->text))
        return true;
    names = event_names(&count);
    word = xstrndup(c->text.p, c->text.n);
    near = text_nearest(word, names, count);
    syntax_error_set(err, c->index, c->len, "C11", "no event is named “%.60s”%s%s%s", word,
                     near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
    free(word);
    return false;
}

bool constant_compile(struct filter *f, struct node *n, struct constant *c,
                      const struct field_catalogue *cat, bool strict, struct syntax_error *err)
{
    const struct expr *lhs = n->lhs;

    if (lhs->kind == EXPR_FIELD && (lhs->ref->def->flags & FIELD_EVENT_NAMES) &&
        !check_event_name(c, cat, err))
        return false;
    if (lhs->type == VT_PORT)
        return to_port(c, err);
    switch (value_type_info(lhs->type)->vclass) {
    case VC_BOOL:
        return to_bool(n, c, err);
    case VC_TEXT:
    case VC_BYTES:
        return to_text(f, n, c, strict, err);
    case VC_ADDRESS:
        return to_address(c, err);
    case VC_NETWORK:
        return to_network(c, err);
    default:
        return to_number(n, c, err);
    }
}
