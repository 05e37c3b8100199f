/* Tasks with texts: their sequences, their gradients, and what is written behind a prompt. */
#include "small_body.h"
#include "tasks/prompt.h"
#include "tasks/writer.h"

enum { MOST = 4 };

static int32_t a[] = {3}, b[] = {7, 1, 9}, c[] = {2, 2, 2, 2, 2, 2}, d[] = {0, 29}, e[] = {11, 12, 13, 14};

/* Item 3 has no title, item 4 nothing but a title. */
static item_texts_t some_texts(void)
{
    item_texts_t t = item_texts_new(6, MOST);
    item_texts_set(&t, TEXT_TITLE, 5, b, 3);
    item_texts_set(&t, TEXT_TITLE, 0, a, 1);
    item_texts_set(&t, TEXT_TITLE, 1, c, 6);
    item_texts_set(&t, TEXT_TITLE, 2, d, 2);
    item_texts_set(&t, TEXT_TITLE, 4, e, 4);
    for (int i = 0; i < 6; i++) {
        if (i != 4) item_texts_set(&t, TEXT_ABOUT, i, e, 1 + i % 4);
        if (i != 4) item_texts_set(&t, TEXT_CAPTION, i, b, 1 + i % 3);
    }
    return t;
}

static fixture_t *with_texts(const item_texts_t *t, softmax_t softmax) { return fixture_of((made_of_t){.softmax = softmax, .texts = t}); }

static void equal(const int32_t *got, int64_t n, const int32_t *expected, int64_t m)
{
    CHECK(n == m);
    for (int64_t i = 0; i < m && i < n; i++) CHECK(got[i] == expected[i]);
}

TEST(prompts_are_marker_input_and_separator)
{
    item_texts_t t = some_texts();
    fixture_t *f = with_texts(&t, SOFTMAX_TRIE);
    const vocab_t *v = &f->space.vocab;
    const int32_t *sid = space_sid(&f->space, 2), separator = v->first_marker + VOCAB_SEPARATOR, next = v->first_marker + VOCAB_NEXT, w = v->first_text;
    int32_t got[64];
    CHECK(v->first_marker == 1 + 2 * 3 + 2 && v->end == v->first_marker + VOCAB_MARKERS && w == v->end + 1 && v->size == w + 30);
    int32_t items[] = {3, 2, 0, 1};
    const history_t h = {items, 4, 5};
    equal(got, prompt_of(&f->space, &t, TASK_ABOUT_SID, 0, &h, got), (int32_t[]){task_marker(v, TASK_ABOUT_SID), w + 11, w + 12, separator}, 4);
    equal(got, prompt_of(&f->space, &t, TASK_SID_TITLE, 0, &(history_t){NULL, 0, 2}, got), (int32_t[]){task_marker(v, TASK_SID_TITLE), sid[0], sid[1], separator}, 4);
    equal(got, prompt_of(&f->space, &t, TASK_TITLES_NEXT, 0, &h, got),
          (int32_t[]){task_marker(v, TASK_TITLES_NEXT), w, w + 29, next, w + 3, next, w + 2, w + 2, w + 2, w + 2, separator}, 11);
    CHECK(prompt_of(&f->space, &t, TASK_NEXT, 0, &h, got) == space_history(&f->space, &h, NULL) && got[0] == v->bos);
    CHECK(prompt_of(&f->space, &t, TASK_NEXT_TITLE, 0, &h, got) == space_history(&f->space, &h, NULL) + 1 && got[0] == task_marker(v, TASK_NEXT_TITLE));
    f->space.max_items = 3; /* 9 rows: of the titles two fit, with a row for each behind it */
    equal(got, prompt_titles(&f->space, &t, 0, &h, got), (int32_t[]){task_marker(v, TASK_TITLES_NEXT), w + 3, next, w + 2, w + 2, w + 2, w + 2, separator}, 8);
    f->space.max_items = 1; /* 3 rows: fewer than the last title takes, which is read all the same */
    equal(got, prompt_titles(&f->space, &t, 0, &h, got), (int32_t[]){task_marker(v, TASK_TITLES_NEXT), w + 2, w + 2, w + 2, w + 2, separator}, 6);
    CHECK(prompt_titles(&f->space, &t, 0, &h, NULL) <= space_longest(&f->space));
    release(f);
    item_texts_free(&t);
}

/* Rows and scored positions of every sequence, and what is scored where. */
TEST(sequences_score_their_outputs_alone)
{
    item_texts_t t = some_texts();
    fixture_t *f = with_texts(&t, SOFTMAX_TRIE);
    const int64_t expected[] = {2, 2, 2, 5, 5, 5, 5, 4}; /* sequences of each task; user 1's last training item is 2, user 0's 1 */
    for (int k = 0; k < TASKS; k++) CHECK(f->sequences.tasks[k].count == expected[k]);
    const int32_t separator = f->space.vocab.first_marker + VOCAB_SEPARATOR;
    int64_t first = 0;
    for (int64_t i = 0; i < f->sequences.count; i++) {
        const int64_t at = f->bounds[i], rows = f->bounds[i + 1] - at;
        CHECK(rows == sequences_rows(&f->sequences, i) && rows <= f->sequences.longest);
        for (; first < f->pack.scored && f->positions[first].row < at + rows; first++) {
            const scored_position_t *p = &f->positions[first];
            if (p->task == TASK_NEXT) continue;
            int64_t before = p->row;
            while (before > at && f->symbols[before] != separator) before--;
            CHECK(f->symbols[before] == separator);
            const allowed_t allowed = space_allowed(&f->space, p->set);
            CHECK(allowed_index(&allowed, p->token) >= 0);
            CHECK(task_form((task_t)p->task)->writes_title == (p->set.kind == ALLOWED_RANGE));
            if (p->row + 1 < at + rows) CHECK(f->symbols[p->row + 1] == p->token);
        }
    }
    CHECK(first == f->pack.scored);
    release(f);
    item_texts_free(&t);
}

static double of_tasks(fixture_t *f, bool backward)
{
    const loss_t loss = learn(f, backward);
    const double weight[TASKS] = {1, 2, 1, 0.5, 1, 1, 3, 1};
    double sum = 0;
    for (int i = 0; i < TASKS; i++) sum += weight[i] * loss.task_loss[i];
    return sum;
}

static void gradients(softmax_t softmax)
{
    item_texts_t t = some_texts();
    fixture_t *f = with_texts(&t, softmax);
    objective_weigh(f->objective, (double[TASKS]){1, 2, 1, 0.5, 1, 1, 3, 1});
    if (softmax == SOFTMAX_LEVEL) f->without = "node_vectors";
    check_gradients(f, of_tasks);
    release(f);
    item_texts_free(&t);
}

TEST(gradients_of_all_tasks_over_the_trie) { gradients(SOFTMAX_TRIE); }
TEST(gradients_of_all_tasks_over_levels) { gradients(SOFTMAX_LEVEL); }

TEST(losses_are_told_by_task)
{
    item_texts_t t = some_texts();
    fixture_t *f = with_texts(&t, SOFTMAX_TRIE);
    network_sync(f->net);
    const loss_t loss = learn(f, false);
    int64_t tokens = 0;
    for (int i = 0; i < TASKS; i++) {
        CHECK(loss.task_tokens[i] > 0 && loss.task_wrong[i] >= 0 && loss.task_wrong[i] <= loss.task_tokens[i] && loss.task_loss[i] > 0);
        tokens += loss.task_tokens[i];
    }
    CHECK(tokens == f->pack.scored && loss.items == 7 && fabs(loss_per_item(&loss) * 7 - loss.task_loss[TASK_NEXT]) < 1e-9);
    release(f);
    item_texts_free(&t);
}

/* log p of a text behind a prompt, its end included, by one forward over both. */
static double by_forward(fixture_t *f, const int32_t *prompt, int64_t rows, const int32_t *text, int length)
{
    int32_t symbols[64];
    memcpy(symbols, prompt, (size_t)rows * sizeof *symbols);
    for (int i = 0; i < length; i++) symbols[rows + i] = f->space.vocab.first_text + text[i];
    const int64_t bounds[] = {0, rows + length};
    const segments_t s = {rows + length, 1, bounds, NULL};
    activations_t *acts = activations_new(f->net, PASS_INFER, ROWS, ROWS, 0);
    reading_rows(f->model, &f->space, &s, symbols, (reading_drop_t){0}, activations_input(acts));
    const float *states = transformer_forward(f->net, acts, &s, 0, 0, NULL);
    float *x = xfloats((size_t)f->space.widest);
    double sum = 0;
    for (int i = 0; i <= length; i++) {
        const allowed_t set = head_logits(f->net, &f->space, space_text(&f->space), states + (rows - 1 + i) * SMALL_D, 1, x);
        double top = -INFINITY, total = 0;
        for (int32_t j = 0; j < set.n; j++) top = fmax(top, (double)x[j]);
        for (int32_t j = 0; j < set.n; j++) total += exp((double)x[j] - top);
        const int32_t at = i < length ? 1 + text[i] : 0;
        sum += (double)x[at] - top - log(total);
    }
    free(x);
    activations_free(acts);
    return sum;
}

/* What is written has the probability that it is said to have; and a beam as wide as all texts of two tokens finds the likeliest. */
TEST(texts_are_written_by_their_likelihood)
{
    item_texts_t t = some_texts();
    fixture_t *f = with_texts(&t, SOFTMAX_TRIE);
    network_sync(f->net);
    int32_t prompt[3][32];
    history_t prompts[3];
    int64_t rows[3];
    for (int i = 0; i < 3; i++) {
        rows[i] = prompt_item(&f->space, TASK_SID_TITLE, 0, i, prompt[i]);
        prompts[i] = (history_t){prompt[i], rows[i], -1};
    }
    space_t literal = f->space;
    literal.literal = true;
    writer_t *greedy = writer_new(f->net, &literal, MOST, 1), *wide = writer_new(f->net, &literal, 2, 31 * 31);
    const written_t *w = writer_run(greedy, 3, prompts);
    for (int i = 0; i < 3; i++) {
        CHECK(w[i].length <= MOST);
        CHECK(fabs((double)w[i].log_p - by_forward(f, prompt[i], rows[i], w[i].tokens, w[i].length)) < 1e-4);
    }
    w = writer_run(wide, 3, prompts);
    for (int i = 0; i < 3; i++) {
        double best = by_forward(f, prompt[i], rows[i], NULL, 0);
        for (int32_t x = 0; x < 30; x++) {
            best = fmax(best, by_forward(f, prompt[i], rows[i], &x, 1));
            for (int32_t y = 0; y < 30; y++) best = fmax(best, by_forward(f, prompt[i], rows[i], (int32_t[]){x, y}, 2));
        }
        CHECK(fabs((double)w[i].log_p - best) < 1e-4);
        CHECK(fabs(by_forward(f, prompt[i], rows[i], w[i].tokens, w[i].length) - best) < 1e-4);
    }
    writer_free(greedy);
    writer_free(wide);
    release(f);
    item_texts_free(&t);
}

/* A prompt of symbols is decoded as a history of items is. */
TEST(literal_prompts_are_decoded_as_histories_are)
{
    item_texts_t t = some_texts();
    fixture_t *f = with_texts(&t, SOFTMAX_TRIE);
    network_sync(f->net);
    int32_t items[] = {3, 2, 0}, symbols[32], found[2][6];
    float scores[2][6];
    const history_t h = {items, 3, -1};
    space_t literal = f->space;
    literal.literal = true;
    decoder_t *of_items = decoder_new(f->net, &f->space, 1), *of_symbols = decoder_new(f->net, &literal, 1);
    const history_t asked = {symbols, space_prompt(&f->space, TASK_NEXT, 0, &h, symbols), -1};
    decoder_topk(of_items, 1, &h, 6, 0, 6, found[0], scores[0]);
    decoder_topk(of_symbols, 1, &asked, 6, 0, 6, found[1], scores[1]);
    CHECK(!memcmp(found[0], found[1], sizeof *found) && !memcmp(scores[0], scores[1], sizeof *scores));
    decoder_free(of_items);
    decoder_free(of_symbols);
    release(f);
    item_texts_free(&t);
}

UNIT_MAIN(UNIT(prompts_are_marker_input_and_separator), UNIT(sequences_score_their_outputs_alone), UNIT(gradients_of_all_tasks_over_the_trie),
          UNIT(gradients_of_all_tasks_over_levels), UNIT(losses_are_told_by_task), UNIT(texts_are_written_by_their_likelihood),
          UNIT(literal_prompts_are_decoded_as_histories_are))
