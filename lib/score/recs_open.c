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

/* True for what can be mapped, and read again. */
static bool is_file(const char *path)
{
    struct stat st;
    return path && strcmp(path, "-") && !stat(path, &st) && S_ISREG(st.st_mode);
}

/* Tells whether a file, but not a pipe, begins as safetensors do. */
static bool is_tensor_file(const char *path)
{
    char first[16];
    const int fd = is_file(path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    const ssize_t n = fd < 0 ? -1 : read(fd, first, sizeof first);
    if (fd >= 0) close(fd);
    return n > 0 && st_begins(first, (size_t)n);
}

static recs_t open_tensors(st_file_t *f)
{
    recs_t r = recs_read(f);
    if (!r.lists) die(EX_DATAERR, "%s: items: no list, expected 1 or more", f->name);
    r.file = f;
    r.digest = st_digest(f);
    return r;
}

/* Reads text, of which `first` has been looked at; a file whose lines must be gathered a second time, a pipe at once so. */
static recs_t open_text(const char *path, peek_t *first, char *name, const char *form, const char *values)
{
    recs_t r;
    lines_t lines = in_lines_from(&first->base, name);
    const bool done = recs_text_read(&r, &lines, form, values, !is_file(path));
    in_close(&lines);
    if (done) return r;
    lines = in_lines_unpacked(path, NULL);
    recs_text_read(&r, &lines, form, values, true);
    in_close(&lines);
    return r;
}

recs_t recs_open(const char *path, const char *form, const char *values)
{
    const bool automatic = !strcmp(form, "auto");
    if (!strcmp(form, "st") || (automatic && is_tensor_file(path))) return open_tensors(st_open(path));
    char *name = in_name(path);
    peek_t *first = peek(unpack(in_source(path), &name, NULL));
    if (automatic && st_begins(first->first, first->n)) return open_tensors(st_open_bytes(in_bytes_from(&first->base, name)));
    return open_text(path, first, name, form, values);
}
