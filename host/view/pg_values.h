/*
 * pg_values.h: the writers behind pg_form.c's table, one file per family of types. Each takes a value in binary send
 * form and appends either JSON (_json) or the type's text (_text, what the server's output function prints, in UTC and
 * ISO style). False: not such a value. A value that Debezium's form cannot hold becomes null. Pure.
 */
#ifndef VIEW_PG_VALUES_H
#define VIEW_PG_VALUES_H

#include "pg_form.h"
#include "wire.h"

/* pg_numeric.c */
bool pg_decimal_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_variable_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_money_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_numeric_text(struct wire w, struct buf *out);

/* pg_time.c */
bool pg_date_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_time_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_timetz_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_timestamp_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_timestamptz_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_interval_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_date_text(struct wire w, struct buf *out);
bool pg_timestamp_text(struct wire w, bool utc_offset, struct buf *out);

/* pg_net.c */
bool pg_inet_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_macaddr_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_uuid_json(const struct pg_form *form, struct wire w, struct buf *out);

/* pg_composed.c: values made of parts, shown as text */
bool pg_range_text(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_tsvector_text(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_hstore_text(const struct pg_form *form, struct wire w, struct buf *out);

/* pg_geo.c */
bool pg_point_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_line_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_lseg_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_box_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_path_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_polygon_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_circle_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_postgis_json(const struct pg_form *form, struct wire w, struct buf *out);

/* pg_vector.c: pgvector's types */
bool pg_vector_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_halfvec_json(const struct pg_form *form, struct wire w, struct buf *out);
bool pg_sparsevec_json(const struct pg_form *form, struct wire w, struct buf *out);

/* pg_array.c */
bool pg_array_json(const struct pg_form *form, struct wire w, struct buf *out);

#endif
