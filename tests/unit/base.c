/* base: buffers, text, numbers, JSON positions. */
#include <criterion/criterion.h>

#include "mews/base.h"

Test(base, a_buffer_never_grows_past_its_maximum_and_says_so)
{
    struct buf b;

    buf_init(&b, 10);
    cr_assert(buf_adds(&b, "12345678"));
    cr_assert(!buf_adds(&b, "abc"));
    cr_assert(b.failed);
    cr_assert_str_eq(buf_str(&b), "12345678");
    cr_assert(!buf_addc(&b, 'x'), "once failed, later adds are dropped too");
    buf_fini(&b);
}

Test(base, error_context_goes_in_front)
{
    struct error e;

    error_set(&e, ERR_IO, "no %s", "luck");
    error_context(&e, "file %d", 7);
    cr_assert_str_eq(e.text, "file 7: no luck");
    cr_assert_eq(e.code, ERR_IO);
}

Test(base, lists_of_texts_are_taken_item_by_item)
{
    const struct span list = {"one\0\0three", 10}; /* an empty one; the last lacks its NUL */
    struct span rest = list, item;

    cr_assert(span_is(span_take(&rest), "one"));
    cr_assert(span_is(span_take(&rest), ""));
    cr_assert(span_is(span_take(&rest), "three"));
    cr_assert_eq(rest.n, 0);
    cr_assert(span_is(span_take(&rest), ""));
    cr_assert_eq(span_items(list), 3);
    cr_assert_eq(span_items(span_of("")), 0);
    cr_assert(span_item(list, 2, &item) && span_is(item, "three"));
    cr_assert(!span_item(list, 3, &item));
}

Test(base, parse_u64_takes_plain_decimals_only)
{
    static const char *const bad[] = {"",  "01", "-1", "+1", " 1", "1 ", "18446744073709551616",
                                      "1a"};
    uint64_t v;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        cr_assert(!parse_u64(span_of(bad[i]), &v), "%s", bad[i]);
    cr_assert(parse_u64(span_of("18446744073709551615"), &v));
    cr_assert_eq(v, UINT64_MAX);
    cr_assert(parse_u64(span_of("0"), &v));
    cr_assert_eq(v, 0);
}

Test(base, parse_size_knows_units_and_refuses_overflow)
{
    struct error err;
    uint64_t v;

    cr_assert_eq(parse_size("512M", &v, &err), SEV_OK);
    cr_assert_eq(v, 512ull << 20);
    cr_assert_eq(parse_size("3", &v, &err), SEV_OK);
    cr_assert_eq(v, 3);
    cr_assert_eq(parse_size("99999999999T", &v, &err), SEV_FAILED);
    cr_assert_eq(parse_size("5X", &v, &err), SEV_FAILED);
    cr_assert_eq(parse_size("", &v, &err), SEV_FAILED);
}

Test(base, utf8_refuses_overlong_surrogate_and_cut_sequences)
{
    static const char *const bad[] = {
        "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe2\x82", "\xff"};
    uint32_t cp;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        cr_assert_eq(utf8_decode(bad[i], strlen(bad[i]), &cp), 0, "case %zu", i);
    cr_assert_eq(utf8_decode("\xf0\x9f\x98\x80", 4, &cp), 4);
    cr_assert_eq(cp, 0x1f600);
}

static const char *visible(const char *s, size_t n)
{
    static struct buf b;

    buf_reset(&b);
    text_make_visible(&b, s, n);
    return buf_str(&b);
}

Test(base, what_is_unsafe_is_spelt_and_never_sent)
{
    cr_assert_str_eq(visible("a\x1b[31mb", 7), "a\\x1b[31mb");
    cr_assert_str_eq(visible("\n\t\x07\x00", 4), "\\n\\t\\a\\x00");
    cr_assert_str_eq(visible("x\xe2\x80\xaey", 5), "x\\u202ey");
    cr_assert_str_eq(visible("\xff\xc3\xa9", 3), "\\xff\xc3\xa9");
    cr_assert_str_eq(visible("\xc2\x9b", 2), "\\u009b", "C1 control");
    cr_assert_str_eq(visible("\xf3\xa0\x80\x81", 4), "\\U0e0001", "tag character");
}

Test(base, nearest_finds_misspelt_names_and_nothing_far)
{
    static const char *const names[] = {"openat", "open", "close"};

    cr_assert_str_eq(text_nearest("opneat", names, 3), "openat");
    cr_assert_null(text_nearest("zzzzzzz", names, 3));
}

Test(base, base64_round_trips_and_refuses_spare_bits)
{
    struct buf b, back;

    buf_init(&b, 0);
    buf_init(&back, 0);
    base64_encode(&b, "\x00\xff\x10z", 4);
    cr_assert_str_eq(buf_str(&b), "AP8Qeg==");
    cr_assert(base64_decode(&back, span_of("AP8Qeg==")));
    cr_assert_eq(back.len, 4);
    cr_assert(base64_decode(&back, span_of("AP8Qeg")));
    cr_assert(!base64_decode(&back, span_of("aGl=")));
    cr_assert(!base64_decode(&back, span_of("a")));
    buf_fini(&b);
    buf_fini(&back);
}

static struct json_scan scan;

static bool scan_text(const char *text)
{
    json_scan_init(&scan);
    return json_scan(&scan, text, strlen(text), 1000);
}

Test(base, json_scan_keeps_order_positions_and_pointers)
{
    static const char text[] = "{\"a\": [1, {\"b~/c\": \"x\\u00e9\\n\"}], \"d\":null}";
    struct buf out;
    uint32_t n;

    buf_init(&out, 0);
    cr_assert(scan_text(text));
    n = json_scan_find(&scan, text, span_of("/a/1/b~0~1c"));
    cr_assert_neq(n, UINT32_MAX);
    json_scan_text(&scan, text, n, &out);
    cr_assert_str_eq(buf_str(&out), "x\xc3\xa9\n");
    buf_reset(&out);
    json_scan_pointer(&scan, text, n, &out);
    cr_assert_str_eq(buf_str(&out), "/a/1/b~0~1c");
    cr_assert_eq(json_scan_find(&scan, text, span_of("/a/01")), UINT32_MAX);
    cr_assert_eq(json_scan_find(&scan, text, span_of("/a/2")), UINT32_MAX);
    cr_assert_eq(json_scan_find(&scan, text, span_of("")), 0);
    json_scan_fini(&scan);
    buf_fini(&out);
}

Test(base, json_scan_keeps_what_came_before_a_mistake)
{
    static const char text[] = "{\"a\":1,\"b\":{\"c\":tru";

    cr_assert(!scan_text(text));
    cr_assert_neq(json_scan_find(&scan, text, span_of("/a")), UINT32_MAX);
    cr_assert_eq(scan.nodes.v[0].next, scan.nodes.n);
    json_scan_fini(&scan);
}

Test(base, json_scan_refuses_what_is_no_json)
{
    static const char *const bad[] = {"",    "{",     "[1,]", "{\"a\"}", "{a:1}",     "01x",
                                      "\"a", "[1 2]", "nul",  "1 2",     "{\"a\":1,}"};

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        cr_assert(!scan_text(bad[i]), "%s", bad[i]);
        json_scan_fini(&scan);
    }
}

Test(base, json_scan_bounds_depth_and_nodes)
{
    char deep[2001];

    memset(deep, '[', 2000);
    deep[2000] = '\0';
    cr_assert(!scan_text(deep));
    json_scan_fini(&scan);
    json_scan_init(&scan);
    cr_assert(!json_scan(&scan, "[1,2,3,4,5]", 11, 3));
    cr_assert_leq(scan.nodes.n, 3);
    json_scan_fini(&scan);
}

Test(base, times_print_in_every_form)
{
    char out[40];

    cr_assert_str_eq(time_format(1506127469900617765u, TIME_DATETIME, true, out),
                     "2017-09-23 00:44:29.900617765");
    cr_assert_str_eq(time_format(1506127469900617765u, TIME_ISO8601, false, out),
                     "2017-09-23T00:44:29.900617765+0000");
    cr_assert_str_eq(time_format(0, TIME_SHORT, true, out), "01-01 00:00:00");
}

Test(base, numbers_print_for_people)
{
    char out[32];

    cr_assert_str_eq(text_count(1234567, out), "1,234,567");
    cr_assert_str_eq(text_count(12, out), "12");
    cr_assert_str_eq(text_bytes(3889, out), "3.9 kB");
    cr_assert_str_eq(text_bytes(999, out), "999 B");
    cr_assert_str_eq(text_duration(6100000, out), "6.1 ms");
}

Test(time, people_type_times_in_many_forms)
{
    static const struct {
        const char *text;
        uint64_t ts;
    } good[] = {
        {"2024-05-01", 1714521600000000000u},
        {"2024-05-01 12:30", 1714566600000000000u},
        {"2024-05-01T12:30:05.25Z", 1714566605250000000u},
        {"12:30:05", 1714566605000000000u},
        {"12:30", 1714566600000000000u},
        {"+5m", 1714600000000000000u + 300000000000u},
        {"-1.5s", 1714600000000000000u - 1500000000u},
        {"+200ms", 1714600000000000000u + 200000000u},
        {"+1d", 1714600000000000000u + 86400000000000u},
    };
    static const char *const bad[] = {"",       "+",         "yesterday", "5m",
                                      "12:30x", "+5parsecs", "2024-13-01"};
    uint64_t ts;

    for (size_t i = 0; i < COUNT_OF(good); i++) {
        cr_assert(time_parse(good[i].text, 1714600000000000000u, true, &ts), "%s", good[i].text);
        cr_expect_eq(ts, good[i].ts, "%s: %llu", good[i].text, (unsigned long long)ts);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        cr_expect(!time_parse(bad[i], 1714600000000000000u, true, &ts), "%s", bad[i]);
}

Test(digest, sha_256_of_known_texts)
{
    char out[65];
    struct sha256 s;

    sha256_init(&s);
    sha256_end(&s, out);
    cr_expect_str_eq(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_init(&s);
    for (int i = 0; i < 1000000; i++)
        sha256_add(&s, "a", 1);
    sha256_end(&s, out);
    cr_expect_str_eq(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
