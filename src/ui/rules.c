/* The Rules screen: Falco's rules, how many events each fires on, and what is wrong with their files.
 * Files that are saved are loaded again. */
#include <limits.h>
#include <ncurses.h>
#include <stdlib.h>

#include "internal.h"

#define WATCH_NS  (700 * NS_PER_MS)
#define RULES_MAX 300 /* that are counted */

struct rule_count {
    uint64_t selection, matches, scanned, rows, first;
};

struct rules_screen {
    json_t *paths, *rules, *messages;
    json_t *names;  /* what filters may name */
    char *saved;    /* filters under names, as they were told; NULL: not yet */
    json_t *before; /* {name: {matches, filter}} of the rules before this version */
    VEC(struct rule_count) counts;
    uint64_t version, asked_at;
    uintptr_t serial; /* answers to older questions do not count */
    bool asking, failed;
    bool arrived; /* at the first event on which a rule fires */
    struct table t;
};

static struct rules_screen *view_of(struct ui *u)
{
    if (!u->rules)
        u->rules = xcalloc(1, sizeof(*u->rules));
    return u->rules;
}

static const json_t *rule_at(const struct rules_screen *v, size_t i)
{
    return json_array_get(v->rules, i);
}

/* A capture starts at the first event on which a rule fires, unless the person is somewhere already. */
static void arrive(struct ui *u, struct rules_screen *v)
{
    const char *name = NULL;
    uint64_t first = 0, rows = 0;

    if (u->touched || (u->filter && *u->filter) || u->screen != SCREEN_EVENTS ||
        rpc_get_bool(u->stream, "live", false))
        v->arrived = true;
    for (size_t i = 0; i < v->counts.n && !v->arrived; i++) {
        const struct rule_count *c = &v->counts.v[i];
        const json_t *rule = rule_at(v, i);

        if (!rpc_get_str(rule, "filter") || !rpc_get_bool(rule, "enabled", true))
            continue;
        if (!c->selection || c->rows == 0 || c->scanned < c->rows || (rows && c->rows != rows))
            return;
        rows = c->rows;
        if (c->first && (!name || c->first < first)) {
            first = c->first;
            name = rpc_get_str(rule, "name");
        }
    }
    if (v->arrived || !name)
        return;
    v->arrived = true;
    events_jump(u, first);
    notice(u, LOOK_GOOD, "event %llu is the first on which a rule fires: %s",
           (unsigned long long)first, name);
}

/* ---- asking ------------------------------------------------------------------------------------------ */

static void keep_count(struct rule_count *c, const json_t *from)
{
    c->matches = rpc_u64_or(from, "matches", 0);
    c->scanned = rpc_u64_or(from, "scanned", 0);
    c->rows = rpc_u64_or(from, "rows", 0);
    c->first = rpc_u64_or(from, "first", 0);
}

static void on_selected(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct rules_screen *v = view_of(u);
    uintptr_t which = (uintptr_t)ctx;
    size_t i = which % RULES_MAX;

    if (error || which / RULES_MAX != v->serial || i >= v->counts.n)
        return;
    v->counts.v[i].selection = rpc_u64_or(result, "selection", 0);
    keep_count(&v->counts.v[i], result);
    arrive(u, v);
}

static void drop_counts(struct ui *u, struct rules_screen *v)
{
    json_decref(v->before);
    v->before = json_object();
    for (size_t i = 0; i < v->counts.n; i++) {
        const struct rule_count *c = &v->counts.v[i];

        if (c->selection && c->scanned >= c->rows)
            json_object_set_new(v->before, rpc_get_str(rule_at(v, i), "name"),
                                json_pack("{so sO}", "matches", rpc_u64(c->matches), "filter",
                                          json_object_get(rule_at(v, i), "filter")));
        if (c->selection && engine_is_up(u))
            ask(u, "select/drop", json_pack("{so}", "selection", rpc_u64(c->selection)), NULL,
                NULL);
    }
    v->counts.n = 0;
}

static void count_all(struct ui *u, struct rules_screen *v)
{
    const json_t *rule;
    size_t i;

    v->serial++;
    json_array_foreach(v->rules, i, rule) {
        const char *filter = rpc_get_str(rule, "filter");

        if (i >= RULES_MAX)
            break;
        vec_push(&v->counts, (struct rule_count){0});
        if (filter && rpc_get_bool(rule, "enabled", true))
            ask(u, "select", json_pack("{so}", "filter", rpc_str(filter)), on_selected,
                (void *)(v->serial * RULES_MAX + i));
    }
}

static void on_rules(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct rules_screen *v = view_of(u);
    bool first = v->version == 0, rules = json_array_size(v->paths) > 0;

    UNUSED(ctx);
    v->asking = false;
    if (error)
        notice(u, LOOK_BAD, "%s", error_text(error));
    filter_take_wanted(u); /* it may use their names */
    if (error)
        return;
    v->version = rpc_u64_or(result, "version", 0);
    if (!json_object_get(result, "rules"))
        return;
    v->failed = rpc_get_bool(result, "failed", false);
    json_decref(v->messages);
    v->messages = json_incref(json_object_get(result, "messages"));
    json_decref(v->names);
    v->names = json_incref(json_object_get(result, "names"));
    if (!rules && v->failed) {
        const json_t *m = json_array_get(v->messages, 0);

        notice(u, LOOK_BAD, "filters.yaml, line %lld: %s",
               (long long)json_integer_value(json_object_get(m, "line")), rpc_get_str(m, "text"));
    }
    if (!first && *u->filter) { /* a name in it may stand for something else now */
        filter_again(u, u->filter);
        fields_reset(u);
    }
    if (!first && rules)
        notice(u, v->failed ? LOOK_BAD : LOOK_GOOD,
               v->failed ? "the rules can't be used: those before stay"
                         : "the rules are loaded again");
    if (v->failed && v->counts.n)
        return;
    drop_counts(u, v);
    json_decref(v->rules);
    v->rules = json_incref(json_object_get(result, "rules"));
    v->t.n = json_array_size(v->rules);
    table_clamp(&v->t);
    count_all(u, v);
}

static void ask_rules(struct ui *u, bool now)
{
    struct rules_screen *v = view_of(u);
    json_t *q;

    if (v->asking || !engine_is_up(u) || !u->ready || !(json_array_size(v->paths) || *v->saved) ||
        (!now && time_mono() < v->asked_at + WATCH_NS))
        return;
    v->asking = true;
    v->asked_at = time_mono();
    q = json_pack("{sO so so}", "paths", v->paths, "version", rpc_u64(v->version), "saved",
                  rpc_str(v->saved));
    ask(u, "rules", q, on_rules, NULL);
}

/* Another engine: selections are gone. */
void rules_reset(struct ui *u)
{
    struct rules_screen *v = view_of(u);

    v->asking = false;
    v->version = 0;
    v->counts.n = 0;
    v->serial++;
}

void rules_fini(struct ui *u)
{
    struct rules_screen *v = u->rules;

    if (!v)
        return;
    json_decref(v->paths);
    json_decref(v->rules);
    json_decref(v->messages);
    json_decref(v->before);
    json_decref(v->names);
    free(v->saved);
    vec_free(&v->counts);
    free(v);
    u->rules = NULL;
}

const char *rules_filter(const struct ui *u)
{
    return u->rules ? rpc_get_str(rule_at(u->rules, u->rules->t.cursor), "filter") : NULL;
}

bool rules_loaded(const struct ui *u)
{
    return json_array_size(u->rules && u->rules->paths ? u->rules->paths
                                                       : json_object_get(u->options, "rules")) > 0;
}

void rules_start(struct ui *u)
{
    struct rules_screen *v = view_of(u);

    if (!v->paths)
        v->paths = json_incref(json_object_get(u->options, "rules"));
    if (!v->paths)
        v->paths = json_array();
    if (!v->saved)
        v->saved = kept_filters();
    ask_rules(u, true);
    if (!v->asking)
        filter_take_wanted(u);
}

const char *rules_named_by(const struct ui *u, const char *filter)
{
    const json_t *rule;
    size_t i;

    json_array_foreach(u->rules ? u->rules->rules : NULL, i, rule) {
        const char *text = rpc_get_str(rule, "filter");

        if (text && str_eq(text, filter))
            return rpc_get_str(rule, "name");
    }
    return NULL;
}

void rules_ask_again(struct ui *u)
{
    struct rules_screen *v = view_of(u);

    free(v->saved);
    v->saved = kept_filters();
    if (!*v->saved) { /* an empty file still takes the old names away */
        free(v->saved);
        v->saved = xstrdup("\n");
    }
    v->asking = false;
    ask_rules(u, true);
}

const json_t *rules_names(const struct ui *u)
{
    return u->rules ? u->rules->names : NULL;
}

static void on_path(struct ui *u, const char *text, void *ctx)
{
    struct rules_screen *v = view_of(u);
    char *whole;

    UNUSED(ctx);
    if (!*text)
        return;
    history_add(&u->path_history, text);
    whole = realpath(text, NULL);
    if (!whole) {
        notice(u, LOOK_BAD, "%s: there is no such file", text);
        return;
    }
    json_array_append_new(v->paths, rpc_str(whole));
    free(whole);
    ask_rules(u, true);
}

void rules_load_file(struct ui *u, int arg)
{
    UNUSED(arg);
    prompt_open(u, "load rules (a file or a folder)", "", &u->path_history, on_path, NULL);
}

/* What a rule that was changed has gained, or lost, since the load before. */
void rules_changed(struct ui *u, int lost)
{
    struct rules_screen *v = view_of(u);
    const json_t *rule = rule_at(v, v->t.cursor), *was;
    const char *now = rpc_get_str(rule, "filter"), *before;

    was = rule ? json_object_get(v->before, rpc_get_str(rule, "name")) : NULL;
    before = rpc_get_str(was, "filter");
    if (!now || !before || str_eq(now, before)) {
        notice(u, LOOK_WARN, "this rule is as it was at the load before");
        return;
    }
    place_push(u);
    screen_go(u, SCREEN_EVENTS);
    filter_apply_difference(u, lost ? before : now, lost ? now : before);
}

void rules_enter(struct ui *u, int arg)
{
    struct rules_screen *v = view_of(u);
    const char *filter = rpc_get_str(rule_at(v, v->t.cursor), "filter");

    UNUSED(arg);
    if (!filter)
        return;
    place_push(u);
    screen_go(u, SCREEN_EVENTS);
    filter_apply(u, filter);
}

/* ---- drawing ---------------------------------------------------------------------------------------- */

static void draw_count(const struct rules_screen *v, size_t i, int y, int x, enum look base)
{
    const struct rule_count *c = i < v->counts.n ? &v->counts.v[i] : NULL;
    uint64_t was = 0;
    char text[40], change[40] = "";

    if (!c || !c->selection) {
        text_right(y, x, 10, base, sign("∅", "-"));
        return;
    }
    text_count(c->matches, text);
    if (c->scanned < c->rows)
        strcat(text, sign("…", "..."));
    text_right(y, x, 10, base, text);
    if (c->scanned >= c->rows &&
        rpc_get_u64(json_object_get(v->before, rpc_get_str(rule_at(v, i), "name")), "matches",
                    &was) &&
        was != c->matches)
        snprintf(change, sizeof(change), "%+lld", (long long)(c->matches - was));
    text_puts(y, x + 11, 7, base, change);
}

static void draw_rule(const struct rules_screen *v, size_t i, int y, struct rect r, bool on)
{
    const json_t *rule = rule_at(v, i), *tag;
    const char *priority = rpc_get_str(rule, "priority");
    bool used = rpc_get_str(rule, "filter") && rpc_get_bool(rule, "enabled", true);
    enum look base = on      ? LOOK_CURSOR
                     : !used ? LOOK_DIM
                     : str_eq(priority, "Warning") || str_eq(priority, "Notice") ||
                             str_eq(priority, "Informational") || str_eq(priority, "Debug")
                         ? LOOK_TEXT
                         : LOOK_WARN;
    int x = r.x + 34, w = MAX_OF(r.w - 36, 10), used_w;
    size_t k;

    if (on)
        fill(y, r.x, r.w, base, ' ');
    draw_count(v, i, y, r.x, base);
    text_puts(y, r.x + 19, 14, base, priority);
    used_w = text_puts(y, x, w, base, rpc_get_str(rule, "name"));
    if (!used)
        used_w += text_puts(y, x + used_w, w - used_w, base,
                            rpc_get_bool(rule, "enabled", true) ? "  (not used: see below)"
                                                                : "  (not enabled)");
    json_array_foreach(json_object_get(rule, "tags"), k, tag) {
        if (used_w + 3 < w)
            used_w += 2 + text_putf(y, x + used_w + 2, w - used_w - 2, on ? base : LOOK_DIM, "%s",
                                    json_string_value(tag));
    }
}

static void draw_wrapped(int y, struct rect r, int lines, enum look l, const char *s)
{
    size_t n = strlen(s), at = 0;

    for (int i = 0; i < lines && at < n; i++) {
        size_t fits = 0;

        while (at + fits < n && text_width(s + at, fits + 1) <= r.w - 2)
            fits++;
        while (at + fits < n && fits > 20 && s[at + fits] != ' ')
            fits--;
        text_put(y + i, r.x + 1, r.w - 2, l, s + at, fits);
        at += MAX_OF(fits, (size_t)1);
        while (s[at] == ' ')
            at++;
    }
}

/* Errors first; then warnings as far as there is room. */
static void draw_messages(const struct rules_screen *v, int y, struct rect r)
{
    const json_t *m;
    size_t i;

    for (int errors = 1; errors >= 0; errors--) {
        json_array_foreach(v->messages, i, m) {
            const char *file = rpc_get_str(m, "file"), *base = file ? strrchr(file, '/') : NULL;

            if (rpc_get_bool(m, "error", false) != (errors == 1) || y >= r.y + r.h)
                continue;
            text_putf(y++, r.x + 1, r.w - 2, errors ? LOOK_BAD : LOOK_DIM, "%s:%lld  %s",
                      base ? base + 1 : "",
                      (long long)json_integer_value(json_object_get(m, "line")),
                      rpc_get_str(m, "text"));
        }
    }
}

static void rules_draw(struct ui *u, struct rect r)
{
    struct rules_screen *v = view_of(u);
    const json_t *rule = rule_at(v, v->t.cursor);
    int messages = MIN_OF((int)json_array_size(v->messages), 4), below = 5 + messages, rows;

    ask_rules(u, false);
    if (json_array_size(v->paths) == 0) {
        text_puts(r.y + r.h / 3, r.x + 2, r.w - 4, LOOK_STRONG, "no rules are loaded");
        text_puts(r.y + r.h / 3 + 1, r.x + 2, r.w - 4, LOOK_DIM,
                  "l loads a file of Falco's rules, or a folder of them; mews --rules FILE does at "
                  "start");
        return;
    }
    rows = MAX_OF(r.h - 1 - (r.h > 12 ? below : messages), 1);
    text_right(r.y, r.x, 10, LOOK_HEAD, "events");
    text_puts(r.y, r.x + 19, 14, LOOK_HEAD, "priority");
    text_puts(r.y, r.x + 34, r.w - 36, LOOK_HEAD, "rule");
    table_fit(&v->t, rows);
    for (int i = 0; i < rows && v->t.top + (size_t)i < v->t.n; i++)
        draw_rule(v, v->t.top + (size_t)i, r.y + 1 + i, r, v->t.top + (size_t)i == v->t.cursor);
    if (r.h > 12 && rule) {
        rule_line(r.y + r.h - below, r.x, r.w, LOOK_DIM);
        text_puts(r.y + r.h - below + 1, r.x + 1, r.w - 2, LOOK_TEXT, rpc_get_str(rule, "desc"));
        draw_wrapped(r.y + r.h - below + 2, r, 3, LOOK_VALUE, rpc_get_str(rule, "condition"));
    }
    draw_messages(v, r.y + r.h - messages, r);
}

static bool rules_key(struct ui *u, int key, bool is_char)
{
    return table_key(&view_of(u)->t, key, is_char, u->height - 10);
}

void rules_counted(struct ui *u, const json_t *params)
{
    struct rules_screen *v = view_of(u);
    uint64_t id = rpc_u64_or(params, "selection", 0);

    for (size_t i = 0; i < v->counts.n; i++) {
        if (v->counts.v[i].selection == id)
            keep_count(&v->counts.v[i], params);
    }
    arrive(u, v);
}

static unsigned rules_contexts(struct ui *u)
{
    UNUSED(u);
    return CX_RULES | CX_TABLE;
}

const struct screen screen_rules = {"Rules", rules_start,    rules_draw, rules_key,
                                    NULL,    rules_contexts, NULL,       NULL};
