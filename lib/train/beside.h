/* Work that a copy of the process does beside it. fork() gives the copy all private memory as it stands: a page is shared until either
 * changes it. So starting takes the time of the page tables alone, and nothing that the process does afterwards is seen by the copy.
 * There is one copy at a time. It ends with the process, whatever ends that, unless its work is done before; signals that ask programs to end
 * it leaves to the process, which may wait for it. Where memory runs short the kernel is to take the copy first. Only one thread may call
 * these, and it must live as long as the copy, or the kernel ends that. */
#ifndef SIDMILL_TRAIN_BESIDE_H
#define SIDMILL_TRAIN_BESIDE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    BESIDE_NONE,  /* none runs */
    BESIDE_RUNS,
    BESIDE_KILLED /* a signal has ended it with its work undone: told once */
} beside_t;

/* Starts fn(ctx) in a copy; none may run. False, and nothing is done, where no process can be had or one was killed before: the caller does
 * the work itself. In the copy there is one thread, whatever there was before: fn may allocate, write files (base/out.h) and die(), but take no
 * other's lock, start no threads, say nothing, and pass nothing to other ranks. */
bool beside_start(void (*fn)(const void *ctx), const void *ctx);

/* In the copy: these n bytes are not read any more, and belong to the process alone again. */
void beside_drop(const void *bytes, size_t n);

/* Looks after the copy, which takes a system call. Where it has died, so does the process, with the same words and code. */
beside_t beside_look(void);

/* Ends the copy, with its work undone, if there is one; true then. */
bool beside_stop(void);

#endif
