/* How codes are used. */
#ifndef SIDMILL_REPORT_CODEBOOK_H
#define SIDMILL_REPORT_CODEBOOK_H

#include "base/buf.h"
#include "data/sids.h"

/* Appends the object "codebook" of report/1. */
void codebook_add(buf_t *out, const sids_t *s);

#endif
