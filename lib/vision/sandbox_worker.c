#include "vision/sandbox_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#if defined HAVE_SECCOMP && !defined SIDMILL_SANITIZE
#define USE_SECCOMP
#include <seccomp.h>
#endif

#include "base/mem.h"
#include "base/out.h"

/* Standard streams lead nowhere, so that a message of a failing library does not mix with the tool's own; every other file
 * is closed, the other workers' channels included. */
static void keep_only(int channel)
{
    int nowhere = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2; fd++)
        if (nowhere < 0 || dup2(nowhere, fd) < 0) close(fd);
    if (channel > 3) close_range(3, (unsigned)channel - 1, 0);
    close_range((unsigned)channel + 1, ~0u, 0);
}

static void limit_memory(size_t memory)
{
#ifdef SIDMILL_SANITIZE
    (void)memory; /* the sanitizers map terabytes at start */
#else
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%llu", &pages) != 1) pages = 0;
    if (f) fclose(f);
    rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + memory;
    setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
#endif
}

#ifdef USE_SECCOMP
/* What computing, allocating, the channel, and dying need. */
static void filter_calls(void)
{
    static const int allowed[] = {
        SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise),
        SCMP_SYS(futex), SCMP_SYS(clock_gettime), SCMP_SYS(getrandom), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(sched_yield), SCMP_SYS(exit), SCMP_SYS(exit_group),
        SCMP_SYS(sysinfo), /* qsort() asks how much memory there is */
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    bool ok = filter != NULL;
    for (size_t i = 0; ok && i < sizeof allowed / sizeof *allowed; i++)
        ok = !seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    const struct scmp_arg_cmp data_only = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    ok = ok && !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, data_only);
    ok = ok && !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, data_only);
    const struct scmp_arg_cmp itself = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0); /* abort() and raise() */
    ok = ok && !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, itself);
    /* A kernel or container that forbids filters leaves the other limits standing. */
    if (ok) (void)seccomp_load(filter);
    seccomp_release(filter);
}
#endif

static void confine(int channel, size_t memory, pid_t parent)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    out_disown_all();
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0); /* it died before the line above */
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    keep_only(channel);
    limit_memory(memory);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifdef USE_SECCOMP
    filter_calls();
#endif
}

static bool read_all(int fd, void *to, size_t n)
{
    for (unsigned char *p = to; n;) {
        ssize_t got = read(fd, p, n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

static void write_all(int fd, const void *from, size_t n)
{
    for (const unsigned char *p = from; n;) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) _exit(0);
        p += put;
        n -= (size_t)put;
    }
}

_Noreturn void sandbox_work(int channel, pid_t parent, size_t memory, sandbox_fn fn, const void *ctx)
{
    confine(channel, memory, parent);
    sandbox_header_t head;
    buf_t reply = {0};
    while (read_all(channel, &head, sizeof head)) {
        unsigned char *request = xmalloc(size_add(head.length, 1));
        if (!read_all(channel, request, head.length)) break;
        buf_clear(&reply);
        const char *refused = fn(ctx, request, head.length, &reply);
        free(request);
        if (refused) {
            buf_clear(&reply);
            buf_puts(&reply, refused);
        }
        head = (sandbox_header_t){reply.len, refused ? SANDBOX_REFUSED : SANDBOX_OK};
        write_all(channel, &head, sizeof head);
        write_all(channel, reply.data, reply.len);
        if (reply.cap > 1 << 20) buf_free(&reply);
    }
    _exit(0);
}
