/*
 * schema_pool.h: interned schemas and topic names of one stream. Ids are dense, from 1, in order of
 * first appearance, and are what the log stores. [any] thread; the tables returned never move or change
 * (a grown table is a new one, the old stays alive until destroy).
 */
#ifndef RECORD_SCHEMA_POOL_H
#define RECORD_SCHEMA_POOL_H

#include "buf.h"

struct schema_pool;

struct schema_pool *schema_pool_create(void);
void schema_pool_destroy(struct schema_pool *p);
const struct hp_schema *schema_pool_intern(struct schema_pool *p, const struct hp_schema *s, struct hp_error *err);
uint32_t schema_pool_topic(struct schema_pool *p, struct hp_bytes name, struct hp_error *err);
/* Put the pool's tables into a batch view. */
void schema_pool_view(struct schema_pool *p, struct hp_batch *batch);
uint32_t schema_pool_n_schemas(struct schema_pool *p); /* highest id + 1 */
uint32_t schema_pool_n_topics(struct schema_pool *p);
struct hp_bytes schema_pool_topic_name(struct schema_pool *p, uint32_t id); /* NUL-terminated; empty if there is none */
uint32_t schema_pool_find_topic(struct schema_pool *p, struct hp_bytes name); /* 0: not there */
const struct hp_schema *schema_pool_get(struct schema_pool *p, uint32_t id);
struct hp_bytes schema_pool_encoded(struct schema_pool *p, uint32_t id); /* its stored form; empty if there is none */

/* The stored form of one schema: versioned, bounds-checked, independent of the pool. */
hp_status schema_encode(const struct hp_schema *s, struct buf *out, struct hp_error *err);
/* Interns what it decodes; used when a reader meets ids it does not know yet, in id order. */
hp_status schema_decode(struct schema_pool *p, const void *data, size_t len, struct hp_error *err);

#endif
