/* services.h: the hp_host that an instance is given (api/plugin/homeport/host.h). */
#ifndef WORKER_SERVICES_H
#define WORKER_SERVICES_H

#include "worker_process.h"

/* who: the plugin's id or the transform's alias, shown in its log lines. builds: it may make records. Lives as long as
   the process; NULL: no memory. */
const struct hp_host *services_host(struct worker *w, const char *who, bool builds);

#endif
