/* What training begins with. */
#ifndef SIDMILL_GEN_STARTING_H
#define SIDMILL_GEN_STARTING_H

#include <stdbool.h>

#include "gen/train_job.h"

/* The job's model, or a new one of the shape that its options ask for; with the values of the start, which is freed, or where there is none
 * those that its seed draws. A start of another shape ends the process with EX_DATAERR. */
model_t *starting_model(const train_job_t *job);

/* Tells whether codes, (reserved) suffixes or texts' tokens are so many that their loss may be that of samples. */
bool codes_sampled(const train_job_t *job);

#endif
