/* What every training run does around its steps. A run is rounds of steps: an epoch, or the steps from one validation to the
 * next. After each round the values are scored, kept if they are the best so far, and the state is saved, while the next steps are
 * under way (checkpoint_save_beside()); a run that was killed, at whatever moment, goes on from the last saved step and ends with the
 * same bytes. SIGINT, SIGTERM and SIGHUP end it after the step or the scoring at hand, saved; a second one at once. A trainer says
 * what one step does, and what one round. */
#ifndef SIDMILL_TRAIN_LOOP_H
#define SIDMILL_TRAIN_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "train/checkpoint.h"
#include "train/learner.h"

/* Where a run stands. */
typedef struct {
    int64_t round, step; /* rounds done; steps done of the round at hand */
    int64_t end;         /* LOOP_RUNNING, or why the run ended */
    int64_t kept;        /* 1 once values are kept: */
    int64_t best_round;  /* those after that many rounds */
    int64_t stale;       /* rounds since without gain */
    double best_score;
    double seconds;      /* of this process's steps; not part of the saved state */
} loop_state_t;

/* Why a run ended: all rounds are done, or `patience` of them without gain. A trainer's own reasons count from LOOP_OTHER. */
enum { LOOP_RUNNING, LOOP_ROUNDS, LOOP_PATIENCE, LOOP_OTHER };

/* The trainer. Every function gets `ctx`; those marked so may be NULL. The average, where there is one, stands in the values'
 * place while `score` and `kept` run: a network is to be synced in `score`, and again in `begin`. */
typedef struct {
    void *ctx;
    /* Makes round `round` (from 0) ready, of which `done` steps lie behind, and starts its meter (or, the first time, one for the
     * whole run); returns its steps. */
    int64_t (*begin)(void *ctx, int64_t round, int64_t done);
    /* Step `step` (from 0) of it, the learner's update included. */
    void (*step)(void *ctx, int64_t round, int64_t step);
    /* NULL: the last values are the result. How good the values are as they stand; more is better. */
    double (*score)(void *ctx);
    /* NULL or: the values just scored are the best so far, and now kept. */
    void (*kept)(void *ctx, const loop_state_t *at);
    /* A round is over (at->round of them are): reports it, and forgets what it has summed up. Returns LOOP_RUNNING, or its own
     * reason to end the run. */
    int64_t (*report)(void *ctx, const loop_state_t *at);
    /* Adds the trainer's own numbers, those it sums up over a round included, to the checkpoint. */
    void (*fields)(void *ctx, checkpoint_t *c);
    /* NULL or: whether those numbers, just loaded, can be its own; `at` is where the run stands. */
    bool (*sound)(void *ctx, const loop_state_t *at);
    int64_t reasons; /* of its own to end a run: LOOP_OTHER .. LOOP_OTHER + reasons - 1 */
    const char *round_name; /* for messages: "epoch" */
    /* NULL or: called once the run's place is known and its log is open, to say what is about to happen. */
    void (*started)(void *ctx);
} loop_trainer_t;

typedef struct {
    int64_t rounds;
    int64_t patience;      /* 0: any */
    bool score_first;      /* the values before the first step are scored, reported, and may be kept */
    double save_seconds;   /* between checkpoints within a round, or more, as one is written at a time; INFINITY: none */
    int64_t save_rounds;   /* rounds between checkpoints; at least 1 */
    const char *folder, *fingerprint; /* of the checkpoint; folder NULL: none */
    const char *log;       /* --log file; NULL: none */
} loop_options_t;

/* Runs the trainer from the checkpoint, if there is one, else from the start; on return the learner's values are the result: the
 * best, the earliest of equals, or without a score the last (their average, where there is one). The checkpoint stays until
 * checkpoint_remove(), and the log is open until jsonlog_close(), for the result. */
loop_state_t loop_run(const loop_options_t *o, const loop_trainer_t *trainer, learner_t *learner);

/* Ends the process with EX_SOFTWARE because the values are no numbers any more. The checkpoint goes: from there the same would come
 * again, and with other options, which the message is to advise, it could not be used. */
_Noreturn void loop_diverged(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
