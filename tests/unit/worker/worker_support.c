/* worker_support.c: see worker_support.h. */
#include "worker_support.h"

#include "json.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 30000

static int64_t now_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void copy_plugins(const char *from, const char *to)
{
    DIR *dir = opendir(from);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char command[600];
        if (strstr(e->d_name, ".so")) {
            (void)snprintf(command, sizeof command, "cp '%s/%s' '%s/' && chmod 755 '%s/%s'", from, e->d_name, to, to,
                           e->d_name);
            cr_assert_eq(system(command), 0);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
}

void place_init(struct place *p)
{
    (void)strcpy(p->dir, "/tmp/homeport-worker-XXXXXX");
    cr_assert(mkdtemp(p->dir));
    p->epoch = 0;
    (void)snprintf(p->plugins, sizeof p->plugins, "%s/plugins", p->dir);
    cr_assert_eq(mkdir(p->plugins, 0755), 0);
    copy_plugins(PLUGINS, p->plugins);
    copy_plugins(TEST_PLUGINS, p->plugins);
}

void place_finish(struct place *p)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
    (void)!system(command);
}

const char *place_file(const struct place *p, const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *out = path[turn++ % 4];
    (void)snprintf(out, 256, "%s/%s", p->dir, name);
    return out;
}

static void spawn(struct run *r)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    r->pid = fork();
    cr_assert(r->pid >= 0);
    if (r->pid == 0) {
        (void)dup2(pair[1], CONTROL_FD);
        if (pair[1] == CONTROL_FD) {
            (void)fcntl(CONTROL_FD, F_SETFD, 0);
        }
        (void)execl(HOMEPORT_BINARY, "homeport", "worker", (char *)NULL);
        _exit(127);
    }
    (void)close(pair[1]);
    r->fd = pair[0];
}

void run_say(struct run *r, const char *line)
{
    cr_assert_eq(send(r->fd, line, strlen(line), MSG_NOSIGNAL), (ssize_t)strlen(line));
}

void run_start(struct run *r, struct place *p, const char *op, const char *connector, const char *kind,
               const char *plugin, const char *offsets, const char *const *config)
{
    struct control_start s;
    struct hp_error err = {.size = sizeof err};
    char path[256], class[128], *line;
    memset(r, 0, sizeof *r);
    memset(&s, 0, sizeof s);
    r->flushed = -1;
    buf_init(&r->rest, 8u << 20);
    (void)snprintf(path, sizeof path, "%s/%s.so", p->plugins, plugin);
    (void)snprintf(class, sizeof class, "test-%s", strncmp(plugin, "test-", 5) == 0 ? plugin + 5 : plugin);
    s.op = (char *)(uintptr_t)op;
    s.connector = (char *)(uintptr_t)connector;
    s.kind = (char *)(uintptr_t)kind;
    s.plugin = path;
    s.dialect = class;
    s.plugin_path = p->plugins;
    s.data_dir = p->dir;
    s.epoch = ++p->epoch;
    s.floor = -1;
    s.floor_topics = UINT32_MAX;
    props_init(&s.config);
    props_init(&s.settings);
    (void)props_set(&s.config, "name", connector);
    (void)props_set(&s.config, "connector.class", class);
    for (size_t i = 0; config && config[i]; i++) {
        char *copy = strdup(config[i]), *eq = strchr(copy, '=');
        *eq = '\0';
        (void)props_set(strncmp(copy, "worker.", 7) == 0 ? &s.settings : &s.config, copy, eq + 1);
        if (strcmp(copy, "paused") == 0) {
            s.paused = true;
        } else if (strcmp(copy, "floor.topics") == 0) {
            s.floor_topics = (uint32_t)strtoul(eq + 1, NULL, 10);
        }
        free(copy);
    }
    (void)props_set(&s.settings, "log.reserve.bytes", "1048576");
    s.offsets = offsets ? json_parse(offsets, strlen(offsets), &err) : NULL;
    cr_assert_eq(control_start_encode(&s, &line, &err), HP_OK, "%s", err.message);
    spawn(r);
    run_say(r, line);
    free(line);
    json_decref(s.offsets);
    props_finish(&s.config);
    props_finish(&s.settings);
}

static void keep(json_t **kept, const json_t *value)
{
    json_decref(*kept);
    *kept = json_incref((json_t *)(uintptr_t)value);
}

static void take_figures(struct run *r, const json_t *list)
{
    static const char *const names[] = {"records_in", "records_out", "records_filtered", "log_bytes"};
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        for (unsigned n = 0; n < 4; n++) {
            if (strcmp(json_string_value(json_array_get(one, 0)), names[n]) == 0) {
                r->figures[n] = json_integer_value(json_array_get(one, 4));
            }
        }
    }
}

static void take(struct run *r, const json_t *m)
{
    const char *t = json_string_value(json_object_get(m, "t"));
    const char *trace = json_string_value(json_object_get(m, "trace"));
    if (strcmp(t, "state") == 0) {
        (void)snprintf(r->state, sizeof r->state, "%s", json_string_value(json_object_get(m, "state")));
        (void)snprintf(r->trace, sizeof r->trace, "%s", trace ? trace : "");
    } else if (strcmp(t, "flushed") == 0) {
        r->flushed = json_integer_value(json_object_get(m, "offset"));
    } else if (strcmp(t, "offsets") == 0) {
        keep(&r->offsets, json_object_get(m, "offsets"));
    } else if (strcmp(t, "topics") == 0) {
        keep(&r->topics, json_object_get(m, "topics"));
    } else if (strcmp(t, "done") == 0) {
        const json_t *error = json_object_get(m, "error");
        (void)snprintf(r->state, sizeof r->state, "%s", error ? "ERROR" : "DONE");
        (void)snprintf(r->trace, sizeof r->trace, "%s", json_string_value(json_object_get(m, "message")));
    } else if (strcmp(t, "metrics") == 0) {
        take_figures(r, json_object_get(m, "m"));
    }
    r->alive += strcmp(t, "alive") == 0;
    r->progress += strcmp(t, "progress") == 0;
}

/* The next message, or NULL at the end or after the time limit. */
static json_t *next(struct run *r, int64_t by)
{
    for (;;) {
        struct hp_error err = {.size = sizeof err};
        struct pollfd p = {r->fd, POLLIN, 0};
        char *newline = r->rest.len ? memchr(r->rest.data, '\n', r->rest.len) : NULL;
        char chunk[4096];
        ssize_t n;
        if (newline) {
            json_t *m = json_parse((char *)r->rest.data, (size_t)(newline - (char *)r->rest.data), &err);
            cr_assert(m, "not JSON: %s", err.message);
            buf_consume(&r->rest, (size_t)(newline - (char *)r->rest.data) + 1);
            return m;
        }
        if (poll(&p, 1, by > now_ms() ? (int)(by - now_ms()) : 0) <= 0) {
            return NULL;
        }
        n = read(r->fd, chunk, sizeof chunk);
        if (n <= 0) {
            return NULL;
        }
        (void)buf_append(&r->rest, chunk, (size_t)n);
    }
}

bool run_until(struct run *r, const char *t)
{
    int64_t by = now_ms() + LIMIT_MS;
    for (json_t *m; (m = next(r, by)) != NULL;) {
        bool found;
        take(r, m);
        found = strcmp(json_string_value(json_object_get(m, "t")), t) == 0;
        json_decref(m);
        if (found) {
            return true;
        }
    }
    return false;
}

bool run_until_state(struct run *r, const char *state)
{
    while (strcmp(r->state, state) != 0) {
        if (!run_until(r, "state")) {
            return false;
        }
    }
    return true;
}

static void finish(struct run *r)
{
    (void)close(r->fd);
    buf_finish(&r->rest);
    json_decref(r->offsets);
    json_decref(r->topics);
    r->offsets = r->topics = NULL;
}

int run_wait(struct run *r)
{
    int64_t by = now_ms() + LIMIT_MS;
    int status;
    for (json_t *m; (m = next(r, by)) != NULL;) {
        take(r, m);
        json_decref(m);
    }
    cr_assert_eq(waitpid(r->pid, &status, 0), r->pid);
    finish(r);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void run_kill(struct run *r)
{
    int status;
    (void)kill(r->pid, SIGKILL);
    (void)waitpid(r->pid, &status, 0);
    finish(r);
}

int run_stop(struct run *r)
{
    run_say(r, "{\"t\":\"stop\",\"final\":false,\"ms\":5000}\n");
    return run_wait(r);
}

void run_op(struct place *p, const char *op, const char *connector, const char *kind, const char *plugin,
            const char *offsets, const char *const *config, char message[1000], bool *failed)
{
    struct run r;
    run_start(&r, p, op, connector, kind, plugin, offsets, config);
    cr_assert(run_until(&r, "done"));
    *failed = strcmp(r.state, "ERROR") == 0;
    (void)snprintf(message, 1000, "%.999s", r.trace);
    (void)run_wait(&r);
}

size_t numbers_in_log(struct place *p, const char *stream, int64_t *out, size_t max, size_t wanted)
{
    struct hp_error err = {.size = sizeof err};
    struct log_config config = {.dir = place_file(p, "streams"), .max_record = 1u << 20, .reserve = 1u << 20};
    struct log *log;
    struct log_reader *reader;
    struct log_read read;
    int64_t by = now_ms() + LIMIT_MS;
    size_t n = 0;
    cr_assert_eq(log_open(&config, &log, &err), HP_OK, "%s", err.message);
    cr_assert_eq(log_reader_open(log, stream, &reader, &err), HP_OK, "%s", err.message);
    for (;;) {
        hp_status st = log_reader_next(reader, 1u << 20, &read, &err);
        cr_assert(st >= 0, "%s", err.message);
        if (st == HP_IDLE && (n >= wanted || now_ms() >= by)) {
            break;
        }
        if (st != HP_OK) {
            (void)usleep(2000);
            continue;
        }
        cr_assert(read.boundary || read.batch.len);
        struct hp_iter it = hp_batch_iter(&read.batch);
        while (hp_iter_next(&it) && n < max) {
            out[n++] = hp_record_after(it.rec)->u.i64;
        }
    }
    log_reader_close(reader);
    log_close(log);
    return n;
}

size_t numbers_in_file(const char *path, int64_t *out, size_t max)
{
    FILE *f = fopen(path, "r");
    char line[1024];
    size_t n = 0, committed = 0;
    while (f && fgets(line, sizeof line, f) && strchr(line, '\n')) {
        if (line[0] == '=') {
            committed = n;
        } else if (n < max) {
            out[n++] = strtoll(line, NULL, 10);
        }
    }
    if (f) {
        (void)fclose(f);
    }
    return committed;
}

size_t wait_numbers_in_file(const char *path, int64_t *out, size_t max, size_t wanted)
{
    int64_t by = now_ms() + LIMIT_MS;
    size_t n;
    while ((n = numbers_in_file(path, out, max)) < wanted && now_ms() < by) {
        (void)usleep(5000);
    }
    return n;
}
