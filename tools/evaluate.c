/* evaluate: how well a recommender ranks each user's held-out item; comparisons and tables of such results. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/out.h"
#include "base/progress.h"
#include "base/version.h"
#include "data/catalogue.h"
#include "data/provenance.h"
#include "data/relpath.h"
#include "nn/backend.h"
#include "score/baselines.h"
#include "score/blender.h"
#include "score/comparison.h"
#include "score/lists.h"
#include "score/ranks.h"
#include "score/recommender.h"
#include "score/recs_open.h"
#include "score/show.h"
#include "score/verdict.h"

static const char *const splits[] = {"valid", "test", NULL};
static const char *model, *sids, *blend, *interactions, *recs, *baseline, *per_user, *recs_out, *split = "test", *gemm = "auto";
static int64_t beam = 20, k, users, bootstrap = 10000;
static cooccur_options_t cooccur = {.window = 10, .back = 0.3, .power = 0.25, .decay = 0.6};
static const char *protocol = "all";
static bool compare, ablation, show;
static const char *const missing_choices[] = {"refuse", "empty", NULL};
static const char *recs_form = "auto", *values = "auto", *missing = "refuse";

static const cli_option_t options[] = {
    OPT_STRING('m', "model", "FILE", &model, "model/1 to evaluate, with --sids"),
    OPT_STRING('s', "sids", "FILE", &sids, "sids/1 that the model was trained with"),
    OPT_STRING(0, "blend", "FILE", &blend, "blend/1: a mixture, of the model too if it was fitted with it"),
    OPT_STRING('i', "interactions", "FILE", &interactions, "interactions/1"),
    OPT_STRING(0, "recs", "FILE", &recs, "score these lists in place of a model's: recs/1, TSV or TREC"),
    CONFIG_CHOICE(0, "recs-format", recs_forms, &recs_form, "their form"),
    CONFIG_CHOICE(0, "recs-values", recs_values, &values, "what a TSV's third column is"),
    CONFIG_CHOICE(0, "missing-lists", missing_choices, &missing, "users whom they lack"),
    CONFIG_CHOICE(0, "split", splits, &split, "which item is held out"),
    CONFIG_INT('b', "beam", "N", &beam, 1, 100000, "beam width"),
    CONFIG_INT('k', "k", "N", &k, 0, 100000, "length of the lists; 0: the beam; with --recs the file's"),
    CONFIG_INT('u', "users", "N", &users, 0, 9007199254740992.0, "a sample of N users, drawn by --seed; 0: all"),
    CONFIG_STRING(0, "baseline", "LIST", &baseline, "popular, cooccur, or both with a comma"),
    CONFIG_INT(0, "cooccur-window", "N", &cooccur.window, 1, 1000000, "cooccur: events that an item is linked to"),
    CONFIG_REAL(0, "cooccur-back", "X", &cooccur.back, 0, 1, "cooccur: weight of what comes before"),
    CONFIG_REAL(0, "cooccur-power", "X", &cooccur.power, 0, 1, "cooccur: weights over (pop * pop)^X"),
    CONFIG_REAL(0, "cooccur-decay", "X", &cooccur.decay, 1e-6, 1, "cooccur: fading of older events"),
    OPT_STRING(0, "per-user", "FILE", &per_user, "write every user's rank (ranks/1)"),
    OPT_STRING(0, "recs-out", "FILE", &recs_out, "write the lists (recs/1)"),
    OPT_FLAG(0, "compare", &compare, "what B gains over A, from --per-user files; seeds with commas"),
    OPT_FLAG(0, "ablation", &ablation, "what each row gains over the first, likewise"),
    OPT_CHOICE(0, "protocol", protocol_names, &protocol, "both: items that count; unseen: met ones left out"),
    OPT_INT(0, "bootstrap", "N", &bootstrap, 1, 1000000, "both: resamples of the users"),
    OPT_FLAG(0, "show", &show, "print results side by side"),
    OPT_CHOICE(0, "gemm", backend_names, &gemm, "matrix backend"),
    CLI_SEED,
    CLI_THREADS,
    CLI_OUTPUT,
};

static const cli_t cli = {"evaluate",
                          "-m model.st -s sids.st [--blend blend.st] -i interactions.st [options] > metrics.json\n"
                          "       evaluate --compare A.st[,A2.st...] B.st[,B2.st...] > comparison.json\n"
                          "       evaluate --ablation [LABEL=]A.st[,A2.st...]... > ablation.json\n"
                          "       evaluate --show [LABEL=]metrics.json...",
                          "Ranks every user's held-out item by a model, lists or baselines: HR, NDCG, MRR, coverage, strata.",
                          options, CLI_COUNT(options)};

/* What was opened for the system under evaluation; all NULL where that is a baseline. */
typedef struct {
    ranker_t *ranker;
    recommender_t *recommender; /* the model, where there is one: the ranker, or a part of the blender */
    blender_t *blender;         /* the ranker, where it is a mixture */
    int64_t recs_k;
    lists_report_t lists;       /* of those of --recs */
    provenance_t from;          /* these files and the interactions */
} system_t;

static ranker_t *model_open(system_t *s, const held_out_t *h)
{
    s->recommender = recommender_open(model, sids, gemm);
    provenance_add_digest(&s->from, "model", recommender_model_digest(s->recommender));
    st_file_t *sids_file = st_open(sids);
    provenance_add(&s->from, "sids", sids_file);
    st_close(sids_file);
    catalogue_check_items(interactions, &h->x.item_ids, sids, &recommender_sids(s->recommender)->item_ids);
    return recommender_ranker(s->recommender);
}

static ranker_t *blend_open(system_t *s, const held_out_t *h)
{
    if (model) model_open(s, h);
    s->blender = blender_open(blend, s->recommender);
    const blend_t *b = blender_blend(s->blender);
    provenance_add_digest(&s->from, "blend", blender_digest(s->blender));
    catalogue_check_items(blend, &b->item_ids, interactions, &h->x.item_ids);
    blender_check_interactions(s->blender, blend, h->file);
    return blender_ranker(s->blender);
}

static ranker_t *lists_open(system_t *s, const held_out_t *h)
{
    recs_t lists = recs_open(recs, recs_form, values);
    provenance_add_digest(&s->from, "recs", lists.digest);
    s->recs_k = lists.k;
    if (k > lists.k)
        die(EX_DATAERR, "%s: lists of length %lld, expected at least -k %lld", recs, (long long)lists.k, (long long)k);
    ranker_t *r = lists_ranker(lists, &h->x);
    const ranker_query_t q = held_out_query(h, 0);
    s->lists = lists_look(r, &q, k ? k : s->recs_k, !strcmp(missing, "empty"));
    return r;
}

static system_t system_open(const held_out_t *h)
{
    system_t s = {0};
    provenance_add(&s.from, "interactions", h->file);
    s.ranker = blend ? blend_open(&s, h) : model ? model_open(&s, h) : recs ? lists_open(&s, h) : NULL;
    return s;
}

static void system_close(system_t *s)
{
    provenance_free(&s->from);
    if (s->ranker) s->ranker->free(s->ranker);
}

/* Asks for lists of that length, and says how good they are. */
static verdict_t ask(ranker_t *r, const held_out_t *h, int64_t length)
{
    verdict_t v = verdict_of(r, h, (int)beam, length);
    verdict_note(&v, split);
    return v;
}

/* As ask(), for what takes long: shows how far it is, and says how fast it was. */
static verdict_t ask_model(ranker_t *r, const held_out_t *h, int64_t length)
{
    double start = seconds_now();
    progress_start("evaluate", "users", h->n);
    verdict_t v = verdict_of(r, h, (int)beam, length);
    progress_end();
    double seconds = seconds_now() - start;
    note("%lld users in %.1f s, %.0f a second", (long long)h->n, seconds, (double)h->n / seconds);
    verdict_note(&v, split);
    return v;
}

static verdict_t ask_baseline(const baseline_t *b, const held_out_t *h, int64_t length)
{
    ranker_t *r = b->fit(&h->x, &(baseline_options_t){.cooccur = cooccur});
    verdict_t v = ask(r, h, length);
    r->free(r);
    return v;
}

/* A file that says what it was made from; NULL where none was asked for. */
static st_writer_t *create(const char *path, const char *schema, const system_t *s)
{
    if (!path) return NULL;
    st_writer_t *w = st_create(path, schema);
    char *config = cli_config(&cli);
    st_set_meta(w, "config", config);
    free(config);
    provenance_write(&s->from, w);
    return w;
}

/* All outputs are complete on disk, but for their names, before the first of them appears. */
static void write_all(const verdict_t *v, const system_t *s, const held_out_t *h, const buf_t *json)
{
    strtab_t ids = held_out_user_ids(h);
    st_writer_t *ranks = create(per_user, "ranks/1", s), *lists = create(recs_out, "recs/1", s);
    out_t *metrics = out_open(cli_common.output, false);
    if (ranks) {
        if (s->recommender) ranks_add_sids(ranks, recommender_sids(s->recommender));
        ranks_add(ranks, v->n, split, v->ranks, &ids);
        st_prepare(ranks);
    }
    if (lists) {
        recs_add(lists, v->n, v->k, v->items, v->scores, &ids, &h->x.item_ids);
        st_prepare(lists);
    }
    out_write(metrics, json->data, json->len);
    out_prepare(metrics);
    if (ranks) st_commit(ranks);
    if (lists) st_commit(lists);
    out_commit(metrics);
    strtab_free(&ids);
}

/* The share of sequences that are no item's when the model decodes without the trie. */
static double invalid_rate(const recommender_t *r, const held_out_t *h)
{
    ranker_query_t q = held_out_query(h, (int)beam);
    progress_start("unconstrained decoding", "users", q.n);
    double rate = recommender_invalid_rate(r, &q);
    progress_end();
    return rate;
}

static void invalid_json(buf_t *out, const system_t *s, const held_out_t *h)
{
    const char *why = NULL;
    if (!s->recommender)
        why = "no model was asked";
    else if (recommender_trie_softmax(s->recommender))
        why = "trained with the trie softmax: decoding without the trie means nothing";
    buf_puts(out, "  ");
    buf_json_member(out, "invalid_rate", why ? NAN : invalid_rate(s->recommender, h));
    if (why) buf_printf(out, ",\n  \"invalid_rate_note\": \"%s\"", why);
    buf_puts(out, ",\n");
}

/* What the SIDs are like, since they bound what a model of them can tell apart. */
static void sids_json(buf_t *out, const recommender_t *r)
{
    sid_stats_t stats = sids_stats(recommender_sids(r));
    buf_puts(out, "  \"sids\": {");
    buf_json_member(out, "alone", stats.alone);
    buf_printf(out, ", \"buckets\": %lld, \"largest\": %lld", (long long)stats.buckets, (long long)stats.largest);
    buf_puts(out, ", \"utilisation\": [");
    for (int l = 0; l < recommender_sids(r)->levels; l++) {
        if (l) buf_puts(out, ", ");
        buf_json_number(out, stats.utilisation[l]);
    }
    buf_puts(out, "]},\n");
    sid_stats_free(&stats);
}

static void settings_json(buf_t *out, const system_t *s)
{
    char *config = cli_config(&cli);
    buf_printf(out, "  \"settings\": {\n    \"version\": \"%s\",\n    \"config\": %s,\n", SIDMILL_VERSION, config);
    if (s->recommender) buf_printf(out, "    \"gemm\": \"%s\",\n", recommender_backend(s->recommender));
    buf_puts(out, "    \"inputs\": {");
    provenance_json(&s->from, out);
    buf_puts(out, "}\n  }\n}\n");
    free(config);
}

static void check_options(int operands, char **argv)
{
    if (cli_given("protocol")) die(EX_USAGE, "--protocol goes with --compare and --ablation: metrics are of both");
    if (operands) die(EX_USAGE, "unexpected '%s': operands go with --compare and --show", argv[1]);
    if (!interactions) die(EX_USAGE, "--interactions is missing");
    if (model && recs) die(EX_USAGE, "--model and --recs exclude each other");
    if (blend && recs) die(EX_USAGE, "--blend and --recs exclude each other");
    if (!model != !sids) die(EX_USAGE, "--model and --sids go together");
    if (!model && !blend && !recs && !(baseline && *baseline))
        die(EX_USAGE, "nothing to evaluate: expected --model, --blend, --recs or --baseline");
    static const char *const only_recs[] = {"recs-format", "recs-values", "missing-lists"};
    for (int i = 0; !recs && i < 3; i++)
        if (cli_given(only_recs[i])) die(EX_USAGE, "--%s goes with --recs", only_recs[i]);
    if (recs && recs_out) die(EX_USAGE, "--recs-out writes the lists of a model or a baseline, not those of --recs");
    if (model && k > beam) die(EX_USAGE, "-k %lld: expected at most --beam %lld", (long long)k, (long long)beam);
}

/* What could not be written at the end is better said before hours of decoding. */
static void check_outputs(void)
{
    static const char *const names[] = {"--per-user", "--recs-out", "--output"};
    const char *paths[] = {per_user, recs_out, cli_common.output};
    for (int a = 0; a < 3; a++) {
        if (a < 2 && !paths[a]) continue;
        for (int b = a + 1; b < 3; b++)
            if ((b == 2 || paths[b]) && relpath_same(paths[a], paths[b]))
                die(EX_USAGE, "%s and %s are the same file", names[a], names[b]);
        out_check(paths[a], a < 2);
    }
}

static void baselines_json(buf_t *out, const baseline_t *const *named, int count, const held_out_t *h, int64_t length)
{
    buf_puts(out, "  \"baselines\": {");
    for (int i = 0; i < count; i++) {
        verdict_t v = ask_baseline(named[i], h, length);
        buf_printf(out, "%s\n    \"%s\": {\n", i ? "," : "", v.name);
        verdict_json(out, &v, &h->strata, 6);
        buf_puts(out, "\n    }");
        verdict_free(&v);
    }
    buf_puts(out, count ? "\n  },\n" : "},\n");
}

/* Every part of a mixture alone, in the form of baselines. */
static void parts_json(buf_t *out, blender_t *b, const held_out_t *h, int64_t length)
{
    buf_puts(out, "  ");
    blender_json(b, out);
    buf_puts(out, ",\n  \"parts\": {");
    for (int i = 0; i < blender_blend(b)->parts; i++) {
        verdict_t v = ask(blender_part(b, i), h, length);
        buf_printf(out, "%s\n    \"%s\": {\n", i ? "," : "", v.name);
        verdict_json(out, &v, &h->strata, 6);
        buf_puts(out, "\n    }");
        verdict_free(&v);
    }
    buf_puts(out, "\n  },\n");
}

static void evaluate(void)
{
    const baseline_t *named[BASELINE_COUNT];
    int baselines = baselines_read(baseline, named);
    split_t which = strcmp(split, "valid") ? SPLIT_TEST : SPLIT_VALID;
    held_out_t h = held_out_open(interactions, which, users, (uint64_t)cli_common.seed);
    system_t s = system_open(&h);
    int64_t length = k ? k : recs ? s.recs_k : beam;
    verdict_t v = model || blend ? ask_model(s.ranker, &h, length)
                  : recs ? ask(s.ranker, &h, length)
                         : ask_baseline(named[0], &h, length);

    buf_t out = {0};
    buf_printf(&out, "{\n  \"schema\": \"metrics/1\",\n  \"system\": \"%s\",\n  \"split\": \"%s\",\n  \"users\": %lld,\n"
               "  \"skipped_users\": %lld,\n  \"beam\": %lld,\n  \"k\": %lld,\n", v.name, split, (long long)h.n,
               (long long)h.skipped, (long long)beam, (long long)length);
    verdict_json(&out, &v, &h.strata, 2);
    buf_puts(&out, ",\n");
    if (recs) {
        buf_puts(&out, "  ");
        lists_json(&out, &s.lists);
        buf_puts(&out, ",\n");
    }
    invalid_json(&out, &s, &h);
    if (s.recommender) sids_json(&out, s.recommender);
    if (s.blender) parts_json(&out, s.blender, &h, length);
    baselines_json(&out, named, baselines, &h, length);
    settings_json(&out, &s);

    write_all(&v, &s, &h, &out);
    buf_free(&out);
    verdict_free(&v);
    system_close(&s);
    held_out_close(&h);
}

static comparison_options_t comparison_options(void)
{
    return (comparison_options_t){bootstrap, (uint64_t)cli_common.seed, protocol_parse(protocol, NULL)};
}

/* As a table for the eye, as JSON for the output. */
static void write_comparison(char *json)
{
    if (!err_is_quiet()) show_text(stderr, json);
    out_whole(cli_common.output, json, strlen(json));
    free(json);
}

static void compare_sides(int operands, char **argv)
{
    if (operands != 2) die(EX_USAGE, "--compare: expected two sides, A.st[,A2.st...] B.st[,B2.st...]");
    comparison_options_t o = comparison_options();
    write_comparison(comparison_json(argv[1], argv[2], &o));
}

static void compare_rows(int operands, char **argv)
{
    if (!operands) die(EX_USAGE, "--ablation: expected rows, [LABEL=]A.st[,A2.st...]");
    comparison_options_t o = comparison_options();
    write_comparison(comparison_ablation_json(argv + 1, operands, &o));
}

static void show_results(int operands, char **argv)
{
    if (!operands) die(EX_USAGE, "--show: expected metrics files");
    out_t *o = out_open(cli_common.output, false);
    show_files(out_file(o), argv + 1, operands);
    out_commit(o);
}

int main(int argc, char **argv)
{
    int operands = cli_parse(&cli, argc, argv);
    if (compare + ablation + show > 1) die(EX_USAGE, "--compare, --ablation and --show exclude each other");
    if (compare) {
        compare_sides(operands, argv);
    } else if (ablation) {
        compare_rows(operands, argv);
    } else if (show) {
        show_results(operands, argv);
    } else {
        check_options(operands, argv);
        check_outputs();
        evaluate();
    }
    return 0;
}
