/*
 * abi.h: the version of the plugin ABI, the one exported symbol, and the words
 * that every other header of the SDK uses.
 *
 * Status: draft until Homeport 1.0. From then on every layout in these headers
 * is frozen; a new function is a new interface id, never a new member.
 *
 * Threads are roles, not threads:
 *   [task]  one caller at a time per instance, though not always from the same
 *           OS thread. May block, but see host.h on waiting.
 *   [any]   may be called at any moment from any thread, also while a [task]
 *           function of the same instance runs. Must not block.
 * Memory: who makes it frees it. What a pointer argument points to is borrowed
 *   until the call returns, unless its comment says otherwise. No allocator is
 *   shared: never free() what the other side made.
 * Errors: a function that can fail returns hp_status and fills *err (the
 *   caller's memory). On failure no out-parameter is touched.
 * Forbidden across the line: longjmp, C++ exceptions, errno, FILE *, varargs,
 *   C enums and bool in structs, bit-fields. A plugin installs no signal
 *   handlers, does not fork, and never writes to stdout.
 * Growth: data structs begin with `size` (set by whoever makes the struct) and
 *   grow at the tail; zero means the default. Arrays of structs carry a stride
 *   or a per-element size. Unknown flag bits are refused by the receiver.
 */
#ifndef HOMEPORT_ABI_H
#define HOMEPORT_ABI_H

#include <stdint.h>

#define HP_ABI_MAJOR 1u
#define HP_ABI_MINOR 0u

/* Bytes that belong to somebody else; not NUL-terminated unless stated. */
struct hp_bytes {
    const void *data;
    uint64_t len;
};

#if defined(__GNUC__)
#define HP_EXPORT __attribute__((visibility("default")))
#else
#define HP_EXPORT
#endif

#define HP_STRINGIFY_(x) #x
#define HP_STRINGIFY(x)  HP_STRINGIFY_(x)

/*
 * HP_PLUGIN_NOTE(id, kind, aliases, version) puts a description into the ELF
 * note section `.note.homeport` of the plugin, so that a folder of plugins is
 * listed without loading any of them. All four are string literals; `kind` is
 * "source", "sink" or "transformation"; `aliases` is a comma separated list of
 * further names that the plugin answers to (Java class names, say) or "".
 * Note owner "Homeport", type 1, descriptor: the JSON text below, NUL-ended.
 * Use it once per plugin in the file that defines hp_plugin_entry_v1.
 */
#define HP_NOTE_OWNER "Homeport"
#define HP_NOTE_TYPE  1
#define HP_PLUGIN_NOTE(id, kind, aliases, version)                                                                     \
    __asm__(".pushsection .note.homeport,\"a\",%note\n"                                                                \
            ".balign 4\n"                                                                                              \
            ".long 2f-1f, 4f-3f, 1\n"                                                                                  \
            "1: .asciz \"Homeport\"\n"                                                                                 \
            "2: .balign 4\n"                                                                                           \
            "3: .asciz \"{\\\"id\\\":\\\"" id "\\\",\\\"kind\\\":\\\"" kind "\\\",\\\"aliases\\\":\\\"" aliases        \
            "\\\",\\\"version\\\":\\\"" version "\\\",\\\"abi\\\":1}\"\n"                                              \
            "4: .balign 4\n"                                                                                           \
            ".popsection\n")

#endif
