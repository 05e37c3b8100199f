/* States written beside the process that goes on: which values they hold, in turn, given up, removed, and what was left unfinished. */
#include "train/checkpoint.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "train/beside.h"
#include "unit.h"

enum { N = 4 << 20 };

static char folder[] = "/tmp/test_checkpoint.XXXXXX", state[64], whole[96], left[96];
static float *values, *found;
static checkpoint_t saved = {.folder = state, .fingerprint = "run"}, loaded = {.folder = state, .fingerprint = "run"};

static void set(float value)
{
    for (int i = 0; i < N; i++) values[i] = value;
}

/* Tells whether the state on disk is of that value. */
static bool holds(float value)
{
    if (!checkpoint_load(&loaded)) return false;
    for (int i = 0; i < N; i++)
        if (found[i] != value) return false;
    return true;
}

static void wait_for_writer(void)
{
    beside_t now;
    while ((now = beside_look()) == BESIDE_RUNS) usleep(1000);
    CHECK(now == BESIDE_NONE);
}

static void touch(const char *path) { CHECK(!fclose(fopen(path, "w"))); }

TEST(it_holds_what_the_values_were)
{
    for (int i = 1; i < 4; i++) {
        set((float)i);
        checkpoint_save_beside(&saved);
        set(-1);
        wait_for_writer();
        CHECK(holds((float)i) && values[0] == -1 && values[N / 2] == -1 && values[N - 1] == -1);
    }
}

/* The newer state replaces the one at work, of which nothing stays. */
TEST(a_save_at_once_gives_up_the_older)
{
    set(5);
    checkpoint_save_beside(&saved);
    usleep(5000);
    set(6);
    checkpoint_save(&saved);
    CHECK(beside_look() == BESIDE_NONE && holds(6));
    checkpoint_remove(state);
    CHECK(access(state, F_OK) != 0); /* the folder was empty but for the state */
}

TEST(removed_while_it_is_written)
{
    for (int i = 0; i < 4; i++) {
        checkpoint_save_beside(&saved);
        usleep((useconds_t)(i * 5000));
        checkpoint_remove(state);
        CHECK(beside_look() == BESIDE_NONE && access(state, F_OK) != 0);
    }
}

static void load_as_another(void)
{
    loaded.fingerprint = "other";
    checkpoint_load(&loaded);
}

/* Unless it may be another run's, which may be at it. */
TEST(what_was_left_unfinished_goes)
{
    CHECK(!mkdir(state, 0777));
    touch(left);
    CHECK(!checkpoint_load(&loaded) && access(left, F_OK) != 0);
    set(7);
    checkpoint_save(&saved);
    touch(left);
    CHECK(unit_exit_code(load_as_another) == EX_DATAERR && access(left, F_OK) == 0);
    CHECK(holds(7) && access(left, F_OK) != 0);
    checkpoint_remove(state);
}

static void fails_beside(void)
{
    touch(state); /* in place of the folder */
    checkpoint_save_beside(&saved);
    wait_for_writer();
}

TEST(a_writer_that_fails_ends_the_process)
{
    CHECK(unit_exit_code(fails_beside) == EX_CANTCREAT);
    unlink(state);
}

/* Leaves one file to open, for the state: none for a pipe to a copy. */
static void without_a_copy(void)
{
    const int next = dup(STDERR_FILENO);
    close(next);
    if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next + 1, (rlim_t)next + 1})) _exit(99);
    checkpoint_save_beside(&saved);
    if (beside_look() != BESIDE_NONE || access(whole, F_OK)) _exit(98);
}

TEST(where_there_is_no_copy_it_is_written_at_once)
{
    set(8);
    CHECK(unit_exit_code(without_a_copy) == 0 && holds(8));
    checkpoint_remove(state);
}

/* Makes the folder first, as all paths lie in it. */
TEST(without_a_folder_nothing_happens)
{
    CHECK(mkdtemp(folder));
    snprintf(state, sizeof state, "%s/ckpt", folder);
    snprintf(whole, sizeof whole, "%s/state.st", state);
    snprintf(left, sizeof left, "%s/state.st.AbCdEf", state);
    values = xfloats(N);
    found = xfloats(N);
    checkpoint_add(&saved, "test", "values", ST_F32, N, values);
    checkpoint_add(&loaded, "test", "values", ST_F32, N, found);
    const checkpoint_t none = {.fingerprint = "run"};
    checkpoint_save(&none);
    checkpoint_save_beside(&none);
    CHECK(beside_look() == BESIDE_NONE && !checkpoint_load(&none));
    checkpoint_remove(NULL);
}

TEST(nothing_is_left)
{
    CHECK(!rmdir(folder));
    checkpoint_free(&saved);
    checkpoint_free(&loaded);
    free(values);
    free(found);
}

UNIT_MAIN(UNIT(without_a_folder_nothing_happens), UNIT(it_holds_what_the_values_were), UNIT(a_save_at_once_gives_up_the_older),
          UNIT(removed_while_it_is_written), UNIT(what_was_left_unfinished_goes), UNIT(a_writer_that_fails_ends_the_process),
          UNIT(where_there_is_no_copy_it_is_written_at_once), UNIT(nothing_is_left))
