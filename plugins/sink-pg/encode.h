/* encode.h: rows of a step as parameters of a statement, or as COPY data. Pure but for memory. [task] */
#ifndef SINK_PG_ENCODE_H
#define SINK_PG_ENCODE_H

#include "plan.h"

/* Reused from step to step; nothing is allocated per row once it has grown. */
struct encoder {
    struct bytes rows;    /* arrays, or COPY data */
    struct bytes scratch; /* values that had to be changed */
    const char **values;
    int *lengths;
    size_t *offsets;
    uint32_t cap;            /* of the three */
    const struct entry *bad; /* which entry could not be encoded */
    const struct shape_col *bad_col;
};

void encoder_finish(struct encoder *e);
void encoder_trim(struct encoder *e); /* after a batch: give back what a huge one needed */

/* All return false without memory, or with e->bad set. */
/* n entries as one array per parameter of the step's set: e->values, e->lengths. */
bool encode_arrays(struct encoder *e, const struct plan *p, const struct typemap *types, const struct step *s,
                   uint32_t from, uint32_t n);
/* One entry, one value per parameter; values point into the batch where they can. */
bool encode_row(struct encoder *e, const struct plan *p, const struct typemap *types, const struct step *s,
                uint32_t index);
/* Append one COPY tuple to e->rows. */
bool encode_tuple(struct encoder *e, const struct plan *p, const struct typemap *types, const struct step *s,
                  uint32_t index);

#define COPY_HEADER_LEN 19
extern const uint8_t copy_header[COPY_HEADER_LEN];

#endif
