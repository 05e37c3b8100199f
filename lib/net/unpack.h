/* Packed input: compression and packaging are undone on the way in. What a file is, its first bytes say, not its name. */
#ifndef SIDMILL_NET_UNPACK_H
#define SIDMILL_NET_UNPACK_H

#include "base/in.h"

/* The unpacked bytes of `packed`, which is taken over; `packed` itself, in effect, where it is not packed. Compression: gzip
 * (also several members behind each other), zstd, xz, bzip2, lz4; packages: zip and tar, compressed or not, with one regular
 * file inside, or of several the one that `member` (NULL: none) names in full, or else the only one whose name it ends from a
 * slash on. (The first such waits in a temporary file until the rest of the package has been looked at.) The member's name is
 * appended to *name, which is for messages.
 *
 * Unpacking runs in a thread of its own, some buffers ahead, in constant memory. What is damaged, as far as the packing's
 * checksums tell, or cut off, or compressed data followed by bytes that do not belong there, is a failure of the source, at
 * the latest when the bytes before it have been read; and so is a package without a file, with several to choose from, or
 * without the member, and a member of what is no package. Not noticed is what happens behind a package's last file, where
 * zip has its directory and tar its padding, and that a tar package was cut between two files. */
byte_source_t *unpack(byte_source_t *packed, char **name, const char *member);

/* The names of the regular files in a zip or tar package, and in *count how many; NULL for a file that is none, and for what is no regular
 * file: it can be read only once. What is damaged ends the
 * process with EX_DATAERR. Caller frees each and all. */
char **unpack_names(const char *path, int *count);

/* in_lines() and in_bytes() with unpacking. A file that is not packed is read as fast as by those. */
lines_t in_lines_unpacked(const char *path, const char *member);
bytes_t in_bytes_unpacked(const char *path, const char *member);

#endif
