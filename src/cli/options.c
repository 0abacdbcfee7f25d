/* The command line: letters are sysdig's. */
#include <getopt.h>
#include <unistd.h>

#include "internal.h"

enum long_only {
    OPT_PLUGIN_DIR = 256,
    OPT_SPOOL_LIMIT,
    OPT_MEMORY,
    OPT_NO_REPLAY,
    OPT_SHARED_SOURCES,
    OPT_UTC,
    OPT_TOUR,
    OPT_ENGINE,
    OPT_NO_BUNDLED,
    OPT_CSV,
    OPT_RAW_EVENTS,
    OPT_INTERNAL,
    OPT_FORMAT,
    OPT_AT,
    OPT_KEY,
    OPT_RULES,
    OPT_CHECK,
    OPT_LIST,
    OPT_ALL,
    OPT_PRIORITY,
    OPT_STRICT,
    OPT_EXPECT,
    OPT_ALERTS,
    OPT_EVENT
};

/* group: the letters by which commands name the options that they take */
static const struct option_def {
    char group;
    int code;
    const char *name, *arg, *help;
} defs[] = {
    {'s', 'H', "plugin", "SO[:CONFIG]", "load a plugin: a path, or a name that is sought"},
    {'s', 'I', "source", "NAME[:PARAMS]", "open the source of this plugin"},
    {'s', 'c', "config", "FILE", "load the plugins of this configuration of Falco"},
    {'s', 'o', "option", "KEY=VALUE", "set this of the configuration: plugins[0].open_params=x"},
    {'s', OPT_PLUGIN_DIR, "plugin-dir", "DIR", "seek plugins here first (may be repeated)"},
    {'s', OPT_NO_BUNDLED, "no-bundled", NULL,
     "do not load plugins that come along when something needs them"},
    {'s', OPT_NO_REPLAY, "no-replay", NULL,
     "do not start plugins that parse events again, to know values at earlier events"},
    {'s', OPT_SHARED_SOURCES, "shared-sources", NULL,
     "several plugins may provide the same event source, one opened at a time"},
    {'s', OPT_MEMORY, "memory", "SIZE", "for values that are kept or counted (512M)"},
    {'s', 'r', "read", "FILE", "read this capture; the same as giving it as an input"},
    {'s', OPT_RAW_EVENTS, "raw-events", NULL,
     "captures as they stand in the file, halves of calls apart, numbered as sysdig 0.29 does"},
    {'s', OPT_INTERNAL, "internal", NULL, "show events that serve the capture itself, too"},
    {'s', 'f', "follow", NULL, "follow logs and captures as they grow, as tail -f"},
    {'s', OPT_STRICT, "strict", NULL,
     "refuse filters that Falco would: texts of over 255 bytes, or with NUL"},
    {'x', OPT_SPOOL_LIMIT, "spool-limit", "SIZE",
     "keep at most this much of the stream (8G, or half of what is free)"},
    {'s', OPT_TOUR, "tour", NULL, "the bundled tour"},
    {'x', OPT_ENGINE, "engine", "COMMAND", "run the engine elsewhere: 'ssh HOST mews engine'"},
    {'u', OPT_UTC, "utc", NULL, "times in UTC, not in local time"},
    {'p', 'p', "print", "FORMAT",
     "output format, as Falco and sysdig have it: '*%evt.num %evt.time %ka.verb'; c, k: with "
     "containers, pods"},
    {'p', 'x', "print-hex", NULL, "buffers in hex"},
    {'p', 'X', "print-hex-ascii", NULL, "buffers in hex and ASCII"},
    {'p', 'A', "print-ascii", NULL, "of buffers the text only, with its ends of lines"},
    {'p', 'b', "print-base64", NULL, "buffers in base64"},
    {'p', 't', "time", "a|h|r|d|D",
     "form of evt.outputtime: absolute, clock, relative, delta in the call, delta"},
    {'j', 'j', "json", NULL, "print JSON"},
    {'n', 'n', "count", "COUNT", "stop after so many lines"},
    {'a', OPT_AT, "at", "EVENT|TIME",
     "behind this event, or at this time: 12:30:05, +5m (the end)"},
    {'R', OPT_RULES, "rules", "FILE", "load these rules, or those in a folder (may be repeated)"},
    {'r', OPT_CHECK, "check", NULL, "only say whether they can be used"},
    {'r', OPT_LIST, "list", NULL, "only list them"},
    {'r', OPT_ALL, "all", NULL, "every rule that matches an event, not just the first"},
    {'r', OPT_PRIORITY, "priority", "LEVEL", "only rules at least as severe: notice (debug)"},
    {'r', OPT_EXPECT, "expect", "FILE",
     "say whether events match that must, and those that must not"},
    {'l', OPT_ALERTS, "alerts", "FILE",
     "tie these alerts of Falco's (lines of JSON) to their events"},
    {'e', OPT_EVENT, "event", "NUMBER", "explain this event (the first that matches)"},
    {'k', OPT_KEY, "key", "container|pod", "what metadata is about (container)"},
    {'c', OPT_CSV, "csv", NULL, "print CSV"},
    {'m', OPT_FORMAT, "format", "FORM", "text, json or markdown"},
    {'w', 'w', "write", "FILE", "the capture to write; - is standard output"},
    {'w', 'z', "compress", NULL, "compress it with gzip"},
    {'w', 'C', "file-size", "MB", "begin another file after so many million bytes"},
    {'w', 'G', "file-seconds", "SECONDS", "begin another file after so many seconds"},
    {'w', 'e', "file-events", "COUNT", "begin another file after so many events"},
    {'w', 'W', "files", "COUNT", "keep so many files, then overwrite the oldest"},
    {'w', 'M', "seconds", "SECONDS", "stop after so many seconds"},
    {'h', 'h', "help", NULL, "print this"},
};

static bool takes(const struct command *c, const struct option_def *d)
{
    return d->group == 'h' || strchr(c->options, d->group);
}

void options_help(const struct command *c, FILE *to)
{
    fprintf(to, "usage: mews %s\n\n%s\n\n", c->usage, c->summary);
    for (size_t i = 0; i < COUNT_OF(defs); i++) {
        char head[60];

        if (!takes(c, &defs[i]))
            continue;
        snprintf(head, sizeof(head), "%s%c%s--%s%s%s", defs[i].code < 256 ? "-" : " ",
                 defs[i].code < 256 ? defs[i].code : ' ', defs[i].code < 256 ? ", " : "  ",
                 defs[i].name, defs[i].arg ? " " : "", defs[i].arg ? defs[i].arg : "");
        fprintf(to, "  %-32s %s\n", head, defs[i].help);
    }
}

void options_init(struct options *o)
{
    memset(o, 0, sizeof(*o));
    o->priority = PRIORITY_DEBUG;
    spec_init(&o->spec);
    o->time_mode = 'h';
    o->input_fd = -1;
}

void options_fini(struct options *o)
{
    spec_fini(&o->spec);
    str_list_fini(&o->inputs);
    str_list_fini(&o->words);
    str_list_fini(&o->configs);
    str_list_fini(&o->rules);
    str_list_fini(&o->config_options);
    free(o->filter);
    free(o->format);
    free(o->remote);
}

/* Directories given by option come before the others, in their order. */
static void add_plugin_dir(struct options *o, const char *dir, size_t *given)
{
    str_list_add(&o->spec.plugin_dirs, dir);
    for (size_t i = o->spec.plugin_dirs.n - 1; i > *given; i--) {
        char *t = o->spec.plugin_dirs.v[i];

        o->spec.plugin_dirs.v[i] = o->spec.plugin_dirs.v[i - 1];
        o->spec.plugin_dirs.v[i - 1] = t;
    }
    (*given)++;
}

static enum severity read_count(const char *arg, uint64_t *out, struct error *err)
{
    if (parse_u64(span_of(arg), out) && *out > 0)
        return SEV_OK;
    return error_set(err, ERR_USAGE, "“%s” is no count", arg);
}

static enum severity read_time_mode(const char *arg, char *out, struct error *err)
{
    if (strlen(arg) == 1 && strchr("ahrdD", *arg)) {
        *out = *arg;
        return SEV_OK;
    }
    return error_set(err, ERR_USAGE, "-t %s: a, h, r, d or D is needed", arg);
}

#define LINE_START "*%evt.num %evt.outputtime %evt.cpu "
#define LINE_REST                                                                                  \
    " (%container.id) %proc.name (%thread.tid:%thread.vtid) %evt.dir %evt.type %evt.info"

/* sysdig's -pc and -pk stand for formats. */
static const char *format_named(const char *arg)
{
    if (str_eq(arg, "c") || str_eq(arg, "container"))
        return LINE_START "%container.name" LINE_REST;
    if (str_eq(arg, "k") || str_eq(arg, "kubernetes"))
        return LINE_START "%k8s.pod.name" LINE_REST;
    return arg;
}

static enum severity read_form(struct options *o, const char *arg, struct error *err)
{
    o->json = str_eq(arg, "json");
    o->markdown = str_eq(arg, "markdown");
    if (o->json || o->markdown || str_eq(arg, "text"))
        return SEV_OK;
    return error_set(err, ERR_USAGE, "--format %s: text, json or markdown is needed", arg);
}

/* What is printed or written, and how. */
static enum severity apply_output(struct options *o, int code, const char *arg, struct error *err)
{
    switch (code) {
    case OPT_EVENT:
        return read_count(arg, &o->event, err);
    case OPT_ALL:
        o->all = true;
        break;
    case OPT_PRIORITY:
        o->priority_given = true;
        if (!rule_priority_parse(arg, &o->priority))
            return error_set(err, ERR_USAGE,
                             "--priority %s: emergency, alert, critical, error, warning, notice, "
                             "informational or debug is needed",
                             arg);
        break;
    case OPT_KEY:
        o->key = arg;
        break;
    case 'p':
        free(o->format);
        o->format = xstrdup(format_named(arg));
        break;
    case 'x':
        o->bytes = "hex";
        break;
    case 'X':
        o->bytes = "hex_ascii";
        break;
    case 'A':
        o->bytes = "ascii";
        break;
    case 'b':
        o->bytes = "base64";
        break;
    case 't':
        return read_time_mode(arg, &o->time_mode, err);
    case 'j':
        o->json = true;
        break;
    case 'n':
        return read_count(arg, &o->limit, err);
    case 'w':
        o->write_to = arg;
        break;
    case 'z':
        o->compress = true;
        break;
    case 'C':
        if (read_count(arg, &o->rotate_bytes, err) != SEV_OK)
            return SEV_FAILED;
        o->rotate_bytes *= 1000000;
        break;
    case 'G':
        return read_count(arg, &o->rotate_seconds, err);
    case 'e':
        return read_count(arg, &o->rotate_events, err);
    case 'W':
        return read_count(arg, &o->keep_files, err);
    case 'M':
        return read_count(arg, &o->seconds, err);
    default:
        break;
    }
    return SEV_OK;
}

static enum severity apply(struct options *o, int code, const char *arg, size_t *given_dirs,
                           struct error *err)
{
    switch (code) {
    case 'H':
        return spec_add_plugin(&o->spec, arg, err);
    case 'I':
        return spec_set_source(&o->spec, arg, err);
    case 'c':
        str_list_add(&o->configs, arg);
        break;
    case 'o':
        str_list_add(&o->config_options, arg);
        break;
    case OPT_STRICT:
        o->spec.strict = true;
        break;
    case OPT_NO_REPLAY:
        o->spec.no_replay = true;
        break;
    case OPT_SHARED_SOURCES:
        o->spec.shared_sources = true;
        break;
    case OPT_PLUGIN_DIR:
        add_plugin_dir(o, arg, given_dirs);
        break;
    case OPT_SPOOL_LIMIT:
        return parse_size(arg, &o->spec.spool_limit, err);
    case OPT_MEMORY:
        return parse_size(arg, &o->spec.memory, err);
    case OPT_NO_BUNDLED:
        o->spec.no_auto = true;
        break;
    case OPT_UTC:
        o->utc = true;
        break;
    case OPT_TOUR:
        o->tour = true;
        break;
    case OPT_ENGINE:
        o->remote = xstrdup(arg);
        break;
    case OPT_AT:
        o->at = arg;
        break;
    case OPT_RULES:
        str_list_add(&o->rules, arg);
        break;
    case OPT_EXPECT:
        o->expect = arg;
        break;
    case OPT_ALERTS:
        o->alerts = arg;
        break;
    case OPT_CHECK:
        o->check = true;
        break;
    case OPT_LIST:
        o->list = true;
        break;
    case OPT_CSV:
        o->csv = true;
        break;
    case OPT_FORMAT:
        return read_form(o, arg, err);
    case 'r':
        str_list_add(&o->inputs, arg);
        break;
    case OPT_RAW_EVENTS:
        o->spec.raw_events = true;
        break;
    case OPT_INTERNAL:
        o->spec.internal = true;
        break;
    case 'f':
        o->follow = o->spec.follow = true;
        break;
    default:
        return apply_output(o, code, arg, err);
    }
    return SEV_OK;
}

static size_t build_tables(const struct command *c, struct option *longs, char *shorts)
{
    size_t n = 0;

    for (size_t i = 0; i < COUNT_OF(defs); i++) {
        const struct option_def *d = &defs[i];

        if (!takes(c, d))
            continue;
        longs[n++] =
            (struct option){d->name, d->arg ? required_argument : no_argument, NULL, d->code};
        if (d->code < 256) {
            *shorts++ = (char)d->code;
            if (d->arg)
                *shorts++ = ':';
        }
    }
    longs[n] = (struct option){0};
    *shorts = '\0';
    return n;
}

/* What is on another machine is not known here. */
static bool exists(const struct options *o, const char *path)
{
    return !o->remote && access(path, F_OK) == 0;
}

/* An input: it exists, is "-", or looks like a path. What is left of the words is the filter, as
 * sysdig takes it. */
static bool is_input(const struct options *o, const char *word)
{
    const char *dot = strrchr(word, '.');

    if (str_eq(word, "-") || exists(o, word))
        return true;
    if (strpbrk(word, " \t\n=<>()[]\"'"))
        return false; /* no path, but a piece of a filter */
    if (strchr(word, '/'))
        return true;
    return dot && dot != word && dot[1] &&
           strspn(dot + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") ==
               strlen(dot + 1);
}

static void take_words(const struct command *c, struct options *o, int argc, char **argv)
{
    struct buf filter;
    int i = 0;

    for (; i < argc && o->words.n < c->nwords; i++)
        str_list_add(&o->words, argv[i]);
    /* a field followed by an operator is a filter, although it has a dot in its name */
    for (; i < argc && is_input(o, argv[i]); i++) {
        bool there = str_eq(argv[i], "-") || exists(o, argv[i]);

        if (!there && !strchr(argv[i], '/') && i + 1 < argc && !exists(o, argv[i + 1]))
            break;
        str_list_add(&o->inputs, argv[i]);
    }
    buf_init(&filter, 1 << 20);
    for (; i < argc; i++)
        buf_addf(&filter, "%s%s", filter.len ? " " : "", argv[i]);
    o->filter = buf_steal(&filter);
}

int options_parse(const struct command *c, int argc, char **argv, struct options *o)
{
    struct option longs[COUNT_OF(defs) + 1];
    char shorts[2 * COUNT_OF(defs) + 2];
    size_t given_dirs = 0;
    struct error err;
    int code;

    build_tables(c, longs, shorts);
    if (spec_add_own(&o->spec, &o->utc, &err) != SEV_OK) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    opterr = 0;
    optind = 1;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (code == 'h') {
            options_help(c, stdout);
            return EXIT_OK;
        }
        if (code == '?') {
            complain("%s is no option here, or needs an argument (mews %s --help lists them)",
                     argv[optind - 1], c->name);
            return EXIT_USAGE;
        }
        if (apply(o, code, optarg, &given_dirs, &err) != SEV_OK) {
            complain("%s", err.text);
            return EXIT_USAGE;
        }
    }
    take_words(c, o, argc - optind, argv + optind);
    return -1;
}
