/* plugin: finding, probing, loading, sourcing, extraction, accounts, against libraries that
 * misbehave. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loading.h"

static char log_text[4096];

static void keep_log(void *ctx, const char *plugin, int severity, const char *component,
                     const char *text)
{
    size_t n = strlen(log_text);

    UNUSED(ctx);
    snprintf(log_text + n, sizeof(log_text) - n, "%s|%d|%s|%s\n", plugin, severity, component,
             text);
}

static const struct plugin_hooks hooks = {.log = keep_log};

/* ---- probing --------------------------------------------------------------------------------- */

static void probe_fails(const char *path, const char *step, const char *words)
{
    struct plugin_info info;
    struct plugin_failure f;

    cr_assert_neq(plugin_probe(program(), path, &info, &f), SEV_OK, "%s", path);
    cr_expect_str_eq(f.step, step, "%s: step %s: %s", path, f.step, f.text);
    cr_expect(strstr(f.text, words), "%s: “%s” does not say “%s”", path, f.text, words);
    cr_expect(*f.advice || str_eq(step, "find"), "%s: no advice", path);
    plugin_info_fini(&info);
}

Test(plugin, each_library_that_is_off_is_refused_at_its_step_with_the_reason)
{
    static const struct {
        const char *name, *step, *words;
    } cases[] = {
        {"stunt_newer_minor", "api-version", "requires plugin API 3.99.0"},
        {"stunt_newer_major", "api-version", "the major versions disagree"},
        {"stunt_odd_api", "api-version", "three"},
        {"stunt_no_version", "symbols", "plugin_get_version"},
        {"stunt_id_only", "capabilities", "both plugin_get_id and plugin_get_event_source"},
        {"stunt_no_close", "capabilities", "plugin_close"},
        {"stunt_no_fields", "capabilities", "both plugin_get_fields and plugin_extract_fields"},
        {"stunt_no_capability", "capabilities", "no capability"},
        {"stunt_syscall_source", "capabilities", "reserved"},
        {"stunt_fields_no_json", "fields", "JSON"},
        {"stunt_fields_bad_type", "fields", "int128"},
        {"stunt_fields_no_arg", "fields", "stunt.x"},
        {"stunt_abort_on_load", "probe", "dying while it is loaded"},
        {"stunt_exit_on_load", "probe", "exit status 7"},
        {"stunt_undefined", "dlopen", "surely_nobody_has_this"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        probe_fails(library(cases[i].name), cases[i].step, cases[i].words);
}

static void write_file(const char *path, const void *p, size_t n)
{
    struct error err;

    cr_assert_eq(file_replace(path, p, n, &err), SEV_OK, "%s", err.text);
}

Test(plugin, a_file_that_is_no_library_is_named_for_what_it_is)
{
    char path[] = "/tmp/mews-test-XXXXXX";
    struct buf b;
    struct error err;

    close(mkstemp(path));
    probe_fails(path, "file", "empty");
    write_file(path, "#!/bin/sh\n", 10);
    probe_fails(path, "file", "a script");
    write_file(path, "\x1f\x8b\x08\x00", 4);
    probe_fails(path, "file", "gzip");
    buf_init(&b, 0);
    cr_assert_eq(file_read(library("stunt"), 1 << 20, &b, &err), SEV_OK);
    for (size_t n = 64; n < b.len; n += b.len / 7) { /* however a copy was cut, it is a report */
        struct plugin_info info;
        struct plugin_failure f;

        write_file(path, b.data, n);
        cr_expect(plugin_probe(program(), path, &info, &f) == SEV_OK || *f.text, "cut at %zu", n);
        plugin_info_fini(&info);
    }
    buf_fini(&b);
    unlink(path);
    probe_fails(path, "find", "No such file");
}

Test(plugin, a_program_is_no_plugin)
{
    probe_fails(program(), "dlopen", "executable");
}

Test(plugin, what_a_library_says_of_itself_survives_the_way_from_the_probe)
{
    struct plugin_info info;
    struct plugin_failure f;

    cr_assert_eq(plugin_probe(program(), library("stunt"), &info, &f), SEV_OK, "%s", f.text);
    cr_expect_str_eq(info.name, "stunt");
    cr_expect_str_eq(info.version, "1.2.3");
    cr_expect_str_eq(info.api_version, "3.11.0");
    cr_expect_eq(info.api[1], 11);
    cr_expect_eq(info.caps, CAP_SOURCING | CAP_EXTRACTION);
    cr_expect_eq(info.id, 999);
    cr_expect_str_eq(info.source, "stunt");
    cr_assert_eq(info.fields.n, 26);
    cr_expect_str_eq(info.fields.v[8].name, "stunt.list");
    cr_expect(info.fields.v[8].list && info.fields.v[8].arg_index && !info.fields.v[8].arg_key);
    cr_expect(info.fields.v[10].arg_required && info.fields.v[10].arg_key);
    cr_expect(info.fields.v[21].hidden);
    /* with a source of its own and no list, it extracts from its own events */
    cr_assert_eq(info.extract_sources.n, 1);
    cr_expect_str_eq(info.extract_sources.v[0], "stunt");
    plugin_info_fini(&info);
}

Test(plugin, a_name_is_sought_in_the_directories_in_their_order)
{
    struct str_list dirs = {0};
    struct error err;
    char *found;

    str_list_add(&dirs, "/nowhere");
    str_list_addf(&dirs, "%s/tests/plugins", getenv("MEWS_BUILDDIR"));
    found = plugin_find("stunt", &dirs, &err);
    cr_assert(found);
    cr_expect_str_eq(found, library("stunt"));
    free(found);
    cr_expect_null(plugin_find("nobody", &dirs, &err));
    cr_expect(strstr(err.text, "libnobody.so") && strstr(err.text, "/nowhere"), "%s", err.text);
    cr_expect_null(plugin_find("./nobody.so", &dirs, &err));
    str_list_fini(&dirs);
}

Test(plugin, an_api_version_must_not_be_newer_than_the_hosts)
{
    static const struct {
        const char *version;
        bool good;
    } cases[] = {
        {"3.0.0", true},  {"3.12.0", true}, {"3.11.99", true}, {"3.13.0", false},
        {"2.9.9", false}, {"4.0.0", false}, {"3.12.1", false}, {"3.12", false},
        {"", false},      {"3.x.0", false}, {"-3.0.0", false}, {"3.99999999999.0", false},
    };
    struct error err;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect_eq(plugin_version_check(cases[i].version, &err) == SEV_OK, cases[i].good, "%s",
                     cases[i].version);
}

/* ---- configuration --------------------------------------------------------------------------- */

Test(plugin, a_configuration_is_held_against_the_schema)
{
    static const char schema[] =
        "{\"type\":\"object\",\"required\":[\"a\"],\"additionalProperties\":false,\"properties\":{"
        "\"a\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},\"b\":{\"enum\":[\"x\",\"y\"]},"
        "\"c\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"^z\"},\"maxItems\":"
        "2},\"apiToken\":{\"type\":\"string\"}}}";
    static const struct {
        const char *config, *words; /* words NULL: good */
    } cases[] = {
        {"{\"a\":1}", NULL},
        {"{\"a\":9,\"b\":\"y\",\"c\":[\"z1\",\"z\"]}", NULL},
        {"{\"a\":0}", "at /a: 0 must be at least 1"},
        {"{\"a\":10}", "at most 9"},
        {"{\"a\":\"1\"}", "type"},
        {"{\"a\":1.5}", "integer"},
        {"{}", "a"},
        {"{\"a\":1,\"b\":\"w\"}", "b"},
        {"{\"a\":1,\"c\":[\"z\",\"a\"]}", "c"},
        {"{\"a\":1,\"c\":[\"z\",\"z\",\"z\"]}", "c"},
        {"{\"a\":1,\"d\":1}", "d"},
        {"{\"a\":", "JSON"},
        {"[1]", "object"},
        {"{\"a\":1,\"apiToken\":4711}", "at /apiToken: ••• must be of type string"},
        {"", "a"}, /* as {} */
    };
    struct error err;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *used = NULL;
        enum severity sev = plugin_schema_validate(schema, cases[i].config, &used, NULL, &err);

        cr_expect_eq(sev == SEV_OK, cases[i].words == NULL, "%s: %s", cases[i].config,
                     sev == SEV_OK ? "" : err.text);
        if (sev != SEV_OK && cases[i].words)
            cr_expect(strstr(err.text, cases[i].words), "%s: “%s”", cases[i].config, err.text);
        free(used);
    }
}

Test(plugin, secrets_are_masked_wherever_they_stand)
{
    static const char *const cases[] = {
        "{\"apiToken\":\"s3cr3t\",\"limit\":1}",
        "{\"a\":{\"client_secret\":\"s3cr3t\"}}",
        "{\"users\":[{\"password\":\"s3cr3t\"}]}",
        "{\"accessKey\":\"s3cr3t\"}",
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *m = plugin_mask_secrets(cases[i], NULL);

        cr_expect(!strstr(m, "s3cr3t") && strstr(m, "•••"), "%s", m);
        free(m);
    }
    char *m = plugin_mask_secrets("{\"x\":\"s3cr3t\",\"y\":\"open\"}",
                                  "{\"properties\":{\"x\":{\"writeOnly\":true}}}");

    cr_expect(!strstr(m, "s3cr3t") && strstr(m, "open"), "%s", m);
    free(m);
}

Test(plugin, a_masked_secret_in_a_changed_configuration_is_the_old_one)
{
    static const char *const cases[][3] = {
        {"{\"token\":\"•••\",\"n\":2}", "{\"token\":\"abc\",\"n\":1}",
         "{\"token\":\"abc\",\"n\":2}"},
        {"{\"token\":\"new\"}", "{\"token\":\"abc\"}", "{\"token\":\"new\"}"},
        {"{\"list\":[{\"key\":\"•••\"}]}", "{\"list\":[{\"key\":\"k\"}]}",
         "{\"list\":[{\"key\":\"k\"}]}"},
        {"{\"other\":\"•••\"}", "{\"token\":\"abc\"}", "{\"other\":\"•••\"}"},
        {"•••", "secret=1", "secret=1"},
        {"plain", "secret=1", "plain"},
        {"{broken •••", "{}", "{broken •••"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *whole = plugin_unmask_secrets(cases[i][0], cases[i][1]);

        cr_expect_str_eq(whole, cases[i][2], "%s", cases[i][0]);
        free(whole);
    }
}

/* ---- loading --------------------------------------------------------------------------------- */

static void load_fails(const char *config, const char *step, const char *words)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load(h, "stunt", config);

    cr_expect_eq(plugin_state(p), PLUGIN_FAILED, "%s", config);
    cr_expect_str_eq(plugin_failure(p)->step, step, "%s: %s", config, plugin_failure(p)->text);
    cr_expect(strstr(plugin_failure(p)->text, words), "%s: %s", config, plugin_failure(p)->text);
    cr_expect_eq(plugin_count(h), 1, "it stays listed");
    cr_expect_null(plugin_by_name(h, "stunt"), "but it is not found as usable");
    plugin_host_free(h);
}

Test(plugin, an_init_that_fails_tells_the_plugins_words_or_that_it_has_none)
{
    load_fails("{\"init\":\"fail\"}", "init", "asked to fail");
    load_fails("{\"init\":\"fail-null\"}", "init", "returned no state");
    load_fails("{\"init\":\"nonsense\"}", "config", "init");
    load_fails("{\"limit\":0}", "config", "limit");
    load_fails("no json", "config", "JSON");
}

Test(plugin, an_init_that_leaves_its_code_unset_counts_as_failed)
{
    /* stunt has no error to tell and would abort when asked: only a state makes the question legal
     */
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct plugin_host *h = plugin_host_new(&hooks, NULL);

        alarm(20);
        signal(SIGABRT, SIG_DFL);
        load(h, "stunt", "{\"init\":\"unset\"}");
        _exit(0);
    }
    waitpid(pid, &status, 0);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
              "the error of a state that is there is asked for");
}

Test(plugin, what_a_plugin_logs_arrives_with_its_severity_and_without_line_ends)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);

    load_good(h, "stunt", "{\"init\":\"log\"}");
    cr_expect(strstr(log_text, "stunt|1|part|a line of the log\n"), "%s", log_text);
    cr_expect(strstr(log_text, "stunt|3|stunt|a line of the log\n"),
              "no component: the plugin's name");
    cr_expect(strstr(log_text, "stunt|8|stunt|a line of the log\n"),
              "severities are kept in their bounds");
    plugin_host_free(h);
}

Test(plugin, names_ids_and_sources_are_unique)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);

    load_good(h, "stunt", "");
    cr_expect_str_eq(plugin_failure(load(h, "stunt", ""))->step, "name");
    cr_expect_str_eq(plugin_failure(load(h, "stunt_same_id", ""))->step, "id");
    cr_expect_str_eq(plugin_failure(load(h, "stunt_same_source", ""))->step, "source");
    load_good(h, "stunt_other", "");
    cr_expect_eq(plugin_count(h), 5);
    cr_expect_eq(plugin_by_id(h, 998), plugin_at(h, 4));
    cr_expect_eq(plugin_by_source(h, "stunt"), plugin_at(h, 0));
    plugin_host_share_sources(h, true);
    load_good(h, "stunt_same_source", "");
    cr_expect_eq(plugin_by_source(h, "stunt"), plugin_at(h, 0), "the first");
    plugin_host_free(h);
}

Test(plugin, the_trace_has_each_call_while_it_is_on)
{
    static struct plugin_trace_entry t[PLUGIN_TRACE_MAX];
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "stunt", "");
    struct plugin_batch b;
    struct error err;
    size_t n;

    cr_expect_eq(plugin_trace_read(h, 0, t, PLUGIN_TRACE_MAX), 0, "it is off");
    plugin_trace_set(h, true);
    cr_expect(plugin_trace_on(h));
    cr_assert_eq(plugin_stream_open(p, "count=3", &err), SEV_OK);
    cr_assert_eq(plugin_stream_next(p, &b, &err), SEV_OK);
    n = plugin_trace_read(h, 0, t, PLUGIN_TRACE_MAX);
    cr_assert_eq(n, 2);
    cr_expect_eq(t[0].fn, PF_OPEN);
    cr_expect_str_eq(t[0].arg, "count=3");
    cr_expect_eq(t[1].fn, PF_NEXT_BATCH);
    cr_expect_str_eq(t[1].plugin, "stunt");
    cr_expect_eq(t[1].number, 2);
    cr_expect_eq(plugin_trace_read(h, 1, t, PLUGIN_TRACE_MAX), 1, "after the first");
    cr_expect_eq(plugin_trace_read(h, 0, t, 1), 1);
    cr_expect_eq(t[0].fn, PF_NEXT_BATCH, "the newest");
    plugin_trace_set(h, false);
    plugin_stream_next(p, &b, &err);
    cr_expect_eq(plugin_trace_read(h, 0, t, PLUGIN_TRACE_MAX), 2);
    plugin_host_free(h);
}

Test(plugin, statics_shared_with_a_plugin_before_are_found_and_named)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p;

    load_good(h, "stunt_shares", "");
    p = load(h, "stunt_shares_too", "");
    cr_expect_str_eq(plugin_failure(p)->step, "isolation");
    cr_expect_str_eq(
        plugin_failure(p)->text,
        "alone the library reports API version 3.6.0, beside the plugins loaded before "
        "it 3.11.0: they share C++ statics");
    plugin_host_free(h);
}

Test(plugin, a_stream_is_closed_before_its_plugin_is_destroyed_and_the_last_goes_first)
{
    char path[] = "/tmp/mews-test-XXXXXX";
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct error err;
    struct buf b;

    close(mkstemp(path));
    setenv("STUNT_TRACE", path, 1);
    cr_assert_eq(plugin_stream_open(load_good(h, "stunt", ""), "", &err), SEV_OK);
    cr_assert_eq(plugin_stream_open(load_good(h, "stunt_other", ""), "", &err), SEV_OK);
    cr_expect_neq(plugin_stream_open(plugin_at(h, 0), "", &err), SEV_OK, "one at a time");
    plugin_host_free(h);
    buf_init(&b, 0);
    file_read(path, 1000, &b, &err);
    cr_expect_str_eq(buf_str(&b), "init open init open close destroy close destroy ");
    buf_fini(&b);
    unlink(path);
}

/* ---- sourcing -------------------------------------------------------------------------------- */

Test(plugin, an_open_that_is_refused_tells_why)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "stunt", "");
    struct error err;
    char *words;

    cr_expect_neq(plugin_stream_open(p, "refuse", &err), SEV_OK);
    cr_expect_str_eq(err.text, "plugin stunt: plugin_open: these parameters are refused");
    words = plugin_last_error(p);
    cr_expect(words && strstr(words, "these parameters are refused"));
    free(words);
    cr_expect(!plugin_stream_is_open(p));
    cr_expect_eq(plugin_stream_open(p, "", &err), SEV_OK, "a second try is free");
    plugin_host_free(h);
}

struct drained {
    uint64_t events;
    unsigned calls;
    int rc;
    enum severity sev;
    struct error err;
    char words[256];
};

static struct drained drain(const char *params)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "stunt", "");
    struct drained d = {0};
    struct plugin_batch b = {0};
    struct buf out;

    buf_init(&out, 0);
    cr_assert_eq(plugin_stream_open(p, params, &d.err), SEV_OK, "%s", d.err.text);
    do {
        d.calls++;
        d.sev = plugin_stream_next(p, &b, &d.err);
        for (uint32_t i = 0; d.sev == SEV_OK && i < b.n; i++) {
            d.sev = plugin_event_take(p, b.events[i], 7, &out, &d.err);
            d.events += d.sev == SEV_OK;
        }
    } while (d.sev == SEV_OK && b.rc == SS_PLUGIN_SUCCESS && d.calls < 100);
    d.rc = b.rc;
    snprintf(d.words, sizeof(d.words), "%.255s", b.error);
    buf_fini(&out);
    plugin_host_free(h);
    return d;
}

Test(plugin, every_return_code_of_next_batch_keeps_the_events_that_came_with_it)
{
    static const struct {
        const char *params;
        uint64_t events;
        int rc;
        const char *words;
    } cases[] = {
        {"count=25 batch=10 ending=eof", 25, SS_PLUGIN_EOF, ""},
        {"count=20 batch=10 ending=eof-with-events", 20, SS_PLUGIN_EOF, ""},
        {"count=20 batch=10 ending=timeout-with-events", 20, SS_PLUGIN_TIMEOUT, ""},
        {"count=10 batch=10 ending=idle", 10, SS_PLUGIN_TIMEOUT, ""},
        {"count=20 batch=10 ending=failure", 20, SS_PLUGIN_FAILURE, "the well is dry"},
        {"count=20 batch=10 ending=failure-with-events", 20, SS_PLUGIN_FAILURE, "the well is dry"},
        {"count=10 batch=10 ending=unsupported", 10, SS_PLUGIN_NOT_SUPPORTED, "not supported here"},
        {"count=10 batch=10 ending=strange", 10, SS_PLUGIN_FAILURE, "a code that nobody knows"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct drained d = drain(cases[i].params);

        cr_expect_eq(d.sev, SEV_OK, "%s: %s", cases[i].params, d.sev == SEV_OK ? "" : d.err.text);
        cr_expect_eq(d.events, cases[i].events, "%s: %llu events", cases[i].params,
                     (unsigned long long)d.events);
        cr_expect_eq(d.rc, cases[i].rc, "%s: rc %d", cases[i].params, d.rc);
        cr_expect_str_eq(d.words, cases[i].words);
    }
}

Test(plugin, success_without_an_event_breaks_the_contract)
{
    struct drained d = drain("count=3 ending=empty-success");

    cr_expect_neq(d.sev, SEV_OK);
    cr_expect_eq(d.events, 3);
    cr_expect(strstr(d.err.text, "timeout"), "%s", d.err.text);
}

Test(plugin, events_that_are_off_are_refused_with_the_plugin_and_the_reason)
{
    static const struct {
        const char *trouble, *words;
    } cases[] = {
        {"id", "unexpected plugin ID 4711"}, {"type", "malformed plugin event"},
        {"length", "only 7 are there"},      {"sum", "parameter 1 ends behind"},
        {"params", "with 3 parameters"},     {"null-event", "NULL"},
        {"null-array", "no array"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char params[100];
        struct drained d;

        snprintf(params, sizeof(params), "count=10 batch=10 at=10 trouble=%s", cases[i].trouble);
        d = drain(params);
        cr_expect_neq(d.sev, SEV_OK, "%s", cases[i].trouble);
        cr_expect(strstr(d.err.text, cases[i].words) &&
                      strstr(d.err.text, "plugin stunt: plugin_next_batch"),
                  "%s: %s", cases[i].trouble, d.err.text);
        cr_expect_eq(d.events, str_eq(cases[i].trouble, "null-array") ? 0 : 9,
                     "those before it are kept");
    }
}

Test(plugin, an_event_taken_has_its_id_thread_and_time_filled_in)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "stunt", "");
    struct buf made, out;
    struct error err;

    buf_init(&made, 0);
    buf_init(&out, 0);
    event_plugin_make(&made, TS_NONE, 0, span_of("x"));
    put_u64(made.data + 8, 4242);
    cr_assert_eq(plugin_event_take(p, (const void *)made.data, 77, &out, &err), SEV_OK, "%s",
                 err.text);
    cr_expect_eq(event_ts(out.data), 77);
    cr_expect_eq(event_plugin_id(out.data), 999);
    cr_expect_eq(event_tid(out.data), EVENT_TID_NONE);
    buf_fini(&made);
    buf_fini(&out);
    plugin_host_free(h);
}

Test(plugin, a_source_without_id_may_emit_only_events_that_say_whose_they_are)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "stunt_raw", "");
    struct buf made, out;
    struct error err;

    buf_init(&made, 0);
    buf_init(&out, 0);
    event_plugin_make(&made, 1, 0, span_of("x"));
    cr_expect_neq(plugin_event_take(p, (const void *)made.data, 1, &out, &err), SEV_OK);
    buf_reset(&made);
    event_plugin_make(&made, 1, 12, span_of("x"));
    cr_expect_eq(plugin_event_take(p, (const void *)made.data, 1, &out, &err), SEV_OK, "%s",
                 err.text);
    cr_expect_eq(event_plugin_id(out.data), 12);
    buf_fini(&made);
    buf_fini(&out);
    plugin_host_free(h);
}

Test(plugin, progress_open_parameters_and_a_line_on_an_event_come_from_the_plugin)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "stunt", ""), *raw = load_good(h, "stunt_raw", "");
    struct plugin_batch b;
    struct error err;
    struct buf made, out;
    uint32_t pct;
    char text[64], *params = plugin_open_params(p, &err);

    UNUSED(raw);
    cr_expect(params && strstr(params, "ten events"));
    free(params);
    cr_expect(!plugin_progress(p, &pct, text, sizeof(text)), "none before it is open");
    cr_assert_eq(plugin_stream_open(p, "count=20 batch=5", &err), SEV_OK);
    cr_assert_eq(plugin_stream_next(p, &b, &err), SEV_OK);
    cr_expect(plugin_progress(p, &pct, text, sizeof(text)));
    cr_expect_eq(pct, 2500);
    buf_init(&made, 0);
    buf_init(&out, 0);
    event_plugin_make(&made, 1, 999, span_of("abc"));
    plugin_event_text(p, &(struct plugin_event){made.data, 5, "stunt"}, &out);
    cr_expect_str_eq(buf_str(&out), "event 5 of stunt");
    buf_fini(&made);
    buf_fini(&out);
    plugin_host_free(h);
}

/* ---- extraction ------------------------------------------------------------------------------ */

static struct plugin_host *host;
static struct plugin *stunt;
static struct arena arena;
static struct buf event;

static void open_stunt(void)
{
    host = plugin_host_new(&hooks, NULL);
    stunt = load_good(host, "stunt", "");
    buf_init(&event, 0);
    event_plugin_make(&event, 1577836807000000000, 999,
                      span_of("{\"n\":7,\"even\":false,\"pad\":\"\"}"));
}

static void close_stunt(void)
{
    buf_fini(&event);
    arena_fini(&arena);
    plugin_host_free(host);
}

static struct value extract(const char *field, const struct plugin_arg *arg)
{
    const struct plugin_info *info = plugin_info(stunt);
    struct plugin_event e = {event.data, 7, "stunt"};
    struct value v;

    for (uint32_t i = 0; i < info->fields.n; i++) {
        if (str_eq(info->fields.v[i].name, field)) {
            plugin_extract(stunt, i, arg ? arg : &(struct plugin_arg){0}, true, &e, &arena, &v);
            return v;
        }
    }
    cr_assert_fail("no field %s", field);
    return v;
}

static const char *extract_text(const char *field, const struct plugin_arg *arg)
{
    static struct buf b;
    struct value v = extract(field, arg);

    buf_reset(&b);
    if (v.state == VALUE_FAILED) {
        buf_adds(&b, "failed: ");
        buf_add(&b, v.one.s.p, v.one.s.n);
    } else if (v.state == VALUE_NONE) {
        buf_adds(&b, "none");
    } else {
        value_text(&v, &b);
    }
    return buf_str(&b);
}

Test(extraction, every_type_is_copied_and_every_breach_of_the_contract_has_its_reason,
     .init = open_stunt, .fini = close_stunt)
{
    static const struct {
        const char *field, *text;
    } cases[] = {
        {"stunt.n", "7"},
        {"stunt.even", "false"},
        {"stunt.text", "number 7"},
        {"stunt.at", "1577836807000000000"},
        {"stunt.took", "7000000"},
        {"stunt.v4", "10.0.0.7"},
        {"stunt.v6", "2001:db8::7"},
        {"stunt.net", "10.0.0.7"},
        {"stunt.list", "(a,b,7)"},
        {"stunt.numbers", "(7,8)"},
        {"stunt.none", "none"},
        {"stunt.refused", "failed: there is a reason for event 7"},
        {"stunt.empty", ""},
        {"stunt.two", "failed: the plugin gives 2 values for a field that is no list"},
        {"stunt.nullstr", "failed: the plugin gives a NULL string"},
        {"stunt.badip", "failed: the plugin gives an address that is neither 4 nor 16 bytes"},
        {"stunt.noarray", "failed: the plugin says 1 values but gives no array"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect_str_eq(extract_text(cases[i].field, NULL), cases[i].text, "%s", cases[i].field);
    cr_expect_eq(extract("stunt.large", NULL).one.s.n, 100000);
    cr_expect_eq(extract("stunt.empty", NULL).state, VALUE_OK, "empty is a value");
}

Test(extraction, a_true_is_any_byte_but_zero, .init = open_stunt, .fini = close_stunt)
{
    buf_reset(&event);
    event_plugin_make(&event, 1, 999, span_of("{\"n\":8}"));
    cr_expect_eq(extract("stunt.even", NULL).one.u, 1, "stunt says 64");
}

Test(extraction, arguments_arrive_as_key_and_index, .init = open_stunt, .fini = close_stunt)
{
    cr_expect_str_eq(extract_text("stunt.list", &(struct plugin_arg){true, NULL, 1}), "(b)");
    cr_expect_str_eq(extract_text("stunt.key", &(struct plugin_arg){true, "a b", UINT64_MAX}),
                     "a b");
    cr_expect_str_eq(extract_text("stunt.both", &(struct plugin_arg){true, "3", 3}), "3/3");
    cr_expect_str_eq(extract_text("stunt.both", &(struct plugin_arg){true, "x", UINT64_MAX}),
                     "x/-1");
}

Test(extraction, offsets_are_believed_only_inside_the_event, .init = open_stunt,
     .fini = close_stunt)
{
    struct value v = extract("stunt.place", NULL);

    cr_assert_eq(v.span, 1);
    cr_expect_eq(event.data[v.at], '7');
    buf_reset(&event);
    event_plugin_make(&event, 1, 999, span_of("{\"n\""));
    cr_expect_eq(extract("stunt.place", NULL).span, 0, "it points past the end");
}

Test(extraction, a_call_that_killed_an_engine_is_not_made_again, .init = open_stunt,
     .fini = close_stunt)
{
    plugin_avoid(stunt, "stunt.crash", 7, "it killed the engine");
    cr_expect_str_eq(extract_text("stunt.crash", NULL), "failed: it killed the engine");
}

Test(extraction, calls_and_failures_are_accounted, .init = open_stunt, .fini = close_stunt)
{
    const struct plugin_stats *all = plugin_stats(stunt, PF_EXTRACT_FIELDS);

    extract("stunt.n", NULL);
    extract("stunt.refused", NULL);
    extract("stunt.refused", NULL);
    cr_expect_eq(all->calls, 3);
    cr_expect_eq(all->failures, 2);
    cr_expect_eq(plugin_field_stats(stunt, 13)->failures, 2);
    cr_expect_eq(plugin_field_stats(stunt, 0)->calls, 1);
}

Test(extraction, a_plugin_gets_events_of_its_sources_only)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *own = load_good(h, "stunt", ""), *other = load_good(h, "stunt_fields_only", ""),
                  *all = load_good(h, "stunt_fields_all", "");

    cr_expect(plugin_extracts(own, EVENT_PLUGIN, "stunt") &&
              !plugin_extracts(own, EVENT_PLUGIN, "other"));
    cr_expect(plugin_extracts(other, EVENT_PLUGIN, "other") &&
              !plugin_extracts(other, EVENT_PLUGIN, "stunt"));
    cr_expect(plugin_extracts(all, EVENT_PLUGIN, "stunt") &&
              plugin_extracts(all, EVENT_PLUGIN, "other"));
    cr_expect(!plugin_extracts(all, EVENT_PLUGIN, NULL), "an unknown source is nobody's");
    cr_expect(plugin_extracts(all, 2, "syscall"), "all sources: all types");
    cr_expect(!plugin_extracts(own, 2, "stunt"), "own source: plugin events");
    plugin_host_free(h);
}

/* Quirks 13, 15, 17: one buffer for all that a library says of itself; an empty list of types that is not
 * NULL; progress in words that are none. */
Test(extraction, what_the_sdks_of_cpp_and_rust_hand_over_is_taken_as_it_is_meant)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "stunt_sdk", "");
    const struct plugin_info *info = plugin_info(p);
    struct plugin_batch b;
    struct error err;
    uint32_t pct;
    char text[64] = "?";

    cr_expect_str_eq(info->name, "sdk");
    cr_expect_str_eq(info->version, "1.2.3");
    cr_expect_str_eq(info->api_version, "3.11.0");
    cr_expect_str_eq(info->description, "Does everything right, or anything wrong");
    cr_expect_str_eq(info->contact, "the tests");
    cr_expect_str_eq(info->source, "sdk");
    cr_expect_eq(info->fields.n, 26);
    cr_expect(plugin_extracts(p, EVENT_PLUGIN, "sdk") && !plugin_extracts(p, 2, "sdk"),
              "no list of types: plugins' events");
    cr_assert_eq(plugin_stream_open(p, "count=20 batch=5", &err), SEV_OK);
    cr_assert_eq(plugin_stream_next(p, &b, &err), SEV_OK);
    cr_expect(plugin_progress(p, &pct, text, sizeof(text)));
    cr_expect_eq(pct, 2500);
    cr_expect_str_eq(text, "");
    plugin_host_free(h);
}

/* ---- the record ------------------------------------------------------------------------------ */

static struct plugin_record *die_in(const char *field, int *status)
{
    struct plugin_record *r =
        mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();

    if (pid == 0) {
        int quiet = open("/dev/null", O_WRONLY);

        dup2(quiet, 1);
        dup2(quiet, 2);
        host = plugin_host_new(&hooks, r);
        plugin_crash_install(r);
        stunt = load_good(host, "stunt", "");
        buf_init(&event, 0);
        event_plugin_make(&event, 1, 999, span_of("{\"n\":7}"));
        extract(field, &(struct plugin_arg){true, "the argument", UINT64_MAX});
        _exit(0);
    }
    waitpid(pid, status, 0);
    return r;
}

Test(record, what_killed_the_process_stands_in_shared_memory)
{
    int status;
    bool in_stunt = false;
    struct plugin_record *r = die_in("stunt.crash", &status);

    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %x", status);
    cr_expect(r->call.active);
    cr_expect_eq(r->call.fn, PF_EXTRACT_FIELDS);
    cr_expect_eq(r->call.event, 7);
    cr_expect_str_eq(r->call.plugin, "stunt");
    cr_expect_str_eq(r->call.field, "stunt.crash");
    cr_expect_str_eq(r->call.arg, "the argument");
    cr_assert(r->crash.written);
    cr_expect_eq(r->crash.signal, SIGSEGV);
    cr_expect_eq(r->crash.address, 0);
    for (unsigned i = 0; i < r->crash.nframes && !in_stunt; i++)
        in_stunt = strstr(r->crash.frames[i].module, "stunt.so") != NULL;
    cr_expect(in_stunt, "no frame of %u is in the plugin", r->crash.nframes);
    munmap(r, sizeof(*r));
    r = die_in("stunt.abort", &status);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_expect_str_eq(r->call.field, "stunt.abort");
    munmap(r, sizeof(*r));
    r = die_in("stunt.exit", &status);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    cr_expect(r->call.active, "an exit inside a call is known by the call that is still out");
    munmap(r, sizeof(*r));
}
