/* sidgen-train: Semantic IDs and histories in, a trained generator out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/ranks.h"
#include "data/catalogue.h"
#include "data/provenance.h"
#include "gen/generator.h"
#include "gen/trainer.h"
#include "net/unpack.h"
#include "tasks/curriculum.h"
#include "train/checkpoint.h"
#include "nn/backend.h"

static const char *sids_path, *interactions_path, *start_path, *softmax = "trie", *body = "flat", *validate = "auto", *gemm = "auto";
static const char *tasks = "1", *items_path, *tokenizer_path;
static const char *base_path, *template_path, *lora_targets = "q,k,v,o,gate,up,down";
static lora_t lora = {.rank = 16, .alpha = 32};
static bool full;
static double save_seconds = 30;
static bool split_tables;
static hold_back_t hold;
static int64_t fold = 1;
static held_items_t held;
static int64_t max_items, text_tokens = 64;
static task_list_t list;
static bool think;
static softmax_t softmax_kind;
static body_t body_kind;

/* What --help and the manual page call the defaults of the two bodies; and those on a base. */
static const train_options_t flat = {
    .dim = 192, .layers = 4, .ffn = 512, .depth_ffn = 128, .think_targets = 1, .think_ffn = 32,
    .tutor = {.align = 0.1, .guide = 0.1, .follow = 0.1, .temperature = 0.1}, .dropout = 0.15, .depth_dropout = 0.15,
    .lr = 1.2e-3,
    .beta2 = 0.98, .weight_decay = 0.05, .clip = 1, .warmup = 200, .epochs = 15, .batch_tokens = 2048, .valid_users = 2000, .patience = 5,
    .beam = 20};
static const train_options_t timeline = {
    .dim = 128, .layers = 2, .ffn = 256, .depth_ffn = 128, .think_ffn = 32, .tutor = {.align = 0.1, .guide = 0.1, .follow = 0.1, .temperature = 0.1},
    .dropout = 0.4, .depth_dropout = 0.15, .lr = 2e-3,
    .beta2 = 0.98, .weight_decay = 0, .clip = 1, .label_smoothing = 0.2, .warmup = 200, .epochs = 12, .settle = 2, .batch_tokens = 2048,
    .valid_users = 2000, .patience = 5, .beam = 20};
static const train_options_t on_base = {
    .think_targets = 1, .lr = 3e-4, .beta2 = 0.98, .weight_decay = 0.05, .clip = 1, .warmup = 200, .epochs = 3, .batch_tokens = 2048,
    .valid_users = 2000, .patience = 5, .beam = 20};
static train_options_t o;

static const cli_option_t options[] = {
    OPT_STRING('s', "sids", "FILE", &sids_path, "Semantic IDs, sids/1"),
    OPT_STRING('i', "interactions", "FILE", &interactions_path, "histories, interactions/2"),
    CLI_OUTPUT,
    OPT_STRING(0, "start", "FILE", &start_path, "begin with this model's weights"),
    OPT_STRING(0, "base", "DIR", &base_path, "begin on a pretrained decoder, which stays as it is (flat)"),
    CONFIG_FLAG(0, "full", &full, "train all of its weights, into a model of its own"),
    CONFIG_INT(0, "lora-rank", "N", &lora.rank, 0, 4096, "rank of what is trained beside its matrices; 0: nothing"),
    CONFIG_REAL(0, "lora-alpha", "X", &lora.alpha, 1e-3, 1e6, "scale of that, times the rank"),
    CONFIG_STRING(0, "lora-targets", "LIST", &lora_targets, "matrices that have it"),
    OPT_STRING(0, "template", "NAME", &template_path, "asked by sidmill, minionerec, lcrec or a file; alone: print it"),
    CONFIG_CHOICE(0, "softmax", softmax_names, &softmax, "normalise over"),
    CONFIG_INT(0, "sampled", "N", &o.sampled, 0, 1 << 20, "score larger sets by N tokens drawn from them; 0: by all"),
    CONFIG_CHOICE(0, "body", body_names, &body, "read a row a token, or a row an item"),
    CONFIG_FLAG(0, "item-vectors", &o.item_vectors, "give every item read a vector of its own (timeline)"),
    CONFIG_FLAG(0, "node-vectors", &o.node_vectors, "give every prefix chosen a vector of its own"),
    CONFIG_FLAG(0, "learned-positions", &o.learned_positions, "learned positions, not rotary ones (timeline)"),
    CONFIG_INT(0, "dim", "N", &o.dim, 2, 65536, "width of the model"),
    CONFIG_INT(0, "layers", "N", &o.layers, 1, 256, "layers"),
    CONFIG_INT(0, "heads", "N", &o.heads, 0, 1024, "attention heads; 0: one for 64 of the width"),
    CONFIG_INT(0, "kv-heads", "N", &o.kv_heads, 0, 1024, "key-value heads; 0: as heads"),
    CONFIG_INT(0, "head-dim", "N", &o.head_dim, 0, 4096, "width of a head; 0: dim / heads"),
    CONFIG_INT(0, "ffn", "N", &o.ffn, 1, 1 << 20, "width of the MLP"),
    CONFIG_INT(0, "depth-ffn", "N", &o.depth_ffn, 1, 1 << 20, "width of the block a level (timeline)"),
    CONFIG_FLAG(0, "think", &think, "think before each code"),
    CONFIG_INT(0, "think-targets", "N", &o.think_targets, 0, 4096, "targets of a history that are thought of (flat); 0: all"),
    CONFIG_INT(0, "think-ffn", "N", &o.think_ffn, 1, 1 << 20, "width of the blocks that think, and of the light decoder"),
    CONFIG_REAL(0, "think-align", "W", &o.tutor.align, 0, 100, "weight of telling the cluster of the code that follows"),
    CONFIG_INT(0, "think-clusters", "N", &o.tutor.clusters, 0, 1 << 20, "clusters of a level's codes; 0: an eighth of them"),
    CONFIG_REAL(0, "think-guide", "W", &o.tutor.guide, 0, 100, "weight of the light decoder's loss"),
    CONFIG_REAL(0, "think-follow", "W", &o.tutor.follow, 0, 100, "weight of the first thought following that decoder"),
    CONFIG_REAL(0, "think-temperature", "X", &o.tutor.temperature, 0.001, 100, "temperature of both InfoNCE losses"),
    CONFIG_REAL(0, "dropout", "P", &o.dropout, 0, 0.95, "dropout rate"),
    CONFIG_REAL(0, "depth-dropout", "P", &o.depth_dropout, 0, 0.95, "dropout rate of the blocks a level"),
    CONFIG_REAL(0, "item-dropout", "P", &o.item_dropout, 0, 0.95, "rate at which an item read is left empty (timeline)"),
    CONFIG_REAL(0, "vector-dropout", "P", &o.vector_dropout, 0, 0.95, "rate at which vectors of items and prefixes are left out"),
    CONFIG_INT(0, "settle", "N", &o.settle, 0, 100000, "last epochs that go without dropout and label smoothing"),
    CONFIG_INT(0, "max-items", "N", &max_items, 1, 4096, "items of a history that are read"),
    CONFIG_REAL(0, "hold-back", "F", &hold.share, 0, 1, "users whose last training item is left for qarm-rl"),
    CONFIG_INT(0, "fold", "N", &fold, 1, FOLDS_MOST, "which such share of the users"),
    CONFIG_STRING(0, "tasks", "LIST", &tasks, "tasks 1 to 8 to learn, each with :WEIGHT if not 1 (flat)"),
    OPT_STRING(0, "items", "FILE", &items_path, "items.jsonl: their texts, for tasks 2 to 8"),
    OPT_STRING(0, "tokenizer", "FILE", &tokenizer_path, "tokenizer.json, likewise"),
    CONFIG_INT(0, "text-tokens", "N", &text_tokens, 1, 4096, "tokens of a text that are read"),
    CONFIG_REAL(0, "hold-items", "F", &held.share, 0, 0.95, "items whose texts are left out, for evaluate --tasks"),
    CONFIG_INT(0, "epochs", "N", &o.epochs, 1, 100000, "passes over the histories at most"),
    CONFIG_INT(0, "examples", "N", &o.examples, 0, INT32_MAX, "windows of histories that an epoch draws; 0: all"),
    CONFIG_INT(0, "batch-tokens", "N", &o.batch_tokens, 1, 1 << 26, "tokens in a step"),
    CONFIG_REAL(0, "lr", "X", &o.lr, 0, 10, "peak learning rate, cosine to 0"),
    CONFIG_INT(0, "warmup", "N", &o.warmup, 0, 1e9, "steps of linear warm-up"),
    CONFIG_REAL(0, "weight-decay", "X", &o.weight_decay, 0, 10, "AdamW's decay of matrices"),
    CONFIG_REAL(0, "beta2", "X", &o.beta2, 0, 0.999999, "AdamW's second-moment decay"),
    CONFIG_REAL(0, "clip", "X", &o.clip, 0, 1e9, "largest gradient norm; 0: any"),
    CONFIG_REAL(0, "label-smoothing", "X", &o.label_smoothing, 0, 0.9, "share spread over the allowed tokens"),
    CONFIG_REAL(0, "item-loss", "W", &o.item_loss, 0, 100, "weight of the loss of items by their vectors (timeline)"),
    CONFIG_REAL(0, "average", "X", &o.average, 0, 0.999999, "decay of the weights' moving average; 0: none"),
    CONFIG_INT(0, "valid-users", "N", &o.valid_users, 0, 1e9, "users of the validation sample; 0: no validation"),
    CONFIG_CHOICE(0, "validate", protocol_choices, &validate, "items that count; unseen: met ones left out"),
    CONFIG_INT(0, "patience", "N", &o.patience, 0, 100000, "stop after N epochs without gain; 0: never"),
    CONFIG_INT(0, "beam", "N", &o.beam, 10, 10000, "beam width in validation"),
    OPT_REAL(0, "save-seconds", "X", &save_seconds, 0, 1e9, "time between checkpoints within an epoch"),
    OPT_FLAG(0, "split-tables", &split_tables, "lay the vectors of items and prefixes over the ranks"),
    OPT_CHOICE(0, "gemm", backend_names, &gemm, "matrix backend"),
    CLI_SHARDS,
    CLI_SEED,
    CLI_THREADS,
    CLI_LOG,
};

static const cli_t cli = {"sidgen-train", "--sids FILE --interactions FILE -o model.st [options]",
                          "Trains the decoder-only generator on histories of Semantic IDs; resumes from FILE.ckpt/ when killed.",
                          options, CLI_COUNT(options)};

/* Options that a base answers, and those that need one, NULL at the end. */
static const char *const of_shape[] = {"item-vectors", "node-vectors", "learned-positions", "dim", "layers", "heads", "kv-heads",
                                       "head-dim", "ffn", "depth-ffn", "depth-dropout", "item-dropout", "vector-dropout", "think",
                                       "think-targets", "think-ffn", "think-align", "think-clusters", "think-guide", "think-follow",
                                       "think-temperature", "tokenizer", NULL};
static const char *const of_base[] = {"full", "lora-rank", "lora-alpha", "lora-targets", "template", NULL};

static void write_model(const model_t *m, const train_result_t *r, const char *config, const space_t *space, const footing_t *footing,
                        const provenance_t *from, const backend_t *b)
{
    st_writer_t *w = st_create(cli_common.output, "model/1");
    char *metrics = r->validated ? xasprintf("\"protocol\":\"%s\",\"hr@10\":%.6f,\"ndcg@10\":%.6f,", protocol_names[o.protocol],
                                             r->hr10, r->ndcg10) : xstrdup("");
    char *kept = xasprintf("{\"epoch\":%lld,\"epochs_run\":%lld,%s\"loss_per_item\":%.6f}", (long long)r->epoch, (long long)r->epochs_run,
                           metrics, r->loss);
    generator_add(w, m, space, r->alignment, footing, config, b->name);
    st_set_meta(w, "validation", kept);
    provenance_write(from, w);
    st_commit(w);
    free(metrics);
    free(kept);
}

/* Finds what a command line says to an option, before its options are read: they have other defaults by what is asked for. NULL: nothing. */
static const char *asked(int argc, char **argv, const char *option)
{
    const size_t n = strlen(option);
    const char *value = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], option) && i + 1 < argc) value = argv[i + 1];
        else if (!strncmp(argv[i], option, n) && argv[i][n] == '=') value = argv[i] + n + 1;
    }
    return value;
}

static void set_defaults(int argc, char **argv)
{
    const char *asked_body = asked(argc, argv, "--body");
    const bool by_item = asked_body && !strcmp(asked_body, "timeline");
    o = asked(argc, argv, "--base") ? on_base : by_item ? timeline : flat;
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--full")) o.lr = 5e-5; /* what all of a pretrained model bears */
    max_items = by_item ? 50 : 20;
    cli_common.shards = 4; /* of 512 rows each: small batches learn faster, small shards compute slower */
}

static void check_base(void)
{
    const char *const *wrong = base_path ? of_shape : of_base;
    for (int i = 0; wrong[i]; i++)
        if (cli_given(wrong[i])) die(EX_USAGE, base_path ? "--%s: --base says that" : "--%s needs --base", wrong[i]);
    if (!base_path) return;
    if (body_kind != BODY_FLAT) die(EX_USAGE, "--base needs --body flat");
    if (full && (cli_given("lora-rank") || cli_given("lora-alpha") || cli_given("lora-targets")))
        die(EX_USAGE, "--full trains all of the base's weights: leave out --lora-rank, --lora-alpha and --lora-targets");
    if (full) lora.rank = 0;
    if (!lora_parse(lora_targets, &lora))
        die(EX_USAGE, "--lora-targets %s: expected some of q,k,v,o,gate,up,down, each once", lora_targets);
}

static void check_thinking(void)
{
    const char *const needs[] = {"think-targets", "think-ffn", "think-align", "think-clusters", "think-guide", "think-follow", "think-temperature"};
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (!think && cli_given(needs[i])) die(EX_USAGE, "--%s needs --think", needs[i]);
    if (!think) return;
    if (body_kind == BODY_TIMELINE && o.think_targets) die(EX_USAGE, "--think-targets needs --body flat: a timeline thinks of all targets");
    o.tutor.ffn = o.think_ffn;
    if (o.tutor.follow > 0 && !(o.tutor.guide > 0)) {
        if (cli_given("think-follow")) die(EX_USAGE, "--think-follow needs --think-guide: there is nobody to follow");
        o.tutor.follow = 0;
    }
}

/* Reads the vectors of the codes that thoughts are aligned with, where the SIDs bring some. */
static codebook_t read_codebook(const st_file_t *f, const sids_t *sids)
{
    int64_t shape[] = {sids->levels, sids->codes, -1};
    if (!think || !(o.tutor.align > 0) || !st_find(f, "codebook")) return (codebook_t){0};
    float *vectors = st_need_f32(f, "codebook", 3, shape);
    return (codebook_t){vectors, shape[2]};
}

static void check_fold(void)
{
    if (cli_given("fold") && !(hold.share > 0)) die(EX_USAGE, "--fold needs --hold-back");
    if ((double)(fold - 1) * hold.share >= 1)
        die(EX_USAGE, "--fold %lld: there are fewer shares of %g", (long long)fold, hold.share);
}

static void check_tasks(void)
{
    list = task_list_parse(tasks);
    memcpy(o.task_weight, list.weight, sizeof list.weight);
    if (!task_list_has_texts(&list)) {
        if (items_path || tokenizer_path || cli_given("text-tokens") || cli_given("hold-items"))
            die(EX_USAGE, "--items, --tokenizer, --text-tokens and --hold-items need --tasks with a task from 2 to %d", TASKS);
        return;
    }
    if (!items_path || (!tokenizer_path && !base_path))
        die(EX_USAGE, "--tasks %s: --items%s missing", tasks, base_path ? " is" : " and --tokenizer are");
    if (body_kind != BODY_FLAT || think) die(EX_USAGE, "--tasks %s needs --body flat, without --think", tasks);
    if (!list.on[TASK_NEXT] && o.valid_users && cli_given("valid-users"))
        die(EX_USAGE, "--valid-users needs task 1 among --tasks: it is what is validated");
    if (!list.on[TASK_NEXT]) o.valid_users = 0;
}

static void add_texts(provenance_t *from, const curriculum_t *c, const bytes_t *tokenizer)
{
    if (!c->digest) return;
    provenance_add_digest(from, "items", c->digest);
    if (base_path) return;
    char *digest = in_bytes_hex(tokenizer);
    provenance_add_digest(from, "tokenizer", digest);
    free(digest);
}

/* Records a base and what it is asked. */
static void add_base(provenance_t *from, const footing_t *f)
{
    if (!base_path) return;
    char *templates = templates_text(&f->templates), *digest = digest_hex(XXH3_128bits(templates, strlen(templates)));
    provenance_add_digest(from, "base", f->base.digest);
    provenance_add_digest(from, "templates", digest);
    free(templates);
    free(digest);
}

static int print_templates(void)
{
    templates_t t = templates_open(template_path);
    char *text = templates_text(&t);
    fputs(text, stdout);
    templates_free(&t);
    free(text);
    return fflush(stdout) ? EX_IOERR : 0;
}

/* Opens the base that is asked for, for a space; returns the model as it begins, NULL where none is. */
static model_t *open_base(footing_t *f, space_t *space)
{
    if (!base_path) return NULL;
    *f = (footing_t){.base = {.folder = xstrdup(base_path), .adapter.lora = lora}, .templates = templates_open(template_path)};
    model_t *m = footing_open(f, space, items_path ? text_tokens : 1, base_path);
    if (space_positions(space) > m->config.max_position_embeddings)
        die(EX_USAGE, "--max-items %lld: may take %lld positions, and the base has %lld", (long long)max_items,
            (long long)space_positions(space), (long long)m->config.max_position_embeddings);
    adapter_init(m, space->vocab.text, o.seed);
    return full ? base_leave(&f->base, m, o.sampled && o.sampled < space->widest) : m;
}

/* Reads the items' texts for the tasks that take them, and tells the space of a tokenizer that is no base's. */
static curriculum_t read_curriculum(const footing_t *f, space_t *space, const strtab_t *ids, bytes_t *bytes)
{
    if (!items_path) return (curriculum_t){.list = list};
    if (base_path) return curriculum_open(&list, f->base.backbone->tokenizer, items_path, text_tokens, held, ids);
    *bytes = in_bytes_unpacked(tokenizer_path, NULL);
    tokenizer_t *t = tokenizer_parse(bytes->name, bytes->data, bytes->len);
    const curriculum_t c = curriculum_open(&list, t, items_path, text_tokens, held, ids);
    space_add_text(space, tokenizer_size(t), text_tokens, bytes->data, (int64_t)bytes->len);
    tokenizer_free(t);
    return c;
}

/* Says what is wrong with a start that stands on `from`, where training is on `base`, of which --full takes leave; NULL: nothing. */
static const char *wrong_footing(const footing_t *from, const base_t *base)
{
    const base_t *theirs = footing_base(from);
    if (theirs && base) return strcmp(theirs->digest, base->digest) ? "stands on another base" : NULL;
    if (theirs) return full ? "stands on a base: leave out --full" : "stands on a base: give it as --base";
    if (base) return "stands on no base: leave out --base";
    if (full && !from) return "has never stood on a base: leave out --base";
    return !full && from ? "has stood on a base: give it as --base, with --full" : NULL;
}

/* Refuses to begin with a model on another base, or whose texts are other tokens. */
static void check_start(const generator_t *from, const space_t *ours, const footing_t *f)
{
    const space_t *start = &from->space;
    const char *wrong = wrong_footing(from->footing, footing_base(f));
    if (wrong) die(EX_DATAERR, "--start: that model %s", wrong);
    const bool same = start->tokenizer_bytes == ours->tokenizer_bytes &&
                      (!ours->tokenizer || !memcmp(start->tokenizer, ours->tokenizer, (size_t)ours->tokenizer_bytes));
    if (!same) die(EX_DATAERR, "--start: that model has learnt %s", !start->tokenizer ? "no texts: give no tasks but 1"
                                              : "texts: give tasks with texts and the same --tokenizer");
}

/* Refuses what would do nothing. */
static void check_body(void)
{
    check_base();
    if (body_kind == BODY_FLAT && (o.item_vectors || o.learned_positions || o.item_dropout > 0))
        die(EX_USAGE, "--item-vectors, --learned-positions and --item-dropout need --body timeline");
    if (o.item_loss > 0 && !o.item_vectors) die(EX_USAGE, "--item-loss needs --item-vectors");
    if (body_kind == BODY_FLAT && (cli_given("depth-ffn") || cli_given("depth-dropout")))
        die(EX_USAGE, "--depth-ffn and --depth-dropout need --body timeline");
    check_thinking();
    check_fold();
    if (o.node_vectors && softmax_kind != SOFTMAX_TRIE) die(EX_USAGE, "--node-vectors need --softmax trie");
    if (o.vector_dropout > 0 && !o.item_vectors && !o.node_vectors)
        die(EX_USAGE, "--vector-dropout needs --item-vectors or --node-vectors");
    if (split_tables && !o.item_vectors && !o.node_vectors)
        die(EX_USAGE, "--split-tables needs --item-vectors or --node-vectors: there are no tables but theirs");
}

int main(int argc, char **argv)
{
    ranks_start();
    set_defaults(argc, argv);
    if (cli_parse(&cli, argc, argv)) die(EX_USAGE, "unexpected operand '%s'", argv[1]);
    if (template_path && !sids_path && !interactions_path && !base_path) return print_templates();
    if (!sids_path || !interactions_path) die(EX_USAGE, "--sids and --interactions are required");
    const bool to_file = out_check(cli_common.output, true);
    softmax_parse(softmax, &softmax_kind);
    body_parse(body, &body_kind);
    o.shards = cli_common.shards;
    o.seed = held.seed = hold.seed = (uint64_t)cli_common.seed;
    hold.fold = fold - 1;
    check_body();
    check_tasks();

    catalogue_t c = catalogue_open(sids_path, interactions_path);
    if (o.node_vectors && c.sids.levels == 1 && !c.sids.max_suffix)
        die(EX_DATAERR, "%s: --node-vectors: SIDs of one level without suffixes have no prefixes to tell apart", sids_path);
    o.protocol = protocol_parse(validate, &c.interactions);
    char *config = cli_config_without(&cli, base_path ? of_shape : of_base);
    space_t space = space_make(&c.sids, softmax_kind, body_kind, max_items);
    space.thinks = think;
    footing_t footing = {0};
    model_t *on = open_base(&footing, &space);
    bytes_t tokenizer = {0};
    curriculum_t curriculum = read_curriculum(&footing, &space, &c.sids.item_ids, &tokenizer);
    train_job_t job = {.options = o, .model = on, .backend = backend_open(gemm), .interactions = &c.interactions, .space = &space,
                       .codebook = read_codebook(c.sids_file, &c.sids), .save_seconds = save_seconds, .log = cli_common.log,
                       .split_tables = split_tables};
    st_file_t *start_file = start_path ? st_open(start_path) : NULL;
    generator_t start = start_file ? generator_read(start_file, c.sids_file, &c.sids, split_tables) : (generator_t){0};
    if (start_file) check_start(&start, &space, &footing);
    job.start = start.model;
    start.model = NULL;
    provenance_t from = {0};
    provenance_add(&from, "sids", c.sids_file);
    provenance_add(&from, "interactions", c.interactions_file);
    provenance_add(&from, "start", start_file);
    add_texts(&from, &curriculum, &tokenizer);
    add_base(&from, &footing);
    curriculum_sequences(&curriculum, &space, &c.interactions, hold, &job.sequences);
    job.fingerprint = provenance_fingerprint(&from, job.backend->name, config);
    job.checkpoint = to_file ? xasprintf("%s.ckpt", cli_common.output) : NULL;
    train_result_t result;
    model_t *m = train(&job, &result);
    write_model(m, &result, config, &space, base_path ? &footing : NULL, &from, job.backend);
    checkpoint_remove(job.checkpoint);
    if (result.validated)
        note("kept epoch %lld of %lld: validation hr@10 %.4f ndcg@10 %.4f, %s", (long long)result.epoch,
             (long long)result.epochs_run, result.hr10, result.ndcg10, protocol_words[o.protocol]);
    model_free(m);
    alignment_free(result.alignment);
    free(job.codebook.vectors);
    curriculum_close(&curriculum);
    footing_free(&footing);
    in_free(&tokenizer);
    space_free(&space);
    if (start_file) generator_free(&start);
    catalogue_close(&c);
    return 0;
}
