/* mews: the commands, and the processes' own entries. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "build.h"
#include "internal.h"

const struct command commands[] = {
    {"", "[INPUT…] [FILTER]",
     "Explore a capture, a plugin, a log or a live stream. Without anything: the tour.", "sxuRl", 0,
     command_explore},
    {"print", "print [INPUT…] [FILTER]", "Print events, one a line.", "supjn", 0, command_print},
    {"top", "top FIELD[,FIELD…] [INPUT…] [FILTER]", "Count events by the values of fields.",
     "sujnc", 1, command_top},
    {"count", "count [INPUT…] [FILTER]", "Count the events that match.", "suj", 0,
     command_count_events},
    {"info", "info CAPTURE", "Say what a capture is made of, and what of it is damaged.", "suj", 0,
     command_info},
    {"state", "state threads|tree|fds|containers CAPTURE",
     "Say what the machine of a capture was at a moment: ps, lsof, netstat of then.", "suja", 1,
     command_state},
    {"metadata", "metadata CAPTURE",
     "Say how late what is known of containers came, and how many events went without.", "sujk", 0,
     command_metadata},
    {"rules", "rules --rules FILE [INPUT…] [FILTER]",
     "Print what Falco's rules say of events, or whether the rules can be used.", "sujnRrl", 0,
     command_rules},
    {"shell", "shell [INPUT…] [FILTER]",
     "The explorer line by line: typed, or from a file or pipe; help lists what it can do.", "sxuR",
     0, command_shell},
    {"explain", "explain [INPUT…] FILTER",
     "Say why a filter holds for an event or not, and how many events each part lets through.",
     "suje", 0, command_explain},
    {"record", "record -w FILE [INPUT…] [FILTER]",
     "Write a capture: of a plugin's events as they come, or of what a filter selects.", "swn", 0,
     command_record},
    {"plugins", "plugins [NAME|SO…]",
     "List plugins, what they can do, or what keeps them from being used.", "sj", 0,
     command_plugins},
    {"fields", "fields [SO…]", "List fields, of the given plugins or all.", "sjm", 0,
     command_fields},
    {"engine", "engine",
     "The engine alone: JSON-RPC 2.0 on standard input and output (share/doc/protocol.md).", "", 0,
     command_engine},
};
const size_t command_count = COUNT_OF(commands);

void complain(const char *fmt, ...)
{
    bool color = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    struct buf raw, safe;
    va_list ap;
    char *text;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    buf_init(&raw, 1 << 20);
    buf_init(&safe, 4 << 20);
    buf_adds(&raw, text ? text : "");
    while (raw.len && raw.data[raw.len - 1] == '\n')
        raw.len--;
    for (size_t at = 0; at < raw.len;) { /* lines stay lines */
        char *end = memchr(raw.data + at, '\n', raw.len - at);
        size_t n = end ? (size_t)(end - raw.data) - at : raw.len - at;

        text_make_visible(&safe, raw.data + at, n);
        buf_addc(&safe, '\n');
        at += n + 1;
    }
    fprintf(stderr, "%smews:%s %s", color ? "\033[31m" : "", color ? "\033[0m" : "",
            safe.len ? buf_str(&safe) : "\n");
    buf_fini(&raw);
    buf_fini(&safe);
    free(text);
}

void complain_syntax(const char *what, const char *text, const json_t *syntax)
{
    uint64_t index = rpc_u64_or(syntax, "index", 0), length = rpc_u64_or(syntax, "length", 0);
    size_t start = 0, end;
    struct buf line, mark;

    while (index > start && memchr(text + start, '\n', index - start))
        start = (size_t)((char *)memchr(text + start, '\n', index - start) - text) + 1;
    end = start + strcspn(text + start, "\n");
    buf_init(&line, 1 << 20);
    buf_init(&mark, 1 << 20);
    text_make_visible(&line, text + start, end - start);
    text_make_visible(&mark, text + start, MIN_OF((size_t)index, end) - start);
    for (size_t i = 0; i < mark.len; i++)
        mark.data[i] = ' ';
    buf_addc(&mark, '^');
    for (uint64_t i = 1; i < length && index + i < end; i++)
        buf_addc(&mark, '~');
    complain("%s: line %llu, column %llu: %s\n  %s\n  %s", what,
             (unsigned long long)rpc_u64_or(syntax, "line", 1),
             (unsigned long long)rpc_u64_or(syntax, "column", 1), rpc_get_str(syntax, "text"),
             buf_str(&line), buf_str(&mark));
    buf_fini(&line);
    buf_fini(&mark);
}

void put_json(const json_t *value, size_t flags)
{
    json_dumpf(value, stdout, flags);
    putchar('\n');
}

int characters(const char *s)
{
    int n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static int print_help(void)
{
    printf("mews %s: an explorer for Falco plugins and the events they make\n\n", PACKAGE_VERSION);
    for (size_t i = 0; i < command_count; i++)
        printf("  mews %s%*s %s\n", commands[i].usage,
               MAX_OF(38 - characters(commands[i].usage), 0), "", commands[i].summary);
    printf("\n  mews --help, mews COMMAND --help, mews --version\n\n");
    options_help(&commands[0], stdout);
    return EXIT_OK;
}

static const struct command *command_named(const char *word)
{
    for (size_t i = 1; i < command_count; i++) {
        if (str_eq(commands[i].name, word))
            return &commands[i];
    }
    return NULL;
}

static int run_command(const struct command *c, int argc, char **argv)
{
    struct options o;
    struct error err;
    int code;

    options_init(&o);
    code = options_parse(c, argc, argv, &o);
    if (code < 0 && c->run != command_engine && !o.remote && inputs_apply(&o, &err) != SEV_OK) {
        complain("%s", err.text);
        code = err.code == ERR_USAGE ? EXIT_USAGE : EXIT_INPUT;
    }
    if (code < 0)
        code = c->run(&o);
    options_fini(&o);
    return code;
}

/* The processes that are this program executed anew; not for people. */
static int internal_entry(int argc, char **argv)
{
    if (argc >= 3 && str_eq(argv[1], "--probe-plugin"))
        return plugin_probe_main(argv[2], 3);
    if (argc >= 2 && str_eq(argv[1], "--symbolize"))
        return symbolize_main(argc - 2, argv + 2);
    if (argc >= 4 && str_eq(argv[1], "--screen-process"))
        return screen_process_main(atoi(argv[2]), atoi(argv[3]));
    if (argc >= 6 && str_eq(argv[1], "--engine-process")) {
        struct engine_fds fds = {.rpc_in = atoi(argv[2]),
                                 .rpc_out = atoi(argv[2]),
                                 .shared = atoi(argv[3]),
                                 .spool = atoi(argv[4]),
                                 .output = atoi(argv[5])};

        for (int i = 2; i < 6; i++) {
            if (atoi(argv[i]) >= 0)
                fd_set_cloexec(atoi(argv[i]), true);
        }
        return engine_main(&fds);
    }
    if (argc >= 3 && str_eq(argv[1], "--replay-process")) {
        struct engine_fds fds = {3, 3, 4, atoi(argv[2]), -1};

        return engine_replay_main(&fds);
    }
    return -1;
}

int main(int argc, char **argv)
{
    const struct command *c = argc > 1 ? command_named(argv[1]) : NULL;
    int code = internal_entry(argc, argv);

    if (code >= 0)
        return code;
    if (argc > 1 && str_eq(argv[1], "--version")) {
        printf("mews %s (plugin API %s, protocol %d)\n", PACKAGE_VERSION, PLUGIN_API_VERSION_STR,
               RPC_PROTOCOL);
        return EXIT_OK;
    }
    if (argc > 1 && (str_eq(argv[1], "--help") || str_eq(argv[1], "help")))
        return print_help();
    code = c ? run_command(c, argc - 1, argv + 1) : run_command(&commands[0], argc, argv);
    if (fflush(stdout) != 0 && errno != EPIPE) {
        complain("standard output: %s", strerror(errno));
        code = code ? code : EXIT_FAILED;
    }
    return code;
}
