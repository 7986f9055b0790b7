/*
 * worker.c: the process of one connector (design D4): reads its orders, loads its plugins, and runs the one task there
 * is, or changes the connector's offsets. The main thread is the task thread.
 */
#include "worker.h"

#include "control_thread.h"
#include "crash.h"
#include "find.h"
#include "framework_keys.h"
#include "json.h"
#include "logging.h"
#include "services.h"
#include "sink_offsets.h"
#include "sink_task.h"
#include "source_offsets.h"
#include "source_task.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE_BLOCK  (256 << 10) /* above, malloc takes pages of their own and gives them back at free */
#define PLUGIN_TRIES 4           /* a plugin file that is not whole may be on its way: some seconds */

static struct worker worker; /* one per process */

static void enter(void *arg, const char *call, const char *who)
{
    life_enter(&((struct worker *)arg)->life, call, who);
}

static void leave(void *arg)
{
    life_leave(&((struct worker *)arg)->life);
}

static const struct hp_host *host_of_transform(void *arg, const char *alias)
{
    return services_host(arg, alias, true);
}

static uint32_t kind_of(const struct worker *w)
{
    return strcmp(w->start.kind, "sink") == 0 ? HP_KIND_SINK : HP_KIND_SOURCE;
}

static hp_status create_instance(struct worker *w, struct hp_error *err)
{
    const char *interface = kind_of(w) == HP_KIND_SINK ? HP_SINK : HP_SOURCE;
    const struct hp_config_key *keys;
    struct hp_config_entry *entries;
    const struct hp_host *host;
    uint32_t n_keys, n;
    hp_status st;
    if (plugin_load(w->start.plugin, &w->plugin, err) != HP_OK) {
        return HP_ERROR;
    }
    if (w->plugin.desc->kind != kind_of(w) || !w->plugin.entry->interface(interface)) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "plugin %s is not a %s with interface %s", w->start.plugin,
                       w->start.kind, interface);
    }
    w->dialect = plugin_dialect(w->plugin.note.id, w->plugin.note.aliases, w->start.dialect);
    host = services_host(w, w->plugin.note.id, kind_of(w) == HP_KIND_SOURCE);
    if (!w->dialect || !host) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    n_keys = plugin_keys(&w->plugin, w->dialect, &keys);
    entries = framework_keys_rest(kind_of(w), keys, n_keys, &w->start.config, &n);
    if (!entries) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    struct hp_config config = {sizeof config, n, entries, w->dialect, w->start.connector};
    life_enter(&w->life, "create", w->plugin.note.id);
    st = w->plugin.entry->create(host, &config, &w->self, err);
    life_leave(&w->life);
    free(entries);
    return st < 0 ? st : HP_OK;
}

static hp_status open_log(struct worker *w, struct hp_error *err)
{
    char *dir;
    hp_status st;
    if (asprintf(&dir, "%s/streams", w->start.data_dir) < 0) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    struct log_config config = {
        .dir = dir, .max_record = w->max_record, .reserve = (uint64_t)worker_setting(w, "log.reserve.bytes", 16 << 20)};
    st = log_open(&config, &w->log, err);
    free(dir);
    return st;
}

static hp_status make_chain(struct worker *w, struct hp_error *err)
{
    struct chain_env env = {w, host_of_transform, enter, leave, BATCH_CREDIT, w->max_record};
    return chain_create(&w->start.config, w->start.plugin_path, w->start.connector, &env, &w->chain, err);
}

/* Everything but the servers. A failure that may pass is tried again; none of it is left half done. */
static bool prepare(struct worker *w, bool with_chain, struct hp_error *err)
{
    return (w->log || open_log(w, err) == HP_OK) && (w->self || create_instance(w, err) == HP_OK) &&
           (w->chain || !with_chain || make_chain(w, err) == HP_OK);
}

static int run(struct worker *w)
{
    struct backoff backoff = {0, 0};
    struct hp_error err = {.size = sizeof err};
    while (!prepare(w, true, &err)) {
        if (strcmp(err.code, PLUGIN_UNREADY) == 0 && backoff.attempts >= PLUGIN_TRIES) {
            err.klass = HP_ERROR_CONFIG;
        }
        enum worker_verdict verdict = worker_judge(w, &backoff, &err);
        if (verdict == WORKER_FAILED) {
            worker_wait_stop(w);
        }
        if (verdict != WORKER_AGAIN) {
            return 0;
        }
    }
    (kind_of(w) == HP_KIND_SINK ? sink_task_run : source_task_run)(w);
    return 0;
}

static const struct {
    const char *op;
    hp_status (*act[4])(struct worker *w, struct hp_error *err); /* by kind */
    const char *done;
} ops[] = {
    {"reset-offsets",
     {[HP_KIND_SOURCE] = source_offsets_reset, [HP_KIND_SINK] = sink_offsets_reset},
     "The offsets for this connector have been reset successfully"},
    {"alter-offsets",
     {[HP_KIND_SOURCE] = source_offsets_alter, [HP_KIND_SINK] = sink_offsets_alter},
     "The offsets for this connector have been altered successfully"},
};

static int operate(struct worker *w)
{
    struct hp_error err = {.size = sizeof err};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(ops[i].op, w->start.op) != 0) {
            continue;
        }
        if (prepare(w, false, &err) && ops[i].act[kind_of(w)](w, &err) == HP_OK) {
            report_done(&w->report, ops[i].done, NULL);
        } else {
            report_done(&w->report, err.message, &err);
        }
        return 0;
    }
    (void)hp_fail(&err, HP_ERROR_CONFIG, "", "unknown operation \"%s\"", w->start.op);
    report_done(&w->report, err.message, &err);
    return CONTROL_EXIT_FAILED;
}

/* Small and quiet: no core with secrets in it (SEC-20), few arenas, files of ours only for us (SEC-21). */
static void settle(void)
{
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    (void)mallopt(M_TRIM_THRESHOLD, LARGE_BLOCK);
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN); /* Ctrl-C at a terminal reaches the whole group; the supervisor tells us */
    (void)signal(SIGTERM, SIG_IGN);
}

static hp_status read_start(struct worker *w, struct buf *rest, struct hp_error *err)
{
    struct buf line;
    json_t *message;
    hp_status st;
    buf_init(&line, CONTROL_LINE_MAX);
    st = control_read_line(CONTROL_FD, rest, &line, err);
    if (st == HP_END) {
        st = hp_fail(err, HP_ERROR_CONFIG, "", "no start message on descriptor %d", CONTROL_FD);
    } else if (st == HP_OK) {
        message = json_parse((const char *)line.data, line.len, err);
        st = message ? control_start_decode(message, &w->start, err) : HP_ERROR;
        json_decref(message);
    }
    if (line.data) { /* it held passwords */
        explicit_bzero(line.data, line.len);
        explicit_bzero(rest->data + rest->len, rest->cap - rest->len);
    }
    buf_finish(&line);
    return st;
}

int worker_main(void)
{
    struct worker *w = &worker;
    struct hp_error err = {.size = sizeof err};
    struct buf rest;
    char who[300];
    settle();
    life_init(&w->life);
    metrics_init(&w->metrics);
    report_init(&w->report, CONTROL_FD);
    crash_watch(&w->life);
    buf_init(&rest, 2u * CONTROL_LINE_MAX);
    if (read_start(w, &rest, &err) != HP_OK) {
        log_error("worker: %s", err.message);
        return CONTROL_EXIT_FAILED;
    }
    (void)snprintf(who, sizeof who, "connector %.250s", w->start.connector);
    log_set_who(who);
    w->task = pthread_self();
    w->max_record = (uint64_t)worker_setting(w, "max.record.bytes", 256 << 20);
    w->hang_ms = worker_setting(w, "worker.hang.timeout.ms", 30000);
    atomic_store(&w->paused, w->start.paused);
    atomic_store(&w->floor, w->start.floor);
    atomic_store(&w->floor_topics, w->start.floor_topics);
    w->errors =
        metrics_figure(&w->metrics, "errors", "", "Errors of the task, passing ones included.", HP_METRIC_COUNTER);
    w->retries =
        metrics_figure(&w->metrics, "retries", "", "Attempts after an error that may pass.", HP_METRIC_COUNTER);
    w->filtered = metrics_figure(&w->metrics, "records_filtered", "",
                                 "Records that transforms left out, or that are of topics the sink does not read.",
                                 HP_METRIC_COUNTER);
    if (control_thread_start(w, &rest, &err) != HP_OK) {
        log_error("worker: %s", err.message);
        return CONTROL_EXIT_FAILED;
    }
    int status = strcmp(w->start.op, "run") == 0 ? run(w) : operate(w);
    report_metrics(&w->report, metrics_changes(&w->metrics));
    _exit(status); /* other threads may be in a plugin: no exit handlers, no destructors */
}
