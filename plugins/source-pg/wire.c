/* wire.c: see wire.h. */
#include "wire.h"

#include "no_memory.h"
#include "wire_read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WIRE_SMALL     (64u * 1024)   /* buffer at rest */
#define WIRE_LARGE     (1024u * 1024) /* buffer under load */
#define WIRE_HEADER    5u             /* type and length of a protocol message */
#define WIRE_OTHER_MAX (1024u * 1024) /* longest message that is no CopyData */
#define WIRE_SEND_MS   5000
#define WIRE_SHORT     (8u * 1024) /* a read that brings less is one that chases the sender */
#define UNIX_SETTLE_US 200         /* a unix socket holds some 280 small messages; waiting longer stalls the sender */
#define WIRE_END_US    10000000

static hp_status lost(struct wire *w, const char *reason, struct hp_error *err)
{
    return session_fail_parts(w->session, w->what, NULL, reason, NULL, NULL, err);
}

/* Room for a run of `need` bytes from head on. */
static bool make_room(struct wire *w, size_t need)
{
    size_t unread = w->tail - w->head, cap = w->cap;
    uint8_t *buf;
    if (need <= w->cap - w->head) {
        return true;
    }
    if (need <= w->cap) {
        memmove(w->buf, w->buf + w->head, unread);
    } else {
        while (cap < need) {
            cap = cap < WIRE_LARGE ? (cap ? cap * 2 : WIRE_SMALL) : need;
        }
        buf = malloc(cap);
        if (!buf) {
            return false;
        }
        if (unread) {
            memcpy(buf, w->buf + w->head, unread);
        }
        free(w->buf);
        w->buf = buf;
        w->cap = cap;
    }
    w->head = 0;
    w->tail = unread;
    return true;
}

void wire_shrink(struct wire *w)
{
    if (w->cap > WIRE_SMALL && w->head == w->tail) {
        free(w->buf);
        w->buf = NULL;
        w->cap = w->head = w->tail = 0;
    }
}

static hp_status send_all(struct wire *w, const uint8_t *data, size_t len, struct hp_error *err)
{
    while (len) {
        ssize_t n = send(w->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = w->fd, .events = POLLOUT};
            if (poll(&p, 1, WIRE_SEND_MS) == 0) {
                return lost(w, "the server does not read what it is sent", err);
            }
        } else if (n < 0 && errno != EINTR) {
            return lost(w, strerror(errno), err);
        }
    }
    return HP_OK;
}

static hp_status send_message(struct wire *w, char type, const void *body, uint32_t len, struct hp_error *err)
{
    uint8_t small[256], *all = len + WIRE_HEADER <= sizeof small ? small : malloc(len + WIRE_HEADER);
    hp_status st;
    if (!all) {
        return no_memory(err);
    }
    all[0] = (uint8_t)type;
    wire_put32(all + 1, len + 4);
    memcpy(all + WIRE_HEADER, body, len);
    st = send_all(w, all, len + WIRE_HEADER, err);
    if (all != small) {
        free(all);
    }
    return st;
}

/* The server is on this machine: it is reached under the address that it is reached from, or one of loopback. */
static bool is_loopback(const struct sockaddr_storage *own, const struct sockaddr_storage *peer)
{
    const struct sockaddr_in *a4 = (const void *)own, *b4 = (const void *)peer;
    const struct sockaddr_in6 *a6 = (const void *)own, *b6 = (const void *)peer;
    return own->ss_family == AF_INET
               ? a4->sin_addr.s_addr == b4->sin_addr.s_addr || ntohl(a4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
           : own->ss_family == AF_INET6 ? IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr)
                                        : false;
}

/* On a loopback TCP connection a small receive window makes the server cheaper: while it is full, what the walsender
   sends is only appended to its send buffer, at a third of the cost of a packet a message (see wire_settle). So it is
   kept from growing, by setting its size to what it is (the kernel doubles what is set). It is never made smaller: the
   sender cuts segments of half the largest window that it was ever shown, and where one does not fit it waits for its
   probe timer, 200 ms. Elsewhere the window must cover the delay of the line, and is the kernel's business. */
static void know_line(struct wire *w)
{
    struct sockaddr_storage own, peer;
    socklen_t own_len = sizeof own, peer_len = sizeof peer;
    socklen_t bytes_len = sizeof(int);
    int bytes;
    if (getsockname(w->fd, (struct sockaddr *)&own, &own_len) != 0 ||
        getpeername(w->fd, (struct sockaddr *)&peer, &peer_len) != 0) {
        return;
    }
    w->line = own.ss_family == AF_UNIX ? LINE_UNIX : is_loopback(&own, &peer) ? LINE_LOOPBACK : LINE_NETWORK;
    if (w->line == LINE_LOOPBACK && getsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &bytes, &bytes_len) == 0) {
        bytes /= 2;
        (void)setsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
}

hp_status wire_start(struct wire *w, struct session *session, int wake_fd, const char *what, const char *sql,
                     uint64_t max_message, struct hp_error *err)
{
    w->session = session;
    w->what = what;
    w->direct = !PQsslInUse(session->conn);
    w->fd = PQsocket(session->conn);
    know_line(w);
    w->wake_fd = wake_fd;
    w->max_message = max_message;
    w->copying = w->both_ways = w->woken = w->eof = w->ending = false;
    w->head = w->tail = w->taken = 0;
    w->low_water = 1;
    if (!w->direct) {
        return wire_tls_start(w, sql, err);
    }
    return send_message(w, 'Q', sql, (uint32_t)strlen(sql) + 1, err);
}

/* An ErrorResponse's fields: a letter and a text each. */
static hp_status server_error(struct wire *w, const uint8_t *body, size_t len, struct hp_error *err)
{
    struct wire_read r = wire_read_of(body, len);
    const char *parts[128] = {NULL};
    while (!r.failed && wire_left(&r)) {
        uint8_t field = wire_u8(&r);
        size_t n;
        if (!field) {
            break;
        }
        parts[field & 127] = wire_text(&r, &n);
    }
    return session_fail_parts(w->session, w->what, parts['C'], parts['M'], parts['D'], parts['H'], err);
}

/* A message that is no CopyData, complete in the buffer. */
static hp_status other_message(struct wire *w, uint8_t type, const uint8_t *body, size_t len, enum wire_status *status,
                               struct hp_error *err)
{
    static const uint8_t nothing[1];
    switch (type) {
    case 'W':
    case 'H':
        w->copying = true;
        w->both_ways = type == 'W';
        return HP_OK;
    case 'E':
        return server_error(w, body, len, err);
    case 'c': /* the server ends a COPY both ways: so do we; of a COPY out this is just its end */
        return w->both_ways && !w->ending ? send_message(w, 'c', nothing, 0, err) : HP_OK;
    case 'Z':
        *status = WIRE_OVER;
        return HP_OK;
    case 'C':
    case 'N':
    case 'S':
    case 'A':
        return HP_OK;
    default:
        return hp_fail(err, HP_ERROR_FATAL, "08P01", "%s: the server sent a message of the unexpected type 0x%02x",
                       w->what, type);
    }
}

hp_status wire_peek(struct wire *w, struct wire_msg *out, enum wire_status *status, struct hp_error *err)
{
    if (!w->direct) {
        return wire_tls_peek(w, out, status, err);
    }
    for (;;) {
        const uint8_t *at = w->buf + w->head;
        size_t left = w->tail - w->head, len;
        uint32_t body;
        *status = WIRE_NONE;
        if (left < WIRE_HEADER) {
            return w->eof ? lost(w, "the server closed the connection", err) : HP_OK;
        }
        memcpy(&body, at + 1, sizeof body);
        body = __builtin_bswap32(body);
        len = (size_t)body + 1;
        if (body < 4 || (at[0] != 'd' && len > WIRE_OTHER_MAX)) {
            return hp_fail(err, HP_ERROR_FATAL, "08P01", "%s: the server sent a message with the impossible length %u",
                           w->what, body);
        }
        out->data = at + WIRE_HEADER;
        out->len = len - WIRE_HEADER;
        if (at[0] == 'd' && out->len > w->max_message) {
            if (left < WIRE_HEADER + 64) {
                return HP_OK; /* enough to see whose it is */
            }
            *status = WIRE_TOO_LARGE;
            return HP_OK;
        }
        if (left < len && w->eof) {
            return lost(w, "the server closed the connection", err);
        }
        if (left < len) {
            return make_room(w, len) ? HP_OK : no_memory(err);
        }
        if (at[0] == 'd') {
            w->taken = len;
            *status = WIRE_HAVE;
            return HP_OK;
        }
        w->head += len;
        if (other_message(w, at[0], out->data, out->len, status, err) != HP_OK) {
            return HP_ERROR;
        }
        if (*status == WIRE_OVER) {
            return HP_OK;
        }
    }
}

/* After a huge message the buffer goes back to its size under load (E8). */
static void give_back(struct wire *w)
{
    size_t unread = w->tail - w->head;
    uint8_t *buf = unread < WIRE_LARGE ? malloc(WIRE_LARGE) : NULL;
    if (buf) {
        memcpy(buf, w->buf + w->head, unread);
        free(w->buf);
        w->buf = buf;
        w->cap = WIRE_LARGE;
        w->head = 0;
        w->tail = unread;
    }
}

void wire_take(struct wire *w)
{
    if (!w->direct) {
        PQfreemem(w->copied);
        w->copied = NULL;
    }
    w->head += w->taken;
    w->taken = 0;
    if (w->cap > 2 * WIRE_LARGE) {
        give_back(w);
    }
}

/* Free room behind the unread bytes; false: the buffer is full, let it be worked off first. */
static bool make_free(struct wire *w)
{
    if (w->head == w->tail) {
        w->head = w->tail = 0;
    }
    if (w->tail < w->cap) {
        return true;
    }
    if (w->cap < WIRE_LARGE && w->head < w->cap / 2 + 1) {
        return make_room(w, w->cap ? w->cap * 2 : WIRE_SMALL);
    }
    return w->head > 0 && make_room(w, w->cap);
}

/* What is there, up to the buffer's size under load. Each read opens the window for what the sender holds back, so it
   goes on until one is short: asking again then would chase a sender that sends message by message, at the cost of
   both (performance 0.2). */
static hp_status read_all(struct wire *w, struct hp_error *err)
{
    w->last_fill = 0;
    if (!w->direct) {
        return wire_tls_read(w, err);
    }
    while (w->last_fill < WIRE_LARGE && make_free(w)) {
        size_t room = w->cap - w->tail;
        ssize_t n = recv(w->fd, w->buf + w->tail, room, MSG_DONTWAIT);
        if (n > 0) {
            w->tail += (size_t)n;
            w->last_fill += (size_t)n;
            if ((size_t)n < room && n < WIRE_SHORT) {
                return HP_OK;
            }
        } else if (n == 0) {
            w->eof = true;
            return HP_OK;
        } else if (errno == EAGAIN) {
            return HP_OK;
        } else if (errno != EINTR) {
            return lost(w, strerror(errno), err);
        }
    }
    return HP_OK;
}

static void set_low_water(struct wire *w, int bytes)
{
    if (w->line != LINE_UNIX && w->low_water != bytes &&
        setsockopt(w->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes) == 0) {
        w->low_water = bytes;
    }
}

static int wait_for(struct pollfd *fds, nfds_t n, int64_t wait_us)
{
    struct timespec ts = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    return ppoll(fds, n, &ts, NULL);
}

hp_status wire_wait(struct wire *w, int64_t wait_us, struct hp_error *err)
{
    struct pollfd fds[2] = {{.fd = w->fd, .events = POLLIN}, {.fd = w->wake_fd, .events = POLLIN}};
    w->last_fill = 0;
    set_low_water(w, 1);
    if (wait_for(fds, 2, wait_us) <= 0) {
        return HP_OK; /* time is up, or a signal */
    }
    w->woken = w->woken || fds[1].revents;
    return fds[0].revents ? read_all(w, err) : HP_OK;
}

hp_status wire_gather(struct wire *w, int64_t wait_us, int gather, struct hp_error *err)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    if (w->line == LINE_UNIX) {
        return wire_settle(w, wait_us, err);
    }
    set_low_water(w, gather);
    (void)wait_for(&p, 1, wait_us);
    return read_all(w, err);
}

hp_status wire_settle(struct wire *w, int64_t wait_us, struct hp_error *err)
{
    if (w->last_fill < WIRE_LARGE && !w->ahead) { /* else the sender is further ahead than we hold */
        (void)wait_for(NULL, 0, w->line == LINE_UNIX && wait_us > UNIX_SETTLE_US ? UNIX_SETTLE_US : wait_us);
    }
    return read_all(w, err);
}

hp_status wire_send(struct wire *w, const void *payload, uint32_t len, struct hp_error *err)
{
    return w->direct ? send_message(w, 'd', payload, len, err) : wire_tls_send(w, payload, len, err);
}

hp_status wire_end(struct wire *w, struct hp_error *err)
{
    static const uint8_t nothing[1];
    int64_t deadline = services_now_us() + WIRE_END_US;
    w->ending = true;
    if ((w->direct ? send_message(w, 'c', nothing, 0, err) : wire_tls_end(w, err)) != HP_OK) {
        return HP_ERROR;
    }
    for (;;) {
        struct wire_msg msg;
        enum wire_status status;
        if (wire_peek(w, &msg, &status, err) != HP_OK) {
            return HP_ERROR;
        }
        if (status == WIRE_OVER) {
            return HP_OK;
        }
        if (status == WIRE_TOO_LARGE || services_now_us() > deadline) {
            return lost(w, "the server does not end streaming", err);
        }
        if (status == WIRE_HAVE) {
            wire_take(w);
        } else if (wire_wait(w, WIRE_END_US / 100, err) != HP_OK) {
            return HP_ERROR;
        }
    }
}

void wire_finish(struct wire *w)
{
    free(w->buf);
    PQfreemem(w->copied);
    memset(w, 0, sizeof *w);
}
