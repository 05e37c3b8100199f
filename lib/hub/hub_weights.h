/* The weights of a generator's folder. They pass through temporary files (base/spool.h): no more than a row of any is in memory. */
#ifndef SIDMILL_HUB_HUB_WEIGHTS_H
#define SIDMILL_HUB_HUB_WEIGHTS_H

#include "hub/hub_place.h"

/* Writes model.safetensors, low-rank pairs taken into their matrices. */
void hub_write_weights(const hub_t *h);

/* Writes adapter_model.safetensors: pairs, embedding, and where it is another the output matrix. */
void hub_write_adapter_weights(const hub_t *h);

#endif
