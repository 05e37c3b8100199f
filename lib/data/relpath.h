/* Relative paths that stay right when the file that holds them moves to another folder. */
#ifndef SIDMILL_DATA_RELPATH_H
#define SIDMILL_DATA_RELPATH_H

#include <stdbool.h>
#include <stddef.h>

/* The folder that paths in the file `path` are relative to, absolute and without symbolic links: the file's own folder; the
 * working folder for standard streams (NULL or "-") and for devices and pipes. NULL if that folder does not exist. Caller
 * frees. */
char *relpath_folder(const char *path);

/* The way from one absolute folder to a file or folder: "", "../images", ... Caller frees. */
char *relpath_way(const char *from, const char *to);

/* `path`, relative to the folder `old`, made relative to the folder `new`; both as relpath_folder() gives them. Comes back as
 * it is where it is absolute or empty, or the folders are the same. Caller frees. */
char *relpath_move(const char *path, const char *old, const char *new);

/* True if two paths lead to one file, whether or not it is there yet, or are both a standard stream (NULL or "-"). Files in
 * /dev are never the same: /dev/null may be named twice. */
bool relpath_same(const char *a, const char *b);

#endif
