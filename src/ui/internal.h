/* What the files of this module share. */
#ifndef MEWS_UI_INTERNAL_H
#define MEWS_UI_INTERNAL_H

#include "mews/ui.h"

struct ui;
struct open_form;
struct talk;
struct rules_screen;
struct explain_view;
struct process_view;
struct funnel_view;

/* ---- text.c, theme.c: drawing ---------------------------------------------------------------- */

enum look { /* theme.c says what each is on this terminal */
            LOOK_TEXT,
            LOOK_DIM,
            LOOK_STRONG,
            LOOK_TITLE,    /* the title line */
            LOOK_TITLE_ON, /* the screen that is shown, in it */
            LOOK_HEAD,     /* heads of tables and panes */
            LOOK_CURSOR,   /* the current row */
            LOOK_CELL,     /* the current value in it */
            LOOK_FIELD,
            LOOK_VALUE,
            LOOK_NUMBER,
            LOOK_KEYWORD,
            LOOK_OPERATOR,
            LOOK_GOOD,
            LOOK_WARN,
            LOOK_BAD,
            LOOK_KEY,  /* keys in the bottom line */
            LOOK_MARK, /* marks in the stream */
            LOOK_MATCH,
            LOOK_COUNT
};

struct rect {
    int y, x, h, w;
};

void theme_init(struct ui *u);
void look_set(enum look l);

/* The one function that writes text to the screen: decodes UTF-8, measures, makes the unprintable
 * visible, and stays within width columns. Gives the columns used. A text that is cut ends in …
 * when it has room for it. */
int text_put(int y, int x, int width, enum look l, const char *s, size_t n);
int text_puts(int y, int x, int width, enum look l, const char *s);
int text_putf(int y, int x, int width, enum look l, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* As text_put, but flush right. */
void text_right(int y, int x, int width, enum look l, const char *s);
/* The end of a text that is too long is what differs: "…controller". */
int text_put_tail(int y, int x, int width, enum look l, const char *s, size_t n);
int text_width(const char *s, size_t n);
/* Where the terminal's cursor is to be once all is drawn; nobody wants it: it is hidden. */
void cursor_want(int y, int x);
void cursor_apply(void);
void cursor_forget(void); /* the terminal was given away */
void fill(int y, int x, int width, enum look l, char c);
void rule_line(int y, int x, int width, enum look l);
const char *sign(const char *utf8, const char *ascii); /* what this terminal can show */
bool term_is_utf8(void);

/* ---- term.c ---------------------------------------------------------------------------------- */

bool term_start(struct ui *u);
void term_stop(void);
void term_resume(void);
void term_copy(const char *s, size_t n); /* to the clipboard, by OSC 52 */
void term_send_restore(struct ui *u);    /* tells the keeper how to bring the terminal back */

/* ---- edit.c: a line that is edited ----------------------------------------------------------- */

struct edit {
    struct buf text;
    size_t cursor;
    struct str_list *history; /* NULL: none */
    size_t history_at;
    char *draft; /* what was typed before the history was walked */
};

enum edit_result { EDIT_IGNORED, EDIT_MOVED, EDIT_CHANGED };

void edit_draw(const struct edit *e, int y, int x,
               int width); /* with the terminal's cursor in it */
void edit_init(struct edit *e, const char *text, struct str_list *history);
void edit_fini(struct edit *e);
void edit_set(struct edit *e, const char *text);
enum edit_result edit_key(struct edit *e, int key, bool is_char);
/* Replaces the bytes from `start` to the cursor. */
void edit_replace(struct edit *e, size_t start, const char *text);
void history_add(struct str_list *h, const char *text);

/* ---- client.c: requests ---------------------------------------------------------------------- */

/* result or error is NULL. */
typedef void (*answer_fn)(struct ui *u, const json_t *result, const json_t *error, void *ctx);

struct request;
void ask(struct ui *u, const char *method, json_t *params, answer_fn fn,
         void *ctx); /* takes params */
void client_read(struct ui *u);
void client_fini(struct ui *u);
/* ui.c: what a notification changes. */
void ui_note(struct ui *u, const char *method, const json_t *params);
const char *error_text(const json_t *error);

/* ---- actions.c: what can be done, by key or by name ------------------------------------------ */

enum context { /* where a key means something; bits */
               CX_GLOBAL = 1,
               CX_EVENTS = 2,
               CX_DETAIL = 4,
               CX_PAYLOAD = 8,
               CX_COUNTS = 16,
               CX_PLUGINS = 32,
               CX_FIELDS = 64,
               CX_LOG = 128,
               CX_TABLE = 256, /* every list with a cursor */
               CX_VALUE = 512, /* a value is under the cursor */
               CX_ASYNC = 1024,
               CX_STATE = 2048,
               CX_API = 4096,
               CX_RULES = 8192,
};

struct action {
    const char *name; /* in the palette: "filter: edit" */
    const char *keys; /* as help shows them, blank between them: "f F4" */
    unsigned contexts;
    const char *hint; /* in the bottom line; NULL: not there */
    const char *help;
    void (*run)(struct ui *u, int arg);
    int arg;
};

extern const struct action actions[];
extern const size_t action_count;

/* The action of a key in the contexts at hand, NULL: none. */
const struct action *action_for_key(int key, bool is_char, unsigned contexts);
unsigned contexts_now(struct ui *u);
const char *key_label(int key, bool is_char, char out[16]);

/* ---- overlays: what stands in front of the screens and takes the keys first ------------------ */

struct overlay {
    void (*draw)(struct ui *u, struct overlay *o);
    /* False: the key was not for it. */
    bool (*key)(struct ui *u, struct overlay *o, int key, bool is_char);
    void (*fini)(struct overlay *o);
    void *state;
    bool whole; /* keys that it does not know go nowhere else */
};

void overlay_open(struct ui *u, const struct overlay *o);
void overlay_close(struct ui *u);
/* Whether a key leaves an overlay that is opened by its own: Esc, ^C, q, Backspace, or that. */
bool overlay_left(int key, bool is_char, char own);
/* A box in the middle of the screen; the place inside it. */
struct rect overlay_box(struct ui *u, int h, int w, enum look l, const char *title);

/* prompt.c: a question with one line as the answer */
void prompt_open(struct ui *u, const char *question, const char *text, struct str_list *history,
                 void (*done)(struct ui *u, const char *text, void *ctx), void *ctx);
/* dialog.c: a text and keys that answer it */
struct dialog_key {
    int key;
    const char *label;
    void (*run)(struct ui *u, void *ctx);
};
void dialog_open(struct ui *u, const char *title, enum look look, const char *text,
                 const struct dialog_key *keys, size_t n, void *ctx);
/* replay.c: the engine asks whether plugins may be started a second time; answered once for all. */
void replay_asked(struct ui *u, const json_t *params);
void replay_ask(struct ui *u); /* when nothing else wants keys */
void help_open(struct ui *u, int arg);
void palette_open(struct ui *u, int arg);
/* filterline.c */
void filter_edit(struct ui *u, int arg);
void filter_line_draw(struct ui *u, int y);
bool filter_is_edited(const struct ui *u);

/* ---- screens --------------------------------------------------------------------------------- */

enum screen_id {
    SCREEN_INFO, /* key 0 */
    SCREEN_EVENTS,
    SCREEN_PLUGINS,
    SCREEN_FIELDS,
    SCREEN_RULES,
    SCREEN_VIEWS,
    SCREEN_ASYNC,
    SCREEN_STATE,
    SCREEN_API,
    SCREEN_LOG,
    SCREEN_COUNT
};

struct screen {
    const char *name;
    void (*open)(struct ui *u); /* it is shown now */
    void (*draw)(struct ui *u, struct rect r);
    bool (*key)(struct ui *u, int key, bool is_char); /* moves and the like; false: not for it */
    void (*note)(struct ui *u, const char *method, const json_t *params);
    unsigned (*contexts)(struct ui *u);
    void (*back)(struct ui *u);         /* Backspace; NULL: places only */
    const char *(*crumb)(struct ui *u); /* where one is within it, for the breadcrumb */
};

extern const struct screen screen_events, screen_plugins, screen_fields, screen_views, screen_log,
    screen_info, screen_api, screen_rules, screen_async, screen_state;
const struct screen *screen_of(enum screen_id id);
void screen_go(struct ui *u, int id);

/* A list with a cursor: movement is the same everywhere. */
struct table {
    size_t n, cursor, top;
    size_t reveal; /* rows behind the cursor that the next table_fit brings into sight */
};
bool table_key(struct table *t, int key, bool is_char, int height);
void table_clamp(struct table *t);           /* the list has changed */
void table_fit(struct table *t, int height); /* so that the cursor is seen */

/* ---- values: what a person can act upon ------------------------------------------------------ */

/* An event: its number; of one without a number its row, with the topmost bit set. */
#define EVENT_BY_ROW (UINT64_C(1) << 63)
uint64_t event_here(struct ui *u);              /* under the cursor; 0: none */
void event_ask(json_t *params, uint64_t event); /* puts it into a request */

struct picked { /* the value under the cursor */
    uint64_t event;
    char field[512];
    int64_t element; /* -1: the whole */
    char *clause;    /* known already (count tables), else NULL: the engine makes it */
    const json_t *value;
};

/* False when no value is under the cursor. clause is to be freed. */
bool value_picked(struct ui *u, struct picked *out);
/* Joins a clause to the filter in force (and, not, or, only) and goes to the events. */
void filter_add(struct ui *u, const char *clause, const char *join);
void value_act(struct ui *u, int how); /* enum filter join: + - | = */
void value_preview(struct ui *u, int arg);
void value_count(struct ui *u, int arg); /* # */
void value_column(struct ui *u, int arg);
void value_copy(struct ui *u, int arg);
/* A value of the protocol as one line of text. */
void value_line(const json_t *v, const char *type, const struct ui *u, struct buf *out);
enum look value_look(const json_t *v);

/* ---- the filter in force, and the way back --------------------------------------------------- */

void filter_apply(struct ui *u, const char *text); /* remembers where one was */
void filter_again(struct ui *u,
                  const char *text); /* of a new engine: neither undone nor remembered */
void filter_undo(struct ui *u, int arg);
void place_push(struct ui *u); /* before one goes somewhere */
void place_back(struct ui *u, int arg);

/* ---- events.c -------------------------------------------------------------------------------- */

enum pane { PANE_LIST, PANE_DETAIL, PANE_PAYLOAD };

struct column_def {
    char *field, *title, *type;
    bool list;
    int width;  /* asked for; 0: by content */
    int shown;  /* columns on the screen */
    char align; /* l, r; 0: by its type */
    bool own;   /* added by the person: what is suggested later stands before it */
    bool typed; /* by hand; what it is is not known yet */
};

struct marked {
    uint64_t row, number, ts;
    bool behind; /* it has no number; the number is that of the event before it */
};

enum time_column { TIMES_OF_DAY, TIMES_SINCE_ROW, TIMES_SINCE_MARK };

struct events_view {
    VEC(struct column_def) columns;
    char *columns_how;      /* where they came from */
    char *columns_source;   /* the event source that they are for */
    bool columns_suggested; /* what is suggested is wanted, whatever was saved */
    bool columns_asked, columns_final;
    struct str_list columns_dropped; /* by the person, while more may still be suggested */
    uint64_t columns_events;         /* that the last suggestion was made from */
    json_t *rows;                    /* the window of rows that is here */
    bool asking, again;              /* a request is out; its answer will not be new enough */
    bool first_answer;
    bool stale; /* rows are those of the filter before: of the new one, none is found yet */
    uint64_t cursor_row, cursor_number;
    size_t cursor; /* index in rows */
    size_t top;
    int column; /* -1: the row */
    bool follow, more_before, more_after, searching;
    bool told_dropped; /* that the oldest events go */
    bool want_last, want_first;
    uint64_t want_number, want_time;
    bool want_open; /* Enter came before the rows did */
    enum pane pane;
    bool detail_open, payload_open;
    bool payload_front; /* where only one of the two fits */
    bool dates;
    uint64_t seen_day;
    json_t *strip;
    bool strip_asking, strip_by_time, strip_zoom; /* zoom: it shows a part of the stream */
    /* when the capture is read anew: where to return; where to, once it is read so far */
    uint64_t back_wanted, back_time;
    uint64_t strip_at, strip_rows, strip_matches;
    uint64_t strip_from, strip_span; /* rows of the part */
    uintptr_t strip_serial;          /* answers to older questions do not count */
    VEC(struct marked) marks;        /* in the order in which they were set */
    enum time_column times;
    int height;
    uint64_t column_scroll;
};

void columns_clear(struct events_view *e);
bool stream_reads_on(const struct ui *u); /* more comes from it by itself */
bool columns_have(const struct events_view *e, const char *field);
/* title NULL: the field. */
struct column_def *column_push(struct events_view *e, const char *field, const char *title);
void column_fini(struct column_def *d);
void columns_restart(struct events_view *e); /* what suits the stream is asked for anew */
/* layouts.c: columns under names; by how much, or where to, the chosen column goes */
bool layouts_default(
    struct ui *u); /* takes those that the person saved for the source; false: none */
void layout_save(struct ui *u, int arg);
void layouts_open(struct ui *u, int arg);
void column_widen(struct ui *u, int by);
void column_move(struct ui *u, int by);
void column_align(struct ui *u, int arg);
void column_typed(struct ui *u, int arg);
void column_remove(struct events_view *e, size_t i);
bool column_add(struct ui *u, const char *field); /* false: it is one already */
bool column_is_right(const struct column_def *c); /* aligned to the right */
void events_refresh(struct ui *u);
void events_jump(struct ui *u, uint64_t number);
void open_detail(struct ui *u, int arg); /* actions.c: of the event under the cursor */
void events_jump_time(struct ui *u, uint64_t ts);
uint64_t events_time(struct ui *u); /* of the event under the cursor */
static inline size_t events_row_count(const struct events_view *e)
{
    return json_array_size(e->rows);
}
static inline const json_t *events_row(const struct events_view *e, size_t i)
{
    return json_array_get(e->rows, i);
}
void strip_draw(struct ui *u, int y);
/* One bar a number, the highest for the most; gaps: as the protocol's `strip` tells them. */
void strip_bars(int y, int x, const json_t *counts, const json_t *gaps, int width, enum look l);
void strip_axis(struct ui *u, int arg); /* by number or by time */
void strip_zoom(struct ui *u, int arg); /* 1: nearer, -1: farther */
void strip_pan(struct ui *u, int arg);  /* by half of it: 1: on, -1: back */
void strip_filter(struct ui *u, int arg);
/* ---- marks.c */
bool marks_has(const struct ui *u, uint64_t row);
void mark_add(struct ui *u, struct marked m);
/* judged.c: events that filters must match (1), or must not (0) */
void judged_toggle(struct ui *u, int must);
void judged_again(struct ui *u); /* the filter has changed */
const char *judged_sign(const struct ui *u, uint64_t row, enum look *l); /* NULL: none */
bool judged_text(const struct ui *u, char out[80]);                      /* false: nothing to say */
void judged_save(struct ui *u, int arg);
void alerts_load(struct ui *u, int arg);
void alerts_when_read(struct ui *u); /* those of the command line */
void mark_toggle(struct ui *u, int arg);
void mark_only(struct ui *u, int arg);
void mark_between(struct ui *u, int arg); /* the last mark and the cursor, both with it */
void mark_go(struct ui *u, int arg);
void time_form_next(struct ui *u, int arg);
/* What stands in the time column of row i of those at hand; false: the time of day. */
bool marks_delta(const struct ui *u, size_t i, int width, char out[40]);

/* rules.c */
void rules_changed(struct ui *u,
                   int lost);       /* of the rule under the cursor, since the load before */
void rules_ask_again(struct ui *u); /* saved filters have changed */
const json_t *rules_names(const struct ui *u);
const char *rules_named_by(const struct ui *u,
                           const char *filter); /* the rule that it is; NULL: none */
void rules_enter(struct ui *u, int arg);
void rules_load_file(struct ui *u, int arg);
const char *rules_filter(const struct ui *u); /* of the rule that is chosen; NULL: none */
bool rules_loaded(const struct ui *u);        /* files were given */
void rules_start(struct ui *u); /* loads those of the command line, once plugins are there */
void rules_counted(struct ui *u, const json_t *params); /* a "selection" */
void rules_reset(struct ui *u);
void rules_fini(struct ui *u);
/* late.c: instead of the list of the Async screen */
void late_toggle(struct ui *u, int arg);
void late_ask(struct ui *u);
void late_draw(struct ui *u, struct rect r);
void late_enter(struct ui *u);
void late_go(struct ui *u);
void rule_write(struct ui *u, int arg);        /* rule_write.c: out of the filter in force */
void explain_open(struct ui *u, int arg);      /* explain.c */
void process_open(struct ui *u, int arg);      /* process.c: that of the event under the cursor */
void conversation_open(struct ui *u, int arg); /* conversation.c: of the event under the cursor */
const json_t *events_current(struct ui *u);    /* the row under the cursor, NULL: none */
void events_ask_columns(struct ui *u);
void events_reset(struct ui *u); /* another engine: nothing that is here counts any more */
void events_draw_list(struct ui *u, struct rect r);
bool events_cell(struct ui *u, struct picked *out);

/* ---- detail.c, payload.c: one event ---------------------------------------------------------- */

struct detail_view {
    uint64_t event, answered; /* that is to be shown, and that detail is of */
    json_t *detail;           /* answer of event/detail */
    bool asking;
    uint64_t ask_after; /* values that are not known yet are asked for again then; 0: none */
    char *error;
    bool show_empty;
    struct table t;
    VEC(struct detail_line) lines;
    json_t *open_lists; /* names of list fields that are unfolded */
    bool asked_now;     /* the cursor goes there when the answer comes */
    json_t *asked;      /* fields with an argument that were asked for: {text: value} */
    /* preview of the clause under the cursor */
    char *clause, *preview_filter;
    uint64_t preview_selection, preview_matches, preview_scanned, preview_rows;
    bool previewing;
};

struct detail_line {
    enum { LINE_GROUP, LINE_FIELD, LINE_ELEMENT, LINE_NOTE, LINE_ASKED } kind;
    const json_t *group, *field, *value;
    int64_t element;
    const char *text;
};

void detail_show(struct ui *u, uint64_t event);
const char *event_label(const struct ui *u, char out[40]); /* #24, of the event in detail */
void detail_draw(struct ui *u, struct rect r);
bool detail_key(struct ui *u, int key, bool is_char, int height);
bool detail_cell(struct ui *u, struct picked *out);
void detail_enter(struct ui *u);
void detail_rebuild(struct ui *u);
void detail_forget_preview(struct ui *u);
void detail_note(struct ui *u, const char *method, const json_t *params);
void detail_reset(struct ui *u);
void detail_fini(struct ui *u);
/* The field that a node of the payload, or a cell of the list, stands for: preview its clause. */
void preview_field(struct ui *u, uint64_t event, const char *field, int64_t element,
                   const char *clause);

enum payload_mode { PAYLOAD_JSON, PAYLOAD_TEXT, PAYLOAD_HEX };

struct payload_view {
    uint64_t event;
    struct buf data;
    uint64_t size;
    bool asking, have, is_json;
    enum payload_mode mode;
    bool mode_chosen;
    struct json_scan scan;
    struct table t;
    VEC(uint32_t) nodes; /* that are visible */
    uint8_t *folded;     /* by node */
    struct table text;
    VEC(size_t) line_at;
    int line_width;
};

void payload_show(struct ui *u, uint64_t event);
void payload_draw(struct ui *u, struct rect r);
bool payload_key(struct ui *u, int key, bool is_char, int height);
void payload_enter(struct ui *u);
void payload_mode_next(struct ui *u, int arg);
void payload_fini(struct payload_view *p);
/* The JSON pointer of the node under the cursor; false: none. */
bool payload_pointer(struct ui *u, struct buf *out);

/* ---- the rest of the state ------------------------------------------------------------------- */

struct place {
    enum screen_id screen;
    enum pane pane;
    bool detail_open, payload_open;
    uint64_t number;
    char *filter;
};

struct counts_view {
    json_t *fields; /* names; NULL: nothing was counted yet */
    char *filter;   /* over which events */
    uint64_t id;
    json_t *answer;
    bool asking, again;
    struct table t;
    char *error;
};

struct async_view {
    json_t *answer;
    bool asking, again;
    struct table t;
};

struct late_view {
    json_t *answer;
    bool on, pods, asking;
    uint64_t asked_at;
    struct table t;
};

struct state_view {
    json_t *answer;
    bool asking, again;
    char *table, *inside; /* what is looked at; NULL: the list of tables, the table itself */
    uint64_t entry;       /* whose table is looked at */
    uint64_t at_event;    /* 0: now */
    size_t column, left;
    struct table t;
};

struct plugins_view {
    json_t *answer;
    bool asking;
    struct table list, body;
    int tab, pane;
    json_t *open_params;
    char *open_params_of;
    json_t *log;
    VEC(char *) body_lines; /* looks in front: one byte */
    uint64_t asked_at;
    bool secrets; /* are shown */
    bool tracing;
    json_t *trace; /* answer of trace */
};

struct fields_view {
    json_t *fields;
    struct table t;
    char *search;
    VEC(size_t) shown;
    json_t *held;       /* by name: what the events of the filter in force hold of it */
    char *held_under;   /* that filter */
    char *why_not;      /* nothing can be told; NULL: it can */
    uint64_t held_rows; /* of the stream then */
    json_t *asked;      /* names of fields that are being asked about */
    uintptr_t serial;   /* answers to older questions do not count */
    bool asking;
};

struct log_view {
    json_t *entries;
    struct table t;
    bool follow;
    uint64_t end;
};

struct judged {
    uint64_t row, number;
    bool must;
    int holds; /* -1: not known yet */
};

struct ui {
    struct rpc *rpc;
    uint64_t next_id;
    VEC(struct request *) requests;
    json_t *options;
    bool quit, redraw, utc, ended;
    bool touched; /* a key was pressed */
    uint64_t
        keys_wait; /* keys are read again then at the latest: they may be for a dialog to come */
    int exit_code;
    int height, width;
    bool colors;

    enum screen_id screen;
    VEC(struct overlay) overlays;
    struct open_form *open_form;  /* in front now, or NULL */
    struct talk *talk;            /* likewise */
    struct process_view *process; /* likewise */
    struct explain_view *explain; /* likewise */
    uintptr_t explain_serial;
    struct funnel_view *funnel; /* likewise */
    struct funnel_view *chips;  /* the same of the filter in force, as one line; NULL: not shown */
    uintptr_t funnel_serial;
    struct str_list parts_off; /* parts of filters that are switched off */
    uintptr_t process_serial;
    uintptr_t talk_serial; /* answers to older questions do not count */
    struct str_list filter_history, search_history, path_history;

    json_t *capture_info; /* what it is made of; NULL: not asked yet */
    uint64_t info_asked, info_at;
    json_t *stream; /* the newest "stream" */
    json_t *keeper; /* the newest "keeper/engine" */
    json_t *report; /* of a dead engine; NULL: it lives */
    bool ready;     /* plugins are loaded */
    json_t *offer;
    json_t *unsaved;  /* streams that were kept */
    char notice[500]; /* one line above the keys */
    enum look notice_look;
    uint64_t notice_until;

    struct {
        char *before, *now; /* filters; NULL: nothing was changed */
        uint64_t selection[2], matches[2],
            left[2]; /* what was gained, and lost; rows not yet seen */
        bool shown;  /* the filter on its way is that of the difference */
        uintptr_t serial;
    } change;
    VEC(struct judged) judged;
    uintptr_t judged_serial;
    bool alerts_asked;
    char *filter;        /* in force; "" none */
    char *filter_wanted; /* once plugins are loaded; NULL: none */
    uint64_t selection;  /* 0: none */
    uint64_t matches, scanned, rows;
    char *search;
    uintptr_t search_serial; /* of the last search */
    int search_dir;
    struct edit filter_edit;
    bool editing_filter;
    /* values that need plugins to be started a second time */
    json_t *replay_asked; /* what the engine asks; NULL: nothing */
    enum { REPLAY_UNANSWERED, REPLAY_YES, REPLAY_NO } replay_answer;
    json_t *check; /* of what is typed */
    json_t *candidates;
    size_t candidate, candidate_start;
    bool checking, check_again, completing, complete_again, finish_wanted;

    VEC(struct place) places; /* Backspace */
    VEC(struct place) undo;   /* filters before this one */

    struct events_view events;
    struct detail_view detail;
    struct payload_view payload;
    struct counts_view counts;
    struct async_view async;
    struct late_view late;
    struct rules_screen *rules;
    struct state_view state;
    struct plugins_view plugins;
    struct fields_view fields;
    struct log_view log;
    int coach; /* step of the tour, 0: none */
    uint64_t coach_mark;
};

/* async.c, state.c */
void async_reset(struct ui *u);
void async_enter(struct ui *u, int arg); /* the events of this name */
void async_go(struct ui *u, int arg);    /* to the first of them, among all */
void state_reset(struct ui *u);
void state_enter(struct ui *u, int arg);
void state_at_event(struct ui *u, int arg);

/* change.c: what the last change of the filter gained and lost (1) */
void filter_changed(struct ui *u, int lost);
void filter_apply_difference(struct ui *u, const char *a, const char *b); /* (a) and not (b) */
void change_compare(struct ui *u, const char *before, const char *now); /* the filter was changed */
void change_forget(struct ui *u);
void change_counted(struct ui *u, const json_t *params);
void change_reset(struct ui *u); /* another engine */
void change_fini(struct ui *u);
void filter_take_wanted(struct ui *u); /* that of the start, or of the engine before */
/* funnel.c */
void funnel_open(struct ui *u, int arg);
bool chips_wanted(struct ui *u); /* there is room, and more than one part; asks for their counts */
void chips_draw(struct ui *u, int y);
void chips_reset(struct ui *u);
void funnels_restart(struct ui *u); /* another engine counts anew */
/* saved.c */
void saved_open(struct ui *u, int arg);
void filter_save(struct ui *u, int arg);

void notice(struct ui *u, enum look l, const char *fmt, ...) PRINTF_LIKE(3, 4);
void ui_quit(struct ui *u, int arg);
void engine_restart(struct ui *u, int arg); /* 1: without the plugin that died */
void capture_toggle(struct ui *u, int arg); /* 0: calls in halves or not, 1: internal events */
void engine_end_call(struct ui *u, int arg);
void report_open(struct ui *u);
void offer_take(struct ui *u, int arg);
void unsaved_offer(struct ui *u, int arg);
void recent_open(struct ui *u); /* what was opened before, to choose from */
void stream_save(struct ui *u, int arg);
bool engine_is_up(const struct ui *u);
/* Places given by time: the person's zone. */
const char *time_text(const struct ui *u, uint64_t ts, enum time_form form, char out[40]);

void plugins_open_source(struct ui *u, int arg);
/* The source of a plugin: name and params are copied. */
void plugins_open_with(struct ui *u, const char *name, const char *params);
/* open_form.c: the form that asks for params and configuration first; p: as `plugins` tells it. */
void open_form_show(struct ui *u, const json_t *p, const char *params);
void open_form_proposals(struct ui *u); /* what the plugin proposes is known now */
void plugins_load(struct ui *u, int arg);
void plugins_tab(struct ui *u, int arg);
void plugins_config(struct ui *u, int arg); /* a prompt for another one */
void plugins_secrets(struct ui *u, int arg);
void api_trace(struct ui *u, int arg); /* on, or off again */
/* plugin_tabs.c: what is said of the plugin under the cursor */
enum {
    PLUGIN_TAB_OVERVIEW,
    PLUGIN_TAB_FIELDS,
    PLUGIN_TAB_CONFIG,
    PLUGIN_TAB_CALLS,
    PLUGIN_TAB_METRICS,
    PLUGIN_TAB_LOG,
    PLUGIN_TAB_COUNT
};
void plugin_body(struct ui *u);
const json_t *plugin_now(const struct ui *u);
bool plugin_can_open(const json_t *p);
void counts_start(struct ui *u, const char *field);
void counts_enter(struct ui *u, int arg);
void counts_reset(struct ui *u);
bool counts_cell(struct ui *u, struct picked *out);
void fields_search(struct ui *u);
bool fields_cell(struct ui *u, struct picked *out);
void fields_reset(struct ui *u);
void plugins_reset(struct ui *u);
/* frame.c */
void frame_draw(struct ui *u);
/* coach.c */
void coach_start(struct ui *u);
void coach_note(struct ui *u, const char *what); /* what the person has just done */
const char *coach_line(struct ui *u);
/* frame.c: events of the stream that there are */
uint64_t stream_events(const struct ui *u);

#endif
