/*
 * pgoutput.h: decodes one message of PostgreSQL's pgoutput plugin, protocol versions 1 to 4 (cdc-facts 2.1).
 * Pure: bytes in, a struct out that points into the bytes. Called by stream.c per message, by the fuzzer and by
 * unit tests.
 */
#ifndef SOURCE_PG_PGOUTPUT_H
#define SOURCE_PG_PGOUTPUT_H

#include <homeport/homeport.h>

#include <stdbool.h>

#define PGOUTPUT_MAX_COLUMNS 1664u /* of a tuple, as in the server's sources */

#define PGOUTPUT_RELATION_KEY          1u /* column flag: part of the replica identity */
#define PGOUTPUT_TRUNCATE_CASCADE      1u
#define PGOUTPUT_TRUNCATE_RESTART      2u
#define PGOUTPUT_MESSAGE_TRANSACTIONAL 1u

/* What changes the layout of messages. */
struct pgoutput_mode {
    bool in_stream;     /* between Stream Start and Stream Stop: messages lead with an xid */
    bool abort_has_lsn; /* version 4 with streaming 'parallel' */
};

struct pgoutput_value {
    const uint8_t *data; /* of 't' and 'b' */
    uint32_t len;
    char kind; /* 'n' null, 'u' unchanged TOAST, 't' text, 'b' binary */
};

struct pgoutput_tuple {
    char kind; /* 'K', 'O' or 'N'; 0: not there */
    uint16_t n;
    const struct pgoutput_value *values;
};

/* Room for the tuples of one message; belongs to the caller and is used by the decoded message. */
struct pgoutput_scratch {
    struct pgoutput_value old_values[PGOUTPUT_MAX_COLUMNS];
    struct pgoutput_value new_values[PGOUTPUT_MAX_COLUMNS];
};

struct pgoutput_text {
    const char *data; /* NUL-terminated in the message */
    size_t len;
};

struct pgoutput_column {
    uint8_t flags;
    struct pgoutput_text name;
    uint32_t type_oid;
    int32_t typmod;
};

struct pgoutput_msg {
    char type;        /* the message's byte: B C O R Y I U D T M S E c A */
    uint32_t xid;     /* B S c A: the transaction; in a stream block: the subtransaction of R Y I U D T M */
    uint32_t subxid;  /* A */
    uint32_t oid;     /* R I U D: relation; Y: type */
    uint64_t lsn;     /* B: commit record; C c: commit record; O: at the origin; M: of the message; A: of the abort */
    uint64_t end_lsn; /* C c */
    int64_t time_us;  /* B C c A: microseconds since 2000-01-01 */
    uint8_t flags;    /* T M; S: 1 in the first segment */
    struct pgoutput_text name;       /* O; R Y: name; M: prefix */
    struct pgoutput_text namespace_; /* R Y */
    char identity;                   /* R */
    uint16_t n_columns;              /* R */
    const uint8_t *columns;          /* R: for pgoutput_columns() */
    const uint8_t *body_end;
    struct pgoutput_tuple before, after; /* U D, I U */
    uint32_t n_oids;                     /* T */
    const uint8_t *oids;                 /* T: big-endian, for pgoutput_truncated() */
    struct hp_bytes content;             /* M */
};

/* HP_ERROR (FATAL) on anything malformed or unknown. */
hp_status pgoutput_decode(const void *data, size_t len, const struct pgoutput_mode *mode,
                          struct pgoutput_scratch *scratch, struct pgoutput_msg *out, struct hp_error *err);
/* The columns of an R; out has room for msg->n_columns. Cannot fail: decode has checked them. */
void pgoutput_columns(const struct pgoutput_msg *msg, struct pgoutput_column *out);
uint32_t pgoutput_truncated(const struct pgoutput_msg *msg, uint32_t i);
/* The relation a row message is about, from its first bytes only (for errors about messages too large to hold). */
uint32_t pgoutput_peek_relation(const void *data, size_t len, const struct pgoutput_mode *mode);

#define PGOUTPUT_EPOCH_US INT64_C(946684800000000) /* 2000-01-01 in microseconds since 1970 */

#endif
