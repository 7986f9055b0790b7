/* SEC-04: loopback, or no start. */
#include "listener.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static struct hp_error err = {.size = sizeof err};

static hp_status parse(const char *text, struct listener *l)
{
    struct sockaddr_storage addr;
    socklen_t len;
    return listener_parse(text, l, &addr, &len, &err);
}

Test(listener, loopback)
{
    static const char *const good[] = {"http://127.0.0.1:8083", "http://localhost:0", "HTTP://127.1.2.3:65535",
                                       "http://[::1]:8083", "http://127.0.0.1:8083/"};
    struct listener l;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(parse(good[i], &l), HP_OK, "%s: %s", good[i], err.message);
    }
}

Test(listener, SEC04_others_are_refused_with_the_reason)
{
    static const char *const bad[] = {"http://:8083",         "http://0.0.0.0:8083",    "http://[::]:8083",
                                      "http://10.0.0.1:8083", "http://db.example:8083", "http://127.0.0.1.example:80",
                                      "http://128.0.0.1:80"};
    struct listener l;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(parse(bad[i], &l), HP_ERROR, "%s", bad[i]);
        cr_assert_not_null(strstr(err.message, "loopback only"), "%s", err.message);
        cr_assert_not_null(strstr(err.message, bad[i]), "%s", err.message);
    }
}

Test(listener, malformed)
{
    static const char *const bad[] = {"",
                                      "127.0.0.1:8083",
                                      "https://127.0.0.1:8083",
                                      "http://127.0.0.1",
                                      "http://127.0.0.1:",
                                      "http://127.0.0.1:65536",
                                      "http://127.0.0.1:-1",
                                      "http://127.0.0.1:8083/x",
                                      "http://127.0.0.1:80,http://127.0.0.1:81",
                                      "http://[::1:80",
                                      "http://127.0.0.1:+5"};
    struct listener l;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(parse(bad[i], &l), HP_ERROR, "%s", bad[i]);
        cr_assert_not_null(strstr(err.message, "listeners="), "%s", err.message);
    }
}

Test(listener, the_chosen_port_is_told)
{
    struct listener l;
    cr_assert_eq(listener_open("http://127.0.0.1:0", &l, &err), HP_OK, "%s", err.message);
    cr_assert_neq(l.port, 0);
    close(l.fd);
}
