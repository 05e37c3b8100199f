/* sidgen-train: Semantic IDs and histories in, a trained generator out. */
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/version.h"
#include "data/interactions.h"
#include "data/sids.h"
#include "data/st.h"
#include "data/vocab.h"
#include "gen/generator.h"
#include "gen/trainer.h"
#include "train/checkpoint.h"
#include "nn/backend.h"

static const char *sids_path, *interactions_path, *start_path, *softmax = "trie", *gemm = "auto";
static double save_seconds = 30;
static train_options_t o = {.dim = 192, .layers = 4, .heads = 0, .kv_heads = 0, .head_dim = 0, .ffn = 512, .max_items = 20, .dropout = 0.15,
                            .label_smoothing = 0, .lr = 1.2e-3, .beta2 = 0.98, .weight_decay = 0.05, .clip = 1, .warmup = 200, .epochs = 15,
                            .batch_tokens = 2048, .average = 0, .valid_users = 2000, .patience = 5, .beam = 20};

static const cli_option_t options[] = {
    {'s', "sids", "FILE", CLI_STRING, &sids_path, "Semantic IDs, sids/1", false, 0, 0, NULL},
    {'i', "interactions", "FILE", CLI_STRING, &interactions_path, "histories, interactions/1", false, 0, 0, NULL},
    CLI_OUTPUT,
    {0, "start", "FILE", CLI_STRING, &start_path, "begin with this model's weights", false, 0, 0, NULL},
    {0, "softmax", NULL, CLI_CHOICE, &softmax, "normalise over", true, 0, 0, softmax_names},
    {0, "dim", "N", CLI_INT, &o.dim, "width of the model", true, 2, 65536, NULL},
    {0, "layers", "N", CLI_INT, &o.layers, "layers", true, 1, 256, NULL},
    {0, "heads", "N", CLI_INT, &o.heads, "attention heads; 0: one for 64 of the width", true, 0, 1024, NULL},
    {0, "kv-heads", "N", CLI_INT, &o.kv_heads, "key-value heads; 0: as heads", true, 0, 1024, NULL},
    {0, "head-dim", "N", CLI_INT, &o.head_dim, "width of a head; 0: dim / heads", true, 0, 4096, NULL},
    {0, "ffn", "N", CLI_INT, &o.ffn, "width of the MLP", true, 1, 1 << 20, NULL},
    {0, "dropout", "P", CLI_REAL, &o.dropout, "dropout rate", true, 0, 0.95, NULL},
    {0, "max-items", "N", CLI_INT, &o.max_items, "items of a history that are read", true, 1, 4096, NULL},
    {0, "hold-back", "F", CLI_REAL, &o.hold_back, "users whose last training item is left for qarm-rl", true, 0, 1, NULL},
    {0, "epochs", "N", CLI_INT, &o.epochs, "passes over the histories at most", true, 1, 100000, NULL},
    {0, "batch-tokens", "N", CLI_INT, &o.batch_tokens, "tokens in a step", true, 1, 1 << 26, NULL},
    {0, "lr", "X", CLI_REAL, &o.lr, "peak learning rate, cosine to 0", true, 0, 10, NULL},
    {0, "warmup", "N", CLI_INT, &o.warmup, "steps of linear warm-up", true, 0, 1e9, NULL},
    {0, "weight-decay", "X", CLI_REAL, &o.weight_decay, "AdamW's decay of matrices", true, 0, 10, NULL},
    {0, "beta2", "X", CLI_REAL, &o.beta2, "AdamW's second-moment decay", true, 0, 0.999999, NULL},
    {0, "clip", "X", CLI_REAL, &o.clip, "largest gradient norm; 0: any", true, 0, 1e9, NULL},
    {0, "label-smoothing", "X", CLI_REAL, &o.label_smoothing, "share spread over the allowed tokens", true, 0, 0.9, NULL},
    {0, "average", "X", CLI_REAL, &o.average, "decay of the weights' moving average; 0: none", true, 0, 0.999999, NULL},
    {0, "valid-users", "N", CLI_INT, &o.valid_users, "users of the validation sample; 0: no validation", true, 0, 1e9, NULL},
    {0, "patience", "N", CLI_INT, &o.patience, "stop after N epochs without gain; 0: never", true, 0, 100000, NULL},
    {0, "beam", "N", CLI_INT, &o.beam, "beam width in validation", true, 10, 10000, NULL},
    {0, "save-seconds", "X", CLI_REAL, &save_seconds, "time between checkpoints within an epoch", false, 0, 1e9, NULL},
    {0, "gemm", NULL, CLI_CHOICE, &gemm, "matrix backend", false, 0, 0, backend_names},
    CLI_SHARDS,
    CLI_SEED,
    CLI_THREADS,
    CLI_LOG,
};

static const cli_t cli = {"sidgen-train", "--sids FILE --interactions FILE -o model.st [options]",
                          "Trains the decoder-only generator on histories of Semantic IDs; resumes from FILE.ckpt/ when killed.",
                          options, CLI_COUNT(options)};

static char *fingerprint(const char *config, const backend_t *b, const st_file_t *sids, const st_file_t *interactions, const st_file_t *start)
{
    char *s = st_digest(sids), *i = st_digest(interactions), *m = start ? st_digest(start) : xstrdup("none");
    char *text = xasprintf("%s %s %s sids:%s interactions:%s start:%s", SIDMILL_VERSION, b->name, config, s, i, m);
    free(s);
    free(i);
    free(m);
    return text;
}

static void write_model(const model_t *m, const train_result_t *r, const char *config, const sids_t *sids, const st_file_t *sids_file,
                        const st_file_t *interactions_file, const st_file_t *start_file, const backend_t *b)
{
    vocab_t v = vocab_make(sids->levels, sids->codes, sids->max_suffix);
    st_writer_t *w = st_create(cli_common.output, "model/1");
    char *metrics = r->validated ? xasprintf("\"hr@10\":%.6f,\"ndcg@10\":%.6f,", r->hr10, r->ndcg10) : xstrdup("");
    char *kept = xasprintf("{\"epoch\":%lld,\"epochs_run\":%lld,%s\"loss_per_item\":%.6f}", (long long)r->epoch, (long long)r->epochs_run,
                           metrics, r->loss);
    generator_add(w, m, &v, config, b->name);
    st_set_meta(w, "validation", kept);
    st_add_input(w, "sids", sids_file);
    st_add_input(w, "interactions", interactions_file);
    if (start_file) st_add_input(w, "start", start_file);
    st_commit(w);
    free(metrics);
    free(kept);
}

int main(int argc, char **argv)
{
    cli_common.shards = 4; /* of 512 rows each: small batches learn faster, small shards compute slower */
    if (cli_parse(&cli, argc, argv)) die(EX_USAGE, "unexpected operand '%s'", argv[1]);
    if (!sids_path || !interactions_path) die(EX_USAGE, "--sids and --interactions are required");
    const bool to_file = out_check(cli_common.output, true);
    softmax_parse(softmax, &o.softmax);
    o.shards = cli_common.shards;
    o.seed = (uint64_t)cli_common.seed;

    st_file_t *sids_file = st_open(sids_path), *interactions_file = st_open(interactions_path);
    sids_t sids = sids_read(sids_file);
    interactions_t interactions = interactions_read(interactions_file);
    if (!strtab_equal(&sids.item_ids, &interactions.item_ids))
        die(EX_DATAERR, "%s and %s: the item_ids differ; both must come from the same items in the same order", sids_path, interactions_path);

    char *config = cli_config(&cli);
    train_job_t job = {.options = o, .backend = backend_open(gemm), .interactions = &interactions, .sids = &sids, .save_seconds = save_seconds,
                       .log = cli_common.log};
    st_file_t *start_file = start_path ? st_open(start_path) : NULL;
    generator_t start = start_file ? generator_read(start_file, sids_file, &sids) : (generator_t){0};
    job.start = start.model;
    job.fingerprint = fingerprint(config, job.backend, sids_file, interactions_file, start_file);
    job.checkpoint = to_file ? xasprintf("%s.ckpt", cli_common.output) : NULL;
    train_result_t result;
    model_t *m = train(&job, &result);
    write_model(m, &result, config, &sids, sids_file, interactions_file, start_file, job.backend);
    checkpoint_remove(job.checkpoint);
    if (result.validated)
        note("kept epoch %lld of %lld: validation hr@10 %.4f ndcg@10 %.4f", (long long)result.epoch, (long long)result.epochs_run, result.hr10,
             result.ndcg10);
    model_free(m);
    if (start_file) generator_free(&start);
    return 0;
}
