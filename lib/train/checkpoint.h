/* A training run's state on disk, one safetensors file replaced atomically: whatever moment a process is killed, the newest
 * whole state is found again. */
#ifndef SIDMILL_TRAIN_CHECKPOINT_H
#define SIDMILL_TRAIN_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

/* The arrays and numbers that make a state; borrowed. */
typedef struct {
    const char *name;
    float *values;
    int64_t count;
} checkpoint_array_t;

typedef struct {
    const checkpoint_array_t *arrays;
    int array_count;
    double *numbers; /* stored exactly */
    int number_count;
} checkpoint_t;

/* Writes folder/state.st, making the folder where needed. */
void checkpoint_save(const char *folder, const char *fingerprint, const checkpoint_t *c);

/* Fills arrays and numbers from folder/state.st; false if there is none. A state of another fingerprint, of other sizes or
 * with damaged bytes ends the process with EX_DATAERR and says what to do. */
bool checkpoint_load(const char *folder, const char *fingerprint, const checkpoint_t *c);

/* Removes state and folder. */
void checkpoint_remove(const char *folder);

#endif
