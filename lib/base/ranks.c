#include "base/ranks.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"

static ranks_carrier_t carrier = {.size = 1};

int ranks_launched(void)
{
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}; /* Open MPI's, PMI's, Slurm's */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *size = getenv(sizes[i]);
        if (size) return atoi(size) > 1 ? atoi(size) : 1;
    }
    return 1;
}

void ranks_use(const ranks_carrier_t *c) { carrier = *c; }
int ranks_self(void) { return carrier.self; }
int ranks_size(void) { return carrier.size; }

ranks_block_t ranks_block_of(int rank, int64_t count)
{
    return (ranks_block_t){(rank * count + carrier.size - 1) / carrier.size, ((rank + 1) * count + carrier.size - 1) / carrier.size};
}

ranks_block_t ranks_block(int64_t count) { return ranks_block_of(carrier.self, count); }
int ranks_owner(int64_t piece, int64_t count) { return (int)(piece * carrier.size / count); }

void ranks_send(int to, const void *bytes, size_t n) { carrier.send(to, bytes, n); }
void ranks_receive(int from, void *bytes, size_t n) { carrier.receive(from, bytes, n); }

void ranks_exchange(int other, const void *gives, size_t gives_n, void *takes, size_t takes_n)
{
    if (carrier.self > other) ranks_receive(other, takes, takes_n);
    ranks_send(other, gives, gives_n);
    if (carrier.self < other) ranks_receive(other, takes, takes_n);
}

void ranks_broadcast_from(int from, void *bytes, size_t n)
{
    if (carrier.size > 1 && n) carrier.broadcast(from, bytes, n);
}

void ranks_broadcast(void *bytes, size_t n) { ranks_broadcast_from(0, bytes, n); }

static ranks_block_t rows_of(int rank, int64_t n, int64_t batch)
{
    const ranks_block_t pieces = ranks_block_of(rank, (n + batch - 1) / batch);
    return (ranks_block_t){min64(pieces.first * batch, n), min64(pieces.end * batch, n)};
}

ranks_block_t ranks_rows(int64_t n, int64_t batch) { return rows_of(carrier.self, n, batch); }

void ranks_share_rows(void *array, int64_t n, int64_t batch, size_t size)
{
    for (int rank = 0; rank < carrier.size; rank++) {
        const ranks_block_t rows = rows_of(rank, n, batch);
        ranks_broadcast_from(rank, (char *)array + (size_t)rows.first * size, (size_t)(rows.end - rows.first) * size);
    }
}

void ranks_share_runs(void *array, int64_t n, int64_t batch, const int64_t *offsets, size_t size)
{
    for (int rank = 0; rank < carrier.size; rank++) {
        const ranks_block_t rows = rows_of(rank, n, batch);
        const int64_t first = offsets[rows.first], count = offsets[rows.end] - first;
        ranks_broadcast_from(rank, (char *)array + (size_t)first * size, (size_t)count * size);
    }
}

void ranks_share(void *array, int64_t count, size_t size) { ranks_share_rows(array, count, 1, size); }

void ranks_gather(void *array, int64_t count, size_t size)
{
    for (int rank = 1; rank < carrier.size; rank++) {
        const ranks_block_t b = ranks_block_of(rank, count);
        char *part = (char *)array + (size_t)b.first * size;
        const size_t n = (size_t)(b.end - b.first) * size;
        if (rank == carrier.self) carrier.send(0, part, n);
        if (!carrier.self) carrier.receive(rank, part, n);
    }
}

void ranks_gather_bytes(const void *array, int64_t count, size_t size, size_t at, size_t n, void *bytes)
{
    for (int rank = 0; rank < carrier.size; rank++) {
        const ranks_block_t b = ranks_block_of(rank, count);
        const int64_t row = (int64_t)size, start = (int64_t)at;
        const int64_t begin = max64(b.first * row, start), length = min64(b.end * row, start + (int64_t)n) - begin;
        if (length <= 0) continue;
        const char *from = (const char *)array + begin;
        char *to = (char *)bytes + (begin - start);
        if (carrier.self == rank && !rank) memcpy(to, from, (size_t)length);
        else if (carrier.self == rank) carrier.send(0, from, (size_t)length);
        else if (!carrier.self) carrier.receive(rank, to, (size_t)length);
    }
}

void ranks_deal(const void *whole, void *array, int64_t count, size_t size)
{
    for (int rank = 0; rank < carrier.size; rank++) {
        const ranks_block_t b = ranks_block_of(rank, count);
        const size_t first = (size_t)b.first * size, n = (size_t)(b.end - b.first) * size;
        char *to = (char *)array + first;
        if (!n) continue;
        if (carrier.self == rank && !rank) memcpy(to, (const char *)whole + first, n);
        else if (carrier.self == rank) carrier.receive(0, to, n);
        else if (!carrier.self) carrier.send(rank, (const char *)whole + first, n);
    }
}

int64_t ranks_most(int64_t n)
{
    int64_t *all = NEW_ARRAY(int64_t, carrier.size), most = n;
    all[carrier.self] = n;
    ranks_share(all, carrier.size, sizeof *all);
    for (int rank = 0; rank < carrier.size; rank++) most = max64(most, all[rank]);
    free(all);
    return most;
}
