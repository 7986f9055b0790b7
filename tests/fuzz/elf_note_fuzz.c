/* elf_note_fuzz.c: any bytes as a plugin file: a note or a reason, and no read outside of what is there. */
#include "elf_note.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

static bool read_input(void *ctx, uint64_t at, void *to, size_t len)
{
    const struct input *in = ctx;
    if (at > in->size || len > in->size - at) {
        abort(); /* the parser must know better */
    }
    memcpy(to, in->data + at, len);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct elf_bytes file = {read_input, &in, size};
    struct plugin_note note;
    struct hp_error err = {.size = sizeof err};
    if (elf_note_read(&file, &note, &err) == HP_OK) {
        if (!note.id[0] || !plugin_note_kind(&note) || !memchr(note.aliases, 0, sizeof note.aliases)) {
            abort();
        }
    } else if (!err.message[0]) {
        abort();
    }
    return 0;
}
