/*
 * schema_codec.h: the stored form of one schema, within host/record. Without id and version, so that equal schemas have
 * equal bytes: the pool interns by them. Pure.
 */
#ifndef RECORD_SCHEMA_CODEC_H
#define RECORD_SCHEMA_CODEC_H

#include "schema_pool.h"

#define SCHEMA_ENCODED_MAX (16u << 20)

/* Checks everything and makes a schema whose memory is one block (free() it), encoded bytes included. id and version
   stay 0. *out_encoded points into the block. */
struct hp_schema *schema_parse(const void *data, size_t len, struct hp_bytes *out_encoded, struct hp_error *err);

#endif
