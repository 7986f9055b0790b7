/* source_task.h: a source connector's work, from its first start until it is told to stop. [task] */
#ifndef WORKER_SOURCE_TASK_H
#define WORKER_SOURCE_TASK_H

#include "worker_process.h"

void source_task_run(struct worker *w);

#endif
