/* link_wait.h: what the files of the link share among themselves. */
#ifndef SINK_PG_LINK_WAIT_H
#define SINK_PG_LINK_WAIT_H

#include "link.h"

/* Wait for the socket. HP_IDLE: the time is over. Interrupted: RETRY, and the link is broken. */
hp_status link_wait(struct link *l, short events, int timeout_ms, const char *for_what, struct hp_error *err);
/* Send everything and wait until a result can be taken without blocking. */
hp_status link_read(struct link *l, struct hp_error *err);
hp_status link_lost(struct link *l, struct hp_error *err);

#endif
