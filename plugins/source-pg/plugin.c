/* plugin.c: source-pg's entry, description and the table of "homeport.source/1". */
#include "keys.h"
#include "no_memory.h"
#include "offsets.h"
#include "source.h"
#include "validate.h"
#include "wake.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define VERSION "0.1.0"

HP_PLUGIN_NOTE("source-pg", "source", "io.debezium.connector.postgresql.PostgresConnector", VERSION);

static void destroy(void *self)
{
    struct source *s = self;
    if (s) {
        source_stop(s, false);
        settings_finish(&s->settings);
        text_finish(&s->json);
        free(s->partition);
        if (s->wake_fd >= 0) {
            (void)close(s->wake_fd);
        }
        free(s);
    }
}

static hp_status create(const struct hp_host *host, const struct hp_config *config, void **out_self,
                        struct hp_error *err)
{
    struct source *s = calloc(1, sizeof *s);
    if (!s) {
        return no_memory(err);
    }
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->wake_fd < 0) {
        int error = errno;
        free(s);
        return hp_fail(err, HP_ERROR_RETRY, "", "no eventfd: %s", strerror(error));
    }
    if (services_init(&s->services, host, err) != HP_OK || settings_init(&s->settings, config, NULL, err) != HP_OK) {
        destroy(s);
        return HP_ERROR;
    }
    *out_self = s;
    return HP_OK;
}

static hp_status start(void *self, struct hp_bytes position, struct hp_error *err)
{
    return source_start(self, position, err);
}

static hp_status poll_phase(struct source *s, struct hp_poll *p, struct hp_error *err)
{
    switch (s->phase) {
    case PHASE_SNAPSHOT:
        return snapshot_poll(s, p, err);
    case PHASE_STREAM:
        return stream_poll(s, p, err);
    case PHASE_PARKED:
        if (p->max_bytes == 0) {
            wake_wait(s->wake_fd, p->wait_us);
            return HP_IDLE;
        }
        return hp_fail(err, HP_ERROR_RETRY, "", "connecting again, after the connection was closed for want of room");
    case PHASE_END:
        return HP_END;
    default:
        return hp_fail(err, HP_ERROR_FATAL, "", "polled without being started");
    }
}

static hp_status poll(void *self, struct hp_poll *p, struct hp_error *err)
{
    struct source *s = self;
    hp_status st = poll_phase(s, p, err);
    /* A value inside of an array or a composite may lack a binary form, which only the server notices: begin again,
       with text. */
    if (st == HP_ERROR && err && strcmp(err->code, "42883") == 0 && strstr(err->message, "binary output") &&
        !s->no_binary) {
        s->no_binary = true;
        err->klass = HP_ERROR_RETRY;
        services_log(&s->services, HP_LOG_WARN, "%s: values come as text from now on", err->message);
    }
    /* No server can stream an open transaction behind a sub-transaction that changed a table and was rolled back
       ("could not map filenode"), and would fail at the same place for ever. Once it has ended, it can be read. */
    if (st == HP_ERROR && err && strncmp(err->code, "XX", 2) == 0 && s->phase == PHASE_STREAM && s->stream.streaming) {
        s->no_streaming = true;
        err->klass = HP_ERROR_RETRY;
        services_log(&s->services, HP_LOG_WARN,
                     "%s: transactions come when they have ended, until the connector restarts", err->message);
    }
    return st;
}

static hp_status commit(void *self, uint64_t ticket, struct hp_error *err)
{
    return stream_commit(self, ticket, err);
}

static void interrupt(void *self)
{
    struct source *s = self;
    uint64_t one = 1;
    (void)!write(s->wake_fd, &one, sizeof one);
}

static void stop(void *self, uint32_t final)
{
    source_stop(self, final != 0);
}

static const struct hp_source source_interface = {start, poll, commit, interrupt, stop};

static const void *interface(const char *id)
{
    if (strcmp(id, HP_SOURCE) == 0) {
        return &source_interface;
    }
    return strcmp(id, HP_SOURCE_OFFSETS) == 0 ? &offsets_interface : NULL;
}

static const struct hp_plugin_desc desc = {
    .size = sizeof desc,
    .kind = HP_KIND_SOURCE,
    .id = KEYS_OWN_ID,
    .aliases = KEYS_JAVA_CLASS,
    .version = VERSION,
    .doc = "Changes of a PostgreSQL database, read with pgoutput: snapshot, then stream",
    .keys = keys_table,
    .validate = validate_config,
};

const struct hp_plugin_entry hp_plugin_entry_v1 = {
    .size = sizeof hp_plugin_entry_v1,
    .abi_major = HP_ABI_MAJOR,
    .abi_minor = HP_ABI_MINOR,
    .desc = &desc,
    .create = create,
    .interface = interface,
    .destroy = destroy,
};
