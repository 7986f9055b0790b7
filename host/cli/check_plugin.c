/*
 * check_plugin.c: `homeport check-plugin FILE.so`: runs each check of plugin_check.h in a child process of its own,
 * with a time limit, and says how it went (A8). The plugin is never loaded into this process.
 */
#include "cli.h"
#include "clock.h"
#include "plugin_check.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS   20000
#define GIVEN_MAX  100
#define MEMORY_MAX (1ull << 30)
#define SAID_MAX   4000

static const char usage[] =
    "usage: homeport check-plugin [--seed N] [--in-process] FILE.so [KEY=VALUE]...\n"
    "\n"
    "Tests a plugin against the contract of the SDK, each check in a process of its own. With a working configuration\n"
    "given as KEY=VALUE, a source is also run against what it reads from.\n"
    "\n"
    "  --seed N       repeat the random configurations of an earlier run\n"
    "  --in-process   run the checks here, for a debugger\n"
    "\n"
    "Exit status: 0 every check passed or was skipped, 1 one failed, 2 wrong usage.\n";

static const struct {
    const char *name;
    enum check_result (*run)(const struct check *c);
} checks[] = {
    {"note: readable without loading, and the file is sound", check_note},
    {"symbols: exactly one is exported", check_symbols},
    {"load: entry and descriptor agree with the note", check_load},
    {"keys: well-formed under every name", check_keys},
    {"interfaces: exact ids, every function there", check_interfaces},
    {"config: an empty one is answered with an error", check_empty_config},
    {"config: random ones are answered with errors", check_random_config},
    {"life: 100 instances leave nothing behind", check_growth},
    {"process: signals and standard output left alone", check_process},
    {"start: one that fails can be repeated and destroyed", check_failed_start},
    {"source: polls, positions, interrupt", check_source},
    {"transform: output well-formed and in order", check_transform},
};
#define N_CHECKS     (sizeof checks / sizeof checks[0])
#define N_CONDITIONS 3u /* after one of the first so many has failed, the others have nothing to check */

/* Wait for the child at most LIMIT_MS; false: it had to be killed. */
static bool wait_child(pid_t pid, int *status)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {fd, POLLIN, 0};
    bool ended = fd < 0 || poll(&p, 1, LIMIT_MS) > 0;
    if (!ended) {
        (void)kill(pid, SIGKILL);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    while (waitpid(pid, status, 0) < 0 && errno == EINTR) {
    }
    return ended;
}

static void print_said(int fd)
{
    char text[SAID_MAX + 1];
    ssize_t n = pread(fd, text, SAID_MAX, 0);
    if (n <= 0) {
        return;
    }
    text[n] = '\0';
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (*line) {
            (void)printf("            %s\n", line);
        }
    }
}

static void child(const struct check *c, size_t i, int out, int said, pid_t parent)
{
    struct rlimit memory = {MEMORY_MAX, MEMORY_MAX}, none = {0, 0};
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(CHECK_FAILED);
    }
#if !defined(__SANITIZE_ADDRESS__)
    (void)setrlimit(RLIMIT_DATA, &memory);
#else
    (void)memory;
#endif
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(said, STDERR_FILENO);
    *c->result = (int)checks[i].run(c);
    _exit(0);
}

/* In a child: everything it says is kept and shown if the check did not pass. There is a result only if the check came
   to its end: a plugin that ends the process did not pass, whatever the status. */
static enum check_result run_apart(const struct check *c, size_t i, bool *hangs)
{
    int out = memfd_create("out", MFD_CLOEXEC), said = memfd_create("said", MFD_CLOEXEC), status = 0;
    enum check_result result = CHECK_FAILED;
    pid_t parent = getpid(), pid;
    const char *why = NULL;
    char text[80];
    (void)fflush(NULL);
    *c->result = -1;
    pid = out >= 0 && said >= 0 ? fork() : -1;
    if (pid == 0) {
        child(c, i, out, said, parent);
    }
    *hangs = pid > 0 && !wait_child(pid, &status);
    if (pid < 0) {
        why = "no process could be started";
    } else if (*hangs) {
        why = "it hangs: killed after 20 s";
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(text, sizeof text, "it crashed: killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
        why = text;
    } else if (*c->result < 0) {
        (void)snprintf(text, sizeof text, "it ended the process with status %d", WEXITSTATUS(status));
        why = text;
    } else {
        result = (enum check_result)c->result[0];
    }
    if (pid > 0 && kill(-pid, SIGKILL) == 0 && !why) { /* somebody was left in its group */
        result = CHECK_FAILED;
        why = "it left a process behind: a plugin does not fork";
    }
    (void)printf("%-8s%s\n",
                 result == CHECK_OK        ? "ok"
                 : result == CHECK_SKIPPED ? "skipped"
                                           : "FAILED",
                 checks[i].name);
    if (why) {
        (void)printf("            %s\n", why);
    }
    if (result != CHECK_OK) {
        print_said(said);
    }
    (void)close(out);
    (void)close(said);
    return result;
}

static enum check_result run_here(const struct check *c, size_t i)
{
    enum check_result result;
    (void)printf("%s ...\n", checks[i].name);
    (void)fflush(stdout);
    result = checks[i].run(c);
    (void)printf("%s\n", result == CHECK_OK ? "ok" : result == CHECK_SKIPPED ? "skipped" : "FAILED");
    return result;
}

static bool copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK),
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    struct stat st;
    bool ok = in >= 0 && out >= 0 && fstat(in, &st) == 0 && S_ISREG(st.st_mode);
    char chunk[65536];
    ssize_t n = 0;
    while (ok && (n = read(in, chunk, sizeof chunk)) > 0) {
        ok = write(out, chunk, (size_t)n) == n;
    }
    ok = ok && n == 0;
    if (in >= 0) {
        (void)close(in);
    }
    if (out >= 0) {
        (void)close(out);
    }
    return ok;
}

/* The checks run on a copy in a folder of ours: owner and mode of the place where a plugin is built do not matter. */
static int run_all(struct check *c, bool here)
{
    char folder[] = "/tmp/homeport-check-XXXXXX", path[64];
    unsigned failed = 0, skipped = 0;
    c->result = mmap(NULL, sizeof *c->result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c->result == MAP_FAILED || !mkdtemp(folder)) {
        (void)fprintf(stderr, "homeport check-plugin: cannot make a folder in /tmp: %s\n", strerror(errno));
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/plugin.so", folder);
    if (!copy_file(c->original, path)) {
        (void)fprintf(stderr, "homeport check-plugin: %s: not a file that can be read\n", c->original);
        failed = 1;
    } else {
        c->path = path;
        (void)printf("%s (seed %u)\n", c->original, c->seed);
        for (size_t i = 0; i < N_CHECKS; i++) {
            bool hangs = false;
            enum check_result result = here ? run_here(c, i) : run_apart(c, i, &hangs);
            failed += result == CHECK_FAILED;
            skipped += result == CHECK_SKIPPED;
            if (result == CHECK_FAILED && (i < N_CONDITIONS || hangs)) {
                (void)printf("the checks end here\n");
                break;
            }
        }
        (void)printf("%u failed, %u skipped of %zu checks\n", failed, skipped, N_CHECKS);
    }
    c->path = NULL;
    (void)unlink(path);
    (void)rmdir(folder);
    return failed ? 1 : 0;
}

int cli_check_plugin(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"in-process", no_argument, NULL, 'i'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static struct hp_config_entry given[GIVEN_MAX];
    struct check c = {.given = given};
    bool here = false;
    int opt;
    (void)!getrandom(&c.seed, sizeof c.seed, GRND_NONBLOCK);
    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case 'h':
            (void)fputs(usage, stdout);
            return 0;
        case 's':
            c.seed = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'i':
            here = true;
            break;
        default:
            (void)fputs(usage, stderr);
            return 2;
        }
    }
    if (optind >= argc || argc - optind - 1 > GIVEN_MAX) {
        (void)fputs(usage, stderr);
        return 2;
    }
    c.original = argv[optind];
    for (int i = optind + 1; i < argc; i++) {
        char *eq = strchr(argv[i], '=');
        if (!eq || eq == argv[i]) {
            (void)fprintf(stderr, "homeport check-plugin: %s: KEY=VALUE is needed\n", argv[i]);
            return 2;
        }
        *eq = '\0';
        given[c.n_given++] = (struct hp_config_entry){argv[i], eq + 1};
    }
    return run_all(&c, here);
}
