/* Uniformity of codebooks (CoBa RQ-VAE: S2GR, arXiv 2601.18664; sidmill-methods(7), 5): code vectors of one level that are nearer than a
 * threshold push each other away. */
#ifndef SIDMILL_SID_REPULSION_H
#define SIDMILL_SID_REPULSION_H

#include <stdint.h>

#include "sid/quantiser.h"

/* Adds to dbook [levels, codes, latent] `weight` times the gradient of
 *   U = sum_l 1/K sum_{j<k} max(0, 1 - |C_l[j] - C_l[k]|^2 / m_l^2)^2
 * and returns U. The threshold m_l is `margin` times the root mean square distance between two code vectors of the level, and counts as a
 * constant, as sg[] would have it. Costs levels * codes^2 distances; in parallel. */
double repulsion_gradients(const quantiser_t *q, double margin, double weight, float *dbook);

#endif
