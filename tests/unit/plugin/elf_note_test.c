/* elf_note_test.c: the note of a real plugin, and of the same file damaged in every way that matters. */
#include "elf_note.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *file;
static size_t file_len;

static bool read_memory(void *ctx, uint64_t at, void *to, size_t len)
{
    (void)ctx;
    memcpy(to, file + at, len);
    return true;
}

static hp_status parse(uint64_t size, struct plugin_note *note, struct hp_error *err)
{
    struct elf_bytes bytes = {read_memory, NULL, size};
    memset(err, 0, sizeof *err);
    err->size = sizeof *err;
    return elf_note_read(&bytes, note, err);
}

static void load(void)
{
    FILE *f = fopen(PLUGINS "/source-lines.so", "rb");
    long len;
    cr_assert(f);
    (void)fseek(f, 0, SEEK_END);
    len = ftell(f);
    rewind(f);
    file_len = (size_t)len;
    file = malloc(file_len);
    cr_assert_eq(fread(file, 1, file_len, f), file_len);
    (void)fclose(f);
}

static void unload(void)
{
    free(file);
}

TestSuite(elf_note, .init = load, .fini = unload);

static Elf64_Ehdr *head(void)
{
    return (Elf64_Ehdr *)(void *)file;
}

static Elf64_Phdr *segment(uint32_t type)
{
    Elf64_Phdr *p = (Elf64_Phdr *)(void *)(file + head()->e_phoff);
    for (unsigned i = 0; i < head()->e_phnum; i++) {
        if (p[i].p_type == type) {
            return &p[i];
        }
    }
    return NULL;
}

static uint8_t *find(const char *text)
{
    uint8_t *at = memmem(file, file_len, text, strlen(text));
    cr_assert(at);
    return at;
}

static void refused(const char *why)
{
    struct plugin_note note;
    struct hp_error err;
    cr_assert_eq(parse(file_len, &note, &err), HP_ERROR);
    cr_assert(strstr(err.message, why), "%s", err.message);
}

Test(elf_note, of_a_real_plugin)
{
    struct plugin_note note;
    struct hp_error err;
    cr_assert_eq(parse(file_len, &note, &err), HP_OK, "%s", err.message);
    cr_assert_str_eq(note.id, "source-lines");
    cr_assert_str_eq(note.kind, "source");
    cr_assert_str_eq(note.aliases, "org.apache.kafka.connect.file.FileStreamSourceConnector");
    cr_assert_str_eq(note.version, "1.0.0");
    cr_assert_eq(plugin_note_kind(&note), HP_KIND_SOURCE);
}

Test(elf_note, cut_anywhere_is_refused_or_whole)
{
    struct plugin_note note;
    struct hp_error err;
    const Elf64_Phdr *p = (const Elf64_Phdr *)(const void *)(file + head()->e_phoff);
    uint64_t needed = 0;
    for (unsigned i = 0; i < head()->e_phnum; i++) {
        if (p[i].p_type == PT_LOAD && p[i].p_offset + p[i].p_filesz > needed) {
            needed = p[i].p_offset + p[i].p_filesz;
        }
    }
    for (uint64_t size = 0; size < file_len; size += size < 2000 ? 1 : 97) {
        cr_assert_eq(parse(size, &note, &err) == HP_OK, size >= needed, "%llu", (unsigned long long)size);
    }
}

Test(elf_note, other_machine)
{
    head()->e_machine = EM_SPARC;
    refused("another kind of machine");
}

Test(elf_note, not_elf)
{
    file[0] = 'x';
    refused("not an ELF file");
}

Test(elf_note, executable_stack)
{
    segment(PT_GNU_STACK)->p_flags |= PF_X;
    refused("executable stack");
}

Test(elf_note, silent_about_its_stack)
{
    segment(PT_GNU_STACK)->p_type = PT_NULL;
    refused("stack");
}

Test(elf_note, writable_code)
{
    segment(PT_LOAD)->p_flags = PF_R | PF_W | PF_X;
    refused("writable");
}

Test(elf_note, text_relocations)
{
    Elf64_Phdr *p = segment(PT_DYNAMIC);
    Elf64_Dyn *dyn = (Elf64_Dyn *)(void *)(file + p->p_offset);
    while (dyn->d_tag != DT_FLAGS && dyn->d_tag != DT_RELACOUNT && dyn->d_tag != DT_NULL) {
        dyn++;
    }
    dyn->d_tag = DT_TEXTREL;
    refused("text relocations");
}

Test(elf_note, relative_run_path)
{
    Elf64_Phdr *p = segment(PT_DYNAMIC);
    Elf64_Dyn *dyn = (Elf64_Dyn *)(void *)(file + p->p_offset);
    while (dyn->d_tag != DT_NEEDED) {
        dyn++;
    }
    dyn->d_tag = DT_RUNPATH; /* "libc.so.6" */
    refused("relative path");
}

Test(elf_note, no_note)
{
    memcpy(find("Homeport"), "Somebody", 8);
    refused("no Homeport note");
}

Test(elf_note, other_abi)
{
    find("\"abi\":1}")[6] = '2';
    refused("ABI 2");
}

Test(elf_note, odd_descriptions)
{
    static const struct {
        const char *from, *to, *why;
    } cases[] = {
        {"{\"id\":", "[\"id\":", "JSON"},
        {"\"kind\":\"source\"", "\"kind\":\"sourcf\"", "bad id, kind"},
        {"\"source-lines\"", "\"source/lines\"", "bad id"},
        {"\"version\":\"1.0.0\"", "\"version\":\"1 0.0\"", "version"},
        {"\"abi\":1", "\"abj\":1", "which ABI"},
        {"\"id\":\"", "\"id\":[", "JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *at = find(cases[i].from);
        memcpy(at, cases[i].to, strlen(cases[i].to));
        refused(cases[i].why);
        memcpy(at, cases[i].from, strlen(cases[i].from));
    }
}

Test(elf_note, random_damage_never_reads_outside)
{
    uint8_t *good = malloc(file_len);
    srand(5);
    memcpy(good, file, file_len);
    for (unsigned round = 0; round < 20000; round++) {
        struct plugin_note note;
        struct hp_error err;
        size_t limit = rand() % 2 ? 4096 : file_len;
        memcpy(file, good, file_len < 8192 ? file_len : 8192);
        for (unsigned i = 0; i < 4; i++) {
            file[(size_t)rand() % (limit < file_len ? limit : file_len)] = (uint8_t)rand();
        }
        (void)parse(file_len, &note, &err);
    }
    free(good);
}
