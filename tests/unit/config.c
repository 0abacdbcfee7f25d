/* config: the command line's forms, YAML, sessions over the protocol; rpc: frames and values. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mews/config.h"

static const char *const clear[] = {"MEWS_PLUGIN_DIR", "SYSDIG_PLUGIN_DIR"};

static void fresh(struct session_spec *s)
{
    for (size_t i = 0; i < COUNT_OF(clear); i++)
        unsetenv(clear[i]);
    spec_init(s);
}

Test(config, a_plugin_argument_is_a_library_and_its_configuration)
{
    char dir[] = "/tmp/mews-test-XXXXXX", path[64], arg[128];
    struct session_spec s;
    struct error err;

    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/a:b.so", dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    fresh(&s);
    cr_assert_eq(spec_add_plugin(&s, "k8saudit:{\"a\":\"b:c\"}", &err), SEV_OK);
    snprintf(arg, sizeof(arg), "%s:{\"x\":1}", path);
    cr_assert_eq(spec_add_plugin(&s, arg, &err), SEV_OK);
    cr_assert_eq(spec_add_plugin(&s, path, &err), SEV_OK);
    cr_expect_neq(spec_add_plugin(&s, ":x", &err), SEV_OK);
    cr_assert_eq(s.plugins.n, 2, "the same library counts once");
    cr_expect_str_eq(s.plugins.v[0].library, "k8saudit");
    cr_expect_str_eq(s.plugins.v[0].config, "{\"a\":\"b:c\"}");
    cr_expect_str_eq(s.plugins.v[1].library, path, "a ':' in an existing path is part of it");
    cr_expect_str_eq(s.plugins.v[1].config, "{\"x\":1}");
    spec_fini(&s);
    unlink(path);
    rmdir(dir);
}

Test(config, a_source_argument_is_a_name_and_its_parameters)
{
    struct session_spec s;
    struct error err;

    fresh(&s);
    cr_assert_eq(spec_set_source(&s, "logs:exec:journalctl -f", &err), SEV_OK);
    cr_expect_str_eq(s.source, "logs");
    cr_expect_str_eq(s.params, "exec:journalctl -f");
    cr_expect_neq(spec_set_source(&s, "other", &err), SEV_OK, "one at a time");
    spec_fini(&s);
}

Test(config, a_session_survives_the_protocol_even_with_names_that_are_not_utf_8)
{
    struct session_spec a, b;
    struct error err;
    json_t *j;

    fresh(&a);
    spec_add_library(&a, "/tmp/\xff\xfe.so", "{}", true);
    cr_assert_eq(spec_set_source(&a, "x:y", &err), SEV_OK);
    a.spool_limit = UINT64_MAX - 1;
    j = spec_to_json(&a);
    cr_assert_eq(spec_from_json(j, &b, &err), SEV_OK, "%s", err.text);
    cr_expect_str_eq(b.plugins.v[0].library, "/tmp/\xff\xfe.so");
    cr_expect(b.plugins.v[0].bundled);
    cr_expect_eq(b.spool_limit, UINT64_MAX - 1);
    cr_expect_str_eq(b.params, "y");
    cr_expect_eq(b.plugin_dirs.n, a.plugin_dirs.n);
    json_decref(j);
    spec_fini(&a);
    spec_fini(&b);
}

Test(config, plugins_are_sought_where_the_environment_says_first)
{
    struct session_spec s;

    fresh(&s);
    spec_fini(&s);
    setenv("MEWS_PLUGIN_DIR", "/a:/b", 1);
    setenv("SYSDIG_PLUGIN_DIR", "/c", 1);
    spec_init(&s);
    cr_assert(s.plugin_dirs.n >= 4);
    cr_expect_str_eq(s.plugin_dirs.v[0], "/a");
    cr_expect_str_eq(s.plugin_dirs.v[1], "/b");
    cr_expect_str_eq(s.plugin_dirs.v[2], "/c");
    spec_fini(&s);
}

/* ---- YAML ------------------------------------------------------------------------------------ */

static void yaml_is(const char *yaml, const char *json)
{
    struct error err;
    json_t *j = yaml_read(yaml, strlen(yaml), &err);
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    cr_expect(j, "%s: %s", yaml, err.text);
    if (j)
        cr_expect_str_eq(text, json, "%s", yaml);
    free(text);
    json_decref(j);
}

Test(config, yaml_becomes_json_with_scalars_as_text)
{
    yaml_is("a: 1\nb: [x, 'y: z', \"\\u00e9\"]\nc:\n  d: true\n",
            "{\"a\":\"1\",\"b\":[\"x\",\"y: z\",\"é\"],\"c\":{\"d\":\"true\"}}");
    yaml_is("- a\n-\n- ''\n", "[\"a\",null,\"\"]");
    yaml_is("x: |\n  two\n  lines\n", "{\"x\":\"two\\nlines\\n\"}");
}

Test(config, yaml_that_is_off_has_its_place)
{
    static const char *const bad[] = {"a: [1, 2\nb: 3\n", "a: b: c\n", "\tx: 1\n", "a: *nobody\n",
                                      "a: 'open\n"};
    struct error err;

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        json_t *j = yaml_read(bad[i], strlen(bad[i]), &err);

        cr_expect_null(j, "%s", bad[i]);
        cr_expect(err.line > 0, "%s: %s", bad[i], err.text);
        json_decref(j);
    }
}

Test(config, yaml_that_would_grow_without_end_is_refused)
{
    static const char laughs[] =
        "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
        "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
        "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
        "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
    char deep[400];
    struct error err;
    json_t *j = yaml_read(laughs, strlen(laughs), &err);

    cr_expect_null(j);
    json_decref(j);
    memset(deep, '[', sizeof(deep));
    cr_expect_null(yaml_read(deep, sizeof(deep), &err));
    cr_expect_null(yaml_read("a: &a [*a]\n", 11, &err), "an alias inside its own anchor");
}

/* ---- rpc ------------------------------------------------------------------------------------- */

struct pair {
    int far;
    struct rpc *near;
};

static struct pair connect_pair(void)
{
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    return (struct pair){fds[1], rpc_new(fds[0], fds[0])};
}

static json_t *receive(struct pair *p, const char *bytes, size_t n)
{
    struct error err;

    cr_assert_eq(write(p->far, bytes, n), (ssize_t)n);
    rpc_fill(p->near, &err);
    return rpc_next(p->near);
}

Test(rpc, a_frame_may_arrive_byte_by_byte)
{
    static const char frame[] = "Content-Length: 14\r\nContent-Type: x\r\n\r\n{\"method\":\"a\"}";
    struct pair p = connect_pair();
    json_t *m = NULL;

    for (size_t i = 0; i < sizeof(frame) - 1; i++) {
        m = receive(&p, frame + i, 1);
        cr_expect_eq(m != NULL, i == sizeof(frame) - 2, "byte %zu", i);
    }
    cr_assert(m);
    cr_expect_str_eq(rpc_get_str(m, "method"), "a");
    json_decref(m);
    rpc_free(p.near);
}

Test(rpc, a_frame_that_is_no_json_is_answered_and_the_next_one_counts)
{
    static const char two[] =
        "Content-Length: 3\r\n\r\n{{{Content-Length: 14\r\n\r\n{\"method\":\"b\"}";
    struct pair p = connect_pair();
    json_t *m = receive(&p, two, sizeof(two) - 1);
    struct error err;
    char answer[300] = "";

    cr_assert(m);
    cr_expect_str_eq(rpc_get_str(m, "method"), "b");
    rpc_flush(p.near, &err);
    cr_expect(read(p.far, answer, sizeof(answer) - 1) > 0);
    cr_expect(strstr(answer, "-32700"), "%s", answer);
    json_decref(m);
    rpc_free(p.near);
}

static void nonsense(const char *bytes)
{
    struct pair p = connect_pair();
    struct error err;
    enum severity sev;

    cr_assert_eq(write(p.far, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    sev = rpc_fill(p.near, &err);
    while (sev == SEV_OK && rpc_next(p.near))
        ;
    sev = rpc_fill(p.near, &err);
    cr_expect_neq(sev, SEV_OK, "%s", bytes);
    rpc_free(p.near);
    close(p.far);
}

Test(rpc, a_header_that_makes_no_sense_ends_the_connection)
{
    nonsense("Content-Length: 99999999999\r\n\r\n");
    nonsense("Content-Length: -1\r\n\r\n{}");
    nonsense("Content-Length: x\r\n\r\n{}");
    nonsense("hello\r\n\r\n{}");
}

Test(rpc, the_end_of_the_other_side_is_told)
{
    struct pair p = connect_pair();
    struct error err;

    close(p.far);
    cr_expect_neq(rpc_fill(p.near, &err), SEV_OK);
    cr_expect_eq(err.code, ERR_GONE);
    rpc_free(p.near);
}

Test(rpc, numbers_of_64_bits_and_text_that_is_not_utf_8_survive)
{
    json_t *o = json_object();
    struct buf b;
    uint64_t n;

    buf_init(&b, 0);
    json_object_set_new(o, "n", rpc_u64(UINT64_MAX));
    json_object_set_new(o, "bytes", rpc_text("a\xff\0b", 4));
    json_object_set_new(o, "small", json_integer(7));
    json_object_set_new(o, "negative", json_integer(-7));
    json_object_set_new(o, "word", json_string("12x"));
    cr_expect(json_is_string(json_object_get(o, "n")));
    cr_assert(rpc_get_u64(o, "n", &n));
    cr_expect_eq(n, UINT64_MAX);
    cr_expect(rpc_get_u64(o, "small", &n) && n == 7);
    cr_expect(!rpc_get_u64(o, "negative", &n) && !rpc_get_u64(o, "word", &n) &&
              !rpc_get_u64(o, "nothing", &n));
    cr_assert(rpc_text_bytes(json_object_get(o, "bytes"), &b));
    cr_expect_eq(b.len, 4);
    cr_expect_arr_eq(b.data, "a\xff\0b", 4);
    buf_fini(&b);
    json_decref(o);
}

Test(rpc, a_message_larger_than_the_pipe_goes_in_parts)
{
    struct pair p = connect_pair();
    struct rpc *far = rpc_new(p.far, p.far);
    size_t size = (size_t)3 << 20;
    char *big = xmalloc(size);
    json_t *m = NULL;
    struct error err;

    memset(big, 'y', size);
    rpc_send(p.near, rpc_notification("big", json_pack("{so}", "x", rpc_text(big, size))));
    for (int i = 0; !m && i < 10000; i++) {
        cr_assert_eq(rpc_flush(p.near, &err), SEV_OK);
        cr_assert_eq(rpc_fill(far, &err), SEV_OK);
        m = rpc_next(far);
    }
    cr_assert(m);
    cr_expect_eq(strlen(rpc_get_str(json_object_get(m, "params"), "x")), size);
    cr_expect(!rpc_wants_write(p.near));
    json_decref(m);
    free(big);
    rpc_free(far);
    rpc_free(p.near);
}
