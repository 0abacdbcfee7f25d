/* Falco's rules over the events as they pass: what fires, as Falco prints it (rules-language, §5;
 * output-format, §8). */
#include "internal.h"

#define MANY_TYPES 100
#define NEAR_MAX   8 /* rules that nearly fire, of one event */

struct running_rule {
    const struct rule *rule;
    struct filter *filter;
    struct output_format *text, *fields;
    uint64_t fired;
};

struct output_rules {
    struct rules *set;
    VEC(struct running_rule) running;
    VEC(struct running_rule *)
    by_type[EVENT_TYPES + 1]; /* those that an event of the type may fire */
    struct output_format *time;
    bool all, json;
    enum rule_priority least;
    struct arena arena;
    struct field_refs refs; /* of all conditions: an event's fields are read once for all rules */
    struct event_reader reader, printer;
};

/* ---- compiling ------------------------------------------------------------------------------------- */

static void wrong(struct output_rules *o, const struct rule *rule, const char *what,
                  const struct syntax_error *err)
{
    bool unknown = str_eq(err->code, "C01") && rule->skip_unknown;

    rules_add_message(o->set, !unknown,
                      unknown                  ? "LOAD_UNKNOWN_FILTER"
                      : str_eq(what, "output") ? "LOAD_ERR_COMPILE_OUTPUT"
                                               : "LOAD_ERR_COMPILE_CONDITION",
                      rule->file, rule->line, "rule %s: its %s%s at line %u, column %u: %s",
                      rule->name, what, unknown ? " is skipped:" : "", err->line, err->column,
                      err->text);
}

static struct output_format *compile_output(struct engine *e, struct output_rules *o,
                                            const struct rule *rule, const char *front)
{
    char *text = xasprintf("*%s%s", front, rule->output);
    struct output_format *f;
    struct syntax_error err;

    f = output_compile(text, e->catalogue, &err);
    free(text);
    if (!f)
        wrong(o, rule, "output", &err);
    return f;
}

/* What is legal, and yet not what was meant. */
static void lint_rule(struct output_rules *o, const struct running_rule *run)
{
    const struct rule *rule = run->rule;

    if (rule->warn_types && str_eq(rule->source, "syscall") &&
        filter_types(run->filter) > MANY_TYPES)
        rules_add_message(o->set, false, "LOAD_NO_EVTTYPE", rule->file, rule->line,
                          "rule %s: it is asked of %u types of events: evt.type in its condition "
                          "would make it cheap",
                          rule->name, filter_types(run->filter));
    if (filter_compares_na(run->filter))
        rules_add_message(o->set, false, "LOAD_UNSAFE_NA_CHECK", rule->file, rule->line,
                          "rule %s: it compares a field with <NA>, which a missing value is not: "
                          "“exists” asks for one",
                          rule->name);
}

static void compile_rule(struct engine *e, struct output_rules *o, const struct rule *rule)
{
    struct filter_options options = {
        .depth_max = FILTER_DEPTH_RULE, .macro = rules_macro, .ctx = o->set, .refs = &o->refs};
    struct running_rule run = {.rule = rule};
    struct syntax_error err;

    if (!str_eq(rule->source, "syscall") && !plugin_by_source(e->host, rule->source)) {
        rules_add_message(
            o->set, false, "LOAD_UNKNOWN_SOURCE", rule->file, rule->line,
            "rule %s: no plugin that is loaded has the event source %s: it is skipped", rule->name,
            rule->source);
        return;
    }
    run.filter =
        filter_compile(rule->effective, strlen(rule->effective), e->catalogue, &options, &err);
    if (!run.filter) {
        wrong(o, rule, "condition", &err);
        return;
    }
    run.text = compile_output(e, o, rule, "");
    run.fields = run.text ? compile_output(e, o, rule, "%evt.time ") : NULL;
    if (!run.fields) {
        filter_free(run.filter);
        output_free(run.text);
        return;
    }
    lint_rule(o, &run);
    vec_push(&o->running, run);
}

static bool is_active(const struct output_rules *o, const struct running_rule *run)
{
    return run->rule->enabled && run->rule->priority <= o->least;
}

/* Types that no rule asks for are not looked at any further. */
static void find_types(struct output_rules *o)
{
    for (size_t i = 0; i < o->running.n; i++) {
        struct running_rule *run = &o->running.v[i];

        for (unsigned type = 0; type <= EVENT_TYPES && is_active(o, run); type++) {
            bool generic = type == EVENT_GENERIC_E || type == EVENT_GENERIC_X;

            if (generic || filter_may_match(run->filter, (uint16_t)type, 0))
                vec_push(&o->by_type[type], run);
        }
    }
}

static const char *version_loaded(struct engine *e, const char *name)
{
    struct plugin *p;

    for (size_t i = 0; (p = plugin_at(e->host, i)); i++) {
        if (plugin_state(p) == PLUGIN_INITIALISED && str_eq(plugin_info(p)->name, name))
            return plugin_info(p)->version;
    }
    return NULL;
}

/* One that comes along is there for whoever requires it. */
static const char *version_of(void *ctx, const char *name)
{
    struct engine *e = ctx;
    const char *version = version_loaded(e, name);

    return version || !str_eq(name, "json") || !bundled_load(e, name) ? version
                                                                      : version_loaded(e, name);
}

/* One of the configuration's switches: {enable or disable: {rule or tag}}. */
static void apply_switch(struct output_rules *o, const json_t *s)
{
    const json_t *on = json_object_get(s, "enable"), *off = json_object_get(s, "disable"),
                 *which = on ? on : off;
    const char *rule = rpc_get_str(which, "rule"), *tag = rpc_get_str(which, "tag");

    if (!rule && !tag)
        rules_add_message(o->set, false, "LOAD_UNKNOWN_KEY", "configuration", 0,
                          "rules: enable or disable with a rule or a tag is needed");
    else if (!rules_switch(o->set, on != NULL, rule, tag))
        rules_add_message(o->set, false, "LOAD_UNKNOWN_KEY", "configuration", 0,
                          "rules: no rule %s %s", rule ? "is named" : "has the tag",
                          rule ? rule : tag);
}

/* What the configuration says of rules; what was asked for goes before it. */
static void apply_settings(struct engine *e, struct output_rules *o, const json_t *params)
{
    const json_t *settings = e->spec.rule_settings, *s;
    const char *priority = rpc_get_str(settings, "priority"),
               *matching = rpc_get_str(settings, "matching");
    enum rule_priority least;
    size_t i;

    json_array_foreach(json_object_get(settings, "switches"), i, s)
        apply_switch(o, s);
    o->all |= matching && str_eq(matching, "all");
    if (priority && !json_object_get(params, "priority")) {
        if (rule_priority_parse(priority, &least))
            o->least = least;
        else
            rules_add_message(o->set, false, "LOAD_UNKNOWN_KEY", "configuration", 0,
                              "priority: %s is none", priority);
    }
}

struct output_rules *output_rules_new(struct engine *e, const json_t *params)
{
    struct output_rules *o = xcalloc(1, sizeof(*o));
    const json_t *list = json_object_get(params, "rules"), *path;
    const char *saved = rpc_get_str(params, "saved");
    struct syntax_error err;
    size_t i;

    o->set = rules_new();
    o->all = rpc_get_bool(params, "all", false);
    o->json = rpc_get_bool(params, "json", false);
    o->least = (enum rule_priority)MIN_OF(rpc_u64_or(params, "priority", PRIORITY_DEBUG),
                                          (uint64_t)PRIORITY_DEBUG);
    o->refs.arena = &o->arena;
    reader_init(&o->reader, e);
    reader_init(&o->printer, e);
    o->reader.fe.utc = o->printer.fe.utc = rpc_get_bool(params, "utc", false);
    json_array_foreach(list, i, path) {
        if (json_string_value(path))
            rules_load(o->set, json_string_value(path), version_of, e);
    }
    if (saved)
        rules_load_names(o->set, SAVED_FILTERS, saved, strlen(saved));
    if (!rules_failed(o->set))
        rules_finish(o->set);
    apply_settings(e, o, params);
    for (i = 0; i < rules_count(o->set) && rules_at(o->set, i)->effective; i++) {
        bundled_load_for(e, rules_at(o->set, i)->effective);
        bundled_load_for(e, rules_at(o->set, i)->output);
    }
    pthread_mutex_lock(&e->cat_lock);
    for (i = 0; i < rules_count(o->set) && rules_at(o->set, i)->effective; i++)
        compile_rule(e, o, rules_at(o->set, i));
    o->time = output_compile("*%evt.time", e->catalogue, &err);
    pthread_mutex_unlock(&e->cat_lock);
    find_types(o);
    if (!rules_failed(o->set))
        rules_lint(o->set);
    return o;
}

void output_rules_free(struct output_rules *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->running.n; i++) {
        filter_free(o->running.v[i].filter);
        output_free(o->running.v[i].text);
        output_free(o->running.v[i].fields);
    }
    for (unsigned type = 0; type <= EVENT_TYPES; type++)
        vec_free(&o->by_type[type]);
    vec_free(&o->running);
    output_free(o->time);
    vec_free(&o->refs.v);
    arena_fini(&o->arena);
    reader_fini(&o->reader);
    reader_fini(&o->printer);
    rules_free(o->set);
    free(o);
}

/* ---- what was loaded -------------------------------------------------------------------------------- */

const struct rule *output_rules_named(const struct output_rules *o, const char *name,
                                      const struct filter **filter)
{
    for (size_t i = 0; i < rules_count(o->set); i++) {
        if (!str_eq(rules_at(o->set, i)->name, name))
            continue;
        *filter = output_rules_filter(o, i);
        return rules_at(o->set, i);
    }
    *filter = NULL;
    return NULL;
}

json_t *output_rules_report(const struct output_rules *o)
{
    json_t *messages = json_array(), *list = json_array(), *schemas = json_array();

    for (size_t i = 0; i < rules_schemas(o->set); i++) {
        const struct rule_schema *s = rules_schema(o->set, i);

        json_array_append_new(schemas,
                              json_pack("{so sb si so}", "file", rpc_str(s->file), "passed",
                                        s->passed, "line", (int)s->line, "text", rpc_str(s->text)));
    }
    for (size_t i = 0; i < rules_messages(o->set); i++) {
        const struct rule_message *m = rules_message(o->set, i);

        json_array_append_new(messages, json_pack("{sb ss so si so}", "error", m->error, "code",
                                                  m->code, "file", rpc_str(m->file), "line",
                                                  (int)m->line, "text", rpc_str(m->text)));
    }
    for (size_t i = 0; i < rules_count(o->set); i++) {
        const struct rule *r = rules_at(o->set, i);
        json_t *tags = json_array();

        for (size_t k = 0; k < r->tags.n; k++)
            json_array_append_new(tags, rpc_str(r->tags.v[k]));
        json_array_append_new(
            list,
            json_pack("{so ss so sb so so so so}", "name", rpc_str(r->name), "priority",
                      rule_priority_name(r->priority), "source", rpc_str(r->source), "enabled",
                      r->enabled, "tags", tags, "desc", rpc_str(r->desc ? r->desc : ""),
                      "condition", rpc_str(r->effective ? r->effective : r->condition),
                      "capture_ms", r->capture ? rpc_u64(r->capture_ms) : json_null()));
    }
    return json_pack("{sb so so so}", "failed", rules_failed(o->set), "messages", messages,
                     "schemas", schemas, "rules", list);
}

json_t *output_rules_counts(const struct output_rules *o)
{
    json_t *list = json_array();

    for (size_t i = 0; i < o->running.n; i++)
        json_array_append_new(list,
                              json_pack("{so so}", "rule", rpc_str(o->running.v[i].rule->name),
                                        "count", rpc_u64(o->running.v[i].fired)));
    return list;
}

const struct rules *output_rules_set(const struct output_rules *o)
{
    return o->set;
}

const struct filter *output_rules_filter(const struct output_rules *o, size_t i)
{
    for (size_t k = 0; k < o->running.n; k++) {
        if (o->running.v[k].rule == rules_at(o->set, i))
            return o->running.v[k].filter;
    }
    return NULL;
}

/* ---- events ------------------------------------------------------------------------------------------- */

static void add_iso(uint64_t ts, struct buf *out)
{
    char text[40];

    time_format(ts, TIME_ISO8601, true, text);
    buf_add(out, text, strlen(text) - strlen("+0000"));
    buf_addc(out, 'Z');
}

/* "22:13:20.000005100: Warning …" */
static void alert_text(struct engine *e, struct output_rules *o, const struct running_rule *run,
                       const void *bytes, uint64_t number, struct buf *out)
{
    struct buf line, escaped;

    buf_init(&line, 4 * EVENT_LEN_MAX);
    buf_init(&escaped, 16 * EVENT_LEN_MAX);
    reader_passing(&o->printer, output_refs(o->time), bytes, number, e->last_ts);
    output_text(o->time, &o->printer.base, &line);
    buf_addf(&line, ": %s ", rule_priority_name(run->rule->priority));
    reader_passing(&o->printer, output_refs(run->text), bytes, number, e->last_ts);
    output_text(run->text, &o->printer.base, &line);
    json_escape((struct span){buf_str(&line), line.len}, &escaped);
    buf_add(out, escaped.data + 1, escaped.len - 2); /* without the quotes */
    buf_fini(&line);
    buf_fini(&escaped);
}

static void add_json_text(struct buf *out, const char *s)
{
    json_escape(span_of(s), out);
}

static void alert_json(struct engine *e, struct output_rules *o, const struct running_rule *run,
                       const void *bytes, uint64_t number, struct buf *out)
{
    const struct rule *rule = run->rule;

    buf_adds(out, "{\"hostname\":");
    add_json_text(out, e->hostname);
    buf_adds(out, ",\"output\":\"");
    alert_text(e, o, run, bytes, number, out);
    buf_adds(out, "\",\"output_fields\":");
    reader_passing(&o->printer, output_refs(run->fields), bytes, number, e->last_ts);
    output_json(run->fields, &o->printer.base, event_ts(bytes), out);
    buf_addf(out, ",\"priority\":\"%s\",\"rule\":", rule_priority_name(rule->priority));
    add_json_text(out, rule->name);
    buf_adds(out, ",\"source\":");
    add_json_text(out, rule->source);
    buf_adds(out, ",\"tags\":[");
    for (size_t i = 0; i < rule->tags.n; i++) {
        buf_adds(out, i ? "," : "");
        add_json_text(out, rule->tags.v[i]);
    }
    buf_adds(out, "],\"time\":\"");
    add_iso(event_ts(bytes), out);
    buf_adds(out, "\"}");
}

/* On the event that the reader stands at. */
static bool fires(struct output_rules *o, const struct running_rule *run)
{
    return o->reader.fe.source && str_eq(o->reader.fe.source, run->rule->source) &&
           filter_match(run->filter, &o->reader.base);
}

bool output_rules_wants(const struct output_rules *o, uint16_t type)
{
    return o->by_type[MIN_OF(type, (uint16_t)EVENT_TYPES)].n > 0;
}

unsigned output_rules_event(struct engine *e, struct output_rules *o, const void *bytes,
                            uint64_t number, struct buf *out)
{
    uint16_t type = MIN_OF(event_code(bytes), (uint16_t)EVENT_TYPES);
    uint16_t call = event_generic_call(bytes);
    unsigned fired = 0;
    bool read = false;

    for (size_t i = 0; i < o->by_type[type].n && (o->all || !fired); i++) {
        struct running_rule *run = o->by_type[type].v[i];

        if (call && !filter_may_match(run->filter, type, call))
            continue;
        if (!read)
            reader_passing(&o->reader, &o->refs, bytes, number, e->last_ts);
        read = true;
        if (!fires(o, run))
            continue;
        if (o->json)
            alert_json(e, o, run, bytes, number, out);
        else
            alert_text(e, o, run, bytes, number, out);
        buf_addc(out, '\n');
        run->fired++;
        fired++;
    }
    return fired;
}

/* Which part alone keeps the rule from firing; false: none does, or more than one. */
static bool one_part_fails(const struct running_rule *run, struct field_reader *r, size_t *which)
{
    size_t n = filter_parts(run->filter), failing = 0;

    for (size_t i = 0; i < n && failing < 2; i++) {
        if (!filter_part_holds(run->filter, i, r)) {
            failing++;
            *which = i;
        }
    }
    return n > 1 && failing == 1;
}

static json_t *near_json(const struct running_rule *run, size_t part)
{
    struct buf text;
    json_t *o;

    buf_init(&text, SIZE_MAX);
    filter_part_text(run->filter, part, &text);
    o = json_pack("{so ss so so}", "name", rpc_str(run->rule->name), "priority",
                  rule_priority_name(run->rule->priority), "parts",
                  rpc_u64(filter_parts(run->filter)), "lacks", rpc_text(buf_str(&text), text.len));
    buf_fini(&text);
    return o;
}

json_t *output_rules_firing(struct output_rules *o, const void *bytes, uint64_t row,
                            uint64_t before, json_t *near)
{
    json_t *list = json_array();

    reader_event(&o->reader, &o->refs, bytes, row, before);
    for (size_t i = 0; i < o->running.n; i++) {
        struct running_rule *run = &o->running.v[i];
        size_t part = 0;

        if (!is_active(o, run) || !o->reader.fe.source ||
            !str_eq(o->reader.fe.source, run->rule->source) ||
            !filter_may_match(run->filter, event_code(bytes), event_generic_call(bytes)))
            continue; /* events of another kind are not nearly those of the rule */
        if (filter_match(run->filter, &o->reader.base))
            json_array_append_new(list,
                                  json_pack("{so ss}", "name", rpc_str(run->rule->name), "priority",
                                            rule_priority_name(run->rule->priority)));
        else if (json_array_size(near) < NEAR_MAX && one_part_fails(run, &o->reader.base, &part))
            json_array_append_new(near, near_json(run, part));
    }
    return list;
}
