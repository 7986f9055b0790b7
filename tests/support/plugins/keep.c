/*
 * keep.c: a sink that counts what it is given and keeps its position in a file (`position.file`), so that offsets can
 * be read, altered and reset without a database.
 */
#include <homeport/homeport.h>

#include <stdlib.h>

#define ID "test-keep"
HP_PLUGIN_NOTE(ID, "sink", "", "1.0");

struct keep {
    char path[1024];
    uint64_t flushed;
};

static const struct hp_config_key key_list[] = {
    {sizeof key_list[0], HP_CONFIG_STRING, HP_IMPORTANCE_HIGH, HP_KEY_REQUIRED, "position.file", NULL, NULL, "Test",
     "Where the position is kept."},
};

static uint32_t keep_keys(const char *dialect, const struct hp_config_key **out)
{
    (void)dialect;
    *out = key_list;
    return 1;
}

static hp_status keep_create(const struct hp_host *host, const struct hp_config *config, void **out,
                             struct hp_error *err)
{
    struct keep *k = calloc(1, sizeof *k);
    (void)host;
    if (!k) {
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
    }
    (void)snprintf(k->path, sizeof k->path, "%s", hp_config_get(config, "position.file", ""));
    *out = k;
    return HP_OK;
}

static hp_status keep_start(void *self, struct hp_error *err)
{
    (void)self;
    (void)err;
    return HP_OK;
}

static hp_status keep_get(void *self, struct hp_sink_position *at, struct hp_error *err)
{
    struct keep *k = self;
    unsigned long long offset;
    char stream[512];
    FILE *f = fopen(k->path, "r");
    (void)err;
    while (f && fscanf(f, "%511s %llu", stream, &offset) == 2) {
        if (strlen(stream) == at->stream.len && memcmp(stream, at->stream.data, at->stream.len) == 0) {
            at->offset = offset;
        }
    }
    if (f) {
        (void)fclose(f);
    }
    return HP_OK;
}

static hp_status keep_set(void *self, const struct hp_sink_position *at, struct hp_error *err)
{
    struct keep *k = self;
    FILE *f = fopen(k->path, "w"); /* one stream is enough here */
    if (!f) {
        return hp_fail(err, HP_ERROR_RETRY, "", "cannot write %s", k->path);
    }
    if (at->offset != UINT64_MAX) {
        (void)fprintf(f, "%.*s %llu\n", (int)at->stream.len, (const char *)at->stream.data,
                      (unsigned long long)at->offset);
    }
    (void)fclose(f);
    k->flushed = at->offset;
    return HP_OK;
}

static hp_status keep_put(void *self, const struct hp_batch *batch, struct hp_error *err)
{
    (void)self;
    (void)batch;
    (void)err;
    return HP_OK;
}

static void keep_rollback(void *self)
{
    (void)self;
}

static hp_status keep_flushed(void *self, struct hp_bytes stream, uint64_t *out_offset, struct hp_error *err)
{
    struct keep *k = self;
    (void)stream;
    (void)err;
    *out_offset = k->flushed < *out_offset ? k->flushed : *out_offset;
    return HP_OK;
}

static const void *keep_interface(const char *id)
{
    static const struct hp_sink sink = {keep_start,    keep_get,     keep_put,      keep_set,
                                        keep_rollback, keep_flushed, keep_rollback, keep_rollback};
    static const struct hp_sink_offsets offsets = {keep_get, keep_set};
    return strcmp(id, HP_SINK) == 0 ? (const void *)&sink : strcmp(id, HP_SINK_OFFSETS) == 0 ? &offsets : NULL;
}

static void keep_destroy(void *self)
{
    free(self);
}

static const struct hp_plugin_desc desc = {
    .size = sizeof desc,
    .kind = HP_KIND_SINK,
    .id = ID,
    .aliases = "",
    .version = "1.0",
    .doc = "A test sink.",
    .keys = keep_keys,
};

const struct hp_plugin_entry hp_plugin_entry_v1 = {
    .size = sizeof hp_plugin_entry_v1,
    .abi_major = HP_ABI_MAJOR,
    .abi_minor = HP_ABI_MINOR,
    .desc = &desc,
    .create = keep_create,
    .interface = keep_interface,
    .destroy = keep_destroy,
};
