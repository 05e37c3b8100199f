#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "nn/gemm.h"
#include "sid/quantiser.h"
#include "sid/sid_assign.h"

#include "unit.h"

/* Makes a quantiser of scalars, so that distances can be told at a glance: level 0 {0, 100}, level 1 {0, 1, 2, 3}. */
static quantiser_t *scalars(void)
{
    quantiser_t *q = quantiser_new(&(quantiser_shape_t){.text = 1, .depth = -1, .levels = 2, .codes = 4});
    const float books[] = {0, 100, 1000, 2000, 0, 1, 2, 3};
    memcpy(quantiser_codebook(q, 0), books, sizeof books);
    return q;
}

static sids_t scalar_sids(const quantiser_t *q, int64_t n, const float *x, float *last)
{
    sids_t s = {.items = n, .levels = 2, .codes = 4, .max_suffix = 3};
    s.code = NEW_ARRAY(int32_t, 2 * n);
    s.suffix = NEW_ARRAY(int32_t, n);
    quantiser_codes(q, n, x, s.code, last);
    for (int64_t i = 0; i < n; i++) strtab_add(&s.item_ids, (char[]){(char)('a' + i)}, 1);
    return s;
}

TEST(spreading_moves_the_farther_items)
{
    quantiser_t *q = scalars();
    const float x[] = {1.4f, 1.1f, 0.95f, 100.0f, 101.0f};
    float last[5];
    sids_t s = scalar_sids(q, 5, x, last);
    CHECK(s.code[1] == 1 && s.code[3] == 1 && s.code[5] == 1);
    CHECK(sids_spread(&s, q, last, -1) == 2);
    CHECK(s.code[5] == 1 && s.code[3] == 2 && s.code[1] == 0); /* 0.95 stays; 1.1 chooses before 1.4, whose next best is taken */
    CHECK(s.code[6] == 1 && s.code[7] == 0 && s.code[9] == 1);
    sids_free(&s);
    s = scalar_sids(q, 5, x, last);
    CHECK(sids_spread(&s, q, last, 0.0001) == 0); /* too far for so tight a bound */
    sids_free(&s);
    quantiser_free(q);
}

TEST(spreading_leaves_what_has_no_room)
{
    quantiser_t *q = scalars();
    const float x[] = {0, 0, 0, 0, 0, 0};
    float last[6];
    sids_t s = scalar_sids(q, 6, x, last);
    CHECK(sids_spread(&s, q, last, -1) == 3); /* four codes: three more items find one, two stay with the first */
    int count[4] = {0};
    for (int i = 0; i < 6; i++) count[s.code[2 * i + 1]]++;
    CHECK(count[0] == 3 && count[1] == 1 && count[2] == 1 && count[3] == 1);
    sids_free(&s);
    quantiser_free(q);
}

/* Tells whether all full SIDs differ and none begins another. */
static bool prefix_free(const sids_t *s)
{
    for (int64_t i = 0; i < s->items; i++)
        for (int64_t j = 0; j < i; j++)
            if (s->code[2 * i] == s->code[2 * j] && s->code[2 * i + 1] == s->code[2 * j + 1] &&
                (s->suffix[i] < 0 || s->suffix[j] < 0 || s->suffix[i] == s->suffix[j]))
                return false;
    return true;
}

TEST(new_items_take_free_sids)
{
    for (int how = SUFFIX_COLLIDE; how <= SUFFIX_ALWAYS; how++) {
        quantiser_t *q = scalars();
        const float old[] = {0, 2, 2.1f}, fresh[] = {0.1f, 2.2f, 1, 1, 1, 1, 0, 0};
        float last[3];
        sids_t s = scalar_sids(q, 3, old, last);
        sids_assign_suffixes(&s, (suffix_t)how);
        int32_t code[6], suffix[3];
        memcpy(code, s.code, sizeof code);
        memcpy(suffix, s.suffix, sizeof suffix);
        strtab_t ids = {0};
        for (int i = 0; i < 8; i++) strtab_add(&ids, (char[]){(char)('A' + i)}, 1);
        sid_assign_t r = sids_add(&s, q, (suffix_t)how, 8, fresh, &ids);
        CHECK(r.added == 8 && s.items == 11 && s.item_ids.count == 11);
        CHECK(!memcmp(s.code, code, sizeof code) && !memcmp(s.suffix, suffix, sizeof suffix));
        CHECK(prefix_free(&s));
        CHECK(s.code[2 * 4 + 1] == 2 && s.suffix[4] == 2); /* joins the bucket that has suffixes */
        if (how == SUFFIX_COLLIDE) CHECK(s.code[2 * 3 + 1] == 1 && s.suffix[3] == -1); /* 0 is taken: 1 is next */
        CHECK(how == SUFFIX_ALWAYS || r.strayed > 0);
        strtab_free(&ids);
        sids_free(&s);
        quantiser_free(q);
    }
}

static void fill_catalogue(void)
{
    quantiser_t *q = scalars();
    const float old[] = {0}, fresh[20] = {0};
    float last[1];
    sids_t s = scalar_sids(q, 1, old, last);
    s.max_suffix = 0;
    sids_assign_suffixes(&s, SUFFIX_COLLIDE);
    strtab_t ids = {0};
    for (int i = 0; i < 20; i++) strtab_add(&ids, (char[]){(char)('A' + i)}, 1);
    sids_add(&s, q, SUFFIX_COLLIDE, 20, fresh, &ids);
}

TEST(a_full_catalogue_is_an_error)
{
    parallel_threads(1); /* a forked child has no other threads */
    CHECK(unit_exit_code(fill_catalogue) == EX_DATAERR);
}

int main(void)
{
    parallel_threads(2);
    gemm_init();
    static const unit_test_t tests[] = {UNIT(spreading_moves_the_farther_items),
                                        UNIT(spreading_leaves_what_has_no_room),
                                        UNIT(new_items_take_free_sids),
                                        UNIT(a_full_catalogue_is_an_error)};
    return unit_run(tests, (int)(sizeof tests / sizeof *tests));
}
