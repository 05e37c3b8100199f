#include "train/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/out.h"

static pid_t copy;  /* 0: none */
static int words;   /* our end of the pipe by which it says why it dies */
static bool killed; /* one was: there will be no other */
static bool is_copy;

static void ignore_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_IGN);
}

/* Makes the copy what the kernel ends first when memory runs short: its work can be done again. */
static void be_first_to_go(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    (void)!write(fd, "1000", 4);
    close(fd);
}

static _Noreturn void be_copy(pid_t process, const sigset_t *mask, int to, void (*fn)(const void *), const void *ctx)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != process) _exit(0); /* it died before the line above */
    is_copy = true;
    ignore_signals();
    out_disown_all();
    err_copy(to);
    sigprocmask(SIG_SETMASK, mask, NULL);
    be_first_to_go();
    fn(ctx);
    _exit(0);
}

/* Signals wait meanwhile: the process's handlers are not for the copy. */
static pid_t fork_copy(int to, void (*fn)(const void *), const void *ctx)
{
    sigset_t all, before;
    const pid_t process = getpid();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = fork();
    if (pid == 0) be_copy(process, &before, to, fn, ctx);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

bool beside_start(void (*fn)(const void *ctx), const void *ctx)
{
    if (copy) die(EX_SOFTWARE, "two copies of the process at once");
    int ends[2];
    if (killed || pipe2(ends, O_CLOEXEC | O_NONBLOCK)) return false;
    const pid_t pid = fork_copy(ends[1], fn, ctx);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    copy = pid;
    words = ends[0];
    return true;
}

/* Waits for the copy's end, or with WNOHANG looks for it: its wait status, or -1 while it runs. An end that another has been told of counts as
 * a kill. */
static int wait_for(int options)
{
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(copy, &status, options)) < 0 && errno == EINTR) continue;
    if (!ended) return -1;
    copy = 0;
    return ended < 0 ? SIGKILL : status;
}

beside_t beside_look(void)
{
    if (!copy) return BESIDE_NONE;
    const int status = wait_for(WNOHANG);
    if (status < 0) return BESIDE_RUNS;
    char said[4096];
    const ssize_t n = read(words, said, sizeof said - 1);
    close(words);
    if (!status) return BESIDE_NONE;
    killed = !WIFEXITED(status);
    if (killed) return BESIDE_KILLED;
    said[n > 0 ? n : 0] = '\0';
    die(WEXITSTATUS(status), "%s", n > 0 ? said : "the copy of the process that saves has failed");
}

void beside_drop(const void *bytes, size_t n)
{
    if (!is_copy) die(EX_SOFTWARE, "only a copy of the process can do without its memory");
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t first = ((uintptr_t)bytes + page - 1) / page * page, end = ((uintptr_t)bytes + n) / page * page;
    if (first < end) madvise((void *)first, end - first, MADV_DONTNEED);
}

bool beside_stop(void)
{
    if (!copy) return false;
    kill(copy, SIGKILL);
    wait_for(0);
    close(words);
    return true;
}
