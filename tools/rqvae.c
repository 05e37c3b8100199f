/* rqvae: embeddings in, Semantic IDs out. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/out.h"
#include "data/provenance.h"
#include "data/sids.h"
#include "data/st.h"
#include "sid/features.h"
#include "sid/quantiser.h"
#include "sid/rkmeans.h"
#include "sid/rqvae.h"
#include "sid/sid_assign.h"
#include "train/checkpoint.h"
#include "train/loop.h"

static const char *const methods[] = {"rqvae", "rkmeans", "identity", NULL};
static const char *const suffixes[] = {"collide", "always", NULL};

static struct {
    const char *method, *tensor, *hidden, *suffix, *assign;
    int64_t levels, codes, latent, epochs, warmup, batch, iterations, max_suffix, checkpoint;
    int64_t fusion_dim;
    bool no_image;
    double lr, beta, balance, spread, image_weight, intent_weight;
} opt = {.method = "rqvae", .tensor = "text", .hidden = "512,256,128", .suffix = "collide", .levels = 3, .codes = 256, .latent = 64,
         .warmup = -1, .batch = 256, .iterations = 20, .max_suffix = 128, .checkpoint = 10, .lr = 1e-3, .beta = 0.25,
         .balance = 0.3, .spread = 1, .image_weight = 0.5};

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

/* `checkpoint`: the folder, NULL: none. */
static void train_rqvae(quantiser_t *q, const features_t *e, const provenance_t *from, const char *checkpoint)
{
    const int64_t epochs = opt.epochs ? opt.epochs : epochs_for(e->items, 30, 1400);
    const int64_t warmup = opt.warmup >= 0 ? opt.warmup : epochs_for(e->items, 10, 450);
    const rqvae_options_t o = {epochs, warmup, opt.batch, opt.lr, {opt.beta, opt.image_weight, opt.intent_weight}, opt.balance,
                               (int)opt.iterations, (int)cli_common.shards, (uint64_t)cli_common.seed};
    const quantiser_rows_t rows = features_rows(e);
    rqvae_trainer_t *t = rqvae_trainer_new(&o, q, e->items, &rows);
    const loop_trainer_t steps = rqvae_loop(t);
    char *config = cli_config(&cli), *fingerprint = provenance_fingerprint(from, NULL, config);
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

/* Warns of codes that stay unused and of items that share theirs, and says what helps: a generator trained on such SIDs would
 * only be worse, without saying why. */
static void warn_of_collapse(const sids_t *s, const sid_stats_t *r)
{
    for (int l = 0; l < s->levels; l++) {
        double used = r->utilisation[l] * s->codes, usable = s->items < s->codes ? (double)s->items : s->codes;
        if (used < 0.5 * usable)
            warn("codebook collapse: level %d uses %.0f of %d codes; try more --balance, another --latent, fewer --codes, or "
                 "--method rkmeans, and look for rows that repeat", l + 1, used, s->codes);
    }
    if (r->largest > 32)
        warn("%lld items share all their codes and differ only by a suffix; try --spread -1, more --codes or --levels, and look for "
             "rows that repeat", (long long)r->largest);
    if (r->alone < 0.5 && s->items > 1)
        warn("only %.1f%% of the items have codes of their own; try --spread -1, more --codes or --levels", 100 * r->alone);
}

/* What the report says of the quantiser: for the log, as members of a JSON object, and for the note. */
typedef struct {
    buf_t json, note;
} report_part_t;

static report_part_t report_error(const quantiser_t *q, const quantiser_errors_t *error)
{
    buf_t parts = {0}, said = {0};
    if (q->image) {
        buf_printf(&parts, ",\"error_text\":%.6g,\"error_image\":%.6g", error->text, error->image);
        buf_printf(&said, "text %.4f, image %.4f", error->text, error->image);
    }
    if (q->intent) {
        buf_printf(&parts, ",\"error_intent\":%.6g", error->intent);
        buf_printf(&said, "%sintents %.4f", q->image ? ", " : "", error->intent);
    }
    report_part_t r = {0};
    buf_printf(&r.json, ",\"error\":%.6g%s", error->all, parts.len ? parts.data : "");
    buf_printf(&r.note, "relative reconstruction error %.4f%s%s%s; ", error->all, said.len ? " (" : "", said.len ? said.data : "",
               said.len ? ")" : "");
    buf_free(&parts);
    buf_free(&said);
    return r;
}

/* Notes and logs how good the SIDs are: `error` (NULL: no quantiser's), and `moved` items that did not get their nearest codes. */
static void report(const sids_t *s, const report_part_t *error, int64_t moved)
{
    sid_stats_t r = sids_stats(s);
    buf_t used = {0}, perplexity = {0}, text = {0};
    for (int l = 0; l < s->levels; l++) {
        buf_printf(&used, "%s%.4f", l ? "," : "", r.utilisation[l]);
        buf_printf(&perplexity, "%s%.2f", l ? "," : "", r.perplexity[l]);
        buf_printf(&text, "%s%.3f (%.1f)", l ? ", " : "", r.utilisation[l], r.perplexity[l]);
    }
    long long items = s->items, moves = moved, buckets = r.buckets, largest = r.largest;
    note("%lld items; %sutilisation (perplexity) by level: %s", items, error ? error->note.data : "", text.data);
    note("%.2f%% of the items alone in their bucket before the suffix, %lld moved to another last code; %lld buckets, "
         "the largest of %lld", 100 * r.alone, moves, buckets, largest);
    jsonlog("{\"items\":%lld%s,\"utilisation\":[%s],\"perplexity\":[%s],\"alone\":%.6f,\"moved\":%lld,"
            "\"buckets\":%lld,\"largest\":%lld}",
            items, error ? error->json.data : "", used.data, perplexity.data, r.alone, moves, buckets, largest);
    warn_of_collapse(s, &r);
    buf_free(&used);
    buf_free(&perplexity);
    buf_free(&text);
    sid_stats_free(&r);
}

static void report_quantised(const sids_t *s, const quantiser_t *q, const quantiser_errors_t *error, int64_t moved)
{
    report_part_t part = report_error(q, error);
    report(s, &part, moved);
    buf_free(&part.json);
    buf_free(&part.note);
}

/* Writes the SIDs; `q`: the quantiser that made them, NULL for none. */
static void write_sids(const sids_t *s, const quantiser_t *q, const char *config, const provenance_t *from)
{
    st_writer_t *w = st_create(cli_common.output, "sids/1");
    if (config) st_set_meta(w, "config", config);
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

/* Tells wrong options before the input is read. */
static void check_options(bool rkmeans)
{
    if (rkmeans && opt.intent_weight > 0)
        die(EX_USAGE, "--intent-weight with --method rkmeans, which has no decoder, expected --method rqvae");
    hidden_widths((int64_t[MLP_MAX_LAYERS]){0});
}

/* Quantises the items: codes, spread out of shared buckets, and what the report says of them; suffixes are the last to come. */
static sids_t code_items(const quantiser_t *q, const features_t *e)
{
    sids_t s = {.items = e->items, .levels = q->levels, .codes = q->codes, .max_suffix = (int)opt.max_suffix, .item_ids = e->ids};
    s.code = NEW_ARRAY(int32_t, s.items * s.levels);
    s.suffix = NEW_ARRAY(int32_t, s.items);
    const size_t cells = size_mul((size_t)s.items, (size_t)q->latent);
    float *latents = xfloats(cells), *last = xfloats(cells);
    quantiser_encode(q, s.items, e->x, latents);
    quantiser_codes(q, s.items, latents, s.code, last);
    const int64_t moved = opt.spread != 0 ? sids_spread(&s, q, last, opt.spread) : 0;
    const quantiser_rows_t rows = features_rows(e);
    const quantiser_errors_t error = quantiser_errors(q, s.items, &rows, s.code);
    report_quantised(&s, q, &error, moved);
    sids_assign_suffixes(&s, strcmp(opt.suffix, "always") ? SUFFIX_COLLIDE : SUFFIX_ALWAYS);
    free(last);
    free(latents);
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
    quantiser_t *q = new_quantiser(&e, rkmeans);
    features_fit(&e, q, file, cli.name);
    note_parts(&e, q);
    provenance_t from = {0};
    provenance_add(&from, "embeddings", file);
    char *checkpoint = !rkmeans && opt.checkpoint && to_file ? xasprintf("%s.ckpt", cli_common.output) : NULL;
    if (rkmeans) fit_rkmeans(q, &e);
    else train_rqvae(q, &e, &from, checkpoint);

    sids_t s = code_items(q, &e);
    char *config = cli_config(&cli);
    write_sids(&s, q, config, &from);
    provenance_free(&from);
    checkpoint_remove(checkpoint);
    jsonlog_close();
    free(checkpoint);
    free(config);
    s.item_ids = (strtab_t){0}; /* the features' */
    sids_free(&s);
    quantiser_free(q);
    features_free(&e);
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
    report(&s, NULL, 0);
    provenance_t from = {0};
    provenance_add(&from, "items", file);
    char *config = cli_config(&cli);
    write_sids(&s, NULL, config, &from);
    free(config);
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
    report_quantised(&s, q, &error, r.moved);
    provenance_t from = {0};
    provenance_add(&from, "sids", base);
    provenance_add(&from, "embeddings", file);
    write_sids(&s, q, st_meta(base, "config"), &from);
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
    char *defaults = cli_config(&cli);
    int operands = cli_parse(&cli, argc, argv);
    char *config = cli_config(&cli);
    if (operands) die(EX_USAGE, "unexpected argument '%s'; embeddings are read from standard input", argv[1]);
    if (opt.assign && strcmp(config, defaults))
        die(EX_USAGE, "--assign takes how SIDs are made from its file; expected no other option that shapes them");
    const bool to_file = out_check(cli_common.output, true);
    if (opt.assign) assign_new();
    else if (!strcmp(opt.method, "identity")) make_identity();
    else make_sids(to_file);
    free(config);
    free(defaults);
    return 0;
}
