#include "base/jsonlog.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/in.h"
#include "base/out.h"
#include "base/ranks.h"

static FILE *file;
static const char *name;

/* Takes the mark of a file's first `limit` bytes, of all where there are fewer. */
static jsonlog_mark_t mark_of(const char *path, int64_t limit)
{
    bytes_t b = in_bytes(path);
    size_t n = b.len < (uint64_t)limit ? b.len : (size_t)limit;
    jsonlog_mark_t mark = {(int64_t)n, (int64_t)(XXH3_64bits(b.data, n) >> 11)};
    in_free(&b);
    return mark;
}

static bool is_regular(const char *path, int64_t *size)
{
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode)) return false;
    *size = st.st_size;
    return true;
}

/* Cuts the log back to the mark; false if it is another one. */
static bool cut(const char *path, const jsonlog_mark_t *mark)
{
    jsonlog_mark_t found = mark_of(path, mark->bytes);
    if (found.bytes != mark->bytes || found.digest != mark->digest) return false;
    if (truncate(path, mark->bytes)) die_errno(EX_CANTCREAT, "%s", path);
    return true;
}

void jsonlog_open(const char *path, const jsonlog_mark_t *mark)
{
    if (!path || ranks_self()) return;
    int64_t size = 0;
    const bool ours = mark && is_regular(path, &size) && mark->bytes > 0 && size > 0 && cut(path, mark);
    if (mark && mark->bytes > 0 && size > 0 && !ours) warn("%s: not the log that the checkpoint goes with; begun anew", path);
    name = path;
    file = fopen(path, ours ? "ae" : "we");
    if (!file) die_errno(EX_CANTCREAT, "%s", path);
}

void jsonlog(const char *fmt, ...)
{
    if (!file) return;
    va_list ap;
    va_start(ap, fmt);
    vfprintf(file, fmt, ap);
    va_end(ap);
    fputc('\n', file);
    out_flush(file, name);
}

jsonlog_mark_t jsonlog_mark(void)
{
    int64_t size;
    return file && is_regular(name, &size) ? mark_of(name, size) : (jsonlog_mark_t){0};
}

void jsonlog_close(void)
{
    if (file && fclose(file)) die_errno(EX_IOERR, "%s: write failed", name);
    file = NULL;
}
