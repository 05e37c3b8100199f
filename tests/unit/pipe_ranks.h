/* Ranks for tests: forked processes that pass bytes over pipes. */
#ifndef SIDMILL_PIPE_RANKS_H
#define SIDMILL_PIPE_RANKS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/ranks.h"
#include "unit.h"

enum { MOST_RANKS = 7 };

static int ends[MOST_RANKS][MOST_RANKS]; /* ends[a][b]: a's of the pipe between a and b */
static ranks_carrier_t pipes;

static inline void pipe_send(int to, const void *bytes, size_t n)
{
    for (ssize_t done = 0, put; done < (ssize_t)n; done += put)
        if ((put = write(ends[pipes.self][to], (const char *)bytes + done, n - (size_t)done)) <= 0) _exit(3);
}

static inline void pipe_receive(int from, void *bytes, size_t n)
{
    for (ssize_t done = 0, got; done < (ssize_t)n; done += got)
        if ((got = read(ends[pipes.self][from], (char *)bytes + done, n - (size_t)done)) <= 0) _exit(3);
}

static inline void pipe_broadcast(int from, void *bytes, size_t n)
{
    for (int to = 0; from == pipes.self && to < pipes.size; to++)
        if (to != from) pipe_send(to, bytes, n);
    if (from != pipes.self) pipe_receive(from, bytes, n);
}

/* Whether `same` holds in all of so many ranks, each a process that is gone afterwards. */
static inline bool in_ranks(int size, bool (*same)(void))
{
    pid_t child[MOST_RANKS];
    for (int a = 0; a < size; a++)
        for (int b = 0; b < a; b++) {
            int both[2];
            if (socketpair(AF_UNIX, SOCK_STREAM, 0, both)) return false;
            ends[a][b] = both[0];
            ends[b][a] = both[1];
        }
    fflush(stdout);
    for (int r = 0; r < size; r++)
        if (!(child[r] = fork())) {
            pipes = (ranks_carrier_t){r, size, pipe_send, pipe_receive, pipe_broadcast};
            ranks_use(&pipes);
            _exit(!same());
        }
    bool all = true;
    for (int r = 0; r < size; r++) {
        int status;
        all &= waitpid(child[r], &status, 0) == child[r] && !status;
    }
    for (int a = 0; a < size; a++)
        for (int b = 0; b < size; b++)
            if (a != b) close(ends[a][b]);
    return all;
}

#endif
