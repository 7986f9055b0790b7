/*
 * tiny.h: the frame of a test source. A file that includes it names itself (TINY_ID), says which values its key `how`
 * may have (TINY_HOWS, "a|b"), and writes two functions:
 *   static void tiny_at(struct tiny *t, const char *where);   called in "create", "start" and "stop"
 *   static hp_status tiny_poll(struct tiny *t, struct hp_poll *p, struct hp_error *err);
 */
#ifndef TEST_PLUGINS_TINY_H
#define TEST_PLUGINS_TINY_H

#include <homeport/homeport.h>

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

HP_PLUGIN_NOTE(TINY_ID, "source", "", "1.0");

struct tiny {
    const struct hp_host *host;
    char how[64];
    uint64_t count;
    char position[64];
    void *own;
};

static void tiny_at(struct tiny *t, const char *where);
static hp_status tiny_poll(struct tiny *t, struct hp_poll *p, struct hp_error *err);

static inline void tiny_wait(int64_t us)
{
    struct timespec ts = {us / 1000000, us % 1000000 * 1000};
    (void)nanosleep(&ts, NULL);
}

/* One line as a plain record to the topic test.<id>. */
static inline hp_status tiny_record(struct tiny *t, struct hp_poll *p, const char *text, struct hp_error *err)
{
    const struct hp_host_records *records = t->host->service(t->host, HP_HOST_RECORDS);
    uint32_t row, topic = records->topic(t->host, hp_bytes_of("test." TINY_ID), err);
    if (topic == 0 || hp_record_begin(p->batch, HP_RECORD_PLAIN, 0) != HP_OK) {
        return HP_ERROR;
    }
    row = hp_record_row(p->batch, 1);
    hp_record_bytes(p->batch, row, 0, HP_STRING, 0, text, (uint32_t)strlen(text));
    hp_record_open(p->batch)->after = row;
    hp_record_open(p->batch)->topic = topic;
    if (hp_record_end(p->batch) != HP_OK) {
        return HP_ERROR;
    }
    t->count++;
    p->kind = HP_POLL_BATCH;
    p->ticket = t->count;
    p->position.data = t->position;
    p->position.len =
        (uint64_t)snprintf(t->position, sizeof t->position, "{\"count\":%llu}", (unsigned long long)t->count);
    return HP_OK;
}

static const struct hp_config_key tiny_key_list[] = {
    {sizeof tiny_key_list[0], HP_CONFIG_STRING, HP_IMPORTANCE_LOW, 0, "how", NULL, TINY_HOWS, "Test", "What to do."},
    {sizeof tiny_key_list[0], HP_CONFIG_PASSWORD, HP_IMPORTANCE_LOW, 0, "secret", NULL, NULL, "Test", "A secret."},
};

static uint32_t tiny_keys(const char *dialect, const struct hp_config_key **out)
{
    (void)dialect;
    *out = tiny_key_list;
    return sizeof tiny_key_list / sizeof tiny_key_list[0];
}

static hp_status tiny_create(const struct hp_host *host, const struct hp_config *config, void **out,
                             struct hp_error *err)
{
    struct tiny *t = calloc(1, sizeof *t);
    if (!t) {
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
    }
    t->host = host;
    (void)snprintf(t->how, sizeof t->how, "%s", hp_config_get(config, "how", ""));
    tiny_at(t, "create");
    *out = t;
    return HP_OK;
}

static void tiny_destroy(void *self)
{
    free(self);
}

static hp_status tiny_start(void *self, struct hp_bytes position, struct hp_error *err)
{
    (void)position;
    (void)err;
    tiny_at(self, "start");
    return HP_OK;
}

static hp_status tiny_poll_self(void *self, struct hp_poll *p, struct hp_error *err)
{
    return tiny_poll(self, p, err);
}

static hp_status tiny_commit(void *self, uint64_t ticket, struct hp_error *err)
{
    (void)self;
    (void)ticket;
    (void)err;
    return HP_OK;
}

static void tiny_interrupt(void *self)
{
    (void)self;
}

static void tiny_stop(void *self, uint32_t final)
{
    (void) final;
    tiny_at(self, "stop");
}

static const void *tiny_interface(const char *id)
{
    static const struct hp_source source = {tiny_start, tiny_poll_self, tiny_commit, tiny_interrupt, tiny_stop};
    return strcmp(id, HP_SOURCE) == 0 ? &source : NULL;
}

static const struct hp_plugin_desc tiny_desc = {
    .size = sizeof tiny_desc,
    .kind = HP_KIND_SOURCE,
    .id = TINY_ID,
    .aliases = "",
    .version = "1.0",
    .doc = "A test source.",
    .keys = tiny_keys,
};

const struct hp_plugin_entry hp_plugin_entry_v1 = {
    .size = sizeof hp_plugin_entry_v1,
    .abi_major = HP_ABI_MAJOR,
    .abi_minor = HP_ABI_MINOR,
    .desc = &tiny_desc,
    .create = tiny_create,
    .interface = tiny_interface,
    .destroy = tiny_destroy,
};

#endif
