#include "ingest/picture_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/folder.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/sha256.h"

struct picture_store {
    char *folder, *index_path;
    int index;
    buf_t line;
};

static const char *const extensions[] = {"", "jpg", "png", "gif", "webp", "bmp", "avif", "tif"};

/* --- Kinds and names ------------------------------------------------------------------------------------------------- */

/* Recognises BMP by the length of its second header, because "BM" is the start of many a text. */
static bool is_bmp(const unsigned char *b, size_t n)
{
    static const unsigned char headers[] = {12, 40, 52, 56, 64, 108, 124};
    return n >= PICTURE_HEAD && !memcmp(b, "BM", 2) && memchr(headers, b[14], sizeof headers) && !b[15] && !b[16] && !b[17];
}

picture_store_kind_t picture_kind(const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    if (n >= 3 && !memcmp(b, "\xff\xd8\xff", 3)) return PICTURE_JPEG;
    if (n >= 8 && !memcmp(b, "\x89PNG\r\n\x1a\n", 8)) return PICTURE_PNG;
    if (n >= 6 && (!memcmp(b, "GIF87a", 6) || !memcmp(b, "GIF89a", 6))) return PICTURE_GIF;
    if (n >= 12 && (!memcmp(b + 4, "ftypavif", 8) || !memcmp(b + 4, "ftypavis", 8))) return PICTURE_AVIF;
    if (n >= 4 && (!memcmp(b, "II*\0", 4) || !memcmp(b, "MM\0*", 4))) return PICTURE_TIFF;
    if (n >= 12 && !memcmp(b, "RIFF", 4) && !memcmp(b + 8, "WEBP", 4)) return PICTURE_WEBP;
    return is_bmp(b, n) ? PICTURE_BMP : PICTURE_UNKNOWN;
}

void picture_name(const picture_store_file_t *file, char name[PICTURE_NAME])
{
    char *p = name + sprintf(name, "%02x/", file->hash[0]);
    for (size_t i = 0; i < sizeof file->hash; i++) p += sprintf(p, "%02x", file->hash[i]);
    sprintf(p, ".%s", extensions[file->kind]);
}

/* Reads such a name; false where the text is none. */
static bool parse_name(const char *name, picture_store_file_t *file)
{
    unsigned byte;
    if (strlen(name) < 37) return false;
    for (size_t i = 0; i < sizeof file->hash; i++) {
        if (sscanf(name + 3 + 2 * i, "%2x", &byte) != 1) return false;
        file->hash[i] = (unsigned char)byte;
    }
    char again[PICTURE_NAME];
    for (file->kind = PICTURE_JPEG; file->kind <= PICTURE_TIFF; file->kind++) {
        picture_name(file, again);
        if (!strcmp(again, name)) return true;
    }
    return false;
}

/* --- The folder ------------------------------------------------------------------------------------------------------ */

static void lock_store(picture_store_t *s)
{
    int failed = flock(s->index, LOCK_EX | LOCK_NB);
    if (failed && errno == EWOULDBLOCK) {
        note("waiting for another process that fetches pictures into %s", s->folder);
        while ((failed = flock(s->index, LOCK_EX)) && errno == EINTR) continue;
    }
    if (failed) die_errno(EX_IOERR, "%s: cannot lock", s->index_path);
}

/* Ends a line that was cut off, with the machine's power, so that the next does not become part of it. */
static void end_last_line(picture_store_t *s)
{
    char last = '\n';
    off_t end = lseek(s->index, 0, SEEK_END);
    if (end > 0 && pread(s->index, &last, 1, end - 1) != 1) die_errno(EX_IOERR, "%s", s->index_path);
    if (last != '\n' && write(s->index, "\n", 1) != 1) die_errno(EX_IOERR, "%s", s->index_path);
}

picture_store_t *picture_store_open(const char *folder)
{
    picture_store_t *s = NEW(picture_store_t);
    s->folder = xstrdup(folder);
    s->index_path = xasprintf("%s/index.tsv", folder);
    folder_make(folder, 0777);
    s->index = open(s->index_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (s->index < 0) die_errno(EX_CANTCREAT, "%s", s->index_path);
    lock_store(s);
    end_last_line(s);
    return s;
}

void picture_store_close(picture_store_t *s)
{
    if (!s) return;
    if (fsync(s->index) && errno != EINVAL) die_errno(EX_IOERR, "%s", s->index_path);
    close(s->index);
    free(s->folder);
    free(s->index_path);
    buf_free(&s->line);
    free(s);
}

/* --- Files ----------------------------------------------------------------------------------------------------------- */

static char *path_of(const picture_store_t *s, const picture_store_file_t *file)
{
    char name[PICTURE_NAME];
    picture_name(file, name);
    return xasprintf("%s/%s", s->folder, name);
}

static bool is_file(const char *path, int64_t bytes)
{
    struct stat st;
    return !stat(path, &st) && S_ISREG(st.st_mode) && st.st_size == bytes;
}

bool picture_store_has(const picture_store_t *s, const picture_store_file_t *file, int64_t bytes)
{
    char *path = path_of(s, file);
    bool has = is_file(path, bytes);
    free(path);
    return has;
}

static int create_in_folder(const char *path)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    int fd = open(path, flags, 0666);
    if (fd >= 0 || errno != ENOENT) return fd;
    char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    folder_make(folder, 0777);
    free(folder);
    return open(path, flags, 0666);
}

static void write_file(const char *path, const char *bytes, size_t n)
{
    int fd = create_in_folder(path);
    if (fd < 0) die_errno(EX_CANTCREAT, "%s", path);
    for (size_t at = 0; at < n;) {
        ssize_t wrote = write(fd, bytes + at, n - at);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) die_errno(EX_IOERR, "%s", path);
        at += (size_t)wrote;
    }
    if (close(fd)) die_errno(EX_IOERR, "%s", path);
}

bool picture_store_put(picture_store_t *s, const void *bytes, size_t n, picture_store_kind_t kind, picture_store_file_t *file)
{
    sha256_bytes(bytes, n, file->hash, sizeof file->hash);
    file->kind = kind;
    char *path = path_of(s, file);
    bool there = is_file(path, (int64_t)n);
    if (!there) {
        char *part = xasprintf("%s.part", path);
        write_file(part, bytes, n);
        if (rename(part, path)) die_errno(EX_CANTCREAT, "%s", path);
        free(part);
    }
    free(path);
    return there;
}

/* --- The index: "file NAME BYTES URL" or "failed REASON BYTES URL WHY", separated by tabs ---------------------------------- */

/* Cuts a line of the index into its fields, in place. */
static bool parse_line(char *text, picture_store_line_t *l)
{
    char *fields[5] = {0};
    for (int i = 0; i < 5 && text; i++) fields[i] = strsep(&text, "\t");
    if (!fields[3] || text) return false;
    char *end;
    errno = 0;
    long long bytes = strtoll(fields[2], &end, 10);
    if (errno || end == fields[2] || *end || bytes < 0) return false;
    *l = (picture_store_line_t){.url = fields[3], .url_len = strlen(fields[3]), .bytes = bytes,
                                .found = !strcmp(fields[0], "file")};
    if (l->found) return parse_name(fields[1], &l->file);
    l->reason = fields[1];
    l->why = fields[4];
    return !strcmp(fields[0], "failed") && l->why;
}

void picture_store_read(picture_store_t *s, void (*line)(void *ctx, const picture_store_line_t *line), void *ctx)
{
    lines_t lines = in_lines(s->index_path);
    picture_store_line_t l;
    while (in_next(&lines))
        if (strlen(lines.line) == lines.len && parse_line(lines.line, &l)) line(ctx, &l);
    in_close(&lines);
}

void picture_store_note(picture_store_t *s, const picture_store_line_t *l)
{
    char name[PICTURE_NAME];
    buf_clear(&s->line);
    if (l->found) picture_name(&l->file, name);
    buf_printf(&s->line, "%s\t%s\t%lld\t%.*s", l->found ? "file" : "failed", l->found ? name : l->reason, (long long)l->bytes,
               (int)l->url_len, l->url);
    if (!l->found) buf_printf(&s->line, "\t%s", l->why);
    for (size_t i = 0; i < s->line.len; i++)
        if (s->line.data[i] == '\n' || s->line.data[i] == '\r') s->line.data[i] = ' ';
    buf_puts(&s->line, "\n");
    ssize_t wrote = write(s->index, s->line.data, s->line.len);
    if (wrote != (ssize_t)s->line.len) die_errno(EX_IOERR, "%s", s->index_path);
}
