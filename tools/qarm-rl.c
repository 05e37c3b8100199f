/* qarm-rl: a supervised generator in, the same generator after policy training out. */
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
#include "gen/generator.h"
#include "nn/backend.h"
#include "policy/rl_trainer.h"
#include "train/checkpoint.h"

static const char *const prompt_choices[] = {"all", "last", "held-back", NULL}, *const schedules[] = {"cosine", "constant", NULL};

static const char *model_path, *sids_path, *interactions_path, *quality_path;
static const char *reward = "gated", *sampler = "constrained-beam", *prompts = "all", *schedule = "cosine", *gemm = "auto";
static double save_seconds = 30;
static rl_options_t o = {.reward = {.alpha = 0.5, .lambda_valid = 0.1, .lambda_pref = 0.3}, .group = 8, .prompts_per_step = 1024, .inner_steps = 1,
                         .temperature = 1, .epsilon = 0.2, .beta = 0.001, .epochs = 0.5,
                         .update = {.lr = 1e-4, .beta2 = 0.98, .weight_decay = 0, .clip = 1, .average = 0}, .warmup = 5, .valid_users = 6000,
                         .valid_every = 16, .beam = 20, .patience = 5, .max_kl = 1, .min_entropy = 0.3, .max_entropy = 2};

static const cli_option_t options[] = {
    {'m', "model", "FILE", CLI_STRING, &model_path, "the supervised model, model/1", false, 0, 0, NULL},
    {'s', "sids", "FILE", CLI_STRING, &sids_path, "Semantic IDs, sids/1", false, 0, 0, NULL},
    {'i', "interactions", "FILE", CLI_STRING, &interactions_path, "histories, interactions/1", false, 0, 0, NULL},
    {0, "quality", "FILE", CLI_STRING, &quality_path, "q of every item, quality/1", false, 0, 0, NULL},
    CLI_OUTPUT,
    {0, "reward", NULL, CLI_CHOICE, &reward, "what candidates earn", true, 0, 0, reward_names},
    {0, "alpha", "X", CLI_REAL, &o.reward.alpha, "weight of quality", true, 0, 1000, NULL},
    {0, "lambda-valid", "X", CLI_REAL, &o.reward.lambda_valid, "reward of being an item", true, 0, 1000, NULL},
    {0, "lambda-pref", "X", CLI_REAL, &o.reward.lambda_pref, "reward of sharing all codes", true, 0, 1000, NULL},
    {0, "sampler", NULL, CLI_CHOICE, &sampler, "how they are drawn", true, 0, 0, sampler_names},
    {0, "temperature", "X", CLI_REAL, &o.temperature, "logits are divided by it", true, 0.01, 100, NULL},
    {0, "group", "N", CLI_INT, &o.group, "candidates of a prompt", true, 2, 1024, NULL},
    {0, "prompts", NULL, CLI_CHOICE, &prompts, "targets in training histories", true, 0, 0, prompt_choices},
    {0, "prompts-per-step", "N", CLI_INT, &o.prompts_per_step, "prompts of a step", true, 1, 1 << 20, NULL},
    {0, "inner-steps", "N", CLI_INT, &o.inner_steps, "updates on a step's candidates", true, 1, 1000, NULL},
    {0, "clip", "X", CLI_REAL, &o.epsilon, "bound of the ratio's distance from 1", true, 0, 100, NULL},
    {0, "kl", "X", CLI_REAL, &o.beta, "weight of the KL penalty", true, 0, 1000, NULL},
    {0, "epochs", "X", CLI_REAL, &o.epochs, "passes over the prompts", true, 0.000001, 10000, NULL},
    {0, "lr", "X", CLI_REAL, &o.update.lr, "peak learning rate", true, 0, 10, NULL},
    {0, "schedule", NULL, CLI_CHOICE, &schedule, "of the rate after warm-up", true, 0, 0, schedules},
    {0, "warmup", "N", CLI_INT, &o.warmup, "updates of linear warm-up", true, 0, 1e9, NULL},
    {0, "weight-decay", "X", CLI_REAL, &o.update.weight_decay, "AdamW's decay of matrices", true, 0, 10, NULL},
    {0, "beta2", "X", CLI_REAL, &o.update.beta2, "AdamW's second-moment decay", true, 0, 0.999999, NULL},
    {0, "max-norm", "X", CLI_REAL, &o.update.clip, "largest gradient norm; 0: any", true, 0, 1e9, NULL},
    {0, "average", "X", CLI_REAL, &o.update.average, "decay of the weights' moving average; 0: none", true, 0, 0.999999, NULL},
    {0, "valid-users", "N", CLI_INT, &o.valid_users, "users of the validation sample; 0: none", true, 0, 1e9, NULL},
    {0, "valid-every", "N", CLI_INT, &o.valid_every, "steps between validations", true, 1, 1e9, NULL},
    {0, "beam", "N", CLI_INT, &o.beam, "beam width in validation", true, 10, 10000, NULL},
    {0, "patience", "N", CLI_INT, &o.patience, "stop after N validations without gain; 0: never", true, 0, 100000, NULL},
    {0, "max-kl", "X", CLI_REAL, &o.max_kl, "stop beyond this KL a token; 0: never", true, 0, 1000, NULL},
    {0, "min-entropy", "X", CLI_REAL, &o.min_entropy, "stop below this share of the entropy", true, 0, 1, NULL},
    {0, "max-entropy", "X", CLI_REAL, &o.max_entropy, "stop above this share; 0: never", true, 0, 1000, NULL},
    {0, "save-seconds", "X", CLI_REAL, &save_seconds, "time between checkpoints", false, 0, 1e9, NULL},
    {0, "gemm", NULL, CLI_CHOICE, &gemm, "matrix backend", false, 0, 0, backend_names},
    CLI_SHARDS,
    CLI_SEED,
    CLI_THREADS,
    CLI_LOG,
};

static const cli_t cli = {"qarm-rl", "--model FILE --sids FILE --interactions FILE [--quality FILE] -o rl.st [options]",
                          "Trains a generator further by GRPO on its own candidates; resumes from FILE.ckpt/ when killed.",
                          options, CLI_COUNT(options)};

/* The files that shape the result; quality NULL where the reward does not ask for it. */
typedef struct {
    st_file_t *model, *sids, *interactions, *quality;
} inputs_t;

static char *fingerprint(const char *config, const backend_t *b, const inputs_t *in)
{
    char *m = st_digest(in->model), *s = st_digest(in->sids), *i = st_digest(in->interactions), *q = in->quality ? st_digest(in->quality) : xstrdup("none");
    char *text = xasprintf("%s %s %s model:%s sids:%s interactions:%s quality:%s", SIDMILL_VERSION, b->name, config, m, s, i, q);
    free(m);
    free(s);
    free(i);
    free(q);
    return text;
}

/* input.sids stays the digest of the SIDs that the model was first trained with: theirs is its vocabulary. */
static void write_model(const model_t *m, const generator_t *start, const rl_result_t *r, const char *config, const inputs_t *in, const backend_t *b)
{
    st_writer_t *w = st_create(cli_common.output, "model/1");
    generator_add(w, m, &start->space.vocab, st_meta(in->model, "training"), b->name);
    char *metrics = r->validated ? xasprintf("\"hr@10\":%.6f,\"ndcg@10\":%.6f,\"start_hr@10\":%.6f,\"start_ndcg@10\":%.6f,", r->hr10, r->ndcg10,
                                             r->start_hr10, r->start_ndcg10) : xstrdup("");
    char *kept = xasprintf("{\"step\":%lld,\"steps_run\":%lld,\"steps\":%lld,%s\"ended_by\":\"%s\"}", (long long)r->step, (long long)r->steps_run,
                           (long long)r->steps, metrics, rl_end_names[r->end]);
    st_set_meta(w, "policy_training", config);
    st_set_meta(w, "validation", kept);
    st_add_input(w, "sids", in->sids);
    st_add_input(w, "interactions", in->interactions);
    st_add_input(w, "model", in->model);
    if (in->quality) st_add_input(w, "quality", in->quality);
    st_commit(w);
    free(metrics);
    free(kept);
}

static void settle_options(void)
{
    if (!model_path || !sids_path || !interactions_path) die(EX_USAGE, "--model, --sids and --interactions are required");
    o.reward.kind = reward_kind(reward);
    o.sampler = sampler_kind(sampler);
    o.prompts = !strcmp(prompts, "all") ? PROMPTS_ALL : !strcmp(prompts, "last") ? PROMPTS_LAST : PROMPTS_HELD_BACK;
    o.cosine = !strcmp(schedule, "cosine");
    o.shards = cli_common.shards;
    o.seed = (uint64_t)cli_common.seed;
    if (reward_needs_quality(o.reward.kind) && !quality_path)
        die(EX_USAGE, "--reward %s needs --quality FILE, which mine-intent --quality-only writes", reward);
}

int main(int argc, char **argv)
{
    cli_common.shards = 8;
    if (cli_parse(&cli, argc, argv)) die(EX_USAGE, "unexpected operand '%s'", argv[1]);
    settle_options();
    const bool to_file = out_check(cli_common.output, true);

    inputs_t in = {st_open(model_path), st_open(sids_path), st_open(interactions_path), reward_needs_quality(o.reward.kind) ? st_open(quality_path) : NULL};
    sids_t sids = sids_read(in.sids);
    interactions_t interactions = interactions_read(in.interactions);
    if (!strtab_equal(&sids.item_ids, &interactions.item_ids))
        die(EX_DATAERR, "%s and %s: the item_ids differ; both must come from the same items in the same order", sids_path, interactions_path);
    quality_t quality = in.quality ? quality_read(in.quality, &sids.item_ids) : (quality_t){0};
    generator_t start = generator_read(in.model, in.sids, &sids);
    if (o.sampler == SAMPLER_FREE && start.space.softmax == SOFTMAX_TRIE)
        die(EX_USAGE, "--sampler free: %s was trained with --softmax trie and has never told items' SIDs from others; train with --softmax level", model_path);

    if (o.prompts == PROMPTS_HELD_BACK && start.hold.share == 0)
        die(EX_USAGE, "--prompts held-back: %s has been trained on everything; train with --hold-back", model_path);

    char *config = cli_config(&cli);
    rl_job_t job = {.options = o, .backend = backend_open(gemm), .start = &start, .interactions = &interactions,
                    .quality = in.quality ? &quality : NULL, .save_seconds = save_seconds, .log = cli_common.log};
    job.fingerprint = fingerprint(config, job.backend, &in);
    job.checkpoint = to_file ? xasprintf("%s.ckpt", cli_common.output) : NULL;
    rl_result_t result;
    model_t *m = rl_train(&job, &result);
    write_model(m, &start, &result, config, &in, job.backend);
    checkpoint_remove(job.checkpoint);
    if (result.validated)
        note("kept step %lld of %lld: validation hr@10 %.4f -> %.4f, ndcg@10 %.4f -> %.4f", (long long)result.step, (long long)result.steps_run,
             result.start_hr10, result.hr10, result.start_ndcg10, result.ndcg10);
    model_free(m);
    return 0;
}
