#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "unit.h"

TEST(json_numbers_read_back_exactly)
{
    const double values[] = {0, 1, -1, 0.1, 1.0 / 3, 1e300, 123456789.123, 5e-324};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        buf_t b = {0};
        buf_json_number(&b, values[i]);
        CHECK(strtod(b.data, NULL) == values[i]);
        buf_free(&b);
    }
    buf_t b = {0};
    buf_json_number(&b, 0.1);
    CHECK(!strcmp(b.data, "0.1"));
    buf_clear(&b);
    buf_json_number(&b, NAN);
    CHECK(!strcmp(b.data, "null"));
    buf_free(&b);
}

TEST(json_strings_are_escaped)
{
    buf_t b = {0};
    buf_json_string(&b, "a\"b\\c\n\x01", 7);
    CHECK(!strcmp(b.data, "\"a\\\"b\\\\c\\n\\u0001\""));
    buf_free(&b);
}

TEST(utf8_follows_the_standard)
{
    CHECK(utf8_valid("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", 11));
    CHECK(!utf8_valid("\xc0\xaf", 2));         /* overlong */
    CHECK(!utf8_valid("\xed\xa0\x80", 3));     /* surrogate */
    CHECK(!utf8_valid("\xf4\x90\x80\x80", 4)); /* beyond U+10FFFF */
    CHECK(!utf8_valid("\xe2\x82", 2));         /* cut */
    CHECK(!utf8_valid("a\0b", 3));
}

TEST(draws_are_uniform_and_keyed)
{
    uint64_t a = rng_stream(42, "a"), b = rng_stream(42, "b");
    CHECK(a != b && a != rng_stream(43, "a"));
    double mean = 0, square = 0, normal = 0, normal2 = 0;
    enum { N = 100000 };
    int bins[10] = {0};
    for (uint64_t i = 0; i < N; i++) {
        double u = rng_uniform(a, i), z = rng_normal(b, i);
        mean += u / N;
        square += u * u / N;
        normal += z / N;
        normal2 += z * z / N;
        bins[rng_below(b, i, 10)]++;
    }
    CHECK_NEAR(mean, 0.5, 0.005);
    CHECK_NEAR(square, 1.0 / 3, 0.005);
    CHECK_NEAR(normal, 0, 0.02);
    CHECK_NEAR(normal2, 1, 0.03);
    for (int i = 0; i < 10; i++) CHECK(abs(bins[i] - N / 10) < 500);
}

TEST(shuffle_is_a_permutation)
{
    int64_t v[100], seen[100] = {0};
    for (int i = 0; i < 100; i++) v[i] = i;
    rng_shuffle(rng_stream(1, "s"), v, 100);
    int moved = 0;
    for (int i = 0; i < 100; i++) {
        seen[v[i]]++;
        moved += v[i] != i;
    }
    for (int i = 0; i < 100; i++) CHECK(seen[i] == 1);
    CHECK(moved > 80);
}

static void mark(void *ctx, int64_t shard, int worker)
{
    if (worker >= 0 && worker < parallel_workers()) atomic_fetch_add((atomic_int *)ctx + shard, 1);
}

TEST(every_shard_runs_once)
{
    for (int threads = 1; threads <= 3; threads++) {
        parallel_threads(threads);
        static atomic_int count[1000];
        for (int i = 0; i < 1000; i++) atomic_store(&count[i], 0);
        for (int round = 0; round < 20; round++) parallel_for(1000, mark, count);
        int wrong = 0;
        for (int i = 0; i < 1000; i++) wrong += atomic_load(&count[i]) != 20;
        CHECK(wrong == 0);
    }
}

/* Linux counts a process's threads as links of a folder. */
static int threads_now(void)
{
    struct stat st;
    return stat("/proc/self/task", &st) ? -1 : (int)st.st_nlink - 2;
}

TEST(threads_start_with_the_first_shards)
{
    parallel_threads(1);
    CHECK(threads_now() == 1);
    parallel_threads(3);
    CHECK(threads_now() == 1);
    atomic_int count = 0;
    parallel_for(1, mark, &count);
    CHECK(threads_now() == 3);
}

static void overflow(void) { free(xcalloc(SIZE_MAX / 2, 3)); }
static void too_much(void) { free(xmalloc((size_t)1 << 62)); }

TEST(sizes_are_checked)
{
    CHECK(unit_exit_code(overflow) == EX_OSERR);
    CHECK(unit_exit_code(too_much) == EX_OSERR);
}

static int64_t option_n = 3;
static double option_x = 0.5, option_any;
static const char *option_mode = "a", *option_name;
static bool option_flag;
static cli_list_t option_list;
static const char *const modes[] = {"a", "b", NULL};
static const cli_option_t options[] = {
    CONFIG_INT('n', "number", "N", &option_n, 1, 10, "a number"),
    CONFIG_REAL('x', "real", "X", &option_x, 0, 1, "a real"),
    CONFIG_CHOICE(0, "mode", modes, &option_mode, "a choice"),
    OPT_STRING(0, "name", "NAME", &option_name, "not recorded"),
    CONFIG_FLAG('f', "flag", &option_flag, "a flag"),
    CONFIG_LIST(0, "list", "X", &option_list, "several"),
    CONFIG_REAL(0, "any", "X", &option_any, -INFINITY, INFINITY, "a real without bounds"),
};
static const cli_t cli = {"unit", "[options]", "A test.", options, CLI_COUNT(options)};

TEST(options_are_parsed_and_recorded)
{
    char *argv[] = {"unit", "one", "-n7", "--real=0.25", "--mode", "b", "two", "--list=x", "--list", "y", "--any=-1e300", "-f", "--", "-n"};
    int operands = cli_parse(&cli, 14, argv);
    CHECK(operands == 3 && !strcmp(argv[1], "one") && !strcmp(argv[2], "two") && !strcmp(argv[3], "-n"));
    char *config = cli_config(&cli);
    CHECK(!strcmp(config, "{\"number\":7,\"real\":0.25,\"mode\":\"b\",\"flag\":true,\"list\":[\"x\",\"y\"],\"any\":-1e+300}"));
    free(config);
}

static void bad_number(void) { cli_parse(&cli, 3, (char *[]){"unit", "-n", "7x"}); }
static void out_of_range(void) { cli_parse(&cli, 2, (char *[]){"unit", "--number=11"}); }
static void infinite(void) { cli_parse(&cli, 2, (char *[]){"unit", "--any=inf"}); }
static void unknown(void) { cli_parse(&cli, 2, (char *[]){"unit", "--numbers=1"}); }
static void no_value(void) { cli_parse(&cli, 2, (char *[]){"unit", "--name"}); }
static void bad_choice(void) { cli_parse(&cli, 2, (char *[]){"unit", "--mode=c"}); }

TEST(wrong_options_are_usage_errors)
{
    CHECK(unit_exit_code(bad_number) == EX_USAGE);
    CHECK(unit_exit_code(out_of_range) == EX_USAGE);
    CHECK(unit_exit_code(infinite) == EX_USAGE);
    CHECK(unit_exit_code(unknown) == EX_USAGE);
    CHECK(unit_exit_code(no_value) == EX_USAGE);
    CHECK(unit_exit_code(bad_choice) == EX_USAGE);
}

static int messages;
static void count_message(void) { messages++; }
static void tell_count(void) { _exit(messages); }

static void warn_and_die(void)
{
    err_before_message(count_message);
    err_before_message(count_message);
    err_before_exit(tell_count);
    warn("one");
    die(EX_DATAERR, "two");
}

TEST(hooks_are_called_once_a_message_and_before_the_exit) { CHECK(unit_exit_code(warn_and_die) == 2); }

UNIT_MAIN(UNIT(json_numbers_read_back_exactly), UNIT(json_strings_are_escaped), UNIT(utf8_follows_the_standard),
          UNIT(draws_are_uniform_and_keyed), UNIT(shuffle_is_a_permutation), UNIT(every_shard_runs_once),
          UNIT(threads_start_with_the_first_shards), UNIT(sizes_are_checked), UNIT(options_are_parsed_and_recorded),
          UNIT(wrong_options_are_usage_errors), UNIT(hooks_are_called_once_a_message_and_before_the_exit))
