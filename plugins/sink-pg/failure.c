/* failure.c: see failure.h. */
#include "failure.h"

static void copy_field(char *out, size_t size, const char *value)
{
    (void)snprintf(out, size, "%s", value ? value : "");
}

void failure_scrub(const char *state, const char *message, char *out, size_t size)
{
    /* Input functions quote the offending value, which may hold quotes itself: everything between the first and the
       last one goes. What a trigger raises can hold anything. */
    bool quotes = strncmp(state, "22", 2) == 0 || strcmp(state, "42601") == 0;
    const char *first = quotes ? strchr(message, '"') : NULL, *last = first ? strrchr(message, '"') : NULL;
    size_t n = 0;
    if (strncmp(state, "P0", 2) == 0) {
        (void)snprintf(out, size,
                       "a trigger or function of the target raised an exception (its text may hold values: "
                       "see the server's log)");
        return;
    }
    for (const char *p = message; *p && *p != '\n' && n + 6 < size; p++) {
        if (p == first) {
            memcpy(out + n, "\"...\"", 5);
            n += 5;
            p = last;
        } else {
            out[n++] = (unsigned char)*p < ' ' ? ' ' : *p;
        }
    }
    out[n] = '\0';
}

void failure_read(struct failure *f, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *schema = PQresultErrorField(result, PG_DIAG_SCHEMA_NAME);
    const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
    memset(f, 0, sizeof *f);
    copy_field(f->state, sizeof f->state, state);
    failure_scrub(f->state, message ? message : "", f->message, sizeof f->message);
    if (table) {
        (void)snprintf(f->table, sizeof f->table, "%s.%s", schema ? schema : "", table);
    }
    copy_field(f->column, sizeof f->column, PQresultErrorField(result, PG_DIAG_COLUMN_NAME));
    copy_field(f->constraint, sizeof f->constraint, PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
}

/* First match by prefix. */
static const struct {
    const char *state;
    uint32_t klass;
} classes[] = {
    {"", HP_ERROR_RETRY},       /* no SQLSTATE: libpq itself */
    {"08", HP_ERROR_RETRY},     /* connection */
    {"40", HP_ERROR_RETRY},     /* deadlock, serialization */
    {"53", HP_ERROR_RETRY},     /* out of connections, memory, disk */
    {"55P03", HP_ERROR_RETRY},  /* lock not available */
    {"55006", HP_ERROR_RETRY},  /* object in use */
    {"57", HP_ERROR_RETRY},     /* shutdown, starting up, cancelled */
    {"58", HP_ERROR_RETRY},     /* the server's system */
    {"25006", HP_ERROR_RETRY},  /* read-only: a standby, or a switch-over */
    {"25P", HP_ERROR_RETRY},    /* timeouts of the session */
    {"XX000", HP_ERROR_RETRY},  /* internal, such as a row concurrently updated by DDL */
    {"XX", HP_ERROR_FATAL},     /* corruption */
    {"42601", HP_ERROR_POISON}, /* our statements have no syntax errors: the text of a tsquery, jsonpath, ltree */
    {"21", HP_ERROR_POISON},    {"22", HP_ERROR_POISON}, {"23", HP_ERROR_POISON}, {"27", HP_ERROR_POISON},
    {"44", HP_ERROR_POISON},    {"P0", HP_ERROR_POISON}, {"54", HP_ERROR_POISON}, {"28", HP_ERROR_CONFIG},
    {"3D", HP_ERROR_CONFIG},    {"3F", HP_ERROR_CONFIG}, {"42", HP_ERROR_CONFIG}, {"0A", HP_ERROR_CONFIG},
    {"0L", HP_ERROR_CONFIG},    {"0P", HP_ERROR_CONFIG}, {"55", HP_ERROR_CONFIG},
};

uint32_t failure_class(const char *state)
{
    if (*state) {
        for (size_t i = 1; i < sizeof classes / sizeof *classes; i++) {
            if (strncmp(state, classes[i].state, strlen(classes[i].state)) == 0) {
                return classes[i].klass;
            }
        }
        return HP_ERROR_FATAL;
    }
    return classes[0].klass;
}

bool failure_is_row(const char *state)
{
    /* XX000: what a type's input function says of a form it cannot read, among others. */
    return *state && (failure_class(state) == HP_ERROR_POISON || strcmp(state, "XX000") == 0);
}

bool failure_is_stale(const char *state)
{
    static const char *const states[] = {
        "42P01",
        /* undefined table */ "42703",
        /* undefined column */ "3F000", /* undefined schema */
        "42704",
        /* undefined type */ "42804",
        /* datatype mismatch */ "42P10", /* no index for ON CONFLICT */
        "42883",
        /* no such operator */ "0A000", /* cached plan must not change */
        "22P03",
        /* bad binary form */ "08P01", /* too few bytes: another type reads them */
        "428C9",
        /* generated always */ "42P18",
        "26000", /* statement gone */
        "22P04",
        /* bad COPY format: another number of columns */ "42846", /* cannot cast */
        "22001",
        "22003",
        "22P02", /* a column that was made wider, an enum that has a new label */
    };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(state, states[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const struct {
    const char *state, *text;
} advices[] = {
    {"42501", "; grant the role what the plugin's README lists"},
    {"42P01", "; create it, or set schema.evolution=basic"},
    {"23503", "; if a row is still to come, as within a snapshot of tables that refer to each other, "
              "session.replication.role=replica leaves the check out"},
    {"25006", "; waiting for the server to accept writes"},
};

hp_status failure_report(const struct failure *f, const char *what, struct hp_error *err)
{
    const char *advice = "";
    char where[280] = "";
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++) {
        advice = strcmp(f->state, advices[i].state) == 0 ? advices[i].text : advice;
    }
    if (f->constraint[0]) {
        (void)snprintf(where, sizeof where, " (constraint %s of %s)", f->constraint, f->table);
    } else if (f->column[0]) {
        (void)snprintf(where, sizeof where, " (column %s of %s)", f->column, f->table);
    }
    return hp_fail(err, failure_class(f->state), f->state, "%s: %s%s%s", what, f->message, where, advice);
}

hp_status failure_connect(const char *message, struct hp_error *err)
{
    /* With verbose errors libpq writes "...: FATAL:  28P01: text". */
    char state[6] = "", line[400];
    const char *at = strstr(message, "FATAL:  ");
    size_t n = 0;
    if (at && strlen(at) > 14 && at[13] == ':') {
        memcpy(state, at + 8, 5);
    }
    for (const char *p = message; *p && n + 2 < sizeof line; p++) {
        if (strncmp(p, "\nLOCATION:", 10) == 0) {
            break;
        }
        line[n++] = *p == '\n' ? ' ' : *p;
    }
    while (n && line[n - 1] == ' ') {
        n--;
    }
    line[n] = '\0';
    return hp_fail(err, *state ? failure_class(state) : HP_ERROR_RETRY, *state ? state : "08001",
                   "cannot connect to the target database: %s", line);
}
