#include "data/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "data/items.h"
#include "data/relpath.h"

/* The file has no name, so that it goes when the process does, however that ends. */
static FILE *open_spool(void)
{
    const char *folder = getenv("TMPDIR");
    char *name = xasprintf("%s/sidmill.XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkstemp(name);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w+b");
    if (!f) die_errno(EX_CANTCREAT, "temporary file %s", name);
    unlink(name);
    free(name);
    return f;
}

static void move_image(items_t *in, const char *old, const char *new)
{
    const char *image = items_string(in, "image");
    if (!image) return;
    char *moved = relpath_move(image, old, new);
    if (strcmp(moved, image) != 0) {
        buf_t json = {0};
        buf_json_string(&json, moved, strlen(moved));
        items_splice(&in->text, "image", json.data);
        buf_free(&json);
    }
    free(moved);
}

records_t records_read(const char *path, const char *old, const char *new)
{
    records_t r = {.spool = open_spool()};
    items_t in = items_open(path);
    in_digest(&in.lines);
    progress_start("reading", "items", 0);
    while (items_next(&in)) {
        move_image(&in, old, new);
        buf_puts(&in.text, "\n");
        if (fwrite(in.text.data, 1, in.text.len, r.spool) != in.text.len)
            die_errno(EX_IOERR, "temporary file: write failed");
        progress_add(1);
    }
    progress_end();
    if (!in.ids.count) die_at(in.lines.name, 0, "holds no item, expected one JSON object a line");
    out_flush(r.spool, "temporary file");
    r.digest = in_digest_hex(&in.lines);
    r.ids = in.ids;
    in.ids = (strtab_t){0};
    items_close(&in);
    return r;
}

void records_write(const records_t *r, const bool *keep, out_t *out)
{
    char *line = NULL;
    size_t cap = 0;
    rewind(r->spool);
    for (int64_t i = 0; i < r->ids.count; i++) {
        errno = 0;
        ssize_t n = getline(&line, &cap, r->spool);
        if (n < 0) die_errno(EX_IOERR, "temporary file: read failed");
        if (keep[i]) out_write(out, line, (size_t)n);
    }
    free(line);
}

void records_free(records_t *r)
{
    strtab_free(&r->ids);
    if (r->spool) fclose(r->spool);
    free(r->digest);
    *r = (records_t){0};
}
