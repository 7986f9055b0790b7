/* data_folder.h: what the commands that look into a data folder share. One thread. */
#ifndef CLI_DATA_FOLDER_H
#define CLI_DATA_FOLDER_H

#include "log.h"

/* Opens the log below --data-dir, or below the data.dir of a properties file; either may be NULL (then the defaults).
   It may be in use by a running host. */
hp_status data_folder_open(const char *data_dir, const char *config, bool read_only, struct log **out,
                           struct hp_error *err);

/* Calls each() for every topic of every stream, in the log's order, until one does not return HP_OK. */
hp_status data_folder_topics(struct log *log,
                             hp_status (*each)(void *arg, const struct log_stream_info *stream,
                                               const struct log_topic_info *topic, struct hp_error *err),
                             void *arg, struct hp_error *err);

#endif
