/* topics.c: `homeport topics`: what is in the log, one line per topic; and taking a stream out of it. See cli.h. */
#include "cli.h"
#include "data_folder.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char usage[] = "usage: homeport topics [--data-dir DIR | --config FILE] [--delete STREAM]\n"
                            "Lists the topics of the log: the stream (connector) that writes each, the offsets of its\n"
                            "oldest record and of the next to come, and the bytes that the whole stream keeps.\n"
                            "  --delete STREAM  delete that stream with all of its topics and its source's offset,\n"
                            "                   whoever has not read it yet; not while its source is running.\n"
                            "                   Streams outlive their connectors, as topics do\n";

static hp_status print_topic(void *arg, const struct log_stream_info *stream, const struct log_topic_info *topic,
                             struct hp_error *err)
{
    (void)arg;
    (void)err;
    (void)printf("%-24s %-48s %12" PRIu64 " %12" PRIu64 " %14" PRIu64 "\n", stream->name, topic->name, topic->begin,
                 topic->end, stream->bytes);
    return HP_OK;
}

/* A damaged stream can be deleted, too; one that is not there is an error. */
static hp_status delete_stream(struct log *log, const char *name, struct hp_error *err)
{
    struct log_stream_info info;
    hp_status status = log_stream_info(log, name, &info, err);
    if (status == HP_OK) {
        log_stream_info_finish(&info);
    } else if (strcmp(err->code, "NOSTREAM") == 0) {
        return HP_ERROR;
    }
    return log_stream_delete(log, name, err);
}

static hp_status list(struct log *log, struct hp_error *err)
{
    (void)printf("%-24s %-48s %12s %12s %14s\n", "STREAM", "TOPIC", "BEGIN", "END", "STREAM BYTES");
    return data_folder_topics(log, print_topic, NULL, err);
}

int cli_topics(int argc, char **argv)
{
    static const struct option options[] = {
        {"data-dir", required_argument, NULL, 'd'},
        {"config", required_argument, NULL, 'c'},
        {"delete", required_argument, NULL, 'x'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char *data_dir = NULL, *config = NULL, *doomed = NULL;
    struct hp_error err = {.size = sizeof err};
    struct log *log;
    hp_status status;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case 'd':
            data_dir = optarg;
            break;
        case 'c':
            config = optarg;
            break;
        case 'x':
            doomed = optarg;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            return 0;
        default:
            (void)fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc || (data_dir && config)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (data_folder_open(data_dir, config, doomed == NULL, &log, &err) != HP_OK) {
        (void)fprintf(stderr, "homeport topics: %s\n", err.message);
        return 1;
    }
    status = doomed ? delete_stream(log, doomed, &err) : list(log, &err);
    if (status != HP_OK) {
        (void)fprintf(stderr, "homeport topics: %s\n", err.message);
    }
    log_close(log);
    return status == HP_OK && fflush(stdout) == 0 ? 0 : 1;
}
