/* evaluate: how well a recommender ranks each user's held-out item; comparisons and tables of such results. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/progress.h"
#include "base/version.h"
#include "data/catalogue.h"
#include "data/provenance.h"
#include "data/relpath.h"
#include "data/sample.h"
#include "nn/backend.h"
#include "score/baselines.h"
#include "score/comparison.h"
#include "score/recommender.h"
#include "score/recs.h"
#include "score/report.h"

enum { CHUNK = 2048 };

static const char *const splits[] = {"valid", "test", NULL};
static const char *model, *sids, *interactions, *recs, *baseline, *per_user, *recs_out, *split = "test", *gemm = "auto";
static int64_t beam = 20, k, users, bootstrap = 10000;
static cooccur_options_t cooccur = {.window = 10, .back = 0.3, .power = 0.25, .decay = 0.6};
static bool compare, ablation, show;

static const cli_option_t options[] = {
    OPT_STRING('m', "model", "FILE", &model, "model/1 to evaluate, with --sids"),
    OPT_STRING('s', "sids", "FILE", &sids, "sids/1 that the model was trained with"),
    OPT_STRING('i', "interactions", "FILE", &interactions, "interactions/1"),
    OPT_STRING(0, "recs", "FILE", &recs, "score these lists (recs/1) in place of a model's"),
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
    OPT_INT(0, "bootstrap", "N", &bootstrap, 1, 1000000, "both: resamples of the users"),
    OPT_FLAG(0, "show", &show, "print results side by side"),
    OPT_CHOICE(0, "gemm", backend_names, &gemm, "matrix backend"),
    CLI_SEED,
    CLI_THREADS,
    CLI_OUTPUT,
};

static const cli_t cli = {"evaluate",
                          "-m model.st -s sids.st -i interactions.st [options] > metrics.json\n"
                          "       evaluate --compare A.st[,A2.st...] B.st[,B2.st...] > comparison.json\n"
                          "       evaluate --ablation [LABEL=]A.st[,A2.st...]... > ablation.json\n"
                          "       evaluate --show [LABEL=]metrics.json...",
                          "Ranks every user's held-out item by a model, lists or baselines: HR, NDCG, MRR, coverage, strata.",
                          options, CLI_COUNT(options)};

/* What is asked of every system: the histories of the split's users and the items to find. */
typedef struct {
    st_file_t *file;
    interactions_t x;
    int64_t n, skipped, k;
    int64_t *users;
    history_t *histories;
    int32_t *target;
    strata_t strata;
} task_t;

/* One system's answers. */
typedef struct {
    const char *name;
    int32_t *items; /* [n, k] */
    float *scores;  /* [n, k]; NULL for --recs */
    int32_t *rank;  /* [n] */
    result_t result;
} answers_t;

static split_t which_split(void) { return strcmp(split, "valid") ? SPLIT_TEST : SPLIT_VALID; }

static task_t task_open(void)
{
    task_t t = {.file = st_open(interactions)};
    t.x = interactions_read(t.file);
    int64_t all;
    free(sample_users(&t.x, which_split(), 0, 0, &all));
    t.users = sample_users(&t.x, which_split(), users, (uint64_t)cli_common.seed, &t.n);
    t.skipped = t.x.users - all;
    if (!t.n) die(EX_DATAERR, "%s: no user has the 3 interactions that a split needs", t.file->name);
    t.histories = NEW_ARRAY(history_t, t.n);
    t.target = NEW_ARRAY(int32_t, t.n);
    for (int64_t u = 0; u < t.n; u++) {
        interactions_history(&t.x, t.users[u], which_split(), &t.histories[u]);
        t.target[u] = t.histories[u].target;
    }
    int64_t *popularity = interactions_popularity(&t.x);
    t.strata = strata_make(popularity, t.x.items);
    free(popularity);
    return t;
}

static void task_close(task_t *t)
{
    strata_free(&t->strata);
    free(t->users);
    free(t->histories);
    free(t->target);
    interactions_free(&t->x);
    st_close(t->file);
}

static answers_t answers_new(const char *name, const task_t *t)
{
    size_t cells = size_mul((size_t)t->n, (size_t)t->k);
    return (answers_t){.name = name, .items = NEW_ARRAY(int32_t, cells), .scores = NEW_ARRAY(float, cells),
                       .rank = NEW_ARRAY(int32_t, t->n)};
}

static void answers_free(answers_t *a)
{
    free(a->items);
    free(a->scores);
    free(a->rank);
}

static void judge(answers_t *a, const task_t *t)
{
    a->result = result_of(a->items, t->n, t->k, t->target, &t->strata, t->x.items, a->rank);
    buf_t values = {0};
    for (int m = 0; m < METRICS; m++)
        if (!isnan(a->result.all.value[m]) && (metric_cut(m) == 10 || m == METRICS - 1))
            buf_printf(&values, " %s %.4f", metric_name(m), a->result.all.value[m]);
    note("%s, %s, %lld users:%s", a->name, split, (long long)t->n, values.data);
    buf_free(&values);
}

static answers_t ask_model(const recommender_t *r, const task_t *t)
{
    answers_t a = answers_new("model", t);
    double start = seconds_now();
    progress_start("evaluate", "users", t->n);
    for (int64_t u = 0; u < t->n; u += CHUNK) {
        int64_t n = t->n - u < CHUNK ? t->n - u : CHUNK;
        recommender_topk(r, n, t->histories + u, (int)beam, (int)t->k, a.items + u * t->k, a.scores + u * t->k);
    }
    progress_end();
    double seconds = seconds_now() - start;
    note("%lld users in %.1f s, %.0f a second", (long long)t->n, seconds, (double)t->n / seconds);
    return a;
}

static answers_t ask_recs(const st_file_t *f, const recs_t *r, const task_t *t)
{
    answers_t a = {.name = "recs", .rank = NEW_ARRAY(int32_t, t->n)};
    a.items = recs_match(r, f->name, &t->x, t->users, t->n, t->k);
    return a;
}

static answers_t ask_baseline(const char *name, const task_t *t)
{
    answers_t a = answers_new(name, t);
    if (!strcmp(name, "popular")) {
        popular_t p = popular_fit(&t->x);
        popular_topk(&p, t->n, t->k, a.items, a.scores);
        popular_free(&p);
    } else {
        cooccur_t c = cooccur_fit(&t->x, &cooccur);
        cooccur_topk(&c, t->n, t->histories, t->k, a.items, a.scores);
        cooccur_free(&c);
    }
    return a;
}

/* The names in --baseline, in the order given. */
static int baseline_names(const char *names[2])
{
    static const char *const known[] = {"popular", "cooccur"};
    int count = 0;
    for (const char *at = baseline; at && *at;) {
        size_t n = strcspn(at, ",");
        const char *name = NULL;
        for (int i = 0; i < 2; i++)
            if (strlen(known[i]) == n && !memcmp(known[i], at, n)) name = known[i];
        if (!name || count == 2 || (count && names[0] == name))
            die(EX_USAGE, "--baseline %s: expected popular, cooccur, or both with a comma", baseline);
        names[count++] = name;
        at += n + (at[n] == ',');
    }
    return count;
}

/* What was opened for the system under evaluation; all NULL where that is a baseline. */
typedef struct {
    recommender_t *recommender;
    st_file_t *recs_file;
    recs_t recs;
    provenance_t from;  /* these files and the interactions */
} system_t;

static system_t system_open(const task_t *t)
{
    system_t s = {0};
    provenance_add(&s.from, "interactions", t->file);
    if (model) {
        s.recommender = recommender_open(model, sids, gemm);
        provenance_add_digest(&s.from, "model", recommender_model_digest(s.recommender));
        st_file_t *sids_file = st_open(sids);
        provenance_add(&s.from, "sids", sids_file);
        st_close(sids_file);
        catalogue_check_items(interactions, &t->x.item_ids, sids, &recommender_sids(s.recommender)->item_ids);
    } else if (recs) {
        s.recs_file = st_open(recs);
        provenance_add(&s.from, "recs", s.recs_file);
        s.recs = recs_read(s.recs_file);
        if (k > s.recs.k)
            die(EX_DATAERR, "%s: lists of length %lld, expected at least -k %lld", recs, (long long)s.recs.k, (long long)k);
    }
    return s;
}

static void system_close(system_t *s)
{
    provenance_free(&s->from);
    recommender_close(s->recommender);
    if (s->recs_file) {
        recs_free(&s->recs);
        st_close(s->recs_file);
    }
}

static void add_inputs(st_writer_t *w, const system_t *s)
{
    char *config = cli_config(&cli);
    st_set_meta(w, "config", config);
    free(config);
    provenance_write(&s->from, w);
}

/* All outputs are complete on disk, but for their names, before the first of them appears. */
static void write_all(const answers_t *a, const system_t *s, const task_t *t, const buf_t *json)
{
    strtab_t ids = user_ids_of(&t->x, t->users, t->n);
    st_writer_t *ranks = per_user ? st_create(per_user, "ranks/1") : NULL;
    st_writer_t *lists = recs_out ? st_create(recs_out, "recs/1") : NULL;
    out_t *metrics = out_open(cli_common.output, false);
    if (ranks) {
        add_inputs(ranks, s);
        if (s->recommender) ranks_add_sids(ranks, recommender_sids(s->recommender));
        ranks_add(ranks, t->n, t->k, split, a->rank, &ids);
        st_prepare(ranks);
    }
    if (lists) {
        add_inputs(lists, s);
        for (int64_t i = 0; i < t->n * t->k; i++)
            if (a->items[i] < 0) a->scores[i] = 0;
        recs_add(lists, t->n, t->k, a->items, a->scores, &ids, &t->x.item_ids);
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
static double invalid_rate(const recommender_t *r, const task_t *t)
{
    double sum = 0;
    progress_start("unconstrained decoding", "users", t->n);
    for (int64_t u = 0; u < t->n; u += CHUNK) {
        int64_t n = t->n - u < CHUNK ? t->n - u : CHUNK;
        sum += (double)n * recommender_invalid_rate(r, n, t->histories + u, (int)beam);
    }
    progress_end();
    return sum / (double)t->n;
}

static void invalid_json(buf_t *out, const system_t *s, const task_t *t)
{
    const char *why = NULL;
    if (!s->recommender)
        why = "no model was asked";
    else if (recommender_trie_softmax(s->recommender))
        why = "trained with the trie softmax: decoding without the trie means nothing";
    buf_puts(out, "  \"invalid_rate\": ");
    buf_json_number(out, why ? NAN : invalid_rate(s->recommender, t));
    if (why) buf_printf(out, ",\n  \"invalid_rate_note\": \"%s\"", why);
    buf_puts(out, ",\n");
}

/* What the SIDs are like, since they bound what a model of them can tell apart. */
static void sids_json(buf_t *out, const recommender_t *r)
{
    sid_stats_t stats = sids_stats(recommender_sids(r));
    buf_puts(out, "  \"sids\": {\"alone\": ");
    buf_json_number(out, stats.alone);
    buf_printf(out, ", \"buckets\": %lld, \"largest\": %lld, \"utilisation\": [", (long long)stats.buckets, (long long)stats.largest);
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
    if (operands) die(EX_USAGE, "unexpected '%s': operands go with --compare and --show", argv[1]);
    if (!interactions) die(EX_USAGE, "--interactions is missing");
    if (model && recs) die(EX_USAGE, "--model and --recs exclude each other");
    if (!model != !sids) die(EX_USAGE, "--model and --sids go together");
    if (!model && !recs && !baseline) die(EX_USAGE, "nothing to evaluate: expected --model, --recs or --baseline");
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
            if ((b == 2 || paths[b]) && relpath_same(paths[a], paths[b])) die(EX_USAGE, "%s and %s are the same file", names[a], names[b]);
        out_check(paths[a], a < 2);
    }
}

static void evaluate(void)
{
    const char *names[2];
    int baselines = baseline_names(names);
    task_t t = task_open();
    system_t s = system_open(&t);
    t.k = k ? k : recs ? s.recs.k : beam;
    answers_t asked = s.recommender ? ask_model(s.recommender, &t)
                      : recs        ? ask_recs(s.recs_file, &s.recs, &t)
                                    : ask_baseline(names[0], &t);
    judge(&asked, &t);

    buf_t out = {0};
    buf_printf(&out, "{\n  \"schema\": \"metrics/1\",\n  \"system\": \"%s\",\n  \"split\": \"%s\",\n  \"users\": %lld,\n"
               "  \"skipped_users\": %lld,\n  \"beam\": %lld,\n  \"k\": %lld,\n", asked.name, split, (long long)t.n,
               (long long)t.skipped, (long long)beam, (long long)t.k);
    result_json(&out, &asked.result, &t.strata, 2);
    buf_puts(&out, ",\n");
    invalid_json(&out, &s, &t);
    if (s.recommender) sids_json(&out, s.recommender);
    buf_puts(&out, "  \"baselines\": {");
    for (int i = 0; i < baselines; i++) {
        answers_t a = ask_baseline(names[i], &t);
        judge(&a, &t);
        buf_printf(&out, "%s\n    \"%s\": {\n", i ? "," : "", names[i]);
        result_json(&out, &a.result, &t.strata, 6);
        buf_puts(&out, "\n    }");
        answers_free(&a);
    }
    buf_puts(&out, baselines ? "\n  },\n" : "},\n");
    settings_json(&out, &s);

    write_all(&asked, &s, &t, &out);
    buf_free(&out);
    answers_free(&asked);
    system_close(&s);
    task_close(&t);
}

static bootstrap_options_t bootstrap_options(void)
{
    return (bootstrap_options_t){bootstrap, (uint64_t)cli_common.seed};
}

/* As a table for the eye, as JSON for the output. */
static void write_comparison(const char *json)
{
    if (!err_is_quiet()) show_text(stderr, json);
    out_whole(cli_common.output, json, strlen(json));
}

static void compare_sides(int operands, char **argv)
{
    if (operands != 2) die(EX_USAGE, "--compare: expected two sides, A.st[,A2.st...] B.st[,B2.st...]");
    system_ranks_t a = system_ranks_read(argv[1]), b = system_ranks_read(argv[2]);
    bootstrap_options_t o = bootstrap_options();
    char *json = comparison_json(&a, &b, &o);
    write_comparison(json);
    free(json);
    system_ranks_free(&a);
    system_ranks_free(&b);
}

static void compare_rows(int operands, char **argv)
{
    if (!operands) die(EX_USAGE, "--ablation: expected rows, [LABEL=]A.st[,A2.st...]");
    system_ranks_t *rows = NEW_ARRAY(system_ranks_t, operands);
    for (int i = 0; i < operands; i++) rows[i] = system_ranks_read(argv[1 + i]);
    bootstrap_options_t o = bootstrap_options();
    char *json = ablation_json(rows, operands, &o);
    write_comparison(json);
    free(json);
    for (int i = 0; i < operands; i++) system_ranks_free(&rows[i]);
    free(rows);
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
