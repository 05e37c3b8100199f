/* One system's ranks, a file a seed: what is the mean of several trainings is one system still. */
#ifndef SIDMILL_SCORE_SEEDS_H
#define SIDMILL_SCORE_SEEDS_H

#include "data/protocol.h"
#include "score/metrics.h"
#include "score/ranks.h"

/* Begins as {0}. */
typedef struct {
    char *label;
    char **names; /* [count] of the files, for messages */
    ranks_t *ranks;
    int count, cap;
} seeds_t;

/* Reads an operand, "[LABEL=]A.st[,A2.st...]"; without a label, the operand is its own. */
seeds_t seeds_read(const char *operand, protocol_t protocol);

/* Adds a file's ranks. More than 64 files end the process with EX_USAGE. */
void seeds_add(seeds_t *s, const char *file, protocol_t protocol);

/* The cases of one stratum, nameless. */
seeds_t seeds_part(const seeds_t *s, int stratum);
void seeds_free(seeds_t *s);

/* Checks that the files of all systems are of the same users and split, else ends the process with EX_DATAERR; returns the length of
 * the shortest list, and the split, if told (borrowed). */
int64_t seeds_check(const seeds_t *systems, int count, const char **split);

/* A seed's mean of metric m over its cases; ranks beyond k count as not found. */
double seeds_mean(const seeds_t *s, int seed, const metric_set_t *set, int m, int64_t k);

/* Adds to sum [users, metrics], `sign` times, each user's metrics as sums over the user's cases, means over the seeds. */
void seeds_add_users(const seeds_t *s, const metric_set_t *set, int64_t k, int sign, double *sum);

/* The number of each user's cases; NULL where all have one. Caller frees. */
int64_t *seeds_cases(const seeds_t *s);

#endif
