/* mews info: what a capture is made of. mews count: how many events match. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "internal.h"

/* ---- count ----------------------------------------------------------------------------------- */

static void print_count(struct options *o, const json_t *end)
{
    uint64_t matched = rpc_u64_or(end, "matched", 0), events = rpc_u64_or(end, "events", 0);

    if (o->json)
        printf("{\"events\":%llu,\"matched\":%llu}\n", (unsigned long long)events,
               (unsigned long long)matched);
    else
        printf("%llu\n", (unsigned long long)matched);
}

int command_count_events(struct options *o)
{
    return output_run(o, json_pack("{ss so}", "kind", "total", "filter", rpc_str(o->filter)),
                      "count", print_count);
}

/* ---- info ------------------------------------------------------------------------------------ */

/* The file's own bytes, not what is inside the compression. */
static bool digest_of(const char *path, char out[65], uint64_t *size)
{
    static char bytes[1 << 16];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct sha256 s;
    ssize_t n;

    if (fd < 0)
        return false;
    sha256_init(&s);
    *size = 0;
    while ((n = read(fd, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0) {
            sha256_add(&s, bytes, (size_t)n);
            *size += (uint64_t)n;
        }
    }
    close(fd);
    sha256_end(&s, out);
    return n == 0;
}

static void line(const char *name, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void line(const char *name, const char *fmt, ...)
{
    struct buf safe;
    va_list ap;
    char *text;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = xstrdup("");
    va_end(ap);
    buf_init(&safe, 1 << 16);
    text_make_visible(&safe, text, strlen(text));
    printf("%-12s %s\n", name, buf_str(&safe));
    buf_fini(&safe);
    free(text);
}

static void print_time(const struct options *o, const json_t *time)
{
    uint64_t earliest = rpc_u64_or(time, "earliest", 0), latest = rpc_u64_or(time, "latest", 0);
    char a[40], b[40], took[32];

    line("from", "%s", time_format(earliest, TIME_DATETIME, o->utc, a));
    line("to", "%s, %s", time_format(latest, TIME_DATETIME, o->utc, b),
         text_duration(latest - earliest, took));
    if (rpc_u64_or(time, "steps_back", 0))
        line("order", "%llu events are earlier than the one before them",
             (unsigned long long)rpc_u64_or(time, "steps_back", 0));
}

static void print_lists(const json_t *info)
{
    const json_t *item;
    char n[32], bytes[32];
    size_t i;

    json_array_foreach(json_object_get(info, "sources"), i, item) {
        const char *source = rpc_get_str(item, "source"), *plugin = rpc_get_str(item, "plugin");

        if (json_object_get(item, "plugin_id"))
            line(i ? "" : "sources", "%12s  %s, plugin ID %lld%s%s%s",
                 text_count(rpc_u64_or(item, "count", 0), n),
                 source && *source ? source : "unknown",
                 (long long)json_integer_value(json_object_get(item, "plugin_id")),
                 plugin ? " (" : "", plugin ? plugin : "", plugin ? ")" : "");
        else
            line(i ? "" : "sources", "%12s  %s", text_count(rpc_u64_or(item, "count", 0), n),
                 source);
    }
    json_array_foreach(json_object_get(info, "types"), i, item)
        line(i ? "" : "types", "%12s  %s %s", text_count(rpc_u64_or(item, "count", 0), n),
             str_eq(rpc_get_str(item, "direction"), "exit") ? "<" : ">", rpc_get_str(item, "name"));
    json_array_foreach(json_object_get(info, "blocks"), i, item)
        line(i ? "" : "blocks", "%12s  %-24s %10s", text_count(rpc_u64_or(item, "count", 0), n),
             rpc_get_str(item, "name"), text_bytes(rpc_u64_or(item, "bytes", 0), bytes));
    json_array_foreach(json_object_get(info, "damage"), i, item)
        line(i ? "" : "damage", "%s", json_string_value(item));
    if (json_array_size(json_object_get(info, "damage")) == 0)
        line("damage", "none");
}

static void print_info(struct options *o, const json_t *end)
{
    json_t *info = json_deep_copy(json_object_get(end, "info"));
    const json_t *machine = json_object_get(info, "machine");
    const char *host = rpc_get_str(machine, "hostname");
    bool file = o->spec.captures.n == 1 && !str_starts(o->spec.captures.v[0], "fd:");
    char digest[65], a[32], b[32];
    uint64_t size = 0;
    bool digested = file && digest_of(o->spec.captures.v[0], digest, &size);

    if (file)
        json_object_set_new(info, "path", rpc_str(o->spec.captures.v[0]));
    if (digested) {
        json_object_set_new(info, "size", rpc_u64(size));
        json_object_set_new(info, "sha256", json_string(digest));
    }
    if (o->json) {
        put_json(info, JSON_INDENT(2));
        json_decref(info);
        return;
    }
    if (file)
        line("file", "%s", o->spec.captures.v[0]);
    if (digested) {
        line("size", "%s%s%s", text_bytes(size, a),
             rpc_u64_or(info, "inside", 0) != size ? ", decompressed " : "",
             rpc_u64_or(info, "inside", 0) != size ? text_bytes(rpc_u64_or(info, "inside", 0), b)
                                                   : "");
        line("sha256", "%s", digest);
    }
    line("sections", "%lld", (long long)json_integer_value(json_object_get(info, "sections")));
    if (host && *host)
        line("machine", "%s, %lld processors, %s", host,
             (long long)json_integer_value(json_object_get(machine, "cpus")),
             text_bytes(rpc_u64_or(machine, "memory", 0), a));
    line("events", "%s", text_count(rpc_u64_or(info, "events", 0), a));
    if (rpc_u64_or(info, "events", 0))
        print_time(o, json_object_get(info, "time"));
    print_lists(info);
    json_decref(info);
}

int command_info(struct options *o)
{
    if (o->spec.captures.n == 0) {
        complain("mews info needs a capture: mews info FILE");
        return EXIT_USAGE;
    }
    return output_run(o, json_pack("{ss so}", "kind", "info", "filter", rpc_str(o->filter)), "read",
                      print_info);
}
