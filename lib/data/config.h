/* Options that a tool finds in the metadata `config` of a file it has written before: a fit, to be used with the options it was
 * made with. */
#ifndef SIDMILL_DATA_CONFIG_H
#define SIDMILL_DATA_CONFIG_H

#include "base/cli.h"
#include "data/st.h"

/* Sets every result-shaping option of the table to what the file's metadata `config` holds. One that was given on the command line
 * must agree (else EX_USAGE), unless its name is in `free_options` (NULL-terminated, or NULL): then the command line counts. A
 * configuration that lacks an option, or holds a value that the command line could not, ends the process with EX_DATAERR. */
void config_apply(const cli_t *cli, const st_file_t *f, const char *const *free_options);

#endif
