/* blend: evidence for the next item beside a generator's, and the weights by which all of it is mixed. */
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/out.h"
#include "base/ranks.h"
#include "blend/cooccurrence.h"
#include "blend/fitting.h"
#include "blend/likeness.h"
#include "data/catalogue.h"
#include "data/provenance.h"
#include "data/relpath.h"
#include "nn/backend.h"
#include "score/recommender.h"

static const char *const tensors[] = {"auto", "joint", "text", "image", "intent", NULL};
static const char *interactions_path, *embeddings_path, *model_path, *sids_path, *report_path, *fitted_path;
static const char *tensor = "auto", *protocol = "auto", *gemm = "auto";
static cooccur_options_t cooccur = {.window = 10, .back = 0.2, .power = 0.1, .decay = 0.5};
static likeness_options_t likeness = {.count = 50, .temperature = 0.2};
static double neighbour_decay = 0.6;
static int64_t hops = 100, candidates = 100, beam = 20;
static fitting_options_t fitting = {.bins = 8, .groups = 8, .strength = 20, .list = 50};

static const cli_option_t options[] = {
    OPT_STRING('i', "interactions", "FILE", &interactions_path, "interactions/2"),
    OPT_STRING('e', "embeddings", "FILE", &embeddings_path, "embeddings/1: neighbours by what the items are"),
    OPT_STRING('m', "model", "FILE", &model_path, "model/1: the generator, with --sids"),
    OPT_STRING('s', "sids", "FILE", &sids_path, "sids/1 that the model was trained with"),
    CLI_GROUP("evidence"),
    CONFIG_INT(0, "cooccur-window", "N", &cooccur.window, 1, 1000000, "events that an item is linked to"),
    CONFIG_REAL(0, "cooccur-back", "X", &cooccur.back, 0, 1, "weight of what comes before"),
    CONFIG_REAL(0, "cooccur-power", "X", &cooccur.power, 0, 1, "weights over (pop * pop)^X"),
    CONFIG_REAL(0, "cooccur-decay", "X", &cooccur.decay, 1e-6, 1, "fading of older events"),
    CONFIG_CHOICE(0, "tensor", tensors, &tensor, "of the embeddings; auto: joint, else text"),
    CONFIG_INT(0, "neighbours", "N", &likeness.count, 1, 100000, "nearest items of each"),
    CONFIG_REAL(0, "neighbour-temperature", "X", &likeness.temperature, 1e-3, 1e3, "weights softmax(cosine / X)"),
    CONFIG_REAL(0, "neighbour-decay", "X", &neighbour_decay, 1e-6, 1, "fading of older events"),
    CONFIG_INT(0, "hops", "N", &hops, 1, 1000000, "best items that a second step goes on from"),
    CLI_GROUP("weights"),
    OPT_STRING(0, "fitted", "FILE", &fitted_path, "blend/1 whose weights to take, in place of fitting any"),
    CONFIG_CHOICE(0, "protocol", protocol_choices, &protocol, "items that count; unseen: met ones left out"),
    CONFIG_INT(0, "list", "N", &fitting.list, 0, 10000, "fit to what stands in lists of N; 0: to all that comes"),
    CONFIG_INT(0, "bins", "N", &fitting.bins, 1, MIXTURE_BINS, "of histories by their familiarity, with weights of their own"),
    CONFIG_INT(0, "groups", "N", &fitting.groups, 1, MIXING_GROUPS, "of items by their training events, with own factors"),
    CONFIG_REAL(0, "strength", "X", &fitting.strength, 0, 1e9, "cases that the priors of bins and groups stand for"),
    CONFIG_REAL(0, "favour", "X", &fitting.favour, -100, 100, "added to the scores of items that training never met"),
    CONFIG_REAL(0, "even", "X", &fitting.even, 0, 100, "taken off scores for every log of 1 + an item's training events"),
    CONFIG_INT('u', "users", "N", &fitting.users, 0, 9007199254740992.0, "a sample of N users, drawn by --seed; 0: all"),
    CONFIG_INT('b', "beam", "N", &beam, 10, 100000, "beam width, where lists are judged"),
    CONFIG_INT(0, "candidates", "N", &candidates, 1, 100000, "of each part's best, likewise"),
    OPT_STRING(0, "report", "FILE", &report_path, "write what came out (blend-report/1)"),
    OPT_CHOICE(0, "gemm", backend_names, &gemm, "matrix backend"),
    CLI_SEED,
    CLI_THREADS,
    CLI_OUTPUT,
};

static const cli_t cli = {"blend", "-i interactions.st [-e embeddings.st] [-m model.st -s sids.st] [options] -o blend.st",
                          "Gathers what follows what, what is near what and what is popular, and fits the weights of a mixture.",
                          options, CLI_COUNT(options)};

/* What is read. */
typedef struct {
    st_file_t *interactions_file;
    interactions_t interactions;
    recommender_t *recommender; /* NULL without a model */
    provenance_t from;
} inputs_t;

static void open_model(inputs_t *in)
{
    in->recommender = recommender_open(model_path, sids_path, gemm);
    catalogue_check_items(interactions_path, &in->interactions.item_ids, sids_path, &recommender_sids(in->recommender)->item_ids);
    provenance_add_digest(&in->from, "model", recommender_model_digest(in->recommender));
    st_file_t *f = st_open(sids_path);
    provenance_add(&in->from, "sids", f);
    st_close(f);
}

static inputs_t inputs_open(void)
{
    inputs_t in = {.interactions_file = st_open(interactions_path)};
    in.interactions = interactions_read(in.interactions_file);
    provenance_add(&in.from, "interactions", in.interactions_file);
    if (model_path) open_model(&in);
    return in;
}

static void inputs_close(inputs_t *in)
{
    if (in->recommender) recommender_ranker(in->recommender)->free(recommender_ranker(in->recommender));
    provenance_free(&in->from);
    interactions_free(&in->interactions);
    st_close(in->interactions_file);
}

static csr_t read_neighbours(inputs_t *in)
{
    st_file_t *f = st_open(embeddings_path);
    st_check_schema(f, "embeddings/1");
    provenance_add(&in->from, "embeddings", f);
    const char *name = strcmp(tensor, "auto") ? tensor : st_find(f, "joint") ? "joint" : "text";
    strtab_t ids = st_need_ids(f, "item_ids", -1);
    catalogue_check_items(embeddings_path, &ids, interactions_path, &in->interactions.item_ids);
    int64_t shape[2] = {ids.count, -1};
    float *x = st_need_f32(f, name, 2, shape);
    csr_t rows = likeness_rows(x, shape[0], shape[1], &likeness);
    free(x);
    strtab_free(&ids);
    st_close(f);
    return rows;
}

static sources_t gather(inputs_t *in)
{
    const interactions_t *x = &in->interactions;
    sources_t e = {
        .items = x->items, .hops = hops, .protocol = protocol_parse(protocol, x), .decay = {cooccur.decay, neighbour_decay}};
    if (embeddings_path) e.tables[TABLE_NEIGHBOURS] = read_neighbours(in);
    e.tables[TABLE_COOCCUR] = cooccurrence_rows(x, &cooccur);
    e.popularity = interactions_popularity(x);
    sources_prepare(&e);
    return e;
}

/* A mixture of all that there is, without weights. */
static blend_t blend_make(inputs_t *in)
{
    blend_t b = {.sources = gather(in), .item_ids = in->interactions.item_ids};
    for (part_t p = 0; p < PARTS; p++)
        if (p == PART_GENERATOR ? in->recommender != NULL : sources_has(&b.sources, p)) b.part[b.parts++] = p;
    return b;
}

static fitting_t fit(blend_t *b, const inputs_t *in)
{
    const recommender_t *r = in->recommender;
    fitting.seed = (uint64_t)cli_common.seed;
    fitting.beam = (int)beam;
    const network_t *net = r ? recommender_network(r) : NULL;
    const space_t *space = r ? recommender_space(r) : NULL;
    mixer_t *m = mixer_new(b, net, space, candidates);
    appraiser_t *a = appraiser_new(b, net, space);
    fitting_t f = fitting_run(b, m, a, &in->interactions, interactions_path, &fitting);
    appraiser_free(a);
    mixer_free(m);
    return f;
}

/* Takes the weights of a mixture that was fitted before, to less than what there is now. */
static void adopt(blend_t *b, inputs_t *in, buf_t *report)
{
    st_file_t *f = st_open(fitted_path);
    provenance_add(&in->from, "fitted", f);
    blend_t from = blend_read(f);
    if (in->recommender && from.model && strcmp(from.model, recommender_model_digest(in->recommender)))
        die_at(fitted_path, 0, "fitted with another model than %s", model_path);
    blend_mix_like(b, &from, f->name);
    if (cli_given("favour")) b->mixing.quiet[0] = fitting.favour;
    if (cli_given("even")) b->mixing.even = fitting.even;
    buf_puts(report, "{\n  \"schema\": \"blend-report/1\",\n  ");
    blend_json(b, NULL, report);
    buf_puts(report, "\n}\n");
    blend_free(&from);
    st_close(f);
}

/* Both outputs are complete on disk, but for their names, before the first of them appears. */
static void write_all(const blend_t *b, const inputs_t *in, const buf_t *report)
{
    st_writer_t *w = st_create(cli_common.output, "blend/1");
    out_t *r = report_path ? out_open(report_path, false) : NULL;
    char *config = cli_config(&cli);
    blend_add(w, b);
    st_set_meta(w, "config", config);
    st_set_meta(w, "report", report->data);
    provenance_write(&in->from, w);
    st_prepare(w);
    if (r) {
        out_write(r, report->data, report->len);
        out_prepare(r);
        out_commit(r);
    }
    st_commit(w);
    free(config);
}

static void check_options(int operands, char **argv)
{
    if (operands) die(EX_USAGE, "unexpected '%s'", argv[1]);
    if (!interactions_path) die(EX_USAGE, "--interactions is missing");
    if (fitting.list && fitting.list < FITTING_LEAST_LIST) die(EX_USAGE, "--list: expected 0, or %d and more", FITTING_LEAST_LIST);
    if (!model_path != !sids_path) die(EX_USAGE, "--model and --sids go together");
    if (report_path && relpath_same(report_path, cli_common.output)) die(EX_USAGE, "--report and --output are the same file");
    if (report_path) out_check(report_path, false);
    out_check(cli_common.output, true);
}

int main(int argc, char **argv)
{
    ranks_start();
    check_options(cli_parse(&cli, argc, argv), argv);
    inputs_t in = inputs_open();
    blend_t b = blend_make(&in);
    buf_t report = {0};
    if (fitted_path) {
        adopt(&b, &in, &report);
    } else {
        fitting_t f = fit(&b, &in);
        fitting_note(&f, &b);
        fitting_json(&f, &b, &report);
    }
    write_all(&b, &in, &report);
    buf_free(&report);
    b.item_ids = (strtab_t){0}; /* the interactions' */
    blend_free(&b);
    inputs_close(&in);
    return 0;
}
