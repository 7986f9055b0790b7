/* Request heads: the first line is the request line, the others headers. What guard.c lets through must be free of what
   it promises to refuse, and url.c must take it apart or say why not. */
#include "guard.h"
#include "url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check_url(const char *target)
{
    struct url u;
    if (url_parse(&u, target) == NULL) {
        for (size_t i = 0; i < u.n_segments; i++) {
            char *again = url_encode(u.segments[i]);
            if (!utf8_ok(u.segments[i]) || !again) {
                abort();
            }
            free(again);
        }
        (void)url_flag(&u, "includeTasks");
        url_finish(&u);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const hosts[] = {"connect.example", NULL};
    struct guard_header headers[GUARD_HEADERS + 1];
    struct guard_head head = {"", "", "", headers, 0};
    char *text = malloc(size + 1), *save = NULL, *words = NULL;
    if (size) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    char *line = strtok_r(text, "\n", &save);
    if (line) {
        char *word = strtok_r(line, " ", &words);
        head.method = word ? word : "";
        word = word ? strtok_r(NULL, " ", &words) : NULL;
        head.target = word ? word : "";
        word = word ? strtok_r(NULL, " ", &words) : NULL;
        head.version = word ? word : "";
    }
    while (line && head.n_headers <= GUARD_HEADERS && (line = strtok_r(NULL, "\n", &save)) != NULL) {
        char *colon = strchr(line, ':');
        size_t name = colon ? (size_t)(colon - line) : strlen(line);
        const char *value = colon ? colon + 1 : line + name;
        headers[head.n_headers++] = (struct guard_header){line, value, name, strlen(value)};
    }
    if (guard_judge(&head, hosts).status == 0) {
        if (head.target[0] != '/' || head.n_headers > GUARD_HEADERS) {
            abort();
        }
        check_url(head.target);
    }
    free(text);
    return 0;
}
