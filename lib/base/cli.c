#include "base/cli.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/parallel.h"
#include "base/ranks.h"
#include "base/version.h"

struct cli_common cli_common = {.seed = 42, .shards = 16};

static cli_list_t given; /* names of options met by cli_parse() */

static void print_default(FILE *f, const cli_option_t *o)
{
    switch (o->kind) {
    case CLI_FLAG:
    case CLI_LIST:
    case CLI_HEADING: break;
    case CLI_INT: fprintf(f, " [%lld]", (long long)*o->whole); break;
    case CLI_REAL:
        if (isfinite(*o->real)) fprintf(f, " [%g]", *o->real);
        break;
    case CLI_STRING:
    case CLI_CHOICE:
        if (*o->text) fprintf(f, " [%s]", *o->text);
        break;
    }
}

static void print_option(const cli_option_t *o)
{
    buf_t left = {0};
    if (o->key) buf_printf(&left, "-%c, --%s", o->key, o->name);
    else buf_printf(&left, "    --%s", o->name);
    if (o->kind == CLI_CHOICE) {
        for (int c = 0; o->choices[c]; c++) buf_printf(&left, "%c%s", c ? '|' : ' ', o->choices[c]);
    } else if (o->arg) {
        buf_printf(&left, " %s", o->arg);
    }
    if (left.len > 30) printf("  %s\n  %-28s %s", left.data, "", o->help);
    else printf("  %-28s %s", left.data, o->help);
    print_default(stdout, o);
    putchar('\n');
    buf_free(&left);
}

static void print_help(const cli_t *cli)
{
    printf("usage: %s %s\n%s\n\n", cli->name, cli->usage, cli->brief);
    for (int i = 0; i < cli->count; i++) {
        if (cli->options[i].kind == CLI_HEADING) printf("%s:\n", cli->options[i].help);
        else print_option(&cli->options[i]);
    }
    printf("  %-28s %s\n  %-28s %s\n  %-28s %s\n", "-q, --quiet", "no progress, no notes", "-h, --help", "this text", "    --version", "print the version");
}

static const cli_option_t *find_long(const cli_t *cli, const char *name, size_t len)
{
    for (int i = 0; i < cli->count; i++)
        if (len && strlen(cli->options[i].name) == len && !memcmp(cli->options[i].name, name, len)) return &cli->options[i];
    return NULL;
}

static const cli_option_t *find_short(const cli_t *cli, char key)
{
    for (int i = 0; i < cli->count; i++)
        if (cli->options[i].key == key) return &cli->options[i];
    return NULL;
}

static void check_range(const cli_option_t *o, double v, const char *text)
{
    if (v < o->min || v > o->max)
        die(EX_USAGE, "--%s %s: out of range, expected %.15g to %.15g", o->name, text, o->min, o->max);
}

static void set_value(const cli_option_t *o, const char *text)
{
    char *end;
    errno = 0;
    switch (o->kind) {
    case CLI_HEADING: return;
    case CLI_FLAG: *o->flag = true; return;
    case CLI_STRING: *o->text = text; return;
    case CLI_LIST:
        GROW(o->list->items, o->list->count, o->list->cap);
        o->list->items[o->list->count++] = text;
        return;
    case CLI_INT: {
        long long v = strtoll(text, &end, 10);
        if (end == text || *end || errno) die(EX_USAGE, "--%s %s: expected a whole number", o->name, text);
        check_range(o, (double)v, text);
        *o->whole = v;
        return;
    }
    case CLI_REAL: {
        double v = strtod(text, &end);
        if (end == text || *end || !isfinite(v)) die(EX_USAGE, "--%s %s: expected a number", o->name, text);
        check_range(o, v, text);
        *o->real = v;
        return;
    }
    case CLI_CHOICE: {
        buf_t all = {0};
        for (int c = 0; o->choices[c]; c++) {
            if (!strcmp(o->choices[c], text)) {
                *o->text = o->choices[c];
                buf_free(&all);
                return;
            }
            buf_printf(&all, "%s%s", c ? ", " : "", o->choices[c]);
        }
        die(EX_USAGE, "--%s %s: expected one of %s", o->name, text, all.data);
    }
    }
}

/* Handles the options that every tool has; true if `arg` was one. */
static bool common_option(const cli_t *cli, const char *arg)
{
    if (!strcmp(arg, "-h") || !strcmp(arg, "--help")) {
        print_help(cli);
        exit(fflush(stdout) ? EX_IOERR : 0);
    }
    if (!strcmp(arg, "--version")) {
        printf("%s (sidmill) %s\n", cli->name, SIDMILL_VERSION);
        exit(fflush(stdout) ? EX_IOERR : 0);
    }
    if (!strcmp(arg, "-q") || !strcmp(arg, "--quiet")) {
        cli_common.quiet = true;
        return true;
    }
    return false;
}

static void parse_option(const cli_t *cli, int argc, char **argv, int *i)
{
    const char *arg = argv[*i], *text = NULL;
    const cli_option_t *o;
    if (arg[1] == '-') {
        const char *eq = strchr(arg, '=');
        size_t len = eq ? (size_t)(eq - arg - 2) : strlen(arg + 2);
        o = find_long(cli, arg + 2, len);
        if (eq) text = eq + 1;
    } else {
        o = find_short(cli, arg[1]);
        if (arg[2]) text = arg + 2;
    }
    if (!o) die(EX_USAGE, "unknown option '%s'; '%s --help' lists them", arg, cli->name);
    if (o->kind == CLI_FLAG && text) die(EX_USAGE, "'%s': --%s takes no value", arg, o->name);
    if (o->kind != CLI_FLAG && !text) {
        if (*i + 1 >= argc) die(EX_USAGE, "--%s: expected %s", o->name, o->arg ? o->arg : "a value");
        text = argv[++*i];
    }
    set_value(o, text);
    GROW(given.items, given.count, given.cap);
    given.items[given.count++] = o->name;
}

bool cli_given(const char *name)
{
    for (int i = 0; i < given.count; i++)
        if (!strcmp(given.items[i], name)) return true;
    return false;
}

int cli_parse(const cli_t *cli, int argc, char **argv)
{
    err_program(cli->name);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is reported where the write fails */
    int operands = 0;
    bool options = true;
    given.count = 0;
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (options && !strcmp(arg, "--"))
            options = false;
        else if (options && arg[0] == '-' && arg[1] && !common_option(cli, arg))
            parse_option(cli, argc, argv, &i);
        else if (!(options && arg[0] == '-' && arg[1]))
            argv[1 + operands++] = arg;
    }
    if (ranks_launched() != ranks_size())
        die(EX_UNAVAILABLE, "one of %d processes that cannot work together: it is made for one, or built without MPI, or for that of "
            "another launcher", ranks_launched());
    err_quiet(cli_common.quiet);
    parallel_threads((int)cli_common.threads);
    out_catch_signals();
    return operands;
}

static void list_json(buf_t *b, const cli_list_t *l)
{
    buf_puts(b, "[");
    for (int i = 0; i < l->count; i++) {
        if (i) buf_puts(b, ",");
        buf_json_string(b, l->items[i], strlen(l->items[i]));
    }
    buf_puts(b, "]");
}

char *cli_config(const cli_t *cli) { return cli_config_without(cli, (const char *const[]){NULL}); }

static bool is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names)) return true;
    return false;
}

char *cli_config_without(const cli_t *cli, const char *const *names)
{
    buf_t b = {0};
    buf_puts(&b, "{");
    for (int i = 0; i < cli->count; i++) {
        const cli_option_t *o = &cli->options[i];
        if (!o->shapes || is_among(o->name, names)) continue;
        if (b.len > 1) buf_puts(&b, ",");
        buf_printf(&b, "\"%s\":", o->name);
        switch (o->kind) {
        case CLI_FLAG: buf_puts(&b, *o->flag ? "true" : "false"); break;
        case CLI_INT: buf_printf(&b, "%lld", (long long)*o->whole); break;
        case CLI_REAL: buf_json_number(&b, *o->real); break;
        case CLI_STRING:
        case CLI_CHOICE:
            if (*o->text) buf_json_string(&b, *o->text, strlen(*o->text));
            else buf_puts(&b, "null");
            break;
        case CLI_LIST: list_json(&b, o->list); break;
        case CLI_HEADING: break;
        }
    }
    buf_puts(&b, "}");
    return b.data;
}
