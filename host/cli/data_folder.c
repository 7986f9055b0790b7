/* data_folder.c: see data_folder.h. Called by topics.c and tail.c. */
#include "data_folder.h"

#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static hp_status open_log(const struct props *settings, bool read_only, struct log **out, struct hp_error *err)
{
    const char *dir = settings_text(settings, "data.dir");
    struct log_config config = {.max_record = (uint64_t)settings_long(settings, "max.record.bytes"),
                                .read_only = read_only};
    struct stat st;
    char *streams;
    hp_status status;
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "%s: %s; name the host's folder with --data-dir, or its file with --config", dir,
                       errno ? strerror(errno) : "not a folder");
    }
    if (asprintf(&streams, "%s/streams", dir) < 0) {
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
    }
    if (stat(streams, &st) != 0) {
        status = hp_fail(err, HP_ERROR_CONFIG, "", "%s is no data folder of a host: it has no streams/", dir);
    } else {
        config.dir = streams;
        status = log_open(&config, out, err);
    }
    free(streams);
    return status;
}

hp_status data_folder_open(const char *data_dir, const char *config, bool read_only, struct log **out,
                           struct hp_error *err)
{
    struct props settings;
    hp_status status;
    props_init(&settings);
    errno = 0;
    status = settings_load(config, &settings, err);
    if (status == HP_OK && data_dir) {
        status = settings_override(&settings, "data.dir", data_dir, err);
    }
    if (status == HP_OK) {
        status = open_log(&settings, read_only, out, err);
    }
    props_finish(&settings);
    return status;
}

hp_status data_folder_topics(struct log *log,
                             hp_status (*each)(void *arg, const struct log_stream_info *stream,
                                               const struct log_topic_info *topic, struct hp_error *err),
                             void *arg, struct hp_error *err)
{
    char **names = NULL;
    size_t n = 0;
    hp_status status = log_streams(log, &names, &n, err);
    for (size_t i = 0; status == HP_OK && i < n; i++) {
        struct log_stream_info info;
        struct log_topic_info *topics = NULL;
        size_t n_topics = 0;
        status = log_stream_info(log, names[i], &info, err);
        if (status != HP_OK) {
            break;
        }
        status = log_topics(log, names[i], &topics, &n_topics, err);
        for (size_t k = 0; status == HP_OK && k < n_topics; k++) {
            status = each(arg, &info, &topics[k], err);
        }
        log_topics_free(topics, n_topics);
        log_stream_info_finish(&info);
    }
    log_names_free(names, n);
    return status;
}
