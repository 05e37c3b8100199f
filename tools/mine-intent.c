/* mine-intent: what each item is good for, from its evidence; whether that is so, and how good an item's descriptors are. */
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "data/filter.h"
#include "data/filter_input.h"
#include "data/items.h"
#include "data/st.h"
#include "intent/intent_builtin.h"
#include "intent/intent_http_cli.h"
#include "intent/judge_builtin.h"
#include "intent/judge_classifier.h"
#include "intent/quality.h"

enum { SHOWN_ERRORS = 10 };

static const char *engine_name = "builtin", *judge_name = "none", *classifier_file, *fit_file, *shard;
static bool fit_only, quality_only, train_classifier, keep;
static int64_t max_intents = 5;
static double min_confidence = 0.2, l2 = 1, held_out = 0.2;

static const char *const engines[] = {"builtin", "http", "none", NULL};
static const char *const judges[] = {"none", "builtin", "classifier", "http", NULL};
static const cli_option_t options[] = {
    CONFIG_CHOICE('e', "engine", engines, &engine_name, "who mines; none: intents stay, and are judged"),
    CONFIG_CHOICE('j', "judge", judges, &judge_name, "who labels the intents 1 (good) or 0"),
    CONFIG_INT('m', "max-intents", "N", &max_intents, 1, 100, "most intents of an item (builtin)"),
    CONFIG_REAL(0, "min-confidence", "P", &min_confidence, 0, 1, "leave out weaker ones (builtin)"),
    CONFIG_FLAG(0, "keep", &keep, "leave items that have intents as they are"),
    OPT_STRING(0, "shard", "K/N", &shard, "only the K-th of N parts of the input"),
    OPT_STRING('f', "fit", "FILE", &fit_file, "what builtin knows of the catalogue (fitted to the input)"),
    OPT_FLAG(0, "fit-only", &fit_only, "write that FILE instead"),
    OPT_STRING('c', "classifier", "FILE", &classifier_file, "the trained judge"),
    OPT_FLAG(0, "train-classifier", &train_classifier, "write that instead, from judged items"),
    CONFIG_REAL(0, "l2", "X", &l2, 1e-6, 1e6, "its weights' penalty"),
    CONFIG_REAL(0, "held-out", "SHARE", &held_out, 0, 0.9, "of the items, to measure it on"),
    OPT_FLAG(0, "quality-only", &quality_only, "write items' quality by their labels instead"),
    INTENT_HTTP_OPTIONS,
    CLI_SEED,
    CLI_THREADS,
    CLI_OUTPUT,
};
static const cli_t cli = {
    "mine-intent", "[options] [items.jsonl] > mined.jsonl",
    "Adds to every item what it is good for, mined from its evidence, and judges it.",
    options, CLI_COUNT(options),
};

/* One item under way. */
typedef struct {
    filter_job_t *job;
    evidence_t evidence;
    intents_t intents;
} task_t;

typedef struct {
    intent_engine_t *engine; /* NULL: none */
    intent_judge_t *judge;   /* NULL: none */
    endpoints_t endpoints;   /* of those that ask models */
    bool ended;              /* the last item has been started */
    int64_t mining;          /* items that have not been mined yet */
    int64_t empty;           /* items that were mined and gave nothing */
} mill_t;

static mill_t mill;

static void finish(task_t *t)
{
    filter_job_t *job = t->job;
    evidence_free(&t->evidence);
    intents_free(&t->intents);
    free(t);
    filter_done(job);
}

static void fail(task_t *t, const char *error)
{
    filter_error(t->job, "%s", error);
    finish(t);
}

static void judged(void *ctx, const char *error)
{
    task_t *t = ctx;
    if (error && !mill.engine) {
        fail(t, error);
        return;
    }
    if (error) filter_error(t->job, "%s", error); /* what was mined is good without labels */
    mill.empty += mill.engine && !t->intents.count;
    buf_t json = {0};
    intents_json(&t->intents, &json);
    filter_set(t->job, "intents", json.data);
    buf_free(&json);
    finish(t);
}

static void judge_task(task_t *t)
{
    if (mill.judge && t->intents.count) mill.judge->judge(mill.judge, &t->evidence, &t->intents, judged, t);
    else judged(t, NULL);
}

/* Lets connections go as soon as nothing is to follow but what has been asked: judging follows mining. */
static void let_go(void)
{
    if (mill.ended && !mill.mining) endpoints_last(&mill.endpoints);
}

static void mined(void *ctx, intents_t *found, const char *error)
{
    task_t *t = ctx;
    mill.mining--;
    if (error) {
        fail(t, error);
    } else {
        t->intents = *found;
        *found = (intents_t){0};
        judge_task(t);
    }
    let_go();
}

static const cJSON *intents_of(const items_t *item)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(item->json, "intents");
    return cJSON_IsArray(list) && cJSON_GetArraySize(list) ? list : NULL;
}

static void start(void *ctx, filter_job_t *job)
{
    (void)ctx;
    const items_t *item = filter_item(job);
    const cJSON *had = intents_of(item);
    if (had && keep && mill.engine) filter_keep(job);
    if ((had && keep && mill.engine) || (!had && !mill.engine)) {
        filter_done(job);
        return;
    }
    task_t *t = NEW(task_t);
    *t = (task_t){.job = job, .evidence = evidence_of(item)};
    if (mill.engine) {
        mill.mining++;
        mill.engine->mine(mill.engine, &t->evidence, mined, t);
        return;
    }
    const char *why = intents_read(had, &t->intents);
    if (why) fail(t, why);
    else judge_task(t);
}

/* Fits the builtin engine to all the items of `path`; *digest: of the file, for the fit file's metadata. */
static intent_fit_t *fit_items(const char *path, char **digest)
{
    intent_fitter_t *fitter = intent_fitter_new((uint64_t)cli_common.seed);
    items_t items = items_open(path);
    in_digest(&items.lines);
    progress_start("fitting", "items", 0);
    while (items_next(&items)) {
        evidence_t e = evidence_of(&items);
        intent_fitter_add(fitter, &e);
        evidence_free(&e);
        progress_add(1);
    }
    progress_end();
    if (!items.ids.count) die_at(items.lines.name, 0, "no items, expected one JSON object a line");
    *digest = in_digest_hex(&items.lines);
    items_close(&items);
    intent_fit_t *fit = intent_fitter_finish(fitter);
    note("fitted to %lld items: %lld shared descriptors and phrases, %lld clusters", (long long)fit->items,
         (long long)fit->keys, (long long)fit->clusters);
    return fit;
}

static void write_fit(const char *path)
{
    char *digest, *config = cli_config(&cli);
    st_writer_t *out = st_create(cli_common.output, "intent-fit/1");
    intent_fit_t *fit = fit_items(path, &digest);
    st_set_meta(out, "config", config);
    st_set_meta(out, "input.items", digest);
    intent_fit_add(out, fit);
    st_commit(out);
    intent_fit_free(fit);
    free(config);
    free(digest);
}

/* Hands every item and its intents to `take`; wrong intents end the process. Returns the digest of the input. */
static char *read_intents(const char *path, void (*take)(void *ctx, const items_t *item, intents_t *intents), void *ctx,
                          strtab_t *ids)
{
    items_t items = items_open(path);
    in_digest(&items.lines);
    while (items_next(&items)) {
        intents_t intents = {0};
        const char *why = intents_read(intents_of(&items), &intents);
        if (why) die_at(items.lines.name, items.lines.number, "item '%s': %s", items.id, why);
        take(ctx, &items, &intents);
        intents_free(&intents);
    }
    if (!items.ids.count) die_at(items.lines.name, 0, "no items, expected one JSON object a line");
    char *digest = in_digest_hex(&items.lines);
    if (ids) {
        *ids = items.ids;
        items.ids = (strtab_t){0};
    }
    items_close(&items);
    return digest;
}

typedef struct {
    float *quality;
    uint8_t *mask;
    int64_t count, quality_cap, mask_cap, known, bad;
} qualities_t;

static void take_quality(void *ctx, const items_t *item, intents_t *intents)
{
    qualities_t *q = ctx;
    double value;
    const char *why;
    intent_quality_t kind = quality_of(intents, &value, &why);
    if (kind == QUALITY_BAD && q->bad++ < SHOWN_ERRORS)
        warn("%s:%lld: item '%s': %s", item->lines.name, item->lines.number, item->id, why);
    GROW(q->quality, q->count, q->quality_cap);
    GROW(q->mask, q->count, q->mask_cap);
    q->quality[q->count] = (float)value;
    q->mask[q->count++] = kind == QUALITY_KNOWN;
    q->known += kind == QUALITY_KNOWN;
}

static void write_quality(const char *path)
{
    qualities_t q = {0};
    strtab_t ids;
    char *config = cli_config(&cli);
    st_writer_t *out = st_create(cli_common.output, "quality/1");
    char *digest = read_intents(path, take_quality, &q, &ids);
    if (q.bad)
        die_at(path ? path : "standard input", 0, "the quality of %lld item%s is not defined, nothing was written",
               (long long)q.bad, q.bad == 1 ? "" : "s");
    st_set_meta(out, "config", config);
    st_set_meta(out, "input.items", digest);
    st_add1(out, "quality", ST_F32, q.count, q.quality);
    st_add1(out, "quality_mask", ST_U8, q.count, q.mask);
    st_add_strings(out, "item_ids", &ids);
    st_commit(out);
    note("%lld items: %lld with a quality, %lld without judged intents", (long long)q.count, (long long)q.known,
         (long long)(q.count - q.known));
    free(q.quality);
    free(q.mask);
    free(config);
    free(digest);
    strtab_free(&ids);
}

static void take_example(void *ctx, const items_t *item, intents_t *intents)
{
    evidence_t e = evidence_of(item);
    classifier_trainer_add(ctx, &e, intents);
    evidence_free(&e);
}

static void write_classifier(const char *path)
{
    judge_classifier_trainer_t *trainer = classifier_trainer_new();
    char *config = cli_config(&cli);
    st_writer_t *out = st_create(cli_common.output, "intent-classifier/1");
    char *digest = read_intents(path, take_example, trainer, NULL);
    judge_classifier_report_t r;
    const judge_classifier_options_t o = {l2, held_out, (uint64_t)cli_common.seed};
    judge_classifier_t *c = classifier_train(trainer, &o, path ? path : "standard input", &r);
    st_set_meta(out, "config", config);
    st_set_meta(out, "input.items", digest);
    classifier_add(out, c);
    st_commit(out);
    note("trained on %lld intents of %lld items, %lld of them good", (long long)r.examples, (long long)r.items,
         (long long)r.positive);
    note("held out: %lld intents of %lld items: accuracy %.4f (the commoner label alone: %.4f), AUC %.4f",
         (long long)r.held_examples, (long long)r.held_items, r.accuracy, r.majority, r.auc);
    free(c);
    free(config);
    free(digest);
}

static intent_engine_t *open_engine(char **path)
{
    if (!strcmp(engine_name, "http")) return intent_http_engine(&mill.endpoints);
    if (strcmp(engine_name, "builtin")) return NULL;
    intent_fit_t *fit;
    if (fit_file) {
        st_file_t *file = st_open(fit_file);
        fit = intent_fit_read(file);
        st_close(file);
    } else {
        char *digest, *spooled = filter_spool(*path);
        fit = fit_items(spooled, &digest);
        free(digest);
        free(*path);
        *path = spooled;
    }
    const intent_builtin_options_t o = {max_intents, min_confidence};
    return builtin_engine(&o, fit);
}

static intent_judge_t *open_judge(void)
{
    if (!strcmp(judge_name, "http")) return intent_http_judge(&mill.endpoints);
    if (!strcmp(judge_name, "builtin")) return builtin_judge();
    if (strcmp(judge_name, "classifier")) return NULL;
    st_file_t *file = st_open(classifier_file);
    intent_judge_t *j = classifier_judge(classifier_read(file));
    st_close(file);
    return j;
}

static bool has_room(void *ctx)
{
    (void)ctx;
    return endpoints_have_room(&mill.endpoints);
}

static void wait(void *ctx)
{
    (void)ctx;
    endpoints_wait(&mill.endpoints);
}

static void no_more(void *ctx)
{
    (void)ctx;
    mill.ended = true;
    let_go();
}

static void run_filter(const char *operand)
{
    char *path = operand ? xstrdup(operand) : NULL;
    mill.judge = open_judge();
    mill.engine = open_engine(&path);
    const filter_t f = {.tool = cli.name, .doing = mill.engine ? "mining" : "judging", .shard = shard, .start = start,
                        .has_room = has_room, .wait = wait, .last = no_more, .window = endpoints_window(&mill.endpoints)};
    filter_summary_t s = filter_run(&f, path, cli_common.output);
    filter_print(&s, "intents");
    if (mill.empty) note("%lld items whose evidence names no purpose: their intents are empty", (long long)mill.empty);
    const int64_t foreign = mill.engine && !strcmp(engine_name, "builtin") ? builtin_foreign(mill.engine) : 0;
    if (foreign)
        note("%lld items in other scripts than Latin, of which the builtin lexicons know nothing: their clusters' key-phrases at most",
             (long long)foreign);
    if (mill.engine) mill.engine->free(mill.engine);
    if (mill.judge) mill.judge->free(mill.judge);
    endpoints_close(&mill.endpoints);
    free(path);
}

static void check_options(int operands, char **argv)
{
    if (operands > 1) die(EX_USAGE, "'%s': expected one file of items at most", argv[2]);
    if (fit_only + quality_only + train_classifier > 1)
        die(EX_USAGE, "--fit-only, --quality-only and --train-classifier: expected one of them at most");
    bool builtin = !strcmp(engine_name, "builtin"), by_classifier = !strcmp(judge_name, "classifier");
    if (fit_only && (!builtin || fit_file)) die(EX_USAGE, "--fit-only goes with --engine builtin, and without --fit");
    if (shard && (fit_only || quality_only || train_classifier)) die(EX_USAGE, "--shard goes with mining and judging only");
    if (fit_only || quality_only || train_classifier) return;
    if (by_classifier != (classifier_file != NULL)) die(EX_USAGE, "--judge classifier and --classifier FILE go together");
    if (fit_file && !builtin) die(EX_USAGE, "--fit goes with --engine builtin");
    if (!strcmp(engine_name, "none") && !strcmp(judge_name, "none")) die(EX_USAGE, "--engine none needs a --judge");
}

int main(int argc, char **argv)
{
    int operands = cli_parse(&cli, argc, argv);
    check_options(operands, argv);
    const char *path = operands ? argv[1] : NULL;
    if (fit_only) write_fit(path);
    else if (quality_only) write_quality(path);
    else if (train_classifier) write_classifier(path);
    else run_filter(path);
    return 0;
}
