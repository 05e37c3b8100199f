/* rqvae: embeddings in, Semantic IDs out. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/progress.h"
#include "base/version.h"
#include "data/sids.h"
#include "data/st.h"
#include "nn/gemm.h"
#include "rec/checkpoint.h"
#include "rec/quantiser.h"
#include "rec/rkmeans.h"
#include "rec/rqvae.h"
#include "rec/sid_assign.h"

static const char *const methods[] = {"rqvae", "rkmeans", NULL};
static const char *const suffixes[] = {"collide", "always", NULL};

static struct {
    const char *method, *tensor, *hidden, *suffix, *assign;
    int64_t levels, codes, latent, epochs, warmup, batch, iterations, max_suffix, checkpoint;
    double lr, beta, balance, spread;
} opt = {.method = "rqvae", .tensor = "text", .hidden = "512,256,128", .suffix = "collide", .levels = 3, .codes = 256, .latent = 64,
         .epochs = 30, .warmup = 10, .batch = 256, .iterations = 20, .max_suffix = 128, .checkpoint = 10, .lr = 1e-3, .beta = 0.25,
         .balance = 0.3, .spread = 1};

static const cli_option_t options[] = {
    {'m', "method", NULL, CLI_CHOICE, &opt.method, "quantiser", true, 0, 0, methods},
    {'l', "levels", "L", CLI_INT, &opt.levels, "codes of an item", true, 1, SID_MAX_LEVELS, NULL},
    {'k', "codes", "K", CLI_INT, &opt.codes, "codes of a level", true, 1, SID_MAX_CODES, NULL},
    {0, "tensor", "NAME", CLI_STRING, &opt.tensor, "embedding that is quantised", true, 0, 0, NULL},
    {0, "latent", "d", CLI_INT, &opt.latent, "rqvae: width of the latent", true, 1, 65536, NULL},
    {0, "hidden", "W,...", CLI_STRING, &opt.hidden, "rqvae: encoder widths, mirrored; or none", true, 0, 0, NULL},
    {'e', "epochs", "N", CLI_INT, &opt.epochs, "rqvae: epochs with quantisation", true, 1, 1000000, NULL},
    {0, "warmup", "N", CLI_INT, &opt.warmup, "rqvae: epochs before, without it", true, 0, 1000000, NULL},
    {0, "batch", "N", CLI_INT, &opt.batch, "rqvae: rows a step", true, 1, 1 << 24, NULL},
    {0, "lr", "X", CLI_REAL, &opt.lr, "rqvae: peak learning rate", true, 1e-9, 1, NULL},
    {0, "beta", "X", CLI_REAL, &opt.beta, "rqvae: weight of the commitment term", true, 0, 100, NULL},
    {0, "iterations", "N", CLI_INT, &opt.iterations, "of k-means, a level", true, 1, 100000, NULL},
    {0, "balance", "B", CLI_REAL, &opt.balance, "evens out code use, within B mean errors; 0: off", true, 0, 100, NULL},
    {0, "spread", "B", CLI_REAL, &opt.spread, "colliding items may change the last code; -1: freely", true, -1, 1e9, NULL},
    {0, "suffix", NULL, CLI_CHOICE, &opt.suffix, "which items get one", true, 0, 0, suffixes},
    {0, "max-suffix", "N", CLI_INT, &opt.max_suffix, "suffixes reserved", true, 0, SID_MAX_CODES, NULL},
    {'a', "assign", "FILE", CLI_STRING, &opt.assign, "give new items SIDs of FILE's quantiser", false, 0, 0, NULL},
    {0, "checkpoint", "N", CLI_INT, &opt.checkpoint, "epochs between checkpoints; 0: none", false, 0, 1000000, NULL},
    CLI_OUTPUT, CLI_LOG, CLI_SEED, CLI_THREADS, CLI_SHARDS,
};

static const cli_t cli = {"rqvae", "[options] < embeddings.st > sids.st", "Quantises item embeddings into Semantic IDs.", options,
                          CLI_COUNT(options)};

/* The item vectors that are quantised. */
typedef struct {
    st_file_t *file;
    int64_t items, width;
    float *x;
    strtab_t ids;
} embeddings_t;

static embeddings_t embeddings_open(const char *tensor)
{
    embeddings_t e = {.file = st_open(NULL)};
    st_check_schema(e.file, "embeddings/1");
    int64_t shape[2] = {-1, -1};
    e.x = st_need_f32(e.file, tensor, 2, shape);
    e.items = shape[0];
    e.width = shape[1];
    if (e.items < 1 || e.items > INT32_MAX || e.width < 1)
        die_at(e.file->name, 0, "%s: %lld x %lld, expected 1 or more items of 1 or more dimensions", tensor, (long long)e.items,
               (long long)e.width);
    e.ids = st_need_ids(e.file, "item_ids", e.items);
    return e;
}

static void embeddings_close(embeddings_t *e)
{
    free(e->x);
    strtab_free(&e->ids);
    st_close(e->file);
}

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

/* Training state on disk, beside the output. */
typedef struct {
    char *folder, *fingerprint; /* NULL: none */
} state_t;

static state_t state_for(const embeddings_t *e, bool to_file)
{
    if (!opt.checkpoint || !to_file) return (state_t){0};
    char *config = cli_config(&cli), *digest = st_digest(e->file);
    state_t s = {xasprintf("%s.ckpt", cli_common.output), xasprintf("%s %s embeddings:%s", SIDMILL_VERSION, config, digest)};
    free(config);
    free(digest);
    return s;
}

/* Called once the output stands. */
static void state_drop(state_t *s)
{
    if (s->folder) checkpoint_remove(s->folder);
    free(s->folder);
    free(s->fingerprint);
}

static void log_epoch(const rqvae_epoch_t *r, int levels)
{
    buf_t used = {0};
    for (int l = 0; r->quantised && l < levels; l++) {
        if (l) buf_puts(&used, ",");
        buf_json_number(&used, r->used[l]);
    }
    jsonlog("{\"epoch\":%lld,\"quantised\":%s,\"reconstruction\":%.6g,\"commitment\":%.6g,\"utilisation\":[%s],\"revived\":%lld,"
            "\"lr\":%.6g}", (long long)r->epoch, r->quantised ? "true" : "false", r->reconstruction, r->commitment, used.data ? used.data : "",
            (long long)r->revived, r->lr);
    progress_note("reconstruction %.4f, commitment %.4f", r->reconstruction, r->commitment);
    buf_free(&used);
}

static quantiser_t *train_rqvae(const embeddings_t *e, const state_t *state)
{
    int64_t widths[MLP_MAX_LAYERS];
    int depth = hidden_widths(widths);
    quantiser_t *q = quantiser_new(e->width, opt.latent, depth, widths, (int)opt.levels, (int)opt.codes);
    rqvae_options_t o = {opt.epochs, opt.warmup, opt.batch, opt.lr, opt.beta, opt.balance, (int)opt.iterations,
                         (int)cli_common.shards, (uint64_t)cli_common.seed};
    rqvae_trainer_t *t = rqvae_trainer_new(&o, q, e->items, e->x);
    jsonlog_mark_t log;
    bool resumed = state->folder && rqvae_load(t, state->folder, state->fingerprint, &log);
    jsonlog_open(cli_common.log, resumed ? &log : NULL);
    progress_start("rqvae", "epochs", opt.epochs + opt.warmup);
    rqvae_epoch_t r;
    while (rqvae_epoch(t, &r)) {
        log_epoch(&r, q->levels);
        if (state->folder && r.epoch % opt.checkpoint == 0) rqvae_save(t, state->folder, state->fingerprint, jsonlog_mark());
        progress_add(1);
    }
    progress_end();
    rqvae_trainer_free(t);
    return q;
}

static quantiser_t *fit_rkmeans(const embeddings_t *e)
{
    quantiser_t *q = quantiser_new(e->width, e->width, -1, NULL, (int)opt.levels, (int)opt.codes);
    rkmeans_t o = {(int)opt.iterations, opt.balance, (int)cli_common.shards, (uint64_t)cli_common.seed};
    jsonlog_open(cli_common.log, NULL);
    rkmeans_fit(&o, q, e->items, e->x);
    return q;
}

/* What is wrong with SIDs must be seen. */
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

/* `error` is the relative reconstruction error of the items given SIDs, `moved` how many did not get their nearest codes. */
static void report(const sids_t *s, double error, int64_t moved)
{
    sid_stats_t r = sids_stats(s);
    buf_t used = {0}, perplexity = {0}, text = {0};
    for (int l = 0; l < s->levels; l++) {
        buf_printf(&used, "%s%.4f", l ? "," : "", r.utilisation[l]);
        buf_printf(&perplexity, "%s%.2f", l ? "," : "", r.perplexity[l]);
        buf_printf(&text, "%s%.3f (%.1f)", l ? ", " : "", r.utilisation[l], r.perplexity[l]);
    }
    long long items = s->items, moves = moved, buckets = r.buckets, largest = r.largest;
    note("%lld items; relative reconstruction error %.4f; utilisation (perplexity) by level: %s", items, error, text.data);
    note("%.2f%% of the items alone in their bucket before the suffix, %lld moved to another last code; %lld buckets, "
         "the largest of %lld", 100 * r.alone, moves, buckets, largest);
    jsonlog("{\"items\":%lld,\"error\":%.6g,\"utilisation\":[%s],\"perplexity\":[%s],\"alone\":%.6f,\"moved\":%lld,"
            "\"buckets\":%lld,\"largest\":%lld}", items, error, used.data, perplexity.data, r.alone, moves, buckets, largest);
    warn_of_collapse(s, &r);
    buf_free(&used);
    buf_free(&perplexity);
    buf_free(&text);
    sid_stats_free(&r);
}

static void write_sids(const sids_t *s, const quantiser_t *q, const char *config, const st_file_t *input, const st_file_t *base)
{
    st_writer_t *w = st_create(cli_common.output, "sids/1");
    if (config) st_set_meta(w, "config", config);
    if (base) st_add_input(w, "sids", base);
    st_add_input(w, "embeddings", input);
    st_add2(w, "codes", ST_I32, s->items, s->levels, s->code);
    st_add1(w, "suffix", ST_I32, s->items, s->suffix);
    st_add_strings(w, "item_ids", &s->item_ids);
    quantiser_add(w, q);
    st_commit(w);
}

static void make_sids(bool to_file)
{
    hidden_widths((int64_t[MLP_MAX_LAYERS]){0}); /* a wrong list is told before the input is read */
    embeddings_t e = embeddings_open(opt.tensor);
    state_t state = {0};
    bool rkmeans = !strcmp(opt.method, "rkmeans");
    if (!rkmeans) state = state_for(&e, to_file);
    quantiser_t *q = rkmeans ? fit_rkmeans(&e) : train_rqvae(&e, &state);

    sids_t s = {.items = e.items, .levels = q->levels, .codes = q->codes, .max_suffix = (int)opt.max_suffix};
    s.code = NEW_ARRAY(int32_t, s.items * s.levels);
    s.suffix = NEW_ARRAY(int32_t, s.items);
    s.item_ids = e.ids;
    size_t cells = size_mul((size_t)s.items, (size_t)q->latent);
    float *latents = xfloats(cells), *last = xfloats(cells);
    quantiser_encode(q, s.items, e.x, latents);
    quantiser_codes(q, s.items, latents, s.code, last);
    int64_t moved = opt.spread != 0 ? sids_spread(&s, q, last, opt.spread) : 0;
    report(&s, quantiser_error(q, s.items, e.x, s.code), moved);
    sids_assign_suffixes(&s, strcmp(opt.suffix, "always") ? SUFFIX_COLLIDE : SUFFIX_ALWAYS);

    char *config = cli_config(&cli);
    write_sids(&s, q, config, e.file, NULL);
    state_drop(&state);
    jsonlog_close();
    free(config);
    free(last);
    free(latents);
    s.item_ids = (strtab_t){0};
    sids_free(&s);
    quantiser_free(q);
    embeddings_close(&e);
}

/* A string of the options that made the SIDs, or `otherwise`. Caller frees. */
static char *config_string(const st_file_t *f, const char *key, const char *otherwise)
{
    const char *text = st_meta(f, "config");
    cJSON *json = text ? cJSON_Parse(text) : NULL;
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
    char *copy = xstrdup(value ? value : otherwise);
    cJSON_Delete(json);
    return copy;
}

/* Whether every item has a suffix: SIDs from elsewhere do not say how they were made. */
static bool all_suffixed(const sids_t *s)
{
    for (int64_t i = 0; i < s->items; i++)
        if (s->suffix[i] < 0) return false;
    return true;
}

/* Keeps the items that `s` does not hold; their ids go to `ids`. Returns their number. */
static int64_t keep_new(embeddings_t *e, const sids_t *s, strtab_t *ids)
{
    int64_t count = 0;
    for (int64_t i = 0; i < e->items; i++) {
        size_t n;
        const char *id = strtab_get(&e->ids, i, &n);
        if (strtab_find(&s->item_ids, id, n) >= 0) continue;
        strtab_add(ids, id, n);
        memmove(e->x + count++ * e->width, e->x + i * e->width, (size_t)e->width * sizeof(float));
    }
    return count;
}

static void assign_new(void)
{
    st_file_t *base = st_open(opt.assign);
    sids_t s = sids_read(base);
    quantiser_t *q = quantiser_read(base);
    char *tensor = config_string(base, "tensor", opt.tensor);
    char *suffix = config_string(base, "suffix", all_suffixed(&s) ? "always" : "collide");
    embeddings_t e = embeddings_open(tensor);
    if (e.width != q->input)
        die_at(e.file->name, 0, "%s: %lld dimensions, expected the %lld that %s was made from", tensor, (long long)e.width,
               (long long)q->input, base->name);
    jsonlog_open(cli_common.log, NULL);

    strtab_t ids = {0};
    int64_t before = s.items, added = keep_new(&e, &s, &ids);
    float *latents = xfloats(size_mul((size_t)added, (size_t)q->latent));
    quantiser_encode(q, added, e.x, latents);
    sid_assign_t r = sids_add(&s, q, strcmp(suffix, "always") ? SUFFIX_COLLIDE : SUFFIX_ALWAYS, added, latents, &ids);
    note("%lld SIDs kept, %lld added; %lld of the new items moved from their nearest codes, %lld of them on more than the last "
         "level", (long long)before, (long long)r.added, (long long)r.moved, (long long)r.strayed);
    report(&s, quantiser_error(q, added, e.x, s.code + before * s.levels), r.moved);
    write_sids(&s, q, st_meta(base, "config"), e.file, base);

    jsonlog_close();
    free(latents);
    free(tensor);
    free(suffix);
    strtab_free(&ids);
    embeddings_close(&e);
    quantiser_free(q);
    sids_free(&s);
    st_close(base);
}

int main(int argc, char **argv)
{
    char *defaults = cli_config(&cli);
    int operands = cli_parse(&cli, argc, argv);
    char *config = cli_config(&cli);
    gemm_init();
    if (operands) die(EX_USAGE, "unexpected argument '%s'; embeddings are read from standard input", argv[1]);
    if (opt.assign && strcmp(config, defaults))
        die(EX_USAGE, "--assign takes how SIDs are made from its file; expected no other option that shapes them");
    const bool to_file = out_check(cli_common.output, true);
    if (opt.assign) assign_new();
    else make_sids(to_file);
    free(config);
    free(defaults);
    return 0;
}
