/* A set of rules: what it holds, and what was said while it was loaded. */
#include "internal.h"

static const char *const priorities[] = {"Emergency", "Alert",  "Critical",      "Error",
                                         "Warning",   "Notice", "Informational", "Debug"};

const char *rule_priority_name(enum rule_priority p)
{
    return priorities[p];
}

bool rule_priority_parse(const char *s, enum rule_priority *out)
{
    const enum rule_priority last = PRIORITY_DEBUG;

    if (s && s[0] >= '0' && s[0] <= '7' && !s[1]) {
        *out = (enum rule_priority)(s[0] - '0');
        return true;
    }
    for (enum rule_priority i = PRIORITY_EMERGENCY; s && i <= last; i++) {
        if (strcasecmp(s, rule_priority_name(i)) == 0 ||
            (i == PRIORITY_INFORMATIONAL && strcasecmp(s, "info") == 0)) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* ---- messages -------------------------------------------------------------------------------------- */

static void say(struct rules *r, bool error, const char *code, const char *file, unsigned line,
                const char *fmt, va_list ap)
{
    struct rule_message m = {error, code, xstrdup(file ? file : ""), NULL, line};

    if (vasprintf(&m.text, fmt, ap) < 0)
        m.text = xstrdup("");
    vec_push(&r->messages, m);
    r->failed |= error;
}

void rules_add_message(struct rules *r, bool error, const char *code, const char *file,
                       unsigned line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(r, error, code, file, line, fmt, ap);
    va_end(ap);
}

void rules_say(struct rules *r, bool error, const char *code, unsigned line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(r, error, code, r->file, line, fmt, ap);
    va_end(ap);
}

/* ---- the set ------------------------------------------------------------------------------------------------- */

struct rules *rules_new(void)
{
    struct rules *r = xcalloc(1, sizeof(*r));

    return r;
}

void rules_free(struct rules *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->lists.n; i++) {
        free(r->lists.v[i].name);
        str_list_fini(&r->lists.v[i].items);
    }
    for (size_t i = 0; i < r->macros.n; i++) {
        free(r->macros.v[i].name);
        free(r->macros.v[i].condition);
        free(r->macros.v[i].file);
    }
    for (size_t i = 0; i < r->rules.n; i++) {
        rule_clear(r->rules.v[i]);
        free(r->rules.v[i]->name);
        free(r->rules.v[i]);
    }
    for (size_t i = 0; i < r->messages.n; i++) {
        free(r->messages.v[i].file);
        free(r->messages.v[i].text);
    }
    for (size_t i = 0; i < r->schemas.n; i++) {
        free(r->schemas.v[i].file);
        free(r->schemas.v[i].text);
    }
    vec_free(&r->lists);
    vec_free(&r->macros);
    vec_free(&r->rules);
    vec_free(&r->messages);
    vec_free(&r->schemas);
    free(r);
}

bool rules_failed(const struct rules *r)
{
    return r->failed;
}

size_t rules_count(const struct rules *r)
{
    return r->rules.n;
}

const struct rule *rules_at(const struct rules *r, size_t i)
{
    return r->rules.v[i];
}

size_t rules_messages(const struct rules *r)
{
    return r->messages.n;
}

const struct rule_message *rules_message(const struct rules *r, size_t i)
{
    return &r->messages.v[i];
}

/* ---- names for filters ------------------------------------------------------------------------------------- */

const struct str_list *rules_list_items(void *ctx, struct span name)
{
    const struct rules *r = ctx;

    for (size_t i = 0; i < r->lists.n; i++) {
        if (span_is(name, r->lists.v[i].name))
            return &r->lists.v[i].items;
    }
    return NULL;
}

void rules_name(const struct rules *r, struct filter_options *options)
{
    options->macro = rules_macro;
    options->list = rules_list_items;
    options->ctx = (void *)(uintptr_t)r;
}

const char *rules_macro_at(const struct rules *r, size_t i, const char **condition,
                           const char **file)
{
    const struct rule_macro *m = i < r->macros.n ? &r->macros.v[i] : NULL;

    *condition = m ? m->condition : NULL;
    *file = m ? m->file : NULL;
    return m ? m->name : NULL;
}

const char *rules_list_at(const struct rules *r, size_t i, const struct str_list **items)
{
    *items = i < r->lists.n ? &r->lists.v[i].items : NULL;
    return i < r->lists.n ? r->lists.v[i].name : NULL;
}

/* ---- switches ------------------------------------------------------------------------------------------------ */

/* Each piece between stars is found as early as it can be; the last must end the name then. */
static bool fits(const char *pattern, const char *name)
{
    const char *at = name;
    bool first = true;

    for (;;) {
        size_t n = strcspn(pattern, "*");
        const char *found = n ? memmem(at, strlen(at), pattern, n) : at;

        if (!found || (first && found != name))
            return false;
        at = found + n;
        if (!pattern[n])
            return *at == '\0';
        pattern += n + 1;
        if (!*pattern)
            return true;
        first = false;
    }
}

size_t rules_switch(struct rules *r, bool enable, const char *pattern, const char *tag)
{
    size_t named = 0;

    for (size_t i = 0; i < r->rules.n; i++) {
        struct rule *rule = r->rules.v[i];

        if (!(pattern && fits(pattern, rule->name)) && !(tag && str_list_has(&rule->tags, tag)))
            continue;
        rule->enabled = enable;
        named++;
    }
    return named;
}
