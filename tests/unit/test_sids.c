#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "data/sids.h"

#include <stdlib.h>

#include "unit.h"

/* A file to read back: what it holds is set by each test. */
static struct {
    int64_t items, levels, suffixes;
    const int32_t *code, *suffix;
    const char *ids, *config;
    const int64_t *codebook;
} given;
static char path[] = "/tmp/sidmill-sids-XXXXXX";

static void write_given(void)
{
    st_writer_t *w = st_create(path, "sids/1");
    if (given.config) st_set_meta(w, "config", given.config);
    st_add2(w, "codes", ST_I32, given.items, given.levels, given.code);
    st_add1(w, "suffix", ST_I32, given.suffixes ? given.suffixes : given.items, given.suffix);
    strtab_t ids = {0};
    strtab_parse(&ids, given.ids, strlen(given.ids));
    st_add_strings(w, "item_ids", &ids);
    static const float zeros[64];
    if (given.codebook) st_add(w, "codebook", ST_F32, 3, given.codebook, zeros);
    st_commit(w);
    strtab_free(&ids);
}

static void read_given(void)
{
    write_given();
    st_file_t *f = st_open(path);
    sids_t s = sids_read(f);
    sids_free(&s);
    st_close(f);
}

static const int32_t three[] = {0, 1, 0, 1, 3, 2}, three_suffix[] = {0, 1, -1};

static void reset(void)
{
    memset(&given, 0, sizeof given);
    given.items = 3;
    given.levels = 2;
    given.code = three;
    given.suffix = three_suffix;
    given.ids = "a\nb\nc\n";
}

TEST(reads_what_was_written)
{
    reset();
    given.config = "{\"codes\":8,\"max-suffix\":5}";
    write_given();
    st_file_t *f = st_open(path);
    sids_t s = sids_read(f);
    CHECK(s.items == 3 && s.levels == 2 && s.codes == 8 && s.max_suffix == 5);
    CHECK(!memcmp(s.code, three, sizeof three) && !memcmp(s.suffix, three_suffix, sizeof three_suffix));
    CHECK(strtab_find(&s.item_ids, "b", 1) == 1);
    sids_free(&s);
    st_close(f);
}

TEST(codes_come_from_codebook_config_or_data)
{
    reset();
    write_given();
    st_file_t *f = st_open(path);
    sids_t s = sids_read(f);
    CHECK(s.codes == 4 && s.max_suffix == 2);
    sids_free(&s);
    st_close(f);

    const int64_t shape[] = {2, 6, 3};
    given.codebook = shape;
    given.config = "{\"codes\":8}";
    write_given();
    f = st_open(path);
    s = sids_read(f);
    CHECK(s.codes == 6 && s.max_suffix == 2);
    sids_free(&s);
    st_close(f);
}

TEST(refuses_wrong_files)
{
    reset();
    CHECK(unit_exit_code(read_given) == 0);
    const int32_t repeated[] = {0, 0, -1}, begins[] = {-1, 1, -1}, below[] = {0, 1, -2}, negative[] = {0, 1, 0, 1, -3, 2};
    given.suffix = repeated;
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
    given.suffix = begins;
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
    given.suffix = below;
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
    reset();
    given.code = negative;
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
    reset();
    given.suffixes = 2;
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
    reset();
    given.ids = "a\nb\n";
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
    given.ids = "a\nb\na\n";
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
    reset();
    given.config = "{\"codes\":3}";
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
    given.config = "{\"max-suffix\":1}";
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
    const int64_t small[] = {2, 3, 1}, other[] = {3, 4, 1};
    given.config = NULL;
    given.codebook = small;
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
    given.codebook = other;
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
    reset();
    given.items = 0;
    given.ids = "";
    CHECK(unit_exit_code(read_given) == EX_DATAERR);
}

static sids_t random_sids(int64_t items, int levels, int codes)
{
    sids_t s = {.items = items, .levels = levels, .codes = codes, .max_suffix = (int)items};
    s.code = NEW_ARRAY(int32_t, items * levels);
    s.suffix = NEW_ARRAY(int32_t, items);
    for (int64_t i = 0; i < items * levels; i++) s.code[i] = (int32_t)rng_below(7, (uint64_t)i, (uint64_t)codes);
    return s;
}

static bool same_bucket(const sids_t *s, int64_t a, int64_t b)
{
    return !memcmp(s->code + a * s->levels, s->code + b * s->levels, (size_t)s->levels * sizeof *s->code);
}

TEST(suffixes_count_up_within_a_bucket)
{
    for (int how = SUFFIX_COLLIDE; how <= SUFFIX_ALWAYS; how++) {
        sids_t s = random_sids(300, 2, 13);
        sids_assign_suffixes(&s, (suffix_t)how);
        for (int64_t i = 0; i < s.items; i++) {
            int before = 0, size = 0;
            for (int64_t j = 0; j < s.items; j++)
                if (same_bucket(&s, i, j)) {
                    size++;
                    before += j < i;
                }
            CHECK(s.suffix[i] == (size > 1 || how == SUFFIX_ALWAYS ? before : -1));
        }
        sids_free(&s);
    }
}

static void overflow_suffixes(void)
{
    sids_t s = random_sids(300, 2, 5);
    s.max_suffix = 3;
    sids_assign_suffixes(&s, SUFFIX_COLLIDE);
}

static strtab_t numbered_ids(int64_t count)
{
    strtab_t ids = {0};
    char id[24];
    for (int64_t i = 0; i < count; i++) strtab_add(&ids, id, (size_t)snprintf(id, sizeof id, "i%lld", (long long)i));
    return ids;
}

TEST(the_code_is_the_item)
{
    sids_t s = sids_identity(numbered_ids(5));
    CHECK(s.items == 5 && s.levels == 1 && s.codes == 5 && s.max_suffix == 0);
    for (int i = 0; i < 5; i++) CHECK(s.code[i] == i && s.suffix[i] == -1);
    sid_stats_t r = sids_stats(&s);
    CHECK(r.alone == 1 && r.buckets == 5 && r.largest == 1 && r.utilisation[0] == 1);
    CHECK_NEAR(r.perplexity[0], 5, 1e-9);
    sid_stats_free(&r);
    sids_free(&s);
}

static void too_many_items(void) { sids_identity(numbered_ids(SID_MAX_CODES + 1)); }
static void as_many_as_codes(void) { sids_identity(numbered_ids(SID_MAX_CODES)); }

TEST(no_more_items_than_codes)
{
    CHECK(unit_exit_code(as_many_as_codes) == 0);
    CHECK(unit_exit_code(too_many_items) == EX_DATAERR);
}

TEST(too_few_suffixes_is_an_error) { CHECK(unit_exit_code(overflow_suffixes) == EX_DATAERR); }

/* Order against a comparison of every pair of neighbours, with codes that take several digits of the radix sort. */
TEST(order_is_sorted_and_stable)
{
    sids_t s = random_sids(4000, 2, SID_MAX_CODES);
    for (int64_t i = 0; i < s.items; i++) {
        s.code[2 * i] %= 3;
        if (i % 3) s.code[2 * i + 1] = s.code[2 * (i - i % 3) + 1];
        s.suffix[i] = i % 5 ? (int32_t)(i % 7) - 1 : 3999;
    }
    int64_t *order = sids_order(&s);
    char *seen = xcalloc((size_t)s.items, 1);
    for (int64_t i = 0; i < s.items; i++) {
        seen[order[i]] = 1;
        if (!i) continue;
        const int32_t *a = s.code + 2 * order[i - 1], *b = s.code + 2 * order[i];
        int64_t x[] = {a[0], a[1], s.suffix[order[i - 1]], order[i - 1]}, y[] = {b[0], b[1], s.suffix[order[i]], order[i]};
        int k = 0;
        while (k < 3 && x[k] == y[k]) k++;
        CHECK(x[k] < y[k]);
    }
    for (int64_t i = 0; i < s.items; i++) CHECK(seen[i]);
    free(order);
    free(seen);
    sids_free(&s);
}

TEST(statistics_by_hand)
{
    int32_t code[] = {0, 0, 0, 0, 1, 0, 1, 3}, suffix[4];
    sids_t s = {.items = 4, .levels = 2, .codes = 4, .max_suffix = 4, .code = code, .suffix = suffix};
    memset(suffix, -1, sizeof suffix);
    sid_stats_t r = sids_stats(&s);
    CHECK_NEAR(r.alone, 0.5, 1e-12);
    CHECK(r.buckets == 3 && r.largest == 2);
    CHECK_NEAR(r.utilisation[0], 0.5, 1e-12);
    CHECK_NEAR(r.perplexity[0], 2, 1e-12);
    CHECK_NEAR(r.perplexity[1], exp(-(0.75 * log(0.75) + 0.25 * log(0.25))), 1e-12);
    sid_stats_free(&r);
}

static void make_path(void)
{
    int fd = mkstemp(path);
    if (fd >= 0) close(fd);
}

static void drop_path(void) { unlink(path); }

int main(void)
{
    make_path();
    static const unit_test_t tests[] = {UNIT(reads_what_was_written),
                                        UNIT(codes_come_from_codebook_config_or_data),
                                        UNIT(refuses_wrong_files),
                                        UNIT(suffixes_count_up_within_a_bucket),
                                        UNIT(the_code_is_the_item), UNIT(no_more_items_than_codes), UNIT(too_few_suffixes_is_an_error),
                                        UNIT(order_is_sorted_and_stable),
                                        UNIT(statistics_by_hand)};
    int rc = unit_run(tests, (int)(sizeof tests / sizeof *tests));
    drop_path();
    return rc;
}
