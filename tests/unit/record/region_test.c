#include "region.h"

#include <criterion/criterion.h>
#include <string.h>

Test(region, content_survives_growing_and_shrinking)
{
    struct region r = {0};
    cr_assert(region_grow(&r, 1, UINT64_MAX / 2));
    memcpy(r.base, "abc", 4);
    cr_assert(region_grow(&r, 100 << 20, UINT64_MAX / 2));
    cr_assert(r.cap >= 100 << 20);
    cr_assert_str_eq((char *)r.base, "abc");
    region_shrink(&r, 5000);
    cr_assert_eq(r.cap, 8192);
    cr_assert_str_eq((char *)r.base, "abc");
    region_shrink(&r, 1 << 20);
    cr_assert_eq(r.cap, 8192);
    region_finish(&r);
    cr_assert_null(r.base);
}

Test(region, limits)
{
    struct region r = {0};
    cr_assert_not(region_grow(&r, 10001, 10000));
    cr_assert_not(region_grow(&r, UINT64_MAX, UINT64_MAX));
    cr_assert_not(region_grow(&r, (uint64_t)1 << 60, UINT64_MAX));
    cr_assert(region_grow(&r, 10000, 10000));
    region_finish(&r);
}
