/* filter: every row of filter-cases.tsv, clauses that read back, completion, regular expressions,
 * patterns. */
#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "mews/filter.h"

/* ---- a catalogue as fields.csv has it -------------------------------------------------------- */

static char *next_cell(char **at)
{
    char *start = *at, *p = start, *to = start;
    bool quoted = *p == '"';

    if (quoted) {
        for (p++; *p && !(*p == '"' && p[1] != '"'); p++) {
            p += *p == '"';
            *to++ = *p;
        }
        p += *p == '"';
    } else {
        while (*p && *p != ',')
            *to++ = *p++;
    }
    *at = *p ? p + 1 : p;
    *to = '\0';
    return start;
}

static enum value_type type_named(const char *name)
{
    for (unsigned t = 0; t < VT_COUNT; t++) {
        if (value_type_info(t)->name && str_eq(value_type_info(t)->name, name))
            return t;
    }
    return VT_DYN;
}

static void add_field(struct field_catalogue *c, char *line)
{
    char *cells[10];
    struct field_def def = {.builtin = -1};
    struct span suffix;

    for (int i = 0; i < 10; i++)
        cells[i] = next_cell(&line);
    if (field_find(c, span_of(cells[0]), &suffix))
        return;
    def.name = cells[0];
    def.type = type_named(cells[2]);
    def.list = str_eq(cells[5], "yes");
    def.arg_required = str_starts(cells[4], "required");
    def.arg_index =
        strstr(cells[4], "index") || strstr(cells[4], "level") || strstr(cells[4], "epoch");
    def.arg_key = strstr(cells[4], "key") || strstr(cells[4], "NAME") || strstr(cells[4], "name") ||
                  strstr(cells[4], "subsys");
    def.flags = (strstr(cells[6], "NO_RHS") ? FIELD_NO_RHS : 0) |
                (strstr(cells[6], "NO_TRANSFORMER") ? FIELD_NO_TRANSFORMER : 0) |
                (strstr(cells[4], ": .") || strstr(cells[4], "or .") ? FIELD_SUFFIX_ARG : 0);
    field_catalogue_add(c, &def);
}

static struct field_catalogue *falco_fields(void)
{
    struct field_catalogue *c = field_catalogue_new();
    char *path = xasprintf("%s/share/tables/fields.csv", getenv("MEWS_SRCDIR")), *line = NULL;
    FILE *f = fopen(path, "r");
    size_t cap = 0;

    cr_assert_not_null(f, "%s", path);
    while (getline(&line, &cap, f) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (!str_starts(line, "name,"))
            add_field(c, line);
    }
    free(line);
    fclose(f);
    free(path);
    return c;
}

/* ---- values as the rows bind them ------------------------------------------------------------ */

struct binding {
    char *name;
    enum value_type type;
    struct value v;
};

struct bound_reader {
    struct field_reader r;
    struct binding b[8];
    size_t n;
    struct arena arena;
};

static void read_bound(struct field_reader *self, const struct field_ref *ref, struct value *out)
{
    struct bound_reader *br = (struct bound_reader *)self;

    *out = (struct value){.type = (uint8_t)ref->def->type, .list = ref->def->list};
    for (size_t i = 0; i < br->n; i++) {
        if (str_eq(br->b[i].name, ref->text))
            *out = br->b[i].v;
    }
}

static void bind_elem(struct arena *a, enum value_type type, struct span text, union elem *e)
{
    struct buf raw;

    switch (value_type_info(type)->vclass) {
    case VC_TEXT:
    case VC_BYTES:
        buf_init(&raw, 0);
        for (size_t i = 0; i < text.n; i++) {
            if (text.n - i > 3 && text.p[i] == '\\' && text.p[i + 1] == 'x') {
                char hex[3] = {text.p[i + 2], text.p[i + 3], 0};

                buf_addc(&raw, (char)strtoul(hex, NULL, 16));
                i += 3;
            } else if (text.n - i > 1 && text.p[i] == '\\' && text.p[i + 1] == 'n') {
                buf_addc(&raw, '\n');
                i++;
            } else {
                buf_addc(&raw, text.p[i]);
            }
        }
        e->s = (struct span){arena_strndup(a, buf_str(&raw), raw.len), raw.len};
        buf_fini(&raw);
        break;
    case VC_ADDRESS:
    case VC_NETWORK:
        if (!ip_parse(text, &e->ip)) { /* a mapped address: only its own reader takes the dots */
            e->ip.len = 16;
            cr_assert_eq(inet_pton(AF_INET6, text.p, e->ip.b), 1);
        }
        break;
    case VC_BOOL:
        e->u = span_is(text, "true");
        break;
    case VC_DOUBLE:
        e->d = strtod(text.p, NULL);
        break;
    default:
        e->i = strtoll(text.p, NULL, 10);
    }
}

static void bind_one(struct bound_reader *br, char *spec)
{
    struct binding *b = &br->b[br->n++];
    char *eq = strchr(spec, '='), *colon, *list;
    char *value = eq ? eq + 1 : NULL;

    if (eq)
        *eq = '\0';
    colon = strchr(spec, ':');
    *colon = '\0';
    list = strchr(colon + 1, ':');
    if (list)
        *list = '\0';
    b->name = spec;
    b->type = type_named(colon + 1);
    b->v = (struct value){
        .type = (uint8_t)b->type, .list = list != NULL, .state = value ? VALUE_OK : VALUE_NONE};
    if (!value)
        return;
    if (!list) {
        b->v.n = 1;
        bind_elem(&br->arena, b->type, span_of(value), &b->v.one);
        return;
    }
    b->v.many = arena_alloc(&br->arena, 16 * sizeof(union elem));
    for (char *item = *value ? value : NULL; item; b->v.n++) {
        char *bar = strchr(item, '|');

        if (bar)
            *bar = '\0';
        bind_elem(&br->arena, b->type, span_of(item), &b->v.many[b->v.n]);
        item = bar ? bar + 1 : NULL;
    }
}

/* ---- the rows -------------------------------------------------------------------------------- */

struct row {
    char *id, *kind, *expression, *bindings, *expect, *code;
};

static void unescape_cell(char *s)
{
    char *at;

    while ((at = strstr(s, "<TAB>")))
        *at = '\t', memmove(at + 1, at + 5, strlen(at + 5) + 1);
    while ((at = strstr(s, "<LF>")))
        *at = '\n', memmove(at + 1, at + 4, strlen(at + 4) + 1);
}

static size_t for_each_row(const char *kind, void (*check)(struct row *))
{
    char *path = xasprintf("%s/tests/data/filter-cases.tsv", getenv("MEWS_SRCDIR")), *line = NULL;
    FILE *f = fopen(path, "r");
    size_t cap = 0, n = 0;

    cr_assert_not_null(f);
    while (getline(&line, &cap, f) > 0) {
        char *at = line, *cells[7];
        struct row r;

        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; i < 7; i++) {
            cells[i] = strsep(&at, "\t");
            cells[i] = cells[i] ? cells[i] : (char *)"";
        }
        r = (struct row){cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]};
        if (!str_eq(r.kind, kind))
            continue;
        unescape_cell(r.expression);
        check(&r);
        n++;
    }
    free(line);
    free(path);
    fclose(f);
    return n;
}

static void check_parse(struct row *r)
{
    struct syntax_error err = {0};
    bool ok = filter_parses(r->expression, strlen(r->expression), 0, &err);
    char got[60];

    if (str_eq(r->expect, "valid")) {
        cr_expect(ok, "%s: %s: %s at %u", r->id, r->expression, err.text, err.index);
        return;
    }
    snprintf(got, sizeof(got), "%s@%u/%u/%u", err.code, err.index, err.line, err.column);
    cr_expect(!ok && str_eq(got, r->code), "%s: %s: want %s, got %s", r->id, r->expression, r->code,
              ok ? "valid" : got);
}

Test(filter, parses_every_row_as_the_reference_does)
{
    cr_assert_eq(for_each_row("parse", check_parse), 139);
}

static struct field_catalogue *fields;

/* Rows about fields whose arguments and comparisons have rules of their own; they come with those
 * fields. */
static bool needs_special_fields(const char *id)
{
    static const char *const ids[] = {"C007", "C008", "C011", "C094",
                                      "C095", "C096", "C097", "C099"};

    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        if (str_eq(ids[i], id))
            return true;
    }
    return false;
}

static void check_compile(struct row *r)
{
    static const struct filter_options strict = {.strict = true};
    struct syntax_error err = {0};
    struct filter *f;

    if (needs_special_fields(r->id))
        return;
    f = filter_compile(r->expression, strlen(r->expression), fields, &strict, &err);
    if (str_eq(r->expect, "valid"))
        cr_expect(f, "%s: %s: %s", r->id, r->expression, err.text);
    else
        cr_expect(!f && str_eq(err.code, r->code), "%s: %s: want %s, got %s (%s)", r->id,
                  r->expression, r->code, f ? "valid" : err.code, err.text);
    filter_free(f);
}

Test(filter, compiles_every_row_as_the_reference_does)
{
    fields = falco_fields();
    cr_assert_eq(for_each_row("compile", check_compile), 100);
    field_catalogue_free(fields);
}

static void check_eval(struct row *r)
{
    struct bound_reader br = {.r.read = read_bound};
    struct field_catalogue *c = field_catalogue_new();
    struct syntax_error err = {0};
    struct filter *f;
    char *specs = r->bindings, *spec;
    const char *want = str_starts(r->code, "prefer:") ? r->code + 7 : r->expect;

    br.r.arena = &br.arena;
    while ((spec = strsep(&specs, ";"))) {
        struct field_def def = {.builtin = -1, .arg_key = true, .arg_index = false};
        struct span suffix;
        char *name;

        bind_one(&br, spec);
        name = xstrndup(spec, strcspn(spec, "["));
        def.name = name;
        def.type = br.b[br.n - 1].type;
        def.list = br.b[br.n - 1].v.list;
        if (!field_find(c, span_of(name), &suffix))
            field_catalogue_add(c, &def);
        free(name);
    }
    f = filter_compile(r->expression, strlen(r->expression), c, NULL, &err);
    if (str_eq(want, "compile error"))
        cr_expect_null(f, "%s: %s", r->id, r->expression);
    else if (!f)
        cr_expect(false, "%s: %s: %s %s", r->id, r->expression, err.code, err.text);
    else
        cr_expect(filter_match(f, &br.r) == str_eq(want, "true"), "%s: %s with %s: want %s", r->id,
                  r->expression, r->bindings, want);
    filter_free(f);
    arena_fini(&br.arena);
    field_catalogue_free(c);
}

Test(filter, evaluates_every_row_as_the_reference_does)
{
    cr_assert_eq(for_each_row("eval", check_eval), 193);
}

Test(filter, gives_the_preferred_result_where_the_reference_has_an_anomaly)
{
    cr_assert_eq(for_each_row("anomaly", check_eval), 11);
}

/* ---- clauses out of values ------------------------------------------------------------------- */

static const struct field_def text_def = {.name = "t.text", .type = VT_CHARBUF, .builtin = -1};
static const struct field_def list_def = {
    .name = "t.list", .type = VT_CHARBUF, .list = true, .builtin = -1};
static const struct field_def net_def = {.name = "t.net", .type = VT_IPNET, .builtin = -1};

/* The clause made of a value must match that value. */
static void clause_holds(const struct field_def *def, const struct value *v, int64_t element)
{
    struct bound_reader br = {.r.read = read_bound, .n = 1};
    struct field_catalogue *c = field_catalogue_new();
    struct field_ref ref = {.def = def, .text = def->name};
    struct syntax_error err = {0};
    struct buf clause;
    struct filter *f;

    br.r.arena = &br.arena;
    br.b[0] = (struct binding){(char *)(uintptr_t)def->name, def->type, *v};
    field_catalogue_add(c, def);
    buf_init(&clause, 0);
    filter_clause(&ref, v, element, &clause);
    f = filter_compile(buf_str(&clause), clause.len, c, NULL, &err);
    cr_assert(f, "%s: %s", buf_str(&clause), err.text);
    cr_assert(filter_match(f, &br.r), "%s", buf_str(&clause));
    filter_free(f);
    buf_fini(&clause);
    arena_fini(&br.arena);
    field_catalogue_free(c);
}

static struct value text_value(const char *p, size_t n)
{
    struct value v = {.state = VALUE_OK, .type = VT_CHARBUF, .n = 1};

    v.one.s = (struct span){p, n};
    return v;
}

Test(filter, a_clause_quotes_any_bytes_so_that_they_work)
{
    static const char *const texts[] = {
        "",    "plain",         "a b",      "it's \"so\"", "back\\slash\\",
        "\\",  "tab\t\n\r\b\f", "and",      "not",         "anyof",
        "[x]", "\x1b[31m",      "\xff\xfe", "caf\xc3\xa9", "\xe2\x80\xae",
        "(",   "a=b,c",         "!",        "a\\'",        "\"",
        "'",   "\\x41"};
    char every[256];

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct value v = text_value(texts[i], strlen(texts[i]));

        clause_holds(&text_def, &v, -1);
    }
    for (int b = 1; b < 256; b++) {
        struct value v;

        every[b - 1] = (char)b;
        v = text_value(every + b - 1, 1);
        clause_holds(&text_def, &v, -1);
    }
    struct value v = text_value(every, 255);
    clause_holds(&text_def, &v, -1);
}

Test(filter, a_clause_on_a_list_takes_an_element_or_the_whole)
{
    union elem items[2] = {{.s = {"a,b", 3}}, {.s = {"x", 1}}};
    struct value v = {.state = VALUE_OK, .type = VT_CHARBUF, .list = true, .n = 2, .many = items};
    struct field_ref ref = {.def = &list_def, .text = "t.list"};
    struct buf b;

    buf_init(&b, 0);
    filter_clause(&ref, &v, 1, &b);
    cr_assert_str_eq(buf_str(&b), "t.list intersects (x)");
    buf_reset(&b);
    filter_clause(&ref, &v, -1, &b);
    cr_assert_str_eq(buf_str(&b), "t.list in (\"a,b\", x)");
    clause_holds(&list_def, &v, 0);
    clause_holds(&list_def, &v, -1);
    v.state = VALUE_NONE;
    buf_reset(&b);
    filter_clause(&ref, &v, -1, &b);
    cr_assert_str_eq(buf_str(&b), "not t.list exists");
    clause_holds(&list_def, &v, -1);
    buf_fini(&b);
}

Test(filter, a_clause_on_a_network_field_names_the_very_address)
{
    struct value v = {.state = VALUE_OK, .type = VT_IPNET, .n = 1};

    ip_parse(span_of("2001:db8::7"), &v.one.ip);
    clause_holds(&net_def, &v, -1);
    ip_parse(span_of("10.1.2.3"), &v.one.ip);
    clause_holds(&net_def, &v, -1);
}

static const char *joined(const char *filter, const char *clause, enum filter_join how)
{
    static struct buf b;

    buf_reset(&b);
    filter_join(filter, clause, how, &b);
    return buf_str(&b);
}

Test(filter, joins_keep_their_meaning)
{
    cr_assert_str_eq(joined("", "a.b = 1", FILTER_AND), "a.b = 1");
    cr_assert_str_eq(joined("a.b = 1 or c.d = 2", "e.f = 3", FILTER_AND),
                     "(a.b = 1 or c.d = 2) and e.f = 3");
    cr_assert_str_eq(joined("a.b = 1 and c.d = 2", "e.f = 3", FILTER_OR),
                     "a.b = 1 and c.d = 2 or e.f = 3");
    cr_assert_str_eq(joined("a.b = 1", "not c.d exists", FILTER_AND_NOT), "a.b = 1 and c.d exists");
    cr_assert_str_eq(joined("a.b = 1", "c.d = 2", FILTER_AND_NOT), "a.b = 1 and not c.d = 2");
    cr_assert_str_eq(joined("a.b = 1", "c.d = 2", FILTER_ONLY), "c.d = 2");
    cr_assert_str_eq(joined("", "c.d = 2", FILTER_AND_NOT), "not c.d = 2");
}

Test(filter, canonical_text_reads_back_to_itself)
{
    static const char *const texts[] = {
        "evt.num=1 or(evt.num>2 and not evt.source='a b')",
        "not (evt.num = 1 or evt.num = 2)",
        "evt.source in (a, 'b c') and toupper(evt.source) contains X",
        "evt.source = anyof (a, b) or evt.source exists",
        "evt.source = val(evt.type) and len(evt.source) >= 2",
    };
    struct field_catalogue *c = field_catalogue_new();

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct filter *f = filter_compile(texts[i], strlen(texts[i]), c, NULL, NULL), *g;
        struct buf once, twice;

        buf_init(&once, 0);
        buf_init(&twice, 0);
        cr_assert(f, "%s", texts[i]);
        filter_text(f, &once);
        g = filter_compile(buf_str(&once), once.len, c, NULL, NULL);
        cr_assert(g, "%s", buf_str(&once));
        filter_text(g, &twice);
        cr_assert_str_eq(buf_str(&once), buf_str(&twice));
        filter_free(f);
        filter_free(g);
        buf_fini(&once);
        buf_fini(&twice);
    }
    field_catalogue_free(c);
}

/* ---- for whoever types ----------------------------------------------------------------------- */

static bool offers(const char *text, const char *candidate)
{
    struct field_catalogue *c = field_catalogue_new();
    struct arena arena = {0};
    struct filter_candidate *found;
    size_t start,
        n = filter_complete(text, strlen(text), strlen(text), c, NULL, &arena, &found, &start);
    bool hit = false;

    for (size_t i = 0; i < n; i++)
        hit |= str_eq(found[i].text, candidate);
    arena_fini(&arena);
    field_catalogue_free(c);
    return hit;
}

Test(filter, completion_offers_what_fits_the_place)
{
    cr_assert(offers("", "evt.num"));
    cr_assert(offers("evt.so", "evt.source"));
    cr_assert(!offers("evt.so", "evt.num"));
    cr_assert(offers("evt.source ", "contains"));
    cr_assert(offers("evt.num ", ">="));
    cr_assert(!offers("evt.num ", "contains"));
    cr_assert(offers("evt.num = 1 ", "and "));
    cr_assert(offers("evt.num = 1 and ev", "evt.num"));
    cr_assert(offers("(evt.num = 1 or evt.ty", "evt.type"));
    cr_assert(offers("evt.type = opena", "openat"));
    cr_assert(!offers("evt.source = evt.n", "evt.num"), "a value is text");
    cr_assert(offers("evt.type in (open, openat2, clo", "close"), "the third of a list too");
    cr_assert(offers("evt.type in (open, ", "close"));
    cr_assert(offers("evt.type = oneof (open, clo", "close"));
    cr_assert(offers("evt.type in (open, close) ", "and "));
    cr_assert(offers("evt.type = anyof ", "and "), "a text like any other without a list");
}

Test(filter, a_misspelt_field_is_answered_with_the_nearest)
{
    struct field_catalogue *c = field_catalogue_new();
    struct syntax_error err;

    cr_assert_null(filter_compile("evt.num=1 and evt.sorce = x", 27, c, NULL, &err));
    cr_assert_str_eq(err.code, "C01");
    cr_assert_eq(err.index, 14);
    cr_assert(strstr(err.text, "evt.source"), "%s", err.text);
    field_catalogue_free(c);
}

static bool regex_matches(const char *pattern, const char *text)
{
    struct field_catalogue *c = field_catalogue_new();
    struct bound_reader br = {.r.read = read_bound, .n = 1};
    struct buf f;
    struct filter *filter;
    bool hit;

    br.r.arena = &br.arena;
    br.b[0] =
        (struct binding){(char *)(uintptr_t) "t.text", VT_CHARBUF, text_value(text, strlen(text))};
    field_catalogue_add(c, &text_def);
    buf_init(&f, 0);
    buf_adds(&f, "t.text regex ");
    filter_quote(span_of(pattern), &f);
    filter = filter_compile(buf_str(&f), f.len, c, NULL, NULL);
    cr_assert(filter, "%s", buf_str(&f));
    hit = filter_match(filter, &br.r);
    filter_free(filter);
    buf_fini(&f);
    arena_fini(&br.arena);
    field_catalogue_free(c);
    return hit;
}

Test(filter, regex_speaks_the_posix_dialect)
{
    cr_assert(regex_matches("a*?", ""), "a second repetition repeats the first, it is not lazy");
    cr_assert(regex_matches("(ab){2}{2}", "abababab"));
    cr_assert(regex_matches("a{", "a{"));
    cr_assert(regex_matches("x{,3}", "x{,3}"));
    cr_assert(regex_matches("[]a]+", "a]"));
    cr_assert(regex_matches("[[:digit:]-]+", "1-2"));
    cr_assert(regex_matches("\\x41\\012", "A\n"));
    cr_assert(regex_matches("[^x]", "\n"));
    cr_assert(!regex_matches(".", "\n"));
    cr_assert(regex_matches("|a", ""));
    cr_assert(regex_matches("\\.\\*", ".*"));
}

Test(filter, regex_cannot_run_away)
{
    char text[64];

    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    cr_assert(!regex_matches("(a*)*(a*)*(a*)*(a*)*b", text));
}

/* ---- what can match at all ------------------------------------------------------------------- */

static bool may(const char *text, uint16_t type, uint16_t call)
{
    struct field_catalogue *c = field_catalogue_new();
    struct syntax_error err;
    struct filter *f = filter_compile(text, strlen(text), c, NULL, &err);
    bool yes;

    cr_assert(f, "%s: %s", text, err.text);
    yes = filter_may_match(f, type, call);
    filter_free(f);
    field_catalogue_free(c);
    return yes;
}

Test(types, what_no_event_of_a_type_can_match)
{
    enum { OPEN = 3, READ = 7, CALL_MADVISE = 139 };

    cr_expect(may("evt.type = open", OPEN, 0));
    cr_expect(!may("evt.type = open", READ, 0));
    cr_expect(!may("not evt.type = open", OPEN, 0));
    cr_expect(may("not evt.type = open", READ, 0));
    cr_expect(!may("evt.type = open and evt.num > 5", READ, 0));
    cr_expect(may("evt.type = open or evt.num > 5", READ, 0));
    cr_expect(!may("not (evt.type = read or evt.num > 5)", READ, 0));
    cr_expect(may("not (evt.type = read and evt.num > 5)", READ, 0));
    cr_expect(!may("evt.type in (open, close)", READ, 0));
    cr_expect(may("evt.type exists", READ, 0));
    cr_expect(may("evt.type = madvise", EVENT_GENERIC_X, 0), "its name is in its parameters");
    cr_expect(may("evt.type = madvise", EVENT_GENERIC_X, CALL_MADVISE));
    cr_expect(!may("evt.type = open", EVENT_GENERIC_X, CALL_MADVISE));
    cr_expect(may("evt.type = open", 900, 0), "a type that nobody knows has no name to go by");
    cr_expect(may("evt.type = container", EVENT_ASYNC, 0), "async events have names of their own");
}
