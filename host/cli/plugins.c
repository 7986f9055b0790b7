/* plugins.c: `homeport plugins`: what the plugin path offers, read without loading anything, and why files are refused.
 */
#include "cli.h"
#include "find.h"
#include "settings.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: homeport plugins [--config FILE] [--plugin-path FOLDER,...]\n"
    "\n"
    "Lists the plugins in the folders of plugin.path: the installed one, unless the properties file or --plugin-path\n"
    "says otherwise. Nothing is loaded. Files that a host would refuse are listed with the reason.\n";

static void print_list(const struct plugin_list *list)
{
    size_t refused = 0, id_width = 6, kind_width = 14, version_width = 7;
    for (size_t i = 0; i < list->n; i++) {
        const struct plugin_file *f = &list->files[i];
        refused += f->refused != NULL;
        if (!f->refused) {
            id_width = strlen(f->id) > id_width ? strlen(f->id) : id_width;
            version_width = strlen(f->version) > version_width ? strlen(f->version) : version_width;
        }
    }
    if (list->n > refused) {
        (void)printf("%-*s  %-*s  %-*s  %s\n", (int)id_width, "PLUGIN", (int)kind_width, "TYPE", (int)version_width,
                     "VERSION", "FILE");
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct plugin_file *f = &list->files[i];
        if (f->refused) {
            continue;
        }
        (void)printf("%-*s  %-*s  %-*s  %s\n", (int)id_width, f->id, (int)kind_width, f->kind, (int)version_width,
                     f->version, f->path);
        for (const char *alias = f->aliases; *alias;) {
            size_t len = strcspn(alias, ",");
            (void)printf("%-*s  also answers to %.*s\n", (int)id_width, "", (int)len, alias);
            alias += len + (alias[len] == ',');
        }
    }
    for (size_t i = 0; i < list->n; i++) {
        if (list->files[i].refused) {
            (void)printf("refused: %s: %s\n", list->files[i].path, list->files[i].refused);
        }
    }
    if (list->n == 0) {
        (void)printf("there is no plugin\n");
    }
}

int cli_plugins(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"plugin-path", required_argument, NULL, 'p'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct hp_error err = {.size = sizeof err};
    const char *config = NULL, *path = NULL;
    struct plugin_list list;
    struct props settings;
    int c, status = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return 0;
        }
        if (c != 'c' && c != 'p') {
            (void)fputs(usage, stderr);
            return 2;
        }
        *(c == 'c' ? &config : &path) = optarg;
    }
    if (optind != argc) {
        (void)fputs(usage, stderr);
        return 2;
    }
    props_init(&settings);
    if (path || settings_load(config, &settings, &err) == HP_OK) {
        if (plugin_list_scan(path ? path : settings_text(&settings, "plugin.path"), &list, &err) == HP_OK) {
            print_list(&list);
            plugin_list_finish(&list);
            status = 0;
        }
    }
    if (status) {
        (void)fprintf(stderr, "homeport plugins: %s\n", err.message);
    }
    props_finish(&settings);
    return status;
}
