/* main.c: the one binary: which command it was called with. Those that users do not type are children of the host. */
#include "cli.h"
#include "failpoint.h"
#include "probe.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("homeport %s\n", HOMEPORT_VERSION);
    return 0;
}

static int worker(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return worker_main();
}

static int probe(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return probe_main();
}

static const struct command {
    const char *name, *arguments, *help; /* help NULL: hidden */
    int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", "[--config FILE] [--data-dir FOLDER]", "run the host", cli_serve},
    {"plugins", "[--config FILE]", "list what the plugin path offers", cli_plugins},
    {"check-plugin", "FILE.so", "test a plugin against the contract", cli_check_plugin},
    {"topics", "[--data-dir FOLDER]", "list the topics in the log", cli_topics},
    {"tail", "TOPIC [--from ...]", "print a topic's records as Debezium's JSON", cli_tail},
    {"version", "", "print the version", version},
    {"worker", "", NULL, worker},
    {"probe", "", NULL, probe},
};
#define COMMANDS_N (sizeof commands / sizeof commands[0])

static void print_help(FILE *to)
{
    (void)fputs("homeport keeps databases in step.\n\nusage: homeport COMMAND [ARGUMENTS]\n\n", to);
    for (size_t i = 0; i < COMMANDS_N; i++) {
        if (commands[i].help) {
            (void)fprintf(to, "  %-13s%-38s%s\n", commands[i].name, commands[i].arguments, commands[i].help);
        }
    }
    (void)fputs("\nEach command explains itself with --help.\n", to);
}

/* Descriptors 0 to 2 are never anything else: what is written to a stderr that was closed must not go into a data file.
 */
static void keep_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* What could not be printed was not done. */
static int printed(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    if (errno == EPIPE) { /* whoever reads has seen enough */
        return status;
    }
    (void)fprintf(stderr, "homeport: cannot write to standard output: %s\n", strerror(errno));
    return status ? status : 1;
}

static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < COMMANDS_N; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return printed(commands[i].run(argc - 1, argv + 1));
        }
    }
    if (*name) {
        (void)fprintf(stderr, "homeport: there is no command \"%s\"\n\n", name);
    }
    print_help(stderr);
    return 2;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    bool help = strcmp(name, "help") == 0;
    keep_standard_descriptors();
    failpoints_init();
    (void)signal(SIGXFSZ, SIG_IGN); /* ulimit -f is met as a full disk is, not by dying */
    if (help && argc > 2) {
        char *asked[] = {argv[0], argv[2], (char *)(uintptr_t) "--help", NULL};
        return run(3, asked);
    }
    if (help || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help(stdout);
        return printed(0);
    }
    return strcmp(name, "--version") == 0 ? version(0, NULL) : run(argc, argv);
}
