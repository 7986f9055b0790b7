/* source_offsets.h: PATCH and DELETE /connectors/C/offsets of a stopped source (REST-24, REST-25). [task] */
#ifndef WORKER_SOURCE_OFFSETS_H
#define WORKER_SOURCE_OFFSETS_H

#include "worker_process.h"

hp_status source_offsets_alter(struct worker *w, struct hp_error *err);
hp_status source_offsets_reset(struct worker *w, struct hp_error *err);

#endif
