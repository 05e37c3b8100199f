#include "report/stage_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/json_file.h"

enum { HASH = 12 };

static size_t stage_length(const char *name)
{
    const size_t n = strlen(name);
    if (n <= HASH + 1 || name[n - HASH - 1] != '-' || strspn(name + n - HASH, "0123456789abcdef") != HASH) return n;
    return n - HASH - 1;
}

void stage_name_add(buf_t *out, const char *name)
{
    buf_puts(out, "\"name\":");
    json_add_text(out, name);
    buf_puts(out, ",\"stage\":");
    char *stage = xstrndup(name, stage_length(name));
    json_add_text(out, stage);
    free(stage);
}

char *stage_folder(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    return xstrndup(path, n);
}
