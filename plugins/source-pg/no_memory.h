/* no_memory.h: the error of an allocation that failed: it may pass. Pure. */
#ifndef SOURCE_PG_NO_MEMORY_H
#define SOURCE_PG_NO_MEMORY_H

#include <homeport/homeport.h>

static inline hp_status no_memory(struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
}

#endif
