/* Processes that do one job together, each a rank: `mpirun -n R` or srun starts them, all with the same command. Without a launcher, or
 * built without MPI, there is one, and nothing here costs anything. Work that is numbered is cut into blocks, one a rank; what a number's
 * work gives must depend on the number alone, so that ranks, like threads, never change a result. All ranks must call what passes data
 * between them in the same order; the thread that called ranks_start() does. */
#ifndef SIDMILL_BASE_RANKS_H
#define SIDMILL_BASE_RANKS_H

#include <stddef.h>
#include <stdint.h>

/* Makes this process one of the ranks that a launcher has started; the first thing in a program that can be several. From then on all
 * end if one dies, and ranks from 1 on say nothing but why they do. */
void ranks_start(void);

/* How many a launcher says that it has started; where they are not ranks_size(), cli_parse() ends the process. */
int ranks_launched(void);

int ranks_self(void); /* from 0; that one writes files and says things */
int ranks_size(void);

/* Of `count` numbered pieces of work: the block that is this rank's, and whose a piece is. Piece 0 is rank 0's; where there are more
 * ranks than pieces, some have none. */
typedef struct {
    int64_t first, end;
} ranks_block_t;
ranks_block_t ranks_block(int64_t count);
ranks_block_t ranks_block_of(int rank, int64_t count);
int ranks_owner(int64_t piece, int64_t count);

/* Passes n bytes from one rank to another, which waits for them. */
void ranks_send(int to, const void *bytes, size_t n);
void ranks_receive(int from, void *bytes, size_t n);

/* Passes bytes to another rank and takes others from it, which does the same. Ranks of which each does so with all others in their order
 * never wait for each other in a ring. */
void ranks_exchange(int other, const void *gives, size_t gives_n, void *takes, size_t takes_n);

/* The largest of what the ranks say. */
int64_t ranks_most(int64_t n);

/* All get rank 0's n bytes; or those of rank `from`. */
void ranks_broadcast(void *bytes, size_t n);
void ranks_broadcast_from(int from, void *bytes, size_t n);

/* Of an array of `count` elements of `size` bytes each rank has filled in its block: then all have all, or rank 0 alone. */
void ranks_share(void *array, int64_t count, size_t size);
void ranks_gather(void *array, int64_t count, size_t size);

/* Of such an array, of which each rank has filled its block and which may be too much for one: rank 0 alone gets bytes
 * [at, at + n) of it in `bytes`. And rank 0 alone has it, at `whole`: each gets its block of it, in place in `array`. */
void ranks_gather_bytes(const void *array, int64_t count, size_t size, size_t at, size_t n, void *bytes);
void ranks_deal(const void *whole, void *array, int64_t count, size_t size);

/* As ranks_block() and ranks_share() where a piece is a run of `batch` rows, the last of them shorter: this rank's block of n rows, and rows of `size` bytes of which
 * each rank has filled its block. */
ranks_block_t ranks_rows(int64_t n, int64_t batch);
void ranks_share_rows(void *array, int64_t n, int64_t batch, size_t size);

/* The same of rows that are elements offsets[row] .. offsets[row + 1] of the array. */
void ranks_share_runs(void *array, int64_t n, int64_t batch, const int64_t *offsets, size_t size);

/* What passes bytes between ranks; `from` of a broadcast is the rank that has them. MPI's is taken by ranks_start(). */
typedef struct {
    int self, size;
    void (*send)(int to, const void *bytes, size_t n);
    void (*receive)(int from, void *bytes, size_t n);
    void (*broadcast)(int from, void *bytes, size_t n);
} ranks_carrier_t;
void ranks_use(const ranks_carrier_t *carrier);

#endif
