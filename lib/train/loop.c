#include "train/loop.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/jsonlog.h"
#include "base/progress.h"
#include "base/ranks.h"
#include "train/beside.h"

typedef struct {
    const loop_options_t *o;
    const loop_trainer_t *trainer;
    learner_t *learner;
    loop_state_t at;
    jsonlog_mark_t log;
    checkpoint_t checkpoint;
    double saved; /* when a save, or the round, was begun last */
    bool due;     /* the next one is */
} loop_t;

/* --- Signals: the step at hand is finished and saved before they act. ---------------------------------------------------- */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { SIGNALS = sizeof signals / sizeof *signals, OTHERS_WAIT = 30 /* seconds */ };
static volatile sig_atomic_t caught;
static struct sigaction before[SIGNALS];

/* Notes the signal; the next one of its kind finds the handler that was there before, and acts at once. Only the first rank saves, and
 * its end ends all: the others wait for that, not for ever, as the signal may have come to them alone. */
static void on_signal(int sig)
{
    caught = sig;
    if (ranks_self()) alarm(OTHERS_WAIT);
    for (int i = 0; i < SIGNALS; i++)
        if (signals[i] == sig) sigaction(sig, &before[i], NULL);
}

/* Catches the signals once each, where there is a checkpoint to wait for. */
static void catch_signals(const loop_t *l)
{
    caught = 0;
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], NULL, &before[i]);
        const struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        if (l->o->folder && before[i].sa_handler != SIG_IGN) sigaction(signals[i], &ours, NULL);
    }
}

static void release_signals(void)
{
    for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], &before[i], NULL);
}

/* --- The state ---------------------------------------------------------------------------------------------------------- */

static void collect_fields(loop_t *l)
{
    checkpoint_t *c = &l->checkpoint;
    const struct { const char *name; int64_t *value; } whole[] = {
        {"round", &l->at.round}, {"step", &l->at.step}, {"end", &l->at.end}, {"kept", &l->at.kept},
        {"best_round", &l->at.best_round}, {"stale", &l->at.stale}, {"log_bytes", &l->log.bytes}, {"log_digest", &l->log.digest}};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) checkpoint_add(c, "loop", whole[i].name, ST_I64, 1, whole[i].value);
    checkpoint_add(c, "loop", "best_score", ST_F64, 1, &l->at.best_score);
    learner_fields(l->learner, "learner", c);
    l->trainer->fields(l->trainer->ctx, c);
}

/* Saves; while ranks do so together, none's wait for the end after a signal goes on. */
static void save_by(loop_t *l, void (*way)(const checkpoint_t *))
{
    const unsigned waiting = checkpoint_together(&l->checkpoint) ? alarm(0) : 0;
    l->log = jsonlog_mark();
    way(&l->checkpoint);
    if (waiting) alarm(waiting);
}

/* Saves while everything waits. */
static void save(loop_t *l) { save_by(l, checkpoint_save); }

static bool load(loop_t *l)
{
    if (!checkpoint_load(&l->checkpoint)) return false;
    const loop_state_t *at = &l->at;
    const loop_trainer_t *t = l->trainer;
    if (at->round > l->o->rounds || at->best_round > at->round || at->kept > 1 || at->end >= LOOP_OTHER + t->reasons ||
        (t->sound && !t->sound(t->ctx, at)))
        checkpoint_damaged(&l->checkpoint);
    return true;
}

/* Ends the process, as a signal asks for; the state is saved. */
static void stop(const loop_t *l)
{
    if (ranks_self()) return;
    progress_end();
    note("interrupted; the same command goes on from %s", l->o->folder);
    release_signals();
    raise(caught);
}

/* Saves beside the training, if it is time; while an earlier state is still being written, the end of the next step is. */
static void save_if_due(loop_t *l)
{
    const beside_t writer = beside_look();
    if (writer == BESIDE_KILLED) l->due = true;
    if (!l->due || writer == BESIDE_RUNS) return;
    save_by(l, checkpoint_save_beside);
    l->saved = seconds_now();
    l->due = false;
}

/* After a step or a round: what ends here, because of a signal or by itself, waits until it is saved. Ranks that save together do as the
 * first one does. */
static void settle(loop_t *l)
{
    bool first[] = {caught, l->due}; /* once, as a signal may come while the state is saved beside */
    if (checkpoint_together(&l->checkpoint)) ranks_broadcast(first, sizeof first);
    const bool asked = first[0];
    l->due = first[1];
    if (asked || l->at.end != LOOP_RUNNING) save(l);
    else save_if_due(l);
    if (asked) stop(l);
}

static const char *running;   /* the checkpoint's folder while a loop runs */

_Noreturn void loop_diverged(const char *fmt, ...)
{
    char why[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    checkpoint_remove(running);
    die(EX_SOFTWARE, "%s", why);
}

/* --- Rounds ------------------------------------------------------------------------------------------------------------- */

static void run_round(loop_t *l)
{
    const loop_trainer_t *t = l->trainer;
    const int64_t steps = t->begin(t->ctx, l->at.round, l->at.step);
    if (l->at.step && l->at.step >= steps) checkpoint_damaged(&l->checkpoint);
    const double began = l->saved = seconds_now();
    while (l->at.step < steps) {
        t->step(t->ctx, l->at.round, l->at.step);
        l->at.step++;
        if (l->at.step == steps) break;
        l->due |= seconds_now() - l->saved > l->o->save_seconds;
        settle(l);
    }
    l->at.seconds += seconds_now() - began;
}

/* Scores the values, or their average where there is one, and keeps the better ones. */
static void judge(loop_t *l)
{
    const loop_trainer_t *t = l->trainer;
    if (!t->score) return;
    learner_swap_average(l->learner);
    const double score = t->score(t->ctx);
    if (!l->at.kept || score > l->at.best_score) {
        learner_keep(l->learner);
        l->at.kept = 1;
        l->at.best_score = score;
        l->at.best_round = l->at.round;
        l->at.stale = 0;
        if (t->kept) t->kept(t->ctx, &l->at);
    } else {
        l->at.stale++;
    }
    learner_swap_average(l->learner);
}

static int64_t why_end(const loop_t *l, int64_t trainers)
{
    if (trainers != LOOP_RUNNING) return trainers;
    if (l->trainer->score && l->o->patience && l->at.stale >= l->o->patience) return LOOP_PATIENCE;
    return l->at.round >= l->o->rounds ? LOOP_ROUNDS : LOOP_RUNNING;
}

static void end_round(loop_t *l)
{
    judge(l);
    l->at.end = why_end(l, l->trainer->report(l->trainer->ctx, &l->at));
    l->due |= l->at.round % l->o->save_rounds == 0;
    settle(l);
}

loop_state_t loop_run(const loop_options_t *o, const loop_trainer_t *trainer, learner_t *learner)
{
    loop_t l = {.o = o, .trainer = trainer, .learner = learner,
                .checkpoint = {.folder = o->folder, .fingerprint = o->fingerprint}};
    collect_fields(&l);
    if (ranks_size() > learner->shards)
        warn("more ranks (%d) than shards (%lld): the others have nothing to train on", ranks_size(), (long long)learner->shards);
    const bool resumed = load(&l);
    jsonlog_open(o->log, resumed ? &l.log : NULL);
    if (resumed)
        note("going on from %s: %s %lld, step %lld", o->folder, trainer->round_name, (long long)l.at.round + 1,
             (long long)l.at.step);
    if (trainer->started) trainer->started(trainer->ctx);
    running = o->folder;
    catch_signals(&l);
    if (!resumed && o->score_first) end_round(&l);
    while (l.at.end == LOOP_RUNNING) {
        run_round(&l);
        l.at.round++;
        l.at.step = 0;
        end_round(&l);
    }
    progress_end();
    release_signals();
    running = NULL;
    if (caught) raise(caught);
    if (l.at.kept) learner_restore(learner);
    else learner_swap_average(learner);
    checkpoint_free(&l.checkpoint);
    return l.at;
}
