/* check_life.c: checks of instances: made and unmade with good, bad and random configurations. */
#include "plugin_check.h"

#include <dirent.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RANDOM_CONFIGS 300
#define WARM_UP        20
#define ROUNDS         100
#define GROWTH_MAX     (64u << 10) /* over ROUNDS instances */

static void ignore_report(const struct hp_config_report *r, const char *key, const char *message)
{
    (void)r, (void)key, (void)message;
}

static void validate(const struct plugin *p, const struct hp_config *config)
{
    struct hp_config_report r = {sizeof r, 0, NULL, ignore_report, ignore_report};
    if (p->desc->validate) {
        p->desc->validate(config, &r);
    }
}

enum check_result check_empty_config(const struct check *c)
{
    struct plugin p = check_open(c);
    struct check_host h;
    struct hp_config empty = {sizeof empty, 0, NULL, p.note.id, "check"};
    struct hp_error err;
    enum check_result result;
    void *self;
    check_host_init(&h);
    p.entry->destroy(NULL);
    validate(&p, &empty);
    if (check_create(&p, &h, &empty, &self, &err, &result) >= 0) {
        p.entry->destroy(self);
    }
    return result;
}

static uint32_t roll(uint32_t *state)
{
    *state ^= *state << 13; /* xorshift: repeatable from the printed seed */
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static char *random_value(uint32_t *state)
{
    static const char *const odd[] = {"",
                                      " ",
                                      "-1",
                                      "0",
                                      "9223372036854775808",
                                      "1e999",
                                      "true",
                                      "null",
                                      "a,b,,c",
                                      "%s%n",
                                      "\\",
                                      "(((((",
                                      "[a-",
                                      "${x}",
                                      "/",
                                      "../../x",
                                      "\"'",
                                      "\x01",
                                      "jdbc:postgresql://",
                                      "::1:",
                                      "\xc3\xa4"};
    size_t len;
    char *text;
    if (roll(state) % 3) {
        return strdup(odd[roll(state) % (sizeof odd / sizeof odd[0])]);
    }
    len = roll(state) % 300;
    text = malloc(len + 1);
    for (size_t i = 0; text && i < len; i++) {
        text[i] = (char)(1 + roll(state) % 126);
    }
    if (text) {
        text[len] = '\0';
    }
    return text;
}

enum check_result check_random_config(const struct check *c)
{
    struct plugin p = check_open(c);
    const struct hp_config_key *keys;
    uint32_t n = plugin_keys(&p, p.note.id, &keys), state = c->seed ? c->seed : 1;
    struct hp_config_entry *entries = calloc((size_t)n + 2, sizeof *entries);
    struct check_host h;
    check_host_init(&h);
    for (unsigned round = 0; entries && round < RANDOM_CONFIGS; round++) {
        struct hp_config config = {sizeof config, 0, entries, p.note.id, "check"};
        struct hp_error err;
        enum check_result result;
        void *self;
        for (uint32_t i = 0; i < n; i++) {
            if (roll(&state) % 4) {
                char *value = random_value(&state);
                entries[config.n_entries++] = (struct hp_config_entry){plugin_key_at(keys, i)->name, value};
            }
        }
        entries[config.n_entries++] = (struct hp_config_entry){"no.such.key", random_value(&state)};
        validate(&p, &config);
        if (check_create(&p, &h, &config, &self, &err, &result) >= 0) {
            p.entry->destroy(self);
        }
        if (result != CHECK_OK) {
            return result;
        }
        for (uint32_t i = 0; i < config.n_entries; i++) {
            free((char *)(uintptr_t)entries[i].value);
        }
    }
    free(entries);
    return CHECK_OK;
}

static unsigned descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;
    while (dir && readdir(dir)) {
        n++;
    }
    if (dir) {
        (void)closedir(dir);
    }
    return n;
}

enum check_result check_growth(const struct check *c)
{
    struct plugin p = check_open(c);
    struct hp_config config = check_config(c, &p);
    struct check_host h;
    size_t memory = 0, now;
    unsigned fds = 0, fds_now;
    check_host_init(&h);
    for (unsigned i = 0; i < WARM_UP + ROUNDS; i++) {
        struct hp_error err;
        enum check_result result;
        void *self;
        if (i == WARM_UP) {
            memory = mallinfo2().uordblks;
            fds = descriptors();
        }
        if (check_create(&p, &h, &config, &self, &err, &result) >= 0) {
            p.entry->destroy(self);
        }
        if (result != CHECK_OK) {
            return result;
        }
    }
    now = mallinfo2().uordblks;
    fds_now = descriptors();
    if (fds_now > fds) {
        return check_fail("%u instances left %u descriptors open", ROUNDS, fds_now - fds);
    }
    if (now > memory + GROWTH_MAX) {
        return check_fail("%u instances left %zu bytes behind", ROUNDS, now - memory);
    }
    return CHECK_OK;
}

/* The process is the host's: signals, their mask and standard output stay as they were. */
enum check_result check_process(const struct check *c)
{
    struct sigaction before[NSIG], after;
    sigset_t mask_before, mask_after;
    struct check_host h;
    struct hp_error err;
    enum check_result result;
    void *self;
    off_t at = lseek(STDOUT_FILENO, 0, SEEK_CUR), now;
    for (int s = 1; s < NSIG; s++) {
        memset(&before[s], 0, sizeof before[s]);
        (void)sigaction(s, NULL, &before[s]);
    }
    (void)sigprocmask(SIG_SETMASK, NULL, &mask_before);
    struct plugin p = check_open(c);
    struct hp_config config = check_config(c, &p);
    check_host_init(&h);
    if (check_create(&p, &h, &config, &self, &err, &result) >= 0) {
        p.entry->destroy(self);
    }
    (void)fflush(stdout);
    now = lseek(STDOUT_FILENO, 0, SEEK_CUR);
    (void)sigprocmask(SIG_SETMASK, NULL, &mask_after);
    for (int s = 1; s < NSIG; s++) {
        if (sigaction(s, NULL, &after) == 0 && after.sa_handler != before[s].sa_handler) {
            return check_fail("it changes what happens at signal %d", s);
        }
        if (sigismember(&mask_before, s) != sigismember(&mask_after, s)) {
            return check_fail("it changes the signal mask (signal %d)", s);
        }
    }
    if (now != at) {
        return now < at ? check_fail("it closes standard output")
                        : check_fail("it writes to standard output (%lld bytes)", (long long)(now - at));
    }
    return result;
}
