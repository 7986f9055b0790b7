#include "crc32c.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(crc32c, known_values) /* RFC 3720, B.4 */
{
    uint8_t b[48] = {0};
    cr_assert_eq(crc32c(0, "123456789", 9), 0xe3069283u);
    cr_assert_eq(crc32c(0, b, 32), 0x8a9136aau);
    for (int i = 0; i < 32; i++) {
        b[i] = 0xff;
    }
    cr_assert_eq(crc32c(0, b, 32), 0x62a8ab43u);
    for (int i = 0; i < 32; i++) {
        b[i] = (uint8_t)i;
    }
    cr_assert_eq(crc32c(0, b, 32), 0x46dd794eu);
    cr_assert_eq(crc32c(0, b, 0), 0);
}

Test(crc32c, every_way_gives_the_same_and_it_chains)
{
    size_t len = 40000;
    uint8_t *b = malloc(len);
    srand(7);
    for (size_t i = 0; i < len; i++) {
        b[i] = (uint8_t)rand();
    }
    for (int round = 0; round < 300; round++) {
        size_t from = (size_t)rand() % 64, n = (size_t)rand() % (len - 64), cut = n ? (size_t)rand() % n : 0;
        uint32_t whole = crc32c(0, b + from, n);
        cr_assert_eq(whole, crc32c_table(0, b + from, n));
        cr_assert_eq(whole, crc32c(crc32c(0, b + from, cut), b + from + cut, n - cut));
    }
    free(b);
}
