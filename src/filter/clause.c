/* Filters made out of values: each clause is legal for its type and reads back to the very same
 * bytes. */
#include "internal.h"

#include <ctype.h>

static bool is_keyword(struct span s)
{
    static const char *const words[] = {"and", "or", "not", "oneof", "anyof", "allof"};

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_is(s, words[i]))
            return true;
    }
    return false;
}

static bool bare_safe(struct span s)
{
    if (s.n == 0 || is_keyword(s) || s.p[0] == '[')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (!isalnum(c) && !strchr("._-/:@+*?$~#%^&;<>!|{}[]", c))
            return false;
        if (c >= 0x80 || c == '\0')
            return false;
    }
    return true;
}

/* The control characters that have an escape of one letter; NUL: none. */
static char short_escape(unsigned char c)
{
    static const char from[] = "\b\f\n\r\t", into[] = "bfnrt";
    const char *at = c ? strchr(from, c) : NULL;

    return at ? into[at - from] : '\0';
}

void filter_quote(struct span s, struct buf *out)
{
    if (bare_safe(s)) {
        buf_add(out, s.p, s.n);
        return;
    }
    buf_addc(out, '"');
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        size_t n = utf8_decode(s.p + i, s.n - i, &cp);
        unsigned char c = (unsigned char)s.p[i];

        if (n && short_escape(c))
            buf_addf(out, "\\%c", short_escape(c));
        else if (c == '\\') /* as hexadecimal: a quoted text can't end in a backslash (Q10) */
            buf_adds(out, "\\x5c");
        else if (c == '"')
            buf_adds(out, "\\\"");
        else if (n && !unicode_unsafe(cp))
            buf_add(out, s.p + i, n);
        else
            for (size_t k = 0; k < MAX_OF(n, (size_t)1); k++)
                buf_addf(out, "\\x%02x", (unsigned char)s.p[i + k]);
        i += n ? n : 1;
    }
    buf_addc(out, '"');
}

static void add_constant(enum value_type type, const union elem *e, struct buf *out)
{
    struct buf text;

    buf_init(&text, 0);
    value_elem_text(type, e, &text);
    if (value_type_info(type)->vclass == VC_NETWORK)
        buf_addf(&text, "/%u", e->ip.len * 8u);
    filter_quote((struct span){buf_str(&text), text.len}, out);
    buf_fini(&text);
}

void filter_clause(const struct field_ref *ref, const struct value *v, int64_t element,
                   struct buf *out)
{
    enum value_type type = ref->def->type;

    if (v->state != VALUE_OK) {
        buf_addf(out, "not %s exists", ref->text);
        return;
    }
    buf_adds(out, ref->text);
    if (value_type_info(type)->vclass == VC_OTHER) {
        buf_adds(out, " exists");
        return;
    }
    if (!v->list) {
        buf_adds(out, " = ");
        add_constant(type, &v->one, out);
        return;
    }
    buf_adds(out, element >= 0 ? " intersects (" : " in (");
    for (uint32_t i = 0; i < v->n; i++) {
        if (element >= 0 && i != (uint64_t)element)
            continue;
        if (i && element < 0)
            buf_adds(out, ", ");
        add_constant(type, &v->many[i], out);
    }
    buf_addc(out, ')');
}

/* The kind of the topmost node; NODE_CHECK for what does not parse. */
static enum node_kind top_kind(const char *text)
{
    struct arena arena = {0};
    struct scan s = {.n = strlen(text), .depth_max = FILTER_DEPTH_RULE, .arena = &arena};
    struct node *n;
    enum node_kind kind;

    s.s = text;
    n = filter_parse(&s);
    kind = n ? n->kind : NODE_CHECK;
    arena_fini(&arena);
    return kind;
}

static void add_grouped(const char *text, bool parens, struct buf *out)
{
    buf_addf(out, parens ? "(%s)" : "%s", text);
}

static void add_negated(const char *clause, struct buf *out)
{
    enum node_kind kind = top_kind(clause);

    if (kind == NODE_NOT && str_starts(clause, "not ")) {
        buf_adds(out, clause + 4);
        return;
    }
    buf_adds(out, "not ");
    add_grouped(clause, kind == NODE_OR || kind == NODE_AND || kind == NODE_NOT, out);
}

void filter_join(const char *filter, const char *clause, enum filter_join how, struct buf *out)
{
    bool empty = filter[strspn(filter, " \t\r\n")] == '\0';

    if (!empty && how != FILTER_ONLY) {
        add_grouped(filter, how != FILTER_OR && top_kind(filter) == NODE_OR, out);
        buf_adds(out, how == FILTER_OR ? " or " : " and ");
    }
    if (how == FILTER_AND_NOT)
        add_negated(clause, out);
    else
        add_grouped(clause, !empty && how == FILTER_AND && top_kind(clause) == NODE_OR, out);
}
