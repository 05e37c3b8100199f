/* How well a ranker answers: its lists for the users of a split, judged by the items held out from them. */
#ifndef SIDMILL_SCORE_VERDICT_H
#define SIDMILL_SCORE_VERDICT_H

#include "base/buf.h"
#include "score/held_out.h"
#include "score/metrics.h"
#include "score/ranker.h"
#include "score/ranks.h"

typedef struct {
    const char *name; /* the ranker's */
    int64_t n, k;
    int32_t *items;   /* [n, k] */
    float *scores;    /* [n, k] */
    ranks_list_t ranks[PROTOCOLS]; /* of the held-out items */
    metrics_t all[PROTOCOLS], strata[PROTOCOLS][STRATA];
    double coverage;
} verdict_t;

/* Asks r once, by a beam of `width` where it has one, and judges its lists under both protocols: the first k places, and the
 * first RANKER_SPARE (score/ranker.h) of what remains without met items. A ranker whose lists are too short for that is judged
 * by the fewest that remain to a user in a list that has not ended. */
verdict_t verdict_of(ranker_t *r, const held_out_t *h, int width, int64_t k);
void verdict_free(verdict_t *v);

/* Says the metrics at 10 and MRR on stderr: "popular, test, 148 users: hr@10 0.3514 ...; met items left out: hr@10 ...". */
void verdict_note(const verdict_t *v, const char *split);

/* Appends `"metrics": {...}, "metrics_unseen": {...}, "coverage@10": ..., "strata": {...}, "strata_unseen": {...}` without the
 * braces around them, every line indented by `indent` spaces. Undefined values are null. */
void verdict_json(buf_t *out, const verdict_t *v, const strata_t *strata, int indent);

#endif
