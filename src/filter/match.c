/* Evaluation (§7 to §9, §13). A missing value makes every check false, whatever the operator. */
#include "internal.h"

#include <ctype.h>

static struct span text_of(const union elem *e)
{
    return (struct span){e->s.p, e->s.n ? strnlen(e->s.p, e->s.n) : 0};
}

static int order_bytes(struct span a, struct span b)
{
    size_t n = MIN_OF(a.n, b.n);
    int r = n ? memcmp(a.p, b.p, n) : 0;

    return r ? r : a.n < b.n ? -1 : a.n > b.n;
}

static int order_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int order_elems(enum value_class vclass, const union elem *a, const union elem *b)
{
    switch (vclass) {
    case VC_SIGNED:
        return a->i < b->i ? -1 : a->i > b->i;
    case VC_DOUBLE:
        return a->d < b->d ? -1 : a->d > b->d;
    case VC_TEXT:
        return order_bytes(text_of(a), text_of(b));
    case VC_BYTES:
        return order_bytes(a->s, b->s);
    case VC_ADDRESS:
    case VC_NETWORK:
        return a->ip.len != b->ip.len ? 1 : memcmp(a->ip.b, b->ip.b, a->ip.len);
    default:
        return order_u64(a->u, b->u);
    }
}

static bool in_network(const struct ip_bytes *ip, const struct ip_bytes *net, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (ip->len != net->len || memcmp(ip->b, net->b, whole) != 0)
        return false;
    return rest == 0 || ((ip->b[whole] ^ net->b[whole]) >> (8 - rest)) == 0;
}

static bool equals(enum value_class vclass, const union elem *v, const struct constant *c)
{
    if (vclass == VC_NETWORK)
        return in_network(&v->ip, &c->e.ip, c->net_bits);
    return order_elems(vclass, v, &c->e) == 0;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static bool contains_any_case(struct span hay, struct span needle)
{
    for (size_t at = 0; needle.n <= hay.n && at <= hay.n - needle.n; at++) {
        size_t k = 0;

        while (k < needle.n &&
               (hay.p[at + k] == needle.p[k] ||
                ((unsigned char)hay.p[at + k] < 0x80 &&
                 tolower((unsigned char)hay.p[at + k]) == tolower((unsigned char)needle.p[k]))))
            k++;
        if (k == needle.n)
            return true;
    }
    return false;
}

static bool has_prefix(struct span s, struct span prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static bool has_suffix(struct span s, struct span suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

static bool is_pattern(struct span part)
{
    for (size_t i = 0; i < part.n; i++) {
        if (part.p[i] == '?' || part.p[i] == '*' || part.p[i] == '[')
            return true;
    }
    return false;
}

/* Each part of the pattern matches the value's part at the same depth. */
static bool path_matches(struct span path, const struct constant *c)
{
    size_t at = 0;

    for (size_t i = 0; i < c->nparts; i++) {
        struct span part;

        while (at < path.n && path.p[at] == '/')
            at++;
        part.p = path.p + at;
        while (at < path.n && path.p[at] != '/')
            at++;
        part.n = (size_t)(path.p + at - part.p);
        if (part.n == 0)
            return false;
        if (!span_eq(part, c->parts[i]) &&
            !(is_pattern(c->parts[i]) && glob_match(c->parts[i], part, false)))
            return false;
    }
    return true;
}

static bool text_test(enum filter_op op, struct span v, const struct constant *c)
{
    switch (op) {
    case OP_CONTAINS:
    case OP_BCONTAINS:
        return span_find(v, c->e.s) != NULL;
    case OP_ICONTAINS:
        return contains_any_case(v, c->e.s);
    case OP_STARTSWITH:
    case OP_BSTARTSWITH:
        return has_prefix(v, c->e.s);
    case OP_ENDSWITH:
        return has_suffix(v, c->e.s);
    case OP_GLOB:
    case OP_IGLOB:
        return glob_match(c->e.s, v, op == OP_IGLOB);
    case OP_REGEX:
        return regex_match(c->regex, v);
    case OP_PMATCH:
        return path_matches(v, c);
    default:
        return false;
    }
}

/* ---- checks ---------------------------------------------------------------------------------- */

static bool compare(enum filter_op op, enum value_class vclass, const union elem *v,
                    const struct constant *c)
{
    switch (op) {
    case OP_EQ:
        return equals(vclass, v, c);
    case OP_NE:
        return !equals(vclass, v, c);
    case OP_LT:
        return order_elems(vclass, v, &c->e) < 0;
    case OP_LE:
        return order_elems(vclass, v, &c->e) <= 0;
    case OP_GT:
        return order_elems(vclass, v, &c->e) > 0;
    case OP_GE:
        return order_elems(vclass, v, &c->e) >= 0;
    default:
        return text_test(op, vclass == VC_TEXT ? text_of(v) : v->s, c);
    }
}

static bool modified(const struct node *n, enum value_class vclass, const union elem *v)
{
    size_t hits = 0;

    for (size_t i = 0; i < n->nconstants; i++)
        hits += compare(n->op, vclass, v, &n->constants[i]);
    switch (n->modifier) {
    case MOD_ONEOF:
        return hits == 1;
    case MOD_ANYOF:
        return hits > 0;
    default:
        return n->nconstants > 0 && hits == n->nconstants;
    }
}

static bool in_constants(const struct node *n, enum value_class vclass, const union elem *v)
{
    if (n->set) {
        union elem key = *v;

        if (vclass == VC_TEXT)
            key.s = text_of(v);
        return const_set_has(n->set, &key);
    }
    for (size_t i = 0; i < n->nconstants; i++) {
        if (equals(vclass, v, &n->constants[i]))
            return true;
    }
    return false;
}

static bool in_values(enum value_class vclass, const union elem *v, const struct value *set)
{
    for (uint32_t i = 0; i < set->n; i++) {
        if (order_elems(vclass, v, value_elem(set, i)) == 0)
            return true;
    }
    return false;
}

/* `in`: all elements; `intersects`: some. A scalar has one. rhs NULL: the constants. */
static bool list_check(const struct node *n, enum value_class vclass, const struct value *v,
                       const struct value *rhs)
{
    for (uint32_t i = 0; i < v->n; i++) {
        const union elem *e = value_elem(v, i);
        bool hit = rhs ? in_values(vclass, e, rhs) : in_constants(n, vclass, e);

        if (hit != (n->op == OP_IN))
            return hit;
    }
    return n->op == OP_IN;
}

static bool path_check(const struct node *n, const union elem *v)
{
    for (size_t i = 0; i < n->nconstants; i++) {
        if (path_matches(text_of(v), &n->constants[i]))
            return true;
    }
    return false;
}

/* A check of one value against constants. */
static bool fits_one(const struct node *n, enum value_class vclass, const union elem *v)
{
    if (n->op == OP_IN || n->op == OP_INTERSECTS)
        return in_constants(n, vclass, v);
    if (n->op == OP_PMATCH)
        return path_check(n, v);
    return n->modifier ? modified(n, vclass, v) : compare(n->op, vclass, v, &n->constants[0]);
}

/* Fields that stand for several things: one is to fit; of both ends of a connection, with !=, both. */
static bool fits_each(const struct node *n, enum value_class vclass, const struct value *v)
{
    bool all = n->op == OP_NE && (n->lhs->ref->def->flags & FIELD_ENDS);

    for (uint32_t i = 0; i < v->n; i++) {
        if (fits_one(n, vclass, value_elem(v, i)) != all)
            return !all;
    }
    return all && v->n > 0;
}

bool check_match(const struct node *n, struct field_reader *r)
{
    enum value_class vclass = value_type_info(n->lhs->type)->vclass;
    struct value v, rhs;

    expr_eval(n->lhs, r, &v);
    if (v.state != VALUE_OK)
        return false;
    if (n->op == OP_EXISTS)
        return true;
    if (n->rhs) {
        struct constant c = {.text = {NULL, 0}};

        expr_eval(n->rhs, r, &rhs);
        if (rhs.state != VALUE_OK)
            return false;
        if (n->op == OP_IN || n->op == OP_INTERSECTS)
            return list_check(n, vclass, &v, &rhs);
        c.e = rhs.one;
        return compare(n->op, vclass, &v.one, &c);
    }
    if (n->lhs->kind == EXPR_FIELD && n->lhs->ref->each)
        return fits_each(n, vclass, &v);
    if (n->lhs->kind == EXPR_FIELD && (n->lhs->ref->def->flags & FIELD_AROUND))
        return v.one.u <= n->constants[0].e.u;
    if (v.list)
        return list_check(n, vclass, &v, NULL);
    return fits_one(n, vclass, &v.one);
}

bool node_match(const struct node *n, struct field_reader *r)
{
    switch (n->kind) {
    case NODE_NOT:
        return !node_match(n->children[0], r);
    case NODE_AND:
        for (size_t i = 0; i < n->nchildren; i++) {
            if (!node_match(n->children[i], r))
                return false;
        }
        return true;
    case NODE_OR:
        for (size_t i = 0; i < n->nchildren; i++) {
            if (node_match(n->children[i], r))
                return true;
        }
        return false;
    case NODE_CHECK:
        return check_match(n, r);
    default:
        return false;
    }
}

bool filter_match(const struct filter *f, struct field_reader *r)
{
    return node_match(f->root, r);
}
