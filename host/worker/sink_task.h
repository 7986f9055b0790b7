/* sink_task.h: a sink connector's work, from its first start until it is told to stop. [task] */
#ifndef WORKER_SINK_TASK_H
#define WORKER_SINK_TASK_H

#include "sink_stream.h"

void sink_task_run(struct worker *w);

#endif
