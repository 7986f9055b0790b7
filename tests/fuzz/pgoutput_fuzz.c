/* pgoutput_fuzz.c: the pgoutput decoder, the reader of positions and the list matcher against any bytes. The first byte
   picks which, and the decoder's mode. */
#include "filters.h"
#include "pgoutput.h"
#include "position.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pgoutput_scratch scratch;
static volatile uint64_t sink; /* what was read is used */

static void use_tuple(const struct pgoutput_tuple *t)
{
    for (uint16_t i = 0; t->kind && i < t->n; i++) {
        for (uint32_t k = 0; k < t->values[i].len; k++) {
            sink += t->values[i].data[k];
        }
    }
}

static void use_message(const struct pgoutput_msg *m)
{
    use_tuple(&m->before);
    use_tuple(&m->after);
    for (uint32_t i = 0; i < m->n_oids; i++) {
        sink += pgoutput_truncated(m, i);
    }
    for (uint64_t i = 0; i < m->content.len; i++) {
        sink += ((const uint8_t *)m->content.data)[i];
    }
    if (m->type == 'R') {
        struct pgoutput_column *columns = calloc((size_t)m->n_columns + 1, sizeof *columns);
        pgoutput_columns(m, columns);
        for (uint16_t i = 0; i < m->n_columns; i++) {
            sink += strlen(columns[i].name.data) + columns[i].type_oid;
        }
        free(columns);
    }
    sink += m->name.data ? strlen(m->name.data) : 0;
}

static void decode(uint8_t how, const uint8_t *data, size_t size)
{
    struct pgoutput_mode mode = {.in_stream = how & 1, .abort_has_lsn = how & 2};
    struct hp_error err = {.size = sizeof err};
    struct pgoutput_msg m;
    sink += pgoutput_peek_relation(data, size, &mode);
    if (pgoutput_decode(data, size, &mode, &scratch, &m, &err) == HP_OK) {
        use_message(&m);
    }
}

/* What was understood is written and understood again, the same. */
static void position(const uint8_t *data, size_t size)
{
    struct hp_error err = {.size = sizeof err};
    struct hp_bytes json = {data, size};
    struct position p, q;
    struct text t = {0};
    if (position_parse(json, &p, &err) != HP_OK) {
        return;
    }
    if (p.known && p.identified && !strpbrk(p.slot, "\"\\") && position_format(&p, &t, &err) == HP_OK) {
        json.data = t.data;
        json.len = t.len;
        if (p.lsn && (position_parse(json, &q, &err) != HP_OK || q.lsn != p.lsn ||
                      position_snapshot_lsn(&q) != position_snapshot_lsn(&p))) {
            abort();
        }
        if (p.lsn) {
            position_finish(&q);
        }
    }
    text_finish(&t);
    position_finish(&p);
}

static void list(const uint8_t *data, size_t size)
{
    struct hp_error err = {.size = sizeof err};
    struct filter *f = NULL;
    char *text = malloc(size + 1);
    bool hit = false;
    memcpy(text, data, size);
    text[size] = '\0';
    if (size < 300 && filter_create("k", text, &f, &err) == HP_OK && f) {
        (void)filter_match(f, "public.orders", 13, &hit, &err);
        sink += hit;
        filter_destroy(f);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    switch (data[0] >> 2 & 3) {
    case 1:
        position(data + 1, size - 1);
        break;
    case 2:
        list(data + 1, size - 1);
        break;
    default:
        decode(data[0], data + 1, size - 1);
    }
    return 0;
}
