#include "base/out.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/ranks.h"

enum { MAX_OPEN = 16 };

struct out {
    FILE *file;
    char *path, *temp; /* NULL for stdout */
};

/* Names only, in fixed slots: read by the signal handler. */
static char *volatile unfinished[MAX_OPEN];

static void remember(char *temp)
{
    err_before_exit(out_discard_all);
    for (int i = 0; i < MAX_OPEN; i++)
        if (!unfinished[i]) {
            unfinished[i] = temp;
            return;
        }
    die(EX_SOFTWARE, "too many output files at once");
}

static void forget(const char *temp)
{
    for (int i = 0; i < MAX_OPEN; i++)
        if (unfinished[i] == temp) unfinished[i] = NULL;
}

void out_discard_all(void)
{
    for (int i = 0; i < MAX_OPEN; i++)
        if (unfinished[i]) unlink(unfinished[i]);
}

void out_disown_all(void)
{
    for (int i = 0; i < MAX_OPEN; i++) unfinished[i] = NULL;
}

static void on_signal(int sig)
{
    out_discard_all();
    signal(sig, SIG_DFL);
    raise(sig);
}

void out_catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction old;
        /* What the parent chose to ignore (nohup) stays ignored. */
        if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN) signal(signals[i], on_signal);
    }
}

static mode_t creation_mode(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* A stream, device or pipe cannot be renamed onto: such targets are written in place. A folder is refused. */
static bool is_special(const char *path)
{
    struct stat st;
    if (stat(path, &st)) return false;
    if (S_ISDIR(st.st_mode)) die(EX_CANTCREAT, "%s: is a folder, expected a file", path);
    return !S_ISREG(st.st_mode);
}

static out_t *open_path(const char *path, bool binary)
{
    out_t *o = NEW(out_t);
    if (!path || !strcmp(path, "-")) {
        if (binary && isatty(STDOUT_FILENO)) die(EX_USAGE, "will not write binary data to a terminal; use -o FILE or a pipe");
        o->file = stdout;
        return o;
    }
    o->path = xstrdup(path);
    if (is_special(path)) {
        o->file = fopen(path, "wb");
        if (!o->file) die_errno(EX_CANTCREAT, "%s", path);
        return o;
    }
    o->temp = xasprintf("%s.XXXXXX", path);
    int fd = mkstemp(o->temp);
    if (fd < 0) die_errno(EX_CANTCREAT, "%s", path);
    remember(o->temp);
    if (fchmod(fd, creation_mode())) die_errno(EX_CANTCREAT, "%s", path);
    o->file = fdopen(fd, "wb");
    if (!o->file) die_errno(EX_CANTCREAT, "%s", path);
    return o;
}

out_t *out_open(const char *path, bool binary) { return open_path(ranks_self() ? "/dev/null" : path, binary); }

bool out_check(const char *path, bool binary)
{
    if (path && strcmp(path, "-") && is_special(path)) {
        if (access(path, W_OK)) die_errno(EX_CANTCREAT, "%s", path); /* opening a pipe would wait for its reader */
        return false;
    }
    out_t *o = open_path(path, binary);
    const bool file = o->temp;
    if (file) {
        fclose(o->file);
        unlink(o->temp);
        forget(o->temp);
    }
    free(o->temp);
    free(o->path);
    free(o);
    return file;
}

FILE *out_file(out_t *o) { return o->file; }
const char *out_name(const out_t *o) { return o->path ? o->path : "standard output"; }

void out_write(out_t *o, const void *bytes, size_t n)
{
    if (n && fwrite(bytes, 1, n, o->file) != n) die_errno(EX_IOERR, "%s: write failed", out_name(o));
}

void out_flush(FILE *f, const char *name)
{
    if (fflush(f) || ferror(f)) die_errno(EX_IOERR, "%s: write failed", name);
}

static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    if (fd >= 0) {
        (void)!fsync(fd); /* some file systems refuse this for folders; the file itself is synced */
        close(fd);
    }
    free(folder);
}

void out_prepare(out_t *o)
{
    out_flush(o->file, out_name(o));
    if (o->temp && fsync(fileno(o->file))) die_errno(EX_IOERR, "%s: write failed", o->path);
}

void out_commit(out_t *o)
{
    out_prepare(o);
    if (o->temp) {
        if (fclose(o->file)) die_errno(EX_IOERR, "%s: write failed", o->path);
        if (rename(o->temp, o->path)) die_errno(EX_CANTCREAT, "%s", o->path);
        forget(o->temp);
        sync_folder(o->path);
    } else if (o->path && fclose(o->file)) {
        die_errno(EX_IOERR, "%s: write failed", o->path);
    }
    free(o->temp);
    free(o->path);
    free(o);
}

void out_whole(const char *path, const void *bytes, size_t n)
{
    out_t *o = out_open(path, false);
    out_write(o, bytes, n);
    out_commit(o);
}
