/*
 * sieve.c: a transform that leaves out multiples of `by`, and with `move=true` puts the others into the topic "sieved"
 * with a schema of its own.
 */
#include <homeport/homeport.h>

#include <stdlib.h>

#define ID "test-sieve"
HP_PLUGIN_NOTE(ID, "transformation", "org.test.Sieve", "1.0");

struct sieve {
    const struct hp_host *host;
    int64_t by, poison;
    int move;
};

static const struct hp_config_key key_list[] = {
    {sizeof key_list[0], HP_CONFIG_LONG, HP_IMPORTANCE_HIGH, HP_KEY_REQUIRED, "by", NULL, "1..", "Test", "Divisor."},
    {sizeof key_list[0], HP_CONFIG_BOOLEAN, HP_IMPORTANCE_LOW, 0, "move", "false", NULL, "Test", "To another topic."},
    {sizeof key_list[0], HP_CONFIG_LONG, HP_IMPORTANCE_LOW, 0, "poison", "-1", NULL, "Test", "A number to refuse."},
};

static uint32_t keys(const char *dialect, const struct hp_config_key **out)
{
    (void)dialect;
    *out = key_list;
    return sizeof key_list / sizeof key_list[0];
}

static hp_status create(const struct hp_host *host, const struct hp_config *config, void **out, struct hp_error *err)
{
    struct sieve *s = calloc(1, sizeof *s);
    if (!s) {
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
    }
    s->host = host;
    s->by = strtoll(hp_config_get(config, "by", "0"), NULL, 10);
    s->poison = strtoll(hp_config_get(config, "poison", "-1"), NULL, 10);
    s->move = strcmp(hp_config_get(config, "move", "false"), "true") == 0;
    if (s->by < 1) {
        free(s);
        return hp_fail(err, HP_ERROR_CONFIG, "", "by must be a number above 0");
    }
    *out = s;
    return HP_OK;
}

static hp_status start(void *self, struct hp_error *err)
{
    (void)self;
    (void)err;
    return HP_OK;
}

static const struct hp_schema *own_schema(struct sieve *s, struct hp_error *err)
{
    static const struct hp_column column = {.size = sizeof column, .name = {"n", 1}, .type = HP_INT64};
    const struct hp_schema schema = {
        .size = sizeof schema, .name = {"sieved", 6}, .n_columns = 1, .column_size = sizeof column, .columns = &column};
    const struct hp_host_records *records = s->host->service(s->host, HP_HOST_RECORDS);
    return records->schema(s->host, &schema, err);
}

static hp_status apply(void *self, const struct hp_batch *in, struct hp_builder *out, struct hp_error *err)
{
    struct sieve *s = self;
    const struct hp_host_records *records = s->host->service(s->host, HP_HOST_RECORDS);
    const struct hp_schema *schema = s->move ? own_schema(s, err) : NULL;
    uint32_t topic = s->move ? records->topic(s->host, hp_bytes_of("sieved"), err) : 0;
    uint64_t index = 0;
    if (s->move && (!schema || !topic)) {
        return HP_ERROR;
    }
    for (const uint8_t *p = in->data, *end = in->data + in->len; p < end;) {
        const struct hp_record *rec = (const struct hp_record *)(const void *)p;
        p += rec->size;
        if (rec->kind != HP_RECORD_BEGIN) {
            const struct hp_cell *cell = hp_record_after(rec);
            int64_t n = cell && cell->type == HP_INT64 ? cell->u.i64 : 1;
            if (n == s->poison) {
                (void)hp_fail(err, HP_ERROR_POISON, "", "a number that cannot be sieved");
                err->record = index;
                return HP_ERROR;
            }
            index++;
            if (n % s->by == 0) {
                continue;
            }
        }
        if (hp_builder_copy(out, rec) != HP_OK) {
            return hp_fail(err, HP_ERROR_RETRY, "", "no room");
        }
        if (s->move && rec->kind != HP_RECORD_BEGIN) {
            struct hp_record *copy = (struct hp_record *)(void *)(out->base + out->len - rec->size);
            copy->topic = topic;
            copy->schema = schema->id;
        }
    }
    return HP_OK;
}

static void stop(void *self)
{
    (void)self;
}

static const void *interface(const char *id)
{
    static const struct hp_transform transform = {start, apply, stop};
    return strcmp(id, HP_TRANSFORM) == 0 ? &transform : NULL;
}

static void destroy(void *self)
{
    free(self);
}

static const struct hp_plugin_desc desc = {sizeof desc, HP_KIND_TRANSFORM, ID,   "org.test.Sieve",
                                           "1.0",       "A sieve.",        keys, NULL};

const struct hp_plugin_entry hp_plugin_entry_v1 = {
    sizeof hp_plugin_entry_v1, HP_ABI_MAJOR, HP_ABI_MINOR, 0, &desc, create, interface, destroy};
