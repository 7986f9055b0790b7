/* The socket reader against a server that sends in odd pieces, lies about lengths or goes away (F32, SEC-22, SEC-23).
 */
#include "wire.h"
#include "wire_read.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct line {
    struct settings settings;
    struct session session;
    struct wire w;
    int server;
};

static void open_line(struct line *l)
{
    int pair[2];
    memset(l, 0, sizeof *l);
    cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    l->settings.host = (char *)"h";
    l->settings.port = (char *)"1";
    l->session.settings = &l->settings;
    l->w = (struct wire){.session = &l->session,
                         .what = "streaming",
                         .direct = true,
                         .line = LINE_UNIX,
                         .fd = pair[0],
                         .wake_fd = -1,
                         .max_message = 1000,
                         .low_water = 1};
    l->server = pair[1];
}

static void close_line(struct line *l)
{
    (void)close(l->w.fd);
    (void)close(l->server);
    wire_finish(&l->w);
}

static void send_bytes(struct line *l, const void *data, size_t len)
{
    cr_assert(write(l->server, data, len) == (ssize_t)len);
}

static size_t frame(uint8_t *out, char type, const void *body, uint32_t len)
{
    out[0] = (uint8_t)type;
    wire_put32(out + 1, len + 4);
    memcpy(out + 5, body, len);
    return len + 5;
}

static enum wire_status peek(struct line *l, struct wire_msg *msg)
{
    struct hp_error err = {.size = sizeof err};
    enum wire_status status = WIRE_NONE;
    cr_assert(wire_wait(&l->w, 0, &err) == HP_OK, "%s", err.message);
    cr_assert(wire_peek(&l->w, msg, &status, &err) == HP_OK, "%s", err.message);
    return status;
}

Test(wire, one_byte_at_a_time)
{
    struct line l;
    uint8_t bytes[64];
    size_t n;
    struct wire_msg msg;
    open_line(&l);
    n = frame(bytes, 'W', "\0\0\0", 3);
    n += frame(bytes + n, 'd', "hello", 5);
    for (size_t i = 0; i < n; i++) {
        cr_assert(peek(&l, &msg) == WIRE_NONE);
        send_bytes(&l, bytes + i, 1);
    }
    cr_assert(peek(&l, &msg) == WIRE_HAVE && msg.len == 5 && memcmp(msg.data, "hello", 5) == 0);
    cr_assert(l.w.copying);
    wire_take(&l.w);
    cr_assert(peek(&l, &msg) == WIRE_NONE);
    close_line(&l);
}

Test(wire, many_in_one_read)
{
    struct line l;
    static uint8_t bytes[100000];
    size_t n = 0;
    unsigned got = 0;
    struct wire_msg msg;
    open_line(&l);
    for (unsigned i = 0; i < 1000; i++) {
        n += frame(bytes + n, 'd', &i, sizeof i);
    }
    send_bytes(&l, bytes, n);
    while (peek(&l, &msg) == WIRE_HAVE) {
        unsigned i;
        memcpy(&i, msg.data, sizeof i);
        cr_assert(i == got++);
        wire_take(&l.w);
    }
    cr_assert(got == 1000);
    close_line(&l);
}

Test(wire, larger_than_the_buffer)
{
    struct line l;
    static uint8_t big[150000], bytes[150005];
    struct wire_msg msg = {NULL, 0};
    size_t n, sent = 0;
    open_line(&l);
    l.w.max_message = sizeof big;
    for (size_t i = 0; i < sizeof big; i++) {
        big[i] = (uint8_t)(i * 7);
    }
    n = frame(bytes, 'd', big, sizeof big);
    while (sent < n) {
        size_t part = n - sent < 5000 ? n - sent : 5000;
        send_bytes(&l, bytes + sent, part);
        sent += part;
        cr_assert(peek(&l, &msg) == (sent < n ? WIRE_NONE : WIRE_HAVE));
    }
    cr_assert(msg.len == sizeof big && memcmp(msg.data, big, sizeof big) == 0);
    wire_take(&l.w);
    wire_shrink(&l.w);
    cr_assert(l.w.cap == 0, "the memory is given back");
    close_line(&l);
}

Test(wire, too_large_is_told_by_its_beginning)
{
    struct line l;
    uint8_t bytes[200];
    struct wire_msg msg;
    open_line(&l);
    memset(bytes, 'x', sizeof bytes);
    bytes[0] = 'd';
    wire_put32(bytes + 1, 1u << 30);
    send_bytes(&l, bytes, sizeof bytes);
    cr_assert(peek(&l, &msg) == WIRE_TOO_LARGE && msg.len == (1u << 30) - 4);
    close_line(&l);
}

Test(wire, impossible_lengths)
{
    static const uint32_t lengths[] = {0, 3, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct line l;
        uint8_t bytes[5] = {'N'};
        struct wire_msg msg;
        struct hp_error err = {.size = sizeof err};
        enum wire_status status;
        open_line(&l);
        wire_put32(bytes + 1, lengths[i]);
        send_bytes(&l, bytes, sizeof bytes);
        cr_assert(wire_wait(&l.w, 0, &err) == HP_OK);
        cr_assert(wire_peek(&l.w, &msg, &status, &err) == HP_ERROR && err.klass == HP_ERROR_FATAL);
        close_line(&l);
    }
}

Test(wire, server_error)
{
    static const char fields[] = "SERROR\0C55006\0Mreplication slot \"s\" is active\0Dfor PID 5\0Hwait\0";
    struct line l;
    uint8_t bytes[128];
    struct wire_msg msg;
    struct hp_error err = {.size = sizeof err};
    enum wire_status status;
    open_line(&l);
    send_bytes(&l, bytes, frame(bytes, 'E', fields, sizeof fields));
    cr_assert(wire_wait(&l.w, 0, &err) == HP_OK);
    cr_assert(wire_peek(&l.w, &msg, &status, &err) == HP_ERROR && err.klass == HP_ERROR_RETRY);
    cr_assert_str_eq(err.code, "55006");
    cr_assert(strstr(err.message, "is active") && strstr(err.message, "for PID 5") && strstr(err.message, "wait"));
    close_line(&l);
}

Test(wire, error_without_end)
{
    struct line l;
    uint8_t bytes[64];
    struct wire_msg msg;
    struct hp_error err = {.size = sizeof err};
    enum wire_status status;
    open_line(&l);
    send_bytes(&l, bytes, frame(bytes, 'E', "Mno end", 7));
    cr_assert(wire_wait(&l.w, 0, &err) == HP_OK);
    cr_assert(wire_peek(&l.w, &msg, &status, &err) == HP_ERROR);
    close_line(&l);
}

Test(wire, server_goes_away_in_a_message)
{
    struct line l;
    uint8_t bytes[64];
    struct wire_msg msg;
    struct hp_error err = {.size = sizeof err};
    enum wire_status status = WIRE_NONE;
    open_line(&l);
    send_bytes(&l, bytes, frame(bytes, 'd', "whole", 5));
    send_bytes(&l, "d\0\0", 3);
    (void)shutdown(l.server, SHUT_RDWR);
    cr_assert(wire_wait(&l.w, 0, &err) == HP_OK);
    cr_assert(wire_peek(&l.w, &msg, &status, &err) == HP_OK && status == WIRE_HAVE, "what came whole is still used");
    wire_take(&l.w);
    cr_assert(wire_wait(&l.w, 0, &err) == HP_OK);
    cr_assert(wire_peek(&l.w, &msg, &status, &err) == HP_ERROR && err.klass == HP_ERROR_RETRY);
    close_line(&l);
}

Test(wire, copy_ends)
{
    struct line l;
    uint8_t bytes[64];
    struct wire_msg msg;
    size_t n;
    open_line(&l);
    n = frame(bytes, 'H', "\0\0\0", 3);
    n += frame(bytes + n, 'c', "", 0);
    n += frame(bytes + n, 'C', "COPY 0", 7);
    n += frame(bytes + n, 'Z', "I", 1);
    send_bytes(&l, bytes, n);
    cr_assert(peek(&l, &msg) == WIRE_OVER);
    close_line(&l);
}

/* Any bytes at all: an answer or an error, never a read outside (ASan) and never without end. */
Test(wire, random_bytes)
{
    for (unsigned seed = 1; seed <= 300; seed++) {
        struct line l;
        uint8_t bytes[256];
        srand(seed);
        open_line(&l);
        for (int round = 0; round < 20; round++) {
            struct hp_error err = {.size = sizeof err};
            struct wire_msg msg = {NULL, 0};
            enum wire_status status = WIRE_NONE;
            size_t n = (size_t)rand() % sizeof bytes;
            for (size_t i = 0; i < n; i++) {
                bytes[i] = (uint8_t)(rand() % 4 ? rand() % 8 : rand());
            }
            send_bytes(&l, bytes, n);
            if (wire_wait(&l.w, 0, &err) != HP_OK) {
                break;
            }
            while (wire_peek(&l.w, &msg, &status, &err) == HP_OK && status == WIRE_HAVE) {
                wire_take(&l.w);
            }
        }
        close_line(&l);
    }
}
