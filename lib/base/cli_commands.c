#include "base/cli_commands.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"

/* Names the commands: "ls, get or put". */
static buf_t names_of(const cli_command_t *commands, int count)
{
    buf_t names = {0};
    for (int c = 0; c < count; c++) buf_printf(&names, "%s%s", !c ? "" : c + 1 < count ? ", " : " or ", commands[c].name);
    return names;
}

int cli_commands(const cli_t *top, const cli_command_t *commands, int count, int argc, char **argv)
{
    for (int c = 0; argc > 1 && c < count; c++)
        if (!strcmp(argv[1], commands[c].name)) return commands[c].run(argc - 1, argv + 1);
    const int n = cli_parse(top, argc, argv);
    const buf_t names = names_of(commands, count);
    if (n) die(EX_USAGE, "unknown command '%s', expected %s", argv[1], names.data);
    die(EX_USAGE, "expected a command: %s; '%s --help' says more", names.data, top->name);
}
