/*
 * source_offsets.c: see source_offsets.h. The plugin is asked first, then the log's position changes; killed in
 * between, the same request again ends the work (both steps can be repeated).
 */
#include "source_offsets.h"

#include "failpoint.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_ATTEMPTS 50
#define OPEN_WAIT_MS  100

/* The worker that was stopped may take a moment to let go of the stream. */
static hp_status open_writer(struct worker *w, struct log_writer **out, struct hp_error *err)
{
    hp_status st;
    for (unsigned i = 0; (st = log_writer_open(w->log, w->start.connector, out, err)) != HP_OK; i++) {
        if (err->klass != HP_ERROR_RETRY || i >= OPEN_ATTEMPTS) {
            break;
        }
        worker_wait(w, worker_wake_seen(w), OPEN_WAIT_MS);
    }
    return st;
}

static hp_status store(struct worker *w, struct hp_bytes position, struct hp_error *err)
{
    struct log_writer *writer;
    hp_status st = open_writer(w, &writer, err);
    if (st != HP_OK) {
        return st;
    }
    w->pool = log_writer_pool(writer);
    st = log_begin(writer, err);
    if (st == HP_OK) {
        st = log_position(writer, position, err);
        st = st == HP_OK ? log_commit(writer, err) : st;
        if (st != HP_OK) {
            log_rollback(writer);
        }
    }
    log_writer_close(writer);
    return st;
}

static hp_status failed_point(struct hp_error *err)
{
    return failpoint("off.reset") ? hp_fail(err, HP_ERROR_RETRY, "", "fail point off.reset") : HP_OK;
}

hp_status source_offsets_reset(struct worker *w, struct hp_error *err)
{
    const struct hp_source_offsets *hooks = w->plugin.entry->interface(HP_SOURCE_OFFSETS);
    hp_status st = HP_OK;
    if (hooks) {
        life_enter(&w->life, "source-offsets.reset", w->plugin.note.id);
        st = hooks->reset(w->self, err);
        life_leave(&w->life);
    }
    if (st < 0 || failed_point(err) != HP_OK) {
        return HP_ERROR;
    }
    return store(w, (struct hp_bytes){NULL, 0}, err);
}

/* The request's partition must be the one that this source has. */
static hp_status check_partition(struct worker *w, const struct hp_source_offsets *hooks, const json_t *partition,
                                 struct hp_error *err)
{
    struct hp_bytes text;
    json_t *own;
    hp_status st;
    life_enter(&w->life, "source-offsets.partition", w->plugin.note.id);
    st = hooks->partition(w->self, &text, err);
    life_leave(&w->life);
    if (st < 0) {
        return st;
    }
    own = json_parse(text.data, (size_t)text.len, err);
    if (!own) {
        return HP_ERROR;
    }
    st = HP_OK;
    if (!json_equal(own, partition)) {
        st = hp_fail(err, HP_ERROR_CONFIG, "", "The partition of this connector is %.*s; no other can be altered",
                     (int)text.len, (const char *)text.data);
    }
    json_decref(own);
    return st;
}

static hp_status alter_to(struct worker *w, const struct hp_source_offsets *hooks, const json_t *offset,
                          struct hp_error *err)
{
    char *text = json_text(offset);
    struct hp_bytes position = {text, text ? strlen(text) : 0};
    hp_status st;
    if (!text) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    life_enter(&w->life, "source-offsets.alter", w->plugin.note.id);
    st = hooks->alter(w->self, position, err);
    life_leave(&w->life);
    if (st >= 0) {
        st = failed_point(err) == HP_OK ? store(w, position, err) : HP_ERROR;
    }
    free(text);
    return st < 0 ? HP_ERROR : HP_OK;
}

hp_status source_offsets_alter(struct worker *w, struct hp_error *err)
{
    const struct hp_source_offsets *hooks = w->plugin.entry->interface(HP_SOURCE_OFFSETS);
    const json_t *one = json_array_get(w->start.offsets, 0), *offset = json_object_get(one, "offset");
    if (!hooks) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "plugin %s does not support altering of offsets", w->plugin.note.id);
    }
    if (json_array_size(w->start.offsets) != 1 || !json_is_object(json_object_get(one, "partition"))) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "This connector has one partition: give one entry with \"partition\" and \"offset\"");
    }
    if (check_partition(w, hooks, json_object_get(one, "partition"), err) != HP_OK) {
        return HP_ERROR;
    }
    if (json_is_null(offset)) { /* null resets that partition, and there is no other */
        return source_offsets_reset(w, err);
    }
    if (!json_is_object(offset)) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "\"offset\" must be an object or null");
    }
    return alter_to(w, hooks, offset, err);
}
