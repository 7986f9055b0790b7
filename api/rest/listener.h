/* listener.h: the address in `listeners`, judged (loopback only, SEC-04) and opened. */
#ifndef REST_LISTENER_H
#define REST_LISTENER_H

#include <homeport/homeport.h>

#include <stdbool.h>
#include <sys/socket.h>

struct listener {
    int fd;
    char host[256]; /* as written; IPv6 in brackets */
    unsigned port;  /* as chosen by the system if 0 was asked for */
};

/* "http://127.0.0.1:8083" -> address. Pure. */
hp_status listener_parse(const char *listeners, struct listener *out, struct sockaddr_storage *addr, socklen_t *len,
                         struct hp_error *err);
hp_status listener_open(const char *listeners, struct listener *out, struct hp_error *err);

#endif
