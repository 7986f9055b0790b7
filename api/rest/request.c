/* request.c: see request.h. No HTTP library in here. */
#include "request.h"

#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void (*request_replied)(struct request *rq);

void request_finish(struct request *rq)
{
    url_finish(&rq->url);
    buf_finish(&rq->body);
    free(rq->text);
    free(rq->location);
    free(rq->allow);
}

void reply_text(struct request *rq, unsigned status, const char *type, char *text, size_t len)
{
    if (rq->status) {
        free(text); /* answered already */
        return;
    }
    rq->status = status;
    rq->type = type;
    rq->text = text;
    rq->text_len = len;
    request_replied(rq);
}

void reply_empty(struct request *rq, unsigned status)
{
    reply_text(rq, status, NULL, NULL, 0);
}

void reply_json(struct request *rq, unsigned status, json_t *json)
{
    char *text = json ? json_text(json) : NULL;
    json_decref(json);
    if (text) {
        reply_text(rq, status, "application/json", text, strlen(text));
    } else {
        reply_error(rq, 500, "out of memory");
    }
}

void reply_error(struct request *rq, unsigned status, const char *format, ...)
{
    struct buf out;
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    buf_init(&out, 4u << 20);
    (void)buf_printf(&out, "{\"error_code\":%u,\"message\":", status);
    json_escape(&out, n < 0 ? "" : text, n < 0 ? 0 : (size_t)n);
    (void)buf_putc(&out, '}');
    if (n >= 0) {
        free(text);
    }
    size_t len = out.len;
    char *body = out.failed ? NULL : buf_steal(&out);
    buf_finish(&out);
    reply_text(rq, status, "application/json", body, body ? len : 0);
}

void reply_outcome(struct request *rq, const struct outcome *o)
{
    static const unsigned statuses[] = {
        [OUTCOME_DONE] = 500,   [OUTCOME_CREATED] = 500, [OUTCOME_INVALID] = 400,  [OUTCOME_NOT_FOUND] = 404,
        [OUTCOME_EXISTS] = 409, [OUTCOME_BUSY] = 409,    [OUTCOME_NO_CLASS] = 400, [OUTCOME_NO_ROOM] = 507,
        [OUTCOME_STALE] = 409,  [OUTCOME_FAILED] = 500,  [OUTCOME_CLOSING] = 503,
    };
    const char *prefix = o->kind == OUTCOME_NO_CLASS ? "org.apache.kafka.connect.errors.ConnectException: " : "";
    reply_error(rq, statuses[o->kind], "%s%s", prefix, o->message ? o->message : "");
}

json_t *request_json(struct request *rq)
{
    struct hp_error err = {.size = sizeof err};
    json_t *json;
    if (rq->body.len == 0) {
        reply_error(rq, 500, "The request needs a body of JSON, and has none");
        return NULL;
    }
    json = json_parse((char *)rq->body.data, rq->body.len, &err);
    if (!json) {
        /* Connect answers malformed JSON with 500 (T1); a key given twice and our own limits are plainly the sender's.
         */
        bool ours = strstr(err.message, "duplicate object key") || strstr(err.message, "JSON nested deeper") ||
                    strstr(err.message, "JSON with more than");
        char *near = strstr(err.message, " near '"); /* what stands there may be a password */
        if (near) {
            *near = '\0';
        }
        reply_error(rq, ours ? 400 : 500, "The request body cannot be read as JSON: %s", err.message);
    } else if (json_is_null(json)) {
        json_decref(json);
        json = NULL;
        reply_error(rq, 500, "The request needs a body of JSON, and has null");
    }
    return json;
}
