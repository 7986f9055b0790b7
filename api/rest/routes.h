/*
 * routes.h: the one table of what is answered where (openapi.yaml says the same to outsiders; a test walks both).
 * Matching is pure.
 */
#ifndef REST_ROUTES_H
#define REST_ROUTES_H

#include "request.h"

struct route {
    enum method method;
    const char *path; /* "/connectors/{connector}/config" */
    void (*handle)(struct request *rq);
};

extern const struct route routes[];
extern const size_t routes_n;

enum match { MATCH_FOUND, MATCH_NO_PATH, MATCH_NO_METHOD };
/* Fills params. allowed: bit per method that the path has, if it exists. */
enum match routes_match(enum method method, const struct url *url, const struct route **out, const char *params[4],
                        unsigned *allowed);
/* Matches, and calls the handler or replies itself: 404, 405, 415, OPTIONS. */
void routes_answer(struct request *rq);

extern const char *const method_names[METHOD_N];

#endif
