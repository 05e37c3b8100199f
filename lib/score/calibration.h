/* Do a generator's probabilities mean what they say? Where it gives items p, a share p of them should be right. Lists are taken in
 * turn and not kept. */
#ifndef SIDMILL_SCORE_CALIBRATION_H
#define SIDMILL_SCORE_CALIBRATION_H

#include <stdint.h>

#include "base/buf.h"
#include "data/interactions.h"

enum { CALIBRATION_PLACES = 10, CALIBRATION_BINS = 10 };

/* Pairs of a user and a listed item. */
typedef struct {
    int64_t pairs, hits; /* hit: the item is the held-out one */
    double p;            /* sum of exp(score) */
} calibration_bin_t;

typedef struct {
    calibration_bin_t *bucket; /* [1 << 16] pairs whose scores begin with the same bits, from low to high */
    int64_t targets;           /* held-out items that stand in their list */
    double log_probability;    /* sum of their scores */
} calibration_t;

calibration_t calibration_new(void);
void calibration_free(calibration_t *c);

/* Takes n lists, each the first k of `places` places: their items, and the log-probabilities of these. Pairs are those of the
 * first CALIBRATION_PLACES; targets are looked for in all k. */
void calibration_take(calibration_t *c, int64_t n, int64_t places, int64_t k, const int32_t *items, const float *scores,
                      const history_t *histories);

/* Puts the pairs into CALIBRATION_BINS bins of equal count, from low to high, as far as scores whose first 16 bits agree, which stay
 * together, allow; bins that get none are left out. Returns how many there are. */
int calibration_bins(const calibration_t *c, calibration_bin_t bins[CALIBRATION_BINS]);

/* Expected calibration error (Naeini et al. 2015): sum over bins of pairs / all pairs * |mean p - share of hits|. NaN without
 * pairs. */
double calibration_error(const calibration_t *c);

/* Appends `{"places": .., "pairs": .., "ece": .., "bins": [{"pairs": .., "p": .., "hits": ..} ..], "targets": ..,
 * "target_log_probability": ..}`: means of p, shares of hits, the mean over the targets. Undefined values are null. */
void calibration_json(const calibration_t *c, buf_t *out);

#endif
