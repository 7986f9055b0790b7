/* connector.c: making and freeing what connector.h describes. */
#include "connector.h"

#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool connector_set_text(char **field, const char *text)
{
    char *copy = NULL;
    if (text && !(copy = strdup(text))) {
        return false;
    }
    free(*field);
    *field = copy;
    return true;
}

struct connector *connector_create(struct supervisor *sup, const char *name)
{
    struct connector *c = calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    c->sup = sup;
    c->name = strdup(name);
    if (!c->name || asprintf(&c->who, "connector %s", name) < 0) {
        free(c->name);
        free(c);
        return NULL;
    }
    props_init(&c->config);
    c->target = TARGET_STOPPED;
    c->phase = PHASE_OFF;
    c->control.fd = -1;
    c->relay.fd.fd = -1;
    c->floor = -1;
    buf_init(&c->in, CONTROL_LINE_MAX);
    buf_init(&c->out, CONTROL_LINE_MAX + 65536);
    return c;
}

void connector_destroy(struct connector *c)
{
    free(c->name);
    free(c->who);
    props_finish(&c->config);
    free(c->kind);
    free(c->version);
    free(c->trace);
    relay_forget(&c->relay);
    buf_finish(&c->in);
    buf_finish(&c->out);
    seen_finish(&c->seen);
    figures_finish(&c->figures);
    free(c->stream_id);
    free(c->covers);
    free(c);
}
