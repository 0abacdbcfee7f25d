/* Falco's output formats (output-format, sections 1, 2 and 5). */
#include "internal.h"

struct piece {
    struct span literal; /* when expr is NULL */
    struct expr *expr;
    struct field_def shown; /* of calls: how their result prints */
    uint64_t width;         /* 0: as long as it is */
};

struct output_format {
    struct arena arena;
    struct field_refs refs;
    VEC(struct piece) pieces;
    VEC(const struct field_ref *) keys; /* distinct fields, sorted by text, for JSON */
    bool star;
    enum bytes_form bytes;
};

static void add_literal(struct output_format *o, const char *p, size_t n)
{
    struct piece *piece;

    if (n == 0)
        return;
    piece = vec_more(&o->pieces);
    piece->literal = (struct span){arena_strndup(&o->arena, p, n), n};
}

/* The longest prefix of the name at the scan's place that is a field; 0: none is. */
static size_t field_length(const struct scan *s, const struct field_catalogue *c)
{
    size_t n =
        strspn(s->s + s->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
    struct span suffix;

    while (n > 0 &&
           (s->s[s->at + n - 1] == '.' || !field_find(c, (struct span){s->s + s->at, n}, &suffix)))
        n--;
    return n;
}

static bool add_expr(struct output_format *o, struct scan *s, const struct field_catalogue *c,
                     uint64_t width)
{
    size_t start = s->at, name = field_length(s, c);
    struct expr *e = NULL;
    struct piece *piece;
    char words[300];
    bool none = true;

    if (function_find(s->s + s->at, s->n - s->at))
        e = expr_parse(s, &none);
    else if (name)
        e = expr_field_at(s, name);
    if (!e && !s->failed) {
        size_t n = strcspn(s->s + start, " \t\r\n%,;:()[]\"'");

        if (n == 0)
            return scan_fail(s, start, 0, "P05",
                             "a field or a call is needed behind %%; %%%% prints one %%");
        field_unknown(c, (struct span){s->s + start, n}, words, sizeof(words));
        return scan_fail(s, start, n, "C01", "%s", words);
    }
    if (!e || !expr_compile(e, c, &o->refs, s->err)) {
        if (e && s->err)
            syntax_error_place(s->err, s->s, s->n, s->err->index);
        s->failed = true;
        return false;
    }
    piece = vec_more(&o->pieces);
    piece->expr = e;
    piece->width = width;
    piece->shown = (struct field_def){.type = e->type, .list = e->list, .format = FMT_DEC};
    return true;
}

static bool parse_format(struct output_format *o, struct scan *s, const struct field_catalogue *c)
{
    while (s->at < s->n) {
        const char *percent = memchr(s->s + s->at, '%', s->n - s->at);
        size_t literal = percent ? (size_t)(percent - s->s) - s->at : s->n - s->at, digits;
        uint64_t width = 0;

        add_literal(o, s->s + s->at, literal);
        s->at += literal;
        if (!percent)
            break;
        s->at++;
        if (scan_literal(s, "%")) {
            add_literal(o, "%", 1);
            continue;
        }
        for (digits = 0; s->s[s->at] >= '0' && s->s[s->at] <= '9' && digits < 6; digits++, s->at++)
            width = width * 10 + (uint64_t)(s->s[s->at] - '0');
        if (!add_expr(o, s, c, width))
            return false;
    }
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp((*(const struct field_ref *const *)a)->text,
                  (*(const struct field_ref *const *)b)->text);
}

struct output_format *output_compile(const char *format, const struct field_catalogue *c,
                                     struct syntax_error *err)
{
    struct output_format *o = xcalloc(1, sizeof(*o));
    struct scan s = {.depth_max = 100, .arena = &o->arena, .err = err};

    o->refs.arena = &o->arena;
    s.s = arena_strndup(&o->arena, format, strlen(format));
    s.n = strlen(format);
    if (s.n == 0)
        scan_fail(&s, 0, 0, "P01", "the output format is empty");
    o->star = scan_literal(&s, "*");
    if (s.failed || !parse_format(o, &s, c)) {
        output_free(o);
        return NULL;
    }
    for (size_t i = 0; i < o->refs.v.n; i++)
        vec_push(&o->keys, o->refs.v.v[i]);
    if (o->keys.n)
        qsort(o->keys.v, o->keys.n, sizeof(*o->keys.v), by_text);
    return o;
}

void output_free(struct output_format *o)
{
    if (!o)
        return;
    vec_free(&o->pieces);
    vec_free(&o->keys);
    vec_free(&o->refs.v);
    arena_fini(&o->arena);
    free(o);
}

const struct field_refs *output_refs(const struct output_format *o)
{
    return &o->refs;
}

void output_set_bytes(struct output_format *o, enum bytes_form form)
{
    o->bytes = form;
}

static bool in_its_form(const struct output_format *o, const struct value *v)
{
    return o->bytes != BYTES_DOTS && v->state == VALUE_OK && v->type == VT_BYTEBUF && !v->list;
}

static void fit(struct buf *out, size_t start, uint64_t width)
{
    while (out->len - start < width && buf_addc(out, ' '))
        ;
    if (out->len - start > width) {
        out->len = start + width;
        out->data[out->len] = '\0';
    }
}

bool output_text(const struct output_format *o, struct field_reader *r, struct buf *out)
{
    size_t start = out->len;

    for (size_t i = 0; i < o->pieces.n; i++) {
        const struct piece *p = &o->pieces.v[i];
        size_t at = out->len;
        struct value v;

        if (!p->expr) {
            buf_add(out, p->literal.p, p->literal.n);
            continue;
        }
        expr_eval(p->expr, r, &v);
        if (v.state != VALUE_OK && !o->star) {
            out->len = start;
            if (out->data)
                out->data[start] = '\0';
            return false;
        }
        if (v.state != VALUE_OK)
            buf_adds(out, "<NA>");
        else if (in_its_form(o, &v))
            bytes_text(v.one.s, o->bytes, out);
        else
            field_text(p->expr->kind == EXPR_FIELD ? p->expr->ref->def : &p->shown, &v, out);
        if (p->width)
            fit(out, at, p->width);
    }
    return true;
}

static void bytes_json(struct span s, enum bytes_form form, struct buf *out)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    bytes_text(s, form, &text);
    json_escape((struct span){buf_str(&text), text.len}, out);
    buf_fini(&text);
}

bool output_json(const struct output_format *o, struct field_reader *r, uint64_t ts,
                 struct buf *out)
{
    size_t start = out->len;

    if (o->keys.n == 0)
        return buf_adds(out, "null");
    buf_addc(out, '{');
    for (size_t i = 0; i < o->keys.n; i++) {
        const struct field_ref *ref = o->keys.v[i];
        struct value v;

        r->read(r, ref, &v);
        if (v.state != VALUE_OK && !o->star) {
            out->len = start;
            out->data[start] = '\0';
            return false;
        }
        if (i)
            buf_addc(out, ',');
        json_escape(span_of(ref->text), out);
        buf_addc(out, ':');
        if (in_its_form(o, &v))
            bytes_json(v.one.s, o->bytes, out);
        else
            field_json(ref->def, &v, ts, out);
    }
    return buf_addc(out, '}');
}
