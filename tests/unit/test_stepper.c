/* Rows pushed step by step against passes over whole sequences. */
#include "gen/stepper.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/embedding.h"
#include "small_model.h"
#include "unit.h"

enum { HISTORIES = 3, MAX_ITEMS = 4, WIDTH = 4, LEVELS = 2, LONGEST = 1 + MAX_ITEMS * (LEVELS + 1) + LEVELS };

static const history_t histories[HISTORIES] = {{small_events, 6, -1}, {small_events + 6, 2, -1}, {small_events, 0, -1}};

typedef struct {
    space_t space;
    model_t *model;
    network_t *net;
    stepper_t *stepper;
} fixture_t;

static fixture_t *fixture(void)
{
    fixture_t *f = NEW(fixture_t);
    f->space = space_make(&small_sids, SOFTMAX_TRIE, BODY_FLAT, MAX_ITEMS);
    f->model = small_model(f->space.vocab.size);
    f->net = network_new(f->model, backend_open("f32"), 64);
    f->stepper = stepper_new(f->net, &f->space);
    return f;
}

static void release(fixture_t *f)
{
    stepper_free(f->stepper);
    network_free(f->net);
    model_free(f->model);
    space_free(&f->space);
    free(f);
}

/* A row's whole way: the input vectors from BOS on. */
typedef struct {
    float x[LONGEST][SMALL_D];
    int length;
} way_t;

static way_t way_of_history(const fixture_t *f, const history_t *h)
{
    way_t w = {.length = 0};
    int32_t tokens[LONGEST];
    w.length = (int)space_history(&f->space, h, tokens);
    embedding_rows(f->model, w.length, tokens, w.x[0]);
    return w;
}

/* The final state of a way's last row, by a pass of its own. */
static void check_state(const fixture_t *f, const way_t *w, const float *state)
{
    activations_t *acts = activations_new(f->net, PASS_INFER, LONGEST, LONGEST, 0);
    const int64_t bounds[] = {0, w->length};
    memcpy(activations_input(acts), w->x, (size_t)w->length * sizeof w->x[0]);
    const float *states = transformer_forward(f->net, acts, &(segments_t){w->length, 1, bounds, NULL}, 0, 0, NULL);
    for (int i = 0; i < SMALL_D; i++) CHECK_NEAR(state[i], states[(w->length - 1) * SMALL_D + i], 1e-4);
    activations_free(acts);
}

/* Grows a random tree from each history: any row of the last step may have several rows after it, or none; every other input is
 * no token's embedding but a vector from elsewhere. */
static void grow(fixture_t *f, uint64_t key)
{
    way_t *ways = NEW_ARRAY(way_t, HISTORIES * (1 + WIDTH * LEVELS));
    int32_t last[HISTORIES * WIDTH];
    int rows = HISTORIES, alive = HISTORIES;
    stepper_reserve(f->stepper, stepper_measure(&f->space, HISTORIES, histories, HISTORIES, WIDTH));
    stepper_begin(f->stepper, HISTORIES, histories);
    for (int h = 0; h < HISTORIES; h++) {
        ways[h] = way_of_history(f, &histories[h]);
        last[h] = h;
    }
    for (int level = 0; level < LEVELS; level++) {
        int32_t next[HISTORIES * WIDTH];
        int pushed = 0;
        for (int r = 0; r < HISTORIES * WIDTH; r++) {
            const int32_t parent = last[rng_below(key, (uint64_t)(level * 100 + r), (uint64_t)alive)];
            float x[SMALL_D];
            for (int i = 0; i < SMALL_D; i++) x[i] = (float)rng_normal(key, (uint64_t)(1000 + level * 1000 + r * SMALL_D + i));
            if (r % 2) memcpy(x, model_embedding(f->model, r % 9), sizeof x);
            next[pushed] = r % 2 ? stepper_push_token(f->stepper, parent, r % 9) : stepper_push(f->stepper, parent, x);
            CHECK(next[pushed] == rows);
            ways[rows] = ways[parent];
            memcpy(ways[rows].x[ways[rows].length++], x, sizeof x);
            rows++;
            pushed++;
        }
        CHECK(stepper_advance(f->stepper));
        alive = pushed;
        memcpy(last, next, sizeof next);
    }
    CHECK(!stepper_advance(f->stepper)); /* no step is deeper than the levels */
    for (int r = 0; r < rows; r++) check_state(f, &ways[r], stepper_state(f->stepper, r)); /* of every step, the first ones too */
    free(ways);
}

TEST(rows_agree_with_whole_sequences)
{
    fixture_t *f = fixture();
    for (uint64_t key = 1; key <= 5; key++) grow(f, key); /* the same stepper over and over */
    release(f);
}

TEST(nothing_pushed_is_no_step)
{
    fixture_t *f = fixture();
    stepper_begin(f->stepper, HISTORIES, histories);
    CHECK(!stepper_advance(f->stepper));
    release(f);
}

TEST(room_is_measured)
{
    fixture_t *f = fixture();
    const stepper_room_t room = stepper_measure(&f->space, HISTORIES, histories, 2, 5);
    int64_t length[HISTORIES];
    for (int h = 0; h < HISTORIES; h++) length[h] = space_history(&f->space, &histories[h], NULL);
    CHECK(length[2] == 1 && room.longest == length[0] && room.rows == length[0] + length[1] && room.step_rows == 10);
    release(f);
}

static void push_after_an_older_row(void)
{
    fixture_t *f = fixture();
    stepper_reserve(f->stepper, (stepper_room_t){64, 20, 4, 8});
    stepper_begin(f->stepper, HISTORIES, histories);
    const int32_t row = stepper_push_token(f->stepper, 0, 1);
    stepper_advance(f->stepper);
    stepper_push_token(f->stepper, row, 1);
    stepper_push_token(f->stepper, 1, 1); /* a history's end: two steps back */
}

static void push_beyond_the_room(void)
{
    fixture_t *f = fixture();
    stepper_reserve(f->stepper, (stepper_room_t){64, 20, 4, 1});
    stepper_begin(f->stepper, HISTORIES, histories);
    for (int i = 0; i < 64; i++) stepper_push_token(f->stepper, 0, 1);
}

TEST(wrong_pushes_end_the_process)
{
    CHECK(unit_exit_code(push_after_an_older_row) == EX_SOFTWARE);
    CHECK(unit_exit_code(push_beyond_the_room) == EX_SOFTWARE);
}

UNIT_MAIN(UNIT(rows_agree_with_whole_sequences), UNIT(nothing_pushed_is_no_step), UNIT(room_is_measured), UNIT(wrong_pushes_end_the_process))
