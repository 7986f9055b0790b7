/*
 * blocks.c: a sink that is as exact as a database: numbers are appended to `file`, each group followed by the position
 * in the same write ("= STREAM OFFSET EPOCH"). What stands behind the last position was never committed.
 */
#include <homeport/homeport.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID "test-blocks"
HP_PLUGIN_NOTE(ID, "sink", "", "1.0");

struct blocks {
    char path[1024];
    char *text; /* of the open group */
    size_t len, cap;
    int64_t poison, poison_late;
    uint64_t late_at; /* index of poison_late in the last batch, plus one */
};

static const struct hp_config_key key_list[] = {
    {sizeof key_list[0], HP_CONFIG_STRING, HP_IMPORTANCE_HIGH, HP_KEY_REQUIRED, "file", NULL, NULL, "Test", "Where."},
    {sizeof key_list[0], HP_CONFIG_LONG, HP_IMPORTANCE_LOW, 0, "poison", "-1", NULL, "Test",
     "A number it cannot take."},
    {sizeof key_list[0], HP_CONFIG_LONG, HP_IMPORTANCE_LOW, 0, "poison.late", "-1", NULL, "Test",
     "A number that it finds only at commit."},
};

static uint32_t keys(const char *dialect, const struct hp_config_key **out)
{
    (void)dialect;
    *out = key_list;
    return sizeof key_list / sizeof key_list[0];
}

static hp_status create(const struct hp_host *host, const struct hp_config *config, void **out, struct hp_error *err)
{
    struct blocks *s = calloc(1, sizeof *s);
    (void)host;
    if (!s) {
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
    }
    (void)snprintf(s->path, sizeof s->path, "%s", hp_config_get(config, "file", ""));
    s->poison = strtoll(hp_config_get(config, "poison", "-1"), NULL, 10);
    s->poison_late = strtoll(hp_config_get(config, "poison.late", "-1"), NULL, 10);
    *out = s;
    return HP_OK;
}

static hp_status add_line(struct blocks *s, const char *line, struct hp_error *err)
{
    size_t n = strlen(line);
    if (s->len + n > s->cap) {
        size_t cap = (s->len + n) * 2 + 4096;
        char *text = realloc(s->text, cap);
        if (!text) {
            return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
        }
        s->text = text;
        s->cap = cap;
    }
    memcpy(s->text + s->len, line, n);
    s->len += n;
    return HP_OK;
}

static hp_status start(void *self, struct hp_error *err)
{
    struct blocks *s = self;
    FILE *f = fopen(s->path, "r+");
    char line[1024];
    long good = 0;
    (void)err;
    while (f && fgets(line, sizeof line, f)) {
        if (line[0] == '=' && strchr(line, '\n')) {
            good = ftell(f);
        }
    }
    if (f) {
        (void)!ftruncate(fileno(f), good);
        (void)fclose(f);
    }
    s->len = 0;
    return HP_OK;
}

static hp_status position(void *self, struct hp_sink_position *at, struct hp_error *err)
{
    struct blocks *s = self;
    FILE *f = fopen(s->path, "r");
    char line[1024], stream[512];
    unsigned long long offset, epoch;
    (void)err;
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "= %511s %llu %llu", stream, &offset, &epoch) == 3 && strlen(stream) == at->stream.len &&
            memcmp(stream, at->stream.data, at->stream.len) == 0) {
            at->offset = offset;
        }
    }
    if (f) {
        (void)fclose(f);
    }
    return HP_OK;
}

static hp_status put(void *self, const struct hp_batch *batch, struct hp_error *err)
{
    struct blocks *s = self;
    struct hp_iter it = hp_batch_iter(batch);
    char line[32];
    if (s->late_at) {
        (void)hp_fail(err, HP_ERROR_POISON, "", "a number of the batch before, named by me");
        err->record = HP_RECORD_EARLIER;
        return HP_ERROR;
    }
    while (hp_iter_next(&it)) {
        int64_t n = hp_record_after(it.rec)->u.i64;
        s->late_at = n == s->poison_late ? it.index + 1 : s->late_at;
        if (n == s->poison) {
            (void)hp_fail(err, HP_ERROR_POISON, "", "a number that this sink cannot take");
            err->record = it.index;
            return HP_ERROR;
        }
        (void)snprintf(line, sizeof line, "%lld\n", (long long)n);
        if (add_line(s, line, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    return HP_OK;
}

static hp_status commit(void *self, const struct hp_sink_position *at, struct hp_error *err)
{
    struct blocks *s = self;
    char line[700];
    int fd;
    if (s->late_at) {
        (void)hp_fail(err, HP_ERROR_POISON, "", "a number that cannot be committed");
        err->record = s->late_at - 1;
        return HP_ERROR;
    }
    (void)snprintf(line, sizeof line, "= %.*s %llu %llu\n", (int)at->stream.len, (const char *)at->stream.data,
                   (unsigned long long)at->offset, (unsigned long long)at->epoch);
    if (add_line(s, line, err) != HP_OK) {
        return HP_ERROR;
    }
    fd = open(s->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, s->text, s->len) != (ssize_t)s->len) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return hp_fail(err, HP_ERROR_RETRY, "", "cannot write %s", s->path);
    }
    (void)close(fd);
    s->len = 0;
    return HP_OK;
}

static void rollback(void *self)
{
    ((struct blocks *)self)->len = 0;
    ((struct blocks *)self)->late_at = 0;
}

static hp_status flushed(void *self, struct hp_bytes stream, uint64_t *out_offset, struct hp_error *err)
{
    (void)self;
    (void)stream;
    (void)out_offset;
    (void)err;
    return HP_OK;
}

static hp_status set(void *self, const struct hp_sink_position *at, struct hp_error *err)
{
    return commit(self, at, err);
}

static const void *interface(const char *id)
{
    static const struct hp_sink sink = {start, position, put, commit, rollback, flushed, rollback, rollback};
    static const struct hp_sink_offsets offsets = {position, set};
    return strcmp(id, HP_SINK) == 0           ? (const void *)&sink
           : strcmp(id, HP_SINK_OFFSETS) == 0 ? (const void *)&offsets
                                              : NULL;
}

static void destroy(void *self)
{
    struct blocks *s = self;
    if (s) {
        free(s->text);
        free(s);
    }
}

static const struct hp_plugin_desc desc = {sizeof desc, HP_KIND_SINK, ID, "", "1.0", "Blocks.", keys, NULL};

const struct hp_plugin_entry hp_plugin_entry_v1 = {
    sizeof hp_plugin_entry_v1, HP_ABI_MAJOR, HP_ABI_MINOR, 0, &desc, create, interface, destroy};
