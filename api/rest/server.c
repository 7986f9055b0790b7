/*
 * server.c: see server.h. libmicrohttpd runs without threads: its epoll descriptor is one of the loop's, and MHD_run()
 * does what is ready. A request that cannot be answered yet is suspended and resumed by its reply. The request line is
 * taken raw, before libmicrohttpd decodes anything.
 */
#include "server.h"

#include "clock.h"
#include "guard.h"
#include "listener.h"
#include "logging.h"
#include "routes.h"
#include "settings.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONNECTIONS       256u
#define CONNECTION_MEMORY (16u << 10)
#define HEAD_MS           10000
#define BODY_MS           30000
#define IDLE_MS           60000
#define SWALLOW_MAX       (16u << 20) /* of a body that is too large, so that its sender can still read the answer */

struct link { /* one connection */
    struct server *sv;
    struct link *next, **at;
    int fd;
    int64_t limit_ms; /* closed when reached; 0: the request is being worked on */
};

struct exchange { /* one request; the handlers see its first member */
    struct request rq;
    struct server *sv;
    struct MHD_Connection *connection;
    char *target;
    char *content_type, *host;
    bool begun, dispatched, suspended, head_only;
    size_t swallowed;
    struct exchange *next, **at; /* among the suspended */
};

struct server {
    struct listener listener;
    char address[300], worker_id[300];
    char advertised[256];
    const char *hosts[3];
    struct loop *loop;
    struct supervisor *sup;
    struct MHD_Daemon *daemon;
    struct loop_fd fd;
    struct loop_timer timer, sweep;
    struct link *links;
    struct exchange *waiting;
};

/* ---- the loop's side ---- */

static void run(struct server *sv)
{
    MHD_UNSIGNED_LONG_LONG ms;
    (void)MHD_run(sv->daemon);
    if (MHD_get_timeout(sv->daemon, &ms) == MHD_YES) {
        (void)loop_timer_set(sv->loop, &sv->timer, ms > IDLE_MS ? IDLE_MS : (int64_t)ms);
    } else {
        loop_timer_clear(sv->loop, &sv->timer);
    }
}

static void ready(void *arg, unsigned events)
{
    (void)events;
    run(arg);
}

static void due(void *arg)
{
    run(arg);
}

/* libmicrohttpd's own timeouts begin anew with each byte; these do not. */
static void sweep(void *arg)
{
    struct server *sv = arg;
    int64_t now = clock_mono_ms();
    for (struct link *l = sv->links; l; l = l->next) {
        if (l->limit_ms && now > l->limit_ms) {
            l->limit_ms = 0;
            (void)shutdown(l->fd, SHUT_RDWR);
        }
    }
    (void)loop_timer_set(sv->loop, &sv->sweep, 1000);
}

static struct link *link_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void set_limit(struct MHD_Connection *connection, int64_t in_ms)
{
    struct link *l = link_of(connection);
    if (l) {
        l->limit_ms = in_ms ? clock_mono_ms() + in_ms : 0;
    }
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct server *sv = arg;
    struct link *l = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        l = calloc(1, sizeof *l);
        if (l && info) {
            *l = (struct link){sv, sv->links, &sv->links, info->connect_fd, clock_mono_ms() + HEAD_MS};
            if (l->next) {
                l->next->at = &l->next;
            }
            sv->links = l;
            *context = l;
        } else {
            free(l);
        }
    } else if (l) {
        *l->at = l->next;
        if (l->next) {
            l->next->at = l->at;
        }
        free(l);
        *context = NULL;
    }
}

/* ---- requests ---- */

static void *on_target(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (!x) {
        return NULL;
    }
    x->sv = arg;
    x->connection = connection;
    x->target = strdup(uri);
    x->rq.sup = x->sv->sup;
    x->rq.link = x;
    buf_init(&x->rq.body, REQUEST_BODY_MAX);
    return x;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *x = *context;
    (void)arg;
    (void)code;
    set_limit(connection, IDLE_MS);
    if (x) {
        request_finish(&x->rq);
        free(x->target);
        free(x->content_type);
        free(x->host);
        free(x);
        *context = NULL;
    }
}

/* Nothing is decoded by libmicrohttpd: url.c does it, after splitting. */
static size_t no_unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

struct heads {
    struct guard_header v[GUARD_HEADERS + 1];
    size_t n;
};

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                 const char *value, size_t value_len)
{
    struct heads *heads = arg;
    (void)kind;
    if (heads->n <= GUARD_HEADERS) {
        heads->v[heads->n++] = (struct guard_header){name, value ? value : "", name_len, value ? value_len : 0};
    }
    return MHD_YES;
}

static char *header_copy(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? strdup(value) : NULL;
}

static void parse_method(const char *text, struct exchange *x)
{
    x->head_only = strcmp(text, "HEAD") == 0;
    x->rq.method = METHOD_GET;
    while (x->rq.method < METHOD_OTHER && strcmp(method_names[x->rq.method], x->head_only ? "GET" : text) != 0) {
        x->rq.method++;
    }
}

/* The head is there: is it fit? If not, the reply is in place and the body is not waited for. */
static void begin(struct exchange *x, const char *method, const char *version)
{
    struct heads heads = {.n = 0};
    struct guard_head head = {method, x->target ? x->target : "", version, heads.v, 0};
    struct guard_verdict verdict;
    const char *fault, *length;
    (void)MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, on_header, &heads);
    head.n_headers = heads.n;
    verdict = guard_judge(&head, x->sv->hosts);
    if (verdict.status) {
        x->rq.close = true;
        reply_error(&x->rq, verdict.status, "%s", verdict.reason);
        return;
    }
    x->content_type = header_copy(x->connection, "Content-Type");
    x->host = header_copy(x->connection, "Host");
    x->rq.content_type = x->content_type;
    x->rq.host = x->host;
    length = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Content-Length");
    parse_method(method, x);
    if ((fault = url_parse(&x->rq.url, x->target)) != NULL) {
        x->rq.close = true;
        reply_error(&x->rq, 400, "%s", fault);
    } else if (length && strtoull(length, NULL, 10) > SWALLOW_MAX) {
        x->rq.close = true;
        reply_error(&x->rq, 413, "The request body is larger than %u bytes", REQUEST_BODY_MAX);
    } else if (length && strtoull(length, NULL, 10) > REQUEST_BODY_MAX &&
               MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Expect")) {
        x->rq.close = true; /* it asked first */
        reply_error(&x->rq, 413, "The request body is larger than %u bytes", REQUEST_BODY_MAX);
    }
}

static enum MHD_Result send_reply(struct exchange *x)
{
    struct request *rq = &x->rq;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(rq->text_len, rq->text_len ? rq->text : (char *)(uintptr_t) "",
                                        rq->text_len ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result;
    if (!response) {
        return MHD_NO;
    }
    if (rq->text_len) {
        rq->text = NULL; /* the response's now */
    }
    if (rq->type) {
        (void)MHD_add_response_header(response, "Content-Type", rq->type);
    }
    if (rq->location) {
        (void)MHD_add_response_header(response, "Location", rq->location);
    }
    if (rq->allow) {
        (void)MHD_add_response_header(response, "Allow", rq->allow);
    }
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    if (rq->close) {
        (void)MHD_add_response_header(response, "Connection", "close");
    }
    log_debug("%s %s -> %u", x->head_only ? "HEAD" : method_names[rq->method], x->target ? x->target : "", rq->status);
    result = MHD_queue_response(x->connection, rq->status, response);
    MHD_destroy_response(response);
    return result;
}

/* A reply came later than its request: libmicrohttpd calls on_access() again. */
static void replied(struct request *rq)
{
    struct exchange *x = rq->link;
    if (x->suspended) {
        x->suspended = false;
        *x->at = x->next;
        if (x->next) {
            x->next->at = x->at;
        }
        MHD_resume_connection(x->connection);
        (void)loop_timer_set(x->sv->loop, &x->sv->timer, 0);
    }
}

static void suspend(struct exchange *x)
{
    x->suspended = true;
    x->next = x->sv->waiting;
    x->at = &x->sv->waiting;
    if (x->next) {
        x->next->at = &x->next;
    }
    x->sv->waiting = x;
    MHD_suspend_connection(x->connection);
}

static enum MHD_Result take_body(struct exchange *x, const char *data, size_t *len)
{
    if (x->swallowed || !buf_append(&x->rq.body, data, *len)) {
        x->swallowed += *len + x->rq.body.len;
        buf_finish(&x->rq.body);
        if (x->swallowed > SWALLOW_MAX) {
            return MHD_NO; /* enough: closed without a word */
        }
    }
    *len = 0;
    return MHD_YES;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *data, size_t *data_len, void **context)
{
    struct exchange *x = *context;
    (void)arg;
    (void)url;
    if (!x) {
        return MHD_NO;
    }
    if (!x->begun) {
        x->begun = true;
        set_limit(connection, BODY_MS);
        begin(x, method, version);
        return x->rq.status ? send_reply(x) : MHD_YES;
    }
    if (*data_len) {
        return take_body(x, data, data_len);
    }
    if (!x->dispatched) {
        x->dispatched = true;
        set_limit(connection, 0);
        if (x->swallowed) {
            x->rq.close = true;
            reply_error(&x->rq, 413, "The request body is larger than %u bytes", REQUEST_BODY_MAX);
        } else {
            routes_answer(&x->rq);
        }
        if (!x->rq.status) {
            suspend(x);
            return MHD_YES;
        }
    }
    set_limit(connection, IDLE_MS); /* the answer has to be taken, too */
    return send_reply(x);
}

/* ---- the server ---- */

__attribute__((format(printf, 2, 0))) static void on_log(void *arg, const char *format, va_list args)
{
    char text[512];
    (void)arg;
    (void)vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http: %s", text);
}

hp_status server_listen(const struct props *settings, struct server **out, struct hp_error *err)
{
    const char *host = settings_text(settings, "rest.advertised.host.name");
    int64_t port = settings_long(settings, "rest.advertised.port");
    struct server *sv = calloc(1, sizeof *sv);
    if (!sv) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    if (listener_open(settings_text(settings, "listeners"), &sv->listener, err) != HP_OK) {
        free(sv);
        return HP_ERROR;
    }
    (void)snprintf(sv->advertised, sizeof sv->advertised, "%s", host);
    (void)snprintf(sv->address, sizeof sv->address, "http://%s:%u", sv->listener.host, sv->listener.port);
    (void)snprintf(sv->worker_id, sizeof sv->worker_id, "%s:%u", *host ? host : sv->listener.host,
                   port ? (unsigned)port : sv->listener.port);
    sv->hosts[0] = *host ? sv->advertised : NULL;
    sv->fd.fd = -1;
    *out = sv;
    return HP_OK;
}

const char *server_address(const struct server *sv)
{
    return sv->address;
}

const char *server_worker_id(const struct server *sv)
{
    return sv->worker_id;
}

hp_status server_start(struct server *sv, struct supervisor *sup, struct hp_error *err)
{
    const union MHD_DaemonInfo *info;
    sv->sup = sup;
    sv->loop = supervisor_loop(sup);
    sv->fd = (struct loop_fd){-1, ready, sv};
    sv->timer = (struct loop_timer){due, sv, 0, 0};
    sv->sweep = (struct loop_timer){sweep, sv, 0, 0};
    request_replied = replied;
    sv->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_access, sv,
                         MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, sv->listener.fd,
                         MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK,
                         on_target, sv, MHD_OPTION_UNESCAPE_CALLBACK, no_unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED,
                         on_completed, sv, MHD_OPTION_NOTIFY_CONNECTION, on_connection, sv, MHD_OPTION_END);
    info = sv->daemon ? MHD_get_daemon_info(sv->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info || loop_fd_add(sv->loop, &sv->fd, info->epoll_fd, EPOLLIN, err) != HP_OK) {
        return hp_fail(err, HP_ERROR_RETRY, "", "the HTTP server cannot be started");
    }
    sweep(sv);
    run(sv);
    return HP_OK;
}

void server_destroy(struct server *sv)
{
    if (sv->daemon) {
        while (sv->waiting) {
            reply_error(&sv->waiting->rq, 503, "the host ends");
        }
        (void)MHD_run(sv->daemon); /* sends them */
        loop_fd_remove(sv->loop, &sv->fd);
        loop_timer_clear(sv->loop, &sv->timer);
        loop_timer_clear(sv->loop, &sv->sweep);
        MHD_stop_daemon(sv->daemon); /* closes the listener too */
    } else {
        (void)close(sv->listener.fd);
    }
    free(sv);
}
