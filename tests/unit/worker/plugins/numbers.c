/*
 * numbers.c: a source of the numbers 0 .. total-1 in transactions of `per.tx`, to the topics numbers.even and
 * numbers.odd. Every `big.every`-th transaction comes as chunks, with an aborted one in between. Its position is
 * {"n":N}.
 */
#include <homeport/homeport.h>

#include <stdlib.h>
#include <unistd.h>

#define ID "test-numbers"
HP_PLUGIN_NOTE(ID, "source", "org.test.NumbersConnector", "1.0");

struct numbers {
    const struct hp_host *host;
    const struct hp_host_records *records;
    uint64_t total, per_tx, big_every, pace_us;
    uint64_t next; /* number */
    uint64_t step; /* within a chunked transaction */
    char position[64];
    uint32_t topics[2];
    int64_t committed;
};

static uint64_t number_of(const struct hp_config *config, const char *key, uint64_t otherwise)
{
    const char *text = hp_config_get(config, key, NULL);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static const struct hp_config_key key_list[] = {
    {sizeof key_list[0], HP_CONFIG_LONG, HP_IMPORTANCE_HIGH, HP_KEY_REQUIRED, "total", NULL, "0..", "Test",
     "How many."},
    {sizeof key_list[0], HP_CONFIG_LONG, HP_IMPORTANCE_LOW, 0, "per.tx", "7", "1..", "Test", "In a transaction."},
    {sizeof key_list[0], HP_CONFIG_LONG, HP_IMPORTANCE_LOW, 0, "big.every", "0", "0..", "Test", "Chunked ones."},
    {sizeof key_list[0], HP_CONFIG_LONG, HP_IMPORTANCE_LOW, 0, "pace.us", "0", "0..", "Test", "Wait per poll."},
};

static uint32_t keys(const char *dialect, const struct hp_config_key **out)
{
    (void)dialect;
    *out = key_list;
    return sizeof key_list / sizeof key_list[0];
}

static hp_status create(const struct hp_host *host, const struct hp_config *config, void **out, struct hp_error *err)
{
    struct numbers *s = calloc(1, sizeof *s);
    if (!s) {
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
    }
    s->host = host;
    s->records = host->service(host, HP_HOST_RECORDS);
    s->total = number_of(config, "total", 0);
    s->per_tx = number_of(config, "per.tx", 7);
    s->big_every = number_of(config, "big.every", 0);
    s->pace_us = number_of(config, "pace.us", 0);
    *out = s;
    return HP_OK;
}

static hp_status start(void *self, struct hp_bytes position, struct hp_error *err)
{
    struct numbers *s = self;
    char text[64] = "";
    unsigned long long n = 0;
    memcpy(text, position.data ? position.data : "", position.len < 63 ? position.len : 63);
    if (position.len && sscanf(text, "{\"n\":%llu}", &n) != 1) {
        return hp_fail(err, HP_ERROR_FATAL, "", "not my position: %s", text);
    }
    s->next = n;
    s->step = 0;
    s->topics[0] = s->records->topic(s->host, hp_bytes_of("numbers.even"), err);
    s->topics[1] = s->records->topic(s->host, hp_bytes_of("numbers.odd"), err);
    return s->topics[0] && s->topics[1] ? HP_OK : HP_ERROR;
}

static void add(struct numbers *s, struct hp_builder *b, uint64_t n, uint64_t seq)
{
    if (hp_record_begin(b, HP_RECORD_PLAIN, 0) == HP_OK) {
        uint32_t row = hp_record_row(b, 1);
        struct hp_cell *cell = hp_record_put(b, row, 0, HP_INT64);
        if (cell) {
            cell->u.i64 = (int64_t)n;
        }
        hp_record_open(b)->after = row;
        hp_record_open(b)->topic = s->topics[n & 1];
        hp_record_open(b)->pos = n;
        hp_record_open(b)->seq = (uint32_t)seq;
        (void)hp_record_end(b);
    }
}

static void set_position(struct numbers *s, struct hp_poll *p)
{
    p->ticket = s->next;
    p->position.data = s->position;
    p->position.len = (uint64_t)snprintf(s->position, sizeof s->position, "{\"n\":%llu}", (unsigned long long)s->next);
}

/* chunk, a chunk of a transaction that will be aborted, its abort, chunk, commit */
static hp_status big(struct numbers *s, struct hp_poll *p, uint64_t count)
{
    uint64_t half = count / 2;
    p->tx = (struct hp_tx){.size = sizeof p->tx, .id = s->next + 1};
    switch (s->step++) {
    case 0:
        p->kind = HP_POLL_CHUNK;
        for (uint64_t i = 0; i < half; i++) {
            add(s, p->batch, s->next + i, i);
        }
        break;
    case 1:
        p->kind = HP_POLL_CHUNK;
        p->tx.id = UINT64_C(1) << 40;
        add(s, p->batch, 999999999, 0);
        break;
    case 2:
        p->kind = HP_POLL_ABORT;
        p->tx.id = UINT64_C(1) << 40;
        break;
    case 3:
        p->kind = HP_POLL_CHUNK;
        for (uint64_t i = half; i < count; i++) {
            add(s, p->batch, s->next + i, i);
        }
        break;
    default:
        p->kind = HP_POLL_COMMIT;
        p->tx.end_pos = s->next + count;
        s->step = 0;
        s->next += count;
        set_position(s, p);
    }
    return HP_OK;
}

static hp_status poll(void *self, struct hp_poll *p, struct hp_error *err)
{
    struct numbers *s = self;
    (void)err;
    if (p->max_bytes == 0 || s->next >= s->total) {
        (void)usleep(p->wait_us < 2000 ? (useconds_t)p->wait_us : 2000);
        return HP_IDLE;
    }
    if (s->pace_us) {
        (void)usleep((useconds_t)s->pace_us);
    }
    uint64_t count = s->total - s->next < s->per_tx ? s->total - s->next : s->per_tx;
    if (s->big_every && count > 1 && s->next / s->per_tx % s->big_every == 0) {
        return big(s, p, count);
    }
    struct hp_tx tx = {.size = sizeof tx, .id = s->next + 1, .end_pos = s->next + count};
    (void)hp_builder_tx(p->batch, &tx);
    for (uint64_t i = 0; i < count; i++) {
        add(s, p->batch, s->next + i, i);
    }
    s->next += count;
    p->kind = HP_POLL_BATCH;
    set_position(s, p);
    return HP_OK;
}

static hp_status commit(void *self, uint64_t ticket, struct hp_error *err)
{
    struct numbers *s = self;
    if ((int64_t)ticket < s->committed) {
        return hp_fail(err, HP_ERROR_FATAL, "", "the ticket fell");
    }
    s->committed = (int64_t)ticket;
    return HP_OK;
}

static void interrupt(void *self)
{
    (void)self;
}

static void stop(void *self, uint32_t final)
{
    (void)self;
    (void) final;
}

static hp_status partition(void *self, struct hp_bytes *out, struct hp_error *err)
{
    (void)self;
    (void)err;
    *out = hp_bytes_of("{\"server\":\"numbers\"}");
    return HP_OK;
}

static hp_status alter(void *self, struct hp_bytes offset, struct hp_error *err)
{
    (void)self;
    return offset.len > 5 && memcmp(offset.data, "{\"n\":", 5) == 0
               ? HP_OK
               : hp_fail(err, HP_ERROR_CONFIG, "", "an offset is {\"n\":N}");
}

static hp_status reset(void *self, struct hp_error *err)
{
    (void)self;
    (void)err;
    return HP_OK;
}

static const void *interface(const char *id)
{
    static const struct hp_source source = {start, poll, commit, interrupt, stop};
    static const struct hp_source_offsets offsets = {partition, alter, reset};
    return strcmp(id, HP_SOURCE) == 0           ? (const void *)&source
           : strcmp(id, HP_SOURCE_OFFSETS) == 0 ? (const void *)&offsets
                                                : NULL;
}

static void destroy(void *self)
{
    free(self);
}

static const struct hp_plugin_desc desc = {sizeof desc, HP_KIND_SOURCE, ID,   "org.test.NumbersConnector",
                                           "1.0",       "Numbers.",     keys, NULL};

const struct hp_plugin_entry hp_plugin_entry_v1 = {
    sizeof hp_plugin_entry_v1, HP_ABI_MAJOR, HP_ABI_MINOR, 0, &desc, create, interface, destroy};
