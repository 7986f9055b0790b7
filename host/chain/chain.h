/*
 * chain.h: the transforms of one connector, in order, on one batch after the other (SEM-01, SEM-20). The same chain
 * serves at either end: behind a source, in front of a sink. [task] thread throughout.
 */
#ifndef CHAIN_CHAIN_H
#define CHAIN_CHAIN_H

#include "builder.h"
#include "props.h"
#include "schema_pool.h"

struct chain;

/* What the chain needs from the process it runs in. */
struct chain_env {
    void *arg;
    /* Host services for the transform `alias`; valid until the process ends. NULL: no memory. */
    const struct hp_host *(*host)(void *arg, const char *alias);
    /* Around every call into a plugin; `call` and `alias` stay valid meanwhile. */
    void (*enter)(void *arg, const char *call, const char *alias);
    void (*leave)(void *arg);
    uint64_t keep; /* memory kept between batches */
    uint64_t max_record;
};

/* Loads the plugins that transforms=... names and makes their instances. */
hp_status chain_create(const struct props *config, const char *plugin_path, const char *connector,
                       const struct chain_env *env, struct chain **out, struct hp_error *err);
void chain_destroy(struct chain *c);
bool chain_is_empty(const struct chain *c);
hp_status chain_start(struct chain *c, struct hp_error *err); /* all or none */
void chain_stop(struct chain *c);
/* Show the transforms that ask for it a schema whose records may come. */
hp_status chain_announce(const struct chain *c, const struct hp_schema *schema, struct hp_error *err);

/*
 * Run a batch through. *out_result is the builder that holds what came out, or NULL if nothing was changed; it is the
 * chain's until chain_swap(), and good until the next apply. Ids in it are those of `pool`, which also holds those of
 * the batch. On failure, err->record (POISON) counts in chain_failed()'s batch.
 */
hp_status chain_apply(struct chain *c, struct schema_pool *pool, const struct hp_batch *in, struct builder **out_result,
                      struct hp_error *err);
/* The view of a result: like `in`, with the result's records. */
struct hp_batch chain_view(struct schema_pool *pool, const struct hp_batch *in, const struct builder *result);
/* Take the result away, giving another builder for it. */
void chain_swap(struct chain *c, struct builder *result, struct builder *instead);
/* What the transform that failed was given, and its alias; good until the next apply. */
const struct hp_batch *chain_failed(const struct chain *c, const char **out_alias);
void chain_trim(struct chain *c); /* give memory back while idle */

#endif
