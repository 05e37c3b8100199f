#include "gen/climb.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "gen/depth.h"
#include "nn/vec.h"

/* The rows that one level's block takes. */
typedef struct {
    int64_t rows, capacity;
    int32_t first; /* number of its first row */
    float *g, *z;  /* [capacity, hidden_size] sums of what is known, and states */
} climb_step_t;

struct climb {
    const network_t *net;
    depth_t *depth;
    int levels;                              /* the suffix's included */
    climb_step_t steps[SID_MAX_TOKENS];
    int at;                                  /* the last step computed */
};

climb_t *climb_new(const network_t *net, const space_t *space, int64_t histories, int64_t rows)
{
    climb_t *c = NEW(climb_t);
    *c = (climb_t){.net = net, .levels = space->vocab.levels + 1};
    c->depth = depth_new(net, space, PASS_INFER, round_rows(net->backend, max64(histories, rows)));
    for (int l = 0; l < c->levels; l++) {
        const int64_t capacity = round_rows(net->backend, l ? rows : histories);
        const size_t n = size_mul((size_t)capacity, (size_t)net->model->config.hidden_size);
        c->steps[l] = (climb_step_t){.capacity = capacity, .g = xfloats(n), .z = xfloats(n)};
    }
    return c;
}

void climb_free(climb_t *c)
{
    if (!c) return;
    depth_free(c->depth);
    for (int l = 0; l < c->levels; l++) {
        free(c->steps[l].g);
        free(c->steps[l].z);
    }
    free(c);
}

/* Computes the states of step `at`, and empties the one after it. */
static void compute(climb_t *c)
{
    climb_step_t *step = &c->steps[c->at];
    depth_level(c->depth, c->at, step->rows, step->g, step->z);
    if (c->at + 1 == c->levels) return;
    c->steps[c->at + 1].rows = 0;
    c->steps[c->at + 1].first = step->first + (int32_t)step->rows;
}

void climb_begin(climb_t *c, int64_t n, const int64_t *last, const float *states)
{
    const int64_t d = c->net->model->config.hidden_size;
    climb_step_t *ends = &c->steps[0];
    if (n > ends->capacity) die(EX_SOFTWARE, "climb: more histories than there is room for");
    for (int64_t i = 0; i < n; i++) memcpy(ends->g + i * d, states + last[i] * d, (size_t)d * sizeof *states);
    ends->rows = n;
    c->at = 0;
    compute(c);
}

int32_t climb_push(climb_t *c, int32_t parent, const float *x)
{
    if (c->at + 1 == c->levels) die(EX_SOFTWARE, "climb: more steps than levels");
    const int64_t d = c->net->model->config.hidden_size;
    const climb_step_t *last = &c->steps[c->at];
    climb_step_t *step = &c->steps[c->at + 1];
    const int64_t r = step->rows++, above = parent - last->first;
    if (r >= step->capacity || above < 0 || above >= last->rows)
        die(EX_SOFTWARE, "climb: a row beyond its space, or of no row of the last step");
    memcpy(step->g + r * d, last->g + above * d, (size_t)d * sizeof *x);
    vec_add(d, x, step->g + r * d);
    return step->first + (int32_t)r;
}

bool climb_advance(climb_t *c)
{
    if (c->at + 1 == c->levels || !c->steps[c->at + 1].rows) return false;
    c->at++;
    compute(c);
    return true;
}

/* Finds a row's place in its step. */
static int64_t place_of(const climb_t *c, int32_t row, int *at)
{
    *at = c->at;
    while (row < c->steps[*at].first) --*at;
    return (row - c->steps[*at].first) * c->net->model->config.hidden_size;
}

const float *climb_state(const climb_t *c, int32_t row)
{
    int at;
    const int64_t place = place_of(c, row, &at);
    return c->steps[at].z + place;
}

const float *climb_thought(const climb_t *c, int32_t row)
{
    int at;
    const int64_t place = place_of(c, row, &at);
    return c->steps[at].g + place;
}
