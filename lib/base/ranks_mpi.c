/* The one file that knows MPI, and apart from base/ranks.c so that only programs that can be several load its library. */
#include "base/ranks.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"

#ifdef HAVE_MPI
#include <mpi.h>

enum { MESSAGE = 1 << 30, /* bytes; MPI counts in ints */
       SPINS = 1000, NAP = 50 /* microseconds */ };

static int part(size_t n) { return n < MESSAGE ? (int)n : MESSAGE; }

/* Waits until it is done, asleep after a moment: a rank that spun would take processors from those it waits for. */
static void finish_request(MPI_Request *request)
{
    int done = 0;
    for (int tries = 0; MPI_Test(request, &done, MPI_STATUS_IGNORE), !done; tries++)
        if (tries > SPINS) usleep(NAP);
}

static void mpi_send(int to, const void *bytes, size_t n)
{
    MPI_Request request;
    for (size_t done = 0; done < n; done += MESSAGE) {
        MPI_Isend((const char *)bytes + done, part(n - done), MPI_BYTE, to, 0, MPI_COMM_WORLD, &request);
        finish_request(&request);
    }
}

static void mpi_receive(int from, void *bytes, size_t n)
{
    MPI_Request request;
    for (size_t done = 0; done < n; done += MESSAGE) {
        MPI_Irecv((char *)bytes + done, part(n - done), MPI_BYTE, from, 0, MPI_COMM_WORLD, &request);
        finish_request(&request);
    }
}

static void mpi_broadcast(int from, void *bytes, size_t n)
{
    MPI_Request request;
    for (size_t done = 0; done < n; done += MESSAGE) {
        MPI_Ibcast((char *)bytes + done, part(n - done), MPI_BYTE, from, MPI_COMM_WORLD, &request);
        finish_request(&request);
    }
}

static void finish(void) { MPI_Finalize(); }

static void end_all(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

/* An error of MPI's own ends all ranks: that is its default. */
static void join(void)
{
    ranks_carrier_t mpi = {.send = mpi_send, .receive = mpi_receive, .broadcast = mpi_broadcast};
    int threads;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* or a launcher that is killed would leave ranks, and the same command meet them */
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &threads);
    MPI_Comm_rank(MPI_COMM_WORLD, &mpi.self);
    MPI_Comm_size(MPI_COMM_WORLD, &mpi.size);
    atexit(finish);
    err_end_by(end_all);
    ranks_use(&mpi);
}
#else
static void join(void) {}
#endif

void ranks_start(void)
{
    if (ranks_launched() == 1) return; /* joining takes longer than many a command */
    join();
    if (ranks_self()) err_follow();
}
