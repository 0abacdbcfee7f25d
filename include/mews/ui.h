/*
 * What for: the screen: keys, panes, prompts, themes; the only user of ncurses. Talks RPC,
 *           knows no engine.
 * Owns:     the terminal, from ui_main on until it returns.
 * Threads:  one.
 * Errors:   are shown; those before the screen is up go to standard error.
 * Included: by cli, which starts it in a process of its own.
 */
#ifndef MEWS_UI_H
#define MEWS_UI_H

#include "mews/rpc.h"

/* Runs until the person leaves. options: {utc, tour, filter, start, input}: how to begin. The exit
 * status. */
int ui_main(int rpc_fd, const json_t *options);

/* Columns under names, kept for the source that they are of, in the person's configuration: [{name, source,
 * columns: [{field, title, width, align}]}]. New reference. */
json_t *layouts_kept(void);
/* Adds or replaces one; columns (taken over) NULL: forgets it. */
enum severity layouts_keep(const char *name, const char *source, json_t *columns,
                           struct error *err);

#endif
