/*
 * server.h: HTTP on the supervisor's loop. The only file that knows libmicrohttpd is server.c. Bounds (SEC-12): 16 KiB
 * head, 100 headers, 1 MiB body, 10 s for a head, 30 s for a body, 60 s idle, 256 connections; those beyond wait in the
 * listen queue.
 */
#ifndef REST_SERVER_H
#define REST_SERVER_H

#include "loop.h"
#include "props.h"

struct server;

/* Opens the listener that `listeners` names. Loopback only; anything else is an error that says so. */
hp_status server_listen(const struct props *settings, struct server **out, struct hp_error *err);
const char *server_address(const struct server *sv);   /* "http://127.0.0.1:8083", the port as chosen */
const char *server_worker_id(const struct server *sv); /* "127.0.0.1:8083", or as rest.advertised.* says */

struct supervisor;
hp_status server_start(struct server *sv, struct supervisor *sup, struct hp_error *err);
void server_destroy(struct server *sv); /* what still waits is answered with 503 */

#endif
