/* What supervised training is asked to do. */
#ifndef SIDMILL_GEN_TRAIN_JOB_H
#define SIDMILL_GEN_TRAIN_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "data/protocol.h"
#include "data/sids.h"
#include "gen/objective.h"
#include "gen/sequences.h"
#include "gen/space.h"
#include "gen/tutor.h"
#include "nn/backend.h"
#include "nn/model.h"

typedef struct {
    bool item_vectors, node_vectors, learned_positions;
    int64_t dim, layers, ffn, depth_ffn; /* depth_ffn: inner width of a timeline's block a level */
    int64_t think_ffn;    /* of a space that thinks: inner width of a timeline's blocks */
    int64_t think_targets; /* of a flat body: targets of a history that are thought of, drawn anew in every epoch; 0: all */
    tutor_options_t tutor;
    int64_t heads, kv_heads, head_dim; /* heads 0: dim / 64, at least 1; kv_heads 0: heads; head_dim 0: dim / heads */
    double dropout, label_smoothing;
    double item_loss;     /* weight of the loss of items among items, by their vectors; 0: none */
    double depth_dropout, item_dropout, vector_dropout; /* gen/pass.h, head_drop_nodes() */
    int64_t sampled;      /* tokens that a set of more is scored by; where codes may be, the embedding trains by the row; 0: all */
    double task_weight[TASKS];
    double lr, beta2, weight_decay, clip;
    int64_t warmup, epochs, batch_tokens;
    int64_t examples;     /* sequences of an epoch, drawn anew for each; 0: all */
    int64_t settle;       /* last epochs, that go without dropout and label smoothing */
    double average;       /* decay of the exponential moving average of the weights that is validated and kept; 0: none */
    int64_t valid_users, patience, beam;
    protocol_t protocol;  /* of validation */
    int64_t shards;
    uint64_t seed;
} train_options_t;

/* What training is given, and where it may keep its checkpoint. */
typedef struct {
    train_options_t options;
    const backend_t *backend;
    const interactions_t *interactions;
    const space_t *space;     /* of the same items, in the same order */
    sequences_t sequences;    /* what is learnt from, now the trainer's; of the space */
    codebook_t codebook;      /* of the SIDs' quantiser, borrowed; where there is none, code embeddings are clustered */
    model_t *model;           /* on a base or out of one, as it begins, now the trainer's; NULL: one of the options' shape, at random */
    model_t *start;           /* its weights are where training begins, now the trainer's; NULL: there is none */
    const char *fingerprint;  /* everything that shapes the result: a checkpoint with another one is refused */
    const char *checkpoint;   /* folder, made when first needed; NULL: none. It stays: see train/checkpoint.h */
    double save_seconds;      /* between checkpoints within an epoch; each epoch ends with one */
    const char *log;          /* --log file, NULL: none */
    bool split_tables;        /* item and node vectors lie over the ranks: the model returned holds this rank's rows (params_split()) */
} train_job_t;

#endif
