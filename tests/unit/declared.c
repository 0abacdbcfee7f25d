/* What a plugin declares of itself (plugin ABI, §3.3 and §4): each rule kept, broken, and bent, by a table of functions
 * that says what a case wants. */
#include <criterion/criterion.h>

#include "../../src/plugin/internal.h"

static struct {
    const char *api, *name, *version, *contact, *source, *fields, *extract_sources, *parse_sources,
        *async_sources, *async_events, *schema;
    int schema_type;
    uint32_t id;
} says;

#define SAYS(fn, member)                                                                           \
    static const char *fn(void)                                                                    \
    {                                                                                              \
        return says.member;                                                                        \
    }
SAYS(say_api, api)
SAYS(say_name, name)
SAYS(say_version, version)
SAYS(say_contact, contact)
SAYS(say_source, source)
SAYS(say_fields, fields)
SAYS(say_extract_sources, extract_sources)
SAYS(say_parse_sources, parse_sources)
SAYS(say_async_sources, async_sources)
SAYS(say_async_events, async_events)

static uint32_t say_id(void)
{
    return says.id;
}

static const char *say_schema(ss_plugin_schema_type *type)
{
    *type = (ss_plugin_schema_type)says.schema_type;
    return says.schema;
}

static const plugin_api api = {
    .get_required_api_version = say_api,
    .get_init_schema = say_schema,
    .get_name = say_name,
    .get_description = say_contact,
    .get_contact = say_contact,
    .get_version = say_version,
    .get_id = say_id,
    .get_event_source = say_source,
    .get_fields = say_fields,
    .get_extract_event_sources = say_extract_sources,
    .get_parse_event_sources = say_parse_sources,
    .get_async_event_sources = say_async_sources,
    .get_async_events = say_async_events,
};

#define FN(name) ((uint64_t)1 << PF_##name)
#define NEEDED                                                                                     \
    (FN(GET_REQUIRED_API_VERSION) | FN(INIT) | FN(DESTROY) | FN(GET_LAST_ERROR) | FN(GET_NAME) |   \
     FN(GET_DESCRIPTION) | FN(GET_CONTACT) | FN(GET_VERSION))
#define SOURCE  (FN(OPEN) | FN(CLOSE) | FN(NEXT_BATCH) | FN(GET_ID) | FN(GET_EVENT_SOURCE))
#define EXTRACT (FN(GET_FIELDS) | FN(EXTRACT_FIELDS))
#define ASYNC   (FN(GET_ASYNC_EVENTS) | FN(SET_ASYNC_EVENT_HANDLER))
#define LISTEN  (FN(CAPTURE_OPEN) | FN(CAPTURE_CLOSE))

static void say_as_usual(void)
{
    memset(&says, 0, sizeof(says));
    says.api = "3.12.0";
    says.name = "fake";
    says.version = "0.1.0";
    says.contact = "nobody";
    says.source = "fake";
    says.id = 999;
    says.fields = "[{\"name\":\"fake.x\",\"type\":\"string\",\"desc\":\"x\"}]";
    says.async_events = "[\"beat\"]";
}

static void read_all(uint64_t mask, struct plugin_info *info, struct plugin_failure *f)
{
    memset(info, 0, sizeof(*info));
    memset(f, 0, sizeof(*f));
    info_read(&api, mask, info, f);
}

/* words: in the failure's text, or, when step is NULL, in one of the warnings; NULL: there is none. */
static void expect(uint64_t mask, const char *step, const char *words, const char *of)
{
    struct plugin_failure f;
    struct plugin_info info;
    bool said;

    read_all(mask, &info, &f);
    said = !words && info.warnings.n == 0;
    for (size_t i = 0; words && !step && i < info.warnings.n; i++)
        said |= strstr(info.warnings.v[i], words) != NULL;
    if (step)
        said = words && strstr(f.text, words);
    cr_expect_str_eq(f.step, step ? step : "", "%s: refused at “%s”: %s", of, f.step, f.text);
    cr_expect(said, "%s: “%s” is not said: %s%s", of, words ? words : "nothing", f.text,
              info.warnings.n ? info.warnings.v[0] : "");
    cr_expect(!step || *f.advice, "%s: no advice", of);
    plugin_info_fini(&info);
}

Test(declared, capabilities_follow_from_the_functions)
{
    static const struct {
        uint64_t mask;
        const char *step, *words;
    } cases[] = {
        {SOURCE, NULL, NULL},
        {SOURCE & ~FN(CLOSE), "capabilities", "all three of plugin_open, plugin_close"},
        {FN(OPEN) | FN(CLOSE) | FN(NEXT_BATCH), NULL, NULL}, /* raw events */
        {SOURCE & ~FN(GET_ID), "capabilities", "both plugin_get_id and plugin_get_event_source"},
        {SOURCE & ~FN(GET_EVENT_SOURCE), "capabilities", "both plugin_get_id"},
        {EXTRACT | FN(GET_ID), NULL, "plugin_get_id and plugin_get_event_source have no effect"},
        {EXTRACT, NULL, NULL},
        {FN(EXTRACT_FIELDS), "capabilities", "both plugin_get_fields and plugin_extract_fields"},
        {FN(PARSE_EVENT) | FN(GET_FIELDS), NULL, "plugin_get_fields has no effect"},
        {FN(PARSE_EVENT), NULL, NULL},
        {EXTRACT | FN(GET_PARSE_EVENT_TYPES), NULL, "has no effect without plugin_parse_event"},
        {EXTRACT | FN(GET_PARSE_EVENT_SOURCES), NULL, "has no effect without plugin_parse_event"},
        {ASYNC, NULL, NULL},
        {FN(SET_ASYNC_EVENT_HANDLER), "capabilities", "both plugin_get_async_events and"},
        {EXTRACT | FN(GET_ASYNC_EVENTS), NULL, "plugin_get_async_events has no effect"},
        {LISTEN, NULL, NULL},
        {FN(CAPTURE_OPEN), "capabilities", "both plugin_capture_open and plugin_capture_close"},
        {EXTRACT | FN(CAPTURE_CLOSE), NULL, "plugin_capture_close has no effect"},
        {FN(OPEN) | FN(EXTRACT_FIELDS), "capabilities",
         "plugin_next_batch, must implement both plugin_get_fields"},
        {0, "capabilities", "no capability"},
    };
    char of[20];

    say_as_usual();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        snprintf(of, sizeof(of), "case %zu", i);
        expect(NEEDED | cases[i].mask, cases[i].step, cases[i].words, of);
    }
    says.source = "syscall";
    expect(NEEDED | SOURCE, "capabilities", "“syscall” is reserved", "syscall");
    says.id = 0;
    expect(NEEDED | SOURCE, "capabilities", "both plugin_get_id", "a name without ID");
    expect(EXTRACT, "symbols", "plugin_get_required_api_version", "nothing that is required");
}

Test(declared, who_it_is)
{
    say_as_usual();
    says.name = "";
    expect(NEEDED | EXTRACT, "name", "no name", "an empty name");
    says.name = NULL;
    expect(NEEDED | EXTRACT, "name", "no name", "no name");
    says.name = "fake\xff";
    expect(NEEDED | EXTRACT, NULL, "plugin_get_name is not UTF-8", "bytes");
    say_as_usual();
    says.version = "1.2";
    expect(NEEDED | EXTRACT, "version", "“1.2”, which is no version", "two numbers");
    says.version = "1.2.3-rc1";
    expect(NEEDED | EXTRACT, NULL, NULL, "what follows three numbers");
    says.contact = "";
    expect(NEEDED | EXTRACT, NULL, "plugin_get_contact is empty", "no contact");
    say_as_usual();
    says.api = "3.0.0";
    expect(NEEDED | EXTRACT, NULL, NULL, "the oldest");
    says.api = "3.12.1";
    expect(NEEDED | EXTRACT, "api-version", "the patch versions disagree", "a newer patch");
    says.api = "2.9.9";
    expect(NEEDED | EXTRACT, "api-version", "the major versions disagree", "an older major");
    says.api = NULL;
    expect(NEEDED | EXTRACT, "api-version", "", "no version");
}

#define F(rest) "[{\"name\":\"fake.x\",\"type\":\"string\",\"desc\":\"x\"" rest "}]"

Test(declared, fields)
{
    static const struct {
        const char *fields, *step, *words;
    } cases[] = {
        {F(""), NULL, NULL},
        {F(",\"arg\":null,\"display\":null,\"properties\":null"), NULL, NULL},
        {F(",\"unknown\":1"), NULL, NULL},
        {"", "fields", "no valid JSON"},
        {"{}", "fields", "an array with at least one field"},
        {"[]", "fields", "an array with at least one field"},
        {"[1]", "fields", "field 0: must be an object"},
        {"[{\"type\":\"string\",\"desc\":\"x\"}]", "fields", "“name” is missing"},
        {"[{\"name\":\"\",\"type\":\"string\",\"desc\":\"x\"}]", "fields", "“name” is missing"},
        {"[{\"name\":\"fake.x\",\"type\":\"string\"}]", "fields",
         "field 0 fake.x: “desc” is missing"},
        {"[{\"name\":\"fake.x\",\"desc\":\"x\"}]", "fields", "“” is no type"},
        {"[{\"name\":\"fake.x\",\"type\":\"int64\",\"desc\":\"x\"}]", "fields",
         "“int64” is no type"},
        {F(",\"isList\":1"), "fields", "isList and addOutput must be booleans"},
        {F(",\"addOutput\":\"yes\""), "fields", "isList and addOutput must be booleans"},
        {F(",\"isList\":true,\"addOutput\":true"), NULL, NULL},
        {F(",\"arg\":[]"), "fields", "“arg” must be an object"},
        {F(",\"arg\":{\"isKey\":1}"), "fields", "must be booleans"},
        {F(",\"arg\":{\"isRequired\":true}"), "fields", "must be an index or a key"},
        {F(",\"arg\":{\"isRequired\":true,\"isIndex\":true,\"isKey\":true}"), NULL, NULL},
        {F(",\"properties\":\"hidden\""), "fields", "“properties” must be an array of strings"},
        {F(",\"properties\":[1]"), "fields", "“properties” must be an array of strings"},
        {F(",\"properties\":[\"hidden\",\"info\",\"conversation\",\"else\"]"), NULL, NULL},
        {"[{\"name\":\"x\",\"type\":\"string\",\"desc\":\"x\"}]", NULL,
         "can't be written in a filter"},
        {"[{\"name\":\"fake.1x\",\"type\":\"string\",\"desc\":\"x\"}]", NULL,
         "can't be written in a filter"},
        {"[{\"name\":\"fake.x\",\"type\":\"string\",\"desc\":\"x\"},"
         "{\"name\":\"fake.x\",\"type\":\"bool\",\"desc\":\"x\"}]",
         NULL, "is declared twice"},
        /* what only the parser of Falco's libraries takes */
        {"/* all */ " F("") " // that's it", NULL, "comments are no part of JSON"},
        {"[{\"name\":\"fake.x\",\"type\":\"string\",\"desc\":4711}]", NULL, "“desc” is no string"},
        {"[{\"name\":\"fake.x\",\"type\":\"string\",\"desc\":\"x // y /* z\"}]", NULL, NULL},
        {"[{\"name\":\"fake.x\",\"type\":\"string\",\"desc\":\"x\"}", "fields", "line 1"},
    };

    say_as_usual();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        says.fields = cases[i].fields;
        expect(NEEDED | EXTRACT, cases[i].step, cases[i].words, cases[i].fields);
    }
    says.fields = NULL;
    expect(NEEDED | EXTRACT, "fields", "no valid JSON", "no fields");
}

static void sources_are(uint64_t mask, const char *list, const char *want)
{
    struct plugin_failure f;
    struct plugin_info info;
    struct buf all;

    says.extract_sources = list;
    read_all(NEEDED | EXTRACT | FN(GET_EXTRACT_EVENT_SOURCES) | mask, &info, &f);
    buf_init(&all, 1000);
    for (size_t i = 0; i < info.extract_sources.n; i++)
        buf_addf(&all, "%s%s", i ? "," : "", info.extract_sources.v[i]);
    cr_expect_str_eq(buf_str(&all), want, "%s gives %s: %s", list ? list : "NULL", buf_str(&all),
                     f.text);
    buf_fini(&all);
    plugin_info_fini(&info);
}

Test(declared, sources)
{
    say_as_usual();
    sources_are(0, NULL, "");
    sources_are(0, "", "");
    sources_are(0, "[]", "");
    sources_are(0, "[\"a\",\"\",\"b\",\"a\",null]", "a,b");
    sources_are(SOURCE, NULL, "fake");
    sources_are(SOURCE, "[\"a\"]", "a,fake");
    says.id = 0;
    says.source = "";
    sources_are(SOURCE, NULL, "");
    sources_are(SOURCE, "[\"a\"]", "a");
}

Test(declared, lists_that_are_none_are_refused_by_the_name_of_their_function)
{
    static const struct {
        const char *text, *step, *words;
    } cases[] = {
        {"{}", "json", "must be an array of strings"},
        {"[\"a\"", "json", "must be an array of strings"},
        {"[[1]]", "json", "must be an array of strings"},
        {"[7]", NULL, "7 is no string"},
        {"[\"a\"] // all", NULL, "comments are no part of JSON"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        say_as_usual();
        says.extract_sources = cases[i].text;
        expect(NEEDED | EXTRACT | FN(GET_EXTRACT_EVENT_SOURCES), cases[i].step, cases[i].words,
               "extract");
        says.parse_sources = cases[i].text;
        expect(NEEDED | FN(PARSE_EVENT) | FN(GET_PARSE_EVENT_SOURCES), cases[i].step,
               cases[i].words, "parse");
        says.async_sources = cases[i].text;
        expect(NEEDED | ASYNC | FN(GET_ASYNC_EVENT_SOURCES), cases[i].step, cases[i].words,
               "async");
        says.async_sources = NULL;
        says.async_events = cases[i].text;
        expect(NEEDED | ASYNC, cases[i].step, cases[i].words, "async events");
    }
    says.async_events = "";
    expect(NEEDED | ASYNC, "json", "plugin_get_async_events returns nothing", "no names");
    says.async_events = NULL;
    expect(NEEDED | ASYNC, "json", "plugin_get_async_events returns nothing", "NULL");
    says.async_events = "[]";
    expect(NEEDED | ASYNC, NULL, NULL, "an empty array");
}

Test(declared, schema)
{
    struct plugin_failure f;
    struct plugin_info info;

    say_as_usual();
    says.schema = "{}";
    says.schema_type = 7;
    expect(NEEDED | EXTRACT | FN(GET_INIT_SCHEMA), "schema", "schema type 7 is unknown", "type 7");
    says.schema_type = SS_PLUGIN_SCHEMA_JSON;
    says.schema = NULL;
    expect(NEEDED | EXTRACT | FN(GET_INIT_SCHEMA), NULL, NULL, "no text");
    says.schema = "{\"type\":\"object\"}";
    says.schema_type = SS_PLUGIN_SCHEMA_NONE;
    read_all(NEEDED | EXTRACT | FN(GET_INIT_SCHEMA), &info, &f);
    cr_expect_null(info.schema);
    plugin_info_fini(&info);
}

Test(declared, a_configuration_with_comments_is_taken_with_a_warning_and_its_secrets_stay)
{
    static const char config[] = "{\"a\":1, // the first\n\"token\":\"s3cret\" /* no one's */}";
    struct str_list warnings = {0};
    struct error err;
    char *used, *masked;

    cr_assert_eq(plugin_schema_validate("{\"type\":\"object\",\"required\":[\"a\"]}", config, &used,
                                        &warnings, &err),
                 SEV_OK, "%s", err.text);
    cr_expect_str_eq(used, config); /* as Falco hands it on */
    cr_assert_eq(warnings.n, 1);
    cr_expect(strstr(warnings.v[0], "comments"), "%s", warnings.v[0]);
    masked = plugin_mask_secrets(config, NULL);
    cr_expect(!strstr(masked, "s3cret"), "%s", masked);
    free(masked);
    free(used);
    str_list_fini(&warnings);
    cr_expect_neq(plugin_schema_validate("{}", "{\"a\":1 /* open", &used, NULL, &err), SEV_OK);
}
