/*
 * guard.h: is this request head fit to be answered (SEC-06, SEC-12)? libmicrohttpd accepts shapes that two servers in a
 * row may read differently; what can still be seen of them in its header list is refused here, and the connection is
 * closed. Also keeps web pages out: of other hosts' names that resolve to us, and of other origins. Pure.
 */
#ifndef REST_GUARD_H
#define REST_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#define GUARD_HEADERS 100u

struct guard_header {
    const char *name, *value;
    size_t name_len, value_len;
};
struct guard_head {
    const char *method, *target, *version;
    const struct guard_header *headers;
    size_t n_headers;
};
struct guard_verdict {
    unsigned status; /* 0: fit */
    const char *reason;
};

/* hosts: names, without port, that may stand in Host besides loopback's own; NULL-ended. */
struct guard_verdict guard_judge(const struct guard_head *head, const char *const *hosts);
/* Is it a loopback name or address: localhost, *.localhost, 127.x.x.x, [::1]? */
bool guard_is_loopback(const char *host);

#endif
