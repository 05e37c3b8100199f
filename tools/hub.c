/* hub: generators as the folders that other programs keep language models in, and back. */
#include <stdlib.h>
#include <string.h>

#include "base/cli_commands.h"
#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/provenance.h"
#include "gen/templates.h"
#include "hub/hub.h"
#include "hub/hub_import.h"

static const char *sids_path;

#define OPT_SIDS OPT_STRING('s', "sids", "FILE", &sids_path, "the Semantic IDs that the model writes, sids/1")

/* Parses a subcommand's line; errors after it name the tool alone. Returns the number of operands. */
static int parse(const cli_t *cli, int argc, char **argv)
{
    const int n = cli_parse(cli, argc, argv);
    err_program("hub");
    if (!sids_path) die(EX_USAGE, "no --sids, expected the Semantic IDs that the model writes");
    return n;
}

/* --- export ------------------------------------------------------------------------------------------------------------------- */

static st_dtype dtype_of(const char *name)
{
    return !strcmp(name, "f32") ? ST_F32 : !strcmp(name, "bf16") ? ST_BF16 : ST_OTHER;
}

static int export_command(int argc, char **argv)
{
    static const char *const dtypes[] = {"auto", "f32", "bf16", NULL};
    static const char *model_path, *dtype = "auto";
    static bool adapter;
    static const cli_option_t options[] = {
        OPT_STRING('m', "model", "FILE", &model_path, "model/1, of a flat body"),
        OPT_SIDS,
        OPT_STRING('o', "output", "FOLDER", &cli_common.output, "where the model goes"),
        OPT_FLAG(0, "adapter", &adapter, "what was trained on a base alone, in PEFT's form"),
        OPT_CHOICE(0, "dtype", dtypes, &dtype, "what weights are written as; auto: f32, or as the base's"),
    };
    static const cli_t cli = {"hub export", "-m model.st -s sids.st -o FOLDER [options]",
                              "Writes a generator as a Hugging Face folder: config, weights, tokenizer, and how to generate.", options,
                              CLI_COUNT(options)};
    if (parse(&cli, argc, argv)) die(EX_USAGE, "unexpected '%s'", argv[1]);
    if (!model_path) die(EX_USAGE, "no --model, expected a trained generator");
    if (!cli_common.output || !strcmp(cli_common.output, "-")) die(EX_USAGE, "no --output, expected a folder");
    st_file_t *model_file = st_open(model_path), *sids_file = st_open(sids_path);
    sids_t sids = sids_read(sids_file);
    generator_t g = generator_read(model_file, sids_file, &sids, false);
    (adapter ? hub_write_adapter : hub_write)(&g, model_file->name, dtype_of(dtype), cli_common.output);
    generator_free(&g);
    sids_free(&sids);
    st_close(sids_file);
    st_close(model_file);
    return 0;
}

/* --- import ------------------------------------------------------------------------------------------------------------------- */

/* Writes the generator, with its options as training has them. */
static void write_model(const generator_t *g, const cli_t *cli, const st_file_t *sids_file)
{
    char *config = cli_config(cli);
    provenance_t from = {0};
    provenance_add(&from, "sids", sids_file);
    provenance_add_digest(&from, "base", g->footing->base.digest);
    st_writer_t *w = st_create(cli_common.output, "model/1");
    generator_add(w, g->model, &g->space, NULL, g->footing, config, "f32");
    provenance_write(&from, w);
    st_commit(w);
    provenance_free(&from);
    free(config);
}

static int import_command(int argc, char **argv)
{
    static const char *softmax = "level", *template_path;
    static hub_import_t from = {.max_items = 20};
    static const cli_option_t options[] = {
        OPT_SIDS,
        CLI_OUTPUT,
        OPT_STRING(0, "base", "DIR", &from.base, "an adapter's base, if not where it says"),
        OPT_STRING(0, "template", "NAME", &template_path, "what tasks are asked with, as sidgen-train --template takes it"),
        CONFIG_CHOICE(0, "softmax", softmax_names, &softmax, "normalise over"),
        CONFIG_INT(0, "max-items", "N", &from.max_items, 1, 4096, "items of a history that are read"),
    };
    static const cli_t cli = {"hub import", "-s sids.st [options] FOLDER > model.st",
                              "Reads a folder of a model that writes Semantic IDs, or of PEFT's adapter, as a generator on a base.", options,
                              CLI_COUNT(options)};
    if (parse(&cli, argc, argv) != 1) die(EX_USAGE, "expected one folder");
    from.folder = argv[1];
    softmax_parse(softmax, &from.softmax);
    st_file_t *sids_file = st_open(sids_path);
    sids_t sids = sids_read(sids_file);
    generator_t g = hub_import(&from, &sids, templates_open(template_path));
    write_model(&g, &cli, sids_file);
    generator_free(&g);
    sids_free(&sids);
    st_close(sids_file);
    return 0;
}

/* --- The tool ----------------------------------------------------------------------------------------------------------------- */

static const cli_command_t commands[] = {{"export", export_command}, {"import", import_command}};

static const cli_t top = {"hub", "COMMAND ...",
                          "Takes generators to other programs for language models, and back. 'hub COMMAND --help' says more.\n\n"
                          "  export -m model.st -s sids.st -o FOLDER     for transformers, vLLM and the like; --adapter: for PEFT\n"
                          "  import -s sids.st FOLDER -o model.st        what was trained elsewhere",
                          NULL, 0};

int main(int argc, char **argv) { return cli_commands(&top, commands, (int)(sizeof commands / sizeof *commands), argc, argv); }
