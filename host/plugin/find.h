/*
 * find.h: what the plugin path offers, read from ELF notes without loading anything (A6, SEC-07).
 *
 * Each folder of the path is looked at one level deep for *.so: regular files, owned by root or us, not writable by
 * group or others (their folder neither), no symbolic links. What is refused is listed with the reason.
 */
#ifndef PLUGIN_FIND_H
#define PLUGIN_FIND_H

#include <homeport/homeport.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct plugin_file {
    char *path;
    char *id, *kind, *aliases, *version; /* kind: "source", "sink" or "transformation" */
    char *refused;                       /* reason, or NULL */
    uint64_t identity;                   /* hash of device, inode, size, mtime, ctime */
};
struct plugin_list {
    struct plugin_file *files;
    size_t n;
};

/* plugin_path: folders separated by commas. A folder that is not there, or not trusted, is listed as refused. */
hp_status plugin_list_scan(const char *plugin_path, struct plugin_list *out, struct hp_error *err);
void plugin_list_finish(struct plugin_list *list);
/* By id, alias, or an alias's simple name with or without "Connector" (REST-29). Several versions of one plugin: the
   newest. Two different plugins: NULL and *ambiguous. */
const struct plugin_file *plugin_list_find(const struct plugin_list *list, const char *name, bool *ambiguous);

/* The dialect in full: the id, or the alias that `name` stands for (a simple class name, say). Caller frees; NULL:
   no memory. */
char *plugin_dialect(const char *id, const char *aliases, const char *name);

#endif
