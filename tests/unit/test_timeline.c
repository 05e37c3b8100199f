/* The timeline body: its gradients against finite differences, its beams against the equations written out, and what training leaves
 * out. */
#include "nn/vec.h"
#include "small_body.h"

static fixture_t *fixture(softmax_t softmax, bool learned_positions)
{
    return fixture_of((made_of_t){.softmax = softmax, .body = BODY_TIMELINE, .learned_positions = learned_positions});
}

TEST(gradients_trie_softmax)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, false);
    check_gradients(f, supervised);
    release(f);
}

TEST(gradients_level_softmax)
{
    fixture_t *f = fixture(SOFTMAX_LEVEL, false);
    check_gradients(f, supervised);
    release(f);
}

TEST(gradients_learned_positions_and_dropout)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, true);
    f->rates = (pass_rates_t){0.3, 0.2, 0.3, 0.4};
    f->node_drop = 0.5;
    check_gradients(f, supervised);
    release(f);
}

/* Two draws of the three codes that follow a history or, of the level softmax, any code. */
static void check_sampled(softmax_t softmax)
{
    fixture_t *f = fixture_of((made_of_t){.softmax = softmax, .body = BODY_TIMELINE, .sparse_embedding = true});
    f->sampled = 2;
    check_gradients(f, supervised);
    release(f);
}

TEST(gradients_sampled_softmax) { check_sampled(SOFTMAX_TRIE); check_sampled(SOFTMAX_LEVEL); }

/* All items, or a sample of two. */
TEST(gradients_items_among_items)
{
    for (int64_t sampled = 0; sampled <= 2; sampled += 2) {
        fixture_t *f = fixture_of((made_of_t){.body = BODY_TIMELINE, .sparse_embedding = sampled > 0, .item_weight = 0.7});
        f->sampled = sampled;
        CHECK(f->pack.scored > 0 && f->positions[1].set.kind == ALLOWED_ITEMS && f->positions[1].row == f->positions[0].row);
        check_gradients(f, supervised);
        release(f);
    }
}

/* Where the first code is certain, its state is there for the items' sake. */
TEST(items_have_a_state_of_their_own)
{
    int32_t codes[] = {1, 0, 1, 1, 1, 2}, suffixes[] = {-1, -1, -1}, events[] = {0, 2, 1, 0, 2}, symbols[8];
    int64_t offsets[] = {0, 5};
    const sids_t sids = {.items = 3, .levels = 2, .codes = 3, .code = codes, .suffix = suffixes};
    const interactions_t x = {.users = 1, .events = 5, .items = 3, .user_offsets = offsets, .item_index = events};
    space_t space = space_make(&sids, SOFTMAX_TRIE, BODY_TIMELINE, 20);
    scored_position_t positions[16];
    for (int items = 0; items < 2; items++) {
        sequence_pack_t pack = {.symbols = symbols, .positions = positions, .prefixes = depth_prefixes_new(&space, 8, false), .items = items};
        sequences_t s = {0};
        sequences_add(&s, histories_task(&x, &space, (hold_back_t){0}));
        sequences_expand(&s, 0, &pack);
        CHECK(pack.scored == (items ? 9 : 6) && pack.prefixes.count[0] == (items ? 3 : 0) && pack.prefixes.count[1] == 3);
        for (int64_t i = 0; i < pack.scored; i++)
            if (positions[i].set.kind == ALLOWED_ITEMS) CHECK(positions[i].row == i / 3 && positions[i].token == events[i / 3]);
        depth_prefixes_free(&pack.prefixes);
        sequences_free(&s);
    }
    space_free(&space);
}

/* What is left out at rate 1 takes no part, and gets no gradient. */
TEST(what_is_left_out_gets_no_gradient)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, false);
    f->rates.item_vector = f->node_drop = 1;
    const double before = supervised(f, true);
    CHECK(f->grads->rows[f->model->item_vectors].count == 0 && f->grads->rows[f->model->node_vectors].count == 0);
    params_fill(&f->model->params, f->model->item_vectors, 9);
    params_fill(&f->model->params, f->model->node_vectors, 9);
    CHECK(supervised(f, false) == before);
    f->rates.item = 1; /* then nothing but BOS is read: what the items are does not matter */
    const double empty = supervised(f, false);
    for (int64_t r = 0; r < f->pack.rows; r++)
        if (f->symbols[r] != TIMELINE_BOS) f->symbols[r] = 3;
    CHECK(supervised(f, false) == empty && empty != before);
    release(f);
}

/* Only nodes whose parents were visited are touched, and the root's children have none. */
TEST(touched_rows_are_the_children_visited)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, false);
    supervised(f, true);
    const grads_rows_t *rows = &f->grads->rows[f->model->node_vectors];
    CHECK(rows->count > 0);
    for (int64_t i = 0; i < rows->count; i++) CHECK(f->space.trie.parent[rows->row[i]] > 0);
    release(f);
}

/* --- Beams --------------------------------------------------------------------------------------------------------------- */

TEST(beams_follow_the_equations) { check_beams(fixture(SOFTMAX_TRIE, false), timeline_by_hand); }

/* --- The policy's gradient --------------------------------------------------------------------------------------------------- */

TEST(policy_gradient) { check_policy(fixture(SOFTMAX_TRIE, false)); }

/* --- Tables that grow --------------------------------------------------------------------------------------------------------- */

TEST(regrown_tables_keep_their_rows)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, false);
    model_t *m = f->model;
    const int64_t nodes = m->config.node_vectors, items = m->config.item_vectors;
    int64_t *from = NEW_ARRAY(int64_t, nodes + 1);
    for (int64_t i = 0; i <= nodes; i++) from[i] = i == 2 ? -1 : i > 2 ? i - 1 : i;
    float third[SMALL_D], last[SMALL_D];
    memcpy(third, model_row(m, m->node_vectors, 2), sizeof third);
    memcpy(last, model_row(m, m->item_vectors, items - 1), sizeof last);
    char path[] = "/tmp/test_timeline.XXXXXX";
    CHECK(mkstemp(path) >= 0);
    st_writer_t *w = st_create(path, NULL);
    params_write(w, &m->params);
    st_commit(w);
    st_file_t *file = st_open(path);
    model_regrow(m, file, m->node_vectors, nodes + 1, from);
    model_regrow(m, file, m->item_vectors, items + 3, NULL);
    st_close(file);
    unlink(path);
    CHECK(!memcmp(third, model_row(m, m->node_vectors, 3), sizeof third));
    CHECK(!memcmp(last, model_row(m, m->item_vectors, items - 1), sizeof last));
    for (int i = 0; i < SMALL_D; i++) CHECK(model_row(m, m->node_vectors, 2)[i] == 0 && model_row(m, m->item_vectors, items + 2)[i] == 0);
    CHECK(m->config.node_vectors == nodes + 1 && m->config.item_vectors == items + 3);
    free(from);
    grads_free(f->grads);
    f->grads = NULL;
    release(f);
}

UNIT_MAIN(UNIT(gradients_trie_softmax), UNIT(gradients_level_softmax), UNIT(gradients_learned_positions_and_dropout),
          UNIT(gradients_sampled_softmax), UNIT(gradients_items_among_items), UNIT(items_have_a_state_of_their_own),
          UNIT(what_is_left_out_gets_no_gradient), UNIT(touched_rows_are_the_children_visited), UNIT(beams_follow_the_equations),
          UNIT(policy_gradient), UNIT(regrown_tables_keep_their_rows))
