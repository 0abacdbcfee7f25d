/* What the person types: is it right, what could come next, which fields are there. */
#include "internal.h"

#include <ctype.h>

#define TOKENS_MAX 400

struct filter *filter_typed(struct engine *e, const char *text, struct syntax_error *err)
{
    struct filter_options options = {.strict = e->spec.strict};
    struct filter *f;

    pthread_mutex_lock(&e->cat_lock);
    rules_view_names(e, &options);
    f = filter_compile(text, strlen(text), e->catalogue, &options, err);
    pthread_mutex_unlock(&e->cat_lock);
    return f;
}

static json_t *tokens_json(struct engine *e, const char *text, size_t n)
{
    static const char *const kinds[] = {
        [TOKEN_FIELD] = "field",       [TOKEN_OPERATOR] = "operator", [TOKEN_KEYWORD] = "keyword",
        [TOKEN_CONSTANT] = "constant", [TOKEN_FUNCTION] = "function", [TOKEN_OTHER] = "other"};
    struct filter_token *t = xcalloc(TOKENS_MAX, sizeof(*t));
    size_t count = MIN_OF(filter_tokens(text, n, e->catalogue, t, TOKENS_MAX), (size_t)TOKENS_MAX);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("[i,i,s]", (int)t[i].start, (int)t[i].len, kinds[t[i].kind]));
    free(t);
    return list;
}

/* Fields that are there, but not for the open source where Falco runs. */
static json_t *not_offered(struct engine *e, const struct filter *f)
{
    const struct field_refs *refs = filter_refs(f);
    json_t *list = json_array();
    char *source = open_source(e);

    for (size_t i = 0; i < refs->v.n; i++) {
        const struct field_def *def = refs->v.v[i]->def;

        if (!field_applies(source, def) || (def->flags & FIELD_REMOVED))
            json_array_append_new(list, rpc_str(refs->v.v[i]->text));
    }
    free(source);
    return list;
}

void method_filter_check(struct engine *e, const json_t *id, const json_t *params)
{
    const char *text = rpc_get_str(params, "filter");
    struct syntax_error err;
    struct filter *f = NULL;
    json_t *o;
    bool empty;

    if (!text) {
        reply_code(e, id, RPC_INVALID_PARAMS, "“filter” is missing");
        return;
    }
    if (bundled_defer(e, text, id, "filter/check", params))
        return;
    empty = text[strspn(text, " \t\r\n")] == '\0';
    o = json_object();
    if (!empty)
        f = filter_typed(e, text, &err);
    pthread_mutex_lock(&e->cat_lock);
    json_object_set_new(o, "tokens", tokens_json(e, text, strlen(text)));
    pthread_mutex_unlock(&e->cat_lock);
    json_object_set_new(o, "state",
                        json_string(f || empty       ? "valid"
                                    : err.unfinished ? "unfinished"
                                                     : "wrong"));
    if (!f && !empty)
        json_object_set_new(o, "error", syntax_error_json(&err));
    if (f) {
        struct buf canonical;

        buf_init(&canonical, 0);
        filter_text(f, &canonical);
        json_object_set_new(o, "canonical", rpc_str(buf_str(&canonical)));
        json_object_set_new(o, "beyond_falco", json_boolean(filter_beyond_falco(f)));
        json_object_set_new(o, "not_offered", not_offered(e, f));
        buf_fini(&canonical);
    }
    filter_free(f);
    reply(e, id, o);
}

/* ---- the fields that there are --------------------------------------------------------------- */

/* Whether a field belongs to the source that is open, so that it comes first. */
bool field_applies(void *ctx, const struct field_def *def)
{
    const char *source = ctx;

    if (!source)
        return true;
    if (def->builtin >= 0) /* of system calls, but for those of any event */
        return str_eq(source, "syscall") || str_eq(def->owner, "evt");
    for (size_t i = 0; i < def->providers.n; i++) {
        const struct plugin_info *info = plugin_info(def->providers.v[i].plugin);

        if (info->extract_sources.n == 0 || str_list_has(&info->extract_sources, source))
            return true;
    }
    return false;
}

char *open_source(struct engine *e)
{
    char *source;

    pthread_mutex_lock(&e->state_lock);
    source = e->source.plugin ? xstrdup(plugin_info(e->source.plugin)->source) : NULL;
    pthread_mutex_unlock(&e->state_lock);
    return source;
}

void method_fields(struct engine *e, const json_t *id, const json_t *params)
{
    const char *owner = rpc_get_str(params, "owner");
    json_t *list = json_array();
    char *source = open_source(e);

    pthread_mutex_lock(&e->cat_lock);
    for (size_t i = 0; i < field_catalogue_count(e->catalogue); i++) {
        const struct field_def *d = field_catalogue_at(e->catalogue, i);
        json_t *o;

        if (owner && !str_eq(d->owner, owner))
            continue;
        o = json_pack("{ss ss ss sb so sb sb sb}", "name", d->name, "owner", d->owner, "type",
                      value_type_info(d->type)->word, "list", d->list, "desc", rpc_str(d->desc),
                      "hidden", (d->flags & FIELD_HIDDEN) != 0, "applies", field_applies(source, d),
                      "plugin", d->builtin < 0);
        if (*d->display)
            json_object_set_new(o, "display", rpc_str(d->display));
        if (d->arg_index || d->arg_key)
            json_object_set_new(o, "arg",
                                json_pack("{sb sb sb}", "required", d->arg_required, "index",
                                          d->arg_index, "key", d->arg_key));
        json_array_append_new(list, o);
    }
    pthread_mutex_unlock(&e->cat_lock);
    free(source);
    reply(e, id, json_pack("{so}", "fields", list));
}

/* ---- the next row that holds a text: search, which hides nothing ----------------------------- */

#define FIND_ROWS ((uint64_t)20000) /* in one answer; others wait meanwhile */

static bool holds(const char *bytes, size_t n, struct span word)
{
    for (size_t i = 0; word.n && i + word.n <= n; i++) {
        size_t k = 0;

        while (k < word.n &&
               tolower((unsigned char)bytes[i + k]) == tolower((unsigned char)word.p[k]))
            k++;
        if (k == word.n)
            return true;
    }
    return false;
}

/* Looks into the payloads from a row on, in the order of the selection. */
void method_find(struct engine *e, const json_t *id, const json_t *params)
{
    const char *text = rpc_get_str(params, "text");
    struct selection *s = selection_get(e, rpc_u64_or(params, "selection", 0));
    int dir = rpc_get_bool(params, "backwards", false) ? -1 : 1;
    uint64_t row = rpc_u64_or(params, "row", 0), found, left = FIND_ROWS;
    bool gap = false, hit = false;
    struct buf bytes;

    if (!text || !e->store) {
        reply_code(e, id, RPC_INVALID_PARAMS, "“text” is missing");
        if (s)
            selection_put(e, s);
        return;
    }
    buf_init(&bytes, EVENT_LEN_MAX);
    while (!hit && left-- && (dir > 0 || row > 0) &&
           selection_next(s, dir > 0 ? row + 1 : row - 1, dir, store_first(e->store),
                          store_rows(e->store), &found, &gap)) {
        row = found;
        if (store_read(e->store, row, &bytes, NULL) != SEV_OK || bytes.len < EVENT_HEADER_LEN)
            continue;
        hit = holds(bytes.data + EVENT_HEADER_LEN, bytes.len - EVENT_HEADER_LEN, span_of(text));
    }
    if (hit)
        reply(e, id,
              json_pack("{so so}", "row", rpc_u64(row), "number",
                        rpc_u64(store_number(e->store, row))));
    else
        reply(e, id,
              json_pack("{sn sb sb so}", "row", "more", left == UINT64_MAX, "searching", gap,
                        "stopped_at", rpc_u64(row)));
    buf_fini(&bytes);
    if (s)
        selection_put(e, s);
}
