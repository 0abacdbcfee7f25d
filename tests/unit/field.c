/* field: built-in fields, output formats as text and JSON; view: groups and layouts. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "mews/field.h"
#include "mews/view.h"

/* ---- formats --------------------------------------------------------------------------------- */

static struct buf event;

struct reader {
    struct field_reader base;
    struct field_event fe;
    struct arena arena;
};

static void read_builtin(struct field_reader *self, const struct field_ref *ref, struct value *out)
{
    struct reader *r = (struct reader *)self;

    field_extract(ref, &r->fe, false, &r->arena, out);
}

static struct reader reader_of(const char *payload)
{
    struct reader r = {.base.read = read_builtin};

    buf_reset(&event);
    event_plugin_make(&event, 1506127469900617765, 999, span_of(payload));
    r.fe = (struct field_event){.bytes = event.data,
                                .number = 12,
                                .source = "stunt",
                                .first_ts = 1506127469900610357,
                                .previous_ts = 1506127469900610357,
                                .utc = true,
                                .time_mode = 'h'};
    return r;
}

static const char *print(const char *format, bool json)
{
    static struct buf out;
    struct field_catalogue *c = field_catalogue_new();
    struct syntax_error err = {0};
    struct output_format *o = output_compile(format, c, &err);
    struct reader r = reader_of("payload");

    r.base.arena = &r.arena;
    buf_reset(&out);
    if (!o)
        buf_addf(&out, "error at %zu: %s", (size_t)err.index, err.text);
    else if (!(json ? output_json(o, &r.base, event_ts(event.data), &out)
                    : output_text(o, &r.base, &out)))
        buf_adds(&out, "(nothing)");
    if (o)
        output_free(o);
    arena_fini(&r.arena);
    field_catalogue_free(c);
    return buf_str(&out);
}

Test(format, fields_literals_widths_and_calls)
{
    static const struct {
        const char *format, *text;
    } cases[] = {
        {"%evt.num", "12"},
        {"a %evt.num b", "a 12 b"},
        {"%evt.numx", "12x"},
        {"%evt.num.y", "12.y"},
        {"%evt.num%evt.num", "1212"},
        {"[%5evt.num]", "[12   ]"},
        {"[%1evt.num]", "[1]"},
        {"[%0evt.num]", "[12]"},
        {"%toupper(evt.source)", "STUNT"},
        {"%3toupper(evt.source)", "STU"},
        {"%len(evt.source)", "5"},
        {"%%", "%"},
        {"*", ""},
        {"%evt.time.s", "00:44:29"},
        {"%evt.time", "00:44:29.900617765"},
        {"%evt.datetime", "2017-09-23 00:44:29.900617765"},
        {"%evt.time.iso8601", "2017-09-23T00:44:29.900617765+0000"},
        {"%evt.rawtime", "1506127469900617765"},
        {"%evt.rawtime.ns", "900617765"},
        {"%evt.reltime", "000007408"},
        {"%evt.reltime.s", "0"},
        {"%evt.asynctype", "(nothing)"},
        {"x %evt.asynctype", "(nothing)"},
        {"*x %evt.asynctype", "x <NA>"},
        {"%evt.is_async", "false"},
        {"%evt.type", "pluginevent"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect_str_eq(print(cases[i].format, false), cases[i].text, "%s: %s", cases[i].format,
                         print(cases[i].format, false));
}

Test(format, mistakes_have_their_place)
{
    static const char *const bad[] = {"",          "%",          "a %",       "%12",
                                      "%nobody.x", "%evt.num %", "%toupper(", "%toupper(evt.num)"};

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        cr_expect(str_starts(print(bad[i], false), "error"), "“%s”: %s", bad[i],
                  print(bad[i], false));
    cr_expect(strstr(print("ab %nobody.x", false), "nobody.x"));
}

Test(format, json_has_the_fields_sorted_with_their_types)
{
    cr_expect_str_eq(print("%evt.source %evt.num %evt.is_async %evt.time", true),
                     "{\"evt.is_async\":false,\"evt.num\":12,\"evt.source\":\"stunt\",\"evt.time\":"
                     "1506127469900617765}");
    cr_expect_str_eq(print("*%evt.asynctype", true), "{\"evt.asynctype\":null}");
    cr_expect_str_eq(print("%evt.asynctype", true), "(nothing)");
    cr_expect_str_eq(print("*literal", true), "null");
    cr_expect_str_eq(print("%toupper(evt.source)", true), "{\"evt.source\":\"stunt\"}");
}

Test(format, json_text_is_ascii_whatever_the_bytes_are)
{
    struct buf b;

    buf_init(&b, 0);
    json_escape((struct span){"a\"\\\n\x01\xc3\xa9\xf0\x9f\x90\xa6\xff/", 13}, &b);
    cr_expect_str_eq(buf_str(&b), "\"a\\\"\\\\\\n\\u0001\\u00e9\\ud83d\\udc26\\ufffd/\"");
    buf_fini(&b);
}

Test(format, a_list_is_cut_as_falco_cuts_it)
{
    struct field_def def = {.type = VT_CHARBUF, .list = true};
    union elem many[500];
    struct value v = {.state = VALUE_OK, .type = VT_CHARBUF, .list = true, .n = 500, .many = many};
    struct buf b;

    buf_init(&b, 0);
    for (int i = 0; i < 500; i++)
        many[i].s = span_of("abcd");
    field_text(&def, &v, &b);
    cr_expect_eq(b.len, 1023);
    v.n = 0;
    buf_reset(&b);
    field_text(&def, &v, &b);
    cr_expect_str_eq(buf_str(&b), "()");
    buf_fini(&b);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static struct value text_value(const char *s)
{
    struct value v = {.state = VALUE_OK, .type = VT_CHARBUF, .n = 1};

    v.one.s = span_of(s);
    return v;
}

Test(groups, are_sorted_by_count_then_by_first_seen)
{
    static const char *const values[] = {"b", "a", "a", "c", "b", "d"};
    struct groups *g = groups_new(1, 1 << 20);
    struct group top[10];

    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct value v = text_value(values[i]);

        groups_add(g, &v, i + 1);
    }
    cr_assert_eq(groups_top(g, 0, 10, top), 4);
    cr_expect(span_is(top[0].keys[0].text, "b") && top[0].count == 2 && top[0].first == 1);
    cr_expect(span_is(top[1].keys[0].text, "a") && top[1].count == 2);
    cr_expect(span_is(top[2].keys[0].text, "c") && span_is(top[3].keys[0].text, "d"));
    cr_expect_eq(groups_events(g), 6);
    cr_assert_eq(groups_top(g, 3, 10, top), 1);
    cr_expect(span_is(top[0].keys[0].text, "d"));
    groups_free(g);
}

Test(groups, tell_no_value_failed_and_empty_apart)
{
    struct groups *g = groups_new(1, 1 << 20);
    struct value none = {.state = VALUE_NONE, .type = VT_CHARBUF},
                 failed = {.state = VALUE_FAILED, .type = VT_CHARBUF}, empty = text_value("");
    struct group top[10];
    unsigned seen = 0;

    groups_add(g, &none, 1);
    groups_add(g, &failed, 2);
    groups_add(g, &empty, 3);
    cr_assert_eq(groups_top(g, 0, 10, top), 3);
    for (int i = 0; i < 3; i++)
        seen |= 1u << top[i].keys[0].state;
    cr_expect_eq(seen, 1u << VALUE_NONE | 1u << VALUE_FAILED | 1u << VALUE_OK);
    groups_free(g);
}

Test(groups, count_a_list_once_for_each_distinct_element)
{
    struct groups *g = groups_new(2, 1 << 20);
    union elem many[3] = {{.s = span_of("x")}, {.s = span_of("y")}, {.s = span_of("x")}};
    struct value values[2] = {
        {.state = VALUE_OK, .type = VT_CHARBUF, .list = true, .n = 3, .many = many},
        text_value("k")};
    struct group top[10];

    groups_add(g, values, 1);
    groups_add(g, values, 2);
    cr_assert_eq(groups_top(g, 0, 10, top), 2);
    cr_expect_eq(top[0].count, 2);
    cr_expect_eq(top[1].count, 2);
    cr_expect(span_is(top[0].keys[1].text, "k"));
    groups_free(g);
}

Test(groups, what_finds_no_room_is_counted_as_others)
{
    struct groups *g = groups_new(1, 20000);
    struct group top[1];
    char name[32];

    for (unsigned i = 0; i < 10000; i++) {
        struct value v;

        snprintf(name, sizeof(name), "value-%u", i);
        v = text_value(name);
        groups_add(g, &v, i + 1);
    }
    cr_expect(groups_others(g) > 0);
    cr_expect_eq(groups_count(g) + groups_others(g), 10000);
    cr_expect_eq(groups_top(g, 0, 1, top), 1);
    groups_free(g);
}

/* ---- layouts --------------------------------------------------------------------------------- */

Test(layouts, those_that_come_along_are_all_good)
{
    static const char *const sources[] = {"k8s_audit",    "aws_cloudtrail", "github", "okta",
                                          "gcp_auditlog", "logs",           "tour"};
    struct str_list warnings = {0};
    struct layouts l = {0};
    char *dir = path_join(getenv("MEWS_SRCDIR"), "views");

    layouts_load(&l, dir, &warnings);
    cr_expect_eq(warnings.n, 0, "%s", warnings.n ? warnings.v[0] : "");
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        const struct layout *one = layout_for(&l, sources[i]);

        cr_assert(one, "%s", sources[i]);
        cr_expect(one->columns.n >= 2, "%s", sources[i]);
    }
    cr_expect_null(layout_for(&l, "nobody"));
    layouts_fini(&l);
    free(dir);
}

Test(layouts, a_line_of_a_known_source_is_recognised)
{
    static const struct {
        const char *line, *source;
    } cases[] = {
        {"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"verb\":\"get\"}", "k8s_audit"},
        {"{\"eventVersion\":\"1.08\",\"eventSource\":\"s3.amazonaws.com\",\"eventName\":"
         "\"GetObject\",\"awsRegion\":\"x\"}",
         "aws_cloudtrail"},
        {"{\"kind\":\"Event\",\"apiVersion\":\"v1\"}", NULL},
        {"{\"kind\":\"Event\"", NULL},
        {"plain words", NULL},
    };
    struct str_list warnings = {0};
    struct layouts l = {0};
    char *dir = path_join(getenv("MEWS_SRCDIR"), "views");

    layouts_load(&l, dir, &warnings);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct layout *one = layout_recognise(&l, span_of(cases[i].line));

        if (cases[i].source)
            cr_expect(one && str_eq(one->source, cases[i].source), "%s: %s", cases[i].line,
                      one ? one->source : "none");
        else
            cr_expect_null(one, "%s", cases[i].line);
    }
    layouts_fini(&l);
    free(dir);
}

Test(layouts, a_file_that_is_off_is_named_and_the_others_are_used)
{
    char dir[] = "/tmp/mews-test-XXXXXX", path[64];
    struct str_list warnings = {0};
    struct layouts l = {0};
    struct error err;
    static const struct {
        const char *name, *text;
    } files[] = {
        {"a.yaml", "source: good\ncolumns:\n  - {field: x.y, width: 7}\n"},
        {"b.yaml", "source: bad\ncolumns:\n  - {title: no field}\n"},
        {"c.yaml", "columns: [\n"},
        {"d.yaml", "title: no source\n"},
        {"e.txt", "not looked at"},
    };

    cr_assert(mkdtemp(dir));
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
        cr_assert_eq(file_replace(path, files[i].text, strlen(files[i].text), &err), SEV_OK);
    }
    layouts_load(&l, dir, &warnings);
    cr_expect_eq(warnings.n, 3);
    for (const char *const *name = (const char *const[]){"b.yaml", "c.yaml", "d.yaml", NULL}; *name;
         name++) {
        bool named = false;

        for (size_t i = 0; i < warnings.n; i++)
            named |= strstr(warnings.v[i], *name) != NULL;
        cr_expect(named, "%s", *name);
    }
    cr_assert(layout_for(&l, "good"));
    cr_expect_eq(layout_for(&l, "good")->columns.v[0].width, 7);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
        unlink(path);
    }
    rmdir(dir);
    layouts_fini(&l);
    str_list_fini(&warnings);
}
