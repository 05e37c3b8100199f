#include "base/err.h"
#include "data/interactions.h"

#include <stdlib.h>

#include "unit.h"

static char path[] = "/tmp/test_interactions.XXXXXX";

/* Three users: four events, two, three. What a test makes wrong, it changes before writing. */
static int64_t offsets[4], times[9];
static int32_t items[9];
static const char *users, *names;
static int64_t events;
static bool timed;
static const uint8_t *phases; /* NULL: none */

static void reset(void)
{
    memcpy(offsets, (int64_t[]){0, 4, 6, 9}, sizeof offsets);
    memcpy(items, (int32_t[]){0, 1, 2, 3, 0, 1, 1, 1, 2}, sizeof items);
    memcpy(times, (int64_t[]){1, 2, 2, 4, 0, 9, 5, 6, 7}, sizeof times);
    users = "u\nv\nw\n";
    names = "a\nb\nc\nd\n";
    events = 9;
    timed = true;
}

static void write_schema(const char *schema)
{
    st_writer_t *w = st_create(path, schema);
    st_add1(w, "user_offsets", ST_I64, 4, offsets);
    st_add1(w, "item_index", ST_I32, events, items);
    if (timed) st_add1(w, "timestamp", ST_I64, events, times);
    if (phases) st_add1(w, "phase", ST_U8, events, phases);
    st_add1(w, "user_ids", ST_U8, (int64_t)strlen(users), users);
    st_add1(w, "item_ids", ST_U8, (int64_t)strlen(names), names);
    st_commit(w);
}

static void write_file(void) { write_schema("interactions/1"); }

static interactions_t read_file(void)
{
    st_file_t *f = st_open(path);
    interactions_t x = interactions_read(f);
    st_close(f);
    return x;
}

static void read_once(void)
{
    interactions_t x = read_file();
    interactions_free(&x);
}

static int reads(void)
{
    write_file();
    int code = unit_exit_code(read_once);
    reset();
    return code;
}

TEST(events_read_back)
{
    write_file();
    interactions_t x = read_file();
    CHECK(x.users == 3 && x.events == 9 && x.items == 4);
    CHECK(!memcmp(x.user_offsets, offsets, sizeof offsets));
    CHECK(!memcmp(x.item_index, items, sizeof items));
    CHECK(!memcmp(x.timestamp, times, sizeof times));
    CHECK(strtab_find(&x.item_ids, "c", 1) == 2 && strtab_find(&x.user_ids, "w", 1) == 2);
    st_writer_t *w = st_create(path, "interactions/1");
    interactions_add(w, &x);
    st_commit(w);
    interactions_t y = read_file();
    CHECK(y.events == 9 && strtab_equal(&x.user_ids, &y.user_ids) && strtab_equal(&x.item_ids, &y.item_ids));
    interactions_free(&x);
    interactions_free(&y);
    timed = false;
    CHECK(reads() == 0);
}

static bool is_case(const interactions_t *x, int64_t user, split_t split, int64_t place, int32_t target)
{
    int64_t at[9];
    if (interactions_cases(x, user, split, at) != 1 || at[0] != place) return false;
    history_t h = interactions_case(x, (case_t){user, place});
    return h.items == x->item_index + x->user_offsets[user] && h.count == place && h.target == target;
}

TEST(the_split_leaves_the_last_out)
{
    write_file();
    interactions_t x = read_file();
    history_t h;
    CHECK(interactions_training(&x, 0, &h) && h.count == 2 && h.items == x.item_index && h.target == -1);
    CHECK(is_case(&x, 0, SPLIT_VALID, 2, 2) && is_case(&x, 0, SPLIT_TEST, 3, 3));
    CHECK(!interactions_training(&x, 1, &h) && !interactions_cases(&x, 1, SPLIT_TEST, NULL));
    CHECK(is_case(&x, 2, SPLIT_VALID, 1, 1) && is_case(&x, 2, SPLIT_TEST, 2, 2));
    int64_t *popularity = interactions_popularity(&x);
    CHECK(!memcmp(popularity, (int64_t[]){1, 2, 0, 0}, 4 * sizeof(int64_t)));
    free(popularity);
    interactions_free(&x);
}

/* A user with several cases, one whose first event is for the test, which nothing precedes, and one who is for training whole. */
static const uint8_t sound[] = {0, 1, 2, 2, 2, 2, 0, 0, 0};

static int reads_phases(const uint8_t *p)
{
    phases = p;
    write_schema("interactions/2");
    phases = NULL;
    return unit_exit_code(read_once);
}

TEST(a_file_has_a_split_of_its_own)
{
    CHECK(reads_phases(sound) == 0);
    interactions_t x = read_file();
    history_t h;
    int64_t at[4];
    CHECK(interactions_training(&x, 0, &h) && h.count == 1 && !interactions_training(&x, 1, &h));
    CHECK(interactions_training(&x, 2, &h) && h.count == 3);
    CHECK(interactions_cases(&x, 0, SPLIT_TEST, at) == 2 && at[0] == 2 && at[1] == 3 && is_case(&x, 0, SPLIT_VALID, 1, 1));
    CHECK(is_case(&x, 1, SPLIT_TEST, 1, 1) && !interactions_cases(&x, 2, SPLIT_TEST, NULL));
    int64_t *popularity = interactions_popularity(&x);
    CHECK(!memcmp(popularity, (int64_t[]){1, 2, 1, 0}, 4 * sizeof(int64_t)));
    st_writer_t *w = st_create(path, "interactions/2");
    interactions_add(w, &x);
    st_commit(w);
    interactions_t y = read_file();
    CHECK(!memcmp(y.phase, sound, sizeof sound));
    free(popularity);
    interactions_free(&x);
    interactions_free(&y);
    CHECK(reads_phases(NULL) == EX_DATAERR);
    CHECK(reads_phases((uint8_t[]){0, 1, 2, 4, 2, 2, 0, 0, 0}) == EX_DATAERR);
    CHECK(reads_phases((uint8_t[]){0, 1, 0, 2, 2, 2, 0, 0, 0}) == EX_DATAERR);
}

TEST(disagreements_are_refused)
{
    CHECK(reads() == 0);
    offsets[0] = 1;
    CHECK(reads() == EX_DATAERR);
    offsets[1] = 7;
    CHECK(reads() == EX_DATAERR);
    offsets[2] = INT64_MAX;
    CHECK(reads() == EX_DATAERR);
    offsets[1] = -1;
    CHECK(reads() == EX_DATAERR);
    offsets[3] = 8;
    CHECK(reads() == EX_DATAERR);
    events = 8;
    CHECK(reads() == EX_DATAERR);
    items[8] = 4;
    CHECK(reads() == EX_DATAERR);
    items[0] = -1;
    CHECK(reads() == EX_DATAERR);
    times[3] = 1;
    CHECK(reads() == EX_DATAERR);
    users = "u\nv\n";
    CHECK(reads() == EX_DATAERR);
    users = "u\nv\nu\n";
    CHECK(reads() == EX_DATAERR);
    names = "a\nb\nb\nd\n";
    CHECK(reads() == EX_DATAERR);
    names = "a\nb\nc\nd";
    CHECK(reads() == EX_DATAERR);
}

static const unit_test_t tests[] = {UNIT(events_read_back), UNIT(the_split_leaves_the_last_out),
                                    UNIT(a_file_has_a_split_of_its_own), UNIT(disagreements_are_refused)};

int main(void)
{
    close(mkstemp(path)); /* each test writes it anew */
    reset();
    int failed = unit_run(tests, (int)(sizeof tests / sizeof *tests));
    unlink(path);
    return failed;
}
