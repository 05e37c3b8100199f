#include "sid/weighing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/progress.h"
#include "sid/nearness.h"
#include "text/field_rows.h"
#include "text/field_space.h"

static const double grid[] = {0, 0.125, 0.25, 0.5, 1, 2, 4, 8};
enum {
    GRID = sizeof grid / sizeof *grid,
    MAX_WEIGHTS = MAX_FIELDS + 1,
    ERRORS = 3, /* a gain is worth: users share items, so that what is by chance near for some is so for others */
};

typedef struct {
    const weighed_t *w;
    const follow_t *f;
    field_rows_t *parts; /* in the space that changes are found in */
    int texts, count;
    double *weight;
    double *judged; /* [users] scores with `weight`, in a space of its own */
    double *found;  /* [users] likewise, of the change at hand */
    double *score;  /* [fitting] of the last trial */
    double *best;   /* [fitting] of what others are compared with */
    double given;   /* where the next item stands with the weights given */
} search_t;

static double mean(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static double image_weight(const search_t *s, const double *weight) { return s->count > s->texts ? weight[s->texts] : 0; }

/* Scores the users to fit on with one weight changed (`which` -1: none), in the common space; returns their mean. */
static double try(const search_t *s, int which, double value)
{
    const int64_t text = field_rows_width(s->parts), width = text + s->w->images->width;
    double weight[MAX_WEIGHTS];
    memcpy(weight, s->weight, (size_t)s->count * sizeof *weight);
    if (which >= 0) weight[which] = value;
    float *rows = xfloats(size_mul((size_t)s->f->items, (size_t)width));
    field_rows_make(s->parts, weight, rows, width);
    joined_rows(s->w->images, text, image_weight(s, weight), rows);
    nearness_scores(s->f, 0, s->f->fitting, width, rows, s->score);
    free(rows);
    progress_add(1);
    return mean(s->score, s->f->fitting);
}

/* Scores all users with these weights, in a space that was fitted with them. */
static void score_in(const search_t *s, lsa_t *space, const double *weight, double *score)
{
    const int64_t text = s->w->lsa->dim, width = text + s->w->images->width;
    float *texts = field_space_rows(space, s->w->texts, weight, s->f->items, s->f->item);
    float *rows = xfloats(size_mul((size_t)s->f->items, (size_t)width));
    for (int64_t i = 0; i < s->f->items; i++) memcpy(rows + i * width, texts + i * text, (size_t)text * sizeof *rows);
    joined_rows(s->w->images, text, image_weight(s, weight), rows);
    nearness_scores(s->f, 0, s->f->users, width, rows, score);
    free(rows);
    free(texts);
    progress_add(1);
}

static void score_for_good(const search_t *s, const double *weight, double *score)
{
    lsa_t *space = field_space(s->w->texts, weight, s->w->lsa);
    score_in(s, space, weight, score);
    lsa_free(space);
}

static const double *judges(const search_t *s, const double *score) { return score + s->f->fitting; }

static int64_t judge_count(const search_t *s) { return s->f->users - s->f->fitting; }

/* Tells whether a text field would be left. */
static bool leaves_text(const search_t *s, int which, double value)
{
    for (int i = 0; i < s->texts; i++)
        if ((i == which ? value : s->weight[i]) > 0) return true;
    return false;
}

typedef struct {
    int which;
    double value, score; /* on the users to fit on */
} change_t;

/* The mean of x - y, and its standard error. */
typedef struct {
    double mean, error;
} gain_t;

static gain_t gain(const double *x, const double *y, int64_t n)
{
    const double gain = mean(x, n) - mean(y, n);
    double square = 0;
    for (int64_t i = 0; i < n; i++) square += (x[i] - y[i] - gain) * (x[i] - y[i] - gain);
    return (gain_t){gain, sqrt(square / (double)n / (double)(n - 1))};
}

/* Where the next item stands, by the users to judge by. */
static double place(const search_t *s, const double *score) { return exp(-mean(judges(s, score), judge_count(s))); }

/* Begins with the best field alone, unless the weights that were given, which `found` is of, do better by more than a standard
 * error. */
static void start(search_t *s)
{
    const size_t bytes = (size_t)s->count * sizeof *s->weight;
    double given[MAX_WEIGHTS];
    change_t best = {-1, 1, -INFINITY};
    s->given = place(s, s->found);
    memcpy(given, s->weight, bytes);
    memset(s->weight, 0, bytes);
    for (int i = 0; i < s->texts; i++) {
        const double score = try(s, i, 1);
        if (score > best.score) best = (change_t){i, 1, score};
    }
    s->weight[best.which] = 1;
    score_for_good(s, s->weight, s->judged);
    const gain_t loss = gain(s->found, s->judged, s->f->fitting);
    if (loss.mean <= loss.error) return;
    memcpy(s->weight, given, bytes);
    memcpy(s->judged, s->found, (size_t)s->f->users * sizeof *s->judged);
}

/* Lists the best change to each weight. */
static void find_changes(const search_t *s, change_t *change)
{
    for (int i = 0; i < s->count; i++) {
        change[i] = (change_t){i, 0, -INFINITY};
        for (int g = 0; g < GRID; g++) {
            if (grid[g] == s->weight[i] || !leaves_text(s, i, grid[g])) continue;
            const double score = try(s, i, grid[g]);
            if (score > change[i].score) change[i] = (change_t){i, grid[g], score};
        }
    }
}

static int by_score(const void *a, const void *b)
{
    const change_t *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->which - y->which;
}

/* Lowers the weight as long as the users to fit on lose no more than a standard error by it. */
static void settle_for_less(search_t *s, change_t *c)
{
    const int64_t n = s->f->fitting;
    int g = 0;
    while (grid[g] < c->value) g++;
    try(s, c->which, c->value);
    memcpy(s->best, s->score, (size_t)n * sizeof *s->best);
    while (--g > 0 && grid[g] != s->weight[c->which]) {
        try(s, c->which, grid[g]);
        const gain_t loss = gain(s->best, s->score, n);
        if (loss.mean > loss.error) return;
        c->value = grid[g];
    }
}

/* Makes the change if it does good to the users that it was not chosen on; what takes evidence away has nothing to prove. */
static bool passes(search_t *s, change_t *c)
{
    settle_for_less(s, c);
    const double before = s->weight[c->which];
    s->weight[c->which] = c->value;
    score_for_good(s, s->weight, s->found);
    const gain_t g = gain(judges(s, s->found), judges(s, s->judged), judge_count(s));
    const bool good = g.mean > (c->value < before ? 0 : ERRORS * g.error);
    jsonlog("{\"weight\":\"%s\",\"from\":%g,\"to\":%g,\"gain\":%.6g,\"error\":%.6g,\"taken\":%s}", s->w->name[c->which], before,
            c->value, g.mean, g.error, good ? "true" : "false");
    if (good) memcpy(s->judged, s->found, (size_t)s->f->users * sizeof *s->judged);
    else s->weight[c->which] = before;
    return good;
}

/* Makes the best change that passes; false where none does. */
static bool step(search_t *s)
{
    change_t change[MAX_WEIGHTS];
    const double now = try(s, -1, 0);
    find_changes(s, change);
    qsort(change, (size_t)s->count, sizeof *change, by_score);
    for (int i = 0; i < s->count && change[i].score > now; i++)
        if (passes(s, &change[i])) return true;
    return false;
}

weighing_t weigh(const weighed_t *w, double *weight)
{
    const follow_t *f = w->follow;
    search_t s = {.w = w, .f = f, .texts = w->texts->fields, .count = w->texts->fields + (w->images->width > 0), .weight = weight};
    lsa_t *space = field_space(w->texts, weight, w->lsa);
    s.parts = field_rows_new(space, w->texts, f->items, f->item);
    s.judged = NEW_ARRAY(double, f->users);
    s.found = NEW_ARRAY(double, f->users);
    s.score = NEW_ARRAY(double, f->fitting);
    s.best = NEW_ARRAY(double, f->fitting);
    progress_start("weighing", "trials", 0);
    score_in(&s, space, weight, s.found);
    lsa_free(space);
    start(&s);
    while (step(&s)) {}
    const weighing_t r = {.given = s.given, .fitted = place(&s, s.judged), .among = f->others + 1};
    progress_end();
    field_rows_free(s.parts);
    free(s.judged);
    free(s.found);
    free(s.score);
    free(s.best);
    return r;
}
