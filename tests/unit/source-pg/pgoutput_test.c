/* Every message of pgoutput, well-formed and not; facts: cdc-facts 2.1. */
#include "pgoutput.h"

#include <criterion/criterion.h>

static struct pgoutput_scratch scratch;

struct message {
    uint8_t data[512];
    size_t len;
};

static void u8(struct message *m, unsigned v)
{
    m->data[m->len++] = (uint8_t)v;
}

static void be(struct message *m, uint64_t v, int bytes)
{
    while (bytes--) {
        u8(m, (unsigned)(v >> (8 * bytes)) & 255);
    }
}

static void text(struct message *m, const char *s)
{
    memcpy(m->data + m->len, s, strlen(s) + 1);
    m->len += strlen(s) + 1;
}

static void value(struct message *m, char kind, const char *bytes)
{
    u8(m, (unsigned char)kind);
    if (kind == 't' || kind == 'b') {
        be(m, strlen(bytes), 4);
        memcpy(m->data + m->len, bytes, strlen(bytes));
        m->len += strlen(bytes);
    }
}

static const struct pgoutput_mode plain = {false, false}, streamed = {true, false}, parallel = {false, true};

static hp_status decode(const struct message *m, const struct pgoutput_mode *mode, struct pgoutput_msg *out)
{
    struct hp_error err = {.size = sizeof err};
    /* an exact copy: AddressSanitizer then sees every byte read too many */
    uint8_t *copy = malloc(m->len ? m->len : 1);
    hp_status st;
    memcpy(copy, m->data, m->len);
    st = pgoutput_decode(copy, m->len, mode, &scratch, out, &err);
    if (st == HP_OK) {
        st = pgoutput_decode(m->data, m->len, mode, &scratch, out, &err); /* pointers into what stays */
    } else {
        cr_assert(err.klass == HP_ERROR_FATAL);
    }
    free(copy);
    return st;
}

/* It decodes whole, and no shorter or longer piece of it does. */
static void only_whole(const struct message *m, const struct pgoutput_mode *mode, struct pgoutput_msg *out)
{
    struct message piece = *m;
    struct pgoutput_msg ignored;
    for (piece.len = 0; piece.len < m->len; piece.len++) {
        cr_assert(decode(&piece, mode, &ignored) == HP_ERROR, "%zu of %zu bytes were taken", piece.len, m->len);
    }
    piece.len = m->len + 1;
    piece.data[m->len] = 0;
    cr_assert(decode(&piece, mode, &ignored) == HP_ERROR, "a byte too many was taken");
    cr_assert(decode(m, mode, out) == HP_OK);
}

Test(pgoutput, begin)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'B');
    be(&m, 0x16B374D848, 8);
    be(&m, 1000000, 8);
    be(&m, 777, 4);
    only_whole(&m, &plain, &out);
    cr_assert(out.type == 'B' && out.lsn == 0x16B374D848 && out.time_us == 1000000 && out.xid == 777);
    cr_assert(decode(&m, &streamed, &out) == HP_ERROR, "no B inside of a stream");
}

Test(pgoutput, commit)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'C');
    u8(&m, 0);
    be(&m, 10, 8);
    be(&m, 20, 8);
    be(&m, UINT64_MAX, 8);
    only_whole(&m, &plain, &out);
    cr_assert(out.lsn == 10 && out.end_lsn == 20 && out.time_us == -1);
}

Test(pgoutput, origin)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'O');
    be(&m, 99, 8);
    text(&m, "homeport_eu");
    only_whole(&m, &plain, &out);
    cr_assert(out.lsn == 99 && out.name.len == 11);
    cr_assert(strcmp(out.name.data, "homeport_eu") == 0);
}

static void relation(struct message *m)
{
    be(m, 16385, 4);
    text(m, "public");
    text(m, "t");
    u8(m, 'd');
    be(m, 2, 2);
    u8(m, 1);
    text(m, "id");
    be(m, 23, 4);
    be(m, UINT32_MAX, 4);
    u8(m, 0);
    text(m, "name");
    be(m, 1043, 4);
    be(m, 24, 4);
}

Test(pgoutput, relation)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    struct pgoutput_column columns[2];
    u8(&m, 'R');
    relation(&m);
    only_whole(&m, &plain, &out);
    cr_assert(out.oid == 16385 && out.identity == 'd' && out.n_columns == 2);
    pgoutput_columns(&out, columns);
    cr_assert(columns[0].flags == PGOUTPUT_RELATION_KEY && columns[0].type_oid == 23 && columns[0].typmod == -1);
    cr_assert(columns[1].flags == 0 && columns[1].name.len == 4 && columns[1].typmod == 24);
}

Test(pgoutput, relation_in_stream)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'R');
    be(&m, 555, 4);
    relation(&m);
    only_whole(&m, &streamed, &out);
    cr_assert(out.xid == 555 && out.oid == 16385);
}

Test(pgoutput, relation_with_unknown_identity)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'R');
    be(&m, 1, 4);
    text(&m, "s");
    text(&m, "t");
    u8(&m, 'x');
    be(&m, 0, 2);
    cr_assert(decode(&m, &plain, &out) == HP_ERROR);
}

Test(pgoutput, type)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'Y');
    be(&m, 20000, 4);
    text(&m, "");
    text(&m, "numeric");
    only_whole(&m, &plain, &out);
    cr_assert(out.oid == 20000 && out.namespace_.len == 0 && out.name.len == 7);
}

Test(pgoutput, insert)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'I');
    be(&m, 16385, 4);
    u8(&m, 'N');
    be(&m, 4, 2);
    value(&m, 'b', "abcd");
    value(&m, 'n', "");
    value(&m, 't', "");
    value(&m, 'u', "");
    only_whole(&m, &plain, &out);
    cr_assert(out.before.kind == 0 && out.after.kind == 'N' && out.after.n == 4);
    cr_assert(out.after.values[0].kind == 'b' && out.after.values[0].len == 4);
    cr_assert(memcmp(out.after.values[0].data, "abcd", 4) == 0);
    cr_assert(out.after.values[1].kind == 'n' && out.after.values[2].kind == 't' && out.after.values[2].len == 0);
    cr_assert(out.after.values[3].kind == 'u');
}

Test(pgoutput, insert_knows_no_old_row)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'I');
    be(&m, 16385, 4);
    u8(&m, 'K');
    be(&m, 0, 2);
    cr_assert(decode(&m, &plain, &out) == HP_ERROR);
}

Test(pgoutput, update_with_old_row)
{
    static const char kinds[] = {'K', 'O'};
    for (size_t i = 0; i < 2; i++) {
        struct message m = {.len = 0};
        struct pgoutput_msg out;
        u8(&m, 'U');
        be(&m, 77, 4); /* subtransaction */
        be(&m, 16385, 4);
        u8(&m, (unsigned char)kinds[i]);
        be(&m, 1, 2);
        value(&m, 'b', "old");
        u8(&m, 'N');
        be(&m, 1, 2);
        value(&m, 'b', "new!");
        only_whole(&m, &streamed, &out);
        cr_assert(out.xid == 77 && out.before.kind == kinds[i] && out.before.values[0].len == 3 &&
                  out.after.values[0].len == 4);
    }
}

Test(pgoutput, update_without_old_row)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'U');
    be(&m, 16385, 4);
    u8(&m, 'N');
    be(&m, 0, 2);
    only_whole(&m, &plain, &out);
    cr_assert(out.before.kind == 0 && out.after.kind == 'N' && out.after.n == 0);
}

Test(pgoutput, delete)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'D');
    be(&m, 16385, 4);
    u8(&m, 'K');
    be(&m, 1, 2);
    value(&m, 't', "7");
    only_whole(&m, &plain, &out);
    cr_assert(out.before.kind == 'K' && out.after.kind == 0);
    m.data[5] = 'N';
    cr_assert(decode(&m, &plain, &out) == HP_ERROR, "a delete has no new row");
}

Test(pgoutput, truncate)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'T');
    be(&m, 2, 4);
    u8(&m, PGOUTPUT_TRUNCATE_CASCADE | PGOUTPUT_TRUNCATE_RESTART);
    be(&m, 16385, 4);
    be(&m, 16390, 4);
    only_whole(&m, &plain, &out);
    cr_assert(out.n_oids == 2 && out.flags == 3 && pgoutput_truncated(&out, 0) == 16385 &&
              pgoutput_truncated(&out, 1) == 16390);
}

Test(pgoutput, truncate_that_lies_about_its_length)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'T');
    be(&m, UINT32_MAX, 4);
    u8(&m, 0);
    be(&m, 16385, 4);
    cr_assert(decode(&m, &plain, &out) == HP_ERROR);
}

Test(pgoutput, message)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'M');
    u8(&m, PGOUTPUT_MESSAGE_TRANSACTIONAL);
    be(&m, 1234, 8);
    text(&m, "prefix");
    be(&m, 3, 4);
    u8(&m, 'a');
    u8(&m, 0);
    u8(&m, 'b');
    only_whole(&m, &plain, &out);
    cr_assert(out.flags == 1 && out.lsn == 1234 && out.name.len == 6 && out.content.len == 3);
}

Test(pgoutput, stream_start_and_stop)
{
    struct message start = {.len = 0}, stop = {.len = 0};
    struct pgoutput_msg out;
    u8(&start, 'S');
    be(&start, 800, 4);
    u8(&start, 1);
    only_whole(&start, &plain, &out);
    cr_assert(out.xid == 800 && out.flags == 1);
    cr_assert(decode(&start, &streamed, &out) == HP_ERROR, "streams do not nest");
    u8(&stop, 'E');
    only_whole(&stop, &streamed, &out);
    cr_assert(decode(&stop, &plain, &out) == HP_ERROR, "a stop needs a start");
}

Test(pgoutput, stream_commit)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'c');
    be(&m, 800, 4);
    u8(&m, 0);
    be(&m, 10, 8);
    be(&m, 20, 8);
    be(&m, 5, 8);
    only_whole(&m, &plain, &out);
    cr_assert(out.xid == 800 && out.lsn == 10 && out.end_lsn == 20 && out.time_us == 5);
}

Test(pgoutput, stream_abort_by_version)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'A');
    be(&m, 800, 4);
    be(&m, 801, 4);
    only_whole(&m, &plain, &out);
    cr_assert(out.xid == 800 && out.subxid == 801);
    cr_assert(decode(&m, &parallel, &out) == HP_ERROR, "version 4 has the abort's LSN too");
    be(&m, 10, 8);
    be(&m, 5, 8);
    only_whole(&m, &parallel, &out);
    cr_assert(out.subxid == 801 && out.lsn == 10 && out.time_us == 5);
}

Test(pgoutput, too_many_columns)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'I');
    be(&m, 16385, 4);
    u8(&m, 'N');
    be(&m, PGOUTPUT_MAX_COLUMNS + 1, 2);
    cr_assert(decode(&m, &plain, &out) == HP_ERROR);
}

Test(pgoutput, value_longer_than_the_message)
{
    struct message m = {.len = 0};
    struct pgoutput_msg out;
    u8(&m, 'I');
    be(&m, 16385, 4);
    u8(&m, 'N');
    be(&m, 1, 2);
    u8(&m, 'b');
    be(&m, UINT32_MAX, 4);
    cr_assert(decode(&m, &plain, &out) == HP_ERROR);
}

Test(pgoutput, unknown_messages)
{
    for (int type = 0; type < 256; type++) {
        struct message m = {.len = 0};
        struct pgoutput_msg out;
        u8(&m, (unsigned)type);
        be(&m, 0, 1);
        cr_assert(decode(&m, &plain, &out) == HP_ERROR);
    }
}

Test(pgoutput, peek)
{
    struct message m = {.len = 0};
    u8(&m, 'I');
    be(&m, 16385, 4);
    cr_assert(pgoutput_peek_relation(m.data, m.len, &plain) == 16385);
    be(&m, 42, 4);
    cr_assert(pgoutput_peek_relation(m.data, m.len, &streamed) == 42);
    m.data[0] = 'M';
    cr_assert(pgoutput_peek_relation(m.data, m.len, &plain) == 0);
}
