/* evaluate: how well a recommender ranks each user's held-out item; comparisons and tables of such results. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/out.h"
#include "base/ranks.h"
#include "base/progress.h"
#include "base/version.h"
#include "data/catalogue.h"
#include "data/provenance.h"
#include "data/ranking.h"
#include "data/relpath.h"
#include "nn/backend.h"
#include "score/baselines.h"
#include "score/blender.h"
#include "score/comparison.h"
#include "score/exact.h"
#include "score/lists.h"
#include "score/ranks.h"
#include "score/recommender.h"
#include "score/recs_open.h"
#include "score/show.h"
#include "score/task_trial.h"
#include "score/verdict.h"

static const char *const splits[] = {"valid", "test", NULL};
static const char *model, *sids, *blend, *interactions, *recs, *baseline, *per_user, *recs_out, *split = "test", *gemm = "auto";
static const char *cuts = CUTS_DEFAULT, *embeddings, *published, *dataset, *format = "text";
static int64_t beam = 20, k, users, bootstrap = 10000, spare = RANKER_SPARE;
static cooccur_options_t cooccur = {.window = 10, .back = 0.3, .power = 0.25, .decay = 0.6};
static const char *protocol = "all";
static bool compare, ablation, show, exact;
static const char *tasks, *items;
static int64_t title_beam = 4;
static const char *const missing_choices[] = {"refuse", "empty", NULL};
static const char *recs_form = "auto", *values = "auto", *missing = "refuse";

static const cli_option_t options[] = {
    OPT_STRING('m', "model", "FILE", &model, "model/1 to evaluate, with --sids"),
    OPT_STRING('s', "sids", "FILE", &sids, "sids/1 that the model was trained with"),
    OPT_STRING(0, "blend", "FILE", &blend, "blend/1: a mixture, of the model too if it was fitted with it"),
    OPT_STRING('i', "interactions", "FILE", &interactions, "interactions/2"),
    OPT_STRING(0, "recs", "FILE", &recs, "score these lists in place of a model's: recs/1, TSV or TREC"),
    CONFIG_CHOICE(0, "recs-format", recs_forms, &recs_form, "their form"),
    CONFIG_CHOICE(0, "recs-values", recs_values, &values, "what a TSV's third column is"),
    CONFIG_CHOICE(0, "missing-lists", missing_choices, &missing, "users whom they lack"),
    CONFIG_CHOICE(0, "split", splits, &split, "which item is held out"),
    CONFIG_INT('b', "beam", "N", &beam, 1, 100000, "beam width"),
    CONFIG_FLAG(0, "exact", &exact, "score every item under the model as well: what the beam loses"),
    CONFIG_STRING(0, "tasks", "LIST", &tasks, "try these tasks of the model's, or all, in place of its lists"),
    OPT_STRING(0, "items", "FILE", &items, "tasks: items.jsonl, their texts"),
    CONFIG_INT(0, "title-beam", "N", &title_beam, 1, 1000, "tasks: beam of written titles"),
    CONFIG_INT('k', "k", "N", &k, 0, 100000, "length of the lists; 0: the beam; with --recs the file's"),
    CONFIG_STRING(0, "cuts", "LIST", &cuts, "ascending places that metrics are cut at; also of comparisons"),
    CONFIG_INT(0, "spare", "N", &spare, 1, 100000, "places of the lists without met items"),
    OPT_STRING(0, "embeddings", "FILE", &embeddings, "embeddings/1: how different a list's items are"),
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
    OPT_CHOICE(0, "format", grid_forms, &format, "show: for a terminal, a program or a paper"),
    OPT_STRING(0, "published", "FILE", &published, "show: with what others have published"),
    OPT_STRING(0, "dataset", "NAME", &dataset, "show: what the file calls the data"),
    OPT_CHOICE(0, "gemm", backend_names, &gemm, "matrix backend"),
    CLI_SEED,
    CLI_THREADS,
    CLI_OUTPUT,
};

static metric_set_t measured; /* at the cuts */

static const cli_t cli = {"evaluate",
                          "-m model.st -s sids.st [--blend blend.st] -i interactions.st [options] > metrics.json\n"
                          "       evaluate --compare A.st[,A2.st...] B.st[,B2.st...] > comparison.json\n"
                          "       evaluate --ablation [LABEL=]A.st[,A2.st...]... > ablation.json\n"
                          "       evaluate --show [--published FILE --dataset NAME] [LABEL=]metrics.json...",
                          "Ranks every user's held-out item by a model, lists or baselines: HR, NDCG, MRR, variety, strata.",
                          options, CLI_COUNT(options)};

/* What was opened for the system under evaluation; all NULL where that is a baseline. */
typedef struct {
    ranker_t *ranker;
    recommender_t *recommender; /* the model, where there is one: the ranker, or a part of the blender */
    blender_t *blender;         /* the ranker, where it is a mixture */
    int64_t recs_k;
    sids_t codes;               /* of --sids without --model */
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
    blend_check_interactions(blender_blend(s->blender), blend, h->file);
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

/* SIDs that no model speaks, for what they say of the items. */
static void codes_open(system_t *s, const held_out_t *h)
{
    st_file_t *f = st_open(sids);
    s->codes = sids_read(f);
    provenance_add(&s->from, "sids", f);
    catalogue_check_items(interactions, &h->x.item_ids, sids, &s->codes.item_ids);
    st_close(f);
}

static system_t system_open(const held_out_t *h)
{
    system_t s = {0};
    provenance_add(&s.from, "interactions", h->file);
    if (sids && !model) codes_open(&s, h);
    s.ranker = blend ? blend_open(&s, h) : model ? model_open(&s, h) : recs ? lists_open(&s, h) : NULL;
    return s;
}

static void system_close(system_t *s)
{
    provenance_free(&s->from);
    if (s->ranker) s->ranker->free(s->ranker);
    sids_free(&s->codes);
}

/* What every system is asked, and what the answers are judged by. */
typedef struct {
    const held_out_t *h;
    criteria_t by;
    int64_t length; /* of the lists */
} exam_t;

/* What is known of the items, for the diversity of lists. */
static void know_items(criteria_t *by, system_t *s, const held_out_t *h)
{
    if (embeddings) {
        st_file_t *f = st_open(embeddings);
        provenance_add(&s->from, "embeddings", f);
        diversity_read(&by->diversity, f, interactions, &h->x.item_ids);
        st_close(f);
    }
    if (s->codes.items) by->diversity.sids = &s->codes;
    if (s->recommender) by->diversity.sids = recommender_sids(s->recommender);
}

static exam_t exam_new(const held_out_t *h, system_t *s)
{
    exam_t t = {h, criteria_new(h, &measured, spare), k ? k : recs ? s->recs_k : beam};
    know_items(&t.by, s, h);
    return t;
}

static verdict_t judge(ranker_t *r, const exam_t *t, bool keep, bool calibrate)
{
    const verdict_options_t o = {.width = (int)beam, .k = t->length, .keep = keep, .calibrate = calibrate};
    return verdict_of(r, t->h, &t->by, &o);
}

/* Asks for lists, and says how good they are. */
static verdict_t ask(ranker_t *r, const exam_t *t, bool keep, bool calibrate)
{
    verdict_t v = judge(r, t, keep, calibrate);
    verdict_note(&v, split);
    return v;
}

/* Whether scores are logarithms of probabilities: a model's are, and those of a mixture that is a sum of its parts' and no more. */
static bool gives_probabilities(const system_t *s)
{
    if (!s->blender) return s->recommender != NULL;
    const blend_t *b = blender_blend(s->blender);
    bool sum = b->mixing.power[0] == 1 && b->mixing.even == 0 && b->mixing.quiet[0] == 0;
    for (int p = 0; p < b->parts; p++) sum &= b->mixing.power[1 + p] == 0;
    for (int i = 0; i < b->groups * b->parts; i++) sum &= b->mixing.factor[i] == 1;
    return sum;
}

/* As ask(), for what takes long: shows how far it is, and says how fast it was. */
static verdict_t ask_model(ranker_t *r, const exam_t *t, bool keep, bool calibrate)
{
    double start = seconds_now();
    progress_start("evaluate", "users", t->h->n);
    verdict_t v = judge(r, t, keep, calibrate);
    progress_end();
    double seconds = seconds_now() - start;
    note("%lld %s in %.1f s, %.0f a second", (long long)t->h->n, held_out_unit(t->h), seconds, (double)t->h->n / seconds);
    verdict_note(&v, split);
    return v;
}

static verdict_t ask_baseline(const baseline_t *b, const exam_t *t, bool keep)
{
    ranker_t *r = b->fit(&t->h->x, &(baseline_options_t){.cooccur = cooccur});
    verdict_t v = ask(r, t, keep, false);
    r->free(r);
    return v;
}

static verdict_t ask_system(const system_t *s, const baseline_t *first, const exam_t *t)
{
    return model || blend ? ask_model(s->ranker, t, recs_out != NULL, gives_probabilities(s))
           : recs ? ask(s->ranker, t, false, false)
                  : ask_baseline(first, t, recs_out != NULL);
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
    held_out_rows_t ranks_rows = {0}, lists_rows = {0};
    st_writer_t *ranks = create(per_user, "ranks/1", s), *lists = create(recs_out, "recs/1", s);
    out_t *metrics = out_open(cli_common.output, false);
    if (ranks) {
        if (s->recommender) ranks_add_sids(ranks, recommender_sids(s->recommender));
        ranks_add(ranks, v->n, split, v->ranks);
        held_out_add(ranks, h, &ranks_rows);
        held_out_add_strata(ranks, h, &ranks_rows);
        st_prepare(ranks);
    }
    if (lists) {
        verdict_add_recs(lists, v, &h->x.item_ids);
        held_out_add(lists, h, &lists_rows);
        st_prepare(lists);
    }
    out_write(metrics, json->data, json->len);
    out_prepare(metrics);
    if (ranks) st_commit(ranks);
    if (lists) st_commit(lists);
    out_commit(metrics);
    held_out_rows_free(&ranks_rows);
    held_out_rows_free(&lists_rows);
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

static void settings_json(buf_t *out, const system_t *s, const char *tensor)
{
    char *config = cli_config(&cli);
    buf_printf(out, "  \"settings\": {\n    \"version\": \"%s\",\n    \"config\": %s,\n", SIDMILL_VERSION, config);
    if (s->recommender) buf_printf(out, "    \"gemm\": \"%s\",\n", recommender_backend(s->recommender));
    if (tensor) buf_printf(out, "    \"diversity_by\": \"%s\",\n", tensor);
    buf_puts(out, "    \"inputs\": {");
    provenance_json(&s->from, out);
    buf_puts(out, "}\n  }\n}\n");
    free(config);
}

static void check_options(int operands, char **argv)
{
    if (cli_given("protocol")) die(EX_USAGE, "--protocol goes with --compare and --ablation: metrics are of both");
    if (published || dataset || cli_given("format")) die(EX_USAGE, "--published, --dataset and --format go with --show");
    if (operands) die(EX_USAGE, "unexpected '%s': operands go with --compare and --show", argv[1]);
    if (!interactions) die(EX_USAGE, "--interactions is missing");
    if (model && recs) die(EX_USAGE, "--model and --recs exclude each other");
    if (blend && recs) die(EX_USAGE, "--blend and --recs exclude each other");
    if (model && !sids) die(EX_USAGE, "--model and --sids go together");
    if (!model && !blend && !recs && !(baseline && *baseline))
        die(EX_USAGE, "nothing to evaluate: expected --model, --blend, --recs or --baseline");
    static const char *const only_recs[] = {"recs-format", "recs-values", "missing-lists"};
    for (int i = 0; !recs && i < 3; i++)
        if (cli_given(only_recs[i])) die(EX_USAGE, "--%s goes with --recs", only_recs[i]);
    if (recs && recs_out) die(EX_USAGE, "--recs-out writes the lists of a model or a baseline, not those of --recs");
    if (tasks && (!model || blend || baseline || per_user || recs_out || exact))
        die(EX_USAGE, "--tasks goes with --model, without --blend, --baseline, --exact, --per-user and --recs-out");
    static const char *const not_tasks[] = {"k", "cuts", "spare"};
    for (int i = 0; tasks && i < 3; i++)
        if (cli_given(not_tasks[i])) die(EX_USAGE, "--%s goes with lists, not with --tasks", not_tasks[i]);
    if (!tasks && cli_given("title-beam")) die(EX_USAGE, "--title-beam goes with --tasks");
    if (!tasks != !items) die(EX_USAGE, "--tasks and --items go together");
    if (exact && (!model || blend)) die(EX_USAGE, "--exact goes with --model, without --blend");
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

static void baselines_json(buf_t *out, const baseline_t *const *named, int count, const exam_t *t)
{
    buf_puts(out, "  \"baselines\": {");
    for (int i = 0; i < count; i++) {
        verdict_t v = ask_baseline(named[i], t, false);
        buf_printf(out, "%s\n    \"%s\": {\n", i ? "," : "", v.name);
        verdict_json(out, &v, 6);
        buf_puts(out, "\n    }");
        verdict_free(&v);
    }
    buf_puts(out, count ? "\n  },\n" : "},\n");
}

/* Every part of a mixture alone, in the form of baselines. */
static void parts_json(buf_t *out, blender_t *b, const exam_t *t)
{
    buf_puts(out, "  ");
    blender_json(b, out);
    buf_puts(out, ",\n  \"parts\": {");
    for (int i = 0; i < blender_blend(b)->parts; i++) {
        verdict_t v = ask(blender_part(b, i), t, false, true);
        buf_printf(out, "%s\n    \"%s\": {\n", i ? "," : "", v.name);
        verdict_json(out, &v, 6);
        buf_puts(out, "\n    }");
        verdict_free(&v);
    }
    buf_puts(out, "\n  },\n");
}

/* How often the first ten of either list hold what the other's do not. */
static void beam_json(buf_t *out, const verdict_t *beam_lists, const verdict_t *all)
{
    static const char *const names[PROTOCOLS] = {"", "_unseen"};
    for (int p = 0; p < PROTOCOLS; p++) {
        int64_t lost = 0, only = 0;
        for (int64_t i = 0; i < all->n; i++) {
            const double by_beam = ranking_hit(beam_lists->ranks[p].rank[i], 10), by_all = ranking_hit(all->ranks[p].rank[i], 10);
            lost += by_all > by_beam;
            only += by_beam > by_all;
        }
        buf_printf(out, "    \"beam_lost%s\": %lld,\n    \"beam_only%s\": %lld,\n", names[p], (long long)lost, names[p],
                   (long long)only);
    }
}

/* The model again, every item scored: what its beam leaves out is its price. */
static void exact_json(buf_t *out, const system_t *s, const exam_t *t, const verdict_t *beam_lists)
{
    ranker_t *r = exact_ranker(s->recommender);
    verdict_t v = ask_model(r, t, false, true);
    buf_puts(out, "  \"exact\": {\n");
    beam_json(out, beam_lists, &v);
    verdict_json(out, &v, 4);
    buf_puts(out, "\n  },\n");
    verdict_free(&v);
    r->free(r);
}

static void evaluate(void)
{
    const baseline_t *named[BASELINE_COUNT];
    int baselines = baselines_read(baseline, named);
    split_t which = strcmp(split, "valid") ? SPLIT_TEST : SPLIT_VALID;
    held_out_t h = held_out_open(interactions, which, users, (uint64_t)cli_common.seed);
    system_t s = system_open(&h);
    exam_t exam = exam_new(&h, &s);
    verdict_t v = ask_system(&s, named[0], &exam);

    buf_t out = {0};
    buf_printf(&out, "{\n  \"schema\": \"metrics/1\",\n  \"system\": \"%s\",\n  \"split\": \"%s\",\n  \"users\": %lld,\n  \"cases\": %lld,\n"
               "  \"skipped_users\": %lld,\n  \"beam\": %lld,\n  \"k\": %lld,\n", v.name, split, (long long)h.askers,
               (long long)h.n, (long long)h.skipped, (long long)beam, (long long)exam.length);
    verdict_json(&out, &v, 2);
    buf_puts(&out, ",\n");
    if (s.blender && !gives_probabilities(&s))
        buf_puts(&out, "  \"calibration_note\": \"scored with factors, powers, a favour or evenness: exp(score) is no probability\",\n");
    if (recs) {
        buf_puts(&out, "  ");
        lists_json(&out, &s.lists);
        buf_puts(&out, ",\n");
    }
    invalid_json(&out, &s, &h);
    if (s.recommender) sids_json(&out, s.recommender);
    if (exact) exact_json(&out, &s, &exam, &v);
    if (s.blender) parts_json(&out, s.blender, &exam);
    baselines_json(&out, named, baselines, &exam);
    settings_json(&out, &s, exam.by.diversity.tensor);

    write_all(&v, &s, &h, &out);
    buf_free(&out);
    verdict_free(&v);
    criteria_free(&exam.by);
    system_close(&s);
    held_out_close(&h);
}

/* What a model says to the tasks that it has learnt beside recommendation. */
static void try_tasks(void)
{
    held_out_t h = held_out_open(interactions, strcmp(split, "valid") ? SPLIT_TEST : SPLIT_VALID, users, (uint64_t)cli_common.seed);
    system_t s = system_open(&h);
    const task_trial_options_t o = {.tasks = tasks, .model_path = model, .items_path = items, .beam = (int)beam,
                                    .title_beam = (int)title_beam, .most = users, .cases = h.n, .histories = h.histories};
    buf_t out = {0};
    buf_printf(&out, "{\n  \"schema\": \"task-metrics/1\",\n  \"split\": \"%s\",\n  \"beam\": %lld,\n  \"title_beam\": %lld,\n", split,
               (long long)beam, (long long)title_beam);
    char *digest = task_trial(s.recommender, &o, &out);
    provenance_add_digest(&s.from, "items", digest);
    free(digest);
    settings_json(&out, &s, NULL);
    out_whole(cli_common.output, out.data, out.len);
    buf_free(&out);
    system_close(&s);
    held_out_close(&h);
}

static comparison_options_t comparison_options(void)
{
    return (comparison_options_t){&measured, bootstrap, (uint64_t)cli_common.seed, protocol_parse(protocol, NULL)};
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
    if (!published != !dataset) die(EX_USAGE, "--published and --dataset go together");
    published_t others = {0};
    if (published) others = published_read(published);
    out_t *o = out_open(cli_common.output, false);
    show_files(out_file(o), argv + 1, operands, published ? &others : NULL, dataset, grid_form(format));
    out_commit(o);
    published_free(&others);
}

int main(int argc, char **argv)
{
    ranks_start();
    int operands = cli_parse(&cli, argc, argv);
    if (compare + ablation + show > 1) die(EX_USAGE, "--compare, --ablation and --show exclude each other");
    measured = metric_set_read(cuts);
    if (compare) {
        compare_sides(operands, argv);
    } else if (ablation) {
        compare_rows(operands, argv);
    } else if (show) {
        show_results(operands, argv);
    } else {
        check_options(operands, argv);
        check_outputs();
        if (tasks) try_tasks();
        else evaluate();
    }
    return 0;
}
