#include "buf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(buf, grows_to_its_limit_and_no_further)
{
    struct buf b;
    buf_init(&b, 100);
    for (int i = 0; i < 100; i++) {
        cr_assert(buf_putc(&b, 'x'));
    }
    cr_assert_not(b.failed);
    cr_assert_not(buf_putc(&b, 'y'));
    cr_assert(b.failed);
    cr_assert_eq(b.len, 100);
    cr_assert_eq(b.data[100], 0);
    cr_assert_not(buf_append(&b, "zz", SIZE_MAX));
    cr_assert_null(buf_room(&b, SIZE_MAX));
    buf_reset(&b);
    cr_assert_not(b.failed);
    cr_assert_eq(b.len, 0);
    buf_finish(&b);
}

Test(buf, printf_consume_and_steal)
{
    struct buf b;
    char *text;
    buf_init(&b, 1000);
    cr_assert(buf_printf(&b, "%s-%d", "abc", 42));
    cr_assert(buf_puts(&b, "!"));
    cr_assert_str_eq((char *)b.data, "abc-42!");
    buf_consume(&b, 4);
    cr_assert_str_eq((char *)b.data, "42!");
    buf_consume(&b, 100);
    cr_assert_eq(b.len, 0);
    cr_assert(buf_printf(&b, "%0500d", 7));
    cr_assert_eq(b.len, 500);
    cr_assert_not(buf_printf(&b, "%0501d", 7));
    cr_assert_eq(b.len, 500);
    text = buf_steal(&b);
    cr_assert_eq(strlen(text), 500);
    free(text);
    text = buf_steal(&b);
    cr_assert_str_eq(text, "");
    free(text);
}

Test(buf, room_and_take)
{
    struct buf b;
    buf_init(&b, 1000);
    memcpy(buf_room(&b, 3), "abc", 3);
    buf_take(&b, 3);
    cr_assert_str_eq((char *)b.data, "abc");
    buf_finish(&b);
}
