/*
 * request.h: one HTTP exchange as the handlers see it. A handler gets it complete, with its body, and must reply to it
 * exactly once: at once, or later from the loop. It stays valid until it has been replied to. One thread, the loop's.
 */
#ifndef REST_REQUEST_H
#define REST_REQUEST_H

#include "buf.h"
#include "supervisor.h"
#include "url.h"

#include <jansson.h>

#define REQUEST_BODY_MAX (1u << 20)

enum method {
    METHOD_GET,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_OTHER,
    METHOD_N
};

struct request {
    struct supervisor *sup;
    enum method method; /* HEAD counts as GET */
    struct url url;
    const char *params[4]; /* what the route's {names} matched, in order */
    struct buf body;
    const char *content_type; /* or NULL */
    const char *host;         /* Host header, or NULL */
    /* the reply */
    unsigned status;  /* 0: not yet */
    const char *type; /* of the reply's body */
    char *text;
    size_t text_len;
    char *location;
    char *allow;
    bool close; /* the connection, after it */
    void *link; /* the server's */
};

void request_finish(struct request *rq); /* frees what is in it */

/* Replies. The server hears of them through rq->link. */
void reply_json(struct request *rq, unsigned status, json_t *json); /* takes the reference; NULL: no memory, 500 */
void reply_text(struct request *rq, unsigned status, const char *type, char *text, size_t len); /* takes text */
void reply_empty(struct request *rq, unsigned status);
void reply_error(struct request *rq, unsigned status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The error that belongs to an outcome other than DONE or CREATED. */
void reply_outcome(struct request *rq, const struct outcome *outcome);

/* The body as JSON; NULL: it was replied to (T1, T16, SEC-13). New reference. */
json_t *request_json(struct request *rq);

/* Set by the server: sends what is in the reply. */
extern void (*request_replied)(struct request *rq);

#endif
