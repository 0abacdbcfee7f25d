/* Events that a filter must match, or must not: after each change it is said how many are caught, missed, and
 * matched though they must not be. Saved, they are a test for `mews rules --expect`. */
#include <stdio.h>

#include "internal.h"

static size_t find(const struct ui *u, uint64_t row)
{
    size_t i;

    for (i = 0; i < u->judged.n && u->judged.v[i].row != row;)
        i++;
    return i;
}

static void on_judged(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    const json_t *holds = json_object_get(result, "holds");

    if (error || (uintptr_t)ctx != u->judged_serial)
        return;
    for (size_t i = 0; i < u->judged.n; i++) {
        const json_t *h = json_array_get(holds, i);

        u->judged.v[i].holds = json_is_boolean(h) ? json_is_true(h) : -1;
    }
}

void judged_again(struct ui *u)
{
    json_t *rows;

    u->judged_serial++;
    if (u->judged.n == 0 || !engine_is_up(u))
        return;
    for (size_t i = 0; i < u->judged.n; i++)
        u->judged.v[i].holds = *u->filter ? -1 : 1;
    if (!*u->filter)
        return;
    rows = json_array();
    for (size_t i = 0; i < u->judged.n; i++)
        json_array_append_new(rows, rpc_u64(u->judged.v[i].row));
    ask(u, "judge", json_pack("{so so}", "filter", rpc_str(u->filter), "rows", rows), on_judged,
        (void *)u->judged_serial);
}

void judged_toggle(struct ui *u, int must)
{
    const json_t *at = events_current(u);
    struct judged j = {.row = rpc_u64_or(at, "row", 0),
                       .number = rpc_u64_or(at, "number", 0),
                       .must = must,
                       .holds = -1};
    size_t i;

    if (!at || json_object_get(at, "mark") || rpc_get_bool(at, "gone", false))
        return;
    if (rpc_u64_or(at, "plus", 0)) {
        notice(u, LOOK_WARN, "this event has no number of its own: no test can name it");
        return;
    }
    i = find(u, j.row);
    if (i < u->judged.n && u->judged.v[i].must == (bool)must) {
        vec_remove(&u->judged, i);
        notice(u, LOOK_TEXT, "#%llu is judged no longer", (unsigned long long)j.number);
    } else {
        if (i < u->judged.n)
            u->judged.v[i] = j;
        else
            vec_push(&u->judged, j);
        notice(u, LOOK_TEXT, "filters %s match #%llu: each change says what they catch",
               must ? "must" : "must not", (unsigned long long)j.number);
    }
    judged_again(u);
}

const char *judged_sign(const struct ui *u, uint64_t row, enum look *l)
{
    size_t i = find(u, row);
    const struct judged *j = i < u->judged.n ? &u->judged.v[i] : NULL;

    if (!j)
        return NULL;
    *l = j->holds < 0 ? LOOK_DIM : (j->holds == 1) == j->must ? LOOK_GOOD : LOOK_BAD;
    return j->must ? sign("⊕", "+") : sign("⊖", "-");
}

bool judged_text(const struct ui *u, char out[80])
{
    size_t must = 0, caught = 0, wrong = 0;

    for (size_t i = 0; i < u->judged.n; i++) {
        const struct judged *j = &u->judged.v[i];

        if (j->holds < 0)
            return false;
        must += j->must;
        caught += j->must && j->holds;
        wrong += !j->must && j->holds;
    }
    snprintf(out, 80, "%zu caught, %zu missed, %zu false", caught, must - caught, wrong);
    return u->judged.n > 0;
}

/* ---- as a test ------------------------------------------------------------------------------------ */

static void on_path(struct ui *u, const char *path, void *ctx)
{
    const char *rule = rules_named_by(u, u->filter), *input = rpc_get_str(u->stream, "params"),
               *plugin = rpc_get_str(u->stream, "plugin");
    struct judged_numbers n = {0};
    struct error err;
    struct buf b;

    UNUSED(ctx);
    if (!*path)
        return;
    history_add(&u->path_history, path);
    for (size_t i = 0; i < u->judged.n; i++) {
        if (u->judged.v[i].must)
            vec_push(&n.must, u->judged.v[i].number);
        else
            vec_push(&n.must_not, u->judged.v[i].number);
    }
    buf_init(&b, 1 << 20);
    yaml_add_test(&b, rule, u->filter, plugin && str_eq(plugin, "capture") ? input : NULL, &n);
    if (file_append(path, buf_str(&b), b.len, &err) != SEV_OK)
        notice(u, LOOK_BAD, "%s", err.text);
    else
        notice(u, LOOK_GOOD, "added to %s: mews rules INPUT --expect %s checks it", path, path);
    buf_fini(&b);
    vec_free(&n.must);
    vec_free(&n.must_not);
}

void judged_save(struct ui *u, int arg)
{
    UNUSED(arg);
    if (u->judged.n == 0 || !*u->filter)
        notice(u, LOOK_WARN,
               *u->filter ? "no event is judged: a marks one that must match, A one that must not"
                          : "no filter is in force: it would be what is tested");
    else
        prompt_open(u, "add the test to the file", "", &u->path_history, on_path, NULL);
}

/* ---- Falco's alerts ------------------------------------------------------------------------------- */

static void on_alerts(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    const json_t *a;
    size_t i, tied = 0, all = json_array_size(json_object_get(result, "alerts"));

    UNUSED(ctx);
    if (error) {
        notice(u, LOOK_BAD, "%s", error_text(error));
        return;
    }
    json_array_foreach(json_object_get(result, "alerts"), i, a) {
        if (!rpc_get_str(a, "row"))
            continue;
        tied++;
        mark_add(u, (struct marked){.row = rpc_u64_or(a, "row", 0),
                                    .number = rpc_u64_or(a, "number", 0),
                                    .ts = rpc_u64_or(a, "ts", 0)});
    }
    if (tied)
        notice(u, tied == all ? LOOK_GOOD : LOOK_WARN,
               "%zu of %zu alerts are tied to events, which are marked: M shows only them, ' goes "
               "through them",
               tied, all);
    else
        notice(u, LOOK_WARN, "no event has the time of one of these %zu alerts", all);
}

/* Once all of a capture is read, else when asked. */
static void ask_alerts(struct ui *u, const char *path)
{
    ask(u, "alerts", json_pack("{so}", "path", rpc_str(path)), on_alerts, NULL);
}

void alerts_when_read(struct ui *u)
{
    const char *path = rpc_get_str(u->options, "alerts"), *state = rpc_get_str(u->stream, "state");

    if (!path || u->alerts_asked || !u->ready || !state || !str_eq(state, "ended"))
        return;
    u->alerts_asked = true;
    ask_alerts(u, path);
}

static void on_alerts_path(struct ui *u, const char *path, void *ctx)
{
    UNUSED(ctx);
    if (!*path)
        return;
    history_add(&u->path_history, path);
    ask_alerts(u, path);
}

void alerts_load(struct ui *u, int arg)
{
    UNUSED(arg);
    prompt_open(u, "Falco's alerts (lines of JSON)", "", &u->path_history, on_alerts_path, NULL);
}
