/*
 * run.c: drives the process of a connector through the phases of lifecycle.c: starts it, talks to it, stops it, and
 * decides what its end means (D17). One thread, the loop's.
 */
#include "clock.h"
#include "control.h"
#include "inner.h"
#include "log.h"
#include "logging.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define OP_LIMIT_MS 60000
#define STABLE_MS   600000 /* so long without a death counts as progress, for connectors that have nothing to do */
#define TRACE_MAX   16384u

void connector_set_trace(struct connector *c, const char *text)
{
    char *copy = text ? strndup(text, TRACE_MAX) : NULL;
    if (copy || !text) {
        free(c->trace);
        c->trace = copy;
    }
}

/* ---- starting ---- */

static void ended(void *arg, int wait_status);

static hp_status start_line(struct connector *c, const char *op, json_t *offsets, char **out, struct hp_error *err)
{
    struct supervisor *s = c->sup;
    const char *klass = props_get(&c->config, "connector.class");
    bool ambiguous = false;
    const struct plugin_file *file = klass ? catalog_find(s->catalog, klass, &ambiguous) : NULL;
    struct control_start start = {.floor = floor_of(s, c),
                                  .floor_topics = (uint32_t)c->seen.n_topics,
                                  .paused = c->target == TARGET_PAUSED,
                                  .offsets = offsets};
    if (!file) { /* it may be on its way into the folder: a few tries, as if the worker had died */
        bool again = !ambiguous && ++c->deaths < s->restart_max;
        return hp_fail(err, again ? HP_ERROR_RETRY : HP_ERROR_CONFIG, "",
                       "connector.class %s names %s on the plugin path", klass ? klass : "(none)",
                       ambiguous ? "more than one plugin" : "no plugin");
    }
    if (!connector_set_text(&c->kind, file->kind) || !connector_set_text(&c->version, file->version)) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    if (store_next_epoch(s->store, &start.epoch, err) != HP_OK) {
        return HP_ERROR;
    }
    start.op = (char *)(uintptr_t)op;
    start.connector = c->name;
    start.kind = c->kind;
    start.plugin = file->path;
    start.dialect = (char *)(uintptr_t)klass;
    start.plugin_path = (char *)(uintptr_t)catalog_path(s->catalog);
    start.data_dir = (char *)(uintptr_t)settings_text(s->settings, "data.dir");
    start.config = c->config; /* all borrowed: encoded at once */
    start.settings = *s->settings;
    c->floor = start.floor;
    c->floor_topics = c->seen.n_topics;
    return control_start_encode(&start, out, err);
}

hp_status connector_launch(struct connector *c, const char *op, json_t *offsets, struct hp_error *err)
{
    struct supervisor *s = c->sup;
    struct process_spec spec = {.command = "worker", .label = c->name, .memory_max = s->memory_max, .control = 1};
    struct process p;
    char *line = NULL;
    if (start_line(c, op, offsets, &line, err) != HP_OK) {
        return HP_ERROR;
    }
    if (process_spawn(&spec, &p, err) != HP_OK) {
        free(line);
        return HP_ERROR;
    }
    c->pid = p.pid;
    c->child = (struct loop_child){p.pid, ended, c, NULL};
    loop_child_add(s->loop, &c->child);
    c->alive_ms = c->start_ms = clock_mono_ms();
    c->hung = false;
    c->misbehaved[0] = '\0';
    c->task = TASK_UNASSIGNED;
    (void)connector_set_text(&c->stream_id, NULL);
    figures_new_worker(&c->figures);
    relay_forget(&c->relay);
    /* From here on a failure is the end of the process, seen as such. */
    if (relay_open(&c->relay, s->loop, c->who, p.log, err) != HP_OK) {
        (void)close(p.log);
    }
    if (connector_listen(c, p.control, err) != HP_OK) {
        process_kill(c->pid, SIGKILL);
    }
    connector_say(c, line);
    free(line);
    return HP_OK;
}

void connector_start_queued(struct connector *c)
{
    struct hp_error err = {.size = sizeof err};
    if (connector_launch(c, "run", NULL, &err) == HP_OK) {
        log_info("%s: worker process %d started", c->who, (int)c->pid);
        connector_event(c, EVENT_SPAWNED);
        return;
    }
    c->errors++;
    log_error("%s: its worker cannot be started: %s", c->who, err.message);
    connector_set_trace(c, err.message);
    c->restarting = true;
    connector_event(c, err.klass == HP_ERROR_RETRY ? EVENT_LATER : EVENT_REFUSED);
}

/* ---- stopping ---- */

static void arm(struct connector *c, int64_t in_ms)
{
    if (!loop_timer_set(c->sup->loop, &c->timer, in_ms)) {
        log_error("%s: no memory for a timer", c->who);
        process_kill(c->pid, SIGKILL);
    }
}

static void due(void *arg)
{
    connector_event(arg, EVENT_DUE);
}

static void tell_stop(struct connector *c)
{
    char line[96];
    int64_t grace = c->sup->grace_ms;
    bool final = c->deleted || (c->target == TARGET_STOPPED && !c->sup->closing);
    (void)snprintf(line, sizeof line, "{\"t\":\"stop\",\"final\":%s,\"ms\":%lld}\n", final ? "true" : "false",
                   (long long)grace);
    connector_say(c, line);
    c->timer.due = due;
    c->timer.arg = c;
    if (c->timer.slot == 0) {
        arm(c, grace + 250); /* the worker keeps to its time by itself; this is for one that does not */
    }
}

static void wait_before_start(struct connector *c)
{
    uint32_t random;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random) {
        random = 0; /* the full delay */
    }
    c->timer.due = due;
    c->timer.arg = c;
    arm(c, restart_delay_ms(c->deaths ? c->deaths : 1, random));
}

static void settle(struct connector *c)
{
    struct supervisor *s = c->sup;
    c->restarting = c->restarting && c->target != TARGET_STOPPED;
    if (c->target == TARGET_STOPPED) {
        connector_set_trace(c, NULL);
        c->deaths = 0;
    }
    if (c->op && (c->deleted || s->closing || c->target != TARGET_STOPPED)) {
        offsets_op_end(c, NULL);
    }
    if (c->deleted) {
        supervisor_queue_reap(s);
    } else if (c->op) {
        connector_event(c, EVENT_OP);
    } else if (c->target != TARGET_STOPPED && !s->closing) {
        connector_event(c, EVENT_WANT);
    }
}

static void died(struct connector *c)
{
    c->errors++;
    if (++c->deaths >= c->sup->restart_max) {
        char *text = NULL;
        if (asprintf(&text, "%u deaths without progress, not started again (worker.restart.max). The last one: %s",
                     c->deaths, c->trace ? c->trace : "") > 0) {
            connector_set_trace(c, text);
            free(text);
        }
        log_error("%s: FAILED after %u deaths without progress", c->who, c->deaths);
        connector_event(c, EVENT_SPENT);
        return;
    }
    c->restarts++;
    wait_before_start(c);
}

/* Tells a running worker what is wanted now. */
static void tell_mode(struct connector *c)
{
    connector_say(c, c->target == TARGET_PAUSED ? "{\"t\":\"pause\"}\n" : "{\"t\":\"resume\"}\n");
}

void connector_event(struct connector *c, enum event event)
{
    struct step step = lifecycle_step(c->phase, event);
    enum phase from = c->phase;
    c->phase = (enum phase)step.phase;
    if (c->phase != from) {
        loop_timer_clear(c->sup->loop, &c->timer);
    }
    if (event == EVENT_RENEW) {
        c->deaths = 0;
        c->restarting = from != PHASE_OFF;
    }
    switch ((enum action)step.action) {
    case ACTION_NONE:
        break;
    case ACTION_QUEUE:
        supervisor_queue_starts(c->sup);
        break;
    case ACTION_MODE:
        tell_mode(c);
        break;
    case ACTION_STOP:
        tell_stop(c);
        break;
    case ACTION_KILL:
        log_warn("%s: did not stop in time, killed", c->who);
        process_kill(c->pid, SIGKILL);
        break;
    case ACTION_WAIT:
        wait_before_start(c);
        break;
    case ACTION_DIED:
        died(c);
        break;
    case ACTION_SETTLE:
        settle(c);
        break;
    case ACTION_OP:
        c->timer.due = due;
        c->timer.arg = c;
        if (!offsets_op_launch(c)) {
            connector_event(c, EVENT_LATER);
        } else {
            arm(c, OP_LIMIT_MS);
        }
        break;
    case ACTION_BUG:
        log_error("%s: event %s cannot come in phase %s", c->who, event_name(event), phase_name(from));
        break;
    }
}

/* ---- the end ---- */

static void describe_end(struct connector *c, int wait_status, struct buf *out)
{
    char end[96];
    process_end_text(wait_status, end, sizeof end);
    (void)buf_printf(out, "worker process %d ", (int)c->pid);
    if (c->hung) {
        (void)buf_printf(out, "was killed: no sign of life for %lld ms (worker.hang.timeout.ms)",
                         (long long)c->sup->hang_ms);
    } else if (c->misbehaved[0]) {
        (void)buf_printf(out, "was killed: %s", c->misbehaved);
    } else if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == CONTROL_EXIT_HANG) {
        (void)buf_printf(out, "ended: its plugin gave no sign of life for %lld ms (worker.hang.timeout.ms)",
                         (long long)c->sup->hang_ms);
    } else if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == CONTROL_EXIT_MEMORY) {
        (void)buf_printf(out, "ended: its %lld bytes of memory were used up (worker.memory.max.bytes)",
                         (long long)c->sup->memory_max);
    } else {
        (void)buf_printf(out, "%s%s", WIFSIGNALED(wait_status) ? "was " : "", end);
    }
    (void)buf_puts(out, "\n");
}

/* A stream stays as its last writer left it. */
static void note_log(struct connector *c)
{
    int64_t bytes = figures_value(&c->figures, "log_bytes", HP_METRIC_UNKNOWN);
    int64_t disk = figures_value(&c->figures, "log_disk_bytes", HP_METRIC_UNKNOWN);
    if (bytes >= 0 && disk >= 0) {
        seen_log(&c->seen, bytes, disk);
    }
}

void connector_show_log(struct connector *c)
{
    if (c->seen.log_known) {
        figures_measured(&c->figures, "log_bytes", LOG_BYTES_HELP, c->seen.log_bytes);
        figures_measured(&c->figures, "log_disk_bytes", LOG_DISK_BYTES_HELP, c->seen.log_disk_bytes);
    }
}

static void ended(void *arg, int wait_status)
{
    struct connector *c = arg;
    struct buf text;
    bool asked = c->phase == PHASE_LEAVING || c->phase == PHASE_OP;
    for (unsigned turn = 0; turn < 256 && connector_read(c); turn++) {
    }
    relay_close(&c->relay);
    connector_hang_up(c);
    process_kill(c->pid, SIGKILL); /* what it may have left behind in its group */
    buf_init(&text, TRACE_MAX);
    describe_end(c, wait_status, &text);
    if (asked && wait_status == 0) {
        log_info("%s: worker process %d has ended", c->who, (int)c->pid);
    } else if (asked) {
        log_warn("%s: %.*s", c->who, (int)strcspn((char *)text.data, "\n"), (char *)text.data);
    } else {
        log_error("%s: %.*s", c->who, (int)strcspn((char *)text.data, "\n"), (char *)text.data);
    }
    if (c->phase == PHASE_OP) {
        offsets_op_end(c, (char *)text.data);
    } else if (!asked && c->phase != PHASE_FAILED) {
        (void)buf_puts(&text, "Last lines of its log:\n");
        relay_last(&c->relay, &text);
        connector_set_trace(c, (char *)text.data);
        c->restarting = true;
    }
    buf_finish(&text);
    c->pid = 0;
    note_log(c);
    figures_no_worker(&c->figures);
    connector_show_log(c);
    supervisor_save_seen(c);
    connector_event(c, EVENT_ENDED);
}

void connector_check_alive(struct connector *c, int64_t now_ms)
{
    if (c->pid && c->phase != PHASE_LEAVING && !c->hung && now_ms - c->alive_ms > c->sup->hang_ms) {
        c->hung = true;
        log_error("%s: no sign of life from worker process %d for %lld ms, killed", c->who, (int)c->pid,
                  (long long)c->sup->hang_ms);
        process_kill(c->pid, SIGKILL);
    }
    if (c->phase == PHASE_UP && c->task == TASK_RUNNING && c->deaths && now_ms - c->start_ms > STABLE_MS) {
        c->deaths = 0;
    }
}
