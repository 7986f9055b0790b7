/* redact.h: what becomes of one value: passed on, masked or hashed. Decided per column once, done per cell. */
#ifndef RESIDENCY_REDACT_H
#define RESIDENCY_REDACT_H

#include "policy.h"
#include "sha256.h"

enum redact_form { REDACT_HEX, REDACT_UUID, REDACT_INT8, REDACT_BYTES };

struct redact {
    uint32_t from;  /* the column's place in the incoming row */
    uint8_t action; /* POLICY_ALLOW, MASK or HASH */
    uint8_t form;   /* HASH: enum redact_form */
    uint8_t type;   /* HP_* of what a mask or hash is written as */
    uint8_t null;   /* MASK: by NULL */
    uint32_t len;   /* of the mask or the hash */
    uint8_t mask[16];
};

/* CONFIG if the column's type cannot be masked or hashed. */
hp_status redact_prepare(const struct hp_column *column, enum policy_action action, struct redact *out,
                         struct hp_error *err);
/* Writes the cell as cell i of a row under construction. What is not there stays so. */
void redact_cell(const struct redact *r, const struct hmac *key, const struct hp_record *rec,
                 const struct hp_cell *cell, struct hp_builder *out, uint32_t row, uint32_t i);

#endif
