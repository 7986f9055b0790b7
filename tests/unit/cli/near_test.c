/* near_test.c: which topics a mistyped name is taken to mean. */
#include "near.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void expect(const char *wanted, const char *expected)
{
    static const char *const names[] = {"shop.public.orders", "shop.public.order_items", "shop.public.customers",
                                        "shop.message",       "bank.public.accounts",    "s"};
    struct near near;
    char found[512] = "";
    near_init(&near, wanted);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        near_offer(&near, names[i]);
    }
    for (size_t i = 0; i < near.n; i++) {
        size_t at = strlen(found);
        (void)snprintf(found + at, sizeof found - at, "%s%s", i ? " " : "", near.best[i].name);
    }
    cr_expect_str_eq(found, expected, "%s: %s", wanted, found);
    near_finish(&near);
}

Test(near, names)
{
    expect("shop.public.order", "shop.public.orders shop.public.order_items shop.public.customers");
    expect("orders", "shop.public.orders");
    expect("ACCOUNTS", "bank.public.accounts");
    expect("shop.pubilc.customers", "shop.public.customers shop.public.orders");
    expect("nothing like it", "");
    expect("", "shop.public.orders shop.public.order_items shop.public.customers shop.message bank.public.accounts");
}

Test(near, long_names)
{
    char name[5000];
    struct near near;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    near_init(&near, name);
    near_offer(&near, "x");
    near_offer(&near, name);
    cr_expect_eq(near.best[0].distance, 0u);
    near_finish(&near);
}
