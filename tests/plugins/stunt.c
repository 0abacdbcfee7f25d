/*
 * stunt: a plugin for tests that does everything right, or anything wrong that it is asked to.
 *
 * Built in several variants (-DSTUNT_…, see the file "variants"). What it does wrong comes with
 * the configuration ({"init": "fail"}) and with the open parameters ("count=100 ending=eof …").
 */
#include "../../plugins/common.h"

#include <signal.h>
#include <unistd.h>

#ifndef STUNT_NAME
#define STUNT_NAME "stunt"
#endif
#ifndef STUNT_API
#define STUNT_API "3.11.0"
#endif
#ifndef STUNT_ID
#define STUNT_ID 999
#endif
#ifndef STUNT_SOURCE
#define STUNT_SOURCE "stunt"
#endif
#ifndef STUNT_VERSION
#define STUNT_VERSION "1.2.3"
#endif

struct state {
    char error[256];
    uint64_t u64[4];
    const char *str[4];
    ss_plugin_bool flag[4];
    ss_plugin_byte_buffer buf[4];
    unsigned char v4[4], v6[16];
    char text[512];
    char *large;
    uint32_t start, length;
};

struct stream {
    struct state *s;
    uint64_t count, batch, made, size, delay_us;
    char ending[32], trouble[32];
    uint64_t at; /* event at which the trouble comes */
    bool ended, timed_out;
    char *events;
    ss_plugin_event **pointers;
};

#ifdef STUNT_SDK /* all that tells of the plugin is told in one buffer, as by C++'s SDK */
static const char *says(const char *text)
{
    static char one[8192];

    memset(one, 0, sizeof(one));
    memcpy(one, text, strlen(text));
    return one;
}

/* A list that is empty, but not NULL: as by Rust's SDK. */
EXPORT uint16_t *plugin_get_extract_event_types(uint32_t *n, ss_plugin_t *p)
{
    (void)p;
    *n = 0;
    return (uint16_t *)2;
}
#else
#define says(text) (text)
#endif

#ifdef STUNT_SHARES /* as class statics of C++ do, by their name, whatever dlopen was told */
EXPORT char stunt_shared_api[16] = STUNT_API;
__asm__(".type stunt_shared_api, @gnu_unique_object");
#endif

EXPORT const char *plugin_get_required_api_version(void)
{
#ifdef STUNT_SHARES
    return stunt_shared_api;
#else
    return says(STUNT_API);
#endif
}

EXPORT const char *plugin_get_name(void)
{
    return says(STUNT_NAME);
}

EXPORT const char *plugin_get_description(void)
{
    return says("Does everything right, or anything wrong");
}

EXPORT const char *plugin_get_contact(void)
{
    return says("the tests");
}

#ifndef STUNT_NO_VERSION
EXPORT const char *plugin_get_version(void)
{
    return says(STUNT_VERSION);
}
#endif

#ifdef STUNT_DIES_ON_LOAD
__attribute__((constructor)) static void die_on_load(void)
{
    fprintf(stderr, "stunt: dying while it is loaded\n");
    fflush(stderr);
    STUNT_DIES_ON_LOAD;
}
#endif

EXPORT const char *plugin_get_init_schema(ss_plugin_schema_type *type)
{
    *type = SS_PLUGIN_SCHEMA_JSON;
    return "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
           "\"init\":{\"type\":\"string\",\"enum\":[\"fail\",\"fail-null\",\"unset\",\"crash\","
           "\"exit\",\"hang\",\"log\"]},"
           "\"apiToken\":{\"type\":\"string\"},\"limit\":{\"type\":\"integer\",\"minimum\":1}}}";
}

/* Writes a word to the file that STUNT_TRACE names, so that a test can see in which order it was
 * called. */
static void trace(const char *word)
{
    const char *path = getenv("STUNT_TRACE");
    FILE *f = path ? fopen(path, "a") : NULL;

    if (f) {
        fprintf(f, "%s ", word);
        fclose(f);
    }
}

static void be_in_trouble(const char *what)
{
    volatile int *nowhere = NULL;

    if (!*what)
        return;
    printf("stunt: here comes a %s\n",
           what); /* stays in stdio's buffer unless the host flushes lines */
    if (strcmp(what, "crash") == 0)
        *nowhere = 1;
    else if (strcmp(what, "abort") == 0)
        abort();
    else if (strcmp(what, "exit") == 0)
        exit(3);
    else if (strcmp(what, "hang") == 0)
        for (;;)
            pause();
}

EXPORT ss_plugin_t *plugin_init(const ss_plugin_init_input *in, ss_plugin_rc *rc)
{
    struct state *s = calloc(1, sizeof(*s));
    const char *at = strstr(in->config, "\"init\":\"");
    char what[32] = "";

    s->large = malloc(100001);
    memset(s->large, 'x', 100000);
    s->large[100000] = '\0';
    if (at)
        sscanf(at + 8, "%31[^\"]", what);
    if (strcmp(what, "unset") == 0)
        return s;
    if (strcmp(what, "log") == 0)
        for (int i = 0; i <= 9; i++)
            in->log_fn(in->owner, i % 2 ? NULL : "part", "a line of the log\n",
                       (ss_plugin_log_severity)i);
    if (strncmp(what, "fail", 4) == 0) {
        snprintf(s->error, sizeof(s->error), "asked to fail");
        *rc = SS_PLUGIN_FAILURE;
        if (strcmp(what, "fail-null") == 0) {
            free(s->large);
            free(s);
            s = NULL;
        }
        return s;
    }
    be_in_trouble(what);
    trace("init");
    *rc = SS_PLUGIN_SUCCESS;
    return s;
}

EXPORT void plugin_destroy(ss_plugin_t *p)
{
    struct state *s = p;

    trace("destroy");
    free(s->large);
    free(s);
}

EXPORT const char *plugin_get_last_error(ss_plugin_t *p)
{
    struct state *s = p;

    if (!s->error[0])
        abort(); /* asked without a failure, as Go plugins do */
    return s->error;
}

#ifndef STUNT_NO_SOURCE

EXPORT uint32_t plugin_get_id(void)
{
    return STUNT_ID;
}

#ifndef STUNT_ID_ONLY
EXPORT const char *plugin_get_event_source(void)
{
    return says(STUNT_SOURCE);
}
#endif

EXPORT const char *plugin_list_open_params(ss_plugin_t *p, ss_plugin_rc *rc)
{
    (void)p;
    *rc = SS_PLUGIN_SUCCESS;
    return "[{\"value\":\"count=10\",\"desc\":\"ten events\"}]";
}

static uint64_t number_of(const char *params, const char *key, uint64_t otherwise)
{
    const char *at = strstr(params, key);

    return at ? strtoull(at + strlen(key), NULL, 10) : otherwise;
}

static void word_of(const char *params, const char *key, char out[32])
{
    const char *at = strstr(params, key);

    out[0] = '\0';
    if (at)
        sscanf(at + strlen(key), "%31[a-z-]", out);
}

EXPORT ss_instance_t *plugin_open(ss_plugin_t *p, const char *params, ss_plugin_rc *rc)
{
    struct state *s = p;
    struct stream *st;

    if (strstr(params, "refuse")) {
        snprintf(s->error, sizeof(s->error), "these parameters are refused");
        *rc = SS_PLUGIN_FAILURE;
        return NULL;
    }
    if (strstr(params, "unset-rc"))
        return NULL;
    st = calloc(1, sizeof(*st));
    st->s = s;
    st->count = number_of(params, "count=", 10);
    st->batch = number_of(params, "batch=", 10);
    st->size = number_of(params, "size=", 0);
    st->delay_us = number_of(params, "delay=", 0);
    st->at = number_of(params, "at=", UINT64_MAX);
    word_of(params, "ending=", st->ending);
    word_of(params, "trouble=", st->trouble);
    trace("open");
    st->events = malloc(st->batch * (st->size + 200));
    st->pointers = malloc(st->batch * sizeof(*st->pointers));
    *rc = SS_PLUGIN_SUCCESS;
    return st;
}

#ifndef STUNT_NO_CLOSE
EXPORT void plugin_close(ss_plugin_t *p, ss_instance_t *h)
{
    struct stream *st = h;

    (void)p;
    trace("close");
    free(st->events);
    free(st->pointers);
    free(st);
}
#endif

/* An event like {"n":7,"even":false,"pad":"xxx"}; times are a second apart, from 2020-01-01. */
static size_t make_event(struct stream *st, char *to, uint64_t n)
{
    uint64_t ts = 1577836800000000000ull + n * 1000000000ull;
    size_t len =
        (size_t)sprintf(to + PLUGIN_EVENT_PAYLOAD_OFFSET, "{\"n\":%llu,\"even\":%s,\"pad\":\"",
                        (unsigned long long)n, n % 2 ? "false" : "true");

    memset(to + PLUGIN_EVENT_PAYLOAD_OFFSET + len, 'x', st->size);
    len += st->size;
    len += (size_t)sprintf(to + PLUGIN_EVENT_PAYLOAD_OFFSET + len, "\"}");
    event_head(to, ts, n % 3 ? STUNT_ID : 0, (uint32_t)len);
    return PLUGIN_EVENT_PAYLOAD_OFFSET + len;
}

static void spoil(struct stream *st, char *event, uint32_t *nevts, ss_plugin_event ***evts)
{
    uint32_t v;

    if (strcmp(st->trouble, "id") == 0)
        v = 4711, memcpy(event + 34, &v, 4);
    else if (strcmp(st->trouble, "type") == 0)
        memcpy(event + 20, "\x02\x00", 2);
    else if (strcmp(st->trouble, "length") == 0)
        v = 7, memcpy(event + 16, &v, 4);
    else if (strcmp(st->trouble, "sum") == 0)
        v = 1000000, memcpy(event + 30, &v, 4);
    else if (strcmp(st->trouble, "params") == 0)
        v = 3, memcpy(event + 22, &v, 4);
    else if (strcmp(st->trouble, "null-array") == 0)
        *evts = NULL;
    else if (strcmp(st->trouble, "null-event") == 0)
        (*evts)[*nevts - 1] = NULL;
    else
        be_in_trouble(st->trouble);
}

static ss_plugin_rc ending(struct stream *st, uint32_t n)
{
    if (st->made < st->count)
        return SS_PLUGIN_SUCCESS;
    if (strcmp(st->ending, "eof-with-events") == 0 || (strcmp(st->ending, "") == 0 && n == 0) ||
        (strcmp(st->ending, "eof") == 0 && n == 0))
        return SS_PLUGIN_EOF;
    if (strcmp(st->ending, "timeout-with-events") == 0 && !st->timed_out) {
        st->timed_out = true;
        return SS_PLUGIN_TIMEOUT;
    }
    if (strncmp(st->ending, "failure", 7) == 0 &&
        (n == 0 || strcmp(st->ending, "failure-with-events") == 0)) {
        snprintf(st->s->error, sizeof(st->s->error), "the well is dry");
        return SS_PLUGIN_FAILURE;
    }
    if (strcmp(st->ending, "unsupported") == 0 && n == 0) {
        snprintf(st->s->error, sizeof(st->s->error), "not supported here");
        return SS_PLUGIN_NOT_SUPPORTED;
    }
    if (strcmp(st->ending, "strange") == 0 && n == 0) {
        snprintf(st->s->error, sizeof(st->s->error), "a code that nobody knows");
        return (ss_plugin_rc)77;
    }
    if (strcmp(st->ending, "empty-success") == 0 && n == 0)
        return SS_PLUGIN_SUCCESS;
    if (strcmp(st->ending, "timeout-with-events") == 0 && n == 0)
        return SS_PLUGIN_EOF;
    if (strcmp(st->ending, "idle") == 0 && n == 0)
        return SS_PLUGIN_TIMEOUT;
    return n ? SS_PLUGIN_SUCCESS : SS_PLUGIN_EOF;
}

EXPORT ss_plugin_rc plugin_next_batch(ss_plugin_t *p, ss_instance_t *h, uint32_t *nevts,
                                      ss_plugin_event ***evts)
{
    struct stream *st = h;
    size_t len = 0;
    uint32_t n = 0;
    ss_plugin_rc rc;

    (void)p;
    if (st->delay_us)
        usleep((useconds_t)st->delay_us);
    if (st->made == 0 && strcmp(st->trouble, "print") == 0)
        printf("stunt: a line on standard output\n"),
            fprintf(stderr, "stunt: a line on standard error\n");
    for (; n < st->batch && st->made < st->count; n++) {
        st->pointers[n] = (ss_plugin_event *)(void *)(st->events + len);
        len += make_event(st, st->events + len, ++st->made);
        *nevts = n + 1;
        *evts = st->pointers;
        if (st->made == st->at)
            spoil(st, (char *)st->pointers[n], nevts, evts);
    }
    rc = ending(st, n);
    if (n == 0 && rc == SS_PLUGIN_TIMEOUT)
        return rc; /* nevts untouched, as some plugins leave it */
    *nevts = n;
    if (!(st->made >= st->at && strncmp(st->trouble, "null", 4) == 0))
        *evts = st->pointers;
    return rc;
}

EXPORT const char *plugin_get_progress(ss_plugin_t *p, ss_instance_t *h, uint32_t *pct)
{
    struct stream *st = h;

    (void)p;
    *pct = (uint32_t)(st->count ? st->made * 10000 / st->count : 0);
#ifdef STUNT_SDK
    return "";
#else
    return NULL;
#endif
}

EXPORT const char *plugin_event_to_string(ss_plugin_t *p, const ss_plugin_event_input *evt)
{
    struct state *s = p;
    const char *data;
    size_t n;

    if (!event_data(evt->evt, &data, &n))
        return NULL;
    snprintf(s->text, sizeof(s->text), "event %llu of %s", (unsigned long long)evt->evtnum,
             evt->evtsrc);
    return s->text;
}

#endif /* STUNT_NO_SOURCE */

#ifndef STUNT_FIELDS
#define STUNT_FIELDS                                                                               \
    "[{\"name\":\"stunt.n\",\"type\":\"uint64\",\"desc\":\"the event's own number\"},"             \
    "{\"name\":\"stunt.even\",\"type\":\"bool\",\"desc\":\"whether it is even\"},"                 \
    "{\"name\":\"stunt.text\",\"type\":\"string\",\"desc\":\"number N\"},"                         \
    "{\"name\":\"stunt.at\",\"type\":\"abstime\",\"desc\":\"its time\"},"                          \
    "{\"name\":\"stunt.took\",\"type\":\"reltime\",\"desc\":\"n milliseconds\"},"                  \
    "{\"name\":\"stunt.v4\",\"type\":\"ipaddr\",\"desc\":\"10.0.0.n\"},"                           \
    "{\"name\":\"stunt.v6\",\"type\":\"ipaddr\",\"desc\":\"2001:db8::n\"},"                        \
    "{\"name\":\"stunt.net\",\"type\":\"ipnet\",\"desc\":\"10.0.0.n\"},"                           \
    "{\"name\":\"stunt.list\",\"type\":\"string\",\"isList\":true,\"arg\":{\"isIndex\":true},"     \
    "\"desc\":\"a, b, n\"},"                                                                       \
    "{\"name\":\"stunt.numbers\",\"type\":\"uint64\",\"isList\":true,\"desc\":\"n, n+1\"},"        \
    "{\"name\":\"stunt.key\",\"type\":\"string\",\"arg\":{\"isRequired\":true,\"isKey\":true},"    \
    "\"desc\":\"the key itself\"},"                                                                \
    "{\"name\":\"stunt.both\",\"type\":\"string\",\"arg\":{\"isRequired\":true,\"isKey\":true,"    \
    "\"isIndex\":true},\"desc\":\"key and index\"},"                                               \
    "{\"name\":\"stunt.none\",\"type\":\"string\",\"arg\":null,\"display\":null,\"properties\":"   \
    "null,\"desc\":\"never a value\"},"                                                            \
    "{\"name\":\"stunt.refused\",\"type\":\"string\",\"desc\":\"fails with a reason\"},"           \
    "{\"name\":\"stunt.empty\",\"type\":\"string\",\"desc\":\"an empty text\"},"                   \
    "{\"name\":\"stunt.hostile\",\"type\":\"string\",\"desc\":\"what must not reach a "            \
    "terminal\"},"                                                                                 \
    "{\"name\":\"stunt.large\",\"type\":\"string\",\"desc\":\"100,000 bytes\"},"                   \
    "{\"name\":\"stunt.two\",\"type\":\"uint64\",\"desc\":\"two values, although it is no "        \
    "list\"},"                                                                                     \
    "{\"name\":\"stunt.nullstr\",\"type\":\"string\",\"desc\":\"a NULL string\"},"                 \
    "{\"name\":\"stunt.badip\",\"type\":\"ipaddr\",\"desc\":\"an address of three bytes\"},"       \
    "{\"name\":\"stunt.noarray\",\"type\":\"uint64\",\"desc\":\"a count without an array\"},"      \
    "{\"name\":\"stunt.crash\",\"type\":\"string\",\"properties\":[\"hidden\"],\"desc\":\"dies "   \
    "by SIGSEGV\"},"                                                                               \
    "{\"name\":\"stunt.abort\",\"type\":\"string\",\"properties\":[\"hidden\"],\"desc\":\"dies "   \
    "by SIGABRT\"},"                                                                               \
    "{\"name\":\"stunt.exit\",\"type\":\"string\",\"properties\":[\"hidden\"],\"desc\":\"calls "   \
    "exit(3)\"},"                                                                                  \
    "{\"name\":\"stunt.hang\",\"type\":\"string\",\"properties\":[\"hidden\"],\"desc\":\"does "    \
    "not return\"},"                                                                               \
    "{\"name\":\"stunt.place\",\"type\":\"uint64\",\"desc\":\"n, with the bytes where it "         \
    "stands\"}]"
#endif

enum {
    F_N,
    F_EVEN,
    F_TEXT,
    F_AT,
    F_TOOK,
    F_V4,
    F_V6,
    F_NET,
    F_LIST,
    F_NUMBERS,
    F_KEY,
    F_BOTH,
    F_NONE,
    F_REFUSED,
    F_EMPTY,
    F_HOSTILE,
    F_LARGE,
    F_TWO,
    F_NULLSTR,
    F_BADIP,
    F_NOARRAY,
    F_CRASH,
    F_ABORT,
    F_EXIT,
    F_HANG,
    F_PLACE
};

#ifndef STUNT_NO_FIELDS
EXPORT const char *plugin_get_fields(void)
{
    return says(STUNT_FIELDS);
}
#endif

#ifdef STUNT_SOURCES
EXPORT const char *plugin_get_extract_event_sources(void)
{
    return STUNT_SOURCES;
}
#endif

static void give_str(struct state *s, ss_plugin_extract_field *f, const char *text)
{
    s->str[0] = text;
    f->res.str = s->str;
    f->res_len = 1;
}

static void give_u64(struct state *s, ss_plugin_extract_field *f, uint64_t n)
{
    s->u64[0] = n;
    f->res.u64 = s->u64;
    f->res_len = 1;
}

static void give_ip(struct state *s, ss_plugin_extract_field *f, const void *p, uint32_t len)
{
    s->buf[0] = (ss_plugin_byte_buffer){len, p};
    f->res.buf = s->buf;
    f->res_len = 1;
}

static void give_list(struct state *s, ss_plugin_extract_field *f, uint64_t n)
{
    static char last[24];
    const char *all[3] = {"a", "b", last};

    snprintf(last, sizeof(last), "%llu", (unsigned long long)n);
    for (uint64_t i = 0; i < 3; i++) {
        if (!f->arg_present || f->arg_index == i)
            s->str[f->res_len++] = all[i];
    }
    f->res.str = s->str;
}

__attribute__((unused)) static ss_plugin_rc give(struct state *s, ss_plugin_extract_field *f,
                                                 uint64_t n, const ss_plugin_event_input *evt,
                                                 const ss_plugin_field_extract_input *in)
{
    static const char hostile[] = "\x1b]0;owned\x07\x1b[2J\xe2\x80\xae\xff\r\n\tend";
    uint64_t ts;

    memcpy(&ts, evt->evt, 8);
    switch (f->field_id) {
    case F_N:
    case F_PLACE:
        give_u64(s, f, n);
        if (in->value_offsets && f->field_id == F_PLACE) {
            s->start = PLUGIN_EVENT_PAYLOAD_OFFSET + 5;
            s->length = (uint32_t)snprintf(NULL, 0, "%llu", (unsigned long long)n);
            in->value_offsets->start = &s->start;
            in->value_offsets->length = &s->length;
        }
        break;
    case F_EVEN:
        s->flag[0] = n % 2 ? 0 : 64;
        f->res.boolean = s->flag;
        f->res_len = 1;
        break;
    case F_TEXT:
        snprintf(s->text, sizeof(s->text), "number %llu", (unsigned long long)n);
        give_str(s, f, s->text);
        break;
    case F_AT:
        give_u64(s, f, ts);
        break;
    case F_TOOK:
        give_u64(s, f, n * 1000000);
        break;
    case F_V4:
    case F_NET:
        memcpy(s->v4, (unsigned char[]){10, 0, 0, (unsigned char)n}, 4);
        give_ip(s, f, s->v4, 4);
        break;
    case F_V6:
        memcpy(s->v6,
               (unsigned char[]){0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                 (unsigned char)n},
               16);
        give_ip(s, f, s->v6, 16);
        break;
    case F_LIST:
        give_list(s, f, n);
        break;
    case F_NUMBERS:
        give_u64(s, f, n);
        s->u64[1] = n + 1;
        f->res_len = 2;
        break;
    case F_KEY:
        give_str(s, f, f->arg_key);
        break;
    case F_BOTH:
        snprintf(s->text, sizeof(s->text), "%s/%lld", f->arg_key, (long long)f->arg_index);
        give_str(s, f, s->text);
        break;
    case F_REFUSED:
        snprintf(s->error, sizeof(s->error), "there is a reason for event %llu",
                 (unsigned long long)n);
        return SS_PLUGIN_FAILURE;
    case F_EMPTY:
        give_str(s, f, "");
        break;
    case F_HOSTILE:
        give_str(s, f, hostile);
        break;
    case F_LARGE:
        give_str(s, f, s->large);
        break;
    case F_TWO:
        give_u64(s, f, n);
        f->res_len = 2;
        break;
    case F_NULLSTR:
        give_str(s, f, NULL);
        break;
    case F_BADIP:
        give_ip(s, f, s->v4, 3);
        break;
    case F_NOARRAY:
        f->res_len = 1;
        break;
    case F_CRASH:
        be_in_trouble("crash");
        break;
    case F_ABORT:
        be_in_trouble("abort");
        break;
    case F_EXIT:
        be_in_trouble("exit");
        break;
    case F_HANG:
        be_in_trouble("hang");
        break;
    default:
        break;
    }
    return SS_PLUGIN_SUCCESS;
}

#ifndef STUNT_NO_EXTRACT
EXPORT ss_plugin_rc plugin_extract_fields(ss_plugin_t *p, const ss_plugin_event_input *evt,
                                          const ss_plugin_field_extract_input *in)
{
    struct state *s = p;
    const char *data;
    size_t len;
    unsigned long long n = 0;

    if (in->num_fields != 1)
        abort(); /* one field a call, as the reference asks */
    in->fields[0].res_len = 0;
    if (event_data(evt->evt, &data, &len))
        sscanf(data, "{\"n\":%llu", &n);
    return give(s, &in->fields[0], n, evt, in);
}
#endif
