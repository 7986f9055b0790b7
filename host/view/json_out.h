/* json_out.h: JSON scalars appended to a buf. A full buf shows in its `failed`; callers look once at the end. Pure. */
#ifndef VIEW_JSON_OUT_H
#define VIEW_JSON_OUT_H

#include "buf.h"

void json_out_base64(struct buf *out, const void *data, size_t len); /* with the quotes */
void json_out_int(struct buf *out, int64_t value);
/* The shortest text that reads back as the same number, always with a point or an exponent; NaN and infinities as the
   strings that Kafka Connect writes. */
void json_out_double(struct buf *out, double value);
void json_out_float(struct buf *out, float value);

#endif
