/* Messages name the place in the file as a path of keys. */
#include "bpe/tokenizer_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "bpe/alphabet.h"
#include "bpe/nfc.h"
#include "formats/json_document.h"
#include "formats/when.h"

/* A value's span of the text. */
typedef struct {
    const char *from, *to;
} span_t;

typedef struct {
    struct tokenizer *t;
    buf_t text, other, spelling; /* strings at hand */
    bool byte_level;             /* the pre-tokenizer ByteLevel has been there */
} reader_t;

PRINTF_LIKE(2, 3) _Noreturn static void refuse(const reader_t *r, const char *fmt, ...)
{
    char why[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    die_at(r->t->name, 0, "%s", why);
}

static span_t span_of(const json_want_t *w) { return (span_t){w->value, w->value_end}; }

/* How much of a value a message shows. */
static int shown(span_t v) { return v.to - v.from < 40 ? (int)(v.to - v.from) : 40; }

static span_t member(span_t object, const char *name)
{
    json_want_t found = {.name = name};
    if (object.from && *object.from == '{') json_pick(object.from, (size_t)(object.to - object.from), &found, 1, NULL);
    return span_of(&found);
}

static bool is_word(span_t v, const char *word)
{
    return v.from && (size_t)(v.to - v.from) == strlen(word) && !memcmp(v.from, word, strlen(word));
}

static bool is_null(span_t v) { return !v.from || is_word(v, "null"); }
static bool next_element(span_t array, json_element_t *e) { return json_next_element(array.from, (size_t)(array.to - array.from), e); }

/* Reads a string into a buffer, emptied first. */
static void string(const reader_t *r, span_t v, const char *where, buf_t *to)
{
    if (!v.from || *v.from != '"') refuse(r, "%s: expected a string", where);
    buf_clear(to);
    buf_add(to, "", 0);
    json_unescape(v.from, v.to, to);
}

/* Reads the "type" of an object into r->text. */
static const char *type_of(reader_t *r, span_t object, const char *where)
{
    if (!object.from || *object.from != '{') refuse(r, "%s: expected an object", where);
    string(r, member(object, "type"), where, &r->text);
    return r->text.data;
}

static bool is_flag(const reader_t *r, span_t v, const char *where, const char *name, bool otherwise)
{
    if (is_null(v)) return otherwise;
    if (!is_word(v, "true") && !is_word(v, "false")) refuse(r, "%s.%s: expected true or false", where, name);
    return is_word(v, "true");
}

static bool flag(const reader_t *r, span_t object, const char *where, const char *name, bool otherwise)
{
    return is_flag(r, member(object, name), where, name, otherwise);
}

/* Calls one() for the objects of a sequence, the elements of its member `name`. */
static void each_part(reader_t *r, span_t sequence, const char *where, const char *name, void (*one)(reader_t *r, span_t part))
{
    const span_t parts = member(sequence, name);
    if (!parts.from || *parts.from != '[') refuse(r, "%s.%s: expected an array", where, name);
    for (json_element_t e = {0}; next_element(parts, &e);) one(r, (span_t){e.value, e.value_end});
}

/* --- Normaliser, pre-tokenizer, decoder ------------------------------------------------------------------------------------- */

static void read_normalizer(reader_t *r, span_t v)
{
    if (is_null(v)) return;
    const char *type = type_of(r, v, "normalizer");
    if (!strcmp(type, "Sequence")) each_part(r, v, "normalizer", "normalizers", read_normalizer);
    else if (!strcmp(type, "NFC")) r->t->nfc = true;
    else refuse(r, "normalizer: %.40s is not supported, expected NFC or none", type);
}

static void add_pattern(reader_t *r, const char *text, size_t n, bool literal, bool only_matches)
{
    struct tokenizer *t = r->t;
    if (t->pattern_count == MAX_PATTERNS) refuse(r, "pre_tokenizer: more than %d patterns", MAX_PATTERNS);
    pattern_t *p = &t->patterns[t->pattern_count++];
    char *why = pattern_compile(p, text, n, literal);
    if (why) refuse(r, "pre_tokenizer: pattern: %s", why);
    p->only_matches = only_matches;
}

/* What is between matches stays (Isolated), or would be dropped (Removed, the other way round). */
static void read_split(reader_t *r, span_t v)
{
    const span_t pattern = member(v, "pattern"), regex = member(pattern, "Regex"), literal = member(pattern, "String");
    const bool invert = flag(r, v, "pre_tokenizer", "invert", false);
    string(r, member(v, "behavior"), "pre_tokenizer.behavior", &r->other);
    const bool isolated = !strcmp(r->other.data, "Isolated"), removed = !strcmp(r->other.data, "Removed");
    if (!isolated && !(removed && invert))
        refuse(r, "pre_tokenizer: Split with behavior %.40s%s is not supported, expected Isolated, or Removed with invert", r->other.data,
               invert ? " and invert" : "");
    string(r, regex.from ? regex : literal, "pre_tokenizer.pattern", &r->other);
    add_pattern(r, r->other.data, r->other.len, !regex.from, removed);
}

static void read_byte_level(reader_t *r, span_t v)
{
    if (flag(r, v, "pre_tokenizer", "add_prefix_space", true)) {
        if (r->t->pattern_count) refuse(r, "pre_tokenizer: ByteLevel with add_prefix_space behind another is not supported");
        r->t->prefix_space = true;
    }
    const char *text = pattern_text(PATTERN_GPT2);
    if (flag(r, v, "pre_tokenizer", "use_regex", true)) add_pattern(r, text, strlen(text), false, false);
}

static void read_pre_tokenizer(reader_t *r, span_t v)
{
    const char *type = type_of(r, v, "pre_tokenizer");
    if (!strcmp(type, "Sequence")) {
        each_part(r, v, "pre_tokenizer", "pretokenizers", read_pre_tokenizer);
    } else if (r->byte_level) {
        refuse(r, "pre_tokenizer: %.40s behind ByteLevel is not supported", type);
    } else if (!strcmp(type, "Split")) {
        read_split(r, v);
    } else if (!strcmp(type, "Digits")) {
        const bool each = flag(r, v, "pre_tokenizer", "individual_digits", false);
        add_pattern(r, each ? "\\p{N}" : "\\p{N}+", each ? 5 : 6, false, false);
    } else if (!strcmp(type, "ByteLevel")) {
        read_byte_level(r, v);
        r->byte_level = true;
    } else {
        refuse(r, "pre_tokenizer: %.40s is not supported, expected ByteLevel, Split, Digits or a Sequence of these", type);
    }
}

static void read_splitting(reader_t *r, span_t v)
{
    if (!is_null(v)) read_pre_tokenizer(r, v);
    if (!r->byte_level) refuse(r, "pre_tokenizer: no ByteLevel: only byte-level tokenizers are supported");
}

static void read_decoder(reader_t *r, span_t v)
{
    if (is_null(v)) return;
    const char *type = type_of(r, v, "decoder");
    if (!strcmp(type, "Sequence")) each_part(r, v, "decoder", "decoders", read_decoder);
    else if (strcmp(type, "ByteLevel") != 0) refuse(r, "decoder: %.40s is not supported, expected ByteLevel", type);
}

/* --- The model ---------------------------------------------------------------------------------------------------------------- */

static int32_t read_id(const reader_t *r, span_t v, const char *where, const char *token)
{
    int64_t id;
    if (!v.from || !integer_parse(v.from, (size_t)(v.to - v.from), &id) || id < 0 || id > TOKEN_MAX_ID)
        refuse(r, "%s: id of \"%.40s\", expected a number from 0 to %d", where, token, TOKEN_MAX_ID);
    return (int32_t)id;
}

/* Makes ids of no token up to `id`. */
static void reserve_pieces(struct tokenizer *t, int32_t id)
{
    if (id < t->size) return;
    t->piece = xreallocarray(t->piece, (size_t)id + 1, sizeof *t->piece);
    while (t->size <= id) t->piece[t->size++] = (piece_t){.at = -1};
}

/* Gives an id its bytes; `spelling` is for messages. */
static void set_piece(reader_t *r, int32_t id, const char *where, const char *spelling, const char *bytes, size_t n)
{
    struct tokenizer *t = r->t;
    reserve_pieces(t, id);
    if (t->piece[id].at >= 0) refuse(r, "%s: id %d is there twice, the second time of \"%.40s\"", where, id, spelling);
    t->piece[id] = (piece_t){.at = (int64_t)t->bytes.len, .length = (int32_t)n};
    buf_add(&t->bytes, bytes, n);
}

/* Reads a token's spelling. */
static void token(const reader_t *r, span_t v, const char *where, buf_t *to)
{
    if (v.from && v.to - v.from > 8 * TOKEN_MAX_BYTES) refuse(r, "%s: a token of more than %d bytes", where, TOKEN_MAX_BYTES);
    string(r, v, where, to);
    if (!to->len || to->len > 2 * TOKEN_MAX_BYTES) refuse(r, "%s: a token of %zu bytes, expected 1 to %d", where, to->len, TOKEN_MAX_BYTES);
}

static void read_token(reader_t *r, const json_member_t *m, int64_t *cap)
{
    struct tokenizer *t = r->t;
    token(r, (span_t){m->key, m->key_end}, "model.vocab", &r->text);
    const int32_t id = read_id(r, (span_t){m->value, m->value_end}, "model.vocab", r->text.data);
    const int64_t row = t->spellings.count;
    if (strtab_find_or_add(&t->spellings, r->text.data, r->text.len, strtab_hash(r->text.data, r->text.len)) < row)
        refuse(r, "model.vocab: \"%.40s\" is there twice", r->text.data);
    GROW(t->spelling_id, row, *cap);
    t->spelling_id[row] = id;
}

static void set_pieces(reader_t *r)
{
    struct tokenizer *t = r->t;
    int32_t highest = -1;
    for (int64_t row = 0; row < t->spellings.count; row++)
        if (t->spelling_id[row] > highest) highest = t->spelling_id[row];
    reserve_pieces(t, highest);
    for (int64_t row = 0; row < t->spellings.count; row++) {
        size_t n;
        const char *spelling = strtab_get(&t->spellings, row, &n);
        buf_clear(&r->other);
        if (!alphabet_read(spelling, n, &r->other)) buf_add(&r->other, spelling, n);
        set_piece(r, t->spelling_id[row], "model.vocab", spelling, r->other.data, r->other.len);
    }
}

static void read_vocab(reader_t *r, span_t vocab)
{
    int64_t cap = 0;
    if (!vocab.from || *vocab.from != '{') refuse(r, "model.vocab: expected an object of tokens with their ids");
    strtab_index(&r->t->spellings);
    for (json_member_t m = {0}; json_next_member(vocab.from, (size_t)(vocab.to - vocab.from), &m);) read_token(r, &m, &cap);
    set_pieces(r);
}

static int32_t spelled_id(const struct tokenizer *t, const char *spelling, size_t n)
{
    const int64_t row = strtab_find(&t->spellings, spelling, n);
    return row < 0 ? -1 : t->spelling_id[row];
}

/* Every byte needs a token: others' readers drop those that have none. */
static void find_bytes(reader_t *r)
{
    for (int b = 0; b < 256; b++) {
        buf_clear(&r->text);
        alphabet_spell(&(char){(char)b}, 1, &r->text);
        r->t->byte_id[b] = spelled_id(r->t, r->text.data, r->text.len);
        if (r->t->byte_id[b] < 0)
            refuse(r, "model.vocab: no token for byte 0x%02x, \"%s\": only byte-level vocabularies are supported", b, r->text.data);
    }
}

static void read_pair_of_array(reader_t *r, span_t v, const char *where)
{
    json_element_t left = {0}, right, more;
    const bool two = next_element(v, &left) && (right = left, next_element(v, &right));
    if (!two) refuse(r, "%s: expected two tokens", where);
    more = right;
    if (next_element(v, &more)) refuse(r, "%s: more than two tokens", where);
    token(r, (span_t){left.value, left.value_end}, where, &r->text);
    token(r, (span_t){right.value, right.value_end}, where, &r->other);
}

/* Reads the two tokens of a merge, "a b" or ["a", "b"], into r->text and r->other. */
static void read_pair(reader_t *r, span_t v, const char *where)
{
    if (*v.from == '[') {
        read_pair_of_array(r, v, where);
        return;
    }
    token(r, v, where, &r->text);
    char *blank = memchr(r->text.data, ' ', r->text.len);
    const size_t left = blank ? (size_t)(blank - r->text.data) : 0;
    if (!left || left + 1 == r->text.len || memchr(blank + 1, ' ', r->text.len - left - 1))
        refuse(r, "%s: \"%.40s\", expected two tokens with a blank between", where, r->text.data);
    buf_clear(&r->other);
    buf_add(&r->other, blank + 1, r->text.len - left - 1);
    r->text.len = left;
    *blank = '\0';
}

static void read_merge(reader_t *r, span_t v, int32_t rank)
{
    char where[40];
    snprintf(where, sizeof where, "model.merges[%d]", rank);
    read_pair(r, v, where);
    buf_clear(&r->spelling);
    buf_add(&r->spelling, r->text.data, r->text.len);
    buf_add(&r->spelling, r->other.data, r->other.len);
    const merge_t m = {spelled_id(r->t, r->text.data, r->text.len), spelled_id(r->t, r->other.data, r->other.len), rank,
                       spelled_id(r->t, r->spelling.data, r->spelling.len)};
    const char *unknown = m.left < 0 ? r->text.data : m.right < 0 ? r->other.data : m.id < 0 ? r->spelling.data : NULL;
    if (unknown) refuse(r, "%s: \"%.40s\" is not in the vocabulary", where, unknown);
    merges_add(&r->t->merges, m);
}

static void read_merges(reader_t *r, span_t merges)
{
    int32_t rank = 0;
    if (!merges.from || *merges.from != '[') refuse(r, "model.merges: expected an array");
    r->t->merges = merges_new();
    for (json_element_t e = {0}; next_element(merges, &e); rank++) {
        if (rank == INT32_MAX - 1) refuse(r, "model.merges: more than %d", rank);
        read_merge(r, (span_t){e.value, e.value_end}, rank);
    }
}

/* Refuses a value other than null and those that say nothing. */
static void expect_none(const reader_t *r, const json_want_t *key, const char *where)
{
    const span_t v = span_of(key);
    if (!is_null(v) && !is_word(v, "\"\"") && !is_word(v, "0") && !is_word(v, "0.0"))
        refuse(r, "%s%s: %.*s is not supported, expected null", where, key->name, shown(v), v.from);
}

static void read_model(reader_t *r, span_t model)
{
    enum { TYPE, DROPOUT, PREFIX, SUFFIX, IGNORE, VOCAB, MERGES, KEYS };
    json_want_t key[KEYS] = {[TYPE] = {.name = "type"}, [DROPOUT] = {.name = "dropout"}, [PREFIX] = {.name = "continuing_subword_prefix"},
                             [SUFFIX] = {.name = "end_of_word_suffix"}, [IGNORE] = {.name = "ignore_merges"}, [VOCAB] = {.name = "vocab"},
                             [MERGES] = {.name = "merges"}};
    if (!model.from || *model.from != '{') refuse(r, "no model, expected an object \"model\"");
    json_pick(model.from, (size_t)(model.to - model.from), key, KEYS, NULL);
    if (!is_null(span_of(&key[TYPE])) && !is_word(span_of(&key[TYPE]), "\"BPE\""))
        refuse(r, "model.type: %.*s is not supported, expected BPE", shown(span_of(&key[TYPE])), key[TYPE].value);
    for (int k = DROPOUT; k <= SUFFIX; k++) expect_none(r, &key[k], "model.");
    r->t->whole_words = is_flag(r, span_of(&key[IGNORE]), "model", "ignore_merges", false);
    read_vocab(r, span_of(&key[VOCAB]));
    find_bytes(r);
    read_merges(r, span_of(&key[MERGES]));
}

/* --- Added tokens ------------------------------------------------------------------------------------------------------------- */

/* Refuses what would have a token take blanks around it, or only be found between words. */
static void check_flags(const reader_t *r, span_t v)
{
    static const char *const names[] = {"lstrip", "rstrip", "single_word"};
    for (int i = 0; i < 3; i++)
        if (flag(r, v, "added_tokens", names[i], false))
            refuse(r, "added_tokens: %s of \"%.40s\" is not supported, expected false", names[i], r->text.data);
}

static bool has_bytes(const struct tokenizer *t, int32_t id, const buf_t *text)
{
    const piece_t *p = &t->piece[id];
    return (size_t)p->length == text->len && !memcmp(t->bytes.data + p->at, text->data, text->len);
}

static void read_added(reader_t *r, span_t v, nfc_t *nfc)
{
    struct tokenizer *t = r->t;
    if (*v.from != '{') refuse(r, "added_tokens: expected objects");
    token(r, member(v, "content"), "added_tokens: content", &r->text);
    check_flags(r, v);
    const bool special = flag(r, v, "added_tokens", "special", false), normal = flag(r, v, "added_tokens", "normalized", !special);
    const int32_t id = read_id(r, member(v, "id"), "added_tokens", r->text.data);
    const int32_t known = spelled_id(t, r->text.data, r->text.len);
    if (known >= 0 && known != id)
        refuse(r, "added_tokens: \"%.40s\" has id %d, and %d in the vocabulary", r->text.data, id, known);
    if (known < 0) set_piece(r, id, "added_tokens", r->text.data, r->text.data, r->text.len);
    else if (!has_bytes(t, id, &r->text)) refuse(r, "added_tokens: \"%.40s\" spells other bytes in the vocabulary", r->text.data);
    t->piece[id].added = true;
    t->piece[id].special = special;
    if (normal && t->nfc) {
        size_t n;
        const char *text = nfc_text(nfc, r->text.data, r->text.len, &n);
        added_add(&t->normal, text, n, id);
    } else {
        added_add(normal ? &t->normal : &t->raw, r->text.data, r->text.len, id);
    }
}

static void read_all_added(reader_t *r, span_t added)
{
    if (is_null(added)) return;
    if (*added.from != '[') refuse(r, "added_tokens: expected an array");
    nfc_t *nfc = nfc_new();
    for (json_element_t e = {0}; next_element(added, &e);) read_added(r, (span_t){e.value, e.value_end}, nfc);
    const char *raw = added_sort(&r->t->raw), *twice = raw ? raw : added_sort(&r->t->normal);
    if (twice) refuse(r, "added_tokens: \"%.40s\" is there twice", twice);
    nfc_free(nfc);
}

void tokenizer_file_read(struct tokenizer *t, bytes_t bytes)
{
    enum { TRUNCATION, PADDING, NORMALIZER, PRE_TOKENIZER, DECODER, MODEL, ADDED, KEYS };
    json_want_t key[KEYS] = {[TRUNCATION] = {.name = "truncation"}, [PADDING] = {.name = "padding"}, [NORMALIZER] = {.name = "normalizer"},
                             [PRE_TOKENIZER] = {.name = "pre_tokenizer"}, [DECODER] = {.name = "decoder"}, [MODEL] = {.name = "model"},
                             [ADDED] = {.name = "added_tokens"}};
    json_document_t d = json_document_open(bytes, false, NULL);
    reader_t r = {.t = t};
    t->name = xstrdup(d.bytes.name);
    json_pick(d.text, d.bytes.len - (size_t)(d.text - (const char *)d.bytes.data), key, KEYS, NULL);
    expect_none(&r, &key[TRUNCATION], "");
    expect_none(&r, &key[PADDING], "");
    read_normalizer(&r, span_of(&key[NORMALIZER]));
    read_splitting(&r, span_of(&key[PRE_TOKENIZER]));
    read_decoder(&r, span_of(&key[DECODER]));
    read_model(&r, span_of(&key[MODEL]));
    read_all_added(&r, span_of(&key[ADDED]));
    json_document_close(&d);
    buf_free(&r.text);
    buf_free(&r.other);
    buf_free(&r.spelling);
}
