/*
 * schema_pool.c: see schema_pool.h. One lock for whoever adds; readers take none: a table's pointer and then its length
 * are published, so a length once seen is always covered by the pointer read after it.
 */
#include "schema_pool.h"

#include "id_index.h"
#include "schema_codec.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define IDS_MAX   (1u << 20)
#define TOPIC_MAX 1000u /* bytes of a topic name */

/* A table that readers use while it grows: memory doubles, older copies are kept until the end. */
struct table {
    _Atomic(void *) rows;
    atomic_uint n; /* published */
    uint32_t cap;
    void **old;
    size_t n_old;
};

struct schema_pool {
    pthread_mutex_t lock;
    struct table schemas;                          /* const struct hp_schema * */
    struct table topics;                           /* struct hp_bytes */
    struct table encoded;                          /* struct hp_bytes, by schema id */
    struct id_index by_content, by_name, by_topic; /* by_name: every version; the highest wins */
};

/* ---- tables ---- */

static bool table_room(struct table *t, size_t row)
{
    uint32_t n = atomic_load(&t->n);
    uint32_t cap = t->cap ? t->cap * 2 : 64;
    void **old, *rows;
    if (n < t->cap) {
        return true;
    }
    rows = calloc(cap, row);
    old = realloc(t->old, (t->n_old + 1) * sizeof *old);
    t->old = old ? old : t->old;
    if (!rows || !old) {
        free(rows);
        return false;
    }
    if (t->cap) {
        memcpy(rows, atomic_load(&t->rows), n * row);
    }
    t->old[t->n_old++] = rows; /* all of them are freed at the end, the newest too */
    t->cap = cap;
    atomic_store(&t->rows, rows);
    return true;
}

static void table_finish(struct table *t)
{
    for (size_t i = 0; i < t->n_old; i++) {
        free(t->old[i]);
    }
    free(t->old);
}

static void table_publish(struct table *t, const void *value, size_t row)
{
    uint32_t n = atomic_load(&t->n);
    memcpy((uint8_t *)atomic_load(&t->rows) + n * row, value, row);
    atomic_store_explicit(&t->n, n + 1, memory_order_release);
}

/* Row `id`, or NULL. */
static const void *table_row(struct table *t, uint32_t id, size_t row)
{
    uint32_t n = atomic_load_explicit(&t->n, memory_order_acquire);
    return id < n ? (const uint8_t *)atomic_load_explicit(&t->rows, memory_order_acquire) + id * row : NULL;
}

/* ---- the pool ---- */

#define SCHEMA_ROW sizeof(const struct hp_schema *)
#define BYTES_ROW  sizeof(struct hp_bytes)

struct schema_pool *schema_pool_create(void)
{
    static const struct hp_bytes nothing;
    static const struct hp_schema *const none;
    struct schema_pool *p = calloc(1, sizeof *p);
    if (!p) {
        return NULL;
    }
    (void)pthread_mutex_init(&p->lock, NULL);
    if (!table_room(&p->schemas, SCHEMA_ROW) || !table_room(&p->topics, BYTES_ROW) ||
        !table_room(&p->encoded, BYTES_ROW)) {
        schema_pool_destroy(p);
        return NULL;
    }
    table_publish(&p->encoded, &nothing, BYTES_ROW);
    table_publish(&p->schemas, (const void *)&none, SCHEMA_ROW);
    table_publish(&p->topics, &nothing, BYTES_ROW);
    return p;
}

void schema_pool_destroy(struct schema_pool *p)
{
    if (!p) {
        return;
    }
    for (uint32_t i = 1; i < atomic_load(&p->schemas.n); i++) {
        free((void *)(uintptr_t)schema_pool_get(p, i));
    }
    for (uint32_t i = 1; i < atomic_load(&p->topics.n); i++) {
        free((void *)(uintptr_t)schema_pool_topic_name(p, i).data);
    }
    table_finish(&p->schemas);
    table_finish(&p->topics);
    table_finish(&p->encoded);
    id_index_finish(&p->by_content);
    id_index_finish(&p->by_name);
    id_index_finish(&p->by_topic);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

struct wanted {
    struct schema_pool *pool;
    struct hp_bytes bytes;
};

static bool same_bytes(struct hp_bytes a, struct hp_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool same_content(const void *arg, uint32_t id)
{
    const struct wanted *w = arg;
    return same_bytes(w->bytes, schema_pool_encoded(w->pool, id));
}

static bool same_topic(const void *arg, uint32_t id)
{
    const struct wanted *w = arg;
    return same_bytes(w->bytes, schema_pool_topic_name(w->pool, id));
}

struct newest {
    struct schema_pool *pool;
    struct hp_bytes name;
    uint32_t *version;
};

/* Looks at every schema of that name and accepts none. */
static bool note_version(const void *arg, uint32_t id)
{
    const struct newest *n = arg;
    const struct hp_schema *s = schema_pool_get(n->pool, id);
    if (same_bytes(n->name, s->name) && s->version > *n->version) {
        *n->version = s->version;
    }
    return false;
}

/* Under the lock: take over a parsed schema (it is freed if there is an equal one). */
static const struct hp_schema *adopt(struct schema_pool *p, struct hp_schema *s, struct hp_bytes encoded,
                                     struct hp_error *err)
{
    struct wanted w = {p, encoded};
    uint64_t hash = id_hash(encoded.data, encoded.len), name_hash = id_hash(s->name.data, s->name.len);
    uint32_t id = id_index_find(&p->by_content, hash, same_content, &w), version = 0;
    struct newest newest = {p, s->name, &version};
    if (id) {
        free(s);
        return schema_pool_get(p, id);
    }
    id = atomic_load(&p->schemas.n);
    if (id >= IDS_MAX || !table_room(&p->schemas, SCHEMA_ROW) || !table_room(&p->encoded, BYTES_ROW) ||
        !id_index_room(&p->by_content) || !id_index_room(&p->by_name)) {
        free(s);
        (void)hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no room for another schema beside %u", id);
        return NULL;
    }
    (void)id_index_find(&p->by_name, name_hash, note_version, &newest);
    s->id = id;
    s->version = version + 1;
    table_publish(&p->encoded, &encoded, BYTES_ROW); /* first: who sees the id finds its bytes */
    table_publish(&p->schemas, (const void *)&s, SCHEMA_ROW);
    id_index_put(&p->by_content, hash, id);
    id_index_put(&p->by_name, name_hash, id);
    return s;
}

static const struct hp_schema *intern_encoded(struct schema_pool *p, const void *data, size_t len, struct hp_error *err)
{
    struct hp_bytes encoded;
    struct hp_schema *s = schema_parse(data, len, &encoded, err);
    const struct hp_schema *interned;
    if (!s) {
        return NULL;
    }
    (void)pthread_mutex_lock(&p->lock);
    interned = adopt(p, s, encoded, err);
    (void)pthread_mutex_unlock(&p->lock);
    return interned;
}

const struct hp_schema *schema_pool_intern(struct schema_pool *p, const struct hp_schema *s, struct hp_error *err)
{
    const struct hp_schema *interned = NULL;
    struct buf encoded;
    buf_init(&encoded, SCHEMA_ENCODED_MAX);
    if (schema_encode(s, &encoded, err) == HP_OK) {
        interned = intern_encoded(p, encoded.data, encoded.len, err);
    }
    buf_finish(&encoded);
    return interned;
}

hp_status schema_decode(struct schema_pool *p, const void *data, size_t len, struct hp_error *err)
{
    return intern_encoded(p, data, len, err) ? HP_OK : HP_ERROR;
}

static uint32_t add_topic(struct schema_pool *p, struct hp_bytes name, uint64_t hash, struct hp_error *err)
{
    uint32_t id = atomic_load(&p->topics.n);
    char *copy = malloc(name.len + 1);
    if (!copy || id >= IDS_MAX || !table_room(&p->topics, BYTES_ROW) || !id_index_room(&p->by_topic)) {
        free(copy);
        (void)hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no room for another topic beside %u", id);
        return 0;
    }
    memcpy(copy, name.data, name.len);
    copy[name.len] = '\0';
    name.data = copy;
    table_publish(&p->topics, &name, BYTES_ROW);
    id_index_put(&p->by_topic, hash, id);
    return id;
}

uint32_t schema_pool_topic(struct schema_pool *p, struct hp_bytes name, struct hp_error *err)
{
    struct wanted w = {p, name};
    uint64_t hash;
    uint32_t id;
    if (name.len == 0 || name.len > TOPIC_MAX || memchr(name.data, '\0', name.len)) {
        (void)hp_fail(err, HP_ERROR_CONFIG, "", "a topic name of %llu bytes (1 to %u are allowed, and no NUL)",
                      (unsigned long long)name.len, TOPIC_MAX);
        return 0;
    }
    hash = id_hash(name.data, name.len);
    (void)pthread_mutex_lock(&p->lock);
    id = id_index_find(&p->by_topic, hash, same_topic, &w);
    if (!id) {
        id = add_topic(p, name, hash, err);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return id;
}

uint32_t schema_pool_find_topic(struct schema_pool *p, struct hp_bytes name)
{
    struct wanted w = {p, name};
    uint32_t id;
    (void)pthread_mutex_lock(&p->lock);
    id = id_index_find(&p->by_topic, id_hash(name.data, name.len), same_topic, &w);
    (void)pthread_mutex_unlock(&p->lock);
    return id;
}

void schema_pool_view(struct schema_pool *p, struct hp_batch *batch)
{
    batch->n_schemas = atomic_load_explicit(&p->schemas.n, memory_order_acquire);
    batch->schemas = atomic_load_explicit(&p->schemas.rows, memory_order_acquire);
    batch->n_topics = atomic_load_explicit(&p->topics.n, memory_order_acquire);
    batch->topics = atomic_load_explicit(&p->topics.rows, memory_order_acquire);
}

uint32_t schema_pool_n_schemas(struct schema_pool *p)
{
    return atomic_load_explicit(&p->schemas.n, memory_order_acquire);
}

uint32_t schema_pool_n_topics(struct schema_pool *p)
{
    return atomic_load_explicit(&p->topics.n, memory_order_acquire);
}

const struct hp_schema *schema_pool_get(struct schema_pool *p, uint32_t id)
{
    const void *row = table_row(&p->schemas, id, SCHEMA_ROW);
    return row ? *(const struct hp_schema *const *)row : NULL;
}

struct hp_bytes schema_pool_topic_name(struct schema_pool *p, uint32_t id)
{
    const struct hp_bytes *row = table_row(&p->topics, id, BYTES_ROW);
    return row ? *row : (struct hp_bytes){0};
}

struct hp_bytes schema_pool_encoded(struct schema_pool *p, uint32_t id)
{
    const struct hp_bytes *row = table_row(&p->encoded, id, BYTES_ROW);
    return row ? *row : (struct hp_bytes){0};
}
