/* Templates: what is built in parses and comes back as it was, and every task's sequence is what the words say, in the wording that its
 * number draws. */
#include "bpe/encoder.h"
#include "bpe/tokenizer_write.h"
#include "gen/templates.h"
#include "small_body.h"
#include "tasks/prompt.h"

enum { BYTES = 256, MOST = 40 };
static const char *const sets[] = {"sidmill", "minionerec", "lcrec"};
static const char *const titles[] = {"red cup", "lamp", "a chair", "coat", "old book", "drum"};
static const char about[] = "for the garden";

/* A space whose texts are bytes, with what it needs. */
typedef struct {
    tokenizer_t *tokenizer;
    space_t space;
    item_texts_t texts;
    templates_t templates;
} asked_t;

static void set_text(asked_t *a, encoder_t *e, text_t k, int64_t item, const char *text)
{
    ids_t ids = {0};
    encoder_add(e, text, strlen(text), &ids);
    item_texts_set(&a->texts, k, item, ids.id, (int64_t)ids.count);
    ids_free(&ids);
}

static asked_t ask_by(templates_t templates)
{
    buf_t json = {0};
    tokenizer_write_bytes(&json);
    asked_t a = {tokenizer_parse("bytes", json.data, json.len), space_make(&small_sids, SOFTMAX_TRIE, BODY_FLAT, 20), item_texts_new(6, MOST), templates};
    space_add_text(&a.space, BYTES, MOST, NULL, 0);
    encoder_t *e = encoder_new(a.tokenizer);
    for (int i = 0; i < 6; i++) {
        set_text(&a, e, TEXT_TITLE, i, titles[i]);
        set_text(&a, e, TEXT_ABOUT, i, about);
        set_text(&a, e, TEXT_CAPTION, i, about);
    }
    templates_apply(&a.templates, a.tokenizer, &(frame_t){0}, &a.space);
    encoder_free(e);
    buf_free(&json);
    return a;
}

static void done(asked_t *a)
{
    tokenizer_free(a->tokenizer);
    space_free(&a->space);
    item_texts_free(&a->texts);
    templates_free(&a->templates);
}

/* Appends symbols as they are read: texts as such, others by name. */
static void spell(const asked_t *a, const int32_t *symbols, int64_t n, buf_t *out)
{
    char name[VOCAB_NAME];
    for (int64_t i = 0; i < n; i++) {
        const int32_t text = symbols[i] - a->space.vocab.first_text;
        if (text >= 0) {
            tokenizer_decode(a->tokenizer, &text, 1, out);
        } else {
            vocab_name(&a->space.vocab, symbols[i], name);
            buf_puts(out, name);
        }
    }
}

static void spell_item(const asked_t *a, int32_t item, buf_t *out)
{
    spell(a, space_sid(&a->space, item), space_sid_length(&a->space, item), out);
}

/* Appends a task's input, as the manual says it. */
static void spell_input(const asked_t *a, task_t task, const history_t *h, buf_t *out)
{
    const task_form_t *f = task_form(task);
    if (task == TASK_TITLES_NEXT) {
        for (int64_t i = 0; i < h->count; i++) {
            if (i) spell(a, (int32_t[]){a->space.vocab.first_marker + VOCAB_NEXT}, 1, out);
            buf_puts(out, titles[h->items[i]]);
        }
    } else if (f->history) {
        for (int64_t i = 0; i < h->count; i++) spell_item(a, h->items[i], out);
    } else if (f->reads == TEXT_NONE) {
        spell_item(a, h->target, out);
    } else {
        buf_puts(out, f->reads == TEXT_TITLE ? titles[h->target] : about);
    }
}

/* Appends what a task says in a wording. */
static void spell_prompt(const asked_t *a, task_t task, int w, const history_t *h, buf_t *out)
{
    buf_puts(out, a->templates.wording[task][w].before);
    spell_input(a, task, h, out);
    buf_puts(out, a->templates.wording[task][w].after);
}

static bool same(const buf_t *a, const buf_t *b) { return a->len == b->len && !memcmp(a->data, b->data, a->len); }

TEST(prompts_are_what_is_shown)
{
    int32_t items[] = {3, 2, 0}, symbols[2048];
    const history_t h = {items, 3, 1};
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        asked_t a = ask_by(templates_open(sets[s]));
        for (int t = 0; t < TASKS; t++)
            for (int w = 0; w < a.templates.count[t]; w++) {
                buf_t got = {0}, expected = {0};
                const int64_t n = prompt_of(&a.space, &a.texts, (task_t)t, w, &h, NULL);
                CHECK(n < 2048 && n <= space_longest(&a.space) && prompt_of(&a.space, &a.texts, (task_t)t, w, &h, symbols) == n);
                spell(&a, symbols, n, &got);
                spell_prompt(&a, (task_t)t, w, &h, &expected);
                CHECK(same(&got, &expected));
                buf_free(&got);
                buf_free(&expected);
            }
        done(&a);
    }
}

TEST(a_file_comes_back_as_it_was_and_fills_what_it_leaves_out)
{
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        templates_t t = templates_open(sets[s]);
        char *text = templates_text(&t);
        templates_t again = templates_parse("again", text, strlen(text));
        char *twice = templates_text(&again);
        CHECK(!strcmp(text, twice));
        templates_free(&t);
        templates_free(&again);
        free(text);
        free(twice);
    }
    static const char some[] = "title-item: a {input}\ntitle-item: b {input}\\n\n# c\ntitle-item: {input} d\n";
    templates_t t = templates_parse("some", some, strlen(some)), ours = templates_open(NULL);
    CHECK(t.count[TASK_TITLE_SID] == 3 && !strcmp(t.wording[TASK_TITLE_SID][1].after, "\n") && !*t.wording[TASK_TITLE_SID][2].before);
    CHECK(t.count[TASK_NEXT] == 1 && !strcmp(t.wording[TASK_NEXT]->before, ours.wording[TASK_NEXT]->before));
    templates_free(&t);
    templates_free(&ours);
}

/* Begins every sequence of a task with its prompt, and leaves the answer behind it. */
static void check_sequences(const asked_t *a, task_t task, sequence_task_t from)
{
    static int32_t symbols[8192];
    static scored_position_t positions[8192];
    int seen[16] = {0};
    for (int64_t i = 0; i < from.count; i++) {
        sequence_pack_t pack = {.symbols = symbols, .positions = positions};
        const int w = space_wording(&a->space, task, i);
        const surround_t *around = &a->space.around[task].wording[w];
        from.expand(from.ctx, i, &pack);
        CHECK(pack.rows == from.rows(from.ctx, i) && !memcmp(symbols, around->symbols, (size_t)around->before * sizeof *symbols));
        const int64_t end = pack.positions[0].row + 1; /* what is scored first follows the prompt */
        if (around->after) CHECK(!memcmp(symbols + end - around->after, around->symbols + around->before, (size_t)around->after * sizeof *symbols));
        seen[w]++;
    }
    from.free(from.ctx);
    CHECK(from.count < 5 || a->templates.count[task] == 1 || seen[0] < from.count);
}

TEST(sequences_are_asked_in_the_wording_that_their_number_draws)
{
    asked_t a = ask_by(templates_open("lcrec"));
    const task_source_t from = {&a.space, &small_interactions, &a.texts, {0, 0, 0}};
    for (int t = 0; t < TASKS; t++) check_sequences(&a, (task_t)t, text_task(&from, (task_t)t));
    done(&a);
    static const char at_once[] = "next: Bought: {input}\nnext: Taken so far: {input}\n";
    a = ask_by(templates_parse("at once", at_once, strlen(at_once)));
    check_sequences(&a, TASK_NEXT, histories_task(&small_interactions, &a.space, (hold_back_t){0}));
    done(&a);
}

TEST(wordings_are_drawn_alike_and_always_the_same)
{
    asked_t a = ask_by(templates_open("lcrec"));
    for (int t = 0; t < TASKS; t++) {
        int seen[16] = {0};
        for (int64_t i = 0; i < 4000; i++) seen[space_wording(&a.space, (task_t)t, i)]++;
        const int even = 4000 / a.templates.count[t];
        for (int w = 0; w < a.templates.count[t]; w++) CHECK(seen[w] > even * 8 / 10 && seen[w] < even * 12 / 10 + 1);
        CHECK(space_wording(&a.space, (task_t)t, 7) == space_wording(&a.space, (task_t)t, 7));
    }
    CHECK(a.templates.count[TASK_NEXT] == 8 && a.templates.count[TASK_CAPTION_SID] == 1);
    done(&a);
}

UNIT_MAIN(UNIT(prompts_are_what_is_shown), UNIT(a_file_comes_back_as_it_was_and_fills_what_it_leaves_out),
          UNIT(sequences_are_asked_in_the_wording_that_their_number_draws), UNIT(wordings_are_drawn_alike_and_always_the_same))
