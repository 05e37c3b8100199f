#include "score/recs_open.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/peek.h"
#include "net/unpack.h"
#include "score/recs_text.h"

const char *const recs_forms[] = {"auto", "st", "tsv", "trec", "wide", NULL};
const char *const recs_values[] = {"auto", "rank", "score", NULL};

/* Tells whether a file, but not a pipe, begins as safetensors do, so that it can be mapped. */
static bool is_tensor_file(const char *path)
{
    char first[16];
    struct stat st;
    if (!path || !strcmp(path, "-") || stat(path, &st) || !S_ISREG(st.st_mode)) return false;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, first, sizeof first);
    if (fd >= 0) close(fd);
    return n > 0 && st_begins(first, (size_t)n);
}

static recs_t open_tensors(st_file_t *f)
{
    recs_t r = recs_read(f);
    if (!r.users) die(EX_DATAERR, "%s: items: no list, expected 1 or more", f->name);
    r.file = f;
    r.digest = st_digest(f);
    return r;
}

recs_t recs_open(const char *path, const char *form, const char *values)
{
    const bool automatic = !strcmp(form, "auto");
    if (!strcmp(form, "st") || (automatic && is_tensor_file(path))) return open_tensors(st_open(path));
    char *name = in_name(path);
    peek_t *first = peek(unpack(in_source(path), &name, NULL));
    if (automatic && st_begins(first->first, first->n)) return open_tensors(st_open_bytes(in_bytes_from(&first->base, name)));
    lines_t lines = in_lines_from(&first->base, name);
    recs_t r = recs_text_read(&lines, form, values);
    in_close(&lines);
    return r;
}
