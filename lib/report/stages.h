/* The experiment as a graph, read off its folders. */
#ifndef SIDMILL_REPORT_STAGES_H
#define SIDMILL_REPORT_STAGES_H

#include "base/buf.h"
#include "report/files.h"

/* Appends the array "stages" of report/1. Of a folder that pipelines/stage has made, the file `args` holds the command, in which the
 * folders of its inputs are named, `seconds` the time and `memory` the KiB that it took; of one that it has begun there is FOLDER.part.
 * A number that is none ends the process with EX_DATAERR. */
void stages_add(buf_t *out, const report_files_t *files);

#endif
