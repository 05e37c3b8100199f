/* What the items shown say of themselves. */
#ifndef SIDMILL_REPORT_RECORDS_H
#define SIDMILL_REPORT_RECORDS_H

#include "report/files.h"
#include "report/shelf.h"

typedef struct {
    bool known;
    char *title, *brand, *caption, *picture; /* the picture's path; NULL: there is none */
    char *categories, *intents;              /* arrays as JSON text; NULL: there is none */
} record_t;

/* The records of the items shown, [shelf.shown]. Files that tell of none of them end the process with EX_DATAERR. */
record_t *records_read(const report_files_t *files, const shelf_t *s);
void records_free(record_t *r, int64_t count);

#endif
