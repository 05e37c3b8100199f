#include "blend/sources.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"

#define FADED 1e-9   /* weight of events too old to matter */
#define ROUNDED 1e-6 /* of a sum that was taken away but for rounding, as much may be left */

const char *const part_names[PARTS] = {"generator", "cooccur", "neighbours", "cooccur-neighbours",
                                       "neighbours-cooccur", "repeat", "popular"};

bool part_learns(part_t part) { return part != PART_NEIGHBOURS && part != PART_COOCCUR_NEIGHBOURS; }


/* The tables that a part's steps go by. */
static const struct {
    int count;
    table_t table[2];
} steps[PARTS] = {
    [PART_COOCCUR] = {1, {TABLE_COOCCUR}},
    [PART_NEIGHBOURS] = {1, {TABLE_NEIGHBOURS}},
    [PART_COOCCUR_NEIGHBOURS] = {2, {TABLE_COOCCUR, TABLE_NEIGHBOURS}},
    [PART_NEIGHBOURS_COOCCUR] = {2, {TABLE_NEIGHBOURS, TABLE_COOCCUR}},
};

static const part_t first_steps[TABLES] = {PART_COOCCUR, PART_NEIGHBOURS};

static double *row_totals(const csr_t *t)
{
    double *total = NEW_ARRAY(double, t->rows + 1);
    for (int64_t r = 0; r < t->rows; r++)
        for (int64_t e = t->offsets[r]; e < t->offsets[r + 1]; e++) total[r] += (double)t->value[e];
    return total;
}

void sources_prepare(sources_t *e)
{
    e->events = (double)e->items;
    for (int64_t i = 0; i < e->items; i++) e->events += (double)e->popularity[i];
    for (int t = 0; t < TABLES; t++) e->total[t] = row_totals(&e->tables[t]);
    e->popular = ranking_by_events(e->popularity, e->items);
}

void sources_free(sources_t *e)
{
    for (int t = 0; t < TABLES; t++) {
        csr_free(&e->tables[t]);
        free(e->total[t]);
    }
    free(e->popularity);
    free(e->popular);
    *e = (sources_t){0};
}

bool sources_has(const sources_t *e, part_t part)
{
    if (part == PART_GENERATOR) return false;
    if (part == PART_REPEAT) return e->protocol == PROTOCOL_ALL;
    for (int s = 0; s < steps[part].count; s++)
        if (!e->tables[steps[part].table[s]].rows) return false;
    return true;
}

double sources_familiarity(const sources_t *e, const history_t *h)
{
    double weight = 1, sum = 0;
    for (int64_t i = h->count - 1; i >= 0 && weight > FADED; i--, weight *= e->decay[TABLE_COOCCUR])
        sum += weight * (double)e->popularity[h->items[i]];
    return sum;
}

sources_answer_t sources_answer_new(const sources_t *e)
{
    sources_answer_t a = {.first = NEW_ARRAY(ranking_item_t, min64(e->hops, e->items) + 1)};
    for (part_t p = 0; p < PART_POPULAR; p++)
        if (sources_has(e, p) || p == PART_REPEAT) a.sum[p] = accumulator_new(e->items);
    return a;
}

void sources_answer_free(sources_answer_t *a)
{
    for (int p = 0; p < PARTS; p++) accumulator_free(&a->sum[p]);
    free(a->first);
}

/* Takes from a sum what one pair of events at a distance has put into co-occurrence. */
static void forget_pair(const sources_t *e, int32_t from, int32_t item, double weight, int64_t distance, accumulator_t *to)
{
    const double norm = pow((double)e->popularity[from] * (double)e->popularity[item], e->cooccur.power);
    const double left = to->sum[item] - weight / ((double)distance * norm);
    to->sum[item] = left > ROUNDED * to->sum[item] ? left : 0;
}

/* Takes from sums what a training history has put into the row of one of its items. */
static void forget_row(const sources_t *e, const history_t *own, int32_t row, double weight, accumulator_t *to)
{
    for (int64_t at = 0; at < own->count; at++) {
        if (own->items[at] != row) continue;
        for (int64_t s = 1; s <= min64(e->cooccur.window, own->count - 1 - at); s++) forget_pair(e, row, own->items[at + s], weight, s, to);
        for (int64_t s = 1; s <= min64(e->cooccur.window, at); s++)
            forget_pair(e, row, own->items[at - s], weight * e->cooccur.back, s, to);
    }
}

/* Adds a table's row, without what `own` has put there. */
static void add_row(const sources_t *e, table_t table, const history_t *own, int32_t row, double weight, accumulator_t *to)
{
    const csr_t *t = &e->tables[table];
    for (int64_t i = t->offsets[row]; i < t->offsets[row + 1]; i++) accumulate(to, t->index[i], weight * (double)t->value[i]);
    if (own && table == TABLE_COOCCUR) forget_row(e, own, row, weight, to);
}

static void step_once(const sources_t *e, const history_t *h, const history_t *own, table_t table, accumulator_t *to)
{
    double weight = 1;
    for (int64_t i = h->count - 1; i >= 0 && weight > FADED; i--, weight *= e->decay[table])
        add_row(e, table, own, h->items[i], weight, to);
}

static void step_on(const sources_t *e, const accumulator_t *from, const history_t *own, table_t table, ranking_item_t *first, accumulator_t *to)
{
    const int64_t n = accumulator_best(from, NULL, min64(e->hops, e->items), first);
    for (int64_t i = 0; i < n; i++) {
        const double total = e->total[table][first[i].item];
        if (total > 0) add_row(e, table, own, first[i].item, first[i].score / total, to);
    }
}

static void take_history(const sources_t *e, const history_t *h, accumulator_t *to)
{
    double weight = 1;
    for (int64_t i = h->count - 1; i >= 0; i--, weight *= e->decay[TABLE_COOCCUR]) accumulate(to, h->items[i], weight);
}

/* The sum over the items that count. */
static double mass_of(const sources_t *e, const accumulator_t *sum, const accumulator_t *met)
{
    double mass = 0;
    for (int64_t i = 0; i < sum->count; i++)
        if (e->protocol == PROTOCOL_ALL || !met->touched[sum->list[i]]) mass += sum->sum[sum->list[i]];
    return mass;
}

static double popular_mass(const sources_t *e, const accumulator_t *met)
{
    double mass = e->events;
    for (int64_t i = 0; i < met->count && e->protocol == PROTOCOL_UNSEEN; i++) mass -= (double)e->popularity[met->list[i]] + 1;
    return mass;
}

/* Whether a step's sums are needed, for themselves or for a second step. */
static bool is_needed(const bool wanted[PARTS], table_t table)
{
    for (part_t p = 0; p < PARTS; p++)
        if (wanted[p] && steps[p].count && steps[p].table[0] == table) return true;
    return false;
}

void sources_ask(const sources_t *e, const history_t *h, const history_t *own, const bool wanted[PARTS], sources_answer_t *a)
{
    for (part_t p = 0; p < PART_POPULAR; p++) accumulator_clear(&a->sum[p]);
    for (table_t t = 0; t < TABLES; t++)
        if (e->tables[t].rows && is_needed(wanted, t)) step_once(e, h, own, t, &a->sum[first_steps[t]]);
    for (part_t p = 0; p < PARTS; p++)
        if (wanted[p] && steps[p].count == 2 && sources_has(e, p))
            step_on(e, &a->sum[first_steps[steps[p].table[0]]], own, steps[p].table[1], a->first, &a->sum[p]);
    const accumulator_t *met = &a->sum[PART_REPEAT];
    take_history(e, h, &a->sum[PART_REPEAT]);
    for (part_t p = 0; p < PART_POPULAR; p++) a->mass[p] = mass_of(e, &a->sum[p], met);
    a->mass[PART_POPULAR] = popular_mass(e, met);
}

double sources_probability(const sources_t *e, const sources_answer_t *a, part_t part, int32_t item)
{
    if (!(a->mass[part] > 0)) return 0;
    return (part == PART_POPULAR ? (double)e->popularity[item] + 1 : a->sum[part].sum[item]) / a->mass[part];
}

static int64_t most_popular(const sources_t *e, const item_set_t *within, int64_t m, ranking_item_t *best)
{
    int64_t n = 0;
    for (int64_t i = 0; i < e->items && n < m; i++)
        if (!within || item_set_holds(within, e->popular[i]))
            best[n++] = (ranking_item_t){(double)e->popularity[e->popular[i]], e->popular[i]};
    return n;
}

int64_t sources_best(const sources_t *e, const sources_answer_t *a, part_t part, const item_set_t *within, int64_t m,
                     ranking_item_t *best)
{
    return part == PART_POPULAR ? most_popular(e, within, m, best) : accumulator_best(&a->sum[part], within, m, best);
}
