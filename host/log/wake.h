/* wake.h: a small file that holds one word which moves whenever there is something new, mapped by everyone who waits
   for that (design D20). Within host/log. */
#ifndef LOG_WAKE_H
#define LOG_WAKE_H

#include <homeport/homeport.h>

#include <stdbool.h>

/* Maps dir/name, read-only unless `writable`, which also makes the file if it is not there. */
hp_status wake_open(const char *dir, const char *name, bool writable, uint32_t **out, struct hp_error *err);
void wake_close(uint32_t *word); /* may be NULL */

#endif
