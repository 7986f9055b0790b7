/* figures.c: see figures.h. */
#include "figures.h"

#include <homeport/homeport.h>

#include <stdlib.h>
#include <string.h>

#define FIGURES_MAX 2048u
#define TEXT_MAX    512u

static bool name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && n <= 100 && name[n] == '\0' && (name[0] < '0' || name[0] > '9');
}

/* Past one name="text", or NULL. The labels that the host adds itself may not come again. */
static const char *label_end(const char *p)
{
    if (strncmp(p, "connector=", 10) == 0 || strncmp(p, "task=", 5) == 0) {
        return NULL;
    }
    size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (n == 0 || (p[0] >= '0' && p[0] <= '9') || p[n] != '=' || p[n + 1] != '"') {
        return NULL;
    }
    for (p += n + 2; *p != '"'; p++) {
        if (*p == '\\' && strchr("\\\"n", p[1]) && p[1]) {
            p++;
        } else if ((unsigned char)*p < 0x20 || *p == '\\') {
            return NULL; /* the end of the text too */
        }
    }
    return p + 1;
}

bool figures_labels_ok(const char *labels)
{
    if (strlen(labels) > TEXT_MAX) {
        return false;
    }
    while (*labels) {
        labels = label_end(labels);
        if (!labels || (*labels && (*labels != ',' || !labels[1]))) {
            return false;
        }
        labels += *labels == ',';
    }
    return true;
}

static bool help_ok(const char *help)
{
    for (const unsigned char *p = (const unsigned char *)help; *p; p++) {
        if (*p < 0x20 || *p == '\\') {
            return false;
        }
    }
    return *help && strlen(help) <= TEXT_MAX;
}

static struct figure *find(struct figures *f, const char *name, const char *labels)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->v[i].name, name) == 0 && strcmp(f->v[i].labels, labels) == 0) {
            return &f->v[i];
        }
    }
    return NULL;
}

static struct figure *add(struct figures *f, const char *name, const char *labels, const char *help, uint32_t kind)
{
    struct figure *g;
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 32;
        struct figure *v = cap > FIGURES_MAX ? NULL : realloc(f->v, cap * sizeof *v);
        if (!v) {
            return NULL;
        }
        f->v = v;
        f->cap = cap;
    }
    g = &f->v[f->n];
    *g = (struct figure){strdup(name), strdup(labels), strdup(help), kind, 0, 0};
    if (!g->name || !g->labels || !g->help) {
        free(g->name);
        free(g->labels);
        free(g->help);
        return NULL;
    }
    f->n++;
    return g;
}

static bool take_one(struct figures *f, const json_t *item)
{
    const char *name = json_string_value(json_array_get(item, 0));
    const char *labels = json_string_value(json_array_get(item, 1));
    const char *help = json_string_value(json_array_get(item, 2));
    const json_t *kind = json_array_get(item, 3), *value = json_array_get(item, 4);
    struct figure *g;
    if (!name || !labels || !help || !json_is_integer(kind) || !json_is_integer(value) || !name_ok(name) ||
        !figures_labels_ok(labels) || !help_ok(help)) {
        return false;
    }
    json_int_t k = json_integer_value(kind), v = json_integer_value(value);
    if ((k != HP_METRIC_COUNTER && k != HP_METRIC_GAUGE) || (k == HP_METRIC_COUNTER && v < 0)) {
        return false;
    }
    g = find(f, name, labels);
    if (!g) {
        g = add(f, name, labels, help, (uint32_t)k);
    }
    if (!g || g->kind != (uint32_t)k) {
        return false;
    }
    if (__builtin_add_overflow(g->before, v, &g->value)) {
        g->value = v;
    }
    return true;
}

bool figures_take(struct figures *f, const json_t *list)
{
    bool ok = json_is_array(list);
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        ok = take_one(f, item) && ok;
    }
    return ok;
}

void figures_new_worker(struct figures *f)
{
    for (size_t i = 0; i < f->n; i++) {
        f->v[i].before = f->v[i].kind == HP_METRIC_COUNTER ? f->v[i].value : 0;
    }
}

void figures_no_worker(struct figures *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->v[i].kind == HP_METRIC_GAUGE) {
            f->v[i].value = HP_METRIC_UNKNOWN;
        }
    }
}

void figures_measured(struct figures *f, const char *name, const char *help, int64_t value)
{
    struct figure *g = find(f, name, "");
    if (g || (g = add(f, name, "", help, HP_METRIC_GAUGE)) != NULL) {
        g->value = value;
    }
}

int64_t figures_value(const struct figures *f, const char *name, int64_t fallback)
{
    int64_t sum = 0;
    bool any = false;
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->v[i].name, name) == 0) {
            any = true;
            if (__builtin_add_overflow(sum, f->v[i].value, &sum)) {
                sum = f->v[i].value;
            }
        }
    }
    return any ? sum : fallback;
}

void figures_finish(struct figures *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->v[i].name);
        free(f->v[i].labels);
        free(f->v[i].help);
    }
    free(f->v);
    memset(f, 0, sizeof *f);
}
