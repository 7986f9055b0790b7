/* url.c: see url.h. */
#include "url.h"

/* What a name in the URL means: a keyword of libpq, a name of pgjdbc for one, or nothing. */
struct known_param {
    const char *name;
    const char *libpq; /* NULL: known to pgjdbc, without a meaning here */
};

static const struct known_param known_params[] = {
    {"host", "host"},
    {"hostaddr", "hostaddr"},
    {"port", "port"},
    {"dbname", "dbname"},
    {"user", "user"},
    {"password", "password"},
    {"sslmode", "sslmode"},
    {"sslrootcert", "sslrootcert"},
    {"sslcert", "sslcert"},
    {"sslkey", "sslkey"},
    {"sslpassword", "sslpassword"},
    {"sslcrl", "sslcrl"},
    {"sslsni", "sslsni"},
    {"ssl_min_protocol_version", "ssl_min_protocol_version"},
    {"channel_binding", "channel_binding"},
    {"gssencmode", "gssencmode"},
    {"krbsrvname", "krbsrvname"},
    {"connect_timeout", "connect_timeout"},
    {"keepalives", "keepalives"},
    {"keepalives_idle", "keepalives_idle"},
    {"keepalives_interval", "keepalives_interval"},
    {"keepalives_count", "keepalives_count"},
    {"tcp_user_timeout", "tcp_user_timeout"},
    {"target_session_attrs", "target_session_attrs"},
    {"application_name", "application_name"},
    {"ApplicationName", "application_name"},
    {"connectTimeout", "connect_timeout"},
    {"loginTimeout", "connect_timeout"},
    {"channelBinding", "channel_binding"},
    {"gssEncMode", "gssencmode"},
    {"kerberosServerName", "krbsrvname"},
    {"tcpKeepAlive", NULL},
    {"socketTimeout", NULL},
    {"cancelSignalTimeout", NULL},
    {"reWriteBatchedInserts", NULL},
    {"prepareThreshold", NULL},
    {"preparedStatementCacheQueries", NULL},
    {"preparedStatementCacheSizeMiB", NULL},
    {"databaseMetadataCacheFields", NULL},
    {"databaseMetadataCacheFieldsMiB", NULL},
    {"defaultRowFetchSize", NULL},
    {"adaptiveFetch", NULL},
    {"binaryTransfer", NULL},
    {"binaryTransferEnable", NULL},
    {"binaryTransferDisable", NULL},
    {"stringtype", NULL},
    {"assumeMinServerVersion", NULL},
    {"autosave", NULL},
    {"cleanupSavepoints", NULL},
    {"preferQueryMode", NULL},
    {"logUnclosedConnections", NULL},
    {"loadBalanceHosts", NULL},
    {"hostRecheckSeconds", NULL},
    {"receiveBufferSize", NULL},
    {"sendBufferSize", NULL},
    {"readOnly", NULL},
    {"readOnlyMode", NULL},
    {"unknownLength", NULL},
    {"disableColumnSanitiser", NULL},
    {"escapeSyntaxCallMode", NULL},
    {"maxResultBuffer", NULL},
    {"allowEncodingChanges", NULL},
};

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The text between two points without percent signs; NULL: bad escape, %00, or no memory. plus: + is a blank. */
static char *decode(const char *from, const char *to, bool plus)
{
    char *out = malloc((size_t)(to - from) + 1), *p = out;
    if (!out) {
        return NULL;
    }
    while (from < to) {
        if (*from == '%') {
            int high = to - from > 2 ? hex_digit(from[1]) : -1;
            int low = high >= 0 ? hex_digit(from[2]) : -1;
            if (low < 0 || (high == 0 && low == 0)) {
                free(out);
                return NULL;
            }
            *p++ = (char)(high * 16 + low);
            from += 3;
        } else {
            *p++ = plus && *from == '+' ? ' ' : *from;
            from++;
        }
    }
    *p = '\0';
    return out;
}

static char *percent_decode(const char *from, const char *to)
{
    return decode(from, to, false);
}

const char *url_get(const struct url *u, const char *key)
{
    for (size_t i = 0; i < u->n; i++) {
        if (strcmp(u->params[i].key, key) == 0) {
            return u->params[i].value;
        }
    }
    return NULL;
}

/* Takes `value`. */
static bool url_put(struct url *u, const char *key, char *value)
{
    for (size_t i = 0; value && i < u->n; i++) {
        if (strcmp(u->params[i].key, key) == 0) {
            free(u->params[i].value);
            u->params[i].value = value;
            return true;
        }
    }
    if (!value || u->n == URL_PARAMS_MAX) {
        free(value);
        return false;
    }
    u->params[u->n++] = (struct url_param){key, value};
    return true;
}

bool url_set(struct url *u, const char *key, const char *value)
{
    return url_put(u, key, copy_text(value, strlen(value)));
}

void url_finish(struct url *u)
{
    for (size_t i = 0; i < u->n; i++) {
        free(u->params[i].value);
    }
    free(u->schema);
    bytes_finish(&u->ignored);
    *u = (struct url){0};
}

static hp_status bad(struct hp_error *err, const char *what)
{
    return hp_fail(err, HP_ERROR_CONFIG, "", "connection.url: %s", what);
}

static hp_status bad_name(struct hp_error *err, const char *name)
{
    char shown[48] = {0};
    for (size_t i = 0; i < sizeof shown - 1 && name[i]; i++) {
        shown[i] = name[i];
        if ((unsigned char)name[i] < ' ' || (unsigned char)name[i] > '~') {
            shown[i] = '?';
        }
    }
    return hp_fail(err, HP_ERROR_CONFIG, "", "connection.url: parameter \"%s\" is not among those allowed", shown);
}

static hp_status take_param(struct url *u, const char *name, char *value, struct hp_error *err)
{
    if (strcmp(name, "currentSchema") == 0) {
        free(u->schema);
        u->schema = value;
        /* A search path: tables without a schema go to its first. */
        char *comma = strchr(value, ',');
        if (comma) {
            *comma = '\0';
        }
        return HP_OK;
    }
    if (strcmp(name, "ssl") == 0) { /* pgjdbc: "", "true": verify-full */
        bool on = *value == '\0' || strcmp(value, "true") == 0;
        free(value);
        return !on || url_get(u, "sslmode") || url_set(u, "sslmode", "verify-full") ? HP_OK : out_of_memory(err);
    }
    if (strcmp(name, "targetServerType") == 0) {
        static const char *const attrs[][2] = {{"any", "any"}, {"primary", "read-write"}, {"master", "read-write"}};
        for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++) {
            if (strcmp(value, attrs[i][0]) == 0) {
                free(value);
                return url_set(u, "target_session_attrs", attrs[i][1]) ? HP_OK : out_of_memory(err);
            }
        }
        free(value);
        return bad(err, "targetServerType must be \"any\" or \"primary\": a sink writes");
    }
    for (size_t i = 0; i < sizeof known_params / sizeof *known_params; i++) {
        if (strcmp(name, known_params[i].name) != 0) {
            continue;
        }
        if (known_params[i].libpq) {
            return url_put(u, known_params[i].libpq, value) ? HP_OK : out_of_memory(err);
        }
        free(value);
        bytes_text(&u->ignored, u->ignored.len ? ", " : "");
        bytes_text(&u->ignored, name);
        return u->ignored.failed ? out_of_memory(err) : HP_OK;
    }
    free(value);
    return bad_name(err, name);
}

/* pgjdbc decodes values as HTML forms are encoded, libpq does not. */
static hp_status parse_params(struct url *u, const char *p, bool jdbc, struct hp_error *err)
{
    while (*p) {
        const char *end = p + strcspn(p, "&");
        const char *eq = memchr(p, '=', (size_t)(end - p));
        if (end > p) {
            char *name = percent_decode(p, eq ? eq : end);
            char *value = decode(eq ? eq + 1 : end, end, jdbc);
            hp_status st;
            if (!name || !value) {
                free(name);
                free(value);
                return bad(err, "a parameter holds a bad percent escape");
            }
            st = take_param(u, name, value, err);
            free(name);
            if (st != HP_OK) {
                return st;
            }
        }
        p = *end ? end + 1 : end;
    }
    return HP_OK;
}

static bool port_is_valid(const char *port)
{
    size_t n = strspn(port, "0123456789");
    long v = n && n <= 5 && !port[n] ? strtol(port, NULL, 10) : 0;
    return v > 0 && v < 65536;
}

/* One host[:port] of a list, appended to both lists; the point behind it, or NULL if it is not well-formed. */
static const char *parse_host(const char *at, const char *to, struct bytes *hosts, struct bytes *ports)
{
    const char *end = at;
    char *host;
    char port[8] = {0};
    size_t n;
    if (at < to && *at == '[') {
        end = memchr(at, ']', (size_t)(to - at));
        if (!end) {
            return NULL;
        }
        host = percent_decode(at + 1, end++);
    } else {
        while (end < to && *end != ':' && *end != ',') {
            end++;
        }
        host = percent_decode(at, end);
    }
    if (!host || strchr(host, ',')) {
        free(host);
        return NULL;
    }
    bytes_text(hosts, host);
    free(host);
    if (end < to && *end == ':') {
        at = ++end;
        while (end < to && *end != ',') {
            end++;
        }
        n = (size_t)(end - at);
        if (n >= sizeof port) {
            return NULL;
        }
        memcpy(port, at, n);
        if (n && !port_is_valid(port)) {
            return NULL;
        }
        bytes_text(ports, port);
    }
    return end == to || *end == ',' ? end : NULL;
}

/* host[:port],... as the two lists that libpq wants. */
static hp_status parse_hosts(struct url *u, const char *from, const char *to, struct hp_error *err)
{
    struct bytes hosts = {0}, ports = {0};
    char *h, *p;
    bool named = false, any_port = false;
    while (from && from < to) {
        from = parse_host(from, to, &hosts, &ports);
        if (from && from < to) {
            bytes_text(&hosts, ",");
            bytes_text(&ports, ",");
            from++;
        }
        named = true;
    }
    if (!from) {
        bytes_finish(&hosts);
        bytes_finish(&ports);
        return bad(err, "the part with hosts and ports is not well-formed");
    }
    if (!named) {
        return HP_OK;
    }
    h = bytes_steal_text(&hosts);
    p = bytes_steal_text(&ports);
    any_port = p && p[strspn(p, ",")];
    if (!h || !p || !url_put(u, "host", h)) {
        if (!p) {
            free(h);
        }
        free(p);
        return out_of_memory(err);
    }
    if (any_port) {
        return url_put(u, "port", p) ? HP_OK : out_of_memory(err);
    }
    free(p);
    return HP_OK;
}

/* user[:password] in front of the '@'. */
static hp_status parse_user(struct url *u, const char *from, const char *to, struct hp_error *err)
{
    const char *colon = memchr(from, ':', (size_t)(to - from));
    if (!url_put(u, "user", percent_decode(from, colon ? colon : to)) ||
        (colon && !url_put(u, "password", percent_decode(colon + 1, to)))) {
        return bad(err, "user or password hold a bad percent escape");
    }
    return HP_OK;
}

static hp_status parse_all(struct url *u, const char *text, struct hp_error *err)
{
    bool jdbc = strncmp(text, "jdbc:", 5) == 0;
    const char *p = text + (jdbc ? 5 : 0), *end, *at;
    hp_status st = HP_OK;
    if (strlen(text) > URL_LENGTH_MAX) {
        return bad(err, "too long");
    }
    if (strncmp(p, "postgresql:", 11) == 0) {
        p += 11;
    } else if (!jdbc && strncmp(p, "postgres:", 9) == 0) {
        p += 9;
    } else {
        return bad(err, "must begin with jdbc:postgresql:// or postgresql://");
    }
    if (strncmp(p, "//", 2) == 0) {
        p += 2;
        end = p + strcspn(p, "/?");
        at = memchr(p, '@', (size_t)(end - p));
        if (at) {
            if (jdbc) {
                return bad(err, "user and password belong into connection.username and connection.password");
            }
            st = parse_user(u, p, at, err);
            p = at + 1;
        }
        if (st == HP_OK) {
            st = parse_hosts(u, p, end, err);
        }
        if (st != HP_OK) {
            return st;
        }
        p = *end == '/' ? end + 1 : end;
    } else if (!jdbc) {
        return bad(err, "must begin with jdbc:postgresql:// or postgresql://");
    } else if (*p == '/') {
        p++;
    }
    end = p + strcspn(p, "?");
    if (end > p && !url_put(u, "dbname", decode(p, end, jdbc))) {
        return bad(err, "the database name holds a bad percent escape");
    }
    return *end ? parse_params(u, end + 1, jdbc, err) : HP_OK;
}

hp_status url_parse(const char *text, struct url *out, struct hp_error *err)
{
    struct url u = {0};
    hp_status st = parse_all(&u, text, err);
    if (st == HP_OK && u.ignored.len) {
        bytes_append(&u.ignored, "", 1);
        if (u.ignored.failed) {
            st = out_of_memory(err);
        }
    }
    if (st != HP_OK) {
        url_finish(&u);
        return st;
    }
    *out = u;
    return HP_OK;
}

static bool host_is_loopback(const char *host, size_t n)
{
    return n == 0 || host[0] == '/' || host[0] == '@' || (n == 9 && memcmp(host, "localhost", 9) == 0) ||
           (n > 4 && memcmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= n) ||
           (n == 3 && memcmp(host, "::1", 3) == 0);
}

bool url_is_loopback(const struct url *u)
{
    const char *lists[2] = {url_get(u, "host"), url_get(u, "hostaddr")};
    for (size_t i = 0; i < 2; i++) {
        for (const char *p = lists[i]; p;) {
            size_t n = strcspn(p, ",");
            if (!host_is_loopback(p, n)) {
                return false;
            }
            p = p[n] ? p + n + 1 : NULL;
        }
    }
    return true;
}
