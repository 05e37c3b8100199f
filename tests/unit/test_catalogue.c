#include "data/catalogue.h"

#include <stdlib.h>

#include "base/err.h"
#include "unit.h"

static char sids[] = "/tmp/test_catalogue.XXXXXX", same[] = "/tmp/test_catalogue.XXXXXX", reordered[] = "/tmp/test_catalogue.XXXXXX";

static strtab_t table(const char *ids)
{
    strtab_t t = {0};
    for (const char *c = ids; *c; c++) strtab_add(&t, c, 1);
    return t;
}

static void write_sids(const char *path, const char *items)
{
    strtab_t ids = table(items);
    st_writer_t *w = st_create(path, "sids/1");
    st_add2(w, "codes", ST_I32, 3, 2, (int32_t[]){0, 1, 0, 2, 1, 1});
    st_add1(w, "suffix", ST_I32, 3, (int32_t[]){-1, -1, -1});
    st_add_strings(w, "item_ids", &ids);
    st_commit(w);
    strtab_free(&ids);
}

static void write_interactions(const char *path, const char *items)
{
    interactions_t x = {.users = 1, .events = 3, .items = 3, .user_offsets = (int64_t[]){0, 3}, .item_index = (int32_t[]){2, 0, 1},
                        .user_ids = table("u"), .item_ids = table(items)};
    st_writer_t *w = st_create(path, "interactions/1");
    interactions_add(w, &x);
    st_commit(w);
    strtab_free(&x.user_ids);
    strtab_free(&x.item_ids);
}

TEST(files_of_the_same_items_are_read_together)
{
    write_sids(sids, "abc");
    write_interactions(same, "abc");
    catalogue_t c = catalogue_open(sids, same);
    CHECK(c.sids.items == 3 && c.sids.levels == 2 && c.sids.code[3] == 2);
    CHECK(c.interactions.items == 3 && c.interactions.item_index[0] == 2);
    CHECK(!strcmp(c.sids_file->name, sids) && !strcmp(c.interactions_file->name, same));
    catalogue_close(&c);
    CHECK(!c.sids_file && !c.interactions.item_index);
}

static void open_reordered(void) { catalogue_open(sids, reordered); }
static void open_swapped(void) { catalogue_open(same, sids); }

TEST(others_are_refused)
{
    write_interactions(reordered, "acb");
    CHECK(unit_exit_code(open_reordered) == EX_DATAERR);
    CHECK(unit_exit_code(open_swapped) == EX_DATAERR);
}

int main(void)
{
    char *paths[] = {sids, same, reordered};
    for (int i = 0; i < 3; i++) close(mkstemp(paths[i]));
    static const unit_test_t tests[] = {UNIT(files_of_the_same_items_are_read_together), UNIT(others_are_refused)};
    int failed = unit_run(tests, 2);
    for (int i = 0; i < 3; i++) unlink(paths[i]);
    return failed;
}
