/* How trainings went: their logs. */
#ifndef SIDMILL_REPORT_CURVES_H
#define SIDMILL_REPORT_CURVES_H

#include "base/buf.h"
#include "report/files.h"

/* Appends the array "curves" of report/1: the logs that are operands, then those that lie in folders of stages; the lines of a log as
 * they stand, of more than 1000 so many, evenly spaced, the last among them. A line that is no JSON object ends the process with
 * EX_DATAERR. */
void curves_add(buf_t *out, const report_files_t *files);

#endif
