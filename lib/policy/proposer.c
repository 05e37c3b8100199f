#include "policy/proposer.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/rng.h"
#include "blend/mixer.h"
#include "data/met.h"
#include "gen/scorer.h"

enum { BEST_OF_PART = 100 }; /* of each part of a blend, as evaluate asks for */

const char *const candidates_names[] = {"own", "blend", "mix", NULL};

candidates_kind_t candidates_kind(const char *name)
{
    for (int i = 0; candidates_names[i]; i++)
        if (!strcmp(candidates_names[i], name)) return (candidates_kind_t)i;
    die(EX_SOFTWARE, "no candidates are called '%s'", name);
}

struct proposer {
    proposer_options_t o;
    const space_t *space;
    int drawn;           /* of a group, by networks; the others are the blend's */
    int drawers;
    rollout_t **rollout; /* [drawers] */
    mixer_t *mixer;
    met_t met;
    scorer_t *scorer;    /* NULL where who draws is who scores */
};

proposer_t *proposer_new(drawer_t policy, const proposer_options_t *o)
{
    const int drawn[] = {[CANDIDATES_OWN] = o->group, [CANDIDATES_BLEND] = 0, [CANDIDATES_MIX] = o->group / 2};
    proposer_t *p = NEW(proposer_t);
    *p = (proposer_t){.o = *o, .space = policy.space, .drawn = drawn[o->kind]};
    p->drawers = !p->drawn ? 0 : o->blind_count ? o->blind_count : 1;
    p->rollout = NEW_ARRAY(rollout_t *, p->drawers);
    for (int i = 0; i < p->drawers; i++) {
        const drawer_t by = o->blind_count ? o->blind[i] : policy;
        p->rollout[i] = rollout_new(by.net, by.space, o->sampler, p->drawn, o->temperature);
    }
    if (o->blend) p->mixer = mixer_new(o->blend, policy.net, policy.space, BEST_OF_PART);
    if (o->blend) p->met = met_new(policy.space->sids->items);
    if (o->blend || o->blind_count) p->scorer = scorer_new(policy.net, policy.space, o->temperature);
    return p;
}

void proposer_free(proposer_t *p)
{
    if (!p) return;
    for (int i = 0; i < p->drawers; i++) rollout_free(p->rollout[i]);
    free(p->rollout);
    mixer_free(p->mixer);
    met_free(&p->met);
    scorer_free(p->scorer);
    free(p);
}

/* Draws by one network for those prompts that are its own. */
static void draw_by(proposer_t *p, int drawer, int64_t n, const history_t *prompts, const int32_t *by, uint64_t key, int64_t first,
                    draw_t *draws)
{
    history_t *own = NEW_ARRAY(history_t, n);
    draw_t *drawn = NEW_ARRAY(draw_t, n * p->drawn);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (p->drawers == 1 || by[i] == drawer) own[count++] = prompts[i];
    rollout_run(p->rollout[drawer], count, own, rng_key(key, (uint64_t)drawer), first, drawn);
    for (int64_t i = 0, at = 0; i < n; i++)
        if (p->drawers == 1 || by[i] == drawer) memcpy(draws + i * p->o.group, drawn + p->drawn * at++, (size_t)p->drawn * sizeof *draws);
    free(own);
    free(drawn);
}

/* Adds an item to a group that has `count` candidates, unless it is among them; returns how many there then are. */
static int add_item(const proposer_t *p, draw_t *group, int count, int32_t item)
{
    for (int i = 0; i < count; i++)
        if (group[i].item == item) return count;
    group[count] = (draw_t){.item = item};
    group[count].count = vocab_sid(&p->space->vocab, p->space->sids, item, group[count].tokens);
    return count + 1;
}

/* Fills a group from a list, and where that is too short, with what is popular. */
static void fill_group(proposer_t *p, draw_t *group, int64_t listed, const int32_t *list)
{
    int count = p->drawn;
    for (int64_t i = 0; i < listed && count < p->o.group; i++) count = add_item(p, group, count, list[i]);
    for (int64_t i = 0; i < p->o.blend->sources.items && count < p->o.group; i++)
        count = add_item(p, group, count, p->o.blend->sources.popular[i]);
}

/* Counts the items of a list that -1 may end. */
static int64_t list_length(const int32_t *list, int64_t places)
{
    int64_t n = 0;
    while (n < places && list[n] >= 0) n++;
    return n;
}

static void add_blend(proposer_t *p, int64_t n, const history_t *prompts, const history_t *own, draw_t *draws)
{
    const bool unmet = p->o.blend->sources.protocol == PROTOCOL_UNSEEN;
    const int64_t places = min64(p->o.group + (unmet ? p->space->max_items : 0), p->space->sids->items);
    int32_t *lists = NEW_ARRAY(int32_t, n * places);
    float *scores = NEW_ARRAY(float, n * places);
    mixer_forget(p->mixer, own);
    mixer_topk(p->mixer, &p->o.blend->mixing, n, prompts, p->o.group, unmet ? p->o.group : 0, places, lists, scores);
    for (int64_t i = 0; i < n; i++) {
        int32_t *list = lists + i * places;
        met_take(&p->met, &prompts[i]);
        fill_group(p, draws + i * p->o.group, unmet ? met_leave_out(&p->met, places, list, NULL) : list_length(list, places), list);
    }
    free(lists);
    free(scores);
}

/* Sets the log-probabilities of all candidates that are items to the policy's. */
static void score(proposer_t *p, int64_t n, const history_t *prompts, draw_t *draws)
{
    int64_t *offsets = NEW_ARRAY(int64_t, n + 1), count = 0;
    int32_t *items = NEW_ARRAY(int32_t, n * p->o.group);
    float *scores = NEW_ARRAY(float, n * p->o.group);
    for (int64_t i = 0; i < n * p->o.group; i++) {
        if (draws[i].item >= 0) items[count++] = draws[i].item;
        offsets[i / p->o.group + 1] = count;
    }
    scorer_run(p->scorer, n, prompts, offsets, items, scores);
    for (int64_t i = 0, at = 0; i < n * p->o.group; i++)
        if (draws[i].item >= 0) draws[i].log_prob = scores[at++];
    free(offsets);
    free(items);
    free(scores);
}

void proposer_draw(proposer_t *p, int64_t n, const history_t *prompts, const history_t *own, const int32_t *by, uint64_t key,
                   int64_t first, draw_t *draws)
{
    if (!p->scorer) {
        rollout_run(p->rollout[0], n, prompts, key, first, draws);
        return;
    }
    for (int d = 0; d < p->drawers; d++) draw_by(p, d, n, prompts, by, key, first, draws);
    if (p->o.blend) add_blend(p, n, prompts, own, draws);
    score(p, n, prompts, draws);
}
