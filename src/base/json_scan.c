/* JSON as positions in its text: keeps the order, the duplicates, the exact bytes and what came
 * before a mistake, none of which a tree of values would. */
#include "mews/base.h"

#define NONE      UINT32_MAX
#define MAX_DEPTH 512

struct scanner {
    struct json_scan *out;
    const char *p;
    uint32_t at, end;
    size_t max_nodes;
};

void json_scan_init(struct json_scan *s)
{
    memset(s, 0, sizeof(*s));
}

void json_scan_fini(struct json_scan *s)
{
    vec_free(&s->nodes);
}

static void skip_blanks(struct scanner *s)
{
    while (s->at < s->end && memchr(" \t\r\n", s->p[s->at], 4))
        s->at++;
}

/* At the opening quote; past the closing one afterwards. */
static bool skip_string(struct scanner *s)
{
    for (s->at++; s->at < s->end; s->at++) {
        unsigned char c = (unsigned char)s->p[s->at];

        if (c == '"') {
            s->at++;
            return true;
        }
        if (c < 0x20)
            return false;
        if (c == '\\')
            s->at++;
    }
    s->at = s->end;
    return false;
}

static bool skip_number(struct scanner *s)
{
    uint32_t start = s->at;

    while (s->at < s->end && s->p[s->at] && strchr("+-.0123456789eE", s->p[s->at]))
        s->at++;
    return s->at > start && s->p[s->at - 1] >= '0' && s->p[s->at - 1] <= '9';
}

static bool skip_word(struct scanner *s)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t n = strlen(words[i]);

        if (s->end - s->at >= n && memcmp(s->p + s->at, words[i], n) == 0) {
            s->at += (uint32_t)n;
            return true;
        }
    }
    return false;
}

static uint32_t node_add(struct scanner *s, uint32_t parent, uint32_t depth, uint32_t index)
{
    struct json_node *node;

    if (s->out->nodes.n >= s->max_nodes)
        return NONE;
    node = vec_more(&s->out->nodes);
    node->start = s->at;
    node->parent = parent;
    node->depth = depth;
    node->index = index;
    return (uint32_t)(s->out->nodes.n - 1);
}

static bool scan_key(struct scanner *s, uint32_t *key_start, uint32_t *key_end)
{
    skip_blanks(s);
    if (s->at >= s->end || s->p[s->at] != '"')
        return false;
    *key_start = s->at + 1;
    if (!skip_string(s))
        return false;
    *key_end = s->at - 1;
    skip_blanks(s);
    return s->at < s->end && s->p[s->at++] == ':';
}

static bool scan_value(struct scanner *s, uint32_t parent, uint32_t depth, uint32_t index,
                       uint32_t key_start, uint32_t key_end);

/* After the opening bracket of node self. */
static bool scan_members(struct scanner *s, uint32_t self, uint32_t depth, bool object)
{
    char close = object ? '}' : ']';

    skip_blanks(s);
    if (s->at < s->end && s->p[s->at] == close) {
        s->at++;
        return true;
    }
    for (uint32_t index = 0;; index++) {
        uint32_t key_start = 0, key_end = 0;

        if (object && !scan_key(s, &key_start, &key_end))
            return false;
        if (!scan_value(s, self, depth + 1, index, key_start, key_end))
            return false;
        skip_blanks(s);
        if (s->at < s->end && s->p[s->at] == close) {
            s->at++;
            return true;
        }
        if (s->at >= s->end || s->p[s->at] != ',')
            return false;
        s->at++;
    }
}

static bool scan_value(struct scanner *s, uint32_t parent, uint32_t depth, uint32_t index,
                       uint32_t key_start, uint32_t key_end)
{
    enum json_kind kind;
    uint32_t self;
    bool ok;
    char c;

    skip_blanks(s);
    if (s->at >= s->end || depth > MAX_DEPTH)
        return false;
    c = s->p[s->at];
    kind = c == '{'                             ? JSON_KIND_OBJECT
           : c == '['                           ? JSON_KIND_ARRAY
           : c == '"'                           ? JSON_KIND_STRING
           : c == '-' || (c >= '0' && c <= '9') ? JSON_KIND_NUMBER
                                                : JSON_KIND_WORD;
    self = node_add(s, parent, depth, index);
    if (self == NONE)
        return false;
    s->out->nodes.v[self].kind = kind;
    s->out->nodes.v[self].key_start = key_start;
    s->out->nodes.v[self].key_end = key_end;
    if (kind == JSON_KIND_OBJECT || kind == JSON_KIND_ARRAY) {
        s->at++;
        ok = scan_members(s, self, depth, kind == JSON_KIND_OBJECT);
    } else {
        ok = kind == JSON_KIND_STRING   ? skip_string(s)
             : kind == JSON_KIND_NUMBER ? skip_number(s)
                                        : skip_word(s);
    }
    s->out->nodes.v[self].end = s->at;
    s->out->nodes.v[self].next = (uint32_t)s->out->nodes.n;
    return ok;
}

bool json_scan(struct json_scan *out, const char *text, size_t n, size_t max_nodes)
{
    struct scanner s = {.out = out, .p = text, .end = (uint32_t)n, .max_nodes = max_nodes};

    out->nodes.n = 0;
    out->complete = false;
    if (n >= NONE)
        return false;
    out->complete = scan_value(&s, NONE, 0, 0, 0, 0);
    skip_blanks(&s);
    out->complete = out->complete && s.at == s.end;
    out->error_at = s.at;
    return out->complete;
}

/* ---- text and pointers ----------------------------------------------------------------------- */

static unsigned hex4(const char *p)
{
    char digits[5] = {p[0], p[1], p[2], p[3], 0};

    return strspn(digits, "0123456789abcdefABCDEF") == 4 ? (unsigned)strtoul(digits, NULL, 16)
                                                         : 0xfffd;
}

/* p is behind "\u"; gives how many more bytes belong to the escape. */
static size_t add_unicode(struct buf *out, const char *p, size_t n)
{
    uint32_t cp = n >= 4 ? hex4(p) : 0xfffd;
    size_t used = MIN_OF(n, (size_t)4);
    char enc[4];

    if (cp >= 0xd800 && cp < 0xdc00 && n >= 10 && p[4] == '\\' && p[5] == 'u') {
        uint32_t low = hex4(p + 6);

        if (low >= 0xdc00 && low < 0xe000) {
            cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
            used = 10;
        }
    }
    if (cp >= 0xd800 && cp < 0xe000)
        cp = 0xfffd;
    buf_add(out, enc, utf8_encode(cp, enc));
    return used;
}

static void unescape(struct span s, struct buf *out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";

    for (size_t i = 0; i < s.n; i++) {
        const char *at;

        if (s.p[i] != '\\' || i + 1 >= s.n) {
            buf_addc(out, s.p[i]);
        } else if (s.p[++i] == 'u') {
            i += add_unicode(out, s.p + i + 1, s.n - i - 1);
        } else {
            at = strchr(from, s.p[i]);
            buf_addc(out, at && *at ? to[at - from] : s.p[i]);
        }
    }
}

void json_scan_text(const struct json_scan *s, const char *text, uint32_t node, struct buf *out)
{
    const struct json_node *n = &s->nodes.v[node];

    if (n->kind == JSON_KIND_STRING && n->end >= n->start + 2)
        unescape((struct span){text + n->start + 1, n->end - n->start - 2}, out);
    else
        buf_add(out, text + n->start, n->end - n->start);
}

static bool key_matches(const struct json_node *n, const char *text, struct span key)
{
    struct span raw = {text + n->key_start, n->key_end - n->key_start};
    struct buf plain;
    bool same;

    if (!memchr(raw.p, '\\', raw.n))
        return span_eq(raw, key);
    buf_init(&plain, 0);
    unescape(raw, &plain);
    same = span_eq((struct span){buf_str(&plain), plain.len}, key);
    buf_fini(&plain);
    return same;
}

static uint32_t child_find(const struct json_scan *s, const char *text, uint32_t parent,
                           struct span key)
{
    const struct json_node *p = &s->nodes.v[parent];
    uint64_t index = 0;
    bool array = p->kind == JSON_KIND_ARRAY;

    if (p->kind > JSON_KIND_ARRAY || (array && !parse_u64(key, &index)))
        return NONE;
    for (uint32_t i = parent + 1; i < p->next; i = s->nodes.v[i].next) {
        const struct json_node *c = &s->nodes.v[i];

        if (array ? c->index == index : key_matches(c, text, key))
            return i;
    }
    return NONE;
}

uint32_t json_scan_find(const struct json_scan *s, const char *text, struct span pointer)
{
    uint32_t node = s->nodes.n ? 0 : NONE;
    struct buf key;
    size_t at = pointer.n && pointer.p[0] == '/' ? 1 : 0;

    if (pointer.n == 0)
        return node;
    buf_init(&key, 0);
    for (bool more = true; more && node != NONE; at++) {
        buf_reset(&key);
        for (; at < pointer.n && pointer.p[at] != '/'; at++) {
            char c = pointer.p[at];

            if (c == '~' && at + 1 < pointer.n && strchr("01", pointer.p[at + 1]))
                c = pointer.p[++at] == '0' ? '~' : '/';
            buf_addc(&key, c);
        }
        more = at < pointer.n;
        node = child_find(s, text, node, (struct span){buf_str(&key), key.len});
    }
    buf_fini(&key);
    return node;
}

void json_scan_pointer(const struct json_scan *s, const char *text, uint32_t node, struct buf *out)
{
    const struct json_node *n = &s->nodes.v[node];
    struct buf key;

    if (n->parent == NONE)
        return;
    json_scan_pointer(s, text, n->parent, out);
    buf_addc(out, '/');
    if (s->nodes.v[n->parent].kind == JSON_KIND_ARRAY) {
        buf_addf(out, "%u", n->index);
        return;
    }
    buf_init(&key, 0);
    unescape((struct span){text + n->key_start, n->key_end - n->key_start}, &key);
    for (size_t i = 0; i < key.len; i++) {
        char c = key.data[i];

        if (c == '~' || c == '/')
            buf_adds(out, c == '~' ? "~0" : "~1");
        else
            buf_addc(out, c);
    }
    buf_fini(&key);
}
