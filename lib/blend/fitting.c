#include "blend/fitting.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/progress.h"
#include "base/rng.h"
#include "blend/choices.h"
#include "blend/listing.h"
#include "data/ranking.h"
#include "data/sample.h"

enum { FOLDS = 2, CUT = 10, USERS_A_BIN = 20 };

#define FAINT 1e-4 /* least weight */

/* Users' cases, fold by fold: what was before, and what the parts give to what came. */
typedef struct {
    int64_t n, fold[FOLDS + 1]; /* where each fold begins */
    history_t *histories;       /* [n] */
    uint8_t *bin;               /* [n] */
    double *p;                  /* [n, parts] */
} cases_t;

/* Lists that hold what came: [n], and of all their items. */
typedef struct {
    int64_t n, cap, item_count, item_cap;
    int64_t *of; /* their cases, ascending */
    int64_t *offsets, *came;
    uint8_t *bin, *group;
    int32_t *items;
    double *p;
} lists_t;

/* What is fitted, and with what. */
typedef struct {
    blend_t *b;
    mixer_t *mixer;
    appraiser_t *appraiser;
    const fitting_options_t *o;
    cases_t cases;
    lists_t lists;
} job_t;

/* --- Cases -------------------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Cuts values, which it sorts, into at most `pieces` of as many each; the least of each goes into edge, from 0. Returns their
 * number: fewer where values are few or alike. */
static int cut(int64_t n, double *values, int64_t pieces, double *edge)
{
    int count = 1;
    edge[0] = 0;
    qsort(values, (size_t)n, sizeof *values, ascending);
    pieces = min64(pieces, max64(1, n / USERS_A_BIN));
    for (int64_t k = 1; k < pieces; k++)
        if (values[n * k / pieces] > edge[count - 1]) edge[count++] = values[n * k / pieces];
    return count;
}

/* Sets the bins of histories by their familiarity. */
static void set_bins(blend_t *b, const cases_t *c, int64_t bins)
{
    double *familiarity = NEW_ARRAY(double, c->n), edge[MIXTURE_BINS];
    for (int64_t i = 0; i < c->n; i++) familiarity[i] = (double)(float)sources_familiarity(&b->sources, &c->histories[i]);
    b->bins = cut(c->n, familiarity, bins, edge);
    for (int k = 0; k < b->bins; k++) b->edge[k] = (float)edge[k];
    free(familiarity);
}

/* Parts the items that training never met from those that it met once, where the fewest events say so many of what came. */
static int part_unmet(int64_t n, const double *sorted, int groups, double *edge)
{
    if (n < USERS_A_BIN || sorted[USERS_A_BIN - 1] > 0 || groups == MIXING_GROUPS || (groups > 1 && edge[1] == 1)) return groups;
    memmove(edge + 2, edge + 1, (size_t)(groups - 1) * sizeof *edge);
    edge[1] = 1;
    return groups + 1;
}

/* Sets the groups of items by their training events, as many of what came in each; of those without any, where there are enough, a
 * group of their own. */
static void set_groups(blend_t *b, const cases_t *c, int64_t groups)
{
    double *events = NEW_ARRAY(double, c->n), edge[MIXING_GROUPS];
    for (int64_t i = 0; i < c->n; i++) events[i] = (double)b->sources.popularity[c->histories[i].target];
    b->groups = cut(c->n, events, groups, edge);
    if (b->groups > 1) b->groups = part_unmet(c->n, events, b->groups, edge);
    for (int k = 0; k < b->groups; k++) b->group_edge[k] = (int64_t)edge[k];
    free(events);
}

static void appraise_targets(const job_t *job)
{
    const cases_t *c = &job->cases;
    int64_t *offsets = NEW_ARRAY(int64_t, c->n + 1);
    int32_t *targets = NEW_ARRAY(int32_t, c->n);
    for (int64_t i = 0; i < c->n; i++) {
        targets[i] = c->histories[i].target;
        offsets[i + 1] = i + 1;
    }
    appraiser_run(job->appraiser, c->n, c->histories, offsets, targets, c->p);
    free(offsets);
    free(targets);
}

static void make_cases(job_t *job, const interactions_t *x, const char *name)
{
    cases_t *c = &job->cases;
    int64_t n = 0;
    case_t *cases = sample_cases(x, SPLIT_VALID, job->o->users, job->o->seed, &c->n);
    if (!c->n) die(EX_DATAERR, "%s: no user has an item held out for validation, which fitting needs", name);
    const uint64_t key = rng_stream(job->o->seed, "blend-folds");
    c->histories = NEW_ARRAY(history_t, c->n);
    c->bin = NEW_ARRAY(uint8_t, c->n);
    c->p = NEW_ARRAY(double, size_mul((size_t)c->n, (size_t)job->b->parts));
    for (int fold = 0; fold < FOLDS; fold++) {
        for (int64_t i = 0; i < c->n; i++)
            if (rng_below(key, (uint64_t)cases[i].user, FOLDS) == (uint64_t)fold)
                c->histories[n++] = interactions_case(x, cases[i]);
        c->fold[fold + 1] = n;
    }
    set_bins(job->b, c, job->o->bins);
    set_groups(job->b, c, job->o->list ? job->o->groups : 1);
    for (int64_t i = 0; i < c->n; i++) c->bin[i] = (uint8_t)blend_bin(job->b, &c->histories[i]);
    appraise_targets(job);
    free(cases);
}

static void free_cases(cases_t *c)
{
    free(c->histories);
    free(c->bin);
    free(c->p);
}

static mixture_cases_t cases_between(const job_t *job, int64_t first, int64_t end)
{
    const int parts = job->b->parts;
    return (mixture_cases_t){end - first, parts, job->b->bins, job->cases.p + first * parts, job->cases.bin + first};
}

/* --- Lists -------------------------------------------------------------------------------------------------------------- */

static void take_list(void *ctx, int64_t i, const int32_t *items, int64_t n)
{
    job_t *job = ctx;
    lists_t *l = &job->lists;
    const int32_t rank = ranking_find(items, n, job->cases.histories[i].target);
    if (!rank) return;
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 256;
        l->of = xreallocarray(l->of, (size_t)l->cap, sizeof *l->of);
        l->came = xreallocarray(l->came, (size_t)l->cap, sizeof *l->came);
        l->bin = xreallocarray(l->bin, (size_t)l->cap, sizeof *l->bin);
        l->offsets = xreallocarray(l->offsets, (size_t)l->cap + 1, sizeof *l->offsets);
    }
    l->of[l->n] = i;
    l->bin[l->n] = job->cases.bin[i];
    l->came[l->n] = l->item_count + rank - 1;
    l->offsets[l->n++] = l->item_count;
    for (int64_t j = 0; j < n; j++) {
        GROW(l->items, l->item_count, l->item_cap);
        l->items[l->item_count++] = items[j];
    }
    l->offsets[l->n] = l->item_count;
}

/* Asks every part about every item of the lists. */
static void appraise_lists(job_t *job)
{
    lists_t *l = &job->lists;
    history_t *histories = NEW_ARRAY(history_t, l->n + 1);
    for (int64_t i = 0; i < l->n; i++) histories[i] = job->cases.histories[l->of[i]];
    l->p = NEW_ARRAY(double, size_mul((size_t)l->item_count + 1, (size_t)job->b->parts));
    if (l->n) appraiser_run(job->appraiser, l->n, histories, l->offsets, l->items, l->p);
    l->group = NEW_ARRAY(uint8_t, l->item_count + 1);
    for (int64_t j = 0; j < l->item_count; j++) l->group[j] = (uint8_t)blend_group(job->b, l->items[j]);
    free(histories);
}

static void free_lists(lists_t *l)
{
    void *all[] = {l->of, l->offsets, l->came, l->bin, l->group, l->items, l->p};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* Takes the lists of cases [first, end). */
static choices_t lists_between(const job_t *job, int64_t first, int64_t end)
{
    const lists_t *l = &job->lists;
    int64_t from = 0, to;
    while (from < l->n && l->of[from] < first) from++;
    for (to = from; to < l->n && l->of[to] < end; to++);
    return (choices_t){to - from, job->b->parts, job->b->bins, job->b->groups, l->offsets + from, l->bin + from, l->came + from,
                       l->group, l->p};
}

/* --- Weights ------------------------------------------------------------------------------------------------------------ */

/* Takes next to no weight away; popularity keeps a little, so that lists are filled. */
static void drop_faint(const blend_t *b, double *weight)
{
    for (int bin = 0; bin < b->bins; bin++) {
        double *w = weight + bin * b->parts, sum = 0;
        for (int s = 0; s < b->parts; s++) {
            if (w[s] < FAINT) w[s] = b->part[s] == PART_POPULAR ? FAINT : 0;
            sum += w[s];
        }
        for (int s = 0; s < b->parts; s++) w[s] /= sum;
    }
}

/* Finds the weights by which all that came in cases [first, end) is likeliest. */
static mixing_t fit_likeliest(const job_t *job, int64_t first, int64_t end)
{
    const blend_t *b = job->b;
    mixing_t x = mixing_new(b->bins, b->groups, b->parts);
    const mixture_cases_t c = cases_between(job, first, end);
    mixture_fit(&c, job->o->strength, x.weight);
    drop_faint(b, x.weight);
    return x;
}

/* Turns them into those by which it is likely among the items of its lists. */
static void fit_lists(const job_t *job, int64_t first, int64_t end, mixing_t *x)
{
    if (!job->o->list) return;
    const choices_t c = lists_between(job, first, end);
    choices_tilt(&c, job->o->strength, x);
    drop_faint(job->b, x->weight);
    choices_pool(&c, job->o->strength, x);
}

/* Draws the lists that all fits and judgements share, by the likeliest weights. */
static void make_lists(job_t *job, const mixing_t *likeliest)
{
    const cases_t *c = &job->cases;
    const int64_t length = job->o->list ? job->o->list : FITTING_LEAST_LIST;
    job->lists.offsets = NEW_ARRAY(int64_t, 1);
    listing_each(job->b, job->mixer, likeliest, c->n, c->histories, job->o->beam, length, take_list, job);
    appraise_lists(job);
}

/* --- Judgement ---------------------------------------------------------------------------------------------------------- */

static void add_likelihood(const mixture_cases_t *c, const double *weight, fitting_score_t *sum)
{
    int64_t reached;
    const double mean = mixture_likelihood(c, weight, &reached);
    sum->log_p += mean * (double)reached;
    sum->reach += (double)reached;
}

static void add_rank(int64_t rank, fitting_score_t *sum)
{
    sum->hr10 += ranking_hit((int32_t)rank, CUT);
    if (rank <= CUT) sum->ndcg10 += ranking_gain((int32_t)rank);
}

static fitting_score_t mean_of(fitting_score_t sum, int64_t n)
{
    const double cases = (double)n;
    return (fitting_score_t){sum.hr10 / cases, sum.ndcg10 / cases, sum.reach / cases,
                             sum.reach > 0 ? sum.log_p / sum.reach : NAN};
}

/* Judges each fold by what was fitted to the other; likelihoods are those of the likeliest weights. */
static fitting_score_t judge_mixture(const job_t *job)
{
    const int64_t *at = job->cases.fold;
    fitting_score_t sum = {0};
    for (int fold = 0; fold < FOLDS; fold++) {
        const int64_t *other = at + 1 - fold;
        const mixture_cases_t judged = cases_between(job, at[fold], at[fold + 1]);
        const choices_t lists = lists_between(job, at[fold], at[fold + 1]);
        mixing_t x = fit_likeliest(job, other[0], other[1]);
        add_likelihood(&judged, x.weight, &sum);
        fit_lists(job, other[0], other[1], &x);
        for (int64_t i = 0; i < lists.n; i++) add_rank(1 + choices_place(&lists, &x, i), &sum);
        mixing_free(&x);
    }
    return mean_of(sum, job->cases.n);
}

/* A score being added up. */
typedef struct {
    const cases_t *cases;
    fitting_score_t *sum;
} scoring_t;

static void take_score(void *ctx, int64_t i, const int32_t *items, int64_t n)
{
    const scoring_t *s = ctx;
    add_rank(ranking_find(items, n, s->cases->histories[i].target), s->sum);
}

static fitting_score_t judge_alone(const job_t *job, int place)
{
    const blend_t *b = job->b;
    const cases_t *c = &job->cases;
    const mixture_cases_t cases = cases_between(job, 0, c->n);
    fitting_score_t sum = {0};
    mixing_t x = mixing_alone(b->bins, b->groups, b->parts, place);
    add_likelihood(&cases, x.weight, &sum);
    listing_each(b, job->mixer, &x, c->n, c->histories, job->o->beam, CUT, take_score, &(scoring_t){c, &sum});
    mixing_free(&x);
    return mean_of(sum, c->n);
}

/* Sets what is not fitted: what was asked for, and what parts count that know nothing of an item, as much as they give the items of
 * the lists on average. */
static void set_rest(const job_t *job, mixing_t *x)
{
    const lists_t *l = &job->lists;
    const int parts = job->b->parts;
    for (int s = 0; s < parts && l->item_count; s++) {
        double sum = 0;
        if (!part_learns(job->b->part[s])) continue;
        for (int64_t j = 0; j < l->item_count; j++) sum += log(l->p[j * parts + s] + MIXING_FLOOR);
        x->quiet[1 + s] = fmin(sum / (double)l->item_count, 0);
    }
    x->quiet[0] = job->o->favour;
    x->even = job->o->even;
}

fitting_t fitting_run(blend_t *b, mixer_t *m, appraiser_t *a, const interactions_t *x, const char *name,
                      const fitting_options_t *options)
{
    job_t job = {.b = b, .mixer = m, .appraiser = a, .o = options};
    make_cases(&job, x, name);
    const cases_t *c = &job.cases;
    fitting_t f = {.users = c->n};
    progress_start("fitting and judging", "lists", c->n * (1 + b->parts));
    mixing_t mixing = fit_likeliest(&job, 0, c->n);
    make_lists(&job, &mixing);
    f.mixture = judge_mixture(&job);
    for (int s = 0; s < b->parts; s++) f.alone[s] = judge_alone(&job, s);
    for (int64_t i = 0; i < c->n; i++) f.bin_users[c->bin[i]]++;
    fit_lists(&job, 0, c->n, &mixing);
    set_rest(&job, &mixing);
    mixing_free(&b->mixing);
    b->mixing = mixing;
    progress_end();
    free_cases(&job.cases);
    free_lists(&job.lists);
    return f;
}

/* Finds a part's mean weight over the users. */
static double mean_weight(const fitting_t *f, const blend_t *b, int place)
{
    double sum = 0;
    for (int bin = 0; bin < b->bins; bin++) sum += (double)f->bin_users[bin] * b->mixing.weight[bin * b->parts + place];
    return sum / (double)f->users;
}

void fitting_note(const fitting_t *f, const blend_t *b)
{
    note("%lld users, %s; the mixture by held-out folds:", (long long)f->users, protocol_words[b->sources.protocol]);
    note("%-20s %6s  %6s  %7s  %6s  %6s", "", "weight", "hr@10", "ndcg@10", "reach", "log p");
    for (int s = 0; s < b->parts; s++)
        note("%-20s %6.3f  %6.4f  %7.4f  %6.3f  %6.3f", part_names[b->part[s]], mean_weight(f, b, s), f->alone[s].hr10,
             f->alone[s].ndcg10, f->alone[s].reach, f->alone[s].log_p);
    note("%-20s %6s  %6.4f  %7.4f  %6.3f  %6.3f", "mixture", "", f->mixture.hr10, f->mixture.ndcg10, f->mixture.reach,
         f->mixture.log_p);
}

static void score_json(const fitting_score_t *s, buf_t *out)
{
    buf_json_member(out, "hr@10", s->hr10);
    buf_puts(out, ", ");
    buf_json_member(out, "ndcg@10", s->ndcg10);
    buf_puts(out, ", ");
    buf_json_member(out, "reach", s->reach);
    buf_puts(out, ", ");
    buf_json_member(out, "log_p", s->log_p);
    buf_puts(out, "}");
}

void fitting_json(const fitting_t *f, const blend_t *b, buf_t *out)
{
    buf_printf(out, "{\n  \"schema\": \"blend-report/1\",\n  \"protocol\": \"%s\",\n  \"users\": %lld,\n  \"mixture\": {",
               protocol_names[b->sources.protocol], (long long)f->users);
    score_json(&f->mixture, out);
    buf_puts(out, ",\n  \"parts\": {");
    for (int s = 0; s < b->parts; s++) {
        buf_printf(out, "%s\n    \"%s\": {", s ? "," : "", part_names[b->part[s]]);
        buf_json_member(out, "weight", mean_weight(f, b, s));
        buf_puts(out, ", ");
        score_json(&f->alone[s], out);
    }
    buf_puts(out, "\n  },\n  ");
    blend_json(b, f->bin_users, out);
    buf_puts(out, "\n}\n");
}
