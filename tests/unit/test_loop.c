/* The training loop, on a trainer of a few lines: killed at every step, interrupted, ended for every reason. */
#include "train/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "train/beside.h"
#include "unit.h"

enum { N = 8, TABLE = 20, ROUNDS = 4, STEPS = 3 };

/* Pulls its values towards what the steps say; sums something up over a round. */
typedef struct {
    params_t params;
    learner_t learner;
    double sum, kept_sum;
    int64_t rounds_begun, steps_taken, kept_round;
    int64_t die_after, stop_after; /* steps of this process; -1: never */
    int64_t diverge_after;         /* likewise; 0: never */
    void (*meddle)(int64_t taken); /* NULL, or called before every step */
    const double *scores;          /* [ROUNDS + 1] by round; NULL: none */
    double value_scored[ROUNDS + 1];
    int64_t reason_at, reason;     /* the round whose report ends the run, 0: none; and why */
} toy_t;

static toy_t *toy_new(bool average, const double *scores)
{
    toy_t *t = NEW(toy_t);
    t->die_after = t->stop_after = -1;
    t->reason = LOOP_OTHER + 5;
    t->scores = scores;
    params_add(&t->params, (param_t){.name = xstrdup("values"), .cols = N});
    params_add(&t->params, (param_t){.name = xstrdup("table"), .rows = TABLE, .cols = 2, .sparse = true});
    params_allocate(&t->params);
    params_fill(&t->params, 0, 1);
    t->learner = learner_new(&t->params, 2, true, average);
    return t;
}

static void toy_free(toy_t *t)
{
    learner_free(&t->learner);
    params_free(&t->params);
    free(t);
}

static int64_t begin(void *ctx, int64_t round, int64_t done)
{
    toy_t *t = ctx;
    CHECK(round < ROUNDS && done < STEPS);
    t->rounds_begun++;
    return STEPS;
}

static void step(void *ctx, int64_t round, int64_t number)
{
    toy_t *t = ctx;
    if (t->meddle) t->meddle(t->steps_taken);
    if (t->die_after >= 0 && t->steps_taken == t->die_after) raise(SIGKILL);
    if (t->diverge_after && t->steps_taken == t->diverge_after) loop_diverged("step %lld is no number", (long long)number);
    for (int s = 0; s < 2; s++) {
        grads_clear(t->learner.grads[s]);
        float *g = grads_block(t->learner.grads[s], 0);
        for (int i = 0; i < N; i++) g[i] = params_values(&t->params, 0)[i] * 0.1f + sinf((float)(i + 10 * number + 100 * round + 1000 * s));
        for (int64_t i = 0; i < 3; i++) grads_row(t->learner.grads[s], 1, (7 * number + 3 * round + i + s) % TABLE)[i % 2] += cosf((float)(i + round));
    }
    const update_options_t o = {.lr = 0.1, .beta2 = 0.98, .clip = 1, .average = t->learner.average ? 0.9 : 0};
    t->sum += learner_update(&t->learner, &o, 2, 1);
    t->steps_taken++;
    if (t->stop_after >= 0 && t->steps_taken == t->stop_after) raise(SIGTERM);
}

static int64_t round_now; /* what `score` needs to know, as validation knows its users */

static double score(void *ctx)
{
    toy_t *t = ctx;
    t->value_scored[round_now] = (double)params_values(&t->params, 0)[0];
    return t->scores[round_now++];
}

static void kept(void *ctx, const loop_state_t *at)
{
    toy_t *t = ctx;
    t->kept_sum = t->sum;
    t->kept_round = at->round;
}

static int64_t report(void *ctx, const loop_state_t *at)
{
    toy_t *t = ctx;
    jsonlog("{\"round\":%d,\"sum\":%.9g,\"best\":%d}", (int)at->round, t->sum, (int)at->best_round);
    t->sum = 0;
    return t->reason_at && at->round == t->reason_at ? t->reason : LOOP_RUNNING;
}

static void fields(void *ctx, checkpoint_t *c)
{
    toy_t *t = ctx;
    checkpoint_add(c, "toy", "sum", ST_F64, 1, &t->sum);
    checkpoint_add(c, "toy", "kept_sum", ST_F64, 1, &t->kept_sum);
    checkpoint_add(c, "toy", "scored", ST_I64, 1, &round_now);
}

static char folder[64], state[96], log_path[96];

/* One thread: what a fork leaves behind has no others. */
static void choose_folder(void)
{
    parallel_threads(1);
    snprintf(folder, sizeof folder, "/tmp/test_loop.%d", (int)getpid());
    snprintf(state, sizeof state, "%s/ckpt", folder);
    snprintf(log_path, sizeof log_path, "%s/log.jsonl", folder);
    mkdir(folder, 0700);
}

static loop_options_t options(void)
{
    return (loop_options_t){.rounds = ROUNDS, .score_first = true, .save_seconds = -1, .save_rounds = 1, .folder = state, .fingerprint = "toy", .log = log_path};
}

static loop_state_t run(const loop_options_t *o, toy_t *t)
{
    const loop_trainer_t trainer = {.ctx = t, .begin = begin, .step = step, .score = t->scores ? score : NULL, .kept = kept, .report = report, .fields = fields, .reasons = 6, .round_name = "round"};
    char file[128];
    snprintf(file, sizeof file, "%s/state.st", state);
    if (access(file, F_OK)) round_now = !o->score_first;
    return loop_run(o, &trainer, &t->learner);
}

static const double rising[] = {0.1, 0.2, 0.5, 0.4, 0.3};

/* What a whole run leaves: values, numbers, log. */
typedef struct {
    float values[N], table[TABLE * 2];
    double kept_sum;
    char log[1024];
} outcome_t;

static outcome_t outcome_of(toy_t *t)
{
    outcome_t o = {.kept_sum = t->kept_sum};
    memcpy(o.values, params_values(&t->params, 0), sizeof o.values);
    memcpy(o.table, params_values(&t->params, 1), sizeof o.table);
    FILE *f = fopen(log_path, "r");
    CHECK(f && fread(o.log, 1, sizeof o.log - 1, f) > 0);
    if (f) fclose(f);
    return o;
}

static void clean(void)
{
    checkpoint_remove(state);
    unlink(log_path);
}

static int64_t die_after;

/* Has every step begin with the one before saved; where that cannot be, as its writer was killed, the loop is to see it. */
static void let_it_be_written(int64_t taken)
{
    (void)taken;
    siginfo_t end;
    waitid(P_ALL, 0, &end, WEXITED | WNOWAIT);
}

/* One life of a run: killed after so many steps, unless it ends before. */
static void one_life(void)
{
    toy_t *t = toy_new(true, rising);
    t->meddle = let_it_be_written;
    t->die_after = die_after;
    const loop_options_t o = options();
    run(&o, t);
}

/* Lives on to the end, which is to be the same. */
static void check_end(const outcome_t *expected)
{
    const loop_options_t o = options();
    toy_t *last = toy_new(true, rising);
    run(&o, last);
    const outcome_t found = outcome_of(last);
    CHECK(!memcmp(&found, expected, sizeof found));
    toy_free(last);
}

TEST(killed_at_every_step_it_ends_the_same)
{
    choose_folder();
    const loop_options_t o = options();
    toy_t *whole = toy_new(true, rising);
    clean();
    const loop_state_t at = run(&o, whole);
    CHECK(at.end == LOOP_ROUNDS && at.best_round == 2 && at.round == ROUNDS && whole->steps_taken == ROUNDS * STEPS);
    const outcome_t expected = outcome_of(whole);
    for (die_after = 0; die_after < ROUNDS * STEPS; die_after++) {
        clean();
        int lives = 0;
        /* every life gets so many steps further; one that takes none never would, so the next is whole */
        for (int code = 137; code == 137 && lives < 3 * ROUNDS * STEPS; lives++) {
            code = unit_exit_code(one_life);
            if (!die_after) break;
        }
        check_end(&expected);
        CHECK(!die_after || lives >= ROUNDS * STEPS / (die_after + 1));
    }
    clean();
    toy_free(whole);
}

/* One that is killed whatever is being written. */
static void hasty_life(void)
{
    toy_t *t = toy_new(true, rising);
    t->die_after = die_after;
    const loop_options_t o = options();
    run(&o, t);
}

TEST(killed_while_it_saves_it_ends_the_same)
{
    choose_folder();
    const loop_options_t o = options();
    toy_t *whole = toy_new(true, rising);
    clean();
    run(&o, whole);
    const outcome_t expected = outcome_of(whole);
    for (int lives = 0; lives < 60; lives++) {
        die_after = 1 + lives % 5;
        if (unit_exit_code(hasty_life) == 137 && lives % 20 != 19) continue;
        check_end(&expected);
        clean();
    }
    toy_free(whole);
}

/* Puts a file in the folder's place. */
static void take_its_folder(int64_t taken)
{
    if (taken != 2) return;
    while (beside_look() == BESIDE_RUNS) usleep(100);
    checkpoint_remove(state);
    fclose(fopen(state, "w"));
}

static void without_folder(void)
{
    toy_t *t = toy_new(false, rising);
    t->meddle = take_its_folder;
    const loop_options_t o = options();
    run(&o, t);
}

TEST(what_cannot_be_saved_ends_it)
{
    choose_folder();
    clean();
    CHECK(unit_exit_code(without_folder) == EX_CANTCREAT);
    unlink(state);
    clean();
}

enum { TOO_LATE = 96 };

/* Kills the first writer, before it is done. */
static void kill_writer(int64_t taken)
{
    char path[64];
    int pid;
    if (taken) return;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%d", &pid) != 1) _exit(99);
    fclose(f);
    kill(pid, SIGKILL);
    siginfo_t end = {0};
    waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT);
    if (end.si_code != CLD_KILLED) _exit(TOO_LATE);
}

static void with_killed_writer(void)
{
    toy_t *t = toy_new(true, rising);
    t->meddle = kill_writer;
    t->die_after = 2;
    loop_options_t o = options();
    o.save_seconds = INFINITY; /* only what was saved before the first step */
    run(&o, t);
}

/* As out of memory it would be: the state is saved all the same, after the step at hand. */
TEST(without_a_writer_it_saves_itself)
{
    choose_folder();
    int code;
    do clean();
    while ((code = unit_exit_code(with_killed_writer)) == TOO_LATE);
    CHECK(code == 137);
    toy_t *rest = toy_new(true, rising);
    const loop_options_t o = options();
    run(&o, rest);
    CHECK(rest->steps_taken == ROUNDS * STEPS - 1);
    clean();
    toy_free(rest);
}

static int64_t stop_after;

static void interrupted(void)
{
    toy_t *t = toy_new(false, rising);
    t->stop_after = stop_after;
    loop_options_t o = options();
    o.save_seconds = INFINITY; /* only because of the signal */
    run(&o, t);
}

/* At whatever step, the last of a round and of the run too. */
TEST(a_signal_ends_it_saved)
{
    choose_folder();
    clean();
    loop_options_t o = options();
    toy_t *whole = toy_new(false, rising);
    run(&o, whole);
    const outcome_t expected = outcome_of(whole);
    for (stop_after = 1; stop_after <= ROUNDS * STEPS; stop_after++) {
        clean();
        CHECK(unit_exit_code(interrupted) == 128 + SIGTERM);
        toy_t *rest = toy_new(false, rising);
        run(&o, rest);
        CHECK(rest->steps_taken == ROUNDS * STEPS - stop_after);
        const outcome_t found = outcome_of(rest);
        CHECK(!memcmp(&found, &expected, sizeof found));
        toy_free(rest);
    }
    clean();
    toy_free(whole);
}

static void diverging(void)
{
    toy_t *t = toy_new(false, rising);
    t->diverge_after = 4;
    const loop_options_t o = options();
    run(&o, t);
}

/* Nobody could go on from there: the same would come again, and with other options it is another run's. */
TEST(what_diverges_leaves_no_checkpoint)
{
    choose_folder();
    clean();
    CHECK(unit_exit_code(diverging) == EX_SOFTWARE);
    CHECK(access(state, F_OK) != 0);
    clean();
}

TEST(the_best_are_kept)
{
    choose_folder();
    clean();
    static const double equal[] = {0.1, 0.4, 0.2, 0.4, 0.4};
    toy_t *t = toy_new(false, equal);
    loop_options_t o = options();
    o.folder = NULL;
    const loop_state_t at = run(&o, t);
    CHECK(at.best_round == 1 && at.best_score == 0.4 && at.stale == 3 && t->kept_round == 1); /* the earliest of equals */
    CHECK(t->value_scored[1] == (double)params_values(&t->params, 0)[0] && t->value_scored[1] != t->value_scored[4]);
    clean();
    toy_free(t);
}

TEST(patience_and_reasons_of_the_trainer)
{
    choose_folder();
    clean();
    static const double falling[] = {0.5, 0.4, 0.3, 0.2, 0.1};
    toy_t *t = toy_new(false, falling), *u = toy_new(false, falling);
    loop_options_t o = options();
    o.folder = NULL;
    o.patience = 2;
    loop_state_t at = run(&o, t);
    CHECK(at.end == LOOP_PATIENCE && at.round == 2 && at.best_round == 0);
    for (int i = 0; i < N; i++) CHECK(params_values(&t->params, 0)[i] == 1); /* nothing was better than the start */
    u->reason_at = 1;
    at = run(&o, u);
    CHECK(at.end == LOOP_OTHER + 5 && at.round == 1);
    clean();
    toy_free(t);
    toy_free(u);
}

/* Without a score the last values are the result, or their average. */
TEST(without_a_score_the_last)
{
    choose_folder();
    clean();
    toy_t *plain = toy_new(false, NULL), *averaged = toy_new(true, NULL);
    loop_options_t o = options();
    o.folder = NULL;
    o.score_first = false;
    const loop_state_t at = run(&o, plain);
    run(&o, averaged);
    CHECK(!at.kept && at.round == ROUNDS && at.end == LOOP_ROUNDS && plain->rounds_begun == ROUNDS);
    CHECK(!memcmp(params_values(&plain->params, 0), averaged->learner.average, N * sizeof(float)));
    CHECK(memcmp(params_values(&plain->params, 0), params_values(&averaged->params, 0), N * sizeof(float)));
    clean();
    toy_free(plain);
    toy_free(averaged);
}

static void too_far(void)
{
    toy_t *t = toy_new(true, rising);
    loop_options_t o = options();
    o.rounds = 2;
    run(&o, t);
}

/* Ends for a reason that the trainer does not have. */
static void of_no_reason(void)
{
    toy_t *t = toy_new(true, rising);
    const loop_options_t o = options();
    t->reason_at = 1;
    t->reason = LOOP_OTHER + 6;
    run(&o, t);
}

static void of_another_run(void)
{
    toy_t *t = toy_new(true, rising);
    loop_options_t o = options();
    o.fingerprint = "other";
    run(&o, t);
}

static void of_other_sizes(void)
{
    checkpoint_t c = {.folder = state, .fingerprint = "toy"};
    double two[2] = {0};
    checkpoint_add(&c, "toy", "sum", ST_F64, 2, two);
    checkpoint_load(&c);
}

TEST(states_that_do_not_fit_are_refused)
{
    choose_folder();
    clean();
    toy_t *t = toy_new(true, rising);
    loop_options_t o = options();
    run(&o, t);
    CHECK(unit_exit_code(too_far) == EX_DATAERR);
    CHECK(unit_exit_code(of_another_run) == EX_DATAERR);
    CHECK(unit_exit_code(of_other_sizes) == EX_DATAERR);
    clean();
    CHECK(unit_exit_code(of_no_reason) == 0); /* it leaves such a state */
    CHECK(unit_exit_code(one_life) == EX_DATAERR);
    clean();
    rmdir(folder);
    toy_free(t);
}

UNIT_MAIN(UNIT(killed_at_every_step_it_ends_the_same), UNIT(killed_while_it_saves_it_ends_the_same), UNIT(what_cannot_be_saved_ends_it),
          UNIT(without_a_writer_it_saves_itself), UNIT(a_signal_ends_it_saved), UNIT(what_diverges_leaves_no_checkpoint),
          UNIT(the_best_are_kept),
          UNIT(patience_and_reasons_of_the_trainer), UNIT(without_a_score_the_last), UNIT(states_that_do_not_fit_are_refused))
