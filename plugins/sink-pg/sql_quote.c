/* sql_quote.c: names and texts as SQL writes them; see sql_build.h. */
#include "sql_build.h"

void sql_name(struct bytes *out, const char *name)
{
    bytes_text(out, "\"");
    for (; *name; name++) {
        bytes_append(out, name, 1);
        if (*name == '"') {
            bytes_append(out, name, 1);
        }
    }
    bytes_text(out, "\"");
}

void sql_qualified(struct bytes *out, const char *schema, const char *name)
{
    sql_name(out, schema);
    bytes_text(out, ".");
    sql_name(out, name);
}

void sql_literal(struct bytes *out, struct hp_bytes text)
{
    bytes_text(out, "'");
    for (uint64_t i = 0; i < text.len; i++) {
        const char *c = (const char *)text.data + i;
        bytes_append(out, c, 1);
        if (*c == '\'') {
            bytes_append(out, c, 1);
        }
    }
    bytes_text(out, "'");
}
