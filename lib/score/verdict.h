/* How well a ranker answers: its lists for the cases of a split, judged by the items held out from them. */
#ifndef SIDMILL_SCORE_VERDICT_H
#define SIDMILL_SCORE_VERDICT_H

#include "base/buf.h"
#include "score/calibration.h"
#include "score/criteria.h"
#include "score/ranker.h"
#include "score/ranks.h"
#include "score/variety.h"

/* How a ranker is asked, and what is made of its lists. */
typedef struct {
    int width;        /* of a beam, where it has one */
    int64_t k;        /* length of the lists */
    bool keep;        /* them, for verdict_add_recs() */
    bool calibrate;   /* its scores are logarithms of probabilities */
} verdict_options_t;

typedef struct {
    const char *name;       /* the ranker's */
    const criteria_t *by;   /* borrowed */
    const char *unit;       /* of n: held_out_unit() */
    int64_t n, k;
    ranks_list_t ranks[PROTOCOLS]; /* of the held-out items */
    metrics_t all[PROTOCOLS], parts[PARTITIONS][PARTS_MOST][PROTOCOLS];
    variety_t variety;
    calibration_t calibration; /* zeroed: not asked for */
    spool_t items, scores;     /* [n * k] where they are kept, else zeroed */
} verdict_t;

/* Asks r once, and judges its lists under both protocols: the first k places, and the first by->spare of what remains without met
 * items. A ranker whose lists are too short for that is judged by the fewest that remain to a user in a list that has not ended.
 * Lists are judged as they come; memory grows by two ranks a case. */
verdict_t verdict_of(ranker_t *r, const held_out_t *h, const criteria_t *by, const verdict_options_t *o);
void verdict_free(verdict_t *v);

/* Says hr and ndcg at the main cut (score/metrics.h) and MRR on stderr: "popular, test, 148 users: hr@10 0.3514 ...; met items left
 * out: hr@10 ...". */
void verdict_note(const verdict_t *v, const char *split);

/* Appends `"metrics": {...}, "metrics_unseen": {...}, "coverage@10": ..., "strata": {...}, "strata_unseen": {...}`, then what
 * came later: the other parts of the cases, the measures of lists, the calibration. Without the braces around them, every line
 * indented by `indent` spaces. Undefined values are null. */
void verdict_json(buf_t *out, const verdict_t *v, int indent);

/* Adds the lists that were kept as recs/1 has them, borrowed until st_commit(). Whose they are is added apart (held_out_add()). */
void verdict_add_recs(st_writer_t *w, const verdict_t *v, const strtab_t *item_ids);

#endif
