/*
 * plugin.h: how a plugin introduces itself. A plugin exports exactly one symbol,
 *
 *     HP_EXPORT extern const struct hp_plugin_entry hp_plugin_entry_v1;
 *
 * and carries one note (HP_PLUGIN_NOTE in abi.h) that says the same about it.
 */
#ifndef HOMEPORT_PLUGIN_H
#define HOMEPORT_PLUGIN_H

#include "config.h"
#include "host.h"

#define HP_KIND_SOURCE    1u
#define HP_KIND_SINK      2u
#define HP_KIND_TRANSFORM 3u

struct hp_plugin_desc {
    uint32_t size;
    uint32_t kind;       /* HP_KIND_* */
    const char *id;      /* "source-pg": also the connector.class */
    const char *aliases; /* comma separated further names, or "" */
    const char *version;
    const char *doc; /* one line */
    /* The keys for a dialect (the id or an alias). *out_keys stays valid for ever. Stride: size of
       the first. [any] */
    uint32_t (*keys)(const char *dialect, const struct hp_config_key **out_keys);
    /* What types and ranges cannot say: exclusive keys, bad expressions, ... The host has checked
       the declared keys already, and calls this even if they had errors. No I/O, except reading a
       local file that a key names. NULL: nothing to add. [any] */
    void (*validate)(const struct hp_config *, const struct hp_config_report *);
};

struct hp_plugin_entry {
    uint32_t size;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t reserved;
    const struct hp_plugin_desc *desc;
    /* [task] A new instance; the config is borrowed for the call, the host for the instance's life. */
    hp_status (*create)(const struct hp_host *host, const struct hp_config *config, void **out_self,
                        struct hp_error *err);
    /* [any] The table of an interface id (HP_SOURCE, ...), NULL if unknown. Exact match. */
    const void *(*interface)(const char *id);
    /* [task & !started] NULL is fine. */
    void (*destroy)(void *self);
};

HP_EXPORT extern const struct hp_plugin_entry hp_plugin_entry_v1;

#endif
