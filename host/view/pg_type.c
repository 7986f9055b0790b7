/* pg_type.c: which form each PostgreSQL type takes: a row per built-in type, and names for those of extensions. See
   pg_form.h. */
#include "pg_form.h"

#define VARBIT_UNLIMITED INT32_MAX

/* Types by OID, ascending (pg_type.dat). An array's OID finds the row of its element; 0: arrays are not shown. */
static const struct type_row {
    uint32_t oid, array_oid;
    uint8_t kind, bound;
} types[] = {
    {16, 1000, PG_BOOL, 0},
    {17, 1001, PG_BYTES, 0},
    {18, 1002, PG_CHAR, 0},
    {19, 0, PG_STRING, 0}, /* name */
    {20, 1016, PG_INT64, 0},
    {21, 1005, PG_INT16, 0},
    {23, 1007, PG_INT32, 0},
    {25, 1009, PG_STRING, 0}, /* text */
    {26, 1028, PG_OID, 0},
    {114, 199, PG_JSON, 0},
    {142, 0, PG_XML, 0},
    {600, 0, PG_POINT, 0},
    {601, 1018, PG_LSEG, 0},
    {602, 1019, PG_PATH, 0},
    {603, 1020, PG_BOX, 0},
    {604, 1027, PG_POLYGON, 0},
    {628, 629, PG_LINE, 0},
    {650, 651, PG_CIDR, 0},
    {700, 1021, PG_FLOAT32, 0},
    {701, 1022, PG_FLOAT64, 0},
    {718, 719, PG_CIRCLE, 0},
    {774, 775, PG_MACADDR, 0},
    {790, 0, PG_MONEY, 0},
    {829, 1040, PG_MACADDR, 0},
    {869, 1041, PG_INET, 0},
    {1042, 1014, PG_STRING, 0}, /* char(n) */
    {1043, 1015, PG_STRING, 0}, /* varchar */
    {1082, 1182, PG_DATE, 0},
    {1083, 1183, PG_TIME_MICROS, 0},
    {1114, 1115, PG_TIMESTAMP_MICROS, 0},
    {1184, 1185, PG_TIMESTAMPTZ, 0},
    {1186, 0, PG_INTERVAL, 0},
    {1266, 1270, PG_TIMETZ, 0},
    {1560, 0, PG_BITS, 0},
    {1562, 0, PG_BITS, 0}, /* varbit */
    {1700, 1231, PG_VARIABLE, 0},
    {2950, 2951, PG_UUID, 0},
    {3614, 3643, PG_TSVECTOR, 0},
    {3802, 3807, PG_JSONB, 0},
    {3904, 3905, PG_RANGE, PG_INT32},
    {3906, 3907, PG_RANGE, PG_VARIABLE},
    {3908, 3909, PG_RANGE, PG_TIMESTAMP_MICROS},
    {3910, 3911, PG_RANGE, PG_TIMESTAMPTZ},
    {3912, 3913, PG_RANGE, PG_DATE},
    {3926, 3927, PG_RANGE, PG_INT64},
};

/* Types of extensions have no fixed OID: their names, without the schema. */
static const struct name_row {
    const char *name;
    uint8_t kind;
} names[] = {
    {"citext", PG_STRING}, {"hstore", PG_HSTORE},     {"ltree", PG_LTREE},
    {"isbn", PG_STRING},   {"geometry", PG_GEOMETRY}, {"geography", PG_GEOGRAPHY},
    {"vector", PG_VECTOR}, {"halfvec", PG_HALFVEC},   {"sparsevec", PG_SPARSEVEC},
};

static const struct type_row *find_type(uint32_t oid, bool *array)
{
    for (size_t i = 0; oid && i < sizeof types / sizeof types[0]; i++) {
        if (types[i].oid == oid || types[i].array_oid == oid) {
            *array = types[i].oid != oid;
            return &types[i];
        }
    }
    return NULL;
}

/* The last part of a qualified name, quotes off; "[]" told apart. */
static uint8_t find_name(struct hp_bytes name, bool *array)
{
    const char *p = name.data, *dot;
    size_t len = (size_t)name.len;
    *array = len > 2 && memcmp(p + len - 2, "[]", 2) == 0;
    len -= *array ? 2 : 0;
    if (len && (dot = memrchr(p, '.', len))) {
        len -= (size_t)(dot + 1 - p);
        p = dot + 1;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i].name) == len && memcmp(names[i].name, p, len) == 0) {
            return names[i].kind;
        }
    }
    return PG_NOT_SHOWN;
}

/* What a type modifier adds to the form: precision and scale, digits of a second, number of bits. */
static void apply_typmod(struct pg_form *f, int32_t typmod, bool varbit)
{
    switch (f->kind) {
    case PG_VARIABLE:
        if (typmod >= 4) {
            f->kind = PG_DECIMAL;
            f->length = (typmod - 4) >> 16 & 0xffff;
            f->scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
        }
        break;
    case PG_TIME_MICROS:
        f->kind = typmod >= 0 && typmod <= 3 ? PG_TIME_MILLIS : PG_TIME_MICROS;
        break;
    case PG_TIMESTAMP_MICROS:
        f->kind = typmod >= 0 && typmod <= 3 ? PG_TIMESTAMP_MILLIS : PG_TIMESTAMP_MICROS;
        break;
    case PG_TIMESTAMPTZ:
        f->scale = typmod < 0 || typmod > 6 ? 6 : typmod;
        break;
    case PG_BITS:
        f->length = typmod > 0 ? typmod : varbit ? VARBIT_UNLIMITED : 1;
        f->kind = f->length == 1 ? PG_BIT : PG_BITS;
        break;
    default:
        break;
    }
}

void pg_form_of(const struct hp_column *column, struct pg_form *out)
{
    bool array = false, domain = column->native_kind == 'd';
    const struct type_row *row = find_type(domain ? column->native_base : column->native_oid, &array);
    *out = (struct pg_form){.optional = (column->flags & HP_COLUMN_OPTIONAL) != 0};
    if (row) {
        out->kind = row->kind;
        out->bound = row->bound;
        out->oid = row->oid;
        apply_typmod(out, column->native_typmod, row->oid == 1562);
    } else if (column->extra.len) {
        out->kind = PG_ENUM;
        out->labels = column->extra;
        array = column->native_kind == 'A';
    } else if (!domain) {
        out->kind = find_name(column->native_name, &array);
    }
    out->array = array;
}
