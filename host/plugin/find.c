/*
 * find.c: the list of what the plugin path offers. Nothing is loaded (D16): each candidate is opened, judged by
 * trust.c and asked for its note. Called by the supervisor (at each question, so that a new file is seen at once), by
 * the probe and by commands. [any] thread; a list belongs to its caller.
 */
#include "find.h"

#include "elf_note.h"
#include "logging.h"
#include "trust.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILES     1000u /* candidates of one folder */
#define MAX_PATH_TEXT 65536u

static bool add(struct plugin_list *list, const char *folder, const char *name, const struct plugin_note *note,
                uint64_t identity, const char *refused)
{
    struct plugin_file *files, *f;
    bool ok;
    files = realloc(list->files, (list->n + 1) * sizeof *files);
    if (!files) {
        return false;
    }
    list->files = files;
    f = &files[list->n];
    memset(f, 0, sizeof *f);
    if (asprintf(&f->path, "%s%s%s", folder, name[0] ? "/" : "", name) < 0) {
        f->path = NULL;
        return false;
    }
    list->n++;
    f->identity = identity;
    if (refused) {
        f->refused = strdup(refused);
        return f->refused != NULL;
    }
    f->id = strdup(note->id);
    f->kind = strdup(note->kind);
    f->aliases = strdup(note->aliases);
    f->version = strdup(note->version);
    ok = f->id && f->kind && f->aliases && f->version;
    return ok;
}

static int is_candidate(const struct dirent *e)
{
    size_t len = strlen(e->d_name);
    return e->d_name[0] != '.' && len > 3 && strcmp(e->d_name + len - 3, ".so") == 0;
}

static bool scan_folder(struct plugin_list *list, const char *folder)
{
    struct hp_error err = {.size = sizeof err};
    struct dirent **names = NULL;
    int fd, n;
    bool ok = true;
    if (trust_folder(folder, &fd, &err) != HP_OK) {
        return add(list, folder, "", NULL, 0, err.message);
    }
    n = scandirat(fd, ".", &names, is_candidate, alphasort);
    for (int i = 0; i < n; i++) {
        struct plugin_note note;
        uint64_t identity = 0;
        int file;
        if (ok && i < (int)MAX_FILES) {
            if (trust_file(fd, names[i]->d_name, &note, &identity, &file, &err) == HP_OK) {
                (void)close(file);
                ok = add(list, folder, names[i]->d_name, &note, identity, NULL);
            } else if (strcmp(err.code, "ENOENT") != 0) { /* gone since the folder was read: not there */
                ok = add(list, folder, names[i]->d_name, NULL, 0, err.message);
            }
        }
        free(names[i]);
    }
    free(names);
    (void)close(fd);
    if (n > (int)MAX_FILES) {
        log_warn("plugin.path: folder %s has %d *.so files; only the first %u are looked at", folder, n, MAX_FILES);
    }
    return ok;
}

hp_status plugin_list_scan(const char *plugin_path, struct plugin_list *out, struct hp_error *err)
{
    struct plugin_list list = {NULL, 0};
    char *copy, *rest, *folder;
    bool ok = true;
    if (strlen(plugin_path) > MAX_PATH_TEXT) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "plugin.path is longer than %u bytes", MAX_PATH_TEXT);
    }
    copy = strdup(plugin_path);
    rest = copy;
    while (ok && rest && (folder = strsep(&rest, ",")) != NULL) {
        size_t len;
        folder += strspn(folder, " \t");
        len = strlen(folder);
        while (len > 1 && (folder[len - 1] == ' ' || folder[len - 1] == '\t' || folder[len - 1] == '/')) {
            folder[--len] = '\0';
        }
        ok = len == 0 || scan_folder(&list, folder);
    }
    ok = ok && copy;
    free(copy);
    if (!ok) {
        plugin_list_finish(&list);
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory while looking through plugin.path");
    }
    *out = list;
    return HP_OK;
}

void plugin_list_finish(struct plugin_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        struct plugin_file *f = &list->files[i];
        free(f->path);
        free(f->id);
        free(f->kind);
        free(f->aliases);
        free(f->version);
        free(f->refused);
    }
    free(list->files);
    list->files = NULL;
    list->n = 0;
}

/* How well a name fits: 2 the id or a whole alias, 1 an alias's simple name, with or without "Connector", 0 not.
   The id or alias that fits best is put into *out, *out_len. */
static int fits(const char *id, const char *aliases, const char *name, const char **out, size_t *out_len)
{
    static const char suffix[] = "Connector";
    size_t len = strlen(name);
    int best = 0;
    if (strcmp(id, name) == 0) {
        *out = id;
        *out_len = len;
        return 2;
    }
    for (const char *alias = aliases; *alias && best < 2;) {
        size_t alias_len = strcspn(alias, ","), simple_len = 0;
        const char *simple;
        int fit = 0;
        while (simple_len < alias_len && !strchr(".$", alias[alias_len - simple_len - 1])) {
            simple_len++;
        }
        simple = alias + alias_len - simple_len;
        if (alias_len == len && memcmp(alias, name, len) == 0) {
            fit = 2;
        } else if (len && ((simple_len == len && memcmp(simple, name, len) == 0) ||
                           (simple_len == len + sizeof suffix - 1 && memcmp(simple, name, len) == 0 &&
                            memcmp(simple + len, suffix, sizeof suffix - 1) == 0))) {
            fit = 1;
        }
        if (fit > best) {
            best = fit;
            *out = alias;
            *out_len = alias_len;
        }
        alias += alias_len + (alias[alias_len] == ',');
    }
    return best;
}

char *plugin_dialect(const char *id, const char *aliases, const char *name)
{
    const char *found;
    size_t len;
    return fits(id, aliases, name, &found, &len) ? strndup(found, len) : strdup(id);
}

const struct plugin_file *plugin_list_find(const struct plugin_list *list, const char *name, bool *ambiguous)
{
    const struct plugin_file *best = NULL;
    int best_fit = 0;
    *ambiguous = false;
    for (size_t i = 0; i < list->n; i++) {
        const struct plugin_file *f = &list->files[i];
        const char *found;
        size_t len;
        int fit = f->refused ? 0 : fits(f->id, f->aliases, name, &found, &len);
        if (fit > best_fit) {
            best = f;
            best_fit = fit;
            *ambiguous = false;
        } else if (fit && fit == best_fit) {
            if (strcmp(f->id, best->id) != 0) {
                *ambiguous = true;
            } else if (strverscmp(f->version, best->version) > 0) { /* one plugin in two versions: the newer */
                best = f;
            }
        }
    }
    return *ambiguous ? NULL : best;
}
