/* Command lines: one table per tool gives parsing, --help, range checks and the canonical record of every option that
 * shapes the result. */
#ifndef SIDMILL_BASE_CLI_H
#define SIDMILL_BASE_CLI_H

#include <stdbool.h>
#include <stdint.h>

enum cli_kind { CLI_FLAG, CLI_INT, CLI_REAL, CLI_STRING, CLI_CHOICE, CLI_LIST, CLI_HEADING };

/* The values of an option that may be given several times. */
typedef struct {
    const char **items;
    int count, cap;
} cli_list_t;

typedef struct {
    char key;                   /* short form, 0 for none */
    const char *name;           /* long form without the dashes */
    const char *arg;            /* what --help calls the argument; NULL for flags */
    enum cli_kind kind;
    void *value;                /* bool *, int64_t *, double *, const char **, const char ** (one of `choices`), cli_list_t * */
    const char *help;
    bool shapes;                /* changes the result: part of the canonical configuration */
    double min, max;            /* inclusive range of CLI_INT and CLI_REAL; both 0: any finite value */
    const char *const *choices; /* CLI_CHOICE: NULL-terminated */
} cli_option_t;

typedef struct {
    const char *name;     /* the tool's name */
    const char *usage;    /* after the name, e.g. "[options] < items.jsonl > out.jsonl" */
    const char *brief;    /* one or two lines: what it does */
    const cli_option_t *options;
    int count;
} cli_t;

/* What every tool takes, filled by cli_parse(). -h, --version, -q are handled for all; a tool lists the others it takes
 * by putting the macros below into its table. */
extern struct cli_common {
    bool quiet;
    const char *output;  /* NULL: stdout */
    const char *log;     /* NULL: none */
    int64_t seed;        /* 42 */
    int64_t threads;     /* 0: one a processor */
    int64_t shards;      /* 16 */
} cli_common;

#define CLI_OUTPUT {'o', "output", "FILE", CLI_STRING, &cli_common.output, "write to FILE, whole or not at all (stdout)", false, 0, 0, NULL}
#define CLI_LOG    {0, "log", "FILE", CLI_STRING, &cli_common.log, "one JSON object per step or epoch", false, 0, 0, NULL}
#define CLI_SEED   {0, "seed", "N", CLI_INT, &cli_common.seed, "random seed", true, 0, 9007199254740992.0, NULL}
#define CLI_THREADS {0, "threads", "N", CLI_INT, &cli_common.threads, "threads; 0: one a processor; never changes the result", false, 0, 1024, NULL}
#define CLI_SHARDS {0, "shards", "N", CLI_INT, &cli_common.shards, "pieces the work is cut into", true, 1, 4096, NULL}

/* A row that is no option: a line of --help over those that follow, for tools with many. */
#define CLI_GROUP(title) {0, "", NULL, CLI_HEADING, NULL, title, false, 0, 0, NULL}

#define CLI_COUNT(options) ((int)(sizeof(options) / sizeof *(options)))

/* Parses argv[1..], sets the values, calls err_program(), err_quiet() and parallel_threads(). --help and --version print
 * to stdout and exit 0; a wrong option ends the process with EX_USAGE. Options and operands may be mixed; "--" ends the
 * options. Operands are moved to the front; returns their number: argv[1] ... argv[n]. Several subcommands of a tool each
 * call it with their own table and argv advanced. */
int cli_parse(const cli_t *cli, int argc, char **argv);

/* True if the last cli_parse() met the option `name`. */
bool cli_given(const char *name);

/* The result-shaping options as one JSON object, in table order, with their values after parsing. Caller frees. */
char *cli_config(const cli_t *cli);

#endif
