/* cli.h: the commands of the homeport binary. Each gets its own argv (argv[0] is the command's name) and returns the
   exit status: 0 done, 1 it failed (reason on stderr), 2 wrong usage. main.c holds the table. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

int cli_serve(int argc, char **argv);
int cli_plugins(int argc, char **argv);
int cli_check_plugin(int argc, char **argv);
int cli_topics(int argc, char **argv);
int cli_tail(int argc, char **argv);

#endif
