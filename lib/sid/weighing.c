#include "sid/weighing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/progress.h"
#include "sid/nearness.h"

static const double grid[] = {0, 0.125, 0.25, 0.5, 1, 2, 4, 8};
enum {
    GRID = sizeof grid / sizeof *grid,
    MAX_WEIGHTS = MAX_FIELDS + 1,
    ERRORS = 3, /* a gain is worth: users share items, so that what is by chance near for some is so for others */
};

typedef struct {
    const follow_t *f;
    const joined_t *e;
    int texts, count;
    const char *const *name;
    double *weight;
    float *rows;
    double *judged; /* scores of the users to judge by, with `weight` */
    double *score;  /* [users] of the last trial */
    double *best;   /* [fitting] of what others are compared with */
} search_t;

static double mean(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

/* Scores users [begin, end) with one weight changed (`which` -1: none); returns their mean. */
static double try(const search_t *s, int which, double value, int64_t begin, int64_t end)
{
    double weight[MAX_WEIGHTS];
    memcpy(weight, s->weight, (size_t)s->count * sizeof *weight);
    if (which >= 0) weight[which] = value;
    joined_rows(s->e, weight, s->rows);
    nearness_scores(s->f, begin, end, joined_width(s->e), s->rows, s->score);
    progress_add(1);
    return mean(s->score, end - begin);
}

static double fit_score(const search_t *s, int which, double value) { return try(s, which, value, 0, s->f->fitting); }

static double judge(const search_t *s, int which, double value) { return try(s, which, value, s->f->fitting, s->f->users); }

static int64_t judges(const search_t *s) { return s->f->users - s->f->fitting; }

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

/* Begins with the best field alone. */
static void start(search_t *s)
{
    change_t best = {-1, 1, -INFINITY};
    memset(s->weight, 0, (size_t)s->count * sizeof *s->weight);
    for (int i = 0; i < s->texts; i++) {
        const double score = fit_score(s, i, 1);
        if (score > best.score) best = (change_t){i, 1, score};
    }
    s->weight[best.which] = 1;
    judge(s, -1, 0);
    memcpy(s->judged, s->score, (size_t)judges(s) * sizeof *s->judged);
}

/* Lists the best change to each weight. */
static void find_changes(const search_t *s, change_t *change)
{
    for (int i = 0; i < s->count; i++) {
        change[i] = (change_t){i, 0, -INFINITY};
        for (int g = 0; g < GRID; g++) {
            if (grid[g] == s->weight[i] || !leaves_text(s, i, grid[g])) continue;
            const double score = fit_score(s, i, grid[g]);
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

/* Lowers the weight as long as the users to fit on lose no more than a standard error by it. */
static void settle_for_less(search_t *s, change_t *c)
{
    const int64_t n = s->f->fitting;
    int g = 0;
    while (grid[g] < c->value) g++;
    fit_score(s, c->which, c->value);
    memcpy(s->best, s->score, (size_t)n * sizeof *s->best);
    while (--g > 0 && grid[g] != s->weight[c->which]) {
        fit_score(s, c->which, grid[g]);
        const gain_t loss = gain(s->best, s->score, n);
        if (loss.mean > loss.error) return;
        c->value = grid[g];
    }
}

/* Makes the change if it does good to the users that it was not chosen on. */
static bool passes(search_t *s, change_t *c)
{
    const int64_t n = judges(s);
    settle_for_less(s, c);
    judge(s, c->which, c->value);
    const gain_t g = gain(s->score, s->judged, n);
    const bool good = g.mean > ERRORS * g.error;
    jsonlog("{\"weight\":\"%s\",\"from\":%g,\"to\":%g,\"gain\":%.6g,\"error\":%.6g,\"taken\":%s}", s->name[c->which], s->weight[c->which],
            c->value, g.mean, g.error, good ? "true" : "false");
    if (!good) return false;
    s->weight[c->which] = c->value;
    memcpy(s->judged, s->score, (size_t)n * sizeof *s->judged);
    return true;
}

/* Makes the best change that passes; false where none does. */
static bool step(search_t *s)
{
    change_t change[MAX_WEIGHTS];
    const double now = fit_score(s, -1, 0);
    find_changes(s, change);
    qsort(change, (size_t)s->count, sizeof *change, by_score);
    for (int i = 0; i < s->count && change[i].score > now; i++)
        if (passes(s, &change[i])) return true;
    return false;
}

weighing_t weigh(const follow_t *f, const joined_t *e, int texts, int count, const char *const *name, double *weight)
{
    search_t s = {.f = f, .e = e, .texts = texts, .count = count, .name = name, .weight = weight};
    s.rows = xfloats(size_mul((size_t)f->items, (size_t)joined_width(e)));
    s.judged = NEW_ARRAY(double, f->users);
    s.score = NEW_ARRAY(double, f->users);
    s.best = NEW_ARRAY(double, f->fitting);
    progress_start("weighing", "trials", 0);
    weighing_t w = {.given = exp(-judge(&s, -1, 0)), .among = f->others + 1};
    start(&s);
    while (step(&s)) {}
    w.fitted = exp(-mean(s.judged, judges(&s)));
    progress_end();
    free(s.rows);
    free(s.judged);
    free(s.score);
    free(s.best);
    return w;
}
