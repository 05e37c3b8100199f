#include "tasks/asker.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "bpe/encoder.h"
#include "gen/decoder.h"
#include "tasks/prompt.h"
#include "tasks/writer.h"

struct asker {
    const network_t *net;
    space_t space;        /* the model's, literal */
    const space_t *items; /* the model's */
    tokenizer_t *tokenizer;
    encoder_t *encoder;
    decoder_t *decoder;   /* made when they are first needed */
    writer_t *writer;
    int writer_beam;
    ids_t ids;
    int32_t *symbols;     /* of the prompts that wait, one behind the other */
    int64_t rows, cap;
    int64_t *first;       /* [waiting + 1] */
    int64_t waiting, first_cap;
    buf_t text;           /* what was told last */
    told_t *told;
};

asker_t *asker_new(const network_t *net, const space_t *space, const char *name)
{
    if (!space->vocab.text) die(EX_DATAERR, "%s: has learnt no task with texts: see sidgen-train --tasks", name);
    asker_t *a = NEW(asker_t);
    *a = (asker_t){.net = net, .space = *space, .items = space};
    a->space.literal = true;
    a->tokenizer = tokenizer_parse(name, space->tokenizer, (size_t)space->tokenizer_bytes);
    if (tokenizer_size(a->tokenizer) != space->vocab.text)
        die(EX_DATAERR, "%s: its tokenizer has %d tokens, its vocabulary %d", name, (int)tokenizer_size(a->tokenizer), (int)space->vocab.text);
    a->encoder = encoder_new(a->tokenizer);
    a->first = NEW_ARRAY(int64_t, a->first_cap = 64);
    return a;
}

void asker_free(asker_t *a)
{
    if (!a) return;
    encoder_free(a->encoder);
    tokenizer_free(a->tokenizer);
    decoder_free(a->decoder);
    writer_free(a->writer);
    ids_free(&a->ids);
    free(a->symbols);
    free(a->first);
    buf_free(&a->text);
    free(a->told);
    free(a);
}

const tokenizer_t *asker_tokenizer(const asker_t *a) { return a->tokenizer; }

void asker_decode(const asker_t *a, const int32_t *tokens, int64_t n, buf_t *out)
{
    const size_t before = out->len;
    tokenizer_decode(a->tokenizer, tokens, (size_t)n, out);
    utf8_mend(out->data + before, out->len - before);
}

int64_t asker_waiting(const asker_t *a) { return a->waiting; }

/* Makes room for a prompt of so many rows behind the others, and counts it. */
static int32_t *add(asker_t *a, int64_t rows)
{
    while (a->rows + rows > a->cap) a->symbols = xreallocarray(a->symbols, (size_t)(a->cap = 2 * a->cap + 1024), sizeof *a->symbols);
    if (a->waiting + 2 > a->first_cap) a->first = xreallocarray(a->first, (size_t)(a->first_cap *= 2), sizeof *a->first);
    int32_t *at = a->symbols + a->rows;
    a->rows += rows;
    a->first[++a->waiting] = a->rows;
    return at;
}

bool asker_add_text(asker_t *a, task_t task, const char *text, size_t n)
{
    a->ids.count = 0;
    encoder_add(a->encoder, text, n, &a->ids);
    if (!a->ids.count) return false;
    const int64_t count = min64((int64_t)a->ids.count, item_texts_most(task_form(task)->reads, a->space.text_most));
    int32_t *at = add(a, prompt_text(a->items, task, 0, a->ids.id, count, NULL));
    prompt_text(a->items, task, 0, a->ids.id, count, at);
    return true;
}

void asker_add(asker_t *a, const item_texts_t *texts, task_t task, const history_t *h)
{
    int32_t *at = add(a, prompt_of(a->items, texts, task, 0, h, NULL));
    prompt_of(a->items, texts, task, 0, h, at);
}

void asker_add_codes(asker_t *a, task_t task, const int32_t *codes, int n)
{
    int32_t *at = add(a, prompt_codes(a->items, task, codes, n, NULL));
    prompt_codes(a->items, task, codes, n, at);
}

bool asker_add_titles(asker_t *a, const char *const *titles, int64_t n)
{
    item_texts_t texts = item_texts_new(n, a->space.text_most);
    int32_t *numbers = NEW_ARRAY(int32_t, n);
    for (int64_t i = 0; i < n; i++) {
        a->ids.count = 0;
        encoder_add(a->encoder, titles[i], strlen(titles[i]), &a->ids);
        item_texts_set(&texts, TEXT_TITLE, i, a->ids.id, (int64_t)a->ids.count);
        numbers[i] = (int32_t)i;
    }
    if (n > 0) asker_add(a, &texts, TASK_TITLES_NEXT, &(history_t){numbers, n, -1});
    item_texts_free(&texts);
    free(numbers);
    return n > 0;
}

static void begin_anew(asker_t *a) { a->waiting = a->rows = 0; }

/* Returns the prompts that wait. Caller frees. */
static history_t *waiting(const asker_t *a)
{
    history_t *prompts = NEW_ARRAY(history_t, a->waiting);
    for (int64_t i = 0; i < a->waiting; i++) prompts[i] = (history_t){a->symbols + a->first[i], a->first[i + 1] - a->first[i], -1};
    return prompts;
}

void asker_items(asker_t *a, const item_set_t *within, int beam, int k, int32_t *items, float *scores)
{
    if (!a->decoder) a->decoder = decoder_new(a->net, &a->space, 1);
    history_t *prompts = waiting(a);
    const item_set_t **each = NEW_ARRAY(const item_set_t *, a->waiting);
    for (int64_t i = 0; i < a->waiting; i++) each[i] = within;
    decoder_restrict(a->decoder, each);
    decoder_topk(a->decoder, a->waiting, prompts, beam, 0, k, items, scores);
    decoder_restrict(a->decoder, NULL);
    free(each);
    free(prompts);
    begin_anew(a);
}

/* Turns what was written into texts, each ended by NUL. */
static void read_out(asker_t *a, const written_t *written)
{
    size_t *start = NEW_ARRAY(size_t, a->waiting);
    buf_clear(&a->text);
    for (int64_t i = 0; i < a->waiting; i++) {
        start[i] = a->text.len;
        asker_decode(a, written[i].tokens, written[i].length, &a->text);
        a->told[i] = (told_t){NULL, a->text.len - start[i], (double)written[i].log_p};
        buf_add(&a->text, "", 1);
    }
    for (int64_t i = 0; i < a->waiting; i++) a->told[i].text = a->text.data + start[i];
    free(start);
}

const told_t *asker_titles(asker_t *a, int beam)
{
    if (!a->writer || a->writer_beam != beam) {
        writer_free(a->writer);
        a->writer = writer_new(a->net, &a->space, TITLE_MOST, a->writer_beam = beam);
    }
    history_t *prompts = waiting(a);
    a->told = xreallocarray(a->told, (size_t)a->waiting, sizeof *a->told);
    read_out(a, writer_run(a->writer, a->waiting, prompts));
    free(prompts);
    begin_anew(a);
    return a->told;
}
