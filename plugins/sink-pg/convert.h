/* convert.h: a cell that is not in PostgreSQL's native form, as the binary form of a builtin type. Pure. */
#ifndef SINK_PG_CONVERT_H
#define SINK_PG_CONVERT_H

#include "types.h"

/*
 * Appends the value's bytes to out. oid: what wire_choose() decided for the column; target: the column's own type,
 * which decides whether an array becomes PostgreSQL's array text or JSON. false: the cell does not fit the column's
 * declared type, or is nested too deeply.
 */
bool convert_cell(struct bytes *out, uint32_t oid, const struct hp_column *source, const struct pgtype *target,
                  const struct hp_record *rec, const struct hp_cell *cell);

#endif
