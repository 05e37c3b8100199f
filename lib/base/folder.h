/* Folders that tools make for themselves. */
#ifndef SIDMILL_BASE_FOLDER_H
#define SIDMILL_BASE_FOLDER_H

/* Makes the folder and those above it that are missing, with the given mode less the umask. Failure ends the process with
 * EX_CANTCREAT, an empty path with EX_USAGE. */
void folder_make(const char *path, unsigned mode);

/* The user's own cache, $XDG_CACHE_HOME/sidmill or ~/.cache/sidmill, made as needed, closed to others. Ends the process with
 * EX_USAGE where there is no home; `instead` then says which option helps. Caller frees. */
char *folder_cache(const char *instead);

#endif
