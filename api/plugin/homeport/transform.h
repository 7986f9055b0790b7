/*
 * transform.h: the interface of a transform, "homeport.transform/1".
 *
 * apply() sees a batch and writes what shall go on into `out`, in the same order; whole records
 * that stay as they are can be copied with hp_builder_copy(). BEGIN records must be copied too:
 * what follows belongs to their transaction. hp_iter_next() passes over them, hp_batch_next()
 * does not. Topics and schemas of new records come from hp_host_records; those of the batch may
 * be used again, by their ids. Returning HP_IDLE means: nothing changes, use the batch as it is (and `out` is ignored).
 * A record left out counts as handled (rule E4).
 */
#ifndef HOMEPORT_TRANSFORM_H
#define HOMEPORT_TRANSFORM_H

#include "host.h"

#define HP_TRANSFORM "homeport.transform/1"

struct hp_transform {
    /* [task] */
    hp_status (*start)(void *self, struct hp_error *err);
    /* [task] HP_OK: out holds the result. HP_IDLE: untouched. */
    hp_status (*apply)(void *self, const struct hp_batch *in, struct hp_builder *out, struct hp_error *err);
    /* [task & started] */
    void (*stop)(void *self);
};

/*
 * "homeport.transform-schemas/1", optional: a schema whose records may come, as the source makes it, told before the
 * first of them if the source knows it. Not every schema is told: a table may be made later, and in front of a sink
 * none is. HP_ERROR: records of it cannot be treated; the task fails to start with that error. [task & started]
 */
#define HP_TRANSFORM_SCHEMAS "homeport.transform-schemas/1"
struct hp_transform_schemas {
    hp_status (*schema)(void *self, const struct hp_schema *schema, struct hp_error *err);
};

#endif
