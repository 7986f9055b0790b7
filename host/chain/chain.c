/*
 * chain.c: links in order, and two builders between them: what one link wrote the next one reads, while it writes into
 * the other. Owned by the task of a source or a sink, called on its thread. [task]
 */
#include "chain.h"

#include "find.h"
#include "load.h"
#include "transform_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct chain_link {
    char *alias, *dialect;
    struct plugin plugin;
    const struct hp_transform *transform;
    void *self;
    bool started;
};

struct chain {
    struct chain_env env;
    struct chain_link *links;
    size_t n;
    struct builder *builders[2];
    struct hp_batch failed;
    const char *failed_alias;
};

static hp_status no_memory(struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory for the transforms");
}

/* Errors of a transform name it. */
static hp_status blame(const struct chain_link *link, struct hp_error *err)
{
    char message[sizeof err->message];
    (void)snprintf(message, sizeof message, "transform %.100s: %.800s", link->alias, err->message);
    memcpy(err->message, message, sizeof message);
    return HP_ERROR;
}

static hp_status link_load(struct chain_link *link, const struct props *config, const struct plugin_list *plugins,
                           struct hp_error *err)
{
    char *key;
    const char *type;
    bool ambiguous;
    if (asprintf(&key, "transforms.%s.type", link->alias) < 0) {
        return no_memory(err);
    }
    type = props_get(config, key);
    free(key);
    if (!type) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "Missing required configuration \"transforms.%s.type\" which has no default value.",
                       link->alias);
    }
    const struct plugin_file *file = plugin_list_find(plugins, type, &ambiguous);
    if (!file || strcmp(file->kind, "transformation") != 0) {
        return hp_fail(
            err, HP_ERROR_RETRY, PLUGIN_UNREADY,
            "Invalid value %.200s for configuration transforms.%.100s.type: Class %.200s could not be found.", type,
            link->alias, type);
    }
    if (plugin_load(file->path, &link->plugin, err) != HP_OK) {
        return HP_ERROR;
    }
    link->dialect = plugin_dialect(file->id, file->aliases, type);
    return link->dialect ? HP_OK : no_memory(err);
}

static hp_status link_create(const struct chain *c, struct chain_link *link, const struct props *config,
                             const struct plugin_list *plugins, const char *connector, struct hp_error *err)
{
    const struct hp_host *host = c->env.host(c->env.arg, link->alias);
    struct hp_config_entry *entries;
    uint32_t n;
    hp_status st;
    if (!host) {
        return no_memory(err);
    }
    if (link_load(link, config, plugins, err) != HP_OK) {
        return HP_ERROR;
    }
    link->transform = link->plugin.entry->interface(HP_TRANSFORM);
    if (!link->transform) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "plugin %s has no interface " HP_TRANSFORM, link->plugin.path);
    }
    entries = transform_config(config, link->alias, &n);
    if (!entries) {
        return no_memory(err);
    }
    struct hp_config given = {sizeof given, n, entries, link->dialect, connector};
    c->env.enter(c->env.arg, "create", link->alias);
    st = link->plugin.entry->create(host, &given, &link->self, err);
    c->env.leave(c->env.arg);
    free(entries);
    return st == HP_OK ? HP_OK : blame(link, err);
}

static hp_status make_links(struct chain *c, char **aliases, size_t n, const struct props *config,
                            const char *plugin_path, const char *connector, struct hp_error *err)
{
    struct plugin_list plugins;
    hp_status st;
    if (n == 0) {
        return HP_OK;
    }
    c->links = calloc(n, sizeof *c->links);
    for (unsigned i = 0; i < 2; i++) {
        c->builders[i] = calloc(1, sizeof *c->builders[i]);
        if (!c->builders[i]) {
            return no_memory(err);
        }
        if (builder_init(c->builders[i], c->env.keep, c->env.max_record, err) != HP_OK) {
            free(c->builders[i]);
            c->builders[i] = NULL;
            return HP_ERROR;
        }
    }
    if (!c->links) {
        return no_memory(err);
    }
    st = plugin_list_scan(plugin_path, &plugins, err);
    if (st != HP_OK) {
        return st;
    }
    for (size_t i = 0; i < n && st == HP_OK; i++) {
        c->links[i].alias = strdup(aliases[i]);
        c->n++;
        st = c->links[i].alias ? link_create(c, &c->links[i], config, &plugins, connector, err) : no_memory(err);
    }
    plugin_list_finish(&plugins);
    return st;
}

hp_status chain_create(const struct props *config, const char *plugin_path, const char *connector,
                       const struct chain_env *env, struct chain **out, struct hp_error *err)
{
    struct chain *c = calloc(1, sizeof *c);
    char **aliases;
    size_t n;
    hp_status st;
    if (!c) {
        return no_memory(err);
    }
    c->env = *env;
    st = transform_aliases(config, &aliases, &n, err);
    if (st == HP_OK) {
        st = make_links(c, aliases, n, config, plugin_path, connector, err);
        free(aliases);
    }
    if (st != HP_OK) {
        chain_destroy(c);
        return st;
    }
    *out = c;
    return HP_OK;
}

void chain_destroy(struct chain *c)
{
    if (!c) {
        return;
    }
    chain_stop(c);
    for (size_t i = 0; i < c->n; i++) {
        struct chain_link *link = &c->links[i];
        if (link->self) {
            c->env.enter(c->env.arg, "destroy", link->alias);
            link->plugin.entry->destroy(link->self);
            c->env.leave(c->env.arg);
        }
        plugin_finish(&link->plugin);
        free(link->alias);
        free(link->dialect);
    }
    for (unsigned i = 0; i < 2; i++) {
        if (c->builders[i]) {
            builder_finish(c->builders[i]);
            free(c->builders[i]);
        }
    }
    free(c->links);
    free(c);
}

bool chain_is_empty(const struct chain *c)
{
    return c->n == 0;
}

hp_status chain_start(struct chain *c, struct hp_error *err)
{
    for (size_t i = 0; i < c->n; i++) {
        struct chain_link *link = &c->links[i];
        c->env.enter(c->env.arg, "transform.start", link->alias);
        hp_status st = link->transform->start(link->self, err);
        c->env.leave(c->env.arg);
        if (st < 0) {
            (void)blame(link, err);
            chain_stop(c);
            return HP_ERROR;
        }
        link->started = true;
    }
    return HP_OK;
}

void chain_stop(struct chain *c)
{
    for (size_t i = c->n; i-- > 0;) {
        struct chain_link *link = &c->links[i];
        if (link->started) {
            c->env.enter(c->env.arg, "transform.stop", link->alias);
            link->transform->stop(link->self);
            c->env.leave(c->env.arg);
            link->started = false;
        }
    }
}

hp_status chain_announce(const struct chain *c, const struct hp_schema *schema, struct hp_error *err)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct chain_link *link = &c->links[i];
        const struct hp_transform_schemas *hook = link->plugin.entry->interface(HP_TRANSFORM_SCHEMAS);
        if (hook && hook->schema(link->self, schema, err) < 0) {
            return blame(link, err);
        }
    }
    return HP_OK;
}

struct hp_batch chain_view(struct schema_pool *pool, const struct hp_batch *in, const struct builder *result)
{
    struct hp_batch made = builder_batch(result), out = *in;
    out.data = made.data;
    out.len = made.len;
    out.n_records = made.n_records;
    schema_pool_view(pool, &out);
    return out;
}

hp_status chain_apply(struct chain *c, struct schema_pool *pool, const struct hp_batch *in, struct builder **out_result,
                      struct hp_error *err)
{
    struct hp_batch now = *in;
    struct builder *result = NULL;
    for (size_t i = 0; i < c->n && now.len; i++) {
        struct chain_link *link = &c->links[i];
        struct builder *into = c->builders[result == c->builders[0]];
        builder_reset(into);
        c->env.enter(c->env.arg, "transform.apply", link->alias);
        hp_status st = link->transform->apply(link->self, &now, &into->b, err);
        c->env.leave(c->env.arg);
        if (st < 0) {
            c->failed = now;
            c->failed_alias = link->alias;
            return blame(link, err);
        }
        if (st != HP_IDLE) {
            result = into;
            now = chain_view(pool, in, into);
        }
    }
    *out_result = result;
    return HP_OK;
}

void chain_swap(struct chain *c, struct builder *result, struct builder *instead)
{
    c->builders[c->builders[1] == result] = instead;
}

const struct hp_batch *chain_failed(const struct chain *c, const char **out_alias)
{
    *out_alias = c->failed_alias;
    return &c->failed;
}

void chain_trim(struct chain *c)
{
    for (unsigned i = 0; i < 2; i++) {
        if (c->builders[i]) {
            uint64_t keep = c->builders[i]->keep;
            c->builders[i]->keep = 0;
            builder_reset(c->builders[i]);
            c->builders[i]->keep = keep;
        }
    }
}
