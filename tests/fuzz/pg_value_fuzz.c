/*
 * pg_value_fuzz.c: any bytes as a value of any type, in either form. Input: OID (two bytes; below 16 a type of an
 * extension), typmod (two bytes), one byte of flags (1: text form), the value. What is taken for a value must come out
 * as JSON.
 */
#include "pg_form.h"
#include "wire.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[16] = {"citext",  "hstore",  "ltree",     "isbn",     "geometry", "public.geography",
                                          "vector",  "halfvec", "sparsevec", "citext[]", "hstore[]", "unknown",
                                          "ltree[]", "a.b.c",   "\"x\"[]",   "mood"};
    struct wire w = wire_of(data, size);
    uint16_t oid = wire_u16(&w), typmod = wire_u16(&w);
    uint8_t flags = wire_u8(&w);
    struct hp_column column = {
        .size = sizeof column, .type = HP_NATIVE, .native_typmod = (int16_t)typmod, .native_kind = 'b'};
    struct pg_form form;
    struct buf out;
    if (w.bad) {
        return 0;
    }
    column.native_oid = oid < 16 ? 90000u : oid;
    column.native_name = hp_bytes_of(oid < 16 ? names[oid] : "x");
    column.extra = hp_bytes_of(oid == 15 ? "sad\nhappy" : "");
    pg_form_of(&column, &form);
    if (form.kind == PG_NOT_SHOWN) {
        return 0;
    }
    buf_init(&out, 4u << 20);
    if ((flags & 1 ? pg_form_text_json : pg_form_json)(&form, w.p, w.left, &out)) {
        json_t *json = json_loadb((const char *)out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (!json) {
            abort();
        }
        json_decref(json);
    }
    buf_reset(&out);
    pg_form_schema(&form, &column.native_name, &out);
    buf_finish(&out);
    return 0;
}
