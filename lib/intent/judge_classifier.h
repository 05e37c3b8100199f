/* The light judge RLDI (sidmill-methods(7), 3): a logistic regression over features of a descriptor and its evidence,
 * trained on judged items, so that a model need not judge every descriptor. */
#ifndef SIDMILL_INTENT_JUDGE_CLASSIFIER_H
#define SIDMILL_INTENT_JUDGE_CLASSIFIER_H

#include "data/st.h"
#include "intent/candidates.h"
#include "intent/intent_engine.h"

/* Features: those of the descriptor as a whole, its words and word pairs, and its source, both hashed. */
enum { WHOLE_FEATURES = 12, HASHED_FEATURES = 4096, SOURCE_FEATURES = 64,
       CLASSIFIER_FEATURES = WHOLE_FEATURES + HASHED_FEATURES + SOURCE_FEATURES };

typedef struct {
    int64_t items;                        /* that the frequencies are of */
    float weight[CLASSIFIER_FEATURES];
    float bias;
    int32_t frequency[HASHED_FEATURES];   /* items of the training data that have a word of the bucket */
} judge_classifier_t;

/* Training: judged items, in order; items without labels count for word frequencies only. */
typedef struct classifier_trainer judge_classifier_trainer_t;
judge_classifier_trainer_t *classifier_trainer_new(void);
void classifier_trainer_add(judge_classifier_trainer_t *t, const evidence_t *e, const intents_t *judged);

typedef struct {
    double l2;          /* of the weights, per example */
    double held_out;    /* share of the items, 0 to below 1 */
    uint64_t seed;
} judge_classifier_options_t;

typedef struct {
    int64_t items, examples, positive;             /* trained on */
    int64_t held_items, held_examples, held_positive;
    double accuracy, auc;                          /* on the items held out; NaN where that says nothing */
    double majority;                               /* accuracy of always guessing the commoner label of the training part */
} judge_classifier_report_t;

/* Trains by Newton's method with conjugate gradients; measures on the held-out items a classifier that has not seen them,
 * then trains on all. Ends the process (EX_DATAERR) where the labels are all alike or there are none. Frees the trainer. */
judge_classifier_t *classifier_train(judge_classifier_trainer_t *t, const judge_classifier_options_t *o, const char *file,
                                     judge_classifier_report_t *r);

/* The probability that the descriptor is good. `evidence` holds the item's candidates, found without frequencies. */
double classifier_probability(const judge_classifier_t *c, const candidates_t *evidence, const intent_t *i);

/* The tensors of schema intent-classifier/1 (mine-intent(1)). */
void classifier_add(st_writer_t *w, const judge_classifier_t *c);
judge_classifier_t *classifier_read(const st_file_t *file);

/* The judge over a classifier, which it frees: label 1 where the probability is 1/2 or more. */
intent_judge_t *classifier_judge(judge_classifier_t *c);

#endif
