/* A copy of the process at work beside it: what it sees, how it ends, and what the process hears of that. */
#include "train/beside.h"

#include <signal.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "unit.h"

enum { N = 1 << 20, MOMENT = 20000 /* microseconds */ };

static int numbers[N], channel[2];

static void wait_for_copy(beside_t end)
{
    beside_t now;
    while ((now = beside_look()) == BESIDE_RUNS) usleep(MOMENT / 20);
    CHECK(now == end && beside_look() == BESIDE_NONE);
}

/* Sends the sum of the numbers, late enough for them to change. */
static void add_up(const void *ctx)
{
    const int *all = ctx;
    int64_t sum = 0;
    usleep(MOMENT);
    for (int i = 0; i < N; i++) sum += all[i];
    if (write(channel[1], &sum, sizeof sum) != sizeof sum) die(EX_IOERR, "no channel");
}

static void add_shard(void *ctx, int64_t shard, int worker)
{
    (void)ctx, (void)worker;
    for (int64_t i = shard * (N / 16); i < (shard + 1) * (N / 16); i++) numbers[i]++;
}

/* Two copies in turn, of a process whose threads go on meanwhile. */
TEST(the_copy_sees_what_was)
{
    parallel_threads(2);
    CHECK(!pipe(channel));
    for (int64_t round = 0; round < 2; round++) {
        parallel_for(16, add_shard, NULL);
        CHECK(beside_start(add_up, numbers));
        int64_t sum = 0;
        for (int i = 0; i < N; i++) numbers[i] += 100;
        wait_for_copy(BESIDE_NONE);
        CHECK(read(channel[0], &sum, sizeof sum) == sizeof sum && sum == N * (101 * round + 1));
    }
    CHECK(numbers[0] == 202);
    close(channel[0]);
    close(channel[1]);
}

static void fail(const void *ctx) { die(EX_TEMPFAIL, "%s: is\nno good", (const char *)ctx); }

/* The process does, before a message; the copy must not. */
static void put_in_order(void)
{
    if (write(STDERR_FILENO, "in order, ", 10) < 0) _exit(97);
}

static void dies_with_its_copy(void)
{
    if (dup2(channel[1], STDERR_FILENO) < 0) _exit(99);
    err_program("test");
    err_before_message(put_in_order);
    if (!beside_start(fail, "that")) _exit(98);
    while (beside_look() == BESIDE_RUNS) usleep(MOMENT / 20);
}

TEST(where_it_dies_the_process_does)
{
    CHECK(!pipe(channel));
    CHECK(unit_exit_code(dies_with_its_copy) == EX_TEMPFAIL);
    char said[100] = "";
    CHECK(read(channel[0], said, sizeof said - 1) > 0 && !strcmp(said, "in order, test: that: is no good\n"));
    close(channel[0]);
    close(channel[1]);
}

static void drop_here(void) { beside_drop(numbers, sizeof numbers); }

TEST(memory_is_dropped_by_copies_alone) { CHECK(unit_exit_code(drop_here) == EX_SOFTWARE); }

static void kill_itself(const void *ctx)
{
    (void)ctx;
    raise(SIGKILL);
}

static void loses_its_copy(void)
{
    if (!beside_start(kill_itself, NULL)) _exit(98);
    wait_for_copy(BESIDE_KILLED);
    if (unit_failed || beside_start(kill_itself, NULL)) _exit(97); /* memory may be short */
}

TEST(one_that_was_killed_is_the_last) { CHECK(unit_exit_code(loses_its_copy) == 0); }

/* Says who it is, then waits for what does not come. */
static void linger(const void *ctx)
{
    (void)ctx;
    const pid_t self = getpid();
    if (write(channel[1], &self, sizeof self) != sizeof self) die(EX_IOERR, "no channel");
    for (;;) pause();
}

static pid_t its_pid(void)
{
    pid_t pid = 0;
    CHECK(read(channel[0], &pid, sizeof pid) == sizeof pid);
    return pid;
}

TEST(it_can_be_stopped_by_the_process_alone)
{
    CHECK(!pipe(channel));
    CHECK(!beside_stop() && beside_start(linger, NULL));
    const pid_t pid = its_pid();
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) kill(pid, signals[i]);
    usleep(MOMENT);
    CHECK(beside_look() == BESIDE_RUNS && beside_stop() && !beside_stop() && beside_look() == BESIDE_NONE);
    CHECK(kill(pid, 0) != 0);
    CHECK(beside_start(linger, NULL) && its_pid() != pid && beside_stop());
    close(channel[0]);
    close(channel[1]);
}

static void is_killed(void)
{
    if (!beside_start(linger, NULL)) _exit(98);
    its_pid();
    raise(SIGKILL);
}

/* The pipe's end is told once nobody has its other end. */
TEST(it_ends_with_the_process)
{
    CHECK(!pipe(channel));
    CHECK(unit_exit_code(is_killed) == 128 + SIGKILL);
    close(channel[1]);
    char nothing;
    alarm(20);
    CHECK(read(channel[0], &nothing, 1) == 0);
    alarm(0);
    close(channel[0]);
}

UNIT_MAIN(UNIT(the_copy_sees_what_was), UNIT(where_it_dies_the_process_does),
          UNIT(memory_is_dropped_by_copies_alone), UNIT(one_that_was_killed_is_the_last),
          UNIT(it_can_be_stopped_by_the_process_alone), UNIT(it_ends_with_the_process))
