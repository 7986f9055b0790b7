/*
 * elf_note.c: the reader of plugin notes. Only program headers are looked at, as the dynamic loader does: section
 * headers may be stripped or lie. Every count and offset is checked against the file's size before it is used.
 * Called by find.c on every candidate file, by load.c, and by a fuzzer. [any] thread.
 */
#include "elf_note.h"

#include "json.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#error "name the ELF machine of this architecture"
#endif

#define MAX_SEGMENTS    64u
#define MAX_NOTES       (64u << 10) /* bytes of one note segment */
#define MAX_DYNAMIC     1024u
#define MAX_DESCRIPTION 4096u

static hp_status refuse(struct hp_error *err, const char *why)
{
    return hp_fail(err, HP_ERROR_CONFIG, "", "%s", why);
}

static bool inside(const struct elf_bytes *file, uint64_t at, uint64_t len)
{
    return at <= file->size && len <= file->size - at;
}

static bool read_at(const struct elf_bytes *file, uint64_t at, void *to, uint64_t len)
{
    return inside(file, at, len) && file->read(file->ctx, at, to, (size_t)len);
}

static bool only(const char *text, const char *more)
{
    for (; *text; text++) {
        bool word = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9');
        if (!word && !strchr(more, *text)) {
            return false;
        }
    }
    return true;
}

/* Copy a string member of the description, if it is one, fits and has no strange characters. */
static bool member(const json_t *json, const char *name, char *to, size_t size, const char *more)
{
    const char *text = json_string_value(json_object_get(json, name));
    if (!text || strlen(text) >= size || !only(text, more)) {
        return false;
    }
    memcpy(to, text, strlen(text) + 1);
    return true;
}

static hp_status description(const char *text, size_t len, struct plugin_note *out, struct hp_error *err)
{
    struct plugin_note note;
    struct hp_error ignored = {.size = sizeof ignored};
    json_t *json = json_parse(text, strnlen(text, len), &ignored);
    const json_t *abi = json_object_get(json, "abi");
    hp_status st = HP_OK;
    memset(&note, 0, sizeof note);
    if (!json_is_object(json)) {
        st = refuse(err, "its Homeport note is not the JSON object that HP_PLUGIN_NOTE writes");
    } else if (!json_is_integer(abi)) {
        st = refuse(err, "its Homeport note does not say which ABI it was built for");
    } else if (json_integer_value(abi) != HP_ABI_MAJOR) {
        st = hp_fail(err, HP_ERROR_CONFIG, "",
                     "it was built for plugin ABI %lld, this host has ABI %u; build it again with this host's SDK",
                     (long long)json_integer_value(abi), HP_ABI_MAJOR);
    } else if (!member(json, "id", note.id, sizeof note.id, "._-") || !note.id[0] ||
               !member(json, "kind", note.kind, sizeof note.kind, "") || !plugin_note_kind(&note) ||
               !member(json, "aliases", note.aliases, sizeof note.aliases, "._-$,") ||
               !member(json, "version", note.version, sizeof note.version, "._-+~")) {
        st = refuse(err, "its Homeport note has a bad id, kind, aliases or version (letters, digits, '.', '_', '-')");
    }
    json_decref(json);
    if (st == HP_OK) {
        *out = note;
    }
    return st;
}

/* One PT_NOTE segment; *n_found counts our notes. */
static hp_status notes(const uint8_t *data, uint64_t len, uint64_t align, struct plugin_note *out, unsigned *n_found,
                       struct hp_error *err)
{
    uint64_t at = 0;
    while (len - at >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr head;
        uint64_t name = at + sizeof head, desc, next;
        memcpy(&head, data + at, sizeof head);
        desc = (name + head.n_namesz + align - 1) & ~(align - 1);
        next = (desc + head.n_descsz + align - 1) & ~(align - 1);
        if (desc > len || head.n_descsz > len - desc) {
            return refuse(err, "its note segment is damaged");
        }
        if (head.n_type == HP_NOTE_TYPE && head.n_namesz == sizeof HP_NOTE_OWNER &&
            memcmp(data + name, HP_NOTE_OWNER, sizeof HP_NOTE_OWNER) == 0) {
            if (++*n_found > 1) {
                return refuse(err, "it has more than one Homeport note; one file holds one plugin");
            }
            if (head.n_descsz == 0 || head.n_descsz > MAX_DESCRIPTION) {
                return refuse(err, "its Homeport note is empty or too long");
            }
            if (description((const char *)data + desc, head.n_descsz, out, err) != HP_OK) {
                return HP_ERROR;
            }
        }
        if (next >= len) {
            break;
        }
        at = next;
    }
    return HP_OK;
}

/* Where in the file the byte at a virtual address lies, and how many bytes follow it there. */
static bool locate(const Elf64_Phdr *segments, unsigned n, uint64_t address, uint64_t *out_at, uint64_t *out_len)
{
    for (unsigned i = 0; i < n; i++) {
        const Elf64_Phdr *p = &segments[i];
        if (p->p_type == PT_LOAD && address >= p->p_vaddr && address - p->p_vaddr < p->p_filesz) {
            *out_at = p->p_offset + (address - p->p_vaddr);
            *out_len = p->p_filesz - (address - p->p_vaddr);
            return true;
        }
    }
    return false;
}

/* A library path is taken relative to whoever's working folder unless each part is absolute. */
static bool path_is_absolute(const char *path)
{
    for (;;) {
        if (*path != '/') {
            return false;
        }
        path = strchr(path, ':');
        if (!path) {
            return true;
        }
        path++;
    }
}

static hp_status library_names(const struct elf_bytes *file, const Elf64_Dyn *dyn, unsigned n_dyn, uint64_t strings,
                               uint64_t strings_len, struct hp_error *err)
{
    for (unsigned i = 0; i < n_dyn && dyn[i].d_tag != DT_NULL; i++) {
        char text[4096];
        uint64_t at = dyn[i].d_un.d_val, len;
        bool path = dyn[i].d_tag == DT_RPATH || dyn[i].d_tag == DT_RUNPATH;
        if (!path && dyn[i].d_tag != DT_NEEDED) {
            continue;
        }
        if (at >= strings_len) {
            return refuse(err, "its dynamic section is damaged");
        }
        len = strings_len - at < sizeof text ? strings_len - at : sizeof text;
        if (!read_at(file, strings + at, text, len) || !memchr(text, 0, (size_t)len)) {
            return refuse(err, "its dynamic section is damaged");
        }
        if (path ? !path_is_absolute(text) : (strchr(text, '/') != NULL && text[0] != '/')) {
            return refuse(err, "it looks for libraries in a relative path (RPATH, RUNPATH or NEEDED); link it without");
        }
    }
    return HP_OK;
}

static hp_status dynamic(const struct elf_bytes *file, const Elf64_Phdr *segments, unsigned n, const Elf64_Phdr *p,
                         struct hp_error *err)
{
    Elf64_Dyn *dyn;
    uint64_t count = p->p_filesz / sizeof *dyn, table = 0, table_len = 0, strings = 0, room = 0;
    hp_status st = HP_OK;
    if (count > MAX_DYNAMIC || !inside(file, p->p_offset, p->p_filesz)) {
        return refuse(err, "its dynamic section is damaged");
    }
    dyn = calloc(count + 1, sizeof *dyn);
    if (!dyn || !read_at(file, p->p_offset, dyn, count * sizeof *dyn)) {
        free(dyn);
        return refuse(err, "it cannot be read");
    }
    for (uint64_t i = 0; i < count && dyn[i].d_tag != DT_NULL && st == HP_OK; i++) {
        if (dyn[i].d_tag == DT_TEXTREL || (dyn[i].d_tag == DT_FLAGS && (dyn[i].d_un.d_val & DF_TEXTREL))) {
            st = refuse(err, "it has text relocations; compile all of it with -fPIC");
        } else if (dyn[i].d_tag == DT_STRTAB) {
            table = dyn[i].d_un.d_ptr;
        } else if (dyn[i].d_tag == DT_STRSZ) {
            table_len = dyn[i].d_un.d_val;
        }
    }
    if (st == HP_OK) {
        st = locate(segments, n, table, &strings, &room)
                 ? library_names(file, dyn, (unsigned)count, strings, table_len < room ? table_len : room, err)
                 : refuse(err, "its dynamic section is damaged");
    }
    free(dyn);
    return st;
}

static hp_status segment(const struct elf_bytes *file, const Elf64_Phdr *segments, unsigned n, const Elf64_Phdr *p,
                         struct plugin_note *out, unsigned *n_found, bool *stack_seen, struct hp_error *err)
{
    uint8_t *data;
    hp_status st;
    switch (p->p_type) {
    case PT_LOAD:
        if (!inside(file, p->p_offset, p->p_filesz)) {
            return refuse(err, "it is cut short; copy it again (to another name, then rename it)");
        }
        return (p->p_flags & PF_W) && (p->p_flags & PF_X) ? refuse(err, "it has code that is writable") : HP_OK;
    case PT_INTERP:
        return refuse(err, "it is a program, not a shared object");
    case PT_GNU_STACK:
        *stack_seen = true;
        return (p->p_flags & PF_X) ? refuse(err, "it wants an executable stack; link it with -Wl,-z,noexecstack")
                                   : HP_OK;
    case PT_DYNAMIC:
        return dynamic(file, segments, n, p, err);
    case PT_NOTE:
        if (p->p_filesz > MAX_NOTES || !inside(file, p->p_offset, p->p_filesz)) {
            return refuse(err, "its note segment is damaged");
        }
        data = malloc(p->p_filesz ? (size_t)p->p_filesz : 1);
        st = data && read_at(file, p->p_offset, data, p->p_filesz)
                 ? notes(data, p->p_filesz, p->p_align == 8 ? 8 : 4, out, n_found, err)
                 : refuse(err, "it cannot be read");
        free(data);
        return st;
    default:
        return HP_OK;
    }
}

hp_status elf_note_read(const struct elf_bytes *file, struct plugin_note *out, struct hp_error *err)
{
    Elf64_Ehdr head;
    Elf64_Phdr segments[MAX_SEGMENTS];
    struct plugin_note note;
    unsigned n_found = 0;
    bool stack_seen = false;
    if (!read_at(file, 0, &head, sizeof head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) {
        return refuse(err, "it is not an ELF file");
    }
    if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_machine != MACHINE) {
        return refuse(err, "it was built for another kind of machine");
    }
    if (head.e_type != ET_DYN) {
        return refuse(err, "it is not a shared object");
    }
    if (head.e_phentsize != sizeof segments[0] || head.e_phnum == 0 || head.e_phnum > MAX_SEGMENTS ||
        !read_at(file, head.e_phoff, segments, (uint64_t)head.e_phnum * sizeof segments[0])) {
        return refuse(err, "its program headers are damaged or lie beyond its end");
    }
    memset(&note, 0, sizeof note);
    for (unsigned i = 0; i < head.e_phnum; i++) {
        if (segment(file, segments, head.e_phnum, &segments[i], &note, &n_found, &stack_seen, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    if (n_found == 0) {
        return refuse(err, "it has no Homeport note (HP_PLUGIN_NOTE): not a plugin");
    }
    if (!stack_seen) {
        return refuse(err, "it does not say that its stack is not executable; link it with -Wl,-z,noexecstack");
    }
    *out = note;
    return HP_OK;
}

uint32_t plugin_note_kind(const struct plugin_note *note)
{
    static const struct {
        const char *name;
        uint32_t kind;
    } kinds[] = {{"source", HP_KIND_SOURCE}, {"sink", HP_KIND_SINK}, {"transformation", HP_KIND_TRANSFORM}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(note->kind, kinds[i].name) == 0) {
            return kinds[i].kind;
        }
    }
    return 0;
}
