/* serve: recommendations over HTTP. */
#include <stdlib.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/backend.h"
#include "serve/server.h"
#include "serve/token.h"

static const char *model, *sids, *blend, *items, *interactions, *token_file, *listen_on = "127.0.0.1:8080", *gemm = "auto";
static int64_t beam = 20, batch = 256, waiting = 4096, body = 1 << 20, seconds = 10, connections = 1024;
static int64_t max_histories = 64, max_items = 500, max_k = 100;
static bool check;

static const cli_option_t options[] = {
    OPT_STRING('m', "model", "FILE", &model, "model/1"),
    OPT_STRING('s', "sids", "FILE", &sids, "sids/1 that the model was trained with"),
    OPT_STRING(0, "blend", "FILE", &blend, "blend/1: a mixture, of the model too if it was fitted with it"),
    OPT_STRING(0, "items", "FILE", &items, "items.jsonl: titles, records, and what filters go by"),
    OPT_STRING('i', "interactions", "FILE", &interactions, "popularity, for empty histories (the model's start)"),
    CONFIG_INT('b', "beam", "N", &beam, 1, 10000, "beam width; for a larger k, k"),
    OPT_STRING('l', "listen", "ADDR:PORT", &listen_on, "port 0: any free one"),
    OPT_STRING(0, "token-file", "FILE", &token_file, "what clients must send ($SIDMILL_TOKEN)"),
    OPT_FLAG(0, "check", &check, "read the files, say what is wrong with them, and end"),
    CLI_GROUP("Limits"),
    OPT_INT(0, "max-k", "N", &max_k, 1, 10000, "items of a list"),
    OPT_INT(0, "max-histories", "N", &max_histories, 1, 100000, "histories of a request"),
    OPT_INT(0, "max-items", "N", &max_items, 1, 1000000, "items of a history"),
    OPT_INT(0, "max-body", "BYTES", &body, 1, 1 << 30, "a request's body"),
    OPT_INT(0, "max-connections", "N", &connections, 1, 100000, "connections at once"),
    OPT_INT(0, "max-waiting", "N", &waiting, 1, 1 << 30, "histories that wait; others get 503"),
    OPT_INT(0, "timeout", "SECONDS", &seconds, 1, 86400, "a connection is cut on which no request ends for so long"),
    OPT_INT(0, "batch", "N", &batch, 1, 100000, "histories answered at once"),
    OPT_CHOICE(0, "gemm", backend_names, &gemm, "matrix backend"),
    CLI_THREADS,
};

static const cli_t cli = {"serve", "[-m model.st -s sids.st] [--blend blend.st] [--items items.jsonl] [options]",
                          "Answers histories with the best next items over HTTP. GET / says what there is.", options, CLI_COUNT(options)};

/* This command, as one that only looks at the files. */
static char **check_command(int argc, char **argv)
{
    static char only_check[] = "--check", quietly[] = "--quiet";
    char **command = NEW_ARRAY(char *, argc + 3);
    for (int i = 0; i < argc; i++) command[i] = argv[i];
    command[argc] = only_check;
    command[argc + 1] = quietly;
    return command;
}

static void check_options(void)
{
    if (!model != !sids) die(EX_USAGE, "--model and --sids go together");
    if (!model && !blend) die(EX_USAGE, "--model and --sids, or --blend, are missing");
}

static void run(const edition_files_t *files, char *const *command)
{
    char *token = token_read(token_file);
    const order_limits_t most = {max_histories, max_items, max_k};
    const http_options_t http = {most, body, seconds, connections, token};
    server_run(&(server_options_t){*files, http, {beam, batch, waiting}, listen_on, command});
    free(token);
}

int main(int argc, char **argv)
{
    char **command = check_command(argc, argv);
    if (cli_parse(&cli, argc, argv)) die(EX_USAGE, "unexpected '%s': histories come over HTTP", argv[1]);
    check_options();
    const edition_files_t files = {{model, sids, blend, interactions, gemm}, items};
    if (check) edition_release(edition_open(&files));
    else run(&files, command);
    free(command);
    return 0;
}
