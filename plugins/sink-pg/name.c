/* name.c: see name.h. */
#include "name.h"

static bool append_field(struct bytes *out, const char **p, const struct hp_schema *schema, struct hp_bytes topic)
{
    static const struct {
        const char *text;
        int field;
    } fields[] = {{"${topic}", 0},     {"${source.schema}", 1}, {"${source.table}", 2},
                  {"${source.db}", 3}, {"${source.name}", 4},   {"${source.collection}", 2}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t n = strlen(fields[i].text);
        struct hp_bytes value = {0};
        if (strncmp(*p, fields[i].text, n) != 0) {
            continue;
        }
        *p += n;
        if (fields[i].field == 0) {
            for (size_t c = 0; c < topic.len; c++) {
                char letter = ((const char *)topic.data)[c];
                bytes_append(out, letter == '.' ? "_" : &letter, 1);
            }
            return topic.len > 0;
        }
        if (schema) {
            const char *dot = schema->name.len ? memchr(schema->name.data, '.', schema->name.len) : NULL;
            struct hp_bytes prefix = {schema->name.data,
                                      dot ? (uint64_t)(dot - (const char *)schema->name.data) : schema->name.len};
            value = fields[i].field == 1   ? schema->namespace_
                    : fields[i].field == 2 ? schema->table
                    : fields[i].field == 3 ? schema->database
                                           : prefix;
        }
        bytes_append(out, value.data, value.len);
        return value.len > 0;
    }
    return false;
}

static char *checked_name(struct bytes *b, const char *what, struct hp_error *err)
{
    char *text;
    if (b->len == 0 || b->len > NAME_MAX_BYTES || memchr(b->data, '\0', b->len)) {
        (void)hp_fail(err, HP_ERROR_CONFIG, "",
                      "collection.name.format: the %s's name would be %s; PostgreSQL's names have 1 to 63 bytes", what,
                      b->len == 0               ? "empty"
                      : b->len > NAME_MAX_BYTES ? "longer than 63 bytes"
                                                : "one with a zero byte");
        bytes_finish(b);
        return NULL;
    }
    text = bytes_steal_text(b);
    if (!text) {
        (void)out_of_memory(err);
    }
    return text;
}

hp_status name_expand(const char *format, const struct hp_schema *schema, struct hp_bytes topic, char **out_schema,
                      char **out_table, struct hp_error *err)
{
    struct bytes part = {0};
    char *first = NULL, *table;
    for (const char *p = format; *p;) {
        if (p[0] == '$' && p[1] == '{') {
            if (!append_field(&part, &p, schema, topic)) {
                bytes_finish(&part);
                free(first);
                return hp_fail(err, HP_ERROR_CONFIG, "",
                               "collection.name.format asks for a field that records of topic %.*s do not have; use "
                               "${topic} or a fixed name for them",
                               (int)(topic.len < 200 ? topic.len : 200), (const char *)topic.data);
            }
        } else if (*p == '.' && !first) {
            first = checked_name(&part, "schema", err);
            if (!first) {
                return HP_ERROR;
            }
            p++;
        } else {
            bytes_append(&part, p++, 1);
        }
    }
    table = checked_name(&part, "table", err);
    if (!table) {
        free(first);
        return HP_ERROR;
    }
    *out_schema = first;
    *out_table = table;
    return HP_OK;
}

void name_fold(char *name)
{
    for (; *name; name++) {
        if (*name >= 'A' && *name <= 'Z') {
            *name = (char)(*name - 'A' + 'a');
        }
    }
}

bool name_listed(char *const *items, size_t n, struct hp_bytes topic, struct hp_bytes field)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(items[i]);
        const char *colon = strrchr(items[i], ':');
        struct hp_bytes whole = {items[i], len};
        if (bytes_equal(whole, field)) {
            return true;
        }
        if (colon) {
            struct hp_bytes of = {items[i], (uint64_t)(colon - items[i])};
            struct hp_bytes name = {colon + 1, len - of.len - 1};
            if (bytes_equal(of, topic) && bytes_equal(name, field)) {
                return true;
            }
        }
    }
    return false;
}

void name_origin(const char *connector, struct hp_bytes stream, char out[64])
{
    /* FNV-1a over both names: two connectors whose names are alike once made plain still differ. */
    uint64_t hash = 1469598103934665603u;
    char plain[41];
    size_t n = 0;
    for (const char *p = connector; *p; p++) {
        hash = (hash ^ (uint8_t)*p) * 1099511628211u;
        if (n < sizeof plain - 1) {
            bool ok = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-' ||
                      *p == '.' || *p == '_';
            plain[n++] = ok ? *p : '_';
        }
    }
    plain[n] = '\0';
    hash = (hash ^ '/') * 1099511628211u;
    for (uint64_t i = 0; i < stream.len; i++) {
        hash = (hash ^ ((const uint8_t *)stream.data)[i]) * 1099511628211u;
    }
    (void)snprintf(out, 64, "homeport_%s_%08x", plain, (unsigned)(hash ^ (hash >> 32)));
}

bool name_split_type(struct hp_bytes shown, char schema[64], char name[64])
{
    const char *p = shown.data, *end = p + shown.len;
    char *parts[2] = {schema, name};
    int part = 0;
    size_t n = 0;
    if (shown.len > 2 && memcmp(end - 2, "[]", 2) == 0) {
        end -= 2;
    }
    schema[0] = name[0] = '\0';
    for (bool quoted = false; p < end; p++) {
        if (*p == '"' && quoted && p + 1 < end && p[1] == '"') {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
            continue;
        } else if (*p == '.' && !quoted) {
            if (part == 1 || n == 0) {
                return false;
            }
            part = 1;
            n = 0;
            continue;
        }
        if (n == 63 || *p == '\0') {
            return false;
        }
        parts[part][n++] = *p;
        parts[part][n] = '\0';
    }
    if (part == 0) {
        memcpy(name, schema, 64);
        schema[0] = '\0';
    }
    return name[0] != '\0';
}
