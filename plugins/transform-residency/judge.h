/*
 * judge.h: what goes on of each batch. A table's plan (plan.h) says what to do with a record of it; judge.c looks at
 * the images and does it.
 *
 *   before \ after    allowed                       denied
 *   allowed          goes on, redacted             goes on as a delete: an eviction
 *   denied           goes on as an insert          dropped
 */
#ifndef RESIDENCY_JUDGE_H
#define RESIDENCY_JUDGE_H

#include "plan.h"

struct residency {
    const struct hp_host *host;
    struct plan_maker maker;
    struct policy policy;
    char *destination;
    struct hmac key;
    struct plan **plans; /* of all schemas seen */
    uint32_t n_plans;
    struct slot {
        struct plan *plan;
        uint64_t batch; /* number of the batch in which it was looked up */
    } * slots;          /* by schema id, of the stream that the batch belongs to */
    uint32_t n_slots;
    uint64_t batch;
    struct plan *others; /* counts what belongs to no table */
};

/* hp_transform.apply. [task] */
hp_status judge_batch(void *self, const struct hp_batch *in, struct hp_builder *out, struct hp_error *err);
/* hp_transform_schemas.schema: what cannot be judged is refused before its first record. [task] */
hp_status judge_schema(void *self, const struct hp_schema *schema, struct hp_error *err);

#endif
