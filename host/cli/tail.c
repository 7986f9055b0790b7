/*
 * tail.c: `homeport tail TOPIC`: the records of a topic as Debezium's JSON, one message a line, as
 * kafka-console-consumer would print them. See cli.h. One thread; reads the log beside a running host.
 */
#include "cli.h"
#include "data_folder.h"
#include "debezium.h"
#include "futex.h"
#include "near.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES     (1u << 20)
#define LINE_MAX_BYTES (SIZE_MAX / 4)
#define KEEP_BYTES     (1u << 20) /* memory of lines kept from one to the next */
#define WAIT_MS        1000       /* a writer killed at the wrong moment wakes nobody */

static const char usage[] =
    "usage: homeport tail TOPIC [--from beginning|end|OFFSET] [-f|--follow] [--max N] [--keys] [--schemas]\n"
    "                           [--stream NAME] [--data-dir DIR | --config FILE]\n"
    "Prints the records of a topic as Debezium's JSON, one message a line (a tombstone is \"null\").\n"
    "  --from      where to start, as an offset of the topic; default: beginning\n"
    "  --follow    wait for more at the end, until interrupted\n"
    "  --max N     stop after N lines\n"
    "  --keys      each line is key, TAB, value\n"
    "  --schemas   {\"schema\":...,\"payload\":...}, as with schemas.enable=true\n"
    "  --stream    which connector's, if several write a topic of that name\n";

struct tail {
    const char *topic, *from, *stream, *data_dir, *config;
    bool follow, keys;
    int64_t max; /* lines still to print; -1: no limit */
    struct view_options view;
    char *found; /* name of the stream that has the topic */
    size_t n_found;
    struct log_topic_info range; /* of the topic there; name unused */
    struct near near;
    struct buf line;
    bool poisoned;
};

/* Moved by a signal, waited for beside the stream's own word. */
static uint32_t stop_word;

static void on_signal(int signal)
{
    (void)signal;
    futex_bump(&stop_word); /* an atomic addition and a system call: safe here */
}

static bool stopped(void)
{
    return __atomic_load_n(&stop_word, __ATOMIC_SEQ_CST) != 0;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN; /* the reader of a pipe went away: write() tells */
    (void)sigaction(SIGPIPE, &action, NULL);
}

static hp_status look_at(void *arg, const struct log_stream_info *stream, const struct log_topic_info *topic,
                         struct hp_error *err)
{
    struct tail *t = arg;
    near_offer(&t->near, topic->name);
    if (strcmp(topic->name, t->topic) != 0 || (t->stream && strcmp(stream->name, t->stream) != 0)) {
        return HP_OK;
    }
    free(t->found);
    t->found = strdup(stream->name);
    t->range.begin = topic->begin;
    t->range.end = topic->end;
    t->n_found++;
    return t->found ? HP_OK : hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
}

static hp_status find_topic(struct tail *t, struct log *log, struct hp_error *err)
{
    char near[512] = "";
    hp_status status = data_folder_topics(log, look_at, t, err);
    if (status != HP_OK) {
        return status;
    }
    if (t->n_found > 1) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "topic \"%s\" is written by %zu connectors (see homeport topics): name one with --stream",
                       t->topic, t->n_found);
    }
    if (t->n_found == 1) {
        return HP_OK;
    }
    for (size_t i = 0, at = 0; i < t->near.n && at < sizeof near; i++) {
        at += (size_t)snprintf(near + at, sizeof near - at, "%s%s", i ? ", " : "; near to it: ", t->near.best[i].name);
    }
    return hp_fail(err, HP_ERROR_CONFIG, "", "no topic \"%s\"%s%s in the log%s", t->topic,
                   t->stream ? " of connector " : "", t->stream ? t->stream : "", near);
}

/* The topic offset that --from means. */
static hp_status start_offset(const struct tail *t, uint64_t *out, struct hp_error *err)
{
    char *end;
    unsigned long long v;
    if (strcmp(t->from, "beginning") == 0 || strcmp(t->from, "end") == 0) {
        *out = t->from[0] == 'b' ? LOG_OLDEST : t->range.end;
        return HP_OK;
    }
    errno = 0;
    v = strtoull(t->from, &end, 10);
    if (*end || end == t->from || t->from[0] == '-' || errno) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "--from %s: beginning, end or an offset is allowed", t->from);
    }
    if (v < t->range.begin || v > t->range.end) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "--from %s: the topic has offsets %" PRIu64 " to %" PRIu64, t->from,
                       t->range.begin, t->range.end);
    }
    *out = v;
    return HP_OK;
}

/* HP_END: no more lines are wanted, or nobody reads them any more. */
static hp_status print_message(void *arg, const struct view_message *m, struct hp_error *err)
{
    struct tail *t = arg;
    bool ok = true;
    if (t->max == 0 || stopped()) {
        return HP_END;
    }
    if (t->keys) {
        ok = fwrite(m->key.data, 1, (size_t)m->key.len, stdout) == m->key.len && putchar('\t') != EOF;
    }
    ok = ok && (m->value.len ? fwrite(m->value.data, 1, (size_t)m->value.len, stdout) == m->value.len
                             : fputs("null", stdout) != EOF);
    ok = ok && putchar('\n') != EOF;
    if (!ok) {
        return errno == EPIPE ? HP_END : hp_fail(err, HP_ERROR_RETRY, "", "writing the output: %s", strerror(errno));
    }
    t->max -= t->max > 0;
    return t->max == 0 ? HP_END : HP_OK;
}

static bool of_topic(const struct tail *t, const struct hp_batch *batch, const struct hp_record *rec)
{
    struct hp_bytes name = rec->topic < batch->n_topics ? batch->topics[rec->topic] : (struct hp_bytes){"", 0};
    return name.len == strlen(t->topic) && memcmp(name.data, t->topic, (size_t)name.len) == 0;
}

static hp_status print_batch(struct tail *t, const struct hp_batch *batch, struct hp_error *err)
{
    struct hp_iter it = hp_batch_iter(batch);
    while (hp_iter_next(&it)) {
        hp_status status;
        if (!of_topic(t, batch, it.rec)) {
            continue;
        }
        err->klass = 0;
        status = view_messages(batch, it.rec, it.tx, &t->view, &t->line, print_message, t, err);
        if (status == HP_ERROR && err->klass == HP_ERROR_POISON) { /* this one only: say it, and go on */
            (void)fprintf(stderr, "homeport tail: offset %" PRIu64 " of stream %s: %s\n",
                          batch->first_offset + it.index, t->found, err->message);
            t->poisoned = true;
        } else if (status != HP_OK) {
            return status;
        }
        if (t->line.cap > KEEP_BYTES) { /* one huge value must not stay */
            buf_finish(&t->line);
        }
    }
    return HP_OK;
}

/* Until the end of what there is now, or with --follow until told to stop. */
static hp_status follow(struct tail *t, struct log_reader *r, struct hp_error *err)
{
    for (;;) {
        uint32_t *words[] = {log_reader_word(r), &stop_word};
        uint32_t seen[] = {__atomic_load_n(words[0], __ATOMIC_SEQ_CST), 0};
        struct log_read read;
        hp_status status = stopped() ? HP_END : log_reader_next(r, READ_BYTES, &read, err);
        if (stopped()) {
            return HP_OK;
        }
        if (status == HP_END) {
            (void)fprintf(stderr, "homeport tail: stream %s %s\n", t->found,
                          *log_reader_stream_id(r) ? "was made anew: reading on from its beginning" : "is gone");
        } else if (status == HP_OK) {
            status = print_batch(t, &read.batch, err);
            if (status != HP_OK) {
                return status == HP_END ? HP_OK : status;
            }
        } else if (status != HP_IDLE) {
            return status;
        } else if (!t->follow) {
            return HP_OK;
        } else {
            if (fflush(stdout) != 0) {
                return HP_OK; /* checked again, and told, at the end */
            }
            futex_wait_any(words, seen, 2, WAIT_MS);
        }
    }
}

static hp_status tail_run(struct tail *t, struct hp_error *err)
{
    struct log *log = NULL;
    struct log_reader *r = NULL;
    uint64_t offset = 0, at = 0;
    hp_status status = data_folder_open(t->data_dir, t->config, true, &log, err);
    if (status != HP_OK) {
        return status;
    }
    status = find_topic(t, log, err);
    if (status == HP_OK) {
        status = start_offset(t, &offset, err);
    }
    if (status == HP_OK) {
        status = log_reader_open(log, t->found, &r, err);
    }
    if (status == HP_OK) {
        do {
            status = log_topic_seek(r, t->topic, offset, &at, err);
            if (status == HP_OK) {
                status = log_reader_seek(r, at, err);
            }
        } while (status == HP_ERROR && offset == LOG_OLDEST && strcmp(err->code, "OFFSET") == 0); /* trimmed since */
    }
    if (status == HP_OK) {
        status = follow(t, r, err);
    }
    log_reader_close(r);
    log_close(log);
    return status;
}

/* 0: run; else the exit status plus one. */
static int read_arguments(struct tail *t, int argc, char **argv)
{
    static const struct option options[] = {
        {"from", required_argument, NULL, 'o'},     {"follow", no_argument, NULL, 'f'},
        {"max", required_argument, NULL, 'n'},      {"keys", no_argument, NULL, 'k'},
        {"schemas", no_argument, NULL, 's'},        {"stream", required_argument, NULL, 'S'},
        {"data-dir", required_argument, NULL, 'd'}, {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},           {0},
    };
    char *end;
    for (int c; (c = getopt_long(argc, argv, "fh", options, NULL)) != -1;) {
        switch (c) {
        case 'o':
            t->from = optarg;
            break;
        case 'f':
            t->follow = true;
            break;
        case 'n':
            t->max = strtoll(optarg, &end, 10);
            if (*end || t->max < 1) {
                (void)fprintf(stderr, "homeport tail: --max %s: a number of lines, at least 1\n", optarg);
                return 3;
            }
            break;
        case 'k':
            t->keys = true;
            break;
        case 's':
            t->view.schemas = true;
            break;
        case 'S':
            t->stream = optarg;
            break;
        case 'd':
            t->data_dir = optarg;
            break;
        case 'c':
            t->config = optarg;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            return 1;
        default:
            (void)fputs(usage, stderr);
            return 3;
        }
    }
    if (optind + 1 != argc || (t->data_dir && t->config)) {
        (void)fputs(usage, stderr);
        return 3;
    }
    t->topic = argv[optind];
    return 0;
}

int cli_tail(int argc, char **argv)
{
    struct tail t = {.from = "beginning", .max = -1, .view = {.size = sizeof t.view}};
    struct hp_error err = {.size = sizeof err};
    int exit_status = read_arguments(&t, argc, argv);
    hp_status status;
    if (exit_status) {
        return exit_status - 1;
    }
    buf_init(&t.line, LINE_MAX_BYTES);
    near_init(&t.near, t.topic);
    catch_signals();
    status = tail_run(&t, &err);
    if (status != HP_OK) {
        (void)fprintf(stderr, "homeport tail: %s\n", err.message);
    } else if (fflush(stdout) != 0 && errno != EPIPE) {
        (void)fprintf(stderr, "homeport tail: writing the output: %s\n", strerror(errno));
        status = HP_ERROR;
    }
    near_finish(&t.near);
    free(t.found);
    buf_finish(&t.line);
    return status == HP_OK && !t.poisoned ? 0 : 1;
}
