/*
 * source-lines.c: a whole plugin on one page: a source whose records are the lines of a file.
 *
 *     file=/var/log/app.log    the file; it may grow, but is never rewritten
 *     topic=app                where the lines go
 *
 * Build it anywhere with pkg-config (see Makefile), check it with `homeport check-plugin`, copy it into a plugin
 * folder. It answers to the name of Kafka's FileStreamSource too.
 */
#include <homeport/homeport.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID      "source-lines"
#define ALIASES "org.apache.kafka.connect.file.FileStreamSourceConnector"
#define VERSION "1.0.0"
#define BUFFER  (256u << 10) /* also the longest line */
#define LOOK_US 50000        /* a file does not tell when it grows */

HP_PLUGIN_NOTE(ID, "source", ALIASES, VERSION);

struct lines {
    const struct hp_host *host;
    const struct hp_host_records *records;
    char *path, *topic, *buffer;
    uint32_t topic_id;
    int file, wake; /* wake: an eventfd that interrupt() makes readable */
    uint64_t at;    /* the byte after the last line that was delivered */
    char position[64];
};

static const struct hp_config_key keys[] = {
    {sizeof keys[0], HP_CONFIG_STRING, HP_IMPORTANCE_HIGH, HP_KEY_REQUIRED, "file", NULL, NULL, "Lines",
     "Path of the file to read."},
    {sizeof keys[0], HP_CONFIG_STRING, HP_IMPORTANCE_HIGH, HP_KEY_REQUIRED, "topic", NULL, NULL, "Lines",
     "Topic that the lines go to."},
    {sizeof keys[0], HP_CONFIG_INT, HP_IMPORTANCE_LOW, HP_KEY_IGNORED, "batch.size", "2000", "1..", "Lines",
     "Batches are bounded by bytes."},
};

static uint32_t lines_keys(const char *dialect, const struct hp_config_key **out)
{
    (void)dialect; /* the same keys under either name */
    *out = keys;
    return sizeof keys / sizeof keys[0];
}

static void lines_destroy(void *self)
{
    struct lines *l = self;
    if (l) {
        if (l->wake >= 0) {
            (void)close(l->wake);
        }
        free(l->path);
        free(l->topic);
        free(l->buffer);
        free(l);
    }
}

static hp_status lines_create(const struct hp_host *host, const struct hp_config *config, void **out,
                              struct hp_error *err)
{
    const char *path = hp_config_get(config, "file", NULL), *topic = hp_config_get(config, "topic", NULL);
    struct lines *l;
    if (!path || !path[0] || !topic || !topic[0]) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "both keys, file and topic, must be given");
    }
    l = calloc(1, sizeof *l);
    if (!l) {
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
    }
    l->host = host;
    l->records = host->service(host, HP_HOST_RECORDS);
    l->file = -1;
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->path = strdup(path);
    l->topic = strdup(topic);
    l->buffer = malloc(BUFFER);
    if (!l->records || l->wake < 0 || !l->path || !l->topic || !l->buffer) {
        lines_destroy(l);
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory or descriptors");
    }
    *out = l;
    return HP_OK;
}

/* Our own {"position":N}; anything else is not ours. */
static int parse_position(struct hp_bytes json, uint64_t *out)
{
    char text[64];
    long long at;
    int end = 0;
    if (json.len >= sizeof text) {
        return 0;
    }
    memcpy(text, json.data, json.len);
    text[json.len] = '\0';
    if (sscanf(text, " { \"position\" : %lld } %n", &at, &end) != 1 || end == 0 || text[end] || at < 0) {
        return 0;
    }
    *out = (uint64_t)at;
    return 1;
}

static hp_status lines_start(void *self, struct hp_bytes position, struct hp_error *err)
{
    struct lines *l = self;
    struct stat st;
    uint64_t at = 0;
    uint32_t topic = l->records->topic(l->host, hp_bytes_of(l->topic), err);
    int file;
    if (topic == 0) {
        return HP_ERROR;
    }
    if (position.len && !parse_position(position, &at)) {
        return hp_fail(err, HP_ERROR_FATAL, "", "the stored position is not {\"position\":N}; reset the offsets");
    }
    file = open(l->path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &st) != 0) {
        hp_status failed = hp_fail(err, HP_ERROR_RETRY, "", "file %s: %s", l->path, strerror(errno));
        if (file >= 0) {
            (void)close(file);
        }
        return failed;
    }
    if ((uint64_t)st.st_size < at) {
        (void)close(file);
        return hp_fail(err, HP_ERROR_FATAL, "",
                       "file %s has %lld bytes, but %llu were read before: it was rewritten; reset the offsets",
                       l->path, (long long)st.st_size, (unsigned long long)at);
    }
    l->topic_id = topic;
    l->file = file;
    l->at = at;
    return HP_OK;
}

/* One line becomes one record without key. */
static hp_status add_line(struct lines *l, struct hp_builder *b, const char *line, uint32_t len)
{
    uint32_t value;
    if (hp_record_begin(b, HP_RECORD_PLAIN, 0) != HP_OK) {
        return HP_ERROR;
    }
    value = hp_record_row(b, 1);
    hp_record_bytes(b, value, 0, HP_STRING, 0, line, len);
    hp_record_open(b)->after = value;
    hp_record_open(b)->topic = l->topic_id;
    hp_record_open(b)->pos = l->at;
    return hp_record_end(b);
}

static hp_status nothing(struct lines *l, int64_t wait_us)
{
    struct pollfd wake = {l->wake, POLLIN, 0};
    uint64_t count;
    if (poll(&wake, 1, (int)((wait_us < LOOK_US ? wait_us : LOOK_US) / 1000)) > 0) {
        (void)!read(l->wake, &count, sizeof count);
    }
    return HP_IDLE;
}

static hp_status lines_poll(void *self, struct hp_poll *p, struct hp_error *err)
{
    struct lines *l = self;
    uint64_t room = p->max_bytes < BUFFER ? p->max_bytes : BUFFER;
    ssize_t got = room ? pread(l->file, l->buffer, BUFFER, (off_t)l->at) : 0;
    const char *line = l->buffer, *end = l->buffer + (got > 0 ? got : 0), *newline;
    if (got < 0) {
        return hp_fail(err, HP_ERROR_RETRY, "", "cannot read file %s: %s", l->path, strerror(errno));
    }
    while (p->batch->len < room && (newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        if (add_line(l, p->batch, line, (uint32_t)(newline - line)) != HP_OK) {
            return hp_fail(err, HP_ERROR_FATAL, "", "the line at byte %llu of %s is larger than max.record.bytes",
                           (unsigned long long)l->at, l->path);
        }
        l->at += (uint64_t)(newline - line) + 1;
        line = newline + 1;
    }
    if (p->batch->len == 0) {
        if (got == BUFFER) {
            return hp_fail(err, HP_ERROR_FATAL, "", "the line at byte %llu of %s is longer than %u bytes",
                           (unsigned long long)l->at, l->path, BUFFER);
        }
        return nothing(l, p->wait_us);
    }
    p->kind = HP_POLL_BATCH;
    p->ticket = l->at;
    p->position.data = l->position;
    p->position.len =
        (uint64_t)snprintf(l->position, sizeof l->position, "{\"position\":%llu}", (unsigned long long)l->at);
    return HP_OK;
}

static hp_status lines_commit(void *self, uint64_t ticket, struct hp_error *err)
{
    (void)self; /* a file keeps no record of what was read */
    (void)ticket;
    (void)err;
    return HP_OK;
}

static void lines_interrupt(void *self)
{
    const struct lines *l = self;
    uint64_t one = 1;
    (void)!write(l->wake, &one, sizeof one);
}

static void lines_stop(void *self, uint32_t final)
{
    struct lines *l = self;
    (void) final;
    (void)close(l->file);
    l->file = -1;
}

static const void *lines_interface(const char *id)
{
    static const struct hp_source source = {lines_start, lines_poll, lines_commit, lines_interrupt, lines_stop};
    return strcmp(id, HP_SOURCE) == 0 ? &source : NULL;
}

static const struct hp_plugin_desc desc = {
    .size = sizeof desc,
    .kind = HP_KIND_SOURCE,
    .id = ID,
    .aliases = ALIASES,
    .version = VERSION,
    .doc = "The lines of a file.",
    .keys = lines_keys,
};

const struct hp_plugin_entry hp_plugin_entry_v1 = {
    .size = sizeof hp_plugin_entry_v1,
    .abi_major = HP_ABI_MAJOR,
    .abi_minor = HP_ABI_MINOR,
    .desc = &desc,
    .create = lines_create,
    .interface = lines_interface,
    .destroy = lines_destroy,
};
