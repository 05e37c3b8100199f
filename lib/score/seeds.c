#include "score/seeds.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/label.h"
#include "base/mem.h"
#include "base/minmax.h"

enum { MAX_SEEDS = 64 };

void seeds_add(seeds_t *s, const char *file, protocol_t protocol)
{
    int names_cap = s->cap;
    if (s->count == MAX_SEEDS) die(EX_USAGE, "'%s': more than %d files of one system", s->label ? s->label : file, MAX_SEEDS);
    GROW(s->names, s->count, names_cap);
    GROW(s->ranks, s->count, s->cap);
    s->names[s->count] = xstrdup(file);
    s->ranks[s->count++] = ranks_read(file, protocol);
}

seeds_t seeds_read(const char *operand, protocol_t protocol)
{
    const size_t label = label_length(operand);
    seeds_t s = {.label = label ? xstrndup(operand, label) : xstrdup(operand)};
    char *files = xstrdup(label_file(operand)), *rest = files, *file;
    while ((file = strsep(&rest, ","))) seeds_add(&s, file, protocol);
    free(files);
    return s;
}

seeds_t seeds_part(const seeds_t *s, int stratum)
{
    seeds_t part = {.ranks = NEW_ARRAY(ranks_t, s->count), .count = s->count};
    for (int i = 0; i < s->count; i++) part.ranks[i] = ranks_part(&s->ranks[i], stratum);
    return part;
}

void seeds_free(seeds_t *s)
{
    for (int i = 0; i < s->count; i++) {
        if (s->names) free(s->names[i]);
        ranks_free(&s->ranks[i]);
    }
    free(s->names);
    free(s->ranks);
    free(s->label);
    *s = (seeds_t){0};
}

static void check_same_users(const ranks_t *a, const ranks_t *b, const char *name_a, const char *name_b)
{
    if (a->split && b->split && strcmp(a->split, b->split))
        die(EX_DATAERR, "%s is of split %s, %s of split %s: expected the same", name_a, a->split, name_b, b->split);
    if (a->users != b->users || a->cases != b->cases)
        die(EX_DATAERR, "%s has %lld users and %lld cases, %s has %lld and %lld: expected the same users", name_a,
            (long long)a->users, (long long)a->cases, name_b, (long long)b->users, (long long)b->cases);
    for (int64_t u = 0; u < a->users; u++) {
        size_t n, m;
        const char *x = strtab_get(&a->user_ids, u, &n), *y = strtab_get(&b->user_ids, u, &m);
        if (n != m || memcmp(x, y, n) || a->case_offsets[u + 1] != b->case_offsets[u + 1])
            die(EX_DATAERR, "row %lld is user '%.*s' in %s and '%.*s' in %s: expected the same users in the same order",
                (long long)u, (int)n, x, name_a, (int)m, y, name_b);
    }
}

int64_t seeds_check(const seeds_t *systems, int count, const char **split)
{
    const ranks_t *first = &systems[0].ranks[0];
    int64_t k = first->list.k;
    *split = NULL;
    for (int i = 0; i < count; i++) {
        for (int s = 0; s < systems[i].count; s++) {
            const ranks_t *r = &systems[i].ranks[s];
            check_same_users(first, r, systems[0].names[0], systems[i].names[s]);
            k = min64(k, r->list.k);
            if (!*split) *split = r->split;
        }
    }
    if (first->users < 1) die(EX_DATAERR, "%s: no users", systems[0].names[0]);
    return k;
}

/* A metric of one case; ranks beyond k count as not found. */
static double case_value(const metric_set_t *set, int m, int32_t rank, int64_t k)
{
    return rank <= k ? metric_value(set, m, rank) : 0;
}

double seeds_mean(const seeds_t *s, int seed, const metric_set_t *set, int m, int64_t k)
{
    const ranks_t *r = &s->ranks[seed];
    double sum = 0;
    for (int64_t i = 0; i < r->cases; i++) sum += case_value(set, m, r->list.rank[i], k);
    return sum / (double)r->cases;
}

static void add_user(const seeds_t *s, const metric_set_t *set, int64_t user, int64_t k, int sign, double *sum)
{
    const int64_t *at = s->ranks[0].case_offsets + user;
    for (int64_t i = at[0]; i < at[1]; i++)
        for (int m = 0; m < set->count; m++)
            for (int seed = 0; seed < s->count; seed++)
                sum[m] += sign * case_value(set, m, s->ranks[seed].list.rank[i], k) / s->count;
}

void seeds_add_users(const seeds_t *s, const metric_set_t *set, int64_t k, int sign, double *sum)
{
    for (int64_t u = 0; u < s->ranks[0].users; u++) add_user(s, set, u, k, sign, sum + u * set->count);
}

int64_t *seeds_cases(const seeds_t *s)
{
    const ranks_t *r = &s->ranks[0];
    if (r->cases == r->users) return NULL;
    int64_t *cases = NEW_ARRAY(int64_t, r->users);
    for (int64_t u = 0; u < r->users; u++) cases[u] = r->case_offsets[u + 1] - r->case_offsets[u];
    return cases;
}
