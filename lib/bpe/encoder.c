#include "bpe/encoder.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"
#include "bpe/alphabet.h"
#include "bpe/model.h"
#include "bpe/nfc.h"

/* WORD_BYTES and WORD_IDS make a known word as wide as a line of the processor's cache. */
enum { WORD_BYTES = 30, WORD_IDS = 8, CACHE = 1 << 16, WAITING = 32 };

/* A word and its tokens. */

typedef struct {
    _Alignas(64) uint8_t length; /* 0: empty */
    uint8_t count;
    char word[WORD_BYTES];
    int32_t id[WORD_IDS];
} known_t;

/* A word that is to be looked up when its line has come from memory. */
typedef struct {
    const char *word;
    size_t length;
    known_t *known;              /* NULL: it is too long */
} waiting_t;

struct encoder {
    const tokenizer_t *t;
    splitter_t *splitter;
    nfc_t *nfc;
    known_t *known;              /* [CACHE], the last word of each hash */
    waiting_t waiting[WAITING];
    int waiting_count;
    merges_scratch_t scratch;
    buf_t spelling, prefixed;
    ids_t *out;
};

encoder_t *encoder_new(const tokenizer_t *t)
{
    encoder_t *e = NEW(encoder_t);
    e->t = t;
    e->splitter = splitter_new(t->patterns, t->pattern_count, t->name);
    e->nfc = nfc_new();
    e->known = aligned_alloc(64, CACHE * sizeof *e->known);
    if (!e->known) die(EX_OSERR, "out of memory");
    for (int i = 0; i < CACHE; i++) e->known[i].length = 0;
    return e;
}

void encoder_free(encoder_t *e)
{
    if (!e) return;
    splitter_free(e->splitter);
    nfc_free(e->nfc);
    free(e->known);
    merges_scratch_free(&e->scratch);
    buf_free(&e->spelling);
    buf_free(&e->prefixed);
    free(e);
}

/* Looks a whole word up, where the file has that go before merges. */
static int32_t whole_word(encoder_t *e, const char *word, size_t n)
{
    const tokenizer_t *t = e->t;
    if (!t->whole_words || n > TOKEN_MAX_BYTES) return -1;
    buf_clear(&e->spelling);
    alphabet_spell(word, n, &e->spelling);
    const int64_t row = strtab_find(&t->spellings, e->spelling.data, e->spelling.len);
    return row < 0 ? -1 : t->spelling_id[row];
}

static void work_out(encoder_t *e, const char *word, size_t n)
{
    const int32_t whole = whole_word(e, word, n);
    if (whole >= 0) ids_add(e->out, &whole, 1);
    else merges_apply(&e->t->merges, &e->scratch, e->t->byte_id, word, n, e->out);
}

static void learn(known_t *k, const char *word, size_t n, const int32_t *id, size_t count)
{
    if (count > WORD_IDS) return;
    k->length = (uint8_t)n;
    k->count = (uint8_t)count;
    memcpy(k->word, word, n);
    memcpy(k->id, id, count * sizeof *id);
}

static void encode_waiting(encoder_t *e)
{
    for (const waiting_t *w = e->waiting; w < e->waiting + e->waiting_count; w++) {
        known_t *k = w->known;
        const size_t before = e->out->count;
        if (k && k->length == w->length && !memcmp(k->word, w->word, w->length)) {
            ids_reserve(e->out, WORD_IDS);
            memcpy(e->out->id + before, k->id, sizeof k->id); /* all of them, which is one instruction */
            e->out->count += k->count;
            continue;
        }
        work_out(e, w->word, w->length);
        if (k) learn(k, w->word, w->length, e->out->id + before, e->out->count - before);
    }
    e->waiting_count = 0;
}

static void encode_word(void *ctx, const char *word, size_t n)
{
    encoder_t *e = ctx;
    known_t *k = n > WORD_BYTES ? NULL : &e->known[XXH3_64bits(word, n) % CACHE];
    if (k) __builtin_prefetch(k);
    e->waiting[e->waiting_count++] = (waiting_t){word, n, k};
    if (e->waiting_count == WAITING) encode_waiting(e);
}

/* Encodes a stretch between added tokens. */
static void encode_stretch(encoder_t *e, const char *text, size_t n)
{
    if (e->t->prefix_space && n && *text != ' ') {
        buf_clear(&e->prefixed);
        buf_add(&e->prefixed, " ", 1);
        buf_add(&e->prefixed, text, n);
        text = e->prefixed.data;
        n = e->prefixed.len;
    }
    splitter_run(e->splitter, text, n, encode_word, e);
    encode_waiting(e);
}

/* Cuts added tokens out, and has stretch() encode what lies between. */
static void cut(encoder_t *e, const added_t *added, const char *text, size_t n, void (*stretch)(encoder_t *e, const char *text, size_t n))
{
    const struct added_token *token;
    size_t done = 0, at = 0;
    do {
        token = added_find(added, text, n, &at);
        if (at > done) stretch(e, text + done, at - done);
        if (!token) return;
        ids_add(e->out, &token->id, 1);
        done = at += token->length;
    } while (done < n);
}

static void normalise(encoder_t *e, const char *text, size_t n)
{
    if (e->t->nfc) text = nfc_text(e->nfc, text, n, &n);
    cut(e, &e->t->normal, text, n, encode_stretch);
}

void encoder_add(encoder_t *e, const char *text, size_t n, ids_t *out)
{
    e->out = out;
    cut(e, &e->t->raw, text, n, normalise);
}
