/*
 * trust.h: may this file be loaded (SEC-07, F42)? Opens without following links, asks the open descriptor, and keeps
 * it: what was checked is what is loaded.
 */
#ifndef PLUGIN_TRUST_H
#define PLUGIN_TRUST_H

#include "elf_note.h"

#define PLUGIN_FILE_MAX (1ull << 30)

/* Folder and all above it: nobody but root, us and those who could have replaced our own program may change them. */
hp_status trust_folder(const char *path, int *out_fd, struct hp_error *err);
/* A regular file in that folder, with its note. *out_fd is close-on-exec. */
hp_status trust_file(int folder, const char *name, struct plugin_note *out_note, uint64_t *out_identity, int *out_fd,
                     struct hp_error *err);
/* Both, for a path. */
hp_status trust_path(const char *path, struct plugin_note *out_note, uint64_t *out_identity, int *out_fd,
                     struct hp_error *err);
/* A copy in memory of such a file, with its note judged again: what is written over the file from now on does not reach
   it. Where there is no memory file to be had, *out_fd is `fd` itself. */
hp_status trust_copy(int fd, uint64_t identity, struct plugin_note *out_note, int *out_fd, struct hp_error *err);

#endif
