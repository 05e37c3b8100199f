/* A model's parameters as named blocks, apart from any network. Blocks are laid out one after the other; then memory is taken.
 * What a parameter costs, in floats: a frozen one 1, itself. One that trains 1, and in a learner (train/learner.h) 2 for AdamW's
 * moments, 1 where the best weights are kept, 1 where there is a moving average, and 1 a shard for the gradient; a backend whose
 * operands are not floats keeps a converted copy besides (nn/weights.h). Row-sparse tables pay for gradients only where rows
 * were touched, in the widest step so far; and by the row 4 bytes for its count of steps, with an average 8 more. A table that is split
 * has its rows' addresses everywhere but, of all this, each rank holds its block alone (base/ranks.h); rows of others are there while
 * they were fetched (train/loan.h). */
#ifndef SIDMILL_NN_PARAMS_H
#define SIDMILL_NN_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ranks.h"
#include "data/st.h"

/* One block: a matrix [rows, cols], a vector of cols (rows 0), or a table of rows. */
typedef struct {
    char *name;       /* as in files: "model.layers.0.self_attn.q_proj.weight" */
    int64_t rows, cols;
    int dims;         /* where a file has another shape than [rows, cols]: */
    int64_t shape[ST_MAX_DIMS]; /* that shape; rows x cols elements */
    st_dtype dtype;   /* in files, ST_F32 (where 0 as well) or ST_BF16; in memory all are floats */
    bool frozen;      /* has no gradient and no state of the optimiser, and never changes */
    bool mapped;      /* frozen, and its values stay in the file that they come from, in that file's type: params_map() */
    bool decay;       /* weight decay applies (matrices, not gains) */
    bool sparse;      /* of a table whose rows are touched seldom: see nn/grads.h and learner_update() */
    bool split;       /* sparse, and its rows lie over the ranks: params_split() */
    int64_t count;    /* floats; set by params_add(), as what follows */
    int64_t offset;   /* in `weights`, or of a frozen block in `fixed`; 0 of a sparse one */
    float *table;     /* a sparse block's values */
    const st_file_t *file;     /* a mapped block's, and its tensor there */
    const st_tensor_t *tensor;
} param_t;

typedef struct {
    param_t *blocks;
    int count;
    int64_t size;      /* floats of `weights`, padding included: the layout of all that is kept beside them */
    int64_t fixed_size;
    float *weights;    /* dense blocks that train */
    float *fixed;      /* frozen ones */
} params_t;

/* Appends a block; `p.name` becomes the list's. Returns its number. Blocks that one product takes together must be alike in
 * `frozen`: they lie one behind the other without a gap. */
int params_add(params_t *params, param_t p);

/* Lets the next block begin on a cache line. */
void params_align(params_t *params);

/* Takes zeroed memory for the values, once all blocks are there. */
void params_allocate(params_t *params);
void params_free(params_t *params);

/* Gives a mapped block its tensor of the file, which must stay open: of any float type, of the block's shape, and all finite. Anything
 * else ends the process with EX_DATAERR. */
void params_map(const st_file_t *f, params_t *params, int block);

/* Splits a sparse block, which holds no values yet, by rows over the ranks; and the rows that this one holds: of another block all. */
void params_split(params_t *params, int block);
ranks_block_t params_held(const param_t *p);

/* Gives a row-sparse block another number of rows, all 0. */
void params_resize(params_t *params, int block, int64_t rows);

/* Zeroed memory of a row-sparse block's layout, with so many bytes a row: a table, or what is kept of one. */
void *params_table_new(const param_t *p, size_t row);
void params_table_free(const param_t *p, void *table, size_t row);

/* Copies a row of any block. */
void params_row(const params_t *params, int block, int64_t row, float *out);

/* Lets go of the memory that looking at a mapped block's values has taken, until they are looked at again; nothing for another one. */
void params_release(const params_t *params, int block);

/* Block `block`'s values, row-major; of a mapped one there are none. */
float *params_values(const params_t *params, int block);

/* Parameters in all, and those that train; padding does not count. */
int64_t params_number(const params_t *params);
int64_t params_trained(const params_t *params);
bool params_have_tables(const params_t *params); /* whether some block is sparse */

/* Fills a block, of a split one the rows that are here: normal with this deviation, drawn from `stream` by the element's index, or of a dense block that trains by its
 * place among all such, so that one stream serves many blocks; or one value throughout. */
void params_fill_normal(const params_t *params, int block, double deviation, uint64_t stream);
void params_fill_normal_placed(const params_t *params, int block, double deviation, uint64_t stream);
void params_fill(const params_t *params, int block, float value);

/* A list of the same blocks and values, those that lie in a file in the same one. */
params_t params_clone(const params_t *params);

/* Copies all values but those that lie in files, of split tables the rows that are here; false, touching nothing, if the two do not agree in names and shapes. */
bool params_copy(const params_t *to, const params_t *from);

/* Adds every block that trains as a tensor of its name and dtype; the values are borrowed until st_commit(), BF16 ones as converted here.
 * Where a table is split all ranks call this and, at the same time, st_commit(): the first one's file has all rows. */
void params_write(st_writer_t *w, const params_t *params);

/* Ends the process with EX_DATAERR unless the file holds every block that trains, in its shape: to be asked before params_allocate(). */
void params_check(const st_file_t *f, const params_t *params);

/* Fills all blocks that train from the tensors of their names, of any float type, split ones with the rows that are held here; shapes are
 * checked, values must be finite. */
void params_read(const st_file_t *f, const params_t *params);

/* The same for `count` blocks from block `first` on, frozen or not. */
void params_write_blocks(st_writer_t *w, const params_t *params, int first, int count);
void params_check_blocks(const st_file_t *f, const params_t *params, int first, int count);
void params_read_blocks(const st_file_t *f, const params_t *params, int first, int count);

#endif
