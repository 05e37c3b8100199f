#include "text/tokens.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"

/* Text is folded in pieces of at most this many bytes: putting combining marks in canonical order takes time quadratic in
 * the length of a run of marks, and a run may be as long as a hostile file cares to make it. */
enum { PIECE = 1024 };

static void reserve(tokens_t *t, int64_t more)
{
    if (t->length + more <= t->cp_cap) return;
    t->cp_cap = 2 * (t->length + more);
    t->cp = xreallocarray(t->cp, (size_t)t->cp_cap, sizeof *t->cp);
}

static bool is_trail(unsigned char c) { return (c & 0xc0) == 0x80; }

/* Length of the next piece: up to and with the last space of the first PIECE bytes, else up to the last code point there. */
static size_t piece_length(const unsigned char *s, size_t n)
{
    if (n <= PIECE) return n;
    size_t end = PIECE;
    while (end > 0 && s[end - 1] != ' ') end--;
    if (end > 0) return end;
    end = PIECE;
    while (end > 1 && is_trail(s[end])) end--;
    return end;
}

static bool fold_ascii(tokens_t *t, const unsigned char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] >= 0x80) return false;
    reserve(t, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        int32_t c = s[i];
        t->cp[t->length++] = c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
    }
    return true;
}

/* NFKC would glue "TM" and "SM" to the word before them, and drop zero-width spaces. */
static utf8proc_int32_t spaces_for_signs(utf8proc_int32_t c, void *unused)
{
    (void)unused;
    return c == 0x2122 || c == 0x2120 || c == 0x200b ? ' ' : c;
}

static void fold_piece(tokens_t *t, const unsigned char *s, size_t n)
{
    if (fold_ascii(t, s, n)) return;
    const utf8proc_option_t fold =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    reserve(t, (int64_t)(4 * n));
    for (;;) {
        utf8proc_ssize_t room = (utf8proc_ssize_t)(t->cp_cap - t->length);
        utf8proc_ssize_t got =
            utf8proc_decompose_custom(s, (utf8proc_ssize_t)n, t->cp + t->length, room, fold, spaces_for_signs, NULL);
        if (got < 0) die(EX_SOFTWARE, "text cannot be folded: %s", utf8proc_errmsg(got));
        if (got <= room) {
            got = utf8proc_normalize_utf32(t->cp + t->length, got, fold);
            if (got < 0) die(EX_SOFTWARE, "text cannot be composed: %s", utf8proc_errmsg(got));
            t->length += got;
            return;
        }
        reserve(t, got);
    }
}

static void fold(tokens_t *t, const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    t->length = 0;
    for (size_t at = 0; at < n;) {
        size_t piece = piece_length(s + at, n - at);
        fold_piece(t, s + at, piece);
        at += piece;
    }
}

typedef enum { BREAK, SPACE, LETTER, DIGIT, MARK, SIGN } class_t;

/* Scripts written without spaces between words. */
static bool is_unspaced(int32_t c)
{
    static const struct { int32_t first, last; } ranges[] = {
        {0x0e00, 0x0fff},   /* Thai, Lao, Tibetan */
        {0x1000, 0x109f},   /* Burmese */
        {0x1780, 0x17ff},   /* Khmer */
        {0x3040, 0x30ff},   /* kana */
        {0x31f0, 0x31ff},
        {0x3400, 0x9fff},   /* Han */
        {0xf900, 0xfaff},
        {0x1b000, 0x1b16f}, /* kana supplements */
        {0x20000, 0x3ffff}, /* Han extensions */
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last) return true;
    return false;
}

static bool joins_words(int32_t c) { return c == '\'' || c == 0x2019 || c == '&' || c == '+'; }

static class_t class_of(int32_t c)
{
    const utf8proc_property_t *p = utf8proc_get_property(c);
    switch (p->category) {
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL: case UTF8PROC_CATEGORY_LT: case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return LETTER;
    case UTF8PROC_CATEGORY_LM: case UTF8PROC_CATEGORY_LO: return is_unspaced(c) ? SIGN : LETTER;
    case UTF8PROC_CATEGORY_ND: return DIGIT;
    case UTF8PROC_CATEGORY_MN: case UTF8PROC_CATEGORY_MC: case UTF8PROC_CATEGORY_ME: return MARK;
    case UTF8PROC_CATEGORY_SO:
        /* (c) and (r) count as pictographic too; the pictures start in the block of technical symbols */
        return p->boundclass == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC && c >= 0x2300 ? SIGN : BREAK;
    case UTF8PROC_CATEGORY_CC: return c == '\n' ? BREAK : SPACE;
    case UTF8PROC_CATEGORY_ZS: case UTF8PROC_CATEGORY_PD: case UTF8PROC_CATEGORY_PC: return SPACE;
    default: return joins_words(c) ? SPACE : BREAK;
    }
}

/* Classes of ASCII, most of all text, looked up once. */
static class_t ascii_class[128];
static __attribute__((constructor)) void fill_ascii_classes(void)
{
    for (int32_t c = 0; c < 128; c++) ascii_class[c] = class_of(c);
}

static class_t class_at(const tokens_t *t, int64_t i)
{
    int32_t c = t->cp[i];
    return c < 128 ? ascii_class[c] : class_of(c);
}

/* True for the '.' of "1.7" at i: a digit before it, which the caller has seen, and one after. */
static bool is_decimal_point(const tokens_t *t, int64_t i)
{
    return (t->cp[i] == '.' || t->cp[i] == ',') && i + 1 < t->length && class_at(t, i + 1) == DIGIT;
}

/* End of the word that starts at `i` with a code point of class `first`. */
static int64_t word_end(const tokens_t *t, int64_t i, class_t first)
{
    class_t last = first;
    for (i++; i < t->length; i++) {
        class_t c = class_at(t, i);
        bool goes_on = c == LETTER || c == DIGIT || (last == DIGIT && is_decimal_point(t, i));
        if (c != MARK && (first == SIGN || !goes_on)) break;
        last = c;
    }
    return i;
}

void tokens_split(tokens_t *t, const char *text, size_t n)
{
    fold(t, text, n);
    t->count = 0;
    bool follows = false;
    for (int64_t i = 0; i < t->length;) {
        class_t c = class_at(t, i);
        if (c == LETTER || c == DIGIT || c == SIGN) {
            int64_t end = word_end(t, i, c), length = end - i;
            GROW(t->words, t->count, t->words_cap);
            t->words[t->count++] =
                (tokens_word_t){i, (int32_t)(length < WORD_MAX ? length : WORD_MAX), follows, c == SIGN};
            follows = true;
            i = end;
        } else {
            if (c == BREAK) follows = false;
            i++;
        }
    }
}

int32_t tokens_vowel_am(const int32_t *cp, int32_t left)
{
    if (left < 2) return 0;
    return cp[0] == 0xe4d && cp[1] == 0xe32 ? 0xe33 : cp[0] == 0xecd && cp[1] == 0xeb2 ? 0xeb3 : 0;
}

void tokens_word(const tokens_t *t, int64_t i, buf_t *out)
{
    const tokens_word_t *w = &t->words[i];
    for (int32_t j = 0; j < w->length; j++) {
        utf8proc_uint8_t utf8[4];
        const int32_t *cp = &t->cp[w->start + j], am = tokens_vowel_am(cp, w->length - j);
        buf_add(out, utf8, (size_t)utf8proc_encode_char(am ? am : *cp, utf8));
        if (am) j++;
    }
}

static void emit_chars(const int32_t *cp, const tokens_word_t *w, const ngram_options_t *o, ngram_fn emit, void *ctx)
{
    int32_t marked[WORD_MAX + 2];
    int length = w->length + 2;
    marked[0] = marked[length - 1] = ' ';
    memcpy(marked + 1, cp + w->start, (size_t)w->length * sizeof *cp);
    for (int n = o->char_min; n <= o->char_max && n <= length; n++)
        for (int i = 0; i + n <= length; i++)
            emit(ctx, NGRAM_CHARS, XXH3_64bits_withSeed(marked + i, (size_t)n * sizeof *marked, NGRAM_CHARS));
}

void tokens_ngrams(const tokens_t *t, const ngram_options_t *o, ngram_fn emit, void *ctx)
{
    uint64_t *hash = NEW_ARRAY(uint64_t, t->count);
    for (int64_t i = 0; i < t->count; i++) {
        const tokens_word_t *w = &t->words[i];
        hash[i] = XXH3_64bits_withSeed(t->cp + w->start, (size_t)w->length * sizeof *t->cp, NGRAM_WORDS);
        uint64_t gram = 0;
        for (int64_t n = 1, j = i; n <= o->words; n++, j--) {
            gram = n == 1 ? hash[i] : rng_u64(hash[j], gram);
            emit(ctx, NGRAM_WORDS, gram);
            if (!t->words[j].follows) break;
        }
        if (o->char_max > 0 && !w->solitary) emit_chars(t->cp, w, o, emit, ctx);
    }
    free(hash);
}

void tokens_free(tokens_t *t)
{
    free(t->cp);
    free(t->words);
    *t = (tokens_t){0};
}
