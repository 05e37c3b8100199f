#include "base/run.h"

#include "base/rng.h"
#include "unit.h"

static size_t plain(const char *s, size_t n, char a, char b, char c)
{
    size_t i = 0;
    while (i < n && (unsigned char)s[i] >= 0x20 && s[i] != a && s[i] != b && s[i] != c) i++;
    return i;
}

static size_t ascii(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && s[i] >= 0x20 && s[i] < 0x7f) i++;
    return i;
}

/* Mostly ordinary bytes, and those at the edges of what the loops tell apart. */
static void fill(char *s, size_t n, uint64_t key)
{
    static const char edges[] = "\x00\x01\x1f\x20\x21\"'\\\x7e\x7f\x80\x9f\xa0\xa2\xff";
    for (size_t i = 0; i < n; i++)
        s[i] = rng_below(key, 2 * i, 12) ? (char)('a' + (int)rng_below(key, 2 * i + 1, 26)) : edges[rng_below(key, 2 * i + 1, sizeof edges - 1)];
}

TEST(runs_end_where_a_simple_loop_ends_them)
{
    char s[64];
    for (uint64_t k = 0; k < 20000; k++) {
        size_t n = rng_below(k, 0, sizeof s + 1);
        fill(s, n, k);
        CHECK(run_plain(s, n, '"', '\\', '\'') == plain(s, n, '"', '\\', '\''));
        CHECK(run_plain(s, n, '"', '\\', 0x7f) == plain(s, n, '"', '\\', 0x7f));
        CHECK(run_ascii(s, n) == ascii(s, n));
    }
}

TEST(tidy_runs_have_single_blanks)
{
    char s[64];
    size_t longest = 0;
    for (uint64_t k = 0; k < 20000; k++) {
        size_t n = rng_below(k, 0, sizeof s + 1);
        for (size_t i = 0; i < n; i++) s[i] = rng_below(k, i + 1, 5) ? 'x' : ' ';
        if (k % 2) fill(s, n, k);
        bool before = rng_below(k, 100, 2), gap = before;
        size_t run = run_tidy(s, n, &gap);
        CHECK(run <= ascii(s, n) && run % 8 == 0);
        for (size_t i = 0; i < run; i++) CHECK(s[i] != ' ' || !(i ? s[i - 1] == ' ' : before));
        CHECK(gap == (run ? s[run - 1] == ' ' : before));
        if (run > longest) longest = run;
    }
    CHECK(longest >= 16);
}

UNIT_MAIN(UNIT(runs_end_where_a_simple_loop_ends_them), UNIT(tidy_runs_have_single_blanks))
