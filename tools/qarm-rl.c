/* qarm-rl: a supervised generator in, the same generator after policy training out. */
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/ranks.h"
#include "data/catalogue.h"
#include "data/provenance.h"
#include "gen/generator.h"
#include "nn/backend.h"
#include "policy/rl_trainer.h"
#include "train/checkpoint.h"

static const char *const prompt_choices[] = {"all", "last", "held-back", "perturbed", "cross-fit", NULL}; /* as prompts_kind_t has them */
static const char *const advantage_choices[] = {"standardised", "centred", NULL}, *const schedules[] = {"cosine", "constant", NULL};

static const char *model_path, *sids_path, *interactions_path, *quality_path, *blend_path;
static cli_list_t blind_paths;
static const char *objective = "grpo", *advantages = "standardised", *reward = "gated", *sampler = "constrained-beam";
static const char *candidates = "own", *prompts = "all", *schedule = "cosine";
static const char *validate = "auto", *gemm = "auto";
static double save_seconds = 30;
static rl_options_t o = {.reward = {.alpha = 0.5, .lambda_valid = 0.1, .lambda_pref = 0.3, .gamma = 0.3},
                         .perturb = {.cut = 0.3, .drop = 0.2, .swap = 0.1}, .group = 8, .prompts_per_step = 1024, .inner_steps = 1,
                         .temperature = 1, .epsilon = 0.2, .beta = 0.001, .epochs = 0.5,
                         .update = {.lr = 1e-4, .beta2 = 0.98, .weight_decay = 0, .clip = 1, .average = 0}, .warmup = 5, .valid_users = 6000,
                         .valid_every = 16, .beam = 20, .patience = 5, .max_kl = 1, .min_entropy = 0.3, .max_entropy = 2};

static const cli_option_t options[] = {
    OPT_STRING('m', "model", "FILE", &model_path, "the supervised model, model/1"),
    OPT_STRING('s', "sids", "FILE", &sids_path, "Semantic IDs, sids/1"),
    OPT_STRING('i', "interactions", "FILE", &interactions_path, "histories, interactions/2"),
    OPT_STRING(0, "quality", "FILE", &quality_path, "q of every item, quality/1"),
    OPT_STRING(0, "blend", "FILE", &blend_path, "what candidates are taken from, blend/1"),
    OPT_LIST(0, "blind", "FILE", &blind_paths, "model blind to a fold, for cross-fit; repeatable"),
    CLI_OUTPUT,
    CONFIG_CHOICE(0, "objective", policy_objective_names, &objective, "what is learnt from candidates"),
    CONFIG_REAL(0, "sft-weight", "X", &o.supervised, 0, 1000, "weight of the target's own loss beside it"),
    CONFIG_CHOICE(0, "reward", reward_names, &reward, "what candidates earn"),
    CONFIG_REAL(0, "alpha", "X", &o.reward.alpha, 0, 1000, "weight of quality"),
    CONFIG_REAL(0, "lambda-valid", "X", &o.reward.lambda_valid, 0, 1000, "reward of being an item"),
    CONFIG_REAL(0, "lambda-pref", "X", &o.reward.lambda_pref, 0, 1000, "reward of sharing all codes"),
    CONFIG_REAL(0, "gamma", "X", &o.reward.gamma, 0, 1, "most that graded pays for a miss"),
    CONFIG_CHOICE(0, "advantages", advantage_choices, &advantages, "rewards less their mean: divided by deviation or not"),
    CONFIG_CHOICE(0, "candidates", candidates_names, &candidates, "who finds them"),
    CONFIG_CHOICE(0, "sampler", sampler_names, &sampler, "how a policy draws them"),
    CONFIG_REAL(0, "temperature", "X", &o.temperature, 0.01, 100, "logits are divided by it"),
    CONFIG_INT(0, "group", "N", &o.group, 2, 1024, "candidates of a prompt"),
    CONFIG_CHOICE(0, "prompts", prompt_choices, &prompts, "targets in training histories"),
    CONFIG_REAL(0, "cut-history", "P", &o.perturb.cut, 0, 1, "perturbed: rate of histories that lose their beginning"),
    CONFIG_REAL(0, "drop-items", "P", &o.perturb.drop, 0, 1, "perturbed: rate of items left out"),
    CONFIG_REAL(0, "swap-items", "P", &o.perturb.swap, 0, 1, "perturbed: rate of items replaced by near ones"),
    CONFIG_INT(0, "prompts-per-step", "N", &o.prompts_per_step, 1, 1 << 20, "prompts of a step"),
    CONFIG_INT(0, "inner-steps", "N", &o.inner_steps, 1, 1000, "updates on a step's candidates"),
    CONFIG_REAL(0, "clip", "X", &o.epsilon, 0, 100, "bound of the ratio's distance from 1"),
    CONFIG_REAL(0, "kl", "X", &o.beta, 0, 1000, "weight of the KL penalty, or of sdpo's logits"),
    CONFIG_REAL(0, "epochs", "X", &o.epochs, 0.000001, 10000, "passes over the prompts"),
    CONFIG_REAL(0, "lr", "X", &o.update.lr, 0, 10, "peak learning rate"),
    CONFIG_CHOICE(0, "schedule", schedules, &schedule, "of the rate after warm-up"),
    CONFIG_INT(0, "warmup", "N", &o.warmup, 0, 1e9, "updates of linear warm-up"),
    CONFIG_REAL(0, "weight-decay", "X", &o.update.weight_decay, 0, 10, "AdamW's decay of matrices"),
    CONFIG_REAL(0, "beta2", "X", &o.update.beta2, 0, 0.999999, "AdamW's second-moment decay"),
    CONFIG_REAL(0, "max-norm", "X", &o.update.clip, 0, 1e9, "largest gradient norm; 0: any"),
    CONFIG_REAL(0, "average", "X", &o.update.average, 0, 0.999999, "decay of the weights' moving average; 0: none"),
    CONFIG_INT(0, "valid-users", "N", &o.valid_users, 0, 1e9, "users of the validation sample; 0: none"),
    CONFIG_CHOICE(0, "validate", protocol_choices, &validate, "items that count; unseen: met ones left out"),
    CONFIG_INT(0, "valid-every", "N", &o.valid_every, 1, 1e9, "steps between validations"),
    CONFIG_INT(0, "beam", "N", &o.beam, 10, 10000, "beam width in validation"),
    CONFIG_INT(0, "patience", "N", &o.patience, 0, 100000, "stop after N validations without gain; 0: never"),
    CONFIG_REAL(0, "max-kl", "X", &o.max_kl, 0, 1000, "stop beyond this KL a token; 0: never"),
    CONFIG_REAL(0, "min-entropy", "X", &o.min_entropy, 0, 1, "stop below this share of the entropy"),
    CONFIG_REAL(0, "max-entropy", "X", &o.max_entropy, 0, 1000, "stop above this share; 0: never"),
    OPT_REAL(0, "save-seconds", "X", &save_seconds, 0, 1e9, "time between checkpoints"),
    OPT_CHOICE(0, "gemm", backend_names, &gemm, "matrix backend"),
    CLI_SHARDS,
    CLI_SEED,
    CLI_THREADS,
    CLI_LOG,
};

static const cli_t cli = {"qarm-rl", "--model FILE --sids FILE --interactions FILE [--quality FILE] -o rl.st [options]",
                          "Trains a generator further by GRPO on its own candidates; resumes from FILE.ckpt/ when killed.",
                          options, CLI_COUNT(options)};

/* Writes the model, whose tables have grown with the SIDs that it was given. */
static void write_model(const model_t *m, const generator_t *start, const rl_result_t *r, const char *training, const char *config,
                        const provenance_t *from, const backend_t *b)
{
    st_writer_t *w = st_create(cli_common.output, "model/1");
    generator_add(w, m, &start->space, start->alignment, start->footing, training, b->name);
    char *metrics = r->validated ? xasprintf("\"protocol\":\"%s\",\"hr@10\":%.6f,\"ndcg@10\":%.6f,\"start_hr@10\":%.6f,"
                                             "\"start_ndcg@10\":%.6f,", protocol_names[o.protocol], r->hr10, r->ndcg10,
                                             r->start_hr10, r->start_ndcg10) : xstrdup("");
    char *kept = xasprintf("{\"step\":%lld,\"steps_run\":%lld,\"steps\":%lld,%s\"ended_by\":\"%s\"}", (long long)r->step, (long long)r->steps_run,
                           (long long)r->steps, metrics, rl_end_names[r->end]);
    st_set_meta(w, "policy_training", config);
    st_set_meta(w, "validation", kept);
    provenance_write(from, w);
    st_commit(w);
    free(metrics);
    free(kept);
}

/* Refuses what would do nothing. */
static void check_options(void)
{
    const bool grpo = !strcmp(objective, "grpo");
    const struct { const char *option; bool used; const char *needs; } all[] = {
        {"reward", grpo, "--objective grpo"}, {"alpha", grpo, "--objective grpo"}, {"lambda-valid", grpo, "--objective grpo"},
        {"lambda-pref", grpo, "--objective grpo"}, {"advantages", grpo, "--objective grpo"},
        {"clip", grpo, "--objective grpo"},
        {"quality", grpo, "--objective grpo"}, {"gamma", !strcmp(reward, "graded"), "--reward graded"},
        {"cut-history", !strcmp(prompts, "perturbed"), "--prompts perturbed"},
        {"drop-items", !strcmp(prompts, "perturbed"), "--prompts perturbed"},
        {"swap-items", !strcmp(prompts, "perturbed"), "--prompts perturbed"},
        {"blend", strcmp(candidates, "own"), "--candidates blend or mix"},
        {"blind", !strcmp(prompts, "cross-fit"), "--prompts cross-fit"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (cli_given(all[i].option) && !all[i].used) die(EX_USAGE, "--%s needs %s", all[i].option, all[i].needs);
}

static void settle_options(void)
{
    if (!model_path || !sids_path || !interactions_path) die(EX_USAGE, "--model, --sids and --interactions are required");
    check_options();
    if (strcmp(objective, "grpo")) reward = "exact"; /* told, not learnt from */
    o.reward.kind = reward_kind(reward);
    o.sampler = sampler_kind(sampler);
    o.candidates = candidates_kind(candidates);
    for (int i = 0; prompt_choices[i]; i++)
        if (!strcmp(prompts, prompt_choices[i])) o.prompts = (prompts_kind_t)i;
    o.objective = policy_objective(objective);
    o.standardise = !strcmp(advantages, "standardised");
    if (o.objective != OBJECTIVE_GRPO && !cli_given("kl")) o.beta = 0.1;
    if (o.objective != OBJECTIVE_GRPO && !(o.beta > 0)) die(EX_USAGE, "--kl 0: --objective %s then learns nothing", objective);
    o.cosine = !strcmp(schedule, "cosine");
    o.shards = cli_common.shards;
    o.seed = (uint64_t)cli_common.seed;
    if (o.candidates != CANDIDATES_OWN && !blend_path) die(EX_USAGE, "--candidates %s needs --blend FILE", candidates);
    if (o.prompts == PROMPTS_CROSS_FIT && !blind_paths.count) die(EX_USAGE, "--prompts cross-fit needs --blind FILE");
    if (reward_needs_quality(o.reward.kind) && !quality_path)
        die(EX_USAGE, "--reward %s needs --quality FILE, which mine-intent --quality-only writes", reward);
}

/* Reads a model that candidates are to be drawn by: trained with the same SIDs, and `needs` what it has not been trained on. */
static generator_t read_model(const st_file_t *f, const catalogue_t *c, const char *needs)
{
    const generator_t g = generator_read(f, c->sids_file, &c->sids, false);
    if (o.sampler == SAMPLER_FREE && g.space.softmax == SOFTMAX_TRIE)
        die(EX_USAGE, "--sampler free: %s was trained with --softmax trie and has never told items' SIDs from others; train with "
                      "--softmax level", f->name);
    if (needs && g.hold.share == 0)
        die(EX_USAGE, "--prompts %s: %s has been trained on everything; train with --hold-back", needs, f->name);
    return g;
}

static bool same_hold_back(hold_back_t a, hold_back_t b)
{
    return a.share == b.share && a.seed == b.seed && a.fold == b.fold;
}

/* Reads the models of cross-fit, and records them. */
static generator_t *read_blind(const catalogue_t *c, provenance_t *from)
{
    generator_t *blind = NEW_ARRAY(generator_t, blind_paths.count);
    for (int i = 0; i < blind_paths.count; i++) {
        st_file_t *f = st_open(blind_paths.items[i]);
        blind[i] = read_model(f, c, prompts);
        for (int j = 0; j < i; j++)
            if (same_hold_back(blind[i].hold, blind[j].hold))
                die(EX_USAGE, "--blind %s: blind to the same users as %s", f->name, blind_paths.items[j]);
        char *role = xasprintf("blind.%d", i + 1);
        provenance_add(from, role, f);
        free(role);
        st_close(f);
    }
    return blind;
}

/* Reads a blend of the same items, fitted to the same interactions and, where it mixes in a generator, with the model given. */
static blend_t *read_blend(const catalogue_t *c, const st_file_t *model, provenance_t *from)
{
    if (!blend_path) return NULL;
    st_file_t *f = st_open(blend_path);
    blend_t *b = NEW(blend_t);
    *b = blend_read(f);
    catalogue_check_items(f->name, &b->item_ids, c->sids_file->name, &c->sids.item_ids);
    blend_check_interactions(b, f->name, c->interactions_file);
    if (b->sources.tables[TABLE_COOCCUR].rows && !b->sources.cooccur.window)
        die_at(f->name, 0, "metadata 'config': expected how co-occurrence was counted, to leave out each prompt's own history");
    char *digest = st_digest(model);
    blend_check_model(b, f->name, digest);
    provenance_add(from, "blend", f);
    free(digest);
    st_close(f);
    return b;
}

int main(int argc, char **argv)
{
    ranks_start();
    cli_common.shards = 8;
    if (cli_parse(&cli, argc, argv)) die(EX_USAGE, "unexpected operand '%s'", argv[1]);
    settle_options();
    const bool to_file = out_check(cli_common.output, true);

    catalogue_t c = catalogue_open(sids_path, interactions_path);
    st_file_t *model_file = st_open(model_path), *quality_file = reward_needs_quality(o.reward.kind) ? st_open(quality_path) : NULL;
    quality_t quality = quality_file ? quality_read(quality_file, &c) : (quality_t){0};
    generator_t start = read_model(model_file, &c, o.prompts == PROMPTS_HELD_BACK ? prompts : NULL);
    o.protocol = protocol_parse(validate, &c.interactions);
    char *config = cli_config(&cli);
    provenance_t from = {0};
    provenance_add(&from, "sids", c.sids_file);
    provenance_add(&from, "interactions", c.interactions_file);
    provenance_add(&from, "model", model_file);
    provenance_add(&from, "quality", quality_file);
    rl_job_t job = {.options = o, .backend = backend_open(gemm), .start = &start, .interactions = &c.interactions,
                    .quality = quality_file ? &quality : NULL, .save_seconds = save_seconds, .log = cli_common.log};
    job.blend = read_blend(&c, model_file, &from);
    job.blind_count = blind_paths.count;
    job.blind = read_blind(&c, &from);
    job.fingerprint = provenance_fingerprint(&from, job.backend->name, config);
    job.checkpoint = to_file ? xasprintf("%s.ckpt", cli_common.output) : NULL;
    rl_result_t result;
    model_t *m = rl_train(&job, &result);
    write_model(m, &start, &result, st_meta(model_file, "training"), config, &from, job.backend);
    checkpoint_remove(job.checkpoint);
    if (result.validated)
        note("kept step %lld of %lld: validation hr@10 %.4f -> %.4f, ndcg@10 %.4f -> %.4f, %s", (long long)result.step,
             (long long)result.steps_run, result.start_hr10, result.hr10, result.start_ndcg10, result.ndcg10,
             protocol_words[o.protocol]);
    model_free(m);
    catalogue_close(&c);
    return 0;
}
