/*
 * match.h: a condition on one column, compared without a call to the database: the policy's values are brought into the
 * column's own form once, and compared byte by byte. Pure.
 */
#ifndef RESIDENCY_MATCH_H
#define RESIDENCY_MATCH_H

#include <homeport/homeport.h>

#include <jansson.h>

struct match_value {
    uint8_t *bytes;
    size_t len;
};

struct match {
    struct match_value *binary; /* binary send form, for HP_NATIVE; the bytes of a string for HP_STRING */
    struct match_value *text;   /* text form, for HP_CELL_TEXT */
    size_t n;
    int blank_padded; /* char(n): blanks at the end do not count */
};

enum verdict { MATCH_DENIED, MATCH_ALLOWED, MATCH_UNKNOWN /* the record does not say */ };

/* values: array of texts, integers and booleans. CONFIG if the column's type cannot be judged, or a value is none of
 * it. */
hp_status match_compile(const struct hp_column *column, const json_t *values, struct match *out, struct hp_error *err);
void match_finish(struct match *m);
/* NULL values are denied. */
enum verdict match_cell(const struct match *m, const struct hp_record *rec, const struct hp_cell *cell);

#endif
