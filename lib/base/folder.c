#include "base/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"

void folder_make(const char *path, unsigned mode)
{
    if (!*path) die(EX_USAGE, "a folder's name is empty");
    char *part = xstrdup(path);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        (void)!mkdir(part, mode); /* what is missing shows below */
        *p = '/';
    }
    free(part);
    struct stat st;
    if (mkdir(path, mode) && errno != EEXIST) die_errno(EX_CANTCREAT, "%s", path);
    if (stat(path, &st)) die_errno(EX_CANTCREAT, "%s", path);
    if (!S_ISDIR(st.st_mode)) die(EX_CANTCREAT, "%s: is a file, expected a folder", path);
}

char *folder_cache(const char *instead)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *folder = cache && *cache == '/' ? xasprintf("%s/sidmill", cache)
                   : home && *home == '/' ? xasprintf("%s/.cache/sidmill", home) : NULL;
    if (!folder) die(EX_USAGE, "no $HOME for the cache: %s", instead);
    folder_make(folder, 0700);
    return folder;
}
