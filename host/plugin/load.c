/*
 * load.c: dlopen behind the checks. RTLD_NOW: a missing symbol shows here and not in mid-stream; RTLD_LOCAL: plugins
 * do not see each other; RTLD_NODELETE: nothing is ever unloaded, so no callback can point into nowhere.
 * Called before the task's threads start, by worker and probe. [task]
 */
#include "load.h"

#include "trust.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_KEYS 2000u

static hp_status refuse(struct hp_error *err, const char *path, const char *why)
{
    return hp_fail(err, HP_ERROR_CONFIG, "", "plugin %s: %s", path, why);
}

static hp_status check_entry(const struct plugin *p, const struct hp_plugin_entry *e, struct hp_error *err)
{
    const struct hp_plugin_desc *d;
    if (e->abi_major != HP_ABI_MAJOR || e->abi_minor > HP_ABI_MINOR) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "plugin %s: it was built for ABI %u.%u, this host has %u.%u", p->path,
                       e->abi_major, e->abi_minor, HP_ABI_MAJOR, HP_ABI_MINOR);
    }
    if (e->size < sizeof *e || !e->desc || !e->create || !e->interface || !e->destroy) {
        return refuse(err, p->path, "hp_plugin_entry_v1 is not filled in (size, desc, create, interface, destroy)");
    }
    d = e->desc;
    if (d->size < sizeof *d || !d->id || !d->aliases || !d->version || !d->doc || !d->keys) {
        return refuse(err, p->path, "its descriptor is not filled in (size, id, aliases, version, doc, keys)");
    }
    if (d->kind != plugin_note_kind(&p->note) || strcmp(d->id, p->note.id) != 0 ||
        strcmp(d->aliases, p->note.aliases) != 0 || strcmp(d->version, p->note.version) != 0) {
        return refuse(err, p->path, "its descriptor and its note differ in id, kind, aliases or version");
    }
    return HP_OK;
}

hp_status plugin_load(const char *path, struct plugin *out, struct hp_error *err)
{
    struct plugin p;
    struct hp_error why = {.size = sizeof why};
    char self[64];
    void *handle;
    int fd;
    memset(&p, 0, sizeof p);
    if (trust_path(path, &p.note, &fd, &why) != HP_OK) {
        return refuse(err, path, why.message);
    }
    /* The descriptor stays open: the loader knows libraries by this name, and would take the next one for this. */
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    handle = dlopen(self, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        hp_status st = refuse(err, path, dlerror());
        (void)close(fd);
        return st;
    }
    p.entry = dlsym(handle, "hp_plugin_entry_v1");
    if (!p.entry) {
        return refuse(err, path, "it does not export hp_plugin_entry_v1");
    }
    p.path = strdup(path);
    if (!p.path) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    if (check_entry(&p, p.entry, err) != HP_OK) {
        plugin_finish(&p);
        return HP_ERROR;
    }
    p.desc = p.entry->desc;
    *out = p;
    return HP_OK;
}

void plugin_finish(struct plugin *p)
{
    free(p->path);
    p->path = NULL;
}

uint32_t plugin_keys(const struct plugin *p, const char *dialect, const struct hp_config_key **out)
{
    const struct hp_config_key *keys = NULL;
    uint32_t n = p->desc->keys(dialect, &keys);
    if (!keys || n > MAX_KEYS || (n && keys->size < sizeof *keys)) {
        n = 0;
    }
    *out = keys;
    return n;
}
