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

/* A row of a tool's table; the constructors below make it. */
typedef struct {
    enum cli_kind kind;
    bool shapes;                /* changes the result: part of the canonical configuration */
    char key;                   /* short form, 0 for none */
    const char *name;           /* long form without the dashes */
    const char *help;
    union {                     /* where the value goes */
        bool *flag;
        int64_t *whole;         /* CLI_INT */
        double *real;
        const char **text;      /* CLI_STRING; CLI_CHOICE, one of `choices` */
        cli_list_t *list;
    };
    const char *arg;            /* what --help calls the argument; NULL for flags and choices */
    double min, max;            /* inclusive range of CLI_INT and CLI_REAL */
    const char *const *choices; /* NULL-terminated */
} cli_option_t;

/* Rows by kind: CONFIG_... shape the result and are part of the canonical configuration, OPT_... are not. AT points to the
 * value and must have the kind's type; a REAL without bounds has -INFINITY, INFINITY. */
#define OPT_FLAG(KEY, NAME, AT, HELP)                   CLI_ROW_FLAG(false, KEY, NAME, AT, HELP)
#define OPT_INT(KEY, NAME, ARG, AT, MIN, MAX, HELP)     CLI_ROW_INT(false, KEY, NAME, ARG, AT, MIN, MAX, HELP)
#define OPT_REAL(KEY, NAME, ARG, AT, MIN, MAX, HELP)    CLI_ROW_REAL(false, KEY, NAME, ARG, AT, MIN, MAX, HELP)
#define OPT_STRING(KEY, NAME, ARG, AT, HELP)            CLI_ROW_STRING(false, KEY, NAME, ARG, AT, HELP)
#define OPT_CHOICE(KEY, NAME, CHOICES, AT, HELP)        CLI_ROW_CHOICE(false, KEY, NAME, CHOICES, AT, HELP)
#define OPT_LIST(KEY, NAME, ARG, AT, HELP)              CLI_ROW_LIST(false, KEY, NAME, ARG, AT, HELP)
#define CONFIG_FLAG(KEY, NAME, AT, HELP)                CLI_ROW_FLAG(true, KEY, NAME, AT, HELP)
#define CONFIG_INT(KEY, NAME, ARG, AT, MIN, MAX, HELP)  CLI_ROW_INT(true, KEY, NAME, ARG, AT, MIN, MAX, HELP)
#define CONFIG_REAL(KEY, NAME, ARG, AT, MIN, MAX, HELP) CLI_ROW_REAL(true, KEY, NAME, ARG, AT, MIN, MAX, HELP)
#define CONFIG_STRING(KEY, NAME, ARG, AT, HELP)         CLI_ROW_STRING(true, KEY, NAME, ARG, AT, HELP)
#define CONFIG_CHOICE(KEY, NAME, CHOICES, AT, HELP)     CLI_ROW_CHOICE(true, KEY, NAME, CHOICES, AT, HELP)
#define CONFIG_LIST(KEY, NAME, ARG, AT, HELP)           CLI_ROW_LIST(true, KEY, NAME, ARG, AT, HELP)

/* A row that is no option: a line of --help over those that follow, for tools with many. */
#define CLI_GROUP(TITLE) {.kind = CLI_HEADING, .name = "", .help = TITLE}

#define CLI_ROW_FLAG(SHAPES, KEY, NAME, AT, HELP) CLI_ROW(CLI_FLAG, SHAPES, KEY, NAME, HELP, .flag = AT)
#define CLI_ROW_INT(SHAPES, KEY, NAME, ARG, AT, MIN, MAX, HELP) \
    CLI_ROW(CLI_INT, SHAPES, KEY, NAME, HELP, .whole = AT, .arg = ARG, .min = MIN, .max = MAX)
#define CLI_ROW_REAL(SHAPES, KEY, NAME, ARG, AT, MIN, MAX, HELP) \
    CLI_ROW(CLI_REAL, SHAPES, KEY, NAME, HELP, .real = AT, .arg = ARG, .min = MIN, .max = MAX)
#define CLI_ROW_STRING(SHAPES, KEY, NAME, ARG, AT, HELP) CLI_ROW(CLI_STRING, SHAPES, KEY, NAME, HELP, .text = AT, .arg = ARG)
#define CLI_ROW_CHOICE(SHAPES, KEY, NAME, CHOICES, AT, HELP) \
    CLI_ROW(CLI_CHOICE, SHAPES, KEY, NAME, HELP, .text = AT, .choices = CHOICES)
#define CLI_ROW_LIST(SHAPES, KEY, NAME, ARG, AT, HELP) CLI_ROW(CLI_LIST, SHAPES, KEY, NAME, HELP, .list = AT, .arg = ARG)
#define CLI_ROW(KIND, SHAPES, KEY, NAME, HELP, ...) \
    {.kind = KIND, .shapes = SHAPES, .key = KEY, .name = NAME, .help = HELP, __VA_ARGS__}

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

#define CLI_OUTPUT  OPT_STRING('o', "output", "FILE", &cli_common.output, "write to FILE, whole or not at all (stdout)")
#define CLI_LOG     OPT_STRING(0, "log", "FILE", &cli_common.log, "one JSON object per step or epoch")
#define CLI_SEED    CONFIG_INT(0, "seed", "N", &cli_common.seed, 0, 9007199254740992.0, "random seed")
#define CLI_THREADS OPT_INT(0, "threads", "N", &cli_common.threads, 0, 1024, \
                            "threads; 0: one a processor; never changes the result")
#define CLI_SHARDS  CONFIG_INT(0, "shards", "N", &cli_common.shards, 1, 4096, "pieces the work is cut into")

#define CLI_COUNT(options) ((int)(sizeof(options) / sizeof *(options)))

/* Parses argv[1..], sets the values, calls err_program(), err_quiet() and parallel_threads(). --help and --version print
 * to stdout and exit 0; a wrong option ends the process with EX_USAGE, being one of several that are no ranks with
 * EX_UNAVAILABLE. Options and operands may be mixed; "--" ends the options. Operands are moved to the front; returns their
 * number: argv[1] ... argv[n]. Several subcommands of a tool each call it with their own table and argv advanced. */
int cli_parse(const cli_t *cli, int argc, char **argv);

/* True if the last cli_parse() met the option `name`. */
bool cli_given(const char *name);

/* The result-shaping options as one JSON object, in table order, with their values after parsing. Caller frees. */
char *cli_config(const cli_t *cli);

/* The same without the options of these names, NULL-terminated: what shapes only a part of the result. */
char *cli_config_without(const cli_t *cli, const char *const *names);

#endif
