#include "base/jsonlog.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/out.h"

static FILE *file;
static const char *name;

static void cut(const char *path, int64_t keep)
{
    struct stat st;
    if (!stat(path, &st) && S_ISREG(st.st_mode) && st.st_size > keep && truncate(path, keep)) die_errno(EX_CANTCREAT, "%s", path);
}

void jsonlog_open(const char *path, int64_t keep)
{
    if (!path) return;
    name = path;
    if (keep >= 0) cut(path, keep);
    file = fopen(path, keep >= 0 ? "ae" : "we");
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

int64_t jsonlog_bytes(void)
{
    struct stat st;
    return file && !fstat(fileno(file), &st) && S_ISREG(st.st_mode) ? st.st_size : 0;
}

void jsonlog_close(void)
{
    if (file && fclose(file)) die_errno(EX_IOERR, "%s: write failed", name);
    file = NULL;
}
