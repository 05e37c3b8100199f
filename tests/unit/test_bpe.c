#include "bpe/added.h"
#include "bpe/alphabet.h"
#include "bpe/encoder.h"
#include "bpe/merges.h"
#include "bpe/nfc.h"
#include "bpe/splitter.h"
#include "bpe/tokenizer_write.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "base/rng.h"

#include "unit.h"

/* What texts are made of that patterns and normal forms find hard. */
static const char *const atoms[] = {
    "a", "B", "z", "ing", "'s", "'S", "'\xc5\xbf", "'re", "'LL", "'", " ", "  ", "\t", "\n", "\r\n", "\r", "\xc2\xa0", "\xc2\x85", "\xe1\xa0\x8e",
    "\xe2\x80\xa8", "\xe3\x80\x80", "\xe2\x80\x8b", "\xe2\x80\x8d", "\xef\xb8\x8f", "\xef\xbb\xbf", "1", "12345", "\xc2\xbd", "\xd9\xa3", "/", "//",
    "!", "...", "\xe2\x80\x94", "_", "<", "\xe6\x97\xa5\xe6\x9c\xac", "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8", "\xd7\xa2", "\xd8\xa7\xd9\x8e",
    "e\xcc\x81", "\xc3\xa9", "\xc3\x89", "\xcc\x81", "\xcc\xa3\xcc\x87", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "\xea\xb0\x80\xe1\x86\xa8",
    "\xea\xb0\x80", "\xc7\x85", "\xca\xb0", "\xc2\xaa", "\xef\xac\x9d", "\xe2\x84\xa6", "\xf0\x9f\x91\xa9", "\xf0\x9d\x85\x9e", "\xf0\xa0\x80\x80", "\x01",
};
enum { ATOMS = sizeof atoms / sizeof *atoms };

static uint32_t below(uint32_t n)
{
    static uint64_t draws;
    return (uint32_t)rng_below(1, draws++, n);
}

/* A text of up to `most` of them, in a buffer. */
static void draw_text(buf_t *text, uint32_t most)
{
    buf_clear(text);
    buf_add(text, "", 0);
    for (uint32_t n = below(most + 1); n; n--) buf_puts(text, atoms[below(ATOMS)]);
}

TEST(every_byte_has_a_spelling)
{
    bool taken[256] = {false};
    for (int b = 0; b < 256; b++) {
        buf_t spelling = {0}, back = {0};
        alphabet_spell(&(char){(char)b}, 1, &spelling);
        CHECK(alphabet_read(spelling.data, spelling.len, &back) && back.len == 1 && (unsigned char)back.data[0] == b);
        const int rank = alphabet_rank((unsigned char)b);
        CHECK(rank >= 0 && rank < 256 && !taken[rank]);
        taken[rank] = true;
        buf_free(&spelling);
        buf_free(&back);
    }
    CHECK(alphabet_rank('!') == 0 && alphabet_rank('~') == 93 && alphabet_rank(' ') == 220 && alphabet_rank('\n') == 198); /* as in GPT-2 */
    CHECK(alphabet_char(' ') == 0x120 && alphabet_char(0xad) == 0x143 && alphabet_char(0xff) == 0xff);
    buf_t none = {0};
    CHECK(!alphabet_read("a b", 3, &none) && !none.len);
    CHECK(!alphabet_read("\xe6\x97\xa5", 3, &none));
    buf_free(&none);
}

/* What is trained on words with their counts, as "left+right left+right". */
static char *trained(const char *const *words, const int64_t *counts, int n, int32_t size, int64_t least)
{
    word_counts_t w = {.count = (int64_t *)(uintptr_t)counts};
    buf_t out = {0};
    for (int i = 0; i < n; i++) strtab_add(&w.word, words[i], strlen(words[i]));
    trained_t t = bpe_train(&w, size, least);
    buf_add(&out, "", 0);
    for (int64_t m = 0; m < t.merges; m++)
        for (int side = 0; side < 2; side++) {
            size_t length;
            const char *piece = strtab_get(&t.piece, side ? t.merge[m].right : t.merge[m].left, &length);
            buf_puts(&out, side ? "+" : m ? " " : "");
            buf_add(&out, piece, length);
        }
    strtab_free(&w.word);
    trained_free(&t);
    return out.data;
}

static bool trains(const char *const *words, const int64_t *counts, int n, int32_t size, int64_t least, const char *expected)
{
    char *got = trained(words, counts, n, size, least);
    const bool same = !strcmp(got, expected);
    if (!same) printf("# trained %s, expected %s\n", got, expected);
    free(got);
    return same;
}

/* aab twice and ab three times: a+b comes 5 times, a+a twice; then a+ab twice. */
TEST(training_by_hand)
{
    CHECK(trains((const char *[]){"aab", "ab"}, (int64_t[]){2, 3}, 2, 300, 1, "a+b a+ab"));
    CHECK(trains((const char *[]){"aab", "ab"}, (int64_t[]){2, 3}, 2, 300, 3, "a+b"));
    CHECK(trains((const char *[]){"aab", "ab"}, (int64_t[]){2, 3}, 2, 257, 1, "a+b"));
    CHECK(trains((const char *[]){"aab", "ab"}, (int64_t[]){2, 3}, 2, 256, 1, ""));
    /* equally often: the left token's id decides, then the right one's; x and y stand behind a and b */
    CHECK(trains((const char *[]){"xy", "ab", "ax"}, (int64_t[]){4, 4, 4}, 3, 259, 1, "a+b a+x x+y"));
    /* merged from left to right: aaaaa is aa aa a, then aaaa a */
    CHECK(trains((const char *[]){"aaaaa"}, (int64_t[]){7}, 1, 300, 1, "a+a aa+a aa+aaa"));
    /* b+c comes 11 times and a+b 10, of which one is left when bc is a token */
    CHECK(trains((const char *[]){"abc", "xab", "ybc", "bcz"}, (int64_t[]){9, 1, 1, 1}, 4, 259, 1, "b+c a+bc a+b"));
}

/* Merges one pair after the other, by looking at all of them each time. */
static size_t merge_slowly(const merge_t *all, int count, int32_t *id, size_t n)
{
    for (;;) {
        const merge_t *best = NULL;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++)
            for (int m = 0; m < count; m++)
                if (all[m].left == id[i] && all[m].right == id[i + 1] && (!best || all[m].rank < best->rank)) best = &all[m], at = i;
        if (!best) return n;
        id[at] = best->id;
        memmove(id + at + 1, id + at + 2, (n - at - 2) * sizeof *id);
        n--;
    }
}

TEST(merges_as_by_brute_force)
{
    enum { MERGES = 60, MOST = 160 };
    merge_t all[MERGES];
    int32_t byte_id[256], slow[MOST];
    merges_scratch_t scratch = {0};
    for (int b = 0; b < 256; b++) byte_id[b] = b;
    for (int round = 0; round < 300; round++) {
        merges_t m = merges_new();
        int count = 0;
        for (int32_t i = 0; i < MERGES; i++) { /* of four letters and what they have become */
            const int32_t known = 4 + i, pick[2] = {(int32_t)below((uint32_t)known), (int32_t)below((uint32_t)known)};
            const int32_t left = pick[0] < 4 ? 'a' + pick[0] : 252 + pick[0], right = pick[1] < 4 ? 'a' + pick[1] : 252 + pick[1];
            bool there = false;
            for (int k = 0; k < count; k++) there = there || (all[k].left == left && all[k].right == right);
            const merge_t merge = {there ? -2 : left, there ? -2 - i : right, i, 256 + i};
            all[count++] = merge;
            if (!there) merges_add(&m, merge);
        }
        char word[MOST];
        const size_t n = below(MOST) + 1;
        for (size_t i = 0; i < n; i++) {
            word[i] = (char)('a' + below(4));
            slow[i] = byte_id[(unsigned char)word[i]];
        }
        ids_t fast = {0};
        merges_apply(&m, &scratch, byte_id, word, n, &fast);
        const size_t expected = merge_slowly(all, count, slow, n);
        CHECK(fast.count == expected && !memcmp(fast.id, slow, expected * sizeof *slow));
        ids_free(&fast);
        merges_free(&m);
    }
    merges_scratch_free(&scratch);
}

static void note_end(void *ctx, const char *word, size_t n)
{
    buf_t *ends = ctx;
    const char *end = word + n;
    buf_add(ends, &end, sizeof end);
}

/* The shared patterns by hand cut as they do by PCRE2, which gets them in brackets, so that they are not known. */
TEST(scanner_as_pcre2)
{
    for (pattern_kind_t k = 0; pattern_name(k); k++) {
        buf_t bracketed = {0}, text = {0}, by_hand = {0}, by_pcre2 = {0};
        pattern_t known, other;
        buf_printf(&bracketed, "(?:%s)", pattern_text(k));
        CHECK(!pattern_compile(&known, pattern_text(k), strlen(pattern_text(k)), false) && known.kind == k);
        CHECK(!pattern_compile(&other, bracketed.data, bracketed.len, false) && other.kind == PATTERN_OTHER);
        splitter_t *a = splitter_new(&known, 1, "by hand"), *b = splitter_new(&other, 1, "by PCRE2");
        for (int round = 0; round < 20000; round++) {
            draw_text(&text, 10);
            buf_clear(&by_hand);
            buf_clear(&by_pcre2);
            splitter_run(a, text.data, text.len, note_end, &by_hand);
            splitter_run(b, text.data, text.len, note_end, &by_pcre2);
            const bool same = by_hand.len == by_pcre2.len && (!by_hand.len || !memcmp(by_hand.data, by_pcre2.data, by_hand.len));
            if (!same) printf("# %s: %s\n", pattern_name(k), text.data);
            CHECK(same);
        }
        splitter_free(a);
        splitter_free(b);
        pattern_free(&known);
        pattern_free(&other);
        buf_free(&bracketed);
        buf_free(&text);
        buf_free(&by_hand);
        buf_free(&by_pcre2);
    }
}

static bool refused(const char *pattern)
{
    pattern_t p;
    char *why = pattern_compile(&p, pattern, strlen(pattern), false);
    const bool yes = why != NULL;
    free(why);
    pattern_free(&p);
    return yes;
}

TEST(patterns_that_might_mean_something_else)
{
    static const char *const bad[] = {"",       "(",      "a*",          "a|",        "\\w+",      "\\bx",   "\\h",  "\\p{Han}+", "[a[b]]", "[a&&b]",
                                      "(*UCP)a", "(?<n>a)", "(?m:a)", "\\p{N}{1,3}+", "a{,3}b",  "(?R)a",  "\\",   "\\k<a>",  "\\R", "\\Kx", "\\1a"};
    static const char *const good[] = {"a+", "\\p{N}{1,3}", "[^\\s\\p{L}]+", "(?i:'s)", "a(?!b)", "(?<!a)b", "\\d+", "\\x{4e00}", "[]a]", "a{2}b", "\\.", "\\p{L}++"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (!refused(bad[i])) printf("# %s\n", bad[i]);
        CHECK(refused(bad[i]));
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (refused(good[i])) printf("# %s\n", good[i]);
        CHECK(!refused(good[i]));
    }
}

/* Stretches put together are the normal form of the whole text. */
TEST(nfc_by_stretches)
{
    enum { MOST = 4096 };
    static UChar from[MOST], to[MOST];
    static char whole[MOST];
    nfc_t *f = nfc_new();
    buf_t text = {0};
    for (int round = 0; round < 20000; round++) {
        UErrorCode status = U_ZERO_ERROR;
        int32_t n, length;
        draw_text(&text, 12);
        u_strFromUTF8(from, MOST, &n, text.data, (int32_t)text.len, &status);
        n = unorm2_normalize(unorm2_getNFCInstance(&status), from, n, to, MOST, &status);
        u_strToUTF8(whole, MOST, &length, to, n, &status);
        size_t got;
        const char *form = nfc_text(f, text.data, text.len, &got);
        CHECK(U_SUCCESS(status) && got == (size_t)length && !memcmp(form, whole, got));
    }
    nfc_free(f);
    buf_free(&text);
}

TEST(added_tokens_leftmost_then_longest)
{
    added_t a = {0};
    static const char *const tokens[] = {"<a>", "<a>b", "<", "xy", "y<a"};
    for (int i = 0; i < 5; i++) added_add(&a, tokens[i], strlen(tokens[i]), i);
    CHECK(!added_sort(&a));
    const char *text = "q<a>bxy<a>";
    static const int expected[][2] = {{1, 1}, {5, 3}, {7, 0}};
    size_t at = 0;
    for (int i = 0; i < 3; i++) {
        const struct added_token *t = added_find(&a, text, strlen(text), &at);
        CHECK(t && (int)at == expected[i][0] && t->id == expected[i][1]);
        at += t ? t->length : 1;
    }
    CHECK(!added_find(&a, text, strlen(text), &at) && at == strlen(text));
    added_add(&a, "xy", 2, 9);
    CHECK(added_sort(&a));
    added_free(&a);
}

TEST(text_may_hold_nul)
{
    CHECK(tokenizer_is_text("", 0) && tokenizer_is_text("a\0b\0", 4) && tokenizer_is_text("\0", 1));
    CHECK(!tokenizer_is_text("a\0\xff", 3) && !tokenizer_is_text("\xff\0", 2));
}

/* A small tokenizer's file: all bytes, five merges, two special tokens. */
static void make_file(buf_t *file)
{
    static const char *const words[] = {"low", "lower", "newest"}, *const special[] = {"<|end|>", "<pad>"};
    int64_t counts[] = {9, 4, 6};
    word_counts_t w = {.count = counts};
    pattern_t p;
    for (int i = 0; i < 3; i++) strtab_add(&w.word, words[i], strlen(words[i]));
    trained_t t = bpe_train(&w, 261, 1);
    CHECK(!pattern_compile(&p, pattern_text(PATTERN_LLAMA3), strlen(pattern_text(PATTERN_LLAMA3)), false));
    tokenizer_write(&t, &p, true, special, 2, file);
    strtab_free(&w.word);
    trained_free(&t);
    pattern_free(&p);
}

static char path[] = "/tmp/sidmill-bpe-XXXXXX";

static void write_file(const char *bytes, size_t n)
{
    FILE *f = fopen(path, "w");
    CHECK(f && fwrite(bytes, 1, n, f) == n);
    if (f) fclose(f);
}

static void load_and_use(void)
{
    tokenizer_t *t = tokenizer_load(path);
    encoder_t *e = encoder_new(t);
    ids_t ids = {0};
    buf_t text = {0}, out = {0};
    for (int i = 0; i < 20; i++) {
        draw_text(&text, 10);
        encoder_add(e, text.data, text.len, &ids);
    }
    if (tokenizer_decode(t, ids.id, ids.count, &out) != ids.count) _exit(1);
    tokenizer_describe(t, &out);
    ids_free(&ids);
    buf_free(&text);
    buf_free(&out);
    encoder_free(e);
    tokenizer_free(t);
}

TEST(a_file_by_hand)
{
    buf_t file = {0}, out = {0};
    make_file(&file);
    write_file(file.data, file.len);
    tokenizer_t *t = tokenizer_load(path);
    encoder_t *e = encoder_new(t);
    ids_t ids = {0};
    /* l+o (13) before o+w (13): l has the lower id; then lo+w; then e+s, e+w, n+ew ... of newest, where e+s has the lowest ids */
    const char *text = "low<|end|>lowest";
    encoder_add(e, text, strlen(text), &ids);
    CHECK(ids.count == 5 && ids.id[0] == 257 && ids.id[1] == 261 && ids.id[2] == 257);
    CHECK(tokenizer_decode(t, ids.id, ids.count, &out) == ids.count && !strcmp(out.data, text));
    CHECK(tokenizer_size(t) == 263 && tokenizer_id(t, "low", 3) == 257 && tokenizer_id(t, "<pad>", 5) == 262 && tokenizer_id(t, "lowe", 4) < 0);
    CHECK(tokenizer_is_special(t, 261) && !tokenizer_is_special(t, 257) && !tokenizer_is_special(t, -1) && !tokenizer_is_special(t, 263));
    CHECK(tokenizer_decode(t, (int32_t[]){257, 263}, 2, &out) == 1);
    ids_free(&ids);
    buf_free(&file);
    buf_free(&out);
    encoder_free(e);
    tokenizer_free(t);
}

/* Takes bytes out, doubles stretches, and changes bytes: a file is read, or refused; it never crashes. */
TEST(mutated_files)
{
    buf_t file = {0}, other = {0};
    make_file(&file);
    int read = 0, refusals = 0;
    for (int round = 0; round < 1500; round++) {
        buf_clear(&other);
        const size_t a = below((uint32_t)file.len), n = below(40) + 1, b = a + n < file.len ? a + n : file.len;
        buf_add(&other, file.data, a);
        switch (below(4)) {
        case 0: break;                                               /* a stretch is missing */
        case 1: buf_add(&other, file.data + a, b - a);               /* twice */
                buf_add(&other, file.data + a, b - a); break;
        case 2: buf_add(&other, file.data + a, b - a);               /* a byte is another one */
                other.data[a] = (char)below(256); break;
        case 3: buf_add(&other, &"0123456789\"[]{},:-null"[below(20)], 1); break;
        }
        buf_add(&other, file.data + b, file.len - b);
        write_file(other.data, other.len);
        const int code = unit_exit_code(load_and_use);
        CHECK(code == 0 || code == EX_DATAERR);
        read += code == 0;
        refusals += code == EX_DATAERR;
    }
    CHECK(read > 20 && refusals > 200);
    buf_free(&file);
    buf_free(&other);
}

int main(void)
{
    static const unit_test_t tests[] = {
        UNIT(every_byte_has_a_spelling), UNIT(training_by_hand), UNIT(merges_as_by_brute_force), UNIT(scanner_as_pcre2),
        UNIT(patterns_that_might_mean_something_else), UNIT(nfc_by_stretches), UNIT(added_tokens_leftmost_then_longest),
        UNIT(text_may_hold_nul), UNIT(a_file_by_hand), UNIT(mutated_files),
    };
    const int fd = mkstemp(path);
    if (fd < 0) return 1;
    close(fd);
    const int status = unit_run(tests, (int)(sizeof tests / sizeof *tests));
    unlink(path);
    return status;
}
