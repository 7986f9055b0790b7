/*
 * known.h: schemas by their content. Ids are a stream's own, and a sink's transform sees several streams, each of which
 * may be made anew: what was planned for a schema holds for an equal one only, whatever its id. Pure.
 */
#ifndef RESIDENCY_KNOWN_H
#define RESIDENCY_KNOWN_H

#include <homeport/homeport.h>

/* A copy in one piece of memory; free() it. NULL: no memory. */
struct hp_schema *known_copy(const struct hp_schema *schema);
/* Do they agree in everything but id and version? */
int known_equal(const struct hp_schema *a, const struct hp_schema *b);

#endif
