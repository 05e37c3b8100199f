/* Small pictures of items, decoded in sandboxed workers (vision/sandbox.h). */
#ifndef SIDMILL_REPORT_THUMBNAILS_H
#define SIDMILL_REPORT_THUMBNAILS_H

#include "base/buf.h"
#include "report/records.h"

enum { THUMBNAIL_SIDE = 96 /* pixels of the longer side */, THUMBNAILS_MOST = 16 << 20 /* bytes of all together */ };

/* Appends the array "pictures" of catalogue/1: JPEGs as data: URLs, in the items' order as long as there is room; null where there is
 * none. Says how many could not be decoded or found no room. */
void thumbnails_add(buf_t *out, const record_t *records, int64_t count);

#endif
