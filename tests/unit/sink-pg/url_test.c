/* url_test.c: connection URLs of both forms, and what they must not reach. */
#include "url.h"

#include <criterion/criterion.h>

static void expect(const char *text, const char *key, const char *value)
{
    struct url u;
    struct hp_error err = {.size = sizeof err};
    cr_assert_eq(url_parse(text, &u, &err), HP_OK, "%s: %s", text, err.message);
    if (value) {
        cr_assert_not_null(url_get(&u, key), "%s has no %s", text, key);
        cr_assert_str_eq(url_get(&u, key), value, "%s: %s is %s", text, key, url_get(&u, key));
    } else {
        cr_assert_null(url_get(&u, key), "%s: %s", text, key);
    }
    url_finish(&u);
}

Test(url, jdbc_forms)
{
    expect("jdbc:postgresql://db:5433/app", "host", "db");
    expect("jdbc:postgresql://db:5433/app", "port", "5433");
    expect("jdbc:postgresql://db:5433/app", "dbname", "app");
    expect("jdbc:postgresql://db/app", "port", NULL);
    expect("jdbc:postgresql://a:1,b:2,c/app", "host", "a,b,c");
    expect("jdbc:postgresql://a:1,b:2,c/app", "port", "1,2,");
    expect("jdbc:postgresql://[::1]:5432/app", "host", "::1");
    expect("jdbc:postgresql:app", "dbname", "app");
    expect("jdbc:postgresql:app", "host", NULL);
    expect("jdbc:postgresql:/", "dbname", NULL);
    expect("jdbc:postgresql://db/my%20app?user=me&password=a%26b%3D", "password", "a&b=");
    expect("jdbc:postgresql://db/my%20app?user=me&password=a%26b%3D", "dbname", "my app");
    expect("jdbc:postgresql://db/app?password=a+b%2B", "password", "a b+");
    expect("jdbc:postgresql://db/app?ssl=true", "sslmode", "verify-full");
    expect("jdbc:postgresql://db/app?ssl=true&sslmode=require", "sslmode", "require");
    expect("jdbc:postgresql://db/app?targetServerType=primary", "target_session_attrs", "read-write");
    expect("jdbc:postgresql://db/app?ApplicationName=x&connectTimeout=3", "connect_timeout", "3");
}

Test(url, libpq_forms)
{
    expect("postgresql://me:pw%40x@db:1/app?sslmode=disable", "password", "pw@x");
    expect("postgresql://me:a+b@db/app", "password", "a+b");
    expect("postgresql://db/app?password=a+b", "password", "a+b");
    expect("postgres://me@/app?host=/run/pg", "host", "/run/pg");
    expect("postgresql://%2Frun%2Fpg/app", "host", "/run/pg");
    expect("postgresql://", "host", NULL);
    expect("postgresql://db?user=a", "user", "a");
}

Test(url, names_schema_and_what_it_ignores)
{
    struct url u;
    struct hp_error err = {.size = sizeof err};
    cr_assert_eq(
        url_parse("jdbc:postgresql://h/d?currentSchema=S%20x,public&socketTimeout=3&reWriteBatchedInserts=true", &u,
                  &err),
        HP_OK);
    cr_assert_str_eq(u.schema, "S x");
    cr_assert_str_eq((char *)u.ignored.data, "socketTimeout, reWriteBatchedInserts");
    url_finish(&u);
}

Test(url, refuses)
{
    static const char *const bad[] = {
        "",
        "mysql://h/d",
        "jdbc:mysql://h/d",
        "postgresql:app",
        "host=x dbname=y",
        "jdbc:postgresql://u:secret@h/d",
        "postgresql://h/d?service=x",
        "postgresql://h/d?options=-c%20x",
        "postgresql://h/d?passfile=/x",
        "postgresql://h/d?servicefile=/x",
        "postgresql://h/d?replication=database",
        "postgresql://h/d?requirepeer=x",
        "postgresql://h:0/d",
        "postgresql://h:65536/d",
        "postgresql://h:1x/d",
        "postgresql://h:12345678/d",
        "postgresql://[::1/d",
        "postgresql://[::1]x/d",
        "postgresql://a%2Cb/d",
        "postgresql://h/d%zz",
        "postgresql://h/d%00x",
        "postgresql://h/d?user=%0",
        "jdbc:postgresql://h/d?targetServerType=secondary",
        "postgresql://u%:p@h/d",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct url u;
        struct hp_error err = {.size = sizeof err};
        cr_assert_eq(url_parse(bad[i], &u, &err), HP_ERROR, "%s", bad[i]);
        cr_assert_eq(err.klass, HP_ERROR_CONFIG);
        cr_assert_null(strstr(err.message, "secret"), "%s", err.message);
    }
}

Test(url, loopback)
{
    static const struct {
        const char *text;
        bool loopback;
    } list[] = {{"postgresql:///d", true},
                {"postgresql://localhost/d", true},
                {"postgresql://127.0.0.1:1,[::1]/d", true},
                {"postgresql:///d?host=/run", true},
                {"postgresql://db/d", false},
                {"postgresql://127.0.0.1,db/d", false},
                {"postgresql://localhost.evil/d", false},
                {"postgresql://127.evil.com/d", false},
                {"postgresql://localhost/d?hostaddr=10.0.0.1", false}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct url u;
        struct hp_error err = {.size = sizeof err};
        cr_assert_eq(url_parse(list[i].text, &u, &err), HP_OK);
        cr_assert_eq(url_is_loopback(&u), list[i].loopback, "%s", list[i].text);
        url_finish(&u);
    }
}
