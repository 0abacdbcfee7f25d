/* event: checks of bytes that came from outside, parameters, values; capture: blocks. */
#include <criterion/criterion.h>

#include "mews/capture.h"

static struct buf made;

static char *make(const char *payload, size_t n)
{
    buf_reset(&made);
    event_plugin_make(&made, 5, 999, (struct span){payload, n});
    return made.data;
}

Test(event, the_example_of_the_abi_is_made_byte_by_byte)
{
    static const unsigned char want[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0x29, 0,    0,    0,    0x42, 1,    2,    0,    0,    0,    4,    0,
        0,    0,    3,    0,    0,    0,    0xe7, 3,    0,    0,    'h',  'i',  '!'};

    buf_reset(&made);
    event_plugin_make(&made, TS_NONE, 999, span_of("hi!"));
    cr_assert_eq(made.len, sizeof(want));
    cr_assert_arr_eq(made.data, want, sizeof(want));
    cr_assert_eq(event_check(made.data, made.len, NULL), SEV_OK);
    cr_assert(span_is(event_payload(made.data), "hi!"));
    cr_assert_eq(event_plugin_id(made.data), 999);
}

Test(event, every_cut_and_every_wrong_length_is_refused)
{
    char *e = make("payload", 7);
    uint32_t len = event_len(e);
    struct error err;

    for (size_t n = 0; n < len; n++)
        cr_assert_eq(event_check(e, n, &err), SEV_FAILED, "cut at %zu", n);
    put_u32(e + 30, 8);
    cr_assert_eq(event_check(e, len, &err), SEV_FAILED);
    cr_assert_eq(err.offset, 30, "the offset names the length that is off");
    put_u32(e + 30, 6);
    cr_assert_eq(event_check(e, len, &err), SEV_FAILED, "the sum must be exact");
    put_u32(e + 30, UINT32_MAX);
    cr_assert_eq(event_check(e, len, &err), SEV_FAILED);
    put_u32(e + 30, 7);
    put_u32(e + 22, 0x40000000);
    cr_assert_eq(event_check(e, len, &err), SEV_FAILED, "a count that would overflow");
    put_u32(e + 22, 2);
    put_u32(e + 16, 0xffffffff);
    cr_assert_eq(event_check(e, len, &err), SEV_FAILED);
}

Test(event, types_know_their_names)
{
    cr_assert_str_eq(event_type_get(322)->name, "pluginevent");
    cr_assert_str_eq(event_type_get(307)->name, "openat");
    cr_assert_str_eq(event_type_get(307)->category, "file");
    cr_assert_null(event_type_get(323));
    cr_assert_null(event_type_get(454));
    cr_assert_null(event_type_get(65535));
    cr_assert(event_name_known(span_of("openat")));
    cr_assert(event_name_known(span_of("pluginevent")));
    cr_assert(event_name_known(span_of("mlockall")), "a system call without an event of its own");
    cr_assert(!event_name_known(span_of("opena")));
    cr_assert(!event_name_known(span_of("openatx")));
    cr_assert(!event_name_known(span_of("")));
}

Test(event, addresses_are_read_by_their_form)
{
    struct ip_bytes ip;
    char out[48];

    cr_assert(ip_parse(span_of("10.0.0.1"), &ip));
    cr_assert_eq(ip.len, 4);
    cr_assert(ip_parse(span_of("2001:db8::1"), &ip));
    ip_text(&ip, out);
    cr_assert_str_eq(out, "2001:db8::1");
    cr_assert(!ip_parse(span_of("::ffff:1.2.3.4"), &ip), "a dot selects the IPv4 reader");
    cr_assert(!ip_parse(span_of("10.0.0"), &ip));
}

Test(capture, the_minimal_file_of_the_facts_is_read)
{
    static const unsigned char file[] = {
        0x0a, 0x0d, 0x0d, 0x0a, 0x1c, 0,    0,    0,    0x4d, 0x3c, 0x2b, 0x1a, 1,    0,
        2,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1c, 0,    0,    0,
        0x21, 2,    0,    0,    0x40, 0,    0,    0,    0,    0,    0,    0,    0x2a, 0x36,
        0xfe, 0x9c, 0x97, 0x17, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x31, 0,
        0,    0,    0x42, 1,    2,    0,    0,    0,    4,    0,    0,    0,    0x0b, 0,
        0,    0,    3,    0,    0,    0,    '{',  '"',  'h',  'e',  'l',  'l',  'o',  '"',
        ':',  '0',  '}',  0,    0x40, 0,    0,    0};
    struct span s = {(const char *)file, sizeof(file)};
    struct capture_block b;
    struct error err;

    cr_assert_eq(capture_block_read(s, 0, &b, &err), CAPTURE_BLOCK);
    cr_assert_eq(b.type, CAPTURE_SECTION);
    s.p += b.len, s.n -= b.len;
    for (size_t cut = 0; cut < s.n; cut++)
        cr_assert_eq(capture_block_read((struct span){s.p, cut}, 28, &b, &err), CAPTURE_NEED_MORE);
    cr_assert_eq(capture_block_read(s, 28, &b, &err), CAPTURE_BLOCK);
    cr_assert_eq(event_plugin_id(b.event.p), 3);
    cr_assert(span_is(event_payload(b.event.p), "{\"hello\":0}"));
    cr_assert_eq(b.event_at, 10);
}

Test(capture, a_block_that_lies_is_named_with_its_offset)
{
    struct buf out;
    struct capture_block b;
    struct error err;

    buf_init(&out, 0);
    capture_add_event(&out, make("abc", 3), 0, 0);
    out.data[out.len - 4] ^= 4;
    cr_assert_eq(capture_block_read((struct span){out.data, out.len}, 1000, &b, &err),
                 CAPTURE_DAMAGED);
    cr_assert(err.has_offset && err.offset == 1000);
    out.data[out.len - 4] ^= 4;
    put_u32(out.data + 4, 8);
    cr_assert_eq(capture_block_read((struct span){out.data, out.len}, 0, &b, &err),
                 CAPTURE_DAMAGED);
    buf_fini(&out);
}

Test(capture, what_is_written_is_read_back)
{
    struct buf out;
    struct capture_block b;
    struct span s;

    buf_init(&out, 0);
    capture_add_header(&out, "host", 0);
    cr_assert_eq(out.len, CAPTURE_HEADER_LEN);
    capture_add_event(&out, make("x", 1), 3, 1);
    capture_add_mark(&out, span_of("{}"));
    s = (struct span){out.data + CAPTURE_HEADER_LEN, out.len - CAPTURE_HEADER_LEN};
    cr_assert_eq(capture_block_read(s, 0, &b, NULL), CAPTURE_BLOCK);
    cr_assert_eq(b.type, CAPTURE_EVENT_LARGE_FLAGS);
    cr_assert_eq(b.flags, 1);
    cr_assert_eq(b.cpu, 3);
    cr_assert_eq(b.len % 4, 0);
    s.p += b.len, s.n -= b.len;
    cr_assert_eq(capture_block_read(s, 0, &b, NULL), CAPTURE_BLOCK);
    cr_assert_eq(b.type, CAPTURE_MARK);
    buf_fini(&out);
}
