/* pgoutput.c: see pgoutput.h. */
#include "pgoutput.h"

#include "wire_read.h"

static struct pgoutput_text text_of(struct wire_read *r)
{
    struct pgoutput_text t;
    t.data = wire_text(r, &t.len);
    return t;
}

static bool decode_tuple(struct wire_read *r, char kind, struct pgoutput_value *values, struct pgoutput_tuple *out)
{
    uint16_t n = wire_u16(r);
    if (n > PGOUTPUT_MAX_COLUMNS) {
        return false;
    }
    for (uint16_t i = 0; i < n; i++) {
        struct pgoutput_value *v = &values[i];
        v->kind = (char)wire_u8(r);
        v->data = NULL;
        v->len = 0;
        switch (v->kind) {
        case 'n':
        case 'u':
            break;
        case 't':
        case 'b':
            v->len = wire_u32(r);
            v->data = wire_bytes(r, v->len);
            break;
        default:
            return false;
        }
        if (r->failed) {
            return false;
        }
    }
    out->kind = kind;
    out->n = n;
    out->values = values;
    return true;
}

static bool decode_row(struct wire_read *r, struct pgoutput_scratch *scratch, struct pgoutput_msg *m)
{
    char kind;
    m->oid = wire_u32(r);
    kind = (char)wire_u8(r);
    if (m->type != 'I' && (kind == 'K' || kind == 'O')) {
        if (!decode_tuple(r, kind, scratch->old_values, &m->before)) {
            return false;
        }
        if (m->type == 'D') {
            return true;
        }
        kind = (char)wire_u8(r);
    }
    return m->type != 'D' && kind == 'N' && decode_tuple(r, kind, scratch->new_values, &m->after);
}

static bool decode_relation(struct wire_read *r, struct pgoutput_msg *m)
{
    m->oid = wire_u32(r);
    m->namespace_ = text_of(r);
    m->name = text_of(r);
    m->identity = (char)wire_u8(r);
    m->n_columns = wire_u16(r);
    m->columns = r->at;
    if (m->n_columns > PGOUTPUT_MAX_COLUMNS) {
        return false;
    }
    for (uint16_t i = 0; i < m->n_columns; i++) {
        (void)wire_u8(r);
        (void)text_of(r);
        (void)wire_bytes(r, 8);
    }
    return strchr("dnfi", m->identity) != NULL && m->identity;
}

static bool decode_type(struct wire_read *r, struct pgoutput_msg *m)
{
    m->oid = wire_u32(r);
    m->namespace_ = text_of(r);
    m->name = text_of(r);
    return true;
}

static bool decode_truncate(struct wire_read *r, struct pgoutput_msg *m)
{
    m->n_oids = wire_u32(r);
    m->flags = wire_u8(r);
    if (m->n_oids > wire_left(r) / 4) {
        return false;
    }
    m->oids = wire_bytes(r, (size_t)m->n_oids * 4);
    return true;
}

static bool decode_message(struct wire_read *r, struct pgoutput_msg *m)
{
    uint32_t len;
    m->flags = wire_u8(r);
    m->lsn = wire_u64(r);
    m->name = text_of(r);
    len = wire_u32(r);
    m->content.data = wire_bytes(r, len);
    m->content.len = len;
    return true;
}

static void decode_commit(struct wire_read *r, struct pgoutput_msg *m)
{
    (void)wire_u8(r); /* flags, unused by every version */
    m->lsn = wire_u64(r);
    m->end_lsn = wire_u64(r);
    m->time_us = (int64_t)wire_u64(r);
}

static bool decode_body(struct wire_read *r, const struct pgoutput_mode *mode, struct pgoutput_scratch *scratch,
                        struct pgoutput_msg *m)
{
    if (mode->in_stream && strchr("RYIUDTM", m->type)) {
        m->xid = wire_u32(r);
    }
    switch (m->type) {
    case 'I':
    case 'U':
    case 'D':
        return decode_row(r, scratch, m);
    case 'B':
        m->lsn = wire_u64(r);
        m->time_us = (int64_t)wire_u64(r);
        m->xid = wire_u32(r);
        return !mode->in_stream;
    case 'C':
        decode_commit(r, m);
        return !mode->in_stream;
    case 'O':
        m->lsn = wire_u64(r);
        m->name = text_of(r);
        return true;
    case 'R':
        return decode_relation(r, m);
    case 'Y':
        return decode_type(r, m);
    case 'T':
        return decode_truncate(r, m);
    case 'M':
        return decode_message(r, m);
    case 'S':
        m->xid = wire_u32(r);
        m->flags = wire_u8(r);
        return !mode->in_stream;
    case 'E':
        return mode->in_stream;
    case 'c':
        m->xid = wire_u32(r);
        decode_commit(r, m);
        return !mode->in_stream;
    case 'A':
        m->xid = wire_u32(r);
        m->subxid = wire_u32(r);
        if (mode->abort_has_lsn) {
            m->lsn = wire_u64(r);
            m->time_us = (int64_t)wire_u64(r);
        }
        return !mode->in_stream;
    default:
        return false;
    }
}

hp_status pgoutput_decode(const void *data, size_t len, const struct pgoutput_mode *mode,
                          struct pgoutput_scratch *scratch, struct pgoutput_msg *out, struct hp_error *err)
{
    struct wire_read r = wire_read_of(data, len);
    struct pgoutput_msg m;
    memset(&m, 0, sizeof m);
    m.type = (char)wire_u8(&r);
    if (m.type == '\0' || !decode_body(&r, mode, scratch, &m) || r.failed || r.at != r.end) {
        return hp_fail(err, HP_ERROR_FATAL, "08P01",
                       "the server sent a pgoutput message of type 0x%02x and %zu bytes that does not follow the "
                       "protocol at byte %zu; check what stands between Homeport and the server",
                       (unsigned)(uint8_t)m.type, len, (size_t)(r.at - (const uint8_t *)data));
    }
    m.body_end = r.end;
    *out = m;
    return HP_OK;
}

void pgoutput_columns(const struct pgoutput_msg *msg, struct pgoutput_column *out)
{
    struct wire_read r = wire_read_of(msg->columns, (size_t)(msg->body_end - msg->columns));
    for (uint16_t i = 0; i < msg->n_columns; i++) {
        out[i].flags = wire_u8(&r);
        out[i].name = text_of(&r);
        out[i].type_oid = wire_u32(&r);
        out[i].typmod = (int32_t)wire_u32(&r);
    }
}

uint32_t pgoutput_truncated(const struct pgoutput_msg *msg, uint32_t i)
{
    struct wire_read r = wire_read_of(msg->oids + (size_t)i * 4, 4);
    return wire_u32(&r);
}

uint32_t pgoutput_peek_relation(const void *data, size_t len, const struct pgoutput_mode *mode)
{
    struct wire_read r = wire_read_of(data, len);
    char type = (char)wire_u8(&r);
    if (!type || !strchr("IUD", type)) {
        return 0;
    }
    if (mode->in_stream) {
        (void)wire_u32(&r);
    }
    return wire_u32(&r);
}
