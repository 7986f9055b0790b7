/* lmdb_marker.c: see lmdb_marker.h. Pure: bytes of a map in, structs out; the bytes may be damaged. */
#include "lmdb_marker.h"

#include "crc32c.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static uint32_t stored_crc(const void *value, size_t len, const void *key, size_t key_len)
{
    uint32_t crc = key_len ? crc32c(0, key, key_len) : 0;
    return crc32c(crc, (const uint8_t *)value + sizeof(struct stored_sum), len - sizeof(struct stored_sum));
}

void stored_seal(void *value, size_t len, const void *key, size_t key_len)
{
    uint32_t crc = stored_crc(value, len, key, key_len);
    memcpy((uint8_t *)value + offsetof(struct stored_sum, crc), &crc, sizeof crc);
}

bool stored_good(const MDB_val *v, size_t min, const void *key, size_t key_len)
{
    struct stored_sum sum;
    if (v->mv_size < min || min < sizeof sum) {
        return false;
    }
    memcpy(&sum, v->mv_data, sizeof sum);
    return sum.crc == stored_crc(v->mv_data, v->mv_size, key, key_len);
}

static uint32_t head_crc(const void *value, size_t len)
{
    return crc32c(0, (const uint8_t *)value + HEAD_CRC_AT, len - HEAD_CRC_AT);
}

void head_seal(void *value, size_t len)
{
    uint32_t crc = head_crc(value, len);
    memcpy((uint8_t *)value + offsetof(struct stored_batch, head_crc), &crc, sizeof crc);
}

_Static_assert(offsetof(struct stored_batch, head_crc) == offsetof(struct stored_chunk, head_crc),
               "one head_seal() for both");
_Static_assert(offsetof(struct stored_batch, version) == HEAD_CRC_AT &&
                   offsetof(struct stored_chunk, version) == HEAD_CRC_AT,
               "the checksum covers what follows it");

const char *batch_head(const MDB_val *v, uint64_t key, struct stored_batch *out)
{
    struct stored_batch head;
    uint64_t left;
    if (v->mv_size < sizeof head) {
        return "it is shorter than its head";
    }
    memcpy(&head, v->mv_data, sizeof head);
    left = v->mv_size - sizeof head;
    if (head.magic != BATCH_MAGIC) {
        return "it does not begin like a batch";
    }
    if (head.version != VALUE_VERSION) {
        return "it has a form this version of Homeport does not know";
    }
    if (head.flags & ~BATCH_MARKER || head.first_offset != key || head.n_records == 0 ||
        head.n_records > UINT64_MAX - key || head.n_topics > left / sizeof(struct stored_topic) ||
        head.n_topics * sizeof(struct stored_topic) + head.len != left || head.len > left) {
        return "its head does not fit to it";
    }
    if (head_crc(v->mv_data, v->mv_size - head.len) != head.head_crc) {
        return "its head has a wrong checksum: its bytes changed on disk";
    }
    *out = head;
    return NULL;
}

bool chunk_head(const MDB_val *v, uint64_t spool, uint64_t number, struct stored_chunk *out)
{
    struct stored_chunk head;
    uint64_t left;
    if (v->mv_size < sizeof head) {
        return false;
    }
    memcpy(&head, v->mv_data, sizeof head);
    left = v->mv_size - sizeof head;
    if (head.magic != CHUNK_MAGIC || head.version != VALUE_VERSION || head.flags || head.spool != spool ||
        head.number != number || head.n_rows > left / sizeof(struct stored_count) || head.len > left ||
        head.n_rows * sizeof(struct stored_count) + head.len != left ||
        head_crc(v->mv_data, v->mv_size - head.len) != head.head_crc) {
        return false;
    }
    *out = head;
    return true;
}

bool is_aborted(const uint32_t *aborted, uint64_t n_aborted, uint32_t subxid)
{
    uint64_t lo = 0, hi = n_aborted;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (aborted[mid] < subxid) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < n_aborted && aborted[lo] == subxid;
}

uint64_t chunk_visible(const MDB_val *v, const struct stored_chunk *head, uint32_t topic, const uint32_t *aborted,
                       uint64_t n_aborted)
{
    const uint8_t *p = (const uint8_t *)v->mv_data + sizeof *head;
    uint64_t n = 0;
    for (uint32_t i = 0; i < head->n_rows; i++, p += sizeof(struct stored_count)) {
        struct stored_count row;
        memcpy(&row, p, sizeof row);
        if ((topic == 0 || row.topic == topic) && !is_aborted(aborted, n_aborted, row.subxid)) {
            n += row.count;
        }
    }
    return n;
}

hp_status marker_read(const MDB_val *v, const struct stored_batch *head, const char *what, struct marker *out,
                      struct hp_error *err)
{
    const uint8_t *value = v->mv_data;
    const uint8_t *p = value + sizeof *head + head->n_topics * sizeof(struct stored_topic);
    struct stored_marker m;
    uint64_t left = head->len;
    uint32_t *aborted = NULL;
    if (crc32c(0, p, head->len) != head->crc) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT",
                       "%.300s: the transaction at offset %llu has a wrong checksum: its bytes "
                       "changed on disk",
                       what, (unsigned long long)head->first_offset);
    }
    if (left >= sizeof m) {
        memcpy(&m, p, sizeof m);
        left -= sizeof m;
    }
    if (head->len < sizeof m || m.tx_size < sizeof(struct hp_tx) || m.tx_size % 8 || m.tx_size > left ||
        m.n_aborted != (left - m.tx_size) / sizeof *aborted || (left - m.tx_size) % sizeof *aborted ||
        m.n_chunks == 0) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: the transaction at offset %llu is not well formed",
                       what, (unsigned long long)head->first_offset);
    }
    if (m.n_aborted) {
        aborted = malloc(m.n_aborted * sizeof *aborted);
        if (!aborted) {
            return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%.300s: no memory for %llu aborted sub-transactions", what,
                           (unsigned long long)m.n_aborted);
        }
        memcpy(aborted, p + sizeof m + m.tx_size, m.n_aborted * sizeof *aborted);
    }
    *out = (struct marker){.spool = m.spool, .n_chunks = m.n_chunks, .n_aborted = m.n_aborted, .aborted = aborted};
    memcpy(&out->tx, p + sizeof m, sizeof out->tx);
    out->tx.size = sizeof out->tx;
    out->tx.origin[sizeof out->tx.origin - 1] = '\0';
    return HP_OK;
}

void marker_finish(struct marker *m)
{
    free(m->aborted);
    *m = (struct marker){0};
}
