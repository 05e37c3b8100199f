/* How long a checkpoint holds up training: bench_checkpoint KIND GIGABYTES THREADS FOLDER trains a state of that size, all of which changes
 * with every step (KIND dense) or a few thousand rows of it (table), and saves it, first while nothing else happens, then beside the
 * steps. tests/bench/checkpoint.sh runs it; without arguments it says so and does nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/rng.h"
#include "train/beside.h"
#include "train/checkpoint.h"
#include "train/learner.h"

enum { COLS = 64, TOUCHED = 8192, ARRAYS = 5 };

typedef struct {
    learner_t learner;
    bool dense;
    uint64_t steps;
} bench_t;

static const update_options_t options = {.lr = 1e-3, .beta2 = 0.98, .average = 0.999};

/* One step: other rows each time, as histories have other items. Returns its seconds. */
static double step(bench_t *b)
{
    const double began = seconds_now();
    const param_t *p = &b->learner.params->blocks[0];
    grads_t *g = b->learner.grads[0];
    if (!b->dense) {
        grads_clear(g);
        for (uint64_t i = 0; i < TOUCHED; i++) {
            float *row = grads_row(g, 0, (int64_t)rng_below(b->steps, i, (uint64_t)p->rows));
            for (int j = 0; j < COLS; j++) row[j] = 1e-3f;
        }
    }
    learner_update(&b->learner, &options, 1, 1);
    b->steps++;
    return seconds_now() - began;
}

/* Seconds of a step, over a second of them. */
static double mean_step(bench_t *b)
{
    double sum = 0;
    int n = 0;
    for (; sum < 1 || n < 3; n++) sum += step(b);
    return sum / n;
}

static int64_t faults(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_minflt;
}

static double gigabytes_of(const checkpoint_t *c)
{
    double bytes = 0;
    for (int i = 0; i < c->count; i++) bytes += (double)c->fields[i].count * (double)st_dtype_size(c->fields[i].dtype);
    return bytes * 1e-9;
}

/* Prints a line of the table that tests/bench/checkpoint.sh begins. */
static void measure(bench_t *b, const checkpoint_t *c, const char *kind)
{
    const double alone = mean_step(b);
    double began = seconds_now();
    checkpoint_save(c);
    const double whole = seconds_now() - began;
    mean_step(b);

    const int64_t before = faults();
    began = seconds_now();
    checkpoint_save_beside(c);
    const double pause = seconds_now() - began;
    double first = 0, sum = 0;
    int n = 0;
    for (; beside_look() == BESIDE_RUNS; n++) {
        const double s = step(b);
        if (!n) first = s;
        sum += s;
    }
    printf("%-5s %6.2f %9.3f %11.2f %9.4f %12.4f %9.3f %10.2f %8.2f\n", kind, gigabytes_of(c), pause, whole, alone, n ? sum / n : 0, first,
           (double)(faults() - before) * (double)sysconf(_SC_PAGESIZE) * 1e-9, pause + sum - n * alone);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        puts("bench_checkpoint: run by tests/bench/checkpoint.sh");
        return 0;
    }
    err_program("bench_checkpoint");
    parallel_threads(atoi(argv[3]));
    bench_t b = {.dense = !strcmp(argv[1], "dense")};
    const int64_t rows = (int64_t)(atof(argv[2]) * 1e9 / (ARRAYS * COLS * sizeof(float)));
    params_t params = {0};
    params_add(&params, (param_t){.name = xstrdup("values"), .rows = rows, .cols = COLS, .sparse = !b.dense});
    params_allocate(&params);
    params_fill_normal(&params, 0, 0.02, 1);
    b.learner = learner_new(&params, 1, true, true);
    for (int64_t i = 0; b.dense && i < params.size; i++) b.learner.grads[0]->dense[i] = 1e-3f;
    checkpoint_t c = {.folder = argv[4], .fingerprint = "bench"};
    learner_fields(&b.learner, "learner", &c);
    measure(&b, &c, argv[1]);
    checkpoint_remove(argv[4]);
    checkpoint_free(&c);
    learner_free(&b.learner);
    params_free(&params);
    return 0;
}
