/* link.c: connecting, waiting and single queries; see link.h. pipeline.c and copy.c go on from here. */
#include "link_wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

hp_status link_init(struct link *l, const struct hp_host *host, struct hp_error *err)
{
    memset(l, 0, sizeof *l);
    l->host = host;
    l->waiting = host->service(host, HP_HOST_WAITING);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake < 0) {
        return hp_fail(err, HP_ERROR_RETRY, "EMFILE", "cannot make an eventfd: no more file descriptors");
    }
    return HP_OK;
}

void link_finish(struct link *l)
{
    link_close(l);
    if (l->wake >= 0) {
        (void)close(l->wake);
    }
    free(l->sent);
    l->sent = NULL;
    l->wake = -1;
}

void link_interrupt(struct link *l)
{
    uint64_t one = 1;
    ssize_t n = write(l->wake, &one, sizeof one);
    (void)n;
}

static bool interrupted(struct link *l)
{
    uint64_t count;
    return read(l->wake, &count, sizeof count) == (ssize_t)sizeof count;
}

/* Ask the server to stop what it does for us: a backend that waits for a lock does not notice a closed socket. */
static void cancel(struct link *l)
{
    char text[256];
    PGcancel *c = PQgetCancel(l->pg);
    if (c) {
        if (l->waiting) {
            l->waiting->begin(l->host, "the target database to cancel");
        }
        (void)PQcancel(c, text, sizeof text);
        PQfreeCancel(c);
        if (l->waiting) {
            l->waiting->end(l->host);
        }
    }
}

hp_status link_lost(struct link *l, struct hp_error *err)
{
    char line[300];
    size_t n = 0;
    const char *message = PQerrorMessage(l->pg);
    while (*message && *message != '\n' && n + 1 < sizeof line) {
        line[n++] = *message++;
    }
    line[n] = '\0';
    l->broken = true;
    return hp_fail(err, HP_ERROR_RETRY, "08006", "connection to the target database lost: %s", line);
}

hp_status link_wait(struct link *l, short events, int timeout_ms, const char *for_what, struct hp_error *err)
{
    struct pollfd fds[2] = {{PQsocket(l->pg), events, 0}, {l->wake, POLLIN, 0}};
    int ready = poll(fds, 2, 0);
    if (ready == 0 && timeout_ms != 0) {
        if (l->waiting) {
            l->waiting->begin(l->host, for_what);
        }
        do {
            ready = poll(fds, 2, timeout_ms);
        } while (ready < 0 && errno == EINTR);
        if (l->waiting) {
            l->waiting->end(l->host);
        }
    }
    if ((fds[1].revents & POLLIN) && interrupted(l)) {
        if (PQstatus(l->pg) == CONNECTION_OK) {
            cancel(l);
        }
        l->broken = true;
        return hp_fail(err, HP_ERROR_RETRY, "57014", "interrupted while waiting for %s", for_what);
    }
    return ready == 0 ? HP_IDLE : HP_OK;
}

hp_status link_read(struct link *l, struct hp_error *err)
{
    for (;;) {
        int flushed = PQflush(l->pg);
        if (flushed < 0) {
            return link_lost(l, err);
        }
        if (flushed == 0) {
            l->unflushed = 0;
        }
        if (!PQisBusy(l->pg)) {
            return HP_OK;
        }
        if (link_wait(l, (short)(flushed ? POLLIN | POLLOUT : POLLIN), -1, "the target database", err) != HP_OK) {
            return HP_ERROR;
        }
        if (!PQconsumeInput(l->pg)) {
            return link_lost(l, err);
        }
    }
}

/* ---- connecting ---- */

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static hp_status connect_poll(struct link *l, int64_t deadline, struct hp_error *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        int64_t left = deadline - now_ms();
        hp_status st;
        if (state == PGRES_POLLING_FAILED) {
            return failure_connect(PQerrorMessage(l->pg), err);
        }
        if (left <= 0) {
            return hp_fail(err, HP_ERROR_RETRY, "08001", "cannot connect to the target database: no answer in time");
        }
        st = link_wait(l, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, (int)left, "a connection", err);
        if (st < 0) {
            return st;
        }
        if (st == HP_OK) {
            state = PQconnectPoll(l->pg);
        }
    }
    return HP_OK;
}

/* Notices go to the log at DEBUG only: they may hold values. */
static void no_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

hp_status link_open(struct link *l, const struct sink_config *config, struct hp_error *err)
{
    const char *keys[URL_PARAMS_MAX + 1], *values[URL_PARAMS_MAX + 1];
    const char *timeout = url_get(&config->url, "connect_timeout");
    long seconds = timeout ? strtol(timeout, NULL, 10) : 10;
    hp_status st;
    link_close(l);
    (void)interrupted(l);
    for (size_t i = 0; i < config->url.n; i++) {
        keys[i] = config->url.params[i].key;
        values[i] = config->url.params[i].value;
    }
    keys[config->url.n] = values[config->url.n] = NULL;
    l->pg = PQconnectStartParams(keys, values, 0);
    if (!l->pg) {
        return out_of_memory(err);
    }
    (void)PQsetErrorVerbosity(l->pg, PQERRORS_VERBOSE); /* a refusal's SQLSTATE is in its text only */
    if (PQstatus(l->pg) == CONNECTION_BAD) {
        st = failure_connect(PQerrorMessage(l->pg), err);
    } else {
        st = connect_poll(l, now_ms() + (seconds > 0 && seconds < 3600 ? seconds : 3600) * 1000, err);
    }
    if (st == HP_OK && PQsetnonblocking(l->pg, 1) != 0) {
        st = link_lost(l, err);
    }
    if (st != HP_OK) {
        link_close(l);
        return st;
    }
    (void)PQsetErrorVerbosity(l->pg, PQERRORS_DEFAULT);
    (void)PQsetNoticeReceiver(l->pg, no_notice, NULL);
    l->version = PQserverVersion(l->pg);
    l->generation++;
    l->n_prepared = 0;
    l->broken = false;
    return HP_OK;
}

void link_close(struct link *l)
{
    if (l->pg) {
        PQfinish(l->pg);
    }
    l->pg = NULL;
    l->broken = true;
    l->pipeline = l->unsynced = l->syncing = l->failed = l->huge = false;
    l->head = l->n_sent = 0;
    l->unflushed = 0;
}

/* ---- single queries ---- */

hp_status link_query(struct link *l, const char *sql, int n, const char *const *values, PGresult **out,
                     struct hp_error *err)
{
    PGresult *result = NULL, *next;
    if (l->broken) {
        return hp_fail(err, HP_ERROR_RETRY, "08003", "not connected to the target database");
    }
    if (l->pipeline) {
        if (link_sync(l, err) != HP_OK) {
            return HP_ERROR;
        }
        if (l->failed) {
            return HP_IDLE;
        }
        (void)PQexitPipelineMode(l->pg);
        l->pipeline = false;
    }
    if (!PQsendQueryParams(l->pg, sql, n, NULL, values, NULL, NULL, 0)) {
        return link_lost(l, err);
    }
    for (;;) {
        if (link_read(l, err) != HP_OK) {
            PQclear(result);
            return HP_ERROR;
        }
        next = PQgetResult(l->pg);
        if (!next) {
            break;
        }
        PQclear(result);
        result = next;
    }
    if (PQstatus(l->pg) != CONNECTION_OK || !result) {
        PQclear(result);
        return link_lost(l, err);
    }
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
        failure_read(&l->failure, result);
        PQclear(result);
        return HP_IDLE;
    }
    if (out) {
        *out = result;
    } else {
        PQclear(result);
    }
    return HP_OK;
}

hp_status link_report(const struct link *l, const char *what, struct hp_error *err)
{
    return failure_report(&l->failure, what, err);
}
