/*
 * elf_note.h: what a shared object says about itself, read from its bytes without loading it (A6). Pure: the bytes
 * come through a callback, so that a file that shrinks meanwhile is a failed read and no SIGBUS. Hostile input.
 */
#ifndef PLUGIN_ELF_NOTE_H
#define PLUGIN_ELF_NOTE_H

#include <homeport/homeport.h>

#include <stdbool.h>
#include <stddef.h>

struct plugin_note {
    char id[96];
    char kind[16]; /* "source", "sink" or "transformation" */
    char aliases[1024];
    char version[64];
};

struct elf_bytes {
    /* Copy len bytes from `at`; false if they are not there. */
    bool (*read)(void *ctx, uint64_t at, void *to, size_t len);
    void *ctx;
    uint64_t size;
};

/* Checks that the file is a shared object for this machine that is whole, has one note of ours, no text relocations,
   no executable stack or writable code, and no relative library path (SEC-09). The error is the reason, without the
   file's name. */
hp_status elf_note_read(const struct elf_bytes *file, struct plugin_note *out, struct hp_error *err);

/* The kind as the ABI's number, 0 if it is none. */
uint32_t plugin_note_kind(const struct plugin_note *note);

#endif
