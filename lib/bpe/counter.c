#include "bpe/counter.h"

#include <stdlib.h>

#include "base/mem.h"
#include "bpe/nfc.h"
#include "bpe/splitter.h"

typedef struct {
    splitter_t *splitter;
    nfc_t *nfc;
    word_counts_t counts;
} worker_t;

struct counter {
    bool nfc;
    int workers;
    worker_t *worker;
};

counter_t *counter_new(const pattern_t *pattern, bool nfc, int workers)
{
    counter_t *c = NEW(counter_t);
    *c = (counter_t){nfc, workers, NEW_ARRAY(worker_t, workers)};
    for (int i = 0; i < workers; i++) {
        c->worker[i].splitter = splitter_new(pattern, 1, "--pattern");
        c->worker[i].nfc = nfc_new();
        strtab_index(&c->worker[i].counts.word);
    }
    return c;
}

static void count(word_counts_t *w, const char *word, size_t n, int64_t times)
{
    const int64_t known = w->word.count, row = strtab_find_or_add(&w->word, word, n, strtab_hash(word, n));
    if (row == known) {
        GROW(w->count, row, w->cap);
        w->count[row] = 0;
    }
    w->count[row] += times;
}

static void count_once(void *ctx, const char *word, size_t n) { count(ctx, word, n, 1); }

void counter_add(counter_t *c, int worker, const char *text, size_t n)
{
    worker_t *w = &c->worker[worker];
    if (c->nfc) text = nfc_text(w->nfc, text, n, &n);
    splitter_run(w->splitter, text, n, count_once, &w->counts);
}

word_counts_t counter_end(counter_t *c)
{
    word_counts_t all = c->worker[0].counts;
    for (int i = 0; i < c->workers; i++) {
        word_counts_t *w = &c->worker[i].counts;
        for (int64_t row = 0; i && row < w->word.count; row++) {
            size_t n;
            const char *word = strtab_get(&w->word, row, &n);
            count(&all, word, n, w->count[row]);
        }
        if (i) word_counts_free(w);
        splitter_free(c->worker[i].splitter);
        nfc_free(c->worker[i].nfc);
    }
    free(c->worker);
    free(c);
    return all;
}

void word_counts_free(word_counts_t *w)
{
    strtab_free(&w->word);
    free(w->count);
    *w = (word_counts_t){0};
}
