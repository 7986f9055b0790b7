/* residency_support.h: rows as short texts, so that a test's table shows what goes in and what comes out. */
#ifndef RESIDENCY_SUPPORT_H
#define RESIDENCY_SUPPORT_H

#include "judge.h"
#include "mock_host.h"

#define ROW_TEXT_MAX 512

/* A table app.users of text columns and one int4 key "id": "id|email|dna|residency". */
struct users {
    struct mock_host *host;
    const struct hp_schema *schema;
    struct builder in, out;
};
void users_init(struct users *u, uint32_t identity, const char *namespace_, const char *table);
void users_finish(struct users *u);
/* Values separated by '|': "\N" NULL, "~" unchanged TOAST, "-" absent; NULL: no such image. */
void users_add(struct users *u, char op, const char *before, const char *after);
/* What judge wrote, one "op before -> after" a line, with the columns' names: "c  -> id=1 email=****". */
void users_text(struct users *u, char *out, size_t size);

/* A config of the plugin whose policy is written into a file below the test's own folder. */
char *policy_write(const char *text); /* path; removed and freed by policy_remove */
void policy_remove(char *path);

#endif
