/* Fits a blend's weights to the validation items of the users' histories, and judges them by users whom they were not
 * fitted to. */
#ifndef SIDMILL_BLEND_FITTING_H
#define SIDMILL_BLEND_FITTING_H

#include <stdint.h>

#include "base/buf.h"
#include "blend/appraiser.h"
#include "blend/blend.h"
#include "blend/mixer.h"
#include "data/interactions.h"

enum { FITTING_LEAST_LIST = 20 };

typedef struct {
    int64_t users;    /* a sample of so many, drawn by `seed` as `evaluate --split valid --users` does; 0: all */
    int64_t bins;     /* of histories, 1 to MIXTURE_BINS at most */
    int64_t groups;   /* of items, 1 to MIXING_GROUPS at most */
    double strength;  /* of the priors by which bins and groups lean on what is common: so many cases */
    int64_t list;     /* at least FITTING_LEAST_LIST: fits to what stands in lists so long (blend/choices.h); 0: to all that comes, by weights alone */
    double favour;    /* of items that training never met, added to their scores */
    double even;      /* taken off scores for every log of 1 + an item's training events */
    int beam;         /* of the generator, where there is one */
    uint64_t seed;    /* of the sample and of the folds */
} fitting_options_t;

/* How good the mixture is, or one part of it alone. */
typedef struct {
    double hr10, ndcg10;
    double reach; /* share of the targets that have a probability above 0 */
    double log_p; /* mean logarithm of the probabilities of those targets */
} fitting_score_t;

typedef struct {
    int64_t users, bin_users[MIXTURE_BINS];
    fitting_score_t mixture, alone[PARTS]; /* the latter by place in the mixture */
} fitting_t;

/* Sets b's bins, its groups, and how the parts that it names are mixed: by EM (blend/mixture.h) over SPLIT_VALID, then for lists by
 * the likeliest weights (blend/choices.h). Weights below 1e-4 become 0, but for popularity's, which becomes that. `m` and `a` are
 * of b. The judgement is made before: users are dealt into two folds by the seed, what is fitted to either puts the other's lists in
 * order, and what is returned are the means over all users, under b's protocol. Which items stand in the lists is decided once, by
 * weights fitted to both. Where no user has a validation item, the process ends with EX_DATAERR, which names `name`. */
fitting_t fitting_run(blend_t *b, mixer_t *m, appraiser_t *a, const interactions_t *x, const char *name,
                      const fitting_options_t *options);

/* Says on stderr what came out, as a table. */
void fitting_note(const fitting_t *f, const blend_t *b);

/* The same as a JSON object. */
void fitting_json(const fitting_t *f, const blend_t *b, buf_t *out);

#endif
