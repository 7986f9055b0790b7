/* fs.h: small file helpers. All descriptors are O_CLOEXEC; folders are made 0700, files 0600. */
#ifndef BASE_FS_H
#define BASE_FS_H

#include "buf.h"

hp_status fs_mkdirs(const char *path, struct hp_error *err);
hp_status fs_read(const char *path, size_t max, struct buf *out, struct hp_error *err);
/* flock(LOCK_EX|LOCK_NB) on path, made if missing; *out_fd keeps it. An error says who holds it if known
   (the holder's pid is written into the file). */
hp_status fs_lock(const char *path, int *out_fd, struct hp_error *err);
/* A name as one path component: percent-encoded, and shortened with a hash if too long. */
void fs_component(const char *name, char out[256]);

#endif
