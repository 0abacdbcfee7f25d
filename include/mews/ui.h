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

#endif
