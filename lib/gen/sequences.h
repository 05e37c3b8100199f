/* What is trained on: sequences of symbols, in which some positions are scored. A task is a kind of sequence (a user's history is
 * the one there is today: gen/histories.h); several tasks can mix. */
#ifndef SIDMILL_GEN_SEQUENCES_H
#define SIDMILL_GEN_SEQUENCES_H

#include <stdbool.h>
#include <stdint.h>

#include "gen/depth.h"
#include "gen/head.h"

/* Sequences being laid one after the other: the symbols of their rows, and the positions scored. Of a flat body a position's row
 * is among theirs, of a timeline and of thoughts it is the number of a prefix's state. There is room for as much as the caller has
 * counted. */
typedef struct {
    int64_t rows;
    int32_t *symbols;             /* [rows] */
    int64_t scored;
    scored_position_t *positions; /* [scored] */
    depth_prefixes_t prefixes;    /* of a timeline, and of a flat body that thinks */
    int64_t first_prefix;         /* number of the first prefix's state: pass_first() */
    int64_t think;                /* of a flat body: so many targets of a sequence, drawn by `key`, are thought of before each code */
    uint64_t key;
    bool items;                   /* of a timeline: each target is also scored among all items, by the state of level 0 */
} sequence_pack_t;

typedef struct {
    const char *name;
    void *ctx;
    int64_t count;
    int64_t longest;  /* rows that no sequence exceeds */
    int64_t targets;  /* what is learnt from, as the task counts it */
    /* input rows of sequence i, at least 1; as many are scored at most, in a timeline on each level and among items */
    int64_t (*rows)(const void *ctx, int64_t i);
    void (*expand)(const void *ctx, int64_t i, sequence_pack_t *pack); /* appends sequence i */
    void (*free)(void *ctx);
} sequence_task_t;

/* All sequences of some tasks, one task after the other. */
typedef struct {
    sequence_task_t *tasks;
    int task_count;
    int64_t count, longest, targets;
} sequences_t;

/* Adds a task, which now belongs to the list. */
void sequences_add(sequences_t *s, sequence_task_t task);
void sequences_free(sequences_t *s);

int64_t sequences_rows(const sequences_t *s, int64_t i);
void sequences_expand(const sequences_t *s, int64_t i, sequence_pack_t *pack);

/* A dealt epoch of `count` sequences: shard k holds sequences order[starts[k] .. starts[k + 1]), at most `rows` input rows. */
typedef struct {
    int64_t *order, *starts;
    int64_t count, shards;
} deal_t;

/* Shuffles by `key` and fills shards in that order, with `most` sequences at most; 0: all. No sequence may be longer than `rows`. */
deal_t sequences_deal(const sequences_t *s, int64_t most, int64_t rows, uint64_t key);
void deal_free(deal_t *d);

#endif
