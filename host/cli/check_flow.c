/* check_flow.c: checks of plugins at work: starts that fail, a source's polls and positions, a transform's output. */
#include "builder.h"
#include "check.h"
#include "clock.h"
#include "json.h"
#include "plugin_check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_RECORD         (64u << 20)
#define CREDIT             (1u << 20)
#define POLLS              200
#define INTERRUPT_AFTER_US 200000
#define POLL_WAIT_US       5000000
#define POLL_LIMIT_MS      3000

/* What a plugin built must pass the host's own check. */
static enum check_result batch_is_good(struct check_host *h, struct hp_batch batch, const char *whose)
{
    struct hp_error err = {.size = sizeof err};
    schema_pool_view(h->pool, &batch);
    return batch_check(&batch, &err) == HP_OK ? CHECK_OK : check_fail("%s made a bad batch: %s", whose, err.message);
}

static enum check_result call_failed(hp_status st, const struct hp_error *err, const char *call)
{
    enum check_result form = check_error(err, call);
    (void)st;
    return form != CHECK_OK ? form : check_fail("%s failed: %s", call, err->message);
}

static struct hp_error fresh_error(void)
{
    struct hp_error err;
    memset(&err, 0, sizeof err);
    err.size = sizeof err;
    return err;
}

/* ---- starts ---- */

static bool has_interface(const struct plugin *p)
{
    static const char *const ids[] = {
        [HP_KIND_SOURCE] = HP_SOURCE, [HP_KIND_SINK] = HP_SINK, [HP_KIND_TRANSFORM] = HP_TRANSFORM};
    return p->entry->interface(ids[p->desc->kind]) != NULL;
}

static enum check_result start_badly(const struct plugin *p, void *self)
{
    static const char garbage[] = "{\"position\":\"\x7f?\",[";
    uint32_t kind = p->desc->kind;
    const struct hp_source *source = kind == HP_KIND_SOURCE ? p->entry->interface(HP_SOURCE) : NULL;
    const struct hp_sink *sink = kind == HP_KIND_SINK ? p->entry->interface(HP_SINK) : NULL;
    const struct hp_transform *transform = kind == HP_KIND_TRANSFORM ? p->entry->interface(HP_TRANSFORM) : NULL;
    struct hp_error err = fresh_error();
    hp_status st = source ? source->start(self, (struct hp_bytes){garbage, sizeof garbage - 1}, &err)
                   : sink ? sink->start(self, &err)
                          : transform->start(self, &err);
    if (st < 0) {
        return check_error(&err, "start");
    }
    if (source) {
        source->stop(self, 0);
    } else if (sink) {
        sink->stop(self);
    } else {
        transform->stop(self);
    }
    return CHECK_OK;
}

enum check_result check_failed_start(const struct check *c)
{
    struct plugin p = check_open(c);
    struct hp_config config = check_config(c, &p);
    struct check_host h;
    struct hp_error err;
    enum check_result result;
    void *self;
    check_host_init(&h);
    if (!has_interface(&p)) {
        (void)fprintf(stderr, "it has no interface of its kind\n");
        return CHECK_SKIPPED;
    }
    if (check_create(&p, &h, &config, &self, &err, &result) < 0) {
        (void)fprintf(stderr, "create: %s (give KEY=VALUE on the command line)\n", err.message);
        return result == CHECK_OK ? CHECK_SKIPPED : result;
    }
    for (unsigned i = 0; i < 2 && result == CHECK_OK; i++) {
        result = start_badly(&p, self);
    }
    p.entry->destroy(self);
    if (result == CHECK_OK && h.waits != 0) {
        result = check_fail("waiting/1: begin and end do not pair up");
    }
    return result;
}

/* ---- a source at work ---- */

struct flow {
    struct check_host h;
    struct plugin p;
    const struct hp_source *source;
    void *self;
    struct builder b;
    char position[65536];
    uint64_t position_len, ticket;
    bool has_position;
};

static enum check_result take_position(struct flow *f, const struct hp_poll *poll)
{
    struct hp_error err = fresh_error();
    json_t *json;
    if (poll->kind != HP_POLL_BATCH && poll->kind != HP_POLL_COMMIT) {
        return CHECK_OK;
    }
    if (poll->position.len == 0) {
        return CHECK_OK;
    }
    if (poll->position.len > sizeof f->position) {
        return check_fail("poll gave a position of %llu bytes", (unsigned long long)poll->position.len);
    }
    json = json_parse(poll->position.data, (size_t)poll->position.len, &err);
    if (!json_is_object(json)) {
        json_decref(json);
        return check_fail("poll gave a position that is not a JSON object: %s", err.message);
    }
    json_decref(json);
    if (f->has_position && poll->ticket < f->ticket) {
        return check_fail("the ticket fell from %llu to %llu", (unsigned long long)f->ticket,
                          (unsigned long long)poll->ticket);
    }
    memcpy(f->position, poll->position.data, (size_t)poll->position.len);
    f->position_len = poll->position.len;
    f->ticket = poll->ticket;
    f->has_position = true;
    return CHECK_OK;
}

static hp_status poll_for(struct flow *f, uint64_t max_bytes, int64_t wait_us, struct hp_poll *poll,
                          struct hp_error *err)
{
    builder_reset(&f->b);
    *poll = (struct hp_poll){.size = sizeof *poll, .max_bytes = max_bytes, .wait_us = wait_us, .batch = &f->b.b};
    poll->tx.size = sizeof poll->tx;
    return f->source->poll(f->self, poll, err);
}

static enum check_result zero_credit(struct flow *f)
{
    struct hp_error err = fresh_error();
    struct hp_poll poll;
    hp_status st = poll_for(f, 0, 0, &poll, &err);
    if (st < 0) {
        return call_failed(st, &err, "poll with max_bytes 0");
    }
    return f->b.b.len ? check_fail("poll with max_bytes 0 made records") : CHECK_OK;
}

/* Take what there is, up to a bound. */
static enum check_result read_on(struct flow *f)
{
    for (unsigned i = 0; i < POLLS; i++) {
        struct hp_error err = fresh_error();
        struct hp_poll poll;
        hp_status st = poll_for(f, CREDIT, 100000, &poll, &err);
        if (st < 0) {
            return call_failed(st, &err, "poll");
        }
        if (st == HP_END || (st == HP_IDLE && f->has_position)) {
            return CHECK_OK;
        }
        if (st == HP_IDLE) {
            continue;
        }
        struct hp_batch batch = builder_batch(&f->b);
        if (poll.kind == HP_POLL_CHUNK) {
            batch.flags = HP_BATCH_CHUNK;
            batch.tx = &poll.tx;
        }
        if (poll.kind > HP_POLL_ABORT) {
            return check_fail("poll answered with the unknown kind %u", poll.kind);
        }
        if (batch_is_good(&f->h, batch, "poll") != CHECK_OK || take_position(f, &poll) != CHECK_OK) {
            return CHECK_FAILED;
        }
    }
    return CHECK_OK;
}

static void *interrupt_soon(void *arg)
{
    struct flow *f = arg;
    (void)usleep(INTERRUPT_AFTER_US);
    f->source->interrupt(f->self);
    return NULL;
}

static enum check_result interrupted(struct flow *f)
{
    pthread_t thread;
    struct hp_error err = fresh_error();
    struct hp_poll poll;
    int64_t begin = clock_mono_ms(), ms;
    hp_status st;
    if (pthread_create(&thread, NULL, interrupt_soon, f) != 0) {
        return check_fail("no thread");
    }
    st = poll_for(f, CREDIT, POLL_WAIT_US, &poll, &err);
    ms = clock_mono_ms() - begin;
    (void)pthread_join(thread, NULL);
    if (st < 0) {
        return call_failed(st, &err, "poll");
    }
    return ms > POLL_LIMIT_MS ? check_fail("poll went on for %lld ms although it was interrupted", (long long)ms)
                              : CHECK_OK;
}

static enum check_result start(struct flow *f, const char *what)
{
    struct hp_error err = fresh_error();
    hp_status st = f->source->start(f->self, (struct hp_bytes){f->position, f->position_len}, &err);
    return st < 0 ? call_failed(st, &err, what) : CHECK_OK;
}

static enum check_result source_works(struct flow *f)
{
    struct hp_error err = fresh_error();
    enum check_result result = start(f, "start without a position");
    if (result != CHECK_OK) {
        return result;
    }
    result = zero_credit(f);
    result = result == CHECK_OK ? read_on(f) : result;
    result = result == CHECK_OK ? interrupted(f) : result;
    if (result == CHECK_OK && f->has_position && f->source->commit(f->self, f->ticket, &err) < 0) {
        result = call_failed(HP_ERROR, &err, "commit");
    }
    f->source->stop(f->self, 0);
    if (result == CHECK_OK && f->has_position) {
        result = start(f, "start from the position that poll gave");
        if (result == CHECK_OK) {
            f->source->stop(f->self, 0);
        }
    }
    return result;
}

enum check_result check_source(const struct check *c)
{
    static struct flow f;
    struct hp_config config;
    struct hp_error err;
    enum check_result result;
    f.p = check_open(c);
    f.source = f.p.entry->interface(HP_SOURCE);
    if (!f.source || c->n_given == 0) {
        (void)fprintf(stderr, f.source ? "give a working configuration as KEY=VALUE on the command line\n"
                                       : "it is not a source\n");
        return CHECK_SKIPPED;
    }
    config = check_config(c, &f.p);
    check_host_init(&f.h);
    if (check_create(&f.p, &f.h, &config, &f.self, &err, &result) < 0) {
        return result != CHECK_OK ? result : call_failed(HP_ERROR, &err, "create");
    }
    if (builder_init(&f.b, CREDIT, MAX_RECORD, &err) != HP_OK) {
        return check_fail("%s", err.message);
    }
    result = source_works(&f);
    f.p.entry->destroy(f.self);
    if (result == CHECK_OK && f.h.waits != 0) {
        result = check_fail("waiting/1: begin and end do not pair up");
    }
    return result;
}

/* ---- a transform at work ---- */

static const struct hp_schema *sample_schema(struct check_host *h)
{
    static const struct hp_column columns[] = {
        {.size = sizeof columns[0],
         .flags = HP_COLUMN_KEY,
         .name = {"id", 2},
         .type = HP_NATIVE,
         .native_oid = 23,
         .native_typmod = -1,
         .native_name = {"integer", 7},
         .native_kind = 'b',
         .key_position = 1},
        {.size = sizeof columns[0],
         .flags = HP_COLUMN_OPTIONAL,
         .name = {"name", 4},
         .type = HP_NATIVE,
         .native_oid = 25,
         .native_typmod = -1,
         .native_name = {"text", 4},
         .native_kind = 'b'},
    };
    const struct hp_schema schema = {.size = sizeof schema,
                                     .identity = HP_IDENTITY_KEY,
                                     .name = {"check.public.sample", 19},
                                     .native = {"pg", 2},
                                     .database = {"check", 5},
                                     .namespace_ = {"public", 6},
                                     .table = {"sample", 6},
                                     .n_columns = 2,
                                     .column_size = sizeof columns[0],
                                     .columns = columns};
    struct hp_error err = {.size = sizeof err};
    return schema_pool_intern(h->pool, &schema, &err);
}

/* One record of each kind of change; `n` is its place in the transaction. */
static void add_change(struct hp_builder *b, uint8_t op, uint32_t topic, uint32_t schema, uint32_t n)
{
    static const uint8_t number[4] = {0, 0, 0, 7};
    static const char text[] = "a text that does not fit into a cell";
    uint32_t before = 0, after = 0;
    if (hp_record_begin(b, HP_RECORD_CHANGE, op) != HP_OK) {
        return;
    }
    if (op == HP_OP_UPDATE || op == HP_OP_DELETE) {
        before = hp_record_row(b, 2);
        hp_record_bytes(b, before, 0, HP_NATIVE, 0, number, sizeof number);
    }
    if (op == HP_OP_CREATE || op == HP_OP_UPDATE || op == HP_OP_READ) {
        after = hp_record_row(b, 2);
        hp_record_bytes(b, after, 0, HP_NATIVE, 0, number, sizeof number);
        hp_record_bytes(b, after, 1, HP_NATIVE, 0, text, sizeof text - 1);
    }
    struct hp_record *rec = hp_record_open(b);
    rec->before = before;
    rec->after = after;
    rec->flags = before ? HP_REC_BEFORE_KEY : 0;
    rec->topic = topic;
    rec->schema = schema;
    rec->seq = n;
    rec->pos = 1000 + n;
    (void)hp_record_end(b);
}

static void add_plain(struct hp_builder *b, uint32_t topic, uint32_t n)
{
    if (hp_record_begin(b, HP_RECORD_PLAIN, 0) == HP_OK) {
        uint32_t value = hp_record_row(b, 1);
        hp_record_bytes(b, value, 0, HP_STRING, 0, "plain", 5);
        hp_record_open(b)->after = value;
        hp_record_open(b)->topic = topic;
        hp_record_open(b)->seq = n;
        hp_record_open(b)->pos = 1000 + n;
        (void)hp_record_end(b);
    }
}

static void sample_batch(struct hp_builder *b, unsigned shape, uint32_t topic, uint32_t schema)
{
    static const uint8_t ops[] = {HP_OP_CREATE, HP_OP_UPDATE, HP_OP_DELETE, HP_OP_TRUNCATE, HP_OP_READ};
    struct hp_tx tx = {.size = sizeof tx, .id = 7, .commit_pos = 5000, .end_pos = 5008, .commit_us = 1};
    uint32_t n = 0;
    for (unsigned t = 0; t < 2 && shape != 1; t++) {
        (void)hp_builder_tx(b, &tx);
        for (size_t i = 0; shape != 2 && i < sizeof ops; i++) {
            add_change(b, ops[i], topic, schema, n++);
        }
    }
    for (unsigned i = 0; shape == 1 && i < 5; i++) {
        add_plain(b, topic, n++);
    }
}

static enum check_result in_order(const struct hp_batch *out)
{
    struct hp_iter it = hp_batch_iter(out);
    uint64_t last = 0;
    while (hp_iter_next(&it)) {
        if (it.rec->pos < last) {
            return check_fail("apply changed the order of records");
        }
        last = it.rec->pos;
    }
    return CHECK_OK;
}

static enum check_result apply_to(struct check_host *h, const struct hp_transform *t, void *self, unsigned shape,
                                  struct builder *in, struct builder *out)
{
    struct hp_error err = fresh_error();
    const struct hp_schema *schema = sample_schema(h);
    uint32_t topic = schema_pool_topic(h->pool, hp_bytes_of("check.public.sample"), &err);
    struct hp_batch batch, result;
    hp_status st;
    builder_reset(in);
    builder_reset(out);
    sample_batch(&in->b, shape, topic, schema ? schema->id : 0);
    batch = builder_batch(in);
    batch.stream = hp_bytes_of("check");
    schema_pool_view(h->pool, &batch);
    st = t->apply(self, &batch, &out->b, &err);
    if (st < 0) { /* a transform may refuse what its configuration does not allow */
        return check_error(&err, "apply");
    }
    if (st == HP_IDLE) {
        return CHECK_OK;
    }
    result = builder_batch(out);
    schema_pool_view(h->pool, &result);
    return batch_is_good(h, result, "apply") == CHECK_OK ? in_order(&result) : CHECK_FAILED;
}

enum check_result check_transform(const struct check *c)
{
    struct plugin p = check_open(c);
    const struct hp_transform *t = p.entry->interface(HP_TRANSFORM);
    struct hp_config config = check_config(c, &p);
    struct check_host h;
    struct builder in, out;
    struct hp_error err;
    enum check_result result;
    void *self;
    if (!t) {
        (void)fprintf(stderr, "it is not a transformation\n");
        return CHECK_SKIPPED;
    }
    check_host_init(&h);
    if (check_create(&p, &h, &config, &self, &err, &result) < 0) {
        (void)fprintf(stderr, "create: %s (give KEY=VALUE on the command line)\n", err.message);
        return result == CHECK_OK ? CHECK_SKIPPED : result;
    }
    if (t->start(self, &err) < 0) {
        return call_failed(HP_ERROR, &err, "start");
    }
    if (builder_init(&in, CREDIT, MAX_RECORD, &err) != HP_OK || builder_init(&out, CREDIT, MAX_RECORD, &err) != HP_OK) {
        return check_fail("%s", err.message);
    }
    for (unsigned shape = 0; shape < 3 && result == CHECK_OK; shape++) {
        result = apply_to(&h, t, self, shape, &in, &out);
    }
    t->stop(self);
    p.entry->destroy(self);
    builder_finish(&in);
    builder_finish(&out);
    return result;
}
