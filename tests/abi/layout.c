/*
 * layout.c: the size of every public struct and the place of every member, on 64-bit machines. Compiling it is the
 * test: a plugin that was built yesterday must find today's members where it looks for them. Until 1.0 the ABI is
 * draft, and a change here is a decision; afterwards structs only grow at the tail.
 */
#include <homeport/homeport.h>

#include <stddef.h>

#define SIZE(name, size)         _Static_assert(sizeof(struct name) == (size), "size of " #name)
#define AT(name, member, offset) _Static_assert(offsetof(struct name, member) == (offset), #name "." #member)

SIZE(hp_bytes, 16);
AT(hp_bytes, data, 0);
AT(hp_bytes, len, 8);

SIZE(hp_error, 1016);
AT(hp_error, size, 0);
AT(hp_error, klass, 4);
AT(hp_error, retry_after_ms, 8);
AT(hp_error, reserved, 12);
AT(hp_error, record, 16);
AT(hp_error, code, 24);
AT(hp_error, message, 40);

SIZE(hp_cell, 16);
AT(hp_cell, type, 0);
AT(hp_cell, flags, 1);
AT(hp_cell, reserved, 2);
AT(hp_cell, len, 4);
AT(hp_cell, u, 8);

SIZE(hp_column, 96);
AT(hp_column, size, 0);
AT(hp_column, flags, 4);
AT(hp_column, name, 8);
AT(hp_column, type, 24);
AT(hp_column, native_oid, 28);
AT(hp_column, native_typmod, 32);
AT(hp_column, native_base, 36);
AT(hp_column, native_name, 40);
AT(hp_column, native_kind, 56);
AT(hp_column, key_position, 60);
AT(hp_column, logical, 64);
AT(hp_column, extra, 80);

SIZE(hp_schema, 112);
AT(hp_schema, size, 0);
AT(hp_schema, id, 4);
AT(hp_schema, version, 8);
AT(hp_schema, identity, 12);
AT(hp_schema, name, 16);
AT(hp_schema, native, 32);
AT(hp_schema, database, 48);
AT(hp_schema, namespace_, 64);
AT(hp_schema, table, 80);
AT(hp_schema, n_columns, 96);
AT(hp_schema, column_size, 100);
AT(hp_schema, columns, 104);

SIZE(hp_record, 64);
AT(hp_record, size, 0);
AT(hp_record, kind, 4);
AT(hp_record, op, 5);
AT(hp_record, flags, 6);
AT(hp_record, topic, 8);
AT(hp_record, schema, 12);
AT(hp_record, key_schema, 16);
AT(hp_record, subxid, 20);
AT(hp_record, seq, 24);
AT(hp_record, before, 28);
AT(hp_record, after, 32);
AT(hp_record, headers, 36);
AT(hp_record, n_headers, 40);
AT(hp_record, partition, 44);
AT(hp_record, pos, 48);
AT(hp_record, timestamp_us, 56);

SIZE(hp_tx, 112);
AT(hp_tx, size, 0);
AT(hp_tx, flags, 4);
AT(hp_tx, id, 8);
AT(hp_tx, commit_pos, 16);
AT(hp_tx, end_pos, 24);
AT(hp_tx, commit_us, 32);
AT(hp_tx, origin_pos, 40);
AT(hp_tx, origin, 48);

SIZE(hp_batch, 96);
AT(hp_batch, size, 0);
AT(hp_batch, flags, 4);
AT(hp_batch, data, 8);
AT(hp_batch, len, 16);
AT(hp_batch, n_records, 24);
AT(hp_batch, first_offset, 32);
AT(hp_batch, built_us, 40);
AT(hp_batch, stream, 48);
AT(hp_batch, schemas, 64);
AT(hp_batch, n_schemas, 72);
AT(hp_batch, n_topics, 76);
AT(hp_batch, topics, 80);
AT(hp_batch, tx, 88);

SIZE(hp_builder, 64);
AT(hp_builder, size, 0);
AT(hp_builder, open, 4);
AT(hp_builder, base, 8);
AT(hp_builder, len, 16);
AT(hp_builder, cap, 24);
AT(hp_builder, n_records, 32);
AT(hp_builder, max_record, 40);
AT(hp_builder, grow, 48);
AT(hp_builder, host, 56);

SIZE(hp_config_key, 56);
AT(hp_config_key, size, 0);
AT(hp_config_key, type, 4);
AT(hp_config_key, importance, 8);
AT(hp_config_key, flags, 12);
AT(hp_config_key, name, 16);
AT(hp_config_key, default_value, 24);
AT(hp_config_key, allowed, 32);
AT(hp_config_key, group, 40);
AT(hp_config_key, doc, 48);

SIZE(hp_config_entry, 16);
AT(hp_config_entry, key, 0);
AT(hp_config_entry, value, 8);

SIZE(hp_config, 32);
AT(hp_config, size, 0);
AT(hp_config, n_entries, 4);
AT(hp_config, entries, 8);
AT(hp_config, dialect, 16);
AT(hp_config, connector, 24);

SIZE(hp_config_report, 32);
AT(hp_config_report, size, 0);
AT(hp_config_report, reserved, 4);
AT(hp_config_report, host, 8);
AT(hp_config_report, error, 16);
AT(hp_config_report, warning, 24);

SIZE(hp_host, 40);
AT(hp_host, size, 0);
AT(hp_host, abi_minor, 4);
AT(hp_host, ctx, 8);
AT(hp_host, version, 16);
AT(hp_host, service, 24);
AT(hp_host, log, 32);

SIZE(hp_host_records, 16);
AT(hp_host_records, topic, 0);
AT(hp_host_records, schema, 8);

SIZE(hp_host_schemas, 8);
AT(hp_host_schemas, announce, 0);

SIZE(hp_host_waiting, 24);
AT(hp_host_waiting, begin, 0);
AT(hp_host_waiting, end, 8);
AT(hp_host_waiting, alive, 16);

SIZE(hp_host_metrics, 24);
AT(hp_host_metrics, get, 0);
AT(hp_host_metrics, add, 8);
AT(hp_host_metrics, set, 16);

SIZE(hp_host_failpoint, 8);
AT(hp_host_failpoint, hit, 0);

SIZE(hp_poll, 184);
AT(hp_poll, size, 0);
AT(hp_poll, kind, 4);
AT(hp_poll, max_bytes, 8);
AT(hp_poll, wait_us, 16);
AT(hp_poll, batch, 24);
AT(hp_poll, tx, 32);
AT(hp_poll, aborted, 144);
AT(hp_poll, n_aborted, 152);
AT(hp_poll, position, 160);
AT(hp_poll, ticket, 176);

SIZE(hp_source, 40);
AT(hp_source, start, 0);
AT(hp_source, poll, 8);
AT(hp_source, commit, 16);
AT(hp_source, interrupt, 24);
AT(hp_source, stop, 32);

SIZE(hp_source_offsets, 24);
AT(hp_source_offsets, partition, 0);
AT(hp_source_offsets, alter, 8);
AT(hp_source_offsets, reset, 16);

SIZE(hp_sink_position, 40);
AT(hp_sink_position, size, 0);
AT(hp_sink_position, reserved, 4);
AT(hp_sink_position, stream, 8);
AT(hp_sink_position, offset, 24);
AT(hp_sink_position, epoch, 32);

SIZE(hp_sink, 64);
AT(hp_sink, start, 0);
AT(hp_sink, position, 8);
AT(hp_sink, put, 16);
AT(hp_sink, commit, 24);
AT(hp_sink, rollback, 32);
AT(hp_sink, flushed, 40);
AT(hp_sink, interrupt, 48);
AT(hp_sink, stop, 56);

SIZE(hp_sink_offsets, 16);
AT(hp_sink_offsets, get, 0);
AT(hp_sink_offsets, set, 8);

SIZE(hp_transform, 24);
AT(hp_transform, start, 0);
AT(hp_transform, apply, 8);
AT(hp_transform, stop, 16);

SIZE(hp_transform_schemas, 8);
AT(hp_transform_schemas, schema, 0);

SIZE(hp_plugin_desc, 56);
AT(hp_plugin_desc, size, 0);
AT(hp_plugin_desc, kind, 4);
AT(hp_plugin_desc, id, 8);
AT(hp_plugin_desc, aliases, 16);
AT(hp_plugin_desc, version, 24);
AT(hp_plugin_desc, doc, 32);
AT(hp_plugin_desc, keys, 40);
AT(hp_plugin_desc, validate, 48);

SIZE(hp_plugin_entry, 48);
AT(hp_plugin_entry, size, 0);
AT(hp_plugin_entry, abi_major, 4);
AT(hp_plugin_entry, abi_minor, 8);
AT(hp_plugin_entry, reserved, 12);
AT(hp_plugin_entry, desc, 16);
AT(hp_plugin_entry, create, 24);
AT(hp_plugin_entry, interface, 32);
AT(hp_plugin_entry, destroy, 40);
