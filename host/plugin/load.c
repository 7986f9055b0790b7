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

#define MAX_KEYS   2000u
#define MAX_LOADED 64u

/* What this process has loaded: the same file again (a transform named twice, a task that starts again) is not loaded
   anew, since nothing is ever unloaded. */
static struct {
    uint64_t identity;
    void *handle;
    struct plugin_note note;
} loaded[MAX_LOADED];
static size_t n_loaded;

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

static hp_status open_library(const char *path, struct plugin_note *out_note, void **out_handle, struct hp_error *err)
{
    struct hp_error why = {.size = sizeof why};
    struct plugin_note note;
    uint64_t identity;
    char self[64];
    void *handle;
    int file, fd = -1;
    hp_status st = trust_path(path, &note, &identity, &file, &why);
    for (size_t i = 0; st == HP_OK && i < n_loaded; i++) {
        if (loaded[i].identity == identity) {
            (void)close(file);
            *out_note = loaded[i].note;
            *out_handle = loaded[i].handle;
            return HP_OK;
        }
    }
    if (st == HP_OK) {
        st = trust_copy(file, identity, &note, &fd, &why);
        if (fd != file) {
            (void)close(file);
        }
    }
    if (st != HP_OK) {
        return hp_fail(err, HP_ERROR_RETRY, PLUGIN_UNREADY, "plugin %s: %s", path, why.message);
    }
    /* The descriptor stays open: the loader knows libraries by this name, and would take the next one for this. */
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    handle = dlopen(self, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        st = refuse(err, path, dlerror());
        (void)close(fd);
        return st;
    }
    if (n_loaded < MAX_LOADED) {
        loaded[n_loaded].identity = identity;
        loaded[n_loaded].handle = handle;
        loaded[n_loaded++].note = note;
    }
    *out_note = note;
    *out_handle = handle;
    return HP_OK;
}

hp_status plugin_load(const char *path, struct plugin *out, struct hp_error *err)
{
    struct plugin p;
    void *handle = NULL;
    memset(&p, 0, sizeof p);
    if (open_library(path, &p.note, &handle, err) != HP_OK) {
        return HP_ERROR;
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
