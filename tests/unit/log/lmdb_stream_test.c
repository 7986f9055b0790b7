/* The folder of streams. */
#include "log_support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bench t;

static void setup(void)
{
    bench_open(&t);
}

static void teardown(void)
{
    bench_close(&t);
}

TestSuite(stream, .init = setup, .fini = teardown);

Test(stream, odd_names_are_kept)
{
    char longest[600];
    const char *names[] = {"a/b", "../x", ".", "naïve ☃", "UPPER", "%41", "", longest};
    char **found;
    size_t n;
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct log_writer *w;
        hp_status status = log_writer_open(t.log, names[i], &w, &t.err);
        cr_assert_eq(status, names[i][0] ? HP_OK : HP_ERROR, "%s: %s", names[i], t.err.message);
        if (status == HP_OK) {
            log_writer_close(w);
        }
    }
    cr_assert_eq(log_streams(t.log, &found, &n, &t.err), HP_OK);
    cr_assert_eq(n, 7);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t hits = 0;
        for (size_t k = 0; k < n; k++) {
            hits += strcmp(found[k], names[i]) == 0;
        }
        cr_assert_eq(hits, names[i][0] ? 1 : 0);
    }
    log_names_free(found, n);
}

Test(stream, an_interrupted_making_does_not_show)
{
    char path[512];
    char **found;
    size_t n;
    snprintf(path, sizeof path, "%s/.new", t.dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/.new/data.mdb", t.dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    cr_assert_eq(log_streams(t.log, &found, &n, &t.err), HP_OK);
    cr_assert_eq(n, 0);
    log_names_free(found, n);
    bench_writer(&t, "orders");
    cr_assert_neq(access(path, F_OK), 0);
}

/* How many bytes were logged while the streams were listed. */
static off_t told_by_listing(const char *file)
{
    struct stat st;
    char **found;
    size_t n;
    int kept = dup(STDERR_FILENO), fd = open(file, O_CREAT | O_TRUNC | O_RDWR, 0600);
    cr_assert(kept >= 0 && fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    hp_status status = log_streams(t.log, &found, &n, &t.err);
    cr_assert(dup2(kept, STDERR_FILENO) >= 0 && fstat(fd, &st) == 0);
    close(kept);
    close(fd);
    cr_assert_eq(status, HP_OK);
    log_names_free(found, n);
    return st.st_size;
}

Test(stream, what_is_left_out_is_told_once)
{
    char path[512], file[512];
    snprintf(path, sizeof path, "%s/broken", t.dir);
    snprintf(file, sizeof file, "%s/.told", t.dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/broken/data.mdb", t.dir);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    cr_assert_eq(write(fd, "not a stream", 12), 12);
    close(fd);
    cr_assert_gt(told_by_listing(file), 0);
    cr_assert_eq(told_by_listing(file), 0);
}

Test(stream, unknown_ones_are_said_to_be)
{
    struct log_stream_info info;
    struct log_topic_info *topics;
    size_t n;
    cr_assert_eq(log_stream_info(t.log, "nobody", &info, &t.err), HP_ERROR);
    cr_assert_str_eq(t.err.code, "NOSTREAM");
    cr_assert_eq(log_topics(t.log, "nobody", &topics, &n, &t.err), HP_ERROR);
    cr_assert_eq(log_stream_delete(t.log, "nobody", &t.err), HP_OK);
}

Test(stream, the_logs_word_moves_with_streams_and_topics_only)
{
    uint32_t *word = log_word(t.log), seen = *word;
    bench_writer(&t, "s");
    cr_assert_neq(*word, seen, "a stream came");
    seen = *word;
    commit_rows(&t, "a", 1, 0, 3);
    cr_assert_neq(*word, seen, "a topic came");
    seen = *word;
    commit_rows(&t, "a", 2, 3, 3);
    cr_assert_eq(*word, seen, "only records came");
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    append_rows(&t, "b", 3, 0, 1);
    log_rollback(t.w);
    cr_assert_eq(*word, seen, "the topic did not come after all");
    log_writer_close(t.w);
    t.w = NULL;
    cr_assert_eq(*word, seen);
    cr_assert_eq(log_stream_delete(t.log, "s", &t.err), HP_OK, "%s", t.err.message);
    cr_assert_neq(*word, seen, "the stream went");
}
