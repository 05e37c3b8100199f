#include "data/relpath.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"

static bool has_own_folder(const char *path)
{
    struct stat st;
    return path && strcmp(path, "-") != 0 && (stat(path, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

char *relpath_folder(const char *path)
{
    const char *slash = has_own_folder(path) ? strrchr(path, '/') : NULL;
    char *folder = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
    char *real = realpath(folder, NULL);
    free(folder);
    return real;
}

char *relpath_way(const char *from, const char *to)
{
    size_t shared = 0, i = 0;
    /* The longest common run of whole components; "/" counts as no component. */
    for (;; i++) {
        bool from_ends = !from[i] || from[i] == '/', to_ends = !to[i] || to[i] == '/';
        if (from_ends && to_ends) shared = i;
        if (!from[i] || from[i] != to[i]) break;
    }
    buf_t way = {0};
    buf_puts(&way, "");
    for (const char *c = from + shared; *c; c++)
        if (*c == '/' && c[1]) buf_puts(&way, way.len ? "/.." : "..");
    for (to += shared; *to == '/';) to++;
    if (*to && way.len) buf_puts(&way, "/");
    buf_puts(&way, to);
    return way.data;
}

/* Takes the last component off an absolute path; the root stays. The components are real folders, none a symbolic link, so
 * that this is what ".." means. */
static void pop_component(char *folder)
{
    char *slash = strrchr(folder, '/');
    *slash = '\0';
}

char *relpath_move(const char *path, const char *old, const char *new)
{
    if (!*path || *path == '/' || !strcmp(old, new)) return xstrdup(path);
    char *folder = xstrdup(strcmp(old, "/") ? old : "");
    while (!strncmp(path, "./", 2) || !strncmp(path, "../", 3)) {
        if (path[1] == '.' && *folder) pop_component(folder);
        path = strchr(path, '/');
        while (*path == '/') path++;
    }
    char *target = xasprintf("%s/%s", folder, path), *moved = relpath_way(new, target);
    free(folder);
    free(target);
    return moved;
}

/* Follows a path to where it leads, whether or not there is a file yet; NULL if nowhere. Caller frees. */
static char *resolve(const char *path)
{
    char *real = realpath(path, NULL);
    if (real) return real;
    char *folder = relpath_folder(path);
    const char *slash = strrchr(path, '/');
    if (folder) real = xasprintf("%s/%s", folder, slash ? slash + 1 : path);
    free(folder);
    return real;
}

static bool is_stream(const char *path) { return !path || !strcmp(path, "-"); }

bool relpath_same(const char *a, const char *b)
{
    if (is_stream(a) || is_stream(b)) return is_stream(a) && is_stream(b);
    if (!strncmp(a, "/dev/", 5)) return false;
    char *pa = resolve(a), *pb = resolve(b);
    bool same = pa && pb && !strcmp(pa, pb);
    free(pa);
    free(pb);
    return same;
}
