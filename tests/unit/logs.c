/* The logs plugin, through the host as any other: what it recognises, and where lines come from. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "mews/plugin.h"

static struct plugin_host *host;
static struct plugin *logs;
static char dir[64];

static void no_log(void *ctx, const char *plugin, int severity, const char *component,
                   const char *text)
{
    UNUSED(ctx);
    UNUSED(plugin);
    UNUSED(severity);
    UNUSED(component);
    UNUSED(text);
}

static void start(void)
{
    struct plugin_hooks hooks = {.log = no_log};
    char path[512], exe[512];
    struct plugin_info info;
    struct plugin_failure f;

    snprintf(path, sizeof(path), "%s/plugins/logs.so", getenv("MEWS_BUILDDIR"));
    snprintf(exe, sizeof(exe), "%s/mews", getenv("MEWS_BUILDDIR"));
    host = plugin_host_new(&hooks, NULL);
    cr_assert_eq(plugin_probe(exe, path, &info, &f), SEV_OK, "%s", f.text);
    logs = plugin_load(host, &info, "");
    cr_assert_eq(plugin_state(logs), PLUGIN_INITIALISED);
    plugin_info_fini(&info);
    snprintf(dir, sizeof(dir), "/tmp/mews-logs-XXXXXX");
    cr_assert(mkdtemp(dir));
}

static void stop(void)
{
    char command[100];

    plugin_host_free(host);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}

static char *in_dir(const char *name)
{
    return path_join(dir, name);
}

static void write_text(const char *name, const char *text, const char *mode)
{
    char *path = in_dir(name);
    FILE *f = fopen(path, mode);

    cr_assert(f);
    fputs(text, f);
    fclose(f);
    free(path);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void open_source(const char *params)
{
    struct error err;

    cr_assert_eq(plugin_stream_open(logs, params, &err), SEV_OK, "%s", err.text);
}

/* Reads until so many lines are there or the source ends; gives the lines, each with a newline. */
static const char *read_lines(size_t want, int *rc)
{
    static struct buf lines;
    struct plugin_batch b = {0};
    struct buf event;
    struct error err;
    size_t n = 0;

    buf_init(&event, 0);
    buf_reset(&lines);
    for (int i = 0; i < 400 && n < want; i++) {
        cr_assert_eq(plugin_stream_next(logs, &b, &err), SEV_OK, "%s", err.text);
        for (uint32_t k = 0; k < b.n; k++, n++) {
            struct span payload;

            buf_reset(&event);
            cr_assert_eq(plugin_event_take(logs, b.events[k], 0, &event, &err), SEV_OK, "%s",
                         err.text);
            payload = event_payload(event.data);
            buf_adds(&lines, payload.p);
            buf_addc(&lines, '\n');
        }
        if (b.rc != SS_PLUGIN_SUCCESS && b.rc != SS_PLUGIN_TIMEOUT)
            break;
    }
    if (rc)
        *rc = b.rc;
    buf_fini(&event);
    return buf_str(&lines);
}

static void close_source(void)
{
    plugin_stream_close(logs);
}

Test(logs, a_file_is_read_to_its_end_with_or_without_a_last_newline, .init = start, .fini = stop)
{
    char *path;
    int rc;

    write_text("a", "one\r\n\ntwo\nthree", "w");
    path = in_dir("a");
    open_source(path);
    cr_expect_str_eq(read_lines(100, &rc), "one\n\ntwo\nthree\n");
    cr_expect_eq(rc, SS_PLUGIN_EOF);
    free(path);
}

Test(logs, gzip_is_read_as_the_lines_that_are_in_it, .init = start, .fini = stop)
{
    char *path = in_dir("a.gz");
    gzFile z = gzopen(path, "wb");

    gzputs(z, "one\ntwo\n");
    gzclose(z);
    open_source(path);
    cr_expect_str_eq(read_lines(100, NULL), "one\ntwo\n");
    free(path);
}

Test(logs, files_of_a_folder_are_one_stream_in_order_of_time, .init = start, .fini = stop)
{
    write_text("b.log", "2024-01-01T00:00:02Z two\nstays behind two\n2024-01-01T00:00:04Z four\n",
               "w");
    write_text("a.log", "2024-01-01T00:00:01Z one\n2024-01-01T00:00:03Z three\n", "w");
    write_text(".hidden", "no\n", "w");
    open_source(dir);
    cr_expect_str_eq(read_lines(100, NULL),
                     "2024-01-01T00:00:01Z one\n2024-01-01T00:00:02Z two\nstays behind two\n"
                     "2024-01-01T00:00:03Z three\n2024-01-01T00:00:04Z four\n");
}

static void follow(const char *name)
{
    char *path = in_dir(name), *params = xasprintf("{\"paths\":[\"%s\"],\"follow\":true}", path);

    open_source(params);
    free(path);
    free(params);
}

Test(logs, a_file_that_is_followed_gives_what_is_added, .init = start, .fini = stop)
{
    write_text("a", "one\ntw", "w");
    follow("a");
    cr_expect_str_eq(read_lines(1, NULL), "one\n");
    write_text("a", "o\nthree\n", "a");
    cr_expect_str_eq(read_lines(2, NULL), "two\nthree\n");
}

Test(logs, a_file_that_is_rotated_is_followed_to_its_end_and_then_the_new_one, .init = start,
     .fini = stop)
{
    char *old = in_dir("a"), *rotated = in_dir("a.1");

    write_text("a", "one\n", "w");
    follow("a");
    cr_expect_str_eq(read_lines(1, NULL), "one\n");
    write_text("a", "two\n", "a");
    cr_assert_eq(rename(old, rotated), 0);
    write_text("a", "three\n", "w");
    cr_expect_str_eq(read_lines(2, NULL), "two\nthree\n");
    write_text("a", "four\n", "a");
    cr_expect_str_eq(read_lines(1, NULL), "four\n");
    free(old);
    free(rotated);
}

Test(logs, a_file_that_is_cut_in_place_is_read_from_its_start_again, .init = start, .fini = stop)
{
    write_text("a", "one line that is long\n", "w");
    follow("a");
    cr_expect_str_eq(read_lines(1, NULL), "one line that is long\n");
    write_text("a", "new\n", "w");
    cr_expect_str_eq(read_lines(1, NULL), "new\n");
}

Test(logs, a_last_line_without_an_end_is_given_out_when_its_file_is_replaced, .init = start,
     .fini = stop)
{
    char *old = in_dir("a"), *rotated = in_dir("a.1");

    write_text("a", "one\ntwo", "w");
    follow("a");
    cr_expect_str_eq(read_lines(1, NULL), "one\n");
    cr_assert_eq(rename(old, rotated), 0);
    write_text("a", "three\n", "w");
    cr_expect_str_eq(read_lines(2, NULL), "two\nthree\n");
    free(old);
    free(rotated);
}

Test(logs, a_folder_that_is_followed_gains_files_and_reads_none_twice, .init = start, .fini = stop)
{
    char *params = xasprintf("{\"paths\":[\"%s\"],\"follow\":true}", dir), *old = in_dir("a"),
         *rotated = in_dir("a.1");

    write_text("a", "one\n", "w");
    open_source(params);
    cr_expect_str_eq(read_lines(1, NULL), "one\n");
    cr_assert_eq(rename(old, rotated), 0);
    write_text("a", "two\n", "w");
    cr_expect_str_eq(read_lines(1, NULL), "two\n");
    write_text("b", "three\n", "w");
    cr_expect_str_eq(read_lines(1, NULL), "three\n");
    free(params);
    free(old);
    free(rotated);
}

Test(logs, a_commands_output_is_a_source_and_its_end_is_the_end, .init = start, .fini = stop)
{
    int rc;

    open_source("exec:printf 'one\\ntwo\\n'");
    cr_expect_str_eq(read_lines(100, &rc), "one\ntwo\n");
    cr_expect_eq(rc, SS_PLUGIN_EOF);
    close_source();
}

Test(logs, a_command_that_goes_on_ends_with_its_source, .init = start, .fini = stop)
{
    char *mark = in_dir("pid"),
         *params = xasprintf("exec:echo $$ > %s; echo one; exec sleep 1000", mark);
    struct error err;
    struct buf pid;

    open_source(params);
    cr_expect_str_eq(read_lines(1, NULL), "one\n");
    close_source();
    buf_init(&pid, 100);
    cr_assert_eq(file_read(mark, 100, &pid, &err), SEV_OK);
    cr_expect_neq(kill(atoi(buf_str(&pid)), 0), 0, "it still runs");
    buf_fini(&pid);
    free(mark);
    free(params);
}

Test(logs, what_is_not_there_is_named, .init = start, .fini = stop)
{
    static const char *const bad[] = {"/nowhere/at/all", "{\"paths\":", "{\"paths\":[]}", "fd:999"};
    struct error err;

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        cr_expect_neq(plugin_stream_open(logs, bad[i], &err), SEV_OK, "%s", bad[i]);
        cr_expect(strlen(err.text) > strlen("plugin logs: plugin_open: "), "%s: %s", bad[i],
                  err.text);
    }
    cr_expect_neq(plugin_stream_open(logs, "/nowhere/at/all", &err), SEV_OK);
    cr_expect(strstr(err.text, "/nowhere/at/all") && strstr(err.text, "No such file"), "%s",
              err.text);
}

/* ---- what a line says ------------------------------------------------------------------------ */

static const char *say(const char *field, const char *line)
{
    static struct buf out;
    struct arena arena = {0};
    struct buf event, payload;
    struct value v = {0};
    const struct plugin_info *info = plugin_info(logs);

    buf_init(&event, 0);
    buf_init(&payload, 0);
    buf_add(&payload, line, strlen(line) + 1);
    buf_add(&payload, "p\0\0\0\0\0\0\0\0\0", 10);
    event_plugin_make(&event, 1540490027000000000, info->id,
                      (struct span){payload.data, payload.len});
    for (uint32_t i = 0; i < info->fields.n; i++) {
        static uint64_t number;
        struct plugin_event e = {event.data, ++number, "logs"};

        if (str_eq(info->fields.v[i].name, field))
            plugin_extract(logs, i, &(struct plugin_arg){0}, false, &e, &arena, &v);
    }
    buf_reset(&out);
    if (v.state == VALUE_OK)
        value_text(&v, &out);
    else
        buf_adds(&out, v.state == VALUE_NONE ? "none" : "failed");
    arena_fini(&arena);
    buf_fini(&event);
    buf_fini(&payload);
    return buf_str(&out);
}

Test(logs, times_levels_hosts_and_programs_are_recognised, .init = start, .fini = stop)
{
    static const struct {
        const char *line, *time, *level, *host, *program, *message;
    } cases[] = {
        {"2018-10-25T13:58:49.123Z ERROR disk is full", "1540475929123000000", "error", "none",
         "none", "disk is full"},
        {"2018-10-25 13:58:49,5 [WARN] x", "1540475929500000000", "warning", "none", "none", "x"},
        {"2018-10-25T15:58:49+02:00 hello", "1540475929000000000", "none", "none", "none", "hello"},
        {"Oct 25 13:58:49 web1 sshd[99]: Failed password", NULL, "none", "web1", "sshd",
         "Failed password"},
        {"<34>1 2018-10-25T13:58:49Z web1 su 12 ID47 - gone", "1540475929000000000", "critical",
         "web1", "su", "gone"},
        {"1.2.3.4 - - [25/Oct/2018:13:58:49 +0000] \"GET / HTTP/1.1\" 200 1", "1540475929000000000",
         "none", "none", "none", NULL},
        {"{\"time\":\"2018-10-25T13:58:49Z\",\"level\":\"warn\",\"msg\":\"hi \\u00e9\"}",
         "1540475929000000000", "warning", "none", "none", "hi é"},
        {"{\"ts\":1540475929.5,\"severity\":\"ERROR\",\"message\":\"m\"}", "1540475929500000000",
         "error", "none", "none", "m"},
        {"plain words", "none", "none", "none", "none", "plain words"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (cases[i].time)
            cr_expect_str_eq(say("log.time", cases[i].line), cases[i].time, "%s: %s", cases[i].line,
                             say("log.time", cases[i].line));
        cr_expect_str_eq(say("log.level", cases[i].line), cases[i].level, "%s: %s", cases[i].line,
                         say("log.level", cases[i].line));
        cr_expect_str_eq(say("log.host", cases[i].line), cases[i].host, "%s: %s", cases[i].line,
                         say("log.host", cases[i].line));
        cr_expect_str_eq(say("log.program", cases[i].line), cases[i].program, "%s: %s",
                         cases[i].line, say("log.program", cases[i].line));
        if (cases[i].message)
            cr_expect_str_eq(say("log.message", cases[i].line), cases[i].message, "%s: %s",
                             cases[i].line, say("log.message", cases[i].line));
        cr_expect_str_eq(say("log.line", cases[i].line), cases[i].line);
    }
}

Test(logs, nonsense_never_harms, .init = start, .fini = stop)
{
    static const char *const lines[] = {"",
                                        "<",
                                        "<9999>",
                                        "<34>",
                                        "{",
                                        "{}",
                                        "[",
                                        "2018",
                                        "2018-99-99T99:99:99Z x",
                                        "Oct",
                                        "Oct 99 99:99:99 x y: z",
                                        "{\"time\":{},\"level\":[],\"msg\":null}",
                                        "\xff\xfe\x01",
                                        "[[[[[[[[[[[[[[",
                                        "9999999999999999999999",
                                        "{\"ts\":1e308}",
                                        "{\"ts\":-1}"};

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        cr_expect_str_eq(say("log.line", lines[i]), lines[i]);
        say("log.time", lines[i]);
        say("log.message", lines[i]);
        say("log.level", lines[i]);
    }
}
