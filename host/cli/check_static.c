/* check_static.c: checks of what a plugin is, before any instance of it is made. */
#include "clock.h"
#include "configdef.h"
#include "find.h"
#include "plugin_check.h"
#include "trust.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTE_MS 50

enum check_result check_note(const struct check *c)
{
    struct hp_error err = {.size = sizeof err};
    struct plugin_note note;
    int64_t begin = clock_mono_ms(), ms;
    int fd;
    if (trust_path(c->path, &note, NULL, &fd, &err) != HP_OK) {
        return check_fail("%s", err.message);
    }
    ms = clock_mono_ms() - begin;
    (void)close(fd);
    return ms > NOTE_MS ? check_fail("reading the note took %lld ms", (long long)ms) : CHECK_OK;
}

static void *whole_file(const char *path, size_t *out_len)
{
    FILE *f = fopen(path, "rb");
    void *data = NULL;
    long len;
    if (f && fseek(f, 0, SEEK_END) == 0 && (len = ftell(f)) > 0) {
        rewind(f);
        data = malloc((size_t)len);
        if (data && fread(data, 1, (size_t)len, f) != (size_t)len) {
            free(data);
            data = NULL;
        }
        *out_len = (size_t)len;
    }
    if (f) {
        (void)fclose(f);
    }
    return data;
}

/* Does the section of symbols at `at` define only the entry? */
static enum check_result only_entry(const uint8_t *data, size_t len, const Elf64_Shdr *symbols, const Elf64_Shdr *names)
{
    enum check_result result = CHECK_OK;
    if (symbols->sh_offset > len || symbols->sh_size > len - symbols->sh_offset || names->sh_offset > len ||
        names->sh_size > len - names->sh_offset || names->sh_size == 0 ||
        data[names->sh_offset + names->sh_size - 1] != 0) {
        return check_fail("its symbol table is damaged");
    }
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= symbols->sh_size; at += sizeof(Elf64_Sym)) {
        Elf64_Sym sym;
        const char *name;
        memcpy(&sym, data + symbols->sh_offset + at, sizeof sym);
        if (sym.st_shndx == SHN_UNDEF || ELF64_ST_BIND(sym.st_info) == STB_LOCAL || sym.st_name >= names->sh_size) {
            continue;
        }
        name = (const char *)data + names->sh_offset + sym.st_name;
        if (strcmp(name, "hp_plugin_entry_v1") != 0) {
            result =
                check_fail("it exports %s; compile with -fvisibility=hidden and link with homeport-plugin.map", name);
        }
    }
    return result;
}

enum check_result check_symbols(const struct check *c)
{
    enum check_result result = CHECK_SKIPPED;
    size_t len = 0;
    uint8_t *data = whole_file(c->path, &len);
    Elf64_Ehdr head;
    if (!data || len < sizeof head) {
        free(data);
        return check_fail("it cannot be read");
    }
    memcpy(&head, data, sizeof head);
    for (unsigned i = 0; i < head.e_shnum && head.e_shentsize == sizeof(Elf64_Shdr); i++) {
        Elf64_Shdr section, names;
        uint64_t at = head.e_shoff + (uint64_t)i * sizeof section;
        if (at > len || len - at < sizeof section) {
            break;
        }
        memcpy(&section, data + at, sizeof section);
        at = head.e_shoff + (uint64_t)section.sh_link * sizeof names;
        if (section.sh_type != SHT_DYNSYM || at > len || len - at < sizeof names) {
            continue;
        }
        memcpy(&names, data + at, sizeof names);
        result = only_entry(data, len, &section, &names);
    }
    free(data);
    return result;
}

enum check_result check_load(const struct check *c)
{
    struct plugin p = check_open(c);
    if (!p.desc->doc[0] || strchr(p.desc->doc, '\n')) {
        return check_fail("the descriptor's doc must be one line");
    }
    return CHECK_OK;
}

static enum check_result one_key(const struct hp_config_key *keys, uint32_t i, const char *dialect)
{
    const struct hp_config_key *key = plugin_key_at(keys, i);
    const uint32_t known = HP_KEY_REQUIRED | HP_KEY_UNSUPPORTED | HP_KEY_IGNORED | HP_KEY_PREFIX;
    char why[300];
    if (!key->name || !key->name[0]) {
        return check_fail("%s: key %u has no name", dialect, i);
    }
    if (key->size != keys->size) {
        return check_fail("%s: key %s has size %u, the first one %u", dialect, key->name, key->size, keys->size);
    }
    if (key->type < HP_CONFIG_BOOLEAN || key->type > HP_CONFIG_PASSWORD) {
        return check_fail("%s: key %s has the unknown type %u", dialect, key->name, key->type);
    }
    if (key->importance < HP_IMPORTANCE_HIGH || key->importance > HP_IMPORTANCE_LOW) {
        return check_fail("%s: key %s has the unknown importance %u", dialect, key->name, key->importance);
    }
    if (key->flags & ~known) {
        return check_fail("%s: key %s has unknown flags", dialect, key->name);
    }
    if (!key->doc || !key->doc[0]) {
        return check_fail("%s: key %s has no doc", dialect, key->name);
    }
    if ((key->flags & HP_KEY_REQUIRED) && key->default_value) {
        return check_fail("%s: key %s is required and has a default", dialect, key->name);
    }
    if (key->default_value && key->default_value[0] && config_value_bad(key, key->default_value, why, sizeof why)) {
        return check_fail("%s: the default of key %s is not a value of it: %s", dialect, key->name, why);
    }
    for (uint32_t k = 0; k < i; k++) {
        if (strcmp(plugin_key_at(keys, k)->name, key->name) == 0) {
            return check_fail("%s: key %s is declared twice", dialect, key->name);
        }
    }
    return CHECK_OK;
}

static enum check_result keys_of(const struct plugin *p, const char *dialect)
{
    const struct hp_config_key *keys = NULL;
    uint32_t n = p->desc->keys(dialect, &keys);
    if (n > 2000 || (n && (!keys || keys->size < sizeof *keys))) {
        return check_fail("%s: keys() answered %u keys at %p of size %u", dialect, n, (const void *)keys,
                          keys ? keys->size : 0);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (one_key(keys, i, dialect) != CHECK_OK) {
            return CHECK_FAILED;
        }
    }
    return CHECK_OK;
}

enum check_result check_keys(const struct check *c)
{
    struct plugin p = check_open(c);
    char *aliases = strdup(p.note.aliases), *rest = aliases, *alias;
    enum check_result result = keys_of(&p, p.note.id);
    while (aliases && (alias = strsep(&rest, ",")) != NULL && result == CHECK_OK) {
        result = alias[0] ? keys_of(&p, alias) : CHECK_OK;
    }
    free(aliases);
    return result;
}

/* Every member of an interface is a function. */
static bool has_hole(const void *table, size_t size)
{
    for (size_t i = 0; i < size / sizeof(void *); i++) {
        void *member;
        memcpy(&member, (const uint8_t *)table + i * sizeof member, sizeof member);
        if (!member) {
            return true;
        }
    }
    return false;
}

enum check_result check_interfaces(const struct check *c)
{
    static const char *const unknown[] = {"",
                                          "homeport",
                                          "homeport.source/",
                                          "homeport.source/1x",
                                          "source",
                                          "homeport.sink/11",
                                          "homeport.transform/0",
                                          "homeport.sink/1 ",
                                          "HOMEPORT.SINK/1"};
    static const struct {
        const char *id;
        uint32_t kind; /* that must have it; 0: optional */
        size_t size;
    } known[] = {
        {HP_SOURCE, HP_KIND_SOURCE, sizeof(struct hp_source)},
        {HP_SINK, HP_KIND_SINK, sizeof(struct hp_sink)},
        {HP_TRANSFORM, HP_KIND_TRANSFORM, sizeof(struct hp_transform)},
        {HP_SOURCE_OFFSETS, 0, sizeof(struct hp_source_offsets)},
        {HP_SINK_OFFSETS, 0, sizeof(struct hp_sink_offsets)},
        {HP_TRANSFORM_SCHEMAS, 0, sizeof(struct hp_transform_schemas)},
    };
    struct plugin p = check_open(c);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        if (p.entry->interface(unknown[i])) {
            return check_fail("interface(\"%s\") must answer NULL: ids match exactly", unknown[i]);
        }
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const void *table = p.entry->interface(known[i].id);
        if (!table && known[i].kind == p.desc->kind) {
            return check_fail("interface(\"%s\") answers NULL, but the kind is %s", known[i].id, p.note.kind);
        }
        if (table && has_hole(table, known[i].size)) {
            return check_fail("interface(\"%s\") has a function that is NULL", known[i].id);
        }
    }
    return CHECK_OK;
}
