#include "base/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

void *pages_new(size_t bytes)
{
    void *p = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) die(EX_OSERR, "out of memory (%zu bytes asked for)", bytes);
    return p;
}

void pages_free(void *p, size_t bytes)
{
    if (p) munmap(p, bytes ? bytes : 1);
}

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

size_t pages_room(size_t bytes) { return ((bytes + page_size() - 2) / page_size() + 1) * page_size(); }

/* Advises the system on the whole pages of [0, begin) and [end, bytes). */
static void advise_around(void *p, size_t bytes, size_t begin, size_t end, int advice)
{
    const size_t page = page_size(), before = begin / page * page, after = (end + page - 1) / page * page;
    if (before) madvise(p, before, advice);
    if (after < bytes) madvise((char *)p + after, bytes - after, advice);
}

void pages_hold(void *p, size_t bytes, size_t begin, size_t end) { advise_around(p, bytes, begin, end, MADV_NOHUGEPAGE); }
void pages_drop(void *p, size_t bytes, size_t begin, size_t end) { advise_around(p, bytes, begin, end, MADV_DONTNEED); }
