/*
 * latency.c: time from the return of a commit in one database to the moment another one shows the row. A benchmark
 * tool.
 *
 *   latency SOURCE-CONNINFO TARGET-CONNINFO RATE SECONDS
 *
 * The table lat(id bigint primary key, v text) is in both. One thread commits one row at a time, open loop: transaction
 * n is due at n/RATE seconds, and is late rather than left out. The other asks the target for max(id) without pause, by
 * a prepared statement. Prints "n, p50, p99, p99.9, max" in microseconds.
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t *committed; /* by id: when its commit returned, microseconds; 0: not yet */
static _Atomic int64_t last;
static _Atomic int done;

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static PGconn *connected(const char *conninfo)
{
    PGconn *conn = PQconnectdb(conninfo);
    if (PQstatus(conn) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s", PQerrorMessage(conn));
        exit(1);
    }
    return conn;
}

static void check(PGconn *conn, PGresult *result, ExecStatusType wanted)
{
    if (PQresultStatus(result) != wanted) {
        (void)fprintf(stderr, "%s", PQerrorMessage(conn));
        exit(1);
    }
}

struct writer {
    PGconn *conn;
    int64_t n;
    double rate;
};

static void *write_rows(void *arg)
{
    struct writer *w = arg;
    int64_t start = now_us();
    PQclear(PQprepare(w->conn, "i", "INSERT INTO lat VALUES ($1, repeat('x', 80))", 1, NULL));
    for (int64_t id = 1; id <= w->n; id++) {
        int64_t due = start + (int64_t)((double)id * 1e6 / w->rate);
        struct timespec at = {.tv_sec = due / 1000000, .tv_nsec = due % 1000000 * 1000};
        char text[24];
        const char *values[1] = {text};
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        (void)snprintf(text, sizeof text, "%lld", (long long)id);
        PGresult *r = PQexecPrepared(w->conn, "i", 1, values, NULL, NULL, 0);
        check(w->conn, r, PGRES_COMMAND_OK);
        PQclear(r);
        __atomic_store_n(&committed[id], now_us(), __ATOMIC_RELEASE);
        atomic_store(&last, id);
    }
    atomic_store(&done, 1);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        (void)fprintf(stderr, "usage: latency SOURCE-CONNINFO TARGET-CONNINFO RATE SECONDS\n");
        return 2;
    }
    struct writer w = {.conn = connected(argv[1]), .rate = atof(argv[3])};
    PGconn *target = connected(argv[2]);
    w.n = (int64_t)(w.rate * atof(argv[4]));
    committed = calloc((size_t)w.n + 1, sizeof *committed);
    int64_t *took = calloc((size_t)w.n + 1, sizeof *took);
    pthread_t thread;
    if (!committed || !took || w.n < 1 || pthread_create(&thread, NULL, write_rows, &w) != 0) {
        return 1;
    }
    PQclear(PQprepare(target, "m", "SELECT max(id) FROM lat", 0, NULL));
    int64_t seen = 0, began = now_us();
    while (seen < w.n && now_us() - began < 300000000) {
        PGresult *r = PQexecPrepared(target, "m", 0, NULL, NULL, NULL, 0);
        check(target, r, PGRES_TUPLES_OK);
        int64_t shown = PQgetisnull(r, 0, 0) ? 0 : strtoll(PQgetvalue(r, 0, 0), NULL, 10), at = now_us();
        PQclear(r);
        for (; seen < shown; seen++) {
            int64_t c = __atomic_load_n(&committed[seen + 1], __ATOMIC_ACQUIRE);
            took[seen] = c && at > c ? at - c : 0; /* shown before the writer even heard of its commit */
        }
    }
    (void)pthread_join(thread, NULL);
    if (seen < w.n) {
        (void)fprintf(stderr, "only %lld of %lld rows arrived\n", (long long)seen, (long long)w.n);
        return 1;
    }
    qsort(took, (size_t)w.n, sizeof *took, by_value);
    printf("%lld %lld %lld %lld %lld\n", (long long)w.n, (long long)took[w.n / 2], (long long)took[w.n * 99 / 100],
           (long long)took[w.n * 999 / 1000], (long long)took[w.n - 1]);
    PQfinish(w.conn);
    PQfinish(target);
    free(committed);
    free(took);
    return 0;
}
