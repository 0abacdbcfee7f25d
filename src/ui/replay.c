/* Values at events that have passed, of plugins that parse: those are started a second time, in another
 * process. Some must not be, so the person is asked first, once. */
#include "internal.h"

static void answer(struct ui *u, bool allow)
{
    u->replay_answer = allow ? REPLAY_YES : REPLAY_NO;
    ask(u, "replay", json_pack("{sb}", "allow", allow), NULL, NULL);
}

static void allow(struct ui *u, void *ctx)
{
    UNUSED(ctx);
    answer(u, true);
}

static void deny(struct ui *u, void *ctx)
{
    UNUSED(ctx);
    answer(u, false);
}

void replay_asked(struct ui *u, const json_t *params)
{
    json_decref(u->replay_asked);
    u->replay_asked = json_incref((json_t *)params);
}

static void add_names(const json_t *names, struct buf *out)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name) {
        buf_addf(out, "%s%s",
                 i == 0                            ? ""
                 : i + 1 == json_array_size(names) ? " and "
                                                   : ", ",
                 json_string_value(name));
    }
}

/* A dialog takes keys that somebody who types meant for something else. */
void replay_ask(struct ui *u)
{
    static const struct dialog_key keys[] = {{'y', "read again", allow},
                                             {27, "leave them out", deny}};
    json_t *asked = u->replay_asked;
    struct buf text;
    char n[32];

    if (u->overlays.n || filter_is_edited(u))
        return;
    u->replay_asked = NULL;
    u->redraw = true;
    if (u->replay_answer != REPLAY_UNANSWERED) {
        answer(u, u->replay_answer == REPLAY_YES);
        json_decref(asked);
        return;
    }
    buf_init(&text, 4000);
    buf_addf(&text,
             "These values depend on the events before, %s of which have passed. To know them, ",
             text_count(rpc_u64_or(asked, "events", 0), n));
    add_names(json_object_get(asked, "plugins"), &text);
    buf_addf(&text, " would be started a second time, in another process, which opens nothing and "
                    "reads those events again.");
    dialog_open(u, "start plugins a second time?", LOOK_STRONG, buf_str(&text), keys,
                COUNT_OF(keys), NULL);
    buf_fini(&text);
    json_decref(asked);
}
