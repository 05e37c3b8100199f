#include "gen/stepper.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "gen/climb.h"
#include "gen/reading.h"
#include "nn/embedding.h"
#include "nn/vec.h"

/* The rows of one step, and how they hang together. */
typedef struct {
    extension_t rows;
    int32_t first;       /* number of its first row */
    int64_t *segment;    /* [capacity] the history that a row goes on from */
    int64_t *position;   /* [capacity] */
    int32_t *ancestor;   /* [capacity, depth] its rows in the steps before */
} stepper_step_t;

struct stepper {
    const network_t *net;
    const space_t *space;
    stepper_room_t room;
    activations_t *acts;
    int most;               /* steps behind a history */
    stepper_step_t *steps;  /* [most] of a flat body; where it thinks, every other one is thoughts, from the first on */
    extension_t *earlier;   /* [most] */
    climb_t *climb;      /* of a timeline */
    int32_t *symbols;    /* [rows] of the histories */
    float *thought, *row; /* [hidden_size] */
    int64_t *bounds, *last, bounds_cap; /* of the segments; the last rows of the histories, which may share one */
    /* the batch at hand */
    segments_t segments;
    const float *states; /* of the histories */
    int depth;           /* steps done */
};

/* Tells whether a flat body's rows think. */
static bool rows_think(const stepper_t *s) { return s->space->body == BODY_FLAT && s->space->thinks; }

stepper_room_t stepper_measure(const space_t *space, int64_t n, const history_t *histories, int64_t batch, int64_t width)
{
    stepper_room_t room = {.histories = min64(n, batch), .step_rows = min64(n, batch) * width};
    int64_t rows = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t length = space_history(space, &histories[i], NULL);
        rows = (i % batch ? rows : 0) + length;
        room.longest = max64(room.longest, length);
        room.rows = max64(room.rows, rows);
    }
    return room;
}

static void make_steps(stepper_t *s, int most)
{
    free(s->steps);
    free(s->earlier);
    s->most = most;
    s->steps = NEW_ARRAY(stepper_step_t, most);
    s->earlier = NEW_ARRAY(extension_t, most);
}

stepper_t *stepper_new(const network_t *net, const space_t *space)
{
    stepper_t *s = NEW(stepper_t);
    *s = (stepper_t){.net = net, .space = space, .thought = xfloats((size_t)net->model->config.hidden_size),
                     .row = xfloats((size_t)net->model->config.hidden_size)};
    make_steps(s, space->vocab.levels * (rows_think(s) ? 2 : 1));
    return s;
}

stepper_t *stepper_of_text(const network_t *net, const space_t *space, int steps)
{
    stepper_t *s = stepper_new(net, space);
    make_steps(s, steps);
    return s;
}

/* Makes room for a step, whose rows have as many ancestors as there are steps before it. */
static void step_make(stepper_step_t *step, const network_t *net, int64_t capacity, int depth)
{
    step->rows = extension_new(net, capacity);
    step->segment = NEW_ARRAY(int64_t, step->rows.capacity);
    step->position = NEW_ARRAY(int64_t, step->rows.capacity);
    step->ancestor = NEW_ARRAY(int32_t, step->rows.capacity * (depth + 1));
}

static void step_free(stepper_step_t *step, const network_t *net)
{
    extension_free(net, &step->rows);
    free(step->segment);
    free(step->position);
    free(step->ancestor);
}

static void release(stepper_t *s)
{
    if (!s->acts) return;
    activations_free(s->acts);
    climb_free(s->climb);
    for (int d = 0; s->space->body == BODY_FLAT && d < s->most; d++) step_free(&s->steps[d], s->net);
    free(s->symbols);
}

void stepper_free(stepper_t *s)
{
    if (!s) return;
    release(s);
    free(s->steps);
    free(s->earlier);
    free(s->thought);
    free(s->row);
    free(s->bounds);
    free(s->last);
    free(s);
}

/* Keys and values of a base are kept in 16 bits where its products are of such. */
static activations_pass_t kind_of(const network_t *net)
{
    return net->model->base_embed < 0 || operands_are_floats(net->backend) ? PASS_INFER : PASS_INFER_16;
}

void stepper_reserve(stepper_t *s, stepper_room_t room)
{
    stepper_room_t *have = &s->room;
    if (s->acts && have->rows >= room.rows && have->longest >= room.longest && have->histories >= room.histories &&
        have->step_rows >= room.step_rows)
        return;
    release(s);
    *have = (stepper_room_t){max64(have->rows, room.rows), max64(have->longest, room.longest),
                             max64(have->histories, room.histories), max64(have->step_rows, room.step_rows)};
    if (rows_think(s)) have->step_rows = max64(have->step_rows, have->histories);
    const bool flat = s->space->body == BODY_FLAT;
    s->acts = activations_new(s->net, kind_of(s->net), have->rows, have->longest, flat ? have->step_rows : 0);
    for (int d = 0; flat && d < s->most; d++) step_make(&s->steps[d], s->net, have->step_rows, d);
    if (!flat) s->climb = climb_new(s->net, s->space, have->histories, have->step_rows);
    s->symbols = NEW_ARRAY(int32_t, have->rows);
}

/* Finds the step of a row; -1: it is a history's last. */
static int step_of(const stepper_t *s, int32_t row)
{
    int depth = s->depth - 1;
    while (depth >= 0 && row < s->steps[depth].first) depth--;
    return depth;
}

/* Returns the thought behind a row, where there is one; else the row. */
static int32_t thought_behind(const stepper_t *s, int32_t row)
{
    const int depth = step_of(s, row);
    if (!rows_think(s) || depth + 1 == s->most) return row;
    return s->steps[depth + 1].first + row - (depth < 0 ? 0 : s->steps[depth].first);
}

static const float *row_state(const stepper_t *s, int32_t row)
{
    const int depth = step_of(s, row);
    const int64_t d = s->net->model->config.hidden_size;
    if (depth < 0) return s->states + (s->bounds[row + 1] - 1) * d;
    return s->steps[depth].rows.x + (row - s->steps[depth].first) * d;
}

static int32_t push_row(stepper_t *s, int32_t parent, const float *x)
{
    if (s->depth >= s->most) die(EX_SOFTWARE, "stepper: more steps than it has");
    stepper_step_t *step = &s->steps[s->depth];
    const stepper_step_t *last = s->depth ? &s->steps[s->depth - 1] : NULL;
    const int64_t r = step->rows.rows++, d = s->net->model->config.hidden_size, above = last ? parent - last->first : parent;
    if (r >= step->rows.capacity || above < 0 || above >= (last ? last->rows.rows : s->segments.count))
        die(EX_SOFTWARE, "stepper: a row beyond its space, or of no row of the last step");
    memcpy(step->rows.x + r * d, x, (size_t)d * sizeof *x);
    step->segment[r] = last ? last->segment[above] : above;
    step->position[r] = s->bounds[step->segment[r] + 1] - s->bounds[step->segment[r]] + s->depth;
    if (last) {
        int32_t *ancestor = step->ancestor + r * s->depth;
        memcpy(ancestor, last->ancestor + above * (s->depth - 1), (size_t)(s->depth - 1) * sizeof *ancestor);
        ancestor[s->depth - 1] = (int32_t)above;
    }
    return step->first + (int32_t)r;
}

int32_t stepper_push(stepper_t *s, int32_t parent, const float *x)
{
    if (s->climb) return climb_push(s->climb, parent, x);
    return push_row(s, thought_behind(s, parent), x);
}

int32_t stepper_push_token(stepper_t *s, int32_t parent, int32_t token)
{
    embedding_row(s->net->model, token, s->row);
    return stepper_push(s, parent, s->row);
}

static bool advance(stepper_t *s)
{
    if (s->depth >= s->most) return false;
    stepper_step_t *step = &s->steps[s->depth];
    if (!step->rows.rows) return false;
    for (int d = 0; d < s->depth; d++) s->earlier[d] = s->steps[d].rows;
    transformer_extend(s->net, s->acts, &s->segments, &step->rows, step->segment, step->position, s->depth, s->earlier,
                       step->ancestor);
    if (++s->depth < s->most) {
        s->steps[s->depth].rows.rows = 0;
        s->steps[s->depth].first = step->first + (int32_t)step->rows.rows;
    }
    return true;
}

void stepper_thought(const stepper_t *s, int32_t row, float *t)
{
    const model_t *m = s->net->model;
    const int64_t d = m->config.hidden_size;
    memcpy(t, s->climb ? climb_thought(s->climb, row) : row_state(s, row), (size_t)d * sizeof *t);
    if (!s->climb) vec_add(d, model_row(m, m->think_vectors, (step_of(s, row) + 1) / 2), t);
}

/* Thinks behind the rows of the last step, or the histories' last rows. */
static void think(stepper_t *s)
{
    const stepper_step_t *last = s->depth ? &s->steps[s->depth - 1] : NULL;
    const int64_t first = last ? last->first : 0, n = last ? last->rows.rows : s->segments.count;
    if (s->depth == s->most) return;
    for (int64_t i = 0; i < n; i++) {
        stepper_thought(s, (int32_t)(first + i), s->thought);
        push_row(s, (int32_t)(first + i), s->thought);
    }
    advance(s);
}

/* Lays histories one after the other; one that the next goes on from shares its rows. */
static void lay(stepper_t *s, int64_t n, const history_t *histories)
{
    if (n + 1 > s->bounds_cap) {
        s->bounds_cap = n + 1;
        s->bounds = xreallocarray(s->bounds, (size_t)s->bounds_cap, sizeof *s->bounds);
        s->last = xreallocarray(s->last, (size_t)s->bounds_cap, sizeof *s->last);
    }
    s->segments = (segments_t){0, 0, s->bounds, NULL};
    s->bounds[0] = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t first = s->bounds[s->segments.count];
        s->segments.rows = first + space_history(s->space, &histories[i], s->symbols + first);
        s->last[i] = s->segments.rows - 1;
        if (i + 1 < n && space_continues(s->space, &histories[i], &histories[i + 1])) continue;
        s->bounds[++s->segments.count] = s->segments.rows;
    }
}

void stepper_begin(stepper_t *s, int64_t n, const history_t *histories)
{
    stepper_reserve(s, stepper_measure(s->space, n, histories, n > 0 ? n : 1, 0));
    lay(s, n, histories);
    reading_rows(s->net->model, s->space, &s->segments, s->symbols, (reading_drop_t){0}, activations_input(s->acts));
    s->states = transformer_forward(s->net, s->acts, &s->segments, 0, 0, NULL);
    if (s->climb) climb_begin(s->climb, n, s->last, s->states);
    s->depth = 0;
    s->steps[0].rows.rows = 0;
    s->steps[0].first = (int32_t)n;
    if (rows_think(s) && n) think(s);
}

bool stepper_advance(stepper_t *s)
{
    if (s->climb) return climb_advance(s->climb);
    const bool advanced = advance(s);
    if (advanced && rows_think(s)) think(s);
    return advanced;
}

const float *stepper_state(const stepper_t *s, int32_t row)
{
    return s->climb ? climb_state(s->climb, row) : row_state(s, thought_behind(s, row));
}
