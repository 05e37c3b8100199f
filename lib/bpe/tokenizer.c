#include "bpe/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/in.h"
#include "base/mem.h"
#include "bpe/alphabet.h"
#include "bpe/tokenizer_file.h"

tokenizer_t *tokenizer_load(const char *path)
{
    tokenizer_t *t = NEW(tokenizer_t);
    tokenizer_file_read(t, path);
    return t;
}

void tokenizer_free(tokenizer_t *t)
{
    if (!t) return;
    free(t->name);
    strtab_free(&t->spellings);
    free(t->spelling_id);
    free(t->piece);
    buf_free(&t->bytes);
    merges_free(&t->merges);
    for (int i = 0; i < t->pattern_count; i++) pattern_free(&t->patterns[i]);
    added_free(&t->raw);
    added_free(&t->normal);
    free(t);
}

int32_t tokenizer_size(const tokenizer_t *t) { return t->size; }

static bool is_token(const tokenizer_t *t, int32_t id) { return id >= 0 && id < t->size && t->piece[id].at >= 0; }

const char *tokenizer_piece(const tokenizer_t *t, int32_t id, size_t *n)
{
    if (!is_token(t, id)) return NULL;
    *n = (size_t)t->piece[id].length;
    return t->bytes.data + t->piece[id].at;
}

bool tokenizer_is_special(const tokenizer_t *t, int32_t id) { return is_token(t, id) && t->piece[id].special; }

static int32_t added_id(const added_t *a, const char *piece, size_t n)
{
    size_t at = 0;
    const struct added_token *found = added_find(a, piece, n, &at);
    return found && at == 0 && found->length == n ? found->id : -1;
}

int32_t tokenizer_id(const tokenizer_t *t, const char *piece, size_t n)
{
    int32_t id = added_id(&t->raw, piece, n);
    if (id < 0) id = added_id(&t->normal, piece, n);
    if (id >= 0) return id;
    buf_t spelling = {0};
    alphabet_spell(piece, n, &spelling);
    const int64_t row = spelling.len ? strtab_find(&t->spellings, spelling.data, spelling.len) : -1;
    buf_free(&spelling);
    return row < 0 ? -1 : t->spelling_id[row];
}

size_t tokenizer_decode(const tokenizer_t *t, const int32_t *ids, size_t count, buf_t *out)
{
    buf_add(out, "", 0);
    for (size_t i = 0; i < count; i++) {
        size_t n;
        const char *piece = tokenizer_piece(t, ids[i], &n);
        if (!piece) return i;
        buf_add(out, piece, n);
    }
    return count;
}

bool tokenizer_is_text(const char *text, size_t n)
{
    for (const char *end = text + n;; text++) {
        const char *nul = memchr(text, 0, (size_t)(end - text)), *to = nul ? nul : end;
        if (!utf8_valid(text, (size_t)(to - text))) return false;
        if (!nul) return true;
        text = nul;
    }
}

static void describe_added(const tokenizer_t *t, buf_t *out)
{
    int count = 0, special = 0;
    for (int32_t id = 0; id < t->size; id++) {
        count += t->piece[id].added;
        special += t->piece[id].special;
    }
    buf_printf(out, "added       %d, %d of them special\n", count, special);
}

void tokenizer_describe(const tokenizer_t *t, buf_t *out)
{
    int64_t tokens = 0;
    for (int32_t id = 0; id < t->size; id++) tokens += t->piece[id].at >= 0;
    buf_printf(out, "file        %s\ntokens      %lld, ids below %d\nmerges      %zu%s\n", t->name, (long long)tokens, t->size,
               t->merges.count, t->whole_words ? ", for words that are no tokens themselves" : "");
    buf_printf(out, "normalised  %s\n", t->nfc ? "nfc" : "none");
    for (int i = 0; i < t->pattern_count; i++) {
        const char *name = pattern_name(t->patterns[i].kind);
        buf_printf(out, "pattern     %s\n", name ? name : t->patterns[i].text);
    }
    if (t->prefix_space) buf_puts(out, "prefix      a blank\n");
    describe_added(t, out);
}
