/* Expressions: fields and calls, from text to something that can be evaluated. */
#include "internal.h"

static struct expr *expr_new(struct scan *s, enum expr_kind kind, size_t start)
{
    struct expr *e = arena_zalloc(s->arena, sizeof(*e));

    e->kind = kind;
    e->index = (uint32_t)start;
    return e;
}

static struct expr *expr_done(struct scan *s, struct expr *e)
{
    e->len = (uint32_t)(s->at - e->index);
    return s->failed ? NULL : e;
}

bool expr_parse_arg(struct scan *s, bool *present, struct span *out)
{
    size_t start;

    *present = false;
    if (s->at >= s->n || s->s[s->at] != '[')
        return true;
    start = ++s->at;
    if (!scan_quoted(s, out)) {
        if (s->failed)
            return false;
        while (s->at < s->n && !scan_is_blank(s->s[s->at]) && !memchr("[]\"'", s->s[s->at], 4))
            s->at++;
        *out = (struct span){s->s + start, s->at - start};
        if (out->n == 0)
            return scan_fail(s, start, 0, "P07",
                             "an argument is needed between [ and ]: quote it when it holds "
                             "blanks, brackets or quotes");
    }
    if (s->at >= s->n || s->s[s->at] != ']')
        return scan_fail(s, s->at, 0, "P08", "the argument needs a closing ]");
    s->at++;
    *present = true;
    return true;
}

/* part { "." part }, at least two parts; nothing is consumed when it is none. */
static bool scan_field_name(struct scan *s, struct span *out)
{
    size_t start = s->at, good;
    struct span part;
    unsigned parts = 0;

    for (good = start; scan_identifier(s, &part); s->at++) {
        parts++;
        good = s->at;
        if (s->at >= s->n || s->s[s->at] != '.')
            break;
    }
    s->at = parts > 1 ? good : start;
    *out = (struct span){s->s + start, good - start};
    return parts > 1;
}

struct expr *expr_field_at(struct scan *s, size_t name_len)
{
    struct expr *e = expr_new(s, EXPR_FIELD, s->at);

    e->name = (struct span){s->s + s->at, name_len};
    s->at += name_len;
    expr_parse_arg(s, &e->arg_present, &e->arg);
    return expr_done(s, e);
}

static struct expr *parse_field(struct scan *s, bool *none)
{
    size_t start = s->at;
    struct span name;

    *none = false;
    if (!scan_deeper(s))
        return NULL;
    s->depth--;
    if (!scan_field_name(s, &name)) {
        *none = true;
        return NULL;
    }
    s->at = start;
    return expr_field_at(s, name.n);
}

static struct expr *parse_literal(struct scan *s, bool numbers)
{
    size_t start = s->at;
    struct expr *e = expr_new(s, EXPR_NUMBER, start);

    if (numbers && scan_number(s, &e->literal))
        return expr_done(s, e);
    e->kind = EXPR_TEXT;
    return scan_quoted(s, &e->literal) ? expr_done(s, e) : NULL;
}

static void push_arg(struct scan *s, struct expr *e, struct expr *arg)
{
    if ((e->nargs & (e->nargs - 1)) == 0) { /* grown at powers of two */
        struct expr **more = arena_alloc(s->arena, sizeof(*more) * (e->nargs ? e->nargs * 2 : 1));

        if (e->nargs)
            memcpy(more, e->args, sizeof(*more) * e->nargs);
        e->args = more;
    }
    e->args[e->nargs++] = arg;
}

static struct expr *parse_item(struct scan *s)
{
    bool none;
    struct expr *e = expr_parse(s, &none);

    if (!e && none && !s->failed)
        e = parse_literal(s, true);
    if (!e)
        scan_fail(s, s->at, 0, "P16",
                  "a list of arguments holds fields, calls, quoted texts and numbers");
    return e;
}

/* Behind the opening parenthesis. */
static struct expr *parse_list(struct scan *s, size_t start)
{
    struct expr *e = expr_new(s, EXPR_LIST, start), *item;

    scan_blanks(s);
    if (scan_literal(s, ")"))
        return expr_done(s, e);
    do {
        scan_blanks(s);
        item = parse_item(s);
        if (!item)
            return NULL;
        push_arg(s, e, item);
        scan_blanks(s);
    } while (scan_literal(s, ","));
    if (!scan_literal(s, ")"))
        scan_fail(s, s->at, 0, "P17", "the list needs a , or a closing )");
    return expr_done(s, e);
}

static struct expr *parse_call_arg(struct scan *s)
{
    struct expr *e;
    size_t start;
    bool none;

    scan_blanks(s);
    start = s->at;
    e = parse_literal(s, true);
    if (e || s->failed)
        return e;
    if (scan_literal(s, "("))
        return parse_list(s, start);
    e = expr_parse(s, &none);
    if (!e)
        scan_fail(s, s->at, 0, "P13",
                  "a function takes fields, calls, quoted texts, numbers and lists in ( )");
    return e;
}

/* Behind "name(". */
static struct expr *parse_call(struct scan *s, const struct function *f, size_t start)
{
    struct expr *e = expr_new(s, EXPR_CALL, start), *arg;

    e->function = f;
    e->name = (struct span){f->name, function_name_len(f)};
    if (!scan_deeper(s))
        return NULL;
    if (!scan_deeper(s)) {
        s->depth--;
        return NULL;
    }
    do {
        arg = parse_call_arg(s);
        if (!arg)
            break;
        push_arg(s, e, arg);
        scan_blanks(s);
    } while (scan_literal(s, ","));
    s->depth -= 2;
    if (!s->failed && !scan_literal(s, ")"))
        scan_fail(s, s->at, 0, "P14", "the call of %.*s needs a , or a closing )", (int)e->name.n,
                  e->name.p);
    if (!s->failed)
        expr_parse_arg(s, &e->arg_present, &e->arg);
    return expr_done(s, e);
}

struct expr *expr_parse(struct scan *s, bool *none)
{
    size_t start = s->at;
    struct expr *e = parse_field(s, none);
    const struct function *f;

    if (e || s->failed)
        return e;
    f = function_find(s->s + s->at, s->n - s->at);
    *none = !f;
    if (!f)
        return NULL;
    s->at += function_name_len(f) + 1;
    return parse_call(s, f, start);
}

struct expr *expr_parse_rhs(struct scan *s, bool *none)
{
    const struct function *f;
    struct expr *e = NULL;
    size_t start = s->at;

    *none = false;
    if (scan_literal(s, "val(")) {
        scan_blanks(s);
        e = parse_field(s, none);
        if (!e && !s->failed)
            scan_fail(s, s->at, 0, "P15", "val( ) takes one plain field");
        scan_blanks(s);
        if (!s->failed && !scan_literal(s, ")"))
            scan_fail(s, s->at, 0, "P14", "val( needs a closing )");
        *none = false;
        if (!s->failed) {
            struct expr *call = expr_new(s, EXPR_CALL, start);

            call->name = (struct span){"val", 3};
            push_arg(s, call, e);
            expr_parse_arg(s, &call->arg_present, &call->arg);
            e = expr_done(s, call);
        }
        return s->failed ? NULL : e;
    }
    if (!scan_deeper(s))
        return NULL;
    if (!scan_deeper(s)) {
        s->depth--;
        return NULL;
    }
    f = function_find(s->s + s->at, s->n - s->at);
    *none = !f;
    if (f) {
        s->at += function_name_len(f) + 1;
        e = parse_call(s, f, start);
    }
    s->depth -= 2;
    return e;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void quoted_text(struct span s, struct buf *out)
{
    static const char from[] = "\b\f\n\r\t\"", into[] = "bfnrt\"";

    buf_addc(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        const char *at = s.p[i] ? strchr(from, s.p[i]) : NULL;

        if (s.p[i] == '\\') /* as hexadecimal: a quoted text can't end in a backslash (Q10) */
            buf_adds(out, "\\x5c");
        else if (s.p[i] == '\0')
            buf_adds(out, "\\x00");
        else if (at)
            buf_addf(out, "\\%c", into[at - from]);
        else
            buf_addc(out, s.p[i]);
    }
    buf_addc(out, '"');
}

void expr_constant_text(struct span s, struct buf *out)
{
    bool plain = s.n > 0;

    for (size_t i = 0; i < s.n; i++)
        plain = plain && (unsigned char)s.p[i] > ' ' && !strchr("=\\\"'()[],<>!", s.p[i]);
    if (plain)
        buf_add(out, s.p, s.n);
    else
        quoted_text(s, out);
}

static void arg_text(bool present, struct span arg, struct buf *out)
{
    if (!present)
        return;
    buf_addc(out, '[');
    if (arg.n == 0)
        buf_adds(out, "\"\"");
    else
        expr_constant_text(arg, out);
    buf_addc(out, ']');
}

void expr_text(const struct expr *e, struct buf *out)
{
    switch (e->kind) {
    case EXPR_TEXT:
        quoted_text(e->literal, out); /* inside calls and lists texts have quotes always */
        return;
    case EXPR_NUMBER:
        expr_constant_text(e->literal, out);
        return;
    case EXPR_FIELD:
        buf_add(out, e->name.p, e->name.n);
        break;
    case EXPR_CALL:
        buf_add(out, e->name.p, e->name.n);
        /* fall through */
    case EXPR_LIST:
        buf_addc(out, '(');
        for (size_t i = 0; i < e->nargs; i++) {
            if (i)
                buf_addc(out, ',');
            expr_text(e->args[i], out);
        }
        buf_addc(out, ')');
    }
    arg_text(e->arg_present, e->arg, out);
}

/* ---- compiling ------------------------------------------------------------------------------- */

static bool plain_index(struct span s, uint64_t *out)
{
    return parse_u64(s, out);
}

static bool check_arg(const struct field_def *def, const struct expr *e, bool present,
                      struct span arg, struct plugin_arg *out, struct syntax_error *err)
{
    bool takes = def->arg_index || def->arg_key;
    bool numeric;

    out->present = present;
    out->key = NULL;
    out->index = UINT64_MAX;
    if (!present && def->arg_required) {
        syntax_error_set(err, e->index, e->len, "C13", "%s needs an argument: %s[%s]", def->name,
                         def->name, def->arg_key ? "key" : "index");
        return false;
    }
    if (!present)
        return true;
    if (!takes) {
        syntax_error_set(err, e->index, e->len, "C14", "%s takes no argument", def->name);
        return false;
    }
    numeric = plain_index(arg, &out->index);
    if (!numeric)
        out->index = UINT64_MAX;
    if (def->arg_index && !def->arg_key && !numeric) {
        syntax_error_set(err, e->index, e->len, "C13",
                         "%s takes an index: digits without a leading zero, not “%.*s”", def->name,
                         (int)arg.n, arg.p);
        return false;
    }
    if (def->arg_key) {
        out->key = arg.p;
        if (!def->arg_index)
            out->index = UINT64_MAX;
    }
    return true;
}

static struct field_ref *refs_find(const struct field_refs *refs, const char *text)
{
    for (size_t i = 0; i < refs->v.n; i++) {
        if (str_eq(refs->v.v[i]->text, text))
            return refs->v.v[i];
    }
    return NULL;
}

static bool compile_field(struct expr *e, const struct field_catalogue *c, struct field_refs *refs,
                          struct syntax_error *err)
{
    struct span suffix, arg = e->arg;
    const struct field_def *def = field_find(c, e->name, &suffix);
    bool present = e->arg_present;
    struct field_ref *ref;
    struct buf text;

    if (!def) {
        char words[300];

        field_unknown(c, e->name, words, sizeof(words));
        syntax_error_set(err, e->index, e->len, "C01", "%s", words);
        return false;
    }
    if (suffix.p && !present) {
        present = true;
        arg = suffix;
    }
    arg.p = arena_strndup(refs->arena, arg.p ? arg.p : "",
                          arg.n); /* plugins want a NUL behind the key */
    buf_init(&text, 0);
    expr_text(e, &text);
    ref = refs_find(refs, buf_str(&text));
    if (!ref) {
        ref = arena_zalloc(refs->arena, sizeof(*ref));
        ref->def = def;
        ref->arg_present = present;
        ref->arg_text = arg;
        ref->text = arena_strndup(refs->arena, buf_str(&text), text.len);
        ref->slot = (uint32_t)refs->v.n;
        ref->type = def->type == VT_DYN ? event_param_type(arg) : def->type;
        if (ref->type == VT_NONE) {
            syntax_error_set(err, e->index, e->len, "C01", "no event has a parameter %.*s",
                             (int)arg.n, arg.p);
            ref = NULL;
        } else if (check_arg(def, e, present, arg, &ref->arg, err))
            vec_push(&refs->v, ref);
        else
            ref = NULL;
    } else {
        ref->shared = true;
    }
    buf_fini(&text);
    e->ref = ref;
    e->type = ref ? ref->type : def->type;
    e->list = def->list;
    return ref != NULL;
}

static bool compile_call(struct expr *e, const struct field_catalogue *c, struct field_refs *refs,
                         struct syntax_error *err)
{
    for (size_t i = 0; i < e->nargs; i++) {
        if (!expr_compile(e->args[i], c, refs, err))
            return false;
    }
    if (!e->function) { /* val() */
        if (e->arg_present) {
            syntax_error_set(err, e->index, e->len, "C22", "val( ) takes no [argument] after it");
            return false;
        }
        e->type = e->args[0]->type;
        e->list = e->args[0]->list;
        return true;
    }
    for (size_t i = 0; i < e->nargs; i++) {
        const struct expr *a = e->args[i];

        if (a->kind == EXPR_FIELD && (a->ref->def->flags & FIELD_NO_TRANSFORMER)) {
            syntax_error_set(err, a->index, a->len, "C20", "%s can't be used inside a function",
                             a->ref->def->name);
            return false;
        }
    }
    if (e->nargs < e->function->min_args || e->nargs > e->function->max_args) {
        syntax_error_set(err, e->index, e->len, "C21", "%.*s takes %s argument%s", (int)e->name.n,
                         e->name.p,
                         e->function->max_args == 1   ? "one"
                         : e->function->max_args == 2 ? "two"
                                                      : "two or more",
                         e->function->max_args == 1 ? "" : "s");
        return false;
    }
    if (e->arg_present && !e->function->takes_arg) {
        syntax_error_set(err, e->index, e->len, "C22", "%.*s( ) takes no [argument] after it",
                         (int)e->name.n, e->name.p);
        return false;
    }
    return e->function->check(e, err);
}

bool expr_compile(struct expr *e, const struct field_catalogue *c, struct field_refs *refs,
                  struct syntax_error *err)
{
    switch (e->kind) {
    case EXPR_FIELD:
        return compile_field(e, c, refs, err);
    case EXPR_CALL:
        return compile_call(e, c, refs, err);
    case EXPR_LIST:
        for (size_t i = 0; i < e->nargs; i++) {
            if (!expr_compile(e->args[i], c, refs, err))
                return false;
        }
        e->type = VT_CHARBUF;
        e->list = true;
        return true;
    default:
        e->type = VT_CHARBUF;
        e->list = false;
        return true;
    }
}

enum field_needs field_needs(const struct field_def *def)
{
    return def->builtin < 0                     ? FIELD_NEEDS_BYTES
           : def->builtin >= SYSTEM_FIELDS_FROM ? system_needs(def)
                                                : builtin_needs(def);
}

enum field_needs field_refs_needs(const struct field_refs *refs)
{
    enum field_needs needs = FIELD_NEEDS_HEADER;

    for (size_t i = 0; i < refs->v.n; i++)
        needs = MAX_OF(needs, field_needs(refs->v.v[i]->def));
    return needs;
}

bool field_told_by_type(const struct field_ref *ref, uint16_t type, uint16_t call)
{
    bool named = event_header_names(type) || call;

    if (ref->def->builtin < 0 || type == EVENT_PLUGIN || type == EVENT_ASYNC ||
        !event_type_get(type))
        return false;
    return ref->def->builtin >= SYSTEM_FIELDS_FROM ? system_told(ref, type, named)
                                                   : builtin_told(ref, type, named);
}

enum state_scope field_scope(const struct field_def *def)
{
    return def->builtin >= SYSTEM_FIELDS_FROM ? system_scope(def) : STATE_SCOPE_EVENT;
}

bool field_of_fd(const struct field_def *def)
{
    return def->builtin >= SYSTEM_FIELDS_FROM && system_of_fd(def);
}

bool field_worth_keeping(const struct field_def *def)
{
    return (def->flags & FIELD_NEEDS_PLUGIN) ||
           (def->builtin >= SYSTEM_FIELDS_FROM && system_worth_keeping(def));
}

enum field_state field_refs_state(const struct field_refs *refs)
{
    enum field_state needs = FIELD_STATE_NONE;

    for (size_t i = 0; i < refs->v.n; i++) {
        const struct field_def *def = refs->v.v[i]->def;
        enum field_state one = def->builtin >= SYSTEM_FIELDS_FROM ? system_state(def)
                               : builtin_needs_state(def)         ? FIELD_STATE
                                                                  : FIELD_STATE_NONE;

        needs = MAX_OF(needs, one);
    }
    return needs;
}

bool event_header_names(uint16_t type)
{
    return type != EVENT_GENERIC_E && type != EVENT_GENERIC_X && type != EVENT_PLUGIN &&
           type != EVENT_ASYNC;
}

bool field_refs_need_plugin(const struct field_refs *refs)
{
    for (size_t i = 0; i < refs->v.n; i++) {
        if (refs->v.v[i]->def->flags & FIELD_NEEDS_PLUGIN)
            return true;
    }
    return false;
}
