/* A training run's state on disk, one safetensors file replaced atomically: whatever moment a process is killed, the newest
 * whole state is found again. A state is a list of named fields, which whoever owns them adds. Of several ranks the first alone has
 * it on disk; all have the same fields, and load together. A field that is split by rows over the ranks (ranks_block()) is gathered
 * while it is written, so that the state is the same as if it were not. */
#ifndef SIDMILL_TRAIN_CHECKPOINT_H
#define SIDMILL_TRAIN_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "data/st.h"

/* `count` numbers at `values`, borrowed: F32 or F64, which must be finite, or I32 or I64, which must be whole from 0 on. */
typedef struct {
    char *name;
    st_dtype dtype;
    int64_t count;
    void *values;
    int64_t split; /* rows of a field that is split; 0: this process has all */
} checkpoint_field_t;

/* Rows x cols numbers. */
typedef struct {
    int64_t rows, cols;
    bool split;
} checkpoint_rows_t;

typedef struct {
    const char *folder;      /* NULL: there is no checkpoint, and nothing is ever done */
    const char *fingerprint; /* all that shapes the result: a state with another one is refused */
    checkpoint_field_t *fields;
    int count, cap;
} checkpoint_t;

/* Adds a field; its name is PREFIX.NAME. */
void checkpoint_add(checkpoint_t *c, const char *prefix, const char *name, st_dtype dtype, int64_t count, void *values);
void checkpoint_add_rows(checkpoint_t *c, const char *prefix, const char *name, st_dtype dtype, checkpoint_rows_t rows, void *values);
void checkpoint_free(checkpoint_t *c); /* forgets the fields; what is on disk stays */

/* Writes folder/state.st, making the folder where needed. A state that is still being written beside is older, and given up. */
void checkpoint_save(const checkpoint_t *c);

/* The same, but a copy of the process does it (train/beside.h), while this one goes on and changes the values: it stands still for the
 * moment that the copy takes. Whatever memory changes before the state is written, which beside_look() tells, is held twice. Only where that
 * says that nothing is being written. Where there can be no copy, or ranks save together, it is written at once. */
void checkpoint_save_beside(const checkpoint_t *c);

/* Whether all ranks must call these together, as fields are split; else the first one's call is enough. */
bool checkpoint_together(const checkpoint_t *c);

/* Fills all fields from folder/state.st; false, touching nothing, if there is none. A state of another fingerprint, of other
 * sizes, with damaged bytes or numbers that cannot be ours ends the process with EX_DATAERR and says what to do. What a process killed while
 * it saved has left unfinished is removed, so that it takes no room, and none that is still dying puts it in place. */
bool checkpoint_load(const checkpoint_t *c);

/* Ends the process as damaged bytes do; for numbers that only their owner can judge. */
_Noreturn void checkpoint_damaged(const checkpoint_t *c);

/* Removes state and folder, and gives up a state that is still being written. NULL: nothing. */
void checkpoint_remove(const char *folder);

#endif
