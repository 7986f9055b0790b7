/*
 * framework_keys.h: the connector keys that are the framework's and not a plugin's (connect-conformance 3.3, 3.4), what
 * this host makes of each, and which keys of a configuration belong to a plugin.
 */
#ifndef PLUGIN_FRAMEWORK_KEYS_H
#define PLUGIN_FRAMEWORK_KEYS_H

#include "configdef.h"

/* Declare and judge them all for a connector of `kind` (HP_KIND_*); but those that `own` declares too. config NULL:
   only declare, for the list of keys. */
void framework_keys_declare(struct config_infos *infos, uint32_t kind, const struct hp_config_key *own, uint32_t n_own,
                            const struct props *config);
/* Is this a key of the framework, for a connector of this kind? */
bool framework_key_known(uint32_t kind, const char *name);
/* What a connector's plugin is given: everything but the framework's keys that it does not declare itself. The entries
   point into config; the caller frees the array. NULL: no memory. */
struct hp_config_entry *framework_keys_rest(uint32_t kind, const struct hp_config_key *own, uint32_t n_own,
                                            const struct props *config, uint32_t *out_n);

#endif
