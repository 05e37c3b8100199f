#include "vision/image_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static _Thread_local char why[256];

static const char *errno_text(void)
{
    snprintf(why, sizeof why, "the image cannot be read: %s", strerror(errno));
    return why;
}

static const char *too_large(size_t max)
{
    snprintf(why, sizeof why, "the image file is larger than %zu bytes", max);
    return why;
}

/* The size in stat() is a promise that a growing file or a strange file system need not keep. */
static const char *read_some(int fd, size_t max, buf_t *out)
{
    size_t total = 0;
    char bytes[1 << 16];
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno_text();
        if (n == 0) return NULL;
        total += (size_t)n;
        if (total > max) return too_large(max);
        buf_add(out, bytes, (size_t)n);
    }
}

static const char *read_regular(int fd, size_t max, buf_t *out)
{
    struct stat st;
    if (fstat(fd, &st)) return errno_text();
    if (S_ISDIR(st.st_mode)) return "the image is a folder, expected a file";
    if (!S_ISREG(st.st_mode)) return "the image is a pipe or device, expected a regular file";
    if (st.st_size > 0 && (size_t)st.st_size > max) return too_large(max);
    return read_some(fd, max, out);
}

const char *image_file_read(const char *folder, const char *path, size_t max, buf_t *out)
{
    bool joined = folder && *folder && path[0] != '/';
    char *full = joined ? xasprintf("%s/%s", folder, path) : xstrdup(path);
    int fd = open(full, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    free(full);
    if (fd < 0) return errno_text();
    const char *error = read_regular(fd, max, out);
    close(fd);
    return error;
}
