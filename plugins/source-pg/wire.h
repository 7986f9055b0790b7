/*
 * wire.h: the messages of a COPY (both ways or out) from a connection that libpq has made. Without TLS the socket is
 * read directly into one large buffer and messages are used in place, gathering first (performance 0.2); with TLS
 * they come through libpq (wire_tls.c). [task]
 */
#ifndef SOURCE_PG_WIRE_H
#define SOURCE_PG_WIRE_H

#include "session.h"

/* Lines differ in how bytes are best let come together. */
enum wire_line {
    LINE_NETWORK,
    LINE_LOOPBACK, /* TCP; a packet is worked off on the sender's time */
    LINE_UNIX,     /* knows no low-water mark */
};

struct wire {
    struct session *session; /* whose connection it is */
    const char *what;        /* for errors */
    bool direct;             /* on the socket; else through libpq */
    bool copying;            /* the COPY has begun */
    bool both_ways;          /* it is one of a walsender */
    bool ending;             /* we have ended it; the rest is thrown away */
    bool eof;                /* the server closed the connection; what came before is still to be used */
    bool woken;              /* wake_fd ended a wait; whoever reads this clears both */
    enum wire_line line;
    int fd, wake_fd;
    uint64_t max_message; /* larger ones are refused */
    uint8_t *buf;
    size_t cap, head, tail; /* unread bytes are [head, tail) */
    size_t taken;           /* bytes of the message peeked at, 0: none */
    int low_water;          /* SO_RCVLOWAT as set */
    char *copied;           /* TLS: libpq's memory of the current message */
    int copied_len;
    bool ahead;       /* TLS: there was more than the last wait brought */
    bool bulky;       /* TLS: libpq holds on to the memory of a huge message */
    size_t last_fill; /* bytes that the last wait brought */
};

/* One CopyData's payload: valid until wire_take(). */
struct wire_msg {
    const uint8_t *data;
    size_t len;
};

enum wire_status {
    WIRE_HAVE,
    WIRE_NONE,      /* nothing complete is here */
    WIRE_OVER,      /* the COPY ended in good order; the connection can be used again */
    WIRE_TOO_LARGE, /* longer than max_message; out->data is its beginning, out->len its whole length */
};

/* Send `sql`, which starts a COPY; messages are peeked at from then on. wake_fd: becomes readable when a wait shall
   end. Zero-initialised at first; may be started again after WIRE_OVER. */
hp_status wire_start(struct wire *w, struct session *session, int wake_fd, const char *what, const char *sql,
                     uint64_t max_message, struct hp_error *err);
/* The next message, without taking it. */
hp_status wire_peek(struct wire *w, struct wire_msg *out, enum wire_status *status, struct hp_error *err);
void wire_take(struct wire *w);
/* Wait at most wait_us for a first byte, or until woken, and read all there is. */
hp_status wire_wait(struct wire *w, int64_t wait_us, struct hp_error *err);
/* Let `gather` bytes come together, at most for wait_us, and read all there is. */
hp_status wire_gather(struct wire *w, int64_t wait_us, int gather, struct hp_error *err);
/* Far behind: leave the socket alone for wait_us, so that the sender fills its own buffer, then read all there is. */
hp_status wire_settle(struct wire *w, int64_t wait_us, struct hp_error *err);
hp_status wire_send(struct wire *w, const void *payload, uint32_t len, struct hp_error *err);
/* End a COPY both ways; what still comes is thrown away. */
hp_status wire_end(struct wire *w, struct hp_error *err);
/* Give back the memory that a burst or a huge message took, if nothing is unread. */
void wire_shrink(struct wire *w);
void wire_finish(struct wire *w);

/* wire_tls.c: the same through libpq. */
hp_status wire_tls_start(struct wire *w, const char *sql, struct hp_error *err);
hp_status wire_tls_peek(struct wire *w, struct wire_msg *out, enum wire_status *status, struct hp_error *err);
hp_status wire_tls_read(struct wire *w, struct hp_error *err);
hp_status wire_tls_end(struct wire *w, struct hp_error *err);
hp_status wire_tls_send(struct wire *w, const void *payload, uint32_t len, struct hp_error *err);

#endif
