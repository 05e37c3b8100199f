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
#include "net/unpack.h"

/* A value's span of the text. */
typedef struct {
    const char *from, *to;
} span_t;

typedef struct {
    struct tokenizer *t;
    buf_t text, other, spelling; /* strings at hand */
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

static span_t member(span_t object, const char *name)
{
    span_t found = {0};
    if (!object.from || *object.from != '{') return found;
    for (json_member_t m = {0}; json_next_member(object.from, (size_t)(object.to - object.from), &m);)
        if (json_member_is(&m, name)) found = (span_t){m.value, m.value_end};
    return found;
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

static bool flag(const reader_t *r, span_t object, const char *where, const char *name, bool otherwise)
{
    const span_t v = member(object, name);
    if (is_null(v)) return otherwise;
    if (!is_word(v, "true") && !is_word(v, "false")) refuse(r, "%s.%s: expected true or false", where, name);
    return is_word(v, "true");
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
    } else if (r->other.cap && !strcmp(r->other.data, "ByteLevel")) {
        refuse(r, "pre_tokenizer: %.40s behind ByteLevel is not supported", type);
    } else if (!strcmp(type, "Split")) {
        read_split(r, v);
    } else if (!strcmp(type, "Digits")) {
        const bool each = flag(r, v, "pre_tokenizer", "individual_digits", false);
        add_pattern(r, each ? "\\p{N}" : "\\p{N}+", each ? 5 : 6, false, false);
    } else if (!strcmp(type, "ByteLevel")) {
        read_byte_level(r, v);
        buf_clear(&r->other);
        buf_puts(&r->other, type);
    } else {
        refuse(r, "pre_tokenizer: %.40s is not supported, expected ByteLevel, Split, Digits or a Sequence of these", type);
    }
}

static void read_splitting(reader_t *r, span_t v)
{
    buf_clear(&r->other);
    buf_add(&r->other, "", 0);
    if (is_null(v)) refuse(r, "pre_tokenizer: none, expected ByteLevel: only byte-level tokenizers are supported");
    read_pre_tokenizer(r, v);
    if (strcmp(r->other.data, "ByteLevel") != 0) refuse(r, "pre_tokenizer: no ByteLevel: only byte-level tokenizers are supported");
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

/* Gives an id its bytes. */
static void set_piece(reader_t *r, int32_t id, const char *where, const char *bytes, size_t n)
{
    struct tokenizer *t = r->t;
    if (id >= t->size) {
        t->piece = xreallocarray(t->piece, (size_t)id + 1, sizeof *t->piece);
        while (t->size <= id) t->piece[t->size++] = (piece_t){.at = -1};
    }
    if (t->piece[id].at >= 0) refuse(r, "%s: id %d is there twice, the second time of \"%.40s\"", where, id, r->text.data);
    t->piece[id] = (piece_t){.at = (int64_t)t->bytes.len, .length = (int32_t)n};
    buf_add(&t->bytes, bytes, n);
}

/* Reads a token's spelling into r->text. */
static void token(reader_t *r, span_t v, const char *where)
{
    if (v.from && v.to - v.from > 8 * TOKEN_MAX_BYTES) refuse(r, "%s: a token of more than %d bytes", where, TOKEN_MAX_BYTES);
    string(r, v, where, &r->text);
    if (!r->text.len || r->text.len > 2 * TOKEN_MAX_BYTES)
        refuse(r, "%s: a token of %zu bytes, expected 1 to %d", where, r->text.len, TOKEN_MAX_BYTES);
}

/* The room for all pieces is made at once where ids come in any order. */
static int32_t highest_id(const reader_t *r, span_t vocab)
{
    int32_t highest = -1;
    for (json_member_t m = {0}; json_next_member(vocab.from, (size_t)(vocab.to - vocab.from), &m);) {
        const int32_t id = read_id(r, (span_t){m.value, m.value_end}, "model.vocab", "a token");
        if (id > highest) highest = id;
    }
    return highest;
}

static void read_token(reader_t *r, const json_member_t *m)
{
    struct tokenizer *t = r->t;
    token(r, (span_t){m->key, m->key_end}, "model.vocab");
    const int32_t id = read_id(r, (span_t){m->value, m->value_end}, "model.vocab", r->text.data);
    const int64_t row = t->spellings.count;
    if (strtab_find_or_add(&t->spellings, r->text.data, r->text.len, strtab_hash(r->text.data, r->text.len)) < row)
        refuse(r, "model.vocab: \"%.40s\" is there twice", r->text.data);
    t->spelling_id[row] = id;
    buf_clear(&r->other);
    const bool spelled = alphabet_read(r->text.data, r->text.len, &r->other);
    set_piece(r, id, "model.vocab", spelled ? r->other.data : r->text.data, spelled ? r->other.len : r->text.len);
}

static void read_vocab(reader_t *r, span_t vocab)
{
    struct tokenizer *t = r->t;
    if (!vocab.from || *vocab.from != '{') refuse(r, "model.vocab: expected an object of tokens with their ids");
    int64_t count = 0;
    for (json_member_t m = {0}; json_next_member(vocab.from, (size_t)(vocab.to - vocab.from), &m);) count++;
    t->spelling_id = NEW_ARRAY(int32_t, count + 1);
    t->size = highest_id(r, vocab) + 1;
    t->piece = NEW_ARRAY(piece_t, t->size);
    for (int32_t id = 0; id < t->size; id++) t->piece[id].at = -1;
    strtab_index(&t->spellings);
    for (json_member_t m = {0}; json_next_member(vocab.from, (size_t)(vocab.to - vocab.from), &m);) read_token(r, &m);
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

/* Reads the two tokens of a merge, "a b" or ["a", "b"], into r->text and r->other. */
static void read_pair(reader_t *r, span_t v, const char *where)
{
    if (*v.from == '[') {
        json_element_t e = {0}, none;
        for (int i = 0; i < 2; i++) {
            if (!next_element(v, &e)) refuse(r, "%s: expected two tokens", where);
            token(r, (span_t){e.value, e.value_end}, where);
            if (i == 0) {
                buf_clear(&r->other);
                buf_add(&r->other, r->text.data, r->text.len);
            }
        }
        none = e;
        if (next_element(v, &none)) refuse(r, "%s: more than two tokens", where);
        const buf_t left = r->other; /* put them in their order */
        r->other = r->text;
        r->text = left;
        return;
    }
    token(r, v, where);
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
    size_t count = 0;
    if (!merges.from || *merges.from != '[') refuse(r, "model.merges: expected an array");
    for (json_element_t e = {0}; next_element(merges, &e);) count++;
    if (count >= INT32_MAX) refuse(r, "model.merges: more than %d", INT32_MAX - 1);
    r->t->merges = merges_new(count);
    int32_t rank = 0;
    for (json_element_t e = {0}; next_element(merges, &e);) read_merge(r, (span_t){e.value, e.value_end}, rank++);
}

/* Refuses a value other than null and the two that say nothing. */
static void expect_none(const reader_t *r, span_t object, const char *where, const char *name)
{
    const span_t v = member(object, name);
    if (!is_null(v) && !is_word(v, "\"\"") && !is_word(v, "0") && !is_word(v, "0.0"))
        refuse(r, "%s%s: %.*s is not supported, expected null", where, name, v.to - v.from < 40 ? (int)(v.to - v.from) : 40, v.from);
}

static void read_model(reader_t *r, span_t model)
{
    if (!model.from || *model.from != '{') refuse(r, "no model, expected an object \"model\"");
    if (!is_null(member(model, "type")) && strcmp(type_of(r, model, "model"), "BPE") != 0)
        refuse(r, "model: %.40s is not supported, expected BPE", r->text.data);
    expect_none(r, model, "model.", "dropout");
    expect_none(r, model, "model.", "continuing_subword_prefix");
    expect_none(r, model, "model.", "end_of_word_suffix");
    r->t->whole_words = flag(r, model, "model", "ignore_merges", false);
    read_vocab(r, member(model, "vocab"));
    find_bytes(r);
    read_merges(r, member(model, "merges"));
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
    token(r, member(v, "content"), "added_tokens: content");
    check_flags(r, v);
    const bool special = flag(r, v, "added_tokens", "special", false), normal = flag(r, v, "added_tokens", "normalized", !special);
    const int32_t id = read_id(r, member(v, "id"), "added_tokens", r->text.data);
    const int32_t known = spelled_id(t, r->text.data, r->text.len);
    if (known >= 0 && known != id)
        refuse(r, "added_tokens: \"%.40s\" has id %d, and %d in the vocabulary", r->text.data, id, known);
    if (known < 0) set_piece(r, id, "added_tokens", r->text.data, r->text.len);
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

void tokenizer_file_read(struct tokenizer *t, const char *path)
{
    json_document_t d = json_document_open(in_bytes_unpacked(path, NULL), false, NULL);
    const span_t file = {d.text, d.text + (d.bytes.len - (size_t)(d.text - (const char *)d.bytes.data))};
    reader_t r = {.t = t};
    span_t root = file;
    t->name = xstrdup(d.bytes.name);
    root.from += strspn(root.from, " \t\r\n");
    expect_none(&r, root, "", "truncation");
    expect_none(&r, root, "", "padding");
    read_normalizer(&r, member(root, "normalizer"));
    read_splitting(&r, member(root, "pre_tokenizer"));
    read_decoder(&r, member(root, "decoder"));
    read_model(&r, member(root, "model"));
    read_all_added(&r, member(root, "added_tokens"));
    json_document_close(&d);
    buf_free(&r.text);
    buf_free(&r.other);
    buf_free(&r.spelling);
}
