/*
 * keys.h: the configuration keys of both dialects (design D18): source-pg's own and Debezium's. One table; the
 * dialects differ in defaults only. Used by plugin.c (to declare them) and settings.c (to fill in defaults).
 */
#ifndef SOURCE_PG_KEYS_H
#define SOURCE_PG_KEYS_H

#include <homeport/homeport.h>

#include <stdbool.h>

#define KEYS_JAVA_CLASS "io.debezium.connector.postgresql.PostgresConnector"
#define KEYS_OWN_ID     "source-pg"

bool keys_is_java(const char *dialect);
uint32_t keys_table(const char *dialect, const struct hp_config_key **out_keys);
/* The value given, or the dialect's default (may be NULL). */
const char *keys_value(const struct hp_config *config, const char *name);

#endif
