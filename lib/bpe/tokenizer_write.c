#include "bpe/tokenizer_write.h"

#include <stdlib.h>
#include <string.h>

#include "bpe/alphabet.h"

#define BYTE_LEVEL "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": false, \"use_regex\": false}"

/* Finds the token that is spelled as a text is, -1 if none is. */
static int64_t spelled(const trained_t *t, const char *text)
{
    buf_t bytes = {0};
    const bool spells = alphabet_read(text, strlen(text), &bytes);
    const int64_t id = spells ? strtab_find(&t->piece, bytes.data, bytes.len) : -1;
    buf_free(&bytes);
    return id;
}

static void add_special(const trained_t *t, const char *const *special, int specials, buf_t *out)
{
    int64_t next = t->piece.count;
    buf_puts(out, "  \"added_tokens\": [");
    for (int i = 0; i < specials; i++) {
        const int64_t known = spelled(t, special[i]);
        buf_printf(out, "%s\n    {\"id\": %lld, \"content\": ", i ? "," : "", (long long)(known < 0 ? next++ : known));
        buf_json_string(out, special[i], strlen(special[i]));
        buf_puts(out, ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}");
    }
    buf_puts(out, specials ? "\n  ],\n" : "],\n");
}

static void add_pre_tokenizer(const pattern_t *pattern, buf_t *out)
{
    buf_puts(out, "  \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [\n"
                  "    {\"type\": \"Split\", \"pattern\": {\"Regex\": ");
    buf_json_string(out, pattern->text, strlen(pattern->text));
    buf_puts(out, "}, \"behavior\": \"Isolated\", \"invert\": false},\n    " BYTE_LEVEL "\n  ]},\n");
}

/* Spells a piece, or two with a blank between. */
static void add_spelled(const trained_t *t, int64_t left, int64_t right, buf_t *spelling, buf_t *out)
{
    size_t n;
    const char *piece = strtab_get(&t->piece, left, &n);
    buf_clear(spelling);
    alphabet_spell(piece, n, spelling);
    if (right >= 0) {
        buf_puts(spelling, " ");
        piece = strtab_get(&t->piece, right, &n);
        alphabet_spell(piece, n, spelling);
    }
    buf_json_string(out, spelling->data, spelling->len);
}

void tokenizer_write(const trained_t *t, const pattern_t *pattern, bool nfc, const char *const *special, int specials, buf_t *out)
{
    buf_t spelling = {0};
    buf_puts(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n");
    add_special(t, special, specials, out);
    buf_printf(out, "  \"normalizer\": %s,\n", nfc ? "{\"type\": \"NFC\"}" : "null");
    add_pre_tokenizer(pattern, out);
    buf_puts(out, "  \"post_processor\": " BYTE_LEVEL ",\n  \"decoder\": " BYTE_LEVEL ",\n"
                  "  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
                  "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n    \"fuse_unk\": false,\n"
                  "    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n    \"vocab\": {");
    for (int64_t id = 0; id < t->piece.count; id++) {
        buf_puts(out, id ? ",\n      " : "\n      ");
        add_spelled(t, id, -1, &spelling, out);
        buf_printf(out, ": %lld", (long long)id);
    }
    buf_puts(out, "\n    },\n    \"merges\": [");
    for (int64_t m = 0; m < t->merges; m++) {
        buf_puts(out, m ? ",\n      " : "\n      ");
        add_spelled(t, t->merge[m].left, t->merge[m].right, &spelling, out);
    }
    buf_puts(out, t->merges ? "\n    ]\n  }\n}\n" : "]\n  }\n}\n");
    buf_free(&spelling);
}

void tokenizer_write_bytes(buf_t *out)
{
    const char *text = pattern_text(PATTERN_LLAMA3);
    pattern_t pattern;
    free(pattern_compile(&pattern, text, strlen(text), false));
    word_counts_t no_words = {0};
    trained_t bytes = bpe_train(&no_words, 256, 1);
    tokenizer_write(&bytes, &pattern, false, NULL, 0, out);
    trained_free(&bytes);
    pattern_free(&pattern);
}
