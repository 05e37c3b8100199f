#include "net/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/peek.h"
#include "base/read_ahead.h"
#include "base/spool.h"
#include "net/gunzip.h"

static const char no_package[] = "is no zip or tar package, but a file inside is asked for";

typedef enum { PLAIN, GZIP, FILTER, PACKAGE } packing_t;

static packing_t packing(const peek_t *p)
{
    static const struct { packing_t kind; size_t at, n; const char *bytes; } magic[] = {
        {GZIP, 0, 2, "\x1f\x8b"},         {FILTER, 0, 4, "\x28\xb5\x2f\xfd"},        /* zstd */
        {FILTER, 1, 3, "\x2a\x4d\x18"},   {FILTER, 0, 4, "\x04\x22\x4d\x18"},        /* zstd's skippable frame; lz4 */
        {FILTER, 0, 6, "\xfd" "7zXZ\0"},  {FILTER, 4, 6, "\x31\x41\x59\x26\x53\x59"}, /* xz; bzip2's first block ... */
        {FILTER, 4, 6, "\x17\x72\x45\x38\x50\x90"},                                  /* ... and its end, where it is empty */
        {PACKAGE, 0, 4, "PK\3\4"},        {PACKAGE, 0, 4, "PK\5\6"},   {PACKAGE, 257, 5, "ustar"},
    };
    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
        if (p->n >= magic[i].at + magic[i].n && !memcmp(p->first + magic[i].at, magic[i].bytes, magic[i].n))
            return magic[i].kind;
    return PLAIN;
}

/* What libarchive makes of a packed source. */
typedef struct {
    byte_source_t base, *packed;
    struct archive *archive;
    const char *member;
    bool raw, ended, failed;
    bool at_end;                /* behind the last header */
    FILE *aside;                /* the file that is read, where the others had to be looked at first */
    int64_t delivered;          /* packed bytes handed to libarchive */
    buf_t names, why;
    int files;                  /* regular ones met so far */
    int io_error;               /* errno of a failed read of the packed source */
    char in[1 << 16];
} unpack_t;

static la_ssize_t deliver(struct archive *a, void *ctx, const void **bytes)
{
    unpack_t *u = ctx;
    ssize_t n = u->packed->read(u->packed, u->in, sizeof u->in);
    if (n < 0 && !u->packed->why) u->io_error = errno;
    if (n < 0) archive_set_error(a, EIO, "%s", u->packed->why ? u->packed->why : strerror(errno));
    else u->delivered += n;
    *bytes = u->in;
    return n;
}

/* What libarchive says is wrong with the data. */
static const char *complaint(struct archive *a)
{
    const char *says = archive_error_string(a);
    return says && *says ? says : "there should be more of it";
}

/* Gives -1, with the reason: what the packed source says, else libarchive, else `why`. */
static ssize_t broken(unpack_t *u, const char *why)
{
    buf_clear(&u->why);
    if (why || u->packed->why) buf_puts(&u->why, u->packed->why ? u->packed->why : why);
    else buf_printf(&u->why, "the packed data is damaged or cut off: %s", complaint(u->archive));
    u->base.why = u->io_error ? NULL : u->why.data;
    u->failed = true;
    errno = u->io_error;
    return -1;
}

/* Keeps messages to one line. */
static void blank_controls(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f) *s = '?';
}

static const char *entry_name(struct archive_entry *e)
{
    const char *name = archive_entry_pathname_utf8(e);
    if (!name) name = archive_entry_pathname(e);
    return name ? name : "";
}

/* True if the name ends in the one asked for, from a slash on. */
static bool ends_in_member(const unpack_t *u, const char *name)
{
    size_t n = strlen(name), len = strlen(u->member);
    return n > len && !strcmp(name + n - len, u->member) && name[n - len - 1] == '/';
}

/* Appends a name to those of `count` files. */
static void list_name(buf_t *names, int count, const char *name)
{
    enum { LISTED = 10 };
    if (count < LISTED) buf_printf(names, "%s%s", names->len ? ", " : "", name);
    else if (count == LISTED) buf_puts(names, ", ...");
    if (names->len) blank_controls(names->data);
}

/* Passes over all but regular files, and those in which macOS keeps a file's attributes. */
static bool counts(struct archive_entry *e)
{
    const char *name = entry_name(e), *slash = strrchr(name, '/');
    return archive_entry_filetype(e) == AE_IFREG && strncmp(slash ? slash + 1 : name, "._", 2) != 0;
}

/* The next regular file of the package: 1; 0 at the end, -1. */
static int next_file(unpack_t *u, struct archive_entry **e)
{
    while (!u->at_end) {
        int r = archive_read_next_header(u->archive, e);
        u->at_end = r == ARCHIVE_EOF;
        if (u->at_end) break;
        if (r < ARCHIVE_WARN) return (int)broken(u, NULL);
        u->raw = archive_format(u->archive) == ARCHIVE_FORMAT_RAW;
        if (u->raw && u->member) return (int)broken(u, no_package);
        if (u->raw) return 1;
        if (!counts(*e)) continue;
        list_name(&u->names, u->files++, entry_name(*e));
        return 1;
    }
    return 0;
}

/* broken() with a reason that is freed. */
static ssize_t refuse(unpack_t *u, char *why)
{
    ssize_t r = broken(u, why);
    free(why);
    return r;
}

/* What must hold behind the last byte: no other file to choose from, no packed bytes left. Gives 0 or -1. */
static ssize_t finish(unpack_t *u)
{
    struct archive_entry *e;
    int r = 0;
    bool again = false;
    u->ended = true;
    while (!u->raw && (r = next_file(u, &e)) > 0) again |= u->member && !strcmp(entry_name(e), u->member);
    if (r < 0) return -1;
    if (again) return refuse(u, xasprintf("more than one file %s inside, expected one", u->member));
    if (u->files > 1 && !u->member)
        return refuse(u, xasprintf("%d files inside, expected one, or one chosen by name, of: %s", u->files, u->names.data));
    ssize_t n;
    bool more = archive_filter_bytes(u->archive, -1) < u->delivered;
    while ((n = u->packed->read(u->packed, u->in, sizeof u->in)) > 0) more = true;
    if (n < 0 && !u->packed->why) u->io_error = errno;
    if (n < 0 || (u->raw && more)) return broken(u, "bytes behind the packed data that do not belong to it");
    return 0;
}

/* What a package without the file that is asked for gets. Gives -1. */
static ssize_t no_file(unpack_t *u)
{
    if (!u->files) return broken(u, "no file inside, expected one");
    return refuse(u, xasprintf("no file %s inside, expected one of: %s", u->member, u->names.data));
}

static void append_name(char **name, const char *entry)
{
    char *longer = xasprintf("%s:%s", *name, entry);
    blank_controls(longer);
    free(*name);
    *name = longer;
}

/* Puts the current file aside: whether it is meant the rest of the package tells. */
static void set_aside(unpack_t *u)
{
    char part[1 << 14];
    la_ssize_t got;
    u->aside = spool_file();
    while ((got = archive_read_data(u->archive, part, sizeof part)) > 0 || got == ARCHIVE_RETRY)
        if (got > 0 && fwrite(part, 1, (size_t)got, u->aside) != (size_t)got)
            die_errno(EX_IOERR, "temporary file: write failed");
    if (fflush(u->aside)) die_errno(EX_IOERR, "temporary file: write failed");
    rewind(u->aside);
    if (got < 0) broken(u, NULL);
}

/* Goes to the file that has the name asked for, or else is the only one whose name ends in it. */
static void find_member(unpack_t *u, char **name)
{
    struct archive_entry *e;
    buf_t alike = {0};
    int count = 0;
    bool exact = false;
    while (!u->failed && !exact && next_file(u, &e) > 0) {
        exact = !strcmp(entry_name(e), u->member);
        if (exact || !ends_in_member(u, entry_name(e))) continue;
        list_name(&alike, count++, entry_name(e));
        if (count == 1) set_aside(u);
    }
    if (exact && u->aside) {
        fclose(u->aside);
        u->aside = NULL;
    }
    if (exact) append_name(name, u->member);
    else if (!u->failed && !count) no_file(u);
    else if (!u->failed && count > 1)
        refuse(u, xasprintf("%d files %s inside, expected the whole name of one: %s", count, u->member, alike.data));
    else if (!u->failed) append_name(name, alike.data), finish(u);
    buf_free(&alike);
}

/* Goes to the file that is asked for and appends its name to *name. */
static void find_file(unpack_t *u, char **name)
{
    struct archive_entry *e;
    if (u->member) {
        find_member(u, name);
        return;
    }
    int r = next_file(u, &e);
    if (r > 0 && !u->raw) append_name(name, entry_name(e));
    if (r) return;
    u->raw = u->ended = archive_format(u->archive) == ARCHIVE_FORMAT_EMPTY; /* what is compressed may be nothing */
    if (!u->raw) no_file(u);
    else finish(u);
}

static ssize_t read_aside(unpack_t *u, void *to, size_t n)
{
    size_t got = fread(to, 1, n, u->aside);
    if (got || !ferror(u->aside)) return (ssize_t)got;
    u->io_error = errno;
    return broken(u, NULL);
}

static ssize_t unpack_read(byte_source_t *s, void *to, size_t n)
{
    unpack_t *u = (unpack_t *)s;
    errno = u->io_error;
    if (u->failed) return -1;
    if (u->aside) return read_aside(u, to, n);
    if (u->ended) return 0;
    la_ssize_t got;
    do got = archive_read_data(u->archive, to, n);
    while (got == ARCHIVE_RETRY);
    if (got < 0) return broken(u, NULL);
    return got > 0 ? got : finish(u);
}

static void unpack_close(byte_source_t *s)
{
    unpack_t *u = (unpack_t *)s;
    archive_read_free(u->archive);
    if (u->aside) fclose(u->aside);
    u->packed->close(u->packed);
    buf_free(&u->names);
    buf_free(&u->why);
    free(u);
}

static byte_source_t *open_archive(byte_source_t *packed, packing_t kind, char **name, const char *member)
{
    unpack_t *u = NEW(unpack_t);
    u->base = (byte_source_t){.read = unpack_read, .close = unpack_close};
    u->packed = packed;
    u->member = member;
    struct archive *a = u->archive = archive_read_new();
    if (!a) die(EX_OSERR, "out of memory");
    archive_read_support_format_tar(a);
    if (kind == PACKAGE) {
        archive_read_support_format_zip_streamable(a);
    } else {
        archive_read_support_filter_zstd(a);
        archive_read_support_filter_xz(a);
        archive_read_support_filter_bzip2(a);
        archive_read_support_filter_lz4(a);
        archive_read_support_format_raw(a);
        archive_read_support_format_empty(a);
    }
    int r = archive_read_open(a, u, NULL, deliver, NULL);
    bool unknown = kind == FILTER && archive_filter_code(a, 0) == ARCHIVE_FILTER_NONE;
    /* libarchive takes compressed data of which nothing can be unpacked for an empty file, but says what happened. */
    if (r != ARCHIVE_OK || archive_errno(a) || unknown) broken(u, NULL);
    else find_file(u, name);
    return &u->base;
}

byte_source_t *unpack(byte_source_t *packed, char **name, const char *member)
{
    peek_t *p = peek(packed);
    packing_t kind = packing(p);
    bool plain = kind == PLAIN;
    if (kind == GZIP) {
        p = peek(gunzip(&p->base));
        kind = packing(p) == PACKAGE ? PACKAGE : PLAIN;
    }
    byte_source_t *s = &p->base;
    p->refused = kind == PLAIN && member;
    if (p->refused) s->why = no_package;
    if (kind != PLAIN) s = open_archive(s, kind, name, member);
    return plain ? s : read_ahead(s);
}

lines_t in_lines_unpacked(const char *path, const char *member)
{
    char *name = in_name(path);
    byte_source_t *s = unpack(in_source(path), &name, member);
    return in_lines_from(s, name);
}

bytes_t in_bytes_unpacked(const char *path, const char *member)
{
    char *name = in_name(path);
    byte_source_t *s = unpack(in_source(path), &name, member);
    return in_bytes_from(s, name);
}

char **unpack_names(const char *path, int *count)
{
    struct stat st;
    *count = 0;
    if (stat(path, &st) || !S_ISREG(st.st_mode)) return NULL;
    peek_t *p = peek(in_source(path));
    const bool package = packing(p) == PACKAGE;
    p->base.close(&p->base);
    if (!package) return NULL;
    struct archive *a = archive_read_new();
    struct archive_entry *e;
    int cap = 1, r;
    char **names = NEW_ARRAY(char *, cap);
    if (!a) die(EX_OSERR, "out of memory");
    archive_read_support_format_tar(a);
    archive_read_support_format_zip(a);
    r = archive_read_open_filename(a, path, 1 << 16);
    while (r >= ARCHIVE_WARN && (r = archive_read_next_header(a, &e)) >= ARCHIVE_WARN && r != ARCHIVE_EOF) {
        if (!counts(e)) continue;
        GROW(names, *count, cap);
        names[(*count)++] = xstrdup(entry_name(e));
    }
    if (r != ARCHIVE_EOF) die_at(path, 0, "the packed data is damaged or cut off: %s", complaint(a));
    archive_read_free(a);
    return names;
}
