/* The runtime around plugins: parsing, async events and their order, listening, tables, configuration
 * and metrics while they run. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>

#include "loading.h"

static char log_text[4096];
static _Atomic unsigned arrived;

static void keep_log(void *ctx, const char *plugin, int severity, const char *component,
                     const char *text)
{
    size_t n = strlen(log_text);

    UNUSED(ctx);
    UNUSED(severity);
    UNUSED(component);
    snprintf(log_text + n, sizeof(log_text) - n, "%s: %s\n", plugin, text);
}

static void note_async(void *ctx)
{
    UNUSED(ctx);
    arrived++;
}

static const struct plugin_hooks hooks = {.log = keep_log, .async = note_async};

static struct plugin_event event_of(struct buf *b, uint64_t number, const char *source)
{
    buf_reset(b);
    event_plugin_make(b, number, 999, span_of("{}"));
    return (struct plugin_event){b->data, number, source};
}

static uint64_t value_of(struct plugin *p, const struct plugin_event *e)
{
    static const struct plugin_arg none = {false, NULL, UINT64_MAX};
    struct arena arena = {0};
    struct value v;
    uint64_t n;

    plugin_extract(p, 0, &none, false, e, &arena, &v);
    n = v.state == VALUE_OK ? v.one.u : UINT64_MAX;
    arena_fini(&arena);
    return n;
}

/* ---- parsing --------------------------------------------------------------------------------- */

Test(parsing, each_event_reaches_the_plugins_that_want_it_in_order)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *all = load_good(h, "witness", ""),
                  *only = load_good(h, "witness_plugins_only", "");
    struct plugin_event e;
    struct buf b;

    buf_init(&b, 4096);
    cr_assert(plugin_host_parses(h));
    cr_assert(plugin_is_stateful(all));
    for (uint64_t i = 1; i <= 3; i++) {
        e = event_of(&b, i, "stunt");
        plugin_host_parse(h, &e);
        cr_assert_eq(value_of(all, &e), i);
    }
    e = event_of(&b, 4, "other"); /* a source that one of them does not list */
    plugin_host_parse(h, &e);
    cr_assert_eq(value_of(all, &e), 4);
    cr_assert_eq(value_of(only, &e), 3);
    e = event_of(&b, 5, NULL); /* nobody knows its source */
    plugin_host_parse(h, &e);
    cr_assert_eq(value_of(all, &e), 4);
    cr_assert_eq(atomic_load(&plugin_stats(all, PF_PARSE_EVENT)->calls), 4);
    cr_assert_eq(atomic_load(&plugin_stats(all, PF_PARSE_EVENT)->failures), 0);
    buf_fini(&b);
    plugin_host_free(h);
}

Test(parsing, a_failure_is_counted_and_no_more)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", "parse-fails");
    struct plugin_event e;
    struct buf b;

    buf_init(&b, 4096);
    e = event_of(&b, 1, "stunt");
    plugin_host_parse(h, &e);
    cr_assert_eq(atomic_load(&plugin_stats(p, PF_PARSE_EVENT)->failures), 1);
    plugin_avoid(p, "plugin_parse_event", 2, "it died here");
    e = event_of(&b, 2, "stunt");
    plugin_host_parse(h, &e);
    cr_assert_eq(atomic_load(&plugin_stats(p, PF_PARSE_EVENT)->calls), 1);
    buf_fini(&b);
    plugin_host_free(h);
}

/* ---- async events ---------------------------------------------------------------------------- */

struct async_case {
    const char *config, *source;
    enum plugin_async_fate fate;
};

Test(async, each_event_that_is_off_is_refused_with_its_reason)
{
    static const struct async_case cases[] = {
        {"at-once send=1", "stunt", ASYNC_TAKEN},
        {"at-once send=1 with-tid", "syscall", ASYNC_TAKEN},
        {"at-once send=1 with-tid", "stunt", ASYNC_THREAD},
        {"at-once send=1 bad-name", "stunt", ASYNC_UNDECLARED},
        {"at-once send=1 bad-type", "stunt", ASYNC_MALFORMED},
        {"at-once send=1 bad-length", "stunt", ASYNC_MALFORMED},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct plugin_host *h = plugin_host_new(&hooks, NULL);
        struct plugin *p = load_good(h, "witness", cases[i].config);
        uint64_t ts;

        cr_assert_eq(plugin_async_start(h, cases[i].source, 999, 1 << 20, NULL), SEV_OK);
        cr_expect_eq(plugin_async_count(p, cases[i].fate), 1, "%s on %s", cases[i].config,
                     cases[i].source);
        cr_expect_eq(plugin_async_due(h, &ts), cases[i].fate == ASYNC_TAKEN);
        cr_expect(*plugin_async_word(cases[i].fate));
        plugin_async_stop(h, NULL);
        plugin_host_free(h);
    }
}

Test(async, events_are_given_their_id_and_come_in_the_order_of_time)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin_async a;
    struct buf b;

    buf_init(&b, 1 << 20);
    load_good(h, "witness", "at-once send=3 ts=1000 step=100");
    load_good(h, "witness_second", "at-once send=2 ts=1050 step=100");
    cr_assert_eq(plugin_async_start(h, "stunt", 999, 1 << 20, NULL), SEV_OK);
    cr_assert(!plugin_async_take(h, 999, 0, &b, &a));
    for (uint64_t want = 1000; want <= 1200; want += 50) {
        cr_assert(plugin_async_take(h, want, 0, &b, &a), "%llu", (unsigned long long)want);
        cr_assert_eq(event_ts(b.data + a.at), want);
        cr_assert_eq(event_plugin_id(b.data + a.at), 999);
        cr_assert(a.received > 1000 && !a.future);
        cr_assert_str_eq(plugin_info(a.plugin)->name, want % 100 ? "second" : "witness");
    }
    cr_assert(!plugin_async_take(h, UINT64_MAX, 0, &b, &a));
    plugin_async_stop(h, NULL);
    plugin_host_free(h);
    buf_fini(&b);
}

Test(async, one_without_a_time_comes_first_and_gets_that_of_the_stream)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin_async a;
    struct buf b;

    buf_init(&b, 1 << 20);
    load_good(h, "witness", "at-once send=1 ts=10");
    load_good(h, "witness_second", "at-once send=1 ts=none");
    cr_assert_eq(plugin_async_start(h, "syscall", 0, 1 << 20, NULL), SEV_OK);
    cr_assert(plugin_async_take(h, 0, 777, &b, &a));
    cr_assert_eq(event_ts(b.data + a.at), 777);
    cr_assert(plugin_async_take(h, 10, 777, &b, &a));
    cr_assert_eq(event_ts(b.data + a.at), 10);
    plugin_host_free(h);
    buf_fini(&b);
}

Test(async, one_far_ahead_is_kept_and_marked)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin_async a;
    struct buf b;

    buf_init(&b, 1 << 20);
    load_good(h, "witness", "at-once send=1 ts=future");
    plugin_async_start(h, "syscall", 0, 1 << 20, NULL);
    cr_assert(!plugin_async_take(h, time_now(), 0, &b, &a));
    cr_assert(plugin_async_take(h, UINT64_MAX, 0, &b, &a) && a.future);
    plugin_host_free(h);
    buf_fini(&b);
}

Test(async, past_the_memory_they_are_refused_and_what_waits_is_not_lost)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", "at-once send=100 ts=1");
    struct plugin_async a;
    unsigned n = 0;
    struct buf b;

    buf_init(&b, 1 << 20);
    plugin_async_start(h, "stunt", 999, 1000, NULL);
    plugin_async_stop(h, NULL);
    while (plugin_async_take(h, UINT64_MAX, 0, &b, &a))
        n++;
    cr_assert(n > 5 && n < 25);
    cr_assert_eq(plugin_async_count(p, ASYNC_TAKEN), n);
    cr_assert_eq(plugin_async_count(p, ASYNC_FULL), 100 - n);
    plugin_host_free(h);
    buf_fini(&b);
}

Test(async, from_threads_none_is_lost_and_none_comes_after_the_end)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", "send=2000 ts=5 last-words"),
                  *q = load_good(h, "witness_second", "send=2000 ts=none");
    struct plugin_async a;
    uint64_t n = 0;
    struct buf b;

    buf_init(&b, 1 << 24);
    plugin_async_start(h, "stunt", 999, 1 << 24, NULL);
    for (int i = 0; i < 5000 && plugin_async_count(p, ASYNC_TAKEN) < 2000; i++) {
        while (plugin_async_take(h, UINT64_MAX, 1, &b, &a))
            n++;
        usleep(1000);
    }
    plugin_async_stop(h, NULL);
    while (plugin_async_take(h, UINT64_MAX, 1, &b, &a))
        n++;
    cr_assert_eq(n, plugin_async_count(p, ASYNC_TAKEN) + plugin_async_count(q, ASYNC_TAKEN));
    cr_assert_eq(plugin_async_count(p, ASYNC_TAKEN) + plugin_async_count(p, ASYNC_FULL), 2001,
                 "what is sent while the handler is taken away counts");
    cr_assert(arrived > 0);
    plugin_host_free(h);
    buf_fini(&b);
}

Test(async, a_foreign_owner_and_a_handler_that_is_not_set_are_told)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", "at-once send=1 bad-owner");
    struct error err;
    uint64_t ts;

    cr_assert_eq(plugin_async_start(h, "stunt", 999, 1 << 20, NULL), SEV_OK);
    cr_assert(!plugin_async_due(h, &ts));
    for (int fate = 0; fate < ASYNC_FATES; fate++)
        cr_assert_eq(plugin_async_count(p, (enum plugin_async_fate)fate), 0);
    plugin_host_free(h);
    h = plugin_host_new(&hooks, NULL);
    load_good(h, "witness", "handler-fails");
    cr_assert_neq(plugin_async_start(h, "stunt", 999, 1 << 20, &err), SEV_OK);
    cr_assert(strstr(err.text, "no handler, please"));
    plugin_host_free(h);
}

Test(async, what_is_sent_to_a_source_that_is_none_of_the_plugins_is_refused)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness_elsewhere", "at-once send=1");

    cr_assert_eq(plugin_async_start(h, "stunt", 999, 1 << 20, NULL), SEV_OK);
    cr_expect_eq(plugin_async_count(p, ASYNC_SOURCE), 1);
    plugin_async_stop(h, NULL);
    cr_assert_eq(plugin_async_start(h, "other", 998, 1 << 20, NULL), SEV_OK);
    cr_expect_eq(plugin_async_count(p, ASYNC_TAKEN), 1);
    plugin_async_stop(h, NULL);
    plugin_host_free(h);
}

Test(async, a_plugin_that_can_not_tell_its_state_says_why_and_one_that_tells_another_is_refused)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", "dump-fails");
    struct error err;
    struct buf b;
    unsigned n = 0;

    buf_init(&b, 4096);
    cr_assert_neq(plugin_tell_state(p, &b, &n, &err), SEV_OK);
    cr_expect(strstr(err.text, "plugin_dump_state: no state, please"), "%s", err.text);
    plugin_host_free(h);
    h = plugin_host_new(&hooks, NULL);
    p = load_good(h, "witness", "dump-undeclared");
    cr_expect_neq(plugin_tell_state(p, &b, &n, &err), SEV_OK);
    cr_expect_eq(n, 0);
    buf_fini(&b);
    plugin_host_free(h);
}

Test(async, a_plugin_tells_its_state)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", "");
    struct buf b;
    unsigned n;

    buf_init(&b, 4096);
    cr_assert_eq(plugin_tell_state(p, &b, &n, NULL), SEV_OK);
    cr_assert_eq(n, 1);
    cr_assert(span_is(event_async_name(b.data), "tick"));
    cr_assert_eq(event_ts(b.data), 1577836800000000000ull);
    buf_fini(&b);
    plugin_host_free(h);
}

/* ---- listening ------------------------------------------------------------------------------- */

Test(listening, routines_run_until_the_capture_closes)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", "routine");

    cr_assert_eq(plugin_listen_open(h, NULL), SEV_OK);
    cr_assert_eq(plugin_routines(p), 1);
    usleep(50000);
    plugin_listen_close(h, NULL);
    cr_assert_eq(plugin_routines(p), 0);
    plugin_host_free(h);
}

Test(listening, a_routine_that_is_done_is_not_called_again)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", "routine routine-once");

    cr_assert_eq(plugin_listen_open(h, NULL), SEV_OK);
    for (int i = 0; i < 200 && plugin_routines(p); i++)
        usleep(5000);
    cr_assert_eq(plugin_routines(p), 0);
    plugin_host_free(h);
}

Test(listening, an_end_that_fails_is_told_and_ends_all_the_same)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", "close-fails routine");
    struct buf errors;

    buf_init(&errors, 1000);
    cr_assert_eq(plugin_listen_open(h, NULL), SEV_OK);
    plugin_listen_close(h, &errors);
    cr_expect(strstr(buf_str(&errors), "plugin witness: plugin_capture_close: no end, please"),
              "%s", buf_str(&errors));
    cr_expect_eq(plugin_routines(p), 0);
    buf_fini(&errors);
    plugin_host_free(h);
}

Test(listening, a_plugin_may_refuse_a_capture)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct error err;

    load_good(h, "witness", "open-fails");
    cr_assert_neq(plugin_listen_open(h, &err), SEV_OK);
    cr_assert(strstr(err.text, "plugin_capture_open: no capture, please"));
    plugin_host_free(h);
}

/* ---- tables ---------------------------------------------------------------------------------- */

Test(tables, a_plugin_without_the_table_it_needs_is_told_which)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load(h, "witness", "tables");

    cr_assert_eq(plugin_state(p), PLUGIN_FAILED);
    cr_assert(strstr(plugin_failure(p)->text, "no table “threads” is registered"), "%s",
              plugin_failure(p)->text);
    p = load(h, "witness_second", "want=witnessed");
    cr_assert(strstr(plugin_failure(p)->text, "no table “witnessed”"));
    plugin_host_free(h);
}

Test(tables, one_that_is_off_is_refused_with_the_reason)
{
    static const char *const cases[][2] = {
        {"own-only no-iterate", "table “witnessed” has broken or inconsistent tables of functions"},
        {"own-only two-readers",
         "table “witnessed” has broken or inconsistent tables of functions"},
        {"own-only no-name", "add_table needs a table with a name"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plugin_host *h = plugin_host_new(&hooks, NULL);
        struct plugin *p = load(h, "witness", cases[i][0]);

        cr_expect_eq(plugin_state(p), PLUGIN_FAILED);
        cr_expect(strstr(plugin_failure(p)->text, cases[i][1]), "%s: %s", cases[i][0],
                  plugin_failure(p)->text);
        plugin_host_free(h);
    }
}

Test(tables, what_another_plugins_table_refuses_is_told_in_its_owners_words)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p;

    load_good(h, "witness", "own-only");
    p = load(h, "witness_second", "missing-entry");
    cr_assert_eq(plugin_state(p), PLUGIN_FAILED);
    cr_assert(strstr(plugin_failure(p)->text, "nothing was witnessed under 7"), "%s",
              plugin_failure(p)->text);
    plugin_host_free(h);
}

Test(tables, a_key_of_another_type_and_a_name_taken_are_refused)
{
    static const char *const cases[][2] = {
        {"missing-entry wrong-key", "witnessed"},
        {"own-only", "a table “witnessed” is registered already"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plugin_host *h = plugin_host_new(&hooks, NULL);
        struct plugin *p;

        load_good(h, "witness", "own-only");
        p = load(h, "witness_second", cases[i][0]);
        cr_expect_eq(plugin_state(p), PLUGIN_FAILED);
        cr_expect(strstr(plugin_failure(p)->text, cases[i][1]), "%s: %s", cases[i][0],
                  plugin_failure(p)->text);
        plugin_host_free(h);
    }
}

static ss_plugin_bool no_entry(ss_plugin_table_iterator_state_t *s, ss_plugin_table_entry_t *e)
{
    cr_expect(!s && !e, "an entry, of a table that can't be iterated");
    return 1;
}

Test(tables, those_of_api_3_0_have_no_extended_functions_and_get_them)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin_table t[4];
    struct plugin *p;
    size_t n;

    load_good(h, "witness_old_tables", "own-only");
    n = plugin_tables(h, t, 4);
    cr_assert_eq(n, 1);
    cr_assert_str_eq(t[0].name, "witnessed");
    cr_assert_eq(t[0].input->reader_ext->get_table_size(t[0].input->table), 0);
    t[0].input->reader_ext->release_table_entry(t[0].input->table, NULL);
    cr_assert_eq(t[0].input->reader_ext->iterate_entries(t[0].input->table, no_entry, NULL), 0);
    p = load(h, "witness_second", "missing-entry");
    cr_assert(strstr(plugin_failure(p)->text, "nothing was witnessed under 7"), "%s",
              plugin_failure(p)->text);
    plugin_host_free(h);
}

/* ---- while it runs --------------------------------------------------------------------------- */

Test(runtime, another_configuration_is_taken_or_refused_with_the_plugins_words)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", "one"), *stunt = load_good(h, "stunt", "");
    struct error err;

    cr_assert_eq(plugin_reconfigure(p, "two", &err), SEV_OK);
    cr_assert_str_eq(plugin_config(p), "two");
    cr_assert_neq(plugin_reconfigure(p, "no-thanks", &err), SEV_OK);
    cr_assert(strstr(err.text, "this is no configuration for a witness"));
    cr_assert_str_eq(plugin_config(p), "two");
    cr_assert_neq(plugin_reconfigure(stunt, "{}", &err), SEV_OK);
    cr_assert(strstr(err.text, "takes no configuration while it runs"));
    plugin_host_free(h);
}

Test(runtime, metrics_come_with_their_kinds)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", "");
    struct plugin_metric *m;
    struct plugin_event e;
    struct buf b;
    size_t n;

    buf_init(&b, 4096);
    e = event_of(&b, 1, "stunt");
    plugin_host_parse(h, &e);
    m = plugin_metrics(p, &n);
    cr_assert_eq(n, 2);
    cr_assert(str_eq(m[0].name, "parsed") && m[0].monotonic && m[0].value.u == 1);
    cr_assert(str_eq(m[1].name, "share") && !m[1].monotonic && m[1].value.d < -0.4);
    plugin_metrics_free(m, n);
    m = plugin_metrics(load_good(h, "stunt", ""), &n);
    cr_assert_eq(n, 0);
    plugin_metrics_free(m, n);
    buf_fini(&b);
    plugin_host_free(h);
}

Test(runtime, a_plugin_that_reads_system_calls_says_which_version_of_events_it_needs)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness", ""), *stunt = load_good(h, "stunt", "");
    struct error err;

    cr_assert(plugin_schema_fits(p, "3.1.0", &err));
    cr_assert(!plugin_schema_fits(p, "4.0.0", &err)); /* it says nothing: 3.0.0 */
    cr_assert(strstr(err.text, "needs event schema 3.0.0") && strstr(err.text, "majors"));
    cr_assert(plugin_schema_fits(stunt, "4.0.0", &err)); /* its own events only */
    plugin_host_free(h);
}

Test(runtime, a_version_of_events_that_is_none_is_told)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness_odd_schema", "");
    struct error err;

    cr_expect(!plugin_schema_fits(p, "4.0.0", &err));
    cr_expect(strstr(err.text, "invalid required event schema version “four”"), "%s", err.text);
    plugin_host_free(h);
}

Test(parsing, types_of_events_are_those_of_the_table)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load(h, "witness", "types=455");
    struct plugin_event e;
    struct buf b;

    cr_expect_eq(plugin_state(p), PLUGIN_FAILED);
    cr_expect_str_eq(plugin_failure(p)->step, "event-types");
    cr_expect(strstr(plugin_failure(p)->text,
                     "plugin_get_parse_event_types lists the invalid event type 455"),
              "%s", plugin_failure(p)->text);
    plugin_host_free(h);
    /* exactly what is listed: no event of a plugin beside it */
    h = plugin_host_new(&hooks, NULL);
    p = load_good(h, "witness", "types=2");
    buf_init(&b, 4096);
    e = event_of(&b, 1, "stunt");
    plugin_host_parse(h, &e);
    cr_expect_eq(atomic_load(&plugin_stats(p, PF_PARSE_EVENT)->calls), 0);
    cr_expect(plugin_parses(p, 2, "syscall") && !plugin_parses(p, 3, "syscall"));
    buf_fini(&b);
    plugin_host_free(h);
}

/* As Rust's SDK writes it (quirk 14). */
Test(runtime, a_version_of_events_with_a_line_end_is_one)
{
    struct plugin_host *h = plugin_host_new(&hooks, NULL);
    struct plugin *p = load_good(h, "witness_newline", "");
    struct error err;

    cr_expect(plugin_schema_fits(p, "4.0.1", &err), "%s", err.text);
    cr_expect(plugin_schema_fits(p, "4.2.0", &err), "%s", err.text);
    cr_expect(!plugin_schema_fits(p, "4.0.0", &err));
    cr_expect(!plugin_schema_fits(p, "5.0.0", &err));
    plugin_host_free(h);
}
