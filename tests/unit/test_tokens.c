#include "text/segments.h"
#include "text/tokens.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

#include "unit.h"

/* The words of a text, "/" between phrases and " " within. */
static char *words_of(const char *text)
{
    tokens_t t = {0};
    buf_t b = {0};
    tokens_split(&t, text, strlen(text));
    for (int64_t i = 0; i < t.count; i++) {
        if (i) buf_puts(&b, t.words[i].follows ? " " : "/");
        tokens_word(&t, i, &b);
    }
    tokens_free(&t);
    return b.data ? b.data : xstrdup("");
}

static bool splits_to(const char *text, const char *expected)
{
    char *got = words_of(text);
    bool same = !strcmp(got, expected);
    if (!same) printf("# '%s' gives '%s', expected '%s'\n", text, got, expected);
    free(got);
    return same;
}

TEST(plain_words)
{
    CHECK(splits_to("", ""));
    CHECK(splits_to("  \t ", ""));
    CHECK(splits_to("Red Apple", "red apple"));
    CHECK(splits_to("Hair Care, Styling (Gel)", "hair care/styling/gel"));
    CHECK(splits_to("women's all-in-one A&B wash+go snake_case", "women s all in one a b wash go snake case"));
    CHECK(splits_to("a\tb\nc", "a b/c"));
    CHECK(splits_to("!?", ""));
}

TEST(numbers)
{
    CHECK(splits_to("1.7 oz", "1.7 oz"));
    CHECK(splits_to("1,000 mAh. 5.", "1,000 mah/5"));
    CHECK(splits_to("v1.7b a.b", "v1.7b a/b"));
    CHECK(splits_to(".5 fl", "5 fl"));
    CHECK(splits_to("SPF30 10x20", "spf30 10x20"));
}

TEST(folding)
{
    CHECK(splits_to("Stra\xc3\x9f" "e STRASSE", "strasse strasse"));                  /* sharp s */
    /* I with dot: i + dot, as Unicode folds it */
    CHECK(splits_to("\xc4\xb0stanbul", "i\xcc\x87stanbul"));
    CHECK(splits_to("\xef\xbc\xa1\xef\xbc\xa2\xef\xbc\xa3\xef\xbc\x91", "abc1"));     /* full-width ABC1 */
    CHECK(splits_to("e\xcc\x81t\xc3\xa9 \xc3\x89T\xc3\x89", "\xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9")); /* e + accent */
    CHECK(splits_to("\xef\xac\x81ne", "fine"));                                       /* fi ligature */
    /* final sigma */
    CHECK(splits_to("\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82",
                    "\xcf\x83\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83"));
    CHECK(splits_to("so\xc2\xad" "ft", "soft"));                                      /* soft hyphen */
    CHECK(splits_to("zero\xe2\x80\x8bwidth", "zero width"));
    CHECK(splits_to("Olay\xe2\x84\xa2 Dove\xc2\xae", "olay dove"));                   /* TM, (R) */
    CHECK(splits_to("non\xc2\xa0" "breaking", "non breaking"));
}

TEST(combining_marks)
{
    CHECK(splits_to("a\xcc\x88\xcc\xa3", "\xe1\xba\xa1\xcc\x88")); /* marks in canonical order */
    CHECK(splits_to("\xcc\x81" "abc", "abc"));                     /* a mark on nothing */
    CHECK(splits_to("\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\x82\xe0\xa4\xa6\xe0\xa5\x80",
                    "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\x82\xe0\xa4\xa6\xe0\xa5\x80")); /* Hindi: vowel signs stay in the word */
}

TEST(scripts_without_spaces)
{
    CHECK(splits_to("\xe5\x8c\x96\xe7\xb2\xa7\xe6\xb0\xb4", "\xe5\x8c\x96 \xe7\xb2\xa7 \xe6\xb0\xb4"));   /* Han */
    /* ideographic comma */
    CHECK(splits_to("50ml\xe5\x8c\x96\xe3\x80\x81\xe6\xb0\xb4", "50ml \xe5\x8c\x96/\xe6\xb0\xb4"));
    /* half-width ka + voicing */
    CHECK(splits_to("\xef\xbd\xb6\xef\xbe\x9e", "\xe3\x82\xac"));
    /* Hangul */
    CHECK(splits_to("\xed\x95\x9c\xea\xb5\xad \xec\x83\xb4\xed\x91\xb8",
                    "\xed\x95\x9c\xea\xb5\xad \xec\x83\xb4\xed\x91\xb8"));
    /* Thai letter + 2 marks */
    CHECK(splits_to("\xe0\xb8\x97\xe0\xb8\xb5\xe0\xb9\x88", "\xe0\xb8\x97\xe0\xb8\xb5\xe0\xb9\x88"));
}

TEST(emoji)
{
    CHECK(splits_to("gift \xf0\x9f\x8e\x81\xf0\x9f\x8e\x84 box", "gift \xf0\x9f\x8e\x81 \xf0\x9f\x8e\x84 box"));
    CHECK(splits_to("\xe2\x9d\xa4\xef\xb8\x8f", "\xe2\x9d\xa4"));                    /* heart, emoji style */
    /* joined by ZWJ */
    CHECK(splits_to("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", "\xf0\x9f\x91\xa9 \xf0\x9f\x91\xa7"));
}

struct list {
    uint64_t hash[2][64];
    int count[2];
};

static void collect(void *ctx, ngram_kind_t kind, uint64_t hash)
{
    struct list *l = ctx;
    l->hash[kind][l->count[kind]++] = hash;
}

static struct list ngrams_of(const char *text, ngram_options_t o)
{
    struct list l = {0};
    tokens_t t = {0};
    tokens_split(&t, text, strlen(text));
    tokens_ngrams(&t, &o, collect, &l);
    tokens_free(&t);
    return l;
}

static bool has(const struct list *l, ngram_kind_t kind, uint64_t hash)
{
    for (int i = 0; i < l->count[kind]; i++)
        if (l->hash[kind][i] == hash) return true;
    return false;
}

TEST(word_ngrams_stay_within_phrases)
{
    const ngram_options_t two = {.words = 2}, three = {.words = 3};
    CHECK(ngrams_of("a b c", two).count[NGRAM_WORDS] == 5);
    CHECK(ngrams_of("a b c", three).count[NGRAM_WORDS] == 6);
    CHECK(ngrams_of("a b, c", two).count[NGRAM_WORDS] == 4);
    struct list ab = ngrams_of("a b", two), ba = ngrams_of("b a", two), joined = ngrams_of("ab", two);
    CHECK(ab.hash[0][0] == ba.hash[0][1] || ab.hash[0][0] == ba.hash[0][0]); /* the word a */
    CHECK(!has(&ba, NGRAM_WORDS, ab.hash[0][2]));                            /* "a b" is not "b a" */
    CHECK(!has(&ab, NGRAM_WORDS, joined.hash[0][0]));                        /* nor "ab" */
    CHECK(ab.count[NGRAM_CHARS] == 0);
}

TEST(character_ngrams_mark_the_ends)
{
    const ngram_options_t o = {.char_min = 3, .char_max = 5};
    CHECK(ngrams_of("cat", o).count[NGRAM_CHARS] == 3 + 2 + 1); /* of <cat> */
    CHECK(ngrams_of("a", o).count[NGRAM_CHARS] == 1);           /* <a> */
    CHECK(ngrams_of("cat", o).count[NGRAM_WORDS] == 0);
    const ngram_options_t three = {.char_min = 3, .char_max = 3};
    struct list cat = ngrams_of("cat", three), concat = ngrams_of("concat", three), cats = ngrams_of("cats", three);
    CHECK(!has(&concat, NGRAM_CHARS, cat.hash[1][0])); /* <ca */
    CHECK(has(&concat, NGRAM_CHARS, cat.hash[1][1]));  /* cat */
    CHECK(has(&concat, NGRAM_CHARS, cat.hash[1][2]));  /* at> */
    CHECK(has(&cats, NGRAM_CHARS, cat.hash[1][0]) && !has(&cats, NGRAM_CHARS, cat.hash[1][2]));
    CHECK(ngrams_of("\xe6\xb0\xb4", three).count[NGRAM_CHARS] == 0);
}

TEST(long_words_are_cut)
{
    enum { N = 1000 };
    char text[N + 1];
    memset(text, 'x', N);
    text[N] = 0;
    tokens_t t = {0};
    tokens_split(&t, text, N);
    CHECK(t.count == 1 && t.words[0].length == WORD_MAX);
    tokens_free(&t);
}

/* A piece ends anywhere; words and letters must not. */
TEST(pieces_do_not_show)
{
    for (int pad = 1000; pad < 1040; pad++) {
        buf_t b = {0};
        for (int i = 0; i < pad; i++) buf_puts(&b, "x");
        buf_puts(&b, "\xc3\x89t\xc3\xa9 noir");
        tokens_t t = {0};
        tokens_split(&t, b.data, b.len);
        CHECK(t.count == 2 && t.length == pad + 8 && t.cp[pad] == 0xe9 && t.cp[pad + 1] == 't' && t.cp[pad + 2] == 0xe9);
        tokens_free(&t);
        buf_free(&b);
    }
}

TEST(a_run_of_marks_takes_linear_time)
{
    enum { MARKS = 500000 };
    buf_t b = {0};
    buf_puts(&b, "a");
    for (int i = 0; i < MARKS; i++) buf_puts(&b, i % 2 ? "\xcc\x88" : "\xcc\xa3"); /* never in canonical order */
    tokens_t t = {0};
    clock_t start = clock();
    tokens_split(&t, b.data, b.len);
    CHECK(clock() - start < 5 * CLOCKS_PER_SEC); /* of processor time: quadratic would take minutes */
    CHECK(t.count == 1 && t.words[0].length == WORD_MAX);
    tokens_free(&t);
    buf_free(&b);
}

/* The words of a text whose signs are joined, "|" between them; a sign that stays one in brackets. */
static bool joins_to(const char *text, const char *expected)
{
    tokens_t t = {0};
    segmenter_t *s = NULL;
    buf_t b = {0};
    for (int again = 0; again < 2; again++) { /* the segmenter is used again */
        buf_clear(&b);
        tokens_split(&t, text, strlen(text));
        segments_join(&s, &t);
        for (int64_t i = 0; i < t.count; i++) {
            buf_puts(&b, i ? "|" : "");
            if (t.words[i].solitary) buf_puts(&b, "(");
            tokens_word(&t, i, &b);
            if (t.words[i].solitary) buf_puts(&b, ")");
        }
    }
    const bool same = !strcmp(b.data ? b.data : "", expected);
    if (!same) printf("# '%s' gives '%s', expected '%s'\n", text, b.data, expected);
    segmenter_free(s);
    tokens_free(&t);
    buf_free(&b);
    return same;
}

TEST(signs_are_joined_to_words)
{
    CHECK(joins_to("plain words", "plain|words"));
    CHECK(joins_to("户外徒步", "户外|徒步"));
    CHECK(joins_to("我 防水usb背包", "(我)|防水|usb|背包"));
    CHECK(joins_to("山登りやキャンプ", "山登り|(や)|キャンプ"));
    CHECK(joins_to("รองเท้าเดินป่า กันน้ำ", "รองเท้า|เดิน|ป่า|กัน|น้ำ"));
    CHECK(joins_to("\xf0\xa9\xb8\xbd\xf0\x9f\x91\x8d", "(\xf0\xa9\xb8\xbd)|(\xf0\x9f\x91\x8d)"));
}

/* However long a run of signs is: pieces of it are looked at, and nothing is lost. */
TEST(a_long_run_of_signs_is_joined)
{
    enum { SIGNS = 20000 };
    buf_t b = {0};
    for (int i = 0; i < SIGNS; i++) buf_puts(&b, i % 3 ? "\xf0\xa9\xb8\xbd" : "水");
    tokens_t t = {0};
    segmenter_t *s = NULL;
    tokens_split(&t, b.data, b.len);
    segments_join(&s, &t);
    int64_t signs = 0;
    for (int64_t i = 0; i < t.count; i++) signs += t.words[i].length;
    CHECK(signs == SIGNS);
    segmenter_free(s);
    tokens_free(&t);
    buf_free(&b);
}

UNIT_MAIN(UNIT(signs_are_joined_to_words), UNIT(a_long_run_of_signs_is_joined), UNIT(plain_words), UNIT(numbers), UNIT(folding), UNIT(combining_marks), UNIT(scripts_without_spaces), UNIT(emoji),
          UNIT(word_ngrams_stay_within_phrases), UNIT(character_ngrams_mark_the_ends), UNIT(long_words_are_cut),
          UNIT(pieces_do_not_show), UNIT(a_run_of_marks_takes_linear_time))
