/*
 * transform.h: the interface of a transform, "homeport.transform/1".
 *
 * apply() sees a batch and writes what shall go on into `out`, in the same order; whole records
 * that stay as they are can be copied with hp_builder_copy(). BEGIN records should be copied
 * too. Returning HP_IDLE means: nothing changes, use the batch as it is (and `out` is ignored).
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

#endif
