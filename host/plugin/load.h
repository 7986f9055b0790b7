/*
 * load.h: a plugin in this process. Only a worker, a probe and the checks of check-plugin load plugins (design D4,
 * D16). What is loaded stays until the process ends.
 */
#ifndef PLUGIN_LOAD_H
#define PLUGIN_LOAD_H

#include "elf_note.h"

struct plugin {
    char *path;
    struct plugin_note note;
    const struct hp_plugin_entry *entry;
    const struct hp_plugin_desc *desc;
};

/* The file is judged again as find.c does, and loaded through the very descriptor that was judged. */
hp_status plugin_load(const char *path, struct plugin *out, struct hp_error *err);
void plugin_finish(struct plugin *p);
/* The keys for a dialect, their number, and the stride. */
uint32_t plugin_keys(const struct plugin *p, const char *dialect, const struct hp_config_key **out);
static inline const struct hp_config_key *plugin_key_at(const struct hp_config_key *keys, uint32_t i)
{
    return (const struct hp_config_key *)(const void *)((const uint8_t *)keys + (uint64_t)i * keys->size);
}

#endif
