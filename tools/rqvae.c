/* rqvae: embeddings in, Semantic IDs out. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/ranks.h"
#include "data/catalogue.h"
#include "data/config.h"
#include "data/interactions.h"
#include "data/provenance.h"
#include "data/sids.h"
#include "data/st.h"
#include "sid/features.h"
#include "sid/graph.h"
#include "sid/propagation.h"
#include "sid/quantiser.h"
#include "sid/rkmeans.h"
#include "sid/rqvae.h"
#include "sid/sid_assign.h"
#include "sid/sid_report.h"
#include "train/checkpoint.h"
#include "train/loop.h"

static const char *const methods[] = {"rqvae", "rkmeans", "identity", NULL};
static const char *const suffixes[] = {"collide", "always", NULL};

static struct {
    const char *method, *tensor, *hidden, *suffix, *assign, *cooccur;
    int64_t levels, codes, latent, epochs, warmup, batch, iterations, max_suffix, checkpoint, sample;
    int64_t fusion_dim;
    bool no_image;
    double lr, beta, balance, spread, image_weight, intent_weight;
    graph_options_t graph;
    propagation_t propagation;
    double uniformity, margin;
    contrast_t contrast;
} opt = {.method = "rqvae", .tensor = "text", .hidden = "512,256,128", .suffix = "collide", .levels = 3, .codes = 256, .latent = 64,
         .warmup = -1, .batch = 256, .iterations = 20, .max_suffix = 128, .checkpoint = 10, .lr = 1e-3, .beta = 0.25,
         .balance = 0.3, .spread = 1, .image_weight = 0.5, .graph = {.window = 5, .fade = 1, .least = 1},
         .propagation = {.steps = 2, .restart = 0.5}, .margin = 0.5, .contrast = {.tau = 2.3, .bias = 8}};

/* How items take part in their neighbours: what new items need to know as well. */
#define PROPAGATION \
    CONFIG_INT(0, "cooccur-window", "N", &opt.graph.window, 1, 1e9, "events apart, for two items to be neighbours"), \
    CONFIG_REAL(0, "cooccur-fade", "X", &opt.graph.fade, 0, 100, "pairs s apart weigh s^-X"), \
    CONFIG_INT(0, "cooccur-least", "N", &opt.graph.least, 1, 1e9, "pairs that make two items neighbours"), \
    CONFIG_INT(0, "cooccur-steps", "K", &opt.propagation.steps, 0, 1000, "steps of propagation"), \
    CONFIG_REAL(0, "cooccur-restart", "A", &opt.propagation.restart, 1e-6, 1, "weight of an item's own vector in a step")

static const cli_option_t options[] = {
    CONFIG_CHOICE('m', "method", methods, &opt.method, "quantiser"),
    CONFIG_INT('l', "levels", "L", &opt.levels, 1, SID_MAX_LEVELS, "codes of an item"),
    CONFIG_INT('k', "codes", "K", &opt.codes, 1, SID_MAX_CODES, "codes of a level"),
    CONFIG_STRING(0, "tensor", "NAME,...", &opt.tensor, "embedding that is quantised, or several side by side"),
    CONFIG_FLAG(0, "no-image", &opt.no_image, "leave tensor image out"),
    CONFIG_REAL(0, "image-weight", "X", &opt.image_weight, 0, 1e6, "weight of the image, of the text's"),
    CONFIG_INT(0, "fusion-dim", "D", &opt.fusion_dim, 0, 65536, "rqvae: width of text and image fused; 0: the text's"),
    CONFIG_REAL(0, "intent-weight", "X", &opt.intent_weight, 0, 1e6, "rqvae: weight of tensor intent's reconstruction"),
    CONFIG_INT(0, "latent", "d", &opt.latent, 1, 65536, "rqvae: width of the latent"),
    CONFIG_STRING(0, "hidden", "W,...", &opt.hidden, "rqvae: encoder widths, mirrored; or none"),
    CONFIG_INT('e', "epochs", "N", &opt.epochs, 0, 1000000, "rqvae: epochs with quantisation; 0: by the items"),
    CONFIG_INT(0, "warmup", "N", &opt.warmup, -1, 1000000, "rqvae: epochs before, without it; -1: by the items"),
    CONFIG_INT(0, "batch", "N", &opt.batch, 1, 1 << 24, "rqvae: rows a step"),
    CONFIG_REAL(0, "lr", "X", &opt.lr, 1e-9, 1, "rqvae: peak learning rate"),
    CONFIG_REAL(0, "beta", "X", &opt.beta, 0, 100, "rqvae: weight of the commitment term"),
    CONFIG_INT(0, "iterations", "N", &opt.iterations, 1, 100000, "of k-means, a level"),
    CONFIG_REAL(0, "balance", "B", &opt.balance, 0, 100, "evens out code use, within B mean errors; 0: off"),
    CONFIG_INT(0, "sample", "N", &opt.sample, 0, INT32_MAX, "items that the quantiser is fitted to; 0: all"),
    OPT_STRING(0, "cooccur", "FILE", &opt.cooccur, "histories: vectors take part in those of neighbours"),
    PROPAGATION,
    CONFIG_REAL(0, "uniformity", "W", &opt.uniformity, 0, 1e6, "rqvae: weight of code vectors' repulsion"),
    CONFIG_REAL(0, "uniformity-margin", "X", &opt.margin, 1e-6, 100, "where it ends, in mean distances of code vectors"),
    CONFIG_REAL(0, "contrast", "W", &opt.contrast.weight, 0, 1e6, "rqvae: weight of the loss over neighbours' codes"),
    CONFIG_REAL(0, "contrast-tau", "X", &opt.contrast.tau, -20, 20, "its logits are e^X cos - contrast-bias"),
    CONFIG_REAL(0, "contrast-bias", "B", &opt.contrast.bias, -1000, 1000, "see contrast-tau"),
    CONFIG_REAL(0, "spread", "B", &opt.spread, -1, 1e9, "colliding items may change the last code; -1: freely"),
    CONFIG_CHOICE(0, "suffix", suffixes, &opt.suffix, "which items get one"),
    CONFIG_INT(0, "max-suffix", "N", &opt.max_suffix, 0, SID_MAX_CODES, "suffixes reserved"),
    OPT_STRING('a', "assign", "FILE", &opt.assign, "give new items SIDs of FILE's quantiser"),
    OPT_INT(0, "checkpoint", "N", &opt.checkpoint, 0, 1000000, "epochs between checkpoints; 0: none"),
    CLI_OUTPUT, CLI_LOG, CLI_SEED, CLI_THREADS, CLI_SHARDS,
};

static const cli_t cli = {"rqvae", "[options] < embeddings.st > sids.st", "Quantises item embeddings into Semantic IDs.", options,
                          CLI_COUNT(options)};

/* Parses --hidden; returns the number of widths. */
static int hidden_widths(int64_t *widths)
{
    if (!strcmp(opt.hidden, "none")) return 0;
    int depth = 0;
    for (const char *p = opt.hidden;; p++) {
        char *end;
        long long w = strtoll(p, &end, 10);
        if (end == p || w < 1 || w > 65536 || (*end && *end != ',') || depth == MLP_MAX_LAYERS - 1)
            die(EX_USAGE, "--hidden %s: expected up to %d widths from 1 to 65536, separated by commas, or none", opt.hidden,
                MLP_MAX_LAYERS - 1);
        widths[depth++] = w;
        p = end;
        if (!*p) return depth;
    }
}

/* Makes a quantiser for these features; its image_scale is set, everything else is to be fitted. */
static quantiser_t *new_quantiser(const features_t *e, bool rkmeans)
{
    quantiser_shape_t s = {.text = e->text, .image = e->image, .fused = opt.fusion_dim ? opt.fusion_dim : e->text, .intent = e->intent,
                           .latent = opt.latent, .levels = (int)opt.levels, .codes = (int)opt.codes};
    s.depth = rkmeans ? -1 : hidden_widths(s.hidden);
    quantiser_t *q = quantiser_new(&s);
    double scale = features_image_scale(e) * (rkmeans ? sqrt(opt.image_weight) : 1);
    for (int64_t j = 0; j < q->image; j++) q->image_scale[j] = (float)scale;
    return q;
}

/* Returns the epochs that make `steps` steps, `least` at least: a small catalogue needs as many steps as another. */
static int64_t epochs_for(int64_t items, int64_t least, int64_t steps)
{
    int64_t per_epoch = (items + opt.batch - 1) / opt.batch, epochs = (steps + per_epoch - 1) / per_epoch;
    return epochs > least ? epochs : least;
}

/* The items' neighbours, where they are asked for; the file is NULL where not. */
typedef struct {
    st_file_t *file;
    csr_t graph;
} neighbours_t;

/* Reads the histories, and has the items, those of file f, take part in their neighbours. */
static neighbours_t take_neighbours(const st_file_t *f, features_t *e)
{
    neighbours_t n = {0};
    if (!opt.cooccur) return n;
    n.file = st_open(opt.cooccur);
    interactions_t x = interactions_read(n.file);
    catalogue_check_items(n.file->name, &x.item_ids, f->name, &e->ids);
    n.graph = graph_new(&x, &opt.graph);
    interactions_free(&x);
    const long long edges = graph_edges(&n.graph), least = opt.graph.least, window = opt.graph.window;
    if (!edges)
        die_at(n.file->name, 0, "no two items stand within %lld events of each other in training histories at least %lld times, expected "
               "neighbours", window, least);
    note("%lld pairs of neighbours among %lld items", edges, (long long)e->items);
    propagate_features(&opt.propagation, &n.graph, e);
    return n;
}

static void neighbours_free(neighbours_t *n)
{
    csr_free(&n->graph);
    st_close(n->file);
}

/* What shapes the SIDs, but not the training, so that a run that has only other ones of these goes on from a checkpoint. */
static const char *const after_training[] = {"spread", "suffix", "max-suffix", NULL};

/* `checkpoint`: the folder, NULL: none. */
static void train_rqvae(quantiser_t *q, const features_t *e, const csr_t *graph, const provenance_t *from, const char *checkpoint)
{
    const int64_t epochs = opt.epochs ? opt.epochs : epochs_for(e->items, 30, 1400);
    const int64_t warmup = opt.warmup >= 0 ? opt.warmup : epochs_for(e->items, 10, 450);
    const rqvae_terms_t terms = {opt.beta, opt.image_weight, opt.intent_weight,
                                 {opt.contrast.weight, opt.contrast.tau, opt.contrast.bias, graph}};
    const rqvae_options_t o = {epochs, warmup, opt.batch, opt.lr, terms, opt.uniformity, opt.margin, opt.balance,
                               (int)opt.iterations, (int)cli_common.shards, (uint64_t)cli_common.seed};
    const quantiser_rows_t rows = features_rows(e);
    rqvae_trainer_t *t = rqvae_trainer_new(&o, q, e->items, &rows);
    const loop_trainer_t steps = rqvae_loop(t);
    char *config = cli_config_without(&cli, after_training), *fingerprint = provenance_fingerprint(from, NULL, config);
    const loop_options_t run = {.rounds = warmup + epochs, .save_seconds = INFINITY, .save_rounds = checkpoint ? opt.checkpoint : warmup + epochs,
                                .folder = checkpoint, .fingerprint = fingerprint, .log = cli_common.log};
    loop_run(&run, &steps, rqvae_learner(t));
    free(fingerprint);
    free(config);
    rqvae_trainer_free(t);
}

static void fit_rkmeans(quantiser_t *q, const features_t *e)
{
    rkmeans_t o = {(int)opt.iterations, opt.balance, (int)cli_common.shards, (uint64_t)cli_common.seed};
    jsonlog_open(cli_common.log, NULL);
    rkmeans_fit(&o, q, e->items, e->x);
}

/* Fits the quantiser to the items, or to a sample of them. */
static void fit(quantiser_t *q, const features_t *e, const csr_t *graph, const provenance_t *from, const char *checkpoint)
{
    const bool whole = !opt.sample || opt.sample >= e->items;
    features_t drawn = whole ? *e : features_sample(e, opt.sample, (uint64_t)cli_common.seed);
    if (!whole) note("fitted to %lld of %lld items", (long long)drawn.items, (long long)e->items);
    if (!strcmp(opt.method, "rkmeans")) fit_rkmeans(q, &drawn);
    else train_rqvae(q, &drawn, graph, from, checkpoint);
    if (!whole) features_free(&drawn);
}

/* Says how good the SIDs are, in notes and in the log; returns what it logs, for the file. */
static char *report(const sids_t *s, const quantiser_t *q, const quantiser_errors_t *error, int64_t moved)
{
    char *json = sid_report(s, q, error, moved);
    jsonlog("%s", json);
    return json;
}

/* Writes the SIDs; `q`: the quantiser that made them, NULL for none. */
static void write_sids(const sids_t *s, const quantiser_t *q, const char *config, const char *said, const provenance_t *from)
{
    st_writer_t *w = st_create(cli_common.output, "sids/1");
    if (config) st_set_meta(w, "config", config);
    st_set_meta(w, "report", said);
    provenance_write(from, w);
    st_add2(w, "codes", ST_I32, s->items, s->levels, s->code);
    st_add1(w, "suffix", ST_I32, s->items, s->suffix);
    st_add_strings(w, "item_ids", &s->item_ids);
    if (q) quantiser_add(w, q);
    st_commit(w);
}

/* Tells whether the image joins these tensors: not where it is one of them, or in the joint embedding that stands alone. */
static bool takes_image(const char *tensors)
{
    if (!strcmp(tensors, "joint")) return false;
    size_t n;
    for (const char *name = tensors;; name += n + 1) {
        n = strcspn(name, ",");
        if (n == 5 && !memcmp(name, "image", 5)) return false;
        if (!name[n]) return true;
    }
}

static void note_parts(const features_t *e, const quantiser_t *q)
{
    if (e->image)
        note("%s %lld and image %lld, which %lld of %lld items have, %s to %lld dimensions", opt.tensor, (long long)e->text,
             (long long)e->image, (long long)e->with_image, (long long)e->items, q->fusion.image ? "fused" : "put side by side",
             (long long)(q->fusion.image ? q->fusion.fused : q->width));
    if (e->intent)
        note("intents %lld dimensions, which %lld of %lld items have", (long long)e->intent, (long long)e->with_intent,
             (long long)e->items);
}

/* Refuses an option that asks for what another would have to bring. */
static void need(bool there, const char *option, const char *what)
{
    if (cli_given(option) && !there) die(EX_USAGE, "--%s without %s", option, what);
}

/* Tells wrong options before the input is read. */
static void check_options(bool rkmeans)
{
    static const char *const of_neighbours[] = {"cooccur-window", "cooccur-fade", "cooccur-least", "cooccur-steps", "cooccur-restart", "contrast"};
    for (size_t i = 0; i < sizeof of_neighbours / sizeof *of_neighbours; i++) need(opt.cooccur, of_neighbours[i], "--cooccur");
    need(!rkmeans, "uniformity", "--method rqvae");
    need(!rkmeans, "contrast", "--method rqvae");
    if (opt.sample && opt.contrast.weight > 0) die(EX_USAGE, "--sample with --contrast, which needs all items' neighbours");
    if (rkmeans && opt.intent_weight > 0)
        die(EX_USAGE, "--intent-weight with --method rkmeans, which has no decoder, expected --method rqvae");
    hidden_widths((int64_t[MLP_MAX_LAYERS]){0});
}

static bool always_suffixed(void) { return !strcmp(opt.suffix, "always"); }

/* How many items there can be of the same codes. */
static int64_t most_alike(void) { return always_suffixed() || opt.max_suffix ? opt.max_suffix : 1; }

static int compare_digests(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Counts the items of the most frequent vector. */
static int64_t most_same(const features_t *e)
{
    const size_t bytes = size_mul((size_t)(e->text + e->image), sizeof *e->x);
    uint64_t *digests = NEW_ARRAY(uint64_t, e->items);
    for (int64_t i = 0; i < e->items; i++) digests[i] = XXH3_64bits((const char *)e->x + (size_t)i * bytes, bytes);
    qsort(digests, (size_t)e->items, sizeof *digests, compare_digests);
    int64_t most = 0;
    for (int64_t i = 0, start = 0; i < e->items; i++) {
        if (digests[i] != digests[start]) start = i;
        if (i - start + 1 > most) most = i - start + 1;
    }
    free(digests);
    return most;
}

/* Tells before the training what it could not change: more items than SIDs, or more items of one vector than can share its codes. */
static void check_room(const features_t *e)
{
    const double all = pow((double)opt.codes, (double)opt.levels) * (double)most_alike();
    if ((double)e->items > all)
        die(EX_DATAERR, "%lld items, but %lld levels of %lld codes and %lld suffixes make only %.0f Semantic IDs; raise --max-suffix, --codes or "
            "--levels", (long long)e->items, (long long)opt.levels, (long long)opt.codes, (long long)opt.max_suffix, all);
    const int64_t same = most_same(e), room = most_alike() * (opt.spread != 0 ? opt.codes : 1);
    if (same > room)
        die(EX_DATAERR, "%lld items have the same embedding, but only %lld of them can have Semantic IDs%s; raise --max-suffix, or look "
            "into the embeddings", (long long)same, (long long)room, opt.spread != 0 ? "" : " without --spread");
}

/* Says what to do where more items share their codes than there are suffixes. */
static void check_suffixes(const sids_t *s, const char *checkpoint)
{
    const int64_t most = sids_largest_bucket(s);
    if (most <= most_alike()) return;
    die(EX_DATAERR, "%lld items share one Semantic ID, but only %lld suffixes are reserved; raise --max-suffix to %lld%s, --codes or --levels",
        (long long)most, (long long)opt.max_suffix, (long long)most,
        checkpoint ? " or change --spread, for which the training is kept" : "");
}

/* Quantises the items: codes, spread out of shared buckets, and what the report says of them; suffixes are the last to come. */
static sids_t code_items(const quantiser_t *q, const features_t *e, const char *checkpoint, char **said)
{
    sids_t s = {.items = e->items, .levels = q->levels, .codes = q->codes, .max_suffix = (int)opt.max_suffix, .item_ids = e->ids};
    s.code = NEW_ARRAY(int32_t, s.items * s.levels);
    s.suffix = NEW_ARRAY(int32_t, s.items);
    float *last = xfloats(size_mul((size_t)s.items, (size_t)q->latent));
    quantiser_encode(q, s.items, e->x, last);
    quantiser_codes(q, s.items, last, s.code, last);
    const int64_t moved = opt.spread != 0 ? sids_spread(&s, q, last, opt.spread) : 0;
    const quantiser_rows_t rows = features_rows(e);
    const quantiser_errors_t error = quantiser_errors(q, s.items, &rows, s.code);
    *said = report(&s, q, &error, moved);
    check_suffixes(&s, checkpoint);
    sids_assign_suffixes(&s, always_suffixed() ? SUFFIX_ALWAYS : SUFFIX_COLLIDE);
    free(last);
    return s;
}

/* Takes the image's weight that comes with the embeddings, unless another is asked for; of nothing, the image is left out. */
static void take_image_weight(const st_file_t *f)
{
    const char *text = st_meta(f, "image_weight");
    if (!text || cli_given("image-weight")) return;
    char *end;
    const double weight = strtod(text, &end);
    if (end == text || *end || !(weight >= 0 && weight <= 1e6))
        die_at(f->name, 0, "metadata 'image_weight' is '%s', expected a number from 0 to 1000000", text);
    opt.image_weight = weight;
    if (weight == 0) opt.no_image = true;
}

static void make_sids(bool to_file)
{
    const bool rkmeans = !strcmp(opt.method, "rkmeans");
    check_options(rkmeans);
    st_file_t *file = st_open(NULL);
    take_image_weight(file);
    const bool image = takes_image(opt.tensor) && !opt.no_image && (!rkmeans || opt.image_weight > 0);
    features_t e = features_read(file, &(features_wanted_t){opt.tensor, image, opt.intent_weight > 0});
    neighbours_t neighbours = take_neighbours(file, &e);
    if (!opt.cooccur) opt.propagation.steps = 0; /* so that the file says what new items need */
    quantiser_t *q = new_quantiser(&e, rkmeans);
    features_fit(&e, q, file, cli.name);
    note_parts(&e, q);
    check_room(&e);
    provenance_t from = {0};
    provenance_add(&from, "embeddings", file);
    provenance_add(&from, "interactions", neighbours.file);
    char *checkpoint = !rkmeans && opt.checkpoint && to_file ? xasprintf("%s.ckpt", cli_common.output) : NULL;
    fit(q, &e, &neighbours.graph, &from, checkpoint);

    char *said, *config = cli_config(&cli);
    sids_t s = code_items(q, &e, checkpoint, &said);
    write_sids(&s, q, config, said, &from);
    provenance_free(&from);
    checkpoint_remove(checkpoint);
    jsonlog_close();
    free(checkpoint);
    free(config);
    free(said);
    s.item_ids = (strtab_t){0}; /* the features' */
    sids_free(&s);
    quantiser_free(q);
    features_free(&e);
    neighbours_free(&neighbours);
    st_close(file);
}

/* Makes the code the item: SIDs of one level, of whatever file names the items, whatever shape is asked for. */
static void make_identity(void)
{
    st_file_t *file = st_open(NULL);
    sids_t s = sids_identity(st_need_ids(file, "item_ids", -1));
    if (!s.items) st_bad(file, "item_ids", "no items, expected 1 or more");
    opt.levels = s.levels;
    opt.codes = s.codes;
    opt.max_suffix = s.max_suffix;
    jsonlog_open(cli_common.log, NULL);
    opt.propagation.steps = 0;
    provenance_t from = {0};
    provenance_add(&from, "items", file);
    char *said = report(&s, NULL, NULL, 0), *config = cli_config(&cli);
    write_sids(&s, NULL, config, said, &from);
    free(config);
    free(said);
    provenance_free(&from);
    jsonlog_close();
    sids_free(&s);
    st_close(file);
}

/* Looks up a string among the options that made the SIDs; `otherwise` where it is not there. Caller frees. */
static char *config_string(const st_file_t *f, const char *key, const char *otherwise)
{
    const char *text = st_meta(f, "config");
    cJSON *json = text ? cJSON_Parse(text) : NULL;
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
    char *copy = xstrdup(value ? value : otherwise);
    cJSON_Delete(json);
    return copy;
}

static bool is_identity(const st_file_t *f)
{
    char *method = config_string(f, "method", "");
    const bool is = !strcmp(method, "identity");
    free(method);
    return is;
}

/* Tells by the SIDs whether every item gets a suffix, because those from elsewhere do not say how they were made. */
static bool all_suffixed(const sids_t *s)
{
    for (int64_t i = 0; i < s->items; i++)
        if (s->suffix[i] < 0) return false;
    return true;
}

/* Drops the items that `s` holds. */
static void keep_new(features_t *e, const sids_t *s)
{
    bool *keep = NEW_ARRAY(bool, e->items);
    for (int64_t i = 0; i < e->items; i++) {
        size_t n;
        const char *id = strtab_get(&e->ids, i, &n);
        keep[i] = strtab_find(&s->item_ids, id, n) < 0;
    }
    features_keep(e, keep);
    free(keep);
}

/* Takes from the SIDs' file how its items took part in their neighbours. */
static void take_propagation(const st_file_t *base)
{
    static const cli_option_t rows[] = {PROPAGATION};
    static const cli_t table = {"rqvae", "", "", rows, CLI_COUNT(rows)};
    config_apply(&table, base, NULL);
    if (!opt.propagation.steps)
        die_at(base->name, 0, "made of items that took no part in their neighbours: --cooccur has nothing to tell new ones");
}

static void assign_new(void)
{
    st_file_t *base = st_open(opt.assign);
    sids_t s = sids_read(base);
    if (is_identity(base))
        die_at(base->name, 0, "made by --method identity, whose codes are the items: none is left for new ones");
    quantiser_t *q = quantiser_read(base);
    char *tensors = config_string(base, "tensor", opt.tensor);
    char *suffix = config_string(base, "suffix", all_suffixed(&s) ? "always" : "collide");
    st_file_t *file = st_open(NULL);
    features_t e = features_read(file, &(features_wanted_t){tensors, q->image > 0, q->intent > 0 && st_find(file, "intent")});
    if (opt.cooccur) take_propagation(base);
    neighbours_t neighbours = take_neighbours(file, &e);
    features_fit(&e, q, file, base->name);
    jsonlog_open(cli_common.log, NULL);

    keep_new(&e, &s);
    int64_t before = s.items;
    float *latents = xfloats(size_mul((size_t)e.items, (size_t)q->latent));
    quantiser_encode(q, e.items, e.x, latents);
    sid_assign_t r = sids_add(&s, q, strcmp(suffix, "always") ? SUFFIX_COLLIDE : SUFFIX_ALWAYS, e.items, latents, &e.ids);
    note("%lld SIDs kept, %lld added; %lld of the new items moved from their nearest codes, %lld of them on more than the last "
         "level", (long long)before, (long long)r.added, (long long)r.moved, (long long)r.strayed);
    quantiser_rows_t rows = features_rows(&e);
    quantiser_errors_t error = quantiser_errors(q, e.items, &rows, s.code + before * s.levels);
    char *said = report(&s, q, &error, r.moved);
    provenance_t from = {0};
    provenance_add(&from, "sids", base);
    provenance_add(&from, "embeddings", file);
    provenance_add(&from, "interactions", neighbours.file);
    write_sids(&s, q, st_meta(base, "config"), said, &from);
    free(said);
    neighbours_free(&neighbours);
    provenance_free(&from);

    jsonlog_close();
    free(latents);
    free(tensors);
    free(suffix);
    features_free(&e);
    quantiser_free(q);
    sids_free(&s);
    st_close(file);
    st_close(base);
}

int main(int argc, char **argv)
{
    ranks_start();
    char *defaults = cli_config(&cli);
    int operands = cli_parse(&cli, argc, argv);
    char *config = cli_config(&cli);
    if (operands) die(EX_USAGE, "unexpected argument '%s'; embeddings are read from standard input", argv[1]);
    if (opt.assign && strcmp(config, defaults))
        die(EX_USAGE, "--assign takes how SIDs are made from its file; expected no other option that shapes them");
    const bool to_file = out_check(cli_common.output, true);
    if (opt.cooccur && !strcmp(opt.method, "identity")) die(EX_USAGE, "--cooccur with --method identity, whose codes are the items");
    if (opt.assign) assign_new();
    else if (!strcmp(opt.method, "identity")) make_identity();
    else make_sids(to_file);
    free(config);
    free(defaults);
    return 0;
}
