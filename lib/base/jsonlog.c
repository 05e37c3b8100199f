#include "base/jsonlog.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/out.h"

static FILE *file;
static const char *name;

void jsonlog_open(const char *path, bool append)
{
    if (!path) return;
    name = path;
    file = fopen(path, append ? "ae" : "we");
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

void jsonlog_close(void)
{
    if (file && fclose(file)) die_errno(EX_IOERR, "%s: write failed", name);
    file = NULL;
}
