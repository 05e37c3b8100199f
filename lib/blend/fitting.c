#include "blend/fitting.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/progress.h"
#include "base/rng.h"
#include "blend/listing.h"
#include "data/ranking.h"
#include "data/sample.h"

enum { FOLDS = 2, CUT = 10, USERS_A_BIN = 20 };

#define FAINT 1e-4 /* least weight */

/* Users' cases: what was before, which fold they are of, what the parts give to what came. */
typedef struct {
    int64_t n;
    history_t *histories; /* [n] */
    uint8_t *bin, *fold;  /* [n] */
    double *p;            /* [n, parts] */
} cases_t;

/* What is fitted, and with what. */
typedef struct {
    blend_t *b;
    mixer_t *mixer;
    appraiser_t *appraiser;
    const fitting_options_t *o;
} job_t;

static void cases_reserve(cases_t *c, int64_t n, int parts)
{
    c->histories = NEW_ARRAY(history_t, n + 1);
    c->bin = NEW_ARRAY(uint8_t, n + 1);
    c->fold = NEW_ARRAY(uint8_t, n + 1);
    c->p = NEW_ARRAY(double, size_mul((size_t)n + 1, (size_t)parts));
}

static void cases_free(cases_t *c)
{
    free(c->histories);
    free(c->bin);
    free(c->fold);
    free(c->p);
}

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Cuts the cases into bins of as many users each, by the familiarity of their histories; fewer where there are few users, or
 * where many are alike. */
static void set_edges(blend_t *b, const cases_t *c, int64_t bins)
{
    float *familiarity = NEW_ARRAY(float, c->n);
    for (int64_t i = 0; i < c->n; i++) familiarity[i] = (float)sources_familiarity(&b->sources, &c->histories[i]);
    qsort(familiarity, (size_t)c->n, sizeof *familiarity, ascending);
    bins = min64(bins, 1 + c->n / USERS_A_BIN);
    b->bins = 1;
    b->edge[0] = 0;
    for (int64_t k = 1; k < bins; k++) {
        const float edge = familiarity[c->n * k / bins];
        if (edge > b->edge[b->bins - 1]) b->edge[b->bins++] = edge;
    }
    free(familiarity);
}

static void appraise_targets(const job_t *job, cases_t *c)
{
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

static cases_t cases_make(const job_t *job, const interactions_t *x, const char *name)
{
    cases_t c = {0};
    int64_t *users = sample_users(x, SPLIT_VALID, job->o->users, job->o->seed, &c.n);
    if (!c.n) die(EX_DATAERR, "%s: no user has the 3 interactions that fitting needs", name);
    const uint64_t key = rng_stream(job->o->seed, "blend-folds");
    cases_reserve(&c, c.n, job->b->parts);
    for (int64_t i = 0; i < c.n; i++) {
        interactions_history(x, users[i], SPLIT_VALID, &c.histories[i]);
        c.fold[i] = (uint8_t)rng_below(key, (uint64_t)users[i], FOLDS);
    }
    set_edges(job->b, &c, job->o->bins);
    for (int64_t i = 0; i < c.n; i++) c.bin[i] = (uint8_t)blend_bin(job->b, &c.histories[i]);
    appraise_targets(job, &c);
    free(users);
    return c;
}

/* Adds a case of another list. */
static void cases_add(cases_t *c, const cases_t *from, int64_t i, int parts)
{
    c->histories[c->n] = from->histories[i];
    c->bin[c->n] = from->bin[i];
    c->fold[c->n] = from->fold[i];
    memcpy(c->p + c->n++ * parts, from->p + i * parts, (size_t)parts * sizeof *c->p);
}

/* The cases of one fold. */
static cases_t cases_of(const cases_t *all, int fold, int parts)
{
    cases_t c = {0};
    cases_reserve(&c, all->n, parts);
    for (int64_t i = 0; i < all->n; i++)
        if (all->fold[i] == fold) cases_add(&c, all, i, parts);
    return c;
}

static mixture_cases_t to_fit(const cases_t *c, const blend_t *b)
{
    return (mixture_cases_t){c->n, b->parts, b->bins, c->p, c->bin};
}

/* Parts of next to no weight get none, and cost nothing; popularity keeps a little, so that lists are filled. */
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

/* Lists that hold what came, as they are gathered. */
typedef struct {
    const cases_t *cases;
    int64_t n, cap, item_count, item_cap;
    int64_t *of;      /* [n] their cases */
    int64_t *offsets; /* [n + 1] */
    int32_t *items;
} lists_t;

static void take_list(void *ctx, int64_t i, const int32_t *items, int64_t n)
{
    lists_t *l = ctx;
    if (!ranking_find(items, n, l->cases->histories[i].target)) return;
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 256;
        l->of = xreallocarray(l->of, (size_t)l->cap, sizeof *l->of);
        l->offsets = xreallocarray(l->offsets, (size_t)l->cap + 1, sizeof *l->offsets);
    }
    l->of[l->n] = i;
    l->offsets[l->n++] = l->item_count;
    for (int64_t j = 0; j < n; j++) {
        GROW(l->items, l->item_count, l->item_cap);
        l->items[l->item_count++] = items[j];
    }
    l->offsets[l->n] = l->item_count;
}

/* What the parts give to each list as a whole: [n, parts]. */
static double *masses(const job_t *job, const lists_t *l, const history_t *histories)
{
    const int parts = job->b->parts;
    double *mass = NEW_ARRAY(double, l->n * parts), *p = NEW_ARRAY(double, size_mul((size_t)l->item_count, (size_t)parts));
    appraiser_run(job->appraiser, l->n, histories, l->offsets, l->items, p);
    for (int64_t i = 0; i < l->n; i++)
        for (int64_t j = l->offsets[i]; j < l->offsets[i + 1]; j++)
            for (int s = 0; s < parts; s++) mass[i * parts + s] += p[j * parts + s];
    free(p);
    return mass;
}

/* Turns weights by which all that came is likely into those by which it is likely among the items of its list. */
static void tilt(const job_t *job, const cases_t *c, double *weight)
{
    lists_t l = {.cases = c};
    listing_each(job->b, job->mixer, weight, c->n, c->histories, job->o->beam, job->o->list, take_list, &l);
    cases_t held = {0};
    cases_reserve(&held, l.n, job->b->parts);
    for (int64_t i = 0; i < l.n; i++) cases_add(&held, c, l.of[i], job->b->parts);
    if (l.n) {
        double *mass = masses(job, &l, held.histories);
        const mixture_cases_t cases = to_fit(&held, job->b);
        mixture_tilt(&cases, mass, weight);
        free(mass);
    }
    cases_free(&held);
    free(l.of);
    free(l.offsets);
    free(l.items);
}

static void fit_weights(const job_t *job, const cases_t *c, double *weight)
{
    const mixture_cases_t cases = to_fit(c, job->b);
    mixture_fit(&cases, job->o->strength, weight);
    drop_faint(job->b, weight);
    if (job->o->list) tilt(job, c, weight);
    drop_faint(job->b, weight);
}

/* A score being added up. */
typedef struct {
    const cases_t *cases;
    fitting_score_t *sum;
} scoring_t;

static void take_score(void *ctx, int64_t i, const int32_t *items, int64_t n)
{
    const scoring_t *s = ctx;
    const int32_t rank = ranking_find(items, n, s->cases->histories[i].target);
    s->sum->hr10 += ranking_hit(rank, CUT);
    s->sum->ndcg10 += ranking_gain(rank);
}

/* Adds up what the mixture with these weights makes of the cases. */
static void add_score(const job_t *job, const cases_t *c, const double *weight, fitting_score_t *sum)
{
    int64_t reached;
    const mixture_cases_t cases = to_fit(c, job->b);
    const double mean = mixture_likelihood(&cases, weight, &reached);
    sum->log_p += mean * (double)reached;
    sum->reach += (double)reached;
    listing_each(job->b, job->mixer, weight, c->n, c->histories, job->o->beam, CUT, take_score, &(scoring_t){c, sum});
}

static fitting_score_t mean_of(fitting_score_t sum, int64_t n)
{
    const double cases = (double)n;
    return (fitting_score_t){sum.hr10 / cases, sum.ndcg10 / cases, sum.reach / cases,
                             sum.reach > 0 ? sum.log_p / sum.reach : NAN};
}

/* Each fold by the weights of the other. */
static fitting_score_t judge_mixture(const job_t *job, const cases_t *all)
{
    const blend_t *b = job->b;
    fitting_score_t sum = {0};
    double *weight = NEW_ARRAY(double, b->bins * b->parts);
    for (int fold = 0; fold < FOLDS; fold++) {
        cases_t fitted = cases_of(all, 1 - fold, b->parts), judged = cases_of(all, fold, b->parts);
        fit_weights(job, &fitted, weight);
        add_score(job, &judged, weight, &sum);
        cases_free(&fitted);
        cases_free(&judged);
    }
    free(weight);
    return mean_of(sum, all->n);
}

static fitting_score_t judge_alone(const job_t *job, const cases_t *all, int place)
{
    const blend_t *b = job->b;
    fitting_score_t sum = {0};
    double *weight = NEW_ARRAY(double, b->bins * b->parts);
    for (int bin = 0; bin < b->bins; bin++) weight[bin * b->parts + place] = 1;
    add_score(job, all, weight, &sum);
    free(weight);
    return mean_of(sum, all->n);
}

fitting_t fitting_run(blend_t *b, mixer_t *m, appraiser_t *a, const interactions_t *x, const char *name,
                      const fitting_options_t *options)
{
    const job_t job = {b, m, a, options};
    cases_t all = cases_make(&job, x, name);
    fitting_t f = {.users = all.n};
    progress_start("fitting and judging", "lists", all.n * (1 + (options->list ? 2 : 0) + b->parts));
    f.mixture = judge_mixture(&job, &all);
    for (int s = 0; s < b->parts; s++) f.alone[s] = judge_alone(&job, &all, s);
    for (int64_t i = 0; i < all.n; i++) f.bin_users[all.bin[i]]++;
    free(b->weight);
    b->weight = NEW_ARRAY(double, b->bins * b->parts);
    fit_weights(&job, &all, b->weight);
    progress_end();
    cases_free(&all);
    return f;
}

/* A part's mean weight over the users. */
static double mean_weight(const fitting_t *f, const blend_t *b, int place)
{
    double sum = 0;
    for (int bin = 0; bin < b->bins; bin++) sum += (double)f->bin_users[bin] * b->weight[bin * b->parts + place];
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

static void bin_json(const fitting_t *f, const blend_t *b, int bin, buf_t *out)
{
    buf_printf(out, "%s\n    {\"from\": %.9g, \"users\": %lld, \"weights\": {", bin ? "," : "", (double)b->edge[bin],
               (long long)f->bin_users[bin]);
    for (int s = 0; s < b->parts; s++) {
        buf_puts(out, s ? ", " : "");
        buf_json_member(out, part_names[b->part[s]], b->weight[bin * b->parts + s]);
    }
    buf_puts(out, "}}");
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
    buf_puts(out, "\n  },\n  \"bins\": [");
    for (int bin = 0; bin < b->bins; bin++) bin_json(f, b, bin, out);
    buf_puts(out, "\n  ]\n}\n");
}
