/* What was measured, and what it stands beside. */
#ifndef SIDMILL_REPORT_RESULTS_H
#define SIDMILL_REPORT_RESULTS_H

#include "base/buf.h"
#include "report/files.h"

/* Appends the object "results" of report/1: the systems of metrics.json files with their intervals, the means of those that differ by
 * their seed alone (NAME-1, NAME-2 ...), what others have published, and tables that are files of their own. */
void results_add(buf_t *out, const report_files_t *files);

#endif
