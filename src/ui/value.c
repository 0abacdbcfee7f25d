/* Values: how they look, and what can be done with the one under the cursor. */
#include "internal.h"

/* ---- how they look --------------------------------------------------------------------------- */

static void add_bytes(const json_t *v, struct buf *out)
{
    const json_t *cut = json_object_get(v, "text");

    rpc_text_bytes(cut ? cut : v, out);
}

static void add_time(const struct ui *u, const struct buf *ns, struct buf *out)
{
    uint64_t ts;
    char text[40];

    if (parse_u64((struct span){buf_str(ns), ns->len}, &ts))
        buf_adds(out, time_text(u, ts, TIME_DATETIME, text));
    else
        buf_add(out, buf_str(ns), ns->len);
}

static void add_one(const json_t *v, const char *type, const struct ui *u, struct buf *out)
{
    struct buf raw;
    uint64_t ns;
    char text[32];

    buf_init(&raw, 1 << 24);
    add_bytes(v, &raw);
    if (type && str_eq(type, "abstime"))
        add_time(u, &raw, out);
    else if (type && str_eq(type, "reltime") &&
             parse_u64((struct span){buf_str(&raw), raw.len}, &ns))
        buf_adds(out, text_duration(ns, text));
    else if (raw.len == 0)
        buf_adds(out, "\"\"");
    else
        buf_add(out, buf_str(&raw), raw.len);
    if (json_object_get(v, "text"))
        buf_adds(out, sign("…", "..."));
    buf_fini(&raw);
}

void value_line(const json_t *v, const char *type, const struct ui *u, struct buf *out)
{
    const json_t *list = json_object_get(v, "list"), *item;
    size_t i;

    if (!v || json_is_null(v)) {
        buf_adds(out, sign("∅", "-"));
    } else if (json_object_get(v, "error")) {
        buf_adds(out, sign("✗ ", "! "));
        add_bytes(json_object_get(v, "error"), out);
    } else if (rpc_get_bool(v, "wait", false)) {
        buf_adds(out, sign("⋯", "..."));
    } else if (list) {
        json_array_foreach(list, i, item) {
            if (i)
                buf_adds(out, ", ");
            add_one(item, type, u, out);
        }
        if (rpc_u64_or(v, "count", 0) > json_array_size(list))
            buf_addf(out, ", +%llu",
                     (unsigned long long)(rpc_u64_or(v, "count", 0) - json_array_size(list)));
    } else {
        add_one(v, type, u, out);
    }
}

enum look value_look(const json_t *v)
{
    if (!v || json_is_null(v) || rpc_get_bool(v, "wait", false))
        return LOOK_DIM;
    return json_object_get(v, "error") ? LOOK_BAD : LOOK_TEXT;
}

/* ---- the one under the cursor ---------------------------------------------------------------- */

bool value_picked(struct ui *u, struct picked *out)
{
    memset(out, 0, sizeof(*out));
    out->element = -1;
    switch (u->screen) {
    case SCREEN_EVENTS:
        return u->events.pane == PANE_LIST ? events_cell(u, out)
                                           : u->events.pane == PANE_DETAIL && detail_cell(u, out);
    case SCREEN_VIEWS:
        return counts_cell(u, out);
    case SCREEN_FIELDS:
        return fields_cell(u, out);
    default:
        return false;
    }
}

static const char *const joins[] = {"and", "not", "or", "only"};

static void on_joined(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    if (error) {
        notice(u, LOOK_BAD, "%s", error_text(error));
        return;
    }
    if (ctx && u->screen != SCREEN_EVENTS) {
        place_push(u);
        screen_go(u, SCREEN_EVENTS);
    }
    filter_apply(u, rpc_get_str(result, "filter"));
}

static json_t *clause_request(struct ui *u, const struct picked *p, const char *join)
{
    json_t *q = json_pack("{so ss so}", "filter", rpc_str(u->filter), "join", join, "field",
                          rpc_str(p->field));

    if (p->clause)
        json_object_set_new(q, "clause", rpc_str(p->clause));
    event_ask(q, p->event);
    if (p->element >= 0)
        json_object_set_new(q, "element", rpc_u64((uint64_t)p->element));
    return q;
}

static char in_events;

void filter_add(struct ui *u, const char *clause, const char *join)
{
    ask(u, "filter/join",
        json_pack("{so so ss}", "filter", rpc_str(u->filter), "clause", rpc_str(clause), "join",
                  join),
        on_joined, &in_events);
}

void value_act(struct ui *u, int how)
{
    struct picked p;

    if (!value_picked(u, &p)) {
        if (u->screen == SCREEN_EVENTS && u->events.pane == PANE_PAYLOAD)
            payload_enter(u);
        else
            notice(u, LOOK_WARN, "no value is under the cursor: Left and Right choose one");
        return;
    }
    coach_note(u, joins[how]);
    /* taking out of a table of counts leaves one at the table */
    ask(u, p.clause ? "filter/join" : "event/clause", clause_request(u, &p, joins[how]), on_joined,
        u->screen == SCREEN_VIEWS && how == 1 ? NULL : &in_events);
    free(p.clause);
}

/* ---- preview --------------------------------------------------------------------------------- */

void detail_forget_preview(struct ui *u)
{
    struct detail_view *d = &u->detail;

    if (d->preview_selection && d->preview_selection != u->selection)
        ask(u, "select/drop", json_pack("{so}", "selection", rpc_u64(d->preview_selection)), NULL,
            NULL);
    free(d->clause);
    free(d->preview_filter);
    d->clause = d->preview_filter = NULL;
    d->preview_selection = 0;
    d->previewing = false;
}

static void on_preview_selected(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct detail_view *d = &u->detail;

    UNUSED(ctx);
    if (error) {
        notice(u, LOOK_BAD, "%s", error_text(error));
        return;
    }
    d->preview_selection = rpc_u64_or(result, "selection", 0);
    d->preview_matches = rpc_u64_or(result, "matches", 0);
    d->preview_scanned = rpc_u64_or(result, "scanned", 0);
    d->preview_rows = rpc_u64_or(result, "rows", 0);
}

static void on_clause(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    struct detail_view *d = &u->detail;

    UNUSED(ctx);
    if (error) {
        notice(u, LOOK_BAD, "%s", error_text(error));
        return;
    }
    detail_forget_preview(u);
    if (rpc_get_str(result, "clause"))
        d->clause = xstrdup(rpc_get_str(result, "clause"));
    d->preview_filter = xstrdup(rpc_get_str(result, "filter"));
    if (!d->clause)
        d->clause = xstrdup(d->preview_filter);
    d->previewing = true;
    ask(u, "select", json_pack("{so}", "filter", rpc_str(d->preview_filter)), on_preview_selected,
        NULL);
    coach_note(u, "preview");
}

void preview_field(struct ui *u, uint64_t event, const char *field, int64_t element,
                   const char *clause)
{
    struct picked p = {
        .event = event, .element = element, .clause = clause ? xstrdup(clause) : NULL};

    snprintf(p.field, sizeof(p.field), "%s", field);
    ask(u, clause ? "filter/join" : "event/clause", clause_request(u, &p, "and"), on_clause, NULL);
    free(p.clause);
}

void value_preview(struct ui *u, int arg)
{
    struct picked p;

    UNUSED(arg);
    if (u->screen == SCREEN_EVENTS && u->events.pane == PANE_DETAIL) {
        detail_enter(u);
        return;
    }
    if (!value_picked(u, &p))
        return;
    preview_field(u, p.event, p.field, p.element, p.clause);
    free(p.clause);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void on_count_field(struct ui *u, const char *text, void *ctx)
{
    UNUSED(ctx);
    if (*text) {
        place_push(u);
        counts_start(u, text);
    }
}

void value_count(struct ui *u, int arg)
{
    struct picked p;

    UNUSED(arg);
    if (!value_picked(u, &p)) {
        prompt_open(u, "count by field(s), with commas between", "", NULL, on_count_field, NULL);
        return;
    }
    place_push(u);
    counts_start(u, p.field);
    coach_note(u, "count");
    free(p.clause);
}

void value_column(struct ui *u, int arg)
{
    struct picked p;

    UNUSED(arg);
    if (!value_picked(u, &p)) {
        notice(u, LOOK_WARN, "choose a field first");
        return;
    }
    free(p.clause);
    column_add(u, p.field);
}

void value_copy(struct ui *u, int arg)
{
    struct picked p;
    struct buf b;

    UNUSED(arg);
    buf_init(&b, 1 << 20);
    if (value_picked(u, &p)) {
        if (p.value)
            value_line(p.value, NULL, u, &b);
        else
            buf_adds(&b, p.clause ? p.clause : p.field);
        free(p.clause);
    } else if (*u->filter) {
        buf_adds(&b, u->filter);
    }
    if (b.len) {
        term_copy(b.data, b.len);
        notice(u, LOOK_GOOD, "copied: %.60s", b.data);
    } else {
        notice(u, LOOK_WARN, "nothing to copy here");
    }
    buf_fini(&b);
}
