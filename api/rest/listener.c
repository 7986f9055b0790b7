/* listener.c: see listener.h. Called at start. */
#include "listener.h"

#include "guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define BACKLOG 512

/* The host's part into out->host, the rest behind it; NULL: malformed. */
static const char *take_host(const char *p, struct listener *out)
{
    size_t n = *p == '[' ? strcspn(p, "]") + 1 : strcspn(p, ":/");
    if (n >= sizeof out->host || (*p == '[' && p[n - 1] != ']')) {
        return NULL;
    }
    memcpy(out->host, p, n);
    out->host[n] = '\0';
    return p + n;
}

static bool make_address(const struct listener *l, struct sockaddr_storage *addr, socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)addr;
    memset(addr, 0, sizeof *addr);
    if (l->host[0] == '[') {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)l->port);
        v6->sin6_addr = in6addr_loopback;
        *len = sizeof *v6;
        return true;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)l->port);
    *len = sizeof *v4;
    return inet_pton(AF_INET, strcasecmp(l->host, "localhost") == 0 ? "127.0.0.1" : l->host, &v4->sin_addr) == 1;
}

hp_status listener_parse(const char *listeners, struct listener *out, struct sockaddr_storage *addr, socklen_t *len,
                         struct hp_error *err)
{
    struct listener l = {.fd = -1};
    const char *rest;
    char *end;
    unsigned long port;
    if (strncasecmp(listeners, "http://", 7) != 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "listeners=%.200s: http://HOST:PORT is allowed", listeners);
    }
    rest = take_host(listeners + 7, &l);
    if (!rest || strchr(rest, ',')) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "listeners=%.200s: exactly one http://HOST:PORT is allowed",
                       listeners);
    }
    errno = 0;
    port = *rest == ':' ? strtoul(rest + 1, &end, 10) : 65536;
    if (port > 65535 || errno || end == rest + 1 || rest[1] < '0' || rest[1] > '9' || (*end && strcmp(end, "/") != 0)) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "listeners=%.200s: a port from 0 to 65535 is needed, as in "
                       "http://127.0.0.1:8083",
                       listeners);
    }
    l.port = (unsigned)port;
    if (!guard_is_loopback(l.host) || !make_address(&l, addr, len)) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "listeners=%.200s: this version listens on loopback only, because it does not know yet who may "
                       "change what; use http://127.0.0.1:%lu, http://localhost:%lu or http://[::1]:%lu",
                       listeners, port, port, port);
    }
    *out = l;
    return HP_OK;
}

hp_status listener_open(const char *listeners, struct listener *out, struct hp_error *err)
{
    struct sockaddr_storage addr;
    struct listener l;
    socklen_t len;
    int one = 1;
    if (listener_parse(listeners, &l, &addr, &len, err) != HP_OK) {
        return HP_ERROR;
    }
    l.fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l.fd < 0 || setsockopt(l.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(l.fd, (struct sockaddr *)&addr, len) != 0 || listen(l.fd, BACKLOG) != 0 ||
        getsockname(l.fd, (struct sockaddr *)&addr, &len) != 0) {
        (void)hp_fail(err, HP_ERROR_CONFIG, errno == EADDRINUSE ? "LOCKED" : "", "cannot listen on %s: %s", listeners,
                      strerror(errno));
        if (l.fd >= 0) {
            (void)close(l.fd);
        }
        return HP_ERROR;
    }
    l.port = ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&addr)->sin6_port
                                              : ((struct sockaddr_in *)(void *)&addr)->sin_port);
    *out = l;
    return HP_OK;
}
