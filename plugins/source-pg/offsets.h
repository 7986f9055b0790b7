/* offsets.h: the table of "homeport.source-offsets/1". */
#ifndef SOURCE_PG_OFFSETS_H
#define SOURCE_PG_OFFSETS_H

#include <homeport/homeport.h>

extern const struct hp_source_offsets offsets_interface;

#endif
