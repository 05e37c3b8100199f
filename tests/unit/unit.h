/* A unit test program: TEST(name) { CHECK(...); } ... and UNIT_MAIN(test, test, ...). Prints TAP, so that prove and the
 * runner of `make check` read it. CHECK goes on after a failure. */
#ifndef SIDMILL_UNIT_H
#define SIDMILL_UNIT_H

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int unit_failed;

#define CHECK(cond)                                                                              \
    do {                                                                                         \
        if (!(cond)) {                                                                           \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);                                  \
            unit_failed = 1;                                                                     \
        }                                                                                        \
    } while (0)

#define CHECK_NEAR(a, b, tolerance)                                                              \
    do {                                                                                         \
        double near_a = (a), near_b = (b);                                                       \
        if (!(fabs(near_a - near_b) <= (tolerance))) {                                           \
            printf("# %s:%d: %s = %.9g, expected %s = %.9g within %g\n", __FILE__, __LINE__, #a, \
                   near_a, #b, near_b, (double)(tolerance));                                     \
            unit_failed = 1;                                                                     \
        }                                                                                        \
    } while (0)

#define TEST(name) static void name(void)

typedef struct { const char *name; void (*run)(void); } unit_test_t;

/* Runs fn in a child process; the exit code, or 128 + the signal. What die() says goes to /dev/null. */
static inline int unit_exit_code(void (*fn)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr)) _exit(99);
        fn();
        _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline int unit_run(const unit_test_t *tests, int n)
{
    int failures = 0;
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        unit_failed = 0;
        tests[i].run();
        failures += unit_failed;
        printf("%sok %d - %s\n", unit_failed ? "not " : "", i + 1, tests[i].name);
        fflush(stdout);
    }
    return failures ? 1 : 0;
}

#define UNIT(test) {#test, test}
#define UNIT_MAIN(...)                                                     \
    int main(void)                                                         \
    {                                                                      \
        static const unit_test_t tests[] = {__VA_ARGS__};                  \
        return unit_run(tests, (int)(sizeof tests / sizeof *tests));       \
    }

#endif
