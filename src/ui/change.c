/* What a changed filter has gained, and what it has lost: two selections beside that of the filter. */
#include "internal.h"

static char *difference(const char *a, const char *b)
{
    return xasprintf("(%s) and not (%s)", a, b);
}

static void on_change(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    uintptr_t which = (uintptr_t)ctx;

    if (error || which / 2 != u->change.serial)
        return;
    u->change.selection[which % 2] = rpc_u64_or(result, "selection", 0);
    change_counted(u, result);
}

void change_forget(struct ui *u)
{
    for (int i = 0; i < 2; i++) {
        if (u->change.selection[i] && engine_is_up(u))
            ask(u, "select/drop", json_pack("{so}", "selection", rpc_u64(u->change.selection[i])),
                NULL, NULL);
        u->change.selection[i] = u->change.matches[i] = u->change.left[i] = 0;
    }
    free(u->change.before);
    free(u->change.now);
    u->change.before = u->change.now = NULL;
    u->change.serial++;
}

void change_compare(struct ui *u, const char *before, const char *now)
{
    change_forget(u);
    if (!*before || !*now || str_eq(before, now))
        return;
    u->change.before = xstrdup(before);
    u->change.now = xstrdup(now);
    for (uintptr_t lost = 0; lost < 2; lost++) {
        char *text = lost ? difference(before, now) : difference(now, before);

        ask(u, "select", json_pack("{so}", "filter", rpc_str(text)), on_change,
            (void *)(u->change.serial * 2 + lost));
        free(text);
    }
}

void change_reset(struct ui *u)
{
    u->change.selection[0] = u->change.selection[1] = 0; /* there is nothing to be dropped */
    change_forget(u);
    judged_again(u);
}

void change_counted(struct ui *u, const json_t *params)
{
    uint64_t id = rpc_u64_or(params, "selection", 0);

    for (int i = 0; i < 2; i++) {
        if (!id || u->change.selection[i] != id)
            continue;
        u->change.matches[i] = rpc_u64_or(params, "matches", 0);
        u->change.left[i] = rpc_u64_or(params, "rows", 0) - rpc_u64_or(params, "scanned", 0);
    }
}

void filter_apply_difference(struct ui *u, const char *a, const char *b)
{
    char *text = difference(a, b);

    filter_apply(u, text);
    free(text);
}

void filter_changed(struct ui *u, int lost)
{
    char *before, *now;

    if (!u->change.before) {
        notice(u, LOOK_WARN,
               "no filter was changed: these keys show what a change gained and lost");
        return;
    }
    before = xstrdup(u->change.before);
    now = xstrdup(u->change.now);
    place_push(u);
    u->change.shown = true;
    filter_apply_difference(u, lost ? before : now, lost ? now : before);
    free(before);
    free(now);
}

void change_fini(struct ui *u)
{
    free(u->change.before);
    free(u->change.now);
}
