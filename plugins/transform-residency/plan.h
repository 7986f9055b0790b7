/* plan.h: what the policy means for one schema: made when it first arrives, and good for every equal one. [task] */
#ifndef RESIDENCY_PLAN_H
#define RESIDENCY_PLAN_H

#include "known.h"
#include "match.h"
#include "redact.h"

/* What can become of a record; counted per table. */
enum outcome { PLAN_PASSED, PLAN_REDACTED, PLAN_INSERTED, PLAN_EVICTED, PLAN_DROPPED, PLAN_OUTCOMES };

struct plan {
    struct hp_schema *in; /* a copy of the schema it was made for; NULL: none */
    uint8_t denied;       /* no record of the table may pass */
    uint8_t rewrite;      /* columns are dropped, masked or hashed */
    uint8_t judged_is_key;
    uint8_t has_rows;
    uint32_t judged; /* has_rows: the column that rows are judged by */
    struct match match;
    uint32_t n; /* columns that go on */
    struct redact *columns;
    struct hp_column *kept;        /* the same columns, as the schema of what goes on has them */
    uint32_t schema;               /* its id in this batch's stream: see plan_bind() */
    int64_t counts[PLAN_OUTCOMES]; /* since they were last added to the metrics */
    struct hp_metric *metrics[PLAN_OUTCOMES];
};

struct plan_maker {
    const struct hp_host *host;
    const struct hp_host_records *records;
    const struct hp_host_metrics *metrics; /* may be NULL */
    const struct policy *policy;
    const char *destination;
};

/* CONFIG errors name the table: a rule that its types or its replica identity cannot carry out. */
hp_status plan_make(const struct plan_maker *maker, const struct hp_schema *schema, struct plan **out,
                    struct hp_error *err);
void plan_destroy(struct plan *plan);
/* Looks up the ids of the stream that a batch belongs to; schema is that batch's, equal to plan->in. */
hp_status plan_bind(const struct plan_maker *maker, struct plan *plan, const struct hp_schema *schema,
                    struct hp_error *err);
/* A plan for what has no table: messages, plain records. */
struct plan *plan_make_denied(const struct plan_maker *maker, struct hp_bytes schema, struct hp_bytes table);
void plan_publish(struct plan *plan, const struct hp_host_metrics *metrics); /* counts into metrics */

#endif
