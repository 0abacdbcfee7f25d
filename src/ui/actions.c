/* What can be done: one table, from which keys, the bottom line, the palette and the help are made.
 */
#include <ncurses.h>

#include "internal.h"

static void pause_source(struct ui *u, int arg);
static void follow(struct ui *u, int arg);
static void toggle_zone(struct ui *u, int arg);
static void toggle_payload(struct ui *u, int arg);
static void toggle_empty(struct ui *u, int arg);
static void next_pane(struct ui *u, int arg);
static void search(struct ui *u, int arg);
static void search_again(struct ui *u, int arg);
static void go_to(struct ui *u, int arg);
static void filter_clear(struct ui *u, int arg);
static void drop_column(struct ui *u, int arg);
static void suspend(struct ui *u, int arg);
static void redraw(struct ui *u, int arg);
static void discard_unsaved(struct ui *u, int arg);

enum { JOIN_AND, JOIN_NOT, JOIN_OR, JOIN_ONLY };

const struct action actions[] = {
    /* on a value */
    {"value: preview what it makes", "Enter", CX_DETAIL, "in",
     "unfold a list; show the clause that a value makes, and how many match; again: apply it",
     value_preview, 0},
    {"value: and", "+", CX_VALUE, "and", "keep only events with this value", value_act, JOIN_AND},
    {"value: and not", "-", CX_VALUE, "not", "take events with this value out", value_act,
     JOIN_NOT},
    {"value: or", "|", CX_VALUE, "or", "add events with this value", value_act, JOIN_OR},
    {"value: only this", "=", CX_VALUE, "only", "a new filter: events with this value", value_act,
     JOIN_ONLY},
    {"value: count by this field", "#", CX_VALUE | CX_EVENTS | CX_FIELDS, "count",
     "a table of the field's values", value_count, 0},
    {"value: as a column", "c", CX_VALUE | CX_FIELDS, "column", "show the field as a column",
     value_column, 0},
    {"value: copy", "y", CX_VALUE | CX_TABLE, NULL, "copy to the clipboard of the terminal",
     value_copy, 0},
    /* events */
    {"events: open", "Enter", CX_EVENTS, "in", "the event in full; on a value: what it makes",
     open_detail, 0},
    {"events: follow", "F", CX_EVENTS, NULL, "stay at the end as events come; End too", follow, 0},
    {"event: its conversation", ">", CX_EVENTS | CX_DETAIL | CX_PAYLOAD, NULL,
     "what passed through its descriptor, over its connection or through its process",
     conversation_open, 0},
    {"event: why it matches", "x", CX_EVENTS | CX_DETAIL | CX_PAYLOAD, NULL,
     "each part of the filter with its value at this event; without a filter, of the rule that is "
     "chosen",
     explain_open, 0},
    {"event: its process", "P", CX_EVENTS | CX_DETAIL | CX_PAYLOAD, NULL,
     "who it was, its ancestors and open descriptors, and all processes as a tree, as they were "
     "then",
     process_open, 0},
    {"events: pause the source", "p", CX_EVENTS | CX_PLUGINS, NULL, "read no further; again: go on",
     pause_source, 0},
    {"events: go to", "g", CX_EVENTS | CX_DETAIL | CX_PAYLOAD, NULL,
     "an event by its number, or by a time: 12:30:05, +5m", go_to, 0},
    {"events: mark", "m", CX_EVENTS, NULL, "mark the event, or take its mark away", mark_toggle, 0},
    {"events: to the mark", "'", CX_EVENTS, NULL, "to the last marked event; again: the one before",
     mark_go, 0},
    {"events: between mark and here", "b", CX_EVENTS, NULL,
     "filter: what is between the last mark and the cursor", mark_between, 0},
    {"events: only the marked", "M", CX_EVENTS, NULL, "filter: the marked events (S saves them)",
     mark_only, 0},
    {"events: time of day or since", "d", CX_EVENTS, NULL,
     "time since the row before, or since the last mark", time_form_next, 0},
    {"events: strip by number or by time", "T", CX_EVENTS, NULL,
     "the strip above the list; by time, long empty stretches are folded", strip_axis, 0},
    {"events: calls in one row or in halves", "e", CX_EVENTS, NULL,
     "system calls as the file has them: enter and exit; again: in one row", capture_toggle, 0},
    {"events: internal ones", "i", CX_EVENTS, NULL, "events that serve the capture itself, too",
     capture_toggle, 1},
    {"event: filters must match it", "a", CX_EVENTS, NULL,
     "each change of the filter says what is caught, missed and false; again: no longer",
     judged_toggle, 1},
    {"event: filters must not match it", "A", CX_EVENTS, NULL, "likewise", judged_toggle, 0},
    {"filter: save as a test", "", CX_GLOBAL, NULL,
     "what it must match and must not, for mews rules --expect", judged_save, 0},
    {"alerts: load", "", CX_GLOBAL, NULL,
     "Falco's, as lines of JSON: the events that they are about are marked", alerts_load, 0},
    {"strip: nearer", "]", CX_EVENTS, NULL, "half of the strip, around the cursor", strip_zoom, 1},
    {"strip: farther", "[", CX_EVENTS, NULL, "twice as much of the stream", strip_zoom, -1},
    {"strip: to the left", "{", CX_EVENTS, NULL, "what is before it", strip_pan, -1},
    {"strip: to the right", "}", CX_EVENTS, NULL, "what is behind it", strip_pan, 1},
    {"strip: as a filter", "B", CX_EVENTS, NULL, "filter: the part of the stream that it shows",
     strip_filter, 0},
    {"events: without this column", "C", CX_EVENTS, NULL, "take the current column away",
     drop_column, 0},
    {"columns: those under names", "L", CX_EVENTS, NULL,
     "choose saved columns for this source, or save those that are shown", layouts_open, 0},
    {"columns: save", "", CX_EVENTS, NULL, "under a name; “default” is taken at every start",
     layout_save, 0},
    {"column: wider", ".", CX_EVENTS, NULL, "the one that is chosen", column_widen, 2},
    {"column: narrower", ",", CX_EVENTS, NULL, "the one that is chosen", column_widen, -2},
    {"column: to the left", "<", CX_EVENTS, NULL, "the one that is chosen", column_move, -1},
    {"column: to the right", "", CX_EVENTS, NULL, "the one that is chosen", column_move, 1},
    {"column: other side", "", CX_EVENTS, NULL, "aligned left or right: the one that is chosen",
     column_align, 0},
    {"columns: one more", "", CX_EVENTS, NULL,
     "type a field, or a format of several: %proc.name:%fd.num", column_typed, 0},
    {"event: payload", "t", CX_EVENTS | CX_DETAIL | CX_PAYLOAD, "payload",
     "the payload beside the fields", toggle_payload, 0},
    {"event: payload as JSON, text, hex", "m", CX_PAYLOAD | CX_DETAIL, NULL,
     "the next form of the payload", payload_mode_next, 0},
    {"event: fields without a value", "v", CX_DETAIL, "empty", "show or hide them", toggle_empty,
     0},
    /* filter */
    {"filter: edit", "f F4", CX_GLOBAL, "filter",
     "type a filter; Tab completes, Up and Down walk the history", filter_edit, 0},
    {"filter: clear", "X", CX_GLOBAL, NULL, "all events again", filter_clear, 0},
    {"filter: as a rule", "r", CX_EVENTS, NULL,
     "a rule of Falco's with this condition and an output of the columns: to a file, or copied",
     rule_write, 0},
    {"filter: part by part", "&", CX_GLOBAL, NULL,
     "how many events come through each part; parts are switched off and on; of a rule likewise",
     funnel_open, 0},
    {"filter: save under a name", "*", CX_GLOBAL, NULL,
     "so that other filters may name it, now and at later starts", filter_save, 0},
    {"filter: those under names", "@", CX_GLOBAL, NULL,
     "saved filters, macros and lists of the rules: use, join, copy, delete", saved_open, 0},
    {"filter: what the change gained", "(", CX_EVENTS, NULL,
     "events that the filter before this one did not let through", filter_changed, 0},
    {"filter: what the change lost", ")", CX_EVENTS, NULL,
     "events that only the filter before this one let through", filter_changed, 1},
    {"rules: what the change gained", "(", CX_RULES, NULL,
     "events that the rule fires on since its file was changed", rules_changed, 0},
    {"rules: what the change lost", ")", CX_RULES, NULL,
     "events that the rule fired on before its file was changed", rules_changed, 1},
    {"filter: undo", "u", CX_GLOBAL, NULL, "the filter before this one, and the place", filter_undo,
     0},
    {"search", "/", CX_GLOBAL, "find", "the next event whose payload holds a text; hides nothing",
     search, 0},
    {"search: next", "n", CX_GLOBAL, NULL, "the next one", search_again, 1},
    {"search: previous", "N", CX_GLOBAL, NULL, "the one before", search_again, -1},
    /* counts */
    {"counts: in", "Enter", CX_COUNTS, "in", "the events with this value", counts_enter, 0},
    /* async events, state tables */
    {"rules: in", "Enter", CX_RULES, "in", "the events that the rule fires on", rules_enter, 0},
    {"rules: load", "l", CX_RULES, "load", "a file of Falco's rules, or a folder of them",
     rules_load_file, 0},
    {"async: in", "Enter", CX_ASYNC, "in", "the events of this name", async_enter, 0},
    {"async: to the first", "g", CX_ASYNC, "go to", "the first of them, among all events", async_go,
     0},
    {"async: late metadata", "m", CX_ASYNC, "late",
     "how late what is known of containers came, of pods; again: the injected events", late_toggle,
     0},
    {"state: in", "Enter", CX_STATE, "in", "a table's entries; a table inside an entry",
     state_enter, 0},
    {"state: at the event", "e", CX_STATE, "at event",
     "the host's tables as they were at the event under the cursor; again: as they are",
     state_at_event, 0},
    /* plugins */
    {"plugins: open a source", "o", CX_PLUGINS | CX_EVENTS, "open",
     "open the plugin's source, with its parameters", plugins_open_source, 0},
    {"plugins: load", "l", CX_PLUGINS | CX_EVENTS, "load", "load a plugin by path or name",
     plugins_load, 0},
    {"plugins: change the configuration", "e", CX_PLUGINS, "configure",
     "of a plugin that takes one while it runs", plugins_config, 0},
    {"api: trace", "t", CX_API, "trace", "each call as it is made; again: no longer", api_trace, 0},
    {"plugins: secrets", "s", CX_PLUGINS, NULL, "show those of configurations, or mask them again",
     plugins_secrets, 0},
    {"plugins: next tab", "]", CX_PLUGINS, NULL,
     "overview, fields, config, calls, metrics, log; Right too", plugins_tab, 1},
    {"plugins: previous tab", "[", CX_PLUGINS, NULL, "the tab before; Left too", plugins_tab, -1},
    {"engine: reload", "R", CX_GLOBAL, NULL,
     "start it anew, with rebuilt plugins: same place, same filter", engine_restart, 0},
    {"engine: without the plugin that died", "W", CX_GLOBAL, NULL,
     "start it anew without that plugin", engine_restart, 1},
    {"engine: end a call that hangs", "K", CX_GLOBAL, NULL, "kill the engine; what was read stays",
     engine_end_call, 0},
    {"log: of this plugin", "", CX_PLUGINS, NULL, "what it printed and logged", screen_go,
     SCREEN_LOG},
    /* all */
    {"pane: next", "Tab", CX_GLOBAL, "pane", "from pane to pane", next_pane, 0},
    {"back", "Backspace", CX_GLOBAL, "back", "to where one was", place_back, 0},
    {"offer: take it", "O", CX_GLOBAL, NULL, "load the plugin that is offered for these lines",
     offer_take, 0},
    {"unsaved stream: take it up", "U", CX_GLOBAL, NULL,
     "open a stream that outlived a lost terminal", unsaved_offer, 0},
    {"unsaved stream: discard", "", CX_GLOBAL, NULL, "forget it", discard_unsaved, 0},
    {"stream: save", "S", CX_GLOBAL, NULL, "write all events that are kept to a capture file",
     stream_save, 0},
    {"zone: UTC or local", "z", CX_GLOBAL, NULL, "the zone of times", toggle_zone, 0},
    {"commands", ":", CX_GLOBAL, ":", "all commands by name", palette_open, 0},
    {"help", "? F1", CX_GLOBAL, "?", "the keys of this place", help_open, 0},
    {"screen: Events", "1", CX_GLOBAL, NULL, "the stream", screen_go, SCREEN_EVENTS},
    {"screen: Plugins", "2", CX_GLOBAL, NULL, "what is loaded, and what is not", screen_go,
     SCREEN_PLUGINS},
    {"screen: Fields", "3", CX_GLOBAL, NULL, "all fields", screen_go, SCREEN_FIELDS},
    {"screen: Rules", "4", CX_GLOBAL, NULL, "Falco rules", screen_go, SCREEN_RULES},
    {"screen: Views", "5", CX_GLOBAL, NULL, "counts by value", screen_go, SCREEN_VIEWS},
    {"screen: Async", "6", CX_GLOBAL, NULL, "async events", screen_go, SCREEN_ASYNC},
    {"screen: State", "7", CX_GLOBAL, NULL, "state tables", screen_go, SCREEN_STATE},
    {"screen: API", "8", CX_GLOBAL, NULL, "calls of the plugin API", screen_go, SCREEN_API},
    {"screen: Log", "9", CX_GLOBAL, NULL, "all that plugins and mews said", screen_go, SCREEN_LOG},
    {"screen: Info", "0", CX_GLOBAL, NULL, "the stream in numbers", screen_go, SCREEN_INFO},
    {"redraw", "^L", CX_GLOBAL, NULL, "draw the screen anew", redraw, 0},
    {"suspend", "^Z", CX_GLOBAL, NULL, "back to the shell; fg returns", suspend, 0},
    {"quit", "q ^C", CX_GLOBAL, NULL, "leave; asks when events would be lost", ui_quit, 0},
};
const size_t action_count = COUNT_OF(actions);

/* ---- keys ------------------------------------------------------------------------------------ */

const char *key_label(int key, bool is_char, char out[16])
{
    static const struct {
        int key;
        bool is_char;
        const char *name;
    } names[] = {
        {'\r', true, "Enter"},
        {'\n', true, "Enter"},
        {KEY_ENTER, false, "Enter"},
        {'\t', true, "Tab"},
        {KEY_BACKSPACE, false, "Backspace"},
        {127, true, "Backspace"},
        {8, true, "Backspace"},
        {27, true, "Esc"},
        {KEY_F(1), false, "F1"},
        {KEY_F(4), false, "F4"},
    };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (names[i].key == key && names[i].is_char == is_char)
            return names[i].name;
    }
    if (!is_char)
        return "";
    if (key < 0x20)
        snprintf(out, 16, "^%c", key + 0x40);
    else
        out[utf8_encode((uint32_t)key, out)] = '\0';
    return out;
}

static bool has_key_named(const char *keys, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = keys; n && (at = strstr(at, name)); at++) {
        if ((at == keys || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    }
    return false;
}

const struct action *action_for_key(int key, bool is_char, unsigned contexts)
{
    char buffer[16];
    const char *name = key_label(key, is_char, buffer);
    const struct action *global = NULL;

    for (size_t i = 0; i < action_count; i++) {
        if (!(actions[i].contexts & contexts) || !has_key_named(actions[i].keys, name))
            continue;
        if (actions[i].contexts != CX_GLOBAL)
            return &actions[i]; /* what is nearer counts */
        global = global ? global : &actions[i];
    }
    return global;
}

unsigned contexts_now(struct ui *u)
{
    const struct screen *s = screen_of(u->screen);

    return CX_GLOBAL | (s->contexts ? s->contexts(u) : 0);
}

/* ---- actions that belong to no screen -------------------------------------------------------- */

static void pause_source(struct ui *u, int arg)
{
    bool on = !rpc_get_bool(u->stream, "paused", false);

    UNUSED(arg);
    ask(u, "source/pause", json_pack("{sb}", "paused", on), NULL, NULL);
    notice(u, LOOK_TEXT, on ? "the source is paused: p goes on" : "the source goes on");
}

static void follow(struct ui *u, int arg)
{
    UNUSED(arg);
    u->events.follow = !u->events.follow;
    u->events.want_last = u->events.follow;
    notice(u, LOOK_TEXT, u->events.follow ? "following the end" : "no longer following");
    if (u->events.follow)
        events_refresh(u);
}

static void toggle_zone(struct ui *u, int arg)
{
    UNUSED(arg);
    u->utc = !u->utc;
    events_refresh(u); /* formats in columns have times too */
    notice(u, LOOK_TEXT, u->utc ? "times in UTC" : "times in local time");
}

void open_detail(struct ui *u, int arg)
{
    const json_t *row = events_current(u);

    UNUSED(arg);
    if (u->events.column >= 0 && u->detail.clause) {
        value_act(u, JOIN_AND);
        return;
    }
    if (u->events.column >= 0) {
        value_preview(u, 0);
        return;
    }
    if (!row && u->events.asking)
        u->events.want_open = true; /* the rows are on their way: it opens as they come */
    if (!row || json_object_get(row, "mark"))
        return;
    place_push(u);
    u->events.detail_open = true;
    u->events.pane = PANE_DETAIL;
    u->events.payload_front = false;
    detail_show(u, event_here(u));
    coach_note(u, "detail");
}

static void toggle_payload(struct ui *u, int arg)
{
    UNUSED(arg);
    if (!u->events.payload_open)
        place_push(u);
    u->events.payload_open = !u->events.payload_open || !u->events.payload_front;
    if (u->events.payload_open) {
        u->events.detail_open = u->events.payload_front = true;
        u->events.pane = PANE_PAYLOAD;
        detail_show(u, event_here(u));
        payload_show(u, event_here(u));
    } else {
        u->events.pane = u->events.detail_open ? PANE_DETAIL : PANE_LIST;
    }
    coach_note(u, "payload");
}

static void toggle_empty(struct ui *u, int arg)
{
    UNUSED(arg);
    u->detail.show_empty = !u->detail.show_empty;
    detail_rebuild(u);
}

static void next_pane(struct ui *u, int arg)
{
    struct events_view *e = &u->events;

    UNUSED(arg);
    if (u->screen == SCREEN_PLUGINS) {
        u->plugins.pane = !u->plugins.pane;
        return;
    }
    if (u->screen != SCREEN_EVENTS)
        return;
    if (e->pane == PANE_LIST && !e->detail_open) {
        open_detail(u, 0);
        return;
    }
    e->pane = e->pane == PANE_LIST                        ? PANE_DETAIL
              : e->pane == PANE_DETAIL && e->payload_open ? PANE_PAYLOAD
                                                          : PANE_LIST;
    if (e->pane != PANE_LIST)
        e->payload_front = e->pane == PANE_PAYLOAD;
}

static void filter_clear(struct ui *u, int arg)
{
    UNUSED(arg);
    if (*u->filter)
        filter_apply(u, "");
}

static void drop_column(struct ui *u, int arg)
{
    struct events_view *e = &u->events;

    UNUSED(arg);
    if (e->column < 0 || (size_t)e->column >= e->columns.n) {
        notice(u, LOOK_WARN, "Left and Right choose a column first");
        return;
    }
    if (!e->columns_final)
        str_list_add(&e->columns_dropped, e->columns.v[e->column].field);
    column_remove(e, (size_t)e->column);
    events_refresh(u);
}

static void redraw(struct ui *u, int arg)
{
    UNUSED(u);
    UNUSED(arg);
    clearok(stdscr, TRUE);
}

static void suspend(struct ui *u, int arg)
{
    UNUSED(arg);
    term_stop();
    ask(u, "keeper/suspend", NULL, NULL, NULL);
    u->ended = true; /* nothing is drawn until keeper/resumed */
}

/* ---- searching ------------------------------------------------------------------------------- */

static void search_on(struct ui *u, uint64_t row);

/* ctx is the search that it answers; the person may have begun another meanwhile. */
static void on_found(struct ui *u, const json_t *result, const json_t *error, void *ctx)
{
    uint64_t number;

    if ((uintptr_t)ctx != u->search_serial)
        return;
    if (error) {
        notice(u, LOOK_BAD, "%s", error_text(error));
        return;
    }
    if (rpc_get_u64(result, "number", &number))
        events_jump(u, number);
    else if (rpc_get_bool(result, "more", false))
        search_on(u, rpc_u64_or(result, "stopped_at", 0));
    else
        notice(u, LOOK_WARN,
               rpc_get_bool(result, "searching", false)
                   ? "“%s” is not in what the filter has searched so far: n looks again"
                   : "“%s” is not there",
               u->search);
}

static void search_on(struct ui *u, uint64_t row)
{
    ask(u, "find",
        json_pack("{so so so sb}", "text", rpc_str(u->search), "row", rpc_u64(row), "selection",
                  rpc_u64(u->selection), "backwards", u->search_dir < 0),
        on_found, (void *)u->search_serial);
}

static void search_from(struct ui *u, int dir)
{
    screen_go(u, SCREEN_EVENTS);
    u->search_serial++;
    u->search_dir = dir;
    search_on(u, u->events.cursor_row);
}

static void on_search(struct ui *u, const char *text, void *ctx)
{
    UNUSED(ctx);
    if (!*text)
        return;
    free(u->search);
    u->search = xstrdup(text);
    history_add(&u->search_history, text);
    search_from(u, 1);
}

static void search(struct ui *u, int arg)
{
    UNUSED(arg);
    if (u->screen == SCREEN_FIELDS)
        fields_search(u);
    else
        prompt_open(u, "find in payloads", "", &u->search_history, on_search, NULL);
}

static void search_again(struct ui *u, int arg)
{
    if (u->search)
        search_from(u, arg);
    else
        search(u, 0);
}

static void on_number(struct ui *u, const char *text, void *ctx)
{
    uint64_t n;

    UNUSED(ctx);
    if (parse_u64(span_of(text), &n))
        events_jump(u, n);
    else if (time_parse(text, events_time(u), u->utc, &n))
        events_jump_time(u, n);
    else if (*text)
        notice(u, LOOK_WARN,
               "“%s” is no event number, and no time (12:30:05, 2024-05-01 12:30, +5m)", text);
}

static void go_to(struct ui *u, int arg)
{
    UNUSED(arg);
    prompt_open(u, "go to number or time (12:30:05, +5m)", "", NULL, on_number, NULL);
}

static void discard_unsaved(struct ui *u, int arg)
{
    const json_t *first = json_array_get(u->unsaved, 0);

    UNUSED(arg);
    if (!first) {
        notice(u, LOOK_TEXT, "there is no unsaved stream");
        return;
    }
    ask(u, "keeper/unsaved", json_pack("{so}", "discard", rpc_str(rpc_get_str(first, "path"))),
        NULL, NULL);
    json_array_remove(u->unsaved, 0);
    notice(u, LOOK_TEXT, "the unsaved stream is forgotten");
}
