/* Logistic regression on sparse examples with an L2 penalty, by Newton's method. */
#ifndef SIDMILL_MATRIX_LOGISTIC_H
#define SIDMILL_MATRIX_LOGISTIC_H

#include <stdint.h>

#include "matrix/sparse.h"

/* Minimises sum_i log(1 + exp(-y_i (w . x_i + b))) + l2 / 2 |w|^2, y_i = +1 where label[i] is not 0, else -1, over the rows
 * of x with use[i] (NULL: all); the bias b is not penalised. Newton steps solved by conjugate gradients, with a line search: the
 * minimum is unique for l2 > 0 and labels of both kinds. weight [x->cols]. Runs on the calling thread. */
void logistic_fit(const csr_t *x, const uint8_t *label, const uint8_t *use, double l2, float *weight, float *bias);

/* Area under the ROC curve of scores for labels, ties counting one half; NaN where one kind of label is missing. */
double roc_auc(int64_t n, const double *score, const uint8_t *label);

#endif
