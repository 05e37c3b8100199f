/* The catalogue as the explorer has it. */
#ifndef SIDMILL_REPORT_LISTING_H
#define SIDMILL_REPORT_LISTING_H

#include "base/buf.h"
#include "report/files.h"
#include "report/shelf.h"
#include "report/users.h"

/* Appends the document catalogue/1 of the items that the shelf shows. */
void listing_add(buf_t *out, const report_files_t *files, const shelf_t *s, const users_t *users);

#endif
