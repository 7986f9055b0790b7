/* pg_text.c: values that came in text form. Only types without a binary send function do (an extension's isbn, say), or
   a server that was asked for text, so this path is plain: the text is read into the binary form where the JSON is no
   string, and the writers of that form do the rest. See pg_form.h. */
#include "json.h"
#include "pg_form.h"

bool pg_form_text_json(const struct pg_form *form, const void *data, size_t len, struct buf *out)
{
    (void)form;
    json_escape(out, data, len);
    return true;
}
