/* How well a ranker answers: its lists for the users of a split, judged by the items held out from them. */
#ifndef SIDMILL_SCORE_VERDICT_H
#define SIDMILL_SCORE_VERDICT_H

#include "base/buf.h"
#include "score/held_out.h"
#include "score/metrics.h"
#include "score/ranker.h"

typedef struct {
    const char *name; /* the ranker's */
    int64_t n, k;
    int32_t *items;   /* [n, k] */
    float *scores;    /* [n, k] */
    int32_t *rank;    /* [n] of the held-out item, from 1; 0: not in the list */
    metrics_t all, strata[STRATA];
    double coverage;
} verdict_t;

/* Asks r for lists of length k, by a beam of `width` where it has one, and judges them. */
verdict_t verdict_of(ranker_t *r, const held_out_t *h, int width, int64_t k);
void verdict_free(verdict_t *v);

/* Says the metrics at 10 and MRR on stderr: "popular, test, 148 users: hr@10 0.3514 ...". */
void verdict_note(const verdict_t *v, const char *split);

/* Appends `"metrics": {...}, "coverage@10": ..., "strata": {...}` without the braces around them, every line indented by
 * `indent` spaces. Undefined values are null. */
void verdict_json(buf_t *out, const verdict_t *v, const strata_t *strata, int indent);

#endif
