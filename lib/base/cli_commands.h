/* Tools of several commands, each with options of its own: tensor ls, tensor get ... */
#ifndef SIDMILL_BASE_CLI_COMMANDS_H
#define SIDMILL_BASE_CLI_COMMANDS_H

#include "base/cli.h"

typedef struct {
    const char *name;
    int (*run)(int argc, char **argv); /* its words, from the command's name on; returns the exit code */
} cli_command_t;

/* Runs the command that the first word names; where there is none, `top` answers --help and --version, and anything else ends the process
 * with EX_USAGE. */
int cli_commands(const cli_t *top, const cli_command_t *commands, int count, int argc, char **argv);

#endif
