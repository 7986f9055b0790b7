/* serve.c: `homeport serve`: the host itself. Settings, listener, data folder, REST, then the loop until told to end.
 */
#include "cli.h"
#include "logging.h"
#include "loop.h"
#include "server.h"
#include "settings.h"
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: homeport serve [--config FILE] [--data-dir FOLDER] [--set KEY=VALUE]...\n"
    "\n"
    "  --config FILE      homeport.properties; keys are named as in Kafka Connect's worker file\n"
    "  --data-dir FOLDER  data.dir: configurations, offsets and the log\n"
    "  --set KEY=VALUE    one key of the file, given here\n"
    "\n"
    "Serves the Kafka Connect REST interface on the address of `listeners` and runs the connectors, until SIGTERM,\n"
    "SIGINT or SIGHUP (but for nohup); then every connector is stopped in its turn, and the exit status is 0.\n";

struct host {
    struct props settings;
    struct loop *loop;
    struct supervisor *sup;
    struct server *server;
};

static hp_status set_one(struct props *settings, const char *pair, struct hp_error *err)
{
    const char *eq = strchr(pair, '=');
    char key[128];
    if (!eq || eq == pair || (size_t)(eq - pair) >= sizeof key) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "--set %s: KEY=VALUE is needed", pair);
    }
    (void)snprintf(key, sizeof key, "%.*s", (int)(eq - pair), pair);
    return settings_override(settings, key, eq + 1, err);
}

#define SETS_MAX      32
#define HELD_ATTEMPTS 20u
#define HELD_PAUSE_MS 25

/* 0: go on; else the exit status + 1. */
static int read_arguments(int argc, char **argv, struct props *settings)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"data-dir", required_argument, NULL, 'd'},
                                            {"set", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct hp_error err = {.size = sizeof err};
    const char *config = NULL, *data_dir = NULL, *sets[SETS_MAX];
    int n_sets = 0, c;
    hp_status status;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            (void)fputs("\nKeys:\n", stdout);
            settings_print(stdout);
            return 1;
        }
        if (c == 'c') {
            config = optarg;
        } else if (c == 'd') {
            data_dir = optarg;
        } else if (c == 's' && n_sets < SETS_MAX) {
            sets[n_sets++] = optarg;
        } else {
            (void)fputs(usage, stderr);
            return 3;
        }
    }
    if (optind != argc) {
        (void)fputs(usage, stderr);
        return 3;
    }
    status = settings_load(config, settings, &err);
    if (status == HP_OK && data_dir) {
        status = settings_override(settings, "data.dir", data_dir, &err);
    }
    for (int i = 0; status == HP_OK && i < n_sets; i++) {
        status = set_one(settings, sets[i], &err);
    }
    if (status != HP_OK) {
        log_error("%s", err.message);
        return 2;
    }
    return 0;
}

static void take_level(const struct props *settings)
{
    static const char *const names[] = {"ERROR", "WARN", "INFO", "DEBUG"};
    const char *level = settings_text(settings, "log.level");
    for (int i = 0; i < 4; i++) {
        if (strcasecmp(level, names[i]) == 0) {
            log_set_level((enum log_level)(LOG_LEVEL_ERROR + i));
        }
    }
}

/* Each connector takes a few descriptors; the soft limit is often 1024. */
static void raise_limits(void)
{
    struct rlimit files, none = {0, 0};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    (void)setrlimit(RLIMIT_CORE, &none); /* configurations hold passwords */
}

/* data.dir/listen: where this host answers, for those who let it choose the port. Made whole, then moved into place. */
static void write_address(const struct host *h)
{
    const char *dir = settings_text(&h->settings, "data.dir"), *address = server_address(h->server);
    char *path = NULL, *fresh = NULL;
    if (asprintf(&path, "%s/listen", dir) > 0 && asprintf(&fresh, "%s/listen.new", dir) > 0) {
        int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        bool ok = fd >= 0 && dprintf(fd, "%s\n", address) > 0;
        if (fd >= 0) {
            (void)close(fd);
        }
        if (!ok || rename(fresh, path) != 0) {
            log_warn("cannot write %s: %s", path, strerror(errno));
        }
    }
    free(path);
    free(fresh);
}

static void on_signal(void *arg, int signal)
{
    struct host *h = arg;
    log_info("SIG%s: stopping", sigabbrev_np(signal));
    supervisor_close(h->sup);
}

/* A host that was killed a moment ago: its children die with it, but their copies of its socket and of its lock may
   take some milliseconds to go. Whoever starts it again at once does not mean a second host. */
static bool may_be_let_go(const struct hp_error *err, unsigned attempt)
{
    const struct timespec pause = {0, HELD_PAUSE_MS * 1000000L};
    return strcmp(err->code, "LOCKED") == 0 && attempt < HELD_ATTEMPTS && nanosleep(&pause, NULL) == 0;
}

static hp_status start(struct host *h, struct hp_error *err)
{
    if (loop_create(&h->loop, err) != HP_OK) {
        return HP_ERROR;
    }
    for (unsigned attempt = 0; server_listen(&h->settings, &h->server, err) != HP_OK; attempt++) {
        if (!may_be_let_go(err, attempt)) {
            return HP_ERROR;
        }
    }
    for (unsigned attempt = 0; supervisor_create(h->loop, &h->settings, &h->sup, err) != HP_OK; attempt++) {
        if (!may_be_let_go(err, attempt)) {
            return HP_ERROR;
        }
    }
    supervisor_set_worker_id(h->sup, server_worker_id(h->server));
    if (server_start(h->server, h->sup, err) != HP_OK) {
        return HP_ERROR;
    }
    loop_on_signal(h->loop, on_signal, h);
    write_address(h);
    log_info("REST listens on %s, data in %s", server_address(h->server), settings_text(&h->settings, "data.dir"));
    return HP_OK;
}

int cli_serve(int argc, char **argv)
{
    struct hp_error err = {.size = sizeof err};
    struct host h = {0};
    props_init(&h.settings);
    int status = read_arguments(argc, argv, &h.settings);
    if (status) {
        return status - 1;
    }
    take_level(&h.settings);
    (void)umask(077);
    raise_limits();
    status = 1;
    if (start(&h, &err) == HP_OK) {
        loop_run(h.loop);
        log_info("stopped");
        status = 0;
    } else {
        log_error("%s", err.message);
    }
    if (h.server) {
        server_destroy(h.server);
    }
    if (h.sup) {
        supervisor_destroy(h.sup);
    }
    if (h.loop) {
        loop_destroy(h.loop);
    }
    props_finish(&h.settings);
    return status;
}
