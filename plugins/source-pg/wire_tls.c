/* wire_tls.c: the TLS side of wire.h: libpq decrypts, and hands out one message at a time. */
#include "wire.h"

#include <poll.h>

static hp_status failed(struct wire *w, const PGresult *res, struct hp_error *err)
{
    return session_fail(w->session, w->what, res, err);
}

hp_status wire_tls_start(struct wire *w, const char *sql, struct hp_error *err)
{
    PGconn *conn = w->session->conn;
    if (!PQsendQuery(conn, sql) || PQflush(conn) < 0) {
        return failed(w, NULL, err);
    }
    return HP_OK;
}

/* Results up to the start of the COPY, or after its end. */
static hp_status results(struct wire *w, enum wire_status *status, struct hp_error *err)
{
    PGconn *conn = w->session->conn;
    while (!PQisBusy(conn)) {
        PGresult *res = PQgetResult(conn);
        ExecStatusType st = PQresultStatus(res);
        hp_status out = HP_OK;
        if (!res) {
            *status = WIRE_OVER;
            return HP_OK;
        }
        if (st == PGRES_COPY_BOTH || st == PGRES_COPY_OUT) {
            w->copying = true;
        } else if (st != PGRES_COMMAND_OK) {
            out = failed(w, res, err);
        }
        PQclear(res);
        if (out != HP_OK || w->copying) {
            return out;
        }
    }
    return HP_OK;
}

hp_status wire_tls_peek(struct wire *w, struct wire_msg *out, enum wire_status *status, struct hp_error *err)
{
    *status = WIRE_NONE;
    if (!w->copying && (results(w, status, err) != HP_OK || *status == WIRE_OVER)) {
        return *status == WIRE_OVER ? HP_OK : HP_ERROR;
    }
    if (!w->copied && w->copying) {
        int n = PQgetCopyData(w->session->conn, &w->copied, 1);
        if (n == 0) {
            return HP_OK;
        }
        if (n == -2) {
            return failed(w, NULL, err);
        }
        if (n == -1) {
            w->copying = false;
            return results(w, status, err);
        }
        w->copied_len = n;
    }
    if (w->copied) {
        out->data = (const uint8_t *)w->copied;
        out->len = (size_t)w->copied_len;
        *status = out->len > w->max_message ? WIRE_TOO_LARGE : WIRE_HAVE;
    }
    return HP_OK;
}

/* OpenSSL may hold up to 16 KiB that poll() does not see, and libpq takes at least 8 KiB a time: so two more reads
   after the socket has nothing. */
hp_status wire_tls_read(struct wire *w, struct hp_error *err)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    int extra = 0;
    for (int i = 0; extra < 2 && i < 64; i++) {
        if (!PQconsumeInput(w->session->conn)) {
            return failed(w, NULL, err);
        }
        w->last_fill += 8192; /* at a guess; only its order of magnitude counts */
        if (poll(&p, 1, 0) <= 0) {
            extra++;
        }
    }
    return HP_OK;
}

hp_status wire_tls_send(struct wire *w, const void *payload, uint32_t len, struct hp_error *err)
{
    PGconn *conn = w->session->conn;
    if (PQputCopyData(conn, payload, (int)len) <= 0 || PQflush(conn) < 0) {
        return failed(w, NULL, err);
    }
    return HP_OK;
}

hp_status wire_tls_end(struct wire *w, struct hp_error *err)
{
    PGconn *conn = w->session->conn;
    if (PQputCopyEnd(conn, NULL) <= 0 || PQflush(conn) < 0) {
        return failed(w, NULL, err);
    }
    return HP_OK;
}
