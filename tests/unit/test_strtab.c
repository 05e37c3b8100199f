#include "data/strtab.h"

#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

#include "base/date.h"
#include "base/mem.h"
#include "base/spool.h"
#include "unit.h"

static size_t name(char text[16], int i) { return (size_t)snprintf(text, 16, "id-%d", i); }

static int64_t add(strtab_t *t, int i)
{
    char s[16];
    size_t n = name(s, i);
    return strtab_find_or_add(t, s, n, strtab_hash(s, n));
}

static int64_t find(const strtab_t *t, int i)
{
    char s[16];
    return strtab_find(t, s, name(s, i));
}

TEST(strings_are_found_while_the_table_grows)
{
    enum { N = 100000 };
    strtab_t t = {0};
    bool good = true;
    for (int i = 0; i < N; i++) {
        char s[16];
        uint64_t hash = strtab_hash(s, name(s, i));
        strtab_near(&t, hash);
        int64_t guess = strtab_guess(&t, hash);   /* before: not there, or for once another with the same hash bits */
        strtab_near_row(&t, guess);
        good = good && add(&t, i) == i && strtab_guess(&t, hash) >= 0 && add(&t, i / 2) == i / 2;
    }
    CHECK(good && t.count == N && find(&t, N) == -1 && find(&t, N - 1) == N - 1);
    CHECK(t.slot_count * 3 / 4 >= N && t.slot_count * 3 / 8 <= N);
    strtab_free(&t);
}

TEST(some_strings_are_kept_in_place)
{
    enum { N = 3000 };
    strtab_t t = {0};
    bool *keep = NEW_ARRAY(bool, N), good = true;
    for (int i = 0; i < N; i++) {
        add(&t, i);
        keep[i] = i % 7 == 3 || i < 2;
    }
    strtab_keep(&t, keep);
    CHECK(!t.slots && t.count == 2 + (N - 3 + 6) / 7);
    CHECK(strtab_index(&t) == -1);
    for (int i = 0, row = 0; i < N; i++) good = good && find(&t, i) == (keep[i] ? row++ : -1);
    CHECK(good && add(&t, N) == t.count - 1);
    for (int i = 0; i < N; i++) keep[i] = false;
    strtab_keep(&t, keep);
    CHECK(t.count == 0 && strtab_index(&t) == -1 && find(&t, 0) == -1);
    strtab_free(&t);
    strtab_keep(&t, keep);
    CHECK(t.count == 0);
    free(keep);
}

TEST(repeated_strings_are_told_and_keep_their_first_row)
{
    strtab_t t = {0};
    for (int i = 0; i < 200; i++) {
        char s[16];
        strtab_add(&t, s, name(s, i % 150));
    }
    CHECK(strtab_index(&t) == 150 && find(&t, 20) == 20);
    for (int i = 0; i < 200; i++) {
        char s[16];
        strtab_add(&t, s, name(s, i));
    }
    CHECK(t.count == 400 && find(&t, 20) == 20 && find(&t, 199) == 399);
    strtab_free(&t);
}

/* As if it were full: the strings would take too long to add. */
static void add_to_full(void)
{
    strtab_t t = {0};
    strtab_index(&t);
    t.count = UINT32_MAX - 1;
    strtab_add(&t, "s", 1);
}

TEST(a_row_always_fits_the_index)
{
    CHECK(unit_exit_code(add_to_full) == EX_DATAERR);
}

TEST(a_spool_gives_back_what_it_was_given)
{
    enum { N = 3 * SPOOL_CHUNK + 17 };
    spool_t s = spool_open(sizeof(int32_t));
    for (int32_t i = 0; i < N; i++) SPOOL_ADD(&s, int32_t, 7 * i);
    spool_done(&s);
    CHECK(s.count == N);
    int32_t some[10];
    CHECK(spool_get(&s, N - 4, 10, some) == 4 && some[0] == 7 * (N - 4) && some[3] == 7 * (N - 1));
    CHECK(spool_get(&s, N, 10, some) == 0);
    spool_reader_t in = spool_reader(&s);
    bool good = true;
    int64_t at = 0;
    for (int64_t n = 0; at + n <= N; n = n < 100000 ? n * 3 + 1 : 5) { /* stretches longer than a chunk as well */
        const int32_t *v = spool_next(&in, n);
        for (int64_t i = 0; i < n; i++) good = good && v[i] == 7 * (at + i);
        at += n;
    }
    CHECK(good && at > N - 100000);
    spool_reader_free(&in);
    spool_close(&s);
    spool_t holes = spool_open(sizeof(int32_t));
    spool_resize(&holes, 100);
    spool_set(&holes, 50, 2, (int32_t[]){5, 6});
    CHECK(spool_get(&holes, 49, 4, some) == 4 && some[0] == 0 && some[1] == 5 && some[2] == 6 && some[3] == 0);
    spool_close(&holes);
}

static bool moment(const char *text, int64_t seconds)
{
    int64_t s;
    return date_parse(text, &s) && s == seconds;
}

static bool no_moment(const char *text)
{
    int64_t s = 0;
    return !date_parse(text, &s);
}

TEST(dates_and_times)
{
    CHECK(moment("1970-01-01", 0) && moment("2014-07-23", 1406073600) && moment("1969-12-31", -86400));
    CHECK(moment("2000-02-29", 951782400) && moment("2100-03-01", 4107542400) && moment("0000-01-01", -62167219200) && moment("9999-12-31", 253402214400));
    CHECK(moment("2014-07-23T18:30", 1406140200) && moment("2014-07-23 18:30:05Z", 1406140205) && moment("2014-07-23T18:30:05.75+02:00", 1406133005));
    CHECK(moment("2014-07-23T18:30:05-0530", 1406160005) && moment("0", 0) && moment("-86400", -86400) && moment("1406073600", 1406073600));
    CHECK(no_moment("") && no_moment("today") && no_moment("2014-07") && no_moment("2014-7-23") && no_moment("2014-02-29") && no_moment("2100-02-29"));
    CHECK(no_moment("2014-07-23T") && no_moment("2014-07-23T24:00") && no_moment("2014-07-23T18:60") && no_moment("2014-07-23T18:30:05.") &&
          no_moment("2014-07-23T18:30X") && no_moment("2014-07-23T18:30+25:00") && no_moment("2014-07-23x") && no_moment(" 5") && no_moment("5 ") &&
          no_moment("0x10") && no_moment("9223372036854775808") && no_moment("2014-00-10") && no_moment("2014-13-10") && no_moment("2014-01-00"));
    bool good = true;
    for (int64_t day = -800000; day < 2900000; day += 13) {
        time_t t = day * 86400;
        struct tm tm;
        char text[32];
        gmtime_r(&t, &tm);
        if (tm.tm_year < -1900 || tm.tm_year > 8099) continue;
        snprintf(text, sizeof text, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
        good = good && moment(text, day * 86400);
    }
    CHECK(good);
}

UNIT_MAIN(UNIT(strings_are_found_while_the_table_grows), UNIT(some_strings_are_kept_in_place), UNIT(repeated_strings_are_told_and_keep_their_first_row),
          UNIT(a_row_always_fits_the_index), UNIT(a_spool_gives_back_what_it_was_given), UNIT(dates_and_times))
