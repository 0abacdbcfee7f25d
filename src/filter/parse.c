/* The grammar (§3), straight from characters, with the reference's positions for errors (§4). */
#include "internal.h"

#define BIT(c)    (1u << (c))
#define NUMERIC   (BIT(VC_SIGNED) | BIT(VC_UNSIGNED) | BIT(VC_DOUBLE))
#define TEXT      BIT(VC_TEXT)
#define BYTES     BIT(VC_BYTES)
#define NET       (BIT(VC_ADDRESS) | BIT(VC_NETWORK))
#define ALL_TYPES (NUMERIC | BIT(VC_BOOL) | TEXT | BYTES | NET)

/* In the order in which the reference tries them. */
const struct op_info op_infos[OP_COUNT] = {
    [OP_EXISTS] = {"exists", OPG_EXISTS, false, false, 0xffff, "has a value"},
    [OP_LE] = {"<=", OPG_ORDER, false, false, NUMERIC | TEXT, "at most"},
    [OP_LT] = {"<", OPG_ORDER, false, false, NUMERIC | TEXT, "less than"},
    [OP_GE] = {">=", OPG_ORDER, false, false, NUMERIC | TEXT, "at least"},
    [OP_GT] = {">", OPG_ORDER, false, false, NUMERIC | TEXT, "more than"},
    [OP_EQ] = {"=", OPG_STRING, false, true, ALL_TYPES, "equals"},
    [OP_NE] = {"!=", OPG_STRING, false, true, ALL_TYPES, "has another value"},
    [OP_GLOB] = {"glob", OPG_STRING, true, true, TEXT, "matches a shell pattern"},
    [OP_IGLOB] = {"iglob", OPG_STRING, true, true, TEXT, "matches a shell pattern in any case"},
    [OP_CONTAINS] = {"contains", OPG_STRING, true, true, TEXT | BYTES, "has the text in it"},
    [OP_ICONTAINS] = {"icontains", OPG_STRING, true, true, TEXT, "has the text in it, in any case"},
    [OP_BCONTAINS] = {"bcontains", OPG_STRING, true, true, BYTES,
                      "has the bytes (hexadecimal) in it"},
    [OP_STARTSWITH] = {"startswith", OPG_STRING, true, true, TEXT | BYTES, "starts with the text"},
    [OP_BSTARTSWITH] = {"bstartswith", OPG_STRING, true, true, BYTES,
                        "starts with the bytes (hexadecimal)"},
    [OP_ENDSWITH] = {"endswith", OPG_STRING, true, true, TEXT | BYTES, "ends with the text"},
    [OP_REGEX] = {"regex", OPG_STRING, true, true, TEXT,
                  "is matched whole by a regular expression"},
    [OP_INTERSECTS] = {"intersects", OPG_LIST, false, false, ALL_TYPES,
                       "some element is in the list"},
    [OP_IN] = {"in", OPG_LIST, false, false, ALL_TYPES, "is in the list; of a list, every element"},
    [OP_PMATCH] = {"pmatch", OPG_LIST, false, false, TEXT, "lies under one of the paths"},
};

static struct node *parse_or(struct scan *s);

static bool at_end(const struct scan *s)
{
    return s->at >= s->n;
}

static char peek(const struct scan *s)
{
    return at_end(s) ? '\0' : s->s[s->at];
}

static struct node *node_new(struct scan *s, enum node_kind kind, size_t start)
{
    struct node *n = arena_zalloc(s->arena, sizeof(*n));

    n->kind = kind;
    n->index = (uint32_t)start;
    return n;
}

static void add_child(struct scan *s, struct node *parent, struct node *child)
{
    size_t n = parent->nchildren;

    if ((n & (n - 1)) == 0) { /* grown at powers of two */
        struct node **more = arena_alloc(s->arena, sizeof(*more) * (n ? n * 2 : 1));

        if (n)
            memcpy(more, parent->children, sizeof(*more) * n);
        parent->children = more;
    }
    parent->children[parent->nchildren++] = child;
}

/* It was written from start to where the scan is. */
static void add_constant(struct scan *s, struct node *check, struct span text, size_t start)
{
    size_t n = check->nconstants;
    struct constant *c;

    if ((n & (n - 1)) == 0) {
        struct constant *more = arena_zalloc(s->arena, sizeof(*more) * (n ? n * 2 : 1));

        if (n)
            memcpy(more, check->constants, sizeof(*more) * n);
        check->constants = more;
    }
    c = &check->constants[check->nconstants++];
    c->text = text;
    c->index = (uint32_t)start;
    c->len = (uint32_t)(s->at - start);
}

/* ---- the right side of a check --------------------------------------------------------------- */

/* "(" is consumed already. */
static bool parse_values(struct scan *s, struct node *check)
{
    struct span value;
    bool more = false;

    check->has_list = true;
    do {
        size_t start;

        scan_blanks(s);
        start = s->at;
        if (scan_quoted(s, &value) || (!s->failed && scan_bare(s, &value)))
            add_constant(s, check, value, start);
        else if (s->failed)
            return false;
        else if (more)
            return scan_fail(s, s->at, 0, "P12", "a value is needed behind the comma");
        else
            break;
        scan_blanks(s);
        more = scan_literal(s, ",");
    } while (more);
    if (!scan_literal(s, ")"))
        return scan_fail(s, s->at, 0, "P04", "the list needs a , or a closing )");
    return true;
}

static bool alone(const struct scan *s, size_t at, const char *word)
{
    size_t n = strlen(word);
    char next;

    if (s->n - at < n || memcmp(s->s + at, word, n) != 0)
        return false;
    next = at + n < s->n ? s->s[at + n] : '\0';
    return !((next >= '0' && next <= '9') || (next >= 'a' && next <= 'z') ||
             (next >= 'A' && next <= 'Z'));
}

/* A modifier counts only when a list, or the name of one, follows (§3, modifier rule). */
static enum modifier parse_modifier(struct scan *s)
{
    static const char *const words[] = {
        [MOD_ONEOF] = "oneof", [MOD_ANYOF] = "anyof", [MOD_ALLOF] = "allof"};
    size_t start = s->at;

    for (enum modifier m = MOD_ONEOF; m <= MOD_ALLOF; m++) {
        struct span name;
        size_t list;

        if (!scan_literal(s, words[m]) || !scan_is_blank(peek(s))) {
            s->at = start;
            continue;
        }
        scan_blanks(s);
        list = s->at;
        if (peek(s) == '(')
            return m;
        if (scan_identifier(s, &name) && !alone(s, list, "and") && !alone(s, list, "or") &&
            !alone(s, list, "not")) {
            s->at = list;
            return m;
        }
        s->at = start;
        break;
    }
    return MOD_NONE;
}

static bool parse_list_or_name(struct scan *s, struct node *check)
{
    struct span name;
    size_t start = s->at;

    if (scan_literal(s, "("))
        return parse_values(s, check);
    if (!scan_identifier(s, &name))
        return false;
    check->has_list = true;
    add_constant(s, check, name, start);
    return true;
}

static bool parse_string_rhs(struct scan *s, struct node *check, bool blank_before)
{
    struct span value;
    size_t start;
    bool none;

    if (blank_before)
        scan_blanks(s);
    check->modifier = blank_before ? parse_modifier(s) : MOD_NONE;
    if (check->modifier)
        return parse_list_or_name(s, check);
    scan_blanks(s);
    check->rhs = expr_parse_rhs(s, &none);
    if (check->rhs || s->failed)
        return !s->failed;
    start = s->at;
    if (scan_quoted(s, &value) ||
        (!s->failed && peek(s) != '"' && peek(s) != '\'' && scan_bare(s, &value))) {
        add_constant(s, check, value, start);
        return true;
    }
    if (peek(s) == '"' || peek(s) == '\'') {
        scan_fail(s, s->at, s->n - s->at, "P10",
                  "this quote is not closed (a quoted text can't end in a backslash: "
                  "write \\x5c)");
        if (s->err)
            s->err->unfinished = true;
        return false;
    }
    return scan_fail(s, s->at, 0, "P10",
                     "a value is needed behind %s: a word, a quoted text, or a function",
                     op_infos[check->op].word);
}

static bool parse_order_rhs(struct scan *s, struct node *check)
{
    struct span value;
    size_t start;
    bool none;

    scan_blanks(s);
    check->rhs = expr_parse_rhs(s, &none);
    if (check->rhs || s->failed)
        return !s->failed;
    start = s->at;
    if (!scan_number(s, &value))
        return scan_fail(s, s->at, 0, "P09", "a number or a function is needed behind %s",
                         op_infos[check->op].word);
    add_constant(s, check, value, start);
    return true;
}

static bool parse_list_rhs(struct scan *s, struct node *check)
{
    bool none;

    scan_blanks(s);
    if (peek(s) != '(') {
        check->rhs = expr_parse_rhs(s, &none);
        if (check->rhs || s->failed)
            return !s->failed;
    }
    return parse_list_or_name(s, check) || s->failed
               ? !s->failed
               : scan_fail(s, s->at, 0, "P11", "a list is needed behind %s: (a, b)",
                           op_infos[check->op].word);
}

/* "==" is "="; words of strings demand a blank right behind. */
static bool scan_op(struct scan *s, enum filter_op *op)
{
    size_t start = s->at;

    if (scan_literal(s, "==")) {
        *op = OP_EQ;
        return true;
    }
    for (unsigned i = 0; i < OP_COUNT; i++) {
        if (scan_literal(s, op_infos[i].word) &&
            (!op_infos[i].needs_blank || scan_is_blank(peek(s)))) {
            *op = (enum filter_op)i;
            return true;
        }
        s->at = start;
    }
    return false;
}

static bool parse_rhs(struct scan *s, struct node *check)
{
    switch (op_infos[check->op].group) {
    case OPG_ORDER:
        return parse_order_rhs(s, check);
    case OPG_STRING:
        return parse_string_rhs(s, check, scan_is_blank(peek(s)));
    case OPG_LIST:
        return parse_list_rhs(s, check);
    default:
        return true;
    }
}

static struct node *parse_test(struct scan *s, struct node *check)
{
    if (!scan_deeper(s))
        return NULL;
    if (!scan_deeper(s)) {
        s->depth--;
        return NULL;
    }
    scan_blanks(s);
    check->op_index = (uint32_t)s->at;
    if (scan_op(s, &check->op)) {
        check->op_len = (uint32_t)s->at - check->op_index;
        parse_rhs(s, check);
    } else {
        scan_fail(s, s->at, strcspn(s->s + s->at, " ()"), "P06",
                  "an operator is needed: = != < <= > >= in intersects contains icontains "
                  "startswith endswith "
                  "glob iglob regex pmatch exists");
    }
    s->depth -= 2;
    check->len = (uint32_t)(s->at - check->index);
    return s->failed ? NULL : check;
}

/* ---- groups and connectives ------------------------------------------------------------------ */

/* "(" is consumed already. */
static struct node *parse_group(struct scan *s)
{
    struct node *n;

    if (!scan_deeper(s))
        return NULL;
    scan_blanks(s);
    n = parse_or(s);
    s->depth--;
    if (!n)
        return NULL;
    scan_blanks(s);
    if (!scan_literal(s, ")")) {
        scan_fail(s, s->at, 0, "P04", "a closing ) is needed here");
        return NULL;
    }
    return n;
}

static struct node *parse_check(struct scan *s)
{
    struct node *n = NULL;
    struct span name;
    size_t start;
    bool none = true;

    if (!scan_deeper(s))
        return NULL;
    scan_blanks(s);
    start = s->at;
    if (scan_literal(s, "(")) {
        n = parse_group(s);
    } else {
        struct expr *lhs = expr_parse(s, &none);

        if (lhs) {
            n = node_new(s, NODE_CHECK, start);
            n->lhs = lhs;
            n = parse_test(s, n);
        } else if (!s->failed && scan_deeper(s)) {
            if (scan_identifier(s, &name)) {
                n = node_new(s, NODE_NAME, start);
                n->name = name;
                n->len = (uint32_t)name.n;
            } else {
                scan_fail(s, s->at, 0, "P05", "a field, a macro's name or ( is needed here");
            }
            s->depth--;
        }
    }
    s->depth--;
    return n;
}

static bool blank_after_not(char c)
{
    return scan_is_blank(c) || c == '\v' || c == '\f';
}

static struct node *parse_not(struct scan *s)
{
    bool negated = false;
    struct node *n, *wrap;
    size_t start;

    if (!scan_deeper(s))
        return NULL;
    scan_blanks(s);
    start = s->at;
    while (s->n - s->at > 3 && memcmp(s->s + s->at, "not", 3) == 0 &&
           blank_after_not(s->s[s->at + 3])) {
        negated = !negated;
        s->at += 4;
        while (!at_end(s) && blank_after_not(peek(s)))
            s->at++;
    }
    if (scan_literal(s, "not(")) {
        negated = !negated;
        n = parse_group(s);
    } else {
        n = parse_check(s);
    }
    s->depth--;
    if (!n || !negated)
        return n;
    wrap = node_new(s, NODE_NOT, start);
    wrap->len = (uint32_t)(s->at - start);
    add_child(s, wrap, n);
    return wrap;
}

/* What stands behind "and" or "or". */
static struct node *parse_operand(struct scan *s, const char *word,
                                  struct node *(*next)(struct scan *))
{
    if (scan_literal(s, "("))
        return parse_group(s);
    if (!scan_is_blank(peek(s))) {
        scan_fail(s, s->at, 0, "P03", "a blank or ( is needed behind “%s”", word);
        return NULL;
    }
    scan_blanks(s);
    return next(s);
}

static struct node *parse_chain(struct scan *s, enum node_kind kind, const char *word,
                                struct node *(*next)(struct scan *))
{
    struct node *first, *chain = NULL, *n;
    size_t start, before;

    if (!scan_deeper(s))
        return NULL;
    start = s->at;
    first = next(s);
    for (n = first; n; add_child(s, chain, n)) {
        before = s->at;
        scan_blanks(s);
        if (!scan_literal(s, word)) {
            s->at = before;
            break;
        }
        n = parse_operand(s, word, next);
        if (!n)
            break;
        if (!chain) {
            chain = node_new(s, kind, start);
            add_child(s, chain, first);
        }
    }
    s->depth--;
    if (chain)
        chain->len = (uint32_t)(s->at - start);
    return s->failed ? NULL : chain ? chain : first;
}

static struct node *parse_and(struct scan *s)
{
    return parse_chain(s, NODE_AND, "and", parse_not);
}

static struct node *parse_or(struct scan *s)
{
    return parse_chain(s, NODE_OR, "or", parse_and);
}

struct node *filter_parse(struct scan *s)
{
    struct node *n;

    if (s->n == 0) {
        scan_fail(s, 0, 0, "P01", "there is nothing to parse");
        return NULL;
    }
    scan_blanks(s);
    n = parse_or(s);
    if (!n)
        return NULL;
    scan_blanks(s);
    if (!at_end(s)) {
        scan_fail(s, s->at, strcspn(s->s + s->at, " "), "P02",
                  "“and”, “or” or the end is needed here");
        return NULL;
    }
    return n;
}

bool filter_parses(const char *text, size_t n, unsigned depth_max, struct syntax_error *err)
{
    struct arena arena = {0};
    struct scan s = {
        .n = n, .depth_max = depth_max ? depth_max : FILTER_DEPTH, .arena = &arena, .err = err};
    bool ok;

    s.s = arena_strndup(&arena, text, n);
    ok = filter_parse(&s) != NULL;
    arena_fini(&arena);
    return ok;
}
