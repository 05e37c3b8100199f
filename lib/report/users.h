/* Users as examples: what was asked, how the answer came about, and where the held-out item stands. */
#ifndef SIDMILL_REPORT_USERS_H
#define SIDMILL_REPORT_USERS_H

#include <stdint.h>

#include "base/buf.h"
#include "report/shelf.h"

typedef struct {
    int64_t count;
    buf_t json;        /* the elements of the array "users" of catalogue/1 */
    int64_t *rows;     /* [row_count] the items that they name, user by user; an item may repeat */
    int64_t row_count, row_cap;
} users_t;

/* Reads lines of recommend --users (path NULL: none). A line that is wrong, or a history or held-out item of another catalogue than the
 * shelf's, ends the process with EX_DATAERR. */
users_t users_read(const char *path, const shelf_t *s);
void users_free(users_t *u);

#endif
