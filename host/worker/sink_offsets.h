/* sink_offsets.h: PATCH and DELETE /connectors/C/offsets of a stopped sink (REST-24, REST-25, M1). [task] */
#ifndef WORKER_SINK_OFFSETS_H
#define WORKER_SINK_OFFSETS_H

#include "worker_process.h"

hp_status sink_offsets_alter(struct worker *w, struct hp_error *err);
hp_status sink_offsets_reset(struct worker *w, struct hp_error *err);

#endif
