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

/*
 * The file is judged again as find.c does, and what was judged is copied and loaded: a plugin in use does not notice
 * that its file is overwritten. A file that cannot be used as it is now (gone, cut short, ...) is RETRY with the code
 * PLUGIN_UNREADY: it may be on its way into the folder. What is wrong with a whole file is CONFIG.
 */
#define PLUGIN_UNREADY "PLUGIN"
hp_status plugin_load(const char *path, struct plugin *out, struct hp_error *err);
void plugin_finish(struct plugin *p);
/* The keys for a dialect, their number, and the stride. */
uint32_t plugin_keys(const struct plugin *p, const char *dialect, const struct hp_config_key **out);
static inline const struct hp_config_key *plugin_key_at(const struct hp_config_key *keys, uint32_t i)
{
    return (const struct hp_config_key *)(const void *)((const uint8_t *)keys + (uint64_t)i * keys->size);
}

#endif
