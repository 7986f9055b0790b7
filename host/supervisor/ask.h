/*
 * ask.h: one question to a probe child (host/plugin/probe.h): JSON in, JSON out, within a time. One thread, the loop's.
 */
#ifndef SUPERVISOR_ASK_H
#define SUPERVISOR_ASK_H

#include "loop.h"

#include <jansson.h>

#define ASK_TIMEOUT_MS 10000

struct ask;

/* answer NULL: *err tells. Called once, never before ask_start() has returned. */
typedef void (*ask_fn)(void *arg, json_t *answer, const struct hp_error *err);
/* whom: "the plugin", for errors; stays valid until `done`. */
hp_status ask_start(struct loop *loop, const char *request, const char *whom, ask_fn done, void *arg, struct ask **out,
                    struct hp_error *err);
void ask_abandon(struct ask *a); /* kills the child; `done` is called with an error when it has ended */

#endif
