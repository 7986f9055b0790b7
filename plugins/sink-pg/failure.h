/*
 * failure.h: what the server said when it refused something, freed of row values, and what class of error it is.
 * Pure but for reading a PGresult.
 */
#ifndef SINK_PG_FAILURE_H
#define SINK_PG_FAILURE_H

#include "mem.h"

#include <libpq-fe.h>

struct failure {
    char state[6];     /* SQLSTATE */
    char message[320]; /* the server's first line, values left out */
    char table[130];   /* schema.table, if the server named them */
    char column[64];
    char constraint[64];
};

void failure_read(struct failure *f, const PGresult *result);
/* One line of a server's message without what could be a row's value. */
void failure_scrub(const char *state, const char *message, char *out, size_t size);
uint32_t failure_class(const char *state); /* HP_ERROR_* */
/* May another order of the same changes, or one at a time, go through? */
bool failure_is_row(const char *state);
/* Could the target have been changed behind our back? */
bool failure_is_stale(const char *state);
hp_status failure_report(const struct failure *f, const char *what, struct hp_error *err);
/* A connection that could not be made: PGconn's message, whose SQLSTATE, if any, decides. */
hp_status failure_connect(const char *message, struct hp_error *err);

#endif
