/*
 * value.h: one value. Sixteen bytes, frozen for ever.
 *
 * A cell holds small values itself and refers to larger ones by their distance from the
 * start of the record that holds it (so a record can be copied whole without touching its
 * cells). Always read through hp_cell_bytes() in util.h.
 */
#ifndef HOMEPORT_VALUE_H
#define HOMEPORT_VALUE_H

#include <stdint.h>

/* Cell types. HP_NONE: there is no value here; flags say why (UNCHANGED or ABSENT). */
#define HP_NONE    0u
#define HP_NULL    1u
#define HP_BOOLEAN 2u /* u.i64 is 0 or 1 */
#define HP_INT8    3u /* HP_INT*: u.i64, sign-extended */
#define HP_INT16   4u
#define HP_INT32   5u
#define HP_INT64   6u
#define HP_FLOAT32 7u /* both floats: u.f64 */
#define HP_FLOAT64 8u
#define HP_STRING  9u  /* len bytes of UTF-8, not NUL-terminated */
#define HP_BYTES   10u /* len bytes */
#define HP_ARRAY   11u /* len cells at u.off */
#define HP_MAP     12u /* len pairs of cells (key, value) at u.off */
#define HP_STRUCT  13u /* len cells at u.off, one per field of the schema */
#define HP_NATIVE                                                                                                      \
    14u /* len bytes in the form that the schema's `native` names (design D13); for                                    \
           "pg": exactly what the type's binary send function returned */
#define HP_TYPE_COUNT 15u

#define HP_CELL_INLINE 1u /* STRING, BYTES, NATIVE: len <= 8 and the bytes are in u.inl */
#define HP_CELL_UNCHANGED                                                                                              \
    2u /* with HP_NONE: the source did not send it because this change left it                                         \
          alone (PostgreSQL TOAST). The target keeps what it has */
#define HP_CELL_ABSENT                                                                                                 \
    4u /* with HP_NONE: the row has no such field, or policy removed it.                                               \
          The target's column is not mentioned in the write */
#define HP_CELL_TEXT                                                                                                   \
    8u                    /* with HP_NATIVE: the bytes are the type's text form (the type has no                       \
                             binary send function, or the server sent text) */
#define HP_CELL_FLAGS 15u /* all known flags */

struct hp_cell {
    uint8_t type;
    uint8_t flags;
    uint16_t reserved; /* 0 */
    uint32_t len;
    union {
        int64_t i64;
        double f64;
        uint64_t off; /* from the start of the record */
        uint8_t inl[8];
    } u;
};

#endif
