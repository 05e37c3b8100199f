#include "policy/reward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "data/ranking.h"

const char *const reward_names[] = {"exact", "exact+valid+lcp", "ungated", "gated", "suppress", "rank", "list", "graded", NULL};
const char *const reward_term_names[REWARD_TERMS] = {"exact", "valid", "lcp", "quality", "rank", "list", "grade"};

reward_kind_t reward_kind(const char *name)
{
    for (int i = 0; reward_names[i]; i++)
        if (!strcmp(reward_names[i], name)) return (reward_kind_t)i;
    die(EX_SOFTWARE, "no reward is called '%s'", name);
}

bool reward_needs_quality(reward_kind_t kind)
{
    return kind == REWARD_UNGATED || kind == REWARD_GATED || kind == REWARD_SUPPRESS;
}

quality_t quality_read(const st_file_t *f, const catalogue_t *c)
{
    st_check_schema(f, "quality/1");
    strtab_t own = st_need_ids(f, "item_ids", -1);
    catalogue_check_items(f->name, &own, c->sids_file->name, &c->sids.item_ids);
    strtab_free(&own);
    int64_t n = c->sids.items;
    quality_t q = {.value = st_need_f32(f, "quality", 1, &n)};
    q.judged = st_need_u8(f, "quality_mask", 1, &n);
    for (int64_t i = 0; i < n; i++) {
        if (q.judged[i] > 1) st_bad(f, "quality_mask", "row %lld: %d, expected 0 or 1", (long long)i, q.judged[i]);
        if (q.judged[i] && (q.value[i] < 0 || q.value[i] > 1))
            st_bad(f, "quality", "row %lld: %g, expected 0 to 1", (long long)i, (double)q.value[i]);
    }
    return q;
}

void quality_free(quality_t *q)
{
    free(q->value);
    free(q->judged);
    *q = (quality_t){0};
}

double reward_sum(const reward_t *r)
{
    double sum = 0;
    for (int t = 0; t < REWARD_TERMS; t++) sum += r->term[t];
    return sum;
}

int sid_common_codes(const space_t *space, int32_t item, const draw_t *draw)
{
    int32_t sid[SID_MAX_TOKENS];
    vocab_sid(&space->vocab, space->sids, item, sid);
    int same = 0;
    while (same < space->vocab.levels && same < draw->count && draw->tokens[same] == sid[same]) same++;
    return same;
}

static void rank_terms(int n, const draw_t *draws, reward_t *rewards)
{
    bool hit = false;
    double all = 0;
    for (int i = 0; i < n; i++) {
        hit = hit || rewards[i].term[TERM_EXACT] > 0;
        all += ranking_gain(i + 1);
    }
    for (int i = 0; hit && i < n; i++)
        if (rewards[i].term[TERM_EXACT] == 0) rewards[i].term[TERM_RANK] = -ranking_gain(draw_rank(n, draws, i)) / all;
}

/* Takes the hit, the first where a group holds several, as all that is right in the list. */
static void list_terms(int n, const draw_t *draws, reward_t *rewards)
{
    int hit = 0;
    for (int i = 0; i < n; i++)
        if (rewards[i].term[TERM_EXACT] > 0 && (!hit || draw_rank(n, draws, i) < hit)) hit = draw_rank(n, draws, i);
    for (int i = 0; hit && i < n; i++) {
        const int rank = draw_rank(n, draws, i);
        const double worth = rank == hit ? ranking_gain(hit) : rank < hit ? ranking_gain(hit) - ranking_gain(hit - 1) : 0;
        rewards[i].term[TERM_LIST] = worth - rewards[i].term[TERM_EXACT];
    }
}

/* Finds an item's next occurrence, from `at` on, in another history than the one that begins at `last`. */
static int64_t other_history(const occurrences_t *o, int64_t at, int64_t end, int64_t last)
{
    while (at < end && o->begin[o->place[at]] == last) at++;
    return at;
}

/* Counts the histories that hold both items; those of one alone where they are the same. */
static int64_t histories_of(const occurrences_t *o, int32_t a, int32_t b)
{
    int64_t i = o->first[a], j = o->first[b], both = 0;
    while (i < o->first[a + 1] && j < o->first[b + 1]) {
        const int64_t x = o->begin[o->place[i]], y = o->begin[o->place[j]];
        both += x == y;
        if (x <= y) i = other_history(o, i, o->first[a + 1], x);
        if (y <= x) j = other_history(o, j, o->first[b + 1], y);
    }
    return both;
}

static double shared_histories(const occurrences_t *o, int32_t a, int32_t b)
{
    const double all = (double)histories_of(o, a, a) * (double)histories_of(o, b, b);
    return all > 0 ? (double)histories_of(o, a, b) / sqrt(all) : 0;
}

static double quality_of(const quality_t *q, int32_t item, double missing)
{
    return item >= 0 && q->judged[item] ? q->value[item] : missing;
}

void reward_group(const reward_options_t *o, const space_t *space, const quality_t *q, int32_t target, int n, const draw_t *draws,
                  reward_t *rewards)
{
    const bool shaped = o->kind == REWARD_EXACT_VALID_LCP || o->kind == REWARD_UNGATED || o->kind == REWARD_GATED;
    memset(rewards, 0, (size_t)n * sizeof *rewards);
    for (int i = 0; i < n; i++) {
        const draw_t *d = &draws[i];
        double *term = rewards[i].term, hit = d->item == target;
        term[TERM_EXACT] = hit;
        if (shaped) {
            term[TERM_VALID] = o->lambda_valid * (d->item >= 0);
            term[TERM_LCP] = o->lambda_pref * sid_common_codes(space, target, d) / space->vocab.levels;
        }
        if (o->kind == REWARD_GATED) term[TERM_QUALITY] = hit * o->alpha * quality_of(q, target, 0);
        if (o->kind == REWARD_UNGATED) term[TERM_QUALITY] = o->alpha * quality_of(q, d->item, 0);
        if (o->kind == REWARD_GRADED && d->item >= 0 && d->item != target)
            term[TERM_GRADE] = o->gamma * shared_histories(o->occurrences, target, d->item);
        if (o->kind == REWARD_SUPPRESS) term[TERM_QUALITY] = hit * o->alpha * (2 * quality_of(q, target, 0.5) - 1);
    }
    if (o->kind == REWARD_RANK) rank_terms(n, draws, rewards);
    if (o->kind == REWARD_LIST) list_terms(n, draws, rewards);
}

bool reward_advantages(int n, const reward_t *rewards, bool standardise, double *advantages)
{
    double least = INFINITY, most = -INFINITY, mean = 0, variance = 0;
    for (int i = 0; i < n; i++) {
        double r = reward_sum(&rewards[i]);
        advantages[i] = r;
        least = fmin(least, r);
        most = fmax(most, r);
        mean += r / n;
    }
    for (int i = 0; i < n; i++) variance += (advantages[i] - mean) * (advantages[i] - mean) / n;
    const double unit = standardise ? sqrt(variance) + 1e-6 : 1;
    for (int i = 0; i < n; i++) advantages[i] = least == most ? 0 : (advantages[i] - mean) / unit;
    return least < most;
}
