/* hub: generators as the folders that other programs keep language models in. */
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/err.h"
#include "hub/hub_folder.h"

static int export_command(int argc, char **argv)
{
    static const char *const dtypes[] = {"f32", "bf16", NULL};
    static const char *model_path, *sids_path, *dtype = "f32";
    static const cli_option_t options[] = {
        OPT_STRING('m', "model", "FILE", &model_path, "model/1, of a flat body"),
        OPT_STRING('s', "sids", "FILE", &sids_path, "the Semantic IDs it was trained with, sids/1"),
        OPT_STRING('o', "output", "FOLDER", &cli_common.output, "where the model goes"),
        OPT_CHOICE(0, "dtype", dtypes, &dtype, "what its weights are written as"),
    };
    static const cli_t cli = {"hub export", "-m model.st -s sids.st -o FOLDER [options]",
                              "Writes a generator as a Hugging Face folder: config, weights, tokenizer, and how to generate.", options,
                              CLI_COUNT(options)};
    const int n = cli_parse(&cli, argc, argv);
    err_program("hub");
    if (n) die(EX_USAGE, "unexpected '%s'", argv[1]);
    if (!model_path) die(EX_USAGE, "no --model, expected a trained generator");
    if (!sids_path) die(EX_USAGE, "no --sids, expected the Semantic IDs that the model was trained with");
    if (!cli_common.output || !strcmp(cli_common.output, "-")) die(EX_USAGE, "no --output, expected a folder");
    st_file_t *model_file = st_open(model_path), *sids_file = st_open(sids_path);
    sids_t sids = sids_read(sids_file);
    generator_t g = generator_read(model_file, sids_file, &sids);
    hub_write(&g, model_file->name, strcmp(dtype, "bf16") ? ST_F32 : ST_BF16, cli_common.output);
    generator_free(&g);
    sids_free(&sids);
    st_close(sids_file);
    st_close(model_file);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {{"export", export_command}};

static const cli_t top = {"hub", "COMMAND ...",
                          "Takes generators to other programs for language models. 'hub COMMAND --help' says more.\n\n"
                          "  export -m model.st -s sids.st -o FOLDER    for transformers, vLLM and the like",
                          NULL, 0};

int main(int argc, char **argv)
{
    for (size_t c = 0; argc > 1 && c < sizeof commands / sizeof *commands; c++)
        if (!strcmp(argv[1], commands[c].name)) return commands[c].run(argc - 1, argv + 1);
    const int n = cli_parse(&top, argc, argv);
    if (n) die(EX_USAGE, "unknown command '%s', expected export", argv[1]);
    die(EX_USAGE, "expected a command: export; 'hub --help' says more");
}
