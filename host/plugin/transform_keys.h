/*
 * transform_keys.h: transforms=a,b and the keys below transforms.a. and transforms.b. (connect-conformance 3.3).
 */
#ifndef PLUGIN_TRANSFORM_KEYS_H
#define PLUGIN_TRANSFORM_KEYS_H

#include "configdef.h"
#include "find.h"

#define TRANSFORMS_MAX 64u

/* The aliases in order, as one allocation that the caller frees; *out_n may be 0. CONFIG error: too many, or an alias
   twice. */
hp_status transform_aliases(const struct props *config, char ***out, size_t *out_n, struct hp_error *err);
/* Declare and judge every transform's keys. Loads their plugins: probe only. */
void transform_keys_declare(struct config_infos *infos, const struct plugin_list *plugins, const struct props *config,
                            const char *connector);
/* Does the key belong to one of the aliases? */
bool transform_key_known(const struct props *config, const char *name);

/* The configuration of one alias's plugin: what stands behind "transforms.ALIAS.", but type, predicate, negate and
   plugin.version. Entries point into config; the caller frees the array. NULL: no memory. */
struct hp_config_entry *transform_config(const struct props *config, const char *alias, uint32_t *out_n);

#endif
