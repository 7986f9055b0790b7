/* wire_tls.c: the TLS side of wire.h: libpq decrypts, and hands out one message at a time. */
#include "wire.h"

#include <sys/ioctl.h>

#define READS_MAX   64 /* of a call: at most 1 MiB */
#define BULKY_BYTES (8 * 1024 * 1024)

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
        w->bulky = w->bulky || n > BULKY_BYTES;
    }
    if (w->copied) {
        out->data = (const uint8_t *)w->copied;
        out->len = (size_t)w->copied_len;
        *status = out->len > w->max_message ? WIRE_TOO_LARGE : WIRE_HAVE;
    }
    return HP_OK;
}

static size_t in_socket(const struct wire *w)
{
    int bytes = 0;
    return ioctl(w->fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

/* A read gives one TLS record, which is a single small message or 16 KiB. OpenSSL may hold that much where the socket
   does not show it, and libpq takes at least 8 KiB a time: so two more reads after the socket has nothing. When there
   is more than the reads of one call may bring, the sender is further ahead than we hold: not to be waited for. */
hp_status wire_tls_read(struct wire *w, struct hp_error *err)
{
    size_t left = in_socket(w);
    int empty = 0;
    w->last_fill = left ? left : 1;
    for (int i = 0; empty < 2 && i < READS_MAX; i++) {
        if (!PQconsumeInput(w->session->conn)) {
            return failed(w, NULL, err);
        }
        left = in_socket(w);
        empty += left == 0;
    }
    w->ahead = left > 0;
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
