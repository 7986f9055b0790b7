/* offsets.c: "homeport.source-offsets/1": what users may do with the stored position of a stopped connector. [task] */
#include "offsets.h"

#include "no_memory.h"
#include "source.h"

#include <stdlib.h>

static hp_status partition(void *self, struct hp_bytes *out_json, struct hp_error *err)
{
    struct source *s = self;
    struct text t = {0};
    if (!s->partition) {
        text_put(&t, "{\"server\":\"%s\"}", s->settings.prefix); /* its letters need no escapes */
        if (t.failed) {
            text_finish(&t);
            return no_memory(err);
        }
        s->partition = t.data;
    }
    *out_json = hp_bytes_of(s->partition);
    return HP_OK;
}

static hp_status alter(void *self, struct hp_bytes offset_json, struct hp_error *err)
{
    struct position p;
    (void)self;
    if (position_parse(offset_json, &p, err) != HP_OK) {
        return HP_ERROR;
    }
    position_finish(&p);
    return HP_OK;
}

static hp_status reset(void *self, struct hp_error *err)
{
    struct source *s = self;
    struct session *normal = NULL;
    hp_status st;
    if (source_catalog(s, &normal, err) != HP_OK) {
        return HP_ERROR;
    }
    st = services_failpoint(&s->services, "off.reset", err);
    if (st == HP_OK) {
        st = slot_drop(normal, true, err);
    }
    session_close(&s->normal);
    return st;
}

const struct hp_source_offsets offsets_interface = {partition, alter, reset};
