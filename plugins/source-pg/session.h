/*
 * session.h: connections to the server through libpq: connect, ask, and turn what went wrong into an hp_error.
 * Two kinds: ordinary ones for the catalog, and walsender ones (replication=database). [task]
 */
#ifndef SOURCE_PG_SESSION_H
#define SOURCE_PG_SESSION_H

#include "services.h"
#include "settings.h"

#include <libpq-fe.h>

struct session {
    const struct services *services;
    const struct settings *settings;
    PGconn *conn; /* NULL: not connected */
    int version;  /* server_version_num */
};

#define SESSION_NORMAL      0u
#define SESSION_REPLICATION 1u

hp_status session_open(struct session *s, const struct services *services, const struct settings *settings,
                       unsigned kind, struct hp_error *err);
void session_close(struct session *s);

/* One statement with text parameters; *out is the caller's to PQclear. `what` begins the error text. */
hp_status session_query(struct session *s, const char *what, const char *sql, int n_params, const char *const *params,
                        PGresult **out, struct hp_error *err);
/* A statement whose result does not matter. */
hp_status session_run(struct session *s, const char *what, const char *sql, struct hp_error *err);
/* For statements that know no parameters: quoted; NULL without memory. Free with PQfreemem. */
char *session_identifier(struct session *s, const char *name);
char *session_literal(struct session *s, const char *text);

/* Fill *err from a result or, if res is NULL, from the connection. */
hp_status session_fail(const struct session *s, const char *what, const PGresult *res, struct hp_error *err);
/* The same from the parts of an ErrorResponse read elsewhere. */
hp_status session_fail_parts(const struct session *s, const char *what, const char *sqlstate, const char *message,
                             const char *detail, const char *hint, struct hp_error *err);

#endif
