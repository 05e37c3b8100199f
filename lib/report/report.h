/* An experiment as a page: two documents, one small, one with the catalogue. */
#ifndef SIDMILL_REPORT_REPORT_H
#define SIDMILL_REPORT_REPORT_H

#include "base/buf.h"
#include "report/files.h"

typedef struct {
    char *title;
    buf_t report;    /* report/1, a JSON object on one line */
    buf_t catalogue; /* catalogue/1, likewise; empty where no file names items */
} report_t;

/* Gathers what the files say. What is wrong in one of them, or does not agree with another, ends the process with EX_DATAERR. */
report_t report_make(const report_files_t *files);
void report_free(report_t *r);

#endif
