/* gzip by zlib: libarchive does not compare a member's checksum and length with what came out. */
#ifndef SIDMILL_NET_GUNZIP_H
#define SIDMILL_NET_GUNZIP_H

#include "base/in.h"

/* The unpacked bytes of one or more gzip members behind each other, zeros behind the last passed over. Takes `packed` over. */
byte_source_t *gunzip(byte_source_t *packed);

#endif
