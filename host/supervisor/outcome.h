/* outcome.h: how a request to the supervisor ended, for those who asked. Texts are borrowed for the call. */
#ifndef SUPERVISOR_OUTCOME_H
#define SUPERVISOR_OUTCOME_H

#include <jansson.h>

enum outcome_kind {
    OUTCOME_DONE,
    OUTCOME_CREATED,
    OUTCOME_INVALID, /* the request cannot be met as it is */
    OUTCOME_NOT_FOUND,
    OUTCOME_EXISTS,
    OUTCOME_BUSY,     /* something else is under way on the same connector */
    OUTCOME_STALE,    /* the configuration that the change was made from is no longer in force */
    OUTCOME_NO_CLASS, /* connector.class names no plugin */
    OUTCOME_NO_ROOM,  /* on the disk of the data folder */
    OUTCOME_FAILED,
    OUTCOME_CLOSING /* the host ends */
};

struct connector;
struct outcome {
    enum outcome_kind kind;
    const char *message;
    const struct connector *connector; /* DONE and CREATED of a change, else NULL */
    json_t *json;                      /* an answer's content, borrowed, or NULL */
};
typedef void (*outcome_fn)(void *arg, const struct outcome *outcome);

#endif
